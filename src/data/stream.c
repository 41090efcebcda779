/* ufmlab: data: binary files, plain or gzip.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/stream.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { GZ_BUFFER = 1 << 17, READ_MOST = 1 << 24 };

ufm_status ufm_data_open(const char *path, int *fd, int64_t *size, ufm_error *error)
{
    struct stat there;
    /* Not blocking: the name may be a pipe that nobody writes to. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &there) != 0) {
        const int reason = errno;
        if (*fd >= 0) close(*fd);
        *fd = -1;
        return ufm_fail(error, UFM_ERROR_IO, "%s: %s; give a file that can be read", ufm_shown_path(path),
                        strerror(reason));
    }
    *size = there.st_size;
    if (S_ISREG(there.st_mode)) return UFM_OK;
    close(*fd);
    *fd = -1;
    return ufm_fail(error, UFM_ERROR_IO, "%s: is not a regular file; give the name of one",
                    ufm_shown_path(path));
}

ufm_status ufm_data_no_memory(const char *path, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
}

static ufm_status fail_at(const char *path, int64_t byte, ufm_error *error, const char *format,
                          va_list arguments)
{
    ufm_error message;
    vsnprintf(message.text, sizeof message.text, format, arguments);
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: byte %lld: %s", ufm_shown_path(path), (long long)byte,
                    message.text);
}

ufm_status ufm_data_fail(const char *path, int64_t byte, ufm_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const ufm_status status = fail_at(path, byte, error, format, arguments);
    va_end(arguments);
    return status;
}

ufm_status ufm_stream_fail(data_stream *stream, ufm_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const ufm_status status = fail_at(stream->path, gztell(stream->file), error, format, arguments);
    va_end(arguments);
    return status;
}

ufm_status ufm_stream_open(data_stream *stream, const char *path, ufm_error *error)
{
    *stream = (data_stream){.path = path};
    int fd;
    const ufm_status status = ufm_data_open(path, &fd, &stream->size, error);
    if (status != UFM_OK) return status;
    stream->file = gzdopen(fd, "rb");
    if (!stream->file) {
        close(fd);
        return ufm_data_no_memory(path, error);
    }
    gzbuffer(stream->file, GZ_BUFFER);
    stream->packed = !gzdirect(stream->file);
    return UFM_OK;
}

void ufm_stream_close(data_stream *stream)
{
    if (stream->file) gzclose_r(stream->file);
    stream->file = NULL;
}

static ufm_status fail_read(data_stream *stream, int64_t missing, ufm_error *error)
{
    int code;
    gzerror(stream->file, &code);
    if (code == Z_ERRNO)
        return ufm_fail(error, UFM_ERROR_IO, "%s: %s; is the disk in order?", ufm_shown_path(stream->path),
                        strerror(errno));
    if (code == Z_MEM_ERROR) return ufm_data_no_memory(stream->path, error);
    if (code != Z_OK && code != Z_BUF_ERROR)
        return ufm_stream_fail(stream, error, "damaged gzip data; fetch the file again");
    return ufm_stream_fail(stream, error, "the file ends %lld bytes early; fetch it again",
                           (long long)missing);
}

ufm_status ufm_stream_read(data_stream *stream, void *bytes, int64_t size, ufm_error *error)
{
    uint8_t *to = bytes;
    while (size > 0) {
        const int got = gzread(stream->file, to, (unsigned)(size < READ_MOST ? size : READ_MOST));
        if (got <= 0) return fail_read(stream, size, error);
        to += got;
        size -= got;
    }
    return UFM_OK;
}

ufm_status ufm_stream_end(data_stream *stream, ufm_error *error)
{
    uint8_t byte;
    const int got = gzread(stream->file, &byte, 1);
    int code;
    gzerror(stream->file, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) return fail_read(stream, 0, error);
    if (got == 0) return UFM_OK;
    return ufm_stream_fail(stream, error, "more bytes than the header declares; is this the right file?");
}

bool ufm_stream_may_hold(const data_stream *stream, int64_t bytes)
{
    if (!stream->packed) return bytes <= stream->size - gztell(stream->file);
    return bytes / DEFLATE_BEST <= stream->size;
}
