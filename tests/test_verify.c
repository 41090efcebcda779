/* The table of claims: what must hold, what must break, and what may not be claimed. */
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ufmlab/verify.h>

static ufm_verification *verify(ufm_verify_settings settings)
{
    ufm_verification *v = NULL;
    ufm_error error = {{0}};
    settings.seed = settings.seed ? settings.seed : 1;
    const ufm_status status = ufm_verify(&settings, &v, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    CU_ASSERT_FATAL(status == UFM_OK);
    return v;
}

static void expect_consistent(const ufm_verification *v)
{
    int64_t counts[3] = {0}, unexpected = 0;
    for (int64_t c = 0; c < v->claims; c++) {
        const ufm_claim *claim = &v->claim[c];
        counts[claim->verdict]++;
        unexpected += claim->verdict != claim->expected;
        const bool small = claim->measured <= ufm_claim_tolerance(claim->kind);
        TEST(claim->verdict != UFM_VERIFIED || small);
        TEST(claim->verdict != UFM_REFUTED || claim->measured > 1000 * ufm_claim_tolerance(claim->kind));
        TEST(claim->instance >= 0 && claim->instance < v->instances);
        if (claim->verdict != claim->expected)
            fprintf(stderr, "  %s on %s: %s, measured %.3g\n", ufm_claim_id(claim->kind),
                    v->instance[claim->instance].name, ufm_verdict_text(claim->verdict), claim->measured);
    }
    TEST(counts[UFM_VERIFIED] == v->verified && counts[UFM_REFUTED] == v->refuted);
    TEST(counts[UFM_INCONCLUSIVE] == v->inconclusive && unexpected == v->unexpected);
}

static void test_all_as_expected(void)
{
    ufm_verification *v =
        verify((ufm_verify_settings){.data = test_data(), .only = test_fast() ? "K=4" : NULL});
    expect_consistent(v);
    TEST(v->unexpected == 0 && v->inconclusive == 0);
    TEST(v->verified >= (test_fast() ? 15 : 130));
    TEST(v->refuted >= (test_fast() ? 6 : 7)); /* the negative controls without real data */
    ufm_verification_free(v);
}

/* Another seed must not change a verdict. */
static void test_other_seed(void)
{
    for (uint64_t seed = 2; seed < (test_fast() ? 3u : 6u); seed++) {
        ufm_verification *v = verify((ufm_verify_settings){.seed = seed, .only = "K=6", .threads = 1});
        expect_consistent(v);
        TEST(v->unexpected == 0);
        ufm_verification_free(v);
    }
}

static void test_real_data(void)
{
    if (!test_data() || test_fast()) {
        printf(" [no real data: set UFMLAB_DATA] ");
        ufm_verify_settings settings = {.data = "/nonexistent", .only = "yeast", .seed = 1};
        ufm_verification *v = NULL;
        ufm_error error;
        TEST(ufm_verify(&settings, &v, &error) == UFM_ERROR_USAGE && strstr(error.text, "yeast"));
        return;
    }
    ufm_verification *v = verify((ufm_verify_settings){.data = test_data(), .only = "real"});
    TEST(v->instances == 3 && v->claims == 9 && v->unexpected == 0 && !v->missing[0]);
    for (int64_t c = 0; c < v->claims; c++)
        TEST((v->claim[c].kind == UFM_CLAIM_GLOBAL) == (v->claim[c].verdict == UFM_VERIFIED));
    ufm_verification_free(v);
}

static bool cancel(void *context, double fraction, const char *what)
{
    (void)what;
    *(double *)context = fraction;
    return fraction < 0.1;
}

static void test_cancel(void)
{
    double fraction = -1;
    ufm_verify_settings settings = {.only = "K=4", .seed = 1, .progress = cancel, .context = &fraction};
    ufm_verification *v = NULL;
    ufm_error error = {{0}};
    const int64_t blocks = ufm_memory_live_blocks();
    TEST(ufm_verify(&settings, &v, &error) == UFM_ERROR_CANCELLED && v == NULL && error.text[0]);
    TEST(fraction >= 0.1 && fraction <= 1);
    TEST(ufm_memory_live_blocks() == blocks);
}

static bool exists(const char *directory, const char *name)
{
    char path[256];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return stat(path, &status) == 0 && status.st_size > 100;
}

static void test_report(void)
{
    char directory[160];
    snprintf(directory, sizeof directory, "%s", test_path(".report"));
    if (test_fast()) return; /* gnuplot under valgrind would take minutes */
    ufm_verification *v = verify((ufm_verify_settings){.out = directory, .only = "K=4"});
    static const char *const files[] = {"index.html",          "verify.json",
                                        "claims.csv",          "data/convergence.csv",
                                        "data/gram.csv",       "data/lambda-path.csv",
                                        "data/collapse.csv",   "figures/convergence.svg",
                                        "figures/gram.pdf",    "figures/lambda-path.png",
                                        "figures/collapse.svg"};
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        if (!exists(directory, files[f])) fprintf(stderr, "  missing %s\n", files[f]);
        TEST(exists(directory, files[f]));
    }
    ufm_verification_free(v);
}

static void test_print(void)
{
    ufm_verification *v = verify((ufm_verify_settings){.only = "missing, K=4"});
    char text[8192];
    FILE *stream = fmemopen(text, sizeof text, "w");
    ufm_verification_print(v, stream, false);
    fclose(stream);
    TEST(strstr(text, "one pair missing") && strstr(text, "NO 0.11") && strstr(text, "0 unexpected"));
    TEST(!strstr(text, "\033["));
    ufm_verification_free(v);
}

static const test_case cases[] = {{"all_as_expected", test_all_as_expected},
                                  {"other_seed", test_other_seed},
                                  {"real_data", test_real_data},
                                  {"cancel", test_cancel},
                                  {"report", test_report},
                                  {"print", test_print},
                                  {NULL, NULL}};
const test_suite suite_verify = {"verify", cases};
