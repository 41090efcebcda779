#include "cli.h"
#include <gsl/gsl_errno.h>
#include <stdlib.h>
#include <string.h>
#include <ufmlab/linalg.h>
#include <ufmlab/nets.h>
#include <unistd.h>

static const command *const commands[] = {&command_predict,   &command_solve,      &command_certify,
                                          &command_verify,    &command_landscape,  &command_geometry,
                                          &command_data_sets, &command_train,      &command_metrics,
                                          &command_decode,    &command_experiment, &command_bench};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *stream)
{
    fprintf(stream,
            "ufmlab %s: verifies the theory of the unconstrained feature model (arXiv 2310.15903)\n\n"
            "Usage: ufmlab COMMAND [options]\n\n",
            UFM_VERSION);
    for (int c = 0; c < COMMANDS; c++)
        fprintf(stream, "  %-10s %.*s\n", commands[c]->name, (int)strcspn(commands[c]->summary, "\n"),
                commands[c]->summary);
    fprintf(stream, "\nufmlab COMMAND --help lists a command's options. Exit codes: 0 done, 1 a claim was "
                    "refuted or a run\n"
                    "failed, 2 bad usage or bad input.\n");
}

static int run_command(const command *cmd, int argc, char **argv)
{
    ufm_error error = {{0}};
    options opts;
    const ufm_status status = options_parse(cmd, argc, argv, &opts, &error);
    if (status != UFM_OK) return report_failure(status, &error);
    if (opts.value[OPT_HELP].given) {
        print_command_help(cmd, stdout);
        return finish_output(EXIT_DONE);
    }
    return cmd->run(&opts);
}

/* Starts the program anew where OpenBLAS would use kernels for a much older processor; once, as the variable
 * is set then. Without /proc it goes on with those. */
static void choose_blas_kernels(char **argv)
{
    const char *kernels = ufm_blas_kernels();
    char program[4096];
    const ssize_t length = kernels ? readlink("/proc/self/exe", program, sizeof program) : 0;
    if (length <= 0 || length == sizeof program || setenv("OPENBLAS_CORETYPE", kernels, 1) != 0) return;
    program[length] = 0;
    (void)setenv("OPENBLAS_NUM_THREADS", "1", 0); /* the threads are ours */
    (void)execv(program, argv);
}

int main(int argc, char **argv)
{
    choose_blas_kernels(argv);
    gsl_set_error_handler_off();
    const char *name = argc > 1 ? argv[1] : "";
    for (int c = 0; c < COMMANDS; c++)
        if (strcmp(name, commands[c]->name) == 0) return run_command(commands[c], argc - 1, argv + 1);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return finish_output(EXIT_DONE);
    }
    if (strcmp(name, "--version") == 0) {
        printf("ufmlab %s\n", UFM_VERSION);
        printf("OpenBLAS kernels: %s\n", ufm_blas_name());
        if (ufm_onednn_version())
            printf("train: own kernels and oneDNN %s\n", ufm_onednn_version());
        else
            printf("train: own kernels only, built without oneDNN\n");
        return finish_output(EXIT_DONE);
    }
    if (strcmp(name, "--man-page") == 0) {
        print_man_page(commands, COMMANDS, stdout);
        return finish_output(EXIT_DONE);
    }
    if (strcmp(name, "--option-table") == 0) {
        print_option_table(stdout);
        return finish_output(EXIT_DONE);
    }
    if (argc < 2) {
        print_help(stderr);
    } else {
        fprintf(stderr, "ufmlab: unknown command '%.40s'; ufmlab --help lists the commands\n", name);
    }
    return EXIT_USAGE;
}
