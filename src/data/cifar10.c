/* ufmlab: data: CIFAR-10's binary files: rows of one class and 32 x 32 pixels in three planes.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/stored.h"
#include "data/stream.h"
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, ROW = 1 + PIXELS };

static const char *const class_names[STORED_CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                        "dog",      "frog",       "horse", "ship", "truck"};

typedef struct {
    uint8_t *pixels, *class;
    int64_t images, pixel_capacity, class_capacity;
} cifar_rows;

static ufm_status take_row(cifar_rows *rows, data_stream *stream, const uint8_t *row, ufm_error *error)
{
    if (row[0] >= STORED_CLASSES)
        return ufm_stream_fail(stream, error,
                               "the row that ends here has class %d; give a CIFAR-10 binary file, whose "
                               "classes are 0..%d",
                               row[0], STORED_CLASSES - 1);
    if (ufm_grow((void **)&rows->pixels, &rows->pixel_capacity, (rows->images + 1) * PIXELS, 1) != UFM_OK ||
        ufm_grow((void **)&rows->class, &rows->class_capacity, rows->images + 1, 1) != UFM_OK)
        return ufm_data_no_memory(stream->path, error);
    memcpy(rows->pixels + rows->images * PIXELS, row + 1, PIXELS);
    rows->class[rows->images++] = row[0];
    return UFM_OK;
}

static ufm_status read_file(cifar_rows *rows, const char *path, ufm_error *error)
{
    data_stream stream;
    uint8_t row[ROW];
    ufm_status status = ufm_stream_open(&stream, path, error);
    if (status == UFM_OK && stream.size == 0)
        status = ufm_stream_fail(&stream, error, "the file is empty; fetch it again");
    while (status == UFM_OK) {
        const int first = gzgetc(stream.file);
        if (first < 0) {
            status = ufm_stream_end(&stream, error);
            break;
        }
        row[0] = (uint8_t)first;
        status = ufm_stream_read(&stream, row + 1, PIXELS, error);
        if (status == UFM_OK) status = take_row(rows, &stream, row, error);
    }
    ufm_stream_close(&stream);
    return status;
}

ufm_status ufm_images_open_cifar10(int64_t files, const char *const *path, ufm_images **images,
                                   ufm_error *error)
{
    *images = NULL;
    cifar_rows rows = {0};
    ufm_status status = files > 0 ? UFM_OK : ufm_fail(error, UFM_ERROR_USAGE, "no file; give at least one");
    for (int64_t f = 0; status == UFM_OK && f < files; f++) status = read_file(&rows, path[f], error);
    if (status == UFM_OK && rows.images == 0)
        status = ufm_data_fail(path[0], 0, error, "no images; give a file with at least one");
    if (status == UFM_OK) {
        const ufm_image_shape shape = {3, SIDE, SIDE};
        status = ufm_images_stored(rows.images, shape, rows.pixels, rows.class, class_names, images);
        if (status == UFM_OK)
            rows.pixels = NULL;
        else
            ufm_data_no_memory(path[0], error);
    }
    ufm_free(rows.pixels);
    ufm_free(rows.class);
    return status;
}
