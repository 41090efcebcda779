/* What `ufmlab train` trains on: sets of images, or an ARFF file's rows. */
#include "data.h"
#include "train.h"
#include <stdlib.h>
#include <string.h>

/* ---- Images ---- */

/* A set by name or file; synthetic images get by default a hundredth of M-lab MNIST's tag sets. */
static ufm_status open_set(const options *opts, const char *name, bool test, ufm_images **images,
                           ufm_error *error)
{
    ufm_data_settings settings;
    ufm_status status = read_data_settings(opts, &settings, error);
    if (status != UFM_OK) return status;
    settings.test = settings.test || test;
    if (opts->value[OPT_CHANNELS].given) settings.picture.channels = opts->value[OPT_CHANNELS].integer;
    if (strcmp(name, "synthetic") == 0 && !settings.samples && !settings.counts)
        settings.samples = "1:31,2:2";
    return open_images(opts, name, &settings, images, NULL, error);
}

static ufm_status open_image_sets(train_run *run, const char *data, const char *held_out, ufm_error *error)
{
    const options *opts = &run->opts;
    if (opts->value[OPT_LABEL_XML].given || opts->value[OPT_LABEL_COLUMNS].given)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "train: --label-xml and --label-columns belong to --data FILE.arff");
    ufm_status status = open_set(opts, data, false, &run->images, error);
    if (status == UFM_OK && held_out) status = open_set(opts, held_out, true, &run->held_images, error);
    return status;
}

/* ---- Tables ---- */

static bool is_table(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".arff") == 0;
}

static ufm_status read_table(const options *opts, const char *path, ufm_table **table, ufm_error *error)
{
    ufm_read_settings settings = {.refuse_unlabelled =
                                      strcmp(opts->value[OPT_UNLABELLED].text, "error") == 0};
    ufm_status status = read_label_columns(opts, &settings, error);
    if (status == UFM_OK) status = ufm_table_read(path, &settings, table, error);
    if (status == UFM_OK && (*table)->labels->unlabelled_dropped > 0)
        say(opts, "%s: %lld rows without a label left out", path,
            (long long)(*table)->labels->unlabelled_dropped);
    return status;
}

/* The same columns, and the same classes in the same order. */
static bool alike(const ufm_table *a, const ufm_table *b)
{
    bool same = a->columns == b->columns && a->labels->classes == b->labels->classes;
    for (int64_t k = 0; same && a->labels->name && b->labels->name && k < a->labels->classes; k++)
        same = strcmp(a->labels->name[k], b->labels->name[k]) == 0;
    return same;
}

/* --held-out FILE.arff, or a share of the rows. */
static ufm_status hold_out(train_run *run, const char *held_out, ufm_error *error)
{
    char *end;
    const double share = strtod(held_out, &end);
    ufm_table *all = run->table;
    if (is_table(held_out)) {
        const ufm_status status = read_table(&run->opts, held_out, &run->held_table, error);
        if (status != UFM_OK || alike(all, run->held_table)) return status;
        return ufm_fail(error, UFM_ERROR_USAGE, "%.200s: other columns or labels than the training file's",
                        held_out);
    }
    if (end == held_out || *end != '\0')
        return ufm_fail(error, UFM_ERROR_USAGE, "--held-out %.60s: give FILE.arff, or a share as 0.3",
                        held_out);
    run->table = NULL;
    const uint64_t seed = ufm_seed_derive((uint64_t)run->opts.value[OPT_SEED].integer, 2);
    const ufm_status status = ufm_table_split(all, share, seed, &run->table, &run->held_table, error);
    ufm_table_free(all);
    return status;
}

static ufm_status open_table(train_run *run, const char *data, const char *held_out, ufm_error *error)
{
    const option_value *v = run->opts.value;
    const char *idle = option_given(&run->opts, GROUP_DATA);
    if (idle || v[OPT_SAMPLES].given || v[OPT_COUNTS].given || v[OPT_CLASSES].given || v[OPT_CHANNELS].given)
        return ufm_fail(error, UFM_ERROR_USAGE, "train: an ARFF file says all about its rows; leave out --%s",
                        idle                   ? idle
                        : v[OPT_SAMPLES].given ? "samples"
                        : v[OPT_COUNTS].given  ? "counts"
                        : v[OPT_CLASSES].given ? "classes"
                                               : "channels");
    ufm_status status = read_table(&run->opts, data, &run->table, error);
    if (status == UFM_OK && held_out) status = hold_out(run, held_out, error);
    if (status != UFM_OK) return status;
    ufm_table_standardise(run->table, run->held_table);
    if (!v[OPT_ARCH].given) run->settings.architecture = "mlp";
    return UFM_OK;
}

ufm_status train_open(train_run *run, ufm_error *error)
{
    const option_value *v = run->opts.value;
    const char *data = v[OPT_DATA].text, *held_out = v[OPT_HELD_OUT].text;
    if (v[OPT_SET].given || v[OPT_FROM_DIR].given || v[OPT_MIRROR].given || v[OPT_LABELS].given)
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "train: --set, --from and --mirror belong to the data command, --labels to others; give "
            "--data NAME");
    if (!data)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "train: give --data synthetic, a set of `ufmlab data list`, FILE.h5 or FILE.arff");
    const ufm_status status =
        is_table(data) ? open_table(run, data, held_out, error) : open_image_sets(run, data, held_out, error);
    run->samples = (ufm_samples){run->images, run->table};
    run->held_out = (ufm_samples){run->held_images, run->held_table};
    return status;
}

const ufm_samples *train_held_out(const train_run *run)
{
    return run->held_images || run->held_table ? &run->held_out : NULL;
}
