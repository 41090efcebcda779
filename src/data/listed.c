/* ufmlab: data: MS-COCO, and folders of pictures with a CSV file.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture_set.h"

typedef ufm_status label_reading(const char *path, const ufm_read_settings *settings, ufm_file_names *files,
                                 ufm_labels **labels, ufm_error *error);

/* Both kinds: labels with file names, then the set of those files. */
typedef struct {
    label_reading *read;
    const char *path, *directory;
    const ufm_read_settings *reading;
    const ufm_picture_settings *settings;
} listed_set;

static ufm_status open_listed(const listed_set *listing, ufm_images **images, ufm_error *error)
{
    ufm_read_settings chosen = listing->reading ? *listing->reading : (ufm_read_settings){0};
    chosen.duplicates = UFM_DUPLICATES_KEEP;
    ufm_labels *labels = NULL;
    ufm_file_names files = {0};
    *images = NULL;
    ufm_status status = listing->read(listing->path, &chosen, &files, &labels, error);
    if (status == UFM_OK)
        status = ufm_picture_set_new(listing->directory, &files, listing->settings, labels, images, error);
    if (status != UFM_OK) ufm_labels_free(labels);
    ufm_file_names_free(&files);
    return status;
}

ufm_status ufm_images_open_coco(const char *instances_path, const char *directory,
                                const ufm_read_settings *reading, const ufm_picture_settings *settings,
                                ufm_images **images, ufm_error *error)
{
    const listed_set listed = {ufm_labels_read_coco_files, instances_path, directory, reading, settings};
    return open_listed(&listed, images, error);
}

ufm_status ufm_images_open_folder(const char *csv_path, const char *directory,
                                  const ufm_read_settings *reading, const ufm_picture_settings *settings,
                                  ufm_images **images, ufm_error *error)
{
    const listed_set listed = {ufm_labels_read_file_list, csv_path, directory, reading, settings};
    return open_listed(&listed, images, error);
}
