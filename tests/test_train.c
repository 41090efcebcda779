/* The trainer: interrupted, killed and resumed runs end alike; schedules; what must fail does. */
#include "nets/train.h"
#include "test.h"
#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>
#include <unistd.h>

enum { BUFFER = 65536 };
static char out[BUFFER], err[BUFFER];

#define program(...) test_run(out, err, BUFFER, __VA_ARGS__)

/* ---- Resuming ---- */

/* Small, with batch norm and a partial last batch. */
#define BARE                                                                                                 \
    "--data synthetic --classes 3 --samples 1:5,2:4 --arch resnet18 --width 0.03 --size 6 --batch 8 "        \
    "--epochs 4 --engine twin --threads 2 --seed 7 --quiet --no-figures"
#define ADAM BARE " --optimizer adam --rate 1e-3"
#define SGD BARE " --held-out synthetic --feature-decay-batch 1e-3"

/* All numbers of a checkpoint's data set; NULL: it has none of that name. */
static double *read_state(const char *directory, const char *name, int64_t *count)
{
    char path[256];
    ufm_h5 *file = NULL;
    int64_t cols;
    *count = 0;
    snprintf(path, sizeof path, "%s/checkpoint.h5", directory);
    if (ufm_h5_open(path, &file, NULL) != UFM_OK) return NULL;
    double *x = NULL;
    if (ufm_h5_has(file, name) && ufm_h5_shape(file, name, count, &cols, NULL) == UFM_OK)
        x = ufm_alloc(*count, sizeof *x);
    if (x) TEST_OK(ufm_h5_read_matrix(file, name, x, NULL));
    ufm_h5_abort(file);
    return x;
}

static bool same_file(const char *a, const char *b, const char *name)
{
    char command[600];
    snprintf(command, sizeof command, "cmp -s '%s/%s' '%s/%s'", a, name, b, name);
    return system(command) == 0;
}

/* Bitwise the same weights, moments, running statistics, place in the run and features; the same rows of
 * metrics. */
static void expect_same(const char *a, const char *b, bool adam)
{
    static const char *const names[] = {"parameters", "moment1", "running", "place", "sums", "moment2"};
    for (int v = 0; v < 6; v++) {
        int64_t n = 0, m = 0;
        double *x = read_state(a, names[v], &n), *y = read_state(b, names[v], &m);
        const bool kept = v < 5 || adam;
        const bool same = kept ? x && y && n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0 : !x && !y;
        if (!same) fprintf(stderr, "  %s and %s differ in %s\n", a, b, names[v]);
        CU_ASSERT(same);
        ufm_free(x);
        ufm_free(y);
    }
    TEST(same_file(a, b, "metrics.csv"));
}

static void resume_and_compare(const char *settings, bool adam)
{
    char whole[128], parts[128];
    test_directory(whole, sizeof whole);
    test_directory(parts, sizeof parts);
    TEST(program("train %s --out '%s'", settings, whole) == 0);
    /* In the middle of an epoch, at its end, and after the end of the run. */
    TEST(program("train %s --out '%s' --steps 2", settings, parts) == 0);
    TEST(program("train --resume '%s' --quiet --no-figures --steps 8", parts) == 0);
    TEST(program("train --resume '%s' --quiet --no-figures", parts) == 0);
    expect_same(whole, parts, adam);
    TEST(same_file(whole, parts, "features.h5"));
    TEST(program("train --resume '%s' --quiet --no-figures --json", parts) == 0);
    TEST(strstr(out, "\"nc1\"") != NULL);
    expect_same(whole, parts, adam);
    TEST(program("train --resume '%s' --quiet --no-figures --rate 0.5", parts) == 2);
    TEST(strstr(err, "rate") != NULL && strstr(err, "same settings") != NULL);
}

static void test_resume(void)
{
    resume_and_compare(SGD, false);
    resume_and_compare(ADAM, true);
}

static pid_t start_program(const char *directory, bool resume)
{
    const char *path = getenv("UFMLAB");
    char command[1024];
    snprintf(command, sizeof command, "exec '%s' train %s '%s' %s > /dev/null 2>&1",
             path ? path : "build/bin/ufmlab", resume ? "--resume" : "--out", directory,
             resume ? "--quiet --no-figures" : SGD " --checkpoint-steps 1");
    char *const argv[] = {"sh", "-c", command, NULL};
    extern char **environ;
    pid_t child = -1;
    CU_ASSERT_FATAL(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    return child;
}

static bool has_checkpoint(const char *directory)
{
    char path[160];
    snprintf(path, sizeof path, "%s/checkpoint.h5", directory);
    return access(path, F_OK) == 0;
}

/* Files of at least `size` bytes that are being written. */
static int unfinished(const char *path, int64_t size)
{
    DIR *directory = opendir(path);
    int count = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat file;
        count += strncmp(entry->d_name, ".ufmlab-", 8) == 0 &&
                 fstatat(dirfd(directory), entry->d_name, &file, 0) == 0 && file.st_size >= size;
    }
    if (directory) closedir(directory);
    return count;
}

/* The whole run, with a checkpoint after each step; its length in seconds. */
static double run_whole(char *whole, size_t size)
{
    test_directory(whole, size);
    const double began = ufm_seconds();
    TEST(program("train " SGD " --out '%s' --checkpoint-steps 1", whole) == 0);
    return ufm_seconds() - began;
}

/* Starts a run or goes on with it, kills it without any warning after a random share of what a whole one
 * takes; its status. */
static int run_and_kill(const char *directory, double length, ufm_rng *rng)
{
    const double moment = length * ufm_rng_uniform(rng);
    int status = 0;
    const pid_t child = start_program(directory, has_checkpoint(directory));
    usleep((useconds_t)(1e6 * moment));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    printf(" %.0f ms%s", 1000 * moment, WIFSIGNALED(status) ? "" : " (over)");
    return status;
}

/* Several runs, each killed again and again until it ends. */
static void test_killed(void)
{
    enum { RUNS = 3, ROUNDS = 60 };
    char whole[128], killed[128];
    const uint64_t seed = 11;
    int kills = 0, runs = 0, status = -1;
    const double length = run_whole(whole, sizeof whole);
    ufm_rng *rng = ufm_rng_new(seed);
    printf(" [seed %llu, killed after", (unsigned long long)seed);
    test_directory(killed, sizeof killed);
    for (int round = 0; round < ROUNDS && (runs < RUNS || kills < RUNS); round++) {
        status = run_and_kill(killed, (1 + 0.1 * round) * length, rng); /* longer: the machine may be busy */
        kills += WIFSIGNALED(status);
        if (WIFSIGNALED(status)) continue;
        TEST(status == 0);
        expect_same(whole, killed, false);
        runs++;
        test_directory(killed, sizeof killed);
    }
    printf("] ");
    TEST(runs > 0 && kills > 0);
    ufm_rng_free(rng);
}

/* Killed while a checkpoint is being written (the other files are smaller): it remains under its temporary
 * name, harms nobody, and is swept away by the run that goes on. Other files stay. */
static void test_killed_writing(void)
{
    enum { LARGE = 16384 };
    char whole[128], killed[128], mine[160];
    int status = -1, hits = 0;
    run_whole(whole, sizeof whole);
    test_directory(killed, sizeof killed);
    for (int round = 0; round < 40 && hits < 4 && status != 0; round++) {
        ufm_output_sweep(killed);
        const pid_t child = start_program(killed, has_checkpoint(killed));
        while (unfinished(killed, LARGE) == 0 && waitpid(child, &status, WNOHANG) == 0) usleep(100);
        if (kill(child, SIGKILL) == 0) waitpid(child, &status, 0);
        hits += unfinished(killed, LARGE) > 0;
    }
    if (hits == 0) fprintf(stderr, "  no kill met a checkpoint being written\n");
    CU_ASSERT(hits > 0);
    snprintf(mine, sizeof mine, "%s/.ufmlab-mine.tmp", killed);
    FILE *stream = fopen(mine, "w");
    if (stream) fclose(stream);
    const bool resume = has_checkpoint(killed);
    TEST(program("train %s '%s' --quiet --no-figures %s", resume ? "--resume" : "--out", killed,
                 resume ? "" : SGD " --checkpoint-steps 1") == 0);
    TEST(!resume || unfinished(killed, 0) == 1);
    expect_same(whole, killed, false);
}

/* Ctrl-C: the step is finished and saved, the exit code says that the run is not complete. */
static void test_interrupted(void)
{
    char whole[128], stopped[128];
    int status = 0;
    run_whole(whole, sizeof whole);
    for (int attempt = 0; attempt < 10 && status == 0; attempt++) { /* a run may end before the signal */
        test_directory(stopped, sizeof stopped);
        const pid_t child = start_program(stopped, false);
        while (!has_checkpoint(stopped) && waitpid(child, &status, WNOHANG) == 0) usleep(100);
        kill(child, SIGINT);
        waitpid(child, &status, 0);
    }
    TEST(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    TEST(unfinished(stopped, 0) == 0);
    TEST(program("train --resume '%s' --quiet --no-figures", stopped) == 0);
    expect_same(whole, stopped, false);
}

/* ---- Held-out images, and the files for other commands ---- */

/* The number in the last row of metrics.csv below a name. */
static double last_number(const char *directory, const char *name)
{
    static char text[BUFFER];
    char path[256];
    snprintf(path, sizeof path, "%s/metrics.csv", directory);
    FILE *stream = fopen(path, "r");
    if (!stream) return NAN;
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    char *row = strrchr(text, '\n');
    if (row) *row = '\0';
    row = strrchr(text, '\n');
    if (!row) return NAN;
    text[strcspn(text, "\n")] = '\0';
    const size_t length = strlen(name);
    const char *head = text, *value = row + 1;
    while (strncmp(head, name, length) != 0 || (head[length] != ',' && head[length] != '\0')) {
        head = strchr(head, ',');
        value = strchr(value, ',');
        if (!head || !value) return NAN;
        head++;
        value++;
    }
    return strtod(value, NULL);
}

static double json_number(const char *text, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

/* What the trainer wrote down of a set is what the other commands find in its features. */
static void check_features(const char *directory, const char *set, const char *file)
{
    static const char *const names[] = {"nc1", "nc2", "nc3", "nc4", "cdnv"};
    char column[64];
    TEST(program("metrics '%s/%s' --json", directory, file) == 0);
    for (int i = 0; i < 5; i++) {
        snprintf(column, sizeof column, "%s_%s", set, names[i]);
        test_close(column, last_number(directory, column), json_number(out, names[i]), 1e-9);
    }
    TEST(program("certify '%s/%s' --json", directory, file) == 0);
    TEST(strstr(out, "\"verdict\"") && json_number(out, "gap") > 0);
    snprintf(column, sizeof column, "%s_loss", set);
    TEST(json_number(out, "objective") > last_number(directory, column));
    TEST(program("decode '%s/%s' --reference '%s/features.h5' --json", directory, file, directory) == 0);
    snprintf(column, sizeof column, "%s_mass", set);
    test_close(column, last_number(directory, column), json_number(out, "softmax_mass"), 1e-9);
}

static void test_held_out(void)
{
    char both[128], alone[128];
    test_directory(both, sizeof both);
    test_directory(alone, sizeof alone);
    TEST(program("train " ADAM " --held-out synthetic --out '%s'", both) == 0);
    TEST(program("train " ADAM " --out '%s'", alone) == 0);
    int64_t n = 0, m = 0;
    double *x = read_state(both, "parameters", &n), *y = read_state(alone, "parameters", &m);
    TEST(x && y && n == m && memcmp(x, y, (size_t)n * sizeof *x) == 0); /* it is only measured */
    ufm_free(x);
    ufm_free(y);
    check_features(both, "train", "features.h5");
    check_features(both, "held_out", "features-held-out.h5");
    TEST(last_number(both, "train_nc1") == last_number(alone, "train_nc1"));
    TEST(last_number(both, "held_out_nc1") > 0 && !(last_number(alone, "held_out_nc1") > 0));
    TEST(program("train --resume '%s' --quiet --no-figures --held-out synthetic", alone) == 2);
    TEST(strstr(err, "same data") != NULL);
}

/* ---- The figure of a run ---- */

static bool file_says(const char *directory, const char *name, const char *words)
{
    char command[600];
    snprintf(command, sizeof command, "grep -q '%s' '%s/figures/%s'", words, directory, name);
    return system(command) == 0;
}

static void test_figure(void)
{
    static const char settings[] = "--data synthetic --classes 3 --samples 1:5,2:4 --arch mlp --width 0.03 "
                                   "--size 6 --batch 8 --epochs 3 --engine twin";
    char directory[128];
    test_directory(directory, sizeof directory);
    TEST(program("train %s --held-out synthetic --out '%s'", settings, directory) == 0 && err[0] == '\0');
    TEST(file_says(directory, "training.svg", "NCm(2)") && file_says(directory, "training.svg", "held-out"));
    TEST(file_says(directory, "training.pdf", "PDF") && file_says(directory, "training.png", "PNG"));
    TEST(!file_says(directory, "training.svg", "not measured"));
    TEST(program("train %s --measure-every 0 --quiet --out '%s'", settings, directory) == 0);
    TEST(file_says(directory, "training.svg", "not measured") && err[0] == '\0');
    TEST(!file_says(directory, "training.svg", "held-out"));
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

/* The classifier's squared error explodes under such a rate, after epochs whose numbers are large but finite:
 * the last of their checkpoints stays, and leads to the same end. */
static void test_diverged(void)
{
    char directory[128], step[64];
    test_directory(directory, sizeof directory);
    TEST(program("train --data synthetic --classes 3 --samples 1:5,2:4 --arch mlp --width 0.03 --size 6 "
                 "--batch 8 --engine twin --loss pal-mse --rate 100 --epochs 400 --measure-every 0 --quiet "
                 "--out '%s'",
                 directory) == 1);
    TEST(strstr(err, "not finite") != NULL && strstr(err, "--rate") != NULL && strstr(err, "checkpoint.h5"));
    TEST(strchr(err, '\n') == err + strlen(err) - 1);
    static const char *const names[] = {"parameters", "moment1", "running", "place"};
    for (int v = 0; v < 4; v++) {
        int64_t n = 0;
        double *x = read_state(directory, names[v], &n);
        CU_ASSERT_FATAL(x != NULL);
        for (int64_t i = 0; i < n; i++) CU_ASSERT(isfinite(x[i]));
        if (v == 3) TEST(x[0] > 0 && x[2] > 0);
        ufm_free(x);
    }
    const char *word = strstr(err, "in step ");
    snprintf(step, sizeof step, "%.*s", word ? (int)strcspn(word + 8, " ") + 8 : 0, word ? word : "");
    TEST(program("train --resume '%s' --quiet --no-figures", directory) == 1);
    TEST(word && strstr(err, step) != NULL);
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
        char arguments[256];
        snprintf(arguments, sizeof arguments, "train %s", rows[i].arguments);
        test_refusal(arguments, rows[i].words);
    }
}

/* What is printed before a run is what the run then reports. */
static void test_plan(void)
{
    char directory[128];
    test_directory(directory, sizeof directory);
    TEST(program("train --arch help") == 0 && strstr(out, "vgg19") && strstr(out, "11172810"));
    TEST(program("train --arch help --json") == 0 && json_number(out, "trainable_parameters") > 0);
    TEST(program("train --dry-run " BARE " --out '%s/run'", directory) == 0);
    TEST(strstr(out, "trainable") && strstr(out, "convolution") && strstr(out, "GiB") &&
         strstr(out, "about"));
    TEST(program("train --dry-run " BARE " --out '%s/run' --json", directory) == 0);
    TEST(test_entries(directory) == 0); /* nothing was started */
    const double parameters = json_number(out, "parameters"), steps = json_number(out, "steps");
    const double trainable = json_number(out, "trainable_parameters"), epochs = json_number(out, "epochs");
    TEST(json_number(out, "memory_bytes") > 8 * parameters && json_number(out, "images_per_second") > 0 &&
         json_number(out, "seconds") > 0);
    TEST(program("train " BARE " --json") == 0);
    TEST(json_number(out, "parameters") == parameters && json_number(out, "steps") == steps);
    TEST(json_number(out, "trainable_parameters") == trainable && json_number(out, "epochs") == epochs);
}

static const test_case cases[] = {
    {"resume", test_resume},           {"killed", test_killed},     {"killed_writing", test_killed_writing},
    {"interrupted", test_interrupted}, {"held_out", test_held_out}, {"figure", test_figure},
    {"schedule", test_schedule},       {"shuffle", test_shuffle},   {"diverged", test_diverged},
    {"refused", test_refused},         {"plan", test_plan},         {NULL, NULL}};
const test_suite suite_train = {"train", cases};
