/* ufmlab landscape multistart: random starts, each ended by its certificate. */
#include "landscape.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Runs that ended at the same objective and rank, as minima. */
typedef struct {
    double objective;
    int64_t rank, count, run; /* run: the first of them */
    bool global;              /* certified */
} minimum;

/* What there is to print. */
typedef struct {
    const options *opts;
    const landscape_task *task;
    int64_t dim;
    ufm_multistart *result;
    minimum *minima;
    int64_t distinct;
    int64_t best; /* run with the least objective */
    ufm_solution *solution;
    ufm_metrics *metrics;
    double smallest_angle; /* degrees, between two rows of W at the best point that do not vanish */
    int64_t vanishing;     /* rows of W that do */
    double *residual;      /* [K] ufm_averaging_residual there */
} outcome;

enum { REMARKABLE_MAX = 20 };

/* ---- What follows from the runs ------------------------------------------------------------------ */

static bool is_minimum(const ufm_run *run)
{
    return run->verdict == UFM_CERTIFIED_GLOBAL || run->local_minimum;
}

static bool remarkable(const ufm_multistart *result, int64_t run)
{
    return ufm_multistart_nonglobal(result, run) ||
           (result->run[run].verdict == UFM_CERTIFIED_INCONCLUSIVE && !result->run[run].local_minimum);
}

static int by_objective(const void *a, const void *b)
{
    const minimum *p = a, *q = b;
    if (p->objective != q->objective) return p->objective < q->objective ? -1 : 1;
    return (p->run > q->run) - (p->run < q->run);
}

static ufm_status collect_minima(outcome *out, ufm_error *error)
{
    const ufm_multistart *result = out->result;
    minimum *list = out->minima = ufm_alloc(result->runs, sizeof *list);
    if (!list) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the list of minima");
    int64_t found = 0;
    for (int64_t r = 0; r < result->runs; r++) {
        const ufm_run *run = &result->run[r];
        if (run->objective < result->run[out->best].objective) out->best = r;
        if (is_minimum(run))
            list[found++] = (minimum){run->objective, run->rank, 1, r, run->verdict == UFM_CERTIFIED_GLOBAL};
    }
    if (found > 0) qsort(list, (size_t)found, sizeof *list, by_objective);
    for (int64_t i = 0; i < found; i++) {
        minimum *last = out->distinct > 0 ? &list[out->distinct - 1] : NULL;
        if (last && list[i].rank == last->rank &&
            list[i].objective - last->objective <= 1e-9 * fabs(last->objective)) {
            last->count++;
            last->global = last->global || list[i].global;
            if (list[i].run < last->run) last->run = list[i].run;
        } else {
            list[out->distinct++] = list[i];
        }
    }
    return UFM_OK;
}

/* Smallest angle between two rows of W that do not vanish (below 1e-6 of the largest), and how many do. */
static ufm_status look_at_rows(outcome *out, ufm_error *error)
{
    const ufm_point *point = &out->solution->point;
    const int64_t K = point->classes, d = point->dim;
    double *rows = ufm_alloc(K * d, sizeof *rows), *norm = ufm_alloc(K, sizeof *norm);
    double largest = 0;
    ufm_status status = UFM_OK;
    out->smallest_angle = NAN;
    out->vanishing = 0;
    if (!rows || !norm) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the angles");
        goto cleanup;
    }
    for (int64_t k = 0; k < K; k++) {
        for (int64_t j = 0; j < d; j++) rows[k * d + j] = point->W[k + j * K];
        norm[k] = ufm_norm(d, rows + k * d);
        largest = fmax(largest, norm[k]);
    }
    for (int64_t k = 0; k < K; k++) {
        const bool vanishes = !(norm[k] > 1e-6 * largest);
        out->vanishing += vanishes;
        for (int64_t l = 0; l < k && !vanishes; l++)
            if (norm[l] > 1e-6 * largest)
                out->smallest_angle =
                    fmin(out->smallest_angle, ufm_angle(d, rows + k * d, rows + l * d) * (180 / M_PI));
    }
cleanup:
    ufm_free(rows);
    ufm_free(norm);
    return status;
}

static ufm_status look_at_best(outcome *out, ufm_error *error)
{
    ufm_status status = ufm_multistart_replay(out->task->labels, &out->task->explorer,
                                              &out->result->run[out->best], &out->solution, error);
    if (status == UFM_OK)
        status = ufm_metrics_compute(&out->solution->point, out->task->labels, &out->metrics, error);
    if (status == UFM_OK) status = look_at_rows(out, error);
    if (status != UFM_OK) return status;
    out->residual = ufm_alloc(out->task->labels->classes, sizeof *out->residual);
    if (!out->residual) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the residuals");
    return ufm_averaging_residual(&out->solution->point, out->task->labels, out->residual, error);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void json_run(ufm_json *json, const ufm_run *run)
{
    ufm_json_integer(json, "seed", (int64_t)run->seed);
    ufm_json_string(json, "kind", ufm_start_kind_name(run->kind));
    ufm_json_number(json, "init_scale", run->scale);
    ufm_json_string(json, "verdict", ufm_certified_text(run->verdict));
    ufm_json_bool(json, "local_minimum", run->local_minimum);
    ufm_json_number(json, "objective", run->objective);
    ufm_json_number(json, "gap", run->gap);
    ufm_json_number(json, "gradient_norm", run->gradient_norm);
    ufm_json_integer(json, "rank", run->rank);
}

static void json_interval(ufm_json *json, const char *key, int64_t hits, int64_t trials)
{
    double low, high;
    ufm_share_interval(hits, trials, &low, &high);
    ufm_json_list(json, key);
    ufm_json_number(json, NULL, low);
    ufm_json_number(json, NULL, high);
    ufm_json_end(json);
}

/* How the runs of one kind ended. */
typedef struct {
    int64_t runs, global, saddle, inconclusive, nonglobal;
} tally;

static tally count_kind(const ufm_multistart *result, ufm_start_kind kind)
{
    tally sum = {0};
    for (int64_t r = 0; r < result->runs; r++) {
        if (result->run[r].kind != kind) continue;
        sum.runs++;
        sum.global += result->run[r].verdict == UFM_CERTIFIED_GLOBAL;
        sum.saddle += result->run[r].verdict == UFM_CERTIFIED_SADDLE;
        sum.inconclusive += result->run[r].verdict == UFM_CERTIFIED_INCONCLUSIVE;
        sum.nonglobal += ufm_multistart_nonglobal(result, r);
    }
    return sum;
}

static void json_kinds(ufm_json *json, const ufm_multistart *result)
{
    ufm_json_object(json, "kinds");
    for (int kind = 0; kind < UFM_START_KINDS; kind++) {
        const tally sum = count_kind(result, (ufm_start_kind)kind);
        ufm_json_object(json, ufm_start_kind_name((ufm_start_kind)kind));
        ufm_json_integer(json, "runs", sum.runs);
        ufm_json_integer(json, "global", sum.global);
        ufm_json_integer(json, "saddle", sum.saddle);
        ufm_json_integer(json, "inconclusive", sum.inconclusive);
        ufm_json_integer(json, "nonglobal_minima", sum.nonglobal);
        json_interval(json, "nonglobal_share_interval", sum.nonglobal, sum.runs);
        ufm_json_end(json);
    }
    ufm_json_end(json);
}

static void json_lists(ufm_json *json, const outcome *out)
{
    const ufm_multistart *result = out->result;
    ufm_json_list(json, "minima");
    for (int64_t i = 0; i < out->distinct; i++) {
        const minimum *m = &out->minima[i];
        ufm_json_object(json, NULL);
        ufm_json_number(json, "objective", m->objective);
        ufm_json_number(json, "above_best", m->objective / result->best_objective - 1);
        ufm_json_integer(json, "rank", m->rank);
        ufm_json_integer(json, "count", m->count);
        ufm_json_bool(json, "global", m->global);
        ufm_json_integer(json, "seed", (int64_t)result->run[m->run].seed);
        ufm_json_string(json, "kind", ufm_start_kind_name(result->run[m->run].kind));
        ufm_json_number(json, "init_scale", result->run[m->run].scale);
        ufm_json_end(json);
    }
    ufm_json_end(json);
    ufm_json_list(json, "remarkable");
    for (int64_t r = 0, listed = 0; r < result->runs && listed < REMARKABLE_MAX; r++) {
        if (!remarkable(result, r)) continue;
        ufm_json_object(json, NULL);
        json_run(json, &result->run[r]);
        ufm_json_end(json);
        listed++;
    }
    ufm_json_end(json);
}

static ufm_status print_json(const outcome *out, ufm_error *error)
{
    const ufm_multistart *result = out->result;
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", out->task->labels->classes);
    ufm_json_integer(json, "dim", out->dim);
    ufm_json_integer(json, "samples_total", out->task->labels->samples);
    ufm_json_integer(json, "features", out->task->labels->columns);
    ufm_json_integer(json, "seed", (int64_t)out->task->explorer.seed);
    ufm_json_integer(json, "runs", result->runs);
    ufm_json_integer(json, "global", result->global);
    ufm_json_integer(json, "saddle", result->saddle);
    ufm_json_integer(json, "inconclusive", result->inconclusive);
    ufm_json_integer(json, "nonglobal_minima", result->nonglobal_minima);
    ufm_json_integer(json, "distinct_minima", out->distinct);
    ufm_json_number(json, "worst_gap", result->worst_gap);
    ufm_json_number(json, "best_objective", result->best_objective);
    ufm_json_number(json, "lower_bound", result->lower_bound);
    json_interval(json, "global_share_interval", result->global, result->runs);
    json_interval(json, "nonglobal_share_interval", result->nonglobal_minima, result->runs);
    json_kinds(json, result);
    ufm_json_object(json, "best");
    json_run(json, &result->run[out->best]);
    ufm_json_number(json, "smallest_angle_degrees", out->smallest_angle);
    ufm_json_integer(json, "vanishing_rows", out->vanishing);
    ufm_json_object(json, "averaging_residual");
    for (int64_t k = 0; k < out->task->labels->classes; k++) {
        char name[24];
        if (isnan(out->residual[k])) continue;
        snprintf(name, sizeof name, "%lld", (long long)k + 1);
        ufm_json_number(json, name, out->residual[k]);
    }
    ufm_json_end(json);
    json_metrics(json, out->metrics);
    ufm_json_end(json);
    json_lists(json, out);
    return ufm_json_finish(json, stdout, error);
}

/* ---- Text ---------------------------------------------------------------------------------------- */

static void print_replay(const outcome *out, const ufm_run *run)
{
    if (run->kind == UFM_START_GAUSSIAN) {
        printf("      ufmlab solve (same instance) --dim %lld --solver newton --seed %llu --init-scale %g\n",
               (long long)out->dim, (unsigned long long)run->seed, run->scale);
    } else {
        printf("      %s start, seed %llu, scale %g\n", ufm_start_kind_name(run->kind),
               (unsigned long long)run->seed, run->scale);
    }
}

static void print_minima(const outcome *out)
{
    const ufm_multistart *result = out->result;
    printf("  %-24s  %10s  %4s  %6s\n", "minimum", "above best", "rank", "runs");
    for (int64_t i = 0; i < out->distinct && i < REMARKABLE_MAX; i++) {
        const minimum *m = &out->minima[i];
        printf("  %-24.16g  %10.2e  %4lld  %6lld%s\n", m->objective,
               m->objective / result->best_objective - 1, (long long)m->rank, (long long)m->count,
               m->global ? "  certified global" : "");
        print_replay(out, &result->run[m->run]);
    }
    if (out->distinct > REMARKABLE_MAX)
        printf("  and %lld more (--json lists all)\n", (long long)(out->distinct - REMARKABLE_MAX));
}

static void print_text(const outcome *out)
{
    const ufm_multistart *result = out->result;
    int64_t local = 0; /* decided by the Hessian, where the certificate is inconclusive */
    for (int64_t r = 0; r < result->runs; r++) local += result->run[r].local_minimum;
    printf("%lld runs, K = %lld, d = %lld: %lld global, %lld saddle, %lld inconclusive\n",
           (long long)result->runs, (long long)out->task->labels->classes, (long long)out->dim,
           (long long)result->global, (long long)result->saddle, (long long)result->inconclusive);
    printf("  local minima       %lld besides the certified ones, %lld of them above the least f\n",
           (long long)local, (long long)result->nonglobal_minima);
    printf("  share global       %.4f, 95 %% interval [%.4f, %.4f]\n",
           (double)result->global / (double)result->runs, result->global_low, result->global_high);
    if (result->global > 0) printf("  worst gap          %.2e of f\n", result->worst_gap);
    printf("  least f            %.16g\n  lower bound        %.16g\n", result->best_objective,
           result->lower_bound);
    printf("  at the best point  %lld rows of W vanish, angle between two others at least %.6g degrees\n",
           (long long)out->vanishing, out->smallest_angle);
    for (int64_t k = 0; k < out->task->labels->classes; k++)
        if (!isnan(out->residual[k]))
            printf("    multiplicity %lld: features off tag-wise averages by %.1e\n", (long long)k + 1,
                   out->residual[k]);
    printf("  %-12s  %7s  %7s  %7s  %12s  %s\n", "start", "runs", "global", "saddle", "inconclusive",
           "non-global minima");
    for (int kind = 0; kind < UFM_START_KINDS; kind++) {
        const tally sum = count_kind(result, (ufm_start_kind)kind);
        printf("  %-12s  %7lld  %7lld  %7lld  %12lld  %lld\n", ufm_start_kind_name((ufm_start_kind)kind),
               (long long)sum.runs, (long long)sum.global, (long long)sum.saddle, (long long)sum.inconclusive,
               (long long)sum.nonglobal);
    }
    print_minima(out);
    for (int64_t r = 0, listed = 0; r < result->runs && listed < REMARKABLE_MAX; r++) {
        const ufm_run *run = &result->run[r];
        if (!remarkable(result, r) || run->local_minimum) continue;
        printf("  unresolved: f %.16g, |gradient| %.1e, gap %.1e\n", run->objective, run->gradient_norm,
               run->gap);
        print_replay(out, run);
        listed++;
    }
}

/* ---- data/multistart.csv ------------------------------------------------------------------------- */

static void write_data(const ufm_multistart *result, FILE *stream)
{
    fputs("run,seed,kind,scale,verdict,local_minimum,objective,gap,gradient_norm,rank\n", stream);
    for (int64_t r = 0; r < result->runs; r++) {
        const ufm_run *run = &result->run[r];
        fprintf(stream, "%lld,%llu,%s,%g,%s,%d,%.17g,%.17g,%.17g,%lld\n", (long long)r,
                (unsigned long long)run->seed, ufm_start_kind_name(run->kind), run->scale,
                ufm_certified_text(run->verdict), run->local_minimum, run->objective, run->gap,
                run->gradient_norm, (long long)run->rank);
    }
}

int landscape_multistart(const options *opts)
{
    ufm_error error = {{0}};
    landscape_task task;
    outcome out = {.opts = opts, .task = &task};
    int code = EXIT_DONE;
    ufm_output *data = NULL; /* opened before the work: a bad --out shows at once */
    ufm_status status = landscape_begin(opts, &task, &error);
    if (status == UFM_OK && (opts->value[OPT_ASCII].given || opts->value[OPT_INTERACTIVE].given))
        status = ufm_fail(&error, UFM_ERROR_USAGE,
                          "multistart has no figure to draw; leave --ascii and --interactive out");
    if (status == UFM_OK && opts->value[OPT_OUT].given)
        status = command_data(opts, "multistart", &data, &error);
    if (status == UFM_OK)
        status = ufm_multistart_run(task.labels, &task.explorer, opts->value[OPT_RUNS].integer, &out.result,
                                    &error);
    progress_end(&task.line);
    if (status == UFM_OK) status = collect_minima(&out, &error);
    if (status == UFM_OK) status = look_at_best(&out, &error);
    if (status == UFM_OK && data) {
        write_data(out.result, ufm_output_stream(data));
        status = ufm_output_commit(data, &error);
        data = NULL;
    }
    if (status != UFM_OK) goto cleanup;
    out.dim = out.solution->point.dim;
    if (opts->value[OPT_JSON].given) {
        status = print_json(&out, &error);
    } else {
        print_text(&out);
    }
    if (out.result->interrupted) {
        fprintf(stderr, "ufmlab: interrupted; these are the %lld runs of %lld that were finished\n",
                (long long)out.result->runs, (long long)opts->value[OPT_RUNS].integer);
        code = EXIT_FAILED;
    }
    /* note 11: none can exist there */
    if (out.dim >= ufm_loss_benign_dim(task.explorer.objective.loss, task.labels->classes) &&
        out.result->nonglobal_minima > 0)
        code = EXIT_FAILED;
cleanup:
    ufm_output_abort(data);
    ufm_free(out.residual);
    ufm_metrics_free(out.metrics);
    ufm_solution_free(out.solution);
    ufm_free(out.minima);
    ufm_multistart_free(out.result);
    landscape_end(&task);
    return status == UFM_OK ? finish_output(code) : report_failure(status, &error);
}
