/* Rows of numbers: parts, columns of one scale, and training on ARFF files. */
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/labels.h>
#include <ufmlab/nets.h>
#include <unistd.h>

enum { BUFFER = 32768 };
static char out[BUFFER], err[BUFFER];

#define program(...) test_run(out, err, BUFFER, __VA_ARGS__)

/* `rows` rows over three labels with multiplicities 1 to 3 and two features that depend on the tags: column
 * x0 is around 1e6, x1 around 1e-3, x2 constant. Row i has its number in column `row`. */
static const char *write_arff(int rows, int first, uint64_t seed)
{
    static char text[BUFFER];
    int used = snprintf(text, sizeof text,
                        "@relation r\n@attribute x0 numeric\n@attribute x1 numeric\n@attribute x2 numeric\n"
                        "@attribute row numeric\n@attribute a {0,1}\n@attribute b {0,1}\n@attribute c {0,1}\n"
                        "@data\n");
    ufm_rng *rng = ufm_rng_new(seed);
    for (int i = 0; i < rows; i++) {
        const int tags = 1 + i % 7, a = tags & 1, b = tags >> 1 & 1, c = tags >> 2;
        used += snprintf(text + used, sizeof text - (size_t)used, "%.9g,%.9g,7,%d,%d,%d,%d\n",
                         1e6 * (1 + a - b) + 1e4 * ufm_rng_gaussian(rng),
                         1e-3 * (b - 2 * c) + 1e-5 * ufm_rng_gaussian(rng), first + i, a, b, c);
    }
    ufm_rng_free(rng);
    return test_file(".arff", text);
}

static ufm_table *read_rows(const char *path)
{
    const ufm_read_settings settings = {.label_columns = -3};
    ufm_table *table = NULL;
    TEST_OK(ufm_table_read(path, &settings, &table, NULL));
    CU_ASSERT_FATAL(table != NULL);
    return table;
}

/* Every row goes to one of the parts, with its labels. */
static void test_split(void)
{
    enum { ROWS = 50 };
    ufm_table *all = read_rows(write_arff(ROWS, 0, 1)), *part[2] = {NULL, NULL}, *again[2] = {NULL, NULL};
    ufm_error error = {{0}};
    int seen[ROWS] = {0};
    TEST_OK(ufm_table_split(all, 0.3, 5, &part[0], &part[1], NULL));
    TEST_OK(ufm_table_split(all, 0.3, 5, &again[0], &again[1], NULL));
    TEST(part[0]->rows == 35 && part[1]->rows == 15);
    for (int p = 0; p < 2; p++)
        for (int64_t i = 0; i < part[p]->rows; i++) {
            const int64_t row = (int64_t)part[p]->value[i * 4 + 3];
            const ufm_tag_set mine = ufm_labels_set(part[p]->labels, i),
                              his = ufm_labels_set(all->labels, row);
            seen[row]++;
            CU_ASSERT(memcmp(part[p]->value + i * 4, all->value + row * 4, 4 * sizeof(double)) == 0);
            CU_ASSERT(mine.tags == his.tags && mine.classes == 3 &&
                      memcmp(mine.tag, his.tag, (size_t)mine.tags * sizeof *mine.tag) == 0);
            CU_ASSERT(part[p]->value[i * 4] == again[p]->value[i * 4]);
        }
    for (int i = 0; i < ROWS; i++) CU_ASSERT(seen[i] == 1);
    const double bad[] = {0, 1, 0.001, 0.999, -1, NAN};
    for (int i = 0; i < 6; i++) {
        ufm_table *a = NULL, *b = NULL;
        TEST(ufm_table_split(all, bad[i], 5, &a, &b, &error) == UFM_ERROR_USAGE && !a && !b);
    }
    for (int p = 0; p < 2; p++) {
        ufm_table_free(part[p]);
        ufm_table_free(again[p]);
    }
    ufm_table_free(all);
}

static void test_split_memory(void)
{
    ufm_table *all = read_rows(write_arff(20, 0, 1));
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 1000; budget++) {
        ufm_table *a = NULL, *b = NULL;
        ufm_memory_fail_after(budget);
        status = ufm_table_split(all, 0.5, 1, &a, &b, NULL);
        ufm_memory_fail_after(-1);
        TEST((status == UFM_OK) == (a && b));
        ufm_table_free(a);
        ufm_table_free(b);
    }
    TEST_OK(status);
    ufm_table_free(all);
}

/* Mean 0 and variance 1, by long doubles; the other table by the same shift and factor; huge and constant
 * columns do no harm. */
static void test_standardise(void)
{
    ufm_table *table = read_rows(write_arff(40, 0, 2)), *other = read_rows(write_arff(9, 100, 3));
    ufm_table *raw = read_rows(write_arff(40, 0, 2)), *raw_other = read_rows(write_arff(9, 100, 3));
    for (int64_t i = 0; i < 40; i++) table->value[i * 4] *= 1e301;
    for (int64_t i = 0; i < 9; i++) other->value[i * 4] *= 1e301;
    ufm_table_standardise(table, other);
    for (int c = 0; c < 4; c++) {
        long double mean = 0, square = 0;
        for (int64_t i = 0; i < 40; i++) mean += raw->value[i * 4 + c] / 40;
        for (int64_t i = 0; i < 40; i++)
            square += (raw->value[i * 4 + c] - mean) * (raw->value[i * 4 + c] - mean) / 40;
        const long double deviation = c == 2 ? 1 : sqrtl(square);
        for (int64_t i = 0; i < 40; i++)
            test_close("row", table->value[i * 4 + c], (double)((raw->value[i * 4 + c] - mean) / deviation),
                       1e-11);
        for (int64_t i = 0; i < 9; i++)
            test_close("other row", other->value[i * 4 + c],
                       (double)((raw_other->value[i * 4 + c] - mean) / deviation), 1e-11);
    }
    ufm_table_free(table);
    ufm_table_free(other);
    ufm_table_free(raw);
    ufm_table_free(raw_other);
}

/* ---- ufmlab train --data FILE.arff ---- */

#define MLP "--label-columns last:3 --width 0.05 --batch 16 --engine twin --quiet --no-figures"

static double json_number(const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(out, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

/* Tag sets of every multiplicity are learned, and known again in rows that were not trained on. */
static void test_train(void)
{
    char train[128], held[128], directory[128];
    snprintf(train, sizeof train, "%s", write_arff(105, 0, 4));
    snprintf(held, sizeof held, "%s", write_arff(35, 0, 5));
    test_directory(directory, sizeof directory);
    TEST(program("train --data '%s' --held-out '%s' " MLP
                 " --epochs 40 --rate 0.02 --measure-every 40 --json "
                 "--out '%s'",
                 train, held, directory) == 0);
    TEST(strstr(out, "\"mlp\"") && strstr(out, "held_out"));
    TEST(json_number("classes") == 3);
    TEST(program("decode '%s/features-held-out.h5' --reference '%s/features.h5' --json", directory,
                 directory) == 0);
    TEST(json_number("exact_match") >= 0.9); /* onn, the first */
    TEST(program("metrics '%s/features.h5' --as-published --json", directory) == 0);
    TEST(program("certify '%s/features.h5' --json", directory) == 0 && json_number("gap") > 0);
}

/* A share of the rows held out, and a resumed run that must split alike. */
static void test_share(void)
{
    char train[128], whole[128], parts[128], command[600];
    snprintf(train, sizeof train, "%s", write_arff(70, 0, 6));
    test_directory(whole, sizeof whole);
    test_directory(parts, sizeof parts);
    TEST(program("train --data '%s' --held-out 0.3 " MLP " --epochs 3 --out '%s'", train, whole) == 0);
    TEST(program("train --data '%s' --held-out 0.3 " MLP " --epochs 3 --steps 4 --out '%s'", train, parts) ==
         0);
    TEST(program("train --resume '%s' --quiet --no-figures", parts) == 0);
    snprintf(command, sizeof command, "cmp -s '%s/metrics.csv' '%s/metrics.csv'", whole, parts);
    TEST(system(command) == 0);
    TEST(program("metrics '%s/features-held-out.h5' --json", whole) == 0);
    TEST(json_number("samples_total") == 21);
}

static void test_refused(void)
{
    static const struct {
        const char *arguments, *words;
    } rows[] = {{"--label-columns last:3 --arch resnet18", "mlp"},
                {"--label-columns last:3 --held-out 1.5", "share"},
                {"--label-columns last:3 --held-out mnist", "0.3"},
                {"--label-columns last:3 --held-out /nonexistent.arff", "nonexistent"},
                {"--label-columns last:3 --size 28", "--size"},
                {"--label-columns last:3 --classes 3", "--classes"},
                {"", "label"}};
    char train[128], other[128];
    snprintf(train, sizeof train, "%s", write_arff(20, 0, 7));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char arguments[512];
        snprintf(arguments, sizeof arguments, "train --data '%s' %s", train, rows[i].arguments);
        test_refusal(arguments, rows[i].words);
    }
    snprintf(other, sizeof other, "%s",
             test_file(".arff", "@relation r\n@attribute x numeric\n@attribute a {0,1}\n@attribute b {0,1}\n"
                                "@attribute c {0,1}\n@data\n1,1,0,0\n2,0,1,1\n"));
    TEST(program("train --data '%s' --label-columns last:3 --held-out '%s'", train, other) == 2);
    TEST(strstr(err, "other columns") != NULL);
    TEST(program("train --data synthetic --label-columns last:3") == 2 && strstr(err, "FILE.arff"));
}

static const test_case cases[] = {{"split", test_split},
                                  {"split_memory", test_split_memory},
                                  {"standardise", test_standardise},
                                  {"train", test_train},
                                  {"share", test_share},
                                  {"refused", test_refused},
                                  {NULL, NULL}};
const test_suite suite_table = {"table", cases};
