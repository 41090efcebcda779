/* Private to nets: the twin engine: every layer as plain loops in double precision.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_TWIN_H
#define UFMLAB_NETS_TWIN_H

#include "engine.h"

/* One layer's numbers: what it yields, the gradient with respect to it, and what its way back needs. */
typedef struct {
    double *out, *gradient; /* batch x channels x height x width */
    double *mean, *inverse; /* BATCH_NORM: of the batch, or the running ones; 1/sqrt(variance + epsilon) */
    int32_t *chosen;        /* MAX_POOL: which number of the input's map is the largest, as `out` */
} ufm_twin_layer;

typedef struct {
    const ufm_network *network;
    int64_t batch, count; /* largest batch, and that of the last forward */
    bool trained;         /* the last forward was one with `train` */
    ufm_pool *pool;
    double *vector[UFM_VECTOR_RUNNING + 1];
    ufm_twin_layer *layer; /* [layers] */
} ufm_twin;

/* Each fills layer `l`'s out for `count` images, or adds to its inputs' gradients and its parameters'. */
void ufm_twin_convolution(ufm_twin *twin, int64_t l);
void ufm_twin_convolution_back(ufm_twin *twin, int64_t l);
void ufm_twin_batch_norm(ufm_twin *twin, int64_t l, bool train);
void ufm_twin_batch_norm_back(ufm_twin *twin, int64_t l);
void ufm_twin_relu(ufm_twin *twin, int64_t l);
void ufm_twin_relu_back(ufm_twin *twin, int64_t l);
void ufm_twin_add(ufm_twin *twin, int64_t l);
void ufm_twin_add_back(ufm_twin *twin, int64_t l);
void ufm_twin_max_pool(ufm_twin *twin, int64_t l);
void ufm_twin_max_pool_back(ufm_twin *twin, int64_t l);
void ufm_twin_average_pool(ufm_twin *twin, int64_t l);
void ufm_twin_average_pool_back(ufm_twin *twin, int64_t l);
void ufm_twin_linear(ufm_twin *twin, int64_t l);
void ufm_twin_linear_back(ufm_twin *twin, int64_t l);

/* Numbers of one image at a layer's output. */
static inline int64_t ufm_twin_numbers(const ufm_layer *layer)
{
    return layer->channels * layer->height * layer->width;
}

#endif
