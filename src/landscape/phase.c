/* Phase diagrams: total collapse over lambda and n_2/n_1, measured by minimising, beside the predicted one.
 */
#include <math.h>
#include <ufmlab/landscape.h>

typedef struct {
    double lambda_w, ratio; /* n_2/n_1 as used */
    int64_t pairs;          /* n_2 */
    double mu_ratio, weight_norm, nc2, ncm;
    bool predicted, measured; /* collapsed? */
    ufm_status status;
    ufm_error error;
} cell;

typedef struct {
    const ufm_explorer *explorer;
    const ufm_phase_settings *settings;
    cell *cells;
} diagram;

static ufm_status make_labels(const diagram *d, const cell *c, ufm_design **design, ufm_labels **labels,
                              ufm_error *error)
{
    char text[80];
    const int length = snprintf(text, sizeof text, "1:%lld", (long long)d->settings->samples_single);
    if (c->pairs > 0) snprintf(text + length, sizeof text - (size_t)length, ",2:%lld", (long long)c->pairs);
    const ufm_expansion expansion = {UFM_DUPLICATES_MERGE, d->settings->classes, 16, 0};
    const ufm_status status = ufm_design_parse(d->settings->classes, text, design, error);
    return status == UFM_OK ? ufm_design_expand(*design, &expansion, labels, error) : status;
}

static ufm_objective objective_of(const diagram *d, const cell *c)
{
    ufm_objective objective = d->explorer->objective;
    objective.lambda_h *= c->lambda_w / objective.lambda_w;
    objective.lambda_w = c->lambda_w;
    return objective;
}

static double weight_norm(const ufm_point *point)
{
    double square = 0;
    for (int64_t i = 0; i < point->classes * point->dim; i++) square += point->W[i] * point->W[i];
    return sqrt(square);
}

static ufm_status measure(cell *c, const ufm_labels *labels, const ufm_objective *objective,
                          const ufm_explorer *explorer)
{
    ufm_solution *solution = NULL;
    ufm_metrics *metrics = NULL;
    ufm_solve_settings settings = ufm_solve_defaults();
    settings.objective = *objective;
    settings.dim = explorer->dim;
    settings.threads = 1;
    settings.seed = explorer->seed;
    settings.minimize.solver = UFM_SOLVER_NEWTON;
    settings.minimize.tolerance = 1e-13;
    ufm_status status = ufm_solve(labels, &settings, &solution, &c->error);
    if (status != UFM_OK) return status;
    c->weight_norm = weight_norm(&solution->point);
    c->measured = c->weight_norm <= 1e-6 * pow(objective->lambda_h / objective->lambda_w, 0.25);
    if (!c->measured) status = ufm_metrics_compute(&solution->point, labels, &metrics, &c->error);
    if (metrics) {
        c->nc2 = metrics->nc2;
        if (metrics->levels > 1) c->ncm = metrics->level[1].ncm;
    }
    ufm_metrics_free(metrics);
    ufm_solution_free(solution);
    return status;
}

static ufm_status fill(const diagram *d, cell *c)
{
    ufm_design *design = NULL;
    ufm_labels *labels = NULL;
    ufm_prediction *prediction = NULL;
    const ufm_objective objective = objective_of(d, c);
    ufm_status status = make_labels(d, c, &design, &labels, &c->error);
    if (status == UFM_OK) status = ufm_predict(design, &objective, &prediction, &c->error);
    if (status == UFM_OK) status = measure(c, labels, &objective, d->explorer);
    if (status == UFM_OK) {
        c->mu_ratio = prediction->mu / prediction->mu_critical;
        c->predicted = prediction->phase == UFM_PHASE_COLLAPSED;
    }
    ufm_prediction_free(prediction);
    ufm_labels_free(labels);
    ufm_design_free(design);
    return status;
}

static void body(void *context, int worker, int64_t begin, int64_t end)
{
    const diagram *d = context;
    (void)worker;
    for (int64_t i = begin; i < end; i++) d->cells[i].status = fill(d, &d->cells[i]);
}

static double geometric(double low, double high, int64_t step, int64_t points)
{
    return low * pow(high / low, (double)step / (double)(points - 1));
}

static void lay_out(const diagram *d)
{
    const ufm_phase_settings *s = d->settings;
    for (int64_t i = 0; i < s->lambda_points; i++)
        for (int64_t j = 0; j < s->ratio_points; j++) {
            cell *c = &d->cells[i * s->ratio_points + j];
            const double ratio = geometric(s->ratio_low, s->ratio_high, j, s->ratio_points);
            c->lambda_w = geometric(s->lambda_low, s->lambda_high, i, s->lambda_points);
            c->pairs = (int64_t)llround(ratio * (double)s->samples_single);
            c->ratio = (double)c->pairs / (double)s->samples_single;
            c->nc2 = c->ncm = NAN;
        }
}

/* One lambda at a time over the pool, so that progress and interruption come in between. */
static ufm_status compute(diagram *d, ufm_error *error)
{
    const int64_t rows = d->settings->lambda_points, cols = d->settings->ratio_points;
    const ufm_explorer *explorer = d->explorer;
    ufm_status status = UFM_OK;
    ufm_pool *pool = ufm_pool_new(explorer->threads);
    if (!pool) return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for threads");
    for (int64_t i = 0; i < rows && status == UFM_OK; i++) {
        diagram row = *d;
        row.cells += i * cols;
        ufm_pool_run(pool, cols, 1, body, &row);
        for (int64_t j = 0; j < cols && status == UFM_OK; j++) {
            status = row.cells[j].status;
            if (status != UFM_OK && error) *error = row.cells[j].error;
        }
        if (status == UFM_OK && explorer->progress &&
            !explorer->progress(explorer->context, (double)(i + 1) / (double)rows, "phase diagram"))
            status = ufm_fail(error, UFM_ERROR_CANCELLED, "cancelled");
    }
    ufm_pool_free(pool);
    return status;
}

static const char *text_of(bool collapsed)
{
    return ufm_phase_text(collapsed ? UFM_PHASE_COLLAPSED : UFM_PHASE_SEPARATED);
}

static void write_cells(const diagram *d, int64_t count, FILE *stream, ufm_phase_info *info)
{
    *info = (ufm_phase_info){.cells = count};
    if (stream) fputs("lambda,ratio,mu_ratio,phase_predicted,phase_measured,weight_norm,nc2,ncm\n", stream);
    for (int64_t i = 0; i < count; i++) {
        const cell *c = &d->cells[i];
        if (stream)
            fprintf(stream, "%.17g,%.17g,%.17g,%s,%s,%.17g,%.17g,%.17g\n", c->lambda_w, c->ratio, c->mu_ratio,
                    text_of(c->predicted), text_of(c->measured), c->weight_norm, c->nc2, c->ncm);
        info->collapsed += c->measured;
        if (!(fabs(c->mu_ratio - 1) > UFM_PHASE_BAND)) {
            info->unjudged++;
        } else {
            info->mismatches += c->measured != c->predicted;
        }
    }
}

static bool is_range(double low, double high, int64_t points)
{
    return low > 0 && high > low && isfinite(high) && points >= 2 && points <= 100000;
}

static ufm_status check(const ufm_explorer *explorer, const ufm_phase_settings *s, ufm_error *error)
{
    if (s->classes < 3 || s->samples_single < 1 || s->samples_single > UFM_SAMPLES_MAX)
        return ufm_fail(error, UFM_ERROR_USAGE, "a phase diagram needs K >= 3 and 1 <= n_1 <= %d",
                        UFM_SAMPLES_MAX);
    if (!is_range(s->lambda_low, s->lambda_high, s->lambda_points) ||
        !is_range(s->ratio_low, s->ratio_high, s->ratio_points) ||
        !(s->ratio_high * (double)s->samples_single <= UFM_SAMPLES_MAX))
        return ufm_fail(
            error, UFM_ERROR_USAGE,
            "a phase diagram needs 0 < low < high, 2 or more points along both axes and n_2 up to %d",
            UFM_SAMPLES_MAX);
    const int64_t rank = ufm_loss_rank(explorer->objective.loss, s->classes);
    if (explorer->dim > 0 && explorer->dim < rank)
        return ufm_fail(error, UFM_ERROR_UNSUPPORTED, "the prediction needs d >= %lld", (long long)rank);
    return ufm_objective_check(&explorer->objective, error);
}

ufm_status ufm_phase_write(const ufm_explorer *explorer, const ufm_phase_settings *settings, FILE *stream,
                           ufm_phase_info *info, ufm_error *error)
{
    ufm_status status = check(explorer, settings, error);
    if (status != UFM_OK) return status;
    const int64_t count = settings->lambda_points * settings->ratio_points;
    ufm_phase_info counted;
    diagram d = {explorer, settings, ufm_alloc(count, sizeof(cell))};
    if (!d.cells)
        return ufm_fail(error, UFM_ERROR_MEMORY, "not enough memory for %lld cells", (long long)count);
    lay_out(&d);
    status = compute(&d, error);
    if (status == UFM_OK) {
        write_cells(&d, count, stream, &counted);
        if (info) *info = counted;
    }
    ufm_free(d.cells);
    return status;
}
