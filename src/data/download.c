/* Downloads over HTTP that resume.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { CONNECT_SECONDS = 20, STALL_SECONDS = 30, STALL_BYTES = 100 };

typedef struct {
    const data_download *download;
    FILE *stream;
    int64_t before; /* bytes that were there already */
    bool cancelled;
    int failure; /* error number of a write */
} transfer;

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    transfer *t = context;
    const size_t written = fwrite(bytes, size, count, t->stream);
    if (written != count) t->failure = errno ? errno : EIO;
    return written * size;
}

static int draw(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
    (void)up_total, (void)up;
    transfer *t = context;
    if (!t->download->progress) return 0;
    const int64_t whole = total > 0 ? t->before + total : t->download->bytes;
    const double here = (double)(t->before + now);
    char what[160];
    snprintf(what, sizeof what, "%.80s %.1f of %.1f MB", t->download->what, here / 1e6, (double)whole / 1e6);
    t->cancelled = !t->download->progress(t->download->context, whole > 0 ? here / (double)whole : 0, what);
    return t->cancelled;
}

static void configure(CURL *curl, const char *address, transfer *t, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 8L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "ufmlab/" UFM_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, draw);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    if (t->before > 0) curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->before);
}

/* Whether asking again from the beginning may help: the server cannot continue, or has less than we. */
static bool cannot_resume(CURL *curl, CURLcode code)
{
    long answer = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    return code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME || answer == 416;
}

static ufm_status explain(const transfer *t, const char *address, CURLcode code, const char *reason,
                          ufm_error *error)
{
    if (t->cancelled)
        return ufm_fail(error, UFM_ERROR_CANCELLED, "interrupted; the next data fetch goes on from there");
    if (t->failure)
        return ufm_fail(error, UFM_ERROR_IO, "%.80s: cannot be stored: %s; free some space",
                        t->download->what, strerror(t->failure));
    return ufm_fail(error, UFM_ERROR_IO, "%.160s: %.120s", address,
                    *reason ? reason : curl_easy_strerror(code));
}

/* One address, continuing what is in `part`. */
static ufm_status get(const data_download *download, const char *address, const char *part, bool resume,
                      bool *again, ufm_error *error)
{
    char reason[CURL_ERROR_SIZE] = "";
    struct stat there;
    transfer t = {.download = download, .stream = fopen(part, resume ? "ab" : "wb")};
    if (!t.stream) return ufm_fail(error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(part), strerror(errno));
    if (fstat(fileno(t.stream), &there) == 0) t.before = (int64_t)there.st_size;
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (curl) {
        configure(curl, address, &t, reason);
        code = curl_easy_perform(curl);
    }
    *again =
        t.before > 0 && !t.cancelled && !t.failure && curl && code != CURLE_OK && cannot_resume(curl, code);
    curl_easy_cleanup(curl);
    if (fclose(t.stream) != 0 && t.failure == 0) t.failure = errno;
    if (stat(part, &there) == 0 && there.st_size == 0 && code != CURLE_OK) unlink(part);
    return code == CURLE_OK && t.failure == 0 ? UFM_OK : explain(&t, address, code, reason, error);
}

/* One address; what came is checked, and dropped when it is wrong. */
static ufm_status get_checked(const data_download *download, const char *address, const char *part,
                              ufm_error *error)
{
    bool again = false;
    struct stat there;
    const bool resumed = stat(part, &there) == 0 && there.st_size > 0;
    ufm_status status = get(download, address, part, true, &again, error);
    if (status != UFM_OK && again) status = get(download, address, part, false, &again, error);
    if (status != UFM_OK) return status;
    status = ufm_digest_check(part, false, download->sha256, download->md5, error);
    if (status == UFM_ERROR_INPUT && resumed && !again) { /* the beginning may be another file's */
        unlink(part);
        status = get(download, address, part, false, &again, error);
        if (status == UFM_OK) status = ufm_digest_check(part, false, download->sha256, download->md5, error);
    }
    if (status == UFM_ERROR_INPUT) unlink(part);
    return status;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

ufm_status ufm_data_download(const data_download *download, const char *path, ufm_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char part[PATH_MAX];
    const int length = snprintf(part, sizeof part, "%s.part", path);
    if (length < 0 || length >= PATH_MAX)
        return ufm_fail(error, UFM_ERROR_USAGE, "%s: the name is too long", ufm_shown_path(path));
    pthread_once(&once, start_curl);
    char *addresses = ufm_strdup(download->addresses), *rest = addresses;
    ufm_status status = addresses
                            ? ufm_fail(error, UFM_ERROR_IO, "%.80s: no address is known", download->what)
                            : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to download");
    for (char *address; addresses && status != UFM_OK && status != UFM_ERROR_CANCELLED &&
                        (address = strtok_r(NULL, " ", &rest)) != NULL;)
        status = get_checked(download, address, part, error);
    if (status == UFM_OK && rename(part, path) != 0)
        status = ufm_fail(error, UFM_ERROR_IO, "%s: %s", ufm_shown_path(path), strerror(errno));
    ufm_free(addresses);
    return status;
}
