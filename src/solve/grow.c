/* Solving in a dimension that grows: minimise roughly, look for ways down that need new coordinates, add
 * them; when there are none left, minimise until the certificate is tight enough. The rank of the optimum
 * decides how many coordinates there are at the end, and most of the work happens with no more than that. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* The first growth adds at most this many coordinates, a later one at most as many as there are; or as many
 * as the result shall have at least. */
enum { FIRST_GROWTH = 4, STAGES = 200 };
/* A stage before the last growth ends when the gradient has shrunk to this share; one after it, to this. */
static const double rough = 0.3, fine = 1e-2;
/* Vectors of the length of x at once: Newton's, x, the preconditioner, and the features of the certificate or
 * the old point. */
enum { VECTORS = 14 };

typedef struct {
    grow_state state;
    ufm_minimize_info info; /* of all stages */
    ufm_certificate certificate;
    double *H; /* features of the certified point */
    int64_t growths;
    double started;
    bool stopped; /* by the caller */
} growth;

/* Bytes for one vector x of dimension d. */
static int64_t vector_bytes(const ufm_labels *labels, int64_t dim)
{
    return (int64_t)sizeof(double) * (dim * (labels->columns + labels->classes) + labels->classes);
}

/* Passes on what a stage reports, in terms of the whole run. */
static bool observe(void *context, const ufm_progress *now)
{
    growth *g = context;
    const ufm_minimize_settings *outer = &g->state.settings->minimize;
    ufm_progress all = *now;
    all.iteration += g->info.iterations;
    all.evaluations += g->info.evaluations;
    all.products += g->info.products;
    all.seconds = ufm_seconds() - g->started;
    const bool again = now->iteration == 0 && all.evaluations > 1; /* where the last stage ended */
    return !outer->observe || again || outer->observe(outer->context, &all);
}

static bool working(void *context, int64_t products)
{
    growth *g = context;
    const ufm_minimize_settings *outer = &g->state.settings->minimize;
    return !outer->working || outer->working(outer->context, g->info.products + products);
}

static ufm_status run_stage(growth *g, double tolerance, bool polish, ufm_error *error)
{
    ufm_minimize_settings settings = g->state.settings->minimize;
    settings.solver = UFM_SOLVER_NEWTON;
    settings.newton_switch = 0;
    settings.no_polish = !polish;
    settings.tolerance = tolerance;
    settings.max_iterations -= g->info.iterations;
    settings.observe = observe;
    settings.working = working;
    settings.context = g;
    ufm_function function = ufm_function_preconditioned(g->state.model);
    if (polish) function.prepared_product = NULL; /* the last digits need all of them */
    ufm_minimize_info info;
    const ufm_status status = ufm_minimize(&function, &settings, g->state.x, &info, error);
    if (status != UFM_OK) return status;
    info.iterations += g->info.iterations;
    info.evaluations += g->info.evaluations;
    info.products += g->info.products;
    info.seconds = ufm_seconds() - g->started;
    g->info = info;
    g->stopped = info.stop == UFM_STOP_INTERRUPTED;
    return UFM_OK;
}

/* Certifies the point and, while more coordinates are allowed, finds the ways out. */
static ufm_status certify_stage(growth *g, ufm_escape **escape, ufm_error *error)
{
    const grow_state *s = &g->state;
    const ufm_labels *labels = s->labels;
    ufm_free(g->H);
    g->H = ufm_alloc(s->dim * labels->columns, sizeof(double));
    if (!g->H) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to certify the point");
    const ufm_point point = ufm_model_point(s->model, s->x, g->H);
    ufm_certify_settings settings = ufm_certify_defaults();
    settings.gap_tolerance = s->settings->gap_tolerance;
    settings.pool = s->pool;
    const ufm_status status =
        ufm_certify(&point, labels, &s->settings->objective, &settings, &g->certificate, error);
    const int64_t room = labels->classes - s->dim;
    int64_t wanted = s->dim > FIRST_GROWTH ? s->dim : FIRST_GROWTH;
    if (wanted < s->settings->dim) wanted = s->settings->dim; /* the result has them anyway */
    if (status != UFM_OK || room <= 0 || g->stopped) return status;
    return ufm_certify_escape(&point, labels, &s->settings->objective, &settings,
                              wanted < room ? wanted : room, escape, error);
}

static ufm_status check_memory(const growth *g, int64_t dim, ufm_error *error)
{
    const double gib = 1024.0 * 1024 * 1024;
    const int64_t limit = g->state.settings->memory_limit;
    const double needed = (double)vector_bytes(g->state.labels, dim) * VECTORS;
    if (limit <= 0 || needed <= (double)limit) return UFM_OK;
    return ufm_fail(
        error, UFM_ERROR_MEMORY,
        "the optimum needs more than %lld dimensions, and %lld of them %.3g GiB, but the limit is "
        "%.3g GiB; use larger lambdas or fix --dim",
        (long long)g->state.dim, (long long)dim, needed / gib, (double)limit / gib);
}

static bool gradient_norm(const growth *g, double *norm)
{
    const int64_t size = ufm_model_size(g->state.model);
    double *gradient = ufm_alloc(size, sizeof(double));
    if (!gradient) return false;
    (void)ufm_model_gradient(g->state.model, g->state.x, gradient);
    *norm = ufm_norm(size, gradient);
    ufm_free(gradient);
    return true;
}

/* Leaves the saddle along `escape`; the tolerance of the next stage follows from where that leads. */
static ufm_status leave_saddle(growth *g, const ufm_escape *escape, double *tolerance, ufm_error *error)
{
    ufm_free(g->H);
    g->H = NULL;
    ufm_status status = check_memory(g, g->state.dim + escape->count, error);
    bool moved = false;
    if (status == UFM_OK) status = grow_step(&g->state, escape, &moved, error);
    if (status != UFM_OK) return status;
    double norm;
    if (!gradient_norm(g, &norm))
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a gradient");
    g->growths++;
    *tolerance = moved ? rough * norm : fmin(*tolerance, g->info.gradient_norm) * fine;
    return UFM_OK;
}

static bool finished(const growth *g)
{
    const ufm_solve_settings *settings = g->state.settings;
    const ufm_certificate *c = &g->certificate;
    const bool tight = c->gap <= settings->gap_target * fabs(c->objective);
    return g->stopped || g->info.stop == UFM_STOP_ITERATIONS ||
           (tight && g->info.gradient_norm <= settings->minimize.tolerance);
}

static ufm_status grow(growth *g, ufm_error *error)
{
    double tolerance = 1e-3; /* of the first stage, where only b moves */
    ufm_status status = grow_resize(&g->state, 1, error);
    for (int stage = 0; status == UFM_OK && stage < STAGES; stage++) {
        ufm_escape *escape = NULL;
        status = run_stage(g, tolerance, false, error);
        if (status == UFM_OK) status = grow_trim(&g->state, error);
        if (status == UFM_OK && g->state.settings->objective.lambda_b == 0)
            status = ufm_model_minimize_bias(g->state.model, g->state.x, error);
        if (status == UFM_OK) status = certify_stage(g, &escape, error);
        const bool stalled = g->info.stop == UFM_STOP_STALLED, ways = escape && escape->count > 0;
        const bool done = status != UFM_OK || finished(g) || (stalled && !ways);
        if (!done && ways) {
            status = leave_saddle(g, escape, &tolerance, error);
        } else if (!done) {
            tolerance = fmin(tolerance, g->info.gradient_norm) * fine;
        }
        ufm_escape_free(escape);
        if (done) break;
    }
    return status;
}

/* What the caller wants beyond a tight gap: the last digits, and at least so many dimensions. */
static ufm_status finish(growth *g, ufm_error *error)
{
    const ufm_solve_settings *settings = g->state.settings;
    const bool polish = !settings->minimize.no_polish && g->info.stop == UFM_STOP_CONVERGED;
    const bool pad = settings->dim > g->state.dim;
    ufm_escape *escape = NULL;
    ufm_status status = UFM_OK;
    if (polish) status = run_stage(g, g->info.gradient_norm, true, error);
    if (status == UFM_OK && polish && settings->objective.lambda_b == 0)
        status = ufm_model_minimize_bias(g->state.model, g->state.x, error);
    if (status == UFM_OK && pad) status = grow_resize(&g->state, settings->dim, error);
    if (status == UFM_OK && (polish || pad)) status = certify_stage(g, &escape, error);
    ufm_escape_free(escape);
    return status;
}

ufm_status solve_growing(const ufm_labels *labels, const ufm_solve_settings *settings,
                         ufm_solution **solution, ufm_error *error)
{
    growth g = {.state = {.labels = labels, .settings = settings}, .started = ufm_seconds()};
    g.state.pool = solve_pool(labels, labels->classes, settings->threads);
    ufm_status status = grow(&g, error);
    if (status == UFM_OK) status = finish(&g, error);
    ufm_solution *made = status == UFM_OK ? ufm_alloc(1, sizeof *made) : NULL;
    if (made) {
        *made = (ufm_solution){.point = ufm_model_point(g.state.model, g.state.x, g.H),
                               .storage = g.state.x,
                               .features = g.H,
                               .info = g.info,
                               .certificate = g.certificate,
                               .growths = g.growths};
        g.state.x = g.H = NULL;
        *solution = made;
    } else if (status == UFM_OK) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the solution");
    }
    ufm_free(g.state.x);
    ufm_free(g.H);
    ufm_model_free(g.state.model);
    ufm_pool_free(g.state.pool);
    return status;
}
