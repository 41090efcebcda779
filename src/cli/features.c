/* Features, classifier and labels from anyone's files. */
#include "cli.h"
#include <string.h>

typedef struct {
    int64_t rows, cols;
    double *data; /* column-major */
} array;

/* Where the path of "FILE.h5:/NAME" ends; NULL for another file. */
static const char *h5_colon(const char *spec)
{
    const char *at = strstr(spec, ".h5:");
    for (const char *next = at; next; next = strstr(next + 1, ".h5:")) at = next;
    return at ? at + 3 : NULL;
}

static ufm_status read_h5(const char *spec, array *a, ufm_error *error)
{
    const char *colon = h5_colon(spec);
    char *path = ufm_strdup(spec);
    ufm_h5 *file = NULL;
    if (!path) return UFM_ERROR_MEMORY;
    path[colon - spec] = '\0';
    ufm_status status = ufm_h5_open(path, &file, error);
    if (status == UFM_OK) status = ufm_h5_shape(file, colon + 1, &a->rows, &a->cols, error);
    if (status == UFM_OK) {
        a->data = ufm_alloc(a->rows * a->cols, sizeof *a->data);
        status = a->data ? ufm_h5_read_matrix(file, colon + 1, a->data, error) : UFM_ERROR_MEMORY;
    }
    ufm_h5_abort(file);
    ufm_free(path);
    return status;
}

static ufm_status try_h5(const char *spec, ufm_error *error)
{
    array a = {0};
    return read_h5(spec, &a, error);
}

static ufm_status read_array(const char *spec, array *a, ufm_error *error)
{
    if (!h5_colon(spec)) return ufm_npy_read(spec, &a->rows, &a->cols, &a->data, error);
    const ufm_status status = guard_file(spec, try_h5, error);
    return status == UFM_OK ? read_h5(spec, a, error) : status;
}

/* N x K numbers, positive where the sample has the tag (the published soft labels are shares). */
static ufm_status labels_of_array(const char *spec, const array *a, ufm_labels **labels, ufm_error *error)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    int32_t *tag = ufm_alloc(a->cols, sizeof *tag);
    ufm_status status = builder && tag ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < a->rows && status == UFM_OK; i++) {
        int64_t tags = 0;
        for (int64_t k = 0; k < a->cols && status == UFM_OK; k++) {
            const double y = a->data[i + k * a->rows];
            if (y < 0 || y > 1)
                status = ufm_fail(error, UFM_ERROR_INPUT, "%s: row %lld holds %g; labels lie in 0..1",
                                  ufm_shown_path(spec), (long long)i, y);
            if (y > 0) tag[tags++] = (int32_t)k;
        }
        if (status == UFM_OK && tags == 0)
            status = ufm_fail(error, UFM_ERROR_INPUT, "%s: row %lld has no label; every feature needs one",
                              ufm_shown_path(spec), (long long)i);
        if (status == UFM_OK) status = ufm_labels_builder_add(builder, tags, tag, 1, error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, a->cols, UFM_DUPLICATES_KEEP, labels, error);
    ufm_labels_builder_free(builder);
    ufm_free(tag);
    return status;
}

static bool is_array(const char *spec)
{
    const size_t length = strlen(spec);
    return h5_colon(spec) || (length > 4 && strcmp(spec + length - 4, ".npy") == 0);
}

static ufm_status read_their_labels(const options *opts, ufm_labels **labels, ufm_error *error)
{
    const char *spec = opts->value[OPT_LABELS].text;
    array a = {0};
    if (!spec || !is_array(spec)) return read_instance(opts, 0, labels, NULL, error);
    ufm_status status = read_array(spec, &a, error);
    if (status == UFM_OK) status = labels_of_array(spec, &a, labels, error);
    ufm_free(a.data);
    return status;
}

/* d x N from N x d, or as it is when only the columns are as many as the samples. */
static ufm_status orient(const char *spec, array *a, int64_t samples, ufm_error *error)
{
    if (a->rows != samples && a->cols == samples) return UFM_OK;
    if (a->rows != samples)
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: shape (%lld, %lld) for %lld labels; one row per label",
                        ufm_shown_path(spec), (long long)a->rows, (long long)a->cols, (long long)samples);
    double *turned = ufm_alloc(a->rows * a->cols, sizeof *turned);
    if (!turned) return UFM_ERROR_MEMORY;
    for (int64_t j = 0; j < a->cols; j++)
        for (int64_t i = 0; i < a->rows; i++) turned[j + i * a->cols] = a->data[i + j * a->rows];
    ufm_free(a->data);
    *a = (array){a->cols, a->rows, turned};
    return UFM_OK;
}

static ufm_status read_fitting(const char *spec, int64_t rows, int64_t cols, double **data, ufm_error *error)
{
    array a = {0};
    const ufm_status status = read_array(spec, &a, error);
    if (status == UFM_OK && a.rows == rows && a.cols == cols) {
        *data = a.data;
        return UFM_OK;
    }
    ufm_free(a.data);
    if (status != UFM_OK) return status;
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: shape (%lld, %lld); (%lld, %lld) would fit the features",
                    ufm_shown_path(spec), (long long)a.rows, (long long)a.cols, (long long)rows,
                    (long long)cols);
}

static ufm_status read_arrays(const options *opts, features_input *in, ufm_error *error)
{
    const char *features = opts->value[OPT_POINT_FEATURES].text,
               *weights = opts->value[OPT_POINT_WEIGHTS].text;
    const char *bias = opts->value[OPT_POINT_BIAS].text;
    array H = {0};
    if (!features || !weights)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "give a file of `train` or `solve --save`, or --features, --labels and --weights");
    ufm_status status = read_their_labels(opts, &in->labels, error);
    if (status == UFM_OK) status = read_array(features, &H, error);
    if (status == UFM_OK) status = orient(features, &H, in->labels->columns, error);
    in->H = H.data;
    if (status != UFM_OK) return status;
    const int64_t K = in->labels->classes, d = H.rows;
    status = read_fitting(weights, K, d, &in->W, error);
    if (status != UFM_OK) return status;
    if (bias) {
        status = read_fitting(bias, K, 1, &in->b, error);
    } else {
        in->b = ufm_alloc(K, sizeof *in->b);
        status = in->b ? UFM_OK : UFM_ERROR_MEMORY;
    }
    in->point = (ufm_point){K, d, in->labels->columns, in->W, in->H, in->b};
    return status;
}

ufm_status load_features(const char *path, features_input *in, ufm_error *error)
{
    ufm_objective objective;
    ufm_status status = guard_solution_file(path, error);
    if (status == UFM_OK) status = ufm_solution_load(path, &in->solution, &in->labels, &objective, error);
    if (status == UFM_OK) in->point = in->solution->point;
    return status;
}

ufm_status read_features(const options *opts, features_input *in, ufm_error *error)
{
    *in = (features_input){0};
    if (opts->operands == 0) return read_arrays(opts, in, error);
    const char *idle = option_given(opts, GROUP_INSTANCE);
    if (idle || opts->value[OPT_POINT_FEATURES].given || opts->value[OPT_POINT_WEIGHTS].given ||
        opts->value[OPT_POINT_BIAS].given)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "features, labels and weights are taken from the file; leave out --%s, or the file",
                        idle ? idle : "features, --weights and --bias");
    return load_features(opts->operand[0], in, error);
}

void features_clear(features_input *in)
{
    ufm_solution_free(in->solution);
    ufm_labels_free(in->labels);
    ufm_free(in->W);
    ufm_free(in->H);
    ufm_free(in->b);
}
