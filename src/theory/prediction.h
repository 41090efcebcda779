/* What the two ways to a prediction share. */
#ifndef UFMLAB_THEORY_PREDICTION_H
#define UFMLAB_THEORY_PREDICTION_H

#include "critical.h"
#include <ufmlab/theory.h>

/* Design, fractions and N filled in, the rest as of total collapse; NULL when memory is out. */
ufm_prediction *ufm_prediction_new(const ufm_design *design, const long double *fraction, ufm_scaled samples);

#endif
