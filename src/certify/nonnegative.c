/* Non-negative features, free classifier: the bracket of tau, the bound, and the escape. */
#include "constrained.h"
#include <math.h>
#include <string.h>

/* Random starts of the ascent; gradient columns that also serve as starts; rows of H closer than this to
 * tau_lower (relative) count as its maximisers. */
enum { RANDOM_STARTS = 30, COLUMN_STARTS = 100 };
static const double same_value = 1e-6;

/* A = -G over the distinct tag sets S: column -sqrt(c_S) times the mean of the columns g_i of S. What the
 * columns deviate from their mean has the Frobenius norm `deviation`, so tau(G) <= tau(A) + deviation; and
 * tau(G) >= tau(A), as h may be constant on each tag set. */
typedef struct {
    int64_t *group; /* [columns] */
    int64_t groups;
    double *count; /* [groups] c_S */
    double *A;     /* K x groups */
    double deviation;
} grouped;

static ufm_status group_columns(const certify_constrained *work, grouped *all)
{
    const ufm_labels *labels = work->problem.labels;
    const int64_t K = labels->classes, n = labels->columns;
    all->group = ufm_alloc(n, sizeof *all->group);
    if (!all->group) return UFM_ERROR_MEMORY;
    const ufm_status status = ufm_labels_group(labels, all->group, &all->groups);
    if (status != UFM_OK) return status;
    all->count = ufm_alloc(all->groups, sizeof(double));
    all->A = ufm_alloc(K * all->groups, sizeof(double));
    if (!all->count || !all->A) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        const double c = (double)ufm_labels_count(labels, i);
        all->count[all->group[i]] += c;
        ufm_axpy(K, -c, work->G + i * K, all->A + all->group[i] * K);
    }
    for (int64_t g = 0; g < all->groups; g++) ufm_scale(K, 1 / all->count[g], all->A + g * K);
    ufm_sum total = {0, 0};
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < K; k++) {
            const double away = work->G[k + i * K] + all->A[k + all->group[i] * K];
            ufm_sum_add(&total, (double)ufm_labels_count(labels, i) * away * away);
        }
    all->deviation = sqrt(ufm_sum_value(total));
    for (int64_t g = 0; g < all->groups; g++) ufm_scale(K, sqrt(all->count[g]), all->A + g * K);
    return UFM_OK;
}

static void free_grouped(grouped *all)
{
    ufm_free(all->group);
    ufm_free(all->count);
    ufm_free(all->A);
}

/* The best ascent so far and the maximisers among the rows of H. */
typedef struct {
    ufm_matrix A;
    double *w, *h;           /* the trial: K, groups */
    double *best_w, *best_h; /* of tau_lower */
    double tau;
    double *points, *values; /* groups x d: where the rows of H ascend to; the values there */
} search;

static double ascend_from(search *s)
{
    const double value = certify_ascend(s->A, s->w, s->h);
    if (value > s->tau) {
        s->tau = value;
        memcpy(s->best_w, s->w, (size_t)s->A.rows * sizeof(double));
        memcpy(s->best_h, s->h, (size_t)s->A.cols * sizeof(double));
    }
    return value;
}

/* Ascents from w_j for every coordinate j: at a critical point row j of H is where they end. */
static void from_coordinates(const certify_constrained *work, search *s)
{
    const ufm_point *p = work->problem.point;
    const int64_t K = p->classes;
    for (int64_t j = 0; j < p->dim; j++) {
        memcpy(s->w, p->W + j * K, (size_t)K * sizeof(double));
        s->values[j] = ascend_from(s);
        memcpy(s->points + j * s->A.cols, s->h, (size_t)s->A.cols * sizeof(double));
    }
}

/* Ascents from both signs of the singular vectors, of some columns, and of random directions. */
static ufm_status from_everywhere(search *s)
{
    const int64_t K = s->A.rows, n = s->A.cols, stride = 1 + n / COLUMN_STARTS;
    double *outer = ufm_alloc(K * K, sizeof(double)), *values = ufm_alloc(K, sizeof(double));
    ufm_rng *rng = ufm_rng_new(1);
    ufm_status status = outer && values && rng ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        ufm_gemm(1, s->A, ufm_transpose(s->A), 0, ufm_view(outer, K, K));
        status = ufm_symmetric_eigen(K, outer, true, values);
    }
    for (int sign = -1; sign <= 1 && status == UFM_OK; sign += 2)
        for (int64_t start = 0; start < K + n / stride; start++) {
            const double *from = start < K ? outer + start * K : s->A.data + (start - K) * stride * K;
            for (int64_t k = 0; k < K; k++) s->w[k] = sign * from[k];
            (void)ascend_from(s);
        }
    for (int start = 0; start < RANDOM_STARTS && status == UFM_OK; start++) {
        for (int64_t k = 0; k < K; k++) s->w[k] = ufm_rng_gaussian(rng);
        (void)ascend_from(s);
    }
    ufm_free(outer);
    ufm_free(values);
    ufm_rng_free(rng);
    return status;
}

/* tau_upper from tau_lower's neighbourhood and the relaxation. */
static ufm_status upper_bound(const certify_constrained *work, search *s, ufm_constrained_certificate *result)
{
    const ufm_constrained_settings *settings = work->settings;
    const int64_t n = s->A.cols;
    result->relaxation_size = 0;
    if (n > settings->relaxation_size || result->sigma1 <= result->mu) {
        result->tau_upper = result->sigma1;
        return UFM_OK;
    }
    certify_relaxation problem = {.n = n,
                                  .target = result->mu * result->mu,
                                  .points = s->points,
                                  .value = s->tau * s->tau,
                                  .observe = settings->observe,
                                  .context = settings->context};
    for (int64_t j = 0; j < work->problem.point->dim; j++)
        if (s->values[j] >= s->tau * (1 - same_value))
            memmove(s->points + n * problem.maximisers++, s->points + n * j, (size_t)n * sizeof(double));
    double *Q = ufm_alloc(n * n, sizeof(double)), square = INFINITY;
    if (!Q) return UFM_ERROR_MEMORY;
    ufm_gemm(1, ufm_transpose(s->A), s->A, 0, ufm_view(Q, n, n));
    problem.Q = Q;
    const ufm_status status = certify_relax(&problem, &square, &result->relaxation_steps);
    if (status == UFM_OK) {
        result->relaxation_size = n;
        result->tau_upper = fmin(result->sigma1, sqrt(square));
    }
    ufm_free(Q);
    return status;
}

/* The coordinate in which W and H are smallest, if they vanish there, else -1. */
static int64_t spare_dimension(const certify_constrained *work)
{
    const ufm_point *p = work->problem.point;
    const ufm_objective *o = work->problem.objective;
    double total = 0, least = INFINITY;
    int64_t spare = -1;
    for (int64_t j = 0; j < p->dim; j++) {
        double row = 0;
        for (int64_t i = 0; i < p->columns; i++)
            row += (double)ufm_labels_count(work->problem.labels, i) * p->H[j + i * p->dim] *
                   p->H[j + i * p->dim];
        const double *w = p->W + j * p->classes;
        const double share = o->lambda_h * row + o->lambda_w * ufm_dot(p->classes, w, w);
        total += share;
        if (share < least) {
            least = share;
            spare = j;
        }
    }
    return least <= 1e-20 * total || total == 0 ? spare : -1;
}

/* f at the point moved by length (alpha u e_j^T, beta e_j v^T). */
static ufm_status moved_objective(const certify_constrained *work, const ufm_constrained_certificate *result,
                                  const double *u, const double *v, double *objective)
{
    const ufm_point *p = work->problem.point;
    const ufm_objective *o = work->problem.objective;
    const int64_t K = p->classes, d = p->dim, n = p->columns, j = result->spare_dimension;
    double *W = ufm_alloc(K * d, sizeof(double)), *H = ufm_alloc(d * n, sizeof(double));
    certify_sums sums = {0};
    ufm_status status = W && H ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        const ufm_point moved = {K, d, n, W, H, p->b};
        const certify_problem problem = {&moved, work->problem.labels, o, work->problem.pool};
        memcpy(W, p->W, (size_t)(K * d) * sizeof(double));
        memcpy(H, p->H, (size_t)(d * n) * sizeof(double));
        for (int64_t k = 0; k < K; k++) W[k + j * K] += u[k];
        for (int64_t i = 0; i < n; i++) H[j + i * d] += v[i];
        status = certify_accumulate(&problem, &sums);
        if (status == UFM_OK)
            *objective = sums.loss + o->lambda_w * ufm_dot(K * d, W, W) + o->lambda_h * sums.features +
                         o->lambda_b * ufm_dot(K, p->b, p->b);
    }
    certify_sums_free(&sums);
    ufm_free(W);
    ufm_free(H);
    return status;
}

/* Formula and measurement of the curvature along the escape (u, v), v one number per column. */
static ufm_status witness(const certify_constrained *work, const double *u, const double *v,
                          ufm_constrained_certificate *result)
{
    const double length = 1e-3; /* the error is of its square, rounding over its square */
    const double lw = work->problem.objective->lambda_w, lh = work->problem.objective->lambda_h;
    const int64_t K = work->problem.point->classes, n = work->problem.point->columns;
    result->spare_dimension = spare_dimension(work);
    result->lambda_neg = lw + lh - hypot(lw - lh, result->tau_lower);
    if (result->spare_dimension < 0 || !(result->tau_lower > 0)) return UFM_OK;
    const double x = result->tau_lower, y = 2 * lw - result->lambda_neg, norm = hypot(x, y);
    double *step = ufm_alloc(K + n, sizeof(double)), objective = NAN;
    if (!step) return UFM_ERROR_MEMORY;
    ufm_axpy(K, length * x / norm, u, step);
    ufm_axpy(n, length * y / norm, v, step + K);
    const ufm_status status = moved_objective(work, result, step, step + K, &objective);
    if (status == UFM_OK) result->witness_curvature = 2 * (objective - result->objective) / (length * length);
    ufm_free(step);
    return status;
}

static ufm_status bracket(const certify_constrained *work, const grouped *all, search *s,
                          ufm_constrained_certificate *result)
{
    const int64_t K = s->A.rows, n = work->problem.point->columns;
    from_coordinates(work, s);
    ufm_status status = from_everywhere(s);
    if (status != UFM_OK) return status;
    result->tau_lower = s->tau;
    double *v = ufm_alloc(n, sizeof(double));
    if (!v) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) v[i] = s->best_h[all->group[i]] / sqrt(all->count[all->group[i]]);
    status = witness(work, s->best_w, v, result);
    if (status == UFM_OK && work->settings->escape_w)
        memcpy(work->settings->escape_w, s->best_w, (size_t)K * sizeof(double));
    if (status == UFM_OK && work->settings->escape_h)
        memcpy(work->settings->escape_h, v, (size_t)n * sizeof(double));
    ufm_free(v);
    return status == UFM_OK ? upper_bound(work, s, result) : status;
}

ufm_status certify_nonnegative(const certify_constrained *work, ufm_constrained_certificate *result)
{
    const int64_t K = work->problem.point->classes, d = work->problem.point->dim;
    grouped all = {0};
    ufm_status status = group_columns(work, &all);
    const int64_t n = all.groups;
    double *storage = status == UFM_OK ? ufm_alloc(2 * K + 2 * n + d * n + d, sizeof(double)) : NULL;
    if (status == UFM_OK && !storage) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        search s = {.A = ufm_view(all.A, K, n), .w = storage, .best_w = storage + K, .h = storage + 2 * K};
        s.best_h = s.h + n;
        s.points = s.best_h + n;
        s.values = s.points + d * n;
        status = bracket(work, &all, &s, result);
        result->tau_upper = fmin(result->tau_upper + all.deviation, result->sigma1);
    }
    if (status == UFM_OK)
        status =
            certify_best_scale(work, 0, work->bias_term,
                               result->tau_upper <= result->mu ? 1 : result->mu / result->tau_upper, result);
    ufm_free(storage);
    free_grouped(&all);
    return status;
}
