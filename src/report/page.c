/* The HTML page: text in memory until it is written in one go. */
#include "svg.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/io.h>
#include <ufmlab/report.h>

struct ufm_page {
    char *text;
    int64_t used, capacity;
    int64_t figures;
    ufm_status status; /* the first failure, reported when the page is written */
    ufm_error error;
};

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--soft:#f3f4f6;--line:#d0d4da;--link:#0055a4;"
    "--good:#00664a;--bad:#a33100;--open:#6b5900}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#16181c;--soft:#22262c;--line:#3c424b;"
    "--link:#8cc4ff;--good:#4fd1a5;--bad:#ff9466;--open:#e8cf4a}}\n"
    "body{margin:0 auto;max-width:70rem;padding:1rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif}\n"
    "h1{line-height:1.2}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}a{color:var(--link)}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}\n"
    "th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}\n"
    "th{background:var(--soft)}td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:"
    "nowrap}\n"
    "td.verified,td.refuted,td.inconclusive{font-weight:600;white-space:nowrap}\n"
    "td.verified{color:var(--good)}td.refuted{color:var(--bad)}td.inconclusive{color:var(--open)}\n"
    "figure{margin:1.5rem 0}figure .drawing{background:#fff;border:1px solid var(--line);border-radius:6px;"
    "overflow-x:auto}\n"
    "figure svg{display:block;width:100%;height:auto;min-width:34rem}figcaption{font-size:.9rem;margin-top:"
    ".4rem}\n"
    "@media print{:root{--ink:#000;--paper:#fff;--soft:#eee;--line:#999;--good:#00664a;--bad:#a33100;"
    "--open:#6b5900}body{max-width:none;padding:0;font-size:10pt}figure,tr{break-inside:avoid}"
    "figure svg{min-width:0}.scroll{overflow:visible}}\n";

static void append_bytes(ufm_page *page, const char *text, size_t length)
{
    if (page->status != UFM_OK) return;
    page->status = ufm_grow((void **)&page->text, &page->capacity, page->used + (int64_t)length, 1);
    if (page->status != UFM_OK) {
        ufm_fail(&page->error, page->status, "not enough memory for the page");
        return;
    }
    memcpy(page->text + page->used, text, length);
    page->used += (int64_t)length;
}

static void append(ufm_page *page, const char *text)
{
    append_bytes(page, text, strlen(text));
}

/* Text for element content and attribute values. */
static void append_escaped(ufm_page *page, const char *text)
{
    while (*text) {
        const size_t plain = strcspn(text, "&<>\"'");
        append_bytes(page, text, plain);
        text += plain;
        if (*text == '&') append(page, "&amp;");
        if (*text == '<') append(page, "&lt;");
        if (*text == '>') append(page, "&gt;");
        if (*text == '"') append(page, "&quot;");
        if (*text == '\'') append(page, "&#39;");
        if (*text) text++;
    }
}

static void append_element(ufm_page *page, const char *element, const char *text)
{
    append(page, "<");
    append(page, element);
    append(page, ">");
    append_escaped(page, text);
    append(page, "</");
    append(page, element);
    append(page, ">\n");
}

ufm_page *ufm_page_new(const char *title)
{
    ufm_page *page = ufm_alloc(1, sizeof *page);
    if (!page) return NULL;
    append(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    append_element(page, "title", title);
    append(page, "<style>\n");
    append(page, style);
    append(page, "</style>\n</head>\n<body>\n<main>\n");
    append_element(page, "h1", title);
    if (page->status == UFM_OK) return page;
    ufm_page_free(page);
    return NULL;
}

void ufm_page_free(ufm_page *page)
{
    if (!page) return;
    ufm_free(page->text);
    ufm_free(page);
}

void ufm_page_heading(ufm_page *page, const char *text)
{
    append_element(page, "h2", text);
}

void ufm_page_paragraph(ufm_page *page, const char *text)
{
    append_element(page, "p", text);
}

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return *text && *end == '\0';
}

/* Verdicts differ by a mark as well, for those who do not see the colours. */
static void append_cell(ufm_page *page, const char *text)
{
    static const struct {
        ufm_verdict verdict;
        const char *start;
    } kinds[] = {{UFM_VERIFIED, "<td class=\"verified\">\u2713 "},
                 {UFM_REFUTED, "<td class=\"refuted\">\u2717 "},
                 {UFM_INCONCLUSIVE, "<td class=\"inconclusive\">? "}};
    const char *start = is_number(text) ? "<td class=\"number\">" : "<td>";
    for (int i = 0; i < 3; i++)
        if (strcmp(text, ufm_verdict_text(kinds[i].verdict)) == 0) start = kinds[i].start;
    append(page, start);
    append_escaped(page, text);
    append(page, "</td>");
}

void ufm_page_table(ufm_page *page, int64_t rows, int64_t cols, const char *const *header,
                    const char *const *cells)
{
    append(page, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (int64_t j = 0; j < cols; j++) {
        append(page, "<th scope=\"col\">");
        append_escaped(page, header[j]);
        append(page, "</th>");
    }
    append(page, "</tr></thead>\n<tbody>\n");
    for (int64_t i = 0; i < rows; i++) {
        append(page, "<tr>");
        for (int64_t j = 0; j < cols; j++) append_cell(page, cells[i * cols + j]);
        append(page, "</tr>\n");
    }
    append(page, "</tbody>\n</table></div>\n");
}

static void append_link(ufm_page *page, const char *directory, const char *name, const char *suffix)
{
    append(page, " <a href=\"");
    append_escaped(page, directory);
    append(page, "/");
    append_escaped(page, name);
    append(page, ".");
    append(page, suffix);
    append(page, "\">");
    append(page, suffix);
    append(page, "</a>");
}

void ufm_page_figure(ufm_page *page, const char *directory, const char *name, const char *caption)
{
    if (page->status != UFM_OK) return;
    const int64_t length = (int64_t)(strlen(directory) + strlen(name) + sizeof "/.svg");
    char *path = ufm_alloc(length, 1), *svg = NULL;
    if (path) {
        snprintf(path, (size_t)length, "%s/%s.svg", directory, name);
        page->status = ufm_svg_load(path, ++page->figures, &svg, &page->error);
    } else {
        page->status = ufm_fail(&page->error, UFM_ERROR_MEMORY, "not enough memory for the page");
    }
    if (svg) {
        /* The page lies in the directory above the figures. */
        const char *slash = strrchr(directory, '/');
        const char *folder = slash && slash[1] ? slash + 1 : directory;
        append(page, "<figure>\n<div class=\"drawing\">");
        append(page, svg);
        append(page, "</div>\n<figcaption>");
        append_escaped(page, caption);
        append_link(page, folder, name, "pdf");
        append_link(page, folder, name, "png");
        append(page, "</figcaption>\n</figure>\n");
    }
    ufm_free(svg);
    ufm_free(path);
}

ufm_status ufm_page_write(ufm_page *page, const char *path, ufm_error *error)
{
    if (page->status != UFM_OK) return ufm_fail(error, page->status, "%s", page->error.text);
    ufm_output *output;
    const ufm_status status = ufm_output_open(path, &output, error);
    if (status != UFM_OK) return status;
    fwrite(page->text, 1, (size_t)page->used, ufm_output_stream(output));
    fputs("</main>\n</body>\n</html>\n", ufm_output_stream(output));
    return ufm_output_commit(output, error);
}
