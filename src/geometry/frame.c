/* W against the simplex ETF: Gram matrix, norms, angles, and which classes vanish or merge. */
#include "internal.h"
#include <math.h>
#include <ufmlab/linalg.h>

static const double degrees = 180 / 3.14159265358979323846;

void ufm_frame_free(ufm_frame *frame)
{
    if (!frame) return;
    ufm_free(frame->class_deviation);
    ufm_free(frame->eigenvalue);
    ufm_free(frame->norm);
    ufm_free(frame->mean_norm);
    ufm_free(frame->cosine);
    ufm_free(frame->group);
    ufm_free(frame);
}

int64_t ufm_frame_group_size(const ufm_frame *frame, int64_t k)
{
    int64_t members = 0;
    for (int64_t l = k; l < frame->classes; l++) members += frame->group[l] == k;
    return members;
}

static ufm_frame *frame_new(int64_t classes)
{
    ufm_frame *frame = ufm_alloc(1, sizeof *frame);
    if (!frame) return NULL;
    const ufm_angles none = {0, NAN, NAN, NAN, NAN};
    *frame = (ufm_frame){.classes = classes,
                         .deviation = NAN,
                         .etf_angle = degrees * acos(-1 / (double)(classes - 1)),
                         .rows = none,
                         .means = none,
                         .class_deviation = ufm_alloc(classes, sizeof(double)),
                         .eigenvalue = ufm_alloc(classes, sizeof(double)),
                         .norm = ufm_alloc(classes, sizeof(double)),
                         .mean_norm = ufm_alloc(classes, sizeof(double)),
                         .cosine = ufm_alloc(classes * classes, sizeof(double)),
                         .group = ufm_alloc(classes, sizeof(int64_t))};
    if (frame->class_deviation && frame->eigenvalue && frame->norm && frame->mean_norm && frame->cosine &&
        frame->group)
        return frame;
    ufm_frame_free(frame);
    return NULL;
}

/* Rows of <W W^T> - E; all NaN for W = 0. `gram` holds W W^T. */
static void deviate(const double *gram, ufm_frame *frame)
{
    const int64_t K = frame->classes;
    const double size = ufm_norm(K * K, gram), root = sqrt((double)(K - 1));
    double total = 0;
    for (int64_t k = 0; k < K; k++) {
        double sum = 0;
        for (int64_t l = 0; l < K; l++) {
            const double off = gram[k + l * K] / size - ((k == l) - 1 / (double)K) / root;
            sum += off * off;
        }
        frame->class_deviation[k] = frame->collapsed ? NAN : sqrt(sum);
        total += sum;
    }
    frame->deviation = frame->collapsed ? NAN : sqrt(total);
}

static ufm_status decompose(double *gram, ufm_frame *frame)
{
    const int64_t K = frame->classes;
    const ufm_status status = ufm_symmetric_eigen(K, gram, false, frame->eigenvalue);
    for (int64_t k = 0; k < K / 2; k++) {
        const double swap = frame->eigenvalue[k];
        frame->eigenvalue[k] = frame->eigenvalue[K - 1 - k];
        frame->eigenvalue[K - 1 - k] = swap;
    }
    return status;
}

/* Over the pairs of vectors that are not NULL. */
static ufm_status measure_angles(const geometry_data *data, const double *const *vector,
                                 const ufm_geometry_settings *settings, double expected, ufm_angles *result)
{
    ufm_angles angles = {0, INFINITY, 0, 0, 0};
    for (int64_t k = 0; k < data->classes; k++) {
        if (!geometry_progress(settings, (double)k / (double)data->classes, "measuring angles"))
            return UFM_ERROR_CANCELLED;
        for (int64_t l = 0; l < k; l++) {
            if (!vector[k] || !vector[l]) continue;
            const double angle = degrees * ufm_angle(data->dim, vector[k], vector[l]);
            angles.pairs++;
            angles.mean += angle;
            angles.least = fmin(angles.least, angle);
            angles.most = fmax(angles.most, angle);
            angles.off = fmax(angles.off, fabs(angle - expected));
        }
    }
    if (angles.pairs == 0) return UFM_OK;
    angles.mean /= (double)angles.pairs;
    *result = angles;
    return UFM_OK;
}

/* Joins the groups of classes with equal rows; the least class names a group. */
static void find_groups(const geometry_data *data, double tolerance, ufm_frame *frame)
{
    const int64_t K = frame->classes, d = data->dim;
    double largest = 0;
    for (int64_t k = 0; k < K; k++) largest = fmax(largest, frame->norm[k]);
    for (int64_t k = 0; k < K; k++) {
        const bool vanishes = frame->collapsed || frame->norm[k] <= tolerance * largest;
        frame->group[k] = vanishes ? -1 : k;
        frame->vanished += vanishes;
        for (int64_t l = 0; l < k && !vanishes; l++) {
            const int64_t from = frame->group[k], into = frame->group[l];
            if (into < 0 || into == from) continue;
            const double apart = ufm_distance(d, data->row + k * d, data->row + l * d);
            if (!(apart <= tolerance * fmax(frame->norm[k], frame->norm[l]))) continue;
            for (int64_t j = 0; j <= k; j++)
                if (frame->group[j] == (from > into ? from : into))
                    frame->group[j] = from < into ? from : into;
        }
    }
    for (int64_t k = 0; k < K; k++) frame->merged += ufm_frame_group_size(frame, k) > 1;
}

static ufm_status measure(const geometry_data *data, const ufm_geometry_settings *settings, double *gram,
                          ufm_frame *frame)
{
    const double tolerance = settings->tolerance;
    const int64_t K = frame->classes, d = data->dim;
    const ufm_matrix rows = ufm_view(data->row, d, K);
    const double **vector = ufm_alloc(2 * K, sizeof *vector);
    if (!vector) return UFM_ERROR_MEMORY;
    frame->collapsed = data->collapsed;
    ufm_gemm(1, ufm_transpose(rows), rows, 0, ufm_view(gram, K, K));
    deviate(gram, frame);
    for (int64_t k = 0; k < K; k++) {
        const double *mean = geometry_mean(data, k);
        frame->norm[k] = ufm_norm(d, data->row + k * d);
        frame->mean_norm[k] = mean ? ufm_norm(d, mean) : NAN;
    }
    find_groups(data, tolerance, frame);
    for (int64_t k = 0; k < K; k++) {
        vector[k] = frame->group[k] < 0 ? NULL : data->row + k * d;
        vector[K + k] = frame->mean_norm[k] > data->least && !data->collapsed ? geometry_mean(data, k) : NULL;
        for (int64_t l = 0; l < K; l++)
            frame->cosine[k + l * K] = frame->group[k] < 0 || frame->group[l] < 0
                                           ? NAN
                                           : gram[k + l * K] / (frame->norm[k] * frame->norm[l]);
    }
    ufm_status status = measure_angles(data, vector, settings, frame->etf_angle, &frame->rows);
    if (status == UFM_OK)
        status = measure_angles(data, vector + K, settings, frame->etf_angle, &frame->means);
    ufm_free(vector);
    return status == UFM_OK ? decompose(gram, frame) : status;
}

ufm_status ufm_frame_compute(const ufm_point *point, const ufm_labels *labels,
                             const ufm_geometry_settings *settings, ufm_frame **frame, ufm_error *error)
{
    geometry_data data;
    *frame = NULL;
    ufm_status status = geometry_data_new(point, labels, settings, &data, error);
    if (status != UFM_OK) return status;
    const int64_t K = data.classes;
    ufm_frame *result = frame_new(K);
    double *gram = ufm_alloc(K * K, sizeof *gram);
    status = result && gram ? measure(&data, settings, gram, result) : UFM_ERROR_MEMORY;
    ufm_free(gram);
    geometry_data_clear(&data);
    if (status == UFM_OK) {
        *frame = result;
        return UFM_OK;
    }
    ufm_frame_free(result);
    return ufm_fail(error, status, "cannot measure W of %lld classes: %s", (long long)K,
                    ufm_status_text(status));
}
