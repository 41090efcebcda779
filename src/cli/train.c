/* ufmlab train: networks, measured while they train. */
#include "train.h"
#include <math.h>
#include <string.h>

/* "NC1 .. NC2 .. NC3 .. NCm" of the latest measurement. */
static void describe_metrics(const ufm_metrics *m, char *text, size_t size)
{
    text[0] = '\0';
    if (!m) return;
    int used = snprintf(text, size, "  NC1 %.2g NC2 %.2g NC3 %.2g", m->nc1, m->nc2, m->nc3);
    for (int64_t l = 0; l < m->levels && used > 0 && (size_t)used < size; l++)
        if (m->level[l].multiplicity > 1)
            used += snprintf(text + used, size - (size_t)used, " NCm(%lld) %.2g",
                             (long long)m->level[l].multiplicity, m->level[l].ncm);
}

static bool draw(void *context, const ufm_training_progress *now)
{
    char metrics[120];
    describe_metrics(now->metrics, metrics, sizeof metrics);
    const double fraction = (double)now->step / (double)now->steps;
    if (now->measuring) {
        progress_draw(context, fraction, "epoch %lld/%lld  measuring, %.0f %%", (long long)now->epoch,
                      (long long)now->epochs, 100 * now->fraction);
    } else {
        progress_draw(context, fraction, "epoch %lld/%lld  loss %.4f  %.4g images/s%s", (long long)now->epoch,
                      (long long)now->epochs, now->loss, now->images_per_second, metrics);
    }
    return !interrupted();
}

static int train(const options *opts, train_run *run)
{
    ufm_error error = {{0}};
    ufm_training *training = NULL;
    progress_line line = progress_begin(opts);
    run->settings.progress = draw;
    run->settings.context = &line;
    interrupt_install();
    ufm_status status = train_write_manifest(run, NULL, &error);
    if (status == UFM_OK) status = ufm_train(run->images, run->held_out, &run->settings, &training, &error);
    progress_end(&line);
    if (status == UFM_OK) status = train_write_manifest(run, training, &error);
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

const command command_train = {"train",
                               "train --data NAME|FILE.h5 [options]",
                               "Train a network of the paper and measure the collapse of its features.\n"
                               "With --out DIR keeps metrics.csv, checkpoint.h5 and features.h5 there;\n"
                               "--resume DIR goes on to bitwise the same weights.",
                               GROUP_SOURCE | GROUP_DATA | GROUP_INSTANCE | GROUP_OBJECTIVE | GROUP_TRAIN |
                                   GROUP_REPORT | GROUP_COMMON,
                               0,
                               run,
                               0};
