/* Reading files that may crash the library that reads them. */
#include "cli.h"
#include <ufmlab/io.h>

static ufm_status rehearse(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    (void)channel;
    ufm_solution *solution = NULL;
    ufm_labels *labels = NULL;
    ufm_objective objective;
    return ufm_solution_load(context, &solution, &labels, &objective, error); /* the process ends now */
}

ufm_status guard_solution_file(const char *path, ufm_error *error)
{
    const ufm_guard guard = {.path = path, .body = rehearse, .context = (char *)path};
    ufm_guard_output output;
    const ufm_status status = ufm_guard_run(&guard, &output, error);
    ufm_free(output.text);
    return status;
}
