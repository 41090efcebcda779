/* ufmlab landscape spectrum: all eigenvalues of the Hessian at the optimum, a saddle or a random point. */
#include "landscape.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

typedef enum { AT_OPTIMUM, AT_SADDLE, AT_RANDOM, POINTS } point_kind;
static const char *const point_names[POINTS] = {"optimum", "saddle", "random"};

/* Relative to the largest eigenvalue: what counts as zero, as equal, and as agreement with the prediction. */
static const double RESOLUTION = 1e-10;

typedef struct {
    landscape_task task;
    point_kind kind;
    int64_t dim, size;
    ufm_model *model;
    ufm_predicted_spectrum *predicted; /* at the optimum; NULL: none */
    char unpredicted[512];             /* why */
    double *x, *gradient, *values;     /* of the point being looked at */
    double objective, gradient_norm, worst_error;
} spectrum_work;

static ufm_status read_kind(const options *opts, point_kind *kind, ufm_error *error)
{
    const char *text = opts->value[OPT_AT].text;
    for (int p = 0; p < POINTS; p++) {
        if (strcmp(text, point_names[p]) != 0) continue;
        *kind = (point_kind)p;
        return UFM_OK;
    }
    return ufm_fail(error, UFM_ERROR_USAGE, "--at %.40s: give optimum, saddle or random", text);
}

static ufm_status check_size(spectrum_work *work, ufm_error *error)
{
    const int64_t K = work->task.labels->classes, n = work->task.labels->columns;
    work->dim = work->task.explorer.dim > 0 ? work->task.explorer.dim : K;
    const double size = (double)(K + n) * (double)work->dim + (double)K;
    if (size > UFM_HESSIAN_DENSE_MAX)
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "the Hessian has %.0f rows, more than the %d that are assembled; use fewer classes, fewer "
            "tag sets or a smaller --dim",
            size, UFM_HESSIAN_DENSE_MAX);
    work->size = (int64_t)size;
    return UFM_OK;
}

/* A prediction that does not apply is no failure. */
static ufm_status predict(spectrum_work *work, ufm_error *error)
{
    ufm_error why = {{0}};
    const ufm_labels *labels = work->task.labels;
    int64_t size = 0;
    if (!work->task.design) {
        snprintf(work->unpredicted, sizeof work->unpredicted, "the labels follow no balanced design");
        return UFM_OK;
    }
    const ufm_status status = ufm_spectrum_predict(work->task.design, &work->task.explorer.objective,
                                                   work->dim, &work->predicted, &why);
    if (status == UFM_ERROR_MEMORY || status == UFM_ERROR_NUMERIC)
        return ufm_fail(error, status, "%s", why.text);
    for (int64_t i = 0; status == UFM_OK && i < work->predicted->distinct; i++)
        size += work->predicted->multiplicity[i];
    if (status == UFM_OK && size == work->size) return UFM_OK;
    snprintf(work->unpredicted, sizeof work->unpredicted, "%s",
             labels->count || status != UFM_OK ? why.text
                                               : "it is for one feature per tag set; use --duplicates merge");
    ufm_predicted_spectrum_free(work->predicted);
    work->predicted = NULL;
    return UFM_OK;
}

/* ---- The points --------------------------------------------------------------------------------------- */

/* The minimiser in dimension `dim`, found by descent. */
static ufm_status go_to_minimum(spectrum_work *work, int64_t dim, ufm_error *error)
{
    const ufm_explorer *explorer = &work->task.explorer;
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *solution;
    settings.objective = explorer->objective;
    settings.dim = dim;
    settings.seed = explorer->seed;
    settings.threads = explorer->threads;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    settings.minimize.tolerance = 1e-12;
    const ufm_status status = ufm_solve(work->task.labels, &settings, &solution, error);
    if (status != UFM_OK) return status;
    ufm_model_embed(work->model, dim, solution->storage, work->x);
    ufm_solution_free(solution);
    return UFM_OK;
}

/* The predicted point where there is one. */
static ufm_status go_to_optimum(spectrum_work *work, ufm_error *error)
{
    const ufm_labels *labels = work->task.labels;
    const int64_t K = labels->classes, d = work->dim, n = labels->columns;
    const ufm_objective *objective = &work->task.explorer.objective;
    if (!work->task.design || d < ufm_loss_rank(objective->loss, K)) return go_to_minimum(work, d, error);
    ufm_prediction *prediction;
    ufm_status status = ufm_predict(work->task.design, objective, &prediction, error);
    if (status != UFM_OK) return status;
    if (!prediction->proved) {
        ufm_prediction_free(prediction);
        return go_to_minimum(work, d, error);
    }
    double *storage = ufm_alloc(K * d + d * n + K, sizeof *storage);
    if (storage) {
        const ufm_point point = {K, d, n, storage, storage + K * d, storage + K * d + d * n};
        for (int64_t k = 0; k < K; k++) storage[K * d + d * n + k] = prediction->bias;
        status = ufm_prediction_point(prediction, labels, d, storage, storage + K * d, error);
        if (status == UFM_OK) status = ufm_model_pack(work->model, &point, work->x, error);
    } else {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the optimum");
    }
    ufm_free(storage);
    ufm_prediction_free(prediction);
    return status;
}

/* The rank of the saddle that is looked at: the last step of the ladder that leaves a direction spare. */
static int64_t saddle_rank(const spectrum_work *work)
{
    const int64_t last = ufm_loss_rank(work->task.explorer.objective.loss, work->task.labels->classes) - 1;
    return work->dim - 1 < last ? work->dim - 1 : last;
}

static ufm_status go_to_saddle(spectrum_work *work, ufm_error *error)
{
    if (saddle_rank(work) > 0) return go_to_minimum(work, saddle_rank(work), error);
    memset(work->x, 0, (size_t)work->size * sizeof *work->x);
    return ufm_model_minimize_bias(work->model, work->x, error);
}

static ufm_status look_at(spectrum_work *work, point_kind kind, ufm_error *error)
{
    const ufm_explorer *explorer = &work->task.explorer;
    ufm_status status = UFM_OK;
    if (!explorer->progress(explorer->context, (double)kind / POINTS, point_names[kind]))
        return ufm_fail(error, UFM_ERROR_CANCELLED, "interrupted; nothing was written");
    switch (kind) {
    case AT_OPTIMUM:
        status = go_to_optimum(work, error);
        break;
    case AT_SADDLE:
        status = go_to_saddle(work, error);
        break;
    default:
        status = ufm_model_start(work->model, explorer->seed, ufm_solve_defaults().init_scale, work->x);
        if (status != UFM_OK) status = ufm_fail(error, status, "not enough memory for a random point");
    }
    return status == UFM_OK ? ufm_spectrum(work->model, work->x, work->values, error) : status;
}

/* ---- What is reported ---------------------------------------------------------------------------------- */

static double largest_magnitude(const spectrum_work *work)
{
    return fmax(fabs(work->values[0]), fabs(work->values[work->size - 1]));
}

static double largest_error(const spectrum_work *work)
{
    double worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < work->predicted->distinct; i++)
        for (int64_t j = 0; j < work->predicted->multiplicity[i]; j++, at++) {
            const double error = fabs(work->values[at] - work->predicted->value[i]);
            if (!(error <= worst)) worst = error;
        }
    return worst / largest_magnitude(work);
}

typedef struct {
    int64_t negative, zero;
    double condition; /* largest over smallest magnitude, zeros left out */
} spectrum_summary;

static spectrum_summary summarise(const spectrum_work *work)
{
    spectrum_summary summary = {0};
    const double largest = largest_magnitude(work);
    double smallest = largest;
    for (int64_t i = 0; i < work->size; i++) {
        const double value = work->values[i];
        if (fabs(value) <= RESOLUTION * largest)
            summary.zero++;
        else
            smallest = fmin(smallest, fabs(value));
        summary.negative += value < -RESOLUTION * largest;
    }
    summary.condition = largest / smallest;
    return summary;
}

static ufm_status print_json(const spectrum_work *work, ufm_error *error)
{
    const spectrum_summary summary = summarise(work);
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "point", point_names[work->kind]);
    ufm_json_integer(json, "size", work->size);
    ufm_json_integer(json, "classes", work->task.labels->classes);
    ufm_json_integer(json, "dim", work->dim);
    ufm_json_integer(json, "features", work->task.labels->columns);
    ufm_json_number(json, "objective", work->objective);
    ufm_json_number(json, "gradient_norm", work->gradient_norm);
    ufm_json_integer(json, "negative", summary.negative);
    ufm_json_integer(json, "zero", summary.zero);
    ufm_json_number(json, "condition", summary.condition);
    ufm_json_list(json, "eigenvalues");
    for (int64_t i = 0; i < work->size; i++) ufm_json_number(json, NULL, work->values[i]);
    ufm_json_end(json);
    if (work->kind == AT_OPTIMUM && work->predicted) {
        ufm_json_list(json, "predicted");
        for (int64_t i = 0; i < work->predicted->distinct; i++) {
            ufm_json_object(json, NULL);
            ufm_json_number(json, "value", work->predicted->value[i]);
            ufm_json_integer(json, "multiplicity", work->predicted->multiplicity[i]);
            ufm_json_end(json);
        }
        ufm_json_end(json);
        ufm_json_number(json, "worst_error", work->worst_error);
    }
    return ufm_json_finish(json, stdout, error);
}

static void print_predicted(const spectrum_work *work)
{
    int64_t at = 0;
    printf("  multiplicity  predicted               measured                largest difference\n");
    for (int64_t i = 0; i < work->predicted->distinct; i++) {
        const int64_t count = work->predicted->multiplicity[i];
        double worst = 0, sum = 0;
        for (int64_t j = 0; j < count; j++, at++) {
            worst = fmax(worst, fabs(work->values[at] - work->predicted->value[i]));
            sum += work->values[at];
        }
        printf("  %12lld  %-22.15g  %-22.15g  %.1e\n", (long long)count, work->predicted->value[i],
               sum / (double)count, worst);
    }
    printf("  predicted to %.1e of the largest eigenvalue\n", work->worst_error);
}

/* Values closer than the resolution are one; a long list shows its ends only. */
static void print_distinct(const spectrum_work *work)
{
    enum { ENDS = 15 };
    const double resolution = RESOLUTION * largest_magnitude(work);
    int64_t distinct = 1, at = 0;
    for (int64_t i = 1; i < work->size; i++) distinct += work->values[i] - work->values[i - 1] > resolution;
    printf("  multiplicity  eigenvalue\n");
    for (int64_t c = 0; c < distinct; c++) {
        int64_t end = at + 1;
        while (end < work->size && !(work->values[end] - work->values[end - 1] > resolution)) end++;
        if (c == ENDS && distinct > 2 * ENDS)
            printf("  ... %lld more (--json prints all) ...\n", (long long)(distinct - 2 * ENDS));
        if (c < ENDS || c >= distinct - ENDS)
            printf("  %12lld  %.15g\n", (long long)(end - at), work->values[at + (end - at) / 2]);
        at = end;
    }
}

static void print_text(const spectrum_work *work)
{
    const ufm_labels *labels = work->task.labels;
    const spectrum_summary summary = summarise(work);
    printf("Hessian at the %s%s: %lld eigenvalues (K %lld, d %lld, %lld features, %s)\n",
           point_names[work->kind], work->kind == AT_RANDOM ? " point" : "", (long long)work->size,
           (long long)labels->classes, (long long)work->dim, (long long)labels->columns,
           labels->count ? "one for each tag set" : "one for each sample");
    if (work->kind == AT_SADDLE)
        printf("  minimiser of dimension %lld, filled up with zeros\n", (long long)saddle_rank(work));
    printf("  f             %.16g\n  |gradient|    %.2e\n  eigenvalues   %.15g to %.15g\n", work->objective,
           work->gradient_norm, work->values[0], work->values[work->size - 1]);
    printf("  negative      %lld\n  zero          %lld\n  condition     %.6g (zeros left out)\n",
           (long long)summary.negative, (long long)summary.zero, summary.condition);
    if (work->kind == AT_OPTIMUM && work->predicted) {
        print_predicted(work);
        return;
    }
    print_distinct(work);
    if (work->kind == AT_OPTIMUM) printf("  no prediction: %s\n", work->unpredicted);
}

/* ---- The command -----------------------------------------------------------------------------------------
 */

static void write_rows(const spectrum_work *work, point_kind kind, FILE *stream)
{
    for (int64_t i = 0; i < work->size; i++)
        fprintf(stream, "%s,measured,%.17g,1\n", point_names[kind], work->values[i]);
    if (kind != AT_OPTIMUM || !work->predicted) return;
    for (int64_t i = 0; i < work->predicted->distinct; i++)
        fprintf(stream, "%s,predicted,%.17g,%lld\n", point_names[kind], work->predicted->value[i],
                (long long)work->predicted->multiplicity[i]);
}

/* The figure shows all three points; without one only the one asked for is looked at, and always last, so
 * that its eigenvalues are those reported. */
static ufm_status look_at_points(spectrum_work *work, ufm_output *output, ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (int turn = output ? 1 : POINTS; turn <= POINTS && status == UFM_OK; turn++) {
        const point_kind kind = (point_kind)(((int)work->kind + turn) % POINTS);
        status = look_at(work, kind, error);
        if (status == UFM_OK && output) write_rows(work, kind, ufm_output_stream(output));
    }
    if (status != UFM_OK) return status;
    work->objective = ufm_model_gradient(work->model, work->x, work->gradient);
    work->gradient_norm = ufm_norm(work->size, work->gradient);
    if (work->predicted && work->kind == AT_OPTIMUM) work->worst_error = largest_error(work);
    return UFM_OK;
}

static ufm_status begin(const options *opts, spectrum_work *work, ufm_error *error)
{
    options merged = *opts;
    ufm_status status = read_kind(opts, &work->kind, error);
    if (status != UFM_OK) return status;
    if (!merged.value[OPT_DUPLICATES].given) merged.value[OPT_DUPLICATES].text = "merge";
    status = landscape_begin(&merged, &work->task, error);
    if (status == UFM_OK) status = check_size(work, error);
    if (status == UFM_OK) status = predict(work, error);
    if (status != UFM_OK) return status;
    const ufm_model_settings settings = {work->task.explorer.objective, work->dim,
                                         work->task.explorer.threads};
    status = ufm_model_new(work->task.labels, &settings, &work->model, error);
    if (status != UFM_OK) return status;
    work->x = ufm_alloc(work->size, sizeof *work->x);
    work->gradient = ufm_alloc(work->size, sizeof *work->gradient);
    work->values = ufm_alloc(work->size, sizeof *work->values);
    if (work->x && work->gradient && work->values) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld eigenvalues", (long long)work->size);
}

int landscape_spectrum(const options *opts)
{
    ufm_error error = {{0}};
    spectrum_work work = {0};
    ufm_output *output = NULL;
    ufm_status status = begin(opts, &work, &error);
    if (status == UFM_OK) status = command_data(opts, "spectrum", &output, &error);
    if (output) fputs("point,source,eigenvalue,multiplicity\n", ufm_output_stream(output));
    if (status == UFM_OK) status = look_at_points(&work, output, &error);
    progress_end(&work.task.line);
    if (status == UFM_OK) {
        if (opts->value[OPT_JSON].given)
            status = print_json(&work, &error);
        else
            print_text(&work);
    }
    if (status == UFM_OK)
        status = command_figure(opts, "spectrum", "spectrum", output, &error);
    else
        ufm_output_abort(output);
    const int code = work.worst_error <= RESOLUTION ? EXIT_DONE : EXIT_FAILED;
    ufm_free(work.values);
    ufm_free(work.gradient);
    ufm_free(work.x);
    ufm_model_free(work.model);
    ufm_predicted_spectrum_free(work.predicted);
    landscape_end(&work.task);
    return status == UFM_OK ? finish_output(code) : report_failure(status, &error);
}
