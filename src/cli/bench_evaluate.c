/* ufmlab bench evaluate: how near an evaluation comes to what the machine can do. */
#include "bench.h"
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <ufmlab/linalg.h>

/* What the cores and the memory do, measured. */
typedef struct {
    double flops, bytes; /* a second: DGEMM, and STREAM's triad on arrays far larger than the caches */
    double exponentials; /* a second: of numbers in the first cache */
} machine_peak;

typedef struct {
    int64_t classes, dim, columns, iterations;
    int threads;
    double evaluation, iteration; /* seconds */
    double flops, bytes; /* of an evaluation: three products with H; H read and its gradient written */
    double exponentials; /* the softmax's */
    int64_t vectors, peak_bytes; /* of the length of x that lbfgs holds; resident set at its largest */
    machine_peak peak;
} bench_result;

enum {
    SQUARE = 384,
    TRIAD = 1 << 22,
    EXPONENTIALS = 1024,
    REPEATS = 256,
    ROUNDS = 5,
    MOST_EVALUATIONS = 1 << 20
};
static const double shortest = 0.2; /* seconds that a measurement lasts at least */

typedef struct {
    double *a, *b, *c;
} arrays;

static void triad_body(void *context, int worker, int64_t begin, int64_t end)
{
    (void)worker;
    const arrays *v = context;
    ufm_step(end - begin, v->b + begin, 3, v->c + begin, v->a + begin);
}

static void square_body(void *context, int worker, int64_t begin, int64_t end)
{
    (void)begin;
    (void)end;
    const arrays *v = context;
    const int64_t at = (int64_t)worker * SQUARE * SQUARE;
    ufm_gemm(1, ufm_view(v->a + at, SQUARE, SQUARE), ufm_view(v->b + at, SQUARE, SQUARE), 0,
             ufm_view(v->c + at, SQUARE, SQUARE));
}

/* Again and again of what they become: exp(0), exp(1), ... would soon be infinite, exp(-exp(-...)) stays near
 * 0.57. */
static void exponentials_body(void *context, int worker, int64_t begin, int64_t end)
{
    (void)begin;
    (void)end;
    const arrays *v = context;
    double *at = v->a + (int64_t)worker * EXPONENTIALS;
    for (int i = 0; i < REPEATS; i++) {
        ufm_scale(EXPONENTIALS, -1, at);
        ufm_exp(EXPONENTIALS, at);
    }
}

/* Seconds of the fastest of a few rounds. */
static double fastest(ufm_pool *pool, int64_t count, ufm_pool_body *body, arrays *v)
{
    double best = INFINITY;
    for (int round = 0; round <= ROUNDS; round++) {
        const double started = ufm_seconds();
        ufm_pool_run(pool, count, 1, body, v);
        const double seconds = ufm_seconds() - started;
        if (round > 0 && seconds < best) best = seconds; /* the first one warms up */
    }
    return best;
}

static ufm_status measure_peak(int threads, machine_peak *peak)
{
    ufm_pool *pool = ufm_pool_new(threads);
    const int workers = ufm_pool_threads(pool);
    const int64_t squares = (int64_t)workers * SQUARE * SQUARE, numbers = squares > TRIAD ? squares : TRIAD;
    arrays v = {ufm_alloc(numbers, sizeof(double)), ufm_alloc(numbers, sizeof(double)),
                ufm_alloc(numbers, sizeof(double))};
    const bool ready = pool && v.a && v.b && v.c;
    if (ready) {
        peak->flops = 2.0 * SQUARE * SQUARE * SQUARE * workers / fastest(pool, workers, square_body, &v);
        peak->bytes = 3.0 * sizeof(double) * TRIAD / fastest(pool, TRIAD, triad_body, &v);
        memset(v.a, 0, (size_t)numbers * sizeof(double));
        peak->exponentials =
            (double)EXPONENTIALS * REPEATS * workers / fastest(pool, workers, exponentials_body, &v);
    }
    ufm_free(v.a);
    ufm_free(v.b);
    ufm_free(v.c);
    ufm_pool_free(pool);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}

/* Median over the rounds of the time of one evaluation. */
static double time_evaluation(ufm_model *model, const double *x, double *gradient)
{
    double seconds[ROUNDS];
    int64_t repeats = 1;
    for (int round = -1; round < ROUNDS; round++) {
        const double started = ufm_seconds();
        for (int64_t i = 0; i < repeats; i++) (void)ufm_model_gradient(model, x, gradient);
        const double spent = ufm_seconds() - started;
        if (round < 0 && spent < shortest / ROUNDS && repeats < MOST_EVALUATIONS) {
            repeats *= 2;
            round--;
            continue;
        }
        if (round < 0) continue;
        int at = round;
        for (; at > 0 && seconds[at - 1] > spent / (double)repeats; at--) seconds[at] = seconds[at - 1];
        seconds[at] = spent / (double)repeats;
    }
    return seconds[ROUNDS / 2];
}

static bool go_on(void *context, const ufm_progress *progress)
{
    (void)context;
    (void)progress;
    return !interrupted();
}

static ufm_status measure(const options *opts, const ufm_labels *labels, bench_result *result,
                          ufm_error *error)
{
    ufm_model_settings settings = {.dim = opts->value[OPT_DIM].given ? opts->value[OPT_DIM].integer
                                                                     : labels->classes,
                                   .threads = (int)opts->value[OPT_THREADS].integer};
    ufm_model *model = NULL;
    ufm_status status = read_objective(opts, &settings.objective, error);
    if (status == UFM_OK) status = ufm_model_new(labels, &settings, &model, error);
    if (status != UFM_OK) return status;
    const int64_t n = ufm_model_size(model);
    double *x = ufm_alloc(n, sizeof *x), *gradient = ufm_alloc(n, sizeof *gradient);
    status = x && gradient ? ufm_model_start(model, (uint64_t)opts->value[OPT_SEED].integer,
                                             opts->value[OPT_INIT_SCALE].real, x)
                           : UFM_ERROR_MEMORY;
    if (status == UFM_OK) result->evaluation = time_evaluation(model, x, gradient);
    ufm_free(gradient); /* so that the peak below is that of a solve */
    ufm_minimize_settings minimize = ufm_minimize_defaults();
    minimize.history = opts->value[OPT_HISTORY].integer;
    minimize.max_iterations = 3 * minimize.history;
    minimize.observe = go_on;
    const ufm_function function = ufm_function_of_model(model);
    ufm_minimize_info info = {0};
    if (status == UFM_OK) status = ufm_minimize(&function, &minimize, x, &info, error);
    result->iteration = info.seconds / (double)(info.iterations > 0 ? info.iterations : 1);
    result->iterations = info.iterations;
    result->vectors = ufm_solver_vectors(UFM_SOLVER_LBFGS, minimize.history) + 1;
    result->classes = labels->classes;
    result->dim = settings.dim;
    result->columns = labels->columns;
    result->threads = ufm_pool_threads(ufm_model_pool(model));
    result->flops = 6.0 * (double)labels->columns * (double)settings.dim * (double)labels->classes;
    result->bytes = 16.0 * (double)labels->columns * (double)settings.dim;
    result->exponentials = (double)labels->columns * (double)labels->classes;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) result->peak_bytes = (int64_t)usage.ru_maxrss * 1024;
    ufm_free(x);
    ufm_model_free(model);
    return status;
}

/* What no evaluation can undercut on this machine while its numbers come from memory. */
static double bound(const bench_result *r)
{
    return fmax(r->flops / r->peak.flops, r->bytes / r->peak.bytes);
}

/* The same, when the arithmetic takes its exponentials, too. */
static double bound_with_exponentials(const bench_result *r)
{
    return fmax(r->flops / r->peak.flops + r->exponentials / r->peak.exponentials, r->bytes / r->peak.bytes);
}

static ufm_status print_json(const bench_result *r, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", r->classes);
    ufm_json_integer(json, "dim", r->dim);
    ufm_json_integer(json, "features", r->columns);
    ufm_json_integer(json, "threads", r->threads);
    ufm_json_number(json, "seconds_per_evaluation", r->evaluation);
    ufm_json_number(json, "flops", r->flops);
    ufm_json_number(json, "bytes", r->bytes);
    ufm_json_number(json, "peak_flops_per_second", r->peak.flops);
    ufm_json_number(json, "peak_bytes_per_second", r->peak.bytes);
    ufm_json_number(json, "bound_seconds", bound(r));
    ufm_json_number(json, "times_the_bound", r->evaluation / bound(r));
    ufm_json_number(json, "exponentials", r->exponentials);
    ufm_json_number(json, "peak_exponentials_per_second", r->peak.exponentials);
    ufm_json_number(json, "bound_with_exponentials_seconds", bound_with_exponentials(r));
    ufm_json_number(json, "times_the_bound_with_exponentials", r->evaluation / bound_with_exponentials(r));
    ufm_json_integer(json, "lbfgs_iterations", r->iterations);
    ufm_json_number(json, "seconds_per_lbfgs_iteration", r->iteration);
    ufm_json_integer(json, "lbfgs_vectors", r->vectors);
    ufm_json_integer(json, "peak_bytes_resident", r->peak_bytes);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const bench_result *r)
{
    printf("K = %lld, d = %lld, %lld features, threads: %d\n", (long long)r->classes, (long long)r->dim,
           (long long)r->columns, r->threads);
    printf("  machine       %.3g GFLOP/s (DGEMM), %.3g GB/s (triad), %.3g exponentials a second\n",
           r->peak.flops / 1e9, r->peak.bytes / 1e9, r->peak.exponentials);
    printf("  evaluation    %.3g ms, %.2f times the bound %.3g ms (%.2f with the exponentials in it)\n",
           1e3 * r->evaluation, r->evaluation / bound(r), 1e3 * bound(r),
           r->evaluation / bound_with_exponentials(r));
    printf("  lbfgs         %.3g ms an iteration; %lld vectors; at most %.3g MB resident\n",
           1e3 * r->iteration, (long long)r->vectors, (double)r->peak_bytes / 1e6);
}

int bench_evaluate(const options *opts)
{
    ufm_error error = {{0}};
    ufm_labels *labels = NULL;
    bench_result result = {0};
    interrupt_install();
    const int64_t copies = ufm_solve_copies(UFM_SOLVER_LBFGS, opts->value[OPT_HISTORY].integer);
    ufm_status status = read_instance(opts, copies, &labels, NULL, &error);
    if (status == UFM_OK) status = measure(opts, labels, &result, &error);
    if (status == UFM_OK) status = measure_peak((int)opts->value[OPT_THREADS].integer, &result.peak);
    ufm_labels_free(labels);
    if (status != UFM_OK) return report_failure(status, &error);
    if (opts->value[OPT_JSON].given)
        status = print_json(&result, &error);
    else
        print_text(&result);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
