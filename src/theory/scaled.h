/* Positive numbers of any size, mantissa * 2^exponent with 128 bits of mantissa: binomials C(K,m) for K up to
 * 2^31 overflow every floating-point type. */
#ifndef UFMLAB_THEORY_SCALED_H
#define UFMLAB_THEORY_SCALED_H

#include <ufmlab/base.h>

typedef struct {
    unsigned __int128 mantissa; /* highest bit set; 0 stands for zero */
    int64_t exponent;
} ufm_scaled;

ufm_scaled ufm_scaled_integer(uint64_t value);
ufm_scaled ufm_scaled_real(long double value); /* value > 0, finite */
ufm_scaled ufm_scaled_add(ufm_scaled a, ufm_scaled b);
ufm_scaled ufm_scaled_multiply(ufm_scaled a, ufm_scaled b);
ufm_scaled ufm_scaled_divide(ufm_scaled a, uint64_t divisor);
ufm_scaled ufm_scaled_power(ufm_scaled base, uint64_t exponent);
/* C(n,k) for 0 <= k <= n <= 2^31, relative error below 1e-18. */
ufm_scaled ufm_scaled_binomial(int64_t n, int64_t k);

/* a = *fraction * 2^result with *fraction in [1,2). */
int64_t ufm_scaled_split(ufm_scaled a, long double *fraction);
/* a/b; 0 or infinity beyond the range of a long double. */
long double ufm_scaled_ratio(ufm_scaled a, ufm_scaled b);
/* 17 significant digits, "1.2345678901234567e+446"; for values of at least 1e16. */
void ufm_scaled_decimal(ufm_scaled a, char *text, size_t size);

#endif
