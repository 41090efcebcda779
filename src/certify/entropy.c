/* The dual objective's entropy term. */
#include "internal.h"
#include <math.h>

typedef struct {
    const certify_problem *problem;
    double s;
    const double *shift;
    double *Z; /* K x tile per worker */
    ufm_sum *entropy;
} pass;

/* sum_k q_k log(q_k/m), from log-probabilities; +infinity where some q is negative. */
static double column_entropy(const pass *work, int64_t column, const double *log_p)
{
    const ufm_labels *labels = work->problem->labels;
    const double m = (double)ufm_labels_multiplicity(labels, column);
    const double omega = ufm_loss_weight(work->problem->objective->loss, m);
    const bool plain = work->s == 1 && !work->shift;
    ufm_sum total = {0, 0};
    int64_t next = labels->offset[column];
    for (int64_t k = 0; k < labels->classes; k++) {
        const bool tagged = next < labels->offset[column + 1] && labels->tag[next] == k;
        if (tagged) next++;
        double share = exp(log_p[k]); /* q_k/m */
        double log_share = log_p[k];
        if (!plain) {
            const double move = work->shift ? work->shift[k] / (omega * m) : 0;
            share = work->s * (share - move) + (tagged ? (1 - work->s) / m : 0);
            if (share < 0) return INFINITY;
            log_share = log(share);
        }
        if (share > 0) ufm_sum_add(&total, m * share * log_share);
    }
    return ufm_sum_value(total);
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const certify_problem *problem = work->problem;
    const int64_t K = problem->point->classes;
    double *Z = work->Z + worker * K * CERTIFY_TILE;
    for (int64_t first = begin; first < end; first += CERTIFY_TILE) {
        const int64_t count = end - first < CERTIFY_TILE ? end - first : CERTIFY_TILE;
        certify_logits(problem, first, count, Z);
        for (int64_t i = 0; i < count; i++) {
            certify_log_softmax(K, Z + i * K);
            ufm_sum_add(&work->entropy[worker],
                        certify_weight(problem, first + i) * column_entropy(work, first + i, Z + i * K));
        }
    }
}

ufm_status certify_entropy(const certify_problem *problem, double s, const double *shift, double *entropy)
{
    const int threads = ufm_pool_threads(problem->pool);
    pass work = {problem, s, shift,
                 ufm_alloc(threads * problem->point->classes * CERTIFY_TILE, sizeof(double)),
                 ufm_alloc(threads, sizeof(ufm_sum))};
    const bool ready = work.Z && work.entropy;
    if (ready) {
        ufm_pool_run(problem->pool, problem->point->columns, CERTIFY_TILE, body, &work);
        ufm_sum total = {0, 0};
        bool infinite = false;
        for (int t = 0; t < threads; t++) {
            const double share = ufm_sum_value(work.entropy[t]);
            infinite = infinite || !isfinite(share);
            ufm_sum_add(&total, share);
        }
        *entropy = infinite ? -INFINITY : -ufm_sum_value(total);
    }
    ufm_free(work.Z);
    ufm_free(work.entropy);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}
