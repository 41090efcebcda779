/* Loops over vectors: the products and sums of BLAS level 1, as most of ours are short and a BLAS that does
 * not know the processor takes its oldest kernels; and what no BLAS has, exponentials, and sums and products
 * of vectors in mixed precision. Each is compiled for several widths of the machine's registers, and the
 * widest that the processor has is taken when it is called; the order of every sum is the same for a given
 * machine. */
#include "versions.h"
#include <math.h>
#include <ufmlab/linalg.h>

typedef int64_t lanes_bits __attribute__((vector_size(64), aligned(8), may_alias));
typedef float lanes_single __attribute__((vector_size(32), aligned(4), may_alias));

/* x = n log 2 + r with |r| <= log(2)/2; exp(r) by its series, whose remainder is below 1e-17; 2^n in two
 * factors, so that the subnormal results are rounded once. Beyond the bounds the result is 0 or infinite. */
INLINE void exp_lanes(double *at)
{
    static const double lowest = -746, highest = 710, round = 0x1.8p52, log2e = 0x1.71547652b82fep0;
    static const double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
    const lanes zero = {0};
    lanes x = *(const lanes *)at;
    lanes_bits below = (lanes_bits)(x < zero + lowest), above = (lanes_bits)(x > zero + highest);
    x = (lanes)(((lanes_bits)(zero + lowest) & below) | ((lanes_bits)x & ~below));
    x = (lanes)(((lanes_bits)(zero + highest) & above) | ((lanes_bits)x & ~above));
    const lanes shifted = x * log2e + round;
    const lanes n = shifted - round;
    const lanes r = (x - n * ln2_high) - n * ln2_low;
    lanes p = r * (1.0 / 6227020800) + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = 1 + (r + r * r * p);
    const lanes_bits power = (lanes_bits)shifted - (lanes_bits)(zero + round), half = power >> 1;
    *(lanes *)at = p * (lanes)((half + 1023) << 52) * (lanes)((power - half + 1023) << 52);
}

INLINE void exp_body(int64_t n, double *x)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) exp_lanes(x + i);
    if (i == n) return;
    double rest[LANES] = {0};
    for (int64_t j = i; j < n; j++) rest[j - i] = x[j];
    exp_lanes(rest);
    for (int64_t j = i; j < n; j++) x[j] = rest[j - i];
}
VERSIONS(exp, (int64_t n, double *x), (n, x))

INLINE double sum_of(const lanes *v)
{
    const double *a = (const double *)v;
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

INLINE double dot_body(int64_t n, const double *x, const double *y)
{
    lanes sum[4] = {{0}};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++)
            sum[r] += *(const lanes *)(x + i + r * LANES) * *(const lanes *)(y + i + r * LANES);
    for (; i + LANES <= n; i += LANES) sum[0] += *(const lanes *)(x + i) * *(const lanes *)(y + i);
    sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    double rest = 0;
    for (; i < n; i++) rest += x[i] * y[i];
    return sum_of(&sum[0]) + rest;
}
VERSIONS_OF(double, return, dot, (int64_t n, const double *x, const double *y), (n, x, y))

INLINE void axpy_body(int64_t n, double alpha, const double *x, double *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) *(lanes *)(y + i) += alpha * *(const lanes *)(x + i);
    for (; i < n; i++) y[i] += alpha * x[i];
}
VERSIONS(axpy, (int64_t n, double alpha, const double *x, double *y), (n, alpha, x, y))

INLINE void combine_body(int64_t n, double alpha, const double *x, double beta, double *y)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        *(lanes *)(y + i) = alpha * *(const lanes *)(x + i) + beta * *(const lanes *)(y + i);
    for (; i < n; i++) y[i] = alpha * x[i] + beta * y[i];
}
VERSIONS(combine, (int64_t n, double alpha, const double *x, double beta, double *y), (n, alpha, x, beta, y))

INLINE void scale_body(int64_t n, double alpha, double *x)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) *(lanes *)(x + i) *= alpha;
    for (; i < n; i++) x[i] *= alpha;
}
VERSIONS(scale, (int64_t n, double alpha, double *x), (n, alpha, x))

INLINE void hadamard_body(int64_t n, const double *x, const double *y, double *out)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        *(lanes *)(out + i) = *(const lanes *)(x + i) * *(const lanes *)(y + i);
    for (; i < n; i++) out[i] = x[i] * y[i];
}
VERSIONS(hadamard, (int64_t n, const double *x, const double *y, double *out), (n, x, y, out))

INLINE void step_body(int64_t n, const double *x, double length, const double *direction, double *out)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        *(lanes *)(out + i) = *(const lanes *)(x + i) + length * *(const lanes *)(direction + i);
    for (; i < n; i++) out[i] = x[i] + length * direction[i];
}
VERSIONS(step, (int64_t n, const double *x, double length, const double *direction, double *out),
         (n, x, length, direction, out))

INLINE void pair_products_body(int64_t n, ufm_vector_pair pair, const double *u, const float *v,
                               double products[4])
{
    lanes su = {0}, sv = {0}, yu = {0}, yv = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes s = __builtin_convertvector(*(const lanes_single *)(pair.s + i), lanes);
        const lanes y = __builtin_convertvector(*(const lanes_single *)(pair.y + i), lanes);
        const lanes vi = __builtin_convertvector(*(const lanes_single *)(v + i), lanes);
        const lanes ui = *(const lanes *)(u + i);
        su += s * ui;
        sv += s * vi;
        yu += y * ui;
        yv += y * vi;
    }
    double rest[4] = {0};
    for (; i < n; i++) {
        rest[0] += (double)pair.s[i] * u[i];
        rest[1] += (double)pair.s[i] * (double)v[i];
        rest[2] += (double)pair.y[i] * u[i];
        rest[3] += (double)pair.y[i] * (double)v[i];
    }
    products[0] += sum_of(&su) + rest[0];
    products[1] += sum_of(&sv) + rest[1];
    products[2] += sum_of(&yu) + rest[2];
    products[3] += sum_of(&yv) + rest[3];
}
VERSIONS(pair_products,
         (int64_t n, ufm_vector_pair pair, const double *u, const float *v, double products[4]),
         (n, pair, u, v, products))

INLINE void pair_add_body(int64_t n, ufm_vector_pair pair, double along_s, double along_y, double *out)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes s = __builtin_convertvector(*(const lanes_single *)(pair.s + i), lanes);
        const lanes y = __builtin_convertvector(*(const lanes_single *)(pair.y + i), lanes);
        *(lanes *)(out + i) += along_s * s + along_y * y;
    }
    for (; i < n; i++) out[i] += along_s * (double)pair.s[i] + along_y * (double)pair.y[i];
}
VERSIONS(pair_add, (int64_t n, ufm_vector_pair pair, double along_s, double along_y, double *out),
         (n, pair, along_s, along_y, out))

INLINE void pair_make_body(int64_t n, double scale, const double *step, const double *change[2],
                           ufm_vector_pair pair)
{
    const double *before = change[0], *after = change[1];
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes s = scale * *(const lanes *)(step + i);
        const lanes y = scale * (*(const lanes *)(after + i) - *(const lanes *)(before + i));
        *(lanes_single *)(pair.s + i) = __builtin_convertvector(s, lanes_single);
        *(lanes_single *)(pair.y + i) = __builtin_convertvector(y, lanes_single);
    }
    for (; i < n; i++) {
        pair.s[i] = (float)(scale * step[i]);
        pair.y[i] = (float)(scale * (after[i] - before[i]));
    }
}
VERSIONS(pair_make,
         (int64_t n, double scale, const double *step, const double *change[2], ufm_vector_pair pair),
         (n, scale, step, change, pair))
