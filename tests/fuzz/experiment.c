/* Declarations of experiments. */
#include "fuzz.h"
#include <ufmlab/experiment.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("input.yaml", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    ufm_experiment *experiment = NULL;
    const ufm_status status = ufm_experiment_read(path, &experiment, &error);
    ufm_experiment_free(experiment);
    fuzz_check(status, &error, blocks);
    return 0;
}
