/* Private to data: how a source of images becomes a ufm_images.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_IMAGES_H
#define UFMLAB_DATA_IMAGES_H

#include <ufmlab/data.h>

typedef struct {
    /* As ufm_images_read: index is in range, the pixels of one image; called from several threads. */
    ufm_status (*read)(const void *source, int64_t index, uint8_t *pixels, ufm_error *error);
    void (*free)(void *source);
} ufm_images_ops;

struct ufm_images {
    const ufm_images_ops *ops;
    void *source;       /* owned */
    ufm_labels *labels; /* owned, duplicates kept */
    ufm_image_shape shape;
    ufm_image_scaling scaling;
};

/* Takes source and labels over on success; scaling is mean 0, deviation 1. */
ufm_status ufm_images_new(const ufm_images_ops *ops, void *source, ufm_labels *labels, ufm_image_shape shape,
                          ufm_images **images);

/* A copy of tag sets with one column per sample, over `classes` classes. */
ufm_status ufm_images_keep(const ufm_labels *sets, int64_t classes, ufm_labels **labels, ufm_error *error);

/* Longest side of an image that is generated. */
enum { UFM_IMAGE_SIDE_MAX = 4096 };

#endif
