/* One conformance suite for every solver, and L-BFGS as a citizen of GSL. */
#include "instances.h"
#include "test.h"
#include <gsl/gsl_errno.h>
#include <string.h>
#include <time.h>
#include <ufmlab/linalg.h>

/* ---- Functions to minimise ---------------------------------------------------------------------- */

static double rosenbrock_gradient(void *context, const double *x, double *g)
{
    (void)context;
    const double a = 1 - x[0], b = x[1] - x[0] * x[0];
    g[0] = -2 * a - 400 * x[0] * b;
    g[1] = 200 * b;
    return a * a + 100 * b * b;
}
static double rosenbrock_value(void *context, const double *x)
{
    double g[2];
    return rosenbrock_gradient(context, x, g);
}
static void rosenbrock_hessian(void *context, const double *x, const double *v, double *Hv)
{
    (void)context;
    const double h00 = 2 - 400 * (x[1] - 3 * x[0] * x[0]), h01 = -400 * x[0];
    Hv[0] = h00 * v[0] + h01 * v[1];
    Hv[1] = h01 * v[0] + 200 * v[1];
}

/* 1/2 sum e_i (x_i - 1)^2 with eigenvalues e_i from 1 to the condition number, equally spaced in the
 * logarithm. */
enum { QUADRATIC_SIZE = 50 };
static double eigenvalue(const double *condition, int i)
{
    return pow(*condition, (double)i / (QUADRATIC_SIZE - 1));
}
static double quadratic_gradient(void *condition, const double *x, double *g)
{
    double value = 0;
    for (int i = 0; i < QUADRATIC_SIZE; i++) {
        g[i] = eigenvalue(condition, i) * (x[i] - 1);
        value += 0.5 * g[i] * (x[i] - 1);
    }
    return value;
}
static double quadratic_value(void *condition, const double *x)
{
    double g[QUADRATIC_SIZE];
    return quadratic_gradient(condition, x, g);
}
static void quadratic_hessian(void *condition, const double *x, const double *v, double *Hv)
{
    (void)x;
    for (int i = 0; i < QUADRATIC_SIZE; i++) Hv[i] = eigenvalue(condition, i) * v[i];
}

static double condition = 1e4;
static const ufm_function rosenbrock = {.size = 2,
                                        .value = rosenbrock_value,
                                        .gradient = rosenbrock_gradient,
                                        .hessian_vector = rosenbrock_hessian};
static const ufm_function quadratic = {.size = QUADRATIC_SIZE,
                                       .context = &condition,
                                       .value = quadratic_value,
                                       .gradient = quadratic_gradient,
                                       .hessian_vector = quadratic_hessian};

/* The solvers of any smooth function; varpro needs more and has a suite of its own. */
#define EACH_SOLVER(solver)                                                                                  \
    for (int solver = 0; solver < UFM_SOLVER_COUNT; solver++)                                                \
        if (solver != UFM_SOLVER_VARPRO)

/* The gradient norm that each solver must reach, whatever GSL's line searches leave on the table. */
static double reachable(ufm_solver solver)
{
    switch (solver) {
    case UFM_SOLVER_LBFGS:
    case UFM_SOLVER_NEWTON:
        return 1e-9;
    case UFM_SOLVER_GD:
        return 1e-7;
    default:
        return 1e-5;
    }
}

/* Runs a solver; x must be what `info` says, and no worse than the start. */
static ufm_minimize_info run(const ufm_function *function, const ufm_minimize_settings *settings, double *x)
{
    ufm_minimize_info info = {0};
    ufm_error error = {{0}};
    double *g = ufm_alloc(function->size, sizeof *g);
    const double start = function->value(function->context, x);
    const ufm_status status = ufm_minimize(function, settings, x, &info, &error);
    TEST(status == UFM_OK);
    if (status != UFM_OK) fprintf(stderr, "  %s: %s\n", ufm_solver_name(settings->solver), error.text);
    const double value = function->gradient(function->context, x, g);
    TEST(info.value == value);
    test_close("gradient norm", info.gradient_norm, ufm_norm(function->size, g), 1e-13);
    TEST(value <= start);
    TEST(info.evaluations > 0 && info.iterations <= settings->max_iterations);
    ufm_free(g);
    return info;
}

static void expect_minimum(const char *what, const ufm_minimize_settings *settings,
                           const ufm_minimize_info *info)
{
    const bool reached = info->gradient_norm <= reachable(settings->solver);
    if (!reached)
        fprintf(stderr, "  %s on %s: gradient norm %.3g after %lld iterations, %s\n",
                ufm_solver_name(settings->solver), what, info->gradient_norm, (long long)info->iterations,
                ufm_stop_text(info->stop));
    CU_ASSERT(reached);
}

static ufm_minimize_settings settings_of(int solver)
{
    ufm_minimize_settings settings = ufm_minimize_defaults();
    settings.solver = (ufm_solver)solver;
    settings.tolerance = reachable(settings.solver);
    settings.max_iterations = 200000;
    return settings;
}

static void test_rosenbrock(void)
{
    EACH_SOLVER(solver)
    {
        const ufm_minimize_settings settings = settings_of(solver);
        double x[] = {-1.2, 1};
        const ufm_minimize_info info = run(&rosenbrock, &settings, x);
        expect_minimum("Rosenbrock", &settings, &info);
        test_close("x", x[0], 1, 1e3 * reachable(settings.solver));
        test_close("y", x[1], 1, 1e3 * reachable(settings.solver));
    }
}

static void test_quadratic(void)
{
    EACH_SOLVER(solver)
    {
        const ufm_minimize_settings settings = settings_of(solver);
        double x[QUADRATIC_SIZE] = {0};
        const ufm_minimize_info info = run(&quadratic, &settings, x);
        expect_minimum("the quadratic", &settings, &info);
        for (int i = 0; i < QUADRATIC_SIZE; i++) test_close("x", x[i], 1, 10 * reachable(settings.solver));
    }
}

static void test_ufm(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP);
    EACH_SOLVER(solver)
    {
        ufm_minimize_settings settings = settings_of(solver);
        settings.max_iterations = 20000;
        ufm_model *model = test_model(labels, (ufm_objective){UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3}, 4, 1);
        const ufm_function function = ufm_function_of_model(model);
        double *x = ufm_alloc(function.size, sizeof *x);
        TEST_OK(ufm_model_start(model, 1, 0.3, x));
        const ufm_minimize_info info = run(&function, &settings, x);
        expect_minimum("the UFM", &settings, &info);
        test_close("optimum", info.value, reference_instances[0].objective, 1e-7);
        ufm_free(x);
        ufm_model_free(model);
    }
    ufm_labels_free(labels);
}

static bool stop_at_three(void *context, const ufm_progress *now)
{
    *(int64_t *)context = now->iteration;
    return now->iteration < 3;
}

static void test_stops(void)
{
    EACH_SOLVER(solver)
    {
        ufm_minimize_settings settings = settings_of(solver);
        int64_t seen = -1;
        double x[] = {-1.2, 1}, again[] = {-1.2, 1}, minimum[] = {1, 1};
        settings.observe = stop_at_three;
        settings.context = &seen;
        ufm_minimize_info info = run(&rosenbrock, &settings, x);
        TEST(info.stop == UFM_STOP_INTERRUPTED && info.iterations == 3 && seen == 3);
        settings.observe = NULL;
        settings.max_iterations = 3;
        info = run(&rosenbrock, &settings, again);
        TEST(info.stop == UFM_STOP_ITERATIONS && info.iterations == 3);
        TEST(x[0] == again[0] && x[1] == again[1]);
        info = run(&rosenbrock, &settings, minimum); /* at the minimum there is nothing to do */
        TEST(info.stop == UFM_STOP_CONVERGED && info.iterations <= 1 && minimum[0] == 1 && minimum[1] == 1);
        settings.max_iterations = 0;
        info = run(&rosenbrock, &settings, x);
        TEST(info.iterations == 0 && info.stop == UFM_STOP_ITERATIONS);
    }
}

static double square(void *context, const double *x)
{
    (void)context;
    return x[0] * x[0];
}

static double slow_gradient(void *context, const double *x, double *g)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    g[0] = 2 * x[0];
    return square(context, x);
}

static bool keep_seconds(void *context, const ufm_progress *now)
{
    *(double *)context = now->seconds;
    return false;
}

/* The clock that the observer sees counts the first evaluation, too. */
static void test_clock(void)
{
    double x = 1, seconds = 0;
    const ufm_function slow = {.size = 1, .value = square, .gradient = slow_gradient};
    ufm_minimize_settings settings = settings_of(UFM_SOLVER_LBFGS);
    settings.observe = keep_seconds;
    settings.context = &seconds;
    const ufm_minimize_info info = run(&slow, &settings, &x);
    TEST(info.evaluations == 1 && seconds >= 0.03 && info.seconds >= seconds);
}

static double not_a_number(void *context, const double *x, double *g)
{
    (void)context;
    g[0] = x[0];
    return NAN;
}

static void test_bad_use(void)
{
    ufm_minimize_info info;
    ufm_error error = {{0}};
    EACH_SOLVER(solver)
    {
        ufm_minimize_settings settings = settings_of(solver);
        double x[] = {NAN, 1};
        TEST(ufm_minimize(&rosenbrock, &settings, x, &info, &error) == UFM_ERROR_NUMERIC);
        ufm_function broken = rosenbrock;
        broken.size = 1;
        broken.gradient = not_a_number;
        x[0] = 1;
        TEST(ufm_minimize(&broken, &settings, x, &info, &error) == UFM_ERROR_NUMERIC);
        settings.tolerance = NAN;
        TEST(ufm_minimize(&rosenbrock, &settings, x, &info, &error) == UFM_ERROR_USAGE);
        settings = settings_of(solver);
        settings.history = 0;
        TEST(ufm_minimize(&rosenbrock, &settings, x, &info, &error) == UFM_ERROR_USAGE);
    }
    ufm_function no_hessian = rosenbrock;
    no_hessian.hessian_vector = NULL;
    ufm_minimize_settings newton = settings_of(UFM_SOLVER_NEWTON);
    double x[] = {0, 0};
    TEST(ufm_minimize(&no_hessian, &newton, x, &info, &error) == UFM_ERROR_UNSUPPORTED);
    ufm_minimize_settings varpro = settings_of(UFM_SOLVER_VARPRO);
    TEST(ufm_minimize(&rosenbrock, &varpro, x, &info, &error) == UFM_ERROR_UNSUPPORTED);
    ufm_solver solver;
    TEST(ufm_solver_parse("adam", &solver, &error) == UFM_ERROR_USAGE && strstr(error.text, "gsl-bfgs2"));
    TEST(ufm_solver_parse("gsl-cg", &solver, &error) == UFM_OK && solver == UFM_SOLVER_GSL_CG);
}

static void test_memory(void)
{
    ufm_minimize_info info;
    ufm_error error;
    const int64_t blocks = ufm_memory_live_blocks();
    EACH_SOLVER(solver)
    for (int64_t budget = 0; budget < 12; budget++) {
        const ufm_minimize_settings settings = settings_of(solver);
        double x[] = {-1.2, 1};
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_minimize(&rosenbrock, &settings, x, &info, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        TEST(budget > 0 || status == UFM_ERROR_MEMORY);
        TEST(ufm_memory_live_blocks() == blocks);
    }
}

static void test_fixed_step(void)
{
    ufm_minimize_settings settings = settings_of(UFM_SOLVER_GD);
    double x[QUADRATIC_SIZE] = {0};
    settings.fixed_step = 1 / condition;
    settings.max_iterations = 1000;
    ufm_minimize_info info = run(&quadratic, &settings, x);
    /* The error along eigenvector i shrinks by 1 - e_i/condition an iteration. */
    for (int i = 0; i < QUADRATIC_SIZE; i++)
        test_close("x", x[i], 1 - pow(1 - eigenvalue(&condition, i) / condition, 1000), 1e-12);
    TEST(info.iterations == 1000 && info.evaluations == 1001);
}

/* ---- L-BFGS used as any GSL program would ------------------------------------------------------- */

static double gsl_f(const gsl_vector *x, void *context)
{
    return rosenbrock_value(context, x->data);
}
static void gsl_df(const gsl_vector *x, void *context, gsl_vector *g)
{
    (void)rosenbrock_gradient(context, x->data, g->data);
}
static void gsl_fdf(const gsl_vector *x, void *context, double *f, gsl_vector *g)
{
    *f = rosenbrock_gradient(context, x->data, g->data);
}

static void test_gsl_type(void)
{
    gsl_multimin_function_fdf fdf = {gsl_f, gsl_df, gsl_fdf, 2, NULL};
    for (size_t history = 1; history <= 7; history += 3) {
        gsl_multimin_fdfminimizer *minimizer = gsl_multimin_fdfminimizer_alloc(ufm_multimin_lbfgs, 2);
        gsl_vector *x = gsl_vector_alloc(2);
        gsl_error_handler_t *handler = gsl_set_error_handler_off();
        TEST(ufm_multimin_lbfgs_history(minimizer, history) == GSL_SUCCESS);
        TEST(ufm_multimin_lbfgs_history(minimizer, 0) == GSL_EINVAL);
        for (int round = 0; round < 2; round++) { /* set again must start afresh */
            gsl_vector_set(x, 0, -1.2);
            gsl_vector_set(x, 1, 1);
            TEST(gsl_multimin_fdfminimizer_set(minimizer, &fdf, x, 0.1, 0.9) == GSL_SUCCESS);
            int iterations = 0;
            while (gsl_multimin_test_gradient(minimizer->gradient, 1e-9) == GSL_CONTINUE &&
                   iterations < 500) {
                const double before = minimizer->f;
                TEST(gsl_multimin_fdfminimizer_iterate(minimizer) == GSL_SUCCESS);
                TEST(minimizer->f <= before);
                iterations++;
            }
            test_close("x", gsl_vector_get(minimizer->x, 0), 1, 1e-8);
            test_close("y", gsl_vector_get(minimizer->x, 1), 1, 1e-8);
            TEST(iterations < 120);
            TEST(gsl_multimin_fdfminimizer_restart(minimizer) == GSL_SUCCESS);
        }
        TEST(gsl_multimin_fdfminimizer_set(minimizer, &fdf, x, -1, 0.9) == GSL_EINVAL);
        gsl_set_error_handler(handler);
        gsl_vector_free(x);
        gsl_multimin_fdfminimizer_free(minimizer);
    }
}

/* With a history of at least n and near-exact line searches L-BFGS ends on a quadratic in about n iterations;
 * a memoryless method does not. */
static void test_history_matters(void)
{
    int64_t iterations[2];
    for (int i = 0; i < 2; i++) {
        ufm_minimize_settings settings = settings_of(UFM_SOLVER_LBFGS);
        double x[QUADRATIC_SIZE] = {0};
        settings.history = i ? QUADRATIC_SIZE : 1;
        iterations[i] = run(&quadratic, &settings, x).iterations;
    }
    TEST(2 * iterations[1] < iterations[0]);
}

/* A quadratic whose two halves differ in curvature by 1e4 within narrow spreads: known as blocks it is as
 * easy as either half, whichever threads share the vectors; unknown it is not. */
enum { HALF = 1500 };
static double halves_gradient(void *context, const double *x, double *g)
{
    (void)context;
    double value = 0;
    for (int i = 0; i < 2 * HALF; i++) {
        const double curvature = (i < HALF ? 1 : 1e4) * (1 + (double)(i % HALF) / HALF);
        g[i] = curvature * (x[i] - 1);
        value += 0.5 * g[i] * (x[i] - 1);
    }
    return value;
}
static double halves_value(void *context, const double *x)
{
    static double g[2 * HALF];
    return halves_gradient(context, x, g);
}

static void test_blocks(void)
{
    const ufm_minimize_settings settings = settings_of(UFM_SOLVER_LBFGS);
    ufm_function halves = {.size = 2 * HALF, .value = halves_value, .gradient = halves_gradient};
    static double x[3][2 * HALF];
    int64_t iterations[3];
    for (int i = 0; i < 3; i++) {
        memset(x[i], 0, sizeof x[i]);
        halves.blocks[0] = i ? HALF : 0;
        halves.blocks[1] = i ? 2 * HALF : 0;
        halves.pool = i == 2 ? ufm_pool_new(3) : NULL;
        const ufm_minimize_info info = run(&halves, &settings, x[i]);
        iterations[i] = info.iterations;
        TEST(info.stop == UFM_STOP_CONVERGED);
        static double again[2 * HALF];
        memset(again, 0, sizeof again);
        (void)run(&halves, &settings, again);
        TEST(memcmp(again, x[i], sizeof again) == 0);
        for (int j = 0; j < 2 * HALF; j++) test_close("x", x[i][j], 1, 1e-8);
        ufm_pool_free(halves.pool);
    }
    TEST(2 * iterations[1] < iterations[0] && 2 * iterations[2] < iterations[0]);
}

/* ---- The reference instances, from 20 starts each ------------------------------------------------ */

static void solve_reference(const reference_instance *r, ufm_solver solver, double *gradient, double *gap)
{
    ufm_labels *labels = test_design(r->classes, r->samples, UFM_DUPLICATES_KEEP);
    ufm_error error = {{0}};
    const uint64_t seeds = test_fast() ? 2 : 20;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        ufm_solve_settings settings = ufm_solve_defaults();
        ufm_solution *solution = NULL;
        settings.objective = (ufm_objective){UFM_LOSS_PAL, r->lambda_w, r->lambda_h, 1e-3};
        settings.seed = seed;
        settings.minimize.solver = solver;
        TEST_OK(ufm_solve(labels, &settings, &solution, &error));
        if (!solution) continue;
        const ufm_certificate *c = &solution->certificate;
        *gradient = fmax(*gradient, isnan(c->gradient_norm) ? INFINITY : c->gradient_norm);
        *gap = fmax(*gap, isnan(c->gap) ? INFINITY : c->gap / fabs(c->objective));
        test_close("objective", c->objective, r->objective, 1e-13);
        TEST(c->verdict == UFM_CERTIFIED_GLOBAL);
        ufm_solution_free(solution);
    }
    ufm_labels_free(labels);
}

static void test_lbfgs_reference(void)
{
    double gradient = 0, gap = 0;
    for (int i = 0; i < REFERENCE_INSTANCES; i++)
        solve_reference(&reference_instances[i], UFM_SOLVER_LBFGS, &gradient, &gap);
    /* The certificate's own gradient norm may differ from the solver's in the last digits. */
    test_worst("optim/lbfgs_reference", gradient, 1e-9 * (1 + 1e-6));
}

static void test_newton_reference(void)
{
    double gradient = 0, gap = 0;
    for (int i = 0; i < REFERENCE_INSTANCES; i++)
        solve_reference(&reference_instances[i], UFM_SOLVER_NEWTON, &gradient, &gap);
    test_worst("optim/newton_reference", gap, 1e-12);
}

static const test_case cases[] = {{"rosenbrock", test_rosenbrock},
                                  {"quadratic", test_quadratic},
                                  {"ufm", test_ufm},
                                  {"stops", test_stops},
                                  {"clock", test_clock},
                                  {"bad_use", test_bad_use},
                                  {"memory", test_memory},
                                  {"fixed_step", test_fixed_step},
                                  {"gsl_type", test_gsl_type},
                                  {"history_matters", test_history_matters},
                                  {"blocks", test_blocks},
                                  {"lbfgs_reference", test_lbfgs_reference},
                                  {"newton_reference", test_newton_reference},
                                  {NULL, NULL}};
const test_suite suite_optim = {"optim", cases};
