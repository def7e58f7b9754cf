/* Fused elementwise programs for IL_LANES tasks at once: tiles of whole rows as in tile.c, every element with
 * its lanes. Numbers that are the same for all lanes and elements are read as such; what else the tasks share
 * is spread over the lanes first. */
#include "kernels/lanes.h"
#include "op/math.h"

enum { TILE = 128 }; /* elements */

/* Made once per plan. */
typedef enum il_operands {
  EACH = 0,
  SECOND_ONE,
  FIRST_ONE
} il_operands; /* which argument is one number */
typedef struct il_table {
  int64_t rows;                      /* of a tile */
  uint8_t reading[IL_TILE_MAX_CODE]; /* il_operands of each code */
  bool one[IL_TILE_MAX_OPERANDS];    /* operand that is one number for all lanes */
  bool spread[IL_TILE_MAX_OPERANDS]; /* and is read by a code that cannot take it so */
} il_table;

#include "op/as_float.h"
#include "kernels/angles.h"

__attribute__((always_inline)) static inline void loop(int op, bool one0, bool one1, int64_t count,
                                                       float *restrict y, const float *x0,
                                                       const float *x1, const float *x2) {
  const float u0 = *x0, u1 = *x1;
  switch (op) {
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  case IL_OP_##id:                                                                                 \
    for (int64_t i = 0; i < count; i++) {                                                          \
      const float a = one0 ? u0 : x0[i],                                                           \
                  b = arity < 2 ? a                                                                \
                      : one1    ? u1                                                               \
                                : x1[i],                                                              \
                  c = arity < 3 ? a : x2[i];                                                       \
      (void)b, (void)c;                                                                            \
      y[i] = value;                                                                                \
    }                                                                                              \
    return;
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
  default: return;
  }
}

static void code(const il_tile_code *c, uint8_t reading, int64_t count, float *const *result,
                 const float *const *reg) {
  float *y = result[c->result];
  const float *x0 = reg[c->arg[0]], *x1 = reg[c->arg[1]], *x2 = reg[c->arg[2]];
  if (il_far_angles(c->op, count, y, x0)) return;
  if (reading == EACH)
    loop(c->op, false, false, count, y, x0, x1, x2);
  else if (reading == SECOND_ONE)
    loop(c->op, false, true, count, y, x0, x1, x2);
  else
    loop(c->op, true, false, count, y, x0, x1, x2);
}

static int arity_of(int op) {
  switch (op) {
#define IL_ELEMENTWISE(id, name, arity, formula, value, d0, d1, d2, low, high, flops)              \
  case IL_OP_##id:                                                                                 \
    return arity;
#include "op/elementwise.def"
#undef IL_ELEMENTWISE
  default: return 0;
  }
}

static const char *refuses(const il_problem *problem) {
  return problem->tile->window.kh > 0 ? "spreads no pooled numbers" : NULL;
}

static size_t table_size(const il_problem *p) {
  (void)p;
  return sizeof(il_table);
}
static void prepare(const il_problem *problem, void *memory) {
  const il_tile_program *p = problem->tile;
  il_table *t = memory;
  memset(t, 0, sizeof *t);
  t->rows = TILE / p->width;
  if (t->rows < 1) t->rows = 1;
  if (t->rows > p->rows) t->rows = p->rows;
  for (int k = 0; k < p->operands; k++)
    t->one[k] = p->mode[k] == IL_TILE_SCALAR && (p->is_constant[k] || problem->shared >> k & 1);
  for (int i = 0; i < p->codes; i++) {
    const il_tile_code *c = &p->code[i];
    const int arity = arity_of(c->op);
    bool one[3] = {false, false, false};
    for (int k = 0; k < arity; k++) one[k] = c->arg[k] < p->operands && t->one[c->arg[k]];
    if (arity == 2 && one[0] != one[1]) {
      t->reading[i] = one[0] ? FIRST_ONE : SECOND_ONE;
      continue;
    }
    for (int k = 0; k < arity; k++)
      if (one[k]) t->spread[c->arg[k]] = true;
  }
  /* Spread or not, but the same for all that read it. */
  for (int i = 0; i < p->codes; i++)
    if (t->reading[i] != EACH && t->spread[p->code[i].arg[t->reading[i] == FIRST_ONE ? 0 : 1]])
      t->reading[i] = EACH;
}

/* Registers keep a line apart, so that one number can stand in each. */
static int64_t register_size(const il_tile_program *p) {
  const int64_t most = TILE / p->width > 1 ? TILE / p->width : 1;
  return (p->rows < most ? p->rows : most) * p->width * IL_LANES;
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
static void spread_once(const il_tile_program *p, const il_table *t, int k, bool shared,
                        const float *x, float *y) {
  const int64_t rows = t->rows;
  if (t->one[k]) {
    const float number = p->is_constant[k] ? (float)p->constant[k] : *x;
    repeat_each(1, t->spread[k] ? rows * p->width * IL_LANES : 1, &number, y);
  } else if (p->mode[k] == IL_TILE_SCALAR) {
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
  const il_table *t = table;
  const il_tile_program *p = problem->tile;
  const int64_t tile = t->rows, width = p->width * IL_LANES;
  float *own[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE];
  float *result[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE];
  const float *reg[IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE];
  for (int k = 0; k < p->registers; k++)
    reg[k] = result[k] = own[k] = (float *)scratch + k * register_size(p);
  for (int k = 0; k < p->operands; k++)
    spread_once(p, t, k, problem->shared >> k & 1, in[k], own[k]);
  for (int k = 0; k < p->results; k++)
    if (p->result[k].sum) memset(out[k], 0, (size_t)width * sizeof(float));
  for (int64_t row = 0; row < p->rows; row += tile) {
    const int64_t rows = row + tile < p->rows ? tile : p->rows - row;
    for (int k = 0; k < p->operands; k++)
      reg[k] = operand_rows(p, k, problem->shared >> k & 1, row, rows, in[k], own[k]);
    for (int k = 0; k < p->results; k++)
      if (!p->result[k].sum)
        reg[p->result[k].reg] = result[p->result[k].reg] = (float *)out[k] + row * width;
    for (int k = 0; k < p->codes; k++) code(&p->code[k], t->reading[k], rows * width, result, reg);
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
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .lanes = true,
    .table = table_size,
    .prepare = prepare,
    .refuses = refuses,
    .scratch = scratch,
    .run = run,
};
