/* ufmlab: nets: networks as data.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "builder.h"

#include <stdio.h>
#include <string.h>

enum {
    LEAST_SIZE = 1,
    MOST_SIZE = 1024,
    MOST_COLUMNS = 1 << 20,
    MOST_CLASSES = 100000,
    MOST_MULTIPLIER = 16
};

typedef struct {
    void (*build)(ufm_builder *builder);
    bool kaiming;
} recipe;

#define INFO(name, function, kaiming, summary) {name, summary},
static const ufm_architecture_info infos[] = {UFM_ARCHITECTURE_LIST(INFO)};
#undef INFO
#define RECIPE(name, function, kaiming, summary) {function, kaiming},
static const recipe recipes[] = {UFM_ARCHITECTURE_LIST(RECIPE)};
#undef RECIPE
enum { ARCHITECTURES = sizeof infos / sizeof infos[0] };

int64_t ufm_architectures(const ufm_architecture_info **list)
{
    *list = infos;
    return ARCHITECTURES;
}

void ufm_network_free(ufm_network *network)
{
    if (network) {
        ufm_free(network->layer);
        ufm_free(network);
    }
}

static ufm_status check(const ufm_network_settings *s, ufm_error *error)
{
    if (s->classes < 2 || s->classes > MOST_CLASSES)
        return ufm_fail(error, UFM_ERROR_USAGE, "a network of %lld classes; 2 to %d are possible",
                        (long long)s->classes, MOST_CLASSES);
    const int64_t most_channels = s->height == 1 && s->width == 1 ? MOST_COLUMNS : 64;
    if (s->channels < 1 || s->channels > most_channels || s->height < LEAST_SIZE || s->height > MOST_SIZE ||
        s->width < LEAST_SIZE || s->width > MOST_SIZE)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "images of %lld channels and %lld x %lld pixels; 1 to 64 channels and up to %d x %d "
                        "pixels, or up to %d columns of a table, are possible",
                        (long long)s->channels, (long long)s->height, (long long)s->width, MOST_SIZE,
                        MOST_SIZE, MOST_COLUMNS);
    if (!(s->multiplier > 0 && s->multiplier <= MOST_MULTIPLIER))
        return ufm_fail(error, UFM_ERROR_USAGE, "a width of %g; give a multiplier above 0, at most %d",
                        s->multiplier, MOST_MULTIPLIER);
    return UFM_OK;
}

static ufm_status unknown(const char *name, ufm_error *error)
{
    char names[200] = "";
    for (int i = 0; i < ARCHITECTURES; i++) {
        const size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", infos[i].name);
    }
    return ufm_fail(error, UFM_ERROR_USAGE, "'%.40s' is no architecture; there are %s", name, names);
}

ufm_status ufm_network_new(const char *name, const ufm_network_settings *settings, ufm_network **network,
                           ufm_error *error)
{
    int which = 0;
    while (which < ARCHITECTURES && strcmp(infos[which].name, name) != 0) which++;
    if (which == ARCHITECTURES) return unknown(name, error);
    ufm_status status = check(settings, error);
    if (status != UFM_OK) return status;
    ufm_builder builder = {
        .settings = settings, .network = ufm_alloc(1, sizeof(ufm_network)), .error = error};
    const ufm_layer input = {.kind = UFM_LAYER_INPUT,
                             .input = -1,
                             .other = -1,
                             .weights = -1,
                             .biases = -1,
                             .running = -1,
                             .channels = settings->channels,
                             .height = settings->height,
                             .width = settings->width};
    builder.status =
        builder.network ? ufm_grow((void **)&builder.network->layer, &builder.capacity, 64, sizeof(ufm_layer))
                        : UFM_ERROR_MEMORY;
    if (builder.status == UFM_OK) {
        builder.network->kaiming = recipes[which].kaiming;
        builder.network->layer[builder.network->layers++] = input;
        recipes[which].build(&builder);
    }
    if (builder.status != UFM_OK) {
        ufm_network_free(builder.network);
        return builder.status;
    }
    *network = builder.network;
    return UFM_OK;
}

static int64_t numbers(const ufm_layer *layer)
{
    return layer->channels * layer->height * layer->width;
}

int64_t ufm_network_activations(const ufm_network *network)
{
    int64_t sum = 0;
    for (int64_t l = 0; l < network->layers; l++) sum += numbers(&network->layer[l]);
    return sum;
}

int64_t ufm_network_products(const ufm_network *network)
{
    int64_t sum = 0;
    for (int64_t l = 0; l < network->layers; l++) {
        const ufm_layer *layer = &network->layer[l];
        if (layer->kind == UFM_LAYER_CONVOLUTION || layer->kind == UFM_LAYER_LINEAR)
            sum += layer->weight_count * layer->height * layer->width;
    }
    return sum;
}

const char *ufm_layer_kind_text(ufm_layer_kind kind)
{
    static const char *const texts[UFM_LAYER_KINDS] = {
#define UFM_LAYER_TEXT(name, text) [name] = text,
        UFM_LAYER_LIST(UFM_LAYER_TEXT)
#undef UFM_LAYER_TEXT
    };
    return texts[kind];
}
