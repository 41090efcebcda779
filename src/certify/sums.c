#include "internal.h"
#include <math.h>
#include <string.h>

void certify_logits(const certify_problem *problem, int64_t first, int64_t count, double *Z)
{
    const ufm_point *p = problem->point;
    for (int64_t i = 0; i < count; i++) memcpy(Z + i * p->classes, p->b, (size_t)p->classes * sizeof(double));
    ufm_gemm(1, ufm_view(p->W, p->classes, p->dim), ufm_view(p->H + first * p->dim, p->dim, count), 1,
             ufm_view(Z, p->classes, count));
}

double certify_weight(const certify_problem *problem, int64_t column)
{
    return (double)ufm_labels_count(problem->labels, column) / (double)problem->labels->samples;
}

typedef struct {
    double *Z, *scaled, *residual; /* K x tile; K x tile: sqrt(c) g; d x tile: W^T g + 2 lambda_h h */
    double *outer, *row_sum, *gradient_W, *feature_gram;
    ufm_sum loss, features, gradient_H;
} partial;

typedef struct {
    const certify_problem *problem;
    partial *parts;
} pass;

static void add_tile(const certify_problem *problem, partial *part, int64_t first, int64_t count)
{
    const ufm_point *p = problem->point;
    const certify_loss *loss = certify_loss_of(problem->objective->loss);
    const int64_t K = p->classes, d = p->dim;
    const double samples = (double)problem->labels->samples;
    certify_logits(problem, first, count, part->Z);
    for (int64_t i = 0; i < count; i++) {
        double *z = part->Z + i * K, *scaled = part->scaled + i * K;
        const double c = (double)ufm_labels_count(problem->labels, first + i), root = sqrt(c);
        ufm_sum_add(&part->loss,
                    c / samples *
                        loss->gradient(problem->objective, ufm_labels_set(problem->labels, first + i), z));
        ufm_scale(K, 1 / samples, z);
        for (int64_t k = 0; k < K; k++) {
            scaled[k] = root * z[k];
            part->row_sum[k] += c * z[k];
        }
    }
    const ufm_matrix H = ufm_view(p->H + first * d, d, count), G = ufm_view(part->Z, K, count);
    const ufm_matrix residual = ufm_view(part->residual, d, count), scaled = ufm_view(part->scaled, K, count);
    memcpy(residual.data, H.data, (size_t)(d * count) * sizeof(double));
    ufm_gemm(1, ufm_transpose(ufm_view(p->W, K, d)), G, 2 * problem->objective->lambda_h, residual);
    ufm_gemm(1, scaled, ufm_transpose(scaled), 1, ufm_view(part->outer, K, K));
    for (int64_t i = 0; i < count; i++) {
        const double c = (double)ufm_labels_count(problem->labels, first + i);
        const double *h = H.data + i * d, *r = residual.data + i * d;
        ufm_sum_add(&part->features, c * ufm_dot(d, h, h));
        ufm_sum_add(&part->gradient_H, c * ufm_dot(d, r, r));
        for (int64_t k = 0; k < K; k++) G.data[i * K + k] *= c;
        for (int64_t j = 0; j < d; j++) residual.data[i * d + j] = c * h[j];
    }
    ufm_gemm(1, G, ufm_transpose(H), 1, ufm_view(part->gradient_W, K, d));
    ufm_gemm(1, residual, ufm_transpose(H), 1, ufm_view(part->feature_gram, d, d));
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    for (int64_t first = begin; first < end; first += CERTIFY_TILE)
        add_tile(work->problem, &work->parts[worker], first,
                 end - first < CERTIFY_TILE ? end - first : CERTIFY_TILE);
}

static bool allocate_part(partial *part, int64_t K, int64_t d)
{
    part->Z = ufm_alloc(K * CERTIFY_TILE, sizeof(double));
    part->scaled = ufm_alloc(K * CERTIFY_TILE, sizeof(double));
    part->residual = ufm_alloc(d * CERTIFY_TILE, sizeof(double));
    part->outer = ufm_alloc(K * K, sizeof(double));
    part->row_sum = ufm_alloc(K, sizeof(double));
    part->gradient_W = ufm_alloc(K * d, sizeof(double));
    part->feature_gram = ufm_alloc(d * d, sizeof(double));
    return part->Z && part->scaled && part->residual && part->outer && part->row_sum && part->gradient_W &&
           part->feature_gram;
}

static void free_part(partial *part)
{
    ufm_free(part->Z);
    ufm_free(part->scaled);
    ufm_free(part->residual);
    ufm_free(part->outer);
    ufm_free(part->row_sum);
    ufm_free(part->gradient_W);
    ufm_free(part->feature_gram);
}

/* Moves the first part's arrays into `sums` and adds the others'. */
static void reduce(partial *parts, int threads, const ufm_point *p, certify_sums *sums)
{
    const int64_t K = p->classes, d = p->dim;
    ufm_sum loss = {0, 0}, features = {0, 0}, gradient_H = {0, 0};
    for (int t = 0; t < threads; t++) {
        ufm_sum_add(&loss, ufm_sum_value(parts[t].loss));
        ufm_sum_add(&features, ufm_sum_value(parts[t].features));
        ufm_sum_add(&gradient_H, ufm_sum_value(parts[t].gradient_H));
        if (t == 0) continue;
        ufm_axpy(K * K, 1, parts[t].outer, parts[0].outer);
        ufm_axpy(K, 1, parts[t].row_sum, parts[0].row_sum);
        ufm_axpy(K * d, 1, parts[t].gradient_W, parts[0].gradient_W);
        ufm_axpy(d * d, 1, parts[t].feature_gram, parts[0].feature_gram);
    }
    *sums = (certify_sums){.loss = ufm_sum_value(loss),
                           .features = ufm_sum_value(features),
                           .gradient_H = ufm_sum_value(gradient_H),
                           .outer = parts[0].outer,
                           .row_sum = parts[0].row_sum,
                           .gradient_W = parts[0].gradient_W,
                           .feature_gram = parts[0].feature_gram};
    parts[0].outer = parts[0].row_sum = parts[0].gradient_W = parts[0].feature_gram = NULL;
}

ufm_status certify_accumulate(const certify_problem *problem, certify_sums *sums)
{
    const int threads = ufm_pool_threads(problem->pool);
    partial *parts = ufm_alloc(threads, sizeof *parts);
    bool ready = parts != NULL;
    for (int t = 0; ready && t < threads; t++)
        ready = allocate_part(&parts[t], problem->point->classes, problem->point->dim);
    if (ready) {
        pass work = {problem, parts};
        ufm_pool_run(problem->pool, problem->point->columns, CERTIFY_TILE, body, &work);
        reduce(parts, threads, problem->point, sums);
    }
    for (int t = 0; parts && t < threads; t++) free_part(&parts[t]);
    ufm_free(parts);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}

void certify_sums_free(certify_sums *sums)
{
    ufm_free(sums->outer);
    ufm_free(sums->row_sum);
    ufm_free(sums->gradient_W);
    ufm_free(sums->feature_gram);
    *sums = (certify_sums){0};
}

void certify_gradients(const certify_problem *problem, int64_t first, int64_t count, double *G)
{
    const certify_loss *loss = certify_loss_of(problem->objective->loss);
    const int64_t K = problem->point->classes;
    certify_logits(problem, first, count, G);
    for (int64_t i = 0; i < count; i++) {
        (void)loss->gradient(problem->objective, ufm_labels_set(problem->labels, first + i), G + i * K);
        ufm_scale(K, 1 / (double)problem->labels->samples, G + i * K);
    }
}
