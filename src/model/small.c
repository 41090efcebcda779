/* Hessian-vector products in single precision for small K and d, where calls of BLAS would cost more than the
 * arithmetic: one pass over the columns, each of whose sums stays in registers. */
#include "internal.h"
#include <string.h>

enum { LANES = MODEL_LANES, VECTORS_MAX = 4 };
/* Columns whose features become single precision together, long enough before they are read as full vectors;
 * and columns after which the sums go over into double precision. */
enum { CONVERTED = 16, SINGLE_SUMS = 128 };
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
    float *columns, *rows; /* 2d x K, 2K x d: w_1, dw_1, w_2, dw_2, ..., to an even d, K */
    float *bias;           /* K */
    float *scratch;        /* scratch_numbers for each thread */
} product;

/* One thread's numbers. */
typedef struct {
    float *classifier, *bias; /* sums over columns: K x d, by rows; K */
    float *dg, *g;            /* K */
    float *dh, *h;            /* d x CONVERTED */
    float *out;               /* d */
} scratch;

bool model_small(const ufm_model *model)
{
    return model->loss->softmax_scale && model->classes <= LANES * VECTORS_MAX &&
           model->dim <= LANES * VECTORS_MAX;
}

static int64_t even(int64_t n)
{
    return n + n % 2;
}

static int64_t scratch_numbers(const ufm_model *model)
{
    return (model->classes + 2 * CONVERTED + 1) * model_padded(model->dim) + 3 * model_padded(model->classes);
}

static int64_t scale_numbers(const ufm_model *model)
{
    return model_padded(model->columns * (int64_t)(sizeof(column_scale) / sizeof(float)));
}

int64_t model_small_numbers(const ufm_model *model)
{
    const int64_t K = model->classes, d = model->dim;
    return scale_numbers(model) + (2 * even(d) + 1) * model_padded(K) + 2 * even(K) * model_padded(d) +
           model->threads * scratch_numbers(model);
}

static product cut_up(const ufm_model *model)
{
    const int64_t K = model->classes, d = model->dim;
    product p = {.model = model, .scale = (column_scale *)(void *)model->single};
    p.columns = model->single + scale_numbers(model);
    p.rows = p.columns + 2 * even(d) * model_padded(K);
    p.bias = p.rows + 2 * even(K) * model_padded(d);
    p.scratch = p.bias + model_padded(K);
    return p;
}

static scratch scratch_of(const product *p, int worker)
{
    const int64_t K = model_padded(p->model->classes), d = model_padded(p->model->dim);
    float *at = p->scratch + worker * scratch_numbers(p->model);
    scratch s = {.bias = at, .dg = at + K, .g = at + 2 * K, .dh = at + 3 * K};
    s.h = s.dh + CONVERTED * d;
    s.out = s.h + CONVERTED * d;
    s.classifier = s.out + d;
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

/* sum_j pairs_{2j} x_j + pairs_{2j+1} y_j over `length` pairs of `vectors` vectors each; an odd length is
 * padded with a pair of zeros. */
INLINE void sum_pairs(int vectors, int64_t length, const float *pairs, const float *x, const float *y,
                      float *restrict out)
{
    const vector *pair = (const vector *)(const void *)pairs;
    /* Four chains of additions instead of one, which would wait for itself. */
    vector sum[4][VECTORS_MAX] = {{{0}}};
    for (int64_t j = 0; j < length; j += 2, pair += 4 * vectors) {
        for (int v = 0; v < vectors; v++) {
            sum[0][v] += pair[v] * x[j];
            sum[1][v] += pair[vectors + v] * y[j];
            sum[2][v] += pair[2 * vectors + v] * x[j + 1];
            sum[3][v] += pair[3 * vectors + v] * y[j + 1];
        }
    }
    for (int v = 0; v < vectors; v++) sum[0][v] = (sum[0][v] + sum[2][v]) + (sum[1][v] + sum[3][v]);
    memcpy(out, sum[0], (size_t)vectors * sizeof(vector));
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
INLINE void curve(int vectors, const product *p, int64_t column, scratch s)
{
    const column_scale scale = p->scale[column];
    const vector *gradient = (const vector *)(void *)model_kept(p->model, column), *q = gradient + vectors;
    const vector *db = (const vector *)(void *)p->bias;
    vector *dg = (vector *)(void *)s.dg, *g = (vector *)(void *)s.g, *bias = (vector *)(void *)s.bias;
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

/* classifier += dg h^T + g dh^T */
INLINE void add_outer(int vectors, int64_t K, scratch s)
{
    const vector *h = (const vector *)(void *)s.h, *dh = (const vector *)(void *)s.dh;
    vector *row = (vector *)(void *)s.classifier;
    for (int64_t k = 0; k < K; k++, row += vectors)
        for (int v = 0; v < vectors; v++) {
            const vector sum = row[v] + h[v] * s.dg[k];
            row[v] = sum + dh[v] * s.g[k];
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

INLINE void convert(int64_t d, int64_t count, const double *restrict from, float *restrict to)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < d; j++) to[i * model_padded(d) + j] = (float)from[i * d + j];
}

UFM_CLONES static void add_columns(const product *p, scratch s, int64_t begin, int64_t end)
{
    const int64_t K = p->model->classes, d = p->model->dim, stride = model_padded(d);
    const int64_t class_vectors = model_padded(K) / LANES, feature_vectors = stride / LANES;
    const double ridge = 2 * p->model->objective.lambda_h;
    const double *H = p->H + begin * d, *dH = p->dH + begin * d;
    double *restrict out = p->out + begin * d;
    convert(d, end - begin, H, s.h);
    convert(d, end - begin, dH, s.dh);
    for (int64_t i = begin; i < end; i++, s.h += stride, s.dh += stride, dH += d, out += d) {
#define LOGITS(n) sum_pairs(n, d, p->columns, s.dh, s.h, s.dg), curve(n, p, i, s)
        FOR_VECTORS(class_vectors, LOGITS)
#define FEATURES(n) sum_pairs(n, K, p->rows, s.dg, s.g, s.out), add_outer(n, K, s)
        FOR_VECTORS(feature_vectors, FEATURES)
        for (int64_t j = 0; j < d; j++) out[j] = ridge * dH[j] + (double)s.out[j];
    }
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const product *p = context;
    const int64_t K = p->model->classes, d = p->model->dim;
    const scratch s = scratch_of(p, worker);
    model_part *part = &p->model->part[worker];
    for (int64_t first = begin; first < end; first += SINGLE_SUMS) {
        memset(s.bias, 0, (size_t)scratch_numbers(p->model) * sizeof(float));
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
