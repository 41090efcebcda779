/* Tag sets from features: nearest means against softmax. */
#include "internal.h"
#include <math.h>

typedef struct {
    const ufm_decoding *in;
    ufm_metrics_data data; /* of the reference */
    double *candidate[2];  /* d x groups: tag-set means, and what single-label means predict of them */
    double *z;             /* [K] logits */
    bool *predicted;       /* [K] */
    ufm_decoding_score *score;
} decoder;

const char *ufm_decoder_name(ufm_decoder which)
{
    static const char *const names[UFM_DECODERS] = {
#define NAME(name, spelling, description) [name] = spelling,
        UFM_DECODER_LIST(NAME)
#undef NAME
    };
    return names[which];
}

/* sum_{k in S} (mu_k - mu_G) of every tag set; c_m = product/square fits multiplicity m's means best. */
static void sum_means(const decoder *d, double *product, double *square)
{
    const ufm_metrics_data *data = &d->data;
    const int64_t dim = data->dim;
    for (int64_t g = 0; g < data->groups; g++) {
        const int64_t m = ufm_metrics_multiplicity(data, g);
        const int32_t *tag = ufm_metrics_tags(data, g);
        double *u = d->candidate[1] + g * dim;
        for (int64_t j = 0; j < dim; j++) {
            for (int64_t t = 0; t < m; t++) u[j] += data->centred[tag[t] * dim + j];
            product[m - 1] += u[j] * (data->mean[g * dim + j] - data->global[j]);
            square[m - 1] += u[j] * u[j];
        }
    }
}

/* mu_G + c_m sum_{k in S} (mu_k - mu_G). */
static void predict_means(const decoder *d, double *product, double *square)
{
    const ufm_metrics_data *data = &d->data;
    const int64_t dim = data->dim;
    sum_means(d, product, square);
    for (int64_t g = 0; g < data->groups; g++) {
        const int64_t m = ufm_metrics_multiplicity(data, g);
        const double scale = square[m - 1] > 0 ? product[m - 1] / square[m - 1] : 0;
        double *u = d->candidate[1] + g * dim;
        for (int64_t j = 0; j < dim; j++) u[j] = data->global[j] + scale * u[j];
    }
}

static void add_score(const decoder *d, ufm_decoder which, ufm_tag_set set)
{
    int64_t predicted = 0, both = 0;
    for (int64_t k = 0; k < d->data.classes; k++) predicted += d->predicted[k];
    for (int64_t t = 0; t < set.tags; t++) both += d->predicted[set.tag[t]];
    ufm_decoding_score *score = &d->score[which];
    score->exact_match += both == set.tags && predicted == set.tags;
    score->iou += (double)both / (double)(predicted + set.tags - both);
    score->f1 += 2 * (double)both / (double)(predicted + set.tags);
}

static void clear(const decoder *d)
{
    for (int64_t k = 0; k < d->data.classes; k++) d->predicted[k] = false;
}

/* The first of the nearest candidates. */
static void predict_nearest(const decoder *d, const double *candidates, const double *h)
{
    const ufm_metrics_data *data = &d->data;
    double least = INFINITY;
    int64_t nearest = 0;
    for (int64_t g = 0; g < data->groups; g++) {
        const double far = ufm_distance(data->dim, h, candidates + g * data->dim);
        if (far < least) {
            least = far;
            nearest = g;
        }
    }
    clear(d);
    const int32_t *tag = ufm_metrics_tags(data, nearest);
    for (int64_t t = 0; t < ufm_metrics_multiplicity(data, nearest); t++) d->predicted[tag[t]] = true;
}

static int64_t largest(const decoder *d)
{
    int64_t best = -1;
    for (int64_t k = 0; k < d->data.classes; k++)
        if (!d->predicted[k] && (best < 0 || d->z[k] > d->z[best])) best = k;
    return best;
}

static void predict_threshold(const decoder *d)
{
    double sum = 0;
    clear(d);
    const int64_t top = largest(d);
    const double most = d->z[top];
    for (int64_t k = 0; k < d->data.classes; k++) sum += exp(d->z[k] - most);
    for (int64_t k = 0; k < d->data.classes; k++)
        d->predicted[k] = k == top || exp(d->z[k] - most) / sum > d->in->threshold;
}

static void decode_column(decoder *d, int64_t i, double *h)
{
    const ufm_point *point = d->in->point;
    const int64_t K = point->classes, dim = point->dim;
    const ufm_tag_set set = ufm_labels_set(d->in->labels, i);
    for (int64_t k = 0; k < K; k++) d->z[k] = point->b[k];
    for (int64_t j = 0; j < dim; j++)
        for (int64_t k = 0; k < K; k++) d->z[k] += point->W[k + j * K] * point->H[i * dim + j];
    predict_threshold(d);
    add_score(d, UFM_DECODER_THRESHOLD, set);
    clear(d);
    for (int64_t t = 0; t < set.tags; t++) d->predicted[largest(d)] = true;
    add_score(d, UFM_DECODER_TOP, set);
    for (int64_t j = 0; j < dim; j++) h[j] = ldexp(point->H[i * dim + j], -d->data.unit_h);
    predict_nearest(d, d->candidate[0], h);
    add_score(d, UFM_DECODER_ONN, set);
    if (!d->data.singles) return;
    predict_nearest(d, d->candidate[1], h);
    add_score(d, UFM_DECODER_TAG_WISE, set);
}

static void decode_all(decoder *d, double *h, double *fit)
{
    const int64_t columns = d->in->labels->columns;
    if (d->data.singles) predict_means(d, fit, fit + d->data.classes);
    for (int64_t i = 0; i < columns; i++) decode_column(d, i, h);
    for (int which = 0; which < UFM_DECODERS; which++) {
        ufm_decoding_score *score = &d->score[which];
        const bool defined = which != UFM_DECODER_TAG_WISE || d->data.singles;
        score->exact_match = defined ? score->exact_match / (double)columns : NAN;
        score->iou = defined ? score->iou / (double)columns : NAN;
        score->f1 = defined ? score->f1 / (double)columns : NAN;
    }
}

ufm_status ufm_decode(const ufm_decoding *decoding, ufm_decoding_score score[UFM_DECODERS], ufm_error *error)
{
    const ufm_point *point = decoding->point, *reference = decoding->reference;
    ufm_decoding_score made[UFM_DECODERS] = {{0}};
    decoder d = {.in = decoding, .score = made};
    ufm_status status = ufm_metrics_check(point, decoding->labels, error);
    if (status == UFM_OK) status = ufm_metrics_check(reference, decoding->reference_labels, error);
    if (status != UFM_OK) return status;
    if (reference->classes != point->classes || reference->dim != point->dim)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "the reference's classes or dimension differ from the features'");
    if (!ufm_metrics_finite(point->columns * point->dim, point->H) ||
        !ufm_metrics_finite(reference->columns * reference->dim, reference->H))
        return ufm_fail(error, UFM_ERROR_USAGE, "a feature is not finite; nothing can be decoded from it");
    status = ufm_metrics_data_new(reference, decoding->reference_labels, &d.data);
    if (status != UFM_OK) return status;
    double *h = ufm_alloc(point->dim, sizeof *h),
           *predictions = ufm_alloc(point->dim * d.data.groups, sizeof *h);
    d.candidate[0] = d.data.mean;
    d.candidate[1] = predictions;
    double *fit = ufm_alloc(2 * point->classes, sizeof *fit); /* products and squares per multiplicity */
    d.z = ufm_alloc(point->classes, sizeof *d.z);
    d.predicted = ufm_alloc(point->classes, sizeof *d.predicted);
    status = h && predictions && fit && d.z && d.predicted ? UFM_OK : UFM_ERROR_MEMORY;
    if (status == UFM_OK) decode_all(&d, h, fit);
    for (int which = 0; which < UFM_DECODERS && status == UFM_OK; which++) score[which] = made[which];
    ufm_metrics_data_clear(&d.data);
    ufm_free(h);
    ufm_free(predictions);
    ufm_free(fit);
    ufm_free(d.z);
    ufm_free(d.predicted);
    return status;
}
