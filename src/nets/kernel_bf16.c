/* ufmlab: nets: products of bf16 with AVX512-BF16; the Makefile compiles this file for it, and kernel_choose
 * asks the processor. One instruction multiplies pairs: of channels in a tile, of pixels in a weight
 * gradient. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef __x86_64__
#include "kernel.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE __m512bh pairs_at(const uint16_t *at)
{
    return (__m512bh)_mm512_loadu_si512(at);
}
INLINE __m512bh pair_of(const uint16_t *at)
{
    int pair;
    memcpy(&pair, at, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}
INLINE __m512 widen(const uint16_t *at)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)at)), 16));
}

INLINE void tile_body(const kernel_tile *t, const int rows, const int width, const int two)
{
    const int count = two ? 2 : 1;
    __m512 sum[TILE_WIDTH][2];
    EACH (q, 0, rows * width)
        EACH (n, 0, count) sum[q][n] = t->bias ? _mm512_loadu_ps(t->bias + n * LANES) : _mm512_setzero_ps();
    for (int32_t block = 0; block < t->blocks; block++) {
        const int32_t channels = block + 1 < t->blocks ? LANES : t->channels;
        for (int32_t k = 0; k < t->taps; k++) {
            const uint16_t *w = (const uint16_t *)t->weights + block * t->weight_block + t->tap[k].weight;
            const uint16_t *in[TILE_ROWS];
            EACH (r, 0, rows) in[r] = (const uint16_t *)t->in[r] + block * t->in_block + t->tap[k].in;
            for (int32_t c = 0; c < channels; c += 2, w += 2 * OUT_PAIR) {
                const __m512bh w0 = pairs_at(w), w1 = two ? pairs_at(w + OUT_PAIR) : w0;
                EACH (r, 0, rows)
                    EACH (p, 0, width) {
                        const __m512bh x = pair_of(in[r] + p * LANES + c);
                        sum[r * width + p][0] = _mm512_dpbf16_ps(sum[r * width + p][0], x, w0);
                        if (two) sum[r * width + p][1] = _mm512_dpbf16_ps(sum[r * width + p][1], x, w1);
                    }
            }
        }
    }
    EACH (r, 0, rows)
        EACH (p, 0, width)
            EACH (n, 0, count) {
                uint16_t *const at = (uint16_t *)t->out[r] + p * t->out_pixel + n * t->out_block;
                __m512 value = sum[r * width + p][n];
                if (t->accumulate) value = _mm512_add_ps(value, widen(at));
                _mm256_storeu_si256((__m256i *)at, (__m256i)_mm512_cvtneps_pbh(value));
            }
}
#include "kernel_tiles.h"
kernel_tile_function *kernel_tile_bf16(int rows, int width, int out_blocks)
{
    return tile_choice(rows, width, out_blocks);
}

INLINE void gradient_half(const kernel_gradient *t, const int first, const int two)
{
    __m512 sum[8][2];
    EACH (c, 0, 8)
        EACH (n, 0, 2) sum[c][n] = _mm512_setzero_ps();
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t row = 0; row < t->rows; row++) {
            const uint16_t *x = (const uint16_t *)t->x + image * t->x_image + row * t->x_row + 2 * first;
            const uint16_t *dy = (const uint16_t *)t->dy + image * t->dy_image + row * t->dy_row;
            const uint16_t *const dy2 = dy + t->dy_block;
            for (int64_t p = 0; p < t->width * 2 * LANES; p += 2 * LANES) {
                const __m512bh y0 = pairs_at(dy + p), y1 = two ? pairs_at(dy2 + p) : y0;
                EACH (c, 0, 8) {
                    const __m512bh b = pair_of(x + 2 * p + 2 * c);
                    sum[c][0] = _mm512_dpbf16_ps(sum[c][0], b, y0);
                    if (two) sum[c][1] = _mm512_dpbf16_ps(sum[c][1], b, y1);
                }
            }
        }
    EACH (c, 0, 8)
        EACH (n, 0, 2) {
            float *const out = t->out + (first + c) * OUT_PAIR + n * LANES;
            if (t->accumulate && n <= two) sum[c][n] = _mm512_add_ps(sum[c][n], _mm512_loadu_ps(out));
            _mm512_storeu_ps(out, sum[c][n]);
        }
}
void kernel_gradient_bf16(const kernel_gradient *t)
{
    if (t->two) {
        gradient_half(t, 0, 1);
        if (t->channels > 8) gradient_half(t, 8, 1);
    } else {
        gradient_half(t, 0, 0);
        if (t->channels > 8) gradient_half(t, 8, 0);
    }
}

void kernel_pairs_bf16(const uint16_t *in, int64_t count, int64_t step, uint16_t *out)
{
    static const uint16_t order[32] = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                       8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
    const __m512i index = _mm512_loadu_si512(order);
    for (int64_t p = 0; p < count; p += step, out += 2 * LANES) {
        const __m256i low = _mm256_loadu_si256((const __m256i *)(in + p * LANES));
        const __m256i high = p + 1 < count ? _mm256_loadu_si256((const __m256i *)(in + (p + 1) * LANES))
                                           : _mm256_setzero_si256();
        _mm512_storeu_si512(
            out, _mm512_permutex2var_epi16(_mm512_castsi256_si512(low), index, _mm512_castsi256_si512(high)));
    }
}
#endif
