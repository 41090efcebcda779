/* Label files far larger than the memory that the program may use for them: 50 MB of ARFF, 110 MB of COCO. */
#include "test.h"
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sample i has the tags i mod 7 and 7 + (i/7 mod 5) of 12, but every tenth sample has none. All 35 pairs
 * occur. */
enum { CLASSES = 12, TAG_SETS = 35 };
static bool labelled(int sample)
{
    return sample % 10 != 9;
}
static bool has_tag(int sample, int tag)
{
    return labelled(sample) && (tag == sample % 7 || tag == 7 + sample / 7 % 5);
}

/* What the sanitizer remembers of freed blocks counts as memory of the process. */
static bool memory_is_measurable(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return false;
#else
    return true;
#endif
#else
    return true;
#endif
}

/* Resident bytes of this process when it has given back what it does not need. A child has them too until it
 * becomes another program, and its maximum remembers that. */
static int64_t own_resident(void)
{
    long long pages = 0;
    malloc_trim(0);
    FILE *stream = fopen("/proc/self/statm", "r");
    if (!stream || fscanf(stream, "%*d %lld", &pages) != 1) pages = 0;
    if (stream) fclose(stream);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Runs the program; the largest resident set in bytes, negative when it does not end with 0. */
static int64_t run_measured(char *const arguments[], const char *out)
{
    const char *program = getenv("UFMLAB");
    int status = 0;
    struct rusage usage;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(fd, STDOUT_FILENO);
        execv(program ? program : "build/bin/ufmlab", arguments);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? (int64_t)usage.ru_maxrss * 1024 : -1;
}

static bool key_is(const char *json, const char *key, int value)
{
    char pair[64];
    snprintf(pair, sizeof pair, "\"%s\": %d,", key, value);
    const bool found = strstr(json, pair) != NULL;
    if (!found) fprintf(stderr, "  no %s in %s\n", pair, json);
    return found;
}

/* The program itself takes about 15 MiB, more on a machine of many cores; these labels less than one. */
static void check_reading(const char *path, char *option, char *argument, int samples)
{
    const double bound = fmax(48.0 * 1024 * 1024, 1.05 * (double)own_resident());
    char file[128], out[128], json[8192] = "";
    snprintf(file, sizeof file, "%s", path);
    snprintf(out, sizeof out, "%s", test_path(".out"));
    char *const arguments[] = {"ufmlab",
                               "solve",
                               "--labels",
                               file,
                               "--duplicates",
                               "merge",
                               "--dim",
                               "1",
                               "--max-iterations",
                               "0",
                               "--json",
                               "--quiet",
                               "--threads",
                               "1",
                               option,
                               argument,
                               NULL};
    const int64_t resident = run_measured(arguments, out);
    TEST(resident > 0);
    FILE *stream = fopen(out, "r");
    if (!stream || fread(json, 1, sizeof json - 1, stream) == 0) TEST(false);
    if (stream) fclose(stream);
    TEST(key_is(json, "classes", CLASSES) && key_is(json, "features", TAG_SETS));
    TEST(key_is(json, "samples_total", samples - samples / 10));
    TEST(key_is(json, "unlabelled_dropped", samples / 10));
    printf(" [%.1f MiB resident] ", (double)resident / (1024 * 1024));
    if (memory_is_measurable()) test_at_most("bytes resident", (double)resident, bound);
    unlink(out);
    unlink(file);
}

static void test_large_arff(void)
{
    enum { SAMPLES = 5000, FEATURES = 2000 };
    if (test_fast()) return;
    const char *path = test_path(".arff");
    FILE *stream = fopen(path, "w");
    fputs("@relation large\n", stream);
    for (int f = 0; f < FEATURES; f++) fprintf(stream, "@attribute feature%d numeric\n", f);
    for (int k = 0; k < CLASSES; k++) fprintf(stream, "@attribute label%d {0,1}\n", k);
    fputs("@data\n", stream);
    for (int i = 0; i < SAMPLES; i++) {
        for (int f = 0; f < FEATURES; f++) fputs(f % 2 ? "-.25," : "1e-3,", stream);
        for (int k = 0; k < CLASSES; k++) fprintf(stream, "%s%d", k ? "," : "", has_tag(i, k));
        fputs("\n", stream);
    }
    TEST(ftell(stream) > 50 * 1000 * 1000);
    fclose(stream);
    check_reading(path, "--label-columns", "last:12", SAMPLES);
}

/* Seven annotations for each image, each with an outline of 5 kB; the categories come last, as in real files.
 */
static void test_large_coco(void)
{
    enum { SAMPLES = 3000, REPEATS = 7, OUTLINE = 440 };
    if (test_fast()) return;
    const char *path = test_path(".json");
    FILE *stream = fopen(path, "w");
    fputs("{\"info\": {}, \"images\": [", stream);
    for (int i = 0; i < SAMPLES; i++) fprintf(stream, "%s{\"id\": %d}", i ? ", " : "", 3 * i + 5);
    fputs("], \"annotations\": [", stream);
    const char *comma = "";
    for (int n = 0; n < SAMPLES * REPEATS; n++) {
        const int sample = n % SAMPLES;
        for (int k = 0; k < CLASSES; k++) {
            if (!has_tag(sample, k) || (k < 7) != (n / SAMPLES % 2 == 0)) continue;
            fprintf(stream, "%s{\"segmentation\": [[0", comma);
            for (int p = 0; p < OUTLINE; p++) fputs(",473.07,39.5", stream);
            fprintf(stream, "]], \"image_id\": %d, \"category_id\": %d}", 3 * sample + 5, 2 * k + 1);
            comma = ", ";
        }
    }
    fputs("], \"categories\": [", stream);
    for (int k = 0; k < CLASSES; k++) fprintf(stream, "%s{\"id\": %d}", k ? ", " : "", 2 * k + 1);
    fputs("]}", stream);
    TEST(ftell(stream) > 100 * 1000 * 1000);
    fclose(stream);
    check_reading(path, "--unlabelled", "drop", SAMPLES);
}

static const test_case cases[] = {
    {"large_arff", test_large_arff},
    {"large_coco", test_large_coco},
    {NULL, NULL},
};
const test_suite suite_streaming = {"streaming", cases};
