/* Names of files that a label file gives; it must not be able to name just any file of the machine. */
#include <string.h>
#include <ufmlab/labels.h>

enum { NAME_MAX_BYTES = 255 };

void ufm_file_names_free(ufm_file_names *names)
{
    ufm_free(names->offset);
    ufm_free(names->text);
    *names = (ufm_file_names){0};
}

static bool leaves_directory(const char *text, int64_t length)
{
    for (int64_t begin = 0, end; begin <= length; begin = end + 1) {
        for (end = begin; end < length && text[end] != '/'; end++) continue;
        if (end - begin == 2 && text[begin] == '.' && text[begin + 1] == '.') return true;
    }
    return length > 0 && text[0] == '/';
}

ufm_status ufm_file_names_add(ufm_file_names *names, const char *text, int64_t length, ufm_error *error)
{
    if (length == 0 || length > NAME_MAX_BYTES || memchr(text, 0, (size_t)length))
        return ufm_fail(error, UFM_ERROR_INPUT, "a file name of %lld bytes; give 1 to %d without NUL",
                        (long long)length, NAME_MAX_BYTES);
    if (leaves_directory(text, length))
        return ufm_fail(error, UFM_ERROR_INPUT,
                        "a file name that leaves the directory; give one relative to it, without '..'");
    const int64_t used = names->used + length + 1;
    if (ufm_grow((void **)&names->offset, &names->capacity, names->count + 1, sizeof *names->offset) !=
            UFM_OK ||
        ufm_grow((void **)&names->text, &names->text_capacity, used, 1) != UFM_OK)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the file names");
    memcpy(names->text + names->used, text, (size_t)length);
    names->text[used - 1] = '\0';
    names->offset[names->count++] = names->used;
    names->used = used;
    return UFM_OK;
}
