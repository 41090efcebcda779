/* ufmlab: nets: convolutions by Winograd's algorithm.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "winograd.h"

/* Blocks of channels whose transformed weights are made at a time, and windows that are: both stay in the
 * second-level cache. A pad keeps the 36 points of a window out of the same sets of a cache. */
enum { POINTS = 36, SIDE = 4, TAPS = 9, BLOCKS = 4, CHUNK = 64, PAD = LANES };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Numbers between one point and the next. */
static int64_t window_stride(int64_t blocks, int64_t windows)
{
    return blocks * windows * LANES + PAD;
}
enum { WEIGHT_STRIDE = BLOCKS * WEIGHT_BLOCK + PAD, GRADIENT_STRIDE = WEIGHT_BLOCK + PAD };
static int64_t result_stride(int64_t windows)
{
    return windows * OUT_PAIR + PAD;
}

static bool applies(product_window w)
{
    return w.kernel_height == 3 && w.kernel_width == 3 && w.stride == 1 && w.padding <= 2;
}

static void set_windows(winograd *p, tensor_shape written)
{
    p->rows = ceiling(written.height, SIDE);
    p->columns = ceiling(written.width, SIDE);
}

/* The cut among `threads` that costs least; cost(first, second) is that of the largest part. */
static void set_cuts(winograd *p, int64_t threads, int64_t most,
                     int64_t (*cost)(const winograd *p, int64_t cuts, int64_t channel_cuts, int64_t windows),
                     int64_t windows)
{
    int64_t best = -1;
    for (int64_t channel_cuts = 1; channel_cuts <= least(threads, most); channel_cuts++) {
        const int64_t cuts = threads / channel_cuts, spent = cost(p, cuts, channel_cuts, windows);
        if (best >= 0 && spent >= best) continue;
        best = spent;
        p->cuts = cuts;
        p->channel_cuts = channel_cuts;
    }
}

/* Instructions on registers, roughly: those that transform a window of a block, and a register of weights. */
enum { WINDOW_COST = 200, WEIGHTS_COST = 110 };

static int64_t run_cost(const winograd *p, int64_t cuts, int64_t channel_cuts, int64_t windows)
{
    const int64_t own = ceiling(windows, cuts), pairs = ceiling(pairs_of(p->to.channels), channel_cuts),
                  channels = p->from.blocks * LANES;
    return own * p->from.blocks * WINDOW_COST + ceiling(own, CHUNK) * channels * 2 * pairs * WEIGHTS_COST +
           POINTS * own * channels * pairs;
}

/* Chunks up to which weights are exchanged anew for each: it takes the time of some of their products, but
 * spares memory the writing and reading of all weights once more. */
enum { FRESH = 2 };

bool winograd_plan(winograd *made, tensor_shape src, tensor_shape dst, product_window window, bool back,
                   int64_t batch, int threads)
{
    if (!applies(window)) return false;
    *made = (winograd){.from = back ? dst : src,
                       .to = back ? src : dst,
                       .padding = back ? 2 - window.padding : window.padding,
                       .turned = back};
    set_windows(made, made->to);
    const int64_t windows = batch * made->rows * made->columns;
    set_cuts(made, threads, pairs_of(made->to.channels), run_cost, windows);
    made->chunk = least(ceiling(windows, made->cuts), CHUNK);
    made->fresh = back && ceiling(windows, made->cuts) <= FRESH * made->chunk;
    made->scratch_bytes = (int64_t)sizeof(float) * (POINTS * (window_stride(made->from.blocks, made->chunk) +
                                                              WEIGHT_STRIDE + result_stride(made->chunk)) +
                                                    (made->fresh ? BLOCKS * TAPS * WEIGHT_BLOCK : 0));
    return true;
}

/* ---- Windows ---- */

/* Window `at` of the images; `image` is its image, `row` and `column` its upper left pixel of what is
 * written. */
typedef struct {
    int64_t image, row, column;
} place;
static place place_of(const winograd *p, int64_t at)
{
    const int64_t each = p->rows * p->columns;
    return (place){at / each, at % each / p->columns * SIDE, at % p->columns * SIDE};
}

/* What a window of `size` pixels from (row, column) on has of a tensor's plane. */
static kernel_window window_at(const tensor_shape *s, const float *tensor, place at, int64_t row,
                               int64_t column, int size)
{
    const int64_t bottom = least(s->height - row, size), right = least(s->width - column, size);
    return (kernel_window){.pixel = (float *)(uintptr_t)tensor + at.image * s->image +
                                    (row * s->width + column) * LANES,
                           .row = s->width * LANES,
                           .top = row < 0 ? (int32_t)-row : 0,
                           .left = column < 0 ? (int32_t)-column : 0,
                           .bottom = bottom > 0 ? (int32_t)bottom : 0,
                           .right = right > 0 ? (int32_t)right : 0};
}

/* points[36][blocks][count][16] of windows first.. of blocks from `block` on. */
static void windows_in(const kernel_set *kernels, const winograd *p, const float *tensor, int64_t block,
                       int64_t blocks, int64_t first, int64_t count, float *points)
{
    for (int64_t i = 0; i < count; i++) {
        const place at = place_of(p, first + i);
        kernel_window t =
            window_at(&p->from, tensor, at, at.row - p->padding, at.column - p->padding, SIDE + 2);
        t.pixel += block * p->from.plane;
        t.points = points + i * LANES;
        t.stride = window_stride(blocks, count);
        for (int64_t b = 0; b < blocks; b++, t.pixel += p->from.plane, t.points += count * LANES)
            kernels->window_in(&t);
    }
}

/* ---- Forward, and back to the input ---- */

typedef struct {
    const product_machine *machine;
    const winograd *p;
    const product_task *task;
} run_context;

/* results[36][count][32] of one pair of blocks become pixels. */
static void windows_out(const run_context *run, int64_t pair, int64_t first, int64_t count, float *results)
{
    const winograd *p = run->p;
    for (int64_t i = 0; i < count; i++) {
        const place at = place_of(p, first + i);
        kernel_window t = window_at(&p->to, run->task->dst, at, at.row, at.column, SIDE);
        t.stride = result_stride(count);
        t.accumulate = run->task->accumulate;
        for (int64_t b = 2 * pair; b < least(2 * pair + 2, p->to.blocks); b++) {
            kernel_window own = t;
            own.pixel += b * p->to.plane;
            own.points = results + i * OUT_PAIR + b % 2 * LANES;
            own.bias = run->task->bias ? run->task->bias + b * LANES : NULL;
            run->machine->kernels->window_out(&own);
        }
    }
}

/* taps[some][9][16][32] of the way back, of a pair and `some` blocks from the layer's own weights. */
static void exchange_weights(const run_context *run, int64_t pair, int64_t block, int64_t some, float *taps)
{
    const int64_t blocks = run->p->to.blocks;
    for (int64_t b = 0; b < some; b += 2)
        for (int64_t other = 2 * pair; other < least(2 * pair + 2, blocks); other++) {
            const float *from =
                (const float *)run->task->weights + ((block + b) / 2 * blocks + other) * TAPS * WEIGHT_BLOCK;
            for (int64_t tap = 0; tap < TAPS; tap++) {
                float *const to = taps + (b * TAPS + tap) * WEIGHT_BLOCK;
                const kernel_pack t = {.from = from + tap * WEIGHT_BLOCK,
                                       .turned = {to, b + 1 < some ? to + TAPS * WEIGHT_BLOCK : NULL},
                                       .column = other % 2 * LANES};
                run->machine->kernels->pack(&t);
            }
        }
}

/* results[36][count][32] of one pair: the products of some windows' points with its weights, BLOCKS blocks at
 * a time. */
static void multiply_pair(const run_context *run, int64_t pair, int64_t count, const float *points,
                          float *weights, float *results)
{
    const winograd *p = run->p;
    const kernel_set *kernels = run->machine->kernels;
    const int64_t blocks = p->from.blocks, stride = window_stride(blocks, count);
    float *const exchanged = results + POINTS * result_stride(p->chunk);
    for (int64_t block = 0; block < blocks; block += BLOCKS) {
        const int64_t some = least(blocks - block, BLOCKS);
        const float *taps = (const float *)run->task->weights + (pair * blocks + block) * TAPS * WEIGHT_BLOCK;
        if (p->fresh) {
            exchange_weights(run, pair, block, some, exchanged);
            taps = exchanged;
        }
        for (int64_t b = 0; b < some; b++)
            kernels->window_weights(taps + b * TAPS * WEIGHT_BLOCK, p->turned, weights + b * WEIGHT_BLOCK,
                                    WEIGHT_STRIDE);
        kernel_multiply t = {.in = points + block * count * LANES,
                             .weights = weights,
                             .out = results,
                             .windows = count,
                             .blocks = some,
                             .in_block = count * LANES,
                             .accumulate = block > 0,
                             .two = 2 * pair + 1 < p->to.blocks};
        for (int64_t point = 0; point < POINTS; point++) {
            t.next = point + 1 < POINTS ? t.in + stride : t.in;
            kernels->multiply(&t);
            t.in = t.next;
            t.weights += WEIGHT_STRIDE;
            t.out += result_stride(count);
        }
    }
}

static void run_parts(void *context, int worker, int64_t begin, int64_t end)
{
    const run_context *run = context;
    const winograd *p = run->p;
    const int64_t pairs = pairs_of(p->to.channels), all = run->task->count * p->rows * p->columns;
    float *const points = (float *)(void *)run->machine->scratch[worker],
                 *const weights = points + POINTS * window_stride(p->from.blocks, p->chunk),
                 *const results = weights + POINTS * WEIGHT_STRIDE;
    for (int64_t part = begin; part < end; part++) {
        const int64_t cut = part / p->channel_cuts, channel_cut = part % p->channel_cuts;
        const int64_t last = share_start(all, cut + 1, p->cuts),
                      last_pair = share_start(pairs, channel_cut + 1, p->channel_cuts);
        for (int64_t first = share_start(all, cut, p->cuts), count; first < last; first += count) {
            count = least(last - first, p->chunk);
            windows_in(run->machine->kernels, p, run->task->src, 0, p->from.blocks, first, count, points);
            for (int64_t pair = share_start(pairs, channel_cut, p->channel_cuts); pair < last_pair; pair++) {
                multiply_pair(run, pair, count, points, weights, results);
                windows_out(run, pair, first, count, results);
            }
        }
    }
}

void winograd_run(const product_machine *machine, const winograd *p, const product_task *task)
{
    run_context run = {machine, p, task};
    ufm_pool_run(machine->pool, p->cuts * p->channel_cuts, 1, run_parts, &run);
}

/* ---- The gradient of the weights ---- */

static int64_t gradient_cost(const winograd *p, int64_t cuts, int64_t channel_cuts, int64_t windows)
{
    const int64_t blocks = ceiling(p->from.blocks, cuts),
                  pairs = ceiling(pairs_of(p->to.channels), channel_cuts);
    return windows * (blocks + 2 * pairs) * WINDOW_COST + POINTS * windows * blocks * LANES * pairs;
}

/* Numbers of a part's sums: of all its weights when they collect several chunks, else of a few at a time. */
static int64_t sums_of(const winograd *p, bool all)
{
    const int64_t blocks = ceiling(p->from.blocks, p->cuts),
                  pairs = ceiling(pairs_of(p->to.channels), p->channel_cuts);
    return (all ? blocks * pairs : least(blocks, BLOCKS)) * POINTS * GRADIENT_STRIDE;
}

/* Blocks of weights, 16 x 32 each, whose sums a worker's cache holds beside all else: then every worker takes
 * its share of the windows, and none is transformed twice. */
enum { KEPT = 8 };

bool winograd_gradient_plan(winograd *made, tensor_shape src, tensor_shape dst, product_window window,
                            int64_t batch, int threads)
{
    if (!applies(window)) return false;
    *made = (winograd){.from = src, .to = dst, .padding = window.padding};
    set_windows(made, dst);
    const int64_t windows = batch * made->rows * made->columns;
    if (src.blocks * pairs_of(dst.channels) <= KEPT) {
        made->cuts = made->channel_cuts = 1;
        made->window_cuts = threads;
    } else {
        set_cuts(made, threads, pairs_of(dst.channels), gradient_cost, windows);
        made->cuts = least(made->cuts, src.blocks);
        made->window_cuts = 1;
    }
    made->chunk = least(windows, CHUNK);
    const int64_t blocks = ceiling(src.blocks, made->cuts);
    made->scratch_bytes = (int64_t)sizeof(float) *
                          (POINTS * (window_stride(blocks, made->chunk) + window_stride(2, made->chunk)) +
                           sums_of(made, made->window_cuts > 1 || windows > made->chunk));
    return true;
}

/* A worker's numbers for its part: blocks[0].. of x and pairs[0].. of dy, windows first.. at a time. */
typedef struct {
    const product_machine *machine;
    const winograd *p;
    const product_gradient_task *task;
    int64_t blocks[2], pairs[2];
    int64_t begin, end, first, count; /* all windows of the part, and those at hand */
    float *x, *dy;                    /* [36][blocks][count][16], [36][2][count][16] */
    float *sums;                      /* [pair][block][36][16][32] */
    bool several;                     /* chunks: sums are those of all blocks and pairs, and stay */
} gradient_part;

/* points[36][2][count][16] of a pair of dy's blocks; where there is but one, the other is not used. */
static void gradients_in(const gradient_part *run, int64_t pair)
{
    const tensor_shape *s = &run->p->to;
    for (int64_t i = 0; i < run->count; i++) {
        const place at = place_of(run->p, run->first + i);
        kernel_window t = window_at(s, run->task->dy, at, at.row, at.column, SIDE);
        t.pixel += 2 * pair * s->plane;
        t.points = run->dy + i * LANES;
        t.stride = window_stride(2, run->count);
        for (int64_t b = 2 * pair; b < least(s->blocks, 2 * pair + 2);
             b++, t.pixel += s->plane, t.points += run->count * LANES)
            run->machine->kernels->window_gradient(&t);
    }
}

/* Of `block` of x; `first` is the first of those that are worked on. */
static float *sums_at(const gradient_part *run, int64_t pair, int64_t block, int64_t first)
{
    const int64_t blocks = run->blocks[1] - run->blocks[0];
    const int64_t at =
        run->several ? (pair - run->pairs[0]) * blocks + block - run->blocks[0] : block - first;
    return run->sums + at * POINTS * GRADIENT_STRIDE;
}

static void write_weights(const gradient_part *run, int64_t pair, int64_t block, const float *sums)
{
    run->machine->kernels->window_weights_back(sums, GRADIENT_STRIDE,
                                               run->task->d_weights + (pair * run->p->from.blocks + block) *
                                                                          TAPS * WEIGHT_BLOCK);
}

/* A pair and up to BLOCKS blocks, one point after the other. */
static void multiply_blocks(const gradient_part *run, int64_t pair, int64_t first)
{
    const int64_t count = run->count, last = least(first + BLOCKS, run->blocks[1]);
    const int64_t stride = window_stride(run->blocks[1] - run->blocks[0], count);
    for (int64_t point = 0; point < POINTS; point++)
        for (int64_t block = first; block < last; block++) {
            const kernel_gradient t = {.x =
                                           run->x + point * stride + (block - run->blocks[0]) * count * LANES,
                                       .dy = run->dy + point * window_stride(2, count),
                                       .images = 1,
                                       .rows = 1,
                                       .width = count,
                                       .dy_block = count * LANES,
                                       .channels = LANES,
                                       .accumulate = run->several && run->first > run->begin,
                                       .two = 2 * pair + 1 < run->p->to.blocks,
                                       .out = sums_at(run, pair, block, first) + point * GRADIENT_STRIDE};
            run->machine->kernels->gradient(&t);
        }
    for (int64_t block = first; block < last && !run->several; block++)
        write_weights(run, pair, block, sums_at(run, pair, block, first));
}

static void gradient_chunk(const gradient_part *run)
{
    const int64_t blocks = run->blocks[1] - run->blocks[0];
    windows_in(run->machine->kernels, run->p, run->task->x, run->blocks[0], blocks, run->first, run->count,
               run->x);
    for (int64_t pair = run->pairs[0]; pair < run->pairs[1]; pair++) {
        gradients_in(run, pair);
        for (int64_t block = run->blocks[0]; block < run->blocks[1]; block += BLOCKS)
            multiply_blocks(run, pair, block);
    }
}

typedef struct {
    const product_machine *machine;
    const winograd *p;
    const product_gradient_task *task;
} gradient_context;

/* Part `cut` of the windows, `at` of the channels, with the scratch of that number. */
static gradient_part part_of(const gradient_context *all, int64_t cut, int64_t at)
{
    const winograd *p = all->p;
    const int64_t windows = all->task->count * p->rows * p->columns, pairs = pairs_of(p->to.channels),
                  down = at / p->channel_cuts, across = at % p->channel_cuts;
    gradient_part run = {.machine = all->machine,
                         .p = p,
                         .task = all->task,
                         .blocks = {share_start(p->from.blocks, down, p->cuts),
                                    share_start(p->from.blocks, down + 1, p->cuts)},
                         .pairs = {share_start(pairs, across, p->channel_cuts),
                                   share_start(pairs, across + 1, p->channel_cuts)},
                         .begin = share_start(windows, cut, p->window_cuts),
                         .end = share_start(windows, cut + 1, p->window_cuts),
                         .x = (float *)(void *)all->machine->scratch[cut * p->cuts * p->channel_cuts + at],
                         .several = p->window_cuts > 1 || windows > p->chunk};
    run.dy = run.x + POINTS * window_stride(ceiling(p->from.blocks, p->cuts), p->chunk);
    run.sums = run.dy + POINTS * window_stride(2, p->chunk);
    return run;
}

static void gradient_parts(void *context, int worker, int64_t begin, int64_t end)
{
    const gradient_context *all = context;
    const int64_t parts = all->p->cuts * all->p->channel_cuts;
    (void)worker;
    for (int64_t part = begin; part < end; part++) {
        gradient_part run = part_of(all, part / parts, part % parts);
        for (run.first = run.begin; run.first < run.end; run.first += run.count) {
            run.count = least(run.end - run.first, all->p->chunk);
            gradient_chunk(&run);
        }
        for (int64_t pair = run.pairs[0]; pair < run.pairs[1] && run.several && all->p->window_cuts == 1;
             pair++)
            for (int64_t block = run.blocks[0]; block < run.blocks[1]; block++)
                write_weights(&run, pair, block, sums_at(&run, pair, block, 0));
    }
}

/* The sums of all parts of the windows, one after the other, for blocks begin..end - 1 of the weights. */
static void gradient_sums(void *context, int worker, int64_t begin, int64_t end)
{
    const gradient_context *all = context;
    (void)worker;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t pair = unit / all->p->from.blocks, block = unit % all->p->from.blocks;
        float *sum = NULL;
        for (int64_t cut = 0; cut < all->p->window_cuts; cut++) {
            const gradient_part run = part_of(all, cut, 0);
            float *own = sums_at(&run, pair, block, 0);
            if (run.begin == run.end) continue;
            for (int64_t i = 0; sum && i < POINTS * GRADIENT_STRIDE; i++) sum[i] += own[i];
            if (!sum) sum = own;
        }
        const gradient_part first = part_of(all, 0, 0);
        write_weights(&first, pair, block, sum);
    }
}

void winograd_gradient(const product_machine *machine, const winograd *p, const product_gradient_task *task)
{
    gradient_context run = {machine, p, task};
    ufm_pool_run(machine->pool, p->window_cuts * p->cuts * p->channel_cuts, 1, gradient_parts, &run);
    if (p->window_cuts > 1)
        ufm_pool_run(machine->pool, p->from.blocks * pairs_of(p->to.channels), 1, gradient_sums, &run);
}
