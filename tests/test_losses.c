/* One suite that every loss must pass: convexity, symmetry, conjugate, certificate, symmetric optimum. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>

enum { MOST_CLASSES = 8 };

/* A random tag set over K classes with room for its tags. */
typedef struct {
    ufm_tag_set set;
    int32_t tag[MOST_CLASSES];
} random_set;

static void draw_set(ufm_rng *rng, random_set *drawn)
{
    const int64_t K = 2 + ufm_rng_below(rng, MOST_CLASSES - 1);
    int64_t tags = 0;
    while (tags == 0)
        for (int32_t k = 0; k < K; k++)
            if (ufm_rng_uniform(rng) < 0.4) drawn->tag[tags++] = k;
    drawn->set = (ufm_tag_set){K, tags, drawn->tag};
}

static double loss_at(const ufm_objective *o, ufm_tag_set set, const double *z, double *gradient)
{
    memcpy(gradient, z, (size_t)set.classes * sizeof *z);
    return ufm_model_loss(o, set, gradient);
}

static void draw_logits(ufm_rng *rng, int64_t K, double scale, double *z)
{
    for (int64_t k = 0; k < K; k++) z[k] = scale * ufm_rng_gaussian(rng);
}

/* A convex loss lies above its tangents; the focal loss does not everywhere. */
static void test_tangents(void)
{
    ufm_rng *rng = ufm_rng_new(61);
    double worst = 0;
    int violations = 0;
    for (int trial = 0; trial < 200 * TEST_LOSSES; trial++) {
        const ufm_objective *o = &test_losses[trial % TEST_LOSSES];
        random_set drawn;
        double z[MOST_CLASSES], other[MOST_CLASSES], g[MOST_CLASSES], unused[MOST_CLASSES];
        draw_set(rng, &drawn);
        const int64_t K = drawn.set.classes;
        draw_logits(rng, K, 3, z);
        draw_logits(rng, K, 3, other);
        double tangent = loss_at(o, drawn.set, z, g);
        const double value = loss_at(o, drawn.set, other, unused), size = fabs(value) + fabs(tangent) + 1;
        for (int64_t k = 0; k < K; k++) tangent += g[k] * (other[k] - z[k]);
        if (o->loss == UFM_LOSS_PAL_FOCAL && o->parameter > 0)
            violations += tangent > value + 1e-6;
        else
            worst = fmax(worst, isnan(tangent) ? INFINITY : (tangent - value) / size);
    }
    ufm_rng_free(rng);
    printf(" [%d tangents of pal-focal cut it] ", violations);
    TEST(violations > 0);
    test_worst("losses/tangents", worst, 1e-14);
}

/* Shifts of all logits, and permutations of the classes. */
static void test_symmetry(void)
{
    ufm_rng *rng = ufm_rng_new(62);
    double worst = 0;
    for (int trial = 0; trial < 100 * TEST_LOSSES; trial++) {
        const ufm_objective *o = &test_losses[trial % TEST_LOSSES];
        random_set drawn, turned = {.set = {0}};
        double z[MOST_CLASSES], g[MOST_CLASSES], moved[MOST_CLASSES], h[MOST_CLASSES];
        draw_set(rng, &drawn);
        const int64_t K = drawn.set.classes;
        draw_logits(rng, K, 2, z);
        const double value = loss_at(o, drawn.set, z, g);
        for (int64_t k = 0; k < K; k++) moved[k] = z[k] + 0.7;
        const double shifted = loss_at(o, drawn.set, moved, h);
        if (ufm_loss_shift_free(o->loss))
            for (int64_t k = 0; k < K; k++) worst = fmax(worst, fabs(h[k] - g[k]));
        else
            TEST(fabs(shifted - value) > 1e-9);
        for (int64_t j = 0; j < drawn.set.tags; j++) /* classes reversed */
            turned.tag[j] = (int32_t)(K - 1) - drawn.tag[drawn.set.tags - 1 - j];
        turned.set = (ufm_tag_set){K, drawn.set.tags, turned.tag};
        for (int64_t k = 0; k < K; k++) moved[k] = z[K - 1 - k];
        worst = fmax(worst, fabs(loss_at(o, turned.set, moved, h) - value) / (1 + fabs(value)));
        for (int64_t k = 0; k < K; k++) worst = fmax(worst, fabs(h[k] - g[K - 1 - k]));
    }
    ufm_rng_free(rng);
    test_worst("losses/symmetry", worst, 1e-14);
}

/* Parameters at which a loss is another, and M = 1, where pal and pal-n agree. */
static void test_degenerate(void)
{
    ufm_rng *rng = ufm_rng_new(63);
    double worst = 0;
    for (int trial = 0; trial < 300; trial++) {
        random_set drawn;
        double z[MOST_CLASSES], g[MOST_CLASSES], h[MOST_CLASSES];
        draw_set(rng, &drawn);
        draw_logits(rng, drawn.set.classes, 3, z);
        const ufm_objective pal = {UFM_LOSS_PAL},
                            same[] = {{UFM_LOSS_PAL_SMOOTH}, {UFM_LOSS_PAL_FOCAL}, {UFM_LOSS_PAL_N}};
        const double value = loss_at(&pal, drawn.set, z, g);
        for (int i = 0; i < 3; i++) {
            const double scale = i == 2 ? (double)drawn.set.tags : 1;
            worst = fmax(worst, fabs(scale * loss_at(&same[i], drawn.set, z, h) / value - 1));
            for (int64_t k = 0; k < drawn.set.classes; k++) worst = fmax(worst, fabs(scale * h[k] - g[k]));
        }
    }
    ufm_rng_free(rng);
    test_worst("losses/degenerate", worst, 1e-14);
}

/* One sample with W = H = 0 and b = z: the certificate's bound is -L*(s v) - s^2 |v|^2/(4 lambda_b). */
static double conjugate(const ufm_objective *given, ufm_tag_set set, const double *z, double s, double *v)
{
    int64_t offset[2] = {0, set.tags};
    int32_t tag[MOST_CLASSES];
    memcpy(tag, set.tag, (size_t)set.tags * sizeof *tag);
    const ufm_labels labels = {
        .classes = set.classes, .columns = 1, .samples = 1, .offset = offset, .tag = tag};
    ufm_objective o = *given;
    const double zero[MOST_CLASSES] = {0};
    const ufm_point point = {set.classes, 1, 1, zero, zero, z};
    (void)loss_at(given, set, z, v);
    const double norm = ufm_norm(set.classes, v), strength = s < 1 ? s * norm : 2 * norm;
    o.lambda_b = 1;
    o.lambda_w = o.lambda_h = strength / 2; /* mu = strength */
    const ufm_certificate c = test_certificate(&point, &labels, &o);
    return -c.lower_bound - s * s * norm * norm / 4;
}

/* sup_z s v.z - L(z) by gradient ascent from z, which is where it is attained for s = 1. */
static double supremum(const ufm_objective *o, ufm_tag_set set, const double *start, double s,
                       const double *v)
{
    double z[MOST_CLASSES], g[MOST_CLASSES], best = -INFINITY;
    memcpy(z, start, (size_t)set.classes * sizeof *z);
    const double tags = (double)set.tags;
    const double step = o->loss == UFM_LOSS_PAL_MSE ? 1 / tags
                        : o->loss == UFM_LOSS_PAL_N ? 1
                                                    : 1 / (1 + tags);
    for (int i = 0; i < 4000; i++) {
        double value = -loss_at(o, set, z, g);
        for (int64_t k = 0; k < set.classes; k++) value += s * v[k] * z[k];
        best = fmax(best, value);
        for (int64_t k = 0; k < set.classes; k++) z[k] += step * (s * v[k] - g[k]);
    }
    return best;
}

/* Whether some tag's cross-entropy u is where F(u) = (1 - e^{-u})^gamma u is not its convex envelope: F' > 1.
 */
static bool beyond_envelope(double gamma, ufm_tag_set set, const double *z)
{
    double total = 0;
    bool beyond = false;
    for (int64_t k = 0; k < set.classes; k++) total += exp(z[k]);
    for (int64_t j = 0; j < set.tags; j++) {
        const double u = log(total) - z[set.tag[j]], x = exp(-u);
        beyond = beyond || pow(1 - x, gamma) + gamma * u * x * pow(1 - x, gamma - 1) > 1;
    }
    return beyond;
}

/* Every conjugate against the definition; that of pal-focal is a bound from above for s < 1 and beyond the
 * envelope. */
static void test_conjugate(void)
{
    ufm_rng *rng = ufm_rng_new(64);
    double worst = 0;
    int focal = 0, beyond = 0;
    for (int trial = 0; trial < (test_fast() ? 3 : 40) * TEST_LOSSES; trial++) {
        const ufm_objective *o = &test_losses[trial % TEST_LOSSES];
        const double s = trial % 3 == 0 ? 1 : 0.2 + 0.7 * ufm_rng_uniform(rng);
        random_set drawn;
        double z[MOST_CLASSES], v[MOST_CLASSES];
        draw_set(rng, &drawn);
        draw_logits(rng, drawn.set.classes, 1, z);
        const bool is_focal = o->loss == UFM_LOSS_PAL_FOCAL && o->parameter > 0;
        if (is_focal) { /* toward the tag set, where p is large */
            for (int64_t j = 0; j < drawn.set.tags; j++) z[drawn.set.tag[j]] = 3 + 0.1 * z[drawn.set.tag[j]];
        }
        const double found = conjugate(o, drawn.set, z, s, v);
        const bool outside = is_focal && beyond_envelope(o->parameter, drawn.set, z);
        const bool only_bound = is_focal && (s < 1 || outside); /* a bound from above */
        focal += is_focal && !only_bound;
        beyond += outside;
        const double expected = supremum(o, drawn.set, z, s, v);
        const double error = fabs(found - expected) / (1 + fabs(expected));
        if (only_bound ? !(found >= expected - 1e-9) : !(error <= 1e-8))
            fprintf(stderr, "  %s, K %lld, m %lld, s %.3g: %.17g, supremum %.17g\n",
                    ufm_objective_loss_text(o).text, (long long)drawn.set.classes, (long long)drawn.set.tags,
                    s, found, expected);
        worst = fmax(worst, isnan(error) ? INFINITY : only_bound ? fmax(0, expected - found) : error);
    }
    ufm_rng_free(rng);
    TEST(focal > (test_fast() ? 0 : 20) && beyond > 0);
    test_worst("losses/conjugate", worst, 1e-8);
}

/* No point lies below a bound from anywhere; the bound is tight at the optimum and not elsewhere. */
static void test_bound(void)
{
    ufm_rng *rng = ufm_rng_new(65);
    double worst = -INFINITY, gap = 0;
    int certified = 0, possible = 0;
    for (int trial = 0; trial < (test_fast() ? 1 : 8) * TEST_LOSSES; trial++) {
        const ufm_objective *o = &test_losses[trial % TEST_LOSSES];
        const int64_t K = 3 + ufm_rng_below(rng, 4);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 20),
                                                trial % 2 ? UFM_DUPLICATES_KEEP : UFM_DUPLICATES_MERGE);
        ufm_solution *best = test_newton(labels, o, K, (uint64_t)trial + 1);
        const ufm_certificate c = best->certificate;
        const bool convex = !(o->loss == UFM_LOSS_PAL_FOCAL && o->parameter > 0);
        possible += convex;
        certified += convex && c.verdict == UFM_CERTIFIED_GLOBAL;
        if (convex) gap = fmax(gap, isnan(c.gap) ? INFINITY : c.gap / c.objective);
        for (int other = 0; other < 5; other++) {
            ufm_solve_settings settings = ufm_solve_defaults();
            ufm_solution *s = NULL;
            settings.objective = *o;
            settings.dim = 1 + ufm_rng_below(rng, K + 2);
            settings.seed = (uint64_t)(100 * trial + other);
            settings.init_scale = pow(10, 0.5 - other);
            settings.threads = 1;
            settings.minimize.max_iterations = ufm_rng_below(rng, 30);
            TEST_OK(ufm_solve(labels, &settings, &s, NULL));
            const double excess = (s->certificate.lower_bound - c.objective) / c.objective;
            if (!(excess <= 1e-12))
                fprintf(stderr, "  trial %d, %s: bound above the optimum by %.3g\n", trial,
                        ufm_objective_loss_text(o).text, excess);
            worst = fmax(worst, isnan(excess) ? INFINITY : excess);
            TEST(s->certificate.objective >= c.objective * (1 - 1e-12) || !convex);
            ufm_solution_free(s);
        }
        ufm_solution_free(best);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    TEST(certified == possible && possible > 0);
    test_worst("losses/certificate", worst, 1e-12);
    test_worst("losses/certificate_gap", gap, 1e-11);
}

/* Proximal gradient on the convex problem agrees to the sum of both gaps. */
static void test_proximal(void)
{
    ufm_rng *rng = ufm_rng_new(70);
    double worst = -INFINITY;
    for (int trial = 0; trial < (test_fast() ? 1 : 3) * TEST_LOSSES; trial++) {
        const ufm_objective *o = &test_losses[trial % TEST_LOSSES];
        const int64_t K = 3 + ufm_rng_below(rng, 3);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 8), UFM_DUPLICATES_MERGE);
        ufm_solve_settings settings = ufm_solve_defaults();
        ufm_solution *proximal = NULL;
        ufm_error error = {{0}};
        settings.objective = *o;
        settings.threads = 1;
        settings.minimize.max_iterations = 3000;
        const ufm_status status = ufm_solve_proximal(labels, &settings, &proximal, &error);
        if (o->loss == UFM_LOSS_PAL_FOCAL && o->parameter > 0) {
            TEST(status == UFM_ERROR_UNSUPPORTED && strstr(error.text, "not convex") != NULL);
        } else {
            TEST_OK(status);
            ufm_solution *other = test_newton(labels, o, K, 1);
            const ufm_certificate a = proximal->certificate, b = other->certificate;
            const double excess = (fabs(a.objective - b.objective) - a.gap - b.gap) / b.objective;
            if (!(excess <= 1e-13) || !(a.gap <= 1e-5 * a.objective))
                fprintf(stderr, "  trial %d, %s: f %.17g and %.17g, gaps %.3g and %.3g\n", trial,
                        ufm_objective_loss_text(o).text, a.objective, b.objective, a.gap, b.gap);
            TEST(a.gap <= 1e-5 * a.objective);
            worst = fmax(worst, isnan(excess) ? INFINITY : excess);
            ufm_solution_free(other);
        }
        ufm_solution_free(proximal);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
    test_worst("losses/proximal", worst, 1e-13);
}

/* The origin below the threshold is a strict saddle with the predicted curvature, for every loss. */
static void test_origin(void)
{
    double worst = 0;
    for (int i = 0; i < TEST_LOSSES; i++) {
        ufm_objective o = test_losses[i];
        o.lambda_b = 1e-2;
        ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
        ufm_solution *s = ufm_alloc(1, sizeof *s);
        ufm_model *model = test_model(labels, o, 5, 1);
        double *x = ufm_alloc(ufm_model_size(model), sizeof *x),
               *H = ufm_alloc(5 * labels->columns, sizeof *H);
        TEST_OK(ufm_model_minimize_bias(model, x, NULL));
        const ufm_point point = ufm_model_point(model, x, H);
        const ufm_certificate c = test_certificate(&point, labels, &o);
        TEST(c.verdict == UFM_CERTIFIED_SADDLE && c.rank == 0);
        worst = fmax(worst, fabs(c.witness_curvature / c.lambda_neg - 1));
        ufm_free(x);
        ufm_free(H);
        ufm_free(s);
        ufm_model_free(model);
        ufm_labels_free(labels);
    }
    test_worst("losses/saddle", worst, 1e-10);
}

/* ---- Symmetric optima ---------------------------------------------------------------------------- */

static const struct {
    int64_t classes;
    const char *samples;
} designs[] = {{4, "1:3,2:2"}, {6, "1:10,2:3"}, {5, "1:2,2:7,3:1,4:2"},
               {3, "1:8"},     {4, "2:3,3:1"},  {5, "1:4,2:2,5:6"}};
enum { DESIGNS = 6 };

static ufm_design *design_of(int i)
{
    ufm_design *design = NULL;
    TEST_OK(ufm_design_parse(designs[i].classes, designs[i].samples, &design, NULL));
    return design;
}

/* lambda from far below the threshold to just beyond it. */
static ufm_objective draw_objective(ufm_rng *rng, const ufm_design *design, int loss)
{
    ufm_objective o = test_losses[loss];
    const double ratio = pow(10, -3.5 * ufm_rng_uniform(rng) + 0.1);
    TEST_OK(ufm_lambda_at(design, ratio, pow(10, ufm_rng_gaussian(rng) / 2), &o, NULL));
    return o;
}

/* The predicted point has the predicted value, certified: no optimiser takes part. */
static void test_predicted_point(void)
{
    ufm_rng *rng = ufm_rng_new(66);
    double value = 0, gap = 0, gradient = 0;
    int proved = 0, unproved = 0, means = 0;
    for (int trial = 0; trial < (test_fast() ? 1 : 6) * TEST_LOSSES * DESIGNS; trial++) {
        ufm_design *design = design_of(trial % DESIGNS);
        const ufm_objective o = draw_objective(rng, design, trial / DESIGNS % TEST_LOSSES);
        ufm_labels *labels = test_design(designs[trial % DESIGNS].classes, designs[trial % DESIGNS].samples,
                                         trial % 4 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        const int64_t K = labels->classes;
        ufm_prediction *p = NULL;
        ufm_error error = {{0}};
        TEST_OK(ufm_predict(design, &o, &p, &error));
        if (!p) fprintf(stderr, "  %s\n", error.text);
        double *W = ufm_alloc(K * K, sizeof *W), *H = ufm_alloc(K * labels->columns, sizeof *H),
               b[MOST_CLASSES];
        for (int64_t k = 0; k < K; k++) b[k] = p->bias;
        TEST_OK(ufm_prediction_point(p, labels, K, W, H, NULL));
        const ufm_point point = {K, K, labels->columns, W, H, b};
        const ufm_certificate c = test_certificate(&point, labels, &o);
        const double off = fabs(c.objective / p->objective - 1);
        if (!(off <= 1e-12) || !(c.gradient_norm <= 1e-10) || (p->proved && !(c.gap <= 1e-9 * c.objective)))
            fprintf(stderr, "  %s K=%lld %s mu/mu_c %.6g lambda_b %g: f off %.3g, gradient %.3g, gap %.3g\n",
                    ufm_objective_loss_text(&o).text, (long long)K, designs[trial % DESIGNS].samples,
                    p->mu / p->mu_critical, o.lambda_b, off, c.gradient_norm, c.gap / c.objective);
        value = fmax(value, isnan(off) ? INFINITY : off);
        gradient = fmax(gradient, isnan(c.gradient_norm) ? INFINITY : c.gradient_norm);
        if (p->proved) gap = fmax(gap, isnan(c.gap) ? INFINITY : c.gap / c.objective);
        proved += p->proved;
        unproved += !p->proved;
        means += p->mean_scale > 0;
        TEST(p->proved || o.loss == UFM_LOSS_PAL_FOCAL);
        ufm_free(W);
        ufm_free(H);
        ufm_prediction_free(p);
        ufm_labels_free(labels);
        ufm_design_free(design);
    }
    ufm_rng_free(rng);
    TEST(proved > 10 * unproved / 2 && unproved > 0 && means > 0);
    test_worst("losses/predicted_value", value, 1e-12);
    test_worst("losses/predicted_gradient", gradient, 1e-10);
    test_worst("losses/predicted_gap", gap, 1e-9);
}

/* The optimiser, from a random start, reaches the same. */
static void test_optimum_is_predicted(void)
{
    ufm_rng *rng = ufm_rng_new(67);
    double value = 0, gram = 0, scale = 0;
    for (int trial = 0; trial < (test_fast() ? TEST_LOSSES : TEST_LOSSES * DESIGNS); trial++) {
        const int at = (trial + trial / TEST_LOSSES) % DESIGNS;
        ufm_design *design = design_of(at);
        ufm_objective o = test_losses[trial % TEST_LOSSES];
        TEST_OK(ufm_lambda_at(design, pow(10, -2 * ufm_rng_uniform(rng) - 0.3), 3, &o, NULL));
        ufm_labels *labels = test_design(designs[at].classes, designs[at].samples, UFM_DUPLICATES_MERGE);
        ufm_solution *s = test_newton(labels, &o, labels->classes, (uint64_t)trial + 1);
        ufm_prediction *p = NULL;
        ufm_metrics *metrics = NULL;
        ufm_comparison comparison = {NAN, NAN, NAN};
        TEST_OK(ufm_predict(design, &o, &p, NULL));
        TEST_OK(ufm_metrics_compute(&s->point, labels, &metrics, NULL));
        TEST_OK(ufm_compare(s, labels, p, metrics, &comparison));
        if (p->proved) {
            TEST(s->certificate.verdict == UFM_CERTIFIED_GLOBAL);
            if (!(comparison.objective_error <= 1e-12) || !(comparison.gram_error <= 1e-8) ||
                !(comparison.scale_error <= 1e-8))
                fprintf(stderr, "  trial %d %s K=%lld %s: %.3g %.3g %.3g\n", trial,
                        ufm_objective_loss_text(&o).text, (long long)labels->classes, designs[at].samples,
                        comparison.objective_error, comparison.gram_error, comparison.scale_error);
            value = fmax(value, isnan(comparison.objective_error) ? INFINITY : comparison.objective_error);
            gram = fmax(gram, isnan(comparison.gram_error) ? INFINITY : comparison.gram_error);
            scale = fmax(scale, isnan(comparison.scale_error) ? INFINITY : comparison.scale_error);
        } else {
            TEST(s->certificate.objective <= p->objective * (1 + 1e-6));
        }
        ufm_metrics_free(metrics);
        ufm_prediction_free(p);
        ufm_solution_free(s);
        ufm_labels_free(labels);
        ufm_design_free(design);
    }
    ufm_rng_free(rng);
    test_worst("losses/optimum_value", value, 1e-12);
    test_worst("losses/optimum_gram", gram, 1e-8);
    test_worst("losses/optimum_scale", scale, 1e-8);
}

/* The reduced problem is Theorem 1 for pal and pal-n. */
static void test_theorem_1(void)
{
    ufm_rng *rng = ufm_rng_new(68);
    double worst = 0;
    for (int trial = 0; trial < 20 * DESIGNS; trial++) {
        ufm_design *design = design_of(trial % DESIGNS);
        const ufm_objective o = draw_objective(rng, design, trial / DESIGNS % 2);
        ufm_prediction *scalar = NULL, *reduced = NULL;
        TEST_OK(ufm_predict(design, &o, &scalar, NULL));
        TEST_OK(ufm_predict_reduced(design, &o, &reduced, NULL));
        const double near = fabs(1 - scalar->mu / scalar->mu_critical); /* conditioning of the margins */
        TEST(scalar->phase == reduced->phase);
        worst = fmax(worst, fabs(reduced->objective / scalar->objective - 1));
        worst = fmax(worst, fabs(reduced->mu_critical / scalar->mu_critical - 1));
        for (int64_t l = 0; l < scalar->levels; l++) {
            const double error = fabs(reduced->margin[l] - scalar->margin[l]) / (1e-300 + scalar->margin[l]);
            if (scalar->margin[l] > 0) worst = fmax(worst, isnan(error) ? INFINITY : near * error);
        }
        ufm_prediction_free(scalar);
        ufm_prediction_free(reduced);
        ufm_design_free(design);
    }
    ufm_rng_free(rng);
    test_worst("losses/theorem_1", worst, 1e-12);
}

/* Published results for one label per sample. Zhu et al. 2021 (cross-entropy): h = sqrt(lambda_w/(lambda_h
 * n)) w_k. Zhou et al. 2022 (squared error, free bias, lambdas with a factor 1/2): Z = max(1 - K sqrt(n
 * lambda_w lambda_h), 0) (I - J/K), b = 1/K. */
static void test_single_label(void)
{
    for (int64_t K = 2; K <= 12; K += 5) {
        for (int64_t n = 1; n <= 100; n *= 10) {
            char text[32];
            ufm_design *design = NULL;
            ufm_prediction *p = NULL;
            snprintf(text, sizeof text, "1:%lld", (long long)n);
            TEST_OK(ufm_design_parse(K, text, &design, NULL));
            ufm_objective o = {UFM_LOSS_PAL, 1e-3 / (double)n, 2e-4 / (double)K, 0, 0};
            TEST_OK(ufm_predict_reduced(design, &o, &p, NULL));
            test_close("cross-entropy: C_1", p->scale[0], sqrt(o.lambda_w / (o.lambda_h * (double)n)), 1e-12);
            ufm_prediction_free(p);
            for (int variant = 0; variant < 2; variant++) {
                o = (ufm_objective){UFM_LOSS_PAL_MSE, variant ? 1 : 1e-3 / (double)n, 2e-4 / (double)K, 0, 0};
                if (variant) o.lambda_h = 1;
                const double halved_w = 2 * o.lambda_w, halved_h = 2 * o.lambda_h;
                TEST_OK(ufm_predict(design, &o, &p, NULL));
                test_close("squared error: Z", p->margin[0],
                           fmax(0, 1 - (double)K * sqrt((double)n * halved_w * halved_h)), 1e-12);
                test_close("squared error: b", p->bias, 1 / (double)K, 1e-12);
                TEST(p->mean_scale == 0);
                ufm_prediction_free(p);
            }
            ufm_design_free(design);
        }
    }
}

/* Squared error for any multiplicities: delta_m = 1/(m + mu N/r). */
static void test_squared_error(void)
{
    ufm_rng *rng = ufm_rng_new(69);
    double worst = 0;
    for (int trial = 0; trial < 10 * DESIGNS; trial++) {
        ufm_design *design = design_of(trial % DESIGNS);
        const ufm_objective o = draw_objective(rng, design, 8 + trial % 2);
        ufm_prediction *p = NULL;
        TEST(o.loss == UFM_LOSS_PAL_MSE);
        TEST_OK(ufm_predict(design, &o, &p, NULL));
        for (int64_t l = 0; p->phase == UFM_PHASE_SEPARATED && l < p->levels; l++) {
            const double m = (double)p->multiplicity[l];
            if (p->multiplicity[l] == p->classes) continue;
            const double expected = 1 / (m + p->mu * strtod(p->samples_total, NULL) / p->r);
            const double error = fabs(p->margin[l] / expected - 1) * fabs(1 - p->mu / p->mu_critical);
            worst = fmax(worst, isnan(error) ? INFINITY : error);
        }
        ufm_prediction_free(p);
        ufm_design_free(design);
    }
    ufm_rng_free(rng);
    test_worst("losses/squared_error", worst, 1e-12);
}

/* A bias without ridge that a loss drives to infinity is refused; a loss that bounds it is not. */
static void test_unbounded(void)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    const int32_t sets[3][2] = {{0, 2}, {0, 1}, {0, 2}}; /* class 0 in every set, class 3 in none */
    for (int i = 0; i < 3; i++) TEST_OK(ufm_labels_builder_add(builder, 2, sets[i], 1, NULL));
    TEST_OK(ufm_labels_builder_finish(builder, 4, UFM_DUPLICATES_KEEP, &labels, NULL));
    ufm_labels_builder_free(builder);
    for (int i = 0; i < TEST_LOSSES; i++) {
        ufm_solve_settings settings = ufm_solve_defaults();
        ufm_solution *s = NULL;
        ufm_error error = {{0}};
        settings.objective = test_losses[i];
        settings.objective.lambda_b = 0;
        const ufm_status status = ufm_solve(labels, &settings, &s, &error);
        const ufm_loss loss = test_losses[i].loss;
        const bool bounded =
            loss == UFM_LOSS_PAL_MSE || (loss == UFM_LOSS_PAL_SMOOTH && test_losses[i].parameter > 0);
        TEST(status == (bounded ? UFM_OK : UFM_ERROR_USAGE));
        if (bounded) TEST(s->certificate.verdict == UFM_CERTIFIED_GLOBAL);
        if (!bounded)
            TEST(strstr(error.text, loss == UFM_LOSS_BCE ? "class 0 is in every" : "class 3 is in no") !=
                 NULL);
        ufm_solution_free(s);
    }
    ufm_labels_free(labels);
}

/* A stored solution keeps its loss and parameter. */
static void test_round_trip(void)
{
    for (int i = 0; i < TEST_LOSSES; i++) {
        ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE), *read = NULL;
        ufm_solution *s = test_newton(labels, &test_losses[i], 4, 1), *again = NULL;
        const char *path = test_path(".h5");
        ufm_objective o = {UFM_LOSS_PAL};
        TEST_OK(ufm_solution_save(s, labels, &test_losses[i], path, NULL));
        TEST_OK(ufm_solution_load(path, &again, &read, &o, NULL));
        TEST(o.loss == test_losses[i].loss && o.parameter == test_losses[i].parameter);
        const ufm_certificate c = test_certificate(&again->point, read, &o);
        TEST(c.objective == s->certificate.objective && c.lower_bound == s->certificate.lower_bound);
        ufm_solution_free(s);
        ufm_solution_free(again);
        ufm_labels_free(labels);
        ufm_labels_free(read);
    }
}

static const test_case cases[] = {{"tangents", test_tangents},
                                  {"symmetry", test_symmetry},
                                  {"degenerate", test_degenerate},
                                  {"conjugate", test_conjugate},
                                  {"certificate", test_bound},
                                  {"proximal", test_proximal},
                                  {"origin", test_origin},
                                  {"predicted_point", test_predicted_point},
                                  {"optimum_is_predicted", test_optimum_is_predicted},
                                  {"theorem_1", test_theorem_1},
                                  {"single_label", test_single_label},
                                  {"squared_error", test_squared_error},
                                  {"unbounded", test_unbounded},
                                  {"file_round_trip", test_round_trip},
                                  {NULL, NULL}};
const test_suite suite_losses = {"losses", cases};
