/* The Hessian's spectrum: predicted eigenvalues, one by one, against LAPACK on the dense Hessian. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

/* ---- Both spectra ------------------------------------------------------------------------------------ */

typedef struct {
    int64_t size;
    double *value; /* ascending, multiplicities written out */
} value_list;

static value_list written_out(const ufm_predicted_spectrum *spectrum)
{
    value_list list = {0};
    for (int64_t i = 0; i < spectrum->distinct; i++) list.size += spectrum->multiplicity[i];
    list.value = ufm_alloc(list.size, sizeof *list.value);
    if (!list.value) abort();
    for (int64_t i = 0, at = 0; i < spectrum->distinct; i++)
        for (int64_t j = 0; j < spectrum->multiplicity[i]; j++) list.value[at++] = spectrum->value[i];
    return list;
}

static ufm_predicted_spectrum *predicted(const ufm_design *design, const ufm_objective *objective,
                                         int64_t dim)
{
    ufm_predicted_spectrum *spectrum = NULL;
    ufm_error error = {{0}};
    if (ufm_spectrum_predict(design, objective, dim, &spectrum, &error) != UFM_OK) {
        fprintf(stderr, "  %s\n", error.text);
        abort();
    }
    return spectrum;
}

/* The closed-form optimum in the model's variables. */
static double *optimum(const ufm_design *design, const ufm_labels *labels, const ufm_objective *objective,
                       ufm_model *model, int64_t dim)
{
    const int64_t K = labels->classes, n = labels->columns;
    ufm_prediction *prediction = NULL;
    double *W = ufm_alloc(K * dim, sizeof *W), *H = ufm_alloc(dim * n, sizeof *H);
    double *b = ufm_alloc(K, sizeof *b), *x = ufm_alloc(ufm_model_size(model), sizeof *x);
    if (!W || !H || !b || !x) abort();
    const ufm_point point = {K, dim, n, W, H, b};
    TEST_OK(ufm_predict(design, objective, &prediction, NULL));
    TEST_OK(ufm_prediction_point(prediction, labels, dim, W, H, NULL));
    TEST_OK(ufm_model_pack(model, &point, x, NULL));
    ufm_prediction_free(prediction);
    ufm_free(W);
    ufm_free(H);
    ufm_free(b);
    return x;
}

static ufm_design *parsed(int64_t classes, const char *samples)
{
    ufm_design *design = NULL;
    ufm_error error = {{0}};
    if (ufm_design_parse(classes, samples, &design, &error) != UFM_OK) {
        fprintf(stderr, "  %s\n", error.text);
        abort();
    }
    return design;
}

/* Largest difference between the sorted spectra, relative to the largest eigenvalue; NaN when their sizes
 * differ. */
static double spectrum_error(int64_t classes, const char *samples, const ufm_objective *objective,
                             int64_t dim)
{
    ufm_design *design = parsed(classes, samples);
    ufm_labels *labels = test_design(classes, samples, UFM_DUPLICATES_MERGE);
    ufm_model *model = test_model(labels, *objective, dim, 1);
    ufm_predicted_spectrum *spectrum = predicted(design, objective, dim);
    value_list list = written_out(spectrum);
    double *x = optimum(design, labels, objective, model, dim);
    double *measured = ufm_alloc(ufm_model_size(model), sizeof *measured);
    double worst = 0;
    TEST_OK(ufm_spectrum(model, x, measured, NULL));
    if (list.size != ufm_model_size(model)) worst = NAN;
    for (int64_t i = 0; i < list.size && list.size == ufm_model_size(model); i++) {
        const double error = fabs(list.value[i] - measured[i]) / measured[list.size - 1];
        if (!(error <= worst)) worst = error;
    }
    ufm_free(measured);
    ufm_free(x);
    ufm_free(list.value);
    ufm_predicted_spectrum_free(spectrum);
    ufm_model_free(model);
    ufm_labels_free(labels);
    ufm_design_free(design);
    return worst;
}

/* ---- Agreement --------------------------------------------------------------------------------------- */

/* Every multiplicity with some probability, at least one below K, at most four; returns the size for d. */
static int64_t random_design(ufm_rng *rng, int64_t K, int64_t dim, char text[64])
{
    int64_t columns = 0;
    int levels = 0;
    const int64_t first = 1 + ufm_rng_below(rng, K - 1);
    char *at = text;
    for (int64_t m = 1; m <= K; m++) {
        if (m != first && (levels >= 3 || ufm_rng_uniform(rng) < 0.55)) continue;
        at += sprintf(at, "%s%lld:%lld", at > text ? "," : "", (long long)m,
                      (long long)(1 + ufm_rng_below(rng, 6)));
        levels++;
        int64_t sets = 1;
        for (int64_t j = 1; j <= m; j++) sets = sets * (K - m + j) / j;
        columns += sets;
    }
    return K * dim + dim * columns + K;
}

/* K = 2..8, one to four multiplicities with K among them, both losses, a fixed and a free bias, every d from
 * K-1 to K+3, mu from far below to just below its critical value, and unequal lambdas. */
static void test_random_designs(void)
{
    ufm_rng *rng = ufm_rng_new(131);
    const int64_t most = test_fast() ? 60 : 640;
    double worst = 0;
    for (int trial = 0, done = 0; done < (test_fast() ? 6 : 300); trial++) {
        char samples[64];
        const int64_t K = 2 + ufm_rng_below(rng, 7), dim = K - 1 + ufm_rng_below(rng, 5);
        if (random_design(rng, K, dim, samples) > most) continue;
        ufm_design *design = parsed(K, samples);
        ufm_objective objective = {.lambda_b = trial % 3 == 0 ? 0 : pow(10, -4 * ufm_rng_uniform(rng))};
        TEST_OK(test_lambda_at(design, trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL,
                               1 - pow(10, -3 * ufm_rng_uniform(rng)), pow(10, 4 * ufm_rng_uniform(rng) - 2),
                               &objective, NULL));
        const double error = spectrum_error(K, samples, &objective, dim);
        if (!(error <= 1e-12))
            fprintf(stderr, "  K %lld, %s, d %lld, %s: %.1e\n", (long long)K, samples, (long long)dim,
                    ufm_loss_name(objective.loss), error);
        if (!(error <= worst)) worst = error;
        ufm_design_free(design);
        done++;
    }
    ufm_rng_free(rng);
    test_worst("random_designs", worst, 1e-12);
}

/* Small mu, where the margins are large, and every combination that the random designs might miss. */
static void test_named_designs(void)
{
    static const struct {
        int64_t classes;
        const char *samples;
    } designs[] = {{2, "1:3"},         {2, "1:3,2:5"}, {3, "1:2"},         {3, "2:4"},
                   {3, "1:2,2:1,3:7"}, {4, "2:3"},     {4, "1:1,3:2"},     {4, "1:3,2:2,3:1,4:5"},
                   {5, "2:2,3:3"},     {5, "4:2,5:1"}, {6, "3:1"},         {6, "1:10,2:3"},
                   {7, "2:1,7:3"},     {8, "1:4,2:2"}, {8, "1:4,7:3,8:2"}, {8, "3:2"}};
    const int count = test_fast() ? 5 : (int)(sizeof designs / sizeof designs[0]);
    double worst = 0;
    for (int i = 0; i < count; i++)
        for (int variant = 0; variant < 4; variant++) {
            ufm_design *design = parsed(designs[i].classes, designs[i].samples);
            ufm_objective objective = {.lambda_b = variant & 1 ? 0 : 1e-2};
            TEST_OK(test_lambda_at(design, variant & 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 1e-3, 5, &objective,
                                   NULL));
            const double error = spectrum_error(designs[i].classes, designs[i].samples, &objective,
                                                designs[i].classes - 1 + variant % 3);
            if (!(error <= 1e-12))
                fprintf(stderr, "  K %lld, %s, variant %d: %.1e\n", (long long)designs[i].classes,
                        designs[i].samples, variant, error);
            if (!(error <= worst)) worst = error;
            ufm_design_free(design);
        }
    test_worst("named_designs", worst, 1e-12);
}

/* ---- Beyond the reach of LAPACK ------------------------------------------------------------------------ */

static double binomial(int64_t n, int64_t k)
{
    double value = 1;
    for (int64_t j = 1; j <= k; j++) value = value * (double)(n - k + j) / (double)j;
    return value;
}

/* The trace of the Hessian from the diagonal blocks of the definition: with D_S = (omega m n_m/N)(diag p - p
 * p^T) they are |h_S|^2 D_S, W^T D_S W/n_m and D_S, and the regulariser. */
static double trace_by_definition(const ufm_design *design, const ufm_objective *o, int64_t dim)
{
    const double K = (double)design->classes, d = (double)dim;
    ufm_prediction *p = NULL;
    double samples = 0, sets = 0, trace = 0;
    TEST_OK(ufm_predict(design, o, &p, NULL));
    for (int64_t l = 0; l < p->levels; l++) {
        sets += binomial(p->classes, p->multiplicity[l]);
        samples += binomial(p->classes, p->multiplicity[l]) * (double)design->per_tag_set[l];
    }
    for (int64_t l = 0; l < p->levels; l++) {
        const double m = (double)p->multiplicity[l], count = (double)design->per_tag_set[l];
        const double odds = exp(p->margin[l]), in = odds / (m * odds + K - m), out = 1 / (m * odds + K - m);
        const double share = m * in * (1 - in) + (K - m) * out * (1 - out);
        const double D = ufm_loss_weight(o->loss, m) * m * count / samples * share;
        const double scale = m < K ? p->scale[l] : 0;
        const double feature_square = scale * scale * p->gram_scale * m * (K - m) / K;
        trace +=
            binomial(p->classes, p->multiplicity[l]) * (feature_square * D + p->gram_scale * D / count + D);
    }
    ufm_prediction_free(p);
    return trace + 2 * (o->lambda_w * K * d + o->lambda_h * d * sets + o->lambda_b * K);
}

static double trace_of(const ufm_predicted_spectrum *spectrum)
{
    double trace = 0;
    for (int64_t i = 0; i < spectrum->distinct; i++)
        trace += (double)spectrum->multiplicity[i] * spectrum->value[i];
    return trace;
}

/* The sum of the eigenvalues, their number and the zero modes for up to 300 classes. */
static void test_trace(void)
{
    static const struct {
        int64_t classes;
        const char *samples;
    } designs[] = {{5, "1:2,2:7,4:2,5:3"},
                   {10, "1:5,2:2,3:1"},
                   {40, "2:3,39:1"},
                   {100, "1:3,3:2,100:9"},
                   {300, "1:100,2:1,5:1"}};
    double worst = 0;
    for (size_t i = 0; i < sizeof designs / sizeof designs[0]; i++)
        for (int64_t extra = -1; extra < 3; extra++) {
            const int64_t K = designs[i].classes, dim = K + extra;
            ufm_design *design = parsed(K, designs[i].samples);
            ufm_objective objective = {.lambda_b = extra % 2 ? 0 : 3e-3};
            TEST_OK(
                test_lambda_at(design, extra > 0 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 0.2, 3, &objective, NULL));
            ufm_predicted_spectrum *spectrum = predicted(design, &objective, dim);
            const double trace = trace_by_definition(design, &objective, dim);
            const double error = fabs(trace_of(spectrum) - trace) / trace;
            if (!(error <= worst)) worst = error;
            double size = (double)(K * (dim + 1));
            for (int64_t l = 0; l < design->levels; l++)
                size += (double)dim * binomial(K, design->multiplicity[l]);
            for (int64_t j = 0; j < spectrum->distinct; j++) size -= (double)spectrum->multiplicity[j];
            TEST(size == 0);
            TEST(spectrum->value[0] == 0);
            TEST(spectrum->multiplicity[0] ==
                 (K - 1) * (K - 2) / 2 + (K - 1) * (extra + 1) + (objective.lambda_b > 0 ? 0 : 1));
            for (int64_t j = 1; j < spectrum->distinct; j++)
                TEST(spectrum->value[j] > spectrum->value[j - 1]);
            ufm_predicted_spectrum_free(spectrum);
            ufm_design_free(design);
        }
    test_worst("trace", worst, 1e-12);
}

typedef struct {
    ufm_model *model;
    const double *x;
} hessian_at;

static void minus_hessian(void *context, const double *v, double *product)
{
    const hessian_at *at = context;
    ufm_model_hessian_vector(at->model, at->x, v, product);
    ufm_scale(ufm_model_size(at->model), -1, product);
}

/* The largest eigenvalues by Lanczos where the dense Hessian is out of reach. */
static void test_largest(void)
{
    const int64_t K = test_fast() ? 6 : 16, dim = K + 1;
    const char *samples = test_fast() ? "1:3,2:2" : "1:3,2:2,3:1,16:4";
    const ufm_objective objective = {UFM_LOSS_PAL_N, 2e-3, 1e-4, 1e-3};
    ufm_design *design = parsed(K, samples);
    ufm_labels *labels = test_design(K, samples, UFM_DUPLICATES_MERGE);
    ufm_model *model = test_model(labels, objective, dim, 1);
    double *x = optimum(design, labels, &objective, model, dim), value = NAN;
    ufm_predicted_spectrum *spectrum = predicted(design, &objective, dim);
    hessian_at at = {model, x};
    TEST_OK(ufm_lanczos_smallest(ufm_model_size(model), minus_hessian, &at, 1, &value, NULL));
    const double largest = spectrum->value[spectrum->distinct - 1];
    test_worst("largest", fabs(-value - largest) / largest, 1e-12);
    ufm_predicted_spectrum_free(spectrum);
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
    ufm_design_free(design);
}

/* How often a value is predicted. */
static int64_t times(const ufm_predicted_spectrum *spectrum, double value)
{
    int64_t number = 0;
    const double resolution = 1e-12 * spectrum->value[spectrum->distinct - 1];
    for (int64_t i = 0; i < spectrum->distinct; i++)
        if (fabs(spectrum->value[i] - value) <= resolution) number += spectrum->multiplicity[i];
    return number;
}

/* The explicit eigenvalues of single-label designs. */
static void test_single_label(void)
{
    const ufm_objective o = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};
    for (int64_t K = 4; K < (test_fast() ? 6 : 30); K++) {
        ufm_design *design = parsed(K, "1:7");
        ufm_predicted_spectrum *spectrum = predicted(design, &o, K - 1);
        ufm_prediction *p = NULL;
        TEST_OK(ufm_predict(design, &o, &p, NULL));
        const double ratio = o.lambda_w / o.lambda_h, odds = exp(p->margin[0]), k = (double)K;
        const double outside = p->gram_scale / (7 * k * (odds + k - 1));
        const double contrast = outside * k * odds / (odds + k - 1);
        const double middle = (1 + ratio) * (2 * o.lambda_h + outside) / 2;
        const double middle_1 = (1 + ratio) * (2 * o.lambda_h + contrast) / 2;
        const double root = sqrt(middle * middle - 8 * o.lambda_w * outside);
        const double root_1 = sqrt(middle_1 * middle_1 - 8 * o.lambda_w * contrast);
        TEST(times(spectrum, 2 * middle) == (K - 1) * (K - 2) / 2);
        TEST(times(spectrum, middle + root) == K * (K - 3) / 2);
        TEST(times(spectrum, middle - root) == K * (K - 3) / 2);
        TEST(times(spectrum, middle_1 + root_1) == 1);
        TEST(times(spectrum, middle_1 - root_1) == 1);
        ufm_prediction_free(p);
        ufm_predicted_spectrum_free(spectrum);
        ufm_design_free(design);
    }
}

static int64_t append(double *list, int64_t at, double value, int64_t times_more)
{
    for (int64_t i = 0; i < times_more; i++) list[at++] = value;
    return at;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* With duplicates kept: the merged spectrum, and the features' own curvature once more for each duplicate. */
static void test_duplicates_kept(void)
{
    const ufm_objective o = {UFM_LOSS_PAL_N, 5e-3, 1e-3, 1e-2};
    const int64_t K = 4, dim = 5;
    const char *samples = "1:3,2:2,4:3";
    ufm_design *design = parsed(K, samples);
    ufm_labels *labels = test_design(K, samples, UFM_DUPLICATES_KEEP);
    ufm_model *model = test_model(labels, o, dim, 1);
    const int64_t size = ufm_model_size(model);
    double *x = optimum(design, labels, &o, model, dim);
    double *measured = ufm_alloc(size, sizeof *measured), *expected = ufm_alloc(size, sizeof *expected);
    ufm_predicted_spectrum *spectrum = predicted(design, &o, dim);
    ufm_prediction *p = NULL;
    int64_t at = 0;
    double worst = 0;
    TEST_OK(ufm_predict(design, &o, &p, NULL));
    for (int64_t i = 0; i < spectrum->distinct; i++)
        at = append(expected, at, spectrum->value[i], spectrum->multiplicity[i]);
    for (int64_t l = 0; l < p->levels; l++) {
        const int64_t m = p->multiplicity[l];
        const int64_t more = (design->per_tag_set[l] - 1) * (int64_t)binomial(K, m);
        const double odds = exp(p->margin[l]), out = 1 / ((double)m * odds + (double)(K - m));
        const double unit = p->gram_scale / (double)labels->samples; /* omega m = 1 */
        at = append(expected, at, 2 * o.lambda_h, more * (dim - (K - 1)));
        at = append(expected, at, 2 * o.lambda_h + unit * odds * out, more * (m - 1));
        at = append(expected, at, 2 * o.lambda_h + unit * out, more * (K - m - 1));
        if (m < K) at = append(expected, at, 2 * o.lambda_h + unit * (double)K * odds * out * out, more);
    }
    TEST(at == size);
    qsort(expected, (size_t)at, sizeof *expected, ascending);
    TEST_OK(ufm_spectrum(model, x, measured, NULL));
    for (int64_t i = 0; i < size; i++) {
        const double error = fabs(measured[i] - expected[i]) / measured[size - 1];
        if (!(error <= worst)) worst = error;
    }
    test_worst("duplicates_kept", worst, 1e-12);
    ufm_prediction_free(p);
    ufm_predicted_spectrum_free(spectrum);
    ufm_free(expected);
    ufm_free(measured);
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
    ufm_design_free(design);
}

/* ---- Other points, failures, the command --------------------------------------------------------------- */

/* Eigenvalues of magnitude up to `bound` at a solution. */
static int64_t small_eigenvalues(const ufm_labels *labels, const ufm_objective *objective,
                                 const ufm_point *point, double bound)
{
    ufm_model *model = test_model(labels, *objective, point->dim, 1);
    const int64_t size = ufm_model_size(model);
    double *x = ufm_alloc(size, sizeof *x), *values = ufm_alloc(size, sizeof *values);
    int64_t number = 0;
    TEST_OK(ufm_model_pack(model, point, x, NULL));
    TEST_OK(ufm_spectrum(model, x, values, NULL));
    TEST(values[0] >= -bound * values[size - 1]);
    for (int64_t i = 0; i < size; i++) number += fabs(values[i]) <= bound * values[size - 1];
    ufm_free(x);
    ufm_free(values);
    ufm_model_free(model);
    return number;
}

/* Arbitrary labels: at a solution of rank K-1 only the symmetries leave the objective alone. */
static void test_zero_modes(void)
{
    ufm_rng *rng = ufm_rng_new(132);
    int full_rank = 0;
    for (int trial = 0; trial < (test_fast() ? 4 : 60); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 4), dim = K - 1 + ufm_rng_below(rng, 4);
        ufm_labels *labels = test_random_labels(rng, K, 2 * K + ufm_rng_below(rng, 8),
                                                trial % 2 ? UFM_DUPLICATES_KEEP : UFM_DUPLICATES_MERGE);
        ufm_solve_settings settings = ufm_solve_defaults();
        settings.objective = (ufm_objective){UFM_LOSS_PAL, 4e-3, 1e-3, trial % 3 ? 1e-2 : 0};
        settings.dim = dim;
        settings.threads = 1;
        settings.minimize.solver = UFM_SOLVER_NEWTON;
        settings.minimize.tolerance = 1e-13;
        ufm_solution *solution = NULL;
        TEST_OK(ufm_solve(labels, &settings, &solution, NULL));
        if (solution && solution->certificate.rank == K - 1) {
            const int64_t expected =
                (K - 1) * (K - 2) / 2 + (dim - (K - 1)) * (K - 1) + (settings.objective.lambda_b > 0 ? 0 : 1);
            const int64_t found = small_eigenvalues(labels, &settings.objective, &solution->point, 1e-9);
            if (found != expected)
                fprintf(stderr, "  K %lld, d %lld: %lld zeros, expected %lld\n", (long long)K, (long long)dim,
                        (long long)found, (long long)expected);
            TEST(found == expected);
            full_rank++;
        }
        ufm_solution_free(solution);
        ufm_labels_free(labels);
    }
    TEST(full_rank > 0);
    ufm_rng_free(rng);
}

/* At a saddle the negative eigenvalues are those of proof note 11. */
static void test_saddle_point(void)
{
    const ufm_objective objective = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};
    const int64_t K = 4, dim = 5;
    ufm_labels *labels = test_design(K, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_model *model = test_model(labels, objective, dim, 1);
    const ufm_certify_settings settings = ufm_certify_defaults();
    for (int64_t rank = 1; rank <= K - 2; rank++) {
        ufm_solution *saddle = test_saddle(labels, &objective, rank, dim, 1);
        double *x = ufm_alloc(ufm_model_size(model), sizeof *x);
        double *values = ufm_alloc(ufm_model_size(model), sizeof *values);
        ufm_certificate certificate;
        TEST_OK(ufm_certify(&saddle->point, labels, &objective, &settings, &certificate, NULL));
        TEST_OK(ufm_model_pack(model, &saddle->point, x, NULL));
        TEST_OK(ufm_spectrum(model, x, values, NULL));
        test_close("smallest eigenvalue", values[0] / certificate.lambda_neg, 1, 1e-9);
        TEST(values[dim - rank - 1] < 0);
        ufm_free(values);
        ufm_free(x);
        ufm_solution_free(saddle);
    }
    ufm_model_free(model);
    ufm_labels_free(labels);
}

static void expect(ufm_status expected, const char *samples, int64_t classes, int64_t dim, double lambda)
{
    const ufm_objective objective = {UFM_LOSS_PAL, lambda, lambda, 1e-3};
    ufm_predicted_spectrum *spectrum = NULL;
    ufm_error error = {{0}};
    ufm_design *design = parsed(classes, samples);
    TEST(ufm_spectrum_predict(design, &objective, dim, &spectrum, &error) == expected);
    TEST(spectrum == NULL && error.text[0] != '\0');
    ufm_design_free(design);
}

static void test_refusals(void)
{
    expect(UFM_ERROR_USAGE, "1:3,2:2", 5, 3, 1e-3);
    expect(UFM_ERROR_UNSUPPORTED, "1:3,2:2", 5, 5, 10);
    expect(UFM_ERROR_UNSUPPORTED, "5:3", 5, 5, 1e-6);
    expect(UFM_ERROR_UNSUPPORTED, "1:1,500:1", 1000, 1000, 1e-300);
    expect(UFM_ERROR_USAGE, "1:3,2:2", 5, 5, NAN);
    expect(UFM_ERROR_USAGE, "1:3,2:2", 5, -1, 1e-3);
    ufm_predicted_spectrum_free(NULL);
}

/* Every allocation fails once: a message, nothing leaks. */
static void test_memory(void)
{
    const ufm_objective objective = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};
    ufm_design *design = parsed(4, "1:3,2:2");
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_model *model = test_model(labels, objective, 3, 1);
    double *x = optimum(design, labels, &objective, model, 3);
    double *values = ufm_alloc(ufm_model_size(model), sizeof *values);
    const int64_t live = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t allowed = 0; status == UFM_ERROR_MEMORY && allowed < 100; allowed++) {
        ufm_predicted_spectrum *spectrum = NULL;
        ufm_memory_fail_after(allowed);
        status = ufm_spectrum_predict(design, &objective, 3, &spectrum, NULL);
        ufm_memory_fail_after(-1);
        ufm_predicted_spectrum_free(spectrum);
        TEST(ufm_memory_live_blocks() == live);
    }
    TEST(status == UFM_OK);
    ufm_memory_fail_after(0);
    TEST(ufm_spectrum(model, x, values, NULL) == UFM_ERROR_MEMORY);
    ufm_memory_fail_after(-1);
    TEST(ufm_memory_live_blocks() == live);
    ufm_free(values);
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
    ufm_design_free(design);
}

static void test_command(void)
{
    enum { TEXT = 1 << 16 };
    char *out = malloc(TEXT), *err = malloc(TEXT);
    if (!out || !err) abort();
    const char *instance = "landscape spectrum --classes 4 --samples 1:3,2:2";
    char arguments[256];
    snprintf(arguments, sizeof arguments, "%s --json", instance);
    TEST(test_program(arguments, out, err, TEXT) == 0);
    TEST(strstr(out, "\"point\": \"optimum\"") && strstr(out, "\"size\": 60") &&
         strstr(out, "\"eigenvalues\": [") && strstr(out, "\"predicted\": [") &&
         strstr(out, "\"worst_error\""));
    snprintf(arguments, sizeof arguments, "%s --at saddle --json", instance);
    TEST(test_program(arguments, out, err, TEXT) == 0);
    TEST(strstr(out, "\"point\": \"saddle\"") && !strstr(out, "\"predicted\""));
    snprintf(arguments, sizeof arguments, "%s --at random", instance);
    TEST(test_program(arguments, out, err, TEXT) == 0);
    snprintf(arguments, sizeof arguments, "%s --duplicates keep", instance);
    TEST(test_program(arguments, out, err, TEXT) == 0);
    TEST(strstr(out, "no prediction: ") && strstr(out, "--duplicates merge"));
    snprintf(arguments, sizeof arguments, "%s --at nowhere", instance);
    TEST(test_program(arguments, NULL, err, TEXT) == 2);
    TEST(strstr(err, "optimum, saddle or random"));
    TEST(test_program("landscape spectrum --classes 30 --samples 1:3,2:2", NULL, err, TEXT) == 2);
    TEST(strstr(err, "3000"));
    free(out);
    free(err);
}

static const test_case cases[] = {{"random_designs", test_random_designs},
                                  {"named_designs", test_named_designs},
                                  {"trace", test_trace},
                                  {"largest", test_largest},
                                  {"single_label", test_single_label},
                                  {"duplicates_kept", test_duplicates_kept},
                                  {"zero_modes", test_zero_modes},
                                  {"saddle_point", test_saddle_point},
                                  {"refusals", test_refusals},
                                  {"memory", test_memory},
                                  {"command", test_command},
                                  {NULL, NULL}};
const test_suite suite_spectrum = {"spectrum", cases};
