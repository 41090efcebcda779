/* ufmlab: nets: the multilayer perceptron, blocks of linear, ReLU and batch norm in that order.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "builder.h"

enum { BLOCKS = 3, HIDDEN = 512 };

void ufm_arch_mlp(ufm_builder *builder)
{
    int32_t at = 0;
    for (int block = 0; block < BLOCKS; block++) {
        const bool last = block == BLOCKS - 1;
        at = ufm_build_linear(builder, at,
                              last ? ufm_build_dim(builder, HIDDEN) : ufm_build_width(builder, HIDDEN));
        at = ufm_build_batch_norm(builder, ufm_build_relu(builder, at));
    }
    ufm_build_classifier(builder, at);
}
