#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <ufmlab/theory.h>

/* Column j of the Helmert basis of the complement of 1: orthonormal columns, B B^T = I - J/K. */
static void helmert_column(int64_t classes, int64_t j, double factor, double *column)
{
    const double entry = factor / sqrt((double)(j + 1) * (double)(j + 2));
    memset(column, 0, (size_t)classes * sizeof *column);
    for (int64_t k = 0; k <= j; k++) column[k] = entry;
    column[j + 1] = -entry * (double)(j + 1);
}

static int64_t level_of(const ufm_prediction *p, int64_t multiplicity)
{
    int64_t low = 0, high = p->levels;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (p->multiplicity[middle] < multiplicity)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->levels && p->multiplicity[low] == multiplicity ? low : -1;
}

static ufm_status check(const ufm_prediction *p, const ufm_labels *labels, int64_t dim, ufm_error *error)
{
    const int64_t needed = p->classes - !(p->mean_scale > 0);
    if (dim < needed)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "dimension %" PRId64 " does not hold the optimum of %" PRId64
                        " classes; it needs %" PRId64,
                        dim, p->classes, needed);
    if (labels->classes != p->classes)
        return ufm_fail(error, UFM_ERROR_USAGE, "labels of %" PRId64 " classes; the prediction has %" PRId64,
                        labels->classes, p->classes);
    for (int64_t i = 0; i < labels->columns; i++) {
        const int64_t m = ufm_labels_multiplicity(labels, i);
        if (level_of(p, m) < 0)
            return ufm_fail(
                error, UFM_ERROR_USAGE,
                "column %" PRId64 " has multiplicity %" PRId64 ", which the predicted design lacks", i, m);
    }
    return UFM_OK;
}

ufm_status ufm_prediction_point(const ufm_prediction *prediction, const ufm_labels *labels, int64_t dim,
                                double *W, double *H, ufm_error *error)
{
    const ufm_status status = check(prediction, labels, dim, error);
    if (status != UFM_OK) return status;
    const int64_t K = prediction->classes;
    memset(W, 0, (size_t)K * (size_t)dim * sizeof *W);
    memset(H, 0, (size_t)dim * (size_t)labels->columns * sizeof *H);
    for (int64_t j = 0; j < K - 1; j++) helmert_column(K, j, sqrt(prediction->gram_scale), W + j * K);
    const bool mean = prediction->mean_scale > 0;
    for (int64_t k = 0; mean && k < K; k++) W[k + (K - 1) * K] = sqrt(prediction->mean_scale / (double)K);
    for (int64_t i = 0; i < labels->columns; i++) {
        const int64_t level = level_of(prediction, ufm_labels_multiplicity(labels, i));
        const double scale = isnan(prediction->scale[level]) ? 0 : prediction->scale[level];
        const ufm_tag_set set = ufm_labels_set(labels, i);
        for (int64_t j = 0; j < K - 1 + mean; j++) {
            double sum = 0;
            for (int64_t t = 0; t < set.tags; t++) sum += W[set.tag[t] + j * K];
            H[j + i * dim] = scale * sum;
        }
        /* W^T 1 has the last coordinate only */
        if (mean) H[K - 1 + i * dim] += prediction->common[level] * sqrt(prediction->mean_scale * (double)K);
    }
    return UFM_OK;
}
