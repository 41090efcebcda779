/* Random images.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/composite.h"
#include "data/images.h"

typedef struct {
    uint64_t seed;
    int64_t bytes; /* of an image */
} synthetic;

static ufm_status read_synthetic(const void *source, int64_t index, uint8_t *pixels, ufm_error *error)
{
    (void)error;
    const synthetic *s = source;
    ufm_draws draws = ufm_draws_begin(s->seed, UFM_DRAWS_PIXELS, index);
    for (int64_t i = 0; i < s->bytes; i++) pixels[i] = (uint8_t)ufm_draws_below(&draws, 256);
    return UFM_OK;
}

static const ufm_images_ops synthetic_ops = {read_synthetic, ufm_free};

ufm_status ufm_images_synthetic(ufm_image_shape shape, const ufm_labels *sets, uint64_t seed,
                                ufm_images **images, ufm_error *error)
{
    if ((shape.channels != 1 && shape.channels != 3) || shape.height < 1 || shape.width < 1 ||
        shape.height > UFM_IMAGE_SIDE_MAX || shape.width > UFM_IMAGE_SIDE_MAX)
        return ufm_fail(
            error, UFM_ERROR_USAGE, "images of %lld x %lld x %lld; give 1 or 3 channels and sides of 1 to %d",
            (long long)shape.channels, (long long)shape.height, (long long)shape.width, UFM_IMAGE_SIDE_MAX);
    synthetic *s = ufm_alloc(1, sizeof *s);
    ufm_labels *labels = NULL;
    ufm_status status = s ? ufm_images_keep(sets, sets->classes, &labels, error) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        *s = (synthetic){seed, shape.channels * shape.height * shape.width};
        status = ufm_images_new(&synthetic_ops, s, labels, shape, images);
    }
    if (status != UFM_OK) {
        ufm_labels_free(labels);
        ufm_free(s);
    }
    return status;
}
