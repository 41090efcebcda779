/* Checksums.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <ufmlab/io.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 1 << 18, DIGEST_MOST = 32 };

static void spell(const unsigned char *bytes, unsigned length, char *text)
{
    for (unsigned i = 0; i < length; i++) sprintf(text + 2 * i, "%02x", bytes[i]);
}

static ufm_status digest(gcry_md_hd_t hash, const char *path, bool unpacked, ufm_error *error)
{
    gzFile packed = unpacked ? gzopen(path, "rb") : NULL;
    const int fd = unpacked ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *block = ufm_alloc(BLOCK, 1);
    ufm_status status = UFM_OK;
    if (!block)
        status = ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_shown_path(path));
    else if (!packed && fd < 0)
        status = ufm_fail(error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(path), strerror(errno));
    while (status == UFM_OK) {
        const ssize_t got = unpacked ? gzread(packed, block, BLOCK) : read(fd, block, BLOCK);
        if (got == 0) break;
        if (got < 0)
            status = ufm_fail(error, UFM_ERROR_INPUT, "%s: cannot be read or unpacked; fetch it again",
                              ufm_shown_path(path));
        else
            gcry_md_write(hash, block, (size_t)got);
    }
    ufm_free(block);
    if (packed) gzclose(packed);
    if (fd >= 0) close(fd);
    return status;
}

static ufm_status check_one(const char *path, bool unpacked, int algorithm, const char *expected,
                            ufm_error *error)
{
    gcry_md_hd_t hash;
    char text[2 * DIGEST_MOST + 1];
    if (!*expected) return UFM_OK;
    gcry_check_version(NULL);
    if (gcry_md_open(&hash, algorithm, 0) != 0)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED, "libgcrypt computes no such checksum");
    const ufm_status status = digest(hash, path, unpacked, error);
    spell(gcry_md_read(hash, algorithm), gcry_md_get_algo_dlen(algorithm), text);
    gcry_md_close(hash);
    if (status != UFM_OK || strcasecmp(text, expected) == 0) return status;
    return ufm_fail(error, UFM_ERROR_INPUT,
                    "%s: checksum %.64s instead of %.64s; the file is damaged or another one",
                    ufm_shown_path(path), text, expected);
}

ufm_status ufm_digest_check(const char *path, bool unpacked, const char *sha256, const char *md5,
                            ufm_error *error)
{
    const ufm_status status = check_one(path, unpacked, GCRY_MD_SHA256, sha256, error);
    return status == UFM_OK ? check_one(path, unpacked, GCRY_MD_MD5, md5, error) : status;
}
