/* Sets in single files, told by their first bytes, or by their names where these say nothing.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/open_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

typedef enum {
    FILE_UNKNOWN,
    FILE_IDX_IMAGES,
    FILE_IDX_LABELS,
    FILE_STORED,
    FILE_DIGITS,
    FILE_CROPPED,
    FILE_CIFAR10,
    FILE_COCO,
    FILE_LIST
} file_kind;

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcasecmp(text + length - tail, end) == 0;
}

static bool is_regular(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISREG(there.st_mode);
}

static bool is_directory(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

/* By the first bytes, which may be packed by gzip. */
static file_kind sniff(const char *path)
{
    static const struct {
        const char *bytes;
        int length;
        file_kind kind;
    } beginnings[] = {{"\0\0\010\003", 4, FILE_IDX_IMAGES},
                      {"\0\0\010\001", 4, FILE_IDX_LABELS},
                      {"MATLAB 7.3 MAT-file", 19, FILE_DIGITS},
                      {"MATLAB 5.0 MAT-file", 19, FILE_CROPPED},
                      {"\211HDF\r\n\032\n", 8, FILE_STORED}};
    char bytes[32];
    gzFile file = gzopen(path, "rb");
    const int got = file ? gzread(file, bytes, sizeof bytes) : 0;
    if (file) gzclose(file);
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (got >= beginnings[i].length &&
            memcmp(bytes, beginnings[i].bytes, (size_t)beginnings[i].length) == 0)
            return beginnings[i].kind;
    return FILE_UNKNOWN;
}

static file_kind find_kind(const char *path)
{
    if (ends_with(path, ".h5")) return FILE_STORED;
    if (ends_with(path, "digitStruct.mat")) return FILE_DIGITS;
    if (ends_with(path, ".mat")) return FILE_CROPPED;
    if (ends_with(path, ".json")) return FILE_COCO;
    if (ends_with(path, ".bin") || ends_with(path, ".bin.gz")) return FILE_CIFAR10;
    if (ends_with(path, ".csv")) return FILE_LIST;
    return is_regular(path) ? sniff(path) : FILE_UNKNOWN;
}

bool ufm_data_is_file(const char *path)
{
    return find_kind(path) != FILE_UNKNOWN;
}

/* `path` without its last component. */
static void parent_of(const char *path, char directory[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(directory, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    else
        snprintf(directory, PATH_MAX, ".");
}

/* The other file of an IDX pair: `one` in the name becomes `other`, packed or not. */
static bool find_partner(const char *path, const char *one, const char *other, char partner[PATH_MAX])
{
    static const char *const endings[] = {"", ".gz"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *at = strstr(name, one);
    if (!at) return false;
    const char *rest = at + strlen(one);
    const int tail = (int)strlen(rest) - (ends_with(rest, ".gz") ? 3 : 0);
    for (int e = 0; e < 2; e++) {
        const int length = snprintf(partner, PATH_MAX, "%.*s%s%.*s%s", (int)(at - path), path, other, tail,
                                    rest, endings[e]);
        if (length > 0 && length < PATH_MAX && is_regular(partner)) return true;
    }
    return false;
}

static ufm_status open_idx(const char *path, file_kind kind, ufm_images **images, ufm_error *error)
{
    static const char *const part[2] = {"images-idx3", "labels-idx1"};
    const bool labels = kind == FILE_IDX_LABELS;
    char partner[PATH_MAX];
    if (!find_partner(path, part[labels], part[!labels], partner))
        return ufm_fail(
            error, UFM_ERROR_IO,
            "%.300s: the %s that belong to it are not beside it; their name must be the same, with %s for %s",
            path, labels ? "images" : "labels", part[!labels], part[labels]);
    return ufm_images_open_idx(labels ? partner : path, labels ? path : partner,
                               strstr(path, "fashion") ? UFM_IDX_FASHION : UFM_IDX_DIGITS, images, error);
}

/* Of DIR/annotations/instances_NAME.json: DIR/NAME, else DIR/images; of DIR/FILE.json: DIR/images. */
static ufm_status find_pictures(const char *instances, char pictures[PATH_MAX], ufm_error *error)
{
    char home[PATH_MAX], above[PATH_MAX];
    const char *slash = strrchr(instances, '/'), *name = slash ? slash + 1 : instances;
    parent_of(instances, home);
    parent_of(home, above);
    const char *first = strcmp(home, "annotations") == 0 || ends_with(home, "/annotations") ? above : home;
    if (strncmp(name, "instances_", 10) == 0) {
        const int length = (int)strlen(name) - 10 - (int)strlen(".json");
        if (snprintf(pictures, PATH_MAX, "%s/%.*s", first, length, name + 10) < PATH_MAX &&
            is_directory(pictures))
            return UFM_OK;
    }
    if (snprintf(pictures, PATH_MAX, "%s/images", first) < PATH_MAX && is_directory(pictures)) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_IO,
                    "%.300s: the directory of its images is not beside it; put them into %.200s/images",
                    instances, first);
}

ufm_status ufm_data_open_file(const char *path, const ufm_data_settings *settings, ufm_images **images,
                              ufm_error *error)
{
    char directory[PATH_MAX];
    const file_kind kind = find_kind(path);
    switch (kind) {
    case FILE_IDX_IMAGES:
    case FILE_IDX_LABELS:
        return open_idx(path, kind, images, error);
    case FILE_STORED:
        return ufm_images_load(path, images, error);
    case FILE_DIGITS:
        parent_of(path, directory);
        return ufm_images_open_svhn(
            directory, settings->rule == UFM_DATA_RULE_PUBLISHED ? UFM_SVHN_PUBLISHED : UFM_SVHN_WHOLE,
            settings->reading, &settings->picture, images, error);
    case FILE_CROPPED:
        return ufm_images_open_svhn_cropped(path, images, error);
    case FILE_CIFAR10:
        return ufm_images_open_cifar10(1, &path, images, error);
    case FILE_COCO: {
        const ufm_status status = find_pictures(path, directory, error);
        return status == UFM_OK ? ufm_images_open_coco(path, directory, settings->reading, &settings->picture,
                                                       images, error)
                                : status;
    }
    case FILE_LIST:
        parent_of(path, directory);
        return ufm_images_open_folder(path, directory, settings->reading, &settings->picture, images, error);
    default:
        return ufm_fail(error, UFM_ERROR_USAGE, "%.300s: is no set of images", path);
    }
}
