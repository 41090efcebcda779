/* Private to the bench command. */
#ifndef UFMLAB_CLI_BENCH_H
#define UFMLAB_CLI_BENCH_H

#include "cli.h"

int bench_evaluate(const options *opts);
int bench_train(const options *opts);

#endif
