/* MULAN label files, beside an ARFF file of two attributes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char arff[] = "@attribute a {0,1}\n@attribute 'b c' {0,1}\n@data\n1,0\n";
    const char *path = fuzz_file("input.arff", (const uint8_t *)arff, sizeof arff - 1);
    char xml[128];
    strcpy(xml, fuzz_file("input.xml", bytes, size));
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    const ufm_read_settings settings = {.label_xml = xml};
    ufm_labels *labels;
    const ufm_status status = ufm_labels_read(path, &settings, &labels, &error);
    ufm_labels_free(labels);
    fuzz_check(status, &error, blocks);
    return 0;
}
