#include "scaled.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

typedef unsigned __int128 wide;
enum { WORD = 64, WIDTH = 128 };

static int leading_zeros(wide x)
{
    const uint64_t high = (uint64_t)(x >> WORD);
    return high ? __builtin_clzll(high) : WORD + __builtin_clzll((uint64_t)x);
}

/* (high * 2^64 + low) * 2^exponent, low < 2^64. */
static ufm_scaled normalised(wide high, uint64_t low, int64_t exponent)
{
    if (high == 0) {
        if (low == 0) return (ufm_scaled){0, 0};
        high = low;
        low = 0;
        exponent -= WORD;
    }
    const int shift = leading_zeros(high);
    wide mantissa = high << shift;
    if (shift >= WORD)
        mantissa |= (wide)low << (shift - WORD);
    else if (shift > 0)
        mantissa |= low >> (WORD - shift);
    return (ufm_scaled){mantissa, exponent + WORD - shift};
}

ufm_scaled ufm_scaled_integer(uint64_t value)
{
    return normalised(value, 0, -WORD);
}

ufm_scaled ufm_scaled_real(long double value)
{
    int exponent;
    const long double fraction = frexpl(value, &exponent);
    return normalised((uint64_t)ldexpl(fraction, WORD), 0, (int64_t)exponent - WIDTH);
}

ufm_scaled ufm_scaled_add(ufm_scaled a, ufm_scaled b)
{
    if (a.mantissa == 0) return b;
    if (b.mantissa == 0) return a;
    if (a.exponent < b.exponent) {
        const ufm_scaled swap = a;
        a = b;
        b = swap;
    }
    const int64_t shift = a.exponent - b.exponent;
    const wide addend = shift < WIDTH ? b.mantissa >> shift : 0;
    const wide sum = a.mantissa + addend;
    if (sum >= a.mantissa) return (ufm_scaled){sum, a.exponent};
    return (ufm_scaled){(wide)1 << (WIDTH - 1) | sum >> 1, a.exponent + 1};
}

ufm_scaled ufm_scaled_multiply(ufm_scaled a, ufm_scaled b)
{
    const uint64_t a1 = (uint64_t)(a.mantissa >> WORD), a0 = (uint64_t)a.mantissa;
    const uint64_t b1 = (uint64_t)(b.mantissa >> WORD), b0 = (uint64_t)b.mantissa;
    const wide cross = (wide)a1 * b0, other = (wide)a0 * b1;
    const wide middle = ((wide)a0 * b0 >> WORD) + (uint64_t)cross + (uint64_t)other;
    const wide high = (wide)a1 * b1 + (cross >> WORD) + (other >> WORD) + (middle >> WORD);
    return normalised(high, (uint64_t)middle, a.exponent + b.exponent + WORD);
}

ufm_scaled ufm_scaled_divide(ufm_scaled a, uint64_t divisor)
{
    const wide quotient = a.mantissa / divisor, rest = a.mantissa % divisor;
    return normalised(quotient, (uint64_t)((rest << WORD) / divisor), a.exponent - WORD);
}

ufm_scaled ufm_scaled_power(ufm_scaled base, uint64_t exponent)
{
    ufm_scaled power = ufm_scaled_integer(1);
    for (; exponent; exponent >>= 1) {
        if (exponent & 1) power = ufm_scaled_multiply(power, base);
        base = ufm_scaled_multiply(base, base);
    }
    return power;
}

/* log(n!) - log(sqrt(2 pi n) (n/e)^n); for n > 256 four terms leave 1e-23. */
static long double stirling_rest(int64_t n)
{
    const long double x = 1.0L / (long double)n, square = x * x;
    return x * (1 / 12.0L - square * (1 / 360.0L - square * (1 / 1260.0L - square / 1680.0L)));
}

ufm_scaled ufm_scaled_binomial(int64_t n, int64_t k)
{
    enum { DIRECT = 256 };
    if (k > n - k) k = n - k;
    if (k <= DIRECT) {
        ufm_scaled product = ufm_scaled_integer(1);
        for (int64_t i = 1; i <= k; i++)
            product = ufm_scaled_divide(
                ufm_scaled_multiply(product, ufm_scaled_integer((uint64_t)(n - k + i))), (uint64_t)i);
        return product;
    }
    /* (n/k)^k (n/(n-k))^(n-k) keeps about 96 correct bits; what remains is near 1 or a power. */
    const ufm_scaled whole = ufm_scaled_integer((uint64_t)n);
    const ufm_scaled first = ufm_scaled_power(ufm_scaled_divide(whole, (uint64_t)k), (uint64_t)k);
    const ufm_scaled second =
        ufm_scaled_power(ufm_scaled_divide(whole, (uint64_t)(n - k)), (uint64_t)(n - k));
    const long double pi = 3.141592653589793238462643383279502884L;
    const long double root = sqrtl((long double)n / (2 * pi * (long double)k * (long double)(n - k)));
    const long double correction = expl(stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k));
    return ufm_scaled_multiply(ufm_scaled_multiply(first, second), ufm_scaled_real(root * correction));
}

int64_t ufm_scaled_split(ufm_scaled a, long double *fraction)
{
    *fraction = ldexpl((long double)(uint64_t)(a.mantissa >> WORD), 1 - WORD) +
                ldexpl((long double)(uint64_t)a.mantissa, 1 - WIDTH);
    return a.exponent + WIDTH - 1;
}

long double ufm_scaled_ratio(ufm_scaled a, ufm_scaled b)
{
    enum { BEYOND = 40000 };
    long double top, bottom;
    int64_t exponent = ufm_scaled_split(a, &top) - ufm_scaled_split(b, &bottom);
    if (exponent > BEYOND) exponent = BEYOND;
    if (exponent < -BEYOND) exponent = -BEYOND;
    return ldexpl(top / bottom, (int)exponent);
}

/* a / 10^power rounded to an integer, for results below 2^63. */
static uint64_t rounded_digits(ufm_scaled a, int64_t power)
{
    const ufm_scaled tenth = ufm_scaled_divide(ufm_scaled_integer(1), 10);
    const ufm_scaled digits = ufm_scaled_multiply(a, ufm_scaled_power(tenth, (uint64_t)power));
    const int64_t shift = -digits.exponent;
    return (uint64_t)(((digits.mantissa >> (shift - 1)) + 1) >> 1);
}

void ufm_scaled_decimal(ufm_scaled a, char *text, size_t size)
{
    enum { DIGITS = 17 };
    const uint64_t least = 10000000000000000;
    long double fraction;
    const int64_t binary = ufm_scaled_split(a, &fraction);
    const long double log10_2 = 0.301029995663981195213738894724493027L;
    int64_t decimal = (int64_t)floorl((long double)binary * log10_2 + log10l(fraction));
    uint64_t digits = rounded_digits(a, decimal - (DIGITS - 1));
    /* The estimate may be one off beside a power of ten, and rounding may carry into an 18th digit. */
    if (digits < least && decimal >= DIGITS) digits = rounded_digits(a, --decimal - (DIGITS - 1));
    if (digits >= 10 * least) digits = rounded_digits(a, ++decimal - (DIGITS - 1));
    snprintf(text, size, "%" PRIu64 ".%016" PRIu64 "e+%" PRId64, digits / least, digits % least, decimal);
}
