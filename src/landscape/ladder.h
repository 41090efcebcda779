/* Private to the saddle ladder and the descents from it. */
#ifndef UFMLAB_LANDSCAPE_LADDER_H
#define UFMLAB_LANDSCAPE_LADDER_H

#include <ufmlab/landscape.h>

/* Relative duality gap from which on a point of the ladder or of a descent counts as global. */
static const double ladder_gap = 1e-9;

/* A copy of x as a solution with its certificate. */
ufm_status ladder_solution(ufm_model *model, const double *x, const ufm_labels *labels,
                           const ufm_objective *objective, ufm_solution **solution, ufm_error *error);
/* Extreme eigenvalue of the Hessian at x, by Lanczos. */
typedef enum { LADDER_SMALLEST, LADDER_LARGEST } ladder_end;
ufm_status ladder_eigenvalue(ufm_model *model, const double *x, ladder_end end, double *value,
                             ufm_error *error);

/* Gradient of the data term over the logits, K x columns; a column shared by c samples is divided by sqrt(c),
 * so that its singular values are those of the full matrix. */
void ladder_loss_gradient(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *point,
                          double *G);
/* Singular values of it above mu (1 + 1e-8). */
ufm_status ladder_count_above(const ufm_labels *labels, const ufm_objective *objective,
                              const ufm_point *point, int64_t *above, ufm_error *error);
/* Unit vector of steepest descent in curvature (proof note 11) in the model's variables. */
ufm_status ladder_witness(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *point,
                          double *direction, ufm_error *error);

/* Everything but rank, found, seed about the critical point x of dimension d; publishes saddle->solution. */
ufm_status ladder_describe(ufm_model *model, const double *x, const ufm_labels *labels,
                           const ufm_objective *objective, ufm_saddle *saddle, ufm_error *error);

/* What a descent keeps of its steps: those at which objective or gradient norm have changed enough, and
 * coarser ones when there is no room. */
typedef struct {
    ufm_descent *descent;
    double share; /* relative change that is worth a record */
    double arc_length;
} descent_recorder;
/* The descent is freed by ufm_descent_free, also after a failure. */
ufm_status descent_record_begin(descent_recorder *recorder);
/* A step of `length` that ended here; kept for certain when `keep`. */
void descent_record(descent_recorder *recorder, double length, double objective, double gradient_norm,
                    bool keep);

#endif
