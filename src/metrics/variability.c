/* Variability within tag sets: NC1, its multiplicities, and CDNV. */
#include "internal.h"
#include <float.h>
#include <math.h>

enum { TILE = 256 };

/* Deviations h_i - mu_S of one tile, and the sums over all tiles. */
typedef struct {
    const ufm_metrics_data *data;
    int64_t rank;       /* of the between-class scatter; 0 where NC1 is undefined */
    double *whitening;  /* d x rank: columns u_r/sigma_r of [mu_k - mu_G] */
    double *deviation;  /* d x TILE, each times sqrt(count) */
    double *projection; /* rank x TILE */
    int64_t *level;     /* [TILE] */
    int64_t filled;
    double *scatter;  /* [levels] sum |whitening^T deviation|^2 */
    double *within;   /* [levels] sum count |h_i - mu_S|^2 */
    double *total;    /* [levels] sum count |h_i|^2 */
    double *samples;  /* [levels] */
    double *variance; /* [groups] sum count |h_i - mu_S|^2 */
} scatter_pass;

/* Sigma_B = M M^T/K with M = [mu_k - mu_G] = U diag(sigma) V^T, so that tr(A Sigma_B^+)/K = sum_r u_r^T A
 * u_r/sigma_r^2: no d x d matrix is needed. */
static ufm_status find_whitening(scatter_pass *pass)
{
    const ufm_metrics_data *data = pass->data;
    const int64_t K = data->classes, d = data->dim, r = d < K ? d : K;
    if (!data->singles || !ufm_metrics_finite(d * K, data->centred)) return UFM_OK;
    double *u = ufm_alloc(d * r, sizeof *u), *copy = ufm_alloc(d * K, sizeof *copy);
    double *s = ufm_alloc(r, sizeof *s), *vt = ufm_alloc(r * K, sizeof *vt);
    ufm_status status = u && copy && s && vt ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    for (int64_t i = 0; i < d * K; i++) copy[i] = data->centred[i];
    status = ufm_svd(ufm_view(copy, d, K), u, s, vt);
    if (status != UFM_OK) goto cleanup;
    const int64_t most = d < K - 1 ? d : K - 1;
    const double cut = (double)(d < K ? K : d) * DBL_EPSILON * s[0];
    int64_t rank = 0;
    while (rank < most && s[rank] > cut) rank++;
    for (int64_t c = 0; c < rank; c++)
        for (int64_t j = 0; j < d; j++) u[j + c * d] /= s[c];
    pass->rank = rank;
    pass->whitening = u;
    u = NULL;
cleanup:
    ufm_free(u);
    ufm_free(copy);
    ufm_free(s);
    ufm_free(vt);
    return status;
}

static void pass_clear(scatter_pass *pass)
{
    ufm_free(pass->whitening);
    ufm_free(pass->deviation);
    ufm_free(pass->projection);
    ufm_free(pass->level);
    ufm_free(pass->scatter);
    ufm_free(pass->within);
    ufm_free(pass->total);
    ufm_free(pass->samples);
    ufm_free(pass->variance);
}

static ufm_status pass_new(scatter_pass *pass, const ufm_metrics_data *data, int64_t levels)
{
    *pass = (scatter_pass){.data = data};
    const ufm_status status = find_whitening(pass);
    if (status != UFM_OK) return status;
    pass->deviation = ufm_alloc(data->dim * TILE, sizeof *pass->deviation);
    pass->projection = ufm_alloc(pass->rank * TILE, sizeof *pass->projection);
    pass->level = ufm_alloc(TILE, sizeof *pass->level);
    pass->scatter = ufm_alloc(levels, sizeof *pass->scatter);
    pass->within = ufm_alloc(levels, sizeof *pass->within);
    pass->total = ufm_alloc(levels, sizeof *pass->total);
    pass->samples = ufm_alloc(levels, sizeof *pass->samples);
    pass->variance = ufm_alloc(data->groups, sizeof *pass->variance);
    const bool complete = pass->deviation && pass->projection && pass->level && pass->scatter &&
                          pass->within && pass->total && pass->samples && pass->variance;
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}

/* Adds the tile's whitened deviations to the scatter of their levels. */
static void flush(scatter_pass *pass)
{
    const int64_t d = pass->data->dim, rank = pass->rank;
    if (rank > 0 && pass->filled > 0)
        ufm_gemm(1, ufm_transpose(ufm_view(pass->whitening, d, rank)),
                 ufm_view(pass->deviation, d, pass->filled), 0,
                 ufm_view(pass->projection, rank, pass->filled));
    for (int64_t c = 0; c < pass->filled; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rank; r++)
            sum += pass->projection[r + c * rank] * pass->projection[r + c * rank];
        pass->scatter[pass->level[c]] += sum;
    }
    pass->filled = 0;
}

static void add_column(scatter_pass *pass, int64_t column)
{
    const ufm_metrics_data *data = pass->data;
    const int64_t d = data->dim, g = data->group[column], l = data->level[g];
    const double count = (double)ufm_labels_count(data->labels, column), root = sqrt(count);
    double *deviation = pass->deviation + pass->filled * d;
    ufm_metrics_feature(data, column, deviation);
    double within = 0, total = 0;
    for (int64_t j = 0; j < d; j++) {
        total += deviation[j] * deviation[j];
        deviation[j] -= data->mean[j + g * d];
        within += deviation[j] * deviation[j];
        deviation[j] *= root;
    }
    pass->samples[l] += count;
    pass->total[l] += count * total;
    pass->within[l] += count * within;
    pass->variance[g] += count * within;
    pass->level[pass->filled] = l;
    if (within == 0) return; /* contributes nothing; a NaN does */
    if (++pass->filled == TILE) flush(pass);
}

/* Mean over k != l of (var_k + var_l)/(2 |mu_k - mu_l|^2). */
static double class_distance_variance(const scatter_pass *pass)
{
    const ufm_metrics_data *data = pass->data;
    const int64_t K = data->classes, d = data->dim;
    double sum = 0;
    for (int64_t k = 0; k < K; k++) {
        const int64_t g = data->single[k];
        const double of_k = pass->variance[g] / data->weight[g];
        for (int64_t l = 0; l < k; l++) {
            const double of_l = pass->variance[data->single[l]] / data->weight[data->single[l]];
            double square = 0;
            for (int64_t j = 0; j < d; j++) {
                const double difference = data->class_mean[j + k * d] - data->class_mean[j + l * d];
                square += difference * difference;
            }
            sum += (of_k + of_l) / (2 * square);
        }
    }
    return sum / ((double)K * (double)(K - 1) / 2);
}

ufm_status ufm_metrics_variability(const ufm_metrics_data *data, ufm_metrics *metrics)
{
    scatter_pass pass;
    const ufm_status status = pass_new(&pass, data, metrics->levels);
    if (status != UFM_OK) goto cleanup;
    for (int64_t i = 0; i < data->labels->columns; i++) add_column(&pass, i);
    flush(&pass);
    for (int64_t l = 0; l < metrics->levels; l++) {
        metrics->level[l].within = sqrt(pass.within[l] / pass.total[l]);
        if (pass.rank > 0) metrics->level[l].nc1 = pass.scatter[l] / pass.samples[l];
    }
    if (data->singles) {
        metrics->nc1 = metrics->level[0].nc1;
        metrics->cdnv = class_distance_variance(&pass);
    }
cleanup:
    pass_clear(&pass);
    return status;
}
