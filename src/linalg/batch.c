/* Small symmetric systems, one in each lane of a register: all of a batch take the same steps. */
#include "versions.h"
#include <string.h>
#include <ufmlab/linalg.h>

enum { ROWS = 4 /* of a factor at a time */ };

int64_t ufm_batch_stride(int64_t cols)
{
    return (cols + LANES - 1) / LANES * LANES;
}

/* Row j of C, but for its 1, and the inverse of D_j are j + 1 numbers from here on. */
static inline int64_t row_at(int64_t j)
{
    return j * (j + 1) / 2;
}

int64_t ufm_batch_numbers(int64_t cols)
{
    return row_at(cols) * UFM_BATCH;
}

int64_t ufm_batch_scratch(int64_t rows, int64_t cols)
{
    return (rows + cols) * UFM_BATCH;
}

/* out_j = sum_k row_kj w_k for the first n of the columns. */
INLINE void combine(const ufm_systems *batch, int64_t n, const lanes *w, lanes *out)
{
    const int64_t stride = ufm_batch_stride(batch->cols);
    for (int64_t first = 0; first < n; first += LANES) {
        lanes sum[LANES] = {{0}};
        const double *row = batch->row + first;
        for (int64_t k = 0; k < batch->rows; k++, row += stride) {
            const lanes wk = w[k];
#pragma GCC unroll 8
            for (int j = 0; j < LANES; j++) sum[j] += row[j] * wk;
        }
        if (n - first >= LANES) {
#pragma GCC unroll 8
            for (int j = 0; j < LANES; j++) out[first + j] = sum[j];
        } else {
            for (int64_t j = first; j < n; j++) out[j] = sum[j - first];
        }
    }
}

/* The lower triangle of A, by rows. */
INLINE void assemble(const ufm_systems *batch, const lanes *a, const lanes *tau, lanes *scratch, lanes *A)
{
    const int64_t K = batch->rows, r = batch->cols, stride = ufm_batch_stride(r);
    lanes *w = scratch, *q = scratch + K;
    combine(batch, r, a, q);
    for (int64_t j = 0; j < r; j++, A += j) {
        for (int64_t k = 0; k < K; k++) w[k] = a[k] * batch->row[k * stride + j];
        combine(batch, j + 1, w, A);
        const lanes share = *tau * q[j];
        for (int64_t l = 0; l <= j; l++) A[l] -= share * q[l];
        A[j] += batch->ridge;
    }
}

/* Rows first .. first + count - 1: first the products C D, column by column, left of the block on the
 * diagonal. Two columns at a time: `first` is even. */
INLINE void eliminate_left(lanes *A, int64_t first, int count)
{
    lanes *row[ROWS];
    for (int i = 0; i < count; i++) row[i] = A + row_at(first + i);
    for (int64_t l = 0; l < first; l += 2) {
        const lanes *c0 = A + row_at(l), *c1 = A + row_at(l + 1);
        lanes sum[ROWS][2];
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) {
            sum[i][0] = row[i][l];
            sum[i][1] = row[i][l + 1];
        }
        for (int64_t t = 0; t < l; t++) {
            const lanes a0 = c0[t], a1 = c1[t];
#pragma GCC unroll 4
            for (int i = 0; i < count; i++) {
                const lanes v = row[i][t];
                sum[i][0] -= v * a0;
                sum[i][1] -= v * a1;
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) {
            row[i][l] = sum[i][0];
            row[i][l + 1] = sum[i][1] - sum[i][0] * c1[l];
        }
    }
}

/* Then C itself, and the block. */
INLINE void eliminate_block(lanes *A, int64_t first, int count, double ridge)
{
    lanes *row[ROWS], sum[ROWS][ROWS];
    for (int i = 0; i < count; i++) row[i] = A + row_at(first + i);
#pragma GCC unroll 4
    for (int i = 0; i < count; i++)
#pragma GCC unroll 4
        for (int l = 0; l <= i; l++) sum[i][l] = row[i][first + l];
    for (int64_t t = 0; t < first; t++) {
        const lanes inverse = A[row_at(t) + t];
        lanes v[ROWS], c[ROWS];
#pragma GCC unroll 4
        for (int i = 0; i < count; i++) {
            v[i] = row[i][t];
            row[i][t] = c[i] = v[i] * inverse;
#pragma GCC unroll 4
            for (int l = 0; l <= i; l++) sum[i][l] -= v[i] * c[l];
        }
    }
#pragma GCC unroll 4
    for (int j = 0; j < count; j++) {
        for (int s = 0; s < LANES; s++)
            if (!(sum[j][j][s] >= ridge)) sum[j][j][s] = ridge;
        const lanes inverse = 1 / sum[j][j];
        row[j][first + j] = inverse;
#pragma GCC unroll 4
        for (int i = j + 1; i < count; i++) {
            const lanes c = sum[i][j] * inverse;
            row[i][first + j] = c;
#pragma GCC unroll 4
            for (int l = j + 1; l <= i; l++) sum[i][l] -= c * sum[l][j];
        }
    }
}

INLINE void batch_factor_body(const ufm_systems *batch, const double *a, const double *tau, double *scratch,
                              double *factor)
{
    lanes *A = (lanes *)factor;
    assemble(batch, (const lanes *)a, (const lanes *)tau, (lanes *)scratch, A);
    for (int64_t first = 0; first < batch->cols; first += ROWS) {
        const int64_t left = batch->cols - first;
#define BLOCK(n) eliminate_left(A, first, n), eliminate_block(A, first, n, batch->ridge)
        if (left >= 4) {
            BLOCK(4);
        } else if (left == 3) {
            BLOCK(3);
        } else if (left == 2) {
            BLOCK(2);
        } else {
            BLOCK(1);
        }
#undef BLOCK
    }
}
VERSIONS(batch_factor,
         (const ufm_systems *batch, const double *a, const double *tau, double *scratch, double *factor),
         (batch, a, tau, scratch, factor))

INLINE void batch_solve_body(int64_t cols, const double *factor, double *x)
{
    const lanes *row = (const lanes *)factor;
    lanes *v = (lanes *)x;
    for (int64_t j = 0; j < cols; j++, row += j) {
        lanes sum[4] = {v[j]};
        int64_t l = 0;
        for (; l + 4 <= j; l += 4)
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) sum[i] -= row[l + i] * v[l + i];
        for (; l < j; l++) sum[0] -= row[l] * v[l];
        v[j] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    row = (const lanes *)factor;
    for (int64_t j = 0; j < cols; j++) v[j] *= row[row_at(j) + j];
    for (int64_t j = cols - 1; j > 0; j--) {
        const lanes vj = v[j], *c = row + row_at(j);
        for (int64_t l = 0; l < j; l++) v[l] -= c[l] * vj;
    }
}
VERSIONS(batch_solve, (int64_t cols, const double *factor, double *x), (cols, factor, x))

INLINE void batch_load_body(int64_t rows, int64_t count, const double *columns, double *batch)
{
    if (count < LANES) memset(batch, 0, (size_t)(rows * LANES) * sizeof(double));
    for (int64_t s = 0; s < count; s++)
        for (int64_t j = 0; j < rows; j++) batch[j * LANES + s] = columns[s * rows + j];
}
VERSIONS(batch_load, (int64_t rows, int64_t count, const double *columns, double *batch),
         (rows, count, columns, batch))

INLINE void batch_store_body(int64_t rows, int64_t count, const double *batch, double *columns)
{
    for (int64_t s = 0; s < count; s++)
        for (int64_t j = 0; j < rows; j++) columns[s * rows + j] = batch[j * LANES + s];
}
VERSIONS(batch_store, (int64_t rows, int64_t count, const double *batch, double *columns),
         (rows, count, batch, columns))
