/* ufmlab: layer 2, labels: what an instance is: tag sets, balanced designs, label files, the parameters
 * of the objective, and points (W, H, b).
 *
 * Notation as in the paper (arXiv 2310.15903): K classes, N samples, S_i the tag set of sample i,
 * m_i = |S_i| its multiplicity, y_i in {0,1}^K its multi-hot vector.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_LABELS_H
#define UFMLAB_LABELS_H

#include <ufmlab/base.h>
#include <ufmlab/io.h>

/* ---- Labels ------------------------------------------------------------------------------------- */

/* keep: one feature (column of H) per sample. merge: one feature per distinct tag set, which counts for
 * all samples that carry it (at every optimum they share their feature, Theorem 1 and theory of
 * duplicates). */
typedef enum { UFM_DUPLICATES_KEEP, UFM_DUPLICATES_MERGE } ufm_duplicates;

/* The tag sets of all columns of H. Owned; release with ufm_labels_free. */
typedef struct {
    int64_t classes; /* K >= 2 */
    int64_t columns; /* columns of H: samples (keep) or distinct tag sets (merge) */
    int64_t samples; /* N = sum of the counts */
    int64_t *offset; /* [columns+1]; the tags of column i are tag[offset[i]] .. tag[offset[i+1]-1] */
    int32_t *tag;    /* 0-based, ascending within a column, at least one each */
    int64_t *count;  /* [columns] samples per column, or NULL when each column is one sample */
    int64_t unlabelled_dropped; /* samples without any label that were left out */
    /* [classes] what the label file calls them, or NULL: UTF-8 of at most 63 bytes without control
     * characters, never empty, but not necessarily different. One block that holds the texts too. */
    char **name;
} ufm_labels;

void ufm_labels_free(ufm_labels *labels);

/* The tag set of one column, borrowed. */
typedef struct {
    int64_t classes;    /* K */
    int64_t tags;       /* m */
    const int32_t *tag; /* ascending */
} ufm_tag_set;
static inline ufm_tag_set ufm_labels_set(const ufm_labels *labels, int64_t column)
{
    const int64_t begin = labels->offset[column];
    return (ufm_tag_set){labels->classes, labels->offset[column + 1] - begin, labels->tag + begin};
}
static inline int64_t ufm_labels_multiplicity(const ufm_labels *labels, int64_t column)
{
    return labels->offset[column + 1] - labels->offset[column];
}
static inline int64_t ufm_labels_count(const ufm_labels *labels, int64_t column)
{
    return labels->count ? labels->count[column] : 1;
}

/* Labels built column by column: append tag sets in any order of tags, then finish. A tag that appears
 * twice in one set is UFM_ERROR_INPUT. */
typedef struct ufm_labels_builder ufm_labels_builder;
ufm_labels_builder *ufm_labels_builder_new(void); /* NULL when memory is out */
void ufm_labels_builder_free(ufm_labels_builder *builder);
ufm_status ufm_labels_builder_add(ufm_labels_builder *builder, int64_t tags, const int32_t *tag,
                                  int64_t count, ufm_error *error);
/* classes 0: largest tag + 1. Every tag must be below `classes`. With keep a column of count c becomes c
 * columns; with merge equal tag sets become one. The builder is emptied. */
ufm_status ufm_labels_builder_finish(ufm_labels_builder *builder, int64_t classes, ufm_duplicates duplicates,
                                     ufm_labels **labels, ufm_error *error);

/* Labels from the data set "labels" of an open HDF5 file, (n, classes) of bytes 0 or 1, whose shape the
 * caller has checked: one column for each row. */
typedef struct {
    ufm_h5 *file;
    const char *path; /* as errors show it */
    int64_t classes;
    const char *rule; /* that an empty row breaks, for the message: every ... */
} ufm_stored_labels;
ufm_status ufm_labels_read_stored(const ufm_stored_labels *stored, ufm_labels **labels, ufm_error *error);

/* Numbers the distinct tag sets 0..*groups-1 in order of first appearance; group[i] (caller's array of
 * `columns`) is the number of column i's. */
ufm_status ufm_labels_group(const ufm_labels *labels, int64_t *group, int64_t *groups);

/* ---- Balanced designs --------------------------------------------------------------------------- */

/* n_m samples for each of the C(K,m) tag sets of multiplicity m ("balanced within each multiplicity",
 * the assumption of Theorem 1). */
typedef struct {
    int64_t classes;       /* K */
    int64_t levels;        /* number of multiplicities present */
    int64_t *multiplicity; /* [levels] ascending, 1..K */
    int64_t *per_tag_set;  /* [levels] n_m >= 1 */
} ufm_design;

/* Largest n_m accepted. */
#define UFM_SAMPLES_MAX 1000000

/* "1:3100,2:200" for K classes. UFM_ERROR_USAGE with a message that says what would be right. */
ufm_status ufm_design_parse(int64_t classes, const char *text, ufm_design **design, ufm_error *error);
void ufm_design_free(ufm_design *design);
/* All tag sets, multiplicities ascending, lexicographic, equal tag sets adjacent. A design whose labels
 * and features (dim doubles per column, `copies` arrays of them) exceed `memory_limit` bytes is refused
 * with UFM_ERROR_MEMORY and the size it would need. */
typedef struct {
    ufm_duplicates duplicates;
    int64_t dim;          /* d */
    int64_t copies;       /* vectors of the size of H that the caller will hold at once */
    int64_t memory_limit; /* bytes; <= 0: no limit */
} ufm_expansion;
ufm_status ufm_design_expand(const ufm_design *design, const ufm_expansion *expansion, ufm_labels **labels,
                             ufm_error *error);
/* The design that the labels follow; UFM_ERROR_UNSUPPORTED with the first imbalance found (named in
 * `error`) when they follow none. */
ufm_status ufm_labels_to_design(const ufm_labels *labels, ufm_design **design, ufm_error *error);

/* ---- Label files --------------------------------------------------------------------------------
 * All treat the file as hostile; every error is `FILE:LINE: what; remedy`, UFM_ERROR_INPUT (content) or
 * UFM_ERROR_IO (cannot be read). Samples without labels are counted and dropped, or refused. */
typedef struct {
    int64_t classes; /* 0: as the file says */
    ufm_duplicates duplicates;
    bool refuse_unlabelled;
    const char *label_xml; /* ARFF: MULAN label file, matched by attribute name; or NULL */
    int64_t label_columns; /* ARFF without label_xml: > 0 the first n attributes, < 0 the last n */
    /* Called from time to time when not NULL; fraction of the file in [0,1], NaN for a pipe. False stops the
     * reading (UFM_ERROR_CANCELLED). */
    bool (*progress)(void *context, double fraction, const char *what);
    void *context;
} ufm_read_settings;
/* CSV with header `tags,count`; tags are 0-based and joined by '+': 0+3,17. An empty tag set is unlabelled.
 */
ufm_status ufm_labels_read_counts(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                                  ufm_error *error);
/* By suffix: .csv multi-hot 0/1 matrix with a header, .arff (dense or sparse): class k is label column k in
 * the order of the file's columns. .json in MS-COCO's "instances" schema (images, annotations, categories, in
 * any order): class k is the category with the k-th smallest id, a sample is an image in the order of
 * `images`, its tag set the distinct categories of its annotations, crowds included; an image without
 * annotation is unlabelled. The memory needed is that of the tag sets, whatever the annotations hold besides.
 */
ufm_status ufm_labels_read(const char *path, const ufm_read_settings *settings, ufm_labels **labels,
                           ufm_error *error);
/* Names of files, in one block; zeroed: none. */
typedef struct {
    int64_t count, capacity, used, text_capacity;
    int64_t *offset; /* [count] name i begins at text[offset[i]] and ends with a NUL */
    char *text;
} ufm_file_names;
void ufm_file_names_free(ufm_file_names *names);
/* Appends a name; UFM_ERROR_INPUT for one that is empty, absolute, longer than 255 bytes, holds a NUL byte or
 * has the component "..". */
ufm_status ufm_file_names_add(ufm_file_names *names, const char *text, int64_t length, ufm_error *error);
/* A COCO instances file, with the names ("file_name") of the images that have labels, one for each column:
 * duplicates must be kept. */
ufm_status ufm_labels_read_coco_files(const char *path, const ufm_read_settings *settings,
                                      ufm_file_names *files, ufm_labels **labels, ufm_error *error);
/* CSV with the header `file,tags`, one line per image; tags as in a counts file. Duplicates must be kept. */
ufm_status ufm_labels_read_file_list(const char *path, const ufm_read_settings *settings,
                                     ufm_file_names *files, ufm_labels **labels, ufm_error *error);

/* Samples that are rows of numbers: what an ARFF file holds beside its labels. Column i of the labels belongs
 * to row i; duplicates are kept. */
typedef struct {
    int64_t rows, columns;
    double *value; /* [rows][columns], all finite */
    ufm_labels *labels;
} ufm_table;
void ufm_table_free(ufm_table *table); /* accepts NULL */
/* An .arff file, dense or sparse. Every attribute that is no label must be numeric or {0,1} and known in each
 * row; rows without label are dropped or refused as the settings say. */
ufm_status ufm_table_read(const char *path, const ufm_read_settings *settings, ufm_table **table,
                          ufm_error *error);
/* A random part of the rows, by the seed alone: the nearest number of rows to share * rows becomes `part`,
 * the others `rest`; new tables, for the caller to free. UFM_ERROR_USAGE when one of them would be empty. */
ufm_status ufm_table_split(const ufm_table *all, double share, uint64_t seed, ufm_table **rest,
                           ufm_table **part, ufm_error *error);
/* Every column of `table` to mean 0 and variance 1 (divided by the rows; a constant column becomes 0), and
 * those of `other` (NULL, or as many columns) by the same shift and factor. */
void ufm_table_standardise(ufm_table *table, ufm_table *other);
/* "first:N" or "last:N" into label_columns. */
ufm_status ufm_label_columns_parse(const char *text, int64_t *label_columns, ufm_error *error);

/* ---- The objective's parameters -----------------------------------------------------------------
 *   f(W,H,b) = (1/N) sum_i L(z_i, S_i) + lambda_w |W|_F^2 + lambda_h |H|_F^2 + lambda_b |b|^2,  z_i = W h_i +
 * b.
 *
 * With u_k = logsumexp(z) - z_k the cross-entropy of class k, m = |S| and y the multi-hot vector of S:
 *
 *   pal         sum_{k in S} u_k                                            the paper's pick-all-label loss
 *   pal-n       (1/m) sum_{k in S} u_k                                      soft-label cross-entropy
 *   pal-smooth  sum_{k in S} [ (1-epsilon) u_k + (epsilon/K) sum_j u_j ]    label smoothing
 *   pal-focal   sum_{k in S} (1 - e^{-u_k})^gamma u_k                       focal loss; not convex
 *   pal-mse     sum_{k in S} |z - e_k|^2 / 2                                squared error
 *   bce         sum_k log(1 + e^{z_k}) - y_k z_k                            one-vs-all binary cross-entropy
 *
 * All but pal-mse and bce do not see a shift of all logits by one number ("shift-free").
 *
 * X(name, spelling, weight of multiplicity m, parameter, its default, least, greatest, shift-free,
 * description); parameter: what the number is called, NULL where the loss has none. */
#define UFM_LOSS_LIST(X)                                                                                     \
    X(UFM_LOSS_PAL, "pal", 1.0, NULL, 0, 0, 0, true, "pick-all-label cross-entropy (the paper)")             \
    X(UFM_LOSS_PAL_N, "pal-n", 1.0 / m, NULL, 0, 0, 0, true,                                                 \
      "pick-all-label cross-entropy divided by the multiplicity")                                            \
    X(UFM_LOSS_PAL_SMOOTH, "pal-smooth", 1.0, "epsilon", 0.1, 0, 0.999, true,                                \
      "label-smoothed pick-all-label cross-entropy")                                                         \
    X(UFM_LOSS_PAL_FOCAL, "pal-focal", 1.0, "gamma", 2, 0, 100, true, "pick-all-label focal loss")           \
    X(UFM_LOSS_PAL_MSE, "pal-mse", 1.0, NULL, 0, 0, 0, false, "pick-all-label squared error")                \
    X(UFM_LOSS_BCE, "bce", 1.0, NULL, 0, 0, 0, false, "one-vs-all binary cross-entropy")
typedef enum {
#define UFM_LOSS_ENUM(name, spelling, ...) name,
    UFM_LOSS_LIST(UFM_LOSS_ENUM)
#undef UFM_LOSS_ENUM
        UFM_LOSS_COUNT
} ufm_loss;
/* omega_m: the loss is omega_m times a sum that does not divide by m. */
double ufm_loss_weight(ufm_loss loss, double m);
const char *ufm_loss_name(ufm_loss loss);
bool ufm_loss_shift_free(ufm_loss loss);
/* Largest rank of a critical point's logits: K-1 for a shift-free loss, else K. */
int64_t ufm_loss_rank(ufm_loss loss, int64_t classes);
/* Least dimension from which every critical point is known to be global or a strict saddle (proof note 11):
 * that rank for a convex loss, INT64_MAX for pal-focal. */
int64_t ufm_loss_benign_dim(ufm_loss loss, int64_t classes);

typedef struct {
    ufm_loss loss;
    double lambda_w, lambda_h; /* > 0, no factor 1/2 (paper, Definition 1) */
    double lambda_b;           /* >= 0 */
    double parameter;          /* the loss's epsilon or gamma; 0 where it has none */
} ufm_objective;
/* UFM_ERROR_USAGE unless lambda_w, lambda_h > 0, lambda_b >= 0, all are finite, and the loss's parameter is
 * in its range. */
ufm_status ufm_objective_check(const ufm_objective *objective, ufm_error *error);
/* mu = 2 sqrt(lambda_w lambda_h), the weight of the nuclear norm of the logits. */
double ufm_objective_mu(const ufm_objective *objective);
/* UFM_ERROR_USAGE when f has no minimum over these labels: lambda_b = 0 and a class in no tag set (but for
 * pal-mse and smoothed losses) or, with bce, in every one. */
ufm_status ufm_objective_bounded(const ufm_labels *labels, const ufm_objective *objective, ufm_error *error);
/* "NAME" or "NAME:PARAMETER", as "pal-focal:2", into loss and parameter; without a parameter its default. */
ufm_status ufm_objective_parse_loss(const char *text, ufm_objective *objective, ufm_error *error);
/* The inverse: 17 digits of the parameter. */
typedef struct {
    char text[48];
} ufm_loss_text;
ufm_loss_text ufm_objective_loss_text(const ufm_objective *objective);

/* ---- Points -------------------------------------------------------------------------------------
 * A classifier and features, column-major; column i of H belongs to column i of the labels (with merged
 * duplicates: the common feature of all its samples). Owns nothing. */
typedef struct {
    int64_t classes, dim, columns; /* K, d, n */
    const double *W;               /* K x d */
    const double *H;               /* d x n */
    const double *b;               /* K */
} ufm_point;

/* ---- Constraints --------------------------------------------------------------------------------
 * What features and classifier are restricted to, besides the ridges of the objective. X(name, spelling,
 * description). */
#define UFM_FEATURES_LIST(X)                                                                                 \
    X(UFM_FEATURES_FREE, "free", "any H")                                                                    \
    X(UFM_FEATURES_NONNEGATIVE, "nonnegative", "H >= 0 entrywise, as behind a ReLU")                         \
    X(UFM_FEATURES_SPHERE, "sphere", "|h_i| = feature_norm for every sample")
#define UFM_CLASSIFIER_LIST(X)                                                                               \
    X(UFM_CLASSIFIER_FREE, "free", "any W")                                                                  \
    X(UFM_CLASSIFIER_ETF, "etf", "W = classifier_norm sqrt(K/(K-1)) (I - J/K), zero columns for d > K")
typedef enum {
#define UFM_FEATURES_ENUM(name, spelling, description) name,
    UFM_FEATURES_LIST(UFM_FEATURES_ENUM)
#undef UFM_FEATURES_ENUM
} ufm_features;
typedef enum {
#define UFM_CLASSIFIER_ENUM(name, spelling, description) name,
    UFM_CLASSIFIER_LIST(UFM_CLASSIFIER_ENUM)
#undef UFM_CLASSIFIER_ENUM
} ufm_classifier;

/* All zero: no constraint. */
typedef struct {
    ufm_features features;
    double feature_norm; /* rho > 0; sphere only */
    ufm_classifier classifier;
    double classifier_norm; /* alpha > 0, the norm of every row of W; etf only */
} ufm_constraint;
static inline bool ufm_constraint_active(const ufm_constraint *constraint)
{
    return constraint->features != UFM_FEATURES_FREE || constraint->classifier != UFM_CLASSIFIER_FREE;
}
const char *ufm_features_name(ufm_features features);
const char *ufm_classifier_name(ufm_classifier classifier);
ufm_status ufm_features_parse(const char *text, ufm_features *features, ufm_error *error);
ufm_status ufm_classifier_parse(const char *text, ufm_classifier *classifier, ufm_error *error);
/* UFM_ERROR_USAGE unless the norms in use are positive and finite, and d >= K for the etf. */
ufm_status ufm_constraint_check(const ufm_constraint *constraint, int64_t classes, int64_t dim,
                                ufm_error *error);
/* One line of text and back, as solution files keep it: "features NAME NORM classifier NAME NORM" with 17
 * digits, a norm that is not in use being 0. UFM_ERROR_INPUT for any other text. */
void ufm_constraint_format(const ufm_constraint *constraint, char *text, size_t size);
ufm_status ufm_constraint_parse(const char *text, ufm_constraint *constraint, ufm_error *error);
/* The fixed classifier into the caller's K x d array. */
void ufm_etf_classifier(int64_t classes, int64_t dim, double norm, double *W);

#endif
