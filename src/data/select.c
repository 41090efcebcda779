/* Part of a set of images.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/images.h"

typedef struct {
    ufm_images *all;
    int64_t *index; /* of every image that is kept */
} selection;

static ufm_status read_selected(const void *source, int64_t index, uint8_t *pixels, ufm_error *error)
{
    const selection *s = source;
    return ufm_images_read(s->all, s->index[index], pixels, error);
}

static void free_selection(void *source)
{
    selection *s = source;
    ufm_images_free(s->all);
    ufm_free(s->index);
    ufm_free(s);
}

static const ufm_images_ops selection_ops = {read_selected, free_selection};

/* Whether an image stays; its tags as they are called then. `singles` counts those kept per class. */
static bool keep(const ufm_selection *how, ufm_tag_set set, int64_t *singles, int32_t *tag)
{
    if (how->tags_most > 0 && set.tags > how->tags_most) return false;
    for (int64_t j = 0; j < set.tags; j++) {
        if (set.tag[j] == how->dropped_class) return false;
        tag[j] = set.tag[j] - (how->dropped_class >= 0 && set.tag[j] > how->dropped_class);
    }
    return set.tags != 1 || how->single_most == 0 || singles[set.tag[0]]++ < how->single_most;
}

static ufm_status collect(const ufm_labels *all, const ufm_selection *how, int64_t *index,
                          ufm_labels_builder *builder, ufm_error *error)
{
    int64_t *singles = ufm_alloc(all->classes, sizeof *singles), kept = 0;
    int32_t *tag = ufm_alloc(all->classes, sizeof *tag);
    ufm_status status = singles && tag ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < all->columns && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(all, i);
        if (!keep(how, set, singles, tag)) continue;
        index[kept++] = i;
        status = ufm_labels_builder_add(builder, set.tags, tag, 1, error);
    }
    if (status == UFM_OK && kept == 0)
        status = ufm_fail(error, UFM_ERROR_INPUT, "no image of the set is left by the selection");
    ufm_free(singles);
    ufm_free(tag);
    return status;
}

ufm_status ufm_images_select(ufm_images *all, const ufm_selection *how, ufm_images **images, ufm_error *error)
{
    selection *s = ufm_alloc(1, sizeof *s);
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    if (s) s->index = ufm_alloc(all->labels->columns, sizeof *s->index);
    ufm_status status = s && s->index && builder
                            ? collect(all->labels, how, s->index, builder, error)
                            : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the selection");
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, all->labels->classes - (how->dropped_class >= 0),
                                           UFM_DUPLICATES_KEEP, &labels, error);
    if (status == UFM_OK) status = ufm_images_new(&selection_ops, s, labels, all->shape, images);
    if (status == UFM_OK) {
        s->all = all;
        (*images)->scaling = all->scaling;
    } else {
        ufm_labels_free(labels);
        if (s) free_selection(s);
    }
    ufm_labels_builder_free(builder);
    return status;
}
