/* NCm: the angle between the mean feature of a tag set and the sum of its classes' means, against the same
 * angle over all pairs of tag sets. */
#include "internal.h"
#include <float.h>
#include <math.h>

enum { TILE = 128 };

typedef struct {
    const ufm_metrics_data *data;
    const double *class_mean; /* d x K, centred or not */
    const double *origin;     /* [d] what is subtracted from mu_S */
    const int64_t *set;       /* [sets] the tag sets of one multiplicity */
    int64_t sets;
    int64_t others; /* tag sets S' of the denominator, evenly strided among them */
    double *mean;   /* d x others: unit vectors along mu_S' */
    double *sum;    /* d x TILE: unit vectors along the sums over S */
    double *one;    /* [d] */
    double *cosine; /* others x TILE */
} angle_pass;

/* A vector of length at most `noise` has no direction: NaN. */
static void normalise(int64_t d, double *x, double noise)
{
    const double norm = ufm_norm(d, x);
    for (int64_t j = 0; j < d; j++) x[j] = norm > noise ? x[j] / norm : NAN;
}

static void unit_mean(const angle_pass *pass, int64_t set, double *x)
{
    const int64_t d = pass->data->dim;
    const double *mean = pass->data->mean + pass->set[set] * d;
    for (int64_t j = 0; j < d; j++) x[j] = pass->origin ? mean[j] - pass->origin[j] : mean[j];
    normalise(d, x, 0);
}

void ufm_metrics_unit_sum(const ufm_metrics_data *data, const double *class_mean, int64_t group, double *x)
{
    const int64_t d = data->dim;
    const int32_t *tag = ufm_metrics_tags(data, group);
    double lengths = 0;
    for (int64_t j = 0; j < d; j++) x[j] = 0;
    for (int64_t k = 0; k < ufm_metrics_multiplicity(data, group); k++) {
        const double *mean = class_mean + tag[k] * d;
        ufm_axpy(d, 1, mean, x);
        lengths += ufm_norm(d, mean);
    }
    normalise(d, x, 64 * DBL_EPSILON * lengths);
}

/* Angle of unit vectors with the given cosine; the arc cosine loses digits near 0 and pi. */
static double angle(int64_t d, const double *u, const double *v, double cosine)
{
    return fabs(cosine) < 0.9 ? acos(cosine) : ufm_angle(d, u, v);
}

static int64_t other_set(const angle_pass *pass, int64_t other)
{
    return (int64_t)((__int128)other * pass->sets / pass->others);
}

/* Means of the angles of matching pairs and of all pairs, in radians. */
static void mean_angles(const angle_pass *pass, double *matching, double *all)
{
    const int64_t d = pass->data->dim;
    ufm_sum own = {0}, every = {0};
    for (int64_t o = 0; o < pass->others; o++) unit_mean(pass, other_set(pass, o), pass->mean + o * d);
    for (int64_t begin = 0; begin < pass->sets; begin += TILE) {
        const int64_t n = pass->sets - begin < TILE ? pass->sets - begin : TILE;
        for (int64_t c = 0; c < n; c++) {
            ufm_metrics_unit_sum(pass->data, pass->class_mean, pass->set[begin + c], pass->sum + c * d);
            unit_mean(pass, begin + c, pass->one);
            ufm_sum_add(&own, ufm_angle(d, pass->one, pass->sum + c * d));
        }
        ufm_gemm(1, ufm_transpose(ufm_view(pass->mean, d, pass->others)), ufm_view(pass->sum, d, n), 0,
                 ufm_view(pass->cosine, pass->others, n));
        for (int64_t c = 0; c < n; c++)
            for (int64_t o = 0; o < pass->others; o++)
                ufm_sum_add(&every, angle(d, pass->mean + o * d, pass->sum + c * d,
                                          pass->cosine[o + c * pass->others]));
    }
    *matching = ufm_sum_value(own) / (double)pass->sets;
    *all = ufm_sum_value(every) / ((double)pass->sets * (double)pass->others);
}

static ufm_status measure_level(const ufm_metrics_data *data, const int64_t *set,
                                ufm_multiplicity_metrics *result)
{
    const int64_t d = data->dim, sets = result->tag_sets;
    const int64_t others = sets < UFM_METRICS_EXACT_TAG_SETS ? sets : UFM_METRICS_EXACT_TAG_SETS;
    angle_pass pass = {.data = data,
                       .class_mean = data->class_mean,
                       .set = set,
                       .sets = sets,
                       .others = others,
                       .mean = ufm_alloc(d * others, sizeof(double)),
                       .sum = ufm_alloc(d * TILE, sizeof(double)),
                       .one = ufm_alloc(d, sizeof(double)),
                       .cosine = ufm_alloc(others * TILE, sizeof(double))};
    const bool complete = pass.mean && pass.sum && pass.one && pass.cosine;
    if (complete) {
        const double degrees = 180 / 3.14159265358979323846;
        double matching, all;
        mean_angles(&pass, &matching, &all);
        result->ncm = matching / all;
        result->angle_degrees = degrees * matching;
        result->angle_degrees_all = degrees * all;
        pass.class_mean = data->centred;
        pass.origin = data->global;
        mean_angles(&pass, &matching, &all);
        result->ncm_centred = matching / all;
    }
    ufm_free(pass.mean);
    ufm_free(pass.sum);
    ufm_free(pass.one);
    ufm_free(pass.cosine);
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}

ufm_status ufm_metrics_tag_angles(const ufm_metrics_data *data, ufm_metrics *metrics)
{
    if (!data->singles) return UFM_OK;
    int64_t *set = ufm_alloc(data->groups, sizeof *set);
    if (!set) return UFM_ERROR_MEMORY;
    ufm_status status = UFM_OK;
    for (int64_t l = 0; l < metrics->levels && status == UFM_OK; l++) {
        if (metrics->level[l].multiplicity < 2) continue;
        int64_t sets = 0;
        for (int64_t g = 0; g < data->groups; g++)
            if (data->level[g] == l) set[sets++] = g;
        status = measure_level(data, set, &metrics->level[l]);
    }
    ufm_free(set);
    return status;
}
