/* Gradient descent with Armijo backtracking or a fixed step. */
#include "solver.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { HALVINGS = 60 };
static const double sufficient = 1e-4;

typedef struct {
    double *x, *gradient, *trial, *trial_gradient;
    double step;
} gd_state;

static void finish(solver_run *run)
{
    gd_state *state = run->state;
    if (!state) return;
    ufm_free(state->x);
    ufm_free(state->gradient);
    ufm_free(state->trial);
    ufm_free(state->trial_gradient);
    ufm_free(state);
    run->state = NULL;
}

static solver_step start(solver_run *run, const double *x)
{
    const int64_t n = run->function->size;
    gd_state *state = run->state = ufm_alloc(1, sizeof *state);
    if (!state) return STEP_NO_MEMORY;
    state->x = ufm_alloc(n, sizeof(double));
    state->gradient = ufm_alloc(n, sizeof(double));
    state->trial = ufm_alloc(n, sizeof(double));
    state->trial_gradient = ufm_alloc(n, sizeof(double));
    if (!state->x || !state->gradient || !state->trial || !state->trial_gradient) return STEP_NO_MEMORY;
    memcpy(state->x, x, (size_t)n * sizeof(double));
    run->x = state->x;
    run->value = solver_gradient(run, state->x, state->gradient);
    run->gradient_norm = ufm_norm(n, state->gradient);
    state->step = run->settings->fixed_step > 0 ? run->settings->fixed_step : 1;
    return STEP_TAKEN;
}

static double try_step(solver_run *run, gd_state *state, double step)
{
    const int64_t n = run->function->size;
    memcpy(state->trial, state->x, (size_t)n * sizeof(double));
    ufm_axpy(n, -step, state->gradient, state->trial);
    return solver_gradient(run, state->trial, state->trial_gradient);
}

static void accept(solver_run *run, gd_state *state, double value)
{
    double *swap = state->x;
    state->x = state->trial;
    state->trial = swap;
    swap = state->gradient;
    state->gradient = state->trial_gradient;
    state->trial_gradient = swap;
    run->x = state->x;
    run->value = value;
    run->gradient_norm = ufm_norm(run->function->size, state->gradient);
}

static solver_step step(solver_run *run)
{
    gd_state *state = run->state;
    const double squared = run->gradient_norm * run->gradient_norm;
    if (squared == 0) return STEP_STALLED;
    if (run->settings->fixed_step > 0) {
        const double value = try_step(run, state, state->step);
        if (!isfinite(value)) return STEP_STALLED;
        accept(run, state, value);
        return STEP_TAKEN;
    }
    const double noise = SOLVER_NOISE * fabs(run->value);
    for (int halving = 0; halving < HALVINGS; halving++, state->step /= 2) {
        const double value = try_step(run, state, state->step);
        const double needed = sufficient * state->step * squared;
        /* Where the decrease drowns in rounding, a slope that has not turned round too far tells instead. */
        const bool hidden =
            needed <= noise && value <= run->value + noise &&
            ufm_dot(run->function->size, state->trial_gradient, state->gradient) >= -0.9 * squared;
        if (value <= run->value - needed || hidden) {
            accept(run, state, value);
            state->step *= 2;
            return STEP_TAKEN;
        }
    }
    return STEP_STALLED;
}

const solver_ops solver_gd = {false, false, start, step, finish};
