/* ufmlab: data: what PNG and JPEG share, and the settings of both.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture.h"
#include "data/stream.h"
#include <math.h>
#include <string.h>

enum { SIZE_DEFAULT = 32, SIZE_MAX_ASKED = 1024 };

static const char *const fit_spelling[] = {
#define FIT_SPELLING(name, spelling, description) spelling,
    UFM_FIT_LIST(FIT_SPELLING)
#undef FIT_SPELLING
};
enum { FITS = sizeof fit_spelling / sizeof fit_spelling[0] };

const char *ufm_fit_name(ufm_fit fit)
{
    return fit_spelling[fit];
}

ufm_status ufm_fit_parse(const char *text, ufm_fit *fit, ufm_error *error)
{
    for (int f = 0; f < FITS; f++)
        if (strcmp(text, fit_spelling[f]) == 0) {
            *fit = (ufm_fit)f;
            return UFM_OK;
        }
    return ufm_fail(error, UFM_ERROR_USAGE,
                    "'%.40s' is no way to fit a picture; give letterbox, crop or stretch", text);
}

ufm_status ufm_picture_settings_check(ufm_picture_settings *settings, ufm_error *error)
{
    if (settings->size == 0) settings->size = SIZE_DEFAULT;
    if (settings->channels == 0) settings->channels = 3;
    if (settings->size < 1 || settings->size > SIZE_MAX_ASKED)
        return ufm_fail(error, UFM_ERROR_USAGE, "images of %lld pixels a side; give 1 to %d",
                        (long long)settings->size, SIZE_MAX_ASKED);
    if (settings->channels != 1 && settings->channels != 3)
        return ufm_fail(error, UFM_ERROR_USAGE, "%lld channels; give 1 (grey) or 3 (colour)",
                        (long long)settings->channels);
    if ((int)settings->fit < 0 || (int)settings->fit >= FITS)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "no such way to fit a picture; give letterbox, crop or stretch");
    return UFM_OK;
}

void ufm_picture_free(ufm_picture *picture)
{
    ufm_free(picture->pixel);
    *picture = (ufm_picture){0};
}

ufm_status ufm_picture_check_size(const picture_file *file, int64_t width, int64_t height, int64_t best,
                                  ufm_error *error)
{
    if (width < 1 || height < 1 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
        width * height > PICTURE_PIXELS_MAX)
        return ufm_data_fail(
            file->path, 0, error,
            "a picture of %lld x %lld pixels; give one of at most %lld million pixels and %d a "
            "side",
            (long long)width, (long long)height, (long long)(PICTURE_PIXELS_MAX >> 20), PICTURE_SIDE_MAX);
    if (width * height / best > file->size)
        return ufm_data_fail(
            file->path, 0, error,
            "%lld x %lld pixels cannot come from a file of %lld bytes; give a complete picture",
            (long long)width, (long long)height, (long long)file->size);
    return UFM_OK;
}

ufm_status ufm_picture_decode(const picture_file *file, const ufm_picture_settings *settings,
                              ufm_picture *picture, ufm_error *error)
{
    *picture = (ufm_picture){0};
    if (file->size >= 8 && memcmp(file->bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return ufm_picture_decode_png(file, picture, error);
    if (file->size >= 3 && memcmp(file->bytes, "\xff\xd8\xff", 3) == 0)
        return ufm_picture_decode_jpeg(file, settings, picture, error);
    return ufm_data_fail(file->path, 0, error,
                         "neither PNG nor JPEG; give a picture in one of the two formats");
}

/* A length of pixels, at least one. */
static int64_t rounded(double length)
{
    return length < 1 ? 1 : (int64_t)(length + 0.5);
}

picture_plan ufm_picture_plan(int64_t width, int64_t height, const ufm_picture_settings *settings)
{
    const double w = (double)width, h = (double)height, longer = fmax(w, h), shorter = fmin(w, h);
    const int64_t size = settings->size;
    picture_plan plan = {0, 0, w, h, 0, 0, size, size};
    switch (settings->fit) {
    case UFM_FIT_LETTERBOX:
        plan.columns = rounded((double)size * w / longer);
        plan.rows = rounded((double)size * h / longer);
        plan.left = (size - plan.columns) / 2;
        plan.top = (size - plan.rows) / 2;
        break;
    case UFM_FIT_CROP:
        plan.x = (w - shorter) / 2;
        plan.y = (h - shorter) / 2;
        plan.width = plan.height = shorter;
        break;
    case UFM_FIT_STRETCH:
        break;
    }
    return plan;
}
