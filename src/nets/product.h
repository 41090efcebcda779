/* Private to nets: convolutions and linear layers as products over padded copies.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_PRODUCT_H
#define UFMLAB_NETS_PRODUCT_H

#include "kernel.h"

enum { WEIGHT_BLOCK = LANES * OUT_PAIR };

/* A blocked tensor of one image. */
typedef struct {
    int64_t channels, blocks, height, width, plane,
        image; /* plane, image: elements of a block, of an image */
} tensor_shape;
tensor_shape tensor_shape_of(int64_t channels, int64_t height, int64_t width);

/* How an image is copied with zeros around it; with step 2, even columns before odd ones. */
typedef struct {
    int64_t top, left, height, columns, step, pitch,
        plane; /* columns of each parity; pitch: elements of a row */
} padding_shape;

typedef struct {
    int64_t rows, width, in_row, out_offset, out_row, out_pixel;
    int32_t taps;
    kernel_tap *tap;
} product_phase;

/* dst = weights * src: forward has one phase; the gradient of a strided convolution's input one per residue.
 */
typedef struct {
    tensor_shape src, dst;
    padding_shape padding;
    int32_t taps, phases;
    product_phase phase[4];
    int64_t group; /* images copied at a time */
} product;

typedef struct {
    int64_t kernel_height, kernel_width, stride, padding;
} product_window;

ufm_status product_forward(product *made, tensor_shape src, tensor_shape dst, product_window window,
                           int64_t element);
ufm_status product_backward(product *made, tensor_shape src, tensor_shape dst, product_window window,
                            int64_t element);
void product_free(product *p);
int64_t product_scratch_bytes(const product *p, int64_t element);

typedef struct {
    const kernel_set *kernels;
    bool half;
    ufm_pool *pool;
    char **scratch; /* [threads] */
} product_machine;
typedef struct {
    const void *src, *weights;
    void *dst;
    const float *bias; /* [32 per pair], or NULL */
    bool accumulate;
    int64_t count;
} product_task;
void product_run(const product_machine *machine, const product *p, const product_task *task);

/* The weight gradient of a forward product: d_weights [pairs][blocks][taps][16][32] f32, at an
 * address that 64 divides. */
typedef struct {
    const void *x, *dy;
    float *d_weights;
    int64_t count;
} product_gradient_task;
int64_t product_gradient_bytes(const product *forward, bool half, int64_t *group);
void product_gradient(const product_machine *machine, const product *forward,
                      const product_gradient_task *task);

#endif
