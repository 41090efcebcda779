#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Removes the quotes and escapes of the field that starts at `start`; returns what follows the closing quote,
 * or NULL when there is none. */
static char *unquote(char *start)
{
    const char quote = *start;
    char *to = start;
    for (char *from = start + 1; *from; from++) {
        if (*from == quote && from[1] != quote) {
            *to = '\0';
            return from + 1;
        }
        if ((*from == quote || *from == '\\') && from[1]) from++;
        *to++ = *from;
    }
    return NULL;
}

char *ufm_field_next(char **cursor)
{
    char *start = *cursor;
    *cursor = NULL;
    if (!start) return NULL;
    while (is_blank(*start)) start++;
    if (*start == '\'' || *start == '"') {
        char *rest = unquote(start);
        if (!rest) return NULL;
        while (is_blank(*rest)) rest++;
        if (*rest && *rest != ',') return NULL; /* text after the closing quote */
        if (*rest) *cursor = rest + 1;
        return start;
    }
    char *end = start + strcspn(start, ",");
    if (*end) *cursor = end + 1;
    while (end > start && is_blank(end[-1])) end--;
    *end = '\0';
    return start;
}

bool ufm_parse_int64(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || digits[strspn(digits, "0123456789")]) return false;
    errno = 0;
    const long long number = strtoll(text, NULL, 10);
    if (errno != 0) return false;
    *value = number;
    return true;
}

bool ufm_parse_double(const char *text, double *value)
{
    /* No blanks, hexadecimal digits, "inf" or "nan"; and a dot is a dot in every locale. */
    if (!*text || text[strspn(text, "+-.0123456789eE")]) return false;
    const locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) return false;
    char *end;
    const double number = strtod_l(text, &end, c);
    freelocale(c);
    if (*end || end == text || !isfinite(number)) return false;
    *value = number;
    return true;
}
