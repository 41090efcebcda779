#include "shares.h"
#include <inttypes.h>
#include <stdio.h>

ufm_status ufm_shares_check(const ufm_design *design, ufm_error *error)
{
    const int64_t largest = (int64_t)1 << 31;
    if (!design || design->classes < 2 || design->classes > largest || design->levels < 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "no such design; it needs 2 to 2^31 classes and at least one multiplicity");
    for (int64_t l = 0, last = 0; l < design->levels; l++) {
        const int64_t m = design->multiplicity[l];
        if (m <= last || m > design->classes)
            return ufm_fail(error, UFM_ERROR_USAGE,
                            "multiplicity %" PRId64
                            " is out of place; multiplicities ascend from 1 to %" PRId64,
                            m, design->classes);
        if (design->per_tag_set[l] < 1)
            return ufm_fail(error, UFM_ERROR_USAGE,
                            "%" PRId64 " samples per tag set of multiplicity %" PRId64
                            "; at least 1 is needed",
                            design->per_tag_set[l], m);
        last = m;
    }
    return UFM_OK;
}

ufm_status ufm_shares_compute(const ufm_design *design, long double *fraction, ufm_scaled *samples)
{
    ufm_scaled *part = ufm_alloc(design->levels, sizeof *part);
    if (!part) return UFM_ERROR_MEMORY;
    ufm_scaled total = {0, 0};
    for (int64_t l = 0; l < design->levels; l++) {
        part[l] = ufm_scaled_multiply(ufm_scaled_integer((uint64_t)design->per_tag_set[l]),
                                      ufm_scaled_binomial(design->classes, design->multiplicity[l]));
        total = ufm_scaled_add(total, part[l]);
    }
    for (int64_t l = 0; l < design->levels; l++) fraction[l] = ufm_scaled_ratio(part[l], total);
    ufm_free(part);
    *samples = total;
    return UFM_OK;
}

/* n * C(classes, m) where it is below 2^63. */
static bool exact_part(int64_t classes, int64_t m, int64_t n, int64_t *part)
{
    const int64_t k = m < classes - m ? m : classes - m;
    __int128 product = 1;
    for (int64_t i = 1; i <= k; i++) {
        product = product * (classes - k + i) / i;
        if (product > INT64_MAX) return false;
    }
    product *= n;
    if (product > INT64_MAX) return false;
    *part = (int64_t)product;
    return true;
}

void ufm_shares_text(const ufm_design *design, ufm_scaled samples, char *text, size_t size)
{
    int64_t total = 0;
    for (int64_t l = 0; l < design->levels; l++) {
        int64_t part;
        if (!exact_part(design->classes, design->multiplicity[l], design->per_tag_set[l], &part) ||
            __builtin_add_overflow(total, part, &total)) {
            ufm_scaled_decimal(samples, text, size);
            return;
        }
    }
    snprintf(text, size, "%" PRId64, total);
}
