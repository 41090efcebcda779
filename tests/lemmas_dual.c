/* Notes 10 and 11: the dual bound and negative curvature. */
#include "lemmas_problem.h"
#include "lemmas_tests.h"
#include <string.h>

/* Moves b towards its minimiser, so that the bound for lambda_b = 0 is finite more often than not. */
static void relax_bias(const lemma_problem *problem, double *x)
{
    const int64_t n = lemma_size(problem), K = problem->classes;
    double gradient[LEMMA_SIZE];
    for (int step = 0; step < 40; step++) {
        lemma_gradient(problem, x, gradient);
        ufm_axpy(K, -2 / ((double)K / 2 + 2 * problem->lambda_b), gradient + n - K, x + n - K);
    }
}

/* Descends a little from y so that f(y) is close to the bound it is compared with. */
static void descend(const lemma_problem *problem, double *y)
{
    const int64_t n = lemma_size(problem);
    double gradient[LEMMA_SIZE], trial[LEMMA_SIZE];
    for (int step = 0; step < 20; step++) {
        const double before = lemma_value(problem, y);
        lemma_gradient(problem, y, gradient);
        for (double t = 8; t > 1e-3; t /= 4) {
            for (int64_t j = 0; j < n; j++) trial[j] = y[j] - t * gradient[j];
            if (lemma_value(problem, trial) >= before) continue;
            memcpy(y, trial, (size_t)n * sizeof *y);
            break;
        }
    }
}

/* Largest violation of bound <= f(y) over points y of many scales, relative to 1 + f(y). */
static double violation(const lemma_problem *problem, ufm_rng *rng, double bound)
{
    double y[LEMMA_SIZE] = {0}, worst = -INFINITY;
    for (int i = 0; i < 5; i++) {
        if (i > 0) lemma_gaussian(rng, lemma_log_uniform(rng, 1e-3, 10), lemma_size(problem), y);
        if (i > 2) descend(problem, y);
        const double value = lemma_value(problem, y);
        worst = fmax(worst, (bound - value) / (1 + fabs(value)));
    }
    return worst;
}

/* f - bound equals its three parts, each of which is >= 0 up to rounding of logits of size |z|. */
static double parts_error(const lemma_problem *problem, const double *x, const lemma_bound_parts *parts)
{
    const double value = lemma_value(problem, x), gap = value - parts->lower_bound;
    const double sum = parts->divergence + parts->nuclear_slack + parts->bias_slack;
    const double unit = 1 + fabs(value) + fabs(parts->lower_bound) +
                        ufm_norm(problem->classes, x + lemma_size(problem) - problem->classes);
    const double least = fmin(parts->divergence, fmin(parts->nuclear_slack, parts->bias_slack));
    return fmax(fabs(gap - sum), -least) / unit;
}

void lemma_test_weak_duality(void)
{
    ufm_rng *rng = ufm_rng_new(10);
    lemma_worst worst = {"lemmas/weak_duality", 3e-14, 0};
    int finite = 0;
    const int trials = lemma_trials(2000, 60);
    for (int trial = 0; trial < trials; trial++) {
        const lemma_problem problem = lemma_random_problem(rng, 6, 14);
        const int64_t n = lemma_size(&problem);
        double x[LEMMA_SIZE];
        lemma_gaussian(rng, sqrt(lemma_log_uniform(rng, 1e-8, 1e4)), n, x);
        if (ufm_rng_below(rng, 2) == 0) descend(&problem, x);
        if (!(problem.lambda_b > 0)) relax_bias(&problem, x);
        const lemma_bound_parts parts = lemma_bound(&problem, x);
        bool failed = isnan(parts.lower_bound);
        if (isfinite(parts.lower_bound)) {
            finite++;
            failed |= lemma_exceeds(&worst, violation(&problem, rng, parts.lower_bound));
            failed |= lemma_exceeds(&worst, parts_error(&problem, x, &parts));
        } else {
            failed |= problem.lambda_b > 0;
        }
        TEST(!failed);
        if (failed) lemma_print(worst.name, trial, &problem);
    }
    test_at_most("trials without a bound", trials - finite, 0.25 * trials);
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* Copies a point of dimension d into dimension d + spare, zeros in the new coordinates. */
static lemma_problem embed(const lemma_problem *problem, int64_t spare, const double *x, double *wide)
{
    lemma_problem wider = *problem;
    wider.dim += spare;
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples, D = wider.dim;
    memset(wide, 0, (size_t)lemma_size(&wider) * sizeof *wide);
    memcpy(wide, x, (size_t)(K * d) * sizeof *x);
    for (int64_t i = 0; i < N; i++) memcpy(wide + K * D + i * D, x + K * d + i * d, (size_t)d * sizeof *x);
    memcpy(wide + D * (K + N), x + d * (K + N), (size_t)K * sizeof *x);
    return wider;
}

/* A minimiser in dimension rho (0 .. K) of a random problem, to be embedded; false when Newton stalled. */
static bool low_rank_minimiser(ufm_rng *rng, lemma_problem *problem, double *x)
{
    *problem = lemma_solvable_problem(rng, 0);
    problem->dim = ufm_rng_below(rng, problem->classes + 1);
    lemma_gaussian(rng, 0.5, lemma_size(problem), x);
    return lemma_minimise(problem, x) < 1e-14;
}

void lemma_test_tightness(void)
{
    ufm_rng *rng = ufm_rng_new(1010);
    lemma_worst worst = {"lemmas/tightness", 1e-13, 0};
    const int trials = lemma_trials(500, 6);
    int unfinished = 0, tight = 0, loose = 0;
    for (int trial = 0; trial < trials; trial++) {
        lemma_problem problem;
        double x[LEMMA_SIZE];
        if (!low_rank_minimiser(rng, &problem, x)) {
            unfinished++;
            continue;
        }
        const double mu = lemma_mu(problem.lambda_w, problem.lambda_h), value = lemma_value(&problem, x);
        const lemma_bound_parts parts = lemma_bound(&problem, x);
        const double gap = (value - parts.lower_bound) / value;
        bool failed = false;
        if (parts.sigma1 <= mu * (1 + 1e-9)) {
            tight++;
            failed = lemma_exceeds(&worst, fabs(gap));
        } else {
            loose++;
            failed = !(gap > 1e-4 * fmin(1, pow(parts.sigma1 / mu - 1, 2)));
        }
        if (problem.dim >= problem.classes - 1) failed |= !(parts.sigma1 <= mu * (1 + 1e-9));
        TEST(!failed);
        if (failed) lemma_print(worst.name, trial, &problem);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * trials);
    TEST(tight > 0 && loose > 0);
    lemma_report(&worst);
    ufm_rng_free(rng);
}

static double escape_curvature(const lemma_problem *problem, double sigma1)
{
    const double sum = problem->lambda_w + problem->lambda_h,
                 difference = problem->lambda_w - problem->lambda_h;
    return sum - sqrt(difference * difference + sigma1 * sigma1);
}

/* The direction (alpha u a^T, -beta a v^T, 0) for a unit a = the last coordinate, which W and H do not use.
 */
static void witness(const lemma_problem *problem, const double *x, const double ab[2], double *direction)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples, r = K < N ? K : N;
    double G[LEMMA_K * LEMMA_N], u[LEMMA_K * LEMMA_K], s[LEMMA_K], vt[LEMMA_K * LEMMA_N];
    lemma_loss_gradient(problem, x, G);
    TEST_OK(ufm_svd(ufm_view(G, K, N), u, s, vt));
    memset(direction, 0, (size_t)lemma_size(problem) * sizeof *direction);
    for (int64_t k = 0; k < K; k++) direction[k + (d - 1) * K] = ab[0] * u[k];
    for (int64_t i = 0; i < N; i++) direction[K * d + d - 1 + i * d] = -ab[1] * vt[i * r];
}

/* At any point with a spare direction: the Hessian form against 2 lw a^2 + 2 lh b^2 - 2 a b sigma_1, and the
 * eigenvalue formula against the dense 2 x 2 problem. */
static double form_error(ufm_rng *rng, const lemma_problem *problem, const double *x)
{
    const int64_t n = lemma_size(problem), K = problem->classes, N = problem->samples;
    const double lw = problem->lambda_w, lh = problem->lambda_h;
    const double ab[2] = {ufm_rng_gaussian(rng), ufm_rng_gaussian(rng)};
    double G[LEMMA_K * LEMMA_N], direction[LEMMA_SIZE], product[LEMMA_SIZE], values[2];
    lemma_loss_gradient(problem, x, G);
    const double sigma1 = lemma_sigma1(K, N, G);
    witness(problem, x, ab, direction);
    lemma_hessian_vector(problem, x, direction, product);
    const double form = 2 * lw * ab[0] * ab[0] + 2 * lh * ab[1] * ab[1] - 2 * ab[0] * ab[1] * sigma1;
    const double size = (lw + lh + sigma1) * (ab[0] * ab[0] + ab[1] * ab[1]);
    double matrix[4] = {2 * lw, -sigma1, -sigma1, 2 * lh};
    TEST_OK(ufm_symmetric_eigen(2, matrix, false, values));
    return fmax(fabs(ufm_dot(n, direction, product) - form) / size,
                fabs(values[0] - escape_curvature(problem, sigma1)) / (lw + lh + sigma1));
}

/* Smallest and largest eigenvalue of the dense Hessian; false when memory is out. */
static bool curvature_range(const lemma_problem *problem, const double *x, double range[2])
{
    const int64_t n = lemma_size(problem);
    double values[LEMMA_HESSIAN];
    double *hessian = ufm_alloc(n * n, sizeof *hessian);
    if (!hessian) return false;
    lemma_hessian(problem, x, hessian);
    TEST_OK(ufm_symmetric_eigen(n, hessian, false, values));
    ufm_free(hessian);
    range[0] = values[0];
    range[1] = values[n - 1];
    return true;
}

/* At an embedded low-rank minimiser the smallest eigenvalue of the whole Hessian is the formula's, or >= 0
 * up to rounding where sigma_1 <= mu. */
static double spectrum_error(const lemma_problem *problem, const double *x)
{
    double G[LEMMA_K * LEMMA_N], range[2];
    if (!curvature_range(problem, x, range)) return NAN;
    lemma_loss_gradient(problem, x, G);
    const double predicted = escape_curvature(problem, lemma_sigma1(problem->classes, problem->samples, G));
    return fabs(fmin(range[0], 0) - fmin(predicted, 0)) / fmax(fabs(range[0]), range[1]);
}

void lemma_test_negative_curvature(void)
{
    ufm_rng *rng = ufm_rng_new(11);
    lemma_worst form = {"lemmas/negative_curvature form", 1e-14, 0};
    lemma_worst spectrum = {"lemmas/negative_curvature", 1e-14, 0};
    double x[LEMMA_SIZE], wide[LEMMA_SIZE];
    for (int trial = 0; trial < lemma_trials(1000, 50); trial++) {
        const lemma_problem problem = lemma_random_problem(rng, 5, 12);
        lemma_gaussian(rng, lemma_log_uniform(rng, 1e-8, 1e2), lemma_size(&problem), x);
        const lemma_problem wider = embed(&problem, 1, x, wide);
        if (lemma_exceeds(&form, form_error(rng, &wider, wide))) lemma_print(form.name, trial, &problem);
    }
    const int solves = lemma_trials(400, 5);
    int unfinished = 0;
    for (int trial = 0; trial < solves; trial++) {
        lemma_problem problem;
        if (!low_rank_minimiser(rng, &problem, x)) {
            unfinished++;
            continue;
        }
        const lemma_problem wider = embed(&problem, 1 + ufm_rng_below(rng, 2), x, wide);
        if (lemma_exceeds(&spectrum, spectrum_error(&wider, wide)))
            lemma_print(spectrum.name, trial, &problem);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * solves);
    lemma_report(&form);
    lemma_report(&spectrum);
    ufm_rng_free(rng);
}

/* The dimension in note 11 cannot be lowered: for d = K-2 descent ends in strict local minima of different
 * value. */
void lemma_test_low_dimension(void)
{
    const lemma_problem problem = {.classes = 3,
                                   .dim = 1,
                                   .samples = 6,
                                   .lambda_w = 5e-3,
                                   .lambda_h = 1e-3,
                                   .lambda_b = 2e-3,
                                   .tags = {3, 4, 4, 4, 2, 7}};
    ufm_rng *rng = ufm_rng_new(1111);
    double low = INFINITY, high = -INFINITY, x[LEMMA_SIZE], range[2];
    for (int trial = 0; trial < lemma_trials(40, 15); trial++) {
        lemma_gaussian(rng, 1, lemma_size(&problem), x);
        if (!(lemma_minimise(&problem, x) < 1e-14) || !curvature_range(&problem, x, range)) continue;
        if (!(range[0] > 1e-5)) continue;
        low = fmin(low, lemma_value(&problem, x));
        high = fmax(high, lemma_value(&problem, x));
    }
    test_close("the better local minimum", low, 0.87468320115289167, 1e-12);
    test_close("the worst local minimum", high, 1.3686993646810028, 1e-12);
    ufm_rng_free(rng);
}
