/* Fused elementwise programs of any operation: tiles of whole rows that stay in L1, one plain loop per operation. */
#include <math.h>

#include "kernels/kernel.h"
#include "kernels/simd.h"
#include "op/math.h"

enum { TILE = 512 };

/* Of the arrays that a loop reads and the one that it writes: elements depend on no others. */
#if defined __clang__
#define IL_SAME_OR_APART _Pragma("clang loop vectorize(assume_safety)")
#else
#define IL_SAME_OR_APART _Pragma("GCC ivdep")
#endif

static int64_t tile_rows(const il_tile_program *p) {
  const int64_t rows = TILE / p->width;
  return rows < 1 ? 1 : rows;
}
static size_t register_stride(const il_tile_program *p) {
  return ((size_t)(tile_rows(p) * p->width) + 15) / 16 * 16;
}

static void add_rows_double(int64_t rows, int64_t width, const double *x, double *y) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < width; i++) y[i] += x[r * width + i];
}

#include "op/as_float.h"
#include "kernels/angles.h"
#define IL_ADD_ROWS il_add_rows
#define IL_FAR_ANGLES il_far_angles
#include "kernels/tile_loop.inc"
#include "op/as_double.h"
#undef IL_ADD_ROWS
#undef IL_FAR_ANGLES
#define IL_ADD_ROWS add_rows_double
#define IL_FAR_ANGLES(op, count, y, x) false /* double takes the C library's */
#include "kernels/tile_loop.inc"

static size_t scratch(const il_problem *problem) {
  const il_tile_program *p = problem->tile;
  return (size_t)p->registers * register_stride(p) * il_type_size(problem->type);
}

const il_kernel il_kernel_tile_float = {
    .name = "tile",
    .op = IL_OP_NONE,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .scratch = scratch,
    .run = run_float,
};
const il_kernel il_kernel_tile_double = {
    .name = "tile",
    .op = IL_OP_NONE,
    .type = IL_FLOAT64,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .scratch = scratch,
    .run = run_double,
};
