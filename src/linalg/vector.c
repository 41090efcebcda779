/* Loops over vectors: the products and sums of BLAS level 1, as most of ours are short and a BLAS that does
 * not know the processor takes its oldest kernels; and what no BLAS has, exponentials, and sums and products
 * of vectors in mixed precision. Each is compiled for several widths of the machine's registers, and the
 * widest that the processor has is taken when it is called; the order of every sum is the same for a given
 * machine. */
#include "elementary.h"
#include <math.h>
#include <ufmlab/linalg.h>

INLINE void exp_lanes(double *at)
{
    *(lanes *)at = lanes_exp(*(const lanes *)at);
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
VERSIONS_OF(double, return, dot, (int64_t n, const double *x, const double *y), (n, x, y), (n, x, y))

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

void ufm_axpy(int64_t n, double alpha, const double *x, double *y)
{
    ufm_step(n, y, alpha, x, y);
}

/* The 16-bit numbers are within this, and what a half is multiplied by where it is the upper one of a word.
 */
static const double pair_most = 32767, upper = 65536;

/* The largest absolute value; NaN where one is not finite. */
INLINE double largest_of(int64_t n, const double *x)
{
    const lanes_bits magnitude = (lanes_bits){0} + INT64_MAX;
    lanes most = {0}, unusual = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes v = *(const lanes *)(x + i), absolute = (lanes)((lanes_bits)v & magnitude);
        const lanes_bits larger = (lanes_bits)(absolute > most);
        most = (lanes)(((lanes_bits)absolute & larger) | ((lanes_bits)most & ~larger));
        unusual += v * 0;
    }
    double largest = 0, rest = sum_of(&unusual);
    for (int r = 0; r < LANES; r++) largest = most[r] > largest ? most[r] : largest;
    for (; i < n; i++) {
        largest = fabs(x[i]) > largest ? fabs(x[i]) : largest;
        rest += x[i] * 0;
    }
    return largest + rest;
}

/* The halves of eight words, times `upper`. */
INLINE void halves(lanes_widen *widen, const int32_t *words, lanes *s, lanes *y)
{
    const lanes_int word = *(const lanes_int *)words, high = word & ~0xffff, low = word << 16;
    widen(&high, s);
    widen(&low, y);
}
static inline double upper_half(int32_t word)
{
    return (double)(word & ~0xffff);
}
static inline double lower_half(int32_t word)
{
    return (double)(int32_t)((uint32_t)word << 16);
}

/* x rounded, beside words. */
INLINE void round_lanes(const lanes *x, lanes_int *rounded)
{
    const lanes shift = (lanes){0} + 0x1.8p52;
    *rounded = __builtin_convertvector((lanes_bits)(*x + shift) - (lanes_bits)shift, lanes_int);
}

INLINE void pair_make_body(int64_t n, double scale, const double *step, const double *change[2],
                           ufm_vector_pair pair, double *y)
{
    const double *before = change[0], *after = change[1];
    for (int64_t i = 0; i < n; i++) y[i] = after[i] - before[i];
    const double largest[2] = {largest_of(n, step), largest_of(n, y)};
    double inverse[2], unit[2];
    for (int r = 0; r < 2; r++) {
        inverse[r] = largest[r] > 0 ? pair_most / largest[r] : 0;
        unit[r] = scale * largest[r] / pair_most;
        pair.scale[r] = unit[r] / upper;
    }
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const lanes s = *(const lanes *)(step + i) * inverse[0],
                    change_of = *(const lanes *)(y + i) * inverse[1];
        lanes_int high, low;
        round_lanes(&s, &high);
        round_lanes(&change_of, &low);
        *(lanes_int *)(pair.words + i) = (high << 16) | (low & 0xffff);
        *(lanes *)(y + i) = unit[1] * __builtin_convertvector(low, lanes);
    }
    for (; i < n; i++) {
        const int32_t high = (int32_t)rint(step[i] * inverse[0]), low = (int32_t)rint(y[i] * inverse[1]);
        pair.words[i] = (int32_t)((uint32_t)high << 16 | ((uint32_t)low & 0xffff));
        y[i] = unit[1] * (double)low;
    }
}
VERSIONS(pair_make,
         (int64_t n, double scale, const double *step, const double *change[2], ufm_vector_pair pair,
          double *y),
         (n, scale, step, change, pair, y))

INLINE void pair_products_body(lanes_widen *widen, int64_t n, ufm_vector_pair pair, const double *u,
                               const double *v, double products[4])
{
    lanes su = {0}, sv = {0}, yu = {0}, yv = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes s, y;
        halves(widen, pair.words + i, &s, &y);
        const lanes ui = *(const lanes *)(u + i), vi = *(const lanes *)(v + i);
        su += s * ui;
        sv += s * vi;
        yu += y * ui;
        yv += y * vi;
    }
    double rest[4] = {0};
    for (; i < n; i++) {
        const double s = upper_half(pair.words[i]), y = lower_half(pair.words[i]);
        rest[0] += s * u[i];
        rest[1] += s * v[i];
        rest[2] += y * u[i];
        rest[3] += y * v[i];
    }
    products[0] += pair.scale[0] * (sum_of(&su) + rest[0]);
    products[1] += pair.scale[0] * (sum_of(&sv) + rest[1]);
    products[2] += pair.scale[1] * (sum_of(&yu) + rest[2]);
    products[3] += pair.scale[1] * (sum_of(&yv) + rest[3]);
}
VERSIONS_OF(void, , pair_products,
            (int64_t n, ufm_vector_pair pair, const double *u, const double *v, double products[4]),
            (n, pair, u, v, products), (widen, n, pair, u, v, products))

INLINE void pair_add_body(lanes_widen *widen, int64_t n, ufm_vector_pair pair, double along_s, double along_y,
                          double *out)
{
    const double s = along_s * pair.scale[0], y = along_y * pair.scale[1];
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes si, yi;
        halves(widen, pair.words + i, &si, &yi);
        *(lanes *)(out + i) += s * si + y * yi;
    }
    for (; i < n; i++) out[i] += s * upper_half(pair.words[i]) + y * lower_half(pair.words[i]);
}
VERSIONS_OF(void, , pair_add, (int64_t n, ufm_vector_pair pair, double along_s, double along_y, double *out),
            (n, pair, along_s, along_y, out), (widen, n, pair, along_s, along_y, out))
