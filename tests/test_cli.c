/* The program as a user meets it: keys, exit codes, one-line errors, interruption. */
#include "test.h"
#include <errno.h>
#include <hdf5.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

enum { BUFFER = 65536 };
static char out[BUFFER], err[BUFFER];

static int program(const char *arguments)
{
    return test_program(arguments, out, err, BUFFER);
}

/* ---- Bad input: exit 2, exactly one line that contains the key words, nothing on standard output --- */

static void test_bad_options(void)
{
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"frobnicate", "unknown command"},
        {"solve --clases 4 --samples 1:3", "did you mean --classes"},
        {"solve --zzzzzzzz", "unknown option"},
        {"predict --solver newton --classes 4 --samples 1:1", "other commands"},
        {"predict --classes 4 --samples 1:0", "1:0"},
        {"predict --classes 4 --samples 2:-3", "2:-3"},
        {"predict --classes 4 --samples 5:1", "multiplicity"},
        {"predict --classes 4 --samples 0:1", "multiplicity"},
        {"predict --classes 4 --samples 1:1,1:2", "1"},
        {"predict --classes 4 --samples 1", "1"},
        {"predict --classes 4 --samples ''", "samples"},
        {"predict --classes 4 --samples 1:1000001", "1000000"},
        {"predict --classes 1 --samples 1:1", "--classes"},
        {"predict --classes 4.5 --samples 1:1", "--classes"},
        {"predict --classes 99999999999999999999 --samples 1:1", "--classes"},
        {"predict --classes 4", "exactly one of"},
        {"predict --samples 1:1", "--classes"},
        {"predict --classes 4 --samples 1:1 --counts x.csv", "exactly one of"},
        {"predict --classes 4 --samples 1:1 --lambda-w 0", "--lambda-w"},
        {"predict --classes 4 --samples 1:1 --lambda-h -1e-3", "--lambda-h"},
        {"predict --classes 4 --samples 1:1 --lambda-h nan", "--lambda-h"},
        {"predict --classes 4 --samples 1:1 --lambda-w inf", "--lambda-w"},
        {"predict --classes 4 --samples 1:1 --lambda-b -1", "--lambda-b"},
        {"predict --classes 4 --samples 1:1 --loss mse", "loss"},
        {"predict --classes 4 --samples 1:1 --dim 2", "K-1"},
        {"solve --classes 4 --samples 1:1 --dim 0", "--dim"},
        {"solve --classes 4 --samples 1:1 --dim -3", "--dim"},
        {"solve --classes 4 --samples 1:1 --solver adam", "lbfgs"},
        {"solve --classes 4 --samples 1:1 --tolerance nan", "--tolerance"},
        {"solve --classes 4 --samples 1:1 --init-scale", "needs a value"},
        {"solve --classes 4 --samples 1:1 --json=1", "takes no value"},
        {"solve --classes 4 --samples 1:1 --duplicates both", "keep"},
        {"solve --classes 4 --samples 1:1 stray", "stray"},
        {"solve --classes 4 --samples 1:1 --seed -1", "--seed"},
        {"solve --classes 4 --samples 1:1 --threads 99999", "--threads"},
        {"solve --classes 1000 --samples 3:1000", "fewer classes"},
        {"solve --classes 1000 --samples 500:1 --duplicates merge", "bytes"},
        {"solve --classes 100 --samples 1:1000000 --memory 0.5", "the limit is 512.0 MiB; use"},
        {"certify", "missing argument"},
        {"certify /nonexistent.h5", "/nonexistent.h5"},
        {"certify /tmp", "/tmp"},
        {"verify --ascii", "other commands"},
        {"landscape multistart --ascii --classes 4 --samples 1:1", "no figure"},
        {"landscape nothing-like-this", "saddles"},
        {"landscape slice --kind bogus --classes 4 --samples 1:1", "geodesic"},
        {"landscape spectrum --at nowhere --classes 4 --samples 1:1", "nowhere"},
        {"certify \"$(printf '/no\\nsuch')\"", "/no?such"},
        {"verify --only nothing-like-this", "nothing-like-this"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        test_refusal(cases[i].arguments, cases[i].words);
}

static void expect_file_refusal(const char *option, const char *path, const char *more, const char *words)
{
    char arguments[512];
    snprintf(arguments, sizeof arguments, "solve %s %s %s", option, path, more);
    TEST(strstr(test_refusal(arguments, words), path) != NULL);
}

static void test_bad_files(void)
{
    expect_file_refusal("--labels", test_file(".csv", "a,b\n1,0\n1\n"), "", ":3:");
    expect_file_refusal("--labels", test_file(".csv", "a,b\n1,0\n1,0,1\n"), "", ":3:");
    expect_file_refusal("--labels", test_file(".csv", "a,b\n1,2\n"), "", ":2:");
    expect_file_refusal("--labels", test_file(".csv", "a,b\n1,nan\n"), "", ":2:");
    expect_file_refusal("--labels", test_file(".csv", ""), "", "empty");
    expect_file_refusal("--labels", test_file(".csv", "a,b\n0,0\n"), "", "label");
    expect_file_refusal("--labels", test_file(".csv", "a,b\n1,0\n0,0\n"), "--unlabelled error", ":3:");
    expect_file_refusal("--labels", test_file(".txt", "a,b\n1,0\n"), "", ".csv");
    expect_file_refusal("--counts", test_file(".csv", "tags,count\n0+4,2\n"), "--classes 3", ":2:");
    expect_file_refusal("--counts", test_file(".csv", "tags,count\n0,-1\n"), "", ":2:");
    expect_file_refusal("--counts", test_file(".csv", "tag,count\n0,1\n"), "", ":1:");
    expect_file_refusal("--counts", test_file(".csv", ""), "", "empty");
    expect_file_refusal("--counts", "/tmp", "", "directory");
    expect_file_refusal("--labels", "/nonexistent.csv", "", "No such file");
    expect_file_refusal("--labels", test_file(".arff", "@relation r\n@attribute a numeric\n@data\n1\n"), "",
                        "--label-xml");
    test_refusal("predict --counts /nonexistent.csv", "/nonexistent.csv");
}

static void test_long_line(void)
{
    const char *path = test_path(".csv");
    FILE *stream = fopen(path, "w");
    char block[4096];
    memset(block, '1', sizeof block);
    const int blocks = test_fast() ? 5000 : 25000; /* 20 or 100 MB */
    for (int i = 0; i < blocks; i++) fwrite(block, 1, sizeof block, stream);
    fclose(stream);
    expect_file_refusal("--labels", path, "", ":1:");
    unlink(path);
}

static void test_not_balanced(void)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments, "predict --counts %s", test_file(".csv", "tags,count\n0,3\n1,2\n"));
    test_refusal(arguments, "not balanced");
}

#define SMALL "--classes 4 --samples 1:3,2:2 --lambda-w 5e-3 --lambda-h 1e-3 "

static void test_unwritable(void)
{
    test_refusal("solve " SMALL "--trace /dev/full", "No space left");
    test_refusal("solve " SMALL "--save /dev/full", "/dev/full");
    test_refusal("solve " SMALL "--save /nonexistent/a.h5", "/nonexistent");
    test_refusal("solve " SMALL "--tag-sets /nonexistent/a.csv", "/nonexistent");
    test_refusal("solve " SMALL "--tag-sets /dev/full", "No space left");
    test_refusal("solve " SMALL "--trace /proc/self/mounts/x", "/proc");
    test_refusal("solve " SMALL "--save /", "/");
    test_refusal("verify --only K=2 --out /proc/nope", "/proc/nope");
    /* Standard output itself is full. */
    char command[512];
    const char *binary = getenv("UFMLAB") ? getenv("UFMLAB") : "build/bin/ufmlab";
    static const char *const outputs[] = {"predict " SMALL, "predict --json " SMALL, "solve --json " SMALL,
                                          "--help"};
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        snprintf(command, sizeof command, "'%s' %s > /dev/full 2> /dev/null", binary, outputs[i]);
        const int status = system(command);
        TEST(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    }
}

/* ---- JSON: exactly one object with the promised keys ---------------------------------------------- */

static yajl_val parse(void)
{
    char message[256] = "";
    yajl_val tree = yajl_tree_parse(out, message, sizeof message);
    if (!tree) fprintf(stderr, "  not JSON (%s): %.200s\n", message, out);
    CU_ASSERT(tree != NULL && YAJL_IS_OBJECT(tree));
    TEST(err[0] == '\0');
    return tree;
}

static double number(yajl_val tree, const char *a, const char *b)
{
    const char *path[] = {a, b, NULL};
    yajl_val value = yajl_tree_get(tree, path, yajl_t_number);
    if (!value) fprintf(stderr, "  no number %s%s%s\n", a, b ? "." : "", b ? b : "");
    CU_ASSERT(value != NULL);
    return value ? YAJL_GET_DOUBLE(value) : NAN;
}

static const char *string(yajl_val tree, const char *a)
{
    const char *path[] = {a, NULL};
    yajl_val value = yajl_tree_get(tree, path, yajl_t_string);
    CU_ASSERT(value != NULL);
    return value ? YAJL_GET_STRING(value) : "";
}

static void test_predict_json(void)
{
    TEST(program("predict --json " SMALL) == 0);
    yajl_val t = parse();
    test_close("objective", number(t, "objective", NULL), 0.8775002109417105, 1e-13);
    test_close("weight", number(t, "weight_norm_squared", NULL), 3.711859022379663, 1e-13);
    test_close("margin", number(t, "margin", "2"), 3.938764226106047, 1e-13);
    TEST(number(t, "scale", "1") > number(t, "scale", "2"));
    TEST(number(t, "mu", NULL) < number(t, "mu_critical", NULL));
    TEST(strcmp(string(t, "phase"), "separated") == 0);
    TEST(number(t, "classes", NULL) == 4 && number(t, "samples_total", NULL) == 24);
    yajl_tree_free(t);
    TEST(program("predict --json --lambda-w 1 --lambda-h 1 --classes 5 --samples 1:2") == 0);
    t = parse();
    TEST(strcmp(string(t, "phase"), "collapsed") == 0);
    yajl_tree_free(t);
}

static void test_solve_json(void)
{
    static const char *const solvers[] = {"gd",     "lbfgs",  "gsl-steepest", "gsl-bfgs2",
                                          "gsl-cg", "newton", "varpro"};
    for (size_t i = 0; i < sizeof solvers / sizeof solvers[0]; i++) {
        char arguments[256];
        snprintf(arguments, sizeof arguments,
                 "solve --json --solver %s --max-iterations 20000 --gap-tolerance 1e-5 " SMALL, solvers[i]);
        TEST(program(arguments) == 0);
        yajl_val t = parse();
        test_close("objective", number(t, "objective", NULL), 0.8775002109417105, 1e-7);
        TEST(number(t, "gap", NULL) >= number(t, "objective", NULL) - number(t, "lower_bound", NULL) - 1e-15);
        TEST(number(t, "gradient_norm", NULL) < 1e-5);
        TEST(number(t, "iterations", NULL) > 0 && number(t, "evaluations", NULL) > 0 &&
             number(t, "seconds", NULL) >= 0);
        TEST(strcmp(string(t, "solver"), solvers[i]) == 0 && strcmp(string(t, "verdict"), "global") == 0);
        /* GSL's stop where their line searches do, by luck before or after a gap of 1e-6. */
        TEST(number(t, "gap", NULL) < 1e-8 || strncmp(solvers[i], "gsl-", 4) == 0);
        TEST(number(t, "metrics", "nc1") < 1e-6 && number(t, "metrics", "nc2") < 1e-3 &&
             number(t, "metrics", "nc3") < 1e-3);
        const char *ncm[] = {"metrics", "ncm", "2", NULL};
        TEST(YAJL_GET_DOUBLE(yajl_tree_get(t, ncm, yajl_t_number)) < 1e-3);
        TEST(number(t, "bias_norm", NULL) < 1e-3);
        TEST(number(t, "prediction", "objective_error") < 1e-7 &&
             number(t, "prediction", "gram_error") < 1e-2);
        TEST(number(t, "prediction", "scale_error") < 1e-2);
        yajl_tree_free(t);
    }
}

static void test_solve_files(void)
{
    char arguments[512], counts[160], matrix[160], saved[160];
    snprintf(counts, sizeof counts, "%s",
             test_file(".csv", "tags,count\n0,30\n1,3\n2,3\n3,3\n0+1,2\n2+3,2\n"));
    snprintf(arguments, sizeof arguments, "solve --json --duplicates merge --solver newton --counts %s",
             counts);
    TEST(program(arguments) == 0);
    yajl_val t = parse();
    const char *prediction[] = {"prediction", NULL};
    TEST(yajl_tree_get(t, prediction, yajl_t_any) == NULL && number(t, "features", NULL) == 6);
    const double merged = number(t, "objective", NULL);
    yajl_tree_free(t);
    snprintf(arguments, sizeof arguments, "solve --json --solver newton --counts %s", counts);
    TEST(program(arguments) == 0);
    t = parse();
    test_close("kept against merged", number(t, "objective", NULL), merged, 1e-13);
    TEST(number(t, "features", NULL) == 43);
    yajl_tree_free(t);
    snprintf(matrix, sizeof matrix, "%s", test_file(".csv", "a,b,c\n1,0,0\n0,0,0\n0,1,0\n0,0,1\n1,1,0\n"));
    snprintf(saved, sizeof saved, "%s", test_path(".h5"));
    snprintf(arguments, sizeof arguments, "solve --json --quiet --solver newton --labels %s --save %s",
             matrix, saved);
    TEST(program(arguments) == 0);
    t = parse();
    TEST(number(t, "unlabelled_dropped", NULL) == 1 && number(t, "samples_total", NULL) == 4);
    const double f = number(t, "objective", NULL);
    yajl_tree_free(t);
    snprintf(arguments, sizeof arguments, "solve --labels %s", matrix);
    TEST(program(arguments) == 0 && strstr(err, "without any label") && strstr(out, "duality gap"));
    snprintf(arguments, sizeof arguments, "certify --json %s", saved);
    TEST(program(arguments) == 0);
    t = parse();
    TEST(number(t, "objective", NULL) == f && strcmp(string(t, "verdict"), "global") == 0);
    TEST(number(t, "sigma1", NULL) > 0 && number(t, "mu", NULL) > 0 && number(t, "gap", NULL) < 1e-12);
    TEST(number(t, "lower_bound", NULL) <= f);
    yajl_tree_free(t);
    snprintf(arguments, sizeof arguments, "certify --json --lambda-w 1e-2 %s",
             saved); /* another problem: not its optimum */
    TEST(program(arguments) == 0);
    t = parse();
    TEST(number(t, "lambda_w", NULL) == 1e-2 && strcmp(string(t, "verdict"), "global") != 0);
    yajl_tree_free(t);
}

static double element(yajl_val tree, const char *key, size_t index)
{
    const char *path[] = {key, NULL};
    yajl_val list = yajl_tree_get(tree, path, yajl_t_array);
    const bool there = list && index < YAJL_GET_ARRAY(list)->len;
    CU_ASSERT(there);
    return there ? YAJL_GET_DOUBLE(YAJL_GET_ARRAY(list)->values[index]) : NAN;
}

/* What solve says of W and of each tag set, against Theorem 1: K = 4, |w|^2 and the scales of predict. */
static void test_solve_geometry(void)
{
    char arguments[512], table[160], line[256], tags[32];
    TEST(program("predict --json " SMALL) == 0);
    yajl_val t = parse();
    const double scale[] = {number(t, "scale", "1"), number(t, "scale", "2")};
    yajl_tree_free(t);
    snprintf(table, sizeof table, "%s", test_path(".csv"));
    snprintf(arguments, sizeof arguments, "solve --json --solver newton --tag-sets %s " SMALL, table);
    TEST(program(arguments) == 0);
    t = parse();
    for (size_t k = 0; k < 4; k++) {
        test_close("norm", element(t, "weight_norms", k), sqrt(3.711859022379663), 1e-12);
        for (size_t l = 0; l < 4; l++)
            test_close("gram", element(t, "weight_gram", 4 * k + l) / 3.711859022379663,
                       k == l ? 1 : -1.0 / 3, 1e-12);
    }
    yajl_tree_free(t);
    FILE *stream = fopen(table, "r");
    TEST(stream && fgets(line, sizeof line, stream) &&
         strcmp(line, "tags,count,norm,scale,residual,angle_degrees\n") == 0);
    int rows = 0;
    while (stream && fgets(line, sizeof line, stream)) {
        double count, norm, fitted, residual, angle;
        TEST(sscanf(line, "%31[^,],%lf,%lf,%lf,%lf,%lf", tags, &count, &norm, &fitted, &residual, &angle) ==
             6);
        const int pair = strchr(tags, '+') != NULL;
        TEST(count == (pair ? 2 : 3) && norm > 0);
        test_close("scale", fitted / scale[pair], 1, 1e-11);
        test_at_most("residual", residual, 1e-11);
        test_at_most("angle", angle, 1e-9);
        rows++;
    }
    TEST(rows == 10);
    if (stream) fclose(stream);
}

static void test_saddle_verdict(void)
{
    TEST(program("solve --json --init-scale 0 " SMALL) == 0);
    yajl_val t = parse();
    TEST(strcmp(string(t, "verdict"), "saddle") == 0 && number(t, "iterations", NULL) == 0);
    TEST(number(t, "witness_curvature", NULL) < 0);
    yajl_tree_free(t);
}

static void test_verify_json(void)
{
    TEST(program("verify --json --only K=2") == 0);
    yajl_val t = parse();
    const char *path[] = {"claims", NULL};
    yajl_val claims = yajl_tree_get(t, path, yajl_t_array);
    TEST(claims != NULL && YAJL_GET_ARRAY(claims)->len == 8);
    static const char *const keys[] = {"id", "statement", "instance", "verdict", "expected"};
    for (size_t c = 0; claims && c < YAJL_GET_ARRAY(claims)->len; c++) {
        yajl_val claim = YAJL_GET_ARRAY(claims)->values[c];
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) TEST(string(claim, keys[k])[0] != '\0');
        TEST(number(claim, "measured", NULL) <= number(claim, "tolerance", NULL));
    }
    TEST(number(t, "verified", NULL) == 8 && number(t, "refuted", NULL) == 0 &&
         number(t, "inconclusive", NULL) == 0);
    TEST(number(t, "unexpected", NULL) == 0);
    yajl_tree_free(t);
}

static void test_reproducible(void)
{
    char first[BUFFER], arguments[512], paths[2][160];
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", test_path(".h5"));
        snprintf(arguments, sizeof arguments,
                 "solve --classes 8 --samples 1:40,2:5 --seed 7 --threads 2 --save %s", paths[i]);
        TEST(program(arguments) == 0);
        char *timing = strstr(out, " s\n"); /* the only text that may differ */
        TEST(timing != NULL);
        if (i == 0) sleep(1); /* files must not hold the time either */
        if (i == 0)
            snprintf(first, sizeof first, "%s", timing ? timing : "");
        else
            TEST(timing && strcmp(first, timing) == 0);
    }
    snprintf(arguments, sizeof arguments, "cmp '%s' '%s'", paths[0], paths[1]);
    TEST(system(arguments) == 0);
}

/* ---- Help, and what the README repeats of it ------------------------------------------------------ */

static void test_help(void)
{
    static const char *const commands[] = {"", "predict ", "solve ", "certify ", "verify "};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char arguments[64];
        snprintf(arguments, sizeof arguments, "%s--help", commands[i]);
        TEST(program(arguments) == 0 && strstr(out, "Usage: ufmlab") && err[0] == '\0');
    }
    TEST(program("") == 2 && strstr(err, "Usage: ufmlab"));
    TEST(program("--man-page") == 0 && strncmp(out, ".TH UFMLAB", 10) == 0 && strstr(out, "lambda"));
    TEST(program("--version") == 0 && strncmp(out, "ufmlab ", 7) == 0 && strstr(out, "oneDNN") &&
         strstr(out, "OpenBLAS kernels: "));
}

static void test_readme_options(void)
{
    static char readme[1 << 18];
    FILE *stream = fopen("README.md", "r");
    TEST(stream != NULL);
    if (!stream) return;
    readme[fread(readme, 1, sizeof readme - 1, stream)] = '\0';
    fclose(stream);
    TEST(program("--option-table") == 0);
    if (!strstr(readme, out))
        fprintf(stderr, "  README.md does not hold the output of `ufmlab --option-table`\n");
    TEST(strlen(out) > 500 && strstr(readme, out) != NULL);
}

/* ---- Ctrl-C: stops within a moment, saves the point, exits 1 --------------------------------------- */

static void test_interrupt(void)
{
    const char *binary = getenv("UFMLAB") ? getenv("UFMLAB") : "build/bin/ufmlab";
    char saved[160], trace[160], arguments[512];
    snprintf(saved, sizeof saved, "%s", test_path(".h5"));
    snprintf(trace, sizeof trace, "%s", test_path(".csv"));
    const pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(99);
        execl(binary, binary, "solve", "--classes", "10", "--samples", "1:1000,2:50", "--solver", "gd",
              "--tolerance", "0", "--max-iterations", "100000000", "--save", saved, "--trace", trace,
              (char *)NULL);
        _exit(98);
    }
    usleep(test_fast() ? 3000000 : 700000);
    kill(child, SIGINT);
    int status = 0;
    TEST(waitpid(child, &status, 0) == child);
    TEST(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    TEST(access(trace, R_OK) == 0);
    snprintf(arguments, sizeof arguments, "certify --json %s", saved);
    TEST(program(arguments) == 0);
    yajl_val t = parse();
    TEST(number(t, "gap", NULL) > 0);
    yajl_tree_free(t);
}

/* The data sets of a solution file in a new file of HDF5's default format. */
static void copy_in_old_format(const char *from, const char *to)
{
    const hid_t in = H5Fopen(from, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t file = H5Fcreate(to, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    static const char *const names[] = {"W", "H", "b", "labels", "loss", "lambda", "format"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        TEST(H5Ocopy(in, names[i], file, names[i], H5P_DEFAULT, H5P_DEFAULT) >= 0);
    H5Fclose(file);
    H5Fclose(in);
}

/* A stored file is input like any other. */
static void test_broken_solution(void)
{
    char saved[160], arguments[512];
    snprintf(saved, sizeof saved, "%s", test_path(".h5"));
    snprintf(arguments, sizeof arguments, "solve " SMALL "--save %s", saved);
    TEST(program(arguments) == 0);
    struct stat whole;
    TEST(stat(saved, &whole) == 0);
    snprintf(arguments, sizeof arguments, "certify %s", saved);
    const int steps = test_fast() ? 5 : 60;
    for (int i = 1; i <= steps; i++) {
        TEST(truncate(saved, whole.st_size - whole.st_size * i / (steps + 1)) == 0);
        test_refusal(arguments, saved);
    }
    expect_file_refusal("--labels", saved, "", ".csv");
}

/* Flipped bits, also in the format without checksums that h5py writes: a result or a refusal, never a crash.
 */
static void test_damaged_solution(void)
{
    char saved[160], plain[160], damaged[160], arguments[512];
    static unsigned char bytes[1 << 17];
    snprintf(saved, sizeof saved, "%s", test_path(".h5"));
    snprintf(plain, sizeof plain, "%s", test_path(".h5"));
    snprintf(damaged, sizeof damaged, "%s", test_path(".h5"));
    snprintf(arguments, sizeof arguments, "solve " SMALL "--save %s", saved);
    TEST(program(arguments) == 0);
    copy_in_old_format(saved, plain);
    snprintf(arguments, sizeof arguments, "certify %s", plain);
    TEST(program(arguments) == 0);
    snprintf(arguments, sizeof arguments, "certify %s", damaged);
    ufm_rng *rng = ufm_rng_new(31);
    for (int trial = 0; trial < (test_fast() ? 4 : 300); trial++) {
        FILE *stream = fopen(trial % 2 ? plain : saved, "rb");
        const size_t size = fread(bytes, 1, sizeof bytes, stream);
        fclose(stream);
        for (int flip = 0; flip < 1 + trial % 20; flip++)
            bytes[ufm_rng_below(rng, (int64_t)size)] ^= (unsigned char)(1 << ufm_rng_below(rng, 8));
        stream = fopen(damaged, "wb");
        fwrite(bytes, 1, size, stream);
        fclose(stream);
        const int code = program(arguments);
        const bool ok =
            code == 0 || (code == 2 && strncmp(err, "ufmlab: ", 8) == 0 && strchr(err, '\n')[1] == '\0');
        if (!ok) fprintf(stderr, "  trial %d: exit %d: %s\n", trial, code, err);
        CU_ASSERT(ok);
    }
    ufm_rng_free(rng);
}

static const test_case cases[] = {{"bad_options", test_bad_options},
                                  {"bad_files", test_bad_files},
                                  {"long_line", test_long_line},
                                  {"not_balanced", test_not_balanced},
                                  {"unwritable", test_unwritable},
                                  {"predict_json", test_predict_json},
                                  {"solve_json", test_solve_json},
                                  {"solve_files", test_solve_files},
                                  {"solve_geometry", test_solve_geometry},
                                  {"saddle_verdict", test_saddle_verdict},
                                  {"verify_json", test_verify_json},
                                  {"reproducible", test_reproducible},
                                  {"help", test_help},
                                  {"readme_options", test_readme_options},
                                  {"interrupt", test_interrupt},
                                  {"broken_solution", test_broken_solution},
                                  {"damaged_solution", test_damaged_solution},
                                  {NULL, NULL}};
const test_suite suite_cli = {"cli", cases};
