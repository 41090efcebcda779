/* GSL's minimisers, and our L-BFGS, which is one of them. */
#include "solver.h"
#include <gsl/gsl_errno.h>
#include <math.h>
#include <ufmlab/linalg.h>

typedef struct {
    gsl_multimin_fdfminimizer *minimizer;
    gsl_multimin_function_fdf fdf;
    solver_run *run;
} gsl_state;

/* How each type wants to be started. */
typedef struct {
    double step;      /* length of the first trial step */
    double precision; /* of its line search */
} gsl_tuning;

static double call_f(const gsl_vector *x, void *context)
{
    solver_run *run = ((gsl_state *)context)->run;
    run->evaluations++;
    return run->function->value(run->function->context, x->data);
}

static void call_fdf(const gsl_vector *x, void *context, double *f, gsl_vector *gradient)
{
    *f = solver_gradient(((gsl_state *)context)->run, x->data, gradient->data);
}

static void call_df(const gsl_vector *x, void *context, gsl_vector *gradient)
{
    double unused;
    call_fdf(x, context, &unused, gradient);
}

static void publish(solver_run *run)
{
    const gsl_state *state = run->state;
    run->x = state->minimizer->x->data;
    run->value = state->minimizer->f;
    run->gradient_norm = ufm_norm(run->function->size, state->minimizer->gradient->data);
}

static void tune_lbfgs(const solver_run *run, gsl_multimin_fdfminimizer *minimizer)
{
    const ufm_function *function = run->function;
    const size_t blocks[] = {(size_t)function->blocks[0], (size_t)function->blocks[1]};
    ufm_multimin_lbfgs_history(minimizer, (size_t)run->settings->history);
    if (function->blocks[1] > 0) ufm_multimin_lbfgs_blocks(minimizer, blocks);
    if (function->pool) ufm_multimin_lbfgs_pool(minimizer, function->pool);
}

static solver_step start_type(solver_run *run, const double *x, const gsl_multimin_fdfminimizer_type *type,
                              gsl_tuning tuning)
{
    gsl_state *state = run->state = ufm_alloc(1, sizeof *state);
    if (!state) return STEP_NO_MEMORY;
    const size_t n = (size_t)run->function->size;
    state->run = run;
    state->fdf = (gsl_multimin_function_fdf){call_f, call_df, call_fdf, n, state};
    state->minimizer = gsl_multimin_fdfminimizer_alloc(type, n);
    if (!state->minimizer) return STEP_NO_MEMORY;
    if (type == ufm_multimin_lbfgs) tune_lbfgs(run, state->minimizer);
    const gsl_vector_const_view start = gsl_vector_const_view_array(x, n);
    if (gsl_multimin_fdfminimizer_set(state->minimizer, &state->fdf, &start.vector, tuning.step,
                                      tuning.precision) == GSL_ENOMEM)
        return STEP_NO_MEMORY;
    publish(run);
    return STEP_TAKEN;
}

static solver_step step_gsl(solver_run *run)
{
    gsl_state *state = run->state;
    const int code = gsl_multimin_fdfminimizer_iterate(state->minimizer);
    const double value = state->minimizer->f;
    if (code != GSL_SUCCESS || !isfinite(value)) return STEP_STALLED;
    publish(run);
    return STEP_TAKEN;
}

static void finish_gsl(solver_run *run)
{
    gsl_state *state = run->state;
    if (state && state->minimizer) gsl_multimin_fdfminimizer_free(state->minimizer);
    ufm_free(state);
    run->state = NULL;
}

static solver_step start_lbfgs(solver_run *run, const double *x)
{
    return start_type(run, x, ufm_multimin_lbfgs, (gsl_tuning){1, 0.9});
}

static solver_step start_steepest(solver_run *run, const double *x)
{
    return start_type(run, x, gsl_multimin_fdfminimizer_steepest_descent, (gsl_tuning){0.1, 0.1});
}

static solver_step start_cg(solver_run *run, const double *x)
{
    return start_type(run, x, gsl_multimin_fdfminimizer_conjugate_pr, (gsl_tuning){0.1, 0.1});
}

static solver_step start_bfgs2(solver_run *run, const double *x)
{
    return start_type(run, x, gsl_multimin_fdfminimizer_vector_bfgs2, (gsl_tuning){0.1, 0.1});
}

const solver_ops solver_lbfgs = {false, false, start_lbfgs, step_gsl, finish_gsl};
const solver_ops solver_gsl_steepest = {false, false, start_steepest, step_gsl, finish_gsl};
const solver_ops solver_gsl_cg = {false, false, start_cg, step_gsl, finish_gsl};
const solver_ops solver_gsl_bfgs2 = {false, false, start_bfgs2, step_gsl, finish_gsl};
