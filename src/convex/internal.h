/* Private to module convex. */
#ifndef UFMLAB_CONVEX_INTERNAL_H
#define UFMLAB_CONVEX_INTERNAL_H

#include <ufmlab/convex.h>

/* Loss of one sample of a column at its logits z (K), and its gradient in z. Nothing else here knows the
 * loss. */
double convex_loss(const ufm_objective *objective, const ufm_labels *labels, int64_t column, const double *z,
                   double *gradient);

/* All but pal-focal. */
bool convex_loss_is_convex(const ufm_objective *objective);

/* Work space for singular value decompositions of K x n matrices. */
typedef struct {
    int64_t rows, cols, least; /* least: of rows and cols */
    double *copy, *u, *s, *vt; /* s: singular values of the matrix last seen, descending */
} convex_svd;
ufm_status convex_svd_new(int64_t rows, int64_t cols, convex_svd *work);
void convex_svd_free(convex_svd *work);
/* Singular values of A into work->s; returns their sum in *nuclear. */
ufm_status convex_nuclear(convex_svd *work, const double *A, double *nuclear);
/* A becomes U (S - threshold)_+ V^T, the minimiser of threshold |B|_* + |B - A|^2/2; work->s those (S -
 * threshold)_+. */
ufm_status convex_shrink(convex_svd *work, double threshold, double *A);

/* A class in no tag set, or -1. UFM_ERROR_MEMORY. */
ufm_status convex_absent_class(const ufm_labels *labels, int64_t *absent);

/* ---- Max-margin ---- */
/* z (K) becomes the nearest point that is constant, t, on the column's tag set and at most t - 1 off it. */
void convex_project(const ufm_labels *labels, int64_t column, double *z);
/* L (K x n) becomes a feasible point of the dual problem by small changes, scaled so that the largest
 * singular value of L D^-1 is 1 (but for L = 0); *bound is its objective. `roots` is sqrt(c). */
ufm_status convex_dual_bound(const ufm_labels *labels, bool free_bias, const double *roots, convex_svd *work,
                             double *L, double *bound);

#endif
