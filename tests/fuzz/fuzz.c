#include "fuzz.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static char created[4][128];
static int files;

static void remove_files(void)
{
    for (int f = 0; f < files; f++) unlink(created[f]);
    rmdir(directory);
}

const char *fuzz_directory(void)
{
    if (!directory[0]) {
        /* Where memory poses as a disk, if there is such a place. */
        const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(directory, sizeof directory, "%s/ufmlab-fuzz-%d", root, (int)getpid());
        if (mkdir(directory, 0700) != 0) abort();
        atexit(remove_files);
    }
    return directory;
}

const char *fuzz_file(const char *name, const uint8_t *bytes, size_t size)
{
    int f = 0;
    while (f < files && strcmp(strrchr(created[f], '/') + 1, name) != 0) f++;
    if (f == files) {
        snprintf(created[files++], sizeof created[0], "%s/%s", fuzz_directory(), name);
    }
    FILE *stream = fopen(created[f], "wb");
    if (!stream || fwrite(bytes, 1, size, stream) != size || fclose(stream) != 0) abort();
    return created[f];
}

void fuzz_check(ufm_status status, const ufm_error *error, int64_t blocks)
{
    if (ufm_memory_live_blocks() != blocks) abort();
    if (status == UFM_OK) return;
    if (status != UFM_ERROR_INPUT && status != UFM_ERROR_MEMORY && status != UFM_ERROR_IO) abort();
    if (strncmp(error->text, fuzz_directory(), strlen(fuzz_directory())) != 0) abort();
    if (strchr(error->text, '\n')) abort();
}

void fuzz_images(ufm_images *images)
{
    enum { MOST = 4 };
    if (!images) return;
    const ufm_image_shape shape = ufm_images_shape(images);
    uint8_t *pixels = malloc((size_t)(shape.channels * shape.height * shape.width));
    if (!pixels) abort();
    for (int64_t i = 0; i < ufm_images_labels(images)->columns && i < MOST; i++)
        ufm_images_read(images, i, pixels, NULL);
    free(pixels);
    ufm_images_free(images);
}
