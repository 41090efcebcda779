/* Private to landscape: rotations of R^d and the way from the identity to one. */
#ifndef UFMLAB_LANDSCAPE_ROTATION_H
#define UFMLAB_LANDSCAPE_ROTATION_H

#include <ufmlab/base.h>

/* The proper rotation O (d x d, det +1) that minimises |A O - B| for two rows x d matrices (Procrustes by SVD
 * of A^T B). A direction that A and B leave free is used to make it proper; where there is none, *proper is
 * false and O is the reflection. */
ufm_status rotation_between(const double *a, const double *b, int64_t rows, int64_t d, double *O,
                            bool *proper);

/* The geodesic exp(t log O): with O = S + A, symmetric and skew parts, which commute,
 *   R(t) = Q [ diag(cos t theta) Q^T + diag(sin t theta / sin theta) Q^T A ],  S = Q diag(cos theta) Q^T. */
typedef struct {
    int64_t d;
    double *Q;     /* d x d */
    double *QtA;   /* d x d: rows sin(theta) times a unit vector */
    double *angle; /* [d] theta, every angle twice */
    double length; /* sqrt of the sum of the squared angles, each plane once */
} geodesic;
ufm_status geodesic_new(const double *O, int64_t d, geodesic **way);
void geodesic_free(geodesic *way);
/* R(t) into the caller's d x d array. */
ufm_status geodesic_at(const geodesic *way, double t, double *R);

#endif
