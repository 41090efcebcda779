/* Batches made ahead: what they hold, failures, and stopping in the middle. */
#include "image_sets.h"
#include "test.h"
#include <string.h>
#include <unistd.h>

enum { CLASSES = 3, COUNT = 50, BYTES = 3 * 4 * 4 };
static const ufm_image_shape shape = {3, 4, 4};

static void make_order(int64_t *order, int64_t count, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++) order[i] = (int64_t)(ufm_seed_derive(seed, (uint64_t)i) % COUNT);
}

static void check_batch(const ufm_batch *batch, const int64_t *order, int64_t first, int64_t count)
{
    TEST(batch->count == count);
    for (int64_t i = 0; i < count; i++) {
        const int64_t image = order[first + i];
        TEST(batch->index[i] == image);
        for (int64_t k = 0; k < CLASSES; k++) TEST(batch->labels[i * CLASSES + k] == (k == image % CLASSES));
        double worst = 0;
        for (int64_t p = 0; p < BYTES; p++)
            worst = fmax(worst, fabs(batch->pixels[i * BYTES + p] - test_pixel(image, p) / 255.0));
        test_at_most("scaled pixels", worst, 1e-7);
    }
}

/* Epochs of several lengths, rings and threads: all batches in order, the last one short. */
static void test_epochs(void)
{
    static const int64_t lengths[] = {50, 1, 0, 33, 200};
    ufm_images *images = test_images(CLASSES, COUNT, shape, -1);
    for (int threads = 1; threads <= 4; threads++)
        for (int64_t ahead = 2; ahead <= 5; ahead += 3) {
            ufm_loader *loader = NULL;
            const ufm_loader_settings settings = {.batch = 7, .ahead = ahead, .threads = threads};
            TEST_OK(ufm_loader_new(images, &settings, &loader, NULL));
            for (int e = 0; e < 5; e++) {
                int64_t order[200], at = 0;
                make_order(order, lengths[e], (uint64_t)e);
                TEST_OK(ufm_loader_start(loader, order, lengths[e], NULL));
                for (const ufm_batch *batch;; at += batch->count) {
                    TEST_OK(ufm_loader_next(loader, &batch, NULL));
                    if (!batch) break;
                    check_batch(batch, order, at, lengths[e] - at < 7 ? lengths[e] - at : 7);
                }
                TEST(at == lengths[e]);
                TEST(ufm_loader_measure(loader).batches == (lengths[e] + 6) / 7);
            }
            ufm_loader_free(loader);
        }
    ufm_images_free(images);
}

/* A restart in the middle of an epoch, and the end of the loader then, with and without a batch taken. */
static void test_stopping(void)
{
    ufm_images *images = test_images(CLASSES, COUNT, shape, -1);
    int64_t order[200];
    make_order(order, 200, 8);
    for (int trial = 0; trial < 60; trial++) {
        const int64_t blocks = ufm_memory_live_blocks();
        ufm_loader *loader = NULL;
        const ufm_batch *batch = NULL;
        TEST_OK(ufm_loader_new(images, &(ufm_loader_settings){.batch = 3, .threads = 1 + trial % 3}, &loader,
                               NULL));
        TEST_OK(ufm_loader_start(loader, order, 200, NULL));
        for (int i = 0; i < trial % 7; i++) TEST_OK(ufm_loader_next(loader, &batch, NULL));
        if (trial % 2) {
            TEST_OK(ufm_loader_start(loader, order + 5, 100, NULL));
            TEST_OK(ufm_loader_next(loader, &batch, NULL));
            check_batch(batch, order, 5, 3);
        }
        if (trial % 5 == 0) usleep(200);
        ufm_loader_free(loader);
        TEST(ufm_memory_live_blocks() == blocks);
    }
    ufm_images_free(images);
}

/* A bad image fails its batch, not those before it; the next epoch is whole. */
static void test_failure(void)
{
    ufm_images *images = test_images(CLASSES, COUNT, shape, 20);
    for (int threads = 1; threads <= 3; threads++) {
        ufm_loader *loader = NULL;
        const ufm_batch *batch;
        ufm_error error = {{0}};
        int64_t order[COUNT];
        for (int64_t i = 0; i < COUNT; i++) order[i] = i;
        TEST_OK(
            ufm_loader_new(images, &(ufm_loader_settings){.batch = 8, .threads = threads}, &loader, NULL));
        TEST_OK(ufm_loader_start(loader, order, COUNT, NULL));
        for (int i = 0; i < 2; i++) {
            TEST_OK(ufm_loader_next(loader, &batch, NULL));
            check_batch(batch, order, 8 * i, 8);
        }
        for (int i = 0; i < 2; i++) {
            error.text[0] = '\0';
            TEST(ufm_loader_next(loader, &batch, &error) == UFM_ERROR_INPUT && !batch);
            TEST(strcmp(error.text, "image 20 is bad") == 0);
        }
        TEST_OK(ufm_loader_start(loader, order, 16, NULL));
        for (int i = 0; i < 2; i++) TEST_OK(ufm_loader_next(loader, &batch, NULL));
        TEST_OK(ufm_loader_next(loader, &batch, NULL));
        TEST(!batch);
        order[3] = COUNT;
        TEST(ufm_loader_start(loader, order, 16, &error) == UFM_ERROR_USAGE && strstr(error.text, "0..49"));
        ufm_loader_free(loader);
    }
    ufm_images_free(images);
}

static void test_refusals(void)
{
    static const ufm_loader_settings wrong[] = {
        {.batch = 0}, {.batch = 1, .ahead = 1}, {.batch = 1, .threads = -1}};
    ufm_images *images = test_images(CLASSES, COUNT, shape, -1);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_loader *loader = NULL;
    for (int i = 0; i < 3; i++)
        TEST(ufm_loader_new(images, &wrong[i], &loader, NULL) == UFM_ERROR_USAGE && !loader);
    for (int64_t allowed = 0; allowed < 12; allowed++) {
        ufm_memory_fail_after(allowed);
        const ufm_status status = ufm_loader_new(images, &(ufm_loader_settings){.batch = 4}, &loader, NULL);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_ERROR_MEMORY && !loader && ufm_memory_live_blocks() == blocks);
    }
    ufm_loader_free(NULL);
    ufm_images_free(images);
}

static const test_case cases[] = {{"epochs", test_epochs},
                                  {"stopping", test_stopping},
                                  {"failure", test_failure},
                                  {"refusals", test_refusals},
                                  {NULL, NULL}};
const test_suite suite_loader = {"loader", cases};
