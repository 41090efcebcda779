/* The steps of a descent that are worth keeping. */
#include "ladder.h"
#include <math.h>

enum { RECORDS = 2000 };

void ufm_descent_free(ufm_descent *descent)
{
    if (!descent) return;
    ufm_free(descent->arc_length);
    ufm_free(descent->objective);
    ufm_free(descent->gradient_norm);
    ufm_solution_free(descent->end);
    ufm_free(descent);
}

ufm_status descent_record_begin(descent_recorder *recorder)
{
    ufm_descent *made = ufm_alloc(1, sizeof *made);
    if (!made) return UFM_ERROR_MEMORY;
    made->arc_length = ufm_alloc(RECORDS, sizeof(double));
    made->objective = ufm_alloc(RECORDS, sizeof(double));
    made->gradient_norm = ufm_alloc(RECORDS, sizeof(double));
    *recorder = (descent_recorder){.descent = made, .share = 0.05};
    return made->arc_length && made->objective && made->gradient_norm ? UFM_OK : UFM_ERROR_MEMORY;
}

/* Drops every second record but the first and the last. */
static void thin(descent_recorder *recorder)
{
    ufm_descent *d = recorder->descent;
    int64_t kept = 0;
    for (int64_t i = 0; i < d->steps; i++) {
        if (i % 2 == 1 && i < d->steps - 1) continue;
        d->arc_length[kept] = d->arc_length[i];
        d->objective[kept] = d->objective[i];
        d->gradient_norm[kept++] = d->gradient_norm[i];
    }
    d->steps = kept;
    recorder->share *= 2;
}

static bool changed(double now, double before, double share)
{
    return !(fabs(now - before) <= share * fabs(before));
}

void descent_record(descent_recorder *recorder, double length, double objective, double gradient_norm,
                    bool keep)
{
    ufm_descent *d = recorder->descent;
    recorder->arc_length += length;
    const int64_t last = d->steps - 1;
    if (!keep && last >= 0 && !changed(gradient_norm, d->gradient_norm[last], recorder->share) &&
        !changed(objective, d->objective[last], 0.05 * recorder->share))
        return;
    if (d->steps == RECORDS) thin(recorder);
    d->arc_length[d->steps] = recorder->arc_length;
    d->objective[d->steps] = objective;
    d->gradient_norm[d->steps++] = gradient_norm;
}

/* Two states: falling (looking for the lowest point since the last peak) and rising (looking for the highest
 * since the last plateau). */
int64_t ufm_descent_plateaus(const ufm_descent *descent, double depth, int64_t limit, int64_t *step)
{
    const double *gradient = descent->gradient_norm;
    int64_t found = 0, low = 0;
    double peak = 0;
    bool falling = true;
    for (int64_t i = 0; i < descent->steps && found < limit; i++) {
        if (falling && gradient[i] < gradient[low]) low = i;
        if (falling && gradient[i] >= depth * gradient[low]) {
            step[found++] = low;
            falling = false;
            peak = 0;
        }
        peak = fmax(peak, gradient[i]);
        if (!falling && depth * gradient[i] <= peak) {
            falling = true;
            low = i;
        }
    }
    if (falling && descent->steps > 0 && found < limit) step[found++] = low;
    return found;
}
