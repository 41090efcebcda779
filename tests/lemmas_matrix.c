/* Notes 1, 2 and 7: balancedness, the variational nuclear norm, the simplex ETF. */
#include "lemmas_problem.h"
#include "lemmas_tests.h"
#include <string.h>

void lemma_test_plain_derivatives(void)
{
    ufm_rng *rng = ufm_rng_new(100);
    lemma_worst worst = {"lemmas/plain_derivatives", 5e-15, 0};
    for (int trial = 0; trial < lemma_trials(1000, 50); trial++) {
        const lemma_problem problem = lemma_random_problem(rng, 5, 12);
        const int64_t n = lemma_size(&problem);
        double x[LEMMA_SIZE], formula[LEMMA_SIZE], steps[LEMMA_SIZE];
        lemma_gaussian(rng, lemma_log_uniform(rng, 1e-8, 1e2), n, x);
        lemma_gradient(&problem, x, formula);
        lemma_gradient_by_steps(&problem, x, steps);
        if (lemma_exceeds(&worst, ufm_distance(n, formula, steps) / (1 + ufm_norm(n, x))))
            lemma_print(worst.name, trial, &problem);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* A = lambda_w W^T W - lambda_h H H^T, d x d; returns lambda_w |W|^2 + lambda_h |H|^2. */
static double imbalance(const lemma_problem *problem, const double *x, double *A)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    const ufm_matrix W = ufm_view(x, K, d), H = ufm_view(x + K * d, d, N);
    ufm_gemm(problem->lambda_w, ufm_transpose(W), W, 0, ufm_view(A, d, d));
    ufm_gemm(-problem->lambda_h, H, ufm_transpose(H), 1, ufm_view(A, d, d));
    return problem->lambda_w * ufm_dot(K * d, x, x) +
           problem->lambda_h * ufm_dot(d * N, x + K * d, x + K * d);
}

/* A - (W^T dW - dH H^T)/2 vanishes at every point; dW, dH by complex steps of the value. */
static double identity_error(const lemma_problem *problem, const double *x)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    double A[LEMMA_D * LEMMA_D], gradient[LEMMA_SIZE];
    double scale = imbalance(problem, x, A);
    lemma_gradient_by_steps(problem, x, gradient);
    ufm_gemm(-0.5, ufm_transpose(ufm_view(x, K, d)), ufm_view(gradient, K, d), 1, ufm_view(A, d, d));
    ufm_gemm(0.5, ufm_view(gradient + K * d, d, N), ufm_transpose(ufm_view(x + K * d, d, N)), 1,
             ufm_view(A, d, d));
    scale += ufm_norm(K * d, x) * ufm_norm(d * N, x + K * d); /* |W||G||H|, |G| <= 1 */
    return ufm_norm(d * d, A) / scale;
}

/* Balancedness, 1^T W = 0 and regulariser = mu |WH|_* at a critical point with W, H not 0. */
static double critical_error(const lemma_problem *problem, const double *x)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    double A[LEMMA_D * LEMMA_D], X[LEMMA_K * LEMMA_N], error = 0;
    const double penalty = imbalance(problem, x, A);
    lemma_product(problem, x, X);
    error = ufm_norm(d * d, A) / penalty;
    const double nuclear = lemma_mu(problem->lambda_w, problem->lambda_h) * lemma_nuclear_norm(K, N, X);
    error = fmax(error, fabs(nuclear / penalty - 1));
    for (int64_t j = 0; j < d; j++) {
        double sum = 0;
        for (int64_t k = 0; k < K; k++) sum += x[k + j * K];
        error = fmax(error, fabs(sum) / ufm_norm(K * d, x));
    }
    return error;
}

void lemma_test_balancedness(void)
{
    ufm_rng *rng = ufm_rng_new(1);
    lemma_worst identity = {"lemmas/balancedness identity", 5e-15, 0};
    lemma_worst critical = {"lemmas/balancedness", 2e-13, 0};
    double x[LEMMA_SIZE];
    for (int trial = 0; trial < lemma_trials(1000, 50); trial++) {
        const lemma_problem problem = lemma_random_problem(rng, 5, 12);
        lemma_gaussian(rng, lemma_log_uniform(rng, 1e-8, 1e2), lemma_size(&problem), x);
        if (lemma_exceeds(&identity, identity_error(&problem, x)))
            lemma_print(identity.name, trial, &problem);
    }
    int unfinished = 0, collapsed = 0;
    const int solves = lemma_trials(400, 5);
    for (int trial = 0; trial < solves; trial++) {
        const lemma_problem problem = lemma_solvable_problem(rng, 1 + ufm_rng_below(rng, 4));
        lemma_gaussian(rng, 0.5, lemma_size(&problem), x);
        if (!(lemma_minimise(&problem, x) < 1e-14)) {
            unfinished++;
            continue;
        }
        if (ufm_norm(problem.classes * problem.dim, x) < 1e-4)
            collapsed++;
        else if (lemma_exceeds(&critical, critical_error(&problem, x)))
            lemma_print(critical.name, trial, &problem);
    }
    test_at_most("solves that stalled", unfinished, 0.1 * solves);
    test_at_most("solves that collapsed", collapsed, 0.5 * solves);
    lemma_report(&identity);
    lemma_report(&critical);
    ufm_rng_free(rng);
}

typedef struct {
    int64_t rows, cols, rank, dim;
    double lambda_w, lambda_h;
} factor_shape;

static double penalty(const factor_shape *s, const double *W, const double *H)
{
    return s->lambda_w * ufm_dot(s->rows * s->dim, W, W) + s->lambda_h * ufm_dot(s->dim * s->cols, H, H);
}

/* The factors of note 2 for Z of the shape's rank: W = sqrt(t) P S^1/2 R, H = S^1/2 V^T R-transposed /
 * sqrt(t). */
static void balanced_factors(const factor_shape *s, ufm_rng *rng, const double *Z, double *W, double *H)
{
    const int64_t K = s->rows, N = s->cols, r = K < N ? K : N, d = s->dim;
    const double t = sqrt(s->lambda_h / s->lambda_w);
    double copy[LEMMA_K * LEMMA_N], u[LEMMA_K * LEMMA_K], sv[LEMMA_K], vt[LEMMA_K * LEMMA_N];
    double R[LEMMA_D * LEMMA_D];
    memcpy(copy, Z, (size_t)(K * N) * sizeof *Z);
    TEST_OK(ufm_svd(ufm_view(copy, K, N), u, sv, vt));
    lemma_orthonormal_rows(rng, s->rank, d, R);
    for (int64_t j = 0; j < s->rank; j++) {
        ufm_scale(K, sqrt(t * sv[j]), u + j * K);
        for (int64_t i = 0; i < N; i++) vt[j + i * r] *= sqrt(sv[j] / t);
    }
    const ufm_matrix right = {vt, s->rank, N, r, false};
    ufm_gemm(1, ufm_view(u, K, s->rank), ufm_view(R, s->rank, d), 0, ufm_view(W, K, d));
    ufm_gemm(1, ufm_transpose(ufm_view(R, s->rank, d)), right, 0, ufm_view(H, d, N));
}

static factor_shape random_shape(ufm_rng *rng)
{
    factor_shape s = {.rows = 1 + ufm_rng_below(rng, LEMMA_K), .cols = 1 + ufm_rng_below(rng, 24)};
    s.rank = 1 + ufm_rng_below(rng, s.rows < s.cols ? s.rows : s.cols);
    s.dim = s.rank + ufm_rng_below(rng, LEMMA_D - s.rank + 1);
    s.lambda_w = lemma_log_uniform(rng, 1e-8, 1e2);
    s.lambda_h = lemma_log_uniform(rng, 1e-8, 1e2);
    return s;
}

/* One trial of note 2: errors of attainment, and of any factorisation W A, A^-1 H being no cheaper. */
static double nuclear_trial(const factor_shape *s, ufm_rng *rng)
{
    const int64_t K = s->rows, N = s->cols, d = s->dim;
    double left[LEMMA_SIZE], right[LEMMA_SIZE], Z[LEMMA_K * LEMMA_N], W[LEMMA_SIZE], H[LEMMA_SIZE];
    double again[LEMMA_K * LEMMA_N];
    const double mu = lemma_mu(s->lambda_w, s->lambda_h);
    const double scale = lemma_log_uniform(rng, 1e-8, 1e4);
    lemma_gaussian(rng, sqrt(scale), K * s->rank, left);
    lemma_gaussian(rng, sqrt(scale), s->rank * N, right);
    if (ufm_rng_below(rng, 3) == 0) /* repeated columns */
        for (int64_t i = 1; i < N; i++) memcpy(right + i * s->rank, right, (size_t)s->rank * sizeof *right);
    ufm_gemm(1, ufm_view(left, K, s->rank), ufm_view(right, s->rank, N), 0, ufm_view(Z, K, N));
    const double least = mu * lemma_nuclear_norm(K, N, Z);
    balanced_factors(s, rng, Z, W, H);
    ufm_gemm(1, ufm_view(W, K, d), ufm_view(H, d, N), 0, ufm_view(again, K, N));
    double error = ufm_distance(K * N, Z, again) / ufm_norm(K * N, Z);
    error = fmax(error, fabs(penalty(s, W, H) / least - 1));
    const factor_shape plain = {K, N, s->rank, s->rank, s->lambda_w, s->lambda_h};
    error = fmax(error, 1 - penalty(&plain, left, right) / least);
    /* another factorisation of the same Z: one spare row of W and H scaled against each other */
    const double stretch = exp(ufm_rng_gaussian(rng));
    const int64_t j = ufm_rng_below(rng, d);
    ufm_scale(K, stretch, W + j * K);
    for (int64_t i = 0; i < N; i++) H[j + i * d] /= stretch;
    return fmax(error, 1 - penalty(s, W, H) / least);
}

void lemma_test_nuclear_norm(void)
{
    ufm_rng *rng = ufm_rng_new(2);
    lemma_worst worst = {"lemmas/nuclear_norm", 3e-14, 0};
    for (int trial = 0; trial < lemma_trials(4000, 100); trial++) {
        const factor_shape s = random_shape(rng);
        if (lemma_exceeds(&worst, nuclear_trial(&s, rng)))
            fprintf(stderr, "  nuclear_norm: trial %d: %d x %d rank %d d=%d lambda=%.17g,%.17g\n", trial,
                    (int)s.rows, (int)s.cols, (int)s.rank, (int)s.dim, s.lambda_w, s.lambda_h);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* Corner j of a regular simplex, coordinate by coordinate: cos = -1/(K-1) fixes each next coordinate. */
static void simplex(int64_t K, int64_t d, double *U)
{
    const double cosine = -1 / ((double)K - 1);
    memset(U, 0, (size_t)(K * d) * sizeof *U);
    for (int64_t j = 0; j + 1 < K; j++) {
        double used = 0, shared = 0;
        for (int64_t l = 0; l < j; l++) used += U[j + l * K] * U[j + l * K];
        for (int64_t l = 0; l < j; l++) shared += U[j + l * K] * U[j + 1 + l * K];
        U[j + j * K] = sqrt(1 - used);
        for (int64_t k = j + 1; k < K; k++) U[k + j * K] = (cosine - shared) / U[j + j * K];
    }
}

/* Greatest inner product of two different rows. */
static double closest_rows(int64_t K, int64_t d, const double *U)
{
    double greatest = -INFINITY;
    for (int64_t a = 0; a < K; a++)
        for (int64_t b = 0; b < a; b++) {
            double sum = 0;
            for (int64_t j = 0; j < d; j++) sum += U[a + j * K] * U[b + j * K];
            greatest = fmax(greatest, sum);
        }
    return greatest;
}

static void normalise_rows(int64_t K, int64_t d, double *U)
{
    for (int64_t k = 0; k < K; k++) {
        double sum = 0;
        for (int64_t j = 0; j < d; j++) sum += U[k + j * K] * U[k + j * K];
        for (int64_t j = 0; j < d; j++) U[k + j * K] /= sqrt(sum);
    }
}

static double etf_trial(int64_t K, int64_t d, double scale, ufm_rng *rng)
{
    double U[LEMMA_K * LEMMA_D], W[LEMMA_K * LEMMA_D], R[LEMMA_D * LEMMA_D], gram[LEMMA_K * LEMMA_K];
    simplex(K, d, U);
    double error = fabs(closest_rows(K, d, U) + 1 / ((double)K - 1));
    lemma_orthonormal_rows(rng, d, d, R);
    ufm_gemm(scale, ufm_view(U, K, d), ufm_view(R, d, d), 0, ufm_view(W, K, d));
    ufm_gemm(1, ufm_view(W, K, d), ufm_transpose(ufm_view(W, K, d)), 0, ufm_view(gram, K, K));
    const double c = scale * scale * (double)K / ((double)K - 1);
    for (int64_t a = 0; a < K; a++)
        for (int64_t b = 0; b < K; b++) gram[a + b * K] -= c * ((a == b) - 1 / (double)K);
    error = fmax(error, ufm_norm(K * K, gram) / c);
    for (int64_t j = 0; j < d; j++) { /* zero sum follows from norms and angles */
        double sum = 0;
        for (int64_t k = 0; k < K; k++) sum += W[k + j * K];
        error = fmax(error, fabs(sum) / scale);
    }
    /* no K unit vectors are farther apart; near the simplex the bound is almost met, and must still hold */
    double V[LEMMA_K * LEMMA_D];
    lemma_gaussian(rng, lemma_log_uniform(rng, 1e-8, 10), K * d, V);
    ufm_axpy(K * d, 1, U, V);
    normalise_rows(K, d, V);
    return fmax(error, -1 / ((double)K - 1) - closest_rows(K, d, V));
}

void lemma_test_simplex_etf(void)
{
    ufm_rng *rng = ufm_rng_new(7);
    lemma_worst worst = {"lemmas/simplex_etf", 1e-14, 0};
    for (int trial = 0; trial < lemma_trials(4000, 100); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, LEMMA_K - 1);
        const int64_t d = K - 1 + ufm_rng_below(rng, LEMMA_D - K + 2);
        const double scale = lemma_log_uniform(rng, 1e-8, 1e4);
        if (lemma_exceeds(&worst, etf_trial(K, d, scale, rng)))
            fprintf(stderr, "  simplex_etf: trial %d: K=%d d=%d scale=%.17g\n", trial, (int)K, (int)d, scale);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}
