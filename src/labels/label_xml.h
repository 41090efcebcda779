/* MULAN's label files: <labels xmlns="..."><label name="..."/>...</labels>, labels may nest. */
#ifndef UFMLAB_LABELS_LABEL_XML_H
#define UFMLAB_LABELS_LABEL_XML_H

#include <ufmlab/base.h>

typedef struct {
    char *name;
    int64_t line;      /* where the file declares it */
    int64_t attribute; /* the ARFF attribute that carries it, from 0; -1 before it is found */
} label_name;

typedef struct {
    label_name *label; /* sorted by name, all names different */
    int64_t labels, capacity;
} label_names;

ufm_status ufm_label_names_read(const char *path, label_names *names, ufm_error *error);
void ufm_label_names_free(label_names *names);
/* NULL when there is none. */
label_name *ufm_label_names_find(const label_names *names, const char *name);
/* `PATH:LINE: message`, UFM_ERROR_INPUT. */
ufm_status ufm_label_xml_fail(ufm_error *error, const char *path, int64_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
