/* The fast engine against the twin: every kind of layer, shape and precision.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/nets.h>

#include "../src/nets/engine.h"
#include "test.h"
#include <stdlib.h>

enum { CLASSES = 3, BATCH = 6 };

/* What one engine says about a network, one vector after the other. */
enum { LOGITS, FEATURES, GRADIENT, RUNNING, EVALUATED, MOVED, RESULTS };
typedef struct {
    double *vector[RESULTS];
    int64_t count[RESULTS];
} answer;

static double *noise(ufm_rng *rng, int64_t count, double scale)
{
    double *x = ufm_alloc(count + 1, sizeof *x);
    CU_ASSERT_FATAL(x != NULL);
    for (int64_t i = 0; i < count; i++) x[i] = scale * ufm_rng_gaussian(rng);
    return x;
}

static answer ask(const ufm_engine_ops *ops, const ufm_network *n, ufm_engine_settings settings,
                  uint64_t seed)
{
    ufm_rng *rng = ufm_rng_new(seed);
    const int64_t count = settings.batch - 1,
                  pixels = n->layer[0].channels * n->layer[0].height * n->layer[0].width;
    answer a = {.count = {count * n->classes, count * n->dim, n->parameters, n->running, count * n->classes,
                          n->parameters}};
    for (int r = 0; r < RESULTS; r++) a.vector[r] = noise(rng, a.count[r], 0);
    double *x = noise(rng, n->parameters, 0.3), *running = noise(rng, n->running, 0.1);
    double *dz = noise(rng, count * n->classes, 1), *dh = noise(rng, count * n->dim, 0.2);
    float *images = ufm_alloc(count * pixels, sizeof *images);
    for (int64_t i = 0; i < count * pixels; i++) images[i] = (float)ufm_rng_gaussian(rng);
    for (int64_t l = 0; l < n->layers; l++) {
        const ufm_layer *layer = &n->layer[l];
        if (layer->kind == UFM_LAYER_CONVOLUTION || layer->kind == UFM_LAYER_LINEAR)
            for (int64_t i = 0; i < layer->weight_count; i++)
                x[layer->weights + i] *= 4 / sqrt((double)layer->weight_count / (double)layer->channels);
        for (int64_t c = 0; layer->kind == UFM_LAYER_BATCH_NORM && c < layer->channels; c++) {
            x[layer->weights + c] += 1;
            running[layer->running + layer->channels + c] =
                1 + fabs(running[layer->running + layer->channels + c]);
        }
    }
    for (int64_t i = 0; i < n->parameters; i++) x[i] = (float)x[i];
    void *engine = NULL;
    double *ignored = noise(rng, count * n->dim, 0);
    const ufm_update update = {.rate = 0.1, .momentum = 0.9, .weight_decay = 0.01, .step = 1};
    CU_ASSERT_FATAL(ops->create(n, &settings, &engine, NULL) == UFM_OK);
    TEST_OK(ops->import(engine, UFM_VECTOR_PARAMETERS, x));
    TEST_OK(ops->import(engine, UFM_VECTOR_RUNNING, running));
    TEST_OK(ops->forward(engine, images, count, false, ignored, a.vector[EVALUATED]));
    TEST_OK(ops->forward(engine, images, count, true, a.vector[FEATURES], a.vector[LOGITS]));
    TEST_OK(ops->backward(engine, dz, dh));
    TEST_OK(ops->export(engine, UFM_VECTOR_GRADIENT, a.vector[GRADIENT]));
    TEST_OK(ops->export(engine, UFM_VECTOR_RUNNING, a.vector[RUNNING]));
    TEST_OK(ops->update(engine, &update));
    TEST_OK(ops->export(engine, UFM_VECTOR_PARAMETERS, a.vector[MOVED]));
    ops->free(engine);
    double *owned[] = {x, running, dz, dh, ignored};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) ufm_free(owned[i]);
    ufm_free(images);
    ufm_rng_free(rng);
    return a;
}

static void forget(answer *a)
{
    for (int r = 0; r < RESULTS; r++) ufm_free(a->vector[r]);
}

/* The largest of the results' distances, each relative to the twin's norm. */
static double distance(const answer *a, const answer *b)
{
    double worst = 0;
    for (int r = 0; r < RESULTS; r++) {
        double off = 0, norm = 0;
        for (int64_t i = 0; i < a->count[r]; i++) {
            off += (a->vector[r][i] - b->vector[r][i]) * (a->vector[r][i] - b->vector[r][i]);
            norm += b->vector[r][i] * b->vector[r][i];
        }
        const double error = a->count[r] ? sqrt(off / norm) : 0;
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

static void compare(const char *what, const ufm_network *n, uint64_t seed, const double tolerance[2])
{
    answer twin = ask(&ufm_engine_twin, n, (ufm_engine_settings){BATCH, 1, UFM_PRECISION_F32}, seed);
    for (int precision = 0; precision < 2; precision++) {
        answer one =
            ask(&ufm_engine_fast, n, (ufm_engine_settings){BATCH, 1, (ufm_precision)precision}, seed);
        answer two =
            ask(&ufm_engine_fast, n, (ufm_engine_settings){BATCH, 2, (ufm_precision)precision}, seed);
        const double error = distance(&one, &twin);
        if (!(error <= tolerance[precision]) || getenv("UFMLAB_TEST_VERBOSE"))
            printf("%s, precision %d, seed %llu: error %.3g\n", what, precision, (unsigned long long)seed,
                   error);
        CU_ASSERT(error <= tolerance[precision]);
        for (int r = 0; r < RESULTS; r++)
            CU_ASSERT(memcmp(one.vector[r], two.vector[r], (size_t)one.count[r] * sizeof(double)) == 0);
        forget(&one);
        forget(&two);
    }
    forget(&twin);
}

/* ---- One layer at a time: input, the layer, the average, a linear layer ---- */
typedef struct {
    int64_t channels, height, width, outputs;
    int32_t kernel, stride, padding;
    bool bias, norm;
} shape;

static ufm_layer *append(ufm_network *n, ufm_layer_kind kind, int64_t channels, int64_t height, int64_t width)
{
    ufm_layer *layer = &n->layer[n->layers];
    *layer = (ufm_layer){.kind = kind,
                         .input = (int32_t)(n->layers - 1),
                         .other = -1,
                         .channels = channels,
                         .height = height,
                         .width = width,
                         .weights = -1,
                         .biases = -1,
                         .running = -1};
    n->layers++;
    return layer;
}
static void give(ufm_network *n, ufm_layer *layer, int64_t weights, int64_t biases)
{
    layer->weights = n->parameters;
    layer->weight_count = weights;
    n->parameters += weights;
    if (biases) layer->biases = n->parameters;
    layer->bias_count = biases;
    layer->bias = biases > 0;
    n->parameters += biases;
}

static void one_convolution(const shape *s, uint64_t seed)
{
    ufm_layer layers[8];
    ufm_network n = {.layer = layers, .classes = CLASSES, .dim = s->outputs};
    append(&n, UFM_LAYER_INPUT, s->channels, s->height, s->width);
    /* A first layer without a gradient of its input is not enough: a 1x1 one goes before. */
    give(&n, append(&n, UFM_LAYER_CONVOLUTION, s->channels, s->height, s->width), s->channels * s->channels,
         0);
    layers[1].kernel = layers[1].stride = 1;
    const int64_t height = (s->height + 2 * s->padding - s->kernel) / s->stride + 1;
    const int64_t width = (s->width + 2 * s->padding - s->kernel) / s->stride + 1;
    ufm_layer *c = append(&n, UFM_LAYER_CONVOLUTION, s->outputs, height, width);
    c->kernel = s->kernel;
    c->stride = s->stride;
    c->padding = s->padding;
    give(&n, c, s->outputs * s->channels * s->kernel * s->kernel, s->bias ? s->outputs : 0);
    if (s->norm) {
        ufm_layer *norm = append(&n, UFM_LAYER_BATCH_NORM, s->outputs, height, width);
        give(&n, norm, s->outputs, s->outputs);
        norm->running = 0;
        n.running = 2 * s->outputs;
    }
    append(&n, UFM_LAYER_AVERAGE_POOL, s->outputs, 1, 1);
    n.features = (int32_t)(n.layers - 1);
    give(&n, append(&n, UFM_LAYER_LINEAR, CLASSES, 1, 1), CLASSES * s->outputs, CLASSES);
    n.logits = (int32_t)(n.layers - 1);
    char text[96];
    snprintf(text, sizeof text, "%lld x %lld x %lld -> %lld, kernel %d, stride %d", (long long)s->channels,
             (long long)s->height, (long long)s->width, (long long)s->outputs, s->kernel, s->stride);
    compare(text, &n, seed, (const double[2]){1e-5, 3e-2});
}

static void test_shapes(void)
{
    static const shape shapes[] = {
        {1, 28, 28, 16, 3, 1, 1, false, false},  {3, 9, 17, 20, 3, 1, 1, true, false},
        {16, 28, 28, 32, 3, 2, 1, false, false}, {33, 7, 7, 40, 3, 2, 1, false, false},
        {20, 14, 15, 10, 1, 2, 0, false, false}, {64, 4, 4, 64, 3, 1, 1, false, false},
        {48, 5, 3, 17, 3, 1, 1, true, false},    {16, 56, 56, 16, 3, 1, 1, false, false},
        {7, 2, 2, 10, 3, 1, 1, true, false},     {5, 1, 1, 35, 3, 1, 1, true, false},
        {32, 11, 13, 32, 5, 2, 2, true, false},  {16, 6, 6, 16, 1, 1, 0, false, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) one_convolution(&shapes[i], 100 + i);
}

static void test_architectures(void)
{
    static const char *const names[] = {"mlp", "resnet18", "resnet50", "vgg16"};
    for (int i = 0; i < 4; i++)
        for (int etf = 0; etf < 2; etf++) {
            const ufm_network_settings settings = {CLASSES, 1 + 2 * etf, 32, 32, 1.0 / 16, etf, etf};
            ufm_network *n = NULL;
            CU_ASSERT_FATAL(ufm_network_new(names[i], &settings, &n, NULL) == UFM_OK);
            compare(names[i], n, (uint64_t)(7 + i), (const double[2]){1e-3, 1});
            ufm_network_free(n);
        }
}

static const test_case cases[] = {{"every shape of convolution agrees with the twin", test_shapes},
                                  {"every architecture agrees with the twin", test_architectures},
                                  {NULL, NULL}};
const test_suite suite_engine = {"engine", cases};
