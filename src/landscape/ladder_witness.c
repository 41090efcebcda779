/* The gradient over the logits, its singular values and the direction of negative curvature (proof note 11).
 */
#include "ladder.h"
#include <math.h>
#include <ufmlab/linalg.h>

static double square(double x)
{
    return x * x;
}

void ladder_loss_gradient(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *point,
                          double *G)
{
    const int64_t K = point->classes;
    ufm_gemm(1, ufm_view(point->W, K, point->dim), ufm_view(point->H, point->dim, point->columns), 0,
             ufm_view(G, K, point->columns));
    for (int64_t i = 0; i < point->columns; i++) {
        double *g = G + i * K;
        for (int64_t k = 0; k < K; k++) g[k] += point->b[k];
        (void)ufm_model_loss(objective, ufm_labels_set(labels, i), g);
        ufm_scale(K, sqrt((double)ufm_labels_count(labels, i)) / (double)labels->samples, g);
    }
}

/* G (K x columns), the eigenvectors of G G^T (K x K) and its eigenvalues (K), ascending. */
typedef struct {
    double *G, *vectors, *values;
} loss_modes;

static void free_modes(loss_modes *modes)
{
    ufm_free(modes->G);
    ufm_free(modes->vectors);
    ufm_free(modes->values);
}

static ufm_status find_modes(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *point,
                             loss_modes *modes)
{
    const int64_t K = point->classes;
    *modes = (loss_modes){ufm_alloc(K * point->columns, sizeof(double)), ufm_alloc(K * K, sizeof(double)),
                          ufm_alloc(K, sizeof(double))};
    if (!modes->G || !modes->vectors || !modes->values) return UFM_ERROR_MEMORY;
    ladder_loss_gradient(labels, objective, point, modes->G);
    const ufm_matrix G = ufm_view(modes->G, K, point->columns);
    ufm_gemm(1, G, ufm_transpose(G), 0, ufm_view(modes->vectors, K, K));
    return ufm_symmetric_eigen(K, modes->vectors, true, modes->values);
}

ufm_status ladder_count_above(const ufm_labels *labels, const ufm_objective *objective,
                              const ufm_point *point, int64_t *above, ufm_error *error)
{
    loss_modes modes;
    const ufm_status status = find_modes(labels, objective, point, &modes);
    const double limit = square(ufm_objective_mu(objective) * (1 + 1e-8));
    int64_t count = 0;
    for (int64_t k = 0; status == UFM_OK && k < point->classes; k++) count += modes.values[k] > limit;
    free_modes(&modes);
    if (status != UFM_OK)
        return ufm_fail(error, status, "the singular values of the loss gradient are not there");
    *above = count;
    return UFM_OK;
}

/* Unit vector that W and H ignore most: eigenvector of lambda_w W^T W + lambda_h H H^T to the least
 * eigenvalue. Columns of W and rows of H that are exactly zero give a unit coordinate vector. */
static ufm_status find_spare(const ufm_objective *objective, const ufm_point *point, double *a)
{
    const int64_t d = point->dim;
    const ufm_matrix W = ufm_view(point->W, point->classes, d), H = ufm_view(point->H, d, point->columns);
    double *gram = ufm_alloc(d * d, sizeof *gram), *values = ufm_alloc(d, sizeof *values);
    ufm_status status = gram && values ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    ufm_gemm(objective->lambda_w, ufm_transpose(W), W, 0, ufm_view(gram, d, d));
    ufm_gemm(objective->lambda_h, H, ufm_transpose(H), 1, ufm_view(gram, d, d));
    status = ufm_symmetric_eigen(d, gram, true, values);
    for (int64_t j = 0; status == UFM_OK && j < d; j++) a[j] = gram[j];
cleanup:
    ufm_free(gram);
    ufm_free(values);
    return status;
}

ufm_status ladder_witness(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *point,
                          double *direction, ufm_error *error)
{
    const int64_t K = point->classes, d = point->dim, n = point->columns;
    const double lw = objective->lambda_w, lh = objective->lambda_h;
    loss_modes modes = {0};
    double *a = ufm_alloc(d, sizeof *a);
    ufm_status status = a ? find_spare(objective, point, a) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = find_modes(labels, objective, point, &modes);
    if (status == UFM_OK && !(modes.values[K - 1] > 0)) status = UFM_ERROR_NUMERIC;
    if (status != UFM_OK) {
        ufm_fail(error, status, "the escape direction could not be computed: %s", ufm_status_text(status));
        goto cleanup;
    }
    /* (alpha, beta): lower eigenvector of [[2 lw, -sigma], [-sigma, 2 lh]] */
    const double *u = modes.vectors + (K - 1) * K, sigma = sqrt(modes.values[K - 1]);
    const double y = lw - lh + hypot(lw - lh, sigma), length = hypot(sigma, y);
    const double alpha = sigma / length, beta = y / length;
    double *dW = direction, *dH = dW + K * d, *db = dH + d * n;
    for (int64_t j = 0; j < d; j++)
        for (int64_t k = 0; k < K; k++) dW[k + j * K] = alpha * u[k] * a[j];
    for (int64_t i = 0; i < n; i++) {
        const double v = ufm_dot(K, u, modes.G + i * K) / sigma;
        for (int64_t j = 0; j < d; j++) dH[j + i * d] = -beta * v * a[j];
    }
    for (int64_t k = 0; k < K; k++) db[k] = 0;
cleanup:
    free_modes(&modes);
    ufm_free(a);
    return status;
}
