/* The passes over the distinct tag sets behind phi and its Hessian. Column i has the block
 *   A_i = L^T D_i L + 2 lambda_h I,   D_i = diag a_i - tau_i a_i a_i^T = (Hessian of the loss)/N,
 * which is the same for h_i and for sqrt(c_i) h_i. Batches of columns are factored and solved together. */
#include "profile.h"
#include <math.h>
#include <string.h>

int64_t profile_scratch(int64_t classes, int64_t rank)
{
    const int64_t K = classes, r = rank;
    return 2 * (K + r) * PROFILE_TILE + K * UFM_BATCH + ufm_batch_scratch(K, r);
}

/* One thread's numbers. */
typedef struct {
    double *dz, *loss; /* K x PROFILE_TILE */
    double *right, *h; /* r x PROFILE_TILE */
    double *batch;     /* K UFM_BATCH, and what a factorisation needs */
} scratch;

typedef struct {
    ufm_profile *profile;
    ufm_thin L, V;    /* V = dL */
    const double *db; /* K */
    bool whole;       /* the product is wanted, not only the response */
} pass;

static scratch scratch_of(const ufm_profile *p, int worker)
{
    const int64_t K = p->model->classes, r = p->model->dim;
    double *at = p->scratch + worker * profile_scratch(K, r);
    scratch s = {.dz = at, .loss = at + K * PROFILE_TILE, .right = at + 2 * K * PROFILE_TILE};
    s.h = s.right + r * PROFILE_TILE;
    s.batch = s.h + r * PROFILE_TILE;
    return s;
}

static int64_t tile_count(int64_t first, int64_t end)
{
    return end - first < PROFILE_TILE ? end - first : PROFILE_TILE;
}

static double root_of(const ufm_model *model, int64_t column)
{
    return model->root_count ? model->root_count[column] : 1;
}

/* z becomes the column's slope, and its curvature and share follow. */
static void column_derivatives(ufm_profile *p, model_part *part, int64_t column, double *z)
{
    const ufm_model *model = p->model;
    const int64_t K = model->classes;
    const double per_sample = 1 / (double)model->labels->samples;
    const ufm_tag_set set = ufm_labels_set(model->labels, column);
    double *slope = p->slope + column * K, *a = p->curvature + column * K;
    for (int64_t k = 0; k < K; k++) z[k] = z[k] / root_of(model, column) + model_split(model, p->base).b[k];
    (void)model->loss->gradient(&model->objective, set, z, part->state);
    /* Where there is a second term s p p^T, a is s p. */
    const double s = model->loss->split(&model->objective, set, part->state, a);
    p->share[column] = s > 0 ? 1 / (s * per_sample) : 0;
    for (int64_t k = 0; k < K; k++) {
        slope[k] = root_of(model, column) * per_sample * z[k];
        a[k] *= per_sample;
    }
}

static void factor_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    ufm_profile *p = work->profile;
    const ufm_model *model = p->model;
    const int64_t K = model->classes, r = model->dim, numbers = ufm_batch_numbers(r);
    const scratch s = scratch_of(p, worker);
    const ufm_systems batch = {K, r, p->rows, 2 * model->objective.lambda_h};
    const double *H = model_split(model, p->base).H;
    for (int64_t first = begin; first < end; first += PROFILE_TILE) {
        const int64_t count = tile_count(first, end);
        ufm_thin_multiply(&work->L, ufm_view(H + first * r, r, count), false, ufm_view(s.dz, K, count));
        for (int64_t i = 0; i < count; i++)
            column_derivatives(p, &model->part[worker], first + i, s.dz + i * K);
        for (int64_t i = first; i < first + count; i += UFM_BATCH) {
            const int64_t some = first + count - i < UFM_BATCH ? first + count - i : UFM_BATCH;
            double tau[UFM_BATCH] = {0};
            memcpy(tau, p->share + i, (size_t)some * sizeof *tau);
            ufm_batch_load(K, some, p->curvature + i * K, s.batch);
            ufm_batch_factor(&batch, s.batch, tau, s.batch + K * UFM_BATCH,
                             p->factor + i / UFM_BATCH * numbers);
        }
    }
}

void profile_factor(ufm_profile *p)
{
    const ufm_model *model = p->model;
    const int64_t K = model->classes, r = model->dim, stride = ufm_batch_stride(r);
    memcpy(p->base, p->x, (size_t)ufm_model_size(model) * sizeof(double));
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < r; j++) p->rows[k * stride + j] = p->base[j * K + k];
    pass work = {.profile = p, .L = model_pack(model, p->base, model->packed)};
    ufm_pool_run(model->pool, model->columns, PROFILE_TILE, factor_body, &work);
    p->factored = true;
}

/* step <- -A^{-1} right for `count` columns from number `first` on. */
static void solve_tile(ufm_profile *p, int64_t first, int64_t count, const double *right, double *batch)
{
    const int64_t r = p->model->dim, numbers = ufm_batch_numbers(r);
    double *step = p->step + first * r;
    for (int64_t i = 0; i < count; i += UFM_BATCH) {
        const int64_t some = count - i < UFM_BATCH ? count - i : UFM_BATCH;
        ufm_batch_load(r, some, right + i * r, batch);
        ufm_batch_solve(r, p->factor + (first + i) / UFM_BATCH * numbers, batch);
        ufm_batch_store(r, some, batch, step + i * r);
    }
    for (int64_t j = 0; j < count * r; j++) step[j] = -step[j];
}

/* A length t at which Newton's step, which changes the logits by dz, cannot raise the loss plus its ridge.
 * Along it the third derivative is at most R times the second one, R the spread of dz and 0, so that f falls
 * at least by slope (t - (e^{Rt} - 1 - Rt)/R^2), which is largest here. */
static double safe_length(const ufm_model *model, int64_t column, const double *dz)
{
    if (model->loss->states == 0) return 1; /* a quadratic */
    double least = 0, most = 0;
    for (int64_t k = 0; k < model->classes; k++) {
        least = dz[k] < least ? dz[k] : least;
        most = dz[k] > most ? dz[k] : most;
    }
    const double spread = (most - least) / root_of(model, column);
    return spread > 0 ? log1p(spread) / spread : 1;
}

static void descend_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    ufm_profile *p = work->profile;
    const ufm_model *model = p->model;
    const int64_t K = model->classes, r = model->dim;
    const scratch s = scratch_of(p, worker);
    double *H = p->x + K * r;
    for (int64_t first = begin; first < end; first += PROFILE_TILE) {
        const int64_t count = tile_count(first, end);
        solve_tile(p, first, count, p->gradient + K * r + first * r, s.batch);
        ufm_thin_multiply(&work->L, ufm_view(p->step + first * r, r, count), false, ufm_view(s.dz, K, count));
        for (int64_t i = 0; i < count; i++) {
            const double length = safe_length(model, first + i, s.dz + i * K);
            for (int64_t j = (first + i) * r; j < (first + i + 1) * r; j++) H[j] += length * p->step[j];
        }
    }
}

void profile_descend(ufm_profile *p)
{
    const ufm_model *model = p->model;
    pass work = {.profile = p, .L = model_pack(model, p->x, model->packed)};
    ufm_pool_run(model->pool, model->columns, PROFILE_TILE, descend_body, &work);
    p->evaluated = false;
}

/* out <- sqrt(c) D dz */
UFM_CLONES static void curve(const ufm_profile *p, int64_t column, const double *dz, double *out)
{
    const int64_t K = p->model->classes;
    const double *a = p->curvature + column * K, root = root_of(p->model, column);
    const double mean = p->share[column] * ufm_dot(K, a, dz);
    for (int64_t k = 0; k < K; k++) out[k] = root * a[k] * (dz[k] - mean);
}

/* With v = (V, db), G the slopes: dz = V h + db, then dHt = -A^{-1} (L^T sqrt(c) D dz + V^T G), then
 *   sum (sqrt(c) D (dz + L dh) Ht^T + G dHt^T)   and   sum c D (dz + L dh). */
static void respond_body(void *context, int worker, int64_t begin, int64_t end)
{
    const pass *work = context;
    ufm_profile *p = work->profile;
    const ufm_model *model = p->model;
    const int64_t K = model->classes, r = model->dim;
    const scratch s = scratch_of(p, worker);
    model_part *part = &p->model->part[worker];
    for (int64_t first = begin; first < end; first += PROFILE_TILE) {
        const int64_t count = tile_count(first, end);
        const ufm_matrix H = ufm_view(model_split(model, p->base).H + first * r, r, count),
                         dH = ufm_view(p->step + first * r, r, count), dG = ufm_view(s.loss, K, count),
                         G = ufm_view(p->slope + first * K, K, count), zero = ufm_view(s.h, r, count);
        ufm_thin_multiply(&work->V, H, false, ufm_view(s.dz, K, count));
        for (int64_t i = 0; i < count; i++) {
            double *dz = s.dz + i * K;
            for (int64_t k = 0; k < K; k++) dz[k] = dz[k] / root_of(model, first + i) + work->db[k];
            curve(p, first + i, dz, s.loss + i * K);
        }
        memset(s.h, 0, (size_t)(r * count) * sizeof(double));
        ufm_thin_back(&work->L, dG, 0, zero, false, s.right);
        ufm_thin_back(&work->V, G, 1, ufm_view(s.right, r, count), false, s.h);
        solve_tile(p, first, count, s.h, s.batch);
        if (!work->whole) continue;
        ufm_thin_multiply(&work->L, dH, false, ufm_view(s.loss, K, count));
        for (int64_t i = 0; i < count; i++) {
            double *dz = s.dz + i * K, *dg = s.loss + i * K;
            const double root = root_of(model, first + i);
            for (int64_t k = 0; k < K; k++) dz[k] += dg[k] / root;
            curve(p, first + i, dz, dg);
            for (int64_t k = 0; k < K; k++) part->bias[k] += root * dg[k];
        }
        ufm_thin_outer(dG, H, part->turned);
        ufm_thin_outer(G, dH, part->turned);
    }
}

void profile_respond(ufm_profile *p, const double *v, double *product)
{
    ufm_model *model = p->model;
    const int64_t K = model->classes, r = model->dim;
    const int64_t weights = K * p->rank;
    memcpy(p->padded, v, (size_t)weights * sizeof *v);
    pass work = {.profile = p,
                 .L = model_pack(model, p->base, model->packed),
                 .V = model_pack(model, p->padded, p->turned),
                 .db = v + weights,
                 .whole = product};
    for (int t = 0; product && t < model->threads; t++) {
        memset(model->part[t].turned, 0, (size_t)(K * r) * sizeof(double));
        memset(model->part[t].bias, 0, (size_t)K * sizeof(double));
    }
    ufm_pool_run(model->pool, model->columns, PROFILE_TILE, respond_body, &work);
    if (!product) return;
    const ufm_objective *o = &model->objective;
    for (int64_t j = 0; j < weights; j++) product[j] = 2 * o->lambda_w * v[j];
    for (int64_t k = 0; k < K; k++) product[weights + k] = 2 * o->lambda_b * v[weights + k];
    for (int t = 0; t < model->threads; t++) {
        for (int64_t j = 0; j < p->rank; j++)
            for (int64_t k = 0; k < K; k++) product[j * K + k] += model->part[t].turned[j + k * r];
        ufm_axpy(K, 1, model->part[t].bias, product + weights);
    }
}
