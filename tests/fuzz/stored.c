/* Sets in HDF5 files, every picture read. Like digitStruct.mat, a crash of libhdf5 in the child process is an
 * answer here; what the parent does after it must not crash. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("input.h5", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_images *images = NULL;
    const ufm_status status = ufm_images_load(path, &images, &error);
    fuzz_images(images);
    fuzz_check(status, &error, blocks);
    return 0;
}
