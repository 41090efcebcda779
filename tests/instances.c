#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

const reference_instance reference_instances[REFERENCE_INSTANCES] = {
    {4, "1:3,2:2", 5e-3, 1e-3, 0.8775002109417105, {4.487565955454666, 3.938764226106047}, 3.711859022379663},
    {6,
     "1:10,2:3",
     5e-3,
     5e-4,
     0.9683681058251967,
     {4.305997854931583, 3.7667018470950455},
     4.969858376906177},
    {10,
     "1:10,2:3",
     5e-4,
     1e-4,
     0.9566556952392404,
     {6.233024044421678, 5.642802619003396},
     13.66516090456924},
    {10,
     "1:5,2:2,3:1",
     1e-3,
     1e-4,
     2.2480669783895744,
     {5.901425014864856, 5.317380317245276, 4.9808322216697585},
     10.344794070619443},
    {5,
     "1:2,2:7,3:1,4:2",
     1e-3,
     1e-4,
     1.9388819495158027,
     {5.915730700752397, 5.330285042180406, 4.992926556561129, 4.75618681994942},
     7.095567173390646},
};

static void require(ufm_status status, const char *what, const ufm_error *error)
{
    if (status == UFM_OK) return;
    fprintf(stderr, "cannot set up a test: %s: %s\n", what, error->text);
    abort();
}

const ufm_objective test_losses[] = {
    {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2, 0},         {UFM_LOSS_PAL_N, 2e-3, 7e-4, 0, 0},
    {UFM_LOSS_PAL_SMOOTH, 3e-3, 1e-3, 0, 0.15},  {UFM_LOSS_PAL_SMOOTH, 3e-3, 1e-3, 2e-3, 0},
    {UFM_LOSS_PAL_FOCAL, 2e-3, 5e-4, 1e-2, 2},   {UFM_LOSS_PAL_FOCAL, 2e-3, 5e-4, 3e-3, 1},
    {UFM_LOSS_PAL_FOCAL, 2e-3, 5e-4, 1e-3, 0.5}, {UFM_LOSS_PAL_FOCAL, 2e-3, 5e-4, 1e-3, 0},
    {UFM_LOSS_PAL_MSE, 4e-3, 2e-3, 5e-3, 0},     {UFM_LOSS_PAL_MSE, 4e-3, 2e-3, 0, 0},
    {UFM_LOSS_BCE, 3e-3, 1e-3, 1e-2, 0},         {UFM_LOSS_BCE, 3e-3, 1e-3, 0, 0}};

ufm_labels *test_design(int64_t classes, const char *samples, ufm_duplicates duplicates)
{
    ufm_error error = {{0}};
    ufm_design *design;
    ufm_labels *labels;
    require(ufm_design_parse(classes, samples, &design, &error), "design", &error);
    const ufm_expansion expansion = {.duplicates = duplicates, .dim = classes, .copies = 1};
    require(ufm_design_expand(design, &expansion, &labels, &error), "expansion", &error);
    ufm_design_free(design);
    return labels;
}

ufm_labels *test_random_labels(ufm_rng *rng, int64_t classes, int64_t tag_sets, ufm_duplicates duplicates)
{
    ufm_error error = {{0}};
    ufm_labels *labels;
    ufm_labels_builder *builder = ufm_labels_builder_new();
    int32_t *tags = malloc((size_t)classes * sizeof *tags);
    if (!builder || !tags) abort();
    for (int64_t i = 0; i < tag_sets; i++) {
        int64_t number = 0;
        for (int32_t k = 0; k < classes; k++)
            if (k == i % classes || ufm_rng_uniform(rng) < 0.25) tags[number++] = k;
        require(ufm_labels_builder_add(builder, number, tags, 1 + ufm_rng_below(rng, 5), &error), "tag set",
                &error);
    }
    require(ufm_labels_builder_finish(builder, classes, duplicates, &labels, &error), "labels", &error);
    ufm_labels_builder_free(builder);
    free(tags);
    return labels;
}

ufm_model *test_model(const ufm_labels *labels, ufm_objective objective, int64_t dim, int threads)
{
    ufm_error error = {{0}};
    ufm_model *model;
    const ufm_model_settings settings = {objective, dim, threads};
    require(ufm_model_new(labels, &settings, &model, &error), "model", &error);
    return model;
}

/* The losses as ufmlab/labels.h writes them, from probabilities. */
static long double test_loss(const ufm_objective *objective, ufm_tag_set set, const long double *z)
{
    const long double K = (long double)set.classes, m = (long double)set.tags;
    const long double parameter = objective->parameter;
    long double peak = -INFINITY, total = 0, all = 0, loss = 0;
    bool tagged[64] = {false};
    if (set.classes > 64) abort();
    for (int64_t j = 0; j < set.tags; j++) tagged[set.tag[j]] = true;
    for (int64_t k = 0; k < set.classes; k++) peak = fmaxl(peak, z[k]);
    for (int64_t k = 0; k < set.classes; k++) total += expl(z[k] - peak);
    const long double log_total = logl(total) + peak;
    for (int64_t k = 0; k < set.classes; k++) all += log_total - z[k];
    for (int64_t k = 0; k < set.classes; k++) {
        const long double u = log_total - z[k];
        if (objective->loss == UFM_LOSS_BCE)
            loss += (z[k] > 0 ? z[k] + log1pl(expl(-z[k])) : log1pl(expl(z[k]))) - (tagged[k] ? z[k] : 0);
        if (!tagged[k]) continue;
        if (objective->loss == UFM_LOSS_PAL) loss += u;
        if (objective->loss == UFM_LOSS_PAL_N) loss += u / m;
        if (objective->loss == UFM_LOSS_PAL_SMOOTH) loss += (1 - parameter) * u + parameter / K * all;
        if (objective->loss == UFM_LOSS_PAL_FOCAL) loss += powl(1 - expl(-u), parameter) * u;
        for (int64_t j = 0; objective->loss == UFM_LOSS_PAL_MSE && j < set.classes; j++)
            loss += (z[j] - (j == k)) * (z[j] - (j == k)) / 2;
    }
    return loss;
}

double test_objective(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *p)
{
    const int64_t K = p->classes, d = p->dim;
    long double data = 0, W = 0, H = 0, b = 0, z[64];
    if (K > 64) abort();
    for (int64_t i = 0; i < p->columns; i++) {
        for (int64_t k = 0; k < K; k++) {
            z[k] = p->b[k];
            for (int64_t j = 0; j < d; j++) z[k] += (long double)p->W[k + j * K] * p->H[j + i * d];
        }
        const long double count = (long double)ufm_labels_count(labels, i);
        data += count * test_loss(objective, ufm_labels_set(labels, i), z);
        for (int64_t j = 0; j < d; j++) H += count * (long double)p->H[j + i * d] * p->H[j + i * d];
    }
    for (int64_t j = 0; j < K * d; j++) W += (long double)p->W[j] * p->W[j];
    for (int64_t k = 0; k < K; k++) b += (long double)p->b[k] * p->b[k];
    return (double)(data / (long double)labels->samples + objective->lambda_w * W + objective->lambda_h * H +
                    objective->lambda_b * b);
}

ufm_solution *test_saddle(const ufm_labels *labels, const ufm_objective *objective, int64_t rank, int64_t dim,
                          uint64_t seed)
{
    ufm_error error = {{0}};
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *small;
    settings.objective = *objective;
    settings.dim = rank;
    settings.seed = seed;
    settings.threads = 1;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    require(ufm_solve(labels, &settings, &small, &error), "saddle", &error);
    ufm_solution *large = ufm_alloc(1, sizeof *large);
    const int64_t K = labels->classes, n = labels->columns;
    if (!large) abort();
    large->storage = ufm_alloc(K * dim + K, sizeof(double));
    large->features = ufm_alloc(dim * n, sizeof(double));
    if (!large->storage || !large->features) abort();
    double *b = large->storage + K * dim;
    memcpy(large->storage, small->point.W, (size_t)(K * rank) * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        memcpy(large->features + i * dim, small->point.H + i * rank, (size_t)rank * sizeof(double));
    memcpy(b, small->point.b, (size_t)K * sizeof(double));
    large->point = (ufm_point){K, dim, n, large->storage, large->features, b};
    large->info = small->info;
    ufm_solution_free(small);
    return large;
}

ufm_certificate test_certificate(const ufm_point *point, const ufm_labels *labels,
                                 const ufm_objective *objective)
{
    const ufm_certify_settings settings = ufm_certify_defaults();
    ufm_certificate c = {.gap = NAN};
    ufm_error error = {{0}};
    const ufm_status status = ufm_certify(point, labels, objective, &settings, &c, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT(status == UFM_OK);
    return c;
}

ufm_solution *test_newton(const ufm_labels *labels, const ufm_objective *objective, int64_t dim,
                          uint64_t seed)
{
    return test_newton_under(labels, objective, (ufm_constraint){0}, dim, seed);
}

ufm_solution *test_newton_under(const ufm_labels *labels, const ufm_objective *objective,
                                ufm_constraint constraint, int64_t dim, uint64_t seed)
{
    ufm_solve_settings settings = ufm_solve_defaults();
    ufm_solution *solution = NULL;
    ufm_error error = {{0}};
    settings.objective = *objective;
    settings.dim = dim;
    settings.seed = seed;
    settings.threads = 1;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    settings.constraint = constraint;
    require(ufm_solve(labels, &settings, &solution, &error), "newton", &error);
    return solution;
}
