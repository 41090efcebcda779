/* Exact minimisation over the bias: Newton's method on a convex function of K variables. */
#include "internal.h"
#include <math.h>
#include <string.h>

enum { NEWTON_STEPS = 50, HALVINGS = 40 };

typedef struct {
    ufm_model *model;
    model_blocks x;
    ufm_thin W; /* packed */
} bias_pass;

/* Adds one column's share of the gradient and of the Hessian over b. */
static void add_column(const ufm_model *model, model_part *part, int64_t column, double *z)
{
    const int64_t K = model->classes;
    const ufm_tag_set set = ufm_labels_set(model->labels, column);
    const double weight = model_weight(model, column);
    ufm_sum_add(&part->loss, weight * model->loss->gradient(&model->objective, set, z, part->state));
    ufm_axpy(K, weight, z, part->bias);
    for (int64_t k = 0; k < K; k++) {
        memset(z, 0, (size_t)K * sizeof *z);
        z[k] = 1;
        model->loss->curvature(&model->objective, set, part->state, z);
        ufm_axpy(K, weight, z, part->curvature + k * K);
    }
}

static void bias_body(void *context, int worker, int64_t begin, int64_t end)
{
    const bias_pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = &work->model->part[worker];
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = model_logits(model, part, &work->W, work->x, first, count);
        for (int64_t i = 0; i < count; i++)
            add_column(model, part, first + i, tile.Z.data + i * model->classes);
    }
}

/* Data term + ridge at b, its gradient and Hessian (K x K) in b. */
static double evaluate(ufm_model *model, const double *x, double *gradient, double *hessian)
{
    const int64_t K = model->classes;
    bias_pass work = {model, model_split(model, x), model_pack(model, x, model->packed)};
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
    /* Where the loss does not see a common shift of all biases and there is no ridge, J/K makes the step well
     * defined and shift-free. */
    const bool singular = ridge == 0 && ufm_loss_shift_free(model->objective.loss);
    for (int64_t j = 0; singular && j < K * K; j++) hessian[j] += trace / (double)(K * K);
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

/* `work` as in ufm_model_minimize_bias: Hessian, then the step in place of the gradient, then scratch. A loss
 * that is not convex may need a shift of the Hessian; its step is still one of descent. */
static ufm_status newton_step(ufm_model *model, const double *x, double *value, double *decrement,
                              double *work)
{
    const int64_t K = model->classes;
    double *hessian = work, *gradient = hessian + K * K, *scratch = gradient + K, shift = 0;
    ufm_status status = UFM_ERROR_NUMERIC;
    for (int attempt = 0; attempt < 2 && status == UFM_ERROR_NUMERIC; attempt++) {
        *value = evaluate(model, x, gradient, hessian);
        memcpy(scratch, gradient, (size_t)K * sizeof(double));
        for (int64_t k = 0; k < K; k++) hessian[k + k * K] += shift;
        shift = ufm_norm(K * K, hessian);
        status = ufm_solve_spd(K, hessian, gradient);
    }
    *decrement = status == UFM_OK ? ufm_dot(K, scratch, gradient) : NAN;
    return status;
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
        double value, decrement;
        status = newton_step(model, x, &value, &decrement, work);
        if (status != UFM_OK) {
            ufm_fail(error, status, "the Hessian over the bias is not positive definite");
            break;
        }
        (void)move(model, x, gradient, value, scratch);
        /* Convergence is quadratic: after a step with this decrement only rounding is left. */
        if (!(decrement > 1e-20 * fabs(value))) break;
    }
cleanup:
    free_curvature(model);
    ufm_free(work);
    return status;
}
