/* Distance from the simplex equiangular tight frame, equal norms and equal angles. */
#include "internal.h"
#include <math.h>

/* |<A> - E|_F for a K x K matrix. */
static double deviation_from_etf(int64_t K, const double *a)
{
    double square = 0, sum = 0;
    for (int64_t i = 0; i < K * K; i++) square += a[i] * a[i];
    if (!(square > 0)) return NAN;
    const double norm = sqrt(square), root = sqrt((double)(K - 1));
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = 0; k < K; k++) {
            const double expected = ((k == l ? 1.0 : 0.0) - 1 / (double)K) / root;
            const double difference = a[k + l * K] / norm - expected;
            sum += difference * difference;
        }
    return sqrt(sum);
}

/* A A^T for K x d rows, times a power of two that keeps it in range. */
static ufm_status gram_of_rows(const double *rows, int64_t classes, int64_t dim, double *gram)
{
    const int64_t numbers = classes * dim;
    double *scaled = ufm_alloc(numbers, sizeof *scaled);
    if (!scaled) return UFM_ERROR_MEMORY;
    const double unit = ldexp(1, -ufm_metrics_unit(numbers, rows));
    for (int64_t i = 0; i < numbers; i++) scaled[i] = unit * rows[i];
    const ufm_matrix view = ufm_view(scaled, classes, dim);
    ufm_gemm(1, view, ufm_transpose(view), 0, ufm_view(gram, classes, classes));
    ufm_free(scaled);
    return UFM_OK;
}

ufm_status ufm_etf_deviation(const double *rows, int64_t classes, int64_t dim, double *deviation)
{
    if (!rows || classes < 2 || dim < 1) return UFM_ERROR_USAGE;
    double *gram = ufm_alloc(classes * classes, sizeof *gram);
    const ufm_status status = gram ? gram_of_rows(rows, classes, dim, gram) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) *deviation = deviation_from_etf(classes, gram);
    ufm_free(gram);
    return status;
}

static double norm_of(int64_t n, const double *x)
{
    double square = 0;
    for (int64_t i = 0; i < n; i++) square += x[i] * x[i];
    return square > 0 ? sqrt(square) : NAN;
}

ufm_status ufm_gram_distance(const double *A, int64_t a, const double *B, int64_t b, int64_t classes,
                             double *distance)
{
    if (!A || !B || classes < 1 || a < 1 || b < 1) return UFM_ERROR_USAGE;
    const int64_t n = classes * classes;
    double *first = ufm_alloc(n, sizeof *first), *second = ufm_alloc(n, sizeof *second), square = 0;
    ufm_status status = first && second ? gram_of_rows(A, classes, a, first) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = gram_of_rows(B, classes, b, second);
    if (status == UFM_OK) {
        const double u = norm_of(n, first), v = norm_of(n, second);
        for (int64_t i = 0; i < n; i++) square += pow(first[i] / u - second[i] / v, 2);
        *distance = sqrt(square);
    }
    ufm_free(first);
    ufm_free(second);
    return status;
}

/* Of the diagonal of a K x K matrix. */
static void diagonal_spread(int64_t K, const double *a, double *mean, double *deviation)
{
    double sum = 0, square = 0;
    for (int64_t k = 0; k < K; k++) sum += a[k + k * K];
    *mean = sum / (double)K;
    for (int64_t k = 0; k < K; k++) square += (a[k + k * K] - *mean) * (a[k + k * K] - *mean);
    *deviation = sqrt(square / (double)K);
}

/* Of the part of a K x K matrix below its diagonal. */
static void triangle_spread(int64_t K, const double *a, double *deviation)
{
    const double pairs = (double)K * (double)(K - 1) / 2;
    double sum = 0, square = 0;
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = l + 1; k < K; k++) sum += a[k + l * K];
    const double mean = sum / pairs;
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = l + 1; k < K; k++) square += (a[k + l * K] - mean) * (a[k + l * K] - mean);
    *deviation = sqrt(square / pairs);
}

/* Coefficient of variation of the K norms, standard deviation of the K(K-1)/2 cosines. Overwrites the Gram
 * matrix. */
static void equality(int64_t K, double *gram, double *norms, double *angles)
{
    for (int64_t k = 0; k < K; k++) gram[k + k * K] = sqrt(gram[k + k * K]);
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = l + 1; k < K; k++) gram[k + l * K] /= gram[k + k * K] * gram[l + l * K];
    double mean, deviation;
    diagonal_spread(K, gram, &mean, &deviation);
    *norms = deviation / mean;
    triangle_spread(K, gram, angles);
}

ufm_status ufm_metrics_geometry(const ufm_metrics_data *data, ufm_metrics *metrics)
{
    const int64_t K = data->classes, d = data->dim;
    double *gram = ufm_alloc(K * K, sizeof *gram);
    if (!gram) return UFM_ERROR_MEMORY;
    const ufm_matrix result = ufm_view(gram, K, K), W = ufm_view(data->W, K, d);
    ufm_gemm(1, W, ufm_transpose(W), 0, result);
    metrics->nc2 = deviation_from_etf(K, gram);
    equality(K, gram, &metrics->equinorm_w, &metrics->equiangle_w);
    if (data->singles) {
        const ufm_matrix centred = ufm_view(data->centred, d, K);
        ufm_gemm(1, ufm_transpose(centred), centred, 0, result);
        metrics->nc2_features = deviation_from_etf(K, gram);
        equality(K, gram, &metrics->equinorm_features, &metrics->equiangle_features);
        ufm_gemm(1, W, centred, 0, result);
        metrics->nc3 = deviation_from_etf(K, gram);
    }
    ufm_free(gram);
    return UFM_OK;
}
