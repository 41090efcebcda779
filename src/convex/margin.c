/* The max-margin problem by Douglas-Rachford splitting: the nuclear norm's proximal map is thresholding, that
 * of the constraints a projection column by column. All matrices are in the variables Z D.
 *
 * With a free bias the norm is that of Z D Q, Q = I - s s^T, s = sqrt(c)/sqrt(N): the best b takes the
 * component of the rows along s. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Iterations between two looks at the gap, and how many of these may adapt the threshold. */
enum { LOOK = 20, ADAPTATIONS = 40 };
static const double relaxation = 1.6;

typedef struct {
    const ufm_labels *labels;
    bool free_bias;
    int64_t classes, columns, numbers;
    double *storage;
    double *v, *shrunk, *feasible, *before, *scratch, *best, *dual; /* K x n each */
    double *roots, *bias;                                           /* n; K */
    convex_svd svd;
    double threshold; /* of the singular values */
} splitting;

ufm_convex_settings ufm_margin_defaults(void)
{
    return (ufm_convex_settings){.tolerance = 1e-9, .max_iterations = 200000};
}

static ufm_status splitting_new(const ufm_labels *labels, bool free_bias, splitting *s)
{
    const int64_t K = labels->classes, n = labels->columns;
    *s = (splitting){.labels = labels, .free_bias = free_bias, .classes = K, .columns = n, .numbers = K * n};
    const ufm_status status = convex_svd_new(K, n, &s->svd);
    if (status != UFM_OK) return status;
    s->storage = ufm_alloc(7 * s->numbers + n + K, sizeof(double));
    if (!s->storage) return UFM_ERROR_MEMORY;
    double **const matrices[] = {&s->v,       &s->shrunk, &s->feasible, &s->before,
                                 &s->scratch, &s->best,   &s->dual};
    for (int m = 0; m < 7; m++) *matrices[m] = s->storage + m * s->numbers;
    s->roots = s->storage + 7 * s->numbers;
    s->bias = s->roots + n;
    for (int64_t i = 0; i < n; i++) s->roots[i] = sqrt((double)ufm_labels_count(labels, i));
    return UFM_OK;
}

static void splitting_free(splitting *s)
{
    convex_svd_free(&s->svd);
    ufm_free(s->storage);
}

/* Splits A = A Q + b sqrt(c)^T: A becomes A Q, s->bias b; leaves A alone and b = 0 without a free bias. */
static void remove_bias(splitting *s, double *A)
{
    const int64_t K = s->classes;
    memset(s->bias, 0, (size_t)K * sizeof(double));
    if (!s->free_bias) return;
    for (int64_t i = 0; i < s->columns; i++)
        ufm_axpy(K, s->roots[i] / (double)s->labels->samples, A + i * K, s->bias);
    for (int64_t i = 0; i < s->columns; i++) ufm_axpy(K, -s->roots[i], s->bias, A + i * K);
}

static void add_bias(const splitting *s, double *A)
{
    for (int64_t i = 0; s->free_bias && i < s->columns; i++)
        ufm_axpy(s->classes, s->roots[i], s->bias, A + i * s->classes);
}

/* Every column onto its constraints. */
static void project(const splitting *s, double *A)
{
    for (int64_t i = 0; i < s->columns; i++) {
        double *column = A + i * s->classes;
        ufm_scale(s->classes, 1 / s->roots[i], column);
        convex_project(s->labels, i, column);
        ufm_scale(s->classes, s->roots[i], column);
    }
}

/* The columns' mean, which the constraints do not see and the norm does not want. */
static void centre(const splitting *s, double *A)
{
    for (int64_t i = 0; i < s->columns; i++) {
        double mean = 0;
        for (int64_t k = 0; k < s->classes; k++) mean += A[k + i * s->classes] / (double)s->classes;
        for (int64_t k = 0; k < s->classes; k++) A[k + i * s->classes] -= mean;
    }
}

/* One step; `before` becomes the feasible point before it. */
static ufm_status step(splitting *s)
{
    memcpy(s->before, s->feasible, (size_t)s->numbers * sizeof(double));
    memcpy(s->shrunk, s->v, (size_t)s->numbers * sizeof(double));
    remove_bias(s, s->shrunk);
    const ufm_status status = convex_shrink(&s->svd, s->threshold, s->shrunk);
    if (status != UFM_OK) return status;
    add_bias(s, s->shrunk);
    for (int64_t j = 0; j < s->numbers; j++) s->feasible[j] = 2 * s->shrunk[j] - s->v[j];
    project(s, s->feasible);
    for (int64_t j = 0; j < s->numbers; j++) s->v[j] += relaxation * (s->feasible[j] - s->shrunk[j]);
    return UFM_OK;
}

/* The dual point is that of the last thresholding, (v - shrunk)/threshold, with the v before it. */
static void dual_point(const splitting *s, double *L)
{
    for (int64_t i = 0; i < s->columns; i++)
        for (int64_t k = 0; k < s->classes; k++) {
            const int64_t j = k + i * s->classes;
            const double v = s->v[j] - relaxation * (s->feasible[j] - s->shrunk[j]);
            L[j] = (v - s->shrunk[j]) / s->threshold * s->roots[i];
        }
}

/* Looks at both bounds and keeps the better ones. */
static ufm_status look(splitting *s, ufm_margin_info *info)
{
    double nuclear, bound;
    memcpy(s->scratch, s->feasible, (size_t)s->numbers * sizeof(double));
    centre(s, s->scratch);
    remove_bias(s, s->scratch);
    ufm_status status = convex_nuclear(&s->svd, s->scratch, &nuclear);
    if (status != UFM_OK) return status;
    if (nuclear < info->value) {
        info->value = nuclear;
        memcpy(s->best, s->feasible, (size_t)s->numbers * sizeof(double));
        centre(s, s->best);
    }
    dual_point(s, s->scratch);
    status = convex_dual_bound(s->labels, s->free_bias, s->roots, &s->svd, s->scratch, &bound);
    if (status == UFM_OK && bound > info->lower_bound) {
        info->lower_bound = bound;
        memcpy(s->dual, s->scratch, (size_t)s->numbers * sizeof(double));
    }
    return status;
}

/* Primal against dual residual: the threshold follows the larger one, and v with it so that both points stay.
 */
static void adapt(splitting *s)
{
    double primal = 0, dual = 0;
    for (int64_t j = 0; j < s->numbers; j++) {
        const double p = s->feasible[j] - s->shrunk[j], d = s->feasible[j] - s->before[j];
        primal += p * p;
        dual += d * d;
    }
    const double factor = primal > 100 * dual ? 0.5 : dual > 100 * primal ? 2 : 1;
    for (int64_t j = 0; factor != 1 && j < s->numbers; j++)
        s->v[j] = s->shrunk[j] + factor * (s->v[j] - s->shrunk[j]);
    s->threshold *= factor;
}

/* From the margins of the multi-hot vectors themselves. */
static ufm_status begin(splitting *s, ufm_margin_info *info)
{
    for (int64_t i = 0; i < s->columns; i++)
        for (int64_t j = s->labels->offset[i]; j < s->labels->offset[i + 1]; j++)
            s->feasible[s->labels->tag[j] + i * s->classes] = s->roots[i];
    centre(s, s->feasible);
    memcpy(s->best, s->feasible, (size_t)s->numbers * sizeof(double));
    memcpy(s->v, s->feasible, (size_t)s->numbers * sizeof(double));
    memcpy(s->scratch, s->feasible, (size_t)s->numbers * sizeof(double));
    remove_bias(s, s->scratch);
    const ufm_status status = convex_nuclear(&s->svd, s->scratch, &info->value);
    s->threshold = info->value / (double)s->svd.least;
    return status;
}

static ufm_status iterate(splitting *s, const ufm_convex_settings *settings, ufm_margin_info *info)
{
    const double started = ufm_seconds();
    for (info->iterations = 1;; info->iterations++) {
        ufm_status status = step(s);
        if (status != UFM_OK) return status;
        const bool last = info->iterations >= settings->max_iterations;
        if (info->iterations % LOOK != 0 && !last) continue;
        status = look(s, info);
        if (status != UFM_OK) return status;
        if (info->iterations / LOOK <= ADAPTATIONS) adapt(s);
        info->seconds = ufm_seconds() - started;
        const double gap = (info->value - info->lower_bound) / info->value;
        const ufm_convex_progress progress = {info->iterations, info->iterations, info->value, gap,
                                              info->seconds};
        if (gap <= settings->tolerance) {
            info->stop = UFM_CONVEX_CONVERGED;
        } else if (settings->observe && !settings->observe(settings->context, &progress)) {
            info->stop = UFM_CONVEX_INTERRUPTED;
        } else if (last) {
            info->stop = UFM_CONVEX_ITERATIONS;
        } else {
            continue;
        }
        return UFM_OK;
    }
}

static ufm_status check(const ufm_labels *labels, bool free_bias, const ufm_convex_settings *settings,
                        ufm_error *error)
{
    bool separable = false;
    int64_t absent = -1;
    if (!(settings->tolerance >= 0) || settings->max_iterations < 1)
        return ufm_fail(error, UFM_ERROR_USAGE, "give a tolerance >= 0 and at least one iteration");
    for (int64_t i = 0; i < labels->columns && !separable; i++)
        separable = ufm_labels_multiplicity(labels, i) < labels->classes;
    if (!separable)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "every tag set holds all classes: there is no margin to maximise");
    const ufm_status status = free_bias ? convex_absent_class(labels, &absent) : UFM_OK;
    if (status != UFM_OK) return ufm_fail(error, status, "not enough memory to look at the classes");
    return absent < 0 ? UFM_OK
                      : ufm_fail(error, UFM_ERROR_USAGE,
                                 "class %lld is in no tag set: a free bias separates it at no cost",
                                 (long long)absent);
}

ufm_status ufm_max_margin(const ufm_labels *labels, bool free_bias, const ufm_convex_settings *settings,
                          ufm_margin_point point, ufm_margin_info *info, ufm_error *error)
{
    splitting s = {0};
    ufm_margin_info found = {0};
    ufm_status status = check(labels, free_bias, settings, error);
    if (status != UFM_OK) return status;
    status = splitting_new(labels, free_bias, &s);
    if (status == UFM_OK) status = begin(&s, &found);
    if (status == UFM_OK) status = iterate(&s, settings, &found);
    if (status != UFM_OK) goto cleanup;
    remove_bias(&s, s.best);
    for (int64_t i = 0; i < s.columns; i++)
        for (int64_t k = 0; k < s.classes; k++)
            point.X[k + i * s.classes] = s.best[k + i * s.classes] / s.roots[i];
    memcpy(point.b, s.bias, (size_t)s.classes * sizeof(double));
    memcpy(point.L, s.dual, (size_t)s.numbers * sizeof(double));
    *info = found;
cleanup:
    if (status != UFM_OK) ufm_fail(error, status, "the max-margin problem: %s", ufm_status_text(status));
    splitting_free(&s);
    return status;
}
