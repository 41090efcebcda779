/* Counts files: a header `tags,count`, then lines such as `0+3,17`; and lists of images: a header
 * `file,tags`, then lines such as `cat.png,0+3`. */
#include "labels/message.h"
#include "labels/reader.h"
#include <string.h>

/* The two columns that the file must have. */
static ufm_status read_header(label_reader *reader, const char *first, const char *second, ufm_error *error)
{
    char *line;
    const ufm_status status = ufm_label_reader_line(reader, &line, error);
    if (status != UFM_OK) return status;
    if (!line)
        return ufm_text_fail(reader->text, error, "the file is empty; the first line must be '%s,%s'", first,
                             second);
    const label_excerpt shown = ufm_label_excerpt(line);
    char *cursor = line;
    const char *one = ufm_field_next(&cursor), *two = cursor ? ufm_field_next(&cursor) : NULL;
    if (one && two && !cursor && strcmp(one, first) == 0 && strcmp(two, second) == 0) return UFM_OK;
    return ufm_text_fail(reader->text, error, "the header is '%s'; it must be '%s,%s'", shown.text, first,
                         second);
}

/* "0+3" into the row; nothing for an empty tag set. */
static ufm_status read_tags(label_reader *reader, char *text, ufm_error *error)
{
    const int64_t classes = reader->settings->classes;
    for (char *next = text; *text; text = next) {
        const size_t length = strcspn(text, "+");
        next = text + length + (text[length] ? 1 : 0);
        const bool dangling = text[length] && !*next; /* "0+" */
        text[length] = '\0';
        int64_t tag;
        if (dangling || text[0] == '-' || !ufm_parse_int64(text, &tag) || tag > INT32_MAX)
            return ufm_text_fail(reader->text, error,
                                 "'%s' is not a tag; tags are integers 0..%d joined by '+', such as 0+3",
                                 dangling ? "" : ufm_label_excerpt(text).text, INT32_MAX);
        if (classes > 0 && tag >= classes)
            return ufm_text_fail(reader->text, error,
                                 "tag %lld is outside the %lld classes; tags are 0..%lld", (long long)tag,
                                 (long long)classes, (long long)classes - 1);
        const ufm_status status = ufm_label_reader_tag(reader, tag, error);
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

static ufm_status read_row(label_reader *reader, char *line, ufm_error *error)
{
    char *cursor = line;
    char *tags = ufm_field_next(&cursor);
    if (!tags || !cursor)
        return ufm_text_fail(reader->text, error, "not two fields; a line is 'tags,count', such as 0+3,17");
    const char *text = ufm_field_next(&cursor);
    if (!text || cursor)
        return ufm_text_fail(reader->text, error, "not two fields; a line is 'tags,count', such as 0+3,17");
    int64_t count;
    if (!ufm_parse_int64(text, &count) || count < 1)
        return ufm_text_fail(
            reader->text, error,
            "the count '%s' is not a positive integer; give the number of samples, such as 17",
            ufm_label_excerpt(text).text);
    const ufm_status status = read_tags(reader, tags, error);
    return status == UFM_OK ? ufm_label_reader_row(reader, count, error) : status;
}

ufm_status ufm_labels_read_counts(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                  ufm_error *error)
{
    *labels = NULL;
    label_reader reader;
    char *line = NULL;
    ufm_status status = ufm_label_reader_open(&reader, path, settings, error);
    if (status == UFM_OK) status = read_header(&reader, "tags", "count", error);
    while (status == UFM_OK) {
        status = ufm_label_reader_line(&reader, &line, error);
        if (status != UFM_OK || !line) break;
        status = read_row(&reader, line, error);
    }
    if (status == UFM_OK) status = ufm_label_reader_finish(&reader, settings->classes, labels, error);
    ufm_label_reader_close(&reader);
    return status;
}

static ufm_status read_file_row(label_reader *reader, char *line, ufm_file_names *files, ufm_error *error)
{
    char *cursor = line;
    const char *file = ufm_field_next(&cursor);
    char *tags = file && cursor ? ufm_field_next(&cursor) : NULL;
    if (!tags || cursor)
        return ufm_text_fail(reader->text, error,
                             "not two fields; a line is 'file,tags', such as cat.png,0+3");
    ufm_error reason;
    ufm_status status = read_tags(reader, tags, error);
    if (status == UFM_OK && reader->tags > 0) {
        status = ufm_file_names_add(files, file, (int64_t)strlen(file), &reason);
        if (status == UFM_ERROR_INPUT) return ufm_text_fail(reader->text, error, "%s", reason.text);
        if (status != UFM_OK) return ufm_label_reader_no_memory(reader, error);
    }
    return status == UFM_OK ? ufm_label_reader_row(reader, 1, error) : status;
}

ufm_status ufm_labels_read_file_list(const char *path, const ufm_read_settings *settings,
                                     ufm_file_names *files, ufm_labels **labels, ufm_error *error)
{
    *labels = NULL;
    label_reader reader;
    char *line = NULL;
    ufm_status status = ufm_label_reader_open(&reader, path, settings, error);
    if (status == UFM_OK) status = read_header(&reader, "file", "tags", error);
    while (status == UFM_OK) {
        status = ufm_label_reader_line(&reader, &line, error);
        if (status != UFM_OK || !line) break;
        status = read_file_row(&reader, line, files, error);
    }
    if (status == UFM_OK) status = ufm_label_reader_finish(&reader, settings->classes, labels, error);
    if (status != UFM_OK) ufm_file_names_free(files);
    ufm_label_reader_close(&reader);
    return status;
}
