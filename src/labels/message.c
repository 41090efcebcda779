#include "labels/message.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <ufmlab/io.h>

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

/* C0, DEL and C1. */
static bool is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xC2 && text[1] < 0xA0);
}

label_class_name ufm_label_class_name(const char *text, int64_t length)
{
    label_class_name name = {{0}};
    const unsigned char *from = (const unsigned char *)text;
    const size_t size = (size_t)length, room = sizeof name.text - sizeof "...";
    size_t used = 0;
    for (size_t i = 0, step; i < size; i += step) {
        step = ufm_utf8_length(from + i, size - i);
        const bool clean = step > 0 && !is_control(from + i);
        const size_t bytes = clean ? step : 1;
        if (step == 0) step = 1;
        if (used + bytes > room) {
            strcpy(name.text + used, "...");
            break;
        }
        memcpy(name.text + used, clean ? (const char *)from + i : "?", bytes);
        used += bytes;
    }
    if (!name.text[0]) strcpy(name.text, "?");
    return name;
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
