/* One test per proof note: seeded random trials, reported as the worst relative error. */
#include "lemmas_tests.h"
#include "test.h"

static const test_case cases[] = {
    {"plain_derivatives", lemma_test_plain_derivatives},
    {"balancedness", lemma_test_balancedness},
    {"nuclear_norm", lemma_test_nuclear_norm},
    {"jensen_step", lemma_test_jensen_step},
    {"tangent_line", lemma_test_tangent_line},
    {"incidence_identity", lemma_test_incidence_identity},
    {"scalar_roots", lemma_test_scalar_roots},
    {"simplex_etf", lemma_test_simplex_etf},
    {"tag_wise_scale", lemma_test_tag_wise_scale},
    {"optimal_bias", lemma_test_optimal_bias},
    {"weak_duality", lemma_test_weak_duality},
    {"tightness", lemma_test_tightness},
    {"negative_curvature", lemma_test_negative_curvature},
    {"low_dimension", lemma_test_low_dimension},
    {"merged_duplicates", lemma_test_merged_duplicates},
    {"equal_classes", lemma_test_equal_classes},
    {"vanishing_classes", lemma_test_vanishing_classes},
    {"theorem_1", lemma_test_theorem_1},
    {NULL, NULL},
};
const test_suite suite_lemmas = {"lemmas", cases};
