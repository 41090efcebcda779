/* ufmlab: layer 5, solve: one instance from start to certified optimum, and its file.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_SOLVE_H
#define UFMLAB_SOLVE_H

#include <ufmlab/certify.h>
#include <ufmlab/constrained.h>
#include <ufmlab/convex.h>
#include <ufmlab/metrics.h>
#include <ufmlab/optim.h>
#include <ufmlab/theory.h>

typedef struct {
    ufm_objective objective;
    int64_t dim;
    int threads; /* 0: all available */
    uint64_t seed;
    double init_scale;    /* standard deviation of the Gaussian start; 0 starts at the origin */
    double gap_tolerance; /* relative, for the verdict */
    ufm_minimize_settings minimize;
    /* Instead of starting at random in `dim`, start at the origin and add dimensions, each along a direction
     * in which the certificate finds the point to be a saddle, until the relative duality gap is at most
     * `gap_target` and the gradient at most minimize.tolerance; then polish, unless minimize.no_polish.
     * Preconditioned truncated Newton whatever minimize.solver says; `seed` and `init_scale` are not used.
     * The result has at least `dim` dimensions (0: as many as were needed). Dimensions that would need more
     * than `memory_limit` bytes (0: no limit) are UFM_ERROR_MEMORY. */
    bool grow;
    double gap_target;
    int64_t memory_limit;
    ufm_constraint constraint; /* all zero: none */
} ufm_solve_settings;
/* PAL, lambda 5e-4, 1e-4, 1e-3, dim 0 (stands for K), seed 1, scale 0.3, gap 1e-6; not growing, target 1e-9.
 */
ufm_solve_settings ufm_solve_defaults(void);

/* A point with its arrays. */
typedef struct {
    ufm_point point;
    double *storage,
        *features;          /* what the point borrows from; after ufm_solve storage is x of ufmlab/model.h */
    ufm_minimize_info info; /* zero for a point that was loaded */
    int64_t growths;        /* how often the dimension grew; 0 without settings.grow */
    ufm_certificate certificate;             /* of the problem without constraint; zero where there is one */
    ufm_constraint constraint;               /* what the point obeys */
    ufm_constrained_certificate constrained; /* zero without a constraint */
} ufm_solution;
void ufm_solution_free(ufm_solution *solution);

/* Minimises from a random start and certifies, under settings->constraint if that is active. With H >= 0, a
 * free classifier and dim 0 the dimension starts at K and grows by one whenever the certificate shows a
 * descent that needs one more; with a given dim that descent is taken only while a coordinate is unused.
 * settings->minimize.observe also sees the search for the constrained certificate: the last iteration again
 * and again. UFM_ERROR_USAGE when f has no minimum
 * (ufm_objective_bounded). With lambda_b = 0 the bias is minimised exactly afterwards. Bytes needed:
 * ufm_solve_copies() vectors of the length of x. */
ufm_status ufm_solve(const ufm_labels *labels, const ufm_solve_settings *settings, ufm_solution **solution,
                     ufm_error *error);
/* Vectors of the size of H held at once, labels merged or kept. */
int64_t ufm_solve_copies(ufm_solver solver, int64_t history);
/* The same under a constraint. */
int64_t ufm_solve_constrained_copies(const ufm_constraint *constraint, ufm_solver solver, int64_t history);

/* The same by proximal gradient on the convex problem in the logits (ufmlab/convex.h), a route that shares
 * nothing with the minimisers: from zero, with the objective, dimension, tolerance, iteration limit, observer
 * (x is NULL) and gap tolerance of the settings. info.gradient_norm is the norm of a subgradient of the
 * convex problem. UFM_ERROR_UNSUPPORTED when its optimum has a larger rank than the dimension. */
ufm_status ufm_solve_proximal(const ufm_labels *labels, const ufm_solve_settings *settings,
                              ufm_solution **solution, ufm_error *error);
/* Vectors of the size of H that it holds at once. */
int64_t ufm_solve_proximal_copies(void);

/* Distance from a prediction, all relative: of the objective; of W W^T in Frobenius norm (of its size when
 * the prediction vanishes, absolute); worst over multiplicities m < K of the fitted scale against C_m, NaN
 * when collapsed. Where the prediction has a mean_scale the features are no multiple of sum_{k in S} w_k:
 * scale_error is then the worst relative distance of a feature from C_m sum_{k in S} w_k + D_m sum_k w_k. */
typedef struct {
    double objective_error, gram_error, scale_error;
} ufm_comparison;
ufm_status ufm_compare(const ufm_solution *solution, const ufm_labels *labels,
                       const ufm_prediction *prediction, const ufm_metrics *metrics,
                       ufm_comparison *comparison);
/* |W W^T - gram|_F over |gram|_F (absolute when it is 0), gram = gram_scale (I - J/K) + mean_scale J/K. */
ufm_status ufm_gram_error(const ufm_point *point, double gram_scale, double mean_scale, double *error);

/* HDF5 file: W (K,d), H (d,columns), b (K), labels (columns,K) 0/1, counts (columns; absent when all 1),
 * loss, lambda (lambda_w, lambda_h, lambda_b), format; constraint (ufm_constraint_format; absent without). */
ufm_status ufm_solution_save(const ufm_solution *solution, const ufm_labels *labels,
                             const ufm_objective *objective, const char *path, ufm_error *error);
/* Reads a point and its instance; nothing that was computed is stored or believed. `objective` receives what
 * the file says. The certificate is left zero. */
ufm_status ufm_solution_load(const char *path, ufm_solution **solution, ufm_labels **labels,
                             ufm_objective *objective, ufm_error *error);

#endif
