/* The sets and the trainings of an experiment. */
#include "experiment.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

/* A label as the name of a directory. */
static void directory_name(const char *label, char name[64])
{
    snprintf(name, 64, "%s", label);
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c)) *c = '-';
}

ufm_status run_directory(const experiment_work *work, const ufm_experiment_run *run, int64_t seed,
                         char path[PATH_MAX], ufm_error *error)
{
    char name[64];
    directory_name(run->label, name);
    return experiment_path(path, error, "%s/%s/seed-%lld", work->out, name, (long long)seed);
}

static ufm_status set_path(const experiment_work *work, const char *name, char path[PATH_MAX],
                           ufm_error *error)
{
    return experiment_path(path, error, "%s/sets/%s.h5", work->out, name);
}

/* A set's file, or the words of the text. */
static ufm_status add_data(const experiment_work *work, experiment_words *words, const char *option,
                           const char *data, ufm_error *error)
{
    char path[PATH_MAX];
    if (!data) return UFM_OK;
    ufm_status status = words_add(words, error, "%s", option);
    if (status != UFM_OK) return status;
    if (!ufm_experiment_find_set(work->preset, data)) return words_split(work, words, data, error);
    status = set_path(work, data, path, error);
    return status == UFM_OK ? words_add(words, error, "%s", path) : status;
}

ufm_status run_words(const experiment_work *work, const ufm_experiment_run *run, int64_t seed,
                     experiment_words *words, ufm_error *error)
{
    const option_value *steps = &work->opts->value[OPT_EXPERIMENT_STEPS];
    ufm_status status = words_add(words, error, "train");
    if (status == UFM_OK) status = add_data(work, words, "--data", run->data, error);
    if (status == UFM_OK) status = add_data(work, words, "--held-out", run->held_out, error);
    if (status == UFM_OK) status = words_split(work, words, work->preset->train, error);
    if (status == UFM_OK) status = words_split(work, words, run->train, error);
    if (status == UFM_OK) status = words_add(words, error, "--seed");
    if (status == UFM_OK) status = words_add(words, error, "%lld", (long long)seed);
    if (status == UFM_OK && steps->given) status = words_add(words, error, "--steps");
    if (status == UFM_OK && steps->given) status = words_add(words, error, "%s", steps->text);
    return status;
}

/* ---- Checks before anything runs ---- */

static ufm_status check_options(const experiment_work *work, const command *cmd, const char *word,
                                const char *text, ufm_error *error)
{
    static const option_id mine[] = {OPT_OUT, OPT_RESUME, OPT_DRY_RUN, OPT_HELP, OPT_DATA};
    experiment_words words = {0};
    options opts;
    ufm_error what = {{0}};
    if (!text) return UFM_OK;
    const bool train = cmd == &command_train;
    ufm_status status = words_add(&words, error, "%s", train ? "train" : "data");
    if (status == UFM_OK && !train) status = words_add(&words, error, "make");
    if (status == UFM_OK) status = words_split(work, &words, text, error);
    if (status != UFM_OK) {
        words_clear(&words);
        return status;
    }
    status = words_parse(cmd, &words, &opts, &what);
    for (size_t i = 0; i < sizeof mine / sizeof mine[0] && status == UFM_OK; i++)
        if (opts.value[mine[i]].given || (train && opts.value[OPT_SEED].given))
            status = ufm_fail(&what, UFM_ERROR_INPUT,
                              "--out, --resume, --dry-run, --data and --seed are the experiment's own");
    words_clear(&words);
    return status == UFM_OK
               ? UFM_OK
               : ufm_experiment_fail(work->experiment, word, text, error, "%s: %s", word, what.text);
}

ufm_status check_runs(const experiment_work *work, ufm_error *error)
{
    const ufm_experiment_preset *preset = work->preset;
    ufm_status status = check_options(work, &command_train, "train", preset->train, error);
    for (uint32_t s = 0; s < preset->sets && status == UFM_OK; s++)
        status = check_options(work, &command_data_sets, "make", preset->set[s].make, error);
    for (uint32_t r = 0; r < preset->runs && status == UFM_OK; r++)
        status = check_options(work, &command_train, "train", preset->run[r].train, error);
    return status;
}

/* ---- What was asked for is kept beside what came of it ---- */

static bool same_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "r");
    if (!stream) return false;
    int c = 0;
    while (*text && (c = getc(stream)) == (unsigned char)*text) text++;
    const bool same = !*text && getc(stream) == EOF;
    fclose(stream);
    return same;
}

static ufm_status write_text(const char *path, const char *text, ufm_error *error)
{
    ufm_output *output = NULL;
    const ufm_status status = ufm_output_open(path, &output, error);
    if (status != UFM_OK) return status;
    fputs(text, ufm_output_stream(output));
    return ufm_output_commit(output, error);
}

/* The command of a training with that of its sets: another one is another run. */
static ufm_status run_command_text(const experiment_work *work, const ufm_experiment_run *run, int64_t seed,
                                   char **text, ufm_error *error)
{
    experiment_words words = {0};
    const ufm_experiment_set *set = ufm_experiment_find_set(work->preset, run->data);
    const ufm_experiment_set *held =
        ufm_experiment_find_set(work->preset, run->held_out ? run->held_out : "");
    ufm_status status = run_words(work, run, seed, &words, error);
    if (status == UFM_OK && set) status = words_split(work, &words, set->make, error);
    if (status == UFM_OK && held) status = words_split(work, &words, held->make, error);
    *text = status == UFM_OK ? words_text(&words) : NULL;
    words_clear(&words);
    return status != UFM_OK || *text ? status : UFM_ERROR_MEMORY;
}

/* ---- Sets ---- */

/* Examples of a set as a figure, for whoever wants to see what was trained on. */
static ufm_status draw_set(const experiment_work *work, const ufm_experiment_set *set, ufm_error *error)
{
    char path[PATH_MAX];
    experiment_words words = {0};
    ufm_status status = set_path(work, set->name, path, error);
    if (status == UFM_OK) status = words_add(&words, error, "data");
    if (status == UFM_OK) status = words_add(&words, error, "info");
    if (status == UFM_OK) status = words_add(&words, error, "%s", path);
    if (status == UFM_OK) status = words_add(&words, error, "--out=%s/sets/%s", work->out, set->name);
    if (status == UFM_OK) status = words_add(&words, error, "--quiet");
    if (status == UFM_OK) status = experiment_child(&words, NULL, error);
    words_clear(&words);
    return status;
}

static ufm_status make_set(const experiment_work *work, const ufm_experiment_set *set, ufm_error *error)
{
    char path[PATH_MAX], kept[PATH_MAX];
    experiment_words words = {0};
    char *text = NULL;
    ufm_status status = set_path(work, set->name, path, error);
    if (status == UFM_OK) status = experiment_path(kept, error, "%s.command", path);
    if (status == UFM_OK) status = words_add(&words, error, "data");
    if (status == UFM_OK) status = words_add(&words, error, "make");
    if (status == UFM_OK) status = words_split(work, &words, set->make, error);
    if (status == UFM_OK && !(text = words_text(&words))) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK && !(access(path, F_OK) == 0 && same_text(kept, text))) {
        unlink(kept);
        status = words_add(&words, error, "--out");
        if (status == UFM_OK) status = words_add(&words, error, "%s", path);
        if (status == UFM_OK) status = experiment_child(&words, NULL, error);
        if (status == UFM_OK) status = draw_set(work, set, error);
        if (status == UFM_OK) status = write_text(kept, text, error);
    }
    ufm_free(text);
    words_clear(&words);
    return status;
}

ufm_status make_sets(const experiment_work *work, ufm_error *error)
{
    char path[PATH_MAX];
    ufm_status status = experiment_path(path, error, "%s/sets", work->out);
    if (status == UFM_OK) status = ufm_make_directory(path, error);
    for (uint32_t s = 0; s < work->preset->sets && status == UFM_OK; s++)
        status = make_set(work, &work->preset->set[s], error);
    return status;
}

/* ---- Trainings ---- */

ufm_status run_is_done(const experiment_work *work, const ufm_experiment_run *run, int64_t seed, bool *done,
                       ufm_error *error)
{
    char directory[PATH_MAX], path[PATH_MAX];
    char *text = NULL;
    double stopped = NAN;
    *done = false;
    ufm_status status = run_directory(work, run, seed, directory, error);
    if (status == UFM_OK) status = run_command_text(work, run, seed, &text, error);
    if (status == UFM_OK) status = experiment_path(path, error, "%s/command", directory);
    const bool same = status == UFM_OK && same_text(path, text);
    ufm_free(text);
    if (status == UFM_OK) status = experiment_path(path, error, "%s/manifest.json", directory);
    if (status != UFM_OK || !same || access(path, F_OK) != 0) return status;
    status = ufm_experiment_number(path, "interrupted", &stopped, error);
    *done = status == UFM_OK && stopped == 0;
    return status;
}

/* The estimate that `train --dry-run` makes. */
static ufm_status estimate_run(const experiment_work *work, const ufm_experiment_run *run, double *seconds,
                               ufm_error *error)
{
    char path[PATH_MAX];
    experiment_words words = {0};
    ufm_status status = run_words(work, run, work->preset->seed[0], &words, error);
    if (status == UFM_OK) status = words_add(&words, error, "--dry-run");
    if (status == UFM_OK) status = words_add(&words, error, "--json");
    if (status == UFM_OK) status = words_add(&words, error, "--quiet");
    if (status == UFM_OK) status = experiment_path(path, error, "%s/estimate.json", work->out);
    if (status == UFM_OK) status = experiment_child(&words, path, error);
    if (status == UFM_OK) status = ufm_experiment_number(path, "seconds", seconds, error);
    words_clear(&words);
    return status;
}

ufm_status estimate_runs(const experiment_work *work, double *seconds, ufm_error *error)
{
    const ufm_experiment_preset *preset = work->preset;
    ufm_status status = UFM_OK;
    *seconds = 0;
    for (uint32_t r = 0; r < preset->runs && status == UFM_OK; r++) {
        int left = 0;
        double one = 0;
        for (uint32_t s = 0; s < preset->seeds && status == UFM_OK; s++) {
            bool done;
            status = run_is_done(work, &preset->run[r], preset->seed[s], &done, error);
            left += !done;
        }
        if (status == UFM_OK && left > 0) status = estimate_run(work, &preset->run[r], &one, error);
        *seconds += left * one;
    }
    return status;
}

/* Nothing of a run with other settings may be gone on with. */
static ufm_status prepare_directory(const char *directory, const char *text, bool *resume, ufm_error *error)
{
    static const char *const stale[] = {"manifest.json", "checkpoint.h5", "metrics.csv", "features.h5",
                                        "features-held-out.h5"};
    char path[PATH_MAX];
    ufm_status status = ufm_make_directory(directory, error);
    if (status == UFM_OK) status = experiment_path(path, error, "%s/command", directory);
    if (status != UFM_OK) return status;
    const bool same = same_text(path, text);
    if (!same) unlink(path);
    for (size_t i = 0; i < sizeof stale / sizeof stale[0] && !same; i++) {
        char old[PATH_MAX];
        status = experiment_path(old, error, "%s/%s", directory, stale[i]);
        if (status != UFM_OK) return status;
        unlink(old);
    }
    if (!same) status = write_text(path, text, error);
    if (status == UFM_OK) status = experiment_path(path, error, "%s/checkpoint.h5", directory);
    *resume = status == UFM_OK && access(path, F_OK) == 0;
    return status;
}

static ufm_status train_run_once(const experiment_work *work, const ufm_experiment_run *run, int64_t seed,
                                 ufm_error *error)
{
    char directory[PATH_MAX];
    char *text = NULL;
    bool resume = false;
    experiment_words words = {0};
    const option_value *steps = &work->opts->value[OPT_EXPERIMENT_STEPS];
    ufm_status status = run_directory(work, run, seed, directory, error);
    if (status == UFM_OK) status = run_command_text(work, run, seed, &text, error);
    if (status == UFM_OK) status = prepare_directory(directory, text, &resume, error);
    if (status == UFM_OK && resume) {
        status = words_add(&words, error, "train");
        if (status == UFM_OK && steps->given) status = words_add(&words, error, "--steps=%s", steps->text);
        if (status == UFM_OK) status = words_add(&words, error, "--resume");
    } else if (status == UFM_OK) {
        status = run_words(work, run, seed, &words, error);
        if (status == UFM_OK) status = words_add(&words, error, "--out");
    }
    if (status == UFM_OK) status = words_add(&words, error, "%s", directory);
    if (status == UFM_OK) status = words_add(&words, error, "--no-figures");
    if (status == UFM_OK && work->opts->value[OPT_QUIET].given) status = words_add(&words, error, "--quiet");
    if (status == UFM_OK) status = experiment_child(&words, NULL, error);
    words_clear(&words);
    ufm_free(text);
    return status;
}

ufm_status train_runs(const experiment_work *work, ufm_error *error)
{
    const ufm_experiment_preset *preset = work->preset;
    const uint32_t all = preset->runs * preset->seeds;
    ufm_status status = UFM_OK;
    /* A seed of every run before the next seed: what is there early can be looked at early. */
    for (uint32_t i = 0; i < all && status == UFM_OK; i++) {
        const ufm_experiment_run *run = &preset->run[i % preset->runs];
        const int64_t seed = preset->seed[i / preset->runs];
        bool done;
        status = run_is_done(work, run, seed, &done, error);
        if (status != UFM_OK || done) continue;
        say(work->opts, "%s: %s, seed %lld (%u of %u)", work->name, run->label, (long long)seed, i + 1, all);
        status = train_run_once(work, run, seed, error);
    }
    return status;
}
