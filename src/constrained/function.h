/* Private to module constrained: the objective in variables y that reach feasible points only. */
#ifndef UFMLAB_CONSTRAINED_FUNCTION_H
#define UFMLAB_CONSTRAINED_FUNCTION_H

#include <ufmlab/constrained.h>

typedef enum {
    MAP_IDENTITY, /* h = v, entries of `held` excepted */
    MAP_SQUARE,   /* h = v^2, entrywise; no Hessian-vector product */
    MAP_SPHERE    /* h = r v/|v|, r = rho sqrt(c) */
} constrained_map;

typedef struct {
    const ufm_constrained_problem *problem;
    int64_t K, d, n, size; /* size of x and of y */
    constrained_map map;
    const bool *held; /* [d n] MAP_IDENTITY: entries of Ht that do not move; or NULL */
    double *x, *g;    /* x(y) and the gradient of f there ... */
    double *y;        /* ... for this y */
    double *dx, *product;
    bool known; /* y, x and g belong together */
} constrained_function;

ufm_status constrained_function_new(const ufm_constrained_problem *problem, constrained_map map,
                                    constrained_function **function);
void constrained_function_free(constrained_function *function);
ufm_function constrained_as_function(constrained_function *function);
/* x(y); and a y with x(y) = x. */
void constrained_to_x(const constrained_function *function, const double *y, double *x);
void constrained_from_x(const constrained_function *function, const double *x, double *y);
/* Distance rho sqrt(c) of column i from the origin on the sphere. */
double constrained_radius(const ufm_constrained_problem *problem, int64_t column);

/* One ufm_minimize in y from x (in place), its effort added to `info`, the observer seeing sums. */
ufm_status constrained_run(constrained_function *function, const ufm_minimize_settings *settings, double *x,
                           ufm_minimize_info *info, ufm_error *error);

ufm_status constrained_nonnegative(const ufm_constrained_problem *problem,
                                   const ufm_minimize_settings *settings, double *x, ufm_minimize_info *info,
                                   ufm_error *error);

#endif
