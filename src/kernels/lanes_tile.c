/* Fused elementwise programs for IL_LANES tasks at once: tiles of whole rows as in tile.c, every element with
 * its lanes; what the tasks share is spread over them first. */
#include "kernels/lanes.h"
#include "op/math.h"

enum { TILE = 64 }; /* elements */

#include "op/as_float.h"

static int64_t tile_rows(const il_tile_program *p) {
  const int64_t rows = TILE / p->width;
  return rows < 1 ? 1 : rows < p->rows ? rows : p->rows;
}
static int64_t register_size(const il_tile_program *p) {
  return tile_rows(p) * p->width * IL_LANES;
}

static void code(int op, int64_t count, float *restrict y, const float *x0, const float *x1,
                 const float *x2) {
  switch (op) {
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  case IL_OP_##id:                                                                                 \
    for (int64_t i = 0; i < count; i++) {                                                          \
      const float a = x0[i], b = arity > 1 ? x1[i] : a, c = arity > 2 ? x2[i] : a;                 \
      (void)b, (void)c;                                                                            \
      y[i] = value;                                                                                \
    }                                                                                              \
    return;
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
  default: return;
  }
}

/* Each number `times` times, one behind the other. */
static void repeat_each(int64_t count, int64_t times, const float *x, float *y) {
  for (int64_t i = 0; i < count; i++, y += times)
    for (int64_t k = 0; k < times; k++) y[k] = x[i];
}
static void repeat_all(int64_t count, int64_t times, const float *x, float *y) {
  for (int64_t i = 0; i < times; i++) memcpy(y + i * count, x, (size_t)count * sizeof *y);
}

/* Operands that are the same for every tile of `rows` rows. */
static void spread_once(const il_tile_program *p, int k, bool shared, int64_t rows, const float *x,
                        float *y) {
  if (p->mode[k] == IL_TILE_SCALAR) {
    const float number = (float)p->constant[k];
    if (shared || p->is_constant[k])
      repeat_each(1, rows * p->width * IL_LANES, p->is_constant[k] ? &number : x, y);
    else
      repeat_all(IL_LANES, rows * p->width, x, y);
  } else if (p->mode[k] == IL_TILE_CHANNEL) {
    const int64_t width = p->width * IL_LANES;
    if (shared)
      repeat_each(p->width, IL_LANES, x, y);
    else
      memcpy(y, x, (size_t)width * sizeof *y);
    repeat_all(width, rows - 1, y, y + width);
  }
}

/* Where the rows from `row` on of an operand stand: in place, or spread into `own`. */
static const float *operand_rows(const il_tile_program *p, int k, bool shared, int64_t row,
                                 int64_t rows, const float *x, float *own) {
  if (p->mode[k] == IL_TILE_FULL) {
    if (!shared) return x + row * p->width * IL_LANES;
    repeat_each(rows * p->width, IL_LANES, x + row * p->width, own);
  } else if (p->mode[k] == IL_TILE_ROW) {
    if (shared)
      repeat_each(rows, p->width * IL_LANES, x + row, own);
    else
      for (int64_t r = 0; r < rows; r++)
        repeat_all(IL_LANES, p->width, x + (row + r) * IL_LANES, own + r * p->width * IL_LANES);
  }
  return own;
}

static void run(const il_problem *problem, const void *table, const void *const *in,
                void *const *out, void *scratch) {
  (void)table;
  const il_tile_program *p = problem->tile;
  const int64_t tile = tile_rows(p), width = p->width * IL_LANES;
  float *own[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE];
  float *result[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE];
  const float *reg[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE];
  for (int k = 0; k < p->registers; k++)
    reg[k] = result[k] = own[k] = (float *)scratch + k * register_size(p);
  for (int k = 0; k < p->operands; k++)
    spread_once(p, k, problem->shared >> k & 1, tile, in[k], own[k]);
  for (int k = 0; k < p->results; k++)
    if (p->result[k].sum) memset(out[k], 0, (size_t)width * sizeof(float));
  for (int64_t row = 0; row < p->rows; row += tile) {
    const int64_t rows = row + tile < p->rows ? tile : p->rows - row;
    for (int k = 0; k < p->operands; k++)
      reg[k] = operand_rows(p, k, problem->shared >> k & 1, row, rows, in[k], own[k]);
    for (int k = 0; k < p->results; k++)
      if (!p->result[k].sum)
        reg[p->result[k].reg] = result[p->result[k].reg] = (float *)out[k] + row * width;
    for (int k = 0; k < p->codes; k++) {
      const il_tile_code *c = &p->code[k];
      code(c->op, rows * width, result[c->result], reg[c->arg[0]], reg[c->arg[1]], reg[c->arg[2]]);
    }
    for (int k = 0; k < p->results; k++)
      if (p->result[k].sum) il_add_rows(rows, width, reg[p->result[k].reg], out[k]);
  }
}

static size_t scratch(const il_problem *problem) {
  return (size_t)problem->tile->registers * (size_t)register_size(problem->tile) * sizeof(float);
}

const il_kernel il_kernel_lanes_tile = {
    .name = "lanes/tile",
    .op = IL_OP_NONE,
    .type = IL_FLOAT32,
    .isa = "native",
    .bit_class = "fma",
    .lanes = true,
    .scratch = scratch,
    .run = run,
};
