/* The saddle ladder: critical points of every rank below K-1, from many starts. */
#include "ladder.h"
#include <math.h>
#include <string.h>

/* Starts of one batch: between batches progress is shown. */
enum { BATCH = 64, OPTIMUM_TRIALS = 10 };
static const double gradient_limit = 1e-12, same_value = 1e-9;

/* A value found at the current rank. */
typedef struct {
    ufm_solution *solution; /* in dimension `rank` */
    int64_t found;
    uint64_t seed;
} candidate;

typedef struct {
    const ufm_labels *labels;
    const ufm_explorer *explorer;
    int64_t dim, rank, ranks, starts;
    ufm_model *model; /* in dimension dim */
    ufm_pool *pool;
    candidate *list;
    int64_t candidates, list_capacity;
    ufm_ladder *ladder;
    int64_t capacity;
} search;

/* The seed of a start at the current rank; it can be typed as --seed. */
static uint64_t start_seed(const search *s, int64_t start)
{
    return ufm_seed_derive(s->explorer->seed, (uint64_t)s->rank * 1000003u + (uint64_t)start);
}

static ufm_solve_settings solver(const search *s, int64_t dim, int threads, uint64_t seed)
{
    ufm_solve_settings settings = ufm_solve_defaults();
    settings.objective = s->explorer->objective;
    settings.dim = dim;
    settings.threads = threads;
    settings.seed = seed;
    settings.gap_tolerance = ladder_gap;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    settings.minimize.tolerance = 0.5 * gradient_limit;
    return settings;
}

static ufm_status report(const search *s, double part)
{
    const ufm_explorer *e = s->explorer;
    const double done = (double)s->rank + part;
    return !e->progress || e->progress(e->context, done / (double)s->ranks, "saddle ladder")
               ? UFM_OK
               : UFM_ERROR_CANCELLED;
}

/* ---- Starts of one rank, in parallel ---- */

typedef struct {
    const search *search;
    int64_t first;
    ufm_solution *solution[BATCH];
    ufm_status status[BATCH];
    ufm_error error[BATCH];
} batch;

static void run_starts(void *context, int worker, int64_t begin, int64_t end)
{
    batch *b = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        const ufm_solve_settings settings =
            solver(b->search, b->search->rank, 1, start_seed(b->search, b->first + i));
        b->status[i] = ufm_solve(b->search->labels, &settings, &b->solution[i], &b->error[i]);
    }
}

/* Takes over the solution: a new candidate, or one more of a known one. */
static ufm_status collect(search *s, ufm_solution *solution, uint64_t seed)
{
    const ufm_certificate *c = &solution->certificate;
    const bool wanted = solution->info.gradient_norm <= gradient_limit && c->rank == s->rank;
    for (int64_t i = 0; wanted && i < s->candidates; i++) {
        const double known = s->list[i].solution->certificate.objective;
        if (!(fabs(c->objective - known) <= same_value * fabs(known))) continue;
        s->list[i].found++;
        ufm_solution_free(solution);
        return UFM_OK;
    }
    const ufm_status status =
        wanted ? ufm_grow((void **)&s->list, &s->list_capacity, s->candidates + 1, sizeof *s->list) : UFM_OK;
    if (!wanted || status != UFM_OK) {
        ufm_solution_free(solution);
        return status;
    }
    s->list[s->candidates++] = (candidate){solution, 1, seed};
    return UFM_OK;
}

static ufm_status run_rank(search *s, ufm_error *error)
{
    batch *b = ufm_alloc(1, sizeof *b);
    if (!b) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a batch of starts");
    ufm_status status = UFM_OK;
    b->search = s;
    for (b->first = 0; b->first < s->starts && status == UFM_OK; b->first += BATCH) {
        const int64_t left = s->starts - b->first, count = left < BATCH ? left : BATCH;
        status = report(s, (double)b->first / (double)s->starts);
        if (status != UFM_OK) break;
        memset(b->solution, 0, sizeof b->solution);
        ufm_pool_run(s->pool, count, 1, run_starts, b);
        for (int64_t i = 0; i < count; i++) {
            if (status == UFM_OK && b->status[i] != UFM_OK)
                status = ufm_fail(error, b->status[i], "%s", b->error[i].text);
            if (status == UFM_OK) {
                status = collect(s, b->solution[i], start_seed(s, b->first + i));
            } else {
                ufm_solution_free(b->solution[i]);
            }
        }
    }
    ufm_free(b);
    return status;
}

static void drop_candidates(search *s)
{
    for (int64_t i = 0; i < s->candidates; i++) ufm_solution_free(s->list[i].solution);
    s->candidates = 0;
}

static void sort_candidates(search *s)
{
    for (int64_t i = 1; i < s->candidates; i++) {
        const candidate moved = s->list[i];
        int64_t at = i;
        for (; at > 0 &&
               s->list[at - 1].solution->certificate.objective > moved.solution->certificate.objective;
             at--)
            s->list[at] = s->list[at - 1];
        s->list[at] = moved;
    }
}

/* ---- From a point of dimension `rank` to a saddle ---- */

/* Whether x is a minimum of the problem in its own dimension, up to rounding. */
static ufm_status is_minimum(const search *s, const double *x, bool *minimum, ufm_error *error)
{
    const ufm_model_settings settings = {s->explorer->objective, s->rank, s->explorer->threads};
    ufm_model *model = NULL;
    double least = NAN, largest = NAN;
    ufm_status status = ufm_model_new(s->labels, &settings, &model, error);
    if (status == UFM_OK) status = ladder_eigenvalue(model, x, LADDER_SMALLEST, &least, error);
    if (status == UFM_OK) status = ladder_eigenvalue(model, x, LADDER_LARGEST, &largest, error);
    ufm_model_free(model);
    *minimum = least >= -1e-9 * largest;
    return status;
}

/* Appends the saddle x (of dimension dim), unless it is the global optimum. */
static ufm_status append(search *s, const double *x, int64_t found, uint64_t seed, ufm_error *error)
{
    ufm_ladder *ladder = s->ladder;
    ufm_saddle saddle = {.rank = s->rank, .found = found, .seed = seed};
    ufm_status status =
        ufm_grow((void **)&ladder->saddle, &s->capacity, ladder->count + 1, sizeof *ladder->saddle);
    if (status != UFM_OK) return ufm_fail(error, status, "not enough memory for one more saddle");
    status = ladder_describe(s->model, x, s->labels, &s->explorer->objective, &saddle, error);
    if (status != UFM_OK) return status;
    if (saddle.sigma1_over_mu > 1 + 1e-9) {
        ladder->saddle[ladder->count++] = saddle;
    } else {
        ufm_solution_free(saddle.solution);
    }
    return UFM_OK;
}

static ufm_status append_rank(search *s, ufm_error *error)
{
    double *x = ufm_alloc(ufm_model_size(s->model), sizeof *x);
    ufm_status status = x ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a saddle");
    sort_candidates(s);
    for (int64_t i = 0; i < s->candidates && status == UFM_OK; i++) {
        const candidate *c = &s->list[i];
        bool minimum = false;
        status = is_minimum(s, c->solution->storage, &minimum, error);
        if (status != UFM_OK || !minimum) continue;
        ufm_model_embed(s->model, s->rank, c->solution->storage, x);
        status = append(s, x, c->found, c->seed, error);
    }
    drop_candidates(s);
    ufm_free(x);
    return status;
}

/* W = H = 0; the problem in b is convex, so there is one such point. */
static ufm_status append_origin(search *s, ufm_error *error)
{
    double *x = ufm_alloc(ufm_model_size(s->model), sizeof *x);
    if (!x) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a saddle");
    ufm_status status = ufm_model_minimize_bias(s->model, x, error);
    if (status == UFM_OK) status = append(s, x, 1, s->explorer->seed, error);
    ufm_free(x);
    return status;
}

/* NaN where no trial has a certificate (which needs d >= K-1 in general). */
static ufm_status find_optimum(search *s, ufm_error *error)
{
    s->ladder->optimum = NAN;
    for (int64_t trial = 0; trial < OPTIMUM_TRIALS && isnan(s->ladder->optimum); trial++) {
        ufm_solution *solution;
        const ufm_solve_settings settings =
            solver(s, s->dim, s->explorer->threads, s->explorer->seed + (uint64_t)trial);
        const ufm_status status = ufm_solve(s->labels, &settings, &solution, error);
        if (status != UFM_OK) return status;
        if (solution->certificate.verdict == UFM_CERTIFIED_GLOBAL)
            s->ladder->optimum = solution->certificate.objective;
        ufm_solution_free(solution);
    }
    return UFM_OK;
}

static ufm_status climb(search *s, ufm_error *error)
{
    ufm_status status = find_optimum(s, error);
    if (status == UFM_OK) status = append_origin(s, error);
    for (s->rank = 1; s->rank < s->ranks && status == UFM_OK; s->rank++) {
        status = run_rank(s, error);
        if (status == UFM_OK) status = append_rank(s, error);
    }
    return status;
}

void ufm_ladder_free(ufm_ladder *ladder)
{
    if (!ladder) return;
    for (int64_t i = 0; i < ladder->count; i++) ufm_solution_free(ladder->saddle[i].solution);
    ufm_free(ladder->saddle);
    ufm_free(ladder);
}

ufm_status ufm_ladder_find(const ufm_labels *labels, const ufm_explorer *explorer, int64_t starts,
                           ufm_ladder **ladder, ufm_error *error)
{
    const int64_t K = labels->classes, dim = explorer->dim > 0 ? explorer->dim : K;
    const int64_t rank = ufm_loss_rank(explorer->objective.loss, K);
    if (starts < 1)
        return ufm_fail(error, UFM_ERROR_USAGE, "a ladder needs at least one start for each rank");
    search s = {.labels = labels,
                .explorer = explorer,
                .dim = dim,
                .ranks = rank < dim ? rank : dim,
                .starts = starts,
                .ladder = ufm_alloc(1, sizeof(ufm_ladder))};
    const ufm_model_settings settings = {explorer->objective, dim, explorer->threads};
    ufm_status status = ufm_model_new(labels, &settings, &s.model, error);
    if (status == UFM_OK) {
        s.pool = ufm_pool_new(explorer->threads);
        if (!s.pool || !s.ladder)
            status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory or threads for a ladder");
    }
    if (status == UFM_OK) status = climb(&s, error);
    drop_candidates(&s);
    ufm_free(s.list);
    ufm_pool_free(s.pool);
    ufm_model_free(s.model);
    if (status == UFM_OK) {
        *ladder = s.ladder;
    } else {
        ufm_ladder_free(s.ladder);
    }
    return status;
}
