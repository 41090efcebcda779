/* At the optimum of the relaxation every maximiser p of h^T Q h is an eigenvector: (Q + M) p = value p, and M
 * vanishes where two entries of p are positive. These are linear equations for M; conjugate gradients on
 * their normal equations give the nearest solution. */
#include "constrained.h"
#include <math.h>
#include <string.h>

enum { CG_STEPS = 300 };
static const double cg_tolerance = 1e-16; /* residual over right-hand side */
/* Curvature below this share of the largest one seen is zero: the maximisers may depend on each other. */
static const double flat = 1e-10;

typedef struct {
    int64_t n, r;
    const double *points; /* n x r */
    bool *blocked;        /* n x n: M must vanish */
    double *symmetric;    /* n x n */
} equations;

/* adjoint = sym(L P^T) where M is not blocked. */
static void adjoint(const equations *eq, const double *L)
{
    const int64_t n = eq->n;
    ufm_gemm(1, ufm_view(L, n, eq->r), ufm_transpose(ufm_view(eq->points, n, eq->r)), 0,
             ufm_view(eq->symmetric, n, n));
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i <= j; i++) {
            double *upper = eq->symmetric + i + j * n, *lower = eq->symmetric + j + i * n;
            *upper = *lower = eq->blocked[i + j * n] ? 0 : 0.5 * (*upper + *lower);
        }
}

static void apply(const equations *eq, const double *M, double *product)
{
    ufm_gemm(1, ufm_view(M, eq->n, eq->n), ufm_view(eq->points, eq->n, eq->r), 0,
             ufm_view(product, eq->n, eq->r));
}

/* L with apply(adjoint(L)) = residual; work holds three n x r arrays, the second of which becomes L. */
static void conjugate_gradients(const equations *eq, double *residual, double *work)
{
    const int64_t size = eq->n * eq->r;
    double *search = work, *L = work + size, *product = work + 2 * size;
    memset(L, 0, (size_t)size * sizeof(double));
    memcpy(search, residual, (size_t)size * sizeof(double));
    double squared = ufm_dot(size, residual, residual);
    const double enough = squared * cg_tolerance * cg_tolerance;
    double steepest = 0;
    for (int step = 0; step < CG_STEPS && squared > enough; step++) {
        adjoint(eq, search);
        apply(eq, eq->symmetric, product);
        const double curvature = ufm_dot(size, search, product);
        const double quotient = curvature / ufm_dot(size, search, search);
        steepest = fmax(steepest, quotient);
        if (!(quotient > flat * steepest)) break;
        ufm_axpy(size, squared / curvature, search, L);
        ufm_axpy(size, -squared / curvature, product, residual);
        const double next = ufm_dot(size, residual, residual);
        ufm_scale(size, next / squared, search);
        ufm_axpy(size, 1, residual, search);
        squared = next;
    }
}

static void mark_blocked(const equations *eq)
{
    for (int64_t p = 0; p < eq->r; p++) {
        const double *point = eq->points + p * eq->n;
        for (int64_t j = 0; j < eq->n; j++)
            for (int64_t i = 0; i < eq->n && point[j] > 0; i++)
                if (point[i] > 0) eq->blocked[i + j * eq->n] = true;
    }
}

ufm_status certify_relax_polish(const certify_relaxation *problem, double *M)
{
    const int64_t n = problem->n, r = problem->maximisers;
    double *work = ufm_alloc(n * n + 4 * n * r, sizeof(double));
    const equations eq = {n, r, problem->points, ufm_alloc(n * n, sizeof(bool)), work};
    const bool ready = work && eq.blocked;
    if (ready) {
        double *residual = work + n * n, *rest = residual + n * r;
        mark_blocked(&eq);
        for (int64_t j = 0; j < n * n; j++) M[j] = eq.blocked[j] ? 0 : M[j];
        memcpy(residual, problem->points, (size_t)(n * r) * sizeof(double));
        ufm_gemm(-1, ufm_view(problem->Q, n, n), ufm_view(problem->points, n, r), problem->value,
                 ufm_view(residual, n, r));
        ufm_gemm(-1, ufm_view(M, n, n), ufm_view(problem->points, n, r), 1, ufm_view(residual, n, r));
        conjugate_gradients(&eq, residual, rest);
        adjoint(&eq, rest + n * r);
        for (int64_t j = 0; j < n * n; j++) M[j] = fmax(0, M[j] + eq.symmetric[j]);
    }
    ufm_free(work);
    ufm_free(eq.blocked);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}
