/* What a run has ended at. */
#include "multistart.h"
#include <math.h>
#include <ufmlab/linalg.h>

static const double gap_tolerance = 1e-9;       /* relative */
static const double gradient_tolerance = 1e-8;  /* at a local minimum */
static const double curvature_tolerance = 1e-9; /* relative to the Hessian's norm: zero modes are below */

/* Largest and smallest eigenvalue of the Hessian at worker->x. */
static ufm_status extreme_eigenvalues(multistart_worker *worker, double *least, double *norm,
                                      ufm_error *error)
{
    const int64_t n = ufm_model_size(worker->model);
    if (!worker->hessian) worker->hessian = ufm_alloc(n * n, sizeof(double));
    if (!worker->eigenvalues) worker->eigenvalues = ufm_alloc(n, sizeof(double));
    if (!worker->hessian || !worker->eigenvalues)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a Hessian of size %lld",
                        (long long)n);
    ufm_status status = ufm_hessian_dense(worker->model, worker->x, worker->hessian, error);
    if (status != UFM_OK) return status;
    status = ufm_symmetric_eigen(n, worker->hessian, false, worker->eigenvalues);
    if (status != UFM_OK)
        return ufm_fail(error, status, "the eigenvalues of a Hessian could not be computed");
    *least = worker->eigenvalues[0];
    *norm = fmax(fabs(worker->eigenvalues[0]), fabs(worker->eigenvalues[n - 1]));
    return UFM_OK;
}

/* Where the certificate leaves it open, the whole Hessian decides between saddle and local minimum. */
static ufm_status decide_by_hessian(multistart_worker *worker, ufm_run *run, ufm_error *error)
{
    if (!(run->gradient_norm <= gradient_tolerance)) return UFM_OK;
    if (ufm_model_size(worker->model) > UFM_HESSIAN_DENSE_MAX) return UFM_OK;
    double least = NAN, norm = NAN;
    const ufm_status status = extreme_eigenvalues(worker, &least, &norm, error);
    if (status != UFM_OK) return status;
    if (least >= -curvature_tolerance * norm) {
        run->local_minimum = true;
    } else if (run->gradient_norm <= 1e-2 * least * least) { /* as ufm_certify: a critical point is near */
        run->verdict = UFM_CERTIFIED_SADDLE;
    }
    return UFM_OK;
}

ufm_status multistart_judge(multistart_worker *worker, ufm_run *run, ufm_certificate *certificate,
                            ufm_error *error)
{
    const ufm_point point = ufm_model_point(worker->model, worker->x, worker->features);
    ufm_certify_settings settings = ufm_certify_defaults();
    settings.gap_tolerance = gap_tolerance;
    const ufm_status status =
        ufm_certify(&point, worker->labels, worker->objective, &settings, certificate, error);
    if (status != UFM_OK) return status;
    run->verdict = certificate->verdict;
    run->local_minimum = false;
    run->objective = certificate->objective;
    run->gap = certificate->gap;
    run->gradient_norm = certificate->gradient_norm;
    run->rank = certificate->rank;
    return run->verdict == UFM_CERTIFIED_INCONCLUSIVE ? decide_by_hessian(worker, run, error) : UFM_OK;
}
