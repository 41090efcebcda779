/* Private to nets: the state of a training and its parts.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_NETS_TRAIN_H
#define UFMLAB_NETS_TRAIN_H

#include "engine.h"
#include "samples.h"

/* Where a training is: all that the next step depends on besides the engine's vectors. */
typedef struct {
    int64_t epoch;             /* finished ones */
    int64_t done;              /* batches of the current epoch */
    int64_t step;              /* updates */
    double loss_sum, mass_sum; /* over the current epoch's images */
    int64_t images;            /* of the current epoch that were seen */
} ufm_train_place;

/* A growing text. */
typedef struct {
    char *text;
    int64_t length, capacity;
} ufm_train_text;

typedef struct {
    const ufm_training_settings *settings;
    ufm_objective objective; /* loss and, for features.h5, the lambdas that the decays amount to */
    ufm_network *network;
    const ufm_engine_ops *ops;
    void *engine;
    const char *ways; /* the engine's choice among its ways, its own text; NULL: it was given none */
    const ufm_samples *samples, *held_out;
    ufm_feed *feed, *held_feed;
    int64_t count, batches; /* training samples, batches per epoch */
    int64_t *order;         /* [largest set] */
    double *features, *logits;
    double *parameters; /* [parameters] for exchange with the engine */
    double *W, *b;      /* K x d column-major, K */
    double *H;          /* d x [largest set], of the last pass that measured */
    ufm_train_place place;
    ufm_train_text rows;          /* metrics.csv so far */
    double last_loss, epoch_loss; /* means of the last batch, of the last epoch */
    double step_seconds;          /* of this run's steps but the first */
    double wait_seconds;          /* of them waiting for images */
    int64_t step_images;          /* in that time */
    bool warm, interrupted;
    int claim; /* of the run directory */
    ufm_evaluation train, test;
} ufm_trainer;

/* The engine of that name; NULL: the fastest. */
ufm_status ufm_find_engine(const char *name, const ufm_engine_ops **ops, ufm_error *error);
double ufm_train_rate(const ufm_training_settings *settings, int64_t epoch);
/* The order of an epoch's images into `order`. */
ufm_status ufm_train_shuffle(uint64_t seed, int64_t epoch, int64_t count, int64_t *order);
/* One update with a batch; adds to the epoch's sums. UFM_ERROR_NUMERIC for a loss that is not finite. */
ufm_status ufm_train_step(ufm_trainer *trainer, const ufm_batch *batch, ufm_error *error);
/* sum_{k in S} softmax_k(z). */
double ufm_train_mass(ufm_tag_set set, const double *z);
/* Measures both sets in evaluation mode. UFM_ERROR_CANCELLED when progress said stop. */
ufm_status ufm_train_measure(ufm_trainer *trainer, ufm_error *error);
/* features.h5 of the set that was measured last (`held_out` or not). */
ufm_status ufm_train_save_features(ufm_trainer *trainer, bool held_out, ufm_error *error);
/* Passes over one set; fills H, W and b of the trainer. */
ufm_status ufm_train_pass(ufm_trainer *trainer, bool held_out, ufm_evaluation *evaluation, ufm_error *error);

/* metrics.csv: its header, and the row of an epoch. */
ufm_status ufm_train_header(ufm_trainer *trainer);
ufm_status ufm_train_row(ufm_trainer *trainer);
ufm_status ufm_train_publish_rows(const ufm_trainer *trainer, ufm_error *error);

/* Lets the engine choose, or gives it the choice of a checkpoint. */
ufm_status ufm_train_choose(ufm_trainer *trainer, const char *ways);

ufm_status ufm_checkpoint_save(ufm_trainer *trainer, ufm_error *error);
ufm_status ufm_checkpoint_load(ufm_trainer *trainer, ufm_error *error);
/* DIRECTORY/NAME; ufm_free. */
char *ufm_train_path(const char *directory, const char *name);
/* Reports progress; false: stop. */
bool ufm_train_report(ufm_trainer *trainer, bool measuring, double fraction);

#endif
