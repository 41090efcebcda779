/* Pictures of any size, as PNG and JPEG files hold them, and how they become images of one size.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_PICTURE_H
#define UFMLAB_DATA_PICTURE_H

#include <ufmlab/data.h>

/* Largest side, and most pixels, of a picture that is decoded. */
enum { PICTURE_SIDE_MAX = 65500 };
#define PICTURE_PIXELS_MAX ((int64_t)64 << 20)

/* RGB, interleaved, rows from the top; owned. */
typedef struct {
    int64_t width, height;           /* of `pixel` */
    int64_t full_width, full_height; /* of the original */
    double scale; /* pixels per pixel of the original: below 1 where the decoder reduced it */
    uint8_t *pixel;
} ufm_picture;

/* Which part of a picture, in its own pixels, becomes which part of an image. */
typedef struct {
    double x, y, width, height;
    int64_t left, top, columns, rows;
} picture_plan;
picture_plan ufm_picture_plan(int64_t width, int64_t height, const ufm_picture_settings *settings);

/* A file in memory; `path` is for messages. */
typedef struct {
    const char *path;
    const uint8_t *bytes;
    int64_t size;
} picture_file;
/* By its first bytes: PNG (any kind; transparency is ignored) or JPEG (grey, colour and CMYK, baseline and
 * progressive). JPEG decoders may reduce: by a power of two, and not below what the settings ask for;
 * settings NULL: the whole picture. UFM_ERROR_INPUT, also for a file that ends early. */
ufm_status ufm_picture_decode(const picture_file *file, const ufm_picture_settings *settings,
                              ufm_picture *picture, ufm_error *error);
ufm_status ufm_picture_decode_png(const picture_file *file, ufm_picture *picture, ufm_error *error);
ufm_status ufm_picture_decode_jpeg(const picture_file *file, const ufm_picture_settings *settings,
                                   ufm_picture *picture, ufm_error *error);
void ufm_picture_free(ufm_picture *picture);
/* Checks the size that the file declares against limits and against the file's own size (`best` pixels of
 * one byte are the most that its format can reach). */
ufm_status ufm_picture_check_size(const picture_file *file, int64_t width, int64_t height, int64_t best,
                                  ufm_error *error);

/* channels x size x size bytes: each axis by the exact area average where it shrinks, bilinear where it
 * grows; black around a letterbox; grey is 0.299 R + 0.587 G + 0.114 B. UFM_ERROR_MEMORY without a message.
 */
ufm_status ufm_picture_fit(const ufm_picture *picture, const picture_plan *plan,
                           const ufm_picture_settings *settings, uint8_t *pixels);

/* UFM_ERROR_USAGE unless they are in range; zeros become the defaults. */
ufm_status ufm_picture_settings_check(ufm_picture_settings *settings, ufm_error *error);

#endif
