/* The plane of a saddle of rank K-2, its escape direction, and the optimum that the descent from there finds.
 */
#include "ladder.h"
#include "slice.h"
#include <math.h>
#include <ufmlab/linalg.h>

enum { ITERATES = 256 };
static const double escape_step = 1e-3; /* of the saddle's norm, or 1 */

static ufm_status solve_small(const slice *s, int64_t rank, double *x, ufm_error *error)
{
    const ufm_model_settings settings = {s->explorer->objective, rank, s->explorer->threads};
    ufm_model *model;
    ufm_status status = ufm_model_new(s->labels, &settings, &model, error);
    if (status != UFM_OK) return status;
    double *small = ufm_alloc(ufm_model_size(model), sizeof *small);
    status = small ? ufm_model_start(model, s->explorer->seed, 0.3, small)
                   : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a saddle");
    if (status == UFM_OK) status = landscape_polish(model, s->explorer, small, error);
    if (status == UFM_OK) ufm_model_embed(s->model, rank, small, x);
    ufm_free(small);
    ufm_model_free(model);
    return status;
}

/* The saddle in the plane's origin, the unit escape direction in its second axis. */
static ufm_status find_saddle(slice *s, slice_plane *plane, ufm_error *error)
{
    const int64_t rank = s->labels->classes - 2;
    const ufm_objective *objective = &s->explorer->objective;
    ufm_solution *here;
    if (s->dim <= rank)
        return ufm_fail(
            error, UFM_ERROR_UNSUPPORTED,
            "in dimension %lld a saddle of rank K-2 = %lld has no room to escape; choose d >= K-1",
            (long long)s->dim, (long long)rank);
    ufm_status status = rank > 0 ? solve_small(s, rank, plane->origin, error)
                                 : ufm_model_minimize_bias(s->model, plane->origin, error);
    if (status != UFM_OK) return status;
    status = ladder_solution(s->model, plane->origin, s->labels, objective, &here, error);
    if (status != UFM_OK) return status;
    if (here->certificate.lambda_neg < 0)
        status = ladder_witness(s->labels, objective, &here->point, plane->axis[1], error);
    else
        status =
            ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                     "the critical point of rank %lld is no saddle but the optimum; choose smaller lambdas",
                     (long long)rank);
    ufm_solution_free(here);
    if (status != UFM_OK) return status;
    s->info.saddle = ufm_model_value(s->model, plane->origin);
    return UFM_OK;
}

/* Second axis: the escape direction; first: what remains of the way to the optimum. Both as long as that
 * way. *along: the optimum's coordinates. */
static void orient(const slice *s, slice_plane *plane, double along[2])
{
    ufm_axpy(s->size, 1, s->optimum, plane->axis[0]);
    ufm_axpy(s->size, -1, plane->origin, plane->axis[0]);
    const double length = ufm_norm(s->size, plane->axis[0]);
    const double escape = ufm_dot(s->size, plane->axis[0], plane->axis[1]);
    ufm_axpy(s->size, -escape, plane->axis[1], plane->axis[0]);
    const double rest = ufm_norm(s->size, plane->axis[0]);
    ufm_scale(s->size, length / rest, plane->axis[0]);
    ufm_scale(s->size, length, plane->axis[1]);
    along[0] = rest / length;
    along[1] = escape / length;
    plane->centre[0] = 0.5 * along[0];
}

ufm_status slice_saddle(slice *s, ufm_error *error)
{
    slice_plane plane;
    trajectory *path = NULL;
    ufm_certificate certificate;
    double along[2];
    ufm_status status = slice_plane_new(s, &plane, error);
    if (status == UFM_OK) status = trajectory_new(s->size, ITERATES, &path, error);
    if (status == UFM_OK) status = find_saddle(s, &plane, error);
    if (status != UFM_OK) goto cleanup;
    const double norm = ufm_norm(s->size, plane.origin);
    ufm_axpy(s->size, 1, plane.origin, s->optimum);
    ufm_axpy(s->size, escape_step * (norm > 0 ? norm : 1), plane.axis[1], s->optimum);
    status = trajectory_descend(s->model, s->explorer, 0, s->optimum, path, error);
    if (status == UFM_OK)
        status = landscape_certify(s->model, s->labels, s->explorer, s->optimum, &certificate, error);
    if (status != UFM_OK) goto cleanup;
    s->info.optimum = certificate.objective;
    s->info.gap = certificate.gap / fabs(certificate.objective);
    orient(s, &plane, along);
    for (int a = 0; a < 2 && status == UFM_OK; a++)
        status = slice_curvature(s, plane.origin, plane.axis[a], &s->info.curvature[a], error);
    if (status == UFM_OK) status = slice_write_plane(s, &plane, error);
    if (status == UFM_OK) status = slice_write_trajectory(s, &plane, path, error);
    if (status != UFM_OK) goto cleanup;
    slice_write_mark(s, "saddle", 0, 0, s->info.saddle);
    slice_write_mark(s, "optimum", along[0], along[1], s->info.optimum);
cleanup:
    trajectory_free(path);
    slice_plane_free(&plane);
    return status;
}
