#include "labels/reader.h"
#include <string.h>
#include <strings.h>

static bool has_suffix(const char *path, const char *suffix)
{
    const size_t length = strlen(path), tail = strlen(suffix);
    return length >= tail && strcasecmp(path + length - tail, suffix) == 0;
}

ufm_status ufm_labels_read(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                           ufm_error *error)
{
    *labels = NULL;
    if (has_suffix(path, ".arff")) return ufm_labels_read_arff(path, settings, labels, error);
    const bool json = has_suffix(path, ".json");
    if (!json && !has_suffix(path, ".csv"))
        return ufm_fail(error, UFM_ERROR_INPUT,
                        "%s: the suffix names no label format; give a .csv (0/1 matrix with a header), an "
                        ".arff or a COCO instances .json file",
                        ufm_shown_path(path));
    if (settings->label_xml || settings->label_columns != 0)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "%s: --label-xml and --label-columns belong to .arff files; leave them out",
                        ufm_shown_path(path));
    return json ? ufm_labels_read_coco(path, settings, labels, error)
                : ufm_labels_read_multihot(path, settings, labels, error);
}

ufm_status ufm_label_columns_parse(const char *text, int64_t *label_columns, ufm_error *error)
{
    const bool first = strncmp(text, "first:", 6) == 0, last = strncmp(text, "last:", 5) == 0;
    int64_t columns;
    if ((!first && !last) || !ufm_parse_int64(text + (first ? 6 : 5), &columns) || columns < 2)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "label columns '%.40s'; give first:N or last:N with N >= 2, such as last:14", text);
    *label_columns = first ? columns : -columns;
    return UFM_OK;
}
