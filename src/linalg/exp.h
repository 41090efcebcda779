/* Private to module linalg: the exponential of a register. */
#ifndef UFMLAB_LINALG_EXP_H
#define UFMLAB_LINALG_EXP_H

#include "versions.h"

typedef int64_t lanes_bits __attribute__((vector_size(64), aligned(8), may_alias));

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

#endif
