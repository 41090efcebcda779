/* The features minimised out: phi, its gradient and its Hessian by other routes, and the solver on top. */
#include "instances.h"
#include "test.h"
#include <string.h>
#include <ufmlab/linalg.h>

/* ---- phi at random points ----------------------------------------------------------------------- */

typedef struct {
    ufm_labels *labels;
    ufm_model *model;
    ufm_profile *profile;
    ufm_objective objective;
    int64_t size, full;     /* lengths of y and x */
    double *x, *y, *v;      /* random points and a direction; x receives the point at y */
    double *ahead, *g, *Hv; /* of the length of y; g also of x */
    char what[160];
} trial;

static double *gaussian(ufm_rng *rng, int64_t n, double scale)
{
    double *x = ufm_alloc(n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = scale * ufm_rng_gaussian(rng);
    return x;
}

static trial make_trial(ufm_rng *rng, int loss, int number)
{
    const int64_t K = 3 + ufm_rng_below(rng, 9), d = 1 + ufm_rng_below(rng, 14);
    const int64_t sets = K + ufm_rng_below(rng, 70);
    const int threads = 1 + (int)ufm_rng_below(rng, 3);
    const ufm_duplicates duplicates = number % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP;
    trial t = {.labels = test_random_labels(rng, K, sets, duplicates), .objective = test_losses[loss]};
    ufm_error error = {{0}};
    t.model = test_model(t.labels, t.objective, d, threads);
    t.full = ufm_model_size(t.model);
    t.x = gaussian(rng, t.full, 1);
    TEST_OK(ufm_profile_new(t.model, t.x, &t.profile, &error));
    ufm_profile_accuracy(t.profile, 0);
    t.size = ufm_profile_size(t.profile);
    t.y = gaussian(rng, t.size, 1);
    t.v = gaussian(rng, t.size, 1);
    ufm_scale(t.size, 1 / ufm_norm(t.size, t.v), t.v);
    t.ahead = ufm_alloc(t.size, sizeof(double));
    t.g = ufm_alloc(t.full, sizeof(double));
    t.Hv = ufm_alloc(t.size, sizeof(double));
    snprintf(t.what, sizeof t.what, "loss %s, K = %lld, d = %lld, %lld columns, %d threads, trial %d",
             ufm_loss_name(t.objective.loss), (long long)K, (long long)d, (long long)t.labels->columns,
             threads, number);
    return t;
}

static void free_trial(trial *t)
{
    double *const arrays[] = {t->x, t->y, t->v, t->ahead, t->g, t->Hv};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) ufm_free(arrays[i]);
    ufm_profile_free(t->profile);
    ufm_model_free(t->model);
    ufm_labels_free(t->labels);
}

/* Runs `check` on random trials of every convex loss; it returns its error, the worst of which is judged. */
static void each_trial(const char *name, double (*check)(trial *t), double tolerance)
{
    ufm_rng *rng = ufm_rng_new(20231016);
    double worst = 0;
    for (int loss = 0; loss < TEST_LOSSES; loss++) {
        if (test_losses[loss].loss == UFM_LOSS_PAL_FOCAL) continue;
        for (int number = 0; number < (test_fast() ? 2 : 12); number++) {
            trial t = make_trial(rng, loss, number);
            const double error = check(&t);
            if (!(error <= tolerance)) fprintf(stderr, "  %s: error %.3g, %s\n", name, error, t.what);
            worst = fmax(worst, isnan(error) ? INFINITY : error);
            free_trial(&t);
        }
    }
    test_worst(name, worst, tolerance);
    ufm_rng_free(rng);
}

/* The point at y is one of f with value phi(y), by plain loops too; there the gradient in H vanishes and that
 * in (W, b) is as long as that of phi; no other features do better. */
static double check_point(trial *t)
{
    const double phi = ufm_profile_gradient(t->profile, t->y, t->Hv);
    ufm_profile_point(t->profile, t->y, t->x);
    const double value = ufm_model_gradient(t->model, t->x, t->g);
    double *H = ufm_alloc(t->full, sizeof *H);
    const ufm_point point = ufm_model_point(t->model, t->x, H);
    double error = fabs(phi - value) / fabs(value);
    error = fmax(error, fabs(phi / test_objective(t->labels, &t->objective, &point) - 1));
    const int64_t features = ufm_model_block(t->model, 1), bias = ufm_model_block(t->model, 2);
    error = fmax(error, ufm_norm(bias - features, t->g + features));
    const double others = hypot(ufm_norm(features, t->g), ufm_norm(t->full - bias, t->g + bias));
    error = fmax(error, fabs(others - ufm_norm(t->size, t->Hv)));
    ufm_rng *rng = ufm_rng_new(5);
    for (int other = 0; other < 5; other++) {
        memcpy(H, t->x, (size_t)t->full * sizeof *H);
        for (int64_t j = features; j < bias; j++) H[j] += 1e-3 * ufm_rng_gaussian(rng);
        TEST(ufm_model_value(t->model, H) > phi);
    }
    ufm_rng_free(rng);
    ufm_free(H);
    return error;
}

static void test_point(void)
{
    each_trial("varpro/point", check_point, 2e-12);
}

/* phi(y + step v) and, where `slope` is given, its gradient into t->g. */
static double along(trial *t, double step)
{
    memcpy(t->ahead, t->y, (size_t)t->size * sizeof(double));
    ufm_axpy(t->size, step, t->v, t->ahead);
    return ufm_profile_gradient(t->profile, t->ahead, t->g);
}

static double check_gradient(trial *t)
{
    const double h = 1e-3;
    const double near = along(t, h) - along(t, -h), far = along(t, 2 * h) - along(t, -2 * h);
    (void)ufm_profile_gradient(t->profile, t->y, t->g);
    const double slope = ufm_dot(t->size, t->g, t->v);
    return fabs(slope - (8 * near - far) / (12 * h)) / fmax(1, fabs(slope));
}

static void test_gradient(void)
{
    each_trial("varpro/gradient", check_gradient, 1e-9);
}

static double check_product(trial *t)
{
    const double h = 1e-3, weights[] = {1, -8, 8, -1}, steps[] = {-2 * h, -h, h, 2 * h};
    double *difference = ufm_alloc(t->size, sizeof *difference);
    for (int i = 0; i < 4; i++) {
        (void)along(t, steps[i]);
        ufm_axpy(t->size, weights[i] / (12 * h), t->g, difference);
    }
    ufm_profile_product(t->profile, t->y, t->v, t->Hv);
    const double error = ufm_distance(t->size, difference, t->Hv) / fmax(1, ufm_norm(t->size, t->Hv));
    ufm_free(difference);
    return error;
}

static void test_product(void)
{
    each_trial("varpro/product", check_product, 1e-8);
}

/* The quadratic form of phi's Hessian is the least one of f's over all changes of the features: by conjugate
 * gradients on the Hessian-vector products of the whole model. W is lifted by the identity, so d <= K. */
static double check_schur(trial *t)
{
    const int64_t features = ufm_model_block(t->model, 1), bias = ufm_model_block(t->model, 2);
    if (features + t->labels->classes != t->size) return 0; /* d > K: y is not part of x */
    const int64_t n = bias - features;
    ufm_profile_product(t->profile, t->y, t->v, t->Hv);
    ufm_profile_point(t->profile, t->y, t->x);
    double *u = ufm_alloc(t->full, sizeof *u), *p = ufm_alloc(t->full, sizeof *p);
    double *r = ufm_alloc(t->full, sizeof *r), *q = ufm_alloc(t->full, sizeof *q);
    memcpy(u, t->v, (size_t)features * sizeof *u);
    memcpy(u + bias, t->v + features, (size_t)(t->full - bias) * sizeof *u);
    ufm_model_hessian_vector(t->model, t->x, u, r);
    for (int64_t j = 0; j < n; j++) p[features + j] = -r[features + j];
    double squared = ufm_dot(n, p + features, p + features);
    const double first = squared;
    for (int i = 0; i < 500 && squared > 1e-28 * first; i++) {
        ufm_model_hessian_vector(t->model, t->x, p, q);
        const double length = squared / ufm_dot(n, p + features, q + features);
        ufm_axpy(n, length, p + features, u + features);
        ufm_axpy(t->full, length, q, r);
        const double next = ufm_dot(n, r + features, r + features);
        for (int64_t j = features; j < bias; j++) p[j] = next / squared * p[j] - r[j];
        squared = next;
    }
    memcpy(t->g, r, (size_t)features * sizeof *r);
    memcpy(t->g + features, r + bias, (size_t)(t->full - bias) * sizeof *r);
    const double error = ufm_distance(t->size, t->g, t->Hv) / fmax(1, ufm_norm(t->size, t->Hv));
    ufm_free(u);
    ufm_free(p);
    ufm_free(r);
    ufm_free(q);
    return error;
}

static void test_schur(void)
{
    each_trial("varpro/schur", check_schur, 1e-10);
}

/* phi sees W W^T only: two classifiers that differ by a rotation have the same phi, and the start's phi is
 * not above f there. */
static double check_rotation(trial *t)
{
    const int64_t K = t->labels->classes, d = ufm_model_block(t->model, 1) / K;
    double *Q = ufm_alloc(d * d, sizeof *Q), *values = ufm_alloc(d, sizeof *values);
    ufm_rng *rng = ufm_rng_new(3);
    for (int64_t j = 0; j < d; j++)
        for (int64_t i = 0; i <= j; i++) Q[i + j * d] = Q[j + i * d] = ufm_rng_gaussian(rng);
    TEST_OK(ufm_symmetric_eigen(d, Q, true, values));
    ufm_profile_start(t->profile, t->y);
    const double phi = ufm_profile_gradient(t->profile, t->y, t->Hv), f = ufm_model_value(t->model, t->x);
    TEST(phi <= f);
    double *turned = ufm_alloc(t->full, sizeof *turned);
    memcpy(turned, t->x, (size_t)t->full * sizeof *turned);
    ufm_gemm(1, ufm_view(t->x, K, d), ufm_view(Q, d, d), 0, ufm_view(turned, K, d));
    ufm_profile *other = NULL;
    TEST_OK(ufm_profile_new(t->model, turned, &other, NULL));
    ufm_profile_accuracy(other, 0);
    ufm_profile_start(other, t->y);
    const double again = ufm_profile_gradient(other, t->y, t->Hv);
    ufm_profile_free(other);
    ufm_free(turned);
    ufm_free(Q);
    ufm_free(values);
    ufm_rng_free(rng);
    return fabs(phi - again) / fabs(phi);
}

static void test_rotation(void)
{
    each_trial("varpro/rotation", check_rotation, 1e-12);
}

/* ---- The solver --------------------------------------------------------------------------------- */

static ufm_solution *solve(const ufm_labels *labels, const ufm_objective *objective, int64_t dim,
                           ufm_solver solver, int threads)
{
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *solution = NULL;
    ufm_error error = {{0}};
    settings.objective = *objective;
    settings.dim = dim;
    settings.threads = threads;
    settings.minimize.solver = solver;
    const ufm_status status = ufm_solve(labels, &settings, &solution, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s: %s\n", ufm_solver_name(solver), error.text);
    TEST(status == UFM_OK);
    return solution;
}

/* The optimum of lbfgs and newton with the same certificate; in dimensions below the optimum's rank critical
 * points may differ, so that d >= K - 1 there. */
static void compare(const ufm_labels *labels, const ufm_objective *objective, int64_t dim)
{
    ufm_solution *ours = solve(labels, objective, dim, UFM_SOLVER_VARPRO, 2);
    for (int solver = UFM_SOLVER_LBFGS; ours && solver <= UFM_SOLVER_NEWTON; solver++) {
        ufm_solution *theirs = solve(labels, objective, dim, (ufm_solver)solver, 1);
        if (!theirs) continue;
        const ufm_certificate *a = &ours->certificate, *b = &theirs->certificate;
        test_close("objective", a->objective, b->objective, 1e-11);
        TEST(a->verdict == UFM_CERTIFIED_GLOBAL && b->verdict == UFM_CERTIFIED_GLOBAL);
        test_at_most("gap", a->gap, 1e-12 * a->objective);
        test_at_most("gradient", a->gradient_norm, 1e-12);
        ufm_solution_free(theirs);
    }
    ufm_solution_free(ours);
}

static void test_same_optimum(void)
{
    for (int loss = 0; loss < TEST_LOSSES; loss++) {
        ufm_objective objective = test_losses[loss];
        if (objective.loss == UFM_LOSS_PAL_FOCAL) continue;
        for (int i = 0; i < 2; i++) {
            ufm_labels *labels =
                test_design(5, "1:4,2:2,3:1", i ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
            compare(labels, &objective, i ? 12 : 5);
            ufm_labels_free(labels);
        }
    }
}

static void test_unbalanced(void)
{
    ufm_rng *rng = ufm_rng_new(77);
    const ufm_objective objective = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3};
    const ufm_objective free_bias = {UFM_LOSS_PAL_N, 1e-3, 1e-3, 0};
    for (int number = 0; number < (test_fast() ? 2 : 8); number++) {
        const int64_t K = 3 + number;
        ufm_labels *labels =
            test_random_labels(rng, K, 3 * K, number % 3 ? UFM_DUPLICATES_KEEP : UFM_DUPLICATES_MERGE);
        compare(labels, number % 2 ? &objective : &free_bias, K - 1 + 2 * (number % 4));
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

static void test_reference(void)
{
    for (int i = 0; i < REFERENCE_INSTANCES; i++) {
        const reference_instance *r = &reference_instances[i];
        const ufm_objective objective = {UFM_LOSS_PAL, r->lambda_w, r->lambda_h, 1e-3};
        ufm_labels *labels = test_design(r->classes, r->samples, UFM_DUPLICATES_KEEP);
        ufm_solution *solution = solve(labels, &objective, r->classes + 3, UFM_SOLVER_VARPRO, 1);
        if (solution) test_close("objective", solution->certificate.objective, r->objective, 1e-13);
        ufm_solution_free(solution);
        ufm_labels_free(labels);
    }
}

/* Below the optimum's rank there is no certificate: the end must be critical, and no higher than lbfgs's from
 * the point that varpro leaves. */
static void test_small_dimension(void)
{
    const ufm_objective objective = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3};
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_KEEP);
    for (int64_t dim = 1; dim <= 4; dim++) {
        ufm_solution *solution = solve(labels, &objective, dim, UFM_SOLVER_VARPRO, 2);
        if (!solution) continue;
        test_at_most("gradient", solution->certificate.gradient_norm, 1e-9);
        ufm_model *model = test_model(labels, objective, dim, 1);
        const ufm_function function = ufm_function_of_model(model);
        const ufm_minimize_settings settings = ufm_minimize_defaults();
        const double before = solution->info.value;
        ufm_minimize_info info = {0};
        TEST_OK(ufm_minimize(&function, &settings, solution->storage, &info, NULL));
        test_close("lbfgs stays", info.value, before, 1e-12);
        ufm_model_free(model);
        ufm_solution_free(solution);
    }
    ufm_labels_free(labels);
}

/* What the observer sees is true of the point that it is shown, falls, and begins at the common start. */
typedef struct {
    const ufm_function *function;
    double *gradient, last;
    int64_t seen, stop;
} witness;

static bool observe(void *context, const ufm_progress *now)
{
    witness *w = context;
    const double value = w->function->gradient(w->function->context, now->x, w->gradient);
    TEST(value == now->value && now->iteration == w->seen);
    test_close("gradient norm", now->gradient_norm, ufm_norm(w->function->size, w->gradient), 1e-13);
    TEST(now->value <= w->last * (1 + 1e-14));
    w->last = now->value;
    return ++w->seen <= w->stop;
}

static void test_trace(void)
{
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, (ufm_objective){UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3}, 9, 2);
    const ufm_function function = ufm_function_of_model(model);
    ufm_minimize_settings settings = ufm_minimize_defaults();
    settings.solver = UFM_SOLVER_VARPRO;
    settings.observe = observe;
    double *x[3];
    for (int64_t run = 0; run < 3; run++) { /* twice to the end, once stopped */
        witness w = {&function, ufm_alloc(function.size, sizeof(double)), INFINITY, 0, run == 2 ? 3 : 100};
        settings.context = &w;
        x[run] = ufm_alloc(function.size, sizeof(double));
        TEST_OK(ufm_model_start(model, 4, 0.3, x[run]));
        const double start = function.value(function.context, x[run]);
        ufm_minimize_info info = {0};
        TEST_OK(ufm_minimize(&function, &settings, x[run], &info, NULL));
        TEST(info.value < start && info.value == function.value(function.context, x[run]));
        TEST(info.stop == (run == 2 ? UFM_STOP_INTERRUPTED : UFM_STOP_CONVERGED));
        TEST(info.products > 0 && info.evaluations == info.iterations + 1);
        ufm_free(w.gradient);
    }
    TEST(memcmp(x[0], x[1], (size_t)function.size * sizeof(double)) == 0);
    for (int run = 0; run < 3; run++) ufm_free(x[run]);
    ufm_model_free(model);
    ufm_labels_free(labels);
}

static bool refuse(void *context, int64_t products)
{
    (void)context;
    return products < 5;
}

/* Ctrl-C between two products ends the run at the last point. */
static void test_interruption(void)
{
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, (ufm_objective){UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3}, 6, 1);
    const ufm_function function = ufm_function_of_model(model);
    ufm_minimize_settings settings = ufm_minimize_defaults();
    settings.solver = UFM_SOLVER_VARPRO;
    settings.working = refuse;
    double *x = ufm_alloc(function.size, sizeof *x);
    ufm_minimize_info info = {0};
    TEST_OK(ufm_model_start(model, 1, 0.3, x));
    TEST_OK(ufm_minimize(&function, &settings, x, &info, NULL));
    TEST(info.stop == UFM_STOP_INTERRUPTED && info.value == function.value(function.context, x));
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
}

/* Far from the features' minimum: logits of a thousand, where Newton's full steps would fly apart. */
static void test_far_start(void)
{
    const ufm_objective losses[] = {{UFM_LOSS_PAL, 1e-3, 1e-5, 1e-3}, {UFM_LOSS_BCE, 1e-3, 1e-5, 1e-3}};
    ufm_labels *labels = test_design(5, "1:4,2:2", UFM_DUPLICATES_KEEP);
    for (int loss = 0; loss < 2; loss++) {
        ufm_model *model = test_model(labels, losses[loss], 7, 1);
        const int64_t n = ufm_model_size(model);
        double *x = ufm_alloc(n, sizeof *x), *g = ufm_alloc(n, sizeof *g), *y, *slope;
        ufm_profile *profile = NULL;
        TEST_OK(ufm_model_start(model, 9, 20, x));
        TEST_OK(ufm_profile_new(model, x, &profile, NULL));
        y = ufm_alloc(ufm_profile_size(profile), sizeof *y);
        slope = ufm_alloc(ufm_profile_size(profile), sizeof *slope);
        ufm_profile_start(profile, y);
        (void)ufm_profile_gradient(profile, y, slope);
        ufm_profile_point(profile, y, x);
        (void)ufm_model_gradient(model, x, g);
        const int64_t features = ufm_model_block(model, 1);
        test_at_most("features' gradient", ufm_norm(ufm_model_block(model, 2) - features, g + features),
                     0.02 * ufm_norm(ufm_profile_size(profile), slope));
        ufm_profile_free(profile);
        ufm_free(x);
        ufm_free(g);
        ufm_free(y);
        ufm_free(slope);
        ufm_model_free(model);
    }
    ufm_labels_free(labels);
}

static void test_refusals(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP);
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *solution = NULL;
    ufm_error error = {{0}};
    settings.minimize.solver = UFM_SOLVER_VARPRO;
    settings.objective.loss = UFM_LOSS_PAL_FOCAL;
    settings.objective.parameter = 2;
    TEST(ufm_solve(labels, &settings, &solution, &error) == UFM_ERROR_UNSUPPORTED && !solution);
    TEST(strstr(error.text, "convex") != NULL);
    ufm_model *model = test_model(labels, settings.objective, 4, 1);
    double *x = ufm_alloc(ufm_model_size(model), sizeof *x);
    ufm_profile *profile = NULL;
    TEST(ufm_profile_new(model, x, &profile, &error) == UFM_ERROR_UNSUPPORTED && !profile);
    ufm_free(x);
    ufm_model_free(model);
    settings = ufm_solve_defaults();
    settings.minimize.solver = UFM_SOLVER_VARPRO;
    settings.constraint.classifier = UFM_CLASSIFIER_ETF;
    settings.constraint.classifier_norm = 1;
    TEST(ufm_solve(labels, &settings, &solution, &error) == UFM_ERROR_UNSUPPORTED && !solution);
    char err[512];
    TEST(test_program("solve --classes 4 --samples 1:3 --solver varpro --features nonnegative", NULL, err,
                      sizeof err) == 2);
    TEST(strstr(err, "varpro") != NULL && strchr(err, '\n') == strrchr(err, '\n'));
    ufm_labels_free(labels);
}

static void test_memory(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, (ufm_objective){UFM_LOSS_PAL, 5e-3, 1e-3, 1e-3}, 6, 1);
    const ufm_function function = ufm_function_of_model(model);
    ufm_minimize_settings settings = ufm_minimize_defaults();
    settings.solver = UFM_SOLVER_VARPRO;
    double *x = ufm_alloc(function.size, sizeof *x);
    const int64_t blocks = ufm_memory_live_blocks();
    int refused = 0;
    for (int64_t budget = 0; budget < 70; budget++) {
        ufm_minimize_info info;
        ufm_error error;
        TEST_OK(ufm_model_start(model, 1, 0.3, x));
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_minimize(&function, &settings, x, &info, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        refused += status == UFM_ERROR_MEMORY;
        TEST(ufm_memory_live_blocks() == blocks);
    }
    TEST(refused > 20 && refused < 70);
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
}

static const test_case cases[] = {{"point", test_point},
                                  {"gradient", test_gradient},
                                  {"product", test_product},
                                  {"schur", test_schur},
                                  {"rotation", test_rotation},
                                  {"same_optimum", test_same_optimum},
                                  {"unbalanced", test_unbalanced},
                                  {"reference", test_reference},
                                  {"small_dimension", test_small_dimension},
                                  {"trace", test_trace},
                                  {"interruption", test_interruption},
                                  {"far_start", test_far_start},
                                  {"refusals", test_refusals},
                                  {"memory", test_memory},
                                  {NULL, NULL}};
const test_suite suite_varpro = {"varpro", cases};
