/* The options --features and --classifier as a user meets them: keys, stored points, refusals. */
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

enum { BUFFER = 65536 };
static char out[BUFFER], err[BUFFER];

#define IMBALANCED "0,6\n1,2\n2,1\n0+1,3\n1+2,1\n"

/* Runs it, which must succeed in silence, and parses its only object. */
static yajl_val run(const char *arguments)
{
    char message[256] = "";
    const int code = test_program(arguments, out, err, BUFFER);
    yajl_val tree = code == 0 ? yajl_tree_parse(out, message, sizeof message) : NULL;
    if (!tree) fprintf(stderr, "  '%s': exit %d: %s%s\n", arguments, code, err, message);
    CU_ASSERT_FATAL(tree != NULL && YAJL_IS_OBJECT(tree));
    TEST(err[0] == '\0');
    return tree;
}

static bool has(yajl_val tree, const char *key)
{
    const char *path[] = {key, NULL};
    return yajl_tree_get(tree, path, yajl_t_any) != NULL;
}

static double number(yajl_val tree, const char *key)
{
    const char *path[] = {key, NULL};
    yajl_val value = yajl_tree_get(tree, path, yajl_t_number);
    if (!value) fprintf(stderr, "  no number %s\n", key);
    CU_ASSERT(value != NULL);
    return value ? YAJL_GET_DOUBLE(value) : NAN;
}

static const char *string(yajl_val tree, const char *key)
{
    const char *path[] = {key, NULL};
    yajl_val value = yajl_tree_get(tree, path, yajl_t_string);
    if (!value) fprintf(stderr, "  no string %s\n", key);
    CU_ASSERT(value != NULL);
    return value ? YAJL_GET_STRING(value) : "";
}

typedef struct {
    const char *options, *features, *classifier;
    double feature_norm, classifier_norm; /* or 0 */
} constrained_run;
static const constrained_run runs[] = {
    {"--features nonnegative", "nonnegative", "free", 0, 0},
    {"--features sphere --feature-norm 1.3", "sphere", "free", 1.3, 0},
    {"--features sphere", "sphere", "free", 1, 0},
    {"--classifier etf --classifier-norm 1.7", "free", "etf", 0, 1.7},
    {"--classifier etf --features nonnegative", "nonnegative", "etf", 0, 1},
    {"--classifier etf --features sphere --feature-norm 0.8", "sphere", "etf", 0.8, 1}};
enum { RUNS = sizeof runs / sizeof runs[0] };

/* The keys of the constraint, those alone, and what they may say. */
static void check_keys(yajl_val t, const constrained_run *r)
{
    const bool fixed = r->classifier_norm > 0, sphere = r->feature_norm > 0;
    const bool nonnegative = strcmp(r->features, "nonnegative") == 0;
    TEST(strcmp(string(t, "feature_constraint"), r->features) == 0);
    TEST(strcmp(string(t, "classifier"), r->classifier) == 0);
    TEST(has(t, "classifier_error") == fixed && has(t, "feature_norm_error") == sphere);
    TEST(has(t, "feature_minimum") == nonnegative && has(t, "tau_upper") == (nonnegative && !fixed));
    TEST(has(t, "weighted_sigma") == (sphere && !fixed));
    if (fixed)
        TEST(number(t, "classifier_norm") == r->classifier_norm && number(t, "classifier_error") <= 1e-14);
    if (sphere)
        TEST(number(t, "feature_norm") == r->feature_norm && number(t, "feature_norm_error") <= 1e-14);
    if (nonnegative) TEST(number(t, "feature_minimum") >= 0);
    if (nonnegative && !fixed) {
        TEST(number(t, "tau_lower") <= number(t, "tau_upper"));
        TEST(number(t, "tau_upper") <= number(t, "sigma1") * (1 + 1e-12));
    }
    if (sphere && !fixed) test_close("weighted sigma", number(t, "weighted_sigma"), 1, 1e-6);
    TEST(number(t, "lower_bound") <= number(t, "objective") * (1 + 1e-14));
    TEST(number(t, "gap") <= 1e-6 * (number(t, "objective") - number(t, "objective_constant")));
    TEST(strcmp(string(t, "verdict"), "global") == 0);
}

/* A key that occurs twice in the outermost object hides one of its values from most readers. */
static void check_unique(yajl_val t)
{
    for (size_t i = 0; i < YAJL_GET_OBJECT(t)->len; i++)
        for (size_t j = 0; j < i; j++) {
            const char *key = YAJL_GET_OBJECT(t)->keys[i];
            if (strcmp(key, YAJL_GET_OBJECT(t)->keys[j]) == 0) fprintf(stderr, "  key %s twice\n", key);
            CU_ASSERT(strcmp(key, YAJL_GET_OBJECT(t)->keys[j]) != 0);
        }
}

/* solve, then certify of what it stored: the same numbers to the bit. */
static void test_solve_and_certify(void)
{
    static const char *const losses[] = {"pal", "bce", "pal-mse"};
    static const char *const same[] = {"objective", "lower_bound", "gap", "gradient_norm", "dual_scale"};
    for (int trial = 0; trial < (test_fast() ? 2 : 3 * RUNS); trial++) {
        const constrained_run *r = &runs[trial % RUNS];
        char arguments[512], saved[160];
        snprintf(saved, sizeof saved, "%s", test_path(".h5"));
        snprintf(arguments, sizeof arguments,
                 "solve --json --threads 1 --solver newton --classes 3 --samples 1:3 --lambda-w 5e-3 "
                 "--lambda-h 1e-3 --loss %s %s --save %s",
                 losses[trial / RUNS], r->options, saved);
        yajl_val t = run(arguments);
        check_keys(t, r);
        check_unique(t);
        TEST(number(t, "features") == 9);
        snprintf(arguments, sizeof arguments, "certify --json --threads 1 %s", saved);
        yajl_val again = run(arguments);
        check_keys(again, r);
        check_unique(again);
        for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
            TEST(number(again, same[i]) == number(t, same[i]));
        yajl_tree_free(t);
        yajl_tree_free(again);
        snprintf(arguments, sizeof arguments, "certify %s", saved);
        TEST(test_program(arguments, out, err, BUFFER) == 0 && strstr(out, "verdict: global") != NULL);
        unlink(saved);
    }
}

/* Imbalanced labels from a file, and a certificate of another problem than the point's. */
static void test_other_problem(void)
{
    char arguments[512], counts[160], saved[160];
    snprintf(counts, sizeof counts, "%s", test_file(".csv", "tags,count\n" IMBALANCED));
    snprintf(saved, sizeof saved, "%s", test_path(".h5"));
    for (int r = 1; r < RUNS; r++) {
        snprintf(arguments, sizeof arguments,
                 "solve --json --solver newton --duplicates merge --counts %s %s --save %s", counts,
                 runs[r].options, saved);
        yajl_val t = run(arguments);
        check_keys(t, &runs[r]);
        TEST(number(t, "features") == 5 && !has(t, "prediction"));
        yajl_tree_free(t);
        snprintf(arguments, sizeof arguments, "certify --json --loss bce %s", saved);
        t = run(arguments);
        TEST(strcmp(string(t, "verdict"), "global") != 0 && number(t, "gap") > 1e-3);
        yajl_tree_free(t);
    }
    unlink(saved);
}

static void test_refusals(void)
{
    static const struct {
        const char *options, *words;
    } cases[] = {{"--features cube", "cube"},
                 {"--features ''", "nonnegative"},
                 {"--classifier simplex", "simplex"},
                 {"--features sphere --feature-norm 0", "--feature-norm"},
                 {"--features sphere --feature-norm -1", "--feature-norm"},
                 {"--features sphere --feature-norm nan", "--feature-norm"},
                 {"--features sphere --feature-norm inf", "--feature-norm"},
                 {"--classifier etf --classifier-norm 0", "--classifier-norm"},
                 {"--classifier etf --classifier-norm x", "--classifier-norm"},
                 {"--feature-norm 2", "--features sphere"},
                 {"--classifier-norm 2", "--classifier etf"},
                 {"--classifier etf --dim 2", "dimension"},
                 {"--features nonnegative --solver gd", "solver"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments, "solve --classes 3 --samples 1:2 %s", cases[i].options);
        test_refusal(arguments, cases[i].words);
    }
}

static const test_case cases[] = {{"solve_and_certify", test_solve_and_certify},
                                  {"other_problem", test_other_problem},
                                  {"refusals", test_refusals},
                                  {NULL, NULL}};
const test_suite suite_cli_constrained = {"cli_constrained", cases};
