/* ufmlab: nets: one update: schedule, order of the images, loss and its gradient.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <ufmlab/model.h>

#include "train.h"

double ufm_train_rate(const ufm_training_settings *s, int64_t epoch)
{
    const double pi = 3.14159265358979323846;
    if (epoch < s->warmup) return s->rate * (double)(epoch + 1) / (double)(s->warmup + 1);
    const double low = s->rate * s->last_rate;
    const double part = (double)(epoch - s->warmup) / (double)(s->epochs - s->warmup);
    return low + (s->rate - low) * (1 + cos(pi * part)) / 2;
}

ufm_status ufm_train_shuffle(uint64_t seed, int64_t epoch, int64_t count, int64_t *order)
{
    /* Number 0 of the seed's stream starts the network. */
    ufm_rng *rng = ufm_rng_new(ufm_seed_derive(ufm_seed_derive(seed, 1), (uint64_t)epoch));
    if (!rng) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = ufm_rng_below(rng, i + 1), moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
    ufm_rng_free(rng);
    return UFM_OK;
}

double ufm_train_mass(ufm_tag_set set, const double *z)
{
    double most = z[0], all = 0, inside = 0;
    for (int64_t k = 1; k < set.classes; k++)
        if (z[k] > most) most = z[k];
    for (int64_t k = 0; k < set.classes; k++) all += exp(z[k] - most);
    for (int64_t j = 0; j < set.tags; j++) inside += exp(z[set.tag[j]] - most);
    return inside / all;
}

/* The batch's losses, added up; logits become the gradient of their mean. */
static double batch_loss(ufm_trainer *t, const ufm_batch *batch, double *mass)
{
    const ufm_labels *labels = ufm_samples_labels(t->samples);
    const int64_t K = t->network->classes;
    double sum = 0;
    for (int64_t i = 0; i < batch->count; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, batch->index[i]);
        double *z = t->logits + i * K;
        *mass += ufm_train_mass(set, z);
        sum += ufm_model_loss(&t->objective, set, z);
        for (int64_t k = 0; k < K; k++) z[k] /= (double)batch->count;
    }
    return sum;
}

/* Features become the gradient of the feature decay; whether there is any. */
static bool decay_features(ufm_trainer *t, int64_t count)
{
    const ufm_training_settings *s = t->settings;
    const double factor = 2 * (s->feature_decay * (double)t->count / (double)count + s->feature_decay_batch);
    for (int64_t i = 0; i < count * t->network->dim; i++) t->features[i] *= factor;
    return factor > 0;
}

static ufm_status diverged(const ufm_trainer *t, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_NUMERIC,
                    "the loss is not finite in step %lld (epoch %lld); lower --rate or use --warmup%s%s%s",
                    (long long)t->place.step + 1, (long long)t->place.epoch + 1,
                    t->settings->out ? "; the last good checkpoint is kept in " : "",
                    t->settings->out ? t->settings->out : "", t->settings->out ? "/checkpoint.h5" : "");
}

ufm_status ufm_train_step(ufm_trainer *t, const ufm_batch *batch, ufm_error *error)
{
    const ufm_training_settings *s = t->settings;
    double mass = 0;
    ufm_status status = t->ops->forward(t->engine, batch->pixels, batch->count, true, t->features, t->logits);
    if (status != UFM_OK) return status;
    const double loss = batch_loss(t, batch, &mass);
    if (!isfinite(loss)) return diverged(t, error);
    const bool decayed = decay_features(t, batch->count);
    status = t->ops->backward(t->engine, t->logits, decayed ? t->features : NULL);
    const ufm_update update = {.adam = s->adam,
                               .rate = ufm_train_rate(s, t->place.epoch),
                               .momentum = s->momentum,
                               .weight_decay = s->weight_decay,
                               .beta2 = s->beta2,
                               .epsilon = s->epsilon,
                               .step = t->place.step + 1};
    if (status == UFM_OK) status = t->ops->update(t->engine, &update);
    if (status != UFM_OK) return status;
    t->place.step++;
    t->place.done++;
    t->place.images += batch->count;
    t->place.loss_sum += loss;
    t->place.mass_sum += mass;
    t->last_loss = loss / (double)batch->count;
    return UFM_OK;
}
