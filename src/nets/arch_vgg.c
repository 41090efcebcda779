/* ufmlab: nets: VGG with batch norm and a single linear layer.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include "builder.h"

enum { STAGES = 5, DIM = 512 };

/* `count` convolutions in each stage. fix_dim narrows the last one. */
static void vgg(ufm_builder *builder, const int count[STAGES])
{
    static const int64_t channels[STAGES] = {64, 128, 256, 512, DIM};
    int32_t at = 0;
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < count[stage]; i++) {
            const bool last = stage == STAGES - 1 && i == count[stage] - 1;
            const int64_t outputs =
                last ? ufm_build_dim(builder, DIM) : ufm_build_width(builder, channels[stage]);
            at = ufm_build_convolution(builder, at, outputs, (ufm_window){3, 1, 1}, true);
            at = ufm_build_relu(builder, ufm_build_batch_norm(builder, at));
        }
        at = ufm_build_max_pool(builder, at);
    }
    ufm_build_classifier(builder, ufm_build_average_pool(builder, at));
}

void ufm_arch_vgg16(ufm_builder *builder)
{
    vgg(builder, (const int[STAGES]){2, 2, 3, 3, 3});
}

void ufm_arch_vgg19(ufm_builder *builder)
{
    vgg(builder, (const int[STAGES]){2, 2, 4, 4, 4});
}
