/* ufmlab: nets: the fast engine: f32 or bf16 activations, f32 masters.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void fast_free(void *pointer)
{
    fast_engine *engine = pointer;
    if (!engine) return;
    for (int64_t l = 0; engine->node && l < engine->network->layers; l++) {
        fast_node *node = &engine->node[l];
        fast_route_clear(node);
        product_free(&node->forward);
        product_free(&node->backward);
        void *const owned[] = {node->out,  node->packed,  node->packed_back,
                               node->lane, node->partial, node->chosen};
        for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) ufm_free(owned[i]);
    }
    for (int64_t s = 0; engine->slot && s < engine->slots; s++) ufm_free(engine->slot[s]);
    for (int v = 0; v < UFM_VECTOR_RUNNING; v++) ufm_free(engine->vector[v]);
    for (int t = 0; engine->machine.scratch && t < ufm_pool_threads(engine->machine.pool); t++)
        ufm_free(engine->machine.scratch[t]);
    ufm_free(engine->machine.scratch);
    ufm_pool_free(engine->machine.pool);
    ufm_free(engine->running);
    ufm_free(engine->routes);
    ufm_free(engine->slot);
    ufm_free(engine->slot_size);
    ufm_free(engine->node);
    ufm_free(engine);
}

static ufm_status reserve_node(fast_engine *engine, fast_node *node, int64_t *scratch)
{
    const size_t element = fast_element(engine);
    bool complete =
        node->kind == NODE_NONE || (node->out = ufm_alloc(engine->batch * node->shape.image, element));
    if (node->kind == NODE_NORM) {
        node->lane = ufm_alloc(node->shape.blocks * 7 * LANES, sizeof(float));
        node->partial = ufm_alloc(node->shape.blocks * CHUNKS * 2 * LANES, sizeof(double));
        complete = complete && node->lane && node->partial;
    }
    if (node->kind == NODE_MAX_POOL)
        complete = complete && (node->chosen = ufm_alloc(engine->batch * node->shape.image, 1));
    if (node->kind == NODE_PRODUCT) {
        const product *f = &node->forward, *b = &node->backward;
        const int64_t back = pairs_of(f->src.channels) * node->shape.blocks * f->taps * WEIGHT_BLOCK;
        int64_t group;
        const int64_t needs[] = {product_scratch_bytes(f, (int64_t)element),
                                 node->pack_back ? product_scratch_bytes(b, (int64_t)element) : 0,
                                 product_gradient_bytes(f, engine->half, &group)};
        for (int i = 0; i < 3; i++) *scratch = needs[i] > *scratch ? needs[i] : *scratch;
        if (engine->half) complete = complete && (node->packed = ufm_alloc(node->weights.count, element));
        if (node->pack_back) complete = complete && (node->packed_back = ufm_alloc(back, element));
    }
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}

ufm_status fast_reserve(fast_engine *engine)
{
    int64_t scratch = 0;
    ufm_status status = UFM_OK;
    for (int64_t l = 0; l < engine->network->layers && status == UFM_OK; l++)
        status = reserve_node(engine, &engine->node[l], &scratch);
    for (int64_t s = 0; s < engine->slots && status == UFM_OK; s++) {
        engine->slot[s] = ufm_alloc(engine->batch * engine->slot_size[s], fast_element(engine));
        if (!engine->slot[s]) status = UFM_ERROR_MEMORY;
    }
    for (int64_t l = 0; l < engine->network->layers && status == UFM_OK; l++)
        if (engine->node[l].slot >= 0) engine->node[l].gradient = engine->slot[engine->node[l].slot];
    engine->scratch_bytes = scratch + 64;
    for (int t = 0; t < ufm_pool_threads(engine->machine.pool) && status == UFM_OK; t++) {
        engine->machine.scratch[t] = ufm_alloc(engine->scratch_bytes, 1);
        if (!engine->machine.scratch[t]) status = UFM_ERROR_MEMORY;
    }
    for (int v = 0; v < UFM_VECTOR_RUNNING && status == UFM_OK; v++) {
        engine->vector[v] = ufm_alloc(engine->length + 1, sizeof(float));
        if (!engine->vector[v]) status = UFM_ERROR_MEMORY;
    }
    return status;
}

static ufm_status fast_create(const ufm_network *network, const ufm_engine_settings *settings, void **made,
                              ufm_error *error)
{
    fast_engine *engine = ufm_alloc(1, sizeof *engine);
    ufm_status status = engine ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    bool bf16;
    engine->network = network;
    engine->batch = settings->batch;
    engine->stale = true;
    engine->machine.kernels = kernel_choose(settings->kernels, &bf16);
    assert(engine->machine.kernels);
    engine->half = engine->machine.half = bf16 && settings->precision == UFM_PRECISION_BF16;
    engine->machine.pool = ufm_pool_new(settings->threads);
    engine->machine.scratch = ufm_alloc(ufm_pool_threads(engine->machine.pool), sizeof(char *));
    engine->node = ufm_alloc(network->layers, sizeof *engine->node);
    engine->slot = ufm_alloc(network->layers, sizeof *engine->slot);
    engine->slot_size = ufm_alloc(network->layers, sizeof *engine->slot_size);
    engine->running = ufm_alloc(network->running + 1, sizeof *engine->running);
    engine->routes = ufm_alloc(ONEDNN_DIRECTIONS * network->layers + 1, 1);
    if (!engine->machine.pool || !engine->machine.scratch || !engine->node || !engine->slot ||
        !engine->slot_size || !engine->running || !engine->routes)
        status = UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = fast_plan(engine);
    if (status == UFM_OK) status = fast_reserve(engine);
cleanup:
    if (status != UFM_OK) {
        fast_free(engine);
        return ufm_fail(error, status, "not enough memory for a batch of %lld; use a smaller --batch",
                        (long long)settings->batch);
    }
    *made = engine;
    return UFM_OK;
}

/* ---- Exchange with canonical vectors ---- */
static void exchange(fast_engine *engine, ufm_engine_vector which, const double *in, double *out)
{
    float *own = engine->vector[which];
    for (int64_t l = 0; l < engine->network->layers; l++) {
        const fast_node *node = &engine->node[l];
        const ufm_layer *layer = node->layer;
        if (node->kind != NODE_PRODUCT && (node->kind != NODE_NORM || !layer)) continue;
        const int64_t taps = node->kind == NODE_PRODUCT ? node->forward.taps : 1;
        const int64_t inputs = node->kind == NODE_PRODUCT ? node->forward.src.channels : 1;
        for (int64_t i = 0; i < layer->weight_count; i++) {
            const int64_t at = node->kind == NODE_PRODUCT
                                   ? fast_weight_at(node, i / (inputs * taps), i / taps % inputs, i % taps)
                                   : node->weights.at + i;
            if (in)
                own[at] = (float)in[layer->weights + i];
            else
                out[layer->weights + i] = own[at];
        }
        for (int64_t i = 0; i < layer->bias_count; i++)
            if (in)
                own[node->biases.at + i] = (float)in[layer->biases + i];
            else
                out[layer->biases + i] = own[node->biases.at + i];
    }
}

static ufm_status fast_import(void *pointer, ufm_engine_vector which, const double *canonical)
{
    fast_engine *engine = pointer;
    if (which == UFM_VECTOR_RUNNING)
        memcpy(engine->running, canonical, (size_t)engine->network->running * sizeof(double));
    else
        exchange(engine, which, canonical, NULL);
    if (which == UFM_VECTOR_PARAMETERS) engine->stale = true;
    return UFM_OK;
}
static ufm_status fast_export(void *pointer, ufm_engine_vector which, double *canonical)
{
    fast_engine *engine = pointer;
    if (which == UFM_VECTOR_RUNNING)
        memcpy(canonical, engine->running, (size_t)engine->network->running * sizeof(double));
    else
        exchange(engine, which, NULL, canonical);
    return UFM_OK;
}

/* A blocked tensor from and to plain numbers, image by image. */
static void write_tensor(fast_engine *engine, const tensor_shape *s, void *base, const float *single,
                         const double *wide)
{
    const int64_t map = s->height * s->width;
    memset(base, 0, (size_t)(engine->count * s->image) * fast_element(engine));
    for (int64_t i = 0; i < engine->count * s->channels * map; i++) {
        const int64_t c = i / map % s->channels;
        const int64_t at =
            i / (map * s->channels) * s->image + c / LANES * s->plane + i % map * LANES + c % LANES;
        const float x = single ? single[i] : wide ? (float)wide[i] : 0;
        if (engine->half)
            ((uint16_t *)base)[at] = kernel_round(x);
        else
            ((float *)base)[at] = x;
    }
}
static void read_tensor(const fast_engine *engine, const fast_node *node, double *out)
{
    const tensor_shape *s = &node->shape;
    const int64_t map = s->height * s->width;
    for (int64_t i = 0; i < engine->count * s->channels * map; i++) {
        const int64_t c = i / map % s->channels;
        const int64_t at =
            i / (map * s->channels) * s->image + c / LANES * s->plane + i % map * LANES + c % LANES;
        out[i] =
            engine->half ? kernel_widen(((const uint16_t *)node->out)[at]) : ((const float *)node->out)[at];
    }
}

/* ---- Packed weights ---- */
typedef struct {
    fast_engine *engine;
    fast_node *node;
} pack_context;

static bool packs_forward(const pack_context *run)
{
    return run->engine->half && !run->node->way[ONEDNN_FORWARD].product;
}
static bool packs_back(const pack_context *run)
{
    const fast_way *way = &run->node->way[ONEDNN_BACK_INPUT];
    return run->node->pack_back && !way->product && !way->winograd.fresh;
}

/* Both forms of the 16 x 32 blocks of weights: rounded pairs of inputs for bf16, and with inputs and outputs
 * exchanged. */
static void pack_blocks(void *context, int worker, int64_t begin, int64_t end)
{
    const pack_context *run = context;
    const fast_node *node = run->node;
    const bool half = run->engine->half, forward = packs_forward(run), back = packs_back(run);
    const int64_t blocks = node->forward.src.blocks, outs = node->shape.blocks, taps = node->forward.taps;
    const float *from = run->engine->vector[UFM_VECTOR_PARAMETERS] + node->weights.at + begin * WEIGHT_BLOCK;
    const size_t element = fast_element(run->engine);
    (void)worker;
    for (int64_t unit = begin; unit < end; unit++, from += WEIGHT_BLOCK) {
        const int64_t pair = unit / (blocks * taps), block = unit / taps % blocks, tap = unit % taps;
        kernel_pack task = {.from = from, .half = half};
        if (forward) task.pairs = (uint16_t *)node->packed + unit * WEIGHT_BLOCK;
        for (int64_t b = 0; b < 2 && 2 * pair + b < outs && back; b++) {
            const int64_t base = ((block / 2 * outs + 2 * pair + b) * taps + tap) * WEIGHT_BLOCK;
            task.turned[b] = (char *)node->packed_back + (size_t)base * element;
        }
        task.column = block % 2 * LANES;
        run->engine->machine.kernels->pack(&task);
    }
}

ufm_status fast_pack(fast_engine *engine)
{
    ufm_status status = UFM_OK;
    for (int64_t l = 0; l < engine->network->layers && status == UFM_OK; l++) {
        pack_context run = {engine, &engine->node[l]};
        if (run.node->kind != NODE_PRODUCT) continue;
        if (packs_forward(&run) || packs_back(&run))
            ufm_pool_run(engine->machine.pool, run.node->weights.count / WEIGHT_BLOCK, 1, pack_blocks, &run);
        status = fast_pack_ways(engine, run.node);
    }
    engine->stale = status != UFM_OK;
    return status;
}

/* ---- The passes ---- */
void fast_book(fast_engine *engine, ufm_part part)
{
    const double now = ufm_seconds();
    engine->seconds[part] += now - engine->clock;
    engine->clock = now;
}

static ufm_status fast_forward(void *pointer, const float *images, int64_t count, bool train,
                               double *features, double *logits)
{
    fast_engine *engine = pointer;
    const ufm_network *network = engine->network;
    assert(1 <= count && count <= engine->batch);
    engine->count = count;
    engine->trained = train;
    engine->clock = ufm_seconds();
    ufm_status status = engine->stale ? fast_pack(engine) : UFM_OK;
    fast_book(engine, UFM_PART_UPDATE);
    write_tensor(engine, &engine->node[0].shape, engine->node[0].out, images, NULL);
    fast_book(engine, UFM_PART_EXCHANGE);
    for (int64_t l = 1; l < network->layers && status == UFM_OK; l++) {
        fast_node *node = &engine->node[l];
        if (node->kind == NODE_NORM) fast_norm(engine, node, train);
        if (node->kind == NODE_MAX_POOL || node->kind == NODE_AVERAGE) fast_pool(engine, node);
        fast_book(engine, node->kind == NODE_NORM ? UFM_PART_NORM : UFM_PART_POOL);
        if (node->kind != NODE_PRODUCT) continue;
        status = fast_product(engine, node, ONEDNN_FORWARD);
        fast_book(engine, UFM_PART_FORWARD);
    }
    read_tensor(engine, &engine->node[network->features], features);
    read_tensor(engine, &engine->node[network->logits], logits);
    fast_book(engine, UFM_PART_EXCHANGE);
    return status;
}

static ufm_status product_back(fast_engine *engine, fast_node *node)
{
    ufm_status status = fast_product(engine, node, ONEDNN_BACK_WEIGHTS);
    fast_book(engine, UFM_PART_BACK_WEIGHTS);
    if (node->biases.count) fast_bias_back(engine, node);
    fast_book(engine, UFM_PART_POOL);
    if (status == UFM_OK && engine->node[node->input].gradient)
        status = fast_product(engine, node, ONEDNN_BACK_INPUT);
    fast_book(engine, UFM_PART_BACK_INPUT);
    return status;
}

static ufm_status fast_backward(void *pointer, const double *d_logits, const double *d_features)
{
    fast_engine *engine = pointer;
    const ufm_network *network = engine->network;
    assert(engine->trained);
    fast_node *z = &engine->node[network->logits], *h = &engine->node[network->features];
    engine->clock = ufm_seconds();
    write_tensor(engine, &z->shape, z->gradient, NULL, d_logits);
    write_tensor(engine, &h->shape, h->gradient, NULL, d_features);
    fast_book(engine, UFM_PART_EXCHANGE);
    ufm_status status = UFM_OK;
    for (int64_t l = network->layers - 1; l > 0 && status == UFM_OK; l--) {
        fast_node *node = &engine->node[l];
        if (node->kind == NODE_PRODUCT) status = product_back(engine, node);
        if (node->kind == NODE_NORM) fast_norm_back(engine, node);
        if (node->kind == NODE_MAX_POOL || node->kind == NODE_AVERAGE) fast_pool_back(engine, node);
        fast_book(engine, node->kind == NODE_NORM ? UFM_PART_NORM_BACK : UFM_PART_POOL);
    }
    return status;
}

typedef struct {
    fast_engine *engine;
    kernel_step step;
    int64_t at;
} update_context;
static void update_stretch(void *context, int worker, int64_t begin, int64_t end)
{
    const update_context *run = context;
    float *const *v = run->engine->vector;
    const int64_t from = run->at + begin;
    (void)worker;
    run->engine->machine.kernels->update(&run->step, end - begin, v[UFM_VECTOR_PARAMETERS] + from,
                                         v[UFM_VECTOR_GRADIENT] + from, v[UFM_VECTOR_MOMENT_1] + from,
                                         v[UFM_VECTOR_MOMENT_2] + from);
}
static void update_joined(update_context *run, stretch joined)
{
    run->at = joined.at;
    if (joined.count) ufm_pool_run(run->engine->machine.pool, joined.count, LANES, update_stretch, run);
}

static ufm_status fast_update(void *pointer, const ufm_update *u)
{
    fast_engine *engine = pointer;
    update_context run = {.engine = engine,
                          .step = {u->adam, (float)u->rate, (float)u->momentum, (float)u->weight_decay,
                                   (float)u->beta2, (float)u->epsilon,
                                   (float)(1 - pow(u->momentum, (double)u->step)),
                                   (float)(1 - pow(u->beta2, (double)u->step))}};
    engine->clock = ufm_seconds();
    stretch joined = {0, 0}; /* neighbours are updated together */
    for (int64_t l = 0; l < engine->network->layers; l++) {
        const fast_node *node = &engine->node[l];
        const stretch parts[2] = {node->weights, node->biases};
        for (int i = node->layer && node->layer->frozen ? 1 : 0; i < 2; i++) {
            if (!parts[i].count) continue;
            if (joined.at + joined.count != parts[i].at) {
                update_joined(&run, joined);
                joined = (stretch){parts[i].at, 0};
            }
            joined.count += parts[i].count;
        }
    }
    update_joined(&run, joined);
    engine->stale = true;
    fast_book(engine, UFM_PART_UPDATE);
    return UFM_OK;
}
static const double *fast_seconds(const void *engine)
{
    return ((const fast_engine *)engine)->seconds;
}

const ufm_engine_ops ufm_engine_fast = {"fast",       fast_create,   fast_free,   fast_import,  fast_export,
                                        fast_forward, fast_backward, fast_update, fast_seconds, fast_choose};
