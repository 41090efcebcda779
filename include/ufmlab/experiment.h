/* ufmlab: layer 6, experiment: the files that declare the paper's experiments, and what is collected of their
 * runs.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_EXPERIMENT_H
#define UFMLAB_EXPERIMENT_H

#include <ufmlab/base.h>

/* ---- Experiments as YAML ------------------------------------------------------------------------- */

/* A set of images that runs share: options of `ufmlab data make` but --out. */
typedef struct {
    char *name, *make;
} ufm_experiment_set;

/* A training, done with every seed. */
typedef struct {
    char *label;    /* of its lines in figures and tables; of its directory, too */
    char *data;     /* a set's name, or what --data takes */
    char *held_out; /* the same for --held-out; NULL: none */
    char *train;    /* options of `ufmlab train`, after those of the preset; or NULL */
} ufm_experiment_run;

typedef struct {
    char *pixels;   /* what the images are, for the figure */
    double minutes; /* that all runs take on two cores, about; 0: unknown */
    int64_t *seed;
    uint32_t seeds;
    char *train; /* options of every run, or NULL */
    ufm_experiment_set *set;
    uint32_t sets;
    ufm_experiment_run *run;
    uint32_t runs;
} ufm_experiment_preset;

typedef enum { UFM_EXPERIMENT_DESK, UFM_EXPERIMENT_PAPER, UFM_EXPERIMENT_PRESETS } ufm_experiment_size;

/* What is measured at the end of a run besides its metrics.csv: bits of `measures`. X(name, spelling). */
#define UFM_EXPERIMENT_MEASURES(X)                                                                           \
    X(DECODERS, "decoders")     /* scores of ONN, thresholds and top-k on held-out samples, else on all */   \
    X(PARAMETERS, "parameters") /* trainable ones, here and at full width */                                 \
    X(GROUPS, "groups")         /* NCm of the tag sets with equally many samples */                          \
    X(OBJECTIVE, "objective")   /* the UFM's objective at the network's features, and its duality gap */     \
    X(GRAM, "gram")             /* ufm_gram_distance of the network's W and every theory's */                \
    X(FEATURES, "features")     /* in the plane of the classifier of three classes, before and after */      \
    X(LABELS, "labels")         /* how many samples the tag sets have */
/* What the features are compared with: bits of `theory`, counted from zero again. */
#define UFM_EXPERIMENT_THEORIES(X)                                                                           \
    X(UFM, "ufm")                                                                                            \
    X(NONNEGATIVE, "ufm-nonnegative")                                                                        \
    X(CLOSED_FORM, "closed-form")
enum {
#define UFM_EXPERIMENT_PLACE(name, spelling) UFM_EXPERIMENT_PLACE_##name,
    UFM_EXPERIMENT_MEASURES(UFM_EXPERIMENT_PLACE) UFM_EXPERIMENT_MEASURE_COUNT,
    UFM_EXPERIMENT_MEASURE_END = -1,
    UFM_EXPERIMENT_THEORIES(UFM_EXPERIMENT_PLACE) UFM_EXPERIMENT_THEORY_COUNT
#undef UFM_EXPERIMENT_PLACE
};
#define UFM_EXPERIMENT_BIT(name) (1u << UFM_EXPERIMENT_PLACE_##name)

#define UFM_EXPERIMENT_VERDICTS(X)                                                                           \
    X(REPRODUCED, "REPRODUCED")                                                                              \
    X(WEAKER, "WEAKER")                                                                                      \
    X(NOT_REPRODUCED, "NOT REPRODUCED")                                                                      \
    X(NO_CLAIM, "no claim")                                                                                  \
    X(OPEN, "open")
typedef enum {
#define UFM_EXPERIMENT_VERDICT(name, spelling) UFM_EXPERIMENT_##name,
    UFM_EXPERIMENT_VERDICTS(UFM_EXPERIMENT_VERDICT)
#undef UFM_EXPERIMENT_VERDICT
} ufm_experiment_verdict;
const char *ufm_experiment_verdict_text(ufm_experiment_verdict verdict);

typedef struct {
    char *title;
    char *figure;    /* of the paper */
    char *claim;     /* the paper's, in words */
    char *plot;      /* script below plots/, without .gp */
    char **quantity; /* columns of metrics.csv */
    uint32_t quantities;
    uint32_t measures, theory;
    ufm_experiment_preset *preset[UFM_EXPERIMENT_PRESETS];
    ufm_experiment_verdict verdict;
    char *result; /* what came out, with the reasons; NULL: not run yet */
    char *text;   /* the file, for ufm_experiment_fail */
    char *path;
} ufm_experiment;

/* Reads a file that libcyaml's schema and the rules of the texts accept: labels and names of sets unlike each
 * other, data that are there. UFM_ERROR_INPUT with FILE:LINE. */
ufm_status ufm_experiment_read(const char *path, ufm_experiment **experiment, ufm_error *error);
void ufm_experiment_free(ufm_experiment *experiment); /* accepts NULL */
/* ufm_fail with the file and the line where `key: value` is written. */
ufm_status ufm_experiment_fail(const ufm_experiment *experiment, const char *key, const char *value,
                               ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The set of that name, or NULL. */
const ufm_experiment_set *ufm_experiment_find_set(const ufm_experiment_preset *preset, const char *name);

/* ---- Collecting ----------------------------------------------------------------------------------- */

/* Some columns of a CSV file by their names; an empty field is NaN. */
typedef struct {
    int64_t rows, columns;
    double *value; /* rows x columns, row-major */
} ufm_columns;
/* UFM_ERROR_INPUT when the file has no such column. */
ufm_status ufm_columns_read(const char *path, int64_t columns, const char *const *name, ufm_columns *read,
                            ufm_error *error);
void ufm_columns_free(ufm_columns *read);

/* Mean and extremes of the numbers that are defined; NaN when none is. */
typedef struct {
    int64_t count;
    double mean, low, high;
} ufm_band;
ufm_band ufm_band_of(int64_t count, const double *value);

/* A number of a JSON file by its keys: "metrics.ncm.2"; NaN when it has none there (true is 1, false 0). */
ufm_status ufm_experiment_number(const char *path, const char *keys, double *value, ufm_error *error);

#endif
