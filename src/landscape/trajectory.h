/* Private to landscape: descents that end certified, and the iterates of one. */
#ifndef UFMLAB_LANDSCAPE_TRAJECTORY_H
#define UFMLAB_LANDSCAPE_TRAJECTORY_H

#include <ufmlab/landscape.h>

/* Newton from x (in place), the bias included when it is free. UFM_ERROR_CANCELLED when the explorer's
 * progress says so. */
ufm_status landscape_polish(ufm_model *model, const ufm_explorer *explorer, double *x, ufm_error *error);
/* The same to another gradient norm than 1e-13; 0: as far as double precision goes. */
ufm_status landscape_polish_to(ufm_model *model, const ufm_explorer *explorer, double tolerance, double *x,
                               ufm_error *error);
/* Certificate of x; global up to a relative gap of 1e-9. */
ufm_status landscape_certify(ufm_model *model, const ufm_labels *labels, const ufm_explorer *explorer,
                             const double *x, ufm_certificate *certificate, ufm_error *error);

/* At most `capacity` iterates, about equally far apart; the first and the last are always there. */
typedef struct {
    int64_t size, capacity, count;
    double *x;         /* [count] vectors of `size` numbers */
    double *objective; /* [count] */
    int64_t *iteration;
    double spacing;
} trajectory;
ufm_status trajectory_new(int64_t size, int64_t capacity, trajectory **path, ufm_error *error);
void trajectory_free(trajectory *path);
static inline const double *trajectory_at(const trajectory *path, int64_t step)
{
    return path->x + step * path->size;
}
/* Gradient descent from x, then Newton, which ends in x. `step` 0: Armijo backtracking. */
ufm_status trajectory_descend(ufm_model *model, const ufm_explorer *explorer, double step, double *x,
                              trajectory *path, ufm_error *error);

#endif
