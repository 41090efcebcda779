#include "critical.h"
#include <math.h>
#include <ufmlab/theory.h>

ufm_status ufm_lambda_at(const ufm_design *design, double ratio, double balance, ufm_objective *objective,
                         ufm_error *error)
{
    if (!(ratio > 0 && isfinite(ratio) && balance > 0 && isfinite(balance)))
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "mu/mu_c = %g and lambda_w/lambda_h = %g; both must be positive and finite", ratio,
                        balance);
    ufm_critical critical;
    const ufm_status status = ufm_critical_new(design, objective, &critical, error);
    if (status != UFM_OK) return status;
    const long double half = (long double)ratio * ufm_critical_mu(&critical) / 2;
    ufm_critical_clear(&critical);
    const double lambda_w = (double)(half * sqrtl((long double)balance));
    const double lambda_h = (double)(half / sqrtl((long double)balance));
    if (!(isnormal(lambda_w) && isnormal(lambda_h)))
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "lambda_w = %g, lambda_h = %g at %g mu_c; a design with a multiplicity below K and fewer "
            "samples, or another ratio, gives numbers in range",
            lambda_w, lambda_h, ratio);
    objective->lambda_w = lambda_w;
    objective->lambda_h = lambda_h;
    return UFM_OK;
}
