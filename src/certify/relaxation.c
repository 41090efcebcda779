/* Upper bounds of max h^T Q h over unit h >= 0: lambda_max(Q + M) for entrywise non-negative M.
 *
 * The best M solves the dual of
 *
 *   max <Q, X>  over X = Y,  X positive semidefinite of trace 1,  Y >= 0 entrywise,
 *
 * which the alternating direction method of multipliers solves with one eigendecomposition a step; the scaled
 * multiplier U <= 0 of X = Y gives M = -penalty U. */
#include "constrained.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Multiply-adds that may be spent, and steps at most; and between two looks at the bound. */
static const double work_limit = 4e10;
enum { STEPS_MAX = 3000, STEPS_PER_LOOK = 25 };

typedef struct {
    const certify_relaxation *problem;
    double scale; /* lambda_max(Q): the steps see Q/scale */
    double penalty;
    double *Y, *U, *before;    /* n x n: Y of the last step */
    double *X, *vectors;       /* n x n */
    double *values, *positive; /* n */
    double best;
} relaxation;

/* lambda_max(Q + M) and more than its rounding error; `scratch` is n x n. */
static ufm_status bound_of(const certify_relaxation *problem, const double *M, double *scratch,
                           double *values, double *bound)
{
    const int64_t n = problem->n;
    for (int64_t j = 0; j < n * n; j++) scratch[j] = problem->Q[j] + (M ? M[j] : 0);
    const double margin = (double)n * DBL_EPSILON * ufm_norm(n * n, scratch);
    const ufm_status status = ufm_symmetric_eigen(n, scratch, false, values);
    if (status == UFM_OK) *bound = values[n - 1] + margin;
    return status;
}

/* Projects ascending eigenvalues onto the simplex: positive = max(value - level, 0), sum 1. */
static void onto_simplex(int64_t n, const double *values, double *positive)
{
    double sum = 0, level = 0;
    for (int64_t count = 1; count <= n; count++) {
        sum += values[n - count];
        const double candidate = (sum - 1) / (double)count;
        if (!(values[n - count] > candidate)) break;
        level = candidate;
    }
    for (int64_t j = 0; j < n; j++) positive[j] = fmax(0, values[j] - level);
}

/* X <- projection of Y - U + Q/(scale penalty) onto the positive semidefinite matrices of trace 1. */
static ufm_status step_X(relaxation *work)
{
    const int64_t n = work->problem->n;
    const double factor = 1 / (work->scale * work->penalty);
    for (int64_t j = 0; j < n * n; j++)
        work->vectors[j] = work->Y[j] - work->U[j] + factor * work->problem->Q[j];
    const ufm_status status = ufm_symmetric_eigen(n, work->vectors, true, work->values);
    if (status != UFM_OK) return status;
    onto_simplex(n, work->values, work->positive);
    int64_t first = n;
    while (first > 0 && work->positive[first - 1] > 0) first--;
    for (int64_t j = first; j < n; j++) ufm_scale(n, sqrt(work->positive[j]), work->vectors + j * n);
    const ufm_matrix root = ufm_view(work->vectors + first * n, n, n - first);
    ufm_gemm(1, root, ufm_transpose(root), 0, ufm_view(work->X, n, n));
    return UFM_OK;
}

/* The other two updates; then the penalty follows the two residuals. */
static void step_Y(relaxation *work, int64_t step)
{
    const int64_t n = work->problem->n;
    memcpy(work->before, work->Y, (size_t)(n * n) * sizeof(double));
    double primal = 0, dual = 0;
    for (int64_t j = 0; j < n * n; j++) {
        const double sum = work->X[j] + work->U[j];
        work->Y[j] = sum > 0 ? sum : 0;
        work->U[j] = sum < 0 ? sum : 0;
        primal += (work->X[j] - work->Y[j]) * (work->X[j] - work->Y[j]);
        dual += (work->Y[j] - work->before[j]) * (work->Y[j] - work->before[j]);
    }
    dual *= work->penalty * work->penalty;
    if (step % 10 != 9) return;
    double factor = 1;
    if (primal > 25 * dual) factor = 1.6;
    if (dual > 25 * primal) factor = 1 / 1.6;
    work->penalty *= factor;
    ufm_scale(n * n, 1 / factor, work->U);
}

/* Looks at the bounds of the present M, raw and polished. */
static ufm_status look(relaxation *work)
{
    const certify_relaxation *problem = work->problem;
    const int64_t n = problem->n;
    double *M = work->before, bound;
    for (int64_t j = 0; j < n * n; j++) M[j] = -work->penalty * work->scale * work->U[j];
    for (int polished = 0; polished < 2; polished++) {
        if (polished && problem->maximisers == 0) break;
        ufm_status status = polished ? certify_relax_polish(problem, M) : UFM_OK;
        if (status == UFM_OK) status = bound_of(problem, M, work->vectors, work->values, &bound);
        if (status != UFM_OK) return status;
        work->best = fmin(work->best, bound);
    }
    return UFM_OK;
}

static ufm_status iterate(relaxation *work, int64_t *steps)
{
    const certify_relaxation *problem = work->problem;
    const double n = (double)problem->n, budget = fmin(STEPS_MAX, work_limit / (n * n * n));
    const double enough = fmax(problem->target, problem->value) * (1 + 2 * n * DBL_EPSILON * sqrt(n));
    ufm_status status = look(work);
    for (*steps = 0; status == UFM_OK && work->best > enough && (double)*steps < budget; ++*steps) {
        if (problem->observe && !problem->observe(problem->context, (double)*steps / budget)) break;
        status = step_X(work);
        if (status != UFM_OK) break;
        step_Y(work, *steps);
        if (*steps % STEPS_PER_LOOK == STEPS_PER_LOOK - 1) status = look(work);
    }
    return status;
}

/* Starts at X = sum of p p^T over the known maximisers, where an optimal X is if they are the true ones, and
 * at the least M that fits them. */
static ufm_status warm_start(relaxation *work)
{
    const certify_relaxation *problem = work->problem;
    const int64_t n = problem->n, r = problem->maximisers;
    work->penalty = 1;
    if (r == 0) {
        for (int64_t i = 0; i < n; i++) work->Y[i + i * n] = 1 / (double)n;
        return UFM_OK;
    }
    const ufm_matrix points = ufm_view(problem->points, n, r);
    ufm_gemm(1 / (double)r, points, ufm_transpose(points), 0, ufm_view(work->Y, n, n));
    const ufm_status status = certify_relax_polish(problem, work->before);
    for (int64_t j = 0; j < n * n; j++) work->U[j] = -work->before[j] / (work->scale * work->penalty);
    return status;
}

ufm_status certify_relax(const certify_relaxation *problem, double *bound, int64_t *steps)
{
    const int64_t n = problem->n, square = n * n;
    double *storage = ufm_alloc(5 * square + 2 * n, sizeof(double));
    if (!storage) return UFM_ERROR_MEMORY;
    relaxation work = {.problem = problem, .Y = storage, .U = storage + square};
    work.before = work.U + square;
    work.X = work.before + square;
    work.vectors = work.X + square;
    work.values = work.vectors + square;
    work.positive = work.values + n;
    ufm_status status = bound_of(problem, NULL, work.vectors, work.values, &work.best);
    work.scale = work.best;
    *steps = 0;
    if (status == UFM_OK && work.best > problem->target && work.scale > 0) status = warm_start(&work);
    if (status == UFM_OK && work.best > problem->target && work.scale > 0) status = iterate(&work, steps);
    if (status == UFM_OK) *bound = work.best;
    ufm_free(storage);
    return status;
}
