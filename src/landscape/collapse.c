/* Frames of the features under gradient descent, in the plane of the final classifier. */
#include "trajectory.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

typedef struct {
    const ufm_labels *labels;
    ufm_model *model;
    int64_t dim;
    FILE *stream;
    double *plane;    /* d x 2, orthonormal */
    double *features; /* d x columns */
} film;

/* The two leading right singular directions of W; zero where W has none. */
static ufm_status find_plane(film *f, const double *x)
{
    const int64_t K = f->labels->classes, d = f->dim, r = K < d ? K : d;
    double *W = ufm_alloc(K * d, sizeof *W), *u = ufm_alloc(K * r, sizeof *u);
    double *sigma = ufm_alloc(r, sizeof *sigma), *vt = ufm_alloc(r * d, sizeof *vt);
    ufm_status status = W && u && sigma && vt ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        memcpy(W, x, (size_t)(K * d) * sizeof *W);
        status = ufm_svd(ufm_view(W, K, d), u, sigma, vt);
    }
    for (int64_t a = 0; status == UFM_OK && a < 2 && a < r; a++)
        for (int64_t j = 0; j < d; j++) f->plane[j + a * d] = vt[a + j * r];
    ufm_free(W);
    ufm_free(u);
    ufm_free(sigma);
    ufm_free(vt);
    return status;
}

static void write_tags(const film *f, int64_t column)
{
    const ufm_labels *labels = f->labels;
    for (int64_t j = labels->offset[column]; j < labels->offset[column + 1]; j++)
        fprintf(f->stream, "%s%d", j > labels->offset[column] ? "+" : "", (int)labels->tag[j]);
}

static void write_frame(const film *f, const trajectory *path, int64_t frame)
{
    const int64_t d = f->dim, K = f->labels->classes;
    const ufm_point p = ufm_model_point(f->model, trajectory_at(path, frame), f->features);
    for (int64_t i = 0; i < K + p.columns; i++) {
        double at[2] = {0, 0};
        for (int a = 0; a < 2; a++)
            for (int64_t j = 0; j < d; j++)
                at[a] += f->plane[j + a * d] * (i < K ? p.W[i + j * K] : p.H[j + (i - K) * d]);
        fprintf(f->stream, "%lld,%lld,%.17g,", (long long)frame, (long long)path->iteration[frame],
                path->objective[frame]);
        if (i < K) {
            fprintf(f->stream, "0,%lld", (long long)i);
        } else {
            fprintf(f->stream, "%lld,", (long long)ufm_labels_multiplicity(f->labels, i - K));
            write_tags(f, i - K);
        }
        fprintf(f->stream, ",%.9g,%.9g\n", at[0], at[1]);
    }
}

/* A fraction of the longest stable step at the optimum that Newton finds from x, so that the film is smooth.
 */
static ufm_status choose_step(film *f, const ufm_explorer *explorer, const double *x, double *step,
                              ufm_error *error)
{
    enum { PRODUCTS = 60 };
    const int64_t size = ufm_model_size(f->model);
    double *end = ufm_alloc(size, sizeof *end), *v = ufm_alloc(size, sizeof *v);
    double *product = ufm_alloc(size, sizeof *product), largest = 0;
    ufm_status status =
        end && v && product ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a step");
    if (status == UFM_OK) {
        memcpy(end, x, (size_t)size * sizeof *end);
        memcpy(v, x, (size_t)size * sizeof *v);
        status = landscape_polish(f->model, explorer, end, error);
    }
    for (int i = 0; i < PRODUCTS && status == UFM_OK; i++) {
        ufm_scale(size, 1 / ufm_norm(size, v), v);
        ufm_model_hessian_vector(f->model, end, v, product);
        largest = ufm_norm(size, product);
        memcpy(v, product, (size_t)size * sizeof *v);
    }
    *step = 0.2 / largest;
    ufm_free(end);
    ufm_free(v);
    ufm_free(product);
    return status;
}

static ufm_status shoot(film *f, const ufm_explorer *explorer, const ufm_collapse_settings *settings,
                        ufm_collapse_info *info, ufm_error *error)
{
    trajectory *path = NULL;
    ufm_certificate certificate;
    double step = 0;
    const int64_t size = ufm_model_size(f->model);
    double *x = ufm_alloc(size, sizeof *x);
    ufm_status status = x ? trajectory_new(size, settings->frames, &path, error)
                          : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for a descent");
    if (status == UFM_OK) status = ufm_model_start(f->model, explorer->seed, settings->scale, x);
    if (status == UFM_OK) status = choose_step(f, explorer, x, &step, error);
    if (status == UFM_OK) status = trajectory_descend(f->model, explorer, step, x, path, error);
    if (status == UFM_OK) status = landscape_certify(f->model, f->labels, explorer, x, &certificate, error);
    if (status != UFM_OK) goto cleanup;
    status = find_plane(f, x);
    if (status != UFM_OK) {
        ufm_fail(error, status, "the classifier's plane cannot be computed");
        goto cleanup;
    }
    if (f->stream) fputs("frame,iteration,objective,multiplicity,tag_set,x,y\n", f->stream);
    for (int64_t frame = 0; f->stream && frame < path->count; frame++) write_frame(f, path, frame);
    *info = (ufm_collapse_info){path->count, path->iteration[path->count - 1], certificate.objective,
                                certificate.gap / fabs(certificate.objective)};
cleanup:
    trajectory_free(path);
    ufm_free(x);
    return status;
}

ufm_status ufm_collapse_write(const ufm_labels *labels, const ufm_explorer *explorer,
                              const ufm_collapse_settings *settings, FILE *stream, ufm_collapse_info *info,
                              ufm_error *error)
{
    if (settings->frames < 4 || !(settings->scale > 0) || !isfinite(settings->scale))
        return ufm_fail(error, UFM_ERROR_USAGE, "the collapse needs at least 4 frames and a positive scale");
    ufm_collapse_info measured;
    film f = {.labels = labels, .stream = stream};
    f.dim = explorer->dim > 0 ? explorer->dim : labels->classes;
    const ufm_model_settings model = {explorer->objective, f.dim, explorer->threads};
    ufm_status status = ufm_model_new(labels, &model, &f.model, error);
    if (status != UFM_OK) return status;
    f.plane = ufm_alloc(2 * f.dim, sizeof(double));
    f.features = ufm_alloc(f.dim * labels->columns, sizeof(double));
    status = f.plane && f.features ? shoot(&f, explorer, settings, &measured, error)
                                   : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the features");
    if (status == UFM_OK && info) *info = measured;
    ufm_free(f.plane);
    ufm_free(f.features);
    ufm_model_free(f.model);
    return status;
}
