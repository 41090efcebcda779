/* ufmlab landscape slice: the objective along lines and planes. */
#include "landscape.h"
#include <math.h>
#include <string.h>

static ufm_status read_kind(const char *name, ufm_slice_kind *kind, ufm_error *error)
{
    for (int k = 0; k < UFM_SLICE_KINDS; k++)
        if (strcmp(name, ufm_slice_kind_name((ufm_slice_kind)k)) == 0) {
            *kind = (ufm_slice_kind)k;
            return UFM_OK;
        }
    return ufm_fail(error, UFM_ERROR_USAGE,
                    "--kind %.40s: unknown; random, saddle, trajectory, line and geodesic are there", name);
}

static ufm_status print_json(const ufm_slice_settings *settings, const ufm_slice_info *info, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "kind", ufm_slice_kind_name(settings->kind));
    ufm_json_integer(json, "points", settings->points);
    ufm_json_number(json, "extent", settings->extent);
    ufm_json_number(json, "objective", info->optimum);
    ufm_json_number(json, "relative_gap", info->gap);
    ufm_json_number(json, "least", info->least);
    ufm_json_number(json, "most", info->most);
    ufm_json_list(json, "curvature");
    for (int a = 0; a < 2; a++) ufm_json_number(json, NULL, info->curvature[a]);
    ufm_json_end(json);
    ufm_json_number(json, "saddle", info->saddle);
    ufm_json_list(json, "explained_variance");
    for (int a = 0; a < 2; a++) ufm_json_number(json, NULL, info->explained[a]);
    ufm_json_end(json);
    ufm_json_number(json, "projection_error", info->projection);
    ufm_json_number(json, "rise", info->rise);
    ufm_json_number(json, "angle", info->angle);
    ufm_json_number(json, "arrival_error", info->arrival);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_slice_settings *settings, const ufm_slice_info *info)
{
    printf("%s slice, %lld points along an axis\n", ufm_slice_kind_name(settings->kind),
           (long long)settings->points);
    printf("  optimum       %.16g, relative gap %.1e\n  surface       %.12g to %.12g\n", info->optimum,
           info->gap, info->least, info->most);
    if (!isnan(info->saddle)) printf("  saddle        %.16g\n", info->saddle);
    if (!isnan(info->curvature[1]))
        printf("  curvature     %.6g and %.6g along the axes\n", info->curvature[0], info->curvature[1]);
    else if (!isnan(info->curvature[0]))
        printf("  curvature     %.6g\n", info->curvature[0]);
    if (!isnan(info->explained[0]))
        printf("  variance      %.1f %% and %.1f %% of it along the axes\n", 100 * info->explained[0],
               100 * info->explained[1]);
    if (!isnan(info->projection))
        printf("  projection    changes the objective by %.2e at most\n", info->projection);
    if (!isnan(info->rise)) printf("  rise          %.3e between the optima\n", info->rise);
    if (!isnan(info->angle))
        printf("  rotation      %.6g long, arrives within %.1e\n", info->angle, info->arrival);
}

int landscape_slice(const options *opts)
{
    ufm_error error = {{0}};
    landscape_task task;
    ufm_output *output = NULL;
    ufm_slice_info info;
    char name[40];
    ufm_slice_settings settings = {.points = opts->value[OPT_POINTS].integer,
                                   .extent = opts->value[OPT_EXTENT].real};
    ufm_status status = landscape_begin(opts, &task, &error);
    if (status == UFM_OK) status = read_kind(opts->value[OPT_KIND].text, &settings.kind, &error);
    if (status != UFM_OK) goto cleanup;
    snprintf(name, sizeof name, "slice-%s", ufm_slice_kind_name(settings.kind));
    status = command_data(opts, name, &output, &error);
    if (status != UFM_OK) goto cleanup;
    status = ufm_slice_write(task.labels, &task.explorer, &settings,
                             output ? ufm_output_stream(output) : NULL, &info, &error);
    progress_end(&task.line);
    if (status == UFM_OK && opts->value[OPT_JSON].given)
        status = print_json(&settings, &info, &error);
    else if (status == UFM_OK)
        print_text(&settings, &info);
    if (status != UFM_OK) goto cleanup;
    status = command_figure(opts, "slice", name, output, &error);
    output = NULL;
cleanup:
    ufm_output_abort(output);
    landscape_end(&task);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
