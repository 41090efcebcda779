/* ufmlab: nets: convolutions and linear layers as products over padded copies.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "product.h"

#include <string.h>

enum {
    COPY_BUDGET = 384 << 10
}; /* bytes of padded images that stay in the second-level cache beside the weights */

tensor_shape tensor_shape_of(int64_t channels, int64_t height, int64_t width)
{
    const int64_t blocks = blocks_of(channels), plane = height * width * LANES;
    return (tensor_shape){channels, blocks, height, width, plane, blocks * plane};
}

static void set_padding(padding_shape *pad, int64_t height, int64_t width, int64_t step)
{
    pad->height = height;
    pad->columns = ceiling(width, step);
    pad->step = step;
    pad->pitch = step * pad->columns * LANES;
    pad->plane = height * pad->pitch;
}

static void set_group(product *made, int64_t element)
{
    made->group = COPY_BUDGET / (made->src.blocks * made->padding.plane * element);
    if (made->group < 1) made->group = 1;
}

ufm_status product_forward(product *made, tensor_shape src, tensor_shape dst, product_window w,
                           int64_t element)
{
    *made =
        (product){.src = src, .dst = dst, .taps = (int32_t)(w.kernel_height * w.kernel_width), .phases = 1};
    padding_shape *const pad = &made->padding;
    pad->top = pad->left = w.padding;
    set_padding(pad, (dst.height - 1) * w.stride + w.kernel_height,
                (dst.width - 1) * w.stride + w.kernel_width, w.stride);
    product_phase *const phase = &made->phase[0];
    *phase = (product_phase){dst.height,
                             dst.width,
                             w.stride * pad->pitch,
                             0,
                             dst.width * LANES,
                             LANES,
                             made->taps,
                             ufm_alloc(made->taps, sizeof(kernel_tap))};
    if (!phase->tap) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < made->taps; i++) {
        const int64_t u = i / w.kernel_width, v = i % w.kernel_width;
        phase->tap[i].in = (int32_t)(u * pad->pitch + (v % w.stride * pad->columns + v / w.stride) * LANES);
        phase->tap[i].weight = (int32_t)(i * WEIGHT_BLOCK);
    }
    set_group(made, element);
    return UFM_OK;
}

/* The taps that reach output residue (a, b): u with stride | a + padding - u, and likewise v. */
static ufm_status backward_phase(product *made, product_window w, int64_t a, int64_t b)
{
    const padding_shape *pad = &made->padding;
    const tensor_shape *dst = &made->dst;
    product_phase *const phase = &made->phase[made->phases++];
    *phase = (product_phase){ceiling(dst->height - a, w.stride),
                             ceiling(dst->width - b, w.stride),
                             pad->pitch,
                             (a * dst->width + b) * LANES,
                             w.stride * dst->width * LANES,
                             w.stride * LANES,
                             0,
                             ufm_alloc(made->taps, sizeof(kernel_tap))};
    if (!phase->tap) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < made->taps; i++) {
        const int64_t up = a + w.padding - i / w.kernel_width, left = b + w.padding - i % w.kernel_width;
        if (up % w.stride != 0 || left % w.stride != 0) continue;
        kernel_tap *const tap = &phase->tap[phase->taps++];
        tap->in = (int32_t)((up / w.stride + pad->top) * pad->pitch + (left / w.stride + pad->left) * LANES);
        tap->weight = (int32_t)(i * WEIGHT_BLOCK);
    }
    return UFM_OK;
}

ufm_status product_backward(product *made, tensor_shape src, tensor_shape dst, product_window w,
                            int64_t element)
{
    *made = (product){.src = src, .dst = dst, .taps = (int32_t)(w.kernel_height * w.kernel_width)};
    padding_shape *const pad = &made->padding;
    const int64_t above = w.kernel_height - 1 - w.padding, before = w.kernel_width - 1 - w.padding;
    pad->top = above > 0 ? ceiling(above, w.stride) : 0;
    pad->left = before > 0 ? ceiling(before, w.stride) : 0;
    set_padding(pad, pad->top + (dst.height - 1 + w.padding) / w.stride + 1,
                pad->left + (dst.width - 1 + w.padding) / w.stride + 1, 1);
    set_group(made, element);
    ufm_status status = UFM_OK;
    for (int64_t a = 0; a < w.stride && a < dst.height; a++)
        for (int64_t b = 0; b < w.stride && b < dst.width && status == UFM_OK; b++)
            status = backward_phase(made, w, a, b);
    return status;
}

void product_free(product *p)
{
    for (int32_t i = 0; i < p->phases; i++) ufm_free(p->phase[i].tap);
    p->phases = 0;
}

int64_t product_scratch_bytes(const product *p, int64_t element)
{
    return p->group * p->src.blocks * p->padding.plane * element;
}

/* One block of one image, with zeros around it; pixel: bytes of 16 channels. */
static void copy_block(const product *p, const char *from, char *to, size_t pixel)
{
    const padding_shape *pad = &p->padding;
    const int64_t width = p->src.width, slots = pad->columns * pad->step;
    for (int64_t r = 0; r < pad->height; r++, to += (size_t)slots * pixel) {
        memset(to, 0, (size_t)slots * pixel);
        if (r < pad->top || r - pad->top >= p->src.height) continue;
        const char *row = from + (size_t)((r - pad->top) * width) * pixel;
        const int64_t fits = width < slots - pad->left ? width : slots - pad->left;
        if (pad->step == 1) {
            memcpy(to + (size_t)pad->left * pixel, row, (size_t)fits * pixel);
            continue;
        }
        for (int64_t x = 0; x < fits; x++) {
            const int64_t q = x + pad->left, slot = q % pad->step * pad->columns + q / pad->step;
            memcpy(to + (size_t)slot * pixel, row + (size_t)x * pixel, pixel);
        }
    }
}

typedef struct {
    const product_machine *machine;
    const product *p;
    const product_task *task;
    kernel_tile_choice *choose;
    size_t element;
} run_context;

static const int full_rows[TILE_WIDTH + 1] = {0, 8, 7, 4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1};

/* Rows from..from + rows - 1 of the group, counted over its images, and one stretch of columns. */
static void run_tile(const run_context *run, const product_phase *phase, kernel_tile *tile,
                     const int64_t place[5])
{
    const product *p = run->p;
    const int64_t image0 = place[0], from = place[1], rows = place[2], column = place[3], width = place[4];
    const char *scratch = tile->in[0];
    char *dst = tile->out[0];
    kernel_tile own = *tile;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t image = (from + r) / phase->rows, row = (from + r) % phase->rows;
        own.in[r] = scratch + (size_t)(image * p->src.blocks * p->padding.plane + row * phase->in_row +
                                       column * LANES) *
                                  run->element;
        own.out[r] = dst + (size_t)((image0 + image) * p->dst.image + phase->out_offset +
                                    row * phase->out_row + column * phase->out_pixel) *
                               run->element;
    }
    run->choose((int)rows, (int)width, own.out_block ? 2 : 1)(&own);
}

static void run_phase(const run_context *run, const product_phase *phase, int64_t image0, int64_t images,
                      kernel_tile *tile)
{
    const int64_t stretches = ceiling(phase->width, TILE_WIDTH), total = images * phase->rows;
    tile->tap = phase->tap;
    tile->taps = phase->taps;
    tile->out_pixel = phase->out_pixel;
    for (int64_t s = 0; s < stretches; s++) {
        const int64_t column = phase->width * s / stretches,
                      width = phase->width * (s + 1) / stretches - column;
        for (int64_t from = 0, rows; from < total; from += rows) {
            rows = full_rows[width] <= total - from ? full_rows[width] : 1;
            run_tile(run, phase, tile, (const int64_t[5]){image0, from, rows, column, width});
        }
    }
}

static void run_images(void *context, int worker, int64_t begin, int64_t end)
{
    const run_context *run = context;
    const product *p = run->p;
    const size_t pixel = LANES * run->element;
    char *scratch = run->machine->scratch[worker];
    for (int64_t at = begin; at < end; at += p->group) {
        const int64_t images = end - at < p->group ? end - at : p->group;
        for (int64_t b = 0; b < images * p->src.blocks; b++)
            copy_block(p,
                       (const char *)run->task->src +
                           (size_t)(at * p->src.image + b * p->src.plane) * run->element,
                       scratch + (size_t)(b * p->padding.plane) * run->element, pixel);
        for (int64_t pair = 0; pair < pairs_of(p->dst.channels); pair++) {
            const int64_t weights = pair * p->src.blocks * p->taps * WEIGHT_BLOCK;
            kernel_tile tile = {
                .in = {scratch},
                .out = {(char *)run->task->dst + (size_t)(2 * pair * p->dst.plane) * run->element},
                .weights = (const char *)run->task->weights + (size_t)weights * run->element,
                .blocks = (int32_t)p->src.blocks,
                .channels = (int32_t)(p->src.channels - (p->src.blocks - 1) * LANES),
                .in_block = p->padding.plane,
                .weight_block = (int64_t)p->taps * WEIGHT_BLOCK,
                .out_block = 2 * pair + 1 < p->dst.blocks ? p->dst.plane : 0,
                .bias = run->task->bias ? run->task->bias + pair * OUT_PAIR : NULL,
                .accumulate = run->task->accumulate};
            for (int32_t i = 0; i < p->phases; i++)
                if (p->phase[i].taps > 0 || !tile.accumulate) run_phase(run, &p->phase[i], at, images, &tile);
        }
    }
}

void product_run(const product_machine *machine, const product *p, const product_task *task)
{
    run_context run = {machine, p, task, machine->kernels->tile, machine->half ? 2 : 4};
#ifdef __x86_64__
    if (machine->half) run.choose = kernel_tile_bf16;
#endif
    ufm_pool_run(machine->pool, task->count, 1, run_images, &run);
}

/* ---- Weight gradients ---- */

int64_t product_gradient_bytes(const product *p, bool half, int64_t *group)
{
    const int64_t x = p->padding.plane * (half ? 6 : 4);
    const int64_t dy = half ? p->dst.blocks * p->dst.height * ceiling(p->dst.width, 2) * 4 * LANES : 0;
    const int64_t read = half ? dy : p->dst.image * 4;
    *group = 2 * COPY_BUDGET / (read + x);
    if (*group < 1) *group = 1;
    return *group * (x + dy) + 64;
}

typedef struct {
    const product_machine *machine;
    const product *p;
    const product_gradient_task *task;
    int64_t group;
} gradient_context;

/* The padded copies of one block of x, for a group of images; bf16: as pairs of neighbouring pixels. */
static void gather_x(const gradient_context *run, int64_t at, int64_t images, int64_t block, char *x)
{
    const product *p = run->p;
    const size_t element = run->machine->half ? 2 : 4;
    char *const plain = run->machine->half ? x + (size_t)(run->group * p->padding.plane) * 4 : x;
    for (int64_t i = 0; i < images; i++) {
        char *to = plain + (size_t)(i * p->padding.plane) * element;
        copy_block(p,
                   (const char *)run->task->x +
                       (size_t)((at + i) * p->src.image + block * p->src.plane) * element,
                   to, LANES * element);
#ifdef __x86_64__
        if (run->machine->half)
            kernel_pairs_bf16((const uint16_t *)to, p->padding.plane / LANES, 1,
                              (uint16_t *)x + 2 * i * p->padding.plane);
#endif
    }
}

static void pair_dy(const gradient_context *run, int64_t at, int64_t images, uint16_t *to)
{
#ifdef __x86_64__
    const product *p = run->p;
    const int64_t pairs = ceiling(p->dst.width, 2) * 2 * LANES;
    for (int64_t row = 0; row < images * p->dst.blocks * p->dst.height; row++)
        kernel_pairs_bf16((const uint16_t *)run->task->dy + at * p->dst.image + row * p->dst.width * LANES,
                          p->dst.width, 2, to + row * pairs);
#else
    (void)run, (void)at, (void)images, (void)to;
#endif
}

/* At most CHAIN pixels are added one to the next before the sum joins the others': rounding grows with the
 * root of that, not of all the pixels of a batch. */
static void run_gradient(const product_machine *machine, const kernel_gradient *task)
{
    enum { CHAIN = 1024 };
    const int64_t map = task->rows * task->width, images = map < CHAIN ? CHAIN / map : 1,
                  rows = images > 1 ? task->rows : ceiling(CHAIN, task->width);
    const size_t element = machine->half ? 2 : 4;
    for (int64_t image = 0; image < task->images; image += images)
        for (int64_t row = 0; row < task->rows; row += rows) {
            kernel_gradient part = *task;
            part.x = (const char *)task->x + (size_t)(image * task->x_image + row * task->x_row) * element;
            part.dy =
                (const char *)task->dy + (size_t)(image * task->dy_image + row * task->dy_row) * element;
            part.images = task->images - image < images ? task->images - image : images;
            part.rows = task->rows - row < rows ? task->rows - row : rows;
            part.accumulate = task->accumulate || image > 0 || row > 0;
#ifdef __x86_64__
            if (machine->half) {
                kernel_gradient_bf16(&part);
                continue;
            }
#endif
            machine->kernels->gradient(&part);
        }
}

static void gradient_group(const gradient_context *run, int64_t at, int64_t images, const int64_t range[2],
                           char *scratch)
{
    const product *p = run->p;
    const bool half = run->machine->half;
    const int64_t pairs = pairs_of(p->dst.channels), scale = half ? 2 : 1,
                  width = half ? ceiling(p->dst.width, 2) : p->dst.width;
    char *const x = scratch;
    char *const dy = half ? x + (size_t)(run->group * p->padding.plane * 6) : NULL;
    if (half) pair_dy(run, at, images, (uint16_t *)dy);
    const int64_t dy_row = width * scale * LANES, dy_plane = dy_row * p->dst.height;
    int64_t have = -1;
    for (int64_t unit = range[0]; unit < range[1]; unit++) {
        const int64_t block = unit / (pairs * p->taps), pair = unit / p->taps % pairs, tap = unit % p->taps;
        if (block != have) gather_x(run, at, images, block, x);
        have = block;
        const int64_t plane = 2 * pair * dy_plane, tap_in = p->phase[0].tap[tap].in;
        kernel_gradient task = {
            .x = half ? (const void *)((const uint16_t *)x + 2 * tap_in)
                      : (const void *)((const float *)(void *)x + tap_in),
            .dy = half ? (const void *)((const uint16_t *)dy + plane)
                       : (const void *)((const float *)run->task->dy + at * p->dst.image + plane),
            .images = images,
            .rows = p->dst.height,
            .width = width,
            .x_image = p->padding.plane * scale,
            .x_row = p->phase[0].in_row * scale,
            .dy_image = dy_plane * p->dst.blocks,
            .dy_row = dy_row,
            .dy_block = dy_plane,
            .channels = block + 1 < p->src.blocks ? LANES : (int32_t)(p->src.channels - block * LANES),
            .accumulate = at > 0,
            .two = 2 * pair + 1 < p->dst.blocks,
            .out = run->task->d_weights + ((pair * p->src.blocks + block) * p->taps + tap) * WEIGHT_BLOCK};
        run_gradient(run->machine, &task);
    }
}

static void gradient_units(void *context, int worker, int64_t begin, int64_t end)
{
    const gradient_context *run = context;
    for (int64_t at = 0; at < run->task->count; at += run->group) {
        const int64_t left = run->task->count - at, images = left < run->group ? left : run->group;
        gradient_group(run, at, images, (const int64_t[2]){begin, end}, run->machine->scratch[worker]);
    }
}

void product_gradient(const product_machine *machine, const product *p, const product_gradient_task *task)
{
    gradient_context run = {machine, p, task, 0};
    product_gradient_bytes(p, machine->half, &run.group);
    ufm_pool_run(machine->pool, p->src.blocks * pairs_of(p->dst.channels) * p->taps, 1, gradient_units, &run);
}
