/* Fixed classifier: what is left is convex in (H, b) (but for features on spheres), and Fenchel duality gives
 *
 *   min over h of lambda_h |h|^2 + s a^T h  =  -s^2 |a|^2/(4 lambda_h)              for free h,
 *                                              -s^2 |min(a,0)|^2/(4 lambda_h)       for h >= 0,
 *                                              lambda_h rho^2 - s rho |a|           for |h| = rho. */
#include "constrained.h"
#include <math.h>

ufm_status certify_fixed_classifier(const certify_constrained *work, ufm_constrained_certificate *result)
{
    const ufm_point *p = work->problem.point;
    const ufm_constraint *constraint = &work->settings->constraint;
    const double lambda_h = work->problem.objective->lambda_h, rho = constraint->feature_norm;
    ufm_sum linear = {0, 0}, quadratic = {work->bias_term, 0};
    for (int64_t i = 0; i < p->columns; i++) {
        const double *a = work->pull + i * p->dim, c = (double)ufm_labels_count(work->problem.labels, i);
        double length = 0;
        for (int64_t j = 0; j < p->dim; j++)
            if (constraint->features != UFM_FEATURES_NONNEGATIVE || a[j] < 0) length += a[j] * a[j];
        if (constraint->features == UFM_FEATURES_SPHERE) {
            ufm_sum_add(&linear, c * rho * sqrt(length));
        } else {
            ufm_sum_add(&quadratic, c * length / (4 * lambda_h));
        }
    }
    const ufm_status status =
        certify_best_scale(work, ufm_sum_value(linear), ufm_sum_value(quadratic), 1, result);
    if (status != UFM_OK) return status;
    result->lower_bound += work->problem.objective->lambda_w * ufm_dot(p->classes * p->dim, p->W, p->W);
    if (constraint->features == UFM_FEATURES_SPHERE)
        result->lower_bound += lambda_h * rho * rho * (double)work->problem.labels->samples;
    return UFM_OK;
}
