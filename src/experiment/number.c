/* ufmlab: experiment: one number of a JSON file.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <ufmlab/experiment.h>
#include <ufmlab/io.h>

typedef struct {
    const char *keys;
    char name[UFM_JSON_DEPTH_MAX + 1][64]; /* of the key at each depth */
    double value;
} search;

static void keep_key(search *s, const ufm_json_token *token)
{
    char *name = s->name[token->depth];
    const size_t most = sizeof s->name[0] - 1, length = (size_t)token->length;
    snprintf(name, most + 1, "%.*s", (int)(length < most ? length : most), token->text);
}

/* Whether the keys down to this value are the wanted ones. */
static bool is_wanted(const search *s, int depth)
{
    const char *rest = s->keys;
    for (int d = 1; d <= depth; d++) {
        const size_t length = strlen(s->name[d]);
        if (length == 0 || strncmp(rest, s->name[d], length) != 0) return false;
        rest += length;
        if (d < depth && *rest++ != '.') return false;
    }
    return *rest == '\0';
}

static ufm_status take(void *context, ufm_json_reader *reader, const ufm_json_token *token, ufm_error *error)
{
    search *s = context;
    char text[64];
    (void)reader;
    (void)error;
    if (token->kind == UFM_JSON_KEY) keep_key(s, token);
    if (token->kind == UFM_JSON_LIST && token->depth + 1 <= UFM_JSON_DEPTH_MAX)
        s->name[token->depth + 1][0] = '\0';
    if ((token->kind != UFM_JSON_NUMBER && token->kind != UFM_JSON_BOOL) || !is_wanted(s, token->depth))
        return UFM_OK;
    snprintf(text, sizeof text, "%.*s", (int)(token->length < 60 ? token->length : 60), token->text);
    if (token->kind == UFM_JSON_BOOL)
        s->value = strcmp(text, "true") == 0;
    else if (!ufm_parse_double(text, &s->value))
        s->value = NAN;
    return UFM_OK;
}

ufm_status ufm_experiment_number(const char *path, const char *keys, double *value, ufm_error *error)
{
    search s = {.keys = keys, .value = NAN};
    ufm_text *text = NULL;
    ufm_status status = ufm_text_open(path, &text, error);
    if (status != UFM_OK) return status;
    status = ufm_json_read(text, take, &s, error);
    ufm_text_close(text);
    if (status == UFM_OK) *value = s.value;
    return status;
}
