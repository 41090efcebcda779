/* Collapse metrics against a plain-loop twin, exact geometries and their invariances. */
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>
#include <ufmlab/metrics.h>

enum { MOST_COLUMNS = 1024, MOST_CLASSES = 10, MOST_DIM = 12 };

/* ---- Instances built by hand --------------------------------------------------------------------- */

typedef struct {
    ufm_labels labels;
    ufm_point point;
    int64_t offset[MOST_COLUMNS + 1], count[MOST_COLUMNS];
    int32_t tag[MOST_COLUMNS * MOST_CLASSES];
    double W[MOST_CLASSES * MOST_DIM], H[MOST_DIM * MOST_COLUMNS], b[MOST_CLASSES];
} instance;

static void start(instance *in, int64_t classes, int64_t dim)
{
    memset(in, 0, sizeof *in);
    in->labels = (ufm_labels){.classes = classes, .offset = in->offset, .tag = in->tag, .count = in->count};
    in->point = (ufm_point){.classes = classes, .dim = dim, .W = in->W, .H = in->H, .b = in->b};
}

/* A column with the tag set given by bits; its feature is left zero. */
static double *add(instance *in, unsigned set, int64_t count)
{
    const int64_t i = in->labels.columns++;
    CU_ASSERT_FATAL(i < MOST_COLUMNS);
    in->point.columns++;
    in->labels.samples += count;
    in->count[i] = count;
    int64_t end = in->offset[i];
    for (int32_t k = 0; k < in->labels.classes; k++)
        if (set >> k & 1u) in->tag[end++] = k;
    in->offset[i + 1] = end;
    return in->H + i * in->point.dim;
}

static unsigned set_of(const instance *in, int64_t column)
{
    unsigned set = 0;
    for (int64_t j = in->offset[column]; j < in->offset[column + 1]; j++) set |= 1u << in->tag[j];
    return set;
}

static void gaussian(ufm_rng *rng, int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++) x[i] = ufm_rng_gaussian(rng);
}

/* Every class alone, other tag sets by chance, several samples each, in random order. */
static void random_instance(instance *in, ufm_rng *rng)
{
    const int64_t K = 2 + ufm_rng_below(rng, 5), d = 1 + ufm_rng_below(rng, 8);
    start(in, K, d);
    gaussian(rng, K * d, in->W);
    gaussian(rng, K, in->b);
    for (int pass = 0; pass < 4; pass++)
        for (unsigned set = (1u << K) - 1; set > 0; set--) {
            const bool single = __builtin_popcount(set) == 1;
            if (!(single && pass == 0) && ufm_rng_below(rng, 3) > 0) continue;
            gaussian(rng, d, add(in, set, 1 + ufm_rng_below(rng, 3)));
        }
}

static ufm_metrics *measure(const instance *in)
{
    ufm_metrics *metrics = NULL;
    const ufm_status status = ufm_metrics_compute(&in->point, &in->labels, &metrics, NULL);
    CU_ASSERT_FATAL(status == UFM_OK);
    return metrics;
}

/* Largest relative difference of two sets of metrics; infinite where only one is NaN or the levels differ. */
static double difference(const ufm_metrics *a, const ufm_metrics *b, const char **where)
{
    double worst = 0;
#define COMPARE(name, x, y)                                                                                  \
    do {                                                                                                     \
        const double x_ = (x), y_ = (y);                                                                     \
        double e_ = isnan(x_) && isnan(y_) ? 0 : fabs(x_ - y_) / fmax(1, fabs(y_));                          \
        if (isnan(e_)) e_ = INFINITY;                                                                        \
        if (e_ > worst) worst = e_, *where = name;                                                           \
    } while (0)
#define FIELD(name) COMPARE(#name, a->name, b->name)
#define LEVEL(name) COMPARE("level " #name, a->level[l].name, b->level[l].name)
    if (a->levels != b->levels) return INFINITY;
    FIELD(nc1);
    FIELD(nc2);
    FIELD(nc2_features);
    FIELD(nc3);
    FIELD(nc4);
    FIELD(cdnv);
    FIELD(equinorm_w);
    FIELD(equinorm_features);
    FIELD(equiangle_w);
    FIELD(equiangle_features);
    for (int64_t l = 0; l < a->levels; l++) {
        if (a->level[l].multiplicity != b->level[l].multiplicity ||
            a->level[l].tag_sets != b->level[l].tag_sets)
            return INFINITY;
        LEVEL(within);
        LEVEL(nc1);
        LEVEL(ncm);
        LEVEL(ncm_centred);
        LEVEL(angle_degrees);
        LEVEL(angle_degrees_all);
        LEVEL(scale);
        LEVEL(scale_spread);
        LEVEL(scale_residual);
    }
    return worst;
}

/* ---- The plain-loop twin ------------------------------------------------------------------------- */

typedef struct {
    unsigned set;
    double samples, mean[MOST_DIM];
} plain_set;

typedef struct {
    const instance *in;
    int64_t K, d, sets;
    plain_set set[1 << 6];
    double global[MOST_DIM];
    double inverse[MOST_DIM][MOST_DIM]; /* Sigma_B^+ */
    ufm_metrics metrics;
    ufm_multiplicity_metrics level[MOST_CLASSES];
} plain;

static plain_set *plain_find(plain *p, unsigned set)
{
    for (int64_t s = 0; s < p->sets; s++)
        if (p->set[s].set == set) return &p->set[s];
    return NULL;
}

static void plain_means(plain *p)
{
    for (int64_t i = 0; i < p->in->labels.columns; i++) {
        const unsigned set = set_of(p->in, i);
        plain_set *s = plain_find(p, set);
        if (!s) {
            s = &p->set[p->sets++];
            s->set = set;
        }
        s->samples += (double)p->in->count[i];
        for (int64_t j = 0; j < p->d; j++) s->mean[j] += (double)p->in->count[i] * p->in->H[i * p->d + j];
    }
    for (int64_t s = 0; s < p->sets; s++)
        for (int64_t j = 0; j < p->d; j++) p->set[s].mean[j] /= p->set[s].samples;
    for (int64_t k = 0; k < p->K; k++)
        for (int64_t j = 0; j < p->d; j++) p->global[j] += plain_find(p, 1u << k)->mean[j] / (double)p->K;
}

/* Sigma_B^+ from the eigenvectors of the d x d matrix Sigma_B. */
static void plain_inverse(plain *p)
{
    const int64_t d = p->d;
    double scatter[MOST_DIM * MOST_DIM] = {0}, value[MOST_DIM];
    for (int64_t k = 0; k < p->K; k++) {
        const double *mean = plain_find(p, 1u << k)->mean;
        for (int64_t i = 0; i < d; i++)
            for (int64_t j = 0; j < d; j++)
                scatter[i + j * d] += (mean[i] - p->global[i]) * (mean[j] - p->global[j]) / (double)p->K;
    }
    TEST_OK(ufm_symmetric_eigen(d, scatter, true, value));
    for (int64_t r = d - 1; r >= 0 && r >= d - (p->K - 1); r--)
        for (int64_t i = 0; i < d; i++)
            for (int64_t j = 0; j < d; j++)
                p->inverse[i][j] += scatter[i + r * d] * scatter[j + r * d] / value[r];
}

static double plain_distance(const plain *p, const double *a, const double *b)
{
    double square = 0;
    for (int64_t j = 0; j < p->d; j++) square += (a[j] - b[j]) * (a[j] - b[j]);
    return square;
}

static void plain_variability(plain *p, ufm_multiplicity_metrics *level)
{
    double scatter = 0, within = 0, total = 0, samples = 0;
    for (int64_t i = 0; i < p->in->labels.columns; i++) {
        const unsigned set = set_of(p->in, i);
        if (__builtin_popcount(set) != level->multiplicity) continue;
        const double *h = p->in->H + i * p->d, *mean = plain_find(p, set)->mean,
                     count = (double)p->in->count[i];
        for (int64_t a = 0; a < p->d; a++) {
            total += count * h[a] * h[a];
            for (int64_t b = 0; b < p->d; b++)
                scatter += count * (h[a] - mean[a]) * p->inverse[a][b] * (h[b] - mean[b]);
        }
        within += count * plain_distance(p, h, mean);
        samples += count;
    }
    level->within = sqrt(within / total);
    level->nc1 = scatter / samples / (double)p->K;
}

static double plain_variance(const plain *p, unsigned set, const double *mean, double samples)
{
    double sum = 0;
    for (int64_t i = 0; i < p->in->labels.columns; i++)
        if (set_of(p->in, i) == set)
            sum += (double)p->in->count[i] * plain_distance(p, p->in->H + i * p->d, mean);
    return sum / samples;
}

static void plain_cdnv(plain *p)
{
    double sum = 0;
    for (int64_t k = 0; k < p->K; k++)
        for (int64_t l = 0; l < p->K; l++) {
            if (k == l) continue;
            const plain_set *a = plain_find(p, 1u << k), *b = plain_find(p, 1u << l);
            sum += (plain_variance(p, a->set, a->mean, a->samples) +
                    plain_variance(p, b->set, b->mean, b->samples)) /
                   (2 * plain_distance(p, a->mean, b->mean));
        }
    p->metrics.cdnv = sum / (double)(p->K * (p->K - 1));
}

static double plain_deviation(int64_t K, double (*a)[MOST_CLASSES])
{
    double square = 0, sum = 0;
    for (int64_t k = 0; k < K; k++)
        for (int64_t l = 0; l < K; l++) square += a[k][l] * a[k][l];
    for (int64_t k = 0; k < K; k++)
        for (int64_t l = 0; l < K; l++) {
            const double e = ((k == l ? 1.0 : 0.0) - 1 / (double)K) / sqrt((double)K - 1);
            sum += pow(a[k][l] / sqrt(square) - e, 2);
        }
    return sqrt(sum);
}

/* NC2, equal norms and equal angles of K rows. */
static void plain_rows(const plain *p, double (*row)[MOST_DIM], double *nc2, double *norms, double *angles)
{
    double gram[MOST_CLASSES][MOST_CLASSES] = {{0}}, mean = 0, square = 0, cosines = 0, cosine_squares = 0;
    for (int64_t k = 0; k < p->K; k++)
        for (int64_t l = 0; l < p->K; l++)
            for (int64_t j = 0; j < p->d; j++) gram[k][l] += row[k][j] * row[l][j];
    *nc2 = plain_deviation(p->K, gram);
    const double K = (double)p->K, pairs = K * (K - 1) / 2;
    for (int64_t k = 0; k < p->K; k++) mean += sqrt(gram[k][k]) / K;
    for (int64_t k = 0; k < p->K; k++) {
        square += pow(sqrt(gram[k][k]) - mean, 2) / K;
        for (int64_t l = 0; l < k; l++) cosines += gram[k][l] / sqrt(gram[k][k] * gram[l][l]) / pairs;
    }
    for (int64_t k = 0; k < p->K; k++)
        for (int64_t l = 0; l < k; l++)
            cosine_squares += pow(gram[k][l] / sqrt(gram[k][k] * gram[l][l]) - cosines, 2) / pairs;
    *norms = sqrt(square) / mean;
    *angles = sqrt(cosine_squares);
}

static void plain_geometry(plain *p)
{
    double W[MOST_CLASSES][MOST_DIM], M[MOST_CLASSES][MOST_DIM], product[MOST_CLASSES][MOST_CLASSES] = {{0}};
    for (int64_t k = 0; k < p->K; k++)
        for (int64_t j = 0; j < p->d; j++) {
            W[k][j] = p->in->W[k + j * p->K];
            M[k][j] = plain_find(p, 1u << k)->mean[j] - p->global[j];
        }
    ufm_metrics *m = &p->metrics;
    plain_rows(p, W, &m->nc2, &m->equinorm_w, &m->equiangle_w);
    plain_rows(p, M, &m->nc2_features, &m->equinorm_features, &m->equiangle_features);
    for (int64_t k = 0; k < p->K; k++)
        for (int64_t l = 0; l < p->K; l++)
            for (int64_t j = 0; j < p->d; j++) product[k][l] += W[k][j] * M[l][j];
    m->nc3 = plain_deviation(p->K, product);
}

static void plain_nc4(plain *p)
{
    double samples = 0, different = 0;
    for (int64_t i = 0; i < p->in->labels.columns; i++) {
        if (__builtin_popcount(set_of(p->in, i)) != 1) continue;
        const double *h = p->in->H + i * p->d;
        int64_t near = -1, said = -1;
        double least = INFINITY, most = -INFINITY;
        for (int64_t k = 0; k < p->K; k++) {
            double logit = p->in->b[k];
            for (int64_t j = 0; j < p->d; j++) logit += p->in->W[k + j * p->K] * h[j];
            const double away = plain_distance(p, h, plain_find(p, 1u << k)->mean);
            if (away < least) least = away, near = k;
            if (logit > most) most = logit, said = k;
        }
        samples += (double)p->in->count[i];
        if (near != said) different += (double)p->in->count[i];
    }
    p->metrics.nc4 = different / samples;
}

/* Angle in degrees of mu_S' and sum_{k in S} mu_k after subtracting share * mu_G from every mean: the tangent
 * is |u x v|/<u,v>. */
static double plain_angle(plain *p, const plain_set *other, unsigned set, double share)
{
    double u[MOST_DIM], v[MOST_DIM] = {0}, cross = 0, dot = 0;
    for (int64_t j = 0; j < p->d; j++) {
        u[j] = other->mean[j] - share * p->global[j];
        for (int64_t k = 0; k < p->K; k++)
            if (set >> k & 1u) v[j] += plain_find(p, 1u << k)->mean[j] - share * p->global[j];
        dot += u[j] * v[j];
    }
    for (int64_t i = 0; i < p->d; i++)
        for (int64_t j = 0; j < i; j++) cross += pow(u[i] * v[j] - u[j] * v[i], 2);
    return atan2(sqrt(cross), dot) * 180 / acos(-1);
}

static void plain_angles(plain *p, ufm_multiplicity_metrics *level)
{
    const double sets = (double)level->tag_sets;
    for (int centred = 0; centred < 2; centred++) {
        double own = 0, all = 0;
        for (int64_t s = 0; s < p->sets; s++) {
            if (__builtin_popcount(p->set[s].set) != level->multiplicity) continue;
            own += plain_angle(p, &p->set[s], p->set[s].set, centred) / sets;
            for (int64_t o = 0; o < p->sets; o++)
                if (__builtin_popcount(p->set[o].set) == level->multiplicity)
                    all += plain_angle(p, &p->set[o], p->set[s].set, centred) / (sets * sets);
        }
        if (!centred) level->angle_degrees = own, level->angle_degrees_all = all, level->ncm = own / all;
        if (centred) level->ncm_centred = level->multiplicity == p->K ? NAN : own / all;
    }
}

/* C_S, and |mu_S - scale u_S|/|mu_S| for the given scale. */
static double plain_scale(const plain *p, const plain_set *set, double scale, double *residual)
{
    double top = 0, bottom = 0, left = 0, size = 0;
    for (int64_t j = 0; j < p->d; j++) {
        double u = 0;
        for (int64_t k = 0; k < p->K; k++)
            if (set->set >> k & 1u) u += p->in->W[k + j * p->K];
        top += set->mean[j] * u;
        bottom += u * u;
        left += pow(set->mean[j] - scale * u, 2);
        size += set->mean[j] * set->mean[j];
    }
    *residual = sqrt(left / size);
    return top / bottom;
}

static void plain_scales(const plain *p, ufm_multiplicity_metrics *level)
{
    double least = INFINITY, most = -INFINITY, worst = 0, sum = 0, residual;
    for (int64_t s = 0; s < p->sets; s++) {
        if (__builtin_popcount(p->set[s].set) != level->multiplicity) continue;
        const double scale = plain_scale(p, &p->set[s], 0, &residual);
        sum += scale;
        least = fmin(least, scale);
        most = fmax(most, scale);
    }
    level->scale = sum / (double)level->tag_sets;
    for (int64_t s = 0; s < p->sets; s++) {
        if (__builtin_popcount(p->set[s].set) != level->multiplicity) continue;
        (void)plain_scale(p, &p->set[s], level->scale, &residual);
        worst = fmax(worst, residual);
    }
    level->scale_spread = (most - least) / fabs(level->scale);
    level->scale_residual = worst;
}

static const ufm_metrics *plain_metrics(plain *p, const instance *in)
{
    memset(p, 0, sizeof *p);
    p->in = in;
    p->K = in->labels.classes;
    p->d = in->point.dim;
    p->metrics.level = p->level;
    plain_means(p);
    plain_inverse(p);
    plain_cdnv(p);
    plain_geometry(p);
    plain_nc4(p);
    for (int64_t m = 1; m <= p->K; m++) {
        ufm_multiplicity_metrics *level = &p->level[p->metrics.levels];
        *level = (ufm_multiplicity_metrics){.multiplicity = m,
                                            .ncm = NAN,
                                            .ncm_centred = NAN,
                                            .angle_degrees = NAN,
                                            .angle_degrees_all = NAN};
        for (int64_t s = 0; s < p->sets; s++) level->tag_sets += __builtin_popcount(p->set[s].set) == m;
        if (level->tag_sets == 0) continue;
        p->metrics.levels++;
        plain_variability(p, level);
        if (m > 1) plain_angles(p, level);
        plain_scales(p, level);
    }
    p->metrics.nc1 = p->level[0].nc1;
    return &p->metrics;
}

static void plain_loops(void)
{
    static instance in;
    static plain twin;
    ufm_rng *rng = ufm_rng_new(21);
    double worst = 0;
    for (int i = 0; i < (test_fast() ? 20 : 300); i++) {
        random_instance(&in, rng);
        ufm_metrics *metrics = measure(&in);
        const char *where = "levels";
        const double error = difference(metrics, plain_metrics(&twin, &in), &where);
        if (!(error <= 1e-9))
            fprintf(stderr, "  trial %d, K = %d, d = %d: %s off by %.2g\n", i, (int)twin.K, (int)twin.d,
                    where, error);
        worst = fmax(worst, error);
        ufm_metrics_free(metrics);
    }
    ufm_rng_free(rng);
    test_worst("plain_loops", worst, 1e-9);
}

static double set_error(plain *p, const ufm_tag_set_metrics *set)
{
    const instance *in = p->in;
    const plain_set *s = plain_find(p, set_of(in, set->column));
    double residual, square = 0, unused;
    const double scale = plain_scale(p, s, 0, &unused);
    (void)plain_scale(p, s, scale, &residual);
    for (int64_t j = 0; j < p->d; j++) square += s->mean[j] * s->mean[j];
    const double errors[] = {
        set->norm / sqrt(square) - 1, (set->scale - scale) / (1 + fabs(scale)), set->residual - residual,
        (set->angle_degrees - plain_angle(p, s, s->set, 0)) / 180, (double)set->samples - s->samples};
    double worst = 0;
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
        if (!(fabs(errors[e]) <= worst)) worst = fabs(errors[e]);
    return worst;
}

/* The table of tag sets against plain loops, and against the averages that ufm_metrics_compute makes of it.
 */
static void tag_sets(void)
{
    static instance in;
    static plain twin;
    ufm_rng *rng = ufm_rng_new(30);
    double worst = 0;
    for (int i = 0; i < (test_fast() ? 20 : 300); i++) {
        random_instance(&in, rng);
        const ufm_metrics *expected = plain_metrics(&twin, &in);
        ufm_tag_set_metrics *sets = NULL;
        int64_t count = 0;
        double scale = 0, error = 0;
        TEST_OK(ufm_metrics_tag_sets(&in.point, &in.labels, &sets, &count, NULL));
        TEST(count == twin.sets);
        for (int64_t s = 0; s < count; s++) {
            const double one = set_error(&twin, &sets[s]);
            if (!(one <= error)) error = one;
            if (__builtin_popcount(set_of(&in, sets[s].column)) == 1) scale += sets[s].scale;
        }
        const double mean = expected->level[0].scale;
        error = fmax(error, fabs(scale / (double)twin.K - mean) / (1 + fabs(mean)));
        if (!(error <= 1e-9))
            fprintf(stderr, "  trial %d, K = %d, d = %d: off by %.2g\n", i, (int)twin.K, (int)twin.d, error);
        if (!(error <= worst)) worst = error;
        ufm_free(sets);
    }
    ufm_rng_free(rng);
    test_worst("tag_sets", worst, 1e-9);
}

/* ---- Kept and merged, orders, rotations, units --------------------------------------------------- */

static void expect_same(const instance *a, const instance *b, const char *what, double tolerance)
{
    ufm_metrics *of_a = measure(a), *of_b = measure(b);
    const char *where = "levels";
    const double error = difference(of_a, of_b, &where);
    if (!(error <= tolerance)) fprintf(stderr, "  %s: %s off by %.2g\n", what, where, error);
    CU_ASSERT(error <= tolerance);
    ufm_metrics_free(of_a);
    ufm_metrics_free(of_b);
}

/* Copies the frame of `from`: classes, dimension, classifier. */
static void start_like(instance *to, const instance *from)
{
    start(to, from->labels.classes, from->point.dim);
    memcpy(to->W, from->W, sizeof to->W);
    memcpy(to->b, from->b, sizeof to->b);
}

static void add_copy(instance *to, const instance *from, int64_t column, int64_t count)
{
    const int64_t d = from->point.dim;
    memcpy(add(to, set_of(from, column), count), from->H + column * d, (size_t)d * sizeof(double));
}

/* A count is as many samples; NULL counts are ones. */
static void kept_and_merged(void)
{
    static instance merged, kept;
    ufm_rng *rng = ufm_rng_new(22);
    for (int i = 0; i < 50; i++) {
        random_instance(&merged, rng);
        start_like(&kept, &merged);
        for (int64_t c = 0; c < merged.labels.columns; c++)
            for (int64_t copy = 0; copy < merged.count[c]; copy++) add_copy(&kept, &merged, c, 1);
        kept.labels.count = NULL;
        expect_same(&kept, &merged, "kept and merged", 1e-10);
    }
    ufm_rng_free(rng);
}

static void sample_order(void)
{
    static instance in, mixed;
    ufm_rng *rng = ufm_rng_new(23);
    for (int i = 0; i < 50; i++) {
        random_instance(&in, rng);
        start_like(&mixed, &in);
        for (int64_t c = in.labels.columns - 1; c >= 0; c--) add_copy(&mixed, &in, c, in.count[c]);
        expect_same(&mixed, &in, "reversed order", 1e-9);
    }
    ufm_rng_free(rng);
}

/* Class k becomes class (k + 1) mod K. */
static void class_permutation(void)
{
    static instance in, moved;
    ufm_rng *rng = ufm_rng_new(24);
    for (int i = 0; i < 50; i++) {
        random_instance(&in, rng);
        const int64_t K = in.labels.classes, d = in.point.dim;
        start(&moved, K, d);
        for (int64_t k = 0; k < K; k++) {
            moved.b[(k + 1) % K] = in.b[k];
            for (int64_t j = 0; j < d; j++) moved.W[(k + 1) % K + j * K] = in.W[k + j * K];
        }
        for (int64_t c = 0; c < in.labels.columns; c++) {
            const unsigned set = set_of(&in, c);
            const unsigned turned = (set << 1 | set >> (K - 1)) & ((1u << K) - 1);
            memcpy(add(&moved, turned, in.count[c]), in.H + c * d, (size_t)d * sizeof(double));
        }
        expect_same(&moved, &in, "permuted classes", 1e-9);
    }
    ufm_rng_free(rng);
}

/* x - 2 v <v,x>/<v,v>. */
static void reflect(int64_t d, const double *v, double *x, int64_t stride)
{
    double vx = 0, vv = 0;
    for (int64_t j = 0; j < d; j++) {
        vx += v[j] * x[j * stride];
        vv += v[j] * v[j];
    }
    for (int64_t j = 0; j < d; j++) x[j * stride] -= 2 * v[j] * vx / vv;
}

static void rotation(void)
{
    static instance in, turned;
    ufm_rng *rng = ufm_rng_new(25);
    for (int i = 0; i < 50; i++) {
        random_instance(&in, rng);
        turned = in;
        turned.labels.offset = turned.offset;
        turned.labels.tag = turned.tag;
        turned.labels.count = turned.count;
        turned.point.W = turned.W;
        turned.point.H = turned.H;
        turned.point.b = turned.b;
        for (int times = 0; times < 2; times++) {
            double v[MOST_DIM];
            gaussian(rng, MOST_DIM, v);
            for (int64_t c = 0; c < in.labels.columns; c++)
                reflect(in.point.dim, v, turned.H + c * in.point.dim, 1);
            for (int64_t k = 0; k < in.labels.classes; k++)
                reflect(in.point.dim, v, turned.W + k, in.labels.classes);
        }
        expect_same(&turned, &in, "rotated", 1e-8);
    }
    ufm_rng_free(rng);
}

/* Powers of two change nothing but the scale, far beyond where squares overflow or underflow. */
static void units(void)
{
    static instance in, scaled;
    static const int exponents[][2] = {{600, 300}, {-700, -200}, {900, -900}, {-1000, 3}};
    ufm_rng *rng = ufm_rng_new(26);
    for (int i = 0; i < 4; i++) {
        random_instance(&in, rng);
        memset(in.b, 0, sizeof in.b);
        start_like(&scaled, &in);
        for (int64_t c = 0; c < in.labels.columns; c++) {
            add_copy(&scaled, &in, c, in.count[c]);
            for (int64_t j = 0; j < in.point.dim; j++) {
                double *h = &scaled.H[j + c * in.point.dim];
                *h = ldexp(*h, exponents[i][0]);
            }
        }
        for (int64_t j = 0; j < MOST_CLASSES * MOST_DIM; j++)
            scaled.W[j] = ldexp(scaled.W[j], exponents[i][1]);
        ufm_metrics *a = measure(&in), *b = measure(&scaled);
        for (int64_t l = 0; l < a->levels; l++) {
            const double expected = ldexp(a->level[l].scale, exponents[i][0] - exponents[i][1]);
            TEST(b->level[l].scale == expected);
            b->level[l].scale = a->level[l].scale;
        }
        const char *where = "";
        TEST(difference(a, b, &where) == 0);
        ufm_metrics_free(a);
        ufm_metrics_free(b);
    }
    ufm_rng_free(rng);
}

/* ---- Exact geometries ---------------------------------------------------------------------------- */

/* Features scale[m] * sum of the rows of W for all tag sets of multiplicities 1..levels, two samples each. */
static void collapsed_instance(instance *in, int64_t levels, const double *scale)
{
    const int64_t K = in->labels.classes, d = in->point.dim;
    for (unsigned set = 1; set < 1u << K; set++) {
        const int m = __builtin_popcount(set);
        if (m > levels) continue;
        for (int copy = 0; copy < 2; copy++) {
            double *h = add(in, set, 1);
            for (int64_t k = 0; k < K; k++)
                for (int64_t j = 0; j < d; j++)
                    if (set >> k & 1u) h[j] += scale[m] * in->W[k + j * K];
        }
    }
}

static void etf_classifier(instance *in, double factor)
{
    const int64_t K = in->labels.classes;
    for (int64_t k = 0; k < K; k++)
        for (int64_t j = 0; j < K; j++) in->W[k + j * K] = factor * ((k == j ? 1.0 : 0.0) - 1 / (double)K);
}

static void exact_etf(void)
{
    static instance in;
    static const double scale[] = {0, 0.7, 0.5, 0.3};
    static const struct {
        int64_t classes, levels;
        double reference; /* denominator for pairs, degrees */
    } table[] = {{10, 2, 89.177}, {9, 3, 89.047}, {5, 3, 0}, {3, 2, 0}, {2, 1, 0}};
    for (int i = 0; i < 5; i++) {
        start(&in, table[i].classes, table[i].classes + 1);
        etf_classifier(&in, 3);
        collapsed_instance(&in, table[i].levels, scale);
        ufm_metrics *m = measure(&in);
        test_at_most("nc1", fabs(m->nc1), 1e-14);
        test_at_most("nc2", m->nc2, 1e-14);
        test_at_most("nc2 of the features", m->nc2_features, 1e-14);
        test_at_most("nc3", m->nc3, 1e-14);
        test_at_most("nc4", m->nc4, 0);
        test_at_most("cdnv", m->cdnv, 1e-14);
        test_at_most("equal norms of W", m->equinorm_w, 1e-14);
        test_at_most("equal norms of the features", m->equinorm_features, 1e-14);
        test_at_most("equal angles of W", m->equiangle_w, 1e-14);
        test_at_most("equal angles of the features", m->equiangle_features, 1e-14);
        for (int64_t l = 0; l < m->levels; l++) {
            const ufm_multiplicity_metrics *level = &m->level[l];
            test_at_most("within", level->within, 1e-15);
            test_at_most("nc1 of the level", fabs(level->nc1), 1e-14);
            if (level->multiplicity == table[i].classes) continue;
            test_close("scale", level->scale, scale[level->multiplicity], 1e-14);
            test_at_most("spread", level->scale_spread, 1e-13);
            test_at_most("residual", level->scale_residual, 1e-14);
            if (level->multiplicity == 1) continue;
            test_at_most("ncm", level->ncm, 1e-14);
            test_at_most("ncm, centred", level->ncm_centred, 1e-14);
        }
        if (table[i].reference > 0) {
            test_close("denominator", m->level[1].angle_degrees_all, table[i].reference, 1e-5);
            const double K = (double)table[i].classes, degrees = 180 / acos(-1), pairs = K * (K - 1) / 2;
            const double exact =
                (2 * (K - 2) * acos((K - 4) / (2 * (K - 2))) + (K - 2) * (K - 3) / 2 * acos(-2 / (K - 2))) /
                pairs * degrees;
            test_close("denominator in closed form", m->level[1].angle_degrees_all, exact, 1e-13);
        }
        ufm_metrics_free(m);
    }
}

/* Features of networks that end in ReLU: orthogonal class means. Every S is turned by `turn` out of their
 * span. */
static void orthogonal_frame(void)
{
    static instance in;
    static const double reference[] = {77.333, 75.833};
    static const double turns[] = {0, 1e-12, 1e-6, 0.3};
    for (int i = 0; i < 8; i++) {
        const int64_t K = i % 2 ? 9 : 10;
        const double turn = turns[i / 2], scale[] = {0, 1, 2};
        start(&in, K, K + 1);
        for (int64_t k = 0; k < K; k++) in.W[k + k * K] = 1;
        collapsed_instance(&in, 2, scale);
        for (int64_t c = 0; c < in.labels.columns; c++)
            if (__builtin_popcount(set_of(&in, c)) == 2)
                in.H[K + c * (K + 1)] = scale[2] * sqrt(2) * tan(turn);
        ufm_metrics *m = measure(&in);
        const double degrees = 180 / acos(-1);
        TEST(fabs(m->level[1].angle_degrees - turn * degrees) <= 1e-9 * turn * degrees);
        if (turn < 1e-5) {
            test_close("denominator", m->level[1].angle_degrees_all, reference[i % 2], 1e-5);
            test_at_most("centred class means are a simplex", m->nc2_features, 1e-14);
            test_close("nc2 of an orthogonal frame", m->nc2, sqrt(2 - 2 * sqrt(((double)K - 1) / (double)K)),
                       1e-14);
        }
        test_close("ncm", m->level[1].ncm, m->level[1].angle_degrees / m->level[1].angle_degrees_all, 1e-15);
        ufm_metrics_free(m);
    }
}

/* More tag sets, C(16,7) = 11440, than the denominator takes; by symmetry every S' has the same mean angle.
 */
static void many_tag_sets(void)
{
    enum { K = 16, M = 7, SETS = 11440, COLUMNS = SETS + K };
    if (test_fast()) return;
    int64_t *offset = ufm_alloc(COLUMNS + 1, sizeof *offset);
    int32_t *tag = ufm_alloc(COLUMNS * M, sizeof *tag);
    double *H = ufm_alloc(COLUMNS * K, sizeof *H), W[K * K] = {0}, b[K] = {0};
    CU_ASSERT_FATAL(offset && tag && H);
    int64_t column = 0;
    for (unsigned set = 1; set < 1u << K; set++) {
        const int m = __builtin_popcount(set);
        if (m != 1 && m != M) continue;
        offset[column + 1] = offset[column];
        for (int32_t k = 0; k < K; k++) {
            if (!(set >> k & 1u)) continue;
            tag[offset[column + 1]++] = k;
            for (int j = 0; j < K; j++) H[j + column * K] += (j == k ? 1.0 : 0.0) - 1.0 / K;
        }
        column++;
    }
    for (int k = 0; k < K; k++) W[k + k * K] = 1;
    const ufm_labels labels = {
        .classes = K, .columns = column, .samples = column, .offset = offset, .tag = tag};
    const ufm_point point = {K, K, column, W, H, b};
    /* s classes in common: cosine (s - M^2/K)/(M - M^2/K). */
    double exact = 0, ways = 1;
    for (int s = M; s >= 0; s--) {
        const double share = (double)M * M / K;
        exact += ways / SETS * acos(fmin(1, (s - share) / (M - share))) * 180 / acos(-1);
        ways *= (double)s * (K - 2 * M + s) / ((M - s + 1.0) * (M - s + 1.0));
    }
    ufm_metrics *m = NULL;
    TEST_OK(ufm_metrics_compute(&point, &labels, &m, NULL));
    if (m) test_close("denominator", m->level[1].angle_degrees_all, exact, 1e-12);
    ufm_metrics_free(m);
    ufm_free(offset);
    ufm_free(tag);
    ufm_free(H);
}

/* ---- Undefined metrics --------------------------------------------------------------------------- */

static void expect_feature_metrics_nan(const ufm_metrics *m)
{
    TEST(isnan(m->nc1) && isnan(m->nc2_features) && isnan(m->nc3) && isnan(m->nc4) && isnan(m->cdnv));
    TEST(isnan(m->equinorm_features) && isnan(m->equiangle_features));
    for (int64_t l = 0; l < m->levels; l++) {
        TEST(isnan(m->level[l].ncm) && isnan(m->level[l].ncm_centred) && isnan(m->level[l].nc1));
        TEST(isnan(m->level[l].angle_degrees) && isnan(m->level[l].angle_degrees_all));
    }
}

static void undefined(void)
{
    static instance in;
    static const double scale[] = {0, 1, 1, 1};
    start(&in, 4, 4); /* total collapse of the features */
    etf_classifier(&in, 1);
    for (unsigned set = 1; set < 16; set++) (void)add(&in, set, 2);
    ufm_metrics *m = measure(&in);
    expect_feature_metrics_nan(m);
    test_at_most("nc2", m->nc2, 1e-14);
    TEST(isnan(m->level[0].within) && isnan(m->level[0].scale_residual) && m->level[0].scale == 0);
    ufm_metrics_free(m);

    for (int64_t i = 0; i < 4 * in.labels.columns; i++) in.H[i] = 0.1; /* collapse onto one point */
    m = measure(&in);
    TEST(isnan(m->nc1) && isnan(m->nc2_features) && isnan(m->nc3) && isnan(m->nc4) &&
         m->level[0].within == 0);
    ufm_metrics_free(m);

    start(&in, 4, 4); /* W = 0 */
    etf_classifier(&in, 1);
    collapsed_instance(&in, 4, (const double[]){0, 1, 1, 1, 1});
    memset(in.W, 0, sizeof in.W);
    m = measure(&in);
    TEST(isnan(m->nc2) && isnan(m->nc3) && isnan(m->nc4) && isnan(m->equinorm_w) && isnan(m->equiangle_w));
    for (int64_t l = 0; l < m->levels; l++) TEST(isnan(m->level[l].scale) && isnan(m->level[l].scale_spread));
    test_at_most("nc2 of the features", m->nc2_features, 1e-14);
    TEST(isnan(m->level[3].ncm_centred)); /* all classes: the centred sum vanishes */
    ufm_metrics_free(m);

    start(&in, 4, 4); /* class 2 never alone */
    etf_classifier(&in, 2);
    collapsed_instance(&in, 3, scale);
    for (int64_t c = 0; c < in.labels.columns; c++)
        if (set_of(&in, c) == 4u) in.tag[in.offset[c]] = 1;
    m = measure(&in);
    expect_feature_metrics_nan(m);
    test_close("scale needs no single labels", m->level[1].scale, 1, 1e-14);
    ufm_metrics_free(m);

    start(&in, 3, 3); /* pairs only */
    etf_classifier(&in, 2);
    for (unsigned k = 0; k < 3; k++) add(&in, 7u & ~(1u << k), 1)[k] = -2;
    m = measure(&in);
    expect_feature_metrics_nan(m);
    TEST(m->levels == 1 && m->level[0].tag_sets == 3 && m->level[0].within == 0);
    test_close("scale", m->level[0].scale, 1, 1e-14);
    ufm_metrics_free(m);
}

/* A number that is not finite spoils what depends on it. */
static void not_finite(void)
{
    static instance in;
    ufm_rng *rng = ufm_rng_new(27);
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 60; i++) {
        random_instance(&in, rng);
        const int64_t column = ufm_rng_below(rng, in.labels.columns), d = in.point.dim;
        const int size = __builtin_popcount(set_of(&in, column));
        in.H[ufm_rng_below(rng, d) + column * d] = bad[i % 3];
        ufm_metrics *m = measure(&in);
        if (size == 1) expect_feature_metrics_nan(m);
        for (int64_t l = 0; l < m->levels; l++) {
            const ufm_multiplicity_metrics *level = &m->level[l];
            if (level->multiplicity != size) continue;
            TEST(isnan(level->within) && isnan(level->nc1) && isnan(level->ncm) && isnan(level->ncm_centred));
            TEST(isnan(level->scale) && isnan(level->scale_spread) && isnan(level->scale_residual));
        }
        ufm_metrics_free(m);

        random_instance(&in, rng);
        in.W[ufm_rng_below(rng, in.labels.classes * in.point.dim)] = bad[i % 3];
        m = measure(&in);
        TEST(isnan(m->nc2) && isnan(m->nc3) && isnan(m->nc4) && isnan(m->equinorm_w) &&
             isnan(m->equiangle_w));
        TEST(isnan(m->level[0].scale) && isnan(m->level[0].scale_spread) &&
             isnan(m->level[0].scale_residual));
        ufm_metrics_free(m);

        random_instance(&in, rng);
        in.b[0] = bad[i % 3];
        m = measure(&in);
        TEST(isnan(m->nc4) && !isnan(m->nc2));
        ufm_metrics_free(m);
    }
    ufm_rng_free(rng);
}

/* ---- Distance from the ETF, refusals ------------------------------------------------------------- */

static void etf_deviation(void)
{
    static instance in;
    for (int64_t K = 2; K <= MOST_CLASSES; K++) {
        start(&in, K, K);
        etf_classifier(&in, 1e200);
        double deviation = NAN;
        TEST_OK(ufm_etf_deviation(in.W, K, K, &deviation));
        test_at_most("simplex", deviation, 1e-14);
        for (int64_t k = 0; k < K; k++)
            for (int64_t j = 0; j < K; j++) in.W[k + j * K] = k == j ? 1e-200 : 0;
        TEST_OK(ufm_etf_deviation(in.W, K, K, &deviation));
        test_close("orthogonal frame", deviation, sqrt(2 - 2 * sqrt(((double)K - 1) / (double)K)), 1e-14);
        memset(in.W, 0, sizeof in.W);
        TEST_OK(ufm_etf_deviation(in.W, K, K, &deviation));
        TEST(isnan(deviation));
    }
    double deviation = 1;
    TEST(ufm_etf_deviation(in.W, 1, 3, &deviation) == UFM_ERROR_USAGE);
    TEST(ufm_etf_deviation(in.W, 3, 0, &deviation) == UFM_ERROR_USAGE && deviation == 1);
}

/* Against plain loops; free of factors and rotations; from the simplex it is the deviation. */
static void gram_distance(void)
{
    enum { K = 5, A = 7, B = 6 };
    ufm_rng *random = ufm_rng_new(20);
    double a[K * A], b[K * B], turned[K * A], simplex[K * K], left[K][K], right[K][K], distance, deviation;
    for (int i = 0; i < K * A; i++) a[i] = ufm_rng_gaussian(random);
    for (int i = 0; i < K * B; i++) b[i] = ufm_rng_gaussian(random);
    double norm[2] = {0, 0}, square = 0;
    for (int k = 0; k < K; k++)
        for (int l = 0; l < K; l++) {
            left[k][l] = right[k][l] = 0;
            for (int j = 0; j < A; j++) left[k][l] += a[k + j * K] * a[l + j * K];
            for (int j = 0; j < B; j++) right[k][l] += b[k + j * K] * b[l + j * K];
            norm[0] += left[k][l] * left[k][l];
            norm[1] += right[k][l] * right[k][l];
            simplex[k + l * K] = (k == l) - 1.0 / K;
        }
    for (int k = 0; k < K; k++)
        for (int l = 0; l < K; l++)
            square += pow(left[k][l] / sqrt(norm[0]) - right[k][l] / sqrt(norm[1]), 2);
    TEST_OK(ufm_gram_distance(a, A, b, B, K, &distance));
    test_close("plain loops", distance, sqrt(square), 1e-13);
    for (int k = 0; k < K; k++) { /* turns two coordinates, then a factor */
        for (int j = 0; j < A; j++) turned[k + j * K] = 1e180 * a[k + j * K];
        turned[k] = 1e180 * (0.6 * a[k] - 0.8 * a[k + K]);
        turned[k + K] = 1e180 * (0.8 * a[k] + 0.6 * a[k + K]);
    }
    TEST_OK(ufm_gram_distance(a, A, turned, A, K, &distance));
    test_at_most("rotated", distance, 1e-14);
    TEST_OK(ufm_gram_distance(a, A, simplex, K, K, &distance));
    TEST_OK(ufm_etf_deviation(a, K, A, &deviation));
    test_close("the simplex", distance, deviation, 1e-13);
    memset(b, 0, sizeof b);
    TEST_OK(ufm_gram_distance(a, A, b, B, K, &distance));
    TEST(isnan(distance));
    TEST(ufm_gram_distance(a, 0, b, B, K, &distance) == UFM_ERROR_USAGE);
    TEST(ufm_gram_distance(a, A, NULL, B, K, &distance) == UFM_ERROR_USAGE);
    ufm_rng_free(random);
}

static void bad_shapes(void)
{
    static instance in;
    ufm_rng *rng = ufm_rng_new(28);
    random_instance(&in, rng);
    ufm_rng_free(rng);
    ufm_metrics *m = NULL;
    ufm_error error = {{0}};
    ufm_point point = in.point;
    point.classes++;
    TEST(ufm_metrics_compute(&point, &in.labels, &m, &error) == UFM_ERROR_USAGE && error.text[0]);
    point = in.point;
    point.columns--;
    TEST(ufm_metrics_compute(&point, &in.labels, &m, &error) == UFM_ERROR_USAGE);
    point = in.point;
    point.dim = 0;
    TEST(ufm_metrics_compute(&point, &in.labels, &m, &error) == UFM_ERROR_USAGE && !m);
    ufm_metrics_free(NULL);
}

static void out_of_memory(void)
{
    static instance in;
    ufm_rng *rng = ufm_rng_new(29);
    random_instance(&in, rng);
    ufm_rng_free(rng);
    const int64_t before = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t allowed = 0; status != UFM_OK && allowed < 1000; allowed++) {
        ufm_tag_set_metrics *sets = NULL;
        int64_t count;
        ufm_memory_fail_after(allowed);
        status = ufm_metrics_tag_sets(&in.point, &in.labels, &sets, &count, NULL);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || (status == UFM_ERROR_MEMORY && !sets));
        ufm_free(sets);
        TEST(ufm_memory_live_blocks() == before);
    }
    status = UFM_ERROR_MEMORY;
    for (int64_t allowed = 0; status != UFM_OK && allowed < 1000; allowed++) {
        ufm_metrics *m = NULL;
        ufm_memory_fail_after(allowed);
        status = ufm_metrics_compute(&in.point, &in.labels, &m, NULL);
        ufm_memory_fail_after(-1);
        TEST(status == UFM_OK || (status == UFM_ERROR_MEMORY && !m));
        ufm_metrics_free(m);
        TEST(ufm_memory_live_blocks() == before);
    }
    TEST(status == UFM_OK);
}

static const test_case cases[] = {{"plain_loops", plain_loops},
                                  {"tag_sets", tag_sets},
                                  {"kept_and_merged", kept_and_merged},
                                  {"sample_order", sample_order},
                                  {"class_permutation", class_permutation},
                                  {"rotation", rotation},
                                  {"units", units},
                                  {"exact_etf", exact_etf},
                                  {"orthogonal_frame", orthogonal_frame},
                                  {"many_tag_sets", many_tag_sets},
                                  {"undefined", undefined},
                                  {"not_finite", not_finite},
                                  {"etf_deviation", etf_deviation},
                                  {"gram_distance", gram_distance},
                                  {"bad_shapes", bad_shapes},
                                  {"out_of_memory", out_of_memory},
                                  {NULL, NULL}};
const test_suite suite_metrics = {"metrics", cases};
