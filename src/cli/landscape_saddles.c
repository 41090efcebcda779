/* ufmlab landscape saddles: the ladder of saddles and the ways down. */
#include "landscape.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Length of the step off a saddle, size of the small starts, and how far below the peaks beside it the
 * gradient norm of a plateau lies. */
static const double escape_size = 1e-6, small_scale = 1e-6, plateau_depth = 10;
static const double agreement_limit = 1e-9;
enum { PLATEAUS = 64, SMALL_STARTS = 2 };

typedef struct {
    landscape_task task;
    ufm_ladder *ladder;
    int64_t dim;
    ufm_descent **escape;             /* [ladder->count] */
    ufm_descent *small[SMALL_STARTS]; /* of equal coordinates, of graded ones */
    double ratio[SMALL_STARTS];       /* 1, and the grade */
    double disagreement;              /* worst of the smallest eigenvalue's three values, absolute */
    bool all_global;                  /* every escape */
} outcome;

/* ---- Computation ---- */

static void compare(outcome *out)
{
    for (int64_t i = 0; i < out->ladder->count; i++) {
        const ufm_saddle *s = &out->ladder->saddle[i];
        const double formula = fabs(s->lambda_min - s->lambda_min_formula);
        const double dense = isnan(s->lambda_min_dense) ? 0 : fabs(s->lambda_min - s->lambda_min_dense);
        out->disagreement = fmax(out->disagreement, fmax(formula, dense));
    }
}

static ufm_status descend(outcome *out, ufm_error *error)
{
    const ufm_labels *labels = out->task.labels;
    const ufm_explorer *explorer = &out->task.explorer;
    ufm_status status = UFM_OK;
    out->all_global = true;
    out->escape = ufm_alloc(out->ladder->count + 1, sizeof *out->escape);
    if (!out->escape) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the descents");
    for (int64_t i = 0; i < out->ladder->count && status == UFM_OK; i++) {
        status =
            ufm_ladder_escape(labels, explorer, &out->ladder->saddle[i], escape_size, &out->escape[i], error);
        if (status == UFM_OK && out->escape[i]->end->certificate.verdict != UFM_CERTIFIED_GLOBAL)
            out->all_global = false;
    }
    /* As small as the exponents of a double allow for K-1 coordinates. */
    out->ratio[0] = 1;
    out->ratio[1] = fmax(1e-60, pow(10, -250 / (double)(labels->classes - 1)));
    for (int i = 0; i < SMALL_STARTS && status == UFM_OK; i++)
        status =
            ufm_graded_start_descent(labels, explorer, small_scale, out->ratio[i], &out->small[i], error);
    return status;
}

static void free_outcome(outcome *out)
{
    for (int64_t i = 0; out->escape && i < out->ladder->count; i++) ufm_descent_free(out->escape[i]);
    for (int i = 0; i < SMALL_STARTS; i++) ufm_descent_free(out->small[i]);
    ufm_free(out->escape);
    ufm_ladder_free(out->ladder);
    landscape_end(&out->task);
}

/* The saddle of the ladder whose objective is nearest, and how near, relative; NULL for an empty ladder. */
static const ufm_saddle *nearest(const ufm_ladder *ladder, double objective, double *deviation)
{
    const ufm_saddle *best = NULL;
    for (int64_t i = 0; i < ladder->count; i++) {
        const ufm_saddle *s = &ladder->saddle[i];
        const double distance = fabs(objective / s->objective - 1);
        if (best && !(distance < *deviation)) continue;
        best = s;
        *deviation = distance;
    }
    return best;
}

/* ---- JSON ---- */

static void json_saddle(ufm_json *json, const ufm_saddle *s)
{
    ufm_json_object(json, NULL);
    ufm_json_integer(json, "rank", s->rank);
    ufm_json_number(json, "objective", s->objective);
    ufm_json_number(json, "gradient_norm", s->gradient_norm);
    ufm_json_number(json, "sigma1_over_mu", s->sigma1_over_mu);
    ufm_json_number(json, "lambda_min", s->lambda_min);
    ufm_json_number(json, "lambda_min_formula", s->lambda_min_formula);
    ufm_json_number(json, "lambda_min_dense", s->lambda_min_dense);
    ufm_json_integer(json, "morse_index", s->morse_index);
    ufm_json_integer(json, "morse_index_predicted", s->morse_index_predicted);
    ufm_json_integer(json, "zero_modes", s->zero_modes);
    ufm_json_integer(json, "zero_modes_predicted", s->zero_modes_predicted);
    ufm_json_string(json, "verdict", ufm_certified_text(s->solution->certificate.verdict));
    ufm_json_integer(json, "found", s->found);
    ufm_json_integer(json, "seed", (int64_t)s->seed);
    ufm_json_end(json);
}

static void json_descent(ufm_json *json, const outcome *out, const ufm_descent *d)
{
    int64_t step[PLATEAUS];
    const int64_t count = ufm_descent_plateaus(d, plateau_depth, PLATEAUS, step);
    ufm_json_number(json, "objective", d->end->certificate.objective);
    ufm_json_number(json, "gradient_norm", d->end->certificate.gradient_norm);
    ufm_json_number(json, "gap", d->end->certificate.gap);
    ufm_json_string(json, "verdict", ufm_certified_text(d->end->certificate.verdict));
    ufm_json_number(json, "arc_length", d->arc_length[d->steps - 1]);
    ufm_json_list(json, "plateaus");
    for (int64_t p = 0; p < count; p++) {
        double deviation = NAN;
        const ufm_saddle *near = nearest(out->ladder, d->objective[step[p]], &deviation);
        ufm_json_object(json, NULL);
        ufm_json_number(json, "arc_length", d->arc_length[step[p]]);
        ufm_json_number(json, "objective", d->objective[step[p]]);
        ufm_json_number(json, "gradient_norm", d->gradient_norm[step[p]]);
        if (near) {
            ufm_json_integer(json, "nearest_rank", near->rank);
            ufm_json_number(json, "nearest_deviation", deviation);
        }
        ufm_json_end(json);
    }
    ufm_json_end(json);
}

static ufm_status print_json(const outcome *out, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", out->task.labels->classes);
    ufm_json_integer(json, "dim", out->dim);
    ufm_json_integer(json, "samples_total", out->task.labels->samples);
    ufm_json_integer(json, "features", out->task.labels->columns);
    ufm_json_number(json, "optimum", out->ladder->optimum);
    ufm_json_list(json, "saddles");
    for (int64_t i = 0; i < out->ladder->count; i++) json_saddle(json, &out->ladder->saddle[i]);
    ufm_json_end(json);
    ufm_json_number(json, "worst_disagreement", out->disagreement);
    ufm_json_list(json, "escapes");
    for (int64_t i = 0; i < out->ladder->count; i++) {
        ufm_json_object(json, NULL);
        ufm_json_integer(json, "rank", out->ladder->saddle[i].rank);
        ufm_json_number(json, "start", out->ladder->saddle[i].objective);
        json_descent(json, out, out->escape[i]);
        ufm_json_end(json);
    }
    ufm_json_end(json);
    ufm_json_list(json, "small_starts");
    for (int i = 0; i < SMALL_STARTS; i++) {
        ufm_json_object(json, NULL);
        ufm_json_number(json, "scale", small_scale);
        ufm_json_number(json, "ratio", out->ratio[i]);
        json_descent(json, out, out->small[i]);
        ufm_json_end(json);
    }
    ufm_json_end(json);
    return ufm_json_finish(json, stdout, error);
}

/* ---- Text ---- */

/* "40", "40 (predicted 39)", or a dash where it is not known. */
static const char *counted(int64_t measured, int64_t predicted, char text[32])
{
    if (measured < 0) {
        snprintf(text, 32, "- (%" PRId64 ")", predicted);
    } else if (measured == predicted) {
        snprintf(text, 32, "%" PRId64, measured);
    } else {
        snprintf(text, 32, "%" PRId64 " (%" PRId64 ")", measured, predicted);
    }
    return text;
}

static void print_saddles(const outcome *out)
{
    char index[32], zero[32], dense[16];
    printf("%-5s%-19s%-12s%-12s%-15s%-10s%-10s%-12s%-12s%-7s%s\n", "rank", "f", "|gradient|", "sigma_1/mu",
           "lambda_min", "- formula", "- LAPACK", "index", "zero modes", "found", "seed");
    for (int64_t i = 0; i < out->ladder->count; i++) {
        const ufm_saddle *s = &out->ladder->saddle[i];
        snprintf(dense, sizeof dense, isnan(s->lambda_min_dense) ? "-" : "%.1e",
                 s->lambda_min - s->lambda_min_dense);
        printf("%-5" PRId64 "%-19.15g%-12.1e%-12.6g%-15.8g%-10.1e%-10s%-12s%-12s%-7" PRId64 "%" PRIu64 "\n",
               s->rank, s->objective, s->gradient_norm, s->sigma1_over_mu, s->lambda_min,
               s->lambda_min - s->lambda_min_formula, dense,
               counted(s->morse_index, s->morse_index_predicted, index),
               counted(s->zero_modes, s->zero_modes_predicted, zero), s->found, s->seed);
    }
    printf("Lanczos less formula and less LAPACK: at most %.1e. Index and zero modes are counted; in "
           "brackets what was "
           "predicted where it differs.\n",
           out->disagreement);
}

static void print_optimum(const outcome *out)
{
    if (isnan(out->ladder->optimum)) {
        printf("optimum: not certified in dimension %" PRId64 "\n", out->dim);
    } else {
        printf("optimum: %.15g, certified\n", out->ladder->optimum);
    }
}

/* "f 2.78718 -> 2.22545 (rank 1) -> 1.14795 (no rung) -> 1.06217: global". */
static void print_descent(const outcome *out, const ufm_descent *d)
{
    int64_t step[PLATEAUS];
    const int64_t count = ufm_descent_plateaus(d, plateau_depth, PLATEAUS, step);
    printf("f %.8g", d->objective[0]);
    for (int64_t p = 0; p < count; p++) {
        double deviation = INFINITY;
        if (step[p] == d->steps - 1 || d->objective[step[p]] >= d->objective[0] * (1 - 1e-9)) continue;
        const ufm_saddle *near = nearest(out->ladder, d->objective[step[p]], &deviation);
        printf(" -> %.8g ", d->objective[step[p]]);
        if (near && deviation <= 1e-9) {
            printf("(rank %" PRId64 ")", near->rank);
        } else if (near && deviation <= 1e-2) {
            printf("(rank %" PRId64 " within %.0e)", near->rank, deviation);
        } else {
            printf("(not on the ladder)");
        }
    }
    printf(" -> %.15g: %s\n", d->end->certificate.objective, ufm_certified_text(d->end->certificate.verdict));
}

static void print_text(const outcome *out)
{
    if (out->ladder->count > 0) {
        print_saddles(out);
    } else {
        printf("There is no saddle: the origin is the global optimum.\n");
    }
    print_optimum(out);
    if (out->ladder->count > 0)
        printf("Descents from each saddle, moved by %.0e along its witness, with the plateaus on the way:\n",
               escape_size);
    for (int64_t i = 0; i < out->ladder->count; i++) {
        printf("  rank %" PRId64 ": ", out->ladder->saddle[i].rank);
        print_descent(out, out->escape[i]);
    }
    printf("Descents from a small random start:\n");
    for (int i = 0; i < SMALL_STARTS; i++) {
        printf("  scale %.0e%s: ", small_scale, i == 0 ? "" : ", each coordinate smaller than the last");
        print_descent(out, out->small[i]);
    }
}

/* ---- Data of the figure ---- */

static void write_descent(FILE *stream, const char *name, int64_t rank, const ufm_descent *d)
{
    for (int64_t i = 0; i < d->steps; i++)
        fprintf(stream, "%s,%" PRId64 ",%.17g,%.17g,%.17g\n", name, rank, d->arc_length[i], d->objective[i],
                d->gradient_norm[i]);
}

static void write_data(const outcome *out, FILE *stream)
{
    fputs("descent,rank,arc_length,objective,gradient_norm\n", stream);
    for (int64_t i = 0; i < out->ladder->count; i++) {
        const ufm_saddle *s = &out->ladder->saddle[i];
        fprintf(stream, "ladder,%" PRId64 ",0,%.17g,%.17g\n", s->rank, s->objective, s->gradient_norm);
    }
    if (!isnan(out->ladder->optimum))
        fprintf(stream, "optimum,%" PRId64 ",0,%.17g,0\n", out->small[0]->end->certificate.rank,
                out->ladder->optimum);
    for (int64_t i = 0; i < out->ladder->count; i++) {
        char name[40];
        snprintf(name, sizeof name, "escape-%" PRId64, i + 1);
        write_descent(stream, name, out->ladder->saddle[i].rank, out->escape[i]);
    }
    write_descent(stream, "small", 0, out->small[0]);
    write_descent(stream, "graded", 0, out->small[1]);
}

static ufm_status show(const options *opts, outcome *out, ufm_output *data, ufm_error *error)
{
    if (data) write_data(out, ufm_output_stream(data));
    const ufm_status status = command_figure(opts, "staircase", "staircase", data, error);
    if (status != UFM_OK) return status;
    if (opts->value[OPT_JSON].given) return print_json(out, error);
    print_text(out);
    return UFM_OK;
}

int landscape_saddles(const options *opts)
{
    ufm_error error = {{0}};
    outcome out = {0};
    ufm_output *data = NULL;
    int code = EXIT_DONE;
    ufm_status status = landscape_begin(opts, &out.task, &error);
    if (status != UFM_OK) goto cleanup;
    out.dim = out.task.explorer.dim > 0 ? out.task.explorer.dim : out.task.labels->classes;
    status = command_data(opts, "staircase", &data, &error);
    if (status == UFM_OK)
        status = ufm_ladder_find(out.task.labels, &out.task.explorer, opts->value[OPT_STARTS].integer,
                                 &out.ladder, &error);
    if (status != UFM_OK) goto cleanup;
    compare(&out);
    status = descend(&out, &error);
    progress_end(&out.task.line);
    if (status != UFM_OK) goto cleanup;
    status = show(opts, &out, data, &error);
    data = NULL;
    if (!(out.disagreement <= agreement_limit) ||
        (out.dim >= ufm_loss_benign_dim(out.task.explorer.objective.loss, out.task.labels->classes) &&
         !out.all_global))
        code = EXIT_FAILED;
cleanup:
    ufm_output_abort(data);
    free_outcome(&out);
    return status == UFM_OK ? finish_output(code) : report_failure(status, &error);
}
