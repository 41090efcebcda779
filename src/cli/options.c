#include "cli.h"
#include <ctype.h>
#include <getopt.h>
#include <string.h>

typedef enum { FLAG, INTEGER, REAL, TEXT } option_kind;

typedef struct {
    unsigned group;
    const char *name;
    option_kind kind;
    const char *argument, *text;
    double low, high;
    const char *help;
} option_row;

static const option_row rows[OPTIONS] = {
#define OPTION(group, id, name, kind, argument, text, low, high, help)                                       \
    [OPT_##id] = {GROUP_##group, name, kind, argument, text, (double)(low), (double)(high), help},
#include "options.def"
#undef OPTION
};

static ufm_status convert(const option_row *row, option_value *value, ufm_error *error)
{
    double number = 0;
    bool right = true;
    if (row->kind == INTEGER) {
        right = ufm_parse_int64(value->text, &value->integer);
        number = (double)value->integer;
    } else if (row->kind == REAL) {
        right = ufm_parse_double(value->text, &value->real);
        number = value->real;
    } else {
        return UFM_OK;
    }
    if (right && number >= row->low && number <= row->high) return UFM_OK;
    const char *what = row->kind == INTEGER ? "an integer" : "a number";
    if (row->kind == REAL && row->low > 0 && row->low < 1e-200)
        return ufm_fail(error, UFM_ERROR_USAGE, "--%s %.60s: give %s > 0", row->name, value->text, what);
    if (row->high >= 1e9)
        return ufm_fail(error, UFM_ERROR_USAGE, "--%s %.60s: give %s >= %g", row->name, value->text, what,
                        row->low);
    return ufm_fail(error, UFM_ERROR_USAGE, "--%s %.60s: give %s from %g to %g", row->name, value->text, what,
                    row->low, row->high);
}

/* Edit distance, for suggestions. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    int row[LONGEST + 1];
    const int n = (int)strnlen(a, LONGEST), m = (int)strnlen(b, LONGEST);
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            const int above = row[j];
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[m];
}

static ufm_status unknown_option(const command *cmd, const char *typed, ufm_error *error)
{
    char name[48];
    const char *bare = typed + strspn(typed, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    const option_row *nearest = NULL;
    int least = 4;
    for (int i = 0; i < OPTIONS; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return ufm_fail(error, UFM_ERROR_USAGE, "%s: option --%s %s", cmd->name, name,
                            !(rows[i].group & cmd->groups) ? "belongs to other commands; see --help"
                            : rows[i].kind == FLAG         ? "takes no value"
                                                           : "needs a value");
        const int far = rows[i].group & cmd->groups ? distance(rows[i].name, name) : 99;
        if (far < least) {
            least = far;
            nearest = &rows[i];
        }
    }
    if (nearest)
        return ufm_fail(error, UFM_ERROR_USAGE, "%s: unknown option %.60s; did you mean --%s?", cmd->name,
                        typed, nearest->name);
    return ufm_fail(error, UFM_ERROR_USAGE, "%s: unknown option %.60s; ufmlab %s --help lists the options",
                    cmd->name, typed, cmd->name);
}

static void set_defaults(options *opts)
{
    memset(opts, 0, sizeof *opts);
    for (int i = 0; i < OPTIONS; i++) {
        opts->value[i].text = rows[i].text;
        if (rows[i].text) (void)convert(&rows[i], &opts->value[i], NULL);
    }
}

ufm_status options_parse(const command *cmd, int argc, char **argv, options *opts, ufm_error *error)
{
    struct option table[OPTIONS + 1] = {{0}};
    int count = 0;
    for (int i = 0; i < OPTIONS; i++)
        if (rows[i].group & cmd->groups)
            table[count++] = (struct option){
                rows[i].name, rows[i].kind == FLAG ? no_argument : required_argument, NULL, 1000 + i};
    set_defaults(opts);
    opterr = 0;
    optind = 1;
    for (;;) {
        const int at = optind;
        const int code = getopt_long(argc, argv, ":h", table, NULL);
        if (code == -1) break;
        if (code == 'h') {
            opts->value[OPT_HELP].given = true;
            continue;
        }
        if (code < 1000) return unknown_option(cmd, argv[optind - 1 >= at ? optind - 1 : at], error);
        option_value *value = &opts->value[code - 1000];
        value->given = true;
        value->text = optarg;
        const ufm_status status = convert(&rows[code - 1000], value, error);
        if (status != UFM_OK) return status;
    }
    opts->operands = argc - optind;
    opts->operand = argv + optind;
    const int most = cmd->operands + cmd->optional;
    if (!opts->value[OPT_HELP].given && (opts->operands < cmd->operands || opts->operands > most))
        return opts->operands > most
                   ? ufm_fail(error, UFM_ERROR_USAGE, "%s: unexpected argument '%.60s'; usage: ufmlab %s",
                              cmd->name, opts->operand[most], cmd->synopsis)
                   : ufm_fail(error, UFM_ERROR_USAGE, "%s: missing argument; usage: ufmlab %s", cmd->name,
                              cmd->synopsis);
    return UFM_OK;
}

char *options_text(const options *opts, unsigned groups)
{
    size_t length = 1;
    for (int i = 0; i < OPTIONS; i++)
        length += strlen(rows[i].name) + 2 + (opts->value[i].text ? strlen(opts->value[i].text) : 0);
    char *text = ufm_alloc((int64_t)length, 1), *end = text;
    for (int i = 0; i < OPTIONS && text; i++) {
        const option_value *value = &opts->value[i];
        if (!value->given || !(rows[i].group & groups)) continue;
        const bool flag = rows[i].kind == FLAG;
        end += snprintf(end, length - (size_t)(end - text), "%s%s%s\n", rows[i].name, flag ? "" : "=",
                        flag ? "" : value->text);
    }
    return text;
}

/* "name=value" or "name", split in place. */
static ufm_status add_line(const command *cmd, char *line, options *opts, ufm_error *error)
{
    char *equals = strchr(line, '=');
    if (equals) *equals = '\0';
    for (int i = 0; i < OPTIONS; i++) {
        if (strcmp(rows[i].name, line) != 0 || !(rows[i].group & cmd->groups)) continue;
        if ((rows[i].kind == FLAG) != !equals) break;
        if (opts->value[i].given) return UFM_OK;
        opts->value[i].given = true;
        opts->value[i].text = equals ? equals + 1 : NULL;
        return convert(&rows[i], &opts->value[i], error);
    }
    return ufm_fail(error, UFM_ERROR_INPUT, "the stored option '%.60s' is none of this version's", line);
}

ufm_status options_add(const command *cmd, char *text, options *opts, ufm_error *error)
{
    ufm_status status = UFM_OK;
    for (char *line = text, *next; status == UFM_OK && *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next) *next++ = '\0';
        if (*line) status = add_line(cmd, line, opts, error);
    }
    return status;
}

const char *option_given(const options *opts, unsigned groups)
{
    for (int i = 0; i < OPTIONS; i++)
        if (opts->value[i].given && rows[i].group & groups) return rows[i].name;
    return NULL;
}

static const struct {
    unsigned group;
    const char *title;
} groups[] = {{GROUP_INSTANCE, "Instance (one of --classes with --samples, --counts, --labels)"},
              {GROUP_OBJECTIVE, "Objective"},
              {GROUP_CONSTRAINT, "Constraint"},
              {GROUP_SHAPE, "Features"},
              {GROUP_SOLVER, "Solver"},
              {GROUP_GAP, "Certificate"},
              {GROUP_VERIFY, "Verification"},
              {GROUP_LANDSCAPE, "Landscape"},
              {GROUP_SOURCE, "Data"},
              {GROUP_DATA, "Data sets"},
              {GROUP_REPORT, "Report"},
              {GROUP_COMMON, "Everywhere"},
              {GROUP_TRAIN, "Training"},
              {GROUP_POINT, "Features of any network"},
              {GROUP_EXPERIMENT, "Experiments"}};
enum { GROUPS = sizeof groups / sizeof groups[0] };

void print_command_help(const command *cmd, FILE *stream)
{
    fprintf(stream, "Usage: ufmlab %s\n%s\n", cmd->synopsis, cmd->summary);
    for (int g = 0; g < GROUPS; g++) {
        if (!(groups[g].group & cmd->groups)) continue;
        fprintf(stream, "\n%s:\n", groups[g].title);
        for (int i = 0; i < OPTIONS; i++) {
            if (rows[i].group != groups[g].group) continue;
            char left[64];
            snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                     rows[i].argument ? rows[i].argument : "");
            fprintf(stream, "  %-31s %s", left, rows[i].help);
            fprintf(stream, rows[i].text ? " [%s]\n" : "\n", rows[i].text);
        }
    }
}

/* Text for roff: hyphens and backslashes spelled out. */
static void print_roff(const char *text, FILE *stream)
{
    for (const char *c = text; *c; c++) {
        if (*c == '-' || *c == '\\') fputc('\\', stream);
        fputc(*c, stream);
    }
}

static void print_man_option(const option_row *row, FILE *stream)
{
    fputs(".TP\n.B ", stream);
    print_roff("--", stream);
    print_roff(row->name, stream);
    if (row->argument) fprintf(stream, " \\fI%s\\fR", row->argument);
    fputc('\n', stream);
    print_roff(row->help, stream);
    if (row->text) {
        fputs(" (default ", stream);
        print_roff(row->text, stream);
        fputc(')', stream);
    }
    fputc('\n', stream);
}

void print_man_page(const command *const *commands, int count, FILE *stream)
{
    fprintf(stream,
            ".TH UFMLAB 1 \"\" \"ufmlab %s\"\n.SH NAME\nufmlab \\- verify the theory of the unconstrained "
            "feature "
            "model\n.SH SYNOPSIS\n.B ufmlab\n.I command\n[options]\n.SH COMMANDS\n",
            UFM_VERSION);
    for (int c = 0; c < count; c++) {
        fputs(".TP\n.B ", stream);
        print_roff(commands[c]->synopsis, stream);
        fputc('\n', stream);
        print_roff(commands[c]->summary, stream);
        fputc('\n', stream);
    }
    fputs(".SH OPTIONS\nEach command's \\-\\-help lists those that it takes.\n", stream);
    for (int g = 0; g < GROUPS; g++) {
        fprintf(stream, ".SS %s\n", groups[g].title);
        for (int i = 0; i < OPTIONS; i++)
            if (rows[i].group == groups[g].group) print_man_option(&rows[i], stream);
    }
    fputs(".SH EXIT STATUS\n0 done, 1 a claim was refuted or a run failed, 2 bad usage or bad input.\n",
          stream);
}

void print_option_table(FILE *stream)
{
    fprintf(stream, "| option | default | meaning |\n|---|---|---|\n");
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < OPTIONS; i++) {
            if (rows[i].group != groups[g].group) continue;
            fprintf(stream, "| `--%s", rows[i].name);
            for (const char *c = rows[i].argument ? rows[i].argument : ""; *c; c++)
                fprintf(stream, *c == '|' ? "%s\\%c" : "%s%c", c == rows[i].argument ? " " : "", *c);
            fprintf(stream, "` | %s | %s |\n", rows[i].text ? rows[i].text : "", rows[i].help);
        }
}
