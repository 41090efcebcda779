/* From options to what a training needs. */
#include "train.h"
#include <stdlib.h>
#include <string.h>

static const char paper[] = "loss=pal-n\nfeature-decay-batch=1e-3\nepochs=200\n";
static const char desk[] = "loss=pal-n\nfeature-decay-batch=1e-3\nepochs=20\nwidth=0.25\n";

/* What stands in for options that are not given: of the run to go on with, then of the preset. */
static ufm_status complete(const command *cmd, train_run *run, ufm_error *error)
{
    options *opts = &run->opts;
    ufm_status status = UFM_OK;
    if (opts->value[OPT_RESUME].given) {
        opts->value[OPT_OUT] = opts->value[OPT_RESUME];
        status = ufm_training_arguments(opts->value[OPT_RESUME].text, &run->stored, error);
        if (status == UFM_OK) status = options_add(cmd, run->stored, opts, error);
    }
    if (status != UFM_OK || !opts->value[OPT_PRESET].given) return status;
    const char *name = opts->value[OPT_PRESET].text;
    const char *preset = strcmp(name, "paper") == 0 ? paper : strcmp(name, "desk") == 0 ? desk : NULL;
    if (!preset) return ufm_fail(error, UFM_ERROR_USAGE, "--preset %.40s: there are paper and desk", name);
    run->preset = ufm_strdup(preset);
    return run->preset ? options_add(cmd, run->preset, opts, error) : UFM_ERROR_MEMORY;
}

static ufm_status two_words(const options *opts, option_id id, const char *first, const char *second,
                            bool *is_second, ufm_error *error)
{
    const char *text = opts->value[id].text;
    *is_second = strcmp(text, second) == 0;
    if (*is_second || strcmp(text, first) == 0) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_USAGE, "'%.40s' is neither %s nor %s", text, first, second);
}

static ufm_status read_settings(train_run *run, ufm_error *error)
{
    const option_value *v = run->opts.value;
    ufm_objective objective;
    bool bf16;
    ufm_training_settings *s = &run->settings;
    *s = ufm_training_defaults();
    s->architecture = v[OPT_ARCH].text;
    s->multiplier = v[OPT_WIDTH].real;
    s->etf = v[OPT_ETF].given;
    s->fix_dim = v[OPT_FIX_DIM].given;
    s->engine = v[OPT_ENGINE].text;
    s->threads = (int)v[OPT_THREADS].integer;
    s->seed = (uint64_t)v[OPT_SEED].integer;
    s->steps = v[OPT_STEPS].integer;
    s->batch = v[OPT_BATCH].integer;
    s->rate = v[OPT_RATE].real;
    s->last_rate = v[OPT_LAST_RATE].real;
    s->momentum = v[OPT_MOMENTUM].real;
    s->weight_decay = v[OPT_WEIGHT_DECAY].real;
    s->warmup = v[OPT_WARMUP].integer;
    s->feature_decay = v[OPT_LAMBDA_H].given ? v[OPT_LAMBDA_H].real : 0;
    s->feature_decay_batch = v[OPT_FEATURE_DECAY_BATCH].real;
    s->measure_every = v[OPT_MEASURE_EVERY].integer;
    s->checkpoint_steps = v[OPT_CHECKPOINT_STEPS].integer;
    s->out = v[OPT_OUT].text;
    s->resume = v[OPT_RESUME].given;
    if (v[OPT_LAMBDA_W].given || v[OPT_LAMBDA_B].given)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "train: the weights decay by --weight-decay X, which is lambda-w = lambda-b = X/2");
    ufm_status status = read_objective(&run->opts, &objective, error);
    if (status == UFM_OK) status = two_words(&run->opts, OPT_PRECISION, "f32", "bf16", &bf16, error);
    if (status == UFM_OK) status = two_words(&run->opts, OPT_OPTIMIZER, "sgd", "adam", &s->adam, error);
    if (status != UFM_OK) return status;
    s->loss = objective.loss;
    s->loss_parameter = objective.parameter;
    if (bf16 && !s->resume && !ufm_bf16_pays()) {
        say(&run->opts, "no matrix units for bf16 here: f32, which is faster than bf16 without them");
        run->opts.value[OPT_PRECISION].text = "f32";
        bf16 = false;
    }
    s->precision = bf16 ? UFM_PRECISION_BF16 : UFM_PRECISION_F32;
    return UFM_OK;
}

/* --steps without --epochs sets the schedule's length too, and a resumed run has to know it. */
static void read_epochs(train_run *run)
{
    option_value *epochs = &run->opts.value[OPT_EPOCHS];
    const int64_t steps = run->settings.steps, batch = run->settings.batch;
    const int64_t batches = (ufm_samples_labels(&run->samples)->columns + batch - 1) / batch;
    if (!epochs->given && steps > 0) {
        epochs->given = true;
        epochs->integer = (steps + batches - 1) / batches;
        snprintf(run->epochs, sizeof run->epochs, "%lld", (long long)epochs->integer);
        epochs->text = run->epochs;
    }
    run->settings.epochs = epochs->integer;
}

/* What a checkpoint keeps: all but what belongs to one call. */
static ufm_status keep_arguments(train_run *run)
{
    static const option_id of_one_call[] = {OPT_STEPS, OPT_RESUME, OPT_DRY_RUN,    OPT_OUT,
                                            OPT_JSON,  OPT_QUIET,  OPT_NO_FIGURES, OPT_HELP};
    options kept = run->opts;
    for (size_t i = 0; i < sizeof of_one_call / sizeof of_one_call[0]; i++)
        kept.value[of_one_call[i]].given = false;
    run->arguments = options_text(&kept, ~0u);
    run->settings.arguments = run->arguments;
    return run->arguments ? UFM_OK : UFM_ERROR_MEMORY;
}

/* Where trials are kept: $XDG_CACHE_HOME/ufmlab, else ~/.cache/ufmlab, else nowhere. */
static ufm_status find_cache(train_run *run)
{
    const char *chosen = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool given = chosen && *chosen;
    if (!given && !(home && *home)) return UFM_OK;
    const char *base = given ? chosen : home, *below = given ? "/ufmlab" : "/.cache/ufmlab";
    const size_t size = strlen(base) + strlen(below) + 1;
    run->cache = ufm_alloc((int64_t)size, 1);
    if (!run->cache) return UFM_ERROR_MEMORY;
    snprintf(run->cache, size, "%s%s", base, below);
    run->settings.cache = run->cache;
    return UFM_OK;
}

ufm_status train_read(const command *cmd, const options *opts, train_run *run, ufm_error *error)
{
    run->opts = *opts;
    ufm_status status = complete(cmd, run, error);
    if (status == UFM_OK) status = read_settings(run, error);
    if (status == UFM_OK) status = find_cache(run);
    if (status == UFM_OK) status = train_open(run, error);
    if (status != UFM_OK) return status;
    read_epochs(run);
    return keep_arguments(run);
}

void train_run_clear(train_run *run)
{
    ufm_images_free(run->images);
    ufm_images_free(run->held_images);
    ufm_table_free(run->table);
    ufm_table_free(run->held_table);
    ufm_free(run->stored);
    ufm_free(run->preset);
    ufm_free(run->arguments);
    ufm_free(run->cache);
}
