/* ufmlab: nets: the calls to oneDNN, versions 2.6 to 3.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef UFM_HAVE_ONEDNN
#include "onednn_api.h"

#include <dlfcn.h>
#include <string.h>

ufm_status dnn_status(dnnl_status_t status)
{
    switch (status) {
    case dnnl_success:
        return UFM_OK;
    case dnnl_out_of_memory:
        return UFM_ERROR_MEMORY;
    case dnnl_unimplemented:
        return UFM_ERROR_UNSUPPORTED;
    default:
        return UFM_ERROR_NUMERIC;
    }
}

/* ---- One thread ---------------------------------------------------------------------------------
 * oneDNN takes as many threads as OpenMP offers to the thread that calls. Which OpenMP it was linked with, if
 * any, is known when running only. */
static void find_threads(dnn_call *call)
{
    *(void **)&call->threads = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    *(void **)&call->set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
}
/* Returns what to restore, or 0. */
static int limit_threads(const dnn_call *call)
{
    const int before = call->threads && call->set_threads ? call->threads() : 0;
    if (before > 0) call->set_threads(1);
    return before;
}
static void restore_threads(const dnn_call *call, int before)
{
    if (before > 0) call->set_threads(before);
}

/* ---- Layouts ---- */

#if DNNL_VERSION_MAJOR >= 3
ufm_status dnn_layout_tag(dnn_layout *made, int dims, const int64_t *dim, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
    return dnn_status(dnnl_memory_desc_create_with_tag(made, dims, dim, type, tag));
}
ufm_status dnn_layout_matrix(dnn_layout *made, const int64_t *dim, const int64_t *stride,
                             dnnl_data_type_t type)
{
    return dnn_status(dnnl_memory_desc_create_with_strides(made, 2, dim, type, stride));
}
ufm_status dnn_layout_part(dnn_layout *made, dnn_const_layout whole, const int64_t *dim,
                           const int64_t *offset)
{
    return dnnl_memory_desc_create_submemory(made, whole, dim, offset) == dnnl_success
               ? UFM_OK
               : UFM_ERROR_UNSUPPORTED;
}
static ufm_status copy_layout(dnn_layout *made, dnn_const_layout from)
{
    return dnn_status(dnnl_memory_desc_clone(made, from));
}
void dnn_layout_free(dnn_layout layout)
{
    if (layout) dnnl_memory_desc_destroy(layout);
}
#else
static ufm_status publish_layout(dnn_layout *made, dnnl_status_t status, const dnnl_memory_desc_t *layout)
{
    if (status != dnnl_success) return dnn_status(status);
    *made = ufm_alloc(1, sizeof **made);
    if (!*made) return UFM_ERROR_MEMORY;
    **made = *layout;
    return UFM_OK;
}
ufm_status dnn_layout_tag(dnn_layout *made, int dims, const int64_t *dim, dnnl_data_type_t type,
                          dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t layout;
    return publish_layout(made, dnnl_memory_desc_init_by_tag(&layout, dims, dim, type, tag), &layout);
}
ufm_status dnn_layout_matrix(dnn_layout *made, const int64_t *dim, const int64_t *stride,
                             dnnl_data_type_t type)
{
    dnnl_memory_desc_t layout;
    return publish_layout(made, dnnl_memory_desc_init_by_strides(&layout, 2, dim, type, stride), &layout);
}
ufm_status dnn_layout_part(dnn_layout *made, dnn_const_layout whole, const int64_t *dim,
                           const int64_t *offset)
{
    dnnl_memory_desc_t layout;
    if (dnnl_memory_desc_init_submemory(&layout, whole, dim, offset) != dnnl_success)
        return UFM_ERROR_UNSUPPORTED;
    return publish_layout(made, dnnl_success, &layout);
}
static ufm_status copy_layout(dnn_layout *made, dnn_const_layout from)
{
    return publish_layout(made, dnnl_success, from);
}
void dnn_layout_free(dnn_layout layout)
{
    ufm_free(layout);
}
#endif

/* ---- Descriptions of primitives ---- */

#if DNNL_VERSION_MAJOR >= 3
static dnnl_status_t describe_convolution(dnnl_primitive_desc_t *made, const dnn_convolution *c,
                                          onednn_direction direction, dnnl_primitive_desc_t hint,
                                          dnnl_primitive_attr_t attr, dnnl_engine_t engine)
{
    static const dnnl_dims_t dense = {0};
    const dnnl_alg_kind_t kind = c->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    switch (direction) {
    case ONEDNN_BACK_INPUT:
        return dnnl_convolution_backward_data_primitive_desc_create(made, engine, kind, c->src, c->weights,
                                                                    c->dst, c->strides, dense, c->padding,
                                                                    c->padding_end, hint, attr);
    case ONEDNN_BACK_WEIGHTS:
        return dnnl_convolution_backward_weights_primitive_desc_create(
            made, engine, kind, c->src, c->weights, NULL, c->dst, c->strides, dense, c->padding,
            c->padding_end, hint, attr);
    default:
        return dnnl_convolution_forward_primitive_desc_create(made, engine, dnnl_forward_training, kind,
                                                              c->src, c->weights, c->bias, c->dst, c->strides,
                                                              dense, c->padding, c->padding_end, attr);
    }
}
static dnnl_status_t describe_matmul(dnnl_primitive_desc_t *made, const dnn_const_layout layout[4],
                                     dnnl_primitive_attr_t attr, dnnl_engine_t engine)
{
    return dnnl_matmul_primitive_desc_create(made, engine, layout[0], layout[1], layout[2], layout[3], attr);
}
static dnnl_status_t append_sum(dnnl_post_ops_t post)
{
    return dnnl_post_ops_append_sum(post, 1, 0, dnnl_data_type_undef);
}
#else
static dnnl_status_t describe_convolution(dnnl_primitive_desc_t *made, const dnn_convolution *c,
                                          onednn_direction direction, dnnl_primitive_desc_t hint,
                                          dnnl_primitive_attr_t attr, dnnl_engine_t engine)
{
    const dnnl_alg_kind_t kind = c->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
    dnnl_convolution_desc_t d;
    dnnl_status_t status;
    switch (direction) {
    case ONEDNN_BACK_INPUT:
        status = dnnl_convolution_backward_data_desc_init(&d, kind, c->src, c->weights, c->dst, c->strides,
                                                          c->padding, c->padding_end);
        break;
    case ONEDNN_BACK_WEIGHTS:
        status = dnnl_convolution_backward_weights_desc_init(&d, kind, c->src, c->weights, NULL, c->dst,
                                                             c->strides, c->padding, c->padding_end);
        break;
    default:
        status = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, kind, c->src, c->weights,
                                                    c->bias, c->dst, c->strides, c->padding, c->padding_end);
    }
    return status == dnnl_success ? dnnl_primitive_desc_create(made, &d, attr, engine, hint) : status;
}
static dnnl_status_t describe_matmul(dnnl_primitive_desc_t *made, const dnn_const_layout layout[4],
                                     dnnl_primitive_attr_t attr, dnnl_engine_t engine)
{
    dnnl_matmul_desc_t d;
    const dnnl_status_t status = dnnl_matmul_desc_init(&d, layout[0], layout[1], layout[2], layout[3]);
    return status == dnnl_success ? dnnl_primitive_desc_create(made, &d, attr, engine, NULL) : status;
}
static dnnl_status_t append_sum(dnnl_post_ops_t post)
{
    return dnnl_post_ops_append_sum(post, 1);
}
#endif

/* ---- Calls ---- */

/* Scratch memory is ours; `add`: to what is in the output. */
static ufm_status new_attributes(dnnl_primitive_attr_t *attr, bool add)
{
    ufm_status status = dnn_status(dnnl_primitive_attr_create(attr));
    if (status == UFM_OK)
        status = dnn_status(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user));
    dnnl_post_ops_t post = NULL;
    if (status == UFM_OK && add) status = dnn_status(dnnl_post_ops_create(&post));
    if (status == UFM_OK && add) status = dnn_status(append_sum(post));
    if (status == UFM_OK && add) status = dnn_status(dnnl_primitive_attr_set_post_ops(*attr, post));
    if (post) dnnl_post_ops_destroy(post);
    return status;
}

static ufm_status open_call(dnn_call *call)
{
    const ufm_status status = dnn_status(dnnl_engine_create(&call->engine, dnnl_cpu, 0));
    if (status != UFM_OK) return status;
    return dnn_status(dnnl_stream_create(&call->stream, call->engine, dnnl_stream_default_flags));
}

/* oneDNN has plain loops for everything; they would be slower than ours by orders of magnitude. */
static bool is_reference(dnnl_primitive_desc_t description)
{
    const char *name = NULL;
    return dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name) != dnnl_success ||
           strncmp(name, "ref", 3) == 0;
}

static ufm_status make_call(dnn_call *call, dnnl_primitive_desc_t description, const int *args, int count)
{
    ufm_status status = dnn_status(dnnl_primitive_create(&call->primitive, description));
    for (int i = 0; i < count && status == UFM_OK; i++) {
        const dnn_const_layout layout =
            dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, args[i]);
        if (!layout) return UFM_ERROR_UNSUPPORTED;
        if (args[i] == DNNL_ARG_SCRATCHPAD) call->scratch = dnn_layout_bytes(layout);
        dnnl_exec_arg_t *arg = &call->arg[call->args];
        arg->arg = args[i];
        status = dnn_status(dnnl_memory_create(&arg->memory, layout, call->engine, DNNL_MEMORY_NONE));
        if (status == UFM_OK) call->args++;
    }
    return status;
}

/* A call while it is made. */
typedef struct {
    dnn_call *call;
    dnnl_primitive_desc_t description;
    dnnl_primitive_attr_t attr;
    int threads; /* of OpenMP, before */
} making;

static ufm_status begin(making *m, dnn_call *call, bool add)
{
    *call = (dnn_call){0};
    *m = (making){.call = call};
    find_threads(call);
    m->threads = limit_threads(call);
    const ufm_status status = open_call(call);
    return status == UFM_OK ? new_attributes(&m->attr, add) : status;
}

static ufm_status finish(making *m, ufm_status status)
{
    if (m->description) dnnl_primitive_desc_destroy(m->description);
    if (m->attr) dnnl_primitive_attr_destroy(m->attr);
    restore_threads(m->call, m->threads);
    if (status != UFM_OK) dnn_call_free(m->call);
    return status;
}

ufm_status dnn_call_convolution(dnn_call *call, const dnn_convolution *shape, onednn_direction direction,
                                dnn_layout *packed)
{
    static const int names[ONEDNN_DIRECTIONS][DNN_ARGS] = {
        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD},
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD}};
    static const int plain[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
    const bool bias = direction == ONEDNN_FORWARD && shape->bias;
    const int *args = direction == ONEDNN_FORWARD && !bias ? plain : names[direction];
    dnn_convolution forward = *shape;
    forward.weights = shape->forward_weights;
    forward.winograd = shape->winograd && direction == ONEDNN_FORWARD; /* there need not be both ways */
    dnnl_primitive_desc_t hint = NULL;
    making m;
    ufm_status status = begin(&m, call, false);
    if (status == UFM_OK)
        status =
            dnn_status(describe_convolution(&hint, &forward, ONEDNN_FORWARD, NULL, m.attr, call->engine));
    if (status == UFM_OK)
        status =
            dnn_status(describe_convolution(&m.description, shape, direction, hint, m.attr, call->engine));
    if (status == UFM_OK && is_reference(m.description)) status = UFM_ERROR_UNSUPPORTED;
    if (status == UFM_OK) status = make_call(call, m.description, args, bias ? 5 : 4);
    if (status == UFM_OK && packed)
        status =
            copy_layout(packed, dnnl_primitive_desc_query_md(m.description, dnnl_query_exec_arg_md, args[1]));
    if (hint) dnnl_primitive_desc_destroy(hint);
    return finish(&m, status);
}

ufm_status dnn_call_matmul(dnn_call *call, dnn_const_layout src, dnn_const_layout weights,
                           dnn_const_layout bias, dnn_const_layout dst, bool add)
{
    static const int args[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD},
                     with_bias[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST,
                                    DNNL_ARG_SCRATCHPAD};
    const dnn_const_layout layout[4] = {src, weights, bias, dst};
    making m;
    ufm_status status = begin(&m, call, add);
    if (status == UFM_OK) status = dnn_status(describe_matmul(&m.description, layout, m.attr, call->engine));
    if (status == UFM_OK && is_reference(m.description)) status = UFM_ERROR_UNSUPPORTED;
    if (status == UFM_OK) status = make_call(call, m.description, bias ? with_bias : args, bias ? 5 : 4);
    return finish(&m, status);
}

ufm_status dnn_call_reorder(dnn_call *call, dnn_const_layout from, dnn_const_layout to)
{
    static const int args[] = {DNNL_ARG_FROM, DNNL_ARG_TO, DNNL_ARG_SCRATCHPAD};
    making m;
    ufm_status status = begin(&m, call, false);
    if (status == UFM_OK)
        status = dnn_status(
            dnnl_reorder_primitive_desc_create(&m.description, from, call->engine, to, call->engine, m.attr));
    if (status == UFM_OK) status = make_call(call, m.description, args, 3);
    return finish(&m, status);
}

void dnn_call_free(dnn_call *call)
{
    for (int i = 0; i < call->args; i++) dnnl_memory_destroy(call->arg[i].memory);
    if (call->primitive) dnnl_primitive_destroy(call->primitive);
    if (call->stream) dnnl_stream_destroy(call->stream);
    if (call->engine) dnnl_engine_destroy(call->engine);
    *call = (dnn_call){0};
}

ufm_status dnn_call_run(const dnn_call *call, void *const *address)
{
    const int before = limit_threads(call);
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < call->args && status == dnnl_success; i++)
        status = dnnl_memory_set_data_handle(call->arg[i].memory, address[i]);
    if (status == dnnl_success)
        status = dnnl_primitive_execute(call->primitive, call->stream, call->args, call->arg);
    if (status == dnnl_success) status = dnnl_stream_wait(call->stream);
    restore_threads(call, before);
    return dnn_status(status);
}
#endif
