/* IDX labels, with three images. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t three[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6};
    const char *pixels = fuzz_file("pixels.idx", three, sizeof three);
    const char *path = fuzz_file("input.idx", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_images *images;
    const ufm_status status = ufm_images_open_idx(pixels, path, UFM_IDX_FASHION, &images, &error);
    fuzz_images(images);
    fuzz_check(status, &error, blocks);
    return 0;
}
