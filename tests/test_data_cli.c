/* ufmlab data as a user meets it. */
#include "image_files.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yajl/yajl_tree.h>

enum { BUFFER = 65536 };
static char out[BUFFER], err[BUFFER];

static int program(const char *arguments)
{
    return test_program(arguments, out, err, BUFFER);
}

static void test_refusals(void)
{
    char empty[128], missing[400];
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"data", "missing argument"},
        {"data grow", "list, fetch NAME"},
        {"data info", "NAME of one set"},
        {"data list mnist", "takes no name"},
        {"data info nothing", "is no set of images"},
        {"data fetch nothing", "cannot be fetched"},
        {"data fetch mlab-mnist", "data make builds"},
        {"data make --set synthetic", "--out FILE.h5"},
        {"data make --out /tmp/x.h5", "--set NAME"},
        {"data info synthetic --published --corrected", "contradict"},
        {"data info synthetic --samples 1:1 --counts x.csv", "contradict"},
        {"data info synthetic --samples 1:0", "1:0"},
        {"data info synthetic --fit round", "round"},
        {"data info /nonexistent.h5", "/nonexistent.h5"},
        {"data make --set synthetic --out /nonexistent/x.h5", "/nonexistent"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        test_refusal(cases[c].arguments, cases[c].words);
    test_directory(empty, sizeof empty);
    char *kept = getenv("XDG_DATA_HOME"), *data = getenv("UFMLAB_DATA");
    kept = kept ? strdup(kept) : NULL;
    data = data ? strdup(data) : NULL;
    setenv("XDG_DATA_HOME", empty, 1);
    unsetenv("UFMLAB_DATA");
    snprintf(missing, sizeof missing, "data info mlab-cifar10 --data-dir '%s'", empty);
    test_refusal(missing, "ufmlab data fetch cifar10");
    test_refusal(missing, "data_batch_1.bin");
    if (kept)
        setenv("XDG_DATA_HOME", kept, 1);
    else
        unsetenv("XDG_DATA_HOME");
    if (data) setenv("UFMLAB_DATA", data, 1);
    free(kept);
    free(data);
}

static double number(yajl_val root, const char *a, const char *b)
{
    const char *path[] = {a, b, NULL};
    const yajl_val value = yajl_tree_get(root, path, yajl_t_number);
    return value ? YAJL_GET_DOUBLE(value) : NAN;
}

static yajl_val json_of(const char *arguments)
{
    char reason[256];
    const int code = program(arguments);
    const yajl_val root = yajl_tree_parse(out, reason, sizeof reason);
    if (code != 0 || !root) fprintf(stderr, "  '%s': exit %d: %s\n", arguments, code, err);
    CU_ASSERT(code == 0 && root != NULL);
    return root;
}

/* Made, described, and the same again from the file; counts leave out a pair. */
static void test_make_and_info(void)
{
    char path[128], arguments[600], counts[128];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    snprintf(counts, sizeof counts, "%s", test_file(".csv", "tags,count\n0,5\n1,5\n2,5\n0+1,2\n0+2,1\n"));
    snprintf(
        arguments, sizeof arguments,
        "data make --set synthetic --classes 3 --counts '%s' --size 8 --seed 4 --out '%s' --json --quiet",
        counts, path);
    yajl_val made = json_of(arguments);
    snprintf(arguments, sizeof arguments, "data info '%s' --json", path);
    yajl_val info = json_of(arguments);
    for (int n = 0; n < 2; n++) {
        const yajl_val root = n ? info : made;
        TEST(number(root, "samples", NULL) == 18 && number(root, "classes", NULL) == 3);
        TEST(number(root, "multiplicities", "1") == 15 && number(root, "multiplicities", "2") == 3);
        TEST(number(root, "tag_sets", "2") == 2);
        const char *shape[] = {"shape", NULL}, *balanced[] = {"balanced", NULL};
        const yajl_val list = yajl_tree_get(root, shape, yajl_t_array);
        TEST(list && YAJL_GET_ARRAY(list)->len == 3 &&
             YAJL_GET_INTEGER(YAJL_GET_ARRAY(list)->values[1]) == 8);
        TEST(yajl_tree_get(root, balanced, yajl_t_false) != NULL);
    }
    yajl_tree_free(made);
    yajl_tree_free(info);
    snprintf(arguments, sizeof arguments, "data info '%s' --classes 3 --json", counts);
    info = json_of(arguments);
    TEST(number(info, "samples", NULL) == 18 && number(info, "multiplicities", "2") == 3);
    yajl_tree_free(info);
    TEST(program("data info synthetic --samples 1:4,2:2 --classes 5") == 0);
    TEST(strstr(out, "balanced within each multiplicity, as Theorem 1 assumes: 1:4,2:2") != NULL);
}

/* Writes text below the folder. */
static void put_text(const char *folder, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "w");
    TEST(stream && fputs(text, stream) >= 0 && fclose(stream) == 0);
}

static void put(const char *folder, const char *name, file_bytes content)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file_write(path, content);
}

static void put_files(const char *folder)
{
    static const char *const numbers[] = {"1", "12", "305"};
    char path[300];
    put(folder, "some-images-idx3-ubyte", make_idx_images(12, 6, 8));
    put(folder, "some-labels-idx1-ubyte.gz", file_gzip(make_idx_labels(12)));
    put(folder, "lonely-images-idx3-ubyte", make_idx_images(2, 6, 8));
    put(folder, "batch.bin", make_cifar(12));
    put(folder, "cropped.mat", make_mat(12, true, false));
    snprintf(path, sizeof path, "%s/digitStruct.mat", folder);
    make_digit_struct(path, 3, numbers);
    put_text(folder, "labels.csv", "file,tags\na.png,0+2\nb.jpg,1\n");
    put_text(folder, "table.arff",
             "@relation r\n@attribute x numeric\n@attribute y numeric\n@attribute a {0,1}\n@attribute b "
             "{0,1}\n@data\n1,2,0,1\n3,4,1,1\n");
    static const char coco[] =
        "{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}], \"categories\": [{\"id\": 3, \"name\": "
        "\"cat\"}, "
        "{\"id\": 9, \"name\": \"dog\"}], \"annotations\": [{\"image_id\": 1, \"category_id\": 9}]}";
    put_text(folder, "alone.json", coco);
    snprintf(path, sizeof path, "%s/annotations", folder);
    TEST(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/few", folder);
    TEST(mkdir(path, 0700) == 0);
    put_text(folder, "annotations/instances_few.json", coco);
}

/* One file of every kind, told by what is in it. */
static void test_files(void)
{
    static const struct {
        const char *name;
        int samples, classes, multiplicity_of_one, channels, width; /* channels 0: no images */
    } wanted[] = {{"some-images-idx3-ubyte", 12, 10, 12, 1, 8},
                  {"some-labels-idx1-ubyte.gz", 12, 10, 12, 1, 8},
                  {"batch.bin", 12, 10, 12, 3, 32},
                  {"cropped.mat", 12, 10, 12, 3, 32},
                  {"digitStruct.mat", 3, 10, 1, 3, 32},
                  {"labels.csv", 2, 3, 1, 3, 32},
                  {"", 2, 3, 1, 3, 32},
                  {"table.arff", 2, 2, 1, 0, 0},
                  {"annotations/instances_few.json", 1, 2, 1, 3, 32},
                  {"alone.json", 1, 2, 1, 0, 0}};
    char folder[128], arguments[400], lonely[400];
    test_directory(folder, sizeof folder);
    put_files(folder);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const char *shape[] = {"shape", NULL};
        snprintf(arguments, sizeof arguments, "data info '%s%s%s'%s --json", folder,
                 *wanted[i].name ? "/" : "", wanted[i].name,
                 strstr(wanted[i].name, ".arff") ? " --label-columns last:2" : "");
        yajl_val info = json_of(arguments);
        const yajl_val list = yajl_tree_get(info, shape, yajl_t_array);
        TEST(number(info, "samples", NULL) == wanted[i].samples);
        TEST(number(info, "classes", NULL) == wanted[i].classes);
        TEST(number(info, "multiplicities", "1") == wanted[i].multiplicity_of_one);
        TEST(list && YAJL_GET_ARRAY(list)->len == (wanted[i].channels ? 3 : 0));
        if (wanted[i].channels && list && YAJL_GET_ARRAY(list)->len == 3) {
            TEST(YAJL_GET_INTEGER(YAJL_GET_ARRAY(list)->values[0]) == wanted[i].channels);
            TEST(YAJL_GET_INTEGER(YAJL_GET_ARRAY(list)->values[2]) == wanted[i].width);
        }
        yajl_tree_free(info);
    }
    snprintf(arguments, sizeof arguments, "data info '%s/table.arff' --label-columns last:2", folder);
    TEST(program(arguments) == 0 && strstr(out, "a table of 2 features"));
    snprintf(lonely, sizeof lonely, "data info '%s/lonely-images-idx3-ubyte'", folder);
    test_refusal(lonely, "labels-idx1");
}

/* What the loader delivers, and in how much memory. */
static void test_speed(void)
{
    yajl_val info =
        json_of("data info synthetic --samples 1:20 --classes 3 --size 8 --speed --threads 2 --json");
    const double one = number(info, "loader_images_per_second_one_thread", NULL);
    const double two = number(info, "loader_images_per_second", NULL);
    TEST(one > 100 && two > 100 && isfinite(one) && isfinite(two));
    TEST(number(info, "loader_threads", NULL) == 2);
    TEST(number(info, "peak_bytes", NULL) > 1 << 20);
    yajl_tree_free(info);
}

static void test_list(void)
{
    yajl_val list = json_of("data list --json");
    const char *path[] = {"sets", NULL};
    const yajl_val sets = yajl_tree_get(list, path, yajl_t_array);
    TEST(sets && YAJL_GET_ARRAY(sets)->len == 5);
    yajl_tree_free(list);
    TEST(program("data list") == 0 && strstr(out, "non-commercial") && strstr(out, "cs.toronto.edu"));
}

static void test_contact_sheet(void)
{
    char folder[128], arguments[300], path[200], line[64] = "";
    test_directory(folder, sizeof folder);
    snprintf(arguments, sizeof arguments,
             "data info synthetic --samples 1:2,3:1 --classes 3 --size 8 --out '%s'", folder);
    TEST(program(arguments) == 0);
    snprintf(path, sizeof path, "%s/data/contact-sheet.csv", folder);
    FILE *stream = fopen(path, "r");
    TEST(stream && fgets(line, sizeof line, stream) && strcmp(line, "x,y,red,green,blue,label\n") == 0);
    int labels = 0;
    while (stream && fgets(line, sizeof line, stream)) labels += strstr(line, ",0 + 1 + 2\n") != NULL;
    TEST(labels == 1);
    if (stream) fclose(stream);
    snprintf(path, sizeof path, "%s/figures", folder);
    TEST(test_entries(path) == 3);
}

static const test_case cases[] = {{"refusals", test_refusals},
                                  {"make_and_info", test_make_and_info},
                                  {"files", test_files},
                                  {"speed", test_speed},
                                  {"list", test_list},
                                  {"contact_sheet", test_contact_sheet},
                                  {NULL, NULL}};
const test_suite suite_data_cli = {"data_cli", cases};
