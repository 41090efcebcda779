/* The fast engine against the twin: every kind of layer, shape and precision.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/nets.h>

#include "../src/nets/engine.h"
#include "../src/nets/kernel.h"
#include "test.h"
#include <stdlib.h>

enum { CLASSES = 3 };
/* bf16 keeps 8 bits: a number is off by at most 1/512 in what each of the three products of a small network
 * reads (activations and weights) and writes, forward 9/512 together, were there no sums that cancel. */
static const double single_tolerance = 1e-5, half_unit = 1.0 / 256, half_tolerance = 8.0 / 256;

/* What one engine says about a network, one vector after the other. */
enum { LOGITS, FEATURES, RUNNING, EVALUATED, GRADIENT, MOVED, RESULTS };
typedef struct {
    double *vector[RESULTS];
    int64_t count[RESULTS];
} answer;

/* Who is asked: `ways` is for ops->choose, NULL: its own; noise: relative change of every number given. */
typedef struct {
    const ufm_engine_ops *ops;
    ufm_engine_settings settings;
    const char *ways;
    double noise;
    bool adam, plain_features; /* no gradient of the features themselves */
    uint64_t seed;
} question;

static double *noise(ufm_rng *rng, int64_t count, double scale)
{
    double *x = ufm_alloc(count + 1, sizeof *x);
    CU_ASSERT_FATAL(x != NULL);
    for (int64_t i = 0; i < count; i++) x[i] = scale * ufm_rng_gaussian(rng);
    return x;
}

typedef struct {
    double *x, *running, *dz, *dh;
    float *images;
} given;

/* Parameters such that every layer's numbers are about 1, and images whose mean is not 0: sums over large
 * maps would cancel and leave rounding. */
static given make_given(const ufm_network *n, int64_t count, const question *q)
{
    ufm_rng *rng = ufm_rng_new(q->seed);
    const int64_t pixels = count * n->layer[0].channels * n->layer[0].height * n->layer[0].width;
    given g = {noise(rng, n->parameters, 0.3), noise(rng, n->running, 0.1), noise(rng, count * n->classes, 1),
               noise(rng, count * n->dim, 0.2), ufm_alloc(pixels, sizeof(float))};
    CU_ASSERT_FATAL(g.images != NULL);
    for (int64_t i = 0; i < pixels; i++) g.images[i] = 1 + (float)ufm_rng_gaussian(rng);
    for (int64_t l = 0; l < n->layers; l++) {
        const ufm_layer *layer = &n->layer[l];
        if (layer->kind == UFM_LAYER_CONVOLUTION || layer->kind == UFM_LAYER_LINEAR)
            for (int64_t i = 0; i < layer->weight_count; i++)
                g.x[layer->weights + i] *= 4 / sqrt((double)layer->weight_count / (double)layer->channels);
        for (int64_t c = 0; layer->kind == UFM_LAYER_BATCH_NORM && c < layer->channels; c++) {
            double *variance = g.running + layer->running + layer->channels + c;
            g.x[layer->weights + c] += 1;
            g.x[layer->biases + c] += 2; /* few numbers near 0, where rounding decides about a ReLU */
            *variance = 1 + fabs(*variance);
        }
    }
    for (int64_t i = 0; i < n->parameters; i++)
        g.x[i] = (float)g.x[i] * (1 + q->noise * (2 * ufm_rng_uniform(rng) - 1));
    for (int64_t i = 0; i < pixels && q->noise > 0; i++)
        g.images[i] *= (float)(1 + q->noise * (2 * ufm_rng_uniform(rng) - 1));
    ufm_rng_free(rng);
    return g;
}

/* false: the engine cannot go these ways. */
static bool ask(const ufm_network *n, const question *q, answer *a)
{
    const int64_t count = q->settings.batch > 1 ? q->settings.batch - 1 : 1; /* as in a last batch */
    *a = (answer){.count = {count * n->classes, count * n->dim, n->running, count * n->classes, n->parameters,
                            n->parameters}};
    const ufm_update update = {.adam = q->adam,
                               .rate = 0.1,
                               .momentum = 0.9,
                               .weight_decay = 0.01,
                               .beta2 = 0.99,
                               .epsilon = 1e-2,
                               .step = 1};
    given g = make_given(n, count, q);
    void *engine = NULL;
    const char *chosen;
    double *ignored = ufm_alloc(count * n->dim, sizeof *ignored);
    CU_ASSERT_FATAL(q->ops->create(n, &q->settings, &engine, NULL) == UFM_OK);
    const bool able = !q->ways || q->ops->choose(engine, q->ways, &chosen) == UFM_OK;
    for (int r = 0; r < RESULTS; r++) a->vector[r] = ufm_alloc(a->count[r] + 1, sizeof(double));
    TEST_OK(q->ops->import(engine, UFM_VECTOR_PARAMETERS, g.x));
    TEST_OK(q->ops->import(engine, UFM_VECTOR_RUNNING, g.running));
    if (able) {
        TEST_OK(q->ops->forward(engine, g.images, count, false, ignored, a->vector[EVALUATED]));
        TEST_OK(q->ops->forward(engine, g.images, count, true, a->vector[FEATURES], a->vector[LOGITS]));
        TEST_OK(q->ops->backward(engine, g.dz, q->plain_features ? NULL : g.dh));
        TEST_OK(q->ops->export(engine, UFM_VECTOR_GRADIENT, a->vector[GRADIENT]));
        TEST_OK(q->ops->export(engine, UFM_VECTOR_RUNNING, a->vector[RUNNING]));
        TEST_OK(q->ops->update(engine, &update));
        TEST_OK(q->ops->export(engine, UFM_VECTOR_PARAMETERS, a->vector[MOVED]));
    }
    q->ops->free(engine);
    double *owned[] = {g.x, g.running, g.dz, g.dh, ignored};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) ufm_free(owned[i]);
    ufm_free(g.images);
    return able;
}

static void forget(answer *a)
{
    for (int r = 0; r < RESULTS; r++) ufm_free(a->vector[r]);
}

/* The largest of the distances of results `first` to `last` - 1, each relative to the twin's norm. */
static double distance(const answer *a, const answer *twin, int first, int last)
{
    double worst = 0;
    for (int r = first; r < last; r++) {
        double off = 0, norm = 0;
        for (int64_t i = 0; i < a->count[r]; i++) {
            const double d = a->vector[r][i] - twin->vector[r][i];
            off += d * d;
            norm += twin->vector[r][i] * twin->vector[r][i];
        }
        const double error = a->count[r] ? sqrt(off / norm) : 0;
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

static bool same_bits(const answer *a, const answer *b)
{
    bool same = true;
    for (int r = 0; r < RESULTS; r++)
        same = same && memcmp(a->vector[r], b->vector[r], (size_t)a->count[r] * sizeof(double)) == 0;
    return same;
}

/* Every instruction set that this processor has, and bf16. */
static const struct {
    const char *kernels;
    ufm_precision precision;
} paths[] = {{"plain", UFM_PRECISION_F32},
             {"avx2", UFM_PRECISION_F32},
             {"avx512", UFM_PRECISION_F32},
             {"avx512", UFM_PRECISION_BF16}};
enum { PATHS = sizeof paths / sizeof paths[0] };

static bool present(int path)
{
    bool bf16;
    return kernel_choose(paths[path].kernels, &bf16) && (bf16 || paths[path].precision == UFM_PRECISION_F32);
}

/* Forward, and with the way back. */
typedef struct {
    double forward, all;
} errors;

static errors errors_of(const answer *a, const answer *twin)
{
    return (errors){distance(a, twin, 0, GRADIENT), distance(a, twin, 0, RESULTS)};
}

/* The fast engine on one path beside the twin's answer; the fastest path with two threads, too, which must
 * agree to the bit. */
static errors try_path(const ufm_network *n, question q, int path, const answer *twin)
{
    answer one, two;
    q.ops = &ufm_engine_fast;
    q.settings.kernels = paths[path].kernels;
    q.settings.precision = paths[path].precision;
    q.settings.threads = 1;
    ask(n, &q, &one);
    const errors found = errors_of(&one, twin);
    if (path + 1 == PATHS || !present(path + 1)) {
        q.settings.threads = 2;
        ask(n, &q, &two);
        CU_ASSERT(same_bits(&one, &two));
        forget(&two);
    }
    forget(&one);
    return found;
}

static bool within(const char *what, const question *q, int path, errors found, errors allowed)
{
    const bool right = found.forward <= allowed.forward && found.all <= allowed.all;
    if (!right || getenv("UFMLAB_TEST_VERBOSE"))
        printf("%s, %s, precision %d, seed %llu: errors %.3g of %.3g, %.3g of %.3g\n", what,
               paths[path].kernels, (int)paths[path].precision, (unsigned long long)q->seed, found.forward,
               allowed.forward, found.all, allowed.all);
    return right;
}

/* On every path. */
static void compare(const char *what, const ufm_network *n, question q)
{
    answer twin;
    q.ops = &ufm_engine_twin;
    q.settings.threads = 1;
    ask(n, &q, &twin);
    for (int p = 0; p < PATHS; p++) {
        if (!present(p)) continue;
        const double most = paths[p].precision == UFM_PRECISION_F32 ? single_tolerance : half_tolerance;
        /* Adam divides each entry of the gradient by its own size: the errors of small ones count as much. */
        const double all = q.adam && paths[p].precision == UFM_PRECISION_BF16 ? 2 * most : most;
        CU_ASSERT(within(what, &q, p, try_path(n, q, p, &twin), (errors){most, all}));
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

/* A 1x1 convolution first: without it the shape's way back would end at the images, whose gradient nobody
 * wants. */
static void make_convolution(const shape *s, ufm_network *n)
{
    append(n, UFM_LAYER_INPUT, s->channels, s->height, s->width);
    ufm_layer *first = append(n, UFM_LAYER_CONVOLUTION, s->channels, s->height, s->width);
    first->kernel = first->stride = 1;
    give(n, first, s->channels * s->channels, 0);
    const int64_t height = (s->height + 2 * s->padding - s->kernel) / s->stride + 1;
    const int64_t width = (s->width + 2 * s->padding - s->kernel) / s->stride + 1;
    ufm_layer *c = append(n, UFM_LAYER_CONVOLUTION, s->outputs, height, width);
    c->kernel = s->kernel;
    c->stride = s->stride;
    c->padding = s->padding;
    give(n, c, s->outputs * s->channels * s->kernel * s->kernel, s->bias ? s->outputs : 0);
    if (s->norm) {
        ufm_layer *norm = append(n, UFM_LAYER_BATCH_NORM, s->outputs, height, width);
        give(n, norm, s->outputs, s->outputs);
        norm->running = 0;
        n->running = 2 * s->outputs;
    }
    append(n, UFM_LAYER_AVERAGE_POOL, s->outputs, 1, 1);
    n->features = (int32_t)(n->layers - 1);
    n->classes = CLASSES;
    n->dim = s->outputs;
    give(n, append(n, UFM_LAYER_LINEAR, CLASSES, 1, 1), CLASSES * s->outputs, CLASSES);
    n->logits = (int32_t)(n->layers - 1);
}

static void one_convolution(const shape *s, const question *q)
{
    ufm_layer layers[8];
    ufm_network n = {.layer = layers};
    char text[96];
    make_convolution(s, &n);
    snprintf(text, sizeof text, "%lld x %lld x %lld -> %lld, kernel %d, stride %d", (long long)s->channels,
             (long long)s->height, (long long)s->width, (long long)s->outputs, s->kernel, s->stride);
    compare(text, &n, *q);
}

static void test_shapes(void)
{
    static const shape shapes[] = {
        {1, 28, 28, 16, 3, 1, 1, false, false},  {3, 9, 17, 20, 3, 1, 1, true, false},
        {16, 28, 28, 32, 3, 2, 1, false, true},  {33, 7, 7, 40, 3, 2, 1, false, false},
        {20, 14, 15, 10, 1, 2, 0, false, false}, {48, 5, 3, 17, 3, 1, 1, true, true},
        {7, 2, 2, 10, 3, 1, 1, true, false},     {5, 1, 1, 35, 3, 1, 1, true, false},
        {32, 11, 13, 32, 5, 2, 2, true, false},  {16, 6, 6, 16, 1, 1, 0, false, true},
        {512, 2, 2, 512, 3, 1, 1, false, true}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        one_convolution(&shapes[i], &(question){.settings = {.batch = 6},
                                                .seed = 100 + i,
                                                .adam = i % 2,
                                                .plain_features = i % 3 == 0});
}

/* ---- The convolutions of the published networks ---- */
enum { SHAPES = 400 };
typedef struct {
    shape known[SHAPES];
    int64_t count;
} shape_list;

static int64_t products(const shape *s)
{
    const int64_t out = (s->height + 2 * s->padding - s->kernel) / s->stride + 1;
    return s->channels * s->outputs * s->kernel * s->kernel * out * out;
}
static int64_t weights(const shape *s)
{
    return s->channels * s->outputs * s->kernel * s->kernel;
}
static void halve(shape *s)
{
    *(s->channels > s->outputs ? &s->channels : &s->outputs) /= 2;
}
static void remember(shape_list *list, const shape *s)
{
    for (int64_t i = 0; i < list->count; i++)
        if (memcmp(&list->known[i], s, sizeof *s) == 0) return;
    CU_ASSERT_FATAL(list->count < SHAPES);
    list->known[list->count++] = *s;
}

/* Every shape twice where the twin would take too long: fewer channels on the full image, and as many as time
 * allows on one of 2 x 2 or a single pixel (all 512 x 512 of them are in the list above). */
static void collect(const ufm_network *n, shape_list *list)
{
    const int64_t most = 40000;
    for (int64_t l = 1; l < n->layers; l++) {
        const ufm_layer *layer = &n->layer[l], *input = &n->layer[layer->input];
        if (layer->kind != UFM_LAYER_CONVOLUTION) continue;
        shape s;
        memset(&s, 0, sizeof s); /* compared as bytes */
        s.channels = input->channels;
        s.height = s.width = input->height;
        s.outputs = layer->channels;
        s.kernel = layer->kernel;
        s.stride = layer->stride;
        s.padding = layer->padding;
        s.bias = layer->bias;
        shape small = s, narrow = s;
        if (products(&s) > most) {
            small.height = small.width = 2;
            if (products(&small) > 10 * most) small.height = small.width = 1;
            while (weights(&small) > 2 * most) halve(&small);
            remember(list, &small);
        }
        while (products(&narrow) > most && narrow.channels * narrow.outputs > 1) halve(&narrow);
        remember(list, &narrow);
    }
}

static void test_published_shapes(void)
{
    static const char *const names[] = {"resnet18", "resnet50", "vgg16"}; /* VGG-19 has those of VGG-16 */
    static const int64_t sizes[] = {28, 32, 56, 224};
    shape_list *list = ufm_alloc(1, sizeof *list);
    CU_ASSERT_FATAL(list != NULL);
    for (int a = 0; a < 3; a++)
        for (int i = 0; i < 8; i++) {
            const ufm_network_settings settings = {10, 1 + i % 2 * 2, sizes[i / 2], sizes[i / 2],
                                                   1,  false,         i % 2};
            ufm_network *n = NULL;
            if (ufm_network_new(names[a], &settings, &n, NULL) != UFM_OK) continue; /* VGG needs 32 pixels */
            collect(n, list);
            ufm_network_free(n);
        }
    CU_ASSERT(list->count > 50);
    for (int64_t i = 0; i < list->count; i++)
        one_convolution(&list->known[i],
                        &(question){.settings = {.batch = products(&list->known[i]) > 400000 ? 1 : 3},
                                    .seed = 1000 + (uint64_t)i});
    ufm_free(list);
}

/* ---- Whole networks ---- */

/* How far the twin's answer moves when every parameter and pixel moves by `unit`: normalisation over few
 * images makes that a lot. */
static errors sensitivity(const ufm_network *n, question q, double unit, const answer *still)
{
    answer moved;
    q.ops = &ufm_engine_twin;
    q.noise = unit;
    ask(n, &q, &moved);
    const errors found = errors_of(&moved, still);
    forget(&moved);
    return found;
}

/* A ReLU whose input is within rounding of zero, or a pool with two such numbers, may decide otherwise, and
 * the gradient jumps; not so for every seed. Sets right[path] for those that agree with this one. */
static void try_seed(const char *what, const ufm_network *n, question q, bool right[PATHS])
{
    answer twin;
    q.ops = &ufm_engine_twin;
    q.settings.threads = 1;
    ask(n, &q, &twin);
    const errors single = sensitivity(n, q, ldexp(1, -24), &twin), half = sensitivity(n, q, half_unit, &twin);
    for (int p = 0; p < PATHS; p++) {
        if (right[p] || !present(p)) continue;
        const bool wide = paths[p].precision == UFM_PRECISION_F32;
        const errors allowed = {wide ? fmax(single_tolerance, 30 * single.forward) : 8 * half.forward,
                                wide ? fmax(single_tolerance, 30 * single.all) : 8 * half.all};
        const errors found = try_path(n, q, p, &twin);
        CU_ASSERT(found.forward <= allowed.forward);
        right[p] = within(what, &q, p, found, allowed);
    }
    forget(&twin);
}

static void test_architectures(void)
{
    static const char *const names[] = {"mlp", "resnet18", "resnet50", "vgg16", "vgg19"};
    enum { TRIES = 3 };
    for (int i = 0; i < 5; i++)
        for (int etf = 0; etf < 2; etf++) {
            const ufm_network_settings settings = {CLASSES, 1 + 2 * etf, 32, 32, 1.0 / 16, etf, etf};
            ufm_network *n = NULL;
            bool right[PATHS] = {false};
            CU_ASSERT_FATAL(ufm_network_new(names[i], &settings, &n, NULL) == UFM_OK);
            for (int t = 0; t < TRIES; t++) {
                bool all = true;
                for (int p = 0; p < PATHS; p++) all = all && (right[p] || !present(p));
                if (!all)
                    try_seed(names[i], n,
                             (question){.settings = {.batch = 6}, .seed = (uint64_t)(7 + i + 100 * t)},
                             right);
            }
            for (int p = 0; p < PATHS; p++) CU_ASSERT(right[p] || !present(p));
            ufm_network_free(n);
        }
}

/* ---- Winograd's algorithm ---- */

/* On every instruction set, with any number of threads; the same number gives the same bits. */
static void one_winograd(const shape *s, uint64_t seed, double *worst)
{
    ufm_layer layers[8];
    ufm_network n = {.layer = layers};
    make_convolution(s, &n);
    question q = {.ops = &ufm_engine_twin, .settings = {.batch = 6, .threads = 1}, .seed = seed};
    answer twin;
    ask(&n, &q, &twin);
    q.ops = &ufm_engine_fast;
    q.ways = "oovvvooo"; /* the convolution between one of 1 x 1 and the linear layer */
    for (int p = 0; p < PATHS; p++) {
        static const int threads[] = {1, 2, 3, 7};
        if (!present(p) || paths[p].precision != UFM_PRECISION_F32) continue;
        q.settings.kernels = paths[p].kernels;
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
            answer first, again;
            q.settings.threads = threads[t];
            CU_ASSERT_FATAL(ask(&n, &q, &first) && ask(&n, &q, &again));
            CU_ASSERT(same_bits(&first, &again));
            const double off = distance(&first, &twin, 0, RESULTS);
            if (!(off <= single_tolerance))
                printf("%lld x %lld x %lld -> %lld, padding %d, %s, %d threads: %.3g\n",
                       (long long)s->channels, (long long)s->height, (long long)s->width,
                       (long long)s->outputs, s->padding, paths[p].kernels, threads[t], off);
            if (!(off <= *worst)) *worst = off;
            forget(&first);
            forget(&again);
        }
    }
    forget(&twin);
}

static void test_winograd(void)
{
    /* Windows that cross every edge; several chunks of them; channels of several groups, and padded ones. */
    static const shape shapes[] = {
        {16, 28, 28, 32, 3, 1, 1, false, true}, {3, 9, 17, 20, 3, 1, 1, true, false},
        {48, 5, 3, 17, 3, 1, 0, true, true},    {20, 14, 15, 10, 3, 1, 2, false, false},
        {7, 2, 2, 10, 3, 1, 1, true, false},    {5, 1, 1, 35, 3, 1, 1, true, false},
        {150, 8, 8, 180, 3, 1, 1, true, true},  {100, 23, 4, 70, 3, 1, 1, false, false},
        {512, 4, 4, 512, 3, 1, 1, false, true}};
    double worst = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) one_winograd(&shapes[i], 40 + i, &worst);
    test_worst("Winograd's algorithm beside the twin", worst, single_tolerance);
    /* Not for other windows and strides. */
    ufm_layer layers[8];
    ufm_network n = {.layer = layers};
    void *engine = NULL;
    const char *chosen;
    make_convolution(&(shape){16, 8, 8, 16, 3, 2, 1, false, false}, &n);
    CU_ASSERT_FATAL(ufm_engine_fast.create(&n, &(ufm_engine_settings){.batch = 2}, &engine, NULL) == UFM_OK);
    CU_ASSERT_EQUAL(ufm_engine_fast.choose(engine, "oovvvooo", &chosen), UFM_ERROR_UNSUPPORTED);
    ufm_engine_fast.free(engine);
}

/* ---- Ways ---- */
static void test_ways(void)
{
    const shape s = {32, 8, 8, 48, 3, 1, 1, true, true};
    ufm_layer layers[8];
    ufm_network n = {.layer = layers};
    make_convolution(&s, &n);
    question q = {.ops = &ufm_engine_twin, .settings = {.batch = 6, .threads = 2}, .seed = 5};
    answer twin, own, other;
    ask(&n, &q, &twin);
    q.ops = &ufm_engine_fast;
    ask(&n, &q, &own);
    /* Two directions of the first convolution, three of the other and of the linear layer. */
    static const char *const ways[] = {"oooooooo", "cccccccc", "mmmmmmmm",
                                       "ococmcmo", "oowwwooo", "vvvvvooo"};
    for (int i = 0; i < 6; i++) {
        q.ways = ways[i];
        if (ask(&n, &q, &other)) CU_ASSERT(distance(&other, &twin, 0, RESULTS) <= single_tolerance);
        CU_ASSERT(i > 0 || same_bits(&other, &own));
        forget(&other);
    }
    void *engine = NULL;
    const char *chosen = NULL;
    CU_ASSERT_FATAL(ufm_engine_fast.create(&n, &q.settings, &engine, NULL) == UFM_OK);
    CU_ASSERT_EQUAL(ufm_engine_fast.choose(engine, "ooo", &chosen), UFM_ERROR_INPUT);
    CU_ASSERT_EQUAL(ufm_engine_fast.choose(engine, "oooooooox", &chosen), UFM_ERROR_INPUT);
    CU_ASSERT_EQUAL(ufm_engine_fast.choose(engine, "ooozoooo", &chosen), UFM_ERROR_INPUT);
    TEST_OK(ufm_engine_fast.choose(engine, NULL, &chosen));
    CU_ASSERT_FATAL(chosen != NULL && strlen(chosen) == 8 && strspn(chosen, "ocmwv") == 8);
    char measured[9];
    snprintf(measured, sizeof measured, "%s", chosen);
    ufm_engine_fast.free(engine);
    q.ways = measured;
    CU_ASSERT(ask(&n, &q, &other) && distance(&other, &twin, 0, RESULTS) <= single_tolerance);
    forget(&other);
    forget(&own);
    forget(&twin);
}

/* ---- Speed ---- */
static bool stop_at_once(void *context)
{
    (void)context;
    return false;
}

static void test_speed(void)
{
    ufm_speed_settings s = {.architecture = "resnet18",
                            .network = {CLASSES, 1, 28, 28, 1.0 / 32, false, false},
                            .threads = 1,
                            .trial = true,
                            .batch = 2,
                            .steps = 1,
                            .repeats = 3,
                            .seed = 1};
    ufm_speed speed = {0};
    double shares = 0;
    TEST_OK(ufm_training_speed(&s, &speed, NULL));
    CU_ASSERT(0 < speed.lowest && speed.lowest <= speed.median && speed.median <= speed.highest);
    for (int p = 0; p < UFM_PARTS; p++) {
        CU_ASSERT(speed.share[p] >= 0);
        shares += speed.share[p];
    }
    CU_ASSERT(shares > 0.5 && shares <= 1 + 1e-9); /* the loss counts to no part */
    /* 20 convolutions and the linear layer, three ways each, the first of them two. */
    CU_ASSERT_EQUAL(speed.products_timed, 62);
    CU_ASSERT(speed.products > 0 && speed.products_onednn <= speed.products_timed);
    s.trial = false;
    s.go_on = stop_at_once;
    CU_ASSERT_EQUAL(ufm_training_speed(&s, &speed, NULL), UFM_ERROR_CANCELLED);
    s.steps = 0;
    CU_ASSERT_EQUAL(ufm_training_speed(&s, &speed, NULL), UFM_ERROR_USAGE);
    s.steps = 1;
    s.engine = "twin";
    s.go_on = NULL;
    TEST_OK(ufm_training_speed(&s, &speed, NULL));
    CU_ASSERT(speed.median > 0 && speed.share[UFM_PART_FORWARD] == 0);
}

static void test_bench(void)
{
    enum { SIZE = 8192 };
    static char out[SIZE], err[SIZE];
    static const char *const wrong[] = {"bench dance", "bench train --precision f16",
                                        "bench train --engine gpu"};
    CU_ASSERT_EQUAL(
        test_program("bench train --arch mlp --batch 2 --steps 1 --threads 1 --json", out, err, SIZE), 0);
    CU_ASSERT(strstr(out, "\"images_per_second\"") && strstr(out, "\"share\"") && err[0] == '\0');
    CU_ASSERT_EQUAL(
        test_program("bench train --arch mlp --batch 2 --steps 1 --precision bf16", out, err, SIZE), 0);
    CU_ASSERT(strstr(out, "images/s") && strstr(out, "products forward"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_EQUAL(test_program(wrong[i], out, err, SIZE), 2);
        CU_ASSERT(strncmp(err, "ufmlab: ", 8) == 0 && out[0] == '\0');
    }
}

static const test_case cases[] = {
    {"every kind of convolution agrees with the twin", test_shapes},
    {"the published networks' convolutions agree with the twin", test_published_shapes},
    {"every architecture agrees with the twin", test_architectures},
    {"Winograd's algorithm agrees with the twin", test_winograd},
    {"every way of a product agrees with the twin", test_ways},
    {"the speed of steps and its parts", test_speed},
    {"ufmlab bench train", test_bench},
    {NULL, NULL}};
const test_suite suite_engine = {"engine", cases};
