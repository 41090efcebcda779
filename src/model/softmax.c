/* The pick-all-label cross-entropy of a tile, its division by m and its smoothing: eight columns at a time,
 * each in its own lane of the registers, so that nothing is summed across lanes and no lane is idle for small
 * K. */
#include "internal.h"
#include "linalg/elementary.h"
#include <math.h>

/* Rows of a whole number of registers. */
static int64_t rows_of(int64_t classes)
{
    return (classes + LANES - 1) / LANES * LANES;
}

/* A part's: logits, sums of G's columns, of the loss, and what the rounding of these lost. */
int64_t model_lane_numbers(int64_t classes)
{
    return (2 * rows_of(classes) + 2) * LANES;
}

/* What the lanes' columns ask for; lanes behind the last column weigh nothing. */
typedef struct {
    const int64_t *offset; /* tag[offset[s]] .. tag[offset[s+1] - 1] are column s's */
    lanes tags;            /* m */
    lanes root;            /* sqrt(c) */
    lanes weight;          /* omega_m c/N: of the loss; over sqrt(c), of its gradient */
} lane_columns;

INLINE lane_columns ask_columns(const ufm_model *model, int64_t first, int count)
{
    const ufm_labels *labels = model->labels;
    const int64_t *offset = labels->offset + first;
    const double per_sample = 1 / (double)labels->samples;
    double tags[LANES], weight[LANES], root[LANES];
    for (int s = 0; s < LANES; s++) {
        tags[s] = s < count ? (double)(offset[s + 1] - offset[s]) : 1;
        weight[s] = s < count ? per_sample : 0;
        root[s] = 1;
    }
    for (int s = 0; labels->count && s < count; s++) {
        weight[s] *= (double)labels->count[first + s];
        root[s] = model->root_count[first + s];
    }
    lane_columns c = {offset, *(lanes *)tags, *(lanes *)root, *(lanes *)weight};
    if (model->objective.loss == UFM_LOSS_PAL_N) c.weight /= c.tags;
    return c;
}

/* Rows of K x 8 logits, each in a register, with their scale and bias; `top` the largest of every lane, `at`
 * which it is. Reads up to seven numbers behind a column. */
INLINE void load_logits(int64_t K, int count, const double *Z, lanes scale, bool scaled, const double *bias,
                        lanes *z, lanes *top, lanes *at)
{
    const lanes zero = {0};
    *top = zero - INFINITY;
    *at = zero;
    for (int64_t first = 0; first < K; first += LANES) {
        lanes v[LANES];
        const int64_t rows = K - first < LANES ? K - first : LANES;
#pragma GCC unroll 8
        for (int s = 0; s < LANES; s++) v[s] = *(const lanes *)(Z + (s < count ? s : 0) * K + first);
        lanes_turn(v);
#pragma GCC unroll 8
        for (int r = 0; r < LANES; r++) {
            if (r >= rows) break;
            const lanes logit = (scaled ? (lanes)(v[r] * scale) : v[r]) + bias[first + r];
            const lanes_bits above = (lanes_bits)(logit > *top);
            *at = lanes_select(above, zero + (double)(first + r), *at);
            *top = lanes_select(above, logit, *top);
            z[first + r] = logit;
        }
    }
}

/* `count` columns of Z from rows of registers. What a block of fewer than eight rows writes behind its column
 * belongs to later columns, which are written later: blocks from below, columns from the left. */
INLINE void store_columns(int64_t K, int count, const lanes *z, double *Z)
{
    for (int64_t first = (K - 1) / LANES * LANES; first >= 0; first -= LANES) {
        lanes v[LANES];
        const int64_t rows = K - first < LANES ? K - first : LANES;
#pragma GCC unroll 8
        for (int r = 0; r < LANES; r++) v[r] = z[first + r];
        lanes_turn(v);
#pragma GCC unroll 8
        for (int s = 0; s < LANES; s++) {
            double *column = Z + s * K + first;
            if (s * K + first + LANES <= count * K) {
                *(lanes *)column = v[s];
            } else if (s < count) {
                for (int64_t r = 0; r < rows; r++) column[r] = v[s][r];
            }
        }
    }
}

/* s + term, with what the rounding of s loses. */
INLINE void add_lanes(lanes *sum, lanes *correction, lanes term)
{
    const lanes total = *sum + term, back = total - *sum;
    *correction += (*sum - (total - back)) + (term - back);
    *sum = total;
}

/* Up to eight columns. With u_k = z_top - z_k >= 0, e_k = exp(-u_k), the sum of which without its largest
 * term keeps digits when one class dominates, and p = e / sum_k e_k the loss and its gradient are
 *
 *   omega ((1-epsilon) sum_{k in S} u_k + epsilon m/K sum_k u_k + m log sum_k e_k),
 *
 *   omega (m p - epsilon m/K - (1-epsilon) y). */
INLINE void eight_columns(const ufm_model *model, model_part *part, const double *bias, int64_t first,
                          int count, double *Z, bool gradient, double *state)
{
    const int64_t K = model->classes;
    const double epsilon = model->objective.parameter;
    const lane_columns c = ask_columns(model, first, count);
    const bool scaled = model->root_count != NULL;
    const lanes zero = {0}, m = c.tags, weight = c.weight, root = c.root;
    lanes scale = zero + 1;
    if (scaled) scale = 1 / root;
    lanes *z = (lanes *)part->lanes, *sums = z + rows_of(K), *losses = sums + rows_of(K);
    const int32_t *tag = model->labels->tag;
    double *lane = part->lanes, on[LANES] = {0};
    lanes top, at, rest = zero, all = zero;
    load_logits(K, count, Z, scale, scaled, bias, z, &top, &at);
    for (int64_t k = 0; k < K; k++) {
        z[k] -= top;
        all -= z[k];
    }
    for (int s = 0; s < count; s++)
        for (int64_t t = c.offset[s]; t < c.offset[s + 1]; t++) on[s] -= lane[tag[t] * LANES + s];
    for (int64_t k = 0; k < K; k++) {
        z[k] = lanes_exp_below(z[k]);
        rest += lanes_select((lanes_bits)(at == zero + (double)k), zero, z[k]);
    }
    const lanes even = epsilon / (double)K * m, inverse = 1 / (1 + rest);
    const lanes loss = (1 - epsilon) * *(const lanes *)on + even * all + m * lanes_log1p(rest, inverse);
    add_lanes(losses, losses + 1, weight * loss);
    if (state) {
        for (int64_t k = 0; k < K; k++) z[k] *= inverse;
        store_columns(K, count, z, state);
    }
    if (!gradient) return;
    const lanes slope = weight * scale, share = slope * m,
                multiple = state ? share : (lanes)(share * inverse);
    const lanes subtracted = slope * even, tagged = (1 - epsilon) * slope;
    for (int64_t k = 0; k < K; k++) z[k] = z[k] * multiple - subtracted;
    for (int s = 0; s < count; s++)
        for (int64_t t = c.offset[s]; t < c.offset[s + 1]; t++) lane[tag[t] * LANES + s] -= tagged[s];
    for (int64_t k = 0; k < K; k++) sums[k] += root * z[k];
    store_columns(K, count, z, Z);
}

INLINE void model_softmax_body(const ufm_model *model, model_part *part, const double *bias,
                               const model_tile *tile, bool gradient, double *state)
{
    const int64_t K = model->classes;
    double *Z = tile->Z.data;
    int64_t i = 0;
    for (; i + LANES <= tile->count; i += LANES)
        eight_columns(model, part, bias, tile->first + i, LANES, Z + i * K, gradient,
                      state ? state + i * K : NULL);
    if (i < tile->count)
        eight_columns(model, part, bias, tile->first + i, (int)(tile->count - i), Z + i * K, gradient,
                      state ? state + i * K : NULL);
}
VERSIONS(model_softmax,
         (const ufm_model *model, model_part *part, const double *bias, const model_tile *tile, bool gradient,
          double *state),
         (model, part, bias, tile, gradient, state))

void model_fold(const ufm_model *model, model_part *part)
{
    const int64_t rows = rows_of(model->classes);
    const double *sums = part->lanes + rows * LANES, *losses = sums + rows * LANES;
    for (int s = 0; s < 2 * LANES; s++) ufm_sum_add(&part->loss, losses[s]);
    for (int64_t k = 0; k < model->classes; k++)
        for (int s = 0; s < LANES; s++) part->bias[k] += sums[k * LANES + s];
}
