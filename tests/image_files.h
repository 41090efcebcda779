/* Tiny files of every format that the image readers know, made by the tests and for the seeds of the fuzzers.
 */
#ifndef UFMLAB_TEST_IMAGE_FILES_H
#define UFMLAB_TEST_IMAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file in memory; release with free. */
typedef struct {
    uint8_t *bytes;
    size_t size;
} file_bytes;
void file_write(const char *path, file_bytes file); /* and frees it */
file_bytes file_gzip(file_bytes plain);             /* frees it */

/* The byte that every made image has at (image, channel, row, column). */
uint8_t made_pixel(int image, int channel, int row, int column);
/* IDX of `images` pictures of rows x columns, and of their labels image % 10. */
file_bytes make_idx_images(int images, int rows, int columns);
file_bytes make_idx_labels(int images);
file_bytes make_cifar(int images); /* class image % 10 */
/* SVHN format 2, y = image % 10 + 1; each variable deflated or plain, y as doubles or bytes. */
file_bytes make_mat(int images, bool deflated, bool doubles);
/* Picture 0 of made_pixel. */
typedef enum { PNG_RGB, PNG_GREY, PNG_PALETTE, PNG_RGBA16_INTERLACED } png_kind;
file_bytes make_png(int width, int height, png_kind kind);
typedef enum { JPEG_BASELINE, JPEG_PROGRESSIVE, JPEG_GREY, JPEG_CMYK } jpeg_kind;
file_bytes make_jpeg(int width, int height, jpeg_kind kind, int quality);
/* digitStruct.mat at `path` with `numbers`, as "12": labels 1 and 2, image I being I.png; "0" is stored
 * as 10. */
void make_digit_struct(const char *path, int numbers, const char *const *number);

#endif
