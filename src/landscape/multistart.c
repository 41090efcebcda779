/* Random starts, spread over workers. Every run depends on its own seed only, and the results are put
 * together in the order of the runs, so that the number of threads changes nothing. */
#include "multistart.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdatomic.h>

static const double same_objective = 1e-9; /* relative */

static void worker_release(multistart_worker *worker)
{
    ufm_model_free(worker->model);
    ufm_free(worker->x);
    ufm_free(worker->features);
    ufm_free(worker->hessian);
    ufm_free(worker->eigenvalues);
}

static ufm_minimize_settings descent(void)
{
    ufm_minimize_settings settings = ufm_minimize_defaults();
    settings.solver = UFM_SOLVER_NEWTON;
    settings.tolerance = 1e-13; /* the gap is of first order in the gradient */
    settings.max_iterations = 20000;
    return settings;
}

/* One descent from worker->x, and the verdict on its end. */
static ufm_status descend(multistart_worker *worker, ufm_run *run, ufm_minimize_info *info,
                          ufm_certificate *certificate, ufm_error *error)
{
    const ufm_function function = ufm_function_of_model(worker->model);
    ufm_status status = ufm_minimize(&function, &worker->minimize, worker->x, info, error);
    if (status == UFM_OK && worker->objective->lambda_b == 0)
        status = ufm_model_minimize_bias(worker->model, worker->x, error);
    return status == UFM_OK ? multistart_judge(worker, run, certificate, error) : status;
}

/* Inconclusive although the certificate of a critical point decides: the descent is not at its end. */
static bool undecided(const multistart_worker *worker, const ufm_run *run)
{
    return run->verdict == UFM_CERTIFIED_INCONCLUSIVE &&
           (!run->local_minimum ||
            worker->dim >= ufm_loss_benign_dim(worker->objective->loss, worker->labels->classes));
}

/* Start, descent and verdict of one run; the point is left in worker->x. Where lambda is tiny, L-BFGS may
 * creep far from any critical point, which Newton's method alone cures, or the latter may stall just before
 * the end, which L-BFGS alone cures. */
static ufm_status run_one(multistart_worker *worker, ufm_run *run, ufm_minimize_info *info,
                          ufm_certificate *certificate, ufm_error *error)
{
    const double usual = worker->minimize.newton_switch;
    const double switches[] = {usual, 0, worker->minimize.tolerance};
    ufm_status status = multistart_start(worker, run, error);
    for (int attempt = 0; attempt < 3 && status == UFM_OK; attempt++) {
        if (attempt > 0 && !undecided(worker, run)) break;
        worker->minimize.newton_switch = switches[attempt];
        status = descend(worker, run, info, certificate, error);
    }
    worker->minimize.newton_switch = usual;
    return status;
}

static ufm_status worker_prepare(const ufm_labels *labels, const ufm_explorer *explorer,
                                 multistart_worker *worker, ufm_error *error)
{
    *worker = (multistart_worker){.labels = labels,
                                  .objective = &explorer->objective,
                                  .dim = explorer->dim > 0 ? explorer->dim : labels->classes,
                                  .minimize = descent()};
    const ufm_model_settings settings = {explorer->objective, worker->dim, 1};
    const ufm_status status = ufm_model_new(labels, &settings, &worker->model, error);
    if (status != UFM_OK) return status;
    worker->x = ufm_alloc(ufm_model_size(worker->model), sizeof(double));
    if (labels->count) worker->features = ufm_alloc(worker->dim * labels->columns, sizeof(double));
    if (worker->x && (worker->features || !labels->count)) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld features of dimension %lld",
                    (long long)labels->columns, (long long)worker->dim);
}

/* ---- All runs ------------------------------------------------------------------------------------ */

typedef struct {
    const ufm_labels *labels;
    const ufm_explorer *explorer;
    ufm_multistart *result;
    ufm_status *status; /* [workers] */
    ufm_error *error;
    _Atomic int64_t next, done;
    _Atomic bool stop;
} crowd;

static ufm_status report_progress(crowd *all, ufm_error *error)
{
    char what[64];
    const int64_t done = all->done, runs = all->result->runs;
    if (!all->explorer->progress) return UFM_OK;
    snprintf(what, sizeof what, "run %lld of %lld", (long long)done, (long long)runs);
    if (all->explorer->progress(all->explorer->context, (double)done / (double)runs, what)) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_CANCELLED, "interrupted after %lld of %lld runs", (long long)done,
                    (long long)runs);
}

/* Takes runs until none is left: their lengths differ too much for equal parts. */
static ufm_status work(crowd *all, bool reports, ufm_error *error)
{
    multistart_worker worker;
    ufm_status status = worker_prepare(all->labels, all->explorer, &worker, error);
    while (status == UFM_OK && !all->stop) {
        ufm_minimize_info info;
        ufm_certificate certificate;
        const int64_t index = all->next++;
        if (index >= all->result->runs) break;
        ufm_run *run = &all->result->run[index];
        multistart_plan(all->explorer->seed, index, run);
        status = run_one(&worker, run, &info, &certificate, error);
        all->done++;
        if (status == UFM_OK && reports) status = report_progress(all, error);
    }
    worker_release(&worker);
    return status;
}

static void body(void *context, int index, int64_t begin, int64_t end)
{
    (void)begin;
    (void)end;
    crowd *all = context;
    all->status[index] = work(all, index == 0, &all->error[index]);
    if (all->status[index] != UFM_OK) all->stop = true;
}

static ufm_status run_all(crowd *all, ufm_error *error)
{
    int threads = all->explorer->threads > 0 ? all->explorer->threads : ufm_threads_available();
    if (threads > all->result->runs) threads = (int)all->result->runs;
    ufm_pool *pool = ufm_pool_new(threads);
    all->status = ufm_alloc(threads, sizeof *all->status);
    all->error = ufm_alloc(threads, sizeof *all->error);
    ufm_status status = UFM_OK;
    if (!pool || !all->status || !all->error) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory or threads for %d workers", threads);
        goto cleanup;
    }
    ufm_pool_run(pool, threads, 1, body, all);
    for (int t = 0; t < threads && status == UFM_OK; t++) {
        status = all->status[t];
        if (status != UFM_ERROR_CANCELLED) {
            if (status != UFM_OK) ufm_fail(error, status, "%s", all->error[t].text);
            continue;
        }
        /* Every worker finishes the run that it holds: those below `next` are complete. */
        status = UFM_OK;
        all->result->interrupted = true;
        if (all->next < all->result->runs) all->result->runs = all->next;
    }
cleanup:
    ufm_pool_free(pool);
    ufm_free(all->status);
    ufm_free(all->error);
    return status;
}

/* ---- Results ------------------------------------------------------------------------------------- */

void ufm_share_interval(int64_t hits, int64_t trials, double *low, double *high)
{
    const double k = (double)hits, n = (double)trials;
    *low = hits > 0 ? gsl_cdf_beta_Pinv(0.025, k, n - k + 1) : 0;
    *high = hits < trials ? gsl_cdf_beta_Pinv(0.975, k + 1, n - k) : 1;
}

bool ufm_multistart_nonglobal(const ufm_multistart *result, int64_t run)
{
    const double best = result->best_objective;
    return result->run[run].local_minimum &&
           !(result->run[run].objective - best <= same_objective * fabs(best));
}

static void summarise(ufm_multistart *result)
{
    result->best_objective = INFINITY;
    for (int64_t r = 0; r < result->runs; r++) {
        const ufm_run *run = &result->run[r];
        result->best_objective = fmin(result->best_objective, run->objective);
        result->lower_bound = fmax(result->lower_bound, run->objective - run->gap);
        if (run->verdict == UFM_CERTIFIED_GLOBAL) {
            result->global++;
            result->worst_gap = fmax(result->worst_gap, run->gap / fabs(run->objective));
        } else if (run->verdict == UFM_CERTIFIED_SADDLE) {
            result->saddle++;
        } else {
            result->inconclusive++;
        }
    }
    for (int64_t r = 0; r < result->runs; r++)
        if (ufm_multistart_nonglobal(result, r)) result->nonglobal_minima++;
    ufm_share_interval(result->global, result->runs, &result->global_low, &result->global_high);
}

/* Refuses instances without a minimum, as ufm_solve does. *bound: a certified lower bound from the dimension
 * where it is tight; bounds hold for every d. Without `bound` no time is spent on iterations. */
static ufm_status check(const ufm_labels *labels, const ufm_explorer *explorer, double *bound,
                        ufm_error *error)
{
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *solution = NULL;
    settings.objective = explorer->objective;
    settings.dim = explorer->dim;
    settings.threads = 1;
    settings.minimize.max_iterations = 0;
    const int64_t rank = ufm_loss_rank(explorer->objective.loss, labels->classes);
    if (bound && explorer->dim > 0 && explorer->dim < rank) {
        settings.dim = rank;
        settings.seed = explorer->seed;
        settings.minimize = descent();
    }
    const ufm_status status = ufm_solve(labels, &settings, &solution, error);
    if (status == UFM_OK && bound) *bound = solution->certificate.lower_bound;
    ufm_solution_free(solution);
    return status;
}

ufm_status ufm_multistart_run(const ufm_labels *labels, const ufm_explorer *explorer, int64_t runs,
                              ufm_multistart **result, ufm_error *error)
{
    if (runs < 1) return ufm_fail(error, UFM_ERROR_USAGE, "the number of runs must be at least 1");
    double bound;
    ufm_status status = check(labels, explorer, &bound, error);
    if (status != UFM_OK) return status;
    ufm_multistart *made = ufm_alloc(1, sizeof *made);
    if (made) made->run = ufm_alloc(runs, sizeof *made->run);
    if (!made || !made->run) {
        ufm_multistart_free(made);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld runs", (long long)runs);
    }
    made->runs = runs;
    made->lower_bound = bound;
    crowd all = {.labels = labels, .explorer = explorer, .result = made};
    status = run_all(&all, error);
    if (status == UFM_OK) {
        /* The quantiles report what they do not like through GSL's handler, which aborts by default. */
        gsl_error_handler_t *handler = gsl_set_error_handler_off();
        summarise(made);
        gsl_set_error_handler(handler);
    }
    if (status == UFM_OK) {
        *result = made;
    } else {
        ufm_multistart_free(made);
    }
    return status;
}

void ufm_multistart_free(ufm_multistart *result)
{
    if (!result) return;
    ufm_free(result->run);
    ufm_free(result);
}

ufm_status ufm_multistart_replay(const ufm_labels *labels, const ufm_explorer *explorer, const ufm_run *run,
                                 ufm_solution **solution, ufm_error *error)
{
    multistart_worker worker = {0};
    ufm_run copy = *run;
    ufm_solution *made = NULL;
    ufm_status status = check(labels, explorer, NULL, error);
    if (status == UFM_OK) status = worker_prepare(labels, explorer, &worker, error);
    if (status != UFM_OK) goto cleanup;
    made = ufm_alloc(1, sizeof *made);
    if (!made) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the point of a run");
        goto cleanup;
    }
    status = run_one(&worker, &copy, &made->info, &made->certificate, error);
    if (status != UFM_OK) goto cleanup;
    made->point = ufm_model_point(worker.model, worker.x, worker.features);
    made->storage = worker.x;
    made->features = worker.features;
    worker.x = worker.features = NULL;
cleanup:
    worker_release(&worker);
    if (status == UFM_OK) {
        *solution = made;
    } else {
        ufm_solution_free(made);
    }
    return status;
}
