/* Gradient descent from saddle to saddle, with its path recorded.
 *
 * The step is 0.8/L with L the largest Hessian eigenvalue, found anew after every chunk of steps: an Armijo
 * search would overshoot in the stiff directions and hide the plateaus under its oscillations. */
#include "ladder.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { CHUNK_LEAST = 60, CHUNK_MOST = 1000, STEPS = 400000, NEWTON_STEPS = 1000 };

typedef struct {
    const ufm_labels *labels;
    const ufm_explorer *explorer;
    ufm_model *model;
    ufm_function function;
    int64_t dim, stages; /* stages: bound on the number of saddles that are left */
    double *x, *other;
    descent_recorder recorder;
    /* the stage that runs */
    double start_value, step, value, gradient_norm, peak;
    bool leave_saddle; /* stop at the next critical point; otherwise only at the optimum */
    bool arrived, rose;
} walk;

static ufm_status out_of_memory(ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to record a descent");
}

static void end_walk(walk *w)
{
    ufm_descent_free(w->recorder.descent);
    ufm_model_free(w->model);
    ufm_free(w->x);
    ufm_free(w->other);
}

static ufm_status begin_walk(const ufm_labels *labels, const ufm_explorer *explorer, walk *w,
                             ufm_error *error)
{
    const int64_t dim = explorer->dim > 0 ? explorer->dim : labels->classes;
    const ufm_model_settings settings = {explorer->objective, dim, explorer->threads};
    *w = (walk){.labels = labels, .explorer = explorer, .dim = dim, .stages = 4 * labels->classes + 8};
    const ufm_status status = ufm_model_new(labels, &settings, &w->model, error);
    if (status != UFM_OK) return status;
    w->function = ufm_function_of_model(w->model);
    w->x = ufm_alloc(w->function.size, sizeof(double));
    w->other = ufm_alloc(w->function.size, sizeof(double));
    return w->x && w->other && descent_record_begin(&w->recorder) == UFM_OK ? UFM_OK : out_of_memory(error);
}

/* ---- Gradient descent ---- */

static bool observe(void *context, const ufm_progress *now)
{
    walk *w = context;
    if (now->iteration == 0) { /* known from the chunk before */
        w->value = now->value;
        w->gradient_norm = now->gradient_norm;
        memcpy(w->other, now->x, (size_t)w->function.size * sizeof(double));
        return true;
    }
    w->rose = now->value > w->value + 1e-13 * fabs(w->value);
    if (w->rose) return false;
    memcpy(w->other, now->x, (size_t)w->function.size * sizeof(double));
    descent_record(&w->recorder, w->step * w->gradient_norm, now->value, now->gradient_norm, false);
    w->value = now->value;
    w->gradient_norm = now->gradient_norm;
    w->peak = fmax(w->peak, w->gradient_norm);
    const bool left = w->value < w->start_value - 1e-9 * fabs(w->start_value);
    /* Where the optimum has a certificate, a plateau however flat is not the end. */
    const double flat = w->leave_saddle ? 1e-7
                        : w->dim < ufm_loss_benign_dim(w->explorer->objective.loss, w->labels->classes)
                            ? 1e-10
                            : 0;
    w->arrived = left && w->gradient_norm <= flat * w->peak;
    return !w->arrived;
}

static ufm_status check_progress(const walk *w, double fraction)
{
    const ufm_explorer *e = w->explorer;
    return !e->progress || e->progress(e->context, fraction, "descent") ? UFM_OK : UFM_ERROR_CANCELLED;
}

static ufm_status is_global(walk *w, bool *global, ufm_error *error)
{
    ufm_solution *here;
    const ufm_status status =
        ladder_solution(w->model, w->x, w->labels, &w->explorer->objective, &here, error);
    if (status != UFM_OK) return status;
    *global = here->certificate.gap <= 1e-7 * fabs(here->certificate.objective);
    ufm_solution_free(here);
    return UFM_OK;
}

/* One chunk; a step that raised the objective, because L has grown, is taken back. */
static ufm_status run_chunk(walk *w, int64_t steps, ufm_error *error)
{
    ufm_minimize_settings settings = ufm_minimize_defaults();
    ufm_minimize_info info;
    settings.solver = UFM_SOLVER_GD;
    settings.tolerance = 0;
    settings.max_iterations = steps;
    settings.fixed_step = w->step;
    settings.observe = observe;
    settings.context = w;
    w->rose = false;
    const ufm_status status = ufm_minimize(&w->function, &settings, w->x, &info, error);
    if (status == UFM_OK && w->rose) memcpy(w->x, w->other, (size_t)w->function.size * sizeof(double));
    return status;
}

/* Down by gradient descent until it has arrived or the steps are used up. */
static ufm_status slide(walk *w, ufm_error *error)
{
    int64_t chunk = CHUNK_LEAST;
    double before = INFINITY;
    w->peak = 0;
    w->arrived = false;
    w->start_value = ufm_model_value(w->model, w->x);
    for (int64_t taken = 0; taken < STEPS && !w->arrived; taken += chunk) {
        double stiffest;
        ufm_status status = check_progress(w, NAN);
        if (status == UFM_OK) status = ladder_eigenvalue(w->model, w->x, LADDER_LARGEST, &stiffest, error);
        if (status != UFM_OK) return status;
        chunk = stiffest > 1.05 * before || w->rose ? CHUNK_LEAST : 2 * chunk;
        if (chunk > CHUNK_MOST) chunk = CHUNK_MOST;
        before = stiffest;
        w->step = 0.8 / stiffest;
        status = run_chunk(w, chunk, error);
        if (status == UFM_OK && !w->leave_saddle && !w->arrived) status = is_global(w, &w->arrived, error);
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

/* The last digits, in one recorded step. */
static ufm_status polish(walk *w, ufm_error *error)
{
    ufm_minimize_settings settings = ufm_minimize_defaults();
    ufm_minimize_info info;
    settings.solver = UFM_SOLVER_NEWTON;
    settings.newton_switch = 0;
    settings.tolerance = 1e-12;
    settings.max_iterations = NEWTON_STEPS;
    memcpy(w->other, w->x, (size_t)w->function.size * sizeof(double));
    ufm_status status = ufm_minimize(&w->function, &settings, w->x, &info, error);
    if (status == UFM_OK && w->explorer->objective.lambda_b == 0)
        status = ufm_model_minimize_bias(w->model, w->x, error);
    if (status != UFM_OK) return status;
    const double value = ufm_model_value(w->model, w->x);
    descent_record(&w->recorder, ufm_distance(w->function.size, w->other, w->x), value, info.gradient_norm,
                   true);
    return UFM_OK;
}

static ufm_status record_here(walk *w, double length, ufm_error *error)
{
    const double value = w->function.gradient(w->function.context, w->x, w->other);
    descent_record(&w->recorder, length, value, ufm_norm(w->function.size, w->other), true);
    return isfinite(value) ? UFM_OK
                           : ufm_fail(error, UFM_ERROR_NUMERIC, "the objective is not finite at the start");
}

/* Moves x, a critical point, by `size` along its witness. */
static ufm_status leave(walk *w, const ufm_point *point, double size, ufm_error *error)
{
    const ufm_status status = ladder_witness(w->labels, &w->explorer->objective, point, w->other, error);
    if (status != UFM_OK) return status;
    ufm_axpy(w->function.size, size, w->other, w->x);
    return record_here(w, size, error);
}

/* Leaves saddle after saddle until a critical point is none. */
static ufm_status leave_all(walk *w, double size, ufm_error *error)
{
    w->leave_saddle = true;
    for (int64_t stage = 0;; stage++) {
        ufm_solution *here;
        ufm_status status = ladder_solution(w->model, w->x, w->labels, &w->explorer->objective, &here, error);
        if (status != UFM_OK) return status;
        if (here->certificate.verdict != UFM_CERTIFIED_SADDLE || stage == w->stages) {
            w->recorder.descent->end = here;
            return UFM_OK;
        }
        status = leave(w, &here->point, size, error);
        ufm_solution_free(here);
        if (status == UFM_OK) status = slide(w, error);
        if (status == UFM_OK) status = polish(w, error);
        if (status != UFM_OK) return status;
    }
}

static void publish(walk *w, ufm_status status, ufm_descent **descent)
{
    if (status != UFM_OK) return;
    *descent = w->recorder.descent;
    w->recorder.descent = NULL;
}

ufm_status ufm_ladder_escape(const ufm_labels *labels, const ufm_explorer *explorer, const ufm_saddle *saddle,
                             double size, ufm_descent **descent, ufm_error *error)
{
    walk w;
    if (!(size > 0))
        return ufm_fail(error, UFM_ERROR_USAGE, "the size of the step off a saddle must be positive");
    ufm_status status = begin_walk(labels, explorer, &w, error);
    if (status == UFM_OK) status = ufm_model_pack(w.model, &saddle->solution->point, w.x, error);
    if (status == UFM_OK) status = record_here(&w, 0, error);
    if (status == UFM_OK) status = leave_all(&w, size, error);
    publish(&w, status, descent);
    end_walk(&w);
    return status;
}

/* x of a Gaussian start: coordinate j of the features times scale ratio^j, but never so small that squares
 * underflow altogether. */
static ufm_status graded_start(walk *w, double scale, double ratio)
{
    const int64_t K = w->labels->classes, n = w->labels->columns, d = w->dim;
    const ufm_status status = ufm_model_start(w->model, w->explorer->seed, 1, w->x);
    if (status != UFM_OK) return status;
    for (int64_t j = 0; j < d; j++) {
        const double size = fmax(scale * pow(ratio, (double)j), fmin(scale, 1e-280));
        ufm_scale(K, size, w->x + j * K);
        for (int64_t i = 0; i < n; i++) w->x[K * d + i * d + j] *= size;
    }
    return UFM_OK;
}

ufm_status ufm_graded_start_descent(const ufm_labels *labels, const ufm_explorer *explorer, double scale,
                                    double ratio, ufm_descent **descent, ufm_error *error)
{
    walk w;
    if (!(scale > 0 && isfinite(scale) && ratio > 0 && ratio <= 1))
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "a small start needs a positive scale and a ratio in (0, 1] of the next to it");
    ufm_status status = begin_walk(labels, explorer, &w, error);
    if (status == UFM_OK && (status = graded_start(&w, scale, ratio)) != UFM_OK)
        ufm_fail(error, status, "not enough memory for a random start");
    if (status == UFM_OK) status = record_here(&w, 0, error);
    if (status == UFM_OK) status = slide(&w, error);
    if (status == UFM_OK) status = polish(&w, error);
    if (status == UFM_OK)
        status = ladder_solution(w.model, w.x, labels, &explorer->objective, &w.recorder.descent->end, error);
    publish(&w, status, descent);
    end_walk(&w);
    return status;
}

ufm_status ufm_small_start_descent(const ufm_labels *labels, const ufm_explorer *explorer, double scale,
                                   ufm_descent **descent, ufm_error *error)
{
    return ufm_graded_start_descent(labels, explorer, scale, 1, descent, error);
}
