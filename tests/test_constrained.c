/* Solving and certifying under constraints: closed forms, bounds from random points, brute force, controls.
 */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>

static const ufm_objective paper = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2};

static ufm_constraint constraint_of(int kind)
{
    static const ufm_constraint all[] = {{UFM_FEATURES_NONNEGATIVE, 0, UFM_CLASSIFIER_FREE, 0},
                                         {UFM_FEATURES_SPHERE, 1.3, UFM_CLASSIFIER_FREE, 0},
                                         {UFM_FEATURES_FREE, 0, UFM_CLASSIFIER_ETF, 1.7},
                                         {UFM_FEATURES_NONNEGATIVE, 0, UFM_CLASSIFIER_ETF, 1.7},
                                         {UFM_FEATURES_SPHERE, 1.3, UFM_CLASSIFIER_ETF, 1.7}};
    return all[kind];
}
enum { KINDS = 5 };

static ufm_constrained_certificate certify(const ufm_point *point, const ufm_labels *labels,
                                           const ufm_objective *objective, ufm_constraint constraint)
{
    ufm_constrained_settings settings = ufm_constrained_defaults(constraint);
    ufm_constrained_certificate c = {.gap = NAN};
    ufm_error error = {{0}};
    const ufm_status status = ufm_certify_constrained(point, labels, objective, &settings, &c, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT(status == UFM_OK);
    return c;
}

/* Closed form, optimum and certificate agree, kept and merged. */
static void test_closed_forms(void)
{
    static const char *const designs[] = {"1:3", "1:3,2:2"};
    double worst = 0;
    for (int kind = 0; kind < KINDS; kind++)
        for (int variant = 0; variant < (test_fast() ? 2 : 8); variant++) {
            const ufm_constraint constraint = constraint_of(kind);
            ufm_objective o = paper;
            if (variant & 2) o.loss = UFM_LOSS_PAL_N;
            ufm_labels *labels = test_design(5, designs[variant & 1],
                                             variant & 4 ? UFM_DUPLICATES_KEEP : UFM_DUPLICATES_MERGE);
            ufm_design *design = NULL;
            ufm_prediction *p = NULL;
            double gram = NAN;
            TEST_OK(ufm_labels_to_design(labels, &design, NULL));
            TEST_OK(ufm_predict_constrained(design, &o, &constraint, &p, NULL));
            ufm_solution *s = test_newton_under(labels, &o, constraint, 0, 1);
            const ufm_constrained_certificate *c = &s->constrained;
            TEST_OK(ufm_gram_error(&s->point, p->gram_scale, p->mean_scale, &gram));
            test_close("direct objective", c->objective, test_objective(labels, &o, &s->point), 1e-13);
            const double errors[] = {c->objective / p->objective - 1, c->gap / c->objective, 0.01 * gram};
            for (int e = 0; e < 3; e++) {
                if (!(fabs(errors[e]) <= 1e-12))
                    fprintf(stderr, "  kind %d variant %d quantity %d: %.3g\n", kind, variant, e, errors[e]);
                worst = fmax(worst, isnan(errors[e]) ? INFINITY : fabs(errors[e]));
            }
            TEST(c->verdict == UFM_CERTIFIED_GLOBAL);
            ufm_solution_free(s);
            ufm_prediction_free(p);
            ufm_design_free(design);
            ufm_labels_free(labels);
        }
    test_worst("constrained/closed_forms", worst, 1e-12);
}

/* Imbalanced labels have no closed form: seeds agree and the certificate closes. With H >= 0 and a free
 * classifier they agree when the dimension may grow (with d = 5 fixed two of these seeds end 3 % higher), and
 * the relaxation leaves a gap of 1.1e-3 here: no descent is found, and it must not be called global. */
static void test_imbalanced(void)
{
    static const char *const text = "tags,count\n0,30\n1,3\n2,3\n3,3\n0+1,50\n0+2,2\n1+3,2\n2+3,2\n";
    const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE};
    ufm_labels *labels = NULL;
    double worst = 0;
    TEST_OK(ufm_labels_read_counts(test_file(".csv", text), &settings, &labels, NULL));
    for (int kind = 0; kind < KINDS; kind++) {
        double first = NAN;
        for (uint64_t seed = 1; seed <= 3; seed++) {
            ufm_solution *s = test_newton_under(labels, &paper, constraint_of(kind), kind == 0 ? 0 : 5, seed);
            if (seed == 1) first = s->constrained.objective;
            worst = fmax(worst, fabs(s->constrained.objective / first - 1));
            test_at_most("gap", s->constrained.gap, (kind == 0 ? 2e-3 : 1e-9) * s->constrained.objective);
            TEST(s->constrained.verdict == (kind == 0 ? UFM_CERTIFIED_INCONCLUSIVE : UFM_CERTIFIED_GLOBAL));
            ufm_solution_free(s);
        }
    }
    ufm_labels_free(labels);
    test_worst("constrained/imbalanced", worst, 1e-11);
}

/* Random feasible points in x, of every kind. */
static void random_point(ufm_rng *rng, const ufm_constrained_problem *problem, double *x)
{
    const double scale = pow(10, 1.5 * ufm_rng_uniform(rng) - 1);
    TEST_OK(ufm_constrained_start(problem, (uint64_t)ufm_rng_below(rng, 1000000), scale, x));
}

/* No feasible point lies below a bound from any other. */
static void test_bound_is_valid(void)
{
    enum { POINTS = 40 };
    ufm_rng *rng = ufm_rng_new(31);
    double worst = -INFINITY;
    for (int trial = 0; trial < (test_fast() ? 5 : 50); trial++) {
        const int kind = trial % KINDS;
        const int64_t K = 3 + ufm_rng_below(rng, 3), d = K + ufm_rng_below(rng, 2);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 4),
                                                trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        ufm_objective o = paper;
        if (trial % 3 == 0) o.loss = UFM_LOSS_PAL_N;
        ufm_model *model = test_model(labels, o, d, 1);
        const ufm_constrained_problem problem = {model, labels, constraint_of(kind)};
        double *x = ufm_alloc(ufm_model_size(model), sizeof *x),
               *H = ufm_alloc(d * labels->columns, sizeof *H);
        ufm_solution *s = test_newton_under(labels, &o, problem.constraint, d, 1);
        double least = s->constrained.objective, highest = s->constrained.lower_bound;
        for (int i = 0; i < POINTS; i++) {
            random_point(rng, &problem, x);
            const ufm_point point = ufm_model_point(model, x, H);
            const ufm_constrained_certificate c = certify(&point, labels, &o, problem.constraint);
            TEST(c.objective >= c.lower_bound && isfinite(c.lower_bound));
            if (kind == 0) TEST(c.tau_lower <= c.tau_upper && c.tau_upper <= c.sigma1 * (1 + 1e-12));
            least = fmin(least, c.objective);
            highest = fmax(highest, c.lower_bound);
        }
        const double excess = (highest - least) / least;
        if (!(excess <= 1e-12)) fprintf(stderr, "  trial %d kind %d: %.3g\n", trial, kind, excess);
        worst = fmax(worst, isnan(excess) ? INFINITY : excess);
        ufm_solution_free(s);
        ufm_free(x);
        ufm_free(H);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("constrained/bound_is_valid", worst, 1e-12);
}

/* K = 3: every unit w of zero sum is an angle; G sums to zero over classes, so no other w matters. */
static double brute_tau(const ufm_labels *labels, const ufm_point *p)
{
    enum { ANGLES = 20000 };
    double best = 0;
    for (int a = 0; a < ANGLES; a++) {
        const double t = 2 * M_PI * a / ANGLES, u = cos(t) / sqrt(2), v = sin(t) / sqrt(6);
        const double w[3] = {u + v, -u + v, -2 * v};
        double total = 0;
        for (int64_t i = 0; i < p->columns; i++) {
            const double m = (double)ufm_labels_multiplicity(labels, i);
            double z[3], sum = 0, slope = 0;
            for (int64_t k = 0; k < 3; k++) {
                z[k] = p->b[k];
                for (int64_t j = 0; j < p->dim; j++) z[k] += p->W[k + j * 3] * p->H[j + i * p->dim];
                sum += exp(z[k]);
            }
            for (int64_t k = 0; k < 3; k++) slope -= w[k] * m * exp(z[k]) / sum;
            for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++) slope += w[labels->tag[j]];
            slope = fmax(0, slope) / (double)labels->samples;
            total += (double)ufm_labels_count(labels, i) * slope * slope;
        }
        best = fmax(best, sqrt(total));
    }
    return best;
}

static void test_brute_tau(void)
{
    ufm_rng *rng = ufm_rng_new(32);
    double worst = 0;
    for (int trial = 0; trial < (test_fast() ? 5 : 60); trial++) {
        ufm_labels *labels = test_random_labels(rng, 3, 3 + ufm_rng_below(rng, 9),
                                                trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        ufm_model *model = test_model(labels, paper, 4, 1);
        const ufm_constrained_problem problem = {model, labels, constraint_of(0)};
        double *x = ufm_alloc(ufm_model_size(model), sizeof *x),
               *H = ufm_alloc(4 * labels->columns, sizeof *H);
        random_point(rng, &problem, x);
        /* equal features for equal tag sets, as grouping them assumes for a sharp bracket */
        const int64_t d = 4, n = labels->columns;
        int64_t *group = ufm_alloc(n, sizeof *group), groups;
        TEST_OK(ufm_labels_group(labels, group, &groups));
        for (int64_t i = 0; i < n; i++)
            for (int64_t e = 0; e < i && !labels->count; e++)
                if (group[e] == group[i]) memcpy(x + (3 + i) * d, x + (3 + e) * d, (size_t)d * sizeof *x);
        const ufm_point point = ufm_model_point(model, x, H);
        const ufm_constrained_certificate c = certify(&point, labels, &paper, problem.constraint);
        const double brute = brute_tau(labels, &point);
        const double errors[] = {fabs(c.tau_lower / brute - 1), fmax(0, brute / c.tau_upper - 1)};
        for (int e = 0; e < 2; e++) {
            if (!(errors[e] <= 1e-6)) fprintf(stderr, "  trial %d bound %d: %.3g\n", trial, e, errors[e]);
            worst = fmax(worst, isnan(errors[e]) ? INFINITY : errors[e]);
        }
        ufm_free(group);
        ufm_free(x);
        ufm_free(H);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("constrained/brute_tau", worst, 1e-6);
}

/* Points that are not optimal, or not feasible, are not certified. */
static void test_controls(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    for (int kind = 0; kind < KINDS; kind++) {
        const ufm_constraint constraint = constraint_of(kind);
        ufm_solution *s = test_newton_under(labels, &paper, constraint, 5, 1);
        const int64_t size = 5 * labels->columns;
        double *H = ufm_alloc(size, sizeof *H);
        ufm_point point = s->point;
        TEST(certify(&point, labels, &paper, constraint).verdict == UFM_CERTIFIED_GLOBAL);
        memcpy(H, s->point.H, (size_t)size * sizeof *H);
        point.H = H;
        if (constraint.features == UFM_FEATURES_SPHERE) { /* two samples swap their features */
            for (int j = 0; j < 5; j++) {
                H[j] = s->point.H[5 + j];
                H[5 + j] = s->point.H[j];
            }
        } else {
            ufm_scale(size, 1.2, H);
        }
        const ufm_constrained_certificate off = certify(&point, labels, &paper, constraint);
        TEST(off.verdict != UFM_CERTIFIED_GLOBAL && off.gap > 1e-4);
        memcpy(H, s->point.H, (size_t)size * sizeof *H);
        if (constraint.features == UFM_FEATURES_NONNEGATIVE) H[0] = -1e-8;
        if (constraint.features == UFM_FEATURES_SPHERE) ufm_scale(5, 1 + 1e-8, H);
        if (constraint.features != UFM_FEATURES_FREE)
            TEST(certify(&point, labels, &paper, constraint).verdict == UFM_CERTIFIED_INCONCLUSIVE);
        ufm_free(H);
        ufm_solution_free(s);
    }
    ufm_labels_free(labels);
}

/* W = H = 0 is critical for H >= 0: the escape is found, and the measured curvature is the formula's. */
static void test_escape(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    double *zeros = ufm_alloc(5 * labels->columns + 24, sizeof *zeros);
    const ufm_point origin = {4, 5, labels->columns, zeros, zeros, zeros};
    const ufm_constrained_certificate c = certify(&origin, labels, &paper, constraint_of(0));
    TEST(c.verdict == UFM_CERTIFIED_SADDLE && c.tau_lower > c.mu && c.spare_dimension >= 0 &&
         c.lambda_neg < 0);
    test_close("curvature over formula", c.witness_curvature / c.lambda_neg, 1, 1e-4);
    ufm_free(zeros);
    ufm_labels_free(labels);
}

/* The projected gradient against differences along feasible curves, in x. */
static void test_gradient(void)
{
    ufm_rng *rng = ufm_rng_new(33);
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_model *model = test_model(labels, paper, 5, 1);
    const int64_t size = ufm_model_size(model), weights = 20, n = labels->columns;
    double *x = ufm_alloc(4 * size, sizeof *x), *g = x + size, *dir = g + size, *y = dir + size, worst = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        const ufm_constrained_problem problem = {model, labels, constraint_of(kind)};
        double norm, f[2];
        random_point(rng, &problem, x);
        (void)ufm_constrained_gradient(&problem, x, g, &norm);
        for (int64_t j = 0; j < size; j++) dir[j] = ufm_rng_gaussian(rng);
        if (problem.constraint.classifier == UFM_CLASSIFIER_ETF)
            memset(dir, 0, (size_t)weights * sizeof *dir);
        for (int side = 0; side < 2; side++) {
            memcpy(y, x, (size_t)size * sizeof *y);
            ufm_axpy(size, side ? 1e-6 : -1e-6, dir, y);
            for (int64_t i = 0; i < n && problem.constraint.features == UFM_FEATURES_SPHERE; i++) {
                const double *h = x + weights + 5 * i;
                double *moved = y + weights + 5 * i;
                ufm_scale(5, ufm_norm(5, h) / ufm_norm(5, moved), moved);
            }
            f[side] = ufm_model_value(model, y);
        }
        const double error = fabs((f[1] - f[0]) / 2e-6 - ufm_dot(size, g, dir)) / norm;
        worst = fmax(worst, isnan(error) ? INFINITY : error);
    }
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
    ufm_rng_free(rng);
    test_worst("constrained/gradient", worst, 1e-6);
}

/* The file keeps the constraint; other texts are refused. */
static void test_round_trip(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE), *read = NULL;
    ufm_solution *s = test_newton_under(labels, &paper, constraint_of(1), 5, 1), *again = NULL;
    ufm_objective objective;
    ufm_constraint c;
    char path[160];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    TEST_OK(ufm_solution_save(s, labels, &paper, path, NULL));
    TEST_OK(ufm_solution_load(path, &again, &read, &objective, NULL));
    TEST(again && again->constraint.features == UFM_FEATURES_SPHERE && again->constraint.feature_norm == 1.3);
    if (again) {
        const ufm_constrained_certificate d = certify(&again->point, read, &objective, again->constraint);
        TEST(d.objective == s->constrained.objective && d.verdict == UFM_CERTIFIED_GLOBAL);
    }
    static const char *const bad[] = {"",
                                      "features",
                                      "features sphere -1 classifier free 0",
                                      "features sphere nan classifier free 0",
                                      "features cube 0 classifier free 0",
                                      "features free 0 classifier free 0 and more"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TEST(ufm_constraint_parse(bad[i], &c, NULL) == UFM_ERROR_INPUT);
    ufm_solution_free(again);
    ufm_solution_free(s);
    ufm_labels_free(read);
    ufm_labels_free(labels);
}

/* Every convex loss, imbalanced labels: the certificates of the sphere and of the fixed classifier close, and
 * no bound from a random point lies above the optimum. */
static void test_every_loss(void)
{
    enum { DIM = 4, CLASSES = 3, TAG_SETS = 5, POINTS = 10 };
    static const char *const text = "tags,count\n0,6\n1,2\n2,1\n0+1,3\n1+2,1\n";
    const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE};
    ufm_labels *labels = NULL;
    ufm_rng *rng = ufm_rng_new(34);
    double worst = 0, excess = -INFINITY, x[CLASSES * DIM + DIM * TAG_SETS + CLASSES], H[DIM * TAG_SETS];
    TEST_OK(ufm_labels_read_counts(test_file(".csv", text), &settings, &labels, NULL));
    for (int trial = 0; trial < TEST_LOSSES * (KINDS - 1); trial++) {
        const ufm_objective o = test_losses[trial / (KINDS - 1)];
        if (o.loss == UFM_LOSS_PAL_FOCAL && o.parameter > 0) continue; /* not convex */
        ufm_model *model = test_model(labels, o, DIM, 1);
        const ufm_constrained_problem problem = {model, labels, constraint_of(1 + trial % (KINDS - 1))};
        ufm_solution *s = test_newton_under(labels, &o, problem.constraint, DIM, 1);
        const ufm_constrained_certificate *c = &s->constrained;
        const double gap = c->gap / c->objective;
        if (!(gap <= 1e-9)) fprintf(stderr, "  trial %d: gap %.3g\n", trial, gap);
        worst = fmax(worst, isnan(gap) ? INFINITY : gap);
        TEST(c->verdict == UFM_CERTIFIED_GLOBAL);
        test_close("direct objective", c->objective, test_objective(labels, &o, &s->point), 1e-13);
        for (int i = 0; i < POINTS; i++) {
            random_point(rng, &problem, x);
            const ufm_point point = ufm_model_point(model, x, H);
            const ufm_constrained_certificate r = certify(&point, labels, &o, problem.constraint);
            const double over = (r.lower_bound - c->objective) / c->objective; /* -infinity: no bound */
            if (!(over <= 1e-12)) fprintf(stderr, "  trial %d point %d: %.3g above\n", trial, i, over);
            excess = fmax(excess, isnan(over) ? INFINITY : over);
        }
        ufm_solution_free(s);
        ufm_model_free(model);
    }
    test_at_most("bound above the optimum", excess, 1e-12);
    ufm_rng_free(rng);
    ufm_labels_free(labels);
    test_worst("constrained/every_loss", worst, 1e-9);
}

/* The tag-wise frame is critical, and not optimal for m > K/2: there the frame of the complements is cheaper
 * (factor K/m against K/(K-m) in kappa), and for m = K-1 it is the optimum. */
static void test_complement(void)
{
    static const int64_t classes[] = {3, 4, 5};
    static const char *const designs[] = {"2:5", "3:4", "4:3"};
    double worst = 0;
    for (int e = 0; e < 3; e++) {
        const int64_t K = classes[e], m = K - 1;
        ufm_labels *labels = test_design(K, designs[e], UFM_DUPLICATES_MERGE);
        const double N = (double)labels->samples, mu = ufm_objective_mu(&paper);
        const ufm_constraint constraint = constraint_of(0);
        ufm_design *design = NULL;
        ufm_prediction *frame = NULL;
        TEST_OK(ufm_labels_to_design(labels, &design, NULL));
        TEST_OK(ufm_predict_constrained(design, &paper, &constraint, &frame, NULL));
        /* m log(m + e^{-delta}) + mu sqrt((K-1) N) delta, where (K-m) = 1, at its minimum */
        const double pull = mu * sqrt((double)(K - 1) * N), ratio = (double)m / pull - 1;
        const double delta = ratio > (double)m ? log(ratio / (double)m) : 0;
        const double value = (double)m * log((double)m + exp(-delta)) + pull * delta;
        ufm_solution *s = test_newton_under(labels, &paper, constraint, 0, 1);
        const ufm_constrained_certificate *c = &s->constrained;
        TEST(c->verdict == UFM_CERTIFIED_GLOBAL && !frame->proved && delta > 0);
        TEST(frame->objective > c->objective + 1e-3);
        const double errors[] = {c->objective / value - 1, c->gap / value};
        for (int i = 0; i < 2; i++) worst = fmax(worst, isnan(errors[i]) ? INFINITY : fabs(errors[i]));
        ufm_solution_free(s);
        ufm_prediction_free(frame);
        ufm_design_free(design);
        ufm_labels_free(labels);
    }
    test_worst("constrained/complement", worst, 1e-12);
}

/* Every allocation may fail: an error, no leak, the certificate untouched. */
static void test_memory(void)
{
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    ufm_solve_settings settings = ufm_solve_defaults();
    settings.objective = paper;
    settings.dim = 4;
    settings.threads = 1;
    for (int kind = 0; kind < KINDS; kind++) {
        ufm_solution *solution = NULL;
        ufm_error error = {{0}};
        settings.constraint = constraint_of(kind);
        int64_t blocks = ufm_memory_live_blocks(), budget = 0;
        for (ufm_status status = UFM_ERROR_MEMORY; status == UFM_ERROR_MEMORY; budget++) {
            ufm_memory_fail_after(budget);
            status = ufm_solve(labels, &settings, &solution, &error);
            ufm_memory_fail_after(-1);
            TEST(status == UFM_OK || (status == UFM_ERROR_MEMORY && !solution));
            TEST(status == UFM_OK || ufm_memory_live_blocks() == blocks);
        }
        TEST(budget > 20);
        if (!solution) continue;
        const ufm_constrained_settings c = ufm_constrained_defaults(settings.constraint);
        blocks = ufm_memory_live_blocks();
        budget = 0;
        for (ufm_status status = UFM_ERROR_MEMORY; status == UFM_ERROR_MEMORY; budget++) {
            ufm_constrained_certificate result = {.gap = -7};
            ufm_memory_fail_after(budget);
            status = ufm_certify_constrained(&solution->point, labels, &paper, &c, &result, &error);
            ufm_memory_fail_after(-1);
            TEST(status == UFM_OK || (status == UFM_ERROR_MEMORY && result.gap == -7));
            TEST(ufm_memory_live_blocks() == blocks);
        }
        TEST(budget > 8);
        ufm_solution_free(solution);
    }
    ufm_labels_free(labels);
}

/* Close to an optimum Newton's method on spheres takes a few steps: the products with the Hessian, which are
 * private, include how the gradient turns with the sphere. */
static void test_newton_on_spheres(void)
{
    static const int kinds[] = {1, 4};
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_model *model = test_model(labels, paper, 5, 1);
    const int64_t size = ufm_model_size(model), weights = 20;
    double *x = ufm_alloc(size, sizeof *x);
    ufm_rng *rng = ufm_rng_new(35);
    for (int k = 0; k < 2; k++) {
        const ufm_constrained_problem problem = {model, labels, constraint_of(kinds[k])};
        ufm_minimize_settings settings = ufm_minimize_defaults();
        ufm_minimize_info info = {0};
        settings.solver = UFM_SOLVER_NEWTON;
        settings.tolerance = 1e-12;
        TEST_OK(ufm_constrained_start(&problem, 1, 1, x));
        TEST_OK(ufm_constrained_minimize(&problem, &settings, x, &info, NULL));
        const double least = ufm_model_value(model, x);
        for (int64_t i = 0; i < labels->columns; i++) {
            double *h = x + weights + 5 * i;
            const double length = ufm_norm(5, h);
            for (int j = 0; j < 5; j++) h[j] += 1e-2 * length * ufm_rng_gaussian(rng);
            ufm_scale(5, length / ufm_norm(5, h), h);
        }
        TEST(ufm_model_value(model, x) > least + 1e-7);
        settings.newton_switch = 0; /* from the start */
        TEST_OK(ufm_constrained_minimize(&problem, &settings, x, &info, NULL));
        TEST(info.iterations <= 8);
        test_close("objective", ufm_model_value(model, x), least, 1e-14);
    }
    ufm_rng_free(rng);
    ufm_free(x);
    ufm_model_free(model);
    ufm_labels_free(labels);
}

static const test_case cases[] = {{"closed_forms", test_closed_forms},
                                  {"imbalanced", test_imbalanced},
                                  {"bound_is_valid", test_bound_is_valid},
                                  {"brute_tau", test_brute_tau},
                                  {"controls", test_controls},
                                  {"escape", test_escape},
                                  {"gradient", test_gradient},
                                  {"round_trip", test_round_trip},
                                  {"every_loss", test_every_loss},
                                  {"complement", test_complement},
                                  {"memory", test_memory},
                                  {"newton_on_spheres", test_newton_on_spheres},
                                  {NULL, NULL}};
const test_suite suite_constrained = {"constrained", cases};
