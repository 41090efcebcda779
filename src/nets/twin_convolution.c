/* ufmlab: nets: the twin's convolution.
 *
 *   y[o,v,u] = b[o] + sum_{i,q,p} w[o,i,q,p] x[i, v stride + q - padding, u stride + p - padding]
 *
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "twin.h"

typedef struct {
    ufm_twin *twin;
    const ufm_layer *to, *from;
    const double *w, *x, *dy;
    double *y, *dx, *dw, *db;
} convolution;

static convolution view(ufm_twin *twin, int64_t l)
{
    const ufm_layer *layer = &twin->network->layer[l];
    ufm_twin_layer *in = &twin->layer[layer->input], *here = &twin->layer[l];
    double *gradient = twin->vector[UFM_VECTOR_GRADIENT];
    return (convolution){.twin = twin,
                         .to = layer,
                         .from = &twin->network->layer[layer->input],
                         .w = twin->vector[UFM_VECTOR_PARAMETERS] + layer->weights,
                         .x = in->out,
                         .dy = here->gradient,
                         .y = here->out,
                         .dx = in->gradient,
                         .dw = gradient + layer->weights,
                         .db = layer->bias ? gradient + layer->biases : NULL};
}

/* Outputs u whose input u stride + offset lies in 0..extent-1. */
typedef struct {
    int64_t begin, end;
} range;
static range inside(const ufm_layer *to, int64_t tap, int64_t outputs, int64_t extent)
{
    const int64_t offset = tap - to->padding, s = to->stride;
    range r = {offset < 0 ? (-offset + s - 1) / s : 0,
               extent - offset > 0 ? (extent - offset - 1) / s + 1 : 0};
    if (r.end > outputs) r.end = outputs;
    return r;
}

typedef enum { FORWARD, TO_INPUT, TO_WEIGHT } direction;

/* One tap (q,p) of one pair of maps: y += w x, dx += w dy, or the sum of dy x. */
static double tap(const convolution *c, direction way, int64_t q, int64_t p, double w, int64_t x_map,
                  int64_t y_map)
{
    const ufm_layer *to = c->to, *from = c->from;
    const range rows = inside(to, q, to->height, from->height), cols = inside(to, p, to->width, from->width);
    const int64_t s = to->stride;
    double sum = 0;
    for (int64_t v = rows.begin; v < rows.end; v++) {
        const int64_t in = x_map + (v * s + q - to->padding) * from->width + p - to->padding;
        const int64_t out = y_map + v * to->width;
        for (int64_t u = cols.begin; u < cols.end; u++) {
            if (way == FORWARD) c->y[out + u] += w * c->x[in + u * s];
            if (way == TO_INPUT) c->dx[in + u * s] += w * c->dy[out + u];
            if (way == TO_WEIGHT) sum += c->dy[out + u] * c->x[in + u * s];
        }
    }
    return sum;
}

/* All taps of one pair of maps of image n; to weights, the sums are added to dw. */
static void pair(const convolution *c, direction way, int64_t n, int64_t o, int64_t i)
{
    const ufm_layer *to = c->to, *from = c->from;
    const int64_t x_map = (n * from->channels + i) * from->height * from->width;
    const int64_t y_map = (n * to->channels + o) * to->height * to->width;
    for (int64_t q = 0; q < to->kernel; q++)
        for (int64_t p = 0; p < to->kernel; p++) {
            const int64_t at = ((o * from->channels + i) * to->kernel + q) * to->kernel + p;
            const double sum = tap(c, way, q, p, c->w[at], x_map, y_map);
            if (way == TO_WEIGHT) c->dw[at] += sum;
        }
}

static void images_forward(void *context, int worker, int64_t begin, int64_t end)
{
    (void)worker;
    const convolution *c = context;
    const int64_t map = c->to->height * c->to->width;
    const double *b = c->to->bias ? c->twin->vector[UFM_VECTOR_PARAMETERS] + c->to->biases : NULL;
    for (int64_t n = begin; n < end; n++)
        for (int64_t o = 0; o < c->to->channels; o++) {
            for (int64_t u = 0; u < map; u++) c->y[(n * c->to->channels + o) * map + u] = b ? b[o] : 0;
            for (int64_t i = 0; i < c->from->channels; i++) pair(c, FORWARD, n, o, i);
        }
}

static void images_back(void *context, int worker, int64_t begin, int64_t end)
{
    (void)worker;
    const convolution *c = context;
    for (int64_t n = begin; n < end; n++)
        for (int64_t o = 0; o < c->to->channels; o++)
            for (int64_t i = 0; i < c->from->channels; i++) pair(c, TO_INPUT, n, o, i);
}

static void weights_back(void *context, int worker, int64_t begin, int64_t end)
{
    (void)worker;
    const convolution *c = context;
    const int64_t map = c->to->height * c->to->width;
    for (int64_t o = begin; o < end; o++)
        for (int64_t n = 0; n < c->twin->count; n++) {
            for (int64_t i = 0; i < c->from->channels; i++) pair(c, TO_WEIGHT, n, o, i);
            for (int64_t u = 0; c->db && u < map; u++) c->db[o] += c->dy[(n * c->to->channels + o) * map + u];
        }
}

void ufm_twin_convolution(ufm_twin *twin, int64_t l)
{
    convolution c = view(twin, l);
    ufm_pool_run(twin->pool, twin->count, 1, images_forward, &c);
}

void ufm_twin_convolution_back(ufm_twin *twin, int64_t l)
{
    convolution c = view(twin, l);
    ufm_pool_run(twin->pool, c.to->channels, 1, weights_back, &c);
    if (c.dx) ufm_pool_run(twin->pool, twin->count, 1, images_back, &c);
}
