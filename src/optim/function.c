/* The UFM objective as a function of one vector. */
#include <ufmlab/optim.h>

static double model_value(void *model, const double *x)
{
    return ufm_model_value(model, x);
}

static double model_gradient(void *model, const double *x, double *gradient)
{
    return ufm_model_gradient(model, x, gradient);
}

static void model_hessian_vector(void *model, const double *x, const double *v, double *product)
{
    ufm_model_hessian_vector(model, x, v, product);
}

static ufm_status model_prepare(void *model, const double *x)
{
    return ufm_model_prepare(model, x);
}

static void model_precondition(void *model, const double *v, double *out)
{
    ufm_model_precondition(model, v, out);
}

static void model_prepared_product(void *model, const double *x, const double *v, double *product)
{
    ufm_model_prepared_product(model, x, v, product);
}

/* ---- The features minimised out ----------------------------------------------------------------- */

static double profile_gradient(void *profile, const double *y, double *gradient)
{
    return ufm_profile_gradient(profile, y, gradient);
}

static void profile_product(void *profile, const double *y, const double *v, double *product)
{
    ufm_profile_product(profile, y, v, product);
}

static ufm_status profile_begin(void *model, const double *x, ufm_function *function, ufm_error *error)
{
    ufm_profile *profile;
    const ufm_status status = ufm_profile_new(model, x, &profile, error);
    if (status == UFM_OK)
        *function = (ufm_function){.size = ufm_profile_size(profile),
                                   .context = profile,
                                   .gradient = profile_gradient,
                                   .hessian_vector = profile_product};
    return status;
}

static void profile_start(void *profile, double *y)
{
    ufm_profile_start(profile, y);
}

static void profile_point(void *profile, const double *y, double *x)
{
    ufm_profile_point(profile, y, x);
}

static void profile_end(void *profile)
{
    ufm_profile_free(profile);
}

static const ufm_elimination features_out = {profile_begin, profile_start, profile_point, profile_end};

ufm_function ufm_function_of_model(ufm_model *model)
{
    return (ufm_function){.size = ufm_model_size(model),
                          .context = model,
                          .value = model_value,
                          .gradient = model_gradient,
                          .hessian_vector = model_hessian_vector,
                          .blocks = {ufm_model_block(model, 1), ufm_model_block(model, 2)},
                          .pool = ufm_model_pool(model),
                          .elimination = ufm_profile_applies(model) ? &features_out : NULL};
}

ufm_function ufm_function_preconditioned(ufm_model *model)
{
    ufm_function function = ufm_function_of_model(model);
    function.prepare = model_prepare;
    function.precondition = model_precondition;
    function.prepared_product = model_prepared_product;
    return function;
}
