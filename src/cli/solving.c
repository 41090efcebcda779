/* From options and labels to a certified point, by descent or from a file. */
#include "cli.h"
#include <math.h>
#include <string.h>

/* Up to this many classes d = K whatever the rank, and the last digits cost nothing. */
enum { FEW_CLASSES = 32 };

/* The one solver that is no minimiser of f in W, H and b. */
static const char proximal[] = "proximal";

bool is_proximal(const options *opts)
{
    return opts->value[OPT_SOLVER].text && strcmp(opts->value[OPT_SOLVER].text, proximal) == 0;
}

const char *solver_name(const options *opts, const ufm_solve_settings *settings)
{
    return is_proximal(opts) ? proximal : ufm_solver_name(settings->minimize.solver);
}

static ufm_status read_solver(const options *opts, ufm_solver *solver, ufm_error *error)
{
    if (!opts->value[OPT_SOLVER].text || is_proximal(opts)) return UFM_OK;
    const ufm_status status = ufm_solver_parse(opts->value[OPT_SOLVER].text, solver, error);
    const size_t length = strlen(error->text);
    if (status != UFM_OK) snprintf(error->text + length, sizeof error->text - length, ", %s", proximal);
    return status;
}

ufm_status read_solve_settings(const options *opts, ufm_solve_settings *settings, ufm_error *error)
{
    *settings = ufm_solve_defaults();
    settings->dim = opts->value[OPT_DIM].given ? opts->value[OPT_DIM].integer : 0;
    settings->threads = (int)opts->value[OPT_THREADS].integer;
    settings->seed = (uint64_t)opts->value[OPT_SEED].integer;
    settings->init_scale = opts->value[OPT_INIT_SCALE].real;
    settings->gap_tolerance = opts->value[OPT_GAP_TOLERANCE].real;
    settings->minimize.tolerance = opts->value[OPT_TOLERANCE].real;
    settings->minimize.max_iterations = opts->value[OPT_MAX_ITERATIONS].integer;
    settings->minimize.history = opts->value[OPT_HISTORY].integer;
    settings->minimize.fixed_step = opts->value[OPT_STEP].real;
    settings->gap_target = opts->value[OPT_GAP].real;
    settings->memory_limit = memory_limit(opts);
    bool merge;
    ufm_status status = read_objective(opts, &settings->objective, error);
    if (status == UFM_OK) status = read_constraint(opts, &settings->constraint, error);
    if (status == UFM_OK) status = read_merge(opts, &merge, error);
    if (status != UFM_OK) return status;
    if (merge) settings->minimize.solver = UFM_SOLVER_NEWTON;
    status = read_solver(opts, &settings->minimize.solver, error);
    const bool constrained = ufm_constraint_active(&settings->constraint);
    if (constrained && is_proximal(opts))
        return ufm_fail(error, UFM_ERROR_USAGE, "--solver proximal knows no constraints; leave it out");
    if (constrained && status == UFM_OK && settings->minimize.solver == UFM_SOLVER_VARPRO)
        return ufm_fail(error, UFM_ERROR_USAGE, "--solver varpro knows no constraints; leave it out");
    settings->grow = merge && !constrained && settings->minimize.solver == UFM_SOLVER_NEWTON &&
                     !is_proximal(opts) && !opts->value[OPT_DIM].given && !opts->value[OPT_INIT_SCALE].given;
    return status;
}

/* Vectors of the size of H that the solver holds. */
static int64_t solve_copies(const options *opts, const ufm_solve_settings *settings)
{
    const ufm_minimize_settings *m = &settings->minimize;
    if (is_proximal(opts)) return ufm_solve_proximal_copies();
    return ufm_constraint_active(&settings->constraint)
               ? ufm_solve_constrained_copies(&settings->constraint, m->solver, m->history)
               : ufm_solve_copies(m->solver, m->history);
}

ufm_status read_solve_instance(const options *opts, ufm_solve_settings *settings, ufm_labels **labels,
                               ufm_design **design, ufm_error *error)
{
    const int64_t copies = settings->grow ? 0 : solve_copies(opts, settings);
    const ufm_status status = read_instance(opts, copies, labels, design, error);
    if (status != UFM_OK || !settings->grow) return status;
    const bool few = (*labels)->classes <= FEW_CLASSES;
    settings->dim = few ? (*labels)->classes : 0;
    settings->minimize.no_polish = !few;
    return UFM_OK;
}

ufm_status check_solve_outputs(const options *opts, ufm_error *error)
{
    const char *paths[] = {opts->value[OPT_SAVE].text, opts->value[OPT_TRACE].text,
                           opts->value[OPT_TAG_SETS].text};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const ufm_status status = paths[i] ? ufm_output_check(paths[i], error) : UFM_OK;
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

typedef struct {
    const options *opts;
    progress_line line;
    ufm_output *trace;
    double first_gradient, tolerance;
    ufm_progress last; /* without x */
} watcher;

static void draw(watcher *watch, int64_t products)
{
    const ufm_progress *now = &watch->last;
    const double fraction =
        log(watch->first_gradient / now->gradient_norm) / log(watch->first_gradient / watch->tolerance);
    char hessian[48] = "";
    if (products > 0) snprintf(hessian, sizeof hessian, "  %lld Hessian products", (long long)products);
    progress_draw(&watch->line, fraction, "iteration %lld%s  f %.12g  |gradient| %.1e",
                  (long long)now->iteration, hessian, now->value, now->gradient_norm);
}

static bool observe(void *context, const ufm_progress *now)
{
    watcher *watch = context;
    if (now->iteration == 0) watch->first_gradient = now->gradient_norm;
    if (watch->trace)
        fprintf(ufm_output_stream(watch->trace), "%lld,%lld,%.17g,%.17g,%.6f\n", (long long)now->iteration,
                (long long)now->evaluations, now->value, now->gradient_norm, now->seconds);
    watch->last = *now;
    watch->last.x = NULL;
    draw(watch, now->products);
    return !interrupted();
}

static bool working(void *context, int64_t products)
{
    draw(context, products);
    return !interrupted();
}

static ufm_status minimise(const options *opts, const ufm_labels *labels, ufm_solve_settings *settings,
                           ufm_solution **solution, ufm_error *error)
{
    watcher watch = {
        .opts = opts, .line = progress_begin(opts), .tolerance = fmax(settings->minimize.tolerance, 1e-16)};
    ufm_status status = UFM_OK;
    if (opts->value[OPT_TRACE].given)
        status = ufm_output_open(opts->value[OPT_TRACE].text, &watch.trace, error);
    if (status != UFM_OK) return status;
    if (watch.trace)
        fputs("iteration,evaluations,objective,gradient_norm,seconds\n", ufm_output_stream(watch.trace));
    settings->minimize.observe = observe;
    settings->minimize.working = working;
    settings->minimize.context = &watch;
    status = is_proximal(opts) ? ufm_solve_proximal(labels, settings, solution, error)
                               : ufm_solve(labels, settings, solution, error);
    progress_end(&watch.line);
    if (status != UFM_OK) {
        ufm_output_abort(watch.trace);
        return status;
    }
    return watch.trace ? ufm_output_commit(watch.trace, error) : UFM_OK;
}

ufm_status solve_instance(const options *opts, const ufm_labels *labels, ufm_solve_settings *settings,
                          ufm_solution **solution, ufm_error *error)
{
    interrupt_install();
    ufm_status status = minimise(opts, labels, settings, solution, error);
    if (status == UFM_OK && opts->value[OPT_SAVE].given)
        status =
            ufm_solution_save(*solution, labels, &settings->objective, opts->value[OPT_SAVE].text, error);
    if (status == UFM_OK && opts->value[OPT_TAG_SETS].given)
        status = write_tag_sets(opts->value[OPT_TAG_SETS].text, &(*solution)->point, labels, error);
    return status;
}

bool report_interruption(const options *opts, const ufm_solution *solution)
{
    if (solution->info.stop != UFM_STOP_INTERRUPTED) return false;
    const char *saved = opts->value[OPT_SAVE].text;
    fprintf(stderr, "ufmlab: interrupted after %lld iterations%s%s\n", (long long)solution->info.iterations,
            saved ? "; the point reached is in " : "; --save would have kept the point", saved ? saved : "");
    return true;
}

/* The objective that a file states, with what the options replace. */
static ufm_status replace_objective(const options *opts, ufm_objective *objective, ufm_error *error)
{
    ufm_objective wanted;
    const ufm_status status = read_objective(opts, &wanted, error);
    if (status != UFM_OK) return status;
    if (opts->value[OPT_LOSS].given) {
        objective->loss = wanted.loss;
        objective->parameter = wanted.parameter;
    }
    if (opts->value[OPT_LAMBDA_W].given) objective->lambda_w = wanted.lambda_w;
    if (opts->value[OPT_LAMBDA_H].given) objective->lambda_h = wanted.lambda_h;
    if (opts->value[OPT_LAMBDA_B].given) objective->lambda_b = wanted.lambda_b;
    return UFM_OK;
}

/* The certificate that the solution's constraint, or its absence, calls for. */
static ufm_status certify(const options *opts, const ufm_labels *labels, const ufm_objective *objective,
                          ufm_solution *solution, ufm_error *error)
{
    ufm_pool *pool = ufm_pool_new((int)opts->value[OPT_THREADS].integer);
    ufm_status status;
    if (ufm_constraint_active(&solution->constraint)) {
        ufm_constrained_settings settings = ufm_constrained_defaults(solution->constraint);
        settings.gap_tolerance = opts->value[OPT_GAP_TOLERANCE].real;
        settings.pool = pool;
        status = ufm_certify_constrained(&solution->point, labels, objective, &settings,
                                         &solution->constrained, error);
    } else {
        ufm_certify_settings settings = ufm_certify_defaults();
        settings.gap_tolerance = opts->value[OPT_GAP_TOLERANCE].real;
        settings.pool = pool;
        status = ufm_certify(&solution->point, labels, objective, &settings, &solution->certificate, error);
    }
    ufm_pool_free(pool);
    return status;
}

ufm_status load_solution(const options *opts, const char *path, ufm_solution **solution, ufm_labels **labels,
                         ufm_objective *objective, ufm_error *error)
{
    ufm_status status = guard_solution_file(path, error);
    if (status == UFM_OK) status = ufm_solution_load(path, solution, labels, objective, error);
    if (status == UFM_OK) status = replace_objective(opts, objective, error);
    return status == UFM_OK ? certify(opts, *labels, objective, *solution, error) : status;
}
