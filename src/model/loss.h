/* The losses of one sample as functions of its logits (ufmlab/labels.h lists them). */
#ifndef UFMLAB_MODEL_LOSS_H
#define UFMLAB_MODEL_LOSS_H

#include <ufmlab/labels.h>

/* Most numbers per class that `gradient` leaves for `curvature`. */
enum { MODEL_STATE = 2 };

typedef struct {
    int states; /* numbers per class in `state`: 0 .. MODEL_STATE */
    /* Returns the loss; the K logits z become its gradient. `state` (states K numbers) may be NULL. */
    double (*gradient)(const ufm_objective *objective, ufm_tag_set set, double *z, double *state);
    /* dz becomes the Hessian at the logits of `state` times dz. */
    void (*curvature)(const ufm_objective *objective, ufm_tag_set set, const double *state, double *dz);
    /* The Hessian as diag(a) - s p p^T with s >= 0, positive semidefinite, p the first K numbers of `state`:
     * exactly, but for pal-focal without its second derivatives. Fills a (K numbers), returns s. */
    double (*split)(const ufm_objective *objective, ufm_tag_set set, const double *state, double *a);
    /* scale where the Hessian is scale (diag p - p p^T) with p all of `state`; NULL where it is not: products
     * in single precision are then made without leaving it. */
    double (*softmax_scale)(const ufm_objective *objective, ufm_tag_set set);
    bool softmax; /* gradient and states are those of ufm_model_softmax, which takes a whole tile */
} model_loss;

const model_loss *model_loss_of(ufm_loss loss);

#endif
