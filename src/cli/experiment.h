/* Private to the experiment command. */
#ifndef UFMLAB_CLI_EXPERIMENT_H
#define UFMLAB_CLI_EXPERIMENT_H

#include "cli.h"
#include <limits.h>
#include <ufmlab/experiment.h>

/* One experiment at one size, and where its files lie. */
typedef struct {
    const options *opts;
    ufm_experiment *experiment;
    ufm_experiment_size size;
    const ufm_experiment_preset *preset;
    char name[NAME_MAX + 1]; /* the file's, without .yaml */
    char folder[PATH_MAX];   /* the file's */
    char out[PATH_MAX];      /* sets and run directories */
    char results[PATH_MAX];  /* NAME.csv and NAME/ */
    char pixels[256];        /* what the images are, with --fashion */
} experiment_work;

ufm_status experiment_open(const options *opts, const char *path, experiment_work *work, ufm_error *error);
void experiment_close(experiment_work *work);
/* Calls `visit` for every experiments/NAME.yaml, in the order of the names. */
typedef ufm_status experiment_visitor(const options *opts, const char *path, void *context, ufm_error *error);
ufm_status visit_experiments(const options *opts, experiment_visitor *visit, void *context, ufm_error *error);
/* Renews the table of experiments in the file of --readme. */
ufm_status write_readme(const options *opts, ufm_error *error);
/* snprintf; UFM_ERROR_USAGE when it does not fit. */
ufm_status experiment_path(char path[PATH_MAX], ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Arguments of a child process ---- */
typedef struct {
    int64_t count, capacity;
    char **word; /* [count], then NULL */
} experiment_words;
void words_clear(experiment_words *words);
ufm_status words_add(experiment_words *words, ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The words of a text, separated by blanks; $UFMLAB_DATA/ and $EXPERIMENTS/ at the beginning of one become
 * the directory of the data sets and of the file. NULL has none. */
ufm_status words_split(const experiment_work *work, experiment_words *words, const char *text,
                       ufm_error *error);
/* One a line. NULL when memory is out; ufm_free. */
char *words_text(const experiment_words *words);
/* What `cmd` makes of the words behind `ufmlab`. The words must outlive the options. */
ufm_status words_parse(const command *cmd, const experiment_words *words, options *opts, ufm_error *error);

/* Runs this program; its standard output replaces the file `output` (NULL: is dropped) when it succeeds.
 * Ctrl-C goes through to it: UFM_ERROR_CANCELLED. */
ufm_status experiment_child(const experiment_words *words, const char *output, ufm_error *error);

/* ---- Runs ---- */
/* The directory of a training. */
ufm_status run_directory(const experiment_work *work, const ufm_experiment_run *run, int64_t seed,
                         char path[PATH_MAX], ufm_error *error);
/* `train` and its options but --out, for one seed. */
ufm_status run_words(const experiment_work *work, const ufm_experiment_run *run, int64_t seed,
                     experiment_words *words, ufm_error *error);
/* Refuses options that do not exist, with the line of the file where they are. */
ufm_status check_runs(const experiment_work *work, ufm_error *error);
/* Whether a training was completed with these settings. */
ufm_status run_is_done(const experiment_work *work, const ufm_experiment_run *run, int64_t seed, bool *done,
                       ufm_error *error);
/* Makes the sets that are not there. */
ufm_status make_sets(const experiment_work *work, ufm_error *error);
/* Seconds that the trainings which are not done will take, from a few steps of each. */
ufm_status estimate_runs(const experiment_work *work, double *seconds, ufm_error *error);
/* Starts or goes on with every training that is not done. */
ufm_status train_runs(const experiment_work *work, ufm_error *error);

/* ---- Collecting ---- */
/* One row of NAME.csv; `epoch` NaN: at the end. */
typedef struct {
    FILE *stream;
    const experiment_work *work;
} experiment_rows;
void write_band(const experiment_rows *rows, const char *kind, const char *series, const char *quantity,
                double epoch, ufm_band band);
/* NAME.csv, the small files of the runs, the figures. */
ufm_status collect_runs(const experiment_work *work, ufm_error *error);
/* What the theory says about the labels of a run. */
ufm_status collect_theory(const experiment_rows *rows, const ufm_experiment_run *run, ufm_error *error);
/* NAME-points.csv and NAME-labels.csv. */
ufm_status collect_features(const experiment_work *work, ufm_error *error);
ufm_status collect_labels(const experiment_work *work, ufm_error *error);
/* NCm of the tag sets by the number of their training samples: groups[g] and ncm[g], for the caller to
 * ufm_free. */
typedef struct {
    int64_t count;
    double *samples, *ncm;
} experiment_groups;
ufm_status measure_groups(const features_input *measured, const features_input *trained,
                          experiment_groups *groups, ufm_error *error);

#endif
