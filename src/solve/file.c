/* Solutions in HDF5 files. */
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>

static const char format_name[] = "ufmlab solution 1";

static void label_row(void *context, int64_t column, uint8_t *bytes)
{
    const ufm_labels *labels = context;
    memset(bytes, 0, (size_t)labels->classes);
    for (int64_t j = labels->offset[column]; j < labels->offset[column + 1]; j++) bytes[labels->tag[j]] = 1;
}

static ufm_status write_constraint(ufm_h5 *file, const ufm_constraint *constraint, ufm_error *error)
{
    char text[160];
    ufm_constraint_format(constraint, text, sizeof text);
    return ufm_h5_write_text(file, "constraint", text, error);
}

ufm_status ufm_solution_save(const ufm_solution *solution, const ufm_labels *labels,
                             const ufm_objective *objective, const char *path, ufm_error *error)
{
    const ufm_point *p = &solution->point;
    const double lambda[] = {objective->lambda_w, objective->lambda_h, objective->lambda_b};
    ufm_h5 *file = NULL;
    ufm_status status = ufm_h5_create(path, &file, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "format", format_name, error);
    if (status == UFM_OK) status = ufm_h5_write_matrix(file, "W", p->classes, p->dim, p->W, error);
    if (status == UFM_OK) status = ufm_h5_write_matrix(file, "H", p->dim, p->columns, p->H, error);
    if (status == UFM_OK) status = ufm_h5_write_vector(file, "b", p->classes, p->b, error);
    if (status == UFM_OK)
        status = ufm_h5_write_bytes(file, "labels", labels->columns, labels->classes, label_row,
                                    (void *)(uintptr_t)labels, error);
    if (status == UFM_OK && labels->count)
        status = ufm_h5_write_integers(file, "counts", labels->columns, labels->count, error);
    if (status == UFM_OK)
        status = ufm_h5_write_text(file, "loss", ufm_objective_loss_text(objective).text, error);
    if (status == UFM_OK) status = ufm_h5_write_vector(file, "lambda", 3, lambda, error);
    if (status == UFM_OK && ufm_constraint_active(&solution->constraint))
        status = write_constraint(file, &solution->constraint, error);
    if (status == UFM_OK) return ufm_h5_commit(file, error);
    ufm_h5_abort(file);
    return status;
}

typedef struct {
    ufm_h5 *file;
    const char *path;
    ufm_error *error;
} reader;

/* rows x cols of `name`, which must be exactly that where a wanted extent is not 0. */
static ufm_status expect_shape(const reader *in, const char *name, int64_t *rows, int64_t *cols)
{
    int64_t found_rows, found_cols;
    const ufm_status status = ufm_h5_shape(in->file, name, &found_rows, &found_cols, in->error);
    if (status != UFM_OK) return status;
    if ((*rows && *rows != found_rows) || (*cols && *cols != found_cols))
        return ufm_fail(in->error, UFM_ERROR_INPUT,
                        "%s: data set %s has shape (%lld, %lld); (%lld, %lld) would fit the others", in->path,
                        name, (long long)found_rows, (long long)found_cols,
                        (long long)(*rows ? *rows : found_rows), (long long)(*cols ? *cols : found_cols));
    *rows = found_rows;
    *cols = found_cols;
    return UFM_OK;
}

/* Puts the file and the data set in front of the message of a check that knows neither. */
static ufm_status in_data_set(const reader *in, const char *name, ufm_status status, const ufm_error *reason)
{
    if (status == UFM_OK) return UFM_OK;
    return ufm_fail(in->error, status == UFM_ERROR_USAGE ? UFM_ERROR_INPUT : status, "%s: data set %s: %s",
                    in->path, name, reason->text);
}

/* Moves the counts of the file, checked, into the labels. */
static ufm_status attach_counts(const reader *in, int64_t *count, ufm_labels *labels)
{
    labels->samples = 0;
    for (int64_t i = 0; i < labels->columns; i++)
        if (count[i] < 1 || __builtin_add_overflow(labels->samples, count[i], &labels->samples))
            return ufm_fail(
                in->error, UFM_ERROR_INPUT,
                "%s: counts entry %lld is %lld; counts must be positive and add up to less than 2^63",
                in->path, (long long)i, (long long)count[i]);
    labels->count = count;
    return UFM_OK;
}

static ufm_status read_labels(const reader *in, int64_t classes, int64_t columns, ufm_labels **labels)
{
    int64_t rows = columns, cols = classes, one = 1, *count = NULL;
    ufm_labels *made = NULL;
    ufm_status status = expect_shape(in, "labels", &rows, &cols);
    if (status != UFM_OK) return status;
    const ufm_stored_labels stored = {in->file, in->path, classes, "feature needs a tag"};
    status = ufm_labels_read_stored(&stored, &made, in->error);
    if (status == UFM_OK && ufm_h5_has(in->file, "counts")) {
        status = expect_shape(in, "counts", &columns, &one);
        if (status == UFM_OK) {
            count = ufm_alloc(columns, sizeof *count);
            status = count ? ufm_h5_read_integers(in->file, "counts", count, in->error) : UFM_ERROR_MEMORY;
        }
        if (status == UFM_OK) status = attach_counts(in, count, made);
        if (status != UFM_OK) ufm_free(count);
    }
    if (status == UFM_OK) {
        *labels = made;
    } else {
        ufm_labels_free(made);
    }
    return status;
}

static ufm_status read_point(const reader *in, ufm_solution *solution)
{
    int64_t K = 0, d = 0, n = 0, one = 1;
    ufm_status status = expect_shape(in, "W", &K, &d);
    if (status == UFM_OK) status = expect_shape(in, "H", &d, &n);
    if (status == UFM_OK) status = expect_shape(in, "b", &K, &one);
    if (status != UFM_OK) return status;
    solution->storage = ufm_alloc(K * d + K, sizeof(double));
    solution->features = ufm_alloc(d * n, sizeof(double));
    if (!solution->storage || !solution->features) return UFM_ERROR_MEMORY;
    double *b = solution->storage + K * d;
    solution->point = (ufm_point){K, d, n, solution->storage, solution->features, b};
    status = ufm_h5_read_matrix(in->file, "W", solution->storage, in->error);
    if (status == UFM_OK) status = ufm_h5_read_matrix(in->file, "H", solution->features, in->error);
    if (status == UFM_OK) status = ufm_h5_read_matrix(in->file, "b", b, in->error);
    return status;
}

static ufm_status read_objective(const reader *in, ufm_objective *objective)
{
    char loss[48];
    double lambda[3];
    int64_t three = 3, one = 1;
    ufm_status status = ufm_h5_read_text(in->file, "loss", loss, sizeof loss, in->error);
    if (status == UFM_OK) status = expect_shape(in, "lambda", &three, &one);
    if (status == UFM_OK) status = ufm_h5_read_matrix(in->file, "lambda", lambda, in->error);
    if (status != UFM_OK) return status;
    ufm_error reason;
    status = in_data_set(in, "loss", ufm_objective_parse_loss(loss, objective, &reason), &reason);
    if (status != UFM_OK) return status;
    objective->lambda_w = lambda[0];
    objective->lambda_h = lambda[1];
    objective->lambda_b = lambda[2];
    return in_data_set(in, "lambda", ufm_objective_check(objective, &reason), &reason);
}

static ufm_status read_constraint(const reader *in, ufm_constraint *constraint)
{
    char text[160];
    ufm_error detail = {{0}};
    *constraint = (ufm_constraint){0};
    if (!ufm_h5_has(in->file, "constraint")) return UFM_OK;
    ufm_status status = ufm_h5_read_text(in->file, "constraint", text, sizeof text, in->error);
    if (status != UFM_OK) return status;
    status = ufm_constraint_parse(text, constraint, &detail);
    return status == UFM_OK ? UFM_OK : ufm_fail(in->error, status, "%s: %s", in->path, detail.text);
}

ufm_status ufm_solution_load(const char *path, ufm_solution **solution, ufm_labels **labels,
                             ufm_objective *objective, ufm_error *error)
{
    reader in = {NULL, ufm_shown_path(path), error};
    ufm_solution *made = NULL;
    ufm_status status = ufm_h5_open(path, &in.file, error);
    if (status != UFM_OK) return status;
    made = ufm_alloc(1, sizeof *made);
    status = made ? read_point(&in, made) : UFM_ERROR_MEMORY;
    if (status == UFM_OK) status = read_objective(&in, objective);
    if (status == UFM_OK) status = read_constraint(&in, &made->constraint);
    if (status == UFM_OK) status = read_labels(&in, made->point.classes, made->point.columns, labels);
    if (status == UFM_ERROR_MEMORY) ufm_fail(error, status, "%s: not enough memory to read it", path);
    ufm_h5_abort(in.file);
    if (status == UFM_OK) {
        *solution = made;
    } else {
        ufm_solution_free(made);
    }
    return status;
}
