/* Private to nets: convolutions with 3 x 3 windows and stride 1 by Winograd's algorithm F(4 x 4, 3 x 3) in
 * f32, by our own kernels: a quarter of the multiplications, at rounding errors some ten times as large.
 *
 * Windows and weights are transformed where they are used, into the second-level cache of the worker that
 * multiplies them, so that the 36/9 times as many transformed weights never go to memory: with 512 channels
 * they are what a layer's time is spent on otherwise. The work is cut into parts of the windows and of the
 * channels that are written, whichever repeats fewer transformations. Copyright (C) 2026 the ufmlab authors.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_WINOGRAD_H
#define UFMLAB_NETS_WINOGRAD_H

#include "product.h"

typedef struct {
    tensor_shape from, to; /* read and written; for the weights' gradient x and dy */
    int64_t padding;       /* rows and columns of zeros before `from` */
    bool turned;           /* the way back: weights are those turned by half a turn */
    bool fresh; /* the way back: weights are exchanged where they are used, as few chunks use them */
    int64_t rows, columns;      /* windows of an image */
    int64_t chunk;              /* windows that are transformed at a time */
    int64_t cuts, channel_cuts; /* parts of the windows, and of the pairs of blocks that are written; for the
                                   weights' gradient: of the blocks of x and of the pairs of dy */
    int64_t window_cuts;        /* weights' gradient: parts of the windows, whose sums are added in order */
    int64_t scratch_bytes;      /* of each thread */
} winograd;

/* How a layer is done forward, or on the way back; false where the algorithm does not apply. */
bool winograd_plan(winograd *made, tensor_shape src, tensor_shape dst, product_window window, bool back,
                   int64_t batch, int threads);
/* weights: [pairs][blocks][9][16][32], on the way back with inputs and outputs exchanged unless `fresh`. */
void winograd_run(const product_machine *machine, const winograd *p, const product_task *task);

/* The same for the gradient of the weights. */
bool winograd_gradient_plan(winograd *made, tensor_shape src, tensor_shape dst, product_window window,
                            int64_t batch, int threads);
void winograd_gradient(const product_machine *machine, const winograd *p, const product_gradient_task *task);

#endif
