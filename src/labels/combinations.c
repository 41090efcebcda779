#include "labels/combinations.h"
#include <math.h>

__extension__ typedef __int128 wide;

int64_t ufm_binomial(int64_t classes, int64_t m)
{
    const int64_t k = m < classes - m ? m : classes - m;
    wide value = 1; /* C(K-k+j, j): grows with j, so it may stop at the first value that is too large */
    for (int64_t j = 1; j <= k; j++) {
        value = value * (classes - k + j) / j;
        if (value >= INT64_MAX) return INT64_MAX;
    }
    return (int64_t)value;
}

double ufm_binomial_size(int64_t classes, int64_t m)
{
    const int64_t k = m < classes - m ? m : classes - m;
    double value = 1;
    for (int64_t j = 1; j <= k && !isinf(value); j++) value = value * (double)(classes - k + j) / (double)j;
    return value;
}

void ufm_combination_first(int64_t m, int32_t *tag)
{
    for (int64_t i = 0; i < m; i++) tag[i] = (int32_t)i;
}

bool ufm_combination_next(int64_t classes, int64_t m, int32_t *tag)
{
    int64_t i = m - 1;
    while (i >= 0 && tag[i] == classes - m + i) i--;
    if (i < 0) return false;
    tag[i]++;
    for (int64_t j = i + 1; j < m; j++) tag[j] = tag[j - 1] + 1;
    return true;
}
