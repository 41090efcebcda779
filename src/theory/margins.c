#include "margins.h"
#include <math.h>

/* Above this margin e^delta dwarfs every K, and may overflow. */
static const long double LARGE_MARGIN = 100;

long double ufm_margins_limit(int64_t levels, const ufm_margin *margin)
{
    long double sum = 0;
    for (int64_t l = 0; l < levels; l++) sum += margin[l].share * margin[l].weight * margin[l].weight;
    return sum;
}

/* log((m e^delta + K - m)/K). */
static long double log_growth(const ufm_margin *margin, long double delta)
{
    if (delta < LARGE_MARGIN) return log1pl(margin->part * expm1l(delta));
    return delta + logl(margin->part) + log1pl(margin->rest / margin->part * expl(-delta));
}

/* d log_growth/d delta. */
static long double growth_rate(const ufm_margin *margin, long double delta)
{
    return margin->part / (margin->part + margin->rest * expl(-delta));
}

/* Inner root. In v = log delta the equation v + log_growth(e^v) = log(omega t) is increasing and convex, so
 * that Newton's method from an upper bound descends to the root; it ends when rounding stops the descent. */
static void solve_margin(ufm_margin *margin, long double log_t)
{
    enum { MOST_STEPS = 100 };
    const long double target = logl(margin->weight) + log_t;
    /* delta >= 1 implies delta + log(m/K) <= target. */
    long double v = fminl(target, logl(fmaxl(1, target - logl(margin->part))));
    for (int step = 0; step < MOST_STEPS; step++) {
        const long double delta = expl(v);
        const long double excess = v + log_growth(margin, delta) - target;
        const long double next = v - excess / (1 + delta * growth_rate(margin, delta));
        if (!(next < v)) break;
        v = next;
    }
    margin->log_margin = v;
}

/* (F(0) - F(t))/F(0) without cancellation, from delta/(omega t) = 1/(1 + a), a = (m/K)(e^delta - 1). */
static long double relative_fall(int64_t levels, const ufm_margin *margin, long double limit)
{
    long double fall = 0;
    for (int64_t l = 0; l < levels; l++) {
        const ufm_margin *m = &margin[l];
        const long double a = m->part * expm1l(fminl(expl(m->log_margin), LARGE_MARGIN));
        const long double loss = a / (1 + a);
        fall += m->share * m->weight * m->weight * loss * (2 - loss);
    }
    return fall / limit;
}

typedef struct {
    long double drop;  /* D = log(F(0)/F(t)) */
    long double slope; /* dD/d log t */
} outer_value;

static outer_value evaluate(int64_t levels, ufm_margin *margin, long double limit, long double log_t)
{
    long double top = -INFINITY, sum = 0, weighted = 0;
    for (int64_t l = 0; l < levels; l++) {
        solve_margin(&margin[l], log_t);
        top = fmaxl(top, logl(margin[l].share) + 2 * margin[l].log_margin);
    }
    for (int64_t l = 0; l < levels; l++) {
        const long double delta = expl(margin[l].log_margin);
        const long double term = expl(logl(margin[l].share) + 2 * margin[l].log_margin - top);
        const long double bend = delta * growth_rate(&margin[l], delta);
        sum += term;
        weighted += term * bend / (1 + bend);
    }
    const long double fall = relative_fall(levels, margin, limit);
    const long double drop = fall < 0.5L ? -log1pl(-fall) : logl(limit) - (top + logl(sum) - 2 * log_t);
    return (outer_value){drop, 2 * weighted / sum};
}

/* Outer root, by Newton's method on log D - log gap as a function of log t (nearly linear at both ends), kept
 * inside the bracket found so far. */
void ufm_margins_solve(int64_t levels, ufm_margin *margin, long double gap)
{
    enum { MOST_STEPS = 200 };
    const long double converged = 1e-10L; /* quadratic: the next error is below rounding */
    const long double limit = ufm_margins_limit(levels, margin);
    long double log_t = 0, low = -INFINITY, high = INFINITY, step = INFINITY;
    for (int i = 0; i < MOST_STEPS && fabsl(step) > converged; i++) {
        const outer_value value = evaluate(levels, margin, limit, log_t);
        const long double residual = logl(value.drop / gap);
        if (residual > 0)
            high = log_t;
        else
            low = log_t;
        step = -residual * value.drop / value.slope;
        if (!(log_t + step >= low && log_t + step <= high)) step = low / 2 + high / 2 - log_t;
        log_t += step;
    }
    for (int64_t l = 0; l < levels; l++) solve_margin(&margin[l], log_t);
}
