/* ufmlab experiment: the paper's figures and tables, each declared by a file. */
#include "experiment.h"
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const sizes[UFM_EXPERIMENT_PRESETS] = {"desk", "paper"};

ufm_status experiment_path(char path[PATH_MAX], ufm_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(path, PATH_MAX, format, arguments);
    va_end(arguments);
    return length >= 0 && length < PATH_MAX
               ? UFM_OK
               : ufm_fail(error, UFM_ERROR_USAGE, "%.200s: the name is too long; choose a shorter --out",
                          path);
}

static ufm_status read_size(const options *opts, ufm_experiment_size *size, ufm_error *error)
{
    const char *text = opts->value[OPT_EXPERIMENT_PRESET].text;
    for (int s = 0; s < UFM_EXPERIMENT_PRESETS; s++)
        if (strcmp(text, sizes[s]) == 0) {
            *size = (ufm_experiment_size)s;
            return UFM_OK;
        }
    return ufm_fail(error, UFM_ERROR_USAGE, "--preset %.40s: there are desk and paper", text);
}

/* Where the file lies and what it is called. */
static ufm_status split_path(experiment_work *work, const char *path, ufm_error *error)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const size_t length = strlen(base), suffix = strlen(".yaml");
    snprintf(work->name, sizeof work->name, "%.*s", (int)(length > suffix ? length - suffix : length), base);
    return slash ? experiment_path(work->folder, error, "%.*s", (int)(slash - path), path)
                 : experiment_path(work->folder, error, ".");
}

/* The preset's pixels; --fashion puts others in MNIST's place. */
static void describe_pixels(experiment_work *work)
{
    const char *text = work->preset->pixels, *digits = strstr(text, "MNIST");
    if (!digits || !work->opts->value[OPT_EXPERIMENT_FASHION].given) digits = NULL;
    const int before = digits ? (int)(digits - text) : 0;
    snprintf(work->pixels, sizeof work->pixels, "%.*s%s%s", before, text, digits ? "Fashion-" : "",
             text + before);
}

ufm_status experiment_open(const options *opts, const char *path, experiment_work *work, ufm_error *error)
{
    const option_value *out = &opts->value[OPT_OUT];
    *work = (experiment_work){.opts = opts};
    ufm_status status = read_size(opts, &work->size, error);
    if (status == UFM_OK) status = split_path(work, path, error);
    if (status == UFM_OK) status = ufm_experiment_read(path, &work->experiment, error);
    if (status != UFM_OK) return status;
    work->preset = work->experiment->preset[work->size];
    describe_pixels(work);
    status = experiment_path(work->out, error, "%s/%s/%s", out->given ? out->text : "build/experiments",
                             work->name, sizes[work->size]);
    /* What the full sizes give does not replace what is committed. */
    if (status == UFM_OK && out->given) return experiment_path(work->results, error, "%s/results", out->text);
    if (status == UFM_OK && work->size == UFM_EXPERIMENT_PAPER)
        return experiment_path(work->results, error, "build/experiments/paper-results");
    return status == UFM_OK ? experiment_path(work->results, error, "%s/results", work->folder) : status;
}

void experiment_close(experiment_work *work)
{
    ufm_experiment_free(work->experiment);
    work->experiment = NULL;
}

/* ---- The list ---- */

static ufm_status count_done(const experiment_work *work, uint32_t *done, ufm_error *error)
{
    const ufm_experiment_preset *preset = work->preset;
    ufm_status status = UFM_OK;
    *done = 0;
    for (uint32_t i = 0; i < preset->runs * preset->seeds && status == UFM_OK; i++) {
        bool one;
        status =
            run_is_done(work, &preset->run[i % preset->runs], preset->seed[i / preset->runs], &one, error);
        *done += status == UFM_OK && one;
    }
    return status;
}

static void describe(const experiment_work *work, uint32_t done, ufm_json *json)
{
    const ufm_experiment *e = work->experiment;
    const uint32_t all = work->preset->runs * work->preset->seeds;
    if (!json) {
        char minutes[32] = "?";
        if (work->preset->minutes > 0) snprintf(minutes, sizeof minutes, "%.0f", work->preset->minutes);
        printf("%-22s %3u/%-3u %7s  %-14s %s: %s\n", work->name, done, all, minutes,
               ufm_experiment_verdict_text(e->verdict), e->figure, e->title);
        return;
    }
    ufm_json_object(json, NULL);
    ufm_json_string(json, "name", work->name);
    ufm_json_string(json, "title", e->title);
    ufm_json_string(json, "figure", e->figure);
    ufm_json_string(json, "claim", e->claim);
    ufm_json_string(json, "verdict", ufm_experiment_verdict_text(e->verdict));
    ufm_json_string(json, "preset", sizes[work->size]);
    ufm_json_number(json, "minutes", work->preset->minutes);
    ufm_json_integer(json, "runs", all);
    ufm_json_integer(json, "runs_done", done);
    ufm_json_end(json);
}

static ufm_status describe_file(const options *opts, const char *path, ufm_json *json, ufm_error *error)
{
    experiment_work work;
    uint32_t done = 0;
    ufm_error unknown;
    ufm_status status = experiment_open(opts, path, &work, error);
    if (status == UFM_OK) {
        /* Runs on real sets cannot be known to be done where UFMLAB_DATA is not set. */
        if (count_done(&work, &done, &unknown) != UFM_OK) done = 0;
        describe(&work, done, json);
    }
    experiment_close(&work);
    return status;
}

static int is_yaml(const struct dirent *entry)
{
    const char *suffix = strrchr(entry->d_name, '.');
    return suffix && suffix != entry->d_name && strcmp(suffix, ".yaml") == 0;
}

ufm_status visit_experiments(const options *opts, experiment_visitor *visit, void *context, ufm_error *error)
{
    static const char folder[] = "experiments";
    struct dirent **entry = NULL;
    const int count = scandir(folder, &entry, is_yaml, alphasort);
    ufm_status status = count > 0
                            ? UFM_OK
                            : ufm_fail(error, UFM_ERROR_USAGE,
                                       "there is no experiments/*.yaml here; run in the source directory, or "
                                       "give the path of a .yaml file");
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (status == UFM_OK) status = experiment_path(path, error, "%s/%s", folder, entry[i]->d_name);
        if (status == UFM_OK) status = visit(opts, path, context, error);
        free(entry[i]);
    }
    free(entry);
    return status;
}

static ufm_status visit_list(const options *opts, const char *path, void *json, ufm_error *error)
{
    return describe_file(opts, path, json, error);
}

static ufm_status list(const options *opts, ufm_error *error)
{
    const bool as_json = opts->value[OPT_JSON].given;
    ufm_json *json = as_json ? ufm_json_new() : NULL;
    if (as_json) {
        ufm_json_list(json, "experiments");
    } else {
        printf("%-22s %7s %7s  %-14s %s\n", "NAME", "done", "minutes", "verdict", "figure of the paper");
    }
    const ufm_status status = visit_experiments(opts, visit_list, json, error);
    if (status == UFM_OK && as_json) return ufm_json_finish(json, stdout, error);
    ufm_json_free(json);
    return status;
}

/* ---- One experiment ---- */

/* Looks like a path, or is the name of a file in experiments/. */
static ufm_status file_of(const char *name, char path[PATH_MAX], ufm_error *error)
{
    const char *suffix = strrchr(name, '.');
    if (suffix && strcmp(suffix, ".yaml") == 0) return experiment_path(path, error, "%s", name);
    return experiment_path(path, error, "experiments/%s.yaml", name);
}

static void say_estimate(const options *opts, const experiment_work *work, double seconds)
{
    if (seconds < 7200)
        say(opts, "%s: what is left of the trainings will take about %.0f min", work->name, seconds / 60);
    else
        say(opts, "%s: what is left of the trainings will take about %.1f h", work->name, seconds / 3600);
}

static ufm_status print_summary(const experiment_work *work, double estimate, ufm_error *error)
{
    const ufm_experiment *e = work->experiment;
    uint32_t done = 0;
    ufm_status status = count_done(work, &done, error);
    if (status != UFM_OK) return status;
    if (work->opts->value[OPT_JSON].given) {
        ufm_json *json = ufm_json_new();
        char csv[PATH_MAX];
        snprintf(csv, sizeof csv, "%.2000s/%.200s.csv", work->results, work->name);
        ufm_json_string(json, "name", work->name);
        ufm_json_string(json, "preset", sizes[work->size]);
        ufm_json_string(json, "results", csv);
        ufm_json_integer(json, "runs", work->preset->runs * work->preset->seeds);
        ufm_json_integer(json, "runs_done", done);
        ufm_json_number(json, "seconds_left", estimate);
        return ufm_json_finish(json, stdout, error);
    }
    printf("%s (%s): %s\n  pixels    %s\n  runs      %u of %u done\n  claim     %s\n  verdict   %s\n",
           work->name, sizes[work->size], e->title, work->pixels, done,
           work->preset->runs * work->preset->seeds, e->claim, ufm_experiment_verdict_text(e->verdict));
    if (isfinite(estimate)) printf("  time left %.1f min\n", estimate / 60);
    if (!work->opts->value[OPT_DRY_RUN_EXPERIMENT].given)
        printf("  results   %s/%s.csv\n", work->results, work->name);
    return UFM_OK;
}

static ufm_status run_one(const options *opts, ufm_error *error)
{
    char path[PATH_MAX];
    experiment_work work = {0};
    double estimate = NAN;
    int claim = -1;
    const bool dry = opts->value[OPT_DRY_RUN_EXPERIMENT].given;
    ufm_status status = file_of(opts->operand[0], path, error);
    if (status == UFM_OK) status = experiment_open(opts, path, &work, error);
    if (status == UFM_OK) status = check_runs(&work, error);
    if (status == UFM_OK) status = ufm_claim_directory(work.out, &claim, error);
    if (status == UFM_OK) status = make_sets(&work, error);
    if (status == UFM_OK && (dry || work.size == UFM_EXPERIMENT_PAPER)) {
        status = estimate_runs(&work, &estimate, error);
        if (status == UFM_OK) say_estimate(opts, &work, estimate);
    }
    if (status == UFM_OK && !dry) status = train_runs(&work, error);
    if (status == UFM_OK && !dry) status = collect_runs(&work, error);
    if (status == UFM_OK) status = print_summary(&work, dry ? estimate : 0, error);
    ufm_release_directory(claim);
    experiment_close(&work);
    return status;
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    const ufm_status status = opts->value[OPT_EXPERIMENT_README].given ? write_readme(opts, &error)
                              : opts->operands == 0                    ? list(opts, &error)
                                                                       : run_one(opts, &error);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}

const command command_experiment = {
    "experiment",
    "experiment [NAME|FILE.yaml] [options]",
    "Do a figure or table of the paper: sets, trainings, theory, collection, figure.\n"
    "Without NAME lists experiments/*.yaml and what is done. What is done is kept in\n"
    "build/experiments/; the same command goes on after Ctrl-C or worse.",
    GROUP_EXPERIMENT | GROUP_REPORT | GROUP_COMMON,
    0,
    run,
    1};
