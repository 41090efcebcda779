/* Test harness: suites of named tests over CUnit. A proof note names a test as `suite/name`. */
#ifndef UFMLAB_TEST_H
#define UFMLAB_TEST_H

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <ufmlab/base.h>

typedef struct {
    const char *name;
    void (*run)(void);
} test_case;
typedef struct {
    const char *name;
    const test_case *cases; /* ends with {NULL, NULL} */
} test_suite;

/* One line per suite: X(symbol). Add a file tests/test_X.c that defines `const test_suite suite_X`. */
/* clang-format off */
#define TEST_SUITES(X) \
    X(base) \
    X(linalg) \
    X(io) \
    X(json) \
    X(labels) \
    X(coco) \
    X(hostile) \
    X(streaming) \
    X(metrics) \
    X(geometry) \
    X(laws) \
    X(theory) \
    X(model) \
    X(optim) \
    X(varpro) \
    X(certify) \
    X(decode) \
    X(nets) \
    X(engine) \
    X(onednn) \
    X(trajectory) \
    X(train) \
    X(checkpoint) \
    X(table) \
    X(grow) \
    X(convex) \
    X(constrained) \
    X(lemmas) \
    X(losses) \
    X(files) \
    X(pictures) \
    X(saddles) \
    X(multistart) \
    X(spectrum) \
    X(slices) \
    X(path) \
    X(composite) \
    X(loader) \
    X(fetch) \
    X(report) \
    X(verify) \
    X(cli) \
    X(cli_constrained) \
    X(data_cli) \
    X(experiment)
/* clang-format on */

/* |actual - expected| <= tolerance*max(1,|expected|); NaN fails; prints both numbers on failure. */
void test_close(const char *what, double actual, double expected, double tolerance);
/* value <= bound; NaN fails; prints on failure. */
void test_at_most(const char *what, double value, double bound);
/* Records the worst error of a randomised check over its trials, shown by `ufmlab-tests --worst` and
 * checked against `tolerance` (NaN fails). `name` is the test's name. */
void test_worst(const char *name, double error, double tolerance);
/* True under valgrind and for quick runs (UFMLAB_TEST_FAST=1): tests then use their smallest instances. */
bool test_fast(void);
/* Writes text to a new temporary file with the given suffix, returns its path (static buffer of 8, reused).
 */
const char *test_file(const char *suffix, const char *text);
/* A temporary path with the suffix that does not exist yet. */
const char *test_path(const char *suffix);
/* A new empty directory, with a blank in its name; and how many entries a directory has (-1: none such). */
void test_directory(char *path, size_t size);
int test_entries(const char *path);
/* Runs `$UFMLAB arguments` through the shell; returns the exit code (-signal when killed); the first
 * size-1 bytes of standard output and error go to the buffers (which may be NULL). */
int test_program(const char *arguments, char *out, char *err, size_t size);
/* The same with arguments to format. */
int test_run(char *out, char *err, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Bad input: exit 2, nothing on standard output, and exactly one line, which begins with "ufmlab: " and holds
 * `words`. Returns that line (static). */
const char *test_refusal(const char *arguments, const char *words);
/* Directory of the real data sets (UFMLAB_DATA), or NULL when there are none. */
const char *test_data(void);

#define TEST(expression)                                                                                     \
    do {                                                                                                     \
        const bool test_holds_ = (expression);                                                               \
        if (!test_holds_) fprintf(stderr, "  %s:%d: %s\n", __FILE__, __LINE__, #expression);                 \
        CU_assertImplementation(test_holds_, __LINE__, #expression, __FILE__, "", CU_FALSE);                 \
    } while (0)
#define TEST_OK(call)                                                                                        \
    do {                                                                                                     \
        ufm_status test_status_ = (call);                                                                    \
        if (test_status_ != UFM_OK)                                                                          \
            fprintf(stderr, "  %s:%d: %s: %s\n", __FILE__, __LINE__, #call, ufm_status_text(test_status_));  \
        CU_ASSERT(test_status_ == UFM_OK);                                                                   \
    } while (0)

#endif
