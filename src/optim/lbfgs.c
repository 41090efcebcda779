/* L-BFGS as a gsl_multimin_fdfminimizer_type: strong Wolfe line search along the directions of history.h. */
#include "history.h"
#include "line_search.h"
#include <gsl/gsl_errno.h>
#include <math.h>
#include <ufmlab/optim.h>

enum { VECTORS = 3 /* the point on trial, its gradient and this iteration's */ };

typedef struct {
    lbfgs_history history;
    bool allocated; /* the history, by set */
    double *vector[VECTORS];
    gsl_vector trial, trial_gradient;
    double first_step, curvature;
    double length, slope; /* of the direction */
} lbfgs_state;

static void lbfgs_free(void *vstate)
{
    lbfgs_state *state = vstate;
    history_free(&state->history);
    state->allocated = false;
    if (state->trial.owner) gsl_block_free(state->trial.block); /* GSL's point, in whose place ours is */
    state->trial.owner = 0;
    for (int i = 0; i < VECTORS; i++) {
        ufm_free(state->vector[i]);
        state->vector[i] = NULL;
    }
}

/* One of them: aligned and in huge pages, which GSL's own are not, so that a model can write a gradient
 * past the caches. */
static gsl_vector vector_of(const lbfgs_state *state, int number)
{
    return gsl_vector_view_array(state->vector[number], (size_t)state->history.size).vector;
}

/* Before the first point: GSL's gradient makes room for them. */
static bool allocate_vectors(lbfgs_state *state, gsl_vector *gradient)
{
    if (state->vector[VECTORS - 1]) return true;
    gsl_block_free(gradient->block);
    *gradient = (gsl_vector){.size = gradient->size, .stride = 1};
    for (int i = 0; i < VECTORS; i++) {
        if (!state->vector[i]) state->vector[i] = ufm_alloc(state->history.size, sizeof(double));
        if (!state->vector[i]) return false;
    }
    state->trial = vector_of(state, 0);
    state->trial_gradient = vector_of(state, 1);
    *gradient = vector_of(state, 2);
    return true;
}

static int lbfgs_alloc(void *vstate, size_t n)
{
    lbfgs_state *state = vstate;
    const int64_t size = (int64_t)n;
    *state = (lbfgs_state){.history = {.size = size, .pairs = 10, .end = {size, size, size}}};
    return GSL_SUCCESS;
}

static int lbfgs_restart(void *vstate)
{
    lbfgs_state *state = vstate;
    state->history.stored = state->history.next = 0;
    return GSL_SUCCESS;
}

static int lbfgs_set(void *vstate, gsl_multimin_function_fdf *fdf, const gsl_vector *x, double *f,
                     gsl_vector *gradient, double step_size, double tol)
{
    lbfgs_state *state = vstate;
    if (!(step_size > 0) || !(tol > 0 && tol < 1)) return GSL_EINVAL;
    if (!allocate_vectors(state, gradient)) return GSL_ENOMEM;
    if (!state->allocated && !history_allocate(&state->history)) {
        history_free(&state->history);
        return GSL_ENOMEM;
    }
    state->allocated = true;
    GSL_MULTIMIN_FN_EVAL_F_DF(fdf, x, f, gradient);
    state->first_step = step_size;
    state->curvature = tol;
    return lbfgs_restart(state);
}

/* ---- Vectors in parts, one for each thread ------------------------------------------------------ */

enum { GRAIN = 1024, THREADS_MAX = 256 };

typedef struct {
    const double *x, *direction;
    double *out;
    double length;
    double sums[THREADS_MAX];
} vector_pass;

static void trial_body(void *context, int worker, int64_t begin, int64_t end)
{
    (void)worker;
    const vector_pass *work = context;
    ufm_step(end - begin, work->x + begin, work->length, work->direction + begin, work->out + begin);
}

static void slope_body(void *context, int worker, int64_t begin, int64_t end)
{
    vector_pass *work = context;
    work->sums[worker] = ufm_dot(end - begin, work->x + begin, work->direction + begin);
}

/* ---- A step ------------------------------------------------------------------------------------- */

typedef struct {
    lbfgs_state *state;
    gsl_multimin_function_fdf *fdf;
    const gsl_vector *x, *direction;
} line_context;

static double along(void *context, double step, double *slope)
{
    const line_context *line = context;
    lbfgs_state *state = line->state;
    const int64_t n = state->history.size;
    ufm_pool *pool = state->history.pool;
    vector_pass work = {line->x->data, line->direction->data, state->trial.data, step, {0}};
    ufm_pool_run(pool, n, GRAIN, trial_body, &work);
    double value;
    GSL_MULTIMIN_FN_EVAL_F_DF(line->fdf, &state->trial, &value, &state->trial_gradient);
    work.x = state->trial_gradient.data;
    ufm_pool_run(pool, n, GRAIN, slope_body, &work);
    *slope = 0;
    for (int t = 0; t < ufm_pool_threads(pool); t++) *slope += work.sums[t];
    return value;
}

/* The direction into dx, its slope and length into the state. */
static void turn(lbfgs_state *state, const gsl_vector *gradient, gsl_vector *dx)
{
    state->slope = history_direction(&state->history, gradient->data, dx->data, &state->length);
    if (!(state->length > 0 && isfinite(state->length))) /* the sum of squares was out of range */
        state->length = ufm_norm(state->history.size, dx->data);
}

/* Searches along the direction; 0 when no step is acceptable. */
static double search(line_context *line, double f, double *value)
{
    const lbfgs_state *state = line->state;
    if (!(state->slope < 0)) return 0;
    const double first = state->history.stored > 0 ? 1 : state->first_step / state->length;
    const line_start start = {f, state->slope, first, state->curvature};
    return line_search(along, line, &start, value);
}

/* The vectors change places; nobody else holds the state's. */
static void swap(gsl_vector *a, gsl_vector *b)
{
    const gsl_vector held = *a;
    *a = *b;
    *b = held;
}

static int lbfgs_iterate(void *vstate, gsl_multimin_function_fdf *fdf, gsl_vector *x, double *f,
                         gsl_vector *gradient, gsl_vector *dx)
{
    lbfgs_state *state = vstate;
    lbfgs_history *history = &state->history;
    line_context line = {state, fdf, x, dx};
    double value = 0, step = 0;
    /* A failed search along the quasi-Newton direction is tried once more along the steepest one. */
    for (int attempt = 0; attempt < 2 && step == 0; attempt++) {
        if (attempt == 1 && history->stored == 0) break;
        if (attempt == 1) lbfgs_restart(state);
        turn(state, gradient, dx);
        if (state->length == 0) break; /* so is the gradient */
        step = search(&line, *f, &value);
    }
    if (step == 0) return GSL_ENOPROG;
    /* After a restart the next first step should be about as long as the last one. */
    state->first_step = step * state->length;
    const double *const change[2] = {gradient->data, state->trial_gradient.data};
    history_add(history, dx->data, step, state->first_step, change);
    swap(x, &state->trial);
    swap(gradient, &state->trial_gradient);
    *f = value;
    return GSL_SUCCESS;
}

static const gsl_multimin_fdfminimizer_type lbfgs_type = {
    "lbfgs", sizeof(lbfgs_state), lbfgs_alloc, lbfgs_set, lbfgs_iterate, lbfgs_restart, lbfgs_free,
};
const gsl_multimin_fdfminimizer_type *const ufm_multimin_lbfgs = &lbfgs_type;

/* The state of a minimiser of ours whose history is to be allocated anew by set; NULL for another type. */
static lbfgs_state *state_of(gsl_multimin_fdfminimizer *minimizer)
{
    if (minimizer->type != &lbfgs_type) return NULL;
    lbfgs_state *state = minimizer->state;
    history_free(&state->history);
    state->allocated = false;
    lbfgs_restart(state);
    return state;
}

int ufm_multimin_lbfgs_history(gsl_multimin_fdfminimizer *minimizer, size_t history)
{
    if (history < 1 || history > INT32_MAX) return GSL_EINVAL;
    lbfgs_state *state = state_of(minimizer);
    if (!state) return GSL_EINVAL;
    state->history.pairs = (int64_t)history;
    return GSL_SUCCESS;
}

int ufm_multimin_lbfgs_blocks(gsl_multimin_fdfminimizer *minimizer, const size_t begin[2])
{
    const size_t n = minimizer->x->size;
    if (begin[0] > begin[1] || begin[1] > n) return GSL_EINVAL;
    lbfgs_state *state = state_of(minimizer);
    if (!state) return GSL_EINVAL;
    for (int b = 0; b < HISTORY_BLOCKS - 1; b++) state->history.end[b] = (int64_t)begin[b];
    return GSL_SUCCESS;
}

int ufm_multimin_lbfgs_pool(gsl_multimin_fdfminimizer *minimizer, ufm_pool *pool)
{
    lbfgs_state *state = ufm_pool_threads(pool) <= THREADS_MAX ? state_of(minimizer) : NULL;
    if (!state) return GSL_EINVAL;
    state->history.pool = pool;
    return GSL_SUCCESS;
}
