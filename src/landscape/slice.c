/* Slices: what all kinds share, and the choice between them. */
#include "slice.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* X(kind, name, function) */
#define SLICES(X)                                                                                            \
    X(UFM_SLICE_RANDOM, "random", slice_random)                                                              \
    X(UFM_SLICE_SADDLE, "saddle", slice_saddle)                                                              \
    X(UFM_SLICE_TRAJECTORY, "trajectory", slice_trajectory)                                                  \
    X(UFM_SLICE_LINE, "line", slice_line)                                                                    \
    X(UFM_SLICE_GEODESIC, "geodesic", slice_geodesic)
static const struct {
    const char *name;
    ufm_status (*write)(slice *s, ufm_error *error);
} kinds[UFM_SLICE_KINDS] = {
#define KIND(kind, name, function) [kind] = {name, function},
    SLICES(KIND)
#undef KIND
};

const char *ufm_slice_kind_name(ufm_slice_kind kind)
{
    return kinds[kind].name;
}

ufm_status slice_optimum(slice *s, uint64_t seed, double *x, ufm_error *error)
{
    ufm_certificate certificate;
    ufm_status status = ufm_model_start(s->model, seed, 0.3, x);
    if (status != UFM_OK) return ufm_fail(error, status, "cannot make a start");
    status = landscape_polish(s->model, s->explorer, x, error);
    if (status == UFM_OK)
        status = landscape_certify(s->model, s->labels, s->explorer, x, &certificate, error);
    if (status != UFM_OK) return status;
    const double gap = certificate.gap / fabs(certificate.objective);
    if (certificate.verdict != UFM_CERTIFIED_GLOBAL)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "the descent from seed %llu ends %s with a relative gap of %.1e, not at a certified "
                        "optimum; choose d >= K-1 or another seed",
                        (unsigned long long)seed, ufm_certified_text(certificate.verdict), gap);
    s->info.optimum = certificate.objective;
    s->info.gap = gap;
    return UFM_OK;
}

ufm_status slice_plane_new(const slice *s, slice_plane *plane, ufm_error *error)
{
    *plane = (slice_plane){.half = s->settings->extent};
    plane->origin = ufm_alloc(s->size, sizeof(double));
    plane->axis[0] = ufm_alloc(s->size, sizeof(double));
    plane->axis[1] = ufm_alloc(s->size, sizeof(double));
    return plane->origin && plane->axis[0] && plane->axis[1]
               ? UFM_OK
               : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a plane");
}

void slice_plane_free(slice_plane *plane)
{
    ufm_free(plane->origin);
    ufm_free(plane->axis[0]);
    ufm_free(plane->axis[1]);
}

static void place(const slice *s, const slice_plane *plane, double first, double second)
{
    memcpy(s->point, plane->origin, (size_t)s->size * sizeof(double));
    ufm_axpy(s->size, first, plane->axis[0], s->point);
    ufm_axpy(s->size, second, plane->axis[1], s->point);
}

static void write_row(slice *s, const char *part, int64_t step, const double at[2], const double value[2])
{
    if (!s->stream) return;
    fprintf(s->stream, "%s,%lld,%.17g,%.17g,%.17g,%.6g\n", part, (long long)step, at[0], at[1], value[0],
            value[1]);
}

void slice_write_value(slice *s, int64_t step, double first, double second, double objective)
{
    write_row(s, "surface", step, (double[2]){first, second}, (double[2]){objective, 0});
    if (!(s->info.least <= objective)) s->info.least = objective;
    if (!(s->info.most >= objective)) s->info.most = objective;
}

void slice_write_mark(slice *s, const char *part, double first, double second, double objective)
{
    write_row(s, part, 0, (double[2]){first, second}, (double[2]){objective, 0});
}

/* -1 .. 1, exactly symmetric, with an exact 0 in the middle of an odd number. */
static double position(int64_t step, int64_t points)
{
    return (double)(2 * step - (points - 1)) / (double)(points - 1);
}

double slice_abscissa(const slice *s, int64_t step)
{
    return 0.5 + 0.5 * s->settings->extent * position(step, s->settings->points);
}

ufm_status slice_write_plane(slice *s, const slice_plane *plane, ufm_error *error)
{
    const int64_t points = s->settings->points;
    const ufm_explorer *explorer = s->explorer;
    for (int64_t i = 0; i < points; i++) {
        const double first = plane->centre[0] + plane->half * position(i, points);
        for (int64_t j = 0; j < points; j++) {
            const double second = plane->centre[1] + plane->half * position(j, points);
            place(s, plane, first, second);
            slice_write_value(s, i * points + j, first, second, ufm_model_value(s->model, s->point));
        }
        if (explorer->progress &&
            !explorer->progress(explorer->context, (double)(i + 1) / (double)points, "surface"))
            return ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    }
    return UFM_OK;
}

ufm_status slice_write_trajectory(slice *s, const slice_plane *plane, const trajectory *path,
                                  ufm_error *error)
{
    const double unit[2] = {ufm_norm(s->size, plane->axis[0]), ufm_norm(s->size, plane->axis[1])};
    double *away = ufm_alloc(s->size, sizeof *away);
    if (!away) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to project a trajectory");
    s->info.projection = 0;
    for (int64_t t = 0; t < path->count; t++) {
        double at[2];
        memcpy(away, trajectory_at(path, t), (size_t)s->size * sizeof *away);
        ufm_axpy(s->size, -1, plane->origin, away);
        for (int a = 0; a < 2; a++) at[a] = ufm_dot(s->size, away, plane->axis[a]) / (unit[a] * unit[a]);
        for (int a = 0; a < 2; a++) ufm_axpy(s->size, -at[a], plane->axis[a], away);
        write_row(s, "trajectory", t, at, (double[2]){path->objective[t], ufm_norm(s->size, away) / unit[0]});
        place(s, plane, at[0], at[1]);
        const double change = fabs(ufm_model_value(s->model, s->point) - path->objective[t]);
        if (!(change <= s->info.projection)) s->info.projection = change;
    }
    ufm_free(away);
    return UFM_OK;
}

ufm_status slice_curvature(slice *s, const double *x, const double *v, double *curvature, ufm_error *error)
{
    double *product = ufm_alloc(s->size, sizeof *product);
    if (!product) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a curvature");
    ufm_model_hessian_vector(s->model, x, v, product);
    *curvature = ufm_dot(s->size, v, product);
    ufm_free(product);
    return UFM_OK;
}

static ufm_status check(const ufm_slice_settings *settings, ufm_error *error)
{
    if ((int)settings->kind < 0 || settings->kind >= UFM_SLICE_KINDS || settings->points < 2 ||
        !(settings->extent > 0 && settings->extent <= 1e6))
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "a slice needs a kind, at least 2 points and an extent in (0, 1e6]");
    return UFM_OK;
}

ufm_status ufm_slice_write(const ufm_labels *labels, const ufm_explorer *explorer,
                           const ufm_slice_settings *settings, FILE *stream, ufm_slice_info *info,
                           ufm_error *error)
{
    ufm_status status = check(settings, error);
    if (status != UFM_OK) return status;
    slice s = {.labels = labels, .explorer = explorer, .settings = settings, .stream = stream};
    s.dim = explorer->dim > 0 ? explorer->dim : labels->classes;
    s.info = (ufm_slice_info){NAN, NAN, NAN, NAN, {NAN, NAN}, NAN, {NAN, NAN}, NAN, NAN, NAN, NAN};
    const ufm_model_settings model = {explorer->objective, s.dim, explorer->threads};
    status = ufm_model_new(labels, &model, &s.model, error);
    if (status != UFM_OK) return status;
    s.size = ufm_model_size(s.model);
    s.optimum = ufm_alloc(s.size, sizeof(double));
    s.point = ufm_alloc(s.size, sizeof(double));
    if (s.optimum && s.point) {
        if (stream) fputs("part,step,first,second,objective,distance\n", stream);
        status = kinds[settings->kind].write(&s, error);
    } else {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a slice");
    }
    ufm_free(s.optimum);
    ufm_free(s.point);
    ufm_model_free(s.model);
    if (status == UFM_OK && info) *info = s.info;
    return status;
}
