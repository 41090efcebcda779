/* Slices, phase diagrams, paths and the frames of the collapse; and figures as text. */
#include "instances.h"
#include "landscape/rotation.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/landscape.h>
#include <ufmlab/linalg.h>
#include <ufmlab/report.h>

static ufm_explorer explorer_of(int64_t dim, uint64_t seed)
{
    return (ufm_explorer){
        .objective = {UFM_LOSS_PAL, 5e-3, 1e-3, 1e-2}, .dim = dim, .threads = 1, .seed = seed};
}

/* ---- CSV ---------------------------------------------------------------------------------------- */

typedef struct {
    char part[16];
    double first, second, objective, distance;
} row;
typedef struct {
    int64_t count;
    row *row;
} table;

static table read_rows(FILE *stream)
{
    char line[400];
    table t = {0, NULL};
    rewind(stream);
    TEST(fgets(line, sizeof line, stream) &&
         strcmp(line, "part,step,first,second,objective,distance\n") == 0);
    while (fgets(line, sizeof line, stream)) {
        row r;
        long long step;
        t.row = realloc(t.row, (size_t)(t.count + 1) * sizeof *t.row);
        TEST(sscanf(line, "%15[^,],%lld,%lf,%lf,%lf,%lf", r.part, &step, &r.first, &r.second, &r.objective,
                    &r.distance) == 6);
        t.row[t.count++] = r;
    }
    return t;
}

static const row *find(const table *t, const char *part, int64_t number)
{
    for (int64_t i = 0; i < t->count; i++)
        if (strcmp(t->row[i].part, part) == 0 && number-- == 0) return &t->row[i];
    return NULL;
}

static table slice_of(const ufm_labels *labels, const ufm_explorer *explorer, ufm_slice_settings settings,
                      ufm_slice_info *info)
{
    ufm_error error = {{0}};
    FILE *stream = tmpfile();
    const ufm_status status = ufm_slice_write(labels, explorer, &settings, stream, info, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s: %s\n", ufm_slice_kind_name(settings.kind), error.text);
    TEST(status == UFM_OK);
    const table t = read_rows(stream);
    fclose(stream);
    return t;
}

/* ---- Slices ------------------------------------------------------------------------------------- */

/* The optimum is the least value, and close to it the surface is the quadratic form of the Hessian. */
static void random_slice(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP);
    const ufm_explorer explorer = explorer_of(5, 3);
    enum { POINTS = 11, CENTRE = POINTS / 2 };
    const double half = 1e-2, step = half / CENTRE;
    ufm_slice_info info;
    table t = slice_of(labels, &explorer, (ufm_slice_settings){UFM_SLICE_RANDOM, POINTS, half}, &info);
    TEST(t.count == POINTS * POINTS + 1);
    const double centre = t.row[CENTRE * POINTS + CENTRE].objective;
    test_close("centre", centre, reference_instances[0].objective, 1e-13);
    test_close("optimum", info.optimum, reference_instances[0].objective, 1e-13);
    test_at_most("gap", info.gap, 1e-12);
    for (int i = 0; i < POINTS * POINTS; i++) TEST(t.row[i].objective >= centre);
    const double along[2] = {
        t.row[(CENTRE + 1) * POINTS + CENTRE].objective + t.row[(CENTRE - 1) * POINTS + CENTRE].objective,
        t.row[CENTRE * POINTS + CENTRE + 1].objective + t.row[CENTRE * POINTS + CENTRE - 1].objective};
    for (int a = 0; a < 2; a++)
        test_close("curvature", (along[a] - 2 * centre) / (step * step), info.curvature[a], 1e-4);
    free(t.row);
    t = slice_of(labels, &explorer, (ufm_slice_settings){UFM_SLICE_RANDOM, POINTS, 1.5}, &info);
    TEST(info.least >= info.optimum * (1 - 1e-14) && info.most > info.optimum + 1);
    free(t.row);
    ufm_labels_free(labels);
}

static void saddle_slice(void)
{
    static const struct {
        int64_t classes, dim;
        const char *samples;
    } instances[] = {{4, 4, "1:3,2:2"}, {4, 3, "1:3,2:2"}, {2, 2, "1:3"}, {3, 5, "1:2,2:3"}};
    for (size_t i = 0; i < sizeof instances / sizeof *instances; i++) {
        ufm_labels *labels = test_design(instances[i].classes, instances[i].samples, UFM_DUPLICATES_MERGE);
        const ufm_explorer explorer = explorer_of(instances[i].dim, 1);
        enum { POINTS = 21 };
        ufm_slice_info info;
        table t = slice_of(labels, &explorer, (ufm_slice_settings){UFM_SLICE_SADDLE, POINTS, 1e-3}, &info);
        const row *saddle = find(&t, "saddle", 0), *optimum = find(&t, "optimum", 0);
        TEST(saddle && optimum && saddle->first == 0 && saddle->second == 0);
        test_close("unit distance", hypot(optimum->first, optimum->second), 1, 1e-12);
        TEST(optimum->objective < saddle->objective && optimum->second > 0);
        TEST(info.gap <= 1e-9 && info.curvature[1] < 0);
        if (instances[i].classes > 2) {
            ufm_solution *same =
                test_saddle(labels, &explorer.objective, instances[i].classes - 2, instances[i].dim, 1);
            test_close("saddle", info.saddle, test_objective(labels, &explorer.objective, &same->point),
                       1e-12);
            ufm_solution_free(same);
        }
        for (int64_t j = 0; j < t.count; j++)
            if (strcmp(t.row[j].part, "trajectory") == 0)
                TEST(t.row[j].objective <= saddle->objective &&
                     t.row[j].objective >= optimum->objective - 1e-12);
        free(t.row);
        ufm_labels_free(labels);
    }
}

/* Bilinear interpolation of the surface, POINTS x POINTS. */
static double surface_at(const table *t, int64_t points, double first, double second)
{
    const row *r = t->row;
    const double du = r[points].first - r[0].first, dv = r[1].second - r[0].second;
    const int64_t i = (int64_t)((first - r[0].first) / du), j = (int64_t)((second - r[0].second) / dv);
    if (i < 0 || j < 0 || i >= points - 1 || j >= points - 1) return NAN;
    const double u = (first - r[i * points].first) / du, v = (second - r[j].second) / dv;
    const row *a = r + i * points + j, *b = a + points;
    return (1 - u) * ((1 - v) * a[0].objective + v * a[1].objective) +
           u * ((1 - v) * b[0].objective + v * b[1].objective);
}

static void trajectory_slice(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP);
    const ufm_explorer explorer = explorer_of(4, 2);
    enum { POINTS = 61 };
    ufm_slice_info info;
    table t = slice_of(labels, &explorer, (ufm_slice_settings){UFM_SLICE_TRAJECTORY, POINTS, 1.5}, &info);
    TEST(info.explained[0] >= info.explained[1] && info.explained[0] + info.explained[1] <= 1 + 1e-12);
    test_at_most("unexplained", 1 - info.explained[0] - info.explained[1], 0.2);
    const row *r = find(&t, "trajectory", 0);
    double last = INFINITY, largest = 0;
    for (; r < t.row + t.count && strcmp(r->part, "trajectory") == 0; r++) {
        /* the stated error, and what linear interpolation in a cell may add */
        const double off = fabs(surface_at(&t, POINTS, r->first, r->second) - r->objective);
        test_at_most("projection", off, info.projection + 5e-3);
        largest = fmax(largest, off);
        TEST(r->objective <= last);
        last = r->objective;
    }
    TEST(largest >= 0.5 * info.projection);
    test_close("end", last, reference_instances[0].objective, 1e-12);
    free(t.row);
    ufm_labels_free(labels);
}

static void between_optima(void)
{
    static const struct {
        int64_t dim;
        double lambda_b;
    } instances[] = {{4, 1e-2}, {3, 1e-2}, {7, 1e-2}, {5, 0}};
    ufm_rng *rng = ufm_rng_new(5);
    for (size_t i = 0; i < 2 * sizeof instances / sizeof *instances; i++) {
        ufm_labels *labels = i % 2 == 0 ? test_design(4, "1:3,2:2", UFM_DUPLICATES_KEEP)
                                        : test_random_labels(rng, 4, 7, UFM_DUPLICATES_MERGE);
        ufm_explorer explorer = explorer_of(instances[i / 2].dim, 7);
        explorer.objective.lambda_b = instances[i / 2].lambda_b;
        ufm_slice_info info;
        table t = slice_of(labels, &explorer, (ufm_slice_settings){UFM_SLICE_GEODESIC, 25, 1.5}, &info);
        for (int64_t j = 0; j < t.count; j++) test_close("geodesic", t.row[j].objective, info.optimum, 1e-12);
        TEST(info.rise <= 1e-12 && info.angle > 0.1);
        test_at_most("arrival", info.arrival, 1e-6);
        free(t.row);
        t = slice_of(labels, &explorer, (ufm_slice_settings){UFM_SLICE_LINE, 25, 1}, &info);
        test_close("start", t.row[0].objective, info.optimum, 1e-12);
        test_close("end", t.row[24].objective, info.optimum, 1e-12);
        TEST(info.rise > 1e-3 && info.curvature[0] > 0 && info.least >= info.optimum - 1e-12);
        free(t.row);
        ufm_labels_free(labels);
    }
    ufm_rng_free(rng);
}

static void refusals(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2", UFM_DUPLICATES_MERGE);
    ufm_explorer explorer = explorer_of(4, 1);
    ufm_slice_settings settings = {UFM_SLICE_SADDLE, 5, 1};
    ufm_error error;
    explorer.dim = 2;
    TEST(ufm_slice_write(labels, &explorer, &settings, NULL, NULL, &error) == UFM_ERROR_UNSUPPORTED);
    explorer.dim = 4;
    explorer.objective.lambda_w = explorer.objective.lambda_h = 1; /* collapsed */
    TEST(ufm_slice_write(labels, &explorer, &settings, NULL, NULL, &error) == UFM_ERROR_UNSUPPORTED);
    settings.kind = UFM_SLICE_GEODESIC;
    TEST(ufm_slice_write(labels, &explorer, &settings, NULL, NULL, &error) == UFM_ERROR_UNSUPPORTED);
    settings.extent = NAN;
    TEST(ufm_slice_write(labels, &explorer, &settings, NULL, NULL, &error) == UFM_ERROR_USAGE);
    ufm_labels_free(labels);
}

/* ---- Rotations ---------------------------------------------------------------------------------- */

/* A random rotation with a half turn and a plane that stays, carried to another basis: the way is orthogonal
 * throughout, is the identity at 0 and the rotation at 1. */
static void rotations(void)
{
    enum { D = 7 };
    static const double angles[3] = {M_PI, 0, 2.2};
    ufm_rng *rng = ufm_rng_new(11);
    double basis[D * D], u[D * D], s[D], vt[D * D], block[D * D], half[D * D], O[D * D], R[D * D];
    for (int i = 0; i < D * D; i++) basis[i] = ufm_rng_gaussian(rng);
    TEST_OK(ufm_svd(ufm_view(basis, D, D), u, s, vt));
    memset(block, 0, sizeof block);
    block[D * D - 1] = 1;
    for (int p = 0; p < 3; p++) {
        const int a = 2 * p, b = a + 1;
        block[a + a * D] = block[b + b * D] = cos(angles[p]);
        block[b + a * D] = sin(angles[p]);
        block[a + b * D] = -sin(angles[p]);
    }
    ufm_gemm(1, ufm_view(u, D, D), ufm_view(block, D, D), 0, ufm_view(half, D, D));
    ufm_gemm(1, ufm_view(half, D, D), ufm_transpose(ufm_view(u, D, D)), 0, ufm_view(O, D, D));
    geodesic *way = NULL;
    TEST_OK(geodesic_new(O, D, &way));
    test_close("length", way->length, sqrt(M_PI * M_PI + 2.2 * 2.2), 1e-7);
    for (int step = 0; step <= 8; step++) {
        TEST_OK(geodesic_at(way, step / 8.0, R));
        ufm_gemm(1, ufm_view(R, D, D), ufm_transpose(ufm_view(R, D, D)), 0, ufm_view(half, D, D));
        for (int i = 0; i < D; i++) half[i + i * D] -= 1;
        test_at_most("orthogonal", ufm_norm(D * D, half), 1e-12);
        for (int i = 0; i < D * D; i++) half[i] = step == 0 ? i % (D + 1) == 0 : O[i];
        if (step == 0 || step == 8) test_at_most("end", ufm_distance(D * D, R, half), 1e-7);
    }
    geodesic_free(way);
    ufm_rng_free(rng);
}

/* ---- Phase, path, collapse ---------------------------------------------------------------------- */

static void phase_diagram(void)
{
    const int64_t n = test_fast() ? 4 : 9;
    ufm_explorer explorer = explorer_of(0, 1);
    const ufm_phase_settings settings = {5, 100, 1e-3, 0.1, 0.01, 10, n, n};
    ufm_phase_info info, again;
    char *text[2];
    size_t size[2];
    for (int run = 0; run < 2; run++) {
        FILE *stream = open_memstream(&text[run], &size[run]);
        explorer.threads = 1 + run;
        TEST_OK(ufm_phase_write(&explorer, &settings, stream, run ? &again : &info, NULL));
        fclose(stream);
    }
    TEST(info.cells == n * n && info.mismatches == 0 && info.collapsed > 0 && info.collapsed < info.cells);
    TEST(size[0] == size[1] && memcmp(text[0], text[1], size[0]) == 0);
    free(text[0]);
    free(text[1]);
    explorer.dim = 3;
    TEST(ufm_phase_write(&explorer, &settings, NULL, NULL, NULL) == UFM_ERROR_UNSUPPORTED);
    explorer.dim = 0;
    ufm_phase_settings wrong = settings;
    wrong.ratio_low = NAN;
    TEST(ufm_phase_write(&explorer, &wrong, NULL, NULL, NULL) == UFM_ERROR_USAGE);
}

static void lambda_path(void)
{
    ufm_labels *labels = test_design(4, "1:3,2:2,3:1", UFM_DUPLICATES_MERGE);
    const ufm_explorer explorer = explorer_of(0, 1);
    ufm_path_info info;
    const ufm_path_settings settings = {40, 1e-4, test_fast() ? 5 : 25};
    TEST_OK(ufm_path_write(labels, &explorer, &settings, NULL, &info, NULL));
    TEST(info.points == settings.points && info.restarts <= 1);
    test_at_most("gap", info.worst_gap, 1e-9);
    test_at_most("C_m/C_1", info.worst_scale_ratio, 1e-8);
    test_at_most("margin", info.worst_margin, 1e-8);
    ufm_labels_free(labels);
    ufm_rng *rng = ufm_rng_new(3);
    labels = test_random_labels(rng, 4, 8, UFM_DUPLICATES_MERGE);
    TEST_OK(ufm_path_write(labels, &explorer, &settings, NULL, &info, NULL));
    test_at_most("gap", info.worst_gap, 1e-9);
    TEST(isnan(info.worst_margin) && isnan(info.worst_scale_ratio));
    ufm_labels_free(labels);
    ufm_rng_free(rng);
}

static void collapse_frames(void)
{
    ufm_labels *labels = test_design(3, "1:3,2:2", UFM_DUPLICATES_KEEP);
    const ufm_explorer explorer = explorer_of(3, 1);
    ufm_collapse_info info;
    ufm_error error;
    FILE *stream = tmpfile();
    char line[200];
    TEST_OK(ufm_collapse_write(labels, &explorer, &(ufm_collapse_settings){20, 0.05}, stream, &info, &error));
    TEST(info.frames >= 8 && info.frames <= 20 && info.gap <= 1e-9);
    rewind(stream);
    int64_t rows = -1;
    while (fgets(line, sizeof line, stream)) rows++;
    TEST(rows == info.frames * (3 + labels->columns));
    fclose(stream);
    ufm_labels_free(labels);
}

static bool refuse(void *context, double fraction, const char *what)
{
    (void)fraction;
    (void)what;
    return --*(int *)context > 0;
}

static void cancellation(void)
{
    ufm_labels *labels = test_design(3, "1:3,2:2", UFM_DUPLICATES_KEEP);
    const int64_t live = ufm_memory_live_blocks();
    for (int kind = 0; kind < UFM_SLICE_KINDS; kind++) {
        int calls = 5;
        ufm_explorer explorer = explorer_of(3, 1);
        explorer.progress = refuse;
        explorer.context = &calls;
        TEST(ufm_slice_write(labels, &explorer, &(ufm_slice_settings){(ufm_slice_kind)kind, 9, 1}, NULL, NULL,
                             NULL) == UFM_ERROR_CANCELLED);
        calls = 5;
        TEST(ufm_path_write(labels, &explorer, &(ufm_path_settings){10, 1e-3, 5}, NULL, NULL, NULL) ==
             UFM_ERROR_CANCELLED);
        TEST(ufm_memory_live_blocks() == live);
    }
    ufm_labels_free(labels);
}

static ufm_status everything(const ufm_labels *labels)
{
    const ufm_explorer explorer = explorer_of(3, 1);
    ufm_status status = UFM_OK;
    for (int kind = 0; kind < UFM_SLICE_KINDS && status == UFM_OK; kind++)
        status = ufm_slice_write(labels, &explorer, &(ufm_slice_settings){(ufm_slice_kind)kind, 3, 1}, NULL,
                                 NULL, NULL);
    if (status == UFM_OK)
        status = ufm_path_write(labels, &explorer, &(ufm_path_settings){1, 0.5, 2}, NULL, NULL, NULL);
    if (status == UFM_OK)
        status = ufm_collapse_write(labels, &explorer, &(ufm_collapse_settings){8, 0.1}, NULL, NULL, NULL);
    return status;
}

static void no_leak_without_memory(void)
{
    if (test_fast()) return;
    ufm_labels *labels = test_design(3, "1:1", UFM_DUPLICATES_MERGE);
    const int64_t live = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 5000; budget++) {
        ufm_memory_fail_after(budget);
        status = everything(labels);
        ufm_memory_fail_after(-1);
        TEST(ufm_memory_live_blocks() == live);
    }
    TEST(status == UFM_OK);
    ufm_labels_free(labels);
}

/* ---- Figures ------------------------------------------------------------------------------------ */

static bool has_gnuplot(void)
{
    static const char command[] = "gnuplot --version > /dev/null 2>&1";
    return system(command) == 0;
}

/* Every kind as text of the size asked for, and without a display no window. */
static void figures_as_text(void)
{
    if (!has_gnuplot() || test_fast()) return;
    ufm_labels *labels = test_design(3, "1:2,2:1", UFM_DUPLICATES_MERGE);
    const ufm_explorer explorer = explorer_of(3, 1);
    for (int kind = 0; kind < UFM_SLICE_KINDS; kind++) {
        ufm_error error = {{0}};
        char *text = NULL;
        size_t size = 0;
        const char *path = test_path(".csv");
        FILE *stream = fopen(path, "w");
        TEST_OK(ufm_slice_write(labels, &explorer, &(ufm_slice_settings){(ufm_slice_kind)kind, 9, 1.5},
                                stream, NULL, NULL));
        fclose(stream);
        const ufm_figure figure = {"slice", path, "slice"};
        stream = open_memstream(&text, &size);
        const ufm_status status = ufm_figure_text(&figure, 90, 30, stream, &error);
        fclose(stream);
        if (status != UFM_OK) fprintf(stderr, "  %s\n", error.text);
        TEST(status == UFM_OK);
        int lines = 0;
        for (const char *at = text; at && (at = strchr(at, '\n')); at++) lines++;
        TEST(lines == 30 && strchr(text, '\f') == NULL && strchr(text, '\033') == NULL);
        free(text);
        unsetenv("DISPLAY");
        unsetenv("WAYLAND_DISPLAY");
        TEST(ufm_figure_window(&figure, &error) == UFM_ERROR_UNSUPPORTED && strstr(error.text, "display"));
    }
    ufm_labels_free(labels);
}

static const test_case cases[] = {{"random_slice", random_slice},
                                  {"saddle_slice", saddle_slice},
                                  {"trajectory_slice", trajectory_slice},
                                  {"between_optima", between_optima},
                                  {"refusals", refusals},
                                  {"rotations", rotations},
                                  {"phase_diagram", phase_diagram},
                                  {"lambda_path", lambda_path},
                                  {"collapse_frames", collapse_frames},
                                  {"cancellation", cancellation},
                                  {"no_leak_without_memory", no_leak_without_memory},
                                  {"figures_as_text", figures_as_text},
                                  {NULL, NULL}};
const test_suite suite_slices = {"slices", cases};
