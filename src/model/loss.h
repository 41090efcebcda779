/* The losses of one sample as functions of its logits (ufmlab/labels.h lists them). */
#ifndef UFMLAB_MODEL_LOSS_H
#define UFMLAB_MODEL_LOSS_H

#include <ufmlab/labels.h>

/* Numbers per class that `gradient` leaves for `curvature`. */
enum { MODEL_STATE = 2 };

typedef struct {
    /* Returns the loss; the K logits z become its gradient. `state` (MODEL_STATE K numbers) may be NULL. */
    double (*gradient)(const ufm_objective *objective, ufm_tag_set set, double *z, double *state);
    /* dz becomes the Hessian at the logits of `state` times dz. */
    void (*curvature)(const ufm_objective *objective, ufm_tag_set set, const double *state, double *dz);
} model_loss;

const model_loss *model_loss_of(ufm_loss loss);

#endif
