/* NAME-points.csv: features of three classes in the plane of the classifier's rows, before and after
 * training, of networks and of the UFM. */
#include "experiment.h"
#include <math.h>
#include <string.h>

enum { CLASSES = 3, SHOWN_MOST = 60 }; /* of a tag set */

/* Orthonormal vectors in the plane of the three rows less their mean; false when they span none. */
static bool plane_of(const ufm_point *p, double *basis)
{
    const int64_t d = p->dim;
    for (int v = 0; v < 2; v++) {
        double *e = basis + v * d, along = 0, norm = 0;
        for (int64_t j = 0; j < d; j++) {
            double mean = 0;
            for (int64_t k = 0; k < CLASSES; k++) mean += p->W[k + j * CLASSES] / CLASSES;
            e[j] = p->W[v + j * CLASSES] - mean;
        }
        for (int64_t j = 0; j < d && v == 1; j++) along += e[j] * basis[j];
        for (int64_t j = 0; j < d; j++) {
            if (v == 1) e[j] -= along * basis[j];
            norm += e[j] * e[j];
        }
        for (int64_t j = 0; j < d; j++) e[j] /= sqrt(norm);
        if (!(norm > 0)) return false;
    }
    return true;
}

static double dot(int64_t d, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t j = 0; j < d; j++) sum += a[j] * b[j];
    return sum;
}

typedef struct {
    FILE *stream;
    const char *moment, *kind, *series;
} point_rows;

static void write_point(const point_rows *rows, const char *what, double x, double y)
{
    fprintf(rows->stream, "%s,%s,%s,%s,%.6g,%.6g\n", rows->moment, rows->kind, rows->series, what, x, y);
}

/* The mean of the single-label class means, which ReLU moves away from zero; [d], zero without such samples.
 */
static void centre_of(const features_input *in, double *centre)
{
    const int64_t d = in->point.dim;
    double samples[CLASSES] = {0};
    for (int64_t i = 0; i < in->point.columns; i++)
        if (ufm_labels_multiplicity(in->labels, i) == 1)
            samples[in->labels->tag[in->labels->offset[i]]] += (double)ufm_labels_count(in->labels, i);
    for (int64_t i = 0; i < in->point.columns; i++) {
        const int64_t k = in->labels->tag[in->labels->offset[i]];
        if (ufm_labels_multiplicity(in->labels, i) != 1) continue;
        for (int64_t j = 0; j < d; j++)
            centre[j] +=
                in->point.H[j + i * d] * (double)ufm_labels_count(in->labels, i) / (CLASSES * samples[k]);
    }
}

/* Without the centre, in units of the mean length of what is drawn. */
static void write_features(const point_rows *rows, const features_input *in, const double *basis,
                           const double *centre)
{
    const ufm_point *p = &in->point;
    const int64_t d = p->dim;
    int64_t shown[1 << CLASSES] = {0};
    const double x0 = dot(d, centre, basis), y0 = dot(d, centre, basis + d);
    double length = 0;
    for (int64_t i = 0; i < p->columns; i++)
        length += hypot(dot(d, p->H + i * d, basis) - x0, dot(d, p->H + i * d, basis + d) - y0) /
                  (double)p->columns;
    for (int64_t i = 0; i < p->columns; i++) {
        const ufm_tag_set set = ufm_labels_set(in->labels, i);
        char tags[16] = "";
        int mask = 0;
        for (int64_t t = 0; t < set.tags; t++) {
            const size_t used = strlen(tags);
            snprintf(tags + used, sizeof tags - used, "%s%d", t ? "+" : "", set.tag[t]);
            mask |= 1 << set.tag[t];
        }
        if (shown[mask]++ < SHOWN_MOST)
            write_point(rows, tags, (dot(d, p->H + i * d, basis) - x0) / length,
                        (dot(d, p->H + i * d, basis + d) - y0) / length);
    }
}

static ufm_status write_file(const point_rows *rows, const char *path, ufm_error *error)
{
    features_input in = {0};
    double *basis = NULL;
    ufm_status status = load_features(path, &in, error);
    if (status == UFM_OK && in.point.classes != CLASSES)
        status = ufm_fail(error, UFM_ERROR_INPUT, "%s: %lld classes; features are drawn for three",
                          ufm_shown_path(path), (long long)in.point.classes);
    if (status == UFM_OK && !(basis = ufm_alloc(3 * in.point.dim, sizeof *basis))) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK && plane_of(&in.point, basis)) {
        double *centre = basis + 2 * in.point.dim;
        centre_of(&in, centre);
        write_features(rows, &in, basis, centre);
    }
    ufm_free(basis);
    features_clear(&in);
    return status;
}

/* The network as it starts: one step of no length. */
static ufm_status start_network(const experiment_work *work, const ufm_experiment_run *run,
                                const char *directory, char path[PATH_MAX], ufm_error *error)
{
    experiment_words words = {0};
    ufm_status status = run_words(work, run, work->preset->seed[0], &words, error);
    if (status == UFM_OK) status = words_add(&words, error, "--steps=1");
    if (status == UFM_OK) status = words_add(&words, error, "--rate=1e-300");
    if (status == UFM_OK) status = words_add(&words, error, "--out=%s/before", directory);
    if (status == UFM_OK) status = words_add(&words, error, "--no-figures");
    if (status == UFM_OK) status = words_add(&words, error, "--quiet");
    if (status == UFM_OK) status = experiment_child(&words, NULL, error);
    words_clear(&words);
    return status == UFM_OK ? experiment_path(path, error, "%s/before/features.h5", directory) : status;
}

/* The UFM's random start. */
static ufm_status start_ufm(const char *directory, char path[PATH_MAX], ufm_error *error)
{
    experiment_words words = {0};
    ufm_status status = experiment_path(path, error, "%s/ufm-before.h5", directory);
    if (status == UFM_OK) status = words_add(&words, error, "solve");
    if (status == UFM_OK) status = words_add(&words, error, "--counts=%s/counts.csv", directory);
    if (status == UFM_OK) status = words_add(&words, error, "--max-iterations=0");
    if (status == UFM_OK) status = words_add(&words, error, "--save=%s", path);
    if (status == UFM_OK) status = words_add(&words, error, "--quiet");
    if (status == UFM_OK) status = experiment_child(&words, NULL, error);
    words_clear(&words);
    return status;
}

static ufm_status write_run(const experiment_work *work, const ufm_experiment_run *run, FILE *stream,
                            ufm_error *error)
{
    enum { PANELS = 5 };
    char directory[PATH_MAX], path[PANELS][PATH_MAX];
    static const char *const moment[PANELS] = {"before", "after", "before", "after", "after"};
    static const char *const kind[PANELS] = {"network", "network", "UFM", "UFM", "UFM(H>=0)"};
    const uint32_t theory = work->experiment->theory;
    const bool wanted[PANELS] = {true, true, true, theory & UFM_EXPERIMENT_BIT(UFM),
                                 theory & UFM_EXPERIMENT_BIT(NONNEGATIVE)};
    ufm_status status = run_directory(work, run, work->preset->seed[0], directory, error);
    if (status == UFM_OK) status = start_network(work, run, directory, path[0], error);
    if (status == UFM_OK) status = experiment_path(path[1], error, "%s/features.h5", directory);
    if (status == UFM_OK) status = start_ufm(directory, path[2], error);
    if (status == UFM_OK) status = experiment_path(path[3], error, "%s/ufm.h5", directory);
    if (status == UFM_OK) status = experiment_path(path[4], error, "%s/ufm-nonnegative.h5", directory);
    for (int p = 0; p < PANELS && status == UFM_OK; p++) {
        const point_rows rows = {stream, moment[p], kind[p], run->label};
        if (wanted[p]) status = write_file(&rows, path[p], error);
    }
    return status;
}

ufm_status collect_features(const experiment_work *work, ufm_error *error)
{
    char csv[PATH_MAX];
    ufm_output *output = NULL;
    ufm_status status = experiment_path(csv, error, "%s/%s-points.csv", work->results, work->name);
    if (status == UFM_OK) status = ufm_output_open(csv, &output, error);
    if (status != UFM_OK) return status;
    fputs("moment,kind,series,tags,x,y\n", ufm_output_stream(output));
    for (uint32_t r = 0; r < work->preset->runs && status == UFM_OK; r++)
        status = write_run(work, &work->preset->run[r], ufm_output_stream(output), error);
    if (status == UFM_OK) return ufm_output_commit(output, error);
    ufm_output_abort(output);
    return status;
}
