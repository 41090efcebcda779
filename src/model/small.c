/* Hessian-vector products in single precision for small K and d, where calls of BLAS would cost more than the
 * arithmetic: one pass over the columns, each of whose sums stays in registers. */
#include "internal.h"
#include <string.h>

enum { LANES = MODEL_LANES, VECTORS_MAX = 4 };
/* Columns that are multiplied together, so that a vector of W serves them all; columns whose features become
 * single precision together, long enough before they are read as full vectors; columns after which the sums
 * go over into double precision; and the distance between columns of a thread's numbers. */
enum { BLOCK = 8, CONVERTED = 2 * BLOCK, SINGLE_SUMS = 128, STRIDE = LANES * VECTORS_MAX };
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
#define INLINE static inline __attribute__((always_inline))

/* What a column's Hessian is multiplied with: sqrt(c) omega m/N, its gradient: sqrt(c)/N, and 1/sqrt(c). */
typedef struct {
    float curvature, gradient, inverse_root, root;
} column_scale;

/* Cuts up model->single; W and dW interleaved by column and by row, padded to full vectors. */
typedef struct {
    const ufm_model *model;
    const double *H, *dH;  /* d x n */
    double *out;           /* d x n block of the product */
    column_scale *scale;   /* [n] */
    float *columns, *rows; /* 2d x K, 2K x d: w_1, dw_1, w_2, dw_2, ... */
    float *bias;           /* K */
    float *scratch;        /* scratch_numbers for each thread */
} product;

/* One thread's numbers. */
typedef struct {
    float *classifier, *bias; /* sums over columns: K x d, by rows; K */
    float *dg, *g;            /* K x BLOCK, STRIDE apart */
    float *dh, *h;            /* d x CONVERTED, STRIDE apart, zeros below and behind */
    float *out;               /* d x BLOCK, STRIDE apart */
} scratch;

bool model_small(const ufm_model *model)
{
    return model->loss->softmax_scale && model->classes <= LANES * VECTORS_MAX &&
           model->dim <= LANES * VECTORS_MAX;
}

static int64_t scratch_numbers(const ufm_model *model)
{
    return (2 * CONVERTED + 3 * BLOCK) * STRIDE + model->classes * model_padded(model->dim) +
           model_padded(model->classes);
}

static int64_t scale_numbers(const ufm_model *model)
{
    return model_padded(model->columns * (int64_t)(sizeof(column_scale) / sizeof(float)));
}

int64_t model_small_numbers(const ufm_model *model)
{
    const int64_t K = model->classes, d = model->dim;
    return scale_numbers(model) + (2 * d + 1) * model_padded(K) + 2 * K * model_padded(d) +
           model->threads * scratch_numbers(model);
}

static product cut_up(const ufm_model *model)
{
    const int64_t K = model->classes, d = model->dim;
    product p = {.model = model, .scale = (column_scale *)(void *)model->single};
    p.columns = model->single + scale_numbers(model);
    p.rows = p.columns + 2 * d * model_padded(K);
    p.bias = p.rows + 2 * K * model_padded(d);
    p.scratch = p.bias + model_padded(K);
    return p;
}

static scratch scratch_of(const product *p, int worker)
{
    float *at = p->scratch + worker * scratch_numbers(p->model);
    scratch s = {.dh = at, .h = at + CONVERTED * STRIDE};
    s.dg = s.h + CONVERTED * STRIDE;
    s.g = s.dg + BLOCK * STRIDE;
    s.out = s.g + BLOCK * STRIDE;
    s.bias = s.out + BLOCK * STRIDE;
    s.classifier = s.bias + model_padded(p->model->classes);
    return s;
}

void model_small_prepare(ufm_model *model)
{
    column_scale *scale = cut_up(model).scale;
    for (int64_t i = 0; i < model->columns; i++) {
        const double root = model->root_count ? model->root_count[i] : 1;
        const double weight = model_weight(model, i) / root;
        const double curvature =
            model->loss->softmax_scale(&model->objective, ufm_labels_set(model->labels, i));
        scale[i] = (column_scale){(float)(weight * curvature), (float)weight, (float)(1 / root), (float)root};
    }
}

/* Rows of `rows` and `columns` from W or dW, every second one from `first` on. */
static void interleave(const product *p, const double *W, int64_t first)
{
    const int64_t K = p->model->classes, d = p->model->dim;
    for (int64_t j = 0; j < d; j++)
        for (int64_t k = 0; k < K; k++) {
            const float w = (float)W[j * K + k];
            p->columns[(2 * j + first) * model_padded(K) + k] = w;
            p->rows[(2 * k + first) * model_padded(d) + j] = w;
        }
}

/* sum_j pairs_{2j} x_j + pairs_{2j+1} y_j over `length` pairs of `vectors` vectors each, for `count` columns
 * of x and y. */
INLINE void sum_pairs(int vectors, int count, int64_t length, const float *pairs, const float *x,
                      const float *y, float *restrict out)
{
    const vector *pair = (const vector *)(const void *)pairs;
    vector sum[VECTORS_MAX][BLOCK] = {{{0}}};
    for (int64_t j = 0; j < length; j++, pair += 2 * vectors)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
#pragma GCC unroll 8
            for (int c = 0; c < count; c++) sum[v][c] += pair[v] * x[c * STRIDE + j];
#pragma GCC unroll 8
            for (int c = 0; c < count; c++) sum[v][c] += pair[vectors + v] * y[c * STRIDE + j];
        }
#pragma GCC unroll 8
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) *(vector *)(void *)(out + c * STRIDE + v * LANES) = sum[v][c];
}

/* The same for BLOCK columns, as many at a time as have room in the registers. */
INLINE void sum_block(int vectors, int64_t length, const float *pairs, const float *x, const float *y,
                      float *restrict out)
{
    const int count = vectors == 1 ? BLOCK : BLOCK / 2;
#pragma GCC unroll 2
    for (int c = 0; c < BLOCK; c += count)
        sum_pairs(vectors, count, length, pairs, x + c * STRIDE, y + c * STRIDE, out + c * STRIDE);
}

/* x plus x with its lanes in another order. */
#define FOLD(x, ...) ((x) + __builtin_shufflevector(x, x, __VA_ARGS__))
INLINE float sum_of(const vector *at)
{
    const vector x = *at, by8 = FOLD(x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    const vector by4 = FOLD(by8, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    const vector by2 = FOLD(by4, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    return by2[0] + by2[1];
}

/* dg becomes sqrt(c)/N Hess (dz/sqrt(c) + db) of dz in dg, g sqrt(c)/N times the gradient. */
INLINE void curve(int vectors, const product *p, int64_t column, float *sums, float *dg_of, float *g_of)
{
    const column_scale scale = p->scale[column];
    const vector *gradient = (const vector *)(void *)model_kept(p->model, column), *q = gradient + vectors;
    const vector *db = (const vector *)(void *)p->bias;
    vector *dg = (vector *)(void *)dg_of, *g = (vector *)(void *)g_of, *bias = (vector *)(void *)sums;
    vector dz[VECTORS_MAX], products = {0};
    for (int v = 0; v < vectors; v++) {
        dz[v] = dg[v] * scale.inverse_root + db[v];
        products += q[v] * dz[v];
    }
    const float mean = sum_of(&products);
    for (int v = 0; v < vectors; v++) {
        const vector change = scale.curvature * q[v] * (dz[v] - mean);
        dg[v] = change;
        g[v] = scale.gradient * gradient[v];
        bias[v] += scale.root * change;
    }
}

/* The same for the first `count` columns of a block; the others become zero. */
INLINE void curve_block(int vectors, const product *p, int64_t first, int64_t count, scratch s)
{
    for (int64_t c = 0; c < count; c++)
        curve(vectors, p, first + c, s.bias, s.dg + c * STRIDE, s.g + c * STRIDE);
    if (count == BLOCK) return;
    memset(s.dg + count * STRIDE, 0, (size_t)((BLOCK - count) * STRIDE) * sizeof(float));
    memset(s.g + count * STRIDE, 0, (size_t)((BLOCK - count) * STRIDE) * sizeof(float));
}

/* classifier += sum_c dg_c h_c^T + g_c dh_c^T over the columns of a block */
INLINE void add_outer(int vectors, int64_t K, scratch s)
{
    vector *row = (vector *)(void *)s.classifier;
    for (int v = 0; v < vectors; v++) {
        vector h[BLOCK], dh[BLOCK];
#pragma GCC unroll 8
        for (int c = 0; c < BLOCK; c++) {
            h[c] = *(const vector *)(void *)(s.h + c * STRIDE + v * LANES);
            dh[c] = *(const vector *)(void *)(s.dh + c * STRIDE + v * LANES);
        }
        for (int64_t k = 0; k < K; k++) {
            vector along_h = row[k * vectors + v], along_dh = {0};
#pragma GCC unroll 8
            for (int c = 0; c < BLOCK; c++) {
                along_h += h[c] * s.dg[c * STRIDE + k];
                along_dh += dh[c] * s.g[c * STRIDE + k];
            }
            row[k * vectors + v] = along_h + along_dh;
        }
    }
}

/* The number of vectors as a constant lets each of these keep its sums in registers. */
#define FOR_VECTORS(count, call)                                                                             \
    switch (count) {                                                                                         \
    case 1:                                                                                                  \
        call(1);                                                                                             \
        break;                                                                                               \
    case 2:                                                                                                  \
        call(2);                                                                                             \
        break;                                                                                               \
    case 3:                                                                                                  \
        call(3);                                                                                             \
        break;                                                                                               \
    default:                                                                                                 \
        call(4);                                                                                             \
        break;                                                                                               \
    }

/* `count` <= CONVERTED columns of d numbers, zeros behind them. */
INLINE void convert(int64_t d, int64_t count, const double *restrict from, float *restrict to)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < d; j++) to[i * STRIDE + j] = (float)from[i * d + j];
    if (count < CONVERTED)
        memset(to + count * STRIDE, 0, (size_t)((CONVERTED - count) * STRIDE) * sizeof *to);
}

UFM_CLONES static void add_columns(const product *p, scratch s, int64_t begin, int64_t end)
{
    const int64_t K = p->model->classes, d = p->model->dim;
    const int64_t class_vectors = model_padded(K) / LANES, feature_vectors = model_padded(d) / LANES;
    const double ridge = 2 * p->model->objective.lambda_h;
    convert(d, end - begin, p->H + begin * d, s.h);
    convert(d, end - begin, p->dH + begin * d, s.dh);
    for (int64_t first = begin; first < end; first += BLOCK, s.h += BLOCK * STRIDE, s.dh += BLOCK * STRIDE) {
        const int64_t count = end - first < BLOCK ? end - first : BLOCK;
#define LOGITS(n) sum_block(n, d, p->columns, s.dh, s.h, s.dg), curve_block(n, p, first, count, s)
        FOR_VECTORS(class_vectors, LOGITS)
#define FEATURES(n) sum_block(n, K, p->rows, s.dg, s.g, s.out), add_outer(n, K, s)
        FOR_VECTORS(feature_vectors, FEATURES)
        const double *dH = p->dH + first * d;
        double *restrict out = p->out + first * d;
        for (int64_t c = 0; c < count; c++)
            for (int64_t j = 0; j < d; j++)
                out[c * d + j] = ridge * dH[c * d + j] + (double)s.out[c * STRIDE + j];
    }
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const product *p = context;
    const int64_t K = p->model->classes, d = p->model->dim;
    const scratch s = scratch_of(p, worker);
    model_part *part = &p->model->part[worker];
    for (int64_t first = begin; first < end; first += SINGLE_SUMS) {
        memset(s.dh, 0, (size_t)scratch_numbers(p->model) * sizeof(float));
        const int64_t last = first + SINGLE_SUMS < end ? first + SINGLE_SUMS : end;
        for (int64_t i = first; i < last; i += CONVERTED)
            add_columns(p, s, i, i + CONVERTED < last ? i + CONVERTED : last);
        for (int64_t k = 0; k < K; k++) {
            part->bias[k] += (double)s.bias[k];
            for (int64_t j = 0; j < d; j++)
                part->classifier[j * K + k] += (double)s.classifier[k * model_padded(d) + j];
        }
    }
}

void model_small_product(ufm_model *model, model_blocks at, model_blocks along, double *features)
{
    product p = cut_up(model);
    p.H = at.H;
    p.dH = along.H;
    p.out = features;
    interleave(&p, at.W, 0);
    interleave(&p, along.W, 1);
    for (int64_t k = 0; k < model->classes; k++) p.bias[k] = (float)along.b[k];
    ufm_pool_run(model->pool, model->columns, SINGLE_SUMS, body, &p);
}
