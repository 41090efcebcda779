/* Figures by gnuplot and the HTML page. */
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ufmlab/io.h>
#include <ufmlab/report.h>
#include <unistd.h>

static const char *const convergence_csv = "solver,iteration,objective_gap,gradient_norm\n"
                                           "lbfgs,0,1,2\nlbfgs,1,0.1,0.3\nlbfgs,2,-1e-17,1e-9\n"
                                           "gsl-bfgs2,0,1,2\ngsl-bfgs2,1,0.5,1\ngsl-bfgs2,2,0,1e-3\n";
static const char *const gram_csv = "panel,row,column,value\n"
                                    "measured,0,0,1\nmeasured,0,1,-1\nmeasured,1,0,-1\nmeasured,1,1,1\n"
                                    "predicted,0,0,1\npredicted,0,1,-1\npredicted,1,0,-1\npredicted,1,1,1\n"
                                    "difference,0,0,0\ndifference,0,1,0\ndifference,1,0,0\n"
                                    "difference,1,1,0\n";
static const char *const path_csv =
    "mu_ratio,multiplicity,margin_predicted,margin_measured,scale_predicted,scale_measured\n"
    "0.01,1,5,5,1,1\n0.01,2,4,4,0.8,0.8\n0.5,1,1,1,0.5,0.5\n0.5,2,0.8,0.8,0.4,0.4\n"
    "1.5,1,0,1e-9,nan,-nan\n1.5,2,0,0,,\n";
static const char *const collapse_csv =
    "stage,multiplicity,tag_set,sample,x,y,z\n"
    "before,1,0,0,0.3,0.2,0\nbefore,1,1,1,-1,0.5,0\nbefore,1,2,2,0.1,0.1,0\nbefore,2,0+1,3,0.2,0.9,0\n"
    "after,1,0,0,0,1,0\nafter,1,1,1,-0.8,-0.5,0\nafter,1,2,2,0.8,-0.5,0\nafter,2,0+1,3,-0.8,0.5,0\n";

/* ---- Helpers ------------------------------------------------------------------------------------ */

/* The whole file, NUL-terminated; NULL when it cannot be read. Release with free. */
static char *content(const char *path, size_t *size)
{
    struct stat status;
    FILE *stream = stat(path, &status) == 0 ? fopen(path, "rb") : NULL;
    if (!stream) return NULL;
    char *text = calloc(1, (size_t)status.st_size + 1);
    *size = text ? fread(text, 1, (size_t)status.st_size, stream) : 0;
    fclose(stream);
    return text;
}

static bool starts_with(const char *directory, const char *name, const char *suffix, const char *magic)
{
    char path[256];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s.%s", directory, name, suffix);
    char *text = content(path, &size);
    const bool ok = text && size > 1000 && memcmp(text, magic, strlen(magic)) == 0;
    free(text);
    return ok;
}

static bool has_gnuplot(void)
{
    static const char command[] = "gnuplot --version > /dev/null 2>&1";
    return system(command) == 0;
}

/* ---- Figures ------------------------------------------------------------------------------------ */

static void draw_and_check(const char *script, const char *csv_text)
{
    char directory[160], csv[160];
    ufm_error error = {""};
    test_directory(directory, sizeof directory);
    snprintf(csv, sizeof csv, "%s", test_file(" it's.csv", csv_text));
    const ufm_figure figure = {script, csv, "picture"};
    const ufm_status status = ufm_figure_draw(&figure, directory, &error);
    if (status != UFM_OK) fprintf(stderr, "  %s: %s\n", script, error.text);
    TEST(status == UFM_OK);
    TEST(starts_with(directory, "picture", "svg", "<?xml"));
    TEST(starts_with(directory, "picture", "pdf", "%PDF-"));
    TEST(starts_with(directory, "picture", "png", "\x89PNG\r\n\x1a\n"));
    TEST(test_entries(directory) == 3);
}

static void every_script_draws(void)
{
    if (!has_gnuplot()) return;
    draw_and_check("convergence", convergence_csv);
    draw_and_check("gram", gram_csv);
    draw_and_check("lambda-path", path_csv);
    draw_and_check("collapse", collapse_csv);
}

static void gram_of_many_classes(void)
{
    enum { CLASSES = 100, CELL = 40 };
    if (!has_gnuplot()) return;
    static const char *const panels[] = {"measured", "predicted", "difference"};
    char *text = ufm_alloc(3 * CLASSES * CLASSES + 1, CELL), *end = text;
    end += sprintf(end, "panel,row,column,value\n");
    for (int panel = 0; panel < 3; panel++)
        for (int row = 0; row < CLASSES; row++)
            for (int column = 0; column < CLASSES; column++)
                end += snprintf(end, CELL, "%s,%d,%d,%g\n", panels[panel], row, column,
                                row == column ? 1 : -0.01);
    draw_and_check("gram", text);
    ufm_free(text);
}

/* An old figure stays, and no trace of the attempt. */
static void refuse(const char *script, const char *csv_text)
{
    char directory[160], csv[160], old[200];
    ufm_error error = {""};
    test_directory(directory, sizeof directory);
    snprintf(csv, sizeof csv, "%s", test_file(".csv", csv_text));
    snprintf(old, sizeof old, "%s/picture.svg", directory);
    FILE *stream = fopen(old, "w");
    fputs("old", stream);
    fclose(stream);
    const ufm_figure figure = {script, csv, "picture"};
    TEST(ufm_figure_draw(&figure, directory, &error) == UFM_ERROR_IO);
    TEST(strstr(error.text, csv) && strstr(error.text, "; "));
    if (strchr(csv_text, ',') == NULL || strncmp(csv_text, "x,y", 3) == 0)
        TEST(strstr(error.text, "header must be") != NULL);
    size_t size = 0;
    char *text = content(old, &size);
    TEST(text && strcmp(text, "old") == 0);
    free(text);
    TEST(test_entries(directory) == 1);
}

static void broken_csv(void)
{
    if (!has_gnuplot()) return;
    static const char *const scripts[] = {"convergence",       "gram",          "lambda-path",
                                          "collapse",          "geometry-gram", "geometry-classes",
                                          "geometry-tag-sets", "tag-wise-law"};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) refuse(scripts[i], "x,y\n1,2\n");
    refuse("convergence", "solver,iteration,objective_gap,gradient_norm\n");
    refuse("gram", "panel,row,column,value\nmeasured,0,0,1\npredicted,0,0,1\n");
    refuse("lambda-path", "mu_ratio,multiplicity,margin_predicted,margin_measured,scale_predicted,"
                          "scale_measured\nx,y,z,u,v,w\n");
    refuse("collapse", "stage,multiplicity,tag_set,sample,x,y,z\n");
    refuse("geometry-gram",
           "row,column,row_class,column_class,cosine,correlation\n0,0,0,0,1,1\n0,1,0,1,0.5,0\n");
}

static void missing_things(void)
{
    char directory[160], csv[160];
    ufm_error error = {""};
    test_directory(directory, sizeof directory);
    snprintf(csv, sizeof csv, "%s", test_file(".csv", gram_csv));
    ufm_figure figure = {"no-such-script", csv, "picture"};
    TEST(ufm_figure_draw(&figure, directory, &error) == UFM_ERROR_IO);
    TEST(strstr(error.text, "no-such-script.gp") && strstr(error.text, "UFMLAB_PLOTS"));
    figure.script = "gram";
    figure.csv = "/nonexistent.csv";
    TEST(ufm_figure_draw(&figure, directory, &error) == UFM_ERROR_IO &&
         strstr(error.text, "/nonexistent.csv"));
    figure.csv = csv;
    TEST(ufm_figure_draw(&figure, "/proc/nope", &error) == UFM_ERROR_IO && strstr(error.text, "/proc/nope"));
    TEST(test_entries(directory) == 0);
}

static void missing_gnuplot(void)
{
    char directory[160], csv[160];
    test_directory(directory, sizeof directory);
    snprintf(csv, sizeof csv, "%s", test_file(".csv", gram_csv));
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        ufm_error error = {""};
        const ufm_figure figure = {"gram", csv, "picture"};
        setenv("PATH", directory, 1);
        if (ufm_figure_draw(&figure, directory, &error) != UFM_ERROR_IO) _exit(2);
        _exit(strstr(error.text, "install gnuplot") ? 0 : 3);
    }
    int status = -1;
    waitpid(child, &status, 0);
    TEST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    TEST(test_entries(directory) == 0);
}

/* ---- The page ----------------------------------------------------------------------------------- */

static void write_svg(const char *directory, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.svg", directory, name);
    FILE *stream = fopen(path, "w");
    fputs(text, stream);
    fclose(stream);
}

static const char *const drawing =
    "<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"x\" \"y\">\n<svg width=\"9\">"
    "<path id='point'/><use xlink:href='#point'/><g fill=\"url(#point)\"/></svg>\n";

static void page_holds_everything(void)
{
    char directory[160], path[200];
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/index.html", directory);
    write_svg(directory, "one", drawing);
    write_svg(directory, "two", drawing);
    const char *const header[] = {"claim <b>", "verdict", "value"};
    const char *const cells[] = {"a & b",   "VERIFIED", "1.5e-12", "<script>alert('x')</script>",
                                 "REFUTED", "nan?",     "c",       "INCONCLUSIVE",
                                 ""};
    ufm_page *page = ufm_page_new("Title with \"<&>\"");
    ufm_page_heading(page, "Heading <1>");
    ufm_page_paragraph(page, "x < y & z");
    ufm_page_table(page, 3, 3, header, cells);
    ufm_page_figure(page, directory, "one", "Caption <one>");
    ufm_page_figure(page, directory, "two", "Caption two");
    TEST_OK(ufm_page_write(page, path, NULL));
    ufm_page_free(page);
    size_t size = 0;
    char *text = content(path, &size);
    TEST(text != NULL);
    static const char *const wanted[] = {
        "<!DOCTYPE html>",
        "Title with &quot;&lt;&amp;&gt;&quot;",
        "Heading &lt;1&gt;",
        "x &lt; y &amp; z",
        "claim &lt;b&gt;",
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
        "<td class=\"verified\">\u2713 VERIFIED</td>",
        "<td class=\"refuted\">\u2717 REFUTED</td>",
        "<td class=\"inconclusive\">? INCONCLUSIVE</td>",
        "<td class=\"number\">1.5e-12</td>",
        "<path id='fig1-point'/><use xlink:href='#fig1-point'/><g fill=\"url(#fig1-point)\"/></svg>",
        "<path id='fig2-point'/>",
        "Caption &lt;one&gt;",
        "/one.pdf\">pdf</a>",
        "/two.png\">png</a>",
        "prefers-color-scheme:dark",
        "@media print",
        "</html>"};
    for (size_t i = 0; text && i < sizeof wanted / sizeof *wanted; i++) {
        if (!strstr(text, wanted[i])) fprintf(stderr, "  the page lacks %s\n", wanted[i]);
        TEST(strstr(text, wanted[i]) != NULL);
    }
    TEST(text && !strstr(text, "<script") && !strstr(text, "<?xml") && !strstr(text, "http"));
    free(text);
}

static void page_failures(void)
{
    char directory[160], path[200];
    ufm_error error = {""};
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/index.html", directory);
    write_svg(directory, "bad", "<svg><script>x</script></svg>");
    write_svg(directory, "other", "not a drawing");
    static const struct {
        const char *name;
        ufm_status status;
    } figures[] = {{"missing", UFM_ERROR_IO}, {"bad", UFM_ERROR_INPUT}, {"other", UFM_ERROR_INPUT}};
    for (int i = 0; i < 3; i++) {
        ufm_page *page = ufm_page_new("title");
        ufm_page_figure(page, directory, figures[i].name, "caption");
        ufm_page_paragraph(page, "more");
        TEST(ufm_page_write(page, path, &error) == figures[i].status);
        TEST(strstr(error.text, figures[i].name) != NULL);
        ufm_page_free(page);
    }
    TEST(access(path, F_OK) != 0);
    ufm_page *page = ufm_page_new("title");
    TEST(ufm_page_write(page, "/dev/full", &error) == UFM_ERROR_IO && strstr(error.text, "No space left"));
    ufm_page_free(page);
    ufm_page_free(NULL);
}

static ufm_status build_page(const char *directory, const char *path)
{
    ufm_page *page = ufm_page_new("title");
    if (!page) return UFM_ERROR_MEMORY;
    for (int i = 0; i < 300; i++) ufm_page_paragraph(page, "A paragraph that makes the text grow.");
    ufm_page_figure(page, directory, "one", "caption");
    const ufm_status status = ufm_page_write(page, path, NULL);
    ufm_page_free(page);
    return status;
}

static void no_leak_without_memory(void)
{
    char directory[160], path[200];
    test_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/index.html", directory);
    write_svg(directory, "one", drawing);
    const int64_t live = ufm_memory_live_blocks();
    ufm_status status = UFM_ERROR_MEMORY;
    for (int64_t budget = 0; status == UFM_ERROR_MEMORY && budget < 500; budget++) {
        ufm_memory_fail_after(budget);
        status = build_page(directory, path);
        ufm_memory_fail_after(-1);
        TEST(ufm_memory_live_blocks() == live);
    }
    TEST(status == UFM_OK);
}

static const test_case cases[] = {{"every_script_draws", every_script_draws},
                                  {"gram_of_many_classes", gram_of_many_classes},
                                  {"broken_csv", broken_csv},
                                  {"missing_things", missing_things},
                                  {"missing_gnuplot", missing_gnuplot},
                                  {"page_holds_everything", page_holds_everything},
                                  {"page_failures", page_failures},
                                  {"no_leak_without_memory", no_leak_without_memory},
                                  {NULL, NULL}};
const test_suite suite_report = {"report", cases};
