/* Balanced optima under constraints: scalar monotone equations, solved by bisection. */
#include "prediction.h"
#include <math.h>
#include <ufmlab/theory.h>

typedef struct {
    const ufm_objective *objective;
    const ufm_constraint *constraint;
    ufm_prediction *prediction;
    long double K, N, mu;
    long double *fraction; /* [levels] N_m/N */
    long double *factor;   /* [levels] slope a_m of the margin in |w| (spheres) */
} constrained_theory;

/* The root of a function that falls on [0, infinity), positive at 0; 0 when it is not. */
typedef long double falling(const void *context, long double x);
static long double root(falling *function, const void *context)
{
    enum { DOUBLINGS = 16000, BISECTIONS = 140 };
    long double low = 0, high = 1;
    if (!(function(context, 0) > 0)) return 0;
    for (int i = 0; i < DOUBLINGS && function(context, high) > 0; i++) high *= 2;
    while (low == 0 && high > 1e-4000L && function(context, high / 2) <= 0) high /= 2;
    for (int i = 0; i < BISECTIONS; i++) {
        const long double middle = 0.5L * (low + high);
        *(function(context, middle) > 0 ? &low : &high) = middle;
    }
    return 0.5L * (low + high);
}

static long double multiplicity(const constrained_theory *t, int64_t l)
{
    return (long double)t->prediction->multiplicity[l];
}

static long double weight(const constrained_theory *t, int64_t l)
{
    return (long double)ufm_loss_weight(t->objective->loss, (double)t->prediction->multiplicity[l]);
}

/* The loss of all samples of level l at margin delta, without N_m/N: omega m log(m + (K-m) e^{-delta}). */
static long double loss(const constrained_theory *t, int64_t l, long double delta)
{
    const long double m = multiplicity(t, l);
    return weight(t, l) * m * (logl(m) + log1pl((t->K - m) / m * expl(-delta)));
}

/* omega/(m e^delta + K - m), never infinite. */
static long double slope(const constrained_theory *t, int64_t l, long double delta)
{
    const long double m = multiplicity(t, l), small = expl(-delta);
    return weight(t, l) * small / (m + (t->K - m) * small);
}

typedef struct {
    const constrained_theory *theory;
    int64_t level;
    long double gain, cost, stretch; /* gain slope(stretch x) = cost x */
} margin_equation;

static long double margin_excess(const void *context, long double x)
{
    const margin_equation *eq = context;
    return eq->gain * slope(eq->theory, eq->level, eq->stretch * x) - eq->cost * x;
}

/* ---- Fixed classifier ---- */

static void fixed_classifier(constrained_theory *t)
{
    const ufm_constraint *c = t->constraint;
    const long double alpha = c->classifier_norm, rho = c->feature_norm, lambda_h = t->objective->lambda_h;
    const long double gram = alpha * alpha * t->K / (t->K - 1);
    long double sum = t->objective->lambda_w * alpha * alpha * t->K;
    for (int64_t l = 0; l < t->prediction->levels; l++) {
        const long double m = multiplicity(t, l), length = alpha * sqrtl(m * (t->K - m) / (t->K - 1));
        const bool nonnegative = c->features == UFM_FEATURES_NONNEGATIVE;
        long double delta = 0, square = 0; /* |h_S|^2 */
        if (c->features == UFM_FEATURES_SPHERE) {
            delta = m < t->K ? rho / length * gram : 0;
            square = rho * rho;
        } else if (m < t->K) {
            const margin_equation eq = {t, l, (nonnegative ? t->K - m : t->K) / t->N, 2 * lambda_h / gram, 1};
            delta = root(margin_excess, &eq);
            square = nonnegative ? delta * delta / gram * m : delta * delta / (gram * gram) * length * length;
        }
        t->prediction->margin[l] = (double)delta;
        if (m < t->K && !nonnegative) t->prediction->scale[l] = (double)(delta / gram);
        sum += t->fraction[l] * (loss(t, l, delta) + lambda_h * t->N * square);
    }
    t->prediction->gram_scale = (double)gram;
    t->prediction->objective = (double)sum;
}

/* ---- Features on spheres ---- */

/* Minus the derivative of the objective in w = |w_k|. */
static long double sphere_descent(const void *context, long double w)
{
    const constrained_theory *t = context;
    long double sum = -2 * t->objective->lambda_w * t->K * w;
    for (int64_t l = 0; l < t->prediction->levels; l++) {
        const long double m = multiplicity(t, l);
        sum += t->fraction[l] * m * (t->K - m) * t->factor[l] * slope(t, l, t->factor[l] * w);
    }
    return sum;
}

static void sphere(constrained_theory *t)
{
    const long double rho = t->constraint->feature_norm, K = t->K;
    for (int64_t l = 0; l < t->prediction->levels; l++) {
        const long double m = multiplicity(t, l);
        t->factor[l] = m < K ? rho * K / sqrtl((K - 1) * m * (K - m)) : 0;
    }
    const long double w = root(sphere_descent, t), gram = w * w * K / (K - 1);
    long double sum = t->objective->lambda_w * K * w * w + t->objective->lambda_h * t->N * rho * rho;
    for (int64_t l = 0; l < t->prediction->levels; l++) {
        const long double delta = t->factor[l] * w;
        t->prediction->margin[l] = (double)delta;
        if (t->factor[l] > 0 && w > 0) t->prediction->scale[l] = (double)(delta / gram);
        sum += t->fraction[l] * loss(t, l, delta);
    }
    t->prediction->gram_scale = (double)gram;
    t->prediction->objective = (double)sum;
}

/* ---- Non-negative features ----
 * With c_m = (N_m/N) m/(K-1) = K/(K-m) kappa_m/N and x_m = delta_m/q, q^2 = sum c_m delta_m^2:
 * (K-m) slope(x_m q) = mu sqrt(N) x_m and sum c_m x_m^2 = 1, whose left side falls in q. */
static long double share_x(const constrained_theory *t, int64_t l, long double q)
{
    const long double m = multiplicity(t, l);
    const margin_equation eq = {t, l, t->K - m, t->mu * sqrtl(t->N), q};
    return m < t->K ? root(margin_excess, &eq) : 0;
}

static long double nonnegative_excess(const void *context, long double q)
{
    const constrained_theory *t = context;
    long double sum = -1;
    for (int64_t l = 0; l < t->prediction->levels; l++) {
        const long double x = share_x(t, l, q);
        sum += t->fraction[l] * multiplicity(t, l) / (t->K - 1) * x * x;
    }
    return sum;
}

static void nonnegative(constrained_theory *t)
{
    ufm_prediction *p = t->prediction;
    const long double q = root(nonnegative_excess, t), r = q * sqrtl(t->N);
    long double sum = t->mu * (t->K - 1) * r, critical = 0;
    for (int64_t l = 0; l < p->levels; l++) {
        const long double m = multiplicity(t, l), start = weight(t, l) * (t->K - m) / t->K;
        const long double delta = q > 0 ? share_x(t, l, q) * q : 0;
        critical += t->fraction[l] * m / (t->K - 1) * start * start;
        p->margin[l] = (double)delta;
        sum += t->fraction[l] * loss(t, l, delta);
    }
    p->mu_critical = (double)sqrtl(critical / t->N);
    p->phase = q > 0 ? UFM_PHASE_SEPARATED : UFM_PHASE_COLLAPSED;
    p->r = (double)r;
    p->gram_scale = (double)(sqrtl((long double)t->objective->lambda_h / t->objective->lambda_w) * r);
    p->objective = (double)sum;
}

/* ---- Both ---- */

static ufm_status check(const ufm_design *design, const ufm_objective *objective,
                        const ufm_constraint *constraint, ufm_error *error)
{
    ufm_status status = ufm_objective_check(objective, error);
    if (status == UFM_OK) status = ufm_shares_check(design, error);
    if (status == UFM_OK) status = ufm_constraint_check(constraint, design->classes, design->classes, error);
    if (status != UFM_OK) return status;
    if (!ufm_constraint_active(constraint))
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED, "there is no constraint; ufm_predict is for that case");
    if (objective->loss != UFM_LOSS_PAL && objective->loss != UFM_LOSS_PAL_N)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "there is no closed form under constraints for loss %s; pal and pal-n have one",
                        ufm_loss_name(objective->loss));
    return UFM_OK;
}

static ufm_status fill_design(const ufm_design *design, constrained_theory *t, ufm_error *error)
{
    ufm_scaled samples;
    t->fraction = ufm_alloc(design->levels, sizeof *t->fraction);
    t->factor = ufm_alloc(design->levels, sizeof *t->factor);
    if (!t->fraction || !t->factor) return UFM_ERROR_MEMORY;
    const ufm_status status = ufm_shares_compute(design, t->fraction, &samples);
    if (status != UFM_OK) return status;
    t->K = (long double)design->classes;
    t->N = ufm_scaled_ratio(samples, ufm_scaled_integer(1));
    if (!(t->N < 1e300L))
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED, "the design has more than 1e300 samples");
    ufm_prediction *p = t->prediction = ufm_prediction_new(design, t->fraction, samples);
    if (!p) return UFM_ERROR_MEMORY;
    t->mu = 2 * sqrtl((long double)t->objective->lambda_w) * sqrtl((long double)t->objective->lambda_h);
    p->mu = (double)t->mu;
    p->mu_critical = p->r = NAN;
    return UFM_OK;
}

ufm_status ufm_predict_constrained(const ufm_design *design, const ufm_objective *objective,
                                   const ufm_constraint *constraint, ufm_prediction **prediction,
                                   ufm_error *error)
{
    ufm_status status = check(design, objective, constraint, error);
    if (status != UFM_OK) return status;
    constrained_theory theory = {.objective = objective, .constraint = constraint};
    status = fill_design(design, &theory, error);
    if (status == UFM_OK) {
        if (constraint->classifier == UFM_CLASSIFIER_ETF) {
            fixed_classifier(&theory);
        } else if (constraint->features == UFM_FEATURES_SPHERE) {
            sphere(&theory);
        } else {
            nonnegative(&theory);
        }
        theory.prediction->weight_norm_squared =
            theory.prediction->gram_scale * (double)(design->classes - 1) / (double)design->classes;
        const bool frame =
            constraint->classifier != UFM_CLASSIFIER_ETF && constraint->features == UFM_FEATURES_NONNEGATIVE;
        theory.prediction->proved = !frame || design->multiplicity[design->levels - 1] == 1;
        *prediction = theory.prediction;
    } else {
        if (status == UFM_ERROR_MEMORY) ufm_fail(error, status, "not enough memory for the prediction");
        ufm_prediction_free(theory.prediction);
    }
    ufm_free(theory.fraction);
    ufm_free(theory.factor);
    return status;
}
