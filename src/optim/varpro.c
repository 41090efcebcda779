/* Variable projection (Golub and Pereyra 1973): Newton's method on the function that is left when most
 * variables are minimised out. After every step all variables are set and the whole function is evaluated
 * there, so that what is reported is true of a point of it. */
#include "solver.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

typedef struct {
    double *x, *gradient; /* of the whole function */
    double *y;            /* where the reduced one starts */
    ufm_function reduced; /* once it has begun */
    bool begun;
    ufm_minimize_settings settings;
    solver_run newton; /* on the reduced function, while newton.state */
} varpro_state;

static void finish(solver_run *run)
{
    varpro_state *state = run->state;
    if (!state) return;
    if (state->newton.state) solver_newton.finish(&state->newton);
    if (state->begun) run->function->elimination->end(state->reduced.context);
    ufm_free(state->x);
    ufm_free(state->gradient);
    ufm_free(state->y);
    ufm_free(state);
    run->state = NULL;
}

/* Evaluates the whole function at state->x. */
static void look(solver_run *run)
{
    varpro_state *state = run->state;
    run->value = solver_gradient(run, state->x, state->gradient);
    run->gradient_norm = ufm_norm(run->function->size, state->gradient);
}

static solver_step start(solver_run *run, const double *x)
{
    const int64_t n = run->function->size;
    varpro_state *state = run->state = ufm_alloc(1, sizeof *state);
    if (!state) return STEP_NO_MEMORY;
    state->x = ufm_alloc(n, sizeof(double));
    state->gradient = ufm_alloc(n, sizeof(double));
    if (!state->x || !state->gradient) return STEP_NO_MEMORY;
    memcpy(state->x, x, (size_t)n * sizeof(double));
    run->x = state->x;
    look(run);
    return STEP_TAKEN;
}

/* Makes the reduced function and evaluates it, which minimises the other variables for the first time. */
static solver_step begin(solver_run *run)
{
    varpro_state *state = run->state;
    const ufm_elimination *elimination = run->function->elimination;
    const ufm_status status = elimination->begin(run->function->context, state->x, &state->reduced, NULL);
    if (status != UFM_OK) return status == UFM_ERROR_MEMORY ? STEP_NO_MEMORY : STEP_STALLED;
    state->begun = true;
    state->y = ufm_alloc(state->reduced.size, sizeof(double));
    if (!state->y) return STEP_NO_MEMORY;
    elimination->start(state->reduced.context, state->y);
    state->settings = *run->settings;
    state->settings.newton_switch = 0;
    state->newton = (solver_run){.function = &state->reduced, .settings = &state->settings};
    return solver_newton.start(&state->newton, state->y);
}

static solver_step step(solver_run *run)
{
    varpro_state *state = run->state;
    const solver_step taken = state->begun ? solver_newton.step(&state->newton) : begin(run);
    run->products = state->newton.products;
    if (taken != STEP_TAKEN) return taken;
    run->function->elimination->point(state->reduced.context, state->newton.x, state->x);
    look(run);
    run->polishing = state->newton.polishing;
    return STEP_TAKEN;
}

const solver_ops solver_varpro = {false, true, start, step, finish};
