/* What the JSON reader needs of a text file beyond its lines. */
#ifndef UFMLAB_IO_TEXT_H
#define UFMLAB_IO_TEXT_H

#include <ufmlab/io.h>

/* The next bytes as they are in the file, valid until the next call; *length 0 at the end. A NUL byte fails,
 * but only when all bytes before it have been handed out. */
ufm_status ufm_text_block(ufm_text *text, const char **bytes, int64_t *length, ufm_error *error);
/* The line that messages name from now on. */
void ufm_text_at_line(ufm_text *text, int64_t line);

#endif
