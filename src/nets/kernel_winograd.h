/* Private to nets: the steps of Winograd's algorithm for 3 x 3 windows with stride 1, included by
 * kernel_body.h.
 *
 * In one dimension four outputs y_i = sum_k d_(i+k) g_k of six inputs and three weights are a product of
 * polynomials taken at the points 0, a, -a, b, -b and infinity (Toom and Cook): y = A^T ((G g) . (B^T d)),
 * with rows 1, x, x^2, x^3 of A, 1, x, x^2 of G over prod_(z != x) (x - z), and the coefficients of prod_(z
 * != x) (t - z) of B. In two dimensions the same goes along rows and columns, and 36 products take the place
 * of 144. a = 5/8 and b = 3/2 keep the rounding errors of single precision low. Copyright (C) 2026 the ufmlab
 * authors. SPDX-License-Identifier: GPL-3.0-or-later */
#define A1 0.625F
#define A2 (A1 * A1)
#define B1 1.5F
#define B2 (B1 * B1)
/* 1 / prod_(z != x) (x - z) for x = 0, a, b */
#define AT_0 (1 / (A2 * B2))
#define AT_A (1 / (2 * A2 * (A2 - B2)))
#define AT_B (1 / (2 * B2 * (B2 - A2)))

/* y + factor x */
INLINE wide plus(wide y, float factor, wide x)
{
    return FUSED(splat(factor), x, y);
}

/* B^T d */
INLINE void points_of_input(const wide d[6], wide p[6])
{
    const wide even_a = plus(d[4], -B2, d[2]), odd_a = splat(A1) * plus(d[3], -B2, d[1]);
    const wide even_b = plus(d[4], -A2, d[2]), odd_b = splat(B1) * plus(d[3], -A2, d[1]);
    p[0] = plus(plus(d[4], -(A2 + B2), d[2]), A2 * B2, d[0]);
    p[1] = even_a + odd_a;
    p[2] = even_a - odd_a;
    p[3] = even_b + odd_b;
    p[4] = even_b - odd_b;
    p[5] = plus(plus(d[5], -(A2 + B2), d[3]), A2 * B2, d[1]);
}
/* A^T p */
INLINE void outputs_at(const wide p[6], wide y[4])
{
    const wide even_a = p[1] + p[2], odd_a = p[1] - p[2], even_b = p[3] + p[4], odd_b = p[3] - p[4];
    y[0] = p[0] + (even_a + even_b);
    y[1] = plus(splat(A1) * odd_a, B1, odd_b);
    y[2] = plus(splat(A2) * even_a, B2, even_b);
    y[3] = plus(plus(p[5], A2 * A1, odd_a), B2 * B1, odd_b);
}
/* A y */
INLINE void points_of_output(const wide y[4], wide p[6])
{
    const wide even_a = plus(y[0], A2, y[2]), odd_a = splat(A1) * plus(y[1], A2, y[3]);
    const wide even_b = plus(y[0], B2, y[2]), odd_b = splat(B1) * plus(y[1], B2, y[3]);
    p[0] = y[0];
    p[1] = even_a + odd_a;
    p[2] = even_a - odd_a;
    p[3] = even_b + odd_b;
    p[4] = even_b - odd_b;
    p[5] = y[3];
}
/* G g */
INLINE void points_of_weights(const wide g[3], wide p[6])
{
    const wide even_a = splat(AT_A) * plus(g[0], A2, g[2]), odd_a = splat(AT_A * A1) * g[1];
    const wide even_b = splat(AT_B) * plus(g[0], B2, g[2]), odd_b = splat(AT_B * B1) * g[1];
    p[0] = splat(AT_0) * g[0];
    p[1] = even_a + odd_a;
    p[2] = even_a - odd_a;
    p[3] = even_b + odd_b;
    p[4] = even_b - odd_b;
    p[5] = g[2];
}
/* G^T p */
INLINE void weights_at(const wide p[6], wide g[3])
{
    const wide even_a = splat(AT_A) * (p[1] + p[2]), odd_a = splat(AT_A * A1) * (p[1] - p[2]);
    const wide even_b = splat(AT_B) * (p[3] + p[4]), odd_b = splat(AT_B * B1) * (p[3] - p[4]);
    g[0] = plus(even_a + even_b, AT_0, p[0]);
    g[1] = odd_a + odd_b;
    g[2] = plus(plus(p[5], A2, even_a), B2, even_b);
}

/* A step along rows and then along columns, of `from` x `from` to `to` x `to` registers. */
#define BOTH_WAYS(step, from, to, in, out)                                                                   \
    wide half[to][from];                                                                                     \
    EACH (c, 0, from) {                                                                                      \
        wide down[from], made[to];                                                                           \
        EACH (r, 0, from) down[r] = in[r][c];                                                                \
        step(down, made);                                                                                    \
        EACH (r, 0, to) half[r][c] = made[r];                                                                \
    }                                                                                                        \
    EACH (r, 0, to) step(half[r], out[r])

/* The pixels of a window that exist; the others are zero. Rows are skipped, columns masked: which exist
 * differs from window to window, and no processor foretells it pixel by pixel. */
INLINE void take_window(const kernel_window *t, const int size, const int lane, wide d[6][6])
{
    MASK exists[6];
    EACH (c, 0, size) exists[c] = MASK_OF(c >= t->left && c < t->right);
    EACH (r, 0, size) {
        const float *const row = t->pixel + r * t->row + lane;
        if (r >= t->top && r < t->bottom) {
            EACH (c, 0, size) d[r][c] = TAKE_IF(exists[c], row + c * LANES);
        } else {
            EACH (c, 0, size) d[r][c] = splat(0);
        }
    }
}
INLINE void give_points(const kernel_window *t, const int lane, wide p[6][6])
{
    EACH (r, 0, 6)
        EACH (c, 0, 6) give(t->points + (r * 6 + c) * t->stride + lane, p[r][c]);
}

static void window_in(const kernel_window *t)
{
    EACH (n, 0, PARTS) {
        wide d[6][6], p[6][6];
        take_window(t, 6, n * WIDE, d);
        BOTH_WAYS(points_of_input, 6, 6, d, p);
        give_points(t, n * WIDE, p);
    }
}
static void window_gradient(const kernel_window *t)
{
    EACH (n, 0, PARTS) {
        wide y[6][6], p[6][6];
        take_window(t, 4, n * WIDE, y);
        BOTH_WAYS(points_of_output, 4, 6, y, p);
        give_points(t, n * WIDE, p);
    }
}
static void window_out(const kernel_window *t)
{
    EACH (n, 0, PARTS) {
        const wide bias = t->bias ? take(t->bias + n * WIDE) : splat(0);
        wide p[6][6], y[4][4];
        EACH (r, 0, 6)
            EACH (c, 0, 6) p[r][c] = take(t->points + (r * 6 + c) * t->stride + n * WIDE);
        BOTH_WAYS(outputs_at, 6, 4, p, y);
        MASK exists[4];
        EACH (c, 0, 4) exists[c] = MASK_OF(c < t->right);
        EACH (r, 0, 4) {
            float *const row = t->pixel + r * t->row + n * WIDE;
            if (r >= t->bottom) continue;
            EACH (c, 0, 4) {
                const wide sum = y[r][c] + bias;
                GIVE_IF(exists[c], row + c * LANES,
                        t->accumulate ? sum + TAKE_IF(exists[c], row + c * LANES) : sum);
            }
        }
    }
}

static void window_weights(const float *taps, bool turned, float *points, int64_t stride)
{
    for (int i = 0; i < LANES * OUT_PAIR; i += WIDE) {
        wide g[3][3], p[6][6];
        EACH (k, 0, 9) g[k / 3][k % 3] = take(taps + (turned ? 8 - k : k) * LANES * OUT_PAIR + i);
        BOTH_WAYS(points_of_weights, 3, 6, g, p);
        EACH (k, 0, 36) give(points + k * stride + i, p[k / 6][k % 6]);
    }
}
/* Straight to memory: nobody reads a gradient before the update, and caches need not fetch what it replaces.
 */
static void window_weights_back(const float *points, int64_t stride, float *taps)
{
    for (int i = 0; i < LANES * OUT_PAIR; i += WIDE) {
        wide p[6][6], g[3][3];
        EACH (k, 0, 36) p[k / 6][k % 6] = take(points + k * stride + i);
        BOTH_WAYS(weights_at, 6, 3, p, g);
        EACH (k, 0, 9) GIVE_PAST(taps + k * LANES * OUT_PAIR + i, g[k / 3][k % 3]);
    }
    GIVEN_PAST();
}

/* `rows` windows at once, as many as registers hold sums of. */
INLINE void multiply_rows(const kernel_multiply *t, const int rows, const int from, const int wides,
                          int64_t first)
{
    wide sum[PIECE_PIXELS][PIECE_WIDES];
    float *const out = t->out + first * OUT_PAIR + from * WIDE;
    const float *w = t->weights + from * WIDE;
    EACH (q, 0, rows)
        EACH (n, 0, wides) sum[q][n] = t->accumulate ? take(out + q * OUT_PAIR + n * WIDE) : splat(0);
    for (int64_t block = 0; block < t->blocks; block++) {
        const float *in = t->in + block * t->in_block + first * LANES;
        if (from == 0)
            EACH (q, 0, rows) __builtin_prefetch(t->next + block * t->in_block + (first + q) * LANES);
        for (int c = 0; c < LANES; c++, in++, w += OUT_PAIR) {
            wide weights[PIECE_WIDES];
            EACH (n, 0, wides) weights[n] = take(w + n * WIDE);
            EACH (q, 0, rows) {
                const wide x = splat(in[q * LANES]);
                EACH (n, 0, wides) sum[q][n] = FUSED(x, weights[n], sum[q][n]);
            }
        }
    }
    EACH (q, 0, rows)
        EACH (n, 0, wides) give(out + q * OUT_PAIR + n * WIDE, sum[q][n]);
}
#define ROWS(n)                                                                                              \
    case n:                                                                                                  \
        if (n <= PIECE_PIXELS) multiply_rows(t, n <= PIECE_PIXELS ? n : 1, from, wides, first);              \
        break;
INLINE void multiply_piece(const kernel_multiply *t, const int from, const int wides)
{
    const int64_t turns = ceiling(t->windows, PIECE_PIXELS);
    for (int64_t i = 0; i < turns; i++) {
        const int64_t first = share_start(t->windows, i, turns),
                      rows = share_start(t->windows, i + 1, turns) - first;
        switch (rows) {
            ROWS(1)
            ROWS(2)
            ROWS(3)
            ROWS(4)
            ROWS(5)
            ROWS(6)
            ROWS(7)
            ROWS(8)
            ROWS(9)
            ROWS(10)
            ROWS(11)
            ROWS(12)
            ROWS(13)
            ROWS(14)
        }
    }
}
static void multiply(const kernel_multiply *t)
{
    enum { ALL = OUT_PAIR / WIDE, HALF = LANES / WIDE };
    if (t->two) {
        EACH (i, 0, ALL / PIECE_WIDES) multiply_piece(t, i * PIECE_WIDES, PIECE_WIDES);
    } else {
        EACH (i, 0, (HALF + PIECE_WIDES - 1) / PIECE_WIDES)
            multiply_piece(t, i * PIECE_WIDES, least(PIECE_WIDES, HALF - i * PIECE_WIDES));
    }
}
