/* Two global optima: the straight line between them, which rises, and the rotation, which does not. */
#include "rotation.h"
#include "slice.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Seeds tried for the second optimum: for d = K-1 every other one is a mirror image. */
enum { SEEDS_TRIED = 40 };

typedef struct {
    double *from, *to; /* x of the optima; `from` is the slice's */
    double *stacked;   /* (K+n) x d twice: [sqrt(lambda_w) W; sqrt(lambda_h) Ht^T] of both */
    double *rotation;  /* d x d */
    geodesic *way;
} pair;

static ufm_status pair_new(slice *s, pair *two, ufm_error *error)
{
    const int64_t rows = s->labels->classes + s->labels->columns;
    *two = (pair){.from = s->optimum};
    two->to = ufm_alloc(s->size, sizeof(double));
    two->stacked = ufm_alloc(2 * rows * s->dim, sizeof(double));
    two->rotation = ufm_alloc(s->dim * s->dim, sizeof(double));
    return two->to && two->stacked && two->rotation
               ? UFM_OK
               : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for two optima");
}

static void pair_free(pair *two)
{
    ufm_free(two->to);
    ufm_free(two->stacked);
    ufm_free(two->rotation);
    geodesic_free(two->way);
}

static void stack(const slice *s, const double *x, double *stacked)
{
    const int64_t K = s->labels->classes, n = s->labels->columns, d = s->dim, rows = K + n;
    const double w = sqrt(s->explorer->objective.lambda_w), h = sqrt(s->explorer->objective.lambda_h);
    for (int64_t j = 0; j < d; j++) {
        for (int64_t k = 0; k < K; k++) stacked[k + j * rows] = w * x[k + j * K];
        for (int64_t i = 0; i < n; i++) stacked[K + i + j * rows] = h * x[K * d + j + i * d];
    }
}

/* W R, R^T Ht, and the bias between the two (they differ when it is free). */
static void turn(const slice *s, const pair *two, const double *R, double t, double *x)
{
    const int64_t K = s->labels->classes, n = s->labels->columns, d = s->dim, b = K * d + d * n;
    const ufm_matrix rotation = ufm_view(R, d, d);
    ufm_gemm(1, ufm_view(two->from, K, d), rotation, 0, ufm_view(x, K, d));
    ufm_gemm(1, ufm_transpose(rotation), ufm_view(two->from + K * d, d, n), 0, ufm_view(x + K * d, d, n));
    for (int64_t k = 0; k < K; k++) x[b + k] = (1 - t) * two->from[b + k] + t * two->to[b + k];
}

/* The first optimum from the explorer's seed, the second from the next one whose optimum a proper rotation
 * reaches. */
static ufm_status find_pair(slice *s, pair *two, ufm_error *error)
{
    const int64_t rows = s->labels->classes + s->labels->columns;
    const uint64_t seed = s->explorer->seed;
    ufm_status status = slice_optimum(s, seed, two->from, error);
    if (status != UFM_OK) return status;
    if (!(ufm_norm(s->labels->classes * s->dim, two->from) > 1e-6))
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "the optimum is collapsed and therefore the only one; choose smaller lambdas");
    stack(s, two->from, two->stacked);
    const double optimum = s->info.optimum, gap = s->info.gap;
    bool proper = false;
    for (uint64_t next = 1; status == UFM_OK && !proper && next <= SEEDS_TRIED; next++) {
        status = slice_optimum(s, seed + next, two->to, error);
        if (status != UFM_OK) break;
        stack(s, two->to, two->stacked + rows * s->dim);
        status = rotation_between(two->stacked, two->stacked + rows * s->dim, rows, s->dim, two->rotation,
                                  &proper);
        if (status != UFM_OK) ufm_fail(error, status, "the optima cannot be compared");
    }
    s->info.optimum = optimum;
    s->info.gap = gap;
    if (status == UFM_OK && !proper)
        status = ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                          "no rotation joins the optima of %d seeds, they are mirror images; choose d >= K",
                          SEEDS_TRIED);
    return status;
}

/* The largest |f - optimum| on [0,1]. */
static void keep_rise(slice *s, double at, double objective)
{
    const double rise = fabs(objective - s->info.optimum);
    if (at >= 0 && at <= 1 && !(s->info.rise >= rise)) s->info.rise = rise;
}

static ufm_status slice_pair(slice *s, ufm_status (*write)(slice *s, pair *two), ufm_error *error)
{
    pair two;
    ufm_status status = pair_new(s, &two, error);
    if (status == UFM_OK) status = find_pair(s, &two, error);
    if (status == UFM_OK) {
        status = write(s, &two);
        if (status != UFM_OK) ufm_fail(error, status, "the way between the optima cannot be computed");
    }
    if (status == UFM_OK) {
        slice_write_mark(s, "optimum", 0, 0, s->info.optimum);
        slice_write_mark(s, "optimum", 1, 0, ufm_model_value(s->model, two.to));
    }
    pair_free(&two);
    return status;
}

static ufm_status write_line(slice *s, pair *two)
{
    double *direction = ufm_alloc(s->size, sizeof *direction);
    if (!direction) return UFM_ERROR_MEMORY;
    ufm_axpy(s->size, 1, two->to, direction);
    ufm_axpy(s->size, -1, two->from, direction);
    for (int64_t i = 0; i < s->settings->points; i++) {
        const double t = slice_abscissa(s, i);
        memcpy(s->point, two->from, (size_t)s->size * sizeof(double));
        ufm_axpy(s->size, t, direction, s->point);
        const double objective = ufm_model_value(s->model, s->point);
        slice_write_value(s, i, t, 0, objective);
        keep_rise(s, t, objective);
    }
    const ufm_status status = slice_curvature(s, two->from, direction, &s->info.curvature[0], NULL);
    ufm_free(direction);
    return status;
}

static ufm_status write_geodesic(slice *s, pair *two)
{
    const int64_t d = s->dim;
    double *R = ufm_alloc(d * d, sizeof *R);
    ufm_status status = R ? geodesic_new(two->rotation, d, &two->way) : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < s->settings->points && status == UFM_OK; i++) {
        const double t = slice_abscissa(s, i);
        status = geodesic_at(two->way, t, R);
        if (status != UFM_OK) break;
        turn(s, two, R, t, s->point);
        const double objective = ufm_model_value(s->model, s->point);
        slice_write_value(s, i, t, 0, objective);
        keep_rise(s, t, objective);
    }
    if (status == UFM_OK) status = geodesic_at(two->way, 1, R);
    if (status == UFM_OK) {
        turn(s, two, R, 1, s->point);
        s->info.arrival = ufm_distance(s->size, s->point, two->to) / ufm_norm(s->size, two->to);
        s->info.angle = two->way->length;
    }
    ufm_free(R);
    return status;
}

ufm_status slice_line(slice *s, ufm_error *error)
{
    return slice_pair(s, write_line, error);
}

ufm_status slice_geodesic(slice *s, ufm_error *error)
{
    return slice_pair(s, write_geodesic, error);
}
