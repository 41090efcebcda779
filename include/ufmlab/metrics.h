/* ufmlab: layer 2, metrics: neural-collapse metrics on plain (features, W, b, labels), for the UFM and
 * for networks alike.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_METRICS_H
#define UFMLAB_METRICS_H

#include <ufmlab/labels.h>

/* Metrics of one multiplicity m. */
typedef struct {
    int64_t multiplicity;
    int64_t tag_sets; /* distinct tag sets of this multiplicity */
    double within;    /* sqrt of mean |h_i - mu_{S_i}|^2 over mean |h_i|^2: variability within tag sets */
    double nc1;       /* tr(Sigma_W^(m) Sigma_B^+)/K with Sigma_W over this multiplicity's samples */
    double ncm; /* m >= 2: mean angle(mu_S, sum_{k in S} mu_k) over the mean of it over all pairs (S',S) */
    double ncm_centred;       /* the same after subtracting the global mean mu_G from all means */
    double angle_degrees;     /* numerator of ncm in degrees */
    double angle_degrees_all; /* its denominator in degrees */
    double scale;          /* mean over S of C_S = <mu_S, u_S>/|u_S|^2, u_S = sum_{k in S} w_k (rows of W) */
    double scale_spread;   /* (max C_S - min C_S)/|scale| */
    double scale_residual; /* max over S of |mu_S - scale u_S| / |mu_S| */
} ufm_multiplicity_metrics;

/* All in double precision; NaN where undefined (a class without multiplicity-1 samples, W = 0, a number that
 * is not finite, ...). mu_k: mean of the multiplicity-1 features of class k; mu_G = mean of the mu_k; E = (I
 * - J/K)/sqrt(K-1), <A> = A/|A|_F. Singular values of [mu_k - mu_G] below max(K,d) epsilon times the largest
 * count as zero. */
typedef struct {
    double nc1;          /* tr(Sigma_W Sigma_B^+)/K on multiplicity 1, Sigma_B^+ truncated to rank K-1 */
    double nc2;          /* |<W W^T> - E|_F */
    double nc2_features; /* the same for the centred means mu_k - mu_G */
    double nc3;          /* |<W [mu_k - mu_G]> - E|_F */
    double nc4;  /* share of multiplicity-1 samples where argmax(W h + b) and the nearest class mean differ */
    double cdnv; /* mean over k != l of (var_k + var_l)/(2 |mu_k - mu_l|^2) */
    double equinorm_w, equinorm_features;   /* coefficient of variation of |w_k|, |mu_k - mu_G| */
    double equiangle_w, equiangle_features; /* standard deviation of the pairwise cosines */
    int64_t levels;
    ufm_multiplicity_metrics *level; /* [levels], multiplicities ascending */
} ufm_metrics;

/* Columns weigh as many samples as their count. The angle denominators are exact up to
 * UFM_METRICS_EXACT_TAG_SETS tag sets of a multiplicity; above, S' runs over an evenly strided subset of
 * that many. UFM_ERROR_USAGE when shapes disagree. */
#define UFM_METRICS_EXACT_TAG_SETS 8192
ufm_status ufm_metrics_compute(const ufm_point *point, const ufm_labels *labels, ufm_metrics **metrics,
                               ufm_error *error);
void ufm_metrics_free(ufm_metrics *metrics);

/* One tag set S, its mean feature mu_S against the rows of W and against the single-label means. */
typedef struct {
    int64_t column;       /* the first column that carries it */
    int64_t samples;      /* how many samples carry it */
    double norm;          /* |mu_S| */
    double scale;         /* C_S = <mu_S, u_S>/|u_S|^2, u_S = sum_{k in S} w_k */
    double residual;      /* |mu_S - C_S u_S| / |mu_S| */
    double angle_degrees; /* angle(mu_S, sum_{k in S} mu_k) */
} ufm_tag_set_metrics;
/* Every distinct tag set in order of first appearance, in an array for the caller to ufm_free; NaN where
 * undefined, as above. */
ufm_status ufm_metrics_tag_sets(const ufm_point *point, const ufm_labels *labels, ufm_tag_set_metrics **sets,
                                int64_t *count, ufm_error *error);

/* |<A A^T> - E|_F for a K x d matrix of rows: distance from the simplex equiangular tight frame; NaN for
 * A = 0. (NC2 of any matrix of rows.) */
ufm_status ufm_etf_deviation(const double *rows, int64_t classes, int64_t dim, double *deviation);
/* |<A A^T> - <B B^T>|_F for K x a and K x b matrices of rows: how far two classifiers differ other than by a
 * rotation or a factor; 0..sqrt(2), NaN for A = 0 or B = 0. */
ufm_status ufm_gram_distance(const double *A, int64_t a, const double *B, int64_t b, int64_t classes,
                             double *distance);

/* ---- As published --------------------------------------------------------------------------------
 * What the paper's code prints, its errors included: mu_G is the sum of the single-label features over the
 * number of all samples; the class means are not centred for nc2_h and the angles; the first sample of every
 * class is replaced by the class mean (its array is reused), so that Sigma_W misses it and the means of the
 * angles become mu + (mu - h_1)/n; pairs only; the pseudo-inverse cuts at d times the epsilon of single
 * precision. NaN where undefined. */
typedef struct {
    double nc1, nc2_w, nc2_h, nc3;
    double angle_degrees; /* mean over pairs of angle(mu_ij, mu_i + mu_j) */
    double ncm;           /* that over the mean for all pairs of pairs */
    double iou;           /* mean of sum_{k in S} softmax_k(W h + b), printed there as IoU */
} ufm_published_metrics;
/* Each column counts as one sample. */
ufm_status ufm_metrics_published(const ufm_point *point, const ufm_labels *labels,
                                 ufm_published_metrics *metrics, ufm_error *error);

/* ---- Decoding tag sets from features -------------------------------------------------------------
 * X(name, spelling, description). */
#define UFM_DECODER_LIST(X)                                                                                  \
    X(UFM_DECODER_ONN, "onn", "tag set of the nearest tag-set mean of the reference")                        \
    X(UFM_DECODER_TAG_WISE, "onn_tag_wise",                                                                  \
      "the same with scaled sums of centred single-label means for the means")                               \
    X(UFM_DECODER_THRESHOLD, "threshold", "classes of softmax above the threshold, at least the largest")    \
    X(UFM_DECODER_TOP, "top_k", "the m largest logits, m = |S| given")
typedef enum {
#define UFM_DECODER_ENUM(name, spelling, description) name,
    UFM_DECODER_LIST(UFM_DECODER_ENUM)
#undef UFM_DECODER_ENUM
        UFM_DECODERS
} ufm_decoder;
const char *ufm_decoder_name(ufm_decoder decoder);
/* Means over the samples, P predicted and S true: P = S, |P and S|/|P or S|, 2|P and S|/(|P|+|S|). NaN where
 * a decoder is undefined (tag-wise without single-label samples of every class). */
typedef struct {
    double exact_match, iou, f1;
} ufm_decoding_score;
typedef struct {
    const ufm_point *point; /* what is decoded */
    const ufm_labels *labels;
    const ufm_point *reference; /* where the means come from; may be `point` itself */
    const ufm_labels *reference_labels;
    double threshold;
} ufm_decoding;
ufm_status ufm_decode(const ufm_decoding *decoding, ufm_decoding_score score[UFM_DECODERS], ufm_error *error);

#endif
