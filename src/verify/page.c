/* The report directory: index.html, verify.json, claims.csv. */
#include "internal.h"
#include <stdio.h>
#include <ufmlab/io.h>
#include <ufmlab/report.h>

static ufm_status write_json(const ufm_verification *v, const char *directory, ufm_error *error)
{
    char path[1024];
    ufm_output *output;
    snprintf(path, sizeof path, "%s/verify.json", directory);
    ufm_status status = ufm_output_open(path, &output, error);
    if (status != UFM_OK) return status;
    status = ufm_verification_write_json(v, ufm_output_stream(output), error);
    if (status == UFM_OK) return ufm_output_commit(output, error);
    ufm_output_abort(output);
    return status;
}

static ufm_status write_csv(const ufm_verification *v, const char *directory, ufm_error *error)
{
    char path[1024];
    ufm_output *output;
    snprintf(path, sizeof path, "%s/claims.csv", directory);
    const ufm_status status = ufm_output_open(path, &output, error);
    if (status != UFM_OK) return status;
    FILE *stream = ufm_output_stream(output);
    fputs("claim,instance,verdict,expected,measured,tolerance\n", stream);
    for (int64_t c = 0; c < v->claims; c++) {
        const ufm_claim *claim = &v->claim[c];
        fprintf(stream, "%s,\"%s\",%s,%s,%.17g,%.17g\n", ufm_claim_id(claim->kind),
                v->instance[claim->instance].name, ufm_verdict_text(claim->verdict),
                ufm_verdict_text(claim->expected), claim->measured, ufm_claim_tolerance(claim->kind));
    }
    return ufm_output_commit(output, error);
}

enum { COLUMNS = 6, CELL = 112 };

static ufm_status add_table(ufm_page *page, const ufm_verification *v)
{
    static const char *const header[COLUMNS] = {"instance",  "claim",   "error",
                                                "tolerance", "verdict", "expected"};
    const int64_t cells = v->claims * COLUMNS;
    const char **cell = ufm_alloc(cells, sizeof *cell);
    char(*text)[CELL] = ufm_alloc(2 * v->claims, sizeof *text);
    const bool ready = cell && text;
    for (int64_t c = 0; ready && c < v->claims; c++) {
        const ufm_claim *claim = &v->claim[c];
        snprintf(text[2 * c], CELL, "%.2e", claim->measured);
        snprintf(text[2 * c + 1], CELL, "%.0e", ufm_claim_tolerance(claim->kind));
        const char *row[COLUMNS] = {
            v->instance[claim->instance].name, ufm_claim_statement(claim->kind), text[2 * c], text[2 * c + 1],
            ufm_verdict_text(claim->verdict),  ufm_verdict_text(claim->expected)};
        for (int j = 0; j < COLUMNS; j++) cell[c * COLUMNS + j] = row[j];
    }
    if (ready) ufm_page_table(page, v->claims, COLUMNS, header, cell);
    ufm_free(cell);
    ufm_free(text);
    return ready ? UFM_OK : UFM_ERROR_MEMORY;
}

static void add_figures(ufm_page *page, const char *directory)
{
    ufm_page_heading(page, "Figures");
    ufm_page_figure(
        page, directory, "collapse",
        "Features of K = 3 classes before and after minimisation (30 samples per tag set, multiplicities 1 "
        "and 2), "
        "projected onto the plane of the optimal classifier: each pair's features land on the scaled average "
        "of its two classes.");
    ufm_page_figure(
        page, directory, "gram",
        "Gram matrix of W at the optimum of K = 10, n = 1:3100,2:200 beside the predicted simplex ETF's.");
    ufm_page_figure(
        page, directory, "lambda-path",
        "Margins and tag-wise scales over the regularisation, K = 6, n = 1:10,2:3,3:2: lines are the closed "
        "form, marks the optimum found; beyond mu_c everything collapses.");
    ufm_page_figure(
        page, directory, "convergence",
        "Objective gap and gradient norm of every solver on K = 6, n = 1:10,2:3 from the same start.");
}

static ufm_status write_page(const ufm_verification *v, const char *directory, ufm_error *error)
{
    char path[1024], figures[1024], text[512];
    ufm_page *page = ufm_page_new("ufmlab verify: Theorem 1 of neural collapse with the pick-all-label loss");
    if (!page) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the report");
    snprintf(text, sizeof text,
             "%lld claims verified, %lld refuted, %lld inconclusive, %lld unexpected, in %.0f s. Refuted is "
             "what a negative "
             "control must be: labels that are not balanced break the geometry of the theorem, while the "
             "duality gap "
             "still proves their optimum global.%s%s",
             (long long)v->verified, (long long)v->refuted, (long long)v->inconclusive,
             (long long)v->unexpected, v->seconds, v->missing[0] ? " Not found, so not run: " : "",
             v->missing);
    ufm_page_paragraph(page, text);
    snprintf(figures, sizeof figures, "%s/figures", directory);
    add_figures(page, figures);
    ufm_page_heading(page, "Claims");
    ufm_status status = add_table(page, v);
    snprintf(path, sizeof path, "%s/index.html", directory);
    if (status == UFM_OK) status = ufm_page_write(page, path, error);
    ufm_page_free(page);
    return status;
}

ufm_status verify_write_report(const ufm_verification *v, const char *directory, ufm_error *error)
{
    ufm_status status = write_json(v, directory, error);
    if (status == UFM_OK) status = write_csv(v, directory, error);
    return status == UFM_OK ? write_page(v, directory, error) : status;
}
