/* Messages, the progress line, and Ctrl-C. */
#include "cli.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int report_failure(ufm_status status, const ufm_error *error)
{
    fprintf(stderr, "ufmlab: %s\n", error->text[0] ? error->text : ufm_status_text(status));
    switch (status) {
    case UFM_ERROR_USAGE:
    case UFM_ERROR_INPUT:
    case UFM_ERROR_IO:
    case UFM_ERROR_MEMORY:
    case UFM_ERROR_UNSUPPORTED:
        return EXIT_USAGE;
    default:
        return EXIT_FAILED;
    }
}

void say(const options *opts, const char *format, ...)
{
    if (opts->value[OPT_QUIET].given) return;
    va_list arguments;
    va_start(arguments, format);
    fputs("ufmlab: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int finish_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "ufmlab: standard output: %s; free some space or write elsewhere\n", strerror(errno));
    return EXIT_USAGE;
}

progress_line progress_begin(const options *opts)
{
    return (progress_line){.shown = isatty(STDERR_FILENO) && !opts->value[OPT_QUIET].given,
                           .started = ufm_seconds()};
}

/* "1:05 left", "12 s left". */
static void time_left(double seconds, char *text, size_t size)
{
    const long long whole = (long long)(seconds + 0.5);
    if (whole >= 3600) {
        snprintf(text, size, "%lld:%02lld h left", whole / 3600, whole / 60 % 60);
    } else if (whole >= 60) {
        snprintf(text, size, "%lld:%02lld min left", whole / 60, whole % 60);
    } else {
        snprintf(text, size, "%lld s left", whole);
    }
}

static int terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* A line that wraps could not be drawn over: where it is too long the bar shrinks, then it loses the end of
 * its text. */
static void draw_line(double fraction, const char *text, const char *left)
{
    enum { WIDEST = 20, NARROWEST = 5 };
    char bar[WIDEST + 1];
    const int room = terminal_columns() - 1 - (int)strlen(left) - 2;
    const int spare = room - (int)strlen(text) - 3, width = spare < WIDEST ? spare : WIDEST;
    fputs("\r\033[K", stderr);
    if (width >= NARROWEST) {
        const int filled = fraction > 0 ? (int)(fmin(fraction, 1) * width) : 0;
        for (int i = 0; i < width; i++) bar[i] = i < filled ? '#' : '.';
        fprintf(stderr, "[%.*s] ", width, bar);
    }
    fprintf(stderr, "%.*s%s%s", room > 0 ? room : 0, text, left[0] ? "  " : "", left);
    fflush(stderr);
}

void progress_draw(progress_line *line, double fraction, const char *format, ...)
{
    const double now = ufm_seconds();
    if (!line->shown || now - line->started < 0.5 || now - line->drawn < 0.1) return;
    line->drawn = now;
    char left[40] = "", text[256];
    const double spent = now - line->started;
    if (fraction > 0.01 && spent > 1)
        time_left(spent * (1 - fmin(fraction, 1)) / fraction, left, sizeof left);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    draw_line(fraction, text, left);
}

bool progress_step(void *line, double fraction, const char *what)
{
    progress_draw(line, fraction, "%s", what);
    return !interrupted();
}

void progress_end(progress_line *line)
{
    if (line->shown && line->drawn > 0) fputs("\r\033[K", stderr);
    line->drawn = 0;
}

static volatile sig_atomic_t interrupt_seen;

static void on_interrupt(int number)
{
    interrupt_seen = 1;
    signal(number, SIG_DFL); /* a second one ends the program at once */
}

void interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
    return interrupt_seen != 0;
}
