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
    const char
        *images; /* sets of images, of which the first that is here is used, separated by blanks; or NULL */
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
    char set[32]; /* which set of images, or "" */
} verify_problem;
/* UFM_ERROR_IO with an untouched `problem` when the data are not there. */
ufm_status verify_problem_make(const verify_instance *instance, const char *data, verify_problem *problem,
                               ufm_error *error);
void verify_problem_free(verify_problem *problem);

/* One run of ufm_verify. Work is in the units of verify_instance.work. */
typedef struct {
    const ufm_verify_settings *settings;
    double total, done; /* of the work */
    double current;     /* work of what runs now */
    const char *what;   /* its name */
    bool cancelled;
    ufm_error *error;
} verify_run;
/* Says what comes next and how much work it is; UFM_ERROR_CANCELLED when the user wants to stop. */
ufm_status verify_begin(verify_run *run, const char *what, double work);

/* Newton from seed; tolerance and polishing as every claim needs them. Reports progress through the run. */
ufm_solve_settings verify_solve_settings(const verify_problem *problem, verify_run *run, uint64_t seed);
/* ufm_solve, or UFM_ERROR_CANCELLED. */
ufm_status verify_solve(const verify_problem *problem, const ufm_solve_settings *settings, verify_run *run,
                        ufm_solution **solution);

/* Judges everything that the instance claims and appends to the verification, which has room. */
ufm_status verify_judge(const verify_instance *instance, const verify_problem *problem, int64_t index,
                        verify_run *run, ufm_verification *verification);

/* Data of the figures as CSV in DIR/data, the figures in DIR/figures. */
ufm_status verify_figures(verify_run *run);
/* How many there are, and the work of each. */
enum { VERIFY_FIGURES = 4 };
#define VERIFY_FIGURE_WORK 1.0

/* index.html, verify.json, claims.csv. */
ufm_status verify_write_report(const ufm_verification *verification, const char *directory, ufm_error *error);

#endif
