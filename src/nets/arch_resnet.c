/* ufmlab: nets: ResNets for small images: a 3x3 stem of stride 1 and no max pool.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "builder.h"

enum { STAGES = 4, EXPANSION = 4 };

static int32_t convolution_norm(ufm_builder *builder, int32_t input, int64_t channels, ufm_window window)
{
    return ufm_build_batch_norm(builder, ufm_build_convolution(builder, input, channels, window, false));
}

/* The sum of the main path and the input, which a 1x1 convolution fits to it where their shapes differ. */
static int32_t join(ufm_builder *builder, int32_t input, int32_t main, int32_t stride)
{
    const ufm_layer *layer = builder->network->layer;
    int32_t shortcut = input;
    if (stride != 1 || layer[input].channels != layer[main].channels)
        shortcut = convolution_norm(builder, input, layer[main].channels, (ufm_window){1, stride, 0});
    return ufm_build_relu(builder, ufm_build_add(builder, main, shortcut));
}

typedef struct {
    int64_t inner, outer; /* channels of the block's convolutions, and of what it yields */
    int32_t stride;
} block_shape;

static int32_t basic(ufm_builder *builder, int32_t input, block_shape shape)
{
    int32_t at = convolution_norm(builder, input, shape.inner, (ufm_window){3, shape.stride, 1});
    at = convolution_norm(builder, ufm_build_relu(builder, at), shape.outer, (ufm_window){3, 1, 1});
    return join(builder, input, at, shape.stride);
}

static int32_t bottleneck(ufm_builder *builder, int32_t input, block_shape shape)
{
    int32_t at = convolution_norm(builder, input, shape.inner, (ufm_window){1, 1, 0});
    at =
        convolution_norm(builder, ufm_build_relu(builder, at), shape.inner, (ufm_window){3, shape.stride, 1});
    at = convolution_norm(builder, ufm_build_relu(builder, at), shape.outer, (ufm_window){1, 1, 0});
    return join(builder, input, at, shape.stride);
}

/* `count` blocks in each stage. fix_dim narrows what the last one yields. */
static void resnet(ufm_builder *builder, const int count[STAGES], int64_t expansion)
{
    static const int64_t channels[STAGES] = {64, 128, 256, 512};
    int32_t at = convolution_norm(builder, 0, ufm_build_width(builder, 64), (ufm_window){3, 1, 1});
    at = ufm_build_relu(builder, at);
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < count[stage]; i++) {
            const int64_t outer = channels[stage] * expansion;
            const bool last = stage == STAGES - 1 && i == count[stage] - 1;
            const block_shape shape = {ufm_build_width(builder, channels[stage]),
                                       last ? ufm_build_dim(builder, outer) : ufm_build_width(builder, outer),
                                       stage > 0 && i == 0 ? 2 : 1};
            at = expansion == 1 ? basic(builder, at, shape) : bottleneck(builder, at, shape);
        }
    ufm_build_classifier(builder, ufm_build_average_pool(builder, at));
}

void ufm_arch_resnet18(ufm_builder *builder)
{
    resnet(builder, (const int[STAGES]){2, 2, 2, 2}, 1);
}

void ufm_arch_resnet50(ufm_builder *builder)
{
    resnet(builder, (const int[STAGES]){3, 4, 6, 3}, EXPANSION);
}
