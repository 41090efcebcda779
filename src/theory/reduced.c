/* Newton's method on the reduced problem. The two norms have a kink at 0, so each block is first held there:
 * where its subdifferential contains 0 it stays, otherwise it is free and the optimum is smooth in it. */
#include "reduced.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

typedef struct {
    reduced_problem *problem;
    bool free_delta, free_mean, free_beta, envelope;
    int64_t unknowns;
    double *x, *trial, *step, *gradient, *hessian; /* unknowns: delta (all levels), a (all levels), beta */
    reduced_loss *loss;                            /* [levels], at the last point evaluated */
} newton;

static int64_t levels_of(const newton *n)
{
    return n->problem->levels;
}

/* sqrt(sum weight x^2) over the levels; which = 0 for rho, 1 for alpha. */
static double block_weight(const newton *n, int which, int64_t l)
{
    const reduced_problem *p = n->problem;
    return which == 0 ? p->level[l].spread : p->classes * p->level[l].share;
}

static double block_norm(const newton *n, int which, const double *x)
{
    double sum = 0;
    for (int64_t l = 0; l < levels_of(n); l++)
        sum += block_weight(n, which, l) * x[which * levels_of(n) + l] * x[which * levels_of(n) + l];
    return sqrt(sum);
}

static double block_strength(const newton *n, int which)
{
    return n->problem->strength * (which == 0 ? n->problem->classes - 1 : 1);
}

static bool block_free(const newton *n, int which)
{
    return which == 0 ? n->free_delta : n->free_mean;
}

/* The objective; leaves the levels' losses in n->loss. */
static double evaluate(newton *n, const double *x)
{
    const reduced_problem *p = n->problem;
    const int64_t L = levels_of(n);
    const double beta = x[2 * L];
    ufm_sum sum = {p->objective.lambda_b * p->classes * beta * beta, 0};
    for (int64_t l = 0; l < L; l++) {
        n->loss[l] =
            reduced_loss_at(&p->objective, p->classes, p->level[l].m, x[l], x[L + l] + beta, n->envelope);
        ufm_sum_add(&sum, p->level[l].share * n->loss[l].value);
    }
    for (int which = 0; which < 2; which++)
        ufm_sum_add(&sum, block_strength(n, which) * block_norm(n, which, x));
    return ufm_sum_value(sum);
}

/* Gradient of the smooth part in delta_l or a_l. */
static double pull(const newton *n, int which, int64_t l)
{
    return n->problem->level[l].share * (which == 0 ? n->loss[l].d : n->loss[l].s);
}

/* Least strength that keeps the block at 0, from the gradient there. */
static double dual_norm(const newton *n, int which)
{
    double sum = 0;
    for (int64_t l = 0; l < levels_of(n); l++)
        if (block_weight(n, which, l) > 0) sum += pow(pull(n, which, l), 2) / block_weight(n, which, l);
    return sqrt(sum);
}

static void add_norm(newton *n, int which)
{
    const int64_t L = levels_of(n), first = which * L, U = n->unknowns;
    const double norm = block_norm(n, which, n->x), strength = block_strength(n, which);
    for (int64_t i = 0; i < L; i++) {
        const double wi = block_weight(n, which, i) * n->x[first + i];
        n->gradient[first + i] += strength * wi / norm;
        for (int64_t j = 0; j < L; j++) {
            const double wj = block_weight(n, which, j) * n->x[first + j];
            n->hessian[first + i + (first + j) * U] +=
                strength / norm * ((i == j ? block_weight(n, which, i) : 0) - wi / norm * (wj / norm));
        }
    }
}

static void add_level(newton *n, int64_t l)
{
    const int64_t L = levels_of(n), U = n->unknowns, index[3] = {l, L + l, 2 * L};
    const double share = n->problem->level[l].share;
    const reduced_loss f = n->loss[l];
    const double first[3] = {f.d, f.s, f.s};
    const double second[3][3] = {{f.dd, f.ds, f.ds}, {f.ds, f.ss, f.ss}, {f.ds, f.ss, f.ss}};
    for (int i = 0; i < 3; i++) {
        n->gradient[index[i]] += share * first[i];
        for (int j = 0; j < 3; j++) n->hessian[index[i] + index[j] * U] += share * second[i][j];
    }
}

/* Rows of unknowns that are held become the identity, so that they do not move. */
static void hold(newton *n)
{
    const int64_t L = levels_of(n), U = n->unknowns;
    for (int64_t i = 0; i < U; i++) {
        const bool is_free = i < L       ? n->free_delta && n->problem->level[i].spread > 0
                             : i < 2 * L ? n->free_mean
                                         : n->free_beta;
        if (is_free) continue;
        for (int64_t j = 0; j < U; j++) n->hessian[i + j * U] = n->hessian[j + i * U] = 0;
        n->hessian[i + i * U] = 1;
        n->gradient[i] = 0;
    }
}

static void differentiate(newton *n)
{
    const int64_t L = levels_of(n), U = n->unknowns;
    const reduced_problem *p = n->problem;
    memset(n->gradient, 0, (size_t)U * sizeof(double));
    memset(n->hessian, 0, (size_t)(U * U) * sizeof(double));
    for (int64_t l = 0; l < L; l++) add_level(n, l);
    for (int which = 0; which < 2; which++)
        if (block_free(n, which)) add_norm(n, which);
    n->gradient[2 * L] += 2 * p->objective.lambda_b * p->classes * n->x[2 * L];
    n->hessian[2 * L * (U + 1)] += 2 * p->objective.lambda_b * p->classes;
    hold(n);
}

/* Moves a free block from 0 along its steepest descent, as far as the objective falls. */
static void leave_zero(newton *n, int which)
{
    enum { HALVINGS = 200 };
    const int64_t L = levels_of(n), first = which * L;
    const double before = evaluate(n, n->x);
    memcpy(n->step, n->x, (size_t)n->unknowns * sizeof(double));
    for (int64_t l = 0; l < L; l++)
        if (block_weight(n, which, l) > 0)
            n->step[first + l] = -pull(n, which, l) / block_weight(n, which, l);
    double length = 1;
    for (int i = 0; i < HALVINGS; i++, length /= 2) {
        memcpy(n->trial, n->x, (size_t)n->unknowns * sizeof(double));
        for (int64_t l = 0; l < L; l++) n->trial[first + l] = length * n->step[first + l];
        if (evaluate(n, n->trial) < before) break;
    }
    memcpy(n->x, n->trial, (size_t)n->unknowns * sizeof(double));
}

/* Newton's method from n->x over the free unknowns. */
static ufm_status descend(newton *n)
{
    enum { STEPS = 500, HALVINGS = 60 };
    const int64_t U = n->unknowns;
    double value = evaluate(n, n->x);
    for (int iteration = 0; iteration < STEPS; iteration++) {
        differentiate(n);
        memcpy(n->step, n->gradient, (size_t)U * sizeof(double));
        const ufm_status status = ufm_solve_spd(U, n->hessian, n->step);
        if (status != UFM_OK) return status;
        const double decrement = ufm_dot(U, n->gradient, n->step);
        double length = 1, trial = INFINITY;
        for (int i = 0; i < HALVINGS; i++, length /= 2) {
            memcpy(n->trial, n->x, (size_t)U * sizeof(double));
            ufm_axpy(U, -length, n->step, n->trial);
            trial = evaluate(n, n->trial);
            if (trial <= value - 0.1 * length * decrement || decrement <= 1e-14 * fabs(value)) break;
        }
        memcpy(n->x, n->trial, (size_t)U * sizeof(double));
        value = trial;
        /* Convergence is quadratic: the step after this decrement leaves only rounding. */
        if (!(decrement > 1e-26 * fabs(value))) return isfinite(value) ? UFM_OK : UFM_ERROR_NUMERIC;
    }
    return UFM_ERROR_NUMERIC;
}

/* Whether delta leaves 0 does not depend on a and beta (d phi/d delta at delta = 0 is the same for every s,
 * proof note 16), so it is settled first; then a, at the optimal delta. */
static ufm_status solve_convex(newton *n)
{
    const int64_t L = levels_of(n);
    n->free_delta = n->free_mean = false;
    n->free_beta = !ufm_loss_shift_free(n->problem->objective.loss);
    memset(n->x, 0, (size_t)n->unknowns * sizeof(double));
    (void)evaluate(n, n->x);
    n->problem->critical = dual_norm(n, 0) / (n->problem->classes - 1);
    n->free_delta = n->problem->critical > n->problem->strength;
    if (n->free_delta) leave_zero(n, 0);
    ufm_status status = descend(n);
    if (status != UFM_OK || !n->free_beta) return status;
    (void)evaluate(n, n->x);
    n->free_mean = dual_norm(n, 1) > block_strength(n, 1);
    if (!n->free_mean) return UFM_OK;
    leave_zero(n, 1);
    status = descend(n);
    for (int64_t l = 0; status == UFM_OK && l < L; l++)
        if (!isfinite(n->x[L + l])) status = UFM_ERROR_NUMERIC;
    return status;
}

/* Every cross-entropy where pal-focal is its convex envelope: the optimum of the envelope is the loss's own.
 */
static bool within_envelope(const newton *n)
{
    const reduced_problem *p = n->problem;
    const double limit = reduced_convex_limit(&p->objective);
    for (int64_t l = 0; l < p->levels; l++)
        if (!(reduced_cross_entropy(p->classes, p->level[l].m, n->x[l]) <= limit)) return false;
    return true;
}

/* Beyond the envelope: the better of the collapsed point and of where Newton's method on the loss itself
 * leads from the envelope's optimum, or from margins that separate. */
static ufm_status solve_nonconvex(newton *n)
{
    const int64_t L = levels_of(n);
    n->envelope = false;
    for (int64_t l = 0; l < L; l++)
        if (n->problem->level[l].spread > 0) n->x[l] = fmax(n->x[l], log(n->problem->classes) + 2);
    n->free_delta = true;
    const ufm_status status = descend(n);
    memset(n->trial, 0, (size_t)n->unknowns * sizeof(double));
    const double collapsed = evaluate(n, n->trial);
    if (status != UFM_OK || !(evaluate(n, n->x) < collapsed))
        memset(n->x, 0, (size_t)n->unknowns * sizeof(double));
    return UFM_OK;
}

static bool allocate(newton *n)
{
    const int64_t U = n->unknowns;
    n->x = ufm_alloc(4 * U, sizeof(double));
    n->hessian = ufm_alloc(U * U, sizeof(double));
    n->loss = ufm_alloc(levels_of(n), sizeof *n->loss);
    if (!n->x || !n->hessian || !n->loss) return false;
    n->trial = n->x + U;
    n->step = n->trial + U;
    n->gradient = n->step + U;
    return true;
}

ufm_status reduced_solve(reduced_problem *problem, ufm_error *error)
{
    newton n = {.problem = problem, .envelope = true, .unknowns = 2 * problem->levels + 1};
    const int64_t L = problem->levels;
    ufm_status status = allocate(&n) ? solve_convex(&n) : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    problem->proved = within_envelope(&n);
    if (!problem->proved) status = solve_nonconvex(&n);
    if (status != UFM_OK) goto cleanup;
    problem->value = evaluate(&n, n.x);
    problem->beta = n.x[2 * L];
    for (int64_t l = 0; l < L; l++) {
        problem->level[l].delta = n.x[l];
        problem->level[l].a = n.x[L + l];
    }
cleanup:
    ufm_free(n.x);
    ufm_free(n.hessian);
    ufm_free(n.loss);
    return status == UFM_OK
               ? status
               : ufm_fail(error, status, "the symmetric optimum was not found: %s", ufm_status_text(status));
}
