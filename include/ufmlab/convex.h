/* ufmlab: layer 5, convex: the convex problem behind the objective, and its max-margin limit. Includes
 * neither model nor optim nor theory, so that it is a second route to what they find.
 *
 * Notation: column i of the labels counts for c_i samples, N = sum c_i, D = diag(sqrt(c)); X = W H is K x n,
 * |.|_* the nuclear norm. For d >= rank X the least regulariser of W and H is mu |X D|_* (notes 2 and 12):
 *
 *   min over W, H, b of f = min over X, b of sum_i (c_i/N) loss(x_i + b, S_i) + mu |X D|_* + lambda_b |b|^2.
 *
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_CONVEX_H
#define UFMLAB_CONVEX_H

#include <ufmlab/labels.h>

/* What is known after each iteration; `residual` is what the tolerance is about. */
typedef struct {
    int64_t iteration, evaluations;
    double value, residual, seconds;
} ufm_convex_progress;

typedef struct {
    double tolerance;
    int64_t max_iterations;
    /* Return false to stop. May be NULL. */
    bool (*observe)(void *context, const ufm_convex_progress *progress);
    void *context;
} ufm_convex_settings;

typedef enum {
    UFM_CONVEX_CONVERGED,  /* the tolerance is met */
    UFM_CONVEX_ITERATIONS, /* iteration limit */
    UFM_CONVEX_STALLED,    /* no progress in double precision */
    UFM_CONVEX_INTERRUPTED
} ufm_convex_stop;

/* The caller's arrays. */
typedef struct {
    double *X; /* K x n */
    double *b; /* K */
} ufm_logits;

/* ---- Proximal gradient --------------------------------------------------------------------------
 * FISTA with adaptive restart and backtracking, in the variables [X D | sqrt(N) b]: the nuclear norm by
 * thresholding singular values, the bias (free when lambda_b = 0) as part of the smooth term. */
typedef struct {
    ufm_convex_stop stop;
    int64_t iterations, evaluations, restarts; /* evaluations: of the gradient */
    double value;                              /* of the convex problem */
    double residual;                           /* norm of a subgradient at the point returned */
    int64_t rank;                              /* of X */
    double seconds;
} ufm_proximal_info;
/* residual 1e-13, 200,000 iterations. */
ufm_convex_settings ufm_proximal_defaults(void);
/* From X and b, in place; zeros are a fair start. UFM_ERROR_USAGE for an invalid objective, and
 * when there is no minimum: lambda_b = 0 and a class in no tag set; UFM_ERROR_UNSUPPORTED for a loss other
 * than PAL and PAL-N. */
ufm_status ufm_proximal(const ufm_labels *labels, const ufm_objective *objective,
                        const ufm_convex_settings *settings, ufm_logits logits, ufm_proximal_info *info,
                        ufm_error *error);
/* Matrices of K x n numbers that it holds at once besides X. */
enum { UFM_PROXIMAL_MATRICES = 9 };

/* The caller's arrays: W is K x dim, H dim x n. */
typedef struct {
    int64_t dim;
    double *W, *H;
} ufm_factors;
/* Writes the factors of least regulariser: X D = U S V^T (thin, singular values below K n epsilon of the
 * largest left out), W = (lambda_h/lambda_w)^(1/4) U S^(1/2), H = (lambda_w/lambda_h)^(1/4) S^(1/2) V^T D^-1,
 * the remaining columns of W and rows of H zero. UFM_ERROR_UNSUPPORTED when X has a larger rank than dim. */
ufm_status ufm_convex_factor(const ufm_labels *labels, const ufm_objective *objective, const double *X,
                             ufm_factors factors, ufm_error *error);

/* ---- The max-margin limit (proof note 30) -----------------------------------------------------------
 * Where X(lambda) of the pick-all-label loss goes in direction as lambda_w and lambda_h vanish:
 *
 *   min |X D|_*   s.t.  z_ik = z_il for k, l in S_i,   z_ik - z_ij >= 1 for k in S_i, j not in S_i,
 *
 * with z_i = x_i, or z_i = x_i + b, b free, when `free_bias` (lambda_b = 0). */

/* The caller's arrays: the point found, and what proves it. The dual problem is
 *
 *   max sum_i sum_{j not in S_i} |L_ij|  s.t.  1^T L = 0,  L_ij <= 0 for j not in S_i,
 *   largest singular value of L D^-1 at most 1,  and L 1 = 0 with a free bias;
 *
 * the objective of any feasible L is at most |X D|_* of any feasible X. */
typedef struct {
    double *X; /* K x n, columns of sum zero; feasible */
    double *b; /* K; zeros without free_bias */
    double *L; /* K x n; feasible */
} ufm_margin_point;
typedef struct {
    ufm_convex_stop stop;
    int64_t iterations;
    double value, lower_bound; /* of X and of L */
    double seconds;
} ufm_margin_info;
/* gap 1e-9 relative, 200,000 iterations. */
ufm_convex_settings ufm_margin_defaults(void);
/* Douglas-Rachford splitting. The result is UFM_OK for every stop; `info` tells how good it is.
 * UFM_ERROR_USAGE when no tag set leaves a class out (nothing to separate), and for a free bias when a class
 * is in no tag set. */
ufm_status ufm_max_margin(const ufm_labels *labels, bool free_bias, const ufm_convex_settings *settings,
                          ufm_margin_point point, ufm_margin_info *info, ufm_error *error);

/* Distance of the directions of X and Y, |X D/|X D| - Y D/|Y D|| with Frobenius norms: 2 sin(angle/2). NaN
 * when one of them is zero. */
double ufm_direction_distance(const ufm_labels *labels, const double *X, const double *Y);

#endif
