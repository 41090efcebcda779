/* HDF5 files: opening, publishing, errors. */
#include "h5.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libhdf5 is not built for threads: one at a time is inside. A process that forks leaves the child a library
 * at rest, and the lock open. */
static pthread_mutex_t library = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static void lock_library(void)
{
    pthread_mutex_lock(&library);
}

static void unlock_library(void)
{
    pthread_mutex_unlock(&library);
}

static void renew_lock(void)
{
    library = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}

static void attend_forks(void)
{
    pthread_atfork(lock_library, unlock_library, renew_lock);
}

ufm_h5_silence ufm_h5_silence_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, attend_forks);
    lock_library();
    ufm_h5_silence silence = {NULL, NULL};
    H5Eget_auto2(H5E_DEFAULT, &silence.function, &silence.context);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return silence;
}

void ufm_h5_silence_end(ufm_h5_silence silence)
{
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, silence.function, silence.context);
    unlock_library();
}

ufm_status ufm_h5_fail(ufm_h5 *file, ufm_error *error, const char *name, const char *format, ...)
{
    ufm_error message;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message.text, sizeof message.text, format, arguments);
    va_end(arguments);
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: data set \"%.60s\": %s", ufm_shown_path(file->target.path),
                    name, message.text);
}

ufm_status ufm_h5_fail_memory(ufm_h5 *file, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(file->target.path));
}

static ufm_h5 *new_file(const char *path, ufm_error *error)
{
    ufm_h5 *file = ufm_alloc(1, sizeof *file);
    if (!file) {
        ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
        return NULL;
    }
    file->file = H5I_INVALID_HID;
    file->driver = H5I_INVALID_HID;
    file->target.fd = -1;
    return file;
}

ufm_status ufm_h5_create(const char *path, ufm_h5 **file, ufm_error *error)
{
    *file = NULL;
    ufm_h5 *h5 = new_file(path, error);
    if (!h5) return UFM_ERROR_MEMORY;
    h5->writing = true;
    ufm_status status = ufm_replacement_open(&h5->target, path, true, error);
    if (status == UFM_OK) {
        const ufm_h5_silence silence = ufm_h5_silence_begin();
        h5->file = ufm_h5_driver_create(h5);
        if (h5->file < 0) status = ufm_h5_fail_memory(h5, error);
        ufm_h5_silence_end(silence);
    }
    if (status == UFM_OK)
        *file = h5;
    else
        ufm_h5_abort(h5);
    return status;
}

/* A pipe would block, a directory has no better message. */
static ufm_status check_kind(const char *path, ufm_error *error)
{
    struct stat there;
    if (stat(path, &there) != 0)
        return ufm_fail(error, UFM_ERROR_IO, "%s: %s; give an HDF5 file that can be read",
                        ufm_shown_path(path), strerror(errno));
    if (!S_ISREG(there.st_mode))
        return ufm_fail(error, UFM_ERROR_IO, "%s: is not a regular file; give the name of an HDF5 file",
                        ufm_shown_path(path));
    if (access(path, R_OK) != 0)
        return ufm_fail(error, UFM_ERROR_IO, "%s: %s; give an HDF5 file that can be read",
                        ufm_shown_path(path), strerror(errno));
    return UFM_OK;
}

ufm_status ufm_h5_open(const char *path, ufm_h5 **file, ufm_error *error)
{
    *file = NULL;
    ufm_status status = check_kind(path, error);
    if (status != UFM_OK) return status;
    ufm_h5 *h5 = new_file(path, error);
    if (!h5) return UFM_ERROR_MEMORY;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    h5->target.path = ufm_strdup(path);
    if (!h5->target.path) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
        goto cleanup;
    }
    h5->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (h5->file < 0)
        status = ufm_fail(error, UFM_ERROR_INPUT,
                          "%s: cannot be read as HDF5; give a complete HDF5 file (is it another format, "
                          "truncated, or still being written?)",
                          ufm_shown_path(path));
cleanup:
    ufm_h5_silence_end(silence);
    if (status == UFM_OK)
        *file = h5;
    else
        ufm_h5_abort(h5);
    return status;
}

ufm_status ufm_h5_commit(ufm_h5 *file, ufm_error *error)
{
    ufm_status status = UFM_OK;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    const herr_t closed = H5Fclose(file->file);
    file->file = H5I_INVALID_HID;
    ufm_h5_silence_end(silence);
    if (file->writing) {
        if (closed < 0 && file->failure == 0) file->failure = EIO;
        status = file->failure == 0 ? ufm_replacement_publish(&file->target, error)
                                    : ufm_fail_path(error, file->target.path, file->failure);
    }
    ufm_h5_abort(file);
    return status;
}

void ufm_h5_abort(ufm_h5 *file)
{
    if (!file) return;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    if (file->file >= 0) H5Fclose(file->file);
    if (file->driver >= 0) H5FDunregister(file->driver);
    ufm_h5_silence_end(silence);
    ufm_replacement_drop(&file->target);
    ufm_free(file);
}

bool ufm_h5_tile_next(ufm_h5_tile *tile, int64_t rows, int64_t cols)
{
    enum { SIDE = 1024 };
    if (rows == 0 || cols == 0) return false;
    int64_t height = rows < SIDE ? rows : SIDE;
    const int64_t width = cols < UFM_H5_TILE / height ? cols : UFM_H5_TILE / height;
    height = rows < UFM_H5_TILE / width ? rows : UFM_H5_TILE / width;
    if (tile->rows == 0) {
        *tile = (ufm_h5_tile){0};
    } else {
        tile->col += tile->cols;
        if (tile->col == cols) {
            tile->col = 0;
            tile->row += tile->rows;
        }
        if (tile->row == rows) return false;
    }
    tile->rows = height < rows - tile->row ? height : rows - tile->row;
    tile->cols = width < cols - tile->col ? width : cols - tile->col;
    return true;
}

bool ufm_h5_transfer(hid_t dataset, const ufm_h5_tile *tile, hid_t type, void *buffer, bool writing)
{
    const hsize_t start[2] = {(hsize_t)tile->row, (hsize_t)tile->col};
    const hsize_t count[2] = {(hsize_t)tile->rows, (hsize_t)tile->cols};
    const hsize_t total = count[0] * count[1];
    const hid_t space = H5Dget_space(dataset);
    const hid_t memory = H5Screate_simple(1, &total, NULL);
    bool ok = space >= 0 && memory >= 0 &&
              H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    if (ok && writing) ok = H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, buffer) >= 0;
    if (ok && !writing) ok = H5Dread(dataset, type, memory, space, H5P_DEFAULT, buffer) >= 0;
    if (space >= 0) H5Sclose(space);
    if (memory >= 0) H5Sclose(memory);
    return ok;
}

int64_t ufm_h5_strip(int64_t rows, int64_t cols)
{
    int64_t strip = cols > 0 ? UFM_H5_TILE / cols : 1;
    if (strip > rows) strip = rows;
    return strip > 0 ? strip : 1;
}
