/* JPEG files, whole and reduced. */
#include "data/picture.h"
#include "fuzz.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const ufm_picture_settings settings = {8, 3, (ufm_fit)(size % 3)};
    const ufm_picture_settings *reduce = size > 0 && bytes[size - 1] & 1 ? &settings : NULL;
    uint8_t pixels[3 * 8 * 8];
    char path[128];
    snprintf(path, sizeof path, "%s/input", fuzz_directory());
    const picture_file file = {path, bytes, (int64_t)size};
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_picture picture;
    const ufm_status status = ufm_picture_decode_jpeg(&file, reduce, &picture, &error);
    if (status == UFM_OK) {
        const picture_plan plan = ufm_picture_plan(picture.full_width, picture.full_height, &settings);
        ufm_picture_fit(&picture, &plan, &settings, pixels);
        ufm_picture_free(&picture);
    }
    fuzz_check(status, &error, blocks);
    return 0;
}
