/* Solution files (HDF5), read in a child process as certify does. */
#include "fuzz.h"
#include <ufmlab/io.h>
#include <ufmlab/solve.h>

static ufm_status load(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    (void)channel;
    ufm_solution *solution;
    ufm_labels *labels;
    ufm_objective objective;
    return ufm_solution_load(context, &solution, &labels, &objective, error); /* the process ends now */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("input.h5", bytes, size);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    const ufm_guard guard = {.path = path, .body = load, .context = (char *)path};
    ufm_guard_output output;
    const ufm_status status = ufm_guard_run(&guard, &output, &error);
    ufm_free(output.text);
    fuzz_check(status, &error, blocks);
    return 0;
}
