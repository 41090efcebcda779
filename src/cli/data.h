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
/* Examples of every multiplicity with their labels: CSV and figure below --out. */
ufm_status draw_contact_sheet(const options *opts, const ufm_images *images, ufm_error *error);
/* Keys samples, classes, shape, multiplicities, tag_sets, class_samples, balanced, ... */
void json_images(ufm_json *json, const ufm_labels *labels, const ufm_images *images);

#endif
