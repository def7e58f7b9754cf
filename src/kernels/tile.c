/* Fused elementwise programs: tiles of whole rows that stay in L1, one plain loop per operation. */
#include <math.h>

#include "kernels/kernel.h"
#include "kernels/simd.h"
#include "op/math.h"

enum { TILE = 512 };

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

#define real float
#define IL_REAL(name) name##_float
#define IL_EXP il_expf
#define IL_LOG il_logf
#define IL_SQRT sqrtf
#define IL_TANH il_tanhf
#define IL_SIN il_sinf
#define IL_COS il_cosf
#define IL_ABS fabsf
#define IL_SIGMOID il_sigmoidf
#define IL_POW il_powf
#define IL_ADD_ROWS il_add_rows
#include "kernels/tile_loop.inc"
#define real double
#define IL_REAL(name) name##_double
#define IL_EXP exp
#define IL_LOG log
#define IL_SQRT sqrt
#define IL_TANH tanh
#define IL_SIN sin
#define IL_COS cos
#define IL_ABS fabs
#define IL_SIGMOID(x) (1 / (1 + exp(-(x))))
#define IL_POW pow
#define IL_ADD_ROWS add_rows_double
#include "kernels/tile_loop.inc"

static bool always(const il_problem *problem) {
  (void)problem;
  return true;
}
static size_t scratch(const il_problem *problem) {
  const il_tile_program *p = problem->tile;
  return (size_t)p->registers * register_stride(p) * il_type_size(problem->type);
}

const il_kernel il_kernel_tile_float = {
    .name = "tile",
    .op = IL_OP_NONE,
    .type = IL_FLOAT32,
    .isa = "native",
    .bit_class = "fma",
    .applicable = always,
    .scratch = scratch,
    .run = run_float,
};
const il_kernel il_kernel_tile_double = {
    .name = "tile",
    .op = IL_OP_NONE,
    .type = IL_FLOAT64,
    .isa = "native",
    .bit_class = "fma",
    .applicable = always,
    .scratch = scratch,
    .run = run_double,
};
