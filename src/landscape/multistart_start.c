/* Where a run starts. */
#include "multistart.h"
#include <string.h>

static const struct {
    ufm_start_kind kind;
    double scale;
} schedule[] = {
    {UFM_START_GAUSSIAN, 1e-3}, {UFM_START_GAUSSIAN, 0.03},    {UFM_START_GAUSSIAN, 0.3},
    {UFM_START_GAUSSIAN, 1},    {UFM_START_GAUSSIAN, 3},       {UFM_START_LOW_RANK, 0.3},
    {UFM_START_LOW_RANK, 1},    {UFM_START_NEAR_SADDLE, 1e-8},
};
enum { SCHEDULE = sizeof schedule / sizeof schedule[0] };
static const double low_rank_noise = 1e-8;
static const double small_scale = 0.3; /* of the starts in the smaller dimension */

const char *ufm_start_kind_name(ufm_start_kind kind)
{
    static const char *const names[UFM_START_KINDS] = {"gaussian", "low-rank", "near-saddle"};
    return names[kind];
}

void multistart_plan(uint64_t seed, int64_t index, ufm_run *run)
{
    *run = (ufm_run){.seed = ufm_seed_derive(seed, (uint64_t)index),
                     .kind = schedule[index % SCHEDULE].kind,
                     .scale = schedule[index % SCHEDULE].scale};
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* x += scale times Gaussians in the first `rank` columns of W and rows of H. */
static void add_gaussian(const multistart_worker *worker, ufm_rng *rng, int64_t rank, double scale)
{
    const int64_t K = worker->labels->classes, d = worker->dim;
    double *H = worker->x + K * d;
    for (int64_t j = 0; j < K * rank; j++) worker->x[j] += scale * ufm_rng_gaussian(rng);
    for (int64_t i = 0; i < worker->labels->columns; i++)
        for (int64_t j = 0; j < rank; j++) H[i * d + j] += scale * ufm_rng_gaussian(rng);
}

static void low_rank(const multistart_worker *worker, ufm_rng *rng, double scale)
{
    const int64_t most = smaller(worker->labels->classes - 2, worker->dim - 1);
    const int64_t rank = most > 0 ? 1 + ufm_rng_below(rng, most) : 0;
    const bool exact = ufm_rng_below(rng, 2) == 0; /* descent never leaves an exactly low rank */
    add_gaussian(worker, rng, rank, scale);
    if (!exact) add_gaussian(worker, rng, worker->dim, low_rank_noise);
}

/* A minimum in dimension `rank` > 0, embedded by zero columns of W and zero rows of H. */
static ufm_status embed_minimum(const multistart_worker *worker, ufm_rng *rng, int64_t rank, ufm_error *error)
{
    const ufm_model_settings settings = {*worker->objective, rank, 1};
    ufm_model *model = NULL;
    ufm_minimize_info info;
    ufm_status status = ufm_model_new(worker->labels, &settings, &model, error);
    if (status != UFM_OK) return status;
    double *small = ufm_alloc(ufm_model_size(model), sizeof *small);
    if (!small) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a start near a saddle");
        goto cleanup;
    }
    const int64_t numbers = ufm_model_size(model) - worker->labels->classes;
    for (int64_t j = 0; j < numbers; j++) small[j] = small_scale * ufm_rng_gaussian(rng);
    const ufm_function function = ufm_function_of_model(model);
    status = ufm_minimize(&function, &worker->minimize, small, &info, error);
    if (status != UFM_OK) goto cleanup;
    ufm_model_embed(worker->model, rank, small, worker->x);
cleanup:
    ufm_free(small);
    ufm_model_free(model);
    return status;
}

static ufm_status near_saddle(const multistart_worker *worker, ufm_rng *rng, double noise, ufm_error *error)
{
    const int64_t ranks =
        smaller(ufm_loss_rank(worker->objective->loss, worker->labels->classes), worker->dim);
    const int64_t rank = ufm_rng_below(rng, ranks);
    const ufm_status status = rank > 0 ? embed_minimum(worker, rng, rank, error)
                                       : ufm_model_minimize_bias(worker->model, worker->x, error);
    if (status == UFM_OK) add_gaussian(worker, rng, worker->dim, noise);
    return status;
}

ufm_status multistart_start(multistart_worker *worker, const ufm_run *run, ufm_error *error)
{
    if (run->kind == UFM_START_GAUSSIAN)
        return ufm_model_start(worker->model, run->seed, run->scale, worker->x);
    ufm_rng *rng = ufm_rng_new(run->seed);
    if (!rng) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for random numbers");
    ufm_status status = UFM_OK;
    memset(worker->x, 0, (size_t)ufm_model_size(worker->model) * sizeof(double));
    if (run->kind == UFM_START_LOW_RANK) {
        low_rank(worker, rng, run->scale);
    } else {
        status = near_saddle(worker, rng, run->scale, error);
    }
    ufm_rng_free(rng);
    return status;
}
