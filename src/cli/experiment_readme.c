/* The table of experiments in a Markdown file, between two lines that mark its place. */
#include "experiment.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char begin_mark[] = "<!-- experiments: begin -->", end_mark[] = "<!-- experiments: end -->";

/* Seconds of all trainings, from the manifests among the results; NaN when one is missing. */
static ufm_status time_taken(const experiment_work *work, double *seconds, ufm_error *error)
{
    const ufm_experiment_preset *preset = work->preset;
    ufm_status status = UFM_OK;
    *seconds = 0;
    for (uint32_t i = 0; i < preset->runs * preset->seeds && status == UFM_OK; i++) {
        char directory[PATH_MAX], path[PATH_MAX];
        double one = NAN;
        status = run_directory(work, &preset->run[i % preset->runs], preset->seed[i / preset->runs],
                               directory, error);
        if (status == UFM_OK)
            status = experiment_path(path, error, "%s/%s%s/manifest.json", work->results, work->name,
                                     directory + strlen(work->out));
        if (status == UFM_OK && access(path, F_OK) == 0)
            status = ufm_experiment_number(path, "seconds", &one, error);
        *seconds += one;
    }
    return status;
}

static void write_cell(FILE *stream, const char *text)
{
    fputs("| ", stream);
    for (const char *c = text; *c; c++) {
        if (*c == '|') fputc('\\', stream);
        fputc(*c == '\n' ? ' ' : *c, stream);
    }
    fputc(' ', stream);
}

static ufm_status write_table_row(const options *opts, const char *path, void *stream, ufm_error *error)
{
    experiment_work work;
    double seconds = NAN;
    char text[256];
    ufm_status status = experiment_open(opts, path, &work, error);
    if (status == UFM_OK) status = time_taken(&work, &seconds, error);
    if (status == UFM_OK) {
        const ufm_experiment *e = work.experiment;
        write_cell(stream, e->figure);
        snprintf(text, sizeof text, "`ufmlab experiment %.60s`", work.name);
        write_cell(stream, text);
        write_cell(stream, work.pixels);
        snprintf(text, sizeof text, isfinite(seconds) ? "%.1f min" : "not run", seconds / 60);
        write_cell(stream, text);
        write_cell(stream, e->claim);
        write_cell(stream, e->result ? e->result : "");
        write_cell(stream, ufm_experiment_verdict_text(e->verdict));
        fputs("|\n", stream);
    }
    experiment_close(&work);
    return status;
}

/* Copies the lines, but a new table for what is between the marks. */
static ufm_status copy_lines(ufm_text *text, FILE *stream, const options *opts, ufm_error *error)
{
    char *line;
    int64_t length;
    bool inside = false, found = false;
    ufm_status status;
    while ((status = ufm_text_line(text, &line, &length, error)) == UFM_OK && line) {
        if (strcmp(line, end_mark) == 0) inside = false;
        if (!inside) fprintf(stream, "%s\n", line);
        if (strcmp(line, begin_mark) != 0) continue;
        inside = found = true;
        fputs("| figure | command | pixels | time | claim | result | verdict "
              "|\n|---|---|---|---|---|---|---|\n",
              stream);
        status = visit_experiments(opts, write_table_row, stream, error);
        if (status != UFM_OK) return status;
    }
    if (status == UFM_OK && (!found || inside))
        status = ufm_text_fail(text, error, "the lines %s and %s must mark the place of the table",
                               begin_mark, end_mark);
    return status;
}

ufm_status write_readme(const options *opts, ufm_error *error)
{
    const char *path = opts->value[OPT_EXPERIMENT_README].text;
    ufm_text *text = NULL;
    ufm_output *output = NULL;
    ufm_status status = ufm_text_open(path, &text, error);
    if (status == UFM_OK) status = ufm_output_open(path, &output, error);
    if (status == UFM_OK) status = copy_lines(text, ufm_output_stream(output), opts, error);
    ufm_text_close(text);
    if (status == UFM_OK) return ufm_output_commit(output, error);
    ufm_output_abort(output);
    return status;
}
