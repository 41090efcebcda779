/* ufmlab: nets: the fast engine's plan: which layers are fused, where numbers live, and who writes a gradient
 * first. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

size_t fast_element(const fast_engine *engine)
{
    return engine->half ? 2 : 4;
}

int64_t fast_weight_at(const fast_node *node, int64_t o, int64_t i, int64_t tap)
{
    const int64_t blocks = node->forward.src.blocks;
    return node->weights.at +
           ((o / OUT_PAIR * blocks + i / LANES) * node->forward.taps + tap) * WEIGHT_BLOCK +
           i % LANES * OUT_PAIR + o % OUT_PAIR;
}

/* The layer that alone reads layer l, or -1. */
static int64_t only_reader(const ufm_network *network, int64_t l)
{
    int64_t reader = -1;
    if (l == network->features || l == network->logits) return -1;
    for (int64_t k = l + 1; k < network->layers; k++)
        if (network->layer[k].input == l || network->layer[k].other == l) {
            if (reader >= 0 || network->layer[k].input == network->layer[k].other) return -1;
            reader = k;
        }
    return reader;
}

/* Starts at a batch norm, a sum or a ReLU; the sum and the ReLU after it join in. */
static int64_t fuse(const ufm_network *network, int64_t l, fast_node *node, const bool *taken)
{
    const ufm_layer *layer = network->layer;
    node->kind = NODE_NORM;
    node->input = layer[l].input;
    node->other = layer[l].kind == UFM_LAYER_ADD ? layer[l].other : -1;
    node->relu = layer[l].kind == UFM_LAYER_RELU;
    node->layer = layer[l].kind == UFM_LAYER_BATCH_NORM ? &layer[l] : NULL;
    int64_t end = l;
    for (int64_t next; !node->relu && (next = only_reader(network, end)) >= 0 && !taken[next]; end = next) {
        if (layer[next].kind == UFM_LAYER_ADD && node->other < 0 && layer[end].kind == UFM_LAYER_BATCH_NORM)
            node->other = layer[next].input == end ? layer[next].other : layer[next].input;
        else if (layer[next].kind == UFM_LAYER_RELU)
            node->relu = true;
        else
            break;
    }
    return end;
}

static void claim(fast_engine *engine, stretch *s, int64_t count)
{
    *s = (stretch){engine->length, (count + LANES - 1) / LANES * LANES};
    engine->length += s->count;
}

static ufm_status plan_product(fast_engine *engine, fast_node *node, const ufm_layer *layer)
{
    const tensor_shape from = engine->node[layer->input].shape;
    const bool linear = layer->kind == UFM_LAYER_LINEAR;
    const product_window w = {linear ? from.height : layer->kernel, linear ? from.width : layer->kernel,
                              linear ? 1 : layer->stride, linear ? 0 : layer->padding};
    node->kind = NODE_PRODUCT;
    node->window = w;
    const int64_t element = (int64_t)fast_element(engine);
    ufm_status status = product_forward(&node->forward, from, node->shape, w, element);
    if (status == UFM_OK && layer->input > 0) {
        node->pack_back = true;
        status = product_backward(&node->backward, node->shape, from, w, element);
    }
    claim(engine, &node->weights,
          pairs_of(layer->channels) * from.blocks * node->forward.taps * WEIGHT_BLOCK);
    if (layer->bias) claim(engine, &node->biases, pairs_of(layer->channels) * OUT_PAIR);
    return status;
}

/* An input that only linear layers read is a vector. */
static tensor_shape input_shape(const ufm_network *network)
{
    const ufm_layer *input = &network->layer[0];
    for (int64_t l = 1; l < network->layers; l++)
        if (network->layer[l].input == 0 && network->layer[l].kind != UFM_LAYER_LINEAR)
            return tensor_shape_of(input->channels, input->height, input->width);
    return tensor_shape_of(input->channels * input->height * input->width, 1, 1);
}

/* A gradient lives from its first writer, on the way back, to its own layer; buffers are used again, the one
 * that was free last before others, as a cache may still hold it. */
static void first_write(fast_engine *engine, int32_t l, bool *first, bool *busy, int64_t freed)
{
    fast_node *node = l > 0 ? &engine->node[l] : NULL;
    *first = node && node->slot < 0;
    if (!*first) return;
    int64_t best = -1;
    for (int64_t s = 0; s < engine->slots; s++)
        if (!busy[s] &&
            (best < 0 || engine->slot_size[s] < engine->slot_size[best] ||
             engine->slot_size[best] < node->shape.image) &&
            engine->slot_size[s] >= node->shape.image)
            best = s;
    if (freed >= 0 && !busy[freed] && engine->slot_size[freed] >= node->shape.image) best = freed;
    if (best < 0) {
        best = engine->slots++;
        engine->slot_size[best] = node->shape.image;
    }
    busy[best] = true;
    node->slot = best;
}

static void plan_gradients(fast_engine *engine, bool *busy)
{
    bool ignored;
    first_write(engine, engine->network->logits, &ignored, busy, -1);
    first_write(engine, engine->network->features, &ignored, busy, -1);
    for (int64_t l = engine->network->layers - 1; l > 0; l--) {
        fast_node *node = &engine->node[l];
        if (node->kind == NODE_NONE) continue;
        /* Number by number, a batch norm may write its input's gradient where it reads its output's. */
        const int64_t own = node->kind == NODE_NORM ? node->slot : -1;
        if (own >= 0) busy[own] = false;
        first_write(engine, node->input, &node->first_input, busy, own);
        if (node->other >= 0) first_write(engine, node->other, &node->first_other, busy, own);
        if (own < 0 && node->slot >= 0) busy[node->slot] = false;
    }
}

ufm_status fast_plan(fast_engine *engine)
{
    const ufm_network *network = engine->network;
    bool *taken = ufm_alloc(2 * network->layers, sizeof *taken); /* then: which gradient buffers are in use */
    ufm_status status = taken ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    for (int64_t l = 0; l < network->layers && status == UFM_OK; l++) {
        const ufm_layer *layer = &network->layer[l];
        fast_node made = {.layer = layer, .input = layer->input, .other = -1, .slot = -1};
        int64_t end = l;
        if (taken[l]) continue;
        made.shape =
            l == 0 ? input_shape(network) : tensor_shape_of(layer->channels, layer->height, layer->width);
        if (layer->kind == UFM_LAYER_CONVOLUTION || layer->kind == UFM_LAYER_LINEAR)
            status = plan_product(engine, &made, layer);
        else if (l == 0)
            made.kind = NODE_INPUT;
        else if (layer->kind == UFM_LAYER_MAX_POOL)
            made.kind = NODE_MAX_POOL;
        else if (layer->kind == UFM_LAYER_AVERAGE_POOL)
            made.kind = NODE_AVERAGE;
        else {
            end = fuse(network, l, &made, taken);
            for (int64_t k = l; k <= end; k++)
                if (k == l || k == end ||
                    (network->layer[k].kind == UFM_LAYER_ADD && network->layer[end].input == k))
                    taken[k] = true;
            if (made.layer) claim(engine, &made.weights, made.shape.blocks * LANES);
            if (made.layer) claim(engine, &made.biases, made.shape.blocks * LANES);
        }
        engine->node[end] = made;
    }
    if (status == UFM_OK) plan_gradients(engine, taken + network->layers);
cleanup:
    ufm_free(taken);
    return status;
}
