/* Private to nets: what the two routes to oneDNN share.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_ONEDNN_PRODUCT_H
#define UFMLAB_NETS_ONEDNN_PRODUCT_H

#include "onednn_api.h"

/* Output pixels whose patches have the same taps: all of them forward, one residue modulo the stride on the
 * way back. Pixel (r, c) of the phase reads source pixel (r, c) * in_step + the tap's. */
typedef struct {
    int64_t row, column; /* of the source, before padding */
    int64_t index;       /* of the weights' tap */
} unfold_tap;
typedef struct {
    int64_t rows, width, in_step, out_step, out_row, out_column;
    int64_t taps;
    unfold_tap *tap; /* [taps] */
    int64_t weights; /* bytes before this phase's packed weights */
} unfold_phase;

struct onednn_product {
    onednn_layer layer;
    onednn_direction direction;
    onednn_route route;
    int64_t weight_bytes, scratch_bytes;
    dnn_call *call; /* CONVOLUTION: [threads]; MATMUL: [threads][phases] */
    int64_t calls;
    /* CONVOLUTION: weights in, or their gradient out, in parts of the output channels. */
    dnn_call *reorder;
    int64_t reorders;
    int64_t gradient_bytes; /* of one worker's weight gradient */
    /* MATMUL */
    unfold_phase *phase;
    int64_t phases;
    int64_t group;                                     /* images at a time */
    int64_t patches, others, products, products_bytes; /* bytes of scratch before each part */
};

static inline size_t onednn_element(const onednn_product *p)
{
    return p->layer.half ? 2 : 4;
}
static inline int64_t onednn_taps(const onednn_product *p)
{
    return p->layer.window.kernel_height * p->layer.window.kernel_width;
}
static inline int64_t onednn_align(int64_t bytes)
{
    return (bytes + 127) / 128 * 128;
}

/* Parts 0..parts-1 of a task on the pool; the first failure counts. */
typedef struct onednn_parts onednn_parts;
typedef ufm_status onednn_part(const onednn_parts *run, int64_t part);
struct onednn_parts {
    const onednn_product *product;
    const onednn_task *task;
    const float *weights; /* to pack */
    void *packed;
    onednn_part *body;
    _Atomic int failed;
};
ufm_status onednn_run_parts(onednn_parts *run, ufm_pool *pool, int64_t parts);

ufm_status onednn_convolution_new(onednn_product *p);
ufm_status onednn_convolution_pack(onednn_parts *run, ufm_pool *pool);
ufm_status onednn_convolution_run(onednn_parts *run, ufm_pool *pool);
ufm_status onednn_matmul_new(onednn_product *p);
ufm_status onednn_matmul_pack(onednn_parts *run, ufm_pool *pool);
ufm_status onednn_matmul_run(onednn_parts *run, ufm_pool *pool);

#endif
