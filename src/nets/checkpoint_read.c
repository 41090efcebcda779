/* ufmlab: nets: checkpoints are read as files that anyone may have damaged.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <ufmlab/io.h>
#include <unistd.h>

#include "checkpoint.h"

/* A file that is being read: first in a child process that may crash, then for good. */
typedef struct {
    ufm_trainer *trainer;
    const char *path;
    bool rehearsal; /* the engine is left alone: its threads are not in the child */
    ufm_h5 *file;
    ufm_digest digest;
} checkpoint;

static ufm_status expect(const checkpoint *c, const char *name, int64_t length, ufm_error *error)
{
    int64_t rows, cols;
    const ufm_status status = ufm_h5_shape(c->file, name, &rows, &cols, error);
    if (status != UFM_OK || (rows == length && cols == 1)) return status;
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: data set %s has shape (%lld, %lld); %lld numbers would fit",
                    ufm_shown_path(c->path), name, (long long)rows, (long long)cols, (long long)length);
}

static ufm_status damaged(const char *path, const char *what, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: %s; the file is damaged, take an older copy or start anew",
                    ufm_shown_path(path), what);
}

static ufm_status read_vectors(checkpoint *c, ufm_error *error)
{
    ufm_trainer *t = c->trainer;
    ufm_status status = UFM_OK;
    for (int v = 0; v < UFM_CHECKPOINT_VECTORS && status == UFM_OK; v++) {
        const char *name = ufm_checkpoint_vectors[v].name;
        const int64_t length = ufm_checkpoint_length(t, v);
        if (length == 0) continue;
        status = expect(c, name, length, error);
        if (status == UFM_OK) status = ufm_h5_read_matrix(c->file, name, t->parameters, error);
        if (status == UFM_OK)
            ufm_digest_bytes(&c->digest, t->parameters, length * (int64_t)sizeof *t->parameters);
        if (status == UFM_OK && !c->rehearsal)
            status = t->ops->import(t->engine, ufm_checkpoint_vectors[v].which, t->parameters);
    }
    return status;
}

/* Whether a place can be one of this training. */
static bool plausible(const ufm_trainer *t, const int64_t place[4])
{
    const int64_t epoch = place[0], done = place[1], step = place[2], images = place[3];
    if (epoch < 0 || epoch > t->settings->epochs || done < 0 || done > t->batches) return false;
    const int64_t most = done * t->settings->batch;
    return (epoch < t->settings->epochs || done == 0) && step == epoch * t->batches + done &&
           images == (most < t->count ? most : t->count);
}

static ufm_status read_place(checkpoint *c, ufm_error *error)
{
    int64_t place[4];
    double sums[2];
    ufm_status status = expect(c, "place", 4, error);
    if (status == UFM_OK) status = expect(c, "sums", 2, error);
    if (status == UFM_OK) status = ufm_h5_read_integers(c->file, "place", place, error);
    if (status == UFM_OK) status = ufm_h5_read_matrix(c->file, "sums", sums, error);
    if (status != UFM_OK) return status;
    if (!plausible(c->trainer, place))
        return damaged(c->path, "its epoch, batch and step do not fit together", error);
    ufm_digest_bytes(&c->digest, place, sizeof place);
    ufm_digest_bytes(&c->digest, sums, sizeof sums);
    c->trainer->place = (ufm_train_place){place[0], place[1], place[2], sums[0], sums[1], place[3]};
    return UFM_OK;
}

static ufm_status take_rows(void *context, int64_t row, const uint8_t *bytes, ufm_error *error)
{
    (void)row;
    (void)error;
    ufm_train_text *text = context;
    memcpy(text->text, bytes, (size_t)text->length);
    return UFM_OK;
}

/* The trainer has the header only, with which the rows must begin. */
static ufm_status read_rows(checkpoint *c, ufm_error *error)
{
    ufm_train_text *text = &c->trainer->rows, found = {0};
    int64_t rows;
    ufm_status status = ufm_h5_shape(c->file, "metrics", &rows, &found.length, error);
    if (status == UFM_OK && (rows != 1 || found.length < text->length))
        status = damaged(c->path, "its metrics have another shape", error);
    if (status == UFM_OK) status = ufm_grow((void **)&found.text, &found.capacity, found.length + 1, 1);
    if (status == UFM_OK) status = ufm_h5_read_bytes(c->file, "metrics", take_rows, &found, error);
    if (status == UFM_OK && memcmp(found.text, text->text, (size_t)text->length) != 0)
        status = ufm_fail(error, UFM_ERROR_INPUT,
                          "%s: measured other sets or multiplicities; resume with the same data",
                          ufm_shown_path(c->path));
    if (status == UFM_OK) {
        ufm_digest_bytes(&c->digest, found.text, found.length);
        ufm_free(text->text);
        *text = found;
    } else {
        ufm_free(found.text);
    }
    return status;
}

static ufm_status check_format(ufm_h5 *file, const char *path, ufm_error *error)
{
    char found[80];
    const ufm_status status = ufm_h5_read_text(file, "format", found, sizeof found, error);
    if (status != UFM_OK || strcmp(found, ufm_checkpoint_format) == 0) return status;
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: is \"%.40s\"; this version goes on from \"%s\"",
                    ufm_shown_path(path), found, ufm_checkpoint_format);
}

/* The message shows both from the word before the first difference on. */
static ufm_status check_settings(const checkpoint *c, ufm_error *error)
{
    char found[UFM_CHECKPOINT_TEXT], wanted[UFM_CHECKPOINT_TEXT];
    ufm_checkpoint_describe(c->trainer, wanted);
    const ufm_status status = ufm_h5_read_text(c->file, "settings", found, sizeof found, error);
    if (status != UFM_OK || strcmp(found, wanted) == 0) return status;
    size_t at = 0;
    while (found[at] == wanted[at]) at++;
    while (at > 0 && found[at - 1] != ' ') at--;
    if (at > 1)
        for (at--; at > 0 && found[at - 1] != ' ';) at--;
    return ufm_fail(error, UFM_ERROR_INPUT,
                    "%s: made with '%.60s', not '%.60s'; resume with the same settings",
                    ufm_shown_path(c->path), found + at, wanted + at);
}

static ufm_status read_arguments(checkpoint *c, ufm_error *error)
{
    char text[UFM_CHECKPOINT_TEXT];
    const ufm_status status = ufm_h5_read_text(c->file, "arguments", text, sizeof text, error);
    if (status == UFM_OK) ufm_digest_bytes(&c->digest, text, (int64_t)strlen(text));
    return status;
}

static ufm_status read_ways(checkpoint *c, ufm_error *error)
{
    char ways[UFM_CHECKPOINT_TEXT];
    ufm_status status = ufm_h5_read_text(c->file, "ways", ways, sizeof ways, error);
    if (status != UFM_OK) return status;
    ufm_digest_bytes(&c->digest, ways, (int64_t)strlen(ways));
    return c->rehearsal || strcmp(ways, "-") == 0 ? UFM_OK : ufm_train_choose(c->trainer, ways);
}

static ufm_status check_digest(const checkpoint *c, ufm_error *error)
{
    int64_t digest;
    ufm_status status = expect(c, "digest", 1, error);
    if (status == UFM_OK) status = ufm_h5_read_integers(c->file, "digest", &digest, error);
    if (status != UFM_OK || digest == (int64_t)c->digest.value) return status;
    return damaged(c->path, "its contents do not have its digest", error);
}

static ufm_status read_all(checkpoint *c, ufm_error *error)
{
    c->digest = ufm_digest_begin();
    ufm_status status = ufm_h5_open(c->path, &c->file, error);
    if (status == UFM_OK) status = check_format(c->file, c->path, error);
    if (status == UFM_OK) status = check_settings(c, error);
    if (status == UFM_OK) status = read_arguments(c, error);
    if (status == UFM_OK) status = read_ways(c, error);
    if (status == UFM_OK) status = read_place(c, error);
    if (status == UFM_OK) status = read_rows(c, error);
    if (status == UFM_OK) status = read_vectors(c, error);
    if (status == UFM_OK) status = check_digest(c, error);
    ufm_h5_abort(c->file);
    return status;
}

static ufm_status rehearse(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    (void)channel;
    return read_all(context, error); /* the process ends now */
}

ufm_status ufm_checkpoint_load(ufm_trainer *t, ufm_error *error)
{
    char *path = ufm_train_path(t->settings->out, "checkpoint.h5");
    if (!path) return UFM_ERROR_MEMORY;
    checkpoint trial = {.trainer = t, .path = path, .rehearsal = true};
    checkpoint real = {.trainer = t, .path = path};
    const ufm_guard guard = {.path = path, .body = rehearse, .context = &trial};
    ufm_guard_output output = {0};
    ufm_status status = ufm_guard_run(&guard, &output, error);
    if (status == UFM_OK) status = read_all(&real, error);
    ufm_free(output.text);
    ufm_free(path);
    return status;
}

/* ---- The arguments alone, before there is a trainer ---- */

static ufm_status send_arguments(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    const char *path = context;
    char text[UFM_CHECKPOINT_TEXT];
    ufm_h5 *file = NULL;
    ufm_status status = ufm_h5_open(path, &file, error);
    if (status == UFM_OK) status = check_format(file, path, error);
    if (status == UFM_OK) status = ufm_h5_read_text(file, "arguments", text, sizeof text, error);
    if (status == UFM_OK) fputs(text, channel->output);
    return status; /* the process ends now */
}

ufm_status ufm_training_arguments(const char *directory, char **arguments, ufm_error *error)
{
    char *path = ufm_train_path(directory, "checkpoint.h5");
    const ufm_guard guard = {.path = path, .body = send_arguments, .context = path};
    ufm_guard_output output = {0};
    ufm_status status = path ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK && access(path, F_OK) != 0)
        status = ufm_fail(error, UFM_ERROR_IO, "%s: %s; start the run anew with --out", ufm_shown_path(path),
                          strerror(errno));
    if (status == UFM_OK) status = ufm_guard_run(&guard, &output, error);
    ufm_free(path);
    if (status == UFM_OK) *arguments = output.text;
    return status;
}
