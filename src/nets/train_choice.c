/* ufmlab: nets: an engine's choice among ways that differ by rounding, made once: a resumed run has that of
 * its checkpoint, and a new run that of an earlier one with the same shapes on the same machine, when there
 * is a directory that keeps them. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier:
 * GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <ufmlab/io.h>

#include "checkpoint.h"
#include "onednn.h"

enum { KEY = 1024, LINE = 4096 };

/* The first processor, as Linux describes it: a directory may be shared by machines. Empty when it does not.
 */
static void describe_processor(char *text, size_t size)
{
    static const char *const fields[] = {"model name",      "model\t",  "stepping",
                                         "CPU implementer", "CPU part", "CPU variant"};
    char line[256];
    size_t used = 0;
    text[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file) && line[0] != '\n')
        for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
            const char *value = strchr(line, ':');
            if (!value || strncmp(line, fields[f], strlen(fields[f])) != 0) continue;
            const int length = (int)strcspn(value + 1, "\n");
            if (used < size) used += (size_t)snprintf(text + used, size - used, "%.*s", length, value + 1);
        }
    if (file) fclose(file);
}

/* All that the fastest choice depends on. */
static void make_key(const ufm_trainer *t, char key[KEY])
{
    const ufm_training_settings *s = t->settings;
    const ufm_layer *input = &t->network->layer[0];
    const char *version = ufm_onednn_version();
    bool bf16;
    const char *kernels = kernel_choose(NULL, &bf16)->name;
    char processor[KEY / 2];
    describe_processor(processor, sizeof processor);
    snprintf(
        key, KEY,
        "%s width %.17g fix-dim %d, %lld x %lld x %lld, %lld classes, batch %lld, precision %d, %d threads, "
        "%s bf16 %d, oneDNN %s, %d ways with packing;%s",
        s->architecture, s->multiplier, s->fix_dim, (long long)input->channels, (long long)input->height,
        (long long)input->width, (long long)t->network->classes, (long long)s->batch, (int)s->precision,
        s->threads > 0 ? s->threads : ufm_threads_available(), kernels, bf16, version ? version : "none",
        2 + (int)ONEDNN_ROUTES, processor);
}

static char *cache_path(const ufm_trainer *t, const char *key)
{
    char name[64];
    ufm_digest digest = ufm_digest_begin();
    ufm_digest_bytes(&digest, key, (int64_t)strlen(key));
    snprintf(name, sizeof name, "ways-%016llx", (unsigned long long)digest.value);
    return ufm_train_path(t->settings->cache, name);
}

/* The line after the key; false when the file is another's, damaged or missing. */
static bool read_cache(const char *path, const char *key, char line[LINE])
{
    FILE *file = fopen(path, "r");
    bool found = false;
    if (!file) return false;
    if (fgets(line, LINE, file) && strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '\n' &&
        fgets(line, LINE, file)) {
        line[strcspn(line, "\n")] = '\0';
        found = true;
    }
    fclose(file);
    return found;
}

static bool write_cache(const ufm_trainer *t, const char *path, const char *key)
{
    ufm_output *output = NULL;
    if (ufm_make_directory(t->settings->cache, NULL) != UFM_OK ||
        ufm_output_open(path, &output, NULL) != UFM_OK)
        return false;
    if (fprintf(ufm_output_stream(output), "%s\n%s\n", key, t->ways) > 0)
        return ufm_output_commit(output, NULL) == UFM_OK;
    ufm_output_abort(output);
    return false;
}

/* One that does not fit, as of another build, is made anew. */
static bool take(ufm_trainer *t, const char *ways, ufm_status *status)
{
    *status = t->ops->choose(t->engine, ways, &t->ways);
    return *status != UFM_ERROR_INPUT && *status != UFM_ERROR_UNSUPPORTED;
}

ufm_status ufm_train_choose(ufm_trainer *t, const char *ways)
{
    char key[KEY], line[LINE];
    ufm_status status = UFM_OK;
    if (!t->ops->choose || !(ways || t->settings->cache)) return UFM_OK;
    if (ways && take(t, ways, &status)) return status;
    if (!t->settings->cache) return t->ops->choose(t->engine, "", &t->ways);
    make_key(t, key);
    char *path = cache_path(t, key);
    if (!path) return UFM_ERROR_MEMORY;
    if (!read_cache(path, key, line) || !take(t, line, &status)) {
        status = t->ops->choose(t->engine, NULL, &t->ways);
        /* What cannot be kept must not decide: the next run could choose otherwise. */
        if (status == UFM_OK && !write_cache(t, path, key)) status = t->ops->choose(t->engine, "", &t->ways);
    }
    ufm_free(path);
    return status;
}
