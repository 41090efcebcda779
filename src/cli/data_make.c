/* ufmlab data make: a set of images into an HDF5 file. */
#include "data.h"
#include <stdlib.h>

static bool draw(void *context, double fraction, const char *what)
{
    progress_draw(context, fraction, "%s", what);
    return !interrupted();
}

/* How the set was made, as JSON text in memory from ufm_alloc. */
static ufm_status write_manifest(const options *opts, const ufm_data_settings *settings,
                                 const ufm_images *images, const char *origin, char **text, size_t *size,
                                 ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_string(json, "command", "data make");
    ufm_json_string(json, "version", UFM_VERSION);
    ufm_json_string(json, "set", opts->value[OPT_SET].text);
    ufm_json_string(json, "origin", origin);
    ufm_json_integer(json, "seed", opts->value[OPT_SEED].integer);
    ufm_json_bool(json, "test", settings->test);
    ufm_json_bool(json, "pool", settings->pool);
    if (settings->samples) ufm_json_string(json, "requested_samples", settings->samples);
    if (settings->counts) ufm_json_string(json, "requested_counts", settings->counts);
    json_images(json, ufm_images_labels(images), images);
    FILE *stream = open_memstream(text, size);
    if (!stream) {
        ufm_json_free(json);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the manifest");
    }
    const ufm_status status = ufm_json_finish(json, stream, error);
    return fclose(stream) == 0 || status != UFM_OK
               ? status
               : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the manifest");
}

static ufm_status make(const options *opts, const ufm_data_settings *settings, ufm_images **images,
                       ufm_data_origin *origin, ufm_error *error)
{
    char *manifest = NULL;
    size_t size = 0;
    ufm_status status = ufm_output_check(opts->value[OPT_OUT].text, error);
    if (status == UFM_OK)
        status = ufm_images_open(opts->value[OPT_SET].text, settings, images, origin, error);
    if (status == UFM_OK) {
        say(opts, "%s", origin->text);
        status = write_manifest(opts, settings, *images, origin->text, &manifest, &size, error);
    }
    if (status == UFM_OK) {
        progress_line line = progress_begin(opts);
        interrupt_install();
        status = ufm_images_save(*images, manifest, opts->value[OPT_OUT].text, draw, &line, error);
        progress_end(&line);
    }
    free(manifest);
    return status;
}

int data_make(const options *opts)
{
    ufm_error error = {{0}};
    ufm_data_settings settings;
    ufm_images *images = NULL;
    ufm_data_origin origin = {{0}};
    ufm_status status = read_data_settings(opts, &settings, &error);
    if (status == UFM_OK && (!opts->value[OPT_SET].given || !opts->value[OPT_OUT].given))
        status = ufm_fail(&error, UFM_ERROR_USAGE, "data make: give --set NAME and --out FILE.h5");
    if (status == UFM_OK) status = make(opts, &settings, &images, &origin, &error);
    if (status == UFM_OK && opts->value[OPT_JSON].given) {
        ufm_json *json = ufm_json_new();
        ufm_json_string(json, "file", opts->value[OPT_OUT].text);
        ufm_json_string(json, "origin", origin.text);
        json_images(json, ufm_images_labels(images), images);
        status = ufm_json_finish(json, stdout, &error);
    } else if (status == UFM_OK) {
        const ufm_image_shape shape = ufm_images_shape(images);
        printf("%s: %lld images of %lld x %lld x %lld\n", opts->value[OPT_OUT].text,
               (long long)ufm_images_labels(images)->columns, (long long)shape.channels,
               (long long)shape.height, (long long)shape.width);
    }
    ufm_images_free(images);
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
