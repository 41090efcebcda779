#include "rotation.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Relative to the largest: singular values below are directions that the points do not use. */
static const double free_direction = 1e-8;
/* Below this sine a plane turns by (nearly) nothing or by half a turn. */
static const double small_sine = 1e-7;

/* By elimination with pivots; m is destroyed. Safe for an orthogonal matrix. */
static double determinant_sign(double *m, int64_t d)
{
    double sign = 1;
    for (int64_t j = 0; j < d; j++) {
        int64_t pivot = j;
        for (int64_t i = j + 1; i < d; i++)
            if (fabs(m[i + j * d]) > fabs(m[pivot + j * d])) pivot = i;
        if (pivot != j) {
            sign = -sign;
            for (int64_t k = 0; k < d; k++) {
                const double swapped = m[j + k * d];
                m[j + k * d] = m[pivot + k * d];
                m[pivot + k * d] = swapped;
            }
        }
        if (m[j + j * d] < 0) sign = -sign;
        for (int64_t i = j + 1; i < d; i++) {
            const double factor = m[i + j * d] / m[j + j * d];
            for (int64_t k = j; k < d; k++) m[i + k * d] -= factor * m[j + k * d];
        }
    }
    return sign;
}

ufm_status rotation_between(const double *a, const double *b, int64_t rows, int64_t d, double *O,
                            bool *proper)
{
    double *m = ufm_alloc(d * d, sizeof *m), *u = ufm_alloc(d * d, sizeof *u);
    double *vt = ufm_alloc(d * d, sizeof *vt), *sigma = ufm_alloc(d, sizeof *sigma);
    ufm_status status = m && u && vt && sigma ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    const ufm_matrix M = ufm_view(m, d, d), U = ufm_view(u, d, d), Vt = ufm_view(vt, d, d);
    ufm_gemm(1, ufm_transpose(ufm_view(a, rows, d)), ufm_view(b, rows, d), 0, M);
    status = ufm_svd(M, u, sigma, vt);
    if (status != UFM_OK) goto cleanup;
    ufm_gemm(1, U, Vt, 0, M);
    *proper = determinant_sign(m, d) > 0;
    if (!*proper && sigma[d - 1] <= free_direction * sigma[0]) {
        ufm_scale(d, -1, u + (d - 1) * d);
        *proper = true;
    }
    ufm_gemm(1, U, Vt, 0, ufm_view(O, d, d));
cleanup:
    ufm_free(m);
    ufm_free(u);
    ufm_free(vt);
    ufm_free(sigma);
    return status;
}

/* A half turn leaves no trace in A: its planes are paired from the eigenvectors of S for -1. The rows of Q^T
 * A become unit vectors there, and the angle pi marks them. */
static void pair_half_turns(geodesic *way)
{
    const int64_t d = way->d;
    int64_t first = -1;
    for (int64_t j = 0; j < d; j++) {
        if (way->angle[j] != M_PI) continue;
        if (first < 0) {
            first = j;
            continue;
        }
        for (int64_t i = 0; i < d; i++) {
            way->QtA[first + i * d] = way->Q[i + j * d];
            way->QtA[j + i * d] = -way->Q[i + first * d];
        }
        first = -1;
    }
}

static ufm_status decompose(const double *O, geodesic *way)
{
    const int64_t d = way->d;
    double *A = ufm_alloc(d * d, sizeof *A), *cosine = ufm_alloc(d, sizeof *cosine);
    ufm_status status = A && cosine ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    for (int64_t j = 0; j < d; j++)
        for (int64_t i = 0; i < d; i++) {
            way->Q[i + j * d] = 0.5 * (O[i + j * d] + O[j + i * d]);
            A[i + j * d] = 0.5 * (O[i + j * d] - O[j + i * d]);
        }
    status = ufm_symmetric_eigen(d, way->Q, true, cosine);
    if (status != UFM_OK) goto cleanup;
    ufm_gemm(1, ufm_transpose(ufm_view(way->Q, d, d)), ufm_view(A, d, d), 0, ufm_view(way->QtA, d, d));
    double sum = 0;
    for (int64_t j = 0; j < d; j++) {
        double square = 0;
        for (int64_t i = 0; i < d; i++) square += way->QtA[j + i * d] * way->QtA[j + i * d];
        const double sine = sqrt(square);
        way->angle[j] = sine > small_sine ? atan2(sine, cosine[j]) : cosine[j] > 0 ? 0 : M_PI;
        sum += way->angle[j] * way->angle[j];
    }
    way->length = sqrt(0.5 * sum);
    pair_half_turns(way);
cleanup:
    ufm_free(A);
    ufm_free(cosine);
    return status;
}

ufm_status geodesic_new(const double *O, int64_t d, geodesic **way)
{
    geodesic *made = ufm_alloc(1, sizeof *made);
    if (!made) return UFM_ERROR_MEMORY;
    made->d = d;
    made->Q = ufm_alloc(d * d, sizeof(double));
    made->QtA = ufm_alloc(d * d, sizeof(double));
    made->angle = ufm_alloc(d, sizeof(double));
    const ufm_status status = made->Q && made->QtA && made->angle ? decompose(O, made) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        *way = made;
    } else {
        geodesic_free(made);
    }
    return status;
}

void geodesic_free(geodesic *way)
{
    if (!way) return;
    ufm_free(way->Q);
    ufm_free(way->QtA);
    ufm_free(way->angle);
    ufm_free(way);
}

ufm_status geodesic_at(const geodesic *way, double t, double *R)
{
    const int64_t d = way->d;
    double *rows = ufm_alloc(d * d, sizeof *rows);
    if (!rows) return UFM_ERROR_MEMORY;
    for (int64_t j = 0; j < d; j++) {
        const double angle = way->angle[j];
        const double turn = angle == 0 ? t : angle == M_PI ? sin(t * angle) : sin(t * angle) / sin(angle);
        for (int64_t i = 0; i < d; i++)
            rows[j + i * d] = cos(t * angle) * way->Q[i + j * d] + turn * way->QtA[j + i * d];
    }
    ufm_gemm(1, ufm_view(way->Q, d, d), ufm_view(rows, d, d), 0, ufm_view(R, d, d));
    ufm_free(rows);
    return UFM_OK;
}
