/* The header of an ARFF file. */
#ifndef UFMLAB_LABELS_ARFF_H
#define UFMLAB_LABELS_ARFF_H

#include "labels/reader.h"

typedef struct {
    char *name;
    int64_t line;    /* of its declaration */
    int64_t label;   /* its class, or -1 for a feature */
    int64_t feature; /* its column in the table, or -1 */
    bool binary;     /* numeric, or nominal with no other values than 0 and 1 */
    bool omitted;    /* value of a binary attribute that a sparse row omits: 0, or the first nominal value */
} arff_attribute;

typedef struct {
    arff_attribute *attribute;
    int64_t attributes, capacity;
    int64_t labels; /* K */
    int64_t *set;   /* classes whose label is 1 where a sparse row omits it, ascending */
    int64_t set_size;
    ufm_table *table; /* where the features go; NULL: not wanted */
    int64_t table_capacity;
} arff_header;

/* Reads up to the @data line, then finds the label columns. Free in any case. */
ufm_status ufm_arff_header_read(label_reader *reader, arff_header *header, ufm_error *error);
void ufm_arff_header_free(arff_header *header);

/* Cuts the line at the first % that starts a comment. */
void ufm_arff_strip_comment(char *line);

#endif
