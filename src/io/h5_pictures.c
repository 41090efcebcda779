/* HDF5 files: stacks of pictures, data sets of rank 4. */
#include "h5.h"
#include <errno.h>

struct ufm_h5_pictures {
    ufm_h5 *file;
    hid_t dataset;
    char *name;
    ufm_h5_extents extents;
};

/* Moves one picture. */
static bool transfer(hid_t dataset, const ufm_h5_extents *extents, int64_t index, uint8_t *bytes,
                     bool writing)
{
    const hsize_t start[4] = {(hsize_t)index, 0, 0, 0};
    const hsize_t count[4] = {1, (hsize_t)extents->channels, (hsize_t)extents->height,
                              (hsize_t)extents->width};
    const hsize_t total = count[1] * count[2] * count[3];
    const hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(1, &total, NULL);
    bool ok = space >= 0 && memory >= 0 &&
              H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    if (ok && writing) ok = H5Dwrite(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes) >= 0;
    if (ok && !writing) ok = H5Dread(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes) >= 0;
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
        if (status == UFM_OK && (!transfer(dataset, extents, i, bytes, true) || file->failure != 0))
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

ufm_status ufm_h5_pictures_open(ufm_h5 *file, const char *name, ufm_h5_pictures **pictures, ufm_error *error)
{
    ufm_h5_pictures *p = ufm_alloc(1, sizeof *p);
    if (!p) return ufm_h5_fail_memory(file, error);
    *p = (ufm_h5_pictures){.file = file, .dataset = H5I_INVALID_HID, .name = ufm_strdup(name)};
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    ufm_status status =
        p->name ? ufm_h5_open_dataset(file, name, &p->dataset, error) : ufm_h5_fail_memory(file, error);
    if (status == UFM_OK) status = check(file, name, p->dataset, &p->extents, error);
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
    if (pictures->dataset >= 0) H5Oclose(pictures->dataset);
    ufm_free(pictures->name);
    ufm_free(pictures);
}

const ufm_h5_extents *ufm_h5_pictures_extents(const ufm_h5_pictures *pictures)
{
    return &pictures->extents;
}

ufm_status ufm_h5_pictures_read(ufm_h5_pictures *pictures, int64_t index, uint8_t *bytes, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    const bool read = transfer(pictures->dataset, &pictures->extents, index, bytes, false);
    ufm_h5_silence_end(silence);
    if (read) return UFM_OK;
    return ufm_h5_fail(pictures->file, error, pictures->name,
                       "image %lld cannot be read; write the file again", (long long)index);
}
