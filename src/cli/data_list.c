/* ufmlab data list. */
#include "data.h"

static void size_text(int64_t bytes, char *text, size_t size)
{
    const double mega = (double)bytes / 1e6;
    snprintf(text, size, mega >= 1000 ? "%.3g GB" : "%.3g MB", mega >= 1000 ? mega / 1000 : mega);
}

static const char *where(const ufm_data_entry *entry)
{
    if (entry->training_here) return entry->directory;
    return entry->test_here ? "only the test half" : "not here";
}

static void json_entry(ufm_json *json, const ufm_data_entry *entry)
{
    ufm_json_object(json, NULL);
    ufm_json_string(json, "name", entry->name);
    ufm_json_string(json, "title", entry->title);
    ufm_json_integer(json, "classes", entry->classes);
    ufm_json_integer(json, "training", entry->training);
    ufm_json_integer(json, "test", entry->test);
    ufm_json_string(json, "images", entry->image_size);
    ufm_json_integer(json, "download", entry->download);
    ufm_json_string(json, "licence", entry->licence);
    ufm_json_string(json, "source", entry->home_page);
    ufm_json_bool(json, "checksums", entry->checked);
    ufm_json_bool(json, "training_here", entry->training_here);
    ufm_json_bool(json, "test_here", entry->test_here);
    ufm_json_string(json, "directory", entry->directory);
    ufm_json_end(json);
}

int data_list(const options *opts)
{
    ufm_error error = {{0}};
    ufm_status status = UFM_OK;
    ufm_data_entry entry;
    ufm_json *json = opts->value[OPT_JSON].given ? ufm_json_new() : NULL;
    if (json) ufm_json_list(json, "sets");
    if (!opts->value[OPT_JSON].given)
        printf("%-8s %8s %8s %4s %-21s %8s  %s\n", "name", "training", "test", "K", "images", "download",
               "where");
    for (int i = 0; i < ufm_data_entries(); i++) {
        char size[32];
        ufm_data_describe(i, opts->value[OPT_DATA_DIR].text, &entry);
        size_text(entry.download, size, sizeof size);
        if (opts->value[OPT_JSON].given) {
            json_entry(json, &entry);
            continue;
        }
        printf("%-8s %8lld %8lld %4lld %-21s %8s  %s\n", entry.name, (long long)entry.training,
               (long long)entry.test, (long long)entry.classes, entry.image_size, size, where(&entry));
        printf("         %s; licence: %s; %s%s\n", entry.title, entry.licence, entry.home_page,
               entry.checked ? "" : "; not checked, no checksum is known");
    }
    if (opts->value[OPT_JSON].given)
        status = ufm_json_finish(json, stdout, &error);
    else
        printf("\nmlab-mnist, mlab-fashion and mlab-cifar10 are built of mnist, fashion and cifar10: ufmlab "
               "data make.\n");
    return status == UFM_OK ? finish_output(EXIT_DONE) : report_failure(status, &error);
}
