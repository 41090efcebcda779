/* Private to nets: how an architecture is put together, layer by layer.
 *
 * Each function appends one layer, sets its output's shape and its place in the parameter vector, and returns
 * its index. A failure sticks: later calls do nothing, and ufm_network_new reports it.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_BUILDER_H
#define UFMLAB_NETS_BUILDER_H

#include <ufmlab/nets.h>

typedef struct {
    const ufm_network_settings *settings;
    ufm_network *network;
    int64_t capacity;
    ufm_status status;
    ufm_error *error;
} ufm_builder;

typedef struct {
    int32_t kernel, stride, padding;
} ufm_window;

int32_t ufm_build_convolution(ufm_builder *builder, int32_t input, int64_t channels, ufm_window window,
                              bool bias);
int32_t ufm_build_batch_norm(ufm_builder *builder, int32_t input);
int32_t ufm_build_relu(ufm_builder *builder, int32_t input);
int32_t ufm_build_add(ufm_builder *builder, int32_t input, int32_t other);
/* 2 x 2 maxima, stride 2. A map that is too small for it stays as it is. */
int32_t ufm_build_max_pool(ufm_builder *builder, int32_t input);
int32_t ufm_build_average_pool(ufm_builder *builder, int32_t input); /* over the whole map */
int32_t ufm_build_linear(ufm_builder *builder, int32_t input, int64_t outputs);
/* The last layer: logits of the features that `input` yields. */
void ufm_build_classifier(ufm_builder *builder, int32_t input);
/* The published number of channels times the multiplier, at least 1. */
int64_t ufm_build_width(const ufm_builder *builder, int64_t channels);
/* The number of features: K with fix_dim, else the published width times the multiplier. */
int64_t ufm_build_dim(const ufm_builder *builder, int64_t channels);

/* ---- The architectures --------------------------------------------------------------------------
 * A new network is one function in a file of its own, and a line here: X(name, function, Kaiming start,
 * summary). The function's layer 0 is the input. */
#define UFM_ARCHITECTURE_LIST(X)                                                                             \
    X("mlp", ufm_arch_mlp, false, "three blocks of 512 (linear, ReLU, batch norm)")                          \
    X("resnet18", ufm_arch_resnet18, true, "3x3 stem without pooling, 4 x 2 basic blocks")                   \
    X("resnet50", ufm_arch_resnet50, true, "3x3 stem without pooling, 3+4+6+3 bottleneck blocks")            \
    X("vgg16", ufm_arch_vgg16, false, "13 convolutions with batch norm, 5 max pools, one linear layer")      \
    X("vgg19", ufm_arch_vgg19, false, "16 convolutions with batch norm, 5 max pools, one linear layer")
#define UFM_ARCHITECTURE_DECLARE(name, function, kaiming, summary) void function(ufm_builder *builder);
UFM_ARCHITECTURE_LIST(UFM_ARCHITECTURE_DECLARE)
#undef UFM_ARCHITECTURE_DECLARE

#endif
