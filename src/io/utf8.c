#include <ufmlab/io.h>

size_t ufm_utf8_length(const unsigned char *text, size_t size)
{
    if (text[0] < 0x80) return 1;
    const size_t length = text[0] < 0xC2   ? 0
                          : text[0] < 0xE0 ? 2
                          : text[0] < 0xF0 ? 3
                          : text[0] < 0xF5 ? 4
                                           : 0;
    if (length > size) return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    if (text[0] == 0xE0 && text[1] < 0xA0) return 0;
    if (text[0] == 0xED && text[1] > 0x9F) return 0;
    if (text[0] == 0xF0 && text[1] < 0x90) return 0;
    if (text[0] == 0xF4 && text[1] > 0x8F) return 0;
    return length;
}
