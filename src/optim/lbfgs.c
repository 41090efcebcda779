/* L-BFGS as a gsl_multimin_fdfminimizer_type: two-loop recursion (Nocedal 1980), strong Wolfe line search. */
#include "line_search.h"
#include <float.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>
#include <ufmlab/optim.h>

typedef struct {
    int64_t size, history;
    int64_t stored, next; /* pairs held; slot of the next one */
    double *s, *y;        /* [history][size] steps and gradient changes; allocated by set */
    double *rho, *alpha;  /* [history] 1/(s.y) and the recursion's coefficients */
    gsl_vector *direction, *trial, *trial_gradient;
    double first_step, curvature;
} lbfgs_state;

static void release_history(lbfgs_state *state)
{
    ufm_free(state->s);
    ufm_free(state->y);
    ufm_free(state->rho);
    ufm_free(state->alpha);
    state->s = state->y = state->rho = state->alpha = NULL;
}

static void lbfgs_free(void *vstate)
{
    lbfgs_state *state = vstate;
    release_history(state);
    if (state->direction) gsl_vector_free(state->direction);
    if (state->trial) gsl_vector_free(state->trial);
    if (state->trial_gradient) gsl_vector_free(state->trial_gradient);
    state->direction = state->trial = state->trial_gradient = NULL;
}

static int lbfgs_alloc(void *vstate, size_t n)
{
    lbfgs_state *state = vstate;
    *state = (lbfgs_state){.size = (int64_t)n, .history = 10};
    state->direction = gsl_vector_calloc(n);
    state->trial = gsl_vector_calloc(n);
    state->trial_gradient = gsl_vector_calloc(n);
    if (state->direction && state->trial && state->trial_gradient) return GSL_SUCCESS;
    lbfgs_free(state);
    return GSL_ENOMEM;
}

static bool allocate_history(lbfgs_state *state)
{
    int64_t numbers;
    if (__builtin_mul_overflow(state->history, state->size, &numbers)) return false;
    state->s = ufm_alloc(numbers, sizeof(double));
    state->y = ufm_alloc(numbers, sizeof(double));
    state->rho = ufm_alloc(state->history, sizeof(double));
    state->alpha = ufm_alloc(state->history, sizeof(double));
    return state->s && state->y && state->rho && state->alpha;
}

static int lbfgs_restart(void *vstate)
{
    lbfgs_state *state = vstate;
    state->stored = state->next = 0;
    return GSL_SUCCESS;
}

static int lbfgs_set(void *vstate, gsl_multimin_function_fdf *fdf, const gsl_vector *x, double *f,
                     gsl_vector *gradient, double step_size, double tol)
{
    lbfgs_state *state = vstate;
    if (!(step_size > 0) || !(tol > 0 && tol < 1)) return GSL_EINVAL;
    if (!state->s && !allocate_history(state)) {
        release_history(state);
        return GSL_ENOMEM;
    }
    GSL_MULTIMIN_FN_EVAL_F_DF(fdf, x, f, gradient);
    state->first_step = step_size;
    state->curvature = tol;
    return lbfgs_restart(state);
}

/* Slot of the pair that is `age` steps old (0: the newest). */
static int64_t slot(const lbfgs_state *state, int64_t age)
{
    return (state->next - 1 - age + state->history) % state->history;
}

/* direction <- -(inverse Hessian approximation) gradient. */
static void two_loop(lbfgs_state *state, const double *gradient)
{
    const int64_t n = state->size;
    double *q = state->direction->data;
    memcpy(q, gradient, (size_t)n * sizeof(double));
    for (int64_t age = 0; age < state->stored; age++) {
        const int64_t j = slot(state, age);
        state->alpha[j] = state->rho[j] * ufm_dot(n, state->s + j * n, q);
        ufm_axpy(n, -state->alpha[j], state->y + j * n, q);
    }
    double scale = -1;
    if (state->stored > 0) {
        const int64_t j = slot(state, 0);
        scale = -1 / (state->rho[j] * ufm_dot(n, state->y + j * n, state->y + j * n));
    }
    ufm_scale(n, scale, q);
    for (int64_t age = state->stored - 1; age >= 0; age--) {
        const int64_t j = slot(state, age);
        const double beta = state->rho[j] * ufm_dot(n, state->y + j * n, q);
        ufm_axpy(n, -state->alpha[j] - beta, state->s + j * n, q);
    }
}

typedef struct {
    lbfgs_state *state;
    gsl_multimin_function_fdf *fdf;
    const gsl_vector *x;
} line_context;

static double along(void *context, double step, double *slope)
{
    const line_context *line = context;
    lbfgs_state *state = line->state;
    const int64_t n = state->size;
    memcpy(state->trial->data, line->x->data, (size_t)n * sizeof(double));
    ufm_axpy(n, step, state->direction->data, state->trial->data);
    double value;
    GSL_MULTIMIN_FN_EVAL_F_DF(line->fdf, state->trial, &value, state->trial_gradient);
    *slope = ufm_dot(n, state->trial_gradient->data, state->direction->data);
    return value;
}

/* Searches along the direction in `state`; 0 when no step is acceptable. */
static double search(line_context *line, double f, const double *gradient, double *value)
{
    lbfgs_state *state = line->state;
    const double slope = ufm_dot(state->size, gradient, state->direction->data);
    if (!(slope < 0)) return 0;
    const double first =
        state->stored > 0 ? 1 : state->first_step / ufm_norm(state->size, state->direction->data);
    const line_start start = {f, slope, first, state->curvature};
    return line_search(along, line, &start, value);
}

/* Keeps the pair (dx, change of the gradient) when its curvature is positive beyond rounding. */
static void remember(lbfgs_state *state, const double *dx, const double *gradient)
{
    const int64_t n = state->size, j = state->next;
    double *s = state->s + j * n, *y = state->y + j * n;
    memcpy(s, dx, (size_t)n * sizeof(double));
    memcpy(y, state->trial_gradient->data, (size_t)n * sizeof(double));
    ufm_axpy(n, -1, gradient, y);
    const double sy = ufm_dot(n, s, y);
    if (!(sy > DBL_EPSILON * ufm_norm(n, s) * ufm_norm(n, y))) return;
    state->rho[j] = 1 / sy;
    state->next = (j + 1) % state->history;
    if (state->stored < state->history) state->stored++;
}

static int lbfgs_iterate(void *vstate, gsl_multimin_function_fdf *fdf, gsl_vector *x, double *f,
                         gsl_vector *gradient, gsl_vector *dx)
{
    lbfgs_state *state = vstate;
    const int64_t n = state->size;
    if (ufm_norm(n, gradient->data) == 0) return GSL_ENOPROG;
    line_context line = {state, fdf, x};
    double value = 0, step = 0;
    /* A failed search along the quasi-Newton direction is tried once more along the steepest one. */
    for (int attempt = 0; attempt < 2 && step == 0; attempt++) {
        if (attempt == 1 && state->stored == 0) break;
        if (attempt == 1) lbfgs_restart(state);
        two_loop(state, gradient->data);
        step = search(&line, *f, gradient->data, &value);
    }
    if (step == 0) return GSL_ENOPROG;
    memcpy(dx->data, state->trial->data, (size_t)n * sizeof(double));
    ufm_axpy(n, -1, x->data, dx->data);
    remember(state, dx->data, gradient->data);
    memcpy(x->data, state->trial->data, (size_t)n * sizeof(double));
    memcpy(gradient->data, state->trial_gradient->data, (size_t)n * sizeof(double));
    *f = value;
    /* After a restart the next first step should be about as long as the last one. */
    state->first_step = ufm_norm(n, dx->data);
    return GSL_SUCCESS;
}

static const gsl_multimin_fdfminimizer_type lbfgs_type = {
    "lbfgs", sizeof(lbfgs_state), lbfgs_alloc, lbfgs_set, lbfgs_iterate, lbfgs_restart, lbfgs_free,
};
const gsl_multimin_fdfminimizer_type *const ufm_multimin_lbfgs = &lbfgs_type;

int ufm_multimin_lbfgs_history(gsl_multimin_fdfminimizer *minimizer, size_t history)
{
    if (minimizer->type != &lbfgs_type || history < 1 || history > INT64_MAX) return GSL_EINVAL;
    lbfgs_state *state = minimizer->state;
    release_history(state);
    state->history = (int64_t)history;
    state->stored = state->next = 0;
    return GSL_SUCCESS;
}
