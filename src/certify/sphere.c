/* Features on spheres, free classifier. For multipliers nu_i > 0 of |h_i|^2 = rho^2 and a dual point s G,
 *
 *   lambda_w |W|^2 + sum_i [ s g_i^T W h_i + nu_i (|h_i|^2 - rho^2) ]
 *     >= <W W^T, lambda_w I - (s^2/4) sum_i g_i g_i^T/nu_i> - rho^2 sum_i nu_i  >=  - rho^2 sum_i nu_i
 *
 * when s^2 sigma_1(G diag(nu)^(-1/2))^2 <= 4 lambda_w, which one common factor of the nu_i always achieves.
 */
#include "constrained.h"
#include <math.h>

/* A multiplier below this share of |g_i| |W| is raised to it: the bound stays valid and finite. */
static const double floor_share = 1e-9;

/* nu_i, their sum over all samples, and the smallest signed multiplier. */
static double multipliers(const certify_constrained *work, double *nu, ufm_constrained_certificate *result)
{
    const ufm_point *p = work->problem.point;
    const double rho = work->settings->constraint.feature_norm;
    const double W = ufm_norm(p->classes * p->dim, p->W);
    ufm_sum total = {0, 0};
    result->multiplier_minimum = INFINITY;
    for (int64_t i = 0; i < p->columns; i++) {
        const double *a = work->pull + i * p->dim;
        const double least = floor_share * ufm_norm(p->classes, work->G + i * p->classes) * (W > 0 ? W : 1);
        nu[i] = fmax(ufm_norm(p->dim, a), least) / (2 * rho);
        ufm_sum_add(&total, (double)ufm_labels_count(work->problem.labels, i) * nu[i]);
        result->multiplier_minimum =
            fmin(result->multiplier_minimum, -ufm_dot(p->dim, p->H + i * p->dim, a) / (2 * rho * rho));
    }
    return ufm_sum_value(total);
}

ufm_status certify_sphere(const certify_constrained *work, ufm_constrained_certificate *result)
{
    const ufm_point *p = work->problem.point;
    const int64_t K = p->classes, n = p->columns;
    const double lambda_w = work->problem.objective->lambda_w, rho = work->settings->constraint.feature_norm;
    double *nu = ufm_alloc(n, sizeof(double)), *scaled = ufm_alloc(K * n, sizeof(double));
    double *outer = ufm_alloc(K * K, sizeof(double)), *values = ufm_alloc(K, sizeof(double));
    ufm_status status = nu && scaled && outer && values ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    const double total = multipliers(work, nu, result);
    for (int64_t i = 0; i < n; i++)
        if (nu[i] > 0) /* else g_i = 0 */
            ufm_axpy(K, sqrt((double)ufm_labels_count(work->problem.labels, i) / nu[i]), work->G + i * K,
                     scaled + i * K);
    const ufm_matrix view = ufm_view(scaled, K, n);
    ufm_gemm(1, view, ufm_transpose(view), 0, ufm_view(outer, K, K));
    status = ufm_symmetric_eigen(K, outer, false, values);
    if (status != UFM_OK) goto cleanup;
    const double largest = fmax(0, values[K - 1]);
    result->weighted_sigma = sqrt(largest / (4 * lambda_w));
    status = certify_best_scale(work, 0, work->bias_term + rho * rho * largest / (4 * lambda_w) * total, 1,
                                result);
    result->lower_bound +=
        work->problem.objective->lambda_h * rho * rho * (double)work->problem.labels->samples;
cleanup:
    ufm_free(nu);
    ufm_free(scaled);
    ufm_free(outer);
    ufm_free(values);
    return status;
}
