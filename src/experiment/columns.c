/* ufmlab: experiment: columns of CSV files, and their bands over the seeds.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <ufmlab/experiment.h>
#include <ufmlab/io.h>

void ufm_columns_free(ufm_columns *read)
{
    ufm_free(read->value);
    *read = (ufm_columns){0};
}

/* place[f]: which of the wanted columns field f of the header is, -1: none. */
static ufm_status read_header(ufm_text *text, const ufm_columns *wanted, const char *const *name,
                              int64_t **place, int64_t *fields, ufm_error *error)
{
    char *line;
    int64_t length, capacity = 0;
    ufm_status status = ufm_text_line(text, &line, &length, error);
    if (status == UFM_OK && !line)
        status = ufm_text_fail(text, error, "the file is empty; it wants a header");
    *fields = 0;
    for (char *cursor = line; status == UFM_OK && cursor; ++*fields) {
        const char *field = ufm_field_next(&cursor);
        if (!field) return ufm_text_fail(text, error, "a quote is not closed");
        status = ufm_grow((void **)place, &capacity, *fields + 1, sizeof **place);
        if (status != UFM_OK) break;
        (*place)[*fields] = -1;
        for (int64_t c = 0; c < wanted->columns; c++)
            if (strcmp(field, name[c]) == 0) (*place)[*fields] = c;
    }
    for (int64_t c = 0; c < wanted->columns && status == UFM_OK; c++) {
        bool found = false;
        for (int64_t f = 0; f < *fields; f++) found |= (*place)[f] == c;
        if (!found) status = ufm_text_fail(text, error, "there is no column %.60s", name[c]);
    }
    return status;
}

static ufm_status read_row(ufm_text *text, char *line, const int64_t *place, int64_t fields, double *row,
                           ufm_error *error)
{
    int64_t f = 0;
    for (char *cursor = line; cursor; f++) {
        const char *field = ufm_field_next(&cursor);
        if (!field || f >= fields)
            return ufm_text_fail(text, error, "the row does not fit the header of %lld fields",
                                 (long long)fields);
        if (place[f] < 0) continue;
        if (!*field)
            row[place[f]] = NAN;
        else if (!ufm_parse_double(field, &row[place[f]]))
            return ufm_text_fail(text, error, "'%.40s' is not a number", field);
    }
    return f == fields
               ? UFM_OK
               : ufm_text_fail(text, error, "%lld fields instead of %lld", (long long)f, (long long)fields);
}

ufm_status ufm_columns_read(const char *path, int64_t columns, const char *const *name, ufm_columns *read,
                            ufm_error *error)
{
    ufm_text *text = NULL;
    char *line;
    int64_t length, fields, capacity = 0, *place = NULL;
    ufm_columns made = {.columns = columns};
    ufm_status status = ufm_text_open(path, &text, error);
    if (status != UFM_OK) return status;
    status = read_header(text, &made, name, &place, &fields, error);
    while (status == UFM_OK) {
        status = ufm_text_line(text, &line, &length, error);
        if (status != UFM_OK || !line) break;
        status = ufm_grow((void **)&made.value, &capacity, (made.rows + 1) * columns, sizeof(double));
        if (status == UFM_OK)
            status = read_row(text, line, place, fields, made.value + made.rows * columns, error);
        made.rows++;
    }
    ufm_free(place);
    ufm_text_close(text);
    if (status == UFM_OK) {
        *read = made;
    } else {
        ufm_columns_free(&made);
    }
    return status;
}

ufm_band ufm_band_of(int64_t count, const double *value)
{
    ufm_band band = {0, NAN, NAN, NAN};
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(value[i])) continue;
        sum += value[i];
        band.low = fmin(band.low, value[i]);
        band.high = fmax(band.high, value[i]);
        band.count++;
    }
    if (band.count > 0) band.mean = sum / (double)band.count;
    return band;
}
