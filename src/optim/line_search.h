/* Private to module optim: a search for the strong Wolfe conditions along a line. */
#ifndef UFMLAB_OPTIM_LINE_SEARCH_H
#define UFMLAB_OPTIM_LINE_SEARCH_H

#include <stdbool.h>

/* phi(step) and phi'(step); the callee keeps the gradient of its last call. */
typedef double line_function(void *context, double step, double *slope);

typedef struct {
    double value, slope; /* phi(0), phi'(0) < 0 */
    double first;        /* first trial step > 0 */
    double curvature;    /* c2 in (0,1) */
} line_start;

/* The last call of `phi` was at the accepted step, which is returned; 0 when no step is acceptable. A step is
 * accepted when phi(a) <= phi(0) + 1e-4 a phi'(0) and |phi'(a)| <= c2 |phi'(0)|, or, where rounding hides
 * the decrease, when the second holds and phi(a) <= phi(0) + 1e-14 |phi(0)| (approximate Wolfe, Hager and
 * Zhang 2005). */
double line_search(line_function *phi, void *context, const line_start *start, double *value);

#endif
