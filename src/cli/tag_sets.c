/* The table of tag sets that solve stores. */
#include "cli.h"
#include <math.h>

/* A NaN is spelled nan, whatever its sign. */
static void write_number(FILE *stream, double x)
{
    if (isnan(x))
        fputs(",nan", stream);
    else
        fprintf(stream, ",%.17g", x);
}

static void write_rows(FILE *stream, const ufm_labels *labels, const ufm_tag_set_metrics *sets, int64_t count)
{
    fputs("tags,count,norm,scale,residual,angle_degrees\n", stream);
    for (int64_t s = 0; s < count; s++) {
        const int64_t begin = labels->offset[sets[s].column], end = labels->offset[sets[s].column + 1];
        for (int64_t i = begin; i < end; i++) fprintf(stream, "%s%d", i > begin ? "+" : "", labels->tag[i]);
        fprintf(stream, ",%lld", (long long)sets[s].samples);
        write_number(stream, sets[s].norm);
        write_number(stream, sets[s].scale);
        write_number(stream, sets[s].residual);
        write_number(stream, sets[s].angle_degrees);
        fputc('\n', stream);
    }
}

ufm_status write_tag_sets(const char *path, const ufm_point *point, const ufm_labels *labels,
                          ufm_error *error)
{
    ufm_output *output = NULL;
    ufm_tag_set_metrics *sets = NULL;
    int64_t count = 0;
    ufm_status status = ufm_metrics_tag_sets(point, labels, &sets, &count, error);
    if (status == UFM_OK) status = ufm_output_open(path, &output, error);
    if (status == UFM_OK) {
        write_rows(ufm_output_stream(output), labels, sets, count);
        status = ufm_output_commit(output, error);
    }
    ufm_free(sets);
    return status;
}
