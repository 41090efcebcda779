/* ufmlab: data: PNG files, through libpng.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture.h"
#include "data/stream.h"
#include <png.h>
#include <string.h>

enum { RGB = 3, CHUNK_MAX = 1 << 23 };

/* What outlives a longjmp out of libpng. */
typedef struct {
    const picture_file *file;
    int64_t taken; /* bytes of the file */
    png_structp png;
    png_infop info;
    png_bytep *row;
    ufm_picture *picture;
    ufm_error *error;
    ufm_status status;
} png_decoder;

static void on_error(png_structp png, png_const_charp message)
{
    png_decoder *decoder = png_get_error_ptr(png);
    decoder->status = ufm_data_fail(decoder->file->path, decoder->taken, decoder->error,
                                    "damaged PNG (%.80s); give a complete picture", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void take_bytes(png_structp png, png_bytep bytes, size_t size)
{
    png_decoder *decoder = png_get_io_ptr(png);
    if ((int64_t)size > decoder->file->size - decoder->taken) png_error(png, "the file ends early");
    memcpy(bytes, decoder->file->bytes + decoder->taken, size);
    decoder->taken += (int64_t)size;
}

static void *allocate(png_structp png, png_alloc_size_t size)
{
    (void)png;
    return ufm_alloc((int64_t)size, 1);
}

static void release(png_structp png, void *pointer)
{
    (void)png;
    ufm_free(pointer);
}

/* Every kind of PNG as RGB with eight bits. */
static void set_transformations(png_decoder *decoder)
{
    png_structp png = decoder->png;
    png_set_scale_16(png);
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, decoder->info);
}

static void decode(png_decoder *decoder)
{
    if (setjmp(png_jmpbuf(decoder->png))) return;
    png_structp png = decoder->png;
    png_set_user_limits(png, PICTURE_SIDE_MAX, PICTURE_SIDE_MAX);
    png_set_chunk_malloc_max(png, CHUNK_MAX);
    png_set_read_fn(png, decoder, take_bytes);
    png_read_info(png, decoder->info);
    const int64_t width = png_get_image_width(png, decoder->info);
    const int64_t height = png_get_image_height(png, decoder->info);
    /* A byte holds up to eight pixels. */
    decoder->status =
        ufm_picture_check_size(decoder->file, width, height, (int64_t)DEFLATE_BEST * 8, decoder->error);
    if (decoder->status != UFM_OK) return;
    set_transformations(decoder);
    decoder->picture->pixel = ufm_alloc(width * height, RGB);
    decoder->row = ufm_alloc(height, sizeof *decoder->row);
    if (!decoder->picture->pixel || !decoder->row) {
        decoder->status = ufm_data_no_memory(decoder->file->path, decoder->error);
        return;
    }
    if (png_get_rowbytes(png, decoder->info) != (size_t)width * RGB)
        png_error(png, "rows of another size than declared");
    for (int64_t y = 0; y < height; y++) decoder->row[y] = decoder->picture->pixel + y * width * RGB;
    png_read_image(png, decoder->row);
    png_read_end(png, NULL);
    decoder->picture->width = decoder->picture->full_width = width;
    decoder->picture->height = decoder->picture->full_height = height;
    decoder->picture->scale = 1;
}

ufm_status ufm_picture_decode_png(const picture_file *file, ufm_picture *picture, ufm_error *error)
{
    ufm_picture made = {0};
    png_decoder decoder = {.file = file, .picture = &made, .error = error};
    decoder.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning, NULL,
                                           allocate, release);
    if (decoder.png) decoder.info = png_create_info_struct(decoder.png);
    if (decoder.info)
        decode(&decoder);
    else
        decoder.status = ufm_data_no_memory(file->path, error);
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    ufm_free(decoder.row);
    if (decoder.status == UFM_OK)
        *picture = made;
    else
        ufm_picture_free(&made);
    return decoder.status;
}
