/* Private to module linalg: one loop over registers of eight numbers, compiled for several widths of the
 * machine's registers; the widest that the processor has is taken when it is called.
 * VERSIONS(name, parameters, arguments) makes ufm_name of an always inlined name_body, VERSIONS_OF(type,
 * return,
 * ...) one that returns something. The arguments may name `widen`, the version's lanes_widen. */
#ifndef UFMLAB_LINALG_VERSIONS_H
#define UFMLAB_LINALG_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(64), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

typedef int32_t lanes_int __attribute__((vector_size(32), aligned(4), may_alias));
/* What compilers make many instructions of where the processor has one, for each version. */
typedef struct {
    void (*widen)(const lanes_int *from, lanes *to); /* eight integers become doubles */
    /* The first n, 1 .. 8, numbers; the others are `rest`. And those of v. */
    void (*load)(const double *from, int64_t n, double rest, lanes *to);
    void (*store)(double *to, int64_t n, const lanes *v);
    double (*sum)(const lanes *v);
    double (*largest)(const lanes *v);
} lanes_ways;

INLINE void widen_plain(const lanes_int *from, lanes *to)
{
    *to = __builtin_convertvector(*from, lanes);
}
INLINE void load_plain(const double *from, int64_t n, double rest, lanes *to)
{
    for (int64_t i = 0; i < LANES; i++) (*to)[i] = i < n ? from[i] : rest;
}
INLINE void store_plain(double *to, int64_t n, const lanes *v)
{
    for (int64_t i = 0; i < n; i++) to[i] = (*v)[i];
}
INLINE double sum_plain(const lanes *v)
{
    const double *a = (const double *)v;
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}
INLINE double largest_plain(const lanes *v)
{
    double most = (*v)[0];
    for (int i = 1; i < LANES; i++) most = (*v)[i] > most ? (*v)[i] : most;
    return most;
}
static const lanes_ways ways_plain = {widen_plain, load_plain, store_plain, sum_plain, largest_plain};

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
/* For processors with 32 registers of eight numbers. */
#define WIDE_TARGET target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
static inline bool is_wide(void)
{
    return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
}

#define WIDE_INLINE __attribute__((always_inline, WIDE_TARGET)) static inline
WIDE_INLINE __mmask8 first_of(int64_t n)
{
    return (__mmask8)((1u << n) - 1);
}
WIDE_INLINE void widen_512(const lanes_int *from, lanes *to)
{
    *to = (lanes)_mm512_cvtepi32_pd((__m256i)*from);
}
WIDE_INLINE void load_512(const double *from, int64_t n, double rest, lanes *to)
{
    *to = (lanes)_mm512_mask_loadu_pd(_mm512_set1_pd(rest), first_of(n), from);
}
WIDE_INLINE void store_512(double *to, int64_t n, const lanes *v)
{
    _mm512_mask_storeu_pd(to, first_of(n), (__m512d)*v);
}
WIDE_INLINE double sum_512(const lanes *v)
{
    return _mm512_reduce_add_pd((__m512d)*v);
}
WIDE_INLINE double largest_512(const lanes *v)
{
    return _mm512_reduce_max_pd((__m512d)*v);
}
static const lanes_ways ways_512 = {widen_512, load_512, store_512, sum_512, largest_512};

#define VERSIONS_OF(type, give, name, parameters, arguments, inner)                                          \
    __attribute__((WIDE_TARGET)) static type name##_512 parameters                                           \
    {                                                                                                        \
        const lanes_ways ways = ways_512;                                                                    \
        (void)ways;                                                                                          \
        give name##_body inner;                                                                              \
    }                                                                                                        \
    __attribute__((target("avx2,fma"))) static type name##_256 parameters                                    \
    {                                                                                                        \
        const lanes_ways ways = ways_plain;                                                                  \
        (void)ways;                                                                                          \
        give name##_body inner;                                                                              \
    }                                                                                                        \
    type ufm_##name parameters                                                                               \
    {                                                                                                        \
        const lanes_ways ways = ways_plain;                                                                  \
        (void)ways;                                                                                          \
        if (is_wide()) {                                                                                     \
            give name##_512 arguments;                                                                       \
        } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {                        \
            give name##_256 arguments;                                                                       \
        } else {                                                                                             \
            give name##_body inner;                                                                          \
        }                                                                                                    \
    }
#else
#define VERSIONS_OF(type, give, name, parameters, arguments, inner)                                          \
    type ufm_##name parameters                                                                               \
    {                                                                                                        \
        const lanes_ways ways = ways_plain;                                                                  \
        (void)ways;                                                                                          \
        give name##_body inner;                                                                              \
    }
#endif
#define VERSIONS(name, parameters, arguments) VERSIONS_OF(void, , name, parameters, arguments, arguments)

#endif
