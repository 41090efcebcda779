#include "versions.h"
#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <ufmlab/linalg.h>

/* Our own threads split the work, so the BLAS must not start more; once per process. */
static void single_thread(void)
{
    openblas_set_num_threads(1);
}

static void prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, single_thread);
}

const char *ufm_blas_name(void)
{
    return openblas_get_corename();
}

const char *ufm_blas_kernels(void)
{
    if (getenv("OPENBLAS_CORETYPE")) return NULL;
#if defined(__x86_64__) && defined(__GNUC__)
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
    static const char *const narrow[] = {"Haswell", "Zen"};
    const char *name = openblas_get_corename();
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (strcasecmp(name, wide[i]) == 0) return NULL;
    if (is_wide()) return wide[0];
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++)
        if (strcasecmp(name, narrow[i]) == 0) return NULL;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return narrow[0];
#endif
    return NULL;
}

void ufm_gemm(double alpha, ufm_matrix a, ufm_matrix b, double beta, ufm_matrix c)
{
    prepare();
    const int64_t inner = a.transposed ? a.rows : a.cols;
    if (c.rows == 0 || c.cols == 0) return;
    cblas_dgemm(CblasColMajor, a.transposed ? CblasTrans : CblasNoTrans,
                b.transposed ? CblasTrans : CblasNoTrans, (blasint)c.rows, (blasint)c.cols, (blasint)inner,
                alpha, a.data, (blasint)a.stride, b.data, (blasint)b.stride, beta, c.data, (blasint)c.stride);
}

float ufm_dot_single(int64_t n, const float *x, const float *y)
{
    prepare();
    return cblas_sdot((blasint)n, x, 1, y, 1);
}

void ufm_gemm_single(float alpha, ufm_matrix_single a, ufm_matrix_single b, float beta, ufm_matrix_single c)
{
    prepare();
    const int64_t inner = a.transposed ? a.rows : a.cols;
    if (c.rows == 0 || c.cols == 0) return;
    cblas_sgemm(CblasColMajor, a.transposed ? CblasTrans : CblasNoTrans,
                b.transposed ? CblasTrans : CblasNoTrans, (blasint)c.rows, (blasint)c.cols, (blasint)inner,
                alpha, a.data, (blasint)a.stride, b.data, (blasint)b.stride, beta, c.data, (blasint)c.stride);
}

/* BLAS integers are 32 bits wide: longer vectors go in pieces. */
enum { PIECE = 1 << 30 };
/* Sums of squares between these have lost nothing that matters to the range of numbers. */
static const double smallest_square = 1e-240, largest_square = 1e300;

double ufm_norm(int64_t n, const double *x)
{
    const double squares = ufm_dot(n, x, x);
    if (squares > smallest_square && squares < largest_square) return sqrt(squares);
    prepare();
    double norm = 0;
    for (int64_t i = 0; i < n; i += PIECE)
        norm = hypot(norm, cblas_dnrm2((blasint)(n - i < PIECE ? n - i : PIECE), x + i, 1));
    return norm;
}

double ufm_distance(int64_t n, const double *a, const double *b)
{
    double scale = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double difference = fabs(a[i] - b[i]);
        if (!(difference <= scale)) scale = difference; /* keeps NaN */
        if (isnan(scale)) return scale;
    }
    if (scale == 0) return 0;
    for (int64_t i = 0; i < n; i++) {
        const double ratio = (a[i] - b[i]) / scale;
        sum += ratio * ratio;
    }
    return scale * sqrt(sum);
}

double ufm_angle(int64_t n, const double *u, const double *v)
{
    const double nu = ufm_norm(n, u), nv = ufm_norm(n, v);
    if (!(nu > 0 && nv > 0)) return NAN;
    double difference = 0, total = 0;
    for (int64_t i = 0; i < n; i++) {
        const double a = u[i] / nu, b = v[i] / nv;
        difference += (a - b) * (a - b);
        total += (a + b) * (a + b);
    }
    return 2 * atan2(sqrt(difference), sqrt(total));
}
