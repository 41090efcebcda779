/* Private to nets: the f32 kernels and the elementwise ones, written once and compiled once per instruction
 * set by the file that includes this one. It defines KERNEL_SET and KERNEL_NAME; WIDE, the floats of a
 * register; SPLAT(x), x in all of them; FUSED(a, b, c) = a * b + c for registers;
 * MASK_OF(condition), a MASK with which TAKE_IF and GIVE_IF read zeros and write nothing where it is false;
 * GIVE_PAST(at, x), which writes a register to an aligned place past the caches, and GIVEN_PAST(), after
 * which others see it; and how many sums the registers hold: PIECE_PIXELS x PIECE_WIDES and GRADIENT_CHANNELS
 * x PIECE_WIDES. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernel.h"

#include <math.h>
#include <string.h>

/* A register's worth of channels: a block has PARTS of them. */
typedef float wide __attribute__((vector_size(4 * WIDE)));
typedef uint32_t words __attribute__((vector_size(4 * WIDE)));
typedef uint16_t halves __attribute__((vector_size(2 * WIDE)));
enum { PARTS = LANES / WIDE };
#define INLINE static inline __attribute__((always_inline))

/* Written out: (wide){0} + x would add, as -0 + 0 is not -0. */
INLINE wide splat(float x)
{
    return SPLAT(x);
}
INLINE wide take(const float *at)
{
    wide x;
    memcpy(&x, at, sizeof x);
    return x;
}
INLINE void give(float *at, wide x)
{
    memcpy(at, &x, sizeof x);
}
INLINE wide load(const void *base, int64_t at, bool half)
{
    if (!half) return take((const float *)base + at);
    halves h;
    memcpy(&h, (const uint16_t *)base + at, sizeof h);
    const words bits = __builtin_convertvector(h, words) << 16;
    wide x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
INLINE void store(void *base, int64_t at, wide x, bool half)
{
    if (!half) {
        give((float *)base + at, x);
        return;
    }
    words u;
    memcpy(&u, &x, sizeof u);
    const words nan = (words)(x != x);
    const words rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    const halves h = __builtin_convertvector((rounded & ~nan) | ((u >> 16 | 0x40) & nan), halves);
    memcpy((uint16_t *)base + at, &h, sizeof h);
}

/* ---- Register tiles ---- */
/* Pixels first..last - 1 of a tile, counted row by row, and registers from..to - 1 of its output channels. */
INLINE void piece_body(const kernel_tile *t, const int width, const int first, const int last, const int from,
                       const int to)
{
    wide sum[PIECE_PIXELS][PIECE_WIDES];
    EACH (q, first, last)
        EACH (n, from, to) sum[q - first][n - from] = t->bias ? take(t->bias + n * WIDE) : (wide){0};
    for (int32_t block = 0; block < t->blocks; block++) {
        const int32_t channels = block + 1 < t->blocks ? LANES : t->channels;
        for (int32_t k = 0; k < t->taps; k++) {
            const float *w = (const float *)t->weights + block * t->weight_block + t->tap[k].weight;
            const float *in[PIECE_PIXELS];
            EACH (q, first, last)
                in[q - first] =
                    (const float *)t->in[q / width] + block * t->in_block + t->tap[k].in + q % width * LANES;
            for (int32_t c = 0; c < channels; c++, w += OUT_PAIR) {
                wide weights[PIECE_WIDES];
                EACH (n, from, to) weights[n - from] = take(w + n * WIDE);
                EACH (q, 0, last - first) {
                    const wide x = splat(in[q][c]);
                    EACH (n, 0, to - from) sum[q][n] = FUSED(x, weights[n], sum[q][n]);
                }
            }
        }
    }
    EACH (q, first, last)
        EACH (n, from, to) {
            float *const out = (float *)t->out[q / width] + q % width * t->out_pixel +
                               n * WIDE / LANES * t->out_block + n * WIDE % LANES;
            give(out, t->accumulate ? sum[q - first][n - from] + take(out) : sum[q - first][n - from]);
        }
}
INLINE int least(const int a, const int b)
{
    return a < b ? a : b;
}
INLINE void tile_body(const kernel_tile *t, const int rows, const int width, const int two)
{
    const int pixels = rows * width, wides = (two ? OUT_PAIR : LANES) / WIDE;
    EACH (i, 0, (pixels + PIECE_PIXELS - 1) / PIECE_PIXELS)
        EACH (j, 0, (wides + PIECE_WIDES - 1) / PIECE_WIDES)
            piece_body(t, width, i * PIECE_PIXELS, least((i + 1) * PIECE_PIXELS, pixels), j * PIECE_WIDES,
                       least((j + 1) * PIECE_WIDES, wides));
}
#include "kernel_tiles.h"

/* ---- Weight gradients ---- */
/* GRADIENT_CHANNELS of x from `first` on, and registers from..to - 1 of dy. */
INLINE void gradient_piece(const kernel_gradient *t, const int first, const int from, const int to)
{
    wide sum[GRADIENT_CHANNELS][PIECE_WIDES];
    EACH (c, 0, GRADIENT_CHANNELS)
        EACH (n, from, to) sum[c][n - from] = (wide){0};
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t row = 0; row < t->rows; row++) {
            const float *x = (const float *)t->x + image * t->x_image + row * t->x_row + first;
            const float *dy = (const float *)t->dy + image * t->dy_image + row * t->dy_row;
            for (int64_t p = 0; p < t->width * LANES; p += LANES) {
                wide y[PIECE_WIDES];
                EACH (n, from, to)
                    y[n - from] = take(dy + p + n * WIDE / LANES * t->dy_block + n * WIDE % LANES);
                EACH (c, 0, GRADIENT_CHANNELS) {
                    const wide b = splat(x[p + c]);
                    EACH (n, 0, to - from) sum[c][n] = FUSED(b, y[n], sum[c][n]);
                }
            }
        }
    EACH (c, 0, GRADIENT_CHANNELS)
        EACH (n, from, to) {
            float *const out = t->out + (first + c) * OUT_PAIR + n * WIDE;
            give(out, t->accumulate ? sum[c][n - from] + take(out) : sum[c][n - from]);
        }
}
INLINE void gradient_body(const kernel_gradient *t, const int wides)
{
    for (int first = 0; first < t->channels; first += GRADIENT_CHANNELS)
        EACH (n, 0, (wides + PIECE_WIDES - 1) / PIECE_WIDES)
            gradient_piece(t, first, n * PIECE_WIDES, least((n + 1) * PIECE_WIDES, wides));
}
static void gradient(const kernel_gradient *t)
{
    if (t->two) {
        gradient_body(t, OUT_PAIR / WIDE);
        return;
    }
    gradient_body(t, LANES / WIDE);
    for (int c = 0; c < LANES; c++)
        for (int n = 0; n < PARTS; n++) give(t->out + c * OUT_PAIR + LANES + n * WIDE, splat(0));
}

/* ---- Weights ---- */
#if WIDE == 16 && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
/* Squares of `size` beside the diagonal change places. */
#define EXCHANGE(size, lower, upper)                                                                         \
    EACH (i, 0, 16) {                                                                                        \
        if (i & size) continue;                                                                              \
        const wide a = v[i], b = v[i + size];                                                                \
        v[i] = __builtin_shufflevector(a, b, lower);                                                         \
        v[i + size] = __builtin_shufflevector(a, b, upper);                                                  \
    }
#define LIST(...) __VA_ARGS__
/* 16 x 16 numbers of rows of OUT_PAIR become the same of the transposed. */
INLINE void turn_block(const float *from, float *to)
{
    wide v[16];
    EACH (i, 0, 16) v[i] = take(from + i * OUT_PAIR);
    EXCHANGE(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
             LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
    EXCHANGE(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
             LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
    EXCHANGE(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
             LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
    EXCHANGE(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
             LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
    EACH (i, 0, 16) give(to + i * OUT_PAIR, v[i]);
}
#define TURN_BLOCK
#endif
#endif
#ifndef TURN_BLOCK
INLINE void turn_block(const float *from, float *to)
{
    for (int o = 0; o < LANES; o++)
        for (int i = 0; i < LANES; i++) to[o * OUT_PAIR + i] = from[i * OUT_PAIR + o];
}
#endif

static void pack(const kernel_pack *t)
{
    for (int i = 0; i < LANES && t->pairs; i += 2)
        for (int o = 0; o < OUT_PAIR; o++) {
            t->pairs[i * OUT_PAIR + 2 * o] = kernel_round(t->from[i * OUT_PAIR + o]);
            t->pairs[i * OUT_PAIR + 2 * o + 1] = kernel_round(t->from[(i + 1) * OUT_PAIR + o]);
        }
    for (int b = 0; b < 2; b++) {
        const float *const from = t->from + b * LANES;
        if (!t->turned[b]) continue;
        uint16_t *const half = (uint16_t *)t->turned[b] + 2 * t->column;
        float *const single = (float *)t->turned[b] + t->column;
        for (int o = 0; o < LANES && t->half; o += 2)
            for (int i = 0; i < LANES; i++) {
                half[o * OUT_PAIR + 2 * i] = kernel_round(from[i * OUT_PAIR + o]);
                half[o * OUT_PAIR + 2 * i + 1] = kernel_round(from[i * OUT_PAIR + o + 1]);
            }
        if (!t->half) turn_block(from, single);
    }
}

/* ---- Elementwise ---- */
typedef struct {
    double mean[LANES], square[LANES], count;
} moments_sum;

/* One image, summed around its own mean, joins the others (Chan, Golub and LeVeque). */
INLINE void moments_image(const void *x, int64_t pixels, const bool half, const int from, moments_sum *all)
{
    wide sum[4] = {splat(0), splat(0), splat(0), splat(0)}, off[2] = {splat(0), splat(0)};
    wide drift[2] = {splat(0), splat(0)};
    int64_t p = 0;
    for (; p + 4 <= pixels; p += 4) {
        EACH (i, 0, 4) sum[i] += load(x, (p + i) * LANES + from, half);
    }
    for (; p < pixels; p++) sum[0] += load(x, p * LANES + from, half);
    const wide own = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / (float)pixels;
    for (p = 0; p + 2 <= pixels; p += 2) {
        EACH (i, 0, 2) {
            const wide d = load(x, (p + i) * LANES + from, half) - own;
            off[i] = FUSED(d, d, off[i]);
            drift[i] += d;
        }
    }
    if (p < pixels) {
        const wide d = load(x, p * LANES + from, half) - own;
        off[0] = FUSED(d, d, off[0]);
        drift[0] += d;
    }
    off[0] += off[1];
    drift[0] += drift[1];
    const double n = all->count, m = (double)pixels;
    for (int c = 0; c < WIDE; c++) {
        const double moved = (double)drift[0][c], fine = (double)own[c] + moved / m;
        const double d = fine - all->mean[from + c], s = (double)off[0][c] - moved * moved / m;
        all->mean[from + c] += d * m / (n + m);
        all->square[from + c] += s + d * d * n * m / (n + m);
    }
}
INLINE void moments_body(const void *x, const int64_t size[3], const bool half, double *out)
{
    const int64_t images = size[0], pixels = size[1], stride = size[2];
    moments_sum all = {.count = 0};
    for (int64_t image = 0; image < images; image++, all.count += (double)pixels) {
        const void *at = half ? (const void *)((const uint16_t *)x + image * stride)
                              : (const void *)((const float *)x + image * stride);
        EACH (n, 0, PARTS) moments_image(at, pixels, half, n * WIDE, &all);
    }
    for (int c = 0; c < LANES; c++) {
        out[c] = all.mean[c];
        out[LANES + c] = all.square[c] / all.count;
    }
}
static void moments(const void *x, int64_t images, int64_t pixels, int64_t stride, bool half, double *out)
{
    const int64_t size[3] = {images, pixels, stride};
    if (half)
        moments_body(x, size, true, out);
    else
        moments_body(x, size, false, out);
}

INLINE wide positive(wide x, wide where)
{
    words bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= ~(words)(where <= splat(0)); /* NaN passes */
    memcpy(&x, &bits, sizeof bits);
    return x;
}
/* The factors of one block of channels; `otherwise` without them. */
INLINE void take_parts(const float *from, float otherwise, wide out[PARTS])
{
    EACH (n, 0, PARTS) out[n] = from ? take(from + n * WIDE) : splat(otherwise);
}

INLINE void apply_body(const kernel_apply *t, const bool half, const bool other, const bool relu)
{
    wide scale[PARTS], shift[PARTS];
    take_parts(t->scale, 1, scale);
    take_parts(t->shift, 0, shift);
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t at = image * t->stride; at < image * t->stride + t->pixels * LANES; at += LANES) {
            EACH (n, 0, PARTS) {
                wide v = FUSED(load(t->x, at + n * WIDE, half), scale[n], shift[n]);
                if (other) v += load(t->other, at + n * WIDE, half);
                store(t->out, at + n * WIDE, relu ? positive(v, v) : v, half);
            }
        }
}
#define CALL_APPLY(half)                                                                                     \
    (t->other ? (t->relu ? apply_body(t, half, true, true) : apply_body(t, half, true, false))               \
              : (t->relu ? apply_body(t, half, false, true) : apply_body(t, half, false, false)))
static void apply(const kernel_apply *t)
{
    if (t->half)
        CALL_APPLY(true);
    else
        CALL_APPLY(false);
}

/* Where the gradient stops: nowhere, where out is not positive, or where the x that out comes from makes it
 * so. */
typedef enum { PASS_ALL, PASS_OUT, PASS_X } pass;
typedef struct {
    wide scale, shift;
} pass_line;
INLINE pass_line line_of(const kernel_back *t, const int from, const pass how)
{
    return how == PASS_X ? (pass_line){take(t->scale + from), take(t->shift + from)}
                         : (pass_line){splat(0), splat(0)};
}
INLINE wide upstream(const kernel_back *t, int64_t at, wide x, const bool half, const pass how,
                     pass_line line)
{
    const wide g = load(t->d_out, at, half);
    if (how == PASS_X) return positive(g, FUSED(x, line.scale, line.shift));
    return how == PASS_OUT ? positive(g, load(t->out, at, half)) : g;
}
/* One image's sums in f32, the images' in double precision. */
INLINE void sums_image(const kernel_back *t, int64_t begin, const bool half, const pass how, const int from)
{
    const wide mean = take(t->mean + from);
    const pass_line line = line_of(t, from, how);
    wide sum[2] = {splat(0), splat(0)}, product[2] = {splat(0), splat(0)};
    const int64_t end = begin + t->pixels * LANES;
    int64_t at = begin;
    for (; at + LANES < end; at += 2 * LANES) {
        EACH (i, 0, 2) {
            const wide x = load(t->x, at + i * LANES, half);
            const wide g = upstream(t, at + i * LANES, x, half, how, line);
            sum[i] += g;
            product[i] = FUSED(g, x - mean, product[i]);
        }
    }
    if (at < end) {
        const wide x = load(t->x, at, half), g = upstream(t, at, x, half, how, line);
        sum[0] += g;
        product[0] = FUSED(g, x - mean, product[0]);
    }
    sum[0] += sum[1];
    product[0] += product[1];
    for (int c = 0; c < WIDE; c++) {
        t->sum[from + c] += (double)sum[0][c];
        t->product[from + c] += (double)product[0][c];
    }
}
INLINE void sums_body(const kernel_back *t, const bool half, const pass how)
{
    for (int c = 0; c < LANES; c++) t->sum[c] = t->product[c] = 0;
    for (int64_t image = 0; image < t->images; image++) {
        EACH (n, 0, PARTS) sums_image(t, image * t->stride + n * WIDE, half, how, n * WIDE);
    }
}
#define CALL_BACK(body, half)                                                                                \
    (t->scale ? body(t, half, PASS_X) : t->out ? body(t, half, PASS_OUT) : body(t, half, PASS_ALL))
static void back_sums(const kernel_back *t)
{
    if (t->half)
        CALL_BACK(sums_body, true);
    else
        CALL_BACK(sums_body, false);
}
INLINE void back_body(const kernel_back *t, const bool half, const pass how)
{
    wide a[PARTS], b[PARTS], c[PARTS];
    pass_line line[PARTS];
    take_parts(t->a, 1, a);
    take_parts(t->b, 0, b);
    take_parts(t->c, 0, c);
    EACH (n, 0, PARTS) line[n] = line_of(t, n * WIDE, how);
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t from = image * t->stride; from < image * t->stride + t->pixels * LANES; from += LANES) {
            EACH (n, 0, PARTS) {
                const int64_t at = from + n * WIDE;
                const wide x = t->a ? load(t->x, at, half) : splat(0);
                const wide g = upstream(t, at, x, half, how, line[n]);
                if (t->d_other)
                    store(t->d_other, at, t->add_other ? g + load(t->d_other, at, half) : g, half);
                if (!t->d_x) continue;
                wide d = t->a ? FUSED(a[n], g, FUSED(b[n], x, c[n])) : g;
                if (t->add_x) d += load(t->d_x, at, half);
                store(t->d_x, at, d, half);
            }
        }
}
static void back_apply(const kernel_back *t)
{
    if (t->half)
        CALL_BACK(back_body, true);
    else
        CALL_BACK(back_body, false);
}

static void update(const kernel_step *u, int64_t count, float *restrict x, const float *restrict gradient,
                   float *restrict m, float *restrict v)
{
    for (int64_t i = 0; i < count && !u->adam; i++) {
        m[i] = u->momentum * m[i] + (gradient[i] + u->decay * x[i]);
        x[i] -= u->rate * m[i];
    }
    for (int64_t i = 0; i < count && u->adam; i++) {
        const float g = gradient[i] + u->decay * x[i];
        m[i] = u->momentum * m[i] + (1 - u->momentum) * g;
        v[i] = u->beta2 * v[i] + (1 - u->beta2) * g * g;
        x[i] -= u->rate * (m[i] / u->first) / (sqrtf(v[i] / u->second) + u->epsilon);
    }
}

#include "kernel_winograd.h"

const kernel_set KERNEL_SET = {
    KERNEL_NAME,    tile_choice,         gradient, pack,      moments,         apply,
    back_sums,      back_apply,          update,   window_in, window_gradient, window_out,
    window_weights, window_weights_back, multiply};
