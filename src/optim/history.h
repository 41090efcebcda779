/* Private to module optim: the pairs of L-BFGS, and directions from them.
 *
 * The inverse Hessian approximation starts from a multiple of the identity in each block of unknowns. Only
 * inner products enter its coefficients, so the vectors are read twice an iteration: once when a pair is
 * added, for its products with all others and theirs with the new gradient, and once for the direction.
 * They are kept in 16 bits: what that rounds off is far below what ten pairs do not tell about the Hessian,
 * as the products are those of the rounded vectors, and it halves the traffic that most of the time goes to.
 */
#ifndef UFMLAB_OPTIM_HISTORY_H
#define UFMLAB_OPTIM_HISTORY_H

#include <ufmlab/linalg.h>

enum { HISTORY_BLOCKS = 3 };

typedef struct {
    int64_t size, pairs;
    int64_t end[HISTORY_BLOCKS]; /* of the blocks, ascending; the last is `size` */
    ufm_pool *pool;              /* borrowed; NULL: one thread */
    int64_t stored, next;        /* pairs held; slot of the next one */
    int32_t *words; /* steps s and changes y of the gradient, both over |step|: [chunk][pairs][CHUNK], so that
                     * a pass over all pairs runs through memory once from end to end */
    double *scale;  /* of those: [chunk][pairs][block][s, y] */
    double *sy, *yy;           /* [block][pairs][pairs] s_i.y_j (j not older than i) and y_i.y_j */
    double *sg, *yg;           /* [pairs] s_i.g and [block][pairs] y_i.g for the gradient g seen last */
    double *along_s, *along_y; /* [pairs] and [block][pairs] coefficients of a direction */
    double *partial;           /* [threads][block][pairs][4] */
} lbfgs_history;

/* Allocates for size, pairs, end and pool as set; false when memory is out. */
bool history_allocate(lbfgs_history *history);
void history_free(lbfgs_history *history);
/* Turns the direction into the step = length direction, norm = |step| > 0, and adds the pair (step,
 * change[1] - change[0]) where its curvature is positive beyond rounding; in any case change[1] is the
 * gradient for the next direction. */
void history_add(lbfgs_history *history, double *direction, double length, double norm,
                 const double *const change[2]);
/* direction <- -(inverse Hessian approximation) gradient, for the gradient seen last where pairs are stored;
 * returns their inner product, and the direction's length. */
double history_direction(lbfgs_history *history, const double *gradient, double *direction, double *length);

#endif
