/* The multi-label sets made of single-label images.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/composite.h"
#include "data/stored.h"

#include <string.h>

/* Largest canvas: a grid of 8 x 8 cells. */
enum { GRID_MOST = 8, CELLS_MOST = GRID_MOST * GRID_MOST };

typedef struct {
    ufm_images *base;
    const ufm_labels *labels; /* the composite's, owned by its ufm_images */
    int32_t *part;            /* as ufm_composite_pick */
    ufm_composite_settings settings;
    int64_t grid, channels, cell; /* cells per side; channels and side of a base image */
} composite;

const char *ufm_composite_rule_name(ufm_composite_rule rule)
{
    static const char *const names[] = {
#define COMPOSITE_NAME(name, text) text,
        UFM_COMPOSITE_LIST(COMPOSITE_NAME)
#undef COMPOSITE_NAME
    };
    return names[rule];
}

/* Where an image goes: its top left corner on the canvas, and the part of the canvas that it may cover. */
typedef struct {
    int64_t top, left;
    int64_t row, col, side; /* the square; a cyclic image covers the whole canvas */
    bool cyclic;
} place;

/* Distinct cells for the parts, by the first draws of a shuffle. */
static void draw_cells(ufm_draws *draws, int64_t cells, int64_t count, int64_t *cell)
{
    int64_t all[CELLS_MOST];
    for (int64_t c = 0; c < cells; c++) all[c] = c;
    for (int64_t j = 0; j < count; j++) {
        const int64_t other = j + ufm_draws_below(draws, cells - j);
        cell[j] = all[other];
        all[other] = all[j];
    }
}

/* The published rules: opposite corners, decided by one coin; a single digit of `roll` is always bottom
 * right. */
static void draw_corners(const composite *c, ufm_draws *draws, int64_t count, int64_t *cell)
{
    const int64_t last = c->grid * c->grid - 1;
    const bool coin =
        (count > 1 || c->settings.rule == UFM_COMPOSITE_DIAGONAL) && ufm_draws_below(draws, 2) == 0;
    cell[0] = coin ? 0 : last;
    if (count > 1) cell[1] = last - cell[0];
}

static place draw_place(const composite *c, ufm_draws *draws, int64_t cell)
{
    const int64_t side = c->cell, canvas = c->grid * side;
    const int64_t row = cell / c->grid * side, col = cell % c->grid * side;
    if (c->settings.rule == UFM_COMPOSITE_ROLL) {
        const int64_t down = ufm_draws_below(draws, side / 4), right = ufm_draws_below(draws, side / 4);
        return (place){row + down, col + right, 0, 0, canvas, true};
    }
    if (c->settings.rule == UFM_COMPOSITE_DIAGONAL) {
        const int64_t p = ufm_draws_below(draws, side / 4), shift = cell == 0 ? p : -p;
        return (place){row + shift, col + shift, 0, 0, canvas, false};
    }
    const int64_t reach = side / 8;
    const int64_t down = ufm_draws_below(draws, 2 * reach + 1) - reach;
    const int64_t right = ufm_draws_below(draws, 2 * reach + 1) - reach;
    return (place){row + down, col + right, row, col, side, false};
}

/* Lays one channel of an image onto the canvas: the larger byte stays. */
static void lay(const place *at, const uint8_t *image, int64_t side, uint8_t *canvas, int64_t canvas_side)
{
    for (int64_t i = 0; i < side; i++) {
        int64_t row = at->top + i;
        if (at->cyclic) row %= canvas_side;
        if (row < at->row || row >= at->row + at->side) continue;
        for (int64_t j = 0; j < side; j++) {
            int64_t col = at->left + j;
            if (at->cyclic) col %= canvas_side;
            if (col < at->col || col >= at->col + at->side) continue;
            uint8_t *pixel = canvas + row * canvas_side + col;
            if (image[i * side + j] > *pixel) *pixel = image[i * side + j];
        }
    }
}

/* In place: the rounded mean of every 2 x 2 pixels of each plane. */
static void pool_planes(int64_t planes, int64_t side, uint8_t *pixels)
{
    const int64_t half = side / 2;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < half; i++)
            for (int64_t j = 0; j < half; j++) {
                const uint8_t *four = pixels + (p * side + 2 * i) * side + 2 * j;
                pixels[(p * half + i) * half + j] =
                    (uint8_t)((four[0] + four[1] + four[side] + four[side + 1] + 2) / 4);
            }
}

static ufm_status read_composite(const void *source, int64_t index, uint8_t *pixels, ufm_error *error)
{
    const composite *c = source;
    const int64_t first = c->labels->offset[index], count = c->labels->offset[index + 1] - first;
    const int64_t canvas = c->grid * c->cell, plane = c->cell * c->cell,
                  whole = c->channels * canvas * canvas;
    int64_t cell[CELLS_MOST];
    uint8_t *work = ufm_alloc(c->channels * plane + whole, 1);
    if (!work) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for an image");
    uint8_t *image = work + whole;
    ufm_status status = UFM_OK;
    ufm_draws draws = ufm_draws_begin(c->settings.seed, UFM_DRAWS_PLACE, index);
    if (c->settings.rule == UFM_COMPOSITE_CORRECTED)
        draw_cells(&draws, c->grid * c->grid, count, cell);
    else
        draw_corners(c, &draws, count, cell);
    for (int64_t j = 0; j < count && status == UFM_OK; j++) {
        const place at = draw_place(c, &draws, cell[j]);
        status = ufm_images_read(c->base, c->part[first + j], image, error);
        for (int64_t k = 0; k < c->channels && status == UFM_OK; k++)
            lay(&at, image + k * plane, c->cell, work + k * canvas * canvas, canvas);
    }
    if (c->settings.pool) pool_planes(c->channels, canvas, work);
    if (status == UFM_OK) memcpy(pixels, work, (size_t)(c->settings.pool ? whole / 4 : whole));
    ufm_free(work);
    return status;
}

static void free_composite(void *source)
{
    composite *c = source;
    ufm_images_free(c->base);
    ufm_free(c->part);
    ufm_free(c);
}

static const ufm_images_ops composite_ops = {read_composite, free_composite};

static ufm_status check(const ufm_images *base, const ufm_labels *sets, ufm_composite_rule rule,
                        ufm_error *error)
{
    const ufm_image_shape *shape = &base->shape;
    const int64_t most = rule == UFM_COMPOSITE_CORRECTED ? CELLS_MOST : 2;
    if (shape->height != shape->width || shape->height % 2 != 0 || shape->height < 8)
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "composites of %lld x %lld images; the base set needs squares of even side, at least 8",
            (long long)shape->height, (long long)shape->width);
    if (base->labels->offset[base->labels->columns] != base->labels->columns)
        return ufm_fail(error, UFM_ERROR_USAGE, "the base set of a composite must show one class per image");
    if (sets->classes > base->labels->classes)
        return ufm_fail(error, UFM_ERROR_USAGE, "%lld classes in the tag sets, but the base set has %lld",
                        (long long)sets->classes, (long long)base->labels->classes);
    for (int64_t i = 0; i < sets->columns; i++)
        if (ufm_labels_multiplicity(sets, i) > most)
            return ufm_fail(
                error, UFM_ERROR_USAGE, "a tag set of %lld classes; the %s rule places up to %lld images%s",
                (long long)ufm_labels_multiplicity(sets, i), ufm_composite_rule_name(rule), (long long)most,
                rule == UFM_COMPOSITE_CORRECTED ? "" : ", the corrected one any number");
    return UFM_OK;
}

static int64_t grid_side(const ufm_labels *labels)
{
    int64_t grid = 2;
    for (int64_t i = 0; i < labels->columns; i++)
        while (grid * grid < ufm_labels_multiplicity(labels, i)) grid++;
    return grid;
}

ufm_status ufm_composite(ufm_images *base, const ufm_labels *sets, const ufm_composite_settings *settings,
                         ufm_images **images, ufm_error *error)
{
    ufm_labels *labels = NULL;
    composite *c = NULL;
    ufm_status status = check(base, sets, settings->rule, error);
    if (status == UFM_OK) status = ufm_images_keep(sets, sets->classes, &labels, error);
    if (status == UFM_OK && base->labels->name)
        status = ufm_data_name_classes(labels, (const char *const *)base->labels->name);
    if (status != UFM_OK) goto cleanup;
    c = ufm_alloc(1, sizeof *c);
    if (!c) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the composite");
        goto cleanup;
    }
    *c = (composite){.labels = labels,
                     .settings = *settings,
                     .grid = grid_side(labels),
                     .channels = base->shape.channels,
                     .cell = base->shape.height};
    status = ufm_composite_pick(base->labels, labels, settings->seed, &c->part, error);
    if (status != UFM_OK) goto cleanup;
    const int64_t side = c->grid * c->cell / (settings->pool ? 2 : 1);
    status = ufm_images_new(&composite_ops, c, labels, (ufm_image_shape){c->channels, side, side}, images);
    if (status == UFM_OK) {
        c->base = base;
        (*images)->scaling = base->scaling;
    }
cleanup:
    if (status != UFM_OK) {
        if (c) free_composite(c);
        ufm_labels_free(labels);
    }
    return status;
}
