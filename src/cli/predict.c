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
    ufm_json_string(json, "loss", ufm_loss_name(objective->loss));
    ufm_json_number(json, "objective", p->objective);
    ufm_json_number(json, "mu", p->mu);
    ufm_json_number(json, "mu_critical", p->mu_critical);
    ufm_json_string(json, "phase", ufm_phase_text(p->phase));
    ufm_json_number(json, "weight_norm_squared", p->weight_norm_squared);
    multiplicities(json, "margin", p, p->margin);
    multiplicities(json, "scale", p, p->scale);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_prediction *p)
{
    printf("K = %lld classes, N = %s samples\n", (long long)p->classes, p->samples_total);
    printf("mu = %.6g, mu_c = %.6g: %s\n", p->mu, p->mu_critical,
           p->phase == UFM_PHASE_SEPARATED ? "separated, W is a simplex ETF"
                                           : "total collapse, W = H = 0 is optimal");
    printf("f* = %.16g\n", p->objective);
    if (p->phase == UFM_PHASE_COLLAPSED) return;
    printf("|w_k|^2 = %.16g, angle between any two rows of W: arccos(-1/%lld)\n\n", p->weight_norm_squared,
           (long long)p->classes - 1);
    printf("%12s  %22s  %22s\n", "multiplicity", "margin delta_m", "scale C_m");
    for (int64_t l = 0; l < p->levels; l++)
        printf("%12lld  %22.16g  %22.16g\n", (long long)p->multiplicity[l], p->margin[l], p->scale[l]);
    printf("\nEvery sample with tag set S of multiplicity m has the feature C_m sum_{k in S} w_k.\n");
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    ufm_design *design = NULL;
    ufm_prediction *prediction = NULL;
    ufm_objective objective;
    ufm_status status = read_objective(opts, &objective, &error);
    if (status == UFM_OK) status = read_instance(opts, 0, NULL, &design, &error);
    if (status == UFM_OK && opts->value[OPT_DIM].given && opts->value[OPT_DIM].integer < design->classes - 1)
        status = ufm_fail(&error, UFM_ERROR_USAGE, "--dim %lld: Theorem 1 needs d >= K-1 = %lld",
                          (long long)opts->value[OPT_DIM].integer, (long long)design->classes - 1);
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
