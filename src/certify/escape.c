/* Directions in which W can leave its range. */
#include "internal.h"
#include <math.h>
#include <string.h>

/* Left singular vectors of W below this share of the largest singular value are not in its range. */
static const double range_tolerance = 1e-10;

void ufm_escape_free(ufm_escape *escape)
{
    if (!escape) return;
    ufm_free(escape->sigma);
    ufm_free(escape->u);
    ufm_free(escape);
}

/* outer <- (I - Q Q^T) outer (I - Q Q^T) for an orthonormal basis Q of the range of W. */
static ufm_status leave_range(const ufm_point *p, double *outer)
{
    const int64_t K = p->classes, d = p->dim, r = d < K ? d : K;
    double *W = ufm_alloc(K * d, sizeof(double)), *Q = ufm_alloc(K * r, sizeof(double));
    double *s = ufm_alloc(r, sizeof(double)), *vt = ufm_alloc(r * d, sizeof(double));
    double *part = ufm_alloc(r * K, sizeof(double));
    ufm_status status = W && Q && s && vt && part ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        memcpy(W, p->W, (size_t)(K * d) * sizeof(double));
        status = ufm_svd(ufm_view(W, K, d), Q, s, vt);
    }
    int64_t rank = 0;
    while (status == UFM_OK && rank < r && s[rank] > range_tolerance * s[0]) rank++;
    if (rank > 0) {
        const ufm_matrix basis = ufm_view(Q, K, rank), A = ufm_view(outer, K, K);
        const ufm_matrix rows = ufm_view(part, rank, K), columns = ufm_view(part, K, rank);
        ufm_gemm(1, ufm_transpose(basis), A, 0, rows);
        ufm_gemm(-1, basis, rows, 1, A);
        ufm_gemm(1, A, basis, 0, columns);
        ufm_gemm(-1, columns, ufm_transpose(basis), 1, A);
    }
    ufm_free(W);
    ufm_free(Q);
    ufm_free(s);
    ufm_free(vt);
    ufm_free(part);
    return status;
}

/* The eigenvalues above mu^2, from the largest, at most `most` of them. */
static ufm_status publish(int64_t K, double mu, int64_t most, const double *values, const double *vectors,
                          ufm_escape **escape)
{
    ufm_escape *made = ufm_alloc(1, sizeof *made);
    if (!made) return UFM_ERROR_MEMORY;
    while (made->count < K && values[K - 1 - made->count] > mu * mu) made->count++;
    made->total = made->count;
    if (made->count > most) made->count = most;
    made->sigma = ufm_alloc(made->count + 1, sizeof(double));
    made->u = ufm_alloc(K * made->count + 1, sizeof(double));
    if (!made->sigma || !made->u) {
        ufm_escape_free(made);
        return UFM_ERROR_MEMORY;
    }
    for (int64_t j = 0; j < made->count; j++) {
        made->sigma[j] = sqrt(values[K - 1 - j]);
        memcpy(made->u + j * K, vectors + (K - 1 - j) * K, (size_t)K * sizeof(double));
    }
    *escape = made;
    return UFM_OK;
}

ufm_status ufm_certify_escape(const ufm_point *point, const ufm_labels *labels,
                              const ufm_objective *objective, const ufm_certify_settings *settings,
                              int64_t most, ufm_escape **escape, ufm_error *error)
{
    const int64_t K = labels->classes;
    const certify_problem problem = {point, labels, objective, settings->pool};
    ufm_status status = ufm_objective_check(objective, error);
    if (status == UFM_OK) status = certify_check_point(point, labels, error);
    if (status != UFM_OK) return status;
    certify_sums sums = {0};
    double *values = ufm_alloc(K, sizeof(double));
    status = values ? certify_accumulate(&problem, &sums) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = leave_range(point, sums.outer);
    if (status == UFM_OK) status = ufm_symmetric_eigen(K, sums.outer, true, values);
    if (status == UFM_OK) status = publish(K, ufm_objective_mu(objective), most, values, sums.outer, escape);
    if (status != UFM_OK)
        ufm_fail(error, status, "the ways down could not be computed: %s", ufm_status_text(status));
    certify_sums_free(&sums);
    ufm_free(values);
    return status;
}
