/* Tables of samples: parts of them, and columns of one scale.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <ufmlab/labels.h>

/* The given rows with their labels. */
static ufm_status take_rows(const ufm_table *all, int64_t count, const int64_t *rows, ufm_table **part,
                            ufm_error *error)
{
    const size_t bytes = (size_t)all->columns * sizeof *all->value;
    ufm_table *made = ufm_alloc(1, sizeof *made);
    ufm_labels_builder *builder = ufm_labels_builder_new();
    if (made) made->value = ufm_alloc(count * all->columns + 1, sizeof *made->value);
    ufm_status status = made && made->value && builder ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < count && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(all->labels, rows[i]);
        memcpy(made->value + i * all->columns, all->value + rows[i] * all->columns, bytes);
        status = ufm_labels_builder_add(builder, set.tags, set.tag, 1, error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, all->labels->classes, UFM_DUPLICATES_KEEP, &made->labels,
                                           error);
    ufm_labels_builder_free(builder);
    if (status == UFM_OK) {
        made->rows = count;
        made->columns = all->columns;
        *part = made;
    } else {
        ufm_table_free(made);
    }
    return status;
}

ufm_status ufm_table_split(const ufm_table *all, double share, uint64_t seed, ufm_table **rest,
                           ufm_table **part, ufm_error *error)
{
    const int64_t N = all->rows, apart = (int64_t)(share * (double)N + 0.5);
    if (!(share > 0 && share < 1) || apart < 1 || apart >= N)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "a share of %g of %lld rows; give one above 0 and below 1 that leaves some to both",
                        share, (long long)N);
    int64_t *order = ufm_alloc(N, sizeof *order);
    ufm_rng *rng = ufm_rng_new(seed);
    ufm_table *first = NULL, *second = NULL;
    ufm_status status = order && rng ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < N && status == UFM_OK; i++) { /* a random order, built from its beginning */
        const int64_t j = ufm_rng_below(rng, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    if (status == UFM_OK) status = take_rows(all, N - apart, order, &first, error);
    if (status == UFM_OK) status = take_rows(all, apart, order + N - apart, &second, error);
    ufm_rng_free(rng);
    ufm_free(order);
    if (status == UFM_OK) {
        *rest = first;
        *part = second;
    } else {
        ufm_table_free(first);
    }
    return status;
}

void ufm_table_standardise(ufm_table *table, ufm_table *other)
{
    const int64_t C = table->columns;
    for (int64_t c = 0; c < C; c++) {
        const double *value = table->value + c;
        double largest = 0, mean = 0, square = 0;
        /* In units of the largest, so that nothing overflows. */
        for (int64_t i = 0; i < table->rows; i++) largest = fmax(largest, fabs(value[i * C]));
        const double unit = largest > 0 ? largest : 1;
        for (int64_t i = 0; i < table->rows; i++) mean += value[i * C] / unit / (double)table->rows;
        for (int64_t i = 0; i < table->rows; i++) {
            const double off = value[i * C] / unit - mean;
            square += off * off / (double)table->rows;
        }
        const double deviation = sqrt(square) > 1e-12 ? sqrt(square) : 1;
        for (int64_t i = 0; i < table->rows; i++)
            table->value[i * C + c] = (table->value[i * C + c] / unit - mean) / deviation;
        for (int64_t i = 0; other && i < other->rows; i++)
            other->value[i * C + c] = (other->value[i * C + c] / unit - mean) / deviation;
    }
}
