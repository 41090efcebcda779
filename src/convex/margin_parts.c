/* The max-margin problem's constraint set, and lower bounds from its dual. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

static bool is_next_tag(const ufm_labels *labels, int64_t column, int64_t k, int64_t *next)
{
    if (*next >= labels->offset[column + 1] || labels->tag[*next] != k) return false;
    ++*next;
    return true;
}

/* t minimises m t^2/2 - t sum_S z + sum_off (z_j + 1 - t)_+^2/2. The derivative is increasing, concave and
 * piecewise linear: Newton's iteration climbs to its root from the left and ends after at most K steps. */
void convex_project(const ufm_labels *labels, int64_t column, double *z)
{
    const int64_t K = labels->classes, begin = labels->offset[column], end = labels->offset[column + 1];
    double tagged = 0;
    for (int64_t j = begin; j < end; j++) tagged += z[labels->tag[j]];
    double t = tagged / (double)(end - begin);
    for (int64_t active = -1;;) {
        double sum = tagged;
        int64_t number = 0, next = begin;
        for (int64_t k = 0; k < K; k++) {
            if (is_next_tag(labels, column, k, &next) || !(z[k] + 1 > t)) continue;
            sum += z[k] + 1;
            number++;
        }
        if (number == active) break;
        active = number;
        t = sum / (double)(end - begin + number);
    }
    int64_t next = begin;
    for (int64_t k = 0; k < K; k++) z[k] = is_next_tag(labels, column, k, &next) ? t : fmin(z[k], t - 1);
}

/* The signs off the tag sets by clipping, then the column sums by shifting the entries on them, which are
 * free. */
static void repair_columns(const ufm_labels *labels, double *L)
{
    const int64_t K = labels->classes;
    for (int64_t i = 0; i < labels->columns; i++) {
        double *column = L + i * K, sum = 0;
        int64_t next = labels->offset[i];
        for (int64_t k = 0; k < K; k++) {
            if (!is_next_tag(labels, i, k, &next)) column[k] = fmin(column[k], 0);
            sum += column[k];
        }
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            column[labels->tag[j]] -= sum / (double)ufm_labels_multiplicity(labels, i);
    }
}

/* Row sums e (which add up to zero) away: where e_q < 0 entries q are raised in the columns that carry tag q,
 * in proportion to their samples, and there the entries p with e_p > 0 lowered by as much in total. Both are
 * allowed whatever the signs. `work` holds 2 K numbers. */
static void repair_rows(const ufm_labels *labels, double *L, double *work)
{
    const int64_t K = labels->classes, n = labels->columns;
    double *excess = work, *carriers = work + K, total = 0;
    for (int64_t k = 0; k < K; k++) excess[k] = carriers[k] = 0;
    for (int64_t i = 0; i < n; i++) {
        ufm_axpy(K, 1, L + i * K, excess);
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            carriers[labels->tag[j]] += (double)ufm_labels_count(labels, i);
    }
    for (int64_t k = 0; k < K; k++) total += fmax(excess[k], 0);
    for (int64_t i = 0; total > 0 && i < n; i++)
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++) {
            const int64_t q = labels->tag[j];
            if (!(excess[q] < 0)) continue;
            const double raise = -excess[q] * (double)ufm_labels_count(labels, i) / carriers[q];
            L[q + i * K] += raise;
            for (int64_t p = 0; p < K; p++) L[p + i * K] -= raise * fmax(excess[p], 0) / total;
        }
}

/* sum over columns of the entries off the tag set, which are negative. */
static double dual_objective(const ufm_labels *labels, const double *L)
{
    ufm_sum total = {0, 0};
    for (int64_t i = 0; i < labels->columns; i++) {
        int64_t next = labels->offset[i];
        for (int64_t k = 0; k < labels->classes; k++)
            if (!is_next_tag(labels, i, k, &next)) ufm_sum_add(&total, -L[k + i * labels->classes]);
    }
    return ufm_sum_value(total);
}

ufm_status convex_dual_bound(const ufm_labels *labels, bool free_bias, const double *roots, convex_svd *work,
                             double *L, double *bound)
{
    const int64_t K = labels->classes, n = labels->columns;
    double nuclear;
    repair_columns(labels, L);
    if (free_bias) {
        double *sums = ufm_alloc(2 * K, sizeof *sums);
        if (!sums) return UFM_ERROR_MEMORY;
        repair_rows(labels, L, sums);
        ufm_free(sums);
    }
    for (int64_t i = 0; i < n; i++) ufm_scale(K, 1 / roots[i], L + i * K);
    const ufm_status status = convex_nuclear(work, L, &nuclear);
    if (status != UFM_OK) return status;
    const double sigma = work->s[0];
    for (int64_t i = 0; i < n; i++) ufm_scale(K, sigma > 0 ? roots[i] / sigma : roots[i], L + i * K);
    *bound = dual_objective(labels, L);
    return UFM_OK;
}
