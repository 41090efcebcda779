#include "labels/message.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EXCERPT = 40 };

label_excerpt ufm_label_excerpt(const char *text)
{
    label_excerpt excerpt = {{0}};
    size_t length = 0;
    for (; text[length] && length < EXCERPT; length++) {
        const unsigned char c = (unsigned char)text[length];
        excerpt.text[length] = c < 0x20 || c == 0x7f ? '?' : text[length];
    }
    if (text[length]) strcpy(excerpt.text + length, "...");
    return excerpt;
}

label_tag_set ufm_label_tag_set(int64_t tags, const int32_t *tag)
{
    label_tag_set set = {{0}};
    const size_t room = sizeof set.text - sizeof "+2147483647+...";
    size_t length = 0;
    int64_t i = 0;
    for (; i < tags && length < room; i++)
        length +=
            (size_t)snprintf(set.text + length, sizeof set.text - length, "%s%d", i > 0 ? "+" : "", tag[i]);
    if (i < tags) strcpy(set.text + length, "+...");
    return set;
}

label_bytes ufm_label_bytes(double bytes, bool exact)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    enum { UNITS = sizeof unit / sizeof unit[0] };
    label_bytes result;
    double scaled = bytes;
    int u = 0;
    for (; u < UNITS - 1 && scaled >= 1024; u++) scaled /= 1024;
    if (!(bytes <= 1e300))
        snprintf(result.text, sizeof result.text, "more than 1e+300 bytes");
    else if (scaled >= 1024)
        snprintf(result.text, sizeof result.text, "%.2g bytes", bytes);
    else if (exact && u > 0)
        snprintf(result.text, sizeof result.text, "%.2g bytes (%.1f %s)", bytes, scaled, unit[u]);
    else
        snprintf(result.text, sizeof result.text, "%.*f %s", u > 0, scaled, unit[u]);
    return result;
}
