/* What is measured at one point of a path: levels of multiplicity, singular values, distance from the limit.
 */
#include "path.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Singular values below this share of the largest do not count for the rank. */
static const double rank_floor = 1e-7;
/* Certified: a gap within 1e-9 of f, and within this share of the regulariser. */
static const double penalty_tolerance = 1e-3;

/* The point unpacked. */
typedef struct {
    const path_instance *instance;
    const path_point *at;
    ufm_point point;
    double *H;        /* d x n */
    double *X;        /* K x n: W H, and where needed W Ht = X D */
    double *sigma;    /* singular values of X D, descending */
    int64_t singular; /* their number */
    ufm_metrics *metrics;
    ufm_prediction *prediction; /* or NULL */
} view;

void path_headers(const ufm_path_outputs *outputs)
{
    if (outputs->levels)
        fputs(
            "factor,mu_ratio,objective,gap,multiplicity,scale,scale_ratio,margin,norm,scale_ratio_predicted,"
            "margin_predicted\n",
            outputs->levels);
    if (outputs->spectrum)
        fputs(
            "factor,mu_ratio,objective,gap,penalty_gap,certified,rank,nc2,nuclear_norm,distance,margin_share,"
            "index,singular_value\n",
            outputs->spectrum);
}

/* ---- Levels of multiplicity ---------------------------------------------------------------------- */

/* Over the columns of a multiplicity: mean of (mean logit on the tag set - mean logit off it), and the root
 * mean square of |h|. */
typedef struct {
    double margin, norm;
} level_means;

static level_means measure_level(const view *v, int64_t multiplicity)
{
    const ufm_labels *labels = v->instance->labels;
    const ufm_point *p = &v->point;
    double margin = 0, square = 0, weight = 0;
    const double m = (double)multiplicity, rest = (double)(p->classes - multiplicity);
    for (int64_t i = 0; i < p->columns; i++) {
        if (ufm_labels_multiplicity(labels, i) != multiplicity) continue;
        double all = 0, on = 0;
        for (int64_t k = 0; k < p->classes; k++) all += v->X[k + i * p->classes] + p->b[k];
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            on += v->X[labels->tag[j] + i * p->classes] + p->b[labels->tag[j]];
        const double count = (double)ufm_labels_count(labels, i);
        margin += count * (on / m - (all - on) / rest); /* NaN for multiplicity K */
        square += count * ufm_dot(p->dim, p->H + i * p->dim, p->H + i * p->dim);
        weight += count;
    }
    return (level_means){margin / weight, sqrt(square / weight)};
}

static void keep_worst(double *worst, double measured, double predicted)
{
    const double error = fabs(measured / predicted - 1);
    if (!isnan(predicted) && predicted != 0 && !(*worst >= error)) *worst = error;
}

static bool collapsed(const view *v)
{
    return !(ufm_norm(v->point.classes * v->point.dim, v->point.W) > 1e-6);
}

static double relative_gap(const ufm_certificate *certificate)
{
    return certificate->gap / fabs(certificate->objective);
}

static double mu_ratio(const view *v)
{
    return v->at->certificate.mu / v->instance->mu_max;
}

static void measure_levels(const view *v, ufm_path_info *info)
{
    const ufm_metrics *metrics = v->metrics;
    const bool singles = metrics->levels > 0 && metrics->level[0].multiplicity == 1;
    const double first = singles && !collapsed(v) ? metrics->level[0].scale : NAN;
    for (int64_t l = 0; l < metrics->levels; l++) {
        const int64_t m = metrics->level[l].multiplicity;
        const level_means means = measure_level(v, m);
        const double scale = collapsed(v) ? NAN : metrics->level[l].scale;
        const double margin_predicted = v->prediction ? v->prediction->margin[l] : NAN;
        const double ratio_predicted =
            v->prediction && singles ? v->prediction->scale[l] / v->prediction->scale[0] : NAN;
        keep_worst(&info->worst_scale_ratio, scale / first, ratio_predicted);
        keep_worst(&info->worst_margin, means.margin, margin_predicted);
        if (!v->instance->outputs.levels) continue;
        fprintf(v->instance->outputs.levels,
                "%.17g,%.17g,%.17g,%.6g,%lld,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g\n", v->at->factor,
                mu_ratio(v), v->at->certificate.objective, relative_gap(&v->at->certificate), (long long)m,
                scale, scale / first, means.margin, means.norm, ratio_predicted, margin_predicted);
    }
}

/* ---- Singular values and the max-margin limit ------------------------------------------------------ */

/* Least z_k - z_j over all columns, k on the tag set, j off it. */
static double least_margin(const view *v)
{
    const ufm_labels *labels = v->instance->labels;
    const int64_t K = labels->classes;
    double least = INFINITY;
    for (int64_t i = 0; i < labels->columns; i++) {
        double on = INFINITY, off = -INFINITY;
        int64_t next = labels->offset[i];
        for (int64_t k = 0; k < K; k++) {
            const double z = v->X[k + i * K] + v->point.b[k];
            const bool tagged = next < labels->offset[i + 1] && labels->tag[next] == k;
            if (tagged) {
                on = fmin(on, z);
                next++;
            } else {
                off = fmax(off, z);
            }
        }
        least = fmin(least, on - off);
    }
    return least;
}

/* Singular values that do not count become 0. */
static ufm_path_step make_step(view *v)
{
    const path_instance *instance = v->instance;
    const ufm_certificate *c = &v->at->certificate;
    ufm_path_step step = {.factor = v->at->factor,
                          .mu_ratio = mu_ratio(v),
                          .objective = c->objective,
                          .gap = relative_gap(c),
                          .penalty_gap = NAN,
                          .nc2 = collapsed(v) ? NAN : v->metrics->nc2,
                          .distance = NAN,
                          .margin_share = NAN,
                          .values = v->singular,
                          .singular_value = v->sigma};
    for (int64_t j = 0; j < v->singular; j++) {
        const bool counts = !collapsed(v) && v->sigma[j] > rank_floor * v->sigma[0];
        if (!counts) v->sigma[j] = 0;
        step.rank += counts;
        step.nuclear_norm += v->sigma[j];
    }
    if (step.rank > 0) step.penalty_gap = c->gap / (c->mu * step.nuclear_norm);
    if (instance->margin_X && step.rank > 0) {
        step.distance = ufm_direction_distance(instance->labels, v->X, instance->margin_X);
        step.margin_share = least_margin(v) * instance->margin_value / step.nuclear_norm;
    }
    step.certified =
        c->verdict == UFM_CERTIFIED_GLOBAL && (step.rank == 0 || step.penalty_gap <= penalty_tolerance);
    return step;
}

static void count_step(const ufm_path_step *step, ufm_path_info *info)
{
    info->points++;
    info->uncertified += !step->certified;
    if (step->certified && info->uncertified == 0) info->certified_to = step->mu_ratio;
    if (!(info->worst_gap >= step->gap)) info->worst_gap = step->gap;
    if (step->rank > 0 && !(info->worst_penalty_gap >= step->penalty_gap))
        info->worst_penalty_gap = step->penalty_gap;
    info->rank = step->rank;
    info->distance = step->distance;
    info->margin_share = step->margin_share;
}

static void write_step(const ufm_path_step *s, const ufm_path_outputs *outputs)
{
    if (outputs->visit) outputs->visit(outputs->context, s);
    for (int64_t j = 0; outputs->spectrum && j < s->values; j++)
        fprintf(outputs->spectrum, "%.17g,%.17g,%.17g,%.6g,%.6g,%d,%lld,%.17g,%.17g,%.17g,%.17g,%lld,%.17g\n",
                s->factor, s->mu_ratio, s->objective, s->gap, s->penalty_gap, s->certified,
                (long long)s->rank, s->nc2, s->nuclear_norm, s->distance, s->margin_share, (long long)j + 1,
                s->singular_value[j]);
}

/* ---- The view -------------------------------------------------------------------------------------- */

static void view_free(view *v)
{
    ufm_free(v->H);
    ufm_free(v->X);
    ufm_free(v->sigma);
    ufm_metrics_free(v->metrics);
    ufm_prediction_free(v->prediction);
}

/* X D = W Ht, whose singular values are wanted, then X = W H. */
static ufm_status multiply(view *v, ufm_error *error)
{
    const int64_t K = v->point.classes, d = v->point.dim, n = v->point.columns;
    const ufm_matrix W = ufm_view(v->point.W, K, d), X = ufm_view(v->X, K, n);
    ufm_gemm(1, W, ufm_view(v->at->x + K * d, d, n), 0, X);
    const ufm_status status = ufm_svd(X, NULL, v->sigma, NULL);
    if (status != UFM_OK) return ufm_fail(error, status, "the logits could not be decomposed");
    ufm_gemm(1, W, ufm_view(v->H, d, n), 0, X);
    return UFM_OK;
}

static ufm_status view_make(view *v, ufm_error *error)
{
    const path_instance *instance = v->instance;
    const int64_t K = instance->labels->classes, n = instance->labels->columns;
    v->singular = K < n ? K : n;
    v->H = ufm_alloc(instance->dim * n, sizeof(double));
    v->X = ufm_alloc(K * n, sizeof(double));
    v->sigma = ufm_alloc(v->singular, sizeof(double));
    if (!v->H || !v->X || !v->sigma)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to measure a point");
    v->point = ufm_model_point(v->at->model, v->at->x, v->H);
    ufm_status status = multiply(v, error);
    if (status == UFM_OK) status = ufm_metrics_compute(&v->point, instance->labels, &v->metrics, error);
    if (status == UFM_OK && instance->design)
        status = ufm_predict(instance->design, &v->at->objective, &v->prediction, error);
    return status;
}

ufm_status path_measure(const path_instance *instance, const path_point *point, ufm_path_info *info,
                        ufm_error *error)
{
    view v = {.instance = instance, .at = point};
    const ufm_status status = view_make(&v, error);
    if (status == UFM_OK) {
        measure_levels(&v, info);
        const ufm_path_step step = make_step(&v);
        count_step(&step, info);
        write_step(&step, &instance->outputs);
    }
    view_free(&v);
    return status;
}
