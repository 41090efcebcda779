/* ufmlab: experiment: reading.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

#include "schema.h"

/* What libcyaml says while it reads: the first complaint, and the innermost place. */
typedef struct {
    char complaint[200];
    long long line;
} complaint;

static void take_message(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    complaint *heard = context;
    char text[256];
    (void)level;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    const char *line = strstr(text, "(line: "), *words = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    if (line && heard->line == 0) heard->line = strtoll(line + 7, NULL, 10);
    if (!line && !heard->complaint[0] && strncmp(words, "Backtrace", 9) != 0)
        snprintf(heard->complaint, sizeof heard->complaint, "%.180s", words);
}

static cyaml_config_t configuration(complaint *heard)
{
    return (cyaml_config_t){
        .log_fn = take_message, .log_ctx = heard, .log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};
}

void ufm_experiment_free(ufm_experiment *experiment)
{
    complaint heard = {{0}, 0};
    const cyaml_config_t config = configuration(&heard);
    if (!experiment) return;
    ufm_free(experiment->text);
    ufm_free(experiment->path);
    cyaml_free(&config, &ufm_experiment_schema, experiment, 0);
}

/* The whole file, by its lines. */
static ufm_status read_text(const char *path, char **whole, ufm_error *error)
{
    ufm_text *text = NULL;
    char *line, *made = NULL;
    int64_t length, capacity = 0, used = 0;
    ufm_status status = ufm_text_open(path, &text, error);
    if (status != UFM_OK) return status;
    while ((status = ufm_text_line(text, &line, &length, error)) == UFM_OK && line) {
        status = ufm_grow((void **)&made, &capacity, used + length + 2, 1);
        if (status != UFM_OK) break;
        memcpy(made + used, line, (size_t)length);
        used += length;
        made[used++] = '\n';
        made[used] = '\0';
    }
    if (status == UFM_OK && used == 0) status = ufm_text_fail(text, error, "the file is empty");
    ufm_text_close(text);
    if (status == UFM_OK) {
        *whole = made;
    } else {
        ufm_free(made);
    }
    return status;
}

/* Where `key: value` is written, the value perhaps in quotes; NULL: behind an alias, or nowhere. */
static const char *find_entry(const char *text, const char *key, const char *value)
{
    const size_t length = strlen(key); /* an empty key is nowhere */
    for (const char *at = length > 0 ? strstr(text, key) : NULL; at; at = strstr(at + 1, key)) {
        if (at[length] != ':') continue;
        const char *there = at + length + 1;
        there += strspn(there, " \t[\"'");
        if (strncmp(there, value, strlen(value)) == 0) return at;
    }
    return NULL;
}

static int line_of(const char *text, const char *at)
{
    int line = 1;
    for (const char *c = text; c < at; c++) line += *c == '\n';
    return line;
}

ufm_status ufm_experiment_fail(const ufm_experiment *experiment, const char *key, const char *value,
                               ufm_error *error, const char *format, ...)
{
    char what[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const char *at = find_entry(experiment->text, key, value), *path = ufm_shown_path(experiment->path);
    if (at) return ufm_fail(error, UFM_ERROR_INPUT, "%s:%d: %s", path, line_of(experiment->text, at), what);
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: %s '%.60s': %s", path, key, value, what);
}

const ufm_experiment_set *ufm_experiment_find_set(const ufm_experiment_preset *preset, const char *name)
{
    for (uint32_t s = 0; s < preset->sets; s++)
        if (strcmp(preset->set[s].name, name) == 0) return &preset->set[s];
    return NULL;
}

/* Sets are called by name; anything else is a path, a share of the rows, or the synthetic images. */
static ufm_status check_data(const ufm_experiment *e, const ufm_experiment_preset *preset, const char *key,
                             const char *data, ufm_error *error)
{
    double share;
    if (!data || ufm_experiment_find_set(preset, data) || strchr(data, '/') ||
        strcmp(data, "synthetic") == 0 || ufm_parse_double(data, &share))
        return UFM_OK;
    return ufm_experiment_fail(e, key, data, error,
                               "'%.60s' is no name of `sets`; give one, a path with a /, or synthetic", data);
}

static ufm_status check_sets(const ufm_experiment *e, const ufm_experiment_preset *preset, ufm_error *error)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    for (uint32_t s = 0; s < preset->sets; s++) {
        const char *name = preset->set[s].name;
        if (ufm_experiment_find_set(preset, name) != &preset->set[s] || strspn(name, allowed) != strlen(name))
            return ufm_experiment_fail(e, "name", name, error,
                                       "'%.60s': names of sets are small letters, digits and -, and differ",
                                       name);
    }
    return UFM_OK;
}

/* Columns of held-out samples need such samples. */
static ufm_status check_quantities(const ufm_experiment *e, const ufm_experiment_run *run, ufm_error *error)
{
    for (uint32_t q = 0; q < e->quantities && !run->held_out; q++)
        if (strncmp(e->quantity[q], "held_out_", 9) == 0)
            return ufm_experiment_fail(e, "label", run->label, error,
                                       "%.60s needs held-out samples; '%.60s' has none", e->quantity[q],
                                       run->label);
    return UFM_OK;
}

static ufm_status check_preset(const ufm_experiment *e, const ufm_experiment_preset *preset, ufm_error *error)
{
    ufm_status status = check_sets(e, preset, error);
    for (uint32_t r = 0; r < preset->runs && status == UFM_OK; r++) {
        const ufm_experiment_run *run = &preset->run[r];
        for (uint32_t other = 0; other < r; other++)
            if (strcmp(run->label, preset->run[other].label) == 0)
                return ufm_experiment_fail(e, "label", run->label, error, "two runs are labelled '%.60s'",
                                           run->label);
        status = check_quantities(e, run, error);
        if (status == UFM_OK) status = check_data(e, preset, "data", run->data, error);
        if (status == UFM_OK) status = check_data(e, preset, "held-out", run->held_out, error);
    }
    for (uint32_t s = 0; s < preset->seeds && status == UFM_OK; s++)
        if (preset->seed[s] < 0)
            status = ufm_experiment_fail(e, "seeds", "", error, "seed %lld: seeds are not negative",
                                         (long long)preset->seed[s]);
    return status;
}

/* libcyaml tells the line of what came before an unexpected key. */
static long long line_of_complaint(const complaint *heard, const char *text)
{
    static const char begin[] = "Unexpected key: ";
    long long line = heard->line > 0 ? heard->line : 1;
    if (strncmp(heard->complaint, begin, strlen(begin)) != 0) return line;
    const char *key = heard->complaint + strlen(begin), *at = text;
    for (long long l = 1; at && l < line; l++) at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    const char *found = at ? find_entry(at, key, "") : NULL;
    return found ? line_of(text, found) : line;
}

static ufm_status load(const char *path, const char *text, ufm_experiment **experiment, ufm_error *error)
{
    complaint heard = {{0}, 0};
    const cyaml_config_t config = configuration(&heard);
    cyaml_data_t *data = NULL;
    const cyaml_err_t code =
        cyaml_load_data((const uint8_t *)text, strlen(text), &config, &ufm_experiment_schema, &data, NULL);
    if (code == CYAML_OK && data) {
        *experiment = data;
        return UFM_OK;
    }
    if (code == CYAML_ERR_OOM) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to read %s", path);
    const char *what = heard.complaint[0] ? heard.complaint : cyaml_strerror(code);
    return ufm_fail(error, UFM_ERROR_INPUT, "%s:%lld: %s; experiments/README.md lists the keys",
                    ufm_shown_path(path), line_of_complaint(&heard, text), what);
}

ufm_status ufm_experiment_read(const char *path, ufm_experiment **experiment, ufm_error *error)
{
    char *text = NULL;
    ufm_experiment *made = NULL;
    ufm_status status = read_text(path, &text, error);
    if (status == UFM_OK) status = load(path, text, &made, error);
    if (status != UFM_OK) {
        ufm_free(text);
        return status;
    }
    made->text = text;
    made->path = ufm_strdup(path);
    if (!made->path) status = UFM_ERROR_MEMORY;
    for (int p = 0; p < UFM_EXPERIMENT_PRESETS && status == UFM_OK; p++)
        status = check_preset(made, made->preset[p], error);
    if (status == UFM_OK) {
        *experiment = made;
    } else {
        ufm_experiment_free(made);
    }
    return status;
}
