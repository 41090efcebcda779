/* Decoding and the published metrics on exact geometries and against other routes; .npy files. */
#include "test.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/linalg.h>
#include <ufmlab/metrics.h>

enum { K = 10, PER_SET = 3, MOST = (K + K * (K - 1) / 2) * PER_SET };

typedef struct {
    ufm_labels *labels;
    ufm_point point;
    double W[K * K], H[K * MOST], b[K];
} instance;

/* Singles and pairs; features sum_{k in S} e_k (an orthogonal frame), or of the ETF; plus noise. */
static void start(instance *in, bool etf, double noise, uint64_t seed)
{
    ufm_design *design = NULL;
    const ufm_expansion keep = {.duplicates = UFM_DUPLICATES_KEEP, .dim = K, .copies = 1};
    ufm_rng *rng = ufm_rng_new(seed);
    memset(in, 0, sizeof *in);
    TEST_OK(ufm_design_parse(K, "1:3,2:3", &design, NULL));
    TEST_OK(ufm_design_expand(design, &keep, &in->labels, NULL));
    CU_ASSERT_FATAL(in->labels && in->labels->columns == MOST);
    ufm_etf_classifier(K, K, 1, in->W);
    for (int64_t i = 0; i < MOST; i++) {
        const ufm_tag_set set = ufm_labels_set(in->labels, i);
        for (int64_t j = 0; j < K; j++) {
            for (int64_t t = 0; t < set.tags; t++)
                in->H[i * K + j] += etf ? 6 * in->W[set.tag[t] + j * K] : set.tag[t] == j;
            in->H[i * K + j] += noise * ufm_rng_gaussian(rng);
        }
    }
    in->point = (ufm_point){K, K, MOST, in->W, in->H, in->b};
    ufm_design_free(design);
    ufm_rng_free(rng);
}

static void test_perfect(void)
{
    instance in;
    ufm_decoding_score score[UFM_DECODERS];
    start(&in, true, 1e-3, 1);
    const ufm_decoding decoding = {&in.point, in.labels, &in.point, in.labels, 0.25};
    TEST_OK(ufm_decode(&decoding, score, NULL));
    for (int d = 0; d < UFM_DECODERS; d++) {
        test_close(ufm_decoder_name((ufm_decoder)d), score[d].exact_match, 1, 0);
        test_close("IoU", score[d].iou, 1, 1e-15);
        test_close("F1", score[d].f1, 1, 1e-15);
    }
    ufm_labels_free(in.labels);
}

/* Features without information: top-k by hand, IoU and F1 of each other's formula. */
static void test_scores(void)
{
    instance in;
    ufm_decoding_score score[UFM_DECODERS];
    start(&in, true, 0, 1);
    memset(in.H, 0, sizeof in.H);
    for (int k = 0; k < K; k++) in.b[k] = -0.1 * k; /* always 0, then 1 */
    const ufm_decoding decoding = {&in.point, in.labels, &in.point, in.labels, 0.99};
    TEST_OK(ufm_decode(&decoding, score, NULL));
    /* Of 55 sets: {0} and {0,1} are met; pairs with one of 0 and 1 score 1/3; 8 each. */
    test_close("top-k, exact", score[UFM_DECODER_TOP].exact_match, 2.0 / 55, 1e-15);
    test_close("top-k, IoU", score[UFM_DECODER_TOP].iou, (2 + 16.0 / 3) / 55, 1e-15);
    test_close("top-k, F1", score[UFM_DECODER_TOP].f1, (2 + 16.0 / 2) / 55, 1e-15);
    /* The threshold leaves {0}: right once, half of 9 pairs. */
    test_close("threshold, exact", score[UFM_DECODER_THRESHOLD].exact_match, 1.0 / 55, 1e-15);
    test_close("threshold, IoU", score[UFM_DECODER_THRESHOLD].iou, (1 + 9.0 / 2) / 55, 1e-15);
    test_close("threshold, F1", score[UFM_DECODER_THRESHOLD].f1, (1 + 9 * 2.0 / 3) / 55, 1e-15);
    ufm_labels_free(in.labels);
}

/* The floors that non-negative features cannot fall below, and the denominator of an orthogonal frame. */
static void test_published_floors(void)
{
    instance in;
    ufm_published_metrics p;
    start(&in, false, 0, 1);
    TEST_OK(ufm_metrics_published(&in.point, in.labels, &p, NULL));
    test_close("nc2_w", p.nc2_w, 0, 1e-14);
    test_close("nc2_h", p.nc2_h, sqrt(2 - 2 * sqrt((K - 1.0) / K)), 1e-13);
    test_close("angle", p.angle_degrees, 0, 1e-6);
    test_close("nc1", p.nc1, 0, 1e-20);
    ufm_labels_free(in.labels);
    /* With a little noise both means exist; the denominator is that of the frame. */
    start(&in, false, 1e-4, 2);
    TEST_OK(ufm_metrics_published(&in.point, in.labels, &p, NULL));
    test_close("denominator", p.angle_degrees / p.ncm, 77.333, 1e-3);
    ufm_labels_free(in.labels);
}

/* NC1 with the inverse of Sigma_B by Cholesky instead of its eigenvectors, and everything from plain loops.
 */
static void test_published_route(void)
{
    instance in;
    ufm_published_metrics p;
    double mean[K][K] = {{0}}, global[K] = {0}, trace = 0, mass = 0;
    start(&in, false, 0.2, 3);
    TEST_OK(ufm_metrics_published(&in.point, in.labels, &p, NULL));
    for (int k = 0; k < K; k++)
        for (int j = 0; j < K; j++) {
            for (int s = 0; s < PER_SET; s++) mean[k][j] += in.H[(k * PER_SET + s) * K + j] / PER_SET;
            global[j] += mean[k][j] * PER_SET / MOST;
        }
    for (int i = 0; i < K * PER_SET; i++) {
        double between[K * K] = {0}, off[K], solved[K];
        if (i % PER_SET == 0) continue; /* replaced by the mean there */
        for (int k = 0; k < K; k++)
            for (int a = 0; a < K; a++)
                for (int c = 0; c < K; c++)
                    between[a + c * K] += (mean[k][a] - global[a]) * (mean[k][c] - global[c]) / K;
        for (int j = 0; j < K; j++) solved[j] = off[j] = in.H[i * K + j] - mean[i / PER_SET][j];
        TEST_OK(ufm_solve_spd(K, between, solved));
        for (int j = 0; j < K; j++) trace += off[j] * solved[j] / (K * PER_SET);
    }
    test_close("nc1", p.nc1, trace / K, 1e-9);
    for (int i = 0; i < MOST; i++) {
        const ufm_tag_set set = ufm_labels_set(in.labels, i);
        double e[K], sum = 0;
        for (int k = 0; k < K; k++) {
            e[k] = 0;
            for (int j = 0; j < K; j++) e[k] += in.W[k + j * K] * in.H[i * K + j];
            sum += e[k] = exp(e[k]);
        }
        for (int t = 0; t < set.tags; t++) mass += e[set.tag[t]] / sum / MOST;
    }
    test_close("softmax mass", p.iou, mass, 1e-13);
    ufm_labels_free(in.labels);
}

/* ---- .npy ---- */

static const char *npy(const char *header, const void *numbers, size_t bytes)
{
    const char *path = test_path(".npy");
    FILE *stream = fopen(path, "wb");
    const size_t length = strlen(header);
    if (!stream) abort();
    fwrite("\x93NUMPY\x01\x00", 1, 8, stream);
    fputc((int)(length & 255), stream);
    fputc((int)(length >> 8), stream);
    fwrite(header, 1, length, stream);
    fwrite(numbers, 1, bytes, stream);
    fclose(stream);
    return path;
}

static void test_npy(void)
{
    const double numbers[] = {1, 2, 3, 4, 5, 6};
    int64_t rows, cols;
    double *x = NULL;
    ufm_error error;
    const char *path = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", numbers, 48);
    TEST_OK(ufm_npy_read(path, &rows, &cols, &x, NULL));
    TEST(x && rows == 2 && cols == 3 && x[0] == 1 && x[1] == 4 && x[2] == 2 && x[5] == 6);
    ufm_free(x);
    x = NULL;
    static const struct {
        const char *header;
        size_t bytes;
    } bad[] = {{"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", 47},
               {"{'descr': '>f8', 'fortran_order': False, 'shape': (2, 3), }\n", 48},
               {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3, 1), }\n", 48},
               {"{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 3), }\n", 48},
               {"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999999999, 99), }\n", 48},
               {"{'descr': '<f8', 'shape': (2, 3), }\n", 48},
               {"", 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const ufm_status status =
            ufm_npy_read(npy(bad[i].header, numbers, bad[i].bytes), &rows, &cols, &x, &error);
        if (status != UFM_ERROR_INPUT) fprintf(stderr, "  accepted: %s\n", bad[i].header);
        CU_ASSERT(status == UFM_ERROR_INPUT && x == NULL);
    }
    const double nan[] = {NAN};
    TEST(ufm_npy_read(npy("{'descr': '<f8', 'fortran_order': True, 'shape': (1,), }", nan, 8), &rows, &cols,
                      &x, &error) == UFM_ERROR_INPUT);
    TEST(ufm_npy_read("/nonexistent.npy", &rows, &cols, &x, &error) == UFM_ERROR_IO);
}

static void test_commands(void)
{
    static char out[16384], err[4096];
    char directory[128], arguments[900];
    test_directory(directory, sizeof directory);
    snprintf(arguments, sizeof arguments, "solve --classes 4 --samples 1:3,2:2 --save '%s/s.h5' --quiet",
             directory);
    TEST(test_program(arguments, NULL, NULL, 0) == 0);
    snprintf(arguments, sizeof arguments, "metrics '%s/s.h5' --as-published --json", directory);
    TEST(test_program(arguments, out, err, sizeof err) == 0 && strstr(out, "\"as_published\"") &&
         strstr(out, "\"nc1\""));
    snprintf(arguments, sizeof arguments, "decode '%s/s.h5' --json", directory);
    TEST(test_program(arguments, out, err, sizeof err) == 0 && strstr(out, "\"onn\"") &&
         strstr(out, "\"exact_match\": 1"));
    snprintf(arguments, sizeof arguments,
             "decode --features '%s/s.h5:/H' --labels '%s/s.h5:/labels' --weights '%s/s.h5:/W'", directory,
             directory, directory);
    TEST(test_program(arguments, out, err, sizeof err) == 0 && strstr(out, "onn") != NULL);
    TEST(test_program("metrics", out, err, sizeof err) == 2 && strstr(err, "--features"));
}

static const test_case cases[] = {{"perfect", test_perfect},
                                  {"scores", test_scores},
                                  {"published_floors", test_published_floors},
                                  {"published_route", test_published_route},
                                  {"npy", test_npy},
                                  {"commands", test_commands},
                                  {NULL, NULL}};
const test_suite suite_decode = {"decode", cases};
