#include "internal.h"
#include <math.h>
#include <string.h>

int ufm_metrics_unit(int64_t n, const double *x)
{
    enum { MOST = 1000 }; /* so that 2^-unit is a double too */
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i]));
    if (!isfinite(largest) || largest == 0) return 0;
    int exponent;
    (void)frexp(largest, &exponent);
    return exponent > MOST ? MOST : exponent < -MOST ? -MOST : exponent;
}

bool ufm_metrics_finite(int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

void ufm_metrics_feature(const ufm_metrics_data *data, int64_t column, double *feature)
{
    const double unit = ldexp(1, -data->unit_h), *source = data->point->H + column * data->dim;
    for (int64_t j = 0; j < data->dim; j++) feature[j] = unit * source[j];
}

void ufm_metrics_data_clear(ufm_metrics_data *data)
{
    ufm_free(data->W);
    ufm_free(data->bias);
    ufm_free(data->group);
    ufm_free(data->first);
    ufm_free(data->weight);
    ufm_free(data->level);
    ufm_free(data->mean);
    ufm_free(data->single);
    ufm_free(data->class_mean);
    ufm_free(data->global);
    ufm_free(data->centred);
    *data = (ufm_metrics_data){0};
}

/* Infinities become NaN, which no later step can hide. */
static double usable(double x)
{
    return isfinite(x) ? x : NAN;
}

static ufm_status copy_classifier(ufm_metrics_data *data)
{
    const int64_t K = data->classes, numbers = K * data->dim;
    data->W = ufm_alloc(numbers, sizeof *data->W);
    data->bias = ufm_alloc(K, sizeof *data->bias);
    if (!data->W || !data->bias) return UFM_ERROR_MEMORY;
    data->unit_w = ufm_metrics_unit(numbers, data->point->W);
    const double unit = ldexp(1, -data->unit_w);
    for (int64_t i = 0; i < numbers; i++) data->W[i] = usable(unit * data->point->W[i]);
    for (int64_t k = 0; k < K; k++) data->bias[k] = ldexp(data->point->b[k], -data->unit_w - data->unit_h);
    return UFM_OK;
}

/* Tag sets, their first columns and their weights. */
static ufm_status number_tag_sets(ufm_metrics_data *data)
{
    const int64_t columns = data->labels->columns;
    data->group = ufm_alloc(columns, sizeof *data->group);
    if (!data->group) return UFM_ERROR_MEMORY;
    const ufm_status status = ufm_labels_group(data->labels, data->group, &data->groups);
    if (status != UFM_OK) return status;
    data->first = ufm_alloc(data->groups, sizeof *data->first);
    data->weight = ufm_alloc(data->groups, sizeof *data->weight);
    data->level = ufm_alloc(data->groups, sizeof *data->level);
    if (!data->first || !data->weight || !data->level) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < columns; i++) {
        const int64_t g = data->group[i];
        if (data->weight[g] == 0) data->first[g] = i;
        data->weight[g] += (double)ufm_labels_count(data->labels, i);
    }
    return UFM_OK;
}

/* mu_S, summed as differences from the first feature: equal features have exactly that mean. */
static ufm_status compute_means(ufm_metrics_data *data)
{
    const int64_t d = data->dim;
    data->mean = ufm_alloc(d * data->groups, sizeof *data->mean);
    double *feature = ufm_alloc(2 * d, sizeof *feature);
    if (!data->mean || !feature) {
        ufm_free(feature);
        return UFM_ERROR_MEMORY;
    }
    double *origin = feature + d;
    for (int64_t i = 0; i < data->labels->columns; i++) {
        const int64_t g = data->group[i];
        const double count = (double)ufm_labels_count(data->labels, i);
        ufm_metrics_feature(data, i, feature);
        ufm_metrics_feature(data, data->first[g], origin);
        for (int64_t j = 0; j < d; j++) data->mean[j + g * d] += count * (feature[j] - origin[j]);
    }
    for (int64_t g = 0; g < data->groups; g++) {
        ufm_metrics_feature(data, data->first[g], origin);
        for (int64_t j = 0; j < d; j++)
            data->mean[j + g * d] = usable(origin[j] + data->mean[j + g * d] / data->weight[g]);
    }
    ufm_free(feature);
    return UFM_OK;
}

/* mu_G and mu_k - mu_G, again through differences: equal class means leave exactly zero. */
static void centre(ufm_metrics_data *data)
{
    const int64_t K = data->classes, d = data->dim;
    for (int64_t k = 1; k < K; k++)
        for (int64_t j = 0; j < d; j++)
            data->global[j] += (data->class_mean[j + k * d] - data->class_mean[j]) / (double)K;
    for (int64_t j = 0; j < d; j++) data->global[j] += data->class_mean[j];
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < d; j++)
            data->centred[j + k * d] = data->class_mean[j + k * d] - data->global[j];
}

static ufm_status compute_class_means(ufm_metrics_data *data)
{
    const int64_t K = data->classes, d = data->dim;
    data->single = ufm_alloc(K, sizeof *data->single);
    data->class_mean = ufm_alloc(d * K, sizeof *data->class_mean);
    data->global = ufm_alloc(d, sizeof *data->global);
    data->centred = ufm_alloc(d * K, sizeof *data->centred);
    if (!data->single || !data->class_mean || !data->global || !data->centred) return UFM_ERROR_MEMORY;
    int64_t found = 0;
    for (int64_t g = 0; g < data->groups; g++) {
        if (ufm_metrics_multiplicity(data, g) != 1) continue;
        const int64_t k = *ufm_metrics_tags(data, g);
        data->single[k] = g;
        memcpy(data->class_mean + k * d, data->mean + g * d, (size_t)d * sizeof *data->mean);
        found++;
    }
    data->singles = found == K;
    if (data->singles) centre(data);
    return UFM_OK;
}

ufm_status ufm_metrics_data_new(const ufm_point *point, const ufm_labels *labels, ufm_metrics_data *data)
{
    *data =
        (ufm_metrics_data){.point = point, .labels = labels, .classes = point->classes, .dim = point->dim};
    data->unit_h = ufm_metrics_unit(point->dim * point->columns, point->H);
    ufm_status status = copy_classifier(data);
    if (status == UFM_OK) status = number_tag_sets(data);
    if (status == UFM_OK) status = compute_means(data);
    if (status == UFM_OK) status = compute_class_means(data);
    if (status != UFM_OK) ufm_metrics_data_clear(data);
    return status;
}
