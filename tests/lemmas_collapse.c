/* Note 31: classes that the labels do not tell apart share one classifier, or lose it. */
#include "lemmas_problem.h"
#include "lemmas_tests.h"

/* Labels that every permutation of the classes first..K-1 (the set B) maps onto themselves. Samples of one
 * orbit have the same tags outside B and equally many in B. */
typedef struct {
    lemma_problem problem;
    int64_t first, orbits, orbit[LEMMA_N];
    double sigma; /* of the note, by its formula */
} twins;

static int64_t twin_count(const twins *t)
{
    return t->problem.classes - t->first;
}

/* Adds `copies` samples of every tag set `outside` + j classes of B; false when they are too many. */
static bool add_orbit(twins *t, uint32_t outside, int j, int64_t copies, int64_t most)
{
    lemma_problem *problem = &t->problem;
    const int64_t sets = lemma_binomial(twin_count(t), j);
    if (problem->samples + copies * sets > most) return false;
    for (uint32_t inside = 0; inside < (uint32_t)1 << problem->classes; inside += (uint32_t)1 << t->first)
        for (int64_t c = 0; c < copies && lemma_multiplicity(inside) == j; c++) {
            t->orbit[problem->samples] = t->orbits;
            problem->tags[problem->samples++] = outside | inside;
        }
    t->orbits++;
    const double weight = lemma_weight(problem->per_label, lemma_multiplicity(outside) + j);
    if (j > 0 && j < twin_count(t))
        t->sigma += weight * weight * (double)(copies * lemma_binomial(twin_count(t) - 2, j - 1));
    return true;
}

/* mu = ratio * sigma, where sigma > 0. */
static twins random_twins(ufm_rng *rng, double ratio)
{
    twins t;
    do {
        t = (twins){
            .problem = {.classes = 2 + ufm_rng_below(rng, 3), .per_label = ufm_rng_below(rng, 2) == 1}};
        t.first = ufm_rng_below(rng, t.problem.classes - 1);
        for (int tries = 0; tries < 4; tries++) {
            const uint32_t outside = (uint32_t)ufm_rng_below(rng, (int64_t)1 << t.first);
            const int j = (int)ufm_rng_below(rng, twin_count(&t) + 1);
            if (outside || j > 0) (void)add_orbit(&t, outside, j, 1 + ufm_rng_below(rng, 2), 12);
        }
    } while (!(t.sigma > 0));
    t.sigma = sqrt(t.sigma) / (double)t.problem.samples;
    uint32_t covered = 0;
    for (int64_t i = 0; i < t.problem.samples; i++) covered |= t.problem.tags[i];
    const bool all = covered == ((uint32_t)1 << t.problem.classes) - 1;
    const double balance = lemma_log_uniform(rng, 0.1, 10);
    t.problem.lambda_w = ratio * t.sigma / 2 * balance;
    t.problem.lambda_h = ratio * t.sigma / 2 / balance;
    t.problem.lambda_b = all && ufm_rng_below(rng, 3) == 0 ? 0 : lemma_log_uniform(rng, 1e-3, 1e-1);
    t.problem.dim = t.problem.classes;
    return t;
}

/* The nearest point whose rows of W and entries of b are equal on B, and whose features depend on the orbit
 * only. */
static void merge_classes(const void *context, double *x)
{
    const twins *t = context;
    const int64_t K = t->problem.classes, d = t->problem.dim, N = t->problem.samples;
    for (int64_t j = 0; j <= d; j++) { /* the columns of W, then b */
        double *column = j < d ? x + j * K : x + d * (K + N), mean = 0;
        for (int64_t k = t->first; k < K; k++) mean += column[k] / (double)twin_count(t);
        for (int64_t k = t->first; k < K; k++) column[k] = mean;
    }
    for (int64_t o = 0; o < t->orbits; o++)
        for (int64_t j = 0; j < d; j++) {
            double sum = 0, members = 0;
            for (int64_t i = 0; i < N; i++)
                if (t->orbit[i] == o) sum += x[K * d + j + i * d], members++;
            for (int64_t i = 0; i < N; i++)
                if (t->orbit[i] == o) x[K * d + j + i * d] = sum / members;
        }
}

/* Entry of P_B, the projection onto vectors on B with sum 0. */
static double projection(const twins *t, int64_t k, int64_t l)
{
    if (k < t->first || l < t->first) return 0;
    return (k == l) - 1.0 / (double)twin_count(t);
}

/* |P_B G G^T - value P_B| over value, largest entry. */
static double block_error(const twins *t, const double *x, double value)
{
    const int64_t K = t->problem.classes, N = t->problem.samples;
    double G[LEMMA_K * LEMMA_N], worst = 0;
    lemma_loss_gradient(&t->problem, x, G);
    for (int64_t k = 0; k < K; k++)
        for (int64_t l = 0; l < K; l++) {
            double sum = -value * projection(t, k, l);
            for (int64_t i = 0; i < N; i++)
                for (int64_t p = t->first; p < K; p++)
                    sum += projection(t, k, p) * G[p + i * K] * G[l + i * K];
            if (!(fabs(sum) <= worst)) worst = fabs(sum);
        }
    return worst / value;
}

/* |P_B W| / |W|. */
static double row_spread(const twins *t, const double *x)
{
    const int64_t K = t->problem.classes, d = t->problem.dim;
    double square = 0;
    for (int64_t j = 0; j < d; j++)
        for (int64_t k = t->first; k < K; k++) {
            double entry = 0;
            for (int64_t l = t->first; l < K; l++) entry += projection(t, k, l) * x[l + j * K];
            square += entry * entry;
        }
    return sqrt(square) / fmax(1e-3, ufm_norm(K * d, x));
}

/* Part 1 at any merged point. */
static void check_identity(ufm_rng *rng)
{
    lemma_worst worst = {"lemmas/equal_classes identity", 1e-13, 0};
    double x[LEMMA_SIZE];
    for (int trial = 0; trial < lemma_trials(2000, 60); trial++) {
        const twins t = random_twins(rng, 1);
        lemma_gaussian(rng, lemma_log_uniform(rng, 1e-2, 3), lemma_size(&t.problem), x);
        merge_classes(&t, x);
        if (lemma_exceeds(&worst, block_error(&t, x, t.sigma * t.sigma)))
            lemma_print(worst.name, trial, &t.problem);
    }
    lemma_report(&worst);
}

/* Part 2: the best merged point is optimal (gap 0) or not (sigma_1 > mu and a lower value elsewhere), and so
 * the optimum's rows are equal or not. Returns false when a descent stalled. */
static bool check_optimum(ufm_rng *rng, const twins *t, double ratio, double *error)
{
    double merged[LEMMA_SIZE], x[LEMMA_SIZE];
    const int64_t n = lemma_size(&t->problem);
    lemma_gaussian(rng, 0.5, n, merged);
    merge_classes(t, merged);
    lemma_gaussian(rng, 0.5, n, x);
    if (!(lemma_minimise_within(&t->problem, merge_classes, t, merged) < 1e-13)) return false;
    if (!(lemma_minimise(&t->problem, x) < 1e-13)) return false;
    const double value = lemma_value(&t->problem, merged), mu = ratio * t->sigma;
    const lemma_bound_parts bound = lemma_bound(&t->problem, merged);
    *error = block_error(t, merged, t->sigma * t->sigma);
    if (ratio > 1) {
        *error = fmax(*error, fabs(lemma_value(&t->problem, x) - value) / (1 + value));
        *error = fmax(*error, fmax(0, bound.sigma1 / mu - 1));
        TEST(row_spread(t, x) < 1e-6 && block_error(t, x, t->sigma * t->sigma) < 1e-10);
    } else {
        TEST(bound.sigma1 >= t->sigma * (1 - 1e-12) && lemma_value(&t->problem, x) < value - 1e-9);
        TEST(row_spread(t, x) > 1e-3);
        *error = fmax(*error, block_error(t, x, mu * mu));
    }
    return true;
}

void lemma_test_equal_classes(void)
{
    ufm_rng *rng = ufm_rng_new(31);
    lemma_worst worst = {"lemmas/equal_classes", 1e-11, 0};
    check_identity(rng);
    const int trials = lemma_trials(200, 8);
    int unfinished = 0;
    for (int trial = 0; trial < trials; trial++) {
        const double ratio = trial % 2 ? lemma_log_uniform(rng, 0.3, 0.95) : lemma_log_uniform(rng, 1.05, 2);
        const twins t = random_twins(rng, ratio);
        double error = 0;
        if (!check_optimum(rng, &t, ratio, &error))
            unfinished++;
        else if (lemma_exceeds(&worst, error))
            lemma_print(worst.name, trial, &t.problem);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * trials);
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* ---- Part 3: K_A frequent and K_B rare classes, single labels ---------------------------------------- */

typedef struct {
    double A, B, frequent, rare, mu, lambda_b; /* classes and samples of each kind */
    double alpha, out, into; /* root; mass of a frequent sample on B and of a rare one on A */
} split_problem;

/* (1/2K_B) d/dD of the objective at bias difference D, alpha at its own root. */
static double bias_slope(split_problem *s, double D)
{
    const double N = s->A * s->frequent + s->B * s->rare;
    double low = 0, high = 2000, e = 0, f = 0, sum = 0;
    for (int step = 0; step < 64; step++) {
        s->alpha = (low + high) / 2;
        const double shift = fmax(0, s->alpha + D);
        e = exp(D - s->alpha / s->A - shift);
        f = exp(D + s->alpha * (1 - 1 / s->A) - shift);
        sum = f + (s->A - 1) * e + s->B * exp(-shift);
        if (sqrt(s->frequent) / N * (1 - (f - e) / sum) > s->mu)
            low = s->alpha;
        else
            high = s->alpha;
        s->out = s->B * exp(-shift) / sum;
    }
    s->into = s->A / (s->A + s->B * exp(-D));
    return (s->B * s->rare * s->into / s->A - s->frequent * s->out) / N +
           2 * s->lambda_b * D * s->B / (s->A + s->B);
}

/* sigma of the direction that separates both kinds, at the point where rare rows vanish. */
static double separation(split_problem *s)
{
    const double N = s->A * s->frequent + s->B * s->rare;
    double low = -200, high = 200;
    for (int step = 0; step < 64; step++) {
        const double D = (low + high) / 2;
        if (bias_slope(s, D) > 0)
            high = D;
        else
            low = D;
    }
    return sqrt((s->A + s->B) / (s->A * s->B) *
                (s->A * s->frequent * s->out * s->out + s->B * s->rare * s->into * s->into)) /
           N;
}

/* mu from which on the rare rows vanish; NaN when there is none between the other two thresholds. */
static double vanishing_threshold(split_problem s)
{
    const double N = s.A * s.frequent + s.B * s.rare;
    double low = 1.05 * sqrt(s.rare) / N, high = sqrt(s.frequent) / N / 1.05;
    s.mu = low;
    if (!(separation(&s) > low)) return NAN;
    s.mu = high;
    if (!(separation(&s) < high)) return NAN;
    for (int step = 0; step < 64; step++) {
        s.mu = (low + high) / 2;
        if (separation(&s) > s.mu)
            low = s.mu;
        else
            high = s.mu;
    }
    return low;
}

static lemma_problem split_labels(const split_problem *s, double balance)
{
    lemma_problem problem = {.classes = (int64_t)(s->A + s->B),
                             .dim = (int64_t)(s->A + s->B) - 1,
                             .lambda_w = s->mu / 2 * balance,
                             .lambda_h = s->mu / 2 / balance,
                             .lambda_b = s->lambda_b};
    for (int64_t k = 0; k < problem.classes; k++)
        for (int64_t c = 0; c < (int64_t)(k < (int64_t)s->A ? s->frequent : s->rare); c++)
            problem.tags[problem.samples++] = (uint32_t)1 << k;
    return problem;
}

/* Norm of the last row of W over that of the first; *error: that of alpha, from the first row's norm. */
static double rare_row(const lemma_problem *problem, const split_problem *s, const double *x, double *error)
{
    const int64_t K = problem->classes;
    double first = 0, last = 0;
    for (int64_t j = 0; j < problem->dim; j++) {
        first += x[j * K] * x[j * K];
        last += x[K - 1 + j * K] * x[K - 1 + j * K];
    }
    const double predicted =
        sqrt(problem->lambda_h / problem->lambda_w * s->frequent) * s->alpha * (1 - 1 / s->A);
    *error = fabs(first / predicted - 1);
    return sqrt(last / first);
}

void lemma_test_vanishing_classes(void)
{
    ufm_rng *rng = ufm_rng_new(3131);
    lemma_worst worst = {"lemmas/vanishing_classes", 1e-11, 0};
    int unfinished = 0, checked = 0;
    const int trials = lemma_trials(200, 12);
    for (int trial = 0; trial < trials; trial++) {
        split_problem s = {.A = 2 + (double)ufm_rng_below(rng, 2),
                           .B = 1 + (double)ufm_rng_below(rng, 2),
                           .frequent = 3 + (double)ufm_rng_below(rng, 5),
                           .rare = 1,
                           .lambda_b = lemma_log_uniform(rng, 1e-3, 1)};
        const double threshold = vanishing_threshold(s), balance = lemma_log_uniform(rng, 0.3, 3);
        double x[LEMMA_SIZE], error;
        if (isnan(threshold)) continue;
        for (int side = 0; side < 2; side++) {
            s.mu = threshold * (side ? 1.03 : 0.97);
            (void)separation(&s);
            const lemma_problem problem = split_labels(&s, balance);
            lemma_gaussian(rng, 0.5, lemma_size(&problem), x);
            if (!(lemma_minimise(&problem, x) < 1e-13)) {
                unfinished++;
                continue;
            }
            const double row = rare_row(&problem, &s, x, &error);
            checked++;
            TEST(side ? row < 1e-6 : row > 1e-2);
            if (lemma_exceeds(&worst, side ? error : 0)) lemma_print(worst.name, trial, &problem);
        }
    }
    test_at_most("trials without a threshold or a solution", 2 * trials - checked, trials);
    test_at_most("solves that stalled", unfinished, 0.1 * trials);
    lemma_report(&worst);
    ufm_rng_free(rng);
}
