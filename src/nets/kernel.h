/* Private to nets: the engine's own kernels. Activations are blocked by 16 channels: [image][channel /
 * 16][row][column][16] of f32 or bf16, padded channels zero. A convolution is an implicit matrix product: a
 * padded copy of a few images, small enough for the second-level cache, times packed weights. The same
 * product serves the gradient of the input. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef UFMLAB_NETS_KERNEL_H
#define UFMLAB_NETS_KERNEL_H

#include <ufmlab/base.h>

enum { LANES = 16, OUT_PAIR = 32, TILE_ROWS = 8, TILE_WIDTH = 14 };

/* A loop whose number of turns is known, written out so that sums stay in registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define EACH(i, from, to) UNROLL for (int i = (from); i < (to); i++)

static inline int64_t ceiling(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}
/* Where part `part` of `parts` equal shares of `count` begins. */
static inline int64_t share_start(int64_t count, int64_t part, int64_t parts)
{
    return count * part / parts;
}
/* Blocks of 16 channels, and pairs of blocks, that hold `channels`. */
static inline int64_t blocks_of(int64_t channels)
{
    return ceiling(channels, LANES);
}
static inline int64_t pairs_of(int64_t channels)
{
    return ceiling(channels, OUT_PAIR);
}

/* One register tile: rows x width output pixels of one or two channel blocks.
 * out[r][p] = sum over blocks, taps and channels of in[r][p + tap] times weights. Offsets count elements. */
typedef struct {
    int32_t in, weight;
} kernel_tap;
typedef struct {
    const void *in[TILE_ROWS];
    void *out[TILE_ROWS];
    const void *weights;   /* [blocks][taps][16][32]; bf16: [blocks][taps][8][32][2] */
    const kernel_tap *tap; /* [taps] */
    int32_t taps, blocks, channels /* of the last block that are not zero */;
    int64_t in_block, weight_block, out_block, out_pixel;
    const float *bias; /* [32], or NULL */
    bool accumulate;   /* add to what is in `out` */
} kernel_tile;
typedef void kernel_tile_function(const kernel_tile *tile);
/* The register tile for rows x width pixels and 1 or 2 output blocks; NULL: no such shape. */
typedef kernel_tile_function *kernel_tile_choice(int rows, int width, int out_blocks);

/* One 16 x 32 block of a weight gradient at one tap: the sum over images and pixels of x times dy. */
typedef struct {
    const void *x, *dy;          /* first pixel of the first image; bf16: pairs of pixels */
    int64_t images, rows, width; /* of dy; bf16: width counts pairs */
    int64_t x_image, x_row, dy_image, dy_row, dy_block;
    int32_t channels;     /* of x in this block */
    bool accumulate, two; /* two output blocks */
    float *out;           /* [16][32] */
} kernel_gradient;

/* Normalisation, addition and ReLU in one pass: out = relu?(scale * x + shift + other?), for one channel
 * block. */
typedef struct {
    const void *x, *other;
    void *out;
    int64_t images, pixels, stride; /* elements between images */
    bool relu, half;                /* half: bf16 */
    float *scale, *shift;           /* [16]; NULL: 1 and 0 */
} kernel_apply;
/* The way back. g = d_out where out > 0; d_other (+)= g; d_x (+)= a g + b x + c, or just g without a, b, c.
 */
typedef struct {
    const void *x, *out, *d_out; /* out NULL: no relu */
    void *d_x, *d_other;         /* NULL: not needed */
    bool add_x, add_other, half;
    int64_t images, pixels, stride;
    const float *a, *b, *c, *mean; /* [16] */
    const float *scale,
        *shift; /* [16]: out = relu(scale * x + shift), so that out need not be read; NULL: not so */
    double *sum, *product; /* [16]: of g and g (x - mean) */
} kernel_back;

/* One update of `count` parameters, in single precision; see ufm_update. */
typedef struct {
    bool adam;
    float rate, momentum, decay, beta2, epsilon, first, second; /* 1 - beta^step */
} kernel_step;

/* One 16 x 32 block of weights as products read it: for bf16 in pairs of inputs, and with inputs and outputs
 * exchanged for the way back. */
typedef struct {
    const float *from;
    uint16_t *pairs; /* [8][32][2]; NULL: not wanted */
    void *turned[2]; /* for each block of outputs: 16 columns of a block [16][32], or [8][32][2]; NULL */
    int64_t column;
    bool half;
} kernel_pack;

/* Winograd's algorithm (kernel_winograd.h), in f32: a window of 6 x 6 pixels that are read, or 4 x 4 that are
 * written or whose gradients are read, of one channel block, and its 36 transformed numbers. */
typedef struct {
    float *pixel;                     /* its upper left corner, whether or not that exists */
    int64_t row;                      /* elements from one row to the next */
    int32_t top, bottom, left, right; /* those from top to bottom - 1 and left to right - 1 exist */
    float *points;                    /* [36][16], stride apart */
    int64_t stride;
    const float *bias; /* [16], or NULL */
    bool accumulate;   /* add to what the pixels hold */
} kernel_window;
/* out[window][32] (+)= sum over blocks and channels c of in[block][window][c] weights[block][c][32] */
typedef struct {
    const float *in, *weights;
    const float *next; /* the `in` that is multiplied after this one, to be fetched meanwhile */
    float *out;
    int64_t windows, blocks, in_block;
    bool accumulate, two; /* two: all 32 of `out`; else the first 16 */
} kernel_multiply;

typedef struct {
    const char *name;
    kernel_tile_choice *tile;
    void (*gradient)(const kernel_gradient *task);
    void (*pack)(const kernel_pack *task);
    void (*moments)(const void *x, int64_t images, int64_t pixels, int64_t stride, bool half,
                    double *mean_variance);
    void (*apply)(const kernel_apply *task);
    void (*back_sums)(const kernel_back *task);
    void (*back_apply)(const kernel_back *task);
    void (*update)(const kernel_step *step, int64_t count, float *x, const float *g, float *m, float *v);
    /* Winograd: 6 x 6 pixels to points; 4 x 4 gradients to points; points to 4 x 4 pixels; a 16 x 32 block of
     * weights at nine taps to points, which are `stride` apart, and the gradient's points back to taps. */
    void (*window_in)(const kernel_window *task);
    void (*window_gradient)(const kernel_window *task);
    void (*window_out)(const kernel_window *task);
    void (*window_weights)(const float *taps, bool turned, float *points, int64_t stride);
    void (*window_weights_back)(const float *points, int64_t stride, float *taps);
    void (*multiply)(const kernel_multiply *task);
} kernel_set;
extern const kernel_set kernel_plain;
#ifdef __x86_64__
extern const kernel_set kernel_avx2, kernel_avx512;
kernel_tile_choice kernel_tile_bf16;
void kernel_gradient_bf16(const kernel_gradient *task);
/* out[p] interleaves pixels p and p + 1, for p in steps of `step`; in has count 16-channel pixels. */
void kernel_pairs_bf16(const uint16_t *in, int64_t count, int64_t step, uint16_t *out);
#endif
/* The set of that name ("plain", "avx2", "avx512") or, for NULL, the fastest that this processor runs, and
 * whether products of bf16 go with it. NULL: this processor cannot. */
const kernel_set *kernel_choose(const char *name, bool *bf16);

static inline float kernel_widen(uint16_t x)
{
    const union {
        uint32_t u;
        float f;
    } bits = {.u = (uint32_t)x << 16};
    return bits.f;
}
/* Rounds to nearest, ties to even; NaN stays NaN. */
static inline uint16_t kernel_round(float x)
{
    const union {
        float f;
        uint32_t u;
    } bits = {.f = x};
    if (x != x) return (uint16_t)(bits.u >> 16 | 0x40);
    return (uint16_t)((bits.u + 0x7fff + (bits.u >> 16 & 1)) >> 16);
}

#endif
