/* ufmlab: nets: metrics.csv.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <ufmlab/io.h>

#include "train.h"

/* Columns of a measured set: X(member of ufm_metrics), and of each multiplicity: X(member of its level). */
#define SET_COLUMNS(X)                                                                                       \
    X(nc1)                                                                                                   \
    X(nc2)                                                                                                   \
    X(nc2_features)                                                                                          \
    X(nc3) X(nc4) X(cdnv) X(equinorm_w) X(equinorm_features) X(equiangle_w) X(equiangle_features)
#define LEVEL_COLUMNS(X) X(within) X(ncm) X(ncm_centred) X(scale) X(scale_spread) X(scale_residual)

static ufm_status append(ufm_train_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static ufm_status append(ufm_train_text *text, const char *format, ...)
{
    char piece[128];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof piece) return UFM_ERROR_NUMERIC;
    const ufm_status status =
        ufm_grow((void **)&text->text, &text->capacity, text->length + length + 1, sizeof(char));
    if (status != UFM_OK) return status;
    for (int i = 0; i <= length; i++) text->text[text->length + i] = piece[i];
    text->length += length;
    return UFM_OK;
}

/* An empty field where a number is undefined. */
static ufm_status append_number(ufm_train_text *text, double value)
{
    return isfinite(value) ? append(text, ",%.10g", value) : append(text, ",");
}

/* The multiplicities of the training set name the columns of both sets. */
static bool has_multiplicity(const ufm_labels *labels, int64_t m)
{
    for (int64_t i = 0; i < labels->columns; i++)
        if (ufm_labels_multiplicity(labels, i) == m) return true;
    return false;
}

static ufm_status set_header(ufm_trainer *t, const char *set)
{
    const ufm_labels *labels = ufm_samples_labels(t->samples);
    ufm_status status = append(&t->rows, ",%s_loss,%s_mass,%s_feature_square", set, set, set);
#define HEADER(name)                                                                                         \
    if (status == UFM_OK) status = append(&t->rows, ",%s_" #name, set);
    SET_COLUMNS(HEADER)
#undef HEADER
    for (int64_t m = 1; m <= labels->classes && status == UFM_OK; m++) {
        if (!has_multiplicity(labels, m)) continue;
#define HEADER(name)                                                                                         \
    if (status == UFM_OK) status = append(&t->rows, ",%s_" #name "_%lld", set, (long long)m);
        LEVEL_COLUMNS(HEADER)
#undef HEADER
    }
    return status;
}

ufm_status ufm_train_header(ufm_trainer *t)
{
    t->rows.length = 0;
    ufm_status status = append(&t->rows, "epoch,step,rate,batch_loss,batch_mass");
    if (status == UFM_OK) status = set_header(t, "train");
    if (status == UFM_OK && t->held_out) status = set_header(t, "held_out");
    return status == UFM_OK ? append(&t->rows, "\n") : status;
}

static const ufm_multiplicity_metrics *level_of(const ufm_metrics *metrics, int64_t m)
{
    for (int64_t l = 0; metrics && l < metrics->levels; l++)
        if (metrics->level[l].multiplicity == m) return &metrics->level[l];
    return NULL;
}

static ufm_status set_row(ufm_trainer *t, const ufm_evaluation *e)
{
    const ufm_labels *labels = ufm_samples_labels(t->samples);
    const ufm_metrics *metrics = e->metrics;
    ufm_status status = append_number(&t->rows, metrics ? e->loss : NAN);
    if (status == UFM_OK) status = append_number(&t->rows, metrics ? e->mass : NAN);
    if (status == UFM_OK) status = append_number(&t->rows, metrics ? e->feature_square : NAN);
#define NUMBER(name)                                                                                         \
    if (status == UFM_OK) status = append_number(&t->rows, metrics ? metrics->name : NAN);
    SET_COLUMNS(NUMBER)
#undef NUMBER
    for (int64_t m = 1; m <= labels->classes && status == UFM_OK; m++) {
        if (!has_multiplicity(labels, m)) continue;
        const ufm_multiplicity_metrics *level = level_of(metrics, m);
#define NUMBER(name)                                                                                         \
    if (status == UFM_OK) status = append_number(&t->rows, level ? level->name : NAN);
        LEVEL_COLUMNS(NUMBER)
#undef NUMBER
    }
    return status;
}

ufm_status ufm_train_row(ufm_trainer *t)
{
    const ufm_train_place *p = &t->place;
    const ufm_evaluation none = {0};
    const double images = (double)p->images;
    /* The rate of the epoch that ended, or that was left. */
    const int64_t epoch = p->done == 0 ? p->epoch - 1 : p->epoch;
    ufm_status status = append(&t->rows, "%lld,%lld", (long long)p->epoch, (long long)p->step);
    if (status == UFM_OK) status = append_number(&t->rows, ufm_train_rate(t->settings, epoch));
    if (status == UFM_OK) status = append_number(&t->rows, p->loss_sum / images);
    if (status == UFM_OK) status = append_number(&t->rows, p->mass_sum / images);
    if (status == UFM_OK) status = set_row(t, t->train.metrics ? &t->train : &none);
    if (status == UFM_OK && t->held_out) status = set_row(t, t->test.metrics ? &t->test : &none);
    return status == UFM_OK ? append(&t->rows, "\n") : status;
}

ufm_status ufm_train_publish_rows(const ufm_trainer *t, ufm_error *error)
{
    if (!t->settings->out) return UFM_OK;
    char *path = ufm_train_path(t->settings->out, "metrics.csv");
    ufm_output *output = NULL;
    ufm_status status = path ? ufm_output_open(path, &output, error) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        fwrite(t->rows.text, 1, (size_t)t->rows.length, ufm_output_stream(output));
        status = ufm_output_commit(output, error);
    }
    ufm_free(path);
    return status;
}
