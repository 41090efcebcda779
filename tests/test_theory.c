/* Closed forms of Theorem 1 against stored values, their own equations in extended precision, brute-force
 * minimisation and a plain-loop objective. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/theory.h>

enum { MOST_LEVELS = 8 };

/* ---- Random designs ------------------------------------------------------------------------------ */

typedef struct {
    ufm_design design;
    int64_t multiplicity[MOST_LEVELS], per_tag_set[MOST_LEVELS];
} trial_design;

static void trial_bind(trial_design *trial, int64_t classes, int64_t levels)
{
    trial->design = (ufm_design){classes, levels, trial->multiplicity, trial->per_tag_set};
}

static void trial_random(trial_design *trial, ufm_rng *rng, int64_t most_classes, int64_t most_samples)
{
    const int64_t K = 2 + ufm_rng_below(rng, most_classes - 1);
    int64_t levels = 0;
    while (levels == 0)
        for (int64_t m = 1; m <= K && levels < MOST_LEVELS; m++) {
            if (ufm_rng_below(rng, K) >= 3) continue;
            trial->multiplicity[levels] = m;
            trial->per_tag_set[levels++] = 1 + ufm_rng_below(rng, most_samples);
        }
    trial_bind(trial, K, levels);
}

static bool only_full(const ufm_design *design)
{
    return design->multiplicity[0] == design->classes;
}

static ufm_prediction *predict(const ufm_design *design, const ufm_objective *objective)
{
    ufm_prediction *prediction = NULL;
    ufm_error error = {{0}};
    const ufm_status status = ufm_predict(design, objective, &prediction, &error);
    if (status != UFM_OK) fprintf(stderr, "  ufm_predict: %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return prediction;
}

static long double binomial(int64_t n, int64_t k)
{
    long double product = 1;
    if (k > n - k) k = n - k;
    for (int64_t i = 1; i <= k; i++) product = product * (long double)(n - k + i) / (long double)i;
    return product;
}

/* |actual - expected|/|expected|; infinite where one of them is NaN, which fmax would drop. */
static double relative(long double actual, long double expected)
{
    if (actual == expected) return 0;
    const double error = (double)(fabsl(actual - expected) / fabsl(expected));
    return isnan(error) ? INFINITY : error;
}

/* ---- Stored values ------------------------------------------------------------------------------- */

static const struct {
    int64_t classes, levels, per_tag_set[4];
    double lambda_w, lambda_h, objective, margin[4], norm_squared;
} references[] = {
    {4, 2, {3, 2}, 5e-3, 1e-3, 0.8775002109417105, {4.487565955454666, 3.938764226106047}, 3.711859022379663},
    {6,
     2,
     {10, 3},
     5e-3,
     5e-4,
     0.9683681058251967,
     {4.305997854931583, 3.7667018470950455},
     4.969858376906177},
    {10,
     2,
     {10, 3},
     5e-4,
     1e-4,
     0.9566556952392404,
     {6.233024044421678, 5.642802619003396},
     13.66516090456924},
    {10,
     3,
     {5, 2, 1},
     1e-3,
     1e-4,
     2.2480669783895744,
     {5.901425014864856, 5.317380317245276, 4.9808322216697585},
     10.344794070619443},
    {5,
     4,
     {2, 7, 1, 2},
     1e-3,
     1e-4,
     1.9388819495158027,
     {5.915730700752397, 5.330285042180406, 4.992926556561129, 4.75618681994942},
     7.095567173390646},
};

static void reference_values(void)
{
    double worst = 0;
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        trial_design trial = {.multiplicity = {1, 2, 3, 4}};
        memcpy(trial.per_tag_set, references[i].per_tag_set, sizeof references[i].per_tag_set);
        trial_bind(&trial, references[i].classes, references[i].levels);
        const ufm_objective objective = {UFM_LOSS_PAL, references[i].lambda_w, references[i].lambda_h, 0.01};
        ufm_prediction *p = predict(&trial.design, &objective);
        worst = fmax(worst, relative(p->objective, references[i].objective));
        worst = fmax(worst, relative(p->weight_norm_squared, references[i].norm_squared));
        for (int64_t l = 0; l < p->levels; l++)
            worst = fmax(worst, relative(p->margin[l], references[i].margin[l]));
        TEST(p->phase == UFM_PHASE_SEPARATED);
        ufm_prediction_free(p);
    }
    test_worst("reference_values", worst, 1e-13);
}

/* ---- The defining equations ---------------------------------------------------------------------- */

/* Largest relative residual of the equations and identities that a separated prediction states. */
static double equation_residual(const ufm_prediction *p, const ufm_design *design,
                                const ufm_objective *objective)
{
    const long double K = (long double)p->classes, r = p->r;
    const long double N = strtold(p->samples_total, NULL);
    const long double mu = 2 * sqrtl(objective->lambda_w) * sqrtl(objective->lambda_h);
    long double square = 0, value = mu * (K - 1) * r;
    double worst = 0;
    for (int64_t l = 0; l < p->levels; l++) {
        const long double m = (long double)p->multiplicity[l], delta = p->margin[l];
        const long double weight = ufm_loss_weight(objective->loss, (double)m);
        const long double n = (long double)design->per_tag_set[l];
        const long double fraction = n * binomial(p->classes, p->multiplicity[l]) / N;
        value += fraction * weight * m * logl(m + (K - m) * expl(-delta));
        worst = fmax(worst, relative(p->fraction[l], fraction));
        if (p->multiplicity[l] == p->classes) continue;
        square += n * binomial(p->classes - 2, p->multiplicity[l] - 1) * delta * delta;
        worst = fmax(worst, relative(weight / (m * expl(delta) + K - m), mu * N / (K * r) * delta));
        worst =
            fmax(worst, relative(p->scale[l] * sqrtl((long double)objective->lambda_h / objective->lambda_w),
                                 delta / r));
    }
    worst = fmax(worst, relative(r * r, square));
    worst = fmax(worst, relative(p->objective, value));
    return fmax(worst, relative(p->weight_norm_squared, (long double)p->gram_scale * (K - 1) / K));
}

static void scalar_equations(void)
{
    ufm_rng *rng = ufm_rng_new(11);
    double worst = 0;
    for (int i = 0; i < (test_fast() ? 50 : 1000); i++) {
        trial_design trial;
        do trial_random(&trial, rng, 40, 1000);
        while (only_full(&trial.design));
        const ufm_loss loss = i % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL;
        const double ratio = pow(10, -8 * ufm_rng_uniform(rng)) * (1 - 1e-9);
        ufm_objective objective = {0};
        TEST_OK(test_lambda_at(&trial.design, loss, ratio, pow(10, ufm_rng_gaussian(rng)), &objective, NULL));
        ufm_prediction *p = predict(&trial.design, &objective);
        TEST(p->phase == UFM_PHASE_SEPARATED);
        worst = fmax(worst, equation_residual(p, &trial.design, &objective));
        test_close("mu at the ratio", p->mu, ratio * p->mu_critical, 1e-14);
        ufm_prediction_free(p);
    }
    ufm_rng_free(rng);
    test_worst("scalar_equations", worst, 1e-13);
}

/* Tiny lambdas, where margins reach hundreds. */
static void tiny_lambda(void)
{
    trial_design trial = {.multiplicity = {1, 2, 5}, .per_tag_set = {3, 1, 7}};
    trial_bind(&trial, 5, 3);
    double worst = 0;
    for (int exponent = -10; exponent >= -300; exponent -= 29) {
        const ufm_objective objective = {UFM_LOSS_PAL, pow(10, exponent), pow(10, exponent), 0};
        ufm_prediction *p = predict(&trial.design, &objective);
        worst = fmax(worst, equation_residual(p, &trial.design, &objective));
        ufm_prediction_free(p);
    }
    test_worst("tiny_lambda", worst, 1e-12); /* e^delta amplifies the rounding of delta by delta */
}

/* ---- An independent minimum ---------------------------------------------------------------------- */

typedef struct {
    const ufm_design *design;
    const ufm_objective *objective;
    double margin[2];
    int64_t level;
} reduced;

/* sum (N_m/N) omega_m m log(m + (K-m) e^{-delta_m}) + mu (K-1) sqrt(sum kappa_m delta_m^2): convex. */
static double reduced_value(const reduced *problem)
{
    const ufm_design *design = problem->design;
    const double K = (double)design->classes;
    const double mu = 2 * sqrt(problem->objective->lambda_w * problem->objective->lambda_h);
    double N = 0, data = 0, square = 0;
    for (int64_t l = 0; l < design->levels; l++) {
        const double m = (double)design->multiplicity[l], n = (double)design->per_tag_set[l];
        const double samples = n * (double)binomial(design->classes, design->multiplicity[l]);
        const double delta = problem->margin[l];
        N += samples;
        data += samples * ufm_loss_weight(problem->objective->loss, m) * m * log(m + (K - m) * exp(-delta));
        square += n * (double)binomial(design->classes - 2, design->multiplicity[l] - 1) * delta * delta;
    }
    return data / N + mu * (K - 1) * sqrt(square);
}

/* Golden section over the margin of `level`, nested over the levels below it. */
static double golden_minimum(reduced *problem, int64_t level)
{
    if (level < 0) return reduced_value(problem);
    const double golden = 0.6180339887498949;
    double low = 0, high = 60, value = 0;
    for (int i = 0; i < 60; i++) {
        const double left = high - golden * (high - low), right = low + golden * (high - low);
        problem->margin[level] = left;
        const double at_left = golden_minimum(problem, level - 1);
        problem->margin[level] = right;
        value = golden_minimum(problem, level - 1);
        if (at_left < value)
            high = right;
        else
            low = left;
    }
    return value;
}

static void independent_minimum(void)
{
    ufm_rng *rng = ufm_rng_new(12);
    double worst = 0;
    for (int i = 0; i < (test_fast() ? 4 : 40); i++) {
        trial_design trial;
        do trial_random(&trial, rng, 8, 20);
        while (only_full(&trial.design));
        if (trial.design.levels > 2) trial.design.levels = 2;
        const int64_t last = trial.design.levels - 1;
        if (trial.multiplicity[last] == trial.design.classes) trial.design.levels = last;
        ufm_objective objective = {0};
        const double ratio = 0.001 + 1.2 * ufm_rng_uniform(rng);
        TEST_OK(
            test_lambda_at(&trial.design, i % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, ratio, 3, &objective, NULL));
        ufm_prediction *p = predict(&trial.design, &objective);
        reduced problem = {.design = &trial.design, .objective = &objective};
        const double minimum = golden_minimum(&problem, trial.design.levels - 1);
        worst = fmax(worst, relative(p->objective, minimum));
        TEST((p->phase == UFM_PHASE_COLLAPSED) == (ratio >= 1));
        ufm_prediction_free(p);
    }
    ufm_rng_free(rng);
    test_worst("independent_minimum", worst, 1e-11);
}

/* ---- Counts of any size -------------------------------------------------------------------------- */

static void expect_samples(int64_t classes, int64_t m, int64_t n, const char *expected)
{
    const ufm_design design = {classes, 1, &m, &n};
    const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 1e-3, 0};
    ufm_prediction *p = predict(&design, &objective);
    if (strcmp(p->samples_total, expected) != 0)
        fprintf(stderr, "  N = %s instead of %s\n", p->samples_total, expected);
    CU_ASSERT(strcmp(p->samples_total, expected) == 0);
    ufm_prediction_free(p);
}

/* As expect_samples for numbers beyond a double, whose last digit may differ by one. */
static void expect_digits(int64_t classes, int64_t m, int64_t n, double digits, const char *exponent)
{
    const ufm_design design = {classes, 1, &m, &n};
    const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 1e-3, 0};
    ufm_prediction *p = predict(&design, &objective);
    char *mark = strchr(p->samples_total, 'e');
    CU_ASSERT_FATAL(mark != NULL);
    TEST(strcmp(mark, exponent) == 0);
    *mark = '\0';
    test_close("digits", strtod(p->samples_total, NULL), digits, 1e-15);
    ufm_prediction_free(p);
}

static void samples_total(void)
{
    expect_samples(10, 1, 3100, "31000");
    expect_samples(2, 2, 5, "5");
    expect_samples(66, 33, 1, "7219428434016265740");
    expect_samples(2147483648, 2, 1, "2305843008139952128");
    expect_samples(67, 33, 1, "1.4226520737620288e+19");
    expect_samples(1000000, 999999, 1000000, "1000000000000");
    expect_digits(3000, 1300, 7, 3.0660225789874087, "e+890");
    expect_digits(200000, 70000, 7, 4.1450874989112682, "e+56234");
    ufm_rng *rng = ufm_rng_new(13);
    for (int i = 0; i < 200; i++) {
        trial_design trial;
        trial_random(&trial, rng, 24, 1000000);
        const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 1e-3, 0};
        ufm_prediction *p = predict(&trial.design, &objective);
        int64_t total = 0;
        for (int64_t l = 0; l < trial.design.levels; l++)
            total += trial.per_tag_set[l] * (int64_t)binomial(trial.design.classes, trial.multiplicity[l]);
        TEST(strtoll(p->samples_total, NULL, 10) == total && !strpbrk(p->samples_total, ".e"));
        ufm_prediction_free(p);
    }
    ufm_rng_free(rng);
}

/* A million classes, a hundred multiplicities. */
static void million_classes(void)
{
    enum { LEVELS = 100, CLASSES = 1000000 };
    int64_t multiplicity[LEVELS], per_tag_set[LEVELS];
    for (int64_t l = 0; l < LEVELS; l++) {
        multiplicity[l] = l < LEVELS / 2 ? l + 1 : CLASSES - LEVELS + l;
        per_tag_set[l] = 1 + l % 7;
    }
    ufm_design design = {CLASSES, LEVELS, multiplicity, per_tag_set};
    ufm_objective objective = {0};
    double worst = 0;
    for (int i = 0; i < 2; i++) {
        TEST_OK(
            test_lambda_at(&design, i ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, i ? 1e-6 : 0.9, 1, &objective, NULL));
        ufm_prediction *p = predict(&design, &objective);
        TEST(p->phase == UFM_PHASE_SEPARATED);
        worst = fmax(worst, equation_residual(p, &design, &objective));
        ufm_prediction_free(p);
    }
    test_worst("million_classes", worst, 1e-13);

    for (int64_t l = 0; l < LEVELS; l++) multiplicity[l] = 1 + l * 10101 - (l == LEVELS - 1);
    objective = (ufm_objective){UFM_LOSS_PAL, 1e-300, 1e-300, 0};
    ufm_prediction *p = predict(&design, &objective);
    double sum = 0, value = 0;
    for (int64_t l = 0; l < LEVELS; l++) {
        sum += p->fraction[l];
        value += p->fraction[l] * (double)multiplicity[l] * log(CLASSES);
    }
    TEST(p->phase == UFM_PHASE_COLLAPSED && multiplicity[LEVELS - 1] == 999999);
    test_close("fractions", sum, 1, 1e-14);
    test_close("collapsed objective", p->objective, value, 1e-14);
    ufm_prediction_free(p);
}

/* ---- The threshold ------------------------------------------------------------------------------- */

static double collapsed_value(const ufm_prediction *p, ufm_loss loss)
{
    double value = 0;
    for (int64_t l = 0; l < p->levels; l++) {
        const double m = (double)p->multiplicity[l];
        value += p->fraction[l] * ufm_loss_weight(loss, m) * m * log((double)p->classes);
    }
    return value;
}

/* Just below mu_c, delta_m = omega_m t with t = gap F(0)/(2 sum c_m omega_m^3 m/K) to first order. */
static double first_order_t(const ufm_prediction *p, ufm_loss loss, double gap)
{
    const double K = (double)p->classes;
    double limit = 0, slope = 0;
    for (int64_t l = 0; l < p->levels; l++) {
        const double m = (double)p->multiplicity[l], weight = ufm_loss_weight(loss, m);
        const double share = p->fraction[l] * m * (K - m) / (K * (K - 1));
        limit += share * weight * weight;
        slope += 2 * share * weight * weight * weight * m / K;
    }
    return gap * limit / slope;
}

static void threshold(void)
{
    ufm_rng *rng = ufm_rng_new(14);
    for (int i = 0; i < 100; i++) {
        trial_design trial;
        do trial_random(&trial, rng, 30, 100);
        while (only_full(&trial.design));
        const ufm_loss loss = i % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL;
        static const double distances[] = {1e-3, 1e-6, 1e-9, 1e-12};
        const double distance = distances[i % 4];
        ufm_objective below = {0}, above = {0};
        TEST_OK(test_lambda_at(&trial.design, loss, 1 - distance, 1, &below, NULL));
        TEST_OK(test_lambda_at(&trial.design, loss, 1 + distance, 1, &above, NULL));
        ufm_prediction *p = predict(&trial.design, &below), *q = predict(&trial.design, &above);
        TEST(p->phase == UFM_PHASE_SEPARATED && q->phase == UFM_PHASE_COLLAPSED);
        TEST(p->r > 0 && q->r == 0 && q->gram_scale == 0 && q->weight_norm_squared == 0);
        test_close("collapsed", q->objective, collapsed_value(q, loss), 1e-14);
        test_at_most("separated is better", p->objective, q->objective * (1 + 1e-15));
        const double t = first_order_t(p, loss, 2 * distance);
        const double allowed = 30 * distance * (double)p->classes + 1e-14 / distance;
        for (int64_t l = 0; l < p->levels; l++) {
            TEST(q->margin[l] == 0 && isnan(q->scale[l]));
            if (p->multiplicity[l] < p->classes)
                test_close("first order margin",
                           p->margin[l] / (ufm_loss_weight(loss, (double)p->multiplicity[l]) * t), 1,
                           allowed);
        }
        ufm_prediction_free(p);
        ufm_prediction_free(q);
    }
    ufm_rng_free(rng);
}

/* ---- Special designs ----------------------------------------------------------------------------- */

/* m PAL-N = PAL with m times the weight decay. */
static void loss_scaling(void)
{
    ufm_rng *rng = ufm_rng_new(15);
    double worst = 0;
    for (int i = 0; i < 100; i++) {
        const int64_t K = 3 + ufm_rng_below(rng, 40), m = 1 + ufm_rng_below(rng, K - 1);
        const int64_t n = 1 + ufm_rng_below(rng, 50);
        const ufm_design design = {K, 1, (int64_t[]){m}, (int64_t[]){n}};
        ufm_objective per_tag = {0};
        TEST_OK(test_lambda_at(&design, UFM_LOSS_PAL_N, 0.01 + ufm_rng_uniform(rng), 2, &per_tag, NULL));
        const double factor = (double)m;
        const ufm_objective all = {UFM_LOSS_PAL, factor * per_tag.lambda_w, factor * per_tag.lambda_h, 0};
        ufm_prediction *p = predict(&design, &per_tag), *q = predict(&design, &all);
        TEST(p->phase == q->phase);
        worst = fmax(worst, relative(factor * p->objective, q->objective));
        worst = fmax(worst, relative(factor * p->mu_critical, q->mu_critical));
        /* Near the threshold the margin magnifies the rounding of the weight decay. */
        const double magnified = p->phase == UFM_PHASE_SEPARATED ? 1 - p->mu / p->mu_critical : 1;
        worst = fmax(worst, magnified * relative(p->margin[0], q->margin[0]));
        worst = fmax(worst, magnified * relative(p->gram_scale, q->gram_scale));
        ufm_prediction_free(p);
        ufm_prediction_free(q);
    }
    ufm_rng_free(rng);
    test_worst("loss_scaling", worst, 1e-14);
}

/* K = 2, m = 1: e^delta + 1 = 1/(mu sqrt n). */
static void two_classes(void)
{
    for (int64_t n = 1; n <= 1000; n *= 10) {
        const ufm_design design = {2, 2, (int64_t[]){1, 2}, (int64_t[]){n, 1}};
        ufm_design alone = design;
        alone.levels = 1;
        const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 2e-3, 0};
        ufm_prediction *p = predict(&alone, &objective);
        const double mu = 2 * sqrt(2e-6);
        test_close("margin", p->margin[0], log(1 / (mu * sqrt((double)n)) - 1), 1e-14);
        test_close("mu_c", p->mu_critical, 1 / (2 * sqrt((double)n)), 1e-15);
        ufm_prediction_free(p);
        p = predict(&design, &objective);
        TEST(p->margin[1] == 0 && isnan(p->scale[1]));
        test_at_most("equations with m = K", equation_residual(p, &design, &objective), 1e-13);
        ufm_prediction_free(p);
    }
}

static void full_multiplicity_only(void)
{
    for (int64_t K = 2; K < 9; K++) {
        const ufm_design design = {K, 1, &K, (int64_t[]){3}};
        const ufm_objective objective = {UFM_LOSS_PAL, 1e-200, 1e-200, 0};
        ufm_prediction *p = predict(&design, &objective);
        TEST(p->phase == UFM_PHASE_COLLAPSED && p->mu_critical == 0 && strcmp(p->samples_total, "3") == 0);
        test_close("objective", p->objective, (double)K * log((double)K), 1e-15);
        ufm_prediction_free(p);
        ufm_objective unused = {0};
        TEST(test_lambda_at(&design, UFM_LOSS_PAL, 0.5, 1, &unused, NULL) == UFM_ERROR_USAGE);
    }
}

/* ---- The predicted point ------------------------------------------------------------------------- */

enum { POINT_CLASSES = 6, POINT_COLUMNS = 512, POINT_DIM = 9 };

typedef struct {
    ufm_labels labels;
    int64_t offset[POINT_COLUMNS + 1], count[POINT_COLUMNS];
    int32_t tag[POINT_COLUMNS * POINT_CLASSES];
} small_labels;

/* All tag sets of the design; duplicates kept (n_m columns each) or merged (one of count n_m). */
static void enumerate(small_labels *out, const ufm_design *design, bool merged)
{
    int64_t columns = 0, samples = 0, tags = 0;
    for (int64_t l = 0; l < design->levels; l++) {
        for (unsigned set = 1; set < 1u << design->classes; set++) {
            if (__builtin_popcount(set) != design->multiplicity[l]) continue;
            for (int64_t copy = 0; copy < (merged ? 1 : design->per_tag_set[l]); copy++) {
                CU_ASSERT_FATAL(columns < POINT_COLUMNS);
                out->offset[columns] = tags;
                out->count[columns++] = merged ? design->per_tag_set[l] : 1;
                for (int32_t k = 0; k < design->classes; k++)
                    if (set >> k & 1u) out->tag[tags++] = k;
            }
            samples += design->per_tag_set[l];
        }
    }
    out->offset[columns] = tags;
    out->labels = (ufm_labels){.classes = design->classes,
                               .columns = columns,
                               .samples = samples,
                               .offset = out->offset,
                               .tag = out->tag,
                               .count = merged ? out->count : NULL};
}

/* Logit-space gradient of one column, and its loss (per sample, weighted). */
static double column_loss(const small_labels *in, int64_t i, const double *z, double weight, double *g)
{
    const int64_t K = in->labels.classes, m = ufm_labels_multiplicity(&in->labels, i);
    double top = -INFINITY, sum = 0;
    for (int64_t k = 0; k < K; k++) top = fmax(top, z[k]);
    for (int64_t k = 0; k < K; k++) sum += exp(z[k] - top);
    double loss = 0;
    for (int64_t k = 0; k < K; k++) g[k] = weight * (double)m * exp(z[k] - top) / sum;
    for (int64_t j = in->offset[i]; j < in->offset[i + 1]; j++) {
        loss += weight * (top + log(sum) - z[in->tag[j]]);
        g[in->tag[j]] -= weight;
    }
    return loss;
}

/* Plain-loop objective at b = 0; *gradient_norm of the merged problem's W, H and b gradient. */
static double plain_objective(const small_labels *in, const ufm_objective *objective, int64_t d,
                              const double *W, const double *H, double *gradient_norm)
{
    const int64_t K = in->labels.classes;
    double value = 0, square = 0, of_W[POINT_CLASSES * POINT_DIM] = {0}, of_b[POINT_CLASSES] = {0};
    for (int64_t i = 0; i < in->labels.columns; i++) {
        double z[POINT_CLASSES] = {0}, g[POINT_CLASSES];
        const double *h = H + i * d, share = (double)in->count[i] / (double)in->labels.samples;
        for (int64_t k = 0; k < K; k++)
            for (int64_t j = 0; j < d; j++) z[k] += W[k + j * K] * h[j];
        const double m = (double)ufm_labels_multiplicity(&in->labels, i);
        value += share * column_loss(in, i, z, ufm_loss_weight(objective->loss, m), g);
        for (int64_t j = 0; j < d; j++) {
            double of_h = 2 * objective->lambda_h * (double)in->count[i] * h[j];
            value += objective->lambda_h * (double)in->count[i] * h[j] * h[j];
            for (int64_t k = 0; k < K; k++) {
                of_h += share * W[k + j * K] * g[k];
                of_W[k + j * K] += share * g[k] * h[j];
            }
            square += of_h * of_h;
        }
        for (int64_t k = 0; k < K; k++) of_b[k] += share * g[k];
    }
    for (int64_t k = 0; k < K * d; k++) {
        value += objective->lambda_w * W[k] * W[k];
        square += pow(of_W[k] + 2 * objective->lambda_w * W[k], 2);
    }
    for (int64_t k = 0; k < K; k++) square += of_b[k] * of_b[k];
    *gradient_norm = sqrt(square);
    return value;
}

static void predicted_point(void)
{
    ufm_rng *rng = ufm_rng_new(16);
    double worst_value = 0, worst_gradient = 0, worst_gram = 0;
    for (int i = 0; i < 60; i++) {
        trial_design trial;
        static small_labels labels;
        do trial_random(&trial, rng, POINT_CLASSES, 4);
        while (only_full(&trial.design));
        enumerate(&labels, &trial.design, i % 3 == 0);
        if (i % 3)
            for (int64_t c = 0; c < labels.labels.columns; c++) labels.count[c] = 1;
        const int64_t K = trial.design.classes, d = K - 1 + i % 3;
        ufm_objective objective = {0};
        TEST_OK(test_lambda_at(&trial.design, i % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL,
                               1.1 * ufm_rng_uniform(rng), 0.3, &objective, NULL));
        ufm_prediction *p = predict(&trial.design, &objective);
        double W[POINT_CLASSES * POINT_DIM], H[POINT_COLUMNS * POINT_DIM], norm;
        TEST_OK(ufm_prediction_point(p, &labels.labels, d, W, H, NULL));
        const double value = plain_objective(&labels, &objective, d, W, H, &norm);
        worst_value = fmax(worst_value, relative(value, p->objective));
        worst_gradient = fmax(worst_gradient, isnan(norm) ? INFINITY : norm);
        for (int64_t k = 0; k < K; k++)
            for (int64_t l = 0; l < K; l++) {
                double dot = 0;
                for (int64_t j = 0; j < d; j++) dot += W[k + j * K] * W[l + j * K];
                const double expected = p->gram_scale * ((k == l ? 1.0 : 0.0) - 1 / (double)K);
                worst_gram = fmax(worst_gram, relative(p->gram_scale + dot, p->gram_scale + expected));
            }
        ufm_prediction_free(p);
    }
    ufm_rng_free(rng);
    test_worst("predicted_point", worst_value, 1e-13);
    test_worst("predicted_point gradient", worst_gradient, 1e-13);
    test_worst("predicted_point Gram matrix", worst_gram, 1e-14);
}

/* ---- Refusals ------------------------------------------------------------------------------------ */

static void refuse_design(ufm_design design)
{
    const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 1e-3, 0};
    ufm_prediction *p = NULL;
    ufm_error error = {{0}};
    TEST(ufm_predict(&design, &objective, &p, &error) == UFM_ERROR_USAGE && !p && error.text[0]);
}

static void bad_input(void)
{
    int64_t m[] = {1, 2}, n[] = {3, 2}, swapped[] = {2, 1}, none[] = {3, 0}, zero[] = {0, 1};
    refuse_design((ufm_design){1, 1, m, n});
    refuse_design((ufm_design){4, 0, m, n});
    refuse_design((ufm_design){4, 2, swapped, n});
    refuse_design((ufm_design){4, 2, m, none});
    refuse_design((ufm_design){4, 2, zero, n});
    refuse_design((ufm_design){2, 2, (int64_t[]){1, 3}, n});
    const ufm_design design = {4, 2, m, n};
    ufm_prediction *p = NULL;
    const double bad[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        ufm_objective objective = {UFM_LOSS_PAL, bad[i], 1e-3, 0};
        TEST(ufm_predict(&design, &objective, &p, NULL) == UFM_ERROR_USAGE && !p);
        TEST(test_lambda_at(&design, UFM_LOSS_PAL, bad[i], 1, &objective, NULL) == UFM_ERROR_USAGE);
        TEST(test_lambda_at(&design, UFM_LOSS_PAL, 1, bad[i], &objective, NULL) == UFM_ERROR_USAGE);
    }
    const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 1e-3, 0};
    p = predict(&design, &objective);
    static small_labels labels;
    static double W[POINT_CLASSES * POINT_DIM], H[POINT_COLUMNS * POINT_DIM];
    enumerate(&labels, &design, true);
    TEST(ufm_prediction_point(p, &labels.labels, 2, W, H, NULL) == UFM_ERROR_USAGE);
    TEST_OK(ufm_prediction_point(p, &labels.labels, 3, W, H, NULL));
    enumerate(&labels, &(ufm_design){4, 1, (int64_t[]){3}, n}, true);
    TEST(ufm_prediction_point(p, &labels.labels, 4, W, H, NULL) == UFM_ERROR_USAGE);
    enumerate(&labels, &(ufm_design){5, 2, m, n}, true);
    TEST(ufm_prediction_point(p, &labels.labels, 4, W, H, NULL) == UFM_ERROR_USAGE);
    ufm_prediction_free(p);
    ufm_prediction_free(NULL);
}

static void out_of_memory(void)
{
    const ufm_design design = {4, 2, (int64_t[]){1, 2}, (int64_t[]){3, 2}};
    const ufm_objective objective = {UFM_LOSS_PAL, 1e-3, 1e-3, 0};
    const int64_t before = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t allowed = 0; status != UFM_OK && allowed < 100; allowed++) {
        ufm_prediction *p = NULL;
        ufm_memory_fail_after(allowed);
        status = ufm_predict(&design, &objective, &p, NULL);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || (status == UFM_ERROR_MEMORY && !p));
        ufm_prediction_free(p);
        TEST(ufm_memory_live_blocks() == before);
    }
    TEST(status == UFM_OK);
}

static const test_case cases[] = {{"reference_values", reference_values},
                                  {"scalar_equations", scalar_equations},
                                  {"tiny_lambda", tiny_lambda},
                                  {"independent_minimum", independent_minimum},
                                  {"samples_total", samples_total},
                                  {"million_classes", million_classes},
                                  {"threshold", threshold},
                                  {"loss_scaling", loss_scaling},
                                  {"two_classes", two_classes},
                                  {"full_multiplicity_only", full_multiplicity_only},
                                  {"predicted_point", predicted_point},
                                  {"bad_input", bad_input},
                                  {"out_of_memory", out_of_memory},
                                  {NULL, NULL}};
const test_suite suite_theory = {"theory", cases};
