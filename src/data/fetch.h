/* Private to data: downloading, checking and unpacking.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_DATA_FETCH_H
#define UFMLAB_DATA_FETCH_H

#include "data/registry.h"

/* Checks the file against the checksums that are not empty. With `unpacked` the content of a file packed by
 * gzip. UFM_ERROR_INPUT when one differs, with both in the message. */
ufm_status ufm_digest_check(const char *path, bool unpacked, const char *sha256, const char *md5,
                            ufm_error *error);

typedef struct {
    const char *addresses; /* separated by blanks, tried in their order */
    const char *sha256, *md5, *what;
    int64_t bytes; /* expected, for the progress when the server does not say */
    ufm_data_progress *progress;
    void *context;
} data_download;
/* Downloads to `path`, by way of `path`.part, which an interruption leaves and the next call resumes; checks
 * the checksums before `path` appears. UFM_ERROR_IO with the last address's reason when no address worked,
 * UFM_ERROR_INPUT when what came is wrong. */
ufm_status ufm_data_download(const data_download *download, const char *path, ufm_error *error);

/* Regular files and directories of a tar or zip archive, compressed or not, into a directory that is there.
 * Links and names that leave the directory are refused. */
ufm_status ufm_data_unpack(const char *archive, const char *directory, ufm_data_progress *progress,
                           void *context, ufm_error *error);

/* Fetches `set` as ufm_data_fetch does, from nowhere else than the settings and the set say. */
ufm_status ufm_data_fetch_set(const data_set *set, const ufm_fetch_settings *settings,
                              ufm_data_origin *origin, ufm_error *error);

#endif
