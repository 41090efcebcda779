/* The table for the terminal, and the JSON object. */
#include "internal.h"
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>

enum { NAME_WIDTH = 43, CELL_WIDTH = 8 };

static const ufm_claim *find(const ufm_verification *v, int64_t instance, ufm_claim_kind kind)
{
    for (int64_t c = 0; c < v->claims; c++)
        if (v->claim[c].instance == instance && v->claim[c].kind == kind) return &v->claim[c];
    return NULL;
}

/* One or two digits where that needs no exponent; else one digit and the exponent without its padding: 4e-16,
 * 3e-4, 0. */
static void short_number(double value, char *text, size_t size)
{
    char digits[16];
    if (value >= 0.01 && value < 10) {
        snprintf(text, size, value < 0.1 ? "%.1g" : "%.2g", value);
        return;
    }
    snprintf(digits, sizeof digits, "%.0e", value);
    char *exponent = strchr(digits, 'e');
    if (!exponent || value == 0) {
        snprintf(text, size, "%g", value);
    } else {
        *exponent = '\0';
        snprintf(text, size, "%se%d", digits, atoi(exponent + 1));
    }
}

/* A verified claim shows its error, a refuted one NO, a doubtful one a question mark. */
static void print_cell(const ufm_claim *claim, FILE *stream, bool colour)
{
    if (!claim) {
        fprintf(stream, "%*s", CELL_WIDTH, "");
        return;
    }
    const char *mark = claim->verdict == UFM_VERIFIED ? "" : claim->verdict == UFM_REFUTED ? "NO " : "? ";
    const bool right = claim->verdict == claim->expected;
    char number[20], text[32];
    short_number(claim->measured, number, sizeof number);
    snprintf(text, sizeof text, "%s%s%s", mark, number, right ? "" : "!");
    const char *on = !colour                         ? ""
                     : !right                        ? "\033[1;31m"
                     : claim->verdict == UFM_REFUTED ? "\033[33m"
                                                     : "\033[32m";
    fprintf(stream, "%s%*s%s", on, CELL_WIDTH, text, colour ? "\033[0m" : "");
}

static bool column_used(const ufm_verification *v, int kind)
{
    for (int64_t c = 0; c < v->claims; c++)
        if ((int)v->claim[c].kind == kind) return true;
    return false;
}

static void print_header(const ufm_verification *v, FILE *stream)
{
    char number[20];
    fprintf(stream, "%-*s", NAME_WIDTH, "claim, and the tolerance of its error");
    for (int k = 0; k < UFM_CLAIM_COUNT; k++)
        if (column_used(v, k)) fprintf(stream, "%*s", CELL_WIDTH, ufm_claim_heading((ufm_claim_kind)k));
    fprintf(stream, "\n%-*s", NAME_WIDTH, "");
    for (int k = 0; k < UFM_CLAIM_COUNT; k++)
        if (column_used(v, k)) {
            short_number(ufm_claim_tolerance((ufm_claim_kind)k), number, sizeof number);
            fprintf(stream, "%*s", CELL_WIDTH, number);
        }
    fputc('\n', stream);
}

void ufm_verification_print(const ufm_verification *v, FILE *stream, bool colour)
{
    int64_t controls = 0;
    for (int64_t c = 0; c < v->claims; c++)
        controls += v->claim[c].expected == UFM_REFUTED && v->claim[c].verdict == UFM_REFUTED;
    print_header(v, stream);
    for (int64_t i = 0; i < v->instances; i++) {
        fprintf(stream, "%-*.*s", NAME_WIDTH, NAME_WIDTH - 1, v->instance[i].name);
        for (int k = 0; k < UFM_CLAIM_COUNT; k++)
            if (column_used(v, k)) print_cell(find(v, i, (ufm_claim_kind)k), stream, colour);
        fputc('\n', stream);
    }
    fputc('\n', stream);
    for (int k = 0; k < UFM_CLAIM_COUNT; k++)
        if (column_used(v, k))
            fprintf(stream, "  %-7s %s\n", ufm_claim_heading((ufm_claim_kind)k),
                    ufm_claim_statement((ufm_claim_kind)k));
    if (v->missing[0])
        fprintf(stream, "\nNot found, so not run: %s (set UFMLAB_DATA or --data).\n", v->missing);
    fprintf(stream,
            "\n%lld claims verified, %lld refuted (%lld of them negative controls that must be: NO), %lld "
            "inconclusive; "
            "%lld unexpected. %.0f s.\n",
            (long long)v->verified, (long long)v->refuted, (long long)controls, (long long)v->inconclusive,
            (long long)v->unexpected, v->seconds);
}

ufm_status ufm_verification_write_json(const ufm_verification *v, FILE *stream, ufm_error *error)
{
    ufm_json *json = ufm_json_new();
    ufm_json_list(json, "claims");
    for (int64_t c = 0; c < v->claims; c++) {
        const ufm_claim *claim = &v->claim[c];
        ufm_json_object(json, NULL);
        ufm_json_string(json, "id", ufm_claim_id(claim->kind));
        ufm_json_string(json, "statement", ufm_claim_statement(claim->kind));
        ufm_json_string(json, "instance", v->instance[claim->instance].name);
        ufm_json_string(json, "verdict", ufm_verdict_text(claim->verdict));
        ufm_json_string(json, "expected", ufm_verdict_text(claim->expected));
        ufm_json_number(json, "measured", claim->measured);
        ufm_json_number(json, "tolerance", ufm_claim_tolerance(claim->kind));
        ufm_json_end(json);
    }
    ufm_json_end(json);
    ufm_json_integer(json, "verified", v->verified);
    ufm_json_integer(json, "refuted", v->refuted);
    ufm_json_integer(json, "inconclusive", v->inconclusive);
    ufm_json_integer(json, "unexpected", v->unexpected);
    ufm_json_string(json, "not_found", v->missing);
    ufm_json_number(json, "seconds", v->seconds);
    return ufm_json_finish(json, stream, error);
}
