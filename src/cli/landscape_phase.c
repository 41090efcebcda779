/* ufmlab landscape phase: total collapse over lambda and n_2/n_1. */
#include "landscape.h"
#include <math.h>

enum { SINGLES_LEAST = 1000 }; /* only n_2/n_1 matters; fine steps of it need a large n_1 */

/* lambda_w from 1/30 to 3 times what makes mu = mu_c with as many pairs as singles; n_2/n_1 from 1/100 to 10.
 */
static ufm_status choose(const options *opts, landscape_task *task, ufm_phase_settings *settings,
                         ufm_error *error)
{
    ufm_design *equal;
    ufm_objective critical;
    char text[64];
    if (!task->design || task->design->multiplicity[0] != 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "a phase diagram starts from n_1 single-label samples per class; give --samples 1:N");
    const int64_t singles = task->design->per_tag_set[0];
    *settings = (ufm_phase_settings){.classes = task->labels->classes,
                                     .samples_single = singles < SINGLES_LEAST ? SINGLES_LEAST : singles,
                                     .ratio_low = 0.01,
                                     .ratio_high = 10,
                                     .lambda_points = opts->value[OPT_POINTS].integer,
                                     .ratio_points = opts->value[OPT_POINTS].integer};
    snprintf(text, sizeof text, "1:%lld,2:%lld", (long long)settings->samples_single,
             (long long)settings->samples_single);
    ufm_status status = ufm_design_parse(settings->classes, text, &equal, error);
    if (status != UFM_OK) return status;
    const ufm_objective *given = &task->explorer.objective;
    critical = *given;
    status = ufm_lambda_at(equal, 1, given->lambda_w / given->lambda_h, &critical, error);
    ufm_design_free(equal);
    settings->lambda_low = critical.lambda_w / 30;
    settings->lambda_high = critical.lambda_w * 3;
    return status;
}

static ufm_status print_json(const ufm_phase_settings *settings, const ufm_phase_info *info, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", settings->classes);
    ufm_json_integer(json, "samples_single", settings->samples_single);
    ufm_json_number(json, "lambda_low", settings->lambda_low);
    ufm_json_number(json, "lambda_high", settings->lambda_high);
    ufm_json_number(json, "ratio_low", settings->ratio_low);
    ufm_json_number(json, "ratio_high", settings->ratio_high);
    ufm_json_integer(json, "cells", info->cells);
    ufm_json_integer(json, "collapsed", info->collapsed);
    ufm_json_integer(json, "unjudged", info->unjudged);
    ufm_json_number(json, "band", UFM_PHASE_BAND);
    ufm_json_integer(json, "mismatches", info->mismatches);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_phase_settings *settings, const ufm_phase_info *info)
{
    printf("K = %lld, lambda_w %.3g to %.3g, n_2/n_1 %g to %g with n_1 = %lld\n",
           (long long)settings->classes, settings->lambda_low, settings->lambda_high, settings->ratio_low,
           settings->ratio_high, (long long)settings->samples_single);
    printf("  %lld cells, %lld of them collapsed\n  %lld differ from mu >= mu_c; %lld within %g of mu_c are "
           "not judged\n",
           (long long)info->cells, (long long)info->collapsed, (long long)info->mismatches,
           (long long)info->unjudged, UFM_PHASE_BAND);
}

int landscape_phase(const options *opts)
{
    ufm_error error = {{0}};
    landscape_task task;
    ufm_output *output = NULL;
    ufm_phase_settings settings;
    ufm_phase_info info = {0};
    ufm_status status = landscape_begin(opts, &task, &error);
    if (status == UFM_OK) status = choose(opts, &task, &settings, &error);
    if (status == UFM_OK) status = command_data(opts, "phase", &output, &error);
    if (status == UFM_OK)
        status = ufm_phase_write(&task.explorer, &settings, output ? ufm_output_stream(output) : NULL, &info,
                                 &error);
    progress_end(&task.line);
    if (status == UFM_OK && opts->value[OPT_JSON].given)
        status = print_json(&settings, &info, &error);
    else if (status == UFM_OK)
        print_text(&settings, &info);
    if (status != UFM_OK) goto cleanup;
    status = command_figure(opts, "phase", "phase", output, &error);
    output = NULL;
cleanup:
    ufm_output_abort(output);
    landscape_end(&task);
    return status == UFM_OK ? finish_output(info.mismatches == 0 ? EXIT_DONE : EXIT_FAILED)
                            : report_failure(status, &error);
}
