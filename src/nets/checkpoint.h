/* Private to nets: what a checkpoint holds: texts "format", "settings", "arguments"; "place", "sums", the
 * rows of metrics.csv, the engine's vectors, and a digest of all that.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_CHECKPOINT_H
#define UFMLAB_NETS_CHECKPOINT_H

#include "train.h"

enum { UFM_CHECKPOINT_TEXT = 8192, UFM_CHECKPOINT_VECTORS = 4 };
extern const char ufm_checkpoint_format[];
typedef struct {
    ufm_engine_vector which;
    const char *name;
} ufm_checkpoint_vector;
extern const ufm_checkpoint_vector ufm_checkpoint_vectors[UFM_CHECKPOINT_VECTORS];

/* What must agree for a training to go on as if it had never stopped. */
void ufm_checkpoint_describe(const ufm_trainer *trainer, char text[UFM_CHECKPOINT_TEXT]);
/* Numbers in vector `v`; 0: this training has none. */
int64_t ufm_checkpoint_length(const ufm_trainer *trainer, int v);

/* Tells a damaged file from a good one where HDF5 does not: a sum over its contents, in their order. */
typedef struct {
    uint64_t value;
} ufm_digest;
ufm_digest ufm_digest_begin(void);
void ufm_digest_bytes(ufm_digest *digest, const void *bytes, int64_t size);

#endif
