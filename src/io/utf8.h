/* UTF-8 by RFC 3629. */
#ifndef UFMLAB_IO_UTF8_H
#define UFMLAB_IO_UTF8_H

#include <stddef.h>

/* Length of the sequence at the beginning of `text`, which has size >= 1 bytes; 0 when it is none (overlong
 * forms and surrogates are none). */
size_t ufm_utf8_length(const unsigned char *text, size_t size);

#endif
