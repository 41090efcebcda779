/* ufmlab geometry --json. */
#include "geometry.h"

enum { ARRAYS_UP_TO = 1000 }; /* classes */

static void numbers(ufm_json *json, const char *key, int64_t n, const double *x)
{
    ufm_json_list(json, key);
    for (int64_t i = 0; i < n; i++) ufm_json_number(json, NULL, x[i]);
    ufm_json_end(json);
}

static void integers(ufm_json *json, const char *key, int64_t n, const int64_t *x)
{
    ufm_json_list(json, key);
    for (int64_t i = 0; i < n; i++) ufm_json_integer(json, NULL, x[i]);
    ufm_json_end(json);
}

static void by_multiplicity(ufm_json *json, const char *key, const ufm_tag_laws *laws, const double *x)
{
    ufm_json_object(json, key);
    for (int64_t l = 0; l < laws->levels; l++) {
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)laws->multiplicity[l]);
        ufm_json_number(json, name, x[l]);
    }
    ufm_json_end(json);
}

static void add_balance(ufm_json *json, const ufm_balance *b, double limit_slack)
{
    ufm_json_object(json, "balance");
    ufm_json_bool(json, "theorem_1_applies", b->balanced);
    if (!b->balanced) ufm_json_string(json, "reason", b->unbalanced);
    ufm_json_number(json, "imbalance", b->imbalance);
    ufm_json_number(json, "limit_slack", limit_slack);
    ufm_json_number(json, "cardinality", b->cardinality);
    ufm_json_number(json, "density", b->density);
    ufm_json_integer(json, "tag_sets", b->tag_sets);
    ufm_json_number(json, "class_ratio", b->ratio);
    ufm_json_number(json, "class_mean_ratio", b->mean_ratio);
    if (b->classes <= ARRAYS_UP_TO) integers(json, "class_samples", b->classes, b->class_samples);
    ufm_json_list(json, "multiplicities");
    for (int64_t l = 0; l < b->levels; l++) {
        const ufm_balance_level *level = &b->level[l];
        ufm_json_object(json, NULL);
        ufm_json_integer(json, "multiplicity", level->multiplicity);
        ufm_json_integer(json, "samples", level->samples);
        ufm_json_integer(json, "tag_sets", level->tag_sets);
        ufm_json_number(json, "possible", level->possible);
        ufm_json_integer(json, "least", level->least);
        ufm_json_number(json, "mean", level->mean);
        ufm_json_integer(json, "most", level->most);
        ufm_json_number(json, "variation", level->variation);
        ufm_json_number(json, "entropy", level->entropy);
        ufm_json_number(json, "imbalance", level->imbalance);
        if (b->classes <= ARRAYS_UP_TO)
            integers(json, "class_samples", b->classes, b->class_level + l * b->classes);
        ufm_json_end(json);
    }
    ufm_json_end(json);
    ufm_json_end(json);
}

static void add_angles(ufm_json *json, const char *key, const ufm_angles *angles)
{
    ufm_json_object(json, key);
    ufm_json_integer(json, "pairs", angles->pairs);
    ufm_json_number(json, "least", angles->least);
    ufm_json_number(json, "mean", angles->mean);
    ufm_json_number(json, "most", angles->most);
    ufm_json_number(json, "off", angles->off);
    ufm_json_end(json);
}

static void add_groups(ufm_json *json, const ufm_frame *f)
{
    ufm_json_list(json, "vanished");
    for (int64_t k = 0; k < f->classes; k++)
        if (f->group[k] < 0) ufm_json_integer(json, NULL, k);
    ufm_json_end(json);
    ufm_json_list(json, "merged");
    for (int64_t k = 0; k < f->classes; k++) {
        const int64_t members = ufm_frame_group_size(f, k);
        if (members < 2) continue;
        ufm_json_list(json, NULL);
        for (int64_t l = k; l < f->classes; l++)
            if (f->group[l] == k) ufm_json_integer(json, NULL, l);
        ufm_json_end(json);
    }
    ufm_json_end(json);
}

static void add_frame(ufm_json *json, const ufm_frame *f)
{
    ufm_json_object(json, "frame");
    ufm_json_bool(json, "collapsed", f->collapsed);
    ufm_json_number(json, "deviation", f->deviation);
    ufm_json_number(json, "etf_angle", f->etf_angle);
    add_angles(json, "angles_w", &f->rows);
    add_angles(json, "angles_mu", &f->means);
    add_groups(json, f);
    if (f->classes <= ARRAYS_UP_TO) {
        numbers(json, "eigenvalues", f->classes, f->eigenvalue);
        numbers(json, "norm_w", f->classes, f->norm);
        numbers(json, "norm_mu", f->classes, f->mean_norm);
        numbers(json, "class_deviation", f->classes, f->class_deviation);
    }
    ufm_json_end(json);
}

static void add_fit(ufm_json *json, const ufm_tag_laws *laws, const ufm_law_fit *fit, ufm_law law)
{
    ufm_json_object(json, ufm_law_name(law));
    ufm_json_number(json, "residual", fit->residual);
    ufm_json_number(json, "r_squared", 1 - fit->residual * fit->residual);
    ufm_json_number(json, "worst", fit->worst);
    ufm_json_integer(json, "tag_sets", fit->tag_sets);
    ufm_json_integer(json, "samples", fit->samples);
    ufm_json_integer(json, "parameters", fit->parameters);
    by_multiplicity(json, "by_multiplicity", laws, fit->level);
    if (law < UFM_LAW_FREE) {
        ufm_json_number(json, "alpha", fit->alpha);
        by_multiplicity(json, "scale", laws, fit->scale);
    }
    ufm_json_end(json);
}

static void add_exact(ufm_json *json, const ufm_tag_laws *laws)
{
    const ufm_exact_law *exact = &laws->exact;
    ufm_json_object(json, "exact");
    ufm_json_number(json, "residual", exact->residual);
    ufm_json_number(json, "worst", exact->worst);
    by_multiplicity(json, "by_multiplicity", laws, exact->level);
    by_multiplicity(json, "inside", laws, exact->inside);
    by_multiplicity(json, "outside", laws, exact->outside);
    by_multiplicity(json, "off_span", laws, exact->off_span_level);
    ufm_json_end(json);
}

static void add_laws(ufm_json *json, const ufm_tag_laws *laws)
{
    ufm_json_object(json, "laws");
    ufm_json_number(json, "precision", laws->precision);
    ufm_json_object(json, "tag_wise_average");
    for (int basis = 0; basis < UFM_BASES; basis++)
        ufm_json_string(json, ufm_basis_name((ufm_basis)basis), ufm_verdict_text(laws->average[basis]));
    ufm_json_end(json);
    if (laws->best_law >= 0) {
        ufm_json_object(json, "best");
        ufm_json_string(json, "on", ufm_basis_name((ufm_basis)laws->best_basis));
        ufm_json_string(json, "law", ufm_law_name((ufm_law)laws->best_law));
        ufm_json_number(json, "residual", laws->fit[laws->best_basis][laws->best_law].residual);
        ufm_json_end(json);
    }
    ufm_json_list(json, "classes_without_mu");
    for (int64_t k = 0; k < laws->classes; k++)
        if (!laws->has_mean[k]) ufm_json_integer(json, NULL, k);
    ufm_json_end(json);
    for (int basis = 0; basis < UFM_BASES; basis++) {
        ufm_json_object(json, ufm_basis_name((ufm_basis)basis));
        for (int law = 0; law < UFM_LAW_COUNT; law++)
            add_fit(json, laws, &laws->fit[basis][law], (ufm_law)law);
        ufm_json_end(json);
    }
    add_exact(json, laws);
    ufm_json_end(json);
}

static void add_names(ufm_json *json, const ufm_labels *labels)
{
    if (!labels->name || labels->classes > ARRAYS_UP_TO) return;
    ufm_json_list(json, "class_names");
    for (int64_t k = 0; k < labels->classes; k++) ufm_json_string(json, NULL, labels->name[k]);
    ufm_json_end(json);
}

ufm_status geometry_print_json(const geometry_report *report, ufm_error *error)
{
    const ufm_objective *objective = &report->settings.objective;
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", report->labels->classes);
    ufm_json_integer(json, "samples_total", report->labels->samples);
    ufm_json_integer(json, "unlabelled_dropped", report->labels->unlabelled_dropped);
    ufm_json_integer(json, "dim", report->solution->point.dim);
    ufm_json_string(json, "loss", ufm_objective_loss_text(objective).text);
    ufm_json_number(json, "lambda_w", objective->lambda_w);
    ufm_json_number(json, "lambda_h", objective->lambda_h);
    ufm_json_number(json, "lambda_b", objective->lambda_b);
    json_certificate(json, &report->solution->certificate);
    add_names(json, report->labels);
    add_balance(json, report->balance, report->limit_slack);
    add_frame(json, report->frame);
    add_laws(json, report->laws);
    return ufm_json_finish(json, stdout, error);
}
