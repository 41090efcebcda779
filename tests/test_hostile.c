/* Label files that are broken in every way that can be made systematically, and files that only look broken:
 * no crash, no leak, one line that names the place. */
#include "label_files.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>
#include <unistd.h>

#define ARFF                                                                                                 \
    "% a comment\n\n@RELATION 'two words'\n@attribute x Numeric\n@Attribute 'label %one' {0,1}\n"            \
    "@attribute name string % comment\n@attribute \"it's\" {0, 1}\n@attribute z{1,0}\n@DATA\n"
#define COCO                                                                                                 \
    "{\"info\": {\"year\": 2017, \"id\": null}, \"annotations\": [\n"                                        \
    "{\"id\": 1, \"image_id\": 7, \"category_id\": 90, \"segmentation\": [[1.5, 2e0, -3]], \"iscrowd\": "    \
    "0},\n"                                                                                                  \
    "{\"id\": 2, \"image_id\": 9, \"category_id\": 3, \"iscrowd\": 1,\n"                                     \
    "  \"segmentation\": {\"counts\": \"a\\\\\\u00e9\\ud83d\\ude00\", \"size\": [4, 4]}}],\n"                \
    "\"categories\": [{\"id\": 90, \"name\": \"z\"}, {\"id\": 3, \"name\": \"\xc3\xa9\"}, {\"id\": 5}],\n"   \
    "\"images\": [{\"id\": 9}, {\"id\": 7, \"file_name\": \"x.jpg\"}, {\"id\": 11}], \"ok\": [true, "        \
    "false]}\n"

static const struct {
    const char *suffix, *text;
    bool xml;
} whole[] = {
    {".counts", "tags,count\n0+3,2\n\"1\",1\n,4\n0+3,5\r\n1+2+3,17\n", false},
    {".csv", "a,'b,c',\"d\"\n0,1,1\n1.0,0,0\n0,0,0\n0,1,1\n", false},
    {".arff", ARFF "1.5,0,'a,b',1,1\n{}\n{3 1, 4 0}\n?,1,?,0,1 % c\n{0 5,2 'x, y' , 4 1}\n", true},
    {".arff", ARFF "1.5,0,'a,b',1,1\n{}\n{3 1, 4 0}\n?,1,?,0,1 % c\n{0 5,2 'x, y' , 4 1}\n", false},
    {".json", COCO, false},
};
enum { WHOLE = sizeof whole / sizeof whole[0] };
#define WHOLE_XML                                                                                            \
    "<?xml version=\"1.0\"?>\n<labels xmlns=\"http://mulan.sourceforge.net/labels\">\n<label name=\"it's\">" \
    "<label name=\"z\"/></label><label name='label &#37;one'/>\n</labels>\n"

static void test_truncation(void)
{
    char xml[128];
    strcpy(xml, test_file(".xml", WHOLE_XML));
    for (int f = 0; f < WHOLE; f++) {
        char path[128];
        strcpy(path, test_path(whole[f].suffix));
        for (size_t length = 0; length <= strlen(whole[f].text); length++) {
            test_write(path, whole[f].text, length);
            const ufm_status status = read_anything(path, whole[f].xml ? xml : NULL, UFM_DUPLICATES_MERGE);
            TEST(status == UFM_OK || (status == UFM_ERROR_INPUT && length < strlen(whole[f].text)));
            TEST(strcmp(whole[f].suffix, ".json") != 0 || (status == UFM_OK) == (length + 1 >= strlen(COCO)));
        }
    }
    char path[128];
    strcpy(path, test_file(".arff", whole[2].text));
    for (size_t length = 0; length <= strlen(WHOLE_XML); length++) {
        test_write(xml, WHOLE_XML, length);
        const ufm_status status = read_anything(path, xml, UFM_DUPLICATES_KEEP);
        TEST(status == (length + 1 < strlen(WHOLE_XML) ? UFM_ERROR_INPUT : UFM_OK));
    }
}

static void test_mutation(void)
{
    ufm_rng *rng = ufm_rng_new(2310);
    char xml[128], arff[128], bytes[2048];
    strcpy(xml, test_file(".xml", WHOLE_XML));
    strcpy(arff, test_file(".arff", whole[2].text));
    for (int f = 0; f <= WHOLE; f++) {
        const char *text = f < WHOLE ? whole[f].text : WHOLE_XML;
        char path[128];
        strcpy(path, test_path(f < WHOLE ? whole[f].suffix : ".xml"));
        for (int trial = 0; trial < (test_fast() ? 200 : 2000); trial++) {
            strcpy(bytes, text);
            test_write(path, bytes, mutate(rng, bytes, strlen(text)));
            const ufm_duplicates duplicates = trial % 2 ? UFM_DUPLICATES_MERGE : UFM_DUPLICATES_KEEP;
            if (f == WHOLE)
                read_anything(arff, path, duplicates);
            else
                read_anything(path, whole[f].xml ? xml : NULL, duplicates);
        }
    }
    ufm_rng_free(rng);
}

static void test_allocation_failures(void)
{
    char xml[128];
    strcpy(xml, test_file(".xml", WHOLE_XML));
    for (int f = 0; f < 2 * WHOLE; f++) {
        char path[128];
        strcpy(path, test_file(whole[f / 2].suffix, whole[f / 2].text));
        ufm_status status = UFM_ERROR_MEMORY;
        for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 10000; budget++) {
            ufm_memory_fail_after(budget);
            status = read_anything(path, whole[f / 2].xml ? xml : NULL, (ufm_duplicates)(f % 2));
            ufm_memory_fail_after(-1);
        }
        TEST_OK(status);
    }
}

/* ---- The same kinds of damage in every format ---- */
static void check_everywhere(const bad_file *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) check_bad(&bad[i], NULL);
}
#define CHECK_EVERYWHERE(table) check_everywhere(table, sizeof(table) / sizeof(table)[0])
#define TWO "@attribute a {0,1}\n@attribute b numeric\n@data\n"
#define LAST                                                                                                 \
    {                                                                                                        \
        .label_columns = -2                                                                                  \
    }

static void test_nul_bytes(void)
{
    static const struct {
        bad_file file;
        size_t length;
    } bad[] = {
        {{".counts", "tags,count\n0,1\n1,\0001\n", {0}, UFM_ERROR_INPUT, 3, "a NUL byte"}, 20},
        {{".csv", "a,b\n1,0\n0,\0001\n", {0}, UFM_ERROR_INPUT, 3, "a NUL byte"}, 13},
        {{".arff", "@attribute a\0 {0,1}\n", LAST, UFM_ERROR_INPUT, 1, "a NUL byte"}, 20},
        {{".arff", TWO "1,0\n1,\0000\n", LAST, UFM_ERROR_INPUT, 5, "a NUL byte"}, sizeof TWO + 8},
        {{".json", "{\"images\": [],\n\"categories\": [\0]}", {0}, UFM_ERROR_INPUT, 2, "a NUL byte"}, 34},
        {{".json", "\0", {0}, UFM_ERROR_INPUT, 1, "a NUL byte"}, 1},
        {{".json", "\xFF\xFE{\0", {0}, UFM_ERROR_INPUT, 1, "byte 1: not JSON"}, 4}, /* UTF-16 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_bad_bytes(&bad[i].file, bad[i].length, NULL);
    char xml[128];
    strcpy(xml, test_path(".xml"));
    test_write(xml, "<labels>\n<label name='a\0'/></labels>", 37);
    const bad_file file = {".arff", TWO, {.label_xml = xml}, UFM_ERROR_INPUT, 2, "a NUL byte"};
    check_bad(&file, xml);
}

/* A prefix, then more bytes than any line may have. */
static char *endless(const char *prefix, size_t *length)
{
    *length = strlen(prefix) + (size_t)UFM_LINE_MAX + 1;
    char *text = ufm_alloc((int64_t)*length + 1, 1);
    if (!text) abort();
    memset(text, 'a', *length);
    memcpy(text, prefix, strlen(prefix));
    return text;
}

static void test_long_lines(void)
{
    static const struct {
        const char *suffix, *prefix, *word;
        int line;
    } table[] = {
        {".counts", "tags,count\n", "longer than 16777216 bytes", 2},
        {".csv", "a,b\n1,0\n", "longer than 16777216 bytes", 3},
        {".arff", "@attribute ", "longer than 16777216 bytes", 1},
        {".arff", TWO, "longer than 16777216 bytes", 4},
        {".json", "{\n\"", "more than 1048576 bytes", 2},
        {".json", "{\n\"images\": [{\"id\":\n", "byte 21: not JSON", 3},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t length;
        char *text = endless(table[i].prefix, &length);
        const bool arff = strcmp(table[i].suffix, ".arff") == 0;
        const bad_file bad = {table[i].suffix, text,          {.label_columns = arff ? -2 : 0},
                              UFM_ERROR_INPUT, table[i].line, table[i].word};
        check_bad_bytes(&bad, length, NULL);
        ufm_free(text);
    }
    size_t length;
    char *text = endless("<labels>\n<label name='", &length);
    char xml[128];
    strcpy(xml, test_path(".xml"));
    test_write(xml, text, length);
    const bad_file file = {".arff", TWO, {.label_xml = xml}, UFM_ERROR_INPUT, 2, "longer than"};
    check_bad(&file, xml);
    unlink(xml);
    ufm_free(text);
}

#define MARK "\xEF\xBB\xBF"
static void test_windows_files(void)
{
    const ufm_read_settings none = {0}, last = LAST;
    check_good(".counts", MARK "tags,count\r\n0+1,1\r\n1,1\r\n", &none, "0+1, 1");
    check_good(".csv", MARK "a,b\r\n1,1\r\n0,1\r\n", &none, "0+1, 1");
    check_good(".arff", MARK "@attribute a {0,1}\r\n@attribute b real\r\n@data\r\n1,1\r\n{0 0, 1 1}\r\n",
               &last, "0+1, 1");
    check_good(".json",
               MARK
               "{\"images\": [{\"id\": 1}, {\"id\": 2}],\r\n\"categories\": [{\"id\": 1}, {\"id\": 2}],\r\n"
               "\"annotations\": [{\"image_id\": 1, \"category_id\": 1}, {\"image_id\": 1, "
               "\"category_id\": 2},\r\n{\"image_id\": 2, \"category_id\": 2}]}\r\n",
               &none, "0+1, 1");
    char xml[128];
    strcpy(xml,
           test_file(".xml", MARK "<labels>\r\n<label name='a'/>\r\n<label name='b'/>\r\n</labels>\r\n"));
    const ufm_read_settings named = {.label_xml = xml};
    check_good(".arff", TWO "1,1\r\n0,1\r\n", &named, "0+1, 1");
    static const bad_file bad[] = {
        {".counts", MARK "tags,count\r\n0+1,1\r\nx,1\r\n", {0}, UFM_ERROR_INPUT, 3, "'x' is not a tag"},
        {".csv", MARK "a,b\r\n1,1\r\n0,x\r\n", {0}, UFM_ERROR_INPUT, 3, "'x' in column 2"},
        {".arff", MARK TWO "1,1\r\n0,x\r\n", LAST, UFM_ERROR_INPUT, 5, "'b' is 'x'"},
        {".json",
         MARK "{\r\n\"images\":\r\n3}",
         {0},
         UFM_ERROR_INPUT,
         3,
         "byte 18: \"images\" is not a list"},
        {".json", MARK MARK "{}", {0}, UFM_ERROR_INPUT, 1, "byte 4: not JSON"},
    };
    CHECK_EVERYWHERE(bad);
}

#define HUGE "99999999999999999999999999999999999999999999999999"
static void test_huge_numbers(void)
{
    static const bad_file bad[] = {
        {".counts", "tags,count\n0," HUGE "\n", {0}, UFM_ERROR_INPUT, 2, "positive integer"},
        {".counts", "tags,count\n" HUGE ",1\n", {0}, UFM_ERROR_INPUT, 2, "is not a tag"},
        {".csv", "a,b\n1,1e400\n", {0}, UFM_ERROR_INPUT, 2, "'1e400' in column 2"},
        {".csv", "a,b\n1," HUGE "\n", {0}, UFM_ERROR_INPUT, 2, "in column 2"},
        {".arff", TWO "1,1e400\n", LAST, UFM_ERROR_INPUT, 4, "'b' is '1e400'"},
        {".arff", TWO "{" HUGE " 1}\n", LAST, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".json", "{\"images\": [\n{\"id\": " HUGE "}]}", {0}, UFM_ERROR_INPUT, 2, "not an integer"},
        {".json", "{\"images\": [\n{\"id\": 9223372036854775808}]}", {0}, UFM_ERROR_INPUT, 2, "64 bits"},
        {".json", "{\"images\": [\n{\"id\": 1e400}]}", {0}, UFM_ERROR_INPUT, 2, "64 bits"},
    };
    CHECK_EVERYWHERE(bad);
}

/* ---- Solution files: HDF5 has no lines, so the data set is named, and the row where there is one ---- */
typedef struct {
    int64_t classes, columns;
    double W[6], b, lambda[3];
    uint8_t labels[6];
    int64_t counts[3];
    const char *loss;
} stored_solution;

static void label_bytes(void *context, int64_t row, uint8_t *bytes)
{
    const stored_solution *s = context;
    memcpy(bytes, s->labels + row * s->classes, (size_t)s->classes);
}

/* K x 1 and 1 x n, every number of which the caller chose. */
static void store(const char *path, stored_solution *s)
{
    const double H[3] = {1, 2, 3};
    double b[3] = {0, s->b, 0};
    ufm_h5 *file;
    TEST_OK(ufm_h5_create(path, &file, NULL));
    TEST_OK(ufm_h5_write_matrix(file, "W", s->classes, 1, s->W, NULL));
    TEST_OK(ufm_h5_write_matrix(file, "H", 1, s->columns, H, NULL));
    TEST_OK(ufm_h5_write_vector(file, "b", s->classes, b, NULL));
    TEST_OK(ufm_h5_write_bytes(file, "labels", s->columns, s->classes, label_bytes, s, NULL));
    TEST_OK(ufm_h5_write_integers(file, "counts", s->columns, s->counts, NULL));
    TEST_OK(ufm_h5_write_text(file, "loss", s->loss, NULL));
    TEST_OK(ufm_h5_write_vector(file, "lambda", 3, s->lambda, NULL));
    TEST_OK(ufm_h5_commit(file, NULL));
}

static void check_solution(stored_solution *s, const char *word)
{
    char path[128], start[160];
    strcpy(path, test_path(".h5"));
    store(path, s);
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_solution *solution = NULL;
    ufm_labels *labels = NULL;
    ufm_objective objective;
    ufm_error error = {""};
    const ufm_status status = ufm_solution_load(path, &solution, &labels, &objective, &error);
    snprintf(start, sizeof start, "%s: ", path);
    if (!word) TEST_OK(status);
    if (word) TEST(status == UFM_ERROR_INPUT && strncmp(error.text, start, strlen(start)) == 0);
    if (word) TEST(test_contains(error.text, word) && test_contains(error.text, "; "));
    ufm_solution_free(solution);
    ufm_labels_free(labels);
    TEST(ufm_memory_live_blocks() == blocks);
}

static void test_solution_files(void)
{
    const stored_solution good = {.classes = 2,
                                  .columns = 3,
                                  .W = {1, -1},
                                  .lambda = {1, 1, 0},
                                  .labels = {1, 0, 0, 1, 1, 1},
                                  .counts = {1, 2, 3},
                                  .loss = "pal"};
    stored_solution s = good;
    check_solution(&s, NULL);
    s.W[1] = NAN;
    check_solution(&s, "\"W\": nan at row 1, column 0");
    s = good;
    s.b = INFINITY;
    check_solution(&s, "\"b\": inf at row 1, column 0");
    s = good;
    s.labels[3] = 2;
    check_solution(&s, "labels row 1 holds 2; every entry must be 0 or 1");
    s = good;
    s.labels[4] = s.labels[5] = 0;
    check_solution(&s, "labels row 2 is empty");
    s = good;
    s.counts[1] = 0;
    check_solution(&s, "counts entry 1 is 0");
    s.counts[1] = INT64_MAX;
    check_solution(&s, "counts entry 1 is 9223372036854775807");
    s = good;
    s.loss = "hinge";
    check_solution(&s, "data set loss: unknown loss 'hinge'");
    s = good;
    s.lambda[1] = 0;
    check_solution(&s, "data set lambda: lambda-h is 0");
    const stored_solution one = {.classes = 1,
                                 .columns = 1,
                                 .W = {1},
                                 .lambda = {1, 1, 0},
                                 .labels = {1},
                                 .counts = {1},
                                 .loss = "pal"};
    s = one;
    check_solution(&s, "data set labels: only 1 class; at least 2 classes are needed");
}

/* ---- Paths that would fill the message: their end is shown, and the message is complete ---- */
static void lengthen(const char *path, char *longer, size_t size)
{
    const char *name = strrchr(path, '/');
    size_t used = (size_t)snprintf(longer, size, "%.*s", (int)(name - path), path);
    while (used < 900) used += (size_t)snprintf(longer + used, size - used, "/.");
    snprintf(longer + used, size - used, "%s", name);
}

static void check_long_path(const char *suffix, const char *text, const ufm_read_settings *settings,
                            const char *word)
{
    char path[1100];
    ufm_labels *labels;
    ufm_error error = {""};
    lengthen(text ? test_file(suffix, text) : test_path(suffix), path, sizeof path);
    TEST(read_labels(path, settings, &labels, &error) != UFM_OK && !labels);
    TEST(test_contains(error.text, word) && test_contains(error.text, strrchr(path, '/')));
}

static void test_long_paths(void)
{
    const ufm_read_settings none = {0}, last = LAST, both = {.label_columns = 2, .label_xml = "x"};
    check_long_path(".counts", "tags,count\nx,1\n", &none, ":2: 'x' is not a tag");
    check_long_path(".csv", "a,b\n1,x\n", &none, ":2: 'x' in column 2");
    check_long_path(".arff", TWO "1,x\n", &last, ":4: the label 'b' is 'x'");
    check_long_path(".json", "{\n[]}", &none, ":2: byte 3: not JSON");
    check_long_path(".json", NULL, &none, ": No such file or directory; give a file that can be read");
    check_long_path(".txt", NULL, &none, ": the suffix names no label format; give a .csv");
    check_long_path(".csv", "", &both, ": --label-xml and --label-columns belong to .arff files");
    check_long_path(".arff", "", &both, ": both --label-xml and --label-columns; give one");
    char xml[1100];
    lengthen(test_file(".xml", "<labels>\n<label/></labels>"), xml, sizeof xml);
    const ufm_read_settings named = {.label_xml = xml};
    ufm_labels *labels;
    ufm_error error;
    TEST(ufm_labels_read(test_file(".arff", TWO), &named, &labels, &error) == UFM_ERROR_INPUT);
    TEST(test_contains(error.text, ".xml:2: a label without name; write"));
}

static const test_case cases[] = {
    {"truncation", test_truncation},
    {"mutation", test_mutation},
    {"allocation_failures", test_allocation_failures},
    {"nul_bytes", test_nul_bytes},
    {"long_lines", test_long_lines},
    {"windows_files", test_windows_files},
    {"huge_numbers", test_huge_numbers},
    {"solution_files", test_solution_files},
    {"long_paths", test_long_paths},
    {NULL, NULL},
};
const test_suite suite_hostile = {"hostile", cases};
