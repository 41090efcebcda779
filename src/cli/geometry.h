/* Private to the command line: what `ufmlab geometry` has found. */
#ifndef UFMLAB_CLI_GEOMETRY_H
#define UFMLAB_CLI_GEOMETRY_H

#include "cli.h"
#include <ufmlab/geometry.h>

typedef struct {
    const options *opts;
    const char *file; /* the solution that was loaded, or NULL */
    ufm_labels *labels;
    ufm_solve_settings settings; /* the objective is right for loaded solutions too */
    ufm_solution *solution;
    ufm_balance *balance;
    double limit_slack; /* of ufm_label_limit */
    ufm_frame *frame;
    ufm_tag_laws *laws;
    ufm_prediction *prediction; /* NULL where Theorem 1 does not apply */
} geometry_report;

ufm_status geometry_print_json(const geometry_report *report, ufm_error *error);
void geometry_print_text(const geometry_report *report);
/* CSV files and figures below --out; nothing without it. */
ufm_status geometry_write(const geometry_report *report, ufm_error *error);

#endif
