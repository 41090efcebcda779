/* What the analyses share: the distinct tag sets, their mean features, and the rows of W. */
#ifndef UFMLAB_GEOMETRY_INTERNAL_H
#define UFMLAB_GEOMETRY_INTERNAL_H

#include <ufmlab/geometry.h>

typedef struct {
    ufm_labels *labels;    /* the distinct tag sets in order of first appearance, with their counts */
    int64_t *group;        /* [columns of the given labels] tag set of each */
    int64_t levels;        /* multiplicities present */
    int64_t *multiplicity; /* [levels] ascending */
    int64_t *level;        /* [tag sets] */
    int64_t *single;       /* [K] the tag set {k}, or -1 */
} geometry_sets;
/* On failure *sets is cleared. */
ufm_status geometry_sets_new(const ufm_labels *labels, geometry_sets *sets, ufm_error *error);
void geometry_sets_clear(geometry_sets *sets);

/* The tags of a tag set, and how many samples carry it. */
static inline const int32_t *geometry_tags(const geometry_sets *sets, int64_t set)
{
    return sets->labels->tag + sets->labels->offset[set];
}
static inline double geometry_count(const geometry_sets *sets, int64_t set)
{
    return (double)sets->labels->count[set];
}

typedef struct {
    const ufm_point *point;
    geometry_sets sets;
    int64_t classes, dim, count; /* K, d, tag sets */
    double *row;                 /* d x K: w_k */
    double *feature;             /* d x tag sets: h_S */
    double *size;                /* [tag sets] |h_S| */
    double least;                /* features up to this size vanish: tolerance times their root mean square */
    bool collapsed;              /* W = H = 0 for all that the objective can tell */
} geometry_data;
/* Checks shapes and numbers too. On failure *data is cleared. */
ufm_status geometry_data_new(const ufm_point *point, const ufm_labels *labels,
                             const ufm_geometry_settings *settings, geometry_data *data, ufm_error *error);
void geometry_data_clear(geometry_data *data);

/* mu_k, or NULL where class k has no single-label sample. */
static inline const double *geometry_mean(const geometry_data *data, int64_t k)
{
    const int64_t set = data->sets.single[k];
    return set < 0 ? NULL : data->feature + set * data->dim;
}
/* x_k of a basis, or NULL. */
static inline const double *geometry_regressor(const geometry_data *data, ufm_basis basis, int64_t k)
{
    return basis == UFM_ON_ROWS ? data->row + k * data->dim : geometry_mean(data, k);
}

/* Sums over some tag sets. */
typedef struct {
    double error, total, samples; /* sum c_S |h_S - law|^2, sum c_S |h_S|^2, sum c_S */
} geometry_squares;
void geometry_squares_add(geometry_squares *squares, double count, double error, double size);
/* sqrt(error/total); NaN without samples, or where their features vanish. */
double geometry_residual(const geometry_data *data, geometry_squares squares);

/* Orthogonal projection onto the span of `cols` columns (d x cols, destroyed), singular values up to
 * `tolerance` of the largest counting as zero. The work space fits up to `capacity` columns. */
typedef struct {
    int64_t dim, capacity, cols, rank;
    double *columns, *u, *s, *vt; /* the caller fills columns */
    double *product;
} geometry_span;
ufm_status geometry_span_new(int64_t dim, int64_t capacity, geometry_span *span);
void geometry_span_clear(geometry_span *span);
ufm_status geometry_span_set(geometry_span *span, int64_t cols, double tolerance);
/* x becomes its part outside the span; coefficients[cols], when wanted, those of the part inside, of least
 * norm. */
void geometry_span_remove(geometry_span *span, double *x, double *coefficients);

/* Each fills its part of `laws`, whose numbers start as NaN. */
ufm_status geometry_fit_weighted(const geometry_data *data, const ufm_geometry_settings *settings,
                                 ufm_tag_laws *laws);
ufm_status geometry_fit_free(const geometry_data *data, const ufm_geometry_settings *settings,
                             ufm_tag_laws *laws);
ufm_status geometry_measure_exact(const geometry_data *data, const ufm_geometry_settings *settings,
                                  ufm_tag_laws *laws);
/* Residuals of the multiplicities, of all from 2 up, and the worst, from the squares of each multiplicity. */
void geometry_summarise(const geometry_data *data, const geometry_squares *squares, ufm_law_fit *fit);
/* False when the caller wants to stop. */
bool geometry_progress(const ufm_geometry_settings *settings, double fraction, const char *what);

#endif
