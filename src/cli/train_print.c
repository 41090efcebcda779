/* What `ufmlab train` prints of a run, and its manifest. */
#include "train.h"
#include <gsl/gsl_version.h>
#include <limits.h>
#include <math.h>
#include <time.h>

#ifndef UFM_REVISION
#define UFM_REVISION "unknown"
#endif

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
    ufm_json_number(json, "waiting_for_images", t->waiting);
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

/* Undefined ones are left out: not every real set has every class alone, or the parts of every tag set. */
static void print_metric(const char *name, double value)
{
    if (isfinite(value)) printf("  %s %.3g", name, value);
}

static void print_evaluation(const char *set, const ufm_evaluation *e)
{
    if (!e->metrics) return;
    const ufm_metrics *m = e->metrics;
    printf("  %-9s loss %.6g, softmax mass %.4f;", set, e->loss, e->mass);
    print_metric("NC1", m->nc1);
    print_metric("NC2", m->nc2);
    print_metric("NC3", m->nc3);
    for (int64_t l = 0; l < m->levels; l++) {
        char name[32];
        snprintf(name, sizeof name, "NCm(%lld)", (long long)m->level[l].multiplicity);
        if (m->level[l].multiplicity > 1) print_metric(name, m->level[l].ncm);
    }
    printf("\n");
}

void train_print_text(const train_run *run, const ufm_training *t)
{
    printf("%s: %lld epochs, %lld steps, %.3g s", run->settings.architecture, (long long)t->epochs,
           (long long)t->steps, t->seconds);
    if (t->images_per_second > 0) printf(", %.4g images/s", t->images_per_second);
    if (t->waiting >= 0.01) printf(", %.0f %% of the time waiting for images", 100 * t->waiting);
    printf("\n");
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
