/* The pick-all-label cross-entropy of a tile, its division by m and its smoothing: eight columns at a time,
 * each in its own lane of the registers, so that nothing is summed across lanes and no lane is idle for small
 * K. */
#include "internal.h"
#include "linalg/elementary.h"
#include <math.h>
#include <string.h>

enum { GROUPS = 2 /* of eight columns at a time */ };

/* A part's: for every class and for the loss a sum, and what the rounding of the loss's lost. */
int64_t model_lane_numbers(int64_t classes)
{
    return (classes + 2) * LANES;
}

/* What the lanes' columns ask for; lanes behind the last column weigh nothing. */
typedef struct {
    lanes_bits used; /* lanes with a column */
    lanes tags;      /* m */
    lanes root;      /* sqrt(c) */
    lanes weight;    /* omega_m c/N: of the loss; over sqrt(c), of its gradient */
} lane_columns;

/* Numbers below 2^51, exactly. */
INLINE lanes lanes_of(lanes_bits numbers)
{
    const lanes round = (lanes){0} + 0x1.8p52;
    return (lanes)(numbers + (lanes_bits)round) - round;
}

/* Eight of `from`, of which `count` are there; the others are `other`. */
INLINE lanes_bits take(const void *from, int count, int64_t other)
{
    if (count == LANES) return *(const lanes_bits *)from;
    lanes_bits numbers = (lanes_bits){0} + other;
    memcpy(&numbers, from, (size_t)count * sizeof other);
    return numbers;
}

INLINE lane_columns ask_columns(const ufm_model *model, int64_t first, int count)
{
    const ufm_labels *labels = model->labels;
    const int64_t *offset = labels->offset + first;
    const lanes zero = {0};
    const lanes_bits lane = {0, 1, 2, 3, 4, 5, 6, 7};
    lane_columns c = {.used = lane < count,
                      .tags = lanes_of(take(offset + 1, count, 1) - take(offset, count, 0)),
                      .root = zero + 1,
                      .weight = zero + 1 / (double)labels->samples};
    if (labels->count) {
        c.weight *= lanes_of(take(labels->count + first, count, 1));
        c.root = (lanes)take(model->root_count + first, count, 0x3ff0000000000000);
    }
    if (model->objective.loss == UFM_LOSS_PAL_N) c.weight /= c.tags;
    if (count < LANES) c.weight = lanes_select(c.used, c.weight, zero);
    return c;
}

/* s + term, with what the rounding of s loses. */
INLINE void add_lanes(lanes *sum, lanes *correction, lanes term)
{
    const lanes total = *sum + term, back = total - *sum;
    *correction += (*sum - (total - back)) + (term - back);
    *sum = total;
}

/* Up to two registers of columns: `groups` of eight, of the last one `count`. With u_k = z_k - z_top <= 0,
 * e_k = exp(u_k), the sum of which without its largest term keeps digits when one class dominates, and
 * p = e / sum_k e_k the loss, its gradient and the change of that with dz are
 *
 *   omega (-(1-epsilon) sum_{k in S} u_k - epsilon m/K sum_k u_k + m log sum_k e_k),
 *
 *   omega (m p - epsilon m/K - (1-epsilon) y),   omega m p (dz - p.dz). */
typedef struct {
    const ufm_model *model;
    int64_t K, next;  /* classes; from one to the next in Z and dZ */
    double *Z;        /* products, then logits, then e, then the gradient */
    double *dZ;       /* its change, or NULL */
    const double *db; /* of the bias */
    int groups, count;
    const int64_t *offset; /* tag[offset[s]] .. tag[offset[s+1] - 1] are column s's */
    lane_columns ask[GROUPS];
    lanes scale[GROUPS], top[GROUPS], rest[GROUPS], inverse[GROUPS]; /* 1/sqrt(c), z_top, sum of e less 1 */
    lanes multiple[GROUPS];                                          /* of e in the gradient */
} block;

INLINE int count_of(const block *b, int g)
{
    return g + 1 < b->groups ? LANES : b->count;
}

/* For every group g of the block: unrolled, so that one group's arithmetic fills the waits of the other's. */
#define EACH_GROUP _Pragma("GCC unroll 2") for (int g = 0; g < b->groups; g++)

/* For every column `s` and its tags: `z` is where Z has the tag's number. */
#define EACH_TAG(b, s, z)                                                                                    \
    for (int s = 0; s < ((b)->groups - 1) * LANES + (b)->count; s++)                                         \
        for (int64_t tag = (b)->offset[s]; tag < (b)->offset[s + 1]; tag++)                                  \
            for (double *z = (b)->Z + (b)->model->labels->tag[tag] * (b)->next + s; z; z = NULL)

/* Class k's registers. */
INLINE lanes *row(double *of, const block *b, int64_t k)
{
    return (lanes *)(of + k * b->next);
}

/* A register of products with scale and bias; behind the last column 0. */
INLINE lanes scaled(const block *b, int g, lanes product, double bias)
{
    const lanes zero = {0};
    if (count_of(b, g) < LANES) product = lanes_select(b->ask[g].used, product, zero);
    return product * b->scale[g] + bias;
}

INLINE void make_logits(block *b, const double *bias)
{
    const lanes zero = {0};
    EACH_GROUP b->top[g] = zero - INFINITY;
    for (int64_t k = 0; k < b->K; k++) {
        lanes *const z = row(b->Z, b, k);
        EACH_GROUP
        {
            z[g] = scaled(b, g, z[g], bias[k]);
            b->top[g] = lanes_select((lanes_bits)(z[g] > b->top[g]), z[g], b->top[g]);
        }
    }
}

/* The columns' linear part of the loss, over omega. */
INLINE void linear_part(const block *b, lanes *linear)
{
    const lanes zero = {0};
    const double epsilon = b->model->objective.parameter;
    double tops[GROUPS * LANES], on[GROUPS * LANES];
    EACH_GROUP
    {
        ((lanes *)tops)[g] = b->top[g];
        ((lanes *)on)[g] = zero;
    }
    EACH_TAG(b, s, z) on[s] += tops[s] - *z;
    EACH_GROUP linear[g] = (1 - epsilon) * ((const lanes *)on)[g];
    if (epsilon == 0) return;
    lanes all[GROUPS];
    EACH_GROUP all[g] = zero;
    for (int64_t k = 0; k < b->K; k++) EACH_GROUP all[g] += b->top[g] - row(b->Z, b, k)[g];
    EACH_GROUP linear[g] += epsilon / (double)b->K * b->ask[g].tags * all[g];
}

/* Classes at the top are counted by what the sum without them lacks, a whole number but for rounding. */
INLINE void exponentials(block *b)
{
    const double round = 0x1.8p52;
    const lanes zero = {0};
    lanes all[GROUPS];
    EACH_GROUP all[g] = b->rest[g] = zero;
    for (int64_t k = 0; k < b->K; k++) {
        lanes *const z = row(b->Z, b, k);
        EACH_GROUP
        {
            const lanes u = z[g] - b->top[g], e = lanes_exp_below(u);
            b->rest[g] += lanes_select((lanes_bits)(u == zero), zero, e);
            all[g] += e;
            z[g] = e;
        }
    }
    EACH_GROUP b->rest[g] += ((all[g] - b->rest[g]) + round) - round - 1;
}

/* Also the inverse of the sum of e. */
INLINE void add_losses(block *b, const lanes *linear, lanes *losses)
{
    EACH_GROUP
    {
        const lanes loss = linear[g] + b->ask[g].tags * lanes_log1p(b->rest[g], &b->inverse[g]);
        add_lanes(losses, losses + 1, b->ask[g].weight * loss);
    }
}

/* From e and the change of the products. */
INLINE void make_change(const block *b)
{
    const lanes zero = {0};
    lanes mean[GROUPS];
    EACH_GROUP mean[g] = zero;
    for (int64_t k = 0; k < b->K; k++) {
        lanes *const dz = row(b->dZ, b, k), *const e = row(b->Z, b, k);
        EACH_GROUP
        {
            dz[g] = scaled(b, g, dz[g], b->db[k]);
            mean[g] += e[g] * dz[g];
        }
    }
    for (int64_t k = 0; k < b->K; k++) {
        lanes *const dz = row(b->dZ, b, k), *const e = row(b->Z, b, k);
        EACH_GROUP dz[g] = b->multiple[g] * e[g] * (dz[g] - mean[g] * b->inverse[g]);
    }
}

/* From e. */
INLINE void make_gradient(const block *b)
{
    const double epsilon = b->model->objective.parameter;
    lanes even[GROUPS];
    double tagged[GROUPS * LANES];
    EACH_GROUP
    {
        const lanes slope = b->ask[g].weight * b->scale[g];
        even[g] = slope * (epsilon / (double)b->K * b->ask[g].tags);
        ((lanes *)tagged)[g] = (1 - epsilon) * slope;
    }
    for (int64_t k = 0; k < b->K; k++) {
        lanes *const z = row(b->Z, b, k);
        EACH_GROUP z[g] = z[g] * b->multiple[g] - even[g];
    }
    EACH_TAG(b, s, z) *z -= tagged[s];
}

/* The tile's columns from `i` on. */
typedef struct {
    model_part *part;
    const model_tile *tile;
    const double *bias, *change;
    bool gradient;
} work;

INLINE void columns(const ufm_model *model, const work *w, int64_t i, int groups, int count)
{
    block made = {.model = model,
                  .K = model->classes,
                  .next = w->tile->Z.stride,
                  .Z = w->tile->Z.data + i,
                  .dZ = w->change ? w->part->change + i : NULL,
                  .db = w->change,
                  .groups = groups,
                  .count = count,
                  .offset = model->labels->offset + w->tile->first + i};
    block *const b = &made;
    lanes linear[GROUPS];
    EACH_GROUP
    {
        b->ask[g] = ask_columns(model, w->tile->first + i + g * LANES, count_of(b, g));
        b->scale[g] = (lanes){0} + 1;
        if (model->root_count) b->scale[g] = 1 / b->ask[g].root;
    }
    make_logits(b, w->bias);
    linear_part(b, linear);
    exponentials(b);
    add_losses(b, linear, (lanes *)w->part->lanes + b->K);
    if (!w->gradient) return;
    EACH_GROUP b->multiple[g] = b->ask[g].weight * b->scale[g] * b->ask[g].tags * b->inverse[g];
    if (b->dZ) make_change(b);
    make_gradient(b);
}

/* sums += sqrt(c)-weighted sums of the columns of G~, or of its change. */
INLINE void add_columns(const ufm_model *model, model_part *part, const model_tile *tile, const double *G)
{
    const int64_t K = model->classes, next = tile->Z.stride;
    lanes *sums = (lanes *)part->lanes;
    for (int64_t k = 0; k < K; k++) {
        lanes sum = sums[k];
        int64_t i = 0;
        for (; i + LANES <= tile->count; i += LANES) {
            const lanes g = *(const lanes *)(G + k * next + i);
            sum += model->root_count ? (lanes)(g * *(const lanes *)(model->root_count + tile->first + i)) : g;
        }
        for (; i < tile->count; i++)
            sum[i % LANES] += G[k * next + i] * (model->root_count ? model->root_count[tile->first + i] : 1);
        sums[k] = sum;
    }
}

INLINE void model_softmax_body(const ufm_model *model, model_part *part, const double *bias,
                               const model_tile *tile, bool gradient, const double *change)
{
    const work w = {part, tile, bias, change, gradient};
    int64_t i = 0;
    for (; i + GROUPS * LANES <= tile->count; i += GROUPS * LANES) columns(model, &w, i, GROUPS, LANES);
    const int left = (int)(tile->count - i);
    if (left > LANES) columns(model, &w, i, GROUPS, left - LANES);
    if (left > 0 && left <= LANES) columns(model, &w, i, 1, left);
    if (gradient) add_columns(model, part, tile, change ? part->change : tile->Z.data);
}
VERSIONS(model_softmax,
         (const ufm_model *model, model_part *part, const double *bias, const model_tile *tile, bool gradient,
          const double *change),
         (model, part, bias, tile, gradient, change))

void model_fold(const ufm_model *model, model_part *part)
{
    const double *sums = part->lanes, *losses = sums + model->classes * LANES;
    for (int s = 0; s < 2 * LANES; s++) ufm_sum_add(&part->loss, losses[s]);
    for (int64_t k = 0; k < model->classes; k++)
        for (int s = 0; s < LANES; s++) part->bias[k] += sums[k * LANES + s];
}
