/* Starts, the projected gradient, and the choice of the method. */
#include "function.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

ufm_status ufm_constrained_start(const ufm_constrained_problem *problem, uint64_t seed, double scale,
                                 double *x)
{
    const ufm_status status = ufm_model_start(problem->model, seed, scale, x);
    if (status != UFM_OK) return status;
    const ufm_point shape = ufm_model_point(problem->model, x, NULL);
    const int64_t d = shape.dim, n = shape.columns, weights = shape.classes * d;
    double *H = x + weights;
    for (int64_t j = 0; problem->constraint.features == UFM_FEATURES_NONNEGATIVE && j < d * n; j++)
        H[j] = fabs(H[j]);
    for (int64_t i = 0; problem->constraint.features == UFM_FEATURES_SPHERE && i < n; i++) {
        double *h = H + i * d;
        if (!(ufm_norm(d, h) > 0)) h[0] = 1;
        ufm_scale(d, constrained_radius(problem, i) / ufm_norm(d, h), h);
    }
    if (problem->constraint.classifier == UFM_CLASSIFIER_ETF)
        ufm_etf_classifier(shape.classes, d, problem->constraint.classifier_norm, x);
    return UFM_OK;
}

double ufm_constrained_gradient(const ufm_constrained_problem *problem, const double *x, double *gradient,
                                double *norm)
{
    const double value = ufm_model_gradient(problem->model, x, gradient);
    const ufm_point shape = ufm_model_point(problem->model, x, NULL);
    const int64_t d = shape.dim, n = shape.columns, weights = shape.classes * d;
    const double *H = x + weights;
    double *g = gradient + weights;
    if (problem->constraint.classifier == UFM_CLASSIFIER_ETF)
        memset(gradient, 0, (size_t)weights * sizeof(double));
    for (int64_t j = 0; problem->constraint.features == UFM_FEATURES_NONNEGATIVE && j < d * n; j++)
        if (!(H[j] > 0) && !(g[j] < 0)) g[j] = 0;
    for (int64_t i = 0; problem->constraint.features == UFM_FEATURES_SPHERE && i < n; i++) {
        const double *h = H + i * d;
        ufm_axpy(d, -ufm_dot(d, h, g + i * d) / ufm_dot(d, h, h), h, g + i * d);
    }
    *norm = ufm_norm(ufm_model_size(problem->model), gradient);
    return value;
}

typedef struct {
    const constrained_function *function;
    const ufm_minimize_settings *settings;
    const ufm_minimize_info *before; /* the effort of earlier runs */
} relay;

static bool observe(void *context, const ufm_progress *now)
{
    const relay *to = context;
    ufm_progress sum = *now;
    sum.iteration += to->before->iterations;
    sum.evaluations += to->before->evaluations;
    sum.products += to->before->products;
    sum.seconds += to->before->seconds;
    constrained_to_x(to->function, now->x, to->function->dx);
    sum.x = to->function->dx;
    return to->settings->observe(to->settings->context, &sum);
}

static bool working(void *context, int64_t products)
{
    const relay *to = context;
    return to->settings->working(to->settings->context, to->before->products + products);
}

ufm_status constrained_run(constrained_function *function, const ufm_minimize_settings *settings, double *x,
                           ufm_minimize_info *info, ufm_error *error)
{
    double *y = ufm_alloc(function->size, sizeof(double));
    if (!y) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the variables of the constraint");
    const relay to = {function, settings, info};
    const ufm_function smooth = constrained_as_function(function);
    ufm_minimize_settings inner = *settings;
    ufm_minimize_info run;
    inner.observe = settings->observe ? observe : NULL;
    inner.working = settings->working ? working : NULL;
    inner.context = (void *)(uintptr_t)&to;
    inner.max_iterations =
        settings->max_iterations > info->iterations ? settings->max_iterations - info->iterations : 0;
    constrained_from_x(function, x, y);
    const ufm_status status = ufm_minimize(&smooth, &inner, y, &run, error);
    if (status == UFM_OK) {
        constrained_to_x(function, y, x);
        info->iterations += run.iterations;
        info->evaluations += run.evaluations;
        info->products += run.products;
        info->seconds += run.seconds;
        info->stop = run.stop;
        info->value = run.value;
        info->gradient_norm = run.gradient_norm;
    }
    ufm_free(y);
    return status;
}

/* A smooth problem in y: one run, and then what the projected gradient is in x. */
static ufm_status smooth(const ufm_constrained_problem *problem, const ufm_minimize_settings *settings,
                         double *x, ufm_minimize_info *info, ufm_error *error)
{
    const bool sphere = problem->constraint.features == UFM_FEATURES_SPHERE;
    constrained_function *function = NULL;
    ufm_status status = constrained_function_new(problem, sphere ? MAP_SPHERE : MAP_IDENTITY, &function);
    if (status != UFM_OK) return ufm_fail(error, status, "not enough memory for the constrained problem");
    /* |v| grows while v moves, and with it the gradient in v shrinks: start again from |v| = r until both
     * gradients agree. */
    enum { ROUNDS = 5 };
    for (int round = 0; round < (sphere ? ROUNDS : 1); round++) {
        status = constrained_run(function, settings, x, info, error);
        if (status != UFM_OK) break;
        info->value = ufm_constrained_gradient(problem, x, function->dx, &info->gradient_norm);
        if (info->stop != UFM_STOP_CONVERGED || info->gradient_norm <= settings->tolerance) break;
    }
    constrained_function_free(function);
    return status;
}

ufm_status ufm_constrained_minimize(const ufm_constrained_problem *problem,
                                    const ufm_minimize_settings *settings, double *x, ufm_minimize_info *info,
                                    ufm_error *error)
{
    ufm_minimize_info total = {0};
    const ufm_status status = problem->constraint.features == UFM_FEATURES_NONNEGATIVE
                                  ? constrained_nonnegative(problem, settings, x, &total, error)
                                  : smooth(problem, settings, x, &total, error);
    if (status == UFM_OK) *info = total;
    return status;
}

int64_t ufm_constrained_vectors(const ufm_constraint *constraint, ufm_solver solver, int64_t history)
{
    const int64_t faces = constraint->features == UFM_FEATURES_NONNEGATIVE ? 5 : 0;
    return ufm_solver_vectors(solver, history) + 6 + faces;
}
