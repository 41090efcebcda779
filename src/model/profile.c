/* phi(W, b) = min over H of f: the unknowns, the minimisation over H, and the way back to points of f. */
#include "profile.h"
#include <string.h>

enum { SWEEPS = 200, BLOCK = 64 };
/* The features' gradient may be this share of the rest's, unless the caller says otherwise. */
static const double usual_share = 0.01;
/* A sweep that leaves more than this share of the features' gradient asks for new factors. */
static const double slow = 0.2;
/* What of f is rounding. */
static const double noise = 1e-15;

bool ufm_profile_applies(const ufm_model *model)
{
    return model->objective.loss != UFM_LOSS_PAL_FOCAL;
}

/* ---- Making ------------------------------------------------------------------------------------- */

/* The distinct tag sets, counted, in order of first appearance, which is also that of their numbers. */
static ufm_status merge_labels(ufm_profile *p, ufm_error *error)
{
    const ufm_labels *labels = p->whole->labels;
    int64_t groups = 0;
    p->group = ufm_alloc(labels->columns, sizeof *p->group);
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_status status = p->group && builder ? ufm_labels_group(labels, p->group, &groups) : UFM_ERROR_MEMORY;
    for (int64_t i = 0; status == UFM_OK && i < labels->columns; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, i);
        status = ufm_labels_builder_add(builder, set.tags, set.tag, ufm_labels_count(labels, i), error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, labels->classes, UFM_DUPLICATES_MERGE, &p->labels, error);
    ufm_labels_builder_free(builder);
    return status;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool allocate(ufm_profile *p)
{
    const ufm_model *model = p->model;
    const int64_t K = model->classes, r = model->dim, n = model->columns, size = ufm_model_size(model);
    const int64_t batches = (n + UFM_BATCH - 1) / UFM_BATCH, numbers = ufm_batch_numbers(r);
    if (numbers > ufm_memory_physical() / 8 / batches) return false;
    p->x = ufm_alloc(size, sizeof(double));
    p->gradient = ufm_alloc(size, sizeof(double));
    p->base = ufm_alloc(size, sizeof(double));
    p->slope = ufm_alloc(K * n, sizeof(double));
    p->curvature = ufm_alloc(K * n, sizeof(double));
    p->share = ufm_alloc(n, sizeof(double));
    p->factor = ufm_alloc(batches * numbers, sizeof(double));
    p->step = ufm_alloc(r * n, sizeof(double));
    p->direction = ufm_alloc(K * r + K, sizeof(double));
    p->padded = ufm_alloc(K * r, sizeof(double));
    p->rows = ufm_alloc(K * ufm_batch_stride(r), sizeof(double));
    p->turned = ufm_alloc(ufm_thin_numbers(K, r), sizeof(double));
    p->scratch = ufm_alloc(p->whole->threads * profile_scratch(K, r), sizeof(double));
    return p->x && p->gradient && p->base && p->slope && p->curvature && p->share && p->factor && p->step &&
           p->direction && p->padded && p->rows && p->turned && p->scratch;
}

/* L and Q^T of W; where d <= K, W itself. */
static ufm_status split_classifier(ufm_profile *p, const double *W)
{
    const int64_t K = p->whole->classes, d = p->whole->dim;
    if (d <= K) {
        memcpy(p->x, W, (size_t)(K * d) * sizeof(double));
        return UFM_OK;
    }
    double *copy = ufm_alloc(K * d, sizeof(double)), *values = ufm_alloc(K, sizeof(double));
    double *turn = ufm_alloc(K * d, sizeof(double));
    const int64_t padded = p->model->dim;
    p->turn = ufm_alloc(padded * d, sizeof(double));
    ufm_status status = UFM_ERROR_MEMORY;
    if (copy && values && turn && p->turn) {
        memcpy(copy, W, (size_t)(K * d) * sizeof(double));
        status = ufm_svd(ufm_view(copy, K, d), p->x, values, turn);
        for (int64_t j = 0; status == UFM_OK && j < K; j++) ufm_scale(K, values[j], p->x + j * K);
        for (int64_t j = 0; j < d; j++)
            memcpy(p->turn + j * padded, turn + j * K, (size_t)K * sizeof(double));
    }
    ufm_free(turn);
    ufm_free(copy);
    ufm_free(values);
    return status;
}

/* The mean of the features that share a tag set, in the row space of W: by convexity f does not rise. */
static bool average_features(ufm_profile *p, const double *H)
{
    const int64_t K = p->model->classes, d = p->whole->dim, r = p->model->dim, n = p->whole->columns;
    double *block = ufm_alloc(r * BLOCK, sizeof(double));
    if (!block) return false;
    for (int64_t first = 0; first < n; first += BLOCK) {
        const int64_t count = least(BLOCK, n - first);
        if (p->turn)
            ufm_gemm(1, ufm_view(p->turn, r, d), ufm_view(H + first * d, d, count), 0,
                     ufm_view(block, r, count));
        for (int64_t i = 0; !p->turn && i < count; i++)
            memcpy(block + i * r, H + (first + i) * d, (size_t)d * sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            const int64_t group = p->group[first + i];
            const double root = p->whole->root_count ? p->whole->root_count[first + i] : 1;
            ufm_axpy(r, root / p->model->root_count[group], block + i * r, p->x + K * r + group * r);
        }
    }
    ufm_free(block);
    return true;
}

/* Features of zero where f is less there: from logits in the thousands the way would be long. */
static void try_zero(ufm_profile *p)
{
    const int64_t features = ufm_model_block(p->model, 1), bias = ufm_model_block(p->model, 2);
    const double value = ufm_model_value(p->model, p->x);
    memcpy(p->base, p->x, (size_t)features * sizeof(double));
    memcpy(p->base + bias, p->x + bias, (size_t)p->model->classes * sizeof(double));
    if (ufm_model_value(p->model, p->base) < value)
        memset(p->x + features, 0, (size_t)(bias - features) * sizeof(double));
}

ufm_status ufm_profile_new(const ufm_model *model, const double *x, ufm_profile **profile, ufm_error *error)
{
    if (!ufm_profile_applies(model))
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "loss %s is not convex: its features cannot be minimised out",
                        ufm_loss_name(model->objective.loss));
    const int64_t K = model->classes, d = model->dim;
    ufm_profile *made = ufm_alloc(1, sizeof *made);
    ufm_status status = made ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        made->whole = model;
        made->rank = least(K, d);
        made->enough = usual_share;
        status = merge_labels(made, error);
    }
    const ufm_model_settings settings = {model->objective, ufm_batch_stride(least(K, d)), model->threads};
    if (status == UFM_OK) status = ufm_model_new(made->labels, &settings, &made->model, error);
    if (status == UFM_OK && !allocate(made)) status = UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = split_classifier(made, x);
    if (status == UFM_OK && !average_features(made, x + K * d)) status = UFM_ERROR_MEMORY;
    if (status != UFM_OK) {
        ufm_profile_free(made);
        return status == UFM_ERROR_MEMORY
                   ? ufm_fail(error, status, "not enough memory to minimise the features out")
                   : status;
    }
    memcpy(made->x + ufm_model_block(made->model, 2), x + ufm_model_block(model, 2), (size_t)K * sizeof *x);
    try_zero(made);
    *profile = made;
    return UFM_OK;
}

void ufm_profile_free(ufm_profile *p)
{
    if (!p) return;
    double *const arrays[] = {p->turn,  p->padded,    p->x,      p->gradient, p->base,
                              p->slope, p->curvature, p->share,  p->factor,   p->step,
                              p->rows,  p->direction, p->turned, p->scratch};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    ufm_free(p->group);
    ufm_model_free(p->model);
    ufm_labels_free(p->labels);
    ufm_free(p);
}

/* ---- Evaluating --------------------------------------------------------------------------------- */

int64_t ufm_profile_size(const ufm_profile *p)
{
    return p->model->classes * (p->rank + 1);
}

/* [L | b] of [L | Ht | b]. */
static void leave_features_out(const ufm_profile *p, const double *x, double *y)
{
    const int64_t K = p->model->classes, weights = K * p->rank;
    memcpy(y, x, (size_t)weights * sizeof(double));
    memcpy(y + weights, x + ufm_model_block(p->model, 2), (size_t)K * sizeof(double));
}

void ufm_profile_accuracy(ufm_profile *p, double share)
{
    p->enough = share;
    p->evaluated = p->minimal = false;
}

void ufm_profile_start(const ufm_profile *p, double *y)
{
    leave_features_out(p, p->x, y);
}

static bool same(const ufm_profile *p, const double *x, const double *y)
{
    const int64_t K = p->model->classes, weights = K * p->rank;
    return memcmp(x, y, (size_t)weights * sizeof(double)) == 0 &&
           memcmp(x + ufm_model_block(p->model, 2), y + weights, (size_t)K * sizeof(double)) == 0;
}

/* f and its gradient at x; returns the norm of the features' part, and the rest's in *others. */
static double evaluate(ufm_profile *p, double *others)
{
    const int64_t features = ufm_model_block(p->model, 1), bias = ufm_model_block(p->model, 2);
    p->value = ufm_model_gradient(p->model, p->x, p->gradient);
    *others = ufm_norm(features, p->gradient) + ufm_norm(p->model->classes, p->gradient + bias);
    return ufm_norm(bias - features, p->gradient + features);
}

/* Minimises over the features from where they are: by the factors at hand while these serve, by Newton's
 * steps with new ones where not. */
static void minimise_features(ufm_profile *p)
{
    double others, norm = evaluate(p, &others), last = norm, before = p->value;
    bool fresh = false, renew = !p->factored;
    for (int sweep = 0; sweep < SWEEPS && norm > p->enough * others; sweep++) { /* never where NaN */
        if (fresh && norm >= 0.5 * last && sweep > 1 && !(p->value < before * (1 - noise))) break;
        fresh = renew;
        if (renew) {
            profile_factor(p);
            p->minimal = false;
        }
        last = norm;
        before = p->value;
        profile_descend(p);
        norm = evaluate(p, &others);
        renew = norm > slow * last;
    }
    p->evaluated = true;
}

/* Features by the first order from the base, where there is one. */
static void move_to(ufm_profile *p, const double *y)
{
    const int64_t K = p->model->classes, r = p->model->dim, numbers = r * p->model->columns;
    double *H = p->x + K * r;
    if (p->factored && p->minimal) {
        leave_features_out(p, p->base, p->direction);
        for (int64_t j = 0; j < ufm_profile_size(p); j++) p->direction[j] = y[j] - p->direction[j];
        profile_respond(p, p->direction, NULL);
        memcpy(H, p->base + K * r, (size_t)numbers * sizeof(double));
        ufm_axpy(numbers, 1, p->step, H);
    }
    memcpy(p->x, y, (size_t)(K * p->rank) * sizeof(double));
    memcpy(p->x + ufm_model_block(p->model, 2), y + K * p->rank, (size_t)K * sizeof(double));
}

static void visit(ufm_profile *p, const double *y)
{
    if (p->evaluated && same(p, p->x, y)) return;
    move_to(p, y);
    minimise_features(p);
}

double ufm_profile_gradient(ufm_profile *p, const double *y, double *gradient)
{
    visit(p, y);
    leave_features_out(p, p->gradient, gradient);
    return p->value;
}

void ufm_profile_product(ufm_profile *p, const double *y, const double *v, double *product)
{
    if (!(p->factored && p->minimal && same(p, p->base, y))) {
        visit(p, y);
        profile_factor(p);
        p->minimal = true;
    }
    profile_respond(p, v, product);
}

/* ---- Back to the model -------------------------------------------------------------------------- */

typedef struct {
    const ufm_profile *profile;
    double *blocks; /* r x BLOCK for each thread */
    double *H;      /* d x n of the whole model */
} lift;

static void lift_body(void *context, int worker, int64_t begin, int64_t end)
{
    const lift *work = context;
    const ufm_profile *p = work->profile;
    const int64_t r = p->model->dim, d = p->whole->dim;
    const double *features = p->x + ufm_model_block(p->model, 1);
    double *block = work->blocks + worker * r * BLOCK;
    for (int64_t first = begin; first < end; first += BLOCK) {
        const int64_t count = least(BLOCK, end - first);
        for (int64_t i = 0; i < count; i++) {
            const int64_t group = p->group[first + i];
            const double root = p->whole->root_count ? p->whole->root_count[first + i] : 1;
            const double scale = root / p->model->root_count[group], *h = features + group * r;
            double *to = p->turn ? block + i * r : work->H + (first + i) * d;
            for (int64_t j = 0; j < (p->turn ? r : d); j++) to[j] = scale * h[j];
        }
        if (p->turn)
            ufm_gemm(1, ufm_transpose(ufm_view(p->turn, r, d)), ufm_view(block, r, count), 0,
                     ufm_view(work->H + first * d, d, count));
    }
}

void ufm_profile_point(ufm_profile *p, const double *y, double *x)
{
    const int64_t K = p->model->classes, r = p->model->dim, d = p->whole->dim;
    visit(p, y);
    if (p->turn) {
        ufm_gemm(1, ufm_view(p->x, K, r), ufm_view(p->turn, r, d), 0, ufm_view(x, K, d));
    } else {
        memcpy(x, p->x, (size_t)(K * d) * sizeof(double));
    }
    const lift work = {p, p->scratch, x + K * d};
    ufm_pool_run(p->whole->pool, p->whole->columns, BLOCK, lift_body, (void *)(uintptr_t)&work);
    memcpy(x + ufm_model_block(p->whole, 2), p->x + ufm_model_block(p->model, 2), (size_t)K * sizeof *x);
}
