/* What the fuzz targets share. Each tests/fuzz/NAME.c is a target of libFuzzer; `make fuzz` runs them all. */
#ifndef UFMLAB_FUZZ_H
#define UFMLAB_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/data.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The bytes as a file of that name in a directory of this process; the path stays the same. */
const char *fuzz_file(const char *name, const uint8_t *bytes, size_t size);
const char *fuzz_directory(void);
/* Stops the fuzzer unless a failure left one line that begins with its file, and a success and a failure both
 * left no memory behind (`blocks` as it was before). */
void fuzz_check(ufm_status status, const ufm_error *error, int64_t blocks);
/* Reads some of the images, and releases the set. */
void fuzz_images(ufm_images *images);

#endif
