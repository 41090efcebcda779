/* From a point and its labels, duplicates merged or not, to distinct tag sets with their mean features. */
#include "internal.h"
#include <inttypes.h>
#include <math.h>
#include <ufmlab/linalg.h>

ufm_geometry_settings ufm_geometry_defaults(void)
{
    return (ufm_geometry_settings){.value = NAN, .gap = NAN, .tolerance = 1e-6};
}

bool geometry_progress(const ufm_geometry_settings *settings, double fraction, const char *what)
{
    return !settings->progress || settings->progress(settings->context, fraction, what);
}

void geometry_sets_clear(geometry_sets *sets)
{
    ufm_labels_free(sets->labels);
    ufm_free(sets->group);
    ufm_free(sets->multiplicity);
    ufm_free(sets->level);
    ufm_free(sets->single);
    *sets = (geometry_sets){0};
}

/* Equal tag sets as one column; the builder numbers them in order of first appearance, as ufm_labels_group
 * does. */
static ufm_status merge(const ufm_labels *labels, ufm_labels **merged, ufm_error *error)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    if (!builder) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the labels");
    ufm_status status = UFM_OK;
    for (int64_t i = 0; i < labels->columns && status == UFM_OK; i++)
        status = ufm_labels_builder_add(builder, ufm_labels_multiplicity(labels, i),
                                        labels->tag + labels->offset[i], ufm_labels_count(labels, i), error);
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, labels->classes, UFM_DUPLICATES_MERGE, merged, error);
    ufm_labels_builder_free(builder);
    return status;
}

static ufm_status number_levels(geometry_sets *sets)
{
    const ufm_labels *labels = sets->labels;
    const int64_t K = labels->classes, count = labels->columns;
    int64_t *index = ufm_alloc(K + 1, sizeof *index);
    sets->single = ufm_alloc(K, sizeof *sets->single);
    sets->level = ufm_alloc(count, sizeof *sets->level);
    if (!index || !sets->single || !sets->level) goto failed;
    for (int64_t k = 0; k < K; k++) sets->single[k] = -1;
    for (int64_t s = 0; s < count; s++) {
        const int64_t m = ufm_labels_multiplicity(labels, s);
        if (index[m]++ == 0) sets->levels++;
        if (m == 1) sets->single[*geometry_tags(sets, s)] = s;
    }
    sets->multiplicity = ufm_alloc(sets->levels, sizeof *sets->multiplicity);
    if (!sets->multiplicity) goto failed;
    for (int64_t m = 1, l = 0; m <= K; m++) {
        if (index[m] == 0) continue;
        sets->multiplicity[l] = m;
        index[m] = l++;
    }
    for (int64_t s = 0; s < count; s++) sets->level[s] = index[ufm_labels_multiplicity(labels, s)];
    ufm_free(index);
    return UFM_OK;
failed:
    ufm_free(index);
    return UFM_ERROR_MEMORY;
}

ufm_status geometry_sets_new(const ufm_labels *labels, geometry_sets *sets, ufm_error *error)
{
    *sets = (geometry_sets){0};
    int64_t groups;
    ufm_status status = merge(labels, &sets->labels, error);
    if (status != UFM_OK) goto cleanup;
    sets->group = ufm_alloc(labels->columns, sizeof *sets->group);
    status = sets->group ? ufm_labels_group(labels, sets->group, &groups) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = number_levels(sets);
    if (status != UFM_OK) ufm_fail(error, status, "not enough memory to compare the tag sets");
cleanup:
    if (status != UFM_OK) geometry_sets_clear(sets);
    return status;
}

void geometry_data_clear(geometry_data *data)
{
    geometry_sets_clear(&data->sets);
    ufm_free(data->row);
    ufm_free(data->feature);
    ufm_free(data->size);
    *data = (geometry_data){0};
}

static ufm_status check(const ufm_point *point, const ufm_labels *labels, ufm_error *error)
{
    if (point->classes != labels->classes || point->columns != labels->columns || point->dim < 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "%" PRId64 " classes and %" PRId64 " features of dimension %" PRId64
                        " for labels of %" PRId64 " classes and %" PRId64 " columns; they must agree",
                        point->classes, point->columns, point->dim, labels->classes, labels->columns);
    const double *numbers[] = {point->W, point->H, point->b};
    const int64_t lengths[] = {point->classes * point->dim, point->dim * point->columns, point->classes};
    for (int part = 0; part < 3; part++)
        for (int64_t i = 0; i < lengths[part]; i++)
            if (!isfinite(numbers[part][i]))
                return ufm_fail(error, UFM_ERROR_INPUT,
                                "entry %" PRId64 " of %s is not finite; only numbers can be measured", i,
                                part == 0   ? "W"
                                : part == 1 ? "H"
                                            : "b");
    return UFM_OK;
}

/* Means as differences from the first feature: equal features have exactly that mean. */
static ufm_status average(geometry_data *data, const ufm_labels *labels)
{
    const int64_t d = data->dim;
    const geometry_sets *sets = &data->sets;
    const double *H = data->point->H;
    int64_t *first = ufm_alloc(data->count, sizeof *first), seen = 0;
    if (!first) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < labels->columns; i++) {
        const int64_t s = sets->group[i];
        const double share = (double)ufm_labels_count(labels, i) / geometry_count(sets, s);
        if (s == seen) first[seen++] = i;
        for (int64_t j = 0; j < d; j++) {
            const double start = H[first[s] * d + j];
            if (first[s] == i) data->feature[s * d + j] = start;
            data->feature[s * d + j] += share * (H[i * d + j] - start);
        }
    }
    ufm_free(first);
    return UFM_OK;
}

static void measure_sizes(geometry_data *data, double tolerance)
{
    double square = 0, samples = 0;
    for (int64_t s = 0; s < data->count; s++) {
        data->size[s] = ufm_norm(data->dim, data->feature + s * data->dim);
        square += geometry_count(&data->sets, s) * data->size[s] * data->size[s];
        samples += geometry_count(&data->sets, s);
    }
    data->least = tolerance * sqrt(square / samples);
}

/* Whether W and H are zero up to what the objective can resolve; without one, exactly. */
static bool is_collapsed(const ufm_point *point, const ufm_labels *labels,
                         const ufm_geometry_settings *settings)
{
    double w = 0, h = 0;
    for (int64_t i = 0; i < point->classes * point->dim; i++) w += point->W[i] * point->W[i];
    for (int64_t i = 0; i < point->columns; i++) {
        const double *x = point->H + i * point->dim;
        h += (double)ufm_labels_count(labels, i) * ufm_dot(point->dim, x, x);
    }
    if (w == 0 || h == 0) return true;
    const ufm_objective *o = settings->objective;
    return o && o->lambda_w * w + o->lambda_h * h <= 1e-12 * fabs(settings->value);
}

ufm_status geometry_data_new(const ufm_point *point, const ufm_labels *labels,
                             const ufm_geometry_settings *settings, geometry_data *data, ufm_error *error)
{
    *data = (geometry_data){.point = point, .classes = point->classes, .dim = point->dim};
    ufm_status status = check(point, labels, error);
    if (status == UFM_OK) status = geometry_sets_new(labels, &data->sets, error);
    if (status != UFM_OK) return status;
    const int64_t K = data->classes, d = data->dim;
    data->count = data->sets.labels->columns;
    data->row = ufm_alloc(d * K, sizeof *data->row);
    data->feature = ufm_alloc(d * data->count, sizeof *data->feature);
    data->size = ufm_alloc(data->count, sizeof *data->size);
    status = data->row && data->feature && data->size ? average(data, labels) : UFM_ERROR_MEMORY;
    if (status != UFM_OK) {
        geometry_data_clear(data);
        return ufm_fail(error, status, "not enough memory for the features of %" PRId64 " tag sets",
                        labels->columns);
    }
    ufm_turn(K, d, point->W, data->row);
    measure_sizes(data, settings->tolerance);
    data->collapsed = is_collapsed(point, labels, settings);
    return UFM_OK;
}
