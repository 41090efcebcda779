/* What all metrics share: tag sets, their mean features, and W, in units that keep squares in range. */
#ifndef UFMLAB_METRICS_INTERNAL_H
#define UFMLAB_METRICS_INTERNAL_H

#include <ufmlab/linalg.h>
#include <ufmlab/metrics.h>

typedef struct {
    const ufm_point *point;
    const ufm_labels *labels;
    int64_t classes, dim;
    int unit_w, unit_h; /* W and H are measured in units of 2^unit */
    double *W;          /* K x d, in its unit */
    double *bias;       /* [K] in the unit of the logits */
    int64_t *group;     /* [columns] tag set of each column */
    int64_t groups;     /* distinct tag sets */
    int64_t *first;     /* [groups] first column of each tag set */
    double *weight;     /* [groups] samples of each tag set */
    int64_t *level;     /* [groups] index of its multiplicity among those present */
    double *mean;       /* d x groups: mu_S */
    bool singles;       /* every class has multiplicity-1 samples; what follows is valid then only */
    int64_t *single;    /* [K] the tag set {k} */
    double *class_mean; /* d x K: mu_k */
    double *global;     /* [d]: mu_G */
    double *centred;    /* d x K: mu_k - mu_G */
} ufm_metrics_data;

/* Everything above. On failure *data is cleared. */
ufm_status ufm_metrics_data_new(const ufm_point *point, const ufm_labels *labels, ufm_metrics_data *data);
void ufm_metrics_data_clear(ufm_metrics_data *data);
/* The feature of a column in units of 2^unit_h. */
void ufm_metrics_feature(const ufm_metrics_data *data, int64_t column, double *feature);

/* The tags of a tag set. */
static inline const int32_t *ufm_metrics_tags(const ufm_metrics_data *data, int64_t group)
{
    return data->labels->tag + data->labels->offset[data->first[group]];
}
static inline int64_t ufm_metrics_multiplicity(const ufm_metrics_data *data, int64_t group)
{
    return ufm_labels_multiplicity(data->labels, data->first[group]);
}

/* u_S = sum_{k in S} w_k in the unit of W; NaN where it vanishes up to rounding. */
void ufm_metrics_sum_rows(const ufm_metrics_data *data, int64_t group, double *u);
/* The unit vector along sum_{k in S} of the class means (d x K, centred or not); NaN where the sum vanishes
 * up to rounding. */
void ufm_metrics_unit_sum(const ufm_metrics_data *data, const double *class_mean, int64_t group, double *x);
/* Shapes that agree, or UFM_ERROR_USAGE. */
ufm_status ufm_metrics_check(const ufm_point *point, const ufm_labels *labels, ufm_error *error);

/* Each fills its part of `metrics`, whose numbers start as NaN. */
ufm_status ufm_metrics_variability(const ufm_metrics_data *data, ufm_metrics *metrics);
ufm_status ufm_metrics_geometry(const ufm_metrics_data *data, ufm_metrics *metrics);
ufm_status ufm_metrics_agreement(const ufm_metrics_data *data, ufm_metrics *metrics);
ufm_status ufm_metrics_tag_angles(const ufm_metrics_data *data, ufm_metrics *metrics);
ufm_status ufm_metrics_tag_scales(const ufm_metrics_data *data, ufm_metrics *metrics);

/* Exponent e with the largest |x_i| in [2^(e-1), 2^e); 0 for no usable largest number. */
int ufm_metrics_unit(int64_t n, const double *x);
/* True unless one of the numbers is NaN or infinite. */
bool ufm_metrics_finite(int64_t n, const double *x);

#endif
