#include <ufmlab/labels.h>

/* With a free bias, f falls forever as the bias of a class goes to minus infinity that no sample has, or
 * under bce to infinity that every sample has. Squared and smoothed losses grow in both directions. */
ufm_status ufm_objective_bounded(const ufm_labels *labels, const ufm_objective *objective, ufm_error *error)
{
    const bool smoothed = objective->loss == UFM_LOSS_PAL_SMOOTH && objective->parameter > 0;
    if (objective->lambda_b > 0 || objective->loss == UFM_LOSS_PAL_MSE || smoothed) return UFM_OK;
    int64_t *present = ufm_alloc(labels->classes, sizeof *present), bad = -1;
    if (!present) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to look at the classes");
    for (int64_t j = 0; j < labels->offset[labels->columns]; j++) present[labels->tag[j]]++;
    const int64_t most = objective->loss == UFM_LOSS_BCE ? labels->columns - 1 : labels->columns;
    for (int64_t k = 0; k < labels->classes && bad < 0; k++)
        if (present[k] == 0 || present[k] > most) bad = k;
    const bool absent = bad >= 0 && present[bad] == 0;
    ufm_free(present);
    if (bad < 0) return UFM_OK;
    return ufm_fail(
        error, UFM_ERROR_USAGE,
        "class %lld is in %s tag set, so the objective has no minimum while lambda_b = 0; give lambda_b > 0",
        (long long)bad, absent ? "no" : "every");
}
