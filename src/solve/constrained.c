/* Solving under a constraint: minimise, certify, escape, and grow the dimension where that is allowed. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { ESCAPES = 30, HALVINGS = 60 };
/* tau_lower must exceed mu by this share before a descent is taken, and the last one must have gained this
 * share of f: where maximisers of tau lie in a continuum, f creeps down for ever. */
static const double worthwhile = 1e-7, least_gain = 1e-10;
/* The same, and the gradient norm, while descents are still long. */
static const double rough_excess = 1e-4, rough_gain = 1e-7, rough_tolerance = 1e-6;

int64_t ufm_solve_constrained_copies(const ufm_constraint *constraint, ufm_solver solver, int64_t history)
{
    return ufm_constrained_vectors(constraint, solver, history) + 4; /* x, H unscaled, G, W^T G */
}

typedef struct {
    const ufm_labels *labels;
    const ufm_solve_settings *settings;
    ufm_constrained_problem problem;
    int64_t dim;
    double *x, *features; /* features: H unscaled, with merged duplicates */
    double *escape_w, *escape_h;
    ufm_minimize_info info;
    ufm_constrained_certificate certificate;
} staircase;

static void clear_model(staircase *work)
{
    ufm_model_free(work->problem.model);
    ufm_free(work->x);
    ufm_free(work->features);
    work->problem.model = NULL;
    work->x = work->features = NULL;
}

/* A model of dimension dim, and arrays for its points. */
static ufm_status set_dimension(staircase *work, int64_t dim, ufm_error *error)
{
    const ufm_model_settings settings = {work->settings->objective, dim, work->settings->threads};
    const ufm_labels *labels = work->labels;
    const ufm_status status = ufm_model_new(labels, &settings, &work->problem.model, error);
    if (status != UFM_OK) return status;
    work->dim = dim;
    work->x = ufm_alloc(ufm_model_size(work->problem.model), sizeof(double));
    if (labels->count) work->features = ufm_alloc(dim * labels->columns, sizeof(double));
    if (work->x && (!labels->count || work->features)) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld features of dimension %lld",
                    (long long)labels->columns, (long long)dim);
}

/* The same point with one more coordinate, which is 0. */
static ufm_status grow(staircase *work, ufm_error *error)
{
    staircase larger = *work;
    larger.problem.model = NULL;
    larger.x = larger.features = NULL;
    const ufm_status status = set_dimension(&larger, work->dim + 1, error);
    if (status != UFM_OK) {
        clear_model(&larger);
        return status;
    }
    ufm_model_embed(larger.problem.model, work->dim, work->x, larger.x);
    clear_model(work);
    *work = larger;
    work->certificate.spare_dimension = work->dim - 1;
    return UFM_OK;
}

static bool observe(void *context, double fraction)
{
    const staircase *work = context;
    (void)fraction;
    const ufm_minimize_settings *minimize = &work->settings->minimize;
    const ufm_progress progress = {.iteration = work->info.iterations,
                                   .evaluations = work->info.evaluations,
                                   .products = work->info.products,
                                   .value = work->info.value,
                                   .gradient_norm = work->info.gradient_norm,
                                   .seconds = work->info.seconds,
                                   .x = work->x};
    return !minimize->observe || minimize->observe(minimize->context, &progress);
}

static ufm_status certify(staircase *work, bool whole, ufm_error *error)
{
    ufm_constrained_settings settings = ufm_constrained_defaults(work->settings->constraint);
    settings.gap_tolerance = work->settings->gap_tolerance;
    settings.escape_w = work->escape_w;
    settings.escape_h = work->escape_h;
    settings.observe = observe;
    settings.context = work;
    if (!whole) settings.relaxation_size = 0;
    const double size = (double)work->labels->columns * (double)work->labels->classes * (double)work->dim;
    if (size > 1e6) settings.pool = ufm_pool_new(work->settings->threads); /* NULL would only be slower */
    const ufm_point point = ufm_model_point(work->problem.model, work->x, work->features);
    const ufm_status status = ufm_certify_constrained(&point, work->labels, &work->settings->objective,
                                                      &settings, &work->certificate, error);
    ufm_pool_free(settings.pool);
    return status;
}

/* Fills the spare coordinate with `length` times the escape direction; 0 empties it. */
static void place(staircase *work, double length)
{
    const ufm_objective *o = &work->settings->objective;
    const int64_t K = work->labels->classes, d = work->dim, j = work->certificate.spare_dimension;
    const double balance = sqrt(sqrt(o->lambda_h / o->lambda_w));
    for (int64_t k = 0; k < K; k++) work->x[k + j * K] = length * balance * work->escape_w[k];
    for (int64_t i = 0; i < work->labels->columns; i++)
        work->x[K * d + j + i * d] =
            length / balance * work->escape_h[i] * sqrt((double)ufm_labels_count(work->labels, i));
}

/* Moves along the escape as far as f falls in halvings of a long step. */
static void escape(staircase *work)
{
    double length = fmax(1, ufm_norm(ufm_model_size(work->problem.model), work->x)), chosen = 0;
    double least = ufm_model_value(work->problem.model, work->x);
    for (int halving = 0; halving < HALVINGS; halving++, length /= 2) {
        place(work, length);
        const double value = ufm_model_value(work->problem.model, work->x);
        if (value >= least && chosen > 0) break;
        if (value >= least) continue;
        least = value;
        chosen = length;
    }
    place(work, chosen);
}

static ufm_status minimize(staircase *work, bool roughly, ufm_error *error)
{
    ufm_minimize_info run;
    ufm_minimize_settings settings = work->settings->minimize;
    if (roughly) {
        settings.solver = UFM_SOLVER_LBFGS;
        settings.tolerance = fmax(settings.tolerance, rough_tolerance);
    }
    ufm_status status = ufm_constrained_minimize(&work->problem, &settings, work->x, &run, error);
    if (status != UFM_OK) return status;
    if (work->settings->objective.lambda_b == 0)
        status = ufm_model_minimize_bias(work->problem.model, work->x, error);
    run.iterations += work->info.iterations;
    run.evaluations += work->info.evaluations;
    run.products += work->info.products;
    run.seconds += work->info.seconds;
    work->info = run;
    return status;
}

/* Whether an escape is worth taking; the dimension has then grown if that was needed and allowed. */
static ufm_status prepare_escape(staircase *work, double excess, bool *ready, ufm_error *error)
{
    *ready = false;
    if (work->info.stop == UFM_STOP_INTERRUPTED || work->info.stop == UFM_STOP_ITERATIONS) return UFM_OK;
    const ufm_status status = certify(work, false, error);
    if (status != UFM_OK || !(work->certificate.tau_lower > work->certificate.mu * (1 + excess)))
        return status;
    *ready = work->certificate.spare_dimension >= 0 || work->settings->dim == 0;
    return *ready && work->certificate.spare_dimension < 0 ? grow(work, error) : UFM_OK;
}

/* Descends until no escape is left: first roughly, then to the tolerance. */
static ufm_status climb_stairs(staircase *work, ufm_error *error)
{
    ufm_status status = UFM_OK;
    bool roughly = true;
    double before = INFINITY;
    for (int escapes = 0; escapes < ESCAPES; escapes++) {
        bool ready;
        status = minimize(work, roughly, error);
        if (status == UFM_OK)
            status = prepare_escape(work, roughly ? rough_excess : worthwhile, &ready, error);
        if (status != UFM_OK) break;
        const double least = (roughly ? rough_gain : least_gain) * fabs(before);
        const bool gained = escapes == 0 || before - work->info.value > least;
        before = work->info.value;
        if (ready && gained) {
            escape(work);
        } else if (roughly) {
            roughly = false;
        } else {
            break;
        }
    }
    return status;
}

static ufm_status minimize_and_certify(staircase *work, ufm_error *error)
{
    const ufm_constraint *constraint = &work->settings->constraint;
    const bool stairs =
        constraint->features == UFM_FEATURES_NONNEGATIVE && constraint->classifier == UFM_CLASSIFIER_FREE;
    const ufm_status status = stairs ? climb_stairs(work, error) : minimize(work, false, error);
    return status == UFM_OK ? certify(work, true, error) : status;
}

static ufm_status publish(staircase *work, ufm_solution **solution, ufm_error *error)
{
    ufm_solution *made = ufm_alloc(1, sizeof *made);
    if (!made) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the solution");
    made->point = ufm_model_point(work->problem.model, work->x, work->features);
    made->storage = work->x;
    made->features = work->features;
    made->info = work->info;
    made->constraint = work->settings->constraint;
    made->constrained = work->certificate;
    work->x = work->features = NULL;
    *solution = made;
    return UFM_OK;
}

ufm_status solve_constrained(const ufm_labels *labels, const ufm_solve_settings *settings,
                             ufm_solution **solution, ufm_error *error)
{
    const int64_t dim = settings->dim > 0 ? settings->dim : labels->classes;
    staircase work = {.labels = labels,
                      .settings = settings,
                      .problem = {NULL, labels, settings->constraint},
                      .escape_w = ufm_alloc(labels->classes, sizeof(double)),
                      .escape_h = ufm_alloc(labels->columns, sizeof(double))};
    ufm_status status = work.escape_w && work.escape_h
                            ? UFM_OK
                            : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the solution");
    if (status == UFM_OK) status = ufm_objective_bounded(labels, &settings->objective, error);
    if (status == UFM_OK) status = ufm_constraint_check(&settings->constraint, labels->classes, dim, error);
    if (status == UFM_OK) status = set_dimension(&work, dim, error);
    if (status == UFM_OK)
        status = ufm_constrained_start(&work.problem, settings->seed, settings->init_scale, work.x);
    if (status == UFM_OK) status = minimize_and_certify(&work, error);
    if (status == UFM_OK) status = publish(&work, solution, error);
    clear_model(&work);
    ufm_free(work.escape_w);
    ufm_free(work.escape_h);
    return status;
}
