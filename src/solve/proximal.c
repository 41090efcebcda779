/* The optimum by way of the convex problem. */
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>
#include <ufmlab/solve.h>

int64_t ufm_solve_proximal_copies(void)
{
    return UFM_PROXIMAL_MATRICES + 3; /* X, H, and H times the roots of the counts */
}

static bool observe(void *context, const ufm_convex_progress *now)
{
    const ufm_minimize_settings *minimize = context;
    const ufm_progress progress = {.iteration = now->iteration,
                                   .evaluations = now->evaluations,
                                   .value = now->value,
                                   .gradient_norm = now->residual,
                                   .seconds = now->seconds};
    return !minimize->observe || minimize->observe(minimize->context, &progress);
}

static ufm_minimize_info info_of(const ufm_proximal_info *info)
{
    static const ufm_stop stops[] = {[UFM_CONVEX_CONVERGED] = UFM_STOP_CONVERGED,
                                     [UFM_CONVEX_ITERATIONS] = UFM_STOP_ITERATIONS,
                                     [UFM_CONVEX_STALLED] = UFM_STOP_STALLED,
                                     [UFM_CONVEX_INTERRUPTED] = UFM_STOP_INTERRUPTED};
    return (ufm_minimize_info){.stop = stops[info->stop],
                               .iterations = info->iterations,
                               .evaluations = info->evaluations,
                               .value = info->value,
                               .gradient_norm = info->residual,
                               .seconds = info->seconds};
}

/* Storage [W | H | b] and, with merged labels, the features; then storage's H times the roots of the counts.
 */
static void describe(const ufm_labels *labels, int64_t dim, ufm_solution *made)
{
    const int64_t K = labels->classes, n = labels->columns;
    double *H = made->storage + K * dim;
    if (labels->count) memcpy(made->features, H, (size_t)(dim * n) * sizeof *H);
    made->point = (ufm_point){K, dim, n, made->storage, labels->count ? made->features : H, H + dim * n};
    for (int64_t i = 0; labels->count && i < n; i++)
        ufm_scale(dim, sqrt((double)labels->count[i]), H + i * dim);
}

ufm_status ufm_solve_proximal(const ufm_labels *labels, const ufm_solve_settings *settings,
                              ufm_solution **solution, ufm_error *error)
{
    const int64_t K = labels->classes, n = labels->columns, dim = settings->dim > 0 ? settings->dim : K;
    const ufm_convex_settings convex = {settings->minimize.tolerance, settings->minimize.max_iterations,
                                        observe, (void *)(uintptr_t)&settings->minimize};
    ufm_certify_settings certify = ufm_certify_defaults();
    ufm_proximal_info info;
    ufm_solution *made = ufm_alloc(1, sizeof *made);
    double *X = ufm_alloc(K * n, sizeof *X);
    ufm_status status = UFM_ERROR_MEMORY;
    if (made) made->storage = ufm_alloc(dim * (K + n) + K, sizeof(double));
    if (made && labels->count) made->features = ufm_alloc(dim * n, sizeof(double));
    if (!made || !X || !made->storage || (labels->count && !made->features)) {
        ufm_fail(error, status, "not enough memory for %lld features of dimension %lld", (long long)n,
                 (long long)dim);
        goto cleanup;
    }
    const ufm_factors factors = {dim, made->storage, made->storage + K * dim};
    const ufm_logits logits = {X, factors.H + dim * n};
    status = ufm_proximal(labels, &settings->objective, &convex, logits, &info, error);
    if (status == UFM_OK) status = ufm_convex_factor(labels, &settings->objective, X, factors, error);
    if (status != UFM_OK) goto cleanup;
    made->info = info_of(&info);
    describe(labels, dim, made);
    certify.gap_tolerance = settings->gap_tolerance;
    status = ufm_certify(&made->point, labels, &settings->objective, &certify, &made->certificate, error);
cleanup:
    ufm_free(X);
    if (status == UFM_OK) {
        *solution = made;
    } else {
        ufm_solution_free(made);
    }
    return status;
}
