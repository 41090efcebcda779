#include "prediction.h"
#include <math.h>

const char *ufm_phase_text(ufm_phase phase)
{
    return phase == UFM_PHASE_SEPARATED ? "separated" : "collapsed";
}

void ufm_prediction_free(ufm_prediction *prediction)
{
    if (!prediction) return;
    ufm_free(prediction->multiplicity);
    ufm_free(prediction->margin);
    ufm_free(prediction->scale);
    ufm_free(prediction->common);
    ufm_free(prediction->fraction);
    ufm_free(prediction);
}

ufm_prediction *ufm_prediction_new(const ufm_design *design, const long double *fraction, ufm_scaled samples)
{
    ufm_prediction *p = ufm_alloc(1, sizeof *p);
    if (!p) return NULL;
    p->classes = design->classes;
    p->levels = design->levels;
    p->multiplicity = ufm_alloc(p->levels, sizeof *p->multiplicity);
    p->margin = ufm_alloc(p->levels, sizeof *p->margin);
    p->scale = ufm_alloc(p->levels, sizeof *p->scale);
    p->common = ufm_alloc(p->levels, sizeof *p->common);
    p->fraction = ufm_alloc(p->levels, sizeof *p->fraction);
    p->proved = true;
    if (!p->multiplicity || !p->margin || !p->scale || !p->common || !p->fraction) {
        ufm_prediction_free(p);
        return NULL;
    }
    for (int64_t l = 0; l < p->levels; l++) {
        p->multiplicity[l] = design->multiplicity[l];
        p->fraction[l] = (double)fraction[l];
        p->scale[l] = NAN;
    }
    ufm_shares_text(design, samples, p->samples_total, sizeof p->samples_total);
    return p;
}

/* log(mu^2 N / (mu_c^2 N)), exact to rounding around 0; infinite when mu_c = 0. */
static long double log_excess(const ufm_critical *critical, const ufm_objective *objective)
{
    enum { MODERATE = 1000 };
    int of_w, of_h, of_limit;
    const long double w = frexpl((long double)objective->lambda_w, &of_w);
    const long double h = frexpl((long double)objective->lambda_h, &of_h);
    const long double limit = frexpl(critical->limit, &of_limit);
    if (limit == 0) return INFINITY;
    long double samples;
    const int64_t exponent = ufm_scaled_split(critical->samples, &samples) + of_w + of_h - of_limit;
    const long double fraction = 4 * w * h * samples / limit;
    if (exponent > -MODERATE && exponent < MODERATE) return logl(ldexpl(fraction, (int)exponent));
    return logl(fraction) + (long double)exponent * 0.693147180559945309417232121458176568L;
}

/* (N_m/N) omega_m m log(m + (K-m) e^{-delta}). */
static long double data_term(const ufm_prediction *p, const ufm_critical *critical, int64_t l, ufm_loss loss)
{
    const long double m = (long double)p->multiplicity[l], K = (long double)p->classes;
    const long double weight = (long double)ufm_loss_weight(loss, (double)m);
    const long double delta =
        l < critical->active && p->phase == UFM_PHASE_SEPARATED ? expl(critical->margin[l].log_margin) : 0;
    return critical->fraction[l] * weight * m * (logl(m) + log1pl((K - m) / m * expl(-delta)));
}

/* Everything that a separated optimum has beyond its objective; returns r. */
static long double fill_separated(ufm_prediction *p, const ufm_critical *critical,
                                  const ufm_objective *objective)
{
    long double square = 0; /* (r/sqrt N)^2 */
    for (int64_t l = 0; l < critical->active; l++)
        square += critical->margin[l].share * expl(2 * critical->margin[l].log_margin);
    const long double root_n = sqrtl(ufm_scaled_ratio(critical->samples, ufm_scaled_integer(1)));
    const long double r = sqrtl(square) * root_n;
    const long double balance =
        sqrtl((long double)objective->lambda_h) / sqrtl((long double)objective->lambda_w);
    p->r = (double)r;
    p->gram_scale = (double)(balance * r);
    p->weight_norm_squared = (double)(balance * r * (long double)(p->classes - 1) / (long double)p->classes);
    for (int64_t l = 0; l < critical->active; l++) {
        const long double delta = expl(critical->margin[l].log_margin);
        p->margin[l] = (double)delta;
        p->scale[l] = (double)(delta / (balance * r));
    }
    return r;
}

static double optimal_value(const ufm_prediction *p, const ufm_critical *critical,
                            const ufm_objective *objective, long double r)
{
    const long double mu =
        2 * sqrtl((long double)objective->lambda_w) * sqrtl((long double)objective->lambda_h);
    long double sum = mu * (long double)(p->classes - 1) * r;
    for (int64_t l = 0; l < p->levels; l++) sum += data_term(p, critical, l, objective->loss);
    return (double)sum;
}

/* Theorem 1 by its two scalar equations. */
static ufm_status predict_pal(const ufm_design *design, const ufm_objective *objective,
                              ufm_prediction **prediction, ufm_error *error)
{
    ufm_critical critical;
    ufm_status status = ufm_objective_check(objective, error);
    if (status == UFM_OK) status = ufm_critical_new(design, objective, &critical, error);
    if (status != UFM_OK) return status;
    ufm_prediction *p = ufm_prediction_new(design, critical.fraction, critical.samples);
    if (!p) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the prediction");
        goto cleanup;
    }
    const long double excess = log_excess(&critical, objective);
    p->mu = ufm_objective_mu(objective);
    p->mu_critical = (double)ufm_critical_mu(&critical);
    p->phase = excess < 0 ? UFM_PHASE_SEPARATED : UFM_PHASE_COLLAPSED;
    long double r = 0;
    if (p->phase == UFM_PHASE_SEPARATED) {
        ufm_margins_solve(critical.active, critical.margin, -excess);
        r = fill_separated(p, &critical, objective);
    }
    p->objective = optimal_value(p, &critical, objective, r);
    *prediction = p;
cleanup:
    ufm_critical_clear(&critical);
    return status;
}

ufm_status ufm_predict(const ufm_design *design, const ufm_objective *objective, ufm_prediction **prediction,
                       ufm_error *error)
{
    const bool scalar = objective->loss == UFM_LOSS_PAL || objective->loss == UFM_LOSS_PAL_N;
    return scalar ? predict_pal(design, objective, prediction, error)
                  : ufm_predict_reduced(design, objective, prediction, error);
}
