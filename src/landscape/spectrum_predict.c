/* The Hessian's spectrum at the optimum of a balanced design, in closed form up to matrices of size
 * 2 + 3 levels at most (proof note 13). */
#include "landscape/spectrum_predict.h"
#include "labels/combinations.h"
#include <math.h>
#include <stdlib.h>
#include <ufmlab/landscape.h>

void ufm_predicted_spectrum_free(ufm_predicted_spectrum *spectrum)
{
    if (!spectrum) return;
    ufm_free(spectrum->value);
    ufm_free(spectrum->multiplicity);
    ufm_free(spectrum);
}

typedef struct {
    double value;
    int64_t multiplicity;
} eigenvalue;

typedef struct {
    int64_t count;
    eigenvalue *entry; /* room for room_for(levels) */
} eigenvalue_list;

/* The four matrices, the three parts of each level alone, and the six values that need neither. */
static int64_t room_for(int64_t levels)
{
    return SPECTRUM_TYPES * (2 + 3 * levels) + SPECTRUM_PARTS * levels + 6;
}

static void append(eigenvalue_list *list, double value, int64_t multiplicity)
{
    if (multiplicity > 0) list->entry[list->count++] = (eigenvalue){value, multiplicity};
}

/* ---- The problem ------------------------------------------------------------------------------------ */

static ufm_status count_tag_sets(const ufm_design *design, int64_t dim, ufm_spectrum_problem *problem,
                                 ufm_error *error)
{
    double columns = (double)design->classes;
    for (int64_t l = 0; l < design->levels; l++) {
        problem->level[l].multiplicity = design->multiplicity[l];
        problem->level[l].tag_sets = ufm_binomial(design->classes, design->multiplicity[l]);
        problem->level[l].count = (double)design->per_tag_set[l];
        columns += (double)problem->level[l].tag_sets;
    }
    if (columns * (double)(dim + 1) < 0x1p62) return UFM_OK;
    return ufm_fail(
        error, UFM_ERROR_UNSUPPORTED,
        "the Hessian has about %.1e eigenvalues, too many to count exactly; use fewer classes, smaller "
        "multiplicities or a smaller dimension",
        columns * (double)(dim + 1));
}

/* Scales and curvatures. With p = a on the tag set and b outside, the data term's second derivative in the
 * logits is omega m (n_m/N) times a, b and K a b on the three parts. */
static void fill_levels(const ufm_prediction *prediction, ufm_loss loss, ufm_spectrum_problem *problem)
{
    const double K = (double)problem->classes;
    double samples = 0;
    for (int64_t l = 0; l < problem->levels; l++)
        samples += problem->level[l].count * (double)problem->level[l].tag_sets;
    for (int64_t l = 0; l < problem->levels; l++) {
        ufm_spectrum_level *level = &problem->level[l];
        const double m = (double)level->multiplicity, decay = exp(-prediction->margin[l]);
        const double inside = 1 / (m + (K - m) * decay), outside = decay * inside;
        const double unit = problem->gram_scale * ufm_loss_weight(loss, m) * m / samples;
        level->scale = level->multiplicity < problem->classes ? prediction->scale[l] : 0;
        level->curvature[SPECTRUM_INSIDE] = unit * inside;
        level->curvature[SPECTRUM_OUTSIDE] = unit * outside;
        level->curvature[SPECTRUM_CONTRAST] = unit * K * inside * outside;
    }
}

static ufm_status check(const ufm_prediction *prediction, int64_t dim, ufm_error *error)
{
    if (dim < prediction->classes - 1)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "dimension %lld does not hold the simplex of %lld classes; it needs at least %lld",
                        (long long)dim, (long long)prediction->classes, (long long)prediction->classes - 1);
    if (prediction->phase != UFM_PHASE_SEPARATED)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "the optimum is the total collapse W = H = 0 (mu %.6g, mu_c %.6g); the spectrum is "
                        "predicted for mu < mu_c",
                        prediction->mu, prediction->mu_critical);
    return UFM_OK;
}

/* ---- The spectrum ----------------------------------------------------------------------------------- */

/* Directions that change no logit relative to the others: the common shift of the bias, the same vector
 * added to all rows of W, and all that happens outside the span of the simplex. */
static void append_spare(const ufm_spectrum_problem *problem, int64_t dim, eigenvalue_list *list)
{
    const int64_t K = problem->classes, spare = dim - (K - 1);
    int64_t columns = 0;
    for (int64_t l = 0; l < problem->levels; l++) columns += problem->level[l].tag_sets;
    append(list, 2 * problem->lambda_b, 1);
    append(list, 2 * problem->lambda_w, dim);
    append(list, 0, spare * (K - 1));
    append(list, 2 * (problem->lambda_w + problem->lambda_h), spare * (K - 1));
    append(list, 2 * problem->lambda_h, spare * (columns - (K - 1)));
}

/* The features' directions that neither the classifier nor the bias couple to. */
static void append_unreached(const ufm_spectrum_problem *problem, eigenvalue_list *list)
{
    for (int64_t l = 0; l < problem->levels; l++) {
        const ufm_spectrum_level *level = &problem->level[l];
        for (ufm_spectrum_part part = 0; part < SPECTRUM_PARTS; part++) {
            int64_t left = ufm_spectrum_part_dimension(problem->classes, level, part);
            for (ufm_spectrum_type type = 0; type < SPECTRUM_TYPES; type++)
                if (ufm_spectrum_reached(problem->classes, level->multiplicity, part, type))
                    left -= ufm_spectrum_type_dimension(problem->classes, type);
            append(list, level->curvature[part] + 2 * problem->lambda_h, left);
        }
    }
}

static ufm_status append_types(const ufm_spectrum_problem *problem, eigenvalue_list *list, ufm_error *error)
{
    double *values = ufm_alloc(2 + 3 * problem->levels, sizeof *values);
    ufm_status status = UFM_OK;
    if (!values) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the predicted spectrum");
    for (ufm_spectrum_type type = 0; type < SPECTRUM_TYPES && status == UFM_OK; type++) {
        const int64_t dimension = ufm_spectrum_type_dimension(problem->classes, type);
        int64_t count = 0;
        if (dimension > 0) status = ufm_spectrum_type_values(problem, type, values, &count, error);
        for (int64_t i = 0; i < count; i++) append(list, values[i], dimension);
    }
    ufm_free(values);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const double x = ((const eigenvalue *)a)->value, y = ((const eigenvalue *)b)->value;
    return (x > y) - (x < y);
}

/* Sorts, and makes one of values that rounding alone keeps apart. */
static void merge_equal(eigenvalue_list *list)
{
    int64_t kept = 0;
    qsort(list->entry, (size_t)list->count, sizeof *list->entry, ascending);
    const double resolution = 4 * 0x1p-52 * list->entry[list->count - 1].value;
    for (int64_t i = 1; i < list->count; i++) {
        if (list->entry[i].value - list->entry[kept].value <= resolution)
            list->entry[kept].multiplicity += list->entry[i].multiplicity;
        else
            list->entry[++kept] = list->entry[i];
    }
    list->count = kept + 1;
}

static ufm_predicted_spectrum *spectrum_of(const eigenvalue_list *list)
{
    ufm_predicted_spectrum *made = ufm_alloc(1, sizeof *made);
    if (!made) return NULL;
    made->distinct = list->count;
    made->value = ufm_alloc(list->count, sizeof *made->value);
    made->multiplicity = ufm_alloc(list->count, sizeof *made->multiplicity);
    if (!made->value || !made->multiplicity) {
        ufm_predicted_spectrum_free(made);
        return NULL;
    }
    for (int64_t i = 0; i < list->count; i++) {
        made->value[i] = list->entry[i].value;
        made->multiplicity[i] = list->entry[i].multiplicity;
    }
    return made;
}

ufm_status ufm_spectrum_predict(const ufm_design *design, const ufm_objective *objective, int64_t dim,
                                ufm_predicted_spectrum **spectrum, ufm_error *error)
{
    ufm_spectrum_problem problem = {0};
    eigenvalue_list list = {0};
    ufm_prediction *prediction;
    if (objective->loss != UFM_LOSS_PAL && objective->loss != UFM_LOSS_PAL_N)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED,
                        "the spectrum is predicted for the losses pal and pal-n only");
    ufm_status status = ufm_predict(design, objective, &prediction, error);
    if (status != UFM_OK) return status;
    status = check(prediction, dim, error);
    if (status != UFM_OK) goto cleanup;
    problem = (ufm_spectrum_problem){.classes = design->classes,
                                     .levels = design->levels,
                                     .lambda_w = objective->lambda_w,
                                     .lambda_h = objective->lambda_h,
                                     .lambda_b = objective->lambda_b,
                                     .gram_scale = prediction->gram_scale,
                                     .level = ufm_alloc(design->levels, sizeof(ufm_spectrum_level))};
    list.entry = ufm_alloc(room_for(design->levels), sizeof *list.entry);
    if (!problem.level || !list.entry) goto no_memory;
    status = count_tag_sets(design, dim, &problem, error);
    if (status != UFM_OK) goto cleanup;
    fill_levels(prediction, objective->loss, &problem);
    append_spare(&problem, dim, &list);
    append_unreached(&problem, &list);
    status = append_types(&problem, &list, error);
    if (status != UFM_OK) goto cleanup;
    merge_equal(&list);
    *spectrum = spectrum_of(&list);
    if (*spectrum) goto cleanup;
no_memory:
    status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the predicted spectrum");
cleanup:
    ufm_free(list.entry);
    ufm_free(problem.level);
    ufm_prediction_free(prediction);
    return status;
}
