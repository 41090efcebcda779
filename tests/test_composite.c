/* The multi-label sets against plain-loop twins that know the rules, not the code; selections; sets in HDF5
 * files. */
#include "data/composite.h"
#include "image_sets.h"
#include "test.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <unistd.h>

enum { CLASSES = 4, SIDE = 8, BASE = 40, CANVAS_MOST = 3 * 4 * SIDE * 4 * SIDE };

static ufm_images *compose(const char *samples, ufm_composite_settings settings, int64_t channels)
{
    ufm_images *base = test_images(CLASSES, BASE, (ufm_image_shape){channels, SIDE, SIDE}, -1),
               *images = NULL;
    ufm_labels *sets = test_design_labels(CLASSES, samples);
    ufm_error error = {{0}};
    if (ufm_composite(base, sets, &settings, &images, &error) != UFM_OK) {
        fprintf(stderr, "  compose %s: %s\n", samples, error.text);
        ufm_images_free(base);
    }
    ufm_labels_free(sets);
    return images;
}

/* An image of the twin: base image, whether its corner is top left, its two shifts. */
typedef struct {
    int64_t image, down, right;
    bool top_left;
} part;

/* Section 1a: pad to 2c x 2c with the digit in a corner, roll down and right, maximum. */
static void twin_roll(const part *parts, int count, uint8_t *canvas)
{
    enum { WIDE = 2 * SIDE };
    uint8_t padded[WIDE][WIDE], rolled[WIDE][WIDE];
    memset(canvas, 0, WIDE * WIDE);
    for (int k = 0; k < count; k++) {
        memset(padded, 0, sizeof padded);
        const int corner = parts[k].top_left ? 0 : SIDE;
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++)
                padded[corner + i][corner + j] = test_pixel(parts[k].image, i * SIDE + j);
        for (int i = 0; i < WIDE; i++)
            for (int j = 0; j < WIDE; j++)
                rolled[(i + parts[k].down) % WIDE][(j + parts[k].right) % WIDE] = padded[i][j];
        for (int i = 0; i < WIDE * WIDE; i++)
            if ((&rolled[0][0])[i] > canvas[i]) canvas[i] = (&rolled[0][0])[i];
    }
}

/* Section 1b: left = True pads c-p at the left and top, p at the right and bottom; left = False the reverse.
 */
static void twin_diagonal(const part *parts, int count, int64_t channels, uint8_t *canvas)
{
    enum { WIDE = 2 * SIDE };
    memset(canvas, 0, (size_t)(channels * WIDE * WIDE));
    for (int k = 0; k < count; k++) {
        const int64_t p = parts[k].down, pad = parts[k].top_left ? p : SIDE - p;
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = pad; i < pad + SIDE; i++)
                for (int64_t j = pad; j < pad + SIDE; j++) {
                    const uint8_t byte = test_pixel(parts[k].image, (c * SIDE + i - pad) * SIDE + j - pad);
                    uint8_t *there = &canvas[(c * WIDE + i) * WIDE + j];
                    *there = byte > *there ? byte : *there;
                }
    }
}

/* Whether some choice of the random numbers makes the twin give `pixels`: the numbers are searched, not
 * reused. */
static bool twin_explains(const ufm_labels *labels, int64_t i, ufm_composite_rule rule, int64_t channels,
                          const uint8_t *pixels)
{
    static uint8_t twin[CANVAS_MOST];
    const ufm_tag_set set = ufm_labels_set(labels, i);
    const int64_t size = channels * 4 * SIDE * SIDE, moves = rule == UFM_COMPOSITE_ROLL ? 4 : 2;
    const int64_t each = BASE / CLASSES * moves, total = set.tags == 1 ? each : each * each;
    for (int64_t coin = 0; coin < 2; coin++)
        for (int64_t n = 0; n < total; n++) {
            part parts[2];
            int64_t code = n;
            for (int j = 0; j < set.tags; j++, code /= each) {
                const int64_t move = code % each % moves;
                parts[j].image = code % each / moves * CLASSES + set.tag[j];
                parts[j].down = rule == UFM_COMPOSITE_ROLL ? move / 2 : move;
                parts[j].right = rule == UFM_COMPOSITE_ROLL ? move % 2 : move;
                parts[j].top_left = (j == 0) == (coin == 1);
            }
            if (set.tags == 1 && rule == UFM_COMPOSITE_ROLL && parts[0].top_left) continue;
            if (rule == UFM_COMPOSITE_ROLL)
                twin_roll(parts, (int)set.tags, twin);
            else
                twin_diagonal(parts, (int)set.tags, channels, twin);
            if (memcmp(twin, pixels, (size_t)size) == 0) return true;
        }
    return false;
}

static void test_published(void)
{
    static const struct {
        ufm_composite_rule rule;
        int64_t channels;
    } cases[] = {{UFM_COMPOSITE_ROLL, 1}, {UFM_COMPOSITE_DIAGONAL, 3}, {UFM_COMPOSITE_DIAGONAL, 1}};
    static uint8_t pixels[CANVAS_MOST];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        ufm_images *images = compose(
            "1:6,2:3", (ufm_composite_settings){.rule = cases[c].rule, .seed = 7 + c}, cases[c].channels);
        if (!images) {
            CU_FAIL("no composite");
            continue;
        }
        const ufm_labels *labels = ufm_images_labels(images);
        const ufm_image_shape shape = ufm_images_shape(images);
        TEST(shape.channels == cases[c].channels && shape.height == 2 * SIDE && shape.width == 2 * SIDE);
        TEST(labels->columns == 6 * 4 + 3 * 6);
        for (int64_t i = 0; i < labels->columns; i += 2) {
            TEST_OK(ufm_images_read(images, i, pixels, NULL));
            const bool explained = twin_explains(labels, i, cases[c].rule, cases[c].channels, pixels);
            if (!explained)
                fprintf(stderr, "  %s, image %lld: no draw gives it\n",
                        ufm_composite_rule_name(cases[c].rule), (long long)i);
            CU_ASSERT(explained);
        }
        ufm_images_free(images);
    }
}

/* The part of cell (row, col) of the canvas is base image b moved by (down, right), cut at the cell. */
static bool cell_shows(const uint8_t *canvas, int64_t wide, int64_t row, int64_t col, int64_t image,
                       int64_t down, int64_t right)
{
    for (int64_t i = 0; i < SIDE; i++)
        for (int64_t j = 0; j < SIDE; j++) {
            const int64_t y = i - down, x = j - right;
            const bool inside = y >= 0 && y < SIDE && x >= 0 && x < SIDE;
            const uint8_t expected = inside ? test_pixel(image, y * SIDE + x) : 0;
            if (canvas[(row * SIDE + i) * wide + col * SIDE + j] != expected) return false;
        }
    return true;
}

/* Every cell is black or shows one image of a class of the tag set, and every class is shown once. */
static void test_corrected(void)
{
    static const char *const designs[] = {"1:30,2:10", "1:5,2:2,3:6,4:20"};
    static uint8_t pixels[CANVAS_MOST];
    for (int d = 0; d < 2; d++) {
        ufm_images *images = compose(designs[d], (ufm_composite_settings){.seed = 11}, 1);
        const ufm_labels *labels = ufm_images_labels(images);
        int64_t corner[4] = {0}, cell_of_singles = 0;
        for (int64_t i = 0; i < labels->columns; i++) {
            const ufm_tag_set set = ufm_labels_set(labels, i);
            int64_t shown = 0, filled = 0, classes = 0;
            TEST_OK(ufm_images_read(images, i, pixels, NULL));
            for (int64_t cell = 0; cell < 4; cell++) {
                bool black = true;
                for (int64_t p = 0; p < SIDE * SIDE; p++)
                    black = black &&
                            pixels[(cell / 2 * SIDE + p / SIDE) * 2 * SIDE + cell % 2 * SIDE + p % SIDE] == 0;
                filled += !black;
                if (!black && set.tags == 1) corner[cell]++, cell_of_singles++;
                for (int64_t n = 0; n < 9 * BASE && !black; n++) {
                    if (!cell_shows(pixels, 2 * SIDE, cell / 2, cell % 2, n / 9, n % 9 / 3 - 1, n % 3 - 1))
                        continue;
                    shown++;
                    classes |= (int64_t)1 << (n / 9 % CLASSES);
                }
            }
            int64_t wanted = 0;
            for (int64_t j = 0; j < set.tags; j++) wanted |= (int64_t)1 << set.tag[j];
            TEST(filled == set.tags && shown == set.tags && classes == wanted);
        }
        /* All four cells are used, also by one image alone. */
        for (int c = 0; c < 4 && d == 0; c++) TEST(corner[c] >= cell_of_singles / 10);
        ufm_images_free(images);
    }
}

/* Nine classes want a grid of 3 x 3. */
static void test_large_grid(void)
{
    ufm_images *base = test_images(9, 18, (ufm_image_shape){1, SIDE, SIDE}, -1), *images = NULL;
    ufm_labels *sets = test_design_labels(9, "1:1,9:2");
    const ufm_composite_settings settings = {.seed = 3};
    static uint8_t pixels[9 * SIDE * SIDE];
    TEST_OK(ufm_composite(base, sets, &settings, &images, NULL));
    TEST(ufm_images_shape(images).height == 3 * SIDE);
    TEST_OK(ufm_images_read(images, 9, pixels, NULL));
    int64_t seen = 0;
    for (int64_t cell = 0; cell < 9; cell++)
        for (int64_t n = 0; n < 9 * 18; n++)
            if (cell_shows(pixels, 3 * SIDE, cell / 3, cell % 3, n / 9, n % 9 / 3 - 1, n % 3 - 1))
                seen |= (int64_t)1 << (n / 9 % 9);
    TEST(seen == 511);
    ufm_images_free(images);
    ufm_labels_free(sets);
}

/* What a base image may be used for: never twice in a tag set before all of its class were. */
static void test_no_repetition(void)
{
    ufm_images *base = test_images(CLASSES, BASE, (ufm_image_shape){1, SIDE, SIDE}, -1);
    ufm_labels *sets = test_design_labels(CLASSES, "1:10,2:10,3:25");
    int32_t *parts = NULL, *others = NULL;
    TEST_OK(ufm_composite_pick(ufm_images_labels(base), sets, 5, &parts, NULL));
    TEST_OK(ufm_composite_pick(ufm_images_labels(base), sets, 6, &others, NULL));
    TEST(parts && others && memcmp(parts, others, (size_t)sets->offset[sets->columns] * sizeof *parts) != 0);
    for (int64_t first = 0, last = 0; first < sets->columns && parts; first = last) {
        const ufm_tag_set set = ufm_labels_set(sets, first);
        const int64_t samples = set.tags == 3 ? 25 : 10;
        last = first + samples;
        for (int64_t j = 0; j < set.tags; j++) {
            int64_t uses[BASE] = {0};
            for (int64_t i = first; i < last; i++) uses[parts[sets->offset[i] + j]]++;
            for (int64_t b = 0; b < BASE; b++) {
                const bool mine = b % CLASSES == set.tag[j];
                TEST(mine ? uses[b] >= samples / 10 && uses[b] <= (samples + 9) / 10 : uses[b] == 0);
            }
        }
    }
    ufm_free(parts);
    ufm_free(others);
    ufm_labels_free(sets);
    ufm_images_free(base);
}

/* Pooled is the rounded mean of the unpooled. */
static void test_pooled(void)
{
    static uint8_t whole[CANVAS_MOST], half[CANVAS_MOST];
    for (int rule = 0; rule < 3; rule++) {
        ufm_composite_settings settings = {.rule = (ufm_composite_rule)rule, .seed = 21};
        ufm_images *a = compose("1:2,2:2", settings, 3);
        settings.pool = true;
        ufm_images *b = compose("1:2,2:2", settings, 3);
        TEST(ufm_images_shape(b).height == SIDE);
        for (int64_t i = 0; i < ufm_images_labels(a)->columns; i++) {
            TEST_OK(ufm_images_read(a, i, whole, NULL));
            TEST_OK(ufm_images_read(b, i, half, NULL));
            for (int64_t p = 0; p < 3 * SIDE * SIDE; p++) {
                const int64_t c = p / (SIDE * SIDE), y = p / SIDE % SIDE, x = p % SIDE;
                double sum = 0;
                for (int q = 0; q < 4; q++)
                    sum += whole[(c * 2 * SIDE + 2 * y + q / 2) * 2 * SIDE + 2 * x + q % 2];
                TEST(half[p] == (uint8_t)floor(sum / 4 + 0.5));
            }
        }
        ufm_images_free(a);
        ufm_images_free(b);
    }
}

static void reader(void *context, int worker, int64_t begin, int64_t end)
{
    (void)worker;
    ufm_images *const *sets = context;
    uint8_t pixels[2][4 * SIDE * SIDE];
    for (int64_t i = end - 1; i >= begin; i--) {
        TEST_OK(ufm_images_read(sets[0], i, pixels[0], NULL));
        TEST_OK(ufm_images_read(sets[1], i, pixels[1], NULL));
        TEST(memcmp(pixels[0], pixels[1], sizeof pixels[0]) == 0);
    }
}

/* The same seed gives the same images, whatever the order and the threads; another seed others. */
static void test_deterministic(void)
{
    ufm_images *sets[2] = {compose("1:9,2:4", (ufm_composite_settings){.seed = 4}, 1),
                           compose("1:9,2:4", (ufm_composite_settings){.seed = 4}, 1)};
    ufm_pool *pool = ufm_pool_new(3);
    ufm_pool_run(pool, ufm_images_labels(sets[0])->columns, 1, reader, sets);
    ufm_pool_free(pool);
    ufm_images *other = compose("1:9,2:4", (ufm_composite_settings){.seed = 5}, 1);
    int64_t equal = 0;
    for (int64_t i = 0; i < ufm_images_labels(other)->columns; i++) {
        uint8_t pixels[2][4 * SIDE * SIDE];
        TEST_OK(ufm_images_read(sets[0], i, pixels[0], NULL));
        TEST_OK(ufm_images_read(other, i, pixels[1], NULL));
        equal += memcmp(pixels[0], pixels[1], sizeof pixels[0]) == 0;
    }
    TEST(equal < 6);
    for (int s = 0; s < 2; s++) ufm_images_free(sets[s]);
    ufm_images_free(other);
}

static void expect_no_composite(ufm_images *base, const char *samples, int64_t classes,
                                ufm_composite_rule rule, const char *words)
{
    ufm_labels *sets = test_design_labels(classes, samples);
    ufm_images *images = NULL;
    ufm_error error = {{0}};
    const ufm_composite_settings settings = {.rule = rule};
    const int64_t blocks = ufm_memory_live_blocks();
    TEST(ufm_composite(base, sets, &settings, &images, &error) == UFM_ERROR_USAGE);
    TEST(images == NULL && strstr(error.text, words) != NULL);
    if (!strstr(error.text, words)) fprintf(stderr, "  wanted '%s' in: %s\n", words, error.text);
    TEST(ufm_memory_live_blocks() == blocks);
    ufm_labels_free(sets);
    ufm_images_free(base);
}

static void test_refusals(void)
{
    const ufm_image_shape square = {1, SIDE, SIDE}, oblong = {1, SIDE, SIDE + 2};
    expect_no_composite(test_images(4, 8, square, -1), "1:1,3:1", 4, UFM_COMPOSITE_ROLL, "corrected");
    expect_no_composite(test_images(4, 8, square, -1), "3:1", 4, UFM_COMPOSITE_DIAGONAL, "corrected");
    expect_no_composite(test_images(4, 8, oblong, -1), "1:1", 4, UFM_COMPOSITE_CORRECTED, "squares");
    expect_no_composite(test_images(4, 8, square, -1), "1:1", 5, UFM_COMPOSITE_CORRECTED, "classes");
    expect_no_composite(test_images(4, 3, square, -1), "1:1", 4, UFM_COMPOSITE_CORRECTED, "class 3");
}

/* Every allocation that fails leaves nothing behind and changes nothing. */
static void test_out_of_memory(void)
{
    ufm_images *base = test_images(CLASSES, BASE, (ufm_image_shape){1, SIDE, SIDE}, -1), *images = NULL;
    ufm_labels *sets = test_design_labels(CLASSES, "1:2,2:1");
    const ufm_composite_settings settings = {.seed = 1};
    const int64_t blocks = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    int64_t allowed = 0;
    for (; allowed < 200 && status != UFM_OK; allowed++) {
        ufm_memory_fail_after(allowed);
        status = ufm_composite(base, sets, &settings, &images, NULL);
        ufm_memory_fail_after(-1);
        if (status != UFM_OK) TEST(status == UFM_ERROR_MEMORY && ufm_memory_live_blocks() == blocks);
    }
    TEST(status == UFM_OK && allowed > 5);
    ufm_images_free(images);
    ufm_labels_free(sets);
}

/* ---- Selections ---- */

static void test_selection(void)
{
    ufm_labels *sets = test_design_labels(5, "1:4,2:1,3:1,4:1");
    ufm_images *all = NULL, *some = NULL;
    TEST_OK(ufm_images_synthetic((ufm_image_shape){1, 2, 2}, sets, 9, &all, NULL));
    TEST_OK(ufm_images_select(all, &(ufm_selection){.dropped_class = 2, .single_most = 3, .tags_most = 3},
                              &some, NULL));
    const ufm_labels *labels = ufm_images_labels(some), *whole = ufm_images_labels(all);
    TEST(labels->classes == 4);
    int64_t next = 0, singles[5] = {0};
    for (int64_t i = 0; i < whole->columns; i++) { /* the rules once more */
        const ufm_tag_set set = ufm_labels_set(whole, i);
        bool zero = false;
        for (int64_t j = 0; j < set.tags; j++) zero = zero || set.tag[j] == 2;
        if (zero || set.tags > 3 || (set.tags == 1 && ++singles[set.tag[0]] > 3)) continue;
        uint8_t a[4], b[4];
        const ufm_tag_set kept = ufm_labels_set(labels, next);
        TEST(kept.tags == set.tags);
        for (int64_t j = 0; j < kept.tags; j++)
            TEST(kept.tag[j] == (set.tag[j] > 2 ? set.tag[j] - 1 : set.tag[j]));
        TEST_OK(ufm_images_read(all, i, a, NULL));
        TEST_OK(ufm_images_read(some, next++, b, NULL));
        TEST(memcmp(a, b, 4) == 0);
    }
    TEST(next == labels->columns && next == 4 * 3 + 6 + 4);
    ufm_images *none = NULL;
    TEST(ufm_images_select(some, &(ufm_selection){.dropped_class = 0, .tags_most = -1}, &none, NULL) ==
         UFM_OK);
    ufm_images_free(none ? none : some);
    ufm_labels_free(sets);
}

/* ---- Sets in files ---- */

static void test_file_roundtrip(void)
{
    ufm_images *made = compose("1:3,2:2", (ufm_composite_settings){.seed = 2}, 3), *read = NULL;
    char path[128], again[128];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    snprintf(again, sizeof again, "%s", test_path(".h5"));
    TEST_OK(ufm_images_save(made, "{}", path, NULL, NULL, NULL));
    TEST_OK(ufm_images_save(made, "{}", again, NULL, NULL, NULL));
    TEST_OK(ufm_images_load(path, &read, NULL));
    const ufm_labels *a = ufm_images_labels(made), *b = ufm_images_labels(read);
    TEST(a->columns == b->columns && a->classes == b->classes);
    TEST(memcmp(a->tag, b->tag, (size_t)a->offset[a->columns] * sizeof *a->tag) == 0);
    TEST(memcmp(&(ufm_image_shape){3, 2 * SIDE, 2 * SIDE},
                &(ufm_image_shape){ufm_images_shape(read).channels, ufm_images_shape(read).height,
                                   ufm_images_shape(read).width},
                sizeof(ufm_image_shape)) == 0);
    for (int64_t i = a->columns - 1; i >= 0; i--) {
        uint8_t x[CANVAS_MOST], y[CANVAS_MOST];
        TEST_OK(ufm_images_read(made, i, x, NULL));
        TEST_OK(ufm_images_read(read, i, y, NULL));
        TEST(memcmp(x, y, 3 * 4 * SIDE * SIDE) == 0);
    }
    ufm_images_free(read);
    ufm_images_free(made);
    char command[300]; /* equal content, equal files */
    snprintf(command, sizeof command, "cmp -s '%s' '%s'", path, again);
    TEST(system(command) == 0);
}

typedef struct {
    const ufm_images *made, *read;
    atomic_bool *enough;
} reading_thread;

static void *read_all(void *context)
{
    const reading_thread *t = context;
    uint8_t x[CANVAS_MOST], y[CANVAS_MOST];
    int64_t wrong = 0;
    do
        for (int64_t i = 0; i < ufm_images_labels(t->read)->columns; i++)
            wrong += ufm_images_read(t->made, i, x, NULL) != UFM_OK ||
                     ufm_images_read(t->read, i, y, NULL) != UFM_OK || memcmp(x, y, 3 * 4 * SIDE * SIDE) != 0;
    while (!atomic_load(t->enough));
    return wrong ? context : NULL;
}

/* libhdf5 is not made for threads: reading in three while a fourth writes, and a fork meanwhile. No thread
 * ends before the last fork: one that does holds a lock of the address sanitizer, which a child then spins
 * at. */
static void test_file_threads(void)
{
    enum { READERS = 3 };
    ufm_images *made = compose("1:3,2:2", (ufm_composite_settings){.seed = 2}, 3), *read = NULL;
    reading_thread thread[READERS];
    pthread_t id[READERS];
    atomic_bool enough = false;
    char path[128], other[128];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    snprintf(other, sizeof other, "%s", test_path(".h5"));
    TEST_OK(ufm_images_save(made, "{}", path, NULL, NULL, NULL));
    TEST_OK(ufm_images_load(path, &read, NULL));
    for (int t = 0; t < READERS; t++) {
        thread[t] = (reading_thread){made, read, &enough};
        TEST(pthread_create(&id[t], NULL, read_all, &thread[t]) == 0);
    }
    for (int round = 0; round < 10; round++) {
        ufm_images *again = NULL;
        TEST_OK(ufm_images_save(made, "{}", other, NULL, NULL, NULL));
        TEST_OK(ufm_images_load(other, &again, NULL)); /* in a child process first */
        ufm_images_free(again);
    }
    atomic_store(&enough, true);
    for (int t = 0; t < READERS; t++) {
        void *wrong = NULL;
        TEST(pthread_join(id[t], &wrong) == 0 && !wrong);
    }
    ufm_images_free(read);
    ufm_images_free(made);
}

static bool stop_at_once(void *context, double fraction, const char *what)
{
    (void)what;
    (*(int *)context)++;
    return fraction < 0.5;
}

/* An interrupted or failing build leaves what was there before. */
static void test_file_interrupted(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s", test_file(".h5", "before"));
    ufm_images *made = compose("1:3", (ufm_composite_settings){.seed = 2}, 1);
    int calls = 0;
    TEST(ufm_images_save(made, "{}", path, stop_at_once, &calls, NULL) == UFM_ERROR_CANCELLED);
    TEST(calls > 1);
    ufm_images_free(made);
    ufm_images *bad = test_images(2, 6, (ufm_image_shape){1, 4, 4}, 4);
    TEST(ufm_images_save(bad, "{}", path, NULL, NULL, NULL) == UFM_ERROR_INPUT);
    ufm_images_free(bad);
    char text[16] = "";
    FILE *stream = fopen(path, "r");
    TEST(stream && fgets(text, sizeof text, stream) && strcmp(text, "before") == 0);
    if (stream) fclose(stream);
}

typedef struct {
    const char *format;
    double deviation;
    int64_t label_rows, classes;
    uint8_t label;
    bool matrix; /* images of rank 2 */
} crooked;

static void crooked_row(void *context, int64_t row, uint8_t *bytes)
{
    const crooked *c = context;
    (void)row;
    memset(bytes, 0, (size_t)c->classes);
    bytes[0] = c->label;
}

static ufm_status no_pixels(void *context, int64_t index, uint8_t *bytes, ufm_error *error)
{
    (void)context, (void)index, (void)error;
    memset(bytes, 0, 4);
    return UFM_OK;
}

static void expect_crooked(crooked c, const char *words)
{
    ufm_h5 *file = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s", test_path(".h5"));
    const double scaling[2] = {0, c.deviation};
    const ufm_h5_extents extents = {3, 1, 2, 2};
    TEST_OK(ufm_h5_create(path, &file, NULL));
    TEST_OK(ufm_h5_write_text(file, "format", c.format, NULL));
    TEST_OK(ufm_h5_write_matrix(file, "scaling", 2, 1, scaling, NULL));
    TEST_OK(ufm_h5_write_bytes(file, "labels", c.label_rows, c.classes, crooked_row, &c, NULL));
    if (c.matrix)
        TEST_OK(ufm_h5_write_matrix(file, "images", 2, 1, scaling, NULL));
    else
        TEST_OK(ufm_h5_write_pictures(file, "images", &extents, no_pixels, NULL, NULL));
    TEST_OK(ufm_h5_commit(file, NULL));
    ufm_images *images = NULL;
    ufm_error error = {{0}};
    const int64_t blocks = ufm_memory_live_blocks();
    const ufm_status status = ufm_images_load(path, &images, &error);
    const bool ok =
        status == UFM_ERROR_INPUT && !images && strstr(error.text, words) && strstr(error.text, ".h5");
    if (!ok) fprintf(stderr, "  wanted '%s' in: %s\n", words, error.text);
    CU_ASSERT(ok);
    TEST(ufm_memory_live_blocks() == blocks);
}

static void test_file_refusals(void)
{
    const char *const good = "ufmlab images 1";
    expect_crooked((crooked){"ufmlab solution 1", 1, 3, 2, 1, false}, "format");
    expect_crooked((crooked){good, 0, 3, 2, 1, false}, "deviation");
    expect_crooked((crooked){good, 1, 4, 2, 1, false}, "shape");
    expect_crooked((crooked){good, 1, 3, 1, 1, false}, "2 classes");
    expect_crooked((crooked){good, 1, 3, 2, 2, false}, "0 or 1");
    expect_crooked((crooked){good, 1, 3, 2, 0, false}, "empty");
    expect_crooked((crooked){good, 1, 3, 2, 1, true}, "unsigned bytes");
    ufm_images *images = NULL;
    ufm_error error = {{0}};
    TEST(ufm_images_load(test_file(".h5", "no HDF5"), &images, &error) == UFM_ERROR_INPUT && !images);
    TEST(ufm_images_load("/nonexistent.h5", &images, &error) == UFM_ERROR_IO && !images);
}

static const test_case cases[] = {{"published", test_published},
                                  {"corrected", test_corrected},
                                  {"large_grid", test_large_grid},
                                  {"no_repetition", test_no_repetition},
                                  {"pooled", test_pooled},
                                  {"deterministic", test_deterministic},
                                  {"refusals", test_refusals},
                                  {"out_of_memory", test_out_of_memory},
                                  {"selection", test_selection},
                                  {"file_roundtrip", test_file_roundtrip},
                                  {"file_threads", test_file_threads},
                                  {"file_interrupted", test_file_interrupted},
                                  {"file_refusals", test_file_refusals},
                                  {NULL, NULL}};
const test_suite suite_composite = {"composite", cases};
