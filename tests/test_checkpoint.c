/* Checkpoints that are damaged in every way that can be made systematically: one line that names the file, or
 * the very same end of the run. */
#include "nets/train.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

enum { STEPS = 5, EPOCHS = 3 };

/* A small run whose checkpoint lies in the middle of its second epoch, and what the rest of it ends with. */
typedef struct {
    ufm_images *images;
    ufm_samples samples;
    ufm_training_settings settings;
    char directory[128], path[160];
    unsigned char *bytes; /* of the checkpoint */
    int64_t size, count;
    double *end; /* [count] parameters of the whole run */
} fixture;

static unsigned char *read_file(const char *path, int64_t *size)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) return NULL;
    fseek(stream, 0, SEEK_END);
    *size = ftell(stream);
    rewind(stream);
    unsigned char *bytes = ufm_alloc(*size + 1, 1);
    if (!bytes || fread(bytes, 1, (size_t)*size, stream) != (size_t)*size) abort();
    fclose(stream);
    return bytes;
}

static void write_file(const char *path, const unsigned char *bytes, int64_t size)
{
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, (size_t)size, stream) != (size_t)size || fclose(stream) != 0) abort();
}

static double *final_parameters(const char *path, int64_t *count)
{
    ufm_h5 *file = NULL;
    int64_t cols;
    double *x = NULL;
    if (ufm_h5_open(path, &file, NULL) != UFM_OK) return NULL;
    if (ufm_h5_shape(file, "parameters", count, &cols, NULL) == UFM_OK) x = ufm_alloc(*count, sizeof *x);
    if (x) TEST_OK(ufm_h5_read_matrix(file, "parameters", x, NULL));
    ufm_h5_abort(file);
    return x;
}

static ufm_status run(const fixture *f, int64_t steps, bool resume, ufm_error *error)
{
    ufm_training_settings settings = f->settings;
    ufm_training *training = NULL;
    settings.steps = steps;
    settings.resume = resume;
    const ufm_status status = ufm_train(&f->samples, NULL, &settings, &training, error);
    ufm_training_free(training);
    return status;
}

static void start(fixture *f)
{
    ufm_design *design = NULL;
    ufm_labels *labels = NULL;
    const ufm_expansion keep = {.duplicates = UFM_DUPLICATES_KEEP, .dim = 3, .copies = 1};
    memset(f, 0, sizeof *f);
    TEST_OK(ufm_design_parse(3, "1:4,2:3", &design, NULL));
    TEST_OK(ufm_design_expand(design, &keep, &labels, NULL));
    TEST_OK(ufm_images_synthetic((ufm_image_shape){1, 4, 4}, labels, 1, &f->images, NULL));
    ufm_design_free(design);
    ufm_labels_free(labels);
    test_directory(f->directory, sizeof f->directory);
    snprintf(f->path, sizeof f->path, "%s/checkpoint.h5", f->directory);
    f->samples = (ufm_samples){.images = f->images};
    f->settings = ufm_training_defaults();
    f->settings.architecture = "mlp";
    f->settings.multiplier = 0.01;
    f->settings.engine = "twin";
    f->settings.threads = 1;
    f->settings.epochs = EPOCHS;
    f->settings.batch = 8;
    f->settings.arguments = "arch=mlp\n";
    f->settings.out = f->directory;
    TEST_OK(run(f, STEPS, false, NULL));
    f->bytes = read_file(f->path, &f->size);
    CU_ASSERT_FATAL(f->bytes != NULL);
    TEST_OK(run(f, 0, true, NULL));
    f->end = final_parameters(f->path, &f->count);
    CU_ASSERT_FATAL(f->end != NULL);
}

static void clear(fixture *f)
{
    ufm_images_free(f->images);
    ufm_free(f->bytes);
    ufm_free(f->end);
}

/* Goes on from what lies there now: whether it was refused. What is taken must end as the good file does. */
static bool is_refused(const fixture *f, const char *what, int64_t place)
{
    ufm_error error = {{0}};
    int64_t count = 0;
    const ufm_status status = run(f, 0, true, &error);
    bool right;
    if (status == UFM_OK) {
        double *end = final_parameters(f->path, &count);
        right = end && count == f->count && memcmp(end, f->end, (size_t)count * sizeof *end) == 0;
        ufm_free(end);
    } else {
        right = (status == UFM_ERROR_INPUT || status == UFM_ERROR_IO) &&
                strncmp(error.text, f->path, strlen(f->path)) == 0 && !strchr(error.text, '\n');
    }
    if (!right)
        fprintf(stderr, "  %s %lld: %s: %s\n", what, (long long)place, ufm_status_text(status), error.text);
    CU_ASSERT(right);
    return status != UFM_OK;
}

static void test_truncated(void)
{
    fixture f;
    start(&f);
    const int64_t parts = test_fast() ? 8 : 40;
    for (int64_t i = 0; i < parts; i++) {
        const int64_t length = i < 4 ? i : f.size * i / parts;
        write_file(f.path, f.bytes, length);
        TEST(is_refused(&f, "cut off at byte", length));
    }
    write_file(f.path, f.bytes, f.size);
    TEST(!is_refused(&f, "whole", f.size));
    clear(&f);
}

static void test_flipped(void)
{
    fixture f;
    int refused = 0;
    const uint64_t seed = 3;
    const int trials = test_fast() ? 20 : 150;
    start(&f);
    ufm_rng *rng = ufm_rng_new(seed);
    for (int trial = 0; trial < trials; trial++) {
        /* Every other one in the first two kilobytes, where the structure of the file is. */
        const int64_t at = ufm_rng_below(rng, trial % 2 ? 2048 : f.size);
        const unsigned char was = f.bytes[at];
        f.bytes[at] ^= (unsigned char)(1 + ufm_rng_below(rng, 255));
        write_file(f.path, f.bytes, f.size);
        refused += is_refused(&f, "another byte at", at);
        f.bytes[at] = was;
    }
    TEST(refused > trials / 4);
    ufm_rng_free(rng);
    clear(&f);
}

/* ---- Whole files that say something else ---- */

typedef enum {
    SAME,
    VERSION,
    PLACE,
    SUMS,
    SHORT,
    SQUARE,
    MISSING,
    INFINITE,
    COLUMNS,
    DIGEST,
    OTHER_WEIGHT,
    CHANGES
} change;

static void give(void *context, int64_t row, uint8_t *bytes)
{
    (void)row;
    memcpy(bytes, context, strlen(context));
}

static void copy_texts(ufm_h5 *from, ufm_h5 *to, change what)
{
    static const char *const names[] = {"format", "settings", "arguments", "ways"};
    char text[8192];
    for (int i = 0; i < 4; i++) {
        TEST_OK(ufm_h5_read_text(from, names[i], text, sizeof text, NULL));
        if (i == 0 && what == VERSION) strcpy(text, "ufmlab checkpoint 2");
        TEST_OK(ufm_h5_write_text(to, names[i], text, NULL));
    }
}

static ufm_status take(void *context, int64_t row, const uint8_t *bytes, ufm_error *error)
{
    (void)error;
    ufm_train_text *text = context;
    if (row == 0) memcpy(text->text, bytes, (size_t)text->length);
    return UFM_OK;
}

static void copy_metrics(ufm_h5 *from, ufm_h5 *to, change what)
{
    int64_t rows;
    ufm_train_text text = {0};
    TEST_OK(ufm_h5_shape(from, "metrics", &rows, &text.length, NULL));
    text.text = ufm_alloc(text.length + 1, 1);
    TEST_OK(ufm_h5_read_bytes(from, "metrics", take, &text, NULL));
    if (what == COLUMNS) text.text[3] = 'X';
    TEST_OK(ufm_h5_write_bytes(to, "metrics", 1, text.length, give, text.text, NULL));
    ufm_free(text.text);
}

static void copy_vectors(ufm_h5 *from, ufm_h5 *to, change what)
{
    static const char *const names[] = {"sums", "parameters", "moment1", "running"};
    for (int v = 0; v < 4; v++) {
        int64_t count, cols;
        if (v == 2 && what == MISSING) continue;
        TEST_OK(ufm_h5_shape(from, names[v], &count, &cols, NULL));
        double *x = ufm_alloc(count, sizeof *x);
        TEST_OK(ufm_h5_read_matrix(from, names[v], x, NULL));
        if (v == 1 && what == INFINITE) x[count / 2] = INFINITY;
        if (v == 1 && what == OTHER_WEIGHT) x[count / 2] = nextafter(x[count / 2], 2);
        if (v == 0 && what == SUMS) count = 1;
        if (v == 1 && what == SHORT) count--;
        if (v == 3 && what == SQUARE)
            TEST_OK(ufm_h5_write_matrix(to, names[v], 2, count / 2, x, NULL));
        else
            TEST_OK(ufm_h5_write_vector(to, names[v], count, x, NULL));
        ufm_free(x);
    }
}

static void copy_integers(ufm_h5 *from, ufm_h5 *to, change what)
{
    int64_t place[4], digest;
    TEST_OK(ufm_h5_read_integers(from, "place", place, NULL));
    TEST_OK(ufm_h5_read_integers(from, "digest", &digest, NULL));
    if (what == PLACE) place[0] = EPOCHS - 1;
    if (what == DIGEST) digest ^= 1;
    TEST_OK(ufm_h5_write_integers(to, "place", 4, place, NULL));
    TEST_OK(ufm_h5_write_integers(to, "digest", 1, &digest, NULL));
}

static void test_changed(void)
{
    static const char *const words[CHANGES] = {
        [VERSION] = "ufmlab checkpoint 2", [PLACE] = "fit together", [SUMS] = "2 numbers would fit",
        [SHORT] = "numbers would fit",     [SQUARE] = "would fit",   [MISSING] = "moment1",
        [INFINITE] = "parameters",         [COLUMNS] = "other sets", [DIGEST] = "digest",
        [OTHER_WEIGHT] = "digest"};
    fixture f;
    start(&f);
    const char *good = test_file(".h5", "");
    write_file(good, f.bytes, f.size);
    for (change what = SAME; what < CHANGES; what++) {
        ufm_h5 *from = NULL, *to = NULL;
        ufm_error error = {{0}};
        TEST_OK(ufm_h5_open(good, &from, NULL));
        TEST_OK(ufm_h5_create(f.path, &to, NULL));
        copy_texts(from, to, what);
        copy_integers(from, to, what);
        copy_metrics(from, to, what);
        copy_vectors(from, to, what);
        TEST_OK(ufm_h5_commit(to, NULL));
        ufm_h5_abort(from);
        TEST(is_refused(&f, "change", what) == (what != SAME));
        if (what == SAME) continue;
        TEST(run(&f, 0, true, &error) == UFM_ERROR_INPUT);
        const bool told = strstr(error.text, words[what]) != NULL;
        if (!told) fprintf(stderr, "  change %d, wanted '%s' in: %s\n", (int)what, words[what], error.text);
        CU_ASSERT(told);
    }
    clear(&f);
}

static void test_other_run(void)
{
    fixture f;
    ufm_error error = {{0}};
    start(&f);
    write_file(f.path, f.bytes, f.size);
    f.settings.architecture = "resnet18";
    TEST(run(&f, 0, true, &error) == UFM_ERROR_INPUT && strstr(error.text, "arch mlp"));
    f.settings.architecture = "mlp";
    f.settings.multiplier = 0.02;
    TEST(run(&f, 0, true, &error) == UFM_ERROR_INPUT && strstr(error.text, "width"));
    f.settings.multiplier = 0.01;
    f.settings.adam = true;
    TEST(run(&f, 0, true, &error) == UFM_ERROR_INPUT && strstr(error.text, "adam"));
    f.settings.adam = false;
    TEST(!is_refused(&f, "itself", 0));
    clear(&f);
}

/* The program: exit code 2, one line, nothing on standard output. */
static void test_program_says(void)
{
    fixture f;
    char out[4096], err[4096], arguments[256];
    start(&f);
    static const char *const contents[] = {"", "not HDF5", "\x89HDF\r\n\x1a\n", NULL};
    snprintf(arguments, sizeof arguments, "train --resume '%s'", f.directory);
    for (int i = 0; i < 4; i++) {
        if (contents[i]) {
            write_file(f.path, (const unsigned char *)contents[i], (int64_t)strlen(contents[i]));
        } else {
            write_file(f.path, f.bytes, f.size / 2);
        }
        TEST(test_program(arguments, out, err, sizeof err) == 2 && out[0] == '\0');
        TEST(strncmp(err, "ufmlab: ", 8) == 0 && strchr(err, '\n') == err + strlen(err) - 1);
    }
    clear(&f);
}

static const test_case cases[] = {{"truncated", test_truncated},  {"flipped", test_flipped},
                                  {"changed", test_changed},      {"other_run", test_other_run},
                                  {"program", test_program_says}, {NULL, NULL}};
const test_suite suite_checkpoint = {"checkpoint", cases};
