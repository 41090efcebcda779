/* ufmlab: nets: the route through oneDNN's matrix product. The patches that the output's pixels see become
 * rows of a matrix, a few images at a time: products of that with the weights are the output's pixels, and of
 * its transpose with the output's gradient the weights' gradient. Copyright (C) 2026 the ufmlab authors.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef UFM_HAVE_ONEDNN
#include "onednn_product.h"

#include <string.h>

enum { PATCH_BUDGET = 1 << 20, FEWEST_ROWS = 256 };

/* ---- Phases ---- */

static ufm_status forward_phase(onednn_product *p)
{
    const product_window *w = &p->layer.window;
    unfold_phase *const phase = &p->phase[p->phases++];
    *phase = (unfold_phase){.rows = p->layer.dst.height,
                            .width = p->layer.dst.width,
                            .in_step = w->stride,
                            .out_step = 1,
                            .taps = onednn_taps(p),
                            .tap = ufm_alloc(onednn_taps(p), sizeof(unfold_tap))};
    if (!phase->tap) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < phase->taps; i++)
        phase->tap[i] = (unfold_tap){i / w->kernel_width - w->padding, i % w->kernel_width - w->padding, i};
    return UFM_OK;
}

/* Input pixels (a, b) modulo the stride see those taps (u, v) with stride | a + padding - u, and likewise v.
 */
static ufm_status backward_phase(onednn_product *p, int64_t a, int64_t b)
{
    const product_window *w = &p->layer.window;
    unfold_phase *const phase = &p->phase[p->phases++];
    *phase = (unfold_phase){.rows = (p->layer.src.height - a + w->stride - 1) / w->stride,
                            .width = (p->layer.src.width - b + w->stride - 1) / w->stride,
                            .in_step = 1,
                            .out_step = w->stride,
                            .out_row = a,
                            .out_column = b,
                            .tap = ufm_alloc(onednn_taps(p), sizeof(unfold_tap))};
    if (!phase->tap) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < onednn_taps(p); i++) {
        const int64_t up = a + w->padding - i / w->kernel_width, left = b + w->padding - i % w->kernel_width;
        if (up % w->stride == 0 && left % w->stride == 0)
            phase->tap[phase->taps++] = (unfold_tap){up / w->stride, left / w->stride, i};
    }
    return UFM_OK;
}

static ufm_status make_phases(onednn_product *p)
{
    const int64_t stride = p->layer.window.stride;
    p->phase = ufm_alloc(stride * stride, sizeof *p->phase);
    if (!p->phase) return UFM_ERROR_MEMORY;
    if (p->direction != ONEDNN_BACK_INPUT) return forward_phase(p);
    ufm_status status = UFM_OK;
    for (int64_t a = 0; a < stride && a < p->layer.src.height; a++)
        for (int64_t b = 0; b < stride && b < p->layer.src.width && status == UFM_OK; b++)
            status = backward_phase(p, a, b);
    return status;
}

/* What a product reads as patches, and what it yields. */
static const tensor_shape *patched(const onednn_product *p)
{
    return p->direction == ONEDNN_BACK_INPUT ? &p->layer.dst : &p->layer.src;
}
static const tensor_shape *yielded(const onednn_product *p)
{
    return p->direction == ONEDNN_BACK_INPUT ? &p->layer.src : &p->layer.dst;
}

/* ---- Patches ---- */

typedef struct {
    const unfold_phase *phase;
    const tensor_shape *from;
    int64_t unit[2]; /* which (block, tap) pairs, tap fastest */
    size_t pixel;    /* bytes of 16 channels */
} unfold_task;

/* One image: a row per pixel of the phase, 16 numbers per unit. */
static void unfold_image(const unfold_task *u, const char *from, char *to)
{
    const unfold_phase *phase = u->phase;
    const int64_t height = u->from->height, width = u->from->width;
    for (int64_t r = 0; r < phase->rows; r++)
        for (int64_t c = 0; c < phase->width; c++) {
            int64_t tap = u->unit[0] % phase->taps;
            const char *plane = from + (size_t)(u->unit[0] / phase->taps * height * width) * u->pixel;
            for (int64_t unit = u->unit[0]; unit < u->unit[1]; unit++, to += u->pixel) {
                const int64_t row = r * phase->in_step + phase->tap[tap].row,
                              column = c * phase->in_step + phase->tap[tap].column;
                const bool inside = row >= 0 && row < height && column >= 0 && column < width;
                const char *at = plane + (size_t)(row * width + column) * u->pixel;
                /* Of constant size, which the compiler makes one or two moves. */
                if (!inside)
                    memset(to, 0, u->pixel);
                else if (u->pixel == 32)
                    memcpy(to, at, 32);
                else
                    memcpy(to, at, 64);
                if (++tap == phase->taps) {
                    tap = 0;
                    plane += (size_t)(height * width) * u->pixel;
                }
            }
        }
}

static int64_t phase_pixels(const unfold_phase *phase)
{
    return phase->rows * phase->width;
}

/* `images` images from `at` on, and zeros for the rest of a group. */
static void unfold_group(const onednn_product *p, const unfold_task *u, const void *tensor,
                         const int64_t range[2], char *to)
{
    const size_t row = (size_t)(u->unit[1] - u->unit[0]) * u->pixel,
                 image = (size_t)phase_pixels(u->phase) * row,
                 step = (size_t)u->from->image * onednn_element(p);
    for (int64_t i = range[0]; i < range[1]; i++, to += image)
        unfold_image(u, (const char *)tensor + (size_t)i * step, to);
    memset(to, 0, (size_t)(p->group - (range[1] - range[0])) * image);
}

/* ---- Preparation ---- */

static ufm_status make_product(onednn_product *p, dnn_call *call, int64_t rows, int64_t depth)
{
    const int64_t columns = yielded(p)->blocks * LANES;
    const dnnl_data_type_t type = p->layer.half ? dnnl_bf16 : dnnl_f32;
    const bool gradient = p->direction == ONEDNN_BACK_WEIGHTS, bias = p->layer.bias && !p->direction;
    dnn_layout a = NULL, b = NULL, c = NULL, d = NULL;
    ufm_status status =
        dnn_layout_matrix(&a, (const int64_t[2]){rows, depth},
                          gradient ? (const int64_t[2]){1, rows} : (const int64_t[2]){depth, 1}, type);
    if (status == UFM_OK)
        status =
            dnn_layout_matrix(&b, (const int64_t[2]){depth, columns}, (const int64_t[2]){columns, 1}, type);
    if (status == UFM_OK && bias)
        status =
            dnn_layout_matrix(&c, (const int64_t[2]){1, columns}, (const int64_t[2]){columns, 1}, dnnl_f32);
    if (status == UFM_OK)
        status = dnn_layout_matrix(&d, (const int64_t[2]){rows, columns}, (const int64_t[2]){columns, 1},
                                   gradient ? dnnl_f32 : type);
    if (status == UFM_OK) status = dnn_call_matmul(call, a, b, c, d, gradient);
    dnn_layout_free(a);
    dnn_layout_free(b);
    dnn_layout_free(c);
    dnn_layout_free(d);
    if (call->scratch > p->scratch_bytes) p->scratch_bytes = call->scratch;
    return status;
}

/* The range of units of the weights' gradient that is part `part`'s. */
static void part_units(const onednn_product *p, int64_t part, int64_t unit[2])
{
    const int64_t units = p->layer.src.blocks * onednn_taps(p);
    unit[0] = share_start(units, part, p->layer.threads);
    unit[1] = share_start(units, part + 1, p->layer.threads);
}

/* As many images as their patches, for a part, fit the budget, but enough to make the weights worth reading.
 */
static void set_group(onednn_product *p)
{
    const bool gradient = p->direction == ONEDNN_BACK_WEIGHTS;
    const int64_t threads = p->layer.threads,
                  most = (p->layer.batch + (gradient ? 0 : threads - 1)) / (gradient ? 1 : threads);
    int64_t pixels = 1, bytes = 1;
    for (int64_t i = 0; i < p->phases; i++) {
        const int64_t units = p->phase[i].taps * patched(p)->blocks / (gradient ? threads : 1);
        const int64_t all = phase_pixels(&p->phase[i]) * units * LANES * (int64_t)onednn_element(p);
        if (all > bytes) bytes = all;
        if (phase_pixels(&p->phase[i]) > pixels) pixels = phase_pixels(&p->phase[i]);
    }
    const int64_t fewest = (FEWEST_ROWS + pixels - 1) / pixels;
    p->group = PATCH_BUDGET / bytes > fewest ? PATCH_BUDGET / bytes : fewest;
    if (p->group > most) p->group = most;
}

static void grow(int64_t *bytes, int64_t count, size_t size)
{
    const int64_t needed = onednn_align(count * (int64_t)size);
    if (needed > *bytes) *bytes = needed;
}

static ufm_status make_gradient(onednn_product *p)
{
    const size_t element = onednn_element(p);
    const int64_t pixels = p->group * phase_pixels(&p->phase[0]), columns = p->layer.dst.blocks * LANES;
    ufm_status status = UFM_OK;
    for (int64_t i = 0; i < p->layer.threads && status == UFM_OK; i++) {
        int64_t unit[2];
        part_units(p, i, unit);
        p->calls = i + 1;
        const int64_t rows = (unit[1] - unit[0]) * LANES;
        if (rows > 0) status = make_product(p, &p->call[i], rows, pixels);
        grow(&p->others, pixels * rows, element);
        grow(&p->products_bytes, rows * columns, sizeof(float));
    }
    p->products = pixels * columns * (int64_t)element; /* of the output's gradient, as rows */
    return status;
}

static ufm_status make_products(onednn_product *p)
{
    const size_t element = onednn_element(p);
    const int64_t columns = yielded(p)->blocks * LANES;
    ufm_status status = UFM_OK;
    for (int64_t i = 0; i < p->phases; i++) {
        p->phase[i].weights = p->weight_bytes;
        p->weight_bytes +=
            onednn_align(p->phase[i].taps * patched(p)->blocks * LANES * columns * (int64_t)element);
    }
    for (int64_t i = 0; i < p->layer.threads * p->phases && status == UFM_OK; i++) {
        const unfold_phase *phase = &p->phase[i % p->phases];
        const int64_t rows = p->group * phase_pixels(phase), depth = phase->taps * patched(p)->blocks * LANES;
        p->calls = i + 1;
        if (depth > 0) status = make_product(p, &p->call[i], rows, depth);
        grow(&p->others, rows * depth, element);
        grow(&p->products_bytes, rows * columns, element);
    }
    return status;
}

/* Scratch: oneDNN's, patches (`patches` bytes on), rows of the output's gradient (`others` on), products. */
ufm_status onednn_matmul_new(onednn_product *p)
{
    ufm_status status = make_phases(p);
    if (status != UFM_OK) return status;
    set_group(p);
    p->call = ufm_alloc(p->layer.threads * p->phases, sizeof *p->call);
    if (!p->call) return UFM_ERROR_MEMORY;
    status = p->direction == ONEDNN_BACK_WEIGHTS ? make_gradient(p) : make_products(p);
    const int64_t patch_bytes = p->others;
    p->patches = onednn_align(p->scratch_bytes);
    p->others = p->patches + patch_bytes;
    p->products = p->others + onednn_align(p->products);
    p->scratch_bytes = p->products + p->products_bytes;
    return status;
}

/* ---- Weights ---- */

/* Rows (block, tap, channel) of what is read, columns of what is yielded; one part packs every parts-th row
 * of 16. */
static ufm_status pack_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const bool back = p->direction == ONEDNN_BACK_INPUT;
    const int64_t blocks = p->layer.src.blocks, taps = onednn_taps(p), columns = yielded(p)->blocks * LANES;
    for (int64_t i = 0; i < p->phases; i++) {
        const unfold_phase *phase = &p->phase[i];
        const int64_t units = phase->taps * patched(p)->blocks;
        for (int64_t unit = share_start(units, part, p->layer.threads);
             unit < share_start(units, part + 1, p->layer.threads); unit++) {
            const int64_t block = unit / phase->taps, tap = phase->tap[unit % phase->taps].index;
            char *const to =
                (char *)run->packed + phase->weights + (size_t)(unit * LANES * columns) * onednn_element(p);
            for (int64_t lane = 0; lane < LANES; lane++)
                for (int64_t n = 0; n < columns; n += LANES) {
                    const int64_t o = back ? block * LANES + lane : n, in = back ? n : block * LANES + lane;
                    const float *w = run->weights +
                                     ((o / OUT_PAIR * blocks + in / LANES) * taps + tap) * WEIGHT_BLOCK +
                                     in % LANES * OUT_PAIR + o % OUT_PAIR;
                    const int64_t step = back ? OUT_PAIR : 1, at = lane * columns + n;
                    for (int64_t k = 0; k < LANES; k++)
                        if (p->layer.half)
                            ((uint16_t *)(void *)to)[at + k] = kernel_round(w[k * step]);
                        else
                            ((float *)(void *)to)[at + k] = w[k * step];
                }
        }
    }
    return UFM_OK;
}
ufm_status onednn_matmul_pack(onednn_parts *run, ufm_pool *pool)
{
    run->body = pack_part;
    return onednn_run_parts(run, pool, run->product->layer.threads);
}

/* ---- Running ---- */

static void fold_pixel(const onednn_product *p, const char *from, char *to, bool add)
{
    const tensor_shape *s = yielded(p);
    const size_t element = onednn_element(p), pixel = LANES * element, plane = (size_t)s->plane * element;
    for (int64_t b = 0; b < s->blocks; b++, from += pixel, to += plane) {
        if (!add)
            memcpy(to, from, pixel);
        else if (p->layer.half)
            for (int i = 0; i < LANES; i++) {
                uint16_t *const y = (uint16_t *)(void *)to + i;
                *y = kernel_round(kernel_widen(*y) + kernel_widen(((const uint16_t *)(const void *)from)[i]));
            }
        else
            for (int i = 0; i < LANES; i++)
                ((float *)(void *)to)[i] += ((const float *)(const void *)from)[i];
    }
}

/* Rows of products go to their pixels; `from` NULL: zeros, where no tap reaches. */
static void fold_group(const onednn_parts *run, const unfold_phase *phase, const int64_t range[2],
                       const char *from)
{
    const onednn_product *p = run->product;
    const tensor_shape *s = yielded(p);
    const bool add = p->layer.add && p->direction == ONEDNN_BACK_INPUT;
    const size_t element = onednn_element(p), row = (size_t)(s->blocks * LANES) * element;
    for (int64_t i = range[0]; i < range[1]; i++)
        for (int64_t r = 0; r < phase->rows; r++)
            for (int64_t c = 0; c < phase->width; c++, from += row) {
                const int64_t at = i * s->image + ((r * phase->out_step + phase->out_row) * s->width +
                                                   c * phase->out_step + phase->out_column) *
                                                      LANES;
                fold_pixel(p, from, (char *)run->task->dst + (size_t)at * element, add);
            }
}

static ufm_status product_group(const onednn_parts *run, int64_t part, const int64_t range[2])
{
    const onednn_product *p = run->product;
    const onednn_task *t = run->task;
    char *const scratch = t->scratch[part], *const rows = scratch + p->products;
    ufm_status status = UFM_OK;
    for (int64_t i = 0; i < p->phases && status == UFM_OK; i++) {
        const unfold_phase *phase = &p->phase[i];
        const int64_t units = phase->taps * patched(p)->blocks;
        if (units > 0) {
            const unfold_task u = {phase, patched(p), {0, units}, LANES * onednn_element(p)};
            unfold_group(p, &u, t->src, range, scratch + p->patches);
            void *address[DNN_ARGS] = {scratch + p->patches, (char *)(uintptr_t)t->packed + phase->weights};
            int n = 2;
            if (p->layer.bias && p->direction == ONEDNN_FORWARD) address[n++] = (void *)(uintptr_t)t->bias;
            address[n++] = rows;
            address[n] = scratch;
            status = dnn_call_run(&p->call[part * p->phases + i], address);
        } else {
            memset(rows, 0, (size_t)p->products_bytes);
        }
        if (status == UFM_OK) fold_group(run, phase, range, rows);
    }
    return status;
}

static ufm_status product_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const int64_t count = run->task->count, end = share_start(count, part + 1, p->layer.threads);
    ufm_status status = UFM_OK;
    for (int64_t at = share_start(count, part, p->layer.threads); at < end && status == UFM_OK;
         at += p->group)
        status = product_group(run, part, (const int64_t[2]){at, at + p->group < end ? at + p->group : end});
    return status;
}

/* The part's rows of the gradient, to the blocks of the weights. */
static void fold_gradient(const onednn_parts *run, const int64_t unit[2], const float *from)
{
    const onednn_product *p = run->product;
    const int64_t blocks = p->layer.src.blocks, taps = onednn_taps(p), columns = p->layer.dst.blocks * LANES;
    for (int64_t k = unit[0]; k < unit[1]; k++)
        for (int64_t lane = 0; lane < LANES; lane++, from += columns)
            for (int64_t o = 0; o < columns; o += LANES)
                memcpy(run->task->d_weights +
                           ((o / OUT_PAIR * blocks + k / taps) * taps + k % taps) * WEIGHT_BLOCK +
                           lane * OUT_PAIR + o % OUT_PAIR,
                       from + o, LANES * sizeof(float));
}

static ufm_status gradient_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const onednn_task *t = run->task;
    char *const scratch = t->scratch[part];
    const size_t pixel = LANES * onednn_element(p);
    unfold_tap origin = {0, 0, 0};
    const unfold_phase plain = {
        .rows = p->layer.dst.height, .width = p->layer.dst.width, .in_step = 1, .taps = 1, .tap = &origin};
    unfold_task x = {&p->phase[0], &p->layer.src, {0, 0}, pixel};
    const unfold_task dy = {&plain, &p->layer.dst, {0, p->layer.dst.blocks}, pixel};
    part_units(p, part, x.unit);
    if (x.unit[0] == x.unit[1]) return UFM_OK;
    memset(scratch + p->products, 0, (size_t)p->products_bytes);
    void *const address[] = {scratch + p->patches, scratch + p->others, scratch + p->products, scratch};
    ufm_status status = UFM_OK;
    for (int64_t at = 0; at < t->count && status == UFM_OK; at += p->group) {
        const int64_t range[] = {at, at + p->group < t->count ? at + p->group : t->count};
        unfold_group(p, &x, t->x, range, scratch + p->patches);
        unfold_group(p, &dy, t->dy, range, scratch + p->others);
        status = dnn_call_run(&p->call[part], address);
    }
    if (status == UFM_OK) fold_gradient(run, x.unit, (const float *)(void *)(scratch + p->products));
    return status;
}

ufm_status onednn_matmul_run(onednn_parts *run, ufm_pool *pool)
{
    run->body = run->product->direction == ONEDNN_BACK_WEIGHTS ? gradient_part : product_part;
    return onednn_run_parts(run, pool, run->product->layer.threads);
}
#endif
