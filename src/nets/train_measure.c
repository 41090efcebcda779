/* ufmlab: nets: passes in evaluation mode, and the features for other commands.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <ufmlab/model.h>
#include <ufmlab/solve.h>

#include "train.h"

/* The classifier of the engine, column-major. */
static ufm_status take_classifier(ufm_trainer *t)
{
    const ufm_network *n = t->network;
    const ufm_layer *last = &n->layer[n->logits];
    const ufm_status status = t->ops->export(t->engine, UFM_VECTOR_PARAMETERS, t->parameters);
    if (status != UFM_OK) return status;
    for (int64_t k = 0; k < n->classes; k++) {
        for (int64_t j = 0; j < n->dim; j++)
            t->W[k + j * n->classes] = t->parameters[last->weights + k * n->dim + j];
        t->b[k] = t->parameters[last->biases + k];
    }
    return UFM_OK;
}

/* One batch in evaluation mode: sums, and its features into H. */
static ufm_status take_batch(ufm_trainer *t, const ufm_labels *labels, const ufm_batch *batch,
                             ufm_evaluation *sums)
{
    const int64_t K = t->network->classes, d = t->network->dim;
    const ufm_status status =
        t->ops->forward(t->engine, batch->pixels, batch->count, false, t->features, t->logits);
    if (status != UFM_OK) return status;
    for (int64_t i = 0; i < batch->count; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, batch->index[i]);
        const double *h = t->features + i * d;
        memcpy(t->H + batch->index[i] * d, h, (size_t)d * sizeof *h);
        for (int64_t j = 0; j < d; j++) sums->feature_square += h[j] * h[j];
        sums->mass += ufm_train_mass(set, t->logits + i * K);
        sums->loss += ufm_model_loss(&t->objective, set, t->logits + i * K);
    }
    return UFM_OK;
}

static ufm_status run_pass(ufm_trainer *t, bool held_out, ufm_evaluation *sums, ufm_error *error)
{
    const ufm_labels *labels = ufm_samples_labels(held_out ? t->held_out : t->samples);
    ufm_feed *feed = held_out ? t->held_feed : t->feed;
    const int64_t count = labels->columns;
    for (int64_t i = 0; i < count; i++) t->order[i] = i;
    ufm_status status = ufm_feed_start(feed, t->order, count, error);
    for (int64_t seen = 0; status == UFM_OK;) {
        const ufm_batch *batch;
        status = ufm_feed_next(feed, &batch, error);
        if (status != UFM_OK || !batch) break;
        status = take_batch(t, labels, batch, sums);
        seen += batch->count;
        if (status == UFM_OK && !ufm_train_report(t, true, (double)seen / (double)count))
            status = ufm_fail(error, UFM_ERROR_CANCELLED, "interrupted while measuring");
    }
    sums->loss /= (double)count;
    sums->mass /= (double)count;
    sums->feature_square /= (double)count;
    return status;
}

ufm_status ufm_train_pass(ufm_trainer *t, bool held_out, ufm_evaluation *evaluation, ufm_error *error)
{
    const ufm_labels *labels = ufm_samples_labels(held_out ? t->held_out : t->samples);
    ufm_evaluation made = {0};
    ufm_status status = take_classifier(t);
    if (status == UFM_OK) status = run_pass(t, held_out, &made, error);
    if (status == UFM_OK) {
        const ufm_point point = {t->network->classes, t->network->dim, labels->columns, t->W, t->H, t->b};
        status = ufm_metrics_compute(&point, labels, &made.metrics, error);
    }
    if (status != UFM_OK) return status;
    ufm_metrics_free(evaluation->metrics);
    *evaluation = made;
    return UFM_OK;
}

/* The features are stored right behind their pass, so that one array serves both sets. */
static ufm_status pass_and_save(ufm_trainer *t, bool held_out, bool save, ufm_error *error)
{
    const ufm_status status = ufm_train_pass(t, held_out, held_out ? &t->test : &t->train, error);
    return status == UFM_OK && save ? ufm_train_save_features(t, held_out, error) : status;
}

ufm_status ufm_train_measure(ufm_trainer *t, ufm_error *error)
{
    const ufm_training_settings *s = t->settings;
    const bool last = t->place.epoch >= s->epochs || (s->steps > 0 && t->place.step >= s->steps);
    const bool save = last && s->out;
    ufm_status status = pass_and_save(t, false, save, error);
    if (status == UFM_OK && t->held_out) status = pass_and_save(t, true, save, error);
    return status;
}

ufm_status ufm_train_save_features(ufm_trainer *t, bool held_out, ufm_error *error)
{
    const ufm_labels *labels = ufm_samples_labels(held_out ? t->held_out : t->samples);
    const ufm_solution solution = {
        .point = {t->network->classes, t->network->dim, labels->columns, t->W, t->H, t->b}};
    char *path = ufm_train_path(t->settings->out, held_out ? "features-held-out.h5" : "features.h5");
    const ufm_status status =
        path ? ufm_solution_save(&solution, labels, &t->objective, path, error) : UFM_ERROR_MEMORY;
    ufm_free(path);
    return status;
}
