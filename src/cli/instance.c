/* From options to labels, designs and objectives. */
#include "cli.h"
#include <string.h>

ufm_status read_objective(const options *opts, ufm_objective *objective, ufm_error *error)
{
    objective->lambda_w = opts->value[OPT_LAMBDA_W].real;
    objective->lambda_h = opts->value[OPT_LAMBDA_H].real;
    objective->lambda_b = opts->value[OPT_LAMBDA_B].real;
    const ufm_status status = ufm_objective_parse_loss(opts->value[OPT_LOSS].text, objective, error);
    return status == UFM_OK ? ufm_objective_check(objective, error) : status;
}

/* Index of the option's text in a list of two words. */
static ufm_status choice(const options *opts, option_id id, const char *first, const char *second,
                         bool *is_second, ufm_error *error)
{
    const char *text = opts->value[id].text;
    *is_second = strcmp(text, second) == 0;
    if (*is_second || strcmp(text, first) == 0) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_USAGE, "'%.40s' is neither %s nor %s", text, first, second);
}

ufm_status read_merge(const options *opts, bool *merge, ufm_error *error)
{
    return choice(opts, OPT_DUPLICATES, "keep", "merge", merge, error);
}

int64_t memory_limit(const options *opts)
{
    const double gib = 1024.0 * 1024 * 1024;
    return opts->value[OPT_MEMORY].given ? (int64_t)(opts->value[OPT_MEMORY].real * gib)
                                         : ufm_memory_physical();
}

static ufm_status expand(const options *opts, const ufm_design *design, bool merge, int64_t copies,
                         ufm_labels **labels, ufm_error *error)
{
    const ufm_expansion expansion = {.duplicates = merge ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP,
                                     .dim = opts->value[OPT_DIM].given ? opts->value[OPT_DIM].integer
                                                                       : design->classes,
                                     .copies = copies,
                                     .memory_limit = memory_limit(opts)};
    return ufm_design_expand(design, &expansion, labels, error);
}

ufm_status read_label_columns(const options *opts, ufm_read_settings *settings, ufm_error *error)
{
    settings->label_xml = opts->value[OPT_LABEL_XML].text;
    return opts->value[OPT_LABEL_COLUMNS].given
               ? ufm_label_columns_parse(opts->value[OPT_LABEL_COLUMNS].text, &settings->label_columns, error)
               : UFM_OK;
}

ufm_status read_label_file(const options *opts, const char *path, bool counts, ufm_read_settings settings,
                           ufm_labels **labels, ufm_error *error)
{
    ufm_status status = read_label_columns(opts, &settings, error);
    if (status != UFM_OK) return status;
    progress_line line = progress_begin(opts);
    settings.classes = opts->value[OPT_CLASSES].given ? opts->value[OPT_CLASSES].integer : 0;
    settings.progress = progress_step;
    settings.context = &line;
    interrupt_install();
    status = counts ? ufm_labels_read_counts(path, &settings, labels, error)
                    : ufm_labels_read(path, &settings, labels, error);
    progress_end(&line);
    return status;
}

/* What a file's instance needs, checked as ufm_design_expand does for designs. */
static ufm_status check_memory(const options *opts, const ufm_labels *labels, int64_t copies,
                               ufm_error *error)
{
    const double gib = 1024.0 * 1024 * 1024;
    const double dim = (double)(opts->value[OPT_DIM].given ? opts->value[OPT_DIM].integer : labels->classes);
    const double needed = 8.0 * dim * (double)(labels->columns + labels->classes) * (double)copies / gib;
    const double limit = (double)memory_limit(opts) / gib;
    if (needed <= limit) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_MEMORY,
                    "%lld features of dimension %.0f need %.3g GiB but the limit is %.3g GiB; use "
                    "--duplicates merge or a smaller --dim",
                    (long long)labels->columns, dim, needed, limit);
}

ufm_status read_instance(const options *opts, int64_t copies, ufm_labels **labels, ufm_design **design,
                         ufm_error *error)
{
    const bool samples = opts->value[OPT_SAMPLES].given;
    const int sources = samples + opts->value[OPT_COUNTS].given + opts->value[OPT_LABELS].given;
    if (sources != 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "give exactly one of --samples (with --classes), --counts and --labels");
    if (samples && !opts->value[OPT_CLASSES].given)
        return ufm_fail(error, UFM_ERROR_USAGE, "--samples needs --classes K");
    bool merge = false, refuse;
    ufm_status status = read_merge(opts, &merge, error);
    if (status == UFM_OK) status = choice(opts, OPT_UNLABELLED, "drop", "error", &refuse, error);
    if (status != UFM_OK) return status;
    if (samples) {
        ufm_design *made;
        status =
            ufm_design_parse(opts->value[OPT_CLASSES].integer, opts->value[OPT_SAMPLES].text, &made, error);
        if (status != UFM_OK) return status;
        if (labels) status = expand(opts, made, merge, copies, labels, error);
        if (status != UFM_OK || !design) {
            ufm_design_free(made);
        } else {
            *design = made;
        }
        return status;
    }
    ufm_labels *read;
    const ufm_read_settings settings = {.duplicates = merge ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP,
                                        .refuse_unlabelled = refuse};
    const bool counted = opts->value[OPT_COUNTS].given;
    status = read_label_file(opts, opts->value[counted ? OPT_COUNTS : OPT_LABELS].text, counted, settings,
                             &read, error);
    if (status != UFM_OK) return status;
    if (read->unlabelled_dropped > 0)
        say(opts, "warning: %lld samples without any label were left out (--unlabelled error refuses them)",
            (long long)read->unlabelled_dropped);
    if (labels) status = check_memory(opts, read, copies, error);
    if (status == UFM_OK && design) {
        status = ufm_labels_to_design(read, design, error);
        if (status == UFM_ERROR_UNSUPPORTED && labels) {
            *design = NULL; /* fine where the labels themselves are wanted; `error` says why */
            status = UFM_OK;
        }
    }
    if (status != UFM_OK || !labels) {
        ufm_labels_free(read);
    } else {
        *labels = read;
    }
    return status;
}
