/* Layer 0: memory, random numbers, the pool, compensated sums, messages. */
#include "test.h"
#include <stdlib.h>
#include <string.h>

static void test_messages(void)
{
    ufm_error error;
    TEST(ufm_fail(&error, UFM_ERROR_INPUT, "%s:%d: wrong", "file", 3) == UFM_ERROR_INPUT);
    TEST(strcmp(error.text, "file:3: wrong") == 0);
    TEST(ufm_fail(NULL, UFM_ERROR_IO, "unused") == UFM_ERROR_IO);
    ufm_fail(&error, UFM_ERROR_IO, "%1000s", "long");
    TEST(strlen(error.text) == sizeof error.text - 1);
#define CHECK_TEXT(name, text) TEST(strcmp(ufm_status_text(name), text) == 0);
    UFM_STATUS_LIST(CHECK_TEXT)
#undef CHECK_TEXT
    TEST(strcmp(ufm_status_text((ufm_status)99), "unknown status") == 0);
    TEST(strcmp(ufm_verdict_text(UFM_INCONCLUSIVE), "INCONCLUSIVE") == 0);
    TEST(strcmp(ufm_verdict_text(UFM_VERIFIED), "VERIFIED") == 0);
    TEST(strcmp(ufm_verdict_text(UFM_REFUTED), "REFUTED") == 0);
}

static void test_alloc(void)
{
    const int64_t before = ufm_memory_live_blocks();
    TEST(ufm_alloc(INT64_MAX, 16) == NULL);
    TEST(ufm_alloc(INT64_MAX, 2) == NULL);
    TEST(ufm_alloc((int64_t)1 << 61, 8) == NULL);
    TEST(ufm_alloc(-1, 1) == NULL);
    TEST(ufm_memory_live_blocks() == before);
    for (int64_t count = 0; count < 200; count += 7) {
        unsigned char *block = ufm_alloc(count, 3);
        TEST(block != NULL && (uintptr_t)block % 64 == 0);
        for (int64_t i = 0; block && i < 3 * count; i++) TEST(block[i] == 0);
        TEST(ufm_memory_live_blocks() == before + 1);
        ufm_free(block);
    }
    ufm_free(NULL);
    char *copy = ufm_strdup("text");
    TEST(copy && strcmp(copy, "text") == 0);
    ufm_free(copy);
    TEST(ufm_memory_live_blocks() == before);
    TEST(ufm_memory_physical() > 1 << 20);
}

static void test_alloc_budget(void)
{
    const int64_t before = ufm_memory_live_blocks();
    ufm_memory_fail_after(2);
    void *a = ufm_alloc(1, 8), *b = ufm_alloc(1, 8), *c = ufm_alloc(1, 8), *d = ufm_strdup("d");
    ufm_memory_fail_after(-1);
    TEST(a && b && !c && !d);
    TEST(ufm_memory_live_blocks() == before + 2);
    void *e = ufm_alloc(1, 8);
    TEST(e != NULL);
    ufm_free(a);
    ufm_free(b);
    ufm_free(e);
    ufm_memory_fail_after(0);
    TEST(ufm_rng_new(1) == NULL);
    TEST(ufm_pool_new(3) == NULL);
    for (int64_t budget = 1; budget < 5;
         budget++) { /* the pool, its list, and a start for each of 3 workers */
        ufm_memory_fail_after(budget);
        ufm_pool *pool = ufm_pool_new(4);
        TEST(pool == NULL);
        ufm_pool_free(pool);
    }
    ufm_memory_fail_after(-1);
    TEST(ufm_memory_live_blocks() == before);
}

static void test_grow(void)
{
    int64_t *array = NULL, capacity = 0;
    for (int64_t i = 0; i < 1000; i++) {
        TEST_OK(ufm_grow((void **)&array, &capacity, i + 1, sizeof *array));
        TEST(capacity > i && array[i] == 0);
        array[i] = i;
    }
    for (int64_t i = 0; i < 1000; i++) TEST(array[i] == i);
    for (int64_t i = 1000; i < capacity; i++) TEST(array[i] == 0);
    int64_t *const kept = array;
    const int64_t kept_capacity = capacity;
    TEST(ufm_grow((void **)&array, &capacity, INT64_MAX, sizeof *array) == UFM_ERROR_MEMORY);
    TEST(array == kept && capacity == kept_capacity && array[999] == 999);
    ufm_memory_fail_after(0);
    TEST_OK(ufm_grow((void **)&array, &capacity, capacity, sizeof *array));
    TEST(ufm_grow((void **)&array, &capacity, capacity + 1, sizeof *array) == UFM_ERROR_MEMORY);
    ufm_memory_fail_after(-1);
    TEST(array == kept && capacity == kept_capacity);
    ufm_free(array);
}

static void test_rng_reproducible(void)
{
    ufm_rng *a = ufm_rng_new(42), *b = ufm_rng_new(42), *c = ufm_rng_new(43),
            *d = ufm_rng_new(42 + ((uint64_t)1 << 32));
    int equal_c = 0, equal_d = 0;
    for (int i = 0; i < 1000; i++) {
        const double x = ufm_rng_uniform(a), y = ufm_rng_uniform(b);
        TEST(x == y);
        equal_c += x == ufm_rng_uniform(c);
        equal_d += x == ufm_rng_uniform(d);
    }
    TEST(equal_c < 3 && equal_d < 3);
    for (int i = 0; i < 1000; i++) {
        const double x = ufm_rng_gaussian(a), y = ufm_rng_gaussian(b);
        const int64_t m = ufm_rng_below(a, 1 + i), n = ufm_rng_below(b, 1 + i);
        TEST(x == y && m == n && m >= 0 && m <= i);
    }
    ufm_rng_free(a);
    ufm_rng_free(b);
    ufm_rng_free(c);
    ufm_rng_free(d);
    ufm_rng_free(NULL);
}

/* Each moment within 5 standard deviations of its own. */
static void test_rng_moments(void)
{
    enum { N = 200000, BINS = 10 };
    ufm_rng *rng = ufm_rng_new(7);
    double mean = 0, square = 0, fourth = 0, uniform = 0, uniform_square = 0;
    int64_t bin[BINS] = {0};
    for (int i = 0; i < N; i++) {
        const double g = ufm_rng_gaussian(rng), u = ufm_rng_uniform(rng);
        TEST(u >= 0 && u < 1);
        mean += g / N;
        square += g * g / N;
        fourth += g * g * g * g / N;
        uniform += u / N;
        uniform_square += u * u / N;
        const int64_t k = ufm_rng_below(rng, BINS);
        if (k >= 0 && k < BINS) bin[k]++;
    }
    const double n = sqrt(N);
    test_at_most("mean of the Gaussian", fabs(mean) * n, 5);
    test_at_most("variance of the Gaussian", fabs(square - 1) * n / sqrt(2), 5);
    test_at_most("fourth moment of the Gaussian", fabs(fourth - 3) * n / sqrt(96), 5);
    test_at_most("mean of the uniform", fabs(uniform - 0.5) * n * sqrt(12), 5);
    test_at_most("square of the uniform", fabs(uniform_square - 1.0 / 3) * n * sqrt(45.0 / 4), 5);
    int64_t total = 0;
    for (int k = 0; k < BINS; k++) {
        total += bin[k];
        test_at_most("bin", fabs((double)bin[k] - N / 10.0) / sqrt(N * 0.09), 5);
    }
    TEST(total == N);
    ufm_rng_free(rng);
}

typedef struct {
    unsigned char *touched;
    int64_t begin[16], end[16];
    int64_t grain;
    bool misaligned;
} partition;

static void touch(void *context, int worker, int64_t begin, int64_t end)
{
    partition *p = context;
    p->begin[worker] = begin;
    p->end[worker] = end;
    if (begin % p->grain != 0) p->misaligned = true;
    for (int64_t i = begin; i < end; i++) p->touched[i]++;
}

static void check_partition(ufm_pool *pool, int threads, int64_t count, int64_t grain)
{
    partition p = {.touched = ufm_alloc(count, 1), .grain = grain};
    for (int w = 0; w < 16; w++) p.begin[w] = p.end[w] = -1;
    ufm_pool_run(pool, count, grain, touch, &p);
    int64_t reached = 0, longest = 0, shortest = INT64_MAX;
    bool once = true;
    for (int64_t i = 0; i < count; i++) once = once && p.touched[i] == 1;
    for (int w = 0; w < 16; w++) {
        if (p.begin[w] < 0) continue;
        TEST(w < threads);
        TEST(p.begin[w] == reached && p.end[w] > p.begin[w]);
        reached = p.end[w];
        const int64_t grains = (p.end[w] - p.begin[w] + grain - 1) / grain;
        if (grains > longest) longest = grains;
        if (grains < shortest) shortest = grains;
    }
    TEST(once && reached == count && !p.misaligned);
    if (count > 0) TEST(longest - shortest <= 1);
    ufm_free(p.touched);
}

static void test_pool_partition(void)
{
    TEST(ufm_threads_available() >= 1);
    TEST(ufm_pool_threads(NULL) == 1);
    check_partition(NULL, 1, 1000, 1);
    for (int threads = 1; threads <= 9; threads++) {
        ufm_pool *pool = ufm_pool_new(threads);
        TEST(pool != NULL && ufm_pool_threads(pool) == threads);
        for (int64_t count = 0; count < 70; count += 1 + count / 10)
            for (int64_t grain = 1; grain < 20; grain += 3) check_partition(pool, threads, count, grain);
        check_partition(pool, threads, 100001, 64);
        ufm_pool_free(pool);
    }
    ufm_pool *pool = ufm_pool_new(0);
    TEST(ufm_pool_threads(pool) == ufm_threads_available());
    ufm_pool_free(pool);
    ufm_pool_free(NULL);
}

typedef struct {
    double part[8];
} partial_sums;

static void add_up(void *context, int worker, int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i++) sum += 1 / (1.0 + (double)i);
    ((partial_sums *)context)->part[worker] = sum;
}

/* Many short jobs in a row (a lost wake-up would hang), all with bitwise the same sum. */
static void test_pool_repeats(void)
{
    ufm_pool *pool = ufm_pool_new(4);
    double first = 0;
    for (int run = 0; run < (test_fast() ? 200 : 5000); run++) {
        partial_sums sums = {{0}};
        ufm_pool_run(pool, 1000, 8, add_up, &sums);
        const double total = sums.part[0] + sums.part[1] + sums.part[2] + sums.part[3];
        if (run == 0) first = total;
        TEST(total == first);
    }
    ufm_pool_free(pool);
}

static void test_compensated_sum(void)
{
    ufm_sum sum = {0};
    const double terms[] = {1, 1e100, 1, -1e100};
    for (int i = 0; i < 4; i++) ufm_sum_add(&sum, terms[i]);
    TEST(ufm_sum_value(sum) == 2);
    ufm_rng *rng = ufm_rng_new(3);
    long double exact = 0;
    sum = (ufm_sum){0};
    for (int i = 0; i < 100000; i++) {
        const double x = ldexp(ufm_rng_gaussian(rng), (int)ufm_rng_below(rng, 30));
        exact += x;
        ufm_sum_add(&sum, x);
    }
    test_close("sum of 100000 terms", ufm_sum_value(sum), (double)exact, 1e-15);
    ufm_sum_add(&sum, NAN);
    TEST(isnan(ufm_sum_value(sum)));
    ufm_rng_free(rng);
}

static void test_clock(void)
{
    const double start = ufm_seconds(), later = ufm_seconds();
    TEST(start >= 0 && later >= start);
}

static const test_case cases[] = {
    {"messages", test_messages},
    {"alloc", test_alloc},
    {"alloc_budget", test_alloc_budget},
    {"grow", test_grow},
    {"rng_reproducible", test_rng_reproducible},
    {"rng_moments", test_rng_moments},
    {"pool_partition", test_pool_partition},
    {"pool_repeats", test_pool_repeats},
    {"compensated_sum", test_compensated_sum},
    {"clock", test_clock},
    {NULL, NULL},
};
const test_suite suite_base = {"base", cases};
