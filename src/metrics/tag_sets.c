/* One line per tag set: size, scale and angle of its mean feature. */
#include "internal.h"
#include <math.h>
#include <string.h>

/* `u` and `v` are scratch of d numbers. */
static void measure(const ufm_metrics_data *data, int64_t group, double *u, double *v,
                    ufm_tag_set_metrics *set)
{
    const int64_t d = data->dim;
    const double *mean = data->mean + group * d, norm = ufm_norm(d, mean);
    *set = (ufm_tag_set_metrics){.column = data->first[group],
                                 .samples = (int64_t)data->weight[group],
                                 .norm = ldexp(norm, data->unit_h),
                                 .angle_degrees = NAN};
    ufm_metrics_sum_rows(data, group, u);
    const double scale = ufm_dot(d, mean, u) / ufm_dot(d, u, u);
    set->scale = ldexp(scale, data->unit_h - data->unit_w);
    memcpy(v, mean, (size_t)d * sizeof *v);
    ufm_axpy(d, -scale, u, v);
    set->residual = ufm_norm(d, v) / norm;
    if (!data->singles) return;
    ufm_metrics_unit_sum(data, data->class_mean, group, u);
    for (int64_t j = 0; j < d; j++) v[j] = mean[j] / norm;
    set->angle_degrees = 180 / 3.14159265358979323846 * ufm_angle(d, v, u);
}

ufm_status ufm_metrics_tag_sets(const ufm_point *point, const ufm_labels *labels, ufm_tag_set_metrics **sets,
                                int64_t *count, ufm_error *error)
{
    ufm_metrics_data data = {0};
    ufm_tag_set_metrics *result = NULL;
    double *scratch = NULL;
    ufm_status status = ufm_metrics_check(point, labels, error);
    if (status != UFM_OK) return status;
    status = ufm_metrics_data_new(point, labels, &data);
    if (status != UFM_OK) goto cleanup;
    result = ufm_alloc(data.groups, sizeof *result);
    scratch = ufm_alloc(2 * data.dim, sizeof *scratch);
    if (!result || !scratch) {
        status = UFM_ERROR_MEMORY;
        goto cleanup;
    }
    for (int64_t g = 0; g < data.groups; g++) measure(&data, g, scratch, scratch + data.dim, &result[g]);
    *count = data.groups;
    *sets = result;
    result = NULL;
cleanup:
    ufm_free(scratch);
    ufm_free(result);
    ufm_metrics_data_clear(&data);
    if (status == UFM_OK) return UFM_OK;
    return ufm_fail(error, status, "cannot measure the tag sets: %s", ufm_status_text(status));
}
