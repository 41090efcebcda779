/* Private to the command line: what the landscape commands share. */
#ifndef UFMLAB_CLI_LANDSCAPE_H
#define UFMLAB_CLI_LANDSCAPE_H

#include "cli.h"
#include <ufmlab/landscape.h>

/* The instance and the explorer of the options, with progress and interruption attached. */
typedef struct {
    ufm_labels *labels;
    ufm_design *design; /* NULL when unbalanced */
    ufm_explorer explorer;
    progress_line line;
} landscape_task;
ufm_status landscape_begin(const options *opts, landscape_task *task, ufm_error *error);
void landscape_end(landscape_task *task);

/* One function per file: what follows `ufmlab landscape`. */
int landscape_saddles(const options *opts);
int landscape_spectrum(const options *opts);
int landscape_multistart(const options *opts);
int landscape_slice(const options *opts);
int landscape_phase(const options *opts);
int landscape_path(const options *opts);
int landscape_collapse(const options *opts);

#endif
