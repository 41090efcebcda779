/* Tag-wise average: mu_S = C_m sum_{k in S} w_k, the scale C_m fitted to each tag set. */
#include "internal.h"
#include <float.h>
#include <math.h>

void ufm_metrics_sum_rows(const ufm_metrics_data *data, int64_t group, double *u)
{
    const int64_t K = data->classes, d = data->dim, m = ufm_metrics_multiplicity(data, group);
    const int32_t *tag = ufm_metrics_tags(data, group);
    double largest = 0, size = 0;
    for (int64_t j = 0; j < d; j++) {
        u[j] = 0;
        for (int64_t k = 0; k < m; k++) {
            u[j] += data->W[tag[k] + j * K];
            size = fmax(size, fabs(data->W[tag[k] + j * K]));
        }
        largest = fmax(largest, fabs(u[j]));
    }
    if (largest > 64 * DBL_EPSILON * size) return;
    for (int64_t j = 0; j < d; j++) u[j] = NAN;
}

/* Keep NaN, which fmin and fmax drop. */
static double larger(double a, double b)
{
    return a >= b || isnan(a) ? a : b;
}
static double smaller(double a, double b)
{
    return a <= b || isnan(a) ? a : b;
}

typedef struct {
    double sum, least, most, residual;
} scale_sums;

static void first_pass(const ufm_metrics_data *data, scale_sums *sums, double *u)
{
    const int64_t d = data->dim;
    for (int64_t g = 0; g < data->groups; g++) {
        scale_sums *s = &sums[data->level[g]];
        ufm_metrics_sum_rows(data, g, u);
        const double scale = ufm_dot(d, data->mean + g * d, u) / ufm_dot(d, u, u);
        s->sum += scale;
        s->least = smaller(scale, s->least);
        s->most = larger(scale, s->most);
    }
}

static void second_pass(const ufm_metrics_data *data, const ufm_metrics *metrics, scale_sums *sums, double *u)
{
    const int64_t d = data->dim;
    for (int64_t g = 0; g < data->groups; g++) {
        const int64_t l = data->level[g];
        const double scale = sums[l].sum / (double)metrics->level[l].tag_sets, *mean = data->mean + g * d;
        double square = 0, size = 0;
        ufm_metrics_sum_rows(data, g, u);
        for (int64_t j = 0; j < d; j++) {
            const double difference = mean[j] - scale * u[j];
            square += difference * difference;
            size += mean[j] * mean[j];
        }
        sums[l].residual = larger(sqrt(square / size), sums[l].residual);
    }
}

ufm_status ufm_metrics_tag_scales(const ufm_metrics_data *data, ufm_metrics *metrics)
{
    double *u = ufm_alloc(data->dim, sizeof *u);
    scale_sums *sums = ufm_alloc(metrics->levels, sizeof *sums);
    const bool complete = u && sums;
    if (complete) {
        for (int64_t l = 0; l < metrics->levels; l++)
            sums[l] = (scale_sums){.least = INFINITY, .most = -INFINITY};
        first_pass(data, sums, u);
        second_pass(data, metrics, sums, u);
        for (int64_t l = 0; l < metrics->levels; l++) {
            const double scale = sums[l].sum / (double)metrics->level[l].tag_sets;
            metrics->level[l].scale = ldexp(scale, data->unit_h - data->unit_w);
            metrics->level[l].scale_spread = (sums[l].most - sums[l].least) / fabs(scale);
            metrics->level[l].scale_residual = sums[l].residual;
        }
    }
    ufm_free(u);
    ufm_free(sums);
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}
