/* Smallest eigenvalues of a symmetric operator by ARPACK's implicitly restarted Lanczos iteration. */
#include <arpack/arpack.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <ufmlab/linalg.h>

/* Basis vectors kept between restarts beyond what `count` asks for, and restarts before giving up. */
enum { BASIS = 40, RESTARTS = 3000, POWER_STEPS = 5 };
/* Where ARPACK gives up (it does on multiples of the identity: every start is exact at once), LAPACK is asked
 * up to this size. */
enum { FALLBACK = 1000 };

/* ARPACK keeps the state of its reverse communication in static variables: one run at a time per process. */
static pthread_mutex_t one_run = PTHREAD_MUTEX_INITIALIZER;

/* Residual, relative to the operator, at which a vector counts as an eigenvector; its Rayleigh quotient is
 * then the eigenvalue to rounding. */
static const double tolerance = 1e-13;
/* Size of a diagonal noise, relative to the operator. Without it a Krylov space of an operator with few
 * distinct eigenvalues is exhausted, and ARPACK goes on from random numbers whose state outlives the run. */
static const double noise_size = 1e-14;

/* What Lanczos sees: P (scale A + noise - offset) P + lift (I - P), where P projects out the vectors already
 * known.
 */
typedef struct {
    int64_t n;
    ufm_operator *operate;
    void *context;
    double scale, offset, lift;
    double *noise; /* n, or NULL */
    int64_t known;
    const double *vector; /* n x known, orthonormal */
    double *scratch;      /* n */
    bool finite;          /* all products so far */
} lanczos_operator;

/* y <- y minus its components along the known vectors; adds `lift` times those of `along`. */
static void project(const lanczos_operator *op, const double *along, double lift, double *y)
{
    for (int64_t j = 0; j < op->known; j++) {
        const double *v = op->vector + j * op->n;
        ufm_axpy(op->n, lift * ufm_dot(op->n, v, along) - ufm_dot(op->n, v, y), v, y);
    }
}

static void multiply(lanczos_operator *op, const double *v, double *product)
{
    memcpy(op->scratch, v, (size_t)op->n * sizeof(double));
    project(op, v, 0, op->scratch);
    op->operate(op->context, op->scratch, product);
    for (int64_t i = 0; i < op->n; i++) product[i] = op->scale * product[i] - op->offset * op->scratch[i];
    for (int64_t i = 0; op->noise && i < op->n; i++) product[i] += op->noise[i] * op->scratch[i];
    project(op, v, op->lift, product);
    for (int64_t i = 0; i < op->n && op->finite; i++) op->finite = isfinite(product[i]);
}

/* Storage of one ARPACK run. */
typedef struct {
    a_int n, wanted, basis, lworkl;
    double *start, *v, *workd, *workl, *value; /* n, n x basis, 3 n, lworkl, basis */
    a_int *select;                             /* basis */
} lanczos_run;

static void free_run(lanczos_run *run)
{
    ufm_free(run->start);
    ufm_free(run->v);
    ufm_free(run->workd);
    ufm_free(run->workl);
    ufm_free(run->value);
    ufm_free(run->select);
}

static ufm_status allocate_run(int64_t n, int64_t wanted, lanczos_run *run)
{
    const int64_t enough = 2 * wanted + 1 > BASIS ? 2 * wanted + 1 : BASIS;
    const int64_t basis = enough < n ? enough : n;
    if (n > INT_MAX / 3 || basis > 40000) return UFM_ERROR_UNSUPPORTED; /* ARPACK counts with int */
    *run = (lanczos_run){.n = (a_int)n,
                         .wanted = (a_int)wanted,
                         .basis = (a_int)basis,
                         .lworkl = (a_int)(basis * (basis + 8)),
                         .start = ufm_alloc(n, sizeof(double)),
                         .v = n <= INT64_MAX / basis ? ufm_alloc(n * basis, sizeof(double)) : NULL,
                         .workd = ufm_alloc(3 * n, sizeof(double)),
                         .workl = ufm_alloc(basis * (basis + 8), sizeof(double)),
                         .value = ufm_alloc(basis, sizeof(double)),
                         .select = ufm_alloc(basis, sizeof(a_int))};
    if (run->start && run->v && run->workd && run->workl && run->value && run->select) return UFM_OK;
    free_run(run);
    return UFM_ERROR_MEMORY;
}

/* Gaussian numbers that depend on n and seed only. */
static ufm_status fill(int64_t n, uint64_t seed, double *x)
{
    ufm_rng *rng = ufm_rng_new(seed);
    if (!rng) return UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) x[i] = ufm_rng_gaussian(rng);
    ufm_rng_free(rng);
    return UFM_OK;
}

/* The `wanted` smallest values in run->value and their vectors in the first columns of run->v, in ARPACK's
 * order. */
static ufm_status iterate(lanczos_operator *op, lanczos_run *run)
{
    static const char standard[] = "I", smallest[] = "SA", all[] = "A";
    a_int iparam[11] = {1, 0, RESTARTS, 1, 0, 0, 1}, ipntr[14] = {0}, ido = 0, info = 1;
    do {
        dsaupd_c(&ido, standard, run->n, smallest, run->wanted, tolerance, run->start, run->basis, run->v,
                 run->n, iparam, ipntr, run->workd, run->workl, run->lworkl, &info);
        if (ido == 1 || ido == -1) multiply(op, run->workd + ipntr[0] - 1, run->workd + ipntr[1] - 1);
    } while ((ido == 1 || ido == -1) && op->finite);
    if (!op->finite || info != 0) return UFM_ERROR_NUMERIC;
    dseupd_c(1, all, run->select, run->value, run->v, run->n, 0, standard, run->n, smallest, run->wanted,
             tolerance, run->start, run->basis, run->v, run->n, iparam, ipntr, run->workd, run->workl,
             run->lworkl, &info);
    return info == 0 && iparam[4] >= run->wanted ? UFM_OK : UFM_ERROR_NUMERIC;
}

/* The values are Rayleigh quotients of A. */
static ufm_status run_lanczos(lanczos_operator *op, lanczos_run *run)
{
    ufm_status status = fill(op->n, 1, run->start);
    if (status != UFM_OK) return status;
    (void)pthread_mutex_lock(&one_run);
    status = iterate(op, run);
    (void)pthread_mutex_unlock(&one_run);
    for (int64_t j = 0; status == UFM_OK && j < run->wanted; j++) {
        const double *v = run->v + j * op->n;
        op->operate(op->context, v, run->start);
        run->value[j] = ufm_dot(op->n, v, run->start) / ufm_dot(op->n, v, v);
    }
    return status;
}

/* Insertion into values[0..held-1] (ascending, with vectors), which has room for one more. */
static void insert(int64_t n, int64_t held, double value, const double *vector, double *values,
                   double *vectors)
{
    int64_t at = held;
    for (; at > 0 && values[at - 1] > value; at--) {
        values[at] = values[at - 1];
        memcpy(vectors + at * n, vectors + (at - 1) * n, (size_t)n * sizeof(double));
    }
    values[at] = value;
    memcpy(vectors + at * n, vector, (size_t)n * sizeof(double));
}

/* A Krylov space holds one vector of a multiple eigenvalue, so the other copies may have been passed over:
 * looks beside the known vectors for values below the largest until there are none. */
static ufm_status find_copies(lanczos_operator *op, int64_t count, double *values, double *vectors)
{
    lanczos_run run;
    ufm_status status = allocate_run(op->n, 1, &run);
    if (status != UFM_OK) return status;
    op->known = count;
    op->vector = vectors;
    for (int64_t round = 0; round < count; round++) {
        const double largest = op->scale * values[count - 1];
        op->lift = largest - op->offset + 1; /* anything above the largest */
        status = run_lanczos(op, &run);
        if (status != UFM_OK || !(op->scale * run.value[0] < largest - 1e-12)) break;
        insert(op->n, count - 1, run.value[0], run.v, values, vectors);
    }
    free_run(&run);
    return status;
}

/* Scales the operator to a norm of about 1/2 and subtracts 1: this keeps the wanted eigenvalues away from
 * zero, where ARPACK's relative test of convergence asks for more digits than there are. */
static ufm_status normalise(lanczos_operator *op)
{
    double *x = ufm_alloc(op->n, sizeof *x), *y = ufm_alloc(op->n, sizeof *y);
    ufm_status status = x && y ? fill(op->n, 1, x) : UFM_ERROR_MEMORY;
    double norm = 0;
    for (int step = 0; status == UFM_OK && step < POWER_STEPS; step++) {
        ufm_scale(op->n, 1 / ufm_norm(op->n, x), x);
        multiply(op, x, y);
        if (!op->finite) status = UFM_ERROR_NUMERIC;
        const double length = ufm_norm(op->n, y);
        if (!(length > 0)) break;
        norm = fmax(norm, length);
        memcpy(x, y, (size_t)op->n * sizeof(double));
    }
    op->scale = norm > 0 ? 0.5 / norm : 1;
    op->offset = 1;
    ufm_free(x);
    ufm_free(y);
    return status;
}

static ufm_status make_noise(lanczos_operator *op)
{
    op->noise = ufm_alloc(op->n, sizeof(double));
    if (!op->noise) return UFM_ERROR_MEMORY;
    const ufm_status status = fill(op->n, 2, op->noise);
    ufm_scale(op->n, noise_size, op->noise);
    return status;
}

/* Column by column, for LAPACK. */
static ufm_status assemble_and_solve(lanczos_operator *op, int64_t count, double *values, double *vectors)
{
    const int64_t n = op->n;
    double *a = ufm_alloc(n * n, sizeof *a), *all = ufm_alloc(n, sizeof *all), *unit = op->scratch;
    ufm_status status = a && all ? UFM_OK : UFM_ERROR_MEMORY;
    if (status != UFM_OK) goto cleanup;
    memset(unit, 0, (size_t)n * sizeof(double));
    for (int64_t j = 0; j < n; j++) {
        unit[j] = 1;
        op->operate(op->context, unit, a + j * n);
        unit[j] = 0;
    }
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < j; i++) a[i + j * n] = a[j + i * n] = 0.5 * (a[i + j * n] + a[j + i * n]);
    status = ufm_symmetric_eigen(n, a, true, all);
    if (status != UFM_OK) goto cleanup;
    memcpy(values, all, (size_t)count * sizeof(double));
    if (vectors) memcpy(vectors, a, (size_t)(n * count) * sizeof(double));
cleanup:
    ufm_free(a);
    ufm_free(all);
    return status;
}

static ufm_status solve(lanczos_operator *op, int64_t count, double *values, double *vectors)
{
    lanczos_run run;
    ufm_status status = normalise(op);
    if (status == UFM_OK) status = make_noise(op);
    if (status == UFM_OK) status = allocate_run(op->n, count, &run);
    if (status != UFM_OK) return status;
    status = run_lanczos(op, &run);
    for (int64_t j = 0; status == UFM_OK && j < count; j++)
        insert(op->n, j, run.value[j], run.v + j * op->n, values, vectors);
    free_run(&run);
    if (status == UFM_OK && count > 1) status = find_copies(op, count, values, vectors);
    return status;
}

ufm_status ufm_lanczos_smallest(int64_t n, ufm_operator *operate, void *context, int64_t count,
                                double *values, double *vectors)
{
    if (count < 1 || count > n) return count == 0 ? UFM_OK : UFM_ERROR_USAGE;
    lanczos_operator op = {.n = n,
                           .operate = operate,
                           .context = context,
                           .scale = 1,
                           .scratch = ufm_alloc(n, sizeof(double)),
                           .finite = true};
    double *found = ufm_alloc(count, sizeof *found);
    double *found_vectors = n <= INT64_MAX / count ? ufm_alloc(n * count, sizeof *found_vectors) : NULL;
    ufm_status status = op.scratch && found && found_vectors ? UFM_OK : UFM_ERROR_MEMORY;
    const bool tiny = n <= 3 || count >= n - 1;
    if (status == UFM_OK && !tiny) status = solve(&op, count, found, found_vectors);
    if (status == UFM_OK ? tiny : status == UFM_ERROR_NUMERIC && op.finite && n <= FALLBACK)
        status = assemble_and_solve(&op, count, found, found_vectors);
    if (status == UFM_OK) {
        memcpy(values, found, (size_t)count * sizeof(double));
        if (vectors) memcpy(vectors, found_vectors, (size_t)(n * count) * sizeof(double));
    }
    ufm_free(op.scratch);
    ufm_free(op.noise);
    ufm_free(found);
    ufm_free(found_vectors);
    return status;
}
