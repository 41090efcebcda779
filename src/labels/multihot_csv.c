/* A 0/1 matrix as CSV: a header with one name per class, then one row per sample. */
#include "labels/message.h"
#include "labels/reader.h"
#include <string.h>

static ufm_status read_header(label_reader *reader, int64_t *columns, ufm_error *error)
{
    char *line;
    ufm_status status = ufm_label_reader_line(reader, &line, error);
    if (status != UFM_OK) return status;
    if (!line)
        return ufm_text_fail(reader->text, error,
                             "the file is empty; the first line must name the classes, separated by commas");
    bool numbers = true, value;
    *columns = 0;
    for (char *cursor = line; cursor; ++*columns) {
        const char *name = ufm_field_next(&cursor);
        if (!name) return ufm_text_fail(reader->text, error, "a quote is not closed; close it or double it");
        numbers = numbers && ufm_label_value(name, &value);
        status = ufm_label_reader_name(reader, ufm_label_class_name(name, (int64_t)strlen(name)), error);
        if (status != UFM_OK) return status;
    }
    if (numbers)
        return ufm_text_fail(reader->text, error,
                             "the header is missing; the first line must name the classes, not hold labels");
    return ufm_label_reader_check_classes(reader, *columns, error);
}

static ufm_status read_row(label_reader *reader, char *line, int64_t columns, ufm_error *error)
{
    int64_t column = 0;
    for (char *cursor = line; cursor; column++) {
        const char *text = ufm_field_next(&cursor);
        bool value;
        if (column >= columns) continue; /* only counted */
        if (!text || !ufm_label_value(text, &value))
            return ufm_text_fail(reader->text, error, "'%s' in column %lld is not a label; write 0 or 1",
                                 ufm_label_excerpt(text ? text : "").text, (long long)column + 1);
        const ufm_status status = value ? ufm_label_reader_tag(reader, column, error) : UFM_OK;
        if (status != UFM_OK) return status;
    }
    if (column != columns)
        return ufm_text_fail(reader->text, error,
                             "%lld fields but the header has %lld; every row needs one label per class",
                             (long long)column, (long long)columns);
    return ufm_label_reader_row(reader, 1, error);
}

ufm_status ufm_labels_read_multihot(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                    ufm_error *error)
{
    *labels = NULL;
    label_reader reader;
    int64_t columns = 0;
    char *line = NULL;
    ufm_status status = ufm_label_reader_open(&reader, path, settings, error);
    if (status == UFM_OK) status = read_header(&reader, &columns, error);
    while (status == UFM_OK) {
        status = ufm_label_reader_line(&reader, &line, error);
        if (status != UFM_OK || !line) break;
        status = read_row(&reader, line, columns, error);
    }
    if (status == UFM_OK) status = ufm_label_reader_finish(&reader, columns, labels, error);
    ufm_label_reader_close(&reader);
    return status;
}
