/* ufmlab: nets: batches of images or of a table's rows.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "samples.h"

#include <string.h>

struct ufm_feed {
    ufm_loader *loader; /* of images; else a table: */
    const ufm_table *table;
    int64_t most;        /* rows of a full batch */
    int64_t *order;      /* [rows] */
    int64_t count, next; /* of this epoch */
    float *value;        /* most x columns */
    ufm_batch batch;
};

ufm_image_shape ufm_samples_shape(const ufm_samples *s)
{
    return s->images ? ufm_images_shape(s->images) : (ufm_image_shape){s->table->columns, 1, 1};
}

const ufm_labels *ufm_samples_labels(const ufm_samples *s)
{
    return s->images ? ufm_images_labels(s->images) : s->table->labels;
}

void ufm_feed_free(ufm_feed *feed)
{
    if (!feed) return;
    ufm_loader_free(feed->loader);
    ufm_free(feed->order);
    ufm_free(feed->value);
    ufm_free(feed);
}

ufm_status ufm_feed_new(const ufm_samples *samples, int64_t batch, ufm_feed **feed, ufm_error *error)
{
    const ufm_loader_settings loading = {.batch = batch};
    ufm_feed *made = ufm_alloc(1, sizeof *made);
    ufm_status status = made ? UFM_OK : UFM_ERROR_MEMORY;
    if (made && samples->images) {
        status = ufm_loader_new(samples->images, &loading, &made->loader, error);
    } else if (made) {
        made->table = samples->table;
        made->most = batch < made->table->rows ? batch : made->table->rows;
        made->order = ufm_alloc(made->table->rows, sizeof *made->order);
        made->value = ufm_alloc(made->most * made->table->columns, sizeof *made->value);
        if (!made->order || !made->value) status = UFM_ERROR_MEMORY;
    }
    if (status == UFM_OK) {
        *feed = made;
    } else {
        ufm_feed_free(made);
    }
    return status;
}

ufm_status ufm_feed_start(ufm_feed *feed, const int64_t *order, int64_t count, ufm_error *error)
{
    if (feed->loader) return ufm_loader_start(feed->loader, order, count, error);
    memcpy(feed->order, order, (size_t)count * sizeof *order);
    feed->count = count;
    feed->next = 0;
    return UFM_OK;
}

ufm_status ufm_feed_next(ufm_feed *feed, const ufm_batch **batch, ufm_error *error)
{
    if (feed->loader) return ufm_loader_next(feed->loader, batch, error);
    const int64_t left = feed->count - feed->next, columns = feed->table->columns;
    const int64_t count = left < feed->most ? left : feed->most;
    const int64_t *index = feed->order + feed->next;
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < columns; c++)
            feed->value[i * columns + c] = (float)feed->table->value[index[i] * columns + c];
    feed->batch = (ufm_batch){.count = count, .index = index, .pixels = feed->value};
    feed->next += count;
    *batch = count > 0 ? &feed->batch : NULL;
    return UFM_OK;
}
