/* ufmlab: nets: checkpoints: everything that the next step depends on.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <ufmlab/io.h>

#include "checkpoint.h"

const char ufm_checkpoint_format[] = "ufmlab checkpoint 1";
const ufm_checkpoint_vector ufm_checkpoint_vectors[UFM_CHECKPOINT_VECTORS] = {
    {UFM_VECTOR_PARAMETERS, "parameters"},
    {UFM_VECTOR_MOMENT_1, "moment1"},
    {UFM_VECTOR_MOMENT_2, "moment2"},
    {UFM_VECTOR_RUNNING, "running"}};

/* Fowler, Noll and Vo's, in words of eight bytes, with a shift that brings the high bits down. */
ufm_digest ufm_digest_begin(void)
{
    return (ufm_digest){14695981039346656037u};
}

void ufm_digest_bytes(ufm_digest *digest, const void *bytes, int64_t size)
{
    const char *at = bytes;
    for (int64_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, at + i, (size_t)(size - i < 8 ? size - i : 8));
        digest->value = (digest->value ^ word) * 1099511628211u;
        digest->value ^= digest->value >> 29;
    }
}

char *ufm_train_path(const char *directory, const char *name)
{
    const size_t length = strlen(directory) + strlen(name) + 2;
    char *path = ufm_alloc((int64_t)length, 1);
    if (path) snprintf(path, length, "%s/%s", directory, name);
    return path;
}

void ufm_checkpoint_describe(const ufm_trainer *t, char text[UFM_CHECKPOINT_TEXT])
{
    const ufm_training_settings *s = t->settings;
    const ufm_image_shape shape = ufm_samples_shape(t->samples);
    snprintf(
        text, UFM_CHECKPOINT_TEXT,
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

int64_t ufm_checkpoint_length(const ufm_trainer *t, int v)
{
    if (ufm_checkpoint_vectors[v].which == UFM_VECTOR_MOMENT_2 && !t->settings->adam) return 0;
    return ufm_checkpoint_vectors[v].which == UFM_VECTOR_RUNNING ? t->network->running
                                                                 : t->network->parameters;
}

static ufm_status write_vectors(ufm_trainer *t, ufm_h5 *file, ufm_digest *digest, ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (int v = 0; v < UFM_CHECKPOINT_VECTORS && status == UFM_OK; v++) {
        const int64_t length = ufm_checkpoint_length(t, v);
        if (length == 0) continue;
        status = t->ops->export(t->engine, ufm_checkpoint_vectors[v].which, t->parameters);
        for (int64_t i = 0; i < length && status == UFM_OK; i++)
            if (!isfinite(t->parameters[i]))
                status =
                    ufm_fail(error, UFM_ERROR_NUMERIC,
                             "the %s are not finite after step %lld; lower --rate or use --warmup; the last "
                             "good checkpoint is kept",
                             ufm_checkpoint_vectors[v].name, (long long)t->place.step);
        if (status == UFM_OK)
            status = ufm_h5_write_vector(file, ufm_checkpoint_vectors[v].name, length, t->parameters, error);
        ufm_digest_bytes(digest, t->parameters, length * (int64_t)sizeof *t->parameters);
    }
    return status;
}

static void give_rows(void *context, int64_t row, uint8_t *bytes)
{
    (void)row;
    const ufm_train_text *text = context;
    memcpy(bytes, text->text, (size_t)text->length);
}

/* All but the vectors. */
static ufm_status write_head(const ufm_trainer *t, ufm_h5 *file, ufm_digest *digest, ufm_error *error)
{
    char settings[UFM_CHECKPOINT_TEXT];
    const ufm_train_place *p = &t->place;
    const int64_t place[] = {p->epoch, p->done, p->step, p->images};
    const double sums[] = {p->loss_sum, p->mass_sum};
    const char *arguments = t->settings->arguments ? t->settings->arguments : "-";
    const char *ways = t->ways ? t->ways : "-";
    ufm_checkpoint_describe(t, settings);
    ufm_digest_bytes(digest, arguments, (int64_t)strlen(arguments));
    ufm_digest_bytes(digest, ways, (int64_t)strlen(ways));
    ufm_digest_bytes(digest, place, sizeof place);
    ufm_digest_bytes(digest, sums, sizeof sums);
    ufm_digest_bytes(digest, t->rows.text, t->rows.length);
    ufm_status status = ufm_h5_write_text(file, "format", ufm_checkpoint_format, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "settings", settings, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "arguments", arguments, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "ways", ways, error);
    if (status == UFM_OK) status = ufm_h5_write_integers(file, "place", 4, place, error);
    if (status == UFM_OK) status = ufm_h5_write_vector(file, "sums", 2, sums, error);
    if (status != UFM_OK) return status;
    return ufm_h5_write_bytes(file, "metrics", 1, t->rows.length, give_rows, (void *)&t->rows, error);
}

ufm_status ufm_checkpoint_save(ufm_trainer *t, ufm_error *error)
{
    char *path = ufm_train_path(t->settings->out, "checkpoint.h5");
    ufm_digest digest = ufm_digest_begin();
    ufm_h5 *file = NULL;
    ufm_status status = path ? ufm_h5_create(path, &file, error) : UFM_ERROR_MEMORY;
    ufm_free(path);
    if (status != UFM_OK) return status;
    status = write_head(t, file, &digest, error);
    if (status == UFM_OK) status = write_vectors(t, file, &digest, error);
    const int64_t value = (int64_t)digest.value;
    if (status == UFM_OK) status = ufm_h5_write_integers(file, "digest", 1, &value, error);
    if (status == UFM_OK) return ufm_h5_commit(file, error);
    ufm_h5_abort(file);
    return status;
}
