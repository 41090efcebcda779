/* The driver: one loop for all solvers. */
#include "solver.h"
#include <gsl/gsl_errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <ufmlab/linalg.h>

static const solver_ops *const solvers[UFM_SOLVER_COUNT] = {
    [UFM_SOLVER_LBFGS] = &solver_lbfgs,
    [UFM_SOLVER_NEWTON] = &solver_newton,
    [UFM_SOLVER_VARPRO] = &solver_varpro,
    [UFM_SOLVER_GD] = &solver_gd,
    [UFM_SOLVER_GSL_STEEPEST] = &solver_gsl_steepest,
    [UFM_SOLVER_GSL_CG] = &solver_gsl_cg,
    [UFM_SOLVER_GSL_BFGS2] = &solver_gsl_bfgs2,
};

static const struct {
    const char *name, *summary;
} descriptions[] = {
#define SOLVER_ROW(name, spelling, vectors, summary) {spelling, summary},
    UFM_SOLVER_LIST(SOLVER_ROW)
#undef SOLVER_ROW
};

const char *ufm_solver_name(ufm_solver solver)
{
    return descriptions[solver].name;
}

const char *ufm_solver_summary(ufm_solver solver)
{
    return descriptions[solver].summary;
}

int64_t ufm_solver_vectors(ufm_solver solver, int64_t history)
{
    const int64_t h = history;
    const int64_t vectors[] = {
#define SOLVER_VECTORS(name, spelling, number, summary) number,
        UFM_SOLVER_LIST(SOLVER_VECTORS)
#undef SOLVER_VECTORS
    };
    return vectors[solver];
}

ufm_status ufm_solver_parse(const char *text, ufm_solver *solver, ufm_error *error)
{
    char list[256] = "";
    for (int s = 0; s < UFM_SOLVER_COUNT; s++) {
        if (strcmp(text, ufm_solver_name((ufm_solver)s)) == 0) {
            *solver = (ufm_solver)s;
            return UFM_OK;
        }
        strncat(list, s ? ", " : "", sizeof list - strlen(list) - 1);
        strncat(list, ufm_solver_name((ufm_solver)s), sizeof list - strlen(list) - 1);
    }
    return ufm_fail(error, UFM_ERROR_USAGE, "unknown solver '%.40s'; the solvers are %s", text, list);
}

const char *ufm_stop_text(ufm_stop stop)
{
    static const char *const texts[] = {
#define STOP_TEXT(name, text) text,
        UFM_STOP_LIST(STOP_TEXT)
#undef STOP_TEXT
    };
    return texts[stop];
}

ufm_minimize_settings ufm_minimize_defaults(void)
{
    return (ufm_minimize_settings){.solver = UFM_SOLVER_LBFGS,
                                   .tolerance = 1e-9,
                                   .max_iterations = 100000,
                                   .history = 10,
                                   .newton_switch = 1e-5};
}

double solver_gradient(solver_run *run, const double *x, double *gradient)
{
    run->evaluations++;
    return run->function->gradient(run->function->context, x, gradient);
}

static ufm_status check(const ufm_function *function, const ufm_minimize_settings *settings, ufm_error *error)
{
    if (!(settings->tolerance >= 0))
        return ufm_fail(error, UFM_ERROR_USAGE, "the tolerance must be a number >= 0");
    if (settings->max_iterations < 0 || settings->history < 1)
        return ufm_fail(error, UFM_ERROR_USAGE, "iterations must be >= 0 and the history >= 1");
    if (!(settings->fixed_step >= 0) || !(settings->newton_switch >= 0))
        return ufm_fail(error, UFM_ERROR_USAGE, "step and switch must be numbers >= 0");
    if (!function->prepare != !function->precondition || (function->prepared_product && !function->prepare))
        return ufm_fail(error, UFM_ERROR_USAGE, "a preconditioner needs both prepare and precondition");
    if (solvers[settings->solver]->needs_hessian && !function->hessian_vector)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED, "solver %s needs Hessian-vector products",
                        ufm_solver_name(settings->solver));
    if (solvers[settings->solver]->needs_elimination && !function->elimination)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "solver %s minimises the features out, which needs a convex loss and no constraints",
                        ufm_solver_name(settings->solver));
    return UFM_OK;
}

static bool observe(const solver_run *run, int64_t iteration, double started)
{
    const ufm_minimize_settings *settings = run->settings;
    if (!settings->observe) return true;
    const ufm_progress progress = {.iteration = iteration,
                                   .evaluations = run->evaluations,
                                   .products = run->products,
                                   .value = run->value,
                                   .gradient_norm = run->gradient_norm,
                                   .seconds = ufm_seconds() - started,
                                   .x = run->x};
    return settings->observe(settings->context, &progress);
}

/* Iterates a run, whose clock runs since `started`, until it stops; returns the number of iterations. */
static int64_t iterate(solver_run *run, double started, const solver_ops *ops, ufm_stop *stop,
                       solver_step *last)
{
    for (int64_t iteration = 0;; iteration++) {
        if (!observe(run, iteration, started)) {
            *stop = UFM_STOP_INTERRUPTED;
            return iteration;
        }
        const bool reached = run->gradient_norm <= run->settings->tolerance;
        if (reached && !run->polishing) {
            *stop = UFM_STOP_CONVERGED;
            return iteration;
        }
        if (iteration >= run->settings->max_iterations) {
            *stop = reached ? UFM_STOP_CONVERGED : UFM_STOP_ITERATIONS;
            return iteration;
        }
        *last = ops->step(run);
        if (*last == STEP_INTERRUPTED) {
            *stop = UFM_STOP_INTERRUPTED;
            return iteration;
        }
        if (*last != STEP_TAKEN) {
            *stop = run->gradient_norm <= run->settings->tolerance ? UFM_STOP_CONVERGED : UFM_STOP_STALLED;
            return iteration;
        }
    }
}

/* GSL's default handler aborts the program; its return codes are all handled here. The handler belongs to the
 * process, so of concurrent minimisations the first switches it off and the last puts it back. */
static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static gsl_error_handler_t *handler_before;
static int handler_users;

static void handler_off(void)
{
    pthread_mutex_lock(&handler_lock);
    if (handler_users++ == 0) handler_before = gsl_set_error_handler_off();
    pthread_mutex_unlock(&handler_lock);
}

static void handler_back(void)
{
    pthread_mutex_lock(&handler_lock);
    if (--handler_users == 0) gsl_set_error_handler(handler_before);
    pthread_mutex_unlock(&handler_lock);
}

ufm_status ufm_minimize(const ufm_function *function, const ufm_minimize_settings *settings, double *x,
                        ufm_minimize_info *info, ufm_error *error)
{
    ufm_status status = check(function, settings, error);
    if (status != UFM_OK) return status;
    handler_off();
    const double started = ufm_seconds();
    const solver_ops *ops = solvers[settings->solver];
    solver_run run = {.function = function, .settings = settings};
    ufm_minimize_info result = {.stop = UFM_STOP_STALLED};
    solver_step last = ops->start(&run, x);
    if (last == STEP_TAKEN && !(isfinite(run.value) && isfinite(run.gradient_norm))) {
        status = ufm_fail(error, UFM_ERROR_NUMERIC, "the objective is not finite at the start");
    } else if (last == STEP_TAKEN) {
        result.iterations = iterate(&run, started, ops, &result.stop, &last);
        memcpy(x, run.x, (size_t)function->size * sizeof(double));
    }
    if (last == STEP_NO_MEMORY)
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for solver %s on %lld variables",
                          ufm_solver_name(settings->solver), (long long)function->size);
    result.value = run.value;
    result.gradient_norm = run.gradient_norm;
    result.evaluations = run.evaluations;
    result.products = run.products;
    result.seconds = ufm_seconds() - started;
    ops->finish(&run);
    handler_back();
    if (status == UFM_OK) *info = result;
    return status;
}
