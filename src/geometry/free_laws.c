/* Laws with free coefficients for each tag set: what no choice of weights can do better. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

typedef struct {
    const geometry_data *data;
    ufm_basis basis;
    geometry_span span;
    double *h; /* [d] */
    geometry_squares *squares;
} free_fit;

static void add(free_fit *fit, int64_t set, int64_t parameters, ufm_law_fit *result)
{
    const geometry_data *data = fit->data;
    const geometry_sets *sets = &data->sets;
    const double error = ufm_norm(data->dim, fit->h), size = data->size[set];
    geometry_squares_add(&fit->squares[sets->level[set]], geometry_count(sets, set), error, size);
    if (size > data->least) result->tag_set[set] = error / size;
    if (ufm_labels_multiplicity(sets->labels, set) < 2) return;
    result->tag_sets++;
    result->samples += sets->labels->count[set];
    result->parameters += parameters;
}

/* The regressors of some classes into the span; false where one is missing. */
static bool gather(free_fit *fit, int64_t classes, const int32_t *tag)
{
    const int64_t d = fit->data->dim;
    for (int64_t c = 0; c < classes; c++) {
        const double *x = geometry_regressor(fit->data, fit->basis, tag ? tag[c] : c);
        if (!x) return false;
        for (int64_t j = 0; j < d; j++) fit->span.columns[j + c * d] = x[j];
    }
    return true;
}

static void take_feature(free_fit *fit, int64_t set)
{
    const int64_t d = fit->data->dim;
    for (int64_t j = 0; j < d; j++) fit->h[j] = fit->data->feature[j + set * d];
}

static bool is_trivial(const free_fit *fit, int64_t set)
{
    return fit->basis == UFM_ON_MEANS && ufm_labels_multiplicity(fit->data->sets.labels, set) == 1;
}

static ufm_status fit_own(free_fit *fit, const ufm_geometry_settings *settings, double *coefficient,
                          ufm_law_fit *result)
{
    const geometry_sets *sets = &fit->data->sets;
    for (int64_t s = 0; s < fit->data->count; s++) {
        const int64_t m = ufm_labels_multiplicity(sets->labels, s);
        const double done = (double)s / (double)fit->data->count;
        if (!geometry_progress(settings, 0.4 + 0.2 * (int)fit->basis + 0.1 * done, "fitting coefficients"))
            return UFM_ERROR_CANCELLED;
        if (is_trivial(fit, s) || !gather(fit, m, geometry_tags(sets, s))) continue;
        const ufm_status status = geometry_span_set(&fit->span, m, settings->tolerance);
        if (status != UFM_OK) return status;
        take_feature(fit, s);
        geometry_span_remove(&fit->span, fit->h, coefficient + sets->labels->offset[s]);
        add(fit, s, fit->span.rank, result);
    }
    geometry_summarise(fit->data, fit->squares, result);
    return UFM_OK;
}

static ufm_status fit_all(free_fit *fit, const ufm_geometry_settings *settings, ufm_law_fit *result)
{
    for (int64_t l = 0; l < fit->data->sets.levels; l++) fit->squares[l] = (geometry_squares){0};
    if (!gather(fit, fit->data->classes, NULL)) return UFM_OK;
    const ufm_status status = geometry_span_set(&fit->span, fit->data->classes, settings->tolerance);
    if (status != UFM_OK) return status;
    for (int64_t s = 0; s < fit->data->count; s++) {
        const double done = (double)s / (double)fit->data->count;
        if (!geometry_progress(settings, 0.5 + 0.2 * (int)fit->basis + 0.1 * done, "fitting coefficients"))
            return UFM_ERROR_CANCELLED;
        if (is_trivial(fit, s)) continue;
        take_feature(fit, s);
        geometry_span_remove(&fit->span, fit->h, NULL);
        add(fit, s, fit->span.rank, result);
    }
    geometry_summarise(fit->data, fit->squares, result);
    return UFM_OK;
}

ufm_status geometry_fit_free(const geometry_data *data, const ufm_geometry_settings *settings,
                             ufm_tag_laws *laws)
{
    ufm_status status = UFM_OK;
    for (int basis = 0; basis < UFM_BASES && status == UFM_OK; basis++) {
        free_fit fit = {.data = data,
                        .basis = (ufm_basis)basis,
                        .h = ufm_alloc(data->dim, sizeof(double)),
                        .squares = ufm_alloc(data->sets.levels, sizeof(geometry_squares))};
        status = geometry_span_new(data->dim, data->classes, &fit.span);
        if (!fit.h || !fit.squares) status = UFM_ERROR_MEMORY;
        if (status == UFM_OK)
            status = fit_own(&fit, settings, laws->coefficient[basis], &laws->fit[basis][UFM_LAW_FREE]);
        if (status == UFM_OK) status = fit_all(&fit, settings, &laws->fit[basis][UFM_LAW_ALL]);
        geometry_span_clear(&fit.span);
        ufm_free(fit.h);
        ufm_free(fit.squares);
    }
    return status;
}
