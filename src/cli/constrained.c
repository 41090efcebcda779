/* What solve and certify share about constraints. */
#include "cli.h"
#include <math.h>

ufm_status read_constraint(const options *opts, ufm_constraint *constraint, ufm_error *error)
{
    ufm_constraint made = {0};
    ufm_status status = ufm_features_parse(opts->value[OPT_FEATURES].text, &made.features, error);
    if (status == UFM_OK)
        status = ufm_classifier_parse(opts->value[OPT_CLASSIFIER].text, &made.classifier, error);
    if (status != UFM_OK) return status;
    if (made.features == UFM_FEATURES_SPHERE) {
        made.feature_norm = opts->value[OPT_FEATURE_NORM].real;
    } else if (opts->value[OPT_FEATURE_NORM].given) {
        return ufm_fail(error, UFM_ERROR_USAGE, "--feature-norm needs --features sphere");
    }
    if (made.classifier == UFM_CLASSIFIER_ETF) {
        made.classifier_norm = opts->value[OPT_CLASSIFIER_NORM].real;
    } else if (opts->value[OPT_CLASSIFIER_NORM].given) {
        return ufm_fail(error, UFM_ERROR_USAGE, "--classifier-norm needs --classifier etf");
    }
    *constraint = made;
    return UFM_OK;
}

void json_constrained(ufm_json *json, const ufm_constraint *constraint, const ufm_constrained_certificate *c)
{
    const bool fixed = constraint->classifier == UFM_CLASSIFIER_ETF;
    ufm_json_string(json, "feature_constraint", ufm_features_name(constraint->features));
    ufm_json_string(json, "classifier", ufm_classifier_name(constraint->classifier));
    ufm_json_number(json, "objective", c->objective);
    ufm_json_number(json, "objective_constant", c->constant);
    ufm_json_number(json, "lower_bound", c->lower_bound);
    ufm_json_number(json, "gap", c->gap);
    ufm_json_number(json, "gradient_norm", c->gradient_norm);
    ufm_json_number(json, "sigma1", c->sigma1);
    ufm_json_number(json, "mu", c->mu);
    ufm_json_number(json, "dual_scale", c->scale);
    ufm_json_number(json, "bias_residual", c->bias_residual);
    ufm_json_integer(json, "rank", c->rank);
    if (fixed) {
        ufm_json_number(json, "classifier_norm", constraint->classifier_norm);
        ufm_json_number(json, "classifier_error", c->classifier_error);
    }
    if (constraint->features == UFM_FEATURES_SPHERE) {
        ufm_json_number(json, "feature_norm", constraint->feature_norm);
        ufm_json_number(json, "feature_norm_error", c->feature_norm_error);
        if (!fixed) {
            ufm_json_number(json, "multiplier_minimum", c->multiplier_minimum);
            ufm_json_number(json, "weighted_sigma", c->weighted_sigma);
        }
    }
    if (constraint->features == UFM_FEATURES_NONNEGATIVE) {
        ufm_json_number(json, "feature_minimum", c->feature_minimum);
        if (!fixed) {
            ufm_json_number(json, "tau_lower", c->tau_lower);
            ufm_json_number(json, "tau_upper", c->tau_upper);
            ufm_json_integer(json, "relaxation_size", c->relaxation_size);
            ufm_json_integer(json, "relaxation_steps", c->relaxation_steps);
        }
    }
    if (c->spare_dimension >= 0) {
        ufm_json_number(json, "lambda_neg", c->lambda_neg);
        ufm_json_number(json, "witness_curvature", c->witness_curvature);
    }
    ufm_json_string(json, "verdict", ufm_certified_text(c->verdict));
}

/* Why a non-negative point is not certified as global: descent left, or the bracket of tau. */
static void print_tau(const ufm_constrained_certificate *c)
{
    printf("  tau/mu        %.12g to %.12g (relaxation of order %lld, %lld steps)\n", c->tau_lower / c->mu,
           c->tau_upper / c->mu, (long long)c->relaxation_size, (long long)c->relaxation_steps);
    if (c->verdict == UFM_CERTIFIED_GLOBAL) return;
    if (c->verdict == UFM_CERTIFIED_SADDLE) {
        printf("  curvature     %.6g along the escape (formula %.6g)\n", c->witness_curvature, c->lambda_neg);
    } else if (c->tau_lower > c->mu * (1 + 1e-9)) {
        printf("  tau > mu: one more dimension would lower f (curvature %.6g)\n", c->lambda_neg);
    } else if (c->tau_upper > c->mu) {
        printf("  no descent found; the bound is limited by tau's upper end\n");
    }
}

void print_constrained(const ufm_constraint *constraint, const ufm_constrained_certificate *c)
{
    const double variable = c->objective - c->constant;
    const bool fixed = constraint->classifier == UFM_CLASSIFIER_ETF;
    printf("  f             %.16g", c->objective);
    if (c->constant > 0) printf("  (of it constant: %.6g)", c->constant);
    printf("\n  lower bound   %.16g  (under this constraint, any dimension)\n", c->lower_bound);
    printf("  duality gap   %.2e (%.1e of f%s): %s\n", c->gap, c->gap / fabs(variable),
           c->constant > 0 ? " less its constant" : "", ufm_certified_text(c->verdict));
    printf("  |gradient|    %.2e, projected\n", c->gradient_norm);
    if (fixed) printf("  W             fixed ETF, off by %.1e\n", c->classifier_error);
    if (constraint->features == UFM_FEATURES_SPHERE)
        printf("  |h_i|         %g, off by %.1e\n", constraint->feature_norm, c->feature_norm_error);
    if (constraint->features == UFM_FEATURES_NONNEGATIVE)
        printf("  H             >= %g\n", c->feature_minimum);
    if (fixed) return;
    if (constraint->features == UFM_FEATURES_NONNEGATIVE) print_tau(c);
    if (constraint->features == UFM_FEATURES_SPHERE)
        printf("  multipliers   >= %.3g, sigma_1 %.12g (1 at a global optimum)\n", c->multiplier_minimum,
               c->weighted_sigma);
}
