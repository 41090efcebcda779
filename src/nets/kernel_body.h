/* Private to nets: the f32 kernels and the elementwise ones, written once over vectors of 16 floats and
 * compiled once per instruction set by the file that includes this one. The including file defines FUSED(a,
 * b, c) = a * b + c and KERNEL_SET. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include "kernel.h"

#include <math.h>
#include <string.h>

typedef float vector __attribute__((vector_size(64)));
typedef uint32_t words __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(32)));
#define INLINE static inline __attribute__((always_inline))

INLINE vector splat(float x)
{
    return (vector){0} + x;
}
INLINE vector load(const void *base, int64_t at, bool half)
{
    vector x;
    if (half) {
        halves h;
        memcpy(&h, (const uint16_t *)base + at, sizeof h);
        const words wide = __builtin_convertvector(h, words) << 16;
        memcpy(&x, &wide, sizeof x);
    } else
        memcpy(&x, (const float *)base + at, sizeof x);
    return x;
}
INLINE void store(void *base, int64_t at, vector x, bool half)
{
    if (half) {
        words u;
        memcpy(&u, &x, sizeof u);
        const words nan = (words)(x != x);
        const words rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
        const halves h = __builtin_convertvector((rounded & ~nan) | ((u >> 16 | 0x40) & nan), halves);
        memcpy((uint16_t *)base + at, &h, sizeof h);
    } else
        memcpy((float *)base + at, &x, sizeof x);
}

/* ---- Register tiles ---- */
INLINE void tile_body(const kernel_tile *t, const int rows, const int width, const int two)
{
    const int count = two ? 2 : 1;
    vector sum[TILE_WIDTH][2];
#pragma GCC unroll 16
    for (int q = 0; q < rows * width; q++)
#pragma GCC unroll 2
        for (int n = 0; n < count; n++) sum[q][n] = t->bias ? load(t->bias, n * LANES, false) : splat(0);
    for (int32_t block = 0; block < t->blocks; block++) {
        const int32_t channels = block + 1 < t->blocks ? LANES : t->channels;
        for (int32_t k = 0; k < t->taps; k++) {
            const float *w = (const float *)t->weights + block * t->weight_block + t->tap[k].weight;
            const float *in[TILE_ROWS];
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                in[r] = (const float *)t->in[r] + block * t->in_block + t->tap[k].in;
            for (int32_t c = 0; c < channels; c++, w += OUT_PAIR) {
                const vector w0 = load(w, 0, false), w1 = two ? load(w, LANES, false) : w0;
#pragma GCC unroll 8
                for (int r = 0; r < rows; r++)
#pragma GCC unroll 14
                    for (int p = 0; p < width; p++) {
                        const vector x = splat(in[r][p * LANES + c]);
                        sum[r * width + p][0] = FUSED(x, w0, sum[r * width + p][0]);
                        if (two) sum[r * width + p][1] = FUSED(x, w1, sum[r * width + p][1]);
                    }
            }
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 14
        for (int p = 0; p < width; p++)
#pragma GCC unroll 2
            for (int n = 0; n < count; n++) {
                const int64_t at = p * t->out_pixel + n * t->out_block;
                vector value = sum[r * width + p][n];
                if (t->accumulate) value += load(t->out[r], at, false);
                store(t->out[r], at, value, false);
            }
}
#include "kernel_tiles.h"

/* ---- Weight gradients ---- */
INLINE void gradient_half(const kernel_gradient *t, const int first, const int two)
{
    vector sum[8][2];
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
        sum[c][0] = t->accumulate ? load(t->out, (first + c) * OUT_PAIR, false) : splat(0);
        if (two) sum[c][1] = t->accumulate ? load(t->out, (first + c) * OUT_PAIR + LANES, false) : splat(0);
    }
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t row = 0; row < t->rows; row++) {
            const float *x = (const float *)t->x + image * t->x_image + row * t->x_row + first;
            const float *dy = (const float *)t->dy + image * t->dy_image + row * t->dy_row;
            const float *const dy2 = dy + t->dy_block;
            for (int64_t p = 0; p < t->width * LANES; p += LANES) {
                const vector y0 = load(dy, p, false), y1 = two ? load(dy2, p, false) : y0;
#pragma GCC unroll 8
                for (int c = 0; c < 8; c++) {
                    const vector b = splat(x[p + c]);
                    sum[c][0] = FUSED(b, y0, sum[c][0]);
                    if (two) sum[c][1] = FUSED(b, y1, sum[c][1]);
                }
            }
        }
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) {
        store(t->out, (first + c) * OUT_PAIR, sum[c][0], false);
        store(t->out, (first + c) * OUT_PAIR + LANES, two ? sum[c][1] : splat(0), false);
    }
}
static void gradient(const kernel_gradient *t)
{
    if (t->two) {
        gradient_half(t, 0, 1);
        if (t->channels > 8) gradient_half(t, 8, 1);
    } else {
        gradient_half(t, 0, 0);
        if (t->channels > 8) gradient_half(t, 8, 0);
    }
}

/* ---- Elementwise ---- */
/* Mean, then variance (divided by the number) of each lane. Each image is summed around its own mean in f32,
 * and the images are combined in double precision (Chan, Golub and LeVeque). */
INLINE void moments_body(const void *x, int64_t images, int64_t pixels, int64_t stride, const bool half,
                         double *out)
{
    double mean[LANES] = {0}, square[LANES] = {0};
    for (int64_t image = 0; image < images; image++) {
        vector sum[4] = {splat(0), splat(0), splat(0), splat(0)};
        for (int64_t p = 0; p < pixels; p++) sum[p & 3] += load(x, image * stride + p * LANES, half);
        const vector own = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / (float)pixels;
        vector off[4] = {splat(0), splat(0), splat(0), splat(0)}, drift = splat(0);
        for (int64_t p = 0; p < pixels; p++) {
            const vector d = load(x, image * stride + p * LANES, half) - own;
            off[p & 3] = FUSED(d, d, off[p & 3]);
            drift += d;
        }
        const vector spread = (off[0] + off[1]) + (off[2] + off[3]);
        const double n = (double)(image * pixels), m = (double)pixels;
        for (int c = 0; c < LANES; c++) {
            const double fine = (double)own[c] + (double)drift[c] / m;
            const double s = (double)spread[c] - (double)drift[c] * (double)drift[c] / m, d = fine - mean[c];
            mean[c] += d * m / (n + m);
            square[c] += s + d * d * n * m / (n + m);
        }
    }
    for (int c = 0; c < LANES; c++) {
        out[c] = mean[c];
        out[LANES + c] = square[c] / (double)(images * pixels);
    }
}
static void moments(const void *x, int64_t images, int64_t pixels, int64_t stride, bool half, double *out)
{
    if (half)
        moments_body(x, images, pixels, stride, true, out);
    else
        moments_body(x, images, pixels, stride, false, out);
}

INLINE vector positive(vector x, vector where)
{
    words bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= ~(words)(where <= splat(0)); /* NaN passes */
    memcpy(&x, &bits, sizeof bits);
    return x;
}
INLINE void apply_body(const kernel_apply *t, const bool half, const bool other, const bool relu)
{
    const vector scale = t->scale ? load(t->scale, 0, false) : splat(1);
    const vector shift = t->shift ? load(t->shift, 0, false) : splat(0);
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t at = image * t->stride; at < image * t->stride + t->pixels * LANES; at += LANES) {
            vector v = FUSED(load(t->x, at, half), scale, shift);
            if (other) v += load(t->other, at, half);
            store(t->out, at, relu ? positive(v, v) : v, half);
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

INLINE vector upstream(const kernel_back *t, int64_t at, const bool half, const bool relu)
{
    const vector g = load(t->d_out, at, half);
    return relu ? positive(g, load(t->out, at, half)) : g;
}
INLINE void sums_body(const kernel_back *t, const bool half, const bool relu)
{
    const vector mean = load(t->mean, 0, false);
    for (int c = 0; c < LANES; c++) t->sum[c] = t->product[c] = 0;
    for (int64_t image = 0; image < t->images; image++) {
        vector sum[2] = {splat(0), splat(0)}, product[2] = {splat(0), splat(0)};
        for (int64_t p = 0; p < t->pixels; p++) {
            const int64_t at = image * t->stride + p * LANES;
            const vector g = upstream(t, at, half, relu);
            sum[p & 1] += g;
            product[p & 1] = FUSED(g, load(t->x, at, half) - mean, product[p & 1]);
        }
        sum[0] += sum[1];
        product[0] += product[1];
        for (int c = 0; c < LANES; c++) {
            t->sum[c] += (double)sum[0][c];
            t->product[c] += (double)product[0][c];
        }
    }
}
static void back_sums(const kernel_back *t)
{
    if (t->half)
        t->out ? sums_body(t, true, true) : sums_body(t, true, false);
    else
        t->out ? sums_body(t, false, true) : sums_body(t, false, false);
}
INLINE void back_body(const kernel_back *t, const bool half, const bool relu)
{
    const vector a = t->a ? load(t->a, 0, false) : splat(1), b = t->a ? load(t->b, 0, false) : splat(0);
    const vector c = t->a ? load(t->c, 0, false) : splat(0);
    for (int64_t image = 0; image < t->images; image++)
        for (int64_t at = image * t->stride; at < image * t->stride + t->pixels * LANES; at += LANES) {
            const vector g = upstream(t, at, half, relu);
            if (t->d_other) store(t->d_other, at, t->add_other ? g + load(t->d_other, at, half) : g, half);
            if (!t->d_x) continue;
            vector d = t->a ? FUSED(a, g, FUSED(b, load(t->x, at, half), c)) : g;
            if (t->add_x) d += load(t->d_x, at, half);
            store(t->d_x, at, d, half);
        }
}
static void back_apply(const kernel_back *t)
{
    if (t->half)
        t->out ? back_body(t, true, true) : back_body(t, true, false);
    else
        t->out ? back_body(t, false, true) : back_body(t, false, false);
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

const kernel_set KERNEL_SET = {KERNEL_NAME, tile_choice, gradient,   moments,
                               apply,       back_sums,   back_apply, update};
