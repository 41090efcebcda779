/* One critical point: embedded, certified, and its curvature by three methods. */
#include "ladder.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

ufm_status ladder_solution(ufm_model *model, const double *x, const ufm_labels *labels,
                           const ufm_objective *objective, ufm_solution **solution, ufm_error *error)
{
    const int64_t n = ufm_model_size(model);
    const int64_t dim = (n - labels->classes) / (labels->classes + labels->columns);
    ufm_solution *made = ufm_alloc(1, sizeof *made);
    if (made) made->storage = ufm_alloc(n, sizeof(double));
    if (made && labels->count) made->features = ufm_alloc(dim * labels->columns, sizeof(double));
    if (!made || !made->storage || (labels->count && !made->features)) {
        ufm_solution_free(made);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a point of %lld numbers",
                        (long long)n);
    }
    memcpy(made->storage, x, (size_t)n * sizeof(double));
    made->point = ufm_model_point(model, made->storage, made->features);
    ufm_certify_settings settings = ufm_certify_defaults();
    settings.gap_tolerance = ladder_gap;
    const ufm_status status =
        ufm_certify(&made->point, labels, objective, &settings, &made->certificate, error);
    if (status == UFM_OK) {
        *solution = made;
    } else {
        ufm_solution_free(made);
    }
    return status;
}

/* The Hessian at x times `sign`. */
typedef struct {
    ufm_model *model;
    const double *x;
    double sign;
} hessian_operator;

static void multiply(void *context, const double *v, double *product)
{
    const hessian_operator *op = context;
    ufm_model_hessian_vector(op->model, op->x, v, product);
    if (op->sign < 0) ufm_scale(ufm_model_size(op->model), -1, product);
}

ufm_status ladder_eigenvalue(ufm_model *model, const double *x, ladder_end end, double *value,
                             ufm_error *error)
{
    hessian_operator op = {model, x, end == LADDER_LARGEST ? -1 : 1};
    double least;
    const ufm_status status = ufm_lanczos_smallest(ufm_model_size(model), multiply, &op, 1, &least, NULL);
    if (status != UFM_OK)
        return ufm_fail(error, status, "an extreme eigenvalue of the Hessian was not found: %s",
                        ufm_status_text(status));
    *value = op.sign * least;
    return UFM_OK;
}

/* Eigenvalues below 1e-10 of the Hessian's norm vanish; where some are too near to that to tell, the counts
 * are -1. */
static void count_signs(int64_t n, const double *values, ufm_saddle *saddle)
{
    const double norm = fmax(fabs(values[0]), fabs(values[n - 1]));
    int64_t negative = 0, zero = 0;
    saddle->lambda_min_dense = values[0];
    for (int64_t i = 0; i < n; i++) {
        const double share = fabs(values[i]) / norm;
        if (share > 1e-11 && share < 1e-9) return;
        if (!(share > 1e-10)) {
            zero++;
        } else if (values[i] < 0) {
            negative++;
        }
    }
    saddle->morse_index = negative;
    saddle->zero_modes = zero;
}

static ufm_status describe_dense(ufm_model *model, const double *x, ufm_saddle *saddle, ufm_error *error)
{
    const int64_t n = ufm_model_size(model);
    saddle->lambda_min_dense = NAN;
    saddle->morse_index = saddle->zero_modes = -1;
    if (n > UFM_HESSIAN_DENSE_MAX) return UFM_OK;
    double *hessian = ufm_alloc(n * n, sizeof *hessian), *values = ufm_alloc(n, sizeof *values);
    ufm_status status =
        hessian && values
            ? UFM_OK
            : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a Hessian of size %lld", (long long)n);
    if (status == UFM_OK) status = ufm_hessian_dense(model, x, hessian, error);
    if (status == UFM_OK) {
        status = ufm_symmetric_eigen(n, hessian, false, values);
        if (status != UFM_OK) ufm_fail(error, status, "LAPACK did not find the Hessian's eigenvalues");
    }
    if (status == UFM_OK) count_signs(n, values, saddle);
    ufm_free(hessian);
    ufm_free(values);
    return status;
}

ufm_status ladder_describe(ufm_model *model, const double *x, const ufm_labels *labels,
                           const ufm_objective *objective, ufm_saddle *saddle, ufm_error *error)
{
    ufm_solution *solution = NULL;
    ufm_saddle made = *saddle;
    double *gradient = ufm_alloc(ufm_model_size(model), sizeof *gradient);
    if (!gradient) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a gradient");
    made.objective = ufm_model_gradient(model, x, gradient);
    made.gradient_norm = ufm_norm(ufm_model_size(model), gradient);
    ufm_free(gradient);
    ufm_status status = ladder_solution(model, x, labels, objective, &solution, error);
    if (status != UFM_OK) return status;
    const ufm_certificate *c = &solution->certificate;
    const int64_t d = solution->point.dim, rank = made.rank;
    int64_t above = 0;
    made.sigma1_over_mu = c->sigma1 / c->mu;
    made.lambda_min_formula = c->lambda_neg;
    status = ladder_count_above(labels, objective, &solution->point, &above, error);
    if (status == UFM_OK) status = ladder_eigenvalue(model, x, LADDER_SMALLEST, &made.lambda_min, error);
    if (status == UFM_OK) status = describe_dense(model, x, &made, error);
    made.morse_index_predicted = (d - rank) * above;
    made.zero_modes_predicted = rank * (d - rank) + rank * (rank - 1) / 2 +
                                (objective->lambda_b == 0 && ufm_loss_shift_free(objective->loss));
    if (status == UFM_OK) {
        made.solution = solution;
        *saddle = made;
    } else {
        ufm_solution_free(solution);
    }
    return status;
}
