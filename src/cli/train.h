/* Private to the command line: the pieces of `ufmlab train`. */
#ifndef UFMLAB_CLI_TRAIN_H
#define UFMLAB_CLI_TRAIN_H

#include "cli.h"
#include <ufmlab/nets.h>

typedef struct {
    options opts;          /* with those of the preset and of the checkpoint */
    char *stored, *preset; /* texts that the options point into */
    char *cache;           /* directory of the engine's trials, or NULL */
    char *arguments;       /* of this run, for the checkpoint */
    char epochs[32];       /* text of the epochs that --steps amounts to */
    ufm_training_settings settings;
    ufm_images *images, *held_images; /* these, or */
    ufm_table *table, *held_table;
    ufm_samples samples, held_out;
} train_run;

/* Everything that the options say, the data opened. */
ufm_status train_read(const command *cmd, const options *opts, train_run *run, ufm_error *error);
void train_run_clear(train_run *run);
/* Opens --data and --held-out; the network for rows of numbers is the mlp unless --arch says otherwise. */
ufm_status train_open(train_run *run, ufm_error *error);
const ufm_samples *train_held_out(const train_run *run); /* NULL: none */
/* --arch help. */
ufm_status train_print_architectures(const options *opts, ufm_error *error);
/* --dry-run: prints, after a few steps on the clock. */
ufm_status train_print_plan(const train_run *run, ufm_error *error);
ufm_status train_print_json(const train_run *run, const ufm_training *training, ufm_error *error);
void train_print_text(const train_run *run, const ufm_training *training);
/* OUT/manifest.json; `training` is NULL before the run. */
ufm_status train_write_manifest(const train_run *run, const ufm_training *training, ufm_error *error);

/* The figure of OUT/metrics.csv in OUT/figures. A failure is said, and does not fail the run. */
void train_draw(const train_run *run);

#endif
