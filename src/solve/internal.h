/* Private to module solve. */
#ifndef UFMLAB_SOLVE_INTERNAL_H
#define UFMLAB_SOLVE_INTERNAL_H

#include <ufmlab/solve.h>

/* With a free bias and a class that no sample has, f falls forever as that class's bias goes to minus
 * infinity: UFM_ERROR_USAGE. */
ufm_status solve_check_bounded(const ufm_labels *labels, const ufm_objective *objective, ufm_error *error);

/* ufm_solve for an active constraint. */
ufm_status solve_constrained(const ufm_labels *labels, const ufm_solve_settings *settings,
                             ufm_solution **solution, ufm_error *error);

#endif
