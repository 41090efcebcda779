/* digitStruct.mat: HDF5, read in a child process. A crash of libhdf5 is an answer here; one of ours is
 * found by tests/test_files.c, which runs the same code on files whose words were moved. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("digitStruct.mat", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_images *images;
    const ufm_status status =
        ufm_images_open_svhn(fuzz_directory(), UFM_SVHN_WHOLE, NULL, NULL, &images, &error);
    fuzz_images(images);
    fuzz_check(status, &error, blocks);
    return 0;
}
