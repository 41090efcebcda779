#include "data.h"
int data_fetch(const options *opts) { (void)opts; return EXIT_FAILED; }
