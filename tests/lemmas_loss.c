/* Notes 3, 4 and 5: the loss of one sample and the incidence identity. */
#include "lemmas_problem.h"
#include "lemmas_tests.h"

/* sum over the tags of log(1 + sum over the other classes e^(z_j - z_k)). */
static double pick_all_label(int64_t K, uint32_t tags, const double *z)
{
    double total = 0;
    for (int64_t k = 0; k < K; k++) {
        if (!(tags >> k & 1)) continue;
        double largest = 0, sum = 0;
        for (int64_t j = 0; j < K; j++) largest = fmax(largest, z[j] - z[k]);
        for (int64_t j = 0; j < K; j++) sum += j == k && largest == 0 ? 0 : exp(z[j] - z[k] - largest);
        total += largest == 0 ? log1p(sum) : largest + log(sum);
    }
    return total;
}

/* phi_m(delta) = m log(m + (K-m) e^-delta), without overflow. */
static double phi(double K, int m, double delta)
{
    if (delta < 0 && m < K) return m * (-delta + log(m * exp(delta) + K - m));
    return m * (m == 1 ? log1p((K - 1) * exp(-delta)) : log(m + (K - m) * exp(-delta)));
}

static double mean_difference(int64_t K, uint32_t tags, const double *z)
{
    const int m = lemma_multiplicity(tags);
    double inside = 0, outside = 0;
    for (int64_t k = 0; k < K; k++) {
        if (tags >> k & 1)
            inside += z[k];
        else
            outside += z[k];
    }
    return m < K ? inside / m - outside / ((double)K - m) : 0;
}

typedef struct {
    int64_t K;
    uint32_t tags;
    double scale, z[16];
} sample;

/* Logits of scales 1e-8 to 1e4, K = 2 to 12, multiplicity 1, K-1, K and everything between, ties. */
static sample random_sample(ufm_rng *rng)
{
    sample s = {.K = 2 + ufm_rng_below(rng, 11), .scale = lemma_log_uniform(rng, 1e-8, 1e4)};
    s.tags = ufm_rng_below(rng, 8) == 0 ? ((uint32_t)1 << s.K) - 1 : lemma_random_tags(rng, s.K);
    lemma_gaussian(rng, s.scale, s.K, s.z);
    if (ufm_rng_below(rng, 4) == 0) s.z[0] = s.z[s.K - 1];
    return s;
}

static void print_sample(const char *test, int trial, const sample *s)
{
    fprintf(stderr, "  %s: trial %d: K=%d tags=%x scale=%.17g z", test, trial, (int)s->K, (unsigned)s->tags,
            s->scale);
    for (int64_t k = 0; k < s->K; k++) fprintf(stderr, " %.17g", s->z[k]);
    fprintf(stderr, "\n");
}

/* Replaces z by its means over the tags and over the other classes. */
static void flatten(sample *s)
{
    const int m = lemma_multiplicity(s->tags);
    double inside = 0, outside = 0;
    for (int64_t k = 0; k < s->K; k++) {
        if (s->tags >> k & 1)
            inside += s->z[k] / m;
        else
            outside += s->z[k] / ((double)s->K - m);
    }
    for (int64_t k = 0; k < s->K; k++) s->z[k] = s->tags >> k & 1 ? inside : outside;
}

void lemma_test_jensen_step(void)
{
    ufm_rng *rng = ufm_rng_new(3);
    lemma_worst worst = {"lemmas/jensen_step", 5e-15, 0};
    for (int trial = 0; trial < lemma_trials(20000, 500); trial++) {
        sample s = random_sample(rng);
        const int m = lemma_multiplicity(s.tags);
        const double loss = pick_all_label(s.K, s.tags, s.z);
        const double bound = phi((double)s.K, m, mean_difference(s.K, s.tags, s.z));
        /* rounding of a logit of size s is s eps, which m of them pass on */
        const double unit = m * (log((double)s.K) + s.scale);
        bool failed = lemma_exceeds(&worst, (bound - loss) / unit);
        sample flat = s;
        flatten(&flat);
        const double equal = pick_all_label(s.K, s.tags, flat.z);
        const double at_mean = phi((double)s.K, m, mean_difference(s.K, s.tags, flat.z));
        failed |= lemma_exceeds(&worst, fabs(equal - at_mean) / unit);
        /* strict where the logits differ inside the tags or outside: second order in the scale */
        double spread = 0;
        for (int64_t k = 0; k < s.K; k++) spread = fmax(spread, fabs(s.z[k] - flat.z[k]));
        if (s.scale < 2 && spread > 1e-3) failed |= !(loss - bound > 1e-10);
        TEST(!failed);
        if (failed) print_sample(worst.name, trial, &s);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}

void lemma_test_tangent_line(void)
{
    ufm_rng *rng = ufm_rng_new(4);
    lemma_worst worst = {"lemmas/tangent_line", 5e-15, 0};
    for (int trial = 0; trial < lemma_trials(20000, 500); trial++) {
        sample s = random_sample(rng);
        const double K = (double)s.K;
        const int m = lemma_multiplicity(s.tags);
        double at = lemma_log_uniform(rng, 1e-8, 1e2);
        if (ufm_rng_below(rng, 4) == 0) at = -at;
        /* the affine function of z: phi(at) - K alpha <z, y - (m/K) 1> - phi'(at) at */
        const double alpha = m < s.K ? 1 / (m * exp(at) + K - m) : 0;
        double inner = 0, size = 0;
        for (int64_t k = 0; k < s.K; k++) {
            const double term = s.z[k] * ((double)(s.tags >> k & 1) - m / K);
            inner += term;
            size += fabs(term);
        }
        const double slope = -m * (K - m) * alpha;
        const double level = phi(K, m, m < s.K ? at : 0);
        const double line = level - K * alpha * inner - slope * at;
        const double unit = m * fmax(1, s.scale) + fabs(level) + K * alpha * size + fabs(slope * at);
        bool failed = lemma_exceeds(&worst, (line - pick_all_label(s.K, s.tags, s.z)) / unit);
        for (int64_t k = 0; k < s.K; k++) s.z[k] = s.scale + (s.tags >> k & 1 ? at : 0);
        /* equality where z is flat with mean difference `at`: the line there is phi(at) */
        failed |= lemma_exceeds(&worst, fabs(level - pick_all_label(s.K, s.tags, s.z)) /
                                            (m * fmax(1, s.scale) + fabs(level)));
        TEST(!failed);
        if (failed) print_sample(worst.name, trial, &s);
    }
    lemma_report(&worst);
    ufm_rng_free(rng);
}

/* K^2 sum_S (y_S - m/K)(y_S - m/K)^T = K C(K-2,m-1) (K I - J), in integers, for one pair (K,m). */
static int64_t incidence_defect(int64_t K, int m)
{
    const int64_t count = lemma_binomial(K - 2, m - 1);
    int64_t defect = 0;
    for (int64_t a = 0; a < K; a++)
        for (int64_t b = a; b < K; b++) {
            int64_t sum = 0;
            for (uint32_t tags = 1; tags < (uint32_t)1 << K; tags++)
                if (__builtin_popcount(tags) == m)
                    sum += (K * (int64_t)(tags >> a & 1) - m) * (K * (int64_t)(tags >> b & 1) - m);
            const int64_t expected = K * count * (a == b ? K - 1 : -1);
            if (sum != expected) defect++;
        }
    return defect;
}

void lemma_test_incidence_identity(void)
{
    lemma_worst worst = {"lemmas/incidence_identity", 0, 0};
    for (int64_t K = 2; K <= (test_fast() ? 8 : 14); K++)
        for (int m = 1; m <= K; m++) {
            const int64_t defect = incidence_defect(K, m);
            if (lemma_exceeds(&worst, (double)defect))
                fprintf(stderr, "  incidence_identity: K=%d m=%d: %d entries differ\n", (int)K, m,
                        (int)defect);
            /* N_m m (K-m)/K = (K-1) kappa_m with n_m = 1, used for the value of the optimum */
            TEST(lemma_binomial(K, m) * m * (K - m) == K * (K - 1) * lemma_binomial(K - 2, m - 1));
        }
    lemma_report(&worst);
}
