#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <ufmlab/base.h>

struct ufm_rng {
    gsl_rng *generator;
};

/* Number `index` of the stream of splitmix64 that starts at `seed`. */
static uint64_t splitmix(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + 0x9e3779b97f4a7c15u * (index + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t ufm_seed_derive(uint64_t seed, uint64_t index)
{
    return splitmix(seed, index) >> 11;
}

ufm_rng *ufm_rng_new(uint64_t seed)
{
    ufm_rng *rng = ufm_alloc(1, sizeof *rng);
    if (!rng) return NULL;
    rng->generator = gsl_rng_alloc(gsl_rng_mt19937);
    if (!rng->generator) {
        ufm_free(rng);
        return NULL;
    }
    /* The generator takes 32 bits and treats 0 as its default seed 4357: mix all 64 and keep seeds apart. */
    gsl_rng_set(rng->generator, (unsigned long)(splitmix(seed, 0) & 0xffffffffu));
    return rng;
}

void ufm_rng_free(ufm_rng *rng)
{
    if (!rng) return;
    gsl_rng_free(rng->generator);
    ufm_free(rng);
}

double ufm_rng_uniform(ufm_rng *rng)
{
    return gsl_rng_uniform(rng->generator);
}

double ufm_rng_gaussian(ufm_rng *rng)
{
    return gsl_ran_gaussian_ziggurat(rng->generator, 1.0);
}

int64_t ufm_rng_below(ufm_rng *rng, int64_t bound)
{
    const int64_t value = (int64_t)(gsl_rng_uniform(rng->generator) * (double)bound);
    return value < bound ? value : bound - 1;
}
