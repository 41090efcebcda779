/* Hessian-vector products in single precision, from the derivatives that ufm_model_prepare kept. */
#include "internal.h"
#include <math.h>
#include <string.h>

/* Columns of a tile: at least TILE_LEAST, more while its numbers stay in the second-level cache, because for
 * small K and d the calls of BLAS cost more than their arithmetic. */
enum { TILE_LEAST = 128, TILE_NUMBERS = 32768 };

static int64_t tile_columns(const ufm_model *model)
{
    const int64_t fit = TILE_NUMBERS / (model->classes + model->dim),
                  share = model->columns / model->threads + 1;
    const int64_t wanted = fit < share ? fit : share;
    return wanted > TILE_LEAST ? wanted : TILE_LEAST;
}

/* Factors side by side and on top of each other, so that a sum of two products is one. */
typedef struct {
    ufm_model *model;
    model_blocks v;
    double *features;         /* d x n block of the product */
    const double *H;          /* d x n block of x */
    ufm_matrix_single beside; /* K x 2d: W, dW */
    ufm_matrix_single above;  /* 2K x d: W over dW */
    float *scratch;           /* for each thread what `tile_of` cuts up */
    int64_t scratch_size;
} pass;

/* One thread's numbers, and the sum of its classifier block over one tile. */
typedef struct {
    ufm_matrix_single features;   /* 2d x count: dH over H */
    ufm_matrix_single out;        /* d x count: rows of the product */
    ufm_matrix_single logits;     /* 2K x count: dG over G */
    ufm_matrix_single classifier; /* K x d */
} single_tile;

static int64_t scratch_numbers(const ufm_model *model)
{
    const int64_t K = model->classes, d = model->dim;
    return (3 * d + 2 * K) * tile_columns(model) + K * d;
}

static single_tile tile_of(const ufm_model *model, float *at, int64_t count)
{
    const int64_t K = model->classes, d = model->dim;
    float *out = at + 2 * d * count, *logits = out + d * count;
    return (single_tile){ufm_view_single(at, 2 * d, count), ufm_view_single(out, d, count),
                         ufm_view_single(logits, 2 * K, count),
                         ufm_view_single(logits + 2 * K * count, K, d)};
}

/* Rows first..first+rows-1. */
static ufm_matrix_single rows_of(ufm_matrix_single a, int64_t first, int64_t rows)
{
    return (ufm_matrix_single){a.data + first, rows, a.cols, a.stride, false};
}

static void to_single(int64_t n, const double *from, float *to)
{
    for (int64_t j = 0; j < n; j++) to[j] = (float)from[j];
}

/* dz becomes weight Hess dz, in single precision throughout. */
static void softmax_change(const ufm_model *model, int64_t index, float weight, float *dz)
{
    const int64_t K = model->classes;
    const float *p = model_kept(model, index) + model_padded(K);
    const ufm_tag_set set = ufm_labels_set(model->labels, index);
    const float scale = weight * (float)model->loss->softmax_scale(&model->objective, set);
    const float mean = ufm_dot_single(K, p, dz);
    for (int64_t k = 0; k < K; k++) dz[k] = scale * p[k] * (dz[k] - mean);
}

static void general_change(const ufm_model *model, model_part *part, int64_t index, float weight, float *dz)
{
    const int64_t K = model->classes;
    const float *state = model_kept(model, index) + model_padded(K);
    double *change = part->change; /* its first column */
    for (int s = 0; s < model->loss->states; s++, state += model_padded(K))
        for (int64_t k = 0; k < K; k++) part->state[s * K + k] = (double)state[k];
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
    const int64_t K = model->classes, d = model->dim, count = t.out.cols;
    const double *H = work->H + first * d, *dH = work->v.H + first * d;
    const ufm_matrix_single dG = rows_of(t.logits, 0, K), G = rows_of(t.logits, K, K);
    for (int64_t i = 0; i < count; i++) {
        to_single(d, dH + i * d, t.features.data + 2 * i * d);
        to_single(d, H + i * d, t.features.data + (2 * i + 1) * d);
    }
    ufm_gemm_single(1, work->beside, t.features, 0, dG);
    for (int64_t i = 0; i < count; i++) {
        float *dz = dG.data + i * dG.stride;
        column(model, part, first + i, work->v.b, dz, dz + K);
        const double root = model->root_count ? model->root_count[first + i] : 1;
        for (int64_t k = 0; k < K; k++) part->bias[k] += root * (double)dz[k];
    }
    ufm_gemm_single(1, ufm_transpose_single(work->above), t.logits, 0, t.out);
    double *out = work->features + first * d;
    const double ridge = 2 * model->objective.lambda_h;
    for (int64_t j = 0; j < d * count; j++) out[j] = ridge * dH[j] + (double)t.out.data[j];
    ufm_gemm_single(1, dG, ufm_transpose_single(rows_of(t.features, d, d)), 0, t.classifier);
    ufm_gemm_single(1, G, ufm_transpose_single(rows_of(t.features, 0, d)), 1, t.classifier);
    for (int64_t j = 0; j < K * d; j++) part->classifier[j] += (double)t.classifier.data[j];
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const int64_t tile = tile_columns(work->model);
    for (int64_t first = begin; first < end; first += tile) {
        const int64_t count = end - first < tile ? end - first : tile;
        float *scratch = work->scratch + worker * work->scratch_size;
        tile_product(work, &work->model->part[worker], tile_of(work->model, scratch, count), first);
    }
}

int64_t model_single_numbers(const ufm_model *model)
{
    if (model_small(model)) return model_small_numbers(model);
    return model->threads * scratch_numbers(model) + 4 * model->classes * model->dim;
}

static void general_product(ufm_model *model, model_blocks at, model_blocks along, double *features)
{
    const int64_t K = model->classes, d = model->dim, weights = K * d;
    float *beside = model->single, *above = beside + 2 * weights;
    to_single(weights, at.W, beside);
    to_single(weights, along.W, beside + weights);
    for (int64_t j = 0; j < d; j++) {
        to_single(K, at.W + j * K, above + 2 * j * K);
        to_single(K, along.W + j * K, above + (2 * j + 1) * K);
    }
    pass work = {model,
                 along,
                 features,
                 at.H,
                 ufm_view_single(beside, K, 2 * d),
                 ufm_view_single(above, 2 * K, d),
                 above + 2 * weights,
                 scratch_numbers(model)};
    ufm_pool_run(model->pool, model->columns, tile_columns(model), body, &work);
}

void ufm_model_prepared_product(ufm_model *model, const double *x, const double *v, double *product)
{
    const model_blocks at = model_split(model, x), along = model_split(model, v);
    double *features = product + model->classes * model->dim;
    model_clear_parts(model);
    if (model_small(model))
        model_small_product(model, at, along, features);
    else
        general_product(model, at, along, features);
    model_collect(model, along, product);
}
