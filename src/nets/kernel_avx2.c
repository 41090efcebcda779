/* ufmlab: nets: the kernels for AVX2 with fused multiplication and addition, two registers a vector; the
 * Makefile compiles this file for them, and kernel_choose asks the processor.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef __x86_64__
#include <immintrin.h>
#define FUSED(a, b, c) ((a) * (b) + (c)) /* contracted: -ffp-contract=fast */
#define SPLAT(x) ((wide)_mm256_set1_ps(x))
#define MASK __m256i
#define MASK_OF(b) _mm256_set1_epi32(-(b))
#define TAKE_IF(mask, at) ((wide)_mm256_maskload_ps(at, mask))
#define GIVE_IF(mask, at, x) _mm256_maskstore_ps(at, mask, (__m256)(x))
#define GIVE_PAST(at, x) _mm256_stream_ps(at, (__m256)(x))
#define GIVEN_PAST() _mm_sfence()
#define WIDE 8
#define PIECE_PIXELS 6
#define PIECE_WIDES 2
#define GRADIENT_CHANNELS 4
#define KERNEL_SET kernel_avx2
#define KERNEL_NAME "avx2"
#include "kernel_body.h"
#endif
