/* ufmlab: nets: the layers of an architecture, their shapes, and their places in the parameter vector.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "builder.h"

#include <math.h>

/* Appends `layer`; 0 after a failure, which every layer may name as its input. */
static int32_t append(ufm_builder *builder, const ufm_layer *layer)
{
    ufm_network *network = builder->network;
    if (builder->status == UFM_OK)
        builder->status = ufm_grow((void **)&network->layer, &builder->capacity, network->layers + 1,
                                   sizeof *network->layer);
    if (builder->status != UFM_OK) return 0;
    network->layer[network->layers] = *layer;
    return (int32_t)network->layers++;
}

/* A layer of this kind with the shape of its input, or all zero after a failure. */
static ufm_layer like(const ufm_builder *builder, ufm_layer_kind kind, int32_t input)
{
    ufm_layer layer = {.kind = kind, .input = input, .other = -1, .weights = -1, .biases = -1, .running = -1};
    if (builder->status != UFM_OK) return layer;
    const ufm_layer *from = &builder->network->layer[input];
    layer.channels = from->channels;
    layer.height = from->height;
    layer.width = from->width;
    return layer;
}

static void take_parameters(ufm_builder *builder, ufm_layer *layer, int64_t weights, int64_t biases)
{
    ufm_network *network = builder->network;
    layer->weights = network->parameters;
    layer->weight_count = weights;
    network->parameters += weights;
    network->trainable_parameters += weights;
    if (biases == 0) return;
    layer->biases = network->parameters;
    layer->bias_count = biases;
    network->parameters += biases;
    network->trainable_parameters += biases;
}

static int64_t slide(int64_t extent, ufm_window window)
{
    return (extent + 2 * window.padding - window.kernel) / window.stride + 1;
}

int32_t ufm_build_convolution(ufm_builder *builder, int32_t input, int64_t channels, ufm_window window,
                              bool bias)
{
    ufm_layer layer = like(builder, UFM_LAYER_CONVOLUTION, input);
    if (builder->status != UFM_OK) return 0;
    layer.kernel = window.kernel;
    layer.stride = window.stride;
    layer.padding = window.padding;
    layer.bias = bias;
    take_parameters(builder, &layer, channels * layer.channels * window.kernel * window.kernel,
                    bias ? channels : 0);
    layer.channels = channels;
    layer.height = slide(layer.height, window);
    layer.width = slide(layer.width, window);
    return append(builder, &layer);
}

int32_t ufm_build_batch_norm(ufm_builder *builder, int32_t input)
{
    ufm_layer layer = like(builder, UFM_LAYER_BATCH_NORM, input);
    if (builder->status != UFM_OK) return 0;
    take_parameters(builder, &layer, layer.channels, layer.channels);
    layer.running = builder->network->running;
    builder->network->running += 2 * layer.channels;
    return append(builder, &layer);
}

int32_t ufm_build_relu(ufm_builder *builder, int32_t input)
{
    const ufm_layer layer = like(builder, UFM_LAYER_RELU, input);
    return append(builder, &layer);
}

int32_t ufm_build_add(ufm_builder *builder, int32_t input, int32_t other)
{
    ufm_layer layer = like(builder, UFM_LAYER_ADD, input);
    layer.other = other;
    return append(builder, &layer);
}

int32_t ufm_build_max_pool(ufm_builder *builder, int32_t input)
{
    const ufm_window window = {2, 2, 0};
    ufm_layer layer = like(builder, UFM_LAYER_MAX_POOL, input);
    if (layer.height < window.kernel || layer.width < window.kernel) return input;
    layer.kernel = window.kernel;
    layer.stride = window.stride;
    layer.padding = window.padding;
    layer.height = slide(layer.height, window);
    layer.width = slide(layer.width, window);
    return append(builder, &layer);
}

int32_t ufm_build_average_pool(ufm_builder *builder, int32_t input)
{
    ufm_layer layer = like(builder, UFM_LAYER_AVERAGE_POOL, input);
    layer.height = layer.width = 1;
    return append(builder, &layer);
}

int32_t ufm_build_linear(ufm_builder *builder, int32_t input, int64_t outputs)
{
    ufm_layer layer = like(builder, UFM_LAYER_LINEAR, input);
    if (builder->status != UFM_OK) return 0;
    layer.bias = true;
    take_parameters(builder, &layer, outputs * layer.channels * layer.height * layer.width, outputs);
    layer.channels = outputs;
    layer.height = layer.width = 1;
    return append(builder, &layer);
}

void ufm_build_classifier(ufm_builder *builder, int32_t input)
{
    const int32_t index = ufm_build_linear(builder, input, builder->settings->classes);
    if (builder->status != UFM_OK) return;
    ufm_network *network = builder->network;
    ufm_layer *classifier = &network->layer[index];
    network->features = input;
    network->logits = index;
    network->classes = builder->settings->classes;
    network->dim = classifier->weight_count / network->classes;
    if (!builder->settings->etf) return;
    classifier->frozen = true;
    network->trainable_parameters -= classifier->weight_count;
    if (network->dim < network->classes)
        builder->status =
            ufm_fail(builder->error, UFM_ERROR_USAGE,
                     "a fixed ETF of %lld classes needs as many features, not %lld; use --fix-dim or a "
                     "larger --width",
                     (long long)network->classes, (long long)network->dim);
}

int64_t ufm_build_width(const ufm_builder *builder, int64_t channels)
{
    return (int64_t)fmax(1, round((double)channels * builder->settings->multiplier));
}

int64_t ufm_build_dim(const ufm_builder *builder, int64_t channels)
{
    return builder->settings->fix_dim ? builder->settings->classes : ufm_build_width(builder, channels);
}
