/* Layer 2, labels from MS-COCO "instances" files. */
#include "label_files.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <unistd.h>

#define IMAGES                                                                                               \
    "\"images\": [{\"id\": 9}, {\"file_name\": \"a.jpg\", \"id\": 7, \"x\": {\"id\": 1}}, {\"id\": -2}]"
#define CATEGORIES "\"categories\": [{\"id\": 90}, {\"name\": \"b\", \"id\": 3}, {\"id\": 5}]"
#define ANNOTATIONS                                                                                          \
    "\"annotations\": [{\"id\": 1, \"image_id\": 7, \"category_id\": 90, \"segmentation\": [[1.5, 2, 3]]},"  \
    "{\"image_id\": 9, \"category_id\": 90, \"iscrowd\": 1, \"segmentation\": {\"counts\": [1, 2], "         \
    "\"size\": "                                                                                             \
    "[4, 4], \"category_id\": 17}}, {\"category_id\": 3, \"image_id\": 7}, {\"image_id\": 7, "               \
    "\"category_id\": 90}]"

/* Every order of the lists says the same: classes by ascending id, samples in the order of the images. */
static void test_orders(void)
{
    static const char *const part[] = {IMAGES, CATEGORIES, ANNOTATIONS};
    const ufm_read_settings settings = {.classes = 3};
    for (int order = 0; order < 27; order++) {
        const int a = order % 3, b = order / 3 % 3, c = order / 9;
        if (a == b || a == c || b == c) continue;
        char text[2048];
        snprintf(text, sizeof text,
                 "{\"info\": {\"images\": [3], \"id\": 1}, %s,\n%s,\r\n%s, \"licenses\": []}", part[a],
                 part[b], part[c]);
        check_good(".json", text, &settings, "2, 0+2");
    }
    ufm_labels *labels;
    const char *path = test_file(".JSON", "{" IMAGES "," CATEGORIES "," ANNOTATIONS "}");
    TEST_OK(ufm_labels_read(path, &settings, &labels, NULL));
    TEST(labels->classes == 3 && labels->samples == 2 && labels->unlabelled_dropped == 1);
    ufm_labels_free(labels);
    check_good(
        ".json",
        "{\"images\": [{\"id\": 9223372036854775807}, {\"id\": -9223372036854775808}], \"annotations\": "
        "[{\"image_id\": -9223372036854775808, \"category_id\": 9223372036854775807}, {\"image_id\": "
        "9223372036854775807, \"category_id\": -9223372036854775808}], \"categories\": [{\"id\": "
        "9223372036854775807}, {\"id\": -9223372036854775808}]}",
        &(const ufm_read_settings){0}, "0, 1");
}

#define TWO "\"categories\": [{\"id\": 1}, {\"id\": 2}]"
static void test_bad_coco(void)
{
    static const bad_file bad[] = {
        {".json", "[]", {0}, UFM_ERROR_INPUT, 1, "byte 1: the file does not hold an object"},
        {".json", "17", {0}, UFM_ERROR_INPUT, 1, "does not hold an object"},
        {".json", "{}\n", {0}, UFM_ERROR_INPUT, 2, "no \"images\""},
        {".json", "{\"images\": []}", {0}, UFM_ERROR_INPUT, 1, "no \"annotations\""},
        {".json", "{\"images\": [], \"annotations\": []}", {0}, UFM_ERROR_INPUT, 1, "no \"categories\""},
        {".json",
         "{\"images\": [],\n\"images\": []}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "byte 23: a second \"images\""},
        {".json", "{\"images\":\n{}}", {0}, UFM_ERROR_INPUT, 2, "\"images\" is not a list"},
        {".json", "{\"categories\":\nnull}", {0}, UFM_ERROR_INPUT, 2, "\"categories\" is not a list"},
        {".json", "{\"annotations\":\n\"x\"}", {0}, UFM_ERROR_INPUT, 2, "\"annotations\" is not a list"},
        {".json", "{\"images\": [\n7]}", {0}, UFM_ERROR_INPUT, 2, "one of the images is not an object"},
        {".json", "{\"images\": [\n[]]}", {0}, UFM_ERROR_INPUT, 2, "one of the images is not an object"},
        {".json", "{\"images\": [\n{}]}", {0}, UFM_ERROR_INPUT, 2, "one of the images has no \"id\""},
        {".json", "{\"images\": [{\"id\": 1},\n{\"ID\": 1}]}", {0}, UFM_ERROR_INPUT, 2, "has no \"id\""},
        {".json", "{\"images\": [{\"id\":\n\"1\"}]}", {0}, UFM_ERROR_INPUT, 2, "is not an integer"},
        {".json", "{\"images\": [{\"id\":\n1.0}]}", {0}, UFM_ERROR_INPUT, 2, "is not an integer"},
        {".json", "{\"images\": [{\"id\":\nnull}]}", {0}, UFM_ERROR_INPUT, 2, "is not an integer"},
        {".json", "{\"images\": [{\"id\":\n[1]}]}", {0}, UFM_ERROR_INPUT, 2, "is not an integer"},
        {".json", "{\"images\": [{\"id\": 1,\n\"id\": 1}]}", {0}, UFM_ERROR_INPUT, 2, "a second \"id\""},
        {".json",
         "{\"images\": [{\"id\": 1},\n{\"id\": 1}]}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "byte 32: the image id 1 is that of line 1, byte 21, too"},
        {".json",
         "{\"categories\": [{\"id\": 1},\n{\"id\": 1}]}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "the category id 1 is that of line 1"},
        {".json", "{\"annotations\": [{\"image_id\": 1}\n]}", {0}, UFM_ERROR_INPUT, 1, "no \"category_id\""},
        {".json", "{\"annotations\": [{\"category_id\": 1}\n]}", {0}, UFM_ERROR_INPUT, 1, "no \"image_id\""},
        {".json",
         "{\"annotations\": [{\"image_id\": 1, \"caption\": \"a cat\"}\n]}",
         {0},
         UFM_ERROR_INPUT,
         1,
         "give an instances file"},
        {".json",
         "{\"images\": [{\"id\": 1}]," TWO ",\"annotations\": [\n{\"image_id\": 2, \"category_id\": 1}]}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "names image 2, which is not among the images"},
        {".json",
         "{\"images\": [{\"id\": 1}]," TWO ",\"annotations\": [\n{\"image_id\": 1, \"category_id\": 3}]}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "names category 3, which is not among the categories"},
        {".json",
         "{\"annotations\": [\n{\"image_id\": 2, \"category_id\": 1}],\n\"images\": [{\"id\": 1}]," TWO "}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "byte 51: the annotation names image 2"},
        {".json",
         "{\"annotations\": [\n{\"image_id\": 1, \"category_id\": 3}],\n\"images\": [{\"id\": 1}]," TWO "}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "byte 51: the annotation names category 3"},
        {".json",
         "{\"images\": [{\"id\": 1}],\n" TWO ",\"annotations\": []}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "no sample has a label"},
        {".json",
         "{\"images\": [{\"id\": 1},\n{\"id\": 5}],\n" TWO
         ",\"annotations\": [{\"image_id\": 1, \"category_id\": 2}]}",
         {.refuse_unlabelled = true},
         UFM_ERROR_INPUT,
         2,
         "byte 32: image 5 has no annotation"},
        {".json",
         "{\"images\": [],\n\"categories\": [{\"id\": 1}],\"annotations\": []}",
         {0},
         UFM_ERROR_INPUT,
         2,
         "the file has 1 class; at least 2 classes"},
        {".json",
         "{\"images\": [], \"categories\": [],\"annotations\": []}",
         {0},
         UFM_ERROR_INPUT,
         1,
         "the file has 0 classes"},
        {".json",
         "{\"images\": [{\"id\": 1}]," TWO ",\"annotations\": [{\"image_id\": 1, \"category_id\": 1}]}",
         {.classes = 3},
         UFM_ERROR_INPUT,
         1,
         "the file has 2 classes but 3 were asked for; leave --classes"},
        {".json", "{}", {.label_columns = 2}, UFM_ERROR_USAGE, 0, "--label-columns"},
        {".json", "{}", {.label_xml = "x"}, UFM_ERROR_USAGE, 0, "--label-xml"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) check_bad(&bad[i], NULL);
    ufm_labels *labels;
    ufm_error error;
    const ufm_read_settings none = {0};
    TEST(ufm_labels_read("/nonexistent.json", &none, &labels, &error) == UFM_ERROR_IO && !labels);
}

/* ---- Random files against the tag sets that they were made from ---- */
enum { MOST_IMAGES = 60, MOST_CLASSES = 20 };
typedef struct {
    int64_t images, classes, annotations;
    int64_t image_id[MOST_IMAGES], category_id[MOST_CLASSES];
    int64_t shuffled[MOST_CLASSES]; /* the classes in the order of the file */
    uint32_t mask[MOST_IMAGES];
} instance;

static void shuffle(ufm_rng *rng, int64_t *array, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        const int64_t j = ufm_rng_below(rng, i + 1), t = array[i];
        array[i] = array[j];
        array[j] = t;
    }
}

static void draw_instance(ufm_rng *rng, instance *in)
{
    memset(in, 0, sizeof *in);
    in->images = 1 + ufm_rng_below(rng, MOST_IMAGES);
    in->classes = 2 + ufm_rng_below(rng, MOST_CLASSES - 1);
    in->annotations = 1 + ufm_rng_below(rng, 2000);
    int64_t id = ufm_rng_below(rng, 3);
    for (int64_t i = 0; i < in->images; i++) in->image_id[i] = id += 1 + ufm_rng_below(rng, 100);
    shuffle(rng, in->image_id, in->images);
    id = ufm_rng_below(rng, 3);
    for (int64_t k = 0; k < in->classes; k++) {
        in->category_id[k] = id += 1 + ufm_rng_below(rng, 4);
        in->shuffled[k] = k;
    }
    shuffle(rng, in->shuffled, in->classes);
}

static void write_section(ufm_rng *rng, instance *in, int section, FILE *stream)
{
    static const char *const gap[] = {"", " ", "\n", "\r\n\t"};
    const int64_t count = section == 0 ? in->images : section == 1 ? in->classes : in->annotations;
    fprintf(stream, "\"%s\":[", section == 0 ? "images" : section == 1 ? "categories" : "annotations");
    for (int64_t i = 0; i < count; i++) {
        fprintf(stream, "%s%s{", i ? "," : "", gap[ufm_rng_below(rng, 4)]);
        if (section == 0)
            fprintf(stream, "\"file_name\":\"%d.jpg\",\"id\":%lld}", (int)i, (long long)in->image_id[i]);
        if (section == 1)
            fprintf(stream, "\"id\": %lld,\"name\":\"c\"}", (long long)in->category_id[in->shuffled[i]]);
        if (section < 2) continue;
        const int64_t image = ufm_rng_below(rng, in->images), class = ufm_rng_below(rng, in->classes);
        in->mask[image] |= 1u << class;
        fprintf(stream, "\"segmentation\":[[%d.5,3]],\"category_id\":%lld,%s\"image_id\":%lld}", (int)i,
                (long long)in->category_id[class], gap[ufm_rng_below(rng, 4)],
                (long long)in->image_id[image]);
    }
    fprintf(stream, "]");
}

static bool same_labels(const instance *in, const ufm_labels *labels)
{
    int64_t column = 0;
    for (int64_t i = 0; i < in->images; i++) {
        if (!in->mask[i]) continue;
        if (column == labels->columns) return false;
        uint32_t mask = 0;
        for (int64_t j = labels->offset[column]; j < labels->offset[column + 1]; j++)
            mask |= 1u << labels->tag[j];
        if (mask != in->mask[i]) return false;
        column++;
    }
    return column == labels->columns && labels->classes == in->classes &&
           labels->unlabelled_dropped == in->images - column;
}

static void test_random_files(void)
{
    enum { SEED = 2017 };
    ufm_rng *rng = ufm_rng_new(SEED);
    instance in;
    const char *path = test_path(".json");
    for (int trial = 0; trial < (test_fast() ? 20 : 200); trial++) {
        int64_t section[] = {0, 1, 2};
        shuffle(rng, section, 3);
        draw_instance(rng, &in);
        FILE *stream = fopen(path, "w");
        for (int s = 0; s < 3; s++) {
            fputs(s == 0 ? "{" : ",", stream);
            write_section(rng, &in, (int)section[s], stream);
        }
        fputs("}", stream);
        fclose(stream);
        const ufm_read_settings settings = {0};
        ufm_error error = {""};
        ufm_labels *labels = NULL;
        const bool right = ufm_labels_read(path, &settings, &labels, &error) == UFM_OK &&
                           well_formed(labels) && same_labels(&in, labels);
        if (!right)
            fprintf(stderr, "  seed %d trial %d: %lld images, %lld classes, %lld annotations: %s\n", SEED,
                    trial, (long long)in.images, (long long)in.classes, (long long)in.annotations,
                    error.text);
        TEST(right);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

/* ---- Interruption ---- */
typedef struct {
    int calls, allowed;
    double last;
} watcher;

static bool watch(void *context, double fraction, const char *what)
{
    watcher *w = context;
    TEST(fraction > w->last && fraction <= 1 && strcmp(what, "reading labels") == 0);
    w->last = fraction;
    return ++w->calls < w->allowed;
}

static void test_progress(void)
{
    static const char *const suffixes[] = {".json", ".csv"};
    for (int f = 0; f < 2; f++) {
        const char *path = test_path(suffixes[f]);
        FILE *stream = fopen(path, "w");
        fputs(f == 0 ? "{" TWO ", \"images\": [{\"id\": 1}], \"annotations\": [" : "a,b\n", stream);
        for (int i = 0; i < 5000; i++)
            fputs(f == 1   ? "0.00000000000000000000000,1.00000000000000000000000\n"
                  : i == 0 ? "{\"image_id\": 1, \"category_id\": 2}"
                           : ",{\"image_id\": 1, \"category_id\": 2}",
                  stream);
        if (f == 0) fputs("]}", stream);
        fclose(stream);
        ufm_labels *labels;
        ufm_error error;
        for (int allowed = 1; allowed < 3; allowed++) {
            const int64_t blocks = ufm_memory_live_blocks();
            watcher w = {.allowed = allowed};
            const ufm_read_settings settings = {.progress = watch, .context = &w};
            TEST(ufm_labels_read(path, &settings, &labels, &error) == UFM_ERROR_CANCELLED && !labels);
            TEST(w.calls == allowed && test_contains(error.text, "interrupted while it was read"));
            TEST(ufm_memory_live_blocks() == blocks);
        }
        watcher w = {.allowed = 1000};
        const ufm_read_settings settings = {.progress = watch, .context = &w};
        TEST_OK(ufm_labels_read(path, &settings, &labels, &error));
        TEST(w.last == 1);
        ufm_labels_free(labels);
    }
}

/* ---- Through the program, and real data ---- */
static void test_program_reads(void)
{
    char path[128], arguments[512], out[4096], err[1024];
    strcpy(path, test_file(".json", "{" ANNOTATIONS "," CATEGORIES ",\n" IMAGES "}"));
    snprintf(arguments, sizeof arguments, "solve --labels '%s' --max-iterations 0 --json", path);
    TEST(test_program(arguments, out, err, sizeof out) == 0);
    TEST(test_contains(out, "\"unlabelled_dropped\": 1,") && test_contains(out, "\"samples_total\": 2,"));
    TEST(test_contains(err, "1 samples without any label were left out"));
    snprintf(arguments, sizeof arguments, "solve --labels '%s' --unlabelled error", path);
    TEST(test_program(arguments, out, err, sizeof err) == 2 && out[0] == '\0');
    TEST(test_contains(err, "image -2 has no annotation, which --unlabelled error refuses"));
    char place[192];
    snprintf(place, sizeof place, "ufmlab: %s:2: byte ", path);
    TEST(strncmp(err, place, strlen(place)) == 0 && strchr(err, '\n') == err + strlen(err) - 1);
}

/* The numbers were counted with Python's json module: the set {category_id of the annotations} of each image,
 * ids replaced by their index in the sorted list of all category ids. */
static void test_real_subset(void)
{
    if (!test_data()) return;
    static const int64_t per_multiplicity[14] = {0, 19, 21, 21, 21, 19, 7, 3, 6, 3, 1, 1, 0, 1};
    static const int64_t per_class[80] = {
        61, 8, 15, 3, 3,  6, 1,  7,  6, 8, 2, 7, 2,  6,  7,  6, 6,  4,  0,  2,  3, 1, 0, 0, 8, 5, 12,
        3,  2, 1,  0, 1,  4, 2,  1,  2, 3, 0, 2, 17, 10, 18, 9, 11, 6,  15, 3,  3, 3, 0, 4, 1, 1, 3,
        3,  4, 14, 1, 11, 1, 19, 12, 5, 7, 6, 2, 6,  8,  1,  7, 2,  20, 4,  11, 6, 6, 2, 1, 0, 2};
    static const int32_t first[13] = {0, 16, 39, 40, 41, 42, 43, 45, 55, 56, 58, 60, 74};
    char path[512];
    snprintf(path, sizeof path, "%s/coco/annotations/instances_subset.json", test_data());
    const ufm_read_settings keep = {.duplicates = UFM_DUPLICATES_KEEP},
                            merge = {.duplicates = UFM_DUPLICATES_MERGE};
    ufm_labels *kept = NULL, *merged = NULL;
    TEST_OK(ufm_labels_read(path, &keep, &kept, NULL));
    TEST_OK(ufm_labels_read(path, &merge, &merged, NULL));
    if (kept && merged) {
        int64_t multiplicity[14] = {0}, class[80] = {0};
        TEST(kept->classes == 80 && kept->samples == 123 && kept->unlabelled_dropped == 2);
        TEST(merged->columns == 113 && kept->offset[kept->columns] == 475);
        for (int64_t i = 0; i < kept->columns; i++) multiplicity[ufm_labels_multiplicity(kept, i)]++;
        for (int64_t j = 0; j < 475; j++) class[kept->tag[j]]++;
        TEST(memcmp(multiplicity, per_multiplicity, sizeof multiplicity) == 0);
        TEST(memcmp(class, per_class, sizeof class) == 0);
        TEST(memcmp(kept->tag, first, sizeof first) == 0); /* image 790, the first of the file */
        TEST(strcmp(kept->name[0], "person") == 0 && strcmp(merged->name[79], "toothbrush") == 0);
        TEST(strcmp(merged->name[11], "stop sign") == 0); /* id 13: there is no 12 */
    }
    ufm_labels_free(kept);
    ufm_labels_free(merged);
}

static const test_case cases[] = {
    {"orders", test_orders},
    {"bad_coco", test_bad_coco},
    {"random_files", test_random_files},
    {"progress", test_progress},
    {"program_reads", test_program_reads},
    {"real_subset", test_real_subset},
    {NULL, NULL},
};
const test_suite suite_coco = {"coco", cases};
