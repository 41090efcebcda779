/* Private to report: gnuplot run on one script and one CSV file, in a scratch directory of its own. */
#ifndef UFMLAB_REPORT_GNUPLOT_H
#define UFMLAB_REPORT_GNUPLOT_H

#include <limits.h>
#include <ufmlab/report.h>

enum { UFM_GNUPLOT_COMPLAINT = 300 };

typedef struct {
    char script[PATH_MAX], csv[PATH_MAX], directory[PATH_MAX];
    char scratch[PATH_MAX];  /* directory/.ufmlab-XXXXXX, empty when not yet made */
    char drawing[PATH_MAX];  /* in scratch: what is drawn, or what goes to standard output */
    char messages[PATH_MAX]; /* in scratch: what gnuplot says */
} ufm_gnuplot;

/* NULL and an error message when the script, the CSV file or the directory is not there. */
ufm_status ufm_gnuplot_new(const ufm_figure *figure, const char *directory, ufm_gnuplot **work,
                           ufm_error *error);
/* Removes the scratch directory; accepts NULL. */
void ufm_gnuplot_free(ufm_gnuplot *work);
/* Runs the script with `out` as its second argument: NULL stands for drawing.SUFFIX in the scratch directory,
 * any other text is passed on, and standard output is then kept in drawing.SUFFIX. */
ufm_status ufm_gnuplot_run(ufm_gnuplot *work, const char *out, const char *suffix, ufm_error *error);
/* Is there a drawing? */
bool ufm_gnuplot_has_drawn(const ufm_gnuplot *work);
/* The last line of gnuplot's complaint, which says what is wrong; "" when there is none. */
void ufm_gnuplot_complaint(const ufm_gnuplot *work, char complaint[UFM_GNUPLOT_COMPLAINT]);

#endif
