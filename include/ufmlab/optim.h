/* ufmlab: layer 4, optim: minimisers of smooth functions: GSL's own and ours, behind one interface.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_OPTIM_H
#define UFMLAB_OPTIM_H

#include <gsl/gsl_multimin.h>
#include <ufmlab/model.h>

/* A smooth function of `size` variables. `value` and `gradient` (which also returns the value) are required,
 * `hessian_vector` only by newton. Optional are `prepare` and `precondition`, both or neither: newton calls
 * prepare(x) where it stands and then takes out = M^{-1} v for a symmetric positive definite M that is near
 * the Hessian at x. With them goes `prepared_product`, if there: hessian_vector at the x prepared last, of
 * which six digits suffice.
 *
 * Where the unknowns are of up to three kinds whose curvatures differ, `blocks` may say where the second and
 * the third begin (0, 0: one kind); `pool`, if any, is free between the calls and shares the solver's own
 * work on vectors. Both help lbfgs and what starts with it. */
typedef struct ufm_elimination ufm_elimination;
typedef struct {
    int64_t size;
    void *context;
    double (*value)(void *context, const double *x);
    double (*gradient)(void *context, const double *x, double *gradient);
    void (*hessian_vector)(void *context, const double *x, const double *v, double *product);
    ufm_status (*prepare)(void *context, const double *x);
    void (*precondition)(void *context, const double *v, double *out);
    void (*prepared_product)(void *context, const double *x, const double *v, double *product);
    int64_t blocks[2];
    ufm_pool *pool;
    const ufm_elimination *elimination; /* optional, only for varpro */
} ufm_function;

/* What varpro needs besides value and gradient: the function phi(y) of fewer variables that is the minimum
 * over the others. `begin` makes it at x with its gradient and Hessian-vector product; `function->context` is
 * then its own. `start` gives the y of that x, `point` the x at y with the others at their minimum, so that
 * the function's value there is phi(y); `end` frees what `begin` made. */
struct ufm_elimination {
    ufm_status (*begin)(void *context, const double *x, ufm_function *function, ufm_error *error);
    void (*start)(void *own, double *y);
    void (*point)(void *own, const double *y, double *x);
    void (*end)(void *own);
};

/* The UFM objective as such a function, without and with the model's preconditioner; borrows the model. */
ufm_function ufm_function_of_model(ufm_model *model);
ufm_function ufm_function_preconditioned(ufm_model *model);

/* X(name, spelling, vectors of the length of x that it holds at once besides x (history h), summary) */
#define UFM_SOLVER_LIST(X)                                                                                   \
    X(UFM_SOLVER_LBFGS, "lbfgs", (h + 1) / 2 + 5,                                                            \
      "limited-memory BFGS scaled by blocks, strong Wolfe line search")                                      \
    X(UFM_SOLVER_NEWTON, "newton", (h + 1) / 2 + 15,                                                         \
      "truncated Newton in a trust region (Steihaug) after L-BFGS")                                          \
    X(UFM_SOLVER_VARPRO, "varpro", 10, "variable projection: features minimised out, Newton in W and b")     \
    X(UFM_SOLVER_GD, "gd", 5, "gradient descent, Armijo backtracking or fixed step")                         \
    X(UFM_SOLVER_GSL_STEEPEST, "gsl-steepest", 8, "GSL steepest_descent")                                    \
    X(UFM_SOLVER_GSL_CG, "gsl-cg", 9, "GSL conjugate_pr (Polak-Ribiere)")                                    \
    X(UFM_SOLVER_GSL_BFGS2, "gsl-bfgs2", 12, "GSL vector_bfgs2 (memoryless BFGS)")
typedef enum {
#define UFM_SOLVER_ENUM(name, spelling, vectors, summary) name,
    UFM_SOLVER_LIST(UFM_SOLVER_ENUM)
#undef UFM_SOLVER_ENUM
        UFM_SOLVER_COUNT
} ufm_solver;
const char *ufm_solver_name(ufm_solver solver);
const char *ufm_solver_summary(ufm_solver solver);
int64_t ufm_solver_vectors(ufm_solver solver, int64_t history);
ufm_status ufm_solver_parse(const char *text, ufm_solver *solver, ufm_error *error);

/* X(name, text) */
#define UFM_STOP_LIST(X)                                                                                     \
    X(UFM_STOP_CONVERGED, "converged")                                                                       \
    X(UFM_STOP_ITERATIONS, "iteration limit")                                                                \
    X(UFM_STOP_STALLED, "no further progress in double precision")                                           \
    X(UFM_STOP_INTERRUPTED, "interrupted")
typedef enum {
#define UFM_STOP_ENUM(name, text) name,
    UFM_STOP_LIST(UFM_STOP_ENUM)
#undef UFM_STOP_ENUM
} ufm_stop;
const char *ufm_stop_text(ufm_stop stop);

/* What is known after each iteration. */
typedef struct {
    int64_t iteration, evaluations, products; /* products: Hessian-vector products */
    double value, gradient_norm, seconds;
    const double *x;
} ufm_progress;

typedef struct {
    ufm_solver solver;
    double tolerance; /* stop when |gradient| <= tolerance */
    int64_t max_iterations;
    int64_t history;      /* lbfgs: pairs kept, >= 1 */
    double fixed_step;    /* gd: > 0 uses this step always; 0: Armijo backtracking */
    double newton_switch; /* newton: L-BFGS until |gradient| <= this (0: Newton from the start) */
    bool no_polish;       /* newton: stop at the tolerance even while each step still halves the gradient */
    /* Called after each iteration; return false to stop (UFM_STOP_INTERRUPTED). May be NULL. */
    bool (*observe)(void *context, const ufm_progress *progress);
    /* newton: called after each Hessian-vector product, of which an iteration can take hundreds, with their
     * number so far; return false to stop. May be NULL. */
    bool (*working)(void *context, int64_t products);
    void *context;
} ufm_minimize_settings;
/* lbfgs, tolerance 1e-9, 100,000 iterations, history 10, Armijo, switch at 1e-5. */
ufm_minimize_settings ufm_minimize_defaults(void);

typedef struct {
    ufm_stop stop;
    int64_t iterations, evaluations, products;
    double value, gradient_norm, seconds;
} ufm_minimize_info;

/* Minimises `function` from x (in place). The result is UFM_OK for every stop but a failure of memory or of
 * the function itself (a value that is not finite at the start: UFM_ERROR_NUMERIC). On any other ending x is
 * the best point reached and `info` describes exactly that x. */
ufm_status ufm_minimize(const ufm_function *function, const ufm_minimize_settings *settings, double *x,
                        ufm_minimize_info *info, ufm_error *error);

/* L-BFGS for any GSL program: gsl_multimin_fdfminimizer_alloc(ufm_multimin_lbfgs, n), then optionally the
 * history (before gsl_multimin_fdfminimizer_set; default 10), then set/iterate/test_gradient as usual.
 * `step_size` is the length of the first trial step, `tol` in (0,1) the curvature constant c2 of the strong
 * Wolfe conditions f(x + a p) <= f(x) + 1e-4 a g.p,   |g(x + a p).p| <= c2 |g.p| (0.9 is usual). Where
 * rounding hides the decrease, the approximate Wolfe test of Hager and Zhang takes over; iterate returns
 * GSL_ENOPROG when no step passes either. */
extern const gsl_multimin_fdfminimizer_type *const ufm_multimin_lbfgs;
/* GSL_EINVAL for another type or history < 1. */
int ufm_multimin_lbfgs_history(gsl_multimin_fdfminimizer *minimizer, size_t history);
/* As `blocks` and `pool` of ufm_function, also before set: the first inverse Hessian is a multiple of the
 * identity in each block. GSL_EINVAL for another type, begin[0] > begin[1] or begin[1] > n. */
int ufm_multimin_lbfgs_blocks(gsl_multimin_fdfminimizer *minimizer, const size_t begin[2]);
int ufm_multimin_lbfgs_pool(gsl_multimin_fdfminimizer *minimizer, ufm_pool *pool);

#endif
