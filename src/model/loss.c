#include "loss.h"
#include <math.h>
#include <string.h>
#include <ufmlab/linalg.h>
#include <ufmlab/model.h>

/* ---- Softmax ------------------------------------------------------------------------------------ */

static int64_t largest(int64_t K, const double *z)
{
    int64_t top = 0;
    for (int64_t k = 1; k < K; k++)
        if (z[k] > z[top]) top = k;
    return top;
}

/* e_k = exp(z_k - z_top) become probabilities. Returns log sum_k e_k; the sum without its largest term keeps
 * digits when one class dominates. */
static double softmax(int64_t K, int64_t top, double *e)
{
    double rest = 0;
    e[top] = 0;
    for (int64_t k = 0; k < K; k++) rest += e[k];
    e[top] = 1;
    const double inverse = 1 / (1 + rest);
    for (int64_t k = 0; k < K; k++) e[k] *= inverse;
    return log1p(rest);
}

static void keep(double *state, int64_t K, const double *p)
{
    if (state) memcpy(state, p, (size_t)K * sizeof *p);
}

/* dz becomes scale (diag p - p p^T) dz. */
static void softmax_curvature(int64_t K, double scale, const double *p, double *dz)
{
    double mean = 0;
    for (int64_t k = 0; k < K; k++) mean += p[k] * dz[k];
    for (int64_t k = 0; k < K; k++) dz[k] = scale * p[k] * (dz[k] - mean);
}

/* ---- Pick-all-label cross-entropy, its division by m and its smoothing ---------------------------- */

/* omega (m logsumexp(z) - t.z) with target t = (1-epsilon) y + epsilon m/K; epsilon is 0 without smoothing.
 */
typedef struct {
    double m, omega, epsilon, everywhere;
} pal_target;

static pal_target target_of(const ufm_objective *objective, ufm_tag_set set)
{
    const double m = (double)set.tags, epsilon = objective->parameter;
    return (pal_target){m, ufm_loss_weight(objective->loss, m), epsilon, epsilon * m / (double)set.classes};
}

static double pal_gradient(const ufm_objective *objective, ufm_tag_set set, double *z, double *state)
{
    const pal_target t = target_of(objective, set);
    const int64_t K = set.classes, top = largest(K, z);
    const double peak = z[top];
    double on = 0, all = 0; /* sums of z_top - z_k: the loss without cancellation */
    for (int64_t k = 0; k < K; k++) z[k] -= peak;
    for (int64_t j = 0; j < set.tags; j++) on -= z[set.tag[j]];
    for (int64_t k = 0; t.epsilon > 0 && k < K; k++) all -= z[k];
    ufm_exp(K, z);
    const double log_sum = softmax(K, top, z);
    keep(state, K, z);
    for (int64_t k = 0; k < K; k++) z[k] = t.omega * (t.m * z[k] - t.everywhere);
    for (int64_t j = 0; j < set.tags; j++) z[set.tag[j]] -= t.omega * (1 - t.epsilon);
    return t.omega * ((1 - t.epsilon) * on + t.everywhere * all + t.m * log_sum);
}

static double pal_scale(const ufm_objective *objective, ufm_tag_set set)
{
    return ufm_loss_weight(objective->loss, (double)set.tags) * (double)set.tags;
}

static void pal_curvature(const ufm_objective *objective, ufm_tag_set set, const double *state, double *dz)
{
    softmax_curvature(set.classes, pal_scale(objective, set), state, dz);
}

/* a = scale p, s = scale. */
static double split_softmax(int64_t K, double scale, const double *p, double *a)
{
    for (int64_t k = 0; k < K; k++) a[k] = scale * p[k];
    return scale;
}

static double pal_split(const ufm_objective *objective, ufm_tag_set set, const double *state, double *a)
{
    return split_softmax(set.classes, pal_scale(objective, set), state, a);
}

/* ---- Focal -------------------------------------------------------------------------------------- */

/* F(u) = (1 - e^{-u})^gamma u and its first two derivatives, u >= 0. */
typedef struct {
    double value, slope, bend;
} focal_value;

static focal_value focal(double gamma, double u)
{
    if (gamma == 0) return (focal_value){u, 1, 0};
    if (u <= 0) return (focal_value){0, 0, gamma == 1 ? 2 : 0};
    const double x = exp(-u), q = -expm1(-u); /* q = 1 - x */
    const double power = pow(q, gamma);
    return (focal_value){power * u, power + gamma * u * x * power / q,
                         gamma * x * power / (q * q) * (2 * q + u * (gamma * x - 1))};
}

/* sum_{k in S} F(u_k); the gradient of u_k is p - e_k. The logits are needed until the slopes are summed, so
 * that their exponentials are taken twice. */
static double focal_gradient(const ufm_objective *objective, ufm_tag_set set, double *z, double *state)
{
    const int64_t K = set.classes, top = largest(K, z);
    const double peak = z[top];
    double rest = 0, total = 0, slopes = 0;
    for (int64_t k = 0; k < K; k++)
        if (k != top) rest += exp(z[k] - peak);
    const double log_sum = log1p(rest);
    for (int64_t j = 0; j < set.tags; j++) {
        const focal_value f = focal(objective->parameter, log_sum + (peak - z[set.tag[j]]));
        total += f.value;
        slopes += f.slope;
    }
    int64_t next = 0;
    for (int64_t k = 0; k < K; k++) {
        const double u = log_sum + (peak - z[k]), p = exp(z[k] - peak) / (1 + rest);
        const bool tagged = next < set.tags && set.tag[next] == k;
        next += tagged;
        if (state) {
            state[k] = p;
            state[K + k] = u;
        }
        z[k] = slopes * p - (tagged ? focal(objective->parameter, u).slope : 0);
    }
    return total;
}

/* sum_k F'(u_k) (diag p - p p^T) + F''(u_k) (p - e_k)(p - e_k)^T */
static void focal_curvature(const ufm_objective *objective, ufm_tag_set set, const double *state, double *dz)
{
    const int64_t K = set.classes;
    double mean = 0, slopes = 0, along_p = 0;
    for (int64_t k = 0; k < K; k++) mean += state[k] * dz[k];
    for (int64_t j = 0; j < set.tags; j++) {
        const int64_t k = set.tag[j];
        const focal_value f = focal(objective->parameter, state[K + k]);
        slopes += f.slope;
        along_p += f.bend * (mean - dz[k]);
    }
    int64_t next = 0;
    for (int64_t k = 0; k < K; k++) {
        const double change = dz[k] - mean;
        dz[k] = state[k] * (slopes * change + along_p);
        if (next < set.tags && set.tag[next] == k) {
            dz[k] += focal(objective->parameter, state[K + k]).bend * change;
            next++;
        }
    }
}

static double focal_split(const ufm_objective *objective, ufm_tag_set set, const double *state, double *a)
{
    double slopes = 0;
    for (int64_t j = 0; j < set.tags; j++)
        slopes += focal(objective->parameter, state[set.classes + set.tag[j]]).slope;
    return split_softmax(set.classes, slopes, state, a);
}

/* ---- Squared error ------------------------------------------------------------------------------ */

/* (m |z|^2 - 2 y.z + m)/2 */
static double mse_gradient(const ufm_objective *objective, ufm_tag_set set, double *z, double *state)
{
    (void)objective;
    (void)state;
    const double m = (double)set.tags;
    double total = 0;
    int64_t next = 0;
    for (int64_t k = 0; k < set.classes; k++) {
        const bool tagged = next < set.tags && set.tag[next] == k;
        next += tagged;
        const double miss = z[k] - 1;
        total += tagged ? miss * miss + (m - 1) * z[k] * z[k] : m * z[k] * z[k];
        z[k] = m * z[k] - tagged;
    }
    return total / 2;
}

static void mse_curvature(const ufm_objective *objective, ufm_tag_set set, const double *state, double *dz)
{
    (void)objective;
    (void)state;
    for (int64_t k = 0; k < set.classes; k++) dz[k] *= (double)set.tags;
}

static double mse_split(const ufm_objective *objective, ufm_tag_set set, const double *state, double *a)
{
    (void)objective;
    (void)state;
    for (int64_t k = 0; k < set.classes; k++) a[k] = (double)set.tags;
    return 0;
}

/* ---- One-vs-all binary cross-entropy -------------------------------------------------------------- */

/* sum_k log(1 + exp(z_k)) - y_k z_k */
static double bce_gradient(const ufm_objective *objective, ufm_tag_set set, double *z, double *state)
{
    (void)objective;
    double total = 0;
    int64_t next = 0;
    for (int64_t k = 0; k < set.classes; k++) {
        const bool tagged = next < set.tags && set.tag[next] == k;
        next += tagged;
        const double wrong = tagged ? -z[k] : z[k]; /* loss log(1 + e^wrong) */
        const double small = exp(-fabs(wrong));
        total += fmax(wrong, 0) + log1p(small);
        const double miss = (wrong > 0 ? 1 : small) / (1 + small);
        if (state) state[k] = small / ((1 + small) * (1 + small));
        z[k] = tagged ? -miss : miss;
    }
    return total;
}

static void bce_curvature(const ufm_objective *objective, ufm_tag_set set, const double *state, double *dz)
{
    (void)objective;
    for (int64_t k = 0; k < set.classes; k++) dz[k] *= state[k];
}

static double bce_split(const ufm_objective *objective, ufm_tag_set set, const double *state, double *a)
{
    (void)objective;
    for (int64_t k = 0; k < set.classes; k++) a[k] = state[k];
    return 0;
}

const model_loss *model_loss_of(ufm_loss loss)
{
    static const model_loss losses[UFM_LOSS_COUNT] = {
        [UFM_LOSS_PAL] = {1, pal_gradient, pal_curvature, pal_split, pal_scale, true},
        [UFM_LOSS_PAL_N] = {1, pal_gradient, pal_curvature, pal_split, pal_scale, true},
        [UFM_LOSS_PAL_SMOOTH] = {1, pal_gradient, pal_curvature, pal_split, pal_scale, true},
        [UFM_LOSS_PAL_FOCAL] = {2, focal_gradient, focal_curvature, focal_split},
        [UFM_LOSS_PAL_MSE] = {0, mse_gradient, mse_curvature, mse_split},
        [UFM_LOSS_BCE] = {1, bce_gradient, bce_curvature, bce_split},
    };
    return &losses[loss];
}

double ufm_model_loss(const ufm_objective *objective, ufm_tag_set set, double *z)
{
    return model_loss_of(objective->loss)->gradient(objective, set, z, NULL);
}
