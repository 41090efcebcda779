/* Tag-wise laws: the list, memory, and what is concluded from the residuals. */
#include "internal.h"
#include <math.h>

static const char *const names[UFM_LAW_COUNT] = {
#define UFM_LAW_NAME(name, spelling, exponent, summary) spelling,
    UFM_LAW_LIST(UFM_LAW_NAME)
#undef UFM_LAW_NAME
};
static const char *const summaries[UFM_LAW_COUNT] = {
#define UFM_LAW_SUMMARY(name, spelling, exponent, summary) summary,
    UFM_LAW_LIST(UFM_LAW_SUMMARY)
#undef UFM_LAW_SUMMARY
};

const char *ufm_law_name(ufm_law law)
{
    return names[law];
}

const char *ufm_law_summary(ufm_law law)
{
    return summaries[law];
}

const char *ufm_basis_name(ufm_basis basis)
{
    return basis == UFM_ON_MEANS ? "mu" : "w";
}

void ufm_tag_laws_free(ufm_tag_laws *laws)
{
    if (!laws) return;
    ufm_free(laws->multiplicity);
    ufm_free(laws->level);
    ufm_labels_free(laws->labels);
    ufm_free(laws->norm);
    ufm_free(laws->has_mean);
    for (int basis = 0; basis < UFM_BASES; basis++) {
        ufm_free(laws->coefficient[basis]);
        for (int law = 0; law < UFM_LAW_COUNT; law++) {
            ufm_free(laws->fit[basis][law].scale);
            ufm_free(laws->fit[basis][law].level);
            ufm_free(laws->fit[basis][law].tag_set);
        }
    }
    ufm_free(laws->exact_weight);
    ufm_free(laws->exact.level);
    ufm_free(laws->exact.tag_set);
    ufm_free(laws->exact.inside);
    ufm_free(laws->exact.outside);
    ufm_free(laws->exact.off_span);
    ufm_free(laws->exact.off_span_level);
    ufm_free(laws);
}

/* n NaNs. */
static double *undefined(int64_t n, bool *complete)
{
    double *x = ufm_alloc(n, sizeof *x);
    for (int64_t i = 0; x && i < n; i++) x[i] = NAN;
    *complete = *complete && x;
    return x;
}

static ufm_tag_laws *laws_new(const geometry_data *data)
{
    const int64_t L = data->sets.levels, S = data->count, tags = data->sets.labels->offset[S];
    ufm_tag_laws *laws = ufm_alloc(1, sizeof *laws);
    if (!laws) return NULL;
    bool complete = true;
    *laws = (ufm_tag_laws){.classes = data->classes,
                           .levels = L,
                           .tag_sets = S,
                           .collapsed = data->collapsed,
                           .precision = NAN,
                           .best_basis = -1,
                           .best_law = -1};
    laws->has_mean = ufm_alloc(data->classes, sizeof *laws->has_mean);
    for (int basis = 0; basis < UFM_BASES; basis++) {
        laws->coefficient[basis] = undefined(tags, &complete);
        for (int law = 0; law < UFM_LAW_COUNT; law++)
            laws->fit[basis][law] = (ufm_law_fit){.alpha = NAN,
                                                  .residual = NAN,
                                                  .worst = NAN,
                                                  .scale = undefined(L, &complete),
                                                  .level = undefined(L, &complete),
                                                  .tag_set = undefined(S, &complete)};
    }
    laws->exact_weight = undefined(tags, &complete);
    laws->exact = (ufm_exact_law){.residual = NAN,
                                  .worst = NAN,
                                  .level = undefined(L, &complete),
                                  .tag_set = undefined(S, &complete),
                                  .inside = undefined(L, &complete),
                                  .outside = undefined(L, &complete),
                                  .off_span = undefined(S, &complete),
                                  .off_span_level = undefined(L, &complete)};
    if (complete && laws->has_mean) return laws;
    ufm_tag_laws_free(laws);
    return NULL;
}

void geometry_squares_add(geometry_squares *squares, double count, double error, double size)
{
    squares->error += count * error * error;
    squares->total += count * size * size;
    squares->samples += count;
}

double geometry_residual(const geometry_data *data, geometry_squares squares)
{
    const double least = squares.samples * data->least * data->least;
    return squares.total > least ? sqrt(squares.error / squares.total) : NAN;
}

void geometry_summarise(const geometry_data *data, const geometry_squares *squares, ufm_law_fit *fit)
{
    const geometry_sets *sets = &data->sets;
    geometry_squares all = {0};
    for (int64_t l = 0; l < sets->levels; l++) {
        fit->level[l] = geometry_residual(data, squares[l]);
        if (sets->multiplicity[l] < 2) continue;
        all.error += squares[l].error;
        all.total += squares[l].total;
        all.samples += squares[l].samples;
    }
    fit->residual = geometry_residual(data, all);
    for (int64_t s = 0; s < data->count; s++) {
        const double residual = fit->tag_set[s];
        if (ufm_labels_multiplicity(sets->labels, s) < 2 || isnan(residual)) continue;
        if (!(residual <= fit->worst)) fit->worst = residual;
    }
}

/* Whether a law could be measured on every tag set with more than one class. */
static bool reaches_all(const geometry_data *data, const ufm_law_fit *fit)
{
    int64_t wanted = 0;
    for (int64_t s = 0; s < data->count; s++) wanted += ufm_labels_multiplicity(data->sets.labels, s) >= 2;
    return wanted > 0 && fit->tag_sets == wanted;
}

static void judge(const geometry_data *data, const ufm_geometry_settings *settings, ufm_tag_laws *laws)
{
    enum { REFUTING = 10 }; /* in between, the gap could be to blame */
    double square = 0;
    for (int64_t s = 0; s < data->count; s++)
        square += geometry_count(&data->sets, s) * data->size[s] * data->size[s];
    if (settings->objective)
        laws->precision = sqrt(fmax(settings->gap, 0) / (settings->objective->lambda_h * square));
    if (isnan(settings->gap)) laws->precision = NAN; /* fmax drops it */
    const double bound = settings->tolerance + laws->precision;
    for (int basis = 0; basis < UFM_BASES; basis++) {
        const ufm_law_fit *fit = &laws->fit[basis][UFM_LAW_UNIFORM];
        laws->average[basis] = UFM_INCONCLUSIVE;
        if (!settings->certified || data->collapsed || !(laws->precision <= 1e-3) || !reaches_all(data, fit))
            continue;
        if (fit->residual <= bound) laws->average[basis] = UFM_VERIFIED;
        if (fit->residual > REFUTING * bound) laws->average[basis] = UFM_REFUTED;
    }
    for (int basis = 0; basis < UFM_BASES; basis++)
        for (int law = 0; law < UFM_LAW_FREE; law++) {
            const ufm_law_fit *fit = &laws->fit[basis][law];
            if (isnan(fit->residual) || !reaches_all(data, fit)) continue;
            if (laws->best_law >= 0 &&
                !(fit->residual < laws->fit[laws->best_basis][laws->best_law].residual))
                continue;
            laws->best_basis = basis;
            laws->best_law = law;
        }
}

static ufm_status measure(geometry_data *data, const ufm_geometry_settings *settings, ufm_tag_laws *laws)
{
    for (int64_t s = 0; s < data->count; s++) laws->norm[s] = data->size[s];
    for (int64_t k = 0; k < data->classes; k++) laws->has_mean[k] = data->sets.single[k] >= 0;
    ufm_status status = UFM_OK;
    if (!data->collapsed) status = geometry_fit_weighted(data, settings, laws);
    if (status == UFM_OK && !data->collapsed) status = geometry_fit_free(data, settings, laws);
    if (status == UFM_OK && !data->collapsed) status = geometry_measure_exact(data, settings, laws);
    if (status == UFM_OK) judge(data, settings, laws);
    return status;
}

ufm_status ufm_tag_laws_compute(const ufm_point *point, const ufm_labels *labels,
                                const ufm_geometry_settings *settings, ufm_tag_laws **laws, ufm_error *error)
{
    geometry_data data;
    *laws = NULL;
    ufm_status status = geometry_data_new(point, labels, settings, &data, error);
    if (status != UFM_OK) return status;
    const long long sets = data.count;
    ufm_tag_laws *result = laws_new(&data);
    if (result) result->norm = ufm_alloc(data.count, sizeof *result->norm);
    status = result && result->norm ? measure(&data, settings, result) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) { /* the tag sets become the result's */
        result->labels = data.sets.labels;
        result->level = data.sets.level;
        result->multiplicity = data.sets.multiplicity;
        data.sets.labels = NULL;
        data.sets.level = NULL;
        data.sets.multiplicity = NULL;
        *laws = result;
    } else {
        ufm_tag_laws_free(result);
        ufm_fail(error, status, "cannot fit tag-wise laws to %lld tag sets: %s", sets,
                 ufm_status_text(status));
    }
    geometry_data_clear(&data);
    return status;
}
