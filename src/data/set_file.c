/* Sets of images in HDF5 files.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/images.h"

#include <math.h>
#include <string.h>
#include <ufmlab/io.h>

static const char format_name[] = "ufmlab images 1";

/* ---- Writing ---- */

typedef struct {
    const ufm_images *images;
    ufm_data_progress *progress;
    void *context;
} writer;

static ufm_status fill(void *context, int64_t index, uint8_t *bytes, ufm_error *error)
{
    const writer *w = context;
    const double fraction = (double)index / (double)w->images->labels->columns;
    if (w->progress && !w->progress(w->context, fraction, "building images"))
        return ufm_fail(error, UFM_ERROR_CANCELLED, "interrupted; nothing was written");
    return ufm_images_read(w->images, index, bytes, error);
}

static void label_row(void *context, int64_t column, uint8_t *bytes)
{
    ufm_tag_set set = ufm_labels_set(context, column);
    memset(bytes, 0, (size_t)set.classes);
    for (int64_t j = 0; j < set.tags; j++) bytes[set.tag[j]] = 1;
}

ufm_status ufm_images_save(const ufm_images *images, const char *manifest, const char *path,
                           ufm_data_progress *progress, void *context, ufm_error *error)
{
    const ufm_image_shape *shape = &images->shape;
    ufm_labels *labels = images->labels;
    const ufm_h5_extents extents = {labels->columns, shape->channels, shape->height, shape->width};
    writer w = {images, progress, context};
    double scaling[6]; /* column-major 2 x C */
    for (int64_t c = 0; c < shape->channels; c++) {
        scaling[2 * c] = images->scaling.mean[c];
        scaling[2 * c + 1] = images->scaling.deviation[c];
    }
    ufm_h5 *file = NULL;
    ufm_status status = ufm_h5_create(path, &file, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "format", format_name, error);
    if (status == UFM_OK) status = ufm_h5_write_text(file, "manifest", manifest, error);
    if (status == UFM_OK) status = ufm_h5_write_matrix(file, "scaling", 2, shape->channels, scaling, error);
    if (status == UFM_OK)
        status =
            ufm_h5_write_bytes(file, "labels", labels->columns, labels->classes, label_row, labels, error);
    if (status == UFM_OK) status = ufm_h5_write_pictures(file, "images", &extents, fill, &w, error);
    if (status == UFM_OK) return ufm_h5_commit(file, error);
    ufm_h5_abort(file);
    return status;
}

/* ---- Reading ---- */

typedef struct {
    ufm_h5 *file;
    ufm_h5_pictures *pictures;
} set_file;

static ufm_status read_picture(const void *source, int64_t index, uint8_t *pixels, ufm_error *error)
{
    const set_file *s = source;
    return ufm_h5_pictures_read(s->pictures, index, pixels, error);
}

static void free_file(void *source)
{
    set_file *s = source;
    ufm_h5_pictures_close(s->pictures);
    ufm_h5_abort(s->file);
    ufm_free(s);
}

static const ufm_images_ops file_ops = {read_picture, free_file};

static ufm_status read_labels(ufm_h5 *file, const char *path, int64_t count, ufm_labels **labels,
                              ufm_error *error)
{
    int64_t rows, classes;
    ufm_status status = ufm_h5_shape(file, "labels", &rows, &classes, error);
    if (status != UFM_OK) return status;
    if (rows != count || classes < 2)
        return ufm_fail(
            error, UFM_ERROR_INPUT,
            "%s: labels have shape (%lld, %lld); (%lld, classes) with 2 classes or more would fit the images",
            ufm_shown_path(path), (long long)rows, (long long)classes, (long long)count);
    const ufm_stored_labels stored = {file, ufm_shown_path(path), classes, "image needs a class"};
    return ufm_labels_read_stored(&stored, labels, error);
}

static ufm_status read_scaling(ufm_h5 *file, const char *path, int64_t channels, ufm_image_scaling *scaling,
                               ufm_error *error)
{
    int64_t rows, cols;
    double values[6];
    ufm_status status = ufm_h5_shape(file, "scaling", &rows, &cols, error);
    if (status != UFM_OK) return status;
    if (rows != 2 || cols != channels)
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: scaling has shape (%lld, %lld) instead of (2, %lld)",
                        ufm_shown_path(path), (long long)rows, (long long)cols, (long long)channels);
    status = ufm_h5_read_matrix(file, "scaling", values, error);
    for (int64_t c = 0; c < channels && status == UFM_OK; c++) {
        scaling->mean[c] = (float)values[2 * c];
        scaling->deviation[c] = (float)values[2 * c + 1];
        if (!(scaling->deviation[c] > 0) || !isfinite(scaling->deviation[c]) || !isfinite(scaling->mean[c]))
            status = ufm_fail(error, UFM_ERROR_INPUT,
                              "%s: scaling: channel %lld has mean %g, deviation %g; the "
                              "deviation must be positive",
                              ufm_shown_path(path), (long long)c, values[2 * c], values[2 * c + 1]);
    }
    return status;
}

static ufm_status check_format(ufm_h5 *file, const char *path, ufm_error *error)
{
    char text[64] = "";
    if (!ufm_h5_has(file, "format"))
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: no data set \"format\"; give a file of ufmlab data make",
                        ufm_shown_path(path));
    const ufm_status status = ufm_h5_read_text(file, "format", text, sizeof text, error);
    if (status != UFM_OK || strcmp(text, format_name) == 0) return status;
    return ufm_fail(error, UFM_ERROR_INPUT,
                    "%s: the format is '%.40s'; it must be '%s', as ufmlab data make writes",
                    ufm_shown_path(path), text, format_name);
}

static ufm_status make_set(set_file *s, const char *path, ufm_images **images, ufm_error *error)
{
    const ufm_h5_extents *e = ufm_h5_pictures_extents(s->pictures);
    ufm_labels *labels = NULL;
    ufm_image_scaling scaling = {{0}};
    if (e->channels != 1 && e->channels != 3)
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: images have %lld channels; 1 or 3 are known",
                        ufm_shown_path(path), (long long)e->channels);
    ufm_status status = read_scaling(s->file, path, e->channels, &scaling, error);
    if (status == UFM_OK) status = read_labels(s->file, path, e->count, &labels, error);
    if (status == UFM_OK)
        status =
            ufm_images_new(&file_ops, s, labels, (ufm_image_shape){e->channels, e->height, e->width}, images);
    if (status == UFM_OK)
        (*images)->scaling = scaling;
    else
        ufm_labels_free(labels);
    return status;
}

static ufm_status load(const char *path, ufm_images **images, ufm_error *error)
{
    set_file *s = ufm_alloc(1, sizeof *s);
    if (!s) return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
    ufm_status status = ufm_h5_open(path, &s->file, error);
    if (status == UFM_OK) status = check_format(s->file, path, error);
    if (status == UFM_OK) status = ufm_h5_pictures_open(s->file, "images", &s->pictures, error);
    if (status == UFM_OK) status = make_set(s, path, images, error);
    if (status != UFM_OK) free_file(s);
    return status;
}

/* In the child: everything that libhdf5 will be asked to do. */
static ufm_status rehearse(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    (void)channel;
    ufm_images *images = NULL;
    const ufm_status status = load(context, &images, error);
    if (status != UFM_OK) return status;
    const set_file *s = images->source;
    return ufm_h5_pictures_check(s->pictures, error); /* the process ends now */
}

ufm_status ufm_images_load(const char *path, ufm_images **images, ufm_error *error)
{
    ufm_guard_output output = {0};
    const ufm_guard guard = {.path = path, .body = rehearse, .context = (void *)(uintptr_t)path};
    const ufm_status status = ufm_guard_run(&guard, &output, error);
    ufm_free(output.text);
    return status == UFM_OK ? load(path, images, error) : status;
}
