/* ufmlab: layer 1, io: atomic files, bounded text input, CSV, JSON and HDF5.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_IO_H
#define UFMLAB_IO_H

#include <stdio.h>
#include <ufmlab/base.h>

/* ---- Atomic output ------------------------------------------------------------------------------
 * A regular file appears under its name only when complete: written beside it, flushed, renamed. Devices
 * and pipes are written directly. */
typedef struct ufm_output ufm_output;
ufm_status ufm_output_open(const char *path, ufm_output **output, ufm_error *error);
FILE *ufm_output_stream(ufm_output *output);
const char *ufm_output_path(const ufm_output *output); /* as it was opened */
/* Publishes the file and frees `output`; UFM_ERROR_IO (disk full, ...) leaves what was there before. */
ufm_status ufm_output_commit(ufm_output *output, ufm_error *error);
/* Drops what was written; accepts NULL. */
void ufm_output_abort(ufm_output *output);
/* Fails with UFM_ERROR_IO, before hours are spent, when `path` cannot be created or replaced. */
ufm_status ufm_output_check(const char *path, ufm_error *error);
/* Removes the temporary files that writers which were killed left in a directory where nobody writes now. */
void ufm_output_sweep(const char *directory);
/* Creates a directory and its missing parents; fine when it exists. */
ufm_status ufm_make_directory(const char *path, ufm_error *error);
/* The same, and keeps other programs that ask for it out until ufm_release_directory or this program's end,
 * however it comes; UFM_ERROR_IO while another one works there. Where the file system has no locks it is made only.
 * Children that are forked share the claim until they end or become another program. */
ufm_status ufm_claim_directory(const char *path, int *claim, ufm_error *error);
void ufm_release_directory(int claim); /* accepts -1 */

/* A path for messages: the end of an overlong one, which is what tells files apart, so that the message fits.
 */
const char *ufm_shown_path(const char *path);

/* ---- Bounded line input ------------------------------------------------------------------------- */
/* Longest line accepted. */
#define UFM_LINE_MAX ((int64_t)16 << 20)
typedef struct ufm_text ufm_text;
/* Regular files and pipes; directories are refused with a message that says so. */
ufm_status ufm_text_open(const char *path, ufm_text **text, ufm_error *error);
void ufm_text_close(ufm_text *text); /* accepts NULL */
/* The next line without its end (LF or CRLF; a UTF-8 byte order mark is skipped), NUL-terminated, valid
 * until the next call; *line NULL at the end. A NUL byte, a line over UFM_LINE_MAX, or a read error fails. */
ufm_status ufm_text_line(ufm_text *text, char **line, int64_t *length, ufm_error *error);
const char *ufm_text_path(const ufm_text *text);
int64_t ufm_text_line_number(const ufm_text *text); /* of the line last returned, from 1 */
double ufm_text_fraction(const ufm_text *text);     /* of the file that was read; NaN for a pipe */
/* ufm_fail with `PATH:LINE: ` in front, status UFM_ERROR_INPUT. */
ufm_status ufm_text_fail(const ufm_text *text, ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Next comma-separated field of *cursor, in place: blanks around it are stripped, one level of '...' or
 * "..." quotes removed (a doubled quote or a backslash escapes). *cursor becomes NULL after the last.
 * NULL when a quote is not closed. */
char *ufm_field_next(char **cursor);
/* Whole-string conversions: false for junk, overflow, empty. */
bool ufm_parse_int64(const char *text, int64_t *value);
bool ufm_parse_double(const char *text, double *value); /* finite only */

/* ---- UTF-8 (RFC 3629) ---------------------------------------------------------------------------- */
/* Length of the sequence at the beginning of `text`, which has size >= 1 bytes; 0 when it is none (overlong
 * forms and surrogates are none). */
size_t ufm_utf8_length(const unsigned char *text, size_t size);

/* ---- JSON input: one value (RFC 8259, UTF-8) as a stream of tokens -------------------------------
 * The memory does not grow with the file: strings, numbers and runs of white space of UFM_JSON_TOKEN_MAX
 * bytes and UFM_JSON_DEPTH_MAX objects and lists inside one another are accepted, not much longer and none
 * deeper ones. */
#define UFM_JSON_TOKEN_MAX ((int64_t)1 << 20)
enum { UFM_JSON_DEPTH_MAX = 64 };
typedef enum {
    UFM_JSON_NULL,
    UFM_JSON_BOOL,
    UFM_JSON_NUMBER,
    UFM_JSON_STRING,
    UFM_JSON_KEY,
    UFM_JSON_OBJECT,
    UFM_JSON_OBJECT_END,
    UFM_JSON_LIST,
    UFM_JSON_LIST_END
} ufm_json_kind;
typedef struct {
    ufm_json_kind kind;
    int depth;        /* objects and lists around it; the two ends of an object have the same */
    const char *text; /* key or string, decoded; number or boolean, as spelled; not NUL-terminated */
    int64_t length;   /* a string may hold any character, \u0000 too */
} ufm_json_token;
/* Where a token ends: the line, and the number of bytes of the file up to there. (Of wrong syntax: where yajl
 * stopped, sometimes one byte before the wrong one.) */
typedef struct {
    int64_t line, byte;
} ufm_json_place;
typedef struct ufm_json_reader ufm_json_reader;
typedef ufm_status ufm_json_take(void *context, ufm_json_reader *reader, const ufm_json_token *token,
                                 ufm_error *error);
/* Hands every token of the file to `take` until it fails; ufm_text_line must not have been called. */
ufm_status ufm_json_read(ufm_text *text, ufm_json_take *take, void *context, ufm_error *error);
/* The place of the token that `take` was called with. */
ufm_json_place ufm_json_here(ufm_json_reader *reader);
/* ufm_fail with `PATH:LINE: byte N: ` in front, status UFM_ERROR_INPUT. */
ufm_status ufm_json_fail(ufm_text *text, ufm_json_place place, ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- JSON output: one object, 17 significant digits, non-finite numbers as null -------------------- */
typedef struct ufm_json ufm_json;
ufm_json *ufm_json_new(void); /* NULL when memory is out; starts with '{' */
void ufm_json_free(ufm_json *json);
/* Inside an object pass the key; inside a list pass NULL. A NULL document is left alone: ufm_json_finish
 * reports it. */
void ufm_json_object(ufm_json *json, const char *key);
void ufm_json_list(ufm_json *json, const char *key);
void ufm_json_end(ufm_json *json); /* closes the innermost object or list */
void ufm_json_number(ufm_json *json, const char *key, double value);
void ufm_json_integer(ufm_json *json, const char *key, int64_t value);
void ufm_json_literal(ufm_json *json, const char *key, const char *number); /* a number already spelled */
void ufm_json_string(ufm_json *json, const char *key, const char *value);
void ufm_json_bool(ufm_json *json, const char *key, bool value);
/* Closes everything and writes the text and a newline. UFM_ERROR_MEMORY if any call before ran out. */
ufm_status ufm_json_write(ufm_json *json, FILE *stream, ufm_error *error);
/* ufm_json_write and ufm_json_free; UFM_ERROR_MEMORY for NULL. */
ufm_status ufm_json_finish(ufm_json *json, FILE *stream, ufm_error *error);

/* ---- Reading in a child process -------------------------------------------------------------------
 * libhdf5 crashes on some damaged files. `body` reads in a child, which may crash or take too long (a minute
 * and a second for each 4 MiB of the file at `path`) without harm; what it writes to `output` comes back, or
 * its error does. What it changes in memory is lost. */
typedef struct {
    FILE *output;
    volatile double *fraction; /* of the work that is done, for the parent to show */
} ufm_guard_channel;
typedef struct {
    const char *path;
    ufm_status (*body)(void *context, const ufm_guard_channel *channel, ufm_error *error);
    void *context;
    /* Called in the parent ten times a second when not NULL; false stops the reading (UFM_ERROR_CANCELLED).
     */
    bool (*progress)(void *progress_context, double fraction, const char *what);
    void *progress_context;
} ufm_guard;
typedef struct {
    char *text; /* a NUL behind its end; release with ufm_free */
    int64_t size;
} ufm_guard_output;
ufm_status ufm_guard_run(const ufm_guard *guard, ufm_guard_output *output, ufm_error *error);

/* ---- HDF5 ----------------------------------------------------------------------------------------
 * Matrices are stored with the shapes of the paper, (K, d) for W, as NumPy shows them, though they are
 * column-major in memory. Writing is atomic. */
typedef struct ufm_h5 ufm_h5;
ufm_status ufm_h5_create(const char *path, ufm_h5 **file, ufm_error *error);
ufm_status ufm_h5_open(const char *path, ufm_h5 **file, ufm_error *error);
/* Publishes a created file, closes an opened one; frees `file`. */
ufm_status ufm_h5_commit(ufm_h5 *file, ufm_error *error);
void ufm_h5_abort(ufm_h5 *file); /* accepts NULL; drops a created file, closes an opened one */
ufm_status ufm_h5_write_matrix(ufm_h5 *file, const char *name, int64_t rows, int64_t cols,
                               const double *column_major, ufm_error *error);
ufm_status ufm_h5_write_vector(ufm_h5 *file, const char *name, int64_t length, const double *values,
                               ufm_error *error);
ufm_status ufm_h5_write_integers(ufm_h5 *file, const char *name, int64_t length, const int64_t *values,
                                 ufm_error *error);
/* rows x cols bytes, row-major, deflated. `row` fills one row at a time. */
typedef void ufm_h5_row(void *context, int64_t row, uint8_t *bytes);
ufm_status ufm_h5_write_bytes(ufm_h5 *file, const char *name, int64_t rows, int64_t cols, ufm_h5_row *row,
                              void *context, ufm_error *error);
ufm_status ufm_h5_write_text(ufm_h5 *file, const char *name, const char *text, ufm_error *error);
/* Rank (1 or 2) and extents of a data set of numbers; *cols 1 for rank 1. UFM_ERROR_INPUT when it is missing,
 * has another rank, no elements, or more than the file could hold. */
ufm_status ufm_h5_shape(ufm_h5 *file, const char *name, int64_t *rows, int64_t *cols, ufm_error *error);
bool ufm_h5_has(ufm_h5 *file, const char *name);
/* Into the caller's array of rows*cols numbers, column-major; all must be finite. */
ufm_status ufm_h5_read_matrix(ufm_h5 *file, const char *name, double *column_major, ufm_error *error);
ufm_status ufm_h5_read_integers(ufm_h5 *file, const char *name, int64_t *values, ufm_error *error);
typedef ufm_status ufm_h5_take_row(void *context, int64_t row, const uint8_t *bytes, ufm_error *error);
ufm_status ufm_h5_read_bytes(ufm_h5 *file, const char *name, ufm_h5_take_row *row, void *context,
                             ufm_error *error);
/* `count` pictures of channels x height x width bytes, a data set of rank 4 with one deflated chunk per
 * picture. `fill` makes one at a time; when it fails its status is returned. */
typedef struct {
    int64_t count, channels, height, width;
} ufm_h5_extents;
typedef ufm_status ufm_h5_fill(void *context, int64_t index, uint8_t *bytes, ufm_error *error);
ufm_status ufm_h5_write_pictures(ufm_h5 *file, const char *name, const ufm_h5_extents *extents,
                                 ufm_h5_fill *fill, void *context, ufm_error *error);
/* A data set of unsigned bytes of rank 4, kept open; close it before the file. One chunk per picture, plain
 * or deflated, is required: it is unpacked here, in bounded memory, and not by libhdf5. */
typedef struct ufm_h5_pictures ufm_h5_pictures;
ufm_status ufm_h5_pictures_open(ufm_h5 *file, const char *name, ufm_h5_pictures **pictures, ufm_error *error);
/* Looks up every picture without reading one. What libhdf5 does when it reads them later, it has done then.
 */
ufm_status ufm_h5_pictures_check(ufm_h5_pictures *pictures, ufm_error *error);
void ufm_h5_pictures_close(ufm_h5_pictures *pictures); /* accepts NULL */
const ufm_h5_extents *ufm_h5_pictures_extents(const ufm_h5_pictures *pictures);
/* Several threads may read at the same time. */
ufm_status ufm_h5_pictures_read(ufm_h5_pictures *pictures, int64_t index, uint8_t *bytes, ufm_error *error);

/* Cells as MATLAB v7.3 stores them: references to other objects of the file, and numbers. */
typedef uint64_t ufm_h5_reference;
#define UFM_H5_ROOT UINT64_MAX
typedef struct {
    int64_t count;
    bool references;             /* which of the two it is */
    double *number;              /* [count], finite */
    ufm_h5_reference *reference; /* [count] */
} ufm_h5_values;
/* The data set that `name` ("a/b", ordinary links only; "": itself) leads to from an object; at most `most`
 * elements of any rank. UFM_ERROR_INPUT when there is none or it holds other things. */
ufm_status ufm_h5_read_values(ufm_h5 *file, ufm_h5_reference from, const char *name, int64_t most,
                              ufm_h5_values *values, ufm_error *error);
void ufm_h5_values_free(ufm_h5_values *values);
/* Up to size-1 bytes of a string data set. */
ufm_status ufm_h5_read_text(ufm_h5 *file, const char *name, char *text, size_t size, ufm_error *error);

/* ---- NumPy ---------------------------------------------------------------------------------------
 * An array of one (cols 1) or two dimensions from a .npy file, column-major, for the caller to ufm_free; f4,
 * f8, u1, i1, b1, i4 and i8, little-endian, all finite. */
ufm_status ufm_npy_read(const char *path, int64_t *rows, int64_t *cols, double **column_major,
                        ufm_error *error);

#endif
