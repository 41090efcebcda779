/* H >= 0: a smooth search in v with h = v^2 reaches the neighbourhood of a critical point; there the faces of
 * the orthant are searched in turn (gradient projection for the face, the solver for the point on it). */
#include "function.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { ROUNDS = 30, HALVINGS = 40, GRADIENT_STEPS = 5, IDLE_ROUNDS = 3, STAGES = 3 };
static const double near_enough = 1e-5; /* gradient norm at which the first search in v ends */
static const double lift = 1e-3;   /* later ones start at v = lift times the mean where v = 0 wants to grow */
static const double noise = 4e-16; /* relative rounding error of f */
static const double least_gain = 1e-12; /* share of f that a round or stage must gain to count as progress */
static const double armijo = 1e-4;
/* A coordinate with a smaller share of the ridge than this is dead and set to 0. */
static const double dead = 1e-20;

typedef struct {
    const ufm_constrained_problem *problem;
    constrained_function *face;
    int64_t size, begin, end;  /* x[begin..end-1] is Ht */
    double *gradient, *target; /* size */
    bool *held;                /* [end - begin] */
    double value, norm;        /* f(x) and its projected gradient's norm */
    double step;               /* of the last gradient step */
} orthant;

static void clip(const orthant *work, double *x)
{
    for (int64_t j = work->begin; j < work->end; j++) x[j] = x[j] > 0 ? x[j] : 0;
}

/* f and the projected gradient at x, into work->gradient. */
static void evaluate(orthant *work, const double *x, ufm_minimize_info *info)
{
    info->evaluations++;
    work->value = ufm_constrained_gradient(work->problem, x, work->gradient, &work->norm);
}

/* x <- P(x - step gradient) with Armijo's rule; false where no step lowers f. */
static bool gradient_step(orthant *work, double *x, ufm_minimize_info *info)
{
    work->step *= 4;
    for (int halving = 0; halving < HALVINGS; halving++, work->step /= 2) {
        memcpy(work->target, x, (size_t)work->size * sizeof(double));
        ufm_axpy(work->size, -work->step, work->gradient, work->target);
        clip(work, work->target);
        double squared = 0;
        for (int64_t j = 0; j < work->size; j++)
            squared += (work->target[j] - x[j]) * (work->target[j] - x[j]);
        info->evaluations++;
        const double value = ufm_model_value(work->problem->model, work->target);
        if (squared > 0 && value <= work->value - armijo / work->step * squared) {
            memcpy(x, work->target, (size_t)work->size * sizeof(double));
            return true;
        }
    }
    return false;
}

/* x moves to P(x + t (target - x)) for the first t = 1, 1/2, ... that does not raise f. */
static bool search_path(orthant *work, double *x, double *trial, ufm_minimize_info *info)
{
    double t = 1;
    for (int halving = 0; halving < HALVINGS; halving++, t /= 2) {
        for (int64_t j = 0; j < work->size; j++) trial[j] = x[j] + t * (work->target[j] - x[j]);
        clip(work, trial);
        info->evaluations++;
        const double value = ufm_model_value(work->problem->model, trial);
        if (value <= work->value + noise * fabs(work->value)) {
            memcpy(x, trial, (size_t)work->size * sizeof(double));
            return true;
        }
    }
    return false;
}

/* Minimises over the entries that are positive or want to be, then follows the projected path there. */
static ufm_status search_face(orthant *work, const ufm_minimize_settings *settings, double *x,
                              ufm_minimize_info *info, ufm_error *error)
{
    for (int64_t j = work->begin; j < work->end; j++)
        work->held[j - work->begin] = !(x[j] > 0) && !(work->gradient[j] < 0);
    memcpy(work->target, x, (size_t)work->size * sizeof(double));
    ufm_status status = constrained_run(work->face, settings, work->target, info, error);
    if (status != UFM_OK) return status;
    const ufm_stop stop = info->stop;
    (void)search_path(work, x, work->gradient, info);
    evaluate(work, x, info);
    for (int step = 0; step < GRADIENT_STEPS && work->norm > settings->tolerance; step++) {
        if (!gradient_step(work, x, info)) break;
        evaluate(work, x, info);
    }
    info->stop = stop;
    return status;
}

static ufm_status search_faces(orthant *work, const ufm_minimize_settings *settings, double *x,
                               ufm_minimize_info *info, ufm_error *error)
{
    evaluate(work, x, info);
    for (int step = 0; step < GRADIENT_STEPS && gradient_step(work, x, info); step++) evaluate(work, x, info);
    int idle = 0;
    for (int round = 0; round < ROUNDS && idle < IDLE_ROUNDS; round++) {
        const double value = work->value, norm = work->norm;
        const ufm_status status = search_face(work, settings, x, info, error);
        if (status != UFM_OK) return status;
        if (info->stop == UFM_STOP_INTERRUPTED || info->stop == UFM_STOP_ITERATIONS) return UFM_OK;
        if (work->norm <= settings->tolerance) {
            info->stop = UFM_STOP_CONVERGED;
            return UFM_OK;
        }
        const bool better = work->value < value - least_gain * fabs(value) || work->norm <= 0.5 * norm;
        idle = better ? 0 : idle + 1;
    }
    info->stop = UFM_STOP_STALLED;
    return UFM_OK;
}

/* Sets coordinates that hold nothing to exactly 0. */
static void bury_dead(const orthant *work, double *x)
{
    const ufm_point shape = ufm_model_point(work->problem->model, x, NULL);
    const int64_t K = shape.classes, d = shape.dim;
    const double total =
        ufm_dot(K * d, x, x) + ufm_dot(work->end - work->begin, x + work->begin, x + work->begin);
    for (int64_t j = 0; j < d; j++) {
        double share = ufm_dot(K, x + j * K, x + j * K);
        for (int64_t i = work->begin + j; i < work->end; i += d) share += x[i] * x[i];
        if (share > dead * total) continue;
        memset(x + j * K, 0, (size_t)K * sizeof(double));
        for (int64_t i = work->begin + j; i < work->end; i += d) x[i] = 0;
    }
}

/* The search in v from x; zeros of H with a descent into the orthant are lifted off, or v would not move. */
static ufm_status approach(orthant *work, const ufm_minimize_settings *settings, double tolerance, double *x,
                           ufm_minimize_info *info, ufm_error *error)
{
    constrained_function *squares = NULL;
    ufm_minimize_settings rough = *settings;
    rough.solver = UFM_SOLVER_LBFGS;
    rough.tolerance = fmax(settings->tolerance, tolerance);
    double mean = 0;
    evaluate(work, x, info);
    for (int64_t j = work->begin; j < work->end; j++) mean += sqrt(x[j]) / (double)(work->end - work->begin);
    for (int64_t j = work->begin; j < work->end; j++)
        if (!(x[j] > 0) && work->gradient[j] < 0) x[j] = lift * lift * mean * mean;
    ufm_status status = constrained_function_new(work->problem, MAP_SQUARE, &squares);
    if (status == UFM_OK) status = constrained_run(squares, &rough, x, info, error);
    constrained_function_free(squares);
    return status;
}

/* Both searches in turn, the first one closer each time, until the second one converges. */
static ufm_status search(orthant *work, const ufm_minimize_settings *settings, double *x,
                         ufm_minimize_info *info, ufm_error *error)
{
    double tolerance = near_enough;
    for (int stage = 0; stage < STAGES; stage++, tolerance /= 10) {
        const double before = stage > 0 ? work->value : INFINITY;
        ufm_status status = approach(work, settings, tolerance, x, info, error);
        if (status == UFM_OK && info->stop != UFM_STOP_INTERRUPTED)
            status = search_faces(work, settings, x, info, error);
        if (status != UFM_OK || info->stop != UFM_STOP_STALLED) return status;
        if (!(work->value < before - least_gain * fabs(before))) break;
    }
    return UFM_OK;
}

ufm_status constrained_nonnegative(const ufm_constrained_problem *problem,
                                   const ufm_minimize_settings *settings, double *x, ufm_minimize_info *info,
                                   ufm_error *error)
{
    if (settings->solver != UFM_SOLVER_LBFGS && settings->solver != UFM_SOLVER_NEWTON)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "solver %s does not know non-negative features; lbfgs and newton do",
                        ufm_solver_name(settings->solver));
    const int64_t size = ufm_model_size(problem->model);
    orthant work = {.problem = problem, .size = size, .step = 1};
    ufm_status status = constrained_function_new(problem, MAP_IDENTITY, &work.face);
    work.gradient = ufm_alloc(2 * size, sizeof(double));
    work.held = ufm_alloc(size, sizeof(bool));
    if (status == UFM_OK && (!work.gradient || !work.held)) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        work.target = work.gradient + size;
        work.begin = work.face->K * work.face->d;
        work.end = size - work.face->K;
        work.face->held = work.held;
        status = search(&work, settings, x, info, error);
    } else {
        ufm_fail(error, status, "not enough memory for the constrained problem");
    }
    if (status == UFM_OK) {
        if (problem->constraint.classifier == UFM_CLASSIFIER_FREE) bury_dead(&work, x);
        evaluate(&work, x, info);
        info->value = work.value;
        info->gradient_norm = work.norm;
    }
    constrained_function_free(work.face);
    ufm_free(work.gradient);
    ufm_free(work.held);
    return status;
}
