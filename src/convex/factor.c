/* From the convex problem back to W and H; and two small things about X and labels. */
#include "internal.h"
#include <float.h>
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* The rank of a decomposition up to rounding. */
static int64_t rank_of(const convex_svd *svd)
{
    const double floor =
        (double)svd->rows * (double)svd->cols * DBL_EPSILON * (svd->least > 0 ? svd->s[0] : 0);
    int64_t rank = 0;
    while (rank < svd->least && svd->s[rank] > floor) rank++;
    return rank;
}

/* The first `rank` singular triples, shared out. */
static void share_out(const convex_svd *svd, const ufm_labels *labels, double balance, int64_t rank,
                      ufm_factors factors)
{
    const int64_t K = labels->classes, n = labels->columns, d = factors.dim;
    memset(factors.W, 0, (size_t)(K * d) * sizeof(double));
    memset(factors.H, 0, (size_t)(d * n) * sizeof(double));
    for (int64_t j = 0; j < rank; j++) {
        const double root = sqrt(svd->s[j]);
        for (int64_t k = 0; k < K; k++) factors.W[k + j * K] = balance * root * svd->u[k + j * K];
        for (int64_t i = 0; i < n; i++)
            factors.H[j + i * d] =
                root / balance * svd->vt[j + i * svd->least] / sqrt((double)ufm_labels_count(labels, i));
    }
}

ufm_status ufm_convex_factor(const ufm_labels *labels, const ufm_objective *objective, const double *X,
                             ufm_factors factors, ufm_error *error)
{
    const int64_t K = labels->classes, n = labels->columns;
    convex_svd svd;
    ufm_status status = convex_svd_new(K, n, &svd);
    if (status != UFM_OK) return ufm_fail(error, status, "not enough memory to factor the logits");
    memcpy(svd.copy, X, (size_t)(K * n) * sizeof *X);
    for (int64_t i = 0; i < n; i++) ufm_scale(K, sqrt((double)ufm_labels_count(labels, i)), svd.copy + i * K);
    status = ufm_svd(ufm_view(svd.copy, K, n), svd.u, svd.s, svd.vt);
    const int64_t rank = status == UFM_OK ? rank_of(&svd) : 0;
    if (status != UFM_OK) {
        ufm_fail(error, status, "the logits could not be decomposed");
    } else if (rank > factors.dim) {
        status =
            ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                     "the optimum of the convex problem has rank %lld; give a dimension of at least that",
                     (long long)rank);
    } else {
        share_out(&svd, labels, pow(objective->lambda_h / objective->lambda_w, 0.25), rank, factors);
    }
    convex_svd_free(&svd);
    return status;
}

double ufm_direction_distance(const ufm_labels *labels, const double *X, const double *Y)
{
    const int64_t K = labels->classes;
    double square_X = 0, square_Y = 0, square = 0;
    for (int64_t i = 0; i < labels->columns; i++) {
        const double c = (double)ufm_labels_count(labels, i);
        square_X += c * ufm_dot(K, X + i * K, X + i * K);
        square_Y += c * ufm_dot(K, Y + i * K, Y + i * K);
    }
    if (!(square_X > 0) || !(square_Y > 0)) return NAN;
    for (int64_t i = 0; i < labels->columns; i++)
        for (int64_t k = 0; k < K; k++) {
            const double difference = X[k + i * K] / sqrt(square_X) - Y[k + i * K] / sqrt(square_Y);
            square += (double)ufm_labels_count(labels, i) * difference * difference;
        }
    return sqrt(square);
}

ufm_status convex_absent_class(const ufm_labels *labels, int64_t *absent)
{
    bool *present = ufm_alloc(labels->classes, sizeof *present);
    if (!present) return UFM_ERROR_MEMORY;
    for (int64_t j = 0; j < labels->offset[labels->columns]; j++) present[labels->tag[j]] = true;
    *absent = -1;
    for (int64_t k = 0; k < labels->classes && *absent < 0; k++)
        if (!present[k]) *absent = k;
    ufm_free(present);
    return UFM_OK;
}
