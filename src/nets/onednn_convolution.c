/* ufmlab: nets: the route through oneDNN's convolutions. Each part of the work has a share of the images; the
 * weights' gradients of the shares are added in their order. Copyright (C) 2026 the ufmlab authors.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef UFM_HAVE_ONEDNN
#include "onednn_product.h"

#include <string.h>

static int64_t first_image(const onednn_product *p, int64_t part)
{
    return share_start(p->layer.batch, part, p->layer.threads);
}
static char *at_image(const onednn_product *p, const void *tensor, const tensor_shape *shape, int64_t image)
{
    return (char *)(uintptr_t)tensor + (size_t)(image * shape->image) * onednn_element(p);
}

/* ---- Preparation ---- */

typedef struct {
    dnn_layout src, weights, forward_weights, bias, dst;
} conv_layouts;
static void free_layouts(conv_layouts *l)
{
    dnn_layout_free(l->src);
    dnn_layout_free(l->weights);
    dnn_layout_free(l->forward_weights);
    dnn_layout_free(l->bias);
    dnn_layout_free(l->dst);
}

/* Channels count with their padding, so that nothing is left for oneDNN to pad. */
static ufm_status make_layouts(const onednn_product *p, int64_t images, conv_layouts *l)
{
    const tensor_shape *s = &p->layer.src, *d = &p->layer.dst;
    const dnnl_data_type_t type = p->layer.half ? dnnl_bf16 : dnnl_f32;
    const int64_t src[] = {images, s->blocks * LANES, s->height, s->width},
                  dst[] = {images, d->blocks * LANES, d->height, d->width},
                  weights[] = {d->blocks * LANES, s->blocks * LANES, p->layer.window.kernel_height,
                               p->layer.window.kernel_width};
    ufm_status status = dnn_layout_tag(&l->src, 4, src, type, dnnl_nChw16c);
    if (status == UFM_OK) status = dnn_layout_tag(&l->dst, 4, dst, type, dnnl_nChw16c);
    if (status == UFM_OK)
        status = dnn_layout_tag(&l->weights, 4, weights,
                                p->direction == ONEDNN_BACK_WEIGHTS ? dnnl_f32 : type, dnnl_format_tag_any);
    if (status == UFM_OK) status = dnn_layout_tag(&l->forward_weights, 4, weights, type, dnnl_format_tag_any);
    if (status == UFM_OK && p->layer.bias && p->direction == ONEDNN_FORWARD)
        status = dnn_layout_tag(&l->bias, 1, weights, dnnl_f32, dnnl_a);
    return status;
}

/* Zeros after the last pixel that the last window needs. */
static int64_t end_padding(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding)
{
    const int64_t end = (out - 1) * stride + kernel - in - padding;
    return end > 0 ? end : 0;
}

static ufm_status make_part(onednn_product *p, int64_t part, dnn_layout *packed)
{
    const onednn_layer *layer = &p->layer;
    const product_window *w = &layer->window;
    conv_layouts l = {0};
    ufm_status status = make_layouts(p, first_image(p, part + 1) - first_image(p, part), &l);
    const dnn_convolution shape = {.src = l.src,
                                   .weights = l.weights,
                                   .forward_weights = l.forward_weights,
                                   .bias = l.bias,
                                   .dst = l.dst,
                                   .strides = {w->stride, w->stride},
                                   .padding = {w->padding, w->padding},
                                   .padding_end = {end_padding(layer->src.height, layer->dst.height,
                                                               w->kernel_height, w->stride, w->padding),
                                                   end_padding(layer->src.width, layer->dst.width,
                                                               w->kernel_width, w->stride, w->padding)},
                                   .winograd = p->route == ONEDNN_WINOGRAD};
    if (status == UFM_OK) status = dnn_call_convolution(&p->call[part], &shape, p->direction, packed);
    free_layouts(&l);
    return status;
}

/* One part of the output channels of the reorder between our weights and oneDNN's. */
static ufm_status make_reorder_part(onednn_product *p, dnn_const_layout ours, dnn_const_layout packed,
                                    const int64_t range[2])
{
    const int64_t offset[] = {range[0], 0, 0, 0},
                  dim[] = {range[1] - range[0], p->layer.src.blocks * LANES, p->layer.window.kernel_height,
                           p->layer.window.kernel_width};
    dnn_layout a = NULL, b = NULL;
    ufm_status status = dnn_layout_part(&a, ours, dim, offset);
    if (status == UFM_OK) status = dnn_layout_part(&b, packed, dim, offset);
    if (status == UFM_OK)
        status = p->direction == ONEDNN_BACK_WEIGHTS ? dnn_call_reorder(&p->reorder[p->reorders], b, a)
                                                     : dnn_call_reorder(&p->reorder[p->reorders], a, b);
    if (status == UFM_OK) p->reorders++;
    dnn_layout_free(a);
    dnn_layout_free(b);
    return status;
}

static ufm_status make_reorder(onednn_product *p, dnn_const_layout packed)
{
    const int64_t outputs = p->layer.dst.blocks * LANES, quads = (outputs + 63) / 64,
                  parts = quads < p->layer.threads ? quads : p->layer.threads;
    const int64_t dim[] = {outputs, p->layer.src.blocks * LANES, p->layer.window.kernel_height,
                           p->layer.window.kernel_width};
    dnn_layout ours = NULL;
    p->reorder = ufm_alloc(parts, sizeof *p->reorder);
    ufm_status status = p->reorder ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = dnn_layout_tag(&ours, 4, dim, dnnl_f32, dnnl_OIhw16i32o);
    for (int64_t i = 0; i < parts && status == UFM_OK; i++) {
        const int64_t begin = 64 * share_start(quads, i, parts), end = 64 * share_start(quads, i + 1, parts);
        status = make_reorder_part(p, ours, packed, (const int64_t[2]){begin, end < outputs ? end : outputs});
    }
    dnn_layout_free(ours);
    return status;
}

ufm_status onednn_convolution_new(onednn_product *p)
{
    const int64_t threads = p->layer.threads;
    dnn_layout packed = NULL;
    p->call = ufm_alloc(threads, sizeof *p->call);
    ufm_status status = p->call ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < threads && status == UFM_OK; i++) {
        p->calls = i + 1;
        if (first_image(p, i + 1) > first_image(p, i)) status = make_part(p, i, packed ? NULL : &packed);
        if (status == UFM_OK && p->call[i].scratch > p->scratch_bytes) p->scratch_bytes = p->call[i].scratch;
    }
    if (status == UFM_OK) status = make_reorder(p, packed);
    if (status != UFM_OK) goto cleanup;
    const int64_t bytes = onednn_align(dnn_layout_bytes(packed));
    const tensor_shape *out = &p->layer.src;
    p->products = p->scratch_bytes = onednn_align(p->scratch_bytes);
    if (p->direction == ONEDNN_BACK_WEIGHTS)
        p->scratch_bytes += p->gradient_bytes = bytes;
    else
        p->weight_bytes = bytes;
    if (p->direction == ONEDNN_BACK_INPUT && p->layer.add)
        p->scratch_bytes += (p->layer.batch / threads + 1) * out->image * (int64_t)onednn_element(p);
cleanup:
    dnn_layout_free(packed);
    return status;
}

/* ---- Running ---- */

static ufm_status pack_part(const onednn_parts *run, int64_t part)
{
    void *const address[] = {(void *)(uintptr_t)run->weights, run->packed, NULL};
    return dnn_call_run(&run->product->reorder[part], address);
}
ufm_status onednn_convolution_pack(onednn_parts *run, ufm_pool *pool)
{
    run->body = pack_part;
    return onednn_run_parts(run, pool, run->product->reorders);
}

static ufm_status forward_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const onednn_task *t = run->task;
    const int64_t image = first_image(p, part);
    if (image >= t->count || !p->call[part].primitive) return UFM_OK;
    void *address[DNN_ARGS] = {at_image(p, t->src, &p->layer.src, image), (void *)(uintptr_t)t->packed};
    int n = 2;
    if (p->layer.bias) address[n++] = (void *)(uintptr_t)t->bias;
    address[n++] = at_image(p, t->dst, &p->layer.dst, image);
    address[n] = t->scratch[part];
    return dnn_call_run(&p->call[part], address);
}

static void add_numbers(const onednn_product *p, const void *from, void *to, int64_t count)
{
    if (p->layer.half) {
        const uint16_t *x = from;
        uint16_t *y = to;
        for (int64_t i = 0; i < count; i++) y[i] = kernel_round(kernel_widen(x[i]) + kernel_widen(y[i]));
        return;
    }
    const float *x = from;
    float *y = to;
    for (int64_t i = 0; i < count; i++) y[i] += x[i];
}

static ufm_status back_input_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const onednn_task *t = run->task;
    const tensor_shape *dy = &p->layer.dst, *dx = &p->layer.src;
    const int64_t image = first_image(p, part), end = first_image(p, part + 1);
    if (image >= t->count || !p->call[part].primitive) return UFM_OK;
    char *const to = at_image(p, t->dst, dx, image), *const own =
                                                         p->layer.add ? t->scratch[part] + p->products : to;
    void *const address[] = {own, (void *)(uintptr_t)t->packed, at_image(p, t->src, dy, image),
                             t->scratch[part]};
    const ufm_status status = dnn_call_run(&p->call[part], address);
    const int64_t images = (end < t->count ? end : t->count) - image;
    if (status == UFM_OK && p->layer.add) add_numbers(p, own, to, images * dx->image);
    return status;
}

static ufm_status back_weights_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const onednn_task *t = run->task;
    const int64_t image = first_image(p, part), end = first_image(p, part + 1);
    if (image >= t->count || !p->call[part].primitive) return UFM_OK;
    if (end > t->count)
        memset(at_image(p, t->dy, &p->layer.dst, t->count), 0,
               (size_t)((end - t->count) * p->layer.dst.image) * onednn_element(p));
    void *const address[] = {at_image(p, t->x, &p->layer.src, image), t->scratch[part] + p->products,
                             at_image(p, t->dy, &p->layer.dst, image), t->scratch[part]};
    return dnn_call_run(&p->call[part], address);
}

/* Adds the other parts' gradients to part 0's, a stretch of all of them at a time. */
static ufm_status sum_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    const int64_t parts = p->layer.threads, count = p->gradient_bytes / (int64_t)sizeof(float),
                  begin = share_start(count / LANES, part, parts) * LANES,
                  end = part + 1 < parts ? share_start(count / LANES, part + 1, parts) * LANES : count;
    float *const sum = (float *)(void *)(run->task->scratch[0] + p->products);
    bool first = true;
    for (int64_t k = 0; k < parts; k++) {
        if (first_image(p, k) >= run->task->count || !p->call[k].primitive) continue;
        const float *own = (const float *)(void *)(run->task->scratch[k] + p->products);
        for (int64_t i = begin; i < end; i++) sum[i] = first ? own[i] : sum[i] + own[i];
        first = false;
    }
    return UFM_OK;
}
static ufm_status unpack_part(const onednn_parts *run, int64_t part)
{
    const onednn_product *p = run->product;
    void *const address[] = {run->task->scratch[0] + p->products, run->task->d_weights, NULL};
    return dnn_call_run(&p->reorder[part], address);
}

ufm_status onednn_convolution_run(onednn_parts *run, ufm_pool *pool)
{
    static onednn_part *const body[] = {forward_part, back_input_part, back_weights_part};
    const onednn_product *p = run->product;
    run->body = body[p->direction];
    ufm_status status = onednn_run_parts(run, pool, p->layer.threads);
    if (status != UFM_OK || p->direction != ONEDNN_BACK_WEIGHTS) return status;
    run->body = sum_part;
    status = onednn_run_parts(run, pool, p->layer.threads);
    if (status != UFM_OK) return status;
    run->body = unpack_part;
    return onednn_run_parts(run, pool, p->reorders);
}
#endif
