/* Archives.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/fetch.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <ufmlab/io.h>

enum { READ_BLOCK = 1 << 18 };

typedef struct {
    const char *path, *directory;
    struct archive *in, *out;
    int64_t size; /* of the archive */
    ufm_data_progress *progress;
    void *context;
    ufm_error *error;
} unpacking;

/* Relative, without a component "..". */
static bool stays_inside(const char *name)
{
    if (name[0] == '/' || name[0] == '\0') return false;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return false;
    return true;
}

static ufm_status fail_archive(const unpacking *u, struct archive *which)
{
    const char *reason = archive_error_string(which);
    return ufm_fail(u->error, which == u->in ? UFM_ERROR_INPUT : UFM_ERROR_IO,
                    "%s: cannot be unpacked: %.200s", ufm_shown_path(u->path), reason ? reason : "damaged");
}

static ufm_status copy_content(const unpacking *u)
{
    const void *block;
    size_t size;
    la_int64_t offset;
    for (;;) {
        const int code = archive_read_data_block(u->in, &block, &size, &offset);
        if (code == ARCHIVE_EOF) return UFM_OK;
        if (code != ARCHIVE_OK) return fail_archive(u, u->in);
        if (archive_write_data_block(u->out, block, size, offset) != ARCHIVE_OK)
            return fail_archive(u, u->out);
        const double done = u->size > 0 ? (double)archive_filter_bytes(u->in, -1) / (double)u->size : 0;
        if (u->progress && !u->progress(u->context, done, "unpacking"))
            return ufm_fail(u->error, UFM_ERROR_CANCELLED, "interrupted; nothing was put in place");
    }
}

static ufm_status unpack_entry(const unpacking *u, struct archive_entry *entry)
{
    char target[PATH_MAX];
    const char *name = archive_entry_pathname(entry);
    const bool file = archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry);
    if (!name || !stays_inside(name) || (!file && archive_entry_filetype(entry) != AE_IFDIR))
        return ufm_fail(u->error, UFM_ERROR_INPUT,
                        "%s: holds '%.100s', which is a link or leaves the directory",
                        ufm_shown_path(u->path), name ? name : "");
    const int length = snprintf(target, sizeof target, "%s/%s", u->directory, name);
    if (length < 0 || length >= PATH_MAX)
        return ufm_fail(u->error, UFM_ERROR_INPUT, "%s: holds a name that is too long",
                        ufm_shown_path(u->path));
    archive_entry_set_pathname(entry, target);
    archive_entry_set_perm(entry, file ? 0644 : 0755);
    if (archive_write_header(u->out, entry) != ARCHIVE_OK) return fail_archive(u, u->out);
    ufm_status status = file ? copy_content(u) : UFM_OK;
    if (archive_write_finish_entry(u->out) != ARCHIVE_OK && status == UFM_OK)
        status = fail_archive(u, u->out);
    return status;
}

static ufm_status unpack_all(const unpacking *u)
{
    struct archive_entry *entry;
    archive_read_support_filter_all(u->in);
    archive_read_support_format_tar(u->in);
    archive_read_support_format_zip(u->in);
    if (archive_read_open_filename(u->in, u->path, READ_BLOCK) != ARCHIVE_OK) return fail_archive(u, u->in);
    for (;;) {
        const int code = archive_read_next_header(u->in, &entry);
        if (code == ARCHIVE_EOF) return UFM_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return fail_archive(u, u->in);
        const ufm_status status = unpack_entry(u, entry);
        if (status != UFM_OK) return status;
    }
}

ufm_status ufm_data_unpack(const char *archive, const char *directory, ufm_data_progress *progress,
                           void *context, ufm_error *error)
{
    struct stat there;
    const unpacking u = {archive,
                         directory,
                         archive_read_new(),
                         archive_write_disk_new(),
                         stat(archive, &there) == 0 ? (int64_t)there.st_size : 0,
                         progress,
                         context,
                         error};
    const ufm_status status =
        u.in && u.out ? unpack_all(&u) : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to unpack");
    if (u.in) archive_read_free(u.in);
    if (u.out) archive_write_free(u.out);
    return status;
}
