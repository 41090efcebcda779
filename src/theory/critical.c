#include "critical.h"
#include <math.h>

/* The loss's slope at equal logits over that of the cross-entropy. */
static long double slope_at_zero(const ufm_objective *objective, long double K)
{
    const long double parameter = objective->parameter, q = 1 - 1 / K;
    if (objective->loss == UFM_LOSS_PAL_SMOOTH) return 1 - parameter;
    if (objective->loss == UFM_LOSS_PAL_FOCAL)
        return powl(q, parameter) + parameter * logl(K) / K * powl(q, parameter - 1);
    return 1;
}

static void fill_margins(const ufm_design *design, const ufm_objective *objective, ufm_critical *critical)
{
    const long double K = (long double)design->classes;
    for (int64_t l = 0; l < critical->active; l++) {
        const long double m = (long double)design->multiplicity[l];
        critical->margin[l] = (ufm_margin){.share = critical->fraction[l] * (m / K) * ((K - m) / (K - 1)),
                                           .weight = (long double)ufm_loss_weight(objective->loss, (double)m),
                                           .part = m / K,
                                           .rest = (K - m) / K};
    }
    const long double chi = slope_at_zero(objective, K);
    critical->limit = chi * chi * ufm_margins_limit(critical->active, critical->margin);
}

ufm_status ufm_critical_new(const ufm_design *design, const ufm_objective *objective, ufm_critical *critical,
                            ufm_error *error)
{
    *critical = (ufm_critical){0};
    ufm_status status = ufm_shares_check(design, error);
    if (status != UFM_OK) return status;
    const int64_t levels = design->levels;
    critical->levels = levels;
    critical->active = levels - (design->multiplicity[levels - 1] == design->classes);
    critical->fraction = ufm_alloc(levels, sizeof *critical->fraction);
    critical->margin = ufm_alloc(levels, sizeof *critical->margin);
    status = critical->fraction && critical->margin
                 ? ufm_shares_compute(design, critical->fraction, &critical->samples)
                 : UFM_ERROR_MEMORY;
    if (status != UFM_OK) {
        ufm_critical_clear(critical);
        return ufm_fail(error, status, "not enough memory for %lld multiplicities", (long long)levels);
    }
    fill_margins(design, objective, critical);
    return UFM_OK;
}

void ufm_critical_clear(ufm_critical *critical)
{
    ufm_free(critical->fraction);
    ufm_free(critical->margin);
    *critical = (ufm_critical){0};
}

long double ufm_critical_mu(const ufm_critical *critical)
{
    const long double ratio = ufm_scaled_ratio(ufm_scaled_integer(1), critical->samples);
    return sqrtl(critical->limit) * sqrtl(ratio);
}
