#include "labels/secret.h"
#include <sys/random.h>
#include <ufmlab/base.h>

void ufm_label_secret(uint64_t secret[2])
{
    const ssize_t bytes = 2 * sizeof *secret;
    if (getrandom(secret, (size_t)bytes, GRND_NONBLOCK) == bytes) return;
    secret[0] = (uint64_t)(ufm_seconds() * 1e9) * 0x9e3779b97f4a7c15u;
    secret[1] = secret[0] ^ (uint64_t)(uintptr_t)&bytes;
}
