/* ufmlab bench: how fast this machine is at the program's work. */
#include "bench.h"
#include <string.h>

static int run(const options *opts)
{
    ufm_error error = {{0}};
    if (strcmp(opts->operand[0], "evaluate") == 0) return bench_evaluate(opts);
    if (strcmp(opts->operand[0], "train") == 0) return bench_train(opts);
    return report_failure(ufm_fail(&error, UFM_ERROR_USAGE,
                                   "unknown benchmark '%.40s'; evaluate and train are there",
                                   opts->operand[0]),
                          &error);
}

const command command_bench = {
    "bench",
    "bench evaluate|train [options]",
    "The time of an evaluation and of an lbfgs iteration, beside this machine's "
    "DGEMM and STREAM triad; the speed of training steps, and where their time goes.",
    GROUP_DATA | GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_SHAPE | GROUP_SOLVER | GROUP_TRAIN | GROUP_COMMON,
    1,
    run,
    0};
