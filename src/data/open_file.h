/* Private to data: sets in single files.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_OPEN_FILE_H
#define UFMLAB_DATA_OPEN_FILE_H

#include <ufmlab/data.h>

/* Whether a file is of a kind that ufm_data_open_file knows: IDX, CIFAR-10's .bin, SVHN's .mat, COCO's .json,
 * a list of pictures (.csv) or a set of data make. */
bool ufm_data_is_file(const char *path);
/* UFM_ERROR_IO, with what to do, when the images or labels that belong to the file are not beside it. */
ufm_status ufm_data_open_file(const char *path, const ufm_data_settings *settings, ufm_images **images,
                              ufm_error *error);

#endif
