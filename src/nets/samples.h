/* Private to nets: batches of images or of a table's rows.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_SAMPLES_H
#define UFMLAB_NETS_SAMPLES_H

#include <ufmlab/nets.h>

/* As a ufm_loader: start an epoch with an order, take its batches. */
typedef struct ufm_feed ufm_feed;
ufm_status ufm_feed_new(const ufm_samples *samples, int64_t batch, ufm_feed **feed, ufm_error *error);
void ufm_feed_free(ufm_feed *feed); /* accepts NULL */
ufm_status ufm_feed_start(ufm_feed *feed, const int64_t *order, int64_t count, ufm_error *error);
ufm_status ufm_feed_next(ufm_feed *feed, const ufm_batch **batch, ufm_error *error);

#endif
