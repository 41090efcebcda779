#include "internal.h"
#include <math.h>

/* Singular values below this share of the largest count as zero: half the digits survive the Gram matrix. */
static const double rank_tolerance = 1e-6;

const char *ufm_certified_text(ufm_certified verdict)
{
    static const char *const texts[] = {
#define CERTIFIED_TEXT(name, text) text,
        UFM_CERTIFIED_LIST(CERTIFIED_TEXT)
#undef CERTIFIED_TEXT
    };
    return texts[verdict];
}

ufm_certify_settings ufm_certify_defaults(void)
{
    return (ufm_certify_settings){.gap_tolerance = 1e-6, .gradient_tolerance = 1e-6};
}

static ufm_status check_block(const double *numbers, int64_t count, const char *name, ufm_error *error)
{
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(numbers[i]))
            return ufm_fail(error, UFM_ERROR_INPUT, "%s has a number that is not finite (entry %lld)", name,
                            (long long)i);
    return UFM_OK;
}

ufm_status certify_check_point(const ufm_point *point, const ufm_labels *labels, ufm_error *error)
{
    if (point->classes != labels->classes || point->columns != labels->columns || point->dim < 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "the point (%lld classes, %lld columns) does not fit the labels (%lld, %lld)",
                        (long long)point->classes, (long long)point->columns, (long long)labels->classes,
                        (long long)labels->columns);
    ufm_status status = check_block(point->W, point->classes * point->dim, "W", error);
    if (status == UFM_OK) status = check_block(point->H, point->columns * point->dim, "H", error);
    if (status == UFM_OK) status = check_block(point->b, point->classes, "b", error);
    return status;
}

static double square(double x)
{
    return x * x;
}

/* Objective, gradient norm and bias residual. */
static void first_order(const certify_problem *problem, const certify_sums *sums, ufm_certificate *result)
{
    const ufm_point *p = problem->point;
    const ufm_objective *o = problem->objective;
    const int64_t weights = p->classes * p->dim;
    result->objective = sums->loss + o->lambda_w * ufm_dot(weights, p->W, p->W) +
                        o->lambda_h * sums->features + o->lambda_b * ufm_dot(p->classes, p->b, p->b);
    ufm_sum total = {sums->gradient_H, 0};
    for (int64_t j = 0; j < weights; j++)
        ufm_sum_add(&total, square(sums->gradient_W[j] + 2 * o->lambda_w * p->W[j]));
    double bias = 0;
    for (int64_t k = 0; k < p->classes; k++) bias += square(sums->row_sum[k] + 2 * o->lambda_b * p->b[k]);
    result->bias_residual = sqrt(bias);
    result->gradient_norm = sqrt(ufm_sum_value(total) + bias);
}

/* sigma_1 of G (of the dual point's G' for lambda_b = 0), its left singular vector in u, and the bound. */
static ufm_status dual_bound(const certify_problem *problem, const certify_sums *sums, double *u,
                             ufm_certificate *result)
{
    const int64_t K = problem->point->classes;
    const double lambda_b = problem->objective->lambda_b, N = (double)problem->labels->samples;
    const bool free_bias = lambda_b == 0;
    double *outer = ufm_alloc(K * K, sizeof(double)), *values = ufm_alloc(K, sizeof(double));
    ufm_status status = outer && values ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = 0; k < K; k++)
            outer[k + l * K] =
                sums->outer[k + l * K] - (free_bias ? sums->row_sum[k] * sums->row_sum[l] / N : 0);
    status = ufm_symmetric_eigen(K, outer, true, values);
    if (status != UFM_OK) goto cleanup;
    for (int64_t k = 0; k < K; k++) u[k] = outer[k + (K - 1) * K];
    result->sigma1 = sqrt(fmax(0, values[K - 1]));
    const double s = result->sigma1 <= result->mu ? 1 : result->mu / result->sigma1;
    double dual;
    status = certify_dual_value(problem, s, free_bias ? sums->row_sum : NULL, &dual);
    if (status != UFM_OK) goto cleanup;
    const double penalty =
        free_bias ? 0 : square(s) * ufm_dot(K, sums->row_sum, sums->row_sum) / (4 * lambda_b);
    result->lower_bound = dual - penalty;
    result->gap = result->objective - result->lower_bound;
cleanup:
    ufm_free(outer);
    ufm_free(values);
    return status;
}

ufm_status certify_rank(const certify_problem *problem, const certify_sums *sums, double *a, int64_t *rank)
{
    const ufm_point *p = problem->point;
    const int64_t d = p->dim;
    double *gram = ufm_alloc(d * d, sizeof(double)), *values = ufm_alloc(d, sizeof(double));
    ufm_status status = gram && values ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    for (int64_t j = 0; j < d * d; j++) gram[j] = problem->objective->lambda_h * sums->feature_gram[j];
    const ufm_matrix W = ufm_view(p->W, p->classes, d);
    ufm_gemm(problem->objective->lambda_w, ufm_transpose(W), W, 1, ufm_view(gram, d, d));
    status = ufm_symmetric_eigen(d, gram, true, values);
    if (status != UFM_OK) goto cleanup;
    *rank = 0;
    for (int64_t j = 0; j < d; j++)
        if (values[j] > square(rank_tolerance) * values[d - 1] && values[j] > 1e-300) ++*rank;
    for (int64_t j = 0; j < d; j++) a[j] = gram[j];
cleanup:
    ufm_free(gram);
    ufm_free(values);
    return status;
}

/* The witness: eigenvector (alpha, beta) of [[2 lambda_w, -sigma1], [-sigma1, 2 lambda_h]] to its lower
 * eigenvalue. */
static ufm_status witness(const certify_problem *problem, const double *u, const double *a,
                          ufm_certificate *result)
{
    const double lw = problem->objective->lambda_w, lh = problem->objective->lambda_h;
    result->lambda_neg = lw + lh - hypot(lw - lh, result->sigma1);
    result->witness_curvature = NAN;
    if (!result->spare_direction || !(result->sigma1 > 0)) return UFM_OK;
    const double x = result->sigma1, y = 2 * lw - result->lambda_neg, length = hypot(x, y);
    const certify_direction direction = {u, a, x / length, y / length, result->sigma1};
    return certify_curvature(problem, &direction, &result->witness_curvature);
}

static ufm_certified judge(const ufm_certificate *c, const ufm_certify_settings *settings)
{
    if (!isfinite(c->objective) || !isfinite(c->lower_bound)) {
        if (!isfinite(c->objective)) return UFM_CERTIFIED_INCONCLUSIVE;
    } else if (c->gap <= settings->gap_tolerance * fmax(fabs(c->objective), 1e-300)) {
        return UFM_CERTIFIED_GLOBAL;
    }
    /* A critical point is near (Newton-Kantorovich) only when the gradient is small against the curvature
     * squared. */
    const bool critical = c->gradient_norm <= settings->gradient_tolerance &&
                          c->gradient_norm <= 1e-2 * square(c->witness_curvature);
    if (critical && c->sigma1 > c->mu && c->witness_curvature < 0) return UFM_CERTIFIED_SADDLE;
    return UFM_CERTIFIED_INCONCLUSIVE;
}

ufm_status ufm_certify(const ufm_point *point, const ufm_labels *labels, const ufm_objective *objective,
                       const ufm_certify_settings *settings, ufm_certificate *certificate, ufm_error *error)
{
    ufm_status status = ufm_objective_check(objective, error);
    if (status == UFM_OK) status = certify_check_point(point, labels, error);
    if (status != UFM_OK) return status;
    const certify_problem problem = {point, labels, objective, settings->pool};
    certify_sums sums = {0};
    ufm_certificate result = {.mu = ufm_objective_mu(objective)};
    double *u = ufm_alloc(point->classes, sizeof(double)), *a = ufm_alloc(point->dim, sizeof(double));
    status = u && a ? certify_accumulate(&problem, &sums) : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    first_order(&problem, &sums, &result);
    if (!isfinite(result.objective) || !isfinite(result.gradient_norm)) {
        status = ufm_fail(error, UFM_ERROR_INPUT,
                          "the numbers of the point are so large that the objective overflows");
        goto cleanup;
    }
    status = dual_bound(&problem, &sums, u, &result);
    if (status == UFM_OK) status = certify_rank(&problem, &sums, a, &result.rank);
    result.spare_direction = result.rank < point->dim;
    if (status == UFM_OK) status = witness(&problem, u, a, &result);
    if (status != UFM_OK) goto cleanup;
    result.verdict = judge(&result, settings);
    *certificate = result;
cleanup:
    if (status == UFM_ERROR_MEMORY || status == UFM_ERROR_NUMERIC)
        ufm_fail(error, status, "the certificate could not be computed: %s", ufm_status_text(status));
    certify_sums_free(&sums);
    ufm_free(u);
    ufm_free(a);
    return status;
}
