#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

ufm_solve_settings ufm_solve_defaults(void)
{
    return (ufm_solve_settings){.objective = {UFM_LOSS_PAL, 5e-4, 1e-4, 1e-3},
                                .seed = 1,
                                .init_scale = 0.3,
                                .gap_tolerance = 1e-6,
                                .gap_target = 1e-9,
                                .minimize = ufm_minimize_defaults()};
}

void ufm_solution_free(ufm_solution *solution)
{
    if (!solution) return;
    ufm_free(solution->storage);
    ufm_free(solution->features);
    ufm_free(solution);
}

int64_t ufm_solve_copies(ufm_solver solver, int64_t history)
{
    return ufm_solver_vectors(solver, history) + 2; /* x, and H unscaled */
}

ufm_pool *solve_pool(const ufm_labels *labels, int64_t dim, int threads)
{
    const double work = (double)labels->columns * (double)labels->classes * (double)dim;
    return work > 1e6 ? ufm_pool_new(threads) : NULL;
}

static ufm_status certify(const ufm_labels *labels, const ufm_solve_settings *settings,
                          ufm_solution *solution, ufm_error *error)
{
    ufm_certify_settings certify_settings = ufm_certify_defaults();
    certify_settings.gap_tolerance = settings->gap_tolerance;
    certify_settings.pool = solve_pool(labels, solution->point.dim, settings->threads);
    const ufm_status status = ufm_certify(&solution->point, labels, &settings->objective, &certify_settings,
                                          &solution->certificate, error);
    ufm_pool_free(certify_settings.pool);
    return status;
}

ufm_status ufm_solve(const ufm_labels *labels, const ufm_solve_settings *settings, ufm_solution **solution,
                     ufm_error *error)
{
    if (ufm_constraint_active(&settings->constraint))
        return solve_constrained(labels, settings, solution, error);
    const int64_t dim = settings->dim > 0 ? settings->dim : labels->classes;
    const ufm_model_settings model_settings = {settings->objective, dim, settings->threads};
    ufm_model *model = NULL;
    ufm_solution *made = NULL;
    ufm_status status = ufm_objective_bounded(labels, &settings->objective, error);
    if (status == UFM_OK && settings->grow) return solve_growing(labels, settings, solution, error);
    if (status == UFM_OK) status = ufm_model_new(labels, &model_settings, &model, error);
    if (status != UFM_OK) return status;
    made = ufm_alloc(1, sizeof *made);
    if (made) made->storage = ufm_alloc(ufm_model_size(model), sizeof(double));
    if (made && labels->count) made->features = ufm_alloc(dim * labels->columns, sizeof(double));
    if (!made || !made->storage || (labels->count && !made->features)) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld features of dimension %lld",
                          (long long)labels->columns, (long long)dim);
        goto cleanup;
    }
    status = ufm_model_start(model, settings->seed, settings->init_scale, made->storage);
    if (status != UFM_OK) goto cleanup;
    const ufm_function function = ufm_function_of_model(model);
    status = ufm_minimize(&function, &settings->minimize, made->storage, &made->info, error);
    if (status == UFM_OK && settings->objective.lambda_b == 0)
        status = ufm_model_minimize_bias(model, made->storage, error);
    if (status != UFM_OK) goto cleanup;
    made->point = ufm_model_point(model, made->storage, made->features);
    status = certify(labels, settings, made, error);
cleanup:
    ufm_model_free(model);
    if (status == UFM_OK) {
        *solution = made;
    } else {
        ufm_solution_free(made);
    }
    return status;
}

ufm_status ufm_gram_error(const ufm_point *point, double gram_scale, double mean_scale, double *error)
{
    const int64_t K = point->classes;
    double *gram = ufm_alloc(K * K, sizeof(double));
    if (!gram) return UFM_ERROR_MEMORY;
    const ufm_matrix W = ufm_view(point->W, K, point->dim);
    ufm_gemm(1, W, ufm_transpose(W), 0, ufm_view(gram, K, K));
    double sum = 0;
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = 0; k < K; k++) {
            const double predicted = gram_scale * (k == l) + (mean_scale - gram_scale) / (double)K;
            sum += (gram[k + l * K] - predicted) * (gram[k + l * K] - predicted);
        }
    const double size = hypot(gram_scale * sqrt((double)(K - 1)), mean_scale);
    *error = sqrt(sum) / (size > 0 ? size : 1);
    ufm_free(gram);
    return UFM_OK;
}

/* Worst |C_m/(fitted scale) - 1|. */
static double scale_error(const ufm_prediction *prediction, const ufm_metrics *metrics)
{
    double worst = NAN;
    for (int64_t l = 0; l < prediction->levels; l++) {
        if (isnan(prediction->scale[l])) continue;
        const double error = fabs(metrics->level[l].scale / prediction->scale[l] - 1);
        if (isnan(worst) || !(error <= worst)) worst = error;
        if (isnan(error)) break;
    }
    return worst;
}

/* Worst relative distance of a feature from C_m sum_{k in S} w_k + D_m sum_k w_k; `h` holds d numbers. */
static double feature_error(const ufm_solution *solution, const ufm_labels *labels,
                            const ufm_prediction *prediction, double *h)
{
    const ufm_point *p = &solution->point;
    double worst = NAN;
    for (int64_t i = 0, level = 0; i < p->columns; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, i);
        while (prediction->multiplicity[level] != set.tags) level = (level + 1) % prediction->levels;
        const double scale = isnan(prediction->scale[level]) ? 0 : prediction->scale[level];
        for (int64_t j = 0; j < p->dim; j++) {
            const double *column = p->W + j * p->classes;
            h[j] = -p->H[j + i * p->dim];
            for (int64_t k = 0; k < p->classes; k++) h[j] += prediction->common[level] * column[k];
            for (int64_t t = 0; t < set.tags; t++) h[j] += scale * column[set.tag[t]];
        }
        const double error = ufm_norm(p->dim, h) / ufm_norm(p->dim, p->H + i * p->dim);
        if (isnan(worst) || !(error <= worst)) worst = error;
        if (isnan(error)) break;
    }
    return worst;
}

ufm_status ufm_compare(const ufm_solution *solution, const ufm_labels *labels,
                       const ufm_prediction *prediction, const ufm_metrics *metrics,
                       ufm_comparison *comparison)
{
    const double objective = ufm_constraint_active(&solution->constraint) ? solution->constrained.objective
                                                                          : solution->certificate.objective;
    ufm_comparison result = {.objective_error =
                                 fabs(objective - prediction->objective) / fabs(prediction->objective)};
    double *h = ufm_alloc(solution->point.dim, sizeof *h);
    if (!h) return UFM_ERROR_MEMORY;
    result.scale_error = prediction->mean_scale > 0 ? feature_error(solution, labels, prediction, h)
                                                    : scale_error(prediction, metrics);
    ufm_free(h);
    const ufm_status status =
        ufm_gram_error(&solution->point, prediction->gram_scale, prediction->mean_scale, &result.gram_error);
    if (status == UFM_OK) *comparison = result;
    return status;
}
