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

/* The published code's steps with its arrays: the mean of a class lives where its first sample was. */
typedef struct {
    double sample[MOST][K];
    double *mean[K]; /* alias sample[] */
    double global[K];
} arrays;

static void follow_arrays(const instance *in, arrays *a)
{
    memset(a, 0, sizeof *a);
    for (int i = 0; i < MOST; i++)
        for (int j = 0; j < K; j++) a->sample[i][j] = in->H[i * K + j];
    for (int i = 0; i < MOST; i++) {
        const ufm_tag_set set = ufm_labels_set(in->labels, i);
        if (set.tags != 1) continue;
        const int k = set.tag[0];
        for (int j = 0; j < K; j++) a->global[j] += a->sample[i][j] / MOST; /* of all samples, not of these */
        if (!a->mean[k]) {
            a->mean[k] = a->sample[i];
            continue;
        }
        for (int j = 0; j < K; j++) a->mean[k][j] += a->sample[i][j];
    }
    for (int k = 0; k < K; k++)
        for (int j = 0; j < K; j++) a->mean[k][j] /= PER_SET;
}

/* NC1 with the inverse of Sigma_B by Cholesky instead of its eigenvectors. */
static double route_nc1(const instance *in, const arrays *a)
{
    double trace = 0;
    for (int i = 0; i < MOST; i++) {
        const ufm_tag_set set = ufm_labels_set(in->labels, i);
        double between[K * K] = {0}, off[K], solved[K];
        if (set.tags != 1) continue;
        for (int k = 0; k < K; k++)
            for (int p = 0; p < K * K; p++)
                between[p] +=
                    (a->mean[k][p % K] - a->global[p % K]) * (a->mean[k][p / K] - a->global[p / K]) / K;
        for (int j = 0; j < K; j++) solved[j] = off[j] = a->sample[i][j] - a->mean[set.tag[0]][j];
        TEST_OK(ufm_solve_spd(K, between, solved));
        for (int j = 0; j < K; j++) trace += off[j] * solved[j] / (K * PER_SET);
    }
    return trace / K;
}

/* |P/|P| - (I - J/K)/sqrt(K-1)|^2 = 2 - 2 <P, I - J/K>/(|P| sqrt(K-1)). */
static double route_deviation(double product[K][K])
{
    double square = 0, inner = 0;
    for (int k = 0; k < K; k++)
        for (int l = 0; l < K; l++) {
            square += product[k][l] * product[k][l];
            inner += product[k][l] * ((k == l) - 1.0 / K);
        }
    return sqrt(fmax(0, 2 - 2 * inner / sqrt(square * (K - 1))));
}

static void route_products(const instance *in, const arrays *a, double nc[3])
{
    double w[K][K] = {{0}}, h[K][K] = {{0}}, both[K][K] = {{0}};
    for (int k = 0; k < K; k++)
        for (int l = 0; l < K; l++)
            for (int j = 0; j < K; j++) {
                w[k][l] += in->W[k + j * K] * in->W[l + j * K];
                h[k][l] += a->mean[k][j] * a->mean[l][j];
                both[k][l] += in->W[k + j * K] * (a->mean[l][j] - a->global[j]);
            }
    nc[0] = route_deviation(w);
    nc[1] = route_deviation(h);
    nc[2] = route_deviation(both);
}

static double degrees(const double *x, const double *y)
{
    double xx = 0, yy = 0, xy = 0;
    for (int j = 0; j < K; j++) {
        xx += x[j] * x[j];
        yy += y[j] * y[j];
        xy += x[j] * y[j];
    }
    return acos(xy / sqrt(xx * yy)) * 180 / acos(-1);
}

/* The means of the lists, the first sample of each class being its mean by now. */
static void route_angles(const instance *in, const arrays *a, double *match, double *ratio)
{
    enum { PAIRS = K * (K - 1) / 2 };
    double single[K][K] = {{0}}, pair[PAIRS][K] = {{0}}, sum[PAIRS][K] = {{0}}, all = 0;
    int number[K][K], pairs = 0;
    for (int i = 0; i < K; i++)
        for (int j = i + 1; j < K; j++) number[i][j] = pairs++;
    for (int i = 0; i < MOST; i++) {
        const ufm_tag_set set = ufm_labels_set(in->labels, i);
        double *to = set.tags == 1 ? single[set.tag[0]] : pair[number[set.tag[0]][set.tag[1]]];
        for (int j = 0; j < K; j++) to[j] += a->sample[i][j] / PER_SET;
    }
    for (int i = 0; i < K; i++)
        for (int j = i + 1; j < K; j++)
            for (int c = 0; c < K; c++) sum[number[i][j]][c] = single[i][c] + single[j][c];
    *match = 0;
    for (int p = 0; p < PAIRS; p++) *match += degrees(pair[p], sum[p]) / PAIRS;
    for (int p = 0; p < PAIRS; p++)
        for (int q = 0; q < PAIRS; q++) all += degrees(pair[p], sum[q]) / (PAIRS * PAIRS);
    *ratio = *match / all;
}

static double route_mass(const instance *in)
{
    double mass = 0;
    for (int i = 0; i < MOST; i++) {
        const ufm_tag_set set = ufm_labels_set(in->labels, i);
        double e[K], sum = 0;
        for (int k = 0; k < K; k++) {
            e[k] = 0;
            for (int j = 0; j < K; j++) e[k] += in->W[k + j * K] * in->H[i * K + j];
            sum += e[k] = exp(e[k]);
        }
        for (int t = 0; t < set.tags; t++) mass += e[set.tag[t]] / sum / MOST;
    }
    return mass;
}

/* Everything by plain loops, on noise that makes all of the published errors visible. */
static void test_published_route(void)
{
    for (uint64_t seed = 3; seed < 6; seed++) {
        instance in;
        static arrays a;
        ufm_published_metrics p;
        double nc[3], match, ratio;
        start(&in, false, 0.2, seed);
        for (int i = 0; i < K * K; i++) in.W[i] += 0.1 * sin(i + (double)seed);
        TEST_OK(ufm_metrics_published(&in.point, in.labels, &p, NULL));
        follow_arrays(&in, &a);
        route_products(&in, &a, nc);
        route_angles(&in, &a, &match, &ratio);
        test_close("nc1", p.nc1, route_nc1(&in, &a), 1e-9);
        test_close("nc2_w", p.nc2_w, nc[0], 1e-12);
        test_close("nc2_h", p.nc2_h, nc[1], 1e-12);
        test_close("nc3", p.nc3, nc[2], 1e-12);
        test_close("angle", p.angle_degrees, match, 1e-10);
        test_close("ncm", p.ncm, ratio, 1e-12);
        test_close("softmax mass", p.iou, route_mass(&in), 1e-13);
        ufm_labels_free(in.labels);
    }
}

/* Coordinates in which nothing lies change nothing: the pseudo-inverse leaves them out. */
static void test_published_rank(void)
{
    enum { WIDE = K + 3 };
    instance in;
    ufm_published_metrics p, q;
    start(&in, false, 0.2, 4);
    double *H = ufm_alloc(WIDE * MOST, sizeof *H), *W = ufm_alloc(K * WIDE, sizeof *W);
    for (int i = 0; i < MOST; i++) memcpy(H + i * WIDE, in.H + i * K, K * sizeof *H);
    memcpy(W, in.W, sizeof in.W);
    const ufm_point wide = {K, WIDE, MOST, W, H, in.b};
    TEST_OK(ufm_metrics_published(&in.point, in.labels, &p, NULL));
    TEST_OK(ufm_metrics_published(&wide, in.labels, &q, NULL));
    test_close("nc1", q.nc1, p.nc1, 1e-12);
    test_close("nc3", q.nc3, p.nc3, 1e-12);
    test_close("ncm", q.ncm, p.ncm, 1e-12);
    ufm_free(H);
    ufm_free(W);
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
                                  {"published_rank", test_published_rank},
                                  {"npy", test_npy},
                                  {"commands", test_commands},
                                  {NULL, NULL}};
const test_suite suite_decode = {"decode", cases};
