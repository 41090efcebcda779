/* ufmlab: layer 5, nets: the paper's networks as data, engines that run them, and the trainer.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_H
#define UFMLAB_NETS_H

#include <ufmlab/labels.h>

/* ---- Networks as data ---------------------------------------------------------------------------
 * A network is a list of layers; a layer's inputs are earlier layers, by their index. Layer 0 is the input.
 * Every layer yields one tensor of B x channels x height x width (a LINEAR one and the global average have
 * height = width = 1). X(name, text). */
#define UFM_LAYER_LIST(X)                                                                                    \
    X(UFM_LAYER_INPUT, "input")                                                                              \
    X(UFM_LAYER_CONVOLUTION, "convolution")                                                                  \
    X(UFM_LAYER_BATCH_NORM, "batch norm")                                                                    \
    X(UFM_LAYER_RELU, "relu")                                                                                \
    X(UFM_LAYER_ADD, "add")                                                                                  \
    X(UFM_LAYER_MAX_POOL, "max pool")                                                                        \
    X(UFM_LAYER_AVERAGE_POOL, "average pool")                                                                \
    X(UFM_LAYER_LINEAR, "linear")
typedef enum {
#define UFM_LAYER_ENUM(name, text) name,
    UFM_LAYER_LIST(UFM_LAYER_ENUM)
#undef UFM_LAYER_ENUM
        UFM_LAYER_KINDS
} ufm_layer_kind;

typedef struct {
    ufm_layer_kind kind;
    int32_t input, other;            /* indices; `other`: second summand of ADD, else -1 */
    int32_t kernel, stride, padding; /* CONVOLUTION and MAX_POOL, square */
    bool bias;                       /* CONVOLUTION, LINEAR */
    bool frozen;                     /* the weights (not the bias) are fixed: the ETF classifier */
    int64_t channels, height, width; /* of the output */
    /* Parameters in the canonical vector, in PyTorch's order and layout: weights O x I x kh x kw
     * (CONVOLUTION), O x I (LINEAR), gamma (BATCH_NORM) from `weights` on, biases or beta from `biases` on;
     * -1: none. */
    int64_t weights, weight_count, biases, bias_count;
    int64_t running; /* BATCH_NORM: `channels` means, then as many variances in the vector of running
                        statistics */
} ufm_layer;

typedef struct {
    int64_t layers;
    ufm_layer *layer;             /* [layers] */
    int32_t features, logits;     /* which layers' outputs are h (flattened) and z = W h + b (the last) */
    int64_t classes, dim;         /* K, d */
    int64_t parameters;           /* length of the canonical parameter vector */
    int64_t trainable_parameters; /* without frozen weights */
    int64_t running;              /* length of the vector of running statistics */
    bool kaiming;                 /* convolutions start Kaiming-normal (fan out), else as PyTorch's default */
} ufm_network;

void ufm_network_free(ufm_network *network); /* accepts NULL */

typedef struct {
    int64_t classes;                 /* K >= 2 */
    int64_t channels, height, width; /* of the input images */
    double multiplier;               /* of every layer's channels; > 0, 1: as published */
    bool etf;                        /* freeze the classifier's weights to the simplex ETF of unit rows */
    bool fix_dim;                    /* features of dimension d = K instead of the published width */
} ufm_network_settings;

/* One of the architectures below, by name ("resnet18"). UFM_ERROR_USAGE, with a message that says what would
 * be right, for an unknown name, images too large or small, and an ETF with d < K. */
ufm_status ufm_network_new(const char *name, const ufm_network_settings *settings, ufm_network **network,
                           ufm_error *error);
typedef struct {
    const char *name, *summary;
} ufm_architecture_info;
/* The list of them, in a static array. */
int64_t ufm_architectures(const ufm_architecture_info **list);

/* Multiplications of one image's way forward (a training step costs about three times as many), and the
 * numbers that its layers yield. */
int64_t ufm_network_products(const ufm_network *network);
int64_t ufm_network_activations(const ufm_network *network);
const char *ufm_layer_kind_text(ufm_layer_kind kind);

/* A start as PyTorch's, from the seed alone: convolutions of ResNets normal with variance 2/(O kh kw), other
 * weights and biases uniform in +-1/sqrt(fan in), gamma 1, beta 0, and the ETF where it is frozen. Into the
 * caller's array of `parameters` numbers. Running means become 0 and variances 1 (`running` numbers). */
ufm_status ufm_network_start(const ufm_network *network, uint64_t seed, double *parameters, double *running);

#endif
