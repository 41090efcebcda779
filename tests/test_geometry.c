/* Balance of labels, W against the simplex ETF, clustering, the limit of weak regularisation: against plain
 * loops. */
#include "instances.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/geometry.h>
#include <ufmlab/linalg.h>

static ufm_balance *balance_of(const ufm_labels *labels)
{
    ufm_balance *balance = NULL;
    ufm_error error = {{0}};
    const ufm_status status = ufm_balance_compute(labels, &balance, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return balance;
}

static unsigned set_of(const ufm_labels *labels, int64_t column)
{
    unsigned set = 0;
    for (int64_t t = labels->offset[column]; t < labels->offset[column + 1]; t++) set |= 1u << labels->tag[t];
    return set;
}

/* ---- Balance -------------------------------------------------------------------------------------- */

static void balanced_designs(void)
{
    static const struct {
        int64_t classes;
        const char *samples;
        double cardinality;
    } designs[] = {{4, "1:3,2:2", (12 + 24) / 24.0},
                   {5, "1:2,2:7,3:1,4:2", (10 + 140 + 30 + 40) / (10 + 70 + 10 + 10.0)},
                   {3, "3:5", 3},
                   {7, "2:3,7:1", (126 + 7) / 64.0}};
    for (size_t i = 0; i < sizeof designs / sizeof designs[0]; i++)
        for (int merge = 0; merge < 2; merge++) {
            ufm_labels *labels = test_design(designs[i].classes, designs[i].samples,
                                             merge ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
            ufm_balance *b = balance_of(labels);
            TEST(b->balanced && b->unbalanced[0] == '\0' && b->imbalance == 0 && b->ratio == 1);
            for (int64_t l = 0; l < b->levels; l++) {
                TEST(b->level[l].imbalance == 0 && b->level[l].variation == 0);
                TEST(b->level[l].least == b->level[l].most &&
                     (double)b->level[l].tag_sets == b->level[l].possible);
                test_close("entropy", b->level[l].entropy, 1, 1e-14);
            }
            test_close("cardinality", b->cardinality, designs[i].cardinality, 1e-15);
            test_close("density", b->density, designs[i].cardinality / (double)designs[i].classes, 1e-15);
            test_close("mean ratio", b->mean_ratio, 1, 1e-14);
            ufm_balance_free(b);
            ufm_labels_free(labels);
        }
}

/* By running over all 2^K tag sets. */
static void check_level(const ufm_balance_level *level, int64_t K, const int64_t *count)
{
    double sets = 0, present = 0, total = 0, off = 0, square = 0, entropy = 0;
    for (unsigned set = 1; set < 1u << K; set++) {
        if (__builtin_popcount(set) != level->multiplicity) continue;
        sets++;
        present += count[set] > 0;
        total += (double)count[set];
    }
    for (unsigned set = 1; set < 1u << K; set++) {
        if (__builtin_popcount(set) != level->multiplicity) continue;
        const double share = (double)count[set] / total;
        off += fabs(share - 1 / sets) / 2;
        square += ((double)count[set] - total / sets) * ((double)count[set] - total / sets);
        if (share > 0) entropy -= share * log(share);
    }
    TEST(level->possible == sets && (double)level->tag_sets == present && (double)level->samples == total);
    test_close("imbalance", level->imbalance, off, 1e-13);
    test_close("variation", level->variation, sqrt(square / sets) / (total / sets), 1e-13);
    test_close("entropy", level->entropy, sets > 1 ? entropy / log(sets) : 1, 1e-13);
    test_close("mean", level->mean, total / present, 1e-14);
}

static void random_balance(void)
{
    ufm_rng *rng = ufm_rng_new(101);
    for (int trial = 0; trial < 200; trial++) {
        const int64_t K = 2 + ufm_rng_below(rng, 6);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 20),
                                                trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP);
        ufm_balance *b = balance_of(labels);
        int64_t count[1 << 7] = {0}, of_class[7] = {0}, most = 0, least = INT64_MAX;
        double tags = 0, overall = 0, ratio = 0;
        for (int64_t i = 0; i < labels->columns; i++) count[set_of(labels, i)] += ufm_labels_count(labels, i);
        for (unsigned set = 1; set < 1u << K; set++)
            for (int64_t k = 0; k < K; k++)
                if (set >> k & 1u) {
                    of_class[k] += count[set];
                    tags += (double)count[set];
                }
        for (int64_t k = 0; k < K; k++) {
            most = of_class[k] > most ? of_class[k] : most;
            least = of_class[k] < least ? of_class[k] : least;
            int64_t sum = 0;
            for (int64_t l = 0; l < b->levels; l++) sum += b->class_level[k + l * K];
            TEST(b->class_samples[k] == of_class[k] && sum == of_class[k]);
        }
        for (int64_t k = 0; k < K; k++) ratio += (double)most / (double)of_class[k] / (double)K;
        for (int64_t l = 0; l < b->levels; l++) {
            check_level(&b->level[l], K, count);
            overall += b->level[l].imbalance * (double)b->level[l].samples / (double)labels->samples;
        }
        test_close("overall", b->imbalance, overall, 1e-14);
        test_close("cardinality", b->cardinality, tags / (double)labels->samples, 1e-14);
        test_close("ratio", b->ratio, (double)most / (double)least, 1e-14);
        test_close("mean ratio", b->mean_ratio, ratio, 1e-14);
        TEST(b->balanced == (b->imbalance == 0) && b->balanced == (b->unbalanced[0] == '\0'));
        ufm_balance_free(b);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

/* Pearson's correlation of 0/1 columns, sample by sample. */
static void label_correlation(void)
{
    ufm_rng *rng = ufm_rng_new(102);
    double phi[36], worst = 0;
    for (int trial = 0; trial < 50; trial++) {
        const int64_t K = 3 + ufm_rng_below(rng, 4);
        ufm_labels *labels = test_random_labels(rng, K, K + ufm_rng_below(rng, 10), UFM_DUPLICATES_KEEP);
        TEST_OK(ufm_label_correlation(labels, phi));
        const double n = (double)labels->columns;
        for (int64_t k = 0; k < K; k++)
            for (int64_t l = 0; l < K; l++) {
                double x = 0, y = 0, xx = 0, yy = 0, xy = 0;
                for (int64_t i = 0; i < labels->columns; i++) {
                    const double a = set_of(labels, i) >> k & 1u, c = set_of(labels, i) >> l & 1u;
                    x += a / n;
                    y += c / n;
                    xx += a * a / n;
                    yy += c * c / n;
                    xy += a * c / n;
                }
                const double expected = (xy - x * y) / sqrt((xx - x * x) * (yy - y * y));
                worst = fmax(worst, fabs(phi[k + l * K] - expected));
            }
        ufm_labels_free(labels);
    }
    test_worst("label_correlation", worst, 1e-13);
    ufm_labels *always = test_design(3, "3:2", UFM_DUPLICATES_MERGE);
    TEST_OK(ufm_label_correlation(always, phi));
    for (int i = 0; i < 9; i++) TEST(isnan(phi[i]));
    ufm_labels_free(always);
    ufm_rng_free(rng);
}

/* ---- Clustering ----------------------------------------------------------------------------------- */

/* Average linkage from the definition: means over all pairs of items, branches as lists. */
static void plain_order(int n, const double *similarity, int64_t *order)
{
    int64_t branch[8][8];
    int size[8], alive = n;
    for (int i = 0; i < n; i++) {
        branch[i][0] = i;
        size[i] = 1;
    }
    while (alive > 1) {
        int a = 0, b = 1;
        double least = INFINITY;
        for (int x = 0; x < alive; x++)
            for (int y = x + 1; y < alive; y++) {
                double mean = 0;
                for (int i = 0; i < size[x]; i++)
                    for (int j = 0; j < size[y]; j++)
                        mean += (1 - similarity[branch[x][i] + branch[y][j] * n]) / (size[x] * size[y]);
                if (mean < least) {
                    least = mean;
                    a = x;
                    b = y;
                }
            }
        for (int i = 0; i < size[b]; i++) branch[a][size[a]++] = branch[b][i];
        alive--;
        for (int x = b; x < alive; x++) { /* keeps the branches sorted by their first item */
            memcpy(branch[x], branch[x + 1], sizeof branch[x]);
            size[x] = size[x + 1];
        }
    }
    for (int i = 0; i < n; i++) order[i] = branch[0][i];
}

static void cluster_order(void)
{
    /* 0 and 3 belong together, and 1 and 2; 4 is alone, its similarities unknown. */
    double known[25];
    for (int i = 0; i < 25; i++) known[i] = i % 6 == 0 ? 1 : i % 5 == 4 || i / 5 == 4 ? NAN : 0.1;
    known[3] = known[15] = 0.9;
    known[1 + 2 * 5] = known[2 + 1 * 5] = 0.8;
    int64_t order[8], expected[8] = {0, 3, 1, 2, 4};
    TEST_OK(ufm_cluster_order(5, known, order));
    TEST(memcmp(order, expected, 5 * sizeof *order) == 0);
    ufm_rng *rng = ufm_rng_new(103);
    for (int trial = 0; trial < 300; trial++) {
        const int n = 1 + (int)ufm_rng_below(rng, 8);
        double similarity[64];
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++)
                similarity[i + j * n] = similarity[j + i * n] = 2 * ufm_rng_uniform(rng) - 1;
        TEST_OK(ufm_cluster_order(n, similarity, order));
        plain_order(n, similarity, expected);
        TEST(memcmp(order, expected, (size_t)n * sizeof *order) == 0);
    }
    ufm_rng_free(rng);
}

/* ---- W against the simplex ETF -------------------------------------------------------------------- */

enum { K = 6, D = 8, N = K };
typedef struct {
    double W[K * D], H[D * N], b[K];
    ufm_point point;
    ufm_labels *labels;
} hand_made;

/* One single-label sample of each class with Gaussian W and H. */
static void hand_make(hand_made *made, ufm_rng *rng)
{
    for (int i = 0; i < K * D; i++) made->W[i] = ufm_rng_gaussian(rng);
    for (int i = 0; i < D * N; i++) made->H[i] = ufm_rng_gaussian(rng);
    for (int i = 0; i < K; i++) made->b[i] = 0;
    made->point = (ufm_point){K, D, N, made->W, made->H, made->b};
    made->labels = test_design(K, "1:1", UFM_DUPLICATES_KEEP);
}

static ufm_frame *frame_of(const ufm_point *point, const ufm_labels *labels)
{
    ufm_frame *frame = NULL;
    ufm_error error = {{0}};
    const ufm_geometry_settings settings = ufm_geometry_defaults();
    const ufm_status status = ufm_frame_compute(point, labels, &settings, &frame, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return frame;
}

static void random_frames(void)
{
    ufm_rng *rng = ufm_rng_new(104);
    for (int trial = 0; trial < 50; trial++) {
        hand_made made;
        hand_make(&made, rng);
        ufm_frame *f = frame_of(&made.point, made.labels);
        double deviation, squares = 0, trace = 0, values = 0, least = 180, most = 0, mean = 0;
        TEST_OK(ufm_etf_deviation(made.W, K, D, &deviation));
        for (int k = 0; k < K; k++) {
            double norm = 0, of_mean = 0;
            for (int j = 0; j < D; j++) {
                norm += made.W[k + j * K] * made.W[k + j * K];
                of_mean += made.H[j + k * D] * made.H[j + k * D];
            }
            test_close("|w_k|", f->norm[k], sqrt(norm), 1e-14);
            test_close("|mu_k|", f->mean_norm[k], sqrt(of_mean), 1e-14);
            squares += f->class_deviation[k] * f->class_deviation[k];
            trace += norm;
            values += f->eigenvalue[k];
            TEST(k == 0 || f->eigenvalue[k] <= f->eigenvalue[k - 1]);
            for (int l = 0; l < k; l++) {
                double product = 0;
                for (int j = 0; j < D; j++) product += made.W[k + j * K] * made.W[l + j * K];
                const double cosine = product / f->norm[k] / f->norm[l], angle = acos(cosine) * 180 / M_PI;
                test_close("cosine", f->cosine[k + l * K], cosine, 1e-14);
                least = fmin(least, angle);
                most = fmax(most, angle);
                mean += angle / (K * (K - 1) / 2);
            }
            TEST(f->group[k] == k);
        }
        test_close("deviation", f->deviation, deviation, 1e-14);
        test_close("class deviations", sqrt(squares), deviation, 1e-13);
        test_close("trace", values, trace, 1e-13);
        test_close("least angle", f->rows.least, least, 1e-12);
        test_close("greatest angle", f->rows.most, most, 1e-12);
        test_close("mean angle", f->rows.mean, mean, 1e-12);
        test_close("off", f->rows.off, fmax(most - f->etf_angle, f->etf_angle - least), 1e-11);
        TEST(f->vanished == 0 && f->merged == 0 && f->means.pairs == K * (K - 1) / 2);
        ufm_frame_free(f);
        ufm_labels_free(made.labels);
    }
    ufm_rng_free(rng);
}

static void copy_row(hand_made *made, int from, int to, double factor)
{
    for (int j = 0; j < D; j++) made->W[to + j * K] = factor * made->W[from + j * K];
}

static void vanished_and_merged(void)
{
    ufm_rng *rng = ufm_rng_new(105);
    hand_made made;
    hand_make(&made, rng);
    copy_row(&made, 0, 3, 0);        /* vanishes */
    copy_row(&made, 1, 4, 1 + 1e-9); /* merge */
    copy_row(&made, 4, 5, 1 + 5e-7); /* the same group, by a chain */
    copy_row(&made, 0, 2, 1 + 1e-3); /* near, but no */
    for (int j = 0; j < D; j++) made.H[j + 2 * D] = 0;
    ufm_frame *f = frame_of(&made.point, made.labels);
    const int64_t expected[K] = {0, 1, 2, -1, 1, 1};
    TEST(memcmp(f->group, expected, sizeof expected) == 0 && f->vanished == 1 && f->merged == 1);
    TEST(f->rows.pairs == 10 && f->means.pairs == 10 && isnan(f->cosine[3]) && isnan(f->cosine[3 * K + 2]));
    TEST(f->rows.least < 1e-6 && !f->collapsed);
    ufm_frame_free(f);
    for (int i = 0; i < K * D; i++) made.W[i] = 0;
    f = frame_of(&made.point, made.labels);
    TEST(f->collapsed && f->vanished == K && f->merged == 0 && isnan(f->deviation) && f->rows.pairs == 0);
    TEST(isnan(f->class_deviation[0]) && isnan(f->rows.mean) && f->norm[0] == 0);
    ufm_frame_free(f);
    ufm_labels_free(made.labels);
    ufm_rng_free(rng);
}

static void refusals(void)
{
    ufm_rng *rng = ufm_rng_new(106);
    const ufm_geometry_settings settings = ufm_geometry_defaults();
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int trial = 0; trial < 9; trial++) {
        hand_made made;
        hand_make(&made, rng);
        double *where[] = {made.W + 7, made.H + 11, made.b + 2};
        static const char *const names[] = {"entry 7 of W", "entry 11 of H", "entry 2 of b"};
        *where[trial / 3] = bad[trial % 3];
        ufm_frame *frame = NULL;
        ufm_tag_laws *laws = NULL;
        ufm_error error = {{0}};
        TEST(ufm_frame_compute(&made.point, made.labels, &settings, &frame, &error) == UFM_ERROR_INPUT);
        TEST(strstr(error.text, names[trial / 3]) && frame == NULL);
        TEST(ufm_tag_laws_compute(&made.point, made.labels, &settings, &laws, &error) == UFM_ERROR_INPUT);
        made.point.columns--;
        TEST(ufm_frame_compute(&made.point, made.labels, &settings, &frame, &error) == UFM_ERROR_USAGE);
        TEST(ufm_tag_laws_compute(&made.point, made.labels, &settings, &laws, &error) == UFM_ERROR_USAGE);
        TEST(frame == NULL && laws == NULL);
        ufm_labels_free(made.labels);
    }
    ufm_rng_free(rng);
}

static void out_of_memory(void)
{
    ufm_rng *rng = ufm_rng_new(107);
    hand_made made;
    hand_make(&made, rng);
    ufm_labels *labels = test_design(K, "1:2,2:1", UFM_DUPLICATES_KEEP);
    double *H = calloc((size_t)(D * labels->columns), sizeof *H);
    for (int64_t i = 0; i < D * labels->columns; i++) H[i] = ufm_rng_gaussian(rng);
    const ufm_point point = {K, D, labels->columns, made.W, H, made.b};
    const ufm_objective objective = {.loss = UFM_LOSS_PAL, .lambda_w = 1e-3, .lambda_h = 1e-3, .lambda_b = 1};
    ufm_geometry_settings settings = ufm_geometry_defaults();
    settings.objective = &objective;
    settings.value = 1;
    const int64_t before = ufm_memory_live_blocks();
    bool done = false;
    int budget = 0;
    for (; !done && budget < 500; budget++) {
        ufm_balance *balance = NULL;
        ufm_frame *frame = NULL;
        ufm_tag_laws *laws = NULL;
        double slack;
        ufm_error error;
        ufm_memory_fail_after(budget);
        ufm_status status = ufm_balance_compute(labels, &balance, &error);
        if (status == UFM_OK) status = ufm_label_limit(labels, &slack, &error);
        if (status == UFM_OK) status = ufm_frame_compute(&point, labels, &settings, &frame, &error);
        if (status == UFM_OK) status = ufm_tag_laws_compute(&point, labels, &settings, &laws, &error);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        done = status == UFM_OK;
        ufm_balance_free(balance);
        ufm_frame_free(frame);
        ufm_tag_laws_free(laws);
        TEST(ufm_memory_live_blocks() == before);
    }
    TEST(done && budget > 50);
    free(H);
    ufm_labels_free(labels);
    ufm_labels_free(made.labels);
    ufm_rng_free(rng);
}

/* ---- The limit of weak regularisation -------------------------------------------------------------- */

static double nuclear_norm(const ufm_labels *labels, const double *Z)
{
    const int64_t rows = labels->classes, n = labels->columns, r = rows < n ? rows : n;
    double A[8 * 64], s[64], sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < rows; k++)
            A[k + i * rows] = sqrt((double)ufm_labels_count(labels, i)) * Z[k + i * rows];
    TEST_OK(ufm_svd(ufm_view(A, rows, n), NULL, s, NULL));
    for (int64_t i = 0; i < r; i++) sum += s[i];
    return sum;
}

/* P y_S in every column, and a random step that keeps all margins on S equal and none below 1. */
static void equal_margins(const ufm_labels *labels, ufm_rng *rng, double size, double *Z)
{
    const int64_t rows = labels->classes;
    for (int64_t i = 0; i < labels->columns; i++) {
        const unsigned set = set_of(labels, i);
        double mean = 0;
        for (int64_t k = 0; k < rows; k++) {
            const bool inside = set >> k & 1u;
            Z[k + i * rows] = inside - (double)ufm_labels_multiplicity(labels, i) / (double)rows;
            if (!inside && ufm_rng_below(rng, 3) == 0) Z[k + i * rows] -= size * ufm_rng_uniform(rng);
            mean += Z[k + i * rows] / (double)rows;
        }
        for (int64_t k = 0; k < rows; k++) Z[k + i * rows] -= mean;
    }
}

/* Where the slack is not positive no feasible step lowers the nuclear norm; elsewhere the step at the worst
 * entry does. */
static void weak_limit(void)
{
    ufm_rng *rng = ufm_rng_new(108);
    int holds = 0, fails = 0;
    for (int trial = 0; trial < 200; trial++) {
        const int64_t rows = 3 + ufm_rng_below(rng, 4);
        ufm_labels *labels =
            test_random_labels(rng, rows, rows + ufm_rng_below(rng, 12), UFM_DUPLICATES_MERGE);
        double slack, Z[8 * 64], best = INFINITY;
        TEST_OK(ufm_label_limit(labels, &slack, NULL));
        equal_margins(labels, rng, 0, Z);
        const double norm = nuclear_norm(labels, Z);
        for (int step = 0; step < 40; step++) {
            equal_margins(labels, rng, pow(10, -4 * ufm_rng_uniform(rng)), Z);
            best = fmin(best, nuclear_norm(labels, Z));
        }
        for (int64_t i = 0; i < labels->columns; i++) /* one entry at a time */
            for (int64_t k = 0; k < rows; k++) {
                if (set_of(labels, i) >> k & 1u) continue;
                equal_margins(labels, rng, 0, Z);
                for (int64_t l = 0; l < rows; l++) Z[l + i * rows] -= 1e-4 * ((l == k) - 1 / (double)rows);
                best = fmin(best, nuclear_norm(labels, Z));
            }
        const bool ok =
            isnan(slack) || (slack <= 0 ? best >= norm * (1 - 1e-13) : slack < 0.01 || best < norm);
        if (!ok) fprintf(stderr, "  trial %d: slack %g, norm %.17g, best %.17g\n", trial, slack, norm, best);
        TEST(ok);
        holds += slack <= 0;
        fails += slack >= 0.01;
        ufm_labels_free(labels);
    }
    TEST(holds > 20 && fails > 20);
    double slack;
    for (int trial = 0; trial < 50; trial++) { /* single labels: it always holds */
        ufm_labels *labels;
        ufm_labels_builder *builder = ufm_labels_builder_new();
        const int32_t rows = 2 + (int32_t)ufm_rng_below(rng, 6);
        for (int32_t k = 0; k < rows; k++) {
            const int64_t count = 1 + (int64_t)pow(10, 4 * ufm_rng_uniform(rng));
            TEST_OK(ufm_labels_builder_add(builder, 1, &k, count, NULL));
        }
        TEST_OK(ufm_labels_builder_finish(builder, rows, UFM_DUPLICATES_MERGE, &labels, NULL));
        ufm_labels_builder_free(builder);
        TEST_OK(ufm_label_limit(labels, &slack, NULL));
        TEST(slack < 0);
        ufm_labels_free(labels);
    }
    ufm_labels *balanced = test_design(10, "1:3,2:5", UFM_DUPLICATES_MERGE);
    TEST_OK(ufm_label_limit(balanced, &slack, NULL));
    test_close("balanced: root of a multiple of P", slack, -1.0 / 9, 1e-13); /* (-1/K)/(1-1/K), pairs -2/8 */
    ufm_labels_free(balanced);
    balanced = test_design(3, "3:5", UFM_DUPLICATES_MERGE);
    TEST_OK(ufm_label_limit(balanced, &slack, NULL));
    TEST(isnan(slack));
    ufm_labels_free(balanced);
    ufm_rng_free(rng);
}

static const test_case cases[] = {{"balanced_designs", balanced_designs},
                                  {"random_balance", random_balance},
                                  {"label_correlation", label_correlation},
                                  {"cluster_order", cluster_order},
                                  {"random_frames", random_frames},
                                  {"vanished_and_merged", vanished_and_merged},
                                  {"refusals", refusals},
                                  {"out_of_memory", out_of_memory},
                                  {"weak_limit", weak_limit},
                                  {NULL, NULL}};
const test_suite suite_geometry = {"geometry", cases};
