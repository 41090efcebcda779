/* ufmlab train: networks, measured while they train. */
#include "train.h"
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char text[120];
    int used;
} short_text;

static void add_metric(short_text *to, const char *name, double value)
{
    const int room = (int)sizeof to->text - to->used;
    if (!isfinite(value) || room < 24) return;
    to->used += snprintf(to->text + to->used, (size_t)room, " %s %.2g", name, value);
}

/* What is defined of the latest measurement: NC1, NC2, NC3, NCm. */
static short_text describe_metrics(const ufm_metrics *m)
{
    short_text text = {{0}, 0};
    if (!m) return text;
    add_metric(&text, "NC1", m->nc1);
    add_metric(&text, "NC2", m->nc2);
    add_metric(&text, "NC3", m->nc3);
    for (int64_t l = 0; l < m->levels; l++) {
        char name[32];
        snprintf(name, sizeof name, "NCm(%lld)", (long long)m->level[l].multiplicity);
        if (m->level[l].multiplicity > 1) add_metric(&text, name, m->level[l].ncm);
    }
    return text;
}

static bool draw(void *context, const ufm_training_progress *now)
{
    const double fraction = (double)now->step / (double)now->steps;
    const long long epoch = now->epoch, epochs = now->epochs;
    char speed[32] = ""; /* unknown before the second step */
    if (isfinite(now->images_per_second))
        snprintf(speed, sizeof speed, " %.3g images/s", now->images_per_second);
    if (now->measuring) {
        progress_draw(context, fraction, "epoch %lld/%lld measuring, %.0f %%", epoch, epochs,
                      100 * now->fraction);
    } else {
        progress_draw(context, fraction, "epoch %lld/%lld loss %.4g%s%s", epoch, epochs, now->loss, speed,
                      describe_metrics(now->metrics).text);
    }
    return !interrupted();
}

/* A run that is there already and might be meant. */
static void warn_of_another(const train_run *run)
{
    char path[PATH_MAX];
    const char *out = run->settings.out;
    if (!out || run->settings.resume) return;
    const int length = snprintf(path, sizeof path, "%s/checkpoint.h5", out);
    if (length > 0 && length < PATH_MAX && access(path, F_OK) == 0)
        say(&run->opts, "%s holds a checkpoint, which this run replaces; --resume would go on with that one",
            out);
}

static int train(const options *opts, train_run *run)
{
    ufm_error error = {{0}};
    ufm_training *training = NULL;
    progress_line line = progress_begin(opts);
    run->settings.progress = draw;
    run->settings.context = &line;
    interrupt_install();
    warn_of_another(run);
    ufm_status status = train_write_manifest(run, NULL, &error);
    if (status == UFM_OK)
        status = ufm_train(&run->samples, train_held_out(run), &run->settings, &training, &error);
    progress_end(&line);
    if (status == UFM_OK) status = train_write_manifest(run, training, &error);
    if (status == UFM_OK && training->epochs > 0) train_draw(run);
    if (status == UFM_OK && opts->value[OPT_JSON].given) {
        status = train_print_json(run, training, &error);
    } else if (status == UFM_OK) {
        train_print_text(run, training);
    }
    const bool stopped = training && training->interrupted;
    if (stopped) {
        const char *out = run->settings.out;
        fprintf(stderr, "ufmlab: interrupted after %lld steps; %s%s%s\n", (long long)training->steps,
                out ? "ufmlab train --resume '" : "--out DIR would have kept them", out ? out : "",
                out ? "' goes on" : "");
    }
    ufm_training_free(training);
    return status == UFM_OK ? finish_output(stopped ? EXIT_FAILED : EXIT_DONE)
                            : report_failure(status, &error);
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    train_run run = {0};
    if (strcmp(opts->value[OPT_ARCH].text, "help") == 0) {
        const ufm_status status = train_print_architectures(opts, &error);
        return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
    }
    ufm_status status = train_read(&command_train, opts, &run, &error);
    int code = EXIT_DONE;
    if (status == UFM_OK && opts->value[OPT_DRY_RUN].given) {
        status = train_print_plan(&run, &error);
        code = finish_output(EXIT_DONE);
    } else if (status == UFM_OK) {
        code = train(opts, &run);
    }
    train_run_clear(&run);
    return status == UFM_OK ? code : report_failure(status, &error);
}

const command command_train = {
    "train",
    "train --data NAME|FILE.h5|FILE.arff [options]",
    "Train a network of the paper and measure the collapse of its features.\n"
    "With --out DIR keeps metrics.csv, checkpoint.h5 and features.h5 there;\n"
    "--resume DIR goes on to bitwise the same weights. Ctrl-C saves and exits with "
    "1.",
    GROUP_SOURCE | GROUP_DATA | GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_TRAIN | GROUP_REPORT | GROUP_COMMON,
    0,
    run,
    0};
