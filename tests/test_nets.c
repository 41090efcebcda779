/* Networks: parameter counts, the twin engine against finite differences and stored PyTorch values. */
#include "nets/engine.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

/* ---- Parameter counts of the published code ---- */

static void test_counts(void)
{
    /* MNIST (1 channel, 10 classes), CIFAR-10 (3, 10), SVHN (3, 9); learned classifier, then ETF and d = K.
     */
    static const struct {
        const char *name;
        int64_t trainable[6];
    } rows[] = {{"resnet18", {11172810, 11173962, 11173449, 8858610, 8859762, 8854637}},
                {"resnet50", {23519690, 23520842, 23518793, 22472178, 22473330, 22470765}},
                {"vgg16", {14727114, 14728266, 14727753, 12407272, 12408424, 12403812}},
                {"vgg19", {20039370, 20040522, 20040009, 17719528, 17720680, 17716068}}};
    static const int64_t channels[] = {1, 3, 3}, classes[] = {10, 10, 9};
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (int i = 0; i < 6; i++) {
            const ufm_network_settings settings = {classes[i % 3], channels[i % 3], 56, 56, 1,
                                                   i >= 3,         i >= 3};
            ufm_network *network = NULL;
            TEST_OK(ufm_network_new(rows[r].name, &settings, &network, NULL));
            if (!network) continue;
            if (network->trainable_parameters != rows[r].trainable[i])
                fprintf(stderr, "  %s, case %d: %lld parameters\n", rows[r].name, i,
                        (long long)network->trainable_parameters);
            CU_ASSERT(network->trainable_parameters == rows[r].trainable[i]);
            const int64_t fixed = i >= 3 ? classes[i % 3] * classes[i % 3] : 0;
            CU_ASSERT(network->parameters == network->trainable_parameters + fixed);
            ufm_network_free(network);
        }
}

/* ---- A small network with random numbers everywhere ---- */

enum { BATCH = 5, CLASSES = 3 };
typedef struct {
    ufm_network *network;
    void *engine;
    double *parameters, *running, *gradient;
    float *images;
    double *features, *logits, *d_features, *d_logits;
} trial;

static double *numbers(ufm_rng *rng, int64_t count, double scale)
{
    double *x = ufm_alloc(count, sizeof *x);
    CU_ASSERT_FATAL(x != NULL);
    for (int64_t i = 0; i < count; i++) x[i] = scale * ufm_rng_gaussian(rng);
    return x;
}

static void start_trial(trial *t, const char *name, int64_t size, bool etf, ufm_rng *rng)
{
    const ufm_network_settings settings = {CLASSES, 2, size, size, 1.0 / 32, etf, etf};
    const ufm_engine_settings engine = {.batch = BATCH, .threads = 2};
    CU_ASSERT_FATAL(ufm_network_new(name, &settings, &t->network, NULL) == UFM_OK);
    const ufm_network *n = t->network;
    const int64_t pixels = BATCH * 2 * size * size;
    t->parameters = numbers(rng, n->parameters, 1);
    t->running = numbers(rng, n->running + 1, 1);
    t->gradient = numbers(rng, n->parameters, 0);
    t->features = numbers(rng, BATCH * n->dim, 0);
    t->logits = numbers(rng, BATCH * CLASSES, 0);
    t->d_features = numbers(rng, BATCH * n->dim, 1);
    t->d_logits = numbers(rng, BATCH * CLASSES, 1);
    t->images = ufm_alloc(pixels, sizeof *t->images);
    for (int64_t i = 0; i < pixels; i++) t->images[i] = (float)ufm_rng_gaussian(rng);
    TEST_OK(ufm_network_start(n, (uint64_t)ufm_rng_below(rng, 1000), t->parameters, t->running));
    /* Away from gamma = 1, beta = 0. */
    for (int64_t l = 0; l < n->layers; l++)
        for (int64_t c = 0; n->layer[l].kind == UFM_LAYER_BATCH_NORM && c < n->layer[l].channels; c++) {
            t->parameters[n->layer[l].weights + c] += 0.3 * ufm_rng_gaussian(rng);
            t->parameters[n->layer[l].biases + c] += 0.3 * ufm_rng_gaussian(rng);
        }
    CU_ASSERT_FATAL(ufm_engine_twin.create(n, &engine, &t->engine, NULL) == UFM_OK);
}

static void end_trial(trial *t)
{
    ufm_engine_twin.free(t->engine);
    ufm_network_free(t->network);
    double *arrays[] = {t->parameters, t->running,    t->gradient, t->features,
                        t->logits,     t->d_features, t->d_logits};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    ufm_free(t->images);
}

/* sum <d_logits, z> + <d_features, h> at `parameters` + step along `direction`. */
static double functional(trial *t, const double *direction, double step)
{
    const ufm_network *n = t->network;
    double *moved = ufm_alloc(n->parameters, sizeof *moved), sum = 0;
    for (int64_t i = 0; i < n->parameters; i++) moved[i] = t->parameters[i] + step * direction[i];
    TEST_OK(ufm_engine_twin.import(t->engine, UFM_VECTOR_PARAMETERS, moved));
    TEST_OK(ufm_engine_twin.forward(t->engine, t->images, BATCH, true, t->features, t->logits));
    for (int64_t i = 0; i < BATCH * CLASSES; i++) sum += t->d_logits[i] * t->logits[i];
    for (int64_t i = 0; i < BATCH * n->dim; i++) sum += t->d_features[i] * t->features[i];
    ufm_free(moved);
    return sum;
}

/* The difference quotient along a random direction of one layer's parameters against the gradient. Kinks of
 * ReLUs and maxima between the two points spoil a quotient: the smaller of two steps' errors counts. */
static double layer_error(trial *t, int64_t begin, int64_t count, ufm_rng *rng)
{
    double *direction = numbers(rng, t->network->parameters, 0);
    double slope = 0, best = INFINITY;
    for (int64_t i = begin; i < begin + count; i++) {
        direction[i] = ufm_rng_gaussian(rng);
        slope += direction[i] * t->gradient[i];
    }
    static const double steps[] = {1e-5, 1e-6, 1e-7};
    for (int s = 0; s < 3; s++) {
        const double quotient =
            (functional(t, direction, steps[s]) - functional(t, direction, -steps[s])) / (2 * steps[s]);
        const double error = fabs(quotient - slope) / fmax(1, fabs(slope));
        if (!(error >= best)) best = error;
    }
    ufm_free(direction);
    return best;
}

static double gradient_error(const char *name, int64_t size, bool etf, uint64_t seed)
{
    trial t = {0};
    ufm_rng *rng = ufm_rng_new(seed);
    start_trial(&t, name, size, etf, rng);
    double worst = 0;
    (void)functional(&t, t.gradient, 0);
    TEST_OK(ufm_engine_twin.backward(t.engine, t.d_logits, t.d_features));
    TEST_OK(ufm_engine_twin.export(t.engine, UFM_VECTOR_GRADIENT, t.gradient));
    for (int64_t l = 0; l < t.network->layers; l++) {
        const ufm_layer *layer = &t.network->layer[l];
        if (layer->weights < 0) continue;
        double error = layer_error(&t, layer->weights, layer->weight_count, rng);
        if (layer->biases >= 0) error = fmax(error, layer_error(&t, layer->biases, layer->bias_count, rng));
        if (!(error <= 1e-5))
            fprintf(stderr, "  %s, seed %llu, layer %lld (%s): error %.2e\n", name, (unsigned long long)seed,
                    (long long)l, ufm_layer_kind_text(layer->kind), error);
        if (!(error <= worst)) worst = error;
    }
    end_trial(&t);
    ufm_rng_free(rng);
    return worst;
}

static void test_gradients(void)
{
    test_worst("nets/gradients of mlp", gradient_error("mlp", 3, false, 1), 1e-5);
    test_worst("of resnet18", gradient_error("resnet18", 9, false, 2), 1e-5);
    test_worst("of resnet18 with the ETF", gradient_error("resnet18", 8, true, 3), 1e-5);
    test_worst("of resnet50", gradient_error("resnet50", 8, false, 4), 1e-5);
    test_worst("of vgg16 with the ETF", gradient_error("vgg16", 13, true, 5), 1e-5);
}

/* ---- Update ---- */

static void test_frozen(void)
{
    trial t = {0};
    ufm_rng *rng = ufm_rng_new(7);
    start_trial(&t, "mlp", 3, true, rng);
    const ufm_network *n = t.network;
    const ufm_layer *last = &n->layer[n->logits];
    double *after = numbers(rng, n->parameters, 0);
    const ufm_update update = {.rate = 0.1, .momentum = 0.9, .weight_decay = 5e-4, .step = 1};
    (void)functional(&t, after, 0);
    TEST_OK(ufm_engine_twin.backward(t.engine, t.d_logits, NULL));
    TEST_OK(ufm_engine_twin.update(t.engine, &update));
    TEST_OK(ufm_engine_twin.export(t.engine, UFM_VECTOR_PARAMETERS, after));
    for (int64_t i = 0; i < n->parameters; i++) {
        const bool frozen = i >= last->weights && i < last->weights + last->weight_count;
        if (frozen) CU_ASSERT(after[i] == t.parameters[i]);
    }
    CU_ASSERT(after[last->biases] != t.parameters[last->biases]);
    CU_ASSERT(after[0] != t.parameters[0]);
    ufm_free(after);
    end_trial(&t);
    ufm_rng_free(rng);
}

static void test_refusals(void)
{
    static const ufm_network_settings good = {10, 1, 28, 28, 1, false, false};
    ufm_network *network = NULL;
    ufm_error error = {{0}};
    CU_ASSERT(ufm_network_new("resnet19", &good, &network, &error) == UFM_ERROR_USAGE);
    CU_ASSERT(strstr(error.text, "resnet18") != NULL);
    ufm_network_settings bad = good;
    bad.multiplier = NAN;
    CU_ASSERT(ufm_network_new("mlp", &bad, &network, &error) == UFM_ERROR_USAGE);
    bad = good;
    bad.height = 0;
    CU_ASSERT(ufm_network_new("mlp", &bad, &network, &error) == UFM_ERROR_USAGE);
    bad = good;
    bad.etf = true;
    bad.multiplier = 0.01;
    CU_ASSERT(ufm_network_new("mlp", &bad, &network, &error) == UFM_ERROR_USAGE);
    CU_ASSERT(network == NULL);
}

static const test_case cases[] = {{"counts", test_counts},
                                  {"gradients", test_gradients},
                                  {"frozen", test_frozen},
                                  {"refusals", test_refusals},
                                  {NULL, NULL}};
const test_suite suite_nets = {"nets", cases};
