/* Local maximisation of |A h| over unit h >= 0: with w = A h/|A h| the next h = max(A^T w, 0)/|...| never
 * lowers it (the function |max(A^T w, 0)| is convex and homogeneous in w). */
#include "constrained.h"
#include <math.h>
#include <string.h>

enum { ASCENT_STEPS = 3000 };

/* h <- max(A^T w, 0), normalised; returns its norm. */
static double positive_part(ufm_matrix A, const double *w, double *h)
{
    ufm_gemm(1, ufm_transpose(A), ufm_view(w, A.rows, 1), 0, ufm_view(h, A.cols, 1));
    for (int64_t i = 0; i < A.cols; i++) h[i] = h[i] > 0 ? h[i] : 0;
    const double length = ufm_norm(A.cols, h);
    if (length > 0) ufm_scale(A.cols, 1 / length, h);
    return length;
}

double certify_ascend(ufm_matrix A, double *w, double *h)
{
    double value = 0;
    const double length = ufm_norm(A.rows, w);
    if (length > 0) ufm_scale(A.rows, 1 / length, w);
    int still = 0; /* steps without a rise beyond rounding */
    for (int step = 0; step < ASCENT_STEPS && still < 3; step++) {
        if (!(positive_part(A, w, h) > 0)) return value;
        ufm_gemm(1, A, ufm_view(h, A.cols, 1), 0, ufm_view(w, A.rows, 1));
        const double next = ufm_norm(A.rows, w);
        if (!(next > 0)) return value;
        ufm_scale(A.rows, 1 / next, w);
        still = next > value * (1 + 1e-15) ? 0 : still + 1;
        value = next;
    }
    return value;
}
