/* ufmlab: layer 0, base: status codes, error messages, memory, random numbers, threads, compensated sums.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_BASE_H
#define UFMLAB_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Status codes -------------------------------------------------------------------------------
 * Every library function that can fail returns a ufm_status. No library function prints, exits or
 * installs a signal handler. X(name, text) is the only list of the codes. */
#define UFM_STATUS_LIST(X)                                                                                   \
    X(UFM_OK, "success")                                                                                     \
    X(UFM_ERROR_USAGE, "invalid argument")                                                                   \
    X(UFM_ERROR_INPUT, "invalid input file")                                                                 \
    X(UFM_ERROR_IO, "input or output failed")                                                                \
    X(UFM_ERROR_MEMORY, "not enough memory")                                                                 \
    X(UFM_ERROR_NUMERIC, "a numerical routine failed")                                                       \
    X(UFM_ERROR_CANCELLED, "cancelled")                                                                      \
    X(UFM_ERROR_UNSUPPORTED, "not supported")
typedef enum {
#define UFM_STATUS_ENUM(name, text) name,
    UFM_STATUS_LIST(UFM_STATUS_ENUM)
#undef UFM_STATUS_ENUM
} ufm_status;

/* The text of a status code; never NULL. */
const char *ufm_status_text(ufm_status status);

/* One line that tells a person what is wrong and what would be right, `FILE:LINE: ...` where there is
 * a file. The caller owns the struct and may pass NULL wherever one is taken. */
typedef struct {
    char text[512];
} ufm_error;

/* Formats the message into `error` (when not NULL) and returns `status`: `return ufm_fail(...)`. */
ufm_status ufm_fail(ufm_error *error, ufm_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Three-valued verdicts ---------------------------------------------------------------------- */
typedef enum { UFM_INCONCLUSIVE, UFM_VERIFIED, UFM_REFUTED } ufm_verdict;
/* "VERIFIED", "REFUTED" or "INCONCLUSIVE". */
const char *ufm_verdict_text(ufm_verdict verdict);

/* ---- Memory ------------------------------------------------------------------------------------- */
/* `count` zeroed objects of `size` bytes, aligned to 64 bytes; NULL when count*size overflows or
 * memory is out. Release with ufm_free, which accepts NULL. */
void *ufm_alloc(int64_t count, size_t size);
void ufm_free(void *pointer);
/* Grows `*array` (from ufm_alloc or NULL) so that it holds at least `needed` objects; `*capacity`
 * counts objects. New objects are zero. On failure the array is unchanged. */
ufm_status ufm_grow(void **array, int64_t *capacity, int64_t needed, size_t size);
/* Copy of a string, to be released with ufm_free; NULL when memory is out. */
char *ufm_strdup(const char *text);
/* Blocks handed out and not yet freed, and a budget: after `allocations` more successes every further
 * allocation fails (negative: never). For tests of the error paths. */
int64_t ufm_memory_live_blocks(void);
void ufm_memory_fail_after(int64_t allocations);
/* Physical memory of this machine, or of the control group that confines us, in bytes. */
int64_t ufm_memory_physical(void);

/* ---- Random numbers: MT19937 of GSL, same stream on every machine ------------------------------- */
typedef struct ufm_rng ufm_rng;
ufm_rng *ufm_rng_new(uint64_t seed); /* NULL when memory is out */
void ufm_rng_free(ufm_rng *rng);
double ufm_rng_uniform(ufm_rng *rng);  /* in [0,1) */
double ufm_rng_gaussian(ufm_rng *rng); /* mean 0, variance 1 */
/* The seed of run number `index` of a study with `seed`: 53 bits, which every reader of JSON keeps. */
uint64_t ufm_seed_derive(uint64_t seed, uint64_t index);
int64_t ufm_rng_below(ufm_rng *rng, int64_t bound); /* 0..bound-1 */

/* ---- Threads ------------------------------------------------------------------------------------
 * A pool of workers that split one range. Which worker gets which part depends on the range and the
 * number of threads only, so a reduction in worker order is bitwise reproducible. */
typedef struct ufm_pool ufm_pool;
/* Cores this process may run on. */
int ufm_threads_available(void);
/* threads >= 1; 0 means all available. NULL when memory or threads are out. */
ufm_pool *ufm_pool_new(int threads);
void ufm_pool_free(ufm_pool *pool);
int ufm_pool_threads(const ufm_pool *pool); /* NULL pool: 1 */
/* Calls body(context, worker, begin, end) once per worker on a contiguous part of 0..count-1 (parts are
 * multiples of `grain` but the last) and returns when all are done. Workers with an empty part are not
 * called. pool NULL runs everything as worker 0 on the caller. Must not be nested. */
typedef void ufm_pool_body(void *context, int worker, int64_t begin, int64_t end);
void ufm_pool_run(ufm_pool *pool, int64_t count, int64_t grain, ufm_pool_body *body, void *context);

/* ---- Compensated summation (Neumaier) ----------------------------------------------------------- */
typedef struct {
    double sum, correction;
} ufm_sum;
static inline void ufm_sum_add(ufm_sum *s, double term)
{
    const double total = s->sum + term;
    const double a = s->sum < 0 ? -s->sum : s->sum, b = term < 0 ? -term : term;
    s->correction += a >= b ? (s->sum - total) + term : (term - total) + s->sum;
    s->sum = total;
}
static inline double ufm_sum_value(ufm_sum s)
{
    return s.sum + s.correction;
}

/* Seconds of a monotonic clock. */
double ufm_seconds(void);

#endif
