/* The loss of one sample: the only place of this module that knows it. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/model.h>

bool convex_loss_is_convex(const ufm_objective *objective)
{
    return objective->loss != UFM_LOSS_PAL_FOCAL || objective->parameter == 0;
}

/* PAL and PAL-N: omega (m logsumexp(z) - sum_{k in S} z_k), gradient omega (m softmax(z) - y). */
static double pal(const ufm_objective *objective, const ufm_labels *labels, int64_t column, const double *z,
                  double *gradient)
{
    const int64_t K = labels->classes, begin = labels->offset[column], end = labels->offset[column + 1];
    const double m = (double)(end - begin), omega = ufm_loss_weight(objective->loss, m);
    double mean = 0, total = 0; /* relative to the mean logit of the tag set the terms stay small at optima */
    for (int64_t j = begin; j < end; j++) mean += z[labels->tag[j]] / m;
    double peak = 0;
    for (int64_t k = 0; k < K; k++) peak = fmax(peak, z[k] - mean);
    for (int64_t k = 0; k < K; k++) total += gradient[k] = exp(z[k] - mean - peak);
    for (int64_t k = 0; k < K; k++) gradient[k] *= omega * m / total;
    for (int64_t j = begin; j < end; j++) gradient[labels->tag[j]] -= omega;
    return omega * m * (peak + log(total));
}

double convex_loss(const ufm_objective *objective, const ufm_labels *labels, int64_t column, const double *z,
                   double *gradient)
{
    if (objective->loss == UFM_LOSS_PAL || objective->loss == UFM_LOSS_PAL_N)
        return pal(objective, labels, column, z, gradient);
    memcpy(gradient, z, (size_t)labels->classes * sizeof *z);
    return ufm_model_loss(objective, ufm_labels_set(labels, column), gradient);
}
