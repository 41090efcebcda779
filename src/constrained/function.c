/* Value, gradient and Hessian-vector product in y by the chain rule. */
#include "function.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

double constrained_radius(const ufm_constrained_problem *problem, int64_t column)
{
    return problem->constraint.feature_norm * sqrt((double)ufm_labels_count(problem->labels, column));
}

void constrained_to_x(const constrained_function *function, const double *y, double *x)
{
    const int64_t weights = function->K * function->d, d = function->d;
    memcpy(x, y, (size_t)function->size * sizeof(double));
    double *H = x + weights;
    for (int64_t j = 0; function->map == MAP_SQUARE && j < d * function->n; j++) H[j] *= H[j];
    for (int64_t i = 0; function->map == MAP_SPHERE && i < function->n; i++)
        ufm_scale(d, constrained_radius(function->problem, i) / ufm_norm(d, H + i * d), H + i * d);
}

void constrained_from_x(const constrained_function *function, const double *x, double *y)
{
    const int64_t weights = function->K * function->d;
    memcpy(y, x, (size_t)function->size * sizeof(double));
    for (int64_t j = 0; function->map == MAP_SQUARE && j < function->d * function->n; j++)
        y[weights + j] = sqrt(y[weights + j]);
}

/* out = (radius/|v|) (z - u (u.z)), u = v/|v|: the derivative of radius v/|v| along z, and its transpose. */
static void tangential(int64_t d, double radius, const double *v, const double *z, double *out)
{
    const double length = ufm_norm(d, v), along = ufm_dot(d, v, z) / (length * length);
    for (int64_t j = 0; j < d; j++) out[j] = radius / length * (z[j] - along * v[j]);
}

/* out = J z or J^T z (J is symmetric) for J = dx/dy. */
static void jacobian(const constrained_function *f, const double *y, const double *z, double *out)
{
    const int64_t weights = f->K * f->d, d = f->d;
    memcpy(out, z, (size_t)f->size * sizeof(double));
    if (f->problem->constraint.classifier == UFM_CLASSIFIER_ETF)
        memset(out, 0, (size_t)weights * sizeof(double));
    y += weights;
    z += weights;
    out += weights;
    for (int64_t j = 0; f->map == MAP_IDENTITY && f->held && j < d * f->n; j++)
        if (f->held[j]) out[j] = 0;
    for (int64_t j = 0; f->map == MAP_SQUARE && j < d * f->n; j++) out[j] = 2 * y[j] * z[j];
    for (int64_t i = 0; f->map == MAP_SPHERE && i < f->n; i++)
        tangential(d, constrained_radius(f->problem, i), y + i * d, z + i * d, out + i * d);
}

static double value(void *context, const double *y)
{
    constrained_function *f = context;
    f->known = false;
    constrained_to_x(f, y, f->x);
    return ufm_model_value(f->problem->model, f->x);
}

static double gradient(void *context, const double *y, double *out)
{
    constrained_function *f = context;
    memcpy(f->y, y, (size_t)f->size * sizeof(double));
    constrained_to_x(f, y, f->x);
    const double result = ufm_model_gradient(f->problem->model, f->x, f->g);
    f->known = true;
    jacobian(f, y, f->g, out);
    return result;
}

/* Adds (d/dy J^T) g along dv for one column on its sphere: with u = v/|v|, t = dv - u (u.dv), g the gradient
 * in h,  (radius/|v|^2) [ -(u.dv)(g - u (u.g)) - t (u.g) - u (t.g) ]. */
static void add_curvature(int64_t d, double radius, const double *v, const double *dv, const double *g,
                          double *out)
{
    const double length = ufm_norm(d, v), factor = radius / (length * length);
    const double stretch = ufm_dot(d, v, dv) / length, slope = ufm_dot(d, v, g) / length;
    double cross = 0;
    for (int64_t j = 0; j < d; j++) cross += (dv[j] - stretch * v[j] / length) * g[j];
    for (int64_t j = 0; j < d; j++) {
        const double u = v[j] / length;
        out[j] -= factor * (stretch * (g[j] - slope * u) + slope * (dv[j] - stretch * u) + cross * u);
    }
}

static void hessian_vector(void *context, const double *y, const double *v, double *out)
{
    constrained_function *f = context;
    const int64_t weights = f->K * f->d, d = f->d;
    if (!f->known || memcmp(f->y, y, (size_t)f->size * sizeof(double)) != 0) (void)gradient(f, y, f->dx);
    jacobian(f, y, v, f->dx);
    ufm_model_hessian_vector(f->problem->model, f->x, f->dx, f->product);
    jacobian(f, y, f->product, out);
    for (int64_t i = 0; f->map == MAP_SPHERE && i < f->n; i++) {
        const int64_t at = weights + i * d;
        add_curvature(d, constrained_radius(f->problem, i), y + at, v + at, f->g + at, out + at);
    }
}

ufm_status constrained_function_new(const ufm_constrained_problem *problem, constrained_map map,
                                    constrained_function **function)
{
    constrained_function *made = ufm_alloc(1, sizeof *made);
    if (!made) return UFM_ERROR_MEMORY;
    made->problem = problem;
    made->map = map;
    made->size = ufm_model_size(problem->model);
    made->K = problem->labels->classes;
    made->n = problem->labels->columns;
    made->d = (made->size - made->K) / (made->K + made->n);
    made->x = ufm_alloc(5 * made->size, sizeof(double));
    if (!made->x) {
        constrained_function_free(made);
        return UFM_ERROR_MEMORY;
    }
    made->g = made->x + made->size;
    made->y = made->g + made->size;
    made->dx = made->y + made->size;
    made->product = made->dx + made->size;
    *function = made;
    return UFM_OK;
}

void constrained_function_free(constrained_function *function)
{
    if (!function) return;
    ufm_free(function->x);
    ufm_free(function);
}

ufm_function constrained_as_function(constrained_function *function)
{
    return (ufm_function){.size = function->size,
                          .context = function,
                          .value = value,
                          .gradient = gradient,
                          .hessian_vector = function->map == MAP_SQUARE ? NULL : hessian_vector};
}
