/* How fast the loader delivers a set, and in how much memory. */
#include "data.h"
#include <sys/resource.h>

static const double seconds_each = 2;

static void shuffle(int64_t *order, int64_t count, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = (int64_t)(ufm_seed_derive(seed, (uint64_t)i) % (uint64_t)(i + 1));
        const int64_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

/* Images a second in a random order, epoch after epoch; the caller does nothing with them. */
static ufm_status run_loader(const ufm_images *images, int threads, const int64_t *order, double *rate,
                             ufm_error *error)
{
    enum { BATCH = 128 };
    const int64_t columns = ufm_images_labels(images)->columns;
    ufm_loader *loader = NULL;
    const ufm_batch *batch = NULL;
    int64_t delivered = 0;
    ufm_status status =
        ufm_loader_new(images, &(ufm_loader_settings){.batch = BATCH, .threads = threads}, &loader, error);
    const double began = ufm_seconds();
    while (status == UFM_OK && ufm_seconds() - began < seconds_each && !interrupted()) {
        if (!batch) status = ufm_loader_start(loader, order, columns, error);
        if (status == UFM_OK) status = ufm_loader_next(loader, &batch, error);
        if (status == UFM_OK && batch) delivered += batch->count;
    }
    *rate = (double)delivered / (ufm_seconds() - began);
    ufm_loader_free(loader);
    return status;
}

ufm_status measure_speed(const options *opts, const ufm_images *images, data_speed *speed, ufm_error *error)
{
    const int64_t columns = ufm_images_labels(images)->columns, threads = opts->value[OPT_THREADS].integer;
    int64_t *order = ufm_alloc(columns, sizeof *order);
    struct rusage usage;
    if (!order) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for an order of the images");
    shuffle(order, columns, (uint64_t)opts->value[OPT_SEED].integer);
    speed->threads = threads ? (int)threads : ufm_threads_available();
    interrupt_install();
    ufm_status status = run_loader(images, 1, order, &speed->one, error);
    if (status == UFM_OK) status = run_loader(images, speed->threads, order, &speed->all, error);
    ufm_free(order);
    getrusage(RUSAGE_SELF, &usage);
    speed->peak_bytes = (int64_t)usage.ru_maxrss * 1024;
    return status;
}
