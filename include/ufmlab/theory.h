/* ufmlab: layer 3, theory: Theorem 1 in closed form. Includes neither model nor optim nor certify, so that a
 * prediction cannot share a bug with an optimum or its certificate.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_THEORY_H
#define UFMLAB_THEORY_H

#include <ufmlab/labels.h>

typedef enum { UFM_PHASE_SEPARATED, UFM_PHASE_COLLAPSED } ufm_phase;
/* "separated" or "collapsed". */
const char *ufm_phase_text(ufm_phase phase);

/* The global optimum of a design balanced within each multiplicity, d >= K-1 (paper, Theorem 1). With
 * mu = 2 sqrt(lambda_w lambda_h), N_m = n_m C(K,m), N = sum N_m, kappa_m = n_m C(K-2,m-1):
 *
 *   omega_m / (m e^{delta_m} + K - m) = (mu N / (K r)) delta_m   for m < K (delta_K = 0),
 *   r^2 = sum_m kappa_m delta_m^2,
 *   f*  = sum_m (N_m/N) omega_m m log(m + (K-m) e^{-delta_m}) + mu (K-1) r,
 *   W W^T = sqrt(lambda_h/lambda_w) r (I - J/K),   h_S = C_m sum_{k in S} w_k,
 *   C_m = delta_m sqrt(lambda_w/lambda_h)/r,   Z^(m) = delta_m (Y_m - (m/K) J).
 *
 * For mu >= mu_c = sqrt(sum_m omega_m^2 kappa_m)/N the optimum is W = H = 0 (phase collapsed; the scales are
 * NaN).
 *
 * The other losses have the same kind of optimum (proof note 16): logits delta_m (y_S - (m/K) 1) + (a_m +
 * bias) 1, with all numbers from a small convex problem. pal-smooth and pal-focal differ in the margins only.
 * pal-mse and bce see a common shift of the logits, so that W and H may spend a dimension on it:
 *
 *   W W^T = gram_scale (I - J/K) + mean_scale J/K,   h_S = C_m sum_{k in S} w_k + D_m sum_k w_k,   b =
 * bias 1.
 *
 * Their phase "collapsed" means gram_scale = 0: all rows of W are equal. */
typedef struct {
    int64_t classes, levels;
    double objective; /* f* */
    double mu, mu_critical;
    ufm_phase phase;
    double r;                   /* sqrt(sum kappa_m delta_m^2); infinity when it exceeds a double */
    double weight_norm_squared; /* |w_k|^2, equal for all k */
    double gram_scale;          /* W W^T = gram_scale (I - J/K) + mean_scale J/K */
    double mean_scale;          /* 0 for a shift-free loss */
    double bias;                /* b = bias 1; 0 where lambda_b = 0 leaves it open */
    bool proved; /* globally optimal; false for pal-focal where a tag's probability is below e^{-u*}: then
                    only a symmetric critical point */
    int64_t *multiplicity;  /* [levels] */
    double *margin;         /* [levels] delta_m; 0 when collapsed or m = K */
    double *scale;          /* [levels] C_m; NaN when collapsed or m = K */
    double *common;         /* [levels] D_m; 0 for a shift-free loss */
    double *fraction;       /* [levels] N_m / N */
    char samples_total[48]; /* N in decimal: exact below 2^63, else 17 digits and an exponent */
} ufm_prediction;

/* pal and pal-n: any K up to 2^31 and any multiplicities: binomials are kept as mantissa and exponent.
 * Relative error of every output a few 1e-15 (margins, r and what follows from them: times mu_c/(mu_c - mu)
 * close to the threshold). The other losses: about 1e-14 for designs whose K and N are of ordinary size.
 * UFM_ERROR_USAGE for an invalid objective or design. */
ufm_status ufm_predict(const ufm_design *design, const ufm_objective *objective, ufm_prediction **prediction,
                       ufm_error *error);
void ufm_prediction_free(ufm_prediction *prediction);

/* The same for any loss, by the reduced problem alone: for pal and pal-n a second route to Theorem 1. */
ufm_status ufm_predict_reduced(const ufm_design *design, const ufm_objective *objective,
                               ufm_prediction **prediction, ufm_error *error);

/* Writes into `objective`, whose loss and parameter are given, the lambda_w, lambda_h for which mu = ratio *
 * mu_c and lambda_w/lambda_h = balance; lambda_b is left alone. UFM_ERROR_USAGE unless ratio and balance are
 * positive and the result is within the range of a double (mu_c is 0 for a design of multiplicity K alone).
 */
ufm_status ufm_lambda_at(const ufm_design *design, double ratio, double balance, ufm_objective *objective,
                         ufm_error *error);

/* The optimum of a balanced design under a constraint (features and classifier as in ufm_constraint; d >= K,
 * losses PAL and PAL-N), as Z^(m) = delta_m (Y_m - (m/K) J) and W W^T = gram_scale (I - J/K), b = 0:
 *
 *   etf, free         2 lambda_h delta_m (K-1)/(alpha^2 K) = (omega_m/N) K/(m e^{delta_m} + K - m),
 *                     h_S = C_m sum w_k
 *   etf, nonnegative  the same with K - m instead of K on the right, h_S = t_m y_S (first K coordinates)
 *   etf, sphere       h_S = C_m sum w_k of length rho
 *   free, sphere      the same; |w_k| from one monotone equation
 *   free, nonnegative h_S = t_m sum_{k in S} e_k over an orthogonal frame e_k: Theorem 1's equations with
 *                     K/(K-m) kappa_m for kappa_m. Optimal for single labels (proof note 20). In general a
 *                     critical point, which only the certificate can call optimal; for one multiplicity
 *                     m, K/2 < m < K, never the optimum below its threshold: the complements' frame wins.
 *
 * For m = K the margin is 0. `scale` is C_m, NaN where h_S is no multiple of sum w_k; mu_critical is NaN but
 * for the last row. UFM_ERROR_UNSUPPORTED for another loss or no constraint. */
ufm_status ufm_predict_constrained(const ufm_design *design, const ufm_objective *objective,
                                   const ufm_constraint *constraint, ufm_prediction **prediction,
                                   ufm_error *error);

/* The predicted optimum as a point: W (K x d, rows a simplex ETF in the span of the first K-1 coordinates),
 * H (d x columns); its b is bias 1; for labels that follow the prediction's design; all zeros when collapsed.
 * Caller's arrays. UFM_ERROR_USAGE when d < K-1 (K with mean_scale > 0), or the labels have other classes or
 * a multiplicity that the design lacks. */
ufm_status ufm_prediction_point(const ufm_prediction *prediction, const ufm_labels *labels, int64_t dim,
                                double *W, double *H, ufm_error *error);

#endif
