/* The ids of a COCO file, numbered in order of first appearance. */
#ifndef UFMLAB_LABELS_IDS_H
#define UFMLAB_LABELS_IDS_H

#include <ufmlab/io.h>

typedef struct {
    int64_t id;
    int64_t rank;         /* among the declared ones, in the order of the file; -1 while only referred to */
    ufm_json_place place; /* of the declaration; of the first reference before it is declared */
} label_id;

/* Zeroed: empty. */
typedef struct {
    label_id *entry;
    int64_t entries, capacity, declared;
    int32_t *slot; /* [2^bits] number of an entry + 1, or 0 */
    int bits;      /* 0: no slots yet */
    uint64_t secret[2];
} label_ids;

/* The number of the id, a new one when the id is new. UFM_ERROR_MEMORY without a message, also for more than
 * 2^30 ids. */
ufm_status ufm_label_ids_find(label_ids *ids, int64_t id, ufm_json_place place, int32_t *number);
void ufm_label_ids_free(label_ids *ids);

#endif
