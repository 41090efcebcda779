/* ufmlab predict: the closed-form optimum of a balanced design. */
#include "cli.h"

static void multiplicities(ufm_json *json, const char *key, const ufm_prediction *p, const double *values)
{
    ufm_json_object(json, key);
    for (int64_t l = 0; l < p->levels; l++) {
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)p->multiplicity[l]);
        ufm_json_number(json, name, values[l]);
    }
    ufm_json_end(json);
}

static ufm_status print_json(const ufm_prediction *p, const ufm_objective *objective, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", p->classes);
    ufm_json_literal(json, "samples_total", p->samples_total);
    ufm_json_string(json, "loss", ufm_objective_loss_text(objective).text);
    ufm_json_number(json, "objective", p->objective);
    ufm_json_number(json, "mu", p->mu);
    ufm_json_number(json, "mu_critical", p->mu_critical);
    ufm_json_string(json, "phase", ufm_phase_text(p->phase));
    ufm_json_number(json, "weight_norm_squared", p->weight_norm_squared);
    multiplicities(json, "margin", p, p->margin);
    multiplicities(json, "scale", p, p->scale);
    multiplicities(json, "common", p, p->common);
    ufm_json_number(json, "mean_scale", p->mean_scale);
    ufm_json_number(json, "bias", p->bias);
    ufm_json_bool(json, "proved", p->proved);
    return ufm_json_finish(json, stdout, error);
}

static const char *describe_phase(const ufm_prediction *p)
{
    if (p->phase == UFM_PHASE_SEPARATED)
        return p->mean_scale > 0 ? "separated, W less its mean is a simplex ETF"
                                 : "separated, W is a simplex ETF";
    return p->mean_scale > 0 ? "total collapse, all rows of W are equal"
                             : "total collapse, W = H = 0 is optimal";
}

static void print_levels(const ufm_prediction *p)
{
    const bool mean = p->mean_scale > 0;
    printf("%12s  %22s  %22s%s\n", "multiplicity", "margin delta_m", "scale C_m",
           mean ? "                     D_m" : "");
    for (int64_t l = 0; l < p->levels; l++) {
        printf("%12lld  %22.16g  %22.16g", (long long)p->multiplicity[l], p->margin[l], p->scale[l]);
        if (mean) printf("  %22.16g", p->common[l]);
        putchar('\n');
    }
    printf("\nEvery sample with tag set S of multiplicity m has the feature C_m sum_{k in S} w_k%s.\n",
           mean ? " + D_m sum_k w_k" : "");
}

static void print_text(const ufm_prediction *p)
{
    printf("K = %lld classes, N = %s samples\n", (long long)p->classes, p->samples_total);
    printf("mu = %.6g, mu_c = %.6g: %s\n", p->mu, p->mu_critical, describe_phase(p));
    if (!p->proved)
        printf("NOT PROVED to be optimal: some tag's probability is so low that this loss is not convex "
               "there\n");
    printf("f* = %.16g\n", p->objective);
    if (p->bias != 0) printf("b = %.16g in every class\n", p->bias);
    if (p->mean_scale > 0)
        printf("W W^T = %.16g (I - J/K) + %.16g J/K\n\n", p->gram_scale, p->mean_scale);
    else if (p->phase == UFM_PHASE_SEPARATED)
        printf("|w_k|^2 = %.16g, angle between any two rows of W: arccos(-1/%lld)\n\n",
               p->weight_norm_squared, (long long)p->classes - 1);
    if (p->phase == UFM_PHASE_SEPARATED || p->mean_scale > 0) print_levels(p);
}

static ufm_status check_dim(const options *opts, const ufm_design *design, const ufm_objective *objective,
                            ufm_error *error)
{
    const int64_t needed = ufm_loss_rank(objective->loss, design->classes);
    if (!opts->value[OPT_DIM].given || opts->value[OPT_DIM].integer >= needed) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_USAGE, "--dim %lld: the closed form needs d >= %s = %lld",
                    (long long)opts->value[OPT_DIM].integer, needed < design->classes ? "K-1" : "K",
                    (long long)needed);
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    ufm_design *design = NULL;
    ufm_prediction *prediction = NULL;
    ufm_objective objective;
    ufm_status status = read_objective(opts, &objective, &error);
    if (status == UFM_OK) status = read_instance(opts, 0, NULL, &design, &error);
    if (status == UFM_OK) status = check_dim(opts, design, &objective, &error);
    if (status == UFM_OK) status = ufm_predict(design, &objective, &prediction, &error);
    if (status == UFM_OK) {
        if (opts->value[OPT_JSON].given) {
            status = print_json(prediction, &objective, &error);
        } else {
            print_text(prediction);
        }
    }
    ufm_prediction_free(prediction);
    ufm_design_free(design);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}

const command command_predict = {"predict",
                                 "predict --classes K --samples M:N,... [options]",
                                 "The global optimum of a balanced design in closed form (Theorem 1).",
                                 GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_SHAPE | GROUP_COMMON,
                                 0,
                                 run,
                                 0};
