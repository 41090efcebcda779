/* ufmlab: nets: the kernels for any processor, and the choice among all.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#define FUSED(a, b, c) ((a) * (b) + (c))
#define SPLAT(x) ((wide){x, x, x, x})
#define MASK bool
#define MASK_OF(b) (b)
#define TAKE_IF(mask, at) ((mask) ? take(at) : splat(0))
#define GIVE_IF(mask, at, x)                                                                                 \
    do {                                                                                                     \
        if (mask) give(at, x);                                                                               \
    } while (0)
#define GIVE_PAST(at, x) give(at, x)
#define GIVEN_PAST() (void)0
#define WIDE 4
#define PIECE_PIXELS 2
#define PIECE_WIDES 4
#define GRADIENT_CHANNELS 2
#define KERNEL_SET kernel_plain
#define KERNEL_NAME "plain"
#include "kernel_body.h"
#include <ufmlab/nets.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

static bool runs_avx512(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}

bool ufm_bf16_pays(void)
{
#ifdef __x86_64__
    unsigned a, b, c, d;
    const unsigned bf16 = 1U << 22, units = 1U << 24; /* AMX-BF16, AMX-TILE */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & bf16) && (d & units);
#else
    return false;
#endif
}

const kernel_set *kernel_choose(const char *name, bool *bf16)
{
    *bf16 = false;
#ifdef __x86_64__
    if (runs_avx512() && (!name || strcmp(name, "avx512") == 0)) {
        *bf16 = __builtin_cpu_supports("avx512bf16");
        return &kernel_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        (!name || strcmp(name, "avx2") == 0))
        return &kernel_avx2;
#endif
    return !name || strcmp(name, "plain") == 0 ? &kernel_plain : NULL;
}
