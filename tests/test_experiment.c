/* Experiments: files and what is wrong with them, collection, and runs that are killed. */
#include "test.h"
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ufmlab/experiment.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { BUFFER = 16384 };
static char out[BUFFER], err[BUFFER];
#define program(...) test_run(out, err, BUFFER, __VA_ARGS__)

/* A whole file, smallest networks; what the tests break in it. */
#define TOP                                                                                                  \
    "title: Smallest\nfigure: none\nclaim: that it runs\nplot: experiment-curves\n"                          \
    "quantities: [train_nc1, train_ncm_2]\nmeasures: [objective, groups, decoders, parameters, gram]\n"      \
    "theory: [ufm, ufm-nonnegative, closed-form]\nverdict: open\n"
#define PRESET(name)                                                                                         \
    name ":\n  pixels: noise\n  seeds: [1, 2]\n"                                                             \
         "  train: --width 0.03 --size 6 --batch 8 --epochs 4 --engine twin --checkpoint-steps 1\n"          \
         "  sets:\n  - name: noise\n    make: --set synthetic --classes 3 --samples 1:5,2:4 --size 6\n"      \
         "  runs:\n  - label: One net\n    data: noise\n    train: --feature-decay-batch 1e-2\n"
static const char good[] = TOP PRESET("desk") PRESET("paper");

static void test_read(void)
{
    ufm_experiment *e = NULL;
    ufm_error error = {{0}};
    TEST_OK(ufm_experiment_read(test_file(".yaml", good), &e, &error));
    CU_ASSERT_FATAL(e != NULL);
    const ufm_experiment_preset *desk = e->preset[UFM_EXPERIMENT_DESK];
    TEST(strcmp(e->title, "Smallest") == 0 && e->quantities == 2 && e->verdict == UFM_EXPERIMENT_OPEN);
    TEST(strcmp(e->quantity[1], "train_ncm_2") == 0 && e->result == NULL);
    TEST(e->measures ==
         (UFM_EXPERIMENT_BIT(OBJECTIVE) | UFM_EXPERIMENT_BIT(GROUPS) | UFM_EXPERIMENT_BIT(DECODERS) |
          UFM_EXPERIMENT_BIT(PARAMETERS) | UFM_EXPERIMENT_BIT(GRAM)));
    TEST(e->theory ==
         (UFM_EXPERIMENT_BIT(UFM) | UFM_EXPERIMENT_BIT(NONNEGATIVE) | UFM_EXPERIMENT_BIT(CLOSED_FORM)));
    TEST(desk->seeds == 2 && desk->seed[1] == 2 && desk->runs == 1 && desk->sets == 1);
    TEST(desk->run[0].held_out == NULL && ufm_experiment_find_set(desk, "noise") == desk->set);
    TEST(ufm_experiment_find_set(desk, "nois") == NULL);
    ufm_experiment_free(e);
}

/* The good file with one piece replaced at its first occurrence. */
static const char *broken(const char *piece, const char *other)
{
    static char text[BUFFER];
    const char *at = strstr(good, piece);
    CU_ASSERT_FATAL(at != NULL);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, other, at + strlen(piece));
    return text;
}

/* Every kind of mistake, with its line. */
static void test_refused(void)
{
    static const struct {
        const char *piece, *other, *words;
    } rows[] = {{"claim:", "clam:", ":3: Unexpected key: clam"},
                {"verdict: open\n", "", "Missing required mapping field: verdict"},
                {"verdict: open", "verdict: perhaps", ":8: "},
                {"[objective, groups,", "[objective, group,", ":6: "},
                {"theory: [ufm,", "theory: [ufn,", ":7: "},
                {"  seeds: [1, 2]", "  seeds: [1, two]", ":11: "},
                {"  seeds: [1, 2]", "  seeds: []", ":11: "},
                {"  seeds: [1, 2]", "  seeds: [1, -2]", ":11: "},
                {"    data: noise", "    data: nose", ":18: 'nose' is no name"},
                {"    data: noise", "    dat: noise", ":18: Unexpected key: dat"},
                {"  - label: One net\n    data: noise\n",
                 "  - label: One net\n    data: noise\n  - label: One net\n    data: noise\n",
                 "two runs are labelled"},
                {"  - name: noise", "  - name: No/ise", ":14: "},
                {"title: Smallest", "title: Smallest\ntitle: Again", "already seen"},
                {"title: Smallest", "title: [Small", ":"},
                {"title: Smallest", "title:\tx: y", ":1: "},
                {"train_ncm_2]", "held_out_nc1]", ":17: held_out_nc1 needs held-out samples"},
                {"paper:", "pper:", "Unexpected key: pper"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ufm_experiment *e = NULL;
        ufm_error error = {{0}};
        const char *path = test_file(".yaml", broken(rows[i].piece, rows[i].other));
        TEST(ufm_experiment_read(path, &e, &error) == UFM_ERROR_INPUT && e == NULL);
        const bool right = strncmp(error.text, path, strlen(path)) == 0 && strstr(error.text, rows[i].words);
        if (!right) fprintf(stderr, "  wanted '%s' in: %s\n", rows[i].words, error.text);
        CU_ASSERT(right);
    }
    ufm_experiment *e = NULL;
    TEST(ufm_experiment_read(test_file(".yaml", ""), &e, NULL) == UFM_ERROR_INPUT);
    TEST(ufm_experiment_read("/nonexistent.yaml", &e, NULL) == UFM_ERROR_IO);
}

/* The program refuses what its own children would: options that do not exist, with their line. */
static void test_options(void)
{
    static const struct {
        const char *piece, *other, *words;
    } rows[] = {
        {"--width 0.03", "--widht 0.03", ":12: train: train: unknown option --widht"},
        {"--size 6\n  runs", "--sizes 6\n  runs", ":15: make: data: unknown option --sizes"},
        {"--feature-decay-batch 1e-2", "--feature-decay-batch x", ":19: train: --feature-decay-batch x"},
        {"--feature-decay-batch 1e-2", "--seed 3", ":19: train: "},
        {"--feature-decay-batch 1e-2", "--out x", ":19: train: "}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments, "experiment '%s' --out '%s'",
                 test_file(".yaml", broken(rows[i].piece, rows[i].other)), test_path(" d"));
        test_refusal(arguments, rows[i].words);
    }
    test_refusal("experiment nonexistent", "nonexistent.yaml");
    test_refusal("experiment x.yaml --preset tiny", "desk and paper");
}

/* ---- Collecting ---- */

static void test_columns(void)
{
    static const char csv[] = "epoch,step,train_nc1,x\n0,0,2.5,7\n1,10,,8\n2,20,0.5,9\n";
    static const char *const names[] = {"epoch", "train_nc1"}, *const missing[] = {"epoch", "train_nc9"};
    ufm_columns read = {0};
    ufm_error error = {{0}};
    TEST_OK(ufm_columns_read(test_file(".csv", csv), 2, names, &read, &error));
    CU_ASSERT_FATAL(read.rows == 3 && read.columns == 2);
    TEST(read.value[0] == 0 && read.value[1] == 2.5 && read.value[2] == 1 && isnan(read.value[3]));
    TEST(read.value[4] == 2 && read.value[5] == 0.5);
    ufm_columns_free(&read);
    TEST(ufm_columns_read(test_file(".csv", csv), 2, missing, &read, &error) == UFM_ERROR_INPUT);
    TEST(strstr(error.text, ":1: there is no column train_nc9") != NULL);
    static const char *const bad[] = {"", "epoch,train_nc1\n1\n", "epoch,train_nc1\n1,2,3\n",
                                      "epoch,train_nc1\n1,two\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TEST(ufm_columns_read(test_file(".csv", bad[i]), 2, names, &read, NULL) == UFM_ERROR_INPUT);
}

static void test_band(void)
{
    const double value[] = {3, NAN, -1, 10};
    const ufm_band band = ufm_band_of(4, value), none = ufm_band_of(1, value + 1),
                   nothing = ufm_band_of(0, value);
    TEST(band.count == 3 && band.mean == 4 && band.low == -1 && band.high == 10);
    TEST(none.count == 0 && isnan(none.mean) && isnan(none.low) && isnan(none.high) && nothing.count == 0);
}

static void test_number(void)
{
    const char *path =
        test_file(".json", "{\"a\": 1, \"metrics\": {\"nc1\": 0.5, \"ncm\": {\"2\": -3e-2, \"3\": null}}, "
                           "\"list\": [{\"a\": 9}], \"on\": true, \"off\": false, \"text\": \"7\"}");
    static const struct {
        const char *keys;
        double value;
    } rows[] = {{"a", 1}, {"metrics.nc1", 0.5}, {"metrics.ncm.2", -0.03}, {"on", 1}, {"off", 0}};
    static const char *const none[] = {"metrics.ncm.3", "nc1",  "metrics", "metrics.nc",
                                       "metrics.nc1.x", "text", "list.a",  ""};
    double value;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TEST_OK(ufm_experiment_number(path, rows[i].keys, &value, NULL));
        TEST(value == rows[i].value);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        TEST_OK(ufm_experiment_number(path, none[i], &value, NULL));
        TEST(isnan(value));
    }
    TEST(ufm_experiment_number(test_file(".json", "{\"a\": "), "a", &value, NULL) == UFM_ERROR_INPUT);
}

/* ---- Runs ---- */

/* Mean, low or high (column 4, 5, 6) of the last row that begins so; NaN: there is none. */
static double cell(const char *csv, const char *begin, int column)
{
    double found = NAN;
    FILE *stream = fopen(csv, "r");
    char line[512];
    while (stream && fgets(line, sizeof line, stream)) {
        if (strncmp(line, begin, strlen(begin)) != 0) continue;
        const char *at = line;
        for (int c = 0; c < column && at; c++) at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
        if (at) found = strtod(at, NULL);
    }
    if (stream) fclose(stream);
    return found;
}

static bool same_file(const char *a, const char *b, const char *name)
{
    char command[600];
    snprintf(command, sizeof command, "cmp -s '%s/%s' '%s/%s'", a, name, b, name);
    return system(command) == 0;
}

/* The number in the last row of a run's metrics.csv. */
static double last_of(const char *directory, int seed, const char *name)
{
    char path[300];
    const char *names[] = {name};
    ufm_columns read = {0};
    snprintf(path, sizeof path, "%s/e/desk/One-net/seed-%d/metrics.csv", directory, seed);
    if (ufm_columns_read(path, 1, names, &read, NULL) != UFM_OK) return NAN;
    const double value = read.rows > 0 ? read.value[read.rows - 1] : NAN;
    ufm_columns_free(&read);
    return value;
}

/* A file e.yaml in a directory of its own. */
static void write_good(char path[160])
{
    char directory[128];
    test_directory(directory, sizeof directory);
    snprintf(path, 160, "%s/e.yaml", directory);
    FILE *stream = fopen(path, "w");
    CU_ASSERT_FATAL(stream != NULL);
    fputs(good, stream);
    fclose(stream);
}

/* Whether the kept manifest of seed 1 has these words. */
static bool contains(const char *directory, const char *words)
{
    char path[300], text[BUFFER] = "";
    snprintf(path, sizeof path, "%s/results/e/One-net/seed-1/manifest.json", directory);
    FILE *stream = fopen(path, "r");
    if (stream) text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    if (stream) fclose(stream);
    return strstr(text, words) != NULL;
}

static void test_whole(void)
{
    char yaml[160], directory[128], csv[200];
    write_good(yaml);
    test_directory(directory, sizeof directory);
    snprintf(csv, sizeof csv, "%s/results/e.csv", directory);
    char *data = getenv("UFMLAB_DATA") ? strdup(getenv("UFMLAB_DATA")) : NULL;
    setenv("UFMLAB_DATA", directory, 1); /* whose name the kept files have instead of its path */
    TEST(program("experiment '%s' --out '%s' --quiet", yaml, directory) == 0);
    if (data) setenv("UFMLAB_DATA", data, 1);
    if (!data) unsetenv("UFMLAB_DATA");
    free(data);
    TEST(contains(directory, "$UFMLAB_DATA/e/desk/sets/noise.h5") && !contains(directory, directory));
    /* Bands by hand. */
    const double a = last_of(directory, 1, "train_ncm_2"), b = last_of(directory, 2, "train_ncm_2");
    TEST(isfinite(a) && isfinite(b) && a != b);
    test_close("mean", cell(csv, "network,\"One net\",train_ncm_2,", 4), (a + b) / 2, 1e-9);
    test_close("low", cell(csv, "network,\"One net\",train_ncm_2,", 5), fmin(a, b), 1e-9);
    test_close("high", cell(csv, "network,\"One net\",train_ncm_2,", 6), fmax(a, b), 1e-9);
    /* 5 samples of each of 3 classes and 4 of each of 3 pairs: the closed form for the lambdas that the
     * decays are, asked for by hand: 5e-4/2, and 1e-2 * 8 / 27. */
    TEST(program("predict --classes 3 --samples 1:5,2:4 --lambda-w 2.5e-4 --lambda-b 2.5e-4 --lambda-h %.17g "
                 "--json",
                 1e-2 * 8 / 27) == 0);
    const char *at = strstr(out, "\"objective\":");
    const double closed = at ? strtod(at + strlen("\"objective\":"), NULL) : NAN;
    test_close("closed form", cell(csv, "closed-form,\"One net\",objective,", 4), closed, 1e-9);
    test_close("UFM", cell(csv, "ufm,\"One net\",objective,", 4), closed, 1e-9);
    test_at_most("UFM's gap", cell(csv, "ufm,\"One net\",relative_gap,", 4), 1e-9);
    test_at_most("UFM's NCm", cell(csv, "ufm,\"One net\",ncm@4,", 4), 1e-6);
    /* The optimum's W W^T is that of a simplex: the distance from it is NC2. */
    test_close("Gram", cell(csv, "ufm,\"One net\",gram_distance,", 4),
               (last_of(directory, 1, "train_nc2") + last_of(directory, 2, "train_nc2")) / 2, 1e-6);
    TEST(cell(csv, "ufm-nonnegative,\"One net\",objective,", 4) > closed);
    TEST(cell(csv, "network,\"One net\",objective,", 5) > closed);
    /* Balanced pairs are one group: its NCm is the NCm. */
    test_close("group", cell(csv, "network,\"One net\",ncm@4,", 4), (a + b) / 2, 1e-6);
    TEST(cell(csv, "network,\"One net\",top_k.exact_match,", 4) >= 0);
    TEST(cell(csv, "network,\"One net\",trainable_parameters,", 4) > 0);
    TEST(cell(csv, "network,\"One net\",parameters_saved_percent,", 4) == 0);
    /* Nothing is left to be done, and the same comes out. */
    TEST(program("experiment '%s' --out '%s' --dry-run --json", yaml, directory) == 0);
    TEST(strstr(out, "\"runs_done\": 2") != NULL && strstr(out, "\"seconds_left\": 0") != NULL);
    /* Other settings are another run. */
    TEST(program("experiment '%s' --out '%s' --quiet --steps 2", yaml, directory) == 0);
    TEST(last_of(directory, 1, "step") == 2);
}

/* Two at once would write the same files. */
static void test_claimed(void)
{
    char yaml[160], directory[128], work[200], arguments[400];
    int claim = -1;
    write_good(yaml);
    test_directory(directory, sizeof directory);
    snprintf(work, sizeof work, "%s/e/desk", directory);
    TEST_OK(ufm_claim_directory(work, &claim, NULL));
    snprintf(arguments, sizeof arguments, "experiment '%s' --out '%s' --quiet", yaml, directory);
    test_refusal(arguments, "another program is working there");
    ufm_release_directory(claim);
    snprintf(work, sizeof work, "%s/run", directory);
    TEST_OK(ufm_claim_directory(work, &claim, NULL));
    snprintf(arguments, sizeof arguments,
             "train --data synthetic --classes 2 --samples 1:2 --size 6 --arch mlp --epochs 1 --out '%s'",
             work);
    test_refusal(arguments, "another program is working there");
    ufm_release_directory(claim);
}

static pid_t start(const char *yaml, const char *directory)
{
    const char *path = getenv("UFMLAB");
    char command[1024];
    snprintf(command, sizeof command, "exec '%s' experiment '%s' --out '%s' --quiet > /dev/null 2>&1",
             path ? path : "build/bin/ufmlab", yaml, directory);
    char *const argv[] = {"sh", "-c", command, NULL};
    extern char **environ;
    pid_t child = -1;
    CU_ASSERT_FATAL(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0);
    return child;
}

/* Killed or interrupted in its first training, it goes on to bitwise the same. */
static void stopped_by(int number, const char *yaml, const char *whole)
{
    char stopped[128], checkpoint[200];
    int status = 0;
    for (int attempt = 0; attempt < 10 && WIFEXITED(status) && WEXITSTATUS(status) == 0; attempt++) {
        test_directory(stopped, sizeof stopped);
        snprintf(checkpoint, sizeof checkpoint, "%s/e/desk/One-net/seed-1/checkpoint.h5", stopped);
        const pid_t child = start(yaml, stopped);
        while (access(checkpoint, F_OK) != 0 && waitpid(child, &status, WNOHANG) == 0) usleep(100);
        kill(child, number);
        waitpid(child, &status, 0);
    }
    if (number == SIGKILL) {
        TEST(WIFSIGNALED(status));
    } else {
        TEST(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
    TEST(program("experiment '%s' --out '%s' --quiet", yaml, stopped) == 0);
    TEST(same_file(whole, stopped, "results/e.csv"));
    TEST(same_file(whole, stopped, "e/desk/One-net/seed-1/metrics.csv"));
    TEST(same_file(whole, stopped, "e/desk/One-net/seed-2/features.h5"));
}

static void test_stopped(void)
{
    char yaml[160], whole[128];
    write_good(yaml);
    test_directory(whole, sizeof whole);
    TEST(program("experiment '%s' --out '%s' --quiet", yaml, whole) == 0);
    stopped_by(SIGKILL, yaml, whole);
    stopped_by(SIGINT, yaml, whole);
}

static void test_list(void)
{
    TEST(program("experiment --json") == 0 && strstr(out, "\"experiments\":") &&
         strstr(out, "\"runs_done\""));
    TEST(program("experiment") == 0 && strstr(out, "NAME"));
}

/* The table goes between its marks; what is around it stays. */
static void test_readme(void)
{
    char path[128], text[BUFFER], arguments[200];
    snprintf(
        path, sizeof path, "%s",
        test_file(".md", "before\n<!-- experiments: begin -->\nOLD\n<!-- experiments: end -->\nafter\n"));
    for (int round = 0; round < 2; round++) {
        TEST(program("experiment --readme '%s'", path) == 0);
        FILE *stream = fopen(path, "r");
        CU_ASSERT_FATAL(stream != NULL);
        text[fread(text, 1, sizeof text - 1, stream)] = '\0';
        fclose(stream);
        TEST(strncmp(text, "before\n<!--", 11) == 0 && strstr(text, "| verdict |") && !strstr(text, "OLD"));
        TEST(strstr(text, "experiments: end -->\nafter\n") != NULL);
    }
    static const char *const bad[] = {"nothing\n", "<!-- experiments: begin -->\nopen\n"};
    for (int i = 0; i < 2; i++) {
        snprintf(arguments, sizeof arguments, "experiment --readme '%s'", test_file(".md", bad[i]));
        test_refusal(arguments, "must mark the place");
    }
}

static const test_case cases[] = {
    {"read", test_read},       {"refused", test_refused}, {"options", test_options},
    {"columns", test_columns}, {"band", test_band},       {"number", test_number},
    {"whole", test_whole},     {"claimed", test_claimed}, {"stopped", test_stopped},
    {"list", test_list},       {"readme", test_readme},   {NULL, NULL}};
const test_suite suite_experiment = {"experiment", cases};
