/* ufmlab bench train: images per second of training steps, and where their time goes. */
#include "bench.h"
#include <string.h>
#include <sys/resource.h>
#include <ufmlab/nets.h>

enum { REPEATS = 5, STEPS = 3, SIDE = 28, CLASSES = 10 };

static int64_t given_or(const options *opts, option_id id, int64_t otherwise)
{
    return opts->value[id].given && opts->value[id].integer > 0 ? opts->value[id].integer : otherwise;
}

static bool go_on(void *context)
{
    (void)context;
    return !interrupted();
}

static ufm_status read_speed(const options *opts, ufm_speed_settings *s, ufm_error *error)
{
    const char *precision = opts->value[OPT_PRECISION].text;
    const int64_t side = given_or(opts, OPT_SIZE, SIDE);
    *s = (ufm_speed_settings){.architecture = opts->value[OPT_ARCH].text,
                              .engine = opts->value[OPT_ENGINE].text,
                              .network = {.classes = given_or(opts, OPT_CLASSES, CLASSES),
                                          .channels = given_or(opts, OPT_CHANNELS, 1),
                                          .height = side,
                                          .width = side,
                                          .multiplier = opts->value[OPT_WIDTH].real,
                                          .etf = opts->value[OPT_ETF].given,
                                          .fix_dim = opts->value[OPT_FIX_DIM].given},
                              .threads = (int)opts->value[OPT_THREADS].integer,
                              .trial = true,
                              .batch = opts->value[OPT_BATCH].integer,
                              .steps = given_or(opts, OPT_STEPS, STEPS),
                              .repeats = REPEATS,
                              .seed = (uint64_t)opts->value[OPT_SEED].integer,
                              .go_on = go_on};
    const bool bf16 = strcmp(precision, "bf16") == 0;
    if (!bf16 && strcmp(precision, "f32") != 0)
        return ufm_fail(error, UFM_ERROR_USAGE, "'%.40s' is neither f32 nor bf16", precision);
    s->precision = bf16 && ufm_bf16_pays() ? UFM_PRECISION_BF16 : UFM_PRECISION_F32;
    return UFM_OK;
}

static double peak_mib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

/* Two operations a product. */
static double operations(const ufm_speed *speed)
{
    return 2 * speed->products * speed->median;
}

static const char *precision_text(const ufm_speed_settings *s)
{
    return s->precision == UFM_PRECISION_BF16 ? "bf16" : "f32";
}

static ufm_status print_json(const ufm_speed_settings *s, const ufm_speed *speed, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "precision", precision_text(s));
    ufm_json_number(json, "images_per_second", speed->highest);
    ufm_json_number(json, "median", speed->median);
    ufm_json_number(json, "lowest", speed->lowest);
    ufm_json_number(json, "flops_per_second", operations(speed));
    ufm_json_number(json, "peak_mib", peak_mib());
    ufm_json_integer(json, "products", speed->products_timed);
    ufm_json_integer(json, "products_by_onednn", speed->products_onednn);
    ufm_json_object(json, "share");
    for (int p = 0; p < UFM_PARTS; p++) ufm_json_number(json, ufm_part_text((ufm_part)p), speed->share[p]);
    ufm_json_end(json);
    return ufm_json_finish(json, stdout, error);
}

static void print_text(const ufm_speed_settings *s, const ufm_speed *speed, const char *asked)
{
    printf("%s, width %g, %lld x %lld pixels, batch %lld, %s%s\n", s->architecture, s->network.multiplier,
           (long long)s->network.height, (long long)s->network.width, (long long)s->batch, precision_text(s),
           strcmp(asked, precision_text(s)) == 0 ? ""
                                                 : " in place of bf16, for which there are no matrix units");
    printf("  images/s   %.4g (median of %lld; %.4g to %.4g)\n", speed->median, (long long)s->repeats,
           speed->lowest, speed->highest);
    printf("  products   %.3g TFLOP/s over the whole step\n", 1e-12 * operations(speed));
    printf("  routes     %d of %d products by oneDNN\n", speed->products_onednn, speed->products_timed);
    printf("  memory     %.0f MiB at most\n", peak_mib());
    for (int p = 0; p < UFM_PARTS; p++)
        printf("  %5.1f %%    %s\n", 100 * speed->share[p], ufm_part_text((ufm_part)p));
}

int bench_train(const options *opts)
{
    ufm_error error = {{0}};
    ufm_speed_settings settings;
    ufm_speed speed;
    interrupt_install();
    ufm_status status = read_speed(opts, &settings, &error);
    if (status == UFM_OK) status = ufm_training_speed(&settings, &speed, &error);
    if (status == UFM_OK && opts->value[OPT_JSON].given)
        status = print_json(&settings, &speed, &error);
    else if (status == UFM_OK)
        print_text(&settings, &speed, opts->value[OPT_PRECISION].text);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
