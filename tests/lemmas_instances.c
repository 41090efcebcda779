/* Random instances, the closed form by bisection, and the dual bound, for the tests of the proof notes. */
#include "lemmas_problem.h"
#include <string.h>

double lemma_log_uniform(ufm_rng *rng, double low, double high)
{
    return low * exp(ufm_rng_uniform(rng) * log(high / low));
}

void lemma_gaussian(ufm_rng *rng, double scale, int64_t n, double *x)
{
    for (int64_t j = 0; j < n; j++) x[j] = scale * ufm_rng_gaussian(rng);
}

uint32_t lemma_random_tags(ufm_rng *rng, int64_t classes)
{
    switch (ufm_rng_below(rng, 4)) { /* single, all but one, anything */
    case 0:
        return (uint32_t)1 << ufm_rng_below(rng, classes);
    case 1:
        return (((uint32_t)1 << classes) - 1) & ~((uint32_t)1 << ufm_rng_below(rng, classes));
    default:
        return (uint32_t)(1 + ufm_rng_below(rng, ((int64_t)1 << classes) - 1));
    }
}

lemma_problem lemma_random_problem(ufm_rng *rng, int64_t max_classes, int64_t max_samples)
{
    lemma_problem problem = {.classes = 2 + ufm_rng_below(rng, max_classes - 1),
                             .samples = 1 + ufm_rng_below(rng, max_samples),
                             .per_label = ufm_rng_below(rng, 2) == 1};
    problem.dim = 1 + ufm_rng_below(rng, problem.classes + 2);
    problem.lambda_w = lemma_log_uniform(rng, 1e-5, 1e-1);
    problem.lambda_h = lemma_log_uniform(rng, 1e-5, 1e-1);
    problem.lambda_b = ufm_rng_below(rng, 3) == 0 ? 0 : lemma_log_uniform(rng, 1e-4, 1e-1);
    for (int64_t i = 0; i < problem.samples; i++)
        problem.tags[i] = i > 0 && ufm_rng_below(rng, 4) == 0 ? problem.tags[ufm_rng_below(rng, i)]
                                                              : lemma_random_tags(rng, problem.classes);
    return problem;
}

lemma_problem lemma_solvable_problem(ufm_rng *rng, int64_t dim)
{
    lemma_problem problem = {.classes = 2 + ufm_rng_below(rng, 3),
                             .dim = dim,
                             .samples = 2 + ufm_rng_below(rng, 7),
                             .per_label = ufm_rng_below(rng, 2) == 1,
                             .lambda_w = lemma_log_uniform(rng, 1e-3, 3e-2),
                             .lambda_h = lemma_log_uniform(rng, 1e-3, 3e-2)};
    uint32_t covered = 0;
    for (int64_t i = 0; i < problem.samples; i++) {
        problem.tags[i] = lemma_random_tags(rng, problem.classes);
        covered |= problem.tags[i];
    }
    const bool all = covered == ((uint32_t)1 << problem.classes) - 1;
    problem.lambda_b = all && ufm_rng_below(rng, 2) == 0 ? 0 : lemma_log_uniform(rng, 1e-3, 1e-1);
    return problem;
}

static int64_t design_samples(const lemma_design *design)
{
    int64_t N = 0;
    for (int64_t m = 1; m <= design->classes; m++)
        N += design->per_tag_set[m] * lemma_binomial(design->classes, m);
    return N;
}

static double kappa(const lemma_design *design, int m)
{
    return (double)(design->per_tag_set[m] * lemma_binomial(design->classes - 2, m - 1));
}

/* N mu_c = sqrt(sum omega^2 kappa). */
static double scaled_threshold(const lemma_design *design)
{
    double sum = 0;
    for (int m = 1; m < design->classes; m++)
        sum += kappa(design, m) * pow(lemma_weight(design->per_label, m), 2);
    return sqrt(sum);
}

lemma_design lemma_random_design(ufm_rng *rng, int64_t max_classes, int64_t max_samples, double ratio)
{
    lemma_design design;
    do {
        design = (lemma_design){.classes = 2 + ufm_rng_below(rng, max_classes - 1),
                                .per_label = ufm_rng_below(rng, 2) == 1};
        for (int64_t m = 1; m <= design.classes; m++)
            if (ufm_rng_below(rng, 2) == 0) design.per_tag_set[m] = 1 + ufm_rng_below(rng, 4);
    } while (design_samples(&design) > max_samples || !(scaled_threshold(&design) > 0));
    const double mu = ratio * scaled_threshold(&design) / (double)design_samples(&design);
    const double balance = lemma_log_uniform(rng, 1e-2, 1e2);
    design.lambda_w = mu / 2 * balance;
    design.lambda_h = mu / 2 / balance;
    return design;
}

lemma_problem lemma_design_problem(const lemma_design *design, int64_t dim, double lambda_b)
{
    lemma_problem problem = {.classes = design->classes,
                             .dim = dim,
                             .lambda_w = design->lambda_w,
                             .lambda_h = design->lambda_h,
                             .lambda_b = lambda_b,
                             .per_label = design->per_label};
    for (uint32_t tags = 1; tags < (uint32_t)1 << design->classes; tags++)
        for (int64_t c = 0; c < design->per_tag_set[lemma_multiplicity(tags)]; c++)
            problem.tags[problem.samples++] = tags;
    return problem;
}

void lemma_print(const char *test, int trial, const lemma_problem *problem)
{
    fprintf(stderr, "  %s: trial %d: K=%d d=%d N=%d %s lambda=%.17g,%.17g,%.17g tags", test, trial,
            (int)problem->classes, (int)problem->dim, (int)problem->samples,
            problem->per_label ? "pal-n" : "pal", problem->lambda_w, problem->lambda_h, problem->lambda_b);
    for (int64_t i = 0; i < problem->samples; i++) fprintf(stderr, " %x", (unsigned)problem->tags[i]);
    fprintf(stderr, "\n");
}

/* ---- closed form by bisection ----------------------------------------------------------------------- */

double lemma_margin(const lemma_design *design, int m, double slope)
{
    const double K = (double)design->classes, omega = lemma_weight(design->per_label, m);
    double low = 0, high = omega / (K * slope); /* there slope*delta has reached the other side's maximum */
    for (int i = 0; i < 1100 && low < high; i++) {
        const double middle = low + (high - low) / 2;
        if (!(low < middle && middle < high)) break;
        if (slope * middle * (m * exp(middle) + K - m) < omega)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

double lemma_outer(const lemma_design *design, double r)
{
    const double mu = lemma_mu(design->lambda_w, design->lambda_h);
    const double slope = mu * (double)design_samples(design) / ((double)design->classes * r);
    double sum = -1;
    for (int m = 1; m < design->classes; m++)
        if (design->per_tag_set[m] > 0) sum += kappa(design, m) * pow(lemma_margin(design, m, slope) / r, 2);
    return sum;
}

static double outer_root(const lemma_design *design)
{
    double low = 1e-30, high = 1;
    while (lemma_outer(design, high) > 0) high *= 2;
    for (int i = 0; i < 400; i++) {
        const double middle = high > 4 * low ? sqrt(low * high) : low + (high - low) / 2;
        if (!(low < middle && middle < high)) break;
        if (lemma_outer(design, middle) > 0)
            low = middle;
        else
            high = middle;
    }
    return high;
}

lemma_optimum lemma_predict(const lemma_design *design)
{
    const double K = (double)design->classes, N = (double)design_samples(design);
    lemma_optimum best = {.mu = lemma_mu(design->lambda_w, design->lambda_h)};
    best.critical = scaled_threshold(design) / N;
    if (best.mu < best.critical) best.r = outer_root(design);
    best.objective = best.mu * (K - 1) * best.r;
    for (int m = 1; m <= design->classes; m++) {
        if (m < design->classes && best.r > 0)
            best.margin[m] = lemma_margin(design, m, best.mu * N / (K * best.r));
        const double share = (double)(design->per_tag_set[m] * lemma_binomial(design->classes, m)) / N;
        best.objective += share * lemma_weight(design->per_label, m) * m *
                          (log(m) + log1p((K - m) / m * exp(-best.margin[m])));
    }
    return best;
}

/* W = sqrt(t r) (I - J/K) R with t = sqrt(lambda_h/lambda_w) has the predicted Gram matrix for any R with
 * R R^T = I on the complement of the ones; columns of an orthonormal basis Q of it make K-1 dimensions
 * enough. */
void lemma_predicted_point(const lemma_design *design, ufm_rng *rng, const lemma_problem *problem, double *x)
{
    const int64_t K = problem->classes, d = problem->dim;
    const lemma_optimum best = lemma_predict(design);
    const double t = sqrt(design->lambda_h / design->lambda_w);
    double rotation[LEMMA_D * LEMMA_D], helmert[LEMMA_K * LEMMA_K] = {0};
    for (int64_t j = 1; j < K; j++)
        for (int64_t k = 0; k <= j; k++)
            helmert[k + (j - 1) * K] = (k < j ? 1 : -(double)j) / sqrt((double)(j * (j + 1)));
    lemma_orthonormal_rows(rng, K - 1, d, rotation);
    memset(x, 0, (size_t)lemma_size(problem) * sizeof *x);
    if (!(best.r > 0)) return;
    ufm_gemm(sqrt(t * best.r), ufm_view(helmert, K, K - 1), ufm_view(rotation, K - 1, d), 0,
             ufm_view(x, K, d));
    for (int64_t i = 0; i < problem->samples; i++)
        for (int64_t j = 0; j < d; j++)
            for (int64_t k = 0; k < K; k++)
                if (problem->tags[i] >> k & 1)
                    x[K * d + j + i * d] +=
                        best.margin[lemma_multiplicity(problem->tags[i])] / (t * best.r) * x[k + j * K];
}

/* ---- dual bound ------------------------------------------------------------------------------------- */

/* e = G 1 when the dual point must be moved onto G 1 = 0, and G - e 1^T/N in place of G. */
static void move_dual(const lemma_problem *problem, double *G, double *e)
{
    const int64_t K = problem->classes, N = problem->samples;
    for (int64_t k = 0; k < K; k++) {
        e[k] = 0;
        for (int64_t i = 0; i < N; i++) e[k] += G[k + i * K];
    }
    if (problem->lambda_b > 0) return;
    for (int64_t i = 0; i < N; i++)
        for (int64_t k = 0; k < K; k++) G[k + i * K] -= e[k] / (double)N;
}

/* The terms of one sample: q = y + (N/omega) s G'_i; -sum q log(q/m) and m KL(q/m || p). */
static void sample_bound(const lemma_problem *problem, int64_t i, const double *column, const double *z,
                         double out[2])
{
    const int64_t K = problem->classes;
    const int m = lemma_multiplicity(problem->tags[i]);
    const double factor = (double)problem->samples / lemma_weight(problem->per_label, m);
    double largest = -INFINITY, sum = 0;
    for (int64_t k = 0; k < K; k++) largest = fmax(largest, z[k]);
    for (int64_t k = 0; k < K; k++) sum += exp(z[k] - largest);
    out[0] = out[1] = 0;
    for (int64_t k = 0; k < K; k++) {
        const double y = (double)(problem->tags[i] >> k & 1), q = y + factor * column[k];
        if (q < -4e-16 * m) out[0] = -INFINITY;
        if (!(q > 0)) continue;
        out[0] -= q * log(q / m);
        out[1] += q * (log(q / m) - (z[k] - largest - log(sum)));
    }
}

lemma_bound_parts lemma_bound(const lemma_problem *problem, const double *x)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    const double mu = lemma_mu(problem->lambda_w, problem->lambda_h), *b = x + d * (K + N);
    double G[LEMMA_K * LEMMA_N], X[LEMMA_K * LEMMA_N], e[LEMMA_K], z[LEMMA_K], terms[2];
    lemma_bound_parts parts = {0};
    lemma_loss_gradient(problem, x, G);
    lemma_product(problem, x, X);
    move_dual(problem, G, e);
    parts.sigma1 = lemma_sigma1(K, N, G);
    const double s = parts.sigma1 > mu ? mu / parts.sigma1 : 1;
    ufm_scale(K * N, s, G);
    for (int64_t i = 0; i < N; i++) {
        const double weight =
            lemma_weight(problem->per_label, lemma_multiplicity(problem->tags[i])) / (double)N;
        for (int64_t k = 0; k < K; k++) z[k] = X[k + i * K] + b[k];
        sample_bound(problem, i, G + i * K, z, terms);
        parts.lower_bound += weight * terms[0];
        parts.divergence += weight * terms[1];
    }
    parts.nuclear_slack = problem->lambda_w * ufm_dot(K * d, x, x) +
                          problem->lambda_h * ufm_dot(d * N, x + K * d, x + K * d) + ufm_dot(K * N, G, X);
    if (!(problem->lambda_b > 0)) return parts;
    const double attained = s * s * ufm_dot(K, e, e) / (4 * problem->lambda_b);
    parts.lower_bound -= attained;
    parts.bias_slack = s * ufm_dot(K, e, b) + problem->lambda_b * ufm_dot(K, b, b) + attained;
    return parts;
}
