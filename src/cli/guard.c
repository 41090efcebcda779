/* Reading files that may crash the library that reads them. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: tries to load, sends the message of a failure, ends without any exit handler. */
static void rehearse(const char *path, guarded_reader *read_file, int channel)
{
    ufm_error error = {{0}};
    const int silent = open("/dev/null", O_WRONLY); /* the library may print while it dies */
    if (silent >= 0) dup2(silent, STDERR_FILENO);
    const ufm_status status = read_file(path, &error);
    if (status != UFM_OK && write(channel, error.text, strlen(error.text)) < 0) _exit(1);
    _exit(status == UFM_OK ? 0 : 64 + (int)status);
}

ufm_status guard_file(const char *path, guarded_reader *read_file, ufm_error *error)
{
    int channel[2], outcome = 0;
    if (pipe(channel) != 0) return ufm_fail(error, UFM_ERROR_IO, "%s: %s", path, strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        close(channel[0]);
        rehearse(path, read_file, channel[1]);
    }
    close(channel[1]);
    if (child < 0) {
        close(channel[0]);
        return ufm_fail(error, UFM_ERROR_IO, "%s: cannot start a process to read it: %s", path,
                        strerror(errno));
    }
    char text[sizeof error->text] = "";
    size_t used = 0;
    for (ssize_t got; used + 1 < sizeof text; used += (size_t)got) {
        got = read(channel[0], text + used, sizeof text - 1 - used);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got <= 0)
            break;
    }
    close(channel[0]);
    while (waitpid(child, &outcome, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0) return UFM_OK;
    if (WIFEXITED(outcome) && WEXITSTATUS(outcome) > 64)
        return ufm_fail(error, (ufm_status)(WEXITSTATUS(outcome) - 64), "%s", text);
    return ufm_fail(error, UFM_ERROR_INPUT,
                    "%s: the file is damaged (the HDF5 library crashes on it); write it anew", path);
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
