/* The registry, and the search for a set's files.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    data_set_id set;
    data_file file;
} files[] = {
#define DATA_FILE(set, ...) {DATA_##set, {__VA_ARGS__}},
#include "data/registry.def"
};
static const struct {
    data_set_id set;
    data_part part;
} parts[] = {
#define DATA_PART(set, ...) {DATA_##set, {__VA_ARGS__}},
#include "data/registry.def"
};
static data_set sets[DATA_SETS] = {
#define DATA_SET(id, ...) {__VA_ARGS__, {{0}}, {{0}}},
#include "data/registry.def"
};

/* The rows of the three lists, put together before main: constant from then on. */
__attribute__((constructor)) static void collect(void)
{
    int used[DATA_SETS] = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        sets[files[i].set].file[used[files[i].set]++] = files[i].file;
    memset(used, 0, sizeof used);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sets[parts[i].set].part[used[parts[i].set]++] = parts[i].part;
}

const data_set *ufm_data_set_at(data_set_id id)
{
    return &sets[id];
}

const data_set *ufm_data_set_find(const char *name)
{
    for (int s = 0; s < DATA_SETS; s++)
        if (strcmp(sets[s].name, name) == 0) return &sets[s];
    return NULL;
}

bool ufm_data_path(const char *directory, const char *file, char path[PATH_MAX])
{
    static const char *const endings[] = {"", ".gz"};
    struct stat there;
    for (int e = 0; e < 2; e++) {
        const int length = snprintf(path, PATH_MAX, "%s/%s%s", directory, file, endings[e]);
        if (length > 0 && length < PATH_MAX && stat(path, &there) == 0 && S_ISREG(there.st_mode)) return true;
    }
    return false;
}

bool ufm_data_holds(const data_set *set, const char *directory, char half)
{
    char path[PATH_MAX];
    for (const data_file *f = set->file; f->path; f++)
        if ((!half || f->half == half) && !ufm_data_path(directory, f->path, path)) return false;
    return true;
}

/* The directories of one root that are tried: root/NAME, root/NAME/FOLDER, root/FOLDER, root. */
bool ufm_data_locate_below(const data_set *set, const char *root, data_place *place)
{
    const char *const below[][2] = {{set->name, ""}, {set->name, set->folder}, {set->folder, ""}, {"", ""}};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        const int length = snprintf(place->directory, PATH_MAX, "%s%s%s%s%s", root, *below[i][0] ? "/" : "",
                                    below[i][0], *below[i][1] ? "/" : "", below[i][1]);
        if (length > 0 && length < PATH_MAX && ufm_data_holds(set, place->directory, place->half))
            return true;
    }
    return false;
}

static bool standard_home(char path[PATH_MAX])
{
    const char *chosen = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length = -1;
    if (chosen && *chosen)
        length = snprintf(path, PATH_MAX, "%s/ufmlab", chosen);
    else if (home && *home)
        length = snprintf(path, PATH_MAX, "%s/.local/share/ufmlab", home);
    return length > 0 && length < PATH_MAX;
}

bool ufm_data_home(const char *data_dir, char path[PATH_MAX])
{
    const char *variable = getenv("UFMLAB_DATA");
    const char *given = data_dir ? data_dir : variable && *variable ? variable : NULL;
    if (!given) return standard_home(path);
    const int length = snprintf(path, PATH_MAX, "%s", given);
    return length > 0 && length < PATH_MAX;
}

bool ufm_data_locate(const data_set *set, const char *data_dir, data_place *place)
{
    char home[PATH_MAX];
    const char *variable = getenv("UFMLAB_DATA");
    if (data_dir && ufm_data_locate_below(set, data_dir, place)) return true;
    if (variable && *variable && ufm_data_locate_below(set, variable, place)) return true;
    if (standard_home(home) && ufm_data_locate_below(set, home, place)) return true;
    if (!*set->system || !ufm_data_holds(set, set->system, place->half)) return false;
    snprintf(place->directory, PATH_MAX, "%s", set->system);
    return true;
}

ufm_status ufm_data_missing(const data_set *set, const char *data_dir, ufm_error *error)
{
    char home[PATH_MAX];
    const bool known = ufm_data_home(data_dir, home);
    return ufm_fail(error, UFM_ERROR_IO,
                    "%s is not here: ufmlab data fetch %s downloads it; or put %s into %.160s/%s", set->title,
                    set->name, set->advice, known ? home : "a directory, --data-dir DIR: DIR", set->name);
}
