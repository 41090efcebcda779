#include "image_files.h"
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After stdio.h, which it needs. */
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

uint8_t made_pixel(int image, int channel, int row, int column)
{
    return (uint8_t)(31 * image + 67 * channel + 5 * row + 3 * column);
}

static file_bytes new_file(size_t size)
{
    file_bytes file = {calloc(size + 1, 1), size};
    if (!file.bytes) abort();
    return file;
}

static void append(file_bytes *file, const void *bytes, size_t size)
{
    file->bytes = realloc(file->bytes, file->size + size + 1);
    if (!file->bytes) abort();
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

void file_write(const char *path, file_bytes file)
{
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(file.bytes, 1, file.size, stream) != file.size || fclose(stream) != 0) abort();
    free(file.bytes);
}

file_bytes file_gzip(file_bytes plain)
{
    z_stream z = {0};
    file_bytes packed = new_file(plain.size + 1000);
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    z.next_in = plain.bytes;
    z.avail_in = (unsigned)plain.size;
    z.next_out = packed.bytes;
    z.avail_out = (unsigned)packed.size;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    packed.size = z.total_out;
    deflateEnd(&z);
    free(plain.bytes);
    return packed;
}

static void put_big_endian(file_bytes *file, int value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    append(file, bytes, sizeof bytes);
}

file_bytes make_idx_images(int images, int rows, int columns)
{
    file_bytes file = new_file(0);
    put_big_endian(&file, 0x803);
    put_big_endian(&file, images);
    put_big_endian(&file, rows);
    put_big_endian(&file, columns);
    for (int i = 0; i < images; i++)
        for (int p = 0; p < rows * columns; p++)
            append(&file, &(uint8_t){made_pixel(i, 0, p / columns, p % columns)}, 1);
    return file;
}

file_bytes make_idx_labels(int images)
{
    file_bytes file = new_file(0);
    put_big_endian(&file, 0x801);
    put_big_endian(&file, images);
    for (int i = 0; i < images; i++) append(&file, &(uint8_t){(uint8_t)(i % 10)}, 1);
    return file;
}

file_bytes make_cifar(int images)
{
    file_bytes file = new_file(0);
    for (int i = 0; i < images; i++) {
        append(&file, &(uint8_t){(uint8_t)(i % 10)}, 1);
        for (int p = 0; p < 3072; p++)
            append(&file, &(uint8_t){made_pixel(i, p / 1024, p / 32 % 32, p % 32)}, 1);
    }
    return file;
}

/* An element of a MAT file with its padding. */
static void put_element(file_bytes *file, uint32_t type, const void *value, size_t size)
{
    const uint32_t tag[2] = {type, (uint32_t)size};
    append(file, tag, sizeof tag);
    append(file, value, size);
    append(file, "\0\0\0\0\0\0\0", -size & 7);
}

static void put_variable(file_bytes *file, file_bytes body, bool deflated)
{
    file_bytes matrix = new_file(0);
    put_element(&matrix, 14, body.bytes, body.size);
    free(body.bytes);
    if (!deflated) {
        append(file, matrix.bytes, matrix.size);
    } else {
        uLongf size = compressBound(matrix.size);
        file_bytes packed = new_file(size);
        if (compress(packed.bytes, &size, matrix.bytes, matrix.size) != Z_OK) abort();
        append(file, (uint32_t[]){15, (uint32_t)size}, 8);
        append(file, packed.bytes, size);
        free(packed.bytes);
    }
    free(matrix.bytes);
}

file_bytes make_mat(int images, bool deflated, bool doubles)
{
    file_bytes file = new_file(128), x = new_file(0), y = new_file(0);
    memset(file.bytes, ' ', 124);
    memcpy(file.bytes, "MATLAB 5.0 MAT-file", 19);
    memcpy(file.bytes + 124, "\0\1IM", 4);
    put_element(&x, 6, (uint32_t[]){9, 0}, 8);
    put_element(&x, 5, (int32_t[]){32, 32, 3, images}, 16);
    append(&x, (uint32_t[]){1 | 1 << 16, 'X'}, 8); /* a short element */
    file_bytes pixels = new_file(0);
    for (int i = 0; i < images; i++)
        for (int p = 0; p < 3072; p++) /* the row runs fastest */
            append(&pixels, &(uint8_t){made_pixel(i, p / 1024, p % 32, p / 32 % 32)}, 1);
    put_element(&x, 2, pixels.bytes, pixels.size);
    free(pixels.bytes);
    put_variable(&file, x, deflated);
    put_element(&y, 6, (uint32_t[]){6, 0}, 8);
    put_element(&y, 5, (int32_t[]){images, 1}, 8);
    append(&y, (uint32_t[]){1 | 1 << 16, 'y'}, 8);
    file_bytes digits = new_file(0);
    for (int i = 0; i < images; i++) {
        if (doubles)
            append(&digits, &(double){i % 10 + 1}, 8);
        else
            append(&digits, &(uint8_t){(uint8_t)(i % 10 + 1)}, 1);
    }
    put_element(&y, doubles ? 9 : 2, digits.bytes, digits.size);
    free(digits.bytes);
    put_variable(&file, y, deflated);
    return file;
}

static void write_png(png_structp png, png_bytep bytes, size_t size)
{
    append(png_get_io_ptr(png), bytes, size);
}

file_bytes make_png(int width, int height, png_kind kind)
{
    static const int colour[] = {PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_PALETTE,
                                 PNG_COLOR_TYPE_RGB_ALPHA};
    const int deep = kind == PNG_RGBA16_INTERLACED, channels = kind == PNG_RGB ? 3 : deep ? 4 : 1;
    file_bytes file = new_file(0);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, write_png, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, deep ? 16 : 8, colour[kind],
                 deep ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    png_color palette[256];
    for (int i = 0; i < 256; i++) palette[i] = (png_color){(png_byte)i, (png_byte)(255 - i), 7};
    if (kind == PNG_PALETTE) png_set_PLTE(png, info, palette, 256);
    png_write_info(png, info);
    const size_t bytes = (size_t)(width * channels) << deep;
    uint8_t *all = calloc((size_t)height, bytes);
    png_bytep *row = calloc((size_t)height, sizeof *row);
    if (!all || !row) abort();
    for (int y = 0; y < height; y++) {
        row[y] = all + (size_t)y * bytes;
        for (int p = 0; p < width * channels; p++) /* 16 bits: the byte twice */
            for (int b = 0; b <= deep; b++)
                row[y][(p << deep) + b] = made_pixel(0, p % channels, y, p / channels);
    }
    png_write_image(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    free(all);
    return file;
}

file_bytes make_jpeg(int width, int height, jpeg_kind kind, int quality)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr manager;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    const int channels = kind == JPEG_GREY ? 1 : kind == JPEG_CMYK ? 4 : 3;
    jpeg.err = jpeg_std_error(&manager);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = kind == JPEG_GREY ? JCS_GRAYSCALE : kind == JPEG_CMYK ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    if (kind == JPEG_PROGRESSIVE) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    JSAMPROW row = malloc((size_t)(width * channels));
    if (!row) abort();
    for (int y = 0; y < height; y++) {
        for (int p = 0; p < width * channels; p++) row[p] = made_pixel(0, p % channels, y, p / channels) / 2;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    file_bytes file = new_file(0);
    append(&file, bytes, size);
    free(bytes);
    return file;
}

/* A data set of `count` values as MATLAB has them: one column. */
static void put_values(hid_t group, const char *name, hid_t type, hsize_t count, const void *values)
{
    const hsize_t extent[2] = {count, 1};
    const hid_t space = H5Screate_simple(2, extent, NULL);
    const hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set < 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) abort();
    H5Dclose(set);
    H5Sclose(space);
}

static void put_item(hid_t file, int item, const char *number, hobj_ref_t *name, hobj_ref_t *box)
{
    char text[64], path[96];
    const size_t digits = strlen(number);
    uint16_t characters[64];
    hobj_ref_t reference[64];
    snprintf(text, sizeof text, "%d.png", item + 1);
    for (size_t i = 0; text[i]; i++) characters[i] = (uint16_t)text[i];
    snprintf(path, sizeof path, "#refs#/n%d", item);
    put_values(file, path, H5T_NATIVE_UINT16, strlen(text), characters);
    H5Rcreate(name, file, path, H5R_OBJECT, -1);
    snprintf(path, sizeof path, "#refs#/b%d", item);
    const hid_t group = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (size_t i = 0; i < digits; i++) {
        const double label = number[i] == '0' ? 10 : number[i] - '0';
        char place[128];
        snprintf(place, sizeof place, "#refs#/d%d_%zu", item, i);
        if (digits == 1) {
            put_values(group, "label", H5T_NATIVE_DOUBLE, 1, &label);
        } else {
            put_values(file, place, H5T_NATIVE_DOUBLE, 1, &label);
            H5Rcreate(&reference[i], file, place, H5R_OBJECT, -1);
        }
    }
    if (digits > 1) put_values(group, "label", H5T_STD_REF_OBJ, digits, reference);
    H5Gclose(group);
    H5Rcreate(box, file, path, H5R_OBJECT, -1);
}

void make_digit_struct(const char *path, int numbers, const char *const *number)
{
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t structure = H5Gcreate2(file, "digitStruct", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "#refs#", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    hobj_ref_t *name = calloc((size_t)numbers, sizeof *name), *box = calloc((size_t)numbers, sizeof *box);
    if (!name || !box) abort();
    for (int i = 0; i < numbers; i++) put_item(file, i, number[i], &name[i], &box[i]);
    put_values(structure, "name", H5T_STD_REF_OBJ, (hsize_t)numbers, name);
    put_values(structure, "bbox", H5T_STD_REF_OBJ, (hsize_t)numbers, box);
    free(name);
    free(box);
    H5Gclose(structure);
    H5Fclose(file);
}
