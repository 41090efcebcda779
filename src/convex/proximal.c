/* FISTA (Beck and Teboulle 2009) with the adaptive restart of O'Donoghue and Candes (2015).
 *
 * The unknowns are one vector x = [X D | sqrt(N) b] of K (n+1) numbers: in them the curvature of every sample
 * weighs the same, and that of the bias as much as that of a column. */
#include "internal.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Without a smaller residual for so many iterations the rest is rounding. */
enum { PATIENCE = 2000 };

typedef struct {
    const ufm_labels *labels;
    const ufm_objective *objective;
    int64_t classes, size;
    double mu, root_samples;
    double *storage; /* the vectors below */
    double *x, *next, *y, *gradient_y, *gradient_next;
    double *z, *slope; /* K each: one column's logits, and the loss's gradient in them */
    convex_svd svd;
    double lipschitz, momentum;
    int64_t evaluations;
} problem;

ufm_convex_settings ufm_proximal_defaults(void)
{
    return (ufm_convex_settings){.tolerance = 1e-13, .max_iterations = 200000};
}

static ufm_status problem_new(const ufm_labels *labels, const ufm_objective *objective, problem *p)
{
    const int64_t K = labels->classes, size = K * (labels->columns + 1);
    *p = (problem){.labels = labels, .objective = objective, .classes = K, .size = size};
    p->mu = ufm_objective_mu(objective);
    p->root_samples = sqrt((double)labels->samples);
    const ufm_status status = convex_svd_new(K, labels->columns, &p->svd);
    if (status != UFM_OK) return status;
    p->storage = ufm_alloc(5 * size + 2 * K, sizeof(double));
    if (!p->storage) return UFM_ERROR_MEMORY;
    double **const vectors[] = {&p->x, &p->next, &p->y, &p->gradient_y, &p->gradient_next};
    for (int v = 0; v < 5; v++) *vectors[v] = p->storage + v * size;
    p->z = p->storage + 5 * size;
    p->slope = p->z + K;
    return UFM_OK;
}

static void problem_free(problem *p)
{
    convex_svd_free(&p->svd);
    ufm_free(p->storage);
}

/* Value and gradient of the smooth part: data term + lambda_b |b|^2. */
static double smooth(problem *p, const double *x, double *gradient)
{
    const ufm_labels *labels = p->labels;
    const int64_t K = p->classes, n = labels->columns;
    const double *bias = x + K * n;
    double *gradient_b = gradient + K * n;
    const double N = (double)labels->samples, ridge = p->objective->lambda_b / N;
    ufm_sum value = {ridge * ufm_dot(K, bias, bias), 0};
    for (int64_t k = 0; k < K; k++) gradient_b[k] = 2 * ridge * bias[k];
    for (int64_t i = 0; i < n; i++) {
        const double c = (double)ufm_labels_count(labels, i), root = sqrt(c);
        for (int64_t k = 0; k < K; k++) p->z[k] = x[k + i * K] / root + bias[k] / p->root_samples;
        ufm_sum_add(&value, c / N * convex_loss(p->objective, labels, i, p->z, p->slope));
        for (int64_t k = 0; k < K; k++) {
            gradient[k + i * K] = root / N * p->slope[k];
            gradient_b[k] += c / N / p->root_samples * p->slope[k];
        }
    }
    p->evaluations++;
    return ufm_sum_value(value);
}

/* next = prox(y - gradient_y/lipschitz), its gradient and its value. */
static ufm_status forward_backward(problem *p, double *value)
{
    memcpy(p->next, p->y, (size_t)p->size * sizeof(double));
    ufm_axpy(p->size, -1 / p->lipschitz, p->gradient_y, p->next);
    const ufm_status status = convex_shrink(&p->svd, p->mu / p->lipschitz, p->next);
    if (status != UFM_OK) return status;
    *value = smooth(p, p->next, p->gradient_next);
    for (int64_t j = 0; j < p->svd.least; j++) *value += p->mu * p->svd.s[j];
    return UFM_OK;
}

/* A step from y that passes the test <g(next) - g(y), next - y> <= (lipschitz/2) |next - y|^2: by convexity
 * it implies the usual bound of the value, and unlike that one it does not drown in the value's rounding.
 * *residual is the norm of g(next) - g(y) - lipschitz (next - y), a subgradient of the whole problem at
 * `next`. False when nothing moves. */
static ufm_status step(problem *p, double *value, double *residual, bool *moved)
{
    for (;;) {
        const ufm_status status = forward_backward(p, value);
        if (status != UFM_OK) return status;
        double bend = 0, square = 0, rest = 0;
        for (int64_t j = 0; j < p->size; j++) {
            const double move = p->next[j] - p->y[j], change = p->gradient_next[j] - p->gradient_y[j];
            bend += change * move;
            square += move * move;
            rest += (change - p->lipschitz * move) * (change - p->lipschitz * move);
        }
        *residual = sqrt(rest);
        *moved = sqrt(square) > DBL_EPSILON * ufm_norm(p->size, p->y);
        if (!*moved || bend <= p->lipschitz / 2 * square) return UFM_OK;
        if (!isfinite(bend)) return UFM_ERROR_NUMERIC;
        p->lipschitz *= 2;
    }
}

/* x = next and a new y. The momentum starts anew, and the curvature is estimated anew, when it leads uphill.
 */
static bool advance(problem *p)
{
    double uphill = 0;
    for (int64_t j = 0; j < p->size; j++) uphill += (p->y[j] - p->next[j]) * (p->next[j] - p->x[j]);
    const bool restart = uphill > 0;
    double *old = p->x;
    p->x = p->next;
    p->next = old;
    memcpy(p->y, p->x, (size_t)p->size * sizeof(double));
    if (restart) {
        p->momentum = 1;
        p->lipschitz /= 2;
        memcpy(p->gradient_y, p->gradient_next, (size_t)p->size * sizeof(double));
        return true;
    }
    const double momentum = (1 + sqrt(1 + 4 * p->momentum * p->momentum)) / 2;
    const double share = (p->momentum - 1) / momentum;
    for (int64_t j = 0; j < p->size; j++) p->y[j] += share * (p->x[j] - old[j]);
    p->momentum = momentum;
    (void)smooth(p, p->y, p->gradient_y);
    return false;
}

static ufm_status iterate(problem *p, const ufm_convex_settings *settings, ufm_proximal_info *info)
{
    const double started = ufm_seconds();
    double least = INFINITY;
    int64_t since = 0;
    p->lipschitz = 1 / (double)p->labels->samples;
    p->momentum = 1;
    memcpy(p->y, p->x, (size_t)p->size * sizeof(double));
    (void)smooth(p, p->y, p->gradient_y);
    for (info->iterations = 0;; info->iterations++) {
        bool moved;
        const ufm_status status = step(p, &info->value, &info->residual, &moved);
        if (status != UFM_OK) return status;
        since = info->residual < least ? 0 : since + 1;
        least = fmin(least, info->residual);
        info->evaluations = p->evaluations;
        info->seconds = ufm_seconds() - started;
        const ufm_convex_progress progress = {info->iterations, info->evaluations, info->value,
                                              info->residual, info->seconds};
        if (info->residual <= settings->tolerance) {
            info->stop = UFM_CONVEX_CONVERGED;
        } else if (settings->observe && !settings->observe(settings->context, &progress)) {
            info->stop = UFM_CONVEX_INTERRUPTED;
        } else if (!moved || since > PATIENCE) {
            info->stop = UFM_CONVEX_STALLED;
        } else if (info->iterations >= settings->max_iterations) {
            info->stop = UFM_CONVEX_ITERATIONS;
        } else {
            info->restarts += advance(p);
            continue;
        }
        return UFM_OK;
    }
}

static ufm_status check(const ufm_labels *labels, const ufm_objective *objective,
                        const ufm_convex_settings *settings, ufm_error *error)
{
    const ufm_status status = ufm_objective_check(objective, error);
    if (status != UFM_OK) return status;
    if (!convex_loss_is_convex(objective))
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "the loss %s is not convex; the proximal solver minimises convex ones",
                        ufm_loss_name(objective->loss));
    if (!(settings->tolerance >= 0) || settings->max_iterations < 0)
        return ufm_fail(error, UFM_ERROR_USAGE, "the tolerance and the number of iterations must be >= 0");
    return ufm_objective_bounded(labels, objective, error);
}

/* Into the variables of this file, or back. */
static void scale_columns(const ufm_labels *labels, bool multiply, double *X)
{
    for (int64_t i = 0; labels->count && i < labels->columns; i++) {
        const double root = sqrt((double)labels->count[i]);
        ufm_scale(labels->classes, multiply ? root : 1 / root, X + i * labels->classes);
    }
}

ufm_status ufm_proximal(const ufm_labels *labels, const ufm_objective *objective,
                        const ufm_convex_settings *settings, ufm_logits logits, ufm_proximal_info *info,
                        ufm_error *error)
{
    problem p = {0};
    ufm_proximal_info found = {0};
    ufm_status status = check(labels, objective, settings, error);
    if (status != UFM_OK) return status;
    const int64_t K = labels->classes, numbers = K * labels->columns;
    status = problem_new(labels, objective, &p);
    if (status != UFM_OK) goto cleanup;
    memcpy(p.x, logits.X, (size_t)numbers * sizeof(double));
    scale_columns(labels, true, p.x);
    for (int64_t k = 0; k < K; k++) p.x[numbers + k] = p.root_samples * logits.b[k];
    status = iterate(&p, settings, &found);
    if (status != UFM_OK) goto cleanup;
    for (int64_t j = 0; j < p.svd.least; j++) found.rank += p.svd.s[j] > 0;
    scale_columns(labels, false, p.next);
    memcpy(logits.X, p.next, (size_t)numbers * sizeof(double));
    for (int64_t k = 0; k < K; k++) logits.b[k] = p.next[numbers + k] / p.root_samples;
    *info = found;
cleanup:
    if (status != UFM_OK) ufm_fail(error, status, "the proximal solver stopped: %s", ufm_status_text(status));
    problem_free(&p);
    return status;
}
