/* Private to module model: what the passes over the distinct tag sets share. */
#ifndef UFMLAB_MODEL_PROFILE_H
#define UFMLAB_MODEL_PROFILE_H

#include "internal.h"

/* Columns of one pass's tile, a multiple of UFM_BATCH. */
enum { PROFILE_TILE = 64 };

struct ufm_profile {
    const ufm_model *whole; /* the model whose features are minimised out */
    ufm_labels *labels;     /* its distinct tag sets with their counts */
    ufm_model *model; /* of these: x = [L | Ht | b] in dimension r, rounded up to full registers with zeros */
    int64_t rank;     /* r */
    int64_t *group;   /* [columns of `whole`] number of the tag set */
    double *turn;     /* Q^T, r x d, with zero rows up to the model's dimension; NULL: Q = I, d = r */
    double *x, *gradient; /* the point evaluated last, and the gradient there */
    double value, enough; /* enough: of the others' gradient, what the features' may be */
    bool evaluated;
    /* The point whose Hessian is factored, and whether its features are the minimiser. */
    double *base;
    bool factored, minimal;
    double *slope;     /* K x n: the loss's gradient there as in the model, sqrt(c)/N of one sample's */
    double *curvature; /* K x n: a, where 1/N of the loss's Hessian is diag a - tau a a^T */
    double *share;     /* n: tau */
    double *factor;    /* of the features' blocks L^T (diag a - tau a a^T) L + 2 lambda_h I, in batches */
    double *step;      /* r x n: what the last pass changed the features by */
    double *direction; /* K r + K: y less that of the base */
    double *padded;    /* dL with zero columns up to the model's dimension */
    double *rows;      /* L by rows, padded for batches */
    double *turned;    /* a direction as its products with tiles want it */
    double *scratch;   /* profile_scratch numbers for each thread of `whole`, which are not fewer */
};

/* Numbers of scratch for one thread. */
int64_t profile_scratch(int64_t classes, int64_t rank);

/* Takes x as the base: its derivatives and factors. */
void profile_factor(ufm_profile *profile);
/* Ht of x <- Ht - t A^{-1} gradient, A the base's blocks, t <= 1 for each column: with A that of x itself no
 * such step raises f. */
void profile_descend(ufm_profile *profile);
/* The change of the features along v = [dL | db] at the base, to first order, into `step`; and, where
 * `product` is given, the Hessian of phi times v. */
void profile_respond(ufm_profile *profile, const double *v, double *product);

#endif
