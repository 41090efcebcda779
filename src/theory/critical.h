/* What the design and the loss fix: N, the equations' coefficients, mu_c. */
#ifndef UFMLAB_THEORY_CRITICAL_H
#define UFMLAB_THEORY_CRITICAL_H

#include "margins.h"
#include "shares.h"

typedef struct {
    int64_t levels;        /* of the design */
    int64_t active;        /* multiplicities below K, the first `active` levels */
    long double *fraction; /* [levels] N_m/N */
    ufm_margin *margin;    /* [active] */
    ufm_scaled samples;    /* N */
    long double limit;     /* mu_c^2 N */
} ufm_critical;

ufm_status ufm_critical_new(const ufm_design *design, const ufm_objective *objective, ufm_critical *critical,
                            ufm_error *error);
void ufm_critical_clear(ufm_critical *critical);
/* mu_c = chi sqrt(sum omega_m^2 kappa_m)/N, chi = 1 but 1 - epsilon for pal-smooth and F'(log K) for
 * pal-focal (where it is the point at which W = H = 0 stops being a local minimum); 0 when it is below a long
 * double. */
long double ufm_critical_mu(const ufm_critical *critical);

#endif
