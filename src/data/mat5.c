/* ufmlab: data: MAT files, level 5. A file is a header of 128 bytes and elements, each with a tag (type and
 * number of bytes) and padded to eight bytes; a deflated element holds one element.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/mat5.h"
#include <stdio.h>
#include <string.h>
#include <ufmlab/io.h>

enum { HEADER = 128, INPUT = 1 << 16, BLOCK = 1 << 13 };
enum {
    TYPE_INT8 = 1,
    TYPE_UINT8 = 2,
    TYPE_INT32 = 5,
    TYPE_UINT32 = 6,
    TYPE_DOUBLE = 9,
    TYPE_MATRIX = 14,
    TYPE_DEFLATED = 15
};
enum { CLASS_DOUBLE = 6, CLASS_UINT64 = 15, FLAG_COMPLEX = 8 };

struct mat5_file {
    data_stream stream;
    z_stream inflater;
    bool deflated;  /* the variable being read is */
    int64_t packed; /* bytes of the deflated element not yet taken from the file */
    int64_t left;   /* bytes of the variable not yet read; unpacked */
    uint8_t input[INPUT];
};

typedef struct {
    uint32_t type, size;
    bool small; /* the value lies in the tag itself */
    uint8_t value[4];
} element_tag;

ufm_status ufm_mat5_fail(mat5_file *file, ufm_error *error, const char *format, ...)
{
    ufm_error message;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message.text, sizeof message.text, format, arguments);
    va_end(arguments);
    return ufm_stream_fail(&file->stream, error, "%s", message.text);
}

ufm_status ufm_mat5_no_memory(mat5_file *file, ufm_error *error)
{
    return ufm_data_no_memory(file->stream.path, error);
}

static uint32_t little_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

ufm_status ufm_mat5_open(const char *path, mat5_file **file, ufm_error *error)
{
    *file = NULL;
    uint8_t header[HEADER];
    mat5_file *made = ufm_alloc(1, sizeof *made);
    if (!made) return ufm_data_no_memory(path, error);
    ufm_status status = ufm_stream_open(&made->stream, path, error);
    if (status == UFM_OK) status = ufm_stream_read(&made->stream, header, HEADER, error);
    if (status == UFM_OK && memcmp(header, "MATLAB 5.0", 10) != 0)
        status = ufm_mat5_fail(made, error, "not a MAT file of level 5; give one that was saved with -v7");
    /* "IM" read as a big-endian number means little-endian values. */
    if (status == UFM_OK && memcmp(header + 124, "\0\1IM", 4) != 0)
        status = ufm_mat5_fail(made, error, "a big-endian or unknown MAT file; give a little-endian one");
    if (status == UFM_OK)
        *file = made;
    else
        ufm_mat5_close(made);
    return status;
}

void ufm_mat5_close(mat5_file *file)
{
    if (!file) return;
    if (file->deflated) inflateEnd(&file->inflater);
    ufm_stream_close(&file->stream);
    ufm_free(file);
}

static ufm_status refill(mat5_file *file, ufm_error *error)
{
    if (file->inflater.avail_in > 0) return UFM_OK;
    if (file->packed == 0)
        return ufm_mat5_fail(file, error, "the deflated variable ends early; fetch the file again");
    const int64_t size = file->packed < INPUT ? file->packed : INPUT;
    file->inflater.next_in = file->input;
    file->inflater.avail_in = (unsigned)size;
    file->packed -= size;
    return ufm_stream_read(&file->stream, file->input, size, error);
}

/* Bytes as the variable holds them, unpacked where it is deflated. */
static ufm_status take_packed(mat5_file *file, uint8_t *bytes, int64_t size, ufm_error *error)
{
    while (size > 0) {
        const ufm_status status = refill(file, error);
        if (status != UFM_OK) return status;
        const unsigned most = (unsigned)(size < BLOCK ? size : BLOCK);
        file->inflater.next_out = bytes;
        file->inflater.avail_out = most;
        const int code = inflate(&file->inflater, Z_NO_FLUSH);
        const unsigned got = most - file->inflater.avail_out;
        bytes += got;
        size -= got;
        if (code == Z_MEM_ERROR) return ufm_data_no_memory(file->stream.path, error);
        if ((code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) ||
            (code == Z_STREAM_END && size > 0))
            return ufm_mat5_fail(file, error, "damaged deflated data; fetch the file again");
    }
    return UFM_OK;
}

static ufm_status take(mat5_file *file, void *bytes, int64_t size, ufm_error *error)
{
    if (size > file->left)
        return ufm_mat5_fail(file, error, "a part of a variable is longer than it; fetch the file again");
    file->left -= size;
    return file->deflated ? take_packed(file, bytes, size, error)
                          : ufm_stream_read(&file->stream, bytes, size, error);
}

static ufm_status skip(mat5_file *file, int64_t size, ufm_error *error)
{
    uint8_t rest[BLOCK];
    ufm_status status = UFM_OK;
    for (; status == UFM_OK && size > 0; size -= BLOCK)
        status = take(file, rest, size < BLOCK ? size : BLOCK, error);
    return status;
}

static ufm_status take_tag(mat5_file *file, element_tag *tag, ufm_error *error)
{
    uint8_t bytes[8];
    const ufm_status status = take(file, bytes, sizeof bytes, error);
    if (status != UFM_OK) return status;
    *tag = (element_tag){little_endian(bytes), little_endian(bytes + 4), false, {0}};
    if (tag->type >> 16 == 0) return UFM_OK;
    tag->small = true;
    tag->size = tag->type >> 16;
    tag->type &= 0xffff;
    memcpy(tag->value, bytes + 4, sizeof tag->value);
    if (tag->size <= sizeof tag->value) return UFM_OK;
    return ufm_mat5_fail(file, error, "a short element of %u bytes; fetch the file again", tag->size);
}

/* A whole element of at most `room` bytes, with its padding. */
static ufm_status take_element(mat5_file *file, uint32_t type, uint8_t *value, uint32_t room, uint32_t *size,
                               ufm_error *error)
{
    element_tag tag;
    ufm_status status = take_tag(file, &tag, error);
    if (status != UFM_OK) return status;
    if (tag.type != type || tag.size > room)
        return ufm_mat5_fail(
            file, error,
            "an element of type %u with %u bytes, not one of type %u with at most %u; give a "
            "file of numeric arrays",
            tag.type, tag.size, type, room);
    *size = tag.size;
    if (tag.small) memcpy(value, tag.value, tag.size);
    if (!tag.small) status = take(file, value, tag.size, error);
    if (status == UFM_OK && !tag.small) status = skip(file, -(int64_t)tag.size & 7, error);
    return status;
}

/* Flags, extents and name, which come before the values. */
static ufm_status take_header(mat5_file *file, mat5_array *array, ufm_error *error)
{
    uint8_t flags[8], extents[4 * MAT5_RANK_MAX], name[MAT5_NAME_MAX];
    uint32_t size;
    ufm_status status = take_element(file, TYPE_UINT32, flags, sizeof flags, &size, error);
    if (status != UFM_OK) return status;
    if (size != sizeof flags || flags[0] < CLASS_DOUBLE || flags[0] > CLASS_UINT64 || flags[1] & FLAG_COMPLEX)
        return ufm_mat5_fail(file, error, "a variable that is no array of real numbers; store only arrays");
    status = take_element(file, TYPE_INT32, extents, sizeof extents, &size, error);
    if (status != UFM_OK) return status;
    array->rank = (int)(size / 4);
    array->elements = 1;
    if (size % 4 != 0 || array->rank < 2)
        return ufm_mat5_fail(file, error, "an array without two dimensions; fetch the file again");
    for (int i = 0; i < array->rank; i++) {
        array->extent[i] = (int32_t)little_endian(extents + 4 * i);
        if (array->extent[i] < 1 ||
            __builtin_mul_overflow(array->elements, array->extent[i], &array->elements))
            return ufm_mat5_fail(file, error, "extent %lld of an array; give at least 1 and no more than fit",
                                 (long long)array->extent[i]);
    }
    if (array->elements / DEFLATE_BEST > file->stream.size)
        return ufm_mat5_fail(file, error,
                             "an array of %lld elements, which the file cannot hold; fetch it again",
                             (long long)array->elements);
    status = take_element(file, TYPE_INT8, name, sizeof name, &size, error);
    if (status == UFM_OK) memcpy(array->name, name, size);
    return status;
}

/* Begins a variable whose tag was just read from the file. */
static ufm_status begin_variable(mat5_file *file, const uint8_t *bytes, ufm_error *error)
{
    element_tag tag = {little_endian(bytes), little_endian(bytes + 4), false, {0}};
    file->left = tag.size;
    if (tag.type == TYPE_DEFLATED) {
        file->packed = tag.size;
        file->inflater = (z_stream){0};
        if (inflateInit(&file->inflater) != Z_OK) return ufm_data_no_memory(file->stream.path, error);
        file->deflated = true;
        file->left = 8;
        const ufm_status status = take_tag(file, &tag, error);
        if (status != UFM_OK) return status;
        file->left = tag.size;
    }
    if (tag.type == TYPE_MATRIX && !tag.small) return UFM_OK;
    return ufm_mat5_fail(file, error, "an element of type %u, not an array (type %d); fetch the file again",
                         tag.type, TYPE_MATRIX);
}

/* What is left of the variable before. */
static ufm_status end_variable(mat5_file *file, ufm_error *error)
{
    uint8_t rest[BLOCK];
    ufm_status status = UFM_OK;
    if (!file->deflated) return skip(file, file->left, error);
    inflateEnd(&file->inflater);
    file->deflated = false;
    for (; status == UFM_OK && file->packed > 0; file->packed -= BLOCK)
        status = ufm_stream_read(&file->stream, rest, file->packed < BLOCK ? file->packed : BLOCK, error);
    file->packed = 0;
    return status;
}

ufm_status ufm_mat5_next(mat5_file *file, mat5_array *array, bool *found, ufm_error *error)
{
    uint8_t tag[8];
    *array = (mat5_array){0};
    *found = false;
    ufm_status status = end_variable(file, error);
    if (status != UFM_OK) return status;
    const int first = gzgetc(file->stream.file);
    if (first < 0) return ufm_stream_end(&file->stream, error);
    tag[0] = (uint8_t)first;
    status = ufm_stream_read(&file->stream, tag + 1, sizeof tag - 1, error);
    if (status == UFM_OK) status = begin_variable(file, tag, error);
    if (status == UFM_OK) status = take_header(file, array, error);
    *found = status == UFM_OK;
    return status;
}

static ufm_status take_doubles(mat5_file *file, int64_t elements, uint8_t *values, ufm_error *error)
{
    double block[BLOCK / sizeof(double)];
    enum { MOST = sizeof block / sizeof block[0] };
    ufm_status status = UFM_OK;
    for (int64_t begin = 0; status == UFM_OK && begin < elements; begin += MOST) {
        const int64_t count = elements - begin < MOST ? elements - begin : MOST;
        status = take(file, block, count * (int64_t)sizeof *block, error);
        for (int64_t i = 0; status == UFM_OK && i < count; i++) {
            if (!(block[i] >= 0 && block[i] <= UINT8_MAX) || block[i] != (double)(int)block[i])
                status = ufm_mat5_fail(file, error,
                                       "%g in \"values\" that must be integers 0..255; fetch "
                                       "the file again",
                                       block[i]);
            else
                values[begin + i] = (uint8_t)block[i];
        }
    }
    return status;
}

ufm_status ufm_mat5_values(mat5_file *file, const mat5_array *array, uint8_t *values, ufm_error *error)
{
    element_tag tag;
    ufm_status status = take_tag(file, &tag, error);
    if (status != UFM_OK) return status;
    const int64_t width = tag.type == TYPE_DOUBLE ? 8 : 1;
    if ((tag.type != TYPE_UINT8 && tag.type != TYPE_DOUBLE) || tag.size != array->elements * width)
        return ufm_mat5_fail(file, error,
                             "the variable '%s' has %u bytes of type %u for its %lld elements; store it as "
                             "bytes or doubles",
                             array->name, tag.size, tag.type, (long long)array->elements);
    if (tag.small)
        memcpy(values, tag.value, tag.size); /* too short for a double */
    else if (tag.type == TYPE_UINT8)
        status = take(file, values, tag.size, error);
    else
        status = take_doubles(file, array->elements, values, error);
    return status;
}
