/* ufmlab: layer 4, constrained: minimisers of the UFM objective under a ufm_constraint.
 *
 * They work on the model's vector x = [W | Ht | b] (ufmlab/model.h; Ht = H diag(sqrt(c)), so |ht_i| = rho
 * sqrt(c_i) on spheres and Ht >= 0 iff H >= 0). Copyright (C) 2026 the ufmlab authors.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_CONSTRAINED_H
#define UFMLAB_CONSTRAINED_H

#include <ufmlab/optim.h>

/* Borrows both; the model's labels. */
typedef struct {
    ufm_model *model;
    const ufm_labels *labels;
    ufm_constraint constraint;
} ufm_constrained_problem;

/* A feasible start: the Gaussian one of ufm_model_start with |.| of every feature entry (H >= 0), features
 * scaled to their norm (spheres; a zero feature becomes a multiple of the first unit vector), and the fixed
 * classifier (etf). */
ufm_status ufm_constrained_start(const ufm_constrained_problem *problem, uint64_t seed, double scale,
                                 double *x);

/* The norm of the projected gradient at a feasible x: without W's part for a fixed classifier, without what
 * points out of H >= 0 where H is 0, tangential on spheres. `gradient` (size numbers) becomes that
 * projection. Returns f(x). */
double ufm_constrained_gradient(const ufm_constrained_problem *problem, const double *x, double *gradient,
                                double *norm);

/* Minimises from a feasible x, in place, until the projected gradient is at most settings->tolerance; x stays
 * feasible (H >= 0 exactly, spheres to rounding), `info` describes it.
 *
 *   free, sphere  the given solver; on spheres in v with h = rho v/|v|, exact derivatives
 *   nonnegative   lbfgs in v with h = v^2 finds the neighbourhood; then faces of the orthant in turn:
 *                 the given solver (lbfgs or newton) on the entries that are positive or want to be,
 *                 a search along the projected path, gradient steps where that fails
 *
 * UFM_ERROR_UNSUPPORTED for H >= 0 with another solver. */
ufm_status ufm_constrained_minimize(const ufm_constrained_problem *problem,
                                    const ufm_minimize_settings *settings, double *x, ufm_minimize_info *info,
                                    ufm_error *error);
/* Vectors of the length of x that it holds at once besides x. */
int64_t ufm_constrained_vectors(const ufm_constraint *constraint, ufm_solver solver, int64_t history);

#endif
