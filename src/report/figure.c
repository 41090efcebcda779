/* Figures: gnuplot run on a script and a CSV file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/report.h>
#include <unistd.h>

#ifndef UFM_DATADIR
#define UFM_DATADIR "/usr/local/share/ufmlab"
#endif

extern char **environ;

enum { MESSAGE = 300 };

/* Where one drawing happens: in a fresh directory beside the result, so that it appears by renaming. */
typedef struct {
    char script[PATH_MAX], csv[PATH_MAX], directory[PATH_MAX];
    char scratch[PATH_MAX];  /* directory/.ufmlab-XXXXXX, empty when not yet made */
    char drawing[PATH_MAX];  /* in scratch; the suffix tells the script what to draw */
    char messages[PATH_MAX]; /* in scratch: what gnuplot says */
    const char *name;
} job;

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
static ufm_status prepare(const ufm_figure *figure, const char *directory, job *work, ufm_error *error)
{
    work->name = figure->name;
    work->scratch[0] = '\0';
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

/* The last line of gnuplot's complaint, which says what is wrong; "" when there is none. */
static void last_line(const char *path, char *line, size_t size)
{
    char next[MESSAGE];
    line[0] = '\0';
    FILE *stream = fopen(path, "r");
    if (!stream) return;
    while (fgets(next, sizeof next, stream)) {
        next[strcspn(next, "\r\n")] = '\0';
        const char *text = next + strspn(next, " \t");
        if (*text) snprintf(line, size, "%s", text);
    }
    fclose(stream);
}

/* 0, or the error number why gnuplot could not be started; *result is what waitpid says. */
static int run_gnuplot(job *work, int *result)
{
    char program[] = "gnuplot", defaults[] = "-d", command[] = "-c";
    char *const arguments[] = {program, defaults, command, work->script, work->csv, work->drawing, NULL};
    posix_spawn_file_actions_t actions;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0) return failure;
    failure = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failure == 0)
        failure = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, work->messages,
                                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (failure == 0) failure = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    pid_t child = -1;
    if (failure == 0) failure = posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return failure;
    while (waitpid(child, result, 0) < 0)
        if (errno != EINTR) return errno;
    /* Where spawning is emulated, a program that does not exist shows only in this exit status. */
    return WIFEXITED(*result) && WEXITSTATUS(*result) == 127 ? ENOENT : 0;
}

static bool is_drawn(const char *path)
{
    struct stat drawn;
    return stat(path, &drawn) == 0 && S_ISREG(drawn.st_mode) && drawn.st_size > 0;
}

static ufm_status draw(job *work, const char *suffix, ufm_error *error)
{
    char target[PATH_MAX], complaint[MESSAGE];
    if (!join(work->drawing, "%s/drawing.%s", work->scratch, suffix) ||
        !join(target, "%s/%s.%s", work->directory, work->name, suffix))
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: the name is too long; choose a shorter one",
                        work->name);
    int result = 0;
    const int failure = run_gnuplot(work, &result);
    if (failure != 0)
        return ufm_fail(error, UFM_ERROR_IO, "gnuplot: %s; install gnuplot (Debian: gnuplot-nox)",
                        strerror(failure));
    last_line(work->messages, complaint, sizeof complaint);
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0 || !is_drawn(work->drawing))
        return ufm_fail(error, UFM_ERROR_IO, "%.120s: gnuplot cannot draw it (%s); check the CSV file",
                        work->csv, complaint[0] ? complaint : "it was stopped or wrote nothing");
    if (rename(work->drawing, target) != 0)
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: %s; choose a writable directory", target,
                        strerror(errno));
    return UFM_OK;
}

ufm_status ufm_figure_draw(const ufm_figure *figure, const char *directory, ufm_error *error)
{
    static const char *const suffixes[] = {"svg", "pdf", "png"};
    job *work = ufm_alloc(1, sizeof *work);
    if (!work) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to draw %.60s", figure->name);
    ufm_status status = prepare(figure, directory, work, error);
    for (int i = 0; i < 3 && status == UFM_OK; i++) status = draw(work, suffixes[i], error);
    if (work->scratch[0]) {
        unlink(work->drawing);
        unlink(work->messages);
        rmdir(work->scratch);
    }
    ufm_free(work);
    return status;
}
