/* The reduced problem of a balanced design under any of the losses (proof note 16). A permutation of the
 * classes carries the design into itself, so a convex problem has an optimum that every permutation leaves
 * alone: logits
 *
 *   z_S = delta_m (y_S - (m/K) 1) + (a_m + beta) 1,    b = beta 1,
 *
 * with loss phi_m(delta, a + beta). With q_m = N_m/N, c_m = kappa_m/N = q_m m (K-m)/(K(K-1)) and M = mu sqrt
 * N it is
 *
 *   min sum_m q_m phi_m(delta_m, a_m + beta) + M ((K-1) rho + alpha) + lambda_b K beta^2,
 *   rho^2 = sum_m c_m delta_m^2,   alpha^2 = K sum_m q_m a_m^2,
 *
 * convex in 2 M + 1 numbers; (r, A) = sqrt(N) (rho, alpha) are the singular values of the logits, r K-1
 * times. A shift-free loss has a = beta = 0. */
#ifndef UFMLAB_THEORY_REDUCED_H
#define UFMLAB_THEORY_REDUCED_H

#include <ufmlab/labels.h>

/* phi and its derivatives in delta and s = a + beta. */
typedef struct {
    double value, d, s, dd, ds, ss;
} reduced_loss;

/* phi_m(delta, s); `envelope` replaces pal-focal by its convex envelope. */
reduced_loss reduced_loss_at(const ufm_objective *objective, double K, double m, double delta, double s,
                             bool envelope);
/* Cross-entropy u of a tag at delta, and the largest u up to which pal-focal is its envelope (infinite for
 * the other losses): where all stay below it the reduced optimum is proved global. */
double reduced_cross_entropy(double K, double m, double delta);
double reduced_convex_limit(const ufm_objective *objective);

/* One multiplicity: what is given, and the solution. */
typedef struct {
    double m, share; /* q_m */
    double spread;   /* c_m; 0 for m = K */
    double delta, a;
} reduced_level;

typedef struct {
    ufm_objective objective;
    double classes;  /* K */
    double strength; /* M */
    int64_t levels;
    reduced_level *level;
    double beta;
    double critical; /* M at which delta leaves 0, given the other unknowns at this M */
    double value;    /* of the objective, at the solution */
    bool proved;     /* it is the global optimum; false only for pal-focal */
} reduced_problem;

/* Fills delta, a, beta and the last three. UFM_ERROR_NUMERIC where Newton's method does not arrive. */
ufm_status reduced_solve(reduced_problem *problem, ufm_error *error);

#endif
