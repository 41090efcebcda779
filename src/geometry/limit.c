/* The limit of weak regularisation, from the labels alone. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

/* M = sum_S c_S (P y_S)(P y_S)^T. */
static void second_moment(const ufm_labels *labels, double *y, double *M)
{
    const int64_t K = labels->classes;
    for (int64_t i = 0; i < K * K; i++) M[i] = 0;
    for (int64_t s = 0; s < labels->columns; s++) {
        const double share = (double)ufm_labels_multiplicity(labels, s) / (double)K;
        for (int64_t k = 0; k < K; k++) y[k] = -share;
        for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++) y[labels->tag[t]] += 1;
        for (int64_t l = 0; l < K; l++) ufm_axpy(K, (double)ufm_labels_count(labels, s) * y[l], y, M + l * K);
    }
}

/* M becomes M^{+1/2}; false when its rank is below K-1. */
static ufm_status inverse_root(int64_t K, double *M, double *value, double *scaled, bool *full)
{
    const ufm_status status = ufm_symmetric_eigen(K, M, true, value);
    *full = status == UFM_OK && value[1] > 1e-10 * value[K - 1];
    if (!*full) return status;
    for (int64_t c = 1; c < K; c++)
        for (int64_t k = 0; k < K; k++) scaled[k + c * K] = M[k + c * K] / sqrt(sqrt(value[c]));
    const ufm_matrix kept = ufm_columns(ufm_view(scaled, K, K), 1, K - 1);
    ufm_gemm(1, kept, ufm_transpose(kept), 0, ufm_view(M, K, K));
    return UFM_OK;
}

/* Greatest entry of M^{+1/2} y_S off S over the greatest of any. */
static double greatest_off(const ufm_labels *labels, const double *root, double *y)
{
    const int64_t K = labels->classes;
    double off = -INFINITY, any = 0;
    for (int64_t s = 0; s < labels->columns; s++) {
        for (int64_t k = 0; k < K; k++) y[k] = 0;
        for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++)
            ufm_axpy(K, 1, root + labels->tag[t] * K, y);
        for (int64_t k = 0, t = labels->offset[s]; k < K; k++) {
            any = fmax(any, fabs(y[k]));
            if (t < labels->offset[s + 1] && labels->tag[t] == k)
                t++;
            else
                off = fmax(off, y[k]);
        }
    }
    return off / any;
}

ufm_status ufm_label_limit(const ufm_labels *labels, double *slack, ufm_error *error)
{
    const int64_t K = labels->classes;
    double *M = ufm_alloc(K * K, sizeof *M), *scaled = ufm_alloc(K * K, sizeof *scaled);
    double *y = ufm_alloc(K, sizeof *y), *value = ufm_alloc(K, sizeof *value);
    bool full = false;
    ufm_status status = M && scaled && y && value ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        second_moment(labels, y, M);
        status = inverse_root(K, M, value, scaled, &full);
    }
    if (status == UFM_OK)
        *slack = full ? greatest_off(labels, M, y) : NAN;
    else
        ufm_fail(error, status, "cannot decompose the second moment of %lld classes: %s", (long long)K,
                 ufm_status_text(status));
    ufm_free(M);
    ufm_free(scaled);
    ufm_free(y);
    ufm_free(value);
    return status;
}
