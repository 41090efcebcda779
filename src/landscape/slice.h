/* Private to landscape: what the kinds of slices share. */
#ifndef UFMLAB_LANDSCAPE_SLICE_H
#define UFMLAB_LANDSCAPE_SLICE_H

#include "trajectory.h"

typedef struct {
    const ufm_labels *labels;
    const ufm_explorer *explorer;
    const ufm_slice_settings *settings;
    ufm_model *model;
    FILE *stream;
    ufm_slice_info info;
    int64_t dim, size;
    double *optimum; /* x of the certified optimum */
    double *point;   /* x of one point of the slice */
} slice;

/* x = origin + first axis[0] + second axis[1]. */
typedef struct {
    double *origin, *axis[2];
    double centre[2];
    double half; /* half width; the kinds scale their axes so that one number serves for both */
} slice_plane;

/* The global optimum of a seed, in x. UFM_ERROR_UNSUPPORTED when it is not certified. */
ufm_status slice_optimum(slice *s, uint64_t seed, double *x, ufm_error *error);
/* origin and both axes, zero. */
ufm_status slice_plane_new(const slice *s, slice_plane *plane, ufm_error *error);
void slice_plane_free(slice_plane *plane);
/* Rows of the surface. */
ufm_status slice_write_plane(slice *s, const slice_plane *plane, ufm_error *error);
/* Rows of the trajectory, projected; fills info.projection. */
ufm_status slice_write_trajectory(slice *s, const slice_plane *plane, const trajectory *path,
                                  ufm_error *error);
void slice_write_mark(slice *s, const char *part, double first, double second, double objective);
/* One row of the surface; its extremes are kept. */
void slice_write_value(slice *s, int64_t step, double first, double second, double objective);
/* v^T Hess(x) v. */
ufm_status slice_curvature(slice *s, const double *x, const double *v, double *curvature, ufm_error *error);
/* The abscissa of a point of a 1-D slice. */
double slice_abscissa(const slice *s, int64_t step);

ufm_status slice_random(slice *s, ufm_error *error);
ufm_status slice_saddle(slice *s, ufm_error *error);
ufm_status slice_trajectory(slice *s, ufm_error *error);
ufm_status slice_line(slice *s, ufm_error *error);
ufm_status slice_geodesic(slice *s, ufm_error *error);

#endif
