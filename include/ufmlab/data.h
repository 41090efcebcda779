/* ufmlab: layer 4, data: sets of labelled images and the paper's multi-label builders.
 *
 * Every source of images, a file as published or a composite built from another set, is a ufm_images: it
 * says how many samples there are, what their tag sets are, and gives the pixels of any one of them.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_H
#define UFMLAB_DATA_H

#include <ufmlab/labels.h>

/* ---- A set of images ---------------------------------------------------------------------------- */

typedef struct ufm_images ufm_images;
typedef struct {
    int64_t channels, height, width; /* 1 or 3 channels */
} ufm_image_shape;

void ufm_images_free(ufm_images *images); /* accepts NULL */
/* All images of a set have one shape; readers of mixed sizes resize (see their settings). */
ufm_image_shape ufm_images_shape(const ufm_images *images);
/* The tag set of every image (column i belongs to image i, duplicates kept), borrowed. */
const ufm_labels *ufm_images_labels(const ufm_images *images);
/* Image `index` as channels x height x width bytes, 0 black, into the caller's array. The result depends on
 * the set and `index` only, and several threads may read at the same time. */
ufm_status ufm_images_read(const ufm_images *images, int64_t index, uint8_t *pixels, ufm_error *error);
/* What a network is fed with is (byte/255 - mean)/deviation, per channel; mean 0 and deviation 1 unless the
 * published pipeline says otherwise. */
typedef struct {
    float mean[3], deviation[3];
} ufm_image_scaling;
ufm_image_scaling ufm_images_scaling(const ufm_images *images);

#endif
