/* Sets of picture files that are decoded when they are read.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_PICTURE_SET_H
#define UFMLAB_DATA_PICTURE_SET_H

#include "data/images.h"

/* `names` (taken over on success, as are the labels) has one name per column of `labels`. NULL settings: the
 * defaults. */
ufm_status ufm_picture_set_new(const char *directory, ufm_file_names *names,
                               const ufm_picture_settings *settings, ufm_labels *labels, ufm_images **images,
                               ufm_error *error);

#endif
