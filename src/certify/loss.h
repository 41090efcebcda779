/* The losses once more, for one sample, written from log-probabilities; module model has its own. */
#ifndef UFMLAB_CERTIFY_LOSS_H
#define UFMLAB_CERTIFY_LOSS_H

#include <ufmlab/labels.h>

/* A sample's loss at logits z: what it is, and its conjugate L*(v) = sup_z v.z - L(z). */
typedef struct {
    /* Returns the loss; z becomes its gradient. */
    double (*gradient)(const ufm_objective *objective, ufm_tag_set set, double *z);
    /* dz^T Hess dz; z is overwritten. */
    double (*curvature)(const ufm_objective *objective, ufm_tag_set set, double *z, const double *dz);
    /* L*(s (gradient - shift)), or a number above it; infinite outside the domain. shift: K numbers or NULL
     * for zero; z is overwritten. */
    double (*conjugate)(const ufm_objective *objective, ufm_tag_set set, double *z, double s,
                        const double *shift);
} certify_loss;

const certify_loss *certify_loss_of(ufm_loss loss);

#endif
