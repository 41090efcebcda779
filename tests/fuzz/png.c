/* PNG files. */
#include "data/picture.h"
#include "fuzz.h"
#include <stdio.h>
#include <zlib.h>

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Gives every chunk its right checksum: no mutation would get past it. */
static void mend(uint8_t *bytes, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        const size_t length = big_endian(bytes + at);
        if (length > size - at - 12) return;
        const uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, (unsigned)length + 4);
        for (int i = 0; i < 4; i++) bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const ufm_picture_settings settings = {8, 3, (ufm_fit)(size % 3)};
    uint8_t pixels[3 * 8 * 8];
    char path[128];
    snprintf(path, sizeof path, "%s/input", fuzz_directory());
    uint8_t *mended = malloc(size + 1);
    if (!mended) abort();
    if (size > 0) memcpy(mended, bytes, size);
    mend(mended, size);
    const picture_file file = {path, mended, (int64_t)size};
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_picture picture = {0};
    const ufm_status status = ufm_picture_decode_png(&file, &picture, &error);
    if (status == UFM_OK) {
        const picture_plan plan = ufm_picture_plan(picture.full_width, picture.full_height, &settings);
        ufm_picture_fit(&picture, &plan, &settings, pixels);
        ufm_picture_free(&picture);
    }
    free(mended);
    fuzz_check(status, &error, blocks);
    return 0;
}
