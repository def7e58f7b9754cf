/* Fused elementwise programs as a chain: a block of rows by vectors of columns goes through the whole program while
 * the value made last stays in registers, where the next operation finds it. A value is stored only for who reads it
 * later; what is the same for all rows or columns is read once per block, numbers of pooled pixels are spread over the
 * block's rows before it begins, and sums take their rows as they pass. */
#include "kernels/kernel.h"
#include "kernels/simd.h"

/* Vectors of a block, and the most that stand beside each other in a row. */
enum { BLOCK = IL_ACCUMULATORS >= 24 ? 16 : IL_ACCUMULATORS >= 12 ? 8 : 4, PANEL = 4 };
enum { SLOTS = IL_TILE_MAX_OPERANDS + IL_TILE_MAX_CODE + IL_TILE_MAX_RESULTS };

/* v: the value in registers; m: a slot in memory. */
typedef enum il_kind {
  LOAD,     /* v = m */
  ADD,      /* v = v + m */
  SUB,      /* v = v - m */
  SUB_FROM, /* v = m - v */
  MUL,      /* v = v · m */
  DIV,      /* v = v / m */
  DIV_INTO, /* v = m / v */
  BINARY,   /* up to here: with a form */
  TWICE = BINARY,
  SQUARE,
  NEG,
  RELU,
  STEP,
  STORE, /* m = v */
  SUM,   /* m = m + the rows of v, ascending */
} il_kind;
typedef enum il_form { EACH, CHANNEL, ROW, FORMS } il_form; /* a scalar: a row of step 0 */

typedef struct il_link {
  uint16_t what, slot; /* what: kind · FORMS + form */
} il_link;
/* Slots: the program's registers, then its results. */
typedef struct il_chain {
  int links;
  il_link link[3 * IL_TILE_MAX_CODE + IL_TILE_MAX_RESULTS];
} il_chain;

/* ---- from a program to a chain ---- */
static int kind_of(int op) {
  switch (op) {
  case IL_OP_ADD: return ADD;
  case IL_OP_SUB: return SUB;
  case IL_OP_MUL: return MUL;
  case IL_OP_DIV: return DIV;
  case IL_OP_NEG: return NEG;
  case IL_OP_RELU: return RELU;
  case IL_OP_STEP: return STEP;
  default: return -1;
  }
}
static int swapped(int kind) { return kind == SUB || kind == DIV ? kind + 1 : kind; }
/* Of a value with itself; a difference and a quotient read their second operand from memory. */
static int doubled(int kind) { return kind == ADD ? TWICE : kind == MUL ? SQUARE : kind; }

static il_form form_of(const il_tile_program *p, int slot) {
  if (slot >= p->operands) return EACH;
  switch (p->mode[slot]) {
  case IL_TILE_CHANNEL: return CHANNEL;
  case IL_TILE_ROW:
  case IL_TILE_SCALAR: return ROW;
  default: return EACH;
  }
}

/* Whether a code after the next reads what code i made, or the next one in a way that needs memory. */
static bool is_read(const il_tile_program *p, int i) {
  const int reg = p->code[i].result;
  for (int k = i + 1; k < p->codes; k++) {
    const il_tile_code *c = &p->code[k];
    const int kind = kind_of(c->op);
    const bool first = c->arg[0] == reg, second = kind < BINARY && c->arg[1] == reg;
    if (k > i + 1 ? first || second : first && second && doubled(kind) == kind) return true;
    if (c->result == reg) return false;
  }
  return false;
}
/* The code that makes what leaves in the register: the last. */
static int maker_of(const il_tile_program *p, int reg) {
  int maker = p->codes - 1;
  while (maker >= 0 && p->code[maker].result != reg) maker--;
  return maker;
}

static il_link *put(il_link *link, int kind, il_form form, int slot) {
  *link = (il_link){(uint16_t)(kind * FORMS + form), (uint16_t)slot};
  return link + 1;
}

static void prepare(const il_problem *problem, void *table) {
  const il_tile_program *p = problem->tile;
  il_chain *chain = table;
  il_link *link = chain->link;
  for (int i = 0; i < p->codes; i++) {
    const il_tile_code *c = &p->code[i];
    const int kind = kind_of(c->op), before = i ? p->code[i - 1].result : -1;
    const int a = c->arg[0], b = kind < BINARY ? c->arg[1] : a;
    const int held = b == before ? b : a, other = a == held ? b : a;
    if (held != before) link = put(link, LOAD, form_of(p, held), held);
    if (kind >= BINARY)
      link = put(link, kind, EACH, 0);
    else if (other == held && doubled(kind) != kind)
      link = put(link, doubled(kind), EACH, 0);
    else
      link = put(link, a == held ? kind : swapped(kind), form_of(p, other), other);
    bool stored = is_read(p, i);
    for (int r = 0; r < p->results; r++) {
      if (maker_of(p, p->result[r].reg) != i) continue;
      if (p->result[r].sum) link = put(link, SUM, EACH, p->registers + r);
      stored |= !p->result[r].sum;
    }
    if (stored) link = put(link, STORE, EACH, c->result);
  }
  chain->links = (int)(link - chain->link);
}

/* ---- the run ---- */
typedef struct il_slot {
  union {
    const float *from;
    float *at;
  };
  int64_t step;   /* from a row of the program to the next */
  int64_t stride; /* from a row of the block to the next */
} il_slot;

#define ROWS _Pragma("GCC unroll 16") for (int r = 0; r < rows; r++)
#define COLUMNS _Pragma("GCC unroll 4") for (int c = 0; c < vectors; c++)
#define MAKE(value)                                                                                \
  do {                                                                                             \
    const il_vec x = v[r * vectors + c];                                                           \
    (void)x;                                                                                       \
    v[r * vectors + c] = value;                                                                    \
  } while (0)
#define UNARY(kind, value)                                                                         \
  case (kind)*FORMS: {                                                                             \
    ROWS COLUMNS MAKE(value);                                                                      \
  } break
#define WITH(kind, value)                                                                          \
  case (kind)*FORMS + EACH: {                                                                      \
    ROWS COLUMNS {                                                                                 \
      const il_vec y = il_load(m + r * stride + c * IL_VL);                                        \
      MAKE(value);                                                                                 \
    }                                                                                              \
  } break;                                                                                         \
  case (kind)*FORMS + CHANNEL: {                                                                   \
    COLUMNS {                                                                                      \
      const il_vec y = il_load(m + c * IL_VL);                                                     \
      ROWS MAKE(value);                                                                            \
    }                                                                                              \
  } break;                                                                                         \
  case (kind)*FORMS + ROW: {                                                                       \
    ROWS {                                                                                         \
      const il_vec y = m[r * stride] - (il_vec){0};                                                \
      COLUMNS MAKE(value);                                                                         \
    }                                                                                              \
  } break

/* One block: `rows` rows from `row` on, `vectors` vectors wide. */
static inline __attribute__((always_inline)) void run_block(const int rows, const int vectors,
                                                            const il_chain *chain, int64_t row,
                                                            const il_slot *slot) {
  const il_mask one = (il_mask)((il_vec){0} + 1);
  il_vec v[BLOCK] = {{0}};
  for (const il_link *link = chain->link, *end = link + chain->links; link < end; link++) {
    const il_slot *s = &slot[link->slot];
    const int64_t stride = s->stride;
    float *m = s->at + row * s->step;
    switch (link->what) {
      WITH(LOAD, y);
      WITH(ADD, x + y);
      WITH(SUB, x - y);
      WITH(SUB_FROM, y - x);
      WITH(MUL, x * y);
      WITH(DIV, x / y);
      WITH(DIV_INTO, y / x);
      UNARY(TWICE, x + x);
      UNARY(SQUARE, x * x);
      UNARY(NEG, -x);
      UNARY(RELU, (il_vec)(~(x <= 0) & (il_mask)x)); /* NaN passes */
      UNARY(STEP, (il_vec)(~(x <= 0) & one));
    case STORE *FORMS: ROWS COLUMNS il_store(m + r * stride + c * IL_VL, v[r * vectors + c]); break;
    case SUM *FORMS:
      COLUMNS {
        il_vec y = il_load(m + c * IL_VL);
        ROWS y += v[r * vectors + c];
        il_store(m + c * IL_VL, y);
      }
      break;
    default: break;
    }
  }
}

/* Pooled numbers of one operand, and where those of a block go. */
typedef struct il_pooled {
  const float *from;
  const uint8_t *tap; /* of its window, that each belongs to */
  float *to;
} il_pooled;
typedef struct il_spread {
  const il_pool_geometry *window;
  int64_t column; /* the first channel of the panel */
  int count;
  il_pooled pooled[IL_TILE_MAX_OPERANDS];
} il_spread;

/* Pixels row .. row + rows of the image: the number of the window that each lies in, where its tap is that pixel; else 0.
 * 0 + x: as a sum from 0. */
static inline __attribute__((always_inline)) void spread_rows(const int rows, const int vectors,
                                                              const il_spread *s, int64_t row) {
  const il_pool_geometry *g = s->window;
  int32_t w = (int32_t)(row % g->w), h = (int32_t)(row / g->w % g->h);
  int64_t n = row / g->w / g->h;
  for (int r = 0; r < rows; r++) {
    const int32_t i = h / g->sh, j = w / g->sw;
    const bool inside = i < g->oh && j < g->ow && h - i * g->sh < g->kh && w - j * g->sw < g->kw;
    const int64_t from = ((n * g->oh + i) * g->ow + j) * g->c + s->column;
    const int32_t tap = (h - i * g->sh) * g->kw + w - j * g->sw;
    for (int k = 0; k < s->count; k++) {
      const il_pooled *p = &s->pooled[k];
      COLUMNS {
        il_vec x = {0};
        if (inside) {
          x += il_load(p->from + from + c * IL_VL);
          x = (il_vec)((il_load_bytes(p->tap + from + c * IL_VL) == tap) & (il_mask)x);
        }
        il_store(p->to + (r * vectors + c) * IL_VL, x);
      }
    }
    if (++w < g->w) continue;
    w = 0;
    if (++h < g->h) continue;
    h = 0;
    n++;
  }
}

static inline __attribute__((always_inline)) void run_panel(const int vectors,
                                                            const il_chain *chain, int64_t rows,
                                                            const il_slot *slot,
                                                            const il_spread *spread) {
  int64_t row = 0;
  for (; row + BLOCK / vectors <= rows; row += BLOCK / vectors) {
    if (spread->count) spread_rows(BLOCK / vectors, vectors, spread, row);
    run_block(BLOCK / vectors, vectors, chain, row, slot);
  }
  for (; row < rows; row++) {
    if (spread->count) spread_rows(1, vectors, spread, row);
    run_block(1, vectors, chain, row, slot);
  }
}

/* Nothing depends on rows or columns: one long row. */
static bool is_flat(const il_tile_program *p) {
  for (int i = 0; i < p->operands; i++)
    if (p->mode[i] != IL_TILE_FULL && p->mode[i] != IL_TILE_SCALAR) return false;
  for (int i = 0; i < p->results; i++)
    if (p->result[i].sum) return false;
  return true;
}

typedef struct il_pass {
  const il_tile_program *program;
  const il_chain *chain;
  const void *const *in;
  void *const *out;
  float *own; /* registers that stay within a block, and what is spread over it */
  float constant[IL_TILE_MAX_OPERANDS];
} il_pass;

static il_slot slot_of(const il_pass *pass, int k, int64_t at, int64_t width, int vectors) {
  const il_tile_program *p = pass->program;
  if (k >= p->operands || p->mode[k] == IL_TILE_SPREAD)
    return (il_slot){.at = pass->own + (int64_t)k * BLOCK * IL_VL, .stride = vectors * IL_VL};
  const float *from = p->is_constant[k] ? &pass->constant[k] : pass->in[k];
  switch (p->mode[k]) {
  case IL_TILE_FULL: return (il_slot){.from = from + at, .step = width, .stride = width};
  case IL_TILE_CHANNEL: return (il_slot){.from = from + at};
  case IL_TILE_ROW: return (il_slot){.from = from, .step = 1, .stride = 1};
  default: return (il_slot){.from = from};
  }
}

static il_spread spread_of(const il_pass *pass, int64_t column) {
  const il_tile_program *p = pass->program;
  il_spread s = {.window = &p->window, .column = column};
  for (int k = 0; k < p->operands; k++)
    if (p->mode[k] == IL_TILE_SPREAD)
      s.pooled[s.count++] =
          (il_pooled){pass->in[k], pass->in[k + 1], pass->own + (int64_t)k * BLOCK * IL_VL};
  return s;
}

/* `rows` rows of `width` numbers; the first stands `at` numbers from the operands' begin. */
static void run_rows(const il_pass *pass, int64_t at, int64_t rows, int64_t width) {
  const il_tile_program *p = pass->program;
  il_slot slot[SLOTS];
  for (int64_t column = 0; column < width;) {
    const int64_t left = (width - column) / IL_VL;
    const int vectors = left >= PANEL ? PANEL : left >= 2 ? 2 : 1;
    for (int k = 0; k < p->registers; k++) slot[k] = slot_of(pass, k, at + column, width, vectors);
    for (int k = 0; k < p->results; k++) {
      float *y = (float *)pass->out[k] + at + column;
      if (p->result[k].sum)
        slot[p->registers + k] = (il_slot){.at = y};
      else
        slot[p->result[k].reg] = (il_slot){.at = y, .step = width, .stride = width};
    }
    const il_spread spread = spread_of(pass, column);
    if (vectors == PANEL)
      run_panel(PANEL, pass->chain, rows, slot, &spread);
    else if (vectors == 2)
      run_panel(2, pass->chain, rows, slot, &spread);
    else
      run_panel(1, pass->chain, rows, slot, &spread);
    column += vectors * IL_VL;
  }
}

static void run(const il_problem *problem, const void *table, const void *const *in,
                void *const *out, void *scratch) {
  const il_tile_program *p = problem->tile;
  il_pass pass = {.program = p, .chain = table, .in = in, .out = out, .own = scratch};
  for (int k = 0; k < p->operands; k++) pass.constant[k] = (float)p->constant[k];
  for (int k = 0; k < p->results; k++)
    if (p->result[k].sum) memset(out[k], 0, (size_t)p->width * sizeof(float));
  if (!is_flat(p)) {
    run_rows(&pass, 0, p->rows, p->width);
    return;
  }
  const int64_t count = p->rows * p->width, left = count % (PANEL * IL_VL);
  run_rows(&pass, 0, count / (PANEL * IL_VL), PANEL * IL_VL);
  run_rows(&pass, count - left, 1, left);
}

static const char *refuses(const il_problem *problem) {
  const il_tile_program *p = problem->tile;
  for (int i = 0; i < p->codes; i++)
    if (kind_of(p->code[i].op) < 0) return "takes add, sub, mul, div, neg, relu and step only";
  if ((is_flat(p) ? p->rows * p->width : p->width) % IL_VL) return "takes whole vectors only";
  return NULL;
}
static size_t table_size(const il_problem *problem) {
  (void)problem;
  return sizeof(il_chain);
}
static size_t scratch(const il_problem *problem) {
  return (size_t)problem->tile->registers * BLOCK * IL_VL * sizeof(float);
}

const il_kernel il_kernel_tile_chain = {
    .name = "tile/chain",
    .op = IL_OP_NONE,
    .type = IL_FLOAT32,
    .isa = IL_KERNEL_ISA,
    .bit_class = "fma",
    .refuses = refuses,
    .table = table_size,
    .prepare = prepare,
    .scratch = scratch,
    .run = run,
};
