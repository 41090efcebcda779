#include "trajectory.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

static bool go_on(void *context, const ufm_progress *now)
{
    const ufm_explorer *explorer = context;
    (void)now;
    return !explorer->progress || explorer->progress(explorer->context, NAN, "descent");
}

ufm_status landscape_polish(ufm_model *model, const ufm_explorer *explorer, double *x, ufm_error *error)
{
    return landscape_polish_to(model, explorer, 1e-13, x, error);
}

ufm_status landscape_polish_to(ufm_model *model, const ufm_explorer *explorer, double tolerance, double *x,
                               ufm_error *error)
{
    ufm_minimize_settings settings = ufm_minimize_defaults();
    ufm_minimize_info info;
    ufm_explorer watched = *explorer;
    settings.solver = UFM_SOLVER_NEWTON;
    settings.tolerance = tolerance;
    settings.observe = go_on;
    settings.context = &watched;
    const ufm_function function = ufm_function_of_model(model);
    const ufm_status status = ufm_minimize(&function, &settings, x, &info, error);
    if (status != UFM_OK) return status;
    if (info.stop == UFM_STOP_INTERRUPTED) return ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    return explorer->objective.lambda_b > 0 ? UFM_OK : ufm_model_minimize_bias(model, x, error);
}

ufm_status landscape_certify(ufm_model *model, const ufm_labels *labels, const ufm_explorer *explorer,
                             const double *x, ufm_certificate *certificate, ufm_error *error)
{
    const int64_t K = labels->classes;
    const int64_t dim = (ufm_model_size(model) - K) / (K + labels->columns);
    double *H = ufm_alloc(dim * labels->columns, sizeof *H);
    if (!H) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to certify a point");
    const ufm_point point = ufm_model_point(model, x, H);
    ufm_certify_settings settings = ufm_certify_defaults();
    settings.gap_tolerance = 1e-9;
    const ufm_status status =
        ufm_certify(&point, labels, &explorer->objective, &settings, certificate, error);
    ufm_free(H);
    return status;
}

ufm_status trajectory_new(int64_t size, int64_t capacity, trajectory **path, ufm_error *error)
{
    *path = NULL;
    trajectory *made = ufm_alloc(1, sizeof *made);
    if (made) {
        *made = (trajectory){.size = size, .capacity = capacity};
        made->x = capacity <= INT64_MAX / size ? ufm_alloc(capacity * size, sizeof(double)) : NULL;
        made->objective = ufm_alloc(capacity, sizeof(double));
        made->iteration = ufm_alloc(capacity, sizeof(int64_t));
    }
    if (!made || !made->x || !made->objective || !made->iteration) {
        trajectory_free(made);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld iterates of %lld numbers",
                        (long long)capacity, (long long)size);
    }
    *path = made;
    return UFM_OK;
}

void trajectory_free(trajectory *path)
{
    if (!path) return;
    ufm_free(path->x);
    ufm_free(path->objective);
    ufm_free(path->iteration);
    ufm_free(path);
}

static double distance_between(const trajectory *path, int64_t a, const double *x)
{
    return ufm_distance(path->size, trajectory_at(path, a), x);
}

static void put(trajectory *path, int64_t at, int64_t iteration, double objective, const double *x)
{
    memmove(path->x + at * path->size, x, (size_t)path->size * sizeof *x);
    path->objective[at] = objective;
    path->iteration[at] = iteration;
}

/* Widens the spacing until there is room again. */
static void thin(trajectory *path)
{
    if (path->spacing == 0)
        path->spacing = fmax(1e-300, 1e-3 * distance_between(path, 0, trajectory_at(path, path->count - 1)));
    while (path->count > path->capacity - 2) {
        int64_t kept = 1;
        path->spacing *= 1.2;
        for (int64_t i = 1; i < path->count; i++) {
            if (distance_between(path, kept - 1, trajectory_at(path, i)) < path->spacing) continue;
            put(path, kept, path->iteration[i], path->objective[i], trajectory_at(path, i));
            kept++;
        }
        path->count = kept;
    }
}

static void record(trajectory *path, int64_t iteration, double objective, const double *x)
{
    if (path->count > 0 && distance_between(path, path->count - 1, x) < path->spacing) return;
    if (path->count > path->capacity - 2) thin(path);
    put(path, path->count, iteration, objective, x);
    path->count++;
}

typedef struct {
    const ufm_explorer *explorer;
    trajectory *path;
    int64_t iterations;
} recorder;

static bool observe(void *context, const ufm_progress *now)
{
    recorder *to = context;
    record(to->path, now->iteration, now->value, now->x);
    to->iterations = now->iteration;
    return !to->explorer->progress || to->explorer->progress(to->explorer->context, NAN, "gradient descent");
}

ufm_status trajectory_descend(ufm_model *model, const ufm_explorer *explorer, double step, double *x,
                              trajectory *path, ufm_error *error)
{
    recorder to = {explorer, path, 0};
    ufm_minimize_settings settings = ufm_minimize_defaults();
    ufm_minimize_info info;
    settings.solver = UFM_SOLVER_GD;
    settings.tolerance = 1e-7;
    settings.fixed_step = step;
    settings.max_iterations = 100000;
    settings.observe = observe;
    settings.context = &to;
    const ufm_function function = ufm_function_of_model(model);
    path->count = 0;
    path->spacing = 0;
    ufm_status status = ufm_minimize(&function, &settings, x, &info, error);
    if (status == UFM_OK && info.stop == UFM_STOP_INTERRUPTED)
        return ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    if (status == UFM_OK) status = landscape_polish(model, explorer, x, error);
    if (status != UFM_OK) return status;
    put(path, path->count, to.iterations + 1, ufm_model_value(model, x), x);
    path->count++;
    return UFM_OK;
}
