/* Private to module solve: solving in a dimension that grows. */
#ifndef UFMLAB_SOLVE_INTERNAL_H
#define UFMLAB_SOLVE_INTERNAL_H

#include <ufmlab/solve.h>

/* The point in its present dimension. */
typedef struct {
    const ufm_labels *labels;
    const ufm_solve_settings *settings;
    ufm_pool *pool; /* for certificates; NULL: one thread */
    ufm_model *model;
    double *x;
    int64_t dim;
} grow_state;

/* The point in dimension `dim`: padded with zeros, or without its last coordinates. */
ufm_status grow_resize(grow_state *state, int64_t dim, ufm_error *error);
/* Turns the point into its principal axes and drops those that have faded. */
ufm_status grow_trim(grow_state *state, ufm_error *error);
/* Adds the directions of `escape` as new coordinates and steps along all of them as far as f falls; false in
 * `moved` when it does not. */
ufm_status grow_step(grow_state *state, const ufm_escape *escape, bool *moved, ufm_error *error);

/* Threads for certificates in dimension `dim`; NULL, which is one, where more would not pay (or memory is
 * out). */
ufm_pool *solve_pool(const ufm_labels *labels, int64_t dim, int threads);

/* ufm_solve with settings->grow. */
ufm_status solve_growing(const ufm_labels *labels, const ufm_solve_settings *settings,
                         ufm_solution **solution, ufm_error *error);

/* ufm_solve for an active constraint. */
ufm_status solve_constrained(const ufm_labels *labels, const ufm_solve_settings *settings,
                             ufm_solution **solution, ufm_error *error);

#endif
