#include "internal.h"
#include <inttypes.h>
#include <math.h>

void ufm_metrics_free(ufm_metrics *metrics)
{
    if (!metrics) return;
    ufm_free(metrics->level);
    ufm_free(metrics);
}

static ufm_metrics *metrics_new(int64_t levels)
{
    ufm_metrics *metrics = ufm_alloc(1, sizeof *metrics);
    if (!metrics) return NULL;
    *metrics = (ufm_metrics){.nc1 = NAN,
                             .nc2 = NAN,
                             .nc2_features = NAN,
                             .nc3 = NAN,
                             .nc4 = NAN,
                             .cdnv = NAN,
                             .equinorm_w = NAN,
                             .equinorm_features = NAN,
                             .equiangle_w = NAN,
                             .equiangle_features = NAN,
                             .levels = levels};
    metrics->level = ufm_alloc(levels, sizeof *metrics->level);
    if (!metrics->level) {
        ufm_metrics_free(metrics);
        return NULL;
    }
    for (int64_t l = 0; l < levels; l++)
        metrics->level[l] = (ufm_multiplicity_metrics){.within = NAN,
                                                       .nc1 = NAN,
                                                       .ncm = NAN,
                                                       .ncm_centred = NAN,
                                                       .angle_degrees = NAN,
                                                       .angle_degrees_all = NAN,
                                                       .scale = NAN,
                                                       .scale_spread = NAN,
                                                       .scale_residual = NAN};
    return metrics;
}

/* Numbers the multiplicities present and counts their tag sets. */
static ufm_status find_levels(ufm_metrics_data *data, ufm_metrics **metrics)
{
    const int64_t K = data->classes;
    int64_t *sets = ufm_alloc(K + 1, sizeof *sets); /* tag sets of multiplicity m */
    if (!sets) return UFM_ERROR_MEMORY;
    int64_t levels = 0;
    for (int64_t g = 0; g < data->groups; g++)
        if (sets[ufm_metrics_multiplicity(data, g)]++ == 0) levels++;
    ufm_metrics *m = metrics_new(levels);
    if (m) {
        for (int64_t size = 1, l = 0; size <= K; size++) {
            if (sets[size] == 0) continue;
            m->level[l].multiplicity = size;
            m->level[l].tag_sets = sets[size];
            sets[size] = l++;
        }
        for (int64_t g = 0; g < data->groups; g++) data->level[g] = sets[ufm_metrics_multiplicity(data, g)];
    }
    ufm_free(sets);
    *metrics = m;
    return m ? UFM_OK : UFM_ERROR_MEMORY;
}

ufm_status ufm_metrics_check(const ufm_point *point, const ufm_labels *labels, ufm_error *error)
{
    if (point->classes != labels->classes || point->columns != labels->columns)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "%" PRId64 " classes and %" PRId64 " features for labels of %" PRId64
                        " classes and %" PRId64 " columns; they must agree",
                        point->classes, point->columns, labels->classes, labels->columns);
    if (point->dim < 1 || point->classes < 2 || point->columns < 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "%" PRId64 " features of dimension %" PRId64 " for %" PRId64
                        " classes; at least 1, 1 and 2 are needed",
                        point->columns, point->dim, point->classes);
    return UFM_OK;
}

ufm_status ufm_metrics_compute(const ufm_point *point, const ufm_labels *labels, ufm_metrics **metrics,
                               ufm_error *error)
{
    ufm_metrics_data data = {0};
    ufm_metrics *result = NULL;
    ufm_status status = ufm_metrics_check(point, labels, error);
    if (status != UFM_OK) return status;
    status = ufm_metrics_data_new(point, labels, &data);
    if (status == UFM_OK) status = find_levels(&data, &result);
    if (status == UFM_OK) status = ufm_metrics_variability(&data, result);
    if (status == UFM_OK) status = ufm_metrics_geometry(&data, result);
    if (status == UFM_OK) status = ufm_metrics_agreement(&data, result);
    if (status == UFM_OK) status = ufm_metrics_tag_angles(&data, result);
    if (status == UFM_OK) status = ufm_metrics_tag_scales(&data, result);
    ufm_metrics_data_clear(&data);
    if (status != UFM_OK) {
        ufm_metrics_free(result);
        return ufm_fail(error, status, "cannot measure %" PRId64 " features of dimension %" PRId64 ": %s",
                        point->columns, point->dim, ufm_status_text(status));
    }
    *metrics = result;
    return UFM_OK;
}
