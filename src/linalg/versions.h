/* Private to module linalg: one loop over registers of eight numbers, compiled for several widths of the
 * machine's registers; the widest that the processor has is taken when it is called.
 * VERSIONS(name, parameters, arguments) makes ufm_name of an always inlined name_body, VERSIONS_OF(type,
 * return,
 * ...) one that returns something. */
#ifndef UFMLAB_LINALG_VERSIONS_H
#define UFMLAB_LINALG_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(64), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
/* For processors with 32 registers of eight numbers. */
#define WIDE_TARGET target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
static inline bool is_wide(void)
{
    return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
}

#define VERSIONS_OF(type, give, name, parameters, arguments)                                                 \
    __attribute__((WIDE_TARGET)) static type name##_512 parameters                                           \
    {                                                                                                        \
        give name##_body arguments;                                                                          \
    }                                                                                                        \
    __attribute__((target("avx2,fma"))) static type name##_256 parameters                                    \
    {                                                                                                        \
        give name##_body arguments;                                                                          \
    }                                                                                                        \
    type ufm_##name parameters                                                                               \
    {                                                                                                        \
        if (is_wide()) {                                                                                     \
            give name##_512 arguments;                                                                       \
        } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {                        \
            give name##_256 arguments;                                                                       \
        } else {                                                                                             \
            give name##_body arguments;                                                                      \
        }                                                                                                    \
    }
#else
#define VERSIONS_OF(type, give, name, parameters, arguments)                                                 \
    type ufm_##name parameters                                                                               \
    {                                                                                                        \
        give name##_body arguments;                                                                          \
    }
#endif
#define VERSIONS(name, parameters, arguments) VERSIONS_OF(void, , name, parameters, arguments)

#endif
