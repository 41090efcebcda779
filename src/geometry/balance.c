/* How far labels are from being balanced within each multiplicity. */
#include "internal.h"
#include "labels/combinations.h"
#include <math.h>
#include <string.h>

void ufm_balance_free(ufm_balance *balance)
{
    if (!balance) return;
    ufm_free(balance->level);
    ufm_free(balance->class_samples);
    ufm_free(balance->class_level);
    ufm_free(balance);
}

/* Sums over the tag sets present, and the rest of the C(K,m) at once. */
static void measure_level(const geometry_sets *sets, int64_t index, int64_t classes, ufm_balance_level *level)
{
    const double total = (double)level->samples, M = level->possible, absent = M - (double)level->tag_sets;
    double off = absent * total, square = absent * total * total, entropy = 0;
    for (int64_t s = 0; s < sets->labels->columns; s++) {
        if (sets->level[s] != index) continue;
        const double c = geometry_count(sets, s), away = c * M - total; /* 0 exactly when balanced */
        off += fabs(away);
        square += away * away;
        entropy -= c / total * log(c / total);
    }
    const double most = level->multiplicity == classes ? 0 : log(M);
    level->mean = total / (double)level->tag_sets;
    level->imbalance = off / total / M / 2;
    level->variation = sqrt(square / M) / total;
    level->entropy = most > 0 ? entropy / most : 1;
}

static void measure_levels(const geometry_sets *sets, ufm_balance *balance)
{
    const int64_t K = balance->classes;
    ufm_sum labels = {0}, off = {0};
    for (int64_t s = 0; s < balance->tag_sets; s++) {
        ufm_balance_level *level = &balance->level[sets->level[s]];
        const int64_t count = sets->labels->count[s];
        if (level->tag_sets++ == 0 || count < level->least) level->least = count;
        if (count > level->most) level->most = count;
        level->samples += count;
        level->multiplicity = ufm_labels_multiplicity(sets->labels, s);
        for (int64_t k = 0; k < level->multiplicity; k++) {
            const int32_t tag = geometry_tags(sets, s)[k];
            balance->class_samples[tag] += count;
            balance->class_level[tag + sets->level[s] * K] += count;
        }
        ufm_sum_add(&labels, (double)count * (double)level->multiplicity);
    }
    for (int64_t l = 0; l < balance->levels; l++) {
        balance->level[l].possible = ufm_binomial_size(K, balance->level[l].multiplicity);
        measure_level(sets, l, K, &balance->level[l]);
        ufm_sum_add(&off, (double)balance->level[l].samples * balance->level[l].imbalance);
    }
    balance->imbalance = ufm_sum_value(off) / (double)balance->samples;
    balance->cardinality = ufm_sum_value(labels) / (double)balance->samples;
    balance->density = balance->cardinality / (double)K;
}

static void measure_classes(ufm_balance *balance)
{
    int64_t most = 0, least = INT64_MAX;
    for (int64_t k = 0; k < balance->classes; k++) {
        if (balance->class_samples[k] > most) most = balance->class_samples[k];
        if (balance->class_samples[k] < least) least = balance->class_samples[k];
    }
    balance->ratio = (double)most / (double)least;
    for (int64_t k = 0; k < balance->classes; k++)
        balance->mean_ratio += (double)most / (double)balance->class_samples[k] / (double)balance->classes;
}

static ufm_status judge(const ufm_labels *labels, ufm_balance *balance, ufm_error *error)
{
    ufm_design *design = NULL;
    ufm_error why = {{0}};
    const ufm_status status = ufm_labels_to_design(labels, &design, &why);
    ufm_design_free(design);
    balance->balanced = status == UFM_OK;
    if (status == UFM_OK) return UFM_OK;
    if (status != UFM_ERROR_UNSUPPORTED) return ufm_fail(error, status, "%s", why.text);
    memcpy(balance->unbalanced, why.text, sizeof balance->unbalanced);
    return UFM_OK;
}

ufm_status ufm_balance_compute(const ufm_labels *labels, ufm_balance **balance, ufm_error *error)
{
    *balance = NULL;
    geometry_sets sets;
    ufm_status status = geometry_sets_new(labels, &sets, error);
    if (status != UFM_OK) return status;
    ufm_balance *result = ufm_alloc(1, sizeof *result);
    if (result) {
        *result = (ufm_balance){.classes = labels->classes,
                                .samples = labels->samples,
                                .tag_sets = sets.labels->columns,
                                .levels = sets.levels};
        result->level = ufm_alloc(sets.levels, sizeof *result->level);
        result->class_samples = ufm_alloc(labels->classes, sizeof *result->class_samples);
        result->class_level = ufm_alloc(labels->classes * sets.levels, sizeof *result->class_level);
    }
    if (result && result->level && result->class_samples && result->class_level) {
        measure_levels(&sets, result);
        measure_classes(result);
        status = judge(sets.labels, result, error);
    } else {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to count %lld classes",
                          (long long)labels->classes);
    }
    geometry_sets_clear(&sets);
    if (status == UFM_OK)
        *balance = result;
    else
        ufm_balance_free(result);
    return status;
}

ufm_status ufm_label_correlation(const ufm_labels *labels, double *phi)
{
    const int64_t K = labels->classes;
    const double N = (double)labels->samples;
    double *share = ufm_alloc(K, sizeof *share);
    if (!share) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < K * K; i++) phi[i] = 0;
    for (int64_t i = 0; i < labels->columns; i++)
        for (int64_t a = labels->offset[i]; a < labels->offset[i + 1]; a++)
            for (int64_t b = labels->offset[i]; b < labels->offset[i + 1]; b++)
                phi[labels->tag[a] + labels->tag[b] * K] += (double)ufm_labels_count(labels, i);
    for (int64_t k = 0; k < K; k++) share[k] = phi[k + k * K];
    for (int64_t l = 0; l < K; l++)
        for (int64_t k = 0; k < K; k++) {
            const double spread = sqrt(share[k] * (N - share[k])) * sqrt(share[l] * (N - share[l]));
            const double value = (N * phi[k + l * K] - share[k] * share[l]) / spread;
            phi[k + l * K] = !(spread > 0) ? NAN : k == l ? 1 : value;
        }
    ufm_free(share);
    return UFM_OK;
}
