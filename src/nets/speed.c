/* ufmlab: nets: how fast training steps are.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>

#include "train.h"

static const char *const part_texts[] = {
#define TEXT(name, text) text,
    UFM_PART_LIST(TEXT)
#undef TEXT
};
const char *ufm_part_text(ufm_part part)
{
    return part_texts[part];
}

typedef struct {
    const ufm_speed_settings *settings;
    const ufm_engine_ops *ops;
    ufm_network *network;
    void *engine;
    float *images;
    double *features, *logits, *start;
    int64_t step;
    const char *routes;
} speed_run;

static ufm_status make_data(speed_run *run)
{
    const ufm_speed_settings *s = run->settings;
    const ufm_network_settings *n = &s->network;
    const int64_t numbers = s->batch * n->channels * n->height * n->width,
                  parameters = run->network->parameters;
    ufm_rng *rng = ufm_rng_new(s->seed);
    run->images = ufm_alloc(numbers, sizeof(float));
    run->features = ufm_alloc(s->batch * run->network->dim, sizeof(double));
    run->logits = ufm_alloc(s->batch * run->network->classes, sizeof(double));
    run->start = ufm_alloc(parameters + run->network->running, sizeof(double));
    const bool complete = rng && run->images && run->features && run->logits && run->start;
    for (int64_t i = 0; complete && i < numbers; i++) run->images[i] = (float)ufm_rng_uniform(rng);
    ufm_rng_free(rng);
    if (!complete) return UFM_ERROR_MEMORY;
    double *running = run->start + parameters;
    ufm_status status = ufm_network_start(run->network, s->seed, run->start, running);
    if (status == UFM_OK) status = run->ops->import(run->engine, UFM_VECTOR_PARAMETERS, run->start);
    if (status == UFM_OK) status = run->ops->import(run->engine, UFM_VECTOR_RUNNING, running);
    return status;
}

/* Cross-entropy with class i mod K for image i: its gradient takes the place of the logits. */
static void entropy_gradient(double *logits, int64_t count, int64_t classes)
{
    for (int64_t i = 0; i < count; i++) {
        double *z = logits + i * classes, largest = z[0], sum = 0;
        for (int64_t k = 1; k < classes; k++) largest = fmax(largest, z[k]);
        for (int64_t k = 0; k < classes; k++) sum += z[k] = exp(z[k] - largest);
        for (int64_t k = 0; k < classes; k++) z[k] = (z[k] / sum - (k == i % classes)) / (double)count;
    }
}

static ufm_status one_step(speed_run *run)
{
    const ufm_speed_settings *s = run->settings;
    const ufm_update update = {.rate = 0.01,
                               .momentum = 0.9,
                               .weight_decay = 5e-4,
                               .beta2 = 0.999,
                               .epsilon = 1e-8,
                               .step = ++run->step};
    ufm_status status =
        run->ops->forward(run->engine, run->images, s->batch, true, run->features, run->logits);
    if (status != UFM_OK) return status;
    entropy_gradient(run->logits, s->batch, run->network->classes);
    for (int64_t i = 0; i < s->batch * run->network->dim; i++) run->features[i] *= 2e-3;
    status = run->ops->backward(run->engine, run->logits, run->features);
    if (status == UFM_OK) status = run->ops->update(run->engine, &update);
    if (status == UFM_OK && s->go_on && !s->go_on(s->context)) status = UFM_ERROR_CANCELLED;
    return status;
}

/* Sorts as it inserts. */
static void insert(double *sorted, int64_t count, double value)
{
    for (; count > 0 && sorted[count - 1] > value; count--) sorted[count] = sorted[count - 1];
    sorted[count] = value;
}

static ufm_status measure(speed_run *run, double *rates, ufm_speed *speed)
{
    const ufm_speed_settings *s = run->settings;
    double before[UFM_PARTS] = {0}, total = 0;
    ufm_status status = UFM_OK;
    for (int warm = 0; warm < 2 && status == UFM_OK; warm++) status = one_step(run);
    const double *seconds = run->ops->seconds ? run->ops->seconds(run->engine) : NULL;
    if (seconds) memcpy(before, seconds, sizeof before);
    for (int64_t r = 0; r < s->repeats && status == UFM_OK; r++) {
        const double began = ufm_seconds();
        for (int64_t i = 0; i < s->steps && status == UFM_OK; i++) status = one_step(run);
        const double spent = ufm_seconds() - began;
        insert(rates, r, (double)(s->steps * s->batch) / spent);
        total += spent;
    }
    if (status != UFM_OK) return status;
    *speed = (ufm_speed){.lowest = rates[0],
                         .median = rates[s->repeats / 2],
                         .highest = rates[s->repeats - 1],
                         .products = 3 * (double)ufm_network_products(run->network)};
    for (int p = 0; p < UFM_PARTS && seconds; p++) speed->share[p] = (seconds[p] - before[p]) / total;
    return UFM_OK;
}

ufm_status ufm_training_speed(const ufm_speed_settings *settings, ufm_speed *speed, ufm_error *error)
{
    speed_run run = {.settings = settings};
    const ufm_engine_settings engine = {settings->batch, settings->threads, settings->precision};
    double *rates = NULL;
    ufm_status status = UFM_OK;
    if (settings->batch < 1 || settings->steps < 1 || settings->repeats < 1)
        status = ufm_fail(error, UFM_ERROR_USAGE, "batch, steps and repeats must be positive");
    if (status == UFM_OK) status = ufm_find_engine(settings->engine, &run.ops, error);
    if (status == UFM_OK)
        status = ufm_network_new(settings->architecture, &settings->network, &run.network, error);
    if (status == UFM_OK) status = run.ops->create(run.network, &engine, &run.engine, error);
    if (status == UFM_OK) status = make_data(&run);
    if (status == UFM_OK && run.ops->choose && settings->trial)
        status = run.ops->choose(run.engine, NULL, &run.routes);
    if (status == UFM_OK && !(rates = ufm_alloc(settings->repeats, sizeof *rates))) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = measure(&run, rates, speed);
    for (const char *r = run.routes; r && *r && status == UFM_OK; r++) {
        speed->products_timed++;
        speed->products_onednn += strchr("cmw", *r) != NULL;
    }
    if (run.engine) run.ops->free(run.engine);
    void *arrays[] = {run.images, run.features, run.logits, run.start, rates};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    ufm_network_free(run.network);
    return status;
}
