/* ufmlab solve: minimise directly, certify, compare with the closed form. */
#include "cli.h"
#include <math.h>

typedef struct {
    const options *opts;
    progress_line line;
    ufm_output *trace;
    double first_gradient, tolerance;
} watcher;

static bool observe(void *context, const ufm_progress *now)
{
    watcher *watch = context;
    if (now->iteration == 0) watch->first_gradient = now->gradient_norm;
    if (watch->trace)
        fprintf(ufm_output_stream(watch->trace), "%lld,%lld,%.17g,%.17g,%.6f\n", (long long)now->iteration,
                (long long)now->evaluations, now->value, now->gradient_norm, now->seconds);
    const double fraction =
        log(watch->first_gradient / now->gradient_norm) / log(watch->first_gradient / watch->tolerance);
    progress_draw(&watch->line, fraction, "iteration %lld  f %.12g  |gradient| %.1e",
                  (long long)now->iteration, now->value, now->gradient_norm);
    return !interrupted();
}

static ufm_status read_settings(const options *opts, ufm_solve_settings *settings, ufm_error *error)
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
    ufm_status status = read_objective(opts, &settings->objective, error);
    if (status == UFM_OK) status = read_constraint(opts, &settings->constraint, error);
    return status == UFM_OK
               ? ufm_solver_parse(opts->value[OPT_SOLVER].text, &settings->minimize.solver, error)
               : status;
}

/* What there is to print. */
typedef struct {
    const ufm_labels *labels;
    const ufm_solve_settings *settings;
    const ufm_solution *solution;
    ufm_metrics *metrics;
    ufm_prediction *prediction; /* NULL for unbalanced labels or d < K-1 */
    ufm_comparison comparison;
    char unbalanced[512]; /* why there is no closed form to compare with, or empty */
} outcome;

/* The closed form under the constraint, where there is one. */
static ufm_status judge_constrained(outcome *out, const ufm_design *design, ufm_error *error)
{
    if (out->solution->point.dim < out->solution->point.classes) return UFM_OK;
    ufm_status status = ufm_predict_constrained(design, &out->settings->objective, &out->settings->constraint,
                                                &out->prediction, error);
    if (status == UFM_ERROR_UNSUPPORTED) return UFM_OK;
    return status == UFM_OK ? ufm_compare(out->solution, out->prediction, out->metrics, &out->comparison)
                            : status;
}

static ufm_status judge(outcome *out, const ufm_design *design, ufm_error *error)
{
    const ufm_point *point = &out->solution->point;
    ufm_status status = ufm_metrics_compute(point, out->labels, &out->metrics, error);
    if (status != UFM_OK || !design || point->dim < point->classes - 1) return status;
    if (ufm_constraint_active(&out->settings->constraint)) return judge_constrained(out, design, error);
    status = ufm_predict(design, &out->settings->objective, &out->prediction, error);
    return status == UFM_OK ? ufm_compare(out->solution, out->prediction, out->metrics, &out->comparison)
                            : status;
}

static double bias_norm(const ufm_point *point)
{
    double sum = 0;
    for (int64_t k = 0; k < point->classes; k++) sum += point->b[k] * point->b[k];
    return sqrt(sum);
}

static ufm_status print_json(const outcome *out, ufm_error *error)
{
    const ufm_minimize_info *info = &out->solution->info;
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "solver", ufm_solver_name(out->settings->minimize.solver));
    ufm_json_string(json, "stop", ufm_stop_text(info->stop));
    ufm_json_integer(json, "iterations", info->iterations);
    ufm_json_integer(json, "evaluations", info->evaluations);
    ufm_json_integer(json, "hessian_products", info->products);
    ufm_json_number(json, "seconds", info->seconds);
    ufm_json_integer(json, "classes", out->labels->classes);
    ufm_json_integer(json, "dim", out->solution->point.dim);
    ufm_json_integer(json, "samples_total", out->labels->samples);
    ufm_json_integer(json, "features", out->labels->columns);
    ufm_json_integer(json, "unlabelled_dropped", out->labels->unlabelled_dropped);
    if (ufm_constraint_active(&out->solution->constraint)) {
        json_constrained(json, &out->solution->constraint, &out->solution->constrained);
    } else {
        json_certificate(json, &out->solution->certificate);
    }
    ufm_json_number(json, "gap_tolerance", out->settings->gap_tolerance);
    ufm_json_number(json, "bias_norm", bias_norm(&out->solution->point));
    json_metrics(json, out->metrics);
    if (out->prediction) {
        ufm_json_object(json, "prediction");
        ufm_json_number(json, "objective", out->prediction->objective);
        ufm_json_number(json, "objective_error", out->comparison.objective_error);
        ufm_json_number(json, "gram_error", out->comparison.gram_error);
        ufm_json_number(json, "scale_error", out->comparison.scale_error);
        ufm_json_string(json, "phase", ufm_phase_text(out->prediction->phase));
        ufm_json_end(json);
    }
    return ufm_json_finish(json, stdout, error);
}

/* A metric, or a dash where it is undefined. */
static const char *metric(double value, char text[16])
{
    snprintf(text, 16, isnan(value) ? "-" : "%.2e", value);
    return text;
}

static void print_certificate(const ufm_certificate *c, const ufm_point *point)
{
    printf("  f             %.16g\n  lower bound   %.16g\n  duality gap   %.2e (%.1e of f): %s\n",
           c->objective, c->lower_bound, c->gap, c->gap / fabs(c->objective), ufm_certified_text(c->verdict));
    printf("  |gradient|    %.2e\n  sigma_1/mu    %.12g\n  rank          %lld of d = %lld\n",
           c->gradient_norm, c->sigma1 / c->mu, (long long)c->rank, (long long)point->dim);
    if (c->verdict == UFM_CERTIFIED_INCONCLUSIVE && point->dim < point->classes - 1)
        printf("  d < K - 1: the lower bound is that of every dimension and need not be reached here;\n"
               "  landscape multistart keeps the best of many starts\n");
}

static void print_text(const outcome *out)
{
    char nc[3][16];
    const ufm_minimize_info *info = &out->solution->info;
    const ufm_certificate *c = &out->solution->certificate;
    printf("%s: %s after %lld iterations, %lld evaluations, %.3g s\n",
           ufm_solver_name(out->settings->minimize.solver), ufm_stop_text(info->stop),
           (long long)info->iterations, (long long)info->evaluations, info->seconds);
    if (ufm_constraint_active(&out->solution->constraint)) {
        print_constrained(&out->solution->constraint, &out->solution->constrained);
        printf("  rank          %lld of d = %lld\n", (long long)out->solution->constrained.rank,
               (long long)out->solution->point.dim);
    } else {
        print_certificate(c, &out->solution->point);
    }
    printf("  NC1 %s  NC2 %s  NC3 %s\n", metric(out->metrics->nc1, nc[0]), metric(out->metrics->nc2, nc[1]),
           metric(out->metrics->nc3, nc[2]));
    for (int64_t l = 0; l < out->metrics->levels; l++) {
        const ufm_multiplicity_metrics *level = &out->metrics->level[l];
        printf("  multiplicity %lld: ", (long long)level->multiplicity);
        if (isnan(level->scale)) {
            printf("no tag-wise scale, W or the features vanish\n");
            continue;
        }
        printf("C_m %.12g, residual %.1e%s%s\n", level->scale, level->scale_residual,
               level->multiplicity > 1 ? ", NCm " : "",
               level->multiplicity > 1 ? metric(level->ncm, nc[0]) : "");
    }
    if (out->prediction)
        printf("  against %s: f %s, W W^T %s, C_m %s (relative)\n",
               ufm_constraint_active(&out->solution->constraint) ? "the closed form" : "Theorem 1",
               metric(out->comparison.objective_error, nc[0]), metric(out->comparison.gram_error, nc[1]),
               metric(out->comparison.scale_error, nc[2]));
    if (c->verdict == UFM_CERTIFIED_SADDLE)
        printf("  curvature     %.6g along the escape direction (formula %.6g)\n", c->witness_curvature,
               c->lambda_neg);
    if (out->unbalanced[0]) printf("  no closed form: %s\n", out->unbalanced);
}

static ufm_status check_outputs(const options *opts, ufm_error *error)
{
    const char *paths[] = {opts->value[OPT_SAVE].text, opts->value[OPT_TRACE].text};
    for (int i = 0; i < 2; i++) {
        const ufm_status status = paths[i] ? ufm_output_check(paths[i], error) : UFM_OK;
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

/* Solves with the trace and the progress line attached. */
static ufm_status solve(const options *opts, const ufm_labels *labels, ufm_solve_settings *settings,
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
    settings->minimize.context = &watch;
    status = ufm_solve(labels, settings, solution, error);
    progress_end(&watch.line);
    if (status != UFM_OK) {
        ufm_output_abort(watch.trace);
        return status;
    }
    return watch.trace ? ufm_output_commit(watch.trace, error) : UFM_OK;
}

static int64_t solve_copies(const ufm_solve_settings *settings)
{
    const ufm_minimize_settings *m = &settings->minimize;
    return ufm_constraint_active(&settings->constraint)
               ? ufm_solve_constrained_copies(&settings->constraint, m->solver, m->history)
               : ufm_solve_copies(m->solver, m->history);
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    ufm_solve_settings settings;
    ufm_labels *labels = NULL;
    ufm_design *design = NULL;
    ufm_solution *solution = NULL;
    outcome out = {0};
    int code = EXIT_DONE;
    ufm_status status = read_settings(opts, &settings, &error);
    if (status == UFM_OK) status = check_outputs(opts, &error);
    if (status == UFM_OK) status = read_instance(opts, solve_copies(&settings), &labels, &design, &error);
    if (status != UFM_OK) goto cleanup;
    if (!design) snprintf(out.unbalanced, sizeof out.unbalanced, "%s", error.text);
    interrupt_install();
    status = solve(opts, labels, &settings, &solution, &error);
    if (status == UFM_OK && opts->value[OPT_SAVE].given)
        status = ufm_solution_save(solution, labels, &settings.objective, opts->value[OPT_SAVE].text, &error);
    if (status != UFM_OK) goto cleanup;
    out.labels = labels;
    out.settings = &settings;
    out.solution = solution;
    status = judge(&out, design, &error);
    if (status != UFM_OK) goto cleanup;
    if (opts->value[OPT_JSON].given) {
        status = print_json(&out, &error);
    } else {
        print_text(&out);
    }
    if (solution->info.stop == UFM_STOP_INTERRUPTED) {
        const char *saved = opts->value[OPT_SAVE].text;
        fprintf(
            stderr, "ufmlab: interrupted after %lld iterations%s%s\n", (long long)solution->info.iterations,
            saved ? "; the point reached is in " : "; --save would have kept the point", saved ? saved : "");
        code = EXIT_FAILED;
    }
cleanup:
    ufm_prediction_free(out.prediction);
    ufm_metrics_free(out.metrics);
    ufm_solution_free(solution);
    ufm_design_free(design);
    ufm_labels_free(labels);
    return status == UFM_OK ? finish_output(code) : report_failure(status, &error);
}

const command command_solve = {
    "solve",
    "solve INSTANCE [options]",
    "Minimise the objective directly, certify the result, compare it with Theorem 1.",
    GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_CONSTRAINT | GROUP_SHAPE | GROUP_SOLVER | GROUP_GAP |
        GROUP_COMMON,
    0,
    run};
