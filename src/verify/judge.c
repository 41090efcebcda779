/* Every claim that one instance makes, measured and judged. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

/* Errors above this many tolerances refute; below, rounding or slow convergence could be to blame. */
static const double refuting = 1000;

typedef struct {
    const verify_problem *problem;
    int64_t index;
    verify_run *run;
    ufm_verification *verification;
} docket;

static void add_claim(const docket *d, ufm_claim_kind kind, double measured, ufm_verdict verdict,
                      ufm_verdict expected)
{
    ufm_verification *v = d->verification;
    v->claim[v->claims++] = (ufm_claim){kind, d->index, verdict, expected, measured};
    if (verdict == UFM_VERIFIED) v->verified++;
    if (verdict == UFM_REFUTED) v->refuted++;
    if (verdict == UFM_INCONCLUSIVE) v->inconclusive++;
    if (verdict != expected) v->unexpected++;
}

/* NaN is never evidence. */
static ufm_verdict compare(ufm_claim_kind kind, double measured)
{
    const double tolerance = ufm_claim_tolerance(kind);
    if (measured <= tolerance) return UFM_VERIFIED;
    return measured > refuting * tolerance ? UFM_REFUTED : UFM_INCONCLUSIVE;
}

/* A claim about the global optimum, measured at a solution. */
static void claim_at(const docket *d, const ufm_solution *s, ufm_claim_kind kind, double measured,
                     ufm_verdict expected)
{
    const bool certified = s->certificate.verdict == UFM_CERTIFIED_GLOBAL;
    add_claim(d, kind, measured, certified ? compare(kind, measured) : UFM_INCONCLUSIVE, expected);
}

/* That a point is global is verified by its gap and refuted only by a descent direction. */
static void claim_global(const docket *d, const ufm_certificate *c, ufm_claim_kind kind, ufm_verdict expected)
{
    const double measured = fmax(0, c->gap) / fabs(c->objective);
    const ufm_verdict verdict =
        c->verdict == UFM_CERTIFIED_GLOBAL && measured <= ufm_claim_tolerance(UFM_CLAIM_GLOBAL) ? UFM_VERIFIED
        : c->verdict == UFM_CERTIFIED_SADDLE                                                    ? UFM_REFUTED
                                             : UFM_INCONCLUSIVE;
    add_claim(d, kind, isnan(c->gap) ? NAN : measured, verdict, expected);
}

/* Distance of b from the predicted multiple of 1, or from any multiple where nothing fixes it. */
static double bias_error(const ufm_point *p, const ufm_objective *objective, double predicted)
{
    double mean = 0, sum = 0;
    for (int64_t k = 0; k < p->classes; k++) mean += p->b[k] / (double)p->classes;
    const bool open = objective->lambda_b == 0 && ufm_loss_shift_free(objective->loss);
    const double target = open ? mean : predicted;
    for (int64_t k = 0; k < p->classes; k++) sum += (p->b[k] - target) * (p->b[k] - target);
    return sqrt(sum);
}

/* Worst over the multiplicities below K of one field; NaN wins. */
static double worst(const ufm_metrics *metrics, int64_t classes, size_t offset)
{
    double result = 0;
    for (int64_t l = 0; l < metrics->levels; l++) {
        if (metrics->level[l].multiplicity == classes)
            continue; /* its features vanish: no direction to compare */
        const double value = *(const double *)((const char *)&metrics->level[l] + offset);
        if (!(value <= result)) result = value;
        if (isnan(value)) break;
    }
    return result;
}

/* Relative distance of W W^T and W H between two solutions: what a rotation of the features leaves alone. */
static ufm_status invariant_distance(const ufm_point *a, const ufm_point *b, double *distance)
{
    const int64_t K = a->classes, n = a->columns, numbers = K * (K + n);
    double *work = ufm_alloc(2 * numbers, sizeof(double));
    if (!work) return UFM_ERROR_MEMORY;
    const ufm_point *points[] = {a, b};
    for (int i = 0; i < 2; i++) {
        const ufm_matrix W = ufm_view(points[i]->W, K, points[i]->dim);
        ufm_gemm(1, W, ufm_transpose(W), 0, ufm_view(work + i * numbers, K, K));
        ufm_gemm(1, W, ufm_view(points[i]->H, points[i]->dim, n), 0,
                 ufm_view(work + i * numbers + K * K, K, n));
    }
    *distance =
        fmax(ufm_distance(K * K, work, work + numbers) / ufm_norm(K * K, work),
             ufm_distance(K * n, work + K * K, work + numbers + K * K) / ufm_norm(K * n, work + K * K));
    ufm_free(work);
    return UFM_OK;
}

static ufm_status judge_uniqueness(const docket *d, int extra_seeds, const ufm_solution *first)
{
    double farthest = 0;
    bool certified = first->certificate.verdict == UFM_CERTIFIED_GLOBAL;
    for (int s = 1; s <= extra_seeds; s++) {
        const ufm_solve_settings solve =
            verify_solve_settings(d->problem, d->run, d->run->settings->seed + (uint64_t)s);
        ufm_solution *other;
        double distance;
        ufm_status status = verify_solve(d->problem, &solve, d->run, &other);
        if (status != UFM_OK) return status;
        certified = certified && other->certificate.verdict == UFM_CERTIFIED_GLOBAL;
        status = invariant_distance(&first->point, &other->point, &distance);
        ufm_solution_free(other);
        if (status != UFM_OK) return status;
        if (!(distance <= farthest)) farthest = distance;
    }
    add_claim(d, UFM_CLAIM_UNIQUE, farthest,
              certified ? compare(UFM_CLAIM_UNIQUE, farthest) : UFM_INCONCLUSIVE, UFM_VERIFIED);
    return UFM_OK;
}

/* Theorem 1 at the solution of a balanced design. */
static ufm_status judge_balanced(const docket *d, const ufm_solution *s, const ufm_metrics *metrics,
                                 ufm_error *error)
{
    ufm_prediction *prediction;
    ufm_comparison comparison;
    ufm_status status = ufm_predict(d->problem->design, &d->problem->objective, &prediction, error);
    if (status != UFM_OK) return status;
    status = ufm_compare(s, d->problem->labels, prediction, metrics, &comparison);
    if (status == UFM_OK) {
        claim_at(d, s, UFM_CLAIM_VALUE, comparison.objective_error, UFM_VERIFIED);
        claim_at(d, s, UFM_CLAIM_BIAS, bias_error(&s->point, &d->problem->objective, prediction->bias),
                 UFM_VERIFIED);
        if (prediction->phase == UFM_PHASE_COLLAPSED) {
            const int64_t K = s->point.classes, dim = s->point.dim;
            claim_at(d, s, UFM_CLAIM_COLLAPSE,
                     hypot(ufm_norm(K * dim, s->point.W), ufm_norm(dim * s->point.columns, s->point.H)),
                     UFM_VERIFIED);
        } else {
            const int64_t K = s->point.classes;
            claim_at(d, s, UFM_CLAIM_ETF, comparison.gram_error, UFM_VERIFIED);
            if (!(prediction->mean_scale > 0)) /* else a multiple of sum_k w_k is added */
                claim_at(d, s, UFM_CLAIM_AVERAGE,
                         worst(metrics, K, offsetof(ufm_multiplicity_metrics, scale_residual)), UFM_VERIFIED);
            claim_at(d, s, UFM_CLAIM_SCALE, comparison.scale_error, UFM_VERIFIED);
            if (!d->problem->labels->count)
                claim_at(d, s, UFM_CLAIM_WITHIN,
                         worst(metrics, K, offsetof(ufm_multiplicity_metrics, within)), UFM_VERIFIED);
        }
    }
    ufm_prediction_free(prediction);
    return status;
}

/* The origin below the threshold: a strict saddle, so "W = H = 0 is optimal" is a negative control there. */
static ufm_status judge_origin(const docket *d, ufm_error *error)
{
    const verify_problem *p = d->problem;
    const int64_t K = p->labels->classes, n = p->labels->columns;
    double *zeros = ufm_alloc(K * p->dim + p->dim * n + K, sizeof(double));
    if (!zeros) return UFM_ERROR_MEMORY;
    const ufm_point origin = {K, p->dim, n, zeros, zeros + K * p->dim, zeros + K * p->dim + p->dim * n};
    const ufm_certify_settings settings = ufm_certify_defaults();
    ufm_certificate c;
    const ufm_status status = ufm_certify(&origin, p->labels, &p->objective, &settings, &c, error);
    ufm_free(zeros);
    if (status != UFM_OK) return status;
    claim_global(d, &c, UFM_CLAIM_COLLAPSE, UFM_REFUTED);
    const double error_of_formula = fabs(c.witness_curvature / c.lambda_neg - 1);
    add_claim(d, UFM_CLAIM_CURVATURE, error_of_formula,
              c.lambda_neg < 0 ? compare(UFM_CLAIM_CURVATURE, error_of_formula) : UFM_INCONCLUSIVE,
              UFM_VERIFIED);
    return UFM_OK;
}

/* Labels that are not balanced: the optimum is certified, its geometry is not that of Theorem 1. */
static ufm_status judge_unbalanced(const docket *d, const ufm_solution *s, const ufm_metrics *metrics,
                                   ufm_error *error)
{
    double deviation;
    const ufm_status status = ufm_etf_deviation(s->point.W, s->point.classes, s->point.dim, &deviation);
    if (status != UFM_OK) return ufm_fail(error, status, "the distance from the ETF could not be computed");
    claim_at(d, s, UFM_CLAIM_ETF, deviation, UFM_REFUTED);
    claim_at(d, s, UFM_CLAIM_AVERAGE,
             worst(metrics, s->point.classes, offsetof(ufm_multiplicity_metrics, scale_residual)),
             UFM_REFUTED);
    return UFM_OK;
}

ufm_status verify_judge(const verify_instance *instance, const verify_problem *problem, int64_t index,
                        verify_run *run, ufm_verification *verification)
{
    const docket d = {problem, index, run, verification};
    const ufm_solve_settings solve = verify_solve_settings(problem, run, run->settings->seed);
    ufm_error *error = run->error;
    ufm_solution *solution = NULL;
    ufm_metrics *metrics = NULL;
    ufm_status status = verify_solve(problem, &solve, run, &solution);
    if (status == UFM_OK) status = ufm_metrics_compute(&solution->point, problem->labels, &metrics, error);
    if (status != UFM_OK) goto cleanup;
    claim_global(&d, &solution->certificate, UFM_CLAIM_GLOBAL, UFM_VERIFIED);
    status = problem->design ? judge_balanced(&d, solution, metrics, error)
                             : judge_unbalanced(&d, solution, metrics, error);
    if (status == UFM_OK && instance->extra_seeds > 0)
        status = judge_uniqueness(&d, instance->extra_seeds, solution);
    if (status == UFM_OK && instance->mu_ratio > 0 && instance->mu_ratio < 1)
        status = judge_origin(&d, error);
cleanup:
    ufm_metrics_free(metrics);
    ufm_solution_free(solution);
    return status;
}
