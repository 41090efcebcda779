/* What the two halves of the COCO reader share: coco.c follows the tokens, coco_rows.c makes tag sets of
 * records. */
#ifndef UFMLAB_LABELS_COCO_H
#define UFMLAB_LABELS_COCO_H

#include "labels/ids.h"
#include "labels/reader.h"

typedef enum { COCO_OTHER, COCO_IMAGES, COCO_ANNOTATIONS, COCO_CATEGORIES, COCO_SECTIONS } coco_section;
/* Fields that records need, and two that may be there. */
typedef enum { COCO_ID, COCO_IMAGE_ID, COCO_CATEGORY_ID, COCO_FIELDS, COCO_NAME, COCO_FILE } coco_field;

typedef struct {
    label_reader reader;
    ufm_json_reader *json;
    coco_section section; /* that the reader is in */
    bool seen[COCO_SECTIONS];
    coco_field field; /* whose value comes next; COCO_FIELDS: none that is wanted */
    unsigned given;   /* fields of the record, as bits */
    int64_t value[COCO_FIELDS];
    label_ids images, categories;
    label_class_name name;           /* of the record */
    ufm_file_names *files;           /* of the images by rank, then of those with labels; NULL: not wanted */
    label_class_name *category_name; /* by rank */
    int64_t category_name_capacity;
    /* Number of the image * 2^32 + number of the category, for each annotation; repetitions are dropped
     * whenever the array is full, so it is as large as the tag sets and not as the annotations. */
    uint64_t *pair;
    int64_t pairs, pair_capacity;
} coco_reader;

/* The record that was read: an image or a category; UFM_ERROR_INPUT when its id was declared before. */
ufm_status ufm_coco_declare_image(coco_reader *coco, ufm_error *error);
ufm_status ufm_coco_declare_category(coco_reader *coco, ufm_error *error);
/* The record that was read: an annotation, whose image and category may be declared later. */
ufm_status ufm_coco_annotate(coco_reader *coco, ufm_error *error);
/* After the file: the tag sets, in the order of the images, into coco->reader. */
ufm_status ufm_coco_add_rows(coco_reader *coco, ufm_error *error);

#endif
