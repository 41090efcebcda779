/* HDF5 files as MATLAB v7.3 writes them: cells are references to other objects of the file. Nothing here
 * follows a reference on its own, so references in a circle lead nowhere. */
#include "h5.h"
#include <assert.h>
#include <math.h>
#include <string.h>

/* The group or data set that a reference names; the root for UFM_H5_ROOT. */
static hid_t dereference(ufm_h5 *file, ufm_h5_reference from)
{
    const hobj_ref_t address = from;
    if (from == UFM_H5_ROOT) return H5Gopen2(file->file, "/", H5P_DEFAULT);
    return H5Rdereference2(file->file, H5P_DEFAULT, H5R_OBJECT, &address);
}

/* Only ordinary links of one step: nothing outside the file is read. */
static hid_t open_below(hid_t object, const char *name)
{
    H5L_info_t link;
    if (H5Iget_type(object) != H5I_GROUP || H5Lexists(object, name, H5P_DEFAULT) <= 0 ||
        H5Lget_info(object, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        return H5I_INVALID_HID;
    return H5Oopen(object, name, H5P_DEFAULT);
}

static hid_t open_object(ufm_h5 *file, ufm_h5_reference from, const char *name)
{
    const hid_t object = dereference(file, from);
    if (object < 0) return object;
    hid_t found = object;
    for (char step[64]; found >= 0 && *name;) {
        const size_t length = strcspn(name, "/");
        assert(length < sizeof step);
        memcpy(step, name, length);
        step[length] = '\0';
        name += length + (name[length] == '/');
        const hid_t below = open_below(found, step);
        H5Oclose(found);
        found = below;
    }
    return found;
}

/* Elements of a data set within `most`, stored in the file itself; -1 when it is another thing. */
static int64_t count_elements(hid_t dataset, int64_t most)
{
    if (H5Iget_type(dataset) != H5I_DATASET || !ufm_h5_stored_inside(dataset)) return -1;
    const hid_t space = H5Dget_space(dataset);
    const hssize_t points = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    if (space >= 0) H5Sclose(space);
    return points >= 0 && points <= most ? (int64_t)points : -1;
}

static H5T_class_t class_of(hid_t dataset, size_t *size)
{
    const hid_t type = H5Dget_type(dataset);
    const H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    *size = type >= 0 ? H5Tget_size(type) : 0;
    const bool object = class != H5T_REFERENCE || H5Tequal(type, H5T_STD_REF_OBJ) > 0;
    if (type >= 0) H5Tclose(type);
    return object ? class : H5T_NO_CLASS;
}

static bool all_finite(const ufm_h5_values *values)
{
    for (int64_t i = 0; !values->references && i < values->count; i++)
        if (!isfinite(values->number[i])) return false;
    return true;
}

/* The values of an open data set. */
static ufm_status read_values(ufm_h5 *file, hid_t dataset, const char *name, int64_t most,
                              ufm_h5_values *values, ufm_error *error)
{
    size_t size;
    const int64_t count = count_elements(dataset, most);
    const H5T_class_t class = count >= 0 ? class_of(dataset, &size) : H5T_NO_CLASS;
    if (class != H5T_REFERENCE && class != H5T_INTEGER && class != H5T_FLOAT)
        return ufm_h5_fail(file, error, name,
                           "is missing, or holds no references or numbers or more than %lld of them; is this "
                           "the right file?",
                           (long long)most);
    values->count = count;
    values->references = class == H5T_REFERENCE;
    values->number = ufm_alloc(count + 1, sizeof *values->number);
    values->reference = ufm_alloc(count + 1, sizeof *values->reference);
    if (!values->number || !values->reference) return ufm_h5_fail_memory(file, error);
    void *buffer = values->references ? (void *)values->reference : (void *)values->number;
    const hid_t type = values->references ? H5T_STD_REF_OBJ : H5T_NATIVE_DOUBLE;
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) >= 0 && all_finite(values))
        return UFM_OK;
    return ufm_h5_fail(file, error, name, "cannot be read; write the file again");
}

ufm_status ufm_h5_read_values(ufm_h5 *file, ufm_h5_reference from, const char *name, int64_t most,
                              ufm_h5_values *values, ufm_error *error)
{
    const ufm_h5_silence silence = ufm_h5_silence_begin();
    ufm_h5_values made = {0};
    const hid_t object = open_object(file, from, name);
    ufm_status status = object >= 0 ? read_values(file, object, name, most, &made, error)
                                    : ufm_h5_fail(file, error, name,
                                                  "is missing or a broken reference; fetch the file again");
    if (object >= 0) H5Oclose(object);
    ufm_h5_silence_end(silence);
    *values = (ufm_h5_values){0};
    if (status == UFM_OK)
        *values = made;
    else
        ufm_h5_values_free(&made);
    return status;
}

void ufm_h5_values_free(ufm_h5_values *values)
{
    ufm_free(values->number);
    ufm_free(values->reference);
    *values = (ufm_h5_values){0};
}
