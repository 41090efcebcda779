/* Writes the first inputs of every fuzz target: `seeds DIRECTORY` makes DIRECTORY/TARGET/NAME. */
#include "../../image_files.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/data.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>

static const char *root;

static const char *place(const char *target, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, target);
    if (ufm_make_directory(path, NULL) != UFM_OK) abort();
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    return path;
}

static void text(const char *target, const char *name, const char *content)
{
    file_bytes file = {malloc(strlen(content) + 1), strlen(content)};
    if (!file.bytes) abort();
    strcpy((char *)file.bytes, content);
    file_write(place(target, name), file);
}

static void write_sets(void)
{
    static const char *const numbers[] = {"1", "12", "305"};
    file_write(place("idx", "plain"), make_idx_images(3, 4, 5));
    file_write(place("idx", "gzip"), file_gzip(make_idx_images(3, 4, 5)));
    file_write(place("idx_labels", "plain"), make_idx_labels(3));
    file_write(place("idx_labels", "gzip"), file_gzip(make_idx_labels(3)));
    file_write(place("cifar10", "one"), make_cifar(1));
    file_write(place("cifar10", "gzip"), file_gzip(make_cifar(2)));
    file_write(place("mat", "plain"), make_mat(1, false, false));
    file_write(place("mat", "deflated"), make_mat(1, true, true));
    make_digit_struct(place("svhn", "three"), 3, numbers);
}

static void write_pictures(void)
{
    static const char *const name[] = {"0", "1", "2", "3"};
    for (int kind = 0; kind < 4; kind++) {
        file_write(place("png", name[kind]), make_png(9, 7, (png_kind)kind));
        file_write(place("jpeg", name[kind]), make_jpeg(25, 18, (jpeg_kind)kind, 60));
    }
}

static void write_labels(void)
{
    text("counts", "small", "tags,count\n0+3,2\n\"1\",1\n,4\n1+2+3,17\n");
    text("experiment", "small",
         "title: t\nfigure: f\nclaim: \"c\"\nplot: p\nquantities: [q]\nmeasures: [labels]\ntheory: "
         "[ufm]\nverdict: "
         "open\ndesk: &d\n  pixels: x\n  seeds: [1]\n  sets:\n  - name: s\n    make: --set synthetic\n  "
         "runs:\n  - "
         "label: l\n    data: s\npaper: *d\n");
    text("multihot", "small", "a,'b,c',\"d\"\n0,1,1\n1.0,0,0\n0,0,0\n");
    text("folder", "small", "file,tags\na.png,0+2\n'b, c.jpg',\nd/e.png,1\n");
    text("arff", "small",
         "% c\n@RELATION 'r s'\n@attribute x Numeric\n@attribute 'y %' {1,0}\n@attribute k {0,1}\n@attribute "
         "l "
         "{1, 0}\n@DATA\n1.5,0,1,1\n{0 5, 3 0}\n{}\n");
    text("label_xml", "small",
         "<?xml version=\"1.0\"?>\n<labels xmlns=\"x\"><label name=\"a\"><label name='b "
         "&#99;'/></label></labels>");
    text("coco", "small",
         "{\"info\": {\"id\": null}, \"annotations\": [{\"image_id\": 7, \"category_id\": 90, "
         "\"segmentation\": "
         "[[1.5, 2e0]]}, {\"image_id\": 9, \"category_id\": 3}],\n\"categories\": [{\"id\": 90, \"name\": "
         "\"\\u00e9\"}, {\"id\": 3}], \"images\": [{\"id\": 9, \"file_name\": \"a.jpg\"}, {\"id\": 7, "
         "\"file_name\": "
         "\"b.png\"}]}");
}

/* Three images of two classes. */
static void write_stored(void)
{
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels = NULL;
    ufm_images *images = NULL;
    if (!builder || ufm_labels_builder_add(builder, 1, (int32_t[]){0}, 2, NULL) != UFM_OK ||
        ufm_labels_builder_add(builder, 2, (int32_t[]){0, 1}, 1, NULL) != UFM_OK ||
        ufm_labels_builder_finish(builder, 2, UFM_DUPLICATES_KEEP, &labels, NULL) != UFM_OK ||
        ufm_images_synthetic((ufm_image_shape){1, 4, 5}, labels, 1, &images, NULL) != UFM_OK ||
        ufm_images_save(images, "{}", place("stored", "small"), NULL, NULL, NULL) != UFM_OK)
        abort();
    ufm_images_free(images);
    ufm_labels_free(labels);
    ufm_labels_builder_free(builder);
}

/* The header of a file (kind '0') of 64 bytes, of a directory ('5') or a link ('2'), in the format ustar. */
static void tar_header(char *header, const char *name, char kind)
{
    enum { BLOCK = 512, NAME = 100, SIZE_DIGIT = 132, SUM = 148, SUM_DIGITS = 8, KIND = 156, MAGIC = 257 };
    static const char numbers[] = "0000644\0000000000\0000000000\00000000000100\00000000000000\0        ";
    unsigned sum = 0;
    snprintf(header, NAME, "%s", name);
    memcpy(header + NAME, numbers, sizeof numbers - 1);
    if (kind != '0') header[SIZE_DIGIT] = '0';
    header[KIND] = kind;
    memcpy(header + MAGIC, "ustar\00000", sizeof "ustar\00000" - 1);
    for (int i = 0; i < BLOCK; i++) sum += (unsigned char)header[i];
    snprintf(header + SUM, SUM_DIGITS, "%06o", sum);
}

static void write_archives(void)
{
    enum { BLOCK = 512, BLOCKS = 8 }; /* headers of a/, a/b and c, two contents, the link d, the end */
    file_bytes tar = {calloc(BLOCK, BLOCKS), BLOCK * BLOCKS}, copy = {malloc(BLOCK * BLOCKS), tar.size};
    if (!tar.bytes || !copy.bytes) abort();
    tar_header((char *)tar.bytes, "a/", '5');
    tar_header((char *)tar.bytes + BLOCK, "a/b", '0');
    tar_header((char *)tar.bytes + 3 * BLOCK, "c", '0');
    tar_header((char *)tar.bytes + 5 * BLOCK, "d", '2');
    memcpy(copy.bytes, tar.bytes, tar.size);
    file_write(place("archive", "plain"), tar);
    file_write(place("archive", "gzip"), file_gzip(copy));
}

static void write_solution(void)
{
    const double W[4] = {1, -1, 0.5, 0}, H[4] = {2, 0, 1, 3}, b[2] = {0, 1};
    const ufm_objective objective = {UFM_LOSS_PAL, 1e-2, 1e-2, 1e-2, 0};
    const ufm_solution solution = {.point = {2, 2, 2, W, H, b}};
    ufm_labels_builder *builder = ufm_labels_builder_new();
    ufm_labels *labels;
    if (!builder || ufm_labels_builder_add(builder, 1, (int32_t[]){0}, 1, NULL) != UFM_OK ||
        ufm_labels_builder_add(builder, 2, (int32_t[]){0, 1}, 3, NULL) != UFM_OK ||
        ufm_labels_builder_finish(builder, 2, UFM_DUPLICATES_MERGE, &labels, NULL) != UFM_OK ||
        ufm_solution_save(&solution, labels, &objective, place("solution", "small"), NULL) != UFM_OK)
        abort();
    ufm_labels_free(labels);
    ufm_labels_builder_free(builder);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    root = argv[1];
    write_sets();
    write_pictures();
    write_labels();
    write_solution();
    write_stored();
    write_archives();
    return 0;
}
