#include "labels/reader.h"
#include "labels/combinations.h"
#include <string.h>

ufm_status ufm_label_reader_no_memory(const label_reader *reader, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory for the labels",
                    ufm_text_path(reader->text));
}

ufm_status ufm_label_reader_open(label_reader *reader, const char *path, const ufm_read_settings *settings,
                                 ufm_error *error)
{
    *reader = (label_reader){.settings = settings};
    if (settings->classes != 0 && (settings->classes < 2 || settings->classes > LABEL_CLASSES_MAX))
        return ufm_fail(error, UFM_ERROR_USAGE, "%lld classes; give 2 to %lld", (long long)settings->classes,
                        (long long)LABEL_CLASSES_MAX);
    const ufm_status status = ufm_text_open(path, &reader->text, error);
    if (status != UFM_OK) return status;
    reader->builder = ufm_labels_builder_new();
    return reader->builder ? UFM_OK : ufm_label_reader_no_memory(reader, error);
}

void ufm_label_reader_close(label_reader *reader)
{
    ufm_text_close(reader->text);
    ufm_labels_builder_free(reader->builder);
    ufm_free(reader->tag);
    ufm_free(reader->names);
}

ufm_status ufm_label_reader_progress(label_reader *reader, ufm_error *error)
{
    const double fraction = ufm_text_fraction(reader->text);
    if (!reader->settings->progress || fraction == reader->reported) return UFM_OK;
    reader->reported = fraction;
    if (reader->settings->progress(reader->settings->context, fraction, "reading labels")) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_CANCELLED, "%s: interrupted while it was read; nothing was computed",
                    ufm_text_path(reader->text));
}

ufm_status ufm_label_reader_line(label_reader *reader, char **line, ufm_error *error)
{
    int64_t length;
    for (;;) {
        ufm_status status = ufm_text_line(reader->text, line, &length, error);
        if (status == UFM_OK) status = ufm_label_reader_progress(reader, error);
        if (status != UFM_OK || !*line) return status;
        if ((*line)[strspn(*line, " \t")]) return UFM_OK;
    }
}

ufm_status ufm_label_reader_name(label_reader *reader, label_class_name name, ufm_error *error)
{
    const int64_t bytes = (int64_t)strlen(name.text) + 1;
    if (ufm_grow((void **)&reader->names, &reader->names_capacity, reader->names_used + bytes, 1) != UFM_OK)
        return ufm_label_reader_no_memory(reader, error);
    memcpy(reader->names + reader->names_used, name.text, (size_t)bytes);
    reader->names_used += bytes;
    reader->named++;
    return UFM_OK;
}

ufm_status ufm_label_reader_tag(label_reader *reader, int64_t tag, ufm_error *error)
{
    if (ufm_grow((void **)&reader->tag, &reader->capacity, reader->tags + 1, sizeof *reader->tag) != UFM_OK)
        return ufm_label_reader_no_memory(reader, error);
    reader->tag[reader->tags++] = (int32_t)tag;
    return UFM_OK;
}

/* Puts the place in the file in front of the builder's message. */
static ufm_status locate(const label_reader *reader, ufm_status status, const ufm_error *reason,
                         ufm_error *error)
{
    if (status == UFM_OK) return UFM_OK;
    if (status == UFM_ERROR_INPUT) return ufm_text_fail(reader->text, error, "%s", reason->text);
    return ufm_fail(error, status, "%s: %s", ufm_text_path(reader->text), reason->text);
}

ufm_status ufm_label_reader_row(label_reader *reader, int64_t count, ufm_error *error)
{
    if (reader->tags > 0) {
        ufm_error reason;
        const ufm_status status =
            ufm_labels_builder_add(reader->builder, reader->tags, reader->tag, count, &reason);
        reader->tags = 0;
        return locate(reader, status, &reason, error);
    }
    if (reader->settings->refuse_unlabelled)
        return ufm_text_fail(reader->text, error,
                             "a sample without any label, which --unlabelled error refuses; label it or let "
                             "--unlabelled drop leave it out");
    if (__builtin_add_overflow(reader->unlabelled, count, &reader->unlabelled))
        return ufm_text_fail(
            reader->text, error,
            "the counts add up to more than 9223372036854775807 samples; use smaller counts");
    return UFM_OK;
}

/* The names in one block: pointers, then texts. */
static ufm_status attach_names(const label_reader *reader, ufm_labels *labels, ufm_error *error)
{
    if (reader->named == 0) return UFM_OK;
    const int64_t pointers = reader->named * (int64_t)sizeof *labels->name;
    labels->name = ufm_alloc(pointers + reader->names_used, 1);
    if (!labels->name) return ufm_label_reader_no_memory(reader, error);
    char *text = (char *)labels->name + pointers;
    memcpy(text, reader->names, (size_t)reader->names_used);
    for (int64_t k = 0; k < reader->named; k++) {
        labels->name[k] = text;
        text += strlen(text) + 1;
    }
    return UFM_OK;
}

ufm_status ufm_label_reader_finish(label_reader *reader, int64_t classes, ufm_labels **labels,
                                   ufm_error *error)
{
    ufm_error reason;
    ufm_status status =
        ufm_labels_builder_finish(reader->builder, classes, reader->settings->duplicates, labels, &reason);
    if (status != UFM_OK) return locate(reader, status, &reason, error);
    (*labels)->unlabelled_dropped = reader->unlabelled;
    status = attach_names(reader, *labels, error);
    if (status == UFM_OK) return UFM_OK;
    ufm_labels_free(*labels);
    *labels = NULL;
    return status;
}

ufm_status ufm_label_reader_check_classes(const label_reader *reader, int64_t classes, ufm_error *error)
{
    if (classes < 2)
        return ufm_text_fail(reader->text, error, "the file has %lld class%s; at least 2 classes are needed",
                             (long long)classes, classes == 1 ? "" : "es");
    const int64_t wanted = reader->settings->classes;
    if (wanted != 0 && wanted != classes)
        return ufm_text_fail(reader->text, error,
                             "the file has %lld classes but %lld were asked for; leave --classes out",
                             (long long)classes, (long long)wanted);
    return UFM_OK;
}

bool ufm_label_value(const char *text, bool *value)
{
    if ((text[0] == '0' || text[0] == '1') && text[1] == '\0') {
        *value = text[0] == '1';
        return true;
    }
    double number;
    if (!ufm_parse_double(text, &number) || (number != 0 && number != 1)) return false;
    *value = number == 1;
    return true;
}
