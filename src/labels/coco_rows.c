#include "labels/coco.h"
#include <stdlib.h>

static ufm_status fail_twice(const coco_reader *coco, const char *what, const label_id *first,
                             ufm_error *error)
{
    return ufm_json_fail(coco->reader.text, ufm_json_here(coco->json), error,
                         "the %s id %lld is that of line %lld, byte %lld, too; give every %s its own id",
                         what, (long long)first->id, (long long)first->place.line,
                         (long long)first->place.byte, what);
}

static ufm_status declare(coco_reader *coco, label_ids *ids, const char *what, ufm_error *error)
{
    int32_t number;
    const ufm_json_place here = ufm_json_here(coco->json);
    if (ufm_label_ids_find(ids, coco->value[COCO_ID], here, &number) != UFM_OK)
        return ufm_label_reader_no_memory(&coco->reader, error);
    label_id *id = &ids->entry[number];
    if (id->rank >= 0) return fail_twice(coco, what, id, error);
    id->rank = ids->declared++;
    id->place = here;
    return UFM_OK;
}

ufm_status ufm_coco_declare_image(coco_reader *coco, ufm_error *error)
{
    const ufm_status status = declare(coco, &coco->images, "image", error);
    if (status != UFM_OK || !coco->files || coco->files->count == coco->images.declared) return status;
    return ufm_json_fail(
        coco->reader.text, ufm_json_here(coco->json), error,
        "one of the images has no \"file_name\"; give an instances file, every image with its name");
}

ufm_status ufm_coco_declare_category(coco_reader *coco, ufm_error *error)
{
    const ufm_status status = declare(coco, &coco->categories, "category", error);
    if (status != UFM_OK) return status;
    const int64_t declared = coco->categories.declared;
    if (ufm_grow((void **)&coco->category_name, &coco->category_name_capacity, declared,
                 sizeof *coco->category_name) != UFM_OK)
        return ufm_label_reader_no_memory(&coco->reader, error);
    coco->category_name[declared - 1] = coco->name;
    return UFM_OK;
}

static int compare_pairs(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts the pairs and drops repetitions. */
static void compact(coco_reader *coco)
{
    if (coco->pairs == 0) return;
    qsort(coco->pair, (size_t)coco->pairs, sizeof *coco->pair, compare_pairs);
    int64_t kept = 1;
    for (int64_t i = 1; i < coco->pairs; i++)
        if (coco->pair[i] != coco->pair[kept - 1]) coco->pair[kept++] = coco->pair[i];
    coco->pairs = kept;
}

static ufm_status reserve_pair(coco_reader *coco, ufm_error *error)
{
    if (coco->pairs < coco->pair_capacity) return UFM_OK;
    compact(coco);
    /* Unless half of it is free again, sorting would become the main work. */
    const int64_t wanted = coco->pairs > coco->pair_capacity / 2 ? coco->pair_capacity + 1 : coco->pairs + 1;
    if (ufm_grow((void **)&coco->pair, &coco->pair_capacity, wanted, sizeof *coco->pair) == UFM_OK)
        return UFM_OK;
    return ufm_label_reader_no_memory(&coco->reader, error);
}

static ufm_status fail_unknown(const coco_reader *coco, const label_id *id, const char *what,
                               const char *section, ufm_error *error)
{
    return ufm_json_fail(coco->reader.text, id->place, error,
                         "the annotation names %s %lld, which is not among the %s; add it or remove the "
                         "annotation",
                         what, (long long)id->id, section);
}

/* The first id that was referred to but never declared. */
static ufm_status check_declared(const coco_reader *coco, const label_ids *ids, const char *what,
                                 const char *section, ufm_error *error)
{
    for (int64_t i = 0; i < ids->entries; i++)
        if (ids->entry[i].rank < 0) return fail_unknown(coco, &ids->entry[i], what, section, error);
    return UFM_OK;
}

ufm_status ufm_coco_annotate(coco_reader *coco, ufm_error *error)
{
    int32_t image, category;
    const ufm_json_place here = ufm_json_here(coco->json);
    if (ufm_label_ids_find(&coco->images, coco->value[COCO_IMAGE_ID], here, &image) != UFM_OK ||
        ufm_label_ids_find(&coco->categories, coco->value[COCO_CATEGORY_ID], here, &category) != UFM_OK)
        return ufm_label_reader_no_memory(&coco->reader, error);
    /* Where the list was read already there is no hope left. */
    if (coco->seen[COCO_IMAGES] && coco->images.entry[image].rank < 0)
        return fail_unknown(coco, &coco->images.entry[image], "image", "images", error);
    if (coco->seen[COCO_CATEGORIES] && coco->categories.entry[category].rank < 0)
        return fail_unknown(coco, &coco->categories.entry[category], "category", "categories", error);
    const ufm_status status = reserve_pair(coco, error);
    if (status == UFM_OK) coco->pair[coco->pairs++] = (uint64_t)image << 32 | (uint32_t)category;
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    const label_id *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* class[r] of the category with rank r: its position among all ids. Names the classes. */
static ufm_status number_classes(coco_reader *coco, int64_t **class, ufm_error *error)
{
    const label_ids *ids = &coco->categories;
    label_id *sorted = ufm_alloc(ids->entries, sizeof *sorted);
    *class = ufm_alloc(ids->entries, sizeof **class);
    ufm_status status = sorted && *class ? UFM_OK : ufm_label_reader_no_memory(&coco->reader, error);
    for (int64_t i = 0; status == UFM_OK && i < ids->entries; i++) sorted[i] = ids->entry[i];
    if (status == UFM_OK) qsort(sorted, (size_t)ids->entries, sizeof *sorted, compare_ids);
    for (int64_t k = 0; status == UFM_OK && k < ids->entries; k++) {
        (*class)[sorted[k].rank] = k;
        status = ufm_label_reader_name(&coco->reader, coco->category_name[sorted[k].rank], error);
    }
    ufm_free(sorted);
    return status;
}

/* Images by their order in the file, and classes, in place of the numbers; then everything in that order. */
static ufm_status order_pairs(coco_reader *coco, ufm_error *error)
{
    int64_t *class;
    const ufm_status status = number_classes(coco, &class, error);
    for (int64_t i = 0; status == UFM_OK && i < coco->pairs; i++) {
        const int64_t image = coco->images.entry[coco->pair[i] >> 32].rank;
        const int64_t category = coco->categories.entry[coco->pair[i] & UINT32_MAX].rank;
        coco->pair[i] = (uint64_t)image << 32 | (uint64_t) class[category];
    }
    compact(coco);
    ufm_free(class);
    return status;
}

static ufm_status refuse_unlabelled(const coco_reader *coco, int64_t rank, ufm_error *error)
{
    const label_id *image = coco->images.entry;
    while (image->rank != rank) image++;
    return ufm_json_fail(coco->reader.text, image->place, error,
                         "image %lld has no annotation, which --unlabelled error refuses; annotate it or let "
                         "--unlabelled drop leave it out",
                         (long long)image->id);
}

ufm_status ufm_coco_add_rows(coco_reader *coco, ufm_error *error)
{
    label_reader *reader = &coco->reader;
    ufm_status status = check_declared(coco, &coco->images, "image", "images", error);
    if (status == UFM_OK) status = check_declared(coco, &coco->categories, "category", "categories", error);
    if (status == UFM_OK) status = ufm_label_reader_check_classes(reader, coco->categories.declared, error);
    if (status == UFM_OK) status = order_pairs(coco, error);
    int64_t next = 0, labelled = 0;
    for (int64_t rank = 0; status == UFM_OK && rank < coco->images.declared; rank++) {
        for (; status == UFM_OK && next < coco->pairs && (int64_t)(coco->pair[next] >> 32) == rank; next++)
            status = ufm_label_reader_tag(reader, (int64_t)(coco->pair[next] & UINT32_MAX), error);
        if (status == UFM_OK && reader->tags == 0 && reader->settings->refuse_unlabelled)
            status = refuse_unlabelled(coco, rank, error);
        /* Only a name at or behind the place it moves to is read. */
        if (status == UFM_OK && coco->files && reader->tags > 0)
            coco->files->offset[labelled++] = coco->files->offset[rank];
        if (status == UFM_OK) status = ufm_label_reader_row(reader, 1, error);
    }
    if (coco->files) coco->files->count = labelled;
    return status;
}
