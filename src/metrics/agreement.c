/* NC4: does the classifier decide like the nearest class mean? */
#include "internal.h"
#include <math.h>

enum { TILE = 256 };

typedef struct {
    const ufm_metrics_data *data;
    double *feature;  /* d x TILE */
    double *logits;   /* K x TILE */
    double *nearness; /* K x TILE: 2 <mu_k - mu_G, h - mu_G> - |mu_k - mu_G|^2, largest at the nearest mean */
    double *square;   /* [K] |mu_k - mu_G|^2 */
    double *count;    /* [TILE] */
    int64_t filled;
    double different, samples;
} agreement_pass;

static int64_t argmax(int64_t n, const double *x)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static void flush(agreement_pass *pass)
{
    const ufm_metrics_data *data = pass->data;
    const int64_t K = data->classes, d = data->dim, n = pass->filled;
    const ufm_matrix features = ufm_view(pass->feature, d, n);
    ufm_gemm(1, ufm_view(data->W, K, d), features, 0, ufm_view(pass->logits, K, n));
    for (int64_t c = 0; c < n; c++)
        for (int64_t j = 0; j < d; j++) pass->feature[j + c * d] -= data->global[j];
    ufm_gemm(2, ufm_transpose(ufm_view(data->centred, d, K)), features, 0, ufm_view(pass->nearness, K, n));
    for (int64_t c = 0; c < n; c++) {
        double *logits = pass->logits + c * K, *nearness = pass->nearness + c * K;
        for (int64_t k = 0; k < K; k++) {
            logits[k] += data->bias[k];
            nearness[k] -= pass->square[k];
        }
        if (!ufm_metrics_finite(K, logits) || !ufm_metrics_finite(K, nearness))
            pass->different = NAN;
        else if (argmax(K, logits) != argmax(K, nearness))
            pass->different += pass->count[c];
        pass->samples += pass->count[c];
    }
    pass->filled = 0;
}

static void add_column(agreement_pass *pass, int64_t column)
{
    ufm_metrics_feature(pass->data, column, pass->feature + pass->filled * pass->data->dim);
    pass->count[pass->filled] = (double)ufm_labels_count(pass->data->labels, column);
    if (++pass->filled == TILE) flush(pass);
}

static bool all_zero(int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

ufm_status ufm_metrics_agreement(const ufm_metrics_data *data, ufm_metrics *metrics)
{
    const int64_t K = data->classes, d = data->dim;
    /* Where all means, or all scores, are one, neither side decides anything. */
    if (!data->singles || all_zero(d * K, data->centred) || all_zero(d * K, data->W)) return UFM_OK;
    agreement_pass pass = {.data = data,
                           .feature = ufm_alloc(d * TILE, sizeof(double)),
                           .logits = ufm_alloc(K * TILE, sizeof(double)),
                           .nearness = ufm_alloc(K * TILE, sizeof(double)),
                           .square = ufm_alloc(K, sizeof(double)),
                           .count = ufm_alloc(TILE, sizeof(double))};
    const bool complete = pass.feature && pass.logits && pass.nearness && pass.square && pass.count;
    if (complete) {
        for (int64_t k = 0; k < K; k++)
            pass.square[k] = ufm_dot(d, data->centred + k * d, data->centred + k * d);
        for (int64_t i = 0; i < data->labels->columns; i++)
            if (ufm_labels_multiplicity(data->labels, i) == 1) add_column(&pass, i);
        if (pass.filled > 0) flush(&pass);
        metrics->nc4 = pass.different / pass.samples;
    }
    ufm_free(pass.feature);
    ufm_free(pass.logits);
    ufm_free(pass.nearness);
    ufm_free(pass.square);
    ufm_free(pass.count);
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}
