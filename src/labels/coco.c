/* MS-COCO "instances" files: three lists, in any order, of
 *   images {"id": I, ...}, annotations {"image_id": I, "category_id": C, ...}, categories {"id": C, ...}.
 * Whatever else is there (outlines make up nearly all of a file) passes by without being kept. */
#include "labels/coco.h"
#include <string.h>

static const struct {
    const char *name;
    unsigned needed; /* fields of a record, as bits */
} section_table[] = {[COCO_OTHER] = {"", 0},
                     [COCO_IMAGES] = {"images", 1 << COCO_ID},
                     [COCO_ANNOTATIONS] = {"annotations", 1 << COCO_IMAGE_ID | 1 << COCO_CATEGORY_ID},
                     [COCO_CATEGORIES] = {"categories", 1 << COCO_ID}};
static const char *const field_name[COCO_FIELDS] = {"id", "image_id", "category_id"};

#define fail_here(coco, error, ...)                                                                          \
    ufm_json_fail((coco)->reader.text, ufm_json_here((coco)->json), error, __VA_ARGS__)

static bool is(const ufm_json_token *token, const char *name)
{
    return (size_t)token->length == strlen(name) && memcmp(token->text, name, (size_t)token->length) == 0;
}

/* A key of the file's object. */
static ufm_status begin_section(coco_reader *coco, const ufm_json_token *token, ufm_error *error)
{
    coco->section = COCO_OTHER;
    for (int s = COCO_IMAGES; s < COCO_SECTIONS; s++)
        if (is(token, section_table[s].name)) coco->section = (coco_section)s;
    if (coco->section == COCO_OTHER) return UFM_OK;
    if (coco->seen[coco->section])
        return fail_here(coco, error, "a second \"%s\"; join the two lists",
                         section_table[coco->section].name);
    coco->seen[coco->section] = true;
    return UFM_OK;
}

static void begin_field(coco_reader *coco, const ufm_json_token *token)
{
    coco->field = COCO_FIELDS;
    for (int f = 0; f < COCO_FIELDS; f++)
        if (section_table[coco->section].needed & 1u << f && is(token, field_name[f]))
            coco->field = (coco_field)f;
    if (coco->section == COCO_CATEGORIES && is(token, "name")) coco->field = COCO_NAME;
    if (coco->section == COCO_IMAGES && coco->files && is(token, "file_name")) coco->field = COCO_FILE;
}

static ufm_status take_file(coco_reader *coco, const ufm_json_token *token, ufm_error *error)
{
    ufm_error reason = {"it is no text"};
    /* The next image's name has the number of images declared so far. */
    if (coco->files->count > coco->images.declared)
        return fail_here(coco, error, "a second \"file_name\" in one of the images; give it once");
    const ufm_status status = token->kind == UFM_JSON_STRING
                                  ? ufm_file_names_add(coco->files, token->text, token->length, &reason)
                                  : UFM_ERROR_INPUT;
    if (status == UFM_ERROR_MEMORY) return ufm_label_reader_no_memory(&coco->reader, error);
    return status == UFM_OK ? UFM_OK
                            : fail_here(coco, error, "the \"file_name\" of an image: %s", reason.text);
}

static ufm_status take_field(coco_reader *coco, const ufm_json_token *token, ufm_error *error)
{
    const coco_field field = coco->field;
    if (field == COCO_NAME && token->kind == UFM_JSON_STRING)
        coco->name = ufm_label_class_name(token->text, token->length);
    if (field == COCO_FILE) return take_file(coco, token, error);
    if (field >= COCO_FIELDS) return UFM_OK; /* not needed, or only for display */
    if (coco->given & 1u << field)
        return fail_here(coco, error, "a second \"%s\" in one of the %s; give it once", field_name[field],
                         section_table[coco->section].name);
    char digits[24] = "";
    if (token->kind == UFM_JSON_NUMBER && token->length < (int64_t)sizeof digits)
        memcpy(digits, token->text, (size_t)token->length);
    if (!ufm_parse_int64(digits, &coco->value[field]))
        return fail_here(coco, error,
                         "\"%s\" in one of the %s is not an integer of at most 64 bits; give one",
                         field_name[field], section_table[coco->section].name);
    coco->given |= 1u << field;
    return UFM_OK;
}

static ufm_status end_record(coco_reader *coco, ufm_error *error)
{
    const unsigned missing = section_table[coco->section].needed & ~coco->given;
    for (int f = 0; f < COCO_FIELDS; f++)
        if (missing & 1u << f)
            return fail_here(coco, error,
                             "one of the %s has no \"%s\"; give an instances file, every record with its ids",
                             section_table[coco->section].name, field_name[f]);
    switch (coco->section) {
    case COCO_IMAGES:
        return ufm_coco_declare_image(coco, error);
    case COCO_CATEGORIES:
        return ufm_coco_declare_category(coco, error);
    default:
        return ufm_coco_annotate(coco, error);
    }
}

static ufm_status take_section(coco_reader *coco, const ufm_json_token *token, ufm_error *error)
{
    if (token->kind == UFM_JSON_KEY) return begin_section(coco, token, error);
    if (coco->section == COCO_OTHER || token->kind == UFM_JSON_LIST || token->kind == UFM_JSON_LIST_END)
        return UFM_OK;
    return fail_here(coco, error, "\"%s\" is not a list; write [{...}, ...]",
                     section_table[coco->section].name);
}

static ufm_status take_record(coco_reader *coco, const ufm_json_token *token, ufm_error *error)
{
    if (token->kind == UFM_JSON_OBJECT_END) return end_record(coco, error);
    coco->given = 0;
    coco->name = ufm_label_class_name("", 0);
    if (token->kind == UFM_JSON_OBJECT) return UFM_OK;
    return fail_here(coco, error, "one of the %s is not an object; write {\"%s\": ..., ...}",
                     section_table[coco->section].name,
                     field_name[coco->section == COCO_ANNOTATIONS ? COCO_IMAGE_ID : COCO_ID]);
}

/* The depths: 0 the file's object, 1 the lists, 2 their records, 3 the fields, then whatever they hold. */
static ufm_status take(void *context, ufm_json_reader *json, const ufm_json_token *token, ufm_error *error)
{
    coco_reader *coco = context;
    coco->json = json;
    const ufm_status status = ufm_label_reader_progress(&coco->reader, error);
    if (status != UFM_OK) return status;
    if (token->depth == 0 && token->kind != UFM_JSON_OBJECT && token->kind != UFM_JSON_OBJECT_END)
        return fail_here(coco, error,
                         "the file does not hold an object; give a COCO instances file, which begins with {");
    if (token->depth == 1) return take_section(coco, token, error);
    if (coco->section == COCO_OTHER) return UFM_OK;
    if (token->depth == 2) return take_record(coco, token, error);
    if (token->depth == 3 && token->kind != UFM_JSON_KEY) return take_field(coco, token, error);
    if (token->depth == 3) begin_field(coco, token);
    return UFM_OK;
}

static ufm_status check_sections(const coco_reader *coco, ufm_error *error)
{
    for (int s = COCO_IMAGES; s < COCO_SECTIONS; s++)
        if (!coco->seen[s])
            return ufm_text_fail(coco->reader.text, error,
                                 "the file has no \"%s\"; give a COCO instances file, which has images, "
                                 "annotations and categories",
                                 section_table[s].name);
    return UFM_OK;
}

ufm_status ufm_labels_read_coco(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                ufm_error *error)
{
    return ufm_labels_read_coco_files(path, settings, NULL, labels, error);
}

ufm_status ufm_labels_read_coco_files(const char *path, const ufm_read_settings *settings,
                                      ufm_file_names *files, ufm_labels **labels, ufm_error *error)
{
    *labels = NULL;
    coco_reader coco = {.files = files};
    ufm_status status = ufm_label_reader_open(&coco.reader, path, settings, error);
    if (status == UFM_OK) status = ufm_json_read(coco.reader.text, take, &coco, error);
    if (status == UFM_OK) status = check_sections(&coco, error);
    if (status == UFM_OK) status = ufm_coco_add_rows(&coco, error);
    if (status == UFM_OK)
        status = ufm_label_reader_finish(&coco.reader, coco.categories.declared, labels, error);
    ufm_label_ids_free(&coco.images);
    ufm_label_ids_free(&coco.categories);
    ufm_free(coco.pair);
    ufm_free(coco.category_name);
    if (status != UFM_OK && files) ufm_file_names_free(files);
    ufm_label_reader_close(&coco.reader);
    return status;
}
