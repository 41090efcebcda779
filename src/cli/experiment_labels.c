/* NAME-labels.csv: how the labels of a run are spread, the figure of label statistics. */
#include "experiment.h"
#include <stdlib.h>
#include <string.h>

static int descending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void write_counts(FILE *stream, const char *series, const char *what, int64_t n, int64_t *count)
{
    qsort(count, (size_t)n, sizeof *count, descending);
    for (int64_t i = 0; i < n && count[i] > 0; i++)
        fprintf(stream, "%s,%s,%lld,%lld\n", series, what, (long long)(i + 1), (long long)count[i]);
}

static ufm_status write_statistics(FILE *stream, const char *series, const ufm_labels *labels,
                                   ufm_error *error)
{
    const int64_t K = labels->classes, n = labels->columns;
    int64_t *of_class = ufm_alloc(K, sizeof *of_class), *of_set = ufm_alloc(n, sizeof *of_set);
    int64_t *by_size = ufm_alloc(K + 1, sizeof *by_size), *group = ufm_alloc(n, sizeof *group), groups = 0;
    ufm_status status = of_class && of_set && by_size && group
                            ? ufm_labels_group(labels, group, &groups)
                            : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for label statistics");
    for (int64_t i = 0; i < n && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, i);
        for (int64_t t = 0; t < set.tags; t++) of_class[set.tag[t]] += ufm_labels_count(labels, i);
        of_set[group[i]] += ufm_labels_count(labels, i);
        by_size[set.tags] += ufm_labels_count(labels, i);
    }
    for (int64_t m = 1; m <= K && status == UFM_OK; m++)
        if (by_size[m] > 0)
            fprintf(stream, "%s,multiplicity,%lld,%lld\n", series, (long long)m, (long long)by_size[m]);
    if (status == UFM_OK) {
        write_counts(stream, series, "class", K, of_class);
        write_counts(stream, series, "tag set", groups, of_set);
    }
    ufm_free(of_class);
    ufm_free(of_set);
    ufm_free(by_size);
    ufm_free(group);
    return status;
}

ufm_status collect_labels(const experiment_work *work, ufm_error *error)
{
    char csv[PATH_MAX], directory[PATH_MAX], path[PATH_MAX];
    ufm_output *output = NULL;
    ufm_status status = experiment_path(csv, error, "%s/%s-labels.csv", work->results, work->name);
    if (status == UFM_OK) status = ufm_output_open(csv, &output, error);
    if (status != UFM_OK) return status;
    fputs("series,what,rank,count\n", ufm_output_stream(output));
    for (uint32_t r = 0; r < work->preset->runs && status == UFM_OK; r++) {
        const ufm_experiment_run *run = &work->preset->run[r];
        features_input in = {0};
        status = run_directory(work, run, work->preset->seed[0], directory, error);
        if (status == UFM_OK) status = experiment_path(path, error, "%s/features.h5", directory);
        if (status == UFM_OK) status = load_features(path, &in, error);
        if (status == UFM_OK)
            status = write_statistics(ufm_output_stream(output), run->label, in.labels, error);
        features_clear(&in);
    }
    if (status == UFM_OK) return ufm_output_commit(output, error);
    ufm_output_abort(output);
    return status;
}
