/* ufmlab landscape: the explorer's commands, one file each. */
#include "landscape.h"
#include <string.h>

static const struct {
    const char *name, *summary;
    int (*run)(const options *opts);
} explorers[] = {
    {"saddles", "the ladder of saddles, their curvature and the way down", landscape_saddles},
    {"spectrum", "all Hessian eigenvalues at a point, beside the predicted ones", landscape_spectrum},
    {"multistart", "random starts, each ended by its certificate", landscape_multistart},
    {"slice", "the objective along lines and planes", landscape_slice},
    {"phase", "total collapse over lambda and n_2/n_1", landscape_phase},
    {"path", "the optimum along lambda", landscape_path},
    {"collapse", "the features of K = 3 classes under gradient descent, as an animation", landscape_collapse},
};
enum { EXPLORERS = sizeof explorers / sizeof explorers[0] };

static bool draw(void *context, double fraction, const char *what)
{
    progress_draw(context, fraction, "%s", what);
    return !interrupted();
}

ufm_status landscape_begin(const options *opts, landscape_task *task, ufm_error *error)
{
    memset(task, 0, sizeof *task);
    task->line = progress_begin(opts);
    task->explorer = (ufm_explorer){.dim = opts->value[OPT_DIM].given ? opts->value[OPT_DIM].integer : 0,
                                    .threads = (int)opts->value[OPT_THREADS].integer,
                                    .seed = (uint64_t)opts->value[OPT_SEED].integer,
                                    .progress = draw,
                                    .context = &task->line};
    ufm_status status = read_objective(opts, &task->explorer.objective, error);
    if (status == UFM_OK)
        status =
            read_instance(opts, ufm_solve_copies(UFM_SOLVER_NEWTON, 10), &task->labels, &task->design, error);
    if (status == UFM_OK) interrupt_install();
    return status;
}

void landscape_end(landscape_task *task)
{
    progress_end(&task->line);
    ufm_design_free(task->design);
    ufm_labels_free(task->labels);
}

static int run(const options *opts)
{
    const char *name = opts->operand[0];
    for (int e = 0; e < EXPLORERS; e++)
        if (strcmp(name, explorers[e].name) == 0) return explorers[e].run(opts);
    ufm_error error;
    return report_failure(ufm_fail(&error, UFM_ERROR_USAGE,
                                   "unknown explorer '%.40s'; saddles, spectrum, multistart, slice, phase, "
                                   "path and collapse are there",
                                   name),
                          &error);
}

const command command_landscape = {
    "landscape",
    "landscape saddles|spectrum|multistart|slice|phase|path|collapse INSTANCE [options]",
    "Explore critical points, curvature and paths of the objective.",
    GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_SHAPE | GROUP_LANDSCAPE | GROUP_REPORT | GROUP_COMMON,
    1,
    run,
    0};
