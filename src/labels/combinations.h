/* The C(K,m) tag sets of multiplicity m. */
#ifndef UFMLAB_LABELS_COMBINATIONS_H
#define UFMLAB_LABELS_COMBINATIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Most classes: a tag has 31 bits. */
#define LABEL_CLASSES_MAX ((int64_t)1 << 31)

/* C(K,m), or INT64_MAX when it is that large or larger; 0 <= m <= K <= 2^31. */
int64_t ufm_binomial(int64_t classes, int64_t m);
/* C(K,m) as a size: relative error below 1e-14, infinity when it overflows. */
double ufm_binomial_size(int64_t classes, int64_t m);

/* The first tag set in lexicographic order, 0..m-1, and from one to the next; false after the last. */
void ufm_combination_first(int64_t m, int32_t *tag);
bool ufm_combination_next(int64_t classes, int64_t m, int32_t *tag);

#endif
