/* Sets whose pixels are all in memory, and the labels of sets with one class per image.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_STORED_H
#define UFMLAB_DATA_STORED_H

#include "data/images.h"

/* One tag each; `name` has `classes` texts. */
ufm_status ufm_data_single_labels(int64_t images, const uint8_t *class, int64_t classes,
                                  const char *const *name, ufm_labels **labels);
/* Gives the classes their names. */
ufm_status ufm_data_name_classes(ufm_labels *labels, const char *const *name);
/* Takes `pixels` over on success, from ufm_alloc: channels x height x width bytes for each of `images`
 * images, which have one class each. UFM_ERROR_MEMORY comes without a message. */
ufm_status ufm_images_stored(int64_t images, ufm_image_shape shape, uint8_t *pixels, const uint8_t *class,
                             const char *const *name, ufm_images **set);
/* Every stored set has ten classes. */
enum { STORED_CLASSES = 10 };
extern const char *const ufm_digit_names[STORED_CLASSES];

#endif
