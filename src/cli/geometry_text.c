/* The terminal report of `ufmlab geometry`. */
#include "geometry.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What fits on a screen; the rest is in --json and --out. */
enum { LEVELS_SHOWN = 8, CLASSES_SHOWN = 24, ROWS_OF_MANY = 6, GROUPS_SHOWN = 6 };

/* A number in few characters, or a dash where it is undefined. */
static const char *brief(double value, char text[24])
{
    snprintf(text, 24, isnan(value) ? "-" : "%.2g", value);
    return text;
}

static void print_head(const geometry_report *r)
{
    const ufm_certificate *c = &r->solution->certificate;
    const ufm_objective *o = &r->settings.objective;
    printf("K = %lld, N = %lld, %lld tag sets, d = %lld, loss %s, lambda %g, %g, %g\n",
           (long long)r->labels->classes, (long long)r->labels->samples, (long long)r->balance->tag_sets,
           (long long)r->solution->point.dim, ufm_objective_loss_text(o).text, o->lambda_w, o->lambda_h,
           o->lambda_b);
    if (r->file)
        printf("%s:", r->file);
    else
        printf("%s: %s after %lld iterations, %.3g s;", ufm_solver_name(r->settings.minimize.solver),
               ufm_stop_text(r->solution->info.stop), (long long)r->solution->info.iterations,
               r->solution->info.seconds);
    printf(" f %.15g\n  duality gap %.1e (%.1e of f): %s; |gradient| %.1e\n", c->objective, c->gap,
           c->gap / fabs(c->objective), ufm_certified_text(c->verdict), c->gradient_norm);
}

static void print_balance(const ufm_balance *b)
{
    printf("Labels: imbalance %.3g (share of the samples that would have to change their tag set)\n",
           b->imbalance);
    printf("  cardinality %.4g, density %.3g; samples of a class: max/min %.4g, mean max/n_k %.4g\n",
           b->cardinality, b->density, b->ratio, b->mean_ratio);
    if (b->balanced)
        printf("  Theorem 1 applies: balanced within each multiplicity\n");
    else
        printf("  Theorem 1 does not apply:\n    %s\n", b->unbalanced);
}

/* The laws' residuals stand beside the balance of their multiplicity. */
static void print_levels(const ufm_balance *b, const ufm_tag_laws *laws)
{
    const int64_t shown = b->levels <= LEVELS_SHOWN ? b->levels : LEVELS_SHOWN - 1;
    char text[4][24];
    printf("%4s %9s %9s %8s %6s %5s %6s %5s %5s | %6s  %6s  %6s\n", "m", "tag sets", "of C(K,m)", "samples",
           "min", "mean", "max", "CV", "TV", "avg mu", "avg w", "free w");
    for (int64_t l = 0; l < shown; l++) {
        const ufm_balance_level *level = &b->level[l];
        printf("%4lld %9lld %9.4g %8lld %6lld %5.3g %6lld %5s %5.3f | %6s  %6s  %6s\n",
               (long long)level->multiplicity, (long long)level->tag_sets, level->possible,
               (long long)level->samples, (long long)level->least, level->mean, (long long)level->most,
               brief(level->variation, text[0]), level->imbalance,
               brief(laws->fit[UFM_ON_MEANS][UFM_LAW_UNIFORM].level[l], text[1]),
               brief(laws->fit[UFM_ON_ROWS][UFM_LAW_UNIFORM].level[l], text[2]),
               brief(laws->fit[UFM_ON_ROWS][UFM_LAW_FREE].level[l], text[3]));
    }
    if (shown < b->levels)
        printf("   ... and multiplicities %lld to %lld\n", (long long)b->level[shown].multiplicity,
               (long long)b->level[b->levels - 1].multiplicity);
}

/* ---- W ---- */

static void print_angles(const char *name, const ufm_angles *angles)
{
    if (angles->pairs == 0) return;
    printf("; %s %.2f %.2f %.2f", name, angles->least, angles->mean, angles->most);
}

static void print_groups(const ufm_frame *f)
{
    int64_t shown = 0;
    if (f->vanished > 0) {
        printf("  vanished:");
        for (int64_t k = 0; k < f->classes; k++)
            if (f->group[k] < 0 && shown++ < CLASSES_SHOWN) printf(" %lld", (long long)k);
        printf(f->vanished > CLASSES_SHOWN ? " ... %lld classes\n" : "\n", (long long)f->vanished);
    }
    if (f->merged == 0) return;
    printf("  merged (equal rows):");
    shown = 0;
    for (int64_t k = 0; k < f->classes && shown < GROUPS_SHOWN; k++) {
        const int64_t members = ufm_frame_group_size(f, k);
        if (members < 2) continue;
        printf(shown++ > 0 ? "; %lld" : " %lld", (long long)k);
        int64_t listed = 1;
        for (int64_t l = k + 1; l < f->classes && listed < CLASSES_SHOWN; l++)
            if (f->group[l] == k) {
                printf(" %lld", (long long)l);
                listed++;
            }
        if (listed < members) printf(" ... %lld classes", (long long)members);
    }
    printf(f->merged > GROUPS_SHOWN ? "; ... %lld groups\n" : "\n", (long long)f->merged);
}

static void print_frame(const ufm_frame *f)
{
    if (f->collapsed) {
        printf("W and H: total collapse, W = H = 0 up to 1e-12 of f; there is no geometry to describe\n");
        return;
    }
    printf("W against the simplex ETF: deviation %.3g; K-1 eigenvalues of W W^T from %.5g to %.5g\n",
           f->deviation, f->eigenvalue[0], f->eigenvalue[f->classes - 2]);
    printf("  angles in degrees, least mean most (ETF %.2f)", f->etf_angle);
    print_angles("w", &f->rows);
    print_angles("mu", &f->means);
    putchar('\n');
    print_groups(f);
}

typedef struct {
    int64_t samples, index;
} ranked_class;

/* Most frequent first, of equally frequent ones the least class. */
static int by_frequency(const void *a, const void *b)
{
    const ranked_class *x = a, *y = b;
    if (x->samples != y->samples) return x->samples > y->samples ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static void print_class(const geometry_report *r, int64_t k, const char *end)
{
    const ufm_balance *b = r->balance;
    char mean[24];
    snprintf(mean, sizeof mean, isnan(r->frame->mean_norm[k]) ? "-" : "%.4g", r->frame->mean_norm[k]);
    printf("%5lld %8lld %8lld %7.4g %7s %6.3f%s", (long long)k, (long long)b->class_samples[k],
           (long long)(b->level[0].multiplicity == 1 ? b->class_level[k] : 0), r->frame->norm[k], mean,
           r->frame->class_deviation[k], end);
}

/* Two columns, by falling frequency; of many classes the first and the last. */
static void print_classes(const geometry_report *r)
{
    const int64_t K = r->labels->classes;
    ranked_class *rank = ufm_alloc(K, sizeof *rank);
    if (!rank || r->frame->collapsed) {
        ufm_free(rank);
        return;
    }
    for (int64_t k = 0; k < K; k++) rank[k] = (ranked_class){r->balance->class_samples[k], k};
    qsort(rank, (size_t)K, sizeof *rank, by_frequency);
    const int64_t rows = K <= CLASSES_SHOWN ? (K + 1) / 2 : ROWS_OF_MANY;
    const int64_t second = K <= CLASSES_SHOWN ? rows : K - rows;
    for (int column = 0; column < 2; column++)
        printf("%5s %8s %8s %7s %7s %6s%s", "class", "samples", "singles", "|w|", "|mu|", "off E",
               column == 0 ? "  " : "\n");
    for (int64_t i = 0; i < rows; i++) {
        print_class(r, rank[i].index, second + i < K ? "  " : "\n");
        if (second + i < K) print_class(r, rank[second + i].index, "\n");
    }
    if (second > rows)
        printf("  (the most and the least frequent of %lld classes; --out writes all)\n", (long long)K);
    ufm_free(rank);
}

/* ---- Laws ---- */

static void print_fit(const ufm_tag_laws *laws, ufm_law law)
{
    const bool fitted = law == UFM_LAW_POWER || law == UFM_LAW_SINGLES_POWER;
    char text[3][24];
    printf("  %-36s", ufm_law_summary(law));
    for (int basis = 0; basis < UFM_BASES; basis++) {
        const ufm_law_fit *fit = &laws->fit[basis][law];
        printf("  %8s %8s", brief(fit->residual, text[0]), brief(fit->worst, text[1]));
        if (basis == UFM_ON_MEANS || fitted) printf(" %8s", fitted ? brief(fit->alpha, text[2]) : "");
    }
    putchar('\n');
}

static void print_reach(const ufm_tag_laws *laws)
{
    const ufm_law_fit *on_means = &laws->fit[UFM_ON_MEANS][UFM_LAW_UNIFORM];
    const ufm_law_fit *on_rows = &laws->fit[UFM_ON_ROWS][UFM_LAW_UNIFORM];
    if (on_means->tag_sets == on_rows->tag_sets) return;
    printf("  on mu: %lld of %lld tag sets; no single-label samples of class", (long long)on_means->tag_sets,
           (long long)on_rows->tag_sets);
    int64_t missing = 0;
    for (int64_t k = 0; k < laws->classes; k++)
        if (!laws->has_mean[k] && missing++ < GROUPS_SHOWN)
            printf("%s %lld", missing > 1 ? "," : "", (long long)k);
    printf(missing > GROUPS_SHOWN ? ", ... (%lld classes)\n" : "\n", (long long)missing);
}

static double largest(int64_t n, const double *x)
{
    double most = NAN;
    for (int64_t i = 0; i < n; i++)
        if (!(x[i] <= most) && !isnan(x[i])) most = x[i];
    return most;
}

static void print_exact(const ufm_tag_laws *laws)
{
    const ufm_exact_law *exact = &laws->exact;
    char text[4][24];
    if (isnan(exact->residual)) return;
    printf("exact law, h_S = t_m (sum_{k in S} w_k - m sum_k p_k w_k): residual %s, worst %s\n",
           brief(exact->residual, text[0]), brief(exact->worst, text[1]));
    printf("  uneven p on S makes up to %s of |h_S|, off S %s; outside span{w_k : k in S} up to %s\n",
           brief(largest(laws->levels, exact->inside), text[1]),
           brief(largest(laws->levels, exact->outside), text[2]),
           brief(largest(laws->levels, exact->off_span_level), text[3]));
}

/* Whether any law could be measured on any tag set of two or more classes. */
static bool has_laws(const ufm_tag_laws *laws)
{
    return !isnan(laws->fit[UFM_ON_ROWS][UFM_LAW_FREE].residual);
}

static void print_laws(const ufm_tag_laws *laws)
{
    if (has_laws(laws)) {
        printf("%-38s  %8s %8s %8s  %8s %8s %8s\n", "|h_S - law|/|h_S| for |S| > 1", "on mu", "worst",
               "alpha", "on w", "worst", "alpha");
        for (int law = 0; law < UFM_LAW_COUNT; law++) print_fit(laws, (ufm_law)law);
        print_reach(laws);
    }
    print_exact(laws);
    if (!has_laws(laws)) return;
    printf("tag-wise average: %s on mu, %s on w", ufm_verdict_text(laws->average[UFM_ON_MEANS]),
           ufm_verdict_text(laws->average[UFM_ON_ROWS]));
    if (laws->best_law >= 0)
        printf("; best weights: %s on %s", ufm_law_name((ufm_law)laws->best_law),
               ufm_basis_name((ufm_basis)laws->best_basis));
    putchar('\n');
}

/* What the labels alone say about weak regularisation, where the theorem applies. */
static void print_limit(const geometry_report *r)
{
    const ufm_objective *objective = &r->settings.objective;
    const bool applies = (objective->loss == UFM_LOSS_PAL || objective->loss == UFM_LOSS_PAL_N) &&
                         objective->lambda_b > 0 && r->solution->point.dim >= r->labels->classes - 1;
    if (!applies || isnan(r->limit_slack)) return;
    if (r->limit_slack < 0)
        printf("as lambda -> 0: equal margins, and the tag-wise average on mu (slack %.2g < 0)\n",
               r->limit_slack);
    else
        printf("as lambda -> 0: margins need not become equal (slack %.2g)\n", r->limit_slack);
}

void geometry_print_text(const geometry_report *r)
{
    print_head(r);
    print_balance(r->balance);
    print_levels(r->balance, r->laws);
    print_frame(r->frame);
    print_classes(r);
    print_laws(r->laws);
    print_limit(r);
}
