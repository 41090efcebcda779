/* What `ufmlab train` prints and writes besides the run directory's data. */
#include "train.h"
#include <gsl/gsl_version.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <time.h>

#ifndef UFM_REVISION
#define UFM_REVISION "unknown"
#endif

static ufm_network_settings network_settings(const train_run *run)
{
    const ufm_image_shape shape = ufm_images_shape(run->images);
    return (ufm_network_settings){ufm_images_labels(run->images)->classes,
                                  shape.channels,
                                  shape.height,
                                  shape.width,
                                  run->settings.multiplier,
                                  run->settings.etf,
                                  run->settings.fix_dim};
}

static void print_layer(const ufm_network *n, int64_t l)
{
    const ufm_layer *layer = &n->layer[l];
    char kernel[32] = "", inputs[32] = "";
    if (layer->kernel)
        snprintf(kernel, sizeof kernel, "%dx%d/%d", layer->kernel, layer->kernel, layer->stride);
    if (layer->other >= 0) {
        snprintf(inputs, sizeof inputs, "%d + %d", layer->input, layer->other);
    } else if (layer->input >= 0) {
        snprintf(inputs, sizeof inputs, "%d", layer->input);
    }
    printf("%5" PRId64 "  %-12s %-13s %-6s %5" PRId64 " x %3" PRId64 " x %3" PRId64 " %10" PRId64 "%s\n", l,
           inputs, ufm_layer_kind_text(layer->kind), kernel, layer->channels, layer->height, layer->width,
           layer->weight_count + layer->bias_count, layer->frozen ? "  weights fixed: ETF" : "");
}

static void print_network(const ufm_network *n)
{
    printf("layer  of           kind          kernel   channels x size     parameters\n");
    for (int64_t l = 0; l < n->layers; l++) print_layer(n, l);
    printf("%" PRId64 " parameters, %" PRId64 " of them trainable; d = %" PRId64 ", K = %" PRId64
           "; %.4g million products per image\n",
           n->parameters, n->trainable_parameters, n->dim, n->classes,
           1e-6 * (double)ufm_network_products(n));
}

/* One line of the shapes at the end of every stage. */
static void print_shapes(const ufm_network *n)
{
    for (int64_t l = 0; l < n->layers; l++) {
        const ufm_layer *layer = &n->layer[l];
        if (l > 0 && l + 1 < n->layers && layer[1].height == layer->height) continue;
        printf("%s%" PRId64 "x%" PRId64 "x%" PRId64, l ? " > " : "          ", layer->channels, layer->height,
               layer->width);
    }
    printf("\n");
}

ufm_status train_print_architectures(const options *opts, ufm_error *error)
{
    const ufm_architecture_info *list;
    const int64_t count = ufm_architectures(&list), given = opts->value[OPT_SIZE].integer;
    const int64_t size = given > 0 ? given : 28;
    const ufm_network_settings settings = {
        opts->value[OPT_CLASSES].given ? opts->value[OPT_CLASSES].integer : 10,
        opts->value[OPT_CHANNELS].given ? opts->value[OPT_CHANNELS].integer : 1,
        size,
        size,
        opts->value[OPT_WIDTH].real,
        opts->value[OPT_ETF].given,
        opts->value[OPT_FIX_DIM].given};
    for (int64_t i = 0; i < count; i++) {
        ufm_network *network = NULL;
        const ufm_status status = ufm_network_new(list[i].name, &settings, &network, error);
        if (status != UFM_OK) return status;
        printf("%-9s %s\n          %" PRId64 " trainable parameters, %.4g million products per image\n",
               list[i].name, list[i].summary, network->trainable_parameters,
               1e-6 * (double)ufm_network_products(network));
        print_shapes(network);
        ufm_network_free(network);
    }
    return UFM_OK;
}

/* Images per second of a few steps; nothing is kept. */
static ufm_status measure_speed(const train_run *run, double *speed, ufm_error *error)
{
    ufm_training_settings brief = run->settings;
    ufm_training *training = NULL;
    brief.steps = 3;
    brief.out = NULL;
    brief.resume = false;
    brief.measure_every = 0;
    brief.progress = NULL;
    if (brief.epochs < 3) brief.epochs = 3;
    const ufm_status status = ufm_train(run->images, NULL, &brief, &training, error);
    if (status == UFM_OK) *speed = training->images_per_second;
    ufm_training_free(training);
    return status;
}

static void print_duration(double seconds)
{
    if (seconds < 120) {
        printf("%.0f s", seconds);
    } else if (seconds < 7200) {
        printf("%.0f min", seconds / 60);
    } else {
        printf("%.1f h", seconds / 3600);
    }
}

ufm_status train_print_plan(const train_run *run, ufm_error *error)
{
    const ufm_training_settings *s = &run->settings;
    const ufm_network_settings shape = network_settings(run);
    const double count = (double)ufm_images_labels(run->images)->columns;
    const double held = run->held_out ? (double)ufm_images_labels(run->held_out)->columns : 0;
    ufm_network *network = NULL;
    ufm_status status = ufm_network_new(s->architecture, &shape, &network, error);
    if (status != UFM_OK) return status;
    print_network(network);
    const double gib = 1024.0 * 1024 * 1024, most = count > held ? count : held;
    printf("memory about %.2f GiB\n", ufm_training_memory(network, s, (int64_t)most) / gib);
    ufm_network_free(network);
    fflush(stdout);
    double speed = NAN, images = count * (double)s->epochs;
    status = measure_speed(run, &speed, error);
    if (status != UFM_OK) return status;
    if (s->steps > 0) images = fmin(images, (double)(s->steps * s->batch));
    const double epochs = ceil(images / count);
    const double passes = s->measure_every > 0 ? ceil(epochs / (double)s->measure_every) : 0;
    /* A pass forward costs about a third of a step. */
    const double seconds = (images + passes * (count + held) / 3) / speed;
    printf("%.0f images, %.0f epochs in batches of %" PRId64 ", %.0f measurements at %.3g images/s: about ",
           count, epochs, s->batch, passes, speed);
    print_duration(seconds);
    printf("\n");
    return UFM_OK;
}

static void json_evaluation(ufm_json *json, const char *key, const ufm_evaluation *e)
{
    if (!e->metrics) return;
    if (key) ufm_json_object(json, key);
    ufm_json_number(json, key ? "loss" : "train_loss", e->loss);
    ufm_json_number(json, key ? "mass" : "train_mass", e->mass);
    ufm_json_number(json, "feature_square", e->feature_square);
    json_metrics(json, e->metrics);
    if (key) ufm_json_end(json);
}

static void json_result(ufm_json *json, const train_run *run, const ufm_training *t)
{
    ufm_json_string(json, "arch", run->settings.architecture);
    ufm_json_string(json, "engine", run->settings.engine ? run->settings.engine : ufm_engines()[0]);
    ufm_json_number(json, "images_per_second", t->images_per_second);
    ufm_json_number(json, "seconds", t->seconds);
    ufm_json_integer(json, "epochs", t->epochs);
    ufm_json_integer(json, "steps", t->steps);
    ufm_json_number(json, "loss", t->loss);
    ufm_json_integer(json, "parameters", t->network->parameters);
    ufm_json_integer(json, "trainable_parameters", t->network->trainable_parameters);
    ufm_json_integer(json, "classes", t->network->classes);
    ufm_json_integer(json, "dim", t->network->dim);
    ufm_json_bool(json, "interrupted", t->interrupted);
    json_evaluation(json, NULL, &t->train);
    json_evaluation(json, "held_out", &t->held_out);
    if (!t->train.metrics) {
        ufm_json_object(json, "metrics");
        ufm_json_end(json);
    }
}

ufm_status train_print_json(const train_run *run, const ufm_training *training, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    json_result(json, run, training);
    return ufm_json_finish(json, stdout, error);
}

static void print_evaluation(const char *set, const ufm_evaluation *e)
{
    if (!e->metrics) return;
    const ufm_metrics *m = e->metrics;
    printf("  %-9s loss %.6g, softmax mass %.4f; NC1 %.3g  NC2 %.3g  NC3 %.3g", set, e->loss, e->mass, m->nc1,
           m->nc2, m->nc3);
    for (int64_t l = 0; l < m->levels; l++)
        if (m->level[l].multiplicity > 1)
            printf("  NCm(%lld) %.3g", (long long)m->level[l].multiplicity, m->level[l].ncm);
    printf("\n");
}

void train_print_text(const train_run *run, const ufm_training *t)
{
    printf("%s: %lld epochs, %lld steps, %.3g s, %.4g images/s\n", run->settings.architecture,
           (long long)t->epochs, (long long)t->steps, t->seconds, t->images_per_second);
    printf("  loss      %.10g (mean of the last epoch's batches)\n", t->loss);
    print_evaluation("train", &t->train);
    print_evaluation("held out", &t->held_out);
    if (run->settings.out) printf("  kept in   %s\n", run->settings.out);
}

static void json_date(ufm_json *json, const char *key)
{
    char text[32];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    ufm_json_string(json, key, text);
}

ufm_status train_write_manifest(const train_run *run, const ufm_training *training, ufm_error *error)
{
    char path[PATH_MAX];
    ufm_output *output = NULL;
    if (!run->settings.out) return UFM_OK;
    ufm_status status = ufm_make_directory(run->settings.out, error);
    if (status != UFM_OK) return status;
    const int length = snprintf(path, sizeof path, "%s/manifest.json", run->settings.out);
    if (length < 0 || length >= PATH_MAX)
        return ufm_fail(error, UFM_ERROR_USAGE, "the name of --out is too long; choose a shorter one");
    status = ufm_output_open(path, &output, error);
    if (status != UFM_OK) return status;
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "command", "train");
    ufm_json_string(json, "settings", run->arguments);
    ufm_json_integer(json, "seed", (int64_t)run->settings.seed);
    ufm_json_integer(json, "threads",
                     run->settings.threads ? run->settings.threads : ufm_threads_available());
    ufm_json_string(json, "version", UFM_VERSION);
    ufm_json_string(json, "revision", UFM_REVISION);
    ufm_json_string(json, "compiler", __VERSION__);
    ufm_json_string(json, "gsl", GSL_VERSION);
    json_date(json, training ? "finished" : "started");
    if (training) json_result(json, run, training);
    status = ufm_json_finish(json, ufm_output_stream(output), error);
    if (status == UFM_OK) return ufm_output_commit(output, error);
    ufm_output_abort(output);
    return status;
}
