/* Kernels: HOW, fast. They know pointers, shapes and op/, never the graph. All single-threaded.
 *
 * Rows of kernels.def, best first for each operation; the selector takes the first that does not refuse.
 * Where none is, the plan runs the operation's reference loop. Every row must give the same BYTES as the
 * reference loop in float32 (order of sums and fused multiply-adds as stated there):
 *   matmul           acc = 0; k ascending: acc = fma(a, b, acc)
 *   conv2d           acc = 0; taps (kh, kw) ascending, channels ascending: fma(x, w, acc); taps outside the
 *                    image skipped
 *   conv2d_transpose the same for each pixel of the result: taps ascending, channels of y ascending
 *   conv2d_weight    acc = 0; n, oh, ow ascending (pixels whose tap lies outside skipped): fma(x, y, acc)
 *   sum              view the operand as collapsed dimensions. Last axis kept: acc = 0, reduced indexes
 *                    ascending, acc += x. Last axis reduced: 16 accumulators, element i of the last
 *                    (collapsed) reduced run goes to lane i % 16, over all outer reduced indexes
 *                    ascending; then lanes are added pairwise: l += l+8, l+4, l+2, l+1
 *   task_product     acc = 0; tasks, pairs, rows ascending: acc = fma(a, b, acc); acc / tasks
 *   max, argmax      exact; ties: the first; NaN is larger than any number (of several in a window: the last)
 *   average_pool     acc = 0; taps ascending: acc += x; result acc · (1 / (kh·kw)) rounded once
 * Rows of the bit class "winograd" (winograd.c) compute other products and equal the reference loop but for rounding;
 * among themselves they are equal on every instruction set. */
#ifndef IL_KERNELS_KERNEL_H
#define IL_KERNELS_KERNEL_H

#include "base/arena.h"
#include "base/fused.h"
#include "op/op.h"

typedef struct il_matmul_geometry {
  int64_t batch, m, n, k;
  bool transpose_a, transpose_b;
  double
      scale; /* not 0: c + scale·(a·b), each rounded, of a third operand c; rows for lanes alone take it */
} il_matmul_geometry;

/* Reduction over collapsed dimensions: dim[i] alternates freely; bit i of reduced: axis i is summed. */
typedef struct il_reduce_geometry {
  int rank;
  int64_t dim[IL_MAX_RANK];
  uint32_t reduced;
} il_reduce_geometry;

/* Strided copy: y[i0,i1,…] = x[offset + Σ i·stride]; covers broadcast (stride 0), transpose, slice. */
typedef struct il_move_geometry {
  int rank;
  int64_t dim[IL_MAX_RANK];
  int64_t stride[IL_MAX_RANK]; /* of x, in elements */
  int64_t offset;
} il_move_geometry;

/* gather / scatter_add: a [rows, width], index [count]. */
typedef struct il_gather_geometry {
  int64_t rows, width, count;
} il_gather_geometry;

/* task_product of one task: sums of rows[pair] outer products each. */
typedef struct il_product_geometry {
  int64_t m, n;
  int32_t pairs, rows[IL_TASK_PRODUCT_PAIRS];
} il_product_geometry;
/* What is known only when it runs, given as the table; NULL: one task, the whole result. */
typedef struct il_product_span {
  int64_t tasks, first, last;                /* of the result: rows [first, last) */
  int64_t stride[2 * IL_TASK_PRODUCT_PAIRS]; /* elements from a task's operand to the next task's */
} il_product_span;

/* One instruction of an elementwise program over a tile of `rows`×`width` elements.
 * Registers are tile buffers in scratch, so an operation is one plain loop over the tile. */
typedef enum il_tile_mode {
  IL_TILE_FULL = 0, /* operand [rows, width] */
  IL_TILE_CHANNEL,  /* operand [width], the same for all rows */
  IL_TILE_ROW,      /* operand [rows], the same for the width */
  IL_TILE_SCALAR,   /* operand [1] */
  IL_TILE_SPREAD, /* operand of pooled pixels, each put at the tap that the next operand says, 0 elsewhere */
  IL_TILE_TAP, /* the taps of the operand before, one byte each; no register of their own is read */
} il_tile_mode;
enum {
  IL_TILE_MAX_CODE = 64,
  IL_TILE_MAX_OPERANDS = 24,
  IL_TILE_MAX_SUMS = 16,
  IL_TILE_MAX_RESULTS = IL_TILE_MAX_CODE + IL_TILE_MAX_SUMS
};
typedef struct il_tile_code {
  uint16_t op;     /* an elementwise il_op */
  uint16_t result; /* register */
  uint16_t arg[3]; /* registers */
} il_tile_code;
/* Registers 0..operands-1 are the operands; code results take further registers (reused by liveness).
 * A FULL operand's register is read in place from memory, a result that leaves is written in place. */
typedef struct il_tile_program {
  int64_t rows, width; /* iteration space; width: the collapsed trailing dimension */
  int operands, codes, results, registers;
  il_tile_mode mode[IL_TILE_MAX_OPERANDS];
  il_pool_geometry window; /* of operands that are spread; then rows: pixels, width: channels */
  double constant[IL_TILE_MAX_OPERANDS];  /* value of an operand that is_constant (mode SCALAR) */
  bool is_constant[IL_TILE_MAX_OPERANDS]; /* then no pointer is read */
  il_tile_code code[IL_TILE_MAX_CODE];
  struct {
    uint16_t reg;
    bool
        sum; /* false: the full [rows, width] value is stored; true: its sum over rows, [width], in the
                 order of `sum` (rows ascending, one accumulator per column) */
  } result[IL_TILE_MAX_RESULTS];
} il_tile_program;

typedef struct il_problem {
  il_op op; /* for tile programs: IL_OP_NONE */
  il_type type;
  bool direct;     /* of a convolution: Winograd's rows do not take it */
  bool lanes;      /* tasks in lanes (kernels/lanes.h): only rows for lanes take it */
  uint64_t shared; /* with lanes: bit i: operand i is the same for all tasks and has none */
  union {
    il_matmul_geometry matmul;
    il_conv_geometry conv;
    il_reduce_geometry reduce; /* sum, max */
    il_move_geometry move; /* broadcast, transpose, slice; element size by type (also i32, u8) */
    il_gather_geometry gather;
    il_pool_geometry pool;
    il_product_geometry product;
    const il_tile_program *tile;
  };
} il_problem;

typedef struct il_kernel {
  const char *name; /* "conv2d/rows" */
  il_op op;
  il_type type;
  const char *isa; /* IL_KERNEL_ISA: what the row is compiled for */
  const char *
      bit_class; /* "fma": equal to the reference loop in every bit; rows that sum products: IL_KERNEL_BITS, or
                    "winograd" with IL_KERNEL_BITS of that kind */
  bool lanes; /* takes tasks in lanes, and nothing else */
  /* Why the row cannot take the problem, as a predicate about the row ("takes one group only");
   * gives NULL when it can. NULL instead of a function: takes every problem of op and type. */
  const char *(*refuses)(const il_problem *problem);
  size_t (*table)(const il_problem *problem); /* bytes prepared once at plan time; NULL: 0 */
  void (*prepare)(const il_problem *problem, void *table);
  size_t (*scratch)(const il_problem *problem); /* bytes granted at each run; NULL: 0 */
  /* in/out: dense operands, 64-byte aligned when they come from the plan's arena, at least
   * element-aligned otherwise; out never overlaps in, but for a result of a tile program that lies exactly
   * where a FULL operand lies which no code reads after it. */
  void (*run)(const il_problem *problem, const void *table, const void *const *in, void *const *out,
              void *scratch);
} il_kernel;

/* v2 of x86-64 has no fused multiply-add: there, rows that sum products round twice and are "no-fma". The portable set
 * computes them, where there is no instruction. */
#if IL_FUSED || defined IL_PORTABLE
#define IL_KERNEL_BITS "fma"
#else
#define IL_KERNEL_BITS "no-fma"
#endif

/* All rows for one instruction set. The files of this folder are compiled once for each, with names of their own, but
 * for those that cmake/kernels.cmake lists as shared. */
typedef struct il_kernel_set {
  const char *isa;       /* "v2", "v3", "v4" (levels of x86-64), "aarch64", "portable" */
  const char *bit_class; /* that of its rows which sum products */
  const il_kernel *const *row;
  int rows;
  double (*burst)(int64_t rounds, float *sink); /* il_peak_burst */
} il_kernel_set;

/* The sets of this build, best first: sets[0..count). The CPU need not run them (base/cpu.h). */
const il_kernel_set *const *il_kernel_sets(int *count);
/* The set of that name; of NULL, that of il_isa_set_default, else the best that runs here.
 * NULL after an error: unknown, or not for this CPU. */
const il_kernel_set *il_kernel_set_choose(il_context *context, const char *isa);

/* What the row's refuses says; NULL: the row takes the problem (of its op and type). */
const char *il_kernel_refusal(const il_kernel *kernel, const il_problem *problem);
/* The first row that takes the problem; NULL: none, use the reference loop. */
const il_kernel *il_kernel_select(const il_kernel_set *set, const il_problem *problem);
/* One line that names a problem, as the printed plan shows it: "conv n25 h14 w14 c64 k64 f3x3 s2,2 p1,1".
 * The grammar stands at the head of problem.c. Longer text is cut at size; IL_PROBLEM_TEXT is enough. */
enum { IL_PROBLEM_TEXT = 8192 };
void il_problem_text(const il_problem *problem, char *text, size_t size);
/* Its exact inverse; of a line of a printed plan, what follows the last '|' is read. A tile program lives in
 * the arena. IL_ERROR_CONFIG with a sentence that names the word. */
il_status il_problem_parse(il_context *context, const char *line, il_arena *arena,
                           il_problem *problem);

/* Multiply-adds in registers, for the machine's peak (peak.c); gives their FLOPs. sink receives a number. */
double il_peak_burst(int64_t rounds, float *sink);

/* In-place helper of the run loop: y[i] += x[i], count elements; and y[i] *= or /= . float or double. */
void il_kernel_accumulate(il_type type, int64_t count, void *y, const void *x);
void il_kernel_divide(il_type type, int64_t count, void *y, double divisor);

#endif
