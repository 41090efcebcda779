/* Private to nets: convolutions and linear layers (windows as large as their input) by oneDNN, on the
 * engine's blocked tensors (kernel.h) and weights (fast.h: f32 [pairs][blocks][taps][16][32], padding zero).
 *
 * An onednn_product is one way of one layer by one route, with everything it needs made once: running it
 * allocates no numbers. oneDNN itself runs on one thread; our pool's workers share the work, so the two never
 * compete for cores, and results depend on the number of threads only. Where two routes lead to the same
 * numbers, up to rounding, the faster one is for the caller to find out.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_ONEDNN_H
#define UFMLAB_NETS_ONEDNN_H

#include "product.h"
#include <ufmlab/nets.h>

typedef enum { ONEDNN_FORWARD, ONEDNN_BACK_INPUT, ONEDNN_BACK_WEIGHTS, ONEDNN_DIRECTIONS } onednn_direction;
/* oneDNN's convolution, its matrix product with unfolded patches of the images, or its convolution by
 * Winograd's algorithm (version 2 for 3x3 windows in f32: a quarter of the multiplications, and rounding
 * errors some ten times as large). */
typedef enum { ONEDNN_CONVOLUTION, ONEDNN_MATMUL, ONEDNN_WINOGRAD, ONEDNN_ROUTES } onednn_route;

typedef struct {
    tensor_shape src, dst; /* the layer's input and output, whatever the direction */
    product_window window;
    int64_t batch; /* largest */
    int threads;   /* >= 1: parts of the work */
    bool half;     /* activations and the packed weights are bf16, else f32 */
    bool bias;     /* FORWARD adds one */
    bool add;      /* BACK_INPUT adds to the gradient that is there */
} onednn_layer;

typedef struct onednn_product onednn_product;

/* UFM_ERROR_UNSUPPORTED where oneDNN has no fast code for it on this processor. */
ufm_status onednn_product_new(const onednn_layer *layer, onednn_direction direction, onednn_route route,
                              onednn_product **made);
void onednn_product_free(onednn_product *p); /* accepts NULL */
/* Bytes of its packed weights (0: BACK_WEIGHTS), and of the scratch that each part of the work needs. */
int64_t onednn_weight_bytes(const onednn_product *p);
int64_t onednn_scratch_bytes(const onednn_product *p);

/* Packs weights as this product reads them. `pool` may be NULL. */
ufm_status onednn_pack(const onednn_product *p, ufm_pool *pool, const float *weights, void *packed);

/* FORWARD: dst = weights * src + bias; BACK_INPUT: the gradient of the input, `dst`, from that of the output,
 * `src`; BACK_WEIGHTS: d_weights from x and dy.
 * Tensors hold `batch` images, whatever the count: convolutions may overwrite those from `count` on in dst
 * and zero those in dy, and need finite numbers in x. */
typedef struct {
    const void *src, *packed;
    void *dst;
    const float *bias; /* [32 per pair] */
    const void *x;
    void *dy;
    float *d_weights;
    int64_t count;
    char **scratch; /* [threads], aligned to 64 bytes, with anything in them */
} onednn_task;
/* UFM_ERROR_NUMERIC when oneDNN reports an error. One run at a time. */
ufm_status onednn_run(const onednn_product *p, ufm_pool *pool, const onednn_task *task);

#endif
