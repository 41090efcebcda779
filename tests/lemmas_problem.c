#include "lemmas_problem.h"
#include <string.h>

bool lemma_exceeds(lemma_worst *worst, double error)
{
    if (!isnan(worst->error) && !(error <= worst->error)) worst->error = error;
    return !(error <= worst->tolerance);
}

void lemma_report(const lemma_worst *worst)
{
    test_worst(worst->name, worst->error, worst->tolerance);
}

int lemma_trials(int full, int fast)
{
    return test_fast() ? fast : full;
}

int lemma_multiplicity(uint32_t tags)
{
    int m = 0;
    for (; tags; tags >>= 1) m += (int)(tags & 1);
    return m;
}

double lemma_weight(bool per_label, int multiplicity)
{
    return per_label ? 1.0 / multiplicity : 1.0;
}

int64_t lemma_binomial(int64_t n, int64_t k)
{
    if (k < 0 || k > n) return 0;
    int64_t value = 1;
    for (int64_t i = 1; i <= k; i++) value = value * (n - k + i) / i;
    return value;
}

double lemma_mu(double lambda_w, double lambda_h)
{
    return 2 * sqrt(lambda_w) * sqrt(lambda_h);
}

int64_t lemma_size(const lemma_problem *problem)
{
    return problem->dim * (problem->classes + problem->samples) + problem->classes;
}

/* ---- objective, in complex arithmetic --------------------------------------------------------------- */

/* z_i = W h_i + b. */
static void logits(const lemma_problem *problem, const double complex *x, int64_t i, double complex *z)
{
    const int64_t K = problem->classes, d = problem->dim;
    const double complex *H = x + K * d, *b = H + d * problem->samples;
    for (int64_t k = 0; k < K; k++) {
        z[k] = b[k];
        for (int64_t j = 0; j < d; j++) z[k] += x[k + j * K] * H[j + i * d];
    }
}

static double largest_part(int64_t K, const double complex *z)
{
    double largest = -INFINITY;
    for (int64_t k = 0; k < K; k++) largest = fmax(largest, creal(z[k]));
    return largest;
}

/* logsumexp(z) - z_k, precise where it is tiny; imaginary parts are infinitesimal. */
static double complex cross_entropy(int64_t K, const double complex *z, int64_t k)
{
    const double largest = largest_part(K, z);
    double complex sum = 0;
    if (creal(z[k]) < largest) {
        for (int64_t j = 0; j < K; j++) sum += cexp(z[j] - largest);
        return largest - z[k] + clog(sum);
    }
    for (int64_t j = 0; j < K; j++)
        if (j != k) sum += cexp(z[j] - z[k]);
    return log1p(creal(sum)) + cimag(sum) / (1 + creal(sum)) * I;
}

static double complex complex_value(const lemma_problem *problem, const double complex *x)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    double complex z[LEMMA_K], total = 0;
    for (int64_t i = 0; i < N; i++) {
        logits(problem, x, i, z);
        const double weight = lemma_weight(problem->per_label, lemma_multiplicity(problem->tags[i]));
        for (int64_t k = 0; k < K; k++)
            if (problem->tags[i] >> k & 1) total += weight * cross_entropy(K, z, k) / (double)N;
    }
    for (int64_t j = 0; j < lemma_size(problem); j++) {
        const double lambda = j < K * d         ? problem->lambda_w
                              : j < d * (K + N) ? problem->lambda_h
                                                : problem->lambda_b;
        total += lambda * x[j] * x[j];
    }
    return total;
}

/* Column i of G: (omega/N)(m softmax(z_i) - y_i). */
static void complex_loss_gradient(const lemma_problem *problem, const double complex *x, int64_t i,
                                  double complex *g)
{
    const int64_t K = problem->classes;
    const int m = lemma_multiplicity(problem->tags[i]);
    const double weight = lemma_weight(problem->per_label, m) / (double)problem->samples;
    double complex z[LEMMA_K], p[LEMMA_K], sum = 0;
    logits(problem, x, i, z);
    const double largest = largest_part(K, z);
    for (int64_t k = 0; k < K; k++) sum += p[k] = cexp(z[k] - largest);
    for (int64_t k = 0; k < K; k++) g[k] = weight * (m * p[k] / sum - (double)(problem->tags[i] >> k & 1));
}

static void complex_gradient(const lemma_problem *problem, const double complex *x, double complex *gradient)
{
    const int64_t K = problem->classes, d = problem->dim, N = problem->samples;
    const double complex *W = x, *H = x + K * d, *b = H + d * N;
    double complex *dW = gradient, *dH = dW + K * d, *db = dH + d * N, g[LEMMA_K];
    for (int64_t j = 0; j < K * d; j++) dW[j] = 2 * problem->lambda_w * W[j];
    for (int64_t j = 0; j < d * N; j++) dH[j] = 2 * problem->lambda_h * H[j];
    for (int64_t k = 0; k < K; k++) db[k] = 2 * problem->lambda_b * b[k];
    for (int64_t i = 0; i < N; i++) {
        complex_loss_gradient(problem, x, i, g);
        for (int64_t k = 0; k < K; k++) {
            db[k] += g[k];
            for (int64_t j = 0; j < d; j++) {
                dW[k + j * K] += g[k] * H[j + i * d];
                dH[j + i * d] += W[k + j * K] * g[k];
            }
        }
    }
}

static void lift(int64_t n, const double *x, double complex *z)
{
    for (int64_t j = 0; j < n; j++) z[j] = x[j];
}

double lemma_value(const lemma_problem *problem, const double *x)
{
    double complex z[LEMMA_SIZE] = {0};
    lift(lemma_size(problem), x, z);
    return creal(complex_value(problem, z));
}

void lemma_gradient(const lemma_problem *problem, const double *x, double *gradient)
{
    double complex z[LEMMA_SIZE] = {0}, g[LEMMA_SIZE];
    lift(lemma_size(problem), x, z);
    complex_gradient(problem, z, g);
    for (int64_t j = 0; j < lemma_size(problem); j++) gradient[j] = creal(g[j]);
}

static const double complex_step = 1e-40;

void lemma_gradient_by_steps(const lemma_problem *problem, const double *x, double *gradient)
{
    double complex z[LEMMA_SIZE] = {0};
    lift(lemma_size(problem), x, z);
    for (int64_t j = 0; j < lemma_size(problem); j++) {
        z[j] = x[j] + complex_step * I;
        gradient[j] = cimag(complex_value(problem, z)) / complex_step;
        z[j] = x[j];
    }
}

void lemma_hessian_vector(const lemma_problem *problem, const double *x, const double *v, double *product)
{
    const int64_t n = lemma_size(problem);
    double complex z[LEMMA_SIZE] = {0}, g[LEMMA_SIZE];
    for (int64_t j = 0; j < n; j++) z[j] = x[j] + complex_step * v[j] * I;
    complex_gradient(problem, z, g);
    for (int64_t i = 0; i < n; i++) product[i] = cimag(g[i]) / complex_step;
}

void lemma_hessian(const lemma_problem *problem, const double *x, double *hessian)
{
    const int64_t n = lemma_size(problem);
    double unit[LEMMA_SIZE] = {0};
    for (int64_t j = 0; j < n; j++) {
        unit[j] = 1;
        lemma_hessian_vector(problem, x, unit, hessian + j * n);
        unit[j] = 0;
    }
}

void lemma_loss_gradient(const lemma_problem *problem, const double *x, double *G)
{
    double complex z[LEMMA_SIZE] = {0}, g[LEMMA_K];
    lift(lemma_size(problem), x, z);
    for (int64_t i = 0; i < problem->samples; i++) {
        complex_loss_gradient(problem, z, i, g);
        for (int64_t k = 0; k < problem->classes; k++) G[k + i * problem->classes] = creal(g[k]);
    }
}

void lemma_product(const lemma_problem *problem, const double *x, double *X)
{
    const int64_t K = problem->classes, d = problem->dim;
    for (int64_t i = 0; i < problem->samples; i++)
        for (int64_t k = 0; k < K; k++) {
            double sum = 0;
            for (int64_t j = 0; j < d; j++) sum += x[k + j * K] * x[K * d + j + i * d];
            X[k + i * K] = sum;
        }
}

/* ---- Newton ----------------------------------------------------------------------------------------- */

/* step = -|Hessian|^+ gradient: uphill curvature is inverted by its size, flat (rotation) directions are
 * left. */
static void newton_step(int64_t n, double *hessian, const double *gradient, double *step)
{
    double values[LEMMA_HESSIAN];
    memset(step, 0, (size_t)n * sizeof *step);
    TEST_OK(ufm_symmetric_eigen(n, hessian, true, values));
    const double largest = fmax(fabs(values[0]), fabs(values[n - 1]));
    for (int64_t j = 0; j < n; j++)
        if (fabs(values[j]) > 1e-9 * largest)
            ufm_axpy(n, -ufm_dot(n, hessian + j * n, gradient) / fabs(values[j]), hessian + j * n, step);
}

/* Halves the step until it descends. False when rounding hides any descent. */
static bool armijo(const lemma_problem *problem, double *x, const double *gradient, const double *step)
{
    const int64_t n = lemma_size(problem);
    const double before = lemma_value(problem, x), slope = ufm_dot(n, gradient, step);
    double trial[LEMMA_SIZE];
    for (double t = 1; t > 1e-10; t /= 2) {
        for (int64_t j = 0; j < n; j++) trial[j] = x[j] + t * step[j];
        if (lemma_value(problem, trial) <= before + 1e-4 * t * slope) {
            memcpy(x, trial, (size_t)n * sizeof *x);
            return true;
        }
    }
    return false;
}

/* Full steps as long as they shrink the gradient, which is known more precisely than the value. */
static double polish(const lemma_problem *problem, lemma_project *project, const void *context, double *x,
                     double *hessian)
{
    const int64_t n = lemma_size(problem);
    double gradient[LEMMA_SIZE], trial_gradient[LEMMA_SIZE], step[LEMMA_SIZE], trial[LEMMA_SIZE];
    lemma_gradient(problem, x, gradient);
    for (int iteration = 0; iteration < 8; iteration++) {
        lemma_hessian(problem, x, hessian);
        newton_step(n, hessian, gradient, step);
        for (int64_t j = 0; j < n; j++) trial[j] = x[j] + step[j];
        if (project) project(context, trial);
        lemma_gradient(problem, trial, trial_gradient);
        if (!(ufm_norm(n, trial_gradient) < ufm_norm(n, gradient))) break;
        memcpy(x, trial, (size_t)n * sizeof *x);
        memcpy(gradient, trial_gradient, (size_t)n * sizeof *x);
    }
    return ufm_norm(n, gradient);
}

double lemma_minimise(const lemma_problem *problem, double *x)
{
    return lemma_minimise_within(problem, NULL, NULL, x);
}

double lemma_minimise_within(const lemma_problem *problem, lemma_project *project, const void *context,
                             double *x)
{
    const int64_t n = lemma_size(problem);
    if (n > LEMMA_HESSIAN) return INFINITY;
    double *hessian = ufm_alloc(n * n, sizeof *hessian);
    if (!hessian) return INFINITY;
    double gradient[LEMMA_SIZE], step[LEMMA_SIZE];
    for (int iteration = 0; iteration < 300; iteration++) {
        lemma_gradient(problem, x, gradient);
        if (ufm_norm(n, gradient) < 1e-9) break;
        lemma_hessian(problem, x, hessian);
        newton_step(n, hessian, gradient, step);
        if (!armijo(problem, x, gradient, step)) break;
        if (project) project(context, x);
    }
    const double norm = polish(problem, project, context, x, hessian);
    ufm_free(hessian);
    return norm;
}

/* ---- matrices --------------------------------------------------------------------------------------- */

static int64_t singular_values(int64_t rows, int64_t cols, const double *a, double *s)
{
    double copy[LEMMA_SIZE];
    memcpy(copy, a, (size_t)(rows * cols) * sizeof *a);
    TEST_OK(ufm_svd(ufm_view(copy, rows, cols), NULL, s, NULL));
    return rows < cols ? rows : cols;
}

double lemma_sigma1(int64_t rows, int64_t cols, const double *a)
{
    double s[LEMMA_N] = {0};
    (void)singular_values(rows, cols, a, s);
    return s[0];
}

double lemma_nuclear_norm(int64_t rows, int64_t cols, const double *a)
{
    double s[LEMMA_N] = {0}, sum = 0;
    const int64_t count = singular_values(rows, cols, a, s);
    for (int64_t j = 0; j < count; j++) sum += s[j];
    return sum;
}

void lemma_orthonormal_rows(ufm_rng *rng, int64_t rows, int64_t cols, double *q)
{
    double a[LEMMA_SIZE], u[LEMMA_D * LEMMA_D], s[LEMMA_D];
    lemma_gaussian(rng, 1, rows * cols, a);
    TEST_OK(ufm_svd(ufm_view(a, rows, cols), u, s, q));
}
