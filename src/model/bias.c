/* Exact minimisation over the bias: Newton's method on a convex function of K variables. */
#include "internal.h"
#include <math.h>
#include <string.h>

enum { NEWTON_STEPS = 50, HALVINGS = 40 };

typedef struct {
    ufm_model *model;
    model_blocks x;
} bias_pass;

/* Adds sum_i (omega m c/N)(diag p - p p^T) and the loss gradient over b of the columns. */
static void bias_body(void *context, int worker, int64_t begin, int64_t end)
{
    const bias_pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = &work->model->part[worker];
    const int64_t K = model->classes;
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = model_logits(model, part, work->x, first, count);
        for (int64_t i = 0; i < count; i++) {
            double *p = tile.Z.data + i * K;
            const double weight = model_weight(model, first + i);
            ufm_sum_add(&part->loss, weight * model_softmax(model, first + i, p));
            const ufm_labels *labels = model->labels;
            const double m = (double)ufm_labels_multiplicity(labels, first + i);
            for (int64_t k = 0; k < K; k++) {
                part->bias[k] += weight * m * p[k];
                part->curvature[k + k * K] += weight * m * p[k];
                p[k] *= sqrt(weight * m);
            }
            for (int64_t j = labels->offset[first + i]; j < labels->offset[first + i + 1]; j++)
                part->bias[labels->tag[j]] -= weight;
        }
        ufm_gemm(-1, tile.Z, ufm_transpose(tile.Z), 1, ufm_view(part->curvature, K, K));
    }
}

/* Data term + ridge at b, its gradient and Hessian (K x K) in b. */
static double evaluate(ufm_model *model, const double *x, double *gradient, double *hessian)
{
    const int64_t K = model->classes;
    bias_pass work = {model, model_split(model, x)};
    for (int t = 0; t < model->threads; t++) {
        model_part *part = &model->part[t];
        part->loss = (ufm_sum){0, 0};
        memset(part->bias, 0, (size_t)K * sizeof(double));
        memset(part->curvature, 0, (size_t)(K * K) * sizeof(double));
    }
    ufm_pool_run(model->pool, model->columns, model->tile, bias_body, &work);
    const double ridge = model->objective.lambda_b;
    ufm_sum value = {0, 0};
    for (int64_t k = 0; k < K; k++) gradient[k] = 2 * ridge * work.x.b[k];
    memset(hessian, 0, (size_t)(K * K) * sizeof(double));
    for (int t = 0; t < model->threads; t++) {
        ufm_sum_add(&value, ufm_sum_value(model->part[t].loss));
        ufm_axpy(K, 1, model->part[t].bias, gradient);
        ufm_axpy(K * K, 1, model->part[t].curvature, hessian);
    }
    double trace = 0;
    for (int64_t k = 0; k < K; k++) trace += hessian[k + k * K];
    /* The loss does not see a common shift of all biases: without a ridge J/K makes the step well defined and
     * shift-free. */
    for (int64_t j = 0; ridge == 0 && j < K * K; j++) hessian[j] += trace / (double)(K * K);
    for (int64_t k = 0; k < K; k++) hessian[k + k * K] += 2 * ridge + 1e-15 * trace;
    return ufm_sum_value(value) + ridge * ufm_dot(K, work.x.b, work.x.b);
}

/* Moves b along the step (halved until the function does not rise); returns the new value. */
static double move(ufm_model *model, double *x, const double *step, double value, double *scratch)
{
    const int64_t K = model->classes;
    double *b = x + model->dim * (K + model->columns);
    memcpy(scratch, b, (size_t)K * sizeof(double));
    double length = 1;
    for (int halving = 0; halving < HALVINGS; halving++, length /= 2) {
        for (int64_t k = 0; k < K; k++) b[k] = scratch[k] - length * step[k];
        const double trial = evaluate(model, x, scratch + K, scratch + 2 * K);
        if (trial <= value + 1e-15 * fabs(value)) return trial;
    }
    memcpy(b, scratch, (size_t)K * sizeof(double));
    return value;
}

static void free_curvature(ufm_model *model)
{
    for (int t = 0; t < model->threads; t++) {
        ufm_free(model->part[t].curvature);
        model->part[t].curvature = NULL;
    }
}

ufm_status ufm_model_minimize_bias(ufm_model *model, double *x, ufm_error *error)
{
    const int64_t K = model->classes;
    ufm_status status = UFM_OK;
    double *work = ufm_alloc(2 * K * K + 4 * K, sizeof(double));
    bool ready = work != NULL;
    for (int t = 0; t < model->threads; t++) {
        model->part[t].curvature = ufm_alloc(K * K, sizeof(double));
        ready = ready && model->part[t].curvature;
    }
    if (!ready) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to minimise over the bias");
        goto cleanup;
    }
    double *hessian = work, *gradient = hessian + K * K, *scratch = gradient + K;
    for (int iteration = 0; iteration < NEWTON_STEPS; iteration++) {
        const double value = evaluate(model, x, gradient, hessian);
        memcpy(scratch, gradient, (size_t)K * sizeof(double));
        status = ufm_solve_spd(K, hessian, gradient);
        if (status != UFM_OK) {
            ufm_fail(error, status, "the Hessian over the bias is not positive definite");
            break;
        }
        const double decrement = ufm_dot(K, scratch, gradient);
        (void)move(model, x, gradient, value, scratch);
        /* Convergence is quadratic: after a step with this decrement only rounding is left. */
        if (!(decrement > 1e-20 * fabs(value))) break;
    }
cleanup:
    free_curvature(model);
    ufm_free(work);
    return status;
}
