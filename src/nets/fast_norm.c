/* ufmlab: nets: the fast engine's batch norm with sum and ReLU, biases, and pools.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

#include <math.h>
#include <string.h>

enum { SCALE, SHIFT, MEAN, INVERSE, FACTOR_A, FACTOR_B, FACTOR_C, LANE_ROWS };
static const double norm_epsilon = 1e-5, norm_momentum = 0.1; /* PyTorch's */

typedef struct {
    fast_engine *engine;
    fast_node *node;
} norm_context;

static float *lane(const fast_node *node, int64_t block, int row)
{
    return node->lane + (block * LANE_ROWS + row) * LANES;
}
static void *at(const fast_engine *engine, void *base, int64_t element)
{
    return base ? (char *)base + (size_t)element * fast_element(engine) : NULL;
}
static void chunk(const fast_engine *engine, int64_t c, int64_t *begin, int64_t *count)
{
    *begin = share_start(engine->count, c, CHUNKS);
    *count = share_start(engine->count, c + 1, CHUNKS) - *begin;
}

/* Units are a chunk of the images and a block of channels, image by image like the products' parts: a worker
 * finds in its cache what it wrote there. */
typedef struct {
    int64_t block, images, from; /* from: the first number of the first image */
    double *partial;
} norm_unit;
static norm_unit unit_of(const norm_context *run, int64_t unit)
{
    const tensor_shape *shape = &run->node->shape;
    const int64_t block = unit % shape->blocks, at_chunk = unit / shape->blocks;
    norm_unit made = {.block = block};
    int64_t first;
    if (run->node->partial) made.partial = run->node->partial + (block * CHUNKS + at_chunk) * 2 * LANES;
    chunk(run->engine, at_chunk, &first, &made.images);
    made.from = first * shape->image + block * shape->plane;
    return made;
}

/* ---- Forward ---- */
static void moments_units(void *context, int worker, int64_t begin, int64_t end)
{
    const norm_context *run = context;
    const fast_engine *engine = run->engine;
    const tensor_shape *shape = &run->node->shape;
    (void)worker;
    for (int64_t unit = begin; unit < end; unit++) {
        const norm_unit u = unit_of(run, unit);
        if (u.images == 0) continue;
        engine->machine.kernels->moments(at(engine, engine->node[run->node->input].out, u.from), u.images,
                                         shape->height * shape->width, shape->image, engine->half, u.partial);
    }
}

/* Joins the chunks' moments of one channel in order. */
static void join_moments(const fast_engine *engine, const fast_node *node, int64_t c, double moments[2])
{
    double n = 0, squares = 0;
    moments[0] = 0;
    for (int64_t k = 0; k < CHUNKS; k++) {
        int64_t first, count;
        chunk(engine, k, &first, &count);
        if (count == 0) continue;
        const double *part = node->partial + (c / LANES * CHUNKS + k) * 2 * LANES + c % LANES;
        const double m = (double)(count * node->shape.height * node->shape.width), d = part[0] - moments[0];
        moments[0] += d * m / (n + m);
        squares += part[LANES] * m + d * d * n * m / (n + m);
        n += m;
    }
    moments[1] = squares / n;
}

static void set_scale(fast_engine *engine, fast_node *node, bool train)
{
    const ufm_layer *layer = node->layer;
    double *mean = engine->running + layer->running, *variance = mean + layer->channels;
    const float *gamma = engine->vector[UFM_VECTOR_PARAMETERS] + node->weights.at;
    const float *beta = engine->vector[UFM_VECTOR_PARAMETERS] + node->biases.at;
    const double pixels = (double)(engine->count * node->shape.height * node->shape.width);
    for (int64_t c = 0; c < layer->channels; c++) {
        double moments[2] = {mean[c], variance[c]};
        if (train) {
            join_moments(engine, node, c, moments);
            mean[c] += norm_momentum * (moments[0] - mean[c]);
            variance[c] +=
                norm_momentum * (moments[1] * pixels / (pixels > 1 ? pixels - 1 : 1) - variance[c]);
        }
        const double inverse = 1 / sqrt(moments[1] + norm_epsilon);
        lane(node, c / LANES, MEAN)[c % LANES] = (float)moments[0];
        lane(node, c / LANES, INVERSE)[c % LANES] = (float)inverse;
        lane(node, c / LANES, SCALE)[c % LANES] = (float)(gamma[c] * inverse);
        lane(node, c / LANES, SHIFT)[c % LANES] = (float)(beta[c] - gamma[c] * inverse * moments[0]);
    }
}

static void apply_units(void *context, int worker, int64_t begin, int64_t end)
{
    const norm_context *run = context;
    const fast_engine *engine = run->engine;
    const fast_node *node = run->node;
    const tensor_shape *shape = &node->shape;
    (void)worker;
    for (int64_t unit = begin; unit < end; unit++) {
        const norm_unit u = unit_of(run, unit);
        const kernel_apply task = {
            .x = at(engine, engine->node[node->input].out, u.from),
            .other = node->other >= 0 ? at(engine, engine->node[node->other].out, u.from) : NULL,
            .out = at(engine, node->out, u.from),
            .images = u.images,
            .pixels = shape->height * shape->width,
            .stride = shape->image,
            .relu = node->relu,
            .half = engine->half,
            .scale = node->layer ? lane(node, u.block, SCALE) : NULL,
            .shift = node->layer ? lane(node, u.block, SHIFT) : NULL};
        engine->machine.kernels->apply(&task);
    }
}

void fast_norm(fast_engine *engine, fast_node *node, bool train)
{
    norm_context run = {engine, node};
    const int64_t units = node->shape.blocks * CHUNKS;
    if (node->layer && train) ufm_pool_run(engine->machine.pool, units, 1, moments_units, &run);
    if (node->layer) set_scale(engine, node, train);
    ufm_pool_run(engine->machine.pool, units, 1, apply_units, &run);
}

/* ---- Backward ---- */
static kernel_back back_task(const norm_context *run, int64_t unit)
{
    const fast_engine *engine = run->engine;
    const fast_node *node = run->node, *input = &engine->node[node->input];
    const tensor_shape *shape = &node->shape;
    const norm_unit u = unit_of(run, unit);
    const bool norm = node->layer != NULL, alone = norm && node->relu && node->other < 0;
    return (kernel_back){.x = at(engine, input->out, u.from),
                         .out = node->relu ? at(engine, node->out, u.from) : NULL,
                         .d_out = at(engine, node->gradient, u.from),
                         .d_x = at(engine, input->gradient, u.from),
                         .d_other =
                             node->other >= 0 ? at(engine, engine->node[node->other].gradient, u.from) : NULL,
                         .add_x = !node->first_input,
                         .add_other = !node->first_other,
                         .half = engine->half,
                         .images = u.images,
                         .pixels = shape->height * shape->width,
                         .stride = shape->image,
                         .a = norm ? lane(node, u.block, FACTOR_A) : NULL,
                         .b = norm ? lane(node, u.block, FACTOR_B) : NULL,
                         .c = norm ? lane(node, u.block, FACTOR_C) : NULL,
                         .mean = norm ? lane(node, u.block, MEAN) : NULL,
                         .scale = alone ? lane(node, u.block, SCALE) : NULL,
                         .shift = alone ? lane(node, u.block, SHIFT) : NULL,
                         .sum = norm ? u.partial : NULL,
                         .product = norm ? u.partial + LANES : NULL};
}
static void sums_units(void *context, int worker, int64_t begin, int64_t end)
{
    const norm_context *run = context;
    (void)worker;
    for (int64_t unit = begin; unit < end; unit++) {
        const kernel_back task = back_task(run, unit);
        run->engine->machine.kernels->back_sums(&task);
    }
}
static void back_units(void *context, int worker, int64_t begin, int64_t end)
{
    const norm_context *run = context;
    (void)worker;
    for (int64_t unit = begin; unit < end; unit++) {
        const kernel_back task = back_task(run, unit);
        run->engine->machine.kernels->back_apply(&task);
    }
}

/* With t = (x - mean) r: dx = gamma r (g - mean(g) - t mean(g t)) = a g + b x + c. */
static void set_factors(fast_engine *engine, fast_node *node)
{
    const double pixels = (double)(engine->count * node->shape.height * node->shape.width);
    const float *gamma = engine->vector[UFM_VECTOR_PARAMETERS] + node->weights.at;
    for (int64_t c = 0; c < node->layer->channels; c++) {
        double sum = 0, moved = 0;
        for (int64_t k = 0; k < CHUNKS; k++) {
            const double *part = node->partial + (c / LANES * CHUNKS + k) * 2 * LANES + c % LANES;
            sum += part[0];
            moved += part[LANES];
        }
        const int64_t block = c / LANES, l = c % LANES;
        const double r = lane(node, block, INVERSE)[l], mean = lane(node, block, MEAN)[l];
        const double a = gamma[c] * r, b = -a * r * r * moved / pixels;
        engine->vector[UFM_VECTOR_GRADIENT][node->weights.at + c] = (float)(moved * r);
        engine->vector[UFM_VECTOR_GRADIENT][node->biases.at + c] = (float)sum;
        lane(node, block, FACTOR_A)[l] = (float)a;
        lane(node, block, FACTOR_B)[l] = (float)b;
        lane(node, block, FACTOR_C)[l] = (float)(-a * sum / pixels - b * mean);
    }
}

void fast_norm_back(fast_engine *engine, fast_node *node)
{
    norm_context run = {engine, node};
    const int64_t units = node->shape.blocks * CHUNKS;
    if (node->layer) {
        ufm_pool_run(engine->machine.pool, units, 1, sums_units, &run);
        set_factors(engine, node);
    }
    ufm_pool_run(engine->machine.pool, units, 1, back_units, &run);
}

/* ---- Single numbers: pools and biases touch little ---- */
static float get(const fast_engine *engine, const void *base, int64_t i)
{
    return engine->half ? kernel_widen(((const uint16_t *)base)[i]) : ((const float *)base)[i];
}
static void put(const fast_engine *engine, void *base, int64_t i, float x)
{
    if (engine->half)
        ((uint16_t *)base)[i] = kernel_round(x);
    else
        ((float *)base)[i] = x;
}

void fast_bias_back(fast_engine *engine, fast_node *node)
{
    const tensor_shape *s = &node->shape;
    float *out = engine->vector[UFM_VECTOR_GRADIENT] + node->biases.at;
    for (int64_t c = 0; c < s->channels; c++) {
        double sum = 0;
        for (int64_t n = 0; n < engine->count; n++)
            for (int64_t u = 0; u < s->height * s->width; u++)
                sum +=
                    get(engine, node->gradient, n * s->image + c / LANES * s->plane + u * LANES + c % LANES);
        out[c] = (float)sum;
    }
}

/* The first of the largest numbers of a window; a NaN wins. */
static void largest(const fast_engine *engine, const fast_node *node, int64_t map, int64_t o, int64_t c)
{
    const tensor_shape *to = &node->shape, *from = &engine->node[node->input].shape;
    const void *x = engine->node[node->input].out;
    const int64_t top = o / to->width * node->layer->stride - node->layer->padding;
    const int64_t left = o % to->width * node->layer->stride - node->layer->padding, k = node->layer->kernel;
    int64_t chosen = -1;
    float best = 0;
    for (int64_t i = 0; i < k * k; i++) {
        const int64_t v = top + i / k, u = left + i % k;
        if (v < 0 || u < 0 || v >= from->height || u >= from->width) continue;
        const float value = get(engine, x, map * from->plane + (v * from->width + u) * LANES + c);
        if (chosen < 0 || value > best || isnan(value)) {
            best = value;
            chosen = i;
        }
    }
    node->chosen[map * to->plane + o * LANES + c] = (uint8_t)chosen;
    put(engine, node->out, map * to->plane + o * LANES + c, best);
}

static void pool_maps(void *context, int worker, int64_t begin, int64_t end)
{
    const norm_context *run = context;
    const fast_engine *engine = run->engine;
    const fast_node *node = run->node;
    const tensor_shape *to = &node->shape, *from = &engine->node[node->input].shape;
    const int64_t wide = from->height * from->width;
    (void)worker;
    for (int64_t map = begin; map < end; map++)
        for (int64_t c = 0; c < LANES; c++) {
            for (int64_t o = 0; o < to->height * to->width && node->kind == NODE_MAX_POOL; o++)
                largest(engine, node, map, o, c);
            if (node->kind == NODE_MAX_POOL) continue;
            double sum = 0;
            for (int64_t u = 0; u < wide; u++)
                sum += get(engine, engine->node[node->input].out, map * from->plane + u * LANES + c);
            put(engine, node->out, map * LANES + c, (float)(sum / (double)wide));
        }
}

static void pool_back_maps(void *context, int worker, int64_t begin, int64_t end)
{
    const norm_context *run = context;
    const fast_engine *engine = run->engine;
    const fast_node *node = run->node;
    const tensor_shape *to = &node->shape, *from = &engine->node[node->input].shape;
    void *dx = engine->node[node->input].gradient;
    const int64_t wide = from->height * from->width, k = node->layer->kernel;
    (void)worker;
    for (int64_t map = begin; map < end; map++) {
        if (node->first_input)
            memset(at(engine, dx, map * from->plane), 0, (size_t)from->plane * fast_element(engine));
        for (int64_t i = 0; i < to->plane && node->kind == NODE_MAX_POOL; i++) {
            const int64_t o = i / LANES, w = node->chosen[map * to->plane + i];
            const int64_t v = o / to->width * node->layer->stride - node->layer->padding + w / k;
            const int64_t u = o % to->width * node->layer->stride - node->layer->padding + w % k;
            const int64_t place = map * from->plane + (v * from->width + u) * LANES + i % LANES;
            put(engine, dx, place, get(engine, dx, place) + get(engine, node->gradient, map * to->plane + i));
        }
        for (int64_t i = 0; i < from->plane && node->kind == NODE_AVERAGE; i++) {
            const int64_t place = map * from->plane + i;
            const float share = get(engine, node->gradient, map * LANES + i % LANES) / (float)wide;
            put(engine, dx, place, get(engine, dx, place) + share);
        }
    }
}

void fast_pool(fast_engine *engine, fast_node *node)
{
    norm_context run = {engine, node};
    ufm_pool_run(engine->machine.pool, engine->count * node->shape.blocks, 1, pool_maps, &run);
}

void fast_pool_back(fast_engine *engine, fast_node *node)
{
    norm_context run = {engine, node};
    if (!engine->node[node->input].gradient) return;
    ufm_pool_run(engine->machine.pool, engine->count * node->shape.blocks, 1, pool_back_maps, &run);
}
