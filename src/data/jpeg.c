/* ufmlab: data: JPEG files, through libjpeg.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture.h"
#include "data/stream.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
/* After stdio.h, which it needs. */
#include <jerror.h>
#include <jpeglib.h>

/* A scan walks over the whole picture, so many of them are a way to keep a machine busy. A byte of a JPEG
 * holds at least an eighth of a block of each component, and at most 1024 pixels. */
enum { RGB = 3, CMYK = 4, SCANS_MAX = 100, BEST = 1024 };

/* What outlives a longjmp out of libjpeg. */
typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    const picture_file *file;
    const ufm_picture_settings *settings;
    ufm_picture *picture;
    uint8_t *row; /* CMYK only */
    ufm_error *error;
    ufm_status status;
} jpeg_decoder;

static void fail(jpeg_decoder *decoder, const char *message)
{
    const struct jpeg_source_mgr *source = decoder->jpeg.src;
    const int64_t left = source ? (int64_t)source->bytes_in_buffer : 0;
    const int64_t byte = left <= decoder->file->size ? decoder->file->size - left : 0;
    decoder->status = ufm_data_fail(decoder->file->path, byte, decoder->error,
                                    "damaged JPEG (%.80s); give a complete picture", message);
    longjmp(decoder->escape, 1);
}

static void on_error(j_common_ptr jpeg)
{
    jpeg_decoder *decoder = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    fail(decoder, message);
}

/* libjpeg only warns of data that end early or are no code, and then invents pixels. */
static void on_message(j_common_ptr jpeg, int level)
{
    const int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE))
        on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
    if (((j_decompress_ptr)jpeg)->input_scan_number > SCANS_MAX)
        fail(jpeg->client_data, "more scans than any encoder writes");
}

/* The smallest of the sizes that need no more than the fast transforms. */
static void choose_scale(jpeg_decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    jpeg->scale_num = jpeg->scale_denom = 8;
    if (!decoder->settings) return;
    const picture_plan plan = ufm_picture_plan(jpeg->image_width, jpeg->image_height, decoder->settings);
    while (jpeg->scale_num > 1 && plan.width * (jpeg->scale_num / 2) >= (double)plan.columns * 8 &&
           plan.height * (jpeg->scale_num / 2) >= (double)plan.rows * 8)
        jpeg->scale_num /= 2;
}

/* Adobe writes CMYK inverted, others do not. */
static void convert_row(const jpeg_decoder *decoder, int64_t width, uint8_t *to)
{
    const bool inverted = decoder->jpeg.saw_Adobe_marker;
    for (int64_t x = 0; x < width; x++) {
        const uint8_t *from = decoder->row + CMYK * x;
        const int black = inverted ? from[3] : 255 - from[3];
        for (int c = 0; c < RGB; c++)
            to[RGB * x + c] = (uint8_t)(((inverted ? from[c] : 255 - from[c]) * black + 127) / 255);
    }
}

static bool read_rows(jpeg_decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    ufm_picture *picture = decoder->picture;
    const int64_t width = jpeg->output_width, height = jpeg->output_height;
    const bool cmyk = jpeg->out_color_space == JCS_CMYK;
    picture->pixel = ufm_alloc(width * height, RGB);
    if (cmyk) decoder->row = ufm_alloc(width, CMYK);
    if (!picture->pixel || (cmyk && !decoder->row)) return false;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *to = picture->pixel + jpeg->output_scanline * width * RGB;
        JSAMPROW row = cmyk ? decoder->row : to;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (cmyk) convert_row(decoder, width, to);
    }
    picture->width = width;
    picture->height = height;
    picture->full_width = jpeg->image_width;
    picture->full_height = jpeg->image_height;
    picture->scale = (double)jpeg->scale_num / 8;
    return true;
}

static void decode(jpeg_decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    if (setjmp(decoder->escape)) return;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = decoder;
    jpeg->progress = &decoder->progress;
    decoder->progress.progress_monitor = on_progress;
    jpeg_mem_src(jpeg, decoder->file->bytes, (unsigned long)decoder->file->size);
    jpeg_read_header(jpeg, TRUE);
    decoder->status =
        ufm_picture_check_size(decoder->file, jpeg->image_width, jpeg->image_height, BEST, decoder->error);
    if (decoder->status != UFM_OK) return;
    choose_scale(decoder);
    const bool cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    if (jpeg->output_components != (cmyk ? CMYK : RGB))
        fail(decoder, "another number of colours than declared");
    if (!read_rows(decoder))
        decoder->status = ufm_data_no_memory(decoder->file->path, decoder->error);
    else
        jpeg_finish_decompress(jpeg);
}

ufm_status ufm_picture_decode_jpeg(const picture_file *file, const ufm_picture_settings *settings,
                                   ufm_picture *picture, ufm_error *error)
{
    ufm_picture made = {0};
    jpeg_decoder *decoder = ufm_alloc(1, sizeof *decoder);
    if (!decoder) return ufm_data_no_memory(file->path, error);
    decoder->file = file;
    decoder->settings = settings;
    decoder->picture = &made;
    decoder->error = error;
    decoder->jpeg.client_data = decoder; /* creating it may fail already */
    decoder->jpeg.err = jpeg_std_error(&decoder->manager);
    decoder->manager.error_exit = on_error;
    decoder->manager.emit_message = on_message;
    decode(decoder);
    jpeg_destroy_decompress(&decoder->jpeg);
    const ufm_status status = decoder->status;
    ufm_free(decoder->row);
    ufm_free(decoder);
    if (status == UFM_OK)
        *picture = made;
    else
        ufm_picture_free(&made);
    return status;
}
