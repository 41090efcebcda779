#include "replace.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { SHOWN_PATH = 200, LINKS_MAX = 40, NAMES_TRIED = 100 };
#define TEMPORARY ".ufmlab-" /* and 16 digits, and ".tmp" */

const char *ufm_shown_path(const char *path)
{
    const size_t length = strlen(path);
    return path + (length > SHOWN_PATH ? length - SHOWN_PATH : 0);
}

static const char *remedy(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return "free some space or choose a directory on another disk";
    case EFBIG:
        return "raise the limit on file sizes (ulimit -f) or choose another file system";
    case ENOENT:
    case ENOTDIR:
        return "choose a directory that exists";
    case EISDIR:
        return "give the name of a file";
    case ELOOP:
        return "remove the loop of symbolic links";
    case ENAMETOOLONG:
        return "choose a shorter name";
    default:
        return "choose a writable directory";
    }
}

ufm_status ufm_fail_path(ufm_error *error, const char *path, int number)
{
    return ufm_fail(error, UFM_ERROR_IO, "%s: %s; %s", ufm_shown_path(path), strerror(number),
                    remedy(number));
}

static ufm_status fail_memory(ufm_error *error, const char *path)
{
    return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
}

/* `leaf` in the directory that holds `path`; NULL when memory is out. */
static char *beside(const char *path, const char *leaf)
{
    const char *slash = strrchr(path, '/');
    const size_t head = slash ? (size_t)(slash - path) + 1 : 0;
    const size_t tail = strlen(leaf) + 1;
    char *joined = ufm_alloc((int64_t)(head + tail), 1);
    if (!joined) return NULL;
    memcpy(joined, path, head);
    memcpy(joined + head, leaf, tail);
    return joined;
}

/* The links of /proc/self/fd name what a descriptor had open, but must not be replaced by that name: standard
 * output would then go on into a file that nobody sees. */
static bool is_descriptor_link(const char *path)
{
    struct statfs system;
    char *directory = beside(path, ".");
    const bool is = directory && statfs(directory, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
    ufm_free(directory);
    return is;
}

/* Replaces *name by what the symbolic link *name points to. */
static ufm_status follow(char **name, const char *path, ufm_error *error)
{
    char link[PATH_MAX];
    const ssize_t length = readlink(*name, link, sizeof link - 1);
    if (length < 0) return ufm_fail_path(error, path, errno);
    link[length] = '\0';
    char *next = link[0] == '/' ? ufm_strdup(link) : beside(*name, link);
    if (!next) return fail_memory(error, path);
    ufm_free(*name);
    *name = next;
    return UFM_OK;
}

/* Sets `target`, also behind dangling links. */
static ufm_status resolve(ufm_replacement *file, bool *direct, ufm_error *error)
{
    file->target = ufm_strdup(file->path);
    if (!file->target) return fail_memory(error, file->path);
    struct stat kind;
    for (int links = 0; lstat(file->target, &kind) == 0 && S_ISLNK(kind.st_mode); links++) {
        if (links == LINKS_MAX) return ufm_fail_path(error, file->path, ELOOP);
        if (is_descriptor_link(file->target)) {
            *direct = true;
            return UFM_OK;
        }
        const ufm_status status = follow(&file->target, file->path, error);
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

/* Names the target; *mode gets the permissions of the file that is there, -1 when there is none. */
static ufm_status prepare(ufm_replacement *file, const char *path, bool *direct, int *mode, ufm_error *error)
{
    *file = (ufm_replacement){.fd = -1};
    *direct = false;
    *mode = -1;
    if (!*path) return ufm_fail_path(error, "(empty name)", EISDIR);
    file->path = ufm_strdup(path);
    if (!file->path) return fail_memory(error, path);
    const ufm_status status = resolve(file, direct, error);
    if (status != UFM_OK) return status;
    struct stat there;
    if (stat(file->target, &there) != 0) return errno == ENOENT ? UFM_OK : ufm_fail_path(error, path, errno);
    if (S_ISDIR(there.st_mode)) return ufm_fail_path(error, path, EISDIR);
    if (faccessat(AT_FDCWD, file->target, W_OK, AT_EACCESS) != 0) return ufm_fail_path(error, path, errno);
    if (!S_ISREG(there.st_mode)) *direct = true;
    *mode = (int)(there.st_mode & 0777);
    return UFM_OK;
}

/* A new file is created with the permissions that the umask leaves; one that is replaced keeps its own. */
static ufm_status create_temporary(ufm_replacement *file, int mode, ufm_error *error)
{
    for (int i = 0; i < NAMES_TRIED; i++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return ufm_fail_path(error, file->path, errno);
        char leaf[64];
        snprintf(leaf, sizeof leaf, TEMPORARY "%016llx.tmp", (unsigned long long)random);
        char *name = beside(file->target, leaf);
        if (!name) return fail_memory(error, file->path);
        file->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd >= 0) {
            file->temporary = name;
            if (mode >= 0 && fchmod(file->fd, (mode_t)mode) != 0)
                return ufm_fail_path(error, file->path, errno);
            return UFM_OK;
        }
        ufm_free(name);
        if (errno != EEXIST) break;
    }
    return ufm_fail_path(error, file->path, errno);
}

ufm_status ufm_replacement_open(ufm_replacement *file, const char *path, bool regular_only, ufm_error *error)
{
    bool direct;
    int mode;
    ufm_status status = prepare(file, path, &direct, &mode, error);
    if (status != UFM_OK) goto cleanup;
    if (direct && regular_only) {
        status = ufm_fail(error, UFM_ERROR_IO,
                          "%s: is a device or a pipe, where such a file cannot be written; give the name of "
                          "a regular file",
                          ufm_shown_path(path));
    } else if (direct) {
        file->fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
        if (file->fd < 0) status = ufm_fail_path(error, path, errno);
    } else {
        status = create_temporary(file, mode, error);
    }
cleanup:
    if (status != UFM_OK) ufm_replacement_drop(file);
    return status;
}

ufm_status ufm_replacement_check(const char *path, ufm_error *error)
{
    ufm_replacement file;
    bool direct;
    int mode;
    ufm_status status = prepare(&file, path, &direct, &mode, error);
    if (status == UFM_OK && !direct) status = create_temporary(&file, mode, error);
    ufm_replacement_drop(&file);
    return status;
}

/* So that the rename itself survives a power failure; file systems that cannot do it do not matter. */
static void sync_directory(const ufm_replacement *file)
{
    char *directory = beside(file->target, ".");
    const int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    ufm_free(directory);
}

ufm_status ufm_replacement_publish(ufm_replacement *file, ufm_error *error)
{
    ufm_status status = UFM_OK;
    if (file->temporary && fsync(file->fd) != 0 && errno != EINVAL) {
        status = ufm_fail_path(error, file->path, errno);
        goto cleanup;
    }
    const int closed = close(file->fd);
    file->fd = -1;
    if (closed != 0) {
        status = ufm_fail_path(error, file->path, errno);
        goto cleanup;
    }
    if (!file->temporary) goto cleanup;
    if (rename(file->temporary, file->target) != 0) {
        status = ufm_fail_path(error, file->path, errno);
        goto cleanup;
    }
    ufm_free(file->temporary);
    file->temporary = NULL;
    sync_directory(file);
cleanup:
    ufm_replacement_drop(file);
    return status;
}

void ufm_replacement_drop(ufm_replacement *file)
{
    if (file->fd >= 0 && file->path) close(file->fd);
    if (file->temporary) unlink(file->temporary);
    ufm_free(file->temporary);
    ufm_free(file->target);
    ufm_free(file->path);
    *file = (ufm_replacement){.fd = -1};
}

void ufm_output_sweep(const char *directory)
{
    const size_t length = sizeof TEMPORARY - 1 + 16;
    DIR *stream = opendir(directory);
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        const char *name = entry->d_name;
        if (strncmp(name, TEMPORARY, sizeof TEMPORARY - 1) == 0 && strlen(name) == length + 4 &&
            strspn(name + sizeof TEMPORARY - 1, "0123456789abcdef") == 16 &&
            strcmp(name + length, ".tmp") == 0)
            (void)unlinkat(dirfd(stream), name, 0);
    }
    if (stream) closedir(stream);
}
