/* Private to nets: the register tiles of one instruction set: at most 28 accumulators, so that two vectors of
 * weights and one broadcast fit beside them. The including file defines tile_body(tile, rows, width, two),
 * inlined. Copyright (C) 2026 the ufmlab authors. SPDX-License-Identifier: GPL-3.0-or-later */
#define TILE_SHAPES(X)                                                                                       \
    X(1, 1)                                                                                                  \
    X(1, 2)                                                                                                  \
    X(1, 3)                                                                                                  \
    X(1, 4)                                                                                                  \
    X(1, 5)                                                                                                  \
    X(1, 6)                                                                                                  \
    X(1, 7)                                                                                                  \
    X(1, 8)                                                                                                  \
    X(1, 9)                                                                                                  \
    X(1, 10) X(1, 11) X(1, 12) X(1, 13) X(1, 14) X(8, 1) X(7, 2) X(4, 3) X(3, 4) X(2, 5) X(2, 6) X(2, 7)
#define TILE_FUNCTIONS(rows, width)                                                                          \
    static void tile_##rows##_##width##_1(const kernel_tile *t)                                              \
    {                                                                                                        \
        tile_body(t, rows, width, 0);                                                                        \
    }                                                                                                        \
    static void tile_##rows##_##width##_2(const kernel_tile *t)                                              \
    {                                                                                                        \
        tile_body(t, rows, width, 1);                                                                        \
    }
TILE_SHAPES(TILE_FUNCTIONS)
#define TILE_ENTRY(rows, width) [rows][width] = {tile_##rows##_##width##_1, tile_##rows##_##width##_2},
static kernel_tile_function *const tiles[TILE_ROWS + 1][TILE_WIDTH + 1][2] = {TILE_SHAPES(TILE_ENTRY)};
static kernel_tile_function *tile_choice(int rows, int width, int out_blocks)
{
    return tiles[rows][width][out_blocks - 1];
}
