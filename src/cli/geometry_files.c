/* The data and figures of `ufmlab geometry --out`. */
#include "geometry.h"
#include <math.h>

enum { ORDERED_UP_TO = 1000 }; /* classes; more are too many to look at, and clustering is cubic */

/* A number, or NaN. */
static void put(FILE *stream, double value)
{
    if (isfinite(value))
        fprintf(stream, ",%.17g", value);
    else
        fputs(",NaN", stream);
}

static void put_tags(FILE *stream, const ufm_labels *labels, int64_t set)
{
    for (int64_t t = labels->offset[set]; t < labels->offset[set + 1]; t++)
        fprintf(stream, t > labels->offset[set] ? "+%d" : "%d", labels->tag[t]);
}

/* A quoted field: names may hold commas and quotes. */
static void put_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const char *c = text; *c; c++) {
        if (*c == '"') fputc('"', stream);
        fputc(*c, stream);
    }
    fputc('"', stream);
}

static void write_classes(const geometry_report *r, FILE *stream)
{
    const ufm_prediction *p = r->prediction;
    const bool predicted = p && p->phase == UFM_PHASE_SEPARATED;
    const double w = predicted ? sqrt(p->weight_norm_squared) : NAN;
    /* with a mean_scale the features are no multiple of w_k */
    const bool multiple = predicted && p->multiplicity[0] == 1 && !(p->mean_scale > 0);
    const double mean = multiple ? p->scale[0] * w : NAN;
    fputs("class,samples,singles,w_norm,mu_norm,w_predicted,mu_predicted,deviation,group,name\n", stream);
    for (int64_t k = 0; k < r->labels->classes; k++) {
        fprintf(stream, "%lld,%lld,%lld", (long long)k, (long long)r->balance->class_samples[k],
                (long long)(r->balance->level[0].multiplicity == 1 ? r->balance->class_level[k] : 0));
        put(stream, r->frame->norm[k]);
        put(stream, r->frame->mean_norm[k]);
        put(stream, w);
        put(stream, mean);
        put(stream, r->frame->class_deviation[k]);
        fprintf(stream, ",%lld,", (long long)r->frame->group[k]);
        if (r->labels->name) put_text(stream, r->labels->name[k]);
        fputc('\n', stream);
    }
}

static void write_eigenvalues(const geometry_report *r, FILE *stream)
{
    fputs("index,eigenvalue\n", stream);
    for (int64_t k = 0; k < r->labels->classes; k++)
        fprintf(stream, "%lld,%.17g\n", (long long)k, r->frame->eigenvalue[k]);
}

static void write_levels(const geometry_report *r, FILE *stream)
{
    const ufm_tag_laws *laws = r->laws;
    fputs("multiplicity,samples,tag_sets,possible,least,mean,most,variation,entropy,imbalance", stream);
    for (int basis = 0; basis < UFM_BASES; basis++)
        for (int law = 0; law < UFM_LAW_COUNT; law++)
            fprintf(stream, ",%s %s", ufm_law_name((ufm_law)law), ufm_basis_name((ufm_basis)basis));
    fputs(",exact,inside,outside,off_span\n", stream);
    for (int64_t l = 0; l < r->balance->levels; l++) {
        const ufm_balance_level *level = &r->balance->level[l];
        fprintf(stream, "%lld,%lld,%lld,%.17g,%lld,%.17g,%lld,%.17g,%.17g,%.17g",
                (long long)level->multiplicity, (long long)level->samples, (long long)level->tag_sets,
                level->possible, (long long)level->least, level->mean, (long long)level->most,
                level->variation, level->entropy, level->imbalance);
        for (int basis = 0; basis < UFM_BASES; basis++)
            for (int law = 0; law < UFM_LAW_COUNT; law++) put(stream, laws->fit[basis][law].level[l]);
        put(stream, laws->exact.level[l]);
        put(stream, laws->exact.inside[l]);
        put(stream, laws->exact.outside[l]);
        put(stream, laws->exact.off_span_level[l]);
        fputc('\n', stream);
    }
}

static void write_tag_set_laws(const geometry_report *r, FILE *stream)
{
    static const ufm_law shown[] = {UFM_LAW_UNIFORM, UFM_LAW_POWER, UFM_LAW_FREE};
    const ufm_tag_laws *laws = r->laws;
    fputs(
        "tags,multiplicity,count,norm,uniform_mu,power_mu,free_mu,uniform_w,power_w,free_w,exact,off_span\n",
        stream);
    for (int64_t s = 0; s < laws->tag_sets; s++) {
        put_tags(stream, laws->labels, s);
        fprintf(stream, ",%lld,%lld,%.17g", (long long)laws->multiplicity[laws->level[s]],
                (long long)laws->labels->count[s], laws->norm[s]);
        for (int basis = 0; basis < UFM_BASES; basis++)
            for (int i = 0; i < 3; i++) put(stream, laws->fit[basis][shown[i]].tag_set[s]);
        put(stream, laws->exact.tag_set[s]);
        put(stream, laws->exact.off_span[s]);
        fputc('\n', stream);
    }
}

static void write_coefficients(const geometry_report *r, FILE *stream)
{
    const ufm_tag_laws *laws = r->laws;
    fputs("tags,class,on_mu,on_w,exact_weight\n", stream);
    for (int64_t s = 0; s < laws->tag_sets; s++)
        for (int64_t t = laws->labels->offset[s]; t < laws->labels->offset[s + 1]; t++) {
            put_tags(stream, laws->labels, s);
            fprintf(stream, ",%d", laws->labels->tag[t]);
            put(stream, laws->coefficient[UFM_ON_MEANS][t]);
            put(stream, laws->coefficient[UFM_ON_ROWS][t]);
            put(stream, laws->exact_weight[t]);
            fputc('\n', stream);
        }
}

/* Classes in an order that puts similar rows of W side by side. */
static void write_gram(const geometry_report *r, const int64_t *order, const double *phi, FILE *stream)
{
    const int64_t K = r->labels->classes;
    fputs("row,column,row_class,column_class,cosine,correlation\n", stream);
    for (int64_t i = 0; i < K; i++)
        for (int64_t j = 0; j < K; j++) {
            const int64_t at = order[i] + order[j] * K;
            fprintf(stream, "%lld,%lld,%lld,%lld", (long long)i, (long long)j, (long long)order[i],
                    (long long)order[j]);
            put(stream, r->frame->cosine[at]);
            put(stream, phi[at]);
            fputc('\n', stream);
        }
}

/* Figures are left out where they would be empty. */
static bool is_drawn(const geometry_report *r, bool needs_laws)
{
    if (r->frame->collapsed) return false;
    return !needs_laws || !isnan(r->laws->fit[UFM_ON_ROWS][UFM_LAW_FREE].residual);
}

static ufm_status save_gram(const geometry_report *r, ufm_error *error)
{
    const int64_t K = r->labels->classes;
    ufm_output *output = NULL;
    double *phi = ufm_alloc(K * K, sizeof *phi);
    int64_t *order = ufm_alloc(K, sizeof *order);
    ufm_status status = phi && order ? ufm_label_correlation(r->labels, phi) : UFM_ERROR_MEMORY;
    for (int64_t k = 0; order && k < K; k++) order[k] = k;
    if (status == UFM_OK && K <= ORDERED_UP_TO) status = ufm_cluster_order(K, r->frame->cosine, order);
    if (status != UFM_OK) ufm_fail(error, status, "not enough memory to order the classes");
    if (status == UFM_OK) status = command_data(r->opts, "geometry-gram", &output, error);
    if (status == UFM_OK) {
        write_gram(r, order, phi, ufm_output_stream(output));
        const bool drawn = K <= ORDERED_UP_TO && is_drawn(r, false);
        status = command_figure(r->opts, drawn ? "geometry-gram" : NULL, "geometry-gram", output, error);
    }
    ufm_free(phi);
    ufm_free(order);
    return status;
}

ufm_status geometry_write(const geometry_report *r, ufm_error *error)
{
    static const struct {
        const char *name, *script; /* NULL: no figure */
        bool needs_laws;
        void (*write)(const geometry_report *r, FILE *stream);
    } files[] = {{"geometry-classes", "geometry-classes", false, write_classes},
                 {"geometry-eigenvalues", NULL, false, write_eigenvalues},
                 {"geometry-levels", NULL, false, write_levels},
                 {"geometry-tag-sets", "geometry-tag-sets", true, write_tag_set_laws},
                 {"geometry-coefficients", NULL, false, write_coefficients}};
    enum { FILES = sizeof files / sizeof files[0] };
    if (!r->opts->value[OPT_OUT].given) return UFM_OK;
    ufm_status status = save_gram(r, error);
    for (int i = 0; i < FILES && status == UFM_OK; i++) {
        ufm_output *output;
        const char *script = is_drawn(r, files[i].needs_laws) ? files[i].script : NULL;
        status = command_data(r->opts, files[i].name, &output, error);
        if (status != UFM_OK) break;
        files[i].write(r, ufm_output_stream(output));
        status = command_figure(r->opts, script, files[i].name, output, error);
    }
    return status;
}
