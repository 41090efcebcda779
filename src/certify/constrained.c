/* Certificates under constraints: the point, its projected gradient, and the verdict. */
#include "constrained.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* A constraint that is violated by more than this does not hold. */
static const double feasibility = 1e-10;

ufm_constrained_settings ufm_constrained_defaults(ufm_constraint constraint)
{
    return (ufm_constrained_settings){
        .constraint = constraint, .gap_tolerance = 1e-6, .gradient_tolerance = 1e-6, .relaxation_size = 1500};
}

static double square(double x)
{
    return x * x;
}

static ufm_status dual_value(const certify_constrained *work, double linear, double quadratic, double s,
                             double *bound)
{
    double entropy;
    const ufm_status status = certify_dual_value(&work->problem, s, work->shift, &entropy);
    if (status == UFM_OK) *bound = entropy - s * (linear + s * quadratic);
    return status;
}

ufm_status certify_best_scale(const certify_constrained *work, double linear, double quadratic, double limit,
                              ufm_constrained_certificate *result)
{
    enum { SECTIONS = 60 };
    const double ratio = 0.6180339887498949, nearby = 1 - 1e-4;
    double low = 0, high = limit, at[2] = {limit * nearby, limit}, bound[2];
    for (int i = 0; i < 2; i++) {
        const ufm_status status = dual_value(work, linear, quadratic, at[i], &bound[i]);
        if (status != UFM_OK) return status;
    }
    result->scale = limit;
    result->lower_bound = bound[1];
    if (bound[1] >= bound[0] || !isfinite(bound[0])) return UFM_OK; /* concave: it rises up to the limit */
    at[0] = high - ratio * (high - low);
    at[1] = low + ratio * (high - low);
    for (int i = 0; i < 2; i++) {
        const ufm_status status = dual_value(work, linear, quadratic, at[i], &bound[i]);
        if (status != UFM_OK) return status;
    }
    for (int section = 0; section < SECTIONS && high - low > 1e-9 * limit; section++) {
        const int worse = bound[0] < bound[1] ? 0 : 1, better = 1 - worse;
        if (bound[better] > result->lower_bound) {
            result->lower_bound = bound[better];
            result->scale = at[better];
        }
        *(worse == 0 ? &low : &high) = at[worse];
        at[worse] = at[better];
        bound[worse] = bound[better];
        at[better] = better == 0 ? high - ratio * (high - low) : low + ratio * (high - low);
        const ufm_status status = dual_value(work, linear, quadratic, at[better], &bound[better]);
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

/* Squared norm of what the constraint on the features leaves of r, the gradient in h for one sample. */
static double projected(const ufm_constraint *constraint, int64_t d, const double *h, const double *r)
{
    double total = 0, along = 0, length = 0;
    for (int64_t j = 0; j < d; j++) {
        const bool blocked = constraint->features == UFM_FEATURES_NONNEGATIVE && !(h[j] > 0) && !(r[j] < 0);
        total += blocked ? 0 : square(r[j]);
        along += r[j] * h[j];
        length += square(h[j]);
    }
    if (constraint->features != UFM_FEATURES_SPHERE || length == 0) return total;
    double tangent = 0;
    for (int64_t j = 0; j < d; j++) tangent += square(r[j] - along / length * h[j]);
    return tangent;
}

/* Objective, projected gradient, bias residual, and how well the constraint holds. */
static void first_order(const certify_constrained *work, ufm_constrained_certificate *result)
{
    const ufm_point *p = work->problem.point;
    const ufm_objective *o = work->problem.objective;
    const ufm_constraint *constraint = &work->settings->constraint;
    const bool fixed = constraint->classifier == UFM_CLASSIFIER_ETF;
    const bool sphere = constraint->features == UFM_FEATURES_SPHERE;
    const int64_t weights = p->classes * p->dim, d = p->dim;
    const double classifier = o->lambda_w * ufm_dot(weights, p->W, p->W), rho = constraint->feature_norm;
    result->objective = work->sums.loss + classifier + o->lambda_h * work->sums.features +
                        o->lambda_b * ufm_dot(p->classes, p->b, p->b);
    result->constant = (fixed ? classifier : 0) + (sphere ? o->lambda_h * work->sums.features : 0);
    ufm_sum total = {0, 0};
    for (int64_t j = 0; j < weights && !fixed; j++)
        ufm_sum_add(&total, square(work->sums.gradient_W[j] + 2 * o->lambda_w * p->W[j]));
    result->feature_minimum = INFINITY;
    result->feature_norm_error = sphere ? 0 : NAN;
    for (int64_t i = 0; i < p->columns; i++) {
        const double *h = p->H + i * d;
        double *r = work->pull + i * d;
        for (int64_t j = 0; j < d; j++) {
            r[j] += 2 * o->lambda_h * h[j];
            result->feature_minimum = fmin(result->feature_minimum, h[j]);
        }
        ufm_sum_add(&total,
                    (double)ufm_labels_count(work->problem.labels, i) * projected(constraint, d, h, r));
        for (int64_t j = 0; j < d; j++) r[j] -= 2 * o->lambda_h * h[j];
        if (sphere)
            result->feature_norm_error = fmax(result->feature_norm_error, fabs(ufm_norm(d, h) / rho - 1));
    }
    double bias = 0;
    for (int64_t k = 0; k < p->classes; k++)
        bias += square(work->sums.row_sum[k] + 2 * o->lambda_b * p->b[k]);
    result->bias_residual = sqrt(bias);
    result->gradient_norm = sqrt(ufm_sum_value(total) + bias);
}

static ufm_status classifier_error(const certify_constrained *work, ufm_constrained_certificate *result)
{
    const ufm_point *p = work->problem.point;
    const int64_t weights = p->classes * p->dim;
    result->classifier_error = NAN;
    if (work->settings->constraint.classifier != UFM_CLASSIFIER_ETF) return UFM_OK;
    double *E = ufm_alloc(weights, sizeof(double));
    if (!E) return UFM_ERROR_MEMORY;
    ufm_etf_classifier(p->classes, p->dim, work->settings->constraint.classifier_norm, E);
    result->classifier_error = ufm_distance(weights, p->W, E) / ufm_norm(weights, E);
    ufm_free(E);
    return UFM_OK;
}

/* G and its pull-back; the objective and the gradient are read off before lambda_b = 0 moves them. */
static ufm_status prepare(certify_constrained *work, ufm_constrained_certificate *result)
{
    const ufm_point *p = work->problem.point;
    const int64_t K = p->classes, d = p->dim, n = p->columns;
    const double lambda_b = work->problem.objective->lambda_b, N = (double)work->problem.labels->samples;
    work->G = ufm_alloc(K * n, sizeof(double));
    work->pull = ufm_alloc(d * n, sizeof(double));
    if (!work->G || !work->pull) return UFM_ERROR_MEMORY;
    certify_gradients(&work->problem, 0, n, work->G);
    const ufm_matrix W = ufm_view(p->W, K, d), G = ufm_view(work->G, K, n), pull = ufm_view(work->pull, d, n);
    ufm_gemm(1, ufm_transpose(W), G, 0, pull);
    first_order(work, result);
    if (lambda_b > 0) {
        work->bias_term = ufm_dot(K, work->sums.row_sum, work->sums.row_sum) / (4 * lambda_b);
    } else {
        work->shift = work->sums.row_sum;
        for (int64_t i = 0; i < n; i++) ufm_axpy(K, -1 / N, work->shift, work->G + i * K);
        ufm_gemm(1, ufm_transpose(W), G, 0, pull);
    }
    return classifier_error(work, result);
}

static ufm_status spectra(const certify_constrained *work, ufm_constrained_certificate *result)
{
    const int64_t K = work->problem.point->classes, d = work->problem.point->dim;
    double *outer = ufm_alloc(K * K, sizeof(double)), *values = ufm_alloc(K, sizeof(double));
    double *a = ufm_alloc(d, sizeof(double));
    ufm_status status = outer && values && a ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        memcpy(outer, work->sums.outer, (size_t)(K * K) * sizeof(double));
        status = ufm_symmetric_eigen(K, outer, false, values);
    }
    if (status == UFM_OK) {
        /* An upper bound of tau, so with more than the rounding error of the eigenvalue. */
        result->sigma1 = sqrt(fmax(0, values[K - 1])) * (1 + 4 * (double)K * DBL_EPSILON);
        status = certify_rank(&work->problem, &work->sums, a, &result->rank);
    }
    ufm_free(outer);
    ufm_free(values);
    ufm_free(a);
    return status;
}

static bool feasible(const ufm_constraint *constraint, const ufm_constrained_certificate *c)
{
    if (constraint->features == UFM_FEATURES_NONNEGATIVE && !(c->feature_minimum >= 0)) return false;
    if (constraint->features == UFM_FEATURES_SPHERE && !(c->feature_norm_error <= feasibility)) return false;
    return constraint->classifier == UFM_CLASSIFIER_FREE || c->classifier_error <= feasibility;
}

static ufm_certified judge(const ufm_constrained_certificate *c, const ufm_constrained_settings *settings)
{
    if (!feasible(&settings->constraint, c)) return UFM_CERTIFIED_INCONCLUSIVE;
    if (isfinite(c->lower_bound) &&
        c->gap <= settings->gap_tolerance * fmax(fabs(c->objective - c->constant), 1e-300))
        return UFM_CERTIFIED_GLOBAL;
    /* As for ufm_certify: a critical point is near only when the gradient is small against the curvature
     * squared. */
    const bool critical = c->gradient_norm <= settings->gradient_tolerance &&
                          c->gradient_norm <= 1e-2 * square(c->witness_curvature);
    return critical && c->tau_lower > c->mu && c->witness_curvature < 0 ? UFM_CERTIFIED_SADDLE
                                                                        : UFM_CERTIFIED_INCONCLUSIVE;
}

static ufm_status certify(certify_constrained *work, ufm_constrained_certificate *result, ufm_error *error)
{
    const ufm_constraint *constraint = &work->settings->constraint;
    ufm_status status = certify_accumulate(&work->problem, &work->sums);
    if (status == UFM_OK) status = prepare(work, result);
    if (status != UFM_OK) return status;
    if (!isfinite(result->objective) || !isfinite(result->gradient_norm))
        return ufm_fail(error, UFM_ERROR_INPUT,
                        "the numbers of the point are so large that the objective overflows");
    status = spectra(work, result);
    if (status != UFM_OK) return status;
    if (constraint->classifier == UFM_CLASSIFIER_ETF) {
        status = certify_fixed_classifier(work, result);
    } else if (constraint->features == UFM_FEATURES_SPHERE) {
        status = certify_sphere(work, result);
    } else {
        status = certify_nonnegative(work, result);
    }
    result->gap = result->objective - result->lower_bound;
    return status;
}

ufm_status ufm_certify_constrained(const ufm_point *point, const ufm_labels *labels,
                                   const ufm_objective *objective, const ufm_constrained_settings *settings,
                                   ufm_constrained_certificate *certificate, ufm_error *error)
{
    if (!ufm_constraint_active(&settings->constraint))
        return ufm_fail(error, UFM_ERROR_USAGE, "there is no constraint; ufm_certify is for that case");
    ufm_status status = ufm_objective_check(objective, error);
    if (status == UFM_OK) status = certify_check_point(point, labels, error);
    if (status == UFM_OK)
        status = ufm_constraint_check(&settings->constraint, point->classes, point->dim, error);
    if (status != UFM_OK) return status;
    certify_constrained work = {.problem = {point, labels, objective, settings->pool}, .settings = settings};
    ufm_constrained_certificate result = {.mu = ufm_objective_mu(objective),
                                          .tau_lower = NAN,
                                          .tau_upper = NAN,
                                          .multiplier_minimum = NAN,
                                          .weighted_sigma = NAN,
                                          .spare_dimension = -1,
                                          .lambda_neg = NAN,
                                          .witness_curvature = NAN};
    status = certify(&work, &result, error);
    if (status == UFM_OK) {
        result.verdict = judge(&result, settings);
        *certificate = result;
    } else if (status == UFM_ERROR_MEMORY || status == UFM_ERROR_NUMERIC) {
        ufm_fail(error, status, "the certificate could not be computed: %s", ufm_status_text(status));
    }
    certify_sums_free(&work.sums);
    ufm_free(work.G);
    ufm_free(work.pull);
    return status;
}
