/* ufmlab: layer 6, report: figures by gnuplot and the HTML page that shows them.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_REPORT_H
#define UFMLAB_REPORT_H

#include <stdio.h>
#include <ufmlab/base.h>

/* Runs `gnuplot -c plots/SCRIPT.gp CSV DIR/NAME.EXT` for EXT in svg, pdf, png. The scripts are looked for in
 * $UFMLAB_PLOTS, beside the build that runs (plots/), and in the installed data directory. UFM_ERROR_IO names
 * the script or gnuplot's complaint. */
typedef struct {
    const char *script; /* without directory and .gp */
    const char *csv;    /* path */
    const char *name;   /* of the figure, without directory and suffix */
} ufm_figure;
ufm_status ufm_figure_draw(const ufm_figure *figure, const char *directory, ufm_error *error);
/* The same as text of columns x rows characters (UTF-8, no escape sequences). `name` is not used. */
ufm_status ufm_figure_text(const ufm_figure *figure, int columns, int rows, FILE *stream, ufm_error *error);
/* The same in a window of gnuplot's, where the mouse turns 3-D views; returns when the window is closed.
 * UFM_ERROR_UNSUPPORTED without a display, or when this gnuplot opens no windows. */
ufm_status ufm_figure_window(const ufm_figure *figure, ufm_error *error);
/* Whether there is a display at all, to be asked before the work for a figure starts. */
ufm_status ufm_figure_window_check(ufm_error *error);
/* An animated figure: the same as DIR/NAME.gif alone, for scripts that draw frames. */
ufm_status ufm_figure_animate(const ufm_figure *figure, const char *directory, ufm_error *error);

/* A self-contained HTML page (figures inlined as SVG, no scripts, no network), written atomically. */
typedef struct ufm_page ufm_page;
ufm_page *ufm_page_new(const char *title); /* NULL when memory is out */
void ufm_page_free(ufm_page *page);
void ufm_page_heading(ufm_page *page, const char *text);
void ufm_page_paragraph(ufm_page *page, const char *text);
/* A table: header cells, then rows*cols cells row by row; a cell that is a verdict is coloured and marked. */
void ufm_page_table(ufm_page *page, int64_t rows, int64_t cols, const char *const *header,
                    const char *const *cells);
/* Inlines directory/NAME.svg with a caption and links to its pdf and png. */
void ufm_page_figure(ufm_page *page, const char *directory, const char *name, const char *caption);
ufm_status ufm_page_write(ufm_page *page, const char *path, ufm_error *error);

#endif
