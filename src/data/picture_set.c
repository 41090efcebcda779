/* ufmlab: data: sets of picture files that are decoded when they are read.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture_set.h"
#include "data/picture.h"
#include "data/stream.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <ufmlab/io.h>
#include <unistd.h>

#define FILE_MAX ((int64_t)64 << 20)

typedef struct {
    char *directory;
    ufm_file_names names;
    ufm_picture_settings settings;
} picture_set;

/* A whole file, from ufm_alloc. */
static ufm_status load(const char *path, uint8_t **bytes, int64_t *size, ufm_error *error)
{
    int fd;
    uint8_t *read_bytes = NULL;
    ufm_status status = ufm_data_open(path, &fd, size, error);
    if (status != UFM_OK) return status;
    if (*size > FILE_MAX)
        status = ufm_data_fail(path, 0, error, "a picture of %lld bytes; give one of at most %lld",
                               (long long)*size, (long long)FILE_MAX);
    else if (!(read_bytes = ufm_alloc(*size + 1, 1)))
        status = ufm_data_no_memory(path, error);
    for (int64_t done = 0; status == UFM_OK && done < *size;) {
        const ssize_t got = read(fd, read_bytes + done, (size_t)(*size - done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            status = ufm_fail(error, UFM_ERROR_IO, "%s: %s; is the disk in order?", ufm_shown_path(path),
                              strerror(errno));
        if (got == 0) *size = done; /* it was cut while it was read */
        if (got > 0) done += got;
    }
    close(fd);
    if (status == UFM_OK)
        *bytes = read_bytes;
    else
        ufm_free(read_bytes);
    return status;
}

static ufm_status read_picture(const void *source, int64_t index, uint8_t *pixels, ufm_error *error)
{
    const picture_set *set = source;
    const char *name = set->names.text + set->names.offset[index];
    const size_t length = strlen(set->directory) + strlen(name) + 2;
    uint8_t *bytes = NULL;
    ufm_picture picture = {0};
    char *path = ufm_alloc((int64_t)length, 1);
    if (!path) return ufm_data_no_memory(name, error);
    snprintf(path, length, "%s/%s", set->directory, name);
    picture_file file = {.path = path};
    ufm_status status = load(path, &bytes, &file.size, error);
    file.bytes = bytes;
    if (status == UFM_OK) status = ufm_picture_decode(&file, &set->settings, &picture, error);
    if (status == UFM_OK) {
        const picture_plan plan = ufm_picture_plan(picture.full_width, picture.full_height, &set->settings);
        status = ufm_picture_fit(&picture, &plan, &set->settings, pixels);
        if (status != UFM_OK) ufm_data_no_memory(path, error);
    }
    ufm_picture_free(&picture);
    ufm_free(bytes);
    ufm_free(path);
    return status;
}

static void free_set(void *source)
{
    picture_set *set = source;
    ufm_free(set->directory);
    ufm_file_names_free(&set->names);
    ufm_free(set);
}

static const ufm_images_ops picture_ops = {read_picture, free_set};

ufm_status ufm_picture_set_new(const char *directory, ufm_file_names *names,
                               const ufm_picture_settings *settings, ufm_labels *labels, ufm_images **images,
                               ufm_error *error)
{
    ufm_picture_settings chosen = settings ? *settings : (ufm_picture_settings){0};
    ufm_status status = ufm_picture_settings_check(&chosen, error);
    if (status != UFM_OK) return status;
    picture_set *set = ufm_alloc(1, sizeof *set);
    char *copy = ufm_strdup(directory);
    status = set && copy ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) {
        *set = (picture_set){copy, *names, chosen};
        const ufm_image_shape shape = {chosen.channels, chosen.size, chosen.size};
        status = ufm_images_new(&picture_ops, set, labels, shape, images);
    }
    if (status == UFM_OK) {
        *names = (ufm_file_names){0};
        return UFM_OK;
    }
    ufm_free(set);
    ufm_free(copy);
    return ufm_data_no_memory(directory, error);
}
