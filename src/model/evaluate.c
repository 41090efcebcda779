/* Value, gradient and Hessian-vector product, fused over tiles of columns. */
#include "internal.h"
#include <math.h>
#include <string.h>

model_tile model_logits(const ufm_model *model, const model_part *part, model_blocks x, int64_t first,
                        int64_t count)
{
    const int64_t K = model->classes, d = model->dim;
    const model_tile tile = {first, count, ufm_view(x.H + first * d, d, count),
                             ufm_view(part->logits, K, count)};
    ufm_gemm(1, ufm_view(x.W, K, d), tile.H, 0, tile.Z);
    for (int64_t i = 0; i < count; i++) {
        double *z = tile.Z.data + i * K;
        const double scale = model->root_count ? 1 / model->root_count[first + i] : 1;
        for (int64_t k = 0; k < K; k++) z[k] = z[k] * scale + x.b[k];
    }
    return tile;
}

double model_weight(const ufm_model *model, int64_t column)
{
    return (double)ufm_labels_count(model->labels, column) / (double)model->labels->samples;
}

/* Loss of a column times its weight; its logits z become the column of G~ = G/sqrt(c) = sqrt(c)/N times the
 * gradient of one sample. `state` as for model_loss. */
static double column_gradient(const ufm_model *model, int64_t column, double *z, double *state)
{
    const ufm_tag_set set = ufm_labels_set(model->labels, column);
    const double weight = model_weight(model, column);
    const double loss = model->loss->gradient(&model->objective, set, z, state);
    ufm_scale(model->classes, model->root_count ? weight / model->root_count[column] : weight, z);
    return weight * loss;
}

/* One pass over all columns. `v` and `product` only for Hessian-vector products, `gradient` only for
 * gradients. */
typedef struct {
    ufm_model *model;
    model_blocks x, v;
    double *gradient_H; /* d x n block of the result */
} pass;

void model_clear_parts(ufm_model *model)
{
    for (int t = 0; t < model->threads; t++) {
        model_part *part = &model->part[t];
        part->loss = part->squares = (ufm_sum){0, 0};
        memset(part->classifier, 0, (size_t)(model->classes * model->dim) * sizeof(double));
        memset(part->bias, 0, (size_t)model->classes * sizeof(double));
    }
}

/* db += sum_i sqrt(c_i) column_i */
static void add_to_bias(const ufm_model *model, model_part *part, int64_t first, ufm_matrix columns)
{
    for (int64_t i = 0; i < columns.cols; i++)
        ufm_axpy(model->classes, model->root_count ? model->root_count[first + i] : 1,
                 columns.data + i * model->classes, part->bias);
}

static void value_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = &work->model->part[worker];
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = model_logits(model, part, work->x, first, count);
        for (int64_t i = 0; i < count; i++)
            ufm_sum_add(&part->loss,
                        column_gradient(model, first + i, tile.Z.data + i * model->classes, NULL));
        ufm_sum_add(&part->squares, ufm_dot(model->dim * count, tile.H.data, tile.H.data));
    }
}

static void gradient_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const ufm_model *model = work->model;
    model_part *part = &work->model->part[worker];
    const int64_t K = model->classes, d = model->dim;
    const ufm_matrix W = ufm_view(work->x.W, K, d);
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = model_logits(model, part, work->x, first, count);
        for (int64_t i = 0; i < count; i++)
            ufm_sum_add(&part->loss, column_gradient(model, first + i, tile.Z.data + i * K, NULL));
        ufm_sum_add(&part->squares, ufm_dot(d * count, tile.H.data, tile.H.data));
        double *out = work->gradient_H + first * d;
        memcpy(out, tile.H.data, (size_t)(d * count) * sizeof(double));
        ufm_gemm(1, ufm_transpose(W), tile.Z, 2 * model->objective.lambda_h, ufm_view(out, d, count));
        ufm_gemm(1, tile.Z, ufm_transpose(tile.H), 1, ufm_view(part->classifier, K, d));
        add_to_bias(model, part, first, tile.Z);
    }
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
    model_part *part = &work->model->part[worker];
    const int64_t K = model->classes, d = model->dim;
    const ufm_matrix W = ufm_view(work->x.W, K, d), dW = ufm_view(work->v.W, K, d);
    for (int64_t first = begin; first < end; first += model->tile) {
        const int64_t count = end - first < model->tile ? end - first : model->tile;
        const model_tile tile = model_logits(model, part, work->x, first, count);
        const ufm_matrix dH = ufm_view(work->v.H + first * d, d, count),
                         dZ = ufm_view(part->change, K, count);
        ufm_gemm(1, dW, tile.H, 0, dZ);
        ufm_gemm(1, W, dH, 1, dZ);
        for (int64_t i = 0; i < count; i++) {
            (void)column_gradient(model, first + i, tile.Z.data + i * K, part->state);
            curvature_column(model, first + i, part->state, dZ.data + i * K, work->v.b);
        }
        double *out = work->gradient_H + first * d;
        memcpy(out, dH.data, (size_t)(d * count) * sizeof(double));
        ufm_gemm(1, ufm_transpose(W), dZ, 2 * model->objective.lambda_h, ufm_view(out, d, count));
        ufm_gemm(1, ufm_transpose(dW), tile.Z, 1, ufm_view(out, d, count));
        ufm_gemm(1, dZ, ufm_transpose(tile.H), 1, ufm_view(part->classifier, K, d));
        ufm_gemm(1, tile.Z, ufm_transpose(dH), 1, ufm_view(part->classifier, K, d));
        add_to_bias(model, part, first, dZ);
    }
}

static void run(pass *work, ufm_pool_body *body)
{
    ufm_model *model = work->model;
    model_clear_parts(model);
    ufm_pool_run(model->pool, model->columns, model->tile, body, work);
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
                 .gradient_H = product + model->classes * model->dim};
    run(&work, hessian_body);
    model_collect(model, work.v, product);
}
