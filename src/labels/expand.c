#include "labels/combinations.h"
#include "labels/message.h"
#include <string.h>
#include <ufmlab/labels.h>

static int64_t columns_per_set(const ufm_design *design, int64_t l, ufm_duplicates duplicates)
{
    return duplicates == UFM_DUPLICATES_MERGE ? 1 : design->per_tag_set[l];
}

/* Bytes of the labels and of the features that the caller will hold; infinite rather than overflowing. */
static double size_of(const ufm_design *design, const ufm_expansion *expansion, ufm_duplicates duplicates)
{
    double columns = 0, tags = 0;
    for (int64_t l = 0; l < design->levels; l++) {
        const double more = ufm_binomial_size(design->classes, design->multiplicity[l]) *
                            (double)columns_per_set(design, l, duplicates);
        columns += more;
        tags += more * (double)design->multiplicity[l];
    }
    const double counts = duplicates == UFM_DUPLICATES_MERGE ? 8 : 0;
    const double features = 8 * (double)expansion->dim * (double)expansion->copies;
    return 8 + columns * (8 + counts + features) + 4 * tags;
}

static ufm_status refuse(const ufm_design *design, const ufm_expansion *expansion, double limit,
                         ufm_error *error)
{
    const double needed = size_of(design, expansion, expansion->duplicates);
    const double merged = size_of(design, expansion, UFM_DUPLICATES_MERGE);
    const char *remedy =
        merged > limit ? "use fewer classes or leave out the multiplicities with most tag sets"
        : expansion->duplicates == UFM_DUPLICATES_MERGE ? "use fewer samples"
                                                        : "use --duplicates merge or fewer samples";
    return ufm_fail(error, UFM_ERROR_MEMORY, "this design needs %s but the limit is %s; %s",
                    ufm_label_bytes(needed, true).text, ufm_label_bytes(limit, false).text, remedy);
}

static ufm_status check(const ufm_design *design, const ufm_expansion *expansion, ufm_error *error)
{
    bool valid = design->classes >= 2 && design->levels >= 1;
    for (int64_t l = 0; l < design->levels; l++)
        valid = valid && design->multiplicity[l] >= (l > 0 ? design->multiplicity[l - 1] + 1 : 1) &&
                design->multiplicity[l] <= design->classes && design->per_tag_set[l] >= 1;
    if (!valid)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "invalid design; multiplicities must ascend within 1..K, samples must be positive");
    if (expansion->dim < 0 || expansion->copies < 0)
        return ufm_fail(error, UFM_ERROR_USAGE, "dim %lld and copies %lld must not be negative",
                        (long long)expansion->dim, (long long)expansion->copies);
    return UFM_OK;
}

/* Totals of the expanded labels; false when one overflows. */
static bool count_columns(const ufm_design *design, ufm_duplicates duplicates, ufm_labels *totals,
                          int64_t *tags)
{
    *tags = 0;
    for (int64_t l = 0; l < design->levels; l++) {
        const int64_t m = design->multiplicity[l], sets = ufm_binomial(design->classes, m);
        int64_t columns, samples, more;
        if (__builtin_mul_overflow(sets, columns_per_set(design, l, duplicates), &columns) ||
            __builtin_mul_overflow(sets, design->per_tag_set[l], &samples) ||
            __builtin_mul_overflow(columns, m, &more) ||
            __builtin_add_overflow(totals->columns, columns, &totals->columns) ||
            __builtin_add_overflow(totals->samples, samples, &totals->samples) ||
            __builtin_add_overflow(*tags, more, tags))
            return false;
    }
    return true;
}

/* Writes the columns of one multiplicity from column *next on. */
static void fill(ufm_labels *labels, int64_t m, int64_t columns_each, int64_t samples_each, int64_t *next)
{
    int64_t i = *next;
    int32_t *tag = labels->tag + labels->offset[i];
    ufm_combination_first(m, tag);
    for (;;) {
        for (int64_t c = 0; c < columns_each; c++, i++) {
            if (c > 0) tag = memcpy(tag + m, tag, (size_t)m * sizeof *tag);
            labels->offset[i + 1] = labels->offset[i] + m;
            if (labels->count) labels->count[i] = samples_each;
        }
        if (tag[0] == labels->classes - m) break; /* only the last tag set starts there */
        tag = memcpy(tag + m, tag, (size_t)m * sizeof *tag);
        ufm_combination_next(labels->classes, m, tag);
    }
    *next = i;
}

ufm_status ufm_design_expand(const ufm_design *design, const ufm_expansion *expansion, ufm_labels **labels,
                             ufm_error *error)
{
    *labels = NULL;
    ufm_status status = check(design, expansion, error);
    if (status != UFM_OK) return status;
    const ufm_duplicates duplicates = expansion->duplicates;
    const int64_t limit = expansion->memory_limit > 0 ? expansion->memory_limit : INT64_MAX;
    ufm_labels *result = ufm_alloc(1, sizeof *result);
    int64_t tags;
    if (!result) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the labels");
    result->classes = design->classes;
    if (!(size_of(design, expansion, duplicates) <= (double)limit) ||
        !count_columns(design, duplicates, result, &tags)) {
        status = refuse(design, expansion, (double)limit, error);
        goto cleanup;
    }
    result->offset = ufm_alloc(result->columns + 1, sizeof *result->offset);
    result->tag = ufm_alloc(tags, sizeof *result->tag);
    if (duplicates == UFM_DUPLICATES_MERGE) result->count = ufm_alloc(result->columns, sizeof *result->count);
    if (!result->offset || !result->tag || (duplicates == UFM_DUPLICATES_MERGE && !result->count)) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "this design needs %s, more than can be had; use %s",
                          ufm_label_bytes(size_of(design, expansion, duplicates), true).text,
                          duplicates == UFM_DUPLICATES_MERGE ? "fewer classes"
                                                             : "--duplicates merge or fewer samples");
        goto cleanup;
    }
    int64_t next = 0;
    for (int64_t l = 0; l < design->levels; l++)
        fill(result, design->multiplicity[l], columns_per_set(design, l, duplicates), design->per_tag_set[l],
             &next);
cleanup:
    if (status == UFM_OK)
        *labels = result;
    else
        ufm_labels_free(result);
    return status;
}
