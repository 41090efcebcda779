/* Layer 1, JSON input: tokens, their places, and what is refused. */
#include "label_files.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <unistd.h>

/* Tokens written down one after the other: O{ K"key" N1 ... ; and their places checked against the file. */
typedef struct {
    char shown[4096];
    size_t used;
    const char *file; /* its bytes, or NULL when places are not checked */
    int64_t tokens, stop_after;
    bool places_right;
} recorder;

/* The token ends with the byte that it must end with, and the line is that of this byte. */
static bool place_is_right(const char *file, ufm_json_place place, const ufm_json_token *token)
{
    int64_t line = 1;
    for (int64_t i = 0; i < place.byte; i++) line += file[i] == '\n';
    const char last = file[place.byte - 1];
    static const char *const ends[] = {
        [UFM_JSON_NULL] = "l", [UFM_JSON_BOOL] = "e",    [UFM_JSON_STRING] = "\"",
        [UFM_JSON_KEY] = "\"", [UFM_JSON_OBJECT] = "{",  [UFM_JSON_OBJECT_END] = "}",
        [UFM_JSON_LIST] = "[", [UFM_JSON_LIST_END] = "]"};
    const char wanted =
        token->kind == UFM_JSON_NUMBER ? token->text[token->length - 1] : ends[token->kind][0];
    return place.line == line && last == wanted;
}

static ufm_status record(void *context, ufm_json_reader *reader, const ufm_json_token *token,
                         ufm_error *error)
{
    static const char letters[] = {'0', 'B', 'N', 'S', 'K', '{', '}', '[', ']'};
    recorder *r = context;
    if (r->file) r->places_right = r->places_right && place_is_right(r->file, ufm_json_here(reader), token);
    const int used = snprintf(r->shown + r->used, sizeof r->shown - r->used, "%d%c%.*s ", token->depth,
                              letters[token->kind], (int)token->length, token->text ? token->text : "");
    r->used = r->used + (size_t)used < sizeof r->shown ? r->used + (size_t)used : sizeof r->shown - 1;
    if (++r->tokens == r->stop_after) return ufm_fail(error, UFM_ERROR_CANCELLED, "enough");
    return UFM_OK;
}

static ufm_status read_json(const char *path, recorder *r, ufm_error *error)
{
    ufm_text *text;
    ufm_status status = ufm_text_open(path, &text, error);
    if (status != UFM_OK) return status;
    status = ufm_json_read(text, record, r, error);
    ufm_text_close(text);
    return status;
}

static const char sample[] =
    "{\"a\\n\" : [1,-2.5e+3 , 0,\n\"\\u00e9\\uD83D\\uDE00\",true,\r\nfalse,null,\n{}, [ ]],\n"
    "\"\" :\"\xc3\xa9\",\n\n\"b\":{\"c\":12345678901234567890}\n}";
static const char sample_tokens[] = "0{ 1Ka\n 1[ 2N1 2N-2.5e+3 2N0 2S\xc3\xa9\xf0\x9f\x98\x80 2Btrue 2Bfalse "
                                    "20null 2{ 2} 2[ 2] 1] 1K 1S\xc3\xa9 "
                                    "1Kb 1{ 2Kc 2N12345678901234567890 1} 0} ";

static void check_sample(const char *bytes, size_t length)
{
    const char *path = test_path(".json");
    test_write(path, bytes, length);
    recorder *r = ufm_alloc(1, sizeof *r);
    r->file = bytes;
    r->places_right = true;
    ufm_error error = {""};
    const ufm_status status = read_json(path, r, &error);
    const bool right = status == UFM_OK && strcmp(r->shown, sample_tokens) == 0 && r->places_right;
    if (!right) fprintf(stderr, "  %zu bytes: \"%s\" \"%s\"\n", length, error.text, r->shown);
    TEST(right);
    ufm_free(r);
    unlink(path);
}

/* The file is read in blocks of 64 KiB: every token must survive being cut in two at each of its bytes. */
static void test_tokens(void)
{
    enum { BLOCK = 1 << 16 };
    char *bytes = ufm_alloc(BLOCK + (int64_t)sizeof sample, 1);
    check_sample(sample, sizeof sample - 1);
    for (size_t first = 1; first < sizeof sample; first++) {
        const size_t blanks = BLOCK - first;
        memset(bytes, ' ', blanks);
        for (size_t i = 99; i < blanks; i += 1000) bytes[i] = '\n';
        memcpy(bytes + blanks, sample, sizeof sample - 1);
        check_sample(bytes, blanks + sizeof sample - 1);
    }
    ufm_free(bytes);
    recorder r = {.stop_after = 0};
    TEST_OK(read_json(test_file(".json", " 12"), &r, NULL));
    TEST(strcmp(r.shown, "0N12 ") == 0);
}

/* Failures of `take` end the reading; a pipe is read like a file. */
static void test_stop_and_pipe(void)
{
    for (int64_t after = 1; after <= 23; after++) {
        recorder r = {.stop_after = after};
        ufm_error error = {""};
        const ufm_status status = read_json(test_file(".json", sample), &r, &error);
        TEST(status == UFM_ERROR_CANCELLED && r.tokens == after && strcmp(error.text, "enough") == 0);
    }
    int ends[2];
    char path[64];
    if (pipe(ends) != 0 || write(ends[1], "\xEF\xBB\xBF[1]", 6) != 6) abort();
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    recorder r = {.stop_after = 0};
    TEST_OK(read_json(path, &r, NULL));
    TEST(strcmp(r.shown, "0[ 1N1 0] ") == 0);
    close(ends[0]);
    /* The byte order mark alone, the text later. */
    if (pipe(ends) != 0) abort();
    const pid_t child = fork();
    if (child == 0) {
        const bool marked = write(ends[1], "\xEF\xBB\xBF", 3) == 3;
        usleep(50000);
        _exit(marked && write(ends[1], "[1]", 3) == 3 ? 0 : 1);
    }
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    recorder late = {.stop_after = 0};
    TEST_OK(read_json(path, &late, NULL));
    TEST(strcmp(late.shown, r.shown) == 0);
    close(ends[0]);
    int status;
    TEST(waitpid(child, &status, 0) == child && status == 0);
}

static void check_refused(const char *bytes, size_t length, const char *place, const char *word)
{
    char start[192];
    const char *path = test_path(".json");
    test_write(path, bytes, length);
    recorder *r = ufm_alloc(1, sizeof *r);
    ufm_error error = {""};
    r->stop_after = INT64_MAX;
    const ufm_status status = read_json(path, r, &error);
    snprintf(start, sizeof start, "%s:%s: ", path, place);
    TEST(status == UFM_ERROR_INPUT && strncmp(error.text, start, strlen(start)) == 0);
    TEST(test_contains(error.text, place) && test_contains(error.text, word));
    TEST(!strchr(error.text, '\n'));
    ufm_free(r);
    unlink(path);
}

static void test_refusals(void)
{
    static const struct {
        const char *text, *place, *word;
    } bad[] = {
        {"", "1: byte 0", "ends before its JSON text does; is it complete?"},
        {"  \n ", "2: byte 4", "ends before"},
        {"[1,\n2", "2: byte 5", "ends before"},
        {"{\"a\":\n\"b", "2: byte 8", "ends before"},
        {"tru", "1: byte 3", "ends before"},
        {"[1,\n2}", "2: byte 6", "not JSON: parse error"},
        {"[1,\n2,]", "2: byte 7", "not JSON: parse error: unallowed token"},
        {"{\"a\" 1}", "1: byte 6", "not JSON"},
        {"{1: 2}", "1: byte 2", "not JSON"},
        {"\n\n[01]", "3: byte 5", "not JSON"},
        {"[1.]", "1: byte 3", "a digit is required"},
        {"[-]", "1: byte 2", "a digit is required"},
        {"[nan]", "1: byte 2", "not JSON"},
        {"['a']", "1: byte 2", "not JSON"},
        {"// c\n[]", "1: byte 0", "not JSON"},
        {"[]\n[]", "2: byte 4", "trailing garbage"},
        {"[\"a\tb\"]", "1: byte 3", "invalid character inside string"},
        {"[\"\\x\"]", "1: byte 3", "not JSON"},
        {"[\"\\u12g4\"]", "1: byte 6", "not JSON"},
        {"[\n\"\xff\"]", "2: byte 4", "UTF8"},
        {"[\n\"\xc0\x80\"]", "2: byte 6", "a string is not UTF-8"},
        {"[\n\"\xed\xa0\x80\"]", "2: byte 7", "a string is not UTF-8"},
        {"{\n\"\xf4\x90\x80\x80\":1}", "2: byte 8", "a string is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_refused(bad[i].text, strlen(bad[i].text), bad[i].place, bad[i].word);
}

/* A file of N opening brackets is refused at the 65th; 64 are fine. */
static void test_depth(void)
{
    enum { MANY = 1 << 20 };
    char *text = ufm_alloc(2 * MANY + 1, 1);
    for (int i = 0; i < MANY; i++) memcpy(text + 2 * i, "[\n", 2);
    check_refused(text, 2 * MANY, "65: byte 129", "more than 64 lists or objects inside one another");
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    const char *path = test_path(".json");
    test_write(path, text, 128);
    recorder r = {.stop_after = 0};
    TEST_OK(read_json(path, &r, NULL));
    TEST(r.tokens == 128);
    ufm_free(text);
}

static void test_long_tokens(void)
{
    const size_t limit = (size_t)UFM_JSON_TOKEN_MAX, size = limit + 300000;
    char *text = ufm_alloc((int64_t)size + 1, 1);
    static const char fills[] = {'x', '1', ' '};
    for (int kind = 0; kind < 3; kind++) {
        memset(text, fills[kind], size);
        text[0] = '\n';
        text[1] = '[';
        text[2] = kind == 0 ? '"' : fills[kind];
        text[limit - 2] = kind == 0 ? '"' : fills[kind];
        text[limit - 1] = ']';
        recorder *r = ufm_alloc(1, sizeof *r);
        const char *path = test_path(".json");
        test_write(path, text, limit);
        TEST_OK(read_json(path, r, NULL));
        text[limit - 2] = text[limit - 1] = fills[kind];
        check_refused(text, size, "2: byte 1179648",
                      "a string, a number or white space of more than 1048576 bytes");
        ufm_free(r);
        unlink(path);
    }
    ufm_free(text);
}

static const test_case cases[] = {
    {"tokens", test_tokens}, {"stop_and_pipe", test_stop_and_pipe}, {"refusals", test_refusals},
    {"depth", test_depth},   {"long_tokens", test_long_tokens},     {NULL, NULL},
};
const test_suite suite_json = {"json", cases};
