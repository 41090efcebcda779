/* Private to module certify. Everything is recomputed from the point and the labels; nothing is shared with
 * module model, so that a bug there cannot vouch for itself. */
#ifndef UFMLAB_CERTIFY_INTERNAL_H
#define UFMLAB_CERTIFY_INTERNAL_H

#include "loss.h"
#include <ufmlab/certify.h>
#include <ufmlab/linalg.h>

enum { CERTIFY_TILE = 128 };

typedef struct {
    const ufm_point *point;
    const ufm_labels *labels;
    const ufm_objective *objective;
    ufm_pool *pool;
} certify_problem;

/* Sums over all columns. With c_i samples on column i and g_i the gradient of the loss in the logits of one
 * of them, G is the K x N matrix with c_i copies of g_i. */
typedef struct {
    double loss;          /* data term */
    double features;      /* |H|_F^2 over all samples */
    double gradient_H;    /* |W^T G + 2 lambda_h H|_F^2 over all samples */
    double *outer;        /* K x K: G G^T */
    double *row_sum;      /* K: G 1 */
    double *gradient_W;   /* K x d: G H^T (ridge not added) */
    double *feature_gram; /* d x d: H H^T */
} certify_sums;

/* Allocates and fills the sums; release with certify_sums_free. */
ufm_status certify_accumulate(const certify_problem *problem, certify_sums *sums);
void certify_sums_free(certify_sums *sums);

/* The dual function without its bias term, at the dual point s (G - shift 1^T/N): -(1/N) sum_i L*(s (v_i -
 * shift)), v_i the gradient of sample i's loss; shift (K numbers) may be NULL for zero. -infinity outside the
 * conjugate's domain. */
ufm_status certify_dual_value(const certify_problem *problem, double s, const double *shift, double *value);

/* Second derivative of f along dW = alpha u a^T, dH = -beta a v^T with v = G^T u/sigma1, per squared length.
 */
typedef struct {
    const double *u; /* K, unit */
    const double *a; /* d, unit */
    double alpha, beta, sigma1;
} certify_direction;
ufm_status certify_curvature(const certify_problem *problem, const certify_direction *direction,
                             double *curvature);

/* UFM_ERROR_USAGE or UFM_ERROR_INPUT unless the point fits the labels and is finite. */
ufm_status certify_check_point(const ufm_point *point, const ufm_labels *labels, ufm_error *error);
/* Rank of the point as ufm_certificate defines it, and a unit vector a (d) that W and H ignore, as far as
 * there is one. */
ufm_status certify_rank(const certify_problem *problem, const certify_sums *sums, double *a, int64_t *rank);

/* Columns first..first+count-1: logits W h + b of their features into Z (K x count). */
void certify_logits(const certify_problem *problem, int64_t first, int64_t count, double *Z);
/* The same columns: gradient of the loss of one of their samples in its logits, over N, into G (K x count).
 */
void certify_gradients(const certify_problem *problem, int64_t first, int64_t count, double *G);
/* c_i/N of column i. */
double certify_weight(const certify_problem *problem, int64_t column);

#endif
