#include "label_files.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

void test_write(const char *path, const char *bytes, size_t length)
{
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, length, stream) != length || fclose(stream) != 0) abort();
}

bool test_contains(const char *text, const char *part)
{
    const bool found = strstr(text, part) != NULL;
    if (!found) fprintf(stderr, "  \"%s\" lacks \"%s\"\n", text, part);
    return found;
}

ufm_status read_labels(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                       ufm_error *error)
{
    const char *suffix = strrchr(path, '.');
    return suffix && strcmp(suffix, ".counts") == 0 ? ufm_labels_read_counts(path, settings, labels, error)
                                                    : ufm_labels_read(path, settings, labels, error);
}

static bool well_named(const ufm_labels *labels)
{
    for (int64_t k = 0; labels->name && k < labels->classes; k++) {
        const unsigned char *name = (const unsigned char *)labels->name[k];
        const size_t size = strlen(labels->name[k]);
        if (size == 0 || size > 63) return false;
        for (size_t i = 0, step; i < size; i += step) {
            step = ufm_utf8_length(name + i, size - i);
            if (step == 0 || name[i] < 0x20 || name[i] == 0x7f || (name[i] == 0xC2 && name[i + 1] < 0xA0))
                return false;
        }
    }
    return true;
}

bool well_formed(const ufm_labels *labels)
{
    int64_t samples = 0;
    if (labels->classes < 2 || labels->columns < 1 || labels->offset[0] != 0) return false;
    for (int64_t i = 0; i < labels->columns; i++) {
        if (ufm_labels_multiplicity(labels, i) < 1 || ufm_labels_count(labels, i) < 1) return false;
        samples += ufm_labels_count(labels, i);
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            if (labels->tag[j] < (j > labels->offset[i] ? labels->tag[j - 1] + 1 : 0) ||
                labels->tag[j] >= labels->classes)
                return false;
    }
    return samples == labels->samples && well_named(labels);
}

const char *shown(const ufm_labels *labels)
{
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    for (int64_t i = 0; labels && i < labels->columns && used < sizeof text - 64; i++) {
        for (int64_t j = labels->offset[i]; j < labels->offset[i + 1]; j++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d",
                                     j > labels->offset[i] ? "+" : (i > 0 ? ", " : ""), labels->tag[j]);
        if (labels->count)
            used += (size_t)snprintf(text + used, sizeof text - used, " x%lld", (long long)labels->count[i]);
    }
    return text;
}

void check_good(const char *suffix, const char *text, const ufm_read_settings *settings, const char *expected)
{
    ufm_error error = {""};
    ufm_labels *labels = NULL;
    const ufm_status status = read_labels(test_file(suffix, text), settings, &labels, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
    TEST_OK(status);
    if (!labels) return;
    TEST(well_formed(labels));
    const bool same = strcmp(shown(labels), expected) == 0;
    if (!same) fprintf(stderr, "  \"%s\" instead of \"%s\"\n", shown(labels), expected);
    TEST(same);
    ufm_labels_free(labels);
}

void check_bad(const bad_file *bad, const char *named)
{
    check_bad_bytes(bad, strlen(bad->text), named);
}

void check_bad_bytes(const bad_file *bad, size_t length, const char *named)
{
    const int64_t blocks = ufm_memory_live_blocks();
    char place[160];
    ufm_error error = {""};
    ufm_labels *labels = (ufm_labels *)&error; /* must become NULL */
    const char *path = test_path(bad->suffix);
    test_write(path, bad->text, length);
    const ufm_status status = read_labels(path, &bad->settings, &labels, &error);
    snprintf(place, sizeof place, bad->line > 0 ? "%s:%d: " : "%s: ", named ? named : path, bad->line);
    const bool right = status == bad->status && labels == NULL &&
                       strncmp(error.text, place, strlen(place)) == 0 &&
                       test_contains(error.text, bad->word) && test_contains(error.text, "; ") &&
                       !strchr(error.text, '\n') && !strchr(error.text, '\x1b');
    if (!right) fprintf(stderr, "  <%.400s>: %d \"%s\"\n", bad->text, (int)status, error.text);
    TEST(right);
    TEST(ufm_memory_live_blocks() == blocks);
}

static bool one_line(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
    return *text;
}

/* PATH: and, of wrong content, LINE: */
static bool names_place(const char *text, const char *path, ufm_status status)
{
    const size_t length = strlen(path);
    if (strncmp(text, path, length) != 0 || text[length] != ':') return false;
    const char *line = text + length + 1;
    const size_t digits = strspn(line, "0123456789");
    return status != UFM_ERROR_INPUT || (digits > 0 && *line != '0' && strncmp(line + digits, ": ", 2) == 0);
}

/* The file as a C string, for the failures of random tests. */
static void print_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    fprintf(stderr, "  %s: \"", path);
    for (int c; stream && (c = getc(stream)) != EOF;)
        fprintf(stderr, c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? "\\%03o" : "%c", c);
    fprintf(stderr, "\"\n");
    if (stream) fclose(stream);
}

ufm_status read_anything(const char *path, const char *xml, ufm_duplicates duplicates)
{
    const int64_t blocks = ufm_memory_live_blocks();
    const bool arff = strstr(path, ".arff") != NULL;
    const ufm_read_settings settings = {
        .duplicates = duplicates, .label_xml = arff ? xml : NULL, .label_columns = arff && !xml ? -2 : 0};
    ufm_error error = {""};
    ufm_labels *labels;
    const ufm_status status = read_labels(path, &settings, &labels, &error);
    const bool right = status == UFM_OK ? labels && well_formed(labels)
                                        : !labels && one_line(error.text) &&
                                              (names_place(error.text, path, status) ||
                                               (xml && names_place(error.text, xml, status)));
    ufm_labels_free(labels);
    const bool kept = ufm_memory_live_blocks() == blocks;
    if (!right || !kept) {
        fprintf(stderr, "  %s: \"%s\"\n", ufm_status_text(status), error.text);
        print_file(path);
        if (xml) print_file(xml);
    }
    TEST(right && kept);
    return status;
}

size_t mutate(ufm_rng *rng, char *bytes, size_t length)
{
    static const char alphabet[] = "0123456789+-,.:[]{}'\"\\%?@<>/&= \t\n\r\0eu";
    for (int64_t n = 1 + ufm_rng_below(rng, 4); n > 0 && length > 2; n--) {
        const size_t at = (size_t)ufm_rng_below(rng, (int64_t)length);
        const int64_t kind = ufm_rng_below(rng, 5);
        if (kind == 0) bytes[at] = (char)ufm_rng_below(rng, 256);
        if (kind == 1) bytes[at] = alphabet[ufm_rng_below(rng, sizeof alphabet)];
        const size_t span = 1 + (size_t)ufm_rng_below(rng, (int64_t)(length - at < 12 ? length - at : 12));
        if (kind == 2) {
            memmove(bytes + at, bytes + at + span, length - at - span);
            length -= span;
        } else if (kind >= 3) {
            memmove(bytes + at + span, bytes + at, length - at);
            length += span;
            for (size_t i = 0; kind == 4 && i < span; i++)
                bytes[at + i] = alphabet[ufm_rng_below(rng, sizeof alphabet)];
        }
    }
    return length;
}
