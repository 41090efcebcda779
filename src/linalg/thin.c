/* Products with a thin matrix W (K x d, K small) for one tile of columns in cache. A BLAS packs both factors
 * before it multiplies, which costs as much as the product when one of them is this thin; here W is packed
 * once for all tiles. The kernels need 32 wide registers; without them the BLAS does the same. */
#include "versions.h"
#include <string.h>
#include <ufmlab/linalg.h>

enum { MOST = 8 /* columns or classes at a time */ };

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
        for (int64_t k = 0; k < rows; k++) turned[j + k * cols] = w[k + j * rows];
    }
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

/* The first n numbers of v. */
KERNEL void store(double *to, const lanes *v, int64_t n)
{
    if (n >= LANES) {
        *(lanes *)to = *v;
    } else {
        memcpy(to, v, (size_t)n * sizeof(double));
    }
}

/* Rows first.. of two registers (or one) times `count` columns of H. */
KERNEL void multiply_kernel(const ufm_thin *w, int64_t first, const double *H, double *Z, int registers,
                            int count)
{
    lanes sum[2][MOST] = {{{0}}};
    const int64_t d = w->cols;
    for (int64_t j = 0; j < d; j++) {
        const double *column = w->padded + first + j * w->stride;
        const lanes a = *(const lanes *)column;
        const lanes b = registers == 2 ? *(const lanes *)(column + LANES) : a;
#pragma GCC unroll 8
        for (int c = 0; c < count; c++) {
            const double h = H[j + c * d];
            sum[0][c] += a * h;
            if (registers == 2) sum[1][c] += b * h;
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < count; c++) {
        double *z = Z + first + c * w->rows;
        store(z, &sum[0][c], w->rows - first);
        if (registers == 2) store(z + LANES, &sum[1][c], w->rows - first - LANES);
    }
}

WIDE static void multiply_wide(const ufm_thin *w, int64_t n, const double *H, double *Z)
{
    for (int64_t i = 0; i < n; i += MOST) {
        const int count = n - i < MOST ? (int)(n - i) : MOST;
        const double *h = H + i * w->cols;
        double *z = Z + i * w->rows;
        for (int64_t first = 0; first < w->rows; first += 2 * LANES) {
            if (w->rows - first > LANES) {
#define CALL(m) multiply_kernel(w, first, h, z, 2, m)
                KNOWN(count, CALL)
#undef CALL
            } else {
#define CALL(m) multiply_kernel(w, first, h, z, 1, m)
                KNOWN(count, CALL)
#undef CALL
            }
        }
    }
}

/* `registers` of rows of out for four columns or one: ridge H + W^T G. */
KERNEL void back_kernel(const ufm_thin *w, const double *G, double ridge, const double *H, double *out,
                        int registers, int count)
{
    lanes sum[4][4];
    const int64_t d = w->cols, K = w->rows;
#pragma GCC unroll 4
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) sum[r][c] = ridge * *(const lanes *)(H + c * d + r * LANES);
    for (int64_t k = 0; k < K; k++) {
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            const lanes a = *(const lanes *)(w->turned + k * d + r * LANES);
#pragma GCC unroll 4
            for (int c = 0; c < count; c++) sum[r][c] += a * G[k + c * K];
        }
    }
#pragma GCC unroll 4
    for (int c = 0; c < count; c++)
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) *(lanes *)(out + c * d + r * LANES) = sum[r][c];
}

/* `count` columns, all rows. */
KERNEL void back_columns(const ufm_thin *w, const double *G, double ridge, const double *H, double *out,
                         int count)
{
    const int64_t d = w->cols, K = w->rows;
    int64_t j = 0;
    for (; j + 4 * LANES <= d; j += 4 * LANES) {
        const ufm_thin below = {K, d, w->stride, w->data, w->padded, w->turned + j};
        back_kernel(&below, G, ridge, H + j, out + j, 4, count);
    }
    for (; j + LANES <= d; j += LANES) {
        const ufm_thin below = {K, d, w->stride, w->data, w->padded, w->turned + j};
        back_kernel(&below, G, ridge, H + j, out + j, 1, count);
    }
    for (; j < d; j++)
        for (int c = 0; c < count; c++) {
            double sum = ridge * H[j + c * d];
            for (int64_t k = 0; k < K; k++) sum += w->turned[j + k * d] * G[k + c * K];
            out[j + c * d] = sum;
        }
}

WIDE static void back_wide(const ufm_thin *w, int64_t n, const double *G, double ridge, const double *H,
                           double *out)
{
    const int64_t d = w->cols, K = w->rows;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) back_columns(w, G + i * K, ridge, H + i * d, out + i * d, 4);
    for (; i < n; i++) back_columns(w, G + i * K, ridge, H + i * d, out + i * d, 1);
}

/* A tile: n columns of G (K rows) and of H (d rows). */
typedef struct {
    int64_t K, d, n;
    const double *G, *H;
} tile;

/* `count` columns of H G^T, `registers` of its rows. */
KERNEL void outer_kernel(const tile *t, const double *G, const double *H, double *sum_of, int registers,
                         int count)
{
    lanes sum[3][MOST];
    const int64_t d = t->d, K = t->K;
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
#pragma GCC unroll 3
        for (int r = 0; r < registers; r++) sum[r][k] = *(const lanes *)(sum_of + k * d + r * LANES);
    for (int64_t i = 0; i < t->n; i++) {
#pragma GCC unroll 3
        for (int r = 0; r < registers; r++) {
            const lanes a = *(const lanes *)(H + i * d + r * LANES);
#pragma GCC unroll 8
            for (int k = 0; k < count; k++) sum[r][k] += a * G[k + i * K];
        }
    }
#pragma GCC unroll 8
    for (int k = 0; k < count; k++)
#pragma GCC unroll 3
        for (int r = 0; r < registers; r++) *(lanes *)(sum_of + k * d + r * LANES) = sum[r][k];
}

KERNEL void outer_classes(const tile *t, int64_t first, double *turned, int count)
{
    const int64_t d = t->d;
    const double *G = t->G + first;
    double *to = turned + first * d;
    int64_t j = 0;
    for (; j + 3 * LANES <= d; j += 3 * LANES) outer_kernel(t, G, t->H + j, to + j, 3, count);
    for (; j + LANES <= d; j += LANES) outer_kernel(t, G, t->H + j, to + j, 1, count);
    for (; j < d; j++)
        for (int k = 0; k < count; k++)
            for (int64_t i = 0; i < t->n; i++) to[j + k * d] += t->H[j + i * d] * G[k + i * t->K];
}

WIDE static void outer_wide(const tile *t, double *turned)
{
    const int64_t blocks = (t->K + MOST - 1) / MOST, each = (t->K + blocks - 1) / blocks; /* of like size */
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

void ufm_thin_multiply(const ufm_thin *w, ufm_matrix H, double *Z)
{
    TRY(multiply_wide(w, H.cols, H.data, Z))
    ufm_gemm(1, whole(w), H, 0, ufm_view(Z, w->rows, H.cols));
}

void ufm_thin_back(const ufm_thin *w, ufm_matrix G, double ridge, ufm_matrix H, double *out)
{
    TRY(back_wide(w, H.cols, G.data, ridge, H.data, out))
    memcpy(out, H.data, (size_t)(w->cols * H.cols) * sizeof(double));
    ufm_gemm(1, ufm_transpose(whole(w)), G, ridge, ufm_view(out, w->cols, H.cols));
}

void ufm_thin_outer(ufm_matrix G, ufm_matrix H, double *turned)
{
    TRY(outer_wide(&(tile){G.rows, H.rows, H.cols, G.data, H.data}, turned))
    ufm_gemm(1, H, ufm_transpose(G), 1, ufm_view(turned, H.rows, G.rows));
}
