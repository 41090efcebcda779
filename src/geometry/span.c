/* Least squares on a few vectors by singular values, so that dependent ones do no harm. */
#include "internal.h"
#include <ufmlab/linalg.h>

ufm_status geometry_span_new(int64_t dim, int64_t capacity, geometry_span *span)
{
    const int64_t most = dim < capacity ? dim : capacity;
    *span = (geometry_span){.dim = dim,
                            .capacity = capacity,
                            .columns = ufm_alloc(dim * capacity, sizeof(double)),
                            .u = ufm_alloc(dim * most, sizeof(double)),
                            .s = ufm_alloc(most, sizeof(double)),
                            .vt = ufm_alloc(most * capacity, sizeof(double)),
                            .product = ufm_alloc(most, sizeof(double))};
    if (span->columns && span->u && span->s && span->vt && span->product) return UFM_OK;
    geometry_span_clear(span);
    return UFM_ERROR_MEMORY;
}

void geometry_span_clear(geometry_span *span)
{
    ufm_free(span->columns);
    ufm_free(span->u);
    ufm_free(span->s);
    ufm_free(span->vt);
    ufm_free(span->product);
    *span = (geometry_span){0};
}

ufm_status geometry_span_set(geometry_span *span, int64_t cols, double tolerance)
{
    const int64_t most = span->dim < cols ? span->dim : cols;
    span->cols = cols;
    span->rank = 0;
    const ufm_status status = ufm_svd(ufm_view(span->columns, span->dim, cols), span->u, span->s, span->vt);
    if (status != UFM_OK) return status;
    while (span->rank < most && span->s[span->rank] > tolerance * span->s[0]) span->rank++;
    return UFM_OK;
}

void geometry_span_remove(geometry_span *span, double *x, double *coefficients)
{
    const int64_t d = span->dim, most = d < span->cols ? d : span->cols;
    for (int64_t r = 0; r < span->rank; r++) span->product[r] = ufm_dot(d, span->u + r * d, x);
    for (int64_t r = 0; r < span->rank; r++) ufm_axpy(d, -span->product[r], span->u + r * d, x);
    for (int64_t c = 0; coefficients && c < span->cols; c++) {
        coefficients[c] = 0;
        for (int64_t r = 0; r < span->rank; r++)
            coefficients[c] += span->vt[r + c * most] * span->product[r] / span->s[r];
    }
}
