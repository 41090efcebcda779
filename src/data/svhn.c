/* ufmlab: data: SVHN format 1: N.png beside digitStruct.mat, which holds a name and the digits of each.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/picture_set.h"
#include "data/stored.h"
#include "data/stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

enum { IMAGES_MAX = 1 << 20, DIGITS_MAX = 32, NAME_MAX_CHARACTERS = 64, TEN = 10 };
/* The published rule. */
enum { SINGLES_MAX = 543, MULTIPLICITY_MAX = 3 };

/* ---- In the child: digitStruct.mat as lines "NAME D D ...", D the label 1..10 ---- */
static ufm_status fail_item(const char *path, int64_t item, const char *what, ufm_error *error)
{
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: image %lld: %s; fetch the file again", ufm_shown_path(path),
                    (long long)item + 1, what);
}

/* The first number of what is there. */
static ufm_status read_label(ufm_h5 *file, ufm_h5_reference from, const char *name, double *label,
                             ufm_error *error)
{
    ufm_h5_values one;
    const ufm_status status = ufm_h5_read_values(file, from, name, 1, &one, error);
    *label = status == UFM_OK && !one.references && one.count == 1 ? one.number[0] : 0;
    ufm_h5_values_free(&one);
    return status;
}

static ufm_status copy_name(ufm_h5 *file, const char *path, int64_t item, ufm_h5_reference name, FILE *output,
                            ufm_error *error)
{
    ufm_h5_values characters;
    ufm_status status = ufm_h5_read_values(file, name, "", NAME_MAX_CHARACTERS, &characters, error);
    bool printable = !characters.references && characters.count > 0;
    for (int64_t i = 0; status == UFM_OK && printable && i < characters.count; i++) {
        printable = characters.number[i] > ' ' && characters.number[i] < 127;
        if (printable) fputc((int)characters.number[i], output);
    }
    if (status == UFM_OK && !printable) status = fail_item(path, item, "its name is no text", error);
    ufm_h5_values_free(&characters);
    return status;
}

/* One digit is a number, several are references to numbers. */
static ufm_status copy_digits(ufm_h5 *file, const char *path, int64_t item, ufm_h5_reference box,
                              FILE *output, ufm_error *error)
{
    ufm_h5_values digits;
    ufm_status status = ufm_h5_read_values(file, box, "label", DIGITS_MAX, &digits, error);
    if (status == UFM_OK && digits.count == 0) status = fail_item(path, item, "it has no digit", error);
    for (int64_t i = 0; status == UFM_OK && i < digits.count; i++) {
        double label;
        if (digits.references)
            status = read_label(file, digits.reference[i], "", &label, error);
        else
            label = digits.number[i];
        if (status != UFM_OK) break;
        if (!(label >= 1 && label <= TEN) || label != (double)(int)label)
            status = fail_item(path, item, "a label outside 1..10", error);
        else
            fprintf(output, " %d", (int)label);
    }
    ufm_h5_values_free(&digits);
    return status;
}

static ufm_status copy_items(ufm_h5 *file, const char *path, const ufm_guard_channel *channel,
                             ufm_error *error)
{
    ufm_h5_values names = {0}, boxes = {0};
    ufm_status status = ufm_h5_read_values(file, UFM_H5_ROOT, "digitStruct/name", IMAGES_MAX, &names, error);
    if (status == UFM_OK)
        status = ufm_h5_read_values(file, UFM_H5_ROOT, "digitStruct/bbox", IMAGES_MAX, &boxes, error);
    if (status == UFM_OK && (!names.references || !boxes.references || names.count != boxes.count))
        status = ufm_fail(error, UFM_ERROR_INPUT,
                          "%s: the lists of names and boxes do not belong together; fetch the file again",
                          ufm_shown_path(path));
    for (int64_t i = 0; status == UFM_OK && i < names.count; i++) {
        status = copy_name(file, path, i, names.reference[i], channel->output, error);
        if (status == UFM_OK) status = copy_digits(file, path, i, boxes.reference[i], channel->output, error);
        fputc('\n', channel->output);
        *channel->fraction = (double)(i + 1) / (double)names.count;
    }
    ufm_h5_values_free(&names);
    ufm_h5_values_free(&boxes);
    return status;
}

static ufm_status copy_file(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    const char *path = context;
    ufm_h5 *file;
    ufm_status status = ufm_h5_open(path, &file, error);
    if (status == UFM_OK) status = copy_items(file, path, channel, error);
    if (status == UFM_OK) ufm_h5_abort(file);
    return status;
}

/* ---- In the parent: which images, and their tag sets ---- */
typedef struct {
    ufm_svhn_rule rule;
    const char *path;
    const ufm_read_settings *reading; /* or NULL */
    ufm_labels_builder *builder;
    ufm_file_names names;
    int64_t singles[TEN]; /* taken so far */
    int64_t dropped;
} svhn_reader;

/* Whether the rule keeps a number with these digits. */
static bool keep(svhn_reader *reader, int tags, const int32_t *digit)
{
    if (reader->rule == UFM_SVHN_WHOLE) return true;
    if (digit[0] == 0 || tags > MULTIPLICITY_MAX) return false;
    return tags > 1 || reader->singles[digit[0]]++ < SINGLES_MAX;
}

static ufm_status take_line(svhn_reader *reader, char *line, ufm_error *error)
{
    bool has[TEN] = {false};
    int32_t tag[TEN];
    int tags = 0;
    char *rest = line + strcspn(line, " ");
    if (*rest) *rest++ = '\0';
    for (char *end = rest; *rest; rest = end) {
        const long label = strtol(rest, &end, TEN);
        if (end == rest || label < 1 || label > TEN) break;
        has[label % TEN] = true;
    }
    for (int32_t d = 0; d < TEN; d++)
        if (has[d]) tag[tags++] = d;
    if (*rest || tags == 0) /* a child whose memory was damaged */
        return ufm_fail(error, UFM_ERROR_INPUT, "%s: the file is damaged; fetch it again",
                        ufm_shown_path(reader->path));
    if (!keep(reader, tags, tag)) {
        reader->dropped++;
        return UFM_OK;
    }
    for (int i = 0; reader->rule == UFM_SVHN_PUBLISHED && i < tags; i++) tag[i]--;
    ufm_error reason;
    ufm_status status = ufm_file_names_add(&reader->names, line, (int64_t)strlen(line), &reason);
    if (status == UFM_OK) status = ufm_labels_builder_add(reader->builder, tags, tag, 1, &reason);
    if (status != UFM_OK) ufm_fail(error, status, "%s: %s", ufm_shown_path(reader->path), reason.text);
    return status;
}

static ufm_status finish_labels(svhn_reader *reader, ufm_labels **labels, ufm_error *error)
{
    const bool published = reader->rule == UFM_SVHN_PUBLISHED;
    ufm_error reason = {"not enough memory"};
    ufm_labels *made = NULL;
    ufm_status status = ufm_labels_builder_finish(reader->builder, published ? TEN - 1 : TEN,
                                                  UFM_DUPLICATES_KEEP, &made, &reason);
    if (status == UFM_OK) status = ufm_data_name_classes(made, ufm_digit_names + published);
    if (status != UFM_OK) {
        ufm_labels_free(made);
        return ufm_fail(error, status, "%s: %s", ufm_shown_path(reader->path), reason.text);
    }
    made->unlabelled_dropped = reader->dropped;
    *labels = made;
    return UFM_OK;
}

static ufm_status read_digits(svhn_reader *reader, ufm_labels **labels, ufm_error *error)
{
    const ufm_read_settings *reading = reader->reading;
    const ufm_guard guard = {reader->path, copy_file, (char *)reader->path,
                             reading ? reading->progress : NULL, reading ? reading->context : NULL};
    ufm_guard_output lines;
    ufm_status status = ufm_guard_run(&guard, &lines, error);
    for (char *line = lines.text, *next; status == UFM_OK && line && *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next) *next++ = '\0';
        status = take_line(reader, line, error);
    }
    ufm_free(lines.text);
    return status == UFM_OK ? finish_labels(reader, labels, error) : status;
}

ufm_status ufm_images_open_svhn(const char *directory, ufm_svhn_rule rule, const ufm_read_settings *reading,
                                const ufm_picture_settings *settings, ufm_images **images, ufm_error *error)
{
    static const ufm_image_scaling published = {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}};
    *images = NULL;
    ufm_labels *labels = NULL;
    const size_t length = strlen(directory) + sizeof "/digitStruct.mat";
    char *path = ufm_alloc((int64_t)length, 1);
    svhn_reader reader = {
        .rule = rule, .path = path, .reading = reading, .builder = ufm_labels_builder_new()};
    ufm_status status = path && reader.builder ? UFM_OK : ufm_data_no_memory(directory, error);
    if (status == UFM_OK) {
        snprintf(path, length, "%s/digitStruct.mat", directory);
        status = read_digits(&reader, &labels, error);
    }
    if (status == UFM_OK)
        status = ufm_picture_set_new(directory, &reader.names, settings, labels, images, error);
    if (status == UFM_OK)
        (*images)->scaling = published;
    else
        ufm_labels_free(labels);
    ufm_file_names_free(&reader.names);
    ufm_labels_builder_free(reader.builder);
    ufm_free(path);
    return status;
}
