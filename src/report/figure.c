/* Figures: into files, as text, in a window. */
#include "gnuplot.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ufm_status no_drawing(const ufm_gnuplot *work, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_IO,
                    "%.120s: gnuplot cannot draw it (it wrote nothing); check the CSV file", work->csv);
}

/* The drawing appears under its name by renaming. */
static ufm_status draw(ufm_gnuplot *work, const char *name, const char *suffix, ufm_error *error)
{
    char target[PATH_MAX];
    const int length = snprintf(target, sizeof target, "%s/%s.%s", work->directory, name, suffix);
    if (length < 0 || length >= PATH_MAX)
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: the name is too long; choose a shorter one", name);
    const ufm_status status = ufm_gnuplot_run(work, NULL, suffix, error);
    if (status != UFM_OK) return status;
    if (!ufm_gnuplot_has_drawn(work)) return no_drawing(work, error);
    if (rename(work->drawing, target) != 0)
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: %s; choose a writable directory", target,
                        strerror(errno));
    return UFM_OK;
}

static ufm_status draw_all(const ufm_figure *figure, const char *directory, const char *const *suffixes,
                           ufm_error *error)
{
    ufm_gnuplot *work;
    ufm_status status = ufm_gnuplot_new(figure, directory, &work, error);
    for (; status == UFM_OK && *suffixes; suffixes++) status = draw(work, figure->name, *suffixes, error);
    ufm_gnuplot_free(work);
    return status;
}

ufm_status ufm_figure_draw(const ufm_figure *figure, const char *directory, ufm_error *error)
{
    static const char *const suffixes[] = {"svg", "pdf", "png", NULL};
    return draw_all(figure, directory, suffixes, error);
}

ufm_status ufm_figure_animate(const ufm_figure *figure, const char *directory, ufm_error *error)
{
    static const char *const suffixes[] = {"gif", NULL};
    return draw_all(figure, directory, suffixes, error);
}

static const char *temporary_directory(void)
{
    const char *chosen = getenv("TMPDIR");
    return chosen && *chosen ? chosen : "/tmp";
}

static ufm_status copy_text(const ufm_gnuplot *work, FILE *stream, ufm_error *error)
{
    FILE *text = fopen(work->drawing, "r");
    if (!text) return no_drawing(work, error);
    for (int c; (c = getc(text)) != EOF;)
        if (c != '\f') putc(c, stream); /* gnuplot starts each figure on a new page */
    const bool read = !ferror(text);
    fclose(text);
    return read && !ferror(stream) ? UFM_OK : ufm_fail(error, UFM_ERROR_IO, "the figure cannot be written");
}

ufm_status ufm_figure_text(const ufm_figure *figure, int columns, int rows, FILE *stream, ufm_error *error)
{
    char out[64];
    ufm_gnuplot *work;
    snprintf(out, sizeof out, "dumb %d %d", columns, rows);
    ufm_status status = ufm_gnuplot_new(figure, temporary_directory(), &work, error);
    if (status != UFM_OK) return status;
    status = ufm_gnuplot_run(work, out, "txt", error);
    if (status == UFM_OK)
        status = ufm_gnuplot_has_drawn(work) ? copy_text(work, stream, error) : no_drawing(work, error);
    ufm_gnuplot_free(work);
    return status;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

ufm_status ufm_figure_window_check(ufm_error *error)
{
    if (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                    "there is no display to open a window on; draw in the terminal or into files");
}

ufm_status ufm_figure_window(const ufm_figure *figure, ufm_error *error)
{
    char complaint[UFM_GNUPLOT_COMPLAINT];
    ufm_gnuplot *work;
    ufm_status status = ufm_figure_window_check(error);
    if (status == UFM_OK) status = ufm_gnuplot_new(figure, temporary_directory(), &work, error);
    if (status != UFM_OK) return status;
    status = ufm_gnuplot_run(work, "window", "txt", error);
    ufm_gnuplot_complaint(work, complaint);
    if (strstr(complaint, "opens no window"))
        status = ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                          "this gnuplot opens no windows; install gnuplot-qt or gnuplot-x11");
    ufm_gnuplot_free(work);
    return status;
}
