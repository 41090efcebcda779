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

/* ---- Composites: the paper's multi-label sets ----------------------------------------------------
 * A composite shows one image of a single-label base set per tag, on a black canvas of g x g cells of the
 * base's size (side c), with g = ceil(sqrt(largest multiplicity)), at least 2; where images overlap the
 * larger byte wins. Its image i is a pure function of the base, the tag sets, the settings and i.
 *
 *   corrected   the cells are drawn without repetition; every image moves by -r..r pixels, r = floor(c/8),
 * down and right inside its cell (independent, uniform); what leaves the cell is cut: no two images overlap
 *   roll        M-lab MNIST as published: cells top left and bottom right only (one tag: always bottom
 * right), every image rolled cyclically over the whole canvas by 0..c/4-1 pixels down and right diagonal
 * M-lab CIFAR-10 as published: one number p in 0..c/4-1 moves an image from its corner, top left or bottom
 * right (one tag: either), to the centre along the diagonal
 *
 * The published rules know tag sets of one and two classes. Which base images a tag set shows: for each of
 * its classes a random permutation of that class's images, used from its beginning, so that none repeats
 * within a tag set before all were used (a new permutation follows then). */
#define UFM_COMPOSITE_LIST(X)                                                                                \
    X(UFM_COMPOSITE_CORRECTED, "corrected")                                                                  \
    X(UFM_COMPOSITE_ROLL, "roll")                                                                            \
    X(UFM_COMPOSITE_DIAGONAL, "diagonal")
typedef enum {
#define UFM_COMPOSITE_ENUM(name, text) name,
    UFM_COMPOSITE_LIST(UFM_COMPOSITE_ENUM)
#undef UFM_COMPOSITE_ENUM
} ufm_composite_rule;
const char *ufm_composite_rule_name(ufm_composite_rule rule);
typedef struct {
    ufm_composite_rule rule;
    bool pool; /* halve the canvas: the rounded mean of every 2 x 2 pixels */
    uint64_t seed;
} ufm_composite_settings;
/* Takes `base` over on success: square images of one tag each, even side. `sets` are the tag sets of the
 * composite (kept or merged); equal adjacent ones are one tag set. UFM_ERROR_USAGE when a rule does not know
 * a multiplicity or a class has no image. */
ufm_status ufm_composite(ufm_images *base, const ufm_labels *sets, const ufm_composite_settings *settings,
                         ufm_images **images, ufm_error *error);

/* Keeps part of a set, in its order. */
typedef struct {
    int64_t
        dropped_class;   /* images that show it are left out, the classes above move down by one; -1: none */
    int64_t single_most; /* of the images with one tag the first so many per class; 0: all */
    int64_t tags_most;   /* no images with more tags; 0: all */
} ufm_selection;
/* Takes `all` over on success. */
ufm_status ufm_images_select(ufm_images *all, const ufm_selection *selection, ufm_images **images,
                             ufm_error *error);

/* Random pixels with the given tag sets (kept or merged), to time and to test: image i depends on seed and i
 * only. */
ufm_status ufm_images_synthetic(ufm_image_shape shape, const ufm_labels *sets, uint64_t seed,
                                ufm_images **images, ufm_error *error);

/* ---- The loader: batches prepared ahead of the training ------------------------------------------
 * Threads of its own read, build and scale images into a ring of batches while the caller computes. What a
 * batch holds depends on the set and the order only, not on the number of threads; the memory is that of the
 * ring: `ahead` batches of floats. */
typedef struct ufm_loader ufm_loader;
typedef struct {
    int64_t batch; /* images per batch, >= 1; the last batch of an epoch holds the rest */
    int64_t ahead; /* batches in the ring, >= 2; 0: 4 */
    int threads;   /* producers, >= 1; 0: 1 */
} ufm_loader_settings;
typedef struct {
    int64_t count;         /* images, 1..batch */
    const int64_t *index;  /* [count] which images of the set */
    const float *pixels;   /* count x channels x height x width, (byte/255 - mean)/deviation */
    const uint8_t *labels; /* count x K multi-hot */
} ufm_batch;
/* `images` must outlive the loader; starts the threads. */
ufm_status ufm_loader_new(const ufm_images *images, const ufm_loader_settings *settings, ufm_loader **loader,
                          ufm_error *error);
/* Accepts NULL; stops the producers, also in the middle of an epoch. */
void ufm_loader_free(ufm_loader *loader);
/* Begins an epoch over the images order[0..count-1] (copied); one that is still running is dropped. */
ufm_status ufm_loader_start(ufm_loader *loader, const int64_t *order, int64_t count, ufm_error *error);
/* The next batch, in the epoch's order, valid until the next call of a loader function; *batch NULL after the
 * last. A failure to read an image comes where its batch would, and again until the next start. */
ufm_status ufm_loader_next(ufm_loader *loader, const ufm_batch **batch, ufm_error *error);
/* Batches that were ready without waiting, of those handed out in this epoch, and seconds spent waiting. */
typedef struct {
    int64_t batches, ready;
    double waited;
} ufm_loader_statistics;
ufm_loader_statistics ufm_loader_measure(const ufm_loader *loader);

/* ---- Sets in HDF5 files ---------------------------------------------------------------------------
 * images  bytes, N x C x H x W, one deflated chunk per image;  labels  bytes, N x K multi-hot;
 * scaling  numbers, 2 x C: means, deviations;  manifest  text, a JSON object: how the set was made;
 * format  "ufmlab images 1". */
typedef bool ufm_data_progress(void *context, double fraction, const char *what); /* false: stop */
/* Builds every image and writes the set, atomically; UFM_ERROR_CANCELLED when `progress` (may be NULL) says
 * so. */
ufm_status ufm_images_save(const ufm_images *images, const char *manifest, const char *path,
                           ufm_data_progress *progress, void *context, ufm_error *error);
/* Opens such a file, after a rehearsal in a child process (ufm_guard_run); images are read from it when asked
 * for. */
ufm_status ufm_images_load(const char *path, ufm_images **images, ufm_error *error);

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

/* ---- Sets by name ---------------------------------------------------------------------------------
 * mlab-mnist, mlab-fashion, mlab-cifar10 (composites), mnist, fashion, cifar10, svhn, coco, synthetic; a file
 * that ends in .h5; a directory of pictures with labels.csv; or a single file as published: an IDX file with
 * the other of its pair beside it, a CIFAR-10 batch (.bin), SVHN's digitStruct.mat (every number, unless the
 * rule is published) or format 2 (.mat), a COCO instances file (.json) with its images in ../NAME or
 * ../images for annotations/instances_NAME.json, else in images/, a list of pictures (.csv) beside them. Raw
 * files are looked for below data_dir, $UFMLAB_DATA, $XDG_DATA_HOME/ufmlab (~/.local/share/ufmlab) and in the
 * folders of system packages. */
typedef enum {
    UFM_DATA_RULE_ANY,       /* as published where the tag sets allow it, else corrected */
    UFM_DATA_RULE_PUBLISHED, /* roll for one channel, diagonal for three */
    UFM_DATA_RULE_CORRECTED
} ufm_data_rule;
typedef struct {
    const char *data_dir; /* or NULL */
    bool test;            /* the test half */
    /* Composites and synthetic: the tag sets, as "1:3100,2:200" or a counts file; both NULL: the paper's,
     * 3100 and 200 per tag set of one and two classes (test: 800 and 50). */
    const char *samples, *counts;
    ufm_data_rule rule;
    bool pool;
    uint64_t seed;
    ufm_picture_settings picture;     /* svhn, coco, folders; size and channels of synthetic (0: 28, 1) */
    const ufm_read_settings *reading; /* svhn, coco, folders: progress of reading their labels; or NULL */
    int64_t classes;                  /* synthetic (0: 10); composites: the first of the base set's (0: all) */
    int64_t tags_most;                /* leave out images with more tags; 0: none */
} ufm_data_settings;
/* What was opened, in words: the files' directory, the rule. */
typedef struct {
    char text[1024];
} ufm_data_origin;
/* UFM_ERROR_USAGE for a name that is none of these, UFM_ERROR_IO (with what to do) when files are not there.
 * `origin` may be NULL. */
ufm_status ufm_images_open(const char *spec, const ufm_data_settings *settings, ufm_images **images,
                           ufm_data_origin *origin, ufm_error *error);

/* The sets that can be fetched, by number from 0. */
typedef struct {
    const char *name, *title, *image_size, *licence, *home_page;
    int64_t classes, training, test; /* images */
    int64_t download;                /* bytes */
    bool checked;                    /* whether checksums of the download or of its files are known */
    bool training_here, test_here;
    char directory[1024]; /* where, or "" */
} ufm_data_entry;
int ufm_data_entries(void);
void ufm_data_describe(int number, const char *data_dir, ufm_data_entry *entry);

/* Puts a set of the registry into the data directory (see ufm_images_open), as DIRECTORY/NAME, atomically:
 * copied from `from`, by npm where it is installed and has the set, or downloaded, one address after the
 * other. A download that was interrupted resumes; proxies are taken from the environment (http_proxy,
 * https_proxy, no_proxy). What has a known checksum and differs is refused. A set that is on the search path
 * already is only checked. UFM_ERROR_IO says what to put where when nothing worked. */
typedef struct {
    const char *data_dir; /* or NULL */
    const char *from;     /* a directory, or NULL */
    const char *mirror;   /* ADDRESS/FILE is tried first for every file; or NULL */
    ufm_data_progress *progress;
    void *context;
} ufm_fetch_settings;
ufm_status ufm_data_fetch(const char *name, const ufm_fetch_settings *settings, ufm_data_origin *origin,
                          ufm_error *error);

#endif
