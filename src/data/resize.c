/* ufmlab: data: pictures brought to one size. A separable filter: an axis that shrinks gives every new pixel
 * the average of what it covers, fractions of pixels included, so the mean of the picture stays; an axis that
 * grows interpolates between the two nearest centres.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture.h"
#include <math.h>
#include <string.h>

enum { RGB = 3 };

/* Pixel i of the new axis is the sum of weight[i*stride + t] times old pixel first[i] + t, t < taps[i]. */
typedef struct {
    int64_t stride;
    int64_t *first, *taps;
    float *weight;
} axis;

static void axis_free(axis *a)
{
    ufm_free(a->first);
    ufm_free(a->taps);
    ufm_free(a->weight);
}

/* Weights of the old pixels that [low, high] covers. */
static void cover(axis *a, int64_t i, double low, double high)
{
    const int64_t first = (int64_t)low;
    float *weight = a->weight + i * a->stride;
    int64_t taps = 0;
    for (; (double)(first + taps) < high; taps++) {
        const double left = fmax(low, (double)(first + taps)), right = fmin(high, (double)(first + taps + 1));
        weight[taps] = (float)((right - left) / (high - low));
    }
    a->first[i] = first;
    a->taps[i] = taps;
}

static void interpolate(axis *a, int64_t i, double centre, int64_t begin, int64_t end)
{
    const double last = (double)(end - 1), inside = fmin(fmax(centre - 0.5, (double)begin), last);
    const int64_t first = (int64_t)inside;
    const double fraction = inside - (double)first;
    a->first[i] = first;
    a->taps[i] = fraction > 0 ? 2 : 1;
    a->weight[i * a->stride] = (float)(1 - fraction);
    a->weight[i * a->stride + 1] = (float)fraction;
}

/* `count` new pixels from [begin, begin + length] of an old axis with `pixels`. */
static ufm_status axis_new(axis *a, double begin, double length, int64_t count, int64_t pixels)
{
    const double end = fmin(begin + length, (double)pixels), step = (end - begin) / (double)count;
    a->stride = (int64_t)ceil(step) + 2;
    a->first = ufm_alloc(count, sizeof *a->first);
    a->taps = ufm_alloc(count, sizeof *a->taps);
    a->weight = ufm_alloc(count * a->stride, sizeof *a->weight);
    if (!a->first || !a->taps || !a->weight) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        if (step >= 1)
            cover(a, i, begin + step * (double)i, fmin(begin + step * (double)(i + 1), (double)pixels));
        else
            interpolate(a, i, begin + step * ((double)i + 0.5), (int64_t)begin, (int64_t)ceil(end));
    }
    return UFM_OK;
}

/* Adds weight times one old row, brought to the new width, to `sum`. */
static void add_row(const axis *across, int64_t columns, const uint8_t *row, float weight, float *sum)
{
    for (int64_t i = 0; i < columns; i++) {
        const uint8_t *pixel = row + across->first[i] * RGB;
        const float *share = across->weight + i * across->stride;
        float rgb[RGB] = {0};
        for (int64_t t = 0; t < across->taps[i]; t++)
            for (int c = 0; c < RGB; c++) rgb[c] += share[t] * (float)pixel[t * RGB + c];
        for (int c = 0; c < RGB; c++) sum[i * RGB + c] += weight * rgb[c];
    }
}

static uint8_t to_byte(float value)
{
    return value >= 254.5F ? 255 : (uint8_t)(value + 0.5F);
}

/* One row of the image from its RGB sums. */
static void put_row(const float *sum, int64_t columns, int64_t channels, int64_t plane, uint8_t *pixels)
{
    for (int64_t i = 0; i < columns; i++) {
        const float *rgb = sum + i * RGB;
        if (channels == 1) pixels[i] = to_byte(0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2]);
        for (int64_t c = 0; channels == RGB && c < RGB; c++) pixels[c * plane + i] = to_byte(rgb[c]);
    }
}

ufm_status ufm_picture_fit(const ufm_picture *picture, const picture_plan *plan,
                           const ufm_picture_settings *settings, uint8_t *pixels)
{
    const int64_t size = settings->size, plane = size * size;
    const double scale = picture->scale;
    axis across = {0}, down = {0};
    float *sum = ufm_alloc(plan->columns * RGB, sizeof *sum);
    ufm_status status = sum ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK)
        status = axis_new(&across, plan->x * scale, plan->width * scale, plan->columns, picture->width);
    if (status == UFM_OK)
        status = axis_new(&down, plan->y * scale, plan->height * scale, plan->rows, picture->height);
    if (status == UFM_OK) memset(pixels, 0, (size_t)(settings->channels * plane));
    for (int64_t i = 0; status == UFM_OK && i < plan->rows; i++) {
        memset(sum, 0, (size_t)(plan->columns * RGB) * sizeof *sum);
        for (int64_t t = 0; t < down.taps[i]; t++)
            add_row(&across, plan->columns, picture->pixel + (down.first[i] + t) * picture->width * RGB,
                    down.weight[i * down.stride + t], sum);
        put_row(sum, plan->columns, settings->channels, plane, pixels + (plan->top + i) * size + plan->left);
    }
    axis_free(&across);
    axis_free(&down);
    ufm_free(sum);
    return status;
}
