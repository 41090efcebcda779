/* ufmlab: nets: convolutions by oneDNN, whichever route they take, and what is left without oneDNN.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "onednn.h"

#ifdef UFM_HAVE_ONEDNN
#include "onednn_product.h"

#include <stdio.h>

const char *ufm_onednn_version(void)
{
    static _Thread_local char text[40];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

ufm_status onednn_product_new(const onednn_layer *layer, onednn_direction direction, onednn_route route,
                              onednn_product **made)
{
    onednn_product *p = ufm_alloc(1, sizeof *p);
    if (!p) return UFM_ERROR_MEMORY;
    p->layer = *layer;
    p->direction = direction;
    p->route = route;
    const ufm_status status = route == ONEDNN_MATMUL ? onednn_matmul_new(p) : onednn_convolution_new(p);
    if (status == UFM_OK)
        *made = p;
    else
        onednn_product_free(p);
    return status;
}

void onednn_product_free(onednn_product *p)
{
    if (!p) return;
    for (int64_t i = 0; i < p->calls; i++) dnn_call_free(&p->call[i]);
    for (int64_t i = 0; i < p->reorders; i++) dnn_call_free(&p->reorder[i]);
    for (int64_t i = 0; i < p->phases; i++) ufm_free(p->phase[i].tap);
    ufm_free(p->call);
    ufm_free(p->reorder);
    ufm_free(p->phase);
    ufm_free(p);
}

int64_t onednn_weight_bytes(const onednn_product *p)
{
    return p->weight_bytes;
}
int64_t onednn_scratch_bytes(const onednn_product *p)
{
    return p->scratch_bytes;
}

static void run_parts(void *context, int worker, int64_t begin, int64_t end)
{
    onednn_parts *run = context;
    (void)worker;
    for (int64_t part = begin; part < end; part++) {
        const ufm_status status = run->body(run, part);
        if (status != UFM_OK) run->failed = (int)status;
    }
}

ufm_status onednn_run_parts(onednn_parts *run, ufm_pool *pool, int64_t parts)
{
    ufm_pool_run(pool, parts, 1, run_parts, run);
    return (ufm_status)run->failed;
}

ufm_status onednn_pack(const onednn_product *p, ufm_pool *pool, const float *weights, void *packed)
{
    onednn_parts run = {.product = p, .weights = weights, .packed = packed};
    return p->route == ONEDNN_MATMUL ? onednn_matmul_pack(&run, pool) : onednn_convolution_pack(&run, pool);
}

ufm_status onednn_run(const onednn_product *p, ufm_pool *pool, const onednn_task *task)
{
    onednn_parts run = {.product = p, .task = task};
    return p->route == ONEDNN_MATMUL ? onednn_matmul_run(&run, pool) : onednn_convolution_run(&run, pool);
}

#else

const char *ufm_onednn_version(void)
{
    return NULL;
}
ufm_status onednn_product_new(const onednn_layer *layer, onednn_direction direction, onednn_route route,
                              onednn_product **made)
{
    (void)layer, (void)direction, (void)route, (void)made;
    return UFM_ERROR_UNSUPPORTED;
}
void onednn_product_free(onednn_product *p)
{
    (void)p;
}
int64_t onednn_weight_bytes(const onednn_product *p)
{
    (void)p;
    return 0;
}
int64_t onednn_scratch_bytes(const onednn_product *p)
{
    (void)p;
    return 0;
}
ufm_status onednn_pack(const onednn_product *p, ufm_pool *pool, const float *weights, void *packed)
{
    (void)p, (void)pool, (void)weights, (void)packed;
    return UFM_ERROR_UNSUPPORTED;
}
ufm_status onednn_run(const onednn_product *p, ufm_pool *pool, const onednn_task *task)
{
    (void)p, (void)pool, (void)task;
    return UFM_ERROR_UNSUPPORTED;
}
#endif
