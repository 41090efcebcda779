/* ufmlab landscape path: the optimum along lambda. */
#include "landscape.h"
#include <math.h>
#include <string.h>

/* --from and --to are factors of mu/mu_max. */
static ufm_status choose(const options *opts, const landscape_task *task, ufm_path_settings *settings,
                         ufm_error *error)
{
    double mu_max;
    const double from = opts->value[OPT_FROM].real, to = opts->value[OPT_TO].real;
    const double mu = ufm_objective_mu(&task->explorer.objective);
    if (!(from > to))
        return ufm_fail(error, UFM_ERROR_USAGE, "--from %g must be larger than --to %g", from, to);
    const ufm_status status =
        ufm_collapse_threshold(task->labels, &task->explorer.objective, &mu_max, NULL, error);
    if (status != UFM_OK) return status;
    if (!(mu_max > 0))
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "W = H = 0 is optimal for every lambda; a path needs tag sets that differ");
    *settings = (ufm_path_settings){from * mu_max / mu, to * mu_max / mu, opts->value[OPT_POINTS].integer};
    return UFM_OK;
}

/* What is told while the path is walked: every point into the JSON object, or the ranks in text. */
typedef struct {
    ufm_json *json; /* or NULL */
    int64_t rank;
    char births[512];
} narrator;

static void tell_json(ufm_json *json, const ufm_path_step *step)
{
    ufm_json_object(json, NULL);
    ufm_json_number(json, "factor", step->factor);
    ufm_json_number(json, "mu_ratio", step->mu_ratio);
    ufm_json_number(json, "objective", step->objective);
    ufm_json_number(json, "gap", step->gap);
    ufm_json_number(json, "penalty_gap", step->penalty_gap);
    ufm_json_bool(json, "certified", step->certified);
    ufm_json_integer(json, "rank", step->rank);
    ufm_json_number(json, "nc2", step->nc2);
    ufm_json_number(json, "nuclear_norm", step->nuclear_norm);
    ufm_json_number(json, "distance", step->distance);
    ufm_json_number(json, "margin_share", step->margin_share);
    ufm_json_list(json, "singular_values");
    for (int64_t j = 0; j < step->values; j++) ufm_json_number(json, NULL, step->singular_value[j]);
    ufm_json_end(json);
    ufm_json_end(json);
}

static void visit(void *context, const ufm_path_step *step)
{
    narrator *n = context;
    if (n->json) tell_json(n->json, step);
    const size_t length = strlen(n->births);
    if (step->rank != n->rank && step->certified)
        snprintf(n->births + length, sizeof n->births - length, "%s%lld at %.3g", length ? ", " : "",
                 (long long)step->rank, step->mu_ratio);
    if (step->certified) n->rank = step->rank;
}

static ufm_status print_json(ufm_json *json, const ufm_path_settings *settings, const ufm_path_info *info,
                             ufm_error *error)
{
    ufm_json_end(json);
    ufm_json_integer(json, "points", info->points);
    ufm_json_number(json, "factor_high", settings->high);
    ufm_json_number(json, "factor_low", settings->low);
    ufm_json_number(json, "mu_max", info->mu_max);
    ufm_json_integer(json, "restarts", info->restarts);
    ufm_json_integer(json, "uncertified", info->uncertified);
    ufm_json_number(json, "certified_to", info->certified_to);
    ufm_json_number(json, "worst_gap", info->worst_gap);
    ufm_json_number(json, "worst_penalty_gap", info->worst_penalty_gap);
    ufm_json_number(json, "worst_scale_ratio_error", info->worst_scale_ratio);
    ufm_json_number(json, "worst_margin_error", info->worst_margin);
    ufm_json_integer(json, "rank", info->rank);
    ufm_json_object(json, "max_margin");
    ufm_json_number(json, "value", info->margin_value);
    ufm_json_number(json, "lower_bound", info->margin_lower_bound);
    ufm_json_number(json, "distance", info->distance);
    ufm_json_number(json, "margin_share", info->margin_share);
    ufm_json_end(json);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_path_settings *settings, const ufm_path_info *info, const char *births)
{
    printf(
        "%lld points, lambda_w and lambda_h times %.4g down to %.4g; total collapse from mu_max = %.10g on\n",
        (long long)info->points, settings->high, settings->low, info->mu_max);
    printf("  worst duality gap %.1e of f, %.1e of mu |WH|_*, %lld restarts\n", info->worst_gap,
           info->worst_penalty_gap, (long long)info->restarts);
    if (info->uncertified > 0)
        printf("  %lld points are NOT certified; all are down to mu/mu_max = %.3g\n",
               (long long)info->uncertified, info->certified_to);
    printf("  ranks, and mu/mu_max where each is first seen: %s\n", births[0] ? births : "0 throughout");
    if (!isnan(info->worst_margin)) printf("  margins: within %.1e of the prediction\n", info->worst_margin);
    if (!isnan(info->worst_scale_ratio))
        printf("  C_m/C_1: within %.1e of the prediction\n", info->worst_scale_ratio);
    if (!isnan(info->margin_value))
        printf("  max-margin limit: |Z|_* = %.10g (duality gap %.1e); at the end %.4f from its direction, "
               "margin "
               "%.4f of the largest\n",
               info->margin_value, (info->margin_value - info->margin_lower_bound) / info->margin_value,
               info->distance, info->margin_share);
}

int landscape_path(const options *opts)
{
    ufm_error error = {{0}};
    landscape_task task;
    ufm_output *levels = NULL, *spectrum = NULL;
    ufm_path_settings settings;
    ufm_path_info info;
    narrator told = {.json = opts->value[OPT_JSON].given ? ufm_json_new() : NULL};
    ufm_json_list(told.json, "path");
    ufm_status status = landscape_begin(opts, &task, &error);
    if (status == UFM_OK) status = choose(opts, &task, &settings, &error);
    if (status == UFM_OK) status = command_data(opts, "path", &levels, &error);
    if (status == UFM_OK) status = command_data(opts, "path-spectrum", &spectrum, &error);
    if (status == UFM_OK) {
        const ufm_path_outputs outputs = {levels ? ufm_output_stream(levels) : NULL,
                                          spectrum ? ufm_output_stream(spectrum) : NULL, visit, &told};
        status = ufm_path_write(task.labels, &task.explorer, &settings, &outputs, &info, &error);
    }
    progress_end(&task.line);
    if (status == UFM_OK && opts->value[OPT_JSON].given) {
        status = print_json(told.json, &settings, &info, &error);
        told.json = NULL;
    } else if (status == UFM_OK) {
        print_text(&settings, &info, told.births);
    }
    if (status != UFM_OK) goto cleanup;
    status = command_figure(opts, "path", "path", levels, &error);
    levels = NULL;
    if (status == UFM_OK) {
        status = command_figure(opts, "path-spectrum", "path-spectrum", spectrum, &error);
        spectrum = NULL;
    }
cleanup:
    ufm_output_abort(levels);
    ufm_output_abort(spectrum);
    ufm_json_free(told.json);
    landscape_end(&task);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
