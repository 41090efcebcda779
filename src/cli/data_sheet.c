/* The contact sheet: examples of every multiplicity, as the pixels of one large picture. */
#include "data.h"
#include <string.h>

enum { COLUMNS = 8, ROWS_MOST = 6, SIDE_MOST = 96 };

typedef struct {
    int64_t rows, tile_width, tile_height; /* tiles: the image, a white margin and room for the label */
    int64_t height, width, step;           /* of an image as it is drawn: every step-th pixel */
    int64_t example[ROWS_MOST * COLUMNS];  /* -1: none */
} sheet;

/* The n-th of `wanted` examples, evenly spread over the images of multiplicity m. */
static void choose(const ufm_labels *labels, int64_t m, int64_t wanted, int64_t *example)
{
    int64_t there = 0, seen = 0, next = 0;
    for (int64_t i = 0; i < labels->columns; i++) there += ufm_labels_multiplicity(labels, i) == m;
    if (wanted > there) wanted = there;
    for (int64_t i = 0; i < labels->columns && next < wanted; i++) {
        if (ufm_labels_multiplicity(labels, i) != m) continue;
        if (seen++ >= (2 * next + 1) * there / (2 * wanted)) example[next++] = i;
    }
}

static sheet lay_out(const ufm_images *images)
{
    const ufm_labels *labels = ufm_images_labels(images);
    const ufm_image_shape shape = ufm_images_shape(images);
    const int64_t longest = shape.height > shape.width ? shape.height : shape.width;
    bool present[ROWS_MOST + 1] = {false};
    int64_t levels = 0;
    sheet s = {.step = (longest + SIDE_MOST - 1) / SIDE_MOST};
    s.height = shape.height / s.step;
    s.width = shape.width / s.step;
    s.tile_width = s.width + 1 + s.width / 14;
    s.tile_height = s.height + 2 + s.height / 4;
    for (int64_t i = 0; i < labels->columns; i++) {
        const int64_t m = ufm_labels_multiplicity(labels, i);
        if (m <= ROWS_MOST) present[m] = true;
    }
    for (int64_t m = 1; m <= ROWS_MOST; m++) levels += present[m];
    const int64_t each = levels <= 2 ? 2 : 1; /* rows per multiplicity */
    for (int64_t e = 0; e < ROWS_MOST * COLUMNS; e++) s.example[e] = -1;
    for (int64_t m = 1; m <= ROWS_MOST; m++) {
        if (!present[m]) continue;
        choose(labels, m, each * COLUMNS, s.example + s.rows * COLUMNS);
        s.rows += each;
    }
    return s;
}

/* Characters that fit below an image: letters, and digits, which are wider. */
enum { ROOM = 18, ROOM_OF_DIGITS = 13 };

/* At most two names, long ones cut; false when they would not tell the classes, or not fit into a CSV field.
 */
static bool print_names(FILE *stream, const ufm_labels *labels, ufm_tag_set set)
{
    enum { LEAST = 7 };
    const char *name[2] = {"", ""};
    if (!labels->name || set.tags > 2) return false;
    for (int64_t j = 0; j < set.tags; j++) {
        name[j] = labels->name[set.tag[j]];
        if (strpbrk(name[j], ",\"")) return false;
    }
    const int room = set.tags == 2 ? ROOM - 3 : ROOM;
    for (int64_t j = 0; j < set.tags; j++) {
        const int length = (int)strlen(name[j]), left = room - (int)strlen(name[1 - j]);
        int cut = left > LEAST ? left : LEAST;
        while (cut < length && cut > 0 && (name[j][cut] & 0xC0) == 0x80) cut--; /* within a character */
        fprintf(stream, "%s%.*s", j ? " + " : "", cut, name[j]);
    }
    return true;
}

/* The classes by name, or by number where the names have no room. */
static void print_label(FILE *stream, const ufm_labels *labels, int64_t image)
{
    enum { WIDE = 3, CUT = ROOM_OF_DIGITS - 3 };
    const ufm_tag_set set = ufm_labels_set(labels, image);
    char text[64] = "";
    int used = 0;
    if (print_names(stream, labels, set)) return;
    for (int64_t j = 0; j < set.tags && used <= ROOM_OF_DIGITS; j++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%d",
                         j == 0            ? ""
                         : set.tags > WIDE ? "+"
                                           : " + ",
                         set.tag[j]);
    if (used > ROOM_OF_DIGITS) {
        text[CUT] = '\0';
        char *last = strrchr(text, '+');
        if (last) strcpy(last, "+..");
    }
    fputs(text, stream);
}

/* The pixel (row, col) of the sheet: white where there is no image. y grows upwards in the file, as in the
 * figure. */
static void write_pixel(FILE *stream, const sheet *s, const ufm_images *images, const uint8_t *pixels,
                        int64_t row, int64_t col)
{
    const ufm_image_shape shape = ufm_images_shape(images);
    const int64_t cell = row / s->tile_height * COLUMNS + col / s->tile_width;
    const int64_t i = row % s->tile_height, j = col % s->tile_width;
    const bool there = s->example[cell] >= 0;
    const uint8_t *image = pixels + cell * shape.channels * shape.height * shape.width;
    int colour[3] = {255, 255, 255};
    for (int64_t c = 0; c < 3 && there && i < s->height && j < s->width; c++) {
        const int64_t channel = shape.channels == 3 ? c : 0;
        colour[c] = image[(channel * shape.height + i * s->step) * shape.width + j * s->step];
    }
    fprintf(stream, "%lld,%lld,%d,%d,%d,", (long long)col, (long long)(s->rows * s->tile_height - 1 - row),
            colour[0], colour[1], colour[2]);
    if (there && i == s->height + s->height / 8 && j == s->width / 2)
        print_label(stream, ufm_images_labels(images), s->example[cell]);
    fputc('\n', stream);
}

static ufm_status write_sheet(FILE *stream, const ufm_images *images, ufm_error *error)
{
    const ufm_image_shape shape = ufm_images_shape(images);
    const sheet s = lay_out(images);
    const int64_t bytes = shape.channels * shape.height * shape.width, cells = s.rows * COLUMNS;
    uint8_t *pixels = ufm_alloc(cells * bytes, 1);
    ufm_status status =
        pixels ? UFM_OK : ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the examples");
    for (int64_t cell = 0; cell < cells && status == UFM_OK; cell++)
        if (s.example[cell] >= 0)
            status = ufm_images_read(images, s.example[cell], pixels + cell * bytes, error);
    fputs("x,y,red,green,blue,label\n", stream);
    for (int64_t row = 0; row < s.rows * s.tile_height && status == UFM_OK; row++)
        for (int64_t col = 0; col < COLUMNS * s.tile_width; col++)
            write_pixel(stream, &s, images, pixels, row, col);
    ufm_free(pixels);
    return status;
}

ufm_status draw_contact_sheet(const options *opts, const ufm_images *images, ufm_error *error)
{
    ufm_output *output = NULL;
    ufm_status status = command_data(opts, "contact-sheet", &output, error);
    if (status != UFM_OK || !output) return status;
    status = write_sheet(ufm_output_stream(output), images, error);
    if (status == UFM_OK) return command_figure(opts, "contact-sheet", "contact-sheet", output, error);
    ufm_output_abort(output);
    return status;
}
