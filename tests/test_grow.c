/* Solving in a dimension that grows: its parts one by one, and the whole against the fixed dimension K. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>

static double *random_vector(ufm_rng *rng, int64_t n, double scale)
{
    double *x = ufm_alloc(n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = scale * ufm_rng_gaussian(rng);
    return x;
}

/* Classes of very different frequencies, so that the optimum has no symmetry and a rank below K-1. */
static ufm_labels *imbalanced_labels(ufm_rng *rng, int64_t classes, int64_t tag_sets)
{
    ufm_error error = {{0}};
    ufm_labels *labels = NULL;
    ufm_labels_builder *builder = ufm_labels_builder_new();
    int32_t tags[64];
    for (int64_t i = 0; i < tag_sets; i++) {
        int64_t number = 0;
        for (int32_t k = 0; k < classes; k++)
            if (k == i % classes || ufm_rng_uniform(rng) < 0.6 / (1 + k)) tags[number++] = k;
        const int64_t count = 1 + ufm_rng_below(rng, i % classes == 0 ? 200 : 4);
        TEST_OK(ufm_labels_builder_add(builder, number, tags, count, &error));
    }
    TEST_OK(ufm_labels_builder_finish(builder, classes, UFM_DUPLICATES_MERGE, &labels, &error));
    ufm_labels_builder_free(builder);
    if (!labels) abort();
    return labels;
}

/* ---- The preconditioner ------------------------------------------------------------------------- */

/* Along one coordinate the cross term <G, dW dH> vanishes, so that the Hessian-vector product must show the
 * same diagonal. */
static void test_preconditioner(void)
{
    double worst = 0, single = 0;
    ufm_rng *rng = ufm_rng_new(21);
    for (int trial = 0; trial < (test_fast() ? 1 : 3) * TEST_LOSSES; trial++) {
        const int64_t classes = 3 + trial % 5, dim = 1 + trial % 7;
        const ufm_objective *o = &test_losses[trial % TEST_LOSSES];
        const bool exact =
            o->loss != UFM_LOSS_PAL_FOCAL || o->parameter == 0; /* else less than the diagonal */
        ufm_labels *labels =
            test_random_labels(rng, classes, 30, trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        ufm_model *model = test_model(labels, *o, dim, 1 + trial % 3);
        const int64_t size = ufm_model_size(model);
        double *x = random_vector(rng, size, 1), *v = random_vector(rng, size, 1);
        double *out = ufm_alloc(size, sizeof *out), *product = ufm_alloc(size, sizeof *product);
        TEST_OK(ufm_model_prepare(model, v)); /* at another point first */
        TEST_OK(ufm_model_prepare(model, x));
        ufm_model_precondition(model, v, out);
        TEST(ufm_dot(size, v, out) > 0);
        ufm_model_prepared_product(model, x, v, out);
        ufm_model_hessian_vector(model, x, v, product);
        single = fmax(single, ufm_distance(size, out, product) / ufm_norm(size, product));
        memset(v, 0, (size_t)size * sizeof *v);
        for (int64_t j = 0; j < size; j++) {
            v[j] = 1;
            ufm_model_precondition(model, v, out);
            ufm_model_hessian_vector(model, x, v, product);
            if (exact) worst = fmax(worst, fabs(out[j] * product[j] - 1));
            TEST(out[j] > 0 && ufm_norm(size, out) == out[j]);
            v[j] = 0;
        }
        ufm_free(x);
        ufm_free(v);
        ufm_free(out);
        ufm_free(product);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("grow/preconditioner", worst, 1e-12);
    test_worst("grow/prepared_product", single, 3e-6);
}

/* Products in single precision on both sides of every number of vectors that K and d may fill, and beyond the
 * sizes that are made without BLAS. */
static void test_prepared_sizes(void)
{
    static const int64_t sizes[][2] = {{16, 17}, {17, 16}, {15, 33}, {33, 1},  {48, 49},
                                       {49, 32}, {64, 64}, {64, 65}, {65, 64}, {80, 3}};
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(26);
    for (int trial = 0; trial < 2 * (int)(sizeof sizes / sizeof sizes[0]); trial++) {
        const int64_t classes = sizes[trial / 2][0], dim = sizes[trial / 2][1];
        const ufm_duplicates duplicates = trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP;
        ufm_labels *labels = test_random_labels(rng, classes, 150, duplicates);
        ufm_model *model = test_model(labels, test_losses[trial % 3], dim, 1 + trial % 3);
        const int64_t size = ufm_model_size(model);
        double *x = random_vector(rng, size, 1), *v = random_vector(rng, size, 1);
        double *out = ufm_alloc(size, sizeof *out), *product = ufm_alloc(size, sizeof *product);
        TEST_OK(ufm_model_prepare(model, x));
        ufm_model_prepared_product(model, x, v, out);
        ufm_model_hessian_vector(model, x, v, product);
        const double error = ufm_distance(size, out, product) / ufm_norm(size, product);
        if (!(error <= 3e-6))
            fprintf(stderr, "  K=%lld d=%lld trial %d: %.3g\n", (long long)classes, (long long)dim, trial,
                    error);
        worst = fmax(worst, isnan(error) ? INFINITY : error);
        ufm_free(x);
        ufm_free(v);
        ufm_free(out);
        ufm_free(product);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("grow/prepared_sizes", worst, 3e-6);
}

/* Newton with and without it ends at the same value. */
static void test_preconditioned_newton(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(22);
    for (int trial = 0; trial < (test_fast() ? 2 : 8); trial++) {
        ufm_labels *labels = imbalanced_labels(rng, 5 + trial, 40);
        ufm_model *model = test_model(labels, test_losses[trial % 2], 5 + trial, 1);
        double value[2];
        for (int use = 0; use < 2; use++) {
            const ufm_function function =
                use ? ufm_function_preconditioned(model) : ufm_function_of_model(model);
            ufm_minimize_settings settings = ufm_minimize_defaults();
            ufm_minimize_info info = {0};
            double *x = ufm_alloc(function.size, sizeof *x);
            settings.solver = UFM_SOLVER_NEWTON;
            settings.newton_switch = trial % 3 == 0 ? 0 : 1e-3;
            TEST_OK(ufm_model_start(model, 5, 0.3, x));
            TEST_OK(ufm_minimize(&function, &settings, x, &info, NULL));
            TEST(info.stop == UFM_STOP_CONVERGED && info.gradient_norm <= settings.tolerance);
            value[use] = info.value;
            ufm_free(x);
        }
        worst = fmax(worst, fabs(value[1] / value[0] - 1));
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("grow/preconditioned_newton", worst, 1e-13);
}

static void test_half_a_preconditioner(void)
{
    ufm_labels *labels = test_design(3, "1:1", UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, test_losses[0], 2, 1);
    ufm_function function = ufm_function_preconditioned(model);
    ufm_minimize_settings settings = ufm_minimize_defaults();
    ufm_minimize_info info;
    double *x = ufm_alloc(function.size, sizeof *x);
    function.prepare = NULL;
    TEST(ufm_minimize(&function, &settings, x, &info, NULL) == UFM_ERROR_USAGE);
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
}

/* ---- Rotation and change of dimension ------------------------------------------------------------ */

static void test_rotation(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(23);
    for (int trial = 0; trial < (test_fast() ? 4 : 20); trial++) {
        const ufm_objective *o = &test_losses[trial % 2];
        const int64_t K = 4 + trial % 5, d = 1 + trial % 9;
        ufm_labels *labels = test_random_labels(rng, K, 300, UFM_DUPLICATES_MERGE);
        const int64_t n = labels->columns;
        ufm_model *model = test_model(labels, *o, d, 1);
        double *x = random_vector(rng, ufm_model_size(model), 1), weight[9], gram[81];
        const double value = ufm_model_value(model, x);
        TEST_OK(ufm_model_rotate(model, x, weight));
        worst = fmax(worst, fabs(ufm_model_value(model, x) / value - 1));
        const ufm_matrix W = ufm_view(x, K, d), H = ufm_view(x + K * d, d, n);
        ufm_gemm(o->lambda_w, ufm_transpose(W), W, 0, ufm_view(gram, d, d));
        ufm_gemm(o->lambda_h, H, ufm_transpose(H), 1, ufm_view(gram, d, d));
        for (int64_t j = 0; j < d; j++) {
            TEST(j == 0 || weight[j] <= weight[j - 1]);
            for (int64_t l = 0; l < d; l++)
                worst = fmax(worst, fabs(gram[l + j * d] - (l == j ? weight[j] : 0)) / weight[0]);
        }
        ufm_free(x);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("grow/rotation", worst, 1e-12);
}

/* Padding and cutting again gives the point back; cutting alone loses the last coordinates. */
static void test_embedding(void)
{
    ufm_rng *rng = ufm_rng_new(24);
    ufm_labels *labels = test_random_labels(rng, 5, 12, UFM_DUPLICATES_MERGE);
    ufm_model *small = test_model(labels, test_losses[0], 3, 1),
              *large = test_model(labels, test_losses[0], 6, 1);
    double *x = random_vector(rng, ufm_model_size(small), 1);
    double *back = ufm_alloc(ufm_model_size(small), sizeof *back);
    double *padded = ufm_alloc(ufm_model_size(large), sizeof *padded);
    ufm_model_embed(large, 3, x, padded);
    TEST(fabs(ufm_model_value(large, padded) / ufm_model_value(small, x) - 1) < 1e-14);
    ufm_model_embed(small, 6, padded, back);
    TEST(memcmp(x, back, (size_t)ufm_model_size(small) * sizeof *x) == 0);
    ufm_free(x);
    ufm_free(back);
    ufm_free(padded);
    ufm_model_free(small);
    ufm_model_free(large);
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

/* ---- The ways down ------------------------------------------------------------------------------- */

/* |G^T u| from the model's Hessian: along dW = u a^T with an unused coordinate a, row a of dH is u^T G. */
static double stretch(ufm_model *model, const double *x, const double *u, int64_t coordinate)
{
    const int64_t size = ufm_model_size(model);
    const ufm_point shape = ufm_model_point(model, x, NULL);
    double *v = ufm_alloc(size, sizeof *v), *product = ufm_alloc(size, sizeof *product), sum = 0;
    memcpy(v + coordinate * shape.classes, u, (size_t)shape.classes * sizeof *v);
    ufm_model_hessian_vector(model, x, v, product);
    const double *rows = product + shape.classes * shape.dim;
    for (int64_t i = 0; i < shape.columns; i++)
        sum += rows[i * shape.dim + coordinate] * rows[i * shape.dim + coordinate];
    ufm_free(v);
    ufm_free(product);
    return sqrt(sum);
}

static void check_escape(const ufm_escape *escape, const ufm_solution *saddle, ufm_model *model,
                         const double *x, double *worst)
{
    const int64_t K = saddle->point.classes;
    for (int64_t j = 0; j < escape->count; j++) {
        const double *u = escape->u + j * K;
        TEST(escape->sigma[j] > saddle->certificate.mu &&
             (j == 0 || escape->sigma[j] <= escape->sigma[j - 1]));
        *worst = fmax(*worst, fabs(stretch(model, x, u, saddle->point.dim - 1) / escape->sigma[j] - 1));
        for (int64_t l = 0; l <= j; l++)
            *worst = fmax(*worst, fabs(ufm_dot(K, u, escape->u + l * K) - (l == j)));
        for (int64_t a = 0; a < saddle->point.dim; a++)
            *worst =
                fmax(*worst, fabs(ufm_dot(K, u, saddle->point.W + a * K)) / ufm_norm(K, saddle->point.W));
    }
}

/* At saddles of every rank: orthonormal, outside the range of W, |G^T u| = sigma > mu, the largest sigma_1.
 */
static void test_escape(void)
{
    double worst = 0;
    const ufm_objective objective = {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2};
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_MERGE);
    ufm_certify_settings settings = ufm_certify_defaults();
    for (int64_t rank = 1; rank <= 4; rank++) {
        ufm_solution *saddle = test_saddle(labels, &objective, rank, 7, 3);
        ufm_model *model = test_model(labels, objective, 7, 1);
        double *x = ufm_alloc(ufm_model_size(model), sizeof *x);
        ufm_escape *all = NULL, *one = NULL;
        TEST_OK(ufm_model_pack(model, &saddle->point, x, NULL));
        TEST_OK(ufm_certify(&saddle->point, labels, &objective, &settings, &saddle->certificate, NULL));
        TEST_OK(ufm_certify_escape(&saddle->point, labels, &objective, &settings, 6, &all, NULL));
        TEST_OK(ufm_certify_escape(&saddle->point, labels, &objective, &settings, 1, &one, NULL));
        TEST(all && one && all->count >= 1 && all->total == all->count && all->count <= 6 - rank);
        if (!all || !one) abort();
        TEST(one->count == 1 && one->total == all->total && one->sigma[0] == all->sigma[0]);
        worst = fmax(worst, fabs(all->sigma[0] / saddle->certificate.sigma1 - 1));
        check_escape(all, saddle, model, x, &worst);
        ufm_escape_free(all);
        ufm_escape_free(one);
        ufm_model_free(model);
        ufm_free(x);
        ufm_solution_free(saddle);
    }
    ufm_labels_free(labels);
    test_worst("grow/escape", worst, 1e-7); /* the range of W is as exact as the saddle */
}

/* ---- The whole ----------------------------------------------------------------------------------- */

static ufm_solution *solve(const ufm_labels *labels, const ufm_solve_settings *settings)
{
    ufm_solution *solution = NULL;
    ufm_error error = {{0}};
    const ufm_status status = ufm_solve(labels, settings, &solution, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    TEST(status == UFM_OK);
    if (!solution) abort();
    return solution;
}

static ufm_solve_settings growing(const ufm_objective *objective)
{
    ufm_solve_settings settings = ufm_solve_defaults();
    settings.objective = *objective;
    settings.grow = true;
    settings.threads = 1;
    return settings;
}

/* Growth from one dimension and a random start in K dimensions reach the same certified value. */
static void test_same_optimum(void)
{
    double worst = 0;
    ufm_rng *rng = ufm_rng_new(25);
    for (int trial = 0; trial < (test_fast() ? 4 : 30); trial++) {
        const int64_t classes = 4 + trial % 14;
        ufm_labels *labels = imbalanced_labels(rng, classes, 20 + 6 * trial);
        const double strength = pow(10, -5 + 3.5 * ufm_rng_uniform(rng));
        ufm_objective objective = test_losses[trial % TEST_LOSSES];
        if (objective.loss == UFM_LOSS_PAL_FOCAL) objective.parameter = 0; /* gamma > 0 is not convex */
        objective.lambda_w = strength;
        objective.lambda_h = strength / 5;
        objective.lambda_b = trial % 5 || objective.loss == UFM_LOSS_BCE ? strength : 0;
        ufm_solve_settings settings = growing(&objective);
        settings.threads = 1 + trial % 2;
        ufm_solution *grown = solve(labels, &settings);
        settings.grow = false;
        settings.minimize.solver = UFM_SOLVER_NEWTON;
        ufm_solution *fixed = solve(labels, &settings);
        const ufm_certificate *c = &grown->certificate;
        const bool good = c->verdict == UFM_CERTIFIED_GLOBAL && c->gap <= 1e-9 * fabs(c->objective) &&
                          grown->point.dim <= classes && c->rank <= grown->point.dim;
        if (!good)
            fprintf(stderr, "  trial %d: K %lld, lambda %g, gap %g, d %lld, %s\n", trial, (long long)classes,
                    strength, c->gap, (long long)grown->point.dim, ufm_stop_text(grown->info.stop));
        TEST(good);
        worst = fmax(worst, fabs(c->objective / fixed->certificate.objective - 1));
        ufm_solution_free(grown);
        ufm_solution_free(fixed);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("grow/same_optimum", worst, 1e-12);
}

/* Beyond the threshold the origin is the optimum, and nothing grows. */
static void test_collapsed(void)
{
    ufm_rng *rng = ufm_rng_new(26);
    ufm_labels *labels = imbalanced_labels(rng, 8, 60);
    const ufm_objective objective = {UFM_LOSS_PAL, 10, 10, 1e-3};
    ufm_solve_settings settings = growing(&objective);
    ufm_solution *solution = solve(labels, &settings);
    TEST(solution->growths == 0 && solution->point.dim == 1 && solution->certificate.rank == 0);
    TEST(solution->certificate.verdict == UFM_CERTIFIED_GLOBAL);
    ufm_solution_free(solution);
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

static void test_deterministic(void)
{
    ufm_rng *rng = ufm_rng_new(27);
    ufm_labels *labels = imbalanced_labels(rng, 40, 400);
    for (int threads = 1; threads <= 2; threads++) {
        ufm_solve_settings settings = growing(&test_losses[0]);
        settings.threads = threads;
        ufm_solution *a = solve(labels, &settings), *b = solve(labels, &settings);
        TEST(a->point.dim == b->point.dim && a->growths == b->growths && a->growths > 0);
        const int64_t size = a->point.dim * (a->point.classes + a->point.columns) + a->point.classes;
        TEST(memcmp(a->storage, b->storage, (size_t)size * sizeof(double)) == 0);
        TEST(a->certificate.gap == b->certificate.gap && a->info.products == b->info.products);
        ufm_solution_free(a);
        ufm_solution_free(b);
    }
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

/* ---- Interruption, limits, memory ---------------------------------------------------------------- */

typedef struct {
    int64_t iterations, products; /* allowed */
    ufm_progress last;
} patience;

static bool patient(void *context, const ufm_progress *now)
{
    patience *p = context;
    TEST(now->iteration == 0 || now->iteration == p->last.iteration + 1);
    TEST(now->evaluations >= p->last.evaluations && now->products >= p->last.products);
    p->last = *now;
    return now->iteration < p->iterations;
}

static bool patient_with_products(void *context, int64_t products)
{
    return products < ((const patience *)context)->products;
}

static void test_interrupted(void)
{
    ufm_rng *rng = ufm_rng_new(28);
    ufm_labels *labels = imbalanced_labels(rng, 12, 100);
    const double start = log(12) * 12; /* no tag set's loss at the origin is more */
    const ufm_objective weak = {UFM_LOSS_PAL, 1e-4, 1e-5, 1e-4};
    for (int64_t allowed = 0; allowed < 30; allowed++) {
        ufm_solve_settings settings = growing(&weak);
        patience limit = {allowed, INT64_MAX, {0}};
        if (allowed % 2) limit = (patience){INT64_MAX, allowed, {0}};
        settings.minimize.observe = patient;
        settings.minimize.working = patient_with_products;
        settings.minimize.context = &limit;
        ufm_solution *solution = solve(labels, &settings);
        TEST(solution->info.stop == UFM_STOP_INTERRUPTED);
        TEST(allowed % 2 ? solution->info.products == allowed : solution->info.iterations == allowed);
        TEST(solution->certificate.objective <= start && solution->certificate.gap >= 0);
        ufm_solution_free(solution);
        settings.minimize.observe = NULL;
        settings.minimize.working = NULL;
        settings.minimize.max_iterations = allowed;
        solution = solve(labels, &settings);
        TEST(solution->info.stop == UFM_STOP_ITERATIONS && solution->info.iterations <= allowed);
        ufm_solution_free(solution);
    }
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

static void test_memory(void)
{
    ufm_rng *rng = ufm_rng_new(29);
    ufm_labels *labels = imbalanced_labels(rng, 6, 30);
    ufm_solve_settings settings = growing(&test_losses[0]);
    ufm_error error = {{0}};
    ufm_solution *solution = NULL;
    const int64_t blocks = ufm_memory_live_blocks();
    int64_t budget = 0;
    for (ufm_status status = UFM_ERROR_MEMORY; status == UFM_ERROR_MEMORY; budget++) {
        ufm_memory_fail_after(budget);
        status = ufm_solve(labels, &settings, &solution, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        if (status == UFM_OK) ufm_solution_free(solution);
        TEST(ufm_memory_live_blocks() == blocks);
    }
    TEST(budget > 30);
    settings.memory_limit = 8 * 30 * 13;
    TEST(ufm_solve(labels, &settings, &solution, &error) == UFM_ERROR_MEMORY);
    TEST(strstr(error.text, "dimensions") != NULL && ufm_memory_live_blocks() == blocks);
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

/* ---- The program --------------------------------------------------------------------------------- */

static const char *counts_file(void)
{
    static char text[16384];
    size_t used = (size_t)snprintf(text, sizeof text, "tags,count\n");
    for (int k = 0; k < 40; k++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%d,%d\n", k, 1 + 60 / (1 + k));
        for (int l = k + 1; l < 40; l += k + 2)
            used += (size_t)snprintf(text + used, sizeof text - used, "%d+%d,%d\n", k, l, 1 + (k + l) % 3);
    }
    return test_file(".csv", text);
}

static double number_of(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

static void test_command(void)
{
    char arguments[512], out[8192], err[8192], file[128];
    snprintf(file, sizeof file, "%s", counts_file()); /* test_program reuses the path buffers */
    snprintf(arguments, sizeof arguments, "solve --counts %s --duplicates merge --json", file);
    TEST(test_program(arguments, out, err, sizeof out) == 0);
    TEST(strstr(out, "\"solver\": \"newton\"") != NULL && number_of(out, "growths") >= 1);
    TEST(number_of(out, "dim") <= 39 && number_of(out, "rank") == number_of(out, "dim"));
    const double objective = number_of(out, "objective");
    TEST(number_of(out, "gap") <= 1e-9 * objective);
    const char *const fixed[] = {"--dim 39", "--init-scale 0.1", "--solver lbfgs"};
    for (int i = 0; i < 3; i++) {
        snprintf(arguments, sizeof arguments, "solve --counts %s --duplicates merge --json %s", file,
                 fixed[i]);
        TEST(test_program(arguments, out, err, sizeof out) == 0);
        TEST(number_of(out, "growths") == 0 && number_of(out, "dim") == (i == 0 ? 39 : 40));
        test_close("objective", number_of(out, "objective"), objective, 1e-11);
    }
    snprintf(arguments, sizeof arguments, "solve --counts %s --duplicates merge --memory 1e-4", file);
    TEST(test_program(arguments, out, err, sizeof out) == 2);
    TEST(strstr(err, "dimensions") != NULL && strchr(err, '\n') == err + strlen(err) - 1);
}

static const test_case cases[] = {{"preconditioner", test_preconditioner},
                                  {"prepared_sizes", test_prepared_sizes},
                                  {"preconditioned_newton", test_preconditioned_newton},
                                  {"half_a_preconditioner", test_half_a_preconditioner},
                                  {"rotation", test_rotation},
                                  {"embedding", test_embedding},
                                  {"escape", test_escape},
                                  {"same_optimum", test_same_optimum},
                                  {"collapsed", test_collapsed},
                                  {"deterministic", test_deterministic},
                                  {"interrupted", test_interrupted},
                                  {"memory", test_memory},
                                  {"command", test_command},
                                  {NULL, NULL}};
const test_suite suite_grow = {"grow", cases};
