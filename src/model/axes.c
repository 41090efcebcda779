/* The principal axes of a point. */
#include "internal.h"
#include <string.h>

enum { ROTATED_COLUMNS = 256 };

/* X <- Q^T X for the d x n matrix X, a few columns at a time through `part` (d x ROTATED_COLUMNS). */
static void rotate_columns(ufm_matrix Q, ufm_matrix X, double *part)
{
    const int64_t d = X.rows;
    for (int64_t first = 0; first < X.cols; first += ROTATED_COLUMNS) {
        const int64_t count = X.cols - first < ROTATED_COLUMNS ? X.cols - first : ROTATED_COLUMNS;
        const ufm_matrix columns = ufm_columns(X, first, count);
        ufm_gemm(1, ufm_transpose(Q), columns, 0, ufm_view(part, d, count));
        memcpy(columns.data, part, (size_t)(d * count) * sizeof(double));
    }
}

ufm_status ufm_model_rotate(const ufm_model *model, double *x, double *weight)
{
    const int64_t K = model->classes, d = model->dim, n = model->columns;
    const ufm_matrix W = ufm_view(x, K, d), H = ufm_view(x + K * d, d, n);
    const int64_t part_columns = K > ROTATED_COLUMNS ? K : ROTATED_COLUMNS;
    double *axes = ufm_alloc(2 * d * d, sizeof(double)), *part = ufm_alloc(d * part_columns, sizeof(double));
    ufm_status status = axes && part ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    double *descending = axes + d * d;
    ufm_gemm(model->objective.lambda_w, ufm_transpose(W), W, 0, ufm_view(axes, d, d));
    ufm_gemm(model->objective.lambda_h, H, ufm_transpose(H), 1, ufm_view(axes, d, d));
    status = ufm_symmetric_eigen(d, axes, true, part);
    if (status != UFM_OK) goto cleanup;
    for (int64_t j = 0; j < d; j++) {
        weight[j] = part[d - 1 - j];
        memcpy(descending + j * d, axes + (d - 1 - j) * d, (size_t)d * sizeof(double));
    }
    const ufm_matrix Q = ufm_view(descending, d, d);
    ufm_gemm(1, W, Q, 0, ufm_view(part, K, d));
    memcpy(x, part, (size_t)(K * d) * sizeof(double));
    rotate_columns(Q, H, part);
cleanup:
    ufm_free(axes);
    ufm_free(part);
    return status;
}
