/* The output half of module io: atomic files, JSON, HDF5. */
#include "test.h"
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

/* ---- Helpers ------------------------------------------------------------------------------------ */

static bool content_is(const char *path, const char *expected)
{
    char text[4096] = "";
    FILE *stream = fopen(path, "rb");
    if (!stream) return false;
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    return strcmp(text, expected) == 0;
}

static ufm_status write_text(const char *path, const char *text, ufm_error *error)
{
    ufm_output *output;
    const ufm_status status = ufm_output_open(path, &output, error);
    if (status != UFM_OK) return status;
    fputs(text, ufm_output_stream(output));
    return ufm_output_commit(output, error);
}

static bool says(const ufm_error *error, const char *part)
{
    const bool found = strstr(error->text, part) != NULL;
    if (!found) fprintf(stderr, "  \"%s\" lacks \"%s\"\n", error->text, part);
    return found;
}

/* Runs body(argument) in a child and returns its result, -1 when it crashed. The child ends by a signal: at
 * an orderly end, tools that look for leaks would count those of HDF5. */
static int in_child(int (*body)(const char *), const char *argument)
{
    int result = -1, channel[2];
    if (pipe(channel) != 0) return -1;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        result = body(argument);
        if (write(channel[1], &result, sizeof result) == sizeof result) kill(getpid(), SIGKILL);
        _exit(1);
    }
    close(channel[1]);
    if (child < 0 || read(channel[0], &result, sizeof result) != sizeof result) result = -1;
    close(channel[0]);
    if (child > 0) waitpid(child, NULL, 0);
    return result;
}

/* ---- Atomic output ------------------------------------------------------------------------------ */

static void output_replaces_whole_files(void)
{
    char directory[128], path[160];
    ufm_error error;
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/file", directory);
    TEST_OK(write_text(path, "one", &error));
    TEST(content_is(path, "one"));
    ufm_output *output;
    TEST_OK(ufm_output_open(path, &output, &error));
    fputs("two", ufm_output_stream(output));
    fflush(ufm_output_stream(output));
    TEST(content_is(path, "one"));
    TEST_OK(ufm_output_commit(output, &error));
    TEST(content_is(path, "two"));
    TEST_OK(ufm_output_open(path, &output, &error));
    fputs("three", ufm_output_stream(output));
    ufm_output_abort(output);
    ufm_output_abort(NULL);
    TEST(content_is(path, "two"));
    TEST(test_entries(directory) == 1);
}

static void output_permissions(void)
{
    char directory[128], path[160];
    ufm_error error;
    struct stat status;
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/file", directory);
    const mode_t mask = umask(027);
    TEST_OK(write_text(path, "x", &error));
    umask(mask);
    TEST(stat(path, &status) == 0 && (status.st_mode & 0777) == 0640);
    TEST(chmod(path, 0604) == 0);
    TEST_OK(write_text(path, "y", &error));
    TEST(stat(path, &status) == 0 && (status.st_mode & 0777) == 0604);
}

static void output_follows_links(void)
{
    char directory[128], link[160], target[160], broken[160];
    ufm_error error;
    struct stat status;
    test_directory(directory, sizeof directory);
    snprintf(link, sizeof link, "%s/link", directory);
    snprintf(broken, sizeof broken, "%s/second", directory);
    snprintf(target, sizeof target, "%s/target", directory);
    TEST(symlink("second", link) == 0);
    TEST(symlink(target, broken) == 0);
    TEST_OK(write_text(link, "through two links", &error));
    TEST(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));
    TEST(content_is(target, "through two links"));
    TEST(test_entries(directory) == 3);
    TEST(unlink(target) == 0 && symlink("link", target) == 0);
    TEST(write_text(link, "", &error) == UFM_ERROR_IO);
    TEST(says(&error, link) && says(&error, "loop"));
}

static void output_devices(void)
{
    ufm_error error;
    char fifo[160];
    TEST(write_text("/dev/full", "x", &error) == UFM_ERROR_IO);
    TEST(says(&error, "/dev/full: No space left on device; free some space"));
    TEST_OK(write_text("/dev/null", "x", &error));
    TEST_OK(ufm_output_check("/dev/null", &error));
    struct stat status;
    TEST(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
    snprintf(fifo, sizeof fifo, "%s", test_path(".fifo"));
    TEST(mkfifo(fifo, 0600) == 0);
    TEST_OK(ufm_output_check(fifo, &error));
    const int reader = open(fifo, O_RDONLY | O_NONBLOCK);
    TEST_OK(write_text(fifo, "piped", &error));
    char bytes[8] = "";
    TEST(read(reader, bytes, sizeof bytes - 1) == 5 && strcmp(bytes, "piped") == 0);
    close(reader);
    TEST(stat(fifo, &status) == 0 && S_ISFIFO(status.st_mode));
}

/* `--out /dev/stdout > file` must write to that file, not put another in its place. */
static int write_to_descriptor(const char *path)
{
    if (!freopen(path, "w", stdout)) return 1;
    struct stat before, after;
    if (fstat(STDOUT_FILENO, &before) != 0) return 2;
    if (write_text("/dev/stdout", "straight", NULL) != UFM_OK) return 3;
    if (stat(path, &after) != 0 || before.st_ino != after.st_ino) return 4;
    return content_is(path, "straight") ? 0 : 5;
}

static void output_standard_output(void)
{
    TEST(in_child(write_to_descriptor, test_path(".txt")) == 0);
}

static void output_refuses_bad_places(void)
{
    char file[160], below[200], directory[128];
    ufm_error error;
    snprintf(file, sizeof file, "%s", test_file(".txt", "old"));
    snprintf(below, sizeof below, "%s/below", file);
    test_directory(directory, sizeof directory);
    const char *const bad[] = {below, "/proc/nope/file", directory, "", "/nonexistent/directory/file"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ufm_output *output = NULL;
        TEST(ufm_output_check(bad[i], &error) == UFM_ERROR_IO);
        TEST(says(&error, bad[i]) && says(&error, "; "));
        TEST(ufm_output_open(bad[i], &output, &error) == UFM_ERROR_IO);
        TEST(output == NULL);
        ufm_h5 *h5 = NULL;
        TEST(ufm_h5_create(bad[i], &h5, &error) == UFM_ERROR_IO);
        TEST(h5 == NULL && says(&error, bad[i]));
    }
    TEST(test_entries(directory) == 0);
    TEST(content_is(file, "old"));
    ufm_h5 *h5;
    TEST(ufm_h5_create("/dev/full", &h5, &error) == UFM_ERROR_IO && says(&error, "regular file"));
}

static void output_check_leaves_no_trace(void)
{
    char directory[128], path[160];
    ufm_error error;
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/file", directory);
    TEST_OK(ufm_output_check(path, &error));
    TEST(test_entries(directory) == 0);
    TEST_OK(write_text(path, "kept", &error));
    TEST_OK(ufm_output_check(path, &error));
    TEST(test_entries(directory) == 1 && content_is(path, "kept"));
}

/* One at a time; who is killed leaves no claim behind. */
static void claim_directory(void)
{
    char path[128];
    int first = -1, second = -1, state;
    ufm_error error;
    test_directory(path, sizeof path);
    TEST_OK(ufm_claim_directory(path, &first, &error));
    TEST(ufm_claim_directory(path, &second, &error) == UFM_ERROR_IO && second == -1);
    TEST(says(&error, "another program is working there"));
    ufm_release_directory(first);
    const pid_t child = fork();
    if (child == 0) {
        _exit(ufm_claim_directory(path, &first, NULL) == UFM_OK && raise(SIGKILL) ? 1 : 2);
    }
    TEST(waitpid(child, &state, 0) == child && WIFSIGNALED(state));
    TEST_OK(ufm_claim_directory(path, &second, &error));
    ufm_release_directory(second);
    ufm_release_directory(-1);
}

static void make_directory(void)
{
    char directory[128], path[200], file[200];
    ufm_error error;
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/a/b//c/", directory);
    TEST_OK(ufm_make_directory(path, &error));
    TEST_OK(ufm_make_directory(path, &error));
    TEST_OK(ufm_make_directory("/", &error));
    TEST(test_entries(path) == 0);
    snprintf(file, sizeof file, "%s/file", directory);
    TEST_OK(write_text(file, "", &error));
    TEST(ufm_make_directory(file, &error) == UFM_ERROR_IO && says(&error, "not a directory"));
    snprintf(file, sizeof file, "%s/file/below", directory);
    TEST(ufm_make_directory(file, &error) == UFM_ERROR_IO);
    TEST(ufm_make_directory("", &error) == UFM_ERROR_IO);
    TEST(ufm_make_directory("/proc/nope", &error) == UFM_ERROR_IO && says(&error, "/proc/nope"));
}

/* Any file of this process may have at most 64 KiB, which looks like a full disk. */
static void limit_files(void)
{
    const struct rlimit limit = {1 << 16, 1 << 16};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int fill_text(const char *path)
{
    limit_files();
    ufm_error error = {""};
    ufm_output *output;
    if (ufm_output_open(path, &output, &error) != UFM_OK) return 1;
    for (int i = 0; i < 100000; i++) fputs("a line of text\n", ufm_output_stream(output));
    if (ufm_output_commit(output, &error) != UFM_ERROR_IO) return 2;
    return strstr(error.text, path) && strstr(error.text, "File too large") ? 0 : 3;
}

static int fill_hdf5(const char *path)
{
    limit_files();
    ufm_error error = {""};
    ufm_h5 *h5;
    const int64_t n = 1 << 17;
    double *values = ufm_alloc(n, sizeof *values);
    if (!values || ufm_h5_create(path, &h5, &error) != UFM_OK) return 1;
    const ufm_status status = ufm_h5_write_matrix(h5, "a", n / 2, 2, values, &error);
    ufm_free(values);
    /* The commit fails also when the caller overlooked that the writing did. */
    if (ufm_h5_commit(h5, &error) != UFM_ERROR_IO) return 2;
    if (H5close() < 0) return 4;
    return status == UFM_ERROR_IO && strstr(error.text, path) ? 0 : 3;
}

/* Data that only reach the disk when the file is closed. */
static int fill_hdf5_late(const char *path)
{
    limit_files();
    ufm_error error = {""};
    ufm_h5 *h5;
    if (ufm_h5_create(path, &h5, &error) != UFM_OK) return 1;
    for (int64_t i = 0; i < 2000; i++) {
        char name[40];
        snprintf(name, sizeof name, "group%lld/value", (long long)i);
        if (ufm_h5_write_integers(h5, name, 1, &i, &error) != UFM_OK) break;
    }
    if (ufm_h5_commit(h5, &error) != UFM_ERROR_IO) return 2;
    if (H5close() < 0) return 4;
    return strstr(error.text, path) ? 0 : 3;
}

static void full_disk(void)
{
    char directory[128], path[160];
    int (*const fill[])(const char *) = {fill_text, fill_hdf5, fill_hdf5_late};
    for (int i = 0; i < 3; i++) {
        test_directory(directory, sizeof directory);
        snprintf(path, sizeof path, "%s/file", directory);
        TEST_OK(write_text(path, "old", NULL));
        const int code = in_child(fill[i], path);
        if (code != 0) fprintf(stderr, "  case %d: result %d\n", i, code);
        TEST(code == 0);
        TEST(content_is(path, "old") && test_entries(directory) == 1);
    }
}

static void killed_in_the_middle(void)
{
    char directory[128], path[2][160];
    test_directory(directory, sizeof directory);
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d", directory, i);
        TEST_OK(write_text(path[i], "old", NULL));
    }
    int ready[2];
    TEST(pipe(ready) == 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        ufm_output *output;
        ufm_h5 *h5;
        double value = 1;
        if (ufm_output_open(path[0], &output, NULL) != UFM_OK) _exit(1);
        fputs("new", ufm_output_stream(output));
        fflush(ufm_output_stream(output));
        if (ufm_h5_create(path[1], &h5, NULL) != UFM_OK) _exit(1);
        if (ufm_h5_write_vector(h5, "x", 1, &value, NULL) != UFM_OK) _exit(1);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ready[1]);
    char byte;
    TEST(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    TEST(content_is(path[0], "old") && content_is(path[1], "old"));
    TEST_OK(write_text(path[0], "newer", NULL));
    TEST(content_is(path[0], "newer"));
}

/* ---- JSON --------------------------------------------------------------------------------------- */

/* The written text in a buffer, to be released with free. */
static char *written(ufm_json *json)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    TEST_OK(ufm_json_write(json, stream, NULL));
    fclose(stream);
    ufm_json_free(json);
    return text;
}

static const double awkward[] = {
    0.1,       1.0 / 3,     5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
    -0.0,      1e22,        1e-7,   0.87750021094171047,     -123456789012345680.0,
    1 + 1e-15, 1 + 2.3e-16, 3.0,    4503599627370496.5};
enum { AWKWARD = sizeof awkward / sizeof *awkward };

static void json_numbers_round_trip(void)
{
    ufm_json *json = ufm_json_new();
    ufm_rng *rng = ufm_rng_new(11);
    enum { RANDOM = 500 };
    double values[AWKWARD + RANDOM];
    memcpy(values, awkward, sizeof awkward);
    for (int i = AWKWARD; i < AWKWARD + RANDOM; i++)
        values[i] = ufm_rng_gaussian(rng) * exp(200 * ufm_rng_gaussian(rng));
    ufm_json_list(json, "values");
    for (int i = 0; i < AWKWARD + RANDOM; i++) ufm_json_number(json, NULL, values[i]);
    char *text = written(json);
    TEST(strstr(text, " 0.1,") != NULL);
    char *cursor = strchr(text, '[') + 1;
    for (int i = 0; i < AWKWARD + RANDOM; i++) {
        const double back = strtod(cursor, &cursor);
        TEST(memcmp(&back, &values[i], sizeof back) == 0 || (!isfinite(values[i]) && back == 0));
        if (!isfinite(values[i])) cursor = strstr(cursor, "null") + 4;
        cursor += strspn(cursor, ",");
    }
    free(text);
    ufm_rng_free(rng);
}

static bool string_is(yajl_val tree, const char *key, const char *expected)
{
    const char *path[] = {key, NULL};
    const yajl_val value = yajl_tree_get(tree, path, yajl_t_string);
    const char *text = value ? YAJL_GET_STRING(value) : NULL;
    return text && strcmp(text, expected) == 0;
}

static void json_parses_back(void)
{
    const char *escapes = "\" \\ / \b\f\n\r\t\x01 \xC3\xA9 \xF0\x9F\x98\x80 </script>";
    ufm_json *json = ufm_json_new();
    ufm_json_number(json, "nan", (double)NAN);
    ufm_json_number(json, "infinite", -(double)INFINITY);
    ufm_json_integer(json, "largest", INT64_MIN);
    ufm_json_literal(json, "literal", "-1.25e-400");
    ufm_json_literal(json, "no number", "1.2.3");
    ufm_json_bool(json, "yes", true);
    ufm_json_string(json, "escapes", escapes);
    ufm_json_string(json, "bad", "a\xFFz \xC3(\xC0\x80 \xED\xA0\x80 \xF5 \xE2\x82");
    ufm_json_list(json, "list");
    ufm_json_object(json, NULL);
    ufm_json_integer(json, "key \"\n\xFE", 7);
    ufm_json_list(json, "empty");
    char *text = written(json);
    char message[256] = "";
    yajl_val tree = yajl_tree_parse(text, message, sizeof message);
    TEST(tree != NULL);
    TEST(text[strlen(text) - 1] == '\n' && text[strlen(text) - 2] == '}');
    const char *path[] = {NULL, NULL};
    const char *const nulls[] = {"nan", "infinite", "no number"};
    for (int i = 0; i < 3; i++) {
        path[0] = nulls[i];
        TEST(YAJL_IS_NULL(yajl_tree_get(tree, path, yajl_t_null)));
    }
    path[0] = "largest";
    TEST(YAJL_GET_INTEGER(yajl_tree_get(tree, path, yajl_t_number)) == INT64_MIN);
    path[0] = "literal";
    const yajl_val literal = yajl_tree_get(tree, path, yajl_t_number);
    TEST(literal && strcmp(YAJL_GET_NUMBER(literal), "-1.25e-400") == 0);
    TEST(string_is(tree, "escapes", escapes));
    TEST(string_is(tree, "bad", "a?z ?(?? ??? ? ??"));
    path[0] = "list";
    const yajl_val list = yajl_tree_get(tree, path, yajl_t_array);
    TEST(list && list->u.array.len == 1);
    const char *inner[] = {"key \"\n?", NULL};
    TEST(YAJL_GET_INTEGER(yajl_tree_get(list->u.array.values[0], inner, yajl_t_number)) == 7);
    yajl_tree_free(tree);
    free(text);
}

static void json_failures(void)
{
    ufm_error error;
    ufm_json *json = ufm_json_new();
    ufm_json_list(json, "list");
    ufm_json_number(json, "a key inside a list", 1);
    TEST(ufm_json_write(json, stdout, &error) == UFM_ERROR_USAGE);
    ufm_json_free(json);
    json = ufm_json_new();
    for (int i = 0; i < 1000; i++) ufm_json_object(json, "deeper");
    TEST(ufm_json_write(json, stdout, &error) == UFM_ERROR_USAGE);
    ufm_json_free(json);
    json = ufm_json_new();
    FILE *full = fopen("/dev/full", "w");
    TEST(ufm_json_write(json, full, &error) == UFM_ERROR_IO && says(&error, "No space left"));
    fclose(full);
    ufm_json_free(json);
    ufm_json_free(NULL);
}

static ufm_status build_json(void)
{
    ufm_json *json = ufm_json_new();
    if (!json) return UFM_ERROR_MEMORY;
    FILE *sink = fopen("/dev/null", "w");
    for (int i = 0; i < 200; i++) ufm_json_string(json, "key", "a value to fill the buffer");
    const ufm_status status = ufm_json_write(json, sink, NULL);
    fclose(sink);
    ufm_json_free(json);
    return status;
}

static void json_without_memory(void)
{
    const int64_t live = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t budget = 0; status != UFM_OK && budget < 5000; budget++) {
        ufm_memory_fail_after(budget);
        status = build_json();
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || status == UFM_ERROR_MEMORY);
        TEST(ufm_memory_live_blocks() == live);
    }
    TEST(status == UFM_OK);
}

/* ---- HDF5 --------------------------------------------------------------------------------------- */

static void fill_row(void *context, int64_t row, uint8_t *bytes)
{
    const int64_t cols = *(const int64_t *)context;
    for (int64_t j = 0; j < cols; j++) bytes[j] = (uint8_t)(31 * row + j * j);
}

typedef struct {
    int64_t cols, rows_seen;
    bool right;
} taken;

static ufm_status take_row(void *context, int64_t row, const uint8_t *bytes, ufm_error *error)
{
    taken *t = context;
    for (int64_t j = 0; j < t->cols; j++)
        if (bytes[j] != (uint8_t)(31 * row + j * j)) t->right = false;
    t->right = t->right && row == t->rows_seen++;
    return row == 5000 ? ufm_fail(error, UFM_ERROR_CANCELLED, "enough") : UFM_OK;
}

static double *random_numbers(int64_t count)
{
    double *values = ufm_alloc(count, sizeof *values);
    ufm_rng *rng = ufm_rng_new(5);
    for (int64_t i = 0; i < count; i++) values[i] = ufm_rng_gaussian(rng);
    for (int64_t i = 0; i < count && i < AWKWARD; i++) values[i] = awkward[i];
    ufm_rng_free(rng);
    return values;
}

static void hdf5_matrix(int64_t rows, int64_t cols)
{
    char path[160];
    ufm_error error = {""};
    ufm_h5 *h5;
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    double *values = random_numbers(rows * cols), *back = ufm_alloc(rows * cols, sizeof *back);
    TEST_OK(ufm_h5_create(path, &h5, &error));
    TEST_OK(ufm_h5_write_matrix(h5, "points/W", rows, cols, values, &error));
    TEST_OK(ufm_h5_commit(h5, &error));
    TEST_OK(ufm_h5_open(path, &h5, &error));
    int64_t r, c;
    TEST_OK(ufm_h5_shape(h5, "/points/W", &r, &c, &error));
    TEST(r == rows && c == cols);
    TEST_OK(ufm_h5_read_matrix(h5, "points/W", back, &error));
    TEST(memcmp(values, back, (size_t)(rows * cols) * sizeof *back) == 0);
    TEST_OK(ufm_h5_commit(h5, &error));
    ufm_free(values);
    ufm_free(back);
    unlink(path);
}

static void hdf5_matrices_round_trip(void)
{
    const int64_t shapes[][2] = {{1, 1},       {3, 5},      {1, 3000},   {3000, 1},
                                 {1500, 1100}, {2, 700001}, {1100003, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) hdf5_matrix(shapes[i][0], shapes[i][1]);
}

static void hdf5_stores_numpy_shape(void)
{
    char path[160];
    ufm_h5 *h5;
    const double column_major[6] = {11, 21, 12, 22, 13, 23};
    double stored[2][3];
    hsize_t extents[2];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    TEST_OK(ufm_h5_create(path, &h5, NULL));
    TEST_OK(ufm_h5_write_matrix(h5, "W", 2, 3, column_major, NULL));
    TEST_OK(ufm_h5_commit(h5, NULL));
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, "W", H5P_DEFAULT), space = H5Dget_space(dataset);
    TEST(H5Sget_simple_extent_dims(space, extents, NULL) == 2 && extents[0] == 2 && extents[1] == 3);
    TEST(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, stored) >= 0);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++) TEST(stored[i][j] == 10 * (i + 1) + j + 1);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
}

enum { BYTE_ROWS = 7000, BYTE_COLS = 333 };

static void write_sample(const char *path)
{
    ufm_h5 *h5;
    const double vector[3] = {0.1, -0.0, 1e300};
    const int64_t integers[4] = {INT64_MIN, -1, 0, INT64_MAX};
    int64_t cols = BYTE_COLS, few = 9;
    TEST_OK(ufm_h5_create(path, &h5, NULL));
    TEST_OK(ufm_h5_write_vector(h5, "b", 3, vector, NULL));
    TEST_OK(ufm_h5_write_integers(h5, "counts", 4, integers, NULL));
    TEST_OK(ufm_h5_write_bytes(h5, "labels", BYTE_ROWS, BYTE_COLS, fill_row, &cols, NULL));
    TEST_OK(ufm_h5_write_bytes(h5, "few", 3, 9, fill_row, &few, NULL));
    TEST_OK(ufm_h5_write_text(h5, "solver", "newton \xC3\xA9", NULL));
    TEST_OK(ufm_h5_write_text(h5, "nothing", "", NULL));
    TEST_OK(ufm_h5_commit(h5, NULL));
}

static void hdf5_other_kinds_round_trip(void)
{
    char path[160], text[32];
    ufm_h5 *h5;
    ufm_error error;
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    write_sample(path);
    struct stat status;
    TEST(stat(path, &status) == 0 && status.st_size < BYTE_ROWS * BYTE_COLS);
    TEST_OK(ufm_h5_open(path, &h5, &error));
    double vector[3];
    TEST_OK(ufm_h5_read_matrix(h5, "b", vector, &error));
    TEST(vector[0] == 0.1 && signbit(vector[1]) && vector[2] == 1e300);
    int64_t integers[4];
    TEST_OK(ufm_h5_read_integers(h5, "counts", integers, &error));
    TEST(integers[0] == INT64_MIN && integers[1] == -1 && integers[3] == INT64_MAX);
    taken t = {9, 0, true};
    TEST_OK(ufm_h5_read_bytes(h5, "few", take_row, &t, &error));
    TEST(t.right && t.rows_seen == 3);
    t = (taken){BYTE_COLS, 0, true};
    TEST(ufm_h5_read_bytes(h5, "labels", take_row, &t, &error) == UFM_ERROR_CANCELLED);
    TEST(t.right && t.rows_seen == 5001);
    TEST_OK(ufm_h5_read_text(h5, "solver", text, sizeof text, &error));
    TEST(strcmp(text, "newton \xC3\xA9") == 0);
    TEST_OK(ufm_h5_read_text(h5, "solver", text, 4, &error));
    TEST(strcmp(text, "new") == 0);
    TEST_OK(ufm_h5_read_text(h5, "nothing", text, sizeof text, &error));
    TEST(text[0] == '\0');
    TEST(ufm_h5_has(h5, "b") && ufm_h5_has(h5, "/b") && !ufm_h5_has(h5, "B") && !ufm_h5_has(h5, "b/c"));
    TEST(!ufm_h5_has(h5, "") && !ufm_h5_has(h5, "/"));
    ufm_h5_abort(h5);
    ufm_h5_abort(NULL);
}

/* A data set made without the library under test. */
static void raw_dataset(hid_t file, const char *name, hid_t type, int rank, const hsize_t *extents,
                        const void *values)
{
    const hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, extents, NULL);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (values) H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
    H5Sclose(space);
}

static void raw_external(hid_t file, const char *name)
{
    const hsize_t extent = 2;
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &extent, NULL);
    H5Pset_external(properties, "/etc/passwd", 0, 16);
    H5Dclose(H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(properties);
}

static void raw_virtual(hid_t file, const char *name)
{
    const hsize_t extent = 2;
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &extent, NULL);
    H5Pset_virtual(properties, space, "other.h5", "/data", space);
    H5Dclose(H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(properties);
}

/* Every way in which a file can be other than expected. */
static void write_strange(const char *path)
{
    const double values[8] = {1, 2, (double)NAN, 4, 5, 6, 7, (double)INFINITY};
    const int32_t small[2] = {-5, 300};
    const uint64_t large[1] = {UINT64_MAX};
    const char *variable = "of any length";
    const hsize_t two[1] = {2}, shape[2] = {2, 2}, cube[3] = {2, 2, 2}, none[1] = {0};
    const hsize_t absurd[2] = {(hsize_t)1 << 40, (hsize_t)1 << 40}, big[1] = {(hsize_t)1 << 50};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t string = H5Tcopy(H5T_C_S1);
    H5Tset_size(string, H5T_VARIABLE);
    raw_dataset(file, "cube", H5T_NATIVE_DOUBLE, 3, cube, values);
    raw_dataset(file, "scalar", H5T_NATIVE_DOUBLE, 0, NULL, values);
    raw_dataset(file, "none", H5T_NATIVE_DOUBLE, 1, none, NULL);
    raw_dataset(file, "infinite", H5T_NATIVE_DOUBLE, 2, shape, values + 4);
    raw_dataset(file, "nan", H5T_NATIVE_DOUBLE, 2, shape, values);
    raw_dataset(file, "small", H5T_NATIVE_INT32, 1, two, small);
    raw_dataset(file, "large", H5T_NATIVE_UINT64, 0 + 1, (const hsize_t[]){1}, large);
    raw_dataset(file, "matrix", H5T_NATIVE_INT32, 2, shape, (const int32_t[]){1, 2, 3, 4});
    raw_dataset(file, "variable", string, 0, NULL, &variable);
    raw_dataset(file, "unwritten", string, 0, NULL, NULL);
    raw_external(file, "external");
    raw_virtual(file, "virtual");
    H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_soft("/small", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/group", file, "softgroup", H5P_DEFAULT, H5P_DEFAULT);
    raw_dataset(file, "group/inner", H5T_NATIVE_INT32, 1, two, small);
    H5Lcreate_external("/etc/passwd", "/x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5E_auto2_t print;
    void *context;
    H5Eget_auto2(H5E_DEFAULT, &print, &context);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunked, 2, shape);
    const hid_t space = H5Screate_simple(2, absurd, NULL), line = H5Screate_simple(1, big, NULL);
    const hid_t created =
        H5Dcreate2(file, "absurd", H5T_NATIVE_CHAR, space, H5P_DEFAULT, chunked, H5P_DEFAULT);
    if (created >= 0) H5Dclose(created);
    H5Pset_chunk(chunked, 1, two);
    H5Dclose(H5Dcreate2(file, "big", H5T_NATIVE_CHAR, line, H5P_DEFAULT, chunked, H5P_DEFAULT));
    H5Eset_auto2(H5E_DEFAULT, print, context);
    H5Sclose(space);
    H5Sclose(line);
    H5Pclose(chunked);
    H5Tclose(string);
    H5Fclose(file);
}

static void hdf5_refuses_strange_data(void)
{
    static const struct {
        const char *name, *complaint;
    } shapes[] = {{"cube", "3 dimensions"},
                  {"scalar", "0 dimensions"},
                  {"none", "is empty"},
                  {"external", "other files"},
                  {"virtual", "virtual"},
                  {"group", "is a group"},
                  {"soft", "link"},
                  {"softgroup/inner", "link"},
                  {"elsewhere", "link"},
                  {"elsewhere/x", "link"},
                  {"missing", "is missing"},
                  {"group/none", "is missing"},
                  {"small/inner", "missing"},
                  {"big", "more than the memory"},
                  {"variable", "must hold numbers"},
                  {"", "is missing"}};
    char path[160], text[32];
    ufm_error error;
    ufm_h5 *h5;
    int64_t rows, cols, integers[4];
    double numbers[4];
    taken t = {2, 0, true};
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    write_strange(path);
    TEST_OK(ufm_h5_open(path, &h5, &error));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        TEST(ufm_h5_shape(h5, shapes[i].name, &rows, &cols, &error) == UFM_ERROR_INPUT);
        TEST(says(&error, shapes[i].complaint) && says(&error, path));
        TEST(ufm_h5_read_matrix(h5, shapes[i].name, numbers, &error) == UFM_ERROR_INPUT);
    }
    TEST(ufm_h5_shape(h5, "absurd", &rows, &cols, &error) == UFM_ERROR_INPUT);
    TEST(ufm_h5_read_matrix(h5, "nan", numbers, &error) == UFM_ERROR_INPUT);
    TEST(says(&error, "nan at row 1, column 0"));
    TEST(ufm_h5_read_matrix(h5, "infinite", numbers, &error) == UFM_ERROR_INPUT);
    TEST(says(&error, "inf at row 1, column 1"));
    TEST(ufm_h5_read_integers(h5, "nan", integers, &error) == UFM_ERROR_INPUT && says(&error, "integers"));
    TEST(ufm_h5_read_integers(h5, "matrix", integers, &error) == UFM_ERROR_INPUT);
    TEST(ufm_h5_read_integers(h5, "large", integers, &error) == UFM_ERROR_INPUT);
    TEST(ufm_h5_read_bytes(h5, "small", take_row, &t, &error) == UFM_ERROR_INPUT && says(&error, "0..255"));
    TEST(ufm_h5_read_text(h5, "small", text, sizeof text, &error) == UFM_ERROR_INPUT);
    TEST_OK(ufm_h5_read_integers(h5, "small", integers, &error));
    TEST(integers[0] == -5 && integers[1] == 300);
    TEST_OK(ufm_h5_read_integers(h5, "group/inner", integers, &error));
    TEST_OK(ufm_h5_read_matrix(h5, "matrix", numbers, &error));
    TEST(numbers[0] == 1 && numbers[1] == 3 && numbers[2] == 2);
    TEST_OK(ufm_h5_read_text(h5, "variable", text, sizeof text, &error));
    TEST(strcmp(text, "of any length") == 0);
    TEST_OK(ufm_h5_read_text(h5, "unwritten", text, sizeof text, &error));
    ufm_h5_abort(h5);
}

static void hdf5_refuses_other_files(void)
{
    ufm_h5 *h5;
    ufm_error error;
    TEST(ufm_h5_open(test_file(".h5", "not HDF5 at all"), &h5, &error) == UFM_ERROR_INPUT);
    TEST(says(&error, "HDF5") && h5 == NULL);
    TEST(ufm_h5_open(test_file(".h5", ""), &h5, &error) == UFM_ERROR_INPUT);
    TEST(ufm_h5_open("/tmp", &h5, &error) == UFM_ERROR_IO && says(&error, "regular file"));
    TEST(ufm_h5_open("/dev/zero", &h5, &error) == UFM_ERROR_IO);
    TEST(ufm_h5_open("/nonexistent.h5", &h5, &error) == UFM_ERROR_IO && says(&error, "No such file"));
}

/* Reads whatever is there; only a crash or a leak is a failure. Returns the number of successes. */
static int read_everything(const char *path)
{
    static const char *const names[] = {"b", "counts", "labels", "few", "solver", "nothing"};
    enum { MOST = BYTE_ROWS * BYTE_COLS };
    ufm_h5 *h5;
    ufm_error error;
    int done = 0;
    if (ufm_h5_open(path, &h5, &error) != UFM_OK) return 0;
    for (int i = 0; i < 6; i++) {
        int64_t rows, cols;
        char text[64];
        taken t = {0, 0, true};
        done += ufm_h5_read_text(h5, names[i], text, sizeof text, &error) == UFM_OK;
        if (ufm_h5_shape(h5, names[i], &rows, &cols, &error) != UFM_OK || rows * cols > MOST) continue;
        double *values = ufm_alloc(rows * cols, sizeof *values);
        done += ufm_h5_read_matrix(h5, names[i], values, &error) == UFM_OK;
        done += cols == 1 && ufm_h5_read_integers(h5, names[i], (int64_t *)(void *)values, &error) == UFM_OK;
        t.cols = cols;
        done += ufm_h5_read_bytes(h5, names[i], take_row, &t, &error) == UFM_OK;
        ufm_free(values);
    }
    ufm_h5_abort(h5);
    return done;
}

static uint8_t *read_file(const char *path, int64_t *size)
{
    struct stat status;
    if (stat(path, &status) != 0) return NULL;
    *size = status.st_size;
    uint8_t *bytes = ufm_alloc(*size, 1);
    FILE *stream = fopen(path, "rb");
    if (fread(bytes, 1, (size_t)*size, stream) != (size_t)*size) abort();
    fclose(stream);
    return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, int64_t size)
{
    FILE *stream = fopen(path, "wb");
    if (fwrite(bytes, 1, (size_t)size, stream) != (size_t)size) abort();
    fclose(stream);
}

static void write_small_sample(const char *path)
{
    ufm_h5 *h5;
    const double vector[3] = {0.1, -0.0, 1e300};
    int64_t cols = 9;
    const int64_t integers[4] = {INT64_MIN, -1, 0, INT64_MAX};
    TEST_OK(ufm_h5_create(path, &h5, NULL));
    TEST_OK(ufm_h5_write_vector(h5, "b", 3, vector, NULL));
    TEST_OK(ufm_h5_write_integers(h5, "counts", 4, integers, NULL));
    TEST_OK(ufm_h5_write_bytes(h5, "few", 3, cols, fill_row, &cols, NULL));
    TEST_OK(ufm_h5_write_text(h5, "solver", "newton", NULL));
    TEST_OK(ufm_h5_commit(h5, NULL));
}

/* 0: every truncated file was refused, and nothing crashed or leaked. */
static int read_damaged(const char *path)
{
    char damaged[160];
    int64_t size = 0;
    const int whole = read_everything(path);
    snprintf(damaged, sizeof damaged, "%s.damaged", path);
    uint8_t *bytes = read_file(path, &size);
    const int64_t live = ufm_memory_live_blocks();
    for (int64_t length = 0; length < size; length += test_fast() ? 101 : 7) {
        write_file(damaged, bytes, length);
        if (read_everything(damaged) != 0) return 1;
    }
    ufm_rng *rng = ufm_rng_new(2024);
    for (int trial = 0; trial < (test_fast() ? 50 : 1000); trial++) {
        uint8_t *copy = ufm_alloc(size, 1);
        memcpy(copy, bytes, (size_t)size);
        for (int64_t flips = 1 + ufm_rng_below(rng, 8); flips > 0; flips--)
            copy[ufm_rng_below(rng, size)] = (uint8_t)ufm_rng_below(rng, 256);
        write_file(damaged, copy, size);
        if (read_everything(damaged) > whole) return 2;
        ufm_free(copy);
    }
    ufm_rng_free(rng);
    if (ufm_memory_live_blocks() != live) return 3;
    ufm_free(bytes);
    return 0;
}

/* In a child, because HDF5 itself leaks what it has read of a damaged file, and says so when it ends. */
static void hdf5_survives_damage(void)
{
    char path[160];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    write_small_sample(path);
    TEST(read_everything(path) > 5);
    const int code = in_child(read_damaged, path);
    if (code != 0) fprintf(stderr, "  result %d\n", code);
    TEST(code == 0);
}

static ufm_status exercise_everything(const char *path, const char *text_path)
{
    ufm_h5 *h5;
    int64_t cols = 9;
    double values[6] = {1, 2, 3, 4, 5, 6};
    taken t = {9, 0, true};
    char text[8];
    ufm_status status = write_text(text_path, "text", NULL);
    if (status == UFM_OK) status = ufm_make_directory("/tmp", NULL);
    if (status != UFM_OK) return status;
    status = ufm_h5_create(path, &h5, NULL);
    if (status != UFM_OK) return status;
    status = ufm_h5_write_matrix(h5, "W", 2, 3, values, NULL);
    if (status == UFM_OK) status = ufm_h5_write_bytes(h5, "few", 3, cols, fill_row, &cols, NULL);
    if (status == UFM_OK) status = ufm_h5_write_text(h5, "solver", "gd", NULL);
    if (status != UFM_OK) {
        ufm_h5_abort(h5);
        return status;
    }
    status = ufm_h5_commit(h5, NULL);
    if (status == UFM_OK) status = ufm_h5_open(path, &h5, NULL);
    if (status != UFM_OK) return status;
    status = ufm_h5_read_matrix(h5, "W", values, NULL);
    if (status == UFM_OK) status = ufm_h5_read_bytes(h5, "few", take_row, &t, NULL);
    if (status == UFM_OK) status = ufm_h5_read_text(h5, "solver", text, sizeof text, NULL);
    ufm_h5_abort(h5);
    return status;
}

static void no_leak_without_memory(void)
{
    char path[160], text_path[160];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    snprintf(text_path, sizeof text_path, "%s", test_path(".txt"));
    const int64_t live = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    int64_t budget = 0;
    while (status == UFM_ERROR_MEMORY && budget < 500) {
        ufm_memory_fail_after(budget++);
        status = exercise_everything(path, text_path);
        ufm_memory_fail_after(-1);
        TEST(ufm_memory_live_blocks() == live);
    }
    TEST(status == UFM_OK && budget > 20);
}

static const test_case cases[] = {{"output_replaces_whole_files", output_replaces_whole_files},
                                  {"output_permissions", output_permissions},
                                  {"output_follows_links", output_follows_links},
                                  {"output_devices", output_devices},
                                  {"output_standard_output", output_standard_output},
                                  {"output_refuses_bad_places", output_refuses_bad_places},
                                  {"output_check_leaves_no_trace", output_check_leaves_no_trace},
                                  {"claim_directory", claim_directory},
                                  {"make_directory", make_directory},
                                  {"full_disk", full_disk},
                                  {"killed_in_the_middle", killed_in_the_middle},
                                  {"json_numbers_round_trip", json_numbers_round_trip},
                                  {"json_parses_back", json_parses_back},
                                  {"json_failures", json_failures},
                                  {"json_without_memory", json_without_memory},
                                  {"hdf5_matrices_round_trip", hdf5_matrices_round_trip},
                                  {"hdf5_stores_numpy_shape", hdf5_stores_numpy_shape},
                                  {"hdf5_other_kinds_round_trip", hdf5_other_kinds_round_trip},
                                  {"hdf5_refuses_strange_data", hdf5_refuses_strange_data},
                                  {"hdf5_refuses_other_files", hdf5_refuses_other_files},
                                  {"hdf5_survives_damage", hdf5_survives_damage},
                                  {"no_leak_without_memory", no_leak_without_memory},
                                  {NULL, NULL}};
const test_suite suite_io = {"io", cases};
