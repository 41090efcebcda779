/* ufmlab certify: recompute everything from a stored point and its labels. */
#include "cli.h"
#include <math.h>

static ufm_status print_json(const ufm_solution *solution, const ufm_objective *objective,
                             const ufm_labels *labels, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_integer(json, "classes", labels->classes);
    ufm_json_integer(json, "samples_total", labels->samples);
    ufm_json_string(json, "loss", ufm_objective_loss_text(objective).text);
    ufm_json_number(json, "lambda_w", objective->lambda_w);
    ufm_json_number(json, "lambda_h", objective->lambda_h);
    ufm_json_number(json, "lambda_b", objective->lambda_b);
    if (ufm_constraint_active(&solution->constraint)) {
        json_constrained(json, &solution->constraint, &solution->constrained);
    } else {
        json_certificate(json, &solution->certificate);
    }
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_solution *solution, const ufm_objective *objective, const ufm_labels *labels)
{
    const ufm_certificate *c = &solution->certificate;
    printf("K = %lld, N = %lld, loss %s, lambda %g, %g, %g\n", (long long)labels->classes,
           (long long)labels->samples, ufm_objective_loss_text(objective).text, objective->lambda_w,
           objective->lambda_h, objective->lambda_b);
    if (ufm_constraint_active(&solution->constraint)) {
        print_constrained(&solution->constraint, &solution->constrained);
        printf("verdict: %s\n", ufm_certified_text(solution->constrained.verdict));
        return;
    }
    printf("  f             %.16g\n  lower bound   %.16g  (no point of any dimension is below)\n",
           c->objective, c->lower_bound);
    printf("  duality gap   %.2e (%.1e of f)\n  |gradient|    %.2e\n  sigma_1/mu    %.12g\n", c->gap,
           c->gap / fabs(c->objective), c->gradient_norm, c->sigma1 / c->mu);
    if (isfinite(c->witness_curvature) && c->verdict != UFM_CERTIFIED_GLOBAL)
        printf("  curvature     %.6g along the witness (formula %.6g)\n", c->witness_curvature,
               c->lambda_neg);
    printf("verdict: %s\n", ufm_certified_text(c->verdict));
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    ufm_solution *solution = NULL;
    ufm_labels *labels = NULL;
    ufm_objective objective;
    ufm_status status = load_solution(opts, opts->operand[0], &solution, &labels, &objective, &error);
    if (status == UFM_OK) {
        if (opts->value[OPT_JSON].given) {
            status = print_json(solution, &objective, labels, &error);
        } else {
            print_text(solution, &objective, labels);
        }
    }
    ufm_solution_free(solution);
    ufm_labels_free(labels);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}

const command command_certify = {
    "certify",
    "certify FILE.h5 [options]",
    "Prove how far a stored point is from the global optimum, from raw data.\n"
    "Reads W, H, b, labels, counts, and the loss and lambdas, which the options\n"
    "replace; computes everything else anew.",
    GROUP_OBJECTIVE | GROUP_GAP | GROUP_COMMON,
    1,
    run,
    0};
