/* IDX images, with labels that belong to one, two, ... of them. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t count = size > 7 ? bytes[7] : 1, header[8 + 255] = {0, 0, 8, 1, 0, 0, 0, count};
    const char *labels = fuzz_file("labels.idx", header, 8 + (size_t)count);
    const char *path = fuzz_file("input.idx", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_images *images;
    const ufm_status status = ufm_images_open_idx(path, labels, UFM_IDX_DIGITS, &images, &error);
    fuzz_images(images);
    fuzz_check(status, &error, blocks);
    return 0;
}
