/* The objective against plain loops, finite differences, and itself in other guises. */
#include "instances.h"
#include "test.h"
#include <string.h>
#include <ufmlab/linalg.h>

static double *random_vector(ufm_rng *rng, int64_t n, double scale)
{
    double *x = ufm_alloc(n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = scale * ufm_rng_gaussian(rng);
    return x;
}

/* Shapes of trial t: from a handful of numbers to several tiles and threads. */
typedef struct {
    int64_t classes, dim, tag_sets;
    ufm_duplicates duplicates;
    ufm_objective objective;
    int threads;
} shape;

static shape shape_of(int trial)
{
    static const int64_t classes[] = {2, 3, 7, 12, 33}, dims[] = {1, 2, 5, 13, 40},
                         sets[] = {2, 9, 40, 150, 900};
    const int last = test_fast() ? 3 : 5;
    const int size = trial % last;
    return (shape){classes[size],
                   dims[(trial / 2) % last],
                   sets[size],
                   trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP,
                   test_losses[trial % TEST_LOSSES],
                   1 + trial % 3};
}

static int trials(void)
{
    return test_fast() ? 6 : 60;
}

static void test_value(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(11);
    for (int trial = 0; trial < trials(); trial++) {
        const shape s = shape_of(trial);
        ufm_labels *labels = test_random_labels(rng, s.classes, s.tag_sets, s.duplicates);
        ufm_model *model = test_model(labels, s.objective, s.dim, s.threads);
        double *x = random_vector(rng, ufm_model_size(model), pow(10, ufm_rng_uniform(rng) * 3 - 2));
        double *H = ufm_alloc(s.dim * labels->columns, sizeof *H),
               *g = ufm_alloc(ufm_model_size(model), sizeof *g);
        const ufm_point point = ufm_model_point(model, x, H);
        const double expected = test_objective(labels, &s.objective, &point);
        worst = fmax(worst, fabs(ufm_model_value(model, x) / expected - 1));
        worst = fmax(worst, fabs(ufm_model_gradient(model, x, g) / expected - 1));
        TEST(isfinite(expected));
        ufm_free(x);
        ufm_free(H);
        ufm_free(g);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("model/value", worst, 1e-14);
}

/* Central difference of f along v, by Richardson extrapolation from steps t and t/2. */
static double slope(ufm_model *model, const double *x, const double *v, double t)
{
    const int64_t n = ufm_model_size(model);
    double *y = ufm_alloc(n, sizeof *y), value[2];
    for (int i = 0; i < 2; i++) {
        const double step = i ? t / 2 : t;
        double side[2];
        for (int s = 0; s < 2; s++) {
            memcpy(y, x, (size_t)n * sizeof *y);
            ufm_axpy(n, s ? -step : step, v, y);
            side[s] = ufm_model_value(model, y);
        }
        value[i] = (side[0] - side[1]) / (2 * step);
    }
    ufm_free(y);
    return (4 * value[1] - value[0]) / 3;
}

static void test_gradient(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(12);
    for (int trial = 0; trial < trials(); trial++) {
        const shape s = shape_of(trial);
        ufm_labels *labels = test_random_labels(rng, s.classes, s.tag_sets, s.duplicates);
        ufm_model *model = test_model(labels, s.objective, s.dim, s.threads);
        const int64_t n = ufm_model_size(model);
        double *x = random_vector(rng, n, 0.5), *v = random_vector(rng, n, 1), *g = ufm_alloc(n, sizeof *g);
        ufm_scale(n, 1 / ufm_norm(n, v), v);
        (void)ufm_model_gradient(model, x, g);
        const double error = fabs(slope(model, x, v, 1e-2) - ufm_dot(n, g, v)) / (1e-3 + ufm_norm(n, g));
        if (!(error <= 1e-9))
            fprintf(stderr, "  trial %d K %lld d %lld\n", trial, (long long)s.classes, (long long)s.dim);
        worst = fmax(worst, isnan(error) ? INFINITY : error);
        ufm_free(x);
        ufm_free(v);
        ufm_free(g);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("model/gradient", worst, 1e-9);
}

static void test_hessian_vector(void)
{
    double worst = 0, asymmetry = 0;
    ufm_rng *rng = ufm_rng_new(13);
    for (int trial = 0; trial < trials(); trial++) {
        const shape s = shape_of(trial);
        ufm_labels *labels = test_random_labels(rng, s.classes, s.tag_sets, s.duplicates);
        ufm_model *model = test_model(labels, s.objective, s.dim, s.threads);
        const int64_t n = ufm_model_size(model);
        double *x = random_vector(rng, n, 0.5), *v = random_vector(rng, n, 1), *u = random_vector(rng, n, 1);
        double *Hv = ufm_alloc(n, sizeof *Hv), *Hu = ufm_alloc(n, sizeof *Hu);
        double *plus = ufm_alloc(n, sizeof *plus), *minus = ufm_alloc(n, sizeof *minus),
               *y = ufm_alloc(n, sizeof *y);
        ufm_scale(n, 1 / ufm_norm(n, v), v);
        ufm_scale(n, 1 / ufm_norm(n, u), u);
        ufm_model_hessian_vector(model, x, v, Hv);
        ufm_model_hessian_vector(model, x, u, Hu);
        const double t = 1e-4;
        memcpy(y, x, (size_t)n * sizeof *y);
        ufm_axpy(n, t, v, y);
        (void)ufm_model_gradient(model, y, plus);
        ufm_axpy(n, -2 * t, v, y);
        (void)ufm_model_gradient(model, y, minus);
        ufm_axpy(n, -1, minus, plus);
        ufm_scale(n, 1 / (2 * t), plus);
        const double error = ufm_distance(n, plus, Hv) / (1e-3 + ufm_norm(n, Hv));
        const double skew = fabs(ufm_dot(n, u, Hv) - ufm_dot(n, v, Hu)) / (1e-3 + ufm_norm(n, Hv));
        worst = fmax(worst, isnan(error) ? INFINITY : error);
        asymmetry = fmax(asymmetry, isnan(skew) ? INFINITY : skew);
        double *const arrays[] = {x, v, u, Hv, Hu, plus, minus, y};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("model/hessian_vector", worst, 1e-7);
    test_worst("model/hessian_symmetry", asymmetry, 1e-13);
}

/* The merged problem at Ht = H diag(sqrt c) is the kept one with every sample's feature equal. */
static void test_merged_equals_kept(void)
{
    double worst = 0;
    for (int loss = 0; loss < TEST_LOSSES; loss++) {
        ufm_labels *kept = test_design(5, "1:4,2:3,3:2", UFM_DUPLICATES_KEEP);
        ufm_labels *merged = test_design(5, "1:4,2:3,3:2", UFM_DUPLICATES_MERGE);
        ufm_model *big = test_model(kept, test_losses[loss], 4, 2),
                  *small = test_model(merged, test_losses[loss], 4, 1);
        const int64_t nb = ufm_model_size(big), ns = ufm_model_size(small);
        double *x = ufm_alloc(ns, sizeof *x), *X = ufm_alloc(nb, sizeof *X), *g = ufm_alloc(ns, sizeof *g);
        double *G = ufm_alloc(nb, sizeof *G), *H = ufm_alloc(4 * merged->columns, sizeof *H);
        double *all = ufm_alloc(4 * kept->columns, sizeof *all);
        TEST_OK(ufm_model_start(small, 5, 0.7, x));
        x[ns - 2] = 0.3;
        ufm_point point = ufm_model_point(small, x, H);
        int64_t column = 0;
        for (int64_t i = 0; i < merged->columns; i++)
            for (int64_t c = 0; c < merged->count[i]; c++)
                memcpy(all + 4 * column++, H + 4 * i, 4 * sizeof *all);
        TEST(column == kept->columns);
        point.columns = kept->columns;
        point.H = all;
        TEST_OK(ufm_model_pack(big, &point, X, NULL));
        const double f = ufm_model_gradient(small, x, g), F = ufm_model_gradient(big, X, G);
        worst = fmax(worst, fabs(f / F - 1));
        worst = fmax(worst, fabs(ufm_norm(ns, g) / ufm_norm(nb, G) - 1));
        double *const arrays[] = {x, X, g, G, H, all};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
        ufm_model_free(big);
        ufm_model_free(small);
        ufm_labels_free(kept);
        ufm_labels_free(merged);
    }
    test_worst("model/merged_equals_kept", worst, 1e-13);
}

/* The fused evaluation against plain loops and differences where tiles and registers are not full. */
static void test_odd_shapes(void)
{
    static const int64_t dims[] = {1, 7, 8, 64, 65}, sets[] = {1, 2, 31, 257}, classes[] = {2, 8, 9, 17};
    double worst = 0, slope_worst = 0;
    ufm_rng *rng = ufm_rng_new(19);
    for (int trial = 0; trial < 5 * 4 * 4; trial++) {
        const int64_t K = classes[trial / 20], d = dims[trial % 5], n = sets[trial / 5 % 4];
        const ufm_objective objective = test_losses[trial % TEST_LOSSES];
        ufm_labels *labels =
            test_random_labels(rng, K, n, trial % 3 ? UFM_DUPLICATES_KEEP : UFM_DUPLICATES_MERGE);
        ufm_model *model = test_model(labels, objective, d, 1 + trial % 2);
        const int64_t size = ufm_model_size(model);
        double *x = random_vector(rng, size, 0.5), *v = random_vector(rng, size, 1),
               *g = ufm_alloc(size, sizeof *g), *H = ufm_alloc(d * labels->columns, sizeof *H);
        const ufm_point point = ufm_model_point(model, x, H);
        const double f = ufm_model_gradient(model, x, g),
                     expected = test_objective(labels, &objective, &point);
        worst = fmax(worst, fabs(f / expected - 1));
        TEST(ufm_model_value(model, x) == f);
        const double h = 1e-4, along = ufm_dot(size, g, v);
        double sides[4]; /* five-point difference of the plain loops along v */
        for (int side = 0; side < 4; side++) {
            const double at = h * (side < 2 ? side - 2 : side - 1);
            ufm_axpy(size, at, v, x);
            const ufm_point moved = ufm_model_point(model, x, H);
            sides[side] = test_objective(labels, &objective, &moved);
            ufm_axpy(size, -at, v, x);
        }
        const double difference = (sides[0] - 8 * sides[1] + 8 * sides[2] - sides[3]) / (12 * h);
        slope_worst = fmax(slope_worst, fabs(along - difference) / (1 + fabs(difference)));
        double *const arrays[] = {x, v, g, H};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("model/odd_shapes_value", worst, 1e-13);
    test_worst("model/odd_shapes_slope", slope_worst, 1e-7);
}

static void test_reproducible(void)
{
    ufm_rng *rng = ufm_rng_new(14);
    ufm_labels *labels = test_random_labels(rng, 12, test_fast() ? 100 : 3000, UFM_DUPLICATES_KEEP);
    double first_value = 0;
    for (int threads = 1; threads <= 4; threads++) {
        ufm_model *model = test_model(labels, test_losses[0], 20, threads);
        const int64_t n = ufm_model_size(model);
        double *x = ufm_alloc(n, sizeof *x), *a = ufm_alloc(n, sizeof *a), *b = ufm_alloc(n, sizeof *b);
        TEST_OK(ufm_model_start(model, 3, 0.4, x));
        const double value = ufm_model_gradient(model, x, a);
        for (int again = 0; again < 20; again++) {
            TEST(ufm_model_gradient(model, x, b) == value);
            TEST(memcmp(a, b, (size_t)n * sizeof *a) == 0);
        }
        if (threads == 1) first_value = value;
        test_close("value for other thread counts", value, first_value, 1e-14);
        ufm_free(x);
        ufm_free(a);
        ufm_free(b);
        ufm_model_free(model);
    }
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

static void test_huge_logits(void)
{
    ufm_labels *labels = test_design(6, "1:3,2:2,5:1", UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, test_losses[0], 6, 1);
    const int64_t n = ufm_model_size(model);
    double *x = ufm_alloc(n, sizeof *x), *g = ufm_alloc(n, sizeof *g), *Hv = ufm_alloc(n, sizeof *Hv);
    for (double scale = 1; scale <= 1e4; scale *= 10) { /* logits up to about 1e4 ... 1e8 */
        TEST_OK(ufm_model_start(model, 8, scale * 10, x));
        const ufm_point point = ufm_model_point(model, x, NULL);
        const double f = ufm_model_gradient(model, x, g),
                     expected = test_objective(labels, &test_losses[0], &point);
        test_close("value at huge logits", f / expected, 1, 1e-13);
        ufm_model_hessian_vector(model, x, g, Hv);
        TEST(isfinite(ufm_norm(n, g)) && isfinite(ufm_norm(n, Hv)));
    }
    ufm_free(x);
    ufm_free(g);
    ufm_free(Hv);
    ufm_model_free(model);
    ufm_labels_free(labels);
}

/* With W = I and b the gradient at h_i is (c_i/N) that of one loss at sqrt(c_i) of it: every number of
 * classes and of columns behind the last whole register, on one column at a time. A logit of 700 above the
 * others leaves no digit of theirs but in the loss. */
static void test_columns(void)
{
    enum { CLASSES = 19 };
    double worst = 0, worst_value = 0;
    ufm_rng *rng = ufm_rng_new(19);
    for (int64_t K = 2; K <= CLASSES; K++)
        for (int trial = 0; trial < 2 * TEST_LOSSES; trial++) {
            const ufm_objective *loss = &test_losses[trial % TEST_LOSSES];
            ufm_labels *labels = test_random_labels(rng, K, 1 + ufm_rng_below(rng, 20),
                                                    trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
            ufm_model *model = test_model(labels, *loss, K, 1);
            const int64_t n = ufm_model_size(model), columns = labels->columns;
            double *x = random_vector(rng, n, trial % 3 == 2 ? 30 : 1), *g = ufm_alloc(n, sizeof *g);
            double *H = x + K * K, *b = H + K * columns, z[CLASSES], value = 0;
            for (int64_t j = 0; j < K * K; j++) x[j] = j % K == j / K;
            if (trial % 5 == 4)
                for (int64_t i = 0; i < columns; i++) H[i * K + ufm_rng_below(rng, K)] += 700;
            const double f = ufm_model_gradient(model, x, g);
            for (int64_t i = 0; i < columns; i++) {
                const double root = sqrt((double)ufm_labels_count(labels, i));
                const double weight = root * root / (double)labels->samples;
                for (int64_t k = 0; k < K; k++) z[k] = H[i * K + k] / root + b[k];
                value += weight * ufm_model_loss(loss, ufm_labels_set(labels, i), z);
                for (int64_t k = 0; k < K; k++) {
                    const double expected = weight / root * z[k] + 2 * loss->lambda_h * H[i * K + k];
                    worst = fmax(worst, fabs(g[K * K + i * K + k] - expected) /
                                            (weight / root * (double)K + fabs(expected)));
                    TEST(isfinite(g[K * K + i * K + k]));
                }
            }
            value += loss->lambda_w * (double)K + loss->lambda_b * ufm_dot(K, b, b) +
                     loss->lambda_h * ufm_dot(K * columns, H, H);
            worst_value = fmax(worst_value, fabs(f / value - 1));
            ufm_free(x);
            ufm_free(g);
            ufm_model_free(model);
            ufm_labels_free(labels);
        }
    ufm_rng_free(rng);
    test_worst("model/columns, gradient", worst, 1e-15);
    test_worst("model/columns, value", worst_value, 2e-15);
}

static void test_bias(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(15);
    for (int trial = 0; trial < 3 * TEST_LOSSES; trial++) {
        ufm_labels *labels =
            test_random_labels(rng, 5, 30, trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        ufm_objective objective = test_losses[trial % TEST_LOSSES];
        if (trial % 4 == 3) objective.lambda_b = 1e-6;
        ufm_model *model = test_model(labels, objective, 4, 2);
        const int64_t n = ufm_model_size(model);
        double *x = random_vector(rng, n, trial % 5 == 4 ? 3 : 0.5), *g = ufm_alloc(n, sizeof *g);
        TEST_OK(ufm_model_minimize_bias(model, x, NULL));
        const double value = ufm_model_gradient(model, x, g);
        const double residual = ufm_norm(5, g + n - 5);
        worst = fmax(worst, isnan(residual) ? INFINITY : residual);
        for (int64_t k = 0; k < 5; k++) { /* no other bias is better */
            x[n - 5 + k] += 0.01;
            TEST(ufm_model_value(model, x) >= value);
            x[n - 5 + k] -= 0.01;
        }
        ufm_free(x);
        ufm_free(g);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("model/bias", worst, 1e-14);
}

static void test_embed(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(16);
    for (int trial = 0; trial < TEST_LOSSES; trial++) {
        ufm_labels *labels =
            test_random_labels(rng, 5, 20, trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        ufm_model *small = test_model(labels, test_losses[trial], 1 + trial % 4, 1);
        ufm_model *large = test_model(labels, test_losses[trial], 4, 1);
        const int64_t ns = ufm_model_size(small), nl = ufm_model_size(large);
        double *x = random_vector(rng, ns, 0.5), *X = random_vector(rng, nl, 9),
               *g = ufm_alloc(ns, sizeof *g);
        double *G = ufm_alloc(nl, sizeof *G);
        ufm_model_embed(large, 1 + trial % 4, x, X);
        const double f = ufm_model_gradient(small, x, g), F = ufm_model_gradient(large, X, G);
        worst = fmax(worst, fabs(F / f - 1));
        worst = fmax(worst, fabs(ufm_norm(nl, G) / ufm_norm(ns, g) - 1));
        double *const arrays[] = {x, X, g, G};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
        ufm_model_free(small);
        ufm_model_free(large);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("model/embed", worst, 1e-13);
}

static void test_errors(void)
{
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    ufm_error error = {{0}};
    ufm_model *model = NULL;
    ufm_model_settings settings = {test_losses[0], 0, 1};
    TEST(ufm_model_new(labels, &settings, &model, &error) == UFM_ERROR_USAGE && error.text[0]);
    settings.dim = INT64_MAX / 4;
    TEST(ufm_model_new(labels, &settings, &model, &error) == UFM_ERROR_MEMORY);
    settings.dim = 3;
    settings.objective.lambda_w = NAN;
    TEST(ufm_model_new(labels, &settings, &model, &error) == UFM_ERROR_USAGE);
    settings.objective = test_losses[0];
    settings.threads = 2;
    const int64_t blocks = ufm_memory_live_blocks();
    int failures = 0;
    for (int64_t budget = 0; budget < 40; budget++) {
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_model_new(labels, &settings, &model, &error);
        ufm_memory_fail_after(-1);
        if (status == UFM_OK) {
            ufm_model_free(model);
        } else {
            TEST(status == UFM_ERROR_MEMORY);
            failures++;
        }
        TEST(ufm_memory_live_blocks() == blocks);
    }
    TEST(failures > 3 && failures < 40);
    ufm_labels_free(labels);
}

static const test_case cases[] = {{"value", test_value},
                                  {"gradient", test_gradient},
                                  {"hessian_vector", test_hessian_vector},
                                  {"merged_equals_kept", test_merged_equals_kept},
                                  {"odd_shapes", test_odd_shapes},
                                  {"reproducible", test_reproducible},
                                  {"columns", test_columns},
                                  {"huge_logits", test_huge_logits},
                                  {"bias", test_bias},
                                  {"embed", test_embed},
                                  {"errors", test_errors},
                                  {NULL, NULL}};
const test_suite suite_model = {"model", cases};
