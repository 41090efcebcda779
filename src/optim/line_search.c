#include "line_search.h"
#include "solver.h"
#include <math.h>

enum { TRIALS = 50 };
static const double sufficient = 1e-4; /* c1 */

typedef struct {
    double step, value, slope;
} line_point;

/* Minimiser of the cubic through two points with slopes (Nocedal and Wright, 3.59), NaN when there is none.
 * Where the values differ by rounding only, the secant of the slopes. */
static double interpolate(line_point a, line_point b, double noise)
{
    const double width = b.step - a.step;
    if (fabs(b.value - a.value) <= noise) return a.step - a.slope * width / (b.slope - a.slope);
    const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
    const double d2 = copysign(sqrt(d1 * d1 - a.slope * b.slope), width);
    return b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
}

/* Next trial inside the bracket, at least a tenth of it away from its ends. */
static double inside(line_point low, line_point high, double noise)
{
    const double width = high.step - low.step;
    if (!isfinite(high.value) || !isfinite(high.slope)) return low.step + 0.1 * width;
    const double step = interpolate(low, high, noise);
    if (!(step >= low.step + 0.1 * width)) return low.step + (isfinite(step) ? 0.1 : 0.5) * width;
    return step <= high.step - 0.1 * width ? step : high.step - 0.1 * width;
}

/* Next trial beyond the last one, when nothing bounds the step yet. */
static double beyond(line_point before, line_point last, double noise)
{
    const double step = interpolate(before, last, noise);
    const double least = last.step + 1.1 * (last.step - before.step);
    const double most = last.step + 4 * (last.step - before.step);
    return step >= least && step <= most ? step : most;
}

double line_search(line_function *phi, void *context, const line_start *start, double *value)
{
    const double noise = SOLVER_NOISE * fabs(start->value);
    line_point low = {0, start->value, start->slope}, high = {INFINITY, INFINITY, INFINITY};
    double step = start->first, width_before = INFINITY;
    for (int trial = 0; trial < TRIALS; trial++) {
        line_point now = {.step = step};
        now.value = phi(context, step, &now.slope);
        const double armijo = start->value + sufficient * step * start->slope;
        const bool decreased = now.value <= armijo || now.value <= start->value + noise;
        if (decreased && fabs(now.slope) <= start->curvature * fabs(start->slope)) {
            *value = now.value;
            return step;
        }
        if (!decreased || !(now.slope < 0)) {
            high = now;
        } else if (isinf(high.step)) {
            const line_point before = low;
            low = now;
            step = beyond(before, low, noise);
            continue;
        } else {
            low = now;
        }
        const double width = high.step - low.step;
        if (!(width > 1e-16 * high.step)) return 0;
        step = width > 0.66 * width_before ? low.step + 0.5 * width : inside(low, high, noise);
        width_before = width;
    }
    return 0;
}
