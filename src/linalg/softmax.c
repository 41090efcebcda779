/* Softmax of many short columns, and what its logarithm takes. */
#include "exp.h"
#include <ufmlab/linalg.h>

INLINE void columns_largest_body(lanes_ways ways, int64_t rows, int64_t n, const double *x, double *largest)
{
    for (int64_t i = 0; i < n; i++, x += rows) {
        lanes most = (lanes){0} - __builtin_inf();
        for (int64_t k = 0; k < rows; k += LANES) {
            lanes v;
            ways.load(x + k, rows - k < LANES ? rows - k : LANES, -__builtin_inf(), &v);
            const lanes_bits larger = (lanes_bits)(v > most);
            most = (lanes)(((lanes_bits)v & larger) | ((lanes_bits)most & ~larger));
        }
        largest[i] = ways.largest(&most);
    }
}
VERSIONS_OF(void, , columns_largest, (int64_t rows, int64_t n, const double *x, double *largest),
            (rows, n, x, largest), (ways, rows, n, x, largest))

INLINE void columns_softmax_body(lanes_ways ways, int64_t rows, int64_t n, const double *largest,
                                 const double *factor, double *x, double *others)
{
    const lanes zero = {0}, one = zero + 1;
    for (int64_t i = 0; i < n; i++, x += rows) {
        const lanes top = zero + largest[i];
        lanes rest = zero, tops = zero;
        for (int64_t k = 0; k < rows; k += LANES) {
            const int64_t count = rows - k < LANES ? rows - k : LANES;
            lanes v;
            ways.load(x + k, count, -__builtin_inf(), &v);
            v -= top;
            const lanes_bits at_top = (lanes_bits)(v == zero);
            exp_lanes((double *)&v);
            rest += (lanes)((lanes_bits)v & ~at_top);
            tops += (lanes)((lanes_bits)one & at_top);
            ways.store(x + k, count, &v);
        }
        /* The largest one is exp 0; others that are equal to it count. */
        others[i] = ways.sum(&rest) + (ways.sum(&tops) - 1);
        const double scale = (factor ? factor[i] : 1) / (1 + others[i]);
        for (int64_t k = 0; k < rows; k += LANES) {
            const int64_t count = rows - k < LANES ? rows - k : LANES;
            lanes v;
            ways.load(x + k, count, 0, &v);
            v *= scale;
            ways.store(x + k, count, &v);
        }
    }
}
VERSIONS_OF(void, , columns_softmax,
            (int64_t rows, int64_t n, const double *largest, const double *factor, double *x, double *others),
            (rows, n, largest, factor, x, others), (ways, rows, n, largest, factor, x, others))

INLINE void columns_shift_body(lanes_ways ways, int64_t rows, int64_t n, const double *factor,
                               const double *b, double *x)
{
    for (int64_t i = 0; i < n; i++, x += rows) {
        const double scale = factor ? factor[i] : 1;
        for (int64_t k = 0; k < rows; k += LANES) {
            const int64_t count = rows - k < LANES ? rows - k : LANES;
            lanes v, shift;
            ways.load(x + k, count, 0, &v);
            ways.load(b + k, count, 0, &shift);
            v = v * scale + shift;
            ways.store(x + k, count, &v);
        }
    }
}
VERSIONS_OF(void, , columns_shift,
            (int64_t rows, int64_t n, const double *factor, const double *b, double *x),
            (rows, n, factor, b, x), (ways, rows, n, factor, b, x))

INLINE void columns_sum_body(lanes_ways ways, int64_t rows, int64_t n, const double *weight, const double *x,
                             double *sum)
{
    for (int64_t k = 0; k < rows; k += LANES) {
        const int64_t count = rows - k < LANES ? rows - k : LANES;
        lanes total;
        ways.load(sum + k, count, 0, &total);
        for (int64_t i = 0; i < n; i++) {
            lanes v;
            ways.load(x + i * rows + k, count, 0, &v);
            total += (weight ? weight[i] : 1) * v;
        }
        ways.store(sum + k, count, &total);
    }
}
VERSIONS_OF(void, , columns_sum,
            (int64_t rows, int64_t n, const double *weight, const double *x, double *sum),
            (rows, n, weight, x, sum), (ways, rows, n, weight, x, sum))

/* log(1 + x) = log u + (x - (u - 1))/u with u = 1 + x rounded; u = 2^e f with f in [sqrt(1/2), sqrt 2), and
 * log f = 2 atanh s, s = (f - 1)/(f + 1), by its series to s^21: the remainder is below 1e-17 of it. */
INLINE void log1p_lanes(lanes *at)
{
    static const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
    static const double root_half = 0x1.6a09e667f3bcdp-1, infinite = __builtin_inf();
    const lanes zero = {0}, x = *at, u = x + 1, c = x - (u - 1);
    const lanes_bits half = (lanes_bits)(zero + root_half), bits = (lanes_bits)u;
    const lanes_bits shifted = bits - half, exponent = shifted >> 52;
    const lanes f = (lanes)(bits - (exponent << 52));
    /* Small integers as doubles: beside 1.5 2^52. */
    const lanes magic = zero + 0x1.8p52, e = (lanes)((lanes_bits)magic + exponent) - magic;
    const lanes s = (f - 1) / (f + 1), t = s * s;
    lanes p = t * (1.0 / 21) + 1.0 / 19;
    p = p * t + 1.0 / 17;
    p = p * t + 1.0 / 15;
    p = p * t + 1.0 / 13;
    p = p * t + 1.0 / 11;
    p = p * t + 1.0 / 9;
    p = p * t + 1.0 / 7;
    p = p * t + 1.0 / 5;
    p = p * t + 1.0 / 3;
    /* 2s = (f - 1) - s (f - 1) keeps the digits of f - 1. */
    const lanes g = f - 1, log_f = g - s * (g - 2 * t * p);
    const lanes result = e * ln2_high + (log_f + (e * ln2_low + c / u));
    const lanes_bits finite = (lanes_bits)(x < zero + infinite);
    *at = (lanes)(((lanes_bits)result & finite) | ((lanes_bits)x & ~finite));
}

INLINE void log1p_body(lanes_ways ways, int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i += LANES) {
        const int64_t count = n - i < LANES ? n - i : LANES;
        lanes v;
        ways.load(x + i, count, 0, &v);
        log1p_lanes(&v);
        ways.store(x + i, count, &v);
    }
}
VERSIONS_OF(void, , log1p, (int64_t n, double *x), (n, x), (ways, n, x))
