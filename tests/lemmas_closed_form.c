/* Notes 6, 8, 9 and 0: the scalar roots, the tag-wise scale, the bias, Theorem 1. */
#include "lemmas_problem.h"
#include "lemmas_tests.h"
#include <string.h>
#include <ufmlab/theory.h>

static int64_t design_size(const lemma_design *design)
{
    int64_t N = 0;
    for (int64_t m = 1; m <= design->classes; m++)
        N += design->per_tag_set[m] * lemma_binomial(design->classes, m);
    return N;
}

static void print_design(const char *test, int trial, const lemma_design *design)
{
    fprintf(stderr, "  %s: trial %d: K=%d %s lambda=%.17g,%.17g n_m", test, trial, (int)design->classes,
            design->per_label ? "pal-n" : "pal", design->lambda_w, design->lambda_h);
    for (int64_t m = 1; m <= design->classes; m++) fprintf(stderr, " %d", (int)design->per_tag_set[m]);
    fprintf(stderr, "\n");
}

/* Below, at and above the threshold, very small regularisation included. */
static double random_ratio(ufm_rng *rng)
{
    switch (ufm_rng_below(rng, 5)) {
    case 0:
        return lemma_log_uniform(rng, 1.0001, 10);
    case 1:
        return lemma_log_uniform(rng, 1e-9, 1e-3);
    default:
        return lemma_log_uniform(rng, 1e-3, 0.95);
    }
}

/* The library's prediction for the design. */
static ufm_prediction *library_prediction(const lemma_design *design)
{
    int64_t multiplicity[LEMMA_K], per_tag_set[LEMMA_K];
    ufm_design same = {design->classes, 0, multiplicity, per_tag_set};
    for (int64_t m = 1; m <= design->classes; m++) {
        if (design->per_tag_set[m] == 0) continue;
        multiplicity[same.levels] = m;
        per_tag_set[same.levels++] = design->per_tag_set[m];
    }
    const ufm_objective objective = {design->per_label ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, design->lambda_w,
                                     design->lambda_h, 1e-3};
    ufm_prediction *prediction = NULL;
    TEST_OK(ufm_predict(&same, &objective, &prediction, NULL));
    return prediction;
}

/* Bisection against the library's roots. */
static double root_error(const lemma_design *design, const lemma_optimum *best)
{
    ufm_prediction *prediction = library_prediction(design);
    if (!prediction) return NAN;
    double error = fabs(prediction->objective / best->objective - 1);
    error = fmax(error, fabs(prediction->mu_critical / best->critical - 1));
    if (best->r > 0) error = fmax(error, fabs(prediction->r / best->r - 1));
    for (int64_t l = 0; l < prediction->levels && best->r > 0; l++) {
        const int64_t m = prediction->multiplicity[l];
        if (m < design->classes) error = fmax(error, fabs(prediction->margin[l] / best->margin[m] - 1));
    }
    TEST((prediction->phase == UFM_PHASE_COLLAPSED) == !(best->r > 0));
    ufm_prediction_free(prediction);
    return error;
}

/* Monotonicity and the number of sign changes of both scalar equations on a logarithmic grid; 0 when as
 * note 6 says. Neighbours within rounding of each other count as equal. */
static int grid_defects(const lemma_design *design, const lemma_optimum *best, int points)
{
    const double K = (double)design->classes;
    int defects = 0, changes = 0;
    double outer = INFINITY;
    for (int i = 0; i < points; i++) {
        const double r = 1e-6 * pow(1e12, (double)i / (points - 1));
        const double next = lemma_outer(design, r);
        if (!(next <= outer + 1e-14 * fabs(outer + 1))) defects++;
        if (i > 0 && (outer > 0) != (next > 0)) changes++;
        outer = next;
    }
    const bool inside = best->r > 1e-6 && best->r < 1e6;
    if (best->r == 0 ? changes != 0 : inside && changes != 1) defects++;
    const double slope = best->r > 0 ? best->mu * (double)design_size(design) / (K * best->r) : 1;
    for (int m = 1; m < design->classes; m++) {
        const double omega = lemma_weight(design->per_label, m);
        double inner = INFINITY;
        changes = 0;
        for (int i = 0; i < points; i++) {
            const double delta = 1e-10 * pow(1e14, (double)i / (points - 1));
            const double next = omega / (m * exp(delta) + K - m) - slope * delta;
            if (!(next <= inner)) defects++;
            if (i > 0 && (inner > 0) != (next > 0)) changes++;
            inner = next;
        }
        const double root = lemma_margin(design, m, slope);
        if (root > 1e-10 && root < 1e4 && changes != 1) defects++;
    }
    return defects;
}

void lemma_test_scalar_roots(void)
{
    ufm_rng *rng = ufm_rng_new(6);
    lemma_worst worst = {"lemmas/scalar_roots", 5e-14, 0};
    for (int trial = 0; trial < lemma_trials(1000, 20); trial++) {
        const lemma_design design = lemma_random_design(rng, LEMMA_K, 1000, random_ratio(rng));
        const lemma_optimum best = lemma_predict(&design);
        const bool failed = lemma_exceeds(&worst, root_error(&design, &best)) ||
                            (trial % 4 == 0 && grid_defects(&design, &best, 60) != 0);
        TEST(!failed);
        if (failed) print_design(worst.name, trial, &design);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* delta_m falls and m delta_m rises strictly in m, whether or not the multiplicity occurs. (For PAL-N the
 * rise is of second order in delta, below rounding when delta is tiny.) */
static bool ordered(const lemma_design *design, double slope)
{
    bool good = true;
    for (int m = 1; m + 1 < design->classes; m++) {
        const double here = lemma_margin(design, m, slope), next = lemma_margin(design, m + 1, slope);
        good &= next < here && m * here < (m + 1) * next;
    }
    return good;
}

/* 2 lambda_h h_S = -W^T g_S at the predicted W and Z, with h_S = C_m times the sum of the tags' rows of W and
 * the library's C_m; relative to |w| omega/N, the size of the terms of W^T g_S. */
static double scale_error(const lemma_design *design, ufm_rng *rng)
{
    const lemma_problem problem = lemma_design_problem(design, design->classes, 1e-3);
    const int64_t K = problem.classes, d = problem.dim;
    double x[LEMMA_SIZE], G[LEMMA_K * LEMMA_N], error = 0;
    lemma_predicted_point(design, rng, &problem, x);
    lemma_loss_gradient(&problem, x, G);
    ufm_prediction *prediction = library_prediction(design);
    if (!prediction) return NAN;
    for (int64_t i = 0; i < problem.samples; i++) {
        const int m = lemma_multiplicity(problem.tags[i]);
        int64_t level = 0;
        while (prediction->multiplicity[level] != m) level++;
        for (int64_t j = 0; j < d && m < K; j++) {
            double sum = 0, feature = 0;
            for (int64_t k = 0; k < K; k++) {
                sum += (double)(problem.tags[i] >> k & 1) * x[k + j * K];
                feature -= x[k + j * K] * G[k + i * K];
            }
            const double unit = sqrt(prediction->weight_norm_squared) * lemma_weight(design->per_label, m) /
                                (double)problem.samples;
            error = fmax(error, fabs(2 * problem.lambda_h * prediction->scale[level] * sum - feature) / unit);
        }
    }
    ufm_prediction_free(prediction);
    return error;
}

void lemma_test_tag_wise_scale(void)
{
    ufm_rng *rng = ufm_rng_new(8);
    lemma_worst worst = {"lemmas/tag_wise_scale", 1e-13, 0};
    for (int trial = 0; trial < lemma_trials(1000, 20); trial++) {
        const lemma_design design = lemma_random_design(rng, 6, LEMMA_N, lemma_log_uniform(rng, 1e-3, 0.95));
        const bool failed = lemma_exceeds(&worst, scale_error(&design, rng)) ||
                            !ordered(&design, lemma_log_uniform(rng, 1e-12, 1e3));
        TEST(!failed);
        if (failed) print_design(worst.name, trial, &design);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* With any margins: G 1 = 0 at Z = B, and |B - c 1^T|_* = (K-2) r + sqrt(r^2 + N |c|^2) for 1^T c = 0. */
static double bias_identities(const lemma_design *design, ufm_rng *rng)
{
    const lemma_problem problem = lemma_design_problem(design, 1, 0);
    const int64_t K = problem.classes, N = problem.samples;
    double B[LEMMA_K * LEMMA_N], margin[LEMMA_K + 1], shift[LEMMA_K], mean = 0, r = 0, sum[LEMMA_K] = {0};
    for (int m = 1; m <= K; m++) {
        margin[m] = m < K ? lemma_log_uniform(rng, 1e-3, 1e2) : 0;
        r += (double)(design->per_tag_set[m] * lemma_binomial(K - 2, m - 1)) * margin[m] * margin[m];
    }
    r = sqrt(r);
    lemma_gaussian(rng, lemma_log_uniform(rng, 1e-6, 1e2), K, shift);
    for (int64_t k = 0; k < K; k++) mean += shift[k] / (double)K;
    for (int64_t k = 0; k < K; k++) shift[k] -= mean;
    for (int64_t i = 0; i < N; i++) {
        const int m = lemma_multiplicity(problem.tags[i]);
        const double up = exp(margin[m]), whole = m * up + (double)K - m;
        for (int64_t k = 0; k < K; k++) {
            const bool tagged = problem.tags[i] >> k & 1;
            B[k + i * K] = margin[m] * (tagged - m / (double)K) - shift[k];
            sum[k] +=
                lemma_weight(design->per_label, m) / (double)N * (tagged ? m * up / whole - 1 : m / whole);
        }
    }
    const double expected = ((double)K - 2) * r + sqrt(r * r + (double)N * ufm_dot(K, shift, shift));
    return fmax(fabs(lemma_nuclear_norm(K, N, B) / expected - 1), ufm_norm(K, sum));
}

/* Size of the part of b that is not a multiple of the ones, and for lambda_b > 0 of all of b. */
static double bias_size(const lemma_problem *problem, const double *x)
{
    const int64_t K = problem->classes;
    const double *b = x + problem->dim * (K + problem->samples);
    double mean = 0, sum = 0;
    for (int64_t k = 0; k < K; k++) mean += problem->lambda_b > 0 ? 0 : b[k] / (double)K;
    for (int64_t k = 0; k < K; k++) sum += (b[k] - mean) * (b[k] - mean);
    return sqrt(sum);
}

void lemma_test_optimal_bias(void)
{
    ufm_rng *rng = ufm_rng_new(9);
    lemma_worst identities = {"lemmas/optimal_bias identities", 1e-14, 0};
    lemma_worst minimisers = {"lemmas/optimal_bias", 2e-13, 0};
    double x[LEMMA_SIZE];
    for (int trial = 0; trial < lemma_trials(1000, 50); trial++) {
        const lemma_design design = lemma_random_design(rng, 6, LEMMA_N, 0.5);
        if (lemma_exceeds(&identities, bias_identities(&design, rng)))
            print_design(identities.name, trial, &design);
    }
    const int solves = lemma_trials(200, 4);
    int unfinished = 0;
    for (int trial = 0; trial < solves; trial++) {
        const lemma_design design = lemma_random_design(rng, 4, 10, lemma_log_uniform(rng, 0.05, 2));
        const lemma_problem problem =
            lemma_design_problem(&design, design.classes, trial % 2 ? 0 : lemma_log_uniform(rng, 1e-3, 1));
        lemma_gaussian(rng, 0.5, lemma_size(&problem), x);
        if (!(lemma_minimise(&problem, x) < 1e-14))
            unfinished++;
        else if (lemma_exceeds(&minimisers, bias_size(&problem, x)))
            print_design(minimisers.name, trial, &design);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * solves);
    lemma_report(&identities);
    lemma_report(&minimisers);
    ufm_rng_free(rng);
}

/* At the predicted point: the value relative to itself; gradient, gap and sigma_1 relative to logits and
 * probabilities of order 1, from which they come by subtraction. */
static double prediction_error(const lemma_design *design, const lemma_problem *problem, const double *x)
{
    const lemma_optimum best = lemma_predict(design);
    const int64_t n = lemma_size(problem);
    double gradient[LEMMA_SIZE];
    lemma_gradient(problem, x, gradient);
    const lemma_bound_parts parts = lemma_bound(problem, x);
    const double value = lemma_value(problem, x);
    double error = fabs(value - best.objective) / best.objective;
    error = fmax(error, fabs(value - parts.lower_bound) / (1 + value));
    error = fmax(error, parts.sigma1 - best.mu);
    return fmax(error, ufm_norm(n, gradient) / (1 + ufm_norm(n, x)));
}

/* Distance of the Gram matrices of W and of the features (in that order) from the prediction's. */
static double gram_distance(const lemma_problem *problem, const double *x, const double *expected)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    double gram[2][LEMMA_N * LEMMA_N], largest = 1e-3, error = 0;
    const double *points[2] = {x, expected};
    for (int part = 0; part < 2; part++) {
        const int64_t size = part ? N : K;
        for (int i = 0; i < 2; i++) {
            const ufm_matrix rows =
                part ? ufm_transpose(ufm_view(points[i] + K * d, d, N)) : ufm_view(points[i], K, d);
            ufm_gemm(1, rows, ufm_transpose(rows), 0, ufm_view(gram[i], size, size));
        }
        largest = fmax(largest, ufm_norm(size * size, gram[1]));
        error = fmax(error, ufm_distance(size * size, gram[0], gram[1]) / largest);
    }
    return error;
}

static double dimension_error(const lemma_design *design, ufm_rng *rng)
{
    const double lambda_b = ufm_rng_below(rng, 2) ? 0 : lemma_log_uniform(rng, 1e-6, 1);
    const int64_t dim = design->classes - 1 + ufm_rng_below(rng, 4);
    const lemma_problem problem = lemma_design_problem(design, dim, lambda_b);
    double x[LEMMA_SIZE], y[LEMMA_SIZE];
    lemma_predicted_point(design, rng, &problem, x);
    double error = prediction_error(design, &problem, x);
    /* nothing beats it: near it and far away */
    const double best = lemma_predict(design).objective;
    for (int i = 0; i < 4; i++) {
        lemma_gaussian(rng, lemma_log_uniform(rng, 1e-6, 10), lemma_size(&problem), y);
        if (i < 2) ufm_axpy(lemma_size(&problem), 1, x, y);
        error = fmax(error, 1 - lemma_value(&problem, y) / best);
    }
    return error;
}

void lemma_test_theorem_1(void)
{
    ufm_rng *rng = ufm_rng_new(1000);
    lemma_worst point = {"lemmas/theorem_1 point", 5e-13, 0};
    lemma_worst solved = {"lemmas/theorem_1", 1e-13, 0};
    double x[LEMMA_SIZE], expected[LEMMA_SIZE];
    for (int trial = 0; trial < lemma_trials(1000, 20); trial++) {
        const lemma_design design = lemma_random_design(rng, 6, LEMMA_N, random_ratio(rng));
        if (lemma_exceeds(&point, dimension_error(&design, rng))) print_design(point.name, trial, &design);
    }
    const int solves = lemma_trials(200, 4);
    int unfinished = 0;
    for (int trial = 0; trial < solves; trial++) {
        const double ratio =
            trial % 4 == 0 ? lemma_log_uniform(rng, 1.1, 3) : lemma_log_uniform(rng, 0.02, 0.9);
        const lemma_design design = lemma_random_design(rng, 4, 10, ratio);
        const lemma_problem problem = lemma_design_problem(&design, design.classes, trial % 2 ? 0 : 1e-2);
        lemma_gaussian(rng, 0.5, lemma_size(&problem), x);
        if (!(lemma_minimise(&problem, x) < 1e-14)) {
            unfinished++;
            continue;
        }
        lemma_predicted_point(&design, rng, &problem, expected);
        const double value = fabs(lemma_value(&problem, x) / lemma_predict(&design).objective - 1);
        if (lemma_exceeds(&solved, fmax(value, gram_distance(&problem, x, expected))))
            print_design(solved.name, trial, &design);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * solves);
    lemma_report(&point);
    lemma_report(&solved);
    ufm_rng_free(rng);
}
