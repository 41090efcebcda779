/* The law that every critical point of the pick-all-label losses obeys, from stationarity in h_S. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

typedef struct {
    const geometry_data *data;
    double factor; /* 1/(2 lambda_h N) */
    ufm_loss loss;
    double *p;      /* [K] softmax(W h_S + b) */
    double *second; /* [d] m sum_k p_k w_k */
    double *part;   /* [d] */
    geometry_span span;
    geometry_squares *law, *inside, *outside, *off_span; /* [levels] */
} exact_pass;

static void softmax(exact_pass *pass, const double *h)
{
    const geometry_data *data = pass->data;
    const int64_t K = data->classes;
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < K; k++) {
        pass->p[k] = ufm_dot(data->dim, data->row + k * data->dim, h) + data->point->b[k];
        most = fmax(most, pass->p[k]);
    }
    for (int64_t k = 0; k < K; k++) sum += pass->p[k] = exp(pass->p[k] - most);
    for (int64_t k = 0; k < K; k++) pass->p[k] /= sum;
}

/* |t m sum of (p_k - mean p) w_k| over the classes in S, or over those off S. `is_tag` marks S. */
static double unevenness(exact_pass *pass, const bool *is_tag, bool inside, double scale)
{
    const geometry_data *data = pass->data;
    const int64_t K = data->classes, d = data->dim;
    double mean = 0, classes = 0;
    for (int64_t k = 0; k < K; k++) {
        if (is_tag[k] != inside) continue;
        mean += pass->p[k];
        classes++;
    }
    for (int64_t j = 0; j < d; j++) pass->part[j] = 0;
    for (int64_t k = 0; k < K; k++)
        if (is_tag[k] == inside)
            ufm_axpy(d, scale * (pass->p[k] - mean / classes), data->row + k * d, pass->part);
    return ufm_norm(d, pass->part);
}

static ufm_status off_span(exact_pass *pass, int64_t set, double scale, double tolerance, double *size)
{
    const geometry_data *data = pass->data;
    const int64_t d = data->dim, m = ufm_labels_multiplicity(data->sets.labels, set);
    for (int64_t t = 0; t < m; t++)
        for (int64_t j = 0; j < d; j++)
            pass->span.columns[j + t * d] = data->row[j + geometry_tags(&data->sets, set)[t] * d];
    const ufm_status status = geometry_span_set(&pass->span, m, tolerance);
    if (status != UFM_OK) return status;
    geometry_span_remove(&pass->span, pass->second, NULL);
    *size = scale * ufm_norm(d, pass->second);
    return UFM_OK;
}

static ufm_status measure_set(exact_pass *pass, int64_t set, double tolerance, bool *is_tag,
                              ufm_tag_laws *laws)
{
    const geometry_data *data = pass->data;
    const ufm_labels *labels = data->sets.labels;
    const int64_t K = data->classes, d = data->dim, m = ufm_labels_multiplicity(labels, set);
    const int64_t level = data->sets.level[set];
    const int32_t *tag = geometry_tags(&data->sets, set);
    const double *h = data->feature + set * d, size = data->size[set],
                 count = geometry_count(&data->sets, set);
    const double t = ufm_loss_weight(pass->loss, (double)m) * pass->factor;
    double off = 0;
    softmax(pass, h);
    for (int64_t j = 0; j < d; j++) {
        pass->second[j] = 0;
        pass->part[j] = h[j];
    }
    for (int64_t k = 0; k < K; k++) ufm_axpy(d, (double)m * pass->p[k], data->row + k * d, pass->second);
    for (int64_t i = 0; i < m; i++) {
        ufm_axpy(d, -t, data->row + tag[i] * d, pass->part);
        laws->exact_weight[labels->offset[set] + i] = 1 - (double)m * pass->p[tag[i]];
        is_tag[tag[i]] = true;
    }
    ufm_axpy(d, t, pass->second, pass->part);
    const double error = ufm_norm(d, pass->part);
    const ufm_status status = off_span(pass, set, t, tolerance, &off);
    geometry_squares_add(&pass->law[level], count, error, size);
    geometry_squares_add(&pass->off_span[level], count, off, size);
    geometry_squares_add(&pass->inside[level], count, unevenness(pass, is_tag, true, t * (double)m), size);
    geometry_squares_add(&pass->outside[level], count,
                         m < K ? unevenness(pass, is_tag, false, t * (double)m) : 0, size);
    for (int64_t i = 0; i < m; i++) is_tag[tag[i]] = false;
    if (size > data->least) {
        laws->exact.tag_set[set] = error / size;
        laws->exact.off_span[set] = off / size;
        if (!(laws->exact.tag_set[set] <= laws->exact.worst)) laws->exact.worst = laws->exact.tag_set[set];
    }
    return status;
}

static void summarise(const exact_pass *pass, ufm_exact_law *exact)
{
    const geometry_data *data = pass->data;
    geometry_squares all = {0};
    for (int64_t l = 0; l < data->sets.levels; l++) {
        exact->level[l] = geometry_residual(data, pass->law[l]);
        exact->inside[l] = geometry_residual(data, pass->inside[l]);
        exact->outside[l] = geometry_residual(data, pass->outside[l]);
        exact->off_span_level[l] = geometry_residual(data, pass->off_span[l]);
        all.error += pass->law[l].error;
        all.total += pass->law[l].total;
        all.samples += pass->law[l].samples;
    }
    exact->residual = geometry_residual(data, all);
}

ufm_status geometry_measure_exact(const geometry_data *data, const ufm_geometry_settings *settings,
                                  ufm_tag_laws *laws)
{
    const ufm_objective *objective = settings->objective;
    const int64_t K = data->classes, d = data->dim, L = data->sets.levels;
    if (!objective || (objective->loss != UFM_LOSS_PAL && objective->loss != UFM_LOSS_PAL_N)) return UFM_OK;
    exact_pass pass = {.data = data,
                       .factor = 1 / (2 * objective->lambda_h * (double)data->sets.labels->samples),
                       .loss = objective->loss,
                       .p = ufm_alloc(K, sizeof(double)),
                       .second = ufm_alloc(d, sizeof(double)),
                       .part = ufm_alloc(d, sizeof(double)),
                       .law = ufm_alloc(4 * L, sizeof(geometry_squares))};
    bool *is_tag = ufm_alloc(K, sizeof *is_tag);
    ufm_status status = geometry_span_new(d, K, &pass.span);
    if (!pass.p || !pass.second || !pass.part || !pass.law || !is_tag) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        pass.inside = pass.law + L;
        pass.outside = pass.law + 2 * L;
        pass.off_span = pass.law + 3 * L;
    }
    for (int64_t s = 0; s < data->count && status == UFM_OK; s++) {
        if (!geometry_progress(settings, 0.8 + 0.2 * (double)s / (double)data->count,
                               "checking the exact law"))
            status = UFM_ERROR_CANCELLED;
        if (status == UFM_OK) status = measure_set(&pass, s, settings->tolerance, is_tag, laws);
    }
    if (status == UFM_OK) summarise(&pass, &laws->exact);
    geometry_span_clear(&pass.span);
    ufm_free(pass.p);
    ufm_free(pass.second);
    ufm_free(pass.part);
    ufm_free(pass.law);
    ufm_free(is_tag);
    return status;
}
