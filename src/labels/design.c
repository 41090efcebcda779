#include "labels/combinations.h"
#include "labels/message.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/labels.h>

#define EXAMPLE "give MULTIPLICITY:SAMPLES pairs such as 1:3100,2:200"

void ufm_design_free(ufm_design *design)
{
    if (!design) return;
    ufm_free(design->multiplicity);
    ufm_free(design->per_tag_set);
    ufm_free(design);
}

typedef struct {
    int64_t multiplicity, per_tag_set;
} level;

static int compare_levels(const void *a, const void *b)
{
    const int64_t x = ((const level *)a)->multiplicity, y = ((const level *)b)->multiplicity;
    return (x > y) - (x < y);
}

/* One field "m:n". */
static ufm_status parse_level(int64_t classes, char *field, level *parsed, ufm_error *error)
{
    const label_excerpt shown = ufm_label_excerpt(field);
    char *colon = strchr(field, ':');
    if (!colon) return ufm_fail(error, UFM_ERROR_USAGE, "samples '%s': no colon; " EXAMPLE, shown.text);
    *colon = '\0';
    if (!ufm_parse_int64(field, &parsed->multiplicity) || !ufm_parse_int64(colon + 1, &parsed->per_tag_set))
        return ufm_fail(error, UFM_ERROR_USAGE, "samples '%s': not two integers within 64 bits; " EXAMPLE,
                        shown.text);
    if (parsed->multiplicity < 1 || parsed->multiplicity > classes)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "samples '%s': multiplicity %lld is outside 1..%lld; it cannot exceed the number of "
                        "classes",
                        shown.text, (long long)parsed->multiplicity, (long long)classes);
    if (parsed->per_tag_set < 1)
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "samples '%s': %lld samples per tag set; give at least 1, or leave out a multiplicity "
            "without samples",
            shown.text, (long long)parsed->per_tag_set);
    if (parsed->per_tag_set > UFM_SAMPLES_MAX)
        return ufm_fail(error, UFM_ERROR_USAGE, "samples '%s': %lld samples per tag set; give at most %d",
                        shown.text, (long long)parsed->per_tag_set, UFM_SAMPLES_MAX);
    return UFM_OK;
}

static ufm_status make_design(int64_t classes, int64_t levels, level *sorted, ufm_design **design,
                              ufm_error *error)
{
    qsort(sorted, (size_t)levels, sizeof *sorted, compare_levels);
    for (int64_t i = 1; i < levels; i++)
        if (sorted[i - 1].multiplicity == sorted[i].multiplicity)
            return ufm_fail(error, UFM_ERROR_USAGE, "samples: multiplicity %lld appears twice; give it once",
                            (long long)sorted[i].multiplicity);
    ufm_design *d = ufm_alloc(1, sizeof *d);
    if (d) *d = (ufm_design){classes, levels, ufm_alloc(levels, 8), ufm_alloc(levels, 8)};
    if (!d || !d->multiplicity || !d->per_tag_set) {
        ufm_design_free(d);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the design");
    }
    for (int64_t i = 0; i < levels; i++) {
        d->multiplicity[i] = sorted[i].multiplicity;
        d->per_tag_set[i] = sorted[i].per_tag_set;
    }
    *design = d;
    return UFM_OK;
}

ufm_status ufm_design_parse(int64_t classes, const char *text, ufm_design **design, ufm_error *error)
{
    *design = NULL;
    if (classes < 2 || classes > LABEL_CLASSES_MAX)
        return ufm_fail(error, UFM_ERROR_USAGE, "%lld classes; give 2 to %lld", (long long)classes,
                        (long long)LABEL_CLASSES_MAX);
    if (text[strspn(text, " \t")] == '\0')
        return ufm_fail(error, UFM_ERROR_USAGE, "samples: empty; " EXAMPLE);
    char *copy = ufm_strdup(text), *cursor = copy;
    level *levels = NULL;
    int64_t count = 0, capacity = 0;
    ufm_status status = UFM_OK;
    while (status == UFM_OK && cursor) {
        char *field = ufm_field_next(&cursor);
        if (!field) {
            status = ufm_fail(error, UFM_ERROR_USAGE, "samples '%s': a quote; " EXAMPLE,
                              ufm_label_excerpt(text).text);
            break;
        }
        status = ufm_grow((void **)&levels, &capacity, count + 1, sizeof *levels);
        if (status == UFM_OK) status = parse_level(classes, field, &levels[count++], error);
    }
    if (!copy || status == UFM_ERROR_MEMORY)
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the design");
    if (status == UFM_OK) status = make_design(classes, count, levels, design, error);
    ufm_free(copy);
    ufm_free(levels);
    return status;
}
