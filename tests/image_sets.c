#include "image_sets.h"
#include "data/images.h"
#include "test.h"
#include <stdlib.h>

typedef struct {
    int64_t bytes, bad;
} source;

uint8_t test_pixel(int64_t image, int64_t pixel)
{
    return (uint8_t)(1 + (image * 7919 + pixel * 104729 + (image * pixel) % 31) % 255);
}

static ufm_status read_image(const void *context, int64_t index, uint8_t *pixels, ufm_error *error)
{
    const source *s = context;
    if (index == s->bad) return ufm_fail(error, UFM_ERROR_INPUT, "image %lld is bad", (long long)index);
    for (int64_t p = 0; p < s->bytes; p++) pixels[p] = test_pixel(index, p);
    return UFM_OK;
}

static const ufm_images_ops ops = {read_image, ufm_free};

ufm_images *test_images(int64_t classes, int64_t count, ufm_image_shape shape, int64_t bad)
{
    source *s = ufm_alloc(1, sizeof *s);
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    ufm_images *images = NULL;
    if (!s || !builder) abort();
    *s = (source){shape.channels * shape.height * shape.width, bad};
    for (int64_t i = 0; i < count; i++) {
        const int32_t tag = (int32_t)(i % classes);
        if (ufm_labels_builder_add(builder, 1, &tag, 1, NULL) != UFM_OK) abort();
    }
    if (ufm_labels_builder_finish(builder, classes, UFM_DUPLICATES_KEEP, &labels, NULL) != UFM_OK ||
        ufm_images_new(&ops, s, labels, shape, &images) != UFM_OK)
        abort();
    ufm_labels_builder_free(builder);
    return images;
}

ufm_labels *test_design_labels(int64_t classes, const char *samples)
{
    ufm_design *design = NULL;
    ufm_labels *labels = NULL;
    const ufm_expansion expansion = {.dim = 1, .copies = 1};
    ufm_error error;
    if (ufm_design_parse(classes, samples, &design, &error) != UFM_OK ||
        ufm_design_expand(design, &expansion, &labels, &error) != UFM_OK)
        abort();
    ufm_design_free(design);
    return labels;
}
