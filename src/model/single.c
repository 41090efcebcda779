/* Hessian-vector products in single precision, from the derivatives that ufm_model_prepare kept. */
#include "internal.h"
#include <math.h>
#include <string.h>

enum { SINGLE_TILE = 128 };

typedef struct {
    ufm_model *model;
    model_blocks v;
    double *features;        /* d x n block of the product */
    const double *H;         /* d x n block of x */
    ufm_matrix_single W, dW; /* K x d */
    float *scratch;          /* for each thread what `tile_of` cuts up */
    int64_t scratch_size;
} pass;

/* One thread's numbers: features and their change, the gradient and its change, the product's rows; and the
 * sum of its classifier block over one tile. */
typedef struct {
    ufm_matrix_single H, dH, out; /* d x count */
    ufm_matrix_single G, dG;      /* K x count */
    ufm_matrix_single classifier; /* K x d */
} single_tile;

static int64_t scratch_numbers(const ufm_model *model)
{
    const int64_t K = model->classes, d = model->dim;
    return (3 * d + 2 * K) * SINGLE_TILE + K * d;
}

static single_tile tile_of(const ufm_model *model, float *at, int64_t count)
{
    const int64_t K = model->classes, d = model->dim, features = d * SINGLE_TILE, logits = K * SINGLE_TILE;
    float *G = at + 3 * features;
    return (single_tile){ufm_view_single(at, d, count),
                         ufm_view_single(at + features, d, count),
                         ufm_view_single(at + 2 * features, d, count),
                         ufm_view_single(G, K, count),
                         ufm_view_single(G + logits, K, count),
                         ufm_view_single(G + 2 * logits, K, d)};
}

static void to_single(int64_t n, const double *from, float *to)
{
    for (int64_t j = 0; j < n; j++) to[j] = (float)from[j];
}

/* dz becomes weight Hess dz, in single precision throughout. */
static void softmax_change(const ufm_model *model, int64_t index, float weight, float *dz)
{
    const int64_t K = model->classes;
    const float *p = model_kept(model, index) + K;
    const ufm_tag_set set = ufm_labels_set(model->labels, index);
    const float scale = weight * (float)model->loss->softmax_scale(&model->objective, set);
    const float mean = ufm_dot_single(K, p, dz);
    for (int64_t k = 0; k < K; k++) dz[k] = scale * p[k] * (dz[k] - mean);
}

static void general_change(const ufm_model *model, model_part *part, int64_t index, float weight, float *dz)
{
    const int64_t K = model->classes;
    const float *state = model_kept(model, index) + K;
    double *change = part->change; /* its first column */
    for (int64_t k = 0; k < model->loss->states * K; k++) part->state[k] = (double)state[k];
    for (int64_t k = 0; k < K; k++) change[k] = (double)dz[k];
    model->loss->curvature(&model->objective, ufm_labels_set(model->labels, index), part->state, change);
    for (int64_t k = 0; k < K; k++) dz[k] = weight * (float)change[k];
}

/* dz becomes dG~ = (sqrt(c)/N) Hess (dz/sqrt(c) + db), g becomes G~ = (sqrt(c)/N) times the gradient. */
static void column(const ufm_model *model, model_part *part, int64_t index, const double *db, float *dz,
                   float *g)
{
    const int64_t K = model->classes;
    const float *gradient = model_kept(model, index);
    const double root = model->root_count ? model->root_count[index] : 1;
    const float weight = (float)(model_weight(model, index) / root), inverse = (float)(1 / root);
    for (int64_t k = 0; k < K; k++) {
        dz[k] = dz[k] * inverse + (float)db[k];
        g[k] = weight * gradient[k];
    }
    if (model->loss->softmax_scale)
        softmax_change(model, index, weight, dz);
    else
        general_change(model, part, index, weight, dz);
}

static void tile_product(const pass *work, model_part *part, single_tile t, int64_t first)
{
    const ufm_model *model = work->model;
    const int64_t K = model->classes, d = model->dim, count = t.H.cols;
    const double *dH = work->v.H + first * d;
    to_single(d * count, work->H + first * d, t.H.data);
    to_single(d * count, dH, t.dH.data);
    ufm_gemm_single(1, work->dW, t.H, 0, t.dG);
    ufm_gemm_single(1, work->W, t.dH, 1, t.dG);
    for (int64_t i = 0; i < count; i++) {
        float *dz = t.dG.data + i * K;
        column(model, part, first + i, work->v.b, dz, t.G.data + i * K);
        const double root = model->root_count ? model->root_count[first + i] : 1;
        for (int64_t k = 0; k < K; k++) part->bias[k] += root * (double)dz[k];
    }
    ufm_gemm_single(1, ufm_transpose_single(work->W), t.dG, 0, t.out);
    ufm_gemm_single(1, ufm_transpose_single(work->dW), t.G, 1, t.out);
    double *out = work->features + first * d;
    const double ridge = 2 * model->objective.lambda_h;
    for (int64_t j = 0; j < d * count; j++) out[j] = ridge * dH[j] + (double)t.out.data[j];
    ufm_gemm_single(1, t.dG, ufm_transpose_single(t.H), 0, t.classifier);
    ufm_gemm_single(1, t.G, ufm_transpose_single(t.dH), 1, t.classifier);
    for (int64_t j = 0; j < K * d; j++) part->classifier[j] += (double)t.classifier.data[j];
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    for (int64_t first = begin; first < end; first += SINGLE_TILE) {
        const int64_t count = end - first < SINGLE_TILE ? end - first : SINGLE_TILE;
        float *scratch = work->scratch + worker * work->scratch_size;
        tile_product(work, &work->model->part[worker], tile_of(work->model, scratch, count), first);
    }
}

int64_t model_single_numbers(const ufm_model *model)
{
    return model->threads * scratch_numbers(model) + 2 * model->classes * model->dim;
}

void ufm_model_prepared_product(ufm_model *model, const double *x, const double *v, double *product)
{
    const int64_t K = model->classes, d = model->dim, weights = K * d;
    const model_blocks at = model_split(model, x), along = model_split(model, v);
    float *W = model->single, *dW = W + weights;
    to_single(weights, at.W, W);
    to_single(weights, along.W, dW);
    for (int t = 0; t < model->threads; t++) {
        memset(model->part[t].classifier, 0, (size_t)weights * sizeof(double));
        memset(model->part[t].bias, 0, (size_t)K * sizeof(double));
    }
    pass work = {model,
                 along,
                 product + weights,
                 at.H,
                 ufm_view_single(W, K, d),
                 ufm_view_single(dW, K, d),
                 dW + weights,
                 scratch_numbers(model)};
    ufm_pool_run(model->pool, model->columns, SINGLE_TILE, body, &work);
    double *bias = product + d * (K + model->columns);
    for (int64_t j = 0; j < weights; j++) product[j] = 2 * model->objective.lambda_w * along.W[j];
    for (int64_t k = 0; k < K; k++) bias[k] = 2 * model->objective.lambda_b * along.b[k];
    for (int t = 0; t < model->threads; t++) {
        ufm_axpy(weights, 1, model->part[t].classifier, product);
        ufm_axpy(K, 1, model->part[t].bias, bias);
    }
}
