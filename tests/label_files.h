/* What the tests of the label readers share. */
#ifndef UFMLAB_TEST_LABEL_FILES_H
#define UFMLAB_TEST_LABEL_FILES_H

#include "test.h"
#include <ufmlab/labels.h>

void test_write(const char *path, const char *bytes, size_t length);
/* Prints both when `part` is missing. */
bool test_contains(const char *text, const char *part);

typedef struct {
    const char *suffix, *text;
    ufm_read_settings settings;
    ufm_status status;
    int line; /* 0: the message names no line */
    const char *word;
} bad_file;

/* Readers by suffix: ".counts" stands for --counts. */
ufm_status read_labels(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                       ufm_error *error);
/* Everything that labels.h promises. */
bool well_formed(const ufm_labels *labels);
/* The labels as text: "0+3 x2, 1". */
const char *shown(const ufm_labels *labels);
void check_good(const char *suffix, const char *text, const ufm_read_settings *settings,
                const char *expected);
/* The message must begin with `named` (NULL: the file's path) and the line, hold the word, and say a remedy.
 */
void check_bad(const bad_file *bad, const char *named);
/* With the first `length` bytes of the text, NUL bytes included. */
void check_bad_bytes(const bad_file *bad, size_t length, const char *named);
/* Reads whatever is there: labels must be well formed; an error is one line that begins with the path of the
 * file or of the XML file, and with a line when the content is wrong; and nothing may leak. */
ufm_status read_anything(const char *path, const char *xml, ufm_duplicates duplicates);
/* Replaces, deletes, inserts or repeats up to 48 bytes; returns the new length. */
size_t mutate(ufm_rng *rng, char *bytes, size_t length);

#endif
