/* JSON of what several commands print. */
#include "cli.h"
#include <math.h>

void json_certificate(ufm_json *json, const ufm_certificate *c)
{
    ufm_json_number(json, "objective", c->objective);
    ufm_json_number(json, "lower_bound", c->lower_bound);
    ufm_json_number(json, "gap", c->gap);
    ufm_json_number(json, "gradient_norm", c->gradient_norm);
    ufm_json_number(json, "sigma1", c->sigma1);
    ufm_json_number(json, "mu", c->mu);
    ufm_json_number(json, "bias_residual", c->bias_residual);
    ufm_json_integer(json, "rank", c->rank);
    if (c->spare_direction) {
        ufm_json_number(json, "lambda_neg", c->lambda_neg);
        ufm_json_number(json, "witness_curvature", c->witness_curvature);
    }
    ufm_json_string(json, "verdict", ufm_certified_text(c->verdict));
}

/* One object keyed by multiplicity. */
static void by_multiplicity(ufm_json *json, const char *key, const ufm_metrics *metrics, int64_t least,
                            size_t offset)
{
    ufm_json_object(json, key);
    for (int64_t l = 0; l < metrics->levels; l++) {
        const ufm_multiplicity_metrics *level = &metrics->level[l];
        char name[24];
        if (level->multiplicity < least) continue;
        snprintf(name, sizeof name, "%lld", (long long)level->multiplicity);
        ufm_json_number(json, name, *(const double *)((const char *)level + offset));
    }
    ufm_json_end(json);
}

void json_metrics_keys(ufm_json *json, const ufm_metrics *metrics)
{
    ufm_json_number(json, "nc1", metrics->nc1);
    ufm_json_number(json, "nc2", metrics->nc2);
    ufm_json_number(json, "nc2_features", metrics->nc2_features);
    ufm_json_number(json, "nc3", metrics->nc3);
    ufm_json_number(json, "nc4", metrics->nc4);
    ufm_json_number(json, "cdnv", metrics->cdnv);
    ufm_json_number(json, "equinorm_w", metrics->equinorm_w);
    ufm_json_number(json, "equinorm_features", metrics->equinorm_features);
    ufm_json_number(json, "equiangle_w", metrics->equiangle_w);
    ufm_json_number(json, "equiangle_features", metrics->equiangle_features);
    by_multiplicity(json, "ncm", metrics, 2, offsetof(ufm_multiplicity_metrics, ncm));
    by_multiplicity(json, "ncm_centred", metrics, 2, offsetof(ufm_multiplicity_metrics, ncm_centred));
    by_multiplicity(json, "within", metrics, 1, offsetof(ufm_multiplicity_metrics, within));
    by_multiplicity(json, "scale", metrics, 1, offsetof(ufm_multiplicity_metrics, scale));
    by_multiplicity(json, "scale_spread", metrics, 1, offsetof(ufm_multiplicity_metrics, scale_spread));
    by_multiplicity(json, "scale_residual", metrics, 1, offsetof(ufm_multiplicity_metrics, scale_residual));
}

void json_metrics(ufm_json *json, const ufm_metrics *metrics)
{
    ufm_json_object(json, "metrics");
    json_metrics_keys(json, metrics);
    ufm_json_end(json);
}

static double row_product(const ufm_point *point, int64_t k, int64_t l)
{
    double sum = 0;
    for (int64_t j = 0; j < point->dim; j++)
        sum += point->W[k + j * point->classes] * point->W[l + j * point->classes];
    return sum;
}

void json_weights(ufm_json *json, const ufm_point *point)
{
    enum { MOST = 100 };
    const int64_t K = point->classes;
    ufm_json_list(json, "weight_norms");
    for (int64_t k = 0; k < K; k++) ufm_json_number(json, NULL, sqrt(row_product(point, k, k)));
    ufm_json_end(json);
    if (K > MOST) return;
    ufm_json_list(json, "weight_gram");
    for (int64_t k = 0; k < K; k++)
        for (int64_t l = 0; l < K; l++) ufm_json_number(json, NULL, row_product(point, k, l));
    ufm_json_end(json);
}
