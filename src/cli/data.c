/* ufmlab data: sets of images, one function per word. */
#include "data.h"
#include <string.h>

static const struct {
    const char *name;
    int (*run)(const options *opts);
} words[] = {{"list", data_list}, {"fetch", data_fetch}, {"make", data_make}, {"info", data_info}};
enum { WORDS = sizeof words / sizeof words[0] };

ufm_status read_data_settings(const options *opts, ufm_data_settings *settings, ufm_error *error)
{
    const bool published = opts->value[OPT_PUBLISHED].given, corrected = opts->value[OPT_CORRECTED].given;
    if (published && corrected)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "--published and --corrected contradict each other; give one");
    if (opts->value[OPT_SAMPLES].given && opts->value[OPT_COUNTS].given)
        return ufm_fail(error, UFM_ERROR_USAGE, "--samples and --counts contradict each other; give one");
    *settings = (ufm_data_settings){
        .data_dir = opts->value[OPT_DATA_DIR].text,
        .test = opts->value[OPT_TEST].given,
        .samples = opts->value[OPT_SAMPLES].text,
        .counts = opts->value[OPT_COUNTS].text,
        .rule = published   ? UFM_DATA_RULE_PUBLISHED
                : corrected ? UFM_DATA_RULE_CORRECTED
                            : UFM_DATA_RULE_ANY,
        .pool = opts->value[OPT_POOL].given,
        .seed = (uint64_t)opts->value[OPT_SEED].integer,
        .picture = {.size = opts->value[OPT_SIZE].integer},
        .classes = opts->value[OPT_CLASSES].given ? opts->value[OPT_CLASSES].integer : 0,
        .tags_most = opts->value[OPT_MOST_TAGS].integer,
    };
    return ufm_fit_parse(opts->value[OPT_FIT].text, &settings->picture.fit, error);
}

ufm_status open_images(const options *opts, const char *name, const ufm_data_settings *settings,
                       ufm_images **images, ufm_data_origin *origin, ufm_error *error)
{
    progress_line line = progress_begin(opts);
    const ufm_read_settings reading = {.progress = progress_step, .context = &line};
    ufm_data_settings followed = *settings;
    followed.reading = &reading;
    interrupt_install();
    const ufm_status status = ufm_images_open(name, &followed, images, origin, error);
    progress_end(&line);
    return status;
}

static int run(const options *opts)
{
    ufm_error error;
    for (int w = 0; w < WORDS; w++) {
        if (strcmp(opts->operand[0], words[w].name) != 0) continue;
        const bool named = words[w].run == data_fetch || words[w].run == data_info;
        if (opts->operands == 1 + named) return words[w].run(opts);
        ufm_fail(&error, UFM_ERROR_USAGE,
                 named ? "data %s: give the NAME of one set" : "data %s: takes no name", words[w].name);
        return report_failure(UFM_ERROR_USAGE, &error);
    }
    ufm_fail(&error, UFM_ERROR_USAGE,
             "unknown word '%.40s'; data list, fetch NAME, make and info NAME are there", opts->operand[0]);
    return report_failure(UFM_ERROR_USAGE, &error);
}

const command command_data_sets = {
    "data",
    "data list | fetch NAME | make --set NAME --out FILE.h5 | info NAME [--out DIR] [options]",
    "List, download, build and describe sets of images.\n"
    "A NAME is mlab-mnist, mlab-fashion, mlab-cifar10, mnist, fashion, cifar10,\n"
    "svhn, coco, synthetic, a file of data make, one file as published (IDX,\n"
    "CIFAR-10 .bin, SVHN .mat, COCO .json), or a directory with labels.csv;\n"
    "info also takes label files (.csv, .arff, .json). info --out draws examples.",
    GROUP_INSTANCE | GROUP_DATA | GROUP_REPORT | GROUP_COMMON,
    1,
    run,
    1};
