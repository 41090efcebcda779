/* Two random directions through the optimum. */
#include "slice.h"
#include <math.h>
#include <ufmlab/linalg.h>

/* A block that vanishes at the optimum (the bias of a balanced design, everything when collapsed) has no norm
 * to follow: the bias stays, W and H then move by unit vectors. */
static double block_norm(int64_t count, const double *x, bool needed)
{
    const double norm = ufm_norm(count, x);
    if (norm > 1e-6) return norm;
    return needed ? 1 : 0;
}

static void fill(const slice *s, ufm_rng *rng, double *axis)
{
    const int64_t K = s->labels->classes;
    const int64_t length[3] = {K * s->dim, s->dim * s->labels->columns, K};
    int64_t begin = 0;
    for (int block = 0; block < 3; begin += length[block++]) {
        for (int64_t i = 0; i < length[block]; i++) axis[begin + i] = ufm_rng_gaussian(rng);
        const double norm = block_norm(length[block], s->optimum + begin, block < 2);
        ufm_scale(length[block], norm / ufm_norm(length[block], axis + begin), axis + begin);
    }
}

ufm_status slice_random(slice *s, ufm_error *error)
{
    slice_plane plane;
    ufm_rng *rng = ufm_rng_new(s->explorer->seed);
    ufm_status status = slice_plane_new(s, &plane, error);
    if (status == UFM_OK && !rng)
        status = ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for random numbers");
    if (status == UFM_OK) status = slice_optimum(s, s->explorer->seed, s->optimum, error);
    if (status != UFM_OK) goto cleanup;
    ufm_axpy(s->size, 1, s->optimum, plane.origin);
    for (int a = 0; a < 2 && status == UFM_OK; a++) {
        fill(s, rng, plane.axis[a]);
        status = slice_curvature(s, s->optimum, plane.axis[a], &s->info.curvature[a], error);
    }
    if (status == UFM_OK) status = slice_write_plane(s, &plane, error);
    if (status == UFM_OK) slice_write_mark(s, "optimum", 0, 0, s->info.optimum);
cleanup:
    slice_plane_free(&plane);
    ufm_rng_free(rng);
    return status;
}
