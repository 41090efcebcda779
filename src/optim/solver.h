/* Private to module optim: the table that every solver fills in. */
#ifndef UFMLAB_OPTIM_SOLVER_H
#define UFMLAB_OPTIM_SOLVER_H

#include <ufmlab/optim.h>

/* Decreases of f below this share of |f| are rounding. */
#define SOLVER_NOISE 1e-14

typedef enum { STEP_TAKEN, STEP_STALLED, STEP_INTERRUPTED, STEP_NO_MEMORY } solver_step;

/* One run of one solver. The owner fills function and settings and frees nothing else than through `finish`.
 */
typedef struct {
    const ufm_function *function;
    const ufm_minimize_settings *settings;
    int64_t evaluations, products;
    const double *x; /* the current point, owned by the solver's state */
    double value, gradient_norm;
    bool polishing; /* wants more steps although the tolerance is reached */
    void *state;
} solver_run;

/* Required: start, step, finish. The needs are optional capabilities of the function that must be there. */
typedef struct {
    bool needs_hessian, needs_elimination;
    solver_step (*start)(solver_run *run, const double *x); /* evaluates at x */
    solver_step (*step)(solver_run *run);
    void (*finish)(solver_run *run); /* frees the state; also after a failed start */
} solver_ops;

extern const solver_ops solver_gd, solver_newton, solver_lbfgs, solver_varpro, solver_gsl_steepest,
    solver_gsl_cg, solver_gsl_bfgs2;

/* Evaluations through the run, which counts them. */
double solver_gradient(solver_run *run, const double *x, double *gradient);

#endif
