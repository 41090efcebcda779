/* The convex problem and its max-margin limit: against Newton's method in W and H, closed forms, brute force,
 * and the definitions in plain loops. */
#include "convex/internal.h"
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

static bool is_tag(const ufm_labels *labels, int64_t column, int64_t k)
{
    for (int64_t j = labels->offset[column]; j < labels->offset[column + 1]; j++)
        if (labels->tag[j] == k) return true;
    return false;
}

static ufm_duplicates kept_or_merged(int trial)
{
    return trial % 3 == 0 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP;
}

/* |X D|_* of K x n numbers. */
static double nuclear_norm(const ufm_labels *labels, const double *X)
{
    const int64_t K = labels->classes, n = labels->columns;
    double *copy = calloc((size_t)(K * n), sizeof *copy), *s = calloc((size_t)(K + n), sizeof *s), sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < K; k++)
            copy[k + i * K] = sqrt((double)ufm_labels_count(labels, i)) * X[k + i * K];
    TEST_OK(ufm_svd(ufm_view(copy, K, n), NULL, s, NULL));
    for (int64_t j = 0; j < K && j < n; j++) sum += s[j];
    free(copy);
    free(s);
    return sum;
}

/* ---- The parts ----------------------------------------------------------------------------------- */

static ufm_labels *one_column(ufm_rng *rng, int64_t classes)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    int32_t tags[16];
    int64_t number = 0;
    for (int32_t k = 0; k < classes; k++)
        if (ufm_rng_uniform(rng) < 0.4) tags[number++] = k;
    if (number == 0) tags[number++] = (int32_t)ufm_rng_below(rng, classes);
    TEST_OK(ufm_labels_builder_add(builder, number, tags, 1, NULL));
    TEST_OK(ufm_labels_builder_finish(builder, classes, UFM_DUPLICATES_KEEP, &labels, NULL));
    ufm_labels_builder_free(builder);
    return labels;
}

/* Feasible exactly; <z - p, q - p> <= 0 for feasible q, which only the projection satisfies; and as near as
 * the best level t of a fine scan. */
static void projection(void)
{
    ufm_rng *rng = ufm_rng_new(1);
    double worst = 0, worst_scan = 0;
    for (int trial = 0; trial < (test_fast() ? 100 : 2000); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 9);
        const double size = pow(10, 3 * ufm_rng_uniform(rng) - 1.5);
        ufm_labels *labels = one_column(rng, K);
        double z[16], p[16], q[16], square = 0;
        for (int64_t k = 0; k < K; k++) p[k] = z[k] = size * ufm_rng_gaussian(rng);
        convex_project(labels, 0, p);
        const double t = p[labels->tag[0]];
        for (int64_t k = 0; k < K; k++) TEST(is_tag(labels, 0, k) ? p[k] == t : p[k] <= t - 1);
        for (int64_t k = 0; k < K; k++) square += (z[k] - p[k]) * (z[k] - p[k]);
        for (int other = 0; other < 20; other++) {
            const double level = t + size * ufm_rng_gaussian(rng);
            double product = 0, length = 0;
            for (int64_t k = 0; k < K; k++) {
                q[k] = is_tag(labels, 0, k) ? level : level - 1 - (other % 2) * fabs(ufm_rng_gaussian(rng));
                product += (z[k] - p[k]) * (q[k] - p[k]);
                length += (q[k] - p[k]) * (q[k] - p[k]);
            }
            worst = fmax(worst, product / (sqrt(square * length) + 1));
        }
        double least = INFINITY;
        for (int step = -2000; step <= 2000; step++) {
            const double level = t + (1 + size) * 1e-3 * step;
            double far = 0;
            for (int64_t k = 0; k < K; k++) {
                const double nearest = is_tag(labels, 0, k) ? level : fmin(z[k], level - 1);
                far += (z[k] - nearest) * (z[k] - nearest);
            }
            least = fmin(least, far);
        }
        worst_scan = fmax(worst_scan, (square - least) / (square + 1));
        ufm_labels_free(labels);
    }
    test_worst("variational inequality", worst, 1e-14);
    test_worst("scan", worst_scan, 1e-14);
    ufm_rng_free(rng);
}

/* B = prox(A) iff (A - B)/t is a subgradient of |.|_* at B: spectral norm <= 1 and <A - B, B> = t |B|_*. */
static void thresholding(void)
{
    ufm_rng *rng = ufm_rng_new(2);
    double worst = 0;
    for (int trial = 0; trial < 200; trial++) {
        const int64_t K = 1 + ufm_rng_below(rng, 7), n = 1 + ufm_rng_below(rng, 9);
        const double t = pow(10, 3 * ufm_rng_uniform(rng) - 2);
        double A[63], B[63], nuclear, inner = 0;
        convex_svd work;
        TEST_OK(convex_svd_new(K, n, &work));
        for (int64_t j = 0; j < K * n; j++) A[j] = B[j] = ufm_rng_gaussian(rng);
        TEST_OK(convex_shrink(&work, t, B));
        TEST_OK(convex_nuclear(&work, B, &nuclear));
        for (int64_t j = 0; j < K * n; j++) {
            A[j] -= B[j];
            inner += A[j] * B[j];
        }
        worst = fmax(worst, fabs(inner - t * nuclear) / (1 + nuclear));
        TEST_OK(convex_nuclear(&work, A, &nuclear));
        worst = fmax(worst, work.s[0] - t);
        convex_svd_free(&work);
    }
    test_worst("subgradient", worst, 1e-13);
    ufm_rng_free(rng);
}

/* The loss against the definition in long double, its gradient against differences. */
static void loss(void)
{
    ufm_rng *rng = ufm_rng_new(3);
    double worst = 0, worst_slope = 0;
    for (int trial = 0; trial < 300; trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 8);
        ufm_labels *labels = test_random_labels(rng, K, K, UFM_DUPLICATES_MERGE);
        const ufm_objective o = {trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 1, 1, 1};
        const int64_t column = ufm_rng_below(rng, labels->columns),
                      m = ufm_labels_multiplicity(labels, column);
        double z[16], gradient[16], unused[16];
        long double total = 0, expected = 0;
        for (int64_t k = 0; k < K; k++) z[k] = 10 * ufm_rng_gaussian(rng);
        for (int64_t k = 0; k < K; k++) total += expl(z[k]);
        for (int64_t k = 0; k < K; k++)
            if (is_tag(labels, column, k)) expected += logl(total) - z[k];
        if (o.loss == UFM_LOSS_PAL_N) expected /= (long double)m;
        worst = fmax(worst, fabs((double)(convex_loss(&o, labels, column, z, gradient) - expected)) /
                                fmax(1, (double)expected));
        const double h = 1e-5;
        for (int64_t k = 0; k < K; k++) {
            const double at = z[k];
            z[k] = at + h;
            const double above = convex_loss(&o, labels, column, z, unused);
            z[k] = at - h;
            const double below = convex_loss(&o, labels, column, z, unused);
            z[k] = at;
            worst_slope = fmax(worst_slope, fabs((above - below) / (2 * h) - gradient[k]));
        }
        ufm_labels_free(labels);
    }
    test_worst("value", worst, 1e-14);
    test_worst("gradient", worst_slope, 1e-8);
    ufm_rng_free(rng);
}

/* ---- Proximal gradient --------------------------------------------------------------------------- */

/* Both certified minima of one instance; the sum of their gaps bounds the difference. */
static void compare_routes(const ufm_labels *labels, const ufm_objective *objective, const char *name,
                           double *worst_gap)
{
    ufm_error error = {{0}};
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *newton = NULL, *proximal = NULL;
    settings.objective = *objective;
    settings.threads = 1;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    settings.minimize.tolerance = 1e-13;
    ufm_status status = ufm_solve(labels, &settings, &newton, &error);
    settings.minimize.tolerance = ufm_proximal_defaults().tolerance;
    if (status == UFM_OK) status = ufm_solve_proximal(labels, &settings, &proximal, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s: %s\n", name, error.text);
    TEST(status == UFM_OK);
    if (status == UFM_OK) {
        const ufm_certificate *p = &proximal->certificate, *n = &newton->certificate;
        const double difference = fabs(p->objective - n->objective), rounding = 2e-15 * fabs(n->objective);
        const double relative = p->gap / fabs(p->objective);
        if (!(difference <= fmax(0, p->gap) + fmax(0, n->gap) + rounding) || !(relative <= 1e-9))
            fprintf(stderr, "  %s: proximal %.17g (gap %.2g), newton %.17g (gap %.2g)\n", name, p->objective,
                    p->gap, n->objective, n->gap);
        TEST(difference <= fmax(0, p->gap) + fmax(0, n->gap) + rounding);
        TEST(relative <= 1e-9 && n->gap <= 1e-9 * fabs(n->objective));
        test_close("value of the solver", proximal->info.value, p->objective, 1e-12);
        test_close("objective by loops", p->objective, test_objective(labels, objective, &proximal->point),
                   1e-13);
        *worst_gap = fmax(*worst_gap, relative);
    }
    ufm_solution_free(newton);
    ufm_solution_free(proximal);
}

static void proximal_against_newton(void)
{
    ufm_rng *rng = ufm_rng_new(4);
    double worst = 0;
    int collapsed = 0;
    for (int trial = 0; trial < (test_fast() ? 12 : 160); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 7);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 9), kept_or_merged(trial));
        ufm_objective o = {trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 1, 1,
                           trial % 4 < 2 ? 0 : pow(10, -4 * ufm_rng_uniform(rng))};
        double mu_max;
        char name[160];
        TEST_OK(ufm_collapse_threshold(labels, &o, &mu_max, NULL, NULL));
        const double ratio = pow(10, 3.3 * ufm_rng_uniform(rng) - 3),
                     balance = pow(10, 2 * ufm_rng_uniform(rng) - 1);
        o.lambda_w = ratio * mu_max / 2 * balance;
        o.lambda_h = ratio * mu_max / 2 / balance;
        collapsed += ratio > 1;
        snprintf(name, sizeof name, "seed 4, trial %d (K = %lld, %s, mu/mu_max = %.4g, lambda_b = %.3g)",
                 trial, (long long)K, ufm_loss_name(o.loss), ratio, o.lambda_b);
        compare_routes(labels, &o, name, &worst);
        ufm_labels_free(labels);
    }
    TEST(test_fast() || collapsed > 0);
    test_worst("gap of the proximal solver", worst, 1e-9);
    ufm_rng_free(rng);
}

static void proximal_real_labels(void)
{
    static const char *const files[][2] = {
        {"emotions", "emotions"}, {"scene-train", "scene"}, {"yeast", "yeast"}};
    if (!test_data() || test_fast()) return;
    double worst = 0;
    for (int f = 0; f < 3; f++) {
        char arff[512], xml[512];
        ufm_labels *labels = NULL;
        ufm_error error = {{0}};
        snprintf(arff, sizeof arff, "%s/mulan/%s.arff", test_data(), files[f][0]);
        snprintf(xml, sizeof xml, "%s/mulan/%s.xml", test_data(), files[f][1]);
        const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE, .label_xml = xml};
        if (ufm_labels_read(arff, &settings, &labels, &error) != UFM_OK) {
            fprintf(stderr, "  skipped: %s\n", error.text);
            continue;
        }
        for (int free_bias = 0; free_bias < 2; free_bias++) {
            const ufm_objective o = {UFM_LOSS_PAL, 5e-4, 1e-4, free_bias ? 0 : 1e-3};
            compare_routes(labels, &o, files[f][0], &worst);
        }
        ufm_labels_free(labels);
    }
    test_worst("gap of the proximal solver", worst, 1e-9);
}

/* W H = X, balanced, and the regulariser is mu |X D|_*. */
static void factorisation(void)
{
    ufm_rng *rng = ufm_rng_new(5);
    double worst = 0;
    for (int trial = 0; trial < 50; trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 6), rank = 1 + ufm_rng_below(rng, K);
        ufm_labels *labels = test_random_labels(rng, K, K + 3, kept_or_merged(trial));
        const int64_t n = labels->columns;
        const ufm_objective o = {UFM_LOSS_PAL, pow(10, -4 * ufm_rng_uniform(rng)), 1e-3, 0};
        double left[64], *right = calloc((size_t)(K * n), sizeof *right),
                         *X = calloc((size_t)(K * n), sizeof *X);
        double W[64], *H = calloc((size_t)(K * n), sizeof *H);
        for (int64_t j = 0; j < K * rank; j++) left[j] = ufm_rng_gaussian(rng);
        for (int64_t j = 0; j < rank * n; j++) right[j] = ufm_rng_gaussian(rng);
        ufm_gemm(1, ufm_view(left, K, rank), ufm_view(right, rank, n), 0, ufm_view(X, K, n));
        TEST_OK(ufm_convex_factor(labels, &o, X, (ufm_factors){rank, W, H}, NULL));
        double regulariser = o.lambda_w * ufm_dot(K * rank, W, W);
        for (int64_t i = 0; i < n; i++)
            regulariser +=
                o.lambda_h * (double)ufm_labels_count(labels, i) * ufm_dot(rank, H + i * rank, H + i * rank);
        const double nuclear = ufm_objective_mu(&o) * nuclear_norm(labels, X);
        worst = fmax(worst, fabs(regulariser / nuclear - 1));
        ufm_gemm(1, ufm_view(W, K, rank), ufm_view(H, rank, n), -1, ufm_view(X, K, n));
        worst = fmax(worst, ufm_norm(K * n, X));
        if (rank > 1 && K <= n) {
            ufm_gemm(1, ufm_view(left, K, rank), ufm_view(right, rank, n), 0, ufm_view(X, K, n));
            TEST(ufm_convex_factor(labels, &o, X, (ufm_factors){rank - 1, W, H}, NULL) ==
                 UFM_ERROR_UNSUPPORTED);
        }
        free(right);
        free(X);
        free(H);
        ufm_labels_free(labels);
    }
    test_worst("factors", worst, 1e-12);
    ufm_rng_free(rng);
}

/* ---- Max-margin ---------------------------------------------------------------------------------- */

typedef struct {
    ufm_margin_point point;
    ufm_margin_info info;
} margin_solution;

static margin_solution solve_margin(const ufm_labels *labels, bool free_bias)
{
    const ufm_convex_settings settings = ufm_margin_defaults();
    const size_t numbers = (size_t)(labels->classes * labels->columns);
    margin_solution s = {{calloc(numbers, sizeof(double)), calloc((size_t)labels->classes, sizeof(double)),
                          calloc(numbers, sizeof(double))},
                         {.value = NAN}};
    ufm_error error = {{0}};
    const ufm_status status = ufm_max_margin(labels, free_bias, &settings, s.point, &s.info, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    TEST(status == UFM_OK);
    return s;
}

static void release(margin_solution *s)
{
    free(s->point.X);
    free(s->point.b);
    free(s->point.L);
}

/* L meets every constraint of the dual problem and has the stated objective. */
static void check_dual(const ufm_labels *labels, bool free_bias, const double *L, double bound)
{
    const int64_t K = labels->classes, n = labels->columns;
    double *scaled = calloc((size_t)(K * n), sizeof *scaled), rows[16] = {0}, worst = 0, objective = 0,
           nuclear;
    convex_svd work;
    TEST_OK(convex_svd_new(K, n, &work));
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < K; k++) {
            const double entry = L[k + i * K];
            sum += entry;
            rows[k] += entry;
            scaled[k + i * K] = entry / sqrt((double)ufm_labels_count(labels, i));
            if (is_tag(labels, i, k)) continue;
            TEST(entry <= 0);
            objective += fabs(entry);
        }
        worst = fmax(worst, fabs(sum));
    }
    for (int64_t k = 0; free_bias && k < K; k++) worst = fmax(worst, fabs(rows[k]));
    TEST_OK(convex_nuclear(&work, scaled, &nuclear));
    /* where every entry off the tag sets was positive nothing is left */
    worst = fmax(worst, bound > 0 ? fabs(work.s[0] - 1) : work.s[0]);
    test_at_most("dual constraints", worst, 1e-12 * fmax(1, objective));
    test_close("dual objective", bound, objective, 1e-13);
    free(scaled);
    convex_svd_free(&work);
}

/* Feasible, of the stated value, with a bound that closes. */
static void check_margin(const ufm_labels *labels, bool free_bias, const margin_solution *s)
{
    const int64_t K = labels->classes;
    const double *X = s->point.X, *b = s->point.b;
    double slack = INFINITY, spread = 0;
    for (int64_t i = 0; i < labels->columns; i++)
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            for (int64_t k = 0; k < K; k++) {
                const int64_t tag = labels->tag[j];
                const double margin = X[tag + i * K] + b[tag] - X[k + i * K] - b[k];
                if (is_tag(labels, i, k))
                    spread = fmax(spread, fabs(margin));
                else
                    slack = fmin(slack, margin - 1);
            }
    test_at_most("spread on the tag sets", spread, 1e-12);
    test_at_most("violation of a margin", -slack, 1e-12);
    test_close("value", s->info.value, nuclear_norm(labels, X), 1e-13);
    check_dual(labels, free_bias, s->point.L, s->info.lower_bound);
    test_at_most("duality gap", s->info.value - s->info.lower_bound, 1.1e-9 * s->info.value);
    TEST(s->info.stop == UFM_CONVEX_CONVERGED && s->info.lower_bound <= s->info.value * (1 + 1e-13));
}

/* Balanced designs: Z = Y - (m/K) J and |Z D|_* = (K-1) sqrt(sum_{m<K} kappa_m), with a free bias too. */
static void margin_balanced(void)
{
    static const struct {
        int64_t classes;
        const char *samples;
        double kappa; /* sum of n_m C(K-2, m-1) */
    } designs[] = {{4, "1:3,2:2", 3 + 2 * 2},     {3, "1:5", 5},     {6, "1:10,2:3,3:1", 10 + 3 * 4 + 6},
                   {5, "2:7,4:2,5:3", 7 * 3 + 2}, {2, "1:4,2:1", 4}, {10, "1:3100,2:200", 3100 + 200 * 8}};
    for (size_t d = 0; d < sizeof designs / sizeof *designs; d++)
        for (int free_bias = 0; free_bias < 2; free_bias++) {
            const int64_t K = designs[d].classes;
            ufm_labels *labels = test_design(K, designs[d].samples, UFM_DUPLICATES_MERGE);
            margin_solution s = solve_margin(labels, free_bias);
            check_margin(labels, free_bias, &s);
            test_close("closed form", s.info.value, (double)(K - 1) * sqrt(designs[d].kappa), 1e-9);
            double worst = 0;
            for (int64_t i = 0; i < labels->columns; i++)
                for (int64_t k = 0; k < K; k++) {
                    const double m = (double)ufm_labels_multiplicity(labels, i);
                    worst = fmax(worst, fabs(s.point.X[k + i * K] - (is_tag(labels, i, k) - m / (double)K)));
                }
            test_at_most("Z = Y - (m/K) J", worst, 1e-7);
            release(&s);
            ufm_labels_free(labels);
        }
}

static ufm_labels *two_classes(int64_t first, int64_t second)
{
    static const int32_t tags[2] = {0, 1};
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    TEST_OK(ufm_labels_builder_add(builder, 1, tags, first, NULL));
    TEST_OK(ufm_labels_builder_add(builder, 1, tags + 1, second, NULL));
    TEST_OK(ufm_labels_builder_finish(builder, 2, UFM_DUPLICATES_MERGE, &labels, NULL));
    ufm_labels_builder_free(builder);
    return labels;
}

/* K = 2: X has rank 1 with margins +-1 (less their mean, which the bias takes): |X D|_* = sqrt(N/2), or
 * sqrt(2 c_1 c_2/N) with a free bias. */
static void margin_two_classes(void)
{
    static const int64_t counts[][2] = {{1, 1}, {3, 1}, {1000, 1}, {17, 40}};
    for (int c = 0; c < 4; c++) {
        const double first = (double)counts[c][0], second = (double)counts[c][1], N = first + second;
        ufm_labels *labels = two_classes(counts[c][0], counts[c][1]);
        for (int free_bias = 0; free_bias < 2; free_bias++) {
            margin_solution s = solve_margin(labels, free_bias);
            check_margin(labels, free_bias, &s);
            test_close("closed form", s.info.value, sqrt(free_bias ? 2 * first * second / N : N / 2), 1e-9);
            if (free_bias) test_close("bias", s.point.b[0] - s.point.b[1], (first - second) / N, 1e-6);
            release(&s);
        }
        ufm_labels_free(labels);
    }
}

/* The norm as a function of how far the margins exceed 1 (and of the bias): K n + K numbers, of which the
 * entries on tag sets are not used. */
static double exceeding(const ufm_labels *labels, bool free_bias, const double *excess, double *X)
{
    const int64_t K = labels->classes, n = labels->columns;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < K; k++)
            X[k + i * K] = (is_tag(labels, i, k) ? 0 : -1 - fabs(excess[k + i * K])) -
                           (free_bias ? excess[K * n + k] : 0);
    for (int64_t i = 0; i < n; i++) {
        double mean = 0;
        for (int64_t k = 0; k < K; k++) mean += X[k + i * K] / (double)K;
        for (int64_t k = 0; k < K; k++) X[k + i * K] -= mean;
    }
    return nuclear_norm(labels, X);
}

/* A (1+1) evolution strategy from margin 1 everywhere. */
static double brute_force(ufm_rng *rng, const ufm_labels *labels, bool free_bias, int steps)
{
    const int64_t numbers = labels->classes * (labels->columns + 1);
    double *best = calloc((size_t)numbers, sizeof *best), *trial = calloc((size_t)numbers, sizeof *trial);
    double *X = calloc((size_t)numbers, sizeof *X), size = 0.1;
    double value = exceeding(labels, free_bias, best, X);
    for (int step = 0; step < steps; step++) {
        for (int64_t j = 0; j < numbers; j++) {
            const bool moves = ufm_rng_uniform(rng) < 0.5;
            trial[j] = best[j] + (moves ? size * ufm_rng_gaussian(rng) : 0);
            if (j < numbers - labels->classes && trial[j] < 0) trial[j] = 0;
        }
        const double now = exceeding(labels, free_bias, trial, X);
        size *= now < value ? 1.5 : 0.92;
        if (size < 1e-7) size = 0.1;
        if (now < value) {
            value = now;
            memcpy(best, trial, (size_t)numbers * sizeof *best);
        }
    }
    free(best);
    free(trial);
    free(X);
    return value;
}

static void margin_brute_force(void)
{
    ufm_rng *rng = ufm_rng_new(6);
    double worst = 0;
    for (int trial = 0; trial < (test_fast() ? 2 : 10); trial++) {
        ufm_labels *labels = test_random_labels(rng, 3, 3 + ufm_rng_below(rng, 2), UFM_DUPLICATES_MERGE);
        const bool free_bias = trial % 2;
        margin_solution s = solve_margin(labels, free_bias);
        check_margin(labels, free_bias, &s);
        const double searched = brute_force(rng, labels, free_bias, 20000);
        TEST(s.info.lower_bound <= searched * (1 + 1e-13));
        worst = fmax(worst, searched / s.info.value - 1);
        release(&s);
        ufm_labels_free(labels);
    }
    test_worst("search above the optimum", worst, 2e-3);
    ufm_rng_free(rng);
}

/* Random labels, heavily imbalanced: the gap closes, and moving from the solution to random feasible points
 * never helps. */
static void margin_unbalanced(void)
{
    ufm_rng *rng = ufm_rng_new(7);
    for (int trial = 0; trial < (test_fast() ? 6 : 60); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 7);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 9), UFM_DUPLICATES_MERGE);
        const int64_t n = labels->columns, numbers = K * (n + 1);
        for (int64_t i = 0; i < n; i++) {
            labels->samples -= labels->count[i];
            labels->count[i] = 1 + (int64_t)pow(10, 3 * ufm_rng_uniform(rng));
            labels->samples += labels->count[i];
        }
        const bool free_bias = trial % 2;
        margin_solution s = solve_margin(labels, free_bias);
        check_margin(labels, free_bias, &s);
        double *excess = calloc((size_t)numbers, sizeof *excess), *X = calloc((size_t)numbers, sizeof *X);
        for (int other = 0; other < 20; other++) {
            for (int64_t j = 0; j < numbers; j++)
                excess[j] = (other % 4) * 0.2 * ufm_rng_gaussian(rng) * (ufm_rng_uniform(rng) < 0.3);
            TEST(s.info.lower_bound <= exceeding(labels, free_bias, excess, X) * (1 + 1e-13));
        }
        free(excess);
        free(X);
        release(&s);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

/* From any matrix, a dual point that meets every constraint, and its objective. */
static void dual_repair(void)
{
    ufm_rng *rng = ufm_rng_new(8);
    for (int trial = 0; trial < 100; trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 6);
        const bool free_bias = trial % 2;
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 6), kept_or_merged(trial));
        const int64_t n = labels->columns;
        double *L = calloc((size_t)(K * n), sizeof *L), *roots = calloc((size_t)n, sizeof *roots), bound;
        convex_svd work;
        TEST_OK(convex_svd_new(K, n, &work));
        for (int64_t i = 0; i < n; i++) roots[i] = sqrt((double)ufm_labels_count(labels, i));
        for (int64_t j = 0; j < K * n; j++) L[j] = ufm_rng_gaussian(rng);
        TEST_OK(convex_dual_bound(labels, free_bias, roots, &work, L, &bound));
        check_dual(labels, free_bias, L, bound);
        free(L);
        free(roots);
        convex_svd_free(&work);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

static void directions(void)
{
    ufm_rng *rng = ufm_rng_new(9);
    ufm_labels *labels = test_random_labels(rng, 3, 4, UFM_DUPLICATES_MERGE);
    const int64_t n = labels->columns;
    double X[64], Y[64], zero[64] = {0};
    for (int64_t j = 0; j < 3 * n; j++) {
        X[j] = ufm_rng_gaussian(rng);
        Y[j] = 7 * X[j];
    }
    test_at_most("same direction", ufm_direction_distance(labels, X, Y), 1e-15);
    for (int64_t j = 0; j < 3 * n; j++) Y[j] = -X[j];
    test_close("opposite", ufm_direction_distance(labels, X, Y), 2, 1e-15);
    TEST(isnan(ufm_direction_distance(labels, X, zero)));
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

/* ---- Errors -------------------------------------------------------------------------------------- */

static bool stop_at_once(void *context, const ufm_convex_progress *progress)
{
    (void)context;
    (void)progress;
    return false;
}

static void refusals(void)
{
    ufm_rng *rng = ufm_rng_new(10);
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE),
               *full = test_design(3, "3:2", UFM_DUPLICATES_KEEP);
    ufm_labels *absent = two_classes(3, 2);
    double X[64] = {0}, b[8] = {0}, L[64];
    const ufm_logits logits = {X, b};
    const ufm_margin_point point = {X, b, L};
    ufm_error error;
    ufm_proximal_info info;
    ufm_margin_info margin;
    ufm_convex_settings settings = ufm_proximal_defaults();
    ufm_objective o = {UFM_LOSS_PAL, 1e-3, 1e-3, 1e-3};
    settings.observe = stop_at_once;
    TEST_OK(ufm_proximal(labels, &o, &settings, logits, &info, &error));
    TEST(info.stop == UFM_CONVEX_INTERRUPTED);
    TEST_OK(ufm_max_margin(labels, false, &settings, point, &margin, &error));
    TEST(margin.stop == UFM_CONVEX_INTERRUPTED || margin.stop == UFM_CONVEX_CONVERGED);
    TEST(ufm_max_margin(full, false, &settings, point, &margin, &error) == UFM_ERROR_USAGE);
    absent->classes = 3;
    TEST(ufm_max_margin(absent, true, &settings, point, &margin, &error) == UFM_ERROR_USAGE);
    o.lambda_b = 0;
    TEST(ufm_proximal(absent, &o, &settings, logits, &info, &error) == UFM_ERROR_USAGE &&
         strstr(error.text, "class 2"));
    o.lambda_w = NAN;
    TEST(ufm_proximal(labels, &o, &settings, logits, &info, &error) == UFM_ERROR_USAGE);
    o.lambda_w = 1e-3;
    settings.tolerance = NAN;
    TEST(ufm_proximal(labels, &o, &settings, logits, &info, &error) == UFM_ERROR_USAGE);
    TEST(ufm_max_margin(labels, false, &settings, point, &margin, &error) == UFM_ERROR_USAGE);
    settings = ufm_proximal_defaults();
    settings.max_iterations = 1;
    TEST_OK(ufm_proximal(labels, &o, &settings, logits, &info, &error));
    TEST(info.stop == UFM_CONVEX_ITERATIONS && info.iterations == 1);
    ufm_labels_free(labels);
    ufm_labels_free(full);
    ufm_labels_free(absent);
    ufm_rng_free(rng);
}

static ufm_status everything(const ufm_labels *labels)
{
    const ufm_solve_settings settings = ufm_solve_defaults();
    const ufm_convex_settings margin = ufm_margin_defaults();
    ufm_solution *solution = NULL;
    ufm_margin_info info;
    double X[64], b[8], L[64];
    ufm_status status = ufm_solve_proximal(labels, &settings, &solution, NULL);
    if (status == UFM_OK) ufm_solution_free(solution);
    if (status == UFM_OK)
        status = ufm_max_margin(labels, true, &margin, (ufm_margin_point){X, b, L}, &info, NULL);
    return status;
}

static void no_leak_without_memory(void)
{
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    const int64_t live = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 1000; budget++) {
        ufm_memory_fail_after(budget);
        status = everything(labels);
        ufm_memory_fail_after(-1);
        TEST(ufm_memory_live_blocks() == live);
    }
    TEST(status == UFM_OK);
    ufm_labels_free(labels);
}

static void command_line(void)
{
    char out[8192], err[sizeof out];
    TEST(test_program("solve --classes 6 --samples 1:10,2:3 --solver proximal --tolerance 1e-13 --json", out,
                      err, sizeof out) == 0);
    TEST(strstr(out, "\"solver\":\"proximal\"") || strstr(out, "\"solver\": \"proximal\""));
    TEST(strstr(out, "\"verdict\":\"global\"") || strstr(out, "\"verdict\": \"global\""));
    TEST(test_program("solve --classes 6 --samples 1:10,2:3 --solver proximal --dim 2", out, err,
                      sizeof out) == 2);
    TEST(strstr(err, "rank 5") != NULL);
    TEST(test_program("solve --classes 6 --samples 1:10,2:3 --solver approximal", out, err, sizeof out) == 2);
    TEST(strstr(err, "gsl-bfgs2, proximal") != NULL);
}

static const test_case cases[] = {{"projection", projection},
                                  {"thresholding", thresholding},
                                  {"loss", loss},
                                  {"proximal_against_newton", proximal_against_newton},
                                  {"proximal_real_labels", proximal_real_labels},
                                  {"factorisation", factorisation},
                                  {"margin_balanced", margin_balanced},
                                  {"margin_two_classes", margin_two_classes},
                                  {"margin_brute_force", margin_brute_force},
                                  {"margin_unbalanced", margin_unbalanced},
                                  {"dual_repair", dual_repair},
                                  {"directions", directions},
                                  {"refusals", refusals},
                                  {"no_leak_without_memory", no_leak_without_memory},
                                  {"command_line", command_line},
                                  {NULL, NULL}};
const test_suite suite_convex = {"convex", cases};
