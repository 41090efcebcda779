#include "gnuplot.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef UFM_DATADIR
#define UFM_DATADIR "/usr/local/share/ufmlab"
#endif

extern char **environ;

__attribute__((format(printf, 2, 3))) static bool join(char *path, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(path, PATH_MAX, format, arguments);
    va_end(arguments);
    return length >= 0 && length < PATH_MAX;
}

static bool try_script(char *path, const char *directory, const char *script)
{
    return join(path, "%s/%s.gp", directory, script) && access(path, R_OK) == 0;
}

/* $UFMLAB_PLOTS, the source tree of the running build, the installed files. */
static bool find_script(const char *script, char *path)
{
    const char *chosen = getenv("UFMLAB_PLOTS");
    if (chosen) return try_script(path, chosen, script);
    char program[PATH_MAX], directory[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    static const char *const above[] = {"../../plots", "../../../plots"};
    for (int i = 0; slash && i < 2; i++)
        if (join(directory, "%s/%s", program, above[i]) && try_script(path, directory, script)) return true;
    return try_script(path, UFM_DATADIR "/plots", script);
}

/* Absolute paths: gnuplot gives names that begin with `<`, `|` or `-` a meaning of their own. */
static ufm_status prepare(const ufm_figure *figure, const char *directory, ufm_gnuplot *work,
                          ufm_error *error)
{
    if (!find_script(figure->script, work->script))
        return ufm_fail(error, UFM_ERROR_IO,
                        "%.60s.gp: no such plot script; set UFMLAB_PLOTS to the directory plots/ of ufmlab",
                        figure->script);
    if (!realpath(figure->csv, work->csv))
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: %s; give a CSV file that can be read", figure->csv,
                        strerror(errno));
    char scratch[PATH_MAX];
    if (!realpath(directory, work->directory) || !join(scratch, "%s/.ufmlab-XXXXXX", work->directory) ||
        !mkdtemp(scratch))
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: %s; choose a writable directory", directory,
                        strerror(errno));
    memcpy(work->scratch, scratch, sizeof scratch);
    if (!join(work->messages, "%s/messages", scratch))
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: the name is too long; choose a shorter one", directory);
    return UFM_OK;
}

ufm_status ufm_gnuplot_new(const ufm_figure *figure, const char *directory, ufm_gnuplot **work,
                           ufm_error *error)
{
    *work = NULL;
    ufm_gnuplot *made = ufm_alloc(1, sizeof *made);
    if (!made)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to draw with %.60s.gp", figure->script);
    const ufm_status status = prepare(figure, directory, made, error);
    if (status == UFM_OK) {
        *work = made;
    } else {
        ufm_gnuplot_free(made);
    }
    return status;
}

void ufm_gnuplot_free(ufm_gnuplot *work)
{
    if (work && work->scratch[0]) {
        unlink(work->drawing);
        unlink(work->messages);
        rmdir(work->scratch);
    }
    ufm_free(work);
}

void ufm_gnuplot_complaint(const ufm_gnuplot *work, char complaint[UFM_GNUPLOT_COMPLAINT])
{
    char next[UFM_GNUPLOT_COMPLAINT];
    complaint[0] = '\0';
    FILE *stream = fopen(work->messages, "r");
    if (!stream) return;
    while (fgets(next, sizeof next, stream)) {
        next[strcspn(next, "\r\n")] = '\0';
        const char *text = next + strspn(next, " \t");
        if (*text) snprintf(complaint, UFM_GNUPLOT_COMPLAINT, "%s", text);
    }
    fclose(stream);
}

/* 0, or the error number why gnuplot could not be started; *result is what waitpid says. */
static int run_program(ufm_gnuplot *work, char *out, const char *standard_output, int *result)
{
    char program[] = "gnuplot", defaults[] = "-d", command[] = "-c";
    char *const arguments[] = {program, defaults, command, work->script, work->csv, out, NULL};
    posix_spawn_file_actions_t actions;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
    failure = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failure == 0)
        failure = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, work->messages, flags, 0600);
    if (failure == 0)
        failure = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, standard_output, flags, 0600);
    pid_t child = -1;
    if (failure == 0) failure = posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return failure;
    while (waitpid(child, result, 0) < 0)
        if (errno != EINTR) return errno;
    /* Where spawning is emulated, a program that does not exist shows only in this exit status. */
    return WIFEXITED(*result) && WEXITSTATUS(*result) == 127 ? ENOENT : 0;
}

ufm_status ufm_gnuplot_run(ufm_gnuplot *work, const char *out, const char *suffix, ufm_error *error)
{
    char complaint[UFM_GNUPLOT_COMPLAINT], argument[PATH_MAX];
    if (!join(work->drawing, "%s/drawing.%s", work->scratch, suffix) ||
        !join(argument, "%s", out ? out : work->drawing))
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: the name is too long; choose a shorter one",
                        work->directory);
    int result = 0;
    const int failure = run_program(work, argument, out ? work->drawing : work->messages, &result);
    if (failure != 0)
        return ufm_fail(error, UFM_ERROR_IO, "gnuplot: %s; install gnuplot (Debian: gnuplot-nox)",
                        strerror(failure));
    if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return UFM_OK;
    ufm_gnuplot_complaint(work, complaint);
    return ufm_fail(error, UFM_ERROR_IO, "%.120s: gnuplot cannot draw it (%s); check the CSV file", work->csv,
                    complaint[0] ? complaint : "it was stopped");
}

bool ufm_gnuplot_has_drawn(const ufm_gnuplot *work)
{
    struct stat drawn;
    return stat(work->drawing, &drawn) == 0 && S_ISREG(drawn.st_mode) && drawn.st_size > 0;
}
