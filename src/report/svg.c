#include "svg.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1 << 16 };
#define SVG_MAX ((int64_t)64 << 20)

static ufm_status read_all(const char *path, char **text, ufm_error *error)
{
    *text = NULL;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return ufm_fail(error, UFM_ERROR_IO, "%.200s: %s; draw the figure first", path, strerror(errno));
    ufm_status status = UFM_OK;
    char *all = NULL;
    int64_t used = 0, capacity = 0;
    size_t got = 0;
    do {
        used += (int64_t)got;
        if (used > SVG_MAX)
            status = ufm_fail(error, UFM_ERROR_INPUT, "%.200s: is too large for a page", path);
        else if (ufm_grow((void **)&all, &capacity, used + BLOCK + 1, 1) != UFM_OK)
            status = ufm_fail(error, UFM_ERROR_MEMORY, "%.200s: not enough memory", path);
        else
            got = fread(all + used, 1, BLOCK, stream);
    } while (status == UFM_OK && got > 0);
    if (status == UFM_OK && ferror(stream))
        status = ufm_fail(error, UFM_ERROR_IO, "%.200s: cannot be read; draw the figure again", path);
    fclose(stream);
    if (status == UFM_OK) {
        all[used] = '\0';
        *text = all;
    } else {
        ufm_free(all);
    }
    return status;
}

/* Length of the text up to where the prefix of an identifier belongs; 0 when none starts here. */
static size_t identifier_start(const char *text)
{
    static const char *const before[] = {" id=\"", " id='",  "href=\"#", "href='#",
                                         "url(#",  "url('#", "url(\"#"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (strncmp(text, before[i], strlen(before[i])) == 0) return strlen(before[i]);
    return 0;
}

/* Copies begin..end-1 with prefixed identifiers; returns the length, also when `to` is NULL. */
static int64_t prefix_identifiers(const char *begin, const char *end, int64_t number, char *to)
{
    char prefix[32];
    const int extra = snprintf(prefix, sizeof prefix, "fig%lld-", (long long)number);
    int64_t length = 0;
    while (begin < end) {
        const size_t start = identifier_start(begin), bytes = start > 0 ? start : 1;
        if (to) memcpy(to + length, begin, bytes);
        length += (int64_t)bytes;
        begin += bytes;
        if (start == 0) continue;
        if (to) memcpy(to + length, prefix, (size_t)extra);
        length += extra;
    }
    return length;
}

/* The last one: drawings may be nested. */
static const char *find_end(const char *begin)
{
    static const char closing[] = "</svg>";
    const char *end = NULL;
    for (const char *next = begin; (next = strstr(next, closing)); next++) end = next + strlen(closing);
    return end;
}

ufm_status ufm_svg_load(const char *path, int64_t number, char **svg, ufm_error *error)
{
    *svg = NULL;
    char *text;
    ufm_status status = read_all(path, &text, error);
    if (status != UFM_OK) return status;
    const char *begin = strstr(text, "<svg"), *end = begin ? find_end(begin) : NULL;
    if (!end || strstr(begin, "<script")) {
        status = ufm_fail(error, UFM_ERROR_INPUT,
                          "%.200s: is not an SVG drawing without scripts; draw it again", path);
        goto cleanup;
    }
    const int64_t length = prefix_identifiers(begin, end, number, NULL);
    *svg = ufm_alloc(length + 1, 1);
    if (*svg)
        prefix_identifiers(begin, end, number, *svg);
    else
        status = ufm_fail(error, UFM_ERROR_MEMORY, "%.200s: not enough memory", path);
cleanup:
    ufm_free(text);
    return status;
}
