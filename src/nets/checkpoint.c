/* ufmlab: nets: checkpoints: everything that the next step depends on.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <ufmlab/io.h>

#include "train.h"

static const char format_name[] = "ufmlab checkpoint 1";
enum { TEXT = 8192 };
static const struct {
    ufm_engine_vector which;
    const char *name;
} vectors[] = {{UFM_VECTOR_PARAMETERS, "parameters"},
               {UFM_VECTOR_MOMENT_1, "moment1"},
               {UFM_VECTOR_MOMENT_2, "moment2"},
               {UFM_VECTOR_RUNNING, "running"}};
enum { VECTORS = sizeof vectors / sizeof vectors[0] };

char *ufm_train_path(const char *directory, const char *name)
{
    const size_t length = strlen(directory) + strlen(name) + 2;
    char *path = ufm_alloc((int64_t)length, 1);
    if (path) snprintf(path, length, "%s/%s", directory, name);
    return path;
}

/* What must agree for a training to go on as if it had never stopped. */
static void describe(const ufm_trainer *t, char text[TEXT])
{
    const ufm_training_settings *s = t->settings;
    const ufm_image_shape shape = ufm_images_shape(t->images);
    snprintf(
        text, TEXT,
        "arch %s width %.17g etf %d fix-dim %d engine %s precision %d seed %llu epochs %lld batch %lld loss "
        "%s %.17g adam %d rate %.17g %.17g momentum %.17g %.17g %.17g decay %.17g %.17g %.17g warmup %lld "
        "images %lld of %lld x %lld x %lld classes %lld measure %lld",
        s->architecture, s->multiplier, s->etf, s->fix_dim, t->ops->name, (int)s->precision,
        (unsigned long long)s->seed, (long long)s->epochs, (long long)s->batch, ufm_loss_name(s->loss),
        s->loss_parameter, s->adam, s->rate, s->last_rate, s->momentum, s->beta2, s->epsilon, s->weight_decay,
        s->feature_decay, s->feature_decay_batch, (long long)s->warmup, (long long)t->count,
        (long long)shape.channels, (long long)shape.height, (long long)shape.width,
        (long long)t->network->classes, (long long)s->measure_every);
}

static int64_t length_of(const ufm_trainer *t, int v)
{
    if (vectors[v].which == UFM_VECTOR_MOMENT_2 && !t->settings->adam) return 0;
    return vectors[v].which == UFM_VECTOR_RUNNING ? t->network->running : t->network->parameters;
}

static ufm_status write_vectors(ufm_trainer *t, ufm_h5 *file, ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (int v = 0; v < VECTORS && status == UFM_OK; v++) {
        const int64_t length = length_of(t, v);
        if (length == 0) continue;
        status = t->ops->export(t->engine, vectors[v].which, t->parameters);
        for (int64_t i = 0; i < length && status == UFM_OK; i++)
            if (!isfinite(t->parameters[i]))
                status =
                    ufm_fail(error, UFM_ERROR_NUMERIC,
                             "the %s are not finite after step %lld; lower --rate or use --warmup; the last "
                             "good checkpoint is kept",
                             vectors[v].name, (long long)t->place.step);
        if (status == UFM_OK)
            status = ufm_h5_write_vector(file, vectors[v].name, length, t->parameters, error);
    }
    return status;
}

static void give_rows(void *context, int64_t row, uint8_t *bytes)
{
    (void)row;
    const ufm_train_text *text = context;
    memcpy(bytes, text->text, (size_t)text->length);
}

ufm_status ufm_checkpoint_save(ufm_trainer *t, ufm_error *error)
{
    char settings[TEXT];
    const ufm_train_place *p = &t->place;
    const int64_t place[] = {p->epoch, p->done, p->step, p->images};
    const double sums[] = {p->loss_sum, p->mass_sum};
    char *path = ufm_train_path(t->settings->out, "checkpoint.h5");
    ufm_h5 *file = NULL;
    ufm_status status = path ? ufm_h5_create(path, &file, error) : UFM_ERROR_MEMORY;
    ufm_free(path);
    if (status != UFM_OK) return status;
    describe(t, settings);
    status = ufm_h5_write_text(file, "format", format_name, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "settings", settings, error);
    if (status == UFM_OK)
        status = ufm_h5_write_text(file, "arguments", t->settings->arguments ? t->settings->arguments : "-",
                                   error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "ways", t->ways ? t->ways : "-", error);
    if (status == UFM_OK) status = ufm_h5_write_integers(file, "place", 4, place, error);
    if (status == UFM_OK) status = ufm_h5_write_vector(file, "sums", 2, sums, error);
    if (status == UFM_OK)
        status = ufm_h5_write_bytes(file, "metrics", 1, t->rows.length, give_rows, &t->rows, error);
    if (status == UFM_OK) status = write_vectors(t, file, error);
    if (status == UFM_OK) return ufm_h5_commit(file, error);
    ufm_h5_abort(file);
    return status;
}

static ufm_status expect(ufm_h5 *file, const char *path, const char *name, int64_t length, ufm_error *error)
{
    int64_t rows, cols;
    const ufm_status status = ufm_h5_shape(file, name, &rows, &cols, error);
    if (status != UFM_OK || (rows == length && cols == 1)) return status;
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: data set %s has shape (%lld, %lld); %lld numbers would fit",
                    ufm_shown_path(path), name, (long long)rows, (long long)cols, (long long)length);
}

static ufm_status read_vectors(ufm_trainer *t, ufm_h5 *file, const char *path, ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (int v = 0; v < VECTORS && status == UFM_OK; v++) {
        const int64_t length = length_of(t, v);
        if (length == 0) continue;
        status = expect(file, path, vectors[v].name, length, error);
        if (status == UFM_OK) status = ufm_h5_read_matrix(file, vectors[v].name, t->parameters, error);
        if (status == UFM_OK) status = t->ops->import(t->engine, vectors[v].which, t->parameters);
    }
    return status;
}

/* A position that this training can have reached. */
static bool plausible(const ufm_trainer *t, const int64_t place[4])
{
    const int64_t epoch = place[0], done = place[1], step = place[2], images = place[3];
    const int64_t most = done * t->settings->batch;
    return epoch >= 0 && epoch <= t->settings->epochs && done >= 0 && done <= t->batches &&
           (epoch < t->settings->epochs || done == 0) && step == epoch * t->batches + done &&
           images == (most < t->count ? most : t->count);
}

static ufm_status read_place(ufm_trainer *t, ufm_h5 *file, const char *path, ufm_error *error)
{
    int64_t place[4];
    double sums[2];
    ufm_status status = expect(file, path, "place", 4, error);
    if (status == UFM_OK) status = expect(file, path, "sums", 2, error);
    if (status == UFM_OK) status = ufm_h5_read_integers(file, "place", place, error);
    if (status == UFM_OK) status = ufm_h5_read_matrix(file, "sums", sums, error);
    if (status != UFM_OK) return status;
    if (!plausible(t, place))
        return ufm_fail(error, UFM_ERROR_INPUT,
                        "%s: epoch %lld, batch %lld, step %lld do not fit together; the file is damaged",
                        ufm_shown_path(path), (long long)place[0], (long long)place[1], (long long)place[2]);
    t->place = (ufm_train_place){place[0], place[1], place[2], sums[0], sums[1], place[3]};
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

static ufm_status read_rows(ufm_trainer *t, ufm_h5 *file, const char *path, ufm_error *error)
{
    int64_t rows, length;
    ufm_status status = ufm_h5_shape(file, "metrics", &rows, &length, error);
    if (status == UFM_OK && rows != 1)
        status = ufm_fail(error, UFM_ERROR_INPUT, "%s: data set metrics has %lld rows; one would be right",
                          ufm_shown_path(path), (long long)rows);
    if (status == UFM_OK)
        status = ufm_grow((void **)&t->rows.text, &t->rows.capacity, length + 1, sizeof(char));
    if (status != UFM_OK) return status;
    t->rows.length = length;
    return ufm_h5_read_bytes(file, "metrics", take_rows, &t->rows, error);
}

static ufm_status check_text(ufm_h5 *file, const char *path, const char *name, const char *wanted,
                             ufm_error *error)
{
    char found[TEXT];
    const ufm_status status = ufm_h5_read_text(file, name, found, sizeof found, error);
    if (status != UFM_OK || strcmp(found, wanted) == 0) return status;
    size_t at = 0; /* the message shows both from the word before the first difference on */
    while (found[at] == wanted[at]) at++;
    while (at > 0 && found[at - 1] != ' ') at--;
    if (at > 1)
        for (at--; at > 0 && found[at - 1] != ' ';) at--;
    return ufm_fail(error, UFM_ERROR_INPUT,
                    "%s: made with '%.60s', not '%.60s'; resume with the same settings", ufm_shown_path(path),
                    found + at, wanted + at);
}

static ufm_status read_ways(ufm_trainer *t, ufm_h5 *file, ufm_error *error)
{
    char ways[TEXT];
    ufm_status status = ufm_h5_read_text(file, "ways", ways, sizeof ways, error);
    if (status == UFM_OK && strcmp(ways, "-") != 0) status = ufm_train_choose(t, ways);
    return status;
}

ufm_status ufm_checkpoint_load(ufm_trainer *t, ufm_error *error)
{
    char settings[TEXT];
    ufm_h5 *file = NULL;
    char *path = ufm_train_path(t->settings->out, "checkpoint.h5");
    ufm_status status = path ? ufm_h5_open(path, &file, error) : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    describe(t, settings);
    status = check_text(file, path, "format", format_name, error);
    if (status == UFM_OK) status = check_text(file, path, "settings", settings, error);
    if (status == UFM_OK) status = read_place(t, file, path, error);
    if (status == UFM_OK) status = read_rows(t, file, path, error);
    if (status == UFM_OK) status = read_ways(t, file, error);
    if (status == UFM_OK) status = read_vectors(t, file, path, error);
cleanup:
    ufm_h5_abort(file);
    ufm_free(path);
    return status;
}

ufm_status ufm_training_arguments(const char *directory, char **arguments, ufm_error *error)
{
    ufm_h5 *file = NULL;
    char *path = ufm_train_path(directory, "checkpoint.h5"), *text = ufm_alloc(TEXT, 1);
    ufm_status status = path && text ? ufm_h5_open(path, &file, error) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = check_text(file, path, "format", format_name, error);
    if (status == UFM_OK) status = ufm_h5_read_text(file, "arguments", text, TEXT, error);
    ufm_h5_abort(file);
    ufm_free(path);
    if (status == UFM_OK) {
        *arguments = text;
    } else {
        ufm_free(text);
    }
    return status;
}
