#include "labels/message.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/labels.h>

void ufm_labels_free(ufm_labels *labels)
{
    if (!labels) return;
    ufm_free(labels->offset);
    ufm_free(labels->tag);
    ufm_free(labels->count);
    ufm_free(labels->name);
    ufm_free(labels);
}

struct ufm_labels_builder {
    int64_t columns, tags, samples;
    int64_t *offset, *count;
    int32_t *tag;
    int64_t offset_capacity, count_capacity, tag_capacity;
    int32_t largest;      /* tag */
    int64_t memory_limit; /* a small file must not be able to fill the machine's memory */
};

ufm_labels_builder *ufm_labels_builder_new(void)
{
    ufm_labels_builder *builder = ufm_alloc(1, sizeof *builder);
    if (builder) builder->memory_limit = ufm_memory_physical();
    return builder;
}

static void empty(ufm_labels_builder *builder)
{
    ufm_free(builder->offset);
    ufm_free(builder->count);
    ufm_free(builder->tag);
    *builder = (ufm_labels_builder){.memory_limit = builder->memory_limit};
}

void ufm_labels_builder_free(ufm_labels_builder *builder)
{
    if (!builder) return;
    empty(builder);
    ufm_free(builder);
}

static ufm_status no_memory(ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the labels");
}

static ufm_status reserve(ufm_labels_builder *b, int64_t tags, ufm_error *error)
{
    const int64_t columns = b->columns + 1;
    if (8 * (b->tags + tags) + 32 * columns > b->memory_limit) return no_memory(error);
    if (ufm_grow((void **)&b->offset, &b->offset_capacity, columns + 1, sizeof *b->offset) != UFM_OK ||
        ufm_grow((void **)&b->count, &b->count_capacity, columns, sizeof *b->count) != UFM_OK ||
        ufm_grow((void **)&b->tag, &b->tag_capacity, b->tags + tags, sizeof *b->tag) != UFM_OK)
        return no_memory(error);
    return UFM_OK;
}

static int compare_tags(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static ufm_status sort_tags(int64_t tags, int32_t *tag, ufm_error *error)
{
    bool ascending = true;
    for (int64_t i = 1; i < tags && ascending; i++) ascending = tag[i - 1] < tag[i];
    if (!ascending) qsort(tag, (size_t)tags, sizeof *tag, compare_tags);
    for (int64_t i = 1; i < tags; i++)
        if (tag[i - 1] == tag[i])
            return ufm_fail(error, UFM_ERROR_INPUT, "tag %d appears twice in one tag set; name each tag once",
                            tag[i]);
    if (tag[0] < 0) return ufm_fail(error, UFM_ERROR_INPUT, "tag %d is negative; tags start at 0", tag[0]);
    return UFM_OK;
}

ufm_status ufm_labels_builder_add(ufm_labels_builder *builder, int64_t tags, const int32_t *tag,
                                  int64_t count, ufm_error *error)
{
    if (tags < 1 || count < 1)
        return ufm_fail(error, UFM_ERROR_USAGE, "a column needs at least one tag and at least one sample");
    int64_t samples;
    if (__builtin_add_overflow(builder->samples, count, &samples))
        return ufm_fail(error, UFM_ERROR_INPUT,
                        "the counts add up to more than 9223372036854775807 samples; use smaller counts");
    ufm_status status = reserve(builder, tags, error);
    if (status != UFM_OK) return status;
    int32_t *set = builder->tag + builder->tags;
    memcpy(set, tag, (size_t)tags * sizeof *set);
    status = sort_tags(tags, set, error);
    if (status != UFM_OK) return status;
    if (set[tags - 1] > builder->largest) builder->largest = set[tags - 1];
    builder->tags += tags;
    builder->samples = samples;
    builder->count[builder->columns++] = count;
    builder->offset[builder->columns] = builder->tags;
    return UFM_OK;
}

/* Appends one column with the builder's tag set `from`. */
static void append(ufm_labels *labels, const ufm_labels_builder *builder, int64_t from)
{
    const int64_t begin = builder->offset[from], tags = builder->offset[from + 1] - begin;
    const int64_t end = labels->offset[labels->columns];
    memcpy(labels->tag + end, builder->tag + begin, (size_t)tags * sizeof *labels->tag);
    labels->offset[++labels->columns] = end + tags;
}

static void take_over(ufm_labels *labels, ufm_labels_builder *builder)
{
    labels->columns = builder->columns;
    labels->offset = builder->offset;
    labels->tag = builder->tag;
    builder->offset = NULL;
    builder->tag = NULL;
}

/* Each column as often as its count says. */
static ufm_status keep(ufm_labels *labels, ufm_labels_builder *builder, ufm_error *error)
{
    if (builder->samples == builder->columns) {
        take_over(labels, builder);
        return UFM_OK;
    }
    double tags = 0;
    for (int64_t i = 0; i < builder->columns; i++)
        tags += (double)builder->count[i] * (double)(builder->offset[i + 1] - builder->offset[i]);
    const double bytes = 8 * ((double)builder->samples + 1) + 4 * tags;
    if (bytes <= (double)builder->memory_limit) {
        labels->offset = ufm_alloc(builder->samples + 1, sizeof *labels->offset);
        labels->tag = ufm_alloc((int64_t)tags, sizeof *labels->tag);
    }
    if (!labels->offset || !labels->tag)
        return ufm_fail(error, UFM_ERROR_MEMORY,
                        "keeping %lld samples apart needs %s for the labels alone, this machine has %s; use "
                        "--duplicates merge",
                        (long long)builder->samples, ufm_label_bytes(bytes, true).text,
                        ufm_label_bytes((double)builder->memory_limit, false).text);
    for (int64_t i = 0; i < builder->columns; i++)
        for (int64_t c = 0; c < builder->count[i]; c++) append(labels, builder, i);
    return UFM_OK;
}

/* Equal tag sets as one column, in order of first appearance. */
static ufm_status merge(ufm_labels *labels, ufm_labels_builder *builder, ufm_error *error)
{
    const ufm_labels all = {.columns = builder->columns, .offset = builder->offset, .tag = builder->tag};
    int64_t groups = 0;
    int64_t *group = ufm_alloc(builder->columns, sizeof *group);
    ufm_status status = group ? ufm_labels_group(&all, group, &groups) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        labels->offset = ufm_alloc(groups + 1, sizeof *labels->offset);
        labels->count = ufm_alloc(groups, sizeof *labels->count);
        labels->tag = ufm_alloc(builder->tags, sizeof *labels->tag);
        if (!labels->offset || !labels->count || !labels->tag) status = UFM_ERROR_MEMORY;
    }
    for (int64_t i = 0; status == UFM_OK && i < builder->columns; i++) {
        if (group[i] == labels->columns) append(labels, builder, i);
        labels->count[group[i]] += builder->count[i];
    }
    ufm_free(group);
    return status == UFM_OK ? UFM_OK : no_memory(error);
}

static ufm_status check_classes(const ufm_labels_builder *builder, int64_t classes, ufm_error *error)
{
    if (builder->columns == 0)
        return ufm_fail(error, UFM_ERROR_INPUT,
                        "no sample has a label; at least one labelled sample is needed");
    if (builder->largest >= classes)
        return ufm_fail(error, UFM_ERROR_INPUT, "tag %d is outside the %lld classes; tags are 0..%lld",
                        builder->largest, (long long)classes, (long long)classes - 1);
    if (classes < 2)
        return ufm_fail(error, UFM_ERROR_INPUT, "only %lld class; at least 2 classes are needed",
                        (long long)classes);
    return UFM_OK;
}

ufm_status ufm_labels_builder_finish(ufm_labels_builder *builder, int64_t classes, ufm_duplicates duplicates,
                                     ufm_labels **labels, ufm_error *error)
{
    *labels = NULL;
    if (classes == 0) classes = (int64_t)builder->largest + 1;
    ufm_labels *result = NULL;
    ufm_status status = check_classes(builder, classes, error);
    if (status != UFM_OK) goto cleanup;
    result = ufm_alloc(1, sizeof *result);
    if (!result) {
        status = no_memory(error);
        goto cleanup;
    }
    result->classes = classes;
    result->samples = builder->samples;
    status =
        duplicates == UFM_DUPLICATES_MERGE ? merge(result, builder, error) : keep(result, builder, error);
cleanup:
    if (status == UFM_OK)
        *labels = result;
    else
        ufm_labels_free(result);
    empty(builder);
    return status;
}
