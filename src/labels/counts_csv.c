/* Counts files: a header `tags,count`, then lines such as `0+3,17`. */
#include "labels/message.h"
#include "labels/reader.h"
#include <string.h>

static ufm_status read_header(label_reader *reader, ufm_error *error)
{
    char *line;
    const ufm_status status = ufm_label_reader_line(reader, &line, error);
    if (status != UFM_OK) return status;
    if (!line)
        return ufm_text_fail(reader->text, error, "the file is empty; the first line must be 'tags,count'");
    const label_excerpt shown = ufm_label_excerpt(line);
    char *cursor = line;
    const char *tags = ufm_field_next(&cursor), *count = ufm_field_next(&cursor);
    if (tags && count && !cursor && strcmp(tags, "tags") == 0 && strcmp(count, "count") == 0) return UFM_OK;
    return ufm_text_fail(reader->text, error, "the header is '%s'; it must be 'tags,count'", shown.text);
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
    if (status == UFM_OK) status = read_header(&reader, error);
    while (status == UFM_OK) {
        status = ufm_label_reader_line(&reader, &line, error);
        if (status != UFM_OK || !line) break;
        status = read_row(&reader, line, error);
    }
    if (status == UFM_OK) status = ufm_label_reader_finish(&reader, settings->classes, labels, error);
    ufm_label_reader_close(&reader);
    return status;
}
