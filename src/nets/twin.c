/* ufmlab: nets: the twin engine, against which the fast one is checked.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "twin.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static int64_t length(const ufm_twin *twin, ufm_engine_vector which)
{
    return which == UFM_VECTOR_RUNNING ? twin->network->running : twin->network->parameters;
}

static void twin_free(void *engine)
{
    ufm_twin *twin = engine;
    if (!twin) return;
    for (int v = 0; v <= UFM_VECTOR_RUNNING; v++) ufm_free(twin->vector[v]);
    for (int64_t l = 0; twin->layer && l < twin->network->layers; l++) {
        ufm_free(twin->layer[l].out);
        ufm_free(twin->layer[l].gradient);
        ufm_free(twin->layer[l].mean);
        ufm_free(twin->layer[l].inverse);
        ufm_free(twin->layer[l].chosen);
    }
    ufm_free(twin->layer);
    ufm_pool_free(twin->pool);
    ufm_free(twin);
}

static ufm_status make_layer(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    ufm_twin_layer *made = &twin->layer[l];
    const int64_t numbers = twin->batch * ufm_twin_numbers(layer);
    made->out = ufm_alloc(numbers, sizeof(double));
    /* Nobody asks for the gradient with respect to the images. */
    if (l > 0) made->gradient = ufm_alloc(numbers, sizeof(double));
    bool complete = made->out && (l == 0 || made->gradient);
    if (layer->kind == UFM_LAYER_BATCH_NORM) {
        made->mean = ufm_alloc(layer->channels, sizeof(double));
        made->inverse = ufm_alloc(layer->channels, sizeof(double));
        complete = complete && made->mean && made->inverse;
    }
    if (layer->kind == UFM_LAYER_MAX_POOL) {
        made->chosen = ufm_alloc(numbers, sizeof(int32_t));
        complete = complete && made->chosen;
    }
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}

static ufm_status twin_create(const ufm_network *network, const ufm_engine_settings *settings, void **engine,
                              ufm_error *error)
{
    ufm_twin *twin = ufm_alloc(1, sizeof *twin);
    ufm_status status = twin ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    twin->network = network;
    twin->batch = settings->batch;
    twin->pool = ufm_pool_new(settings->threads);
    twin->layer = ufm_alloc(network->layers, sizeof *twin->layer);
    status = twin->pool && twin->layer ? UFM_OK : UFM_ERROR_MEMORY;
    for (int v = 0; v <= UFM_VECTOR_RUNNING && status == UFM_OK; v++) {
        twin->vector[v] = ufm_alloc(length(twin, (ufm_engine_vector)v), sizeof(double));
        if (!twin->vector[v]) status = UFM_ERROR_MEMORY;
    }
    for (int64_t l = 0; l < network->layers && status == UFM_OK; l++) status = make_layer(twin, l);
cleanup:
    if (status != UFM_OK) {
        twin_free(twin);
        return ufm_fail(error, status,
                        "not enough memory for a batch of %lld in double precision; use a "
                        "smaller --batch",
                        (long long)settings->batch);
    }
    *engine = twin;
    return UFM_OK;
}

static ufm_status twin_import(void *engine, ufm_engine_vector which, const double *canonical)
{
    ufm_twin *twin = engine;
    memcpy(twin->vector[which], canonical, (size_t)length(twin, which) * sizeof(double));
    return UFM_OK;
}

static ufm_status twin_export(void *engine, ufm_engine_vector which, double *canonical)
{
    const ufm_twin *twin = engine;
    memcpy(canonical, twin->vector[which], (size_t)length(twin, which) * sizeof(double));
    return UFM_OK;
}

static void layer_forward(ufm_twin *twin, int64_t l, bool train)
{
    switch (twin->network->layer[l].kind) {
    case UFM_LAYER_CONVOLUTION:
        ufm_twin_convolution(twin, l);
        break;
    case UFM_LAYER_BATCH_NORM:
        ufm_twin_batch_norm(twin, l, train);
        break;
    case UFM_LAYER_RELU:
        ufm_twin_relu(twin, l);
        break;
    case UFM_LAYER_ADD:
        ufm_twin_add(twin, l);
        break;
    case UFM_LAYER_MAX_POOL:
        ufm_twin_max_pool(twin, l);
        break;
    case UFM_LAYER_AVERAGE_POOL:
        ufm_twin_average_pool(twin, l);
        break;
    case UFM_LAYER_LINEAR:
        ufm_twin_linear(twin, l);
        break;
    case UFM_LAYER_INPUT:
    case UFM_LAYER_KINDS:
        assert(false);
    }
}

static void layer_back(ufm_twin *twin, int64_t l)
{
    switch (twin->network->layer[l].kind) {
    case UFM_LAYER_CONVOLUTION:
        ufm_twin_convolution_back(twin, l);
        break;
    case UFM_LAYER_BATCH_NORM:
        ufm_twin_batch_norm_back(twin, l);
        break;
    case UFM_LAYER_RELU:
        ufm_twin_relu_back(twin, l);
        break;
    case UFM_LAYER_ADD:
        ufm_twin_add_back(twin, l);
        break;
    case UFM_LAYER_MAX_POOL:
        ufm_twin_max_pool_back(twin, l);
        break;
    case UFM_LAYER_AVERAGE_POOL:
        ufm_twin_average_pool_back(twin, l);
        break;
    case UFM_LAYER_LINEAR:
        ufm_twin_linear_back(twin, l);
        break;
    case UFM_LAYER_INPUT:
    case UFM_LAYER_KINDS:
        assert(false);
    }
}

static ufm_status twin_forward(void *engine, const float *images, int64_t count, bool train, double *features,
                               double *logits)
{
    ufm_twin *twin = engine;
    const ufm_network *network = twin->network;
    assert(1 <= count && count <= twin->batch);
    twin->count = count;
    twin->trained = train;
    const int64_t numbers = count * ufm_twin_numbers(&network->layer[0]);
    for (int64_t i = 0; i < numbers; i++) twin->layer[0].out[i] = images[i];
    for (int64_t l = 1; l < network->layers; l++) layer_forward(twin, l, train);
    memcpy(features, twin->layer[network->features].out, (size_t)(count * network->dim) * sizeof(double));
    memcpy(logits, twin->layer[network->logits].out, (size_t)(count * network->classes) * sizeof(double));
    return UFM_OK;
}

static ufm_status twin_backward(void *engine, const double *d_logits, const double *d_features)
{
    ufm_twin *twin = engine;
    const ufm_network *network = twin->network;
    assert(twin->trained);
    memset(twin->vector[UFM_VECTOR_GRADIENT], 0, (size_t)network->parameters * sizeof(double));
    for (int64_t l = 1; l < network->layers; l++)
        memset(twin->layer[l].gradient, 0,
               (size_t)(twin->count * ufm_twin_numbers(&network->layer[l])) * sizeof(double));
    memcpy(twin->layer[network->logits].gradient, d_logits,
           (size_t)(twin->count * network->classes) * sizeof(double));
    if (d_features)
        memcpy(twin->layer[network->features].gradient, d_features,
               (size_t)(twin->count * network->dim) * sizeof(double));
    for (int64_t l = network->layers - 1; l > 0; l--) layer_back(twin, l);
    return UFM_OK;
}

static void update_range(ufm_twin *twin, const ufm_update *u, int64_t begin, int64_t count)
{
    double *x = twin->vector[UFM_VECTOR_PARAMETERS] + begin, *m = twin->vector[UFM_VECTOR_MOMENT_1] + begin;
    double *v = twin->vector[UFM_VECTOR_MOMENT_2] + begin;
    const double *gradient = twin->vector[UFM_VECTOR_GRADIENT] + begin;
    const double first = 1 - pow(u->momentum, (double)u->step), second = 1 - pow(u->beta2, (double)u->step);
    for (int64_t i = 0; i < count; i++) {
        const double g = gradient[i] + u->weight_decay * x[i];
        if (u->adam) {
            m[i] = u->momentum * m[i] + (1 - u->momentum) * g;
            v[i] = u->beta2 * v[i] + (1 - u->beta2) * g * g;
            x[i] -= u->rate * (m[i] / first) / (sqrt(v[i] / second) + u->epsilon);
        } else {
            m[i] = u->momentum * m[i] + g;
            x[i] -= u->rate * m[i];
        }
    }
}

static ufm_status twin_update(void *engine, const ufm_update *update)
{
    ufm_twin *twin = engine;
    for (int64_t l = 0; l < twin->network->layers; l++) {
        const ufm_layer *layer = &twin->network->layer[l];
        if (layer->weights >= 0 && !layer->frozen)
            update_range(twin, update, layer->weights, layer->weight_count);
        if (layer->biases >= 0) update_range(twin, update, layer->biases, layer->bias_count);
    }
    return UFM_OK;
}

const ufm_engine_ops ufm_engine_twin = {"twin",       twin_create,   twin_free,   twin_import, twin_export,
                                        twin_forward, twin_backward, twin_update, NULL,        NULL};
