/* Private to multistart: what one worker holds, and the stations of one run. */
#ifndef UFMLAB_LANDSCAPE_MULTISTART_H
#define UFMLAB_LANDSCAPE_MULTISTART_H

#include <ufmlab/landscape.h>

/* One worker; models must not be shared between threads. */
typedef struct {
    const ufm_labels *labels;
    const ufm_objective *objective;
    int64_t dim;
    ufm_minimize_settings minimize;
    ufm_model *model;
    double *x;
    double *features;              /* NULL when no column stands for several samples */
    double *hessian, *eigenvalues; /* NULL until needed */
} multistart_worker;

/* Seed, kind and scale of run `index`: a function of both arguments only. */
void multistart_plan(uint64_t seed, int64_t index, ufm_run *run);
/* Writes the start of `run` to worker->x. */
ufm_status multistart_start(multistart_worker *worker, const ufm_run *run, ufm_error *error);
/* Certifies worker->x and completes `run`. */
ufm_status multistart_judge(multistart_worker *worker, ufm_run *run, ufm_certificate *certificate,
                            ufm_error *error);

#endif
