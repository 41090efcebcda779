#include <math.h>
#include <stdio.h>
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/labels.h>

typedef struct {
    const char *spelling, *parameter;
    double usual, least, greatest;
    bool shift_free;
} loss_row;

static const loss_row rows[UFM_LOSS_COUNT] = {
#define LOSS_ROW(name, spelling, weight, parameter, usual, least, greatest, shift_free, description)         \
    [name] = {spelling, parameter, usual, least, greatest, shift_free},
    UFM_LOSS_LIST(LOSS_ROW)
#undef LOSS_ROW
};

static bool known(ufm_loss loss)
{
    return (int)loss >= 0 && loss < UFM_LOSS_COUNT;
}

double ufm_loss_weight(ufm_loss loss, double m)
{
    switch (loss) {
#define WEIGHT_CASE(name, spelling, weight, ...)                                                             \
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
    return known(loss) ? rows[loss].spelling : "unknown loss";
}

bool ufm_loss_shift_free(ufm_loss loss)
{
    return known(loss) && rows[loss].shift_free;
}

int64_t ufm_loss_rank(ufm_loss loss, int64_t classes)
{
    return ufm_loss_shift_free(loss) ? classes - 1 : classes;
}

int64_t ufm_loss_benign_dim(ufm_loss loss, int64_t classes)
{
    return loss == UFM_LOSS_PAL_FOCAL ? INT64_MAX : ufm_loss_rank(loss, classes);
}

static ufm_status check_parameter(const ufm_objective *objective, ufm_error *error)
{
    const loss_row *row = &rows[objective->loss];
    if (objective->parameter >= row->least && objective->parameter <= row->greatest) return UFM_OK;
    if (!row->parameter)
        return ufm_fail(error, UFM_ERROR_USAGE, "the loss %s has no parameter; write %s alone", row->spelling,
                        row->spelling);
    return ufm_fail(error, UFM_ERROR_USAGE, "the %s of %s is %g; give a number from %g to %g", row->parameter,
                    row->spelling, objective->parameter, row->least, row->greatest);
}

ufm_status ufm_objective_parse_loss(const char *text, ufm_objective *objective, ufm_error *error)
{
    const size_t length = strcspn(text, ":");
    for (int i = 0; i < UFM_LOSS_COUNT; i++) {
        if (strlen(rows[i].spelling) != length || strncmp(text, rows[i].spelling, length) != 0) continue;
        ufm_objective made = *objective;
        made.loss = (ufm_loss)i;
        made.parameter = rows[i].usual;
        if (text[length] == ':' && !ufm_parse_double(text + length + 1, &made.parameter))
            return ufm_fail(error, UFM_ERROR_USAGE, "'%.40s': a loss is NAME or NAME:NUMBER, as pal-focal:2",
                            text);
        const ufm_status status = check_parameter(&made, error);
        if (status == UFM_OK) *objective = made;
        return status;
    }
#define LIST_LOSS(name, spelling, ...) " " spelling
    return ufm_fail(error, UFM_ERROR_USAGE, "unknown loss '%.40s'; known are:" UFM_LOSS_LIST(LIST_LOSS),
                    text);
#undef LIST_LOSS
}

ufm_loss_text ufm_objective_loss_text(const ufm_objective *objective)
{
    ufm_loss_text made;
    const bool has_parameter = known(objective->loss) && rows[objective->loss].parameter;
    if (has_parameter)
        snprintf(made.text, sizeof made.text, "%s:%.17g", ufm_loss_name(objective->loss),
                 objective->parameter);
    else
        snprintf(made.text, sizeof made.text, "%s", ufm_loss_name(objective->loss));
    return made;
}

static ufm_status check_lambda(const char *name, double lambda, bool zero_allowed, ufm_error *error)
{
    if (isfinite(lambda) && (lambda > 0 || (zero_allowed && lambda == 0))) return UFM_OK;
    return ufm_fail(error, UFM_ERROR_USAGE, "%s is %g; it must be a finite number %s 0", name, lambda,
                    zero_allowed ? ">=" : ">");
}

ufm_status ufm_objective_check(const ufm_objective *objective, ufm_error *error)
{
    if (!known(objective->loss))
        return ufm_fail(error, UFM_ERROR_USAGE, "unknown loss %d", (int)objective->loss);
    ufm_status status = check_lambda("lambda-w", objective->lambda_w, false, error);
    if (status == UFM_OK) status = check_lambda("lambda-h", objective->lambda_h, false, error);
    if (status == UFM_OK) status = check_lambda("lambda-b", objective->lambda_b, true, error);
    return status == UFM_OK ? check_parameter(objective, error) : status;
}

double ufm_objective_mu(const ufm_objective *objective)
{
    const double product = objective->lambda_w * objective->lambda_h;
    if (isnormal(product)) return 2 * sqrt(product);
    return 2 * sqrt(objective->lambda_w) * sqrt(objective->lambda_h); /* the product left the range */
}
