/* What the HDF5 writer and reader share. */
#ifndef UFMLAB_IO_H5_H
#define UFMLAB_IO_H5_H

#include "replace.h"
#include <hdf5.h>
#include <ufmlab/io.h>

struct ufm_h5 {
    hid_t file;
    hid_t driver;           /* of a created file; must outlive it, libhdf5 looks at it after closing */
    ufm_replacement target; /* of a created file; only `path` of an opened one */
    bool writing;
    int failure; /* error number of the first write that failed */
};

/* Numbers moved at once between the column-major matrix and the row-major file: 8 MiB. */
#define UFM_H5_TILE ((int64_t)1 << 20)

/* A rectangle of a matrix. */
typedef struct {
    int64_t row, col, rows, cols;
} ufm_h5_tile;
/* The first tile has rows 0; false after the last. */
bool ufm_h5_tile_next(ufm_h5_tile *tile, int64_t rows, int64_t cols);
/* Moves one tile between `buffer` (row-major) and the data set of rank 1 or 2. */
bool ufm_h5_transfer(hid_t dataset, const ufm_h5_tile *tile, hid_t type, void *buffer, bool writing);
/* Rows that a strip of about 1 MiB of bytes takes: a chunk when writing, a step when reading. */
int64_t ufm_h5_strip(int64_t rows, int64_t cols);

/* HDF5 prints its errors unless told otherwise; the caller's setting is restored. */
typedef struct {
    H5E_auto2_t function;
    void *context;
} ufm_h5_silence;
ufm_h5_silence ufm_h5_silence_begin(void);
void ufm_h5_silence_end(ufm_h5_silence silence);

/* Whether a data set lies in this file alone and needs no filter that HDF5 does not have. */
bool ufm_h5_stored_inside(hid_t dataset);
/* Creates an HDF5 file on target.fd; negative on failure. */
hid_t ufm_h5_driver_create(ufm_h5 *file);
ufm_status ufm_h5_fail(ufm_h5 *file, ufm_error *error, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
ufm_status ufm_h5_fail_memory(ufm_h5 *file, ufm_error *error);
/* Opens a data set after checking its links and where its numbers are kept. */
ufm_status ufm_h5_open_dataset(ufm_h5 *file, const char *name, hid_t *dataset, ufm_error *error);

#endif
