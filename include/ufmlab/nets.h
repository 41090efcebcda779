/* ufmlab: layer 5, nets: the paper's networks as data, engines that run them, and the trainer.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_H
#define UFMLAB_NETS_H

#include <ufmlab/data.h>
#include <ufmlab/metrics.h>

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

/* ---- What is trained on --------------------------------------------------------------------------
 * Images, or the rows of a table (see ufm_table_standardise), which are vectors of `columns` x 1 x 1:
 * borrowed, one of the two is NULL. Convolutions take images only. */
typedef struct {
    const ufm_images *images;
    const ufm_table *table;
} ufm_samples;
ufm_image_shape ufm_samples_shape(const ufm_samples *samples);
const ufm_labels *ufm_samples_labels(const ufm_samples *samples); /* one column for each */

/* ---- Training -----------------------------------------------------------------------------------
 * Stochastic gradient descent on (1/B) sum_i L(z_i, S_i) over batches of B images (the losses L of
 * ufmlab/labels.h) plus a feature decay, with PyTorch's weight decay on every trainable parameter. The order
 * of the images depends on the seed and the epoch only; the last batch of an epoch holds the rest. The rate
 * is that of one cosine over all epochs, from `rate` to `rate` * `last_rate`, constant within an epoch; in
 * the first `warmup` epochs it rises linearly instead. */
typedef enum { UFM_PRECISION_F32, UFM_PRECISION_BF16 } ufm_precision;
/* Whether bf16 trains faster than f32 here: with matrix units for it (AMX). Without them f32 does, even where
 * other instructions multiply bf16 (AVX512-BF16): Winograd's algorithm, for which bf16 is too coarse, saves
 * more. A training with UFM_PRECISION_BF16 runs in bf16 in either case. */
bool ufm_bf16_pays(void);
/* Engines built in, the fastest first, ended by NULL. */
const char *const *ufm_engines(void);
/* The version of oneDNN that is running ("2.6.3"), or NULL when this was built without it: the fast engine
 * then has its own kernels only. The text is the calling thread's. */
const char *ufm_onednn_version(void);

typedef struct {
    int64_t epoch, epochs;    /* finished ones, and all */
    int64_t step, steps;      /* the same of updates */
    double loss;              /* of the last batch, without decay terms */
    double images_per_second; /* of the training steps so far but the first one */
    bool measuring;           /* the pass that measures is under way, `fraction` of it done */
    double fraction;
    const ufm_metrics *metrics; /* latest, or NULL */
} ufm_training_progress;

typedef struct {
    const char *architecture;
    double multiplier;
    bool etf, fix_dim;
    const char *engine; /* NULL: the fastest */
    ufm_precision precision;
    int threads; /* 0: all cores */
    uint64_t seed;
    int64_t epochs; /* of the schedule */
    int64_t steps;  /* stop after so many updates; 0: after the epochs */
    int64_t batch;
    ufm_loss loss;
    double loss_parameter;
    bool adam; /* momentum is its beta1 then */
    double rate, last_rate, momentum, beta2, epsilon, weight_decay;
    int64_t warmup;
    double feature_decay; /* lambda_h of the theory: adds feature_decay (N/B) |H_B|_F^2 to a batch's loss */
    double feature_decay_batch; /* as published: adds feature_decay_batch |H_B|_F^2, whatever B is */
    int64_t measure_every;      /* epochs between measurements, the last epoch always; 0: never */
    int64_t checkpoint_steps;   /* checkpoints besides those of every epoch; 0: none */
    /* Directory of earlier trials of which way is the fastest for each layer (they differ by rounding): the
     * trial is made once for every network, batch and machine. NULL: none, the engine's own ways. A resumed
     * run keeps its checkpoint's. */
    const char *cache;
    const char *out;       /* run directory, made when missing; NULL: keep nothing */
    bool resume;           /* go on from out/checkpoint.h5 */
    const char *arguments; /* kept in the checkpoint for ufm_training_arguments; or NULL */
    /* Called after every step; false stops and saves. */
    bool (*progress)(void *context, const ufm_training_progress *now);
    void *context;
} ufm_training_settings;
/* The published recipe: SGD, momentum 0.9, rate 0.1, weight decay 5e-4, batch 128, 200 epochs, PAL. */
ufm_training_settings ufm_training_defaults(void);

/* What a pass in evaluation mode over one set finds. */
typedef struct {
    double loss;           /* (1/N) sum_i L(z_i, S_i) */
    double mass;           /* mean of sum_{k in S} softmax_k(z): what the published code calls IoU */
    double feature_square; /* mean |h_i|^2 */
    ufm_metrics *metrics;  /* NULL: not measured */
} ufm_evaluation;
typedef struct {
    ufm_network *network;
    int64_t epochs, steps;             /* done, those before a resume included */
    double loss;                       /* mean over the last epoch's batches */
    double images_per_second, seconds; /* of this call */
    double waiting;                    /* share of the steps' time in which they waited for images */
    bool interrupted;
    ufm_evaluation train, held_out;
} ufm_training;
void ufm_training_free(ufm_training *training); /* accepts NULL */

/* Trains on `samples`; `held_out` (may be NULL) is only measured. With `out` the run directory gets
 *   metrics.csv    one row per epoch, rewritten atomically as they come
 *   checkpoint.h5  parameters, moments, running statistics, position, rows so far: a run that is resumed from
 *                  any checkpoint ends with bitwise the weights of one that was never stopped
 *   features.h5, features-held-out.h5  W, H, b and labels as `ufmlab certify` reads them, at the end
 * A checkpoint that is resumed from is read in a child process first (ufm_guard_run) and has a digest:
 * UFM_ERROR_INPUT when it is damaged, of another version, or of a training with other settings or data.
 * UFM_ERROR_NUMERIC when the loss is not finite; the last good checkpoint stays. UFM_ERROR_USAGE when the
 * settings are out of range, the network is too small for the ETF, or looks at images while the samples are
 * rows. */
ufm_status ufm_train(const ufm_samples *samples, const ufm_samples *held_out,
                     const ufm_training_settings *settings, ufm_training **training, ufm_error *error);
/* The `arguments` of the checkpoint in a run directory; ufm_free. */
ufm_status ufm_training_arguments(const char *directory, char **arguments, ufm_error *error);
/* ---- Speed ---- */
/* Where a training step's time goes. X(name, text). */
#define UFM_PART_LIST(X)                                                                                     \
    X(UFM_PART_FORWARD, "products forward")                                                                  \
    X(UFM_PART_BACK_INPUT, "products back, inputs")                                                          \
    X(UFM_PART_BACK_WEIGHTS, "products back, weights")                                                       \
    X(UFM_PART_NORM, "batch norm, sum, relu")                                                                \
    X(UFM_PART_NORM_BACK, "batch norm, sum, relu back")                                                      \
    X(UFM_PART_POOL, "pools and biases")                                                                     \
    X(UFM_PART_EXCHANGE, "images in, features out")                                                          \
    X(UFM_PART_UPDATE, "update and packing")
typedef enum {
#define UFM_PART_ENUM(name, text) name,
    UFM_PART_LIST(UFM_PART_ENUM)
#undef UFM_PART_ENUM
        UFM_PARTS
} ufm_part;
const char *ufm_part_text(ufm_part part);

typedef struct {
    const char *architecture, *engine; /* engine NULL: the fastest */
    ufm_network_settings network;
    ufm_precision precision;
    int threads;
    bool trial;                    /* let the engine find the faster way of each layer, as training does */
    int64_t batch, steps, repeats; /* steps on the clock in each repeat, > 0 */
    uint64_t seed;
    bool (*go_on)(void *context); /* after every step; may be NULL. false: UFM_ERROR_CANCELLED */
    void *context;
} ufm_speed_settings;
typedef struct {
    double lowest, median, highest; /* images per second of the repeats */
    double share[UFM_PARTS];        /* of the steps' time, for an engine that counts; else 0 */
    double products;                /* multiplications of a convolution or linear layer per image and step */
    int products_timed, products_onednn; /* products of the trial, and how many of them oneDNN does */
} ufm_speed;
/* Times training steps (forward, loss, backward, SGD update) on random images that lie ready in memory, after
 * two steps that are not counted. */
ufm_status ufm_training_speed(const ufm_speed_settings *settings, ufm_speed *speed, ufm_error *error);

/* Bytes that training needs, roughly, for the images' shape and number. */
double ufm_training_memory(const ufm_network *network, const ufm_training_settings *settings, int64_t images);

#endif
