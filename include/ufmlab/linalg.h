/* ufmlab: layer 1, linalg: column-major matrices over BLAS and LAPACK, always on one thread of the BLAS.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_LINALG_H
#define UFMLAB_LINALG_H

#include <ufmlab/base.h>

/* A view of a column-major matrix: element (i,j) is data[i + j*stride], unless `transposed`, when the
 * view stands for the transpose of those rows x cols numbers. Views own nothing. */
typedef struct {
    double *data;
    int64_t rows, cols, stride;
    bool transposed;
} ufm_matrix;

/* rows x cols view of contiguous column-major numbers. */
static inline ufm_matrix ufm_view(const double *data, int64_t rows, int64_t cols)
{
    return (ufm_matrix){(double *)(uintptr_t)data, rows, cols, rows, false};
}
/* The transpose of a view. */
static inline ufm_matrix ufm_transpose(ufm_matrix a)
{
    a.transposed = !a.transposed;
    return a;
}
/* Columns begin..begin+count-1 of an untransposed view. */
static inline ufm_matrix ufm_columns(ufm_matrix a, int64_t begin, int64_t count)
{
    a.data += begin * a.stride;
    a.cols = count;
    return a;
}

/* What OPENBLAS_CORETYPE must be for OpenBLAS to take kernels of this processor, where it takes older ones
 * because it does not know it; NULL where it does, or where the variable is set. OpenBLAS reads it when it is
 * loaded, so that only a program that starts anew can set it. */
const char *ufm_blas_kernels(void);
/* OpenBLAS's name for the kernels in use. */
const char *ufm_blas_name(void);
/* C <- alpha A B + beta C (BLAS dgemm); C untransposed. */
void ufm_gemm(double alpha, ufm_matrix a, ufm_matrix b, double beta, ufm_matrix c);
/* Euclidean inner product; norm, without overflow or underflow on the way; y <- y + alpha x;
 * y <- alpha x + beta y; x <- alpha x; out_i <- x_i y_i. */
double ufm_dot(int64_t n, const double *x, const double *y);
double ufm_norm(int64_t n, const double *x);
void ufm_axpy(int64_t n, double alpha, const double *x, double *y);
void ufm_combine(int64_t n, double alpha, const double *x, double beta, double *y);
void ufm_scale(int64_t n, double alpha, double *x);
void ufm_hadamard(int64_t n, const double *x, const double *y, double *out);
/* Frobenius norm of A - B for contiguous arrays of n numbers. NaN if any difference is NaN. */
double ufm_distance(int64_t n, const double *a, const double *b);

/* turned <- A^T for contiguous A (rows x cols). */
void ufm_turn(int64_t rows, int64_t cols, const double *a, double *turned);

/* Products with a thin matrix W (rows x cols, rows small) for one tile of columns after another. `pack` fills
 * the caller's storage of ufm_thin_numbers and borrows it and w. H, out and turned are contiguous; Z and G
 * may be transposed views, whose stride is a multiple of eight: what is behind the last of Z's columns, up to
 * there, is undefined then. */
typedef struct {
    int64_t rows, cols, stride;
    const double *data, *padded, *turned; /* W; with stride for rows; W^T */
} ufm_thin;
int64_t ufm_thin_numbers(int64_t rows, int64_t cols);
ufm_thin ufm_thin_pack(int64_t rows, int64_t cols, const double *w, double *storage);
/* Z <- W H, or Z + W H to `add`. */
void ufm_thin_multiply(const ufm_thin *w, ufm_matrix H, bool add, ufm_matrix Z);
/* |H|^2. */
double ufm_thin_squares(ufm_matrix H);
/* out <- ridge H + W^T G; out may be H. Gives |H|^2 to the same bits. `past`: out is one of so many tiles
 * that the caches will not keep it, and is written past them if it is aligned to 64 bytes and d a multiple of
 * eight. */
double ufm_thin_back(const ufm_thin *w, ufm_matrix G, double ridge, ufm_matrix H, bool past, double *out);
/* turned <- turned + H G^T, cols x rows numbers. */
void ufm_thin_outer(ufm_matrix G, ufm_matrix H, double *turned);

/* UFM_BATCH symmetric positive definite systems of one size at once: number j of system s is
 * [j UFM_BATCH + s] in every array of a batch. */
enum { UFM_BATCH = 8 };
/* The matrices A = ridge I + W^T (diag a - tau a a^T) W with common W (rows x cols), the rest for each
 * system: positive semidefinite diag a - tau a a^T, ridge > 0. */
typedef struct {
    int64_t rows, cols;
    const double *row; /* the rows of W, ufm_batch_stride(cols) numbers each, zeros behind the first cols */
    double ridge;
} ufm_systems;
int64_t ufm_batch_stride(int64_t cols);
/* Numbers in a factor, and in the scratch of ufm_batch_factor. */
int64_t ufm_batch_numbers(int64_t cols);
int64_t ufm_batch_scratch(int64_t rows, int64_t cols);
/* factor <- C, D of A = C D C^T by elimination without pivoting; what rounding leaves of a number of D below
 * the ridge, its least value, counts as the ridge. a: rows, tau: 1 numbers for each system. */
void ufm_batch_factor(const ufm_systems *batch, const double *a, const double *tau, double *scratch,
                      double *factor);
/* x <- A^{-1} x, cols numbers for each system. */
void ufm_batch_solve(int64_t cols, const double *factor, double *x);
/* A batch from `count` <= UFM_BATCH contiguous columns of `rows` numbers, the other systems zero; and back.
 */
void ufm_batch_load(int64_t rows, int64_t count, const double *columns, double *batch);
void ufm_batch_store(int64_t rows, int64_t count, const double *batch, double *columns);

/* x <- exp(x) for each of n numbers, within one unit in the last place, subnormal results and NaN included.
 */
void ufm_exp(int64_t n, double *x);

/* A step s and the change y of a gradient along it, kept in 16 bits a number: the upper and lower half of a
 * word, two's complement, times 2^16 scale[0] and 2^16 scale[1]. Sums are in double precision. */
typedef struct {
    int32_t *words;
    double *scale; /* 2 */
} ufm_vector_pair;
/* out <- x + length direction; out may be x. */
void ufm_step(int64_t n, const double *x, double length, const double *direction, double *out);
/* s <- scale step, y <- scale (change[1] - change[0]), each number within 1/65534 of the largest; y[n]
 * receives what became of the change. Where a number is not finite the vector's scale is NaN. */
void ufm_pair_make(int64_t n, double scale, const double *step, const double *change[2], ufm_vector_pair pair,
                   double *y);
/* Adds s.u, s.v, y.u, y.v to the products. */
void ufm_pair_products(int64_t n, ufm_vector_pair pair, const double *u, const double *v, double products[4]);
/* out <- out + along_s s + along_y y. */
void ufm_pair_add(int64_t n, ufm_vector_pair pair, double along_s, double along_y, double *out);

/* The same in single precision, for products that need few digits. */
typedef struct {
    float *data;
    int64_t rows, cols, stride;
    bool transposed;
} ufm_matrix_single;
static inline ufm_matrix_single ufm_view_single(float *data, int64_t rows, int64_t cols)
{
    return (ufm_matrix_single){data, rows, cols, rows, false};
}
static inline ufm_matrix_single ufm_transpose_single(ufm_matrix_single a)
{
    a.transposed = !a.transposed;
    return a;
}
void ufm_gemm_single(float alpha, ufm_matrix_single a, ufm_matrix_single b, float beta, ufm_matrix_single c);
float ufm_dot_single(int64_t n, const float *x, const float *y);
/* n below 2^31. */

/* Eigenvalues (ascending) of the symmetric n x n matrix A, contiguous; A is replaced by the eigenvectors
 * (columns) when `vectors`, destroyed otherwise (LAPACK dsyevd). UFM_ERROR_NUMERIC when it fails or A has
 * a NaN. */
ufm_status ufm_symmetric_eigen(int64_t n, double *a, bool vectors, double *values);
/* Thin singular value decomposition A = U diag(s) V^T of a contiguous rows x cols matrix, which is
 * destroyed (LAPACK dgesdd). u: rows x r, s: r descending, vt: r x cols with r = min(rows, cols); u and vt
 * may both be NULL. */
ufm_status ufm_svd(ufm_matrix a, double *u, double *s, double *vt);
/* Solves A x = b for symmetric positive definite A (n x n, destroyed); b becomes x (LAPACK dposv). */
ufm_status ufm_solve_spd(int64_t n, double *a, double *b);

/* Smallest eigenvalues of a symmetric operator of size n, product = A v, by implicitly restarted Lanczos
 * (ARPACK): `count` values ascending, and their unit eigenvectors (n x count) unless `vectors` is NULL. count
 * < n. UFM_ERROR_NUMERIC when it does not converge. Deterministic. For n <= 3 the operator is assembled and
 * LAPACK answers. */
typedef void ufm_operator(void *context, const double *v, double *product);
ufm_status ufm_lanczos_smallest(int64_t n, ufm_operator *operate, void *context, int64_t count,
                                double *values, double *vectors);

/* Angle between two vectors in radians, 2 atan2(|u-v|, |u+v|) on unit vectors (accurate near 0 and pi,
 * where acos loses half the digits); NaN when one is zero. */
double ufm_angle(int64_t n, const double *u, const double *v);

#endif
