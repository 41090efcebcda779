/* Lists of pictures. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("input.csv", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_images *images;
    const ufm_status status = ufm_images_open_folder(path, fuzz_directory(), NULL, NULL, &images, &error);
    fuzz_images(images);
    fuzz_check(status, &error, blocks);
    return 0;
}
