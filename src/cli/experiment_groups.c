/* NCm of the tag sets that had equally many samples in training: 500, 50 and 5, or none. */
#include "experiment.h"
#include <math.h>
#include <string.h>

static bool same_set(ufm_tag_set a, ufm_tag_set b)
{
    return a.tags == b.tags && memcmp(a.tag, b.tag, (size_t)a.tags * sizeof *a.tag) == 0;
}

/* How many samples trained carry the tag set of a measured column. */
static int64_t samples_of(ufm_tag_set set, const features_input *trained, const ufm_tag_set_metrics *sets,
                          int64_t count)
{
    for (int64_t s = 0; s < count; s++)
        if (same_set(set, ufm_labels_set(trained->labels, sets[s].column))) return sets[s].samples;
    return 0;
}

/* The common denominator: the mean angle over all pairs of tag sets of multiplicity two. */
static ufm_status all_angles(const features_input *measured, double *degrees, ufm_error *error)
{
    ufm_metrics *metrics = NULL;
    *degrees = NAN;
    const ufm_status status = ufm_metrics_compute(&measured->point, measured->labels, &metrics, error);
    for (int64_t l = 0; status == UFM_OK && l < metrics->levels; l++)
        if (metrics->level[l].multiplicity == 2) *degrees = metrics->level[l].angle_degrees_all;
    ufm_metrics_free(metrics);
    return status;
}

static void add_angle(experiment_groups *groups, double *members, double samples, double angle)
{
    int64_t g = 0;
    while (g < groups->count && groups->samples[g] != samples) g++;
    groups->samples[g] = samples;
    groups->ncm[g] += angle;
    members[g]++;
    if (g == groups->count) groups->count++;
}

ufm_status measure_groups(const features_input *measured, const features_input *trained,
                          experiment_groups *groups, ufm_error *error)
{
    ufm_tag_set_metrics *sets = NULL, *known = NULL;
    int64_t count = 0, known_count = 0;
    double degrees = NAN, *members = NULL;
    *groups = (experiment_groups){0};
    ufm_status status = ufm_metrics_tag_sets(&measured->point, measured->labels, &sets, &count, error);
    if (status == UFM_OK)
        status = ufm_metrics_tag_sets(&trained->point, trained->labels, &known, &known_count, error);
    if (status == UFM_OK) status = all_angles(measured, &degrees, error);
    if (status == UFM_OK) {
        groups->samples = ufm_alloc(count, sizeof(double));
        groups->ncm = ufm_alloc(count, sizeof(double));
        members = ufm_alloc(count, sizeof(double));
        if (!groups->samples || !groups->ncm || !members)
            status =
                ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld tag sets", (long long)count);
    }
    for (int64_t s = 0; s < count && status == UFM_OK; s++) {
        const ufm_tag_set set = ufm_labels_set(measured->labels, sets[s].column);
        if (set.tags != 2 || !isfinite(sets[s].angle_degrees)) continue;
        add_angle(groups, members, (double)samples_of(set, trained, known, known_count),
                  sets[s].angle_degrees);
    }
    for (int64_t g = 0; g < groups->count; g++) groups->ncm[g] /= members[g] * degrees;
    ufm_free(members);
    ufm_free(sets);
    ufm_free(known);
    return status;
}
