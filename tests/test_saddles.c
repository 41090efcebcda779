/* The saddle ladder: curvature by Lanczos, LAPACK and formula, counted modes, and the ways down. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

static const ufm_objective paper = {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2};

static ufm_explorer explorer_of(ufm_objective objective, int64_t dim)
{
    return (ufm_explorer){.objective = objective, .dim = dim, .threads = 1, .seed = 1};
}

/* Counts that no design follows. */
static ufm_labels *unbalanced(int64_t classes)
{
    static const char *const counts[] = {
        "tags,count\n0,12\n1,8\n2,4\n3,2\n0+1,2\n0+2,3\n1+2,1\n2+3,3\n",
        "tags,count\n0,40\n1,20\n2,9\n3,4\n4,2\n0+1,2\n1+3,1\n",
    };
    const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE};
    ufm_labels *labels = NULL;
    if (ufm_labels_read_counts(test_file(".csv", counts[classes - 4]), &settings, &labels, NULL) != UFM_OK)
        abort();
    return labels;
}

static ufm_ladder *find(const ufm_labels *labels, const ufm_explorer *explorer, int64_t starts)
{
    ufm_ladder *ladder = NULL;
    ufm_error error = {{0}};
    if (ufm_ladder_find(labels, explorer, starts, &ladder, &error) != UFM_OK) {
        fprintf(stderr, "  %s\n", error.text);
        abort();
    }
    return ladder;
}

/* Instances of several shapes: balanced and not, both losses, fixed and free bias, d = K-1 and beyond. */
typedef struct {
    int64_t classes;
    const char *samples; /* NULL: unbalanced */
    ufm_objective objective;
    int64_t dim;
    ufm_duplicates duplicates;
} ladder_case;
static const ladder_case ladder_cases[] = {
    {4, "1:3,2:2", {UFM_LOSS_PAL, 5e-3, 1e-3, 0}, 4, UFM_DUPLICATES_MERGE},
    {4, NULL, {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2}, 6, UFM_DUPLICATES_MERGE},
    {6, "1:4,2:2", {UFM_LOSS_PAL, 5e-3, 5e-4, 1e-2}, 8, UFM_DUPLICATES_MERGE},
    {5, "1:2,2:7,3:1,4:2", {UFM_LOSS_PAL_N, 1e-3, 1e-4, 1e-2}, 5, UFM_DUPLICATES_MERGE},
    {5, NULL, {UFM_LOSS_PAL_N, 5e-3, 5e-4, 0}, 6, UFM_DUPLICATES_MERGE},
    {5, "1:2,3:1", {UFM_LOSS_PAL, 1e-3, 2e-2, 5e-3}, 4, UFM_DUPLICATES_KEEP},
};
static int cases_used(void)
{
    return test_fast() ? 2 : (int)(sizeof ladder_cases / sizeof ladder_cases[0]);
}

static ufm_labels *labels_of(const ladder_case *c)
{
    return c->samples ? test_design(c->classes, c->samples, c->duplicates) : unbalanced(c->classes);
}

/* Rank by the singular values of W alone. */
static int64_t rank_of(const ufm_point *p)
{
    double *W = ufm_alloc(p->classes * p->dim, sizeof *W), s[32];
    int64_t rank = 0;
    memcpy(W, p->W, (size_t)(p->classes * p->dim) * sizeof *W);
    TEST_OK(ufm_svd(ufm_view(W, p->classes, p->dim), NULL, s, NULL));
    const int64_t least = p->classes < p->dim ? p->classes : p->dim;
    for (int64_t j = 0; j < least; j++) rank += s[j] > 1e-6 * s[0] && s[j] > 1e-100;
    ufm_free(W);
    return rank;
}

/* Every number of a saddle against what it must be. */
static double check_saddle(const ufm_labels *labels, const ladder_case *c, const ufm_saddle *s)
{
    ufm_model *model = test_model(labels, c->objective, c->dim, 1);
    double *x = ufm_alloc(ufm_model_size(model), sizeof *x), *g = ufm_alloc(ufm_model_size(model), sizeof *g);
    TEST_OK(ufm_model_pack(model, &s->solution->point, x, NULL));
    test_close("objective", s->objective, test_objective(labels, &c->objective, &s->solution->point), 1e-13);
    (void)ufm_model_gradient(model, x, g);
    test_at_most("gradient", ufm_norm(ufm_model_size(model), g), 1e-12);
    test_at_most("reported gradient", s->gradient_norm, 1e-12);
    TEST(rank_of(&s->solution->point) == s->rank && s->solution->certificate.rank == s->rank);
    TEST(s->solution->certificate.verdict == UFM_CERTIFIED_SADDLE);
    TEST(s->sigma1_over_mu > 1 && s->lambda_min < 0 && s->found >= 1);
    TEST(s->morse_index == s->morse_index_predicted && s->zero_modes == s->zero_modes_predicted);
    const double formula = fabs(s->lambda_min - s->lambda_min_formula);
    const double dense = fabs(s->lambda_min - s->lambda_min_dense);
    ufm_free(x);
    ufm_free(g);
    ufm_model_free(model);
    return isnan(formula) || isnan(dense) ? INFINITY : fmax(formula, dense);
}

static void test_ladder(void)
{
    double worst = 0;
    for (int i = 0; i < cases_used(); i++) {
        const ladder_case *c = &ladder_cases[i];
        ufm_labels *labels = labels_of(c);
        const ufm_explorer explorer = explorer_of(c->objective, c->dim);
        ufm_ladder *ladder = find(labels, &explorer, test_fast() ? 3 : 10);
        int64_t ranks = 0;
        TEST(ladder->count >= c->classes - 1);
        for (int64_t k = 0; k < ladder->count; k++) {
            const ufm_saddle *s = &ladder->saddle[k], *before = k > 0 ? s - 1 : NULL;
            TEST(s->objective > ladder->optimum * (1 + 1e-9));
            ranks += !before || s->rank > before->rank;
            if (before && s->rank == before->rank) TEST(s->objective > before->objective * (1 + 1e-9));
            if (before) TEST(s->rank >= before->rank);
            worst = fmax(worst, check_saddle(labels, c, s));
        }
        TEST(ranks == c->classes - 1);
        ufm_ladder_free(ladder);
        ufm_labels_free(labels);
    }
    test_worst("saddles/ladder", worst, 1e-9);
}

/* The two minima of rank 3 of a known instance, distinct and in order. */
static void test_known_values(void)
{
    ufm_labels *labels = test_design(6, "1:4,2:2", UFM_DUPLICATES_MERGE);
    const ufm_explorer explorer = explorer_of(paper, 6);
    ufm_ladder *ladder = find(labels, &explorer, test_fast() ? 8 : 20);
    static const double known[] = {1.29920898665555, 1.31146648254143};
    int64_t seen = 0, found = 0;
    for (int64_t k = 0; k < ladder->count; k++) {
        const ufm_saddle *s = &ladder->saddle[k];
        if (s->rank != 3) continue;
        if (seen < 2) test_close("f of rank 3", s->objective, known[seen], 1e-12);
        seen++;
        found += s->found;
    }
    TEST(seen == 2 && found == (test_fast() ? 8 : 20));
    test_close("optimum", ladder->optimum, 1.06217271128269, 1e-13);
    ufm_ladder_free(ladder);
    ufm_labels_free(labels);
}

/* At the origin of a balanced design without ridge on b all singular values of G are mu_c: index d (K-1). */
static void test_origin(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    const ufm_objective o = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};
    const ufm_explorer explorer = explorer_of(o, 5);
    ufm_design *design = NULL;
    ufm_prediction *prediction = NULL;
    TEST_OK(ufm_labels_to_design(labels, &design, NULL));
    TEST_OK(ufm_predict(design, &o, &prediction, NULL));
    ufm_ladder *ladder = find(labels, &explorer, 1);
    TEST(ladder->saddle[0].rank == 0 && ladder->saddle[0].morse_index == 5 * 3);
    test_close("sigma_1/mu", ladder->saddle[0].sigma1_over_mu, prediction->mu_critical / prediction->mu,
               1e-12);
    test_close("optimum", ladder->optimum, prediction->objective, 1e-13);
    ufm_prediction_free(prediction);
    ufm_design_free(design);
    ufm_ladder_free(ladder);
    ufm_labels_free(labels);
}

/* Above the threshold of total collapse the origin is global and there is no saddle. */
static void test_collapsed(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    const ufm_objective o = {UFM_LOSS_PAL, 1, 1, 1e-2};
    const ufm_explorer explorer = explorer_of(o, 5);
    ufm_ladder *ladder = find(labels, &explorer, 2);
    TEST(ladder->count == 0);
    test_close("optimum", ladder->optimum, 1.5 * log(4), 1e-13);
    ufm_ladder_free(ladder);
    ufm_labels_free(labels);
}

/* For d < K-1 there is no certificate of the optimum; the ladder ends below d. */
static void test_low_dimension(void)
{
    ufm_labels *labels = test_design(5, "1:3,2:2", UFM_DUPLICATES_MERGE);
    const ufm_explorer explorer = explorer_of(paper, 2);
    ufm_ladder *ladder = find(labels, &explorer, 2);
    TEST(isnan(ladder->optimum));
    TEST(ladder->count >= 2 && ladder->saddle[ladder->count - 1].rank == 1);
    ufm_ladder_free(ladder);
    ufm_labels_free(labels);
}

/* The same ladder bit for bit for any number of threads, and nearly the same for kept duplicates. */
static void test_threads_agree(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_labels *kept = test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP);
    ufm_explorer explorer = explorer_of(paper, 5);
    ufm_ladder *one = find(labels, &explorer, 6);
    explorer.threads = 3;
    ufm_ladder *three = find(labels, &explorer, 6);
    explorer.threads = 1;
    ufm_ladder *twin = find(kept, &explorer, 12);
    TEST(one->count == three->count);
    for (int64_t k = 0; k < one->count && k < three->count; k++) {
        const ufm_saddle *a = &one->saddle[k], *b = &three->saddle[k];
        TEST(a->objective == b->objective && a->found == b->found && a->seed == b->seed);
        TEST(a->lambda_min == b->lambda_min);
        bool seen = false;
        for (int64_t j = 0; j < twin->count; j++) {
            const ufm_saddle *c = &twin->saddle[j];
            if (c->rank != a->rank || !(fabs(c->objective / a->objective - 1) <= 1e-12)) continue;
            seen = true;
            TEST(c->morse_index == a->morse_index && c->zero_modes == a->zero_modes);
            test_close("lambda_min of kept duplicates", c->lambda_min, a->lambda_min, 1e-11);
        }
        TEST(seen);
    }
    ufm_ladder_free(one);
    ufm_ladder_free(three);
    ufm_ladder_free(twin);
    ufm_labels_free(labels);
    ufm_labels_free(kept);
}

/* ---- Descents ------------------------------------------------------------------------------------- */

static void check_path(const ufm_descent *d)
{
    bool longer = true, lower = true, numbers = true;
    for (int64_t i = 1; i < d->steps; i++) {
        longer = longer && d->arc_length[i] >= d->arc_length[i - 1];
        lower = lower && d->objective[i] <= d->objective[i - 1] + 1e-12;
        numbers = numbers && d->gradient_norm[i] >= 0;
    }
    TEST(longer && lower && numbers);
    TEST(d->steps >= 2 && d->steps <= 5000);
    test_close("last step", d->objective[d->steps - 1], d->end->certificate.objective, 1e-13);
}

/* Every escape ends at the certified optimum; each plateau before it is a critical point. */
static void test_escape(void)
{
    double worst = 0;
    for (int i = 0; i < (test_fast() ? 1 : cases_used()); i++) {
        const ladder_case *c = &ladder_cases[i];
        ufm_labels *labels = labels_of(c);
        const ufm_explorer explorer = explorer_of(c->objective, c->dim);
        ufm_ladder *ladder = find(labels, &explorer, 3);
        for (int64_t k = 0; k < ladder->count; k++) {
            ufm_descent *descent = NULL;
            int64_t step[64];
            TEST_OK(ufm_ladder_escape(labels, &explorer, &ladder->saddle[k], 1e-6, &descent, NULL));
            if (!descent) continue;
            check_path(descent);
            TEST(descent->end->certificate.verdict == UFM_CERTIFIED_GLOBAL);
            const double error = fabs(descent->end->certificate.objective / ladder->optimum - 1);
            worst = fmax(worst, isnan(error) ? INFINITY : error);
            const int64_t plateaus = ufm_descent_plateaus(descent, 10, 64, step);
            TEST(plateaus >= 2 && step[plateaus - 1] == descent->steps - 1);
            test_close("start", descent->objective[0], ladder->saddle[k].objective, 1e-14);
            ufm_descent_free(descent);
        }
        ufm_ladder_free(ladder);
        ufm_labels_free(labels);
    }
    test_worst("saddles/escape", worst, 1e-12);
}

/* The least relative distance of an objective from the ladder's values of one rank. */
static double off_ladder(const ufm_ladder *ladder, int64_t rank, double objective)
{
    double least = INFINITY;
    for (int64_t k = 0; k < ladder->count; k++)
        if (ladder->saddle[k].rank == rank)
            least = fmin(least, fabs(objective / ladder->saddle[k].objective - 1));
    return least;
}

/* A graded small start of unbalanced labels rests at a value of each rank, ever more exactly as the ratio
 * shrinks; an ungraded one of a balanced design rests at rank 0 only and goes down in one step. */
static void test_small_start(void)
{
    ufm_labels *labels = unbalanced(4), *balanced = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    const ufm_explorer explorer = explorer_of(paper, 6);
    ufm_ladder *ladder = find(labels, &explorer, 20), *simple = find(balanced, &explorer, 2);
    ufm_descent *descent = NULL;
    int64_t step[16];
    TEST_OK(ufm_graded_start_descent(labels, &explorer, 1e-6, 1e-36, &descent, NULL));
    check_path(descent);
    TEST(descent->end->certificate.verdict == UFM_CERTIFIED_GLOBAL);
    int64_t plateaus = ufm_descent_plateaus(descent, 10, 16, step);
    TEST(plateaus == 4);
    static const double tolerance[] = {1e-6, 1e-3, 1e-9};
    for (int64_t rank = 0; rank < 3 && rank < plateaus; rank++)
        test_at_most("distance of a plateau from the ladder",
                     off_ladder(ladder, rank, descent->objective[step[rank]]), tolerance[rank]);
    ufm_descent_free(descent);
    TEST_OK(ufm_small_start_descent(balanced, &explorer, 1e-6, &descent, NULL));
    check_path(descent);
    TEST(descent->end->certificate.verdict == UFM_CERTIFIED_GLOBAL);
    plateaus = ufm_descent_plateaus(descent, 10, 16, step);
    TEST(plateaus == 2);
    test_at_most("distance of the first", off_ladder(simple, 0, descent->objective[step[0]]), 1e-9);
    test_close("the last", descent->objective[step[1]], simple->optimum, 1e-12);
    ufm_descent_free(descent);
    ufm_ladder_free(ladder);
    ufm_ladder_free(simple);
    ufm_labels_free(labels);
    ufm_labels_free(balanced);
}

static void test_plateaus(void)
{
    double gradient[] = {1e-6, 1, 1e-3, 5e-3, 1e-3, 2e-4, 3e-4, 1, 2, 1, 0.5, 1, 1e-9};
    const ufm_descent path = {.steps = 13, .gradient_norm = gradient};
    const ufm_descent none = {.steps = 0};
    int64_t step[8] = {0};
    TEST(ufm_descent_plateaus(&path, 10, 8, step) == 3);
    TEST(step[0] == 0 && step[1] == 5 && step[2] == 12);
    TEST(ufm_descent_plateaus(&path, 4, 8, step) == 4 && step[1] == 2);
    TEST(ufm_descent_plateaus(&path, 10, 2, step) == 2);
    TEST(ufm_descent_plateaus(&none, 10, 8, step) == 0);
}

static bool stop_at_once(void *context, double fraction, const char *what)
{
    (void)fraction;
    ++*(int *)context;
    TEST(what != NULL);
    return false;
}

static void test_errors(void)
{
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    ufm_explorer explorer = explorer_of(paper, 4);
    ufm_ladder *ladder = NULL, *whole = find(labels, &explorer, 2);
    ufm_descent *descent = NULL;
    ufm_error error = {{0}};
    int calls = 0;
    TEST(ufm_ladder_find(labels, &explorer, 0, &ladder, &error) == UFM_ERROR_USAGE && error.text[0]);
    TEST(ufm_ladder_escape(labels, &explorer, whole->saddle, NAN, &descent, &error) == UFM_ERROR_USAGE);
    TEST(ufm_small_start_descent(labels, &explorer, -1, &descent, &error) == UFM_ERROR_USAGE);
    TEST(ufm_graded_start_descent(labels, &explorer, 1, 2, &descent, &error) == UFM_ERROR_USAGE);
    explorer.progress = stop_at_once;
    explorer.context = &calls;
    TEST(ufm_ladder_find(labels, &explorer, 2, &ladder, &error) == UFM_ERROR_CANCELLED);
    TEST(ufm_ladder_escape(labels, &explorer, whole->saddle, 1e-6, &descent, &error) == UFM_ERROR_CANCELLED);
    TEST(calls == 2);
    explorer.progress = NULL;
    const int64_t blocks = ufm_memory_live_blocks();
    for (int64_t budget = 0; budget < (test_fast() ? 60 : 400); budget++) {
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_ladder_find(labels, &explorer, 1, &ladder, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        if (status == UFM_OK) ufm_ladder_free(ladder);
        TEST(ufm_memory_live_blocks() == blocks);
    }
    for (int64_t budget = 0; budget < 60; budget++) {
        ufm_memory_fail_after(budget);
        const ufm_status status = ufm_ladder_escape(labels, &explorer, whole->saddle, 1e-6, &descent, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_ERROR_MEMORY || status == UFM_OK);
        if (status == UFM_OK) ufm_descent_free(descent);
        TEST(ufm_memory_live_blocks() == blocks);
    }
    explorer.objective.lambda_h = 0;
    TEST(ufm_ladder_find(labels, &explorer, 2, &ladder, &error) == UFM_ERROR_USAGE);
    ufm_ladder_free(whole);
    ufm_labels_free(labels);
    ufm_ladder_free(NULL);
    ufm_descent_free(NULL);
}

static const test_case cases[] = {{"ladder", test_ladder},
                                  {"known_values", test_known_values},
                                  {"origin", test_origin},
                                  {"collapsed", test_collapsed},
                                  {"low_dimension", test_low_dimension},
                                  {"threads_agree", test_threads_agree},
                                  {"escape", test_escape},
                                  {"small_start", test_small_start},
                                  {"plateaus", test_plateaus},
                                  {"errors", test_errors},
                                  {NULL, NULL}};
const test_suite suite_saddles = {"saddles", cases};
