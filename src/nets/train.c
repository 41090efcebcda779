/* ufmlab: nets: the trainer.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "train.h"

#include <math.h>
#include <string.h>
#include <ufmlab/io.h>

static const ufm_engine_ops *const engines[] = {&ufm_engine_fast, &ufm_engine_twin};
enum { ENGINES = sizeof engines / sizeof engines[0] };

const char *const *ufm_engines(void)
{
    static const char *const names[] = {"fast", "twin", NULL};
    return names;
}

ufm_status ufm_find_engine(const char *name, const ufm_engine_ops **ops, ufm_error *error)
{
    *ops = engines[0];
    if (!name) return UFM_OK;
    for (int e = 0; e < ENGINES; e++)
        if (strcmp(engines[e]->name, name) == 0) {
            *ops = engines[e];
            return UFM_OK;
        }
    return ufm_fail(error, UFM_ERROR_USAGE, "engine '%.40s' is not built in; %s and %s are", name,
                    engines[0]->name, engines[1]->name);
}

ufm_training_settings ufm_training_defaults(void)
{
    return (ufm_training_settings){.architecture = "resnet18",
                                   .multiplier = 1,
                                   .seed = 1,
                                   .epochs = 200,
                                   .batch = 128,
                                   .loss = UFM_LOSS_PAL,
                                   .rate = 0.1,
                                   .last_rate = 1e-3,
                                   .momentum = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .weight_decay = 5e-4,
                                   .measure_every = 1};
}

void ufm_training_free(ufm_training *training)
{
    if (!training) return;
    ufm_network_free(training->network);
    ufm_metrics_free(training->train.metrics);
    ufm_metrics_free(training->held_out.metrics);
    ufm_free(training);
}

/* Parameters, gradient, two moments, and activations with their gradients. Doubles for the twin, floats for
 * a fast engine; the trainer's own features and parameters are doubles. */
double ufm_training_memory(const ufm_network *n, const ufm_training_settings *s, int64_t images)
{
    const ufm_engine_ops *ops;
    const double number = ufm_find_engine(s->engine, &ops, NULL) == UFM_OK && ops == &ufm_engine_twin ? 8 : 4;
    return number *
               (4.0 * (double)n->parameters + 2.0 * (double)s->batch * (double)ufm_network_activations(n)) +
           8.0 * ((double)n->parameters + (double)n->dim * (double)images);
}

static ufm_status check(const ufm_training_settings *s, const ufm_samples *samples,
                        const ufm_samples *held_out, ufm_error *error)
{
    const double positive[] = {s->rate, s->epsilon}, share[] = {s->momentum, s->beta2, s->last_rate};
    const double decay[] = {s->weight_decay, s->feature_decay, s->feature_decay_batch};
    bool right = s->epochs > 0 && s->steps >= 0 && s->batch > 0 && s->warmup >= 0 && s->warmup < s->epochs &&
                 s->measure_every >= 0 && s->checkpoint_steps >= 0;
    for (int i = 0; i < 2; i++) right = right && positive[i] > 0 && isfinite(positive[i]);
    for (int i = 0; i < 3; i++) right = right && share[i] >= 0 && share[i] <= 1;
    for (int i = 0; i < 3; i++) right = right && decay[i] >= 0 && isfinite(decay[i]);
    if (!right)
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "epochs, batch and rate must be positive, decays finite and not negative, momentum at "
            "most 1, and the warm-up shorter than the training");
    if (!held_out) return UFM_OK;
    const ufm_image_shape a = ufm_samples_shape(samples), b = ufm_samples_shape(held_out);
    if (a.channels != b.channels || a.height != b.height || a.width != b.width ||
        ufm_samples_labels(samples)->classes != ufm_samples_labels(held_out)->classes)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "the held-out set has another shape or number of classes than the training set");
    return UFM_OK;
}

/* The theory's lambdas of the decays: PyTorch's weight decay has a factor 1/2; a batch's feature decay counts
 * B of N samples. A file must name positive ones. */
static ufm_objective objective_of(const ufm_training_settings *s, int64_t count)
{
    const double least = 1e-300;
    const double h = s->feature_decay + s->feature_decay_batch * (double)s->batch / (double)count;
    return (ufm_objective){.loss = s->loss,
                           .parameter = s->loss_parameter,
                           .lambda_w = fmax(least, s->weight_decay / 2),
                           .lambda_h = fmax(least, h),
                           .lambda_b = s->weight_decay / 2};
}

static ufm_status make_network(ufm_trainer *t, ufm_error *error)
{
    const ufm_training_settings *s = t->settings;
    const ufm_image_shape shape = ufm_samples_shape(t->samples);
    const ufm_network_settings network = {.classes = ufm_samples_labels(t->samples)->classes,
                                          .channels = shape.channels,
                                          .height = shape.height,
                                          .width = shape.width,
                                          .multiplier = s->multiplier,
                                          .etf = s->etf,
                                          .fix_dim = s->fix_dim};
    ufm_status status = ufm_find_engine(s->engine, &t->ops, error);
    if (status == UFM_OK) status = ufm_network_new(s->architecture, &network, &t->network, error);
    for (int64_t l = 0; status == UFM_OK && t->samples->table && l < t->network->layers; l++)
        if (t->network->layer[l].kind == UFM_LAYER_CONVOLUTION)
            status = ufm_fail(error, UFM_ERROR_USAGE, "%s looks at images, not at rows of numbers; take mlp",
                              s->architecture);
    return status;
}

static ufm_status make_arrays(ufm_trainer *t, int64_t most)
{
    const ufm_network *n = t->network;
    const bool measured = t->settings->measure_every > 0;
    t->order = ufm_alloc(most, sizeof *t->order);
    t->features = ufm_alloc(t->settings->batch * n->dim, sizeof(double));
    t->logits = ufm_alloc(t->settings->batch * n->classes, sizeof(double));
    t->parameters = ufm_alloc(n->parameters > n->running ? n->parameters : n->running, sizeof(double));
    t->W = ufm_alloc(n->classes * n->dim, sizeof(double));
    t->b = ufm_alloc(n->classes, sizeof(double));
    t->H = ufm_alloc(measured ? n->dim * most : 1, sizeof(double));
    return t->order && t->features && t->logits && t->parameters && t->W && t->b && t->H ? UFM_OK
                                                                                         : UFM_ERROR_MEMORY;
}

static ufm_status start_parameters(ufm_trainer *t)
{
    double *running = ufm_alloc(t->network->running + 1, sizeof *running);
    if (!running) return UFM_ERROR_MEMORY;
    ufm_status status =
        ufm_network_start(t->network, ufm_seed_derive(t->settings->seed, 0), t->parameters, running);
    if (status == UFM_OK) status = t->ops->import(t->engine, UFM_VECTOR_PARAMETERS, t->parameters);
    if (status == UFM_OK) status = t->ops->import(t->engine, UFM_VECTOR_RUNNING, running);
    ufm_free(running);
    return status;
}

static ufm_status prepare(ufm_trainer *t, ufm_error *error)
{
    const ufm_training_settings *s = t->settings;
    const ufm_engine_settings engine = {.batch = s->batch, .threads = s->threads, .precision = s->precision};
    ufm_status status = check(s, t->samples, t->held_out, error);
    if (status == UFM_OK) status = make_network(t, error);
    if (status != UFM_OK) return status;
    t->count = ufm_samples_labels(t->samples)->columns;
    t->batches = (t->count + s->batch - 1) / s->batch;
    t->objective = objective_of(s, t->count);
    const int64_t held = t->held_out ? ufm_samples_labels(t->held_out)->columns : 0;
    status = make_arrays(t, t->count > held ? t->count : held);
    if (status == UFM_OK) status = t->ops->create(t->network, &engine, &t->engine, error);
    if (status == UFM_OK && !s->resume) status = ufm_train_choose(t, NULL);
    if (status == UFM_OK) status = start_parameters(t);
    if (status == UFM_OK) status = ufm_train_header(t);
    if (status == UFM_OK && s->out) status = ufm_claim_directory(s->out, &t->claim, error);
    if (status == UFM_OK && s->resume) status = ufm_checkpoint_load(t, error);
    if (status == UFM_OK && s->resume) ufm_output_sweep(s->out);
    /* Their threads begin after the checkpoint was read, which forks. */
    if (status == UFM_OK) status = ufm_feed_new(t->samples, s->batch, &t->feed, error);
    if (status == UFM_OK && t->held_out) status = ufm_feed_new(t->held_out, s->batch, &t->held_feed, error);
    return status == UFM_OK ? ufm_train_publish_rows(t, error) : status;
}

static void release(ufm_trainer *t)
{
    ufm_release_directory(t->claim);
    ufm_feed_free(t->feed);
    ufm_feed_free(t->held_feed);
    ufm_network_free(t->network);
    ufm_metrics_free(t->train.metrics);
    ufm_metrics_free(t->test.metrics);
    void *arrays[] = {t->order, t->features, t->logits, t->parameters, t->W, t->b, t->H, t->rows.text};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
}

static double speed(const ufm_trainer *t)
{
    return t->step_seconds > 0 ? (double)t->step_images / t->step_seconds : NAN;
}

static bool limit_reached(const ufm_trainer *t)
{
    return t->place.epoch >= t->settings->epochs ||
           (t->settings->steps > 0 && t->place.step >= t->settings->steps);
}

bool ufm_train_report(ufm_trainer *t, bool measuring, double fraction)
{
    const ufm_training_settings *s = t->settings;
    const int64_t all = s->epochs * t->batches;
    const ufm_training_progress now = {.epoch = t->place.epoch,
                                       .epochs = s->epochs,
                                       .step = t->place.step,
                                       .steps = s->steps > 0 && s->steps < all ? s->steps : all,
                                       .loss = t->last_loss,
                                       .images_per_second = speed(t),
                                       .measuring = measuring,
                                       .fraction = fraction,
                                       .metrics = t->train.metrics};
    return !s->progress || s->progress(s->context, &now);
}

/* A step with the clock; the first one of a run also sets the engine up and is not counted. */
static ufm_status timed_step(ufm_trainer *t, ufm_error *error)
{
    const double began = ufm_seconds();
    const ufm_batch *batch;
    ufm_status status = ufm_feed_next(t->feed, &batch, error);
    const double fed = ufm_seconds();
    if (status == UFM_OK) status = ufm_train_step(t, batch, error);
    if (status != UFM_OK) return status;
    if (t->warm) {
        t->wait_seconds += fed - began;
        t->step_seconds += ufm_seconds() - began;
        t->step_images += batch->count;
    }
    t->warm = true;
    if (!ufm_train_report(t, false, 0)) t->interrupted = true;
    return UFM_OK;
}

/* The rest of the current epoch, or less when something stops it. */
static ufm_status run_epoch(ufm_trainer *t, ufm_error *error)
{
    const ufm_training_settings *s = t->settings;
    if (t->place.done == t->batches) return UFM_OK; /* resumed before its measurement */
    ufm_status status = ufm_train_shuffle(s->seed, t->place.epoch, t->count, t->order);
    const int64_t begin = t->place.done * s->batch;
    if (status == UFM_OK) status = ufm_feed_start(t->feed, t->order + begin, t->count - begin, error);
    while (status == UFM_OK && t->place.done < t->batches && !t->interrupted && !limit_reached(t)) {
        status = timed_step(t, error);
        const bool inside = t->place.done < t->batches && !t->interrupted && !limit_reached(t);
        if (status == UFM_OK && s->out && s->checkpoint_steps > 0 && inside &&
            t->place.step % s->checkpoint_steps == 0)
            status = ufm_checkpoint_save(t, error);
    }
    return status;
}

/* The row of an epoch that ended, measured when its turn has come. */
static ufm_status end_epoch(ufm_trainer *t, ufm_error *error)
{
    const int64_t every = t->settings->measure_every;
    const bool measured = every > 0 && (limit_reached(t) || t->place.epoch % every == 0);
    ufm_metrics_free(t->train.metrics);
    ufm_metrics_free(t->test.metrics);
    t->train = t->test = (ufm_evaluation){0};
    ufm_status status = measured ? ufm_train_measure(t, error) : UFM_OK;
    if (status == UFM_OK) status = ufm_train_row(t);
    return status == UFM_OK ? ufm_train_publish_rows(t, error) : status;
}

/* Counts the epoch as finished; one whose measurement is cut off counts as not yet finished, with no batch
 * left, so that a resumed run begins with the measurement. */
static ufm_status finish_epoch(ufm_trainer *t, ufm_error *error)
{
    t->place.epoch++;
    t->place.done = 0;
    ufm_status status = end_epoch(t, error);
    if (status == UFM_ERROR_CANCELLED) {
        t->place.epoch--;
        t->place.done = t->batches;
        t->interrupted = true;
        return UFM_OK;
    }
    if (status != UFM_OK) return status;
    t->epoch_loss = t->place.loss_sum / (double)t->place.images;
    t->place.loss_sum = t->place.mass_sum = 0;
    t->place.images = 0;
    return t->settings->out && !limit_reached(t) ? ufm_checkpoint_save(t, error) : UFM_OK;
}

static ufm_status run(ufm_trainer *t, ufm_error *error)
{
    const bool kept = t->settings->out != NULL;
    ufm_status status = UFM_OK;
    while (status == UFM_OK && !limit_reached(t) && !t->interrupted) {
        status = run_epoch(t, error);
        if (status == UFM_OK && t->place.done == t->batches && !t->interrupted)
            status = finish_epoch(t, error);
    }
    /* Before the row of an epoch that --steps cuts off, which a run without that limit does not have. */
    if (status == UFM_OK && kept && t->place.step > 0) status = ufm_checkpoint_save(t, error);
    if (status != UFM_OK || t->interrupted) return status;
    const bool cut = t->place.done > 0;
    if (cut) t->epoch_loss = t->place.loss_sum / (double)t->place.images;
    if (cut) status = end_epoch(t, error);
    /* A finished run that is resumed is measured again. */
    if (status == UFM_OK && !t->train.metrics && t->settings->measure_every > 0)
        status = ufm_train_measure(t, error);
    if (status == UFM_ERROR_CANCELLED) {
        t->interrupted = true;
        status = UFM_OK;
    }
    return status;
}

ufm_status ufm_train(const ufm_samples *samples, const ufm_samples *held_out,
                     const ufm_training_settings *settings, ufm_training **training, ufm_error *error)
{
    ufm_trainer t = {.settings = settings,
                     .samples = samples,
                     .held_out = held_out,
                     .last_loss = NAN,
                     .epoch_loss = NAN,
                     .claim = -1};
    const double began = ufm_seconds();
    ufm_training *made = ufm_alloc(1, sizeof *made);
    ufm_status status = made ? prepare(&t, error) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = run(&t, error);
    if (status == UFM_OK) {
        *made = (ufm_training){.network = t.network,
                               .epochs = t.place.epoch,
                               .steps = t.place.step,
                               .loss = isnan(t.epoch_loss) ? t.last_loss : t.epoch_loss,
                               .images_per_second = speed(&t),
                               .waiting = t.step_seconds > 0 ? t.wait_seconds / t.step_seconds : NAN,
                               .seconds = ufm_seconds() - began,
                               .interrupted = t.interrupted,
                               .train = t.train,
                               .held_out = t.test};
        t.train.metrics = t.test.metrics = NULL;
    }
    /* The engine looks at its network until it is freed. */
    ufm_network *network = status == UFM_OK ? t.network : NULL;
    if (t.engine) t.ops->free(t.engine);
    t.engine = NULL;
    if (network) t.network = NULL;
    release(&t);
    if (status == UFM_OK) {
        *training = made;
    } else {
        ufm_free(made);
        if (status == UFM_ERROR_MEMORY && error && !error->text[0])
            ufm_fail(error, status, "not enough memory to train; use a smaller --batch or --width");
    }
    return status;
}
