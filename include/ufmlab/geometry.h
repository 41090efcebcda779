/* ufmlab: layer 3, geometry: what a point looks like when the labels are not balanced: how far the labels are
 * from balance, W against the simplex ETF, and which tag-wise law the features obey. On plain (features, W,
 * b, labels), like metrics. Samples with the same tag set are represented by their mean feature h_S, which
 * counts for all c_S of them. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#ifndef UFMLAB_GEOMETRY_H
#define UFMLAB_GEOMETRY_H

#include <ufmlab/labels.h>

/* ---- Balance of the labels ---------------------------------------------------------------------- */

/* One multiplicity m. q_S = c_S/N_m is the share of tag set S among the N_m samples of multiplicity m; sums
 * run over all C(K,m) tag sets, those that are absent have q_S = 0. */
typedef struct {
    int64_t multiplicity;
    int64_t samples;     /* N_m */
    int64_t tag_sets;    /* distinct ones that are present */
    double possible;     /* C(K,m) */
    int64_t least, most; /* samples of a tag set that is present */
    double mean;         /* samples of a tag set that is present */
    double variation;    /* coefficient of variation of c_S over all C(K,m) */
    double entropy;      /* -sum q_S log q_S / log C(K,m); 1 where C(K,m) = 1 */
    double imbalance;    /* total variation distance sum |q_S - 1/C(K,m)|/2 from the uniform distribution: the
                            share of the samples that would have to change their tag set. 0 iff balanced */
} ufm_balance_level;

typedef struct {
    int64_t classes, samples, tag_sets, levels;
    ufm_balance_level *level; /* [levels], multiplicities ascending */
    int64_t *class_samples;   /* [K] n_k: samples that carry class k */
    int64_t *class_level;     /* K x levels: of them, those of each multiplicity */
    double imbalance;         /* sum over m of N_m/N times the level's */
    double ratio;             /* max n_k / min n_k; infinity when a class has no sample */
    double mean_ratio;        /* MeanIR: mean over k of max n_j / n_k; infinity likewise */
    double cardinality;       /* mean number of labels of a sample */
    double density;           /* cardinality / K */
    bool balanced;            /* within each multiplicity: the assumption of Theorem 1 */
    char unbalanced[512];     /* the first imbalance found, or empty */
} ufm_balance;
ufm_status ufm_balance_compute(const ufm_labels *labels, ufm_balance **balance, ufm_error *error);
void ufm_balance_free(ufm_balance *balance);

/* phi_kl, the correlation of the indicators of classes k and l over the samples, in [-1,1]; 1 on the
 * diagonal; NaN for a class that no sample or every sample has. Caller's K x K array. */
ufm_status ufm_label_correlation(const ufm_labels *labels, double *phi);

/* Where the optimum of the PAL and PAL-N losses goes as lambda_w, lambda_h -> 0 (lambda_b > 0, d >= K-1;
 * proofs-notes/15-tag-wise-law.md). With M = sum_S c_S P y_S y_S^T P, P = I - J/K, of rank K-1: when
 * (M^{+1/2} y_S)_j < 0 for every tag set S and every class j off S, the logits divided by their size tend to
 * those of equal margins, z_S = y_S - (m/K) 1, and h_S to sum_{k in S} mu_k, whatever the counts; when one of
 * the entries is positive, they do not. *slack is the greatest of these entries, divided by the greatest
 * |(M^{+1/2} y_S)_k|. NaN when M has a lower rank (eigenvalues up to 1e-10 of the largest count as zero). */
ufm_status ufm_label_limit(const ufm_labels *labels, double *slack, ufm_error *error);

/* Order of n items in which similar ones are neighbours: the leaves of the tree of average linkage on the
 * dissimilarity 1 - similarity (n x n, symmetric; NaN counts as similarity 0). Merges the closest pair first,
 * of equal ones the pair with the least indices; of two joined branches the one with the least item comes
 * first. Caller's order[n]. O(n^3). UFM_ERROR_USAGE for n < 1. */
ufm_status ufm_cluster_order(int64_t n, const double *similarity, int64_t *order);

/* ---- What both analyses of a point take --------------------------------------------------------- */

typedef struct {
    const ufm_objective *objective; /* or NULL: no exact law, no verdict, no test for collapse */
    double value, gap;              /* f and its certified duality gap, or NaN */
    bool certified;                 /* the certificate calls the point global */
    double tolerance; /* relative: rows of W that differ by less are equal, features and rows that are smaller
                         vanish, a law with a smaller residual holds */
    /* Share of the work done; false stops (UFM_ERROR_CANCELLED). May be NULL. */
    bool (*progress)(void *context, double fraction, const char *what);
    void *context;
} ufm_geometry_settings;
/* No objective, no certificate, tolerance 1e-6, no progress. */
ufm_geometry_settings ufm_geometry_defaults(void);

/* ---- W against the simplex ETF ------------------------------------------------------------------ */

/* Angles between the pairs of some vectors that do not vanish, in degrees; NaN without a pair. */
typedef struct {
    int64_t pairs;
    double least, mean, most;
    double off; /* greatest distance from arccos(-1/(K-1)) */
} ufm_angles;

/* W = 0 up to 1e-12 f of regulariser is `collapsed`: then every class has vanished, and what needs a
 * direction is NaN. */
typedef struct {
    int64_t classes;
    bool collapsed;
    double deviation;        /* |<W W^T> - E|_F, NC2 of ufmlab/metrics.h */
    double *class_deviation; /* [K] norms of the rows of that difference; their squares add up */
    double *eigenvalue;      /* [K] of W W^T, descending */
    double *norm;            /* [K] |w_k| */
    double *mean_norm;       /* [K] |mu_k|, mu_k = h_{k}; NaN where class k has no single-label sample */
    double *cosine;          /* K x K of the rows of W; NaN where one vanishes */
    double etf_angle;        /* arccos(-1/(K-1)) in degrees */
    ufm_angles rows, means;  /* of the w_k; of the mu_k */
    int64_t vanished;        /* classes with |w_k| <= tolerance max |w_j| */
    int64_t merged;          /* groups of two or more classes with equal rows: joined by chains of
                                |w_k - w_l| <= tolerance max(|w_k|,|w_l|) */
    int64_t *group;          /* [K] least class of k's group (k itself when alone), -1 when vanished */
} ufm_frame;
/* UFM_ERROR_USAGE when shapes disagree, UFM_ERROR_INPUT when a number is not finite. */
ufm_status ufm_frame_compute(const ufm_point *point, const ufm_labels *labels,
                             const ufm_geometry_settings *settings, ufm_frame **frame, ufm_error *error);
void ufm_frame_free(ufm_frame *frame);
/* How many classes class k's group has, if k names it; else 0. */
int64_t ufm_frame_group_size(const ufm_frame *frame, int64_t k);

/* ---- Tag-wise laws ------------------------------------------------------------------------------
 * A law writes h_S, |S| >= 2, through vectors x_k of the classes: the single-label features mu_k (for the tag
 * sets all of whose classes have one) or the rows w_k. The laws with weights have one scale per multiplicity,
 *
 *   h_S = C_m sum_{k in S} a_k x_k,   a_k = m n_k^alpha / sum_{l in S} n_l^alpha,
 *
 * so that alpha = 0 is the tag-wise average of Theorem 1, with its C_m. Any other exponent is a
 * class-frequency law; n_k counts the samples that carry class k, or the single-label ones. (arXiv 2605.01897
 * announces a class-frequency-weighted synthesis of multi-label features from single-label ones; its formula
 * is not tested as such, only powers of the frequency.) X(name, spelling, exponent (NaN: fitted), summary) */
#define UFM_LAW_LIST(X)                                                                                      \
    X(UFM_LAW_UNIFORM, "uniform", 0.0, "tag-wise average: equal weights")                                    \
    X(UFM_LAW_INVERSE, "n^-1", -1.0, "weights 1/n_k")                                                        \
    X(UFM_LAW_INVERSE_ROOT, "n^-1/2", -0.5, "weights 1/sqrt(n_k)")                                           \
    X(UFM_LAW_ROOT, "n^1/2", 0.5, "weights sqrt(n_k)")                                                       \
    X(UFM_LAW_PROPORTIONAL, "n^1", 1.0, "weights n_k")                                                       \
    X(UFM_LAW_POWER, "n^alpha", NAN, "weights n_k^alpha, alpha fitted")                                      \
    X(UFM_LAW_SINGLES_POWER, "n1^alpha", NAN, "n_k of single-label samples only")                            \
    X(UFM_LAW_FREE, "free", NAN, "|S| free coefficients per tag set")                                        \
    X(UFM_LAW_ALL, "all", NAN, "K free coefficients per tag set")
typedef enum {
#define UFM_LAW_ENUM(name, spelling, exponent, summary) name,
    UFM_LAW_LIST(UFM_LAW_ENUM)
#undef UFM_LAW_ENUM
        UFM_LAW_COUNT
} ufm_law;
const char *ufm_law_name(ufm_law law);
const char *ufm_law_summary(ufm_law law);

typedef enum { UFM_ON_MEANS, UFM_ON_ROWS, UFM_BASES } ufm_basis;
/* "mu" or "w". */
const char *ufm_basis_name(ufm_basis basis);

/* Least squares over the samples (tag set S weighs c_S). Relative residuals |h_S - law|/|h_S|; of several tag
 * sets sqrt(sum c_S |h_S - law|^2 / sum c_S |h_S|^2), so that R^2 = 1 - its square. NaN where the law does
 * not reach (no mu_k, n_k = 0, multiplicity 1 on mu) or the features vanish. */
typedef struct {
    double alpha;       /* exponent; NaN for the free laws, and where all n_k that matter are equal */
    int64_t tag_sets;   /* with |S| >= 2 that the law reaches */
    int64_t samples;    /* theirs */
    int64_t parameters; /* fitted to them */
    double residual;    /* of all of them */
    double worst;       /* greatest among them */
    double *scale;      /* [levels] C_m; NaN for the free laws, and where the sum of a_k x_k vanishes */
    double *level;      /* [levels] residual of a multiplicity */
    double *tag_set;    /* [tag sets] residual of a tag set */
} ufm_law_fit;

/* At a critical point of the PAL and PAL-N losses, exactly (proofs-notes/15-tag-wise-law.md), with p =
 * softmax(W h_S + b) and t_m = omega_m/(2 lambda_h N):
 *
 *   h_S = t_m (sum_{k in S} w_k - m sum_k p_k w_k).
 *
 * As sum_k w_k = 0 there, this is t_m (1 - m p_in + m p_out) sum_{k in S} w_k, with the means p_in, p_out of
 * p on S and off S, less t_m m times `inside` = sum_{k in S} (p_k - p_in) w_k and `outside` = sum_{k not in
 * S} (p_k - p_out) w_k: the tag-wise average holds where these two vanish. All sizes relative to |h_S|;
 * levels and tag sets as above, multiplicity 1 included. All NaN for other losses. */
typedef struct {
    double residual, worst;  /* of the exact law: rounding level at a critical point */
    double *level, *tag_set; /* [levels], [tag sets] its residual */
    double *inside;          /* [levels] */
    double *outside;         /* [levels] */
    double *off_span;        /* [tag sets] part of t_m m sum_k p_k w_k outside span{w_k : k in S} */
    double *off_span_level;  /* [levels] */
} ufm_exact_law;

typedef struct {
    int64_t classes, levels, tag_sets;
    bool collapsed;
    int64_t *multiplicity; /* [levels] */
    int64_t *level;        /* [tag sets] */
    ufm_labels *labels;    /* the distinct tag sets in order of first appearance, with their counts */
    double *norm;          /* [tag sets] |h_S| */
    bool *has_mean;        /* [K] whether mu_k is there */
    ufm_law_fit fit[UFM_BASES][UFM_LAW_COUNT];
    double
        *coefficient[UFM_BASES]; /* [labels->offset[tag_sets]] of the law `free`, tag by tag; of least norm */
    double *exact_weight;        /* likewise 1 - m p_k of the exact law */
    ufm_exact_law exact;
    /* sqrt(gap/(lambda_h |H|^2)): for this W and b the optimal features are that near, relatively. */
    double precision;
    /* Of the tag-wise average: INCONCLUSIVE unless the point is certified and precision <= 1e-3; VERIFIED for
     * a residual of at most tolerance + precision, REFUTED above ten times that. On mu only where every tag
     * set is reached. */
    ufm_verdict average[UFM_BASES];
    /* The law of least residual among those with one scale per multiplicity that reach every tag set; -1 when
     * there is none. */
    int best_basis, best_law;
} ufm_tag_laws;
/* UFM_ERROR_USAGE when shapes disagree, UFM_ERROR_INPUT when a number is not finite. */
ufm_status ufm_tag_laws_compute(const ufm_point *point, const ufm_labels *labels,
                                const ufm_geometry_settings *settings, ufm_tag_laws **laws, ufm_error *error);
void ufm_tag_laws_free(ufm_tag_laws *laws);

#endif
