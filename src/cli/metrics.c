/* ufmlab metrics: the collapse of anyone's features. */
#include "cli.h"
#include <math.h>

static void json_published(ufm_json *json, const ufm_published_metrics *m)
{
    ufm_json_object(json, "as_published");
    ufm_json_number(json, "nc1", m->nc1);
    ufm_json_number(json, "nc2_w", m->nc2_w);
    ufm_json_number(json, "nc2_h", m->nc2_h);
    ufm_json_number(json, "nc3", m->nc3);
    ufm_json_number(json, "angle_degrees", m->angle_degrees);
    ufm_json_number(json, "ncm", m->ncm);
    ufm_json_number(json, "iou", m->iou);
    ufm_json_end(json);
}

static ufm_status print_json(const features_input *in, const ufm_metrics *metrics,
                             const ufm_published_metrics *published, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", in->point.classes);
    ufm_json_integer(json, "dim", in->point.dim);
    ufm_json_integer(json, "samples_total", in->labels->samples);
    json_metrics_keys(json, metrics);
    if (published) json_published(json, published);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const features_input *in, const ufm_metrics *m, const ufm_published_metrics *p)
{
    printf("K = %lld, d = %lld, N = %lld\n", (long long)in->point.classes, (long long)in->point.dim,
           (long long)in->labels->samples);
    printf("  NC1 %.6g  NC2 %.6g (features %.6g)  NC3 %.6g  NC4 %.6g  CDNV %.6g\n", m->nc1, m->nc2,
           m->nc2_features, m->nc3, m->nc4, m->cdnv);
    for (int64_t l = 0; l < m->levels; l++) {
        const ufm_multiplicity_metrics *level = &m->level[l];
        printf("  multiplicity %lld: within %.6g, C_m %.6g", (long long)level->multiplicity, level->within,
               level->scale);
        if (level->multiplicity > 1) printf(", NCm %.6g (centred %.6g)", level->ncm, level->ncm_centred);
        printf("\n");
    }
    if (p)
        printf(
            "  as published: NC1 %.6g  NC2 %.6g (features %.6g)  NC3 %.6g  NCm %.6g (%.4g degrees)  \"IoU\" "
            "%.6g\n",
            p->nc1, p->nc2_w, p->nc2_h, p->nc3, p->ncm, p->angle_degrees, p->iou);
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    features_input in;
    ufm_metrics *metrics = NULL;
    ufm_published_metrics published;
    const bool as_published = opts->value[OPT_AS_PUBLISHED].given;
    ufm_status status = read_features(opts, &in, &error);
    if (status == UFM_OK) status = ufm_metrics_compute(&in.point, in.labels, &metrics, &error);
    if (status == UFM_OK && as_published)
        status = ufm_metrics_published(&in.point, in.labels, &published, &error);
    if (status == UFM_OK && opts->value[OPT_JSON].given) {
        status = print_json(&in, metrics, as_published ? &published : NULL, &error);
    } else if (status == UFM_OK) {
        print_text(&in, metrics, as_published ? &published : NULL);
    }
    ufm_metrics_free(metrics);
    features_clear(&in);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}

const command command_metrics = {"metrics",
                                 "metrics FILE.h5 | --features F --labels Y --weights W [options]",
                                 "Measure the collapse of any network's features.\n"
                                 "FILE.h5 is a features.h5 of `train` or a file of `solve --save`.",
                                 GROUP_POINT | GROUP_INSTANCE | GROUP_COMMON,
                                 0,
                                 run,
                                 1};
