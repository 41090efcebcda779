/* Sets of images by name.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/open_file.h"
#include "data/registry.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PAPER_TRAINING "1:3100,2:200"
#define PAPER_TEST "1:800,2:50"

static const struct {
    const char *name, *base;
} composites[] = {{"mlab-mnist", "mnist"}, {"mlab-fashion", "fashion"}, {"mlab-cifar10", "cifar10"}};
enum { COMPOSITES = sizeof composites / sizeof composites[0] };

typedef struct {
    const ufm_data_settings *settings;
    ufm_data_origin *origin;
    ufm_error *error;
} opening;

static void say_origin(const opening *o, const char *title, const char *directory, const char *rule)
{
    snprintf(o->origin->text, sizeof o->origin->text, "%s%s from %.900s%s%s", title,
             o->settings->test ? ", test half" : "", directory, *rule ? ", " : "", rule);
}

/* ---- Raw sets ---- */

static ufm_status open_idx(const opening *o, const char *directory, ufm_idx_classes classes,
                           ufm_images **images)
{
    char pixels[PATH_MAX], labels[PATH_MAX];
    const bool test = o->settings->test;
    ufm_data_path(directory, test ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte", pixels);
    ufm_data_path(directory, test ? "t10k-labels-idx1-ubyte" : "train-labels-idx1-ubyte", labels);
    return ufm_images_open_idx(pixels, labels, classes, images, o->error);
}

static ufm_status open_cifar10(const opening *o, const data_set *set, const data_place *place,
                               ufm_images **images)
{
    static const int MOST = DATA_FILES_MOST;
    const char *list[DATA_FILES_MOST];
    int64_t count = 0;
    char *paths = ufm_alloc(MOST, PATH_MAX);
    if (!paths) return ufm_fail(o->error, UFM_ERROR_MEMORY, "not enough memory to open CIFAR-10");
    for (const data_file *f = set->file; f->path; f++) {
        if (f->half != place->half) continue;
        ufm_data_path(place->directory, f->path, paths + count * PATH_MAX);
        list[count] = paths + count * PATH_MAX;
        count++;
    }
    const ufm_status status = ufm_images_open_cifar10(count, list, images, o->error);
    ufm_free(paths);
    return status;
}

static ufm_status join(const char *directory, const char *name, char path[PATH_MAX], ufm_error *error)
{
    const int length = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return length > 0 && length < PATH_MAX
               ? UFM_OK
               : ufm_fail(error, UFM_ERROR_USAGE, "%.100s: the name is too long", directory);
}

static ufm_status open_coco(const opening *o, const char *directory, ufm_images **images)
{
    char instances[PATH_MAX], pictures[PATH_MAX];
    const bool test = o->settings->test;
    const char *annotations =
        test ? "annotations/instances_val2017.json" : "annotations/instances_train2017.json";
    ufm_status status = join(directory, annotations, instances, o->error);
    if (status == UFM_OK) status = join(directory, test ? "val2017" : "train2017", pictures, o->error);
    return status == UFM_OK ? ufm_images_open_coco(instances, pictures, o->settings->reading,
                                                   &o->settings->picture, images, o->error)
                            : status;
}

static ufm_status open_raw(const opening *o, const data_set *set, ufm_images **images)
{
    data_place place = {.half = o->settings->test ? 'e' : 't'};
    char path[PATH_MAX];
    if (!ufm_data_locate(set, o->settings->data_dir, &place))
        return ufm_data_missing(set, o->settings->data_dir, o->error);
    say_origin(o, set->title, place.directory, "");
    if (set == ufm_data_set_at(DATA_MNIST)) return open_idx(o, place.directory, UFM_IDX_DIGITS, images);
    if (set == ufm_data_set_at(DATA_FASHION)) return open_idx(o, place.directory, UFM_IDX_FASHION, images);
    if (set == ufm_data_set_at(DATA_CIFAR10)) return open_cifar10(o, set, &place, images);
    if (set == ufm_data_set_at(DATA_COCO)) return open_coco(o, place.directory, images);
    const ufm_status status = join(place.directory, o->settings->test ? "test" : "train", path, o->error);
    return status == UFM_OK ? ufm_images_open_svhn(path, UFM_SVHN_PUBLISHED, o->settings->reading,
                                                   &o->settings->picture, images, o->error)
                            : status;
}

/* ---- Composites and synthetic sets ---- */

static ufm_status read_sets(const opening *o, int64_t classes, ufm_labels **sets)
{
    const ufm_data_settings *s = o->settings;
    if (s->samples && s->counts)
        return ufm_fail(o->error, UFM_ERROR_USAGE,
                        "samples per tag set twice; give a design or a counts file");
    if (s->counts)
        return ufm_labels_read_counts(s->counts, &(ufm_read_settings){.classes = classes}, sets, o->error);
    ufm_design *design = NULL;
    const char *text = s->samples ? s->samples : s->test ? PAPER_TEST : PAPER_TRAINING;
    ufm_status status = ufm_design_parse(classes, text, &design, o->error);
    const ufm_expansion expansion = {.dim = 1, .copies = 1, .memory_limit = ufm_memory_physical() / 4};
    if (status == UFM_OK) status = ufm_design_expand(design, &expansion, sets, o->error);
    ufm_design_free(design);
    return status;
}

static int64_t most_tags(const ufm_labels *labels)
{
    int64_t most = 0;
    for (int64_t i = 0; i < labels->columns; i++)
        if (ufm_labels_multiplicity(labels, i) > most) most = ufm_labels_multiplicity(labels, i);
    return most;
}

static ufm_composite_rule choose_rule(const opening *o, const ufm_images *base, const ufm_labels *sets)
{
    const ufm_composite_rule published =
        ufm_images_shape(base).channels == 1 ? UFM_COMPOSITE_ROLL : UFM_COMPOSITE_DIAGONAL;
    switch (o->settings->rule) {
    case UFM_DATA_RULE_PUBLISHED:
        return published;
    case UFM_DATA_RULE_CORRECTED:
        return UFM_COMPOSITE_CORRECTED;
    default:
        return most_tags(sets) <= 2 ? published : UFM_COMPOSITE_CORRECTED;
    }
}

static ufm_status open_composite(const opening *o, const data_set *set, ufm_images **images)
{
    ufm_images *base = NULL;
    ufm_labels *sets = NULL;
    ufm_status status = open_raw(o, set, &base);
    const int64_t wanted = o->settings->classes;
    if (status == UFM_OK) status = read_sets(o, wanted ? wanted : ufm_images_labels(base)->classes, &sets);
    if (status == UFM_OK) {
        const ufm_composite_settings settings = {choose_rule(o, base, sets), o->settings->pool,
                                                 o->settings->seed};
        const char *rule = settings.rule == UFM_COMPOSITE_CORRECTED ? "corrected rule" : "as published";
        data_place place = {.half = o->settings->test ? 'e' : 't'};
        if (ufm_data_locate(set, o->settings->data_dir, &place))
            say_origin(o, set->title, place.directory, rule);
        status = ufm_composite(base, sets, &settings, images, o->error);
    }
    if (status != UFM_OK) ufm_images_free(base);
    ufm_labels_free(sets);
    return status;
}

static ufm_status open_synthetic(const opening *o, ufm_images **images)
{
    const ufm_data_settings *s = o->settings;
    const int64_t side = s->picture.size ? s->picture.size : 28;
    const ufm_image_shape shape = {s->picture.channels ? s->picture.channels : 1, side, side};
    ufm_labels *sets = NULL;
    ufm_status status = read_sets(o, s->classes ? s->classes : 10, &sets);
    if (status == UFM_OK) status = ufm_images_synthetic(shape, sets, s->seed, images, o->error);
    ufm_labels_free(sets);
    snprintf(o->origin->text, sizeof o->origin->text, "random pixels");
    return status;
}

/* ---- By name ---- */

static bool is_directory(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

static ufm_status open_path(const opening *o, const char *spec, ufm_images **images)
{
    char list[PATH_MAX];
    snprintf(o->origin->text, sizeof o->origin->text, "%.900s", spec);
    if (ufm_data_is_file(spec)) return ufm_data_open_file(spec, o->settings, images, o->error);
    if (is_directory(spec)) {
        const ufm_status status = join(spec, "labels.csv", list, o->error);
        return status == UFM_OK ? ufm_images_open_folder(list, spec, o->settings->reading,
                                                         &o->settings->picture, images, o->error)
                                : status;
    }
    return ufm_fail(
        o->error, UFM_ERROR_USAGE,
        "'%.80s' is no set of images; give mlab-mnist, mlab-fashion, mlab-cifar10, mnist, fashion, cifar10, "
        "svhn, coco, synthetic, a file of data make (.h5), an IDX, CIFAR-10, SVHN or COCO file, or a "
        "directory with labels.csv",
        spec);
}

static ufm_status open_any(const opening *o, const char *spec, ufm_images **images)
{
    for (int c = 0; c < COMPOSITES; c++)
        if (strcmp(spec, composites[c].name) == 0)
            return open_composite(o, ufm_data_set_find(composites[c].base), images);
    const data_set *set = ufm_data_set_find(spec);
    if (set) return open_raw(o, set, images);
    return strcmp(spec, "synthetic") == 0 ? open_synthetic(o, images) : open_path(o, spec, images);
}

ufm_status ufm_images_open(const char *spec, const ufm_data_settings *settings, ufm_images **images,
                           ufm_data_origin *origin, ufm_error *error)
{
    ufm_data_origin unheard;
    const opening o = {settings, origin ? origin : &unheard, error};
    ufm_images *all = NULL;
    ufm_status status = open_any(&o, spec, &all);
    if (status != UFM_OK) return status;
    if (settings->tags_most > 0) {
        const ufm_selection selection = {.dropped_class = -1, .tags_most = settings->tags_most};
        status = ufm_images_select(all, &selection, images, error);
        if (status != UFM_OK) ufm_images_free(all);
        return status;
    }
    *images = all;
    return UFM_OK;
}

/* ---- The list ---- */

int ufm_data_entries(void)
{
    return DATA_SETS;
}

void ufm_data_describe(int number, const char *data_dir, ufm_data_entry *entry)
{
    const data_set *set = ufm_data_set_at((data_set_id)number);
    *entry = (ufm_data_entry){.name = set->name,
                              .title = set->title,
                              .image_size = set->size,
                              .licence = set->licence,
                              .home_page = set->home,
                              .classes = set->classes,
                              .training = set->training,
                              .test = set->evaluation,
                              .checked = *set->file[0].sha256 || *set->file[0].md5};
    for (const data_part *p = set->part; p->name; p++) {
        if (p->way == 0) entry->download += p->bytes;
        entry->checked = entry->checked || *p->sha256 || *p->md5;
    }
    data_place place = {.half = 'e'};
    entry->test_here = ufm_data_locate(set, data_dir, &place);
    if (entry->test_here) snprintf(entry->directory, sizeof entry->directory, "%.1000s", place.directory);
    place.half = 't';
    entry->training_here = ufm_data_locate(set, data_dir, &place);
    if (entry->training_here) snprintf(entry->directory, sizeof entry->directory, "%.1000s", place.directory);
}
