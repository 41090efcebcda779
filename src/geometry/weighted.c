/* Laws with one scale for each multiplicity and weights n_k^alpha on the classes of a tag set. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

static const double exponents[UFM_LAW_COUNT] = {
#define UFM_LAW_EXPONENT(name, spelling, exponent, summary) exponent,
    UFM_LAW_LIST(UFM_LAW_EXPONENT)
#undef UFM_LAW_EXPONENT
};

/* One law on one basis. With the inner products of all that takes part, a trial exponent costs no vectors. */
typedef struct {
    const geometry_data *data;
    ufm_basis basis;
    double tolerance;
    double *frequency;     /* [K] n_k of the law */
    double *weight;        /* [K] n_k^alpha, or 0 where the law does not reach */
    double *gram;          /* K x K <x_k, x_l> */
    double *product;       /* [tags] <h_S, x_k> tag by tag */
    double *u;             /* [d] */
    double *above, *below; /* [levels] sum c_S <h_S, u_S>, sum c_S |u_S|^2 */
    double *size;          /* [levels] sum c_S (sum |a_k x_k|)^2 */
} weighted_fit;

static void fit_clear(weighted_fit *fit)
{
    ufm_free(fit->frequency);
    ufm_free(fit->weight);
    ufm_free(fit->gram);
    ufm_free(fit->product);
    ufm_free(fit->u);
    ufm_free(fit->above);
    ufm_free(fit->below);
    ufm_free(fit->size);
}

static ufm_status fit_new(weighted_fit *fit, const geometry_data *data, ufm_basis basis)
{
    const int64_t K = data->classes, L = data->sets.levels;
    const ufm_labels *labels = data->sets.labels;
    *fit = (weighted_fit){.data = data,
                          .basis = basis,
                          .frequency = ufm_alloc(K, sizeof(double)),
                          .weight = ufm_alloc(K, sizeof(double)),
                          .gram = ufm_alloc(K * K, sizeof(double)),
                          .product = ufm_alloc(labels->offset[data->count], sizeof(double)),
                          .u = ufm_alloc(data->dim, sizeof(double)),
                          .above = ufm_alloc(L, sizeof(double)),
                          .below = ufm_alloc(L, sizeof(double)),
                          .size = ufm_alloc(L, sizeof(double))};
    if (!fit->frequency || !fit->weight || !fit->gram || !fit->product || !fit->u || !fit->above ||
        !fit->below || !fit->size)
        return UFM_ERROR_MEMORY;
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = 0; k < K; k++) {
            const double *x = geometry_regressor(data, basis, k), *y = geometry_regressor(data, basis, l);
            fit->gram[k + l * K] = x && y ? ufm_dot(data->dim, x, y) : NAN;
        }
    for (int64_t s = 0; s < data->count; s++)
        for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++) {
            const double *x = geometry_regressor(data, basis, labels->tag[t]);
            fit->product[t] = x ? ufm_dot(data->dim, data->feature + s * data->dim, x) : NAN;
        }
    return UFM_OK;
}

/* n_k over all samples, or over those with one label. */
static void count_frequencies(weighted_fit *fit, bool singles)
{
    const geometry_data *data = fit->data;
    const ufm_labels *labels = data->sets.labels;
    for (int64_t k = 0; k < data->classes; k++) fit->frequency[k] = 0;
    for (int64_t s = 0; s < data->count; s++)
        for (int64_t t = labels->offset[s]; t < labels->offset[s + 1]; t++)
            if (!singles || ufm_labels_multiplicity(labels, s) == 1)
                fit->frequency[labels->tag[t]] += geometry_count(&data->sets, s);
}

/* Relative to the most frequent class, which keeps powers in range. */
static void set_weights(weighted_fit *fit, double alpha)
{
    const int64_t K = fit->data->classes;
    double most = 0;
    for (int64_t k = 0; k < K; k++) most = fmax(most, fit->frequency[k]);
    for (int64_t k = 0; k < K; k++) {
        const bool reached = fit->frequency[k] > 0 && geometry_regressor(fit->data, fit->basis, k);
        fit->weight[k] = reached ? pow(fit->frequency[k] / most, alpha) : 0;
    }
}

/* m / sum of the weights, so that uniform weights are 1; 0 where the law does not reach the tag set. */
static double normaliser(const weighted_fit *fit, int64_t set)
{
    const geometry_sets *sets = &fit->data->sets;
    const int64_t m = ufm_labels_multiplicity(sets->labels, set);
    double sum = 0;
    if (m == 1 && fit->basis == UFM_ON_MEANS) return 0;
    for (int64_t t = 0; t < m; t++) {
        const double weight = fit->weight[geometry_tags(sets, set)[t]];
        if (!(weight > 0)) return 0;
        sum += weight;
    }
    return (double)m / sum;
}

/* The sums from which the scales follow; returns what they leave of sum c_S |h_S|^2, |S| >= 2. */
static double accumulate(weighted_fit *fit)
{
    const geometry_sets *sets = &fit->data->sets;
    const ufm_labels *labels = sets->labels;
    const int64_t K = fit->data->classes;
    double left = 0;
    for (int64_t l = 0; l < sets->levels; l++) fit->above[l] = fit->below[l] = fit->size[l] = 0;
    for (int64_t s = 0; s < fit->data->count; s++) {
        const double norm = normaliser(fit, s), count = geometry_count(sets, s);
        const int64_t m = ufm_labels_multiplicity(labels, s), l = sets->level[s];
        const int32_t *tag = geometry_tags(sets, s);
        double above = 0, below = 0, size = 0;
        if (norm == 0) continue;
        for (int64_t i = 0; i < m; i++) {
            const double a = norm * fit->weight[tag[i]];
            above += a * fit->product[labels->offset[s] + i];
            size += a * sqrt(fit->gram[tag[i] * (K + 1)]);
            for (int64_t j = 0; j < m; j++)
                below += a * norm * fit->weight[tag[j]] * fit->gram[tag[i] + tag[j] * K];
        }
        fit->above[l] += count * above;
        fit->below[l] += count * below;
        fit->size[l] += count * size * size;
        if (m >= 2) left += count * fit->data->size[s] * fit->data->size[s];
    }
    for (int64_t l = 0; l < sets->levels; l++) {
        if (fit->below[l] <= fit->tolerance * fit->tolerance * fit->size[l]) fit->above[l] = 0;
        if (sets->multiplicity[l] >= 2 && fit->above[l] != 0)
            left -= fit->above[l] * fit->above[l] / fit->below[l];
    }
    return left;
}

static double try_exponent(weighted_fit *fit, double alpha)
{
    set_weights(fit, alpha);
    return accumulate(fit);
}

/* Whether some exponents can be told apart: two frequencies that matter differ. */
static bool has_exponent(weighted_fit *fit)
{
    const geometry_sets *sets = &fit->data->sets;
    double least = INFINITY, most = 0;
    set_weights(fit, 0);
    for (int64_t s = 0; s < fit->data->count; s++) {
        const int64_t m = ufm_labels_multiplicity(sets->labels, s);
        if (m < 2 || normaliser(fit, s) == 0) continue;
        for (int64_t t = 0; t < m; t++) {
            const double n = fit->frequency[geometry_tags(sets, s)[t]];
            least = fmin(least, n);
            most = fmax(most, n);
        }
    }
    return most > least;
}

/* Golden sections of [low, high]. */
static double narrow_exponent(weighted_fit *fit, double low, double high)
{
    enum { SECTIONS = 60 };
    const double golden = 0.6180339887498949;
    double left = high - golden * (high - low), right = low + golden * (high - low);
    double at_left = try_exponent(fit, left), at_right = try_exponent(fit, right);
    for (int i = 0; i < SECTIONS; i++) {
        if (at_left <= at_right) {
            high = right;
            right = left;
            at_right = at_left;
            left = high - golden * (high - low);
            at_left = try_exponent(fit, left);
        } else {
            low = left;
            left = right;
            at_left = at_right;
            right = low + golden * (high - low);
            at_right = try_exponent(fit, right);
        }
    }
    return (low + high) / 2;
}

/* Best exponent in [-LIMIT, LIMIT]: around the best point of a grid. */
static double find_exponent(weighted_fit *fit)
{
    enum { LIMIT = 4, STEPS = 4 };
    double best = 0, value = INFINITY;
    if (!has_exponent(fit)) return NAN;
    for (int i = -LIMIT * STEPS; i <= LIMIT * STEPS; i++) {
        const double trial = try_exponent(fit, (double)i / STEPS);
        if (!(trial < value)) continue;
        value = trial;
        best = (double)i / STEPS;
    }
    return narrow_exponent(fit, fmax(-LIMIT, best - 1.0 / STEPS), fmin(LIMIT, best + 1.0 / STEPS));
}

/* Residuals from the vectors themselves: differences of squares would lose half the digits. */
static ufm_status measure(weighted_fit *fit, ufm_law_fit *result)
{
    const geometry_data *data = fit->data;
    const geometry_sets *sets = &data->sets;
    const int64_t d = data->dim;
    geometry_squares *squares = ufm_alloc(sets->levels, sizeof *squares);
    if (!squares) return UFM_ERROR_MEMORY;
    (void)accumulate(fit);
    for (int64_t l = 0; l < sets->levels; l++)
        if (fit->above[l] != 0) result->scale[l] = fit->above[l] / fit->below[l];
    for (int64_t s = 0; s < data->count; s++) {
        const double norm = normaliser(fit, s), count = geometry_count(sets, s);
        const int64_t m = ufm_labels_multiplicity(sets->labels, s), l = sets->level[s];
        if (norm == 0) continue;
        for (int64_t j = 0; j < d; j++) fit->u[j] = data->feature[j + s * d];
        for (int64_t t = 0; t < m && !isnan(result->scale[l]); t++) {
            const int32_t k = geometry_tags(sets, s)[t];
            ufm_axpy(d, -result->scale[l] * norm * fit->weight[k], geometry_regressor(data, fit->basis, k),
                     fit->u);
        }
        const double error = ufm_norm(d, fit->u);
        geometry_squares_add(&squares[l], count, error, data->size[s]);
        if (data->size[s] > data->least) result->tag_set[s] = error / data->size[s];
        if (m < 2) continue;
        result->tag_sets++;
        result->samples += sets->labels->count[s];
    }
    for (int64_t l = 0; l < sets->levels; l++)
        result->parameters += sets->multiplicity[l] >= 2 && !isnan(result->scale[l]);
    geometry_summarise(data, squares, result);
    ufm_free(squares);
    return UFM_OK;
}

ufm_status geometry_fit_weighted(const geometry_data *data, const ufm_geometry_settings *settings,
                                 ufm_tag_laws *laws)
{
    ufm_status status = UFM_OK;
    for (int basis = 0; basis < UFM_BASES && status == UFM_OK; basis++) {
        weighted_fit fit;
        status = fit_new(&fit, data, (ufm_basis)basis);
        fit.tolerance = settings->tolerance;
        for (int law = 0; law < UFM_LAW_FREE && status == UFM_OK; law++) {
            ufm_law_fit *result = &laws->fit[basis][law];
            if (!geometry_progress(settings, 0.2 * basis + 0.2 * law / UFM_LAW_FREE, "fitting weights"))
                status = UFM_ERROR_CANCELLED;
            if (status != UFM_OK) break;
            count_frequencies(&fit, law == UFM_LAW_SINGLES_POWER);
            result->alpha = isnan(exponents[law]) ? find_exponent(&fit) : exponents[law];
            set_weights(&fit, isnan(result->alpha) ? 0 : result->alpha);
            status = measure(&fit, result);
            result->parameters += isnan(exponents[law]) && !isnan(result->alpha);
        }
        fit_clear(&fit);
    }
    return status;
}
