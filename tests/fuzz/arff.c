/* ARFF files, labels and features; the last two attributes are the labels. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("input.arff", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    const ufm_read_settings settings = {.label_columns = -2};
    ufm_table *table;
    const ufm_status status = ufm_table_read(path, &settings, &table, &error);
    ufm_table_free(table);
    fuzz_check(status, &error, blocks);
    return 0;
}
