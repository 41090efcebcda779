/* The rows of an ARFF file, dense or sparse. Only the label columns are converted to numbers. */
#include "labels/arff.h"
#include "labels/message.h"
#include <string.h>

static ufm_status label_of(const label_reader *reader, const arff_attribute *attribute, const char *text,
                           bool *value, ufm_error *error)
{
    if (strcmp(text, "?") == 0)
        return ufm_text_fail(reader->text, error,
                             "the label '%s' is missing ('?'); write 0 or 1, or leave the row out",
                             ufm_label_excerpt(attribute->name).text);
    if (ufm_label_value(text, value)) return UFM_OK;
    return ufm_text_fail(reader->text, error, "the label '%s' is '%s'; write 0 or 1",
                         ufm_label_excerpt(attribute->name).text, ufm_label_excerpt(text).text);
}

/* Makes room for one more row: zeros, or what a sparse row omits. */
static ufm_status begin_features(const label_reader *reader, arff_header *header, ufm_error *error)
{
    ufm_table *table = header->table;
    if (!table) return UFM_OK;
    const int64_t end = (table->rows + 1) * table->columns; /* of less than the memory's bytes: no overflow */
    if (end > ufm_memory_physical() / (int64_t)sizeof *table->value ||
        ufm_grow((void **)&table->value, &header->table_capacity, end, sizeof *table->value) != UFM_OK)
        return ufm_label_reader_no_memory(reader, error);
    for (int64_t i = 0; i < header->attributes; i++)
        if (header->attribute[i].feature >= 0)
            table->value[end - table->columns + header->attribute[i].feature] = header->attribute[i].omitted;
    return UFM_OK;
}

static ufm_status take_feature(const label_reader *reader, arff_header *header, int64_t attribute,
                               const char *text, ufm_error *error)
{
    ufm_table *table = header->table;
    const arff_attribute *column = &header->attribute[attribute];
    if (!table) return UFM_OK;
    if (ufm_parse_double(text, &table->value[table->rows * table->columns + column->feature])) return UFM_OK;
    return ufm_text_fail(reader->text, error, "'%s' for the attribute '%s'; write a finite number",
                         ufm_label_excerpt(text).text, ufm_label_excerpt(column->name).text);
}

static ufm_status quote_not_closed(const label_reader *reader, ufm_error *error)
{
    return ufm_text_fail(reader->text, error,
                         "a quote is not closed, or text follows a closing quote; close it or double it");
}

static ufm_status dense_row(label_reader *reader, arff_header *header, char *line, ufm_error *error)
{
    int64_t column = 0;
    for (char *cursor = line; cursor; column++) {
        const char *text = ufm_field_next(&cursor);
        if (!text) return quote_not_closed(reader, error);
        if (column >= header->attributes) continue;
        bool value = false;
        ufm_status status;
        if (header->attribute[column].label < 0)
            status = take_feature(reader, header, column, text, error);
        else
            status = label_of(reader, &header->attribute[column], text, &value, error);
        if (status == UFM_OK && value)
            status = ufm_label_reader_tag(reader, header->attribute[column].label, error);
        if (status != UFM_OK) return status;
    }
    if (column == header->attributes) return UFM_OK;
    return ufm_text_fail(reader->text, error,
                         "%lld values but there are %lld attributes; separate one value for each by commas",
                         (long long)column, (long long)header->attributes);
}

/* "INDEX VALUE" at *cursor, which moves on. */
static ufm_status sparse_entry(const label_reader *reader, const arff_header *header, char **cursor,
                               int64_t *index, const char **value, ufm_error *error)
{
    const int64_t previous = *index;
    char *start = *cursor + strspn(*cursor, " \t");
    const label_excerpt shown = ufm_label_excerpt(start);
    char *end = start + strspn(start, "0123456789");
    const bool separated = *end == ' ' || *end == '\t';
    if (separated) *end = '\0';
    if (!separated || !ufm_parse_int64(start, index))
        return ufm_text_fail(reader->text, error, "'%s' in a sparse row; write {INDEX VALUE, ...}",
                             shown.text);
    if (*index >= header->attributes)
        return ufm_text_fail(
            reader->text, error, "index %lld but there are %lld attributes; indices are 0..%lld",
            (long long)*index, (long long)header->attributes, (long long)header->attributes - 1);
    if (*index <= previous)
        return ufm_text_fail(reader->text, error,
                             "index %lld after %lld; indices must ascend in a sparse row", (long long)*index,
                             (long long)previous);
    *cursor = end + 1;
    *value = ufm_field_next(cursor);
    if (!*value) return quote_not_closed(reader, error);
    if (**value) return UFM_OK;
    return ufm_text_fail(reader->text, error, "index %lld has no value; write {INDEX VALUE, ...}",
                         (long long)*index);
}

/* The labels below `end` that are 1 by omission; *next counts through header->set. */
static ufm_status set_omitted(label_reader *reader, const arff_header *header, int64_t end, int64_t *next,
                              ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (; status == UFM_OK && *next < header->set_size && header->set[*next] < end; ++*next)
        status = ufm_label_reader_tag(reader, header->set[*next], error);
    return status;
}

static ufm_status sparse_row(label_reader *reader, arff_header *header, char *line, ufm_error *error)
{
    size_t length = strlen(line);
    while (strchr(" \t", line[length - 1])) length--;
    if (length < 2 || line[length - 1] != '}')
        return ufm_text_fail(reader->text, error, "a sparse row without '}'; write {INDEX VALUE, ...}");
    line[length - 1] = '\0';
    char *cursor = line[1 + strspn(line + 1, " \t")] ? line + 1 : NULL;
    int64_t index = -1, next = 0;
    ufm_status status = UFM_OK;
    while (status == UFM_OK && cursor) {
        const char *text = NULL;
        status = sparse_entry(reader, header, &cursor, &index, &text, error);
        if (status == UFM_OK && header->attribute[index].label < 0)
            status = take_feature(reader, header, index, text, error);
        if (status != UFM_OK || header->attribute[index].label < 0) continue;
        const int64_t label = header->attribute[index].label;
        bool value;
        status = label_of(reader, &header->attribute[index], text, &value, error);
        if (status == UFM_OK) status = set_omitted(reader, header, label, &next, error);
        if (status == UFM_OK && value) status = ufm_label_reader_tag(reader, label, error);
        if (next < header->set_size && header->set[next] == label) next++; /* not omitted */
    }
    if (status == UFM_OK) status = set_omitted(reader, header, header->labels, &next, error);
    return status;
}

static ufm_status read_rows(label_reader *reader, arff_header *header, ufm_error *error)
{
    for (;;) {
        char *line;
        ufm_status status = ufm_label_reader_line(reader, &line, error);
        if (status != UFM_OK || !line) return status;
        ufm_arff_strip_comment(line);
        line += strspn(line, " \t");
        if (!*line) continue;
        status = begin_features(reader, header, error);
        if (status == UFM_OK)
            status = *line == '{' ? sparse_row(reader, header, line, error)
                                  : dense_row(reader, header, line, error);
        if (status == UFM_OK && header->table && reader->tags > 0) header->table->rows++;
        if (status == UFM_OK) status = ufm_label_reader_row(reader, 1, error);
        if (status != UFM_OK) return status;
    }
}

static ufm_status check_settings(const char *path, const ufm_read_settings *settings, ufm_error *error)
{
    if (!settings->label_xml && settings->label_columns == 0)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "%s: an ARFF file does not say which attributes are labels; give --label-xml FILE or "
                        "--label-columns first:N|last:N",
                        ufm_shown_path(path));
    if (settings->label_xml && settings->label_columns != 0)
        return ufm_fail(error, UFM_ERROR_USAGE, "%s: both --label-xml and --label-columns; give one of them",
                        ufm_shown_path(path));
    return UFM_OK;
}

/* The labels, and into `table`, unless it is NULL, the features. */
static ufm_status read_arff(const char *path, const ufm_read_settings *settings, ufm_table *table,
                            ufm_labels **labels, ufm_error *error)
{
    ufm_status status = check_settings(path, settings, error);
    if (status != UFM_OK) return status;
    label_reader reader;
    arff_header header = {.table = table};
    status = ufm_label_reader_open(&reader, path, settings, error);
    if (status == UFM_OK) status = ufm_arff_header_read(&reader, &header, error);
    if (status == UFM_OK) status = read_rows(&reader, &header, error);
    if (status == UFM_OK) status = ufm_label_reader_finish(&reader, header.labels, labels, error);
    ufm_arff_header_free(&header);
    ufm_label_reader_close(&reader);
    return status;
}

ufm_status ufm_labels_read_arff(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                ufm_error *error)
{
    *labels = NULL;
    return read_arff(path, settings, NULL, labels, error);
}

void ufm_table_free(ufm_table *table)
{
    if (!table) return;
    ufm_free(table->value);
    ufm_labels_free(table->labels);
    ufm_free(table);
}

ufm_status ufm_table_read(const char *path, const ufm_read_settings *settings, ufm_table **table,
                          ufm_error *error)
{
    *table = NULL;
    ufm_read_settings kept = *settings;
    kept.duplicates = UFM_DUPLICATES_KEEP;
    ufm_table *made = ufm_alloc(1, sizeof *made);
    if (!made) return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
    const ufm_status status = read_arff(path, &kept, made, &made->labels, error);
    if (status == UFM_OK)
        *table = made;
    else
        ufm_table_free(made);
    return status;
}
