/* ufmlab data fetch. */
#include "data.h"

static bool draw(void *context, double fraction, const char *what)
{
    progress_draw(context, fraction, "%s", what);
    return !interrupted();
}

int data_fetch(const options *opts)
{
    ufm_error error = {{0}};
    ufm_data_origin origin = {{0}};
    progress_line line = progress_begin(opts);
    const ufm_fetch_settings settings = {.data_dir = opts->value[OPT_DATA_DIR].text,
                                         .from = opts->value[OPT_FROM_DIR].text,
                                         .mirror = opts->value[OPT_MIRROR].text,
                                         .progress = draw,
                                         .context = &line};
    interrupt_install();
    ufm_status status = ufm_data_fetch(opts->operand[1], &settings, &origin, &error);
    progress_end(&line);
    if (status == UFM_OK && opts->value[OPT_JSON].given) {
        ufm_json *json = ufm_json_new();
        ufm_json_string(json, "set", opts->operand[1]);
        ufm_json_string(json, "result", origin.text);
        status = ufm_json_finish(json, stdout, &error);
    } else if (status == UFM_OK) {
        printf("%s\n", origin.text);
    }
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
