/* All eigenvalues of the Hessian, by LAPACK. */
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

ufm_status ufm_spectrum(ufm_model *model, const double *x, double *eigenvalues, ufm_error *error)
{
    const int64_t n = ufm_model_size(model);
    double *hessian = ufm_alloc(n, (size_t)n * sizeof *hessian);
    if (!hessian)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a Hessian of size %lld",
                        (long long)n);
    ufm_status status = ufm_hessian_dense(model, x, hessian, error);
    if (status == UFM_OK && ufm_symmetric_eigen(n, hessian, false, eigenvalues) != UFM_OK)
        status = ufm_fail(error, UFM_ERROR_NUMERIC, "the eigenvalues of the Hessian (size %lld) failed",
                          (long long)n);
    ufm_free(hessian);
    return status;
}
