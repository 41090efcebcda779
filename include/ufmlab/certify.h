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
 * src/certify/loss.c and proof note 16. The bound is tight at every global optimum of a convex loss, and of pal-focal
 * where every tag's probability is at least e^{-u*}, F'(u*) = 1 (about 0.3 for gamma = 2); beyond that a gap remains.
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

#endif
