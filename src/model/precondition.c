/* Jacobi preconditioner: the diagonal of the Hessian without its cross term <G, dW dH>, which has none. */
#include "internal.h"
#include <string.h>

typedef struct {
    ufm_model *model;
    model_blocks x;
    ufm_thin W, squares; /* packed; squares: W_kj^2 */
    double *scratch;     /* (K + d + 1) x tile for each thread: p, W^T p, and the columns' scales */
    double *features;    /* d x n: the H block of the diagonal */
} pass;

static void keep(const ufm_model *model, int64_t column, const double *gradient, const double *state)
{
    const int64_t K = model->classes;
    float *kept = model_kept(model, column);
    for (int64_t k = 0; k < K; k++) kept[k] = (float)gradient[k];
    for (int s = 0; s < model->loss->states; s++) {
        kept += model_padded(K);
        for (int64_t k = 0; k < K; k++) kept[k] = (float)state[s * K + k];
    }
}

/* The Hessian of one sample's loss, over N, as diag(a) - s p p^T: z, the logits, becomes a, `diagonal` a_k -
 * s p_k^2. Returns s. */
static double column_curvature(const ufm_model *model, model_part *part, int64_t column, double *z,
                               double *diagonal, double *p)
{
    const ufm_tag_set set = ufm_labels_set(model->labels, column);
    const int64_t K = model->classes;
    const double per_sample = 1 / (double)model->labels->samples;
    (void)model->loss->gradient(&model->objective, set, z, part->state);
    keep(model, column, z, part->state);
    const double s = model->loss->split(&model->objective, set, part->state, z);
    for (int64_t k = 0; k < K; k++) {
        p[k] = s > 0 ? part->state[k] : 0;
        diagonal[k] = per_sample * (z[k] - s * p[k] * p[k]);
        z[k] *= per_sample;
    }
    return per_sample * s;
}

/* With D_i = (diag a_i - s_i p_i p_i^T)/N the loss adds
 *   sum_i D_i,kk H_ji^2 at W_kj,   (W^T D_i W)_jj at H_ji,   sum_i c_i D_i,kk at b_k   (H scaled as in x). */
static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = &work->model->part[worker];
    const int64_t K = model->classes, d = model->dim;
    double *p = work->scratch + worker * (K + d + 1) * model->tile;
    double *means = p + K * model->tile, *scale = means + d * model->tile;
    memset(part->turned, 0, (size_t)(K * d) * sizeof(double));
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = model_logits(model, part, &work->W, work->x, first, count);
        const ufm_matrix curvature = ufm_view(part->change, K, count);
        const ufm_matrix out = ufm_view(work->features + first * d, d, count);
        ufm_hadamard(d * count, tile.H.data, tile.H.data, out.data);
        for (int64_t i = 0; i < count; i++) {
            double *diagonal = curvature.data + i * K;
            scale[i] = column_curvature(model, part, first + i, tile.Z.data + i * K, diagonal, p + i * K);
            ufm_axpy(K, (double)ufm_labels_count(model->labels, first + i), diagonal, part->bias);
        }
        ufm_thin_outer(curvature, out, part->turned);
        ufm_thin_back(&work->squares, tile.Z, 0, out, false, out.data);
        ufm_thin_back(&work->W, ufm_view(p, K, count), 0, out, false, means);
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = i * d; j < (i + 1) * d; j++) out.data[j] -= scale[i] * means[j] * means[j];
    }
    model_turn(model, part);
}

/* x <- 1/(2 ridge + x); rounding may have left x just below zero, and a free bias no ridge. */
static void invert(int64_t n, double ridge, double *x)
{
    for (int64_t j = 0; j < n; j++) x[j] = 1 / (2 * ridge + (x[j] > 1e-300 ? x[j] : 1e-300));
}

static void collect(const ufm_model *model, double *diagonal)
{
    const int64_t K = model->classes, d = model->dim, n = model->columns;
    double *bias = diagonal + d * (K + n);
    memset(diagonal, 0, (size_t)(K * d) * sizeof(double));
    memset(bias, 0, (size_t)K * sizeof(double));
    for (int t = 0; t < model->threads; t++) {
        ufm_axpy(K * d, 1, model->part[t].classifier, diagonal);
        ufm_axpy(K, 1, model->part[t].bias, bias);
    }
    invert(K * d, model->objective.lambda_w, diagonal);
    invert(d * n, model->objective.lambda_h, diagonal + K * d);
    invert(K, model->objective.lambda_b, bias);
}

ufm_status ufm_model_prepare(ufm_model *model, const double *x)
{
    const int64_t K = model->classes, d = model->dim;
    if (!model->diagonal) model->diagonal = ufm_alloc(ufm_model_size(model), sizeof(double));
    if (!model->kept) model->kept = ufm_alloc(model_kept_numbers(model) * model->columns, sizeof(float));
    if (!model->single) model->single = ufm_alloc(model_single_numbers(model), sizeof(float));
    double *squares = ufm_alloc(K * d, sizeof(double));
    double *scratch = ufm_alloc(model->threads * (K + d + 1) * model->tile, sizeof(double));
    const bool ready = model->diagonal && model->kept && model->single && squares && scratch;
    if (ready) {
        ufm_hadamard(K * d, x, x, squares);
        model_clear_parts(model);
        pass work = {model,
                     model_split(model, x),
                     model_pack(model, x, model->part->packed),
                     model_pack(model, squares, model->packed),
                     scratch,
                     model->diagonal + K * d};
        ufm_pool_run(model->pool, model->columns, model->tile, body, &work);
        collect(model, model->diagonal);
        if (model_small(model)) model_small_prepare(model);
    }
    ufm_free(squares);
    ufm_free(scratch);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}

void ufm_model_precondition(const ufm_model *model, const double *v, double *out)
{
    ufm_hadamard(ufm_model_size(model), model->diagonal, v, out);
}
