/* The optimum along lambda, each point warm-started from the one before and certified. */
#include "trajectory.h"
#include <math.h>
#include <ufmlab/linalg.h>

typedef struct {
    const ufm_labels *labels;
    const ufm_design *design; /* NULL when unbalanced or d < K-1 */
    ufm_explorer explorer;    /* with the lambdas of this point */
    double factor;
    int64_t dim;
    ufm_model *model;
    double *x; /* the optimum of the point before, then of this one */
    FILE *stream;
    ufm_path_info info;
} walk;

/* Where the point before leads to a saddle (it was collapsed and this one is not), a random start takes over.
 */
static ufm_status solve_point(walk *w, ufm_certificate *certificate, ufm_error *error)
{
    ufm_status status = landscape_polish(w->model, &w->explorer, w->x, error);
    if (status == UFM_OK)
        status = landscape_certify(w->model, w->labels, &w->explorer, w->x, certificate, error);
    if (status != UFM_OK || certificate->verdict == UFM_CERTIFIED_GLOBAL) return status;
    w->info.restarts++;
    status = ufm_model_start(w->model, w->explorer.seed, 0.3, w->x);
    if (status != UFM_OK) return ufm_fail(error, status, "cannot make a start");
    status = landscape_polish(w->model, &w->explorer, w->x, error);
    return status == UFM_OK ? landscape_certify(w->model, w->labels, &w->explorer, w->x, certificate, error)
                            : status;
}

/* Over the columns of a multiplicity: mean of (mean logit on the tag set - mean logit off it), and the root
 * mean square of |h|. */
typedef struct {
    double margin, norm;
} level_means;

static double logit(const ufm_point *p, int64_t k, int64_t column)
{
    double z = p->b[k];
    for (int64_t j = 0; j < p->dim; j++) z += p->W[k + j * p->classes] * p->H[j + column * p->dim];
    return z;
}

static level_means measure_level(const ufm_point *p, const ufm_labels *labels, int64_t multiplicity)
{
    double margin = 0, square = 0, weight = 0;
    const double m = (double)multiplicity, rest = (double)(p->classes - multiplicity);
    for (int64_t i = 0; i < p->columns; i++) {
        if (ufm_labels_multiplicity(labels, i) != multiplicity) continue;
        double all = 0, on = 0;
        for (int64_t k = 0; k < p->classes; k++) all += logit(p, k, i);
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++) on += logit(p, labels->tag[j], i);
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

static void write_levels(walk *w, const ufm_point *point, const ufm_certificate *certificate,
                         const ufm_metrics *metrics, const ufm_prediction *prediction)
{
    const double gap = certificate->gap / fabs(certificate->objective);
    const bool collapsed = !(ufm_norm(point->classes * point->dim, point->W) > 1e-6);
    const bool singles = metrics->levels > 0 && metrics->level[0].multiplicity == 1;
    const double first = singles && !collapsed ? metrics->level[0].scale : NAN;
    if (!(w->info.worst_gap >= gap)) w->info.worst_gap = gap;
    for (int64_t l = 0; l < metrics->levels; l++) {
        const int64_t m = metrics->level[l].multiplicity;
        const level_means means = measure_level(point, w->labels, m);
        const double scale = collapsed ? NAN : metrics->level[l].scale;
        const double margin_predicted = prediction ? prediction->margin[l] : NAN;
        const double ratio_predicted =
            prediction && singles ? prediction->scale[l] / prediction->scale[0] : NAN;
        keep_worst(&w->info.worst_scale_ratio, scale / first, ratio_predicted);
        keep_worst(&w->info.worst_margin, means.margin, margin_predicted);
        if (!w->stream) continue;
        fprintf(w->stream, "%.17g,%.17g,%.17g,%.6g,%lld,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g\n", w->factor,
                prediction ? prediction->mu / prediction->mu_critical : NAN, certificate->objective, gap,
                (long long)m, scale, scale / first, means.margin, means.norm, ratio_predicted,
                margin_predicted);
    }
}

static ufm_status describe(walk *w, const ufm_certificate *certificate, ufm_error *error)
{
    ufm_metrics *metrics = NULL;
    ufm_prediction *prediction = NULL;
    double *H = ufm_alloc(w->dim * w->labels->columns, sizeof *H);
    if (!H) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the features");
    const ufm_point point = ufm_model_point(w->model, w->x, H);
    ufm_status status = ufm_metrics_compute(&point, w->labels, &metrics, error);
    if (status == UFM_OK && w->design)
        status = ufm_predict(w->design, &w->explorer.objective, &prediction, error);
    if (status == UFM_OK) write_levels(w, &point, certificate, metrics, prediction);
    ufm_prediction_free(prediction);
    ufm_metrics_free(metrics);
    ufm_free(H);
    return status;
}

static ufm_status step(walk *w, const ufm_explorer *explorer, double factor, ufm_error *error)
{
    ufm_certificate certificate;
    w->factor = factor;
    w->explorer = *explorer;
    w->explorer.objective.lambda_w *= factor;
    w->explorer.objective.lambda_h *= factor;
    const ufm_model_settings settings = {w->explorer.objective, w->dim, explorer->threads};
    ufm_status status = ufm_model_new(w->labels, &settings, &w->model, error);
    if (status != UFM_OK) return status;
    if (!w->x) {
        w->x = ufm_alloc(ufm_model_size(w->model), sizeof(double));
        status = w->x ? ufm_model_start(w->model, explorer->seed, 0.3, w->x)
                      : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a path");
    }
    if (status == UFM_OK) status = solve_point(w, &certificate, error);
    if (status == UFM_OK) status = describe(w, &certificate, error);
    ufm_model_free(w->model);
    w->model = NULL;
    w->info.points++;
    return status;
}

static ufm_status check(const ufm_path_settings *settings, ufm_error *error)
{
    if (!(settings->low > 0) || !(settings->high > settings->low) || !isfinite(settings->high) ||
        settings->points < 2)
        return ufm_fail(error, UFM_ERROR_USAGE, "a path needs 0 < low < high and at least 2 points");
    return UFM_OK;
}

ufm_status ufm_path_write(const ufm_labels *labels, const ufm_explorer *explorer,
                          const ufm_path_settings *settings, FILE *stream, ufm_path_info *info,
                          ufm_error *error)
{
    ufm_design *design = NULL;
    ufm_status status = check(settings, error);
    if (status != UFM_OK) return status;
    walk w = {.labels = labels, .stream = stream, .info = {0, 0, NAN, NAN, NAN}};
    w.dim = explorer->dim > 0 ? explorer->dim : labels->classes;
    if (w.dim >= labels->classes - 1) {
        status = ufm_labels_to_design(labels, &design, error);
        if (status == UFM_ERROR_UNSUPPORTED) status = UFM_OK; /* unbalanced: nothing to compare with */
    }
    w.design = design;
    if (stream)
        fputs(
            "factor,mu_ratio,objective,gap,multiplicity,scale,scale_ratio,margin,norm,scale_ratio_predicted,"
            "margin_predicted\n",
            stream);
    for (int64_t i = 0; i < settings->points && status == UFM_OK; i++) {
        const double share = (double)i / (double)(settings->points - 1);
        status = step(&w, explorer, settings->high * pow(settings->low / settings->high, share), error);
        if (status == UFM_OK && explorer->progress && !explorer->progress(explorer->context, share, "path"))
            status = ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    }
    ufm_free(w.x);
    ufm_design_free(design);
    if (status == UFM_OK && info) *info = w.info;
    return status;
}
