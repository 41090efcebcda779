/* How the samples of a design divide among its multiplicities. */
#ifndef UFMLAB_THEORY_SHARES_H
#define UFMLAB_THEORY_SHARES_H

#include "scaled.h"
#include <ufmlab/labels.h>

/* UFM_ERROR_USAGE unless 2 <= K <= 2^31, multiplicities ascend within 1..K and every n_m >= 1. */
ufm_status ufm_shares_check(const ufm_design *design, ufm_error *error);
/* fraction[l] = N_m/N (0 where it is below a long double) and N = sum n_m C(K,m). */
ufm_status ufm_shares_compute(const ufm_design *design, long double *fraction, ufm_scaled *samples);
/* N in decimal: exact below 2^63, else 17 digits and an exponent. */
void ufm_shares_text(const ufm_design *design, ufm_scaled samples, char *text, size_t size);

#endif
