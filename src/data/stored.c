/* ufmlab: data: sets whose pixels are all in memory.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/stored.h"
#include <string.h>

const char *const ufm_digit_names[STORED_CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

typedef struct {
    int64_t bytes; /* of one image */
    uint8_t *pixels;
} stored_source;

static ufm_status read_stored(const void *source, int64_t index, uint8_t *pixels, ufm_error *error)
{
    (void)error;
    const stored_source *stored = source;
    memcpy(pixels, stored->pixels + index * stored->bytes, (size_t)stored->bytes);
    return UFM_OK;
}

static void free_stored(void *source)
{
    ufm_free(((stored_source *)source)->pixels);
    ufm_free(source);
}

static const ufm_images_ops stored_ops = {read_stored, free_stored};

/* One block: pointers, then texts. */
ufm_status ufm_data_name_classes(ufm_labels *labels, const char *const *name)
{
    int64_t bytes = 0;
    for (int64_t k = 0; k < labels->classes; k++) bytes += (int64_t)strlen(name[k]) + 1;
    const int64_t pointers = labels->classes * (int64_t)sizeof *labels->name;
    labels->name = ufm_alloc(pointers + bytes, 1);
    if (!labels->name) return UFM_ERROR_MEMORY;
    char *text = (char *)labels->name + pointers;
    for (int64_t k = 0; k < labels->classes; k++) {
        labels->name[k] = strcpy(text, name[k]);
        text += strlen(text) + 1;
    }
    return UFM_OK;
}

ufm_status ufm_data_single_labels(int64_t images, const uint8_t *class, int64_t classes,
                                  const char *const *name, ufm_labels **labels)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_status status = builder ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; status == UFM_OK && i < images; i++)
        status = ufm_labels_builder_add(builder, 1, &(int32_t){class[i]}, 1, NULL);
    ufm_labels *made = NULL;
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, classes, UFM_DUPLICATES_KEEP, &made, NULL);
    if (status == UFM_OK) status = ufm_data_name_classes(made, name);
    ufm_labels_builder_free(builder);
    if (status == UFM_OK)
        *labels = made;
    else
        ufm_labels_free(made);
    return status;
}

ufm_status ufm_images_stored(int64_t images, ufm_image_shape shape, uint8_t *pixels, const uint8_t *class,
                             const char *const *name, ufm_images **set)
{
    ufm_labels *labels = NULL;
    stored_source *stored = ufm_alloc(1, sizeof *stored);
    ufm_status status = stored ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = ufm_data_single_labels(images, class, STORED_CLASSES, name, &labels);
    if (status == UFM_OK) {
        *stored = (stored_source){shape.channels * shape.height * shape.width, pixels};
        status = ufm_images_new(&stored_ops, stored, labels, shape, set);
    }
    if (status == UFM_OK) return UFM_OK;
    ufm_labels_free(labels);
    ufm_free(stored);
    return status;
}
