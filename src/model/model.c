#include "internal.h"
#include <math.h>

/* Logits, features and their gradient of a tile stay in the first-level cache beside a small W, and in the
 * second beside a larger one, which is to be read for enough columns. The kernels take eight at a time. */
enum { TILE_LEAST = 60 * 1024, TILE_MOST = 512 * 1024, TILE_MIN = 8, TILE_MAX = 1024 };
/* Bytes of a gradient that no cache keeps until it is used. */
static const double PAST_CACHES = 16e6;
/* Below this many multiply-adds a second thread costs more than it saves; an exponential takes as long as so
 * many. */
enum { WORK_PER_THREAD = 100000, EXPONENTIAL = 20 };

static int64_t tile_columns(const ufm_labels *labels, int64_t dim)
{
    const int64_t K = labels->classes, W = 2 * K * dim * (int64_t)sizeof(double);
    const int64_t bytes = 2 * W < TILE_LEAST ? TILE_LEAST : 2 * W > TILE_MOST ? TILE_MOST : 2 * W;
    int64_t tile = bytes / (int64_t)sizeof(double) / (2 * K + 2 * dim);
    tile = (tile + TILE_MIN / 2) / TILE_MIN * TILE_MIN;
    if (tile > TILE_MAX) tile = TILE_MAX;
    if (tile < TILE_MIN) tile = TILE_MIN;
    return tile < labels->columns ? tile : labels->columns;
}

/* Classes of a tile that stand side by side: of an odd number of cache lines, which spread over all sets. */
static int64_t abreast(int64_t tile)
{
    return ((tile + TILE_MIN - 1) / TILE_MIN | 1) * TILE_MIN;
}

static int thread_count(const ufm_labels *labels, const ufm_model_settings *settings)
{
    const int wanted = settings->threads > 0 ? settings->threads : ufm_threads_available();
    const double work =
        (double)labels->classes * (double)(settings->dim + EXPONENTIAL) * (double)labels->columns;
    const int64_t most = (labels->columns + MODEL_GRAIN - 1) / MODEL_GRAIN;
    int64_t useful = (int64_t)(work / WORK_PER_THREAD) + 1;
    if (useful > most) useful = most;
    return useful < wanted ? (int)useful : wanted;
}

int64_t ufm_model_workspace(const ufm_labels *labels, const ufm_model_settings *settings)
{
    const int64_t K = labels->classes, d = settings->dim, tile = tile_columns(labels, d);
    const int64_t packed = ufm_thin_numbers(K, d);
    const int64_t each =
        2 * K * abreast(tile) + 2 * K * d + packed + (MODEL_STATE + 1) * K + model_lane_numbers(K);
    return (int64_t)sizeof(double) *
           (thread_count(labels, settings) * each + (labels->count ? labels->columns : 0) + packed);
}

static ufm_status check_settings(const ufm_labels *labels, const ufm_model_settings *settings,
                                 ufm_error *error)
{
    const ufm_status status = ufm_objective_check(&settings->objective, error);
    if (status != UFM_OK) return status;
    if (settings->dim < 1)
        return ufm_fail(error, UFM_ERROR_USAGE, "feature dimension %lld is below 1",
                        (long long)settings->dim);
    int64_t size;
    if (__builtin_mul_overflow(settings->dim, labels->columns + labels->classes, &size) ||
        size > INT64_MAX / 64)
        return ufm_fail(error, UFM_ERROR_MEMORY, "feature dimension %lld is too large for %lld features",
                        (long long)settings->dim, (long long)labels->columns);
    return UFM_OK;
}

static bool allocate_parts(ufm_model *model)
{
    const int64_t K = model->classes;
    model->part = ufm_alloc(model->threads, sizeof *model->part);
    model->packed = ufm_alloc(ufm_thin_numbers(K, model->dim), sizeof(double));
    if (!model->part || !model->packed) return false;
    for (int t = 0; t < model->threads; t++) {
        model_part *part = &model->part[t];
        part->logits = ufm_alloc(K * model->abreast, sizeof(double));
        part->change = ufm_alloc(K * model->abreast, sizeof(double));
        part->state = ufm_alloc(K * MODEL_STATE, sizeof(double));
        part->lanes = ufm_alloc(model_lane_numbers(K), sizeof(double));
        part->classifier = ufm_alloc(K * model->dim, sizeof(double));
        part->turned = ufm_alloc(K * model->dim, sizeof(double));
        part->packed = ufm_alloc(ufm_thin_numbers(K, model->dim), sizeof(double));
        part->bias = ufm_alloc(K, sizeof(double));
        if (!part->logits || !part->change || !part->state || !part->lanes || !part->classifier ||
            !part->turned || !part->packed || !part->bias)
            return false;
    }
    return true;
}

ufm_status ufm_model_new(const ufm_labels *labels, const ufm_model_settings *settings, ufm_model **model,
                         ufm_error *error)
{
    ufm_status status = check_settings(labels, settings, error);
    if (status != UFM_OK) return status;
    ufm_model *made = ufm_alloc(1, sizeof *made);
    if (!made) goto no_memory;
    *made = (ufm_model){.labels = labels,
                        .objective = settings->objective,
                        .loss = model_loss_of(settings->objective.loss),
                        .classes = labels->classes,
                        .dim = settings->dim,
                        .columns = labels->columns,
                        .tile = tile_columns(labels, settings->dim),
                        .threads = thread_count(labels, settings)};
    made->abreast = abreast(made->tile);
    made->past = (double)made->dim * (double)made->columns * sizeof(double) > PAST_CACHES;
    if (labels->count) {
        made->root_count = ufm_alloc(made->columns, sizeof(double));
        if (!made->root_count) goto no_memory;
        for (int64_t i = 0; i < made->columns; i++) made->root_count[i] = sqrt((double)labels->count[i]);
    }
    if (made->threads > 1) {
        made->pool = ufm_pool_new(made->threads);
        if (!made->pool) goto no_memory;
    }
    if (!allocate_parts(made)) goto no_memory;
    *model = made;
    return UFM_OK;
no_memory:
    ufm_model_free(made);
    return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the model's work space");
}

void ufm_model_free(ufm_model *model)
{
    if (!model) return;
    for (int t = 0; model->part && t < model->threads; t++) {
        ufm_free(model->part[t].logits);
        ufm_free(model->part[t].change);
        ufm_free(model->part[t].state);
        ufm_free(model->part[t].lanes);
        ufm_free(model->part[t].classifier);
        ufm_free(model->part[t].turned);
        ufm_free(model->part[t].packed);
        ufm_free(model->part[t].bias);
    }
    ufm_free(model->part);
    ufm_pool_free(model->pool);
    ufm_free(model->root_count);
    ufm_free(model->packed);
    ufm_free(model->diagonal);
    ufm_free(model->kept);
    ufm_free(model->single);
    ufm_free(model);
}

int64_t ufm_model_size(const ufm_model *model)
{
    return model->dim * (model->classes + model->columns) + model->classes;
}

int64_t ufm_model_block(const ufm_model *model, int block)
{
    const int64_t K = model->classes, d = model->dim, begins[] = {0, K * d, d * (K + model->columns)};
    return begins[block];
}

ufm_pool *ufm_model_pool(ufm_model *model)
{
    return model->pool;
}
