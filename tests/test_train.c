/* The trainer: interrupted, killed and resumed runs end alike; schedules; what must fail does. */
#include "nets/train.h"
#include "test.h"
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>
#include <unistd.h>

enum { BUFFER = 65536 };
static char out[BUFFER], err[BUFFER];

static int program(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int program(const char *format, ...)
{
    char arguments[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(arguments, sizeof arguments, format, list);
    va_end(list);
    return test_program(arguments, out, err, BUFFER);
}

/* ---- Resuming ---- */

/* Small, with batch norm, a partial last batch, Adam's second moment, and held-out data nowhere. */
#define SMALL                                                                                                \
    "--data synthetic --classes 3 --samples 1:5,2:4 --arch resnet18 --width 0.03 --size 6 --batch 8 "        \
    "--epochs 4 "                                                                                            \
    "--engine twin --threads 2 --optimizer adam --rate 1e-3 --seed 7 --quiet"

static double *read_parameters(const char *directory, int64_t *count)
{
    char path[256];
    ufm_h5 *file = NULL;
    int64_t cols;
    snprintf(path, sizeof path, "%s/checkpoint.h5", directory);
    if (ufm_h5_open(path, &file, NULL) != UFM_OK) return NULL;
    double *x = NULL;
    if (ufm_h5_shape(file, "parameters", count, &cols, NULL) == UFM_OK) x = ufm_alloc(*count, sizeof *x);
    if (x) TEST_OK(ufm_h5_read_matrix(file, "parameters", x, NULL));
    ufm_h5_abort(file);
    return x;
}

static bool same_file(const char *a, const char *b, const char *name)
{
    char command[600];
    snprintf(command, sizeof command, "cmp -s '%s/%s' '%s/%s'", a, name, b, name);
    return system(command) == 0;
}

/* Bitwise the same weights, and the same rows of metrics. */
static void expect_same(const char *a, const char *b)
{
    int64_t n = 0, m = 0;
    double *x = read_parameters(a, &n), *y = read_parameters(b, &m);
    TEST(x && y && n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0);
    TEST(same_file(a, b, "metrics.csv"));
    ufm_free(x);
    ufm_free(y);
}

static void test_resume(void)
{
    char whole[128], parts[128];
    test_directory(whole, sizeof whole);
    test_directory(parts, sizeof parts);
    TEST(program("train " SMALL " --out '%s'", whole) == 0);
    /* In the middle of an epoch, at its end, and after the end of the run. */
    TEST(program("train " SMALL " --out '%s' --steps 2", parts) == 0);
    TEST(program("train --resume '%s' --quiet --steps 8", parts) == 0);
    TEST(program("train --resume '%s' --quiet", parts) == 0);
    expect_same(whole, parts);
    TEST(program("train --resume '%s' --quiet --json", parts) == 0);
    TEST(strstr(out, "\"nc1\"") != NULL);
    expect_same(whole, parts);
    TEST(program("train --resume '%s' --quiet --rate 0.5", parts) == 2);
    TEST(strstr(err, "rate") != NULL && strstr(err, "same settings") != NULL);
    TEST(program("certify '%s/features.h5' --json", whole) == 0);
}

static pid_t start_program(const char *directory, bool resume)
{
    const char *path = getenv("UFMLAB");
    char command[1024];
    snprintf(command, sizeof command, "exec '%s' train %s '%s' %s > /dev/null 2>&1",
             path ? path : "build/bin/ufmlab", resume ? "--resume" : "--out", directory,
             resume ? "--quiet" : SMALL " --checkpoint-steps 1");
    char *const argv[] = {"sh", "-c", command, NULL};
    extern char **environ;
    pid_t child = -1;
    CU_ASSERT_FATAL(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    return child;
}

/* Killed again and again, without any warning, at random moments of what a whole run takes. */
static void test_killed(void)
{
    char whole[128], killed[128], checkpoint[160];
    const uint64_t seed = 11;
    int kills = 0, status = -1;
    test_directory(whole, sizeof whole);
    test_directory(killed, sizeof killed);
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.h5", killed);
    const double began = ufm_seconds();
    TEST(program("train " SMALL " --out '%s' --checkpoint-steps 1", whole) == 0);
    const double length = ufm_seconds() - began;
    ufm_rng *rng = ufm_rng_new(seed);
    for (int round = 0; round < 40 && status != 0; round++) {
        const pid_t child = start_program(killed, access(checkpoint, F_OK) == 0);
        /* The last rounds let it run, so that the test ends whatever the machine does. */
        if (round < 8) {
            usleep((useconds_t)(1e6 * length * ufm_rng_uniform(rng)));
            if (kill(child, SIGKILL) == 0) kills++;
        }
        waitpid(child, &status, 0);
    }
    if (status != 0)
        fprintf(stderr, "  seed %llu: no run ended, status %d\n", (unsigned long long)seed, status);
    TEST(status == 0 && kills > 0);
    expect_same(whole, killed);
    ufm_rng_free(rng);
}

/* ---- Schedule and order ---- */

static void test_schedule(void)
{
    ufm_training_settings s = ufm_training_defaults();
    s.epochs = 200;
    test_close("first", ufm_train_rate(&s, 0), 0.1, 1e-15);
    test_close("middle", ufm_train_rate(&s, 100), (0.1 + 1e-4) / 2, 1e-15);
    TEST(ufm_train_rate(&s, 199) > 1e-4 && ufm_train_rate(&s, 199) < 1.1e-4);
    s.warmup = 4;
    for (int e = 0; e < 4; e++) test_close("warm-up", ufm_train_rate(&s, e), 0.1 * (e + 1) / 5, 1e-15);
    test_close("after it", ufm_train_rate(&s, 4), 0.1, 1e-15);
}

static void test_shuffle(void)
{
    enum { COUNT = 1000 };
    int64_t order[COUNT], again[COUNT], other[COUNT], seen[COUNT] = {0};
    TEST_OK(ufm_train_shuffle(5, 3, COUNT, order));
    TEST_OK(ufm_train_shuffle(5, 3, COUNT, again));
    TEST_OK(ufm_train_shuffle(5, 4, COUNT, other));
    TEST(memcmp(order, again, sizeof order) == 0 && memcmp(order, other, sizeof order) != 0);
    for (int i = 0; i < COUNT; i++) seen[order[i]]++;
    for (int i = 0; i < COUNT; i++) CU_ASSERT(seen[i] == 1);
}

/* ---- Failures ---- */

static void test_diverged(void)
{
    char directory[128], path[160];
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/checkpoint.h5", directory);
    /* The first epoch is harmless; its checkpoint survives what follows. */
    TEST(program("train " SMALL " --out '%s' --steps 3", directory) == 0);
    int64_t n = 0;
    double *x = read_parameters(directory, &n);
    TEST(x != NULL);
    ufm_free(x);
    TEST(
        program(
            "train --data synthetic --classes 3 --samples 1:5,2:4 --arch mlp --width 0.03 --size 6 --batch 8 "
            "--engine twin --loss pal-mse --rate 1e6 --epochs 50 --quiet --out '%s'",
            directory) == 1);
    TEST(strstr(err, "not finite") != NULL && strstr(err, "--rate") != NULL);
    if (access(path, F_OK) == 0) {
        x = read_parameters(directory, &n);
        for (int64_t i = 0; x && i < n; i++) CU_ASSERT(isfinite(x[i]));
        TEST(x != NULL);
        ufm_free(x);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *arguments, *words;
    } rows[] = {{"", "--data"},
                {"--data synthetic --arch vgg11", "vgg16"},
                {"--data synthetic --preset quick", "desk"},
                {"--data synthetic --lambda-w 1", "--weight-decay"},
                {"--data synthetic --engine gpu", "twin"},
                {"--data synthetic --optimizer lion", "adam"},
                {"--data synthetic --etf --width 0.01", "--fix-dim"},
                {"--data synthetic --warmup 3 --epochs 3", "warm-up"},
                {"--data /nonexistent.h5", "nonexistent"},
                {"--resume /nonexistent", "nonexistent"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int code = program("train %s", rows[i].arguments);
        const bool right = code == 2 && strstr(err, rows[i].words) != NULL && out[0] == '\0';
        if (!right)
            fprintf(stderr, "  'train %s': exit %d, wanted '%s' in: %s\n", rows[i].arguments, code,
                    rows[i].words, err);
        CU_ASSERT(right);
    }
    TEST(program("train --arch help") == 0 && strstr(out, "vgg19") && strstr(out, "11172810"));
    TEST(program("train --dry-run " SMALL) == 0 && strstr(out, "trainable") && strstr(out, "about"));
}

static const test_case cases[] = {{"resume", test_resume},
                                  {"killed", test_killed},
                                  {"schedule", test_schedule},
                                  {"shuffle", test_shuffle},
                                  {"diverged", test_diverged},
                                  {"refused", test_refused},
                                  {NULL, NULL}};
const test_suite suite_train = {"train", cases};
