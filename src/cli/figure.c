/* The data and the figures of a command. */
#include "cli.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <ufmlab/report.h>
#include <unistd.h>

static ufm_status join(char path[PATH_MAX], const char *directory, const char *name, ufm_error *error)
{
    const int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return length >= 0 && length < PATH_MAX
               ? UFM_OK
               : ufm_fail(error, UFM_ERROR_USAGE, "%.200s: the name is too long; choose a shorter --out",
                          directory);
}

/* A subdirectory of --out, made when missing. */
static ufm_status subdirectory(const options *opts, const char *name, char path[PATH_MAX], ufm_error *error)
{
    const ufm_status status = join(path, opts->value[OPT_OUT].text, name, error);
    return status == UFM_OK ? ufm_make_directory(path, error) : status;
}

static ufm_status check_usage(const options *opts, ufm_error *error)
{
    if (opts->value[OPT_ASCII].given && opts->value[OPT_JSON].given)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "--json and --ascii both want standard output; give one of them, or --out DIR");
    return opts->value[OPT_INTERACTIVE].given ? ufm_figure_window_check(error) : UFM_OK;
}

/* A name in the temporary directory that nobody can guess. */
static ufm_status temporary_name(char path[PATH_MAX], ufm_error *error)
{
    uint64_t random;
    char name[64];
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return ufm_fail(error, UFM_ERROR_IO, "random numbers: %s", strerror(errno));
    snprintf(name, sizeof name, "ufmlab-%016llx.csv", (unsigned long long)random);
    const char *chosen = getenv("TMPDIR");
    return join(path, chosen && *chosen ? chosen : "/tmp", name, error);
}

ufm_status command_data(const options *opts, const char *name, ufm_output **output, ufm_error *error)
{
    char path[PATH_MAX], directory[PATH_MAX], file[NAME_MAX + 1];
    *output = NULL;
    ufm_status status = check_usage(opts, error);
    if (status != UFM_OK) return status;
    if (opts->value[OPT_OUT].given) {
        snprintf(file, sizeof file, "%s.csv", name);
        status = subdirectory(opts, "data", directory, error);
        if (status == UFM_OK) status = join(path, directory, file, error);
    } else if (opts->value[OPT_ASCII].given || opts->value[OPT_INTERACTIVE].given) {
        status = temporary_name(path, error);
    } else {
        return UFM_OK;
    }
    return status == UFM_OK ? ufm_output_open(path, output, error) : status;
}

enum { COLUMNS = 100, ROWS = 35, COLUMNS_LEAST = 60, COLUMNS_MOST = 200, ROWS_LEAST = 20, ROWS_MOST = 60 };

static int within(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* As large as the terminal; 100 x 35 when the output goes elsewhere. */
static ufm_status draw_text(const ufm_figure *figure, ufm_error *error)
{
    struct winsize size;
    int columns = COLUMNS, rows = ROWS;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        columns = within(size.ws_col - 1, COLUMNS_LEAST, COLUMNS_MOST);
        rows = within(size.ws_row - 2, ROWS_LEAST, ROWS_MOST);
    }
    return ufm_figure_text(figure, columns, rows, stdout, error);
}

static ufm_status draw_everywhere(const options *opts, const ufm_figure *figure, ufm_error *error)
{
    char figures[PATH_MAX];
    ufm_status status = UFM_OK;
    if (opts->value[OPT_OUT].given) {
        status = subdirectory(opts, "figures", figures, error);
        if (status == UFM_OK) status = ufm_figure_draw(figure, figures, error);
    }
    if (status == UFM_OK && opts->value[OPT_ASCII].given) status = draw_text(figure, error);
    if (status == UFM_OK && opts->value[OPT_INTERACTIVE].given) status = ufm_figure_window(figure, error);
    return status;
}

ufm_status command_figure(const options *opts, const char *script, const char *name, ufm_output *output,
                          ufm_error *error)
{
    if (!output) return UFM_OK;
    char *csv = ufm_strdup(ufm_output_path(output));
    if (!csv) {
        ufm_output_abort(output);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to draw %.60s", name);
    }
    ufm_status status = ufm_output_commit(output, error);
    if (status == UFM_OK && script) {
        const ufm_figure figure = {script, csv, name};
        status = draw_everywhere(opts, &figure, error);
        if (!opts->value[OPT_OUT].given) unlink(csv);
    }
    ufm_free(csv);
    return status;
}
