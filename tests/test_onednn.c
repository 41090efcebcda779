/* oneDNN's products, by both routes, against plain sums in double precision, for every shape of the paper's
 * networks. */
#include "nets/onednn.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/nets.h>

enum { BATCH = 3, THREADS = 2, SAMPLES = 12, MOST_SHAPES = 100 };

/* ---- The layers of a network ---- */

static onednn_layer layer_shape(const ufm_network *network, const ufm_layer *layer)
{
    const ufm_layer *input = &network->layer[layer->input];
    const bool linear = layer->kind == UFM_LAYER_LINEAR;
    return (onednn_layer){.src = tensor_shape_of(input->channels, input->height, input->width),
                          .dst = tensor_shape_of(layer->channels, layer->height, layer->width),
                          .window = {linear ? input->height : layer->kernel,
                                     linear ? input->width : layer->kernel, linear ? 1 : layer->stride,
                                     linear ? 0 : layer->padding},
                          .batch = BATCH,
                          .threads = THREADS,
                          .bias = layer->bias};
}

static bool same_shape(const onednn_layer *a, const onednn_layer *b)
{
    return memcmp(&a->src, &b->src, sizeof a->src) == 0 && memcmp(&a->dst, &b->dst, sizeof a->dst) == 0 &&
           memcmp(&a->window, &b->window, sizeof a->window) == 0 && a->bias == b->bias;
}

/* Appends the shapes that are not in the list; returns how many there are. */
static int add_shapes(const char *name, const ufm_network_settings *settings, onednn_layer *list, int count)
{
    ufm_network *network = NULL;
    TEST_OK(ufm_network_new(name, settings, &network, NULL));
    for (int64_t l = 0; network && l < network->layers; l++) {
        const ufm_layer *layer = &network->layer[l];
        if (layer->kind != UFM_LAYER_CONVOLUTION && layer->kind != UFM_LAYER_LINEAR) continue;
        const onednn_layer shape = layer_shape(network, layer);
        int known = 0;
        while (known < count && !same_shape(&list[known], &shape)) known++;
        if (known == count && count < MOST_SHAPES) list[count++] = shape;
    }
    ufm_network_free(network);
    return count;
}

/* ---- Numbers of one layer ---- */

/* Tensors as floats that are exact in what oneDNN reads. */
typedef struct {
    onednn_layer layer;
    int64_t weight_count;
    float *x, *y, *dx, *dy, *weights, *d_weights, *bias;
    void *typed[3]; /* room for a source, a result and packed weights */
} trial;

static int64_t numbers_of(const tensor_shape *s)
{
    return BATCH * s->image;
}
static int64_t at(const tensor_shape *s, int64_t image, int64_t c, int64_t row, int64_t column)
{
    return image * s->image + c / LANES * s->plane + (row * s->width + column) * LANES + c % LANES;
}
static int64_t weight_at(const onednn_layer *l, int64_t o, int64_t i, int64_t tap)
{
    const int64_t taps = l->window.kernel_height * l->window.kernel_width;
    return ((o / OUT_PAIR * l->src.blocks + i / LANES) * taps + tap) * WEIGHT_BLOCK + i % LANES * OUT_PAIR +
           o % OUT_PAIR;
}

/* Uniform in [-1, 1), by a generator that is fast enough for millions of weights under the sanitizers. */
static float draw(uint64_t *state, bool half)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    const float x = (float)(int32_t)(*state >> 32) / 2147483648.0f;
    return half ? kernel_widen(kernel_round(x)) : x;
}
static float *draw_tensor(uint64_t *state, const tensor_shape *s, bool half)
{
    float *x = ufm_alloc(numbers_of(s), sizeof *x);
    CU_ASSERT_FATAL(x != NULL);
    for (int64_t i = 0; i < numbers_of(s); i++)
        if (i % s->image / s->plane * LANES + i % LANES < s->channels) x[i] = draw(state, half);
    return x;
}

static void start_trial(trial *t, const onednn_layer *layer, ufm_rng *rng)
{
    const int64_t taps = layer->window.kernel_height * layer->window.kernel_width;
    *t = (trial){.layer = *layer,
                 .weight_count = pairs_of(layer->dst.channels) * layer->src.blocks * taps * WEIGHT_BLOCK};
    uint64_t state = (uint64_t)ufm_rng_below(rng, 1 << 30);
    t->x = draw_tensor(&state, &layer->src, layer->half);
    t->dx = draw_tensor(&state, &layer->src, layer->half); /* what is there before the gradient is added */
    t->dy = draw_tensor(&state, &layer->dst, layer->half);
    t->y = draw_tensor(&state, &layer->dst, layer->half);
    t->weights = ufm_alloc(t->weight_count, sizeof(float));
    t->d_weights = ufm_alloc(t->weight_count, sizeof(float));
    t->bias = ufm_alloc(pairs_of(layer->dst.channels) * OUT_PAIR, sizeof(float));
    const int64_t most = layer->src.image > layer->dst.image ? layer->src.image : layer->dst.image;
    for (int i = 0; i < 3; i++) {
        t->typed[i] = ufm_alloc(i < 2 ? BATCH * most : t->weight_count, sizeof(float));
        CU_ASSERT_FATAL(t->typed[i] != NULL);
    }
    CU_ASSERT_FATAL(t->weights && t->d_weights && t->bias);
    for (int64_t o = 0; o < layer->dst.channels; o++) {
        t->bias[o] = draw(&state, false);
        for (int64_t i = 0; i < layer->src.channels; i++)
            for (int64_t tap = 0; tap < taps; tap++)
                t->weights[weight_at(layer, o, i, tap)] = draw(&state, layer->half);
    }
}
static void end_trial(trial *t)
{
    float *arrays[] = {t->x, t->y, t->dx, t->dy, t->weights, t->d_weights, t->bias};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    for (int i = 0; i < 3; i++) ufm_free(t->typed[i]);
}

static void to_typed(const float *from, void *to, int64_t count, bool half)
{
    for (int64_t i = 0; i < count; i++)
        if (half)
            ((uint16_t *)to)[i] = kernel_round(from[i]);
        else
            ((float *)to)[i] = from[i];
}
static void from_typed(const void *from, float *to, int64_t count, bool half)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = half ? kernel_widen(((const uint16_t *)from)[i]) : ((const float *)from)[i];
}

/* ---- Running ---- */

/* One way of the trial's layer, from and to its floats; scratch memory is full of NaN before. */
static void run_product(trial *t, const onednn_product *p, onednn_direction direction, ufm_pool *pool,
                        int64_t count)
{
    const bool half = t->layer.half;
    const tensor_shape *src = direction == ONEDNN_BACK_INPUT ? &t->layer.dst : &t->layer.src,
                       *dst = direction == ONEDNN_BACK_INPUT ? &t->layer.src : &t->layer.dst;
    float *const result = direction == ONEDNN_BACK_INPUT ? t->dx : t->y;
    char *scratch[THREADS];
    const int64_t bytes = onednn_scratch_bytes(p);
    for (int i = 0; i < THREADS; i++) {
        scratch[i] = ufm_alloc(bytes + 1, 1);
        CU_ASSERT_FATAL(scratch[i] != NULL);
        memset(scratch[i], 0xff, (size_t)bytes);
    }
    onednn_task task = {.src = t->typed[0],
                        .dst = t->typed[1],
                        .x = t->typed[0],
                        .dy = t->typed[1],
                        .d_weights = t->d_weights,
                        .count = count,
                        .scratch = scratch};
    to_typed(direction == ONEDNN_BACK_INPUT ? t->dy : t->x, t->typed[0], numbers_of(src), half);
    to_typed(direction == ONEDNN_BACK_WEIGHTS ? t->dy : result, t->typed[1], numbers_of(dst), half);
    if (direction != ONEDNN_BACK_WEIGHTS) {
        void *packed = ufm_alloc(onednn_weight_bytes(p), 1);
        CU_ASSERT_FATAL(packed != NULL);
        TEST_OK(onednn_pack(p, pool, t->weights, packed));
        task.packed = packed;
        task.bias = t->layer.bias ? t->bias : NULL;
        TEST_OK(onednn_run(p, pool, &task));
        from_typed(t->typed[1], result, count * dst->image, half);
        ufm_free(packed);
    } else {
        TEST_OK(onednn_run(p, pool, &task));
    }
    for (int i = 0; i < THREADS; i++) ufm_free(scratch[i]);
}

/* ---- Plain sums ---- */

typedef struct {
    double sum, square; /* of the terms */
} plain;

static void add_term(plain *s, double a, double b)
{
    s->sum += a * b;
    s->square += a * a * b * b;
}

/* The output number o at (row, column); the input's gradient likewise; the gradient of weight (o, i, tap). */
static plain plain_forward(const trial *t, int64_t image, int64_t o, int64_t row, int64_t column)
{
    const onednn_layer *l = &t->layer;
    const product_window *w = &l->window;
    plain s = {l->bias ? t->bias[o] : 0, 0};
    for (int64_t tap = 0; tap < w->kernel_height * w->kernel_width; tap++) {
        const int64_t r = row * w->stride + tap / w->kernel_width - w->padding,
                      c = column * w->stride + tap % w->kernel_width - w->padding;
        if (r < 0 || r >= l->src.height || c < 0 || c >= l->src.width) continue;
        for (int64_t i = 0; i < l->src.channels; i++)
            add_term(&s, t->x[at(&l->src, image, i, r, c)], t->weights[weight_at(l, o, i, tap)]);
    }
    return s;
}
static plain plain_back_input(const trial *t, int64_t image, int64_t i, int64_t row, int64_t column)
{
    const onednn_layer *l = &t->layer;
    const product_window *w = &l->window;
    plain s = {0, 0};
    for (int64_t tap = 0; tap < w->kernel_height * w->kernel_width; tap++) {
        const int64_t r = row + w->padding - tap / w->kernel_width,
                      c = column + w->padding - tap % w->kernel_width;
        if (r < 0 || c < 0 || r % w->stride || c % w->stride) continue;
        if (r / w->stride >= l->dst.height || c / w->stride >= l->dst.width) continue;
        for (int64_t o = 0; o < l->dst.channels; o++)
            add_term(&s, t->dy[at(&l->dst, image, o, r / w->stride, c / w->stride)],
                     t->weights[weight_at(l, o, i, tap)]);
    }
    return s;
}
static plain plain_back_weights(const trial *t, int64_t count, int64_t o, int64_t i, int64_t tap)
{
    const onednn_layer *l = &t->layer;
    const product_window *w = &l->window;
    plain s = {0, 0};
    for (int64_t image = 0; image < count; image++)
        for (int64_t pixel = 0; pixel < l->dst.height * l->dst.width; pixel++) {
            const int64_t row = pixel / l->dst.width, column = pixel % l->dst.width,
                          r = row * w->stride + tap / w->kernel_width - w->padding,
                          c = column * w->stride + tap % w->kernel_width - w->padding;
            if (r < 0 || r >= l->src.height || c < 0 || c >= l->src.width) continue;
            add_term(&s, t->x[at(&l->src, image, i, r, c)], t->dy[at(&l->dst, image, o, row, column)]);
        }
    return s;
}

/* The error of `value` where `expected` sums to it, `before` was there and both may be rounded to bf16:
 * beyond that rounding, relative to the size that a sum of such terms has. */
static double error_of(float value, plain expected, double before, bool half)
{
    const double sum = expected.sum + before,
                 rounding = half ? (fabs(expected.sum) * (before != 0) + fabs(sum)) / 256 * 1.01 : 0,
                 excess = fabs(value - sum) - rounding;
    if (isnan(value)) return INFINITY;
    return excess > 0 ? excess / (sqrt(expected.square) + fabs(sum) + 1e-30) : 0;
}

static double sampled_error(const trial *t, onednn_direction direction, int64_t count, const float *before,
                            ufm_rng *rng)
{
    const onednn_layer *l = &t->layer;
    const tensor_shape *s = direction == ONEDNN_BACK_INPUT ? &l->src : &l->dst;
    double worst = 0;
    for (int k = 0; k < SAMPLES; k++) {
        const int64_t channel = ufm_rng_below(rng, s->channels), input = ufm_rng_below(rng, l->src.channels),
                      tap = ufm_rng_below(rng, l->window.kernel_height * l->window.kernel_width),
                      image = ufm_rng_below(rng, count), row = ufm_rng_below(rng, s->height),
                      column = ufm_rng_below(rng, s->width), i = at(s, image, channel, row, column);
        double error;
        if (direction == ONEDNN_FORWARD)
            error = error_of(t->y[i], plain_forward(t, image, channel, row, column), 0, l->half);
        else if (direction == ONEDNN_BACK_INPUT)
            error = error_of(t->dx[i], plain_back_input(t, image, channel, row, column), before[i], l->half);
        else
            error = error_of(t->d_weights[weight_at(l, channel, input, tap)],
                             plain_back_weights(t, count, channel, input, tap), 0, false);
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

/* ---- Every number ----
 * <dy, conv(x)> = <x, back(dy)> = <weights, gradient>: no sample can miss a number that is wrong, or a
 * padded one that is not zero. */
static double dot(const float *a, const float *b, int64_t count, double *size)
{
    double sum = 0, square = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)a[i] * b[i];
        square += (double)a[i] * a[i] * b[i] * b[i];
    }
    *size = sqrt(square);
    return sum;
}
static bool padding_is_zero(const tensor_shape *s, const float *x, int64_t count)
{
    for (int64_t i = 0; i < count * s->image; i++)
        if (i % s->image / s->plane * LANES + i % LANES >= s->channels && x[i] != 0) return false;
    return true;
}

static void describe(const char *what, const onednn_layer *l, onednn_direction direction, onednn_route route)
{
    static const char *const ways[] = {"forward", "back to the input", "back to the weights"};
    static const char *const routes[] = {"convolution", "matmul", "winograd"};
    fprintf(stderr, "  %s: %s, %s, %s, %lld x %lldx%lld -> %lld x %lldx%lld, window %lldx%lld/%lld\n", what,
            routes[route], ways[direction], l->half ? "bf16" : "f32", (long long)l->src.channels,
            (long long)l->src.height, (long long)l->src.width, (long long)l->dst.channels,
            (long long)l->dst.height, (long long)l->dst.width, (long long)l->window.kernel_height,
            (long long)l->window.kernel_width, (long long)l->window.stride);
}

/* Is it fine that oneDNN has no fast code? On processors that it is not made for; Winograd's algorithm is
 * there for some shapes only. */
static bool may_be_missing(bool half, onednn_route route)
{
    bool bf16;
    return route == ONEDNN_WINOGRAD || !ufm_onednn_version() || kernel_choose(NULL, &bf16) == &kernel_plain ||
           (half && !bf16);
}

typedef struct {
    ufm_rng *rng;
    ufm_pool *pool;
    double worst; /* of samples */
    int products[ONEDNN_ROUTES];
} check;

static void check_adjoints(const trial *t, onednn_route route, int64_t count, const float *before)
{
    const onednn_layer *l = &t->layer;
    double size[3], dots[3];
    float *const y = ufm_alloc(count * l->dst.image, sizeof *y), *const dx = ufm_alloc(count * l->src.image,
                                                                                       sizeof *dx);
    CU_ASSERT_FATAL(y && dx);
    for (int64_t i = 0; i < count * l->dst.image; i++) {
        const int64_t channel = i % l->dst.image / l->dst.plane * LANES + i % LANES;
        y[i] = t->y[i] - (l->bias ? t->bias[channel] : 0);
    }
    for (int64_t i = 0; i < count * l->src.image; i++) dx[i] = t->dx[i] - before[i];
    dots[0] = dot(t->dy, y, count * l->dst.image, &size[0]);
    dots[1] = dot(t->x, dx, count * l->src.image, &size[1]);
    dots[2] = dot(t->weights, t->d_weights, t->weight_count, &size[2]);
    const double tolerance = l->half ? 2e-2 : 1e-5;
    for (int i = 0; i < 2; i++)
        if (!(fabs(dots[i] - dots[2]) <= tolerance * (size[i] + size[2]))) {
            describe("adjoints differ", l, (onednn_direction)i, route);
            fprintf(stderr, "    %.12g and %.12g of %.3g\n", dots[i], dots[2], size[i] + size[2]);
            CU_ASSERT(false);
        }
    TEST(padding_is_zero(&l->dst, t->y, count));
    TEST(padding_is_zero(&l->src, t->dx, count));
    ufm_free(y);
    ufm_free(dx);
}

/* Three ways of one layer by one route. */
static void check_layer(check *run, const onednn_layer *layer, onednn_route route, int64_t count)
{
    trial t;
    start_trial(&t, layer, run->rng);
    float *const before = ufm_alloc(numbers_of(&layer->src), sizeof *before);
    CU_ASSERT_FATAL(before != NULL);
    if (layer->add) memcpy(before, t.dx, (size_t)numbers_of(&layer->src) * sizeof *before);
    bool all = true;
    for (int d = 0; d < ONEDNN_DIRECTIONS; d++) {
        const onednn_direction direction = (onednn_direction)d;
        onednn_product *p = NULL;
        const ufm_status status = onednn_product_new(layer, direction, route, &p);
        if (status == UFM_ERROR_UNSUPPORTED && may_be_missing(layer->half, route)) {
            all = false;
            continue;
        }
        TEST_OK(status);
        if (!p) {
            describe("not made", layer, direction, route);
            all = false;
            continue;
        }
        run_product(&t, p, direction, run->pool, count);
        const double error = sampled_error(&t, direction, count, before, run->rng);
        if (!(error <= 1e-5)) describe("wrong", layer, direction, route);
        if (!(error <= run->worst)) run->worst = error;
        run->products[route]++;
        onednn_product_free(p);
    }
    if (all) check_adjoints(&t, route, count, before);
    ufm_free(before);
    end_trial(&t);
}

static void check_shapes(const char *name, const onednn_layer *list, int shapes, bool half)
{
    check run = {ufm_rng_new(5), ufm_pool_new(THREADS), 0, {0}};
    CU_ASSERT_FATAL(run.rng && run.pool && shapes > 0 && shapes < MOST_SHAPES);
    for (int i = 0; i < shapes; i++)
        for (int route = 0; route < ONEDNN_ROUTES; route++) {
            onednn_layer layer = list[i];
            layer.half = half;
            layer.add = i % 3 > 0;
            /* The whole batch, and one that leaves a part of the work without a full share. */
            check_layer(&run, &layer, (onednn_route)route, (i + route) % 2 ? BATCH : BATCH - 1);
        }
    test_worst(name, run.worst, 1e-5);
    for (int route = 0; route < ONEDNN_ROUTES; route++)
        if (!may_be_missing(half, (onednn_route)route)) TEST(run.products[route] == 3 * shapes);
    bool bf16;
    const char *version = ufm_onednn_version();
    const bool winograd =
        !half && version && version[0] == '2' && kernel_choose(NULL, &bf16) == &kernel_avx512;
    if (winograd) TEST(run.products[ONEDNN_WINOGRAD] > 0);
    ufm_rng_free(run.rng);
    ufm_pool_free(run.pool);
}

/* The published networks for images of one and three channels, and widths that are no multiples of 16. */
static int all_shapes(onednn_layer *list)
{
    const ufm_network_settings mnist = {10, 1, 28, 28, 1, false, false},
                               cifar = {10, 3, 32, 32, 1, false, false},
                               odd = {7, 3, 37, 37, 0.3, false, true};
    int count = add_shapes("resnet18", &mnist, list, 0);
    count = add_shapes("vgg16", &cifar, list, count);
    count = add_shapes("resnet18", &odd, list, count);
    if (test_fast()) return count;
    count = add_shapes("vgg19", &mnist, list, count);
    return add_shapes("resnet50", &cifar, list, count);
}

static void test_single(void)
{
    onednn_layer list[MOST_SHAPES];
    check_shapes("onednn/f32", list, all_shapes(list), false);
}
static void test_half(void)
{
    onednn_layer list[MOST_SHAPES];
    check_shapes("onednn/bf16", list, all_shapes(list), true);
}

/* ---- The same bits ---- */

static onednn_layer small_layer(onednn_route route)
{
    const int64_t stride = route == ONEDNN_WINOGRAD ? 1 : 2, out = 8 / stride + 1;
    return (onednn_layer){.src = tensor_shape_of(40, 9, 9),
                          .dst = tensor_shape_of(72, out, out),
                          .window = {3, 3, stride, 1},
                          .batch = BATCH,
                          .threads = THREADS,
                          .bias = true,
                          .add = true};
}

/* With our pool, and by the calling thread alone: parts of the work, not threads, decide on the sums. */
static void test_bits(void)
{
    ufm_pool *pool = ufm_pool_new(THREADS);
    ufm_rng *rng = ufm_rng_new(6);
    CU_ASSERT_FATAL(pool && rng);
    for (int i = 0; i < ONEDNN_DIRECTIONS * ONEDNN_ROUTES; i++) {
        const onednn_direction direction = (onednn_direction)(i / ONEDNN_ROUTES);
        const onednn_route route = (onednn_route)(i % ONEDNN_ROUTES);
        const onednn_layer layer = small_layer(route);
        onednn_product *p = NULL;
        const ufm_status status = onednn_product_new(&layer, direction, route, &p);
        TEST(status == UFM_OK || (status == UFM_ERROR_UNSUPPORTED && may_be_missing(false, route)));
        if (!p) continue;
        trial a;
        start_trial(&a, &layer, rng);
        float *const results[] = {a.y, a.dx, a.d_weights}, *const result = results[direction];
        const size_t bytes =
            sizeof(float) * (size_t)(direction == ONEDNN_FORWARD      ? numbers_of(&layer.dst)
                                     : direction == ONEDNN_BACK_INPUT ? numbers_of(&layer.src)
                                                                      : a.weight_count);
        float *const before = ufm_alloc((int64_t)bytes, 1), *const first = ufm_alloc((int64_t)bytes, 1);
        CU_ASSERT_FATAL(before && first);
        memcpy(before, result, bytes);
        run_product(&a, p, direction, pool, BATCH);
        memcpy(first, result, bytes);
        memcpy(result, before, bytes);
        run_product(&a, p, direction, NULL, BATCH);
        TEST(memcmp(first, result, bytes) == 0);
        TEST(memcmp(first, before, bytes) != 0);
        ufm_free(before);
        ufm_free(first);
        end_trial(&a);
        onednn_product_free(p);
    }
    ufm_rng_free(rng);
    ufm_pool_free(pool);
}

/* ---- Failures ---- */

static void test_failures(void)
{
    const int64_t live = ufm_memory_live_blocks();
    for (int i = 0; i < ONEDNN_DIRECTIONS * ONEDNN_ROUTES; i++) {
        const onednn_route route = (onednn_route)(i % ONEDNN_ROUTES);
        const onednn_layer layer = small_layer(route);
        ufm_status status = UFM_ERROR_MEMORY;
        for (int64_t allowed = 0; status == UFM_ERROR_MEMORY && allowed < 1000; allowed++) {
            onednn_product *p = NULL;
            ufm_memory_fail_after(allowed);
            status = onednn_product_new(&layer, (onednn_direction)(i / ONEDNN_ROUTES), route, &p);
            ufm_memory_fail_after(-1);
            TEST((p != NULL) == (status == UFM_OK));
            onednn_product_free(p);
            TEST(ufm_memory_live_blocks() == live);
        }
        TEST(status == UFM_OK || (status == UFM_ERROR_UNSUPPORTED && may_be_missing(false, route)));
    }
    onednn_product_free(NULL);
}

static const test_case cases[] = {{"f32", test_single},
                                  {"bf16", test_half},
                                  {"bits", test_bits},
                                  {"failures", test_failures},
                                  {NULL, NULL}};
const test_suite suite_onednn = {"onednn", cases};
