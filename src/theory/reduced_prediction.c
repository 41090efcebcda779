/* From the reduced problem's solution to the optimum it describes. */
#include "prediction.h"
#include "reduced.h"
#include <math.h>
#include <ufmlab/linalg.h>

static ufm_status fill_problem(const ufm_design *design, const ufm_objective *objective,
                               const ufm_critical *critical, reduced_problem *problem)
{
    const double K = (double)design->classes;
    *problem = (reduced_problem){.objective = *objective,
                                 .classes = K,
                                 .levels = design->levels,
                                 .level = ufm_alloc(design->levels, sizeof *problem->level)};
    if (!problem->level) return UFM_ERROR_MEMORY;
    const long double samples = ufm_scaled_ratio(critical->samples, ufm_scaled_integer(1));
    problem->strength = (double)(2 * sqrtl((long double)objective->lambda_w) *
                                 sqrtl((long double)objective->lambda_h * samples));
    for (int64_t l = 0; l < design->levels; l++)
        problem->level[l] =
            (reduced_level){.m = (double)design->multiplicity[l],
                            .share = (double)critical->fraction[l],
                            .spread = l < critical->active ? (double)critical->margin[l].share : 0};
    return isfinite(problem->strength) ? UFM_OK : UFM_ERROR_UNSUPPORTED;
}

/* With W W^T = balance (r (I - J/K) + A J/K) and H = (1/balance) W^T (r^{-1} (I - J/K) + A^{-1} J/K) Z,
 * balance = sqrt(lambda_h/lambda_w). */
static void fill(const reduced_problem *problem, double root_n, ufm_prediction *p)
{
    const double K = problem->classes;
    const double balance = sqrt(problem->objective.lambda_h) / sqrt(problem->objective.lambda_w);
    double rho = 0, alpha = 0;
    for (int64_t l = 0; l < p->levels; l++) {
        rho += problem->level[l].spread * problem->level[l].delta * problem->level[l].delta;
        alpha += K * problem->level[l].share * problem->level[l].a * problem->level[l].a;
    }
    const double r = sqrt(rho) * root_n, A = sqrt(alpha) * root_n;
    p->phase = r > 0 ? UFM_PHASE_SEPARATED : UFM_PHASE_COLLAPSED;
    p->r = r;
    p->gram_scale = balance * r;
    p->mean_scale = balance * A;
    p->weight_norm_squared = (p->gram_scale * (K - 1) + p->mean_scale) / K;
    p->bias = problem->beta;
    p->objective = problem->value;
    p->proved = problem->proved;
    for (int64_t l = 0; l < p->levels; l++) {
        const reduced_level *level = &problem->level[l];
        p->margin[l] = level->delta;
        if (r > 0 && level->spread > 0) p->scale[l] = level->delta / (balance * r);
        if (A > 0)
            p->common[l] =
                (level->a / A - (r > 0 && level->spread > 0 ? level->delta * level->m / (K * r) : 0)) /
                balance;
    }
}

ufm_status ufm_predict_reduced(const ufm_design *design, const ufm_objective *objective,
                               ufm_prediction **prediction, ufm_error *error)
{
    ufm_critical critical;
    reduced_problem problem = {0};
    ufm_prediction *p = NULL;
    ufm_status status = ufm_objective_check(objective, error);
    if (status == UFM_OK) status = ufm_critical_new(design, objective, &critical, error);
    if (status != UFM_OK) return status;
    p = ufm_prediction_new(design, critical.fraction, critical.samples);
    status = p ? fill_problem(design, objective, &critical, &problem) : UFM_ERROR_MEMORY;
    if (status != UFM_OK) {
        ufm_fail(error, status, "%s",
                 status == UFM_ERROR_MEMORY ? "not enough memory for the prediction"
                                            : "so many samples are out of range for this loss; pal has none");
        goto cleanup;
    }
    status = reduced_solve(&problem, error);
    if (status != UFM_OK) goto cleanup;
    const double root_n = (double)sqrtl(ufm_scaled_ratio(critical.samples, ufm_scaled_integer(1)));
    p->mu = ufm_objective_mu(objective);
    p->mu_critical = problem.critical / root_n;
    fill(&problem, root_n, p);
    *prediction = p;
    p = NULL;
cleanup:
    ufm_prediction_free(p);
    ufm_free(problem.level);
    ufm_critical_clear(&critical);
    return status;
}
