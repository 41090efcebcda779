/* ufmlab: nets: the parameters before training.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <ufmlab/nets.h>

static void fill(int64_t count, double value, double *x)
{
    for (int64_t i = 0; i < count; i++) x[i] = value;
}

static void fill_uniform(ufm_rng *rng, int64_t count, double bound, double *x)
{
    for (int64_t i = 0; i < count; i++) x[i] = bound * (2 * ufm_rng_uniform(rng) - 1);
}

/* PyTorch draws weights and biases uniformly with variance 1/(3 fan in); Kaiming's rule keeps the variance of
 * gradients through a ReLU instead. */
static void start_weights(ufm_rng *rng, const ufm_network *network, const ufm_layer *layer, double *x)
{
    const double fan_in = (double)(layer->weight_count / layer->channels);
    const double bound = 1 / sqrt(fan_in);
    if (layer->kind == UFM_LAYER_CONVOLUTION && network->kaiming) {
        const double scale = sqrt(2.0 / (double)(layer->channels * layer->kernel * layer->kernel));
        for (int64_t i = 0; i < layer->weight_count; i++)
            x[layer->weights + i] = scale * ufm_rng_gaussian(rng);
    } else {
        fill_uniform(rng, layer->weight_count, bound, x + layer->weights);
    }
    if (layer->bias) fill_uniform(rng, layer->bias_count, bound, x + layer->biases);
}

/* ufm_etf_classifier is column-major, a network's weights are row-major. */
static ufm_status start_etf(const ufm_network *network, const ufm_layer *layer, double *x)
{
    const int64_t K = network->classes, d = network->dim;
    double *W = ufm_alloc(K * d, sizeof *W);
    if (!W) return UFM_ERROR_MEMORY;
    ufm_etf_classifier(K, d, 1, W);
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < d; j++) x[layer->weights + k * d + j] = W[k + j * K];
    ufm_free(W);
    return UFM_OK;
}

ufm_status ufm_network_start(const ufm_network *network, uint64_t seed, double *parameters, double *running)
{
    ufm_rng *rng = ufm_rng_new(seed);
    ufm_status status = rng ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t l = 0; l < network->layers && status == UFM_OK; l++) {
        const ufm_layer *layer = &network->layer[l];
        if (layer->kind == UFM_LAYER_BATCH_NORM) {
            fill(layer->channels, 1, parameters + layer->weights);
            fill(layer->channels, 0, parameters + layer->biases);
            fill(layer->channels, 0, running + layer->running);
            fill(layer->channels, 1, running + layer->running + layer->channels);
        } else if (layer->weights >= 0) {
            start_weights(rng, network, layer, parameters);
        }
        if (layer->frozen) status = start_etf(network, layer, parameters);
    }
    ufm_rng_free(rng);
    return status;
}
