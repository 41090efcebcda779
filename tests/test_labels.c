/* Layer 1, bounded text input, and layer 2, labels: designs and label files, good, broken and hostile. */
#include "label_files.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <unistd.h>

/* ---- Bounded text input ---- */
static void check_lines(const char *path, const char *const *expected, int64_t count)
{
    ufm_text *text;
    char *line;
    int64_t length;
    const ufm_status opened = ufm_text_open(path, &text, NULL);
    TEST_OK(opened);
    if (opened != UFM_OK) return;
    TEST(strcmp(ufm_text_path(text), path) == 0);
    for (int64_t i = 0; i < count; i++) {
        TEST_OK(ufm_text_line(text, &line, &length, NULL));
        TEST(line && strcmp(line, expected[i]) == 0 && length == (int64_t)strlen(expected[i]));
        TEST(ufm_text_line_number(text) == i + 1);
    }
    for (int i = 0; i < 2; i++) {
        const ufm_status status = ufm_text_line(text, &line, &length, NULL);
        TEST(status == UFM_OK && line == NULL);
        TEST(ufm_text_line_number(text) == count);
    }
    ufm_text_close(text);
}

static void test_text_lines(void)
{
    const char *const two[] = {"a", "b"}, *const blank[] = {"", "x\r", ""}, *const one[] = {"\xEF\xBB\xBFz"};
    check_lines(test_file(".txt", ""), NULL, 0);
    check_lines(test_file(".txt", "a\nb"), two, 2);
    check_lines(test_file(".txt", "a\nb\n"), two, 2);
    check_lines(test_file(".txt", "a\r\nb\r\n"), two, 2);
    check_lines(test_file(".txt", "\xEF\xBB\xBF"
                                  "a\nb\n"),
                two, 2);
    check_lines(test_file(".txt", "\nx\r\r\n\n"), blank, 3);
    check_lines(test_file(".txt", "\xEF\xBB\xBF\xEF\xBB\xBFz\n"), one, 1);
    /* Lines of every length around the size of a block. */
    enum { LENGTH = 65536 + 40 };
    char *line = ufm_alloc(LENGTH + 3, 1);
    for (int length = LENGTH - 80; length < LENGTH; length++) {
        memset(line, 'q', LENGTH);
        memcpy(line + length, "\nb", 3);
        const char *path = test_path(".txt");
        test_write(path, line, strlen(line));
        line[length] = '\0';
        const char *const lines[] = {line, "b"};
        check_lines(path, lines, 2);
        unlink(path);
    }
    ufm_free(line);
    ufm_text_close(NULL);
}

static void test_text_pipe(void)
{
    int ends[2];
    char path[64];
    const char *const two[] = {"a", "b"};
    if (pipe(ends) != 0 || write(ends[1], "a\nb", 3) != 3) abort();
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    check_lines(path, two, 2);
    close(ends[0]);
    check_lines("/dev/null", NULL, 0);
}

/* The first failure of reading a file to its end. */
static ufm_status read_through(const char *path, ufm_error *error)
{
    ufm_text *text;
    char *line;
    int64_t length;
    error->text[0] = '\0';
    ufm_status status = ufm_text_open(path, &text, error);
    do
        if (status == UFM_OK) status = ufm_text_line(text, &line, &length, error);
    while (status == UFM_OK && line);
    ufm_text_close(text);
    return status;
}

static void check_unreadable(const char *path, ufm_status expected, const char *word, int line)
{
    ufm_error error;
    char place[256];
    const ufm_status status = read_through(path, &error);
    TEST(status == expected);
    TEST(test_contains(error.text, word));
    snprintf(place, sizeof place, line > 0 ? "%s:%d: " : "%s: ", path, line);
    TEST(strncmp(error.text, place, strlen(place)) == 0);
    TEST(strchr(error.text, '\n') == NULL);
}

static void test_text_refusals(void)
{
    check_unreadable("/tmp", UFM_ERROR_IO, "is a directory", 0);
    check_unreadable("/nonexistent/file", UFM_ERROR_IO, "No such file", 0);
    check_unreadable("", UFM_ERROR_IO, "No such file", 0);
    check_unreadable("/dev/zero", UFM_ERROR_INPUT, "NUL byte", 1);
    const char *path = test_path(".txt");
    test_write(path, "good\nb\0d\n", 9);
    check_unreadable(path, UFM_ERROR_INPUT, "NUL byte", 2);
    /* Of a long path the end is shown, and the message is complete. */
    char longer[1000];
    const char *name = strrchr(path, '/');
    int used = snprintf(longer, sizeof longer, "%.*s", (int)(name - path), path);
    while (used < 900) used += snprintf(longer + used, sizeof longer - (size_t)used, "/.");
    snprintf(longer + used, sizeof longer - (size_t)used, "%s", name);
    ufm_error error;
    const ufm_status status = read_through(longer, &error);
    TEST(status == UFM_ERROR_INPUT && strncmp(error.text, "...", 3) == 0);
    TEST(test_contains(error.text, name) &&
         test_contains(error.text, ":2: a NUL byte; this must be a text file"));
}

/* A 100-MB line is refused after 16 MiB; one of exactly the limit is fine. */
static void test_text_long_line(void)
{
    enum { PIECE = 1 << 20 };
    char *piece = ufm_alloc(PIECE, 1);
    memset(piece, 'a', PIECE);
    const char *path = test_path(".txt");
    FILE *stream = fopen(path, "wb");
    for (int64_t bytes = 0; bytes < UFM_LINE_MAX; bytes += PIECE)
        if (fwrite(piece, 1, PIECE, stream) != PIECE) abort();
    fflush(stream);
    ufm_error error;
    TEST_OK(read_through(path, &error));
    for (int i = 0; i < (test_fast() ? 2 : 84); i++)
        if (fwrite(piece, 1, PIECE, stream) != PIECE) abort();
    fclose(stream);
    const double start = ufm_seconds();
    check_unreadable(path, UFM_ERROR_INPUT, "longer than 16777216 bytes", 1);
    test_at_most("seconds to refuse a long line", ufm_seconds() - start, test_fast() ? 20 : 2);
    ufm_labels *labels;
    const ufm_read_settings settings = {0};
    const ufm_status status = ufm_labels_read_counts(path, &settings, &labels, &error);
    TEST(status == UFM_ERROR_INPUT && labels == NULL && test_contains(error.text, ":1: "));
    unlink(path);
    ufm_free(piece);
}

/* The file is cut, extended or overwritten between the first line and the rest. */
static void test_text_changing(void)
{
    enum { SIZE = 300000 };
    char *bytes = ufm_alloc(SIZE, 1);
    memset(bytes, 'a', SIZE);
    for (int i = 99; i < SIZE; i += 100) bytes[i] = '\n';
    for (int change = 0; change < 3; change++) {
        const char *path = test_path(".txt");
        test_write(path, bytes, SIZE);
        ufm_text *text;
        char *line;
        int64_t length;
        ufm_error error = {""};
        TEST_OK(ufm_text_open(path, &text, NULL));
        TEST_OK(ufm_text_line(text, &line, &length, NULL));
        usleep(20000); /* more than the resolution of the file's time */
        if (change == 0 && truncate(path, 150000) != 0) abort();
        if (change == 1 && truncate(path, SIZE + 1) != 0) abort();
        if (change == 2) test_write(path, bytes, SIZE);
        ufm_status status = UFM_OK;
        while (status == UFM_OK && line) status = ufm_text_line(text, &line, &length, &error);
        TEST(status == UFM_ERROR_IO && test_contains(error.text, "changed while it was read"));
        ufm_text_close(text);
    }
    ufm_free(bytes);
}

static void test_fields(void)
{
    static const struct {
        const char *line, *fields; /* fields joined by |; ! where NULL is returned early */
    } table[] = {
        {"", "|"},
        {"a", "a|"},
        {" a , b\t,c ", "a|b|c|"},
        {"a,,", "a|||"},
        {"'a,b', \"c'd\" ,e", "a,b|c'd|e|"},
        {"'it''s','it\\'s',\"x\\\"y\"\"z\"", "it's|it's|x\"y\"z|"},
        {"''", "|"},
        {"'a\\\\'", "a\\|"},
        {"don't,x\"y", "don't|x\"y|"},
        {"'open", "!"},
        {"'open\\'", "!"},
        {"a,'open", "a|!"},
        {"'a'b,c", "!"},
        {"\"", "!"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[64], joined[64] = "";
        strcpy(line, table[i].line);
        for (char *cursor = line; cursor;) {
            const char *field = ufm_field_next(&cursor);
            strcat(joined, field ? field : "!");
            if (field) strcat(joined, "|");
        }
        const bool same = strcmp(joined, table[i].fields) == 0;
        if (!same) fprintf(stderr, "  <%s>: <%s> instead of <%s>\n", table[i].line, joined, table[i].fields);
        TEST(same);
    }
    char *none = NULL;
    TEST(ufm_field_next(&none) == NULL);
}

static void test_numbers(void)
{
    static const char *const bad_integers[] = {"",
                                               " 1",
                                               "1 ",
                                               "1.0",
                                               "0x1",
                                               "-",
                                               "+",
                                               "--1",
                                               "1e3",
                                               "nan",
                                               "9223372036854775808",
                                               "-9223372036854775809"};
    static const char *const bad_doubles[] = {"",   " 1", "1 ",    "1,5",    "0x1p3", "inf", "nan", "-",
                                              "1e", ".",  "1e400", "-1e400", "1..2",  "e5",  "1 2"};
    int64_t integer = 7;
    double number = 7;
    for (size_t i = 0; i < sizeof bad_integers / sizeof *bad_integers; i++)
        TEST(!ufm_parse_int64(bad_integers[i], &integer) && integer == 7);
    for (size_t i = 0; i < sizeof bad_doubles / sizeof *bad_doubles; i++)
        TEST(!ufm_parse_double(bad_doubles[i], &number) && number == 7);
    TEST(ufm_parse_int64("9223372036854775807", &integer) && integer == INT64_MAX);
    TEST(ufm_parse_int64("-9223372036854775808", &integer) && integer == INT64_MIN);
    TEST(ufm_parse_int64("+007", &integer) && integer == 7);
    TEST(ufm_parse_double("-1.5e-3", &number) && number == -1.5e-3);
    TEST(ufm_parse_double("+.5", &number) && number == 0.5);
    TEST(ufm_parse_double("1e-400", &number) && number == 0);
}

/* ---- Builder and grouping ---- */
static void test_builder(void)
{
    const int64_t before = ufm_memory_live_blocks();
    ufm_error error;
    ufm_labels *labels;
    ufm_labels_builder *b = ufm_labels_builder_new();
    const int32_t descending[] = {5, 3, 0}, twice[] = {2, 4, 2}, negative[] = {1, -1}, single[] = {1};
    ufm_status status = ufm_labels_builder_add(b, 3, twice, 1, &error);
    TEST(status == UFM_ERROR_INPUT && test_contains(error.text, "tag 2 appears twice"));
    status = ufm_labels_builder_add(b, 2, negative, 1, &error);
    TEST(status == UFM_ERROR_INPUT && test_contains(error.text, "negative"));
    status = ufm_labels_builder_add(b, 0, NULL, 1, &error);
    TEST(status == UFM_ERROR_USAGE);
    status = ufm_labels_builder_add(b, 1, single, 0, &error);
    TEST(status == UFM_ERROR_USAGE);
    for (int duplicates = UFM_DUPLICATES_KEEP; duplicates <= UFM_DUPLICATES_MERGE; duplicates++) {
        TEST_OK(ufm_labels_builder_add(b, 3, descending, 2, &error));
        TEST_OK(ufm_labels_builder_add(b, 1, single, 1, &error));
        TEST_OK(ufm_labels_builder_add(b, 3, descending, 1, &error));
        TEST_OK(ufm_labels_builder_finish(b, 0, (ufm_duplicates)duplicates, &labels, &error));
        TEST(labels->classes == 6 && labels->samples == 4 && well_formed(labels));
        TEST(strcmp(shown(labels),
                    duplicates == UFM_DUPLICATES_KEEP ? "0+3+5, 0+3+5, 1, 0+3+5" : "0+3+5 x3, 1 x1") == 0);
        ufm_labels_free(labels);
    }
    status = ufm_labels_builder_finish(b, 0, UFM_DUPLICATES_KEEP, &labels, &error);
    TEST(status == UFM_ERROR_INPUT && labels == NULL && test_contains(error.text, "no sample has a label"));
    TEST_OK(ufm_labels_builder_add(b, 3, descending, 1, &error));
    status = ufm_labels_builder_finish(b, 5, UFM_DUPLICATES_KEEP, &labels, &error);
    TEST(status == UFM_ERROR_INPUT && test_contains(error.text, "tag 5 is outside the 5 classes"));
    const int32_t zero[] = {0};
    TEST_OK(ufm_labels_builder_add(b, 1, zero, 1, &error));
    status = ufm_labels_builder_finish(b, 0, UFM_DUPLICATES_KEEP, &labels, &error);
    TEST(status == UFM_ERROR_INPUT && test_contains(error.text, "at least 2 classes"));
    TEST_OK(ufm_labels_builder_add(b, 1, single, INT64_MAX, &error));
    status = ufm_labels_builder_add(b, 1, single, 1, &error);
    TEST(status == UFM_ERROR_INPUT && test_contains(error.text, "add up"));
    status = ufm_labels_builder_finish(b, 0, UFM_DUPLICATES_KEEP, &labels, &error);
    TEST(status == UFM_ERROR_MEMORY && test_contains(error.text, "--duplicates merge"));
    ufm_labels_builder_free(b);
    ufm_labels_builder_free(NULL);
    ufm_labels_free(NULL);
    TEST(ufm_memory_live_blocks() == before);
}

static ufm_labels *random_labels(ufm_rng *rng, int64_t columns, int64_t classes)
{
    ufm_labels_builder *b = ufm_labels_builder_new();
    ufm_labels *labels;
    for (int64_t i = 0; i < columns; i++) {
        int32_t tag[16];
        int64_t tags = 0;
        for (int32_t k = 0; k < classes; k++)
            if (ufm_rng_below(rng, 2) || (k == classes - 1 && tags == 0)) tag[tags++] = k;
        TEST_OK(ufm_labels_builder_add(b, tags, tag, 1 + ufm_rng_below(rng, 3), NULL));
    }
    TEST_OK(ufm_labels_builder_finish(b, classes, UFM_DUPLICATES_KEEP, &labels, NULL));
    ufm_labels_builder_free(b);
    return labels;
}

static uint32_t mask_of(const ufm_labels *labels, int64_t column)
{
    uint32_t mask = 0;
    for (int64_t j = labels->offset[column]; j < labels->offset[column + 1]; j++)
        mask |= 1u << labels->tag[j];
    return mask;
}

/* Against comparing every pair. */
static void test_group(void)
{
    ufm_rng *rng = ufm_rng_new(11);
    for (int trial = 0; trial < 60; trial++) {
        const int64_t columns = 1 + ufm_rng_below(rng, 300), classes = 2 + ufm_rng_below(rng, 9);
        ufm_labels *labels = random_labels(rng, columns, classes);
        int64_t *group = ufm_alloc(labels->columns, sizeof *group), groups = -1, expected = 0;
        TEST_OK(ufm_labels_group(labels, group, &groups));
        bool right = true;
        for (int64_t i = 0; i < labels->columns; i++) {
            int64_t j = 0;
            while (mask_of(labels, j) != mask_of(labels, i)) j++;
            right = right && group[i] == (j < i ? group[j] : expected);
            if (j == i) expected++;
        }
        TEST(right && groups == expected);
        ufm_free(group);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

/* ---- Designs ---- */
static void test_design_parse(void)
{
    ufm_design *design;
    ufm_error error;
    TEST_OK(ufm_design_parse(10, " 2:200 ,1:3100", &design, &error));
    TEST(design->classes == 10 && design->levels == 2);
    TEST(design->multiplicity[0] == 1 && design->per_tag_set[0] == 3100);
    TEST(design->multiplicity[1] == 2 && design->per_tag_set[1] == 200);
    ufm_design_free(design);
    TEST_OK(ufm_design_parse(2, "2:1000000", &design, &error)); /* m = K */
    ufm_design_free(design);
    ufm_design_free(NULL);
    static const struct {
        int64_t classes;
        const char *text, *word;
    } bad[] = {
        {5, "", "empty"},
        {5, "  ", "empty"},
        {5, "1:0", "give at least 1"},
        {5, "2:-3", "give at least 1"},
        {5, "1", "no colon"},
        {5, "a:3", "not two integers"},
        {5, "1:b", "not two integers"},
        {5, "1:", "not two integers"},
        {5, "1:2:3", "not two integers"},
        {5, "1:2,", "no colon"},
        {5, "1:1.5", "not two integers"},
        {5, "6:1", "outside 1..5"},
        {5, "0:1", "outside 1..5"},
        {5, "-1:1", "outside 1..5"},
        {5, "1:2,2:1,1:3", "multiplicity 1 appears twice"},
        {5, "1:1000001", "at most 1000000"},
        {5, "1:99999999999999999999", "not two integers"},
        {5, "99999999999999999999:1", "not two integers"},
        {5, "'1:2", "a quote"},
        {1, "1:2", "give 2 to"},
        {0, "1:2", "give 2 to"},
        {INT64_MAX, "1:2", "give 2 to"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const ufm_status status = ufm_design_parse(bad[i].classes, bad[i].text, &design, &error);
        TEST(status == UFM_ERROR_USAGE && design == NULL);
        TEST(test_contains(error.text, bad[i].word));
    }
}

/* Whether a comes before b: at the lowest tag in which they differ, a has it. */
static bool before(uint32_t a, uint32_t b)
{
    const uint32_t difference = a ^ b;
    return a & (difference & (0u - difference));
}

/* The tag sets of multiplicity m in order, by selection among all bit masks. */
static int64_t brute_force(int64_t classes, int m, uint32_t *mask)
{
    int64_t count = 0;
    for (uint32_t candidate = 1; candidate < 1u << classes; candidate++) {
        if (__builtin_popcount(candidate) != m) continue;
        int64_t i = count++;
        for (; i > 0 && before(candidate, mask[i - 1]); i--) mask[i] = mask[i - 1];
        mask[i] = candidate;
    }
    return count;
}

static void check_expansion(int64_t classes, int low, int high, int64_t samples, ufm_duplicates duplicates)
{
    char text[64];
    ufm_design *design, *again;
    ufm_labels *labels;
    uint32_t mask[256];
    snprintf(text, sizeof text, low < high ? "%d:%lld,%d:%lld" : "%d:%lld", low, (long long)samples, high,
             (long long)samples + 2);
    TEST_OK(ufm_design_parse(classes, text, &design, NULL));
    const ufm_expansion expansion = {duplicates, classes, 3, 0};
    TEST_OK(ufm_design_expand(design, &expansion, &labels, NULL));
    TEST(well_formed(labels) && labels->classes == classes && labels->unlabelled_dropped == 0);
    int64_t column = 0;
    bool right = true;
    for (int64_t l = 0; l < design->levels; l++) {
        const int64_t sets = brute_force(classes, (int)design->multiplicity[l], mask);
        for (int64_t s = 0; s < sets; s++)
            for (int64_t c = 0; c < (duplicates == UFM_DUPLICATES_MERGE ? 1 : design->per_tag_set[l]); c++) {
                right = right && column < labels->columns && mask_of(labels, column) == mask[s];
                if (duplicates == UFM_DUPLICATES_MERGE)
                    right = right && ufm_labels_count(labels, column) == design->per_tag_set[l];
                column++;
            }
    }
    TEST(right && column == labels->columns);
    TEST_OK(ufm_labels_to_design(labels, &again, NULL));
    TEST(again->levels == design->levels && again->classes == classes);
    for (int64_t l = 0; l < design->levels; l++)
        TEST(again->multiplicity[l] == design->multiplicity[l] &&
             again->per_tag_set[l] == design->per_tag_set[l]);
    ufm_design_free(design);
    ufm_design_free(again);
    ufm_labels_free(labels);
}

static void test_expand(void)
{
    for (int64_t classes = 2; classes <= 8; classes++)
        for (int low = 1; low <= classes; low++)
            for (int high = low; high <= classes; high++)
                for (int64_t samples = 1; samples < 4; samples += 2) {
                    check_expansion(classes, low, high, samples, UFM_DUPLICATES_KEEP);
                    check_expansion(classes, low, high, samples, UFM_DUPLICATES_MERGE);
                }
}

static void check_refused(int64_t classes, const char *text, ufm_expansion expansion,
                          const char *const *words)
{
    ufm_design *design;
    ufm_labels *labels;
    ufm_error error;
    TEST_OK(ufm_design_parse(classes, text, &design, NULL));
    const double start = ufm_seconds();
    const ufm_status status = ufm_design_expand(design, &expansion, &labels, &error);
    test_at_most("seconds to refuse a design", ufm_seconds() - start, 1);
    TEST(status == UFM_ERROR_MEMORY && labels == NULL);
    for (; *words; words++) TEST(test_contains(error.text, *words));
    ufm_design_free(design);
}

static void test_expand_refused(void)
{
    const int64_t limit = 25232932864; /* 23.5 GiB */
    /* 161700 tag sets of a million samples: 1.617e11 columns of 800+8+12 bytes */
    check_refused(100, "3:1000000", (ufm_expansion){UFM_DUPLICATES_KEEP, 100, 1, limit},
                  (const char *[]){"needs 1.3e+14 bytes (120.6 TiB)", "the limit is 23.5 GiB",
                                   "use --duplicates merge or fewer samples", NULL});
    check_refused(1000, "6:1", (ufm_expansion){UFM_DUPLICATES_MERGE, 1000, 1, limit},
                  (const char *[]){"23.5 GiB", "fewer classes", NULL});
    check_refused(1000, "500:1000000", (ufm_expansion){UFM_DUPLICATES_KEEP, 1000, 1, 0},
                  (const char *[]){"more than 1e+300 bytes", "8.0 EiB", "fewer classes", NULL});
    check_refused((int64_t)1 << 31, "1073741824:1", (ufm_expansion){UFM_DUPLICATES_MERGE, 1, 1, limit},
                  (const char *[]){"more than 1e+300 bytes", NULL});
    /* Just fits, and just does not: 6 columns of 1 tag with 2 features of 3 doubles. */
    ufm_design *design;
    ufm_labels *labels;
    ufm_error error;
    TEST_OK(ufm_design_parse(3, "1:2", &design, NULL));
    ufm_expansion expansion = {UFM_DUPLICATES_KEEP, 3, 2, 8 + 6 * (8 + 48) + 4 * 6};
    TEST_OK(ufm_design_expand(design, &expansion, &labels, &error));
    ufm_labels_free(labels);
    expansion.memory_limit--;
    ufm_status status = ufm_design_expand(design, &expansion, &labels, &error);
    TEST(status == UFM_ERROR_MEMORY && test_contains(error.text, "368 bytes but the limit is 367 bytes"));
    expansion.dim = -1;
    status = ufm_design_expand(design, &expansion, &labels, &error);
    TEST(status == UFM_ERROR_USAGE);
    expansion.dim = 1;
    design->multiplicity[0] = 4;
    status = ufm_design_expand(design, &expansion, &labels, &error);
    TEST(status == UFM_ERROR_USAGE && test_contains(error.text, "invalid design"));
    ufm_design_free(design);
}

static void test_expand_large(void)
{
    ufm_design *design;
    ufm_labels *labels;
    TEST_OK(ufm_design_parse(10, test_fast() ? "2:200" : "2:222222", &design, NULL));
    const ufm_expansion expansion = {UFM_DUPLICATES_KEEP, 10, 3, 0};
    const double start = ufm_seconds();
    TEST_OK(ufm_design_expand(design, &expansion, &labels, NULL));
    test_at_most("seconds to expand 1e7 columns", ufm_seconds() - start, 5);
    TEST(labels->columns == 45 * design->per_tag_set[0]);
    ufm_design_free(design);
    TEST_OK(ufm_labels_to_design(labels, &design, NULL));
    TEST(design->levels == 1);
    ufm_design_free(design);
    ufm_labels_free(labels);
}

/* ---- Imbalance ---- */
static void check_imbalance(const char *counts, int64_t classes, const char *expected)
{
    for (int duplicates = UFM_DUPLICATES_KEEP; duplicates <= UFM_DUPLICATES_MERGE; duplicates++) {
        char text[512];
        ufm_labels *labels;
        ufm_design *design;
        ufm_error error = {""};
        const ufm_read_settings settings = {.classes = classes, .duplicates = (ufm_duplicates)duplicates};
        snprintf(text, sizeof text, "tags,count\n%s", counts);
        TEST_OK(ufm_labels_read_counts(test_file(".csv", text), &settings, &labels, NULL));
        const ufm_status status = ufm_labels_to_design(labels, &design, &error);
        TEST(status == (expected ? UFM_ERROR_UNSUPPORTED : UFM_OK) && (design != NULL) == (expected == NULL));
        if (expected) TEST(test_contains(error.text, expected) && strlen(error.text) == strlen(expected));
        ufm_design_free(design);
        ufm_labels_free(labels);
    }
}

static void test_to_design(void)
{
    check_imbalance("0,3\n1,3\n2,3\n3,3\n0+3,50\n0+1,2\n0+2,2\n1+2,2\n1+3,2\n2+3,2\n", 4,
                    "not balanced within multiplicity 2: tag set 0+3 has 50 samples, tag set 0+1 has 2");
    check_imbalance("0+3,50\n0+2,2\n1+2,2\n1+3,2\n2+3,2\n", 4,
                    "not balanced within multiplicity 2: tag set 0+3 has 50 samples, tag set 0+1 has none");
    check_imbalance("0+1,1\n0+2,1\n1+2,1\n", 4,
                    "not balanced within multiplicity 2: tag set 0+1 has 1 sample, tag set 0+3 has none");
    check_imbalance("0,1\n", 2,
                    "not balanced within multiplicity 1: tag set 0 has 1 sample, tag set 1 has none");
    check_imbalance("0+1,7\n0,2\n1,1\n", 2,
                    "not balanced within multiplicity 1: tag set 0 has 2 samples, tag set 1 has 1");
    check_imbalance("1,2\n0+1,7\n0,1\n0,1\n", 2, NULL);
    check_imbalance("0+2+1,3\n", 3, NULL);
    check_imbalance("0,3\n", 2147483648,
                    "not balanced within multiplicity 1: tag set 0 has 3 samples, tag set 1 has none");
}

/* ---- Objective ---- */
static void test_objective(void)
{
    ufm_objective parsed = {UFM_LOSS_PAL, 1, 1, 1, 0};
    ufm_error error;
    TEST(ufm_loss_weight(UFM_LOSS_PAL, 3) == 1 && ufm_loss_weight(UFM_LOSS_PAL_N, 4) == 0.25);
    TEST(isnan(ufm_loss_weight(UFM_LOSS_COUNT, 1)) &&
         strcmp(ufm_loss_name(UFM_LOSS_COUNT), "unknown loss") == 0);
    for (int i = 0; i < UFM_LOSS_COUNT; i++) {
        TEST_OK(ufm_objective_parse_loss(ufm_loss_name((ufm_loss)i), &parsed, &error));
        TEST((int)parsed.loss == i && parsed.lambda_b == 1);
        const ufm_objective usual = parsed;
        TEST_OK(ufm_objective_parse_loss(ufm_objective_loss_text(&usual).text, &parsed, &error));
        TEST(parsed.loss == usual.loss && parsed.parameter == usual.parameter);
        TEST(ufm_loss_rank((ufm_loss)i, 7) == (ufm_loss_shift_free((ufm_loss)i) ? 6 : 7));
    }
    TEST_OK(ufm_objective_parse_loss("pal-focal:2.5", &parsed, &error));
    TEST(parsed.loss == UFM_LOSS_PAL_FOCAL && parsed.parameter == 2.5);
    static const struct {
        const char *text, *message;
    } refused[] = {{"mse", "'mse'; known are: pal pal-n"},
                   {"pal:1", "pal has no parameter"},
                   {"pal-focal:", "NAME:NUMBER"},
                   {"pal-focal:x", "NAME:NUMBER"},
                   {"pal-focal:-1", "gamma of pal-focal is -1; give a number from 0 to 100"},
                   {"pal-smooth:1", "epsilon of pal-smooth is 1; give"},
                   {"pal-smooth:nan", "NAME:NUMBER"},
                   {"", "unknown loss ''"}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const ufm_status status = ufm_objective_parse_loss(refused[i].text, &parsed, &error);
        TEST(status == UFM_ERROR_USAGE && test_contains(error.text, refused[i].message));
        TEST(parsed.loss == UFM_LOSS_PAL_FOCAL && parsed.parameter == 2.5);
    }
    const ufm_objective good = {UFM_LOSS_PAL, 5e-3, 1e-3, 0};
    TEST_OK(ufm_objective_check(&good, &error));
    test_close("mu", ufm_objective_mu(&good), 2 * sqrt(5e-6), 1e-15);
    const ufm_objective tiny = {UFM_LOSS_PAL, 1e-300, 1e-300, 0};
    test_close("mu of tiny weights", ufm_objective_mu(&tiny) * 1e300, 2, 1e-15);
    const double bad[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        const ufm_objective w = {UFM_LOSS_PAL, bad[i], 1, 0}, h = {UFM_LOSS_PAL_N, 1, bad[i], 0};
        TEST(ufm_objective_check(&w, &error) == UFM_ERROR_USAGE && test_contains(error.text, "lambda-w"));
        TEST(ufm_objective_check(&h, &error) == UFM_ERROR_USAGE && test_contains(error.text, "lambda-h"));
        const ufm_objective b = {UFM_LOSS_PAL, 1, 1, i == 0 ? -1e-300 : bad[i]};
        TEST(ufm_objective_check(&b, &error) == UFM_ERROR_USAGE && test_contains(error.text, "lambda-b"));
    }
    const ufm_objective unknown = {(ufm_loss)99, 1, 1, 0};
    TEST(ufm_objective_check(&unknown, &error) == UFM_ERROR_USAGE);
    const ufm_objective surplus = {UFM_LOSS_PAL, 1, 1, 0, 0.5};
    TEST(ufm_objective_check(&surplus, &error) == UFM_ERROR_USAGE &&
         test_contains(error.text, "no parameter"));
}

/* ---- Label files ---- */
#define KEEP .duplicates = UFM_DUPLICATES_KEEP
#define MERGE .duplicates = UFM_DUPLICATES_MERGE
#define ARFF                                                                                                 \
    "% a comment\n\n@RELATION 'two words'\n@attribute x Numeric\n@Attribute 'label %one' {0,1}\n"            \
    "@attribute name string % comment\n@attribute \"it's\" {0, 1}\n@attribute z{1,0}\n@DATA\n"

static void test_read_counts(void)
{
    const ufm_read_settings keep = {KEEP}, merge = {MERGE}, eight = {.classes = 8, MERGE};
    check_good(".counts", "tags,count\n0+3,2\n1,1\n", &keep, "0+3, 0+3, 1");
    check_good(".counts", "\xEF\xBB\xBFtags , \"count\"\r\n 3+0 , 2\r\n\r\n1,1\r\n0+3,9223372036854775804",
               &merge, "0+3 x9223372036854775806, 1 x1");
    check_good(".counts", "tags,count\n0+7,2\n,5\n", &eight, "0+7 x2");
    ufm_labels *labels;
    TEST_OK(
        ufm_labels_read_counts(test_file(".csv", "tags,count\n,5\n1,3\n\"\",6\n"), &merge, &labels, NULL));
    TEST(labels->unlabelled_dropped == 11 && labels->samples == 3 && labels->classes == 2);
    ufm_labels_free(labels);
}

static void test_read_multihot(void)
{
    const ufm_read_settings keep = {KEEP}, merge = {.classes = 3, MERGE};
    check_good(".csv", "a,b,c\n0,1,1\n1.0,0,0.0\n 0 , 1 , 1 \n", &keep, "1+2, 0, 1+2");
    check_good(".csv", "a,'b,c',d\r\n0,1,1\r\n1,0,0\r\n\"0\",1,1", &merge, "1+2 x2, 0 x1");
    ufm_labels *labels;
    TEST_OK(ufm_labels_read(test_file(".CSV", "a,b\n0,0\n1,0\n0,0\n"), &keep, &labels, NULL));
    TEST(labels->unlabelled_dropped == 2 && labels->samples == 1 && labels->classes == 2);
    ufm_labels_free(labels);
}

static void test_read_arff(void)
{
    const ufm_read_settings last = {KEEP, .label_columns = -2}, first = {MERGE, .label_columns = 2};
    check_good(".arff", ARFF "1.5,0,'a,b',1,1\n?,1,?,0,1 % comment\n", &last, "0+1, 1");
    check_good(".arff", ARFF "{}\n{ }\n{3 1, 4 0}\n{0 5,2 'x, y' , 4 1}\n% end\n", &last, "1, 1, 0, 1");
    check_good(".arff",
               "@attribute a {0,1}\n@attribute b real\n@attribute c date \"yyyy\"\n@data\n{1 1}\n1,0,?\n"
               "0,1.0,?\n",
               &first, "1 x2, 0 x1");
    /* By name, in another order than the columns, nested, with a namespace prefix. */
    const char *xml = test_file(".xml", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                                        "<m:labels xmlns:m=\"http://mulan.sourceforge.net/labels\">\r\n"
                                        "<m:label name=\"it's\"><m:label\nname='z'></m:label></m:label>"
                                        "<!-- c --><m:label name=\"label &#37;one\"/></m:labels>");
    char path[128];
    strcpy(path, xml);
    const ufm_read_settings named = {KEEP, .label_xml = path};
    check_good(".arff", ARFF "1.5,0,a,1,1\n0,1,b,0,0\n{1 1,3 1}\n{3 1, 4 0}\n{4 0}\n", &named,
               "1+2, 0, 0+1+2, 1");
    check_good(".arff", ARFF "1,0,b,1,1", &named, "1+2");
    ufm_labels *labels;
    TEST_OK(ufm_labels_read(test_file(".arff", ARFF "1,0,b,0,0\n1,1,b,0,0\n"), &named, &labels, NULL));
    TEST(labels->classes == 3 && labels->unlabelled_dropped == 1);
    ufm_labels_free(labels);
    int64_t columns;
    TEST_OK(ufm_label_columns_parse("first:3", &columns, NULL));
    TEST(columns == 3);
    TEST_OK(ufm_label_columns_parse("last:14", &columns, NULL));
    TEST(columns == -14);
    static const char *const bad[] = {"",       "3",      "first:",   "last:0",  "first:-2",
                                      "last:1", "last:x", "middle:3", "first 3", "last:99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ufm_error error;
        TEST(ufm_label_columns_parse(bad[i], &columns, &error) == UFM_ERROR_USAGE);
        TEST(test_contains(error.text, "first:N or last:N") && columns == -14);
    }
}

static void test_bad_csv(void)
{
    static const bad_file bad[] = {
        {".counts", "", {0}, UFM_ERROR_INPUT, 1, "'tags,count'"},
        {".counts", "\n\n", {0}, UFM_ERROR_INPUT, 2, "'tags,count'"},
        {".counts", "tag,count\n", {0}, UFM_ERROR_INPUT, 1, "'tag,count'; it must be 'tags,count'"},
        {".counts", "tags\n", {0}, UFM_ERROR_INPUT, 1, "'tags,count'"},
        {".counts", "tags,count,x\n", {0}, UFM_ERROR_INPUT, 1, "'tags,count'"},
        {".counts", "\x1b[2Jtags\n", {0}, UFM_ERROR_INPUT, 1, "'tags,count'"},
        {".counts", "tags,count\n", {0}, UFM_ERROR_INPUT, 1, "no sample has a label"},
        {".counts", "tags,count\n,4\n", {0}, UFM_ERROR_INPUT, 2, "no sample has a label"},
        {".counts", "tags,count\n0,1\n0+1\n", {0}, UFM_ERROR_INPUT, 3, "not two fields"},
        {".counts", "tags,count\n0,1,2\n", {0}, UFM_ERROR_INPUT, 2, "not two fields"},
        {".counts", "tags,count\n'0,1\n", {0}, UFM_ERROR_INPUT, 2, "not two fields"},
        {".counts", "tags,count\n0,0\n", {0}, UFM_ERROR_INPUT, 2, "positive integer"},
        {".counts", "tags,count\n0,-3\n", {0}, UFM_ERROR_INPUT, 2, "positive integer"},
        {".counts", "tags,count\n0,1.5\n", {0}, UFM_ERROR_INPUT, 2, "positive integer"},
        {".counts", "tags,count\n0,\n", {0}, UFM_ERROR_INPUT, 2, "positive integer"},
        {".counts", "tags,count\n0,9223372036854775808\n", {0}, UFM_ERROR_INPUT, 2, "positive integer"},
        {".counts", "tags,count\n0,9223372036854775807\n1,1\n", {0}, UFM_ERROR_INPUT, 3, "add up"},
        {".counts", "tags,count\n,9223372036854775807\n,1\n", {0}, UFM_ERROR_INPUT, 3, "add up"},
        {".counts", "tags,count\n0+0,1\n", {0}, UFM_ERROR_INPUT, 2, "tag 0 appears twice"},
        {".counts", "tags,count\na,1\n", {0}, UFM_ERROR_INPUT, 2, "'a' is not a tag"},
        {".counts", "tags,count\n-1,1\n", {0}, UFM_ERROR_INPUT, 2, "'-1' is not a tag"},
        {".counts", "tags,count\n0++1,1\n", {0}, UFM_ERROR_INPUT, 2, "'' is not a tag"},
        {".counts", "tags,count\n0+,1\n", {0}, UFM_ERROR_INPUT, 2, "'' is not a tag"},
        {".counts", "tags,count\n+,1\n", {0}, UFM_ERROR_INPUT, 2, "'' is not a tag"},
        {".counts", "tags,count\n0 + 1,1\n", {0}, UFM_ERROR_INPUT, 2, "is not a tag"},
        {".counts", "tags,count\n2147483648,1\n", {0}, UFM_ERROR_INPUT, 2, "is not a tag"},
        {".counts",
         "tags,count\n1,1\n0+4,1\n",
         {.classes = 4},
         UFM_ERROR_INPUT,
         3,
         "tag 4 is outside the 4 classes"},
        {".counts", "tags,count\n0,1\n", {0}, UFM_ERROR_INPUT, 2, "at least 2 classes"},
        {".counts", "tags,count\n1,1\n,4\n", {.refuse_unlabelled = true}, UFM_ERROR_INPUT, 3, "--unlabelled"},
        {".csv", "", {0}, UFM_ERROR_INPUT, 1, "name the classes"},
        {".csv", "0,1\n1,0\n", {0}, UFM_ERROR_INPUT, 1, "header is missing"},
        {".csv", "a\n1\n", {0}, UFM_ERROR_INPUT, 1, "at least 2 classes"},
        {".csv", "a,'b\n1\n", {0}, UFM_ERROR_INPUT, 1, "quote"},
        {".csv", "a,b\n", {0}, UFM_ERROR_INPUT, 1, "no sample has a label"},
        {".csv", "a,b\n0,0\n", {0}, UFM_ERROR_INPUT, 2, "no sample has a label"},
        {".csv", "a,b\n1,0\n1\n", {0}, UFM_ERROR_INPUT, 3, "1 fields but the header has 2"},
        {".csv", "a,b\n1,0\n1,0,1\n", {0}, UFM_ERROR_INPUT, 3, "3 fields but the header has 2"},
        {".csv", "a,b\n1,2\n", {0}, UFM_ERROR_INPUT, 2, "'2' in column 2"},
        {".csv", "a,b\n1,\n", {0}, UFM_ERROR_INPUT, 2, "'' in column 2"},
        {".csv", "a,b\n1,nan\n", {0}, UFM_ERROR_INPUT, 2, "'nan' in column 2"},
        {".csv", "a,b\n1,'0\n", {0}, UFM_ERROR_INPUT, 2, "in column 2"},
        {".csv", "a,b\n1,0\n", {.classes = 3}, UFM_ERROR_INPUT, 1, "--classes"},
        {".csv", "a,b\n1,0\n0,0\n", {.refuse_unlabelled = true}, UFM_ERROR_INPUT, 3, "--unlabelled"},
        {".csv", "a,b\n1,0\n", {.label_columns = 2}, UFM_ERROR_USAGE, 0, "--label-columns"},
        {".csv", "a,b\n1,0\n", {.label_xml = "x"}, UFM_ERROR_USAGE, 0, "--label-xml"},
        {".txt", "a,b\n1,0\n", {0}, UFM_ERROR_INPUT, 0, ".arff"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) check_bad(&bad[i], NULL);
    ufm_labels *labels;
    ufm_error error;
    for (int64_t classes = -1; classes < 2; classes += 2) {
        const ufm_read_settings settings = {.classes = classes};
        TEST(ufm_labels_read_counts("unread", &settings, &labels, &error) == UFM_ERROR_USAGE);
    }
    const ufm_read_settings none = {0};
    TEST(ufm_labels_read("/nonexistent.csv", &none, &labels, &error) == UFM_ERROR_IO);
    TEST(ufm_labels_read_counts("/tmp", &none, &labels, &error) == UFM_ERROR_IO);
    TEST(test_contains(error.text, "/tmp: is a directory"));
}

static void test_bad_arff(void)
{
#define TWO "@attribute a {0,1}\n@attribute b numeric\n"
#define L2                                                                                                   \
    {                                                                                                        \
        .label_columns = -2                                                                                  \
    }
    static const bad_file bad[] = {
        {".arff", TWO "@data\n1,1\n", {0}, UFM_ERROR_USAGE, 0, "--label-xml FILE or --label-columns"},
        {".arff", TWO, {.label_columns = 2, .label_xml = "x"}, UFM_ERROR_USAGE, 0, "give one"},
        {".arff", "", L2, UFM_ERROR_INPUT, 1, "without an @data line"},
        {".arff", TWO, L2, UFM_ERROR_INPUT, 2, "without an @data line"},
        {".arff", "@data\n1,1\n", L2, UFM_ERROR_INPUT, 1, "no @attribute"},
        {".arff", TWO "@data now\n", L2, UFM_ERROR_INPUT, 3, "in the header"},
        {".arff", TWO "@dat\n", L2, UFM_ERROR_INPUT, 3, "in the header"},
        {".arff", TWO "1,1\n", L2, UFM_ERROR_INPUT, 3, "'1,1' in the header"},
        {".arff", "@attribute\n", L2, UFM_ERROR_INPUT, 1, "without name"},
        {".arff", "@attribute a\n", L2, UFM_ERROR_INPUT, 1, "without type"},
        {".arff", "@attribute 'a numeric\n", L2, UFM_ERROR_INPUT, 1, "not closed"},
        {".arff", "@attribute '' numeric\n", L2, UFM_ERROR_INPUT, 1, "without name"},
        {".arff", "@attribute a relational\n", L2, UFM_ERROR_INPUT, 1, "'relational'"},
        {".arff", "@attribute a {0,1\n", L2, UFM_ERROR_INPUT, 1, "not closed"},
        {".arff", "@attribute a {\n", L2, UFM_ERROR_INPUT, 1, "not closed"},
        {".arff", "@attribute a {'0,1}\n", L2, UFM_ERROR_INPUT, 1, "quote"},
        {".arff", TWO "@data\n1,1\n", {.label_columns = 3}, UFM_ERROR_INPUT, 3, "first:3 but the file has 2"},
        {".arff", TWO "@data\n1,1\n", {.label_columns = -3}, UFM_ERROR_INPUT, 3, "last:3 but the file has 2"},
        {".arff",
         TWO "@data\n",
         {.label_columns = INT64_MIN},
         UFM_ERROR_INPUT,
         3,
         "last:9223372036854775808"},
        {".arff", TWO "@data\n1,1\n", {.label_columns = 1}, UFM_ERROR_INPUT, 3, "at least 2 classes"},
        {".arff", TWO "@data\n1,1\n", {.label_columns = 2, .classes = 3}, UFM_ERROR_INPUT, 3, "--classes"},
        {".arff",
         "@attribute s string\n" TWO "@data\n",
         {.label_columns = 2},
         UFM_ERROR_INPUT,
         4,
         "'s' of line 1"},
        {".arff",
         "@attribute s {no,yes}\n" TWO "@data\n",
         {.label_columns = 2},
         UFM_ERROR_INPUT,
         4,
         "'s' of line 1"},
        {".arff", TWO "@data\n", L2, UFM_ERROR_INPUT, 3, "no sample has a label"},
        {".arff", TWO "@data\n0,0\n{}\n", L2, UFM_ERROR_INPUT, 5, "no sample has a label"},
        {".arff", TWO "@data\n1,1\n1\n", L2, UFM_ERROR_INPUT, 5, "1 values but there are 2 attributes"},
        {".arff", TWO "@data\n1,1,1\n", L2, UFM_ERROR_INPUT, 4, "3 values but there are 2 attributes"},
        {".arff", TWO "@data\n1,?\n", L2, UFM_ERROR_INPUT, 4, "'b' is missing"},
        {".arff", TWO "@data\n{0 ?}\n", L2, UFM_ERROR_INPUT, 4, "'a' is missing"},
        {".arff", TWO "@data\n1,2\n", L2, UFM_ERROR_INPUT, 4, "'b' is '2'"},
        {".arff", TWO "@data\n1,'1\n", L2, UFM_ERROR_INPUT, 4, "quote"},
        {".arff", TWO "@data\n{0 1\n", L2, UFM_ERROR_INPUT, 4, "without '}'"},
        {".arff", TWO "@data\n{\n", L2, UFM_ERROR_INPUT, 4, "without '}'"},
        {".arff", TWO "@data\n{2 1}\n", L2, UFM_ERROR_INPUT, 4, "index 2 but there are 2 attributes"},
        {".arff", TWO "@data\n{1 1,0 1}\n", L2, UFM_ERROR_INPUT, 4, "ascend"},
        {".arff", TWO "@data\n{1 1,1 1}\n", L2, UFM_ERROR_INPUT, 4, "ascend"},
        {".arff", TWO "@data\n{-1 1}\n", L2, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".arff", TWO "@data\n{a 1}\n", L2, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".arff", TWO "@data\n{0}\n", L2, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".arff", TWO "@data\n{0 1,}\n", L2, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".arff", TWO "@data\n{,}\n", L2, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".arff", TWO "@data\n{0 ,1 1}\n", L2, UFM_ERROR_INPUT, 4, "no value"},
        {".arff", TWO "@data\n{0 '1}\n", L2, UFM_ERROR_INPUT, 4, "quote"},
        {".arff", TWO "@data\n{99999999999999999999 1}\n", L2, UFM_ERROR_INPUT, 4, "INDEX VALUE"},
        {".arff", TWO "@data\n{0 1},{5}\n", L2, UFM_ERROR_INPUT, 4, "'a' is '1}'"},
        {".arff", TWO "@data\n1,1,{5}\n", L2, UFM_ERROR_INPUT, 4, "3 values"},
        {".arff",
         TWO "@data\n1,1\n0,0\n",
         {.label_columns = 2, .refuse_unlabelled = true},
         UFM_ERROR_INPUT,
         5,
         "--unlabelled"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) check_bad(&bad[i], NULL);
}

static void test_bad_xml(void)
{
    static const struct {
        const char *text;
        int line;
        const char *word;
    } bad[] = {
        {"", 1, "not XML"},
        {"<labels>\n<label name='a'/>\n", 3, "not XML"},
        {"<labels><label name='a'></labels>", 1, "not XML"},
        {"a,b\n", 1, "not XML"},
        {"<labels>\n</labels>", 1, "no label"},
        {"<label name='a'/>", 1, "<label> instead of <labels>"},
        {"<labels>\n<tag name='a'/></labels>", 2, "<tag> instead of <label>"},
        {"<labels>\n<label/></labels>", 2, "without name"},
        {"<labels>\n<label name=''/></labels>", 2, "without name"},
        {"<labels>\n<label name='a'/>\n<label name='b'/>\n<label name='a'/></labels>", 4,
         "'a' appears twice"},
        {"<labels>\n<label name='a'/>\n<label name='c'/></labels>", 3, "'c' is no attribute"},
        {"<!DOCTYPE x [<!ENTITY a \"aaaa\">]>\n<labels/>", 1, "DOCTYPE"},
        {"<labels>\n<label name='\x1b'/></labels>", 2, "not XML"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char xml[128];
        strcpy(xml, test_file(".xml", bad[i].text));
        const bad_file file = {".arff",         TWO "@data\n1,1\n", {.label_xml = xml},
                               UFM_ERROR_INPUT, bad[i].line,        bad[i].word};
        check_bad(&file, xml);
    }
    char xml[128];
    strcpy(xml, test_file(".xml", "<labels><label name='a'/><label name='b'/></labels>"));
    const bad_file twice = {".arff", TWO "@attribute a {0,1}\n@data\n", {.label_xml = xml}, UFM_ERROR_INPUT,
                            4,       "both declare the label 'a'"};
    check_bad(&twice, NULL);
    FILE *stream = fopen(xml, "w");
    for (int i = 0; i < 17; i++) fprintf(stream, "%1048575s\n", "");
    fclose(stream);
    const bad_file endless = {".arff", TWO "@data\n", {.label_xml = xml}, UFM_ERROR_INPUT, 17, "more than"};
    check_bad(&endless, xml);
    unlink(xml);
    const bad_file directory = {".arff", TWO "@data\n",   {.label_xml = "/tmp"}, UFM_ERROR_IO,
                                0,       "is a directory"};
    check_bad(&directory, "/tmp");
    const bad_file missing = {".arff", TWO "@data\n", {.label_xml = "/none"}, UFM_ERROR_IO,
                              0,       "No such file"};
    check_bad(&missing, "/none");
}

/* ---- Every failing allocation ---- */
/* Parsing, expanding and recognising a design with one more allocation each time. */
static ufm_status design_round_trip(ufm_duplicates duplicates, ufm_error *error)
{
    ufm_design *design = NULL, *again = NULL;
    ufm_labels *labels = NULL;
    const ufm_expansion expansion = {duplicates, 5, 1, 0};
    ufm_status status = ufm_design_parse(5, "1:3,2:2,3:1", &design, error);
    if (status == UFM_OK) status = ufm_design_expand(design, &expansion, &labels, error);
    if (status == UFM_OK) status = ufm_labels_to_design(labels, &again, error);
    if (status == UFM_OK) {
        labels->columns--; /* a tag set is missing now */
        ufm_design_free(again);
        status = ufm_labels_to_design(labels, &again, error);
        TEST(again == NULL);
    }
    ufm_design_free(design);
    ufm_design_free(again);
    ufm_labels_free(labels);
    return status;
}

static void test_design_allocation_failures(void)
{
    for (int duplicates = UFM_DUPLICATES_KEEP; duplicates <= UFM_DUPLICATES_MERGE; duplicates++) {
        const int64_t blocks = ufm_memory_live_blocks();
        ufm_status status = UFM_ERROR_MEMORY;
        ufm_error error = {""};
        for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 1000; budget++) {
            ufm_memory_fail_after(budget);
            status = design_round_trip((ufm_duplicates)duplicates, &error);
            ufm_memory_fail_after(-1);
            TEST(error.text[0] != '\0');
            TEST(ufm_memory_live_blocks() == blocks);
        }
        TEST(status == UFM_ERROR_UNSUPPORTED && test_contains(error.text, "tag set 2+3+4 has none"));
    }
}

/* ---- Merged against kept, and real data ---- */
static void check_merged(const ufm_labels *kept, const ufm_labels *merged)
{
    int64_t *group = ufm_alloc(kept->columns, sizeof *group),
            *count = ufm_alloc(kept->columns, sizeof *count);
    int64_t groups;
    TEST_OK(ufm_labels_group(kept, group, &groups));
    TEST(groups == merged->columns && kept->samples == merged->samples && kept->classes == merged->classes);
    bool same = kept->count == NULL && kept->columns == kept->samples && groups == merged->columns;
    for (int64_t i = 0; same && i < kept->columns; i++) {
        const int64_t m = ufm_labels_multiplicity(kept, i), g = group[i];
        count[g]++;
        same = m == ufm_labels_multiplicity(merged, g) &&
               memcmp(kept->tag + kept->offset[i], merged->tag + merged->offset[g], (size_t)m * 4) == 0;
    }
    for (int64_t g = 0; same && g < groups; g++) same = count[g] == merged->count[g];
    TEST(same);
    ufm_free(group);
    ufm_free(count);
}

static void test_merged_against_kept(void)
{
    ufm_rng *rng = ufm_rng_new(12);
    for (int trial = 0; trial < 40; trial++) {
        const char *path = test_path(".counts");
        FILE *stream = fopen(path, "w");
        fprintf(stream, "tags,count\n6,1\n");
        for (int64_t n = ufm_rng_below(rng, 60); n > 0; n--) {
            const char *plus = "";
            for (int k = 0; k < 6; k++)
                if (ufm_rng_below(rng, 2)) {
                    fprintf(stream, "%s%d", plus, k);
                    plus = "+";
                }
            fprintf(stream, ",%d\n", (int)ufm_rng_below(rng, 9) + 1);
        }
        fclose(stream);
        const ufm_read_settings keep = {KEEP}, merge = {MERGE};
        ufm_labels *kept, *merged;
        TEST_OK(ufm_labels_read_counts(path, &keep, &kept, NULL));
        TEST_OK(ufm_labels_read_counts(path, &merge, &merged, NULL));
        TEST(kept->unlabelled_dropped == merged->unlabelled_dropped);
        check_merged(kept, merged);
        ufm_labels_free(kept);
        ufm_labels_free(merged);
    }
    ufm_rng_free(rng);
}

/* ---- Names ---- */
static void check_names(const char *suffix, const char *text, const ufm_read_settings *settings,
                        const char *const *expected)
{
    ufm_labels *labels = NULL;
    ufm_error error = {""};
    TEST_OK(read_labels(test_file(suffix, text), settings, &labels, &error));
    if (!labels) return;
    TEST((labels->name != NULL) == (expected != NULL) && well_formed(labels));
    for (int64_t k = 0; labels->name && k < labels->classes; k++) {
        const bool same = strcmp(labels->name[k], expected[k]) == 0;
        if (!same) fprintf(stderr, "  \"%s\" instead of \"%s\"\n", labels->name[k], expected[k]);
        TEST(same);
    }
    ufm_labels_free(labels);
}

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN
static void test_names(void)
{
    const ufm_read_settings none = {0}, merge = {MERGE}, last = {.label_columns = -2};
    check_names(".counts", "tags,count\n0+1,1\n", &none, NULL);
    check_names(".csv", "a, 'b,c' ,\n1,0,1\n", &none, (const char *const[]){"a", "b,c", "?"});
    check_names(".arff", ARFF "1,0,b,1,1\n", &last, (const char *const[]){"it's", "z"});
    /* Control characters, broken UTF-8, and what is too long by a character of three bytes. */
    check_names(".csv",
                "\x1b[2J\x7f,\xc2\x9b"
                "1m\xc3\xa9,\xff\xe2\x82\n1,0,1\n",
                &merge, (const char *const[]){"?[2J?", "?1m\xc3\xa9", "???"});
    check_names(".csv", SIXTY "," SIXTY "9,0" SIXTY "\n1,0,1\n", &merge,
                (const char *const[]){SIXTY, SIXTY "...",
                                      "0" TEN TEN TEN TEN TEN "012345678"
                                      "..."});
    check_names(".csv", TEN TEN TEN TEN TEN "01234567\xe2\x82\xac,b\n1,0\n", &merge,
                (const char *const[]){TEN TEN TEN TEN TEN "01234567"
                                                          "...",
                                      "b"});
    check_names(".json",
                "{\"images\": [{\"id\": 1, \"name\": \"x\"}], \"categories\": [{\"id\": 9, \"name\": "
                "\"nine\"}, {\"id\": "
                "4}, {\"name\": \"a\\u0000b\\u001b\\u00e9\", \"id\": -1}, {\"name\": 5, \"id\": 7}], "
                "\"annotations\": [{\"image_id\": 1, \"category_id\": 4, \"name\": \"y\"}]}",
                &none, (const char *const[]){"a?b?\xc3\xa9", "?", "?", "nine"});
}

typedef struct {
    const char *name, *xml;
    int64_t samples, classes, distinct, tags, per_class[14];
} real_set;

static void check_real(const real_set *set)
{
    char path[512], xml[512];
    snprintf(path, sizeof path, "%s/mulan/%s.arff", test_data(), set->name);
    snprintf(xml, sizeof xml, "%s/mulan/%s.xml", test_data(), set->xml);
    const ufm_read_settings keep = {KEEP, .label_xml = xml}, merge = {MERGE, .label_columns = -set->classes};
    ufm_labels *kept = NULL, *merged = NULL;
    ufm_error error = {""};
    TEST_OK(ufm_labels_read(path, &keep, &kept, &error));
    TEST_OK(ufm_labels_read(path, &merge, &merged, &error));
    if (kept && merged) {
        TEST(kept->samples == set->samples && kept->classes == set->classes && kept->unlabelled_dropped == 0);
        TEST(merged->columns == set->distinct && kept->offset[kept->columns] == set->tags);
        int64_t per_class[14] = {0};
        for (int64_t j = 0; j < set->tags; j++) per_class[kept->tag[j]]++;
        TEST(memcmp(per_class, set->per_class, sizeof per_class) == 0);
        check_merged(kept, merged);
        ufm_design *design;
        TEST(ufm_labels_to_design(merged, &design, &error) == UFM_ERROR_UNSUPPORTED);
        TEST(test_contains(error.text, "not balanced within multiplicity"));
    } else
        fprintf(stderr, "  %s\n", error.text);
    ufm_labels_free(kept);
    ufm_labels_free(merged);
}

static void test_real_data(void)
{
    if (!test_data()) return;
    static const real_set sets[] = {
        {"emotions", "emotions", 593, 6, 27, 1108, {173, 166, 264, 148, 168, 189}},
        {"yeast",
         "yeast",
         2417,
         14,
         198,
         10241,
         {762, 1038, 983, 862, 722, 597, 428, 480, 178, 253, 289, 1816, 1799, 34}},
        {"scene-train", "scene", 1211, 6, 14, 1286, {227, 165, 197, 196, 277, 224}},
    };
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) check_real(&sets[i]);
}

static const test_case cases[] = {
    {"text_lines", test_text_lines},
    {"text_pipe", test_text_pipe},
    {"text_refusals", test_text_refusals},
    {"text_long_line", test_text_long_line},
    {"text_changing", test_text_changing},
    {"fields", test_fields},
    {"numbers", test_numbers},
    {"builder", test_builder},
    {"group", test_group},
    {"design_parse", test_design_parse},
    {"expand", test_expand},
    {"expand_refused", test_expand_refused},
    {"expand_large", test_expand_large},
    {"to_design", test_to_design},
    {"objective", test_objective},
    {"read_counts", test_read_counts},
    {"read_multihot", test_read_multihot},
    {"read_arff", test_read_arff},
    {"bad_csv", test_bad_csv},
    {"bad_arff", test_bad_arff},
    {"bad_xml", test_bad_xml},
    {"design_allocation_failures", test_design_allocation_failures},
    {"merged_against_kept", test_merged_against_kept},
    {"names", test_names},
    {"real_data", test_real_data},
    {NULL, NULL},
};
const test_suite suite_labels = {"labels", cases};
