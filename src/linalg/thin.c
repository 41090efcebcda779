/* Products with a thin matrix W (K x d, K small) for one tile of columns in cache. A BLAS packs both factors
 * before it multiplies, which costs as much as the product when one of them is this thin; here W is packed
 * once for all tiles. The kernels need 32 wide registers; without them the BLAS does the same. */
#include "elementary.h"
#include <string.h>
#include <ufmlab/linalg.h>

enum {
    MOST = 8 /* columns or classes at a time */,
    FEW = 3 /* rows for sums along columns */,
    ABREAST = 32 /* dimensions */
};

/* By squares of eight; the last ones reach back into the ones before. */
INLINE void turn_body(int64_t rows, int64_t cols, const double *a, double *turned)
{
    if (rows < LANES || cols < LANES) {
        for (int64_t k = 0; k < rows; k++)
            for (int64_t j = 0; j < cols; j++) turned[j + k * cols] = a[k + j * rows];
        return;
    }
    for (int64_t column = 0; column < cols; column += LANES)
        for (int64_t row = 0; row < rows; row += LANES) {
            const int64_t j = column < cols - LANES ? column : cols - LANES;
            const int64_t k = row < rows - LANES ? row : rows - LANES;
            lanes v[LANES];
#pragma GCC unroll 8
            for (int i = 0; i < LANES; i++) v[i] = *(const lanes *)(a + k + (j + i) * rows);
            lanes_turn(v);
#pragma GCC unroll 8
            for (int i = 0; i < LANES; i++) *(lanes *)(turned + j + (k + i) * cols) = v[i];
        }
}
VERSIONS(turn, (int64_t rows, int64_t cols, const double *a, double *turned), (rows, cols, a, turned))

int64_t ufm_thin_numbers(int64_t rows, int64_t cols)
{
    return ((rows + LANES - 1) / LANES * LANES + rows) * cols;
}

ufm_thin ufm_thin_pack(int64_t rows, int64_t cols, const double *w, double *storage)
{
    const int64_t stride = (rows + LANES - 1) / LANES * LANES;
    double *turned = storage + stride * cols;
    for (int64_t j = 0; j < cols; j++) {
        memcpy(storage + j * stride, w + j * rows, (size_t)rows * sizeof(double));
        memset(storage + j * stride + rows, 0, (size_t)(stride - rows) * sizeof(double));
    }
    ufm_turn(rows, cols, w, turned);
    return (ufm_thin){rows, cols, stride, w, storage, turned};
}

static ufm_matrix whole(const ufm_thin *w)
{
    return ufm_view(w->data, w->rows, w->cols);
}

#if defined(__x86_64__) && defined(__GNUC__)
#define WIDE __attribute__((WIDE_TARGET))
#define KERNEL static inline __attribute__((always_inline, WIDE_TARGET))
/* Calls KERNEL(..., n) with n, 1..8, known to the compiler. */
#define KNOWN(n, call)                                                                                       \
    switch (n) {                                                                                             \
    case 1:                                                                                                  \
        call(1);                                                                                             \
        break;                                                                                               \
    case 2:                                                                                                  \
        call(2);                                                                                             \
        break;                                                                                               \
    case 3:                                                                                                  \
        call(3);                                                                                             \
        break;                                                                                               \
    case 4:                                                                                                  \
        call(4);                                                                                             \
        break;                                                                                               \
    case 5:                                                                                                  \
        call(5);                                                                                             \
        break;                                                                                               \
    case 6:                                                                                                  \
        call(6);                                                                                             \
        break;                                                                                               \
    case 7:                                                                                                  \
        call(7);                                                                                             \
        break;                                                                                               \
    default:                                                                                                 \
        call(8);                                                                                             \
        break;                                                                                               \
    }

/* Which numbers of a register belong to n that are left. */
KERNEL __mmask8 mask_of(int64_t n)
{
    return (__mmask8)(n >= LANES ? 0xff : (1u << n) - 1);
}

/* The numbers of `mask`; the others are 0, or stay. `whole` is known to the compiler. */
KERNEL lanes load(const double *from, bool whole, __mmask8 mask)
{
    return whole ? *(const lanes *)from : (lanes)_mm512_maskz_loadu_pd(mask, from);
}
KERNEL void store(double *to, lanes v, bool whole, __mmask8 mask)
{
    if (whole) {
        *(lanes *)to = v;
    } else {
        _mm512_mask_storeu_pd(to, mask, (__m512d)v);
    }
}

/* Numbers from a class, and from a column, to the next. */
typedef struct {
    int64_t row, column;
} steps;
static steps steps_of(ufm_matrix a)
{
    return a.transposed ? (steps){a.stride, 1} : (steps){1, a.stride};
}

/* What a product Z = W H works on: rows from `first` on, and dimensions from..to-1, which are added up when
 * not the first ones. */
typedef struct {
    const ufm_thin *w;
    int64_t first, from, to;
    bool add, turned;
    steps z;
} stretch;

/* Eight rows of eight columns of a transposed Z from the columns' registers. */
KERNEL void store_turned(const stretch *s, int64_t first, lanes column[LANES], double *Z)
{
    lanes_turn(column);
#pragma GCC unroll 8
    for (int r = 0; r < LANES; r++) {
        lanes *const z = (lanes *)(Z + (first + r) * s->z.row);
        if (first + r < s->w->rows) *z = s->add ? (lanes)(column[r] + *z) : column[r];
    }
}

/* Rows of two registers (or one) times `count` columns of H. */
KERNEL void multiply_kernel(const stretch *s, const double *H, double *Z, int registers, int count)
{
    lanes sum[2][MOST] = {{{0}}};
    const ufm_thin *w = s->w;
    const int64_t d = w->cols;
    for (int64_t j = s->from; j < s->to; j++) {
        const double *column = w->padded + s->first + j * w->stride;
        const lanes a = *(const lanes *)column;
        const lanes b = registers == 2 ? *(const lanes *)(column + LANES) : a;
#pragma GCC unroll 8
        for (int c = 0; c < count; c++) {
            const double h = H[j + c * d];
            sum[0][c] += a * h;
            if (registers == 2) sum[1][c] += b * h;
        }
    }
    if (s->turned) {
        store_turned(s, s->first, sum[0], Z);
        if (registers == 2) store_turned(s, s->first + LANES, sum[1], Z);
        return;
    }
    const int64_t rows = w->rows - s->first;
    const __mmask8 mask = mask_of(rows), behind = registers == 2 ? mask_of(rows - LANES) : 0;
#pragma GCC unroll 8
    for (int c = 0; c < count; c++) {
        double *z = Z + s->first + c * s->z.column;
        if (s->add) sum[0][c] += load(z, registers == 2, mask);
        store(z, sum[0][c], registers == 2, mask);
        if (registers == 1) continue;
        if (s->add) sum[1][c] += load(z + LANES, false, behind);
        store(z + LANES, sum[1][c], false, behind);
    }
}

/* `rows` of W, from `first` on, times `count` columns of H with sums along the columns: for the few rows that
 * a register of rows would leave mostly idle. */
KERNEL void dots_kernel(const stretch *s, const double *H, double *Z, int rows, int count)
{
    lanes sum[FEW][MOST] = {{{0}}};
    const ufm_thin *w = s->w;
    const int64_t d = w->cols;
    for (int64_t j = s->from; j < s->to; j += LANES) {
        const bool full = j + LANES <= s->to;
        const __mmask8 mask = mask_of(s->to - j);
        lanes h[MOST];
#pragma GCC unroll 8
        for (int c = 0; c < count; c++) h[c] = load(H + c * d + j, full, mask);
#pragma GCC unroll 3
        for (int r = 0; r < rows; r++) {
            const lanes a = load(w->turned + (s->first + r) * d + j, full, mask);
#pragma GCC unroll 8
            for (int c = 0; c < count; c++) sum[r][c] += a * h[c];
        }
    }
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++) {
        lanes total;
        double *z = Z + (s->first + r) * s->z.row;
        lanes_totals(sum[r], &total);
        if (s->turned) {
            *(lanes *)z = s->add ? (lanes)(total + *(const lanes *)z) : total;
            continue;
        }
        for (int c = 0; c < count; c++, z += s->z.column) *z = total[c] + (s->add ? *z : 0);
    }
}

KERNEL void multiply_columns(const stretch *s, int64_t n, const double *H, double *Z, int registers, int few)
{
    for (int64_t i = 0; i < n; i += MOST) {
        const int count = n - i < MOST ? (int)(n - i) : MOST;
        const double *h = H + i * s->w->cols;
        double *z = Z + i * s->z.column;
#define CALL(m) few ? dots_kernel(s, h, z, few, m) : multiply_kernel(s, h, z, registers, m)
        KNOWN(count, CALL)
#undef CALL
    }
}

/* Classes at a time, in blocks of like size. */
static int64_t block_of(int64_t classes)
{
    const int64_t blocks = (classes + MOST - 1) / MOST;
    return (classes + blocks - 1) / blocks;
}

/* `rows` of W, from `first` on, times eight columns whose numbers stand abreast in h. */
KERNEL void abreast_kernel(const stretch *s, const lanes *h, double *Z, int rows)
{
    lanes sum[MOST] = {{0}};
    const ufm_thin *w = s->w;
    for (int64_t j = 0; j < w->cols; j++) {
        const double *column = w->data + s->first + j * w->rows;
        const lanes a = h[j];
#pragma GCC unroll 8
        for (int k = 0; k < rows; k++) sum[k] += column[k] * a;
    }
#pragma GCC unroll 8
    for (int k = 0; k < rows; k++) {
        lanes *const z = (lanes *)(Z + (s->first + k) * s->z.row);
        *z = s->add ? (lanes)(*z + sum[k]) : sum[k];
    }
}

/* For Z transposed and few dimensions: turning eight columns of H costs less than turning Z and leaves no row
 * of a register idle. */
WIDE static void multiply_abreast(const ufm_thin *w, ufm_matrix H, bool add, ufm_matrix Z)
{
    const int64_t d = w->cols, K = w->rows, each = block_of(K);
    lanes h[ABREAST];
    for (int64_t i = 0; i < H.cols; i += LANES) {
        for (int64_t j = 0; j < d; j += LANES) {
#pragma GCC unroll 8
            for (int c = 0; c < LANES; c++)
                h[j + c] = load(H.data + (i + c < H.cols ? i + c : i) * d + j, false, mask_of(d - j));
            lanes_turn(h + j);
        }
        for (int64_t first = 0; first < K; first += each) {
            const stretch s = {.w = w, .first = first, .add = add, .z = steps_of(Z)};
            const int rows = (int)(K - first < each ? K - first : each);
#define CALL(m) abreast_kernel(&s, h, Z.data + i, m)
            KNOWN(rows, CALL)
#undef CALL
        }
    }
}

/* Sixteen rows of a stretch stay in the first-level cache for all columns. */
enum { STRETCH = 128 };

WIDE static void multiply_wide(const ufm_thin *w, ufm_matrix H, bool add, ufm_matrix Z)
{
    const int64_t d = w->cols, n = H.cols;
    const int64_t few = d > ABREAST ? FEW : 0; /* else sums across lanes cost more */
    if (Z.transposed && d <= ABREAST && w->rows % LANES != 0) {
        multiply_abreast(w, H, add, Z);
        return;
    }
    for (int64_t from = 0; from < d; from += STRETCH)
        for (int64_t first = 0; first < w->rows;) {
            const int64_t left = w->rows - first, to = d - from < STRETCH ? d : from + STRETCH;
            const stretch s = {w, first, from, to, add || from > 0, Z.transposed, steps_of(Z)};
            if (left <= few) {
                if (left == 1) multiply_columns(&s, n, H.data, Z.data, 0, 1);
                if (left == 2) multiply_columns(&s, n, H.data, Z.data, 0, 2);
                if (left == 3) multiply_columns(&s, n, H.data, Z.data, 0, 3);
                first += left;
            } else if (left <= LANES + few) {
                multiply_columns(&s, n, H.data, Z.data, 1, 0);
                first += LANES;
            } else {
                multiply_columns(&s, n, H.data, Z.data, 2, 0);
                first += 2 * LANES;
            }
        }
}

/* out = ridge H + W^T G, and the sums of squares of H. */
typedef struct {
    const ufm_thin *w;
    const double *G;
    steps g;
    double ridge;
    const double *H;
    double *out;
    bool past; /* out is written without reading what is there */
    lanes squares[4];
} back_product;

/* `registers` of rows of out, from j on, or the rows of `mask` of one, for `count` columns from i on. */
KERNEL void back_kernel(back_product *p, int64_t i, int64_t j, int registers, int count, __mmask8 mask)
{
    lanes sum[4][MOST];
    const int64_t d = p->w->cols, K = p->w->rows;
    const bool full = registers > 1;
    const double *const H = p->H + i * d + j, *const G = p->G + i * p->g.column;
    double *const out = p->out + i * d + j;
#pragma GCC unroll 8
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            const lanes h = load(H + c * d + r * LANES, full, mask);
            p->squares[r] += h * h;
            sum[r][c] = p->ridge * h;
        }
    for (int64_t k = 0; k < K; k++) {
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            const lanes a = load(p->w->turned + k * d + j + r * LANES, full, mask);
#pragma GCC unroll 8
            for (int c = 0; c < count; c++) sum[r][c] += a * G[k * p->g.row + c * p->g.column];
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            double *const to = out + c * d + r * LANES;
            if (p->past) {
                _mm512_stream_pd(to, (__m512d)sum[r][c]);
            } else {
                store(to, sum[r][c], full, mask);
            }
        }
}

/* `registers` of rows of out, for n columns. */
KERNEL void back_rows(back_product *p, int64_t n, int64_t j, int registers, __mmask8 mask)
{
    const int most = registers > 1 ? MOST / 2 : MOST; /* all registers there are */
    int64_t i = 0;
    for (; i + most <= n; i += most) back_kernel(p, i, j, registers, most, mask);
    for (; i < n; i++) back_kernel(p, i, j, registers, 1, mask);
}

KERNEL double total(const lanes squares[4])
{
    return _mm512_reduce_add_pd((__m512d)(squares[0] + squares[1] + squares[2] + squares[3]));
}

KERNEL void back_all(back_product *p, int64_t n)
{
    const int64_t d = p->w->cols;
    int64_t j = 0;
    for (; j + 4 * LANES <= d; j += 4 * LANES) back_rows(p, n, j, 4, 0xff);
    for (; j < d; j += LANES) back_rows(p, n, j, 1, mask_of(d - j));
}

WIDE static double back_wide(back_product p, int64_t n)
{
    if (p.past && p.w->cols % LANES == 0 && (uintptr_t)p.out % sizeof(lanes) == 0) {
        p.past = true;
        back_all(&p, n);
        _mm_sfence();
    } else {
        p.past = false;
        back_all(&p, n);
    }
    return total(p.squares);
}

/* The sum of squares alone, added up in the same order. */
KERNEL void square_rows(lanes *squares, ufm_matrix H, int64_t j, int registers, __mmask8 mask)
{
    for (int64_t i = 0; i < H.cols; i++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            const lanes h = load(H.data + i * H.rows + j + r * LANES, registers > 1, mask);
            squares[r] += h * h;
        }
}
WIDE static double squares_wide(ufm_matrix H)
{
    const int64_t d = H.rows;
    lanes squares[4] = {{0}};
    int64_t j = 0;
    for (; j + 4 * LANES <= d; j += 4 * LANES) square_rows(squares, H, j, 4, 0xff);
    for (; j < d; j += LANES) square_rows(squares, H, j, 1, mask_of(d - j));
    return total(squares);
}

/* A tile: n columns of G (K rows) and of H (d rows). The next tile of H is asked for meanwhile, line after
 * line and evenly, as a core waits for few lines at a time. */
typedef struct {
    int64_t K, d, n;
    const double *G, *H;
    steps g;
    int64_t blocks;     /* of classes */
    const double *next; /* to be asked for */
} tile;

/* `count` columns of H G^T, `registers` of its rows or those of `mask` of one. */
KERNEL void outer_kernel(tile *t, const double *G, const double *H, double *sum_of, int registers, int count,
                         __mmask8 mask)
{
    lanes sum[4][MOST];
    const int64_t d = t->d;
    const bool full = registers > 1;
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) sum[r][k] = load(sum_of + k * d + r * LANES, full, mask);
    const int64_t ask = (registers * LANES + t->blocks - 1) / t->blocks;
    const double *next = t->next;
    for (int64_t i = 0; i < t->n; i++, next += ask) {
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            const double *const h = H + i * d + r * LANES;
            const lanes a = load(h, full, mask);
            if (r * LANES < ask) __builtin_prefetch(next + r * LANES, 0, 2);
#pragma GCC unroll 8
            for (int k = 0; k < count; k++) sum[r][k] += a * G[k * t->g.row + i * t->g.column];
        }
    }
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) store(sum_of + k * d + r * LANES, sum[r][k], full, mask);
    t->next = next;
}

KERNEL void outer_classes(tile *t, int64_t first, double *turned, int count)
{
    const int64_t d = t->d;
    const double *G = t->G + first * t->g.row;
    double *to = turned + first * d;
    int64_t j = 0;
    for (; j + 4 * LANES <= d && count <= 6; j += 4 * LANES)
        outer_kernel(t, G, t->H + j, to + j, 4, count, 0xff);
    for (; j + 3 * LANES <= d; j += 3 * LANES) outer_kernel(t, G, t->H + j, to + j, 3, count, 0xff);
    for (; j + 2 * LANES <= d; j += 2 * LANES) outer_kernel(t, G, t->H + j, to + j, 2, count, 0xff);
    for (; j < d; j += LANES) outer_kernel(t, G, t->H + j, to + j, 1, count, mask_of(d - j));
}

WIDE static void outer_wide(tile *t, double *turned)
{
    const int64_t each = block_of(t->K);
    t->blocks = (t->K + each - 1) / each;
    t->next = t->H + t->n * t->d;
    for (int64_t first = 0; first < t->K; first += each) {
        const int count = (int)(t->K - first < each ? t->K - first : each);
#define CALL(m) outer_classes(t, first, turned, m)
        KNOWN(count, CALL)
#undef CALL
    }
}

#define TRY(call)                                                                                            \
    if (is_wide()) {                                                                                         \
        call;                                                                                                \
        return;                                                                                              \
    }
#else
#define TRY(call)
#endif

void ufm_thin_multiply(const ufm_thin *w, ufm_matrix H, bool add, ufm_matrix Z)
{
    TRY(multiply_wide(w, H, add, Z))
    if (Z.transposed) {
        ufm_gemm(1, ufm_transpose(H), ufm_transpose(whole(w)), add, ufm_transpose(Z));
    } else {
        ufm_gemm(1, whole(w), H, add, Z);
    }
}

double ufm_thin_squares(ufm_matrix H)
{
#ifdef WIDE
    if (is_wide()) return squares_wide(H);
#endif
    return ufm_dot(H.rows * H.cols, H.data, H.data);
}

double ufm_thin_back(const ufm_thin *w, ufm_matrix G, double ridge, ufm_matrix H, bool past, double *out)
{
    (void)past;
#ifdef WIDE
    if (is_wide())
        return back_wide((back_product){w, G.data, steps_of(G), ridge, H.data, out, past, {{0}}}, H.cols);
#endif
    const double squares = ufm_thin_squares(H);
    if (out != H.data) memcpy(out, H.data, (size_t)(w->cols * H.cols) * sizeof(double));
    ufm_gemm(1, ufm_transpose(whole(w)), G, ridge, ufm_view(out, w->cols, H.cols));
    return squares;
}

void ufm_thin_outer(ufm_matrix G, ufm_matrix H, double *turned)
{
    const int64_t K = G.transposed ? G.cols : G.rows;
    TRY(outer_wide(&(tile){.K = K, .d = H.rows, .n = H.cols, .G = G.data, .H = H.data, .g = steps_of(G)},
                   turned))
    ufm_gemm(1, H, ufm_transpose(G), 1, ufm_view(turned, H.rows, K));
}
