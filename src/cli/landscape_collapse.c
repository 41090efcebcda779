/* ufmlab landscape collapse: the features of three classes under gradient descent, as an animation. */
#include "landscape.h"
#include <limits.h>
#include <string.h>
#include <ufmlab/report.h>

static const double start_scale = 0.05;

static ufm_status print_json(const ufm_collapse_info *info, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "frames", info->frames);
    ufm_json_integer(json, "iterations", info->iterations);
    ufm_json_number(json, "start_scale", start_scale);
    ufm_json_number(json, "objective", info->objective);
    ufm_json_number(json, "relative_gap", info->gap);
    return ufm_json_finish(json, stdout, error);
}

/* OUT/figures/collapse.gif of OUT/data/collapse-frames.csv. */
static ufm_status animate(const options *opts, ufm_error *error)
{
    char csv[PATH_MAX], figures[PATH_MAX];
    const char *out = opts->value[OPT_OUT].text;
    if (!out) return UFM_OK;
    if (snprintf(csv, sizeof csv, "%s/data/collapse-frames.csv", out) >= PATH_MAX)
        return ufm_fail(error, UFM_ERROR_USAGE, "%.200s: the name is too long; choose a shorter --out", out);
    snprintf(figures, sizeof figures, "%s/figures", out);
    return ufm_figure_animate(&(ufm_figure){"animation", csv, "collapse"}, figures, error);
}

int landscape_collapse(const options *opts)
{
    ufm_error error = {{0}};
    landscape_task task;
    ufm_output *output = NULL;
    ufm_collapse_info info;
    const ufm_collapse_settings settings = {opts->value[OPT_POINTS].integer, start_scale};
    ufm_status status = landscape_begin(opts, &task, &error);
    if (status == UFM_OK && task.labels->classes != 3)
        status = ufm_fail(&error, UFM_ERROR_USAGE,
                          "the animation shows the plane of a classifier of three classes; give --classes 3");
    if (status == UFM_OK) status = command_data(opts, "collapse-frames", &output, &error);
    if (status == UFM_OK)
        status = ufm_collapse_write(task.labels, &task.explorer, &settings,
                                    output ? ufm_output_stream(output) : NULL, &info, &error);
    progress_end(&task.line);
    if (status == UFM_OK && opts->value[OPT_JSON].given)
        status = print_json(&info, &error);
    else if (status == UFM_OK)
        printf(
            "%lld frames of %lld iterations of gradient descent\n  f             %.16g, relative gap %.1e\n",
            (long long)info.frames, (long long)info.iterations, info.objective, info.gap);
    if (status != UFM_OK) goto cleanup;
    status = command_figure(opts, "animation", "collapse-frames", output, &error);
    output = NULL;
    if (status == UFM_OK) status = animate(opts, &error);
cleanup:
    ufm_output_abort(output);
    landscape_end(&task);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
