/* JSON text over yajl's generator, kept in memory until it is complete. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <yajl/yajl_gen.h>

enum { DEPTH_MAX = 64 };

struct ufm_json {
    yajl_gen generator;
    char *text;
    int64_t used, capacity;
    bool out_of_memory, misused;
    bool is_list[DEPTH_MAX];
    int depth;
};

static void append(void *context, const char *text, size_t length)
{
    ufm_json *json = context;
    if (json->out_of_memory) return;
    if (ufm_grow((void **)&json->text, &json->capacity, json->used + (int64_t)length, 1) != UFM_OK) {
        json->out_of_memory = true;
        return;
    }
    memcpy(json->text + json->used, text, length);
    json->used += (int64_t)length;
}

static void check(ufm_json *json, yajl_gen_status status)
{
    if (status != yajl_gen_status_ok) json->misused = true;
}

static void open_level(ufm_json *json, bool list)
{
    if (json->depth == DEPTH_MAX) {
        json->misused = true;
        return;
    }
    check(json, list ? yajl_gen_array_open(json->generator) : yajl_gen_map_open(json->generator));
    json->is_list[json->depth++] = list;
}

ufm_json *ufm_json_new(void)
{
    ufm_json *json = ufm_alloc(1, sizeof *json);
    if (!json) return NULL;
    json->generator = yajl_gen_alloc(NULL);
    if (!json->generator) {
        ufm_free(json);
        return NULL;
    }
    yajl_gen_config(json->generator, yajl_gen_beautify, 1);
    yajl_gen_config(json->generator, yajl_gen_indent_string, "  ");
    yajl_gen_config(json->generator, yajl_gen_print_callback, append, json);
    open_level(json, false);
    return json;
}

void ufm_json_free(ufm_json *json)
{
    if (!json) return;
    yajl_gen_free(json->generator);
    ufm_free(json->text);
    ufm_free(json);
}

/* File names may hold any bytes, a JSON text may not. */
static void emit_string(ufm_json *json, const char *value)
{
    char *clean = ufm_strdup(value);
    if (!clean) {
        json->out_of_memory = true;
        check(json, yajl_gen_string(json->generator, (const unsigned char *)"", 0));
        return;
    }
    unsigned char *bytes = (unsigned char *)clean;
    const size_t size = strlen(clean);
    for (size_t i = 0; i < size;) {
        const size_t length = ufm_utf8_length(bytes + i, size - i);
        if (length == 0) bytes[i] = '?';
        i += length == 0 ? 1 : length;
    }
    check(json, yajl_gen_string(json->generator, bytes, size));
    ufm_free(clean);
}

static void emit_key(ufm_json *json, const char *key)
{
    const bool in_list = json->depth > 0 && json->is_list[json->depth - 1];
    if (json->depth == 0 || in_list != (key == NULL)) json->misused = true;
    if (key && !json->misused) emit_string(json, key);
}

void ufm_json_object(ufm_json *json, const char *key)
{
    if (!json) return;
    emit_key(json, key);
    open_level(json, false);
}

void ufm_json_list(ufm_json *json, const char *key)
{
    if (!json) return;
    emit_key(json, key);
    open_level(json, true);
}

void ufm_json_end(ufm_json *json)
{
    if (!json) return;
    if (json->depth == 0) {
        json->misused = true;
        return;
    }
    const bool list = json->is_list[--json->depth];
    check(json, list ? yajl_gen_array_close(json->generator) : yajl_gen_map_close(json->generator));
}

void ufm_json_number(ufm_json *json, const char *key, double value)
{
    if (!json) return;
    emit_key(json, key);
    if (!isfinite(value)) {
        check(json, yajl_gen_null(json->generator));
        return;
    }
    char spelled[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(spelled, sizeof spelled, "%.*g", digits, value);
        const double back = strtod(spelled, NULL);
        if (memcmp(&back, &value, sizeof back) == 0) break;
    }
    /* The locale of the calling program may have another decimal point. */
    char *point = spelled + strspn(spelled, "-0123456789");
    if (*point && *point != 'e') *point = '.';
    check(json, yajl_gen_number(json->generator, spelled, strlen(spelled)));
}

void ufm_json_integer(ufm_json *json, const char *key, int64_t value)
{
    if (!json) return;
    emit_key(json, key);
    check(json, yajl_gen_integer(json->generator, value));
}

static const char *skip_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

static bool is_json_number(const char *text)
{
    if (*text == '-') text++;
    const char *end = *text == '0' ? text + 1 : skip_digits(text);
    if (end == text) return false;
    if (*end == '.') {
        text = end + 1;
        end = skip_digits(text);
        if (end == text) return false;
    }
    if (*end == 'e' || *end == 'E') {
        text = end + 1;
        if (*text == '+' || *text == '-') text++;
        end = skip_digits(text);
        if (end == text) return false;
    }
    return *end == '\0';
}

void ufm_json_literal(ufm_json *json, const char *key, const char *number)
{
    if (!json) return;
    emit_key(json, key);
    if (is_json_number(number))
        check(json, yajl_gen_number(json->generator, number, strlen(number)));
    else
        check(json, yajl_gen_null(json->generator));
}

void ufm_json_string(ufm_json *json, const char *key, const char *value)
{
    if (!json) return;
    emit_key(json, key);
    emit_string(json, value);
}

void ufm_json_bool(ufm_json *json, const char *key, bool value)
{
    if (!json) return;
    emit_key(json, key);
    check(json, yajl_gen_bool(json->generator, value));
}

ufm_status ufm_json_write(ufm_json *json, FILE *stream, ufm_error *error)
{
    while (json->depth > 0) ufm_json_end(json);
    if (json->out_of_memory) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the JSON text");
    if (json->misused)
        return ufm_fail(error, UFM_ERROR_USAGE,
                        "the JSON text is not well-formed; give keys inside objects, none inside lists, and "
                        "nest at most %d levels",
                        DEPTH_MAX);
    const size_t length = (size_t)json->used;
    if (fwrite(json->text, 1, length, stream) != length || fflush(stream) != 0)
        return ufm_fail(error, UFM_ERROR_IO, "JSON output: %s; choose a writable output", strerror(errno));
    return UFM_OK;
}

ufm_status ufm_json_finish(ufm_json *json, FILE *stream, ufm_error *error)
{
    const ufm_status status = json ? ufm_json_write(json, stream, error)
                                   : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the JSON text");
    ufm_json_free(json);
    return status;
}
