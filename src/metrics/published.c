/* The metrics as the published code computes them. */
#include "internal.h"
#include <float.h>
#include <math.h>

typedef struct {
    const ufm_point *point;
    const ufm_labels *labels;
    int64_t classes, dim, singles; /* singles: N_1 */
    int64_t *count;                /* [K] samples of each class alone */
    int64_t *first;                /* [K] the first of them, -1: none */
    double *mean;                  /* d x K: mu_k */
    double *reused;                /* d x K: mu_k with its first sample replaced by mu_k */
    double *centred;               /* d x K: mu_k - mu_G as computed there */
} published;

static const double *feature(const published *p, int64_t i)
{
    return p->point->H + i * p->dim;
}

/* Class of a single-label column, or -1. */
static int64_t single_class(const published *p, int64_t i)
{
    const ufm_tag_set set = ufm_labels_set(p->labels, i);
    return set.tags == 1 ? set.tag[0] : -1;
}

static void fill_means(published *p)
{
    const int64_t d = p->dim, K = p->classes;
    for (int64_t k = 0; k < K; k++) p->first[k] = -1;
    for (int64_t i = 0; i < p->labels->columns; i++) {
        const int64_t k = single_class(p, i);
        if (k < 0) continue;
        if (p->first[k] < 0) p->first[k] = i;
        p->count[k]++;
        p->singles++;
        ufm_axpy(d, 1, feature(p, i), p->mean + k * d);
    }
    for (int64_t j = 0; j < d; j++) {
        double global = 0;
        for (int64_t k = 0; k < K; k++) global += p->mean[k * d + j];
        global /= (double)p->labels->samples;
        for (int64_t k = 0; k < K; k++) {
            const double n = (double)p->count[k], mu = p->mean[k * d + j] / n;
            p->mean[k * d + j] = mu;
            p->centred[k * d + j] = mu - global;
            if (p->first[k] >= 0) p->reused[k * d + j] = mu + (mu - feature(p, p->first[k])[j]) / n;
        }
    }
}

/* |<A B^T> - (I - J/K)/sqrt(K-1)|_F for the K x K product. */
static double etf_distance(int64_t K, const double *product)
{
    const double norm = ufm_norm(K * K, product);
    double sum = 0;
    for (int64_t k = 0; k < K; k++)
        for (int64_t l = 0; l < K; l++) {
            const double wanted = ((k == l) - 1.0 / (double)K) / sqrt((double)(K - 1));
            const double off = product[k + l * K] / norm - wanted;
            sum += off * off;
        }
    return sqrt(sum);
}

/* tr(Sigma_W Sigma_B^+)/K: in the eigenvectors q of Sigma_B, sum of q^T Sigma_W q / eigenvalue. */
static ufm_status within_between(const published *p, double *nc1)
{
    const int64_t d = p->dim, K = p->classes;
    double *between = ufm_alloc(d * d, sizeof *between), *values = ufm_alloc(d, sizeof *values);
    double *off = ufm_alloc(d, sizeof *off);
    ufm_status status = between && values && off ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        const ufm_matrix centred = ufm_view(p->centred, d, K);
        ufm_gemm(1 / (double)K, centred, ufm_transpose(centred), 0, ufm_view(between, d, d));
        status = ufm_symmetric_eigen(d, between, true, values);
    }
    double sum = 0;
    const double cut = status == UFM_OK ? (double)d * FLT_EPSILON * fabs(values[d - 1]) : 0;
    for (int64_t i = 0; i < p->labels->columns && status == UFM_OK; i++) {
        const int64_t k = single_class(p, i);
        if (k < 0 || i == p->first[k]) continue;
        for (int64_t j = 0; j < d; j++) off[j] = feature(p, i)[j] - p->mean[k * d + j];
        for (int64_t e = d - 1; e >= 0 && values[e] > cut; e--) {
            const double along = ufm_dot(d, between + e * d, off);
            sum += along * along / values[e];
        }
    }
    *nc1 = sum / (double)p->singles / (double)K;
    ufm_free(between);
    ufm_free(values);
    ufm_free(off);
    return status;
}

/* mu_ij and mu_i + mu_j of the pairs that occur, as columns; their number. */
static ufm_status pair_columns(const published *p, double **means, double **sums, int64_t *pairs)
{
    const int64_t K = p->classes, d = p->dim;
    int64_t *number = ufm_alloc(K * K, sizeof *number), *count = ufm_alloc(K * K, sizeof *count);
    *means = ufm_alloc(d * K * K, sizeof(double));
    *sums = ufm_alloc(d * K * K, sizeof(double));
    *pairs = 0;
    const ufm_status status = number && count && *means && *sums ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < p->labels->columns && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(p->labels, i);
        if (set.tags != 2) continue;
        int64_t *mine = &number[set.tag[0] + set.tag[1] * K];
        if (*mine == 0) {
            *mine = ++*pairs;
            for (int j = 0; j < 2; j++) ufm_axpy(d, 1, p->reused + set.tag[j] * d, *sums + (*mine - 1) * d);
        }
        count[*mine - 1]++;
        ufm_axpy(d, 1, feature(p, i), *means + (*mine - 1) * d);
    }
    for (int64_t q = 0; q < *pairs; q++) ufm_scale(d, 1 / (double)count[q], *means + q * d);
    ufm_free(number);
    ufm_free(count);
    return status;
}

static ufm_status angles(const published *p, ufm_published_metrics *metrics)
{
    const double degrees = 57.295779513082320877;
    double *means = NULL, *sums = NULL, all = 0, matching = 0;
    int64_t pairs;
    const ufm_status status = pair_columns(p, &means, &sums, &pairs);
    for (int64_t q = 0; q < pairs && status == UFM_OK; q++)
        for (int64_t r = 0; r < pairs; r++) {
            const double angle = degrees * ufm_angle(p->dim, means + r * p->dim, sums + q * p->dim);
            all += angle;
            if (q == r) matching += angle;
        }
    if (pairs > 0) {
        metrics->angle_degrees = matching / (double)pairs;
        metrics->ncm = metrics->angle_degrees / (all / ((double)pairs * (double)pairs));
    }
    ufm_free(means);
    ufm_free(sums);
    return status;
}

/* Mean softmax mass of the true tags. */
static double mass(const published *p, double *z)
{
    const int64_t K = p->classes;
    double sum = 0;
    for (int64_t i = 0; i < p->labels->columns; i++) {
        const ufm_tag_set set = ufm_labels_set(p->labels, i);
        double most = -INFINITY, total = 0, inside = 0;
        for (int64_t k = 0; k < K; k++) {
            z[k] = p->point->b[k];
            for (int64_t j = 0; j < p->dim; j++) z[k] += p->point->W[k + j * K] * feature(p, i)[j];
            most = fmax(most, z[k]);
        }
        for (int64_t k = 0; k < K; k++) total += exp(z[k] - most);
        for (int64_t j = 0; j < set.tags; j++) inside += exp(z[set.tag[j]] - most);
        sum += inside / total;
    }
    return sum / (double)p->labels->columns;
}

static ufm_status compute(const published *p, double *gram, ufm_published_metrics *metrics)
{
    const int64_t K = p->classes, d = p->dim;
    const ufm_matrix W = ufm_view(p->point->W, K, d), means = ufm_view(p->mean, d, K),
                     G = ufm_view(gram, K, K);
    ufm_gemm(1, W, ufm_transpose(W), 0, G);
    metrics->nc2_w = etf_distance(K, gram);
    metrics->iou = mass(p, gram);
    for (int64_t k = 0; k < K; k++)
        if (p->count[k] == 0) return UFM_OK; /* the rest needs every class alone */
    ufm_gemm(1, ufm_transpose(means), means, 0, G);
    metrics->nc2_h = etf_distance(K, gram);
    ufm_gemm(1, W, ufm_view(p->centred, d, K), 0, G);
    metrics->nc3 = etf_distance(K, gram);
    const ufm_status status = within_between(p, &metrics->nc1);
    return status == UFM_OK ? angles(p, metrics) : status;
}

ufm_status ufm_metrics_published(const ufm_point *point, const ufm_labels *labels,
                                 ufm_published_metrics *metrics, ufm_error *error)
{
    const int64_t K = point->classes, d = point->dim;
    published p = {.point = point, .labels = labels, .classes = K, .dim = d};
    ufm_published_metrics made = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    ufm_status status = ufm_metrics_check(point, labels, error);
    if (status != UFM_OK) return status;
    double *gram = ufm_alloc(K * K, sizeof *gram);
    p.count = ufm_alloc(K, sizeof *p.count);
    p.first = ufm_alloc(K, sizeof *p.first);
    p.mean = ufm_alloc(d * K, sizeof *p.mean);
    p.reused = ufm_alloc(d * K, sizeof *p.reused);
    p.centred = ufm_alloc(d * K, sizeof *p.centred);
    status = gram && p.count && p.first && p.mean && p.reused && p.centred ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        fill_means(&p);
        status = compute(&p, gram, &made);
    }
    void *arrays[] = {gram, p.count, p.first, p.mean, p.reused, p.centred};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    if (status != UFM_OK)
        return ufm_fail(error, status, "cannot measure the features as published: %s",
                        ufm_status_text(status));
    *metrics = made;
    return UFM_OK;
}
