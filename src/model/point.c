/* Starts, and the way between the vector x and points. */
#include "internal.h"
#include <string.h>

ufm_status ufm_model_start(const ufm_model *model, uint64_t seed, double scale, double *x)
{
    ufm_rng *rng = ufm_rng_new(seed);
    if (!rng) return UFM_ERROR_MEMORY;
    const int64_t free_numbers = ufm_model_size(model) - model->classes;
    for (int64_t i = 0; i < free_numbers; i++) x[i] = scale * ufm_rng_gaussian(rng);
    memset(x + free_numbers, 0, (size_t)model->classes * sizeof(double));
    ufm_rng_free(rng);
    return UFM_OK;
}

/* to = from diag(root_count^power), power +1 or -1. */
static void scale_features(const ufm_model *model, const double *from, bool multiply, double *to)
{
    const int64_t d = model->dim;
    memcpy(to, from, (size_t)(d * model->columns) * sizeof(double));
    if (!model->root_count) return;
    for (int64_t i = 0; i < model->columns; i++)
        ufm_scale(d, multiply ? model->root_count[i] : 1 / model->root_count[i], to + i * d);
}

ufm_point ufm_model_point(const ufm_model *model, const double *x, double *H)
{
    const model_blocks blocks = model_split(model, x);
    if (H) scale_features(model, blocks.H, false, H);
    return (ufm_point){model->classes, model->dim, model->columns, blocks.W, H ? H : blocks.H, blocks.b};
}

ufm_status ufm_model_pack(const ufm_model *model, const ufm_point *point, double *x, ufm_error *error)
{
    if (point->classes != model->classes || point->dim != model->dim || point->columns != model->columns)
        return ufm_fail(error, UFM_ERROR_USAGE, "the point has another shape than the model");
    const int64_t weights = model->classes * model->dim;
    memcpy(x, point->W, (size_t)weights * sizeof(double));
    scale_features(model, point->H, true, x + weights);
    memcpy(x + weights + model->dim * model->columns, point->b, (size_t)model->classes * sizeof(double));
    return UFM_OK;
}

void ufm_model_embed(const ufm_model *model, int64_t rank, const double *small, double *x)
{
    const int64_t K = model->classes, d = model->dim, n = model->columns, kept = rank < d ? rank : d;
    memset(x, 0, (size_t)ufm_model_size(model) * sizeof(double));
    memcpy(x, small, (size_t)(K * kept) * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        memcpy(x + K * d + i * d, small + K * rank + i * rank, (size_t)kept * sizeof(double));
    memcpy(x + (K + n) * d, small + (K + n) * rank, (size_t)K * sizeof(double));
}
