/* The test runner: all suites, CUnit's summary last, exit 1 on any failure.
 *   ufmlab-tests            run everything
 *   ufmlab-tests NAME...    run the named suites
 *   ufmlab-tests --list     print every test as suite/name */
#include "test.h"
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#ifdef TEST_ONLY
#define ONE_SUITE_(name) X_(name)
#define X_(name) extern const test_suite suite_##name;
ONE_SUITE_(TEST_ONLY)
#undef X_
#define X_(name) &suite_##name,
static const test_suite *const suites[] = {ONE_SUITE_(TEST_ONLY)};
#else
#define DECLARE(name) extern const test_suite suite_##name;
TEST_SUITES(DECLARE)
#define ADDRESS(name) &suite_##name,
static const test_suite *const suites[] = {TEST_SUITES(ADDRESS)};
#endif
enum { SUITES = sizeof suites / sizeof suites[0] };

static bool wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc < 2;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int s = 0; s < SUITES; s++)
            for (const test_case *c = suites[s]->cases; c->name; c++)
                printf("%s/%s\n", suites[s]->name, c->name);
        return 0;
    }
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    for (int s = 0; s < SUITES; s++) {
        if (!wanted(suites[s]->name, argc, argv)) continue;
        CU_pSuite suite = CU_add_suite(suites[s]->name, NULL, NULL);
        for (const test_case *c = suites[s]->cases; suite && c->name; c++)
            if (!CU_add_test(suite, c->name, c->run)) return 1;
        if (!suite) return 1;
    }
    if (CU_get_registry()->uiNumberOfTests == 0) {
        fprintf(stderr, "no such suite\n");
        return 1;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (CU_basic_run_tests() != CUE_SUCCESS) return 1;
    const unsigned failures = CU_get_number_of_failures();
    const unsigned ran = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return failures == 0 && ran > 0 ? 0 : 1;
}
