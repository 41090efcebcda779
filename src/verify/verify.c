#include "internal.h"
#include <stdio.h>
#include <string.h>

/* Most claims that one instance makes. */
enum { CLAIMS_EACH = UFM_CLAIM_COUNT };

static const struct {
    const char *id, *heading, *statement;
    double tolerance;
} claims[] = {
#define CLAIM_ROW(name, id, heading, tolerance, statement) {id, heading, statement, tolerance},
    UFM_CLAIM_LIST(CLAIM_ROW)
#undef CLAIM_ROW
};

const char *ufm_claim_id(ufm_claim_kind kind)
{
    return claims[kind].id;
}

const char *ufm_claim_heading(ufm_claim_kind kind)
{
    return claims[kind].heading;
}

const char *ufm_claim_statement(ufm_claim_kind kind)
{
    return claims[kind].statement;
}

double ufm_claim_tolerance(ufm_claim_kind kind)
{
    return claims[kind].tolerance;
}

void ufm_verification_free(ufm_verification *verification)
{
    if (!verification) return;
    ufm_free(verification->claim);
    ufm_free(verification->instance);
    ufm_free(verification);
}

static void note_missing(ufm_verification *v, const char *name)
{
    const size_t used = strlen(v->missing);
    snprintf(v->missing + used, sizeof v->missing - used, "%s%s", used ? ", " : "", name);
}

/* Whether the settings ask for the instance; its name is written to `name`. */
static bool wanted(const ufm_verify_settings *settings, const verify_instance *instance, char *name,
                   size_t size)
{
    verify_instance_describe(instance, name, size);
    return !settings->only || strstr(name, settings->only);
}

static ufm_status run_instances(verify_run *run, ufm_verification *v)
{
    for (int64_t i = 0; i < verify_instance_count; i++) {
        const verify_instance *instance = &verify_instances[i];
        verify_problem problem;
        char name[sizeof v->instance[0].name];
        if (!wanted(run->settings, instance, name, sizeof name)) continue;
        ufm_status status = verify_begin(run, name, instance->work);
        if (status != UFM_OK) return status;
        status = verify_problem_make(instance, run->settings->data, &problem, run->error);
        if (status == UFM_ERROR_IO && (instance->file || instance->images)) {
            note_missing(v, name);
            continue;
        }
        if (status != UFM_OK) return status;
        if (*problem.set) snprintf(name, sizeof name, "labels of %s, as built", problem.set);
        memcpy(v->instance[v->instances].name, name, sizeof name);
        status = verify_judge(instance, &problem, v->instances, run, v);
        v->instances++;
        verify_problem_free(&problem);
        if (status != UFM_OK) return status;
    }
    if (v->instances == 0 && v->missing[0])
        return ufm_fail(run->error, UFM_ERROR_USAGE, "data not found: %s; set UFMLAB_DATA or --data",
                        v->missing);
    if (v->instances == 0)
        return ufm_fail(run->error, UFM_ERROR_USAGE,
                        "no instance is named like '%.60s'; without --only all are run", run->settings->only);
    return UFM_OK;
}

static double total_work(const ufm_verify_settings *settings)
{
    char name[sizeof((ufm_instance_name *)0)->name];
    double total = settings->out ? VERIFY_FIGURE_WORK * VERIFY_FIGURES : 0;
    for (int64_t i = 0; i < verify_instance_count; i++)
        if (wanted(settings, &verify_instances[i], name, sizeof name)) total += verify_instances[i].work;
    return total;
}

ufm_status ufm_verify(const ufm_verify_settings *settings, ufm_verification **verification, ufm_error *error)
{
    const double started = ufm_seconds();
    verify_run run = {.settings = settings, .total = total_work(settings), .error = error};
    ufm_verification *made = ufm_alloc(1, sizeof *made);
    if (made) made->claim = ufm_alloc(verify_instance_count * CLAIMS_EACH, sizeof *made->claim);
    if (made) made->instance = ufm_alloc(verify_instance_count, sizeof *made->instance);
    if (!made || !made->claim || !made->instance) {
        ufm_verification_free(made);
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for the table of claims");
    }
    ufm_status status = run_instances(&run, made);
    if (status == UFM_OK && settings->out) status = verify_figures(&run);
    made->seconds = ufm_seconds() - started;
    if (status == UFM_OK && settings->out) status = verify_write_report(made, settings->out, error);
    if (status == UFM_OK) {
        *verification = made;
    } else {
        ufm_verification_free(made);
    }
    return status;
}
