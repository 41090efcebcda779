/* ufmlab solve: minimise directly, certify, compare with the closed form. */
#include "cli.h"
#include <math.h>

/* What there is to print. */
typedef struct {
    const char *solver;
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
    return status == UFM_OK
               ? ufm_compare(out->solution, out->labels, out->prediction, out->metrics, &out->comparison)
               : status;
}

static ufm_status judge(outcome *out, const ufm_design *design, ufm_error *error)
{
    const ufm_point *point = &out->solution->point;
    ufm_status status = ufm_metrics_compute(point, out->labels, &out->metrics, error);
    const ufm_objective *objective = &out->settings->objective;
    if (status != UFM_OK || !design) return status;
    if (ufm_constraint_active(&out->settings->constraint)) return judge_constrained(out, design, error);
    if (point->dim < ufm_loss_rank(objective->loss, point->classes)) return UFM_OK;
    status = ufm_predict(design, objective, &out->prediction, error);
    return status == UFM_OK
               ? ufm_compare(out->solution, out->labels, out->prediction, out->metrics, &out->comparison)
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
    ufm_json_string(json, "solver", out->solver);
    ufm_json_string(json, "stop", ufm_stop_text(info->stop));
    ufm_json_string(json, "loss", ufm_objective_loss_text(&out->settings->objective).text);
    ufm_json_integer(json, "iterations", info->iterations);
    ufm_json_integer(json, "evaluations", info->evaluations);
    ufm_json_integer(json, "hessian_products", info->products);
    ufm_json_number(json, "seconds", info->seconds);
    ufm_json_integer(json, "classes", out->labels->classes);
    ufm_json_integer(json, "dim", out->solution->point.dim);
    ufm_json_integer(json, "growths", out->solution->growths);
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
    json_weights(json, &out->solution->point);
    if (out->prediction) {
        ufm_json_object(json, "prediction");
        ufm_json_number(json, "objective", out->prediction->objective);
        ufm_json_number(json, "objective_error", out->comparison.objective_error);
        ufm_json_number(json, "gram_error", out->comparison.gram_error);
        ufm_json_number(json, "scale_error", out->comparison.scale_error);
        ufm_json_string(json, "phase", ufm_phase_text(out->prediction->phase));
        ufm_json_bool(json, "proved", out->prediction->proved);
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

/* What the optimum is compared with. */
static const char *comparison_name(const outcome *out)
{
    const ufm_loss loss = out->settings->objective.loss;
    if (ufm_constraint_active(&out->solution->constraint))
        return out->prediction->proved ? "the closed form" : "the tag-wise frame, not proved optimal";
    if (!out->prediction->proved) return "the symmetric critical point";
    return loss == UFM_LOSS_PAL || loss == UFM_LOSS_PAL_N ? "Theorem 1" : "the symmetric optimum";
}

static void print_certificate(const ufm_certificate *c, const ufm_point *point, int64_t rank)
{
    printf("  f             %.16g\n  lower bound   %.16g\n  duality gap   %.2e (%.1e of f): %s\n",
           c->objective, c->lower_bound, c->gap, c->gap / fabs(c->objective), ufm_certified_text(c->verdict));
    printf("  |gradient|    %.2e\n  sigma_1/mu    %.12g\n", c->gradient_norm, c->sigma1 / c->mu);
    if (c->verdict == UFM_CERTIFIED_INCONCLUSIVE && point->dim < rank)
        printf("  d < %lld: the lower bound is that of every dimension and need not be reached here;\n"
               "  landscape multistart keeps the best of many starts\n",
               (long long)rank);
}

static void print_text(const outcome *out)
{
    char nc[3][16];
    const ufm_minimize_info *info = &out->solution->info;
    const ufm_certificate *c = &out->solution->certificate;
    printf("%s: %s after %lld iterations, %lld evaluations, %.3g s\n", out->solver, ufm_stop_text(info->stop),
           (long long)info->iterations, (long long)info->evaluations, info->seconds);
    int64_t rank = c->rank;
    if (ufm_constraint_active(&out->solution->constraint)) {
        print_constrained(&out->solution->constraint, &out->solution->constrained);
        rank = out->solution->constrained.rank;
    } else {
        print_certificate(c, &out->solution->point,
                          ufm_loss_rank(out->settings->objective.loss, out->labels->classes));
    }
    printf("  rank          %lld of d = %lld", (long long)rank, (long long)out->solution->point.dim);
    if (out->solution->growths > 0) printf(", grown %lld times", (long long)out->solution->growths);
    printf("\n");
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
        printf("  against %s: f %s, W W^T %s, C_m %s (relative)\n", comparison_name(out),
               metric(out->comparison.objective_error, nc[0]), metric(out->comparison.gram_error, nc[1]),
               metric(out->comparison.scale_error, nc[2]));
    if (c->verdict == UFM_CERTIFIED_SADDLE)
        printf("  curvature     %.6g along the escape direction (formula %.6g)\n", c->witness_curvature,
               c->lambda_neg);
    if (out->unbalanced[0]) printf("  no closed form: %s\n", out->unbalanced);
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
    ufm_status status = read_solve_settings(opts, &settings, &error);
    if (status == UFM_OK) status = check_solve_outputs(opts, &error);
    if (status == UFM_OK) status = read_solve_instance(opts, &settings, &labels, &design, &error);
    if (status != UFM_OK) goto cleanup;
    if (!design) snprintf(out.unbalanced, sizeof out.unbalanced, "%s", error.text);
    status = solve_instance(opts, labels, &settings, &solution, &error);
    if (status != UFM_OK) goto cleanup;
    out.solver = solver_name(opts, &settings);
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
    if (report_interruption(opts, solution)) code = EXIT_FAILED;
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
    run,
    0};
