#include <stdio.h>
#include <time.h>
#include <ufmlab/base.h>

const char *ufm_status_text(ufm_status status)
{
    switch (status) {
#define STATUS_CASE(name, text)                                                                              \
    case name:                                                                                               \
        return text;
        UFM_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

ufm_status ufm_fail(ufm_error *error, ufm_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        /* File names and quoted values may hold anything; the message is one line. */
        for (char *c = error->text; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    }
    return status;
}

const char *ufm_verdict_text(ufm_verdict verdict)
{
    static const char *const text[] = {
        [UFM_INCONCLUSIVE] = "INCONCLUSIVE", [UFM_VERIFIED] = "VERIFIED", [UFM_REFUTED] = "REFUTED"};
    return text[verdict];
}

double ufm_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
