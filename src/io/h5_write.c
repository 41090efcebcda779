/* HDF5 files: writing. */
#include "h5.h"
#include <errno.h>
#include <string.h>

/* What a data set is made of. */
typedef struct {
    hid_t type;
    int rank; /* 0: a scalar */
    hsize_t extents[2], chunk[2];
    bool deflated;
} layout;

/* The file can no longer be published, also when the caller overlooks the status. */
static ufm_status fail_write(ufm_h5 *file, ufm_error *error)
{
    if (file->failure == 0) file->failure = EIO;
    return ufm_fail_path(error, file->target.path, file->failure);
}

static ufm_status fail_memory(ufm_h5 *file, ufm_error *error)
{
    if (file->failure == 0) file->failure = ENOMEM;
    return ufm_h5_fail_memory(file, error);
}

static hid_t create_dataset(ufm_h5 *file, const char *name, const layout *shape)
{
    if (file->failure != 0) return H5I_INVALID_HID;
    const hid_t groups = H5Pcreate(H5P_LINK_CREATE), properties = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space =
        shape->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(shape->rank, shape->extents, NULL);
    hid_t dataset = H5I_INVALID_HID;
    bool ok = groups >= 0 && properties >= 0 && space >= 0 &&
              H5Pset_create_intermediate_group(groups, 1) >= 0 &&
              H5Pset_obj_track_times(properties, 0) >= 0; /* equal content makes equal files */
    if (ok && shape->deflated)
        ok = H5Pset_chunk(properties, shape->rank, shape->chunk) >= 0 && H5Pset_deflate(properties, 4) >= 0;
    if (ok) dataset = H5Dcreate2(file->file, name, shape->type, space, groups, properties, H5P_DEFAULT);
    if (space >= 0) H5Sclose(space);
    if (properties >= 0) H5Pclose(properties);
    if (groups >= 0) H5Pclose(groups);
    return dataset;
}

static ufm_status close_dataset(ufm_h5 *file, hid_t dataset, ufm_status status, ufm_error *error)
{
    const bool closed = dataset < 0 || H5Dclose(dataset) >= 0;
    return status == UFM_OK && (!closed || file->failure != 0) ? fail_write(file, error) : status;
}

/* Writes an array as it lies in memory. */
static ufm_status write_plain(ufm_h5 *file, const char *name, const layout *shape, hid_t memory_type,
                              const void *values, ufm_error *error)
{
    ufm_status status = UFM_OK;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    const hid_t dataset = create_dataset(file, name, shape);
    if (dataset < 0)
        status = fail_write(file, error);
    else if (H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        status = fail_write(file, error);
    status = close_dataset(file, dataset, status, error);
    ufm_h5_silence_end(silence);
    return status;
}

static void gather(const ufm_h5_tile *tile, int64_t rows, const double *column_major, double *buffer)
{
    for (int64_t j = 0; j < tile->cols; j++) {
        const double *column = column_major + (tile->col + j) * rows + tile->row;
        for (int64_t i = 0; i < tile->rows; i++) buffer[i * tile->cols + j] = column[i];
    }
}

ufm_status ufm_h5_write_matrix(ufm_h5 *file, const char *name, int64_t rows, int64_t cols,
                               const double *column_major, ufm_error *error)
{
    ufm_status status = UFM_OK;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    const layout shape = {.type = H5T_IEEE_F64LE, .rank = 2, .extents = {(hsize_t)rows, (hsize_t)cols}};
    hid_t dataset = H5I_INVALID_HID;
    ufm_h5_tile tile = {0};
    const int64_t size =
        rows < UFM_H5_TILE && cols < UFM_H5_TILE && rows * cols < UFM_H5_TILE ? rows * cols : UFM_H5_TILE;
    double *buffer = ufm_alloc(size, sizeof *buffer);
    if (!buffer) {
        status = fail_memory(file, error);
        goto cleanup;
    }
    dataset = create_dataset(file, name, &shape);
    if (dataset < 0) {
        status = fail_write(file, error);
        goto cleanup;
    }
    while (ufm_h5_tile_next(&tile, rows, cols)) {
        gather(&tile, rows, column_major, buffer);
        if (!ufm_h5_transfer(dataset, &tile, H5T_NATIVE_DOUBLE, buffer, true)) {
            status = fail_write(file, error);
            goto cleanup;
        }
    }
cleanup:
    status = close_dataset(file, dataset, status, error);
    ufm_free(buffer);
    ufm_h5_silence_end(silence);
    return status;
}

ufm_status ufm_h5_write_vector(ufm_h5 *file, const char *name, int64_t length, const double *values,
                               ufm_error *error)
{
    const layout shape = {.type = H5T_IEEE_F64LE, .rank = 1, .extents = {(hsize_t)length}};
    return write_plain(file, name, &shape, H5T_NATIVE_DOUBLE, values, error);
}

ufm_status ufm_h5_write_integers(ufm_h5 *file, const char *name, int64_t length, const int64_t *values,
                                 ufm_error *error)
{
    const layout shape = {.type = H5T_STD_I64LE, .rank = 1, .extents = {(hsize_t)length}};
    return write_plain(file, name, &shape, H5T_NATIVE_INT64, values, error);
}

ufm_status ufm_h5_write_bytes(ufm_h5 *file, const char *name, int64_t rows, int64_t cols, ufm_h5_row *row,
                              void *context, ufm_error *error)
{
    ufm_status status = UFM_OK;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    const int64_t strip = ufm_h5_strip(rows, cols);
    const int64_t width = cols < 1 ? 1 : cols < UFM_H5_TILE ? cols : UFM_H5_TILE;
    const layout shape = {.type = H5T_STD_U8LE,
                          .rank = 2,
                          .extents = {(hsize_t)rows, (hsize_t)cols},
                          .chunk = {(hsize_t)strip, (hsize_t)width},
                          .deflated = true};
    hid_t dataset = H5I_INVALID_HID;
    uint8_t *buffer = ufm_alloc(strip, (size_t)(cols > 0 ? cols : 1));
    if (!buffer) {
        status = fail_memory(file, error);
        goto cleanup;
    }
    dataset = create_dataset(file, name, &shape);
    if (dataset < 0) {
        status = fail_write(file, error);
        goto cleanup;
    }
    for (int64_t begin = 0; begin < rows && cols > 0; begin += strip) {
        const ufm_h5_tile tile = {begin, 0, strip < rows - begin ? strip : rows - begin, cols};
        for (int64_t i = 0; i < tile.rows; i++) row(context, begin + i, buffer + i * cols);
        if (!ufm_h5_transfer(dataset, &tile, H5T_NATIVE_UINT8, buffer, true)) {
            status = fail_write(file, error);
            goto cleanup;
        }
    }
cleanup:
    status = close_dataset(file, dataset, status, error);
    ufm_free(buffer);
    ufm_h5_silence_end(silence);
    return status;
}

ufm_status ufm_h5_write_text(ufm_h5 *file, const char *name, const char *text, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    ufm_status status;
    const hid_t type = H5Tcopy(H5T_C_S1);
    const layout shape = {.type = type, .rank = 0};
    if (H5Tset_size(type, strlen(text) + 1) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)
        status = fail_write(file, error);
    else
        status = write_plain(file, name, &shape, type, text, error);
    H5Tclose(type);
    ufm_h5_silence_end(silence);
    return status;
}
