/* Reading in a child process: libhdf5 1.10 crashes on some damaged files, and may run in circles. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { SECONDS = 60, SECONDS_BYTES = 1 << 22, FAILED = 64 };

static bool send_all(int channel, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t sent = write(channel, bytes, size);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Processor time in proportion to the file, no core file, no output of the library while it dies. */
static void confine(const char *path)
{
    struct stat there = {0};
    if (stat(path, &there) != 0) there.st_size = 0;
    const rlim_t seconds = (rlim_t)(SECONDS + there.st_size / SECONDS_BYTES);
    const int silent = open("/dev/null", O_WRONLY);
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (silent >= 0) {
        dup2(silent, STDOUT_FILENO);
        dup2(silent, STDERR_FILENO);
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* In the child: sends what the body wrote or its message, ends without any exit handler. */
static void run_child(const char *path, ufm_guard_body *body, void *context, int channel)
{
    ufm_error error = {{0}};
    char *text = NULL;
    size_t size = 0;
    confine(path);
    FILE *output = open_memstream(&text, &size);
    ufm_status status = output ? body(context, output, &error) : UFM_ERROR_MEMORY;
    if (output && fclose(output) != 0 && status == UFM_OK) status = UFM_ERROR_MEMORY;
    const bool sent =
        status == UFM_OK ? send_all(channel, text, size) : send_all(channel, error.text, strlen(error.text));
    _exit(!sent ? 1 : status == UFM_OK ? 0 : FAILED + (int)status);
}

/* All that comes through the channel, with a NUL behind it. */
static ufm_status receive(int channel, char **text, int64_t *size)
{
    int64_t capacity = 0;
    for (;;) {
        if (ufm_grow((void **)text, &capacity, *size + 4096, 1) != UFM_OK) return UFM_ERROR_MEMORY;
        const ssize_t got = read(channel, *text + *size, (size_t)(capacity - *size - 1));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return UFM_ERROR_IO;
        (*text)[*size + got] = '\0';
        if (got == 0) return UFM_OK;
        *size += got;
    }
}

static ufm_status judge(const char *path, int outcome, const char *text, ufm_error *error)
{
    const int code = WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
    const int killer = WIFSIGNALED(outcome) ? WTERMSIG(outcome) : 0;
    if (code == 0) return UFM_OK;
    if (code > FAILED) return ufm_fail(error, (ufm_status)(code - FAILED), "%s", text);
    if (killer == SIGINT || killer == SIGTERM)
        return ufm_fail(error, UFM_ERROR_CANCELLED, "%s: interrupted while it was read; nothing was computed",
                        ufm_shown_path(path));
    return ufm_fail(error, UFM_ERROR_INPUT, "%s: the file is damaged (the HDF5 library %s it); write it anew",
                    ufm_shown_path(path),
                    killer == SIGXCPU || killer == SIGKILL ? "does not finish with" : "crashes on");
}

ufm_status ufm_guard_run(const char *path, ufm_guard_body *body, void *context, ufm_guard_output *output,
                         ufm_error *error)
{
    int channel[2], outcome = 0;
    ufm_guard_output got = {NULL, 0};
    *output = got;
    if (pipe2(channel, O_CLOEXEC) != 0)
        return ufm_fail(error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(path), strerror(errno));
    const pid_t child = fork();
    if (child == 0) {
        close(channel[0]);
        run_child(path, body, context, channel[1]);
    }
    const int reason = errno;
    close(channel[1]);
    ufm_status status = UFM_OK;
    if (child < 0)
        status = ufm_fail(error, UFM_ERROR_IO, "%s: cannot start a process to read it: %s",
                          ufm_shown_path(path), strerror(reason));
    else if ((status = receive(channel[0], &got.text, &got.size)) != UFM_OK)
        ufm_fail(error, status, "%s: %s", ufm_shown_path(path), ufm_status_text(status));
    close(channel[0]);
    while (child > 0 && waitpid(child, &outcome, 0) < 0 && errno == EINTR) continue;
    if (status == UFM_OK) status = judge(path, outcome, got.text, error);
    if (status == UFM_OK)
        *output = got;
    else
        ufm_free(got.text);
    return status;
}
