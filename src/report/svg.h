/* SVG files made part of an HTML page. */
#ifndef UFMLAB_REPORT_SVG_H
#define UFMLAB_REPORT_SVG_H

#include <ufmlab/base.h>

/* Reads the element <svg>...</svg> of a file into a new string (ufm_free). Its identifiers get the prefix
 * `figN-`, so that several drawings can stand in one page. */
ufm_status ufm_svg_load(const char *path, int64_t number, char **svg, ufm_error *error);

#endif
