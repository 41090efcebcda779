#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ufmlab/base.h>
#include <unistd.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static _Atomic int64_t live_blocks;
static _Atomic int64_t budget = -1; /* allocations that still succeed; negative: no limit */

static bool budget_spent(void)
{
    int64_t left = atomic_load(&budget);
    while (left >= 0) {
        if (left == 0) return true;
        if (atomic_compare_exchange_weak(&budget, &left, left - 1)) return false;
    }
    return false;
}

void *ufm_alloc(int64_t count, size_t size)
{
    size_t bytes;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) || bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    if (budget_spent()) return NULL;
    /* Long vectors in huge pages: touching them first is several times as fast. Only advice: it may fail. */
    const bool large = bytes >= (size_t)HUGE_PAGE;
    bytes = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT; /* at least one byte: non-NULL means success */
    void *block;
    if (posix_memalign(&block, large ? HUGE_PAGE : ALIGNMENT, bytes) != 0) return NULL;
    if (large) (void)madvise(block, bytes, MADV_HUGEPAGE);
    memset(block, 0, bytes);
    atomic_fetch_add(&live_blocks, 1);
    return block;
}

void ufm_free(void *pointer)
{
    if (!pointer) return;
    atomic_fetch_sub(&live_blocks, 1);
    free(pointer);
}

ufm_status ufm_grow(void **array, int64_t *capacity, int64_t needed, size_t size)
{
    if (needed <= *capacity) return UFM_OK;
    int64_t wanted = *capacity > INT64_MAX / 2 ? needed : 2 * *capacity;
    if (wanted < needed) wanted = needed;
    if (wanted < 16) wanted = 16;
    void *larger = ufm_alloc(wanted, size);
    if (!larger) return UFM_ERROR_MEMORY;
    if (*array) memcpy(larger, *array, (size_t)*capacity * size);
    ufm_free(*array);
    *array = larger;
    *capacity = wanted;
    return UFM_OK;
}

char *ufm_strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = ufm_alloc((int64_t)bytes, 1);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

int64_t ufm_memory_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

void ufm_memory_fail_after(int64_t allocations)
{
    atomic_store(&budget, allocations);
}

/* A limit of the control group (version 2 or 1), or INT64_MAX. */
static int64_t group_limit(const char *path)
{
    FILE *stream = fopen(path, "r");
    if (!stream) return INT64_MAX;
    long long bytes;
    const int read = fscanf(stream, "%lld", &bytes);
    fclose(stream);
    return read == 1 && bytes > 0 ? (int64_t)bytes : INT64_MAX;
}

int64_t ufm_memory_physical(void)
{
    const int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
    const int64_t v2 = group_limit("/sys/fs/cgroup/memory.max");
    const int64_t v1 = group_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    const int64_t group = v1 < v2 ? v1 : v2;
    return group < machine ? group : machine;
}
