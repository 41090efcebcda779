/* The pick-all-label cross-entropy of a tile, its division by m and its smoothing: eight columns at a time,
 * each in its own lane of the registers, so that nothing is summed across lanes and no lane is idle for small
 * K. */
#include "internal.h"
#include "linalg/elementary.h"
#include <math.h>

enum { GROUPS = 2 /* of eight columns at a time */ };

/* A part's: for every class and for the loss a sum, and what the rounding of the loss's lost. */
int64_t model_lane_numbers(int64_t classes)
{
    return (classes + 2) * LANES;
}

/* What the lanes' columns ask for; lanes behind the last column weigh nothing. */
typedef struct {
    const int64_t *offset; /* tag[offset[s]] .. tag[offset[s+1] - 1] are column s's */
    lanes_bits used;       /* lanes with a column */
    lanes tags;            /* m */
    lanes root;            /* sqrt(c) */
    lanes weight;          /* omega_m c/N: of the loss; over sqrt(c), of its gradient */
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
    for (int s = 0; s < count; s++) numbers[s] = ((const int64_t *)from)[s];
    return numbers;
}

INLINE lane_columns ask_columns(const ufm_model *model, int64_t first, int count)
{
    const ufm_labels *labels = model->labels;
    const int64_t *offset = labels->offset + first;
    const lanes zero = {0};
    const lanes_bits lane = {0, 1, 2, 3, 4, 5, 6, 7};
    lane_columns c = {.offset = offset,
                      .used = lane < count,
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

/* A class's numbers of eight columns, of which `count` are there; behind them 0. */
INLINE lanes row(const lanes *at, lanes_bits used, int count)
{
    const lanes zero = {0};
    return count == LANES ? *at : lanes_select(used, *at, zero);
}

/* Of `groups` of eight columns each; of the last one `count`. Numbers of a class begin `next` behind those of
 * the one before. */
typedef struct {
    int groups, count;
    int64_t next;
} span;

INLINE int count_of(span of, int g)
{
    return g + 1 < of.groups ? LANES : of.count;
}

/* For every group g of the span: unrolled, so that one group's arithmetic fills the waits of the other's. */
#define EACH_GROUP _Pragma("GCC unroll 2") for (int g = 0; g < of.groups; g++)

/* Columns from `first` on, whose logits without scale and bias begin at Z. With u_k = z_k - z_top <= 0,
 * e_k = exp(u_k), the sum of which without its largest term keeps digits when one class dominates, and
 * p = e / sum_k e_k the loss, its gradient and the change of that with dz are
 *
 *   omega (-(1-epsilon) sum_{k in S} u_k - epsilon m/K sum_k u_k + m log sum_k e_k),
 *
 *   omega (m p - epsilon m/K - (1-epsilon) y),   omega m p (dz - p.dz). */
INLINE void columns(const ufm_model *model, model_part *part, const double *bias, int64_t first, span of,
                    double *Z, bool gradient, double *dZ, const double *db)
{
    const int64_t K = model->classes, next = of.next;
    const double epsilon = model->objective.parameter;
    const bool scaled = model->root_count != NULL;
    const lanes zero = {0};
    lanes *losses = (lanes *)part->lanes + K;
    const int32_t *tag = model->labels->tag;
    lane_columns c[GROUPS];
    lanes scale[GROUPS], top[GROUPS], rest[GROUPS], ties[GROUPS], all[GROUPS], inverse[GROUPS];
    EACH_GROUP
    {
        c[g] = ask_columns(model, first + g * LANES, count_of(of, g));
        scale[g] = zero + 1;
        if (scaled) scale[g] = 1 / c[g].root;
        top[g] = zero - INFINITY;
        rest[g] = all[g] = zero;
        ties[g] = zero - 1;
    }
    for (int64_t k = 0; k < K; k++) {
        lanes *const z = (lanes *)(Z + k * next);
        EACH_GROUP
        {
            const lanes logit = row(z + g, c[g].used, count_of(of, g)) * scale[g] + bias[k];
            top[g] = lanes_select((lanes_bits)(logit > top[g]), logit, top[g]);
            z[g] = logit;
        }
    }
    double on[GROUPS * LANES] = {0}, tagged[GROUPS * LANES];
    EACH_GROUP((lanes *)tagged)[g] = top[g];
    for (int g = 0; g < of.groups; g++)
        for (int s = 0; s < count_of(of, g); s++)
            for (int64_t t = c[g].offset[s]; t < c[g].offset[s + 1]; t++)
                on[g * LANES + s] += tagged[g * LANES + s] - Z[tag[t] * next + g * LANES + s];
    for (int64_t k = 0; epsilon != 0 && k < K; k++)
        EACH_GROUP all[g] += top[g] - ((lanes *)(Z + k * next))[g];
    for (int64_t k = 0; k < K; k++) {
        lanes *const z = (lanes *)(Z + k * next);
        EACH_GROUP
        {
            const lanes u = z[g] - top[g], e = lanes_exp_below(u);
            const lanes_bits at_top = (lanes_bits)(u == zero);
            rest[g] += lanes_select(at_top, zero, e);
            ties[g] += lanes_select(at_top, zero + 1, zero);
            z[g] = e;
        }
    }
    EACH_GROUP
    {
        const lanes m = c[g].tags;
        rest[g] += ties[g];
        inverse[g] = 1 / (1 + rest[g]);
        const lanes loss = (1 - epsilon) * ((const lanes *)on)[g] + epsilon / (double)K * m * all[g] +
                           m * lanes_log1p(rest[g], inverse[g]);
        add_lanes(losses, losses + 1, c[g].weight * loss);
    }
    if (!gradient) return;
    lanes multiple[GROUPS], subtracted[GROUPS], mean[GROUPS];
    EACH_GROUP
    {
        const lanes slope = c[g].weight * scale[g];
        multiple[g] = slope * c[g].tags * inverse[g];
        subtracted[g] = slope * (epsilon / (double)K * c[g].tags);
        ((lanes *)tagged)[g] = (1 - epsilon) * slope;
        mean[g] = zero;
    }
    for (int64_t k = 0; dZ && k < K; k++) {
        lanes *const dz = (lanes *)(dZ + k * next), *const e = (lanes *)(Z + k * next);
        EACH_GROUP
        {
            dz[g] = row(dz + g, c[g].used, count_of(of, g)) * scale[g] + db[k];
            mean[g] += e[g] * dz[g];
        }
    }
    for (int64_t k = 0; dZ && k < K; k++) {
        lanes *const dz = (lanes *)(dZ + k * next), *const e = (lanes *)(Z + k * next);
        EACH_GROUP dz[g] = multiple[g] * e[g] * (dz[g] - mean[g] * inverse[g]);
    }
    for (int64_t k = 0; k < K; k++) {
        lanes *const z = (lanes *)(Z + k * next);
        EACH_GROUP z[g] = z[g] * multiple[g] - subtracted[g];
    }
    for (int g = 0; g < of.groups; g++)
        for (int s = 0; s < count_of(of, g); s++)
            for (int64_t t = c[g].offset[s]; t < c[g].offset[s + 1]; t++)
                Z[tag[t] * next + g * LANES + s] -= tagged[g * LANES + s];
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
    const int64_t next = tile->Z.stride;
    double *Z = tile->Z.data, *dZ = change ? part->change : NULL;
    for (int64_t i = 0; i < tile->count; i += GROUPS * LANES) {
        const int64_t left = tile->count - i;
        double *dz = dZ ? dZ + i : NULL;
        if (left >= 2 * LANES) {
            columns(model, part, bias, tile->first + i, (span){2, LANES, next}, Z + i, gradient, dz, change);
        } else if (left > LANES) {
            columns(model, part, bias, tile->first + i, (span){2, (int)left - LANES, next}, Z + i, gradient,
                    dz, change);
        } else {
            columns(model, part, bias, tile->first + i, (span){1, (int)left, next}, Z + i, gradient, dz,
                    change);
        }
    }
    if (gradient) add_columns(model, part, tile, dZ ? dZ : Z);
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
