#include "labels/arff.h"
#include "labels/label_xml.h"
#include "labels/message.h"
#include <string.h>
#include <strings.h>

void ufm_arff_header_free(arff_header *header)
{
    for (int64_t i = 0; i < header->attributes; i++) ufm_free(header->attribute[i].name);
    ufm_free(header->attribute);
    ufm_free(header->set);
    *header = (arff_header){0};
}

static char *skip_blanks(char *text)
{
    return text + strspn(text, " \t");
}

static void strip_trailing_blanks(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t", text[length - 1])) length--;
    text[length] = '\0';
}

/* The end of the quoted string at `text`, one past its closing quote; NULL when it is not closed. */
static char *quoted_end(char *text)
{
    const char quote = *text++;
    for (; *text; text++) {
        if (*text == quote && text[1] != quote) return text + 1;
        if ((*text == quote || *text == '\\') && text[1]) text++;
    }
    return NULL;
}

void ufm_arff_strip_comment(char *line)
{
    if (!strchr(line, '%')) return;
    char before = ',';
    for (char *c = line; *c; c++) {
        const bool begins = strchr(", \t{", before) != NULL;
        if (*c == '%' && begins) {
            *c = '\0';
            return;
        }
        if ((*c == '\'' || *c == '"') && begins) {
            char *end = quoted_end(c);
            if (!end) return;
            c = end - 1;
        }
        before = *c;
    }
}

/* The list between the braces of a nominal type; decides whether the attribute can be a label. */
static ufm_status parse_nominal(const label_reader *reader, char *type, arff_attribute *attribute,
                                ufm_error *error)
{
    char *end = type + strlen(type) - 1;
    if (end == type || *end != '}')
        return ufm_text_fail(reader->text, error, "the list of values of '%s' is not closed; end it with '}'",
                             ufm_label_excerpt(attribute->name).text);
    *end = '\0';
    attribute->binary = true;
    bool first = true;
    for (char *cursor = type + 1; cursor; first = false) {
        const char *text = ufm_field_next(&cursor);
        if (!text)
            return ufm_text_fail(reader->text, error, "a quote in the values of '%s' is not closed; close it",
                                 ufm_label_excerpt(attribute->name).text);
        bool value;
        attribute->binary = ufm_label_value(text, &value) && attribute->binary;
        if (first && attribute->binary) attribute->omitted = value;
    }
    return UFM_OK;
}

static ufm_status parse_type(const label_reader *reader, char *type, arff_attribute *attribute,
                             ufm_error *error)
{
    strip_trailing_blanks(type);
    if (*type == '{') return parse_nominal(reader, type, attribute, error);
    if (strcasecmp(type, "numeric") == 0 || strcasecmp(type, "real") == 0 ||
        strcasecmp(type, "integer") == 0) {
        attribute->binary = true;
        return UFM_OK;
    }
    if (strcasecmp(type, "string") == 0) return UFM_OK;
    if (strncasecmp(type, "date", 4) == 0 && strchr(" \t", type[4])) return UFM_OK; /* a format may follow */
    return ufm_text_fail(
        reader->text, error,
        "the type '%s' of attribute '%s' is not supported; use numeric, real, integer, string, "
        "date or a list of values such as {0,1}",
        ufm_label_excerpt(type).text, ufm_label_excerpt(attribute->name).text);
}

/* What follows @attribute: a name, perhaps quoted, and a type. */
static ufm_status parse_attribute(const label_reader *reader, arff_header *header, char *rest,
                                  ufm_error *error)
{
    rest = skip_blanks(rest);
    const bool quoted = *rest == '\'' || *rest == '"';
    char *end = quoted ? quoted_end(rest) : rest + strcspn(rest, " \t{");
    if (!end)
        return ufm_text_fail(reader->text, error,
                             "the quote around the attribute's name is not closed; close it");
    if (ufm_grow((void **)&header->attribute, &header->capacity, header->attributes + 1,
                 sizeof *header->attribute) != UFM_OK)
        return ufm_label_reader_no_memory(reader, error);
    const char after = *end;
    *end = '\0';
    char *cursor = rest;
    const char *name = quoted ? ufm_field_next(&cursor) : rest;
    char *copy = ufm_strdup(name ? name : rest);
    *end = after;
    if (!copy) return ufm_label_reader_no_memory(reader, error);
    arff_attribute *attribute = &header->attribute[header->attributes++];
    *attribute = (arff_attribute){copy, ufm_text_line_number(reader->text), -1, -1, false, false};
    char *type = skip_blanks(end);
    if (!*copy || !*type)
        return ufm_text_fail(reader->text, error, "an attribute without %s; write @attribute NAME TYPE",
                             *copy ? "type" : "name");
    return parse_type(reader, type, attribute, error);
}

/* One line of the header; *data when it is the @data line. */
static ufm_status parse_line(const label_reader *reader, arff_header *header, char *line, bool *data,
                             ufm_error *error)
{
    const size_t length = strcspn(line, " \t");
    char *rest = line + length;
    if (length == 10 && strncasecmp(line, "@attribute", length) == 0)
        return parse_attribute(reader, header, rest, error);
    if (length == 9 && strncasecmp(line, "@relation", length) == 0) return UFM_OK;
    *data = length == 5 && strncasecmp(line, "@data", length) == 0 && *skip_blanks(rest) == '\0';
    if (*data) return UFM_OK;
    return ufm_text_fail(reader->text, error,
                         "'%s' in the header; @relation, @attribute or @data must begin the line",
                         ufm_label_excerpt(line).text);
}

static ufm_status parse_header(label_reader *reader, arff_header *header, ufm_error *error)
{
    for (bool data = false; !data;) {
        char *line;
        ufm_status status = ufm_label_reader_line(reader, &line, error);
        if (status != UFM_OK) return status;
        if (!line)
            return ufm_text_fail(reader->text, error,
                                 "the file ends without an @data line; is this a complete ARFF file?");
        ufm_arff_strip_comment(line);
        line = skip_blanks(line);
        if (!*line) continue;
        status = parse_line(reader, header, line, &data, error);
        if (status != UFM_OK) return status;
    }
    return UFM_OK;
}

/* ---- Which attributes are labels ---- */
static ufm_status mark_columns(const label_reader *reader, arff_header *header, ufm_error *error)
{
    const int64_t wanted = reader->settings->label_columns, attributes = header->attributes;
    if (wanted > attributes || wanted < -attributes)
        return ufm_text_fail(
            reader->text, error,
            "--label-columns %s:%llu but the file has %lld attribute%s; give at most as many",
            wanted > 0 ? "first" : "last",
            wanted > 0 ? (unsigned long long)wanted : 0 - (unsigned long long)wanted, (long long)attributes,
            attributes == 1 ? "" : "s");
    const int64_t begin = wanted > 0 ? 0 : attributes + wanted, end = wanted > 0 ? wanted : attributes;
    for (int64_t i = begin; i < end; i++) header->attribute[i].label = header->labels++;
    return UFM_OK;
}

static ufm_status mark_names(const label_reader *reader, arff_header *header, label_names *names,
                             ufm_error *error)
{
    for (int64_t i = 0; i < header->attributes; i++) {
        arff_attribute *attribute = &header->attribute[i];
        label_name *label = ufm_label_names_find(names, attribute->name);
        if (!label) continue;
        if (label->attribute >= 0)
            return ufm_text_fail(reader->text, error,
                                 "lines %lld and %lld both declare the label '%s'; rename one attribute",
                                 (long long)header->attribute[label->attribute].line,
                                 (long long)attribute->line, ufm_label_excerpt(label->name).text);
        label->attribute = i;
        attribute->label = header->labels++;
    }
    for (int64_t i = 0; i < names->labels; i++)
        if (names->label[i].attribute < 0)
            return ufm_label_xml_fail(
                error, reader->settings->label_xml, names->label[i].line,
                "the label '%s' is no attribute of the ARFF file; do the two files belong "
                "together?",
                ufm_label_excerpt(names->label[i].name).text);
    return UFM_OK;
}

static ufm_status mark_labels(const label_reader *reader, arff_header *header, ufm_error *error)
{
    if (!reader->settings->label_xml) return mark_columns(reader, header, error);
    label_names names;
    ufm_status status = ufm_label_names_read(reader->settings->label_xml, &names, error);
    if (status == UFM_OK) status = mark_names(reader, header, &names, error);
    ufm_label_names_free(&names);
    return status;
}

/* Labels must be able to hold 0 and 1; collects their names, and those that a sparse row sets by omission. */
static ufm_status check_labels(label_reader *reader, arff_header *header, ufm_error *error)
{
    int64_t capacity = 0;
    for (int64_t i = 0; i < header->attributes; i++) {
        const arff_attribute *attribute = &header->attribute[i];
        if (attribute->label < 0) continue;
        const ufm_status status = ufm_label_reader_name(
            reader, ufm_label_class_name(attribute->name, (int64_t)strlen(attribute->name)), error);
        if (status != UFM_OK) return status;
        if (!attribute->binary)
            return ufm_text_fail(
                reader->text, error,
                "the label '%s' of line %lld is neither numeric nor {0,1}; declare it as {0,1} "
                "or choose other label columns",
                ufm_label_excerpt(attribute->name).text, (long long)attribute->line);
        if (!attribute->omitted) continue;
        if (ufm_grow((void **)&header->set, &capacity, header->set_size + 1, sizeof *header->set) != UFM_OK)
            return ufm_label_reader_no_memory(reader, error);
        header->set[header->set_size++] = attribute->label;
    }
    return UFM_OK;
}

/* The columns of the table: all that are no labels. */
static ufm_status number_features(const label_reader *reader, arff_header *header, ufm_error *error)
{
    for (int64_t i = 0; header->table && i < header->attributes; i++) {
        arff_attribute *attribute = &header->attribute[i];
        if (attribute->label >= 0) continue;
        attribute->feature = header->table->columns++;
        if (!attribute->binary)
            return ufm_text_fail(
                reader->text, error,
                "the attribute '%s' of line %lld is neither numeric nor {0,1}; a network needs "
                "numbers",
                ufm_label_excerpt(attribute->name).text, (long long)attribute->line);
    }
    if (!header->table || header->table->columns > 0) return UFM_OK;
    return ufm_text_fail(reader->text, error,
                         "all attributes are labels; choose fewer, so that features are left");
}

ufm_status ufm_arff_header_read(label_reader *reader, arff_header *header, ufm_error *error)
{
    ufm_status status = parse_header(reader, header, error);
    if (status == UFM_OK && header->attributes == 0)
        status = ufm_text_fail(reader->text, error, "no @attribute before @data; declare the columns first");
    if (status == UFM_OK) status = mark_labels(reader, header, error);
    if (status == UFM_OK) status = ufm_label_reader_check_classes(reader, header->labels, error);
    if (status == UFM_OK) status = check_labels(reader, header, error);
    if (status == UFM_OK) status = number_features(reader, header, error);
    return status;
}
