/* Second derivative of the objective along the witness direction, without assuming that the point is critical
 * or that a is orthogonal to anything. */
#include "internal.h"
#include <string.h>

typedef struct {
    const certify_problem *problem;
    const certify_direction *direction;
    double *Wa;                     /* K: W a */
    double *Z;                      /* K x (tile + 2) per worker: logits, then two columns of scratch */
    ufm_sum *data, *cross, *length; /* per worker: dZ' L'' dZ, <G, dW dH>, |dH|^2 */
} pass;

/* z: the column's logits; g, dz: scratch, K numbers each. */
static void add_column(const pass *work, int worker, int64_t column, double *z, double *g, double *dz)
{
    const certify_problem *problem = work->problem;
    const certify_direction *dir = work->direction;
    const certify_loss *loss = certify_loss_of(problem->objective->loss);
    const ufm_tag_set set = ufm_labels_set(problem->labels, column);
    const int64_t K = set.classes, d = problem->point->dim;
    const double weight = certify_weight(problem, column),
                 c = (double)ufm_labels_count(problem->labels, column);
    memcpy(g, z, (size_t)K * sizeof *g);
    (void)loss->gradient(problem->objective, set, g);
    const double slope = weight / c * ufm_dot(K, dir->u, g); /* u^T g of one sample */
    const double v = slope / dir->sigma1;
    const double along = ufm_dot(d, dir->a, problem->point->H + column * d);
    for (int64_t k = 0; k < K; k++) dz[k] = dir->alpha * dir->u[k] * along - dir->beta * work->Wa[k] * v;
    ufm_sum_add(&work->data[worker], weight * loss->curvature(problem->objective, set, z, dz));
    ufm_sum_add(&work->cross[worker], -dir->alpha * dir->beta * c * slope * v);
    ufm_sum_add(&work->length[worker], c * dir->beta * dir->beta * v * v);
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    const int64_t K = work->problem->point->classes;
    double *Z = work->Z + worker * K * (CERTIFY_TILE + 2), *scratch = Z + K * CERTIFY_TILE;
    for (int64_t first = begin; first < end; first += CERTIFY_TILE) {
        const int64_t count = end - first < CERTIFY_TILE ? end - first : CERTIFY_TILE;
        certify_logits(work->problem, first, count, Z);
        for (int64_t i = 0; i < count; i++)
            add_column(work, worker, first + i, Z + i * K, scratch, scratch + K);
    }
}

static double add_up(const ufm_sum *parts, int threads)
{
    ufm_sum total = {0, 0};
    for (int t = 0; t < threads; t++) ufm_sum_add(&total, ufm_sum_value(parts[t]));
    return ufm_sum_value(total);
}

ufm_status certify_curvature(const certify_problem *problem, const certify_direction *direction,
                             double *curvature)
{
    const int threads = ufm_pool_threads(problem->pool);
    const ufm_point *p = problem->point;
    ufm_sum *sums = ufm_alloc(3 * (int64_t)threads, sizeof *sums);
    pass work = {problem,
                 direction,
                 ufm_alloc(p->classes, sizeof(double)),
                 ufm_alloc(threads * p->classes * (CERTIFY_TILE + 2), sizeof(double)),
                 sums,
                 sums + threads,
                 sums + 2 * threads};
    const bool ready = sums && work.Wa && work.Z;
    if (ready) {
        ufm_gemm(1, ufm_view(p->W, p->classes, p->dim), ufm_view(direction->a, p->dim, 1), 0,
                 ufm_view(work.Wa, p->classes, 1));
        ufm_pool_run(problem->pool, p->columns, CERTIFY_TILE, body, &work);
        const double dW = direction->alpha * direction->alpha, dH = add_up(work.length, threads);
        const double form = add_up(work.data, threads) + 2 * add_up(work.cross, threads) +
                            2 * problem->objective->lambda_w * dW + 2 * problem->objective->lambda_h * dH;
        *curvature = form / (dW + dH);
    }
    ufm_free(sums);
    ufm_free(work.Wa);
    ufm_free(work.Z);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}
