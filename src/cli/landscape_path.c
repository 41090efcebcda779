/* ufmlab landscape path: the optimum along lambda. */
#include "landscape.h"
#include <math.h>

/* From the lambdas of the options down to a hundred-thousandth, or, where the design has a mu_c, from
 * 1.5 mu_c on. */
static ufm_status choose(const options *opts, const landscape_task *task, ufm_path_settings *settings,
                         ufm_error *error)
{
    ufm_prediction *prediction;
    *settings = (ufm_path_settings){.high = 1, .low = 1e-5, .points = opts->value[OPT_POINTS].integer};
    if (!task->design) return UFM_OK;
    const ufm_status status = ufm_predict(task->design, &task->explorer.objective, &prediction, error);
    if (status != UFM_OK) return status;
    if (prediction->mu_critical > 0) {
        settings->high = 1.5 * prediction->mu_critical / prediction->mu;
        settings->low = settings->high * 1e-6;
    }
    ufm_prediction_free(prediction);
    return UFM_OK;
}

static ufm_status print_json(const ufm_path_settings *settings, const ufm_path_info *info, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "points", info->points);
    ufm_json_number(json, "factor_high", settings->high);
    ufm_json_number(json, "factor_low", settings->low);
    ufm_json_integer(json, "restarts", info->restarts);
    ufm_json_number(json, "worst_gap", info->worst_gap);
    ufm_json_number(json, "worst_scale_ratio_error", info->worst_scale_ratio);
    ufm_json_number(json, "worst_margin_error", info->worst_margin);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_path_settings *settings, const ufm_path_info *info)
{
    printf("%lld points, lambda_w and lambda_h times %.4g down to %.4g\n", (long long)info->points,
           settings->high, settings->low);
    printf("  worst relative duality gap %.1e, %lld restarts\n", info->worst_gap, (long long)info->restarts);
    if (!isnan(info->worst_margin)) printf("  margins: within %.1e of the prediction\n", info->worst_margin);
    if (!isnan(info->worst_scale_ratio))
        printf("  C_m/C_1: within %.1e of the prediction\n", info->worst_scale_ratio);
}

int landscape_path(const options *opts)
{
    ufm_error error = {{0}};
    landscape_task task;
    ufm_output *output = NULL;
    ufm_path_settings settings;
    ufm_path_info info;
    ufm_status status = landscape_begin(opts, &task, &error);
    if (status == UFM_OK) status = choose(opts, &task, &settings, &error);
    if (status == UFM_OK) status = command_data(opts, "path", &output, &error);
    if (status == UFM_OK)
        status = ufm_path_write(task.labels, &task.explorer, &settings,
                                output ? ufm_output_stream(output) : NULL, &info, &error);
    progress_end(&task.line);
    if (status == UFM_OK && opts->value[OPT_JSON].given)
        status = print_json(&settings, &info, &error);
    else if (status == UFM_OK)
        print_text(&settings, &info);
    if (status != UFM_OK) goto cleanup;
    status = command_figure(opts, "path", "path", output, &error);
    output = NULL;
cleanup:
    ufm_output_abort(output);
    landscape_end(&task);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
