#include "history.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Numbers of each vector that are in use at a time: they stay in the first-level cache. */
enum { CHUNK = 1024 };

void history_free(lbfgs_history *h)
{
    void *const arrays[] = {h->words, h->scale,   h->sy,      h->yy,     h->sg,
                            h->yg,    h->along_s, h->along_y, h->partial};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    h->words = NULL;
    h->scale = h->sy = h->yy = h->sg = h->yg = h->along_s = h->along_y = h->partial = NULL;
}

bool history_allocate(lbfgs_history *h)
{
    const int64_t m = h->pairs;
    int64_t numbers, squares;
    const int64_t chunks = (h->size + CHUNK - 1) / CHUNK;
    if (__builtin_mul_overflow(CHUNK * m, chunks, &numbers) || __builtin_mul_overflow(m, m, &squares) ||
        squares > INT64_MAX / 64)
        return false;
    h->words = ufm_alloc(numbers, sizeof(int32_t));
    h->scale = ufm_alloc(2 * HISTORY_BLOCKS * m * chunks, sizeof(double));
    h->sy = ufm_alloc(HISTORY_BLOCKS * squares, sizeof(double));
    h->yy = ufm_alloc(HISTORY_BLOCKS * squares, sizeof(double));
    h->sg = ufm_alloc(m, sizeof(double));
    h->yg = ufm_alloc(HISTORY_BLOCKS * m, sizeof(double));
    h->along_s = ufm_alloc(m, sizeof(double));
    h->along_y = ufm_alloc(HISTORY_BLOCKS * m, sizeof(double));
    h->partial = ufm_alloc((4 * m + 2) * HISTORY_BLOCKS * ufm_pool_threads(h->pool), sizeof(double));
    h->stored = h->next = 0;
    return h->words && h->scale && h->sy && h->yy && h->sg && h->yg && h->along_s && h->along_y && h->partial;
}

/* Slot of the pair that is `age` steps old (0: the newest). */
static int64_t slot(const lbfgs_history *h, int64_t age)
{
    return (h->next - 1 - age + 2 * h->pairs) % h->pairs;
}

/* Where a thread's sums for a block begin. */
static double *partial_of(const lbfgs_history *h, int worker, int block)
{
    return h->partial + ((int64_t)worker * HISTORY_BLOCKS + block) * (4 * h->pairs + 2);
}

static void clear_partial(lbfgs_history *h)
{
    const int64_t numbers = (4 * h->pairs + 2) * HISTORY_BLOCKS * ufm_pool_threads(h->pool);
    memset(h->partial, 0, (size_t)numbers * sizeof(double));
}

/* The threads' sums, in their order. */
static double total(const lbfgs_history *h, int block, int64_t index)
{
    double sum = 0;
    for (int t = 0; t < ufm_pool_threads(h->pool); t++) sum += partial_of(h, t, block)[index];
    return sum;
}

/* A part of a vector that lies in one block and in one chunk of the pairs. */
typedef struct {
    int64_t first, count;
    int block;
} chunk;

static chunk chunk_at(const lbfgs_history *h, int64_t first, int64_t end)
{
    int block = 0;
    while (first >= h->end[block]) block++;
    if (end > h->end[block]) end = h->end[block];
    const int64_t next = (first / CHUNK + 1) * CHUNK;
    return (chunk){first, (end < next ? end : next) - first, block};
}

/* What pair number `pair` holds of it. */
static ufm_vector_pair pair_at(const lbfgs_history *h, int64_t pair, chunk c)
{
    const int64_t place = c.first / CHUNK * h->pairs + pair;
    return (ufm_vector_pair){h->words + place * CHUNK + c.first % CHUNK,
                             h->scale + (place * HISTORY_BLOCKS + c.block) * 2};
}

/* ---- A new pair --------------------------------------------------------------------------------- */

typedef struct {
    lbfgs_history *history;
    double *step; /* the direction, until this pass */
    const double *before, *after;
    double length, scale;
} addition;

static void add_body(void *context, int worker, int64_t begin, int64_t end)
{
    const addition *work = context;
    const lbfgs_history *h = work->history;
    double newest[CHUNK];
    for (int64_t first = begin; first < end;) {
        const chunk c = chunk_at(h, first, end);
        const double *change[2] = {work->before + first, work->after + first};
        const ufm_vector_pair made = pair_at(h, h->next, c);
        double *sums = partial_of(h, worker, c.block);
        ufm_scale(c.count, work->length, work->step + first);
        ufm_pair_make(c.count, work->scale, work->step + first, change, made, newest);
        ufm_pair_products(c.count, made, change[1], newest, sums + 4 * h->next);
        for (int64_t age = 0; age < h->stored; age++) {
            const int64_t j = slot(h, age);
            ufm_pair_products(c.count, pair_at(h, j, c), change[1], newest, sums + 4 * j);
        }
        first += c.count;
    }
}

/* The products of pair i with the new one and with the gradient. */
static void collect(lbfgs_history *h, int64_t i)
{
    const int64_t m = h->pairs, new = h->next;
    h->sg[i] = 0;
    for (int b = 0; b < HISTORY_BLOCKS; b++) {
        h->sg[i] += total(h, b, 4 * i);
        h->sy[(b * m + i) * m + new] = total(h, b, 4 * i + 1);
        h->yg[b * m + i] = total(h, b, 4 * i + 2);
        h->yy[(b * m + i) * m + new] = h->yy[(b * m + new) * m + i] = total(h, b, 4 * i + 3);
    }
}

/* s_i.y_j over all blocks. */
static double product_sy(const lbfgs_history *h, int64_t i, int64_t j)
{
    double sum = 0;
    for (int b = 0; b < HISTORY_BLOCKS; b++) sum += h->sy[(b * h->pairs + i) * h->pairs + j];
    return sum;
}

void history_add(lbfgs_history *h, double *direction, double length, double norm,
                 const double *const change[2])
{
    const int64_t m = h->pairs, new = h->next;
    if (h->stored == m) h->stored--; /* the oldest gives way */
    addition work = {h, direction, change[0], change[1], length, 1 / norm};
    clear_partial(h);
    ufm_pool_run(h->pool, h->size, CHUNK, add_body, &work);
    for (int64_t age = 0; age < h->stored; age++) collect(h, slot(h, age));
    collect(h, new);
    double squares = 0; /* |y|^2, while |s| = 1 */
    for (int b = 0; b < HISTORY_BLOCKS; b++) squares += h->yy[(b * m + new) * m + new];
    const double curvature = product_sy(h, new, new);
    if (!(curvature > DBL_EPSILON * sqrt(squares) && isfinite(squares))) return;
    h->next = (new + 1) % m;
    h->stored++;
}

/* ---- A direction -------------------------------------------------------------------------------- */

/* The start of the recursion in each block: sum s.y / sum y.y of its share of all pairs, which is a weighted
 * mean of inverse curvatures; that of the newest pair as a whole in a block where it is not positive. */
static void scales(const lbfgs_history *h, double scale[HISTORY_BLOCKS])
{
    const int64_t m = h->pairs, newest = slot(h, 0);
    double squares = 0;
    for (int b = 0; b < HISTORY_BLOCKS; b++) squares += h->yy[(b * m + newest) * m + newest];
    const int64_t most = h->end[0] == h->size ? 1 : h->stored;
    for (int b = 0; b < HISTORY_BLOCKS; b++) {
        double sy = 0, yy = 0;
        for (int64_t age = 0; age < most; age++) {
            const int64_t j = slot(h, age);
            sy += h->sy[(b * m + j) * m + j];
            yy += h->yy[(b * m + j) * m + j];
        }
        scale[b] = sy / yy;
        if (!(scale[b] > 0 && isfinite(scale[b]))) scale[b] = product_sy(h, newest, newest) / squares;
    }
}

/* The two-loop recursion (Nocedal 1980) on coefficients: the direction is
 *   -D (g - sum_j a_j y_j) - sum_j (a_j - b_j) s_j   with D the scales of the blocks. */
static void coefficients(lbfgs_history *h, const double scale[HISTORY_BLOCKS])
{
    const int64_t m = h->pairs;
    double *a = h->along_y, *change = h->along_s;
    for (int64_t age = 0; age < h->stored; age++) {
        const int64_t i = slot(h, age);
        double sq = h->sg[i];
        for (int64_t newer = 0; newer < age; newer++)
            sq -= a[slot(h, newer)] * product_sy(h, i, slot(h, newer));
        a[i] = sq / product_sy(h, i, i);
    }
    for (int64_t age = h->stored - 1; age >= 0; age--) {
        const int64_t i = slot(h, age);
        double yr = 0;
        for (int b = 0; b < HISTORY_BLOCKS; b++) {
            double yq = h->yg[b * m + i];
            for (int64_t other = 0; other < h->stored; other++)
                yq -= a[slot(h, other)] * h->yy[(b * m + i) * m + slot(h, other)];
            yr += scale[b] * yq;
        }
        for (int64_t older = age + 1; older < h->stored; older++)
            yr += change[slot(h, older)] * product_sy(h, slot(h, older), i);
        change[i] = a[i] - yr / product_sy(h, i, i);
    }
    for (int64_t j = 0; j < m; j++) change[j] = -change[j];
    for (int b = HISTORY_BLOCKS - 1; b >= 0; b--)
        for (int64_t j = 0; j < m; j++) h->along_y[b * m + j] = scale[b] * a[j];
}

typedef struct {
    lbfgs_history *history;
    const double *gradient;
    double *direction;
    double scale[HISTORY_BLOCKS];
} combination;

static void direction_body(void *context, int worker, int64_t begin, int64_t end)
{
    const combination *work = context;
    const lbfgs_history *h = work->history;
    static const double zero[CHUNK];
    for (int64_t first = begin; first < end;) {
        const chunk c = chunk_at(h, first, end);
        const double *gradient = work->gradient + first;
        double *out = work->direction + first, *sums = partial_of(h, worker, c.block);
        ufm_step(c.count, zero, -work->scale[c.block], gradient, out);
        for (int64_t age = 0; age < h->stored; age++) {
            const int64_t j = slot(h, age);
            ufm_pair_add(c.count, pair_at(h, j, c), h->along_s[j], h->along_y[c.block * h->pairs + j], out);
        }
        sums[0] += ufm_dot(c.count, gradient, out);
        sums[1] += ufm_dot(c.count, out, out);
        first += c.count;
    }
}

double history_direction(lbfgs_history *h, const double *gradient, double *direction, double *length)
{
    combination work = {h, gradient, direction, {1, 1, 1}};
    if (h->stored > 0) {
        scales(h, work.scale);
        coefficients(h, work.scale);
    }
    clear_partial(h);
    ufm_pool_run(h->pool, h->size, CHUNK, direction_body, &work);
    double slope = 0, squares = 0;
    for (int b = 0; b < HISTORY_BLOCKS; b++) {
        slope += total(h, b, 0);
        squares += total(h, b, 1);
    }
    *length = sqrt(squares);
    return slope;
}
