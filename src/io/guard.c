/* Reading in a child process: libhdf5 1.10 crashes on some damaged files, and may run in circles. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { TICK = 100 /* milliseconds */, SECONDS = 60, SECONDS_BYTES = 1 << 22, WAITING = 2, FAILED = 64 };

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

/* Processor time in proportion to the file, and WAITING times as much in all: a lock that another thread held
 * when the process forked is never released here. The child does not outlive its parent, leaves no core file
 * and no output of the library while it dies. */
static void confine(const char *path)
{
    struct stat there = {0};
    if (stat(path, &there) != 0) there.st_size = 0;
    const rlim_t seconds = (rlim_t)(SECONDS + there.st_size / SECONDS_BYTES);
    const int silent = open("/dev/null", O_WRONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds});
    signal(SIGALRM, SIG_DFL);
    alarm((unsigned)(WAITING * seconds));
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    if (silent >= 0) {
        dup2(silent, STDOUT_FILENO);
        dup2(silent, STDERR_FILENO);
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* In the child: sends what the body wrote or its message, ends without any exit handler. */
static void run_child(const ufm_guard *guard, int channel, volatile double *fraction)
{
    ufm_error error = {{0}};
    char *text = NULL;
    size_t size = 0;
    confine(guard->path);
    FILE *output = open_memstream(&text, &size);
    ufm_status status = output ? guard->body(guard->context, &(ufm_guard_channel){output, fraction}, &error)
                               : UFM_ERROR_MEMORY;
    if (output && fclose(output) != 0 && status == UFM_OK) status = UFM_ERROR_MEMORY;
    const bool sent =
        status == UFM_OK ? send_all(channel, text, size) : send_all(channel, error.text, strlen(error.text));
    _exit(!sent ? 1 : status == UFM_OK ? 0 : FAILED + (int)status);
}

/* Waits until something can be read; false when the caller wants no more. */
static bool wait_for(const ufm_guard *guard, int channel, const volatile double *fraction)
{
    struct pollfd poller = {channel, POLLIN, 0};
    while (guard->progress && poll(&poller, 1, TICK) <= 0)
        if (!guard->progress(guard->progress_context, *fraction, "reading labels")) return false;
    return true;
}

/* All that comes through the channel, with a NUL behind it. */
static ufm_status receive(const ufm_guard *guard, int channel, const volatile double *fraction,
                          ufm_guard_output *all)
{
    int64_t capacity = 0;
    for (;;) {
        if (ufm_grow((void **)&all->text, &capacity, all->size + 4096, 1) != UFM_OK) return UFM_ERROR_MEMORY;
        if (!wait_for(guard, channel, fraction)) return UFM_ERROR_CANCELLED;
        const ssize_t got = read(channel, all->text + all->size, (size_t)(capacity - all->size - 1));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return UFM_ERROR_IO;
        all->text[all->size + got] = '\0';
        if (got == 0) return UFM_OK;
        all->size += got;
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
                    killer == SIGXCPU || killer == SIGKILL || killer == SIGALRM ? "does not finish with"
                                                                                : "crashes on");
}

/* The parent's part once the child runs. */
static ufm_status attend(const ufm_guard *guard, pid_t child, int channel, const volatile double *fraction,
                         ufm_guard_output *got, ufm_error *error)
{
    int outcome = 0;
    const ufm_status status = receive(guard, channel, fraction, got);
    if (status != UFM_OK) kill(child, SIGKILL);
    while (waitpid(child, &outcome, 0) < 0 && errno == EINTR) continue;
    if (status == UFM_OK) return judge(guard->path, outcome, got->text, error);
    return ufm_fail(error, status, "%s: %s while it was read", ufm_shown_path(guard->path),
                    ufm_status_text(status));
}

ufm_status ufm_guard_run(const ufm_guard *guard, ufm_guard_output *output, ufm_error *error)
{
    int channel[2] = {-1, -1};
    ufm_guard_output got = {NULL, 0};
    pid_t child = -1;
    ufm_status status = UFM_OK;
    *output = got;
    double *fraction =
        mmap(NULL, sizeof *fraction, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fraction != MAP_FAILED && pipe2(channel, O_CLOEXEC) == 0) child = fork();
    if (child == 0) {
        close(channel[0]);
        run_child(guard, channel[1], fraction);
    }
    const int reason = errno;
    if (channel[1] >= 0) close(channel[1]);
    if (child < 0)
        status = ufm_fail(error, UFM_ERROR_IO, "%s: cannot start a process to read it: %s",
                          ufm_shown_path(guard->path), strerror(reason));
    else
        status = attend(guard, child, channel[0], fraction, &got, error);
    if (channel[0] >= 0) close(channel[0]);
    if (fraction != MAP_FAILED) munmap(fraction, sizeof *fraction);
    if (status == UFM_OK)
        *output = got;
    else
        ufm_free(got.text);
    return status;
}
