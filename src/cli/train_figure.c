/* The figure of a run directory. */
#include "train.h"
#include <limits.h>
#include <ufmlab/report.h>

void train_draw(const train_run *run)
{
    const char *out = run->settings.out;
    char csv[PATH_MAX], directory[PATH_MAX];
    ufm_error error = {{0}};
    if (!out || run->opts.value[OPT_NO_FIGURES].given) return;
    const int length = snprintf(csv, sizeof csv, "%s/metrics.csv", out);
    if (length < 0 || length >= PATH_MAX) return;
    snprintf(directory, sizeof directory, "%s/figures", out);
    const ufm_figure figure = {"training", csv, "training"};
    ufm_status status = ufm_make_directory(directory, &error);
    if (status == UFM_OK) status = ufm_figure_draw(&figure, directory, &error);
    if (status != UFM_OK) say(&run->opts, "no figure: %s", error.text);
}
