/* Pieces of error messages of the labels module. */
#ifndef UFMLAB_LABELS_MESSAGE_H
#define UFMLAB_LABELS_MESSAGE_H

#include <ufmlab/base.h>

/* A short printable excerpt of text from a file: 40 bytes at most, control characters replaced. */
typedef struct {
    char text[48];
} label_excerpt;
label_excerpt ufm_label_excerpt(const char *text);

/* The name of a class from a file, as ufm_labels wants it: what is not UTF-8 and control
 * characters become '?', a long one is cut. */
typedef struct {
    char text[64];
} label_class_name;
label_class_name ufm_label_class_name(const char *text, int64_t length);

/* A tag set as in a counts file, 0+3+17, shortened when it is long. */
typedef struct {
    char text[96];
} label_tag_set;
label_tag_set ufm_label_tag_set(int64_t tags, const int32_t *tag);

/* "23.5 GiB"; from 1024 EiB on, and with `exact`, the number of bytes first. */
typedef struct {
    char text[64];
} label_bytes;
label_bytes ufm_label_bytes(double bytes, bool exact);

#endif
