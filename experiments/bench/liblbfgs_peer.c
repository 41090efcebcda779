/* libLBFGS (history 10, its line search of More and Thuente) on ufmlab's objective, from a start in a file.
 *
 *   liblbfgs-peer START.h5 --optimum F --target T --limit SECONDS
 *
 * START.h5 is what `ufmlab solve --max-iterations 0 --save` writes. Minimises until f - F <= T or the time is
 * up and prints one JSON object, as solver-peer.py does. Time counts from the start point on, without
 * reading. */
#include <lbfgs.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>

enum { HISTORY = 10, PADDING = 16 /* its vectors have a multiple of 16 numbers */ };

typedef struct {
    ufm_model *model;
    double optimum, target, limit;
    double started, seconds, first, best;
    int64_t evaluations;
} watch;

static bool reached(const watch *w)
{
    return w->best - w->optimum <= w->target;
}

static lbfgsfloatval_t evaluate(void *context, const lbfgsfloatval_t *x, lbfgsfloatval_t *gradient,
                                const int n, const lbfgsfloatval_t step)
{
    (void)step;
    watch *w = context;
    const int64_t size = ufm_model_size(w->model);
    const double value = ufm_model_gradient(w->model, x, gradient);
    memset(gradient + size, 0, (size_t)(n - size) * sizeof *gradient);
    if (w->evaluations++ == 0) w->first = value;
    if (!reached(w)) w->seconds = ufm_seconds() - w->started;
    w->best = fmin(w->best, value);
    return value;
}

/* Called after each iteration; anything but 0 stops. */
static int progress(void *context, const lbfgsfloatval_t *x, const lbfgsfloatval_t *gradient,
                    const lbfgsfloatval_t value, const lbfgsfloatval_t x_norm,
                    const lbfgsfloatval_t gradient_norm, const lbfgsfloatval_t step, int n, int iteration,
                    int evaluations)
{
    (void)x, (void)gradient, (void)value, (void)x_norm, (void)gradient_norm;
    (void)step, (void)n, (void)iteration, (void)evaluations;
    const watch *w = context;
    return reached(w) || w->seconds > w->limit;
}

static ufm_status print(const watch *w, ufm_error *error)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "stop",
                    reached(w)              ? "reached"
                    : w->seconds > w->limit ? "time limit"
                                            : "stopped by itself");
    ufm_json_number(json, "seconds", w->seconds);
    ufm_json_integer(json, "evaluations", w->evaluations);
    ufm_json_number(json, "start", w->first);
    ufm_json_number(json, "objective", w->best);
    ufm_json_number(json, "gap", w->best - w->optimum);
    ufm_json_number(json, "memory_gib", (double)usage.ru_maxrss / 1048576);
    return ufm_json_finish(json, stdout, error);
}

static ufm_status minimise(watch *w, const ufm_point *point, ufm_error *error)
{
    const int64_t size = ufm_model_size(w->model);
    const int n = (int)((size + PADDING - 1) / PADDING * PADDING);
    lbfgs_parameter_t parameters;
    lbfgs_parameter_init(&parameters);
    parameters.m = HISTORY;
    parameters.epsilon = 0; /* it is `progress` that stops */
    lbfgsfloatval_t *x = lbfgs_malloc(n);
    if (!x) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %d variables", n);
    memset(x + size, 0, (size_t)(n - size) * sizeof *x);
    const ufm_status status = ufm_model_pack(w->model, point, x, error);
    w->started = ufm_seconds();
    if (status == UFM_OK) lbfgs(n, x, NULL, evaluate, progress, w, &parameters);
    lbfgs_free(x);
    return status;
}

static void read_options(int count, char **words, watch *w)
{
    for (int i = 2; i + 1 < count; i += 2) {
        const double value = strtod(words[i + 1], NULL);
        if (strcmp(words[i], "--optimum") == 0) w->optimum = value;
        if (strcmp(words[i], "--target") == 0) w->target = value;
        if (strcmp(words[i], "--limit") == 0) w->limit = value;
    }
}

int main(int count, char **words)
{
    ufm_error error = {{0}};
    ufm_solution *start = NULL;
    ufm_labels *labels = NULL;
    ufm_model_settings settings = {0};
    watch w = {.target = 1e-10, .limit = 600, .best = INFINITY};
    if (count < 4) {
        fputs("liblbfgs-peer START.h5 --optimum F [--target T] [--limit SECONDS]\n", stderr);
        return 2;
    }
    read_options(count, words, &w);
    ufm_status status = ufm_solution_load(words[1], &start, &labels, &settings.objective, &error);
    if (status == UFM_OK) {
        settings.dim = start->point.dim;
        status = ufm_model_new(labels, &settings, &w.model, &error);
    }
    if (status == UFM_OK) status = minimise(&w, &start->point, &error);
    if (status == UFM_OK) status = print(&w, &error);
    if (status != UFM_OK) fprintf(stderr, "liblbfgs-peer: %s\n", error.text);
    ufm_model_free(w.model);
    ufm_solution_free(start);
    ufm_labels_free(labels);
    return status == UFM_OK ? 0 : 2;
}
