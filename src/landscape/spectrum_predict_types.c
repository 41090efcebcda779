/* The matrices of the four types that the classifier and the bias take part in. */
#include "labels/combinations.h"
#include "landscape/spectrum_predict.h"
#include <math.h>
#include <ufmlab/linalg.h>

/* C(n,k) with the convention that it vanishes outside 0 <= k <= n. */
static double binomial(int64_t n, int64_t k)
{
    return k < 0 || k > n ? 0 : (double)ufm_binomial(n, k);
}

int64_t ufm_spectrum_part_dimension(int64_t classes, const ufm_spectrum_level *level, ufm_spectrum_part part)
{
    const int64_t m = level->multiplicity, others = classes - m;
    switch (part) {
    case SPECTRUM_INSIDE:
        return level->tag_sets * (m - 1);
    case SPECTRUM_OUTSIDE:
        return others > 0 ? level->tag_sets * (others - 1) : 0;
    default:
        return others > 0 ? level->tag_sets : 0;
    }
}

int64_t ufm_spectrum_type_dimension(int64_t classes, ufm_spectrum_type type)
{
    switch (type) {
    case SPECTRUM_TRIVIAL:
        return 1;
    case SPECTRUM_STANDARD:
        return classes - 1;
    case SPECTRUM_SYMMETRIC:
        return classes > 3 ? classes * (classes - 3) / 2 : 0;
    default:
        return (classes - 1) * (classes - 2) / 2;
    }
}

/* Let A be a unit matrix of the type. The sum over the tag sets of |part of A y_S|^2; for the standard type
 * times the square of `standard_factor`. */
static double part_square(int64_t K, int64_t m, ufm_spectrum_part part, ufm_spectrum_type type)
{
    const int64_t others = K - m;
    const double product = (double)m * (double)others, classes = (double)K;
    switch (type) {
    case SPECTRUM_TRIVIAL:
        return part == SPECTRUM_CONTRAST ? binomial(K - 2, m - 1) : 0;
    case SPECTRUM_STANDARD:
        if (part == SPECTRUM_INSIDE) return binomial(K, m) * (double)(m - 1) / (classes - 1);
        if (part == SPECTRUM_OUTSIDE)
            return others > 1 ? binomial(K, m) * (double)(others - 1) / (classes - 1) : 0;
        return others > 0 ? binomial(K, m) / (classes - 1) : 0;
    case SPECTRUM_SYMMETRIC:
        if (part == SPECTRUM_INSIDE) return (classes - 1) / (double)m * binomial(K - 4, m - 3);
        if (part == SPECTRUM_OUTSIDE)
            return others > 0 ? (classes - 1) / (double)others * binomial(K - 4, m - 1) : 0;
        return others > 0 ? 2 * classes / product * binomial(K - 4, m - 2) : 0;
    default:
        if (part == SPECTRUM_INSIDE) return binomial(K - 3, m - 2);
        return part == SPECTRUM_OUTSIDE ? binomial(K - 3, m - 1) : 0;
    }
}

/* The standard type's A = P diag(v) P / |P diag(v) P| moves a part of the tag set by this much of what the
 * bias v does. */
static double standard_factor(int64_t K, int64_t m, ufm_spectrum_part part)
{
    const double unit = sqrt((double)K * (double)(K - 2));
    switch (part) {
    case SPECTRUM_INSIDE:
        return (double)(K - m) / unit;
    case SPECTRUM_OUTSIDE:
        return -(double)m / unit;
    default:
        return (double)(K - 2 * m) / unit;
    }
}

bool ufm_spectrum_reached(int64_t classes, int64_t multiplicity, ufm_spectrum_part part,
                          ufm_spectrum_type type)
{
    return ufm_spectrum_type_dimension(classes, type) > 0 &&
           part_square(classes, multiplicity, part, type) > 0;
}

/* Where the type's matrix has the classifier and the bias; -1: nowhere. With two classes the standard type of
 * the classifier vanishes. */
typedef struct {
    int64_t size, weight, bias;
    int64_t next; /* row of the next part */
    double *a;    /* size x size */
} type_matrix;

static type_matrix type_shape(const ufm_spectrum_problem *problem, ufm_spectrum_type type)
{
    type_matrix shape = {.weight = -1, .bias = -1};
    if (type != SPECTRUM_STANDARD || problem->classes > 2) shape.weight = shape.size++;
    if (type == SPECTRUM_STANDARD) shape.bias = shape.size++;
    for (int64_t l = 0; l < problem->levels; l++)
        for (ufm_spectrum_part part = 0; part < SPECTRUM_PARTS; part++)
            shape.size += ufm_spectrum_reached(problem->classes, problem->level[l].multiplicity, part, type);
    shape.next = (shape.weight >= 0) + (shape.bias >= 0);
    return shape;
}

static void add(type_matrix *matrix, int64_t row, int64_t col, double value)
{
    if (row < 0 || col < 0) return;
    matrix->a[row + col * matrix->size] += value;
    if (row != col) matrix->a[col + row * matrix->size] += value;
}

/* Adds what one part of one multiplicity contributes, its own row included. */
static void add_part(type_matrix *matrix, const ufm_spectrum_problem *problem,
                     const ufm_spectrum_level *level, ufm_spectrum_part part, ufm_spectrum_type type)
{
    const double curvature = level->curvature[part], C = level->scale, c = level->count;
    const double square = part_square(problem->classes, level->multiplicity, part, type);
    const double per_bias = sqrt(square * c / problem->gram_scale);
    double per_weight = C * sqrt(square * c);
    if (type == SPECTRUM_STANDARD)
        per_weight *= matrix->weight < 0 ? 0 : standard_factor(problem->classes, level->multiplicity, part);
    /* 2 <g_S, A dh> pulls symmetric A one way and antisymmetric A the other. */
    const double pull = type == SPECTRUM_ALTERNATING ? 2 * problem->lambda_h : -2 * problem->lambda_h;
    const int64_t row = matrix->next++;
    add(matrix, row, row, curvature + 2 * problem->lambda_h);
    add(matrix, matrix->weight, matrix->weight, curvature * per_weight * per_weight);
    add(matrix, matrix->weight, row, (curvature + pull) * per_weight);
    add(matrix, matrix->weight, matrix->bias, curvature * per_weight * per_bias);
    add(matrix, matrix->bias, matrix->bias, curvature * per_bias * per_bias);
    add(matrix, matrix->bias, row, curvature * per_bias);
}

ufm_status ufm_spectrum_type_values(const ufm_spectrum_problem *problem, ufm_spectrum_type type,
                                    double *values, int64_t *count, ufm_error *error)
{
    type_matrix matrix = type_shape(problem, type);
    matrix.a = ufm_alloc(matrix.size, (size_t)matrix.size * sizeof *matrix.a);
    if (!matrix.a) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the predicted spectrum");
    add(&matrix, matrix.weight, matrix.weight, 2 * problem->lambda_w);
    add(&matrix, matrix.bias, matrix.bias, 2 * problem->lambda_b);
    for (int64_t l = 0; l < problem->levels; l++)
        for (ufm_spectrum_part part = 0; part < SPECTRUM_PARTS; part++)
            if (ufm_spectrum_reached(problem->classes, problem->level[l].multiplicity, part, type))
                add_part(&matrix, problem, &problem->level[l], part, type);
    ufm_status status = ufm_symmetric_eigen(matrix.size, matrix.a, false, values);
    if (status != UFM_OK)
        status =
            ufm_fail(error, status, "the eigenvalues of the predicted spectrum's matrix of size %lld failed",
                     (long long)matrix.size);
    else
        *count = matrix.size;
    /* Rotations of the features leave the objective alone: this eigenvalue is zero exactly. */
    if (status == UFM_OK && type == SPECTRUM_ALTERNATING) values[0] = 0;
    ufm_free(matrix.a);
    return status;
}
