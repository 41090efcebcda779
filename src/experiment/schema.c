/* ufmlab: experiment: the schema of the files.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema.h"

enum { TEXT_MOST = 4096, LIST_MOST = 1000 };

static const cyaml_schema_value_t text = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MOST)};

static const cyaml_schema_field_t set_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, ufm_experiment_set, name, 1, 60),
    CYAML_FIELD_STRING_PTR("make", CYAML_FLAG_POINTER, ufm_experiment_set, make, 1, TEXT_MOST),
    CYAML_FIELD_END};
static const cyaml_schema_value_t set = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, ufm_experiment_set, set_fields)};

#define OPTIONAL_TEXT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
static const cyaml_schema_field_t run_fields[] = {
    CYAML_FIELD_STRING_PTR("label", CYAML_FLAG_POINTER, ufm_experiment_run, label, 1, 60),
    CYAML_FIELD_STRING_PTR("data", CYAML_FLAG_POINTER, ufm_experiment_run, data, 1, TEXT_MOST),
    CYAML_FIELD_STRING_PTR("held-out", OPTIONAL_TEXT, ufm_experiment_run, held_out, 1, TEXT_MOST),
    CYAML_FIELD_STRING_PTR("train", OPTIONAL_TEXT, ufm_experiment_run, train, 1, TEXT_MOST), CYAML_FIELD_END};
static const cyaml_schema_value_t run = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, ufm_experiment_run, run_fields)};

static const cyaml_schema_value_t seed = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int64_t)};
static const cyaml_schema_field_t preset_fields[] = {
    CYAML_FIELD_STRING_PTR("pixels", CYAML_FLAG_POINTER, ufm_experiment_preset, pixels, 1, 200),
    CYAML_FIELD_FLOAT("minutes", CYAML_FLAG_OPTIONAL, ufm_experiment_preset, minutes),
    CYAML_FIELD_SEQUENCE_COUNT("seeds", CYAML_FLAG_POINTER, ufm_experiment_preset, seed, seeds, &seed, 1,
                               LIST_MOST),
    CYAML_FIELD_STRING_PTR("train", OPTIONAL_TEXT, ufm_experiment_preset, train, 1, TEXT_MOST),
    CYAML_FIELD_SEQUENCE_COUNT("sets", OPTIONAL_TEXT, ufm_experiment_preset, set, sets, &set, 0, LIST_MOST),
    CYAML_FIELD_SEQUENCE_COUNT("runs", CYAML_FLAG_POINTER, ufm_experiment_preset, run, runs, &run, 1,
                               LIST_MOST),
    CYAML_FIELD_END};

#define FLAG(name, spelling) {spelling, UFM_EXPERIMENT_BIT(name)},
#define VERDICT(name, spelling) {spelling, UFM_EXPERIMENT_##name},
static const cyaml_strval_t measures[] = {UFM_EXPERIMENT_MEASURES(FLAG)};
static const cyaml_strval_t theories[] = {UFM_EXPERIMENT_THEORIES(FLAG)};
static const cyaml_strval_t verdicts[] = {UFM_EXPERIMENT_VERDICTS(VERDICT)};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("title", CYAML_FLAG_POINTER, ufm_experiment, title, 1, 200),
    CYAML_FIELD_STRING_PTR("figure", CYAML_FLAG_POINTER, ufm_experiment, figure, 1, 200),
    CYAML_FIELD_STRING_PTR("claim", CYAML_FLAG_POINTER, ufm_experiment, claim, 1, TEXT_MOST),
    CYAML_FIELD_STRING_PTR("plot", CYAML_FLAG_POINTER, ufm_experiment, plot, 1, 60),
    CYAML_FIELD_SEQUENCE_COUNT("quantities", OPTIONAL_TEXT, ufm_experiment, quantity, quantities, &text, 0,
                               LIST_MOST),
    CYAML_FIELD_FLAGS("measures", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, ufm_experiment, measures, measures,
                      CYAML_ARRAY_LEN(measures)),
    CYAML_FIELD_FLAGS("theory", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, ufm_experiment, theory, theories,
                      CYAML_ARRAY_LEN(theories)),
    CYAML_FIELD_ENUM("verdict", CYAML_FLAG_STRICT, ufm_experiment, verdict, verdicts,
                     CYAML_ARRAY_LEN(verdicts)),
    CYAML_FIELD_STRING_PTR("result", OPTIONAL_TEXT, ufm_experiment, result, 1, TEXT_MOST),
    CYAML_FIELD_MAPPING_PTR("desk", CYAML_FLAG_POINTER, ufm_experiment, preset[UFM_EXPERIMENT_DESK],
                            preset_fields),
    CYAML_FIELD_MAPPING_PTR("paper", CYAML_FLAG_POINTER, ufm_experiment, preset[UFM_EXPERIMENT_PAPER],
                            preset_fields),
    CYAML_FIELD_END};

const cyaml_schema_value_t ufm_experiment_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, ufm_experiment, fields)};

const char *ufm_experiment_verdict_text(ufm_experiment_verdict verdict)
{
    return verdicts[verdict].str;
}
