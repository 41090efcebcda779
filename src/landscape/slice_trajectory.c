/* The two leading principal components of the iterates of gradient descent. */
#include "slice.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { ITERATES = 256 };
static const double start_scale = 0.3, margin = 1.2;

/* Subtracts the mean of the iterates, which becomes the plane's origin. */
static void centre(double *points, int64_t count, int64_t size, double *mean)
{
    for (int64_t t = 0; t < count; t++) ufm_axpy(size, 1 / (double)count, points + t * size, mean);
    for (int64_t t = 0; t < count; t++) ufm_axpy(size, -1, mean, points + t * size);
}

/* Unit axes, by the small Gram matrix of the centred iterates. */
static ufm_status components(const slice *s, double *points, int64_t count, slice_plane *plane,
                             double explained[2])
{
    double *gram = ufm_alloc(count * count, sizeof *gram), *values = ufm_alloc(count, sizeof *values);
    ufm_status status = gram && values ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    const ufm_matrix all = ufm_view(points, s->size, count);
    ufm_gemm(1, ufm_transpose(all), all, 0, ufm_view(gram, count, count));
    status = ufm_symmetric_eigen(count, gram, true, values);
    if (status != UFM_OK) goto cleanup;
    double total = 0;
    for (int64_t t = 0; t < count; t++) total += fmax(0, values[t]);
    for (int a = 0; a < 2; a++) {
        const int64_t t = count - 1 - a;
        ufm_gemm(1, all, ufm_view(gram + t * count, count, 1), 0, ufm_view(plane->axis[a], s->size, 1));
        const double norm = ufm_norm(s->size, plane->axis[a]);
        if (!(norm > 0)) {
            status = UFM_ERROR_UNSUPPORTED;
            break;
        }
        ufm_scale(s->size, 1 / norm, plane->axis[a]);
        explained[a] = fmax(0, values[t]) / total;
    }
cleanup:
    ufm_free(gram);
    ufm_free(values);
    return status;
}

/* Scales the axes so that the larger half width of the path is 1 and puts the box around its middle. */
static void frame(const slice *s, const double *points, int64_t count, slice_plane *plane)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int64_t t = 0; t < count; t++)
        for (int a = 0; a < 2; a++) {
            const double at = ufm_dot(s->size, points + t * s->size, plane->axis[a]);
            low[a] = fmin(low[a], at);
            high[a] = fmax(high[a], at);
        }
    const double unit = 0.5 * fmax(high[0] - low[0], high[1] - low[1]);
    for (int a = 0; a < 2; a++) {
        plane->centre[a] = 0.5 * (low[a] + high[a]) / unit;
        ufm_scale(s->size, unit, plane->axis[a]);
    }
}

static ufm_status span(slice *s, const trajectory *path, slice_plane *plane, ufm_error *error)
{
    double *points = ufm_alloc(path->count * s->size, sizeof *points);
    if (!points) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the iterates");
    memcpy(points, path->x, (size_t)(path->count * s->size) * sizeof *points);
    centre(points, path->count, s->size, plane->origin);
    ufm_status status = components(s, points, path->count, plane, s->info.explained);
    if (status == UFM_OK) {
        frame(s, points, path->count, plane);
    } else {
        ufm_fail(error, status, "%s: the iterates span no plane", ufm_status_text(status));
    }
    ufm_free(points);
    return status;
}

ufm_status slice_trajectory(slice *s, ufm_error *error)
{
    slice_plane plane;
    trajectory *path = NULL;
    ufm_certificate certificate;
    ufm_status status = slice_plane_new(s, &plane, error);
    if (status == UFM_OK) status = trajectory_new(s->size, ITERATES, &path, error);
    if (status != UFM_OK) goto cleanup;
    status = ufm_model_start(s->model, s->explorer->seed, start_scale, s->optimum);
    if (status == UFM_OK) status = trajectory_descend(s->model, s->explorer, 0, s->optimum, path, error);
    if (status == UFM_OK)
        status = landscape_certify(s->model, s->labels, s->explorer, s->optimum, &certificate, error);
    if (status == UFM_OK) status = span(s, path, &plane, error);
    for (int a = 0; a < 2 && status == UFM_OK; a++)
        status = slice_curvature(s, plane.origin, plane.axis[a], &s->info.curvature[a], error);
    if (status != UFM_OK) goto cleanup;
    s->info.optimum = certificate.objective;
    s->info.gap = certificate.gap / fabs(certificate.objective);
    plane.half *= margin / 1.5;
    status = slice_write_plane(s, &plane, error);
    if (status == UFM_OK) status = slice_write_trajectory(s, &plane, path, error);
cleanup:
    trajectory_free(path);
    slice_plane_free(&plane);
    return status;
}
