/* ufmlab: nets: networks as data.
 * Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#include <ufmlab/nets.h>

void ufm_network_free(ufm_network *network)
{
    if (network) {
        ufm_free(network->layer);
        ufm_free(network);
    }
}
