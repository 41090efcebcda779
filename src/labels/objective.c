#include <math.h>
#include <string.h>
#include <ufmlab/labels.h>

double ufm_loss_weight(ufm_loss loss, double m)
{
    switch (loss) {
#define WEIGHT_CASE(name, spelling, weight, description)                                                     \
    case name:                                                                                               \
        return weight;
        UFM_LOSS_LIST(WEIGHT_CASE)
#undef WEIGHT_CASE
    case UFM_LOSS_COUNT:
        break;
    }
    return NAN;
}

const char *ufm_loss_name(ufm_loss loss)
{
    switch (loss) {
#define NAME_CASE(name, spelling, weight, description)                                                       \
    case name:                                                                                               \
        return spelling;
        UFM_LOSS_LIST(NAME_CASE)
#undef NAME_CASE
    case UFM_LOSS_COUNT:
        break;
    }
    return "unknown loss";
}

ufm_status ufm_loss_parse(const char *text, ufm_loss *loss, ufm_error *error)
{
    for (int i = 0; i < UFM_LOSS_COUNT; i++)
        if (strcmp(text, ufm_loss_name((ufm_loss)i)) == 0) {
            *loss = (ufm_loss)i;
            return UFM_OK;
        }
#define LIST_LOSS(name, spelling, weight, description) " " spelling
    return ufm_fail(error, UFM_ERROR_USAGE, "unknown loss '%.40s'; known are:" UFM_LOSS_LIST(LIST_LOSS),
                    text);
#undef LIST_LOSS
}

static ufm_status check_lambda(const char *name, double lambda, bool zero_allowed, ufm_error *error)
{
    if (isfinite(lambda) && (lambda > 0 || (zero_allowed && lambda == 0))) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_USAGE, "%s is %g; it must be a finite number %s 0", name, lambda,
                    zero_allowed ? ">=" : ">");
}

ufm_status ufm_objective_check(const ufm_objective *objective, ufm_error *error)
{
    if ((int)objective->loss < 0 || objective->loss >= UFM_LOSS_COUNT)
        return ufm_fail(error, UFM_ERROR_USAGE, "unknown loss %d", (int)objective->loss);
    ufm_status status = check_lambda("lambda-w", objective->lambda_w, false, error);
    if (status == UFM_OK) status = check_lambda("lambda-h", objective->lambda_h, false, error);
    if (status == UFM_OK) status = check_lambda("lambda-b", objective->lambda_b, true, error);
    return status;
}

double ufm_objective_mu(const ufm_objective *objective)
{
    const double product = objective->lambda_w * objective->lambda_h;
    if (isnormal(product)) return 2 * sqrt(product);
    return 2 * sqrt(objective->lambda_w) * sqrt(objective->lambda_h); /* the product left the range */
}
