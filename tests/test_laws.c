/* Tag-wise laws: known coefficients recovered, residuals against normal equations and plain loops, the exact
 * law at optima, verdicts, invariances, and the command. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ufmlab/geometry.h>
#include <ufmlab/linalg.h>

static ufm_tag_laws *laws_of(const ufm_point *point, const ufm_labels *labels,
                             const ufm_geometry_settings *settings)
{
    ufm_tag_laws *laws = NULL;
    ufm_error error = {{0}};
    const ufm_status status = ufm_tag_laws_compute(point, labels, settings, &laws, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return laws;
}

/* ---- Points made by hand -------------------------------------------------------------------------- */

enum { MOST_CLASSES = 7, MOST_DIM = 12, MOST_SETS = 80 };

typedef struct {
    ufm_labels *labels;
    ufm_point point;
    int64_t K, d;
    double W[MOST_CLASSES * MOST_DIM], H[MOST_DIM * MOST_SETS], b[MOST_CLASSES];
} hand_made;

/* Every class alone first, in order, with 1 to 9 samples; then random tag sets. Everything Gaussian. */
static void hand_make(hand_made *made, ufm_rng *rng)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    made->K = 3 + ufm_rng_below(rng, 5);
    made->d = made->K + ufm_rng_below(rng, 5);
    for (int32_t k = 0; k < made->K; k++)
        TEST_OK(ufm_labels_builder_add(builder, 1, &k, 1 + ufm_rng_below(rng, 9), NULL));
    for (int i = 0; i < 40; i++) {
        int32_t tags[MOST_CLASSES];
        int64_t m = 0;
        for (int32_t k = 0; k < made->K; k++)
            if (ufm_rng_below(rng, 2) == 0) tags[m++] = k;
        if (m >= 2) TEST_OK(ufm_labels_builder_add(builder, m, tags, 1 + ufm_rng_below(rng, 9), NULL));
    }
    TEST_OK(ufm_labels_builder_finish(builder, made->K, UFM_DUPLICATES_MERGE, &made->labels, NULL));
    ufm_labels_builder_free(builder);
    for (int i = 0; i < MOST_CLASSES * MOST_DIM; i++) made->W[i] = ufm_rng_gaussian(rng);
    for (int i = 0; i < MOST_DIM * MOST_SETS; i++) made->H[i] = ufm_rng_gaussian(rng);
    for (int i = 0; i < MOST_CLASSES; i++) made->b[i] = ufm_rng_gaussian(rng);
    made->point = (ufm_point){made->K, made->d, made->labels->columns, made->W, made->H, made->b};
}

static const double *regressor(const hand_made *made, int basis, int64_t k, double x[MOST_DIM])
{
    if (basis == UFM_ON_MEANS) return made->H + k * made->d;
    for (int64_t j = 0; j < made->d; j++) x[j] = made->W[k + j * made->K];
    return x;
}

static void frequencies(const ufm_labels *labels, bool singles, double n[MOST_CLASSES])
{
    for (int64_t k = 0; k < labels->classes; k++) n[k] = 0;
    for (int64_t s = 0; s < labels->columns; s++)
        for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++)
            if (!singles || ufm_labels_multiplicity(labels, s) == 1)
                n[labels->tag[t]] += (double)labels->count[s];
}

/* sum_{k in S} a_k x_k with a_k = m n_k^alpha / sum n^alpha. */
static void weighted_sum(const hand_made *made, int basis, int64_t s, double alpha, const double *n,
                         double *u)
{
    const ufm_labels *labels = made->labels;
    double sum = 0, x[MOST_DIM];
    for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++) sum += pow(n[labels->tag[t]], alpha);
    for (int64_t j = 0; j < made->d; j++) u[j] = 0;
    for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++) {
        const double *of = regressor(made, basis, labels->tag[t], x);
        const double a = (double)ufm_labels_multiplicity(labels, s) * pow(n[labels->tag[t]], alpha) / sum;
        for (int64_t j = 0; j < made->d; j++) u[j] += a * of[j];
    }
}

/* Features that obey a law with known exponent and scales 1/m: all must be found again. */
static void known_weights(void)
{
    ufm_rng *rng = ufm_rng_new(201);
    double worst = 0, exponent = 0;
    for (int trial = 0; trial < 60; trial++) {
        static hand_made made;
        double n[MOST_CLASSES];
        hand_make(&made, rng);
        const int basis = trial % 2;
        const bool singles = trial % 4 >= 2;
        const double alpha = trial % 3 == 0 ? 0 : 4 * ufm_rng_uniform(rng) - 2;
        frequencies(made.labels, singles, n);
        for (int64_t s = 0; s < made.labels->columns; s++) {
            const int64_t m = ufm_labels_multiplicity(made.labels, s);
            if (m < 2) continue;
            double *h = made.H + s * made.d;
            weighted_sum(&made, basis, s, alpha, n, h);
            for (int64_t j = 0; j < made.d; j++) h[j] /= (double)m;
        }
        const ufm_geometry_settings settings = ufm_geometry_defaults();
        ufm_tag_laws *laws = laws_of(&made.point, made.labels, &settings);
        const ufm_law law = trial % 3 == 0 ? UFM_LAW_UNIFORM
                            : singles      ? UFM_LAW_SINGLES_POWER
                                           : UFM_LAW_POWER;
        const ufm_law_fit *fit = &laws->fit[basis][law];
        /* where all frequencies agree no exponent can be found, and none is needed */
        if (!isnan(fit->alpha)) exponent = fmax(exponent, fabs(fit->alpha - alpha));
        if (!(fit->worst <= 1e-6))
            fprintf(stderr, "  trial %d: alpha %g, found %g\n", trial, alpha, fit->alpha);
        worst = fmax(worst, fit->worst);
        TEST(fit->worst <= 1e-6);
        for (int64_t l = 0; l < laws->levels; l++)
            if (laws->multiplicity[l] >= 2)
                test_close("scale", fit->scale[l], 1 / (double)laws->multiplicity[l], 1e-6);
        if (law == UFM_LAW_UNIFORM) test_at_most("uniform law", fit->residual, 1e-14);
        TEST(laws->best_basis == basis);
        ufm_tag_laws_free(laws);
        ufm_labels_free(made.labels);
    }
    test_worst("known_weights, exponent", exponent, 2e-6);
    test_worst("known_weights, residual", worst, 1e-6);
    ufm_rng_free(rng);
}

/* Residual of the least-squares fit of h by some columns, by the normal equations; coefficients into `c`. */
static double normal_equations(int64_t d, int64_t m, const double *columns, const double *h, double *c)
{
    double A[MOST_CLASSES * MOST_CLASSES], square = 0;
    for (int64_t i = 0; i < m; i++) {
        c[i] = 0;
        for (int64_t j = 0; j < d; j++) c[i] += columns[j + i * d] * h[j];
        for (int64_t l = 0; l < m; l++) {
            A[i + l * m] = 0;
            for (int64_t j = 0; j < d; j++) A[i + l * m] += columns[j + i * d] * columns[j + l * d];
        }
    }
    TEST_OK(ufm_solve_spd(m, A, c));
    for (int64_t j = 0; j < d; j++) {
        double rest = h[j];
        for (int64_t i = 0; i < m; i++) rest -= c[i] * columns[j + i * d];
        square += rest * rest;
    }
    return sqrt(square);
}

static double size_of(int64_t d, const double *h)
{
    double square = 0;
    for (int64_t j = 0; j < d; j++) square += h[j] * h[j];
    return sqrt(square);
}

/* The two laws with free coefficients on Gaussian features. */
static void free_coefficients(void)
{
    ufm_rng *rng = ufm_rng_new(202);
    double worst = 0;
    for (int trial = 0; trial < 40; trial++) {
        static hand_made made;
        hand_make(&made, rng);
        const ufm_geometry_settings settings = ufm_geometry_defaults();
        ufm_tag_laws *laws = laws_of(&made.point, made.labels, &settings);
        for (int basis = 0; basis < UFM_BASES; basis++) {
            double above[2] = {0}, below = 0;
            for (int64_t s = 0; s < made.labels->columns; s++) {
                const int64_t m = ufm_labels_multiplicity(made.labels, s), begin = made.labels->offset[s];
                const double *h = made.H + s * made.d, size = size_of(made.d, h);
                double own[MOST_CLASSES * MOST_DIM], all[MOST_CLASSES * MOST_DIM], x[MOST_DIM];
                double c[MOST_CLASSES], unused[MOST_CLASSES];
                if (m == 1 && basis == UFM_ON_MEANS) {
                    TEST(isnan(laws->fit[basis][UFM_LAW_FREE].tag_set[s]));
                    continue;
                }
                for (int64_t t = 0; t < m; t++)
                    memcpy(own + t * made.d, regressor(&made, basis, made.labels->tag[begin + t], x),
                           (size_t)made.d * sizeof *x);
                for (int64_t k = 0; k < made.K; k++)
                    memcpy(all + k * made.d, regressor(&made, basis, k, x), (size_t)made.d * sizeof *x);
                const double few = normal_equations(made.d, m, own, h, c);
                const double many = normal_equations(made.d, made.K, all, h, unused);
                worst = fmax(worst, fabs(laws->fit[basis][UFM_LAW_FREE].tag_set[s] - few / size));
                worst = fmax(worst, fabs(laws->fit[basis][UFM_LAW_ALL].tag_set[s] - many / size));
                for (int64_t t = 0; t < m; t++)
                    worst =
                        fmax(worst, fabs(laws->coefficient[basis][begin + t] - c[t]) / fmax(1, fabs(c[t])));
                if (m == 1) continue;
                above[0] += (double)made.labels->count[s] * few * few;
                above[1] += (double)made.labels->count[s] * many * many;
                below += (double)made.labels->count[s] * size * size;
            }
            worst = fmax(worst, fabs(laws->fit[basis][UFM_LAW_FREE].residual - sqrt(above[0] / below)));
            worst = fmax(worst, fabs(laws->fit[basis][UFM_LAW_ALL].residual - sqrt(above[1] / below)));
            TEST(laws->fit[basis][UFM_LAW_FREE].tag_sets == made.labels->columns - made.K);
        }
        ufm_tag_laws_free(laws);
        ufm_labels_free(made.labels);
    }
    test_worst("free_coefficients", worst, 1e-8); /* normal equations square the condition */
    ufm_rng_free(rng);
}

/* Plain-loop residuals of a law with one scale per multiplicity. */
static double plain_residual(const hand_made *made, int basis, double alpha, const double *n,
                             const ufm_law_fit *fit, const ufm_tag_laws *laws)
{
    double error = 0, total = 0, worst = 0, u[MOST_DIM];
    for (int64_t l = 0; l < laws->levels; l++) {
        double above = 0, below = 0, left = 0, size = 0;
        if (laws->multiplicity[l] < 2) continue;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t s = 0; s < made->labels->columns; s++) {
                const double *h = made->H + s * made->d, count = (double)made->labels->count[s];
                if (ufm_labels_multiplicity(made->labels, s) != laws->multiplicity[l]) continue;
                weighted_sum(made, basis, s, alpha, n, u);
                for (int64_t j = 0; j < made->d; j++) {
                    const double rest = h[j] - above / below * u[j];
                    if (pass == 0) {
                        above += count * h[j] * u[j];
                        below += count * u[j] * u[j];
                    } else {
                        left += count * rest * rest;
                        size += count * h[j] * h[j];
                    }
                }
            }
        worst = fmax(worst, fabs(fit->scale[l] - above / below));
        worst = fmax(worst, fabs(fit->level[l] - sqrt(left / size)));
        error += left;
        total += size;
    }
    return fmax(worst, fabs(fit->residual - sqrt(error / total)));
}

static void weighted_laws(void)
{
    static const double exponents[] = {0, -1, -0.5, 0.5, 1};
    ufm_rng *rng = ufm_rng_new(203);
    double worst = 0;
    for (int trial = 0; trial < 40; trial++) {
        static hand_made made;
        double n[MOST_CLASSES];
        hand_make(&made, rng);
        const ufm_geometry_settings settings = ufm_geometry_defaults();
        ufm_tag_laws *laws = laws_of(&made.point, made.labels, &settings);
        frequencies(made.labels, false, n);
        for (int basis = 0; basis < UFM_BASES; basis++) {
            double least = INFINITY;
            for (int law = 0; law < 5; law++) {
                const ufm_law_fit *fit = &laws->fit[basis][law];
                TEST(fit->alpha == exponents[law]);
                worst = fmax(worst, plain_residual(&made, basis, fit->alpha, n, fit, laws));
                least = fmin(least, fit->residual);
            }
            const ufm_law_fit *power = &laws->fit[basis][UFM_LAW_POWER];
            if (!isnan(power->alpha))
                worst = fmax(worst, plain_residual(&made, basis, power->alpha, n, power, laws));
            TEST(power->residual <= least + 1e-9);
            TEST(laws->fit[basis][UFM_LAW_FREE].residual <= least + 1e-12);
            TEST(laws->fit[basis][UFM_LAW_ALL].residual <= laws->fit[basis][UFM_LAW_FREE].residual + 1e-12);
        }
        TEST(isnan(laws->exact.residual) && isnan(laws->precision));
        TEST(laws->average[0] == UFM_INCONCLUSIVE && laws->average[1] == UFM_INCONCLUSIVE);
        ufm_tag_laws_free(laws);
        ufm_labels_free(made.labels);
    }
    test_worst("weighted_laws", worst, 1e-12);
    ufm_rng_free(rng);
}

/* ---- At optima ------------------------------------------------------------------------------------ */

static ufm_solution *solve(const ufm_labels *labels, ufm_objective objective)
{
    ufm_error error = {{0}};
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *solution = NULL;
    settings.objective = objective;
    settings.threads = 1;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    settings.minimize.tolerance = 1e-13;
    const ufm_status status = ufm_solve(labels, &settings, &solution, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return solution;
}

static ufm_geometry_settings settings_of(const ufm_solution *solution, const ufm_objective *objective)
{
    ufm_geometry_settings settings = ufm_geometry_defaults();
    settings.objective = objective;
    settings.value = solution->certificate.objective;
    settings.gap = solution->certificate.gap;
    settings.certified = solution->certificate.verdict == UFM_CERTIFIED_GLOBAL;
    return settings;
}

static const ufm_objective common = {
    .loss = UFM_LOSS_PAL, .lambda_w = 5e-3, .lambda_h = 1e-3, .lambda_b = 1e-2};

/* Everything reduces to Theorem 1. */
static void balanced(void)
{
    static const struct {
        int64_t classes;
        const char *samples;
        ufm_loss loss;
    } designs[] = {{4, "1:3,2:2", UFM_LOSS_PAL},
                   {6, "1:10,2:3", UFM_LOSS_PAL_N},
                   {5, "1:2,2:7,3:1,4:2", UFM_LOSS_PAL},
                   {4, "1:3,2:2,4:5", UFM_LOSS_PAL}};
    for (size_t i = 0; i < sizeof designs / sizeof designs[0]; i++) {
        ufm_labels *labels = test_design(designs[i].classes, designs[i].samples, UFM_DUPLICATES_MERGE);
        ufm_objective objective = common;
        objective.loss = designs[i].loss;
        ufm_solution *solution = solve(labels, objective);
        const ufm_geometry_settings settings = settings_of(solution, &objective);
        ufm_design *design;
        ufm_prediction *prediction;
        ufm_frame *frame;
        TEST_OK(ufm_labels_to_design(labels, &design, NULL));
        TEST_OK(ufm_predict(design, &objective, &prediction, NULL));
        TEST_OK(ufm_frame_compute(&solution->point, labels, &settings, &frame, NULL));
        ufm_tag_laws *laws = laws_of(&solution->point, labels, &settings);
        test_at_most("deviation", frame->deviation, 1e-10);
        test_at_most("angles of w", frame->rows.off, 1e-8);
        test_at_most("angles of mu", frame->means.off, 1e-8);
        for (int64_t k = 0; k < labels->classes; k++)
            test_close("|w_k|^2", frame->norm[k] * frame->norm[k], prediction->weight_norm_squared, 1e-10);
        for (int basis = 0; basis < UFM_BASES; basis++) {
            TEST(laws->average[basis] == UFM_VERIFIED);
            for (int law = 0; law < UFM_LAW_COUNT; law++)
                test_at_most(ufm_law_name((ufm_law)law), laws->fit[basis][law].residual, 1e-9);
            TEST(isnan(laws->fit[basis][UFM_LAW_POWER].alpha));
        }
        for (int64_t l = 0; l < laws->levels; l++) {
            if (laws->multiplicity[l] == labels->classes) {
                TEST(isnan(laws->fit[UFM_ON_ROWS][UFM_LAW_UNIFORM].level[l]) && isnan(laws->exact.level[l]));
                continue;
            }
            test_close("C_m", laws->fit[UFM_ON_ROWS][UFM_LAW_UNIFORM].scale[l], prediction->scale[l], 1e-10);
            test_at_most("inside", laws->exact.inside[l], 1e-9);
            test_at_most("outside", laws->exact.outside[l], 1e-9);
        }
        test_at_most("exact law", laws->exact.residual, 1e-9);
        ufm_tag_laws_free(laws);
        ufm_frame_free(frame);
        ufm_prediction_free(prediction);
        ufm_design_free(design);
        ufm_solution_free(solution);
        ufm_labels_free(labels);
    }
}

/* The exact law and its parts, from the statement in the header, by plain loops. */
static void check_parts(const ufm_solution *solution, const ufm_labels *labels,
                        const ufm_objective *objective, const ufm_tag_laws *laws)
{
    const ufm_point *p = &solution->point;
    const int64_t K = p->classes, d = p->dim;
    double level[3][MOST_CLASSES] = {{0}}, total[MOST_CLASSES] = {0};
    for (int64_t s = 0; s < labels->columns; s++) {
        const int64_t m = ufm_labels_multiplicity(labels, s), l = laws->level[s];
        const double omega = objective->loss == UFM_LOSS_PAL_N ? 1 / (double)m : 1;
        const double t = omega / (2 * objective->lambda_h * (double)labels->samples);
        const double *h = p->H + s * d, count = (double)labels->count[s];
        bool in[MOST_CLASSES] = {false};
        double q[MOST_CLASSES], sum = 0, mean[2] = {0};
        for (int64_t i = labels->offset[s]; i < labels->offset[s + 1]; i++) in[labels->tag[i]] = true;
        for (int64_t k = 0; k < K; k++) {
            q[k] = p->b[k];
            for (int64_t j = 0; j < d; j++) q[k] += p->W[k + j * K] * h[j];
            sum += q[k] = exp(q[k]);
        }
        for (int64_t k = 0; k < K; k++) {
            q[k] /= sum;
            mean[in[k]] += q[k] / (double)(in[k] ? m : K - m);
        }
        double part[3] = {0}, size = 0;
        for (int64_t j = 0; j < d; j++) {
            double average = 0, inside = 0, outside = 0;
            for (int64_t k = 0; k < K; k++) {
                const double w = p->W[k + j * K];
                if (in[k]) average += w;
                (in[k] ? &inside : &outside)[0] += t * (double)m * (q[k] - mean[in[k]]) * w;
            }
            average *= t * (1 - (double)m * mean[1] + (m < K ? (double)m * mean[0] : 0));
            const double rest = h[j] - (average - inside - outside);
            part[0] += rest * rest;
            part[1] += inside * inside;
            part[2] += outside * outside;
            size += h[j] * h[j];
        }
        for (int i = 0; i < 3; i++) level[i][l] += count * part[i];
        total[l] += count * size;
        for (int64_t i = labels->offset[s]; i < labels->offset[s + 1]; i++)
            test_close("weight", laws->exact_weight[i], 1 - (double)m * q[labels->tag[i]], 1e-12);
    }
    for (int64_t l = 0; l < laws->levels; l++) {
        if (isnan(laws->exact.level[l])) continue;
        test_at_most("sum of the parts", sqrt(level[0][l] / total[l]), 1e-9);
        test_close("inside", laws->exact.inside[l], sqrt(level[1][l] / total[l]), 1e-10);
        test_close("outside", laws->exact.outside[l], sqrt(level[2][l] / total[l]), 1e-10);
    }
}

/* Any labels: the exact law holds at the optimum, what lies off the span is what free coefficients miss, and
 * away from critical points the law fails. */
static void exact_law(void)
{
    ufm_rng *rng = ufm_rng_new(204);
    double worst = 0, span = 0;
    for (int trial = 0; trial < (test_fast() ? 4 : 20); trial++) {
        const int64_t K = 3 + ufm_rng_below(rng, 4);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 12), UFM_DUPLICATES_MERGE);
        ufm_objective objective = common;
        objective.loss = trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL;
        objective.lambda_w *= pow(10, -2 * ufm_rng_uniform(rng));
        ufm_solution *solution = solve(labels, objective);
        const ufm_geometry_settings settings = settings_of(solution, &objective);
        ufm_tag_laws *laws = laws_of(&solution->point, labels, &settings);
        if (!(laws->exact.residual <= 1e-9)) fprintf(stderr, "  trial %d, K = %d\n", trial, (int)K);
        worst = fmax(worst, laws->exact.residual);
        for (int64_t l = 0; l < laws->levels; l++)
            if (!isnan(laws->exact.off_span_level[l]))
                span = fmax(span, fabs(laws->exact.off_span_level[l] -
                                       laws->fit[UFM_ON_ROWS][UFM_LAW_FREE].level[l]));
        test_at_most("all coefficients", laws->fit[UFM_ON_ROWS][UFM_LAW_ALL].residual, 1e-9);
        check_parts(solution, labels, &objective, laws);
        ufm_tag_laws_free(laws);
        solution->features[0] += 0.1;
        laws = laws_of(&solution->point, labels, &settings);
        TEST(laws->exact.residual > 1e-4);
        ufm_tag_laws_free(laws);
        ufm_solution_free(solution);
        ufm_labels_free(labels);
    }
    test_worst("exact_law", worst, 1e-9);
    test_worst("exact_law, off the span", span, 1e-9);
    ufm_rng_free(rng);
}

static ufm_labels *unbalanced(void)
{
    ufm_labels *labels;
    const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE};
    const char *path =
        test_file(".csv", "tags,count\n0,30\n1,3\n2,3\n3,3\n0+1,2\n0+2,1\n1+2,8\n2+3,2\n0+1+3,2\n");
    TEST_OK(ufm_labels_read_counts(path, &settings, &labels, NULL));
    return labels;
}

/* Refuted only where the certificate and its gap leave no doubt. */
static void verdicts(void)
{
    ufm_labels *labels = unbalanced();
    ufm_solution *solution = solve(labels, common);
    const ufm_geometry_settings sharp = settings_of(solution, &common);
    struct {
        ufm_geometry_settings settings;
        ufm_verdict verdict;
    } cases[5] = {{sharp, UFM_REFUTED},
                  {sharp, UFM_INCONCLUSIVE},
                  {sharp, UFM_INCONCLUSIVE},
                  {sharp, UFM_INCONCLUSIVE},
                  {sharp, UFM_VERIFIED}};
    cases[1].settings.certified = false;
    cases[2].settings.gap = 1e-3;
    cases[3].settings.gap = NAN;
    cases[4].settings.tolerance = 10; /* a tolerance above every residual */
    for (int i = 0; i < 5; i++) {
        ufm_tag_laws *laws = laws_of(&solution->point, labels, &cases[i].settings);
        if (i < 4) TEST(laws->average[UFM_ON_MEANS] == cases[i].verdict);
        if (i < 4) TEST(laws->average[UFM_ON_ROWS] == cases[i].verdict);
        if (i == 0) TEST(laws->precision < 1e-6 && laws->best_law >= 0);
        ufm_tag_laws_free(laws);
    }
    ufm_solution_free(solution);
    ufm_labels_free(labels);
}

/* Equal weights on single-label features as lambda vanishes, for labels that are far from balanced; the
 * exponent of the class frequencies vanishes too, and on the rows of labels with other counts it does not. */
static void weak_regularisation(void)
{
    static const char *const counts[] = {"tags,count\n0,1\n1,1\n2,1\n3,1\n0+1,10\n0+2,10\n0+3,10\n",
                                         "tags,count\n0,40\n1,20\n2,9\n3,5\n0+1,9\n0+2,4\n1+3,3\n2+3,2\n"};
    for (int i = 0; i < 2; i++) {
        const ufm_read_settings read = {.duplicates = UFM_DUPLICATES_MERGE};
        ufm_labels *labels;
        double slack, before = INFINITY, distance = INFINITY;
        TEST_OK(ufm_labels_read_counts(test_file(".csv", counts[i]), &read, &labels, NULL));
        TEST_OK(ufm_label_limit(labels, &slack, NULL));
        TEST(slack < 0);
        for (int power = 3; power <= 7; power += 2) {
            ufm_objective objective = common;
            objective.lambda_w = pow(10, -power);
            objective.lambda_h = objective.lambda_w / 5;
            ufm_solution *solution = solve(labels, objective);
            const ufm_geometry_settings settings = settings_of(solution, &objective);
            ufm_tag_laws *laws = laws_of(&solution->point, labels, &settings);
            const ufm_law_fit *average = &laws->fit[UFM_ON_MEANS][UFM_LAW_UNIFORM];
            TEST(settings.certified && average->residual < 0.9 * before);
            TEST(fabs(average->scale[1] - 1) < distance);
            before = average->residual;
            distance = fabs(average->scale[1] - 1);
            if (power == 7)
                test_at_most("exponent", fabs(laws->fit[UFM_ON_MEANS][UFM_LAW_POWER].alpha), 0.05);
            if (power == 7 && i == 1) TEST(laws->fit[UFM_ON_ROWS][UFM_LAW_POWER].alpha < -0.2);
            ufm_tag_laws_free(laws);
            ufm_solution_free(solution);
        }
        ufm_labels_free(labels);
    }
}

/* A class without single-label samples: its tag sets are out of reach on mu, and so is the verdict. */
static void missing_means(void)
{
    ufm_labels *labels;
    const ufm_read_settings read = {.duplicates = UFM_DUPLICATES_MERGE};
    TEST_OK(ufm_labels_read_counts(test_file(".csv", "tags,count\n0,5\n1,3\n0+1,2\n0+2,4\n1+2,8\n"), &read,
                                   &labels, NULL));
    ufm_solution *solution = solve(labels, common);
    const ufm_geometry_settings settings = settings_of(solution, &common);
    ufm_tag_laws *laws = laws_of(&solution->point, labels, &settings);
    const ufm_law_fit *on_means = &laws->fit[UFM_ON_MEANS][UFM_LAW_UNIFORM];
    TEST(on_means->tag_sets == 1 && on_means->samples == 2 && on_means->parameters == 1);
    TEST(!isnan(on_means->tag_set[2]) && isnan(on_means->tag_set[3]) && isnan(on_means->tag_set[4]));
    TEST(!laws->has_mean[2] && laws->has_mean[0] && laws->average[UFM_ON_MEANS] == UFM_INCONCLUSIVE);
    TEST(laws->average[UFM_ON_ROWS] == UFM_REFUTED && laws->best_basis == UFM_ON_ROWS);
    TEST(isnan(laws->fit[UFM_ON_MEANS][UFM_LAW_ALL].residual));
    TEST(laws->fit[UFM_ON_ROWS][UFM_LAW_SINGLES_POWER].tag_sets == 1);
    ufm_tag_laws_free(laws);
    ufm_solution_free(solution);
    ufm_labels_free(labels);
}

static void collapsed(void)
{
    ufm_labels *labels = unbalanced();
    ufm_objective objective = common;
    objective.lambda_w = objective.lambda_h = 10;
    ufm_solution *solution = solve(labels, objective);
    const ufm_geometry_settings settings = settings_of(solution, &objective);
    ufm_frame *frame;
    TEST_OK(ufm_frame_compute(&solution->point, labels, &settings, &frame, NULL));
    ufm_tag_laws *laws = laws_of(&solution->point, labels, &settings);
    TEST(settings.certified && frame->collapsed && laws->collapsed && frame->vanished == 4);
    TEST(isnan(laws->fit[UFM_ON_ROWS][UFM_LAW_UNIFORM].residual) && isnan(laws->exact.residual));
    TEST(laws->average[UFM_ON_ROWS] == UFM_INCONCLUSIVE && laws->best_law < 0);
    ufm_tag_laws_free(laws);
    ufm_frame_free(frame);
    ufm_solution_free(solution);
    ufm_labels_free(labels);
}

/* ---- Invariances ---------------------------------------------------------------------------------- */

static double apart(double a, double b)
{
    return isnan(a) && isnan(b) ? 0 : isnan(a) || isnan(b) ? INFINITY : fabs(a - b) / fmax(1, fabs(b));
}

/* Largest difference of what does not depend on the order of classes and columns. */
static double laws_apart(const ufm_tag_laws *a, const ufm_tag_laws *b)
{
    double worst = apart(a->exact.residual, b->exact.residual);
    if (a->levels != b->levels || a->tag_sets != b->tag_sets) return INFINITY;
    for (int basis = 0; basis < UFM_BASES; basis++)
        for (int law = 0; law < UFM_LAW_COUNT; law++) {
            const ufm_law_fit *x = &a->fit[basis][law], *y = &b->fit[basis][law];
            const bool fitted = law == UFM_LAW_POWER || law == UFM_LAW_SINGLES_POWER;
            const double share = fitted ? 1e-3 : 1; /* a minimum is flat: half the digits of its place */
            worst = fmax(worst, apart(x->residual, y->residual));
            worst = fmax(worst, share * apart(x->worst, y->worst));
            worst = fmax(worst, share * apart(x->alpha, y->alpha));
            for (int64_t l = 0; l < a->levels; l++) {
                worst = fmax(worst, share * apart(x->level[l], y->level[l]));
                worst = fmax(worst, share * apart(x->scale[l], y->scale[l]));
            }
        }
    for (int64_t l = 0; l < a->levels; l++) {
        worst = fmax(worst, apart(a->exact.inside[l], b->exact.inside[l]));
        worst = fmax(worst, apart(a->exact.outside[l], b->exact.outside[l]));
        worst = fmax(worst, apart(a->exact.off_span_level[l], b->exact.off_span_level[l]));
    }
    return worst;
}

/* The same point with its classes renamed k -> (a k + 1) mod K and its columns reversed. */
static void rename_classes(const hand_made *from, hand_made *to, int64_t image[MOST_CLASSES])
{
    const int64_t K = from->K, d = from->d, n = from->labels->columns;
    ufm_labels_builder *builder = ufm_labels_builder_new();
    *to = *from;
    for (int64_t k = 0; k < K; k++) {
        image[k] = (K - k) % K;
        to->b[image[k]] = from->b[k];
        for (int64_t j = 0; j < d; j++) to->W[image[k] + j * K] = from->W[k + j * K];
    }
    for (int64_t s = n - 1; s >= 0; s--) {
        int32_t tags[MOST_CLASSES];
        const int64_t m = ufm_labels_multiplicity(from->labels, s);
        for (int64_t t = 0; t < m; t++)
            tags[t] = (int32_t)image[from->labels->tag[from->labels->offset[s] + t]];
        TEST_OK(ufm_labels_builder_add(builder, m, tags, from->labels->count[s], NULL));
        memcpy(to->H + (n - 1 - s) * d, from->H + s * d, (size_t)d * sizeof(double));
    }
    TEST_OK(ufm_labels_builder_finish(builder, K, UFM_DUPLICATES_MERGE, &to->labels, NULL));
    ufm_labels_builder_free(builder);
    to->point = (ufm_point){K, d, n, to->W, to->H, to->b};
}

static void permuted_classes(void)
{
    ufm_rng *rng = ufm_rng_new(205);
    double worst = 0;
    ufm_geometry_settings settings = ufm_geometry_defaults();
    settings.objective = &common;
    settings.value = 1;
    for (int trial = 0; trial < 20; trial++) {
        static hand_made made, renamed;
        int64_t image[MOST_CLASSES];
        ufm_frame *frame, *other;
        ufm_balance *balance, *counted;
        hand_make(&made, rng);
        rename_classes(&made, &renamed, image);
        ufm_tag_laws *laws = laws_of(&made.point, made.labels, &settings);
        ufm_tag_laws *again = laws_of(&renamed.point, renamed.labels, &settings);
        TEST_OK(ufm_frame_compute(&made.point, made.labels, &settings, &frame, NULL));
        TEST_OK(ufm_frame_compute(&renamed.point, renamed.labels, &settings, &other, NULL));
        TEST_OK(ufm_balance_compute(made.labels, &balance, NULL));
        TEST_OK(ufm_balance_compute(renamed.labels, &counted, NULL));
        worst = fmax(worst, laws_apart(laws, again));
        worst = fmax(worst, apart(frame->deviation, other->deviation));
        worst = fmax(worst, apart(balance->imbalance, counted->imbalance));
        for (int64_t k = 0; k < made.K; k++) {
            worst = fmax(worst, apart(frame->norm[k], other->norm[image[k]]));
            worst = fmax(worst, apart(frame->mean_norm[k], other->mean_norm[image[k]]));
            worst = fmax(worst, apart(frame->class_deviation[k], other->class_deviation[image[k]]));
            TEST(balance->class_samples[k] == counted->class_samples[image[k]]);
        }
        ufm_balance_free(balance);
        ufm_balance_free(counted);
        ufm_frame_free(frame);
        ufm_frame_free(other);
        ufm_tag_laws_free(laws);
        ufm_tag_laws_free(again);
        ufm_labels_free(made.labels);
        ufm_labels_free(renamed.labels);
    }
    test_worst("permuted_classes", worst, 1e-9);
    ufm_rng_free(rng);
}

/* Kept duplicates with different features around a mean count as their mean. */
static void kept_duplicates(void)
{
    ufm_rng *rng = ufm_rng_new(206);
    double worst = 0;
    ufm_geometry_settings settings = ufm_geometry_defaults();
    settings.objective = &common;
    settings.value = 1;
    for (int trial = 0; trial < 20; trial++) {
        static hand_made made;
        hand_make(&made, rng);
        ufm_labels_builder *builder = ufm_labels_builder_new();
        double *H = calloc((size_t)(made.d * made.labels->samples), sizeof *H);
        int64_t column = 0;
        for (int64_t s = 0; s < made.labels->columns; s++) {
            TEST_OK(ufm_labels_builder_add(builder, ufm_labels_multiplicity(made.labels, s),
                                           made.labels->tag + made.labels->offset[s], made.labels->count[s],
                                           NULL));
            double shift[MOST_DIM];
            for (int64_t c = 0; c < made.labels->count[s]; c++, column++) {
                const bool paired =
                    (c | 1) < made.labels->count[s]; /* two by two on both sides of the mean */
                for (int64_t j = 0; j < made.d; j++) {
                    if (c % 2 == 0) shift[j] = paired ? ufm_rng_gaussian(rng) : 0;
                    H[j + column * made.d] = made.H[j + s * made.d] + (c % 2 == 0 ? shift[j] : -shift[j]);
                }
            }
        }
        ufm_labels *kept;
        TEST_OK(ufm_labels_builder_finish(builder, made.K, UFM_DUPLICATES_KEEP, &kept, NULL));
        ufm_labels_builder_free(builder);
        const ufm_point point = {made.K, made.d, kept->columns, made.W, H, made.b};
        ufm_tag_laws *laws = laws_of(&made.point, made.labels, &settings);
        ufm_tag_laws *again = laws_of(&point, kept, &settings);
        worst = fmax(worst, laws_apart(laws, again));
        ufm_tag_laws_free(laws);
        ufm_tag_laws_free(again);
        ufm_labels_free(kept);
        ufm_labels_free(made.labels);
        free(H);
    }
    test_worst("kept_duplicates", worst, 1e-9);
    ufm_rng_free(rng);
}

static bool stop_at_once(void *context, double fraction, const char *what)
{
    ++*(int *)context;
    return !(fraction >= 0 && fraction <= 1 && what[0]);
}

static void cancelled(void)
{
    ufm_rng *rng = ufm_rng_new(207);
    static hand_made made;
    int calls = 0;
    ufm_geometry_settings settings = ufm_geometry_defaults();
    ufm_tag_laws *laws = NULL;
    hand_make(&made, rng);
    settings.progress = stop_at_once;
    settings.context = &calls;
    TEST(ufm_tag_laws_compute(&made.point, made.labels, &settings, &laws, NULL) == UFM_ERROR_CANCELLED);
    TEST(laws == NULL && calls == 1);
    ufm_frame *frame = NULL;
    TEST(ufm_frame_compute(&made.point, made.labels, &settings, &frame, NULL) == UFM_ERROR_CANCELLED);
    TEST(frame == NULL && calls == 2);
    ufm_labels_free(made.labels);
    ufm_rng_free(rng);
}

/* ---- Real labels: what was measured once ------------------------------------------------------------ */

static void real_labels(void)
{
    static const struct {
        const char *name, *list;
        double imbalance, deviation, on_means, on_rows, alpha_means, alpha_rows;
        bool limit;
    } files[] = {{"emotions", "emotions", 0.4800, 0.4555, 0.1048, 0.2825, 0.1613, -0.6091, true},
                 {"scene-train", "scene", 0.0876, 0.0822, 0.0218, 0.0916, 0.0310, -0.5307, true},
                 {"yeast", "yeast", 0.9585, 0.6848, NAN, 0.4678, NAN, -0.6037, false}};
    const ufm_objective objective = ufm_solve_defaults().objective;
    if (!test_data()) return;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512], list[512];
        snprintf(path, sizeof path, "%s/mulan/%s.arff", test_data(), files[i].name);
        snprintf(list, sizeof list, "%s/mulan/%s.xml", test_data(), files[i].list);
        const ufm_read_settings read = {.duplicates = UFM_DUPLICATES_MERGE, .label_xml = list};
        ufm_labels *labels;
        ufm_balance *balance;
        ufm_frame *frame;
        double slack;
        if (ufm_labels_read(path, &read, &labels, NULL) != UFM_OK) continue; /* this set is not there */
        ufm_solution *solution = solve(labels, objective);
        const ufm_geometry_settings settings = settings_of(solution, &objective);
        ufm_tag_laws *laws = laws_of(&solution->point, labels, &settings);
        TEST_OK(ufm_balance_compute(labels, &balance, NULL));
        TEST_OK(ufm_label_limit(labels, &slack, NULL));
        TEST_OK(ufm_frame_compute(&solution->point, labels, &settings, &frame, NULL));
        const ufm_law_fit *means = laws->fit[UFM_ON_MEANS], *rows = laws->fit[UFM_ON_ROWS];
        test_close("imbalance", balance->imbalance, files[i].imbalance, 1e-3);
        test_close("deviation", frame->deviation, files[i].deviation, 1e-3);
        test_close("average of w", rows[UFM_LAW_UNIFORM].residual, files[i].on_rows, 1e-3);
        test_close("exponent on w", rows[UFM_LAW_POWER].alpha, files[i].alpha_rows, 1e-3);
        if (!isnan(files[i].on_means)) {
            test_close("average of mu", means[UFM_LAW_UNIFORM].residual, files[i].on_means, 1e-3);
            test_close("exponent on mu", means[UFM_LAW_POWER].alpha, files[i].alpha_means, 1e-3);
            TEST(laws->average[UFM_ON_MEANS] == UFM_REFUTED);
        } else {
            TEST(laws->average[UFM_ON_MEANS] == UFM_INCONCLUSIVE && means[UFM_LAW_UNIFORM].tag_sets == 0);
        }
        test_at_most("exact law", laws->exact.worst, 1e-9);
        TEST(laws->average[UFM_ON_ROWS] == UFM_REFUTED && !balance->balanced &&
             (slack <= 0) == files[i].limit);
        ufm_tag_laws_free(laws);
        ufm_frame_free(frame);
        ufm_balance_free(balance);
        ufm_solution_free(solution);
        ufm_labels_free(labels);
    }
}

/* ---- The command ---------------------------------------------------------------------------------- */

enum { BUFFER = 1 << 18 };
static char out[BUFFER], err[BUFFER];

/* Lines, and the longest of them. */
static void measure_text(const char *text, int *lines, size_t *longest)
{
    *lines = 0;
    *longest = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        ++*lines;
        if ((size_t)(end - text) > *longest) *longest = (size_t)(end - text);
    }
}

/* Random labels of many classes, so that tables must be cut. */
static const char *counts_file(ufm_rng *rng, int classes, int sets)
{
    char *text = malloc((size_t)sets * 64 + 32), *end = text;
    if (!text) abort();
    end += sprintf(end, "tags,count\n");
    for (int k = 0; k < classes; k++) end += sprintf(end, "%d,%d\n", k, 1 + k % 5);
    for (int s = 0; s < sets; s++) {
        const int first = (int)ufm_rng_below(rng, classes - 9), m = 2 + (int)ufm_rng_below(rng, 8);
        for (int t = 0; t < m; t++) end += sprintf(end, t ? "+%d" : "%d", first + t);
        end += sprintf(end, ",%d\n", 1 + (int)ufm_rng_below(rng, 9));
    }
    const char *path = test_file(".csv", text);
    free(text);
    return path;
}

static void command_text(void)
{
    ufm_rng *rng = ufm_rng_new(208);
    const int classes[] = {14, 80};
    for (int i = 0; i < 2; i++) {
        char arguments[512];
        int lines;
        size_t longest;
        if (test_fast() && i > 0) break;
        snprintf(arguments, sizeof arguments, "geometry --quiet --lambda-w 5e-3 --lambda-h 1e-3 --counts %s",
                 counts_file(rng, classes[i], 40));
        const int code = test_program(arguments, out, err, BUFFER);
        measure_text(out, &lines, &longest);
        if (code != 0 || lines > 43 || longest > 100)
            fprintf(stderr, "%s%d lines, %zu\n", out, lines, longest);
        TEST(code == 0 && err[0] == '\0' && lines <= 42 && longest <= 100);
        TEST(strstr(out, "exact law") && strstr(out, "REFUTED on w") &&
             strstr(out, "Theorem 1 does not apply"));
    }
    ufm_rng_free(rng);
}

static bool has_file(const char *directory, const char *name)
{
    char path[512];
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &about) == 0 && about.st_size > 0;
}

static void command_files(void)
{
    static const char *const data[] = {"gram",   "classes",  "eigenvalues",
                                       "levels", "tag-sets", "coefficients"};
    static const char *const figures[] = {"gram", "classes", "tag-sets"};
    char directory[160], arguments[1024], saved[160], name[64];
    const char *counts = test_file(".csv", "tags,count\n0,30\n1,3\n2,3\n0+1,2\n1+2,8\n");
    const bool draws = system("gnuplot --version > /dev/null 2>&1") == 0;
    test_directory(directory, sizeof directory);
    snprintf(saved, sizeof saved, "%s", test_path(".h5"));
    snprintf(arguments, sizeof arguments, "geometry --json --counts %s --save %s %s '%s'", counts, saved,
             draws ? "--out" : "--trace", draws ? directory : "/dev/null");
    TEST(test_program(arguments, out, err, BUFFER) == 0);
    TEST(strstr(out, "\"classes\": 3,") && strstr(out, "\"mu\": \"REFUTED\"") && strstr(out, "\"exact\""));
    for (size_t i = 0; draws && i < sizeof data / sizeof data[0]; i++) {
        snprintf(name, sizeof name, "data/geometry-%s.csv", data[i]);
        TEST(has_file(directory, name));
    }
    for (size_t i = 0; draws && i < sizeof figures / sizeof figures[0]; i++) {
        snprintf(name, sizeof name, "figures/geometry-%s.svg", figures[i]);
        TEST(has_file(directory, name));
    }
    /* the stored point gives the same answer, and takes no instance */
    char *laws = strstr(out, "\"balance\"");
    char *first = ufm_strdup(laws ? laws : "");
    snprintf(arguments, sizeof arguments, "geometry --json %s", saved);
    TEST(test_program(arguments, out, err, BUFFER) == 0);
    laws = strstr(out, "\"balance\"");
    TEST(laws && first && strcmp(laws, first) == 0);
    ufm_free(first);
    snprintf(arguments, sizeof arguments, "geometry %s --counts %s", saved, counts);
    TEST(test_program(arguments, out, err, BUFFER) == 2 && strstr(err, "--counts") && out[0] == '\0');
    snprintf(arguments, sizeof arguments, "geometry %s %s", saved, saved);
    TEST(test_program(arguments, out, err, BUFFER) == 2 && strstr(err, "unexpected argument"));
    TEST(test_program("geometry", out, err, BUFFER) == 2 && strstr(err, "exactly one of"));
    TEST(test_program("geometry /nonexistent.h5", out, err, BUFFER) == 2 && strstr(err, "/nonexistent.h5"));
}

static const test_case cases[] = {{"known_weights", known_weights},
                                  {"free_coefficients", free_coefficients},
                                  {"weighted_laws", weighted_laws},
                                  {"balanced", balanced},
                                  {"exact_law", exact_law},
                                  {"verdicts", verdicts},
                                  {"weak_regularisation", weak_regularisation},
                                  {"missing_means", missing_means},
                                  {"collapsed", collapsed},
                                  {"permuted_classes", permuted_classes},
                                  {"kept_duplicates", kept_duplicates},
                                  {"cancelled", cancelled},
                                  {"real_labels", real_labels},
                                  {"command_text", command_text},
                                  {"command_files", command_files},
                                  {NULL, NULL}};
const test_suite suite_laws = {"laws", cases};
