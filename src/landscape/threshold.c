/* Where total collapse begins, for any labels. */
#include <math.h>
#include <string.h>
#include <ufmlab/landscape.h>

ufm_status ufm_collapse_threshold(const ufm_labels *labels, const ufm_objective *objective, double *mu_max,
                                  double *b, ufm_error *error)
{
    const int64_t K = labels->classes;
    const ufm_model_settings settings = {*objective, 1, 1}; /* the dimension does not matter at W = H = 0 */
    const ufm_certify_settings certify = ufm_certify_defaults();
    ufm_certificate certificate;
    ufm_model *model = NULL;
    double *x = NULL, *H = NULL;
    ufm_status status = ufm_model_new(labels, &settings, &model, error);
    if (status != UFM_OK) return status;
    x = ufm_alloc(ufm_model_size(model), sizeof *x);
    H = ufm_alloc(labels->columns, sizeof *H);
    status = x && H ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the threshold");
    if (status == UFM_OK) status = ufm_model_minimize_bias(model, x, error);
    if (status != UFM_OK) goto cleanup;
    const ufm_point point = ufm_model_point(model, x, H);
    status = ufm_certify(&point, labels, objective, &certify, &certificate, error);
    if (status != UFM_OK) goto cleanup;
    *mu_max = certificate.sigma1;
    if (b) memcpy(b, point.b, (size_t)K * sizeof *b);
cleanup:
    ufm_free(x);
    ufm_free(H);
    ufm_model_free(model);
    return status;
}
