/* ufmlab: layer 4, certify: proof of global optimality, and of being a strict saddle, at any point, from raw
 * data. Includes neither model nor optim: it recomputes the objective, the loss gradient and all norms
 * itself. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_CERTIFY_H
#define UFMLAB_CERTIFY_H

#include <ufmlab/labels.h>

/* X(name, text) */
#define UFM_CERTIFIED_LIST(X)                                                                                \
    X(UFM_CERTIFIED_INCONCLUSIVE, "inconclusive")                                                            \
    X(UFM_CERTIFIED_GLOBAL, "global")                                                                        \
    X(UFM_CERTIFIED_SADDLE, "saddle")
typedef enum {
#define UFM_CERTIFIED_ENUM(name, text) name,
    UFM_CERTIFIED_LIST(UFM_CERTIFIED_ENUM)
#undef UFM_CERTIFIED_ENUM
} ufm_certified;
const char *ufm_certified_text(ufm_certified verdict);

/* Fenchel duality of min g(Z + b 1^T) + mu |Z|_* + lambda_b |b|^2 gives, at any (W,H,b), any labels, any d:
 * with v_i the gradient of sample i's loss L in its logits, G = (v_1, ..., v_N)/N, and L*(v) = sup_z v.z -
 * L(z),
 *
 *   s = min(1, mu/sigma_1(G)),
 *   lower bound = -(1/N) sum_i L*(s v_i) - s^2 |G 1|^2/(4 lambda_b)  <=  min f,
 *   gap = f - lower bound  >=  f - min f  >=  0.
 *
 * For pal and pal-n, L*(s v) = omega sum_k q_k log(q_k/m), q = s m p + (1-s) y; for the other losses see
 * src/certify/loss.c and proof note 16. The bound is tight at every global optimum of a convex loss, and of
 * pal-focal where every tag's probability is at least e^{-u*}, F'(u*) = 1 (about 0.3 for gamma = 2); beyond
 * that a gap remains.
 *
 * lambda_b = 0: the dual point is moved onto G 1 = 0, G' = G - (G 1) 1^T/N; where that leaves the domain of
 * L* there is no bound (-infinity). The move's size |G 1| is reported as bias_residual.
 *
 * Curvature: for d > rank [W; H^T] with (u,v) the top singular pair of G and a with W a = 0, H^T a = 0, the
 * smallest eigenvalue of the Hessian form along (alpha u a^T, -beta a v^T) is lambda_neg = lambda_w +
 * lambda_h - sqrt((lambda_w - lambda_h)^2 + sigma_1^2)  < 0  iff  sigma_1 > mu. */
typedef struct {
    double objective, lower_bound, gap;
    double sigma1, mu;
    double gradient_norm; /* of the whole problem, every sample with a feature of its own */
    double bias_residual; /* |G 1 + 2 lambda_b b| */
    int64_t rank; /* singular values of the stacked [sqrt(lambda_w) W; sqrt(lambda_h) H^T] above 1e-6 of the
                     largest */
    double lambda_neg;        /* the formula above; meaningful where spare_direction */
    bool spare_direction;     /* rank < d */
    double witness_curvature; /* measured x^T Hess x / x^T x along the witness, or NaN where there is none */
    ufm_certified verdict;
} ufm_certificate;

typedef struct {
    double gap_tolerance;      /* global iff gap <= gap_tolerance * max(|f|, 1e-300), and f, bound finite */
    double gradient_tolerance; /* saddle only where |gradient| <= this */
    ufm_pool *pool;            /* or NULL */
} ufm_certify_settings;
/* gap 1e-6 relative, gradient 1e-6, no pool. */
ufm_certify_settings ufm_certify_defaults(void);

/* UFM_ERROR_USAGE when shapes disagree, UFM_ERROR_INPUT when a number of the point is not finite or the
 * objective overflows. */
ufm_status ufm_certify(const ufm_point *point, const ufm_labels *labels, const ufm_objective *objective,
                       const ufm_certify_settings *settings, ufm_certificate *certificate, ufm_error *error);

/* Ways down that need new dimensions: orthonormal u outside the range of W with |G^T u| = sigma > mu, the
 * singular values of G without that range. In a direction a that W and H do not use (there is one in
 * dimension d+1), the second derivative of f along (dW, dH) = (alpha u a^T, -beta a u^T G/sigma) is 2
 * lambda_w alpha^2 + 2 lambda_h beta^2 - 2 alpha beta sigma, negative for some alpha, beta. At a critical
 * point without such u the range of W is all that matters, and the duality gap is zero. */
typedef struct {
    int64_t count; /* at most `most` of the settings, the largest sigma first */
    int64_t total; /* how many there are */
    double *sigma; /* [count] */
    double *u;     /* K x count */
} ufm_escape;
void ufm_escape_free(ufm_escape *escape);
/* The `most` steepest ways. Errors as for ufm_certify. */
ufm_status ufm_certify_escape(const ufm_point *point, const ufm_labels *labels,
                              const ufm_objective *objective, const ufm_certify_settings *settings,
                              int64_t most, ufm_escape **escape, ufm_error *error);
/* ---- Certificates under constraints --------------------------------------------------------------
 * Lower bounds of min f over the points that obey a ufm_constraint, from any point, for any labels and any d.
 * With G, q as above, a_i = W^T g_i, E(s) the first term of the lower bound, c_i samples on column i, and s
 * in [0,1] (chosen to maximise the concave bound):
 *
 *   fixed classifier    E(s) - s^2 |G 1|^2/(4 lambda_b) + lambda_w |W|^2 - sum_i c_i r_i,  where
 *     free H              r_i = s^2 |a_i|^2/(4 lambda_h)
 *     H >= 0              r_i = s^2 |min(a_i, 0)|^2/(4 lambda_h)
 *     |h_i| = rho         r_i = s rho |a_i| - lambda_h rho^2
 *   free W, H >= 0      E(s) - s^2 |G 1|^2/(4 lambda_b),  s <= mu/tau,
 *                       tau = max over unit w of |max(-G^T w, 0)|
 *   free W, |h_i| = rho
 *                       E(s) - s^2 |G 1|^2/(4 lambda_b) + lambda_h rho^2 N
 *                         - s^2 rho^2 R^2/(4 lambda_w) sum_i c_i nu_i,
 *                       nu_i = |a_i|/(2 rho),  R = sigma_1(G diag(nu)^(-1/2)).
 *
 * tau is bracketed: tau_lower by ascent from many starts, tau_upper^2 = min over symmetric M >= 0 (entrywise)
 * of lambda_max(G^T G + M), evaluated with a margin for rounding whatever M was found; the bound uses
 * tau_upper only. lambda_b = 0: as above.
 *
 * Escape (H >= 0, free W): with u, v = max(-G^T u, 0)/tau_lower and a coordinate j in which W and H vanish,
 * the second derivative of f along dW = alpha u e_j^T, dH = beta e_j v^T is 2 lambda_w alpha^2 + 2 lambda_h
 * beta^2 - 2 alpha beta tau_lower, whose smallest eigenvalue is lambda_neg < 0 iff tau_lower > mu. */
typedef struct {
    double objective, lower_bound, gap;
    double constant; /* what the constraint fixes of f: lambda_w |W|^2 (etf), lambda_h rho^2 N (sphere) */
    double gradient_norm; /* of f projected onto the directions that the constraint leaves */
    double bias_residual; /* |G 1 + 2 lambda_b b| */
    double mu, sigma1;
    double scale;                              /* s of the bound */
    int64_t rank;                              /* as in ufm_certificate */
    double feature_minimum;                    /* smallest entry of H */
    double feature_norm_error;                 /* sphere: max | |h_i|/rho - 1 |, else NaN */
    double classifier_error;                   /* etf: |W - E|_F/|E|_F, else NaN */
    double tau_lower, tau_upper;               /* H >= 0 and free W, else NaN */
    int64_t relaxation_size, relaxation_steps; /* order of M, iterations spent on it */
    double multiplier_minimum; /* sphere: smallest nu_i = -h_i^T a_i/(2 rho^2); <= 0 leaves a gap; else NaN */
    double weighted_sigma;     /* sphere and free W: R/(2 sqrt(lambda_w)), 1 at a global optimum; else NaN */
    int64_t spare_dimension;   /* coordinate for the escape, or -1 */
    double lambda_neg, witness_curvature; /* formula and measurement along the escape; NaN without one */
    ufm_certified verdict;
} ufm_constrained_certificate;

typedef struct {
    ufm_constraint constraint;
    double gap_tolerance;      /* global iff gap <= gap_tolerance * (f - constant) */
    double gradient_tolerance; /* saddle only where the projected gradient <= this */
    int64_t relaxation_size; /* H >= 0: largest order of M; larger problems take M = 0, tau_upper = sigma_1 */
    ufm_pool *pool;          /* or NULL */
    /* Called now and then during the search for M with the share of the work done; false ends the search
     * (the bound stays valid). May be NULL. */
    bool (*observe)(void *context, double fraction);
    void *context;
    /* Where not NULL and tau is wanted: u (K) and v (columns) of tau_lower; sum_i c_i v_i^2 = 1. */
    double *escape_w, *escape_h;
} ufm_constrained_settings;
/* gap 1e-6 relative, gradient 1e-6, M up to order 1500. */
ufm_constrained_settings ufm_constrained_defaults(ufm_constraint constraint);

/* Constraints that the point violates (features below 0, norms or classifier off by more than 1e-10) make
 * the verdict inconclusive; the numbers are reported. Errors as ufm_certify's. */
ufm_status ufm_certify_constrained(const ufm_point *point, const ufm_labels *labels,
                                   const ufm_objective *objective, const ufm_constrained_settings *settings,
                                   ufm_constrained_certificate *certificate, ufm_error *error);

#endif
