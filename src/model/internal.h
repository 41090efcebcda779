/* Private to module model: the tiles and the per-thread sums behind the objective. */
#ifndef UFMLAB_MODEL_INTERNAL_H
#define UFMLAB_MODEL_INTERNAL_H

#include "loss.h"
#include <ufmlab/linalg.h>
#include <ufmlab/model.h>

/* Compiled for several instruction sets; the best that the machine has is taken at run time. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__)
#define UFM_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define UFM_CLONES
#endif

/* Numbers in single precision that make up a full vector of the widest instruction set. */
enum { MODEL_LANES = 16 };
static inline int64_t model_padded(int64_t numbers)
{
    return (numbers + MODEL_LANES - 1) / MODEL_LANES * MODEL_LANES;
}

/* Threads share an evaluation's columns by so many. */
enum { MODEL_GRAIN = 8 };
/* Numbers of `lanes`. */
int64_t model_lane_numbers(int64_t classes);

/* What one thread accumulates; added up in thread order. No two of them share a cache line. */
typedef struct {
    _Alignas(64) double *logits; /* K x tile: logits, then G */
    double *change;              /* K x tile: dZ, then dG (Hessian-vector products) */
    double *state;               /* what curvature needs of a column */
    double *lanes;               /* softmax.c: eight sums of G's columns and of the loss */
    double *classifier;          /* K x d: this thread's share of dW */
    double *turned;              /* d x K: the same transposed, while a gradient is summed */
    double *packed;              /* W as products with tiles want it, for this thread alone */
    double *bias;                /* K: of db */
    double *curvature;           /* K x K: of the bias Hessian; NULL but in ufm_model_minimize_bias */
    ufm_sum loss, squares;
} model_part;

struct ufm_model {
    const ufm_labels *labels;
    ufm_objective objective;
    const model_loss *loss;
    int64_t classes, dim, columns, tile;
    int64_t abreast; /* from a class to the next in a tile of the softmax's: at least tile, of 8 odd times */
    bool past;       /* a gradient of this size is written past the caches */
    double *root_count; /* [columns] sqrt(count), or NULL when every count is 1 */
    ufm_pool *pool;     /* NULL when one thread serves best */
    int threads;
    model_part *part; /* [threads] */
    double *diagonal; /* [size] of the inverse preconditioner; NULL before ufm_model_prepare */
    float *kept;      /* per column the loss's gradient (K) and state (states K) at the point prepared last */
    double *packed;   /* another K x d matrix for such products, shared by the threads */
    float *single;    /* what products in single precision need */
};

/* The blocks of x. */
typedef struct {
    const double *W, *H, *b;
} model_blocks;
static inline model_blocks model_split(const ufm_model *model, const double *x)
{
    const double *H = x + model->classes * model->dim;
    return (model_blocks){x, H, H + model->dim * model->columns};
}

/* A range of columns as one tile sees it. */
typedef struct {
    int64_t first, count;
    ufm_matrix H; /* d x count */
    ufm_matrix Z; /* K x count; transposed for the softmax */
} model_tile;

/* A K x d matrix packed into the model's `packed` or a part's. */
static inline ufm_thin model_pack(const ufm_model *model, const double *W, double *packed)
{
    return ufm_thin_pack(model->classes, model->dim, W, packed);
}

/* The pick-all-label losses of a tile whose Z is transposed (every class's numbers side by side): its
 * products W H become G~ = G/sqrt(c) when a `gradient` is wanted. With `change`, a change of the bias, the
 * part's change of Z, as it stands before scales and bias, becomes that of G~ as well. Sums of the loss and
 * of the columns of G, or of its change, are kept in the part until model_fold adds them to its loss and
 * bias. */
void ufm_model_softmax(const ufm_model *model, model_part *part, const double *bias, const model_tile *tile,
                       bool gradient, const double *change);
void model_fold(const ufm_model *model, model_part *part);

/* Tile of columns first..first+count-1 with its logits computed into part->logits; W packed from x. */
model_tile model_logits(const ufm_model *model, const model_part *part, const ufm_thin *W, model_blocks x,
                        int64_t first, int64_t count);
/* `classifier` of the part from `turned`. */
void model_turn(const ufm_model *model, model_part *part);

/* Clears what the threads accumulate. */
void model_clear_parts(ufm_model *model);
/* The W and b blocks of `out` from the threads' shares and the ridge of `at`. */
void model_collect(const ufm_model *model, model_blocks at, double *out);

/* c/N of a column, the weight of its loss. */
double model_weight(const ufm_model *model, int64_t column);

/* Where `kept` has a column, and how many numbers that is: the gradient, then each state, padded. */
static inline int64_t model_kept_numbers(const ufm_model *model)
{
    return (1 + model->loss->states) * model_padded(model->classes);
}
static inline float *model_kept(const ufm_model *model, int64_t column)
{
    return model->kept + column * model_kept_numbers(model);
}

/* Products for small K and d (small.c): whether they apply, the numbers of `single` that they need, what to
 * do once per preparation, and the features' block of the product with the threads' shares of the rest. */
bool model_small(const ufm_model *model);
int64_t model_small_numbers(const ufm_model *model);
void model_small_prepare(ufm_model *model);
void model_small_product(ufm_model *model, model_blocks at, model_blocks along, double *features);

/* Numbers that `single` of the model holds. */
int64_t model_single_numbers(const ufm_model *model);

#endif
