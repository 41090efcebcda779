#include "loss.h"
#include "internal.h"
#include <math.h>

/* One class at a time, with the tags alongside: `tagged` tells whether class k is in the set. */
typedef struct {
    ufm_tag_set set;
    int64_t next;
} tag_walk;

static bool tagged(tag_walk *walk, int64_t k)
{
    if (walk->next >= walk->set.tags || walk->set.tag[walk->next] != k) return false;
    walk->next++;
    return true;
}

static void log_softmax(int64_t classes, double *z)
{
    double peak = z[0];
    for (int64_t k = 1; k < classes; k++) peak = fmax(peak, z[k]);
    ufm_sum others = {-1, 0}; /* sum of exp(z - peak) less the peak's own 1 */
    for (int64_t k = 0; k < classes; k++) ufm_sum_add(&others, exp(z[k] - peak));
    const double log_total = log1p(ufm_sum_value(others));
    for (int64_t k = 0; k < classes; k++) z[k] = (z[k] - peak) - log_total;
}

/* dz^T (diag p - p p^T) dz from log-probabilities: the variance of dz. */
static double variance(int64_t classes, const double *log_p, const double *dz)
{
    double mean = 0, sum = 0;
    for (int64_t k = 0; k < classes; k++) mean += exp(log_p[k]) * dz[k];
    for (int64_t k = 0; k < classes; k++) sum += exp(log_p[k]) * (dz[k] - mean) * (dz[k] - mean);
    return sum;
}

/* x log x with its limit at 0. */
static double entropy_term(double x, double log_x)
{
    return x > 0 ? x * log_x : 0;
}

/* ---- pal, pal-n, pal-smooth: omega (m logsumexp(z) - t.z), t_k = (1-epsilon) y_k + epsilon m/K ------ */

static double target(const ufm_objective *objective, ufm_tag_set set, bool is_tag)
{
    const double everywhere = objective->parameter * (double)set.tags / (double)set.classes;
    return (is_tag ? 1 - objective->parameter : 0) + everywhere;
}

static double pal_gradient(const ufm_objective *objective, ufm_tag_set set, double *z)
{
    const double m = (double)set.tags, omega = ufm_loss_weight(objective->loss, m);
    tag_walk walk = {set, 0};
    double loss = 0;
    log_softmax(set.classes, z);
    for (int64_t k = 0; k < set.classes; k++) {
        const double t = target(objective, set, tagged(&walk, k));
        if (t > 0) loss -= t * z[k];
        z[k] = omega * (m * exp(z[k]) - t);
    }
    return omega * loss;
}

static double pal_curvature(const ufm_objective *objective, ufm_tag_set set, double *z, const double *dz)
{
    const double m = (double)set.tags;
    log_softmax(set.classes, z);
    return ufm_loss_weight(objective->loss, m) * m * variance(set.classes, z, dz);
}

/* omega m sum q log q with q = s (p - shift/(omega m)) + (1-s) t/m, a distribution. */
static double pal_conjugate(const ufm_objective *objective, ufm_tag_set set, double *z, double s,
                            const double *shift)
{
    const double m = (double)set.tags, scale = ufm_loss_weight(objective->loss, m) * m;
    tag_walk walk = {set, 0};
    ufm_sum total = {0, 0};
    log_softmax(set.classes, z);
    for (int64_t k = 0; k < set.classes; k++) {
        const double t = target(objective, set, tagged(&walk, k));
        double q = exp(z[k]), log_q = z[k];
        if (s < 1 || shift) {
            q = s * (q - (shift ? shift[k] / scale : 0)) + (1 - s) * t / m;
            if (q < 0) return INFINITY;
            log_q = log(q);
        }
        ufm_sum_add(&total, entropy_term(q, log_q));
    }
    return scale * ufm_sum_value(total);
}

/* ---- pal-focal: sum_{k in S} F(u_k), F(u) = (1 - e^{-u})^gamma u, u_k = -log p_k (proof note 16) ---- */

static double focal_value(double gamma, double u)
{
    return u > 0 ? pow(-expm1(-u), gamma) * u : 0;
}

static double focal_slope(double gamma, double u)
{
    const double q = -expm1(-u);
    if (!(u > 0)) return gamma > 0 ? 0 : 1;
    return pow(q, gamma) + (gamma > 0 ? gamma * u * exp(-u) * pow(q, gamma - 1) : 0);
}

static double focal_bend(double gamma, double u)
{
    const double x = exp(-u), q = -expm1(-u);
    if (gamma == 0 || !(u > 0)) return gamma == 1 ? 2 : 0;
    return gamma * x * pow(q, gamma - 2) * (2 * q + u * (gamma * x - 1));
}

static double focal_gradient(const ufm_objective *objective, ufm_tag_set set, double *z)
{
    const double gamma = objective->parameter;
    double loss = 0, slopes = 0;
    log_softmax(set.classes, z);
    for (int64_t j = 0; j < set.tags; j++) {
        loss += focal_value(gamma, -z[set.tag[j]]);
        slopes += focal_slope(gamma, -z[set.tag[j]]);
    }
    tag_walk walk = {set, 0};
    for (int64_t k = 0; k < set.classes; k++) {
        const double own = tagged(&walk, k) ? focal_slope(gamma, -z[k]) : 0;
        z[k] = slopes * exp(z[k]) - own;
    }
    return loss;
}

static double focal_curvature(const ufm_objective *objective, ufm_tag_set set, double *z, const double *dz)
{
    const double gamma = objective->parameter;
    double mean = 0, slopes = 0, bends = 0;
    log_softmax(set.classes, z);
    for (int64_t k = 0; k < set.classes; k++) mean += exp(z[k]) * dz[k];
    for (int64_t j = 0; j < set.tags; j++) {
        const int64_t k = set.tag[j];
        slopes += focal_slope(gamma, -z[k]);
        bends += focal_bend(gamma, -z[k]) * (mean - dz[k]) * (mean - dz[k]);
    }
    return slopes * variance(set.classes, z, dz) + bends;
}

/* Where the slope of the convex envelope of F is v in [0, 1]: in the convex part, which ends where F' = 1. */
static double envelope_point(double gamma, double v)
{
    enum { HALVINGS = 200 };
    double low = 0, high = 1;
    while (focal_slope(gamma, high) < v && focal_bend(gamma, high) > 0) high *= 2;
    for (int i = 0; i < HALVINGS && high - low > 1e-15 * high; i++) {
        const double middle = low + (high - low) / 2;
        if (focal_slope(gamma, middle) > v || focal_bend(gamma, middle) < 0)
            high = middle;
        else
            low = middle;
    }
    return low + (high - low) / 2;
}

/* sup_u v u - F(u) over the envelope; `own` is a point with the slope `own_slope`, which needs no search. */
static double envelope_conjugate(double gamma, double v, double own, double own_slope)
{
    const bool there = v == own_slope && focal_bend(gamma, own) >= 0;
    const double u = there ? own : envelope_point(gamma, v);
    return v * u - focal_value(gamma, u);
}

/* F is at least its convex envelope: F itself up to u* where F' = 1, then a line of slope 1. With any slopes
 * v_k in [0, 1] the envelope's tangents bound the loss by a weighted cross-entropy, whose conjugate at A q -
 * sum v_k e_k is A sum q log q, A = sum v_k, for distributions q. Here v_k = min(1, s F'(u_k)): exact up to
 * u*, a bound beyond. */
static double focal_conjugate(const ufm_objective *objective, ufm_tag_set set, double *z, double s,
                              const double *shift)
{
    const double gamma = objective->parameter;
    double slopes = 0, total_slope = 0, tangents = 0;
    if (gamma == 0)
        return pal_conjugate(objective, set, z, s, shift); /* the same loss, a better bound for s < 1 */
    log_softmax(set.classes, z);
    for (int64_t j = 0; j < set.tags; j++) {
        const double u = -z[set.tag[j]], slope = focal_slope(gamma, u), v = fmin(1, s * slope);
        slopes += slope;
        total_slope += v;
        tangents += envelope_conjugate(gamma, v, u, slope);
    }
    if (!(total_slope > 0)) return shift ? INFINITY : tangents;
    tag_walk walk = {set, 0};
    ufm_sum total = {0, 0};
    for (int64_t k = 0; k < set.classes; k++) {
        const double excess = tagged(&walk, k) ? fmax(0, s * focal_slope(gamma, -z[k]) - 1) : 0;
        const double q = (s * (slopes * exp(z[k]) - (shift ? shift[k] : 0)) - excess) / total_slope;
        if (q < 0) return INFINITY;
        ufm_sum_add(&total, entropy_term(q, log(q)));
    }
    return total_slope * ufm_sum_value(total) + tangents;
}

/* ---- pal-mse: (m |z|^2 - 2 y.z + m)/2 ------------------------------------------------------------- */

static double mse_gradient(const ufm_objective *objective, ufm_tag_set set, double *z)
{
    (void)objective;
    const double m = (double)set.tags;
    tag_walk walk = {set, 0};
    ufm_sum loss = {m, 0};
    for (int64_t k = 0; k < set.classes; k++) {
        const double y = tagged(&walk, k);
        ufm_sum_add(&loss, z[k] * (m * z[k] - 2 * y));
        z[k] = m * z[k] - y;
    }
    return ufm_sum_value(loss) / 2;
}

static double mse_curvature(const ufm_objective *objective, ufm_tag_set set, double *z, const double *dz)
{
    (void)objective;
    (void)z;
    return (double)set.tags * ufm_dot(set.classes, dz, dz);
}

/* (|v + y|^2/m - m)/2 */
static double mse_conjugate(const ufm_objective *objective, ufm_tag_set set, double *z, double s,
                            const double *shift)
{
    (void)objective;
    const double m = (double)set.tags;
    tag_walk walk = {set, 0};
    ufm_sum total = {-m, 0};
    for (int64_t k = 0; k < set.classes; k++) {
        const double y = tagged(&walk, k);
        const double moved = s * (m * z[k] - (shift ? shift[k] : 0)) + (1 - s) * y;
        ufm_sum_add(&total, moved * moved / m);
    }
    return ufm_sum_value(total) / 2;
}

/* ---- bce: sum_k log(1 + e^{z_k}) - y_k z_k -------------------------------------------------------- */

/* log(1 + e^z) */
static double softplus(double z)
{
    return fmax(z, 0) + log1p(exp(-fabs(z)));
}

static double bce_gradient(const ufm_objective *objective, ufm_tag_set set, double *z)
{
    (void)objective;
    tag_walk walk = {set, 0};
    ufm_sum loss = {0, 0};
    for (int64_t k = 0; k < set.classes; k++) {
        const bool y = tagged(&walk, k);
        ufm_sum_add(&loss, softplus(y ? -z[k] : z[k]));
        z[k] = y ? -exp(-softplus(z[k])) : exp(-softplus(-z[k]));
    }
    return ufm_sum_value(loss);
}

static double bce_curvature(const ufm_objective *objective, ufm_tag_set set, double *z, const double *dz)
{
    (void)objective;
    double total = 0;
    for (int64_t k = 0; k < set.classes; k++) total += exp(-softplus(z[k]) - softplus(-z[k])) * dz[k] * dz[k];
    return total;
}

/* sum_k q log q + (1-q) log(1-q) with q = s (p - shift) + (1-s) y in [0,1] */
static double bce_conjugate(const ufm_objective *objective, ufm_tag_set set, double *z, double s,
                            const double *shift)
{
    (void)objective;
    tag_walk walk = {set, 0};
    ufm_sum total = {0, 0};
    for (int64_t k = 0; k < set.classes; k++) {
        const bool y = tagged(&walk, k);
        double log_q = -softplus(-z[k]), log_rest = -softplus(z[k]), q = exp(log_q), rest = exp(log_rest);
        if (s < 1 || shift) {
            const double move = shift ? shift[k] : 0;
            q = s * (q - move) + (y ? 1 - s : 0);
            rest = s * (rest + move) + (y ? 0 : 1 - s);
            if (q < 0 || rest < 0) return INFINITY;
            log_q = log(q);
            log_rest = log(rest);
        }
        ufm_sum_add(&total, entropy_term(q, log_q) + entropy_term(rest, log_rest));
    }
    return ufm_sum_value(total);
}

const certify_loss *certify_loss_of(ufm_loss loss)
{
    static const certify_loss losses[UFM_LOSS_COUNT] = {
        [UFM_LOSS_PAL] = {pal_gradient, pal_curvature, pal_conjugate},
        [UFM_LOSS_PAL_N] = {pal_gradient, pal_curvature, pal_conjugate},
        [UFM_LOSS_PAL_SMOOTH] = {pal_gradient, pal_curvature, pal_conjugate},
        [UFM_LOSS_PAL_FOCAL] = {focal_gradient, focal_curvature, focal_conjugate},
        [UFM_LOSS_PAL_MSE] = {mse_gradient, mse_curvature, mse_conjugate},
        [UFM_LOSS_BCE] = {bce_gradient, bce_curvature, bce_conjugate},
    };
    return &losses[loss];
}
