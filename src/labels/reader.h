/* What the readers of label files share: the file, the builder, and the tags of the row being read. */
#ifndef UFMLAB_LABELS_READER_H
#define UFMLAB_LABELS_READER_H

#include "labels/message.h"
#include <ufmlab/io.h>
#include <ufmlab/labels.h>

typedef struct {
    ufm_text *text;
    const ufm_read_settings *settings;
    ufm_labels_builder *builder;
    int32_t *tag; /* of the row being read */
    int64_t tags, capacity;
    int64_t unlabelled;
    char *names; /* one after the other, each with its NUL */
    int64_t named, names_used, names_capacity;
    double reported; /* fraction of the file at the last call of settings->progress */
} label_reader;

/* Checks the settings and opens the file; close in any case. */
ufm_status ufm_label_reader_open(label_reader *reader, const char *path, const ufm_read_settings *settings,
                                 ufm_error *error);
void ufm_label_reader_close(label_reader *reader);
/* The next line that is not blank; *line NULL at the end of the file. */
ufm_status ufm_label_reader_line(label_reader *reader, char **line, ufm_error *error);
/* Tells settings->progress, UFM_ERROR_CANCELLED when that says stop; cheap enough for every token. */
ufm_status ufm_label_reader_progress(label_reader *reader, ufm_error *error);
/* The name of the next class. Files name all classes or none. */
ufm_status ufm_label_reader_name(label_reader *reader, label_class_name name, ufm_error *error);
/* Adds a tag to the row. */
ufm_status ufm_label_reader_tag(label_reader *reader, int64_t tag, ufm_error *error);
/* Ends the row, which stands for `count` samples. */
ufm_status ufm_label_reader_row(label_reader *reader, int64_t count, ufm_error *error);
/* The labels of all rows; classes 0: largest tag + 1. */
ufm_status ufm_label_reader_finish(label_reader *reader, int64_t classes, ufm_labels **labels,
                                   ufm_error *error);
/* Fails unless a file with this many classes suits the settings. */
ufm_status ufm_label_reader_check_classes(const label_reader *reader, int64_t classes, ufm_error *error);

/* UFM_ERROR_MEMORY with a message. */
ufm_status ufm_label_reader_no_memory(const label_reader *reader, ufm_error *error);

/* The value of a label: 0 or 1 in any spelling of the number; false for anything else. */
bool ufm_label_value(const char *text, bool *value);

ufm_status ufm_labels_read_multihot(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                    ufm_error *error);
ufm_status ufm_labels_read_coco(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                ufm_error *error);
ufm_status ufm_labels_read_arff(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                ufm_error *error);

#endif
