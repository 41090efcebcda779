/* Downloaded archives, of which nothing may come to lie outside their directory. */
#include "data/fetch.h"
#include "fuzz.h"
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool enough(void *context, double fraction, const char *what)
{
    enum { BLOCKS = 64 };
    (void)fraction, (void)what;
    return ++*(int *)context < BLOCKS; /* a sparse file may be long */
}

static int remove_entry(const char *path, const struct stat *there, int kind, struct FTW *at)
{
    (void)kind;
    if (at->level > 0 && !S_ISREG(there->st_mode) && !S_ISDIR(there->st_mode)) abort(); /* a link */
    return remove(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    enum { DESCRIPTORS = 16 };
    const char *path = fuzz_file("input.tgz", bytes, size);
    char inside[128];
    int blocks_written = 0;
    snprintf(inside, sizeof inside, "%s/inside", fuzz_directory());
    if (mkdir(inside, 0700) != 0) abort();
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_error error;
    const ufm_status status = ufm_data_unpack(path, inside, enough, &blocks_written, &error);
    if (nftw(inside, remove_entry, DESCRIPTORS, FTW_DEPTH | FTW_PHYS) != 0) abort();
    if (status != UFM_ERROR_CANCELLED) fuzz_check(status, &error, blocks);
    return 0;
}
