/* ufmlab: nets: which way each product of the fast engine goes: by our own kernels, directly or by
 * Winograd's algorithm, or by one of oneDNN's routes. The choice is measured, or read from a text that an
 * earlier choice wrote. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "fast.h"

#include <math.h>
#include <string.h>

enum { ROUTE_OWN, ROUTE_WINOGRAD = 1 + ONEDNN_ROUTES, ROUTE_COUNT, TIMED = 3 };
/* Own, oneDNN's convolution, its matrix product, its Winograd algorithm, and our own. */
static const char letters[ROUTE_COUNT + 1] = "ocmwv";

static bool has_direction(const fast_node *node, int direction)
{
    return node->kind == NODE_PRODUCT && (direction != ONEDNN_BACK_INPUT || node->pack_back);
}

/* What a route's time and numbers depend on. */
static onednn_layer layer_of(const fast_engine *engine, const fast_node *node)
{
    return (onednn_layer){.src = node->forward.src,
                          .dst = node->forward.dst,
                          .window = node->window,
                          .batch = engine->batch,
                          .threads = ufm_pool_threads(engine->machine.pool),
                          .half = engine->half,
                          .bias = node->biases.count > 0,
                          .add = !node->first_input};
}

static void clear(fast_way *way)
{
    onednn_product_free(way->product);
    ufm_free(way->packed);
    *way = (fast_way){0};
}
void fast_route_clear(fast_node *node)
{
    for (int d = 0; d < ONEDNN_DIRECTIONS; d++) clear(&node->way[d]);
}

/* Scratch of every thread grows to what a product needs. */
static ufm_status grow_scratch(fast_engine *engine, int64_t bytes)
{
    if (bytes <= engine->scratch_bytes) return UFM_OK;
    for (int t = 0; t < ufm_pool_threads(engine->machine.pool); t++) {
        char *larger = ufm_alloc(bytes, 1);
        if (!larger) return UFM_ERROR_MEMORY;
        ufm_free(engine->machine.scratch[t]);
        engine->machine.scratch[t] = larger;
    }
    engine->scratch_bytes = bytes;
    return UFM_OK;
}

/* UFM_ERROR_UNSUPPORTED where the algorithm does not apply, and in bf16. */
static ufm_status take_winograd(fast_engine *engine, fast_node *node, int direction)
{
    fast_way *way = &node->way[direction];
    const tensor_shape src = node->forward.src, dst = node->forward.dst;
    const int threads = ufm_pool_threads(engine->machine.pool);
    if (engine->half) return UFM_ERROR_UNSUPPORTED;
    way->by_winograd =
        direction == ONEDNN_BACK_WEIGHTS
            ? winograd_gradient_plan(&way->winograd, src, dst, node->window, engine->batch, threads)
            : winograd_plan(&way->winograd, src, dst, node->window, direction == ONEDNN_BACK_INPUT,
                            engine->batch, threads);
    return way->by_winograd ? grow_scratch(engine, way->winograd.scratch_bytes) : UFM_ERROR_UNSUPPORTED;
}

/* UFM_ERROR_UNSUPPORTED where there is no such route. */
static ufm_status take_route(fast_engine *engine, fast_node *node, int direction, int route)
{
    fast_way made = {0};
    clear(&node->way[direction]);
    if (route == ROUTE_OWN) return UFM_OK;
    if (route == ROUTE_WINOGRAD) return take_winograd(engine, node, direction);
    const onednn_layer layer = layer_of(engine, node);
    ufm_status status =
        onednn_product_new(&layer, (onednn_direction)direction, (onednn_route)(route - 1), &made.product);
    if (status != UFM_OK) return status;
    const int64_t bytes = onednn_weight_bytes(made.product);
    status = grow_scratch(engine, onednn_scratch_bytes(made.product));
    if (status == UFM_OK && bytes > 0 && !(made.packed = ufm_alloc(bytes, 1))) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK)
        node->way[direction] = made;
    else
        clear(&made);
    return status;
}

static ufm_status run_onednn(fast_engine *engine, fast_node *node, int direction)
{
    const fast_node *input = &engine->node[node->input];
    const float *masters = engine->vector[UFM_VECTOR_PARAMETERS];
    const fast_way *way = &node->way[direction];
    const bool forward = direction == ONEDNN_FORWARD;
    const onednn_task task = {.src = forward ? input->out : node->gradient,
                              .packed = way->packed,
                              .dst = forward ? node->out : input->gradient,
                              .bias = node->biases.count ? masters + node->biases.at : NULL,
                              .x = input->out,
                              .dy = node->gradient,
                              .d_weights = engine->vector[UFM_VECTOR_GRADIENT] + node->weights.at,
                              .count = engine->count,
                              .scratch = engine->machine.scratch};
    return onednn_run(way->product, engine->machine.pool, &task);
}

ufm_status fast_product(fast_engine *engine, fast_node *node, int direction)
{
    const fast_node *input = &engine->node[node->input];
    const float *masters = engine->vector[UFM_VECTOR_PARAMETERS];
    const fast_way *way = &node->way[direction];
    if (way->product) return run_onednn(engine, node, direction);
    if (direction == ONEDNN_BACK_WEIGHTS) {
        const product_gradient_task task = {input->out, node->gradient,
                                            engine->vector[UFM_VECTOR_GRADIENT] + node->weights.at,
                                            engine->count};
        if (way->by_winograd)
            winograd_gradient(&engine->machine, &way->winograd, &task);
        else
            product_gradient(&engine->machine, &node->forward, &task);
        return UFM_OK;
    }
    const bool forward = direction == ONEDNN_FORWARD;
    const void *plain = masters + node->weights.at;
    const product_task task = {.src = forward ? input->out : node->gradient,
                               .weights = forward               ? (node->packed ? node->packed : plain)
                                          : way->winograd.fresh ? plain
                                                                : node->packed_back,
                               .dst = forward ? node->out : input->gradient,
                               .bias = forward && node->biases.count ? masters + node->biases.at : NULL,
                               .accumulate = !forward && !node->first_input,
                               .count = engine->count};
    if (way->by_winograd)
        winograd_run(&engine->machine, &way->winograd, &task);
    else
        product_run(&engine->machine, forward ? &node->forward : &node->backward, &task);
    return UFM_OK;
}

static ufm_status pack_way(fast_engine *engine, const fast_node *node, int direction)
{
    const fast_way *way = &node->way[direction];
    if (!way->packed) return UFM_OK;
    return onednn_pack(way->product, engine->machine.pool,
                       engine->vector[UFM_VECTOR_PARAMETERS] + node->weights.at, way->packed);
}
ufm_status fast_pack_ways(fast_engine *engine, fast_node *node)
{
    ufm_status status = UFM_OK;
    for (int d = 0; d < ONEDNN_DIRECTIONS && status == UFM_OK; d++) status = pack_way(engine, node, d);
    return status;
}

/* ---- The choice ---- */

/* Seconds of the fastest of a few runs after one that warms up, with the packing of the weights, which every
 * update asks for; gives up on what is much slower than `best`. */
static double time_route(fast_engine *engine, fast_node *node, int direction, double best)
{
    double fastest = INFINITY;
    for (int run = 0; run <= TIMED; run++) {
        const double began = ufm_seconds();
        if (pack_way(engine, node, direction) != UFM_OK || fast_product(engine, node, direction) != UFM_OK)
            return INFINITY;
        const double spent = ufm_seconds() - began;
        if (run > 0) fastest = fmin(fastest, spent);
        if (spent > 3 * best) break;
    }
    return fastest;
}

static bool same_shape(const fast_engine *engine, const fast_node *a, const fast_node *b)
{
    const onednn_layer x = layer_of(engine, a), y = layer_of(engine, b);
    return memcmp(&x.src, &y.src, sizeof x.src) == 0 && memcmp(&x.dst, &y.dst, sizeof x.dst) == 0 &&
           memcmp(&x.window, &y.window, sizeof x.window) == 0 && x.bias == y.bias && x.add == y.add;
}

/* That of an earlier node of the same shape, or -1. */
static int known_route(const fast_engine *engine, const fast_node *node, int direction)
{
    for (const fast_node *other = engine->node; other < node; other++)
        if (other->kind == NODE_PRODUCT && has_direction(other, direction) && same_shape(engine, other, node))
            return other->route[direction];
    return -1;
}

/* Our own unless another is faster by more than the clock's noise. */
static ufm_status measure_route(fast_engine *engine, fast_node *node, int direction)
{
    const double margin = 0.95;
    int chosen = known_route(engine, node, direction);
    ufm_status status = UFM_OK;
    if (chosen < 0) {
        chosen = ROUTE_OWN;
        double best = time_route(engine, node, direction, INFINITY);
        for (int route = 1; route < ROUTE_COUNT && status == UFM_OK; route++) {
            status = take_route(engine, node, direction, route);
            const double spent = status == UFM_OK ? time_route(engine, node, direction, best) : INFINITY;
            if (status == UFM_ERROR_UNSUPPORTED) status = UFM_OK;
            if (!(spent < margin * best)) continue;
            best = spent;
            chosen = route;
        }
    }
    node->route[direction] = chosen;
    return status == UFM_OK ? take_route(engine, node, direction, chosen) : status;
}

static ufm_status measure_routes(fast_engine *engine)
{
    ufm_status status = UFM_OK;
    engine->count = engine->batch;
    for (int64_t l = 0; l < engine->network->layers && status == UFM_OK; l++)
        for (int d = 0; d < ONEDNN_DIRECTIONS && status == UFM_OK; d++)
            if (has_direction(&engine->node[l], d)) status = measure_route(engine, &engine->node[l], d);
    return status;
}

/* One letter for each product and direction, in order; none at all: our own. */
static ufm_status read_routes(fast_engine *engine, const char *text)
{
    ufm_status status = UFM_OK;
    const bool own = !*text;
    for (int64_t l = 0; l < engine->network->layers && status == UFM_OK; l++)
        for (int d = 0; d < ONEDNN_DIRECTIONS && status == UFM_OK; d++) {
            fast_node *node = &engine->node[l];
            if (!has_direction(node, d)) continue;
            const char *letter = own ? letters : *text ? strchr(letters, *text++) : NULL;
            if (!letter) return UFM_ERROR_INPUT;
            node->route[d] = (int)(letter - letters);
            status = take_route(engine, node, d, node->route[d]);
        }
    return status == UFM_OK && *text ? UFM_ERROR_INPUT : status;
}

static void write_routes(fast_engine *engine)
{
    char *text = engine->routes;
    for (int64_t l = 0; l < engine->network->layers; l++)
        for (int d = 0; d < ONEDNN_DIRECTIONS; d++)
            if (has_direction(&engine->node[l], d)) *text++ = letters[engine->node[l].route[d]];
    *text = '\0';
}

ufm_status fast_choose(void *pointer, const char *routes, const char **chosen)
{
    fast_engine *engine = pointer;
    const ufm_status status = routes ? read_routes(engine, routes) : measure_routes(engine);
    if (status != UFM_OK) return status;
    write_routes(engine);
    engine->stale = true;
    *chosen = engine->routes;
    return UFM_OK;
}
