/* Paths for any labels: the threshold of total collapse, certificates along the way, and the max-margin
 * limit. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>

static ufm_duplicates kept_or_merged(int trial)
{
    return trial % 3 == 0 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP;
}

/* ---- The threshold ------------------------------------------------------------------------------- */

/* sigma_1 of G at W = H = 0 and a given b, in plain loops. */
static double gradient_norm_at(const ufm_labels *labels, const ufm_objective *o, const double *b)
{
    const int64_t K = labels->classes, n = labels->columns;
    double *G = calloc((size_t)(K * n), sizeof *G), *s = calloc((size_t)(K + n), sizeof *s), total = 0;
    for (int64_t k = 0; k < K; k++) total += exp(b[k]);
    for (int64_t i = 0; i < n; i++) {
        const double m = (double)ufm_labels_multiplicity(labels, i), c = (double)ufm_labels_count(labels, i);
        const double scale = sqrt(c) * (o->loss == UFM_LOSS_PAL_N ? 1 / m : 1) / (double)labels->samples;
        for (int64_t k = 0; k < K; k++) G[k + i * K] = scale * m * exp(b[k]) / total;
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            G[labels->tag[j] + i * K] -= scale;
    }
    TEST_OK(ufm_svd(ufm_view(G, K, n), NULL, s, NULL));
    const double largest = s[0];
    free(G);
    free(s);
    return largest;
}

/* A free bias alone fits the frequencies: softmax(b)_k = sum_i c_i omega_i y_ik / sum_i c_i omega_i m_i. */
static void frequencies(const ufm_labels *labels, const ufm_objective *o, double *b)
{
    double total = 0;
    memset(b, 0, (size_t)labels->classes * sizeof *b);
    for (int64_t i = 0; i < labels->columns; i++)
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++) {
            const double m = (double)ufm_labels_multiplicity(labels, i);
            const double weight =
                (double)ufm_labels_count(labels, i) * (o->loss == UFM_LOSS_PAL_N ? 1 / m : 1);
            b[labels->tag[j]] += weight;
            total += weight;
        }
    for (int64_t k = 0; k < labels->classes; k++) b[k] = log(b[k] / total);
}

static ufm_certificate at_origin(const ufm_labels *labels, const ufm_objective *o, const double *b)
{
    const int64_t K = labels->classes, n = labels->columns;
    double *zeros = calloc((size_t)(K * (K + n)), sizeof *zeros);
    const ufm_point point = {K, K, n, zeros, zeros + K * K, b};
    ufm_certify_settings settings = ufm_certify_defaults();
    ufm_certificate c = {.gap = NAN};
    settings.gap_tolerance = 1e-12;
    TEST_OK(ufm_certify(&point, labels, o, &settings, &c, NULL));
    free(zeros);
    return c;
}

static void set_mu(ufm_objective *o, double mu, double balance)
{
    o->lambda_w = mu / 2 * balance;
    o->lambda_h = mu / 2 / balance;
}

/* Just above mu_max the origin is certified and the convex solver goes there; just below it is a saddle, and
 * the convex solver leaves it. */
static void check_threshold(const ufm_labels *labels, ufm_objective o, double mu_max, const double *b)
{
    const int64_t K = labels->classes;
    const ufm_convex_settings settings = ufm_proximal_defaults();
    double *X = calloc((size_t)(K * labels->columns), sizeof *X), other[16] = {0};
    ufm_proximal_info info;
    set_mu(&o, mu_max * (1 + 1e-6), 3);
    const ufm_certificate above = at_origin(labels, &o, b);
    TEST(above.verdict == UFM_CERTIFIED_GLOBAL);
    for (int64_t j = 0; j < K * labels->columns; j++) X[j] = 1e-3 * (double)(j % 5);
    TEST_OK(ufm_proximal(labels, &o, &settings, (ufm_logits){X, other}, &info, NULL));
    TEST(info.rank == 0);
    set_mu(&o, mu_max * (1 - 1e-3), 3);
    const ufm_certificate below = at_origin(labels, &o, b);
    TEST(below.verdict == UFM_CERTIFIED_SADDLE && below.witness_curvature < 0);
    TEST_OK(ufm_proximal(labels, &o, &settings, (ufm_logits){X, other}, &info, NULL));
    TEST(info.rank >= 1 && info.value < below.objective);
    free(X);
}

static void threshold(void)
{
    ufm_rng *rng = ufm_rng_new(1);
    double worst = 0;
    for (int trial = 0; trial < (test_fast() ? 8 : 60); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 7);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 9), kept_or_merged(trial));
        ufm_objective o = {trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 1, 1,
                           trial % 4 < 2 ? 0 : pow(10, -3 * ufm_rng_uniform(rng))};
        double mu_max, b[16], plain[16];
        TEST_OK(ufm_collapse_threshold(labels, &o, &mu_max, b, NULL));
        memcpy(plain, b, sizeof plain);
        if (o.lambda_b == 0) frequencies(labels, &o, plain);
        const double error = fabs(gradient_norm_at(labels, &o, plain) / mu_max - 1);
        if (!(error <= 1e-11))
            fprintf(stderr, "  seed 1, trial %d: K = %lld, lambda_b = %g\n", trial, (long long)K, o.lambda_b);
        worst = fmax(worst, error);
        check_threshold(labels, o, mu_max, b);
        ufm_labels_free(labels);
    }
    test_worst("mu_max", worst, 1e-11);
    ufm_rng_free(rng);
}

static void threshold_balanced(void)
{
    static const char *const designs[] = {"1:3,2:2", "1:10,2:3,3:1", "2:4,4:2"};
    for (int d = 0; d < 3; d++)
        for (int loss = 0; loss < 2; loss++) {
            ufm_error error;
            ufm_design *design;
            ufm_prediction *prediction;
            ufm_labels *labels = test_design(5, designs[d], UFM_DUPLICATES_MERGE);
            const ufm_objective o = {loss ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 1e-3, 1e-3, 1e-3};
            double mu_max, b[5];
            TEST_OK(ufm_labels_to_design(labels, &design, &error));
            TEST_OK(ufm_predict(design, &o, &prediction, &error));
            TEST_OK(ufm_collapse_threshold(labels, &o, &mu_max, b, &error));
            test_close("mu_c", mu_max / prediction->mu_critical, 1, 1e-13);
            test_at_most("bias", ufm_norm(5, b), 1e-13);
            ufm_prediction_free(prediction);
            ufm_design_free(design);
            ufm_labels_free(labels);
        }
}

/* ---- Paths --------------------------------------------------------------------------------------- */

/* Rows of the table `spectrum`. */
typedef struct {
    double factor, mu_ratio, objective, gap, penalty_gap;
    int certified;
    long long rank;
    double nc2, nuclear, distance, share;
    long long index;
    double singular_value;
} row;
typedef struct {
    int64_t count;
    row *row;
    ufm_path_info info;
} table;

static const char header[] =
    "factor,mu_ratio,objective,gap,penalty_gap,certified,rank,nc2,nuclear_norm,distance,"
    "margin_share,index,singular_value\n";

static table walk(const ufm_labels *labels, const ufm_objective *o, double from, double to, int64_t points)
{
    const ufm_explorer explorer = {.objective = *o, .threads = 1, .seed = 1};
    ufm_error error = {{0}};
    ufm_path_outputs outputs = {.spectrum = tmpfile()};
    char line[500];
    double mu_max;
    table t = {0, NULL, {.points = 0}};
    TEST_OK(ufm_collapse_threshold(labels, o, &mu_max, NULL, &error));
    const double unit = mu_max / ufm_objective_mu(o);
    const ufm_path_settings settings = {from * unit, to * unit, points};
    const ufm_status status = ufm_path_write(labels, &explorer, &settings, &outputs, &t.info, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    TEST(status == UFM_OK);
    rewind(outputs.spectrum);
    TEST(fgets(line, sizeof line, outputs.spectrum) && strcmp(line, header) == 0);
    while (fgets(line, sizeof line, outputs.spectrum)) {
        row r;
        t.row = realloc(t.row, (size_t)(t.count + 1) * sizeof *t.row);
        TEST(sscanf(line, "%lf,%lf,%lf,%lf,%lf,%d,%lld,%lf,%lf,%lf,%lf,%lld,%lf", &r.factor, &r.mu_ratio,
                    &r.objective, &r.gap, &r.penalty_gap, &r.certified, &r.rank, &r.nc2, &r.nuclear,
                    &r.distance, &r.share, &r.index, &r.singular_value) == 13);
        t.row[t.count++] = r;
    }
    fclose(outputs.spectrum);
    return t;
}

/* The figure's instance: unbalanced, with births of singular values apart from each other. */
static ufm_labels *unbalanced(void)
{
    static const struct {
        int64_t tags;
        int32_t tag[3];
        int64_t count;
    } sets[] = {{1, {0}, 30},   {1, {1}, 3}, {1, {2}, 3},    {2, {0, 1}, 2},
                {2, {1, 2}, 8}, {1, {3}, 5}, {2, {0, 3}, 1}, {3, {1, 2, 3}, 2}};
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        TEST_OK(ufm_labels_builder_add(builder, sets[s].tags, sets[s].tag, sets[s].count, NULL));
    TEST_OK(ufm_labels_builder_finish(builder, 4, UFM_DUPLICATES_MERGE, &labels, NULL));
    ufm_labels_builder_free(builder);
    return labels;
}

/* C of note 30: sum_i (c_i/N) omega_i (K - m_i). */
static double excess_constant(const ufm_labels *labels, const ufm_objective *o)
{
    double sum = 0;
    for (int64_t i = 0; i < labels->columns; i++) {
        const double m = (double)ufm_labels_multiplicity(labels, i);
        sum += (double)ufm_labels_count(labels, i) / (double)labels->samples * ufm_loss_weight(o->loss, m) *
               ((double)labels->classes - m);
    }
    return sum;
}

/* Everything that note 30 proves for finite lambda: |X D|_* <= v (1 + log(C/(mu v))), and the share of the
 * largest margin at most 1 up to the spread on the tag sets. */
static void check_rows(const ufm_labels *labels, const ufm_objective *o, const table *t, int64_t points)
{
    const int64_t per_point = labels->classes < labels->columns ? labels->classes : labels->columns;
    const double v = t->info.margin_value, C = excess_constant(labels, o);
    TEST(t->count == points * per_point && t->info.points == points);
    for (int64_t i = 0; i < t->count; i++) {
        const row *r = &t->row[i];
        TEST(r->index == i % per_point + 1 && r->certified);
        TEST(r->gap <= 1e-9 && (r->rank == 0 || r->penalty_gap <= 1e-3));
        TEST((r->mu_ratio >= 1) == (r->rank == 0));
        TEST((r->index <= r->rank) == (r->singular_value > 0));
        if (r->index > 1) TEST(r->singular_value <= r[-1].singular_value);
        if (r->rank == 0) continue;
        const double mu = t->info.mu_max * r->mu_ratio;
        test_at_most("nuclear norm over its bound", r->nuclear / (v * (1 + log(C / (mu * v)))), 1 + 1e-6);
        test_at_most("share of the margin", r->share, 1 + 1e-4);
    }
}

static void unbalanced_path(void)
{
    ufm_labels *labels = unbalanced();
    const int64_t points = test_fast() ? 9 : 33;
    for (int kind = 0; kind < 4; kind++) {
        const ufm_objective o = {kind % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 5e-4, 1e-4, kind < 2 ? 1e-3 : 0};
        table t = walk(labels, &o, 1.5, 1e-8, points);
        check_rows(labels, &o, &t, points);
        TEST(t.info.uncertified == 0 && t.info.rank == 3);
        test_close("certified to", t.info.certified_to, 1e-8, 1e-20);
        test_at_most("gap of the limit", t.info.margin_value - t.info.margin_lower_bound, 1e-8);
        /* the last half, where the limit governs: closer with every step, at about the rate 1/log(1/mu) */
        double before = INFINITY;
        for (int64_t i = t.count / 2; i < t.count; i++) {
            if (t.row[i].index != 1) continue;
            TEST(t.row[i].distance < before);
            before = t.row[i].distance;
        }
        const row *middle = &t.row[t.count / 2 / 4 * 4], *end = &t.row[t.count - 1];
        const double products[] = {middle->distance * log(1 / middle->mu_ratio),
                                   end->distance * log(1 / end->mu_ratio)};
        test_close("distance times log", products[1] / products[0], 1, 0.35);
        test_at_most("distance", end->distance, 0.08);
        test_at_most("missing margin", 1 - end->share, 0.12);
        test_close("info", t.info.distance, end->distance, 0);
        free(t.row);
    }
    ufm_labels_free(labels);
}

/* The bounds of note 30, parts 2 to 4, with everything in them computed from a feasible L and the labels. */
typedef struct {
    const ufm_labels *labels;
    ufm_objective o;
    double v, infimum, C; /* value of the limit; g_0; C */
    double l, A, B;       /* objective of L and its constants */
} bounds;

static void add_entry(bounds *s, int64_t i, bool tagged, double entry)
{
    const double weight = (double)ufm_labels_count(s->labels, i) / (double)s->labels->samples *
                          ufm_loss_weight(s->o.loss, (double)ufm_labels_multiplicity(s->labels, i));
    if (tagged)
        s->B += entry * entry / weight;
    else if (entry < 0) {
        s->l -= entry;
        s->A += -entry * (1 + log(weight / -entry));
    }
}

static bounds bounds_of(const ufm_labels *labels, const ufm_objective *o)
{
    const int64_t K = labels->classes;
    const ufm_convex_settings settings = ufm_margin_defaults();
    bounds s = {.labels = labels, .o = *o, .C = excess_constant(labels, o)};
    double *X = calloc((size_t)(K * labels->columns), sizeof *X),
           *L = calloc((size_t)(K * labels->columns), sizeof *L);
    double b[16], rows[16] = {0};
    ufm_margin_info info;
    TEST_OK(ufm_max_margin(labels, o->lambda_b == 0, &settings, (ufm_margin_point){X, b, L}, &info, NULL));
    s.v = info.value;
    for (int64_t i = 0; i < labels->columns; i++) {
        const double m = (double)ufm_labels_multiplicity(labels, i);
        int64_t next = labels->offset[i];
        s.infimum += (double)ufm_labels_count(labels, i) / (double)labels->samples *
                     ufm_loss_weight(o->loss, m) * m * log(m);
        for (int64_t k = 0; k < K; k++) {
            const bool tagged = next < labels->offset[i + 1] && labels->tag[next] == k;
            next += tagged;
            rows[k] += L[k + i * K];
            add_entry(&s, i, tagged, L[k + i * K]);
        }
    }
    if (o->lambda_b > 0) s.B += ufm_dot(K, rows, rows) / (4 * o->lambda_b);
    free(X);
    free(L);
    return s;
}

static double lower(const bounds *s, double mu)
{
    return mu * s->l * log(1 / mu) + mu * s->A - mu * mu * s->B; /* of f less its infimum */
}

static double upper(const bounds *s, double mu)
{
    return mu * s->v * (1 + log(s->C / (mu * s->v)));
}

static double least_nuclear_norm(const bounds *s, double mu)
{
    return (lower(s, M_E * mu) - upper(s, mu)) / ((M_E - 1) * mu);
}

static double least_margin(const bounds *s, double mu)
{
    const double excess = upper(s, mu) - mu * least_nuclear_norm(s, mu);
    double least = INFINITY;
    for (int64_t i = 0; i < s->labels->columns; i++) {
        const double m = (double)ufm_labels_multiplicity(s->labels, i);
        const double weight = (double)ufm_labels_count(s->labels, i) / (double)s->labels->samples *
                              ufm_loss_weight(s->o.loss, m);
        least = fmin(least, -log(m * expm1(excess / (weight * m))));
    }
    return least;
}

static void asymptotics(void)
{
    ufm_rng *rng = ufm_rng_new(2);
    for (int trial = 0; trial < (test_fast() ? 3 : 16); trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 5);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 6), UFM_DUPLICATES_MERGE);
        const ufm_objective o = {trial % 2 ? UFM_LOSS_PAL_N : UFM_LOSS_PAL, 5e-4, 1e-4,
                                 trial % 4 < 2 ? 1e-3 : 0};
        const bounds s = bounds_of(labels, &o);
        table t = walk(labels, &o, 1e-3, 1e-6, 7);
        double spread[2] = {INFINITY, -INFINITY}; /* of |X D|_* less v log(1/mu) */
        for (int64_t i = 0; i < t.count; i++) {
            const row *r = &t.row[i];
            const double mu = t.info.mu_max * r->mu_ratio, excess = r->objective - s.infimum;
            TEST(excess <= upper(&s, mu) + 1e-15 && excess >= lower(&s, mu) - r->gap * r->objective - 1e-15);
            test_at_most("width of the bracket over mu v", (upper(&s, mu) - lower(&s, mu)) / (mu * s.v), 1);
            TEST(r->nuclear >= least_nuclear_norm(&s, mu));
            TEST(r->share * r->nuclear / s.v >= least_margin(&s, mu) - 1e-2); /* the spread on the tag sets */
            spread[0] = fmin(spread[0], r->nuclear - s.v * log(1 / mu));
            spread[1] = fmax(spread[1], r->nuclear - s.v * log(1 / mu));
        }
        test_at_most("bounded", spread[1] - spread[0], s.v);
        free(t.row);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

/* The same optima by proximal gradient. */
static void against_proximal(void)
{
    if (test_fast()) return;
    ufm_labels *labels = unbalanced();
    const ufm_objective o = {UFM_LOSS_PAL, 5e-4, 1e-4, 1e-3};
    table t = walk(labels, &o, 1.2, 1e-4, 9);
    for (int64_t i = 0; i < t.count; i += 4) {
        ufm_solve_settings settings = ufm_solve_defaults();
        ufm_solution *solution;
        settings.objective = o;
        settings.objective.lambda_w *= t.row[i].factor;
        settings.objective.lambda_h *= t.row[i].factor;
        settings.minimize.tolerance = 1e-14;
        settings.threads = 1;
        TEST_OK(ufm_solve_proximal(labels, &settings, &solution, NULL));
        const ufm_certificate *c = &solution->certificate;
        const double allowed = fmax(0, c->gap) + fmax(0, t.row[i].gap) * t.row[i].objective + 1e-14;
        test_at_most("difference", fabs(c->objective - t.row[i].objective), allowed);
        test_at_most("gap", c->gap, 1e-9 * c->objective);
        ufm_solution_free(solution);
    }
    free(t.row);
    ufm_labels_free(labels);
}

/* Balanced designs: Z = delta_m (Y - (m/K) J) against the limit Y - (m/K) J, whose angle is that of (delta_m)
 * against ones weighted by kappa_m. */
static void balanced_distance(void)
{
    ufm_labels *labels = test_design(5, "1:4,2:2,3:1", UFM_DUPLICATES_MERGE);
    static const double kappa[] = {4, 2 * 3, 3};
    ufm_design *design;
    TEST_OK(ufm_labels_to_design(labels, &design, NULL));
    const ufm_objective o = {UFM_LOSS_PAL, 5e-4, 1e-4, 1e-3};
    double before = INFINITY, ratio_before = 0;
    for (int depth = 2; depth <= 7; depth++) {
        table t = walk(labels, &o, 1.5, pow(10, -depth), 5);
        ufm_objective last = o;
        ufm_prediction *prediction;
        last.lambda_w *= t.row[t.count - 1].factor;
        last.lambda_h *= t.row[t.count - 1].factor;
        TEST_OK(ufm_predict(design, &last, &prediction, NULL));
        double inner = 0, square = 0, total = 0;
        for (int m = 0; m < 3; m++) {
            const double delta = prediction->margin[m];
            inner += kappa[m] * delta;
            square += kappa[m] * delta * delta;
            total += kappa[m];
        }
        const double sine = sqrt(1 - inner * inner / (square * total)), cosine = inner / sqrt(square * total);
        test_close("distance", t.info.distance, 2 * sin(atan2(sine, cosine) / 2), 1e-6);
        test_close("share", t.info.margin_share,
                   prediction->margin[2] * total / (prediction->r * sqrt(total)), 1e-7);
        test_close("value", t.info.margin_value, 4 * sqrt(total), 1e-9);
        TEST(t.info.distance < before && prediction->scale[2] / prediction->scale[0] > ratio_before);
        before = t.info.distance;
        ratio_before = prediction->scale[2] / prediction->scale[0];
        ufm_prediction_free(prediction);
        free(t.row);
    }
    ufm_design_free(design);
    ufm_labels_free(labels);
}

/* C_m/C_1 tends to 1: in the closed form, which knows lambda far below what the solvers can. */
static void scales_become_equal(void)
{
    ufm_design *design;
    TEST_OK(ufm_design_parse(6, "1:10,2:3,3:1", &design, NULL));
    double before = INFINITY;
    for (int depth = 1; depth <= 8; depth++) {
        ufm_objective o = {.lambda_b = 0};
        ufm_prediction *prediction;
        const double ratio = pow(10, -2 - pow(2, depth)); /* mu/mu_c down to 1e-258 */
        TEST_OK(test_lambda_at(design, UFM_LOSS_PAL, ratio, 5, &o, NULL));
        TEST_OK(ufm_predict(design, &o, &prediction, NULL));
        const double away = 1 - prediction->scale[2] / prediction->scale[0];
        TEST(away > 0 && away < before);
        test_at_most("times log(1/mu)", away * log(1 / prediction->mu), 2);
        before = away;
        ufm_prediction_free(prediction);
    }
    test_at_most("at the end", before, 3e-3);
    ufm_design_free(design);
}

/* No certificate below the rank of the convex optimum: such points are counted and marked. */
static void uncertified_points(void)
{
    ufm_labels *labels = unbalanced();
    const ufm_explorer explorer = {
        .objective = {UFM_LOSS_PAL, 5e-4, 1e-4, 1e-3}, .dim = 1, .threads = 1, .seed = 1};
    const ufm_path_settings settings = {400, 0.4, 5};
    ufm_path_info info;
    TEST_OK(ufm_path_write(labels, &explorer, &settings, NULL, &info, NULL));
    TEST(info.points == 5 && info.uncertified >= 3 && info.certified_to > 0.1);
    TEST(isnan(info.margin_value) && isnan(info.distance) && info.worst_gap > 1e-3);
    ufm_labels_free(labels);
}

static void command_line(void)
{
    char out[16384], err[sizeof out], arguments[400];
    const char *counts = test_file(".csv", "tags,count\n0,30\n1,3\n2,3\n0+1,2\n1+2,8\n");
    snprintf(arguments, sizeof arguments,
             "landscape path --counts '%s' --duplicates merge --from 1.1 --to 1e-4 --points 9 --json",
             counts);
    TEST(test_program(arguments, out, err, sizeof out) == 0);
    TEST(strstr(out, "\"singular_values\"") && strstr(out, "\"mu_max\"") && strstr(out, "\"max_margin\"") &&
         strstr(out, "\"certified_to\""));
    snprintf(arguments, sizeof arguments, "landscape path --counts '%s' --from 1e-3 --to 1e-2", counts);
    TEST(test_program(arguments, out, err, sizeof out) == 2 && strstr(err, "--from"));
    TEST(test_program("landscape path --classes 3 --samples 3:2", out, err, sizeof out) == 2);
    TEST(strstr(err, "every lambda") != NULL);
}

static const test_case cases[] = {{"threshold", threshold},
                                  {"threshold_balanced", threshold_balanced},
                                  {"unbalanced_path", unbalanced_path},
                                  {"asymptotics", asymptotics},
                                  {"against_proximal", against_proximal},
                                  {"balanced_distance", balanced_distance},
                                  {"scales_become_equal", scales_become_equal},
                                  {"uncertified_points", uncertified_points},
                                  {"command_line", command_line},
                                  {NULL, NULL}};
const test_suite suite_path = {"path", cases};
