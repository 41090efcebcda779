/* Private to data: the sets that can be fetched, and where they may lie.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_REGISTRY_H
#define UFMLAB_DATA_REGISTRY_H

#include <limits.h>
#include <ufmlab/data.h>

typedef enum {
#define DATA_SET(id, ...) DATA_##id,
#include "data/registry.def"
    DATA_SETS
} data_set_id;

typedef struct {
    char half; /* 't' or 'e' */
    const char *path, *sha256, *md5;
} data_file;
typedef struct {
    int way;
    const char *name;
    int64_t bytes;
    const char *sha256, *md5, *npm, *addresses;
} data_part;
enum { DATA_FILES_MOST = 8, DATA_PARTS_MOST = 8 };
typedef struct {
    const char *name, *title;
    int64_t classes, training, evaluation;
    const char *size, *licence, *home, *folder, *system, *advice;
    data_file file[DATA_FILES_MOST]; /* ends with path NULL */
    data_part part[DATA_PARTS_MOST]; /* ends with name NULL */
} data_set;

/* NULL when no set has this name. */
const data_set *ufm_data_set_find(const char *name);
const data_set *ufm_data_set_at(data_set_id id);
/* Which files are looked for: 't', 'e', or 0 for all. */
typedef struct {
    char half;
    char directory[PATH_MAX];
} data_place;
/* The first directory of the search path that holds the files; false when there is none. */
bool ufm_data_locate(const data_set *set, const char *data_dir, data_place *place);
/* The same, below one directory only. */
bool ufm_data_locate_below(const data_set *set, const char *root, data_place *place);
/* The file of that name or, if there is none, with .gz; false when there is neither. */
bool ufm_data_path(const char *directory, const char *file, char path[PATH_MAX]);
/* Whether the directory itself holds all files of the half. */
bool ufm_data_holds(const data_set *set, const char *directory, char half);
/* Where fetched sets go: data_dir, $UFMLAB_DATA, $XDG_DATA_HOME/ufmlab, ~/.local/share/ufmlab: the first that
 * is given. False without a home. */
bool ufm_data_home(const char *data_dir, char path[PATH_MAX]);
/* UFM_ERROR_IO: the set is not here, and what to put where. */
ufm_status ufm_data_missing(const data_set *set, const char *data_dir, ufm_error *error);

#endif
