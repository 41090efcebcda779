/* Restrictions of features and classifier: names, checks, their text in files. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <ufmlab/labels.h>

static const char *const features_names[] = {
#define FEATURES_NAME(name, spelling, description) spelling,
    UFM_FEATURES_LIST(FEATURES_NAME)
#undef FEATURES_NAME
};
static const char *const classifier_names[] = {
#define CLASSIFIER_NAME(name, spelling, description) spelling,
    UFM_CLASSIFIER_LIST(CLASSIFIER_NAME)
#undef CLASSIFIER_NAME
};
enum {
    FEATURES = sizeof features_names / sizeof features_names[0],
    CLASSIFIERS = sizeof classifier_names / sizeof classifier_names[0]
};

const char *ufm_features_name(ufm_features features)
{
    return features_names[features];
}

const char *ufm_classifier_name(ufm_classifier classifier)
{
    return classifier_names[classifier];
}

ufm_status ufm_features_parse(const char *text, ufm_features *features, ufm_error *error)
{
    for (int i = 0; i < FEATURES; i++)
        if (strcmp(text, features_names[i]) == 0) {
            *features = (ufm_features)i;
            return UFM_OK;
        }
    return ufm_fail(error, UFM_ERROR_USAGE, "unknown features '%.40s'; give free, nonnegative or sphere",
                    text);
}

ufm_status ufm_classifier_parse(const char *text, ufm_classifier *classifier, ufm_error *error)
{
    for (int i = 0; i < CLASSIFIERS; i++)
        if (strcmp(text, classifier_names[i]) == 0) {
            *classifier = (ufm_classifier)i;
            return UFM_OK;
        }
    return ufm_fail(error, UFM_ERROR_USAGE, "unknown classifier '%.40s'; give free or etf", text);
}

ufm_status ufm_constraint_check(const ufm_constraint *constraint, int64_t classes, int64_t dim,
                                ufm_error *error)
{
    const double rho = constraint->feature_norm, alpha = constraint->classifier_norm;
    if (constraint->features == UFM_FEATURES_SPHERE && !(rho > 0 && isfinite(rho)))
        return ufm_fail(error, UFM_ERROR_USAGE, "the norm of the features is %g; it must be a number > 0",
                        rho);
    if (constraint->classifier == UFM_CLASSIFIER_FREE) return UFM_OK;
    if (!(alpha > 0 && isfinite(alpha)))
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "the norm of the classifier's rows is %g; it must be a number > 0", alpha);
    if (dim < classes)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "dimension %lld does not hold the fixed classifier of %lld classes; it needs %lld",
                        (long long)dim, (long long)classes, (long long)classes);
    return UFM_OK;
}

void ufm_constraint_format(const ufm_constraint *constraint, char *text, size_t size)
{
    const bool sphere = constraint->features == UFM_FEATURES_SPHERE;
    const bool fixed = constraint->classifier == UFM_CLASSIFIER_ETF;
    snprintf(text, size, "features %s %.17g classifier %s %.17g", ufm_features_name(constraint->features),
             sphere ? constraint->feature_norm : 0, ufm_classifier_name(constraint->classifier),
             fixed ? constraint->classifier_norm : 0);
}

ufm_status ufm_constraint_parse(const char *text, ufm_constraint *constraint, ufm_error *error)
{
    char features[24], classifier[24], again[160];
    ufm_constraint read = {0};
    if (sscanf(text, "features %23s %lf classifier %23s %lf", features, &read.feature_norm, classifier,
               &read.classifier_norm) == 4 &&
        ufm_features_parse(features, &read.features, NULL) == UFM_OK &&
        ufm_classifier_parse(classifier, &read.classifier, NULL) == UFM_OK &&
        ufm_constraint_check(&read, 1, 1, NULL) == UFM_OK) {
        ufm_constraint_format(&read, again, sizeof again);
        if (strcmp(text, again) == 0) { /* nothing more and nothing else than what we would write */
            *constraint = read;
            return UFM_OK;
        }
    }
    return ufm_fail(error, UFM_ERROR_INPUT,
                    "the constraint '%.60s' is not of the form 'features sphere 1 classifier free 0'", text);
}

void ufm_etf_classifier(int64_t classes, int64_t dim, double norm, double *W)
{
    const double K = (double)classes, scale = norm * sqrt(K / (K - 1));
    memset(W, 0, (size_t)(classes * dim) * sizeof *W);
    for (int64_t j = 0; j < classes; j++)
        for (int64_t k = 0; k < classes; k++) W[k + j * classes] = scale * ((k == j) - 1 / K);
}
