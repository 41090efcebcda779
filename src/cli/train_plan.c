/* What `ufmlab train` says before a run: --arch help and --dry-run. */
#include "train.h"
#include <inttypes.h>
#include <math.h>

static ufm_network_settings network_settings(const train_run *run)
{
    const ufm_image_shape shape = ufm_samples_shape(&run->samples);
    return (ufm_network_settings){ufm_samples_labels(&run->samples)->classes,
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

/* One line of the shapes at the end of every stage: where the size changes, and what linear layers see. */
static void print_shapes(const ufm_network *n)
{
    for (int64_t l = 0; l < n->layers; l++) {
        const ufm_layer *layer = &n->layer[l];
        const bool inside = l + 1 < n->layers && layer[1].height == layer->height;
        if (l > 0 && inside && layer->kind != UFM_LAYER_LINEAR && layer->kind != UFM_LAYER_AVERAGE_POOL)
            continue;
        printf("%s%" PRId64 "x%" PRId64 "x%" PRId64, l ? " > " : "          ", layer->channels, layer->height,
               layer->width);
    }
    printf("\n");
}

static void json_network(ufm_json *json, const ufm_network *n)
{
    ufm_json_integer(json, "parameters", n->parameters);
    ufm_json_integer(json, "trainable_parameters", n->trainable_parameters);
    ufm_json_integer(json, "classes", n->classes);
    ufm_json_integer(json, "dim", n->dim);
    ufm_json_integer(json, "products_per_image", ufm_network_products(n));
    ufm_json_list(json, "layers");
    for (int64_t l = 0; l < n->layers; l++) {
        const ufm_layer *layer = &n->layer[l];
        ufm_json_object(json, NULL);
        ufm_json_string(json, "kind", ufm_layer_kind_text(layer->kind));
        ufm_json_list(json, "shape");
        ufm_json_integer(json, NULL, layer->channels);
        ufm_json_integer(json, NULL, layer->height);
        ufm_json_integer(json, NULL, layer->width);
        ufm_json_end(json);
        ufm_json_integer(json, "parameters", layer->weight_count + layer->bias_count);
        ufm_json_end(json);
    }
    ufm_json_end(json);
}

static void print_architecture(const ufm_architecture_info *info, const ufm_network *network)
{
    printf("%-9s %s\n          %" PRId64 " trainable parameters, %.4g million products per image\n",
           info->name, info->summary, network->trainable_parameters,
           1e-6 * (double)ufm_network_products(network));
    print_shapes(network);
}

ufm_status train_print_architectures(const options *opts, ufm_error *error)
{
    const option_value *v = opts->value;
    const ufm_architecture_info *list;
    const int64_t count = ufm_architectures(&list), given = v[OPT_SIZE].integer;
    const int64_t size = given > 0 ? given : 28;
    const ufm_network_settings settings = {v[OPT_CLASSES].given ? v[OPT_CLASSES].integer : 10,
                                           v[OPT_CHANNELS].given ? v[OPT_CHANNELS].integer : 1,
                                           size,
                                           size,
                                           v[OPT_WIDTH].real,
                                           v[OPT_ETF].given,
                                           v[OPT_FIX_DIM].given};
    ufm_json *json = v[OPT_JSON].given ? ufm_json_new() : NULL;
    ufm_status status = UFM_OK;
    for (int64_t i = 0; i < count && status == UFM_OK; i++) {
        ufm_network *network = NULL;
        status = ufm_network_new(list[i].name, &settings, &network, error);
        if (status == UFM_OK && v[OPT_JSON].given) {
            ufm_json_object(json, list[i].name);
            json_network(json, network);
            ufm_json_end(json);
        } else if (status == UFM_OK) {
            print_architecture(&list[i], network);
        }
        ufm_network_free(network);
    }
    if (status == UFM_OK && v[OPT_JSON].given) return ufm_json_finish(json, stdout, error);
    ufm_json_free(json);
    return status;
}

/* ---- The time of a run, from a few of its steps ---- */

typedef struct {
    progress_line line;
    double began;
} stopwatch;

/* One step on the clock is enough of slow ones (the first is not on it); a second of fast ones. */
static bool time_steps(void *context, const ufm_training_progress *now)
{
    stopwatch *watch = context;
    progress_draw(&watch->line, 0.5 * (double)now->step, "timing a step");
    return now->step < 2 || (ufm_seconds() - watch->began < 1 && !interrupted());
}

/* Samples per second; nothing is kept. */
static ufm_status measure_speed(const train_run *run, double *speed, ufm_error *error)
{
    ufm_training_settings brief = run->settings;
    ufm_training *training = NULL;
    stopwatch watch = {progress_begin(&run->opts), ufm_seconds()};
    brief.steps = 1000;
    brief.out = NULL;
    brief.resume = false;
    brief.measure_every = 0;
    brief.progress = time_steps;
    brief.context = &watch;
    if (brief.epochs < brief.steps) brief.epochs = brief.steps;
    const ufm_status status = ufm_train(&run->samples, NULL, &brief, &training, error);
    if (status == UFM_OK) *speed = training->images_per_second;
    progress_end(&watch.line);
    ufm_training_free(training);
    return status;
}

typedef struct {
    double samples, epochs, steps, measurements; /* of the whole run; samples: of one epoch */
    double memory, speed, seconds;               /* bytes, samples per second */
} plan;

static ufm_status make_plan(const train_run *run, const ufm_network *network, plan *p, ufm_error *error)
{
    const ufm_training_settings *s = &run->settings;
    const double count = (double)ufm_samples_labels(&run->samples)->columns;
    const double held = train_held_out(run) ? (double)ufm_samples_labels(&run->held_out)->columns : 0;
    const double batches = ceil(count / (double)s->batch), all = batches * (double)s->epochs;
    p->samples = count;
    p->steps = s->steps > 0 ? fmin(all, (double)s->steps) : all;
    p->epochs = ceil(p->steps / batches);
    p->measurements = s->measure_every > 0 ? ceil(p->epochs / (double)s->measure_every) : 0;
    p->memory = ufm_training_memory(network, s, (int64_t)fmax(count, held));
    const ufm_status status = measure_speed(run, &p->speed, error);
    /* A pass forward costs about a third of a step. */
    p->seconds = (p->steps / batches * count + p->measurements * (count + held) / 3) / p->speed;
    return status;
}

static ufm_status print_plan_json(const train_run *run, const ufm_network *network, const plan *p,
                                  ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "arch", run->settings.architecture);
    json_network(json, network);
    ufm_json_number(json, "memory_bytes", p->memory);
    ufm_json_number(json, "samples_total", p->samples);
    ufm_json_number(json, "epochs", p->epochs);
    ufm_json_number(json, "steps", p->steps);
    ufm_json_number(json, "measurements", p->measurements);
    ufm_json_number(json, "images_per_second", p->speed);
    ufm_json_number(json, "seconds", p->seconds);
    return ufm_json_finish(json, stdout, error);
}

static void print_plan(const train_run *run, const plan *p)
{
    printf("%.0f samples, %.0f epochs in batches of %" PRId64 ", %.0f measurements at %.3g samples/s: about ",
           p->samples, p->epochs, run->settings.batch, p->measurements, p->speed);
    if (p->seconds < 120) {
        printf("%.0f s\n", p->seconds);
    } else if (p->seconds < 7200) {
        printf("%.0f min\n", p->seconds / 60);
    } else {
        printf("%.1f h\n", p->seconds / 3600);
    }
}

ufm_status train_print_plan(const train_run *run, ufm_error *error)
{
    const bool as_json = run->opts.value[OPT_JSON].given;
    const ufm_network_settings shape = network_settings(run);
    const double gib = 1024.0 * 1024 * 1024;
    ufm_network *network = NULL;
    plan p = {0};
    ufm_status status = ufm_network_new(run->settings.architecture, &shape, &network, error);
    if (status == UFM_OK && !as_json) {
        print_network(network);
        fflush(stdout); /* the steps on the clock may take a while */
    }
    if (status == UFM_OK) status = make_plan(run, network, &p, error);
    if (status == UFM_OK && as_json) {
        status = print_plan_json(run, network, &p, error);
    } else if (status == UFM_OK) {
        printf("memory about %.2f GiB\n", p.memory / gib);
        print_plan(run, &p);
    }
    ufm_network_free(network);
    return status;
}
