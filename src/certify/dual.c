/* The dual objective at the scaled and shifted loss gradient. */
#include "internal.h"
#include <math.h>

typedef struct {
    const certify_problem *problem;
    double s;
    const double *shift;
    double *Z; /* K x tile per worker */
    ufm_sum *conjugate;
} pass;

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const certify_problem *problem = work->problem;
    const certify_loss *loss = certify_loss_of(problem->objective->loss);
    const int64_t K = problem->point->classes;
    double *Z = work->Z + worker * K * CERTIFY_TILE;
    for (int64_t first = begin; first < end; first += CERTIFY_TILE) {
        const int64_t count = end - first < CERTIFY_TILE ? end - first : CERTIFY_TILE;
        certify_logits(problem, first, count, Z);
        for (int64_t i = 0; i < count; i++)
            ufm_sum_add(&work->conjugate[worker],
                        certify_weight(problem, first + i) *
                            loss->conjugate(problem->objective, ufm_labels_set(problem->labels, first + i),
                                            Z + i * K, work->s, work->shift));
    }
}

ufm_status certify_dual_value(const certify_problem *problem, double s, const double *shift, double *value)
{
    const int threads = ufm_pool_threads(problem->pool);
    pass work = {problem, s, shift,
                 ufm_alloc(threads * problem->point->classes * CERTIFY_TILE, sizeof(double)),
                 ufm_alloc(threads, sizeof(ufm_sum))};
    const bool ready = work.Z && work.conjugate;
    if (ready) {
        ufm_pool_run(problem->pool, problem->point->columns, CERTIFY_TILE, body, &work);
        ufm_sum total = {0, 0};
        bool infinite = false;
        for (int t = 0; t < threads; t++) {
            const double share = ufm_sum_value(work.conjugate[t]);
            infinite = infinite || !isfinite(share);
            ufm_sum_add(&total, share);
        }
        *value = infinite ? -INFINITY : -ufm_sum_value(total);
    }
    ufm_free(work.Z);
    ufm_free(work.conjugate);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}
