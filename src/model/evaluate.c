/* Value, gradient and Hessian-vector product, fused over tiles of columns. */
#include "internal.h"
#include <math.h>
#include <string.h>

/* The tile with W H in its logits becomes one with logits W H + b (H scaled as in x). */
static void add_bias(const ufm_model *model, model_blocks x, model_tile tile)
{
    const int64_t K = model->classes;
    for (int64_t i = 0; i < tile.count; i++) {
        double *z = tile.Z.data + i * K;
        const double scale = model->root_count ? 1 / model->root_count[tile.first + i] : 1;
        for (int64_t k = 0; k < K; k++) z[k] = z[k] * scale + x.b[k];
    }
}

/* K x count numbers of a tile: as ufm_model_softmax takes them, or column by column. */
static ufm_matrix tile_view(const ufm_model *model, const double *at, int64_t count, bool abreast)
{
    if (!abreast) return ufm_view(at, model->classes, count);
    return ufm_transpose((ufm_matrix){(double *)(uintptr_t)at, count, model->classes, model->abreast, false});
}

/* The tile with W H in its logits. */
static model_tile products(const ufm_model *model, const model_part *part, const ufm_thin *W, model_blocks x,
                           int64_t first, int64_t count, bool abreast)
{
    const model_tile tile = {first, count, ufm_view(x.H + first * model->dim, model->dim, count),
                             tile_view(model, part->logits, count, abreast)};
    ufm_thin_multiply(W, tile.H, false, tile.Z);
    return tile;
}

model_tile model_logits(const ufm_model *model, const model_part *part, const ufm_thin *W, model_blocks x,
                        int64_t first, int64_t count)
{
    const model_tile tile = products(model, part, W, x, first, count, false);
    add_bias(model, x, tile);
    return tile;
}

double model_weight(const ufm_model *model, int64_t column)
{
    return (double)ufm_labels_count(model->labels, column) / (double)model->labels->samples;
}

/* Loss of a tile's column i times its weight; its logits become the column of G~ = G/sqrt(c) = sqrt(c)/N
 * times the gradient of one sample. `state` as for model_loss. */
static double column_gradient(const ufm_model *model, model_tile tile, int64_t i, double *state)
{
    const int64_t column = tile.first + i;
    double *z = tile.Z.data + i * model->classes;
    const double weight = model_weight(model, column);
    const double value =
        model->loss->gradient(&model->objective, ufm_labels_set(model->labels, column), z, state);
    ufm_scale(model->classes, model->root_count ? weight / model->root_count[column] : weight, z);
    return weight * value;
}

/* One pass over all columns. `v` and `product` only for Hessian-vector products, `gradient` only for
 * gradients. */
typedef struct {
    ufm_model *model;
    model_blocks x, v;
    ufm_thin dW;        /* packed */
    double *gradient_H; /* d x n block of the result */
} pass;

/* All but what model_turn writes. */
static void clear_sums(const ufm_model *model, model_part *part)
{
    part->loss = part->squares = (ufm_sum){0, 0};
    memset(part->lanes, 0, (size_t)model_lane_numbers(model->classes) * sizeof(double));
    memset(part->bias, 0, (size_t)model->classes * sizeof(double));
}

void model_clear_parts(ufm_model *model)
{
    for (int t = 0; t < model->threads; t++) {
        clear_sums(model, &model->part[t]);
        memset(model->part[t].classifier, 0, (size_t)(model->classes * model->dim) * sizeof(double));
    }
}

/* The part of a worker that begins a pass with a gradient. Every worker has columns in one, as a model has no
 * more threads than grains, and so clears and packs for itself: what it touches is then in its own core's
 * cache. */
static model_part *begin_part(const pass *work, int worker)
{
    model_part *part = &work->model->part[worker];
    clear_sums(work->model, part);
    memset(part->turned, 0, (size_t)(work->model->classes * work->model->dim) * sizeof(double));
    return part;
}

/* db += sum_i sqrt(c_i) column_i */
static void add_to_bias(const ufm_model *model, model_part *part, int64_t first, ufm_matrix columns)
{
    const int64_t K = model->classes;
    for (int64_t i = 0; i < columns.cols; i++) {
        const double root = model->root_count ? model->root_count[first + i] : 1;
        for (int64_t k = 0; k < K; k++) part->bias[k] += root * columns.data[i * K + k];
    }
}

/* Logits, loss and, when wanted, its gradient of one tile, whose Z becomes G~. */
static model_tile evaluate_tile(const pass *work, model_part *part, const ufm_thin *W, int64_t first,
                                int64_t end, bool gradient)
{
    const ufm_model *model = work->model;
    const int64_t count = end - first < model->tile ? end - first : model->tile;
    const model_tile tile = products(model, part, W, work->x, first, count, model->loss->softmax);
    if (model->loss->softmax) {
        ufm_model_softmax(model, part, work->x.b, &tile, gradient, NULL);
    } else {
        add_bias(model, work->x, tile);
        for (int64_t i = 0; i < count; i++) ufm_sum_add(&part->loss, column_gradient(model, tile, i, NULL));
        if (gradient) add_to_bias(model, part, first, tile.Z);
    }
    return tile;
}

void model_turn(const ufm_model *model, model_part *part)
{
    ufm_turn(model->dim, model->classes, part->turned, part->classifier);
}

static void value_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    model_part *part = &work->model->part[worker];
    const ufm_thin W = model_pack(work->model, work->x.W, part->packed);
    clear_sums(work->model, part);
    for (int64_t first = begin; first < end; first += work->model->tile) {
        const model_tile tile = evaluate_tile(work, part, &W, first, end, false);
        ufm_sum_add(&part->squares, ufm_thin_squares(tile.H));
    }
    model_fold(work->model, part);
}

static void gradient_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = begin_part(work, worker);
    const ufm_thin W = model_pack(model, work->x.W, part->packed);
    const int64_t d = model->dim;
    for (int64_t first = begin; first < end; first += model->tile) {
        const model_tile tile = evaluate_tile(work, part, &W, first, end, true);
        ufm_thin_outer(tile.Z, tile.H, part->turned);
        ufm_sum_add(&part->squares, ufm_thin_back(&W, tile.Z, 2 * model->objective.lambda_h, tile.H,
                                                  model->past, work->gradient_H + first * d));
    }
    model_turn(model, part);
    model_fold(model, part);
}

/* dz becomes the column of dG~ = (sqrt(c)/N) Hess dz with dz = dZ/sqrt(c) + db. */
static void curvature_column(const ufm_model *model, int64_t column, const double *state, double *dz,
                             const double *db)
{
    const double root = model->root_count ? model->root_count[column] : 1;
    for (int64_t k = 0; k < model->classes; k++) dz[k] = dz[k] / root + db[k];
    model->loss->curvature(&model->objective, ufm_labels_set(model->labels, column), state, dz);
    ufm_scale(model->classes, model_weight(model, column) / root, dz);
}

static void hessian_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = begin_part(work, worker);
    const ufm_thin W = model_pack(model, work->x.W, part->packed), *const dW = &work->dW;
    const int64_t K = model->classes, d = model->dim;
    const bool softmax = model->loss->softmax;
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = products(model, part, &W, work->x, first, count, softmax);
        const ufm_matrix dH = ufm_view(work->v.H + first * d, d, count),
                         dZ = tile_view(model, part->change, count, softmax);
        ufm_thin_multiply(dW, tile.H, false, dZ);
        ufm_thin_multiply(&W, dH, true, dZ);
        if (softmax) {
            ufm_model_softmax(model, part, work->x.b, &tile, true, work->v.b);
        } else {
            add_bias(model, work->x, tile);
            for (int64_t i = 0; i < count; i++) {
                (void)column_gradient(model, tile, i, part->state);
                curvature_column(model, first + i, part->state, dZ.data + i * K, work->v.b);
            }
            add_to_bias(model, part, first, dZ);
        }
        double *out = work->gradient_H + first * d;
        ufm_thin_back(&W, dZ, 2 * model->objective.lambda_h, dH, false, out);
        ufm_thin_back(dW, tile.Z, 1, ufm_view(out, d, count), false, out);
        ufm_thin_outer(dZ, tile.H, part->turned);
        ufm_thin_outer(tile.Z, dH, part->turned);
    }
    model_turn(model, part);
    model_fold(model, part);
}

static void run(pass *work, ufm_pool_body *body)
{
    ufm_model *model = work->model;
    ufm_pool_run(model->pool, model->columns, MODEL_GRAIN, body, work);
}

static double total_value(const pass *work)
{
    const ufm_model *model = work->model;
    const int64_t K = model->classes;
    ufm_sum loss = {0, 0}, squares = {0, 0};
    for (int t = 0; t < model->threads; t++) {
        ufm_sum_add(&loss, ufm_sum_value(model->part[t].loss));
        ufm_sum_add(&squares, ufm_sum_value(model->part[t].squares));
    }
    const ufm_objective *o = &model->objective;
    return ufm_sum_value(loss) + o->lambda_h * ufm_sum_value(squares) +
           o->lambda_w * ufm_dot(K * model->dim, work->x.W, work->x.W) +
           o->lambda_b * ufm_dot(K, work->x.b, work->x.b);
}

void model_collect(const ufm_model *model, model_blocks at, double *out)
{
    const int64_t K = model->classes, weights = K * model->dim;
    double *bias = out + model->dim * (K + model->columns);
    for (int64_t j = 0; j < weights; j++) out[j] = 2 * model->objective.lambda_w * at.W[j];
    for (int64_t k = 0; k < K; k++) bias[k] = 2 * model->objective.lambda_b * at.b[k];
    for (int t = 0; t < model->threads; t++) {
        ufm_axpy(weights, 1, model->part[t].classifier, out);
        ufm_axpy(K, 1, model->part[t].bias, bias);
    }
}

double ufm_model_value(ufm_model *model, const double *x)
{
    pass work = {.model = model, .x = model_split(model, x)};
    run(&work, value_body);
    return total_value(&work);
}

double ufm_model_gradient(ufm_model *model, const double *x, double *gradient)
{
    pass work = {
        .model = model, .x = model_split(model, x), .gradient_H = gradient + model->classes * model->dim};
    run(&work, gradient_body);
    model_collect(model, work.x, gradient);
    return total_value(&work);
}

void ufm_model_hessian_vector(ufm_model *model, const double *x, const double *v, double *product)
{
    pass work = {.model = model,
                 .x = model_split(model, x),
                 .v = model_split(model, v),
                 .dW = model_pack(model, v, model->packed),
                 .gradient_H = product + model->classes * model->dim};
    run(&work, hessian_body);
    model_collect(model, work.v, product);
}
