/* Private to modules linalg and model: functions of eight numbers at a time, to be inlined into the loops of
 * versions.h. Within an ulp or two of the exact value. */
#ifndef UFMLAB_LINALG_ELEMENTARY_H
#define UFMLAB_LINALG_ELEMENTARY_H

#include "linalg/versions.h"

typedef int64_t lanes_bits __attribute__((vector_size(64), aligned(8), may_alias));

/* Where the mask is set a, elsewhere b. */
INLINE lanes lanes_select(lanes_bits mask, lanes a, lanes b)
{
    return (lanes)(((lanes_bits)a & mask) | ((lanes_bits)b & ~mask));
}

/* x = n log 2 + r with |r| <= log(2)/2; gives exp(r). The polynomial is the best one of its degree, off by
 * 7e-19. The low bits of *shifted are n + 1023, the exponent of 2^n. */
static const double exp_shift = 0x1.8p52 + 1023;
INLINE lanes lanes_exp_reduced(lanes x, lanes *shifted)
{
    static const double log2e = 0x1.71547652b82fep0;
    static const double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
    *shifted = x * log2e + exp_shift;
    const lanes n = *shifted - exp_shift;
    const lanes r = (x - n * ln2_high) - n * ln2_low;
    lanes p = r * 2.0826626254837e-09 + 2.5112036801871548e-08;
    p = p * r + 2.7557581850302577e-07;
    p = p * r + 2.7557234862042336e-06;
    p = p * r + 2.4801586926631677e-05;
    p = p * r + 0.00019841269896383676;
    p = p * r + 0.0013888888889115629;
    p = p * r + 0.008333333333317034;
    p = p * r + 0.041666666666666095;
    p = p * r + 0.16666666666666682;
    p = p * r + 0.5;
    return 1 + (r + r * r * p);
}

/* 2^n in two factors, so that the subnormal results are rounded once. Beyond the bounds the result is 0 or
 * infinite. */
INLINE lanes lanes_exp(lanes x)
{
    static const double lowest = -746, highest = 710;
    const lanes zero = {0};
    lanes shifted;
    x = lanes_select((lanes_bits)(x < zero + lowest), zero + lowest, x);
    x = lanes_select((lanes_bits)(x > zero + highest), zero + highest, x);
    const lanes p = lanes_exp_reduced(x, &shifted);
    const lanes_bits power = (lanes_bits)shifted - (lanes_bits)(zero + exp_shift), half = power >> 1;
    return p * (lanes)((half + 1023) << 52) * (lanes)((power - half + 1023) << 52);
}

/* The same for x <= 0, but 0 for what is below 2^-1020. */
INLINE lanes lanes_exp_below(lanes x)
{
    static const double lowest = -707;
    const lanes zero = {0};
    lanes shifted;
    const lanes p = lanes_exp_reduced(x, &shifted);
    return lanes_select((lanes_bits)(x < zero + lowest), zero, p * (lanes)((lanes_bits)shifted << 52));
}

/* log(1 + x) for 0 <= x < 2^1000, and the inverse of 1 + x. 1 + x = u + error = 2^n m with m in [1/sqrt 2,
 * sqrt 2); log m by the inverse hyperbolic tangent of s = f/(2 + f), f = m - 1, by the best polynomial of its
 * degree, off by 2e-18: 2 s = f - s f, where f is exact. One division serves s and the inverse. */
INLINE lanes lanes_log1p(lanes x, lanes *inverse)
{
    static const double round = 0x1.8p52, ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;
    static const int64_t one = 0x3ff0000000000000, root_half = 0x3fe6a09e667f3bcd;
    const lanes zero = {0};
    const lanes u = 1 + x, back = u - x;
    const lanes error = (1 - back) + (x - (u - back)); /* of the sum, exactly */
    const lanes_bits bits = (lanes_bits)u + (one - root_half);
    const lanes_bits power = (bits >> 52) - 1023;
    const lanes n = (lanes)(power + (lanes_bits)(zero + round)) - round;
    const lanes f = (lanes)((bits & 0x000fffffffffffff) + root_half) - 1;
    const lanes both = 1 / (u * (2 + f));
    *inverse = both * (2 + f);
    const lanes s = f * (both * u), z = s * s;
    lanes q = z * 7.398132551398738e-02 + 7.657010347584918e-02;
    q = q * z + 9.091782712547959e-02;
    q = q * z + 1.1111099276708498e-01;
    q = q * z + 1.4285714371282965e-01;
    q = q * z + 1.9999999999706974e-01;
    q = q * z + 3.333333333333367e-01;
    return n * ln2_high + (f + ((n * ln2_low + error * *inverse) - s * (f - 2 * z * q)));
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define LANES_HAVE_SHUFFLE
#endif
#endif

/* Lane i of the total becomes the sum of v[i]'s lanes. */
INLINE void lanes_totals(const lanes v[LANES], lanes *total)
{
#ifdef LANES_HAVE_SHUFFLE
    lanes two[4], four[2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        two[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
                 __builtin_shufflevector(v[2 * i], v[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++)
        four[i] = __builtin_shufflevector(two[2 * i], two[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
                  __builtin_shufflevector(two[2 * i], two[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
    *total = __builtin_shufflevector(four[0], four[1], 0, 1, 2, 3, 8, 9, 10, 11) +
             __builtin_shufflevector(four[0], four[1], 4, 5, 6, 7, 12, 13, 14, 15);
#else
    for (int i = 0; i < LANES; i++) {
        (*total)[i] = 0;
        for (int j = 0; j < LANES; j++) (*total)[i] += v[i][j];
    }
#endif
}

/* Rows become columns. */
INLINE void lanes_turn(lanes v[LANES])
{
#ifdef LANES_HAVE_SHUFFLE
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 2) {
        const lanes a = v[i], b = v[i + 1];
        v[i] = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
        v[i + 1] = __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    }
#pragma GCC unroll 4
    for (int pair = 0; pair < LANES / 2; pair++) {
        const int i = pair / 2 * 4 + pair % 2;
        const lanes a = v[i], b = v[i + 2];
        v[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        v[i + 2] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (int i = 0; i < LANES / 2; i++) {
        const lanes a = v[i], b = v[i + 4];
        v[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
        v[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    }
#else
    for (int i = 0; i < LANES; i++)
        for (int j = i + 1; j < LANES; j++) {
            const double other = v[i][j];
            v[i][j] = v[j][i];
            v[j][i] = other;
        }
#endif
}

#endif
