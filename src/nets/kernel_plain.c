/* ufmlab: nets: the kernels for any processor.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#define FUSED(a, b, c) ((a) * (b) + (c))
#define KERNEL_SET kernel_plain
#define KERNEL_NAME "plain"
#include "kernel_body.h"

const kernel_set *kernel_best(bool *bf16)
{
    *bf16 = false;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
        *bf16 = __builtin_cpu_supports("avx512bf16");
        return &kernel_avx512;
    }
#endif
    return &kernel_plain;
}
