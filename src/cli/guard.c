/* Reading files that may crash the library that reads them. */
#include "cli.h"
#include <ufmlab/io.h>

typedef struct {
    const char *path;
    guarded_reader *read_file;
} rehearsal;

static ufm_status rehearse(void *context, const ufm_guard_channel *channel, ufm_error *error)
{
    (void)channel;
    const rehearsal *what = context;
    return what->read_file(what->path, error); /* the process ends now */
}

ufm_status guard_file(const char *path, guarded_reader *read_file, ufm_error *error)
{
    rehearsal what = {path, read_file};
    const ufm_guard guard = {.path = path, .body = rehearse, .context = &what};
    ufm_guard_output output;
    const ufm_status status = ufm_guard_run(&guard, &output, error);
    ufm_free(output.text);
    return status;
}

static ufm_status read_solution(const char *path, ufm_error *error)
{
    ufm_solution *solution = NULL;
    ufm_labels *labels = NULL;
    ufm_objective objective;
    return ufm_solution_load(path, &solution, &labels, &objective, error);
}

ufm_status guard_solution_file(const char *path, ufm_error *error)
{
    return guard_file(path, read_solution, error);
}
