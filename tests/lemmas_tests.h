/* The tests of the proof notes, registered by test_lemmas.c. */
#ifndef UFMLAB_LEMMAS_TESTS_H
#define UFMLAB_LEMMAS_TESTS_H

void lemma_test_plain_derivatives(void);
void lemma_test_balancedness(void);
void lemma_test_nuclear_norm(void);
void lemma_test_simplex_etf(void);

void lemma_test_jensen_step(void);
void lemma_test_tangent_line(void);
void lemma_test_incidence_identity(void);

void lemma_test_scalar_roots(void);
void lemma_test_tag_wise_scale(void);
void lemma_test_optimal_bias(void);
void lemma_test_theorem_1(void);

void lemma_test_weak_duality(void);
void lemma_test_tightness(void);
void lemma_test_negative_curvature(void);
void lemma_test_low_dimension(void);
void lemma_test_merged_duplicates(void);

void lemma_test_equal_classes(void);
void lemma_test_vanishing_classes(void);

#endif
