/* Binary files, plain or gzip, read from the front: every error names the file and the byte.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_STREAM_H
#define UFMLAB_DATA_STREAM_H

#include <ufmlab/data.h>
#include <zlib.h>

/* Deflate spends at least two bits on 258 bytes. */
enum { DEFLATE_BEST = 1032 };

typedef struct {
    gzFile file; /* reads a plain file as it is */
    const char *path;
    int64_t size; /* of the file itself */
    bool packed;
} data_stream;

/* Opens a regular file; close in any case. */
ufm_status ufm_stream_open(data_stream *stream, const char *path, ufm_error *error);
void ufm_stream_close(data_stream *stream);
/* Exactly `size` bytes, or UFM_ERROR_INPUT. */
ufm_status ufm_stream_read(data_stream *stream, void *bytes, int64_t size, ufm_error *error);
/* UFM_ERROR_INPUT unless everything was read. */
ufm_status ufm_stream_end(data_stream *stream, ufm_error *error);
/* Whether that many bytes can follow: a plain file has them or not, deflate makes at most 1032 of one. To be
 * asked before a size that the file declares is allocated. */
bool ufm_stream_may_hold(const data_stream *stream, int64_t bytes);
/* ufm_fail with `PATH: byte N: ` in front (N of the unpacked data), status UFM_ERROR_INPUT. */
ufm_status ufm_stream_fail(data_stream *stream, ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Opens a regular file for reading; its size. */
ufm_status ufm_data_open(const char *path, int *fd, int64_t *size, ufm_error *error);
/* UFM_ERROR_MEMORY with a message. */
ufm_status ufm_data_no_memory(const char *path, ufm_error *error);
/* UFM_ERROR_INPUT with `PATH: byte N: ` in front. */
ufm_status ufm_data_fail(const char *path, int64_t byte, ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
