/* Singular values: their sum, and thresholding them. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

ufm_status convex_svd_new(int64_t rows, int64_t cols, convex_svd *work)
{
    const int64_t r = rows < cols ? rows : cols;
    *work = (convex_svd){rows,
                         cols,
                         r,
                         ufm_alloc(rows * cols, sizeof(double)),
                         ufm_alloc(rows * r, sizeof(double)),
                         ufm_alloc(r, sizeof(double)),
                         ufm_alloc(r * cols, sizeof(double))};
    if (work->copy && work->u && work->s && work->vt) return UFM_OK;
    convex_svd_free(work);
    return UFM_ERROR_MEMORY;
}

void convex_svd_free(convex_svd *work)
{
    ufm_free(work->copy);
    ufm_free(work->u);
    ufm_free(work->s);
    ufm_free(work->vt);
    *work = (convex_svd){0};
}

ufm_status convex_nuclear(convex_svd *work, const double *A, double *nuclear)
{
    memcpy(work->copy, A, (size_t)(work->rows * work->cols) * sizeof *A);
    const ufm_status status = ufm_svd(ufm_view(work->copy, work->rows, work->cols), NULL, work->s, NULL);
    *nuclear = 0;
    for (int64_t j = 0; status == UFM_OK && j < work->least; j++) *nuclear += work->s[j];
    return status;
}

ufm_status convex_shrink(convex_svd *work, double threshold, double *A)
{
    const int64_t r = work->least;
    memcpy(work->copy, A, (size_t)(work->rows * work->cols) * sizeof *A);
    const ufm_status status =
        ufm_svd(ufm_view(work->copy, work->rows, work->cols), work->u, work->s, work->vt);
    if (status != UFM_OK) return status;
    for (int64_t j = 0; j < r; j++) {
        work->s[j] = fmax(0, work->s[j] - threshold);
        ufm_scale(work->rows, work->s[j], work->u + j * work->rows);
    }
    ufm_gemm(1, ufm_view(work->u, work->rows, r), ufm_view(work->vt, r, work->cols), 0,
             ufm_view(A, work->rows, work->cols));
    return UFM_OK;
}
