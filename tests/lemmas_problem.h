/* Plain-loop reference for the tests of the proof notes: tiny problems held as bit masks, the objective in
 * complex arithmetic (complex steps give derivatives to rounding error without any formula for them), a
 * damped Newton method, the two scalar roots by bisection and the dual bound. Shares no code with the
 * library beyond ufmlab/linalg.h. */
#ifndef UFMLAB_LEMMAS_PROBLEM_H
#define UFMLAB_LEMMAS_PROBLEM_H

#include "test.h"
#include <complex.h>
#include <ufmlab/linalg.h>

enum {
    LEMMA_K = 8,                                                  /* classes */
    LEMMA_D = 10,                                                 /* feature dimension */
    LEMMA_N = 48,                                                 /* samples */
    LEMMA_SIZE = LEMMA_K * LEMMA_D + LEMMA_D * LEMMA_N + LEMMA_K, /* numbers of a point */
    LEMMA_HESSIAN = 110,                                          /* largest dense Hessian */
};

/* A point is x = [W | H | b], W (K x d) and H (d x N) column-major. */
typedef struct {
    int64_t classes, dim, samples;
    double lambda_w, lambda_h, lambda_b;
    bool per_label;         /* PAL-N instead of PAL */
    uint32_t tags[LEMMA_N]; /* bit k: class k is in the tag set */
} lemma_problem;

/* A balanced design: per_tag_set[m] = n_m, 0 where the multiplicity is absent. */
typedef struct {
    int64_t classes;
    int64_t per_tag_set[LEMMA_K + 1];
    bool per_label;
    double lambda_w, lambda_h;
} lemma_design;

typedef struct {
    double r, critical, mu, objective;
    double margin[LEMMA_K + 1];
} lemma_optimum;

typedef struct {
    double lower_bound, sigma1;
    double divergence;    /* (1/N) sum omega m KL(q/m || p) */
    double nuclear_slack; /* lambda_w|W|^2 + lambda_h|H|^2 + <D, WH> */
    double bias_slack;    /* the part of the gap that belongs to b */
} lemma_bound_parts;

/* Worst error of one test over its trials. */
typedef struct {
    const char *name;
    double tolerance, error;
} lemma_worst;

/* Takes an error (NaN is the worst) and tells whether it exceeds the tolerance, for the caller to print its
 * inputs. */
bool lemma_exceeds(lemma_worst *worst, double error);
void lemma_report(const lemma_worst *worst);
int lemma_trials(int full, int fast);

/* ---- tag sets and random instances ---- */
int lemma_multiplicity(uint32_t tags);
double lemma_weight(bool per_label, int multiplicity);
int64_t lemma_binomial(int64_t n, int64_t k);
double lemma_log_uniform(ufm_rng *rng, double low, double high);
void lemma_gaussian(ufm_rng *rng, double scale, int64_t n, double *x);
uint32_t lemma_random_tags(ufm_rng *rng, int64_t classes);
/* Any tag sets, repeated ones and missing classes included, any d; lambda_b = 0 in one case of three. */
lemma_problem lemma_random_problem(ufm_rng *rng, int64_t max_classes, int64_t max_samples);
/* Small enough for dense Newton, with a minimiser: lambda_b > 0 or every class in some tag set. */
lemma_problem lemma_solvable_problem(ufm_rng *rng, int64_t dim);
/* Multiplicities present at random, at most `max_samples` samples; mu = ratio * mu_c. */
lemma_design lemma_random_design(ufm_rng *rng, int64_t max_classes, int64_t max_samples, double ratio);
lemma_problem lemma_design_problem(const lemma_design *design, int64_t dim, double lambda_b);
void lemma_print(const char *test, int trial, const lemma_problem *problem);

/* ---- objective ---- */
int64_t lemma_size(const lemma_problem *problem);
double lemma_mu(double lambda_w, double lambda_h);
double lemma_value(const lemma_problem *problem, const double *x);
/* Gradient by its formula; by complex steps of the value; Hessian by complex steps of the gradient (n x n).
 */
void lemma_gradient(const lemma_problem *problem, const double *x, double *gradient);
void lemma_gradient_by_steps(const lemma_problem *problem, const double *x, double *gradient);
void lemma_hessian_vector(const lemma_problem *problem, const double *x, const double *v, double *product);
void lemma_hessian(const lemma_problem *problem, const double *x, double *hessian);
/* G = d(data term)/dZ, K x N; X = W H, K x N. */
void lemma_loss_gradient(const lemma_problem *problem, const double *x, double *G);
void lemma_product(const lemma_problem *problem, const double *x, double *X);
/* Descends from x to a local minimiser with saddle-free Newton steps; returns the norm of the gradient. */
double lemma_minimise(const lemma_problem *problem, double *x);
/* The same on the fixed points of a symmetry of f: `project` maps x to the nearest one after every step,
 * which moves it by rounding errors only. */
typedef void lemma_project(const void *context, double *x);
double lemma_minimise_within(const lemma_problem *problem, lemma_project *project, const void *context,
                             double *x);

/* ---- matrices ---- */
double lemma_sigma1(int64_t rows, int64_t cols, const double *a);
double lemma_nuclear_norm(int64_t rows, int64_t cols, const double *a);
/* rows x cols with orthonormal rows, rows <= cols. */
void lemma_orthonormal_rows(ufm_rng *rng, int64_t rows, int64_t cols, double *q);

/* ---- closed form and certificate ---- */
/* delta with omega/(m e^delta + K - m) = slope * delta, by bisection. */
double lemma_margin(const lemma_design *design, int m, double slope);
/* sum_m kappa_m (delta_m(r)/r)^2 - 1; its root is the predicted r. */
double lemma_outer(const lemma_design *design, double r);
lemma_optimum lemma_predict(const lemma_design *design);
/* The predicted optimum as a point of lemma_design_problem; d >= K-1. */
void lemma_predicted_point(const lemma_design *design, ufm_rng *rng, const lemma_problem *problem, double *x);
lemma_bound_parts lemma_bound(const lemma_problem *problem, const double *x);

#endif
