/* A narrow ResNet-18 trained step by step against stored PyTorch values; tests/reference holds the script. */
#include "nets/train.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 4, SIZE = 8, IMAGES = 29, BATCH = 8, EPOCHS = 5, STEPS = 20, PIXELS = SIZE * SIZE };

typedef struct {
    FILE *stream;
    bool short_of;
} reference;

static void take(reference *from, int64_t count, double *x)
{
    if (fread(x, sizeof *x, (size_t)count, from->stream) != (size_t)count) from->short_of = true;
}

static ufm_labels *take_labels(reference *from)
{
    double hot[IMAGES * CLASSES];
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    take(from, IMAGES * CLASSES, hot);
    for (int64_t i = 0; i < IMAGES; i++) {
        int32_t tag[CLASSES];
        int64_t tags = 0;
        for (int32_t k = 0; k < CLASSES; k++)
            if (hot[i * CLASSES + k] > 0.5) tag[tags++] = k;
        TEST_OK(ufm_labels_builder_add(builder, tags, tag, 1, NULL));
    }
    TEST_OK(ufm_labels_builder_finish(builder, CLASSES, UFM_DUPLICATES_KEEP, &labels, NULL));
    ufm_labels_builder_free(builder);
    return labels;
}

/* max |x - y|/max(1,|y|), NaN where one is. */
static double distance(int64_t count, const double *x, const double *y)
{
    double worst = 0;
    for (int64_t i = 0; i < count; i++) {
        const double error = fabs(x[i] - y[i]) / fmax(1, fabs(y[i]));
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

/* All epochs with one optimiser on engine `ops`; the errors of losses, logits and running statistics. */
static void follow(ufm_trainer *t, const double *start, const float *pixels, reference *from, double error[3])
{
    const ufm_network *n = t->network;
    const ufm_engine_settings settings = {.batch = BATCH, .threads = 2};
    double losses[STEPS], expected[STEPS], logits[BATCH * CLASSES];
    double *running = ufm_alloc(2 * n->running, sizeof *running);
    CU_ASSERT_FATAL(running && t->ops->create(n, &settings, &t->engine, NULL) == UFM_OK);
    for (int64_t l = 0; l < n->layers; l++)
        for (int64_t c = 0; n->layer[l].running >= 0 && c < n->layer[l].channels; c++)
            running[n->layer[l].running + n->layer[l].channels + c] = 1;
    TEST_OK(t->ops->import(t->engine, UFM_VECTOR_PARAMETERS, start));
    TEST_OK(t->ops->import(t->engine, UFM_VECTOR_RUNNING, running));
    t->place = (ufm_train_place){0};
    for (t->place.epoch = 0; t->place.epoch < EPOCHS; t->place.epoch++)
        for (int64_t begin = 0; begin < IMAGES; begin += BATCH) {
            int64_t index[BATCH];
            for (int64_t i = 0; i < BATCH; i++) index[i] = begin + i;
            const ufm_batch batch = {.count = begin + BATCH <= IMAGES ? BATCH : IMAGES - begin,
                                     .index = index,
                                     .pixels = pixels + begin * PIXELS};
            TEST_OK(ufm_train_step(t, &batch, NULL));
            losses[t->place.step - 1] = t->last_loss;
        }
    take(from, STEPS, expected);
    error[0] = distance(STEPS, losses, expected);
    TEST_OK(t->ops->forward(t->engine, pixels, BATCH, false, t->features, t->logits));
    take(from, BATCH * CLASSES, logits);
    error[1] = distance(BATCH * CLASSES, t->logits, logits);
    TEST_OK(t->ops->export(t->engine, UFM_VECTOR_RUNNING, running));
    take(from, n->running, running + n->running);
    error[2] = distance(n->running, running, running + n->running);
    t->ops->free(t->engine);
    ufm_free(running);
}

static void test_pytorch(void)
{
    static const char path[] = "tests/reference/resnet-trajectory.bin";
    const ufm_network_settings shape = {CLASSES, 1, SIZE, SIZE, 1.0 / 32, false, false};
    ufm_training_settings settings = ufm_training_defaults();
    settings.epochs = EPOCHS;
    settings.rate = 0.05;
    settings.feature_decay_batch = 1e-3;
    ufm_trainer t = {.settings = &settings,
                     .objective = {.loss = UFM_LOSS_PAL_N},
                     .ops = &ufm_engine_twin,
                     .count = IMAGES};
    reference from = {fopen(path, "rb"), false};
    CU_ASSERT_FATAL(from.stream != NULL);
    CU_ASSERT_FATAL(ufm_network_new("resnet18", &shape, &t.network, NULL) == UFM_OK);
    double *start = ufm_alloc(t.network->parameters, sizeof *start);
    double images[IMAGES * PIXELS], error[2][3];
    float pixels[IMAGES * PIXELS];
    take(&from, t.network->parameters, start);
    take(&from, IMAGES * PIXELS, images);
    for (int i = 0; i < IMAGES * PIXELS; i++) pixels[i] = (float)images[i];
    ufm_labels *labels = take_labels(&from);
    ufm_images *set = NULL;
    TEST_OK(ufm_images_synthetic((ufm_image_shape){1, SIZE, SIZE}, labels, 1, &set, NULL));
    const ufm_samples samples = {.images = set};
    t.samples = &samples;
    t.features = ufm_alloc(BATCH * t.network->dim, sizeof(double));
    t.logits = ufm_alloc(BATCH * CLASSES, sizeof(double));
    follow(&t, start, pixels, &from, error[0]);
    settings.adam = true;
    settings.rate = 0.01;
    follow(&t, start, pixels, &from, error[1]);
    CU_ASSERT(!from.short_of && fgetc(from.stream) == EOF);
    for (int i = 0; i < 2; i++) {
        test_worst(i ? "Adam's losses" : "SGD's losses", error[i][0], 1e-10);
        test_worst("logits in evaluation mode", error[i][1], 1e-9);
        test_worst("running statistics", error[i][2], 1e-9);
    }
    fclose(from.stream);
    ufm_images_free(set);
    ufm_labels_free(labels);
    ufm_network_free(t.network);
    ufm_free(start);
    ufm_free(t.features);
    ufm_free(t.logits);
}

static const test_case cases[] = {{"pytorch", test_pytorch}, {NULL, NULL}};
const test_suite suite_trajectory = {"trajectory", cases};
