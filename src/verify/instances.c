/* The instances that `ufmlab verify` runs. */
#include "internal.h"
#include <stdio.h>
#include <string.h>
#include <ufmlab/data.h>
#include <ufmlab/io.h>

#define PAL UFM_LOSS_PAL
#define PAL_N UFM_LOSS_PAL_N
#define MERGE UFM_DUPLICATES_MERGE

const verify_instance verify_instances[] = {
    /* Balanced within each multiplicity: Theorem 1 must hold. */
    {.classes = 4, .samples = "1:3,2:2", .objective = {PAL, 5e-3, 1e-3, 1e-3}, .extra_seeds = 4, .work = 0.1},
    {.classes = 6,
     .samples = "1:10,2:3",
     .objective = {PAL, 5e-3, 5e-4, 1e-3},
     .extra_seeds = 4,
     .work = 0.1},
    {.classes = 10,
     .samples = "1:10,2:3",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .extra_seeds = 4,
     .work = 0.2},
    {.name = "K=10 1:3100,2:200 (the paper's M-lab sets)",
     .classes = 10,
     .samples = "1:3100,2:200",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .work = 3},
    {.name = "three multiplicities, K=10 1:5,2:2,3:1",
     .classes = 10,
     .samples = "1:5,2:2,3:1",
     .objective = {PAL, 1e-3, 1e-4, 1e-3},
     .extra_seeds = 2,
     .work = 0.3},
    {.name = "four multiplicities, K=5 1:2,2:7,3:1,4:2",
     .classes = 5,
     .samples = "1:2,2:7,3:1,4:2",
     .objective = {PAL, 1e-3, 1e-4, 1e-3},
     .extra_seeds = 4,
     .work = 0.1},
    {.name = "two classes, K=2 1:5,2:3",
     .classes = 2,
     .samples = "1:5,2:3",
     .objective = {PAL, 5e-3, 1e-3, 1e-3},
     .extra_seeds = 4,
     .work = 0.1},
    {.name = "many classes, K=80 1:4,2:1",
     .classes = 80,
     .samples = "1:4,2:1",
     .objective = {PAL, 5e-4, 1e-5, 1e-3},
     .work = 6},
    {.name = "d = K-1, K=6 1:10,2:3",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {PAL, 5e-3, 5e-4, 1e-3},
     .dim = 5,
     .extra_seeds = 4,
     .work = 0.1},
    {.name = "d = K+14, K=6 1:10,2:3",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {PAL, 5e-3, 5e-4, 1e-3},
     .dim = 20,
     .extra_seeds = 4,
     .work = 0.1},
    {.name = "free bias, K=6 1:10,2:3, lambda_b = 0",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {PAL, 5e-3, 5e-4, 0},
     .extra_seeds = 4,
     .work = 0.1},
    {.name = "PAL-N, K=6 1:10,2:3,3:2",
     .classes = 6,
     .samples = "1:10,2:3,3:2",
     .objective = {PAL_N, 2e-3, 5e-4, 1e-3},
     .extra_seeds = 2,
     .work = 0.2},
    /* The other losses have optima of the same kind (proof note 16). */
    {.name = "label smoothing 0.1, K=6 1:10,2:3",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {UFM_LOSS_PAL_SMOOTH, 2e-3, 5e-4, 1e-3, 0.1},
     .extra_seeds = 2,
     .work = 0.1},
    {.name = "focal, gamma = 2, K=6 1:10,2:3",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {UFM_LOSS_PAL_FOCAL, 2e-3, 5e-4, 1e-3, 2},
     .extra_seeds = 2,
     .work = 0.1},
    {.name = "squared error, K=6 1:10,2:3",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {UFM_LOSS_PAL_MSE, 2e-3, 5e-4, 0, 0},
     .extra_seeds = 2,
     .work = 0.1},
    {.name = "one-vs-all, K=6 1:10,2:3",
     .classes = 6,
     .samples = "1:10,2:3",
     .objective = {UFM_LOSS_BCE, 2e-3, 5e-4, 1e-3, 0},
     .extra_seeds = 2,
     .work = 0.1},
    {.name = "few pairs, K=6 1:500,2:1",
     .classes = 6,
     .samples = "1:500,2:1",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .extra_seeds = 1,
     .work = 0.5},
    {.name = "few singles, K=6 1:1,2:200",
     .classes = 6,
     .samples = "1:1,2:200",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .extra_seeds = 1,
     .work = 0.5},
    {.name = "no singles, K=6 2:4,3:2",
     .classes = 6,
     .samples = "2:4,3:2",
     .objective = {PAL, 1e-3, 5e-4, 1e-3},
     .extra_seeds = 2,
     .work = 0.1},
    {.name = "all tags at once too, K=4 1:3,2:2,4:5",
     .classes = 4,
     .samples = "1:3,2:2,4:5",
     .objective = {PAL, 5e-3, 1e-3, 1e-3},
     .extra_seeds = 2,
     .work = 0.1},
    {.name = "merged duplicates, K=10 1:3100,2:200",
     .classes = 10,
     .samples = "1:3100,2:200",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .duplicates = MERGE,
     .extra_seeds = 4,
     .work = 0.1},
    /* Both sides of the threshold of total collapse. */
    {.name = "mu = 0.98 mu_c, K=5 1:3,2:2",
     .classes = 5,
     .samples = "1:3,2:2",
     .objective = {PAL, 0, 0, 1e-3},
     .mu_ratio = 0.98,
     .work = 0.1},
    {.name = "mu = 1.02 mu_c, K=5 1:3,2:2",
     .classes = 5,
     .samples = "1:3,2:2",
     .objective = {PAL, 0, 0, 1e-3},
     .mu_ratio = 1.02,
     .work = 0.1},
    /* Unbalanced: the certificate must hold, the geometry of Theorem 1 must not. */
    {.name = "one pair missing, K=4",
     .classes = 4,
     .counts = "0:3,1:3,2:3,3:3,0+2:2,0+3:2,1+2:2,1+3:2,2+3:2",
     .objective = {PAL, 5e-3, 1e-3, 1e-2},
     .duplicates = MERGE,
     .work = 0.1},
    {.name = "one pair 25 times as frequent, K=4",
     .classes = 4,
     .counts = "0:3,1:3,2:3,3:3,0+1:50,0+2:2,0+3:2,1+2:2,1+3:2,2+3:2",
     .objective = {PAL, 5e-3, 1e-3, 1e-2},
     .duplicates = MERGE,
     .work = 0.1},
    {.name = "one class 10 times as frequent, K=4",
     .classes = 4,
     .counts = "0:30,1:3,2:3,3:3,0+1:2,0+2:2,0+3:2,1+2:2,1+3:2,2+3:2",
     .objective = {PAL, 5e-3, 1e-3, 1e-2},
     .duplicates = MERGE,
     .work = 0.1},
    {.name = "labels of M-lab images as built",
     .images = "mlab-mnist mlab-fashion",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .duplicates = MERGE,
     .work = 0.3},
    {.name = "emotions (real labels)",
     .file = "mulan/emotions",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .duplicates = MERGE,
     .work = 0.1},
    {.name = "scene (real labels)",
     .file = "mulan/scene",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .duplicates = MERGE,
     .work = 0.1},
    {.name = "yeast (real labels)",
     .file = "mulan/yeast",
     .objective = {PAL, 5e-4, 1e-4, 1e-3},
     .duplicates = MERGE,
     .work = 0.5},
};
const int64_t verify_instance_count = sizeof verify_instances / sizeof verify_instances[0];

void verify_instance_describe(const verify_instance *instance, char *text, size_t size)
{
    if (instance->name) {
        snprintf(text, size, "%s", instance->name);
    } else {
        snprintf(text, size, "K=%lld %s", (long long)instance->classes, instance->samples);
    }
}

/* "0:3,0+1:2" into labels. */
static ufm_status read_counts(const verify_instance *instance, ufm_labels **labels, ufm_error *error)
{
    char text[256];
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_status status = builder ? UFM_OK : UFM_ERROR_MEMORY;
    snprintf(text, sizeof text, "%s", instance->counts);
    for (char *cursor = text; status == UFM_OK && cursor;) {
        char *field = ufm_field_next(&cursor), *colon = strchr(field, ':');
        int32_t tags[8];
        int64_t number = 0, count, tag;
        *colon = '\0';
        for (char *end = field; end; number++) {
            char *start = end;
            end = strchr(start, '+');
            if (end) *end++ = '\0';
            if (number == 8 || !ufm_parse_int64(start, &tag)) return UFM_ERROR_USAGE;
            tags[number] = (int32_t)tag;
        }
        if (!ufm_parse_int64(colon + 1, &count)) return UFM_ERROR_USAGE;
        status = ufm_labels_builder_add(builder, number, tags, count, error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, instance->classes, instance->duplicates, labels, error);
    ufm_labels_builder_free(builder);
    return status;
}

static bool readable(const char *path)
{
    FILE *stream = fopen(path, "r");
    if (stream) fclose(stream);
    return stream != NULL;
}

/* The ARFF file of a data set, or its training part. */
static ufm_status read_file(const verify_instance *instance, const char *data, ufm_labels **labels,
                            ufm_error *error)
{
    char path[1024], xml[1024];
    if (!data) return UFM_ERROR_IO;
    snprintf(path, sizeof path, "%s/%s.arff", data, instance->file);
    if (!readable(path)) snprintf(path, sizeof path, "%s/%s-train.arff", data, instance->file);
    snprintf(xml, sizeof xml, "%s/%s.xml", data, instance->file);
    if (!readable(path) || !readable(xml)) return UFM_ERROR_IO;
    const ufm_read_settings settings = {.duplicates = instance->duplicates, .label_xml = xml};
    return ufm_labels_read(path, &settings, labels, error);
}

/* Equal tag sets become one column. */
static ufm_status merge(const ufm_labels *kept, ufm_labels **labels, ufm_error *error)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_status status = builder ? UFM_OK : UFM_ERROR_MEMORY;
    for (int64_t i = 0; i < kept->columns && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(kept, i);
        status = ufm_labels_builder_add(builder, set.tags, set.tag, 1, error);
    }
    if (status == UFM_OK)
        status = ufm_labels_builder_finish(builder, kept->classes, UFM_DUPLICATES_MERGE, labels, error);
    ufm_labels_builder_free(builder);
    return status;
}

/* The labels of the first set of images that is here; without a download. */
static ufm_status read_images(const verify_instance *instance, verify_problem *problem, ufm_error *error)
{
    char names[64], *rest = names;
    ufm_images *images = NULL;
    ufm_status status = UFM_ERROR_IO;
    snprintf(names, sizeof names, "%s", instance->images);
    for (char *name; status == UFM_ERROR_IO && (name = strtok_r(NULL, " ", &rest));) {
        status = ufm_images_open(name, &(ufm_data_settings){0}, &images, NULL, error);
        snprintf(problem->set, sizeof problem->set, "%s", name);
    }
    if (status == UFM_OK) status = merge(ufm_images_labels(images), &problem->labels, error);
    if (status == UFM_OK) status = ufm_labels_to_design(problem->labels, &problem->design, error);
    ufm_images_free(images);
    return status;
}

static ufm_status read_design(const verify_instance *instance, verify_problem *problem, ufm_error *error)
{
    ufm_status status = ufm_design_parse(instance->classes, instance->samples, &problem->design, error);
    if (status != UFM_OK) return status;
    const ufm_expansion expansion = {.duplicates = instance->duplicates,
                                     .dim = instance->classes,
                                     .copies = ufm_solve_copies(UFM_SOLVER_NEWTON, 10),
                                     .memory_limit = ufm_memory_physical()};
    status = ufm_design_expand(problem->design, &expansion, &problem->labels, error);
    if (status == UFM_OK && instance->mu_ratio > 0)
        status = ufm_lambda_at(problem->design, instance->mu_ratio, 5, &problem->objective, error);
    return status;
}

ufm_status verify_problem_make(const verify_instance *instance, const char *data, verify_problem *problem,
                               ufm_error *error)
{
    verify_problem made = {.objective = instance->objective};
    const ufm_status status = instance->samples  ? read_design(instance, &made, error)
                              : instance->counts ? read_counts(instance, &made.labels, error)
                              : instance->images ? read_images(instance, &made, error)
                                                 : read_file(instance, data, &made.labels, error);
    if (status != UFM_OK) {
        verify_problem_free(&made);
        return status;
    }
    made.dim = instance->dim ? instance->dim : made.labels->classes;
    *problem = made;
    return UFM_OK;
}

void verify_problem_free(verify_problem *problem)
{
    ufm_labels_free(problem->labels);
    ufm_design_free(problem->design);
    *problem = (verify_problem){0};
}
