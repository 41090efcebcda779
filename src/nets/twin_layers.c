/* ufmlab: nets: the twin's layers but the convolution.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "twin.h"

static const double norm_epsilon = 1e-5, norm_momentum = 0.1; /* PyTorch's */

/* ---- Batch norm: y = gamma (x - mean)/sqrt(variance + epsilon) + beta per channel ---- */

/* Mean and variance (divided by the number of pixels) of a channel over the batch, in two passes. */
static void channel_moments(const ufm_twin *twin, const ufm_layer *layer, int64_t c, double moments[2])
{
    const int64_t map = layer->height * layer->width, pixels = twin->count * map;
    const double *x = twin->layer[layer->input].out;
    double sum = 0, squares = 0;
    for (int64_t n = 0; n < twin->count; n++)
        for (int64_t u = 0; u < map; u++) sum += x[(n * layer->channels + c) * map + u];
    moments[0] = sum / (double)pixels;
    for (int64_t n = 0; n < twin->count; n++)
        for (int64_t u = 0; u < map; u++) {
            const double off = x[(n * layer->channels + c) * map + u] - moments[0];
            squares += off * off;
        }
    moments[1] = squares / (double)pixels;
}

/* Of a single pixel there is no unbiased variance: the biased one, 0, is taken. */
static void move_running(double *mean, double *variance, const double moments[2], int64_t pixels)
{
    const double unbiased = moments[1] * (double)pixels / (double)(pixels > 1 ? pixels - 1 : 1);
    *mean += norm_momentum * (moments[0] - *mean);
    *variance += norm_momentum * (unbiased - *variance);
}

void ufm_twin_batch_norm(ufm_twin *twin, int64_t l, bool train)
{
    const ufm_layer *layer = &twin->network->layer[l];
    ufm_twin_layer *here = &twin->layer[l];
    const double *x = twin->layer[layer->input].out;
    const double *gamma = twin->vector[UFM_VECTOR_PARAMETERS] + layer->weights;
    const double *beta = twin->vector[UFM_VECTOR_PARAMETERS] + layer->biases;
    double *mean = twin->vector[UFM_VECTOR_RUNNING] + layer->running, *variance = mean + layer->channels;
    const int64_t map = layer->height * layer->width;
    for (int64_t c = 0; c < layer->channels; c++) {
        double moments[2] = {mean[c], variance[c]};
        if (train) {
            channel_moments(twin, layer, c, moments);
            move_running(&mean[c], &variance[c], moments, twin->count * map);
        }
        here->mean[c] = moments[0];
        here->inverse[c] = 1 / sqrt(moments[1] + norm_epsilon);
        for (int64_t n = 0; n < twin->count; n++)
            for (int64_t u = 0; u < map; u++) {
                const int64_t at = (n * layer->channels + c) * map + u;
                here->out[at] = gamma[c] * (x[at] - here->mean[c]) * here->inverse[c] + beta[c];
            }
    }
}

/* With t = (x - mean)/sqrt(variance + epsilon): dx = gamma/sqrt(..) (dy - mean(dy) - t mean(dy t)). */
void ufm_twin_batch_norm_back(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const ufm_twin_layer *here = &twin->layer[l];
    const double *x = twin->layer[layer->input].out, *dy = here->gradient;
    double *dx = twin->layer[layer->input].gradient;
    const double *gamma = twin->vector[UFM_VECTOR_PARAMETERS] + layer->weights;
    double *d_gamma = twin->vector[UFM_VECTOR_GRADIENT] + layer->weights;
    double *d_beta = twin->vector[UFM_VECTOR_GRADIENT] + layer->biases;
    const int64_t map = layer->height * layer->width;
    const double pixels = (double)(twin->count * map);
    for (int64_t c = 0; c < layer->channels; c++) {
        for (int64_t n = 0; n < twin->count; n++)
            for (int64_t u = 0; u < map; u++) {
                const int64_t at = (n * layer->channels + c) * map + u;
                d_gamma[c] += dy[at] * (x[at] - here->mean[c]) * here->inverse[c];
                d_beta[c] += dy[at];
            }
        for (int64_t n = 0; dx && n < twin->count; n++)
            for (int64_t u = 0; u < map; u++) {
                const int64_t at = (n * layer->channels + c) * map + u;
                const double t = (x[at] - here->mean[c]) * here->inverse[c];
                dx[at] += gamma[c] * here->inverse[c] * (dy[at] - (d_beta[c] + t * d_gamma[c]) / pixels);
            }
    }
}

/* ---- ReLU and sums ---- */

void ufm_twin_relu(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const double *x = twin->layer[layer->input].out;
    double *y = twin->layer[l].out;
    const int64_t numbers = twin->count * ufm_twin_numbers(layer);
    for (int64_t i = 0; i < numbers; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* a NaN stays one */
}

void ufm_twin_relu_back(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const double *y = twin->layer[l].out, *dy = twin->layer[l].gradient;
    double *dx = twin->layer[layer->input].gradient;
    const int64_t numbers = twin->count * ufm_twin_numbers(layer);
    for (int64_t i = 0; dx && i < numbers; i++)
        if (y[i] > 0) dx[i] += dy[i];
}

void ufm_twin_add(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const double *a = twin->layer[layer->input].out, *b = twin->layer[layer->other].out;
    double *y = twin->layer[l].out;
    const int64_t numbers = twin->count * ufm_twin_numbers(layer);
    for (int64_t i = 0; i < numbers; i++) y[i] = a[i] + b[i];
}

void ufm_twin_add_back(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const double *dy = twin->layer[l].gradient;
    double *da = twin->layer[layer->input].gradient, *db = twin->layer[layer->other].gradient;
    const int64_t numbers = twin->count * ufm_twin_numbers(layer);
    for (int64_t i = 0; i < numbers; i++) {
        if (da) da[i] += dy[i];
        if (db) db[i] += dy[i];
    }
}

/* ---- Pools ---- */

/* The largest number of one window; the first of equal ones, as PyTorch has it. */
static int32_t largest(const ufm_layer *layer, const ufm_layer *from, const double *map, int64_t output)
{
    const int64_t v = output / layer->width * layer->stride, u = output % layer->width * layer->stride;
    int64_t best = v * from->width + u;
    for (int64_t q = 0; q < layer->kernel; q++)
        for (int64_t p = 0; p < layer->kernel; p++) {
            const int64_t at = (v + q) * from->width + u + p;
            if (map[at] > map[best] || isnan(map[at])) best = at;
        }
    return (int32_t)best;
}

void ufm_twin_max_pool(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l], *from = &twin->network->layer[layer->input];
    ufm_twin_layer *here = &twin->layer[l];
    const int64_t map = layer->height * layer->width, wide = from->height * from->width;
    for (int64_t m = 0; m < twin->count * layer->channels; m++)
        for (int64_t o = 0; o < map; o++) {
            const double *x = twin->layer[layer->input].out + m * wide;
            here->chosen[m * map + o] = largest(layer, from, x, o);
            here->out[m * map + o] = x[here->chosen[m * map + o]];
        }
}

void ufm_twin_max_pool_back(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l], *from = &twin->network->layer[layer->input];
    const ufm_twin_layer *here = &twin->layer[l];
    const int64_t map = layer->height * layer->width, wide = from->height * from->width;
    double *dx = twin->layer[layer->input].gradient;
    for (int64_t m = 0; dx && m < twin->count * layer->channels; m++)
        for (int64_t o = 0; o < map; o++)
            dx[m * wide + here->chosen[m * map + o]] += here->gradient[m * map + o];
}

void ufm_twin_average_pool(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l], *from = &twin->network->layer[layer->input];
    const int64_t wide = from->height * from->width;
    for (int64_t m = 0; m < twin->count * layer->channels; m++) {
        double sum = 0;
        for (int64_t u = 0; u < wide; u++) sum += twin->layer[layer->input].out[m * wide + u];
        twin->layer[l].out[m] = sum / (double)wide;
    }
}

void ufm_twin_average_pool_back(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l], *from = &twin->network->layer[layer->input];
    const int64_t wide = from->height * from->width;
    double *dx = twin->layer[layer->input].gradient;
    for (int64_t m = 0; dx && m < twin->count * layer->channels; m++)
        for (int64_t u = 0; u < wide; u++) dx[m * wide + u] += twin->layer[l].gradient[m] / (double)wide;
}

/* ---- Linear: y = W x + b ---- */

void ufm_twin_linear(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const int64_t outputs = layer->channels, inputs = layer->weight_count / outputs;
    const double *w = twin->vector[UFM_VECTOR_PARAMETERS] + layer->weights;
    const double *b = twin->vector[UFM_VECTOR_PARAMETERS] + layer->biases;
    for (int64_t n = 0; n < twin->count; n++)
        for (int64_t o = 0; o < outputs; o++) {
            const double *x = twin->layer[layer->input].out + n * inputs;
            double sum = b[o];
            for (int64_t i = 0; i < inputs; i++) sum += w[o * inputs + i] * x[i];
            twin->layer[l].out[n * outputs + o] = sum;
        }
}

void ufm_twin_linear_back(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    const int64_t outputs = layer->channels, inputs = layer->weight_count / outputs;
    const double *w = twin->vector[UFM_VECTOR_PARAMETERS] + layer->weights;
    double *dw = twin->vector[UFM_VECTOR_GRADIENT] + layer->weights;
    double *db = twin->vector[UFM_VECTOR_GRADIENT] + layer->biases;
    double *dx = twin->layer[layer->input].gradient;
    for (int64_t n = 0; n < twin->count; n++)
        for (int64_t o = 0; o < outputs; o++) {
            const double dy = twin->layer[l].gradient[n * outputs + o];
            const double *x = twin->layer[layer->input].out + n * inputs;
            db[o] += dy;
            for (int64_t i = 0; i < inputs; i++) {
                dw[o * inputs + i] += dy * x[i];
                if (dx) dx[n * inputs + i] += dy * w[o * inputs + i];
            }
        }
}
