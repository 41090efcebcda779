/* Private to experiment: what libcyaml checks. */
#ifndef UFMLAB_EXPERIMENT_SCHEMA_H
#define UFMLAB_EXPERIMENT_SCHEMA_H

#include <cyaml/cyaml.h>
#include <ufmlab/experiment.h>

extern const cyaml_schema_value_t ufm_experiment_schema;

#endif
