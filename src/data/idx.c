/* ufmlab: data: IDX files, in which MNIST and Fashion-MNIST are published: a magic number, one big-endian
 * 32-bit extent per dimension, then bytes.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/stored.h"
#include "data/stream.h"

enum { RANK_MAX = 3, SIDE_MAX = 4096, UNSIGNED_BYTES = 8 };

static const char *const fashion_names[STORED_CLASSES] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

static int64_t big_endian(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* Opens the file and reads its header: the extents, and their product. */
static ufm_status read_header(data_stream *stream, const char *path, int rank, int64_t *extent,
                              int64_t *bytes, ufm_error *error)
{
    uint8_t header[4 + 4 * RANK_MAX];
    ufm_status status = ufm_stream_open(stream, path, error);
    if (status == UFM_OK) status = ufm_stream_read(stream, header, 4, error);
    if (status != UFM_OK) return status;
    if (big_endian(header) != (UNSIGNED_BYTES << 8 | rank))
        return ufm_stream_fail(stream, error,
                               "the magic number is 0x%08llx, not 0x%08x; give an IDX file of %s",
                               (unsigned long long)big_endian(header), UNSIGNED_BYTES << 8 | rank,
                               rank == 1 ? "labels" : "images");
    status = ufm_stream_read(stream, header + 4, 4 * rank, error);
    if (status != UFM_OK) return status;
    *bytes = 1;
    for (int i = 0; i < rank; i++) {
        extent[i] = big_endian(header + 4 + 4 * i);
        if (i > 0 && (extent[i] < 1 || extent[i] > SIDE_MAX))
            return ufm_stream_fail(stream, error,
                                   "images with a side of %lld pixels; give one of 1 to %d pixels",
                                   (long long)extent[i], SIDE_MAX);
        *bytes *= extent[i];
    }
    if (*bytes == 0) return ufm_stream_fail(stream, error, "no images; give a file with at least one");
    if (!ufm_stream_may_hold(stream, *bytes))
        return ufm_stream_fail(stream, error,
                               "the header declares %lld bytes, which the file cannot hold; fetch it again",
                               (long long)*bytes);
    return UFM_OK;
}

/* The whole content of an IDX file, from ufm_alloc. */
static ufm_status read_idx(const char *path, int rank, int64_t *extent, uint8_t **content, ufm_error *error)
{
    data_stream stream;
    int64_t bytes = 0;
    uint8_t *read = NULL;
    ufm_status status = read_header(&stream, path, rank, extent, &bytes, error);
    if (status == UFM_OK && !(read = ufm_alloc(bytes, 1))) status = ufm_data_no_memory(path, error);
    if (status == UFM_OK) status = ufm_stream_read(&stream, read, bytes, error);
    if (status == UFM_OK) status = ufm_stream_end(&stream, error);
    ufm_stream_close(&stream);
    if (status == UFM_OK)
        *content = read;
    else
        ufm_free(read);
    return status;
}

static ufm_status check_classes(const char *path, int64_t images, const uint8_t *class, ufm_error *error)
{
    enum { HEADER = 8 };
    for (int64_t i = 0; i < images; i++)
        if (class[i] >= STORED_CLASSES)
            return ufm_data_fail(path, HEADER + i, error, "the class %d; classes are 0..%d", class[i],
                                 STORED_CLASSES - 1);
    return UFM_OK;
}

ufm_status ufm_images_open_idx(const char *images_path, const char *labels_path, ufm_idx_classes classes,
                               ufm_images **images, ufm_error *error)
{
    *images = NULL;
    uint8_t *pixels = NULL, *class = NULL;
    int64_t extent[RANK_MAX], labelled;
    ufm_status status = read_idx(labels_path, 1, &labelled, &class, error);
    if (status == UFM_OK) status = check_classes(labels_path, labelled, class, error);
    if (status == UFM_OK) status = read_idx(images_path, RANK_MAX, extent, &pixels, error);
    if (status == UFM_OK && extent[0] != labelled)
        status =
            ufm_data_fail(images_path, 4, error, "%lld images but %lld labels; give the two files of one set",
                          (long long)extent[0], (long long)labelled);
    if (status == UFM_OK) {
        const ufm_image_shape shape = {1, extent[1], extent[2]};
        status = ufm_images_stored(extent[0], shape, pixels, class,
                                   classes == UFM_IDX_FASHION ? fashion_names : ufm_digit_names, images);
        if (status == UFM_OK)
            pixels = NULL;
        else
            ufm_data_no_memory(images_path, error);
    }
    ufm_free(pixels);
    ufm_free(class);
    return status;
}
