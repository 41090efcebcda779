/* The optimum along lambda, each point started from the ones before and certified. */
#include "path.h"
#include "trajectory.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>

typedef struct {
    const ufm_explorer *explorer;
    path_instance instance;
    path_point at;                     /* of this point */
    int64_t size, known;               /* length of x; points behind us, at most 2 */
    double *x, *last, *before, *trial; /* this optimum (first its start), the last two, and another try */
    double step_taken;                 /* log of the factor between the last two */
    ufm_path_info info;
} walk;

/* ---- One point ----------------------------------------------------------------------------------- */

/* Along a path W and H grow like roots of log(1/lambda), almost linearly in log lambda: x is where the line
 * through the last two points arrives, or the last one where that is better, as after a singular value was
 * born. */
static void extrapolate(walk *w, double step)
{
    memcpy(w->x, w->last, (size_t)w->size * sizeof(double));
    if (w->known < 2) return;
    memcpy(w->trial, w->last, (size_t)w->size * sizeof(double));
    ufm_axpy(w->size, step / w->step_taken, w->last, w->trial);
    ufm_axpy(w->size, -step / w->step_taken, w->before, w->trial);
    if (ufm_model_value(w->at.model, w->trial) < ufm_model_value(w->at.model, w->x))
        memcpy(w->x, w->trial, (size_t)w->size * sizeof(double));
}

static ufm_status polish_and_certify(walk *w, double *x, ufm_certificate *certificate, ufm_error *error)
{
    ufm_explorer explorer = *w->explorer;
    explorer.objective = w->at.objective;
    ufm_status status = landscape_polish_to(w->at.model, &explorer, 0, x, error);
    if (status == UFM_OK)
        status = landscape_certify(w->at.model, w->instance.labels, &explorer, x, certificate, error);
    return status;
}

/* Adds noise to W and H, of `scale` times their root mean square, which counts as 1/10 at least: they vanish
 * at the first saddle. */
static ufm_status perturb(const walk *w, double scale, double *x)
{
    const int64_t numbers = w->size - w->instance.labels->classes;
    const double mean = ufm_norm(numbers, x) / sqrt((double)numbers);
    ufm_rng *rng = ufm_rng_new(w->explorer->seed);
    if (!rng) return UFM_ERROR_MEMORY;
    for (int64_t j = 0; j < numbers; j++) x[j] += scale * fmax(mean, 0.1) * ufm_rng_gaussian(rng);
    ufm_rng_free(rng);
    return UFM_OK;
}

/* Whether the certificate says all that one can ask for: deep in a path f hardly differs from its infimum,
 * and the gap must be small against the regulariser too. */
static bool is_sharp(const walk *w)
{
    const ufm_certificate *c = &w->at.certificate;
    const double weights = ufm_norm(w->instance.labels->classes * w->instance.dim, w->x);
    const double regulariser = 2 * w->at.objective.lambda_w * weights * weights; /* half is lambda_h |H|^2 */
    return c->verdict == UFM_CERTIFIED_GLOBAL &&
           (c->gap <= 1e-9 * regulariser || c->gap <= 1e-14 * c->objective);
}

/* Another start near a saddle, where a singular value is to be born, or where Newton's iteration stalled. The
 * better point stays. */
static ufm_status try_again(walk *w, double noise, ufm_error *error)
{
    ufm_certificate certificate;
    memcpy(w->trial, w->x, (size_t)w->size * sizeof(double));
    ufm_status status = noise > 0 ? perturb(w, noise, w->trial)
                                  : ufm_model_start(w->at.model, w->explorer->seed, 0.3, w->trial);
    if (status != UFM_OK) return ufm_fail(error, status, "cannot make a start");
    status = polish_and_certify(w, w->trial, &certificate, error);
    if (status != UFM_OK || !(certificate.gap < w->at.certificate.gap)) return status;
    w->at.certificate = certificate;
    memcpy(w->x, w->trial, (size_t)w->size * sizeof(double));
    return UFM_OK;
}

static ufm_status solve_point(walk *w, ufm_error *error)
{
    static const double noises[] = {1e-5, 1e-3, 1e-2};
    ufm_status status = polish_and_certify(w, w->x, &w->at.certificate, error);
    if (status == UFM_OK) w->info.restarts += w->at.certificate.verdict != UFM_CERTIFIED_GLOBAL;
    for (int n = 0; n < 3 && status == UFM_OK && !is_sharp(w); n++) status = try_again(w, noises[n], error);
    const bool far = !(w->at.certificate.gap <= 1e-4 * fabs(w->at.certificate.objective));
    return status == UFM_OK && far ? try_again(w, 0, error) : status;
}

static ufm_status allocate(walk *w)
{
    w->size = ufm_model_size(w->at.model);
    double **const vectors[] = {&w->x, &w->last, &w->before, &w->trial};
    for (int v = 0; v < 4; v++)
        if (!(*vectors[v] = ufm_alloc(w->size, sizeof(double)))) return UFM_ERROR_MEMORY;
    return ufm_model_start(w->at.model, w->explorer->seed, 0.3, w->x);
}

/* The point reached becomes the last one. */
static void turn(walk *w, double step)
{
    double *const spare = w->before;
    w->before = w->last;
    w->last = w->x;
    w->x = spare;
    w->step_taken = step;
    if (w->known < 2) w->known++;
}

static ufm_status visit(walk *w, double factor, ufm_error *error)
{
    const double step = w->known > 0 ? log(factor / w->at.factor) : 0;
    w->at.factor = factor;
    w->at.objective = w->explorer->objective;
    w->at.objective.lambda_w *= factor;
    w->at.objective.lambda_h *= factor;
    const ufm_model_settings settings = {w->at.objective, w->instance.dim, w->explorer->threads};
    ufm_status status = ufm_model_new(w->instance.labels, &settings, &w->at.model, error);
    if (status != UFM_OK) return status;
    if (w->known == 0) {
        status = allocate(w);
        if (status != UFM_OK) ufm_fail(error, status, "not enough memory for a path");
    } else {
        extrapolate(w, step);
    }
    if (status == UFM_OK) status = solve_point(w, error);
    w->at.x = w->x;
    if (status == UFM_OK) status = path_measure(&w->instance, &w->at, &w->info, error);
    ufm_model_free(w->at.model);
    w->at.model = NULL;
    if (status == UFM_OK) turn(w, step);
    return status;
}

/* ---- The instance -------------------------------------------------------------------------------- */

static ufm_status check(const ufm_path_settings *settings, ufm_error *error)
{
    if (!(settings->low > 0) || !(settings->high > settings->low) || !isfinite(settings->high) ||
        settings->points < 2)
        return ufm_fail(error, UFM_ERROR_USAGE, "a path needs 0 < low < high and at least 2 points");
    return UFM_OK;
}

static bool watch_margin(void *context, const ufm_convex_progress *now)
{
    const ufm_explorer *explorer = context;
    (void)now;
    return !explorer->progress || explorer->progress(explorer->context, 0, "max-margin limit");
}

/* The limit of note 30, which is that of the pick-all-label losses for d >= K-1. Where there is none the
 * distances are not defined. */
static ufm_status find_limit(walk *w, ufm_error *error)
{
    const ufm_labels *labels = w->instance.labels;
    const ufm_objective *objective = &w->explorer->objective;
    const bool pick_all = objective->loss == UFM_LOSS_PAL || objective->loss == UFM_LOSS_PAL_N;
    if (!pick_all || w->instance.dim < labels->classes - 1) return UFM_OK;
    ufm_convex_settings settings = ufm_margin_defaults();
    ufm_explorer watched = *w->explorer;
    ufm_margin_info info;
    settings.max_iterations = 5000; /* a few hundred are usual */
    settings.observe = watch_margin;
    settings.context = &watched;
    const int64_t numbers = labels->classes * labels->columns;
    const ufm_margin_point point = {ufm_alloc(numbers, sizeof(double)),
                                    ufm_alloc(labels->classes, sizeof(double)),
                                    ufm_alloc(numbers, sizeof(double))};
    ufm_status status = point.X && point.b && point.L
                            ? ufm_max_margin(labels, objective->lambda_b == 0, &settings, point, &info, error)
                            : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the max-margin limit");
    ufm_free(point.b);
    ufm_free(point.L);
    if (status == UFM_OK && info.stop == UFM_CONVEX_INTERRUPTED)
        status = ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    if (status != UFM_OK) {
        ufm_free(point.X);
        return status == UFM_ERROR_USAGE ? UFM_OK : status; /* nothing to separate */
    }
    w->instance.margin_X = point.X;
    w->instance.margin_value = w->info.margin_value = info.value;
    w->info.margin_lower_bound = info.lower_bound;
    return UFM_OK;
}

static ufm_status prepare(walk *w, ufm_design **design, ufm_error *error)
{
    const ufm_labels *labels = w->instance.labels;
    ufm_status status = UFM_OK;
    w->instance.dim = w->explorer->dim > 0 ? w->explorer->dim : labels->classes;
    if (w->instance.dim >= labels->classes - 1) {
        status = ufm_labels_to_design(labels, design, error);
        if (status == UFM_ERROR_UNSUPPORTED) status = UFM_OK; /* unbalanced: nothing to compare with */
    }
    w->instance.design = *design;
    if (status == UFM_OK)
        status = ufm_collapse_threshold(labels, &w->explorer->objective, &w->instance.mu_max, NULL, error);
    w->info.mu_max = w->instance.mu_max;
    return status == UFM_OK ? find_limit(w, error) : status;
}

ufm_status ufm_path_write(const ufm_labels *labels, const ufm_explorer *explorer,
                          const ufm_path_settings *settings, const ufm_path_outputs *outputs,
                          ufm_path_info *info, ufm_error *error)
{
    ufm_design *design = NULL;
    ufm_status status = check(settings, error);
    if (status != UFM_OK) return status;
    walk w = {.explorer = explorer, .instance = {.labels = labels}};
    w.info = (ufm_path_info){.certified_to = NAN,
                             .worst_gap = NAN,
                             .worst_penalty_gap = NAN,
                             .worst_scale_ratio = NAN,
                             .worst_margin = NAN,
                             .margin_value = NAN,
                             .margin_lower_bound = NAN,
                             .distance = NAN,
                             .margin_share = NAN};
    if (outputs) w.instance.outputs = *outputs;
    status = prepare(&w, &design, error);
    if (status == UFM_OK) path_headers(&w.instance.outputs);
    for (int64_t i = 0; i < settings->points && status == UFM_OK; i++) {
        const double share = (double)i / (double)(settings->points - 1);
        status = visit(&w, settings->high * pow(settings->low / settings->high, share), error);
        if (status == UFM_OK && explorer->progress && !explorer->progress(explorer->context, share, "path"))
            status = ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    }
    ufm_free(w.x);
    ufm_free(w.last);
    ufm_free(w.before);
    ufm_free(w.trial);
    ufm_free(w.instance.margin_X);
    ufm_design_free(design);
    if (status == UFM_OK && info) *info = w.info;
    return status;
}
