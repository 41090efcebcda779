/* Pictures: decoders against what was encoded, the area filter against a plain loop, and broken files. */
#include "data/picture.h"
#include "image_files.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

static ufm_status decode(file_bytes file, const ufm_picture_settings *settings, ufm_picture *picture,
                         ufm_error *error)
{
    const picture_file asked = {"FILE", file.bytes, (int64_t)file.size};
    const ufm_status status = ufm_picture_decode(&asked, settings, picture, error);
    free(file.bytes);
    return status;
}

static void test_png(void)
{
    for (int kind = PNG_RGB; kind <= PNG_RGBA16_INTERLACED; kind++) {
        ufm_picture picture;
        TEST_OK(decode(make_png(13, 9, (png_kind)kind), NULL, &picture, NULL));
        TEST(picture.width == 13 && picture.height == 9 && picture.full_width == 13 && picture.scale == 1);
        bool same = true;
        for (int y = 0; y < 9; y++)
            for (int x = 0; x < 13; x++) {
                const uint8_t *pixel = picture.pixel + 3 * (13 * y + x), one = made_pixel(0, 0, y, x);
                for (int c = 0; c < 3; c++) {
                    const uint8_t several = made_pixel(0, c, y, x);
                    const uint8_t coloured = c == 0 ? one : c == 1 ? (uint8_t)(255 - one) : 7;
                    same = same && pixel[c] == (kind == PNG_GREY      ? one
                                                : kind == PNG_PALETTE ? coloured
                                                                      : several);
                }
            }
        TEST(same);
        ufm_picture_free(&picture);
    }
}

/* A smooth picture survives JPEG at quality 100 within a few grey levels. */
static void test_jpeg(void)
{
    for (int kind = JPEG_BASELINE; kind <= JPEG_CMYK; kind++) {
        ufm_picture picture;
        TEST_OK(decode(make_jpeg(16, 8, (jpeg_kind)kind, 100), NULL, &picture, NULL));
        TEST(picture.width == 16 && picture.height == 8);
        double worst = 0;
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 16; x++)
                for (int c = 0; c < 3; c++) {
                    const int ink = made_pixel(0, c, y, x) / 2, black = made_pixel(0, 3, y, x) / 2;
                    double expected = made_pixel(0, kind == JPEG_GREY ? 0 : c, y, x) / 2;
                    /* libjpeg marks CMYK as Adobe's, which is inverted. */
                    if (kind == JPEG_CMYK) expected = ink * black / 255.0;
                    worst = fmax(worst, fabs(expected - picture.pixel[3 * (16 * y + x) + c]));
                }
        /* Colour is stored at half the resolution. */
        test_at_most("worst difference", worst, kind == JPEG_GREY || kind == JPEG_CMYK ? 3 : 12);
        ufm_picture_free(&picture);
    }
}

/* ---- Resizing ---- */
static ufm_picture random_picture(ufm_rng *rng, int64_t width, int64_t height)
{
    ufm_picture picture = {width, height, width, height, 1, ufm_alloc(width * height, 3)};
    for (int64_t i = 0; i < 3 * width * height; i++) picture.pixel[i] = (uint8_t)ufm_rng_below(rng, 256);
    return picture;
}

/* How much of [at, at+1] lies in [low, high]. */
static double overlap(double low, double high, int64_t at)
{
    return fmax(0, fmin(high, (double)at + 1) - fmax(low, (double)at));
}

/* The average of the picture over a rectangle, every pixel by its share. */
static double plain_average(const ufm_picture *p, double x0, double y0, double x1, double y1, int c)
{
    ufm_sum sum = {0};
    for (int64_t y = 0; y < p->height; y++)
        for (int64_t x = 0; x < p->width; x++)
            ufm_sum_add(&sum, overlap(x0, x1, x) * overlap(y0, y1, y) * p->pixel[3 * (y * p->width + x) + c]);
    return ufm_sum_value(sum) / ((x1 - x0) * (y1 - y0));
}

static void test_area(void)
{
    ufm_rng *rng = ufm_rng_new(11);
    uint8_t pixels[3 * 12 * 12];
    double worst = 0;
    for (int trial = 0; trial < 60; trial++) {
        const int64_t size = 1 + ufm_rng_below(rng, 12);
        ufm_picture picture =
            random_picture(rng, size + ufm_rng_below(rng, 40), size + ufm_rng_below(rng, 40));
        const ufm_picture_settings settings = {size, 3, trial % 2 ? UFM_FIT_CROP : UFM_FIT_STRETCH};
        const picture_plan plan = ufm_picture_plan(picture.width, picture.height, &settings);
        TEST_OK(ufm_picture_fit(&picture, &plan, &settings, pixels));
        const double w = plan.width / (double)size, h = plan.height / (double)size;
        for (int64_t i = 0; i < 3 * size * size; i++) {
            const double x = plan.x + w * (double)(i % size), y = plan.y + h * (double)(i / size % size);
            const double exact = plain_average(&picture, x, y, x + w, y + h, (int)(i / (size * size)));
            worst = fmax(worst, fabs(exact - pixels[i]));
        }
        ufm_picture_free(&picture);
    }
    test_worst("area", worst, 0.501); /* rounding to a byte */
    ufm_rng_free(rng);
}

/* Nothing gets lost: the mean stays, also of a letterbox, whose bars are black. */
static void test_energy(void)
{
    ufm_rng *rng = ufm_rng_new(12);
    static uint8_t pixels[3 * 50 * 50];
    const ufm_picture_settings settings = {50, 3, UFM_FIT_LETTERBOX};
    for (int trial = 0; trial < 20; trial++) {
        ufm_picture picture = random_picture(rng, 50 + ufm_rng_below(rng, 300), 50 + ufm_rng_below(rng, 300));
        const picture_plan plan = ufm_picture_plan(picture.width, picture.height, &settings);
        TEST_OK(ufm_picture_fit(&picture, &plan, &settings, pixels));
        double before = 0, after = 0;
        for (int64_t i = 0; i < 3 * picture.width * picture.height; i++) before += picture.pixel[i];
        for (int64_t i = 0; i < 3 * 50 * 50; i++) after += pixels[i];
        test_close("mean", after / (3.0 * (double)(plan.columns * plan.rows)),
                   before / (3.0 * (double)(picture.width * picture.height)), 0.002);
        TEST((plan.columns == 50 || plan.rows == 50) && plan.left >= 0 && plan.top >= 0);
        TEST(plan.rows == 50 || (pixels[0] == 0 && pixels[50 * 50 - 1] == 0) || plan.rows == 49);
        ufm_picture_free(&picture);
    }
    ufm_rng_free(rng);
}

/* Growing a ramp gives a ramp; the ends keep their values; grey is the weighted sum. */
static void test_bilinear(void)
{
    uint8_t pixels[3 * 16 * 16];
    ufm_picture picture = {4, 1, 4, 1, 1, ufm_alloc(4, 3)};
    for (int i = 0; i < 12; i++) picture.pixel[i] = (uint8_t)(40 * (i / 3) + 8 * (i % 3));
    ufm_picture_settings settings = {16, 3, UFM_FIT_STRETCH};
    picture_plan plan = ufm_picture_plan(4, 1, &settings);
    TEST_OK(ufm_picture_fit(&picture, &plan, &settings, pixels));
    for (int x = 0; x < 16; x++) {
        const double centre = fmin(fmax((x + 0.5) / 4 - 0.5, 0), 3);
        for (int c = 0; c < 3; c++)
            test_close("ramp", pixels[256 * c + 16 * (x % 16) + x], 40 * centre + 8 * c, 0.51);
    }
    settings.channels = 1;
    TEST_OK(ufm_picture_fit(&picture, &plan, &settings, pixels));
    test_close("grey", pixels[0], 0.587 * 8 + 0.114 * 16, 0.51);
    ufm_picture_free(&picture);
}

/* A decoder that reduces must agree with one that does not, up to what blocks of 8 x 8 smear. */
static void test_reduction(void)
{
    static uint8_t reduced[3 * 32 * 32], whole[3 * 32 * 32];
    for (int fit = UFM_FIT_LETTERBOX; fit <= UFM_FIT_STRETCH; fit++)
        for (int width = 70; width < 700; width += 173) {
            const ufm_picture_settings settings = {32, 3, (ufm_fit)fit};
            ufm_picture small, large;
            TEST_OK(decode(make_jpeg(width, 300, JPEG_BASELINE, 95), &settings, &small, NULL));
            TEST_OK(decode(make_jpeg(width, 300, JPEG_BASELINE, 95), NULL, &large, NULL));
            TEST(small.full_width == width && small.width < large.width && large.width == width);
            const picture_plan plan = ufm_picture_plan(width, 300, &settings);
            TEST((double)plan.columns <= plan.width * small.scale &&
                 (double)plan.rows <= plan.height * small.scale);
            TEST_OK(ufm_picture_fit(&small, &plan, &settings, reduced));
            TEST_OK(ufm_picture_fit(&large, &plan, &settings, whole));
            double sum = 0;
            for (int i = 0; i < 3 * 32 * 32; i++) sum += abs(reduced[i] - whole[i]);
            test_at_most("mean difference", sum / (3 * 32 * 32), 4);
            ufm_picture_free(&small);
            ufm_picture_free(&large);
        }
}

/* ---- Broken pictures ---- */
static file_bytes whole_picture(int kind)
{
    return kind < 4 ? make_png(23, 17, (png_kind)kind) : make_jpeg(40, 33, (jpeg_kind)(kind - 4), 80);
}

static void test_truncation(void)
{
    const int64_t before = ufm_memory_live_blocks();
    for (int kind = 0; kind < 8; kind++) {
        file_bytes all = whole_picture(kind);
        const size_t size = all.size;
        free(all.bytes);
        for (size_t length = 0; length + 2 < size; length += 1 + size / 200) {
            file_bytes file = whole_picture(kind);
            file.size = length;
            ufm_picture picture;
            ufm_error error;
            const ufm_status status = decode(file, NULL, &picture, &error);
            if (status != UFM_ERROR_INPUT)
                fprintf(stderr, "  kind %d, %zu of %zu bytes\n", kind, length, size);
            TEST(status == UFM_ERROR_INPUT && strncmp(error.text, "FILE: byte ", 11) == 0 && !picture.pixel);
        }
    }
    TEST(ufm_memory_live_blocks() == before);
}

static void test_damage(void)
{
    ufm_rng *rng = ufm_rng_new(13);
    const int64_t before = ufm_memory_live_blocks();
    const ufm_picture_settings settings = {8, 3, UFM_FIT_STRETCH};
    for (int trial = 0; trial < (test_fast() ? 100 : 2000); trial++) {
        file_bytes file = whole_picture(trial % 8);
        for (int i = 0; i < 3; i++)
            file.bytes[ufm_rng_below(rng, (int64_t)file.size)] = (uint8_t)ufm_rng_below(rng, 256);
        ufm_picture picture;
        ufm_error error;
        const ufm_status status = decode(file, trial % 2 ? &settings : NULL, &picture, &error);
        TEST(status == UFM_OK || (status == UFM_ERROR_INPUT && !picture.pixel));
        if (status == UFM_OK) ufm_picture_free(&picture);
    }
    TEST(ufm_memory_live_blocks() == before);
    ufm_rng_free(rng);
}

/* Sizes that the file cannot hold are refused before anything is allocated for them. */
static void test_lies(void)
{
    ufm_picture picture;
    ufm_error error;
    file_bytes jpeg = make_jpeg(16, 16, JPEG_GREY, 80);
    for (size_t i = 0; i + 9 < jpeg.size; i++)
        if (jpeg.bytes[i] == 0xff && jpeg.bytes[i + 1] == 0xc0)
            memcpy(jpeg.bytes + i + 5, "\x1f\x40\x1f\x40", 4);
    TEST(decode(jpeg, NULL, &picture, &error) == UFM_ERROR_INPUT);
    TEST(strstr(error.text, "8000 x 8000 pixels cannot come from a file of ") != NULL);
    jpeg = make_jpeg(16, 16, JPEG_GREY, 80);
    for (size_t i = 0; i + 9 < jpeg.size; i++)
        if (jpeg.bytes[i] == 0xff && jpeg.bytes[i + 1] == 0xc0)
            memcpy(jpeg.bytes + i + 5, "\xf0\x00\xf0\x00", 4);
    TEST(decode(jpeg, NULL, &picture, &error) == UFM_ERROR_INPUT);
    TEST(strstr(error.text, "at most 64 million pixels") != NULL);
    file_bytes text = {calloc(20, 1), 19};
    TEST(decode(text, NULL, &picture, &error) == UFM_ERROR_INPUT);
    TEST(strcmp(error.text, "FILE: byte 0: neither PNG nor JPEG; give a picture in one of the two formats") ==
         0);
}

static void test_allocation_failures(void)
{
    for (int kind = 0; kind < 8; kind++) {
        const int64_t before = ufm_memory_live_blocks();
        ufm_status status = UFM_ERROR_MEMORY;
        for (int64_t budget = 0; status != UFM_OK && budget < 200; budget++) {
            ufm_picture picture = {0};
            ufm_error error = {""};
            file_bytes file = whole_picture(kind);
            ufm_memory_fail_after(budget);
            status = decode(file, NULL, &picture, &error);
            ufm_memory_fail_after(-1);
            TEST(status == UFM_OK || strstr(error.text, "emory"));
            ufm_picture_free(&picture);
        }
        TEST(status == UFM_OK && ufm_memory_live_blocks() == before);
    }
}

static const test_case cases[] = {
    {"png", test_png},
    {"jpeg", test_jpeg},
    {"area", test_area},
    {"energy", test_energy},
    {"bilinear", test_bilinear},
    {"reduction", test_reduction},
    {"truncation", test_truncation},
    {"damage", test_damage},
    {"lies", test_lies},
    {"allocation_failures", test_allocation_failures},
    {NULL, NULL},
};
const test_suite suite_pictures = {"pictures", cases};
