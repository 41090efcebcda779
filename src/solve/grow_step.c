/* Changing the dimension: padding, trimming, and the step out of a saddle. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Axes whose share of the nuclear norm, relative to the largest axis, is below this have faded. */
static const double faded = 1e-14;
/* Longest and shortest trial step, in balanced units. */
static const double longest = 64, shortest = 1e-5;

ufm_status grow_resize(grow_state *state, int64_t dim, ufm_error *error)
{
    const ufm_model_settings settings = {state->settings->objective, dim, state->settings->threads};
    ufm_model *model;
    ufm_status status = ufm_model_new(state->labels, &settings, &model, error);
    if (status != UFM_OK) return status;
    double *x = ufm_alloc(ufm_model_size(model), sizeof(double));
    if (!x) {
        ufm_model_free(model);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld features of dimension %lld",
                        (long long)state->labels->columns, (long long)dim);
    }
    if (state->x) ufm_model_embed(model, state->dim, state->x, x);
    ufm_free(state->x);
    ufm_model_free(state->model);
    state->model = model;
    state->x = x;
    state->dim = dim;
    return UFM_OK;
}

ufm_status grow_trim(grow_state *state, ufm_error *error)
{
    double *weight = ufm_alloc(state->dim, sizeof(double));
    ufm_status status = weight ? ufm_model_rotate(state->model, state->x, weight) : UFM_ERROR_MEMORY;
    int64_t rank = 0;
    while (status == UFM_OK && rank < state->dim && weight[rank] > faded * weight[0]) rank++;
    ufm_free(weight);
    if (status != UFM_OK)
        return ufm_fail(error, status, "the principal axes could not be computed: %s",
                        ufm_status_text(status));
    if (rank == 0) rank = 1;
    return rank < state->dim ? grow_resize(state, rank, error) : UFM_OK;
}

/* The direction with columns weight_j u_j of W and rows -weight_j u_j^T G/sigma_j of H, balanced between
 * both, in the coordinates from `first` on. u_j^T G is read off the Hessian: along dW = u a^T with a unused
 * coordinate a it is row a of dH. */
static void escape_direction(const grow_state *state, const ufm_escape *escape, int64_t first,
                             double *direction, double *product)
{
    const ufm_objective *objective = &state->settings->objective;
    const int64_t K = state->labels->classes, n = state->labels->columns, d = state->dim;
    const double mu = ufm_objective_mu(objective);
    const double balance = sqrt(sqrt(objective->lambda_h / objective->lambda_w));
    memset(direction, 0, (size_t)ufm_model_size(state->model) * sizeof(double));
    memcpy(direction + K * first, escape->u, (size_t)(K * escape->count) * sizeof(double));
    ufm_model_hessian_vector(state->model, state->x, direction, product);
    const double *rows = product + K * d;
    double *H = direction + K * d;
    for (int64_t j = 0; j < escape->count; j++) {
        /* f falls by (sigma - mu) t^2 along t and rises as t^4: the best t is about the root. */
        const double weight = sqrt(escape->sigma[j] / mu - 1), scale = weight / balance / escape->sigma[j];
        ufm_scale(K, weight * balance, direction + K * (first + j));
        for (int64_t i = first + j; i < n * d; i += d) H[i] = -scale * rows[i];
    }
}

/* The largest step of a falling sequence of halves whose next half is no better; 0 when f never falls. */
static double best_step(const grow_state *state, const double *direction, double *trial)
{
    const int64_t size = ufm_model_size(state->model);
    double best = ufm_model_value(state->model, state->x), step = 0;
    for (double t = longest; t > shortest; t /= 2) {
        memcpy(trial, state->x, (size_t)size * sizeof(double));
        ufm_axpy(size, t, direction, trial);
        const double value = ufm_model_value(state->model, trial);
        if (value < best) {
            best = value;
            step = t;
        } else if (step > 0) {
            break;
        }
    }
    return step;
}

ufm_status grow_step(grow_state *state, const ufm_escape *escape, bool *moved, ufm_error *error)
{
    const int64_t first = state->dim;
    ufm_status status = grow_resize(state, first + escape->count, error);
    if (status != UFM_OK) return status;
    const int64_t size = ufm_model_size(state->model);
    double *direction = ufm_alloc(size, sizeof(double)), *scratch = ufm_alloc(size, sizeof(double));
    if (direction && scratch) {
        escape_direction(state, escape, first, direction, scratch);
        const double step = best_step(state, direction, scratch);
        ufm_axpy(size, step, direction, state->x);
        *moved = step > 0;
    } else {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a step in dimension %lld",
                          (long long)state->dim);
    }
    ufm_free(direction);
    ufm_free(scratch);
    return status;
}
