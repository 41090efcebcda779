/* JSON input over yajl's parser, which keeps nothing but the token that it is in. */
#include "text.h"
#include <string.h>
#include <yajl/yajl_parse.h>

struct ufm_json_reader {
    ufm_text *text;
    yajl_handle parser;
    ufm_json_take *take;
    void *context;
    ufm_error *error;
    ufm_status status; /* of the first failure in a callback */
    int depth;
    int64_t before;     /* bytes of the file before the block */
    const char *block;  /* that yajl is reading */
    int64_t line;       /* of the byte block[counted] */
    int64_t counted;    /* bytes of the block whose line ends were counted */
    int64_t unfinished; /* bytes since the block in which the last token ended */
    bool ended;         /* a token ended in this block */
    bool complete;      /* the whole file was read */
};

/* ---- Places ---- */
ufm_json_place ufm_json_here(ufm_json_reader *reader)
{
    const int64_t consumed = reader->complete ? 0 : (int64_t)yajl_get_bytes_consumed(reader->parser);
    while (reader->counted < consumed) {
        const char *from = reader->block + reader->counted;
        const char *newline = memchr(from, '\n', (size_t)(consumed - reader->counted));
        if (newline) reader->line++;
        reader->counted = newline ? newline + 1 - reader->block : consumed;
    }
    return (ufm_json_place){reader->line, reader->before + consumed};
}

ufm_status ufm_json_fail(ufm_text *text, ufm_json_place place, ufm_error *error, const char *format, ...)
{
    ufm_error message;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message.text, sizeof message.text, format, arguments);
    va_end(arguments);
    ufm_text_at_line(text, place.line);
    return ufm_text_fail(text, error, "byte %lld: %s", (long long)place.byte, message.text);
}

/* ---- Tokens: the callbacks return what yajl wants, 0 to stop ---- */
static int hand_on(ufm_json_reader *reader, ufm_json_kind kind, const void *text, size_t length)
{
    const ufm_json_token token = {kind, reader->depth, text, (int64_t)length};
    reader->ended = true;
    reader->status = reader->take(reader->context, reader, &token, reader->error);
    return reader->status == UFM_OK;
}

static int on_null(void *context)
{
    return hand_on(context, UFM_JSON_NULL, "null", 4);
}

static int on_bool(void *context, int value)
{
    return hand_on(context, UFM_JSON_BOOL, value ? "true" : "false", value ? 4 : 5);
}

static int on_number(void *context, const char *text, size_t length)
{
    return hand_on(context, UFM_JSON_NUMBER, text, length);
}

/* yajl lets overlong forms and surrogates pass. */
static int hand_on_text(ufm_json_reader *reader, ufm_json_kind kind, const unsigned char *text, size_t length)
{
    for (size_t i = 0, step; i < length; i += step) {
        step = ufm_utf8_length(text + i, length - i);
        if (step > 0) continue;
        reader->status = ufm_json_fail(reader->text, ufm_json_here(reader), reader->error,
                                       "a string is not UTF-8; save the file as UTF-8");
        return 0;
    }
    return hand_on(reader, kind, text, length);
}

static int on_string(void *context, const unsigned char *text, size_t length)
{
    return hand_on_text(context, UFM_JSON_STRING, text, length);
}

static int on_key(void *context, const unsigned char *text, size_t length)
{
    return hand_on_text(context, UFM_JSON_KEY, text, length);
}

static int open_level(ufm_json_reader *reader, ufm_json_kind kind)
{
    if (reader->depth == UFM_JSON_DEPTH_MAX) {
        reader->status = ufm_json_fail(reader->text, ufm_json_here(reader), reader->error,
                                       "more than %d lists or objects inside one another; nest them less",
                                       UFM_JSON_DEPTH_MAX);
        return 0;
    }
    const int go_on = hand_on(reader, kind, NULL, 0);
    reader->depth++;
    return go_on;
}

static int close_level(ufm_json_reader *reader, ufm_json_kind kind)
{
    reader->depth--;
    return hand_on(reader, kind, NULL, 0);
}

static int on_object(void *context)
{
    return open_level(context, UFM_JSON_OBJECT);
}

static int on_object_end(void *context)
{
    return close_level(context, UFM_JSON_OBJECT_END);
}

static int on_list(void *context)
{
    return open_level(context, UFM_JSON_LIST);
}

static int on_list_end(void *context)
{
    return close_level(context, UFM_JSON_LIST_END);
}

/* ---- The file ---- */
static ufm_status fail_parsing(ufm_json_reader *reader)
{
    if (reader->status != UFM_OK) return reader->status;
    unsigned char *reason = yajl_get_error(reader->parser, 0, NULL, 0);
    const char *shown = reason ? (const char *)reason : "";
    size_t length = strcspn(shown, "\n");
    if (length > 0 && shown[length - 1] == '.') length--;
    const ufm_status status =
        ufm_json_fail(reader->text, ufm_json_here(reader), reader->error,
                      "not JSON: %.*s; correct the file or fetch it again", (int)length, shown);
    if (reason) yajl_free_error(reader->parser, reason);
    return status;
}

static ufm_status feed(ufm_json_reader *reader, const char *bytes, int64_t length)
{
    reader->block = bytes;
    reader->counted = 0;
    reader->ended = false;
    if (yajl_parse(reader->parser, (const unsigned char *)bytes, (size_t)length) != yajl_status_ok)
        return fail_parsing(reader);
    const ufm_json_place end = ufm_json_here(reader); /* also counts the lines of the block */
    reader->before += length;
    reader->unfinished = reader->ended ? 0 : reader->unfinished + length;
    ufm_text_at_line(reader->text, end.line);
    if (reader->unfinished <= UFM_JSON_TOKEN_MAX) return UFM_OK;
    return ufm_json_fail(reader->text, end, reader->error,
                         "a string, a number or white space of more than %lld bytes; shorten it (is this the "
                         "right file?)",
                         (long long)UFM_JSON_TOKEN_MAX);
}

static ufm_status finish(ufm_json_reader *reader)
{
    reader->complete = true;
    reader->counted = 0;
    if (yajl_complete_parse(reader->parser) == yajl_status_ok) return UFM_OK;
    if (reader->status != UFM_OK) return reader->status;
    return ufm_json_fail(reader->text, ufm_json_here(reader), reader->error,
                         "the file ends before its JSON text does; is it complete?");
}

ufm_status ufm_json_read(ufm_text *text, ufm_json_take *take, void *context, ufm_error *error)
{
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                             .yajl_boolean = on_bool,
                                             .yajl_number = on_number,
                                             .yajl_string = on_string,
                                             .yajl_start_map = on_object,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_object_end,
                                             .yajl_start_array = on_list,
                                             .yajl_end_array = on_list_end};
    ufm_json_reader reader = {.text = text, .take = take, .context = context, .error = error, .line = 1};
    reader.parser = yajl_alloc(&callbacks, NULL, &reader);
    if (!reader.parser)
        return ufm_fail(error, UFM_ERROR_MEMORY, "%s: not enough memory", ufm_text_path(text));
    ufm_text_at_line(text, 1);
    ufm_status status = UFM_OK;
    while (status == UFM_OK) {
        const char *bytes;
        int64_t length;
        status = ufm_text_block(text, &bytes, &length, error);
        if (status != UFM_OK || length == 0) break;
        const int64_t mark =
            reader.before == 0 && length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        reader.before += mark;
        if (length > mark) status = feed(&reader, bytes + mark, length - mark);
    }
    if (status == UFM_OK) status = finish(&reader);
    yajl_free(reader.parser);
    return status;
}
