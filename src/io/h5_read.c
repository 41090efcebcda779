/* HDF5 files: reading. Any file may have been made to do harm: no link leaves the file, no data set lies
 * outside it, no size is believed. */
#include "h5.h"
#include <math.h>
#include <string.h>

enum { TEXT_MAX = 1 << 24, FILTERS_RESERVED = 256 };

/* Every component of the path must be an ordinary (hard) link, so that nothing outside the file is read. */
static ufm_status check_links(ufm_h5 *file, const char *name, bool *found, ufm_error *error)
{
    *found = false;
    char *prefix = ufm_strdup(name);
    if (!prefix) return ufm_h5_fail_memory(file, error);
    ufm_status status = UFM_OK;
    for (size_t i = 0; status == UFM_OK; i++) {
        if (name[i] != '/' && name[i] != '\0') continue;
        prefix[i] = '\0';
        if (i > 0 && name[i - 1] != '/') {
            H5L_info_t link;
            if (H5Lexists(file->file, prefix, H5P_DEFAULT) <= 0 ||
                H5Lget_info(file->file, prefix, &link, H5P_DEFAULT) < 0)
                break;
            if (link.type != H5L_TYPE_HARD)
                status =
                    ufm_h5_fail(file, error, name, "is a soft or external link; store the data set itself");
        }
        prefix[i] = name[i];
        *found = status == UFM_OK && name[i] == '\0' && i > 0 && name[i - 1] != '/';
        if (name[i] == '\0') break;
    }
    ufm_free(prefix);
    return status;
}

bool ufm_h5_has(ufm_h5 *file, const char *name)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    bool found;
    const bool has = check_links(file, name, &found, NULL) == UFM_OK && found;
    ufm_h5_silence_end(silence);
    return has;
}

/* Data in other files, or filters that would be loaded as plug-ins, are refused. */
static ufm_status check_storage(ufm_h5 *file, hid_t dataset, const char *name, ufm_error *error)
{
    ufm_status status = UFM_OK;
    const hid_t properties = H5Dget_create_plist(dataset);
    if (properties < 0) return ufm_h5_fail(file, error, name, "is damaged; write the file again");
    const H5D_layout_t kind = H5Pget_layout(properties);
    if (kind != H5D_COMPACT && kind != H5D_CONTIGUOUS && kind != H5D_CHUNKED)
        status = ufm_h5_fail(file, error, name, "is virtual; store the numbers in this file");
    else if (H5Pget_external_count(properties) != 0)
        status = ufm_h5_fail(file, error, name, "lies in other files; store the numbers in this file");
    const int filters = H5Pget_nfilters(properties);
    for (int i = 0; i < filters && status == UFM_OK; i++) {
        unsigned flags;
        size_t values = 0;
        const H5Z_filter_t filter =
            H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
        if (filter < 0 || filter >= FILTERS_RESERVED)
            status = ufm_h5_fail(file, error, name,
                                 "is compressed by a filter that HDF5 does not have; use gzip or none");
    }
    H5Pclose(properties);
    return status;
}

bool ufm_h5_stored_inside(hid_t dataset)
{
    char unnamed[] = "";
    ufm_h5 nameless = {.target.path = unnamed};
    return check_storage(&nameless, dataset, "", NULL) == UFM_OK;
}

ufm_status ufm_h5_open_dataset(ufm_h5 *file, const char *name, hid_t *dataset, ufm_error *error)
{
    *dataset = H5I_INVALID_HID;
    bool found;
    ufm_status status = check_links(file, name, &found, error);
    if (status != UFM_OK) return status;
    if (!found) return ufm_h5_fail(file, error, name, "is missing; is this the right file?");
    const hid_t object = H5Oopen(file->file, name, H5P_DEFAULT);
    if (object < 0) return ufm_h5_fail(file, error, name, "is damaged; write the file again");
    if (H5Iget_type(object) != H5I_DATASET)
        status = ufm_h5_fail(file, error, name, "is a group or a type; give the name of a data set");
    else
        status = check_storage(file, object, name, error);
    if (status == UFM_OK)
        *dataset = object;
    else
        H5Oclose(object);
    return status;
}

/* Class and size of the numbers; `integer` refuses fractions. */
static ufm_status check_type(ufm_h5 *file, hid_t dataset, const char *name, bool integer, ufm_error *error)
{
    const hid_t type = H5Dget_type(dataset);
    if (type < 0) return ufm_h5_fail(file, error, name, "is damaged; write the file again");
    const H5T_class_t class = H5Tget_class(type);
    const size_t size = H5Tget_size(type);
    H5Tclose(type);
    if (class == H5T_INTEGER && size <= 8) return UFM_OK;
    if (integer) return ufm_h5_fail(file, error, name, "must hold integers of at most 64 bits");
    if (class == H5T_FLOAT && size <= 16) return UFM_OK;
    return ufm_h5_fail(file, error, name, "must hold numbers (integers or floating point)");
}

/* Rank and extents; one dimension counts as one column. */
static ufm_status check_shape(ufm_h5 *file, hid_t dataset, const char *name, int64_t *shape, ufm_error *error)
{
    hsize_t extents[2] = {1, 1};
    const hid_t space = H5Dget_space(dataset);
    const int rank = space >= 0 && H5Sis_simple(space) > 0 ? H5Sget_simple_extent_ndims(space) : -1;
    const bool read = (rank == 1 || rank == 2) && H5Sget_simple_extent_dims(space, extents, NULL) == rank;
    if (space >= 0) H5Sclose(space);
    if (rank != 1 && rank != 2)
        return ufm_h5_fail(file, error, name, "has %d dimensions; it must have 1 or 2", rank < 0 ? 0 : rank);
    if (!read) return ufm_h5_fail(file, error, name, "is damaged; write the file again");
    if (extents[0] == 0 || extents[1] == 0)
        return ufm_h5_fail(file, error, name, "is empty; it must hold at least one number");
    const hsize_t most = (hsize_t)(ufm_memory_physical() / (int64_t)sizeof(double));
    if (extents[0] > most || extents[1] > most / extents[0])
        return ufm_h5_fail(file, error, name,
                           "declares %llu x %llu numbers, more than the memory of this machine holds (%lld "
                           "bytes); give a smaller one",
                           (unsigned long long)extents[0], (unsigned long long)extents[1],
                           (long long)ufm_memory_physical());
    shape[0] = (int64_t)extents[0];
    shape[1] = (int64_t)extents[1];
    return UFM_OK;
}

/* Opens a data set of numbers whose every property is in order. */
static ufm_status open_numbers(ufm_h5 *file, const char *name, bool integer, hid_t *dataset, int64_t *shape,
                               ufm_error *error)
{
    ufm_status status = ufm_h5_open_dataset(file, name, dataset, error);
    if (status == UFM_OK) status = check_type(file, *dataset, name, integer, error);
    if (status == UFM_OK) status = check_shape(file, *dataset, name, shape, error);
    if (status != UFM_OK && *dataset >= 0) {
        H5Oclose(*dataset);
        *dataset = H5I_INVALID_HID;
    }
    return status;
}

static ufm_status fail_read(ufm_h5 *file, ufm_error *error, const char *name)
{
    return ufm_h5_fail(
        file, error, name,
        "cannot be read (a number out of range, or the file is damaged); write the file again");
}

ufm_status ufm_h5_shape(ufm_h5 *file, const char *name, int64_t *rows, int64_t *cols, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    hid_t dataset;
    int64_t shape[2];
    const ufm_status status = open_numbers(file, name, false, &dataset, shape, error);
    if (status == UFM_OK) {
        *rows = shape[0];
        *cols = shape[1];
        H5Oclose(dataset);
    }
    ufm_h5_silence_end(silence);
    return status;
}

static ufm_status scatter(ufm_h5 *file, const char *name, const ufm_h5_tile *tile, int64_t rows,
                          const double *buffer, double *column_major, ufm_error *error)
{
    for (int64_t i = 0; i < tile->rows; i++)
        for (int64_t j = 0; j < tile->cols; j++)
            if (!isfinite(buffer[i * tile->cols + j]))
                return ufm_h5_fail(
                    file, error, name, "%g at row %lld, column %lld (from 0); all numbers must be finite",
                    buffer[i * tile->cols + j], (long long)(tile->row + i), (long long)(tile->col + j));
    for (int64_t j = 0; j < tile->cols; j++) {
        double *column = column_major + (tile->col + j) * rows + tile->row;
        for (int64_t i = 0; i < tile->rows; i++) column[i] = buffer[i * tile->cols + j];
    }
    return UFM_OK;
}

ufm_status ufm_h5_read_matrix(ufm_h5 *file, const char *name, double *column_major, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    int64_t shape[2] = {0, 0};
    double *buffer = NULL;
    hid_t dataset;
    ufm_h5_tile tile = {0};
    ufm_status status = open_numbers(file, name, false, &dataset, shape, error);
    if (status != UFM_OK) goto cleanup;
    const int64_t total = shape[0] * shape[1];
    buffer = ufm_alloc(total < UFM_H5_TILE ? total : UFM_H5_TILE, sizeof *buffer);
    if (!buffer) {
        status = ufm_h5_fail_memory(file, error);
        goto cleanup;
    }
    while (status == UFM_OK && ufm_h5_tile_next(&tile, shape[0], shape[1])) {
        if (ufm_h5_transfer(dataset, &tile, H5T_NATIVE_DOUBLE, buffer, false))
            status = scatter(file, name, &tile, shape[0], buffer, column_major, error);
        else
            status = fail_read(file, error, name);
    }
cleanup:
    if (dataset >= 0) H5Oclose(dataset);
    ufm_free(buffer);
    ufm_h5_silence_end(silence);
    return status;
}

static H5T_conv_ret_t refuse_range(H5T_conv_except_t kind, hid_t from, hid_t to, void *source, void *target,
                                   void *context)
{
    (void)from, (void)to, (void)source, (void)target, (void)context;
    const bool out = kind == H5T_CONV_EXCEPT_RANGE_HI || kind == H5T_CONV_EXCEPT_RANGE_LOW;
    return out ? H5T_CONV_ABORT : H5T_CONV_UNHANDLED;
}

ufm_status ufm_h5_read_integers(ufm_h5 *file, const char *name, int64_t *values, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    hid_t dataset;
    int64_t shape[2];
    ufm_status status = open_numbers(file, name, true, &dataset, shape, error);
    if (status != UFM_OK) goto cleanup;
    if (shape[1] != 1) {
        status = ufm_h5_fail(file, error, name, "has 2 dimensions; it must have 1");
        goto cleanup;
    }
    const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    if (H5Pset_type_conv_cb(transfer, refuse_range, NULL) < 0 ||
        H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, transfer, values) < 0)
        status = fail_read(file, error, name);
    H5Pclose(transfer);
cleanup:
    if (dataset >= 0) H5Oclose(dataset);
    ufm_h5_silence_end(silence);
    return status;
}

/* Through 16-bit integers, in which everything that is not a byte stays recognisable: HDF5 clips. */
static ufm_status take_strip(ufm_h5 *file, const char *name, const ufm_h5_tile *tile, const int16_t *wide,
                             uint8_t *bytes, ufm_error *error)
{
    for (int64_t i = 0; i < tile->rows * tile->cols; i++) {
        if (wide[i] < 0 || wide[i] > UINT8_MAX)
            return ufm_h5_fail(file, error, name, "a number outside 0..255 at row %lld, column %lld (from 0)",
                               (long long)(tile->row + i / tile->cols), (long long)(i % tile->cols));
        bytes[i] = (uint8_t)wide[i];
    }
    return UFM_OK;
}

ufm_status ufm_h5_read_bytes(ufm_h5 *file, const char *name, ufm_h5_take_row *row, void *context,
                             ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    int64_t shape[2] = {0, 0};
    uint8_t *bytes = NULL;
    int16_t *wide = NULL;
    hid_t dataset;
    ufm_status status = open_numbers(file, name, true, &dataset, shape, error);
    if (status != UFM_OK) goto cleanup;
    const int64_t strip = ufm_h5_strip(shape[0], shape[1]);
    bytes = ufm_alloc(strip * shape[1], sizeof *bytes);
    wide = ufm_alloc(strip * shape[1], sizeof *wide);
    if (!bytes || !wide) {
        status = ufm_h5_fail_memory(file, error);
        goto cleanup;
    }
    for (int64_t begin = 0; begin < shape[0]; begin += strip) {
        const ufm_h5_tile tile = {begin, 0, strip < shape[0] - begin ? strip : shape[0] - begin, shape[1]};
        if (ufm_h5_transfer(dataset, &tile, H5T_NATIVE_INT16, wide, false))
            status = take_strip(file, name, &tile, wide, bytes, error);
        else
            status = fail_read(file, error, name);
        for (int64_t i = 0; i < tile.rows && status == UFM_OK; i++)
            status = row(context, begin + i, bytes + i * shape[1], error);
        if (status != UFM_OK) goto cleanup;
    }
cleanup:
    if (dataset >= 0) H5Oclose(dataset);
    ufm_free(bytes);
    ufm_free(wide);
    ufm_h5_silence_end(silence);
    return status;
}

static void copy_text(char *text, size_t size, const char *from, size_t most)
{
    const size_t length = strnlen(from, most < size - 1 ? most : size - 1);
    memcpy(text, from, length);
    text[length] = '\0';
}

/* HDF5 allocates strings of variable length itself. */
static bool read_variable(hid_t dataset, hid_t type, char *text, size_t size)
{
    char *string = NULL;
    const hid_t space = H5Dget_space(dataset);
    const bool ok = space >= 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &string) >= 0;
    if (ok) copy_text(text, size, string ? string : "", SIZE_MAX);
    if (string) H5Dvlen_reclaim(type, space, H5P_DEFAULT, &string);
    if (space >= 0) H5Sclose(space);
    return ok;
}

static ufm_status read_string(ufm_h5 *file, const char *name, hid_t dataset, hid_t type, char *text,
                              size_t size, ufm_error *error)
{
    if (H5Tis_variable_str(type) > 0)
        return read_variable(dataset, type, text, size) ? UFM_OK : fail_read(file, error, name);
    const size_t length = H5Tget_size(type);
    if (length == 0 || length > TEXT_MAX)
        return ufm_h5_fail(file, error, name, "holds a string of more than %d bytes", TEXT_MAX);
    char *string = ufm_alloc((int64_t)length + 1, 1);
    if (!string) return ufm_h5_fail_memory(file, error);
    ufm_status status = UFM_OK;
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, string) < 0)
        status = fail_read(file, error, name);
    else
        copy_text(text, size, string, length);
    ufm_free(string);
    return status;
}

ufm_status ufm_h5_read_text(ufm_h5 *file, const char *name, char *text, size_t size, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    hid_t dataset, type = H5I_INVALID_HID, space = H5I_INVALID_HID;
    ufm_status status = ufm_h5_open_dataset(file, name, &dataset, error);
    if (status != UFM_OK) goto cleanup;
    type = H5Dget_type(dataset);
    space = H5Dget_space(dataset);
    if (type < 0 || H5Tget_class(type) != H5T_STRING || space < 0 || H5Sget_simple_extent_npoints(space) != 1)
        status = ufm_h5_fail(file, error, name, "must hold one string");
    else
        status = read_string(file, name, dataset, type, text, size, error);
cleanup:
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    if (dataset >= 0) H5Oclose(dataset);
    ufm_h5_silence_end(silence);
    return status;
}
