/* Does tag-wise averaging survive at a point? */
#include <math.h>
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

/* Sums over the samples of one multiplicity: |h|^2, <h,u>, |u|^2. */
typedef struct {
    double features, mixed, sums;
} moments;

/* u = sum of the rows w_k over the tag set of a column. */
static void sum_rows(const ufm_point *point, const ufm_labels *labels, int64_t column, double *u)
{
    memset(u, 0, (size_t)point->dim * sizeof *u);
    for (int64_t j = labels->offset[column]; j < labels->offset[column + 1]; j++)
        for (int64_t i = 0; i < point->dim; i++) u[i] += point->W[labels->tag[j] + i * point->classes];
}

ufm_status ufm_averaging_residual(const ufm_point *point, const ufm_labels *labels, double *residual,
                                  ufm_error *error)
{
    const int64_t K = point->classes, d = point->dim;
    moments *level = ufm_alloc(K, sizeof *level);
    double *u = ufm_alloc(d, sizeof *u), *squares = ufm_alloc(K, sizeof *squares);
    ufm_status status = UFM_OK;
    if (!level || !u || !squares) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to compare features with averages");
        goto cleanup;
    }
    for (int64_t i = 0; i < point->columns; i++) {
        moments *of = &level[ufm_labels_multiplicity(labels, i) - 1];
        const double count = (double)ufm_labels_count(labels, i), *h = point->H + i * d;
        sum_rows(point, labels, i, u);
        of->features += count * ufm_dot(d, h, h);
        of->mixed += count * ufm_dot(d, h, u);
        of->sums += count * ufm_dot(d, u, u);
    }
    for (int64_t i = 0; i < point->columns; i++) { /* once more: subtracting moments would cancel */
        const int64_t m = ufm_labels_multiplicity(labels, i);
        const double scale = level[m - 1].sums > 0 ? level[m - 1].mixed / level[m - 1].sums : 0;
        sum_rows(point, labels, i, u);
        ufm_scale(d, -scale, u);
        ufm_axpy(d, 1, point->H + i * d, u);
        squares[m - 1] += (double)ufm_labels_count(labels, i) * ufm_dot(d, u, u);
    }
    for (int64_t k = 0; k < K; k++)
        residual[k] = level[k].features > 0 ? sqrt(squares[k] / level[k].features) : NAN;
cleanup:
    ufm_free(level);
    ufm_free(u);
    ufm_free(squares);
    return status;
}
