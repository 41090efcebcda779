/* HDF5 files: stacks of pictures, data sets of rank 4. */
#include "h5.h"
#include <errno.h>
#include <string.h>
#include <zlib.h>

struct ufm_h5_pictures {
    ufm_h5 *file;
    hid_t dataset;
    char *name;
    ufm_h5_extents extents;
    bool deflated;
};

static bool write_one(hid_t dataset, const ufm_h5_extents *extents, int64_t index, const uint8_t *bytes)
{
    const hsize_t start[4] = {(hsize_t)index, 0, 0, 0};
    const hsize_t count[4] = {1, (hsize_t)extents->channels, (hsize_t)extents->height,
                              (hsize_t)extents->width};
    const hsize_t total = count[1] * count[2] * count[3];
    const hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(1, &total, NULL);
    const bool ok = space >= 0 && memory >= 0 &&
                    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                    H5Dwrite(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes) >= 0;
    if (space >= 0) H5Sclose(space);
    if (memory >= 0) H5Sclose(memory);
    return ok;
}

static hid_t create(ufm_h5 *file, const char *name, const ufm_h5_extents *e)
{
    const hsize_t extents[4] = {(hsize_t)e->count, (hsize_t)e->channels, (hsize_t)e->height,
                                (hsize_t)e->width};
    const hsize_t chunk[4] = {1, extents[1], extents[2], extents[3]};
    const hid_t space = H5Screate_simple(4, extents, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
    hid_t dataset = H5I_INVALID_HID;
    if (space >= 0 && properties >= 0 && H5Pset_obj_track_times(properties, 0) >= 0 &&
        H5Pset_chunk(properties, 4, chunk) >= 0 && H5Pset_deflate(properties, 4) >= 0)
        dataset = H5Dcreate2(file->file, name, H5T_STD_U8LE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (space >= 0) H5Sclose(space);
    if (properties >= 0) H5Pclose(properties);
    return dataset;
}

static ufm_status fail_write(ufm_h5 *file, ufm_error *error)
{
    if (file->failure == 0) file->failure = EIO;
    return ufm_fail_path(error, file->target.path, file->failure);
}

ufm_status ufm_h5_write_pictures(ufm_h5 *file, const char *name, const ufm_h5_extents *extents,
                                 ufm_h5_fill *fill, void *context, ufm_error *error)
{
    uint8_t *bytes = ufm_alloc(extents->channels * extents->height * extents->width, 1);
    if (!bytes) return ufm_h5_fail_memory(file, error);
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    const hid_t dataset = create(file, name, extents);
    ufm_status status = dataset >= 0 ? UFM_OK : fail_write(file, error);
    for (int64_t i = 0; i < extents->count && status == UFM_OK; i++) {
        status = fill(context, i, bytes, error);
        if (status == UFM_OK && (!write_one(dataset, extents, i, bytes) || file->failure != 0))
            status = fail_write(file, error);
    }
    if (dataset >= 0 && H5Dclose(dataset) < 0 && status == UFM_OK) status = fail_write(file, error);
    ufm_h5_silence_end(silence);
    ufm_free(bytes);
    return status;
}

/* Unsigned bytes, four extents that are not empty, and no picture larger than half of the memory. */
static ufm_status check(ufm_h5 *file, const char *name, hid_t dataset, ufm_h5_extents *found,
                        ufm_error *error)
{
    hsize_t e[4] = {0};
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    const bool bytes = type >= 0 && H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) == 1 &&
                       H5Tget_sign(type) == H5T_SGN_NONE;
    const bool four = space >= 0 && H5Sis_simple(space) > 0 && H5Sget_simple_extent_ndims(space) == 4 &&
                      H5Sget_simple_extent_dims(space, e, NULL) == 4;
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (!bytes) return ufm_h5_fail(file, error, name, "must hold unsigned bytes");
    if (!four)
        return ufm_h5_fail(file, error, name, "must have 4 dimensions: images, channels, height, width");
    const hsize_t most = (hsize_t)ufm_memory_physical() / 2;
    if (e[0] == 0 || e[1] == 0 || e[2] == 0 || e[3] == 0 || e[0] > INT32_MAX || e[1] > most ||
        e[2] > most / e[1] || e[3] > most / e[1] / e[2])
        return ufm_h5_fail(file, error, name,
                           "has extents %llu x %llu x %llu x %llu; none may be 0, and an image "
                           "must fit into memory",
                           (unsigned long long)e[0], (unsigned long long)e[1], (unsigned long long)e[2],
                           (unsigned long long)e[3]);
    *found = (ufm_h5_extents){(int64_t)e[0], (int64_t)e[1], (int64_t)e[2], (int64_t)e[3]};
    return UFM_OK;
}

/* One chunk per picture, without a filter or deflated. */
static bool one_by_one(ufm_h5_pictures *p)
{
    const hsize_t wanted[4] = {1, (hsize_t)p->extents.channels, (hsize_t)p->extents.height,
                               (hsize_t)p->extents.width};
    hsize_t chunk[4] = {0};
    unsigned flags;
    size_t values = 0;
    const hid_t properties = H5Dget_create_plist(p->dataset);
    bool right = properties >= 0 && H5Pget_layout(properties) == H5D_CHUNKED &&
                 H5Pget_chunk(properties, 4, chunk) == 4 && memcmp(chunk, wanted, sizeof chunk) == 0;
    const int filters = right ? H5Pget_nfilters(properties) : 0;
    p->deflated = filters == 1 &&
                  H5Pget_filter2(properties, 0, &flags, &values, NULL, 0, NULL, NULL) == H5Z_FILTER_DEFLATE;
    right = right && (filters == 0 || p->deflated);
    if (properties >= 0) H5Pclose(properties);
    return right;
}

ufm_status ufm_h5_pictures_open(ufm_h5 *file, const char *name, ufm_h5_pictures **pictures, ufm_error *error)
{
    ufm_h5_pictures *p = ufm_alloc(1, sizeof *p);
    if (!p) return ufm_h5_fail_memory(file, error);
    *p = (ufm_h5_pictures){.file = file, .dataset = H5I_INVALID_HID, .name = ufm_strdup(name)};
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    ufm_status status =
        p->name ? ufm_h5_open_dataset(file, name, &p->dataset, error) : ufm_h5_fail_memory(file, error);
    if (status == UFM_OK) status = check(file, name, p->dataset, &p->extents, error);
    if (status == UFM_OK && !one_by_one(p))
        status = ufm_h5_fail(file, error, name,
                             "must be stored image by image, plain or deflated, as ufmlab data make does");
    ufm_h5_silence_end(silence);
    if (status == UFM_OK)
        *pictures = p;
    else
        ufm_h5_pictures_close(p);
    return status;
}

void ufm_h5_pictures_close(ufm_h5_pictures *pictures)
{
    if (!pictures) return;
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    if (pictures->dataset >= 0) H5Oclose(pictures->dataset);
    ufm_h5_silence_end(silence);
    ufm_free(pictures->name);
    ufm_free(pictures);
}

const ufm_h5_extents *ufm_h5_pictures_extents(const ufm_h5_pictures *pictures)
{
    return &pictures->extents;
}

static ufm_status fail_picture(const ufm_h5_pictures *p, int64_t index, ufm_error *error)
{
    return ufm_h5_fail(p->file, error, p->name, "image %lld cannot be read; write the file again",
                       (long long)index);
}

static int64_t picture_bytes(const ufm_h5_pictures *p)
{
    return p->extents.channels * p->extents.height * p->extents.width;
}

/* Bytes that a picture takes in the file; 0 when there are none, or more than deflate makes of it. */
static int64_t stored_bytes(const ufm_h5_pictures *p, int64_t index)
{
    const hsize_t start[4] = {(hsize_t)index, 0, 0, 0};
    hsize_t size = 0;
    const bool found = H5Dget_chunk_storage_size(p->dataset, start, &size) >= 0;
    return found && size <= compressBound((uLong)picture_bytes(p)) ? (int64_t)size : 0;
}

ufm_status ufm_h5_pictures_check(ufm_h5_pictures *pictures, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    int64_t i = 0;
    while (i < pictures->extents.count && stored_bytes(pictures, i) > 0) i++;
    ufm_h5_silence_end(silence);
    return i == pictures->extents.count ? UFM_OK : fail_picture(pictures, i, error);
}

/* The bytes of a picture as the file holds them, from ufm_alloc, and whether they are deflated; 0: failed. */
static int64_t fetch(const ufm_h5_pictures *p, int64_t index, uint8_t **stored, bool *deflated)
{
    const hsize_t start[4] = {(hsize_t)index, 0, 0, 0};
    uint32_t left_out = 0; /* the filters that this chunk did without */
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    int64_t size = stored_bytes(p, index);
    *stored = size > 0 ? ufm_alloc(size, 1) : NULL;
    if (!*stored || H5Dread_chunk(p->dataset, H5P_DEFAULT, start, &left_out, *stored) < 0) size = 0;
    ufm_h5_silence_end(silence);
    *deflated = p->deflated && !(left_out & 1);
    return size;
}

ufm_status ufm_h5_pictures_read(ufm_h5_pictures *pictures, int64_t index, uint8_t *bytes, ufm_error *error)
{
    uint8_t *stored;
    bool deflated;
    const uLongf wanted = (uLongf)picture_bytes(pictures);
    uLongf got = wanted;
    const int64_t size = fetch(pictures, index, &stored, &deflated);
    bool right = size > 0;
    if (right && deflated)
        right = uncompress(bytes, &got, stored, (uLong)size) == Z_OK && got == wanted;
    else if (right && (right = (uLongf)size == wanted))
        memcpy(bytes, stored, wanted);
    ufm_free(stored);
    return right ? UFM_OK : fail_picture(pictures, index, error);
}
