#include "labels/ids.h"
#include "labels/secret.h"

enum { FIRST_BITS = 6, LAST_BITS = 31 };

void ufm_label_ids_free(label_ids *ids)
{
    ufm_free(ids->entry);
    ufm_free(ids->slot);
    *ids = (label_ids){0};
}

/* The slot that holds the id, or the free one where it belongs. The multiplications spread the secret over
 * the high bits that are taken. */
static int64_t locate(const label_ids *ids, int64_t id)
{
    uint64_t hash = ((uint64_t)id ^ ids->secret[0]) * (ids->secret[1] | 1);
    hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u;
    const int64_t mask = ((int64_t)1 << ids->bits) - 1;
    int64_t s = (int64_t)(hash >> (64 - ids->bits));
    while (ids->slot[s] && ids->entry[ids->slot[s] - 1].id != id) s = (s + 1) & mask;
    return s;
}

static ufm_status enlarge(label_ids *ids)
{
    const int bits = ids->bits ? ids->bits + 1 : FIRST_BITS;
    int32_t *slot = bits <= LAST_BITS ? ufm_alloc((int64_t)1 << bits, sizeof *slot) : NULL;
    if (!slot) return UFM_ERROR_MEMORY;
    if (!ids->bits) ufm_label_secret(ids->secret);
    ufm_free(ids->slot);
    ids->slot = slot;
    ids->bits = bits;
    for (int64_t i = 0; i < ids->entries; i++) slot[locate(ids, ids->entry[i].id)] = (int32_t)i + 1;
    return UFM_OK;
}

ufm_status ufm_label_ids_find(label_ids *ids, int64_t id, ufm_json_place place, int32_t *number)
{
    ufm_status status = UFM_OK;
    if (!ids->bits || 2 * ids->entries >= (int64_t)1 << ids->bits) status = enlarge(ids);
    if (status != UFM_OK) return status;
    const int64_t s = locate(ids, id);
    if (!ids->slot[s]) {
        status = ufm_grow((void **)&ids->entry, &ids->capacity, ids->entries + 1, sizeof *ids->entry);
        if (status != UFM_OK) return status;
        ids->entry[ids->entries++] = (label_id){id, -1, place};
        ids->slot[s] = (int32_t)ids->entries;
    }
    *number = ids->slot[s] - 1;
    return UFM_OK;
}
