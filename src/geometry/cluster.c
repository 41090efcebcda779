/* Hierarchical clustering by average linkage, for the order of its leaves. */
#include "internal.h"
#include <math.h>

/* Branches are chains of items; each is known by its least item. */
typedef struct {
    int64_t n;
    double *distance; /* n x n, between the branches that are alive */
    int64_t *size;    /* items of a branch; 0: joined to another */
    int64_t *next;    /* chain of items, -1 at its end */
    int64_t *last;    /* end of a branch's chain */
} cluster_state;

static void closest_pair(const cluster_state *state, int64_t *first, int64_t *second)
{
    double least = INFINITY;
    for (int64_t a = 0; a < state->n; a++) {
        if (state->size[a] == 0) continue;
        for (int64_t b = a + 1; b < state->n; b++) {
            if (state->size[b] == 0 || !(state->distance[b + a * state->n] < least)) continue;
            least = state->distance[b + a * state->n];
            *first = a;
            *second = b;
        }
    }
}

static void join(cluster_state *state, int64_t a, int64_t b)
{
    const int64_t n = state->n;
    const double of_a = (double)state->size[a], of_b = (double)state->size[b];
    for (int64_t c = 0; c < n; c++) {
        const double mean =
            (of_a * state->distance[c + a * n] + of_b * state->distance[c + b * n]) / (of_a + of_b);
        state->distance[c + a * n] = state->distance[a + c * n] = mean;
    }
    state->size[a] += state->size[b];
    state->size[b] = 0;
    state->next[state->last[a]] = b;
    state->last[a] = state->last[b];
}

ufm_status ufm_cluster_order(int64_t n, const double *similarity, int64_t *order)
{
    if (n < 1) return UFM_ERROR_USAGE;
    cluster_state state = {.n = n,
                           .distance = ufm_alloc(n * n, sizeof(double)),
                           .size = ufm_alloc(n, sizeof(int64_t)),
                           .next = ufm_alloc(n, sizeof(int64_t)),
                           .last = ufm_alloc(n, sizeof(int64_t))};
    const bool complete = state.distance && state.size && state.next && state.last;
    if (complete) {
        for (int64_t i = 0; i < n * n; i++)
            state.distance[i] = isfinite(similarity[i]) ? 1 - similarity[i] : 1;
        for (int64_t i = 0; i < n; i++) {
            state.size[i] = 1;
            state.next[i] = -1;
            state.last[i] = i;
        }
        for (int64_t step = 1, a = 0, b = 1; step < n; step++) {
            closest_pair(&state, &a, &b);
            join(&state, a, b);
        }
        for (int64_t item = 0, place = 0; item >= 0; item = state.next[item]) order[place++] = item;
    }
    ufm_free(state.distance);
    ufm_free(state.size);
    ufm_free(state.next);
    ufm_free(state.last);
    return complete ? UFM_OK : UFM_ERROR_MEMORY;
}
