/* Small sets of images whose pixels the tests know. */
#ifndef UFMLAB_IMAGE_SETS_H
#define UFMLAB_IMAGE_SETS_H

#include <ufmlab/data.h>

/* `count` images of `classes` classes in turn (image i shows class i % classes), channels x side x side,
 * pixel p of image i being test_pixel(i, p); reading image `bad` fails (-1: none). NULL when memory is out.
 */
ufm_images *test_images(int64_t classes, int64_t count, ufm_image_shape shape, int64_t bad);
uint8_t test_pixel(int64_t image, int64_t pixel);
/* Tag sets from the design "1:3,2:2". */
ufm_labels *test_design_labels(int64_t classes, const char *samples);

#endif
