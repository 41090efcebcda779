/* The two scalar equations of Theorem 1 in the unknown t = r/(mu N), which keeps every quantity of moderate
 * size:
 *
 *   delta_m (m e^{delta_m} + K - m) = omega_m K t,
 *   F(t) = sum_m c_m (delta_m(t)/t)^2 = mu^2 N,    c_m = kappa_m/N = (N_m/N) m (K-m)/(K(K-1)).
 *
 * F falls strictly from F(0) = sum_m c_m omega_m^2 = mu_c^2 N to 0: one root for mu < mu_c, none otherwise.
 */
#ifndef UFMLAB_THEORY_MARGINS_H
#define UFMLAB_THEORY_MARGINS_H

#include <ufmlab/base.h>

/* One multiplicity m < K. */
typedef struct {
    long double share;      /* c_m */
    long double weight;     /* omega_m */
    long double part;       /* m/K */
    long double rest;       /* (K-m)/K */
    long double log_margin; /* result: log delta_m */
} ufm_margin;

/* F(0); 0 when there is no multiplicity below K. */
long double ufm_margins_limit(int64_t levels, const ufm_margin *margin);
/* Solves both equations for gap = log(F(0)/(mu^2 N)) > 0. */
void ufm_margins_solve(int64_t levels, ufm_margin *margin, long double gap);

#endif
