/* Private to landscape: what is measured along a path. */
#ifndef UFMLAB_LANDSCAPE_PATH_H
#define UFMLAB_LANDSCAPE_PATH_H

#include <ufmlab/landscape.h>

/* The instance, and what its points are compared with. */
typedef struct {
    const ufm_labels *labels;
    const ufm_design *design; /* NULL when unbalanced or d < K-1 */
    int64_t dim;
    double mu_max;
    double *
        margin_X; /* K x n, the max-margin solution; NULL where the loss or the dimension has no such limit */
    double margin_value;
    ufm_path_outputs outputs;
} path_instance;

/* One point; x is the vector of its model. */
typedef struct {
    ufm_objective objective;
    double factor;
    ufm_model *model;
    const double *x;
    ufm_certificate certificate;
} path_point;

/* Adds the point to `info` and writes its rows. */
ufm_status path_measure(const path_instance *instance, const path_point *point, ufm_path_info *info,
                        ufm_error *error);
/* The CSV headers. */
void path_headers(const ufm_path_outputs *outputs);

#endif
