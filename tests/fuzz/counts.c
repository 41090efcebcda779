/* Counts files. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("input.csv", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_labels *labels;
    const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE};
    const ufm_status status = ufm_labels_read_counts(path, &settings, &labels, &error);
    ufm_labels_free(labels);
    fuzz_check(status, &error, blocks);
    return 0;
}
