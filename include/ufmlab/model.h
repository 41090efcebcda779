/* ufmlab: layer 3, model: the UFM objective: value, gradient and Hessian-vector product.
 *
 *   f(W,H,b) = (1/N) sum_i L(z_i, S_i) + lambda_w |W|_F^2 + lambda_h |H|_F^2 + lambda_b |b|^2,  z_i = W h_i +
 * b
 *
 * (paper, Definition 1; no factor 1/2) for the losses L of ufmlab/labels.h. With G = d(data term)/dZ:
 *
 *   dW = G H^T + 2 lambda_w W,   dH = W^T G + 2 lambda_h H,   db = G 1 + 2 lambda_b b.
 *
 * The unknowns are one vector x = [W | Ht | b], column-major, of K d + d n + K numbers. Ht = H diag(sqrt(c))
 * holds each feature times the square root of the number c of samples that share it (c = 1 when duplicates
 * are kept): in these variables the merged problem has the gradient norm and the conditioning of the full
 * one.
 *
 * The sum runs over tiles of columns; logits exist for one tile per thread only. Results are bitwise
 * reproducible for a fixed number of threads, and finite for logits of any finite size.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_MODEL_H
#define UFMLAB_MODEL_H

#include <ufmlab/labels.h>

typedef struct {
    ufm_objective objective;
    int64_t dim; /* d >= 1 */
    int threads; /* >= 1; 0: all available */
} ufm_model_settings;

typedef struct ufm_model ufm_model;

/* The model keeps a reference to `labels`, which must outlive it. */
ufm_status ufm_model_new(const ufm_labels *labels, const ufm_model_settings *settings, ufm_model **model,
                         ufm_error *error);
void ufm_model_free(ufm_model *model);

/* Length of x. */
int64_t ufm_model_size(const ufm_model *model);
/* Where block 0, 1, 2 (W, Ht, b) begins in x. */
int64_t ufm_model_block(const ufm_model *model, int block);
/* The model's threads, to be used between its calls; NULL when one serves best. The model owns them. */
ufm_pool *ufm_model_pool(ufm_model *model);
/* Bytes a model of this shape allocates for itself (its tiles and sums), not counting any x. */
int64_t ufm_model_workspace(const ufm_labels *labels, const ufm_model_settings *settings);

/* f(x). */
double ufm_model_value(ufm_model *model, const double *x);
/* f(x) and its gradient (size numbers). */
double ufm_model_gradient(ufm_model *model, const double *x, double *gradient);
/* Hessian of f at x times v:
 *   dZ = dW H + W dH + db 1^T,  dG_i = (1/N) (Hessian of L at z_i) dz_i,
 *   [ dG H^T + G dH^T + 2 lambda_w dW | dW^T G + W^T dG + 2 lambda_h dH | dG 1 + 2 lambda_b db ]. */
void ufm_model_hessian_vector(ufm_model *model, const double *x, const double *v, double *product);

/* Gaussian start of standard deviation `scale` for every number of W and H; b = 0. Depends on the seed only.
 */
ufm_status ufm_model_start(const ufm_model *model, uint64_t seed, double scale, double *x);
/* Writes H = Ht diag(1/sqrt(c)) to the caller's d x n array and describes x as a point that borrows x and H.
 */
ufm_point ufm_model_point(const ufm_model *model, const double *x, double *H);
/* The inverse: x from a point of the same shape. */
ufm_status ufm_model_pack(const ufm_model *model, const ufm_point *point, double *x, ufm_error *error);
/* x from `small`, the vector of the model with the same labels in dimension `rank`. rank <= dim: zero columns
 * of W and zero rows of H fill it up, and the objective stays. A critical point stays one. rank > dim: the
 * last columns of W and rows of H are left out. */
void ufm_model_embed(const ufm_model *model, int64_t rank, const double *small, double *x);
/* L(z, S); the K logits z become its gradient. */
double ufm_model_loss(const ufm_objective *objective, ufm_tag_set set, double *z);

/* Minimises over b alone, exactly (Newton on a convex K-dimensional function), in place. */
ufm_status ufm_model_minimize_bias(ufm_model *model, double *x, ufm_error *error);

/* Turns the features by an orthogonal matrix Q, (W, H) -> (W Q, Q^T H), onto the eigenvectors of
 * lambda_w W^T W + lambda_h H H^T; its eigenvalues (d numbers, descending) go to `weight`. The logits stay.
 * At a critical point both terms become diagonal, and weight_j is mu times the j-th singular value of the
 * logits W H. */
ufm_status ufm_model_rotate(const ufm_model *model, double *x, double *weight);

/* Preconditioner M at x: the diagonal of the Hessian without its cross term; positive definite. Cheapest
 * where the point lies in its principal axes (ufm_model_rotate), because M does not turn with the point.
 * `prepare` computes it (about the work of a Hessian-vector product) and keeps one vector of the length of x
 * and 1 to 3 K n numbers in single precision in the model; `precondition` gives out = M^{-1} v for the x
 * prepared last. */
ufm_status ufm_model_prepare(ufm_model *model, const double *x);
void ufm_model_precondition(const ufm_model *model, const double *v, double *out);
/* As ufm_model_hessian_vector for the x prepared last, to about six digits and several times as fast: in
 * single precision but for the ridge and the sums over columns, and from the derivatives that were kept. */
void ufm_model_prepared_product(ufm_model *model, const double *x, const double *v, double *product);

/* ---- The features minimised out (variable projection; proof note 32) ----------------------------
 *
 *   phi(W, b) = min over H of f(W, H, b)
 *
 * For a convex loss the minimiser H is unique: each h_i solves a small strongly convex problem, columns of
 * one tag set share theirs, and all lie in the row space of W. With W = L Q^T, Q (d x r) of orthonormal
 * columns and r = min(K, d), the unknowns are y = [L | b], column-major, of K r + K numbers; phi does not
 * depend on Q. The gradient of phi is that of f at the minimiser; its Hessian is the Schur complement of the
 * features' block. Critical points of phi are those of f, with the same values. */
typedef struct ufm_profile ufm_profile;

/* Whether the model's loss allows it: all but pal-focal, which is not convex. */
bool ufm_profile_applies(const ufm_model *model);
/* With Q and a first guess of H from x. Borrows the model. Holds, for each distinct tag set, r (r + 1)/2 + 4
 * r
 * + 2 K numbers; UFM_ERROR_MEMORY also where they would not fit in this machine's memory. */
ufm_status ufm_profile_new(const ufm_model *model, const double *x, ufm_profile **profile, ufm_error *error);
void ufm_profile_free(ufm_profile *profile);
/* Length of y. */
int64_t ufm_profile_size(const ufm_profile *profile);
/* y of the x that the profile was made from. */
void ufm_profile_start(const ufm_profile *profile, double *y);
/* How far the features are minimised: until their gradient is at most `share` (0.01 unless it is set; >= 0)
 * of that in y, or rounding hides its decrease. */
void ufm_profile_accuracy(ufm_profile *profile, double share);
/* phi and its gradient, more exactly f and its gradient in y at these features: a true value of f. */
double ufm_profile_gradient(ufm_profile *profile, const double *y, double *gradient);
/* Hessian of phi at y times v. Cheap when the last gradient or product was at this y. */
void ufm_profile_product(ufm_profile *profile, const double *y, const double *v, double *product);
/* x = (L Q^T, H, b) of the model, duplicates included, where H are the features at y. */
void ufm_profile_point(ufm_profile *profile, const double *y, double *x);

#endif
