/* Numbering equal tag sets by hashing. The hash is a polynomial modulo the prime 2^61-1 at a random point:
 * two different tag sets of at most n tags collide with probability at most n/2^61, whatever file they come
 * from. Hits are compared in full, so the result does not depend on the random point. */
#include "labels/secret.h"
#include <string.h>
#include <ufmlab/labels.h>

__extension__ typedef unsigned __int128 wide;

#define PRIME (((uint64_t)1 << 61) - 1)

typedef struct {
    int64_t column; /* first column with this tag set */
    uint64_t hash;
} group_entry;

typedef struct {
    uint64_t point, multiplier;
    int64_t *slot; /* [2^bits] number of a group + 1, or 0 */
    int bits;
    group_entry *entry;
    int64_t groups, capacity;
} group_table;

static uint64_t reduce(wide x)
{
    const uint64_t folded = (uint64_t)(x & PRIME) + (uint64_t)(x >> 61);
    return folded >= PRIME ? folded - PRIME : folded;
}

static uint64_t hash_tag_set(uint64_t point, int64_t tags, const int32_t *tag)
{
    uint64_t hash = (uint64_t)tags;
    for (int64_t i = 0; i < tags; i++) hash = reduce((wide)hash * point + (wide)(uint32_t)tag[i]);
    return hash;
}

static int64_t first_slot(const group_table *table, uint64_t hash)
{
    return (int64_t)((hash * table->multiplier) >> (64 - table->bits));
}

static ufm_status enlarge(group_table *table, int bits)
{
    int64_t *slot = ufm_alloc((int64_t)1 << bits, sizeof *slot);
    if (!slot) return UFM_ERROR_MEMORY;
    ufm_free(table->slot);
    table->slot = slot;
    table->bits = bits;
    const int64_t mask = ((int64_t)1 << bits) - 1;
    for (int64_t g = 0; g < table->groups; g++) {
        int64_t s = first_slot(table, table->entry[g].hash);
        while (slot[s]) s = (s + 1) & mask;
        slot[s] = g + 1;
    }
    return UFM_OK;
}

static bool same_tag_set(const ufm_labels *labels, int64_t a, int64_t b)
{
    const int64_t m = ufm_labels_multiplicity(labels, a);
    return m == ufm_labels_multiplicity(labels, b) &&
           memcmp(labels->tag + labels->offset[a], labels->tag + labels->offset[b],
                  (size_t)m * sizeof *labels->tag) == 0;
}

/* The group of a column, a new one when its tag set is new. */
static ufm_status find_group(group_table *table, const ufm_labels *labels, int64_t column, int64_t *group)
{
    if (2 * table->groups >= (int64_t)1 << table->bits) {
        const ufm_status status = enlarge(table, table->bits + 1);
        if (status != UFM_OK) return status;
    }
    const uint64_t hash = hash_tag_set(table->point, ufm_labels_multiplicity(labels, column),
                                       labels->tag + labels->offset[column]);
    const int64_t mask = ((int64_t)1 << table->bits) - 1;
    int64_t s = first_slot(table, hash);
    for (; table->slot[s]; s = (s + 1) & mask) {
        const int64_t g = table->slot[s] - 1;
        if (table->entry[g].hash == hash && same_tag_set(labels, table->entry[g].column, column)) {
            *group = g;
            return UFM_OK;
        }
    }
    const ufm_status status =
        ufm_grow((void **)&table->entry, &table->capacity, table->groups + 1, sizeof *table->entry);
    if (status != UFM_OK) return status;
    table->entry[table->groups] = (group_entry){column, hash};
    *group = table->groups++;
    table->slot[s] = table->groups;
    return UFM_OK;
}

ufm_status ufm_labels_group(const ufm_labels *labels, int64_t *group, int64_t *groups)
{
    enum { FIRST_BITS = 6 };
    group_table table = {0};
    uint64_t secret[2];
    ufm_label_secret(secret);
    table.point = reduce(secret[0]) | 2;
    table.multiplier = secret[1] | 1;
    ufm_status status = enlarge(&table, FIRST_BITS);
    for (int64_t i = 0; status == UFM_OK && i < labels->columns; i++) {
        if (i > 0 && same_tag_set(labels, i - 1, i))
            group[i] = group[i - 1]; /* designs have equal tag sets side by side */
        else
            status = find_group(&table, labels, i, &group[i]);
    }
    if (status == UFM_OK) *groups = table.groups;
    ufm_free(table.slot);
    ufm_free(table.entry);
    return status;
}
