/* Batches that are prepared ahead: producers fill the slots of a ring, in any order, and the caller takes
 * them in the order of the epoch. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "data/images.h"

#include <pthread.h>
#include <string.h>

enum { AHEAD = 4, PRODUCERS_MOST = 256 };

typedef struct {
    int64_t ready; /* 1 + number of the batch that it holds, 0: none */
    ufm_batch batch;
    int64_t *index;
    float *pixels;
    uint8_t *labels;
    ufm_status status;
    ufm_error error;
} slot;

struct ufm_loader {
    const ufm_images *images;
    int64_t batch, ahead, bytes; /* bytes of an image */
    float scale[3][256];         /* what a byte becomes, by channel */
    slot *slot;                  /* [ahead] */
    pthread_t *thread;
    int threads;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    /* Under the lock: */
    int64_t *order, count, capacity;
    int64_t batches;        /* of this epoch */
    int64_t claimed, taken; /* batches that a producer began, and those that the caller is finished with */
    int64_t given;          /* batches handed out */
    int busy;               /* producers in the middle of a batch */
    bool stop, quit;
    ufm_loader_statistics statistics;
};

/* ---- Producers ---- */

static void scale_image(const ufm_loader *loader, const uint8_t *bytes, float *pixels)
{
    const int64_t plane = loader->images->shape.height * loader->images->shape.width;
    for (int64_t c = 0; c < loader->images->shape.channels; c++)
        for (int64_t i = 0; i < plane; i++) pixels[c * plane + i] = loader->scale[c][bytes[c * plane + i]];
}

/* The caller may start another epoch meanwhile: reads nothing of the loader that changes but `stop`. */
static void fill_slot(ufm_loader *loader, slot *s, uint8_t *bytes)
{
    const ufm_labels *labels = loader->images->labels;
    s->status = bytes ? UFM_OK : ufm_fail(&s->error, UFM_ERROR_MEMORY, "not enough memory to load images");
    memset(s->labels, 0, (size_t)(s->batch.count * labels->classes));
    for (int64_t i = 0; i < s->batch.count && s->status == UFM_OK; i++) {
        pthread_mutex_lock(&loader->lock);
        const bool stop = loader->stop;
        pthread_mutex_unlock(&loader->lock);
        if (stop) return;
        const ufm_tag_set set = ufm_labels_set(labels, s->index[i]);
        s->status = ufm_images_read(loader->images, s->index[i], bytes, &s->error);
        if (s->status != UFM_OK) return;
        scale_image(loader, bytes, s->pixels + i * loader->bytes);
        for (int64_t j = 0; j < set.tags; j++) s->labels[i * labels->classes + set.tag[j]] = 1;
    }
}

static bool has_work(const ufm_loader *loader)
{
    return !loader->stop && loader->claimed < loader->batches &&
           loader->claimed < loader->taken + loader->ahead;
}

static void *produce(void *context)
{
    ufm_loader *loader = context;
    uint8_t *bytes = ufm_alloc(loader->bytes, 1);
    pthread_mutex_lock(&loader->lock);
    for (;;) {
        while (!loader->quit && !has_work(loader)) pthread_cond_wait(&loader->work, &loader->lock);
        if (loader->quit) break;
        const int64_t number = loader->claimed++, first = number * loader->batch;
        slot *s = &loader->slot[number % loader->ahead];
        s->batch.count = loader->batch < loader->count - first ? loader->batch : loader->count - first;
        memcpy(s->index, loader->order + first, (size_t)s->batch.count * sizeof *s->index);
        loader->busy++;
        pthread_mutex_unlock(&loader->lock);
        fill_slot(loader, s, bytes);
        pthread_mutex_lock(&loader->lock);
        s->ready = number + 1;
        loader->busy--;
        pthread_cond_broadcast(&loader->done);
    }
    pthread_mutex_unlock(&loader->lock);
    ufm_free(bytes);
    return NULL;
}

/* ---- The caller's side ---- */

static bool make_slots(ufm_loader *loader)
{
    loader->slot = ufm_alloc(loader->ahead, sizeof *loader->slot);
    int64_t floats;
    if (!loader->slot || __builtin_mul_overflow(loader->batch, loader->bytes, &floats)) return false;
    for (int64_t i = 0; i < loader->ahead; i++) {
        slot *s = &loader->slot[i];
        s->index = ufm_alloc(loader->batch, sizeof *s->index);
        s->pixels = ufm_alloc(floats, sizeof *s->pixels);
        s->labels = ufm_alloc(loader->batch, (size_t)loader->images->labels->classes);
        if (!s->index || !s->pixels || !s->labels) return false;
        s->batch = (ufm_batch){0, s->index, s->pixels, s->labels};
    }
    return true;
}

static ufm_status check(const ufm_loader_settings *settings, ufm_error *error)
{
    if (settings->batch < 1 || (settings->ahead != 0 && settings->ahead < 2) || settings->threads < 0 ||
        settings->threads > PRODUCERS_MOST)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "loader: batch %lld, %lld ahead, %d threads; give a batch of at least 1, 2 or more "
                        "ahead (0: %d), "
                        "up to %d threads",
                        (long long)settings->batch, (long long)settings->ahead, settings->threads, AHEAD,
                        PRODUCERS_MOST);
    return UFM_OK;
}

ufm_status ufm_loader_new(const ufm_images *images, const ufm_loader_settings *settings, ufm_loader **loader,
                          ufm_error *error)
{
    ufm_status status = check(settings, error);
    if (status != UFM_OK) return status;
    ufm_loader *made = ufm_alloc(1, sizeof *made);
    if (!made) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the loader");
    const ufm_image_shape *shape = &images->shape;
    made->images = images;
    made->batch = settings->batch < images->labels->columns ? settings->batch : images->labels->columns;
    made->ahead = settings->ahead ? settings->ahead : AHEAD;
    made->bytes = shape->channels * shape->height * shape->width;
    for (int64_t c = 0; c < shape->channels; c++)
        for (int b = 0; b < 256; b++)
            made->scale[c][b] = ((float)b / 255.0f - images->scaling.mean[c]) / images->scaling.deviation[c];
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->done, NULL);
    const int threads = settings->threads ? settings->threads : 1;
    made->thread = ufm_alloc(threads, sizeof *made->thread);
    bool right = made->thread && make_slots(made);
    for (; right && made->threads < threads; made->threads++)
        if (pthread_create(&made->thread[made->threads], NULL, produce, made) != 0) break;
    if (!right || made->threads == 0) {
        ufm_loader_free(made);
        return ufm_fail(error, UFM_ERROR_MEMORY,
                        "not enough memory or threads to load batches of %lld images; give a "
                        "smaller batch",
                        (long long)settings->batch);
    }
    *loader = made;
    return UFM_OK;
}

void ufm_loader_free(ufm_loader *loader)
{
    if (!loader) return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = loader->quit = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->threads; i++) pthread_join(loader->thread[i], NULL);
    pthread_cond_destroy(&loader->work);
    pthread_cond_destroy(&loader->done);
    pthread_mutex_destroy(&loader->lock);
    for (int64_t i = 0; loader->slot && i < loader->ahead; i++) {
        ufm_free(loader->slot[i].index);
        ufm_free(loader->slot[i].pixels);
        ufm_free(loader->slot[i].labels);
    }
    ufm_free(loader->slot);
    ufm_free(loader->thread);
    ufm_free(loader->order);
    ufm_free(loader);
}

/* Waits until no producer is in the middle of a batch; the lock is held. */
static void halt(ufm_loader *loader)
{
    loader->stop = true;
    while (loader->busy > 0) pthread_cond_wait(&loader->done, &loader->lock);
    loader->batches = loader->claimed = loader->taken = loader->given = loader->count = 0;
    loader->statistics = (ufm_loader_statistics){0};
    for (int64_t i = 0; i < loader->ahead; i++) loader->slot[i].ready = 0;
}

ufm_status ufm_loader_start(ufm_loader *loader, const int64_t *order, int64_t count, ufm_error *error)
{
    const int64_t columns = loader->images->labels->columns;
    for (int64_t i = 0; i < count; i++)
        if (order[i] < 0 || order[i] >= columns)
            return ufm_fail(error, UFM_ERROR_USAGE, "loader: image %lld; the set has images 0..%lld",
                            (long long)order[i], (long long)columns - 1);
    pthread_mutex_lock(&loader->lock);
    halt(loader);
    ufm_status status = ufm_grow((void **)&loader->order, &loader->capacity, count, sizeof *loader->order);
    if (status == UFM_OK) {
        if (count > 0) memcpy(loader->order, order, (size_t)count * sizeof *order);
        loader->count = count;
        loader->batches = count / loader->batch + (count % loader->batch != 0);
        loader->stop = false;
        pthread_cond_broadcast(&loader->work);
    } else {
        ufm_fail(error, status, "not enough memory for the order of %lld images", (long long)count);
    }
    pthread_mutex_unlock(&loader->lock);
    return status;
}

ufm_status ufm_loader_next(ufm_loader *loader, const ufm_batch **batch, ufm_error *error)
{
    ufm_status status = UFM_OK;
    *batch = NULL;
    pthread_mutex_lock(&loader->lock);
    if (loader->taken < loader->given) { /* the caller is finished with the one before */
        loader->taken = loader->given;
        pthread_cond_broadcast(&loader->work);
    }
    if (loader->given < loader->batches) {
        const int64_t number = loader->given;
        slot *s = &loader->slot[number % loader->ahead];
        const bool ready = s->ready == number + 1;
        if (!ready) {
            const double began = ufm_seconds();
            while (s->ready != number + 1) pthread_cond_wait(&loader->done, &loader->lock);
            loader->statistics.waited += ufm_seconds() - began;
        }
        status = s->status;
        if (status == UFM_OK) {
            loader->given++;
            loader->statistics.batches++;
            loader->statistics.ready += ready;
            *batch = &s->batch;
        } else {
            ufm_fail(error, status, "%s", s->error.text);
        }
    }
    pthread_mutex_unlock(&loader->lock);
    return status;
}

ufm_loader_statistics ufm_loader_measure(const ufm_loader *loader)
{
    return loader->statistics; /* only the caller's side writes them */
}
