/* Private to module certify: what the certificates under constraints share. */
#ifndef UFMLAB_CERTIFY_CONSTRAINED_H
#define UFMLAB_CERTIFY_CONSTRAINED_H

#include "internal.h"

/* A point's dual side. With lambda_b = 0, G and pull are those of the dual point moved onto G 1 = 0. */
typedef struct {
    certify_problem problem;
    const ufm_constrained_settings *settings;
    certify_sums sums;
    double *G;           /* K x n: of one sample of each column */
    double *pull;        /* d x n: W^T G, columns a_i */
    const double *shift; /* for certify_entropy */
    double bias_term;    /* |G 1|^2/(4 lambda_b); 0 for lambda_b = 0 */
} certify_constrained;

/* max over s in [0, limit] of E(s) - linear s - quadratic s^2 (linear, quadratic >= 0) into *scale and
 * *bound; the bound is -infinity where E is. */
ufm_status certify_best_scale(const certify_constrained *work, double linear, double quadratic, double limit,
                              ufm_constrained_certificate *result);

/* Each fills scale and lower_bound, and what is its own, of a certificate whose objective is known. */
ufm_status certify_fixed_classifier(const certify_constrained *work, ufm_constrained_certificate *result);
ufm_status certify_sphere(const certify_constrained *work, ufm_constrained_certificate *result);
ufm_status certify_nonnegative(const certify_constrained *work, ufm_constrained_certificate *result);

/* ---- max over unit h >= 0 of |A h| for a K x n matrix A ---- */
/* Ascends |max(A^T w, 0)| from w (K, not 0) to a local maximum; w and h (n) become unit vectors with
 * w ~ A h. Returns |A h|, a lower bound of the maximum. */
double certify_ascend(ufm_matrix A, double *w, double *h);

/* h^T Q h <= lambda_max(Q + M) for unit h >= 0, Q = A^T A, M >= 0 entrywise. */
typedef struct {
    int64_t n;            /* order */
    const double *Q;      /* n x n */
    double target;        /* no bound below this is wanted (square units) */
    int64_t maximisers;   /* r */
    const double *points; /* n x r: unit h >= 0 at which h^T Q h is the largest value known */
    double value;         /* that value */
    bool (*observe)(void *context, double fraction);
    void *context;
} certify_relaxation;
/* The least bound found, and the iterations it took. */
ufm_status certify_relax(const certify_relaxation *problem, double *bound, int64_t *steps);
/* M (n x n, symmetric) becomes the nearest one, in Frobenius norm, that has M points = value points - Q
 * points and vanishes wherever two entries of one of the points are positive, as an optimal M does; negative
 * entries are then cut off. */
ufm_status certify_relax_polish(const certify_relaxation *problem, double *M);

#endif
