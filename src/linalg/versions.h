/* Private to modules linalg and model: one loop over registers of eight numbers, compiled for several widths of the
 * machine's registers; the widest that the processor has is taken when it is called.
 * VERSIONS(name, parameters, arguments) makes ufm_name of an always inlined name_body. VERSIONS_OF makes one
 * that gives something (`return`), or whose body has arguments of its own (`inner`), which may name `widen`,
 * the version's lanes_widen. */
#ifndef UFMLAB_LINALG_VERSIONS_H
#define UFMLAB_LINALG_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(64), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

typedef int32_t lanes_int __attribute__((vector_size(32), aligned(4), may_alias));
/* Eight integers become doubles. */
typedef void lanes_widen(const lanes_int *from, lanes *to);
INLINE void widen_plain(const lanes_int *from, lanes *to)
{
    *to = __builtin_convertvector(*from, lanes);
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
/* For processors with 32 registers of eight numbers. */
#define WIDE_TARGET target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
static inline bool is_wide(void)
{
    return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
}

/* In one instruction, which GCC 12 makes six of. */
__attribute__((always_inline, WIDE_TARGET)) static inline void widen_512(const lanes_int *from, lanes *to)
{
    *to = (lanes)_mm512_cvtepi32_pd((__m256i)*from);
}

#define VERSIONS_OF(type, give, name, parameters, arguments, inner)                                          \
    __attribute__((WIDE_TARGET)) static type name##_512 parameters                                           \
    {                                                                                                        \
        lanes_widen *const widen = widen_512;                                                                \
        (void)widen;                                                                                         \
        give name##_body inner;                                                                              \
    }                                                                                                        \
    __attribute__((target("avx2,fma"))) static type name##_256 parameters                                    \
    {                                                                                                        \
        lanes_widen *const widen = widen_plain;                                                              \
        (void)widen;                                                                                         \
        give name##_body inner;                                                                              \
    }                                                                                                        \
    type ufm_##name parameters                                                                               \
    {                                                                                                        \
        lanes_widen *const widen = widen_plain;                                                              \
        (void)widen;                                                                                         \
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
        lanes_widen *const widen = widen_plain;                                                              \
        (void)widen;                                                                                         \
        give name##_body inner;                                                                              \
    }
#endif
#define VERSIONS(name, parameters, arguments) VERSIONS_OF(void, , name, parameters, arguments, arguments)

#endif
