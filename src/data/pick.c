/* Which base images the samples of a composite show.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/composite.h"

#include <string.h>

/* The base images of every class: image[begin[k]] .. image[begin[k+1]-1]. */
typedef struct {
    int64_t *begin;
    int32_t *image, *order; /* order: room for a permutation of one class */
} class_lists;

static void free_lists(class_lists *lists)
{
    ufm_free(lists->begin);
    ufm_free(lists->image);
    ufm_free(lists->order);
}

static ufm_status list_classes(const ufm_labels *base, class_lists *lists, ufm_error *error)
{
    lists->begin = ufm_alloc(base->classes + 1, sizeof *lists->begin);
    lists->image = ufm_alloc(base->columns, sizeof *lists->image);
    lists->order = ufm_alloc(base->columns, sizeof *lists->order);
    if (!lists->begin || !lists->image || !lists->order)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the lists of base images");
    for (int64_t i = 0; i < base->columns; i++) lists->begin[base->tag[i] + 1]++;
    for (int64_t k = 0; k < base->classes; k++) lists->begin[k + 1] += lists->begin[k];
    for (int64_t i = 0; i < base->columns; i++) lists->image[lists->begin[base->tag[i]]++] = (int32_t)i;
    memmove(lists->begin + 1, lists->begin, (size_t)base->classes * sizeof *lists->begin);
    lists->begin[0] = 0;
    return UFM_OK;
}

static void shuffle(ufm_draws *draws, int32_t *order, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = ufm_draws_below(draws, i + 1);
        const int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* The j-th part of the samples first..last-1, which share a tag set that holds class k there. */
static ufm_status pick_class(class_lists *lists, const ufm_labels *labels, int64_t first, int64_t last,
                             int64_t j, ufm_draws *draws, int32_t *part)
{
    const int32_t k = labels->tag[labels->offset[first] + j];
    const int64_t begin = lists->begin[k], count = lists->begin[k + 1] - begin;
    if (count == 0) return UFM_ERROR_USAGE;
    for (int64_t i = first; i < last; i++) {
        const int64_t at = (i - first) % count;
        if (at == 0) {
            memcpy(lists->order, lists->image + begin, (size_t)count * sizeof *lists->order);
            shuffle(draws, lists->order, count);
        }
        part[labels->offset[i] + j] = lists->order[at];
    }
    return UFM_OK;
}

static bool same_set(const ufm_labels *labels, int64_t a, int64_t b)
{
    const ufm_tag_set x = ufm_labels_set(labels, a), y = ufm_labels_set(labels, b);
    return x.tags == y.tags && memcmp(x.tag, y.tag, (size_t)x.tags * sizeof *x.tag) == 0;
}

ufm_status ufm_composite_pick(const ufm_labels *base, const ufm_labels *labels, uint64_t seed, int32_t **part,
                              ufm_error *error)
{
    class_lists lists = {0};
    int32_t *made = ufm_alloc(labels->offset[labels->columns], sizeof *made);
    ufm_status status = made ? list_classes(base, &lists, error)
                             : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the composite");
    int64_t set = 0;
    for (int64_t first = 0, last; first < labels->columns && status == UFM_OK; first = last, set++) {
        ufm_draws draws = ufm_draws_begin(seed, UFM_DRAWS_PICK, set);
        for (last = first + 1; last < labels->columns && same_set(labels, first, last); last++) continue;
        const int64_t tags = ufm_labels_multiplicity(labels, first);
        for (int64_t j = 0; j < tags && status == UFM_OK; j++) {
            status = pick_class(&lists, labels, first, last, j, &draws, made);
            if (status != UFM_OK)
                ufm_fail(error, status, "no base image shows class %d, which a tag set asks for",
                         labels->tag[labels->offset[first] + j]);
        }
    }
    free_lists(&lists);
    if (status == UFM_OK)
        *part = made;
    else
        ufm_free(made);
    return status;
}
