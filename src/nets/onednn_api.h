/* Private to nets: the only file that knows oneDNN's interface, and what differs between its versions 2
 * and 3. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_ONEDNN_API_H
#define UFMLAB_NETS_ONEDNN_API_H

#include "onednn.h"
#include <oneapi/dnnl/dnnl.h>

/* A description of a tensor that we own. Version 2 has structs, which we keep behind a pointer like version
 * 3's. */
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t dnn_layout;
typedef const_dnnl_memory_desc_t dnn_const_layout;
#else
typedef dnnl_memory_desc_t *dnn_layout;
typedef const dnnl_memory_desc_t *dnn_const_layout;
#endif

/* Our statuses for oneDNN's. */
ufm_status dnn_status(dnnl_status_t status);

ufm_status dnn_layout_tag(dnn_layout *made, int dims, const int64_t *dim, dnnl_data_type_t type,
                          dnnl_format_tag_t tag);
/* Two dimensions, with the distances of their numbers. */
ufm_status dnn_layout_matrix(dnn_layout *made, const int64_t *dim, const int64_t *stride,
                             dnnl_data_type_t type);
/* The part of `whole` with `dim` numbers from `offset` on, or UFM_ERROR_UNSUPPORTED. */
ufm_status dnn_layout_part(dnn_layout *made, dnn_const_layout whole, const int64_t *dim,
                           const int64_t *offset);
void dnn_layout_free(dnn_layout layout); /* accepts NULL */

/* Everything that runs: a primitive with room for the addresses of its arguments. */
enum { DNN_ARGS = 5 };
typedef struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    int args;
    dnnl_exec_arg_t arg[DNN_ARGS];
    int64_t scratch;      /* bytes */
    int (*threads)(void); /* OpenMP's, or NULL */
    void (*set_threads)(int);
} dnn_call;

typedef struct {
    dnn_const_layout src, weights, bias, dst;
    dnn_const_layout forward_weights; /* of the type that the way forward has, whichever way this is */
    dnnl_dims_t strides, padding, padding_end;
    bool winograd;
} dnn_convolution;
/* `packed` (may be NULL): a copy of the layout of the weights, or of their gradient, that oneDNN chose. */
ufm_status dnn_call_convolution(dnn_call *call, const dnn_convolution *shape, onednn_direction direction,
                                dnn_layout *packed);
/* dst = src * weights + bias, or added to what is there. */
ufm_status dnn_call_matmul(dnn_call *call, dnn_const_layout src, dnn_const_layout weights,
                           dnn_const_layout bias, dnn_const_layout dst, bool add);
ufm_status dnn_call_reorder(dnn_call *call, dnn_const_layout from, dnn_const_layout to);
void dnn_call_free(dnn_call *call);
/* Addresses in the order src, weights, (bias,) dst, scratch; src, dst, scratch for a reorder. The
 * convolutions' ways back keep these names: the layer's src, weights and dst, or gradients of them. */
ufm_status dnn_call_run(const dnn_call *call, void *const *address);

static inline int64_t dnn_layout_bytes(dnn_const_layout layout)
{
    return (int64_t)dnnl_memory_desc_get_size(layout);
}

#endif
