/* Arguments of the experiments' child processes, and these processes. */
#include "experiment.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void words_clear(experiment_words *words)
{
    for (int64_t w = 0; w < words->count; w++) free(words->word[w]);
    ufm_free(words->word);
    *words = (experiment_words){0};
}

ufm_status words_add(experiment_words *words, ufm_error *error, const char *format, ...)
{
    char *text = NULL;
    ufm_status status =
        ufm_grow((void **)&words->word, &words->capacity, words->count + 2, sizeof *words->word);
    va_list arguments;
    va_start(arguments, format);
    if (status == UFM_OK && vasprintf(&text, format, arguments) < 0) status = UFM_ERROR_MEMORY;
    va_end(arguments);
    if (status != UFM_OK) return ufm_fail(error, status, "not enough memory for the arguments");
    words->word[words->count++] = text;
    words->word[words->count] = NULL;
    return UFM_OK;
}

static ufm_status add_word(const experiment_work *work, experiment_words *words, const char *word, int length,
                           ufm_error *error)
{
    static const char data[] = "$UFMLAB_DATA/", own[] = "$EXPERIMENTS/";
    static const char digits[] = "mlab-mnist";
    if (work->opts->value[OPT_EXPERIMENT_FASHION].given && length == (int)strlen(digits) &&
        strncmp(word, digits, strlen(digits)) == 0)
        return words_add(words, error, "mlab-fashion");
    const int data_length = (int)strlen(data), own_length = (int)strlen(own);
    if (length > own_length && strncmp(word, own, strlen(own)) == 0)
        return words_add(words, error, "%s/%.*s", work->folder, length - own_length, word + own_length);
    if (length <= data_length || strncmp(word, data, strlen(data)) != 0)
        return words_add(words, error, "%.*s", length, word);
    const char *chosen = getenv("UFMLAB_DATA");
    if (!chosen)
        return ufm_fail(error, UFM_ERROR_USAGE, "%s needs %.*s; set UFMLAB_DATA to a directory that has it",
                        work->name, length, word);
    return words_add(words, error, "%s/%.*s", chosen, length - data_length, word + data_length);
}

ufm_status words_split(const experiment_work *work, experiment_words *words, const char *text,
                       ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (const char *at = text; at && *at && status == UFM_OK;) {
        at += strspn(at, " \t\n");
        const size_t length = strcspn(at, " \t\n");
        if (length > 0) status = add_word(work, words, at, (int)length, error);
        at += length;
    }
    return status;
}

char *words_text(const experiment_words *words)
{
    size_t length = 1, used = 0;
    for (int64_t w = 0; w < words->count; w++) length += strlen(words->word[w]) + 1;
    char *text = ufm_alloc((int64_t)length, 1);
    for (int64_t w = 0; w < words->count && text; w++)
        used += (size_t)snprintf(text + used, length - used, "%s\n", words->word[w]);
    return text;
}

ufm_status words_parse(const command *cmd, const experiment_words *words, options *opts, ufm_error *error)
{
    /* getopt moves the pointers. */
    char **moved = ufm_alloc(words->count + 1, sizeof *moved);
    if (!moved) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the arguments");
    for (int64_t w = 0; w < words->count; w++) moved[w] = words->word[w];
    const ufm_status status = options_parse(cmd, (int)words->count, moved, opts, error);
    opts->operands = 0;
    opts->operand = NULL;
    ufm_free(moved);
    return status;
}

/* In the child, where only simple calls are safe: the parent may have had threads. */
static void become(char *const *argv, int output, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* checkpoints are atomic; an orphan would meet the run's resumption */
    if (getppid() != parent) _exit(127);
    setpgid(0, 0); /* the terminal's Ctrl-C reaches the parent, which passes it on once */
    const int none = open("/dev/null", O_RDONLY);
    dup2(none, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execv("/proc/self/exe", argv); /* this very program, even when its file has been replaced meanwhile */
    _exit(127);
}

static int wait_for(pid_t child)
{
    int result = 0;
    bool told = false;
    for (;;) {
        const pid_t ended = waitpid(child, &result, WNOHANG);
        if (ended == child) return result;
        if (ended < 0 && errno != EINTR) return -1;
        if (interrupted() && !told) {
            kill(child, SIGINT);
            told = true;
        }
        usleep(10000);
    }
}

static ufm_status run_child(const experiment_words *words, int output, ufm_error *error)
{
    char **argv = ufm_alloc(words->count + 2, sizeof *argv);
    char name[] = "ufmlab";
    if (!argv) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the arguments");
    argv[0] = name;
    for (int64_t w = 0; w < words->count; w++) argv[w + 1] = words->word[w];
    interrupt_install();
    fflush(NULL);
    const pid_t parent = getpid(), child = fork();
    if (child == 0) become(argv, output, parent);
    ufm_free(argv);
    if (child < 0) return ufm_fail(error, UFM_ERROR_IO, "no new process: %s", strerror(errno));
    const int result = wait_for(child);
    if (interrupted()) return ufm_fail(error, UFM_ERROR_CANCELLED, "interrupted; the same command goes on");
    if (WIFEXITED(result) && WEXITSTATUS(result) == EXIT_DONE) return UFM_OK;
    const bool usage = WIFEXITED(result) && WEXITSTATUS(result) == EXIT_USAGE;
    char *text = words_text(words);
    for (char *c = text; c && *c; c++)
        if (*c == '\n') *c = ' ';
    ufm_fail(error, UFM_OK, "failed: ufmlab %.300s", text ? text : "");
    ufm_free(text);
    return usage ? UFM_ERROR_INPUT : UFM_ERROR_NUMERIC;
}

ufm_status experiment_child(const experiment_words *words, const char *output, ufm_error *error)
{
    char part[PATH_MAX];
    ufm_status status =
        output ? experiment_path(part, error, "%s.part", output) : experiment_path(part, error, "/dev/null");
    if (status != UFM_OK) return status;
    const int file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        return ufm_fail(error, UFM_ERROR_IO, "%s: %s; choose a writable --out", ufm_shown_path(part),
                        strerror(errno));
    status = run_child(words, file, error);
    close(file);
    if (status == UFM_OK && output && rename(part, output) != 0)
        status = ufm_fail(error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(output), strerror(errno));
    if (status != UFM_OK && output) unlink(part);
    return status;
}
