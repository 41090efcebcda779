/* The dense Hessian, column by column. */
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

ufm_status ufm_hessian_dense(ufm_model *model, const double *x, double *hessian, ufm_error *error)
{
    const int64_t n = ufm_model_size(model);
    double *unit = ufm_alloc(n, sizeof *unit);
    if (!unit)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a Hessian of size %lld",
                        (long long)n);
    for (int64_t j = 0; j < n; j++) {
        unit[j] = 1;
        ufm_model_hessian_vector(model, x, unit, hessian + j * n);
        unit[j] = 0;
    }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < j; i++)
            hessian[i + j * n] = hessian[j + i * n] = 0.5 * (hessian[i + j * n] + hessian[j + i * n]);
    ufm_free(unit);
    return UFM_OK;
}
