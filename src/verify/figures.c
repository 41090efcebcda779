/* The data behind the report's figures. */
#include "internal.h"
#include <math.h>
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/linalg.h>
#include <ufmlab/report.h>

/* ---- Convergence of every solver ---------------------------------------------------------------- */

enum { ITERATIONS_SHOWN = 2000 };

typedef struct {
    FILE *stream;
    const char *solver;
    double optimum;
} trace;

static bool write_trace(void *context, const ufm_progress *now)
{
    const trace *t = context;
    fprintf(t->stream, "%s,%lld,%.17g,%.17g\n", t->solver, (long long)now->iteration, now->value - t->optimum,
            now->gradient_norm);
    return true;
}

static ufm_status convergence(verify_run *run, FILE *stream)
{
    const verify_instance instance = {
        .classes = 6, .samples = "1:10,2:3", .objective = {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-3}};
    verify_problem problem;
    ufm_prediction *prediction = NULL;
    ufm_status status = verify_problem_make(&instance, NULL, &problem, run->error);
    if (status != UFM_OK) return status;
    status = ufm_predict(problem.design, &problem.objective, &prediction, run->error);
    fputs("solver,iteration,objective_gap,gradient_norm\n", stream);
    for (int solver = 0; status == UFM_OK && solver < UFM_SOLVER_COUNT; solver++) {
        trace t = {stream, ufm_solver_name((ufm_solver)solver), prediction->objective};
        ufm_solve_settings solve = verify_solve_settings(&problem, run, run->settings->seed);
        ufm_solution *solution;
        solve.minimize.solver = (ufm_solver)solver;
        solve.minimize.tolerance = 1e-12;
        solve.minimize.max_iterations = ITERATIONS_SHOWN;
        solve.minimize.observe = write_trace;
        solve.minimize.context = &t;
        status = verify_solve(&problem, &solve, run, &solution);
        if (status == UFM_OK) ufm_solution_free(solution);
    }
    ufm_prediction_free(prediction);
    verify_problem_free(&problem);
    return status;
}

/* ---- Gram matrix of W beside the ETF's ---------------------------------------------------------- */

static ufm_status gram(verify_run *run, FILE *stream)
{
    const verify_instance instance = {.classes = 10,
                                      .samples = "1:3100,2:200",
                                      .duplicates = UFM_DUPLICATES_MERGE,
                                      .objective = {UFM_LOSS_PAL, 5e-4, 1e-4, 1e-3}};
    verify_problem problem;
    ufm_prediction *prediction = NULL;
    ufm_solution *solution = NULL;
    ufm_status status = verify_problem_make(&instance, NULL, &problem, run->error);
    if (status != UFM_OK) return status;
    const ufm_solve_settings solve = verify_solve_settings(&problem, run, run->settings->seed);
    status = ufm_predict(problem.design, &problem.objective, &prediction, run->error);
    if (status == UFM_OK) status = verify_solve(&problem, &solve, run, &solution);
    if (status == UFM_OK) {
        const ufm_point *p = &solution->point;
        const int64_t K = p->classes;
        fputs("panel,row,column,value\n", stream);
        for (int64_t k = 0; k < K; k++)
            for (int64_t l = 0; l < K; l++) {
                double measured = 0;
                for (int64_t j = 0; j < p->dim; j++) measured += p->W[k + j * K] * p->W[l + j * K];
                const double predicted = prediction->gram_scale * ((k == l) - 1 / (double)K);
                const long long row = k, column = l;
                fprintf(stream, "measured,%lld,%lld,%.17g\n", row, column, measured);
                fprintf(stream, "predicted,%lld,%lld,%.17g\n", row, column, predicted);
                fprintf(stream, "difference,%lld,%lld,%.17g\n", row, column, measured - predicted);
            }
    }
    ufm_solution_free(solution);
    ufm_prediction_free(prediction);
    verify_problem_free(&problem);
    return status;
}

/* ---- Margins and scales over lambda ------------------------------------------------------------- */

/* Mean margin of a multiplicity: mean over its columns of (mean logit on the tag set - mean logit off it). */
static double measured_margin(const ufm_point *p, const ufm_labels *labels, int64_t multiplicity)
{
    double sum = 0;
    int64_t columns = 0;
    for (int64_t i = 0; i < p->columns; i++) {
        if (ufm_labels_multiplicity(labels, i) != multiplicity) continue;
        double on = 0, all = 0;
        int64_t next = labels->offset[i];
        for (int64_t k = 0; k < p->classes; k++) {
            double z = p->b[k];
            for (int64_t j = 0; j < p->dim; j++) z += p->W[k + j * p->classes] * p->H[j + i * p->dim];
            all += z;
            if (next < labels->offset[i + 1] && labels->tag[next] == k) {
                on += z;
                next++;
            }
        }
        sum += on / (double)multiplicity - (all - on) / (double)(p->classes - multiplicity);
        columns++;
    }
    return sum / (double)columns;
}

static ufm_status lambda_point(verify_run *run, double ratio, FILE *stream)
{
    const verify_instance instance = {.classes = 6,
                                      .samples = "1:10,2:3,3:2",
                                      .duplicates = UFM_DUPLICATES_MERGE,
                                      .objective = {UFM_LOSS_PAL, 0, 0, 1e-3},
                                      .mu_ratio = ratio};
    verify_problem problem;
    ufm_prediction *prediction = NULL;
    ufm_solution *solution = NULL;
    ufm_metrics *metrics = NULL;
    ufm_status status = verify_problem_make(&instance, NULL, &problem, run->error);
    if (status != UFM_OK) return status;
    const ufm_solve_settings solve = verify_solve_settings(&problem, run, run->settings->seed);
    status = ufm_predict(problem.design, &problem.objective, &prediction, run->error);
    if (status == UFM_OK) status = verify_solve(&problem, &solve, run, &solution);
    if (status == UFM_OK)
        status = ufm_metrics_compute(&solution->point, problem.labels, &metrics, run->error);
    for (int64_t l = 0; status == UFM_OK && l < prediction->levels; l++) {
        const bool collapsed = prediction->phase == UFM_PHASE_COLLAPSED;
        const int64_t m = prediction->multiplicity[l];
        fprintf(stream, "%.17g,%lld,%.17g,%.17g,%.17g,%.17g\n", ratio, (long long)m, prediction->margin[l],
                measured_margin(&solution->point, problem.labels, m), prediction->scale[l],
                collapsed ? NAN : metrics->level[l].scale);
    }
    ufm_metrics_free(metrics);
    ufm_solution_free(solution);
    ufm_prediction_free(prediction);
    verify_problem_free(&problem);
    return status;
}

static ufm_status lambda_path(verify_run *run, FILE *stream)
{
    /* Equal steps in the logarithm far from the threshold, closer together around it. */
    enum { SPREAD = 20 };
    static const double near[] = {0.6, 0.75, 0.87, 0.95, 0.99, 1.01, 1.1, 1.4, 1.9};
    enum { NEAR = sizeof near / sizeof near[0] };
    ufm_status status = UFM_OK;
    fputs("mu_ratio,multiplicity,margin_predicted,margin_measured,scale_predicted,scale_measured\n", stream);
    for (int i = 0; status == UFM_OK && i < SPREAD + NEAR; i++)
        status =
            lambda_point(run, i < SPREAD ? 1e-3 * pow(600, (double)i / SPREAD) : near[i - SPREAD], stream);
    return status;
}

/* ---- The paper's Figure 1 from the UFM ---------------------------------------------------------- */

/* Projects a feature onto the plane of the optimal classifier: columns 0 and 1 of vt's rows (2 x 3). */
static void write_features(FILE *stream, const char *stage, const ufm_labels *labels, const double *H,
                           const double *vt)
{
    for (int64_t i = 0; i < labels->columns; i++) {
        const double *h = H + 3 * i;
        const int64_t begin = labels->offset[i], m = ufm_labels_multiplicity(labels, i);
        fprintf(stream, "%s,%lld,%d", stage, (long long)m, labels->tag[begin]);
        for (int64_t j = 1; j < m; j++) fprintf(stream, "+%d", labels->tag[begin + j]);
        fprintf(stream, ",%lld", (long long)i);
        for (int row = 0; row < 3; row++)
            fprintf(stream, ",%.17g", vt[row] * h[0] + vt[row + 3] * h[1] + vt[row + 6] * h[2]);
        fputc('\n', stream);
    }
}

static ufm_status collapse_picture(verify_run *run, FILE *stream)
{
    const verify_instance instance = {
        .classes = 3, .samples = "1:30,2:30", .objective = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3}};
    verify_problem problem;
    ufm_solution *before = NULL, *after = NULL;
    double u[9], singular[3], vt[9], W[9];
    ufm_status status = verify_problem_make(&instance, NULL, &problem, run->error);
    if (status != UFM_OK) return status;
    ufm_solve_settings solve = verify_solve_settings(&problem, run, run->settings->seed);
    solve.init_scale = 1;
    status = verify_solve(&problem, &solve, run, &after);
    solve.minimize.solver = UFM_SOLVER_LBFGS;
    solve.minimize.max_iterations = 0; /* the start itself */
    if (status == UFM_OK) status = verify_solve(&problem, &solve, run, &before);
    if (status == UFM_OK) {
        memcpy(W, after->point.W, sizeof W);
        status = ufm_svd(ufm_view(W, 3, 3), u, singular, vt);
    }
    if (status == UFM_OK) {
        fputs("stage,multiplicity,tag_set,sample,x,y,z\n", stream);
        write_features(stream, "before", problem.labels, before->point.H, vt);
        write_features(stream, "after", problem.labels, after->point.H, vt);
    }
    ufm_solution_free(before);
    ufm_solution_free(after);
    verify_problem_free(&problem);
    return status;
}

/* ---- All of them -------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    ufm_status (*write)(verify_run *run, FILE *stream);
} figure_source;

static const figure_source sources[VERIFY_FIGURES] = {{"convergence", convergence},
                                                      {"gram", gram},
                                                      {"lambda-path", lambda_path},
                                                      {"collapse", collapse_picture}};

static ufm_status make_figure(verify_run *run, const figure_source *source)
{
    const char *out = run->settings->out;
    char csv[1024], directory[1024];
    ufm_output *output;
    snprintf(csv, sizeof csv, "%s/data/%s.csv", out, source->name);
    snprintf(directory, sizeof directory, "%s/figures", out);
    ufm_status status = ufm_output_open(csv, &output, run->error);
    if (status != UFM_OK) return status;
    status = source->write(run, ufm_output_stream(output));
    if (status != UFM_OK) {
        ufm_output_abort(output);
        return status;
    }
    status = ufm_output_commit(output, run->error);
    const ufm_figure figure = {source->name, csv, source->name};
    return status == UFM_OK ? ufm_figure_draw(&figure, directory, run->error) : status;
}

ufm_status verify_figures(verify_run *run)
{
    char directory[1024];
    ufm_status status = UFM_OK;
    static const char *const folders[] = {"data", "figures"};
    for (int i = 0; status == UFM_OK && i < 2; i++) {
        snprintf(directory, sizeof directory, "%s/%s", run->settings->out, folders[i]);
        status = ufm_make_directory(directory, run->error);
    }
    for (int i = 0; status == UFM_OK && i < VERIFY_FIGURES; i++) {
        char what[64];
        snprintf(what, sizeof what, "figure %s", sources[i].name);
        status = verify_begin(run, what, VERIFY_FIGURE_WORK);
        if (status == UFM_OK) status = make_figure(run, &sources[i]);
    }
    return status;
}
