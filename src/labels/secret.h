/* Numbers that the author of a file cannot know, so that none can make a hash table slow. */
#ifndef UFMLAB_LABELS_SECRET_H
#define UFMLAB_LABELS_SECRET_H

#include <stdint.h>

void ufm_label_secret(uint64_t secret[2]);

#endif
