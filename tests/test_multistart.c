/* Random starts: their verdicts against what is known, their replay, and independence of the threads. */
#include "instances.h"
#include "test.h"
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

static const ufm_objective paper = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};

static ufm_explorer explorer(ufm_objective objective, int64_t dim, uint64_t seed)
{
    return (ufm_explorer){.objective = objective, .dim = dim, .threads = 1, .seed = seed};
}

static ufm_multistart *multistart(const ufm_labels *labels, const ufm_explorer *settings, int64_t runs)
{
    ufm_multistart *result = NULL;
    ufm_error error = {{0}};
    const ufm_status status = ufm_multistart_run(labels, settings, runs, &result, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return result;
}

/* ---- Theorem 2 and note 11: global or saddle for every d >= K-1 ------------------------------------ */

static void check_benign(int64_t classes, const char *samples, ufm_objective objective, int64_t dim)
{
    const int64_t runs = test_fast() ? 16 : 80;
    ufm_labels *labels = test_design(classes, samples, UFM_DUPLICATES_MERGE);
    ufm_design *design = NULL;
    ufm_prediction *prediction = NULL;
    TEST_OK(ufm_design_parse(classes, samples, &design, NULL));
    TEST_OK(ufm_predict(design, &objective, &prediction, NULL));
    const ufm_explorer settings = explorer(objective, dim, 7);
    ufm_multistart *result = multistart(labels, &settings, runs);
    TEST(result->runs == runs && result->global + result->saddle == runs);
    TEST(result->inconclusive == 0 && result->nonglobal_minima == 0);
    test_at_most("worst gap", result->worst_gap, 1e-9);
    test_close("best objective", result->best_objective, prediction->objective, 1e-12);
    test_close("lower bound", result->lower_bound, prediction->objective, 1e-12);
    for (int64_t r = 0; r < runs; r++) {
        const ufm_run *run = &result->run[r];
        /* Gaussian starts are in no invariant set. */
        TEST(run->kind != UFM_START_GAUSSIAN || run->verdict == UFM_CERTIFIED_GLOBAL);
        if (run->verdict == UFM_CERTIFIED_GLOBAL)
            test_close("f", run->objective, prediction->objective, 1e-9);
        else
            TEST(run->objective > prediction->objective + 1e-9 && run->rank < classes - 1);
    }
    ufm_multistart_free(result);
    ufm_prediction_free(prediction);
    ufm_design_free(design);
    ufm_labels_free(labels);
}

static void test_benign(void)
{
    ufm_objective other = {UFM_LOSS_PAL_N, 1e-4, 1e-3, 0};
    for (int64_t dim = 2; dim <= 4; dim++) check_benign(3, "1:3,2:2,3:1", paper, dim);
    check_benign(4, "1:3,2:2", other, 5);
    if (test_fast()) return;
    check_benign(5, "1:2,2:7,3:1,4:2", paper, 6);
    check_benign(6, "1:10,2:3", (ufm_objective){UFM_LOSS_PAL, 1e-5, 2e-6, 2e-5}, 5);
    check_benign(2, "1:5,2:3", paper, 3);
    check_benign(5, "1:5", (ufm_objective){UFM_LOSS_PAL, 1e-1, 2e-2, 2e-1}, 6); /* collapsed */
}

/* ---- d < K-1: known spurious minima --------------------------------------------------------------- */

static bool ends_at(const ufm_multistart *result, double objective, bool nonglobal)
{
    for (int64_t r = 0; r < result->runs; r++)
        if (fabs(result->run[r].objective - objective) <= 1e-12 * objective && result->run[r].local_minimum &&
            ufm_multistart_nonglobal(result, r) == nonglobal)
            return true;
    fprintf(stderr, "  no run ended at %.16g\n", objective);
    return false;
}

/* Eigenvalues of the Hessian at a run's end: none negative, and zero ones for the rotations only. */
static void check_strict(const ufm_labels *labels, const ufm_explorer *settings, const ufm_run *run)
{
    ufm_solution *solution = NULL;
    TEST_OK(ufm_multistart_replay(labels, settings, run, &solution, NULL));
    ufm_model *model = test_model(labels, settings->objective, settings->dim, 1);
    const int64_t n = ufm_model_size(model), d = settings->dim;
    double *x = ufm_alloc(n, sizeof *x), *hessian = ufm_alloc(n * n, sizeof *x);
    double *values = ufm_alloc(n, sizeof *values);
    TEST_OK(ufm_model_pack(model, &solution->point, x, NULL));
    TEST_OK(ufm_hessian_dense(model, x, hessian, NULL));
    TEST_OK(ufm_symmetric_eigen(n, hessian, false, values));
    int64_t zero = 0;
    for (int64_t i = 0; i < n; i++) zero += fabs(values[i]) <= 1e-9 * values[n - 1];
    TEST(values[0] >= -1e-9 * values[n - 1]);
    TEST(zero == d * (d - 1) / 2);
    ufm_free(x);
    ufm_free(hessian);
    ufm_free(values);
    ufm_model_free(model);
    ufm_solution_free(solution);
}

static void test_spurious(void)
{
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_MERGE);
    const ufm_explorer settings = explorer((ufm_objective){UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2}, 3, 1);
    ufm_multistart *result = multistart(labels, &settings, test_fast() ? 8 : 80);
    TEST(result->global == 0);
    TEST(ends_at(result, 1.29920898665555, false));
    if (!test_fast()) {
        TEST(result->nonglobal_minima > 0);
        TEST(ends_at(result, 1.31146648254143, true));
    }
    for (int64_t r = 0; r < result->runs; r++)
        if (result->run[r].local_minimum) check_strict(labels, &settings, &result->run[r]);
    test_close("best", result->best_objective, 1.29920898665555, 1e-13);
    TEST(result->lower_bound < result->best_objective);
    ufm_multistart_free(result);
    ufm_labels_free(labels);
}

/* The counterexample of note 11, d = K-2, and the bound from the convex problem. */
static void test_bracket(void)
{
    static const struct {
        int64_t tags;
        int32_t tag[3];
        int64_t count;
    } sets[] = {{2, {0, 1}, 1}, {1, {1}, 1}, {3, {0, 1, 2}, 1}, {1, {2}, 3}};
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    for (int s = 0; s < 4; s++)
        TEST_OK(ufm_labels_builder_add(builder, sets[s].tags, sets[s].tag, sets[s].count, NULL));
    TEST_OK(ufm_labels_builder_finish(builder, 3, UFM_DUPLICATES_MERGE, &labels, NULL));
    ufm_labels_builder_free(builder);
    ufm_explorer settings = explorer((ufm_objective){UFM_LOSS_PAL, 5e-3, 1e-3, 2e-3}, 1, 3);
    ufm_multistart *line = multistart(labels, &settings, 80);
    TEST(ends_at(line, 0.874683201152892, false));
    TEST(ends_at(line, 1.368699364681003, true));
    settings.dim = 2;
    ufm_multistart *plane = multistart(labels, &settings, 40);
    TEST(plane->nonglobal_minima == 0 && plane->global > 0);
    test_close("bound", line->lower_bound, plane->best_objective, 1e-9);
    TEST(line->lower_bound <= plane->best_objective * (1 + 1e-15));
    TEST(plane->best_objective < line->best_objective);
    ufm_multistart_free(line);
    ufm_multistart_free(plane);
    ufm_labels_free(labels);
}

/* ---- Tag-wise averages ---------------------------------------------------------------------------- */

static void averaging(int64_t dim, uint64_t seed, double *residual, double *objective)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    const ufm_explorer settings = explorer(paper, dim, seed);
    ufm_multistart *result = multistart(labels, &settings, 40);
    int64_t best = 0;
    for (int64_t r = 0; r < result->runs; r++)
        if (result->run[r].objective < result->run[best].objective) best = r;
    ufm_solution *solution = NULL;
    TEST_OK(ufm_multistart_replay(labels, &settings, &result->run[best], &solution, NULL));
    TEST_OK(ufm_averaging_residual(&solution->point, labels, residual, NULL));
    *objective = solution->certificate.objective;
    ufm_solution_free(solution);
    ufm_multistart_free(result);
    ufm_labels_free(labels);
}

/* It holds at the optimum for d = K-1, and no longer for d = K-2, where three classes take the plane and the
 * fourth the origin. */
static void test_averaging(void)
{
    double residual[4] = {0}, objective = NAN;
    averaging(3, 2, residual, &objective);
    test_at_most("averaging, multiplicity 1", residual[0], 1e-10);
    test_at_most("averaging, multiplicity 2", residual[1], 1e-10);
    TEST(isnan(residual[2]) && isnan(residual[3]));
    averaging(2, 2, residual, &objective);
    test_close("best in the plane", objective, 1.033622520567737, 1e-12);
    test_at_most("averaging, multiplicity 1", residual[0], 1e-10);
    test_close("averaging, multiplicity 2", residual[1], 0.5078738053104677, 1e-8);
}

/* ---- Tiny lambda: descents that stall or creep go on until the verdict is one ----------------------- */

static void test_tiny_lambda(void)
{
    static const struct {
        int64_t classes, dim;
        const char *samples;
        ufm_run run;
        ufm_certified verdict;
    } cases[] = {
        {5, 6, "1:2,2:7,3:1,4:2", {.seed = 3277762176703323568u, .scale = 1e-3}, UFM_CERTIFIED_GLOBAL},
        {7,
         8,
         "1:4,3:1",
         {.seed = 3081485618325524543u, .kind = UFM_START_LOW_RANK, .scale = 0.3},
         UFM_CERTIFIED_SADDLE},
    };
    for (int c = 0; c < (test_fast() ? 1 : 2); c++) {
        ufm_labels *labels = test_design(cases[c].classes, cases[c].samples, UFM_DUPLICATES_MERGE);
        const ufm_explorer settings =
            explorer((ufm_objective){UFM_LOSS_PAL, 1e-6, 2e-7, 2e-6}, cases[c].dim, 1);
        ufm_solution *solution = NULL;
        TEST_OK(ufm_multistart_replay(labels, &settings, &cases[c].run, &solution, NULL));
        TEST(solution->certificate.verdict == cases[c].verdict);
        ufm_solution_free(solution);
        ufm_labels_free(labels);
    }
}

/* ---- Threads and replay --------------------------------------------------------------------------- */

static bool same_run(const ufm_run *a, const ufm_run *b)
{
    return a->seed == b->seed && a->kind == b->kind && a->scale == b->scale && a->verdict == b->verdict &&
           a->local_minimum == b->local_minimum && a->objective == b->objective && a->gap == b->gap &&
           a->gradient_norm == b->gradient_norm && a->rank == b->rank;
}

static void test_threads(void)
{
    ufm_labels *labels = test_design(5, "1:3,2:2", UFM_DUPLICATES_MERGE);
    for (int64_t dim = 2; dim <= 4; dim += 2) {
        ufm_explorer settings = explorer(paper, dim, 11);
        const int64_t runs = test_fast() ? 9 : 60;
        ufm_multistart *one = multistart(labels, &settings, runs);
        for (int threads = 2; threads <= 5; threads += 3) {
            settings.threads = threads;
            ufm_multistart *many = multistart(labels, &settings, runs);
            bool same = one->global == many->global && one->nonglobal_minima == many->nonglobal_minima &&
                        one->best_objective == many->best_objective &&
                        one->lower_bound == many->lower_bound && one->worst_gap == many->worst_gap;
            for (int64_t r = 0; r < runs; r++) same = same && same_run(&one->run[r], &many->run[r]);
            TEST(same);
            ufm_multistart_free(many);
        }
        ufm_multistart_free(one);
    }
    ufm_labels_free(labels);
}

static void test_replay(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    const ufm_explorer settings = explorer(paper, 5, 5);
    const int64_t runs = 16;
    ufm_multistart *result = multistart(labels, &settings, runs);
    int kinds[UFM_START_KINDS] = {0};
    for (int64_t r = 0; r < runs; r++) {
        const ufm_run *run = &result->run[r];
        ufm_solution *again = NULL;
        kinds[run->kind]++;
        TEST_OK(ufm_multistart_replay(labels, &settings, run, &again, NULL));
        TEST(again->certificate.objective == run->objective && again->certificate.gap == run->gap);
        test_close("f by plain loops", run->objective, test_objective(labels, &paper, &again->point), 1e-13);
        ufm_solution_free(again);
        for (int64_t other = 0; other < r; other++) TEST(result->run[other].seed != run->seed);
        TEST(run->seed < (uint64_t)1 << 53);
        if (run->kind != UFM_START_GAUSSIAN) continue;
        ufm_solve_settings solve = ufm_solve_defaults();
        solve.objective = paper;
        solve.dim = 5;
        solve.threads = 1;
        solve.seed = run->seed;
        solve.init_scale = run->scale;
        solve.minimize.solver = UFM_SOLVER_NEWTON;
        solve.minimize.tolerance = 1e-13;
        TEST_OK(ufm_solve(labels, &solve, &again, NULL));
        TEST(again->certificate.objective == run->objective);
        ufm_solution_free(again);
    }
    for (int kind = 0; kind < UFM_START_KINDS; kind++) TEST(kinds[kind] > 0);
    ufm_multistart_free(result);
    ufm_labels_free(labels);
}

/* ---- Clopper-Pearson: the binomial tails at the ends are 2.5 % ------------------------------------- */

/* P(first <= X <= last) for X ~ Binomial(n, p). */
static double binomial(int64_t n, double p, int64_t first, int64_t last)
{
    long double total = 0;
    for (int64_t k = first; k <= last; k++)
        total += expl(lgammal((long double)n + 1) - lgammal((long double)k + 1) -
                      lgammal((long double)(n - k) + 1) + (long double)k * logl(p) +
                      (long double)(n - k) * log1pl(-p));
    return (double)total;
}

static void test_interval(void)
{
    static const int64_t cases[][2] = {{1, 2}, {3, 10}, {0, 50}, {50, 50}, {7, 1000}, {19999, 20000}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const int64_t k = cases[c][0], n = cases[c][1];
        double low = NAN, high = NAN;
        ufm_share_interval(k, n, &low, &high);
        if (k > 0)
            test_close("lower tail", binomial(n, low, k, n), 0.025, 1e-9);
        else
            TEST(low == 0);
        if (k < n)
            test_close("upper tail", binomial(n, high, 0, k), 0.025, 1e-9);
        else
            TEST(high == 1);
    }
    double low = NAN, high = NAN;
    ufm_share_interval(0, 0, &low, &high);
    TEST(low == 0 && high == 1);
}

/* ---- Refusals, interruption, memory --------------------------------------------------------------- */

static bool stop_at_once(void *context, double fraction, const char *what)
{
    (void)context;
    (void)what;
    return fraction < 0;
}

static void test_failures(void)
{
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    ufm_explorer settings = explorer(paper, 2, 1);
    ufm_multistart *result = NULL;
    ufm_error error = {{0}};
    TEST(ufm_multistart_run(labels, &settings, 0, &result, &error) == UFM_ERROR_USAGE);
    settings.progress = stop_at_once;
    TEST_OK(ufm_multistart_run(labels, &settings, 50, &result, &error));
    TEST(result->interrupted && result->runs >= 1 && result->runs < 50);
    TEST(result->global + result->saddle + result->inconclusive == result->runs);
    ufm_multistart_free(result);
    result = NULL;
    settings.progress = NULL;
    settings.objective.lambda_w = -1;
    TEST(ufm_multistart_run(labels, &settings, 5, &result, &error) == UFM_ERROR_USAGE);
    settings.objective = paper;
    const int64_t before = ufm_memory_live_blocks();
    int failures = 0;
    for (int64_t budget = 0;; budget++) {
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_multistart_run(labels, &settings, 8, &result, &error);
        ufm_memory_fail_after(-1);
        if (status == UFM_OK) break;
        TEST(status == UFM_ERROR_MEMORY && result == NULL && ufm_memory_live_blocks() == before);
        failures++;
        if (status != UFM_ERROR_MEMORY) break;
    }
    TEST(failures > 20);
    ufm_multistart_free(result);
    TEST(ufm_memory_live_blocks() == before);
    ufm_labels_free(labels);
}

static void test_unbounded(void)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    for (int32_t k = 0; k < 2; k++) TEST_OK(ufm_labels_builder_add(builder, 1, &k, 3, NULL));
    TEST_OK(ufm_labels_builder_finish(builder, 3, UFM_DUPLICATES_MERGE, &labels, NULL));
    ufm_labels_builder_free(builder);
    ufm_explorer settings = explorer(paper, 1, 1);
    settings.objective.lambda_b = 0;
    ufm_multistart *result = NULL;
    ufm_error error = {{0}};
    TEST(ufm_multistart_run(labels, &settings, 5, &result, &error) == UFM_ERROR_USAGE);
    TEST(strstr(error.text, "class 2") != NULL);
    ufm_labels_free(labels);
}

/* ---- The command ---------------------------------------------------------------------------------- */

static void test_command(void)
{
    static char out[65536], err[65536];
    const char *keys[] = {"\"runs\": 16,",
                          "\"global\":",
                          "\"saddle\":",
                          "\"inconclusive\": 0",
                          "\"worst_gap\":",
                          "\"lower_bound\":",
                          "\"minima\":",
                          "\"remarkable\":",
                          "\"best_objective\"",
                          "\"kinds\"",
                          "\"init_scale\"",
                          "\"seed\"",
                          "\"nonglobal_minima\": 0",
                          "\"global_share_interval\":",
                          "\"scale_residual\""};
    char arguments[512];
    const char *directory = test_path("");
    snprintf(arguments, sizeof arguments,
             "landscape multistart --classes 3 --samples 1:3,2:2 --lambda-w 5e-3 --lambda-h 1e-3 --dim 4 "
             "--runs 16 --duplicates merge --json --out '%s'",
             directory);
    TEST(test_program(arguments, out, err, sizeof out) == 0);
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        if (!strstr(out, keys[k])) {
            fprintf(stderr, "  no %s\n", keys[k]);
            CU_FAIL("a key is missing");
        }
    char path[256];
    snprintf(path, sizeof path, "%s/data/multistart.csv", directory);
    FILE *stream = fopen(path, "r");
    int lines = 0;
    for (int c; stream && (c = fgetc(stream)) != EOF;) lines += c == '\n';
    if (stream) fclose(stream);
    TEST(lines == 17);
    /* spurious minima below d = K-1 refute nothing */
    TEST(test_program(
             "landscape multistart --classes 4 --samples 1:3,2:2 --lambda-w 5e-3 --lambda-h 1e-3 --dim 2 "
             "--runs 16 --duplicates merge",
             out, err, sizeof out) == 0);
    TEST(strstr(out, "--solver newton --seed") != NULL && strstr(out, "lower bound") != NULL);
    TEST(test_program("landscape multistart --classes 4 --samples 1:3 --runs 0", out, err, sizeof out) == 2);
}

static const test_case cases[] = {
    {"benign", test_benign},       {"spurious", test_spurious},       {"bracket", test_bracket},
    {"averaging", test_averaging}, {"tiny_lambda", test_tiny_lambda}, {"threads", test_threads},
    {"replay", test_replay},       {"interval", test_interval},       {"failures", test_failures},
    {"unbounded", test_unbounded}, {"command", test_command},         {NULL, NULL}};
const test_suite suite_multistart = {"multistart", cases};
