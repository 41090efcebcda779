/* ufmlab data info: what is in a set of images, or in a label file. */
#include "data.h"
#include <string.h>

/* Samples and distinct tag sets per multiplicity, samples per class. */
typedef struct {
    int64_t *samples, *sets; /* [classes + 1] */
    int64_t *of_class;       /* [classes] */
} census;

static void free_census(census *c)
{
    ufm_free(c->samples);
    ufm_free(c->sets);
    ufm_free(c->of_class);
}

static ufm_status take_census(const ufm_labels *labels, census *c)
{
    int64_t groups, *group = ufm_alloc(labels->columns, sizeof *group);
    *c = (census){ufm_alloc(labels->classes + 1, 8), ufm_alloc(labels->classes + 1, 8),
                  ufm_alloc(labels->classes, 8)};
    ufm_status status = group && c->samples && c->sets && c->of_class
                            ? ufm_labels_group(labels, group, &groups)
                            : UFM_ERROR_MEMORY;
    int64_t seen = 0;
    for (int64_t i = 0; i < labels->columns && status == UFM_OK; i++) {
        const ufm_tag_set set = ufm_labels_set(labels, i);
        c->samples[set.tags] += ufm_labels_count(labels, i);
        for (int64_t j = 0; j < set.tags; j++) c->of_class[set.tag[j]] += ufm_labels_count(labels, i);
        if (group[i] < seen) continue; /* numbered in order of first appearance */
        seen++;
        c->sets[set.tags]++;
    }
    ufm_free(group);
    return status;
}

/* "1:3100,2:200", or why the labels follow no balanced design. */
static bool describe_balance(const ufm_labels *labels, char *text, size_t size)
{
    ufm_design *design = NULL;
    ufm_error reason = {{0}};
    if (ufm_labels_to_design(labels, &design, &reason) != UFM_OK) {
        snprintf(text, size, "%s", reason.text);
        return false;
    }
    size_t used = 0;
    text[0] = '\0';
    for (int64_t l = 0; l < design->levels && used < size; l++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld:%lld", l ? "," : "",
                                 (long long)design->multiplicity[l], (long long)design->per_tag_set[l]);
    ufm_design_free(design);
    return true;
}

static void json_by_multiplicity(ufm_json *json, const char *key, const int64_t *number, int64_t classes)
{
    char name[24];
    ufm_json_object(json, key);
    for (int64_t m = 1; m <= classes; m++) {
        snprintf(name, sizeof name, "%lld", (long long)m);
        if (number[m] > 0) ufm_json_integer(json, name, number[m]);
    }
    ufm_json_end(json);
}

void json_images(ufm_json *json, const ufm_labels *labels, const ufm_images *images)
{
    census c;
    char balance[512];
    ufm_json_integer(json, "samples", labels->samples);
    ufm_json_integer(json, "classes", labels->classes);
    ufm_json_list(json, "shape");
    if (images) {
        const ufm_image_shape shape = ufm_images_shape(images);
        ufm_json_integer(json, NULL, shape.channels);
        ufm_json_integer(json, NULL, shape.height);
        ufm_json_integer(json, NULL, shape.width);
    }
    ufm_json_end(json);
    if (take_census(labels, &c) == UFM_OK) {
        json_by_multiplicity(json, "multiplicities", c.samples, labels->classes);
        json_by_multiplicity(json, "tag_sets", c.sets, labels->classes);
        ufm_json_list(json, "class_samples");
        for (int64_t k = 0; k < labels->classes; k++) ufm_json_integer(json, NULL, c.of_class[k]);
        ufm_json_end(json);
    }
    free_census(&c);
    if (labels->name) {
        ufm_json_list(json, "class_names");
        for (int64_t k = 0; k < labels->classes; k++) ufm_json_string(json, NULL, labels->name[k]);
        ufm_json_end(json);
    }
    ufm_json_integer(json, "unlabelled_dropped", labels->unlabelled_dropped);
    const bool balanced = describe_balance(labels, balance, sizeof balance);
    ufm_json_bool(json, "balanced", balanced);
    ufm_json_string(json, balanced ? "design" : "imbalance", balance);
}

/* A bar of at most 30 marks. */
static void print_bar(const char *name, int64_t number, int64_t largest)
{
    enum { WIDTH = 30 };
    const int marks = largest > 0 ? (int)((double)number / (double)largest * WIDTH + 0.5) : 0;
    printf("  %-16.16s %9lld  %.*s\n", name, (long long)number, marks, "##############################");
}

static ufm_status print_text(const ufm_labels *labels, const ufm_images *images, ufm_error *error)
{
    enum { CLASSES_SHOWN = 100 };
    census c;
    char balance[512], name[64];
    int64_t largest = 0;
    if (take_census(labels, &c) != UFM_OK) {
        free_census(&c);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory to count the labels");
    }
    printf("samples %lld, classes %lld", (long long)labels->samples, (long long)labels->classes);
    if (images)
        printf(", images %lld x %lld x %lld", (long long)ufm_images_shape(images).channels,
               (long long)ufm_images_shape(images).height, (long long)ufm_images_shape(images).width);
    printf("\nsamples by multiplicity:\n");
    for (int64_t m = 1; m <= labels->classes; m++) {
        snprintf(name, sizeof name, "%lld (%lld tag sets)", (long long)m, (long long)c.sets[m]);
        if (c.samples[m] > 0) print_bar(name, c.samples[m], labels->samples);
    }
    printf("samples by class:\n");
    for (int64_t k = 0; k < labels->classes; k++)
        if (c.of_class[k] > largest) largest = c.of_class[k];
    for (int64_t k = 0; k < labels->classes && k < CLASSES_SHOWN; k++) {
        snprintf(name, sizeof name, "%lld %s", (long long)k, labels->name ? labels->name[k] : "");
        print_bar(name, c.of_class[k], largest);
    }
    if (labels->classes > CLASSES_SHOWN)
        printf("  and %lld classes more\n", (long long)labels->classes - CLASSES_SHOWN);
    if (labels->unlabelled_dropped > 0)
        printf("%lld images without labels, or that the rule leaves out\n",
               (long long)labels->unlabelled_dropped);
    const bool balanced = describe_balance(labels, balance, sizeof balance);
    printf(balanced ? "balanced within each multiplicity, as Theorem 1 assumes: %s\n"
                    : "not balanced, Theorem 1 does not apply: %s\n",
           balance);
    free_census(&c);
    return UFM_OK;
}

static bool ends_with(const char *name, const char *ending)
{
    const size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* Whether the first line of a file begins so. */
static bool has_header(const char *path, const char *words)
{
    char header[16] = "";
    FILE *stream = fopen(path, "r");
    if (stream && !fgets(header, sizeof header, stream)) header[0] = '\0';
    if (stream) fclose(stream);
    return strncmp(header, words, strlen(words)) == 0;
}

static ufm_status read_merged(const options *opts, const char *path, ufm_labels **labels, ufm_error *error)
{
    const ufm_read_settings settings = {.duplicates = UFM_DUPLICATES_MERGE};
    return read_label_file(opts, path, has_header(path, "tags,count"), settings, labels, error);
}

/* What a name led to. */
typedef struct {
    ufm_images *images; /* or NULL: labels only */
    ufm_labels *read;   /* of a label file */
    int64_t features;   /* numbers of each sample, in a table */
    ufm_data_origin origin;
} found;

/* An ARFF file whose attributes are not all numbers still has labels. */
static ufm_status read_arff(const options *opts, const char *path, found *it, ufm_error *error)
{
    ufm_table *table = NULL;
    ufm_read_settings settings = {0};
    const ufm_status status = read_label_columns(opts, &settings, error);
    if (status != UFM_OK) return status;
    if (ufm_table_read(path, &settings, &table, error) != UFM_OK)
        return read_merged(opts, path, &it->read, error);
    it->features = table->columns;
    it->read = table->labels;
    table->labels = NULL;
    ufm_table_free(table);
    return UFM_OK;
}

static ufm_status find(const options *opts, const char *name, const ufm_data_settings *settings, found *it,
                       ufm_error *error)
{
    const bool arff = ends_with(name, ".arff");
    const bool csv = ends_with(name, ".csv") && !has_header(name, "file,tags");
    snprintf(it->origin.text, sizeof it->origin.text, "%s", name);
    if (arff) return read_arff(opts, name, it, error);
    if (csv) return read_merged(opts, name, &it->read, error);
    const ufm_status status = open_images(opts, name, settings, &it->images, &it->origin, error);
    return status == UFM_ERROR_IO && ends_with(name, ".json") /* the images are not beside it */
               ? read_merged(opts, name, &it->read, error)
               : status;
}

static void print_speed(const data_speed *s)
{
    printf("loader: %.0f images/s with one thread, %.0f with %d; %lld MiB at most\n", s->one, s->all,
           s->threads, (long long)s->peak_bytes >> 20);
}

static void json_speed(ufm_json *json, const data_speed *s)
{
    ufm_json_number(json, "loader_images_per_second_one_thread", s->one);
    ufm_json_number(json, "loader_images_per_second", s->all);
    ufm_json_integer(json, "loader_threads", s->threads);
    ufm_json_integer(json, "peak_bytes", s->peak_bytes);
}

static ufm_status describe(const options *opts, const found *it, ufm_error *error)
{
    const ufm_labels *labels = it->images ? ufm_images_labels(it->images) : it->read;
    const bool timed = it->images && opts->value[OPT_SPEED].given;
    data_speed speed = {0};
    ufm_status status = timed ? measure_speed(opts, it->images, &speed, error) : UFM_OK;
    if (status != UFM_OK) return status;
    if (!opts->value[OPT_JSON].given) {
        printf("%s\n", it->origin.text);
        if (it->features > 0) printf("a table of %lld features\n", (long long)it->features);
        status = print_text(labels, it->images, error);
        if (timed) print_speed(&speed);
        return status;
    }
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "source", it->origin.text);
    if (it->features > 0) ufm_json_integer(json, "features", it->features);
    json_images(json, labels, it->images);
    if (timed) json_speed(json, &speed);
    return ufm_json_finish(json, stdout, error);
}

int data_info(const options *opts)
{
    ufm_error error = {{0}};
    ufm_data_settings settings;
    found it = {0};
    ufm_status status = read_data_settings(opts, &settings, &error);
    if (status == UFM_OK) status = find(opts, opts->operand[1], &settings, &it, &error);
    if (status == UFM_OK) status = describe(opts, &it, &error);
    if (status == UFM_OK && it.images && opts->value[OPT_OUT].given)
        status = draw_contact_sheet(opts, it.images, &error);
    ufm_images_free(it.images);
    ufm_labels_free(it.read);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
