/* ufmlab decode: tag sets read off features. */
#include "cli.h"

static ufm_status print_json(const features_input *in, const ufm_decoding_score *score, double mass,
                             ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "samples_total", in->labels->samples);
    for (int d = 0; d < UFM_DECODERS; d++) {
        ufm_json_object(json, ufm_decoder_name((ufm_decoder)d));
        ufm_json_number(json, "exact_match", score[d].exact_match);
        ufm_json_number(json, "iou", score[d].iou);
        ufm_json_number(json, "f1", score[d].f1);
        ufm_json_end(json);
    }
    ufm_json_number(json, "softmax_mass", mass);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_decoding_score *score, double mass)
{
    printf("decoder       exact match       IoU        F1\n");
    for (int d = 0; d < UFM_DECODERS; d++)
        printf("%-13s %11.6f %9.6f %9.6f\n", ufm_decoder_name((ufm_decoder)d), score[d].exact_match,
               score[d].iou, score[d].f1);
    printf("softmax mass of the tags, published as IoU: %.6f\n", mass);
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    features_input in, reference = {0};
    ufm_decoding_score score[UFM_DECODERS];
    ufm_published_metrics published;
    ufm_status status = read_features(opts, &in, &error);
    const char *other = opts->value[OPT_REFERENCE].text;
    if (status == UFM_OK && other) status = load_features(other, &reference, &error);
    const ufm_decoding decoding = {.point = &in.point,
                                   .labels = in.labels,
                                   .reference = other ? &reference.point : &in.point,
                                   .reference_labels = other ? reference.labels : in.labels,
                                   .threshold = opts->value[OPT_THRESHOLD].real};
    if (status == UFM_OK) status = ufm_decode(&decoding, score, &error);
    if (status == UFM_OK) status = ufm_metrics_published(&in.point, in.labels, &published, &error);
    if (status == UFM_OK && opts->value[OPT_JSON].given) {
        status = print_json(&in, score, published.iou, &error);
    } else if (status == UFM_OK) {
        print_text(score, published.iou);
    }
    features_clear(&in);
    features_clear(&reference);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}

const command command_decode = {
    "decode",
    "decode FILE.h5 | --features F --labels Y --weights W [options]",
    "Read tag sets off features: nearest means against thresholds on the softmax.\n"
    "--reference TRAIN.h5 takes the means from there, FILE.h5 being held out.",
    GROUP_POINT | GROUP_INSTANCE | GROUP_COMMON,
    0,
    run,
    1};
