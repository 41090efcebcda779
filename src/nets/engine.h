/* Private to nets: what runs a network: the plain-loop twin in double precision, or oneDNN.
 *
 * An engine holds the parameters, their gradient, the optimiser's moments and the running statistics in a
 * layout of its own (an elementwise update does not care which) and exchanges them as canonical vectors.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_ENGINE_H
#define UFMLAB_NETS_ENGINE_H

#include <ufmlab/nets.h>

typedef struct {
    int64_t batch; /* largest batch */
    int threads;
    ufm_precision precision; /* ignored by the twin */
    const char *kernels;     /* of the fast engine: "plain", "avx2" or "avx512", which the processor must run;
                                NULL: the fastest */
} ufm_engine_settings;

/* The vectors an engine keeps. The first four have `parameters` entries, the last `running`. */
typedef enum {
    UFM_VECTOR_PARAMETERS,
    UFM_VECTOR_GRADIENT,
    UFM_VECTOR_MOMENT_1, /* SGD's momentum, Adam's m */
    UFM_VECTOR_MOMENT_2, /* Adam's v */
    UFM_VECTOR_RUNNING
} ufm_engine_vector;

/* One elementwise step on all trainable parameters; weight decay is added to the gradient as PyTorch does. */
typedef struct {
    bool adam;
    double rate, momentum, weight_decay, beta2, epsilon;
    int64_t step; /* from 1, for Adam's bias correction */
} ufm_update;

typedef struct {
    const char *name;
    ufm_status (*create)(const ufm_network *network, const ufm_engine_settings *settings, void **engine,
                         ufm_error *error);
    void (*free)(void *engine);
    ufm_status (*import)(void *engine, ufm_engine_vector which, const double *canonical);
    ufm_status (*export)(void *engine, ufm_engine_vector which, double *canonical);
    /* images: count x channels x height x width floats, as fed to the first layer. train: batch statistics
     * (and running ones updated, momentum 0.1, unbiased variance, as PyTorch), activations kept for
     * `backward`. features: count x d, logits: count x K, row-major. */
    ufm_status (*forward)(void *engine, const float *images, int64_t count, bool train, double *features,
                          double *logits);
    /* After a forward with train: the gradient of sum_i <d_logits_i, z_i> + <d_features_i, h_i>; d_features
     * may be NULL. */
    ufm_status (*backward)(void *engine, const double *d_logits, const double *d_features);
    ufm_status (*update)(void *engine, const ufm_update *update);
    /* Seconds spent in each part since creation, [UFM_PARTS]; NULL: nobody counts. */
    const double *(*seconds)(const void *engine);
    /* Which of several ways each layer goes, whose results differ by rounding: measured for `routes` NULL
     * (the gradient and activations are lost), else as an earlier choice wrote it: UFM_ERROR_INPUT or
     * UFM_ERROR_UNSUPPORTED when that does not fit. Without a call, and for "", the engine goes its own way.
     * *chosen is the engine's. NULL: there is no choice. */
    ufm_status (*choose)(void *engine, const char *routes, const char **chosen);
} ufm_engine_ops;

extern const ufm_engine_ops ufm_engine_twin;
extern const ufm_engine_ops ufm_engine_fast;

#endif
