/* ufmlab: layer 4, data: sets of labelled images and the paper's multi-label builders.
 *
 * Every source of images, a file as published or a composite built from another set, is a ufm_images: it
 * says how many samples there are, what their tag sets are, and gives the pixels of any one of them.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_H
#define UFMLAB_DATA_H

#include <ufmlab/labels.h>

/* ---- A set of images ---------------------------------------------------------------------------- */

typedef struct ufm_images ufm_images;
typedef struct {
    int64_t channels, height, width; /* 1 or 3 channels */
} ufm_image_shape;

void ufm_images_free(ufm_images *images); /* accepts NULL */
/* All images of a set have one shape; readers of mixed sizes resize (see their settings). */
ufm_image_shape ufm_images_shape(const ufm_images *images);
/* The tag set of every image (column i belongs to image i, duplicates kept), borrowed. */
const ufm_labels *ufm_images_labels(const ufm_images *images);
/* Image `index` as channels x height x width bytes, 0 black, into the caller's array. The result depends on
 * the set and `index` only, and several threads may read at the same time. */
ufm_status ufm_images_read(const ufm_images *images, int64_t index, uint8_t *pixels, ufm_error *error);
/* What a network is fed with is (byte/255 - mean)/deviation, per channel; mean 0 and deviation 1 unless the
 * published pipeline says otherwise. */
typedef struct {
    float mean[3], deviation[3];
} ufm_image_scaling;
ufm_image_scaling ufm_images_scaling(const ufm_images *images);

/* ---- Files ---------------------------------------------------------------------------------------
 * Sets as they are published. Every file is treated as hostile: what is wrong with one is a single line with
 * the file and the byte or line, UFM_ERROR_INPUT (content) or UFM_ERROR_IO (cannot be read), and no declared
 * size is believed. Classes carry the names of the set. */

/* IDX files of unsigned bytes, plain or gzip, all in memory: one channel. */
typedef enum { UFM_IDX_DIGITS, UFM_IDX_FASHION } ufm_idx_classes;
ufm_status ufm_images_open_idx(const char *images_path, const char *labels_path, ufm_idx_classes classes,
                               ufm_images **images, ufm_error *error);
/* CIFAR-10's binary batches, joined in the given order, plain or gzip, all in memory: 3 x 32 x 32. */
ufm_status ufm_images_open_cifar10(int64_t files, const char *const *path, ufm_images **images,
                                   ufm_error *error);
/* SVHN format 2 (train_32x32.mat), all in memory: one digit of ten per image, its class the digit. */
ufm_status ufm_images_open_svhn_cropped(const char *path, ufm_images **images, ufm_error *error);

/* How pictures of any size, PNG or JPEG, become square images. X(name, spelling, description). */
#define UFM_FIT_LIST(X)                                                                                      \
    X(UFM_FIT_LETTERBOX, "letterbox", "the whole picture in its proportions, black beside it")               \
    X(UFM_FIT_CROP, "crop", "the largest square in its centre")                                              \
    X(UFM_FIT_STRETCH, "stretch", "the whole picture, each side to the size")
typedef enum {
#define UFM_FIT_ENUM(name, spelling, description) name,
    UFM_FIT_LIST(UFM_FIT_ENUM)
#undef UFM_FIT_ENUM
} ufm_fit;
const char *ufm_fit_name(ufm_fit fit);
ufm_status ufm_fit_parse(const char *text, ufm_fit *fit, ufm_error *error);
typedef struct {
    int64_t size;     /* pixels a side; 0: 32 */
    int64_t channels; /* 1 or 3; 0: 3 */
    ufm_fit fit;
} ufm_picture_settings;

/* The sets below keep names and labels only; every ufm_images_read opens and decodes one file. A name that
 * leaves the directory, absolute or by "..", is refused. */

/* SVHN format 1: `directory`/N.png and digitStruct.mat, whose label 10 means the digit 0; a tag set is the
 * distinct digits of a house number. X(name, spelling, description). */
#define UFM_SVHN_LIST(X)                                                                                     \
    X(UFM_SVHN_PUBLISHED, "published",                                                                       \
      "no number with a 0, the first 543 of every single digit, at most three digits; class = digit - 1")    \
    X(UFM_SVHN_WHOLE, "whole", "every number; class = digit")
typedef enum {
#define UFM_SVHN_ENUM(name, spelling, description) name,
    UFM_SVHN_LIST(UFM_SVHN_ENUM)
#undef UFM_SVHN_ENUM
} ufm_svhn_rule;
/* The scaling is the published one, ImageNet's mean and deviation. The images that the rule leaves out count
 * as unlabelled_dropped. digitStruct.mat is read in a child process, as ufm_guard_run explains, which takes
 * eight seconds for the 33,402 training images: of `reading`, which may be NULL, only the progress is used.
 */
ufm_status ufm_images_open_svhn(const char *directory, ufm_svhn_rule rule, const ufm_read_settings *reading,
                                const ufm_picture_settings *settings, ufm_images **images, ufm_error *error);
/* MS-COCO: an instances file (see ufm_labels_read) and the directory of its images. `reading` may be NULL;
 * images without annotation are dropped or refused as it says, duplicates are kept. */
ufm_status ufm_images_open_coco(const char *instances_path, const char *directory,
                                const ufm_read_settings *reading, const ufm_picture_settings *settings,
                                ufm_images **images, ufm_error *error);
/* A directory of pictures and a CSV file with the header `file,tags`; tags are 0-based and joined by '+'.
 * `reading` may be NULL. */
ufm_status ufm_images_open_folder(const char *csv_path, const char *directory,
                                  const ufm_read_settings *reading, const ufm_picture_settings *settings,
                                  ufm_images **images, ufm_error *error);

#endif
