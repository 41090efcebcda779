#include "test.h"
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void test_close(const char *what, double actual, double expected, double tolerance)
{
    const double error = fabs(actual - expected);
    const bool ok = error <= tolerance * fmax(1, fabs(expected));
    if (!ok)
        fprintf(stderr, "  %s: %.17g instead of %.17g (error %.3g, tolerance %.3g)\n", what, actual, expected,
                error, tolerance);
    CU_ASSERT(ok);
}

void test_at_most(const char *what, double value, double bound)
{
    const bool ok = value <= bound;
    if (!ok) fprintf(stderr, "  %s: %.17g exceeds %.17g\n", what, value, bound);
    CU_ASSERT(ok);
}

void test_worst(const char *name, double error, double tolerance)
{
    printf(" [%s: worst error %.2e] ", name, error);
    test_at_most(name, error, tolerance);
}

bool test_fast(void)
{
    return getenv("UFMLAB_TEST_FAST") != NULL;
}

const char *test_data(void)
{
    return getenv("UFMLAB_DATA");
}

static char scratch_directory[64];

static void remove_scratch(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_directory);
    if (system(command) != 0) fprintf(stderr, "cannot remove %s\n", scratch_directory);
}

const char *test_path(const char *suffix)
{
    enum { RING = 8 };
    static char paths[RING][128];
    static int next;
    if (!scratch_directory[0]) {
        strcpy(scratch_directory, "/tmp/ufmlab-test-XXXXXX");
        if (!mkdtemp(scratch_directory)) abort();
        atexit(remove_scratch);
    }
    char *path = paths[next % RING];
    snprintf(path, sizeof paths[0], "%s/%d%s", scratch_directory, next++, suffix);
    return path;
}

const char *test_file(const char *suffix, const char *text)
{
    const char *path = test_path(suffix);
    FILE *stream = fopen(path, "wb");
    if (!stream) abort();
    const size_t length = strlen(text);
    if (fwrite(text, 1, length, stream) != length || fclose(stream) != 0) abort();
    return path;
}

void test_directory(char *path, size_t size)
{
    snprintf(path, size, "%s", test_path(" d"));
    if (mkdir(path, 0777) != 0) abort();
}

int test_entries(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) return -1;
    int count = 0;
    while (readdir(directory)) count++;
    closedir(directory);
    return count - 2; /* not . and .. */
}

static void read_back(const char *path, char *buffer, size_t size)
{
    if (!buffer || size == 0) return;
    buffer[0] = '\0';
    FILE *stream = fopen(path, "rb");
    if (!stream) return;
    buffer[fread(buffer, 1, size - 1, stream)] = '\0';
    fclose(stream);
}

int test_program(const char *arguments, char *out, char *err, size_t size)
{
    const char *program = getenv("UFMLAB");
    char out_path[128], err_path[128], command[4096];
    snprintf(out_path, sizeof out_path, "%s", test_path(".out"));
    snprintf(err_path, sizeof err_path, "%s", test_path(".err"));
    snprintf(command, sizeof command, "'%s' %s > '%s' 2> '%s' < /dev/null",
             program ? program : "build/bin/ufmlab", arguments, out_path, err_path);
    const int status = system(command);
    read_back(out_path, out, size);
    read_back(err_path, err, size);
    unlink(out_path);
    unlink(err_path);
    if (WIFSIGNALED(status)) return -WTERMSIG(status);
    return WEXITSTATUS(status);
}

int test_run(char *out, char *err, size_t size, const char *format, ...)
{
    char arguments[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(arguments, sizeof arguments, format, list);
    va_end(list);
    return test_program(arguments, out, err, size);
}

const char *test_refusal(const char *arguments, const char *words)
{
    static char out[4096], err[4096];
    const int code = test_program(arguments, out, err, sizeof out);
    const char *end = strchr(err, '\n');
    const bool ok = code == 2 && strncmp(err, "ufmlab: ", 8) == 0 && end && end[1] == '\0' &&
                    out[0] == '\0' && strstr(err, words) != NULL;
    if (!ok) fprintf(stderr, "  '%s': exit %d, wanted '%s' in: %s\n", arguments, code, words, err);
    CU_ASSERT(ok);
    return err;
}
