/* ufmlab: data: SVHN format 2: X (32 x 32 x 3 x N bytes) and y (N digits, 10 for the digit 0) in a MAT file.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/mat5.h"
#include "data/stored.h"
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };

typedef struct {
    uint8_t *pixels, *class;
    int64_t images, labelled;
} cropped_set;

static ufm_status take_pixels(cropped_set *set, mat5_file *file, const mat5_array *array, ufm_error *error)
{
    const int64_t *extent = array->extent;
    if (array->rank < 3 || extent[0] != SIDE || extent[1] != SIDE || extent[2] != 3 || set->pixels)
        return ufm_mat5_fail(file, error,
                             "X is not one array of 32 x 32 x 3 x N bytes; give SVHN's format 2");
    set->images = array->rank == 4 ? extent[3] : 1;
    set->pixels = ufm_alloc(set->images, PIXELS);
    if (!set->pixels) return ufm_mat5_no_memory(file, error);
    return ufm_mat5_values(file, array, set->pixels, error);
}

static ufm_status take_classes(cropped_set *set, mat5_file *file, const mat5_array *array, ufm_error *error)
{
    if (array->rank != 2 || array->extent[1] != 1 || set->class)
        return ufm_mat5_fail(file, error, "y is not one column of digits; give SVHN's format 2");
    set->labelled = array->extent[0];
    set->class = ufm_alloc(set->labelled, 1);
    if (!set->class) return ufm_mat5_no_memory(file, error);
    const ufm_status status = ufm_mat5_values(file, array, set->class, error);
    for (int64_t i = 0; status == UFM_OK && i < set->labelled; i++) {
        if (set->class[i] < 1 || set->class[i] > STORED_CLASSES)
            return ufm_mat5_fail(file, error, "y holds %d; labels are 1..%d, 10 for the digit 0",
                                 set->class[i], STORED_CLASSES);
        set->class[i] %= STORED_CLASSES;
    }
    return status;
}

/* The columns of MATLAB into rows. */
static void transpose(uint8_t *pixels, int64_t planes)
{
    for (int64_t p = 0; p < planes; p++, pixels += PLANE)
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < i; j++) {
                const uint8_t kept = pixels[i * SIDE + j];
                pixels[i * SIDE + j] = pixels[j * SIDE + i];
                pixels[j * SIDE + i] = kept;
            }
}

static ufm_status read_variables(cropped_set *set, mat5_file *file, ufm_error *error)
{
    for (;;) {
        mat5_array array;
        bool found;
        ufm_status status = ufm_mat5_next(file, &array, &found, error);
        if (status == UFM_OK && !found) break;
        if (status == UFM_OK && strcmp(array.name, "X") == 0) status = take_pixels(set, file, &array, error);
        if (status == UFM_OK && strcmp(array.name, "y") == 0) status = take_classes(set, file, &array, error);
        if (status != UFM_OK) return status;
    }
    if (!set->pixels || !set->class)
        return ufm_mat5_fail(file, error, "the file has no %s; give SVHN's format 2",
                             set->pixels ? "y" : "X");
    if (set->images == set->labelled) return UFM_OK;
    return ufm_mat5_fail(file, error, "%lld images but %lld labels; fetch the file again",
                         (long long)set->images, (long long)set->labelled);
}

ufm_status ufm_images_open_svhn_cropped(const char *path, ufm_images **images, ufm_error *error)
{
    *images = NULL;
    mat5_file *file = NULL;
    cropped_set set = {0};
    ufm_status status = ufm_mat5_open(path, &file, error);
    if (status == UFM_OK) status = read_variables(&set, file, error);
    if (status == UFM_OK) {
        transpose(set.pixels, 3 * set.images);
        const ufm_image_shape shape = {3, SIDE, SIDE};
        status = ufm_images_stored(set.images, shape, set.pixels, set.class, ufm_digit_names, images);
        if (status == UFM_OK)
            set.pixels = NULL;
        else
            ufm_mat5_no_memory(file, error);
    }
    ufm_mat5_close(file);
    ufm_free(set.pixels);
    ufm_free(set.class);
    return status;
}
