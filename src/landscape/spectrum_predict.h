/* The pieces of the predicted spectrum (proof note 13).
 *
 * Fix a tag set S of multiplicity m < K. The feature directions V = { u in R^K : sum u = 0 } split into three
 * parts: vectors on S that sum to zero, vectors outside S that sum to zero, and the multiples of the contrast
 * y_S - m/K. On each the features' block of the Hessian is a number.
 *
 * As a representation of the permutations of the classes the Hessian splits into types. Only four reach the
 * classifier or the bias; each is a small matrix whose eigenvalues occur once per dimension of the type. */
#ifndef UFMLAB_LANDSCAPE_SPECTRUM_PREDICT_H
#define UFMLAB_LANDSCAPE_SPECTRUM_PREDICT_H

#include <ufmlab/base.h>

typedef enum { SPECTRUM_INSIDE, SPECTRUM_OUTSIDE, SPECTRUM_CONTRAST, SPECTRUM_PARTS } ufm_spectrum_part;

/* The partitions (K), (K-1,1), (K-2,2) and (K-2,1,1) of K. */
typedef enum {
    SPECTRUM_TRIVIAL,
    SPECTRUM_STANDARD,
    SPECTRUM_SYMMETRIC,
    SPECTRUM_ALTERNATING,
    SPECTRUM_TYPES
} ufm_spectrum_type;

typedef struct {
    int64_t multiplicity, tag_sets;   /* m, C(K,m) */
    double count;                     /* n_m */
    double scale;                     /* C_m; 0 for m = K */
    double curvature[SPECTRUM_PARTS]; /* of the data term along the features, in the scaled variables */
} ufm_spectrum_level;

typedef struct {
    int64_t classes, levels;
    double lambda_w, lambda_h, lambda_b;
    double gram_scale;         /* W W^T = gram_scale (I - J/K) */
    ufm_spectrum_level *level; /* [levels] */
} ufm_spectrum_problem;

/* Dimension of a part, over all tag sets of the multiplicity. */
int64_t ufm_spectrum_part_dimension(int64_t classes, const ufm_spectrum_level *level, ufm_spectrum_part part);
/* Dimension of a type; 0 for the types that K classes lack. */
int64_t ufm_spectrum_type_dimension(int64_t classes, ufm_spectrum_type type);
/* Whether the classifier or the bias couple to the part within the type: then to one copy of it. */
bool ufm_spectrum_reached(int64_t classes, int64_t multiplicity, ufm_spectrum_part part,
                          ufm_spectrum_type type);
/* The eigenvalues of the type's matrix, ascending; `values` holds 2 + 3 levels of them. */
ufm_status ufm_spectrum_type_values(const ufm_spectrum_problem *problem, ufm_spectrum_type type,
                                    double *values, int64_t *count, ufm_error *error);

#endif
