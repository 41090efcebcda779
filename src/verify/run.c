/* Progress, interruption and solving, as every part of a verification needs them. */
#include "internal.h"
#include <math.h>

static bool ask(verify_run *run, double share)
{
    const ufm_verify_settings *s = run->settings;
    if (!s->progress || s->progress(s->context, (run->done + share * run->current) / run->total, run->what))
        return true;
    run->cancelled = true;
    return false;
}

static ufm_status cancelled(const verify_run *run)
{
    return ufm_fail(run->error, UFM_ERROR_CANCELLED, "interrupted during %s; no report was written",
                    run->what);
}

ufm_status verify_begin(verify_run *run, const char *what, double work)
{
    run->done += run->current;
    run->current = work;
    run->what = what;
    return ask(run, 0) ? UFM_OK : cancelled(run);
}

/* How far a solve is, from a gradient norm that falls from about 0.1 to 1e-9. */
static bool tick(void *context, const ufm_progress *now)
{
    return ask(context, fmin(1, fmax(0, -log10(now->gradient_norm) - 1) / 8));
}

ufm_solve_settings verify_solve_settings(const verify_problem *problem, verify_run *run, uint64_t seed)
{
    ufm_solve_settings solve = ufm_solve_defaults();
    solve.objective = problem->objective;
    solve.dim = problem->dim;
    solve.threads = run->settings->threads;
    solve.seed = seed;
    solve.minimize.solver = UFM_SOLVER_NEWTON;
    solve.minimize.observe = tick;
    solve.minimize.context = run;
    solve.gap_tolerance = ufm_claim_tolerance(UFM_CLAIM_GLOBAL);
    return solve;
}

ufm_status verify_solve(const verify_problem *problem, const ufm_solve_settings *settings, verify_run *run,
                        ufm_solution **solution)
{
    ufm_solution *made = NULL;
    const ufm_status status = ufm_solve(problem->labels, settings, &made, run->error);
    if (status != UFM_OK) return status;
    if (run->cancelled) {
        ufm_solution_free(made);
        return cancelled(run);
    }
    *solution = made;
    return UFM_OK;
}
