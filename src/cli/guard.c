/* Reading files that may crash the library that reads them. */
#include "cli.h"
#include <ufmlab/io.h>

static ufm_status rehearse(void *context, FILE *output, ufm_error *error)
{
    (void)output;
    ufm_solution *solution = NULL;
    ufm_labels *labels = NULL;
    ufm_objective objective;
    return ufm_solution_load(context, &solution, &labels, &objective, error); /* the process ends now */
}

ufm_status guard_solution_file(const char *path, ufm_error *error)
{
    ufm_guard_output output;
    const ufm_status status = ufm_guard_run(path, rehearse, (char *)path, &output, error);
    ufm_free(output.text);
    return status;
}
