/* Private to nets: the fast engine. It runs its network as nodes: a convolution or linear layer, a fused pass
 * of batch norm, sum and ReLU, or a pool; node `l` yields layer l's output, and the layers fused into it have
 * none. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_FAST_H
#define UFMLAB_NETS_FAST_H

#include "engine.h"
#include "onednn.h"
#include "product.h"
#include "winograd.h"

typedef enum { NODE_NONE, NODE_INPUT, NODE_PRODUCT, NODE_NORM, NODE_MAX_POOL, NODE_AVERAGE } node_kind;
enum { CHUNKS = 16 }; /* parts of the batch whose sums are added in order, whoever computes them */

/* A stretch of the engine's own parameter vectors. */
typedef struct {
    int64_t at, count;
} stretch;

/* What does a product: oneDNN, our kernels by Winograd's algorithm, or, with neither, our kernels. */
typedef struct {
    onednn_product *product;
    void *packed; /* weights as it reads them, or NULL */
    bool by_winograd;
    winograd winograd;
} fast_way;

typedef struct {
    node_kind kind;
    const ufm_layer *layer; /* PRODUCT, pools: the layer; NORM: its batch norm or NULL */
    int32_t input, other;   /* other: second summand of a NORM, or -1 */
    bool relu;
    tensor_shape shape;
    void *out, *gradient;
    int64_t slot;                  /* of the gradient */
    bool first_input, first_other; /* the way back is the first to write that gradient */
    stretch weights, biases;       /* gamma and beta for NORM */
    product forward, backward;
    void *packed,
        *packed_back; /* weights as the kernels want them; packed is NULL for f32, which uses the masters */
    bool pack_back;
    product_window window;
    fast_way way[ONEDNN_DIRECTIONS];
    int route[ONEDNN_DIRECTIONS]; /* 0: our own */
    float *lane;                  /* NORM: [blocks][7][16]: scale, shift, mean, inverse, a, b, c */
    double *partial;              /* NORM: [blocks][CHUNKS][32] */
    uint8_t *chosen;              /* MAX_POOL */
} fast_node;

typedef struct {
    const ufm_network *network;
    int64_t batch, count;
    bool half, trained, stale; /* stale: packed weights are older than the masters */
    product_machine machine;
    fast_node *node; /* [layers] */
    int64_t length;  /* of the first four vectors */
    float *vector[UFM_VECTOR_RUNNING];
    double *running;
    void **slot; /* gradients' buffers, [layers] */
    int64_t *slot_size;
    int64_t slots;
    int64_t scratch_bytes;            /* of each thread */
    char *routes;                     /* text of the choice, [3 layers + 1] */
    double seconds[UFM_PARTS], clock; /* clock: when the current part began */
} fast_engine;

/* Books the time since the last call, or since fast_forward or the like began, on a part. */
void fast_book(fast_engine *engine, ufm_part part);
size_t fast_element(const fast_engine *engine);
ufm_status fast_plan(fast_engine *engine);    /* fills node[] */
ufm_status fast_reserve(fast_engine *engine); /* allocates for it */
ufm_status fast_pack(fast_engine *engine);    /* weights for the kernels */
void fast_norm(fast_engine *engine, fast_node *node, bool train);
void fast_norm_back(fast_engine *engine, fast_node *node);
void fast_pool(fast_engine *engine, fast_node *node);
void fast_pool_back(fast_engine *engine, fast_node *node);
void fast_bias_back(fast_engine *engine, fast_node *node);
/* One direction of a product, by the way chosen for it; what is read and written is the node's. */
ufm_status fast_product(fast_engine *engine, fast_node *node, int direction);
ufm_status fast_pack_ways(fast_engine *engine, fast_node *node);
ufm_status fast_choose(void *engine, const char *routes, const char **chosen);
void fast_route_clear(fast_node *node);
/* Where weight (o, i, tap) of the canonical vector is kept. */
int64_t fast_weight_at(const fast_node *node, int64_t o, int64_t i, int64_t tap);

#endif
