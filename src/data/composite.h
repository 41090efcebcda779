/* Private to data: which base images a composite shows, and the draws that place them.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_COMPOSITE_H
#define UFMLAB_DATA_COMPOSITE_H

#include <ufmlab/data.h>

/* Numbers that depend on a key only: cheap enough to have one stream per image. */
typedef struct {
    uint64_t key, next;
} ufm_draws;
/* Streams of different (seed, purpose, index) are unrelated. */
typedef enum { UFM_DRAWS_PICK, UFM_DRAWS_PLACE, UFM_DRAWS_PIXELS } ufm_draws_purpose;
static inline ufm_draws ufm_draws_begin(uint64_t seed, ufm_draws_purpose purpose, int64_t index)
{
    return (ufm_draws){ufm_seed_derive(ufm_seed_derive(seed, (uint64_t)purpose), (uint64_t)index), 0};
}
/* 0..bound-1; 1 <= bound < 2^31. */
static inline int64_t ufm_draws_below(ufm_draws *draws, int64_t bound)
{
    const uint64_t bits = ufm_seed_derive(draws->key, draws->next++) >> 22; /* the upper 31 of 53 */
    return (int64_t)((bits * (uint64_t)bound) >> 31);
}

/* part[offset[i] + j], with the offsets of `labels`, is the base image that sample i shows for its j-th tag.
 */
ufm_status ufm_composite_pick(const ufm_labels *base, const ufm_labels *labels, uint64_t seed, int32_t **part,
                              ufm_error *error);

#endif
