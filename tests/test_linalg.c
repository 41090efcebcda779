/* Layer 1, linalg: every call against plain loops or its defining equation. */
#include "test.h"
#include <ufmlab/linalg.h>

static double *random_numbers(ufm_rng *rng, int64_t count)
{
    double *x = ufm_alloc(count, sizeof *x);
    for (int64_t i = 0; x && i < count; i++) x[i] = ufm_rng_gaussian(rng);
    return x;
}

static double *copy_of(const double *x, int64_t count)
{
    double *y = ufm_alloc(count, sizeof *y);
    for (int64_t i = 0; y && i < count; i++) y[i] = x[i];
    return y;
}

static double element(ufm_matrix a, int64_t i, int64_t j)
{
    return a.transposed ? a.data[j + i * a.stride] : a.data[i + j * a.stride];
}

/* The largest |(A B)_ij - c_ij| by plain loops. */
static double product_error(ufm_matrix a, ufm_matrix b, const double *c, int64_t rows, int64_t inner,
                            int64_t cols)
{
    double worst = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            double sum = 0;
            for (int64_t k = 0; k < inner; k++) sum += element(a, i, k) * element(b, k, j);
            const double error = fabs(sum - c[i + j * rows]);
            if (!(error <= worst)) worst = error;
        }
    return worst;
}

/* C <- alpha op(A) op(B) + beta C on a view with padding below each column, which must stay as it was. */
static double gemm_trial(ufm_rng *rng, bool ta, bool tb)
{
    const int64_t m = 1 + ufm_rng_below(rng, 12), n = 1 + ufm_rng_below(rng, 12),
                  k = 1 + ufm_rng_below(rng, 12);
    const int64_t pad = ufm_rng_below(rng, 3), stride = m + pad;
    const double alpha = ufm_rng_gaussian(rng), beta = ufm_rng_below(rng, 2) ? ufm_rng_gaussian(rng) : 0;
    double *a = random_numbers(rng, m * k), *b = random_numbers(rng, k * n),
           *c = random_numbers(rng, stride * n);
    double *before = copy_of(c, stride * n);
    const ufm_matrix A = ta ? ufm_transpose(ufm_view(a, k, m)) : ufm_view(a, m, k);
    const ufm_matrix B = tb ? ufm_transpose(ufm_view(b, n, k)) : ufm_view(b, k, n);
    ufm_gemm(alpha, A, B, beta, (ufm_matrix){c, m, n, stride, false});
    double worst = 0;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < stride; i++) {
            double expected = before[i + j * stride];
            if (i < m) {
                double sum = 0;
                for (int64_t p = 0; p < k; p++) sum += element(A, i, p) * element(B, p, j);
                expected = alpha * sum + beta * expected;
            }
            const double error = fabs(c[i + j * stride] - expected);
            if (!(error <= worst)) worst = error;
        }
    ufm_free(a);
    ufm_free(b);
    ufm_free(c);
    ufm_free(before);
    return worst;
}

static void test_gemm(void)
{
    ufm_rng *rng = ufm_rng_new(1);
    double worst = 0;
    for (int trial = 0; trial < 400; trial++) worst = fmax(worst, gemm_trial(rng, trial & 1, trial & 2));
    test_worst("linalg/gemm", worst, 1e-13);
    double nothing = 5;
    ufm_gemm(1, ufm_view(&nothing, 0, 1), ufm_view(&nothing, 1, 1), 0, ufm_view(&nothing, 0, 1));
    TEST(nothing == 5);
    ufm_rng_free(rng);
}

static void test_columns(void)
{
    const double a[] = {1, 2, 3, 4, 5, 6};
    const ufm_matrix middle = ufm_columns(ufm_view(a, 2, 3), 1, 2);
    TEST(middle.rows == 2 && middle.cols == 2 && element(middle, 1, 0) == 4);
    TEST(element(ufm_transpose(middle), 0, 1) == 4);
}

static void test_vectors(void)
{
    ufm_rng *rng = ufm_rng_new(2);
    for (int64_t n = 0; n < 80; n++) { /* every length of the rest, with and without unrolled loops */
        double *x = random_numbers(rng, n), *y = random_numbers(rng, n), *z = copy_of(y, n);
        double dot = 0, norm = 0, distance = 0;
        for (int64_t i = 0; i < n; i++) {
            dot += x[i] * y[i];
            norm += x[i] * x[i];
            distance += (x[i] - y[i]) * (x[i] - y[i]);
        }
        test_close("dot", ufm_dot(n, x, y), dot, 1e-13);
        test_close("norm", ufm_norm(n, x), sqrt(norm), 1e-14);
        test_close("distance", ufm_distance(n, x, y), sqrt(distance), 1e-14);
        ufm_axpy(n, 0.5, x, z);
        for (int64_t i = 0; i < n; i++) test_close("axpy", z[i], y[i] + 0.5 * x[i], 1e-15);
        ufm_scale(n, -2, z);
        for (int64_t i = 0; i < n; i++) test_close("scale", z[i], -2 * y[i] - x[i], 1e-14);
        ufm_combine(n, 3, x, 0.25, z);
        for (int64_t i = 0; i < n; i++) test_close("combine", z[i], 2.75 * x[i] - 0.5 * y[i], 1e-14);
        ufm_hadamard(n, x, y, z);
        for (int64_t i = 0; i < n; i++) test_close("hadamard", z[i], x[i] * y[i], 1e-15);
        ufm_free(x);
        ufm_free(y);
        ufm_free(z);
    }
    ufm_rng_free(rng);
    const double huge[] = {3e200, 4e200}, tiny[] = {3e-200, 4e-200}, zero[] = {0, 0}, bad[] = {0, NAN};
    if (!test_fast()) { /* the BLAS may use extended precision here, which valgrind lacks */
        test_close("norm of huge numbers", ufm_norm(2, huge) / 1e200, 5, 1e-15);
        test_close("norm of tiny numbers", ufm_norm(2, tiny) * 1e200, 5, 1e-15);
    }
    test_close("distance of huge numbers", ufm_distance(2, huge, zero) / 1e200, 5, 1e-15);
    test_close("distance of tiny numbers", ufm_distance(2, tiny, zero) * 1e200, 5, 1e-15);
    TEST(isnan(ufm_norm(2, bad)) && isnan(ufm_dot(2, bad, zero)));
    TEST(isnan(ufm_distance(2, bad, zero)) && isnan(ufm_distance(2, zero, bad)));
}

/* |A V - V diag(values)|, |V^T V - I|, and the order. */
static void test_eigen(void)
{
    ufm_rng *rng = ufm_rng_new(3);
    double worst = 0;
    for (int64_t n = 1; n < 25; n++) {
        double *a = random_numbers(rng, n * n), *values = random_numbers(rng, n),
               *only = random_numbers(rng, n);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) a[j + i * n] = a[i + j * n];
        double *v = copy_of(a, n * n), *spare = copy_of(a, n * n), *scaled = ufm_alloc(n * n, sizeof *a),
               *identity = ufm_alloc(n * n, sizeof *a);
        TEST_OK(ufm_symmetric_eigen(n, v, true, values));
        TEST_OK(ufm_symmetric_eigen(n, spare, false, only));
        for (int64_t j = 0; j < n; j++) {
            identity[j + j * n] = 1;
            for (int64_t i = 0; i < n; i++) scaled[i + j * n] = values[j] * v[i + j * n];
            if (j > 0) TEST(values[j - 1] <= values[j]);
            test_close("eigenvalue without vectors", only[j], values[j], 1e-12);
        }
        const ufm_matrix V = ufm_view(v, n, n);
        worst = fmax(worst, product_error(ufm_view(a, n, n), V, scaled, n, n, n));
        worst = fmax(worst, product_error(ufm_transpose(V), V, identity, n, n, n));
        double *const blocks[] = {a, v, spare, values, only, scaled, identity};
        for (int i = 0; i < 7; i++) ufm_free(blocks[i]);
    }
    test_worst("linalg/eigen", worst, 1e-12);
    TEST_OK(ufm_symmetric_eigen(0, NULL, true, NULL));
    ufm_rng_free(rng);
}

/* |U diag(s) V^T - A|, orthonormality, and the order. */
static void test_svd(void)
{
    ufm_rng *rng = ufm_rng_new(4);
    double worst = 0;
    for (int trial = 0; trial < 60; trial++) {
        const int64_t m = 1 + ufm_rng_below(rng, 20), n = 1 + ufm_rng_below(rng, 20), r = m < n ? m : n;
        double *a = random_numbers(rng, m * n), *work = copy_of(a, m * n), *spare = copy_of(a, m * n);
        double *u = random_numbers(rng, m * r), *s = random_numbers(rng, r), *vt = random_numbers(rng, r * n);
        double *only = random_numbers(rng, r), *us = ufm_alloc(m * r, sizeof *us),
               *one = ufm_alloc(r * r, sizeof *one);
        TEST_OK(ufm_svd(ufm_view(work, m, n), u, s, vt));
        TEST_OK(ufm_svd(ufm_view(spare, m, n), NULL, only, NULL));
        for (int64_t j = 0; j < r; j++) {
            one[j + j * r] = 1;
            for (int64_t i = 0; i < m; i++) us[i + j * m] = s[j] * u[i + j * m];
            TEST(s[j] >= 0 && (j == 0 || s[j - 1] >= s[j]));
            test_close("singular value without vectors", only[j], s[j], 1e-13);
        }
        const ufm_matrix U = ufm_view(u, m, r), VT = ufm_view(vt, r, n);
        worst = fmax(worst, product_error(ufm_view(us, m, r), VT, a, m, r, n));
        worst = fmax(worst, product_error(ufm_transpose(U), U, one, r, m, r));
        worst = fmax(worst, product_error(VT, ufm_transpose(VT), one, r, n, r));
        double *const blocks[] = {a, work, spare, u, s, vt, only, us, one};
        for (int i = 0; i < 9; i++) ufm_free(blocks[i]);
    }
    test_worst("linalg/svd", worst, 1e-12);
    double s;
    TEST_OK(ufm_svd(ufm_view(&s, 0, 5), NULL, &s, NULL));
    ufm_rng_free(rng);
}

static void test_solve_spd(void)
{
    ufm_rng *rng = ufm_rng_new(5);
    double worst = 0;
    for (int64_t n = 1; n < 25; n++) {
        double *g = random_numbers(rng, n * n), *a = ufm_alloc(n * n, sizeof *a);
        for (int64_t i = 0; i < n; i++) a[i + i * n] = 1;
        ufm_gemm(1, ufm_view(g, n, n), ufm_transpose(ufm_view(g, n, n)), 1, ufm_view(a, n, n));
        double *keep = copy_of(a, n * n), *b = random_numbers(rng, n), *x = copy_of(b, n);
        TEST_OK(ufm_solve_spd(n, a, x));
        worst = fmax(worst, product_error(ufm_view(keep, n, n), ufm_view(x, n, 1), b, n, n, 1));
        double *const blocks[] = {g, a, keep, b, x};
        for (int i = 0; i < 5; i++) ufm_free(blocks[i]);
    }
    test_worst("linalg/solve_spd", worst, 1e-11);
    double indefinite[] = {1, 2, 2, 1}, b[] = {1, 1};
    TEST(ufm_solve_spd(2, indefinite, b) == UFM_ERROR_NUMERIC);
    TEST_OK(ufm_solve_spd(0, NULL, NULL));
    ufm_rng_free(rng);
}

static void test_not_finite(void)
{
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        double a[] = {1, bad[i], bad[i], 1}, values[2], vectors[4], right[] = {1, 1}, good[] = {2, 0, 0, 2};
        TEST(ufm_symmetric_eigen(2, a, true, values) == UFM_ERROR_NUMERIC);
        TEST(ufm_symmetric_eigen(2, a, false, values) == UFM_ERROR_NUMERIC);
        TEST(ufm_svd(ufm_view(a, 2, 2), vectors, values, vectors) == UFM_ERROR_NUMERIC);
        TEST(ufm_svd(ufm_view(a, 2, 2), NULL, values, NULL) == UFM_ERROR_NUMERIC);
        TEST(ufm_solve_spd(2, a, right) == UFM_ERROR_NUMERIC);
        right[1] = bad[i];
        TEST(ufm_solve_spd(2, good, right) == UFM_ERROR_NUMERIC);
    }
}

/* Against the exact angle of (1,0) and (cos t, sin t), down to t = 1e-12 and up to pi - 1e-12; acos would
 * have an error of 1e-8 there. */
static void test_angle(void)
{
    double worst = 0;
    for (double t = 1e-12; t < 3; t *= 1.7) {
        const double u[] = {3, 0}, near[] = {cos(t), sin(t)}, far[] = {-cos(t), sin(t)};
        worst = fmax(worst, fabs(ufm_angle(2, u, near) - t) / fmax(t, 1e-4));
        worst = fmax(worst, fabs(ufm_angle(2, u, far) - (M_PI - t)));
    }
    test_worst("linalg/angle", worst, 1e-11);
    const double x[] = {1e-100, 0, 0}, y[] = {0, 1e100, 0}, zero[] = {0, 0, 0}, bad[] = {NAN, 0, 0};
    test_close("right angle", ufm_angle(3, x, y), M_PI / 2, 1e-15);
    TEST(ufm_angle(3, x, x) == 0);
    TEST(isnan(ufm_angle(3, x, zero)) && isnan(ufm_angle(3, zero, x)) && isnan(ufm_angle(3, x, bad)));
}

/* ---- Lanczos against LAPACK ----------------------------------------------------------------------- */

typedef struct {
    int64_t n;
    const double *a;
} dense_operator;

static void multiply_dense(void *context, const double *v, double *product)
{
    const dense_operator *op = context;
    ufm_gemm(1, ufm_view(op->a, op->n, op->n), ufm_view(v, op->n, 1), 0, ufm_view(product, op->n, 1));
}

/* Q diag(spectrum) Q^T for a random rotation Q. */
static double *with_spectrum(ufm_rng *rng, int64_t n, const double *spectrum)
{
    double *q = random_numbers(rng, n * n), *values = ufm_alloc(n, sizeof *values),
           *scaled = ufm_alloc(n * n, sizeof *scaled), *a = ufm_alloc(n * n, sizeof *a);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < j; i++) q[i + j * n] = q[j + i * n];
    TEST_OK(ufm_symmetric_eigen(n, q, true, values));
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) scaled[i + j * n] = q[i + j * n] * spectrum[j];
    ufm_gemm(1, ufm_view(scaled, n, n), ufm_transpose(ufm_view(q, n, n)), 0, ufm_view(a, n, n));
    ufm_free(q);
    ufm_free(values);
    ufm_free(scaled);
    return a;
}

enum { SPREAD, CLUSTERED, DEGENERATE, FLAT, TINY, SPECTRA };

/* Random; a cluster 1e-7 wide at the bottom; multiple eigenvalues, zero among them; all equal; all of size
 * 1e-150. */
static void fill_spectrum(ufm_rng *rng, int kind, int64_t n, double *spectrum)
{
    for (int64_t i = 0; i < n; i++) {
        const double x = ufm_rng_gaussian(rng);
        spectrum[i] = kind == SPREAD       ? x
                      : kind == CLUSTERED  ? (i < n / 3 ? -3 + 1e-7 * x : x)
                      : kind == DEGENERATE ? (double)(i % 4) - 1
                      : kind == FLAT       ? -2
                                           : 1e-150 * x;
    }
}

/* Worst error of values, residuals |A v - value v| and orthonormality, relative to the spectrum's size. */
static double lanczos_error(int64_t n, const double *a, int64_t count, const double *expected)
{
    dense_operator op = {n, a};
    double *values = ufm_alloc(count, sizeof *values), *vectors = ufm_alloc(n * count, sizeof *vectors),
           *again = ufm_alloc(count, sizeof *again), *image = ufm_alloc(n, sizeof *image);
    const double size = fmax(fabs(expected[0]), fabs(expected[n - 1]));
    double worst = 0;
    TEST_OK(ufm_lanczos_smallest(n, multiply_dense, &op, count, values, vectors));
    TEST_OK(ufm_lanczos_smallest(n, multiply_dense, &op, count, again, NULL));
    for (int64_t j = 0; j < count; j++) {
        const double *v = vectors + j * n;
        multiply_dense(&op, v, image);
        ufm_axpy(n, -values[j], v, image);
        double error = fmax(fabs(values[j] - expected[j]), ufm_norm(n, image)) / size;
        for (int64_t i = 0; i <= j; i++) error = fmax(error, fabs(ufm_dot(n, v, vectors + i * n) - (i == j)));
        worst = error <= worst ? worst : error;
        TEST(fabs(again[j] - values[j]) <= 1e-13 * size);
    }
    ufm_free(values);
    ufm_free(vectors);
    ufm_free(again);
    ufm_free(image);
    return worst;
}

static void test_lanczos(void)
{
    ufm_rng *rng = ufm_rng_new(6);
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 6, 9, 30, 41, 60, 120};
    double worst = 0;
    for (size_t s = 0; s < (test_fast() ? 8 : sizeof sizes / sizeof sizes[0]); s++)
        for (int kind = 0; kind < SPECTRA; kind++) {
            const int64_t n = sizes[s];
            double *spectrum = ufm_alloc(n, sizeof *spectrum), *values = ufm_alloc(n, sizeof *values);
            fill_spectrum(rng, kind, n, spectrum);
            double *a = with_spectrum(rng, n, spectrum), *copy = copy_of(a, n * n);
            TEST_OK(ufm_symmetric_eigen(n, copy, false, values));
            for (int64_t count = 1; count <= n && count <= 6; count++) {
                const double error = lanczos_error(n, a, count, values);
                if (!(error <= 1e-11))
                    fprintf(stderr, "  n %lld kind %d count %lld: %.3g\n", (long long)n, kind,
                            (long long)count, error);
                worst = fmax(worst, isnan(error) ? INFINITY : error);
            }
            double *const blocks[] = {spectrum, values, a, copy};
            for (int i = 0; i < 4; i++) ufm_free(blocks[i]);
        }
    test_worst("linalg/lanczos", worst, 1e-11);
    ufm_rng_free(rng);
}

static void multiply_laplacian(void *context, const double *v, double *product)
{
    const int64_t n = *(const int64_t *)context;
    for (int64_t i = 0; i < n; i++)
        product[i] = 2 * v[i] - (i > 0 ? v[i - 1] : 0) - (i < n - 1 ? v[i + 1] : 0);
}

/* The second difference of 400 points: its smallest eigenvalue, 4 sin^2(pi/802), is 1.5e-5 of the largest and
 * close to the next. */
static void test_lanczos_slow(void)
{
    int64_t n = test_fast() ? 60 : 400;
    double value;
    TEST_OK(ufm_lanczos_smallest(n, multiply_laplacian, &n, 1, &value, NULL));
    const double root = 2 * sin(M_PI / (2 * (double)(n + 1)));
    test_worst("linalg/lanczos_slow", fabs(value - root * root), 1e-12);
}

static void multiply_bad(void *context, const double *v, double *product)
{
    for (int64_t i = 0; i < 50; i++) product[i] = v[i] * *(const double *)context;
}

static void test_lanczos_errors(void)
{
    double bad[] = {NAN, INFINITY}, zero = 0, value = 42, vector[50];
    for (int i = 0; i < 2; i++)
        TEST(ufm_lanczos_smallest(50, multiply_bad, &bad[i], 1, &value, vector) == UFM_ERROR_NUMERIC);
    TEST(ufm_lanczos_smallest(50, multiply_bad, &zero, 51, &value, vector) == UFM_ERROR_USAGE);
    TEST(value == 42);
    TEST_OK(ufm_lanczos_smallest(50, multiply_bad, &zero, 1, &value, vector));
    TEST(fabs(value) <= 1e-15);
    const int64_t blocks = ufm_memory_live_blocks();
    for (int64_t budget = 0; budget < 20; budget++) {
        double values[3];
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_lanczos_smallest(50, multiply_bad, &zero, 3, values, NULL);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        TEST(budget > 5 || status == UFM_ERROR_MEMORY);
        TEST(ufm_memory_live_blocks() == blocks);
    }
}

/* ---- Exponentials and mixed precision ---------------------------------------------------------- */

/* |value - exp(x)| in units in the last place of the exact value, from long double. */
static double exp_error(double x, double value)
{
    const long double exact = expl((long double)x);
    const double rounded = (double)exact;
    const double unit = fmax(nextafter(rounded, INFINITY) - rounded, 4.9406564584124654e-324);
    return (double)(fabsl((long double)value - exact) / (long double)unit);
}

static void test_exp(void)
{
    enum { NUMBERS = 1003 };
    double x[NUMBERS], e[NUMBERS], worst = 0;
    ufm_rng *rng = ufm_rng_new(31);
    for (int trial = 0; trial < (test_fast() ? 10 : 400); trial++) {
        const double width = trial % 4 == 0 ? 1 : trial % 4 == 1 ? 40 : 709;
        for (int i = 0; i < NUMBERS; i++) {
            x[i] = width * (2 * ufm_rng_uniform(rng) - 1);
            if (trial % 4 == 3) x[i] = -745 + 40 * ufm_rng_uniform(rng); /* subnormal results among them */
            e[i] = x[i];
        }
        ufm_exp(NUMBERS - trial % 16, e); /* every length of the rest */
        for (int i = 0; i < NUMBERS - trial % 16; i++) worst = fmax(worst, exp_error(x[i], e[i]));
    }
    ufm_rng_free(rng);
    test_worst("linalg/exp", worst, 1);
    const double inputs[] = {0,        -0.0,  -INFINITY, -1e300, -746,   -745.2,
                             INFINITY, 1e300, 710,       709.78, 1e-300, -1e-17};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        for (int64_t n = 1; n <= 17; n += 8) {
            double at[17];
            for (int64_t j = 0; j < n; j++) at[j] = inputs[i];
            ufm_exp(n, at);
            for (int64_t j = 0; j < n; j++) {
                if (isfinite(exp(inputs[i]))) {
                    test_at_most("units in the last place of exp", exp_error(inputs[i], at[j]), 1);
                } else {
                    TEST(at[j] == INFINITY);
                }
            }
        }
    double nan[9] = {0, NAN, 0, 0, 0, 0, 0, 0, NAN};
    ufm_exp(9, nan);
    for (int i = 0; i < 9; i++) TEST(i == 1 || i == 8 ? isnan(nan[i]) : nan[i] == 1);
}

/* A number of a pair. */
static double half(int32_t word, double scale, bool upper)
{
    const int number = upper ? (int16_t)((uint32_t)word >> 16) : (int16_t)(word & 0xffff);
    return 65536 * scale * number;
}

/* The kernels of L-BFGS against plain loops, for every length of the rest. */
static void test_pairs(void)
{
    enum { MOST = 41 };
    double step[MOST], before[MOST], after[MOST], out[MOST], u[MOST], v[MOST], made[MOST];
    int32_t words[MOST];
    double scale[2], worst = 0;
    ufm_rng *rng = ufm_rng_new(32);
    for (int64_t n = 0; n <= MOST; n++) {
        const ufm_vector_pair pair = {words, scale};
        const double *change[2] = {before, after};
        double products[4] = {1, 2, 3, 4}, expected[4] = {1, 2, 3, 4}, largest[2] = {0, 0};
        for (int64_t i = 0; i < n; i++) {
            step[i] = ufm_rng_gaussian(rng);
            before[i] = ufm_rng_gaussian(rng);
            after[i] = ufm_rng_gaussian(rng);
            u[i] = ufm_rng_gaussian(rng);
            v[i] = ufm_rng_gaussian(rng);
            largest[0] = fmax(largest[0], 0.3 * fabs(step[i]));
            largest[1] = fmax(largest[1], 0.3 * fabs(after[i] - before[i]));
        }
        ufm_pair_make(n, 0.3, step, change, pair, made);
        ufm_pair_products(n, pair, u, v, products);
        ufm_step(n, before, -2, after, out);
        for (int64_t i = 0; i < n; i++) {
            const double si = half(words[i], scale[0], true), yi = half(words[i], scale[1], false);
            TEST(fabs(si - 0.3 * step[i]) <= largest[0] / 65534 * (1 + 1e-12));
            TEST(fabs(yi - 0.3 * (after[i] - before[i])) <= largest[1] / 65534 * (1 + 1e-12));
            worst = fmax(worst, fabs(made[i] - yi));
            worst = fmax(worst, fabs(out[i] - (before[i] - 2 * after[i])));
            out[i] = u[i];
            expected[0] += si * u[i];
            expected[1] += si * v[i];
            expected[2] += yi * u[i];
            expected[3] += yi * v[i];
        }
        for (int k = 0; k < 4; k++) worst = fmax(worst, fabs(products[k] - expected[k]));
        ufm_pair_add(n, pair, 1.5, -0.7, out);
        for (int64_t i = 0; i < n; i++)
            worst = fmax(worst, fabs(out[i] - (u[i] + 1.5 * half(words[i], scale[0], true) -
                                               0.7 * half(words[i], scale[1], false))));
    }
    ufm_rng_free(rng);
    test_worst("linalg/pairs", worst, 1e-13);
}

/* Products with a thin matrix against the BLAS, for every number of rows and columns left over; Z and G stand
 * column by column or transposed. */
static void test_thin(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(33);
    for (int trial = 0; trial < (test_fast() ? 80 : 800); trial++) {
        const bool add = ufm_rng_below(rng, 2), turned = ufm_rng_below(rng, 2);
        const int64_t K = 1 + trial % 35, d = 1 + ufm_rng_below(rng, trial % 5 ? 90 : 400),
                      n = 1 + ufm_rng_below(rng, 20), stride = turned ? (n + 15) / 8 * 8 : K;
        double *const W = random_numbers(rng, K * d), *const H = random_numbers(rng, d * n),
                      *const G = random_numbers(rng, K * n), *const Z = random_numbers(rng, K * n),
                      *const Z2 = ufm_alloc(K * n, sizeof(double)),
                      *const laid = random_numbers(rng, turned ? K * stride : K * n),
                      *const out = random_numbers(rng, d * n), *const out2 = ufm_alloc(d * n, sizeof(double)),
                      *const sum = random_numbers(rng, d * K), *const sum2 = ufm_alloc(d * K, sizeof(double)),
                      *const storage = random_numbers(rng, ufm_thin_numbers(K, d));
        const ufm_matrix h = ufm_view(H, d, n), g = ufm_view(G, K, n),
                         z = turned ? ufm_transpose((ufm_matrix){laid, n, K, stride, false})
                                    : ufm_view(laid, K, n);
        const int64_t row = turned ? stride : 1, column = turned ? 1 : K;
        const ufm_thin thin = ufm_thin_pack(K, d, W, storage);
        memcpy(Z2, Z, (size_t)(K * n) * sizeof(double));
        for (int64_t i = 0; i < K * n; i++) laid[i % K * row + i / K * column] = Z[i];
        ufm_thin_multiply(&thin, h, add, z);
        for (int64_t i = 0; i < K * n; i++) Z[i] = laid[i % K * row + i / K * column];
        ufm_gemm(1, ufm_view(W, K, d), h, add, ufm_view(Z2, K, n));
        memcpy(sum2, sum, (size_t)(d * K) * sizeof(double));
        memcpy(out2, H, (size_t)(d * n) * sizeof(double));
        for (int64_t i = 0; i < K * n; i++) laid[i % K * row + i / K * column] = G[i];
        const double squares = ufm_thin_back(&thin, z, 0.4, h, ufm_rng_below(rng, 2), out),
                     exact = ufm_dot(d * n, H, H);
        CU_ASSERT(squares == ufm_thin_squares(h));
        ufm_gemm(1, ufm_transpose(ufm_view(W, K, d)), g, 0.4, ufm_view(out2, d, n));
        ufm_thin_outer(z, h, sum);
        ufm_gemm(1, h, ufm_transpose(g), 1, ufm_view(sum2, d, K));
        double error = fmax(ufm_distance(K * n, Z, Z2),
                            fmax(ufm_distance(d * n, out, out2), ufm_distance(d * K, sum, sum2)));
        if (!(fabs(squares - exact) <= 1e-14 * exact)) error = INFINITY;
        if (!(error <= 1e-12))
            fprintf(stderr, "  K=%lld d=%lld n=%lld%s%s\n", (long long)K, (long long)d, (long long)n,
                    add ? " add" : "", turned ? " transposed" : "");
        worst = fmax(worst, isnan(error) ? INFINITY : error);
        double *const arrays[] = {W, H, G, Z, Z2, laid, out, out2, sum, sum2, storage};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    }
    ufm_rng_free(rng);
    test_worst("linalg/thin", worst, 1e-12);
}

/* Number by number, all shapes around the squares of eight, into no more than what is asked for. */
static void test_turn(void)
{
    ufm_rng *rng = ufm_rng_new(12);
    int64_t wrong = 0;
    for (int64_t rows = 1; rows <= 26; rows++)
        for (int64_t cols = 1; cols <= 26; cols++) {
            double *const a = random_numbers(rng, rows * cols), *const turned =
                                                                    random_numbers(rng, rows * cols + 1);
            const double behind = turned[rows * cols];
            ufm_turn(rows, cols, a, turned);
            int64_t here = !(turned[rows * cols] == behind);
            for (int64_t k = 0; k < rows; k++)
                for (int64_t j = 0; j < cols; j++) here += !(turned[j + k * cols] == a[k + j * rows]);
            if (here > 0)
                fprintf(stderr, "  %lld x %lld: %lld numbers wrong\n", (long long)rows, (long long)cols,
                        (long long)here);
            wrong += here;
            ufm_free(a);
            ufm_free(turned);
        }
    ufm_rng_free(rng);
    CU_ASSERT(wrong == 0);
}

/* Factors of eight systems at once against LAPACK, one system after another; also where fewer are there. */
static void test_batch(void)
{
    ufm_rng *rng = ufm_rng_new(8);
    double worst = 0;
    for (int trial = 0; trial < 120; trial++) {
        const int64_t K = 1 + ufm_rng_below(rng, 33), r = 1 + trial % 34, stride = ufm_batch_stride(r);
        const int64_t count = 1 + ufm_rng_below(rng, UFM_BATCH);
        double *rows = ufm_alloc(K * stride, sizeof(double)), *a = ufm_alloc(K * UFM_BATCH, sizeof(double));
        double *scratch = ufm_alloc(ufm_batch_scratch(K, r), sizeof(double)), tau[UFM_BATCH] = {0};
        double *factor = ufm_alloc(ufm_batch_numbers(r), sizeof(double)),
               *x = ufm_alloc(r * UFM_BATCH, sizeof(double));
        double *right = ufm_alloc(r * count, sizeof(double)), *out = ufm_alloc(r * count, sizeof(double));
        double *curvature = ufm_alloc(K * count, sizeof(double)), *A = ufm_alloc(r * r, sizeof(double));
        for (int64_t k = 0; k < K; k++)
            for (int64_t j = 0; j < r; j++) rows[k * stride + j] = ufm_rng_gaussian(rng);
        for (int64_t s = 0; s < count;
             s++) { /* like a softmax: tau a a^T takes one direction's curvature away */
            double sum = 0;
            for (int64_t k = 0; k < K; k++) sum += curvature[s * K + k] = ufm_rng_uniform(rng);
            tau[s] = s % 2 ? 1 / sum : 0;
        }
        for (int64_t j = 0; j < r * count; j++) right[j] = ufm_rng_gaussian(rng);
        const ufm_systems batch = {K, r, rows, 0.1};
        ufm_batch_load(K, count, curvature, a);
        ufm_batch_factor(&batch, a, tau, scratch, factor);
        ufm_batch_load(r, count, right, x);
        ufm_batch_solve(r, factor, x);
        ufm_batch_store(r, count, x, out);
        for (int64_t s = 0; s < count; s++) {
            for (int64_t j = 0; j < r; j++)
                for (int64_t l = 0; l < r; l++) {
                    double sum = j == l ? batch.ridge : 0, left = 0, other = 0;
                    for (int64_t k = 0; k < K; k++) {
                        const double ak = curvature[s * K + k], w = rows[k * stride + j],
                                     v = rows[k * stride + l];
                        sum += ak * w * v;
                        left += ak * w;
                        other += ak * v;
                    }
                    A[j + l * r] = sum - tau[s] * left * other;
                }
            TEST_OK(ufm_solve_spd(r, A, right + s * r));
            worst = fmax(worst, ufm_distance(r, out + s * r, right + s * r) / ufm_norm(r, right + s * r));
            if (!(worst <= 1e-12))
                fprintf(stderr, "  K %lld, r %lld, system %lld\n", (long long)K, (long long)r, (long long)s);
        }
        double *const arrays[] = {rows, a, scratch, factor, x, right, out, curvature, A};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    }
    test_worst("linalg/batch", worst, 1e-12);
    ufm_rng_free(rng);
}

static const test_case cases[] = {
    {"batch", test_batch},
    {"gemm", test_gemm},
    {"columns", test_columns},
    {"vectors", test_vectors},
    {"eigen", test_eigen},
    {"svd", test_svd},
    {"solve_spd", test_solve_spd},
    {"not_finite", test_not_finite},
    {"angle", test_angle},
    {"lanczos", test_lanczos},
    {"lanczos_slow", test_lanczos_slow},
    {"lanczos_errors", test_lanczos_errors},
    {"turn", test_turn},
    {"thin", test_thin},
    {"exp", test_exp},
    {"pairs", test_pairs},
    {NULL, NULL},
};
const test_suite suite_linalg = {"linalg", cases};
