/* ufmlab geometry: the certified optimum of any labels, and what it looks like. */
#include "geometry.h"
#include <math.h>

/* One feature per tag set, unless the user wants something else. */
static options with_defaults(const options *given)
{
    options opts = *given;
    if (!opts.value[OPT_DUPLICATES].given) opts.value[OPT_DUPLICATES].text = "merge";
    return opts;
}

static ufm_status load(const options *opts, geometry_report *report, ufm_error *error)
{
    const char *idle = option_given(opts, GROUP_INSTANCE | GROUP_SHAPE | GROUP_SOLVER);
    if (idle)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "geometry FILE takes labels and point from the file; leave out --%s, or the file",
                        idle);
    report->file = opts->operand[0];
    const ufm_status status = load_solution(opts, report->file, &report->solution, &report->labels,
                                            &report->settings.objective, error);
    if (status != UFM_OK || !ufm_constraint_active(&report->solution->constraint)) return status;
    return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                    "%s: the point obeys a constraint; geometry describes the optimum without one",
                    report->file);
}

static ufm_status solve(const options *opts, geometry_report *report, ufm_error *error)
{
    ufm_solve_settings *settings = &report->settings;
    ufm_status status = read_solve_settings(opts, settings, error);
    if (status == UFM_OK) status = check_solve_outputs(opts, error);
    if (status == UFM_OK) status = read_solve_instance(opts, settings, &report->labels, NULL, error);
    if (status == UFM_OK) status = solve_instance(opts, report->labels, settings, &report->solution, error);
    return status;
}

/* Theorem 1 where it applies. */
static ufm_status predict(geometry_report *report, ufm_error *error)
{
    ufm_design *design;
    if (!report->balance->balanced ||
        report->solution->point.dim < ufm_loss_rank(report->settings.objective.loss, report->labels->classes))
        return UFM_OK;
    ufm_status status = ufm_labels_to_design(report->labels, &design, error);
    if (status != UFM_OK) return status;
    status = ufm_predict(design, &report->settings.objective, &report->prediction, error);
    ufm_design_free(design);
    return status;
}

static ufm_status measure(geometry_report *report, ufm_error *error)
{
    const ufm_certificate *certificate = &report->solution->certificate;
    progress_line line = progress_begin(report->opts);
    ufm_geometry_settings settings = ufm_geometry_defaults();
    settings.objective = &report->settings.objective;
    settings.value = certificate->objective;
    settings.gap = certificate->gap;
    settings.certified = certificate->verdict == UFM_CERTIFIED_GLOBAL;
    settings.progress = report->solution->info.stop == UFM_STOP_INTERRUPTED ? NULL : progress_step;
    settings.context = &line;
    const ufm_point *point = &report->solution->point;
    ufm_status status = ufm_balance_compute(report->labels, &report->balance, error);
    if (status == UFM_OK) status = ufm_label_limit(report->labels, &report->limit_slack, error);
    if (status == UFM_OK) status = ufm_frame_compute(point, report->labels, &settings, &report->frame, error);
    if (status == UFM_OK)
        status = ufm_tag_laws_compute(point, report->labels, &settings, &report->laws, error);
    if (status == UFM_OK) status = predict(report, error);
    progress_end(&line);
    return status;
}

static void clear(geometry_report *report)
{
    ufm_prediction_free(report->prediction);
    ufm_tag_laws_free(report->laws);
    ufm_frame_free(report->frame);
    ufm_balance_free(report->balance);
    ufm_solution_free(report->solution);
    ufm_labels_free(report->labels);
}

static int run(const options *given)
{
    ufm_error error = {{0}};
    const options opts = with_defaults(given);
    geometry_report report = {.opts = &opts};
    int code = EXIT_DONE;
    interrupt_install();
    const char *out = opts.value[OPT_OUT].text;
    ufm_status status = out ? ufm_make_directory(out, &error) : UFM_OK;
    if (status == UFM_OK)
        status = opts.operands > 0 ? load(given, &report, &error) : solve(&opts, &report, &error);
    if (status == UFM_OK) status = measure(&report, &error);
    if (status == UFM_OK) status = geometry_write(&report, &error);
    if (status == UFM_OK) {
        if (opts.value[OPT_JSON].given) {
            status = geometry_print_json(&report, &error);
        } else {
            geometry_print_text(&report);
        }
    }
    if (status == UFM_OK && report_interruption(&opts, report.solution)) code = EXIT_FAILED;
    clear(&report);
    return status == UFM_OK ? finish_output(code) : report_failure(status, &error);
}

const command command_geometry = {
    "geometry",
    "geometry INSTANCE|FILE.h5 [options]",
    "Describe the certified optimum of any labels: balance, W, and the tag-wise law.\n"
    "Minimises as solve does (but merges duplicates and takes newton to 1e-13 unless told\n"
    "otherwise), or takes the point of a stored solution.",
    GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_SHAPE | GROUP_SOLVER | GROUP_GAP | GROUP_REPORT | GROUP_COMMON,
    0,
    run,
    1};
