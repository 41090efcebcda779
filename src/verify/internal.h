/* Private to module verify. */
#ifndef UFMLAB_VERIFY_INTERNAL_H
#define UFMLAB_VERIFY_INTERNAL_H

#include <ufmlab/solve.h>
#include <ufmlab/verify.h>

/* One row of the table of instances. */
typedef struct {
    const char *name; /* NULL: made from the fields */
    int64_t classes;
    const char *samples; /* balanced design, or NULL */
    const char *counts;  /* "0:3,1:3,0+1:2": unbalanced tag sets, or NULL */
    const char *file;    /* below the data directory: ARFF without suffix, with an .xml beside it; or NULL */
    ufm_objective objective;
    double mu_ratio; /* > 0: choose the lambdas so that mu = mu_ratio mu_c */
    int64_t dim;     /* 0: K */
    ufm_duplicates duplicates;
    int extra_seeds; /* for uniqueness */
    double work;     /* rough share of the running time, for the progress */
} verify_instance;

extern const verify_instance verify_instances[];
extern const int64_t verify_instance_count;
void verify_instance_describe(const verify_instance *instance, char *text, size_t size);

/* An instance ready to be solved. */
typedef struct {
    ufm_labels *labels;
    ufm_design *design; /* NULL when unbalanced */
    ufm_objective objective;
    int64_t dim;
} verify_problem;
/* UFM_ERROR_IO with an untouched `problem` when the data file is not there. */
ufm_status verify_problem_make(const verify_instance *instance, const char *data, verify_problem *problem,
                               ufm_error *error);
void verify_problem_free(verify_problem *problem);
/* Newton from seed; tolerance and polishing as every claim needs them. */
ufm_solve_settings verify_solve_settings(const verify_problem *problem, const ufm_verify_settings *settings,
                                         uint64_t seed);

/* Judges everything that the instance claims and appends to the verification, which has room. */
ufm_status verify_judge(const verify_instance *instance, const verify_problem *problem, int64_t index,
                        const ufm_verify_settings *settings, ufm_verification *verification,
                        ufm_error *error);

/* Data of the figures as CSV in DIR/data, the figures in DIR/figures. `step` is called before each. */
typedef ufm_status verify_step(void *context, const char *what);
ufm_status verify_figures(const ufm_verify_settings *settings, verify_step *step, void *context,
                          ufm_error *error);
/* Steps that verify_figures will take. */
enum { VERIFY_FIGURE_STEPS = 4 };

/* index.html, verify.json, claims.csv. */
ufm_status verify_write_report(const ufm_verification *verification, const char *directory, ufm_error *error);

#endif
