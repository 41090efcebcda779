/* ufmlab: verify: the statements of the paper's theory, checked one by one on a set of instances, and the
 * report. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UFMLAB_VERIFY_H
#define UFMLAB_VERIFY_H

#include <stdio.h>
#include <ufmlab/base.h>

/* X(name, id, column heading, tolerance, statement). Every claim is an error that must not exceed the
 * tolerance. A claim about the global optimum is judged only at a point whose duality gap certifies it;
 * otherwise it is inconclusive. It is refuted when the error exceeds 1000 tolerances, and inconclusive in
 * between. */
#define UFM_CLAIM_LIST(X)                                                                                    \
    X(UFM_CLAIM_GLOBAL, "certificate", "gap", 1e-11,                                                         \
      "the point reached is a global optimum: duality gap over f")                                           \
    X(UFM_CLAIM_VALUE, "value", "f*", 1e-12, "the optimal value is the closed form's")                       \
    X(UFM_CLAIM_ETF, "etf", "W W^T", 1e-9,                                                                   \
      "the rows of W (one-vs-all: less their mean) are a simplex ETF of the predicted norm")                 \
    X(UFM_CLAIM_AVERAGE, "tag-wise-average", "h_S", 1e-9,                                                    \
      "h_S is a multiple, one for each multiplicity, of sum_{k in S} w_k")                                   \
    X(UFM_CLAIM_SCALE, "scale", "C_m", 1e-9,                                                                 \
      "that multiple is C_m of the closed form (one-vs-all: the features are C_m, D_m of it)")               \
    X(UFM_CLAIM_WITHIN, "variability", "within", 1e-9, "samples with the same tag set share their feature")  \
    X(UFM_CLAIM_BIAS, "bias", "bias", 1e-9,                                                                  \
      "b = 0 (squared error, one-vs-all: the predicted multiple of 1), or b in span(1) when lambda_b = 0")   \
    X(UFM_CLAIM_UNIQUE, "uniqueness", "seeds", 1e-9,                                                         \
      "other starts reach the same point up to a rotation of the features")                                  \
    X(UFM_CLAIM_COLLAPSE, "total-collapse", "W=H=0", 1e-9, "W = H = 0 is the global optimum")                \
    X(UFM_CLAIM_CURVATURE, "negative-curvature", "lambda", 1e-9,                                             \
      "the curvature along the witness is lambda_neg < 0")
typedef enum {
#define UFM_CLAIM_ENUM(name, id, heading, tolerance, statement) name,
    UFM_CLAIM_LIST(UFM_CLAIM_ENUM)
#undef UFM_CLAIM_ENUM
        UFM_CLAIM_COUNT
} ufm_claim_kind;
const char *ufm_claim_id(ufm_claim_kind kind);
const char *ufm_claim_heading(ufm_claim_kind kind);
const char *ufm_claim_statement(ufm_claim_kind kind);
double ufm_claim_tolerance(ufm_claim_kind kind);

typedef struct {
    ufm_claim_kind kind;
    int64_t instance;              /* index into the instances of the verification */
    ufm_verdict verdict, expected; /* expected UFM_REFUTED for a negative control */
    double measured;
} ufm_claim;

typedef struct {
    char name[96];
} ufm_instance_name;

typedef struct {
    int64_t claims, instances;
    ufm_claim *claim;
    ufm_instance_name *instance;
    int64_t verified, refuted, inconclusive, unexpected;
    double seconds;
    char missing[256]; /* data sets that were not found, or empty */
} ufm_verification;

typedef struct {
    const char *data; /* directory that holds mulan/yeast.arff, ...; NULL: none */
    const char *only; /* run only the instances whose name contains this; NULL: all */
    const char *out;  /* report directory; NULL: no figures, no files */
    int threads;
    uint64_t seed;
    /* Share of the work done and what runs now; false stops (UFM_ERROR_CANCELLED). May be NULL. */
    bool (*progress)(void *context, double fraction, const char *what);
    void *context;
} ufm_verify_settings;

/* UFM_ERROR_USAGE when `only` matches nothing. */
ufm_status ufm_verify(const ufm_verify_settings *settings, ufm_verification **verification, ufm_error *error);
void ufm_verification_free(ufm_verification *verification);
/* The JSON object of `ufmlab verify --json`. */
ufm_status ufm_verification_write_json(const ufm_verification *verification, FILE *stream, ufm_error *error);
/* The table of claims and instances for a terminal. */
void ufm_verification_print(const ufm_verification *verification, FILE *stream, bool colour);

#endif
