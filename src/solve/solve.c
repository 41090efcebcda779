#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

ufm_solve_settings ufm_solve_defaults(void)
{
    return (ufm_solve_settings){.objective = {UFM_LOSS_PAL, 5e-4, 1e-4, 1e-3},
                                .seed = 1,
                                .init_scale = 0.3,
                                .gap_tolerance = 1e-6,
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

static ufm_status certify(const ufm_labels *labels, const ufm_solve_settings *settings,
                          ufm_solution *solution, ufm_error *error)
{
    ufm_certify_settings certify_settings = ufm_certify_defaults();
    certify_settings.gap_tolerance = settings->gap_tolerance;
    const double work =
        (double)solution->point.columns * (double)solution->point.classes * (double)solution->point.dim;
    if (work > 1e6) certify_settings.pool = ufm_pool_new(settings->threads); /* NULL would only be slower */
    const ufm_status status = ufm_certify(&solution->point, labels, &settings->objective, &certify_settings,
                                          &solution->certificate, error);
    ufm_pool_free(certify_settings.pool);
    return status;
}

ufm_status solve_check_bounded(const ufm_labels *labels, const ufm_objective *objective, ufm_error *error)
{
    if (objective->lambda_b > 0) return UFM_OK;
    bool *present = ufm_alloc(labels->classes, sizeof *present);
    if (!present) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to look at the classes");
    for (int64_t j = 0; j < labels->offset[labels->columns]; j++) present[labels->tag[j]] = true;
    int64_t absent = -1;
    for (int64_t k = 0; k < labels->classes && absent < 0; k++)
        if (!present[k]) absent = k;
    ufm_free(present);
    if (absent < 0) return UFM_OK;
    return ufm_fail(
        error, UFM_ERROR_USAGE,
        "class %lld is in no tag set, so the objective has no minimum while lambda_b = 0; give lambda_b > 0",
        (long long)absent);
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
    ufm_status status = solve_check_bounded(labels, &settings->objective, error);
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

ufm_status ufm_gram_error(const ufm_point *point, double gram_scale, double *error)
{
    const int64_t K = point->classes;
    double *gram = ufm_alloc(K * K, sizeof(double));
    if (!gram) return UFM_ERROR_MEMORY;
    const ufm_matrix W = ufm_view(point->W, K, point->dim);
    ufm_gemm(1, W, ufm_transpose(W), 0, ufm_view(gram, K, K));
    double sum = 0;
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = 0; k < K; k++) {
            const double etf = gram_scale * ((k == l) - 1 / (double)K);
            sum += (gram[k + l * K] - etf) * (gram[k + l * K] - etf);
        }
    *error = sqrt(sum) / (gram_scale > 0 ? gram_scale * sqrt((double)(K - 1)) : 1);
    ufm_free(gram);
    return UFM_OK;
}

ufm_status ufm_compare(const ufm_solution *solution, const ufm_prediction *prediction,
                       const ufm_metrics *metrics, ufm_comparison *comparison)
{
    const double objective = ufm_constraint_active(&solution->constraint) ? solution->constrained.objective
                                                                          : solution->certificate.objective;
    ufm_comparison result = {.objective_error =
                                 fabs(objective - prediction->objective) / fabs(prediction->objective),
                             .scale_error = NAN};
    for (int64_t l = 0; l < prediction->levels; l++) {
        if (isnan(prediction->scale[l])) continue;
        const double error = fabs(metrics->level[l].scale / prediction->scale[l] - 1);
        if (isnan(result.scale_error) || !(error <= result.scale_error)) result.scale_error = error;
        if (isnan(error)) break;
    }
    const ufm_status status = ufm_gram_error(&solution->point, prediction->gram_scale, &result.gram_error);
    if (status == UFM_OK) *comparison = result;
    return status;
}
