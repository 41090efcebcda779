/* The losses at symmetric logits. */
#include "reduced.h"
#include <math.h>

double reduced_cross_entropy(double K, double m, double delta)
{
    return log(m) + log1p((K - m) / m * exp(-delta));
}

/* F(u) = (1 - e^{-u})^gamma u with two derivatives. */
typedef struct {
    double value, slope, bend;
} scalar_loss;

static scalar_loss focal(double gamma, double u)
{
    if (gamma == 0) return (scalar_loss){u, 1, 0};
    const double x = exp(-u), q = -expm1(-u), power = pow(q, gamma);
    return (scalar_loss){power * u, power + gamma * u * x * power / q,
                         gamma * x * power / (q * q) * (2 * q + u * (gamma * x - 1))};
}

/* F' rises from 0 past 1 and then falls back to 1 from above: it is 1 once, where F is still convex. */
double reduced_convex_limit(const ufm_objective *objective)
{
    if (objective->loss != UFM_LOSS_PAL_FOCAL || objective->parameter == 0) return INFINITY;
    const double gamma = objective->parameter;
    double low = 0, high = 1;
    while (focal(gamma, high).bend > 0 && focal(gamma, high).slope < 1) high *= 2;
    for (int i = 0; i < 200 && high - low > 0; i++) {
        const double middle = low + (high - low) / 2;
        if (middle == low || middle == high) break;
        const scalar_loss f = focal(gamma, middle);
        if (f.slope < 1 && f.bend > 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* m F(u(delta)); u' = -pi, u'' = pi (1 - pi), pi = (K-m)/(m e^delta + K - m). */
static reduced_loss of_cross_entropy(double K, double m, double delta, scalar_loss f)
{
    const double decay = exp(-delta), pi = (K - m) * decay / (m + (K - m) * decay);
    return (reduced_loss){
        .value = m * f.value, .d = -m * f.slope * pi, .dd = m * (f.bend * pi * pi + f.slope * pi * (1 - pi))};
}

static reduced_loss pal(const ufm_objective *objective, double K, double m, double delta)
{
    const double u = reduced_cross_entropy(K, m, delta), omega = ufm_loss_weight(objective->loss, m);
    const double pull = objective->parameter * m * (K - m) / K; /* of the smoothing */
    reduced_loss r = of_cross_entropy(K, m, delta, (scalar_loss){u, 1, 0});
    return (reduced_loss){
        .value = omega * (r.value + pull * delta), .d = omega * (r.d + pull), .dd = omega * r.dd};
}

static reduced_loss pal_focal(const ufm_objective *objective, double K, double m, double delta, bool envelope)
{
    const double u = reduced_cross_entropy(K, m, delta), limit = reduced_convex_limit(objective);
    scalar_loss f;
    if (envelope && u > limit)
        f = (scalar_loss){focal(objective->parameter, limit).value + (u - limit), 1, 0};
    else
        f = focal(objective->parameter, u);
    return of_cross_entropy(K, m, delta, f);
}

/* From derivatives in the logits on and off the tag set, zin = s + delta (K-m)/K, zout = s - delta m/K. */
static reduced_loss chain(double K, double m, double value, const double first[2], const double second[2])
{
    const double in = (K - m) / K, out = -m / K;
    return (reduced_loss){.value = value,
                          .d = first[0] * in + first[1] * out,
                          .s = first[0] + first[1],
                          .dd = second[0] * in * in + second[1] * out * out,
                          .ds = second[0] * in + second[1] * out,
                          .ss = second[0] + second[1]};
}

static double softplus(double z)
{
    return fmax(z, 0) + log1p(exp(-fabs(z)));
}

reduced_loss reduced_loss_at(const ufm_objective *objective, double K, double m, double delta, double s,
                             bool envelope)
{
    const double in = s + delta * (K - m) / K, out = s - delta * m / K, n = K - m;
    switch (objective->loss) {
    case UFM_LOSS_PAL_FOCAL:
        return pal_focal(objective, K, m, delta, envelope);
    case UFM_LOSS_PAL_MSE:
        return chain(K, m, (m * (m * in * in + n * out * out) - 2 * m * in + m) / 2,
                     (const double[]){m * (m * in - 1), m * n * out}, (const double[]){m * m, m * n});
    case UFM_LOSS_BCE: {
        const double miss_in = exp(-softplus(in)), miss_out = exp(-softplus(-out));
        return chain(K, m, m * softplus(-in) + n * softplus(out),
                     (const double[]){-m * miss_in, n * miss_out},
                     (const double[]){m * miss_in * (1 - miss_in), n * miss_out * (1 - miss_out)});
    }
    default:
        return pal(objective, K, m, delta);
    }
}
