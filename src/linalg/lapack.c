#include <lapacke.h>
#include <math.h>
#include <ufmlab/linalg.h>

static bool all_finite(int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* A product that pulls in the BLAS set-up (one thread) before LAPACK uses it. */
static void prepare(void)
{
    const double zero = 0;
    (void)ufm_dot(1, &zero, &zero);
}

ufm_status ufm_symmetric_eigen(int64_t n, double *a, bool vectors, double *values)
{
    if (n == 0) return UFM_OK;
    if (!all_finite(n * n, a)) return UFM_ERROR_NUMERIC;
    prepare();
    const lapack_int info =
        LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'L', (lapack_int)n, a, (lapack_int)n, values);
    return info == 0 ? UFM_OK : UFM_ERROR_NUMERIC;
}

ufm_status ufm_svd(ufm_matrix a, double *u, double *s, double *vt)
{
    const int64_t r = a.rows < a.cols ? a.rows : a.cols;
    if (r == 0) return UFM_OK;
    if (!all_finite(a.rows * a.cols, a.data)) return UFM_ERROR_NUMERIC;
    prepare();
    double unused = 0;
    const bool vectors = u && vt;
    const lapack_int info =
        LAPACKE_dgesdd(LAPACK_COL_MAJOR, vectors ? 'S' : 'N', (lapack_int)a.rows, (lapack_int)a.cols, a.data,
                       (lapack_int)a.stride, s, vectors ? u : &unused, (lapack_int)a.rows,
                       vectors ? vt : &unused, (lapack_int)r);
    return info == 0 ? UFM_OK : UFM_ERROR_NUMERIC;
}

ufm_status ufm_solve_spd(int64_t n, double *a, double *b)
{
    if (n == 0) return UFM_OK;
    if (!all_finite(n * n, a) || !all_finite(n, b)) return UFM_ERROR_NUMERIC;
    prepare();
    const lapack_int info =
        LAPACKE_dposv(LAPACK_COL_MAJOR, 'L', (lapack_int)n, 1, a, (lapack_int)n, b, (lapack_int)n);
    return info == 0 ? UFM_OK : UFM_ERROR_NUMERIC;
}
