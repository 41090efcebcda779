/* Private to the data command. */
#ifndef UFMLAB_CLI_DATA_H
#define UFMLAB_CLI_DATA_H

#include "cli.h"
#include <ufmlab/data.h>

int data_list(const options *opts);
int data_fetch(const options *opts);
int data_make(const options *opts);
int data_info(const options *opts);

/* What the options say about a set of images. */
ufm_status read_data_settings(const options *opts, ufm_data_settings *settings, ufm_error *error);
/* ufm_images_open, which is followed on the terminal and stops on Ctrl-C. */
ufm_status open_images(const options *opts, const char *name, const ufm_data_settings *settings,
                       ufm_images **images, ufm_data_origin *origin, ufm_error *error);
/* Examples of every multiplicity with their labels: CSV and figure below --out. */
ufm_status draw_contact_sheet(const options *opts, const ufm_images *images, ufm_error *error);
/* Images a second that the loader delivers with one thread and with --threads, and the memory that it took.
 */
typedef struct {
    double one, all;
    int threads;
    int64_t peak_bytes; /* of the program, resident */
} data_speed;
ufm_status measure_speed(const options *opts, const ufm_images *images, data_speed *speed, ufm_error *error);
/* Keys samples, classes, shape, multiplicities, tag_sets, class_samples, balanced, ... */
void json_images(ufm_json *json, const ufm_labels *labels, const ufm_images *images);

#endif
