#include <ufmlab/labels.h>

typedef struct {
    const ufm_stored_labels *stored;
    int32_t *tag;
    ufm_labels_builder *builder;
} label_reader;

static ufm_status take_row(void *context, int64_t row, const uint8_t *bytes, ufm_error *error)
{
    const label_reader *in = context;
    const ufm_stored_labels *stored = in->stored;
    int64_t tags = 0;
    for (int64_t k = 0; k < stored->classes; k++) {
        if (bytes[k] > 1)
            return ufm_fail(error, UFM_ERROR_INPUT,
                            "%s: labels row %lld holds %d; every entry must be 0 or 1", stored->path,
                            (long long)row, bytes[k]);
        if (bytes[k]) in->tag[tags++] = (int32_t)k;
    }
    if (tags == 0)
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: labels row %lld is empty; every %s", stored->path,
                        (long long)row, stored->rule);
    return ufm_labels_builder_add(in->builder, tags, in->tag, 1, error);
}

static ufm_status finish(const label_reader *in, ufm_labels **labels, ufm_error *error)
{
    ufm_error reason;
    const ufm_status status =
        ufm_labels_builder_finish(in->builder, in->stored->classes, UFM_DUPLICATES_KEEP, labels, &reason);
    if (status == UFM_OK) return UFM_OK;
    return ufm_fail(error, status == UFM_ERROR_USAGE ? UFM_ERROR_INPUT : status, "%s: data set labels: %s",
                    in->stored->path, reason.text);
}

ufm_status ufm_labels_read_stored(const ufm_stored_labels *stored, ufm_labels **labels, ufm_error *error)
{
    label_reader in = {stored, ufm_alloc(stored->classes, sizeof *in.tag), ufm_labels_builder_new()};
    ufm_status status = in.tag && in.builder
                            ? ufm_h5_read_bytes(stored->file, "labels", take_row, &in, error)
                            : ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", stored->path);
    if (status == UFM_OK) status = finish(&in, labels, error);
    ufm_labels_builder_free(in.builder);
    ufm_free(in.tag);
    return status;
}
