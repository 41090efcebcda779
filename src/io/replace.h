/* A file that is replaced as a whole: written under a temporary name beside it, then renamed. */
#ifndef UFMLAB_IO_REPLACE_H
#define UFMLAB_IO_REPLACE_H

#include <ufmlab/base.h>

typedef struct {
    char *path;      /* as the user gave it, for messages */
    char *target;    /* behind symbolic links */
    char *temporary; /* NULL when the target is a device or a pipe, which is written directly */
    int fd;
} ufm_replacement;

/* Opens `fd` for writing. With `regular_only` a device or a pipe is refused. */
ufm_status ufm_replacement_open(ufm_replacement *file, const char *path, bool regular_only, ufm_error *error);
/* Flushes to the disk, renames, and releases everything, also on failure. */
ufm_status ufm_replacement_publish(ufm_replacement *file, ufm_error *error);
/* Removes the temporary file and releases everything; fine on a zeroed struct. */
void ufm_replacement_drop(ufm_replacement *file);
/* Tries what ufm_replacement_open would do, without leaving a trace. */
ufm_status ufm_replacement_check(const char *path, ufm_error *error);

/* UFM_ERROR_IO with `PATH: the text of the error number; what to do about it`. */
ufm_status ufm_fail_path(ufm_error *error, const char *path, int number);

#endif
