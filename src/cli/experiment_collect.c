/* NAME.csv: one row per kind, series, quantity and epoch, over the seeds. */
#include "data.h"
#include "experiment.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/nets.h>
#include <ufmlab/report.h>
#include <unistd.h>

/* In quotes; gnuplot takes even a comma inside them for the end of a field. */
static void write_cell(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const char *c = text; *c; c++) {
        if (*c == '"') fputc('"', stream);
        fputc(*c == '\n' ? ' ' : *c == ',' ? ';' : *c, stream);
    }
    fputc('"', stream);
}

void write_band(const experiment_rows *rows, const char *kind, const char *series, const char *quantity,
                double epoch, ufm_band band)
{
    if (band.count == 0) return;
    fprintf(rows->stream, "%s,", kind);
    write_cell(rows->stream, series);
    fprintf(rows->stream, ",%s,", quantity);
    if (isfinite(epoch)) fprintf(rows->stream, "%.10g", epoch);
    fprintf(rows->stream, ",%.10g,%.10g,%.10g,%lld\n", band.mean, band.low, band.high, (long long)band.count);
}

/* ---- Over the epochs ---- */

static ufm_status seed_path(const experiment_rows *rows, const ufm_experiment_run *run, uint32_t seed,
                            const char *file, char path[PATH_MAX], ufm_error *error)
{
    char directory[PATH_MAX];
    const ufm_status status =
        run_directory(rows->work, run, rows->work->preset->seed[seed], directory, error);
    return status == UFM_OK ? experiment_path(path, error, "%s/%s", directory, file) : status;
}

/* A column's numbers at the epochs that all seeds have. Column 0 of `read` is the epoch. */
static ufm_status write_column(const experiment_rows *rows, const ufm_experiment_run *run,
                               const ufm_columns *read, int64_t column, ufm_error *error)
{
    const uint32_t seeds = rows->work->preset->seeds;
    double *value = ufm_alloc(seeds, sizeof *value);
    int64_t least = read[0].rows;
    if (!value) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %u seeds", seeds);
    for (uint32_t s = 1; s < seeds; s++)
        if (read[s].rows < least) least = read[s].rows;
    for (int64_t i = 0; i < least; i++) {
        for (uint32_t s = 0; s < seeds; s++) value[s] = read[s].value[i * read[s].columns + column];
        write_band(rows, "network", run->label, rows->work->experiment->quantity[column - 1],
                   read[0].value[i * read[0].columns], ufm_band_of(seeds, value));
        if (i == least - 1)
            write_band(rows, "network", run->label, rows->work->experiment->quantity[column - 1], NAN,
                       ufm_band_of(seeds, value));
    }
    ufm_free(value);
    return UFM_OK;
}

static ufm_status collect_curves(const experiment_rows *rows, const ufm_experiment_run *run, ufm_error *error)
{
    const ufm_experiment *e = rows->work->experiment;
    const uint32_t seeds = rows->work->preset->seeds;
    ufm_columns *read = ufm_alloc(seeds, sizeof *read);
    const char **name = ufm_alloc(e->quantities + 1, sizeof *name);
    char path[PATH_MAX];
    ufm_status status = read && name ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory");
    if (status == UFM_OK) name[0] = "epoch";
    for (uint32_t q = 0; q < e->quantities && status == UFM_OK; q++) name[q + 1] = e->quantity[q];
    for (uint32_t s = 0; s < seeds && status == UFM_OK; s++) {
        status = seed_path(rows, run, s, "metrics.csv", path, error);
        if (status == UFM_OK) status = ufm_columns_read(path, e->quantities + 1, name, &read[s], error);
    }
    for (uint32_t q = 0; q < e->quantities && status == UFM_OK; q++)
        status = write_column(rows, run, read, q + 1, error);
    for (uint32_t s = 0; read && s < seeds; s++) ufm_columns_free(&read[s]);
    ufm_free(read);
    ufm_free(name);
    return status;
}

/* ---- At the end ---- */

/* The numbers with these keys of a JSON file of every seed. */
static ufm_status write_numbers(const experiment_rows *rows, const ufm_experiment_run *run, const char *file,
                                const char *const *key, ufm_error *error)
{
    const uint32_t seeds = rows->work->preset->seeds;
    char path[PATH_MAX];
    double *value = ufm_alloc(seeds, sizeof *value);
    ufm_status status = value ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory");
    for (; *key && status == UFM_OK; key++) {
        for (uint32_t s = 0; s < seeds && status == UFM_OK; s++) {
            status = seed_path(rows, run, s, file, path, error);
            if (status == UFM_OK) status = ufm_experiment_number(path, *key, &value[s], error);
        }
        if (status == UFM_OK) write_band(rows, "network", run->label, *key, NAN, ufm_band_of(seeds, value));
    }
    ufm_free(value);
    return status;
}

/* Runs COMMAND FILE [--reference FILE] --json in every seed's directory. */
static ufm_status ask_seeds(const experiment_rows *rows, const ufm_experiment_run *run, const char *verb,
                            ufm_error *error)
{
    char features[PATH_MAX], held[PATH_MAX], json[PATH_MAX], file[64];
    ufm_status status = UFM_OK;
    snprintf(file, sizeof file, "%s.json", verb);
    for (uint32_t s = 0; s < rows->work->preset->seeds && status == UFM_OK; s++) {
        experiment_words words = {0};
        status = seed_path(rows, run, s, "features.h5", features, error);
        if (status == UFM_OK) status = seed_path(rows, run, s, "features-held-out.h5", held, error);
        if (status == UFM_OK) status = seed_path(rows, run, s, file, json, error);
        const bool reference = strcmp(verb, "decode") == 0 && access(held, F_OK) == 0;
        if (status == UFM_OK) status = words_add(&words, error, "%s", verb);
        if (status == UFM_OK) status = words_add(&words, error, "%s", reference ? held : features);
        if (status == UFM_OK && reference) status = words_add(&words, error, "--reference=%s", features);
        if (status == UFM_OK) status = words_add(&words, error, "--json");
        if (status == UFM_OK) status = words_add(&words, error, "--quiet");
        if (status == UFM_OK) status = experiment_child(&words, json, error);
        words_clear(&words);
    }
    return status;
}

static ufm_status collect_decoders(const experiment_rows *rows, const ufm_experiment_run *run,
                                   ufm_error *error)
{
    static const char *const scores[] = {"exact_match", "iou", "f1"};
    char text[UFM_DECODERS * 3][64];
    const char *key[UFM_DECODERS * 3 + 2] = {NULL};
    int keys = 0;
    for (int d = 0; d < UFM_DECODERS; d++)
        for (int s = 0; s < 3; s++, keys++) {
            snprintf(text[keys], sizeof text[keys], "%s.%s", ufm_decoder_name((ufm_decoder)d), scores[s]);
            key[keys] = text[keys];
        }
    key[keys] = "softmax_mass";
    const ufm_status status = ask_seeds(rows, run, "decode", error);
    return status == UFM_OK ? write_numbers(rows, run, "decode.json", key, error) : status;
}

/* The objective of the theory at the network's own features: how far it is from the optimum. */
static ufm_status collect_objective(const experiment_rows *rows, const ufm_experiment_run *run,
                                    ufm_error *error)
{
    static const char *const keys[] = {"objective", NULL};
    const ufm_status status = ask_seeds(rows, run, "certify", error);
    return status == UFM_OK ? write_numbers(rows, run, "certify.json", keys, error) : status;
}

/* Trainable parameters of this architecture at full width. */
static ufm_status full_parameters(const options *opts, ufm_network_settings settings, double *parameters,
                                  ufm_error *error)
{
    ufm_network *network = NULL;
    settings.multiplier = 1;
    settings.etf = opts->value[OPT_ETF].given;
    settings.fix_dim = opts->value[OPT_FIX_DIM].given;
    const ufm_status status = ufm_network_new(opts->value[OPT_ARCH].text, &settings, &network, error);
    if (status == UFM_OK) *parameters = (double)network->trainable_parameters;
    ufm_network_free(network);
    return status;
}

/* Pictures have three channels unless they are of MNIST's kind. */
static int64_t channels_of(const experiment_work *work, const ufm_experiment_run *run)
{
    const ufm_experiment_set *set = ufm_experiment_find_set(work->preset, run->data);
    return set && (strstr(set->make, "mnist") || strstr(set->make, "fashion")) ? 1 : 3;
}

static ufm_status collect_parameters(const experiment_rows *rows, const ufm_experiment_run *run,
                                     ufm_error *error)
{
    static const char *const keys[] = {"trainable_parameters", NULL};
    char path[PATH_MAX];
    experiment_words words = {0};
    options opts, learned;
    double classes = NAN, full = NAN, plain = NAN;
    ufm_status status = write_numbers(rows, run, "manifest.json", keys, error);
    if (status == UFM_OK) status = seed_path(rows, run, 0, "manifest.json", path, error);
    if (status == UFM_OK) status = ufm_experiment_number(path, "classes", &classes, error);
    if (status == UFM_OK) status = run_words(rows->work, run, 0, &words, error);
    if (status == UFM_OK) status = words_parse(&command_train, &words, &opts, error);
    if (status == UFM_OK) {
        const ufm_network_settings shape = {
            .classes = (int64_t)classes, .channels = channels_of(rows->work, run), .height = 32, .width = 32};
        learned = opts;
        learned.value[OPT_ETF].given = learned.value[OPT_FIX_DIM].given = false;
        status = full_parameters(&opts, shape, &full, error);
        if (status == UFM_OK) status = full_parameters(&learned, shape, &plain, error);
    }
    if (status == UFM_OK) {
        const double saved = 100 * (1 - full / plain);
        write_band(rows, "network", run->label, "parameters_full_width", NAN, ufm_band_of(1, &full));
        write_band(rows, "network", run->label, "parameters_saved_percent", NAN, ufm_band_of(1, &saved));
    }
    words_clear(&words);
    return status;
}

/* One seed's groups into the column of every group's values. */
static ufm_status groups_of_seed(const experiment_rows *rows, const ufm_experiment_run *run, uint32_t seed,
                                 experiment_groups *groups, ufm_error *error)
{
    char path[PATH_MAX], held[PATH_MAX];
    features_input trained = {0}, measured = {0};
    ufm_status status = seed_path(rows, run, seed, "features.h5", path, error);
    if (status == UFM_OK) status = seed_path(rows, run, seed, "features-held-out.h5", held, error);
    if (status == UFM_OK) status = load_features(path, &trained, error);
    const bool other = status == UFM_OK && access(held, F_OK) == 0;
    if (other) status = load_features(held, &measured, error);
    if (status == UFM_OK) status = measure_groups(other ? &measured : &trained, &trained, groups, error);
    features_clear(&trained);
    features_clear(&measured);
    return status;
}

static ufm_status collect_groups(const experiment_rows *rows, const ufm_experiment_run *run, ufm_error *error)
{
    const uint32_t seeds = rows->work->preset->seeds;
    experiment_groups *groups = ufm_alloc(seeds, sizeof *groups);
    double *value = ufm_alloc(seeds, sizeof *value);
    ufm_status status = groups && value ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory");
    for (uint32_t s = 0; s < seeds && status == UFM_OK; s++)
        status = groups_of_seed(rows, run, s, &groups[s], error);
    for (int64_t g = 0; status == UFM_OK && g < groups[0].count; g++) {
        char quantity[48];
        for (uint32_t s = 0; s < seeds; s++) {
            value[s] = NAN;
            for (int64_t o = 0; o < groups[s].count; o++)
                if (groups[s].samples[o] == groups[0].samples[g]) value[s] = groups[s].ncm[o];
        }
        snprintf(quantity, sizeof quantity, "ncm@%.0f", groups[0].samples[g]);
        write_band(rows, "network", run->label, quantity, NAN, ufm_band_of(seeds, value));
    }
    for (uint32_t s = 0; groups && s < seeds; s++) {
        ufm_free(groups[s].samples);
        ufm_free(groups[s].ncm);
    }
    ufm_free(groups);
    ufm_free(value);
    return status;
}

/* ---- Small files of the runs, for whoever wants to look closer ---- */

/* A line, with the directory of the data sets by its name: it is another one elsewhere. */
static void write_line(FILE *stream, const char *line)
{
    const char *data = getenv("UFMLAB_DATA");
    for (const char *at; data && *data && (at = strstr(line, data)); line = at + strlen(data))
        fprintf(stream, "%.*s$UFMLAB_DATA", (int)(at - line), line);
    fprintf(stream, "%s\n", line);
}

/* Nothing when there is no such file. */
static ufm_status copy_file(const char *from, const char *to, ufm_error *error)
{
    ufm_text *text = NULL;
    ufm_output *output = NULL;
    char *line;
    int64_t length;
    if (access(from, F_OK) != 0) return UFM_OK;
    ufm_status status = ufm_text_open(from, &text, error);
    if (status == UFM_OK) status = ufm_output_open(to, &output, error);
    while (status == UFM_OK) {
        status = ufm_text_line(text, &line, &length, error);
        if (status != UFM_OK || !line) break;
        write_line(ufm_output_stream(output), line);
    }
    ufm_text_close(text);
    if (status == UFM_OK) return ufm_output_commit(output, error);
    if (output) ufm_output_abort(output);
    return status;
}

static ufm_status copy_small(const experiment_rows *rows, const ufm_experiment_run *run, ufm_error *error)
{
    /* The tag sets of a set that is designed here are ours to give, those of data from elsewhere are not. */
    static const char *const files[] = {"metrics.csv", "manifest.json", "counts.csv"};
    const experiment_work *work = rows->work;
    const ufm_experiment_set *set = ufm_experiment_find_set(work->preset, run->data);
    const size_t kept = set && !strstr(set->make, "$UFMLAB_DATA") ? 3 : 2;
    char from[PATH_MAX], to[PATH_MAX];
    ufm_status status = UFM_OK;
    for (uint32_t s = 0; s < work->preset->seeds && status == UFM_OK; s++) {
        const char *tail = NULL;
        status = run_directory(work, run, work->preset->seed[s], from, error);
        if (status == UFM_OK) tail = from + strlen(work->out);
        if (status == UFM_OK) status = experiment_path(to, error, "%s/%s%s", work->results, work->name, tail);
        if (status == UFM_OK) status = ufm_make_directory(to, error);
        for (size_t f = 0; f < kept && status == UFM_OK; f++) {
            char source[PATH_MAX], target[PATH_MAX];
            status = experiment_path(source, error, "%s/%s", from, files[f]);
            if (status == UFM_OK) status = experiment_path(target, error, "%s/%s", to, files[f]);
            if (status == UFM_OK) status = copy_file(source, target, error);
        }
    }
    return status;
}

static ufm_status collect_run(const experiment_rows *rows, const ufm_experiment_run *run, ufm_error *error)
{
    const ufm_experiment *e = rows->work->experiment;
    ufm_status status = collect_curves(rows, run, error);
    if (status == UFM_OK && e->measures & UFM_EXPERIMENT_BIT(DECODERS))
        status = collect_decoders(rows, run, error);
    if (status == UFM_OK && e->measures & UFM_EXPERIMENT_BIT(PARAMETERS))
        status = collect_parameters(rows, run, error);
    if (status == UFM_OK && e->measures & UFM_EXPERIMENT_BIT(GROUPS))
        status = collect_groups(rows, run, error);
    if (status == UFM_OK && e->measures & UFM_EXPERIMENT_BIT(OBJECTIVE))
        status = collect_objective(rows, run, error);
    if (status == UFM_OK) status = collect_theory(rows, run, error);
    return status == UFM_OK ? copy_small(rows, run, error) : status;
}

static void draw(const experiment_work *work, const char *csv)
{
    char directory[PATH_MAX];
    ufm_error error = {{0}};
    const ufm_figure figure = {work->experiment->plot, csv, work->name};
    ufm_status status = experiment_path(directory, &error, "%s/figures", work->out);
    if (status == UFM_OK) status = ufm_make_directory(directory, &error);
    if (status == UFM_OK) status = ufm_figure_draw(&figure, directory, &error);
    if (status != UFM_OK) say(work->opts, "no figure: %s", error.text);
}

ufm_status collect_runs(const experiment_work *work, ufm_error *error)
{
    const ufm_experiment_preset *preset = work->preset;
    char csv[PATH_MAX];
    ufm_output *output = NULL;
    ufm_status status = experiment_path(csv, error, "%s/%s.csv", work->results, work->name);
    if (status == UFM_OK) status = ufm_make_directory(work->results, error);
    if (status == UFM_OK) status = ufm_output_open(csv, &output, error);
    if (status != UFM_OK) return status;
    const experiment_rows rows = {ufm_output_stream(output), work};
    fputs("kind,series,quantity,epoch,mean,low,high,seeds\n", rows.stream);
    fputs("pixels,", rows.stream);
    write_cell(rows.stream, work->pixels);
    fputs(",,,,,,\ntitle,", rows.stream);
    write_cell(rows.stream, work->experiment->title);
    fputs(",,,,,,\n", rows.stream);
    for (uint32_t r = 0; r < preset->runs && status == UFM_OK; r++)
        status = collect_run(&rows, &preset->run[r], error);
    if (status == UFM_OK) {
        status = ufm_output_commit(output, error);
    } else {
        ufm_output_abort(output);
    }
    if (status == UFM_OK && work->experiment->measures & UFM_EXPERIMENT_BIT(FEATURES))
        status = collect_features(work, error);
    if (status == UFM_OK && work->experiment->measures & UFM_EXPERIMENT_BIT(LABELS))
        status = collect_labels(work, error);
    if (status == UFM_OK) draw(work, csv);
    return status;
}
