/* ufmlab bench: how fast this machine is at the program's work. */
#include "bench.h"
#include <string.h>

static int run(const options *opts)
{
    ufm_error error = {{0}};
    if (strcmp(opts->operand[0], "train") == 0) return bench_train(opts);
    return report_failure(
        ufm_fail(&error, UFM_ERROR_USAGE, "unknown benchmark '%.40s'; train is there", opts->operand[0]),
        &error);
}

const command command_bench = {"bench",
                               "bench train [options]",
                               "The speed of training steps on random images, and where their time goes.",
                               GROUP_DATA | GROUP_INSTANCE | GROUP_TRAIN | GROUP_COMMON,
                               1,
                               run,
                               0};
