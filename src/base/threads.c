#include <pthread.h>
#include <sched.h>
#include <ufmlab/base.h>

/* Jobs follow each other closely, and to wake a sleeping thread takes some 50 us: PATIENCE, in nanoseconds,
 * is how long one polls before it sleeps, with a look at the clock after every so many pauses. */
enum { PATIENCE = 200000, PAUSES = 32 };

typedef struct {
    int64_t count, grain;
    ufm_pool_body *body;
    void *context;
} job;

struct ufm_pool {
    int threads; /* the caller is worker 0 */
    pthread_t *worker;
    int started;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    job current;
    _Atomic uint64_t generation; /* number of the job handed out last */
    _Atomic int busy;            /* workers that have not finished it */
    _Atomic int asleep;   /* workers that wait for `wake`: who sleeps says so first and looks again then, */
    _Atomic bool waiting; /* and so does the caller before it waits for `idle`; others need no lock */
    _Atomic bool quit;
};

typedef struct {
    ufm_pool *pool;
    int index;
} worker_start;

int ufm_threads_available(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    const int cores = CPU_COUNT(&set);
    return cores > 0 ? cores : 1;
}

/* Runs worker's share: whole grains, split as evenly as they go. */
static void run_part(const job *work, int worker, int threads)
{
    const int64_t grains = (work->count + work->grain - 1) / work->grain;
    const int64_t each = grains / threads, extra = grains % threads;
    const int64_t first = worker * each + (worker < extra ? worker : extra);
    const int64_t last = first + each + (worker < extra ? 1 : 0);
    const int64_t begin = first * work->grain;
    const int64_t end = last * work->grain < work->count ? last * work->grain : work->count;
    if (begin < end) work->body(work->context, worker, begin, end);
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static bool has_job(const ufm_pool *pool, uint64_t seen)
{
    return pool->generation != seen || pool->quit;
}
static bool all_done(const ufm_pool *pool, uint64_t unused)
{
    (void)unused;
    return pool->busy == 0;
}

/* Whether it came true while polling. */
static bool poll_for(const ufm_pool *pool, bool (*event)(const ufm_pool *pool, uint64_t seen), uint64_t seen)
{
    const double until = ufm_seconds() + 1e-9 * PATIENCE;
    do
        for (int i = 0; i < PAUSES; i++) {
            if (event(pool, seen)) return true;
            pause_briefly();
        }
    while (ufm_seconds() < until);
    return false;
}

static uint64_t wait_for_job(ufm_pool *pool, uint64_t seen)
{
    if (poll_for(pool, has_job, seen)) return pool->generation;
    pthread_mutex_lock(&pool->lock);
    pool->asleep++;
    while (pool->generation == seen && !pool->quit) pthread_cond_wait(&pool->wake, &pool->lock);
    pool->asleep--;
    pthread_mutex_unlock(&pool->lock);
    return pool->generation;
}

static void *worker_main(void *argument)
{
    worker_start start = *(worker_start *)argument;
    ufm_free(argument);
    ufm_pool *pool = start.pool;
    uint64_t seen = 0;
    for (;;) {
        const uint64_t now = wait_for_job(pool, seen);
        if (now == seen) return NULL; /* quit */
        seen = now;
        run_part(&pool->current, start.index, pool->threads);
        if (--pool->busy == 0 && pool->waiting) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->idle);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

ufm_pool *ufm_pool_new(int threads)
{
    ufm_pool *pool = ufm_alloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->threads = threads > 0 ? threads : ufm_threads_available();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->idle, NULL);
    pool->worker = ufm_alloc(pool->threads, sizeof *pool->worker);
    for (int i = 1; pool->worker && i < pool->threads; i++) {
        worker_start *start = ufm_alloc(1, sizeof *start);
        if (start) *start = (worker_start){pool, i};
        if (!start || pthread_create(&pool->worker[i], NULL, worker_main, start) != 0) {
            ufm_free(start);
            break;
        }
        pool->started++;
    }
    if (!pool->worker || pool->started != pool->threads - 1) {
        ufm_pool_free(pool);
        return NULL;
    }
    return pool;
}

void ufm_pool_free(ufm_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i <= pool->started; i++) pthread_join(pool->worker[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    ufm_free(pool->worker);
    ufm_free(pool);
}

int ufm_pool_threads(const ufm_pool *pool)
{
    return pool ? pool->threads : 1;
}

void ufm_pool_run(ufm_pool *pool, int64_t count, int64_t grain, ufm_pool_body *body, void *context)
{
    const job work = {count, grain > 0 ? grain : 1, body, context};
    if (!pool || pool->threads == 1) {
        run_part(&work, 0, 1);
        return;
    }
    pool->current = work;
    pool->busy = pool->threads - 1;
    pool->generation++;
    if (pool->asleep > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
    run_part(&work, 0, pool->threads);
    if (poll_for(pool, all_done, 0)) return;
    pthread_mutex_lock(&pool->lock);
    pool->waiting = true;
    while (pool->busy != 0) pthread_cond_wait(&pool->idle, &pool->lock);
    pool->waiting = false;
    pthread_mutex_unlock(&pool->lock);
}
