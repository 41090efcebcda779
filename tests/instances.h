/* Instances for the tests of model, optim, certify and above. */
#ifndef UFMLAB_TEST_INSTANCES_H
#define UFMLAB_TEST_INSTANCES_H

#include <ufmlab/solve.h>

/* The reference values of Theorem 1, computed independently of this library (PAL; f* does not depend on
 * lambda_b). */
typedef struct {
    int64_t classes;
    const char *samples;
    double lambda_w, lambda_h;
    double objective;
    double margin[4];
    double weight_norm_squared;
} reference_instance;
extern const reference_instance reference_instances[];
enum { REFERENCE_INSTANCES = 5 };

/* Every loss, with and without a ridge on the bias, at usual and at degenerate parameters (where it is pal).
 */
extern const ufm_objective test_losses[];
enum { TEST_LOSSES = 12 };

/* Aborts the test run on failure: the caller's test makes no sense without. */
ufm_labels *test_design(int64_t classes, const char *samples, ufm_duplicates duplicates);
/* Random tag sets, repeated with random counts up to 5, every class present. */
ufm_labels *test_random_labels(ufm_rng *rng, int64_t classes, int64_t tag_sets, ufm_duplicates duplicates);
ufm_model *test_model(const ufm_labels *labels, ufm_objective objective, int64_t dim, int threads);

/* f at a point by plain loops in long double. */
double test_objective(const ufm_labels *labels, const ufm_objective *objective, const ufm_point *point);

/* The certificate with default settings; its gap is NaN where that fails, which fails the test too. */
ufm_certificate test_certificate(const ufm_point *point, const ufm_labels *labels,
                                 const ufm_objective *objective);
/* Newton's method from the seed's start in dimension dim, one thread; aborts on failure. */
ufm_solution *test_newton(const ufm_labels *labels, const ufm_objective *objective, int64_t dim,
                          uint64_t seed);
/* The same under a constraint. */
ufm_solution *test_newton_under(const ufm_labels *labels, const ufm_objective *objective,
                                ufm_constraint constraint, int64_t dim, uint64_t seed);

/* ufm_lambda_at for a loss without parameter. */
static inline ufm_status test_lambda_at(const ufm_design *design, ufm_loss loss, double ratio, double balance,
                                        ufm_objective *objective, ufm_error *error)
{
    ufm_objective made = *objective;
    made.loss = loss;
    made.parameter = 0;
    const ufm_status status = ufm_lambda_at(design, ratio, balance, &made, error);
    if (status == UFM_OK) *objective = made;
    return status;
}

/* A critical point of rank `rank` of the problem in dimension dim: the minimum in dimension `rank`, embedded.
 * Its arrays are the solution's. */
ufm_solution *test_saddle(const ufm_labels *labels, const ufm_objective *objective, int64_t rank, int64_t dim,
                          uint64_t seed);

#endif
