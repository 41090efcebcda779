#include "labels/label_xml.h"
#include "labels/message.h"
#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

/* The whole file is parsed at once, which expat does in linear time; so it must not be endless. */
#define XML_BYTES_MAX UFM_LINE_MAX

typedef struct {
    XML_Parser parser;
    const char *path;
    label_names *names;
    int64_t depth;
    ufm_status status; /* of the first failure in a handler */
    ufm_error *error;
} xml_reader;

ufm_status ufm_label_xml_fail(ufm_error *error, const char *path, int64_t line, const char *format, ...)
{
    ufm_error message;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message.text, sizeof message.text, format, arguments);
    va_end(arguments);
    return ufm_fail(error, UFM_ERROR_INPUT, "%s:%lld: %s", ufm_shown_path(path), (long long)line,
                    message.text);
}

/* ---- expat's memory: ours, with the size in front because expat reallocates ---- */
enum { HEADER = 64 };

static void *xml_malloc(size_t size)
{
    if (size > INT64_MAX - HEADER) return NULL;
    char *block = ufm_alloc((int64_t)size + HEADER, 1);
    if (!block) return NULL;
    memcpy(block, &size, sizeof size);
    return block + HEADER;
}

static void xml_free(void *pointer)
{
    if (pointer) ufm_free((char *)pointer - HEADER);
}

static void *xml_realloc(void *pointer, size_t size)
{
    void *larger = xml_malloc(size);
    if (!larger || !pointer) return larger;
    size_t old;
    memcpy(&old, (char *)pointer - HEADER, sizeof old);
    memcpy(larger, pointer, old < size ? old : size);
    xml_free(pointer);
    return larger;
}

/* ---- Elements ---- */
static void stop(xml_reader *reader, ufm_status status)
{
    reader->status = status;
    XML_StopParser(reader->parser, XML_FALSE);
}

static int64_t line_of(const xml_reader *reader)
{
    return (int64_t)XML_GetCurrentLineNumber(reader->parser);
}

static void add_label(xml_reader *reader, const char *name)
{
    label_names *names = reader->names;
    char *copy = ufm_strdup(name);
    if (!copy || ufm_grow((void **)&names->label, &names->capacity, names->labels + 1,
                          sizeof *names->label) != UFM_OK) {
        ufm_free(copy);
        stop(reader, UFM_ERROR_MEMORY);
        return;
    }
    names->label[names->labels++] = (label_name){copy, line_of(reader), -1};
}

static void XMLCALL start_element(void *context, const XML_Char *element, const XML_Char **attributes)
{
    xml_reader *reader = context;
    const char *separator = strrchr(element, '\n'); /* namespace, newline, local name */
    const char *local = separator ? separator + 1 : element;
    const char *expected = reader->depth++ == 0 ? "labels" : "label";
    if (strcmp(local, expected) != 0) {
        stop(reader, ufm_label_xml_fail(reader->error, reader->path, line_of(reader),
                                        "the element <%s> instead of <%s>; MULAN's label files are "
                                        "<labels><label name=\"...\"/></labels>",
                                        ufm_label_excerpt(local).text, expected));
        return;
    }
    if (reader->depth == 1) return;
    while (*attributes && strcmp(*attributes, "name") != 0) attributes += 2;
    if (!*attributes || !*attributes[1]) {
        stop(reader, ufm_label_xml_fail(reader->error, reader->path, line_of(reader),
                                        "a label without name; write <label name=\"...\"/>"));
        return;
    }
    add_label(reader, attributes[1]);
}

static void XMLCALL end_element(void *context, const XML_Char *element)
{
    (void)element;
    ((xml_reader *)context)->depth--;
}

/* Entities could expand a small file without bound, and label files have no use for them. */
static void XMLCALL start_doctype(void *context, const XML_Char *name, const XML_Char *system,
                                  const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    xml_reader *reader = context;
    stop(reader, ufm_label_xml_fail(reader->error, reader->path, line_of(reader),
                                    "a document type is not accepted; remove <!DOCTYPE ...>"));
}

/* ---- The file ---- */
static ufm_status read_whole(const char *path, char **bytes, int64_t *size, ufm_error *error)
{
    ufm_text *text = NULL;
    int64_t capacity = 0, length;
    char *line;
    ufm_status status = ufm_text_open(path, &text, error);
    while (status == UFM_OK) {
        status = ufm_text_line(text, &line, &length, error);
        if (status != UFM_OK || !line) break;
        if (*size + length + 1 > XML_BYTES_MAX)
            status = ufm_text_fail(text, error, "more than %lld bytes; is this a MULAN label file?",
                                   (long long)XML_BYTES_MAX);
        else if (ufm_grow((void **)bytes, &capacity, *size + length + 1, 1) != UFM_OK)
            status = UFM_ERROR_MEMORY;
        if (status != UFM_OK) break;
        memcpy(*bytes + *size, line, (size_t)length);
        (*bytes)[*size + length] = '\n';
        *size += length + 1;
    }
    ufm_text_close(text);
    return status;
}

static ufm_status parse(xml_reader *reader, const char *bytes, int64_t size)
{
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, start_element, end_element);
    XML_SetStartDoctypeDeclHandler(reader->parser, start_doctype);
    if (XML_Parse(reader->parser, bytes ? bytes : "", (int)size, XML_TRUE) != XML_STATUS_ERROR) return UFM_OK;
    if (reader->status != UFM_OK) return reader->status;
    const enum XML_Error code = XML_GetErrorCode(reader->parser);
    if (code == XML_ERROR_NO_MEMORY) return UFM_ERROR_MEMORY;
    return ufm_label_xml_fail(reader->error, reader->path, line_of(reader),
                              "not XML: %s; MULAN's label files are <labels><label name=\"...\"/></labels>",
                              XML_ErrorString(code));
}

static int compare_names(const void *a, const void *b)
{
    const label_name *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static ufm_status sort_names(const char *path, label_names *names, ufm_error *error)
{
    if (names->labels == 0)
        return ufm_label_xml_fail(error, path, 1, "no label; write <label name=\"...\"/> for each class");
    qsort(names->label, (size_t)names->labels, sizeof *names->label, compare_names);
    for (int64_t i = 1; i < names->labels; i++)
        if (strcmp(names->label[i - 1].name, names->label[i].name) == 0)
            return ufm_label_xml_fail(error, path, names->label[i].line,
                                      "the label '%s' appears twice; name each label once",
                                      ufm_label_excerpt(names->label[i].name).text);
    return UFM_OK;
}

ufm_status ufm_label_names_read(const char *path, label_names *names, ufm_error *error)
{
    static const XML_Memory_Handling_Suite memory = {xml_malloc, xml_realloc, xml_free};
    *names = (label_names){0};
    char *bytes = NULL;
    int64_t size = 0;
    xml_reader reader = {.path = path, .names = names, .error = error};
    ufm_status status = read_whole(path, &bytes, &size, error);
    if (status != UFM_OK) goto cleanup;
    reader.parser = XML_ParserCreate_MM(NULL, &memory, "\n");
    status = reader.parser ? parse(&reader, bytes, size) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = sort_names(path, names, error);
cleanup:
    if (reader.parser) XML_ParserFree(reader.parser);
    ufm_free(bytes);
    if (status == UFM_ERROR_MEMORY) ufm_fail(error, status, "%s: not enough memory for the labels", path);
    if (status != UFM_OK) ufm_label_names_free(names);
    return status;
}

void ufm_label_names_free(label_names *names)
{
    for (int64_t i = 0; i < names->labels; i++) ufm_free(names->label[i].name);
    ufm_free(names->label);
    *names = (label_names){0};
}

label_name *ufm_label_names_find(const label_names *names, const char *name)
{
    int64_t begin = 0, end = names->labels;
    while (begin < end) {
        const int64_t middle = begin + (end - begin) / 2;
        const int order = strcmp(name, names->label[middle].name);
        if (order == 0) return &names->label[middle];
        if (order < 0)
            end = middle;
        else
            begin = middle + 1;
    }
    return NULL;
}
