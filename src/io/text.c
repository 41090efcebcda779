/* Bounded line input from files that may be anything: endless, binary, or changing under our feet. */
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, SHOWN_PATH = 200 };

struct ufm_text {
    int fd;
    char *path;
    int64_t number; /* of the line last returned */
    char *line;
    int64_t capacity;
    char *block; /* bytes begin..end-1 are still to be handed out */
    int64_t begin, end;
    int64_t total;      /* bytes read so far */
    struct stat opened; /* the file as it was when opened */
};

static ufm_status check_kind(const ufm_text *text, ufm_error *error)
{
    if (S_ISDIR(text->opened.st_mode))
        return ufm_fail(error, UFM_ERROR_IO, "%s: is a directory; give the name of a file",
                        ufm_shown_path(text->path));
    if (S_ISBLK(text->opened.st_mode))
        return ufm_fail(error, UFM_ERROR_IO, "%s: is a block device; give the name of a file",
                        ufm_shown_path(text->path));
    return UFM_OK;
}

ufm_status ufm_text_open(const char *path, ufm_text **text, ufm_error *error)
{
    *text = NULL;
    ufm_status status = UFM_OK;
    ufm_text *t = ufm_alloc(1, sizeof *t);
    if (!t) return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", path);
    t->fd = -1;
    t->path = ufm_strdup(path);
    t->block = ufm_alloc(BLOCK, 1);
    if (!t->path || !t->block) {
        status = ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", path);
        goto cleanup;
    }
    t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (t->fd < 0 || fstat(t->fd, &t->opened) != 0) {
        status = ufm_fail(error, UFM_ERROR_IO, "%s: %s; give a file that can be read", ufm_shown_path(path),
                          strerror(errno));
        goto cleanup;
    }
    status = check_kind(t, error);
cleanup:
    if (status == UFM_OK)
        *text = t;
    else
        ufm_text_close(t);
    return status;
}

void ufm_text_close(ufm_text *text)
{
    if (!text) return;
    if (text->fd >= 0) close(text->fd);
    ufm_free(text->path);
    ufm_free(text->line);
    ufm_free(text->block);
    ufm_free(text);
}

const char *ufm_text_path(const ufm_text *text)
{
    return text->path;
}

int64_t ufm_text_line_number(const ufm_text *text)
{
    return text->number;
}

double ufm_text_fraction(const ufm_text *text)
{
    const int64_t size = S_ISREG(text->opened.st_mode) ? (int64_t)text->opened.st_size : 0;
    return size > 0 ? (double)text->total / (double)size : NAN;
}

void ufm_text_at_line(ufm_text *text, int64_t line)
{
    text->number = line;
}

static ufm_status fail_at_line(const ufm_text *text, ufm_error *error, ufm_status status, const char *format,
                               va_list arguments)
{
    ufm_error message;
    vsnprintf(message.text, sizeof message.text, format, arguments);
    /* Of an overlong path the end is what tells files apart, and the message must still fit. */
    const size_t length = strlen(text->path);
    const char *dots = length > SHOWN_PATH ? "..." : "";
    const char *shown = text->path + (length > SHOWN_PATH ? length - SHOWN_PATH : 0);
    const int64_t line = text->number > 0 ? text->number : 1;
    return ufm_fail(error, status, "%s%s:%lld: %s", dots, shown, (long long)line, message.text);
}

ufm_status ufm_text_fail(const ufm_text *text, ufm_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const ufm_status status = fail_at_line(text, error, UFM_ERROR_INPUT, format, arguments);
    va_end(arguments);
    return status;
}

__attribute__((format(printf, 3, 4))) static ufm_status fail_reading(const ufm_text *text, ufm_error *error,
                                                                     const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const ufm_status status = fail_at_line(text, error, UFM_ERROR_IO, format, arguments);
    va_end(arguments);
    return status;
}

/* A regular file must end where it did when it was opened, unmodified: half of an old and half of a new file
 * can look like a valid one. (Files of pseudo file systems have size 0 and are taken as pipes.) */
static ufm_status check_unchanged(const ufm_text *text, bool at_end, ufm_error *error)
{
    if (!S_ISREG(text->opened.st_mode) || text->opened.st_size == 0) return UFM_OK;
    bool same = text->total <= (int64_t)text->opened.st_size;
    if (at_end) {
        struct stat now;
        if (fstat(text->fd, &now) != 0) return fail_reading(text, error, "%s", strerror(errno));
        same = text->total == (int64_t)text->opened.st_size && now.st_size == text->opened.st_size &&
               now.st_mtim.tv_sec == text->opened.st_mtim.tv_sec &&
               now.st_mtim.tv_nsec == text->opened.st_mtim.tv_nsec;
    }
    if (same) return UFM_OK;
    return fail_reading(text, error, "the file changed while it was read; try again when it is complete");
}

/* begin == end afterwards: end of the file. */
static ufm_status refill(ufm_text *text, ufm_error *error)
{
    ssize_t bytes;
    do bytes = read(text->fd, text->block, BLOCK);
    while (bytes < 0 && errno == EINTR);
    if (bytes < 0) return fail_reading(text, error, "%s; the file cannot be read", strerror(errno));
    text->begin = 0;
    text->end = bytes;
    text->total += bytes;
    return check_unchanged(text, bytes == 0, error);
}

static ufm_status fail_nul(const ufm_text *text, ufm_error *error)
{
    return ufm_text_fail(text, error, "a NUL byte; this must be a text file (not binary, not UTF-16)");
}

/* Moves bytes of the block up to the end of the line to the `used` bytes that the line already has. */
static ufm_status take(ufm_text *text, int64_t *used, bool *ended, ufm_error *error)
{
    const char *from = text->block + text->begin;
    const int64_t left = text->end - text->begin;
    const char *newline = memchr(from, '\n', (size_t)left);
    const int64_t bytes = newline ? newline - from : left;
    if (memchr(from, '\0', (size_t)bytes)) return fail_nul(text, error);
    if (*used + bytes > UFM_LINE_MAX)
        return ufm_text_fail(text, error,
                             "the line is longer than %lld bytes; break it up (is this the right file?)",
                             (long long)UFM_LINE_MAX);
    if (ufm_grow((void **)&text->line, &text->capacity, *used + bytes + 1, 1) != UFM_OK)
        return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", text->path);
    memcpy(text->line + *used, from, (size_t)bytes);
    *used += bytes;
    text->begin += bytes + (newline ? 1 : 0);
    *ended = newline != NULL;
    return UFM_OK;
}

ufm_status ufm_text_line(ufm_text *text, char **line, int64_t *length, ufm_error *error)
{
    *line = NULL;
    *length = 0;
    int64_t used = 0;
    bool ended = false;
    text->number++;
    while (!ended) {
        if (text->begin == text->end) {
            const ufm_status status = refill(text, error);
            if (status != UFM_OK) return status;
            if (text->begin == text->end) break;
        }
        const ufm_status status = take(text, &used, &ended, error);
        if (status != UFM_OK) return status;
    }
    if (!ended && used == 0) {
        text->number--;
        return UFM_OK;
    }
    if (used > 0 && text->line[used - 1] == '\r') used--;
    text->line[used] = '\0';
    const int64_t mark = text->number == 1 && used >= 3 && memcmp(text->line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *line = text->line + mark;
    *length = used - mark;
    return UFM_OK;
}

ufm_status ufm_text_block(ufm_text *text, const char **bytes, int64_t *length, ufm_error *error)
{
    *bytes = NULL;
    *length = 0;
    if (text->begin == text->end) {
        const ufm_status status = refill(text, error);
        if (status != UFM_OK) return status;
    }
    const int64_t left = text->end - text->begin;
    if (left == 0) return UFM_OK;
    *bytes = text->block + text->begin;
    const char *nul = memchr(*bytes, '\0', (size_t)left);
    if (nul == *bytes) return fail_nul(text, error);
    *length = nul ? nul - *bytes : left;
    text->begin += *length;
    return UFM_OK;
}
