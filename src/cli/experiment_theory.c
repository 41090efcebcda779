/* What the theory says about the labels that a network was trained on, with the lambdas that its decays
 * amount to. The children's commands are those that a reader would type. */
#include "experiment.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* The distinct tag sets with their samples as a file of counts. */
static ufm_status write_counts(const char *path, const ufm_labels *labels, ufm_error *error)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *merged = NULL;
    ufm_output *output = NULL;
    ufm_status status = builder ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for labels");
    for (int64_t i = 0; i < labels->columns && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, i);
        status = ufm_labels_builder_add(builder, set.tags, set.tag, ufm_labels_count(labels, i), error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, labels->classes, UFM_DUPLICATES_MERGE, &merged, error);
    if (status == UFM_OK) status = ufm_output_open(path, &output, error);
    if (status == UFM_OK) {
        FILE *stream = ufm_output_stream(output);
        fputs("tags,count\n", stream);
        for (int64_t i = 0; i < merged->columns; i++) {
            for (int64_t t = merged->offset[i]; t < merged->offset[i + 1]; t++)
                fprintf(stream, "%s%d", t > merged->offset[i] ? "+" : "", merged->tag[t]);
            fprintf(stream, ",%" PRId64 "\n", ufm_labels_count(merged, i));
        }
        status = ufm_output_commit(output, error);
    }
    ufm_labels_free(merged);
    ufm_labels_builder_free(builder);
    return status;
}

/* Where the optimum's number of a column of metrics.csv is in the JSON of `solve`: train_ncm_2 is
 * metrics.ncm.2. False for what only networks have. */
static bool solve_key(const char *quantity, char key[128])
{
    if (strncmp(quantity, "train_", 6) != 0) return false;
    snprintf(key, 128, "metrics.%.80s", quantity + 6);
    char *last = strrchr(key, '_');
    if (last && last[1] && strspn(last + 1, "0123456789") == strlen(last + 1)) *last = '.';
    return true;
}

typedef struct {
    const experiment_rows *rows;
    const ufm_experiment_run *run;
    const char *kind;
    const char *directory, *counts; /* of the run's first seed */
    const features_input *trained;
    ufm_objective objective;
    bool etf;
} theory;

static void write_number(const theory *t, const char *quantity, double value)
{
    if (isfinite(value)) write_band(t->rows, t->kind, t->run->label, quantity, NAN, ufm_band_of(1, &value));
}

static ufm_status add_instance(const theory *t, experiment_words *words, const char *verb, ufm_error *error)
{
    const ufm_objective *o = &t->objective;
    ufm_status status = words_add(words, error, "%s", verb);
    const struct {
        const char *name;
        double value;
    } lambda[] = {{"w", o->lambda_w}, {"h", o->lambda_h}, {"b", o->lambda_b}};
    if (status == UFM_OK) status = words_add(words, error, "--counts=%s", t->counts);
    if (status == UFM_OK) status = words_add(words, error, "--classes=%" PRId64, t->trained->labels->classes);
    if (status == UFM_OK) status = words_add(words, error, "--loss=%s", ufm_objective_loss_text(o).text);
    for (size_t l = 0; l < 3 && status == UFM_OK; l++)
        status = words_add(words, error, "--lambda-%s=%.17g", lambda[l].name, lambda[l].value);
    if (status == UFM_OK) status = words_add(words, error, "--json");
    return status == UFM_OK ? words_add(words, error, "--quiet") : status;
}

static ufm_status write_groups(const theory *t, const char *solution, ufm_error *error)
{
    features_input optimum = {0};
    experiment_groups groups = {0};
    ufm_status status = load_features(solution, &optimum, error);
    if (status == UFM_OK) status = measure_groups(&optimum, &optimum, &groups, error);
    for (int64_t g = 0; g < groups.count && status == UFM_OK; g++) {
        char quantity[48];
        snprintf(quantity, sizeof quantity, "ncm@%.0f", groups.samples[g]);
        write_number(t, quantity, groups.ncm[g]);
    }
    ufm_free(groups.samples);
    ufm_free(groups.ncm);
    features_clear(&optimum);
    return status;
}

/* How far W W^T of the seeds' networks is from the optimum's. */
static ufm_status write_gram(const theory *t, const char *solution, ufm_error *error)
{
    const ufm_experiment_preset *preset = t->rows->work->preset;
    char directory[PATH_MAX], path[PATH_MAX];
    features_input optimum = {0};
    double *distance = ufm_alloc(preset->seeds, sizeof *distance);
    ufm_status status = distance ? load_features(solution, &optimum, error)
                                 : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the seeds");
    for (uint32_t s = 0; s < preset->seeds && status == UFM_OK; s++) {
        features_input network = {0};
        status = run_directory(t->rows->work, t->run, preset->seed[s], directory, error);
        if (status == UFM_OK) status = experiment_path(path, error, "%s/features.h5", directory);
        if (status == UFM_OK) status = load_features(path, &network, error);
        if (status == UFM_OK)
            status = ufm_gram_distance(network.point.W, network.point.dim, optimum.point.W, optimum.point.dim,
                                       optimum.point.classes, &distance[s]);
        features_clear(&network);
    }
    if (status == UFM_OK)
        write_band(t->rows, t->kind, t->run->label, "gram_distance", NAN,
                   ufm_band_of(preset->seeds, distance));
    ufm_free(distance);
    features_clear(&optimum);
    return status;
}

/* The certified optimum over all H, or over H >= 0. */
static ufm_status solve(const theory *t, const char *features, ufm_error *error)
{
    const ufm_experiment *e = t->rows->work->experiment;
    char json[PATH_MAX], saved[PATH_MAX], key[128];
    experiment_words words = {0};
    double objective = NAN, gap = NAN, value = NAN;
    ufm_status status = experiment_path(json, error, "%s/%s.json", t->directory, t->kind);
    if (status == UFM_OK) status = experiment_path(saved, error, "%s/%s.h5", t->directory, t->kind);
    if (status == UFM_OK) status = add_instance(t, &words, "solve", error);
    if (status == UFM_OK) status = words_add(&words, error, "--duplicates=merge");
    if (status == UFM_OK) status = words_add(&words, error, "--features=%s", features);
    if (status == UFM_OK) status = words_add(&words, error, "--save=%s", saved);
    if (status == UFM_OK && t->etf) status = words_add(&words, error, "--classifier=etf");
    if (status == UFM_OK) status = experiment_child(&words, json, error);
    for (uint32_t q = 0; q < e->quantities && status == UFM_OK; q++) {
        if (!solve_key(e->quantity[q], key)) continue;
        status = ufm_experiment_number(json, key, &value, error);
        if (status == UFM_OK) write_number(t, e->quantity[q], value);
    }
    if (status == UFM_OK) status = ufm_experiment_number(json, "objective", &objective, error);
    if (status == UFM_OK) status = ufm_experiment_number(json, "gap", &gap, error);
    if (status == UFM_OK) write_number(t, "objective", objective);
    if (status == UFM_OK) write_number(t, "relative_gap", gap / fabs(objective));
    if (status == UFM_OK && e->measures & UFM_EXPERIMENT_BIT(GROUPS)) status = write_groups(t, saved, error);
    if (status == UFM_OK && e->measures & UFM_EXPERIMENT_BIT(GRAM)) status = write_gram(t, saved, error);
    words_clear(&words);
    return status;
}

/* Theorem 1 where the labels are balanced: total collapse onto the tag-wise ETF, that is, nothing but zeros.
 */
static ufm_status predict(const theory *t, ufm_error *error)
{
    const ufm_experiment *e = t->rows->work->experiment;
    ufm_design *design = NULL;
    ufm_prediction *prediction = NULL;
    static const char *const zero[] = {"nc1", "nc2", "nc2_features", "nc3", "nc4", "cdnv"};
    ufm_error unbalanced;
    if (t->etf || ufm_labels_to_design(t->trained->labels, &design, &unbalanced) != UFM_OK) return UFM_OK;
    const ufm_status status = ufm_predict(design, &t->objective, &prediction, error);
    if (status == UFM_OK && prediction->phase == UFM_PHASE_SEPARATED && prediction->mean_scale == 0) {
        write_number(t, "objective", prediction->objective);
        for (uint32_t q = 0; q < e->quantities; q++) {
            const char *name = e->quantity[q];
            if (strncmp(name, "train_", 6) != 0) continue;
            bool vanishes = strncmp(name + 6, "ncm", 3) == 0;
            for (size_t z = 0; z < sizeof zero / sizeof zero[0]; z++)
                vanishes |= strcmp(name + 6, zero[z]) == 0;
            if (vanishes) write_number(t, name, 0);
        }
    }
    ufm_prediction_free(prediction);
    ufm_design_free(design);
    return status;
}

static ufm_status compare(theory *t, ufm_error *error)
{
    const uint32_t wanted = t->rows->work->experiment->theory;
    ufm_status status = UFM_OK;
    if (wanted & UFM_EXPERIMENT_BIT(UFM)) {
        t->kind = "ufm";
        status = solve(t, "free", error);
    }
    if (status == UFM_OK && wanted & UFM_EXPERIMENT_BIT(NONNEGATIVE)) {
        t->kind = "ufm-nonnegative";
        status = solve(t, "nonnegative", error);
    }
    if (status == UFM_OK && wanted & UFM_EXPERIMENT_BIT(CLOSED_FORM)) {
        t->kind = "closed-form";
        status = predict(t, error);
    }
    return status;
}

ufm_status collect_theory(const experiment_rows *rows, const ufm_experiment_run *run, ufm_error *error)
{
    const experiment_work *work = rows->work;
    char directory[PATH_MAX], counts[PATH_MAX], features[PATH_MAX];
    features_input trained = {0};
    ufm_objective objective;
    experiment_words words = {0};
    options opts;
    ufm_status status = run_directory(work, run, work->preset->seed[0], directory, error);
    if (status == UFM_OK) status = experiment_path(counts, error, "%s/counts.csv", directory);
    if (status == UFM_OK) status = experiment_path(features, error, "%s/features.h5", directory);
    if (status == UFM_OK) status = guard_solution_file(features, error);
    if (status == UFM_OK)
        status = ufm_solution_load(features, &trained.solution, &trained.labels, &objective, error);
    if (status == UFM_OK) trained.point = trained.solution->point;
    if (status == UFM_OK) status = write_counts(counts, trained.labels, error);
    if (status == UFM_OK) status = run_words(work, run, work->preset->seed[0], &words, error);
    if (status == UFM_OK) status = words_parse(&command_train, &words, &opts, error);
    if (status == UFM_OK) {
        theory t = {.rows = rows,
                    .run = run,
                    .directory = directory,
                    .counts = counts,
                    .trained = &trained,
                    .objective = objective,
                    .etf = opts.value[OPT_ETF].given};
        status = compare(&t, error);
    }
    words_clear(&words);
    features_clear(&trained);
    return status;
}
