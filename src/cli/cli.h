/* Private to the command line: options, messages, and what the commands share. */
#ifndef UFMLAB_CLI_H
#define UFMLAB_CLI_H

#include <stdio.h>
#include <ufmlab/io.h>
#include <ufmlab/solve.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- Options (options.def) ---- */
typedef enum {
    GROUP_INSTANCE = 1,
    GROUP_OBJECTIVE = 2,
    GROUP_SHAPE = 4,
    GROUP_SOLVER = 8,
    GROUP_GAP = 16,
    GROUP_REPORT = 32,
    GROUP_VERIFY = 64,
    GROUP_LANDSCAPE = 128,
    GROUP_COMMON = 256,
    GROUP_CONSTRAINT = 512,
    GROUP_DATA = 1024,
    GROUP_TRAIN = 2048,
    GROUP_POINT = 4096,
    GROUP_SOURCE = 8192,
    GROUP_EXPERIMENT = 16384
} option_group;

typedef enum {
#define OPTION(group, id, name, kind, argument, text, low, high, help) OPT_##id,
#include "options.def"
#undef OPTION
    OPTIONS
} option_id;

typedef struct {
    bool given;       /* on the command line */
    const char *text; /* as typed, or the default, or NULL */
    int64_t integer;  /* INTEGER */
    double real;      /* REAL */
} option_value;

typedef struct {
    option_value value[OPTIONS];
    int operands;
    char **operand;
} options;

typedef struct {
    const char *name, *synopsis, *summary;
    unsigned groups; /* of option_group */
    int operands;    /* required */
    int (*run)(const options *opts);
    int optional; /* operands that may follow */
} command;

/* Parses what follows the command's name. On failure the message says what would be right. */
ufm_status options_parse(const command *cmd, int argc, char **argv, options *opts, ufm_error *error);
/* What is on the command line, one option a line as --name=value, leaving out the groups' that are not
 * these; ufm_free, NULL when memory is out. */
char *options_text(const options *opts, unsigned groups);
/* Options from such a text, for those that are not on the command line. The text must outlive them. */
ufm_status options_add(const command *cmd, char *text, options *opts, ufm_error *error);
void print_command_help(const command *cmd, FILE *stream);
/* The manual page, in roff. */
void print_man_page(const command *const *commands, int count, FILE *stream);
/* The name of an option of these groups that is on the command line, or NULL. */
const char *option_given(const options *opts, unsigned groups);
/* A Markdown table of all options, for the README. */
void print_option_table(FILE *stream);

/* ---- Messages ---- */
/* Prints "ufmlab: MESSAGE" to standard error and returns the exit code that belongs to the status. */
int report_failure(ufm_status status, const ufm_error *error);
/* A line on standard error unless --quiet. */
void say(const options *opts, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Flushes standard output; a full disk is a failure. Returns `code` or EXIT_USAGE. */
int finish_output(int code);

/* ---- Progress (terminal only, never with --quiet) ---- */
typedef struct {
    bool shown;
    double started, drawn;
} progress_line;
progress_line progress_begin(const options *opts);
/* fraction in [0,1] of the work that is done, or NaN when unknown. At most ten times a second. */
void progress_draw(progress_line *line, double fraction, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A library's progress callback: draws `what`, false once the user interrupts. */
bool progress_step(void *line, double fraction, const char *what);
void progress_end(progress_line *line);

/* ---- Interruption: Ctrl-C and SIGTERM ask the running work to stop and save ---- */
void interrupt_install(void);
bool interrupted(void);

/* Loads the solution file in a child process first: libhdf5 crashes on some damaged files, and a crash there
 * becomes a message here. */
ufm_status guard_solution_file(const char *path, ufm_error *error);
/* The same for any reader, which need not free what it reads. */
typedef ufm_status guarded_reader(const char *path, ufm_error *error);
ufm_status guard_file(const char *path, guarded_reader *read_file, ufm_error *error);

/* ---- Shared pieces of the commands ---- */
/* The objective of the options. */
ufm_status read_objective(const options *opts, ufm_objective *objective, ufm_error *error);
/* Which columns or names of an ARFF file are labels. */
ufm_status read_label_columns(const options *opts, ufm_read_settings *settings, ufm_error *error);
/* Labels of a file of counts or of any other kind, for these settings and --classes; followed on the
 * terminal, stopped by Ctrl-C. */
ufm_status read_label_file(const options *opts, const char *path, bool counts, ufm_read_settings settings,
                           ufm_labels **labels, ufm_error *error);
/* Whether duplicates are merged. */
ufm_status read_merge(const options *opts, bool *merge, ufm_error *error);
/* Bytes that may be used: --memory, or what there is. */
int64_t memory_limit(const options *opts);
/* The constraint of the options. */
ufm_status read_constraint(const options *opts, ufm_constraint *constraint, ufm_error *error);
/* What a constrained certificate says, in lines for a person, from `f` to the verdict. */
void print_constrained(const ufm_constraint *constraint, const ufm_constrained_certificate *certificate);
/* The instance of the options. `design` is NULL when the labels follow none, and `error` says why; either may
 * be NULL on input when not wanted. Designs are not expanded when `labels` is NULL. `copies` as in
 * ufm_expansion. */
ufm_status read_instance(const options *opts, int64_t copies, ufm_labels **labels, ufm_design **design,
                         ufm_error *error);
/* What solve and what starts with a solve have in common. */
ufm_status read_solve_settings(const options *opts, ufm_solve_settings *settings, ufm_error *error);
/* --solver proximal, which is no ufm_solver. */
bool is_proximal(const options *opts);
const char *solver_name(const options *opts, const ufm_solve_settings *settings);
/* The instance for a solve, and what a growing dimension has to do with its number of classes. */
ufm_status read_solve_instance(const options *opts, ufm_solve_settings *settings, ufm_labels **labels,
                               ufm_design **design, ufm_error *error);
/* Fails before hours are spent when --save or --trace cannot be written. */
ufm_status check_solve_outputs(const options *opts, ufm_error *error);
/* Minimises and certifies, with a progress line, Ctrl-C, --trace and --save. */
ufm_status solve_instance(const options *opts, const ufm_labels *labels, ufm_solve_settings *settings,
                          ufm_solution **solution, ufm_error *error);
/* Whether Ctrl-C ended the solve; says where the point is. */
bool report_interruption(const options *opts, const ufm_solution *solution);
/* A stored point, certified from its raw data, for the file's objective with what the options replace. */
ufm_status load_solution(const options *opts, const char *path, ufm_solution **solution, ufm_labels **labels,
                         ufm_objective *objective, ufm_error *error);
/* Keys objective, lower_bound, gap, sigma1, mu, gradient_norm, verdict, ... */
void json_certificate(ufm_json *json, const ufm_certificate *certificate);
/* The same keys for a point under a constraint, and its own. */
void json_constrained(ufm_json *json, const ufm_constraint *constraint,
                      const ufm_constrained_certificate *certificate);
void json_metrics(ufm_json *json, const ufm_metrics *metrics);
/* Its keys without the object around them. */
void json_metrics_keys(ufm_json *json, const ufm_metrics *metrics);
/* Anyone's features, classifier and labels: a solution file as the operand, or --features, --labels and
 * --weights. */
typedef struct {
    ufm_point point;
    ufm_labels *labels;
    ufm_solution *solution; /* NULL unless from one file */
    double *W, *H, *b;
} features_input;
ufm_status read_features(const options *opts, features_input *input, ufm_error *error);
/* Of a solution file. */
ufm_status load_features(const char *path, features_input *input, ufm_error *error);
void features_clear(features_input *input);
/* Keys weight_norms (K numbers) and, for K <= 100, weight_gram (W W^T, K x K, one list). */
void json_weights(ufm_json *json, const ufm_point *point);
/* CSV tags,count,norm,scale,residual,angle_degrees: one row per distinct tag set. */
ufm_status write_tag_sets(const char *path, const ufm_point *point, const ufm_labels *labels,
                          ufm_error *error);

/* ---- Data and figures of a command ---- */
/* Opens OUT/data/NAME.csv (or a temporary file when there is no --out but --ascii or --interactive). *output
 * is NULL when nobody wants data. */
ufm_status command_data(const options *opts, const char *name, ufm_output **output, ufm_error *error);
/* Commits the data and draws plots/SCRIPT.gp of it: into OUT/figures, in the terminal (--ascii), in a window
 * (--interactive). Does nothing for NULL; draws nothing for a NULL script. */
ufm_status command_figure(const options *opts, const char *script, const char *name, ufm_output *output,
                          ufm_error *error);

extern const command command_predict, command_solve, command_certify, command_verify, command_landscape,
    command_geometry, command_data_sets, command_train, command_metrics, command_decode, command_bench,
    command_experiment;

#endif
