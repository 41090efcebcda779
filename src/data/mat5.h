/* MATLAB's MAT files, level 5 (up to v7): one variable at a time. Own code rather than matio: that library
 * holds 200 MB arrays twice, reads HDF5 files too when it meets one, and has a record of memory errors on
 * damaged files; what SVHN needs is numeric arrays, plain or deflated.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_MAT5_H
#define UFMLAB_DATA_MAT5_H

#include "data/stream.h"

enum { MAT5_RANK_MAX = 4, MAT5_NAME_MAX = 63 };

typedef struct {
    char name[MAT5_NAME_MAX + 1];
    int rank; /* 2..MAT5_RANK_MAX */
    int64_t extent[MAT5_RANK_MAX];
    int64_t elements; /* >= 1, and no more than a file of this size can hold */
} mat5_array;

typedef struct mat5_file mat5_file;
/* Opens the file and checks its header. */
ufm_status ufm_mat5_open(const char *path, mat5_file **file, ufm_error *error);
void ufm_mat5_close(mat5_file *file); /* accepts NULL */
/* The header of the next variable; *found false at the end of the file. */
ufm_status ufm_mat5_next(mat5_file *file, mat5_array *array, bool *found, ufm_error *error);
/* Its values, elements of them, column-major, into the caller's array; to be called once and before the next
 * variable. UFM_ERROR_INPUT for values that are not integers 0..255. */
ufm_status ufm_mat5_values(mat5_file *file, const mat5_array *array, uint8_t *values, ufm_error *error);
/* ufm_fail with `PATH: byte N: ` in front. */
ufm_status ufm_mat5_fail(mat5_file *file, ufm_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
ufm_status ufm_mat5_no_memory(mat5_file *file, ufm_error *error);

#endif
