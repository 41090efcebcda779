/* ufmlab verify: the theory's claims on a set of instances. */
#include "cli.h"
#include <stdlib.h>
#include <ufmlab/verify.h>
#include <unistd.h>

static bool draw(void *context, double fraction, const char *what)
{
    progress_draw(context, fraction, "%s", what);
    return !interrupted();
}

static int run(const options *opts)
{
    ufm_error error = {{0}};
    progress_line line = progress_begin(opts);
    const char *out = opts->value[OPT_OUT].text;
    const char *data = opts->value[OPT_DATA].given ? opts->value[OPT_DATA].text : getenv("UFMLAB_DATA");
    const ufm_verify_settings settings = {.data = data,
                                          .only = opts->value[OPT_ONLY].text,
                                          .out = out,
                                          .threads = (int)opts->value[OPT_THREADS].integer,
                                          .seed = (uint64_t)opts->value[OPT_SEED].integer,
                                          .progress = draw,
                                          .context = &line};
    ufm_verification *verification = NULL;
    interrupt_install();
    ufm_status status = out ? ufm_make_directory(out, &error) : UFM_OK;
    if (status == UFM_OK) status = ufm_verify(&settings, &verification, &error);
    progress_end(&line);
    if (status != UFM_OK) return report_failure(status, &error);
    if (opts->value[OPT_JSON].given) {
        status = ufm_verification_write_json(verification, stdout, &error);
    } else {
        ufm_verification_print(verification, stdout, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"));
        if (out) printf("Report with figures: %s/index.html\n", out);
    }
    const int code = verification->unexpected == 0 ? EXIT_DONE : EXIT_FAILED;
    ufm_verification_free(verification);
    return status == UFM_OK ? finish_output(code) : report_failure(status, &error);
}

const command command_verify = {
    "verify",
    "verify [--out DIR] [--data DIR] [options]",
    "Check Theorem 1 claim by claim on many instances, negative controls included.",
    GROUP_VERIFY | GROUP_SOURCE | GROUP_REPORT | GROUP_COMMON,
    0,
    run,
    0};
