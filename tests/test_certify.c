/* The certificate against plain loops, known optima, other optimizers' points and constructed saddles. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>

static const ufm_objective paper = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};

/* ---- Twin: the definition, sample by sample, with an explicit K x N matrix G ---------------------- */

typedef struct {
    double objective, sigma1, lower_bound;
} twin_result;

static double twin_entropy(const ufm_labels *labels, const ufm_objective *o, const double *G, double s)
{
    const int64_t K = labels->classes;
    const double N = (double)labels->samples;
    double total = 0;
    for (int64_t i = 0; i < labels->columns; i++) {
        const double m = (double)ufm_labels_multiplicity(labels, i), omega = ufm_loss_weight(o->loss, m);
        for (int64_t k = 0; k < K; k++) {
            double y = 0;
            for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++) y += labels->tag[j] == k;
            const double q = y + s * N * G[k + i * K] / omega;
            if (q > 0) total -= omega * q * log(q / m) / N;
        }
    }
    return total;
}

static twin_result twin(const ufm_labels *labels, const ufm_objective *o, const ufm_point *p)
{
    const int64_t K = p->classes, n = p->columns, rank = K < n ? K : n;
    double *G = calloc((size_t)(K * n), sizeof *G), *copy = calloc((size_t)(K * n), sizeof *copy);
    double *values = calloc((size_t)rank, sizeof *values);
    double row_squares = 0;
    for (int64_t i = 0; i < n; i++) {
        const double m = (double)ufm_labels_multiplicity(labels, i);
        const double weight = ufm_loss_weight(o->loss, m) / (double)labels->samples;
        double z[64], total = 0;
        for (int64_t k = 0; k < K; k++) {
            z[k] = p->b[k];
            for (int64_t j = 0; j < p->dim; j++) z[k] += p->W[k + j * K] * p->H[j + i * p->dim];
            total += exp(z[k]);
        }
        for (int64_t k = 0; k < K; k++) G[k + i * K] = weight * m * exp(z[k]) / total;
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            G[labels->tag[j] + i * K] -= weight;
    }
    memcpy(copy, G, (size_t)(K * n) * sizeof *G);
    TEST_OK(ufm_svd(ufm_view(copy, K, n), NULL, values, NULL));
    for (int64_t k = 0; k < K; k++) {
        double row = 0;
        for (int64_t i = 0; i < n; i++) row += G[k + i * K];
        row_squares += row * row;
    }
    const double s = fmin(1, ufm_objective_mu(o) / values[0]);
    const twin_result result = {test_objective(labels, o, p), values[0],
                                twin_entropy(labels, o, G, s) - s * s * row_squares / (4 * o->lambda_b)};
    free(G);
    free(copy);
    free(values);
    return result;
}

static void test_twin(void)
{
    ufm_rng *rng = ufm_rng_new(21);
    double worst = 0;
    for (int trial = 0; trial < (test_fast() ? 5 : 200); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 8), d = 1 + ufm_rng_below(rng, 10);
        ufm_labels *labels = test_random_labels(rng, K, 1 + ufm_rng_below(rng, 40), UFM_DUPLICATES_KEEP);
        ufm_objective o = paper;
        if (trial % 2) o.loss = UFM_LOSS_PAL_N;
        ufm_model *model = test_model(labels, o, d, 1);
        double *x = ufm_alloc(ufm_model_size(model), sizeof *x),
               *g = ufm_alloc(ufm_model_size(model), sizeof *g);
        TEST_OK(ufm_model_start(model, (uint64_t)trial, pow(10, ufm_rng_uniform(rng) * 2 - 1.5), x));
        for (int64_t k = 0; k < K; k++) x[ufm_model_size(model) - 1 - k] = 0.2 * ufm_rng_gaussian(rng);
        const ufm_point point = ufm_model_point(model, x, NULL);
        const ufm_certificate c = test_certificate(&point, labels, &o);
        const twin_result t = twin(labels, &o, &point);
        (void)ufm_model_gradient(model, x, g);
        const double gradient = ufm_norm(ufm_model_size(model), g);
        const double errors[] = {c.objective / t.objective - 1, c.sigma1 / t.sigma1 - 1,
                                 (c.lower_bound - t.lower_bound) / fmax(1, fabs(t.lower_bound)),
                                 c.gradient_norm / gradient - 1,
                                 (c.objective - c.lower_bound - c.gap) / t.objective};
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
            if (!(fabs(errors[e]) <= 1e-11))
                fprintf(stderr, "  trial %d quantity %zu: %.3g\n", trial, e, errors[e]);
            worst = fmax(worst, isnan(errors[e]) ? INFINITY : fabs(errors[e]));
        }
        ufm_free(x);
        ufm_free(g);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("certify/twin", worst, 1e-11);
}

/* ---- Validity: no point, however it was found, lies below a bound from anywhere else -------------- */

static void test_bound_is_valid(void)
{
    ufm_rng *rng = ufm_rng_new(22);
    double worst = -INFINITY; /* largest (bound - lowest f known) */
    int finite = 0;
    for (int trial = 0; trial < (test_fast() ? 3 : 100); trial++) {
        const int64_t K = 3 + ufm_rng_below(rng, 4);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 20), UFM_DUPLICATES_MERGE);
        ufm_objective o = {trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, pow(10, -1 - 3 * ufm_rng_uniform(rng)),
                           pow(10, -1 - 3 * ufm_rng_uniform(rng)), trial % 3 ? 1e-3 : 0};
        ufm_solution *best = test_newton(labels, &o, K, 1);
        for (int other = 0; other < 6; other++) {
            const int64_t d = 1 + ufm_rng_below(rng, K + 2);
            ufm_solution *s;
            if (other == 0) {
                s = test_newton(labels, &o, 1 + ufm_rng_below(rng, K), 7);
            } else {
                ufm_solve_settings settings = ufm_solve_defaults();
                settings.objective = o;
                settings.dim = d;
                settings.seed = (uint64_t)(100 * trial + other);
                settings.init_scale = pow(10, 1 - other);
                settings.threads = 1;
                settings.minimize.max_iterations = ufm_rng_below(rng, 30);
                TEST_OK(ufm_solve(labels, &settings, &s, NULL));
            }
            const ufm_certificate c = s->certificate;
            if (isfinite(c.lower_bound)) {
                finite++;
                const double excess =
                    (c.lower_bound - best->certificate.objective) / best->certificate.objective;
                if (!(excess <= 1e-13)) fprintf(stderr, "  trial %d, other %d: %.3g\n", trial, other, excess);
                worst = fmax(worst, isnan(excess) ? INFINITY : excess);
            } else {
                TEST(o.lambda_b == 0 && c.lower_bound < 0 && c.verdict != UFM_CERTIFIED_GLOBAL);
            }
            ufm_solution_free(s);
        }
        ufm_solution_free(best);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    TEST(finite > (test_fast() ? 5 : 300));
    test_worst("certify/bound_is_valid", worst, 1e-13);
}

static void test_tight_at_optimum(void)
{
    double worst = 0;
    for (int i = 0; i < REFERENCE_INSTANCES; i++)
        for (int variant = 0; variant < 8; variant++) {
            const reference_instance *r = &reference_instances[i];
            const ufm_objective o = {variant & 1 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, r->lambda_w, r->lambda_h,
                                     variant & 2 ? 0 : 1e-3};
            ufm_labels *labels =
                test_design(r->classes, r->samples, variant & 4 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
            ufm_design *design = NULL;
            ufm_prediction *prediction = NULL;
            const int64_t K = r->classes, d = K - 1 + variant;
            double *W = ufm_alloc(K * d, sizeof *W), *H = ufm_alloc(d * labels->columns, sizeof *H);
            double *b = ufm_alloc(K, sizeof *b);
            TEST_OK(ufm_labels_to_design(labels, &design, NULL));
            TEST_OK(ufm_predict(design, &o, &prediction, NULL));
            TEST_OK(ufm_prediction_point(prediction, labels, d, W, H, NULL));
            const ufm_point point = {K, d, labels->columns, W, H, b};
            const ufm_certificate c = test_certificate(&point, labels, &o);
            test_close("objective", c.objective, prediction->objective, 1e-13);
            worst = fmax(worst, isnan(c.gap) ? INFINITY : fabs(c.gap) / c.objective);
            TEST(c.verdict == UFM_CERTIFIED_GLOBAL && c.rank == K - 1);
            ufm_free(W);
            ufm_free(H);
            ufm_free(b);
            ufm_prediction_free(prediction);
            ufm_design_free(design);
            ufm_labels_free(labels);
        }
    test_worst("certify/tight_at_optimum", worst, 1e-13);
}

/* A certificate must notice a point that is only almost optimal. */
static void test_perturbed_is_not_tight(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_solution *s = test_newton(labels, &paper, 4, 1);
    for (double size = 1e-1; size > 1e-5; size /= 10) {
        ufm_point point = s->point;
        double *W = ufm_alloc(16, sizeof *W);
        memcpy(W, s->point.W, 16 * sizeof *W);
        W[5] += size;
        point.W = W;
        const ufm_certificate c = test_certificate(&point, labels, &paper);
        TEST(c.gap >= c.objective - s->certificate.objective - 1e-14);
        TEST(c.gap > 1e-3 * size * size && c.gap < 10 * size);
        ufm_free(W);
    }
    ufm_solution_free(s);
    ufm_labels_free(labels);
}

static void test_witness_is_negative(void)
{
    double worst = 0;
    const ufm_objective o = {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2};
    for (int merged = 0; merged < 2; merged++) {
        ufm_labels *labels = test_design(6, "1:4,2:2", merged ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        for (int64_t rank = 1; rank <= 4; rank++) {
            ufm_solution *s = test_saddle(labels, &o, rank, 8, 3);
            const ufm_certificate c = test_certificate(&s->point, labels, &o);
            TEST(c.verdict == UFM_CERTIFIED_SADDLE && c.rank == rank && c.spare_direction && c.sigma1 > c.mu);
            const double error = fabs(c.witness_curvature / c.lambda_neg - 1);
            worst = fmax(worst, isnan(error) ? INFINITY : error);
            TEST(c.lambda_neg < 0 && c.gap > 1e-3);
            ufm_solution_free(s);
        }
        ufm_labels_free(labels);
    }
    test_worst("certify/witness_is_negative", worst, 1e-9);
}

/* For d < K-1 the landscape is not benign: two different minima of rank 3 are known. */
static void test_spurious_minima(void)
{
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_MERGE);
    const ufm_objective o = {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2};
    const double known[] = {1.29920898665555, 1.31146648254143};
    bool seen[2] = {false, false};
    for (uint64_t seed = 1; seed <= 40 && !(seen[0] && seen[1]); seed++) {
        ufm_solution *s = test_newton(labels, &o, 3, seed);
        for (int i = 0; i < 2; i++) seen[i] = seen[i] || fabs(s->info.value - known[i]) < 1e-12;
        TEST(s->certificate.verdict ==
             UFM_CERTIFIED_INCONCLUSIVE); /* no proof in either direction for d < K-1 */
        ufm_solution_free(s);
    }
    TEST(seen[0] && seen[1]);
    ufm_labels_free(labels);
}

/* Unbalanced labels: values that were computed independently. */
static void test_unbalanced(void)
{
    static const struct {
        const char *counts;
        double objective, deviation;
    } known[] = {
        {"0,3\n1,3\n2,3\n3,3\n0+1,2\n0+2,2\n0+3,2\n1+2,2\n1+3,2\n2+3,2\n", 0.877500210942, 0},
        {"0,3\n1,3\n2,3\n3,3\n0+2,2\n0+3,2\n1+2,2\n1+3,2\n2+3,2\n", 0.807025859334, 0.112344},
        {"0,3\n1,3\n2,3\n3,3\n0+1,50\n0+2,2\n0+3,2\n1+2,2\n1+3,2\n2+3,2\n", 1.394802446822, 0.508712},
        {"0,30\n1,3\n2,3\n3,3\n0+1,2\n0+2,2\n0+3,2\n1+2,2\n1+3,2\n2+3,2\n", 0.549518484938, 0.379791},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[256];
        ufm_labels *labels = NULL;
        snprintf(text, sizeof text, "tags,count\n%s", known[i].counts);
        const ufm_read_settings settings = {.duplicates = i % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP};
        TEST_OK(ufm_labels_read_counts(test_file(".csv", text), &settings, &labels, NULL));
        ufm_solution *s = test_newton(labels, &paper, 6, 1);
        double deviation = NAN;
        TEST_OK(ufm_etf_deviation(s->point.W, 4, 6, &deviation));
        test_close("objective", s->certificate.objective, known[i].objective, 1e-12);
        test_close("deviation from the ETF", deviation, known[i].deviation, 1e-6);
        TEST(s->certificate.verdict == UFM_CERTIFIED_GLOBAL && s->certificate.gap <= 1e-12);
        ufm_solution_free(s);
        ufm_labels_free(labels);
    }
}

static void test_threads_agree(void)
{
    ufm_rng *rng = ufm_rng_new(23);
    ufm_labels *labels = test_random_labels(rng, 7, 900, UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, paper, 5, 1);
    double *x = ufm_alloc(ufm_model_size(model), sizeof *x);
    TEST_OK(ufm_model_start(model, 2, 0.5, x));
    const ufm_point point = ufm_model_point(model, x, NULL);
    const ufm_certificate one = test_certificate(&point, labels, &paper);
    for (int threads = 2; threads <= 3; threads++) {
        ufm_certify_settings settings = ufm_certify_defaults();
        ufm_certificate c;
        settings.pool = ufm_pool_new(threads);
        TEST_OK(ufm_certify(&point, labels, &paper, &settings, &c, NULL));
        test_close("objective", c.objective, one.objective, 1e-14);
        test_close("bound", c.lower_bound, one.lower_bound, 1e-13);
        test_close("sigma1", c.sigma1, one.sigma1, 1e-13);
        test_close("gradient", c.gradient_norm, one.gradient_norm, 1e-13);
        ufm_pool_free(settings.pool);
    }
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

static void test_errors(void)
{
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    double W[9] = {0}, H[18] = {0}, b[3] = {0};
    ufm_point point = {3, 3, 6, W, H, b};
    const ufm_certify_settings settings = ufm_certify_defaults();
    ufm_certificate c = {.gap = 42};
    ufm_error error = {{0}};
    H[7] = NAN;
    TEST(ufm_certify(&point, labels, &paper, &settings, &c, &error) == UFM_ERROR_INPUT &&
         strstr(error.text, "H"));
    H[7] = 0;
    b[2] = INFINITY;
    TEST(ufm_certify(&point, labels, &paper, &settings, &c, &error) == UFM_ERROR_INPUT);
    b[2] = 0;
    point.columns = 5;
    TEST(ufm_certify(&point, labels, &paper, &settings, &c, &error) == UFM_ERROR_USAGE);
    point.columns = 6;
    ufm_objective bad = paper;
    bad.lambda_h = 0;
    TEST(ufm_certify(&point, labels, &bad, &settings, &c, &error) == UFM_ERROR_USAGE);
    TEST(c.gap == 42);
    const int64_t blocks = ufm_memory_live_blocks();
    for (int64_t budget = 0; budget < 20; budget++) {
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_certify(&point, labels, &paper, &settings, &c, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        TEST(budget > 2 || status == UFM_ERROR_MEMORY);
        TEST(ufm_memory_live_blocks() == blocks);
    }
    ufm_labels_free(labels);
}

/* A file that was written and read again certifies to the same digits; what it claims is not read. */
static void test_file_round_trip(void)
{
    for (int merged = 0; merged < 2; merged++) {
        ufm_labels *labels = test_design(4, "1:3,2:2", merged ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP),
                   *read = NULL;
        ufm_solution *s = test_newton(labels, &paper, 5, 2), *again = NULL;
        ufm_objective objective;
        ufm_error error = {{0}};
        char path[160];
        snprintf(path, sizeof path, "%s", test_path(".h5"));
        TEST_OK(ufm_solution_save(s, labels, &paper, path, &error));
        TEST_OK(ufm_solution_load(path, &again, &read, &objective, &error));
        if (again) {
            TEST(objective.lambda_w == paper.lambda_w && objective.lambda_b == paper.lambda_b &&
                 objective.loss == paper.loss);
            TEST(read->columns == labels->columns && read->samples == labels->samples);
            TEST(memcmp(again->point.H, s->point.H, (size_t)(5 * labels->columns) * sizeof(double)) == 0);
            const ufm_certificate c = test_certificate(&again->point, read, &objective);
            TEST(c.objective == s->certificate.objective && c.lower_bound == s->certificate.lower_bound);
        }
        ufm_solution_free(again);
        ufm_solution_free(s);
        ufm_labels_free(read);
        ufm_labels_free(labels);
    }
}

static const test_case cases[] = {{"twin", test_twin},
                                  {"bound_is_valid", test_bound_is_valid},
                                  {"tight_at_optimum", test_tight_at_optimum},
                                  {"perturbed_is_not_tight", test_perturbed_is_not_tight},
                                  {"witness_is_negative", test_witness_is_negative},
                                  {"spurious_minima", test_spurious_minima},
                                  {"unbalanced", test_unbalanced},
                                  {"threads_agree", test_threads_agree},
                                  {"errors", test_errors},
                                  {"file_round_trip", test_file_round_trip},
                                  {NULL, NULL}};
const test_suite suite_certify = {"certify", cases};
