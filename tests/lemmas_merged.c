/* Note 12: samples with the same tag set. */
#include "lemmas_problem.h"
#include "lemmas_tests.h"
#include <string.h>

typedef struct {
    int64_t groups, first[LEMMA_N], group[LEMMA_N], count[LEMMA_N];
} grouping;

static grouping group_tags(const lemma_problem *problem)
{
    grouping g = {0};
    for (int64_t i = 0; i < problem->samples; i++) {
        int64_t c = 0;
        while (c < g.groups && problem->tags[g.first[c]] != problem->tags[i]) c++;
        if (c == g.groups) g.first[g.groups++] = i;
        g.group[i] = c;
        g.count[c]++;
    }
    return g;
}

/* Columns g_S/sqrt(c_S), g_S = c_S times one sample's column of G; likewise any matrix with equal columns. */
static void merge_columns(const grouping *g, int64_t rows, const double *full, double *merged)
{
    for (int64_t c = 0; c < g->groups; c++)
        for (int64_t k = 0; k < rows; k++)
            merged[k + c * rows] = sqrt((double)g->count[c]) * full[k + g->first[c] * rows];
}

/* Gradient norm in [W | H diag(sqrt c) | b], from the gradient g_S of the weighted problem. */
static double merged_gradient_norm(const lemma_problem *problem, const grouping *g, const double *x,
                                   const double *full_gradient)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    double G[LEMMA_K * LEMMA_N], sum = ufm_dot(K * d, full_gradient, full_gradient);
    sum += ufm_dot(K, full_gradient + d * (K + N), full_gradient + d * (K + N));
    lemma_loss_gradient(problem, x, G);
    for (int64_t c = 0; c < g->groups; c++)
        for (int64_t j = 0; j < d; j++) {
            const int64_t i = g->first[c];
            const double count = (double)g->count[c];
            double entry = 2 * problem->lambda_h * count * x[K * d + j + i * d];
            for (int64_t k = 0; k < K; k++) entry += x[k + j * K] * count * G[k + i * K];
            sum += entry * entry / count;
        }
    return sqrt(sum);
}

/* At a point whose duplicates share their feature: singular values of G and X, and the gradient's norm. */
static double merged_error(const lemma_problem *problem, const double *x)
{
    const int64_t K = problem->classes, N = problem->samples;
    const grouping g = group_tags(problem);
    double G[LEMMA_K * LEMMA_N], X[LEMMA_K * LEMMA_N], merged[LEMMA_K * LEMMA_N], gradient[LEMMA_SIZE];
    lemma_loss_gradient(problem, x, G);
    merge_columns(&g, K, G, merged);
    double error = fabs(lemma_sigma1(K, g.groups, merged) / lemma_sigma1(K, N, G) - 1);
    lemma_product(problem, x, X);
    merge_columns(&g, K, X, merged);
    error = fmax(error, fabs(lemma_nuclear_norm(K, g.groups, merged) / lemma_nuclear_norm(K, N, X) - 1));
    lemma_gradient(problem, x, gradient);
    const double norm = ufm_norm(lemma_size(problem), gradient);
    return fmax(error, fabs(merged_gradient_norm(problem, &g, x, gradient) / norm - 1));
}

/* Greatest distance between features of equal tag sets, relative to the greatest feature. */
static double spread(const lemma_problem *problem, const double *x)
{
    const grouping g = group_tags(problem);
    const int64_t d = problem->dim;
    const double *H = x + problem->classes * d;
    double worst = 0;
    for (int64_t i = 0; i < problem->samples; i++)
        worst = fmax(worst, ufm_distance(d, H + i * d, H + g.first[g.group[i]] * d));
    return worst / fmax(1e-3, ufm_norm(d * problem->samples, H));
}

void lemma_test_merged_duplicates(void)
{
    ufm_rng *rng = ufm_rng_new(12);
    lemma_worst identities = {"lemmas/merged_duplicates identities", 2e-14, 0};
    lemma_worst shared = {"lemmas/merged_duplicates", 2e-14, 0};
    double x[LEMMA_SIZE];
    for (int trial = 0; trial < lemma_trials(1000, 50); trial++) {
        const lemma_problem problem = lemma_random_problem(rng, 5, 20);
        const grouping g = group_tags(&problem);
        const int64_t d = problem.dim;
        double *H = x + problem.classes * d;
        lemma_gaussian(rng, lemma_log_uniform(rng, 1e-2, 10), lemma_size(&problem), x);
        for (int64_t i = 0; i < problem.samples; i++)
            memmove(H + i * d, H + g.first[g.group[i]] * d, (size_t)d * sizeof *H);
        if (lemma_exceeds(&identities, merged_error(&problem, x)))
            lemma_print(identities.name, trial, &problem);
    }
    const int solves = lemma_trials(200, 5);
    int unfinished = 0;
    for (int trial = 0; trial < solves; trial++) {
        lemma_problem problem = lemma_solvable_problem(rng, 3);
        problem.tags[problem.samples++] = problem.tags[0];
        problem.tags[problem.samples++] = problem.tags[1];
        lemma_gaussian(rng, 0.5, lemma_size(&problem), x);
        if (!(lemma_minimise(&problem, x) < 1e-14))
            unfinished++;
        else if (lemma_exceeds(&shared, spread(&problem, x)))
            lemma_print(shared.name, trial, &problem);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * solves);
    lemma_report(&identities);
    lemma_report(&shared);
    ufm_rng_free(rng);
}
