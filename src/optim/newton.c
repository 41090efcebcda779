/* Truncated Newton in a trust region (Steihaug 1983), started by L-BFGS.
 *
 * After the tolerance is reached it goes on as long as every step at least halves the gradient norm: the
 * duality gap is of first order in the gradient, and near the optimum a step costs little and squares the
 * error. */
#include "solver.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { CG_LIMIT = 5000 };
/* The radius after a bad step, as a share of what it was. */
static const double shrink = 0.25;
/* Curvature below this share of the largest one seen is zero: the orbit of rotations of the features is flat,
 * and rounding alone must not send a step along it to the trust radius. */
static const double flat = 1e-10;

typedef struct {
    solver_run inner; /* L-BFGS, while inner.state */
    ufm_minimize_settings inner_settings;
    double *storage; /* the vectors below */
    double *x, *gradient, *step, *residual, *search, *product, *trial, *trial_gradient;
    double *scaled;        /* the residual over the preconditioner; `residual` itself where there is none */
    bool stale;            /* the preconditioner belongs to an earlier point */
    bool interrupted;      /* inside a step */
    double length, radius; /* of the step, and its bound */
    bool on_boundary;      /* the step was cut at the radius or at negative curvature */
    double predicted;      /* by how much the model of f falls along it */
    /* Where the path to the step left a sphere of shrink times the radius: the step for that radius, should
     * the longer one be refused. */
    double *short_step, short_predicted;
    bool has_short;
} newton_state;

static bool allocate(newton_state *state, int64_t n, bool preconditioned)
{
    double **const vectors[] = {&state->x,          &state->gradient, &state->step,  &state->residual,
                                &state->search,     &state->product,  &state->trial, &state->trial_gradient,
                                &state->short_step, &state->scaled};
    const int64_t number = (int64_t)(sizeof vectors / sizeof vectors[0]) - !preconditioned;
    if (n > INT64_MAX / number) return false;
    state->storage = ufm_alloc(number * n, sizeof(double));
    if (!state->storage) return false;
    for (int64_t v = 0; v < number; v++) *vectors[v] = state->storage + v * n;
    if (!preconditioned) state->scaled = state->residual;
    return true;
}

static void finish(solver_run *run)
{
    newton_state *state = run->state;
    if (!state) return;
    if (state->inner.state) solver_lbfgs.finish(&state->inner);
    ufm_free(state->storage);
    ufm_free(state);
    run->state = NULL;
}

/* Leaves L-BFGS (if it runs) and starts Newton's iteration at its point. */
static solver_step begin_newton(solver_run *run, const double *x)
{
    newton_state *state = run->state;
    const int64_t n = run->function->size;
    const ufm_function *function = run->function;
    if (!allocate(state, n, function->precondition)) return STEP_NO_MEMORY;
    memcpy(state->x, x, (size_t)n * sizeof(double));
    if (state->inner.state) solver_lbfgs.finish(&state->inner);
    run->x = state->x;
    run->value = solver_gradient(run, state->x, state->gradient);
    run->gradient_norm = ufm_norm(n, state->gradient);
    run->polishing = !run->settings->no_polish;
    state->radius = function->precondition ? 1 : fmax(1, 0.1 * ufm_norm(n, state->x));
    state->stale = true;
    return STEP_TAKEN;
}

static void copy_from_inner(solver_run *run)
{
    const newton_state *state = run->state;
    run->x = state->inner.x;
    run->value = state->inner.value;
    run->gradient_norm = state->inner.gradient_norm;
    run->evaluations = state->inner.evaluations;
}

static solver_step start(solver_run *run, const double *x)
{
    newton_state *state = run->state = ufm_alloc(1, sizeof *state);
    if (!state) return STEP_NO_MEMORY;
    if (run->settings->newton_switch == 0) return begin_newton(run, x);
    state->inner_settings = *run->settings;
    state->inner = (solver_run){.function = run->function, .settings = &state->inner_settings};
    const solver_step begun = solver_lbfgs.start(&state->inner, x);
    if (begun != STEP_TAKEN) return begun;
    copy_from_inner(run);
    run->polishing = true;
    return STEP_TAKEN;
}

/* Lengths are measured in the norm of the preconditioner M: |s|^2 = s'Ms. */
typedef struct {
    double step, cross, search; /* s'Ms, s'Mp, p'Mp of the step s and the search direction p */
} newton_lengths;

/* Root t >= 0 of |step + t search| = radius. */
static double to_boundary(newton_lengths lengths, double radius)
{
    const double a = lengths.search, b = lengths.cross, c = lengths.step - radius * radius;
    const double root = sqrt(fmax(0, b * b - a * c));
    return b > 0 ? -c / (b + root) : (root - b) / a;
}

/* product <- H v; false when the caller wants to stop. */
static bool multiply(solver_run *run, const newton_state *state, const double *v)
{
    const ufm_minimize_settings *settings = run->settings;
    run->products++;
    const ufm_function *function = run->function;
    (function->prepared_product ? function->prepared_product
                                : function->hessian_vector)(function->context, state->x, v, state->product);
    return !settings->working || settings->working(settings->context, run->products);
}

/* scaled <- M^{-1} residual; returns their inner product. */
static double precondition(const solver_run *run, newton_state *state)
{
    const ufm_function *function = run->function;
    if (state->scaled != state->residual)
        function->precondition(function->context, state->residual, state->scaled);
    return ufm_dot(function->size, state->residual, state->scaled);
}

/* The step for a radius of shrink times the present one, if the path of conjugate gradients leaves that
 * sphere on the way from `step` along `length` times `search`. The model falls by t r'M^-1 r - t^2 p'Hp/2 on
 * the way. */
static void keep_short(newton_state *state, int64_t n, newton_lengths lengths, double length,
                       double curvature, double squared)
{
    const double radius = shrink * state->radius;
    const double end = lengths.step + length * (2 * lengths.cross + length * lengths.search);
    if (state->has_short || !(end > radius * radius)) return;
    const double t = to_boundary(lengths, radius);
    memcpy(state->short_step, state->step, (size_t)n * sizeof(double));
    ufm_axpy(n, t, state->search, state->short_step);
    state->short_predicted = state->predicted + t * (squared - 0.5 * t * curvature);
    state->has_short = true;
}

/* Conjugate gradients on H step = -gradient, cut at the trust radius or at negative curvature. */
static void solve_model(solver_run *run, newton_state *state)
{
    const int64_t n = run->function->size;
    /* Asking for more than three digits a step would only amplify rounding along the flat orbit. */
    const double digits = fmin(0.1, fmax(1e-3, sqrt(run->gradient_norm)));
    memset(state->step, 0, (size_t)n * sizeof(double));
    memcpy(state->residual, state->gradient, (size_t)n * sizeof(double));
    double squared = precondition(run, state);
    const double enough = digits * digits * squared;
    memcpy(state->search, state->scaled, (size_t)n * sizeof(double));
    ufm_scale(n, -1, state->search);
    newton_lengths lengths = {.search = squared};
    double steepest = 0;
    state->on_boundary = state->has_short = false;
    state->predicted = 0;
    for (int iteration = 0; iteration < CG_LIMIT && squared > enough; iteration++) {
        state->interrupted = !multiply(run, state, state->search);
        if (state->interrupted) break;
        const double curvature = ufm_dot(n, state->search, state->product);
        const double quotient = curvature / lengths.search;
        steepest = fmax(steepest, fabs(quotient));
        if (!(fabs(quotient) > flat * steepest)) break;
        double length = squared / curvature;
        const double limit = to_boundary(lengths, state->radius);
        state->on_boundary = !(curvature > 0) || length >= limit;
        if (state->on_boundary) length = limit;
        keep_short(state, n, lengths, length, curvature, squared);
        ufm_axpy(n, length, state->search, state->step);
        ufm_axpy(n, length, state->product, state->residual);
        lengths.step += length * (2 * lengths.cross + length * lengths.search);
        state->predicted += length * (squared - 0.5 * length * curvature);
        if (state->on_boundary) break;
        const double next = precondition(run, state), ratio = next / squared;
        ufm_combine(n, -1, state->scaled, ratio, state->search);
        lengths.cross = ratio * (lengths.cross + length * lengths.search);
        lengths.search = next + ratio * ratio * lengths.search;
        squared = next;
    }
    state->length = sqrt(lengths.step);
    state->predicted =
        -0.5 * (ufm_dot(n, state->gradient, state->step) + ufm_dot(n, state->residual, state->step));
}

static void swap(double **a, double **b)
{
    double *kept = *a;
    *a = *b;
    *b = kept;
}

/* After a bad step: the step for a smaller radius. */
static void shorten(solver_run *run, newton_state *state)
{
    if (!state->has_short) {
        state->radius = shrink * state->length;
        solve_model(run, state);
        return;
    }
    swap(&state->step, &state->short_step);
    state->has_short = false;
    state->length = state->radius *= shrink;
    state->predicted = state->short_predicted;
    state->on_boundary = true;
}

static void accept(solver_run *run, newton_state *state, double value)
{
    swap(&state->x, &state->trial);
    swap(&state->gradient, &state->trial_gradient);
    state->stale = true;
    const double before = run->gradient_norm;
    run->x = state->x;
    run->value = value;
    run->gradient_norm = ufm_norm(run->function->size, state->gradient);
    run->polishing =
        !run->settings->no_polish && run->gradient_norm > 0 && run->gradient_norm <= 0.5 * before;
}

static solver_step newton_step(solver_run *run)
{
    newton_state *state = run->state;
    const int64_t n = run->function->size;
    if (run->gradient_norm == 0) return STEP_STALLED;
    if (state->stale && run->function->precondition) {
        if (run->function->prepare(run->function->context, state->x) != UFM_OK) return STEP_NO_MEMORY;
        state->stale = false;
    }
    for (solve_model(run, state); !state->interrupted; shorten(run, state)) {
        memcpy(state->trial, state->x, (size_t)n * sizeof(double));
        ufm_axpy(n, 1, state->step, state->trial);
        const double value = solver_gradient(run, state->trial, state->trial_gradient);
        const double noise = SOLVER_NOISE * fabs(run->value);
        if (state->predicted <= noise) { /* the value cannot judge this step: the gradient does */
            const bool smaller = ufm_norm(n, state->trial_gradient) < run->gradient_norm;
            if (!smaller || !(value <= run->value + noise)) return STEP_STALLED;
            accept(run, state, value);
            return STEP_TAKEN;
        }
        const double ratio = (run->value - value) / state->predicted;
        if (ratio > 1e-4) {
            if (ratio < 0.25) {
                state->radius = shrink * state->length;
            } else if (ratio > 0.75 && state->on_boundary) {
                state->radius *= 2;
            }
            accept(run, state, value);
            return STEP_TAKEN;
        }
        if (!(state->length > 0)) return STEP_STALLED;
    }
    return STEP_INTERRUPTED;
}

static solver_step step(solver_run *run)
{
    newton_state *state = run->state;
    if (!state->inner.state) return newton_step(run);
    if (run->gradient_norm > run->settings->newton_switch) {
        const solver_step taken = solver_lbfgs.step(&state->inner);
        copy_from_inner(run);
        if (taken == STEP_TAKEN) return taken;
    }
    const solver_step begun = begin_newton(run, state->inner.x);
    return begun == STEP_TAKEN ? newton_step(run) : begun;
}

const solver_ops solver_newton = {true, false, start, step, finish};
