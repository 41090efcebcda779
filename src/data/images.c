/* ufmlab: data: the common part of every set of images.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/images.h"

#include <assert.h>

ufm_status ufm_images_new(const ufm_images_ops *ops, void *source, ufm_labels *labels, ufm_image_shape shape,
                          ufm_images **images)
{
    ufm_images *made = ufm_alloc(1, sizeof *made);
    if (!made) {
        return UFM_ERROR_MEMORY;
    }
    *made = (ufm_images){ops, source, labels, shape, {{0, 0, 0}, {1, 1, 1}}};
    *images = made;
    return UFM_OK;
}

void ufm_images_free(ufm_images *images)
{
    if (images) {
        images->ops->free(images->source);
        ufm_labels_free(images->labels);
        ufm_free(images);
    }
}

ufm_image_shape ufm_images_shape(const ufm_images *images)
{
    return images->shape;
}
const ufm_labels *ufm_images_labels(const ufm_images *images)
{
    return images->labels;
}
ufm_image_scaling ufm_images_scaling(const ufm_images *images)
{
    return images->scaling;
}

ufm_status ufm_images_read(const ufm_images *images, int64_t index, uint8_t *pixels, ufm_error *error)
{
    assert(0 <= index && index < images->labels->columns);
    return images->ops->read(images->source, index, pixels, error);
}

ufm_status ufm_images_keep(const ufm_labels *sets, int64_t classes, ufm_labels **labels, ufm_error *error)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_status status = builder ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < sets->columns && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(sets, i);
        status = ufm_labels_builder_add(builder, set.tags, set.tag, ufm_labels_count(sets, i), error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, classes, UFM_DUPLICATES_KEEP, labels, error);
    ufm_labels_builder_free(builder);
    return status;
}
