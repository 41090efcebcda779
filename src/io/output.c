/* Text output that appears only when it is complete. */
#include "replace.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

struct ufm_output {
    ufm_replacement file;
    FILE *stream;
    int failure; /* error number of the first write that failed, which stdio alone would forget */
};

static ssize_t write_some(void *cookie, const char *bytes, size_t size)
{
    ufm_output *output = cookie;
    size_t done = 0;
    while (done < size) {
        const ssize_t written = write(output->file.fd, bytes + done, size - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            if (output->failure == 0) output->failure = errno;
            return 0;
        }
        done += (size_t)written;
    }
    return (ssize_t)size;
}

ufm_status ufm_output_open(const char *path, ufm_output **output, ufm_error *error)
{
    *output = NULL;
    ufm_output *o = ufm_alloc(1, sizeof *o);
    if (!o) return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
    ufm_status status = ufm_replacement_open(&o->file, path, false, error);
    if (status != UFM_OK) goto cleanup;
    o->stream = fopencookie(o, "w", (cookie_io_functions_t){.write = write_some});
    if (!o->stream) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
        goto cleanup;
    }
    setvbuf(o->stream, NULL, _IOFBF, BUFFER);
cleanup:
    if (status == UFM_OK)
        *output = o;
    else
        ufm_output_abort(o);
    return status;
}

FILE *ufm_output_stream(ufm_output *output)
{
    return output->stream;
}

const char *ufm_output_path(const ufm_output *output)
{
    return output->file.path;
}

ufm_status ufm_output_commit(ufm_output *output, ufm_error *error)
{
    const bool failed = ferror(output->stream) != 0;
    const bool closed = fclose(output->stream) == 0;
    output->stream = NULL;
    ufm_status status;
    if (failed || !closed || output->failure != 0)
        status = ufm_fail_path(error, output->file.path, output->failure != 0 ? output->failure : EIO);
    else
        status = ufm_replacement_publish(&output->file, error);
    ufm_output_abort(output);
    return status;
}

void ufm_output_abort(ufm_output *output)
{
    if (!output) return;
    if (output->stream) fclose(output->stream);
    ufm_replacement_drop(&output->file);
    ufm_free(output);
}

ufm_status ufm_output_check(const char *path, ufm_error *error)
{
    return ufm_replacement_check(path, error);
}

static bool is_directory(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

ufm_status ufm_make_directory(const char *path, ufm_error *error)
{
    char *prefix = ufm_strdup(path);
    if (!prefix) return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
    ufm_status status = UFM_OK;
    const size_t length = strlen(path);
    if (length == 0) status = ufm_fail_path(error, "(empty name)", ENOENT);
    for (size_t i = 1; i <= length && status == UFM_OK; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        prefix[i] = '\0';
        /* Another program may create it between the two calls. */
        if (!is_directory(prefix) && mkdir(prefix, 0777) != 0 && !is_directory(prefix))
            status = errno == EEXIST ? ufm_fail(error, UFM_ERROR_IO,
                                                "%s: is a file, not a directory; choose another name",
                                                ufm_shown_path(prefix))
                                     : ufm_fail_path(error, prefix, errno);
        prefix[i] = path[i];
    }
    ufm_free(prefix);
    return status;
}

ufm_status ufm_claim_directory(const char *path, int *claim, ufm_error *error)
{
    *claim = -1;
    const ufm_status status = ufm_make_directory(path, error);
    if (status != UFM_OK) return status;
    const int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return ufm_fail_path(error, path, errno);
    if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(file);
        return ufm_fail(error, UFM_ERROR_IO,
                        "%s: another program is working there; wait for it or choose another directory",
                        ufm_shown_path(path));
    }
    *claim = file;
    return UFM_OK;
}

void ufm_release_directory(int claim)
{
    if (claim >= 0) close(claim);
}
