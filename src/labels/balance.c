/* Which balanced design labels follow, if any. */
#include "labels/combinations.h"
#include "labels/message.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/labels.h>

/* A distinct tag set: its first column and all its samples. */
typedef struct {
    int64_t multiplicity, column, samples;
    const int32_t *tag;
} tag_set;

static int by_multiplicity(const void *a, const void *b)
{
    const tag_set *x = a, *y = b;
    if (x->multiplicity != y->multiplicity) return x->multiplicity < y->multiplicity ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

/* For tag sets of one multiplicity. */
static int lexicographic(const void *a, const void *b)
{
    const tag_set *x = a, *y = b;
    for (int64_t i = 0; i < x->multiplicity; i++)
        if (x->tag[i] != y->tag[i]) return x->tag[i] < y->tag[i] ? -1 : 1;
    return 0;
}

static const char *plural(int64_t samples)
{
    return samples == 1 ? "sample" : "samples";
}

/* Names the first missing tag set in lexicographic order. Sorts `set`. */
static ufm_status fail_missing(int64_t classes, int64_t sets, tag_set *set, ufm_error *error)
{
    const int64_t m = set[0].multiplicity;
    const tag_set present = set[0];
    int32_t *missing = ufm_alloc(m, sizeof *missing);
    if (!missing) return UFM_ERROR_MEMORY;
    qsort(set, (size_t)sets, sizeof *set, lexicographic);
    ufm_combination_first(m, missing);
    for (int64_t i = 0; i < sets && memcmp(missing, set[i].tag, (size_t)m * sizeof *missing) == 0; i++)
        ufm_combination_next(classes, m, missing);
    ufm_fail(error, UFM_ERROR_UNSUPPORTED,
             "not balanced within multiplicity %lld: tag set %s has %lld %s, tag set %s has none",
             (long long)m, ufm_label_tag_set(m, present.tag).text, (long long)present.samples,
             plural(present.samples), ufm_label_tag_set(m, missing).text);
    ufm_free(missing);
    return UFM_ERROR_UNSUPPORTED;
}

/* All tag sets of one multiplicity. */
static ufm_status check_level(int64_t classes, int64_t sets, tag_set *set, ufm_error *error)
{
    const int64_t m = set[0].multiplicity;
    if (sets < ufm_binomial(classes, m)) return fail_missing(classes, sets, set, error);
    const tag_set *most = set, *least = set;
    for (int64_t i = 1; i < sets; i++) {
        if (set[i].samples > most->samples) most = &set[i];
        if (set[i].samples < least->samples) least = &set[i];
    }
    if (most->samples == least->samples) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                    "not balanced within multiplicity %lld: tag set %s has %lld %s, tag set %s has %lld",
                    (long long)m, ufm_label_tag_set(m, most->tag).text, (long long)most->samples,
                    plural(most->samples), ufm_label_tag_set(m, least->tag).text, (long long)least->samples);
}

/* The distinct tag sets of the labels, multiplicities ascending. */
static ufm_status collect(const ufm_labels *labels, tag_set **sets, int64_t *count)
{
    tag_set *set = NULL;
    int64_t *group = ufm_alloc(labels->columns, sizeof *group), groups = 0;
    ufm_status status = group ? ufm_labels_group(labels, group, &groups) : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    set = ufm_alloc(groups, sizeof *set);
    if (!set) {
        status = UFM_ERROR_MEMORY;
        goto cleanup;
    }
    bool sorted = true;
    for (int64_t i = 0; i < labels->columns; i++) {
        tag_set *s = &set[group[i]];
        if (!s->tag) {
            *s = (tag_set){ufm_labels_multiplicity(labels, i), i, 0, labels->tag + labels->offset[i]};
            sorted = sorted && (group[i] == 0 || s[-1].multiplicity <= s->multiplicity);
        }
        s->samples += ufm_labels_count(labels, i);
    }
    if (!sorted) qsort(set, (size_t)groups, sizeof *set, by_multiplicity);
    *sets = set;
    *count = groups;
cleanup:
    ufm_free(group);
    return status;
}

static int64_t level_end(const tag_set *set, int64_t sets, int64_t begin)
{
    int64_t end = begin + 1;
    while (end < sets && set[end].multiplicity == set[begin].multiplicity) end++;
    return end;
}

static ufm_design *new_design(int64_t classes, const tag_set *set, int64_t sets)
{
    int64_t levels = 0;
    for (int64_t i = 0; i < sets; i = level_end(set, sets, i)) levels++;
    ufm_design *design = ufm_alloc(1, sizeof *design);
    if (!design) return NULL;
    *design = (ufm_design){.classes = classes};
    design->multiplicity = ufm_alloc(levels, sizeof *design->multiplicity);
    design->per_tag_set = ufm_alloc(levels, sizeof *design->per_tag_set);
    if (design->multiplicity && design->per_tag_set) return design;
    ufm_design_free(design);
    return NULL;
}

ufm_status ufm_labels_to_design(const ufm_labels *labels, ufm_design **design, ufm_error *error)
{
    *design = NULL;
    tag_set *set = NULL;
    int64_t sets = 0;
    ufm_design *result = NULL;
    ufm_status status = collect(labels, &set, &sets);
    if (status != UFM_OK) goto cleanup;
    result = new_design(labels->classes, set, sets);
    if (!result) status = UFM_ERROR_MEMORY;
    for (int64_t begin = 0, end; status == UFM_OK && begin < sets; begin = end) {
        end = level_end(set, sets, begin);
        result->multiplicity[result->levels] = set[begin].multiplicity;
        result->per_tag_set[result->levels++] = set[begin].samples;
        status = check_level(labels->classes, end - begin, set + begin, error);
    }
cleanup:
    if (status == UFM_ERROR_MEMORY) ufm_fail(error, status, "not enough memory to compare the tag sets");
    if (status == UFM_OK)
        *design = result;
    else
        ufm_design_free(result);
    ufm_free(set);
    return status;
}
