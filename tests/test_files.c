/* The readers of image sets: every format written anew by the test, read back, broken; and real files where
 * there are some. */
#include "image_files.h"
#include "label_files.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ufmlab/data.h>
#include <unistd.h>

/* Every pixel and the class of every image of a set of made_pixel. */
static void check_stored(const ufm_images *set, int images, int first_class)
{
    const ufm_image_shape shape = ufm_images_shape(set);
    const ufm_labels *labels = ufm_images_labels(set);
    uint8_t pixels[3 * 32 * 32];
    TEST(well_formed(labels) && labels->columns == images && labels->classes == 10 && labels->name);
    for (int i = 0; i < images; i++) {
        bool same = true;
        TEST_OK(ufm_images_read(set, i, pixels, NULL));
        for (int p = 0, c = 0; c < shape.channels; c++)
            for (int y = 0; y < shape.height; y++)
                for (int x = 0; x < shape.width; x++) same = same && pixels[p++] == made_pixel(i, c, y, x);
        TEST(same);
        const ufm_tag_set tags = ufm_labels_set(labels, i);
        TEST(tags.tags == 1 && tags.tag[0] == (i + first_class) % 10);
    }
}

/* One line that begins with the path and says where. */
static void check_message(const char *path, const ufm_error *error, const char *word)
{
    TEST(strncmp(error->text, path, strlen(path)) == 0 && !strchr(error->text, '\n'));
    TEST(test_contains(error->text, word));
}

static void test_idx(void)
{
    ufm_images *set;
    ufm_error error;
    char images[128], labels[128];
    strcpy(images, test_path(".idx"));
    strcpy(labels, test_path(".idx"));
    for (int packed = 0; packed < 2; packed++) {
        file_write(images, packed ? file_gzip(make_idx_images(12, 7, 5)) : make_idx_images(12, 7, 5));
        file_write(labels, packed ? file_gzip(make_idx_labels(12)) : make_idx_labels(12));
        TEST_OK(ufm_images_open_idx(images, labels, packed ? UFM_IDX_FASHION : UFM_IDX_DIGITS, &set, &error));
        check_stored(set, 12, 0);
        TEST(strcmp(ufm_images_labels(set)->name[9], packed ? "Ankle boot" : "9") == 0);
        ufm_images_free(set);
    }
    file_write(labels, make_idx_labels(11));
    TEST(ufm_images_open_idx(images, labels, UFM_IDX_DIGITS, &set, &error) == UFM_ERROR_INPUT && !set);
    check_message(images, &error, "byte 4: 12 images but 11 labels");
    TEST(ufm_images_open_idx(labels, labels, UFM_IDX_DIGITS, &set, &error) == UFM_ERROR_INPUT);
    check_message(labels, &error, "the magic number is 0x00000801, not 0x00000803");
    TEST(ufm_images_open_idx(images, "/nowhere", UFM_IDX_DIGITS, &set, &error) == UFM_ERROR_IO);
    file_bytes many = make_idx_labels(3);
    memset(many.bytes + 4, 0xff, 4);
    file_write(labels, many);
    TEST(ufm_images_open_idx(images, labels, UFM_IDX_DIGITS, &set, &error) == UFM_ERROR_INPUT);
    check_message(labels, &error, "declares 4294967295 bytes");
}

static void test_cifar10(void)
{
    ufm_images *set;
    ufm_error error;
    char one[128], two[128];
    strcpy(one, test_path(".bin"));
    strcpy(two, test_path(".bin"));
    file_write(one, make_cifar(12));
    TEST_OK(ufm_images_open_cifar10(1, (const char *[]){one}, &set, &error));
    check_stored(set, 12, 0);
    TEST(strcmp(ufm_images_labels(set)->name[3], "cat") == 0);
    ufm_images_free(set);
    file_bytes rest = make_cifar(12);
    memmove(rest.bytes, rest.bytes + 5 * 3073, 7 * 3073);
    rest.size = 7 * 3073;
    file_write(two, file_gzip(rest));
    file_write(one, make_cifar(5));
    TEST_OK(ufm_images_open_cifar10(2, (const char *[]){one, two}, &set, &error));
    check_stored(set, 12, 0);
    ufm_images_free(set);
    file_bytes cut = make_cifar(2);
    cut.size -= 3;
    file_write(one, cut);
    TEST(ufm_images_open_cifar10(1, (const char *[]){one}, &set, &error) == UFM_ERROR_INPUT && !set);
    check_message(one, &error, "the file ends 3 bytes early");
}

static void test_svhn_cropped(void)
{
    ufm_images *set;
    ufm_error error;
    char path[128];
    strcpy(path, test_path(".mat"));
    for (int kind = 0; kind < 4; kind++) {
        file_write(path, make_mat(11, kind & 1, kind >> 1));
        TEST_OK(ufm_images_open_svhn_cropped(path, &set, &error));
        check_stored(set, 11, 1);
        ufm_images_free(set);
    }
    file_bytes bad = make_mat(3, false, false);
    bad.bytes[bad.size - 8] = 11; /* the first label */
    file_write(path, bad);
    TEST(ufm_images_open_svhn_cropped(path, &set, &error) == UFM_ERROR_INPUT && !set);
    check_message(path, &error, "y holds 11; labels are 1..10");
}

/* ---- SVHN format 1 ---- */
static const char *const numbers[] = {"1", "12", "11", "305", "9", "1234", "123", "0", "1"};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static void write_pictures(const char *directory)
{
    char path[256];
    for (int i = 1; i <= NUMBERS; i++) {
        snprintf(path, sizeof path, "%s/%d.png", directory, i);
        file_write(path, make_png(40 + i, 30, PNG_RGB));
    }
}

static void test_svhn(void)
{
    char directory[128], path[160];
    uint8_t pixels[3 * 16 * 16];
    const ufm_picture_settings settings = {.size = 16, .fit = UFM_FIT_STRETCH};
    ufm_images *set;
    ufm_error error;
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/digitStruct.mat", directory);
    make_digit_struct(path, NUMBERS, numbers);
    write_pictures(directory);
    TEST_OK(ufm_images_open_svhn(directory, UFM_SVHN_PUBLISHED, NULL, &settings, &set, &error));
    TEST(strcmp(shown(ufm_images_labels(set)), "0, 0+1, 0, 8, 0+1+2, 0") == 0);
    TEST(ufm_images_labels(set)->classes == 9 && ufm_images_labels(set)->unlabelled_dropped == 3);
    TEST(strcmp(ufm_images_labels(set)->name[0], "1") == 0);
    test_close("mean", ufm_images_scaling(set).mean[1], 0.456, 1e-7);
    for (int64_t i = 0; i < ufm_images_labels(set)->columns; i++)
        TEST_OK(ufm_images_read(set, i, pixels, &error));
    ufm_images_free(set);
    TEST_OK(ufm_images_open_svhn(directory, UFM_SVHN_WHOLE, NULL, &settings, &set, &error));
    TEST(strcmp(shown(ufm_images_labels(set)), "1, 1+2, 1, 0+3+5, 9, 1+2+3+4, 1+2+3, 0, 1") == 0);
    ufm_images_free(set);
    TEST(unlink(path) == 0);
    TEST(ufm_images_open_svhn(directory, UFM_SVHN_WHOLE, NULL, &settings, &set, &error) == UFM_ERROR_IO &&
         !set);
}

static bool refuse_at_once(void *context, double fraction, const char *what)
{
    (void)what;
    ++*(int *)context;
    TEST(fraction >= 0 && fraction <= 1);
    return false;
}

/* Enough images that the child is asked for before it ends. */
static void test_svhn_cancelled(void)
{
    enum { MANY = 4000 };
    const char **many = malloc(MANY * sizeof *many);
    char directory[128], path[160];
    int asked = 0;
    const ufm_read_settings reading = {.progress = refuse_at_once, .context = &asked};
    ufm_images *set;
    ufm_error error;
    for (int i = 0; i < MANY; i++) many[i] = "123";
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/digitStruct.mat", directory);
    make_digit_struct(path, MANY, many);
    const int64_t before = ufm_memory_live_blocks();
    TEST(ufm_images_open_svhn(directory, UFM_SVHN_WHOLE, &reading, NULL, &set, &error) ==
         UFM_ERROR_CANCELLED);
    TEST(asked == 1 && !set && ufm_memory_live_blocks() == before);
    check_message(path, &error, "cancelled while it was read");
    free(many);
}

/* The cap of the published rule: 543 of one digit, in the order of the file. */
static void test_svhn_cap(void)
{
    enum { MANY = 600 };
    const char *many[MANY];
    char directory[128], path[160];
    ufm_images *set;
    for (int i = 0; i < MANY; i++) many[i] = i % 10 == 0 ? "47" : "4";
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/digitStruct.mat", directory);
    make_digit_struct(path, MANY, many);
    TEST_OK(ufm_images_open_svhn(directory, UFM_SVHN_PUBLISHED, NULL, NULL, &set, NULL));
    TEST(ufm_images_labels(set)->columns == MANY); /* 540 singles */
    ufm_images_free(set);
    for (int i = 0; i < 10; i++) many[10 * i] = "4";
    make_digit_struct(path, MANY, many);
    TEST_OK(ufm_images_open_svhn(directory, UFM_SVHN_PUBLISHED, NULL, NULL, &set, NULL));
    TEST(ufm_images_labels(set)->columns == 543 + 50 && ufm_images_labels(set)->unlabelled_dropped == 7);
    ufm_images_free(set);
}

/* A reference to the group that holds it, to a data set that is itself, and a wrong address. */
static void test_svhn_damage(void)
{
    char directory[128], path[160];
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/digitStruct.mat", directory);
    make_digit_struct(path, NUMBERS, numbers);
    FILE *stream = fopen(path, "rb");
    uint8_t bytes[1 << 17];
    const size_t size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    TEST(size > 1000 && size < sizeof bytes);
    ufm_rng *rng = ufm_rng_new(7);
    for (int trial = 0; trial < (test_fast() ? 10 : 150); trial++) {
        file_bytes broken = {malloc(size), size};
        memcpy(broken.bytes, bytes, size);
        if (trial % 3 == 0) broken.size = (size_t)ufm_rng_below(rng, (int64_t)size);
        for (int i = 0; trial % 3 != 0 && i < 4; i++) { /* copied words make references to other objects */
            const int64_t words = (int64_t)size / 8 - 1;
            memcpy(broken.bytes + 8 * ufm_rng_below(rng, words), bytes + 8 * ufm_rng_below(rng, words), 8);
        }
        file_write(path, broken);
        ufm_images *set;
        ufm_error error;
        const ufm_status status = ufm_images_open_svhn(directory, UFM_SVHN_WHOLE, NULL, NULL, &set, &error);
        TEST(status == UFM_OK || status == UFM_ERROR_INPUT || status == UFM_ERROR_MEMORY);
        if (status != UFM_OK) check_message(path, &error, "; ");
        ufm_images_free(set);
    }
    ufm_rng_free(rng);
}

/* ---- COCO and folders ---- */
static void test_coco_files(void)
{
    char directory[128], path[160];
    const char *json =
        "{\"images\": [{\"id\": 5, \"file_name\": \"1.png\"}, {\"file_name\": \"none.png\", \"id\": 2},"
        "{\"id\": 9, \"file_name\": \"2.jpg\"}], \"annotations\": [{\"image_id\": 9, "
        "\"category_id\": 3}, {\"image_id\": 5, \"category_id\": 1}, {\"image_id\": 9, "
        "\"category_id\": 1}], \"categories\": [{\"id\": 3, \"name\": \"cup\"}, {\"id\": 1, "
        "\"name\": \"dog\"}]}";
    uint8_t pixels[3 * 32 * 32];
    ufm_images *set;
    ufm_error error;
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/1.png", directory);
    file_write(path, make_png(32, 32, PNG_RGB));
    snprintf(path, sizeof path, "%s/2.jpg", directory);
    file_write(path, make_jpeg(100, 80, JPEG_PROGRESSIVE, 90));
    TEST_OK(ufm_images_open_coco(test_file(".json", json), directory, NULL, NULL, &set, &error));
    const ufm_labels *labels = ufm_images_labels(set);
    TEST(strcmp(shown(labels), "0, 0+1") == 0 && labels->unlabelled_dropped == 1);
    TEST(strcmp(labels->name[0], "dog") == 0 && strcmp(labels->name[1], "cup") == 0);
    TEST_OK(ufm_images_read(set, 0, pixels, &error));
    TEST(pixels[2 * 1024 + 5 * 32 + 7] == made_pixel(0, 2, 5, 7));
    TEST_OK(ufm_images_read(set, 1, pixels, &error));
    TEST(unlink(path) == 0);
    TEST(ufm_images_read(set, 1, pixels, &error) == UFM_ERROR_IO);
    check_message(path, &error, "give a file that can be read");
    ufm_images_free(set);
}

static void check_list(const char *text, const char *word)
{
    ufm_images *set;
    ufm_error error;
    const char *path = test_file(".csv", text);
    TEST(ufm_images_open_folder(path, "/tmp", NULL, NULL, &set, &error) == UFM_ERROR_INPUT && !set);
    check_message(path, &error, word);
}

static void test_folder(void)
{
    ufm_images *set;
    ufm_error error;
    const char *path = test_file(".csv", "file,tags\na.png,0+2\n'b, c.jpg',\nd/e.png,1\n");
    TEST_OK(ufm_images_open_folder(path, "/tmp", NULL, &(ufm_picture_settings){.size = 8}, &set, &error));
    TEST(strcmp(shown(ufm_images_labels(set)), "0+2, 1") == 0);
    TEST(ufm_images_labels(set)->unlabelled_dropped == 1 && ufm_images_shape(set).width == 8);
    ufm_images_free(set);
    check_list("file,count\n", ":1: the header is 'file,count'; it must be 'file,tags'");
    check_list("file,tags\na.png,0\nb.png,1,2\n", ":3: not two fields");
    check_list("file,tags\n../a.png,0\n", ":2: a file name that leaves the directory");
    check_list("file,tags\na/..,0\n", ":2: a file name that leaves the directory");
    check_list("file,tags\n/etc/passwd,0\n", ":2: a file name that leaves the directory");
    check_list("file,tags\n,0\n", ":2: a file name of 0 bytes");
    check_list("file,tags\na.png,0+x\n", ":2: 'x' is not a tag");
}

/* ---- Tables ---- */
static void test_table(void)
{
    ufm_table *table;
    ufm_error error;
    const ufm_read_settings last = {.label_columns = -2};
    const char *head =
        "@relation r\n@attribute a numeric\n@attribute b {0,1}\n@attribute c {1,0}\n@attribute l {0,1}\n"
        "@attribute k {0,1}\n@data\n";
    char text[1024];
    snprintf(text, sizeof text, "%s1.5,1,0,0,1\n7,1,1,0,0\n{0 -2e3, 4 1}\n", head);
    TEST_OK(ufm_table_read(test_file(".arff", text), &last, &table, &error));
    const double expected[] = {1.5, 1, 0, -2000, 0, 1};
    TEST(table->rows == 2 && table->columns == 3 && strcmp(shown(table->labels), "1, 1") == 0);
    for (int i = 0; i < 6; i++) TEST(table->value[i] == expected[i]);
    ufm_table_free(table);
    snprintf(text, sizeof text, "%s?,1,0,0,1\n", head);
    TEST(ufm_table_read(test_file(".arff", text), &last, &table, &error) == UFM_ERROR_INPUT && !table);
    TEST(test_contains(error.text, ":8: '?' for the attribute 'a'; write a finite number"));
    const ufm_read_settings all = {.label_columns = 2};
    TEST(ufm_table_read(test_file(".arff", "@attribute a {0,1}\n@attribute b {0,1}\n@data\n1,0\n"), &all,
                        &table, &error) == UFM_ERROR_INPUT);
    TEST(test_contains(error.text, "all attributes are labels"));
}

/* ---- Broken files of every kind ---- */
static ufm_status open_kind(int kind, const char *path, const char *labels, ufm_images **set,
                            ufm_error *error)
{
    switch (kind) {
    case 0:
        return ufm_images_open_idx(path, labels, UFM_IDX_DIGITS, set, error);
    case 1:
        return ufm_images_open_cifar10(1, &path, set, error);
    default:
        return ufm_images_open_svhn_cropped(path, set, error);
    }
}

static file_bytes whole_kind(int kind)
{
    switch (kind) {
    case 0:
        return make_idx_images(3, 4, 4);
    case 1:
        return make_cifar(3);
    default:
        return make_mat(3, kind == 3, true);
    }
}

static void test_damage(void)
{
    char path[128], labels[128];
    ufm_rng *rng = ufm_rng_new(2310);
    strcpy(path, test_path(".bin"));
    strcpy(labels, test_path(".idx"));
    file_write(labels, make_idx_labels(3));
    const int64_t before = ufm_memory_live_blocks();
    for (int trial = 0; trial < (test_fast() ? 100 : 3000); trial++) {
        file_bytes file = whole_kind(trial % 4);
        if (trial % 8 < 4)
            file.size = (size_t)ufm_rng_below(rng, (int64_t)file.size);
        else /* mostly headers */
            for (int i = 0; i < 3; i++)
                file.bytes[ufm_rng_below(rng, ufm_rng_below(rng, (int64_t)file.size) + 1)] =
                    (uint8_t)ufm_rng_below(rng, 256);
        const bool cut = trial % 8 < 4;
        file_write(path, file);
        ufm_images *set;
        ufm_error error;
        const ufm_status status = open_kind(trial % 4, path, labels, &set, &error);
        TEST((status == UFM_OK && (!cut || trial % 4 == 1)) || status == UFM_ERROR_INPUT);
        if (status == UFM_ERROR_INPUT) check_message(path, &error, "; ");
        ufm_images_free(set);
    }
    TEST(ufm_memory_live_blocks() == before);
    ufm_rng_free(rng);
}

static void test_allocation_failures(void)
{
    char path[128], labels[128];
    strcpy(path, test_path(".bin"));
    strcpy(labels, test_path(".idx"));
    file_write(labels, make_idx_labels(3));
    for (int kind = 0; kind < 4; kind++) {
        file_write(path, whole_kind(kind));
        const int64_t before = ufm_memory_live_blocks();
        ufm_status status = UFM_ERROR_MEMORY;
        for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 200; budget++) {
            ufm_images *set;
            ufm_memory_fail_after(budget);
            status = open_kind(kind, path, labels, &set, NULL);
            ufm_memory_fail_after(-1);
            ufm_images_free(set);
        }
        TEST(status == UFM_OK && ufm_memory_live_blocks() == before);
    }
}

/* ---- Real files ---- */
static void read_all(ufm_images *set, int64_t every)
{
    const ufm_image_shape shape = ufm_images_shape(set);
    uint8_t *pixels = malloc((size_t)(shape.channels * shape.height * shape.width));
    ufm_error error = {""};
    for (int64_t i = 0; i < ufm_images_labels(set)->columns; i += every) {
        TEST_OK(ufm_images_read(set, i, pixels, &error));
        if (error.text[0]) fprintf(stderr, "  %s\n", error.text);
    }
    free(pixels);
}

static void test_real_files(void)
{
    const char *data = test_data();
    if (!data) {
        printf(" [no real data: set UFMLAB_DATA] ");
        return;
    }
    char path[512], directory[512];
    ufm_images *set;
    ufm_error error = {""};
    snprintf(directory, sizeof directory, "%s/svhn/genuine_test40", data);
    TEST_OK(ufm_images_open_svhn(directory, UFM_SVHN_WHOLE, NULL, NULL, &set, &error));
    TEST(ufm_images_labels(set)->columns > 30);
    ufm_images_free(set);
    snprintf(path, sizeof path, "%s/coco/annotations/instances_subset.json", data);
    snprintf(directory, sizeof directory, "%s/coco/images", data);
    const ufm_picture_settings settings = {.size = 64, .fit = UFM_FIT_LETTERBOX};
    TEST_OK(ufm_images_open_coco(path, directory, NULL, &settings, &set, &error));
    TEST(ufm_images_labels(set)->classes == 80 && strcmp(ufm_images_labels(set)->name[0], "person") == 0);
    read_all(set, 5);
    ufm_images_free(set);
    char xml[512];
    snprintf(path, sizeof path, "%s/mulan/yeast.arff", data);
    snprintf(xml, sizeof xml, "%s/mulan/yeast.xml", data);
    ufm_table *table;
    TEST_OK(ufm_table_read(path, &(ufm_read_settings){.label_xml = xml}, &table, &error));
    TEST(table->rows == 2417 && table->columns == 103 && table->labels->classes == 14);
    test_close("cardinality", (double)table->labels->offset[2417] / 2417, 4.24, 0.01);
    ufm_table_free(table);
}

static const test_case cases[] = {
    {"idx", test_idx},
    {"cifar10", test_cifar10},
    {"svhn_cropped", test_svhn_cropped},
    {"svhn", test_svhn},
    {"svhn_cancelled", test_svhn_cancelled},
    {"svhn_cap", test_svhn_cap},
    {"svhn_damage", test_svhn_damage},
    {"coco_files", test_coco_files},
    {"folder", test_folder},
    {"table", test_table},
    {"damage", test_damage},
    {"allocation_failures", test_allocation_failures},
    {"real_files", test_real_files},
    {NULL, NULL},
};
const test_suite suite_files = {"files", cases};
