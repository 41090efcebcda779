/* ufmlab: landscape: critical points, Hessian spectra, random starts, slices and paths of the UFM objective.
 *
 * Theorem 2 of arXiv 2310.15903 says that for d >= K+1 every critical point is global or a strict saddle;
 * proof note 11 extends it to d >= K-1. Here it is made constructive and looked at beyond its assumptions.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_LANDSCAPE_H
#define UFMLAB_LANDSCAPE_H

#include <stdio.h>
#include <ufmlab/solve.h>

/* What every explorer needs. Progress as in ufm_verify_settings: false stops (UFM_ERROR_CANCELLED). */
typedef struct {
    ufm_objective objective;
    int64_t dim; /* d; 0 stands for K */
    int threads; /* 0: all available */
    uint64_t seed;
    bool (*progress)(void *context, double fraction, const char *what);
    void *context;
} ufm_explorer;

/* ---- Dense Hessian ------------------------------------------------------------------------------
 * size x size, column-major and symmetrised, by size Hessian-vector products; the variables are those of
 * ufmlab/model.h: x = [W | Ht | b]. */
ufm_status ufm_hessian_dense(ufm_model *model, const double *x, double *hessian, ufm_error *error);
/* Largest size for which the explorers build it by themselves. */
#define UFM_HESSIAN_DENSE_MAX 3000

/* ---- The saddle ladder --------------------------------------------------------------------------
 * For each rank rho = 0..K-2 the local minima of the problem in dimension rho, embedded in dimension d by
 * zero columns of W and zero rows of H: critical points of rank rho. */
typedef struct {
    int64_t rank;
    double objective, gradient_norm;
    double sigma1_over_mu;
    double lambda_min;             /* smallest Hessian eigenvalue by Lanczos (ARPACK) */
    double lambda_min_dense;       /* by LAPACK; NaN where the dense Hessian is too large */
    double lambda_min_formula;     /* lambda_neg of proof note 11 */
    int64_t morse_index;           /* negative eigenvalues of the dense Hessian; -1 where it is too large */
    int64_t morse_index_predicted; /* (d - rho) times the singular values of G above mu */
    int64_t zero_modes;            /* eigenvalues of the dense Hessian that vanish; -1 as above */
    int64_t zero_modes_predicted;  /* dimension of the orbit of rotations, rho(d-rho) + rho(rho-1)/2, plus 1
                                      for the shift  of a free bias */
    int64_t found;                 /* of the starts at this rank, how many ended here */
    uint64_t seed;                 /* the first of them */
    ufm_solution *solution;        /* the embedded point with its certificate */
} ufm_saddle;
typedef struct {
    int64_t count;
    ufm_saddle *saddle; /* ranks ascending, objectives ascending within a rank */
    double optimum;     /* certified global minimum in dimension d */
} ufm_ladder;
/* `starts` seeds for each rank; values that differ by less than 1e-9 relative are one saddle. */
ufm_status ufm_ladder_find(const ufm_labels *labels, const ufm_explorer *explorer, int64_t starts,
                           ufm_ladder **ladder, ufm_error *error);
void ufm_ladder_free(ufm_ladder *ladder);

/* One descent as a sequence of steps, for the staircase figure. */
typedef struct {
    int64_t steps;
    double *arc_length, *objective, *gradient_norm; /* [steps] */
    ufm_solution *end;
} ufm_descent;
void ufm_descent_free(ufm_descent *descent);
/* Plateaus of a descent: the steps (at most `limit`, ascending; their number is returned) at which the
 * gradient norm is least between two peaks that are `depth` times as high; the start and the end count where
 * they are such minima. */
int64_t ufm_descent_plateaus(const ufm_descent *descent, double depth, int64_t limit, int64_t *step);
/* From a saddle, moved by `size` along its certificate's witness, down by gradient descent and Newton at the
 * end. The witness adds one to the rank and gradient descent keeps that rank exactly, so the way down mostly
 * ends at a saddle of the next rank: it is left in the same way, until no witness is there. */
ufm_status ufm_ladder_escape(const ufm_labels *labels, const ufm_explorer *explorer, const ufm_saddle *saddle,
                             double size, ufm_descent **descent, ufm_error *error);
/* Gradient descent from a start of standard deviation `scale` (small: it passes saddle after saddle). */
ufm_status ufm_small_start_descent(const ufm_labels *labels, const ufm_explorer *explorer, double scale,
                                   ufm_descent **descent, ufm_error *error);
/* The same with standard deviation scale ratio^j for coordinate j of the features (0 < ratio <= 1). Descent
 * keeps the coordinates apart, so a small ratio makes them start to grow one after the other, and the path
 * stops at a saddle of each rank; with ratio 1 only distinct singular values of G tell the directions apart,
 * and a balanced design, which has one, goes down in a single step. */
ufm_status ufm_graded_start_descent(const ufm_labels *labels, const ufm_explorer *explorer, double scale,
                                    double ratio, ufm_descent **descent, ufm_error *error);

/* ---- Multistart ---------------------------------------------------------------------------------
 * Random starts of several kinds, each ended by its certificate, or for d < K-1, where a certificate need not
 * be tight, by the smallest Hessian eigenvalue: a local minimum is one whose Hessian has none below
 * -tolerance. */
typedef enum {
    UFM_START_GAUSSIAN,
    UFM_START_LOW_RANK,
    UFM_START_NEAR_SADDLE,
    UFM_START_KINDS
} ufm_start_kind;
const char *ufm_start_kind_name(ufm_start_kind kind);
/* seed, kind and scale determine the start: GAUSSIAN is that of ufm_solve with this seed and init_scale;
 * LOW_RANK has Gaussian factors of standard deviation `scale` and a random rank below min(K-1, d), half of
 * them with noise of 1e-8; NEAR_SADDLE is a minimum in a random dimension below that, embedded, plus noise of
 * standard deviation `scale`. */
typedef struct {
    uint64_t seed; /* below 2^53 */
    ufm_start_kind kind;
    double scale;
    ufm_certified verdict;
    bool local_minimum; /* not certified global, critical, and the Hessian has no negative eigenvalue */
    double objective, gap, gradient_norm; /* gap: objective minus certified lower bound */
    int64_t rank;
} ufm_run;
typedef struct {
    bool interrupted; /* by the explorer's progress: `runs` counts those that were finished */
    int64_t runs, global, saddle, inconclusive, nonglobal_minima;
    double worst_gap;                   /* relative, over the runs judged global */
    double best_objective, lower_bound; /* least objective of all runs; largest certified lower bound */
    double global_low,
        global_high; /* Clopper-Pearson interval (95 %) for the share of runs that end global */
    ufm_run *run;    /* [runs] */
} ufm_multistart;
/* When progress stops it, the runs finished so far are the result. */
ufm_status ufm_multistart_run(const ufm_labels *labels, const ufm_explorer *explorer, int64_t runs,
                              ufm_multistart **result, ufm_error *error);
void ufm_multistart_free(ufm_multistart *result);
/* A local minimum whose objective exceeds the least one by more than 1e-9 relative. */
bool ufm_multistart_nonglobal(const ufm_multistart *result, int64_t run);
/* The point where a run ends, from the seed, kind and scale of `run` alone. */
ufm_status ufm_multistart_replay(const ufm_labels *labels, const ufm_explorer *explorer, const ufm_run *run,
                                 ufm_solution **solution, ufm_error *error);
/* How far the features are from tag-wise averaging: residual[m-1], m = 1..K, is the root of
 * min_C sum |h_i - C u_i|^2 / sum |h_i|^2 over the samples of multiplicity m, u_i = sum_{k in S_i} w_k; 0 at
 * the optimum of a balanced design, 1 when the averages say nothing, NaN without such samples or when their
 * features vanish. Defined where some averages vanish too. */
ufm_status ufm_averaging_residual(const ufm_point *point, const ufm_labels *labels, double *residual,
                                  ufm_error *error);
/* Clopper-Pearson interval (95 %) for the probability behind `hits` of `trials`; [0, 1] for no trials. */
void ufm_share_interval(int64_t hits, int64_t trials, double *low, double *high);

/* ---- Spectrum -----------------------------------------------------------------------------------
 * All eigenvalues of the Hessian at a point; and at the optimum of a balanced design (merged labels,
 * separated phase) the predicted ones with their multiplicities, from the permutation group (proof note 13).
 */
typedef struct {
    int64_t distinct;
    double *value;         /* [distinct] ascending */
    int64_t *multiplicity; /* [distinct] */
} ufm_predicted_spectrum;
ufm_status ufm_spectrum(ufm_model *model, const double *x, double *eigenvalues, ufm_error *error);
/* d >= K-1. UFM_ERROR_UNSUPPORTED in the collapsed phase. The multiplicities add up to K d + d n + K with n
 * the number of tag sets. */
ufm_status ufm_spectrum_predict(const ufm_design *design, const ufm_objective *objective, int64_t dim,
                                ufm_predicted_spectrum **spectrum, ufm_error *error);
void ufm_predicted_spectrum_free(ufm_predicted_spectrum *spectrum);

/* ---- Slices, phase diagrams, paths: written as CSV for the figures -------------------------------
 * `stream` may be NULL: nothing is written then; so may `info`. */
typedef enum {
    UFM_SLICE_RANDOM,     /* two random directions, normalised to the blocks' norms */
    UFM_SLICE_SADDLE,     /* the plane of optimum, saddle and escape direction */
    UFM_SLICE_TRAJECTORY, /* the two principal components of a descent */
    UFM_SLICE_LINE,       /* straight line between two global optima (1-D) */
    UFM_SLICE_GEODESIC,   /* rotation that carries one into the other (1-D): the objective stays */
    UFM_SLICE_KINDS
} ufm_slice_kind;
const char *ufm_slice_kind_name(ufm_slice_kind kind);
/* Writes rows part,step,first,second,objective,distance. `part` is
 *   surface     `points` rows in 1-D, points x points in 2-D, second varying fastest;
 *   trajectory  the iterates of a descent, projected onto the plane, each with its own objective and its
 *               distance from the plane in the plane's units;
 *   optimum, saddle  where they are.
 * Coordinates:
 *   random      steps along two directions whose blocks W, H and b have the norms of the optimum's;
 *   saddle      second: along the saddle's escape direction; first: along the rest of the way to the optimum
 *               that the descent from there finds; both in units of the distance between the two, saddle at
 *               (0,0);
 *   trajectory  along the principal components, from the mean of the iterates, in units of the path's
 *               larger half width;
 *   line, geodesic  0 at one optimum and 1 at the other. */
typedef struct {
    ufm_slice_kind kind;
    int64_t points;
    double extent; /* half width in these units; of [0,1] in 1-D: 1 shows [0,1], 1.5 shows [-1/4,5/4] */
} ufm_slice_settings;
/* NaN where a kind does not have it. */
typedef struct {
    double optimum, gap; /* objective and certified duality gap (relative) of the optimum */
    double least, most;  /* of the surface */
    double curvature[2]; /* second derivatives along the coordinates: at the optimum (random, line, geodesic),
                            at the saddle, at the mean (trajectory); by Hessian-vector products */
    double saddle;       /* objective of the saddle */
    double explained[2]; /* shares of the variance, trajectory */
    double projection;   /* largest change of an iterate's objective by its projection onto the plane */
    double rise;         /* line, geodesic: largest |f - optimum| on [0,1] */
    double angle;        /* geodesic: length of the rotation, sqrt of the sum of its angles' squares */
    double arrival;      /* geodesic: relative distance of its end from the other optimum */
} ufm_slice_info;
/* UFM_ERROR_UNSUPPORTED where there is no such slice: no second optimum or no saddle (collapsed phase), d <
 * K-1. */
ufm_status ufm_slice_write(const ufm_labels *labels, const ufm_explorer *explorer,
                           const ufm_slice_settings *settings, FILE *stream, ufm_slice_info *info,
                           ufm_error *error);

/* Rows lambda,ratio,mu_ratio,phase_predicted,phase_measured,weight_norm,nc2,ncm over a grid of lambda_w (with
 * lambda_w/lambda_h of the explorer kept) and of n_2/n_1, at fixed K and n_1; both geometric. n_2 is rounded
 * to a whole number, ratio = n_2/n_1 as used. Collapsed: |W| <= 1e-6 (lambda_h/lambda_w)^(1/4). The metrics
 * are NaN there. */
typedef struct {
    int64_t classes, samples_single; /* K, n_1 */
    double lambda_low, lambda_high, ratio_low, ratio_high;
    int64_t lambda_points, ratio_points;
} ufm_phase_settings;
/* Within this relative distance of mu_c a cell is not judged. */
#define UFM_PHASE_BAND 1e-3
typedef struct {
    int64_t cells, collapsed, unjudged, mismatches;
} ufm_phase_info;
ufm_status ufm_phase_write(const ufm_explorer *explorer, const ufm_phase_settings *settings, FILE *stream,
                           ufm_phase_info *info, ufm_error *error);

/* The mu from which on W = H = 0, with the bias b (K, may be NULL) that is best there, is the global optimum,
 * for any labels and d >= 1: mu_max = sigma_1(G) at that point; just below, it is a strict saddle (notes 10
 * and 11). It depends on lambda_b but not on lambda_w and lambda_h; for balanced designs it is mu_c.
 * UFM_ERROR_USAGE for an invalid objective. */
ufm_status ufm_collapse_threshold(const ufm_labels *labels, const ufm_objective *objective, double *mu_max,
                                  double *b, ufm_error *error);

/* The optimum along `points` values of lambda from `high` down to `low` (factors of the explorer's lambda_w
 * and lambda_h; geometric), each started from those before. Certified is a point with a duality gap of at
 * most 1e-9 |f| and, but for W = H = 0, of at most 1e-3 mu |X D|_* (X = W H, D = diag(sqrt(c)), c the counts;
 * this is the regulariser of W and H). The second matters far down, where f hardly exceeds its infimum. */
typedef struct {
    double high, low;
    int64_t points;
} ufm_path_settings;
/* One point of a path; NaN where undefined. */
typedef struct {
    double factor;      /* of lambda_w and lambda_h */
    double mu_ratio;    /* mu/mu_max */
    double objective;   /* f */
    double gap;         /* relative to |f| */
    double penalty_gap; /* relative to mu |X D|_* */
    bool certified;
    int64_t rank;                 /* of X: singular values above 1e-7 of the largest */
    double nc2;                   /* |<W W^T> - E|_F, distance of the Gram matrix from a simplex ETF's */
    double nuclear_norm;          /* |X D|_* */
    double distance;              /* from the direction of the max-margin limit: ufm_direction_distance */
    double margin_share;          /* of the largest margin for that norm: margin_value/|X D|_* times the
                                     least z_k - z_j over all samples, k in S_i, j not */
    int64_t values;               /* min(K, n) */
    const double *singular_value; /* [values] of X D, descending, those that do not count for the rank 0;
                                     valid during the visit only */
} ufm_path_step;
/* Where the points go; all may be NULL. `levels` receives rows
 * factor,mu_ratio,objective,gap,multiplicity,scale,scale_ratio,margin,norm,scale_ratio_predicted,
 * margin_predicted for each point and multiplicity: scale_ratio = C_m/C_1, norm the root mean square of |h|,
 * NaN where undefined, predictions for balanced labels and d >= K-1 only. `spectrum` receives rows
 * factor,mu_ratio,objective,gap,penalty_gap,certified,rank,nc2,nuclear_norm,distance,margin_share,index,
 * singular_value for each point and singular value. */
typedef struct {
    FILE *levels, *spectrum;
    void (*visit)(void *context, const ufm_path_step *step); /* after each point */
    void *context;
} ufm_path_outputs;
typedef struct {
    int64_t points;
    int64_t restarts;    /* where the points before led to no global minimum at first */
    int64_t uncertified; /* points that are not certified */
    double certified_to; /* from the first down to this mu/mu_max all points are; NaN: the first is not */
    double mu_max;
    double worst_gap, worst_penalty_gap;
    double worst_scale_ratio, worst_margin; /* relative, against the prediction; NaN without */
    /* At the last point. */
    int64_t rank;
    double distance, margin_share;
    /* Least |X D|_* in the limit of vanishing lambda, with a certified lower bound (ufm_max_margin, note 30);
     * NaN for other losses than PAL and PAL-N, for d < K-1 and where nothing is to be separated. */
    double margin_value, margin_lower_bound;
} ufm_path_info;
ufm_status ufm_path_write(const ufm_labels *labels, const ufm_explorer *explorer,
                          const ufm_path_settings *settings, const ufm_path_outputs *outputs,
                          ufm_path_info *info, ufm_error *error);

/* Features under gradient descent from a Gaussian start of standard deviation `scale`, in the plane of the
 * final classifier's two leading singular directions: rows
 * frame,iteration,objective,multiplicity,tag_set,x,y. Multiplicity 0 stands for the rows of W. At most
 * `frames` frames, about equally far apart in arc length. */
typedef struct {
    int64_t frames;
    double scale;
} ufm_collapse_settings;
typedef struct {
    int64_t frames, iterations;
    double objective, gap; /* of the last frame; relative */
} ufm_collapse_info;
ufm_status ufm_collapse_write(const ufm_labels *labels, const ufm_explorer *explorer,
                              const ufm_collapse_settings *settings, FILE *stream, ufm_collapse_info *info,
                              ufm_error *error);

#endif
