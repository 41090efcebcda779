/* ufmlab: nets: the kernels for AVX-512; the Makefile compiles this file for it, and kernel_choose asks the
 * processor. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef __x86_64__
#include <immintrin.h>
#define FUSED(a, b, c) ((wide)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define SPLAT(x) ((wide)_mm512_set1_ps(x))
#define MASK __mmask16
#define MASK_OF(b) ((__mmask16) - (b))
#define TAKE_IF(mask, at) ((wide)_mm512_maskz_loadu_ps(mask, at))
#define GIVE_IF(mask, at, x) _mm512_mask_storeu_ps(at, mask, (__m512)(x))
#define GIVE_PAST(at, x) _mm512_stream_ps(at, (__m512)(x))
#define GIVEN_PAST() _mm_sfence()
#define WIDE 16
#define PIECE_PIXELS 14
#define PIECE_WIDES 2
#define GRADIENT_CHANNELS 8
#define KERNEL_SET kernel_avx512
#define KERNEL_NAME "avx512"
#include "kernel_body.h"
#endif
